"""Posteriors of populations: of means, standard deviations, and of all people together (partial pooling).

What each person did is played again on a grid of their own, once. The mixtures of normals that go through
it (`surfaces`) give the likelihood of any mean and standard deviation in closed form, so that these are led
from their prior to their posterior without playing anything; each person is then drawn given them. The
draws locate each person better than their own data did, so it is done once more, on grids that suit them.
At last the draws are played, and weighted by what the mixtures had wrong: the weights' effective size tells
whether they can be trusted, and makes them right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction.fitting.estimate import R_HAT, Estimate, of_populations
from interaction.fitting.groups import Groups
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.population import Population
from interaction.fitting.priors import Priors
from interaction.fitting.quadrature import POINTS, likelihood_on_cells
from interaction.fitting.surfaces import Surfaces
from interaction.fitting.tempering import by_particles
from interaction.inference.particles import effective_sample_size, systematic
from interaction.random import EpisodeRandom

Array = NDArray[Any]

_FEWEST, _ROUGH = 50, 250  # particles of the first pass, which only tells where people lie
_PASSES = 3
_FINE = {1: 192, 2: 64, 3: 32, 4: 15}  # lines of a grid along an axis, where the first ones were not enough
_PAD = {1: 0.25, 2: 0.25, 3: 0.1, 4: 0.1}  # of the draws' range, on either side
_PERSON = 0.98  # effective part of a person's weights, below which their grid is laid anew
_GROUP = 0.5  # effective part of the weights of a group, below which it has not converged
_OUTER = 0.01  # part of a person's draws that may lie in the outermost cells


@dataclass(frozen=True, eq=False)
class Pooled:
    """The posterior of a population.

    `people`: parameters of each person, in their own units, as draws that go together across people.
    `groups`: "<parameter>_mean" and "<parameter>_sd" of each group, in units of the scale; its draws
    `(groups, chains, draws, 2 · parameters)` belong to those of the people.
    `effective` `(users,)`: the effective part of each person's weights.
    """

    people: Estimate
    groups: Estimate
    effective: Array


def pool(
    likelihood: Likelihood,
    population: Population,
    priors: Priors,
    groups: Groups,
    *,
    chains: int = 4,
    draws: int = 1_000,
    seed: int = 0,
    progress: bool = False,
    label: str = "population",
) -> Pooled:
    """Give the posterior of people in groups; `priors` are those of a person alone.

    A person is converged where their weights are effective, few draws lie at the edge of their grid, and
    their group's particles agree (R-hat) and are effective.
    """
    d = len(priors)
    alone: Any = list(priors.distributions.values())
    middle, spread = (np.array([getattr(one, name) for one in alone]) for name in ("middle", "spread"))
    options: dict[str, Any] = {"chains": chains, "progress": progress, "label": label, "unit": "groups"}
    surfaces = Surfaces.through(likelihood_on_cells(likelihood, priors, POINTS[d]), middle, spread)
    people, count = np.arange(len(surfaces.height)), min(max(draws, _FEWEST), _ROUGH)
    for attempt in range(_PASSES):
        own = int(np.random.SeedSequence((seed, attempt)).generate_state(1)[0])
        drawn = _drawn(surfaces, population, groups, count, own, options)
        if attempt:
            checked = _weigh(drawn, surfaces, likelihood, population, groups)
            people = np.flatnonzero((checked.effective < _PERSON) | (drawn.outer > _OUTER))
        if attempt == _PASSES - 1 or len(people) == 0:
            break
        low, high = (end(drawn.points[people], axis=(1, 2)) for end in (np.min, np.max))
        pad = _PAD[d] * (high - low)
        ends = ((low - pad - middle) / spread, (high + pad - middle) / spread)
        n = POINTS[d] if attempt == 0 else _FINE[d]
        cells = likelihood_on_cells(likelihood.select(people), priors, n, ends)
        surfaces = surfaces.replaced(people, Surfaces.through(cells, middle, spread))
        count = draws
    return _pooled(drawn, checked, population, groups, seed)


class _Drawn(NamedTuple):
    """Draws of groups, and of people given these: points of scales `(users, chains, draws, parameters)`."""

    groups: Estimate
    points: Array
    outer: Array  # part of a person's draws in the outermost cells (users,)


class _Checked(NamedTuple):
    """What the draws weigh: `weights` `(groups, chains, draws)`, and their effective parts."""

    log_weights: Array
    effective: Array  # (users,)
    of_group: Array  # (groups,)


def _drawn(
    surfaces: Surfaces,
    population: Population,
    groups: Groups,
    draws: int,
    seed: int,
    options: Mapping[str, Any],
) -> _Drawn:
    """Draw means and standard deviations of each group, and each person given those of their group."""
    marginal: Any = _Marginal(surfaces, population, groups, np.arange(len(groups.labels)))
    found = by_particles(marginal, population.priors(), draws=draws, seed=seed, **options)
    chains, d = found.draws.shape[1], len(population.names)
    users = len(groups.of_user)
    rng = EpisodeRandom(seed, episodes=np.arange(users))
    flat = (chains * draws * d,)
    uniform, normal = rng.at(0, 9).random(flat), rng.at(0, 10).normal(shape=flat)
    points, outer = np.empty((users, chains * draws, d)), np.empty(users)
    for user, group in enumerate(groups.of_user):
        mean, sd = np.moveaxis(found.draws[group].reshape(-1, d, 2), -1, 0)
        numbers = uniform[user].reshape(-1, d), normal[user].reshape(-1, d)
        points[user], outside = surfaces.draw(user, mean, sd, *numbers)
        outer[user] = outside.any(axis=-1).mean()
    return _Drawn(found, points.reshape(users, chains, draws, d), outer)


def _weigh(
    drawn: _Drawn, surfaces: Surfaces, likelihood: Likelihood, population: Population, groups: Groups
) -> _Checked:
    """Play the draws, and weigh them by their likelihood over that of the surfaces."""
    users, chains, draws, d = drawn.points.shape
    flat = drawn.points.reshape(users, -1, d)
    log = likelihood.total(population.values(flat))
    for user, points in enumerate(flat):
        log[user] -= surfaces.log_integral(user, points, np.zeros_like(points))
    together = np.zeros((len(groups.labels), chains * draws))
    np.add.at(together, groups.of_user, log)
    return _Checked(together.reshape(-1, chains, draws), _effective(log), _effective(together))


def _effective(log: Array) -> Array:
    """Give the effective part of weights `(..., draws)`; none where one is no number, or all are nothing."""
    with np.errstate(invalid="ignore"):
        weights = np.exp(log - log.max(axis=-1, keepdims=True))
        share = effective_sample_size(weights / weights.sum(axis=-1, keepdims=True)) / log.shape[-1]
    return np.where(np.isfinite(share), share, 0.0)


def _pooled(drawn: _Drawn, checked: _Checked, population: Population, groups: Groups, seed: int) -> Pooled:
    """Resample the draws by their weights, and judge them."""
    rng = EpisodeRandom(seed, episodes=np.arange(len(groups.labels)))
    chains = drawn.points.shape[1]
    trusted = checked.of_group >= _GROUP
    log = np.where(trusted[:, None, None], checked.log_weights, 0.0)  # or nothing would be left
    highest = log.max(axis=(1, 2), keepdims=True)
    weights = np.exp(log - highest)
    evidence = np.log(weights.mean(axis=(1, 2))) + highest[:, 0, 0]
    weights /= weights.sum(axis=-1, keepdims=True)
    index = systematic(weights, rng.at(0, 11).random((chains,)))
    taken = np.take_along_axis(drawn.groups.draws, index[..., None], axis=2)
    points = np.take_along_axis(drawn.points, index[groups.of_user][..., None], axis=2)
    found = of_populations(
        drawn.groups.names, taken, drawn.groups.log_evidence + evidence, drawn.groups.converged & trusted
    )
    values = population.values(points)
    people = of_populations(
        population.names,
        np.stack([values[name] for name in population.names], axis=-1),
        np.full(len(points), np.nan),
        np.ones(len(points), bool),
    )
    agreed = (found.r_hat < R_HAT).all(axis=-1) & drawn.groups.converged
    faults = {
        f"the particles of their group do not agree (R-hat up to {found.r_hat.max():.2f}): give more draws": (
            ~agreed[groups.of_user]
        ),
        "their weights, or those of their group together, are not effective: give more draws": (
            ~trusted[groups.of_user] | (checked.effective < _GROUP)
        ),
        "they lie at the edge of their grid: give priors that narrow them down": drawn.outer > _OUTER,
    }
    faults |= {what: wrong[groups.of_user] for what, wrong in drawn.groups.faults.items()}
    return Pooled(people.marked(faults), found, checked.effective)


class _Marginal:
    """The likelihood of means and standard deviations: in place of a user's, there is one for each group."""

    def __init__(self, surfaces: Surfaces, population: Population, groups: Groups, chosen: Array) -> None:
        self.surfaces, self.population, self.groups, self.users = surfaces, population, groups, chosen

    @property
    def observed(self) -> _Marginal:
        """What was observed, of which only the groups are asked, as `users`."""
        return self

    def select(self, chosen: Array) -> _Marginal:
        """Give the likelihood of some groups alone."""
        return _Marginal(self.surfaces, self.population, self.groups, self.users[chosen])

    def again(self, step: int, slot: int) -> _Marginal:
        """Give the same: nothing is drawn."""
        return self

    def total(self, values: Mapping[str, Array]) -> Array:
        """Give the log likelihood of each group's people: `(groups, candidates)`."""
        mean, sd = (
            np.stack([values[f"{name}_{what}"] for name in self.population.names], axis=-1)
            for what in ("mean", "sd")
        )
        found = np.zeros(mean.shape[:2])
        for row, group in enumerate(self.users):
            for person in np.flatnonzero(self.groups.of_user == group):
                found[row] += self.surfaces.log_integral(int(person), mean[row], sd[row])
        return found
