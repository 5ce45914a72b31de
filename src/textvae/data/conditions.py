"""Conditions of a model: what they are called and how they are read, and their numbers, a row a text."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from textvae.config.conditions import FEATURE, SOURCE, Columns, label_columns
from textvae.data.features import Features, gathered
from textvae.data.labels import Label, shown
from textvae.data.normalization import set_apart
from textvae.data.tokenizers import Tokenizer
from textvae.errors import ConditionError, DataError


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The conditions of N texts; what a model does not take is None.

    Attributes:
        codes: of labels, (N, L) int64; see `Label`.
        weights: of the codes, (N, L) float32; 0: missing.
        sources: token ids of the source texts, without specials, one array a row; an empty one is missing.
        features: (N, F) or (N, S, F) float32.
        vectors: embeddings of persons, (N, C) float32, added to what is embedded of the rest.
        profiles: Gaussians over z that take the place of p(z), (N, 2, D) float64: means and standard deviations.
    """

    codes: np.ndarray | None = None
    weights: np.ndarray | None = None
    sources: tuple[np.ndarray, ...] | None = None
    features: np.ndarray | None = None
    vectors: np.ndarray | None = None
    profiles: np.ndarray | None = None

    def __len__(self) -> int:
        parts = (self.codes, self.sources, self.features, self.profiles)
        return next(len(part) for part in parts if part is not None)

    @property
    def is_empty(self) -> bool:
        """Whether at most a profile is there, of which the model itself knows nothing."""
        return all(part is None for part in (self.codes, self.sources, self.features))

    def rows(self, indices: np.ndarray) -> Self:
        """Return the conditions of some rows, in that order; a row may come more than once."""
        return dataclasses.replace(
            self,
            codes=None if self.codes is None else self.codes[indices],
            weights=None if self.weights is None else self.weights[indices],
            sources=None if self.sources is None else tuple(self.sources[row] for row in indices),
            features=None if self.features is None else self.features[indices],
            vectors=None if self.vectors is None else self.vectors[indices],
            profiles=None if self.profiles is None else self.profiles[indices],
        )

    @property
    def digest(self) -> str:
        """Tells them from others: 16 hexadecimal digits of SHA-256."""
        hashed = hashlib.sha256()
        arrays = (self.codes, self.weights, self.features, self.vectors, self.profiles)
        for part in (*arrays, *(self.sources or ())):
            content = b"" if part is None else np.ascontiguousarray(part).tobytes()
            hashed.update(len(content).to_bytes(8, "little") + content)
        return hashed.hexdigest()[:16]

    @property
    def source_lengths(self) -> np.ndarray:
        """Tokens of each source text, (N,); zeros where there are no sources."""
        if self.sources is None:
            return np.zeros(len(self), np.int64)
        return np.fromiter(map(len, self.sources), np.int64, len(self.sources))


