"""A chunk, some episodes of one cell: it is a function of the sweep, the cell and the range alone."""

from __future__ import annotations

import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.bundle import Bundle
from interaction.errors import ArgumentError, InteractionError
from interaction.importing import Reference
from interaction.means import read_measure
from interaction.studies.sweeps.cells import Cell
from interaction.studies.sweeps.parquet import EPISODE, arrow
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    import pyarrow

Array = NDArray[Any]
Measures = dict[str, np.ma.MaskedArray[Any, Any]]


_ELEMENT = "element"
"""What Parquet calls the entries of lists, so that a table is read as it was written."""


RAISED = (Exception, SystemExit)
"""What code of others raises, and is told with the cell: one `sys.exit()` ends no sweep."""


class MeasureError(ArgumentError):
    """A measure failed, or gave something else than a number for each episode; `function` is its name."""

    function = ""


@dataclass(frozen=True)
class Job:
    """What all chunks of a sweep have in common: how a bundle is made, and what is kept of its episodes."""

    make_bundle: Reference
    measures: tuple[tuple[str, str | Reference], ...]
    keep: tuple[str, ...]
    record: str | tuple[str, ...]


@dataclass(frozen=True)
class Chunk:
    """The episodes `first` to `stop` − 1 of a cell."""

    cell: Cell
    first: int
    stop: int

    @property
    def file(self) -> str:
        """The name of its file."""
        return file_of(self.first, self.stop)

    def __str__(self) -> str:
        return f"episodes {self.first:,} to {self.stop - 1:,} of {self.cell}"


def file_of(first: int, stop: int) -> str:
    """Name the file of the episodes `first` to `stop` − 1."""
    return f"{first:012d}-{stop:012d}.parquet"


def bundle_of(make_bundle: Reference, cell: Cell) -> Bundle:
    """Make the bundle of a cell; raise `ArgumentError` if it is none."""
    bundle = make_bundle.load()(**cell.labels)
    if not isinstance(bundle, Bundle):
        raise ArgumentError(f"make_bundle: expected a Bundle for {cell}, got {bundle!r}")
    return bundle


_kept_bundle = lru_cache(maxsize=32)(bundle_of)  # what a bundle learns of its components is used again


def forget() -> None:
    """Make all bundles again: what makes them may be another function by now."""
    _kept_bundle.cache_clear()


def play(job: Job, chunk: Chunk, bundle: Bundle | None = None) -> tuple[Trajectories, Measures]:
    """Play a chunk; give its run, and the measures `(episodes,)`, masked where an episode has none.

    The bundle is that of the last chunk of the cell, unless one is given.
    """
    bundle = _kept_bundle(job.make_bundle, chunk.cell) if bundle is None else bundle
    runs = bundle.run(range(chunk.first, chunk.stop), seed=chunk.cell.seed, record=job.record)
    measures = {name: _measured(runs, name, given) for name, given in job.measures}
    _check_beside(job, runs, measures)
    return runs, measures


def _measured(runs: Trajectories, name: str, given: str | Reference) -> np.ma.MaskedArray[Any, Any]:
    """Give a measure of each episode; raise `MeasureError` where that fails."""
    measure = given if isinstance(given, str) else given.load()
    where = f"measure {name!r}"
    try:
        return read_measure(runs, measure, where)
    except RAISED as error:
        told = str(error) if isinstance(error, InteractionError) else f"{type(error).__name__}: {error}"
        told = told if told.startswith(where) else f"{where}: {told}"
        masked = "; mask the episodes that have no value" if "got nan" in told else ""
        failed = MeasureError(f"{told}{masked}{line_of(error)}")
        failed.function = given.name if isinstance(given, Reference) else ""
        raise failed from error


