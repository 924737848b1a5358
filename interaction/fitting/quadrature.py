"""Exact posteriors on a grid that closes in on each user: the oracle for the other methods.

The grid lies in prior coordinates, where the prior is standard normal and the posterior falls off smoothly
to all sides, so that the trapezoidal rule converges faster than any power of the spacing (Trefethen &
Weideman 2014, "The exponentially convergent trapezoidal rule"). Discrete parameters take all their values.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from tqdm import tqdm

from interaction.errors import ArgumentError
from interaction.fitting.estimate import Estimate, together
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.priors import Priors
from interaction.random import EpisodeRandom

Array = NDArray[Any]

POINTS = {0: 1, 1: 96, 2: 32, 3: 16, 4: 11}
"""Points for each continuous parameter, by the number of these."""

_EDGE = 6.0  # the grid begins with ±6 standard deviations of the prior
_NEGLIGIBLE = 1e-6  # part of the posterior below which a margin is cut off
_PASSES = 8
_TOLERANCE = 0.01  # how far the two half grids may differ, in posterior standard deviations
_MOST = 60_000  # candidates for one user
_BLOCK = 1_000_000  # candidates at a time


def on_grid(
    likelihood: Likelihood,
    priors: Priors,
    *,
    chains: int = 4,
    draws: int = 1_000,
    seed: int = 0,
    progress: bool = False,
    label: str = "grid",
) -> Estimate:
    """Give each user's posterior: moments and evidence from the grid, draws from its cells.

    A user is converged when the two half grids (of alternating points) agree; where they do not, the grid
    is made finer, as long as it stays below 60,000 points.
    """
    supports = [priors.support(index) if flag else None for index, flag in enumerate(priors.discrete)]
    continuous = int((~priors.discrete).sum())
    combinations = int(np.prod([len(part[0]) for part in supports if part is not None], dtype=np.int64))
    if continuous not in POINTS or combinations * POINTS[continuous] ** continuous > _MOST:
        raise ArgumentError(
            f"grid: {', '.join(priors.names)} are too many for a grid ({continuous} continuous parameters, "
            f"{combinations} combinations of discrete values): use method='particles'"
        )
    users = len(likelihood.observed.users)
    block = max(_BLOCK // (combinations * POINTS[continuous] ** continuous), 1)
    found = []
    with tqdm(total=users, desc=label, disable=not progress, unit="user", leave=False) as bar:
        for first in range(0, users, block):
            chosen = np.arange(first, min(first + block, users))
            grid = _close_in(likelihood.select(chosen), priors, supports, POINTS[continuous])
            found.append(_estimate(grid, priors, chosen, chains, draws, seed))
            bar.update(len(chosen))
    return together(found)


class _Posterior(NamedTuple):
    """A grid for each user: coordinates and weights `(users, points, …)`."""

    z: Array
    values: Array
    weights: Array
    spacing: Array  # (users, parameters), 0 for discrete ones
    log_evidence: Array
    error: Array  # (users, parameters): the half grids' difference
    converged: Array


def _close_in(likelihood: Likelihood, priors: Priors, supports: list[Any], points: int) -> _Posterior:
    """Narrow the grid to where the posterior lies, and make it finer where it is too coarse."""
    users, d = len(likelihood.observed.users), len(priors)
    low, high = np.full((users, d), -_EDGE), np.full((users, d), _EDGE)
    for _ in range(_PASSES):
        grid = _evaluate(likelihood, priors, supports, low, high, points)
        new_low, new_high = _margins(grid, low, supports, points)
        shrunk = ((new_high - new_low) < 0.8 * (high - low)).any(axis=1, keepdims=True)
        if not shrunk.any():
            break
        low, high = np.where(shrunk, new_low, low), np.where(shrunk, new_high, high)
    rough = np.flatnonzero(~grid.converged)
    continuous = int((~priors.discrete).sum())
    if len(rough) and continuous and 2**continuous * grid.z.shape[1] <= _MOST:
        finer = _evaluate(likelihood.select(rough), priors, supports, low[rough], high[rough], 2 * points)
        return _replace(grid, rough, finer)
    return grid


def _evaluate(
    likelihood: Likelihood, priors: Priors, supports: list[Any], low: Array, high: Array, points: int
) -> _Posterior:
    users = len(low)
    sizes = [points if part is None else len(part[0]) for part in supports]
    index = np.stack([axis.reshape(-1) for axis in np.indices(sizes)], axis=-1)  # (candidates, d)
    spacing = np.where(priors.discrete, 0.0, (high - low) / points)
    z = low[:, None] + (index + 0.5) * spacing[:, None]
    values = priors.at_coordinates(z)
    log = -0.5 * (np.where(priors.discrete, 0.0, z) ** 2 + np.log(2 * np.pi) * ~priors.discrete).sum(-1)
    with np.errstate(divide="ignore"):
        log += np.log(np.where(priors.discrete, 1.0, spacing)).sum(axis=-1)[:, None]
    for column, (name, part) in enumerate(zip(priors.names, supports, strict=True)):
        if part is not None:
            values[name] = np.broadcast_to(part[0][index[:, column]], (users, len(index)))
            log = log + np.log(part[1][index[:, column]])
    log = log + likelihood.total(values)
    log_evidence = logsumexp(log, axis=1)
    possible = np.isfinite(log_evidence)
    weights = np.where(possible[:, None], np.exp(log - np.where(possible, log_evidence, 0.0)[:, None]), 1.0)
    weights /= weights.sum(axis=1, keepdims=True)
    table = priors.columns(values)
    error, agreed = _halves(table, weights, index[:, ~priors.discrete].sum(axis=-1) % 2)
    return _Posterior(z, table, weights, spacing, log_evidence, error, agreed & possible)


def _halves(values: Array, weights: Array, parity: Array) -> tuple[Array, Array]:
    """Compare what the even and the odd points say: the difference of the means, and whether it is small."""
    if not parity.any():
        return np.zeros((len(values), values.shape[-1])), np.ones(len(values), bool)
    means, masses = [], []
    for side in (0, 1):
        part = weights[:, parity == side]
        mass = part.sum(axis=1)
        masses.append(mass)
        means.append((part[..., None] * values[:, parity == side]).sum(1) / np.maximum(mass, 1e-300)[:, None])
    sd = _moments(values, weights)[1]
    error = np.abs(means[0] - means[1])
    agreed = (error <= _TOLERANCE * sd).all(axis=1) & (np.abs(masses[0] - masses[1]) < _TOLERANCE)
    return error, agreed


def _moments(values: Array, weights: Array) -> tuple[Array, Array]:
    mean = (weights[..., None] * values).sum(axis=1)
    variance = (weights[..., None] * (values - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(variance)


def _margins(grid: _Posterior, low: Array, supports: list[Any], points: int) -> tuple[Array, Array]:
    """Give the range of each continuous coordinate outside of which the posterior is negligible."""
    new_low, new_high = low.copy(), low.copy()
    sizes = [points if part is None else len(part[0]) for part in supports]
    weights = grid.weights.reshape(len(low), *sizes)
    for column in [index for index, part in enumerate(supports) if part is None]:
        others = tuple(axis + 1 for axis in range(len(sizes)) if axis != column)
        held = weights.sum(axis=others) > _NEGLIGIBLE
        first = np.argmax(held, axis=1) - 1
        last = points - np.argmax(held[:, ::-1], axis=1)
        spacing = grid.spacing[:, column]
        new_low[:, column] = low[:, column] + np.maximum(first, 0) * spacing
        new_high[:, column] = low[:, column] + np.minimum(last + 1, points) * spacing
    return new_low, new_high


def _replace(grid: _Posterior, users: Array, finer: _Posterior) -> _Posterior:
    """Put finer grids in the place of some; the others are padded with points of weight 0."""
    extra = finer.z.shape[1] - grid.z.shape[1]

    def pad(array: Array) -> Array:
        if array.ndim == 3:
            return np.concatenate([array, np.repeat(array[:, -1:], extra, axis=1)], axis=1)
        return np.concatenate([array, np.zeros((len(array), extra))], axis=1)

    parts = [pad(grid.z), pad(grid.values), pad(grid.weights)]
    parts += [part.copy() for part in grid[3:]]
    for part, fine in zip(parts, finer, strict=True):
        part[users] = fine
    return _Posterior(*parts)


def _estimate(grid: _Posterior, priors: Priors, users: Array, chains: int, draws: int, seed: int) -> Estimate:
    """Draw from the cells: systematically, anywhere within a cell, in a random order."""
    mean, sd = _moments(grid.values, grid.weights)
    total, d = chains * draws, len(priors)
    rng = EpisodeRandom(seed, episodes=users)
    start, jitter, order = rng.random(), rng.random((total, d)), rng.random((total,))
    cumulated = np.cumsum(grid.weights, axis=1)
    found = np.empty((len(users), total, d))
    for row in range(len(users)):
        positions = (np.arange(total) + start[row]) / total * cumulated[row, -1]
        cells = np.minimum(np.searchsorted(cumulated[row], positions, side="right"), len(cumulated[row]) - 1)
        z = grid.z[row, cells] + (jitter[row] - 0.5) * grid.spacing[row]
        drawn = priors.table(z)
        drawn = np.where(priors.discrete, grid.values[row, cells], drawn)
        found[row] = drawn[np.argsort(order[row])]
    flat = np.full_like(mean, float(total))
    return Estimate(
        priors.names,
        found.reshape(len(users), chains, draws, d),
        mean,
        sd,
        grid.error,
        flat,
        np.ones_like(mean),
        grid.log_evidence,
        grid.converged,
    )
