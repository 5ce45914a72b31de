"""The Transformer block that encoder and decoder share."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from textvae.models.products import Linear

KeysValues = tuple[Tensor, Tensor]
"""Keys and values of one layer, each (B, heads, S, width / heads)."""


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward (Xiong et al. 2020, arXiv:2002.04745)."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feed = nn.LayerNorm(width)
        self.joint = Linear(width, 3 * width)
        self.merge = Linear(width, width)
        self.feed = nn.Sequential(Linear(width, 4 * width), nn.GELU(), Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, hidden: Tensor, mask: Tensor, past: KeysValues | None = None
    ) -> tuple[Tensor, KeysValues]:
        """Return the block's output, (B, T, width), and all keys and values, S = past + T of them.

        Args:
            hidden: its input, (B, T, width).
            mask: True where a position may be attended to, broadcastable to (B, heads, T, S).
            past: keys and values of what stands before `hidden`.
        """
        queries, keys, values = self._project(hidden)
        if past is not None:
            keys = torch.cat([past[0].to(keys.dtype), keys], dim=2)
            values = torch.cat([past[1].to(values.dtype), values], dim=2)
        attended = scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        hidden = hidden + self.dropout(self.merge(attended.transpose(1, 2).flatten(2)))
        return hidden + self.dropout(self.feed(self.norm_feed(hidden))), (keys, values)

    def _project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each (B, heads, T, width / heads)."""
        joint = self.joint(self.norm_attention(hidden)).unflatten(-1, (3, self.num_heads, -1))
        queries, keys, values = joint.permute(2, 0, 3, 1, 4)  # each (B, heads, T, width / heads)
        return queries, keys, values
