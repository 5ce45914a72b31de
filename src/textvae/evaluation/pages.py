"""The HTML reports: one evaluation, or several side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from textvae.codec import Codec
from textvae.config import GREEDY
from textvae.config.names import counted
from textvae.control.interpolation import path
from textvae.data.conditions import Conditions
from textvae.evaluation import html, plots
from textvae.evaluation.comparison import Comparison, Row
from textvae.evaluation.definitions import line, stated
from textvae.evaluation.numbers import interval, number
from textvae.evaluation.record import Evaluation, Part

SHOWN, STEPS = 12, 7
TEXTS = "{N:,} texts, K = {K}, {samples:,} prior samples, {pairs} pairs, seed {seed}"

PRIVATE = (
    "Originals are texts of the data that were measured. They are in this file because a report was asked for; "
    "the run folder holds none of them."
)


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Texts for a report."""

    originals: Sequence[str] = ()
    reconstructions: Sequence[str] = ()
    path: Sequence[str] = field(default_factory=tuple)
    """From the first original to the last."""
    answered: Sequence[tuple[str, str, str]] = ()
    """Source, main answer, first reference."""


def examples(
    codec: Codec, texts: Sequence[str], conditions: Conditions | None = None, num: int = SHOWN
) -> Examples:
    """Return texts, what comes back of them, and a path; nothing for a model without z."""
    rows = np.arange(0, len(texts), max(1, len(texts) // num))[:num]
    chosen, given = [texts[row] for row in rows], conditions and conditions.rows(rows)
    if not codec.model.config.has_latent or len(chosen) < 2:
        return Examples()
    z = codec.encode(chosen, conditions=given)
    latents = path(z[0], z[-1], steps=STEPS)
    first = given and given.rows(np.zeros(STEPS, np.int64))
    return Examples(
        originals=chosen,
        reconstructions=codec.decode(z, GREEDY, conditions=given),
        path=codec.decode(latents, GREEDY, conditions=first),
    )


def evaluation_page(found: Evaluation, shown: Examples, *, title: str, curves: bytes | None = None) -> str:
    """Return the report of one evaluation.

    Args:
        found: its numbers.
        shown: texts beside them.
        title: of the page.
        curves: a picture of the training, PNG.
    """
    units = f"Units of measures over texts: {found.settings['units']}."
    body = [
        html.paragraph(summary(found)),
        html.paragraph(units, dim=True),
        *(html.paragraph(note, dim=True) for note in notes(found)),
    ]
    for name, part in found.parts.items():
        if part.measures:
            body += [
                html.heading(name),
                _measures(found, [key for key in found.measures if key in part.measures]),
            ]
    body += _pictures(found, curves)
    for part in found.parts.values():
        if "samples" in part.details:
            body += [html.heading("Random texts"), html.texts(part.details["samples"][:SHOWN])]
    if shown.originals:
        pairs = zip(shown.originals, shown.reconstructions, strict=True)
        body += [
            html.heading("Originals and reconstructions"),
            html.paragraph(PRIVATE, dim=True),
            html.table(("original", "reconstruction from the posterior mean, greedy"), pairs),
            html.heading("From the first original to the last, through latent space"),
            html.texts(shown.path),
        ]
    if shown.answered:
        head = ("source", "first answer", "first reference")
        body += [
            html.heading("Sources, answers and references"),
            html.table(head, shown.answered[:SHOWN]),
        ]
    return html.page(title, body)


def comparison_page(found: Comparison, *, title: str) -> str:
    """Return the report of several evaluations."""
    names = list(found.evaluations)
    body = [html.paragraph(f"{name}: {summary(one)}") for name, one in found.evaluations.items()]
    rows = [_compared(row, names) for row in found.rows.values()]
    best = [
        (i, 1 + names.index(row.best))
        for i, row in enumerate(found.rows.values())
        if row.best and row.is_decided is not False
    ]
    numbers = range(1, 2 * len(names))
    head = ("measure", *names, *(f"{name} - {names[0]}" for name in names[1:]), "note")
    body += [
        html.paragraph(
            "Bold: better by the measure's definition, and not undone by the 95 % interval of the difference.",
            dim=True,
        ),
        html.table(head, rows, right=tuple(numbers), best=best),
        html.heading("Definitions"),
    ]
    first = next(iter(found.evaluations.values()))
    definitions = [
        line(row.definition, first.settings_of(key) if key in first.measures else {})
        for key, row in found.rows.items()
    ]
    return html.page(title, [*body, html.folded("what each number is", definitions)])


def summary(found: Evaluation) -> str:
    """Return what was measured, in a sentence."""
    if "K" not in found.settings:
        return _answers(**found.settings)
    asked = [_answered(**part.settings) for part in found.parts.values() if is_of_answers(part)]
    return "; ".join([TEXTS.format(**found.settings), *asked[:1]])


def _answers(*, N: int, M: int, R: int, fewest: int, seed: int, **others: object) -> str:  # noqa: N803 (symbols)
    several = counted(M, "answer") if fewest == M else f"{fewest:,} to {counted(M, 'answer')}"
    beside = f", {counted(R, 'reference')} each at most" if R else ""
    return f"{counted(N, 'source')}, {several} each{beside}, seed {seed}"


def _answered(*, N: int, M: int, **others: object) -> str:  # noqa: N803
    return f"answers to {counted(N, 'condition')}, {M} each"


def is_of_answers(part: Part) -> bool:
    """Say whether a part measured answers to conditions, not the model on texts."""
    return {"N", "M", "R"} <= part.settings.keys()


def notes(found: Evaluation) -> list[str]:
    """Return what the reader of the numbers should know."""
    cut = (
        [f"texts longer than the model's limit, scored up to it: {found.num_cut:,}"] if found.num_cut else []
    )
    return [*cut, *found.notes]


def _measures(found: Evaluation, keys: Sequence[str]) -> str:
    rows = []
    for key in keys:
        definition = found.definition(key)
        settings = stated(definition, found.settings_of(key))
        rows.append(
            (
                definition.name,
                number(found.measures[key]),
                interval(found.intervals.get(key)),
                definition.unit,
                settings,
            )
        )
    lines = [line(found.definition(key), found.settings_of(key)) for key in keys]
    head = ("measure", "value", "95 % interval", "unit", "with")
    return html.table(head, rows, right=(1, 2)) + html.folded("definitions", lines)


def _pictures(found: Evaluation, curves: bytes | None) -> list[str]:
    details = {key: value for part in found.parts.values() for key, value in part.details.items()}
    body = []
    if "dimension_rates" in details:
        caption = "Mean rate of each latent dimension under N(0, I): unused ones carry nothing."
        body.append(html.picture(plots.dimension_rates(details["dimension_rates"]), caption))
    if "tokens" in details and "distortion" in found.tallies:
        nats = found.tallies["distortion"].columns[:, 0].tolist()
        caption = "Distortion of each text against its length."
        body.append(html.picture(plots.distortions(details["tokens"], nats), caption))
    if curves:
        body.append(html.picture(curves, "Training."))
    return [html.heading("Pictures"), *body] if body else []


def _compared(row: Row, names: Sequence[str]) -> tuple[str, ...]:
    values = (number(value) if (value := row.values[name]) is not None else "–" for name in names)
    differences = []
    for name in names[1:]:
        one = row.differences.get(name)
        differences.append(f"{one.value:+,.4g}\n{interval(one.interval)}".rstrip() if one else "")
    note = f"not comparable: {row.obstacle}" if row.obstacle else ""
    return (row.definition.name, *values, *differences, note)
