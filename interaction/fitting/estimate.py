"""What an inference about users gives: draws from each user's posterior, and how far to trust them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

R_HAT = 1.05
"""Chains that differ by more have not converged (Gelman & Rubin 1992; Vehtari et al. 2021 ask for 1.01)."""

VARIANCE = 3.0
"""The variance of a log likelihood above which its posterior is not trusted.

Source: Sherlock, Thiery, Roberts & Rosenthal 2015, "On the efficiency of pseudo-marginal random walk
Metropolis algorithms": the best variance is 3.3 for a target of many dimensions, and less for others.
"""


EDGE = 6.0
"""Standard deviations of the prior beyond which no grid looks for a posterior."""

BEYOND = (
    f"the posterior goes on beyond {EDGE:g} standard deviations of the prior: are the data in its units, or "
    f"does the prior leave them out?"
)

_WORTH = 0.5  # of a particle after its moves, in independent draws, at most
_OUTSIDE = 0.01  # part of the draws that may lie beyond
_ENOUGH = 50  # draws of all chains, below which nobody can tell


@dataclass(frozen=True, eq=False)
class Estimate:
    """The posteriors of some users, each by itself.

    `draws` `(users, chains, draws, parameters)`; `mean`, `sd`, `mcse` (the Monte Carlo standard error of the
    mean; of a grid its numerical error), `ess` (effective sample size) and `r_hat` `(users, parameters)`;
    `log_evidence` and `converged` `(users,)`. `variance` `(users,)` is that of a log likelihood that is
    estimated, at the posterior, and None where it is exact. `far` `(users,)`: whether the posterior goes on
    beyond six standard deviations of the prior, where the method goes there itself. `faults` tells in a
    sentence what is wrong, and with whom `(users,)`, where the method knows.
    """

    names: tuple[str, ...]
    draws: Array
    mean: Array
    sd: Array
    mcse: Array
    ess: Array
    r_hat: Array
    log_evidence: Array
    converged: Array
    variance: Array | None = None
    far: Array | None = None
    faults: Mapping[str, Array] = field(default_factory=dict)

    def interval(self, probability: float) -> tuple[Array, Array]:
        """Give the equal-tailed credible intervals: lower and upper ends, `(users, parameters)` each."""
        flat = self.draws.reshape(len(self.draws), -1, self.draws.shape[-1])
        tail = (1 - probability) / 2
        low, high = np.quantile(flat, [tail, 1 - tail], axis=1)
        return low, high

    def take(self, users: Array) -> Estimate:
        """Give the estimate of some users (indices), in this order."""
        some: dict[str, Any] = {name: array[users] for name, array in self._arrays()}
        return replace(self, **some, faults={what: bad[users] for what, bad in self.faults.items()})

    def marked(self, faults: Mapping[str, Array]) -> Estimate:
        """Give the estimate with more that is wrong: those with whom it is have not converged."""
        good = self.converged & ~np.any(list(faults.values()), axis=0)
        return replace(self, converged=good, faults={**self.faults, **faults})

    def _arrays(self) -> list[tuple[str, Array]]:
        others = "names", "faults"
        there = [(one.name, getattr(self, one.name)) for one in fields(self) if one.name not in others]
        return [(name, array) for name, array in there if array is not None]


def together(parts: list[Estimate]) -> Estimate:
    """Put the users of several estimates one after the other."""
    columns = zip(*(part._arrays() for part in parts), strict=True)
    joined: dict[str, Any] = {
        column[0][0]: np.concatenate([array for _, array in column]) for column in columns
    }
    faults = {
        what: np.concatenate([part.faults.get(what, np.zeros(len(part.converged), bool)) for part in parts])
        for what in {what: None for part in parts for what in part.faults}
    }
    return replace(parts[0], **joined, faults=faults)


def of_populations(names: tuple[str, ...], values: Array, log_evidence: Array, good: Array) -> Estimate:
    """Give the estimate by populations of particles that ran apart: their differences tell the error.

    `values` `(users, chains, draws, parameters)`. A user is converged where all is `good` `(users,)`, and the
    populations agree (R-hat).
    """
    users, chains, draws, d = values.shape
    flat = values.reshape(users, -1, d)
    mean, sd = flat.mean(axis=1), flat.std(axis=1)
    apart = values.mean(axis=2).std(axis=1, ddof=1) / np.sqrt(chains) if chains > 1 else np.zeros((users, d))
    mcse = np.maximum(apart, sd / np.sqrt(chains * draws * _WORTH))
    r_hat = gelman_rubin(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        ess = np.where(mcse > 0, (sd / mcse) ** 2, chains * draws)
    converged = np.asarray((r_hat < R_HAT).all(axis=1) & good)
    found = Estimate(names, values, mean, sd, mcse, ess, r_hat, log_evidence, converged)
    if chains > 1 and chains * draws >= _ENOUGH:
        return found
    few = (
        f"{chains} populations of {draws} draws are too few to be compared: give more draws "
        f"({_ENOUGH} in all), and at least two chains"
    )
    return found.marked({few: np.ones(users, bool)})


def far_out(z: Array) -> Array:
    """Tell whose draws lie beyond: `(users,)`; `z` `(users, chains, draws, parameters)` by the prior."""
    outside = np.abs(z) > EDGE
    return np.asarray((outside.mean(axis=(1, 2)) > _OUTSIDE).any(axis=-1))


def gelman_rubin(draws: Array) -> Array:
    """Give R-hat, √(1 + B/W): B the variance of the chains' means, W the mean of their variances.

    `draws`: `(..., chains, draws, parameters)`; gives `(..., parameters)`.
    Source: Gelman & Rubin 1992, "Inference from iterative simulation using multiple sequences".
    """
    between = draws.mean(axis=-2).var(axis=-2, ddof=1) if draws.shape[-3] > 1 else 0.0
    within = draws.var(axis=-2).mean(axis=-2)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(within > 0, between / within, np.where(np.asarray(between) > 0, np.inf, 0.0))
    return np.asarray(np.sqrt(1 + ratio))
