"""How many episodes each cell gets until its mean is known well enough: by stages, from results alone.

A stage looks at the episodes that the stages before it have given, and at no others that may be there; so the
same sweep takes the same decisions with any number of workers, and again when it is resumed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from interaction.studies.sweeps.cells import Cell, Label, Over
from interaction.studies.sweeps.folder import Folder
from interaction.studies.sweeps.statistics import Summary, paired_summaries, summaries

FIRST = 128
"""Episodes of each cell before anything is decided: of fewer a standard error is not to be trusted."""

_MOST = 4  # times as many episodes as before, in one stage


@dataclass(frozen=True)
class Until:
    """Bounds of standard errors by measure; of paired differences along an axis, or of means."""

    bounds: Mapping[str, float]
    paired: str | None

    def wanted(
        self, folder: Folder, cells: list[Cell], over: Over, got: Mapping[Cell, int]
    ) -> dict[Cell, int]:
        """Give how many episodes the cells should have that are too uncertain, the most uncertain first."""
        excess: dict[Cell, float] = {}
        wanted: dict[Cell, int] = {}
        for pair, n, found in self._looked_at(folder, cells, over, got):
            ratio = float(np.max([found[name].standard_error / bound for name, bound in self.bounds.items()]))
            if math.isnan(ratio) or ratio > 1:
                growth = min(1.05 * ratio**2, _MOST) if math.isfinite(ratio) else _MOST
                for cell in pair:
                    excess[cell] = max(excess.get(cell, 0.0), ratio if math.isfinite(ratio) else math.inf)
                    wanted[cell] = max(wanted.get(cell, 0), math.ceil(n * growth))
        order = sorted(wanted, key=lambda cell: -excess[cell])  # stable: alike ones in the order of the cells
        return {cell: wanted[cell] for cell in order}

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
