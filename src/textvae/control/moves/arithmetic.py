"""A is to B as C is to ?: a difference of latents, added elsewhere."""

from torch import Tensor

from textvae.config.fields import check_count, check_range
from textvae.control.moves.around import around
from textvae.control.moves.conditioned import Conditioned

NEAR = 0.3
"""How far from the answer others are drawn, see `around`: most of its words stay."""


def analogy(
    model: Conditioned, a: str, b: str, c: str, *, strength: float = 1.0, num: int = 1, distance: float = NEAR
) -> list[str]:
    """Return the text of z_c + strength (z_b - z_a), z posterior means, and up to num - 1 others drawn around it.

    Mikolov et al. 2013, arXiv:1301.3781, for words; Shen et al. 2020, arXiv:1905.12777, section 5, for texts.

    Args:
        model: where latents are drawn and decoded.
        a: stands to `b`
        b: as
        c: stands to the answer.
        strength: 0: c's reconstruction; 2: twice the difference.
        num: how many texts, at most.
        distance: of the others, see `around`.

    Raises:
        ConfigError: `num` is below 1, the strength no finite number, or the distance not in 0..1.
    """
    check_range("strength", strength)
    z_a, z_b, z_c = model.encode([a, b, c])
    return answers(model, z_c + strength * (z_b - z_a), num, distance=distance)


def answers(model: Conditioned, place: Tensor, num: int, *, distance: float) -> list[str]:
    """Return the text of z, (D,), and up to num - 1 others around it.

    Raises:
        ConfigError: `num` is below 1, or the distance not in 0..1.
    """
    check_count("n", num, 1)
    check_range("distance", distance, 0, 1)
    [text] = model.decode(place.unsqueeze(0))
    others = around(model, place, num - 1, distance=distance, besides=(text,)) if num > 1 else []
    return [text, *others]
