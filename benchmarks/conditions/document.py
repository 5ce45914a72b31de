"""The part of `docs/benchmarks.md` on what models answer to conditions, made from benchmarks/conditions/results."""

import json
from collections.abc import Iterator
from typing import Any

from benchmarks.conditions import answers
from benchmarks.conditions.kept import RESULTS
from benchmarks.markdown import table

NUM_EMOJI = 8
LANGUAGES = {"en": "English", "zh": "Chinese"}
SHOWN_COUPLETS = (("poets", "first"), ("with z", "first"), ("with z", "drawn"), ("twin", "first"))


def sections() -> Iterator[str]:
    """Yield the sections of what was measured."""
    several = {
        "captions": _captions,
        "emoji": _emoji,
        "labels": answers.labels,
        "dialogue": answers.dialogue,
    }
    for name, show in several.items():
        if found := [json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob(f"{name}-*.json"))]:
            yield show(found)
    for name, show in (("persons", _persons), ("couplets", _couplets)):
        if (path := RESULTS / f"{name}.json").exists():
            yield show(json.loads(path.read_text("utf-8")))


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
            f"{found['seconds'] / 60:.0f} minutes on a core. New poets are fitted to {found['num_new_texts']} poems each with the model frozen. An independent judge names the author among",
            "twenty; chance is .05. The guidance is chosen with another seed.",
            "",
            table(heads, cells),
            "",
            "Rates by guidance, with the seed that chose: "
            + "; ".join(f"{part} {_by_guidance(found[part])}" for part in ("known", "new"))
            + ". At 6 poems are surer of their poet than real ones, and some lose their form.",
            "",
        ]
    )


def _by_guidance(part: dict[str, Any]) -> str:
    return ", ".join(f"{float(weight):g}: {rate:.3f}" for weight, rate in part["tried"].items())


def _emoji(found: list[dict[str, Any]]) -> str:
    cells = [
        [example["emoji"], example["caption"], *_different(example["answers"])[:2]]
        for one in found
        for example in one["examples"][:: len(one["examples"]) // NUM_EMOJI][:NUM_EMOJI]
    ]
    figures = "; ".join(
        f"{LANGUAGES[one['language']]} {_with_interval(one['a_word_right'], one['interval'])}, shuffled {one['shuffled']:.3f}"
        for one in found
    )
    return "\n".join(
        [
            "## Captions of emoji",
            "",
            f"`python -m benchmarks.conditions.emoji en` and `zh`: pictures of 32 x 32 pixels, {found[0]['train']:,} of them to learn from, each with a caption",
            f"of its own; {found[0]['held_out']} held out. The share of those whose answer has a word (in Chinese a character) of the caption or of a tag,",
            f"beside the same answers shuffled: {figures}. Examples, evenly taken: the answer from the",
            "mean of p(z), and another from a z of its own.",
            "",
            table(("emoji", "its caption", "first answer", "another"), cells),
            "",
        ]
    )


def _different(answers: list[str]) -> list[str]:
    return [*dict.fromkeys(answers), ""]


def _couplets(found: dict[str, Any]) -> str:
    cells = [
        [
            f"{who}, {how}" if who != "poets" else "the poets",
            *(_rate(rates) for rates in lines["form"].values()),
        ]
        for who, several in found.items()
        for how, lines in several.items()
    ]
    shown = [
        [upper, *(found[who][how]["shown"][row][1] for who, how in SHOWN_COUPLETS)]
        for row, (upper, _) in enumerate(found["poets"]["first"]["shown"])
    ]
    heads = (
        "first line",
        *("the poet" if who == "poets" else f"{who}, {how}" for who, how in SHOWN_COUPLETS),
    )
    return "\n".join(
        [
            "## Couplets: the form of the second line",
            "",
            "`python -m benchmarks.conditions.couplets`, of the runs of the table of couplets: 1,000 test lines. First: from the mean of p(z), of the",
            "twin greedy; drawn: from a z of its own, of the twin at temperature .7. Opposed: every second character has the tone (level or oblique)",
            "opposite to that above it; level end: where the first line ends obliquely. Tones are those of today's Mandarin, which has lost the entering",
            "tone: even the poets' lines fall short.",
            "",
            table(("", "as long as the first line", "opposed", "level end"), cells),
            "",
            "The first ten:",
            "",
            table(heads, shown),
            "",
        ]
    )


def _rate(rates: dict[str, Any]) -> str:
    return _with_interval(rates["rate"], rates["interval"])


def _with_interval(value: float, interval: list[float]) -> str:
    return f"{value:.3f} ({interval[0]:.3f} – {interval[1]:.3f})"
