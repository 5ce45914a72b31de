"""What an evaluation is about to do, and how long it has left in all."""

import time
from collections.abc import Callable, Iterator, Sequence

from textvae.progress import clock

Tell = Callable[[str], None]


class Plan:
    """Tells of the stages of a piece of work, with the time left in all once one of them was timed.

    Args:
        stages: names and costs, in any one unit.
        tell: hears a line at the beginning of each; None: nobody.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        stages: Sequence[tuple[str, float]],
        tell: Tell | None,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stages, self._tell, self._now = stages, tell or (lambda line: None), now

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the stages, each when it is its turn."""
        begun, spent = self._now(), 0.0
        for number, (name, cost) in enumerate(self._stages, 1):
            line = f"{number}/{len(self._stages)} {name}"
            if spent:
                remaining = sum(cost for _, cost in self._stages[number - 1 :])
                line += f": about {clock((self._now() - begun) / spent * remaining)} left in all"
            self._tell(line)
            yield name
            spent += cost
