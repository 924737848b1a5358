"""The likelihood of users who draw while they look or infer: an inner particle filter over what they drew.

What a user saw or thought is not in the data. So each candidate is played by many particles, which look and
infer by the user's own engines and draw their own numbers; they are weighed by the probability of the
action that was taken, and resampled. The product of the mean weights is an estimate of the likelihood without
bias (its logarithm is too low, by half its variance). A Metropolis step that keeps the estimate of the point
it stands on, and never makes it anew, leaves the exact posterior as it is, however few the particles; but
where the estimate varies much, it hardly moves.

Sources: Gordon, Salmond & Smith 1993 (the filter); Del Moral 2004, "Feynman-Kac formulae", 7.4 (no bias);
Andrieu & Roberts 2009, "The pseudo-marginal approach for efficient Monte Carlo computations".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.selection import row_of
from interaction.errors import ArgumentError, LatentDrawError
from interaction.fitting.likelihood import Likelihood, Weigher
from interaction.fitting.priors import Priors
from interaction.inference.particles import systematic_rows
from interaction.random import OTHER, EpisodeRandom
from interaction.state import State, flatten, lock, nest

Array = NDArray[Any]

_TRIED = 64  # draws of the prior for which it is found out whether the user draws
_REPEATS = 10  # of an estimate at each candidate, for its variance


def check_inner(inner: object, where: str) -> int:
    """Give the number of inner particles; raise `ArgumentError` unless there are two or more."""
    if isinstance(inner, bool) or not isinstance(inner, int | np.integer) or inner < 2:
        raise ArgumentError(f"{where}: inner: expected a number of particles >= 2, got {inner!r}")
    return int(inner)


def latent(likelihood: Likelihood, priors: Priors, inner: int, seed: int) -> Likelihood:
    """Give the likelihood to sample by: the exact one, or the filter's where the user draws.

    Whether it does is found out by replaying what the users did under draws from the prior.
    """
    uniform = EpisodeRandom(seed).random((_TRIED, len(priors)))
    users = len(likelihood.observed.users)
    values = priors.at_quantiles(np.broadcast_to(uniform, (users, *uniform.shape)))
    try:
        likelihood.total(values)
    except LatentDrawError:
        return LatentLikelihood(likelihood, inner, seed)
    return likelihood


class LatentLikelihood(Likelihood):
    """The same as `Likelihood`, estimated by `inner` particles for each candidate.

    The estimate is a function of seed, address (`again`), the episode's number, candidate and number of
    candidates: a user has the same alone and among others. The log probability of an action is what the
    particles predict of it, by the actions before.
    """

    rows = 32_768

    def __init__(self, exact: Likelihood, inner: int, seed: int) -> None:
        self.__dict__.update(exact.__dict__)
        self.inner = check_inner(inner, "LatentLikelihood")
        self._seed, self._address = seed, (0, OTHER)
        self._numbers = np.arange(len(self.observed.lengths))

    def select(self, users: Array) -> LatentLikelihood:
        twin = super().select(users)
        assert isinstance(twin, LatentLikelihood)
        twin._numbers = self._numbers[np.isin(self.observed.user, users)]
        return twin

    def again(self, step: int, slot: int) -> LatentLikelihood:
        twin = copy(self)
        twin._address = step, slot
        return twin

    def variance(self, values: Mapping[str, Array]) -> Array:
        """Give the variance of each user's estimated log likelihood, a mean over candidates: `(users,)`."""
        repeated = {name: np.repeat(array, _REPEATS, axis=1) for name, array in values.items()}
        log = self.again(0, OTHER - 1).total(repeated)
        log = log.reshape(len(log), -1, _REPEATS)
        possible = np.isfinite(log).all(axis=(1, 2))
        found = np.full(len(log), np.inf)
        found[possible] = log[possible].var(axis=2, ddof=1).mean(axis=1)
        return found

    def _rows(self, episodes: Array, part: slice, of: int) -> tuple[EpisodeRandom, Callable[[], Weigher]]:
        outer = EpisodeRandom(self._seed, episodes=self._numbers[episodes]).at(*self._address).simulation()
        first, count = part.start, part.stop - part.start
        rows = outer.part(first * self.inner, count * self.inner, of * self.inner)
        return rows, lambda: _Particles(self.inner, outer.part(first, count, of))


class _Particles:
    """The inner particles of some candidates as they are weighed, round by round; a stream for the latter."""

    def __init__(self, inner: int, rng: EpisodeRandom) -> None:
        self.inner, self.rng = inner, rng
        self.drawn: set[str] = set()  # what may differ between the particles of a candidate

    def __call__(self, round_index: int, log_prob: Array, before: State, state: State) -> tuple[Array, State]:
        """Give the log mean weight of each candidate's particles, and their states after resampling."""
        log_prob = log_prob.reshape(-1, self.inner)
        best = log_prob.max(axis=1)
        possible = best > -np.inf
        weights = np.exp(log_prob - np.where(possible, best, 0.0)[:, None])
        weights[~possible] = 1.0  # nothing that was drawn explains the action: no particle is better
        log = np.where(possible, best + np.log(weights.mean(axis=1)), -np.inf)
        fields, old = dict(flatten(state)), dict(flatten(before))
        self.drawn |= {path for path, value in fields.items() if value is not old.get(path)}
        moved = [path for path in self.drawn if isinstance(fields[path], np.ndarray)]
        if moved:
            if self.rng.rows != len(weights):  # the shorter episodes, the last ones, are over
                self.rng = self.rng.select(np.arange(len(weights)))
            index = systematic_rows(weights, self.rng.at(round_index, OTHER).random())
            fields |= {path: lock(row_of(fields[path], index)) for path in moved}
            state = nest(fields)
        return log, state
