"""From the condition columns of a corpus to stores with conditions, and to the shapes that a model needs."""

import dataclasses

from textvae.config import ModelConfig
from textvae.config.conditions import label_columns
from textvae.config.data import DataConfig
from textvae.data.conditions import ConditionSchema
from textvae.data.examples import (
    Cells,
    examples,
    fit_schema,
    known_rows,
    left_out,
    read_cells,
    unknown_left_out,
)
from textvae.data.labels import as_label
from textvae.data.splits import Splits, few_texts_warning
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConfigError


def conditional_stores(
    splits: Splits, config: DataConfig, tokenizer: Tokenizer, schema: ConditionSchema | None = None
) -> tuple[TokenStore, TokenStore, ConditionSchema, tuple[str, ...]]:
    """Read the training and the held-out texts with their conditions; held-out ones with unknown labels are left out.

    Args:
        splits: opened with the columns of `config`.
        config: which columns are what.
        tokenizer: of the texts.
        schema: known already; None: learned from the training texts.

    Returns:
        Both stores, what the conditions are, and sentences for the user.

    Raises:
        ConditionError: held-out texts have other features, or none has a label that a training text has.
        DataError: a condition column that is empty or holds something else than its kind says.
    """
    trained = read_cells(splits.train, config.columns)
    known = schema or fit_schema(trained, config, tokenizer)
    held_out, num_unknown = known_rows(read_cells(splits.valid, config.columns), known)
    warnings = (*_warnings(trained, known, tokenizer), *unknown_left_out(num_unknown))
    return examples(trained, known, tokenizer), examples(held_out, known, tokenizer), known, warnings


def inherited_schema(
    theirs: ConditionSchema | None, data: DataConfig, name: str
) -> tuple[ConditionSchema | None, DataConfig]:
    """Return what a run answers to that begins from the weights of another, and its settings with the labels in that run's order.

    Its conditions are those of the other run, read from columns of its own: labels belong together by name.

    Args:
        theirs: what the other run takes; None: nothing.
        data: of the run that begins.
        name: of the other run.

    Raises:
        ConfigError: it would answer to something else.
    """
    labels = {column.name: column for column in label_columns(data.labels)}
    asked = (
        {label: column.kind for label, column in labels.items()},
        data.columns.has_source,
        data.feature is not None,
    )
    if theirs is None:
        if any(asked):
            raise ConfigError(
                f"{name} takes no condition, and its weights have no place for one; train without --init-from"
            )
        return None, data
    has_source, has_features = bool(theirs.source_max_length), theirs.features is not None
    if asked != ({label.name: label.kind for label in theirs.labels}, has_source, has_features):
        raise ConfigError(
            f"{name} answers to something else: {theirs.described()}; give the same conditions, a label under its name there "
            "and of its kind, as --label mood=COLUMN or stars=COLUMN:ordinal"
        )
    if not theirs.labels:
        return dataclasses.replace(theirs, columns=data.columns), data
    ordered = (labels[label.name] for label in theirs.labels)
    written = ",".join(f"{column.name}={column.column}:{column.kind}" for column in ordered)
    data = dataclasses.replace(data, labels=written)
    return dataclasses.replace(theirs, columns=data.columns), data


def with_condition(model: ModelConfig, schema: ConditionSchema, tokenizer: Tokenizer) -> ModelConfig:
    """Return settings of a model with the shapes that a condition needs."""
    features, source = schema.features, schema.source_tokenizer or tokenizer
    return dataclasses.replace(
        model,
        label_codes=schema.num_codes,
        feature_dim=features.width if features else 0,
        feature_length=features.num_vectors if features and features.is_sequence else 0,
        source_vocab_size=source.vocab_size if schema.source_max_length else 0,
        source_max_length=schema.source_max_length,
        source_shared=bool(schema.source_max_length) and schema.source_tokenizer is None,
    )


def _warnings(cells: Cells, schema: ConditionSchema, tokenizer: Tokenizer) -> list[str]:
    said = [sentence for label in schema.labels for sentence in label.warnings()]
    said += left_out(cells, schema.columns)
    said += few_texts_warning(len(cells.texts))
    for label, column in zip(schema.labels, cells.labels, strict=True):
        if num_missing := sum(as_label(cell) is None for cell in column):
            said.append(
                f"{num_missing:,} of {len(cells.texts):,} texts have no {label.name!r} and are trained on without it"
            )
    if cells.sources is not None and (cut := schema.num_cut([str(s) for s in cells.sources], tokenizer)):
        said.append(
            f"{cut:,} source texts are longer than {schema.source_max_length} tokens and lose their ends; "
            "data.source_max_length sets the limit"
        )
    return said
