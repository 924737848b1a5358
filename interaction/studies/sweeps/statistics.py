"""Means, standard errors and quantiles of streams of numbers, in a memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from itertools import groupby
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from interaction.studies.sweeps.folder import Folder, Part
from interaction.studies.sweeps.parquet import EPISODE, read

Array = NDArray[Any]
P = ParamSpec("P")
T = TypeVar("T")

WINDOW = 2**16
"""Episodes are taken in windows of so many, however they lie in files: sums do not depend on the files."""

_TRIES = 10
_DISTINCT = 2**16  # values that are counted one by one
_KEPT = np.int64(40)  # bits of a float that are dropped where there are more: 1 part in 8,192


class Summary:
    """What is known of a stream: how many numbers, their mean and spread, and how often each value came.

    `low` and `high` are the smallest and the largest number.

    >>> import numpy as np
    >>> from interaction.studies.sweeps.statistics import Summary
    >>> summary = Summary()
    >>> for numbers in (np.array([1.0, 2.0]), np.array([4.0])):
    ...     summary.add(numbers)
    >>> summary.n, round(summary.mean, 3), round(summary.standard_error, 3), summary.quantiles([0.5])
    (3, 2.333, 0.882, array([2.]))
    """

    def __init__(self) -> None:
        self.n, self.mean, self._squares = 0, float("nan"), 0.0
        self.low, self.high = float("inf"), float("-inf")
        self._values, self._counts = np.empty(0), np.empty(0, np.int64)
        self._coarse = False

    def add(self, numbers: Array) -> None:
        """Take in more numbers; those that are NaN are no numbers, and are left out."""
        numbers = numbers[~np.isnan(numbers)]
        count = len(numbers)
        if not count:
            return
        mean = float(numbers.mean())
        squares = float(((numbers - mean) ** 2).sum())
        if self.n:
            gap, total = mean - self.mean, self.n + count
            self._squares += squares + gap * gap * self.n * count / total
            self.mean += gap * count / total
        else:
            self.mean, self._squares = mean, squares
        self.n += count
        self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
        values, counts = np.unique(self._rounded(numbers), return_counts=True)
        self._count(values, counts)
        if len(self._values) > _DISTINCT and not self._coarse:
            self._coarse = True
            values, counts, self._values, self._counts = (
                self._values,
                self._counts,
                np.empty(0),
                self._counts[:0],
            )
            self._count(self._rounded(values), counts)

    def _count(self, values: Array, counts: Array) -> None:
        self._values, place = np.unique(np.concatenate([self._values, values]), return_inverse=True)
        found = np.zeros(len(self._values), np.int64)
        np.add.at(found, place, np.concatenate([self._counts, counts]))
        self._counts = found

    def _rounded(self, numbers: Array) -> Array:
        if not self._coarse:
            return numbers
        bits = np.ascontiguousarray(numbers).view(np.int64)
        half = np.int64(1) << (_KEPT - np.int64(1))
        return np.where(numbers == 0, 0.0, (((bits >> _KEPT) << _KEPT) | half).view(np.float64))

    @property
    def standard_error(self) -> float:
        """That of the mean; NaN for fewer than two numbers."""
        return float(np.sqrt(self._squares / (self.n - 1) / self.n)) if self.n > 1 else float("nan")

    def quantiles(self, levels: Iterable[float]) -> Array:
        """Give the smallest values that are not exceeded with these shares.

        Exact up to 65,536 different values; of more, to within 1 part in 8,192.
        """
        chosen = np.asarray(list(levels), float)
        if not self.n:
            return np.full(len(chosen), np.nan)
        rank = np.ceil(chosen * self.n).clip(1, self.n)
        rank -= (rank > 1) & ((rank - 1) / self.n >= chosen)  # 0.07 * 100 is a little more than 7
        place = np.searchsorted(np.cumsum(self._counts), rank)
        found: Array = self._values[place]
        return found


Window = tuple[int, Array, dict[str, Array]]
"""The number of a window, its episodes, and the columns that were asked for."""


def windows(folder: Folder, cell: str, columns: list[str], stop: int | None = None) -> Iterator[Window]:
    """Give the episodes of a cell that are there, in order, a window at a time (below `stop`)."""
    pieces = (piece for part in folder.parts(cell) for piece in _pieces(part, columns, stop))
    for number, group in groupby(pieces, key=lambda one: one[0]):
        found = list(group)
        yield (
            number,
            np.concatenate([episodes for _, episodes, _ in found]),
            {name: np.concatenate([values[name] for _, _, values in found]) for name in columns},
        )


def _pieces(part: Part, columns: list[str], stop: int | None) -> Iterator[Window]:
    """Split a file where windows end."""
    table = read(part.file, [EPISODE, *columns]).slice(part.begin - part.first)
    episodes = table.column(EPISODE).to_numpy()
    if stop is not None:
        episodes = episodes[: np.searchsorted(episodes, stop)]
    arrays = {name: table.column(name).to_numpy()[: len(episodes)] for name in columns}
    for number in np.unique(episodes // WINDOW).tolist():
        first, last = np.searchsorted(episodes, [number * WINDOW, (number + 1) * WINDOW])
        yield number, episodes[first:last], {name: array[first:last] for name, array in arrays.items()}


def _while_files_merge(read: Callable[P, T]) -> Callable[P, T]:
    """Begin again where a file went away while it was read: another process has merged it."""

    @wraps(read)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        for _ in range(_TRIES - 1):
            try:
                return read(*arguments, **options)
            except FileNotFoundError:
                continue
        return read(*arguments, **options)

    return call


@_while_files_merge
def summaries(folder: Folder, cell: str, measures: list[str], stop: int | None = None) -> dict[str, Summary]:
    """Sum up the measures of a cell."""
    found = {name: Summary() for name in measures}
    for _, _, values in windows(folder, cell, measures, stop):
        for name, summary in found.items():
            summary.add(values[name])
    return found


@_while_files_merge
def paired_summaries(
    folder: Folder, cell: str, reference: str, measures: list[str], stop: int | None = None
) -> dict[str, Summary]:
    """Sum up the differences of two cells, episode by episode: those that both have."""
    found = {name: Summary() for name in measures}
    others = windows(folder, reference, measures, stop)
    other = next(others, None)
    for number, episodes, values in windows(folder, cell, measures, stop):
        while other is not None and other[0] < number:
            other = next(others, None)
        if other is None:
            break
        if other[0] == number:
            _, mine, theirs = np.intersect1d(episodes, other[1], assume_unique=True, return_indices=True)
            for name, summary in found.items():
                summary.add(values[name][mine] - other[2][name][theirs])
    return found
