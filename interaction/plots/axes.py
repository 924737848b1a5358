"""What pictures are drawn on, and how means and their intervals are told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError, missing_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]


def axes_of(ax: Axes | None, purpose: str = "plot") -> Axes:
    """Give the axes to draw on, new ones if there are none."""
    pyplot = pyplot_of(purpose)
    from matplotlib.axes import Axes as Kind

    if ax is None:
        new: Axes = pyplot.subplots(layout="constrained")[1]
        return new
    if not isinstance(ax, Kind):
        raise ArgumentError(f"{purpose}: ax: expected matplotlib Axes, got {type(ax).__name__}")
    return ax


def check_matplotlib(purpose: str) -> None:
    """Raise unless pictures can be drawn: before a long computation, not after it."""
    pyplot_of(purpose)


def pyplot_of(purpose: str) -> Any:
    """Give `matplotlib.pyplot`; raise unless it is installed."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing_extra("matplotlib", "plot", purpose) from None
    return pyplot


def interval(values: Array, z: float = 1.96) -> tuple[float, float]:
    """Give the mean of independent values and half the width of its 95 % interval (normal)."""
    values = np.asarray(values, float)
    half = z * values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else float("nan")
    return float(values.mean()), float(half)
