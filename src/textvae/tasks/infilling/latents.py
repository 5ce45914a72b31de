"""z of a text of which only some words are known to be right: an approximate posterior given those.

p(z | visible) is proportional to p(z) p(visible | z), which sums over all fillings. Both ways stand on the present filling.
"""

import numpy as np
import torch
from torch import Tensor

from textvae.codec import Codec
from textvae.data.batching import collate
from textvae.data.store import TokenStore
from textvae.distributions import Prior, wide
from textvae.errors import ConfigError
from textvae.models import VAEModel

STEPS, LEARNING_RATE = 15, 0.1
"""Of Adam, in the units of z."""
ROWS = 256


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
