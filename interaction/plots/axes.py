"""What pictures are drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interaction.errors import ArgumentError, missing_extra

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def axes_of(ax: Axes | None, purpose: str = "plot") -> Axes:
    """Give the axes to draw on, new ones if there are none.

    Raises `MissingExtraError` without matplotlib, and `ArgumentError` for what are no axes.

    >>> from interaction.plots import axes_of
    >>> ax = axes_of(None)
    >>> axes_of(ax) is ax
    True
    """
    pyplot = pyplot_of(purpose)
    from matplotlib.axes import Axes as Kind

    if ax is None:
        new: Axes = pyplot.subplots(layout="constrained")[1]
        return new
    if not isinstance(ax, Kind):
        raise ArgumentError(f"{purpose}: ax: expected matplotlib Axes, got {type(ax).__name__}")
    return ax


def check_matplotlib(purpose: str) -> None:
    """Raise unless pictures can be drawn: before a long computation, not after it.

    >>> from interaction.plots import check_matplotlib
    >>> check_matplotlib("my_study")  # is there
    """
    pyplot_of(purpose)


def pyplot_of(purpose: str) -> Any:
    """Give `matplotlib.pyplot`; raise unless it is installed."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing_extra("matplotlib", "plot", purpose) from None
    return pyplot
