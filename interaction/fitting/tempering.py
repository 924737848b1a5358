"""Posteriors by particles that are led from the prior to the posterior: a sequential Monte Carlo sampler.

Particles start as draws from the prior. The likelihood then counts more and more, as a power that grows
from 0 to 1 by as much as keeps half of the particles effective; after each step they are resampled and moved
by a random walk that leaves the tempered posterior as it is. Several populations run apart, so that
their differences tell the Monte Carlo error.

Where the likelihood is estimated (`interaction.fitting.latent`), each particle keeps the estimate that it
came with, and only what is tried gets a new one. The power is that of the estimate, so that the targets on
the way are others than with the exact likelihood; the last one, of power 1, has the exact posterior as its
margin, and its moves leave that as it is.

Source: Del Moral, Doucet & Jasra 2006, "Sequential Monte Carlo samplers"; the adaptive powers: Jasra,
Stephens, Doucet & Tsagaris 2011, "Inference for Lévy-driven stochastic volatility models"; the powers of
estimates: Duan & Fulop 2015, "Density-tempered marginalized sequential Monte Carlo samplers".
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtri

from interaction.fitting.estimate import VARIANCE, Estimate, far_out, of_populations
from interaction.fitting.latent import LatentLikelihood
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.priors import Priors
from interaction.inference.particles import effective_sample_size, systematic
from interaction.progress import Progress
from interaction.random import EpisodeRandom

Array = NDArray[Any]

_KEPT = 0.5  # effective part of the particles that a step must leave
_MOVES = 6
_ESTIMATE = 2 + _MOVES  # the slot of a step from which on estimates draw, one for each move
_STEPS = 100
_ACCEPTED = 0.05
_MEASURED = 25  # draws of the posterior at which the variance of an estimated likelihood is measured


def by_particles(
    likelihood: Likelihood,
    priors: Priors,
    *,
    chains: int = 4,
    draws: int = 1_000,
    seed: int = 0,
    progress: bool = False,
    label: str = "particles",
    unit: str = "users",
    numbers: Array | None = None,
) -> Estimate:
    """Give each user's posterior as `chains` independent populations of `draws` particles.

    A user is converged when the populations agree (R-hat) and their last moves were not stuck, and when an
    estimated log likelihood varies little enough at the posterior. `numbers` are those of the users whose
    draws these have, where they are some of many: `(users,)`.
    """
    users, d = len(likelihood.observed.users), len(priors)
    shape = (users, chains, draws, d)
    numbers = np.arange(users) if numbers is None else numbers
    rng = EpisodeRandom(seed, episodes=numbers)
    z = ndtri(np.maximum(rng.at(0, 0).random((chains * draws * d,)), 2.0**-54)).reshape(shape)
    log = _log_likelihood(likelihood.again(0, _ESTIMATE), priors, z)
    power, log_evidence = np.zeros((users, chains)), np.zeros((users, chains))
    log_evidence[~np.isfinite(log).any(axis=(1, 2))] = -np.inf  # impossible: there is nothing to lead to
    accepted = np.ones((users, chains))
    with Progress(label, users, unit=unit, shown=progress) as bar:
        for step in range(1, _STEPS):
            active = np.flatnonzero((power < 1).any(axis=1) & np.isfinite(log).any(axis=(1, 2)))
            bar.update(users - len(active) - bar.n)
            if len(active) == 0:
                break
            rng = EpisodeRandom(seed, episodes=numbers[active])
            weights, power[active], gained = raise_power(log[active], power[active])
            log_evidence[active] += gained
            chosen = likelihood.select(active)
            walk = _Walk(priors, z[active], log[active], weights)
            walk.resample(rng.at(step, 1).random((chains,)))
            for move in range(_MOVES):
                walk.move(rng.at(step, 2 + move), power[active], chosen.again(step, _ESTIMATE + move))
            z[active], log[active], accepted[active] = walk.z, walk.log, walk.accepted / _MOVES
    estimate = _estimate(priors, priors.table(z), power, log_evidence, accepted)
    estimate = replace(estimate, far=far_out(z))
    if not isinstance(likelihood, LatentLikelihood):
        return estimate
    some = z.reshape(users, -1, d)[:, np.linspace(0, chains * draws - 1, _MEASURED).round().astype(int)]
    variance = likelihood.variance(priors.at_coordinates(some))
    return replace(estimate, converged=estimate.converged & (variance <= VARIANCE), variance=variance)


def _estimate(priors: Priors, values: Array, power: Array, log_evidence: Array, accepted: Array) -> Estimate:
    chains = values.shape[1]
    stuck = (accepted < _ACCEPTED).any(axis=1)
    return of_populations(
        priors.names,
        values,
        logsumexp(log_evidence, axis=1) - np.log(chains),
        np.asarray((power >= 1).all(axis=1) & ~stuck),
    )


def _log_likelihood(likelihood: Likelihood, priors: Priors, z: Array) -> Array:
    values = priors.at_coordinates(z.reshape(len(z), -1, z.shape[-1]))
    return likelihood.total(values).reshape(z.shape[:-1])


def raise_power(log: Array, power: Array) -> tuple[Array, Array, Array]:
    """Raise the power of each population as far as its effective sample size allows (by bisection).

    Gives the weights `(..., particles)`, the new powers, and what the log evidence gains.
    """
    low, high = np.zeros_like(power), 1.0 - power
    for _ in range(50):
        middle = np.where(_effective(log, high) >= _KEPT, high, (low + high) / 2)
        enough = _effective(log, middle) >= _KEPT
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    # Not less than a little, or a likelihood that excludes most particles would never count.
    increment = np.minimum(np.maximum(low, 1e-4), 1.0 - power)
    with np.errstate(invalid="ignore"):
        scaled = np.where(increment[..., None] > 0, increment[..., None] * log, 0.0)
    total = logsumexp(scaled, axis=-1)
    possible = np.isfinite(total)[..., None]
    with np.errstate(invalid="ignore"):
        weights = np.where(possible, np.exp(scaled - total[..., None]), 1 / log.shape[-1])
    return weights, power + increment, total - np.log(log.shape[-1])


def _effective(log: Array, increment: Array) -> Array:
    with np.errstate(invalid="ignore"):
        scaled = np.where(increment[..., None] > 0, increment[..., None] * log, 0.0)
        weights = np.exp(scaled - logsumexp(scaled, axis=-1, keepdims=True))
    return np.asarray(effective_sample_size(weights) / log.shape[-1])


class _Walk:
    """Particles `(users, chains, particles, parameters)` that are resampled and moved."""

    def __init__(self, priors: Priors, z: Array, log: Array, weights: Array) -> None:
        self.priors, self.z, self.log, self.weights = priors, z, log, weights
        self.accepted = np.zeros(z.shape[:2])
        d = z.shape[-1]
        mean = (weights[..., None] * z).sum(axis=-2, keepdims=True)
        spread = np.swapaxes(weights[..., None] * (z - mean), -1, -2) @ (z - mean)
        self.root = np.linalg.cholesky(spread * 2.38**2 / d + 1e-10 * np.eye(d))

    def resample(self, uniform: Array) -> None:
        index = systematic(self.weights, uniform)
        self.z = np.take_along_axis(self.z, index[..., None], axis=-2)
        self.log = np.take_along_axis(self.log, index, axis=-1)

    def move(self, rng: EpisodeRandom, power: Array, likelihood: Likelihood) -> None:
        """One step of a Metropolis random walk, whose width is that of the population."""
        users, chains, particles, d = self.z.shape
        uniform = np.maximum(rng.random((chains * particles * (d + 1),)), 2.0**-54)
        uniform = uniform.reshape(users, chains, particles, d + 1)
        tried = self.z + ndtri(uniform[..., :d]) @ np.swapaxes(self.root, -1, -2)
        log = _log_likelihood(likelihood, self.priors, tried)
        prior = 0.5 * ((self.z**2).sum(axis=-1) - (tried**2).sum(axis=-1))
        with np.errstate(invalid="ignore"):
            gain = np.where(np.isneginf(log), -np.inf, power[..., None] * (log - self.log) + prior)
        take = np.log(uniform[..., d]) < gain
        self.z = np.where(take[..., None], tried, self.z)
        self.log = np.where(take, log, self.log)
        self.accepted += take.mean(axis=-1)
