"""The Transformer block that encoder and decoder share."""

import torch.nn.functional as F
from torch import Tensor, nn


class Block(nn.Module):
    """Pre-norm self-attention and feed-forward (Xiong et al. 2020, arXiv:2002.04745)."""

    def __init__(self, width: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention = nn.LayerNorm(width)
        self.norm_feed = nn.LayerNorm(width)
        self.joint = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(dropout)

    def keys_values(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each (B, heads, T, width / heads), of hidden (B, T, width)."""
        batch, length, width = hidden.shape
        joint = self.joint(self.norm_attention(hidden)).view(batch, length, 3, self.num_heads, width // self.num_heads)
        queries, keys, values = joint.permute(2, 0, 3, 1, 4)
        return queries, keys, values

    def forward(self, hidden: Tensor, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Return the block's output, (B, T, width).

        Args:
            hidden: its input, (B, T, width).
            queries: (B, heads, T, width / heads).
            keys: (B, heads, S, width / heads).
            values: as keys.
            mask: True where a position may be attended to, broadcastable to (B, heads, T, S); None: everywhere.
        """
        attended = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        attended = attended.transpose(1, 2).reshape(hidden.shape)
        hidden = hidden + self.dropout(self.merge(attended))
        return hidden + self.dropout(self.feed(self.norm_feed(hidden)))
