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


def systematic(weights: Array, uniform: Array) -> Array:
    """Resample systematically: the indices of `n` particles, for weights `(..., n)` and uniforms `(...)`.

    Source: Kitagawa 1996, "Monte Carlo filter and smoother for non-Gaussian nonlinear state space models".
    """
    n = weights.shape[-1]
    flat = weights.reshape(-1, n)
    starts = np.asarray(uniform).reshape(-1)
    indices = np.empty(flat.shape, np.int64)
    for row, start in enumerate(starts):
        cumulated = np.cumsum(flat[row])
        positions = (np.arange(n) + start) / n * cumulated[-1]
        indices[row] = np.minimum(np.searchsorted(cumulated, positions, side="right"), n - 1)
    return indices.reshape(weights.shape)


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
