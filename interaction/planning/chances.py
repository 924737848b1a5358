"""All that can happen, with its probability: what a method does with every draw that it might get.

A method is run once for each way in which its draws can come out. A draw from finitely many (`categorical`,
`integers`, `shuffle`) takes each in turn; of `rng.random()` only matters on which side of a number it lies,
so that `rng.random() < 0.85` is true with probability 0.85 and false otherwise.

Source: this is exact inference by enumeration of executions, Goodman & Stuhlmüller 2014, "The design and
implementation of probabilistic programming languages", chapter 5.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any, NoReturn, TypeVar

import numpy as np

from interaction.errors import ArgumentError, ContractError
from interaction.random import EpisodeRandom

T = TypeVar("T")
MOST = 100_000
"""How many outcomes a single method may have."""


def outcomes(method: Callable[[EpisodeRandom], T], where: str) -> list[tuple[float, T]]:
    """Give each outcome of a method of one stream, with its probability.

    Raises `ContractError` for draws from infinitely many (`rng.normal`), and `ArgumentError` for more than
    100,000 outcomes; `where` names whose they are.
    """
    open_ways: list[tuple[int, ...]] = [()]
    found: list[tuple[float, T]] = []
    while open_ways:
        stream = Chances(open_ways.pop(), where)
        value = method(stream)
        found.append((stream.probability, value))
        open_ways += stream.others
        if len(found) + len(open_ways) > MOST:
            raise ArgumentError(f"{where}: more than {MOST:,} outcomes of a single action")
    return found


class Chances(EpisodeRandom):
    """A stream whose draws come out in one given way; it collects the other ways."""

    __slots__ = ("_way", "others", "probability", "taken", "where")

    def __init__(self, way: tuple[int, ...] = (), where: str = "outcomes") -> None:
        super().__init__()
        self._way, self.where = way, where
        self.taken: tuple[int, ...] = ()
        self.others: list[tuple[int, ...]] = []
        self.probability = 1.0

    def choose(self, probabilities: Any) -> int:
        """Take one of finitely many, as the way says, or else the first that is possible."""
        number = len(self.taken)
        if number < len(self._way):
            index = self._way[number]
        else:
            possible = [one for one, p in enumerate(probabilities) if p > 0]
            index = possible[0]
            self.others += [(*self.taken, one) for one in possible[1:]]
        self.taken = (*self.taken, index)
        self.probability *= float(probabilities[index])
        return index

    def at(self, round_index: int, slot: int) -> EpisodeRandom:
        return self

    def copy(self) -> EpisodeRandom:
        return self

    def random(self, shape: Any = ()) -> Any:
        if shape != ():
            self.refuse(f"rng.random({shape!r})", "draw them one by one")
        return Uniform(self)

    def categorical(self, probabilities: Any) -> int:
        weights = np.asarray(probabilities, float)
        if weights.ndim != 1 or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ArgumentError(
                f"rng.categorical: expected finite weights >= 0 with a positive sum, got {probabilities!r}"
            )
        return self.choose(weights / weights.sum())

    def integers(self, low: int, high: int, shape: Any = ()) -> int:
        if shape != ():
            self.refuse("rng.integers with a shape", "draw them one by one")
        if high <= low:
            raise ArgumentError(f"rng.integers: expected integers low < high, got low={low!r}, high={high!r}")
        return int(low) + self.choose(np.full(int(high) - int(low), 1 / (int(high) - int(low))))

    def shuffle(self, n: int) -> Any:
        orders = (
            list(permutations(range(n))) if 0 <= n <= 7 else self.refuse("rng.shuffle of more than 7", "")
        )
        return np.array(orders[self.choose(np.full(len(orders), 1 / len(orders)))], np.int64)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, shape: Any = ()) -> Any:
        self.refuse("rng.normal", "draw from finitely many: rng.categorical(probabilities)")

    def key(self) -> Any:
        self.refuse("rng.generator", "draw with rng.random, rng.integers or rng.categorical")

    def simulation(self) -> EpisodeRandom:
        return Undrawn(0)

    def refuse(self, what: str, remedy: str) -> NoReturn:
        """Raise for what has no finite number of outcomes."""
        hint = f"; {remedy}" if remedy else ""
        raise ContractError(f"{self.where}: {what} has too many outcomes to go through them all{hint}")


class Undrawn(EpisodeRandom):
    """The stream of a simulation inside an agent, from which nothing may be drawn.

    It stands for a stream where a value has to be exact, as `GreedyPolicy.log_prob` asks for one.

    >>> from interaction.errors import ContractError
    >>> from interaction.planning import Undrawn
    >>> try:
    ...     Undrawn().normal()
    ... except ContractError as error:
    ...     print(str(error).partition(":")[0])
    nothing may be drawn here
    """

    def random(self, shape: Any = ()) -> NoReturn:
        self.drawn()

    def key(self) -> NoReturn:
        self.drawn()

    def drawn(self) -> NoReturn:
        raise ContractError(
            "nothing may be drawn here: who draws in a simulation of its own (a user whose eye is noisy, "
            "say) has neither exact probabilities nor outcomes to go through"
        )


class Uniform:
    """A number between 0 and 1 of which only becomes known on which side of others it lies."""

    def __init__(self, stream: Chances) -> None:
        self._stream = stream
        self._low, self._high = 0.0, 1.0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if ufunc not in _COMPARISONS or method != "__call__" or options or len(inputs) != 2:
            return self._refused()
        first, second = inputs
        if isinstance(second, Uniform):
            return self._sides(first, _COMPARISONS[ufunc] == "below")
        return self._sides(second, _COMPARISONS[ufunc] != "below")

    def _sides(self, numbers: Any, above: bool) -> Any:
        """Say whether it lies below (or, of numbers compared the other way round, above) each number."""
        if isinstance(numbers, Uniform):
            self._refused()
        if np.ndim(numbers) == 0:
            return self._below(numbers) == above
        each = [self._below(number) == above for number in np.ravel(numbers)]
        return np.reshape(np.array(each, bool), np.shape(numbers))

    def _below(self, number: Any) -> bool:
        number = float(number)
        if np.isnan(number):
            return False
        if number >= self._high:
            return True
        if number <= self._low:
            return False
        share = (number - self._low) / (self._high - self._low)
        if self._stream.choose((share, 1 - share)) == 0:
            self._high = number
            return True
        self._low = number
        return False

    def __lt__(self, number: Any) -> Any:
        return self._sides(number, True)

    def __le__(self, number: Any) -> Any:
        return self._sides(number, True)

    def __gt__(self, number: Any) -> Any:
        return self._sides(number, False)

    def __ge__(self, number: Any) -> Any:
        return self._sides(number, False)

    def __getattr__(self, name: str) -> NoReturn:
        self._stream.refuse(
            "what is made of rng.random() but a comparison",
            "write rng.random() < p, rng.integers(low, high) or rng.categorical(probabilities)",
        )

    __hash__ = None  # type: ignore[assignment]

    def _refused(self, *_: object) -> NoReturn:
        self.__getattr__("")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refused
    __pow__ = __rpow__ = __neg__ = __abs__ = __mod__ = __rmod__ = __round__ = __str__ = __float__ = (
        __int__
    ) = __bool__ = __eq__ = __floordiv__ = _refused
    __array__ = _refused


_COMPARISONS = {np.less: "above", np.less_equal: "above", np.greater: "below", np.greater_equal: "below"}
"""What a comparison `first ? second` says of the second: that it lies above the first, or below."""
