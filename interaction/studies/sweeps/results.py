"""The results of a sweep, read from its folder: tables and figures, also while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interaction.errors import ArgumentError, missing_extra, unknown_name
from interaction.plots.style import styled
from interaction.studies.sweeps.adaptive import pairs
from interaction.studies.sweeps.cells import Cell, Label, chosen
from interaction.studies.sweeps.folder import Folder
from interaction.studies.sweeps.lines import draw
from interaction.studies.sweeps.statistics import Summary, paired_summaries, summaries
from interaction.studies.sweeps.upkeep import compact

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

QUANTILES = (0.05, 0.5, 0.95)


class SweepResults:
    """What lies in the folder of a sweep, for tables and figures.

    Files are read when something is asked, so that it tells of a sweep that still runs. `over` holds the
    labels of each axis, `measures` the names of what is told of each episode, and `cells` all combinations.
    Raises `ArgumentError` for a folder without a manifest.

    >>> import tempfile
    >>> from interaction.examples.sweep import small
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = small(episodes=40).run(folder, executor=0, progress=False)
    ...     results.episodes()[results.cells[0]], results.measures
    (40, ('turns', 'first_right'))
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Folder(folder)
        manifest = self._folder.read()
        if manifest is None:
            found = "one without manifest.json" if self._folder.path.is_dir() else "one that is not there"
            raise ArgumentError(f"{folder}: expected the folder of a sweep, got {found}")
        self.manifest: Mapping[str, Any] = manifest
        self.over = {name: tuple(labels) for name, labels in manifest["sweep"]["over"].items()}
        self.measures = tuple(manifest["sweep"]["measure"])
        self.common: bool = manifest["sweep"]["common"]
        self.cells = tuple(
            Cell(tuple((name, one["labels"][name]) for name in self.over), one["seed"])
            for one in manifest["cells"]
        )

    @property
    def folder(self) -> Path:
        """Where the files are: `chunks` in there is a data set of Parquet files."""
        return self._folder.path

    def episodes(self) -> dict[Cell, int]:
        """Give how many episodes of each cell are there."""
        return {
            cell: sum(part.stop - part.begin for part in self._folder.parts(cell.name)) for cell in self.cells
        }

    def table(
        self,
        differences: str | None = None,
        reference: Label | None = None,
        *,
        measures: Sequence[str] | None = None,
        quantiles: Sequence[float] = QUANTILES,
    ) -> pandas.DataFrame:
        """Give a row for each cell and measure: n, mean, standard error of the mean, and quantiles.

        With `differences`, the name of an axis, the rows tell of the paired differences from the cell that
        has the `reference` on this axis (its first label) and is else the same: episode by episode, with the
        same luck. Episodes whose measure is missing are not counted. Files are read one after the other, in a
        memory that does not grow with them. Needs pandas and pyarrow (extra `sweeps`).

        >>> import tempfile
        >>> from interaction.examples.sweep import small
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = small(episodes=40).run(folder, executor=0, progress=False)
        ...     table = results.table("assistant", measures=["turns"])
        >>> print(table[["assistant", "error_rate", "n", "mean", "standard_error"]].round(2))
          assistant  error_rate   n  mean  standard_error
        0      gain         0.0  40 -0.05            0.13
        """
        try:
            import pandas
        except ImportError:
            raise missing_extra("pandas", "sweeps", "SweepResults.table") from None
        if not all(0 <= level <= 1 for level in quantiles):
            raise ArgumentError(
                f"SweepResults.table: quantiles: expected levels from 0 to 1, got {quantiles}"
            )
        rows = []
        for cell, found in self._summaries(differences, reference, self._chosen(measures)):
            for name, summary in found.items():
                row: dict[str, Any] = {**cell.labels, "measure": name, "n": summary.n, "mean": summary.mean}
                row["standard_error"] = summary.standard_error
                for level, value in zip(quantiles, summary.quantiles(quantiles), strict=True):
                    row[f"quantile_{f'{100 * level:g}'.zfill(2)}"] = value
                rows.append(row)
        return pandas.DataFrame(rows)

    def _chosen(self, measures: Sequence[str] | None) -> list[str]:
        names = list(self.measures if measures is None else measures)
        for name in names:
            if name not in self.measures:
                raise unknown_name(name, self.measures, "SweepResults: measure")
        return names

    def _summaries(
        self, axis: str | None, reference: Label | None, measures: list[str]
    ) -> list[tuple[Cell, dict[str, Summary]]]:
        if axis is None:
            return [(cell, summaries(self._folder, cell.name, measures)) for cell in self.cells]
        if axis not in self.over:
            raise unknown_name(axis, self.over, "SweepResults.table: differences")
        if not self.common:
            raise ArgumentError(
                "SweepResults.table: differences: the cells of this sweep were played with different luck "
                "(common=False), so that their episodes are no pairs"
            )
        base = None if reference is None else chosen(self.over, {axis: reference}, "SweepResults.table")[axis]
        return [
            (cell, paired_summaries(self._folder, cell.name, other.name, measures))
            for cell, other in pairs(list(self.cells), self.over, axis, base)
        ]

    @styled
    def plot(
        self,
        x: str,
        hue: str | None = None,
        measure: str | None = None,
        ax: Axes | None = None,
        *,
        where: Mapping[str, Label] | None = None,
        level: float = 0.95,
    ) -> Axes:
        """Draw the means of a measure (the first) over the labels of an axis, with a line for each of `hue`.

        Means have normal intervals of `level`. Other axes are fixed by `where`, as in `{"gridsize": 31}`;
        where one is left open, its labels have a panel each, the first of which is given. Raises
        `UnknownNameError` for another axis or measure, and `ArgumentError` where there is no room for the
        panels. Needs the extra `plot`.

        >>> import tempfile
        >>> from interaction.examples.sweep import small
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = small(episodes=40).run(folder, executor=0, progress=False)
        ...     ax = results.plot("assistant", measure="turns")
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('assistant', 'turns')
        """
        if not 0 < level < 1:
            raise ArgumentError(f"SweepResults.plot: level: expected a number between 0 and 1, got {level!r}")
        fixed = chosen(self.over, where or {}, "SweepResults.plot: where")
        for name in (x, hue):
            if name is not None and name not in self.over:
                raise unknown_name(name, self.over, "SweepResults.plot")
        name = self._chosen([measure or self.measures[0]])[0]

        def known(labels: Mapping[str, Label]) -> Summary:
            cell = next(one for one in self.cells if labels.items() <= one.labels.items())
            return summaries(self._folder, cell.name, [name])[name]

        return draw(self.over, known, x, hue, fixed, name, ax, level)

    def compact(self, *, progress: bool = True) -> tuple[int, int]:
        """Merge the files of each cell into large ones; give how many there were, and how many there are.

        A run that is resumed finds its episodes in there. Do it when nothing is played in the folder, nor
        read by other programs: these may see episodes twice while it goes on.

        >>> import tempfile
        >>> from interaction.examples.sweep import small
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     small(episodes=40).run(folder, executor=0, progress=False).compact(progress=False)
        (2, 2)
        """
        return compact(self._folder, self.cells, progress)

    def __repr__(self) -> str:
        found = self.episodes()
        return f"SweepResults({len(found)} cells, {sum(found.values()):,} episodes, {self.folder})"
