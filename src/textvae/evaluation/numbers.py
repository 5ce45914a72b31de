"""Numbers as people read them."""

from textvae.evaluation.record import Interval


def number(value: float) -> str:
    """Return a measure with four digits or so.

    >>> number(12345.678), number(345.678), number(0.01234), number(7)
    ('12,346', '345.68', '0.0123', '7')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{_decimals(value)}f}"


def interval(bounds: Interval | None) -> str:
    """Return an interval; nothing where there is none.

    >>> interval((0.5, 12.25))
    '0.50 – 12.25'
    """
    if bounds is None:
        return ""
    decimals = _decimals(max(map(abs, bounds)))
    return f"{bounds[0]:,.{decimals}f} – {bounds[1]:,.{decimals}f}"


def _decimals(value: float) -> int:
    """Return how many decimals say something; a perplexity with its interval then fits its line."""
    if abs(value) < 1:
        return 4
    return 2 if abs(value) < 10_000 else 0
