"""`Codec`: texts to posterior to z to texts, batched and seeded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from textvae.codec.given import decoder_given, given, prior_given
from textvae.codec.inputs import checked_decoding, checked_latents, checked_mixtures, num_latents
from textvae.codec.persons import encoded_conditions
from textvae.codec.protocol import LatentModel
from textvae.codec.ranking import Ranking
from textvae.config import GREEDY, DecodingConfig
from textvae.data.batching import collate, sequential_batches
from textvae.data.conditions import Conditions, ConditionSchema
from textvae.data.known import Known
from textvae.data.store import TokenStore
from textvae.data.tokenizers import Tokenizer
from textvae.decoding.engine import decode
from textvae.decoding.known import constraint_of
from textvae.decoding.noise import row_normals
from textvae.decoding.processors import Constraint
from textvae.distributions import Posterior, Prior, joined, on_cpu, rows
from textvae.errors import ConditionError, LatentError
from textvae.models.products import Layouts, laid_out
from textvae.progress import Work

M = TypeVar("M", bound=LatentModel)
CANDIDATE_ROWS: int = 1024
"""Rows decoded at once at least where several are drawn for each text: most leave long before the last one ends."""
CANDIDATE_STRIDE = 2**48
"""Row numbers between the candidates of one row: the first has the row's own noise, and more of them change no other's."""


class Codec(Generic[M]):
    """A model with its tokenizer, on one device.

    Results are on the CPU, in the order of what was given, whatever the batches.

    Attributes:
        decoding: the settings used where none are given.
        schema: the conditions the model takes; None: none.
        known: what decoding keeps to unless told otherwise; None: nothing.
        fitted_prior: p(z) in place of the model's own; None: the model's own.
        work: tells whom it may concern how far encoding, scoring and decoding are.
    """

    def __init__(
        self,
        model: M,
        tokenizer: Tokenizer,
        *,
        decoding: DecodingConfig | None = None,
        known: Known | None = None,
        schema: ConditionSchema | None = None,
        fitted_prior: Prior | None = None,
        batch_size: int = 128,
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.decoding = decoding or DecodingConfig()
        self.known = known
        self.schema = schema
        self.fitted_prior = fitted_prior
        self.batch_size = batch_size
        self.work = Work()
        self._layouts = Layouts()

    @property
    def latent_dim(self) -> int:
        """D."""
        return self.model.config.latent_dim

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self.model.device

    @property
    def dtype(self) -> torch.dtype:
        """The model's precision."""
        return self.model.dtype

    def store(self, texts: Sequence[str], conditions: Conditions | None = None) -> TokenStore:
        """Encode texts into rows of ids, cut to the model's length; an empty text is an empty row.

        Args:
            texts: N of them.
            conditions: of as many; None: none.
        """
        rows = self.tokenizer.encode(list(texts))
        return TokenStore.from_rows(rows, self.model.config.max_length, conditions)

    def conditions(self, values: Mapping[str, Any] | None, num: int) -> Conditions | None:
        """Encode what people say of `num` texts: by name one value for all, or one for each; None or nothing: None.

        Raises:
            ConditionError: the model takes no condition, or not these; what it takes is listed.
            UnknownLabelError: a label that no training text has.
            PersonError: a person of another model.
        """
        return encoded_conditions(values, num, self.model, self.schema, self.tokenizer) if values else None

    def given(self, conditions: Conditions | None) -> LatentModel:
        """Return the model under the conditions of B rows, encoded once; None: under none."""
        return given(self.model, conditions)

    def batches(self, store: TokenStore) -> Iterator[tuple[np.ndarray, Tensor, Tensor]]:
        """Yield (indices, tokens (B, T), lengths (B,)) over the store, shortest texts first."""
        mean_length = float(store.batch_lengths.mean()) + 1 if len(store) else 1.0
        for indices in sequential_batches(store.batch_lengths, int(self.batch_size * mean_length) + 1):
            batch = collate(store, indices)
            yield (
                indices,
                torch.from_numpy(batch.tokens).to(self.device),
                torch.from_numpy(batch.lengths).to(self.device),
            )
            self.work.count(len(indices))

    @torch.no_grad()  # not inference_mode: people optimise over what comes back
    def posterior(self, texts: Sequence[str] | TokenStore) -> Posterior:
        """Return q(z|x) over (N, D)."""
        store = texts if isinstance(texts, TokenStore) else self.store(texts)
        if not len(store):
            return rows(self.posterior([""]), slice(0))
        parts, order = [], []
        self.model.eval()
        with self._laid_out(), self.work.part("encoding", len(store)):
            for indices, tokens, lengths in self.batches(store):
                parts.append(self._given(store, indices).posterior(tokens, lengths))
                order.append(indices)
        return rows(on_cpu(joined(parts)), np.argsort(np.concatenate(order)))

    @torch.no_grad()
    def log_likelihood(self, store: TokenStore, z: Tensor) -> Tensor:
        """Return log p(x|z) of each text, (N,) nats in float64, for z (N, D).

        Raises:
            LatentError: a z of another shape, NaN or Inf.
        """
        if len(checked_latents(z, self.latent_dim)) != len(store):
            raise LatentError(f"{len(z)} latents for {len(store)} texts; one for each is needed")
        result = torch.empty(len(store), dtype=torch.float64)
        self.model.eval()
        with self._laid_out(), self.work.part("scoring", len(store)):
            for indices, tokens, lengths in self.batches(store):
                latents = z[indices].to(self.dtype).to(self.device)
                model = self._given(store, indices)
                result[indices] = model.log_likelihood(tokens, lengths, latents).cpu().double()
        return result

    def encode(
        self,
        texts: Sequence[str],
        *,
        sample: bool = False,
        seed: int = 0,
        conditions: Conditions | None = None,
    ) -> Tensor:
        """Return z, (N, D): posterior means, or with `sample` one draw each, noise by (seed, row)."""
        posterior = self.posterior(self.store(texts, conditions))
        if not sample:
            return posterior.loc
        return posterior.at(row_normals(seed, range(len(texts)), posterior.noise_dim).to(self.dtype))

    @torch.no_grad()
    def prior(self, conditions: Conditions | None = None) -> Prior:
        """Return p(z) over (D,): the one fitted afterwards where there is one, else the model's own.

        Where it depends on the condition: p(z|c) over (N, D), for no conditions over (1, D). A person's profile takes
        the place of all of them.
        """
        if self.fitted_prior and (conditions is None or conditions.profiles is None):
            return self.fitted_prior
        self.model.eval()
        return prior_given(self.model, conditions)

    @torch.no_grad()
    def prior_sample(self, num: int, *, seed: int = 0, conditions: Conditions | None = None) -> Tensor:
        """Return z ~ p(z), (num, D), noise by (seed, row); p(z|c) of as many conditions, where it depends on them."""
        prior = on_cpu(self.prior(conditions))
        noise = row_normals(seed, range(num), prior.noise_dim)
        return prior.at(noise.to(prior.tensors[0])).to(self.dtype)

    def decode(
        self,
        z: Tensor,
        config: DecodingConfig | None = None,
        *,
        seed: int = 0,
        prefix: str = "",
        conditions: Conditions | None = None,
    ) -> list[str]:
        """Turn each z, (N, D), into a text; of several a text, (N, K, D), into one of the mean of p(x|z) over them.

        Args:
            z: finite.
            config: None: the codec's own.
            seed: with the row's number, the noise of each row.
            prefix: what every text begins with.
            conditions: one a row; None: none.

        Raises:
            ConfigError: a prefix longer than the limit.
            LatentError: a z of another shape, NaN or Inf.
        """
        rows = self.decode_rows(z, config, seed=seed, prefix=prefix, conditions=conditions)
        return self.tokenizer.decode(rows)

    def decode_rows(
        self,
        z: Tensor,
        config: DecodingConfig | None = None,
        *,
        seed: int = 0,
        prefix: str = "",
        conditions: Conditions | None = None,
        limits: Callable[[range], Constraint] | None = None,
    ) -> list[list[int]]:
        """Turn each z into token ids, `<s>` and `</s>` not among them; as `decode` otherwise.

        `limits` gives for rows of z the constraint that they are decoded under, one candidate each; None: known words.
        """
        config = self.decoding if config is None else checked_decoding(config)
        if conditions is not None and len(conditions) != len(z):
            raise ConditionError(f"{len(conditions)} conditions for {len(z)} latents; one for each is needed")
        begun = torch.from_numpy(self.tokenizer.encode([prefix])[0].astype(np.int64))
        num = config.candidates if config.temperature else 1
        each = num * num_latents(checked_mixtures(z, self.latent_dim))
        size = max(1, max(self.batch_size, CANDIDATE_ROWS if num > 1 else 1) // each)
        rows: list[list[int]] = []
        with self._laid_out(), self.work.part("decoding", len(z)):
            for start in range(0, len(z), size):
                part = z[start : start + size]
                given = conditions and conditions.rows(np.arange(start, start + len(part)))
                rows += self._decode_batch(part, config, seed, start, begun, given, limits)
                self.work.count(min(size, len(z) - start))
        return rows

    def constraint(self, num_rows: int, config: DecodingConfig) -> Constraint | None:
        """Return what keeps rows, at the start of their texts, to known words, or at least to whole characters."""
        known = self.known if config.known_words else None
        return constraint_of(known, self.tokenizer, num_rows, self.device)

    def reconstruct(
        self,
        texts: Sequence[str],
        config: DecodingConfig | None = None,
        *,
        sample: bool = False,
        seed: int = 0,
        conditions: Conditions | None = None,
    ) -> list[str]:
        """Return the decodes of the texts' posterior means (or samples), greedy unless `config` says otherwise."""
        z = self.encode(texts, sample=sample, seed=seed, conditions=conditions)
        return self.decode(z, config or GREEDY, seed=seed, conditions=conditions)

    def _decode_batch(
        self,
        z: Tensor,
        config: DecodingConfig,
        seed: int,
        start: int,
        prefix: Tensor,
        conditions: Conditions | None,
        limits: Callable[[range], Constraint] | None,
    ) -> list[list[int]]:
        num = config.candidates if config.temperature else 1
        rows = [row + c * CANDIDATE_STRIDE for row in range(start, start + len(z)) for c in range(num)]
        constraint = limits(range(start, start + len(z))) if limits else self.constraint(len(rows), config)
        self.model.eval()
        decoded = decode(
            decoder_given(self.model, conditions, len(z), num, config.guidance, num_latents(z)),
            z.flatten(1).repeat_interleave(num, dim=0).to(self.dtype).to(self.device),
            config,
            max_length=self.model.config.max_length,
            seed=seed,
            rows=rows,
            prefix=prefix.expand(len(rows), -1),
            constraint=constraint,
            allow_unk=self.tokenizer.kind == "word",
            scored=num > 1,
        )
        if num == 1:
            return decoded.tokens
        ranking = Ranking(decoded, len(prefix), self.model.log_frequencies, config)
        return [ranking.best(range(i, i + num)) for i in range(0, len(rows), num)]

    def _given(self, store: TokenStore, indices: np.ndarray) -> LatentModel:
        return given(self.model, None if store.conditions is None else store.conditions.rows(indices))

    def _laid_out(self) -> AbstractContextManager[None]:
        """Return the context of calls to the model: copies of frozen weights are kept, of others for the call."""
        if isinstance(self.model, nn.Module) and any(w.requires_grad for w in self.model.parameters()):
            self._layouts = Layouts()
        return laid_out(self._layouts)
