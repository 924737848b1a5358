"""Each person's likelihood as a mixture of normals, one around each point of a grid of their own.

A normal around each point of a grid, somewhat narrower than the distance to the next, adds up to any smooth
function. Multiplied by what a population says of a person, which is normal too, it has an integral in closed
form, and draws. So what was played again for each person once serves for any population.

Sources: Maz'ya & Schmidt 2007, "Approximate approximations" (what normals on a grid can do); Richardson 1972,
"Bayesian-based iterative method of image restoration" (the weights, which stay positive).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.fitting.quadrature import Cells

Array = NDArray[Any]

_WIDTH = 0.75  # standard deviation of the normals, in distances of the grid: they ripple by 3e-5
_ITERATIONS = 50
_PART = 512  # so many points at a time: what fits the cache, and what BLAS does not share among threads


@dataclass(frozen=True, eq=False)
class Surfaces:
    """The likelihood of some people over the points of scales.

    `places` `(people, parameters, n)` are the grids' lines and `widths` `(people, parameters)` the normals'
    standard deviations; `weights` `(people, n, …)` has an axis for each parameter, and `height` `(people,)`
    is the log of what they are in units of.
    """

    places: Array
    widths: Array
    weights: Array
    height: Array

    @classmethod
    def through(cls, cells: Cells, middle: Array, spread: Array) -> Surfaces:
        """Give mixtures that go through a likelihood on cells; a point is `middle + spread · z`."""
        n = cells.log.shape[1]
        z = cells.low[..., None] + (np.arange(n) + 0.5) * cells.spacing[..., None]
        places = middle[:, None] + spread[:, None] * z
        widths = _WIDTH * cells.spacing * spread
        flat = cells.log.reshape(len(z), -1)
        height = flat.max(axis=1)
        known = np.where(np.isfinite(height), height, 0.0)
        heights = np.exp(flat - known[:, None]).reshape(cells.log.shape)
        weights = np.empty_like(heights)
        for person in range(len(z)):
            weights[person] = _weights(heights[person], places[person], widths[person])
        return cls(places, widths, weights, height)

    def replaced(self, people: Array, others: Surfaces) -> Surfaces:
        """Give the surfaces with others for some people (indices); their grids may have more points."""
        kept = np.setdiff1d(np.arange(len(self.height)), people)
        n = max(self.places.shape[-1], others.places.shape[-1])
        merged = []
        for mine, theirs in zip(self._padded(n), others._padded(n), strict=True):
            array = np.empty((len(self.height), *mine.shape[1:]))
            array[kept], array[people] = mine[kept], theirs
            merged.append(array)
        return Surfaces(*merged)

    def _padded(self, n: int) -> tuple[Array, Array, Array, Array]:
        """Give the arrays with grids of n lines, of which the new ones have no weight."""
        more = n - self.places.shape[-1]
        places = np.pad(self.places, ((0, 0), (0, 0), (0, more)), mode="edge")
        weights = np.pad(self.weights, ((0, 0), *[(0, more)] * (self.weights.ndim - 1)))
        return places, self.widths, weights, self.height

    def log_integral(self, person: int, mean: Array, sd: Array) -> Array:
        """Give the log of the likelihood's mean over normals; `mean`, `sd`: `(normals, parameters)`."""
        found = np.empty(len(mean))
        for part in _parts(len(mean)):
            factors, log = self._factors(person, mean[part], sd[part])
            with np.errstate(divide="ignore"):
                found[part] = self.height[person] + log + np.log(self._summed(person, factors)[0][0])
        return found

    def draw(self, person: int, mean: Array, sd: Array, uniform: Array, normal: Array) -> tuple[Array, Array]:
        """Draw a point from likelihood times each normal: `(normals, parameters)`.

        Also gives whether it comes from the outermost cells of the grid, along each axis.
        """
        points, outer = np.empty_like(mean), np.empty(mean.shape, bool)
        for part in _parts(len(mean)):
            factors, _ = self._factors(person, mean[part], sd[part])
            sums = self._summed(person, factors)
            chosen = np.zeros(len(mean[part]), np.int64)
            for axis, factor in enumerate(factors):
                n = len(factor)
                whole = sums[axis + 1].reshape(-1, n, sums[axis + 1].shape[-1])
                own = np.arange(len(chosen)) if whole.shape[-1] > 1 else np.zeros_like(chosen)
                chances = np.cumsum(whole[chosen, :, own] * factor.T, axis=1)
                reached = uniform[part, axis] * np.nextafter(chances[:, -1], 0.0)
                cell = np.minimum((chances <= reached[:, None]).sum(axis=1), n - 1)
                chosen = chosen * n + cell
                width, centre = self.widths[person, axis], mean[part, axis]
                share = sd[part, axis] ** 2 / (sd[part, axis] ** 2 + width**2)
                middle = centre + share * (self.places[person, axis, cell] - centre)
                points[part, axis] = middle + width * np.sqrt(share) * normal[part, axis]
                outer[part, axis] = (cell == 0) | (cell == n - 1)
        return points, outer

    def _factors(self, person: int, mean: Array, sd: Array) -> tuple[list[Array], Array]:
        """Give what each axis contributes, `(n, normals)`, at most one, and the log of the rest."""
        factors, log = [], np.zeros(len(mean))
        for axis, places in enumerate(self.places[person]):
            variance = sd[:, axis] ** 2 + self.widths[person, axis] ** 2
            exponent = (places[:, None] - mean[:, axis]) ** 2
            exponent *= -0.5 / variance
            largest = exponent.max(axis=0)
            exponent -= largest
            factors.append(np.exp(exponent, out=exponent))
            log += largest - 0.5 * np.log(2 * np.pi * variance)
        return factors, log

    def _summed(self, person: int, factors: list[Array]) -> list[Array]:
        """Give the weights, summed over the last axes: over all, all but the first, …, none.

        Each `(cells, normals)`; the last one, of the bare weights, `(cells, 1)`.
        """
        weights = self.weights[person]
        n = len(factors[-1])
        sums = [weights.reshape(-1, 1), weights.reshape(-1, n) @ factors[-1]]
        for factor in reversed(factors[:-1]):
            sums.append((sums[-1].reshape(-1, len(factor), factor.shape[1]) * factor).sum(axis=1))
        return sums[::-1]


def _parts(count: int) -> Iterator[slice]:
    for first in range(0, count, _PART):
        yield slice(first, first + _PART)


def _weights(heights: Array, places: Array, widths: Array) -> Array:
    """Give weights with which normals around the points have these heights there."""
    kernels = [
        np.exp(-0.5 * ((line[:, None] - line) / width) ** 2) / (width * np.sqrt(2 * np.pi))
        for line, width in zip(places, widths, strict=True)
    ]
    weights: Array = heights * np.prod(widths / _WIDTH)
    for _ in range(_ITERATIONS):
        smooth = weights
        for axis, kernel in enumerate(kernels):
            smooth = np.moveaxis(np.tensordot(kernel, smooth, (1, axis)), 0, axis)
        weights = weights * np.divide(heights, smooth, out=np.zeros_like(heights), where=smooth > 0)
    return weights
