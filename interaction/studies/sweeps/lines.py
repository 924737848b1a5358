"""A sweep drawn: means with their intervals over one axis, a line for each label of another."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from interaction.errors import ArgumentError
from interaction.plots.style import COLOURS, LINES, MARKERS, axes_of, figure, legend, title, words
from interaction.studies.sweeps.cells import Label, Over
from interaction.studies.sweeps.statistics import Summary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PANELS = 6

Known = Callable[[Mapping[str, Label]], Summary]
"""Gives what is known of the cell with these labels."""


def draw(
    over: Over,
    known: Known,
    x: str,
    hue: str | None,
    fixed: Mapping[str, Label],
    measure: str,
    ax: Axes | None,
    level: float,
) -> Axes:
    """Draw one panel or, where axes are left open, one for each of their combinations; give the first."""
    left = [name for name, labels in over.items() if name not in (x, hue, *fixed) and len(labels) > 1]
    fixed = {name: labels[0] for name, labels in over.items() if len(labels) == 1} | dict(fixed)
    panels = list(product(*(over[name] for name in left)))
    if left and (ax is not None or len(panels) > MOST_PANELS):
        one = {name: over[name][0] for name in left}
        raise ArgumentError(
            f"SweepResults.plot: expected one label of {', '.join(left)}, as in where={one}: what differs in "
            f"it is not to be averaged, and there is no room for {len(panels)} panels"
        )
    if not left:
        ax = axes_of(ax, "SweepResults.plot")
        _panel(ax, over, known, x, hue, fixed, measure, level)
        return ax
    letters = string.ascii_lowercase[: len(panels)]
    rows = [letters[:3], letters[3:].ljust(3, ".")] if len(panels) > 3 else [letters]
    _, drawn = figure("\n".join(rows), columns=2, height=2.6 * len(rows), sharey=True)
    for (letter, panel), labels in zip(drawn.items(), panels, strict=True):
        here = dict(zip(left, labels, strict=True))
        _panel(panel, over, known, x, hue, fixed | here, measure, level)
        title(panel, ", ".join(f"{words(name)} {label}" for name, label in here.items()))
        if letter not in "ad":
            panel.set_ylabel("")
    return drawn["a"]


def _panel(
    ax: Axes,
    over: Over,
    known: Known,
    x: str,
    hue: str | None,
    fixed: Mapping[str, Label],
    measure: str,
    level: float,
) -> None:
    counts: set[int] = set()
    labels = over[x]
    numeric = not isinstance(labels[0], str | bool)
    for number, line in enumerate(over[hue] if hue else [None]):
        found = []
        for place, label in enumerate(labels):
            summary = known({**fixed, x: label} | ({} if hue is None or line is None else {hue: line}))
            if summary.n:
                found.append((float(label) if numeric else place, summary.mean, summary.standard_error))
                counts.add(summary.n)
        if not found:
            continue
        at, means, errors = np.array(found).T
        ax.errorbar(
            at,
            means,
            yerr=ndtri(0.5 + level / 2) * errors,
            color=COLOURS[number % 7],
            marker=MARKERS[number % 7],
            linestyle=LINES[number % 7],
            label=None if line is None else str(line),
        )
    if not numeric:
        ax.set_xticks(range(len(labels)), [str(label) for label in labels])
    ax.set(xlabel=words(x), ylabel=words(measure))
    told = f"n = {counts.pop():,}" if len(counts) == 1 else f"n = {min(counts, default=0):,} and more"
    title(ax, note=f"mean and {100 * level:g} % normal interval,\n{told}")
    if hue and ax.containers:
        legend(ax, columns=2).set_title(words(hue))
