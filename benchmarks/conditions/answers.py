"""The part of `docs/benchmarks.md` on texts by label and on replies, made from benchmarks/conditions/results."""

from collections.abc import Iterable
from typing import Any

from benchmarks.markdown import table

LANGUAGES = {"en": "English (DailyDialog, MELD)", "zh": "Chinese (STC, LCCC)"}
CORPORA = {"zh": "Chinese reviews, ten kinds x two sentiments", "yelp": "Yelp, two sentiments"}
MEASURES = {"BLEU recall": 1, "distinct-2": 3, "PPL": 1, "coherence": 3}


def labels(found: list[dict[str, Any]]) -> str:
    """Return the section on texts that are written to labels."""
    cells = [
        [
            CORPORA[one["corpus"]],
            f"{one['accuracy_on_real']:.3f}",
            f"{one['accuracy']:.3f} ({one['interval'][0]:.3f} – {one['interval'][1]:.3f})",
            f"{one['ratio']:.2f}",
            f"{one['self_bleu_of_real']:.1f}",
            f"{one['self_bleu']:.1f}",
            f"{one['guidance']:g}",
            f"{one['temperature']:g}",
        ]
        for one in found
    ]
    heads = (
        "",
        "judge on real texts",
        "on written ones",
        "ratio",
        "self-BLEU of real texts",
        "of written ones",
        "guidance",
        "temperature",
    )
    shown = [[label, text] for one in found for label, text in one["shown"][:5]]
    return "\n".join(
        [
            "## Texts by their labels",
            "",
            "`python -m benchmarks.conditions.labels zh` (or `yelp`), of the runs of the tables of labels: a text for the labels of each of 1,000 test",
            "texts. The mark is a ratio of .97 and a self-BLEU of at most 1.1 times that of real texts; guidance and temperature are chosen on",
            "validation texts.",
            "",
            table(heads, cells),
            "",
            "Accuracy and self-BLEU (beside that of real texts) on validation texts: "
            + "; ".join(_tried(one) for one in found)
            + ".",
            "",
            table(("labels", "written"), shown),
            "",
        ]
    )


def _tried(one: dict[str, Any]) -> str:
    rows = (
        f"guidance {row['guidance']:g}, T {row['temperature']:g}: {row['accuracy']:.2f}, {row['alike']:.2f} x"
        for row in one["tried"]
    )
    return f"{CORPORA[one['corpus']]}: {', '.join(rows)}"


def dialogue(found: list[dict[str, Any]]) -> str:
    """Return the section on ten replies each."""
    cells = [
        [
            f"{LANGUAGES[one['language']]}, {who}",
            *(_cell(one[who], name, digits) for name, digits in MEASURES.items()),
            *(f"{one[who][how]:g}" if how in one[who] else "–" for how in ("temperature", "spread")),
        ]
        for one in found
        for who in ("with z", "twin", "people")
    ]
    shown = [
        [*first_two(ours), *first_two(theirs)]
        for one in found
        for ours, theirs in zip(one["with z"]["shown"], one["twin"]["shown"], strict=True)
    ]
    return "\n".join(
        [
            "## Replies: ten to each dialogue",
            "",
            "`python -m benchmarks.conditions.dialogue en` (or `zh`), of the runs of the tables of dialogue: 1,000 test dialogues, ten replies each, at the",
            "temperature, and of the model with z the spread of its z (`decoding.prior_temperature`), of the largest BLEU recall on validation dialogues.",
            "BLEU recall: the best of ten against what people replied; the others are of all",
            "10,000 replies (of people 1,000, so that their distinct-2 is larger by that alone): PPL under a language model of the training replies;",
            "coherence: the share that fits its dialogue better than another's reply does.",
            "",
            table(("", *MEASURES, "temperature", "spread of z"), cells),
            "",
            "First replies to the same dialogues, and others:",
            "",
            table(("first with z", "another", "the twin's first", "another"), shown),
            "",
        ]
    )


def _cell(measures: dict[str, Any], name: str, digits: int) -> str:
    found = measures.get(name)
    return "–" if found is None else f"{found['value']:.{digits}f}"


def first_two(replies: Iterable[str]) -> list[str]:
    """Return the first two different replies."""
    return [*dict.fromkeys(replies), ""][:2]
