"""Priors over the parameters of a user, and two systems of coordinates in which to search and to sample.

In *prior coordinates* z the prior is standard normal: θ = F⁻¹(Φ(z)), with F the prior's distribution
function. In *space coordinates* z runs over the parameter's own space, whatever the prior: Φ(z) between
two bounds, exp(z) above one, z itself without any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from interaction import spaces
from interaction.agent import User, check_user
from interaction.errors import ArgumentError, unknown_name
from interaction.inference.candidates import Distribution, Samples, support
from interaction.random import EpisodeRandom
from interaction.spaces import Box, Undeclared

Array = NDArray[Any]
Values = dict[str, Array]
"""Values of parameters, by name."""

_TINY = 1e-300
_LAST = 1 - 2.0**-53
_UPPER = 5.0  # standard deviations of the prior, beyond which its upper tail is asked
_SHARES = (np.arange(1_000) + 0.5) / 1_000


class Priors:
    """The priors of some parameters: frozen `scipy.stats` distributions, by entry of the user's state.

    A prior with a `pmf` (as `scipy.stats.randint`) is discrete; all others are continuous. Where the space
    of a parameter that began as a float is not declared, it is the prior's support.
    Raises `ArgumentError` for a discrete prior of other than whole numbers, `ContractError` for a user
    without `log_prob`, `UnknownNameError` for what is no entry of its state, `SpaceError` for a prior that
    reaches outside the entry's space.
    """

    def __init__(self, user: User, priors: Mapping[str, Distribution], where: str) -> None:
        check_user(user, where)
        if not isinstance(priors, Mapping) or not priors:
            raise ArgumentError(
                f"{where}: expected priors by parameter, as in {{'epsilon': scipy.stats.uniform(0, 1)}}, "
                f"got {priors!r}"
            )
        for name, prior in priors.items():
            if not hasattr(prior, "ppf"):
                raise ArgumentError(
                    f"{where}: prior of {name}: expected a frozen scipy.stats distribution of a number, "
                    f"got {prior!r}"
                )
        self.distributions = dict(priors)
        self.names = tuple(priors)
        samples = Samples(priors)
        valid = dict(spaces.leaves(user.state_space))
        self.spaces = {}
        for name in self.names:
            if name not in valid:
                raise unknown_name(name, valid, f"{where}: priors of {type(user).__name__}")
            if spaces.shape_of(valid[name]):
                raise ArgumentError(f"{where}: prior of {name}: expected a single number, not {valid[name]}")
            if spaces.is_whole(valid[name]) and not hasattr(priors[name], "pmf"):
                raise ArgumentError(
                    f"{where}: prior of {name}: {valid[name]} needs a discrete prior, such as "
                    f"scipy.stats.randint"
                )
            if hasattr(priors[name], "pmf"):
                _check_whole(name, priors[name], where)
            samples.check(name, valid[name], where)
            free = isinstance(valid[name], Undeclared) and not spaces.is_whole(valid[name])
            self.spaces[name] = support(priors[name]) if free else valid[name]
        self.discrete = np.array([hasattr(prior, "pmf") for prior in self.distributions.values()])

    @property
    def reach(self) -> Array:
        """How far space coordinates go: beyond, values between bounds are at a bound (to rounding), and
        those above one are below 1e-8 or above 1e8."""
        ends = [np.isfinite(bounds(self.spaces[name])) for name in self.names]
        return np.array([9.0 if both.all() else 20.0 if both.any() else np.inf for both in ends])

    def __len__(self) -> int:
        return len(self.names)

    def draw(self, count: int, seed: int, first: int = 0) -> Values:
        """Draw values for the users `first`, …: `(count,)` each, a function of the seed and the user."""
        rng = EpisodeRandom(seed, episodes=np.arange(first, first + count))
        return self.at_quantiles(rng.random((len(self),)))

    def at_quantiles(self, quantiles: Array) -> Values:
        """Give the values at quantiles `(..., parameters)` of the priors: `(...)` each."""
        inside = np.clip(quantiles, _TINY, _LAST)
        return {
            name: self._typed(name, prior.ppf(inside[..., index]))
            for index, (name, prior) in enumerate(self.distributions.items())
        }

    def at_coordinates(self, z: Array) -> Values:
        """Give the values at prior coordinates `(..., parameters)`."""
        return {
            name: self._typed(name, _at_score(prior, z[..., index]))
            for index, (name, prior) in enumerate(self.distributions.items())
        }

    def table(self, z: Array) -> Array:
        """Give the values at prior coordinates as one array, with the parameters on the last axis."""
        return self.columns(self.at_coordinates(z))

    def columns(self, values: Mapping[str, Array]) -> Array:
        """Put the values of all parameters into one array: `(..., parameters)`."""
        return np.stack([np.asarray(values[name], float) for name in self.names], axis=-1)

    def in_space(self, z: Array) -> Values:
        """Give the values at space coordinates `(..., parameters)`."""
        found = {}
        for index, name in enumerate(self.names):
            low, high = bounds(self.spaces[name])
            part = z[..., index]
            if np.isfinite(low) and np.isfinite(high):
                value = low + (high - low) * ndtr(part)
            elif np.isfinite(low):
                value = low + np.exp(part)
            elif np.isfinite(high):
                value = high - np.exp(part)
            else:
                value = part
            found[name] = self._typed(name, value)
        return found

    def to_space(self, values: Mapping[str, Array]) -> Array:
        """Give the space coordinates of values: the inverse of `in_space`."""
        columns = []
        for name in self.names:
            low, high = bounds(self.spaces[name])
            value = np.asarray(values[name], float)
            if np.isfinite(low) and np.isfinite(high):
                columns.append(ndtri(np.clip((value - low) / (high - low), 1e-9, 1 - 1e-9)))
            elif np.isfinite(low):
                columns.append(np.log(np.maximum(value - low, 1e-9)))
            elif np.isfinite(high):
                columns.append(np.log(np.maximum(high - value, 1e-9)))
            else:
                columns.append(value)
        return np.stack(columns, axis=-1)

    def support(self, index: int) -> tuple[Array, Array]:
        """Give the values of a discrete parameter (but for 1e-9 at either end) and their probabilities."""
        prior: Any = list(self.distributions.values())[index]
        values = np.arange(int(prior.ppf(1e-9)) - 1, int(prior.ppf(1 - 1e-9)) + 2)
        weights = np.asarray(prior.pmf(values), float)
        return values[weights > 0], weights[weights > 0] / weights.sum()

    def goes_on(self, index: int) -> tuple[bool, bool]:
        """Tell whether a discrete prior goes on below and above the values of its `support`."""
        prior: Any = list(self.distributions.values())[index]
        values, _ = self.support(index)
        return bool(prior.pmf(values[0] - 1) > 0), bool(prior.pmf(values[-1] + 1) > 0)

    def _typed(self, name: str, values: Array) -> Array:
        """Values in the type of their space, and not beyond its bounds by an error of rounding."""
        space = self.spaces[name]
        if spaces.is_whole(space):
            return np.rint(values).astype(np.int64)
        low, high = bounds(space)
        return np.asarray(np.clip(np.asarray(values, float), low, high))


def _at_score(prior: Any, score: Array) -> Array:
    """Give the values at standard normal scores; far up by the upper tail, whose rounding is as fine."""
    score = np.asarray(score)
    found = np.array(prior.ppf(np.clip(ndtr(score), _TINY, _LAST)))
    far = score > _UPPER
    if far.any() and hasattr(prior, "isf"):
        upper = np.asarray(prior.isf(np.maximum(ndtr(-score[far]), _TINY)))
        found[far] = np.where(np.isfinite(upper), upper, found[far])  # discrete ones do not reach so far
    return found


def _check_whole(name: str, prior: Any, where: str) -> None:
    """Raise for a discrete prior of other than whole numbers, which are all that is tried."""
    values = np.asarray(prior.ppf(_SHARES), float)
    wrong = values[np.isfinite(values) & (values != np.rint(values))]
    if len(wrong):
        raise ArgumentError(
            f"{where}: prior of {name}: expected a discrete prior of whole numbers, got one with {wrong[0]:g}"
        )


def bounds(space: Any) -> tuple[float, float]:
    """Give the lowest and the highest number of a space; infinite where there is none."""
    if isinstance(space, Box):
        return (
            float(space.low) if space.bounded_below.all() else -np.inf,
            float(space.high) if space.bounded_above.all() else np.inf,
        )
    return float(space.start), float(space.start + space.n - 1)
