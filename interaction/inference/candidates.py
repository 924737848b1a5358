"""The candidate values of a user's hidden parameters: those of a grid, or particles drawn from a prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from interaction.component import Component
from interaction.errors import ArgumentError
from interaction.opening import combine
from interaction.random import EpisodeRandom

Array = NDArray[Any]


class Distribution(Protocol):
    """What a prior offers: a frozen `scipy.stats` distribution does."""

    def ppf(self, q: Any) -> Any:
        """Give the quantile."""
        ...


class Grid(Component):
    """Every combination of the candidates of each parameter, in the order of `numpy.ndindex`.

    `Grid({"p0": range(10), "p1": [1, 5]})` has 20 candidates. `prior` gives the weight of each value of a
    parameter, by name; by default all are equally probable.
    """

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

    def draw(self, rng: EpisodeRandom) -> dict[str, Array]:
        """Give the values of the candidates, by name: `(candidates, *shape)`; nothing is drawn."""
        return self.values


class Samples(Component):
    """Particles: `n` candidates drawn from a prior for each episode.

    `prior` maps each parameter to a frozen `scipy.stats` distribution, as in
    `Samples({"epsilon": scipy.stats.uniform(0, 1)}, n=1_000)`; the draws go through its quantile function,
    so that each has a fixed address. Particles are resampled systematically when the effective sample size
    falls below `threshold` times `n`. Continuous parameters are then moved by the kernel of Liu & West
    ("Combined parameter and state estimation in simulation-based filtering", 2001) with the discount
    `discount`: it needs neither a stored history nor further calls of the user model, as an MCMC move
    would, and keeps the mean and the variance of the particles.
    """

    def __init__(
        self,
        prior: Mapping[str, Distribution],
        n: int = 1_000,
        threshold: float = 0.5,
        discount: float = 0.98,
    ) -> None:
        if not prior:
            raise ArgumentError("Samples: expected a prior for at least one parameter, got none")
        if isinstance(n, bool) or not isinstance(n, int) or n < 2:
            raise ArgumentError(f"Samples: expected a number of particles n >= 2, got {n!r}")
        if not 0 <= threshold <= 1 or not 0.5 < discount <= 1:
            raise ArgumentError(
                f"Samples: expected threshold in [0, 1] and discount in (0.5, 1], got {threshold}, {discount}"
            )
        for name, distribution in prior.items():
            if not hasattr(distribution, "ppf"):
                raise ArgumentError(
                    f"Samples: {name}: expected a frozen scipy.stats distribution, got {distribution!r}"
                )
        self.prior = dict(prior)
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
        numbers = [(one.size, one.threshold, one.discount) for one in (self, other)]
        return mine == theirs and numbers[0] == numbers[1]

    __hash__ = Component.__hash__

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self.prior)

    def draw(self, rng: EpisodeRandom) -> dict[str, Array]:
        """Draw the values of the candidates, by name: `(..., candidates)`."""
        return {
            name: np.asarray(distribution.ppf(rng.random((self.size,)) + 2.0**-54))
            for name, distribution in self.prior.items()
        }


def _describe(distribution: Any) -> Any:
    """What tells two frozen scipy distributions apart, which have no equality of their own."""
    family = getattr(distribution, "dist", None)
    return distribution if family is None else (family.name, distribution.args, distribution.kwds)


def systematic(weights: Array, uniform: Array) -> Array:
    """Resample systematically: the indices of `n` particles, for weights `(..., n)` and uniforms `(...)`.

    Source: Kitagawa 1996, "Monte Carlo filter and smoother for non-Gaussian nonlinear state space models".
    """
    n = weights.shape[-1]
    flat = weights.reshape(-1, n)
    starts = np.asarray(uniform).reshape(-1)
    indices = np.empty(flat.shape, np.int64)
    for row, start in enumerate(starts):
        cumulated = np.cumsum(flat[row])
        positions = (np.arange(n) + start) / n * cumulated[-1]
        indices[row] = np.minimum(np.searchsorted(cumulated, positions, side="right"), n - 1)
    return indices.reshape(weights.shape)
