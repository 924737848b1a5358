"""The candidate values of a user's hidden parameters: those of a grid, or particles drawn from a prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from interaction.component import Component
from interaction.errors import ArgumentError, SpaceError
from interaction.membership import membership, remedy
from interaction.opening import combine
from interaction.random import EpisodeRandom
from interaction.spaces import Box, Space, Undeclared, is_whole, real

Array = NDArray[Any]


class Distribution(Protocol):
    """What a prior offers: a frozen `scipy.stats` distribution does."""

    def ppf(self, q: Any) -> Any:
        """Give the quantile."""
        ...


class Grid(Component):
    """Every combination of the candidates of each parameter, in the order of `numpy.ndindex`.

    `Grid({"p0": range(10), "p1": [1, 5]})` has 20 candidates. `prior` gives the weight of each value of a
    parameter, by name; by default all are equally probable. All candidates share their random numbers.
    """

    common = True

    def __init__(
        self, values: Mapping[str, Iterable[Any]], prior: Mapping[str, Iterable[float]] | None = None
    ) -> None:
        self.axes: dict[str, Array] = {}
        for name, candidates in values.items():
            axis = np.array(list(candidates))
            if len(axis) == 0:
                raise ArgumentError(f"Grid: {name} has no candidate")
            self.axes[name] = axis
        if not self.axes:
            raise ArgumentError("Grid: expected at least one parameter with its candidates, got none")
        self.size, self.values = combine(self.axes)
        weights = np.ones(1)
        for name, axis in self.axes.items():
            own = np.array(list(prior[name]), float) if prior and name in prior else np.ones(len(axis))
            if own.shape != (len(axis),) or not (own >= 0).all() or own.sum() <= 0:
                raise ArgumentError(f"Grid: prior of {name}: expected {len(axis)} weights >= 0, got {own}")
            weights = np.multiply.outer(weights, own / own.sum()).reshape(-1)
        with np.errstate(divide="ignore"):
            self.log_prior: Array = np.log(weights)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self.axes)

    def check(self, name: str, space: Space[Any], where: str) -> None:
        """Raise unless all candidates of a parameter lie inside its space."""
        values = self.axes[name]
        found = membership(space).violation(values, len(values))
        if found is not None:
            raise SpaceError(
                f"{where}: candidates of {name}: expected values in {space}, got {found.value!r}"
                f"{remedy(space, found.value)}"
            )

    def draw(self, rng: EpisodeRandom) -> dict[str, Array]:
        """Give the values of the candidates, by name: `(candidates, *shape)`; nothing is drawn."""
        return self.values


class Samples(Component):
    """Particles: `n` candidates drawn from a prior for each episode.

    `prior` maps each parameter to a frozen `scipy.stats` distribution, as in
    `Samples({"epsilon": scipy.stats.uniform(0, 1)}, n=1_000)`; the draws go through its quantile function,
    so that each has a fixed address. Names alone, as in `Samples(["epsilon"])`, are drawn by the user
    model's own `reset`. Particles are resampled systematically when the effective sample size
    falls below `threshold` times `n`. Continuous parameters are then moved by the kernel of Liu & West
    ("Combined parameter and state estimation in simulation-based filtering", 2001) with the discount
    `discount`: it needs neither a stored history nor further calls of the user model, as an MCMC move
    would, and keeps the mean and the variance of the particles. They stay inside the prior's support, or,
    where the user's `reset` draws them and their space is not declared, between the outermost ones. Each
    particle draws its own random numbers.
    """

    common = False

    def __init__(
        self,
        prior: Mapping[str, Distribution] | Iterable[str],
        n: int = 1_000,
        threshold: float = 0.5,
        discount: float = 0.98,
    ) -> None:
        given = dict(prior) if isinstance(prior, Mapping) else {}
        self.from_reset = () if isinstance(prior, Mapping) else tuple(prior)
        if not given and not self.from_reset:
            raise ArgumentError("Samples: expected a prior for at least one parameter, got none")
        if isinstance(n, bool) or not isinstance(n, int) or n < 2:
            raise ArgumentError(f"Samples: expected a number of particles n >= 2, got {n!r}")
        if not 0 <= threshold <= 1 or not 0.5 < discount <= 1:
            raise ArgumentError(
                f"Samples: expected threshold in [0, 1] and discount in (0.5, 1], got {threshold}, {discount}"
            )
        for name, distribution in given.items():
            if not hasattr(distribution, "ppf"):
                raise ArgumentError(
                    f"Samples: {name}: expected a frozen scipy.stats distribution, got {distribution!r}"
                )
        self.prior = given
        self.size = n
        self.threshold = threshold
        self.discount = discount
        self.log_prior: Array = np.full(n, -np.log(n))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Samples):
            return NotImplemented
        mine, theirs = (
            {name: _describe(prior) for name, prior in one.prior.items()} for one in (self, other)
        )
        numbers = [(one.size, one.threshold, one.discount, one.from_reset) for one in (self, other)]
        return mine == theirs and numbers[0] == numbers[1]

    __hash__ = Component.__hash__

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return (*self.prior, *self.from_reset)

    def check(self, name: str, space: Space[Any], where: str) -> None:
        """Raise unless the prior of a parameter lies inside its space, as far as its quantiles tell."""
        if name in self.from_reset:
            if name.startswith("task_state."):
                raise ArgumentError(f"{where}: {name}: a user's reset gives no task state; give a prior")
            return
        for quantile in (1e-9, 0.5, 1 - 1e-9):
            value = np.asarray(self.prior[name].ppf(quantile)).item()
            value = int(value) if is_whole(space) and np.isfinite(value) and value == int(value) else value
            if membership(space).violation(value) is not None:
                raise SpaceError(
                    f"{where}: prior of {name}: expected values in {space}, but its quantile {quantile} "
                    f"is {value!r}{remedy(space, value)}"
                )

    def support(self, name: str, space: Box, values: Array) -> tuple[Array, Array]:
        """Give the bounds between which the particles of a parameter may move: now `(..., particles)`."""
        if name in self.prior:
            prior = support(self.prior[name])
            return np.maximum(space.low, prior.low), np.minimum(space.high, prior.high)
        if isinstance(space, Undeclared):
            return values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)
        return space.low, space.high

    def draw(self, rng: EpisodeRandom) -> dict[str, Array]:
        """Draw the values of the candidates, by name: `(..., candidates)`."""
        return {
            name: np.asarray(distribution.ppf(rng.random((self.size,)) + 2.0**-54))
            for name, distribution in self.prior.items()
        }


def support(distribution: Distribution) -> Box:
    """Give the box from the lowest to the highest value of a distribution, as far as it tells them."""
    low, high = (np.asarray(distribution.ppf(end), float) for end in (0.0, 1.0))
    low = low + hasattr(distribution, "pmf")  # scipy puts the quantile 0 of integers one below the lowest
    return real(np.fmax(low, -np.inf), np.fmin(high, np.inf))


def _describe(distribution: Any) -> Any:
    """What tells two frozen scipy distributions apart, which have no equality of their own."""
    family = getattr(distribution, "dist", None)
    return distribution if family is None else (family.name, distribution.args, distribution.kwds)
