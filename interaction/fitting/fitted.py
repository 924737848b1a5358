"""From data to people who play: new people, drawn from a population that was fitted."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtr, ndtri

from interaction.agent import Agent, User
from interaction.errors import ArgumentError, ConvergenceWarning, unknown_name
from interaction.fitting.population import Identity, Log, Logit, Scale
from interaction.random import EpisodeRandom, check_seed
from interaction.state import flatten, replace_path
from interaction.task import defines

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]

_NODES = 1_001  # at which the distribution function of a new person is computed
_AT_MOST = 1_000  # of the posterior's draws, for that


@dataclass(frozen=True, eq=False)
class NewPerson:
    """The distribution of a parameter of a new person: over all populations that the data allow.

    `points` of a scale, and the standard normal scores `(nodes,)` of the distribution function there.
    """

    scale: Scale
    points: Array
    scores: Array

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NewPerson):
            return NotImplemented
        mine, theirs = ((type(one.scale), *one.scale.range) for one in (self, other))
        same = np.array_equal(self.points, other.points) and np.array_equal(self.scores, other.scores)
        return mine == theirs and same

    def __hash__(self) -> int:
        return hash((type(self.scale), *self.scale.range))

    def ppf(self, q: Any) -> Array:
        """Give the quantile."""
        return self._value(ndtri(q))

    def isf(self, q: Any) -> Array:
        """Give what is exceeded with a probability."""
        return self._value(-ndtri(q))

    def cdf(self, x: Any) -> Array:
        """Give the probability of being at most so much."""
        return np.asarray(ndtr(self._score(x)))

    def sf(self, x: Any) -> Array:
        """Give the probability of being more."""
        return np.asarray(ndtr(-self._score(x)))

    def _value(self, score: Any) -> Array:
        return self.scale.values(np.interp(score, self.scores, self.points))

    def _score(self, x: Any) -> Array:
        low, high = self.scale.range
        with np.errstate(divide="ignore"):
            points = self.scale.points(np.clip(x, low, high))
        return np.asarray(np.interp(points, self.points, self.scores, -np.inf, np.inf))


@dataclass(frozen=True, eq=False)
class FittedUsers:
    """New people of a fitted population.

    `values`: their parameters by name, `(n,)` each, which go together.
    `priors`: what is known of each parameter of a new person, as the distributions that `Samples` takes.

    >>> from scipy import stats
    >>> from interaction import Bundle, Logit, Population, fit, fitted_users
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> population = Population({"bias": Logit(mean=stats.norm(0, 1.5), sd=stats.halfnorm(0, 1))})
    >>> bundle = Bundle(MultiArmedBanditTask(), RandomUser(), max_rounds=10)
    >>> people = bundle.run(4, seed=0, start={"user_state.bias": [0.6, 0.7, 0.8, 0.9]})
    >>> tree = fit(bundle.task, RandomUser(), people, population=population, users="episode", progress=False)
    >>> new = fitted_users(tree, n=200)
    >>> print(bundle.run(200, seed=1, start=new.start)["user_action"].mean().round(2))
    0.32
    >>> new.priors["bias"].ppf([0.1, 0.5, 0.9]).round(2), list(new.users(RandomUser()))[:2]
    (array([0.52, 0.69, 0.82]), ['person 0', 'person 1'])
    """

    values: Mapping[str, Array]
    priors: Mapping[str, NewPerson]

    @property
    def start(self) -> dict[str, Array]:
        """Give the people as beginnings: `bundle.run(n, start=fitted.start)` plays an episode with each."""
        return {f"user_state.{name}": array for name, array in self.values.items()}

    @property
    def over(self) -> dict[str, dict[str, Array]]:
        """Give the people as an axis: `bundle.run(n, over=fitted.over)` plays n with each of them."""
        return {"person": self.start}

    def users(self, user: User) -> dict[str, User]:
        """Give the people as users like this one otherwise, by labels "person 0", …: for `robustness`.

        Raises `ArgumentError` for a user that begins by a `reset` of its own, and `UnknownNameError` for one
        without the parameters.
        """
        if defines(user, "reset", Agent) or defines(user, "reset_in", Agent):
            raise ArgumentError(
                f"fitted users: {type(user).__name__} begins by a reset of its own; give each episode its "
                f"beginning by bundle.run(n, start=fitted.start)"
            )
        valid = dict(flatten(user.state))
        for name in self.values:
            if name not in valid:
                raise unknown_name(name, valid, f"fitted users: state of {type(user).__name__}")
        found = {}
        for person in range(len(next(iter(self.values.values())))):
            state = user.state
            for name, array in self.values.items():
                state = replace_path(state, name, float(array[person]))
            found[f"person {person}"] = user.replace(state=state)
        return found


def fitted_users(tree: xarray.DataTree, n: int, *, group: Any = None, seed: int = 0) -> FittedUsers:
    """Draw n new people from a population that was fitted (posterior predictive), of one group.

    Each comes from another draw of the posterior's means and standard deviations, so that what the data
    leave open is in their differences.
    Raises `ArgumentError` for a tree without a population, and where groups differ and none is named, and
    `UnknownNameError` for a group that it does not have. Warns (`ConvergenceWarning`) where the fit did not
    converge.

    >>> from scipy import stats
    >>> from interaction import Bundle, Logit, Population, fit, fitted_users
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> population = Population({"bias": Logit(mean=stats.norm(0, 1.5), sd=stats.halfnorm(0, 1))})
    >>> bundle = Bundle(MultiArmedBanditTask(), RandomUser(), max_rounds=10)
    >>> people = bundle.run(4, seed=0, start={"user_state.bias": [0.6, 0.7, 0.8, 0.9]})
    >>> tree = fit(bundle.task, RandomUser(), people, population=population, users="episode", progress=False)
    >>> print(fitted_users(tree, n=1_000, seed=0).values["bias"].mean().round(2))
    0.67
    """
    if "population" not in tree.children:
        raise ArgumentError("fitted_users: expected a tree of fit(..., population=...), got one without")
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ArgumentError(f"fitted_users: n: expected a number >= 1, got {n!r}")
    check_seed(seed)
    posterior = tree["posterior"].to_dataset()
    groups = posterior.group.values.tolist() if "group" in posterior.dims else []
    if groups and group is None:
        raise ArgumentError(f"fitted_users: say of which group, by group=: {', '.join(map(str, groups))}")
    if group is not None and group not in groups:
        raise unknown_name(group, map(str, groups), "fitted_users: group")
    if not tree.attrs["converged"]:
        warnings.warn(f"fitted_users: {tree.attrs['verdict']}", ConvergenceWarning, stacklevel=2)
    chosen = posterior.sel(group=group) if groups else posterior
    scales = {name: _scale(*told) for name, told in json.loads(tree["population"].attrs["scales"]).items()}
    rng = EpisodeRandom(seed, episodes=np.arange(n))
    draws = chosen.sizes["chain"] * chosen.sizes["draw"]
    pick = np.floor(rng.random() * draws).astype(np.int64)
    values, priors = {}, {}
    for name, scale in scales.items():
        mean, sd = (chosen[f"{name}_{what}"].values.reshape(-1) for what in ("mean", "sd"))
        values[name] = scale.values(mean[pick] + sd[pick] * rng.normal())
        priors[name] = _new_person(scale, mean, sd)
    return FittedUsers(values, priors)


def _scale(kind: str, low: float, high: float) -> Scale:
    """Give a scale as it was told in a tree, where what was believed before no longer counts."""
    mean, sd = stats.norm(0, 1), stats.halfnorm(0, 1)
    if kind == "Logit":
        return Logit(mean, sd, low, high)
    return Log(mean, sd, low) if kind == "Log" else Identity(mean, sd)


def _new_person(scale: Scale, mean: Array, sd: Array) -> NewPerson:
    """Give the mixture of normals over draws `(draws,)`, by its distribution function at some points."""
    some = np.linspace(0, len(mean) - 1, min(len(mean), _AT_MOST)).astype(np.int64)
    mean, sd = mean[some], np.maximum(sd[some], 1e-12)
    points = np.linspace((mean - 7 * sd).min(), (mean + 7 * sd).max(), _NODES)
    below = ndtr((points[:, None] - mean) / sd).mean(axis=1)
    above = ndtr((mean - points[:, None]) / sd).mean(axis=1)
    scores = np.where(below < above, ndtri(below), -ndtri(above))
    kept = np.isfinite(scores) & np.append(True, np.diff(scores) > 0)
    return NewPerson(scale, points[kept], scores[kept])
