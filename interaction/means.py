"""Means of episodes with their intervals: of one run, and of the differences of two runs that are paired."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.display import decimals
from interaction.errors import AmbiguityWarning, ArgumentError, unknown_name
from interaction.trajectory import Trajectories

Array = NDArray[Any]
Measure = str | Callable[[Trajectories], Any]
"""What is told of each episode: the name of a number that a run keeps, or a function of the run."""

_WHOLE = 2**53
_NAMES = ("returns", "lengths", "terminated", "truncated")


def interval(values: Any, level: float = 0.95) -> tuple[Any, Any]:
    """Give the mean of independent values, and half the width of its interval (Student's t).

    `values` `(n, ...)`: means are those over the first axis. Of a single value the width is not known: NaN.
    Raises `ArgumentError` for masked entries, which are to be left out.

    >>> from interaction.plots import interval
    >>> mean, half = interval([1.0, 2.0, 3.0, 4.0])
    >>> print(f"{mean} ± {half:.2f}")
    2.5 ± 2.05
    """
    _check_level(level, "interval")
    values = unmasked(values, "interval")
    n = len(values)
    mean = values.mean(axis=0)
    if n < 2:
        return mean, np.full_like(mean, np.nan)[()]
    from scipy.special import stdtrit  # a tenth of a second, which workers of sweeps do not need

    return mean, stdtrit(n - 1, 0.5 + level / 2) * values.std(axis=0, ddof=1) / np.sqrt(n)


def unmasked(values: Any, where: str) -> Array:
    """Give values as an array of floats; raise `ArgumentError` for masked entries, which have no number."""
    found: Any = np.ma.array(values, float)  # of a list of masked arrays, too
    if np.ma.is_masked(found):
        raise ArgumentError(
            f"{where}: expected numbers, got {found.mask.sum()} masked entries; leave them out, as "
            "`values.compressed()` does"
        )
    return np.asarray(found.data)


def told(level: float, n: int | None = None, of: str = "") -> str:
    """Name mean and interval as figures do: "mean and 95 % t interval, n = 1,000"."""
    if n == 1:
        return f"n = 1 {of}".rstrip() + ", so that there is no interval"
    name = f"mean and {100 * level:g} % t interval"
    return name if n is None else f"{name}, n = {n:,} {of}".rstrip()


@dataclass(frozen=True, eq=False)
class PairedDifferences:
    """The differences of two runs, episode by episode: `values` `(episode, *over)`, with their mean.

    `mean`, `low` and `high` have the axes `(*over)`: the interval is Student's t of `level`, over `n` pairs.
    Intervals of several cells of `over` share their episodes, so they are not independent.

    >>> from interaction import Bundle, paired_differences
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> bundles = [Bundle(PointingTask(), CarefulPointer(rate)) for rate in (0.3, 0.0)]
    >>> hasty, careful = (bundle.run(500, seed=1) for bundle in bundles)
    >>> found = paired_differences(hasty, careful, "lengths")
    >>> found.n, round(float(found.mean), 1), found.values[:5]
    (500, 16.3, array([10.,  2.,  4., 16., 48.]))
    """

    values: Array
    over: Mapping[str, Array]
    measure: str
    level: float

    @property
    def n(self) -> int:
        """How many pairs of episodes there are."""
        return len(self.values)

    @property
    def mean(self) -> Any:
        """The mean difference: `(*over)`."""
        return interval(self.values, self.level)[0]

    @property
    def low(self) -> Any:
        """The lower end of the interval: `(*over)`."""
        return np.subtract(*interval(self.values, self.level))

    @property
    def high(self) -> Any:
        """The upper end of the interval: `(*over)`."""
        return np.add(*interval(self.values, self.level))

    def __str__(self) -> str:
        if self.values.ndim > 1:
            found = "by cell"
        elif self.low == self.high:
            found = f"{self.mean:.4g} in each pair"
        else:
            digits = decimals((self.high - self.low) / 2)
            found = "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(self.mean, self.low, self.high, d=digits)
        kind = told(self.level, self.n, of="pairs")
        return f"difference of {self.measure}: {found} ({kind})"


def paired_differences(
    runs_a: Trajectories, runs_b: Trajectories, measure: Measure = "returns", *, level: float = 0.95
) -> PairedDifferences:
    """Give how much more (or less) each episode of one run has than the same episode of another: a less b.

    Both runs must have the same seed, episodes and axes of `over`: then both played with the same luck, which
    the differences leave out. `measure` is "returns",
    "lengths" (rounds), "terminated", "truncated", a source of rewards such as "user_task", or a function
    that gives a number for each episode of a run: `(episode, *over)`.
    Raises `ArgumentError` for runs that are not paired, and for numbers that are not finite. Warns
    (`AmbiguityWarning`) where the same episode was given another beginning in each run (`start`).

    >>> from interaction import Bundle, paired_differences
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> careful, hasty = (Bundle(PointingTask(), CarefulPointer(rate)) for rate in (0.0, 0.3))
    >>> print(paired_differences(hasty.run(500, seed=1), careful.run(500, seed=1), "lengths"))
    difference of lengths: 16.3 [14.9, 17.8] (mean and 95 % t interval, n = 500 pairs)
    """
    _check_level(level, "paired_differences")
    for name, runs in (("runs_a", runs_a), ("runs_b", runs_b)):
        if not isinstance(runs, Trajectories):
            raise ArgumentError(
                f"paired_differences: {name}: expected Trajectories, got {type(runs).__name__}"
            )
    check_paired({"runs_a": runs_a, "runs_b": runs_b}, "paired_differences")
    first, second = (
        measured(runs, measure, f"paired_differences: {name}")
        for name, runs in (("runs_a", runs_a), ("runs_b", runs_b))
    )
    return PairedDifferences(first - second, runs_a.over, name_of(measure), level)


def check_paired(runs: Mapping[str, Trajectories], where: str) -> None:
    """Raise unless all runs have the seed, the episodes and the axes of the first one, and two episodes.

    Warns where episodes were given beginnings that differ from run to run and not only as a whole run does:
    by `start`, or by an axis of values that go together, which has but numbers for labels.
    """
    (name, first), *others = runs.items()
    for other, run in others:
        for what, mine, theirs in (
            ("seed", first.seed, run.seed),
            ("episodes", first.episodes, run.episodes),
            ("axes of over", list(first.over), list(run.over)),
            *((f"values of {path}", first.over[path], run.over.get(path)) for path in first.over),
        ):
            if not np.array_equal(mine, theirs):  # type: ignore[arg-type]
                raise ArgumentError(
                    f"{where}: expected runs that are paired: {name} and {other} have different {what}, "
                    f"{_shown(mine)} and {_shown(theirs)}"
                )
    if len(first.episodes) < 2:
        raise ArgumentError(f"{where}: expected two or more episodes, got {len(first.episodes)}")
    for other, run in others:
        apart = [
            path
            for path in sorted(_given(first) | _given(run))
            if _began_apart(first.start.get(path), run.start.get(path), first.lengths.ndim)
        ]
        if apart:
            warnings.warn(
                f"{where}: the same episodes of {name} and {other} begin with other values of "
                f"{', '.join(apart)}, which the differences hold, too: was start= forgotten in a run, or "
                f"over= another one?",
                AmbiguityWarning,
                stacklevel=3,
            )


def _given(run: Trajectories) -> set[str]:
    """Name what episodes were given to begin with: by `start`, and by axes of values that go together."""
    axes = [axis for axis, name in enumerate(run.over, 1) if name not in run.start]
    return {
        path
        for path, values in run.start.items()
        if path in run.forced or any((values != values.take([0], axis)).any() for axis in axes)
    }


def _began_apart(mine: Array | None, theirs: Array | None, axes: int) -> bool:
    """Whether episodes begin otherwise in two runs, and not only as a whole run does; `(*axes, ...)` each."""
    if mine is None or theirs is None or np.array_equal(mine, theirs):
        return False
    return any(bool((values != values[(0,) * axes]).any()) for values in (mine, theirs))


def measured(runs: Trajectories, measure: Measure, where: str) -> Array:
    """Give the measure of each episode of a run as floats: `(episode, *over)`."""
    found = read_measure(runs, measure, where)
    if np.ma.is_masked(found):
        raise _not_finite(found.filled(np.nan), runs, measure, where)
    return np.asarray(found.data, float)


def read_measure(runs: Trajectories, measure: Measure, where: str) -> np.ma.MaskedArray[Any, Any]:
    """Give the measure of each episode of a run as floats, masked where it has none: `(episode, *over)`.

    Floats of fewer bits stay what they are: it tells how precise they may be.
    """
    if callable(measure):
        values = measure(runs)
    elif measure in _NAMES:
        values = getattr(runs, measure)
    elif measure in runs.rewards:
        values = runs.rewards[measure]
    else:
        raise unknown_name(measure, [*_NAMES, *runs.rewards], f"{where}: measure")
    given: np.ma.MaskedArray[Any, Any] = np.ma.array(values)
    if given.dtype.kind not in "biufO":
        raise ArgumentError(
            f"{where}: {name_of(measure)}: expected a number for each episode, got an array of {given.dtype}"
        )
    if given.dtype.kind in "iu" and ((given > _WHOLE) | (given < -_WHOLE)).any():
        raise ArgumentError(
            f"{where}: {name_of(measure)}: expected whole numbers up to 2**53, which a float holds "
            f"to the last digit, got {given.min()} to {given.max()}"
        )
    short = given.dtype in (np.float32, np.float16)
    found: np.ma.MaskedArray[Any, Any] = given if short else np.ma.array(given, float)
    if found.shape != runs.lengths.shape:
        raise ArgumentError(
            f"{where}: {name_of(measure)}: expected a number for each episode, {runs.lengths.shape}, "
            f"got an array {found.shape}"
        )
    if not np.isfinite(found.filled(0.0)).all():
        raise _not_finite(found.filled(0.0), runs, measure, where)
    return found


def _not_finite(values: Array, runs: Trajectories, measure: Measure, where: str) -> ArgumentError:
    at = np.argwhere(~np.isfinite(values))[0]
    return ArgumentError(
        f"{where}: {name_of(measure)}: expected finite numbers, got {values[tuple(at)]} in episode "
        f"{runs.episodes[at[0]]}"
    )


def name_of(measure: Measure) -> str:
    """Name a measure: a function by its own name."""
    return getattr(measure, "__name__", type(measure).__name__) if callable(measure) else measure


def _check_level(level: float, where: str) -> None:
    if not isinstance(level, float | np.floating) or not 0 < level < 1:
        raise ArgumentError(f"{where}: level: expected a number between 0 and 1, got {level!r}")


def _shown(value: Any) -> str:
    return np.array2string(value, threshold=6) if isinstance(value, np.ndarray) else str(value)
