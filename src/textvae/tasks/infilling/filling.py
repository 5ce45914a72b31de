"""Gaps filled through latents: decode the gaps given z, encode the whole text, and again."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.config import DecodingConfig
from textvae.config.fields import check_count
from textvae.config.model import CONDITIONAL
from textvae.decoding.noise import derived_seed, row_normals
from textvae.decoding.processors import Constraint
from textvae.decoding.template import Template, TemplateConstraint, UnitTable, filled
from textvae.errors import ConfigError
from textvae.evaluation.likelihood import likelihoods
from textvae.tasks.infilling.gapped import Gapped
from textvae.tasks.infilling.latents import refined, supposed
from textvae.tasks.infilling.plans import Planner, Sizes, visible_tokens

ROUNDS = 3
"""Times that the gaps are decoded."""
ATTEMPTS = 16
"""Fillings tried for a text unless told otherwise; at least twice as many as are wanted."""
SCORED_SAMPLES = 8
"""K of the bound on log p(x) that fillings are ranked by."""
BEAMS = DecodingConfig(temperature=0, num_beams=5, length_penalty=0.0)
"""For the likeliest text: with scores by length, endings that repeat themselves would win."""


@dataclass(frozen=True)
class Filling:
    """A text with its gaps filled.

    Attributes:
        text: whole; what was visible stands as it stood.
        fillings: what is in each gap.
        score: log p(x), `</s>` counted, nats: the importance-weighted bound with K = 8; of a model trained for gaps log p(x|c) a token. None:
            there was no choice to make.
    """

    text: str
    fillings: tuple[str, ...]
    score: float | None = None


def fill(
    codec: Codec,
    texts: Sequence[Gapped],
    *,
    n: int = 1,
    sizes: Sizes | None = None,
    refine: bool = False,
    rounds: int = ROUNDS,
    attempts: int | None = None,
    decoding: DecodingConfig | None = None,
    seed: int = 0,
) -> list[list[Filling]]:
    """Fill the gaps of texts, all at once.

    Bowman et al. 2016, arXiv:1511.06349, section 5: z of the text as far as it is known, the gaps decoded given z, z of the whole, and
    again; iterated conditional modes, or a few steps of a Gibbs sampler where both z and words are drawn. Deviations: the first z is
    of an approximate posterior given the visible words (`supposed`); the fillings of all rounds are candidates, not the last ones; the sizes of gaps within a text are drawn with each attempt, as a decoder from left to right cannot know where they end. A
    language model has no z: one round, from left to right.

    Args:
        codec: a model without a condition.
        texts: with gaps.
        n: different fillings of each, at most.
        sizes: of the gaps, and words to include; None: the defaults.
        refine: move each z that was encoded up log p(visible | z) + log p(z) (`refined`).
        rounds: of decoding.
        attempts: fillings tried for each text, of which the n likeliest are returned; None: 16, or 2 n. With 1, none are ranked.
        decoding: beams unless told otherwise; at a temperature above 0 z is drawn too, else the first attempt is at the posterior mean. Its
            minimum length and n-gram rule do not count.
        seed: of gap sizes, z and words.

    Returns:
        For each text its fillings, the likeliest first; none where no attempt fitted the model's length.

    Raises:
        ConfigError: a setting out of range, words that do not fit, a text beyond the model's length, or p(z|c).
    """
    check_count("n", n, 1)
    check_count("rounds", rounds, 1)
    if attempts is not None:
        check_count("attempts", attempts, n)
    if codec.model.config.prior == CONDITIONAL:
        raise ConfigError(
            "this model's prior depends on the condition; gaps are filled by a model without one"
        )
    num = attempts or max(ATTEMPTS, 2 * n)
    config = dataclasses.replace(decoding or BEAMS, candidates=1, no_repeat_ngram=0, min_length=0)
    work = _Work(codec, texts, sizes or Sizes(), num, config, seed)
    has_latent = codec.model.config.has_latent
    found = [dict[str, tuple[str, ...]]() for _ in texts]
    total = rounds if has_latent else 1
    z = work.first()
    with codec.work.part("filling", num * len(texts), passes=2 * total):
        for round_ in range(total):
            rows = work.decode(z, round_)
            work.collect(rows, found)
            if round_ < total - 1:
                z = work.next(rows, z, round_, refine=refine)
    return _ranked(codec, found, n, seed, ranks=num > 1)


class _Work:
    """Attempts at texts, `num` rows each in a row."""

    def __init__(
        self, codec: Codec, texts: Sequence[Gapped], sizes: Sizes, num: int, config: DecodingConfig, seed: int
    ) -> None:
        self.codec, self.config, self.seed = codec, config, seed
        self.owners = [text for text in texts for _ in range(num)]
        self.num = num
        planner = Planner(codec.tokenizer, sizes, codec.model.config.max_length)
        rng = np.random.default_rng(derived_seed(seed, 0))
        self.templates: list[Template] = [plan for text in texts for plan in planner.plans(text, num, rng)]
        tables = {
            kind: UnitTable(codec.tokenizer, spaceless=kind) for kind in {text.spaceless for text in texts}
        }
        self.tables = [tables[text.spaceless] for text in self.owners]

    def first(self) -> Tensor:
        """Return z of each row, (R, D), given what is visible: drawn, but for each first attempt where words are not drawn."""
        if not self.codec.model.config.has_latent:
            return self.codec.prior_sample(len(self.owners))
        mean, draws = supposed(self.codec, self.owners[:: self.num], self.num, seed=self.seed)
        if not self.config.temperature:
            draws[:, 0] = mean
        return draws.flatten(0, 1)

    def decode(self, z: Tensor, round_: int) -> list[list[int]]:
        """Return the tokens of each row, filled given z, (R, D)."""
        seed = derived_seed(self.seed, 2 * round_ + 1)
        return self.codec.decode_rows(z, self.config, seed=seed, limits=self._limits())

    def collect(self, rows: list[list[int]], found: list[dict[str, tuple[str, ...]]]) -> None:
        """Add the whole texts among the rows to those found, by text, the latest at the end."""
        for row, tokens in enumerate(rows):
            if (gaps := self._gaps(row, tokens)) is not None:
                fillings = self._fillings(row, tokens, gaps)
                text, known = self.owners[row].joined(list(fillings)), found[row // self.num]
                known.pop(text, None)
                known[text] = fillings

    def next(self, rows: list[list[int]], z: Tensor, round_: int, *, refine: bool) -> Tensor:
        """Return z of the filled texts; rows that are not whole keep theirs."""
        gaps = [self._gaps(row, tokens) for row, tokens in enumerate(rows)]
        whole = [row for row, found in enumerate(gaps) if found is not None]
        if not whole:
            return z
        texts = self.codec.tokenizer.decode([rows[row] for row in whole])
        moved = z.clone()
        moved[whole] = self._encoded(texts, round_, whole)
        if refine:
            visible = [visible_tokens(self.templates[row], gaps[row] or []) for row in whole]
            moved[whole] = refined(self.codec, [rows[row] for row in whole], visible, moved[whole])
        return moved

    def _encoded(self, texts: list[str], round_: int, rows: Sequence[int]) -> Tensor:
        """Return z of the texts of some rows, (N, D): drawn, but for each first attempt where words are not drawn either."""
        posterior = self.codec.posterior(texts)
        noise = row_normals(derived_seed(self.seed, 2 * round_ + 4), rows, posterior.noise_dim)
        draws = posterior.at(noise.to(self.codec.dtype))
        if self.config.temperature:
            return draws
        at_mean = torch.tensor([row % self.num == 0 for row in rows])
        return torch.where(at_mean.unsqueeze(1), posterior.loc, draws)

    def _limits(self) -> Callable[[range], Constraint]:
        def limits(rows: range) -> Constraint:
            chosen = [self.templates[row] for row in rows]
            within = self.codec.constraint(len(chosen), self.config)
            return TemplateConstraint(chosen, [self.tables[row] for row in rows], within, self.codec.device)

        return limits

    def _gaps(self, row: int, tokens: list[int]) -> list[int | None] | None:
        return filled(self.templates[row], tokens, self.tables[row])

    def _fillings(self, row: int, tokens: list[int], gaps: list[int | None]) -> tuple[str, ...]:
        """Return the text of each gap."""
        inside: list[list[int]] = [[] for _ in self.owners[row].parts[1:]]
        for token, gap in zip(tokens, gaps, strict=True):
            if gap is not None:
                inside[gap].append(token)
        return tuple(text.strip() for text in self.codec.tokenizer.decode(inside))


def _ranked(
    codec: Codec, found: list[dict[str, tuple[str, ...]]], n: int, seed: int, *, ranks: bool
) -> list[list[Filling]]:
    """Return the n likeliest fillings of each text."""
    if not ranks:
        return [[Filling(text, parts) for text, parts in reversed(one.items())][:n] for one in found]
    flat = [(owner, text, parts) for owner, one in enumerate(found) for text, parts in one.items()]
    store = codec.store([text for _, text, _ in flat])
    if not len(store):
        return [[] for _ in found]
    nats = likelihoods(codec, store, num_samples=SCORED_SAMPLES, seed=seed).iw_nll.numpy()
    fillings: list[list[Filling]] = [[] for _ in found]
    for row in np.argsort(nats, kind="stable"):
        owner, text, parts = flat[row]
        fillings[owner].append(Filling(text, parts, -float(nats[row])))
    return [one[:n] for one in fillings]
