"""A sweep: what it is made of, and how it is played into a folder."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from interaction.bundle import Bundle
from interaction.errors import ArgumentError, SweepError, unknown_name
from interaction.importing import reference_to
from interaction.means import Measure
from interaction.random import check_seed
from interaction.studies.surroundings import Lines
from interaction.studies.sweeps.adaptive import Until
from interaction.studies.sweeps.cells import RESERVED, Cell, cells_of, chosen, read_over
from interaction.studies.sweeps.chunk import Failure, Job, bundle_of
from interaction.studies.sweeps.folder import Folder
from interaction.studies.sweeps.playing import play_sweep
from interaction.studies.sweeps.results import SweepResults
from interaction.studies.sweeps.upkeep import verify

Changed = Literal["refuse", "keep", "again"]


class Sweep:
    """A grid of bundles × episodes, played in chunks by any number of processes, and resumed after anything.

    `make_bundle` is called with a label of each axis of `over`, by name, and gives the `Bundle` of this cell;
    it and the functions of `measure` are written in a module, where other processes can import them.
    `measure` tells by name what is kept of each episode: "returns", "lengths", another number that a run has,
    or a function of `Trajectories` that gives a number for each episode, masked (`numpy.ma`) where there is
    none. What it reads beyond returns and lengths is listed in `record`, as `bundle.run` takes it; paths of
    `keep` are written to the files, too: a list of values for each episode, or with `record="final"` the last
    one.

    Episode i is that of `sweep.bundle(...).run([i], seed)` in each cell, with the same luck in all of them;
    with `common=False` each cell has luck of its own. Chunks are as many episodes as take about `seconds`,
    measured once and written down; or `chunk`. With `until`, as in `{"rounds": 0.02}`, cells get episodes (up
    to `episodes`) until the standard error of the mean is below the bound, or with `paired`, the name of an
    axis, that of the differences from the first label of this axis. It counts as at least the range of all
    values so far over their number, so that no cell is left before a rare event may have happened there.

    Raises `ArgumentError` for an axis that is empty, names that clash, and functions that cannot be imported.

    >>> from interaction.examples.sweep import make_bundle
    >>> from interaction.studies import Sweep
    >>> over = {"assistant": ["none", "gain"], "error_rate": [0.0, 0.3], "gridsize": [31]}
    >>> sweep = Sweep(make_bundle, over, episodes=1_000, measure={"turns": "lengths"})
    >>> len(sweep.cells), sweep.bundle(assistant="gain", error_rate=0.3, gridsize=31).run([8], seed=0).lengths
    (4, array([4]))
    """

    def __init__(
        self,
        make_bundle: Callable[..., Bundle],
        over: Mapping[str, Sequence[Any]],
        episodes: int,
        seed: int = 0,
        *,
        measure: Mapping[str, Measure],
        keep: Sequence[str] = (),
        record: Sequence[str] | Literal["final"] = (),
        common: bool = True,
        seconds: float = 3.0,
        chunk: int | None = None,
        until: Mapping[str, float] | None = None,
        paired: str | None = None,
    ) -> None:
        self.over = read_over(over, "Sweep")
        self.episodes, self.chunk = (
            _count(episodes, "episodes"),
            None if chunk is None else _count(chunk, "chunk"),
        )
        self.seed, self.common, self.seconds = check_seed(seed), common, seconds
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
            raise ArgumentError(f"Sweep: seconds: expected a number above 0, got {seconds!r}")
        if isinstance(keep, str) or not all(isinstance(path, str) for path in keep):
            raise ArgumentError(f"Sweep: keep: expected a list of paths, got {keep!r}")
        if record != "final" and (
            isinstance(record, str) or not all(isinstance(path, str) for path in record)
        ):
            raise ArgumentError(f'Sweep: record: expected a list of paths, or "final", got {record!r}')
        if not isinstance(measure, Mapping) or not measure:
            raise ArgumentError(
                f"Sweep: measure: expected a mapping such as {{'rounds': 'lengths'}}, got {measure!r}"
            )
        measures = tuple(
            (name, given if isinstance(given, str) else reference_to(given, f"Sweep: measure {name!r}"))
            for name, given in measure.items()
        )
        recorded = "final" if record == "final" else tuple(dict.fromkeys([*keep, *record]))
        self.job = Job(reference_to(make_bundle, "Sweep: make_bundle"), measures, tuple(keep), recorded)
        self._check_names([*self.over, *measure, *keep])
        try:
            inspect.signature(make_bundle).bind(**dict.fromkeys(self.over))
        except TypeError as error:
            raise ArgumentError(
                f"Sweep: make_bundle: expected a function of {', '.join(self.over) or 'nothing'}, the axes "
                f"of over: {error}"
            ) from None
        self.until = None if until is None else self._read_until(until, paired, list(measure))
        if paired is not None and until is None:
            raise ArgumentError("Sweep: paired: it says what until= is about, and there is no until=")
        self.cells = cells_of(self.over, self.seed, common)

    def _check_names(self, names: list[str]) -> None:
        for index, name in enumerate(names):
            if not isinstance(name, str) or not name:
                raise ArgumentError(f"Sweep: expected names for columns, got {name!r}")
            if name in RESERVED:
                raise ArgumentError(f"Sweep: {name!r} is a column of every file: choose another name")
            if name in names[:index]:
                raise ArgumentError(
                    f"Sweep: the name {name!r} is there twice, among axes, measures and kept paths"
                )

    def _read_until(self, until: Any, paired: str | None, measures: list[str]) -> Until:
        if not isinstance(until, Mapping) or not until:
            raise ArgumentError(f"Sweep: until: expected a mapping such as {{'rounds': 0.02}}, got {until!r}")
        for name, bound in until.items():
            if name not in measures:
                raise unknown_name(name, measures, "Sweep: until")
            if isinstance(bound, bool) or not isinstance(bound, int | float) or not bound > 0:
                raise ArgumentError(f"Sweep: until: {name}: expected a standard error above 0, got {bound!r}")
        if paired is not None:
            if paired not in self.over:
                raise unknown_name(paired, self.over, "Sweep: paired")
            if len(self.over[paired]) < 2:
                raise ArgumentError(
                    f"Sweep: paired: expected an axis of two labels or more, got {paired!r}, which has "
                    f"{self.over[paired][0]!r} alone: there are no differences"
                )
            if not self.common:
                raise ArgumentError("Sweep: paired: without common random numbers episodes are no pairs")
        return Until(dict(until), paired)

    def bundle(self, **labels: Any) -> Bundle:
        """Make the bundle of a cell, by its labels."""
        return bundle_of(self.job.make_bundle, self._cell(labels, "Sweep.bundle"))

    def cell(self, **labels: Any) -> Cell:
        """Give the cell with these labels."""
        return self._cell(labels, "Sweep.cell")

    def _cell(self, labels: Mapping[str, Any], where: str) -> Cell:
        found = chosen(self.over, labels, where)
        for name in self.over:
            if name not in found:
                raise ArgumentError(f"{where}: expected a label of {name}, got none")
        return next(cell for cell in self.cells if found.items() <= cell.labels.items())

    def run(
        self,
        folder: str | Path,
        executor: Any = None,
        *,
        progress: bool = True,
        changed: Changed = "refuse",
        worker: tuple[int, int] | None = None,
    ) -> SweepResults:
        """Play the chunks that have no file in the folder, and give the results.

        `executor`: None for all cores of this machine, a number of processes, 0 for this process alone, or
        anything with the `submit` of `concurrent.futures`: a `ProcessPoolExecutor`, a
        `dask.distributed.Client`, an `MPIPoolExecutor`. `worker=(3, 16)` plays the third of sixteen shares,
        the others being played elsewhere.

        A folder in which another sweep was played, or the same one by other code, is refused with the lines
        that differ; `changed="keep"` goes on with what is there, `changed="again"` plays all anew. Where a
        component raises, its cell stops and the others go on, and at the end there is a `SweepError` that
        names cell, episode and seed. Ctrl-C says
        how many episodes are there. Raises `ArgumentError` for bad input before a chunk is played, and
        `FolderError` where a file cannot be written.

        >>> import tempfile
        >>> from interaction.examples.sweep import small
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = small(episodes=40).run(folder, executor=0, progress=False)
        ...     again = small(episodes=40).run(folder, executor=0, progress=False)  # plays nothing
        ...     print(results.table().equals(again.table()))
        True
        """
        try:
            failures = play_sweep(self, Folder(folder), executor, progress, changed, worker)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(f"{self._told_of(folder)}; the same call goes on from there")
            raise
        results = SweepResults(folder)
        if failures:
            alike: dict[object, list[Failure]] = {}
            for one in failures:  # one that has an episode to show it is told by itself
                alike.setdefault(one.error if one.episode is None else one, []).append(one)
            told = "\n".join(
                f"- {some[0]}" + f" (and {len(some) - 1} more cells the same)" * (len(some) > 1)
                for some in alike.values()
            )
            others = f"; the others are in {results.folder}, and SweepResults gives them"
            stopped = f"{len(failures)} of {len(self.cells)} cells stopped"
            error = SweepError(f"{stopped}{others * (len(failures) < len(self.cells))}:\n{told}")
            error.failures = tuple(failures)
            raise error
        return results

    def _told_of(self, folder: str | Path) -> str:
        """Say how many episodes are there, of how many."""
        parts = [Folder(folder).parts(cell.name) for cell in self.cells]
        there = sum(min(sum(one.stop - one.begin for one in some), self.episodes) for some in parts)
        most = "at most " * (self.until is not None)
        return f"{there:,} of {most}{self.episodes * len(self.cells):,} episodes are in {folder}"

    def verify(
        self,
        folder: str | Path,
        chunks: int = 20,
        *,
        executor: Any = None,
        seed: int = 0,
        progress: bool = True,
    ) -> int:
        """Play up to so many chunks of a folder again, chosen by the seed, and compare bytes; give how many.

        Raises `SweepError` with the files that differ. Where none does, and the folder was played by other
        code or versions, the log says by which.

        >>> import tempfile
        >>> from interaction.examples.sweep import small
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     results = small(episodes=40).run(folder, executor=0, progress=False)
        ...     small(episodes=40).verify(folder, executor=0, progress=False)
        2
        """
        count, lines = verify(self.job, self.cells, Folder(folder), chunks, seed, executor, progress)
        if lines:
            raise SweepError(
                f"{len(lines)} of {count} chunks differ when they are played again:\n" + "\n".join(lines)
            )
        return count

    def specification(self) -> Lines:
        """Give what the manifest says of the sweep itself."""
        until = (
            None if self.until is None else {"bounds": dict(self.until.bounds), "paired": self.until.paired}
        )
        return {
            "make_bundle": str(self.job.make_bundle),
            "over": {name: list(labels) for name, labels in self.over.items()},
            "episodes": self.episodes,
            "seed": self.seed,
            "common": self.common,
            "measure": {name: str(one) for name, one in self.job.measures},
            "keep": list(self.job.keep),
            "record": self.job.record if isinstance(self.job.record, str) else list(self.job.record),
            "chunk": self.chunk,
            "until": until,
        }

    def __repr__(self) -> str:
        axes = " × ".join(f"{len(labels)} {name}" for name, labels in self.over.items())
        told = f"{self.job.make_bundle}, {axes or 'one cell'}, {self.episodes:,} episodes, seed={self.seed}"
        return f"Sweep({told})"


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ArgumentError(f"Sweep: {name}: expected a number >= 1, got {value!r}")
    return value
