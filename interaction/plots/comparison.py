"""Pictures of comparisons: means with their intervals, and the differences of runs that are paired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError, unknown_name
from interaction.means import (
    Measure,
    PairedDifferences,
    check_paired,
    interval,
    measured,
    name_of,
    told,
    unmasked,
)
from interaction.plots.style import COLOURS, GREY, axes_of, styled, title, words
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]


@styled
def plot_comparison(
    values: Mapping[str, Trajectories | Array],
    ax: Axes | None = None,
    xlabel: str | None = None,
    *,
    measure: Measure = "returns",
    reference: str | None = None,
    level: float = 0.95,
) -> Axes:
    """Draw the means of several things, such as assistants, with their intervals (Student's t), in rows.

    `values` holds by label runs without `over`, of which the `measure` is told (see `paired_differences`), or
    the numbers themselves: `(episodes,)`. With a `reference`, one of the labels, the differences to it are
    drawn, with paired intervals: the runs must be paired, numbers must be those of the same two or more
    episodes. Raises `ArgumentError` where they are not, for numbers that are not finite, and for no values.

    >>> from interaction import Bundle, plot_comparison
    >>> from interaction.assistants.pointing import InformationGain, NoAssistant
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(31, 4, mode="position"), CarefulPointer(0.05)
    >>> assistants = {"asks": InformationGain(user, task), "none": NoAssistant(task)}
    >>> runs = {label: Bundle(task, user, one).run(50, seed=0) for label, one in assistants.items()}
    >>> ax = plot_comparison(runs, measure="lengths", reference="none")
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('lengths, difference from none', ['mean and 95 % t interval, n = 50 pairs'])
    """
    if not values:
        raise ArgumentError("plot_comparison: expected one label or more with its values, got none")
    if reference is not None and reference not in values:
        raise unknown_name(reference, values, "plot_comparison: reference")
    numbers = {label: _numbers(one, measure, label) for label, one in values.items()}
    what = words(name_of(measure)) if xlabel is None else xlabel
    if reference is not None:
        numbers = _differences(values, numbers, reference)
        what = f"{what}, difference from {reference}"
    own, ax = ax is None, axes_of(ax, "plot_comparison")
    if reference is not None:
        ax.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    found = [interval(one, level) for one in numbers.values()]
    means, halves = ([pair[part] for pair in found] for part in (0, 1))
    ax.errorbar(means, range(len(found)), xerr=halves, fmt="o", color=COLOURS[0])
    counts = {len(one) for one in numbers.values()}
    same = len(counts) == 1
    names = [name if same else f"{name}\nn = {len(one):,}" for name, one in numbers.items()]
    ax.set_yticks(range(len(found)), names)
    ax.set_ylim(len(found) - 0.5, -0.5)
    if own:
        ax.figure.set_figheight(0.9 + 0.25 * len(found))  # type: ignore[union-attr]
    ax.set(xlabel=what)
    title(
        ax,
        note=told(level, max(counts), of="pairs" if reference else "") if len(counts) == 1 else told(level),
    )
    return ax


@styled
def plot_differences(found: PairedDifferences, ax: Axes | None = None, xlabel: str | None = None) -> Axes:
    """Draw paired differences: a histogram with mean and interval, or over one axis of candidates, those.

    Raises `ArgumentError` for differences over several axes.

    >>> from interaction import Bundle, paired_differences, plot_differences
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> bundles = [Bundle(PointingTask(), CarefulPointer(rate)) for rate in (0.3, 0.0)]
    >>> hasty, careful = (bundle.run(500, seed=1) for bundle in bundles)
    >>> ax = plot_differences(paired_differences(hasty, careful, "lengths"), xlabel="rounds more")
    >>> ax.get_xlabel(), [text.get_text() for text in ax.texts]
    ('rounds more', ['mean and 95 % t interval, n = 500 pairs'])
    """
    ax = axes_of(ax, "plot_differences")
    if len(found.over) > 1:
        raise ArgumentError(f"plot_differences: expected at most one axis of over, got {list(found.over)}")
    what = f"difference of {words(found.measure)}" if xlabel is None else xlabel
    mean, half = interval(found.values, found.level)
    if found.over:
        ((path, labels),) = found.over.items()
        ax.axhline(0, color=GREY, linewidth=0.6, zorder=0)
        places = labels if labels.ndim == 1 and labels.dtype.kind in "iuf" else np.arange(len(mean))
        ax.errorbar(places, mean, yerr=half, fmt="o", color=COLOURS[0])
        ax.set(xlabel=words(path), ylabel=what)
    else:
        ax.axvline(0, color=GREY, linewidth=0.6, zorder=0)
        ax.hist(found.values, bins="auto", color="0.8")
        top = ax.get_ylim()[1]
        ax.errorbar([mean], [1.05 * top], xerr=[half], fmt="o", color=COLOURS[0])
        ax.set(xlabel=what, ylabel="episodes")
    title(ax, note=told(found.level, found.n, of="pairs"))
    return ax


def _numbers(one: Trajectories | Array, measure: Measure, label: str) -> Array:
    if not isinstance(one, Trajectories):
        numbers = unmasked(one, f"plot_comparison: {label}")
        if numbers.ndim != 1 or not len(numbers):
            raise ArgumentError(
                f"plot_comparison: {label}: expected numbers (episodes,), got an array {numbers.shape}"
            )
        if not np.isfinite(numbers).all():
            at = int(np.argmin(np.isfinite(numbers)))
            raise ArgumentError(
                f"plot_comparison: {label}: expected finite numbers, got {numbers[at]} at place {at}"
            )
        return numbers
    if one.over:
        raise ArgumentError(f"plot_comparison: {label}: expected a run without `over`, got {list(one.over)}")
    return measured(one, measure, f"plot_comparison: {label}")


def _differences(values: Mapping[str, Any], numbers: Mapping[str, Array], reference: str) -> dict[str, Array]:
    runs = {label: one for label, one in values.items() if isinstance(one, Trajectories)}
    if runs:
        check_paired(runs, "plot_comparison")
    if len(numbers) < 2:
        raise ArgumentError(f"plot_comparison: expected values to compare with {reference}, got none")
    for label, one in numbers.items():
        if one.shape != numbers[reference].shape:
            raise ArgumentError(
                f"plot_comparison: expected numbers of the same episodes as those of {reference}, "
                f"{numbers[reference].shape}, got {one.shape} of {label}"
            )
    if len(numbers[reference]) < 2:
        raise ArgumentError("plot_comparison: reference: expected two or more episodes, got 1")
    return {label: one - numbers[reference] for label, one in numbers.items() if label != reference}