def _check_beside(job: Job, runs: Trajectories, measures: Measures) -> None:
    """Raise unless the measures tell the same of some episodes when no others are looked at beside them.

    Those are the shorter half, to which fewer rounds are added then that they did not play, and the shortest
    and the longest alone.
    """
    functions = [(name, given) for name, given in job.measures if isinstance(given, Reference)]
    if not functions or len(runs.lengths) < 2:
        return
    order = np.argsort(runs.lengths, kind="stable")
    half = order[: len(order) // 2]
    shorter = half[runs.lengths[half] < runs.lengths[order[-1]]]
    for places in (order[:1], order[-1:], np.sort(shorter if len(shorter) else half)):
        some = runs.subset(places)
        for name, given in functions:
            if not same_measures(measures[name], _measured(some, name, given), places):
                again = same_measures(measures[name], _measured(runs, name, given))
                raise MeasureError(BESIDE.format(name) if again else f"measure {name!r}: {OTHERWISE}")


_DIGITS = 256  # units of the last place, in sums of some hundred numbers


def same_measures(
    whole: np.ma.MaskedArray[Any, Any], some: np.ma.MaskedArray[Any, Any], places: Any = slice(None)
) -> bool:
    """Whether measures are the same as those at some places, but for what the order of a sum makes of them.

    Of floats of 32 bits and fewer that is more: some last digits of the largest.
    """
    there = whole[places]
    if not np.array_equal(np.ma.getmaskarray(there), np.ma.getmaskarray(some)):
        return False
    relative, absolute = 1e-9, 1e-12
    precision = max(np.finfo(one.dtype).eps for one in (whole, some))
    if precision > np.finfo(float).eps:
        relative, absolute = 0.0, _DIGITS * precision * np.abs(whole.filled(0.0)).max(initial=0.0)
    return np.allclose(there.filled(0.0), some.filled(0.0), rtol=relative, atol=absolute)


BESIDE = (
    "measure {!r}: it tells something else of an episode when others are played beside it. "
    "Rounds after the end of an episode repeat the last one: leave them out by runs.played; and what is told "
    "of an episode follows from that one alone, not from the mean of several"
)

OTHERWISE = (
    "episodes came out otherwise when they were played again: expected bundles and measures that follow from "
    "their arguments alone, not from a global random state, a clock or a counter"
)


def table_of(job: Job, chunk: Chunk, runs: Trajectories, measures: Measures) -> pyarrow.Table:
    """Give a row for each episode: its index, the cell's labels, the measures, and what is kept."""
    library = arrow()
    count = chunk.stop - chunk.first
    columns: dict[str, Any] = {EPISODE: library.array(runs.episodes)}
    for name, value in chunk.cell.values:
        columns[name] = library.array([value] * count)
    for name, values in measures.items():
        columns[name] = _column(values.astype(float))
    for path in job.keep:
        columns[path] = _kept(runs, path)
    found = library.table(columns)
    return found.replace_schema_metadata({"interaction.cell": chunk.cell.name})


def _kept(runs: Trajectories, path: str) -> Any:
    """Give what was recorded: a value for each episode, or a list of one for each of its rounds."""
    if not runs.per_round:
        return _column(runs[path])
    flat = _column(runs[path][runs.played])
    ends = np.concatenate([[0], np.cumsum(runs.lengths)])
    library = arrow()
    kind = library.list_(library.field(_ELEMENT, flat.type))
    return library.ListArray.from_arrays(library.array(ends, "int32"), flat, type=kind)


def _column(values: Array) -> Any:
    """Give an array `(rows, *shape)` as a column: vectors are lists of a fixed length."""
    library = arrow()
    flat = np.ma.getdata(values).reshape(-1)
    mask = np.ma.getmaskarray(values).reshape(-1) if np.ma.is_masked(values) else None
    column = library.array(
        np.where(mask, np.zeros((), flat.dtype), flat) if mask is not None else flat, mask=mask
    )
    for length in reversed(values.shape[1:]):
        kind = library.list_(library.field(_ELEMENT, column.type), length)
        column = library.FixedSizeListArray.from_arrays(column, type=kind)
    return column


def one_thread() -> AbstractContextManager[object]:
    """Keep numerical libraries to one thread: there are as many workers as cores."""
    controller = _controller()
    return nullcontext() if controller is None else controller.limit(limits=1)


@lru_cache(maxsize=1)
def _controller() -> Any:
    """Find the numerical libraries, once: it takes some milliseconds."""
    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:  # it comes with the extra `sweeps`; what it is for is speed alone
        return None
    return ThreadpoolController()


@dataclass(frozen=True)
class Failure:
    """An error of a component or a measure: `call` shows it, of one `episode`, or none alone does."""

    cell: Cell
    episode: int | None
    error: str
    trace: str
    call: str = ""

    def __str__(self) -> str:
        if self.episode is None:
            return f"{self.cell}: {self.error}"
        return (
            f"{self.cell}, episode {self.episode}, seed {self.cell.seed}: {self.error} ({self.call} shows it)"
        )


def find_failure(job: Job, chunk: Chunk, error: BaseException) -> Failure:
    """Play parts of a chunk that failed, to find the first episode that fails alone."""
    first, stop = chunk.first, chunk.stop
    while stop - first > 1:
        middle = (first + stop) // 2
        found = _error_of(job, Chunk(chunk.cell, first, middle))
        if found is not None:
            stop, error = middle, found
        else:
            first = middle
    alone = _error_of(job, Chunk(chunk.cell, first, stop))
    error = error if alone is None else alone
    told = (
        str(error) if isinstance(error, MeasureError) else f"{type(error).__name__}: {error}{line_of(error)}"
    )
    return Failure(
        chunk.cell,
        None if alone is None else first,
        told + (f" (only {chunk} together show it)" if alone is None else ""),
        "".join(traceback.format_exception(error)),
        _call_of(job, chunk.cell, first, error),
    )


def _call_of(job: Job, cell: Cell, episode: int, error: BaseException) -> str:
    """Write the call that shows the error of an episode."""
    labels = ", ".join(f"{name}={value!r}" for name, value in cell.values)
    call = f"make_bundle({labels}).run([{episode}], seed={cell.seed}"
    if isinstance(error, MeasureError) and error.function:
        recorded = job.record if isinstance(job.record, str) else list(job.record)
        return f"{error.function}({call}, record={recorded!r}))"
    return f"{call})"


def line_of(error: BaseException) -> str:
    """Say in which line of a component an error was raised, if it was in one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not Path(frame.filename).is_relative_to(_ENGINE)]
    own = [frame for frame in own if "site-packages" not in frame.filename and "<" not in frame.filename]
    return f" ({Path(own[-1].filename).name}, line {own[-1].lineno}, in {own[-1].name})" if own else ""


_ENGINE = Path(__file__).parents[2]


def _error_of(job: Job, chunk: Chunk) -> BaseException | None:
    try:
        play(job, chunk)
    except RAISED as error:
        return error
    return None
