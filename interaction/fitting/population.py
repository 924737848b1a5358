"""Populations: people whose parameters are alike, though not the same.

On a scale that has no ends, each person's parameter is normal around the mean of their group. So those of
whom little was seen are drawn towards the others, as far as the others are alike (partial pooling).
Source: Gelman & Hill 2007, "Data analysis using regression and multilevel/hierarchical models", chapter 12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

from interaction import spaces
from interaction.agent import User, check_user
from interaction.errors import ArgumentError, SpaceError, unknown_name
from interaction.fitting.priors import Priors, bounds
from interaction.inference.candidates import Distribution, support
from interaction.spaces import Box, Undeclared
from interaction.state import flatten

Array = NDArray[Any]

_MOST = 4  # parameters
_FURTHEST = 700.0  # on a scale: beyond, exp overflows


@dataclass(frozen=True)
class Scale:
    """A scale without ends, and what is believed of the people on it: their mean and standard deviation.

    `mean` and `sd` are frozen, continuous `scipy.stats` distributions, in units of the scale.
    Raises `ArgumentError` for anything else, and for an sd that may be negative.
    """

    mean: Distribution
    sd: Distribution
    ends: ClassVar[str]

    def __post_init__(self) -> None:
        for name in ("mean", "sd"):
            prior: Any = getattr(self, name)
            if not hasattr(prior, "ppf") or hasattr(prior, "pmf"):
                example = "norm(0, 1.5)" if name == "mean" else "halfnorm(0, 1)"
                raise ArgumentError(
                    f"{type(self).__name__}: {name}: expected a frozen continuous scipy.stats distribution, "
                    f"such as scipy.stats.{example}, got {prior!r}"
                )
        least = float(np.asarray(self.sd.ppf(0.0)))
        if not least >= 0:
            raise ArgumentError(
                f"{type(self).__name__}: sd: expected a distribution of numbers >= 0, such as "
                f"scipy.stats.halfnorm(0, 1), got one that begins at {least:g}"
            )

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value of the parameter."""
        raise NotImplementedError

    def values(self, points: Array) -> Array:
        """Give the values of the parameter at points of the scale."""
        raise NotImplementedError

    def points(self, values: Array) -> Array:
        """Give the points of the scale: the inverse of `values`."""
        raise NotImplementedError

    def alone(self) -> OnScale:
        """Give what is believed of a person before anything is known, somewhat too widely."""
        low, middle, high = (float(np.asarray(self.mean.ppf(share))) for share in (0.025, 0.5, 0.975))
        spread = float(np.asarray(self.sd.ppf(0.9)))
        return OnScale(self, middle, float(np.hypot((high - low) / (2 * ndtri(0.975)), spread)))


@dataclass(frozen=True)
class Logit(Scale):
    """For a parameter between two ends, 0 and 1 unless you say which: log((x − low) / (high − x)).

    `mean` and `sd` are frozen, continuous `scipy.stats` distributions on this scale: what is believed of the
    mean and of the standard deviation of the people. `low` and `high` are the ends, such as 0 and 10.
    Raises `ArgumentError` for other distributions, an sd that may be negative, and ends that are none.

    >>> from scipy import stats
    >>> from interaction import Logit
    >>> scale = Logit(mean=stats.norm(0, 1.5), sd=stats.halfnorm(0, 1))
    >>> scale.values([-2.0, 0.0, 2.0]).round(3)
    array([0.119, 0.5  , 0.881])
    """

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.range
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            raise ArgumentError(f"Logit: expected low < high, both finite, got {low!r} and {high!r}")

    @property
    def range(self) -> tuple[float, float]:
        return 0.0 if self.low is None else self.low, 1.0 if self.high is None else self.high

    def values(self, points: Array) -> Array:
        low, high = self.range
        return np.asarray(low + (high - low) * expit(points))

    def points(self, values: Array) -> Array:
        low, high = self.range
        return np.asarray(logit((np.asarray(values, float) - low) / (high - low)))


@dataclass(frozen=True)
class Log(Scale):
    """For a parameter above 0, or above `low`: log(x − low).

    `mean`, `sd` and errors are as of `Logit`, on this scale.

    >>> from scipy import stats
    >>> from interaction import Log
    >>> scale = Log(mean=stats.norm(0, 1), sd=stats.halfnorm(0, 1))
    >>> scale.values([-1.0, 0.0, 1.0]).round(3)
    array([0.368, 1.   , 2.718])
    """

    low: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not np.isfinite(self.low):
            raise ArgumentError(f"Log: low: expected a finite number, got {self.low!r}")

    @property
    def range(self) -> tuple[float, float]:
        return self.low, np.inf

    def values(self, points: Array) -> Array:
        return np.asarray(self.low + np.exp(np.clip(points, -_FURTHEST, _FURTHEST)))

    def points(self, values: Array) -> Array:
        return np.asarray(np.log(np.asarray(values, float) - self.low))


@dataclass(frozen=True)
class Identity(Scale):
    """For a parameter without ends: the parameter itself.

    `mean`, `sd` and errors are as of `Logit`, in the parameter's own unit.

    >>> from scipy import stats
    >>> from interaction import Identity
    >>> scale = Identity(mean=stats.norm(0, 10), sd=stats.halfnorm(0, 5))
    >>> scale.values([-1.0, 0.0, 1.0])
    array([-1.,  0.,  1.])
    """

    @property
    def range(self) -> tuple[float, float]:
        return -np.inf, np.inf

    def values(self, points: Array) -> Array:
        return np.asarray(points, float)

    def points(self, values: Array) -> Array:
        return np.asarray(values, float)


