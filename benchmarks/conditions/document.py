"""The part of `docs/benchmarks.md` on captions and persons, made from benchmarks/conditions/results."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.markdown import table

RESULTS = Path(__file__).parent / "results"


def sections() -> Iterator[str]:
    """Yield the sections of what was measured."""
    captions = [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("captions-*.json"))]
    if captions:
        yield _captions(captions)
    if (path := RESULTS / "persons.json").exists():
        yield _persons(json.loads(path.read_text("utf-8")))


def _captions(found: list[dict[str, Any]]) -> str:
    cells = [
        [
            one["set"],
            f"{one['train']:,}",
            f"{one['test']:,}",
            _with_interval(one["right_word"], one["interval"]),
            f"{one['right_word_of_all_answers']:.3f}",
            f"{one['templates_of_ten_answers']:.1f} of 5",
            f"{one['cpu_seconds'] / 60:.0f}",
        ]
        for one in found
    ]
    heads = ("set", "train", "test", "right word", "of all ten answers", "templates", "CPU min")
    return "\n".join(
        [
            "## Captions of images and sounds",
            "",
            "`python -m benchmarks.conditions.captions fashion` (pictures of clothes, English) and `digits` (spoken digits, log-mel, Chinese): small",
            "captioners; each class is named by sentences of five templates. Right: a whole template with the right class; the first answer is of the",
            "mean of p(z), greedy. Templates: how many occur among ten answers of different z. The sets' own test rows.",
            "",
            table(heads, cells),
            "",
            "Fewest right: " + "; ".join(map(_hardest, found)) + ".",
            "",
        ]
    )


def _hardest(one: dict[str, Any]) -> str:
    word, rate = min(one["by_class"].items(), key=lambda item: item[1])
    return f"{one['set']}, {word} ({rate:.2f})"


def _persons(found: dict[str, Any]) -> str:
    cells = [
        [
            title,
            f"{part['rate_on_real']:.3f}",
            _with_interval(part["rate"], part["interval"]),
            f"{part['ratio']:.2f}",
            f"{part['mark']:.1f}",
            f"{part['guidance']:g}",
        ]
        for title, part in (("20 known poets", found["known"]), ("20 new poets", found["new"]))
    ]
    heads = ("", "judge on real poems", "on written ones", "ratio", "mark", "guidance")
    return "\n".join(
        [
            "## Persons: Chinese quatrains by poet",
            "",
            f"`python -m benchmarks.conditions.persons`: one model of {found['poets_trained_on']} poets with up to {found['poems_a_poet']} poems each, {found['epochs']} epochs,",
            f"{found['cpu_seconds'] / 60:.0f} CPU minutes. New poets are fitted to {found['num_new_texts']} poems each with the model frozen. An independent judge names the author among",
            "twenty; chance is .05. The guidance is chosen with another seed.",
            "",
            table(heads, cells),
            "",
        ]
    )


def _with_interval(value: float, interval: list[float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} – {interval[1]:.3f})"