@dataclass(frozen=True, kw_only=True)
class ConditionSchema:
    """What conditions a model takes: learned from the training texts, saved with the model.

    Attributes:
        labels: label columns, in the order of their codes.
        source_max_length: tokens of a source text at most; 0: no source text.
        source_tokenizer: of source texts; None: the texts' own, or no source text.
        source_apart: whether symbols of source texts are set apart from words first.
        features: None: no features.
        columns: where the training data had them.
    """

    labels: tuple[Label, ...] = ()
    source_max_length: int = 0
    source_tokenizer: Tokenizer | None = None
    source_apart: bool = False
    features: Features | None = None
    columns: Columns = dataclasses.field(default_factory=Columns)

    @property
    def names(self) -> tuple[str, ...]:
        """What conditions are called: labels by their columns' names, then source and feature."""
        others = ((SOURCE, bool(self.source_max_length)), (FEATURE, self.features is not None))
        return tuple(label.name for label in self.labels) + tuple(name for name, there in others if there)

    @property
    def num_codes(self) -> int:
        """Embeddings of all labels."""
        return sum(label.num_codes for label in self.labels)

    def label(self, name: str) -> Label:
        """Return a label column by name.

        Raises:
            ConditionError: there is none of that name.
        """
        found = next((label for label in self.labels if label.name == name), None)
        if found is None:
            raise ConditionError(f"this model has no label {name!r}; {self.described()}")
        return found

    def without(self, name: str) -> Self:
        """Return what is left without a label column, in the data too."""
        labels = tuple(label for label in self.labels if label.name != name)
        kept = [column for column in label_columns(self.columns.labels) if column.name != name]
        written = ",".join(f"{column.name}={column.column}:{column.kind}" for column in kept)
        columns = dataclasses.replace(self.columns, labels=written or None)
        return dataclasses.replace(self, labels=labels, columns=columns)

    def codes_of(self, name: str) -> slice:
        """Return which codes the values of a label have.

        Raises:
            ConditionError: there is none of that name.
        """
        label = self.label(name)
        first = sum(other.num_codes for other in self.labels[: self.labels.index(label)])
        return slice(first, first + label.num_codes)

    def described(self) -> str:
        """Return what the model takes, for messages and for `info`."""
        parts = [
            f"{label.name} ({', '.join(map(shown, label.values[:8]))}{', …' if len(label.values) > 8 else ''})"
            if label.values
            else f"{label.name} (a number)"
            for label in self.labels
        ]
        parts += ["a source text"] if self.source_max_length else []
        parts += [f"features of shape {self.features.shape}"] if self.features else []
        return f"it takes {', '.join(parts)}"

    def encode(self, values: Mapping[str, Sequence[Any]], tokenizer: Tokenizer) -> Conditions:
        """Turn values into numbers.

        Args:
            values: by name, N of each; a name that is left out is missing for all rows, None for one row.
            tokenizer: the texts' own.

        Raises:
            ConditionError: a name that the model does not take, none that it takes, unequal numbers, features missing
                or of another shape.
            UnknownLabelError: a label that no training text has.
        """
        given = {name: list(cells) for name, cells in values.items()}
        for name in given:
            if name not in self.names:
                raise ConditionError(f"this model takes no condition {name!r}; {self.described()}")
        sizes = {name: len(cells) for name, cells in given.items()}
        if len(set(sizes.values())) != 1:
            raise ConditionError(f"conditions are of unequal numbers ({sizes or 'none'}); {self.described()}")
        num = next(iter(sizes.values()))
        codes, weights = self._codes(given, num)
        return Conditions(
            codes=codes,
            weights=weights,
            sources=self._sources(given.get(SOURCE, [None] * num), tokenizer),
            features=self._features(given.get(FEATURE)),
        )

    def source_rows(self, sources: Sequence[str], tokenizer: Tokenizer) -> list[np.ndarray]:
        """Return the token ids of source texts, uncut; `tokenizer` is the texts' own."""
        read = [set_apart(source) for source in sources] if self.source_apart else list(sources)
        return (self.source_tokenizer or tokenizer).encode(read)

    def num_cut(self, sources: Sequence[str], tokenizer: Tokenizer) -> int:
        """Return how many source texts are longer than the limit, and so lose their ends."""
        rows = self.source_rows(sources, tokenizer)
        return sum(len(row) > self.source_max_length for row in rows)

    def _codes(self, given: Mapping[str, list[Any]], num: int) -> tuple[np.ndarray | None, np.ndarray | None]:
        if not self.labels:
            return None, None
        codes, weights, first = [], [], 0
        for label in self.labels:
            encoded = np.array([label.encode(cell) for cell in given.get(label.name, [None] * num)])
            encoded = encoded.reshape(num, label.width, 2)
            codes.append(encoded[:, :, 0].astype(np.int64) + first)
            weights.append(encoded[:, :, 1].astype(np.float32))
            first += label.num_codes
        return np.concatenate(codes, axis=1), np.concatenate(weights, axis=1)

    def _sources(self, texts: list[Any], tokenizer: Tokenizer) -> tuple[np.ndarray, ...] | None:
        if not self.source_max_length:
            return None
        wrong = next((text for text in texts if not isinstance(text, str | None)), None)
        if wrong is not None:
            raise ConditionError(
                f"a source is {str(wrong)[:40]!r}, a {type(wrong).__name__}; it must be a text"
            )
        rows = self.source_rows([text or "" for text in texts], tokenizer)
        return tuple(row[: self.source_max_length] for row in rows)

    def _features(self, cells: list[Any] | None) -> np.ndarray | None:
        if self.features is None:
            return None
        if cells is None:
            raise ConditionError(f"this model needs features; {self.described()}")
        return self.features.encode(gathered(cells, "the features"))

    def to_json(self) -> bytes:
        """Return the file that `from_json` reads; a tokenizer of its own is kept apart."""
        record = {
            "labels": [dataclasses.asdict(label) for label in self.labels],
            "source_max_length": self.source_max_length,
            "source_apart": self.source_apart,
            "columns": dataclasses.asdict(self.columns),
            "features": None if self.features is None else dataclasses.asdict(self.features),
        }
        return json.dumps(record, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")

    @classmethod
    def from_json(cls, content: bytes, source_tokenizer: Tokenizer | None = None) -> Self:
        """Undo `to_json`.

        Raises:
            DataError: it is no such file.
        """
        try:
            record = json.loads(content.decode("utf-8", "surrogatepass"))
            labels = tuple(
                dataclasses.replace(
                    Label(**fields), values=tuple(fields["values"]), counts=tuple(fields["counts"])
                )
                for fields in record["labels"]
            )
            features = record["features"]
            return cls(
                labels=labels,
                source_max_length=int(record["source_max_length"]),
                source_tokenizer=source_tokenizer,
                source_apart=bool(record.get("source_apart", False)),  # older models do not say
                columns=Columns(**record["columns"]),
                features=features
                and dataclasses.replace(Features(**features), shape=tuple(features["shape"])),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"it does not describe conditions: {error}") from error
