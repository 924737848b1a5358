"""How much a page may send, and how fast."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from interaction.errors import ArgumentError


class Limits(NamedTuple):
    """What the server bears: sizes in bytes, rates in messages a second, times in seconds.

    `message` is the largest message of a page (a path of the mouse has some 10 bytes a point), `rate` how
    many a second a session may send in the long run, and `burst` how many at once: each `piece` bytes of a
    message count as one. `idle` is how long a session without a page
    stays in memory, `silence` how long a page may say nothing (it pings) before its line counts as lost,
    `dropped` after how long without a word a session no longer counts where conditions are balanced,
    `beginnings` how many sessions may begin in a minute, and `lines` how many a session may have open (that
    one of them was lost the server may not know yet).

    >>> from interaction.people.limits import Limits
    >>> Limits()._replace(rate=5.0).message
    262144
    """

    message: int = 2**18
    piece: int = 2**13
    rate: float = 50.0
    burst: int = 200
    idle: float = 60.0
    silence: float = 60.0
    dropped: float = 1800.0
    beginnings: int = 600
    lines: int = 30


class Allowance:
    """A bucket of tokens: `rate` of them come each second, up to `burst`; a message takes one.

    >>> from interaction.people.limits import Allowance
    >>> now = 0.0
    >>> allowance = Allowance(rate=2.0, burst=3, clock=lambda: now)
    >>> [allowance.take() for _ in range(4)]
    [True, True, True, False]
    >>> now = 0.5
    >>> allowance.take(), allowance.take()
    (True, False)
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = monotonic) -> None:
        if not (rate > 0 and burst >= 1):
            raise ArgumentError(f"expected a rate above 0 and a burst of 1 or more, got {rate} and {burst}")
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left, self._at = float(burst), clock()

    def take(self, cost: float = 1.0) -> bool:
        """Take a token, or as many as something costs, if there are so many."""
        now = self._clock()
        self._left = min(self._left + max(now - self._at, 0.0) * self._rate, self._burst)
        self._at = now
        if self._left < cost:
            return False
        self._left -= cost
        return True