@dataclass(frozen=True)
class OnScale:
    """The distribution of a parameter that is normal on a scale; `middle` and `spread` are in its units."""

    scale: Scale
    middle: float
    spread: float

    def ppf(self, q: Any) -> Array:
        """Give the quantile."""
        return self.scale.values(self.middle + self.spread * ndtri(q))

    def isf(self, q: Any) -> Array:
        """Give what is exceeded with a probability."""
        return self.scale.values(self.middle - self.spread * ndtri(q))


class Population:
    """What is believed of some people together: for each parameter a scale, with priors of mean and sd.

    Within a group, parameters are independent of each other, given means and standard deviations.
    Raises `ArgumentError` for what is no mapping of scales, by parameter.

    >>> from scipy import stats
    >>> from interaction import Log, Logit, Population
    >>> mean, sd = stats.norm(0, 1.5), stats.halfnorm(0, 1)
    >>> population = Population({"learning_rate": Logit(mean, sd), "inverse_temperature": Log(mean, sd)})
    >>> population.names
    ('learning_rate', 'inverse_temperature')
    """

    def __init__(self, scales: Mapping[str, Scale]) -> None:
        if not isinstance(scales, Mapping) or not scales:
            raise ArgumentError(
                f"Population: expected scales by parameter, as in {{'epsilon': Logit(mean=..., sd=...)}}, "
                f"got {scales!r}"
            )
        for name, scale in scales.items():
            if not isinstance(scale, Scale):
                raise ArgumentError(
                    f"Population: {name}: expected Logit, Log or Identity, with priors of mean and sd, "
                    f"got {scale!r}"
                )
        self.scales = dict(scales)
        for name in self.priors().names:
            if name in scales:
                raise ArgumentError(
                    f"Population: {name} is a parameter, and the name of another one's mean or sd"
                )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self.scales)

    def priors(self) -> Priors:
        """Give the priors of all means and standard deviations: "<parameter>_mean" and "<parameter>_sd"."""
        return _Hyperpriors(
            {
                f"{name}_{what}": getattr(scale, what)
                for name, scale in self.scales.items()
                for what in ("mean", "sd")
            }
        )

    def check(self, user: User, where: str) -> Priors:
        """Raise unless each scale fits the parameter's space; give the priors of a person alone.

        Raises `UnknownNameError` for what is no entry of the user's state, `SpaceError` for a scale whose
        ends are not those of the space, and `ContractError` for a user without `log_prob`.
        """
        check_user(user, where)
        if len(self.names) > _MOST:
            raise ArgumentError(
                f"{where}: population: expected at most {_MOST} parameters, whose grid can be laid, got "
                f"{len(self.names)}: {', '.join(self.names)}"
            )
        valid = dict(spaces.leaves(user.state_space))
        for name, scale in self.scales.items():
            if name not in valid:
                raise unknown_name(name, valid, f"{where}: population of {type(user).__name__}")
            _check_scale(name, scale, valid[name], dict(flatten(user.state)).get(name), where)
        return Priors(user, {name: scale.alone() for name, scale in self.scales.items()}, where)

    def values(self, points: Array) -> dict[str, Array]:
        """Give the values of all parameters at points `(..., parameters)` of their scales."""
        return {name: scale.values(points[..., k]) for k, (name, scale) in enumerate(self.scales.items())}


class _Hyperpriors(Priors):
    """Priors of what no user has in its state."""

    def __init__(self, distributions: Mapping[str, Distribution]) -> None:
        self.distributions = dict(distributions)
        self.names = tuple(distributions)
        self.spaces = {name: support(prior) for name, prior in distributions.items()}
        self.discrete = np.zeros(len(self.names), bool)


def _check_scale(name: str, scale: Scale, space: Any, own: Any, where: str) -> None:
    """Raise unless the values of a scale lie in the space, and no part of it is left out unsaid.

    Where the space is not declared, the user's own value tells what is possible.
    """
    kind = type(scale).__name__
    if spaces.shape_of(space) or not isinstance(space, Box) or spaces.is_whole(space):
        raise ArgumentError(
            f"{where}: population: {name}: expected a parameter that is a single real number, not {space}"
        )
    left, right = scale.range
    said = not isinstance(scale, Logit) or scale.low is not None or scale.high is not None
    if isinstance(space, Undeclared):
        if own is not None and not said and not left <= own <= right:
            raise SpaceError(
                f"{where}: population: {name}: {kind} goes from {left:g} to {right:g}, but the user has "
                f"{name}={own:g}: say Logit(..., low=..., high=...), or another scale"
            )
        return
    low, high = bounds(space)
    if low <= left and right <= high and (said or (low, high) == (left, right)):
        return
    if np.isfinite(low) and np.isfinite(high):
        remedy = f"Logit(..., low={low:g}, high={high:g})"
    elif np.isfinite(low):
        remedy = "Log(...)" if low == 0 else f"Log(..., low={low:g})"
    else:
        remedy = "Identity(...)" if not np.isfinite(high) else "Logit(..., low=..., high=...)"
    raise SpaceError(
        f"{where}: population: {name}: {kind} goes from {left:g} to {right:g}, but the space of {name} is "
        f"{space}: say {remedy}"
    )
