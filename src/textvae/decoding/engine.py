"""The decoding engine: latents in, token rows out, for any `StepDecoder`.

It owns sampling, beams and stopping, and knows nothing about cells or attention.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from textvae.config import DecodingConfig
from textvae.data.vocabulary import EOS
from textvae.decoding.beam import BeamSearch
from textvae.decoding.noise import row_uniforms
from textvae.decoding.processors import Constraint, Rules, able_to_stop
from textvae.decoding.protocol import Decoded, StepDecoder
from textvae.decoding.samplers import NUM_UNIFORMS, Sampler
from textvae.decoding.trace import Trace, token_log_probs, widened, with_start
from textvae.errors import ConfigError, LatentError
from textvae.models.products import laid_out


def decode(
    decoder: StepDecoder,
    z: Tensor,
    config: DecodingConfig,
    *,
    max_length: int,
    seed: int = 0,
    rows: Sequence[int] | None = None,
    prefix: Tensor | None = None,
    constraint: Constraint | None = None,
    allow_unk: bool = False,
    scored: bool = True,
) -> Decoded:
    """Decode each z into a row of tokens.

    A row's choices depend on its own z, prefix, row number and the seed only, not on its batch. A text of
    `max_length` tokens may still end with `</s>`: one more step asks whether it does.

    Args:
        decoder: in evaluation mode.
        z: (B, D), finite.
        config: how tokens are chosen; its `max_length`, where set, lowers `max_length`.
        max_length: the most tokens of a text, prefix included, `</s>` not.
        seed: with the row number, determines a row's noise.
        rows: the row numbers; None: 0..B-1.
        prefix: (B, P) ids, without `<s>`, that every text begins with.
        constraint: what else limits the next token, one state a row, at the start of the text; it is used up.
        allow_unk: whether `<unk>` may be generated.
        scored: whether the log probabilities are wanted; at each step they cost a pass over all logits.

    Raises:
        ConfigError: shapes that do not fit, or a prefix longer than the limit.
        LatentError: z is not (B, D) or not finite.
    """
    limit = min(max_length, config.max_length or max_length)
    with torch.inference_mode(), laid_out():
        prefix = torch.empty(len(z), 0, dtype=torch.int64) if prefix is None else prefix
        rows = range(len(z)) if rows is None else rows
        _check(z, prefix, rows, limit)
        trace = Trace(prefix.to(z.device), limit, scored=scored)
        if len(z):
            _advance(constraint, prefix)
            rules = Rules.of(config, allow_unk=allow_unk)
            if config.num_beams > 1:
                BeamSearch(decoder, rules, constraint, config.num_beams, config.length_penalty).run(z, trace)
            else:
                steps = limit + 1 - prefix.shape[1]
                noise = row_uniforms(seed, rows, steps * NUM_UNIFORMS).unflatten(1, (steps, NUM_UNIFORMS))
                _sample(decoder, z, trace, rules, _sampler(config), noise, constraint)
    return trace.collect(constraint)


def _check(z: Tensor, prefix: Tensor, rows: Sequence[int], limit: int) -> None:
    if z.ndim != 2 or not bool(z.isfinite().all()):
        raise LatentError(
            f"z has shape {tuple(z.shape)} or is not finite; give finite numbers of shape (B, D)"
        )
    if prefix.ndim != 2 or len(prefix) != len(z) or len(rows) != len(z):
        raise ConfigError(
            f"{len(z)} latents came with a prefix of shape {tuple(prefix.shape)} and {len(rows)} row numbers; "
            "give one of each a latent"
        )
    if prefix.shape[1] > limit:
        raise ConfigError(f"the prefix has {prefix.shape[1]} tokens; at most {limit} fit: shorten it")


def _advance(constraint: Constraint | None, prefix: Tensor) -> None:
    if constraint is not None:
        for tokens in prefix.unbind(1):
            constraint.advance(tokens)


def _sampler(config: DecodingConfig) -> Sampler:
    return Sampler(temperature=config.temperature, top_k=config.top_k, top_p=config.top_p, min_p=config.min_p)


def _sample(
    decoder: StepDecoder,
    z: Tensor,
    trace: Trace,
    rules: Rules,
    sampler: Sampler,
    noise: Tensor,
    constraint: Constraint | None,
) -> None:
    """Fill the trace one token at a time; rows leave the batch as they end."""
    noise = noise.to(device=z.device, dtype=torch.float32 if z.device.type == "mps" else None)
    active = torch.arange(len(z), device=z.device)
    logits, state = decoder.prefill(z, with_start(trace.prefix))
    for position in range(trace.prefix.shape[1], trace.limit + 1):
        history = trace.tokens[active, :position]
        logits = widened(logits)
        scores = able_to_stop(rules.banned(rules.rescored(logits, history), history, constraint))
        tokens = sampler(scores, noise[active, position - trace.prefix.shape[1]])
        trace.write(active, position, tokens, token_log_probs(logits, tokens) if trace.scored else None)
        going = (tokens != EOS).nonzero().squeeze(1)
        if position == trace.limit or not len(going):
            return
        if len(going) < len(active):
            active, tokens, state = active[going], tokens[going], decoder.select(state, going)
            if constraint is not None:
                constraint.select(going)
        if constraint is not None:
            constraint.advance(tokens)
        logits, state = decoder.step(tokens, state)
