"""Draws from a grid: within each cell the density goes on as its neighbours tell, and is not flat.

In a cell, along each coordinate u from −½ to ½, the log density is taken for slope · u + bend · u² / 2. Draws
that were even within their cells would spread too widely, by 1/12 of the square of the spacing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_STEEPEST = 20.0  # log density across a cell; beyond, it is as good as at its edge
_NODES = np.linspace(-0.5, 0.5, 33)
_GAUSS = np.sqrt(0.15)  # of three points, and their weights 5/18, 8/18, 5/18


def slopes(weights: Array, sizes: list[int], continuous: Array) -> tuple[Array, Array]:
    """Give the slope and the bend of the log density in each cell, `(cells, coordinates)` each.

    `weights` `(cells,)` are those of the cells of a grid, in the order of `np.ndindex(*sizes)`; along what is
    not `continuous` they are flat. Beside a cell without weight, and at the grid's edge, the density goes on
    as it does on the other side.
    """
    with np.errstate(divide="ignore"):
        log = np.log(weights).reshape(sizes)
    slope, bend = np.zeros((2, len(weights), len(sizes)))
    for axis, size in enumerate(sizes):
        if size < 3 or not continuous[axis]:
            continue
        with np.errstate(invalid="ignore"):
            steps = np.diff(log, axis=axis)
        steps = np.where(np.isfinite(steps), np.clip(steps, -_STEEPEST, _STEEPEST), np.nan)
        edge = np.full_like(np.take(steps, [0], axis=axis), np.nan)
        below, above = (np.concatenate(pair, axis=axis) for pair in ((edge, steps), (steps, edge)))
        below, above = np.where(np.isnan(below), above, below), np.where(np.isnan(above), below, above)
        both = np.nan_to_num(np.stack([below, above])).reshape(2, -1)
        slope[:, axis], bend[:, axis] = both.mean(axis=0), both[1] - both[0]
    return slope, bend


def masses(slope: Array, bend: Array) -> Array:
    """Give how much more a cell holds than if it were flat, `(cells,)`: by three points along each side."""
    sides = [np.exp(sign * _GAUSS * slope + _GAUSS**2 * bend / 2) for sign in (-1, 1)]
    mass: Array = ((8 + 5 * sides[0] + 5 * sides[1]) / 18).prod(axis=-1)
    return mass


def within(quantiles: Array, slope: Array, bend: Array) -> Array:
    """Give the coordinates u at quantiles of their cells' densities: `(draws, coordinates)`."""
    log = slope[..., None] * _NODES + bend[..., None] * _NODES**2 / 2
    density = np.exp(log - log.max(axis=-1, keepdims=True))
    parts = (density[..., 1:] + density[..., :-1]) / 2
    reached = np.cumsum(parts, axis=-1)
    goal = quantiles[..., None] * reached[..., -1:]
    place = (reached < goal).sum(axis=-1, keepdims=True).clip(max=parts.shape[-1] - 1)
    before = np.take_along_axis(reached, place, axis=-1) - np.take_along_axis(parts, place, axis=-1)
    share = (goal - before) / np.take_along_axis(parts, place, axis=-1)
    found: Array = _NODES[place[..., 0]] + share[..., 0] * (_NODES[1] - _NODES[0])
    return found
