"""Exact posteriors on a grid that closes in on each user: the oracle for the other methods.

The grid lies in prior coordinates, where the prior is standard normal and the posterior falls off smoothly
to all sides, so that the trapezoidal rule converges faster than any power of the spacing. Discrete parameters
take all their values.

Where what a user did is impossible beyond some value (a response time shorter than the shortest one), the
posterior ends at a cliff, which a grid puts at the next of its lines. So each grid is checked against a
lattice, whose points stand in no line; where the two differ, or a cliff is seen, the posterior comes from
several lattices that are shifted at random.

Source: Trefethen & Weideman 2014, "The exponentially convergent trapezoidal rule".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from interaction.errors import ArgumentError
from interaction.fitting.cells import masses, slopes, within
from interaction.fitting.estimate import BEYOND, EDGE, Estimate, together
from interaction.fitting.lattice import COARSE, FINE, Box, lattice
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.priors import Priors
from interaction.progress import Progress
from interaction.random import EpisodeRandom

Array = NDArray[Any]

POINTS = {0: 1, 1: 96, 2: 32, 3: 16, 4: 11}
"""Points for each continuous parameter, by the number of these."""

_NEGLIGIBLE = 1e-6  # part of the posterior below which a margin is cut off
_CUT = 1e-4  # part of the posterior that the first range's outermost cells may hold
_PASSES = 8
_TOLERANCE = 0.01  # how far two answers may differ, in posterior standard deviations
_MOST = 60_000  # candidates for one user
_BLOCK = 1_000_000  # candidates at a time
_SHIFTS = 4  # lattices whose differences tell the error


def on_grid(
    likelihood: Likelihood,
    priors: Priors,
    *,
    chains: int = 4,
    draws: int = 1_000,
    seed: int = 0,
    progress: bool = False,
    label: str = "grid",
    numbers: Array | None = None,
) -> Estimate:
    """Give each user's posterior: moments and evidence from the grid, draws from its cells.

    A user is converged when the grid agrees with its own halves (of alternating points) and with a lattice,
    in means, standard deviations and evidence. Where it does not, four finer lattices, shifted at random,
    take its place, as long as they have no more than 60,000 points, and have to agree with each other. All
    of these end at six standard deviations of the prior; a posterior that goes on there has not converged.
    `numbers` are those of the users whose draws these have, where they are some of many: `(users,)`.
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
    numbers = np.arange(users) if numbers is None else numbers
    rules = _Rules(priors, supports, seed)
    drawing = (rules, chains, draws)
    found, order = [], []
    block = max(_BLOCK // (combinations * POINTS[continuous] ** continuous), 1)
    finer = combinations * FINE[continuous][0] * _SHIFTS
    with Progress(label, users, unit="users", shown=progress) as bar:
        for first in range(0, users, block):
            chosen = np.arange(first, min(first + block, users))
            part = likelihood.select(chosen)
            grid = _close_in(part, rules, POINTS[continuous])
            held = _held(grid, rules, POINTS[continuous])
            grid = _check(part, rules, numbers[chosen], grid._replace(converged=grid.converged & held))
            rough = ~grid.converged & held & (continuous > 0) & (finer <= _MOST)
            if not rough.all():
                some = np.flatnonzero(~rough)
                told = _estimate(grid.take(some), numbers[chosen[some]], *drawing)
                found.append(told.marked({BEYOND: ~held[some]}))
                bar.update(int((~rough).sum()))
            at_once = max(_BLOCK // finer, 1)
            again = np.flatnonzero(rough)
            for start in range(0, len(again), at_once):
                some = again[start : start + at_once]
                who = numbers[chosen[some]]
                better = _refined(likelihood.select(chosen[some]), rules, who, grid.take(some))
                found.append(_estimate(better, who, *drawing))
                bar.update(len(some))
            order += [*chosen[~rough], *chosen[rough]]
    return together(found).take(np.argsort(order))


class _Rules(NamedTuple):
    """What is the same for all users."""

    priors: Priors
    supports: list[Any]  # values and probabilities of discrete parameters, None for continuous ones
    seed: int


class _Posterior(NamedTuple):
    """Weighted points for each user: coordinates and values `(users, points, …)`, weights that sum to one."""

    z: Array
    values: Array
    weights: Array
    spacing: Array  # of the grid's cells (users, parameters), 0 for discrete ones and for lattices
    low: Array
    high: Array
    log_evidence: Array
    error: Array  # of the means (users, parameters)
    converged: Array

    def take(self, users: Array) -> _Posterior:
        """Give the posterior of some of the users."""
        return _Posterior(*(array[users] for array in self))


def _close_in(likelihood: Likelihood, rules: _Rules, points: int) -> _Posterior:
    """Narrow the grid to where the posterior lies."""
    users, d = len(likelihood.observed.users), len(rules.priors)
    active = np.arange(users)
    low, high = np.full((users, d), -EDGE), np.full((users, d), EDGE)
    found = _on_cells(likelihood, rules, low, high, points)
    for _ in range(_PASSES - 1):
        part = found.take(active)
        low, high = _margins(part, rules.supports, points)
        shrunk = ((high - low) < 0.8 * (part.high - part.low)).any(axis=1)
        if not shrunk.any():
            break
        active = active[shrunk]
        closer = _on_cells(likelihood.select(active), rules, low[shrunk], high[shrunk], points)
        for array, better in zip(found, closer, strict=True):
            array[active] = better
    return found


def _on_cells(likelihood: Likelihood, rules: _Rules, low: Array, high: Array, points: int) -> _Posterior:
    """Give the posterior on the grid; converged where its halves agree and no cliff is seen."""
    priors = rules.priors
    sizes = [points if part is None else len(part[0]) for part in rules.supports]
    index = np.stack([axis.reshape(-1) for axis in np.indices(sizes)], axis=-1)  # (candidates, d)
    spacing = np.where(priors.discrete, 0.0, (high - low) / points)
    z = low[:, None] + (index + 0.5) * spacing[:, None]
    table, log = _joint(likelihood, rules, z, index)
    with np.errstate(divide="ignore"):
        log += np.log(np.where(priors.discrete, 1.0, spacing)).sum(axis=-1)[:, None]
    weights, log_evidence = _normalised(log)
    error, agreed = _halves(table, weights, index[:, ~priors.discrete].sum(axis=-1) % 2)
    whole = np.isfinite(log).reshape(len(low), *sizes)
    axes = tuple((1 + np.flatnonzero(~priors.discrete)).tolist())
    cliff = (whole.any(axis=axes) & ~whole.all(axis=axes)).reshape(len(low), -1).any(axis=1)
    good = agreed & ~cliff & np.isfinite(log_evidence)
    return _Posterior(z, table, weights, spacing, low, high, log_evidence, error, good)


def _joint(likelihood: Likelihood, rules: _Rules, z: Array, index: Array) -> tuple[Array, Array]:
    """Give the values at coordinates `(users, points, d)`, and the logs of prior times likelihood.

    `index` `(points, d)` tells which value a discrete parameter takes.
    """
    priors = rules.priors
    values = priors.at_coordinates(z)
    log = -0.5 * (np.where(priors.discrete, 0.0, z) ** 2 + np.log(2 * np.pi) * ~priors.discrete).sum(-1)
    for column, (name, part) in enumerate(zip(priors.names, rules.supports, strict=True)):
        if part is not None:
            values[name] = np.broadcast_to(part[0][index[:, column]], z.shape[:2])
            log = log + np.log(part[1][index[:, column]])
    return priors.columns(values), log + likelihood.total(values)


def _normalised(log: Array) -> tuple[Array, Array]:
    """Give weights that sum to one, and the log of their sum; equal ones if all is impossible."""
    total = logsumexp(log, axis=1)
    possible = np.isfinite(total)
    weights = np.where(possible[:, None], np.exp(log - np.where(possible, total, 0.0)[:, None]), 1.0)
    return weights / weights.sum(axis=1, keepdims=True), total


def _refined(likelihood: Likelihood, rules: _Rules, users: Array, grid: _Posterior) -> _Posterior:
    """Give the posterior by lattices in place of a grid; where they do not agree, by others that suit it."""
    free = np.flatnonzero(~rules.priors.discrete)
    low, high = grid.low[:, free], grid.high[:, free]
    found = _shifted(likelihood, rules, users, Box.even(low, high), FINE, _SHIFTS, 1)
    for attempt in (2, 3):
        rough = np.flatnonzero(~found.converged)
        if len(rough) == 0:
            break
        box = Box.around(found.z[rough][..., free], found.weights[rough], low[rough], high[rough])
        again = _shifted(likelihood.select(rough), rules, users[rough], box, FINE, _SHIFTS, attempt)
        for array, better in zip(found, again, strict=True):
            array[rough] = better
    return found


def _shifted(
    likelihood: Likelihood,
    rules: _Rules,
    users: Array,
    box: Box,
    table: Mapping[int, tuple[int, int]],
    shifts: int,
    attempt: int = 0,
) -> _Posterior:
    """Give the posterior by lattices that are shifted at random; converged where these agree."""
    priors = rules.priors
    free = np.flatnonzero(~priors.discrete)
    rng = EpisodeRandom(rules.seed, episodes=users).at(1, attempt)
    cube = lattice(table[len(free)], len(free), rng.random((shifts, len(free))))
    sizes = [len(part[0]) for part in rules.supports if part is not None]
    which = np.stack([axis.reshape(-1) for axis in np.indices((cube.shape[1], *sizes))], axis=-1)
    index = np.zeros((len(which), len(priors)), np.int64)
    index[:, priors.discrete] = which[:, 1:]
    z = np.zeros((len(users), len(which), len(priors)))
    places, volumes = box.place(cube)
    z[..., free] = places[:, which[:, 0]]
    values, log = _joint(likelihood, rules, z, index)
    weights, log_evidence = _normalised(log + (volumes - np.log(cube.shape[1]))[:, which[:, 0]])
    parts = weights.reshape(len(users), shifts, -1)
    mass = parts.sum(axis=-1) * shifts
    each = parts / np.maximum(parts.sum(axis=-1, keepdims=True), 1e-300)
    some = values.reshape(*parts.shape, -1)
    answers = np.stack([_moments(some[:, shift], each[:, shift]) for shift in range(shifts)])
    apart = np.ptp(answers, axis=0) / 4  # (moments, users, parameters): the standard error of a mean of four
    sd = _moments(values, weights)[1]
    tolerance = _TOLERANCE / 4 if box.is_even else _TOLERANCE  # at a cliff, four may agree by chance
    good = (apart <= tolerance * sd).all(axis=(0, 2)) & (np.ptp(mass, axis=1) / 4 <= tolerance)
    none = np.zeros_like(sd)
    good &= np.isfinite(log_evidence)
    return _Posterior(z, values, weights, none, none, none, log_evidence, apart[0], good)


def _check(likelihood: Likelihood, rules: _Rules, users: Array, grid: _Posterior) -> _Posterior:
    """Compare grids with a lattice; a grid that differs has not converged."""
    good = np.flatnonzero(grid.converged)
    if rules.priors.discrete.all() or len(good) == 0:
        return grid
    free = ~rules.priors.discrete
    box = Box.even(grid.low[good][:, free], grid.high[good][:, free])
    other = _shifted(likelihood.select(good), rules, users[good], box, COARSE, 1)
    mean, sd = _moments(grid.values[good], grid.weights[good])
    other_mean, other_sd = _moments(other.values, other.weights)
    off = np.abs(other_mean - mean)
    agreed = (np.maximum(off, np.abs(other_sd - sd)) <= _TOLERANCE * sd).all(axis=1)
    agreed &= np.abs(other.log_evidence - grid.log_evidence[good]) <= _TOLERANCE
    error, converged = grid.error.copy(), grid.converged.copy()
    error[good], converged[good] = np.maximum(error[good], off), agreed
    return grid._replace(error=error, converged=converged)


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


class Cells(NamedTuple):
    """The likelihood on a grid for each user, in prior coordinates; all parameters are continuous.

    `low` and `spacing` `(users, parameters)`: the points lie in the middle of cells. `log` `(users, points,
    …)`: an axis for each parameter.
    """

    low: Array
    spacing: Array
    log: Array


def likelihood_on_cells(
    likelihood: Likelihood, priors: Priors, points: int, ends: tuple[Array, Array] | None = None
) -> Cells:
    """Give the likelihood where the posterior lies, or between ends `(users, parameters)` each."""
    rules = _Rules(priors, [None] * len(priors), 0)
    parts = []
    users = len(likelihood.observed.users)
    block = max(_BLOCK // points ** len(priors), 1)
    for first in range(0, users, block):
        chosen = np.arange(first, min(first + block, users))
        part = likelihood.select(chosen)
        if ends is None:
            found = _close_in(part, rules, points)
        else:
            found = _on_cells(part, rules, ends[0][chosen], ends[1][chosen], points)
        with np.errstate(divide="ignore"):
            log = np.log(found.weights) - np.log(found.spacing).sum(axis=-1)[:, None]
        log += found.log_evidence[:, None] + 0.5 * (found.z**2 + np.log(2 * np.pi)).sum(axis=-1)
        parts.append(Cells(found.low, found.spacing, log.reshape(-1, *[points] * len(priors))))
    return Cells(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _held(grid: _Posterior, rules: _Rules, points: int) -> Array:
    """Whether the posterior lies within the first range, as far as the grid has found any of it."""
    sizes = [points if part is None else len(part[0]) for part in rules.supports]
    weights = grid.weights.reshape(len(grid.low), *sizes)
    held = np.ones(len(weights), bool)
    for column, part in enumerate(rules.supports):
        cut: tuple[Any, Any] = (grid.low[:, column] <= -EDGE, grid.high[:, column] >= EDGE)
        if part is not None:
            cut = tuple(np.array(rules.priors.goes_on(column)))
        for end, there in zip((0, -1), cut, strict=True):
            outer = weights.take(end, axis=column + 1).reshape(len(weights), -1).sum(axis=1)
            held &= ~there | (outer <= _CUT)
    return held | ~np.isfinite(grid.log_evidence)


def _margins(grid: _Posterior, supports: list[Any], points: int) -> tuple[Array, Array]:
    """Give the range of each continuous coordinate outside of which the posterior is negligible."""
    low = grid.low
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


def _estimate(grid: _Posterior, users: Array, rules: _Rules, chains: int, draws: int) -> Estimate:
    """Draw from the points, systematically and in a random order; from a grid, within its cells."""
    mean, sd = _moments(grid.values, grid.weights)
    priors, total, d = rules.priors, chains * draws, len(rules.priors)
    points = POINTS[int((~priors.discrete).sum())]
    sizes = [points if part is None else len(part[0]) for part in rules.supports]
    rng = EpisodeRandom(rules.seed, episodes=users)
    start, jitter, order = rng.random(), rng.random((total, d)), rng.random((total,))
    found = np.empty((len(users), total, d))
    for row in range(len(users)):
        weights, parted = grid.weights[row], grid.spacing[row] > 0
        if parted.any():
            slope, bend = slopes(weights, sizes, parted)
            weights = weights * masses(slope, bend)
        cumulated = np.cumsum(weights)
        positions = (np.arange(total) + start[row]) / total * cumulated[-1]
        cells = np.minimum(np.searchsorted(cumulated, positions, side="right"), len(cumulated) - 1)
        drawn = grid.values[row, cells]
        if parted.any():
            inside = within(jitter[row], slope[cells], bend[cells])
            drawn = np.where(parted, priors.table(grid.z[row, cells] + inside * grid.spacing[row]), drawn)
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
