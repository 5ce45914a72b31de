"""z of a text of which only some words are known to be right: an approximate posterior given those.

p(z | visible) is proportional to p(z) p(visible | z), which sums over all fillings. `supposed` weighs draws by the visible words alone,
`refined` stands on a present filling.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.batching import collate
from textvae.data.store import TokenStore
from textvae.decoding.noise import derived_seed, row_normals, row_uniforms
from textvae.distributions import Prior, on_cpu, wide
from textvae.errors import ConfigError
from textvae.models import VAEModel
from textvae.tasks.infilling.gapped import Gapped

STEPS, LEARNING_RATE = 15, 0.1
"""Of Adam, in the units of z."""
ROWS = 256
DRAWS = 32
"""From each of q(z|visible) and p(z), of which `supposed` chooses."""


@torch.no_grad()
def supposed(codec: Codec, texts: Sequence[Gapped], num: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Return z given what is visible of texts: the mean of an approximate p(z | visible), (N, D), and draws from it, (N, num, D).

    q(z | visible words side by side) takes what is left for a whole text, short and broken off; p(z) knows nothing of it. So half of the
    draws are of each, weighed by p(z) p(visible | z) over the density of both halves together, and resampled (Rubin 1988; Owen and
    Zhou 2000, section 3). p(visible | z) is that of the words side by side; `</s>` counts where the text ends visibly.

    Args:
        codec: a model without a condition.
        texts: N of them.
        num: draws a text.
        seed: of the draws. They are the same whatever other texts there are.
    """
    visible = [text.visible for text in texts]
    store, posterior = codec.store(visible), on_cpu(codec.posterior(visible))
    number = max(DRAWS, num)
    seeds = [derived_seed(seed, index) for index in range(3)]
    from_prior = codec.prior_sample(number, seed=seeds[0]).unsqueeze(1).expand(-1, len(texts), -1)
    noise = row_normals(seeds[1], range(number), posterior.noise_dim).to(codec.dtype).unsqueeze(1)
    z = torch.cat([from_prior, posterior.at(noise).to(codec.dtype)])  # (S, N, D)
    log_q, log_p = (wide(one).log_prob(z.double()) for one in (posterior, on_cpu(codec.prior())))
    with codec.work.part("weighing latents", len(texts), passes=len(z)):
        log_visible = torch.stack([_log_visible(codec, store, texts, one) for one in z])
    weights = (log_visible + log_p - torch.logaddexp(log_q, log_p)).softmax(0)  # (S, N)
    mean = (weights.to(z).unsqueeze(-1) * z).sum(0)
    # systematic resampling: draws lie evenly over the weights
    places = (torch.arange(num) + row_uniforms(seeds[2], [0], 1)[0]) / num
    upper = weights.cumsum(0).T.contiguous()
    chosen = torch.searchsorted(upper, places.expand(len(texts), -1).contiguous()).clamp(max=len(z) - 1)
    return mean, z.transpose(0, 1)[torch.arange(len(texts)).unsqueeze(1), chosen]


def _log_visible(codec: Codec, store: TokenStore, texts: Sequence[Gapped], z: Tensor) -> Tensor:
    """Return log p of what is visible of each text, (N,) nats, for z (N, D)."""
    result = torch.zeros(len(texts), dtype=torch.float64)
    open_end = torch.tensor([not text.parts[-1].strip() for text in texts])
    for indices, tokens, lengths in codec.batches(store):
        counted = lengths - open_end[indices].to(lengths)
        latents = z[indices].to(codec.dtype).to(codec.device)
        result[indices] = codec.model.log_likelihood(tokens, counted, latents).cpu().double()
    return result


def refined(codec: Codec, rows: list[list[int]], visible: list[np.ndarray], z: Tensor) -> Tensor:
    """Move z, (N, D), up the gradient of log p(visible | filling, z) + log p(z).

    log p of the visible tokens, each given all tokens before it, those of the present filling included; the filling itself counts
    nothing, so that z answers to what is known and to the prior. 15 steps of Adam.

    Args:
        codec: of a model with weights.
        rows: tokens of the filled texts, N of them.
        visible: which of each row's tokens, and of the `</s>` behind them, count.
        z: where to begin.

    Raises:
        ConfigError: an export, which has no gradient.
    """
    model = codec.model
    if not isinstance(model, VAEModel):
        raise ConfigError("an export has no gradient; leave out refining, or use the run that it came from")
    store = TokenStore.from_rows([np.array(row, np.int32) for row in rows])
    prior = wide(codec.prior())
    result = z.clone()
    for start in range(0, len(rows), ROWS):
        indices = np.arange(start, min(start + ROWS, len(rows)))
        batch = collate(store, indices)
        tokens, lengths = (
            torch.from_numpy(array).to(codec.device) for array in (batch.tokens, batch.lengths)
        )
        counted = torch.zeros(tokens.shape, dtype=torch.bool)
        for i, row in enumerate(indices):
            counted[i, : len(visible[row])] = torch.from_numpy(visible[row])
        with torch.backends.cudnn.flags(enabled=False):  # cuDNN has no backward pass outside training mode
            result[indices] = _ascended(model, tokens, lengths, counted.to(codec.device), z[indices], prior)
    return result


@torch.enable_grad()
def _ascended(
    model: VAEModel, tokens: Tensor, lengths: Tensor, counted: Tensor, z: Tensor, prior: Prior
) -> Tensor:
    moving = z.detach().clone().requires_grad_()
    optimizer = torch.optim.Adam([moving], lr=LEARNING_RATE)
    for _ in range(STEPS):
        log_p = model.token_log_likelihood(tokens, lengths, moving.to(tokens.device, model.dtype))
        known = log_p.masked_fill(~counted, 0.0).sum().double().cpu()
        loss = -known - prior.log_prob(moving.double()).sum()
        [moving.grad] = torch.autograd.grad(loss, [moving])
        optimizer.step()
    return moving.detach()
