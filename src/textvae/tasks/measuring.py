"""A conditional model answers to held-out conditions, and its answers are measured."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.config.fields import check_count
from textvae.data.conditions import FEATURE, Conditions, ConditionSchema
from textvae.data.derived import unmarked
from textvae.data.examples import known_rows, read_cells, reading_options, values_of
from textvae.data.labels import as_label
from textvae.data.sources import corpus_from
from textvae.data.streams import ReadOptions
from textvae.decoding.noise import derived_seed
from textvae.errors import ConditionError, DataError
from textvae.evaluation.plan import Tell
from textvae.evaluation.record import Evaluation
from textvae.evaluation.tasks.checking import checked_task
from textvae.evaluation.tasks.report import evaluate_task
from textvae.tasks.answers import first_answers
from textvae.tasks.latents import several_latents
from textvae.tasks.omissions import Wanted

LABELLED_TEXTS = 1000
"""Texts that a model of labels alone is asked for, at most."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """N conditions, and how people answered to each.

    Attributes:
        conditions: as the model takes them.
        references: one text or more each.
        sources: their source texts; None: they have none.
        labels: their labels, of several columns joined by commas, None where one is missing; None: they have none.
    """

    conditions: Conditions
    references: list[list[str]]
    sources: list[str] | None
    labels: list[str | None] | None

    def drawn(self, num: int, seed: int) -> "Asked":
        """Return `num` of the conditions drawn at random, in their order; all where there are no more."""
        rows = np.sort(np.random.default_rng(seed).permutation(len(self.references))[:num])
        return Asked(
            conditions=self.conditions.rows(rows),
            references=[self.references[row] for row in rows],
            sources=None if self.sources is None else [self.sources[row] for row in rows],
            labels=None if self.labels is None else [self.labels[row] for row in rows],
        )


def asked(codec: Codec, data: Any, *, limit: int | None = None, apart: bool = False) -> Asked:
    """Read conditions with their texts; rows of equal source and labels are one condition with several references.

    Args:
        codec: a conditional model.
        data: as for `open_corpus`; a `Corpus` was opened with `reading_options`.
        limit: the first so many rows; None: all.
        apart: equal rows too are conditions of their own, and rows that miss a label are left out.

    Raises:
        ConditionError: a model without conditions, or conditions that it does not know.
        DataError: columns that are not there, or no row with all labels.
    """
    if codec.schema is None:
        raise ConditionError("this model answers to nothing; train one with --source, --label or --feature")
    schema = codec.schema
    reading = ReadOptions(**reading_options(schema.columns))
    cells, _ = known_rows(read_cells(corpus_from(data, reading), schema.columns), schema)
    values = values_of(cells.rows(np.arange(len(cells.texts))[:limit]), schema)
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row in range(len(cells.texts[:limit])):
        if apart and any(as_label(column[row]) is None for column in cells.labels):
            continue
        alone = (row,) if apart or FEATURE in values else ()
        same = tuple(str(values[name][row]) for name in values if name != FEATURE)
        groups.setdefault(same + alone, []).append(row)
    if not groups:
        raise DataError(
            f"no text has all labels ({', '.join(label.name for label in schema.labels)}) to answer to"
        )
    firsts = np.array([members[0] for members in groups.values()])
    chosen = cells.rows(firsts)
    labels = [_joined(cells) for cells in zip(*chosen.labels, strict=True)]
    return Asked(
        conditions=schema.encode(values_of(chosen, schema), codec.tokenizer),
        references=[[cells.texts[row] for row in members] for members in groups.values()],
        sources=None
        if chosen.sources is None
        else [_words_of(source or "", schema) for source in chosen.sources],
        labels=labels if schema.labels else None,
    )


def answer_all(
    codec: Codec,
    conditions: Conditions,
    num_answers: int,
    *,
    sources: Sequence[str] | None = None,
    decoding: DecodingConfig | None = None,
    seed: int = 0,
) -> list[list[str]]:
    """Return M answers to each of N conditions: the first as `first_answers` finds it, the others from z ~ p(z|c).

    The first is decoded as the codec decodes, at temperature 0.

    Args:
        codec: a conditional model.
        conditions: N of them.
        num_answers: M.
        sources: their source texts, of which a first answer is to leave no slot out; None: as there are none.
        decoding: of all but the first; None: the codec's own.
        seed: of z and tokens.

    Raises:
        ConfigError: M is below 1.
    """
    check_count("num_answers", num_answers, 1)
    with codec.work.part("answering", num_answers * len(conditions)):
        own = codec.decoding
        first = dataclasses.replace(own, temperature=0.0, candidates=1)
        rounds = [first_answers(codec, conditions, first, Wanted.of(sources), seed=seed)]
        spread = (own if decoding is None else decoding).prior_temperature
        latents = several_latents(codec, conditions, num_answers - 1, spread, seed=seed)
        for number, z in enumerate(latents.unbind(1), 1):
            found = codec.decode(z, decoding, seed=derived_seed(seed, number), conditions=conditions)
            rounds.append(list(map(codec.tokenizer.said, found)))
    return [list(several) for several in zip(*rounds, strict=True)]


def draw_all(
    codec: Codec, conditions: Conditions, *, decoding: DecodingConfig | None = None, seed: int = 0
) -> list[str]:
    """Return one text for each of N conditions, from z ~ p(z|c).

    Args:
        codec: a conditional model.
        conditions: N of them.
        decoding: None: the codec's own.
        seed: of z and tokens.
    """
    with codec.work.part("answering", len(conditions)):
        z = codec.prior_sample(len(conditions), seed=seed, conditions=conditions)
        found = codec.decode(z, decoding, seed=seed, conditions=conditions)
    return list(map(codec.tokenizer.said, found))


def measure_answers(
    codec: Codec,
    data: Any,
    *,
    num_answers: int = 10,
    decoding: DecodingConfig | None = None,
    training: Any = None,
    judge: Codec | None = None,
    chinese_words: bool = False,
    limit: int | None = None,
    tell: Tell | None = None,
    seed: int = 0,
) -> Evaluation:
    """Answer to the conditions of held-out texts, and measure the answers; see `evaluate_answers`.

    Labels alone are too few to be sources, and any text of a label answers to it: one text is drawn for the labels of each
    held-out text, of `LABELLED_TEXTS` at most, so that labels come as often as in real texts. What the answers share
    with held-out texts then means nothing and is left out; of these, the measures of references are.

    Args:
        codec: a conditional model.
        data: held-out texts with their conditions, as for `asked`.
        num_answers: M; of a model of labels alone 1 in any case.
        decoding: see `answer_all`.
        training: training texts with their conditions: copies, novelty, and a judge of labels; None: left out.
        judge: a language model, see `evaluate_answers`.
        chinese_words: count Chinese in words (rjieba), not characters.
        limit: the first so many rows of `data`.
        tell: hears a line at each stage.
        seed: of z, tokens and what is drawn in measuring.

    Raises:
        ConfigError, ConditionError, DataError: see `asked`, `answer_all` and `evaluate_answers`.
    """
    alone = codec.schema is not None and _is_of_labels_alone(codec.schema)
    wanted = asked(codec, data, limit=limit, apart=alone)
    if alone:
        wanted = wanted.drawn(LABELLED_TEXTS, seed)
        answers = [[text] for text in draw_all(codec, wanted.conditions, decoding=decoding, seed=seed)]
    else:
        answers = answer_all(
            codec, wanted.conditions, num_answers, sources=wanted.sources, decoding=decoding, seed=seed
        )
    known = None if training is None else asked(codec, training)
    task = checked_task(
        answers,
        wanted.references,
        parallel=not alone,
        sources=wanted.sources,
        labels=wanted.labels,
        training=None if known is None else [text for texts in known.references for text in texts],
        training_labels=None if known is None or known.labels is None else _spread(known),
        judge=judge,
        chinese_words=chinese_words,
        seed=seed,
    )
    return evaluate_task(task, tell)


def _is_of_labels_alone(schema: ConditionSchema) -> bool:
    return not schema.source_max_length and schema.features is None


def _words_of(source: str, schema: ConditionSchema) -> str:
    """Return a source without the marks that training made it with."""
    return unmarked(source) if schema.columns.pairs == "dialogue" else source


def _joined(cells: Iterable[Any]) -> str | None:
    words = [as_label(cell) for cell in cells]
    return None if None in words else ", ".join(map(str, words))


def _spread(known: Asked) -> Sequence[str | None]:
    """Return the label of each training text."""
    assert known.labels is not None
    return [label for label, texts in zip(known.labels, known.references, strict=True) for _ in texts]
