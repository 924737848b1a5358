"""What particles need: how many are left, how to resample them, and how to move them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def effective_sample_size(weights: Array) -> Array:
    """Give 1 / Σ w², the number of equally weighted candidates that would be worth as much."""
    size: Array = np.asarray(1.0 / (weights**2).sum(axis=-1))
    return size


def systematic(weights: Array, uniform: Array, count: int | None = None) -> Array:
    """Resample systematically: the indices of `count` particles, for weights `(..., n)` and uniforms `(...)`.

    By default as many are drawn as there are. The indices are in order, `(..., count)`, and each particle is
    there as often as `count` times its weight says, rounded up or down.
    Source: Kitagawa 1996, "Monte Carlo filter and smoother for non-Gaussian nonlinear state space models".
    """
    count = weights.shape[-1] if count is None else count
    starts = np.asarray(uniform)[..., None]
    return at_positions(weights, (np.arange(count) + starts) / count)


def systematic_rows(weights: Array, uniform: Array) -> Array:
    """The same for many beliefs at once, `(beliefs, n)`: indices into the particles of all, `(beliefs * n,)`.

    By how many positions lie below the end of each particle, so that no belief is gone through by itself.
    """
    count = weights.shape[-1]
    ends = np.cumsum(weights, axis=-1)
    ends /= ends[:, -1:]  # what has no weight at the end lies beyond the last position
    ends *= count
    ends -= uniform[:, None]
    below = np.ceil(ends).astype(np.int64) + np.arange(0, weights.size, count)[:, None]
    index: Array = np.cumsum(np.bincount(below.reshape(-1), minlength=weights.size + 1)[:-1])
    return index


def at_positions(weights: Array, positions: Array) -> Array:
    """Give the indices of the particles at positions in [0, 1) of the cumulated weights.

    For weights `(..., n)` and positions `(..., count)`; never one without weight.
    """
    rows = weights.reshape(-1, weights.shape[-1])
    indices = np.empty(positions.shape, np.int64)
    places, found = positions.reshape(len(rows), -1), indices.reshape(len(rows), -1)
    for row, weighed in enumerate(rows):
        cumulated = np.cumsum(weighed)
        below = np.nextafter(cumulated[-1], 0.0)  # never beyond the last weight above zero
        reached = np.minimum(places[row] * cumulated[-1], below)
        found[row] = np.searchsorted(cumulated, reached, side="right")
    return indices


def liu_west_vectors(values: Array, old: Array, weights: Array, noise: Array, discount: float) -> Array:
    """The same for vectors `(..., particles, d)`, with the covariance of their entries.

    Where the entries add up to a constant, as weights on a simplex do, they still do afterwards.
    """
    shrink = (3 * discount - 1) / (2 * discount)
    mean = (weights[..., None] * old).sum(axis=-2, keepdims=True)
    apart = old - mean
    covariance = np.matmul(np.swapaxes(weights[..., None] * apart, -1, -2), apart)
    sizes, directions = np.linalg.eigh(covariance)
    sizes = np.where(sizes > 1e-12 * sizes[..., -1:], sizes, 0.0)
    step = np.matmul(noise * np.sqrt((1 - shrink**2) * sizes)[..., None, :], np.swapaxes(directions, -1, -2))
    moved: Array = shrink * values + (1 - shrink) * mean + step
    return moved


def liu_west(values: Array, old: Array, weights: Array, noise: Array, discount: float) -> Array:
    """Move resampled values `(..., particles)`: shrink them to the mean, and add what keeps the variance.

    `old` and `weights` are those before the resampling, `noise` is standard normal.
    Source: Liu & West 2001, "Combined parameter and state estimation in simulation-based filtering", eq. 10.
    """
    shrink = (3 * discount - 1) / (2 * discount)
    mean = (weights * old).sum(axis=-1, keepdims=True)
    variance = (weights * (old - mean) ** 2).sum(axis=-1, keepdims=True)
    moved: Array = shrink * values + (1 - shrink) * mean + np.sqrt((1 - shrink**2) * variance) * noise
    return moved
