"""Maximum likelihood for many users at once.

A search from several starts: steps along (F + λ diag F)⁻¹ g, with the gradient g by finite differences and
the damping λ raised after a step that was worse. The information F is at first that of the outer products
of the gradients of single actions, which points well from afar; later it follows the changes of the
gradient, which comes to an end also where the model is not the true one. Where it met what is impossible, the
most likely values may lie at a cliff, at which a gradient does not lead along; there points around the best
one are tried, from a normal distribution that is fitted to the best of them again and again.

Sources: Berndt, Hall, Hall & Hausman 1974, "Estimation and inference in nonlinear structural models" (F at
first); Broyden, Fletcher, Goldfarb and Shanno 1970 (F later); Marquardt 1963, "An algorithm for
least-squares estimation of nonlinear parameters" (λ); Rubinstein 1999, "The cross-entropy method for
combinatorial and continuous optimization" (at cliffs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.priors import Priors, Values
from interaction.progress import Progress

Array = NDArray[Any]

STARTS = 3
SCATTER = 64
_MOST_COMBINATIONS = 100_000
_STEPS = 80
_SCORING = 6  # steps with outer products
_SHIFT = 1e-5  # of finite differences, in space coordinates
_REACH = 2.0  # the longest step
_RIDGE = 1e-3  # information below which a direction counts as flat
_TOLERANCE = 1e-3  # gain in log likelihood that a further step promises
_AROUND = 6  # searches around the best point
_CLOUDS = 60  # of points, for each of them
_CLOUD = 256
_IDLE = 12  # steps in a row, of different lengths, none of which gained as much: towards a bound or infinity


@dataclass(frozen=True, eq=False)
class Maximum:
    """The best parameters found for each user: arrays `(users,)`.

    `coordinates` `(users, continuous parameters)` and `covariance` are in space coordinates, the latter the
    inverse of the estimated information. `converged` says that no further step promised a gain of 0.001
    in log likelihood, or that a dozen in a row had none; at cliffs, that a search around had none.
    """

    values: Values
    log_likelihood: Array
    converged: Array
    coordinates: Array
    covariance: Array


def maximize(
    likelihood: Likelihood,
    priors: Priors,
    *,
    starts: int = STARTS,
    progress: bool = False,
    label: str = "",
    searched: Summits | None = None,
) -> Maximum:
    """Find each user's most likely parameters in the user's space; the priors give where to start.

    Discrete parameters are tried in all combinations. `searched` is what `search` has given, for all users.
    """
    found = search(likelihood, priors, starts, progress, label) if searched is None else searched
    found.look_around(likelihood, priors, np.flatnonzero(found.met & np.isfinite(found.log)))
    return Maximum(found.values, found.log, found.converged, found.z, found.covariance)


def search(
    likelihood: Likelihood, priors: Priors, starts: int = STARTS, progress: bool = False, label: str = ""
) -> Summits:
    """Walk uphill for each user: the first part of `maximize`, in which users do not meet."""
    users = len(likelihood.observed.users)
    scattered = _scatter(priors)
    spread = {name: np.broadcast_to(array, (users, len(array))) for name, array in scattered.items()}
    log = likelihood.total(spread)
    z = priors.to_space(scattered)
    chosen = _best(log, z[:, ~priors.discrete], min(starts, log.shape[1]))
    walk = _Search(likelihood, priors, z[chosen])
    walk.run(progress, label)
    return Summits.of(walk)


def _scatter(priors: Priors) -> Values:
    """Give the points to try at first: `(points,)` by name."""
    supports = {
        name: priors.support(index)[0] for index, name in enumerate(priors.names) if priors.discrete[index]
    }
    combinations = int(np.prod([len(values) for values in supports.values()], dtype=np.int64))
    if combinations > _MOST_COMBINATIONS:
        raise ArgumentError(
            f"maximum likelihood: the discrete parameters have {combinations} combinations; "
            f"expected at most {_MOST_COMBINATIONS}"
        )
    continuous = int((~priors.discrete).sum())
    points = 1 if continuous == 0 else max(SCATTER // combinations, 8)
    from scipy.stats import qmc  # which takes longer to import than all the rest

    draws = qmc.Sobol(max(continuous, 1), seed=0).random(points) if points > 1 else np.full((1, 1), 0.5)
    index = np.unravel_index(np.arange(combinations), [len(values) for values in supports.values()] or [1])
    quantiles = np.full((points, len(priors)), 0.5)
    quantiles[:, ~priors.discrete] = draws[:, :continuous]
    values = {name: np.tile(array, combinations) for name, array in priors.at_quantiles(quantiles).items()}
    for (name, support), part in zip(supports.items(), index, strict=False):
        values[name] = np.repeat(support[part], points)
    return values


def _best(log: Array, z: Array, count: int) -> Array:
    """Choose the best points of each user, each some way from the better ones: `(users, count)`."""
    rest = log.copy()
    chosen = np.empty((len(log), count), np.int64)
    for index in range(count):
        chosen[:, index] = np.argmax(rest, axis=1)
        far = ((z - z[chosen[:, index]][:, None]) ** 2).sum(axis=-1)
        rest[far < 1.0] -= 1e6
        rest[np.arange(len(log)), chosen[:, index]] = -np.inf
    return chosen


class _Search:
    """Walks uphill from all starts of all users: coordinates `(users, starts, parameters)`."""

    def __init__(self, likelihood: Likelihood, priors: Priors, z: Array) -> None:
        self.likelihood, self.priors, self.z = likelihood, priors, z
        self.free = np.flatnonzero(~priors.discrete)
        users, starts = z.shape[:2]
        d = len(self.free)
        self.log = np.full((users, starts), -np.inf)
        self.gradient, self.outer = np.zeros((users, starts, d)), np.zeros((users, starts, d, d))
        self.damping = np.full((users, starts), 1e-2)
        self.done = np.zeros((users, starts), bool)
        self.idle = np.zeros((users, starts), np.int64)
        self.met = np.zeros((users, starts), bool)  # what is impossible
        self.step = 0

    def run(self, progress: bool, label: str) -> None:
        everyone = np.arange(len(self.z))
        self._take(everyone, self.z, *self._evaluate(everyone, self.z))
        with Progress(label, len(everyone), unit="users", shown=progress) as bar:
            for self.step in range(_STEPS):
                self.done |= (self.promise() < _TOLERANCE) | (self.idle >= _IDLE)
                active = np.flatnonzero(~self.done.all(axis=1))
                bar.update(len(everyone) - len(active) - bar.n)
                if len(active) == 0:
                    break
                self._walk(active)

    def promise(self) -> Array:
        """The gain in log likelihood that the local quadratic promises."""
        gain: Array = 0.5 * (self.gradient * self._solve(self.outer, self.gradient, 0.0)).sum(axis=-1)
        return gain

    def _walk(self, active: Array) -> None:
        move = self._solve(self.outer[active], self.gradient[active], self.damping[active][..., None])
        length = np.sqrt((move**2).sum(axis=-1, keepdims=True))
        move *= np.minimum(1.0, _REACH / np.maximum(length, 1e-300))
        move[self.done[active]] = 0.0
        tried = self.z[active].copy()
        reach = self.priors.reach[self.free]
        tried[..., self.free] = np.clip(tried[..., self.free] + move, -reach, reach)
        self._take(active, tried, *self._evaluate(active, tried))

    def _solve(self, outer: Array, gradient: Array, damping: Any) -> Array:
        diagonal = np.einsum("...ii->...i", outer)
        matrix = outer + _diagonal(damping * diagonal + _RIDGE)
        found: Array = np.linalg.solve(matrix, gradient[..., None])[..., 0]
        return found

    def _evaluate(self, users: Array, z: Array) -> tuple[Array, Array, Array]:
        d = len(self.free)
        points = np.repeat(z[:, :, None], 1 + d, axis=2)
        # Towards the middle: next to a bound, a shift outwards would be lost in rounding.
        steps = np.where(z[..., self.free] > 0, -_SHIFT, _SHIFT)
        for index, coordinate in enumerate(self.free):
            points[:, :, 1 + index, coordinate] += steps[..., index]
        values = self.priors.in_space(points.reshape(len(users), -1, z.shape[-1]))
        part = self.likelihood if len(users) == len(self.z) else self.likelihood.select(users)
        return part.scores(values, steps)

    def _take(self, users: Array, z: Array, log: Array, gradient: Array, outer: Array) -> None:
        """Keep what is better; where it is not, damp more."""
        first = np.isneginf(self.log[users])
        self.met[users] |= np.isneginf(log)
        self.idle[users] = np.where(log > self.log[users] + _TOLERANCE, 0, self.idle[users] + 1)
        better = (log > self.log[users]) | first
        who, start = np.nonzero(better)
        row = users[who]
        outer = outer[who, start]
        if self.step > _SCORING:
            moved = (z - self.z[users])[who, start][:, self.free]
            outer = _follow(
                self.outer[row, start], outer, moved, self.gradient[row, start] - gradient[who, start]
            )
        self.z[row, start] = z[who, start]
        self.log[row, start] = log[who, start]
        self.gradient[row, start] = gradient[who, start]
        self.outer[row, start] = outer
        scale = np.where(better, 0.2, 8.0)
        self.damping[users] = np.where(
            ~self.done[users], np.clip(self.damping[users] * scale, 1e-9, 1e12), 1.0
        )


@dataclass(eq=False)
class Summits:
    """The best start of each user: arrays `(users, …)`, coordinates as in `Maximum`, and `whole` all of them.

    `met`: whether the search met what is impossible.
    """

    log: Array
    values: Values
    converged: Array
    z: Array
    whole: Array
    covariance: Array
    met: Array
    free: Array  # (parameters,)

    @classmethod
    def of(cls, search: _Search) -> Summits:
        """Choose the best start of a search for each user."""
        rows = np.arange(len(search.z))
        best = np.argmax(search.log, axis=1)
        log, whole = search.log[rows, best], search.z[rows, best]
        still = (search.promise() < _TOLERANCE) | (search.idle >= _IDLE)
        outer = search.outer[rows, best]
        return cls(
            log,
            search.priors.in_space(whole),
            still[rows, best] & np.isfinite(log),
            whole[:, search.free],
            whole,
            np.linalg.inv(outer + _RIDGE * np.eye(outer.shape[-1])),
            np.asarray(search.met.any(axis=1)),
            search.free,
        )

    @classmethod
    def together(cls, parts: Sequence[Summits]) -> Summits:
        """Put the users of several parts one after the other."""
        names = ("log", "converged", "z", "whole", "covariance", "met")
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        values = {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values}
        return cls(**joined, values=values, free=parts[0].free)

    def look_around(self, likelihood: Likelihood, priors: Priors, users: Array) -> None:
        """Try points around the best ones of some users, and go on from better ones.

        Such a user has converged when a whole search around the best point gained less than 0.001.
        """
        rng = np.random.default_rng(0)
        for _ in range(_AROUND):
            if len(users) == 0:
                break
            users = users[self._search_around(likelihood.select(users), priors, users, rng) > _TOLERANCE]
        self.converged[users] = False
        self.z = self.whole[:, self.free]
        self.values = priors.in_space(self.whole)

    def _search_around(
        self, likelihood: Likelihood, priors: Priors, users: Array, rng: np.random.Generator
    ) -> Array:
        """Draw points, fit a normal distribution to the best of them, and again; give what was gained."""
        rows, reach, d = np.arange(len(users)), priors.reach[self.free], len(self.free)
        before = self.log[users]
        width = 0.3 * np.minimum(np.sqrt(np.einsum("uii->ui", self.covariance[users])), 1.0)
        centre, root = self.z[users], _diagonal(width)
        for _ in range(_CLOUDS):
            steps = rng.standard_normal((_CLOUD, d)) @ np.swapaxes(root, -1, -2)
            points = np.repeat(self.whole[users, None], _CLOUD, axis=1)
            points[..., self.free] = np.clip(centre[:, None] + steps, -reach, reach)
            log = likelihood.total(priors.in_space(points))
            order = np.argsort(-log, axis=1)[:, : _CLOUD // 4]
            log, points = log[rows[:, None], order], points[rows[:, None], order]
            better = log[:, 0] > self.log[users]
            self.whole[users[better]], self.log[users[better]] = points[better, 0], log[better, 0]
            best = np.where(np.isfinite(log)[..., None], points, self.whole[users, None])[..., self.free]
            centre = best.mean(axis=1)
            apart = best - centre[:, None]
            spread = np.swapaxes(apart, -1, -2) @ apart / best.shape[1]
            root = np.linalg.cholesky(1.5 * spread + 1e-14 * np.eye(d))
            if (log[:, 0] - log[:, -1] < _TOLERANCE).all():
                break
        self.z[users] = self.whole[users][:, self.free]
        gained: Array = self.log[users] - before
        return gained


def _follow(matrix: Array, fresh: Array, moved: Array, change: Array) -> Array:
    """Update matrices so that they explain how the gradient changed; a fresh one where they cannot."""
    image = np.einsum("njk,nk->nj", matrix, moved)
    curvature, old = (change * moved).sum(axis=-1), (image * moved).sum(axis=-1)
    good = (curvature > 1e-12) & (old > 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        gained = change[:, :, None] * change[:, None] / curvature[:, None, None]
        lost = image[:, :, None] * image[:, None] / old[:, None, None]
    return np.where(good[:, None, None], matrix + gained - lost, fresh)


def _diagonal(entries: Array) -> Array:
    """Matrices with the entries on their diagonal: `(..., d)` to `(..., d, d)`."""
    return entries[..., None] * np.eye(entries.shape[-1])
