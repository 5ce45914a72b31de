"""Numbers as people read them."""

from textvae.evaluation.record import Interval


def number(value: float) -> str:
    """Return a measure with four digits or so.

    >>> number(12345.678), number(0.01234), number(7)
    ('12,345.68', '0.0123', '7')
    """
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.4f}"


def interval(bounds: Interval | None) -> str:
    """Return an interval; nothing where there is none.

    >>> interval((0.5, 12.25))
    '0.50 – 12.25'
    """
    if bounds is None:
        return ""
    if max(map(abs, bounds)) < 1:
        return f"{bounds[0]:.4f} – {bounds[1]:.4f}"
    return f"{bounds[0]:,.2f} – {bounds[1]:,.2f}"
