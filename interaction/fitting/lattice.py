"""Lattices: points that fill a box evenly, with no two in one line along an axis.

A lattice is as good as a grid of as many points for what is smooth and falls off to all sides. Seen along an
axis its points are all at different places, where those of a grid stand behind each other. So it finds a
cliff (where the probability falls to nothing at once) as many times more finely, and not where a grid
would. Shifted at random its sum is right on average, and several shifts tell how far to trust it.

Sources: Korobov 1959, "The approximate computation of multiple integrals" (point n at the fractional parts of
n/N, na/N, na²/N, …); Cranley & Patterson 1976, "Randomization of number theoretic methods for multiple
integration" (shifts); Coveyou & MacPherson 1967, "Fourier analysis of uniform random number generators" (the
spectral test, by which the a were chosen: the largest distance between lines is less than that of a grid).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

COARSE = {0: (1, 1), 1: (233, 1), 2: (1_021, 117), 3: (4_093, 1_461), 4: (14_639, 5_761)}
"""The number of points N and the factor a of a lattice that is about as fine as the grid, by dimension."""

FINE = {0: (1, 1), 1: (1_021, 1), 2: (4_093, 1_006), 3: (14_639, 2_614), 4: (14_639, 5_761)}
"""The same, of one that is finer."""

_CELLS = 64  # along an axis, in which the points may lie more or less densely
_OBLIQUE = 0.5  # correlation above which the axes turn
_NEGLIGIBLE = 1e-6  # weight, in comparison with the largest one


def lattice(rule: tuple[int, int], dimension: int, shifts: Array) -> Array:
    """Give the points of a lattice in the unit cube, once for each shift.

    `rule`: N and a. `shifts` `(..., n_shifts, dimension)`; gives `(..., n_shifts · N, dimension)`.
    """
    count, factor = rule
    powers = np.array([pow(factor, power, count) for power in range(dimension)], np.int64)
    points = np.arange(count)[:, None] * powers % count / count
    shifted: Array = (points + shifts[..., None, :]) % 1.0
    return shifted.reshape(*shifts.shape[:-2], -1, dimension)


@dataclass(frozen=True, eq=False)
class Box:
    """Where the points of a lattice lie, for each user: with axes, ends, and how densely along each axis.

    `axes` `(users, d, d)`: a point is axes @ y. `low`, `high` `(users, d)`: the ends of y. `shares`
    `(users, d, cells)`: which share of the points falls into each of some cells of equal width.
    Source of the shares: Lepage 1978, "A new algorithm for adaptive multidimensional integration".
    """

    axes: Array
    low: Array
    high: Array
    shares: Array

    @classmethod
    def even(cls, low: Array, high: Array) -> Box:
        """Give boxes `(users, d)` that are filled evenly."""
        axes = np.broadcast_to(np.eye(low.shape[-1]), (*low.shape, low.shape[-1]))
        return cls(axes, low, high, np.ones((*low.shape, 1)))

    @classmethod
    def around(cls, points: Array, weights: Array, low: Array, high: Array) -> Box:
        """Give boxes that suit weighted points `(users, points, d)`: fuller where these are heavier.

        Where coordinates go together (a correlation above one half), the axes are the principal ones, and the
        ends those of the points; else the axes are the coordinates, and the ends the given ones.
        """
        axes = np.array(cls.even(low, high).axes)
        ends = np.stack([low, high])
        shares = np.empty((*low.shape, _CELLS))
        for user, (some, weight) in enumerate(zip(points, weights, strict=True)):
            covariance = np.atleast_2d(np.cov(some.T, aweights=weight))
            sd = np.sqrt(np.maximum(covariance.diagonal(), 1e-300))
            correlation = covariance / np.outer(sd, sd)
            y = some
            if np.abs(np.triu(correlation, 1)).max() > _OBLIQUE:
                axes[user] = sd[:, None] * np.linalg.eigh(correlation)[1]
                y = some @ np.linalg.inv(axes[user]).T
                held = y[weight > _NEGLIGIBLE * weight.max()]
                pad = 0.1 * np.ptp(held, axis=0)
                ends[:, user] = held.min(axis=0) - pad, held.max(axis=0) + pad
            for axis in range(len(sd)):
                reach = ends[:, user, axis]
                shares[user, axis] = np.histogram(y[:, axis], _CELLS, (reach[0], reach[1]), weights=weight)[0]
        return cls(axes, ends[0], ends[1], smooth(shares))

    @property
    def is_even(self) -> bool:
        """Whether the points lie equally densely everywhere."""
        return bool(self.shares.shape[-1] == 1)

    def place(self, cube: Array) -> tuple[Array, Array]:
        """Give points of the unit cube `(users, points, d)` in the boxes, and the logs of their volumes.

        The volume is what a point stands for, times the number of points: `(users, points)`.
        """
        cells = self.shares.shape[-1]
        y, volumes = np.empty_like(cube), np.empty(cube.shape[:2])
        for user, axis in np.ndindex(*self.low.shape):
            shares = self.shares[user, axis]
            ends = np.append(0.0, np.cumsum(shares))
            within = np.interp(cube[user, :, axis], ends / ends[-1], np.linspace(0, 1, cells + 1))
            width = self.high[user, axis] - self.low[user, axis]
            y[user, :, axis] = self.low[user, axis] + width * within
            if axis == 0:
                volumes[user] = np.linalg.slogdet(self.axes[user])[1]
            volumes[user] += np.log(
                width / cells / shares[np.minimum((within * cells).astype(int), cells - 1)]
            )
        return y @ np.swapaxes(self.axes, -1, -2), volumes


def smooth(shares: Array) -> Array:
    """Give each cell something of its neighbours' shares, and a tenth evenly, so that none is left out."""
    padded = np.concatenate([shares[..., :1], shares, shares[..., -1:]], axis=-1)
    near = padded[..., :-2] + 2 * padded[..., 1:-1] + padded[..., 2:]
    even: Array = 0.1 / shares.shape[-1] + 0.9 * near / near.sum(axis=-1, keepdims=True)
    return even
