"""How many episodes each cell gets until its mean is known well enough: by stages, from results alone.

A stage looks at the episodes that the stages before it have given, and at no others that may be there; so the
same sweep takes the same decisions with any number of workers, and again when it is resumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from interaction.studies.sweeps.cells import Cell, Label, Over
from interaction.studies.sweeps.folder import Folder
from interaction.studies.sweeps.statistics import Summary, paired_summaries, summaries

FIRST = 128
"""Episodes of each cell before anything is decided: of fewer a standard error is not to be trusted."""

_MARGIN = 1.05  # since standard errors are estimates
_MOST = 4  # times as many episodes as before, in one stage


class _Known(NamedTuple):
    """What is known of a measure in a cell, or of its differences."""

    n: int
    error: float
    low: float
    high: float

    def factor(self, bound: float, spread: float) -> float:
        """Give by how much there are too few for a bound of the standard error."""
        if self.n < 2:
            return math.inf
        by_error = (self.error / bound) ** 2
        return max(by_error * (_MARGIN if by_error > 1 else 1.0), spread / self.n / bound)


def _range(known: list[_Known]) -> float:
    """Give the range of all values; where they are all the same, the largest that there might have been."""
    low, high = (min(one.low for one in known), max(one.high for one in known)) if known else (0.0, 0.0)
    return high - low if high > low else max(abs(high), 1.0)


@dataclass(frozen=True)
class Until:
    """Bounds of standard errors by measure; of paired differences along an axis, or of means."""

    bounds: Mapping[str, float]
    paired: str | None

    def wanted(
        self, folder: Folder, cells: list[Cell], over: Over, got: Mapping[Cell, int]
    ) -> dict[Cell, int]:
        """Give how many episodes the cells should have that are too uncertain, the most uncertain first.

        A standard error counts as at least the range of all values that are looked at over their number in a
        cell, as if one more episode had lain at the other end: episodes in which a rare event did not happen
        are all alike, and tell little of how rare it is.
        """
        looked = [
            (
                pair,
                n,
                {name: _Known(one.n, one.standard_error, one.low, one.high) for name, one in found.items()},
            )
            for pair, n, found in self._looked_at(folder, cells, over, got)
        ]
        ranges = {name: _range([found[name] for *_, found in looked]) for name in self.bounds}
        excess: dict[Cell, float] = {}
        wanted: dict[Cell, int] = {}
        for pair, n, found in looked:
            factor = max(found[name].factor(bound, ranges[name]) for name, bound in self.bounds.items())
            if factor > 1:
                for cell in pair:
                    excess[cell] = max(excess.get(cell, 0.0), factor)
                    wanted[cell] = max(wanted.get(cell, 0), math.ceil(n * min(factor, _MOST)))
        order = sorted(wanted, key=lambda cell: -excess[cell])  # stable: alike ones in the order of the cells
        return {cell: wanted[cell] for cell in order}

    def chunks(self, cells: Iterable[Cell], sizes: Mapping[str, int]) -> dict[str, int]:
        """Give cells that are paired chunks of one size, the smallest, so that all episodes are in pairs."""
        if self.paired is None:
            return dict(sizes)
        pairs = {
            cell.name: tuple(label for label in cell.values if label[0] != self.paired)
            for cell in cells
            if cell.name in sizes
        }
        smallest: dict[tuple[tuple[str, Label], ...], int] = {}
        for name, pair in pairs.items():
            smallest[pair] = min(smallest.get(pair, sizes[name]), sizes[name])
        return {**sizes, **{name: smallest[pair] for name, pair in pairs.items()}}

    def _looked_at(
        self, folder: Folder, cells: list[Cell], over: Over, got: Mapping[Cell, int]
    ) -> Iterator[tuple[tuple[Cell, ...], int, dict[str, Summary]]]:
        names = list(self.bounds)
        if self.paired is None:
            for cell in cells:
                yield (cell,), got[cell], summaries(folder, cell.name, names, got[cell])
            return
        for cell, reference in pairs(cells, over, self.paired):
            n = min(got[cell], got[reference])
            yield (cell, reference), n, paired_summaries(folder, cell.name, reference.name, names, n)


def pairs(
    cells: list[Cell], over: Over, axis: str, reference: Label | None = None
) -> Iterator[tuple[Cell, Cell]]:
    """Give each cell with the one that differs in an axis alone: it has the reference, or the first label."""
    base = over[axis][0] if reference is None else reference
    by_labels = {cell.values: cell for cell in cells}
    for cell in cells:
        other = by_labels.get(tuple((name, base if name == axis else value) for name, value in cell.values))
        if other is not None and cell.labels[axis] != base:
            yield cell, other
