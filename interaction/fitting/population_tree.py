"""What a tree tells of a population, beside its people: means, standard deviations, differences of groups."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.fitting.estimate import R_HAT, of_populations
from interaction.fitting.groups import Groups
from interaction.fitting.pooling import Pooled
from interaction.fitting.population import Population
from interaction.fitting.verdict import not_converged

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]

_STATISTICS = ("mean", "sd", "mcse", "ess", "r_hat", "low", "high")
_INTERVAL = 0.9


def extend_tree(tree: xarray.DataTree, pooled: Pooled, population: Population, groups: Groups) -> None:
    """Add the population to a tree of its people.

    To `posterior`: `<parameter>_mean` and `<parameter>_sd` (chain, draw[, group]), in units of the scale,
    `<parameter>_typical`, the value at the mean, in those of the parameter, and where there are groups
    `<parameter>_difference` (chain, draw, comparison) of the means; `user_group` tells each user's. A child
    `population` has their mean, sd, Monte Carlo standard error, effective sample size, R-hat, and the ends
    of the 90 % equal-tailed intervals. In `summary`, `effective` is the effective part of each person's
    weights, and `log_evidence` that of all people together.
    """
    import xarray

    told = len(groups.labels) > 1
    found = _variables(pooled, population, groups)
    coordinates: dict[str, Any] = {}
    if told:
        coordinates = {"group": list(groups.labels), "comparison": [name for name, _, _ in _pairs(groups)]}
    posterior = tree["posterior"].to_dataset()
    summary = tree["summary"].to_dataset().drop_vars("log_evidence")
    last = {
        name: ["comparison"] if name.endswith("_difference") else ["group"] if told else [] for name in found
    }
    posterior = posterior.assign(
        {
            name: (["chain", "draw", *last[name]], np.moveaxis(array, 0, -1) if told else array[0])
            for name, array in found.items()
        }
    ).assign_coords(coordinates)
    statistics = {
        name: (["statistic", *last[name]], values if told else values[:, 0])
        for name, values in ((name, _statistics(array)) for name, array in found.items())
    }
    summary = summary.assign(
        effective=("user", pooled.effective), log_evidence=((), pooled.groups.log_evidence.sum())
    )
    if told:
        who = ("user", np.array(groups.labels)[groups.of_user])
        posterior, summary = posterior.assign_coords(user_group=who), summary.assign_coords(user_group=who)
    tree["posterior"] = xarray.DataTree(posterior)
    tree["summary"] = xarray.DataTree(summary)
    tree["population"] = xarray.DataTree(
        xarray.Dataset(statistics, {"statistic": list(_STATISTICS), **coordinates}),
    )
    tree["population"].attrs["interval"] = f"{_INTERVAL:.0%} equal-tailed"
    scales = {name: (type(scale).__name__, *scale.range) for name, scale in population.scales.items()}
    tree["population"].attrs["scales"] = json.dumps(scales)
    tree.attrs["verdict"] = _verdict(pooled, tree["summary"].user.values)


def _variables(pooled: Pooled, population: Population, groups: Groups) -> dict[str, Array]:
    """Give what the posterior tells of groups: `(groups or comparisons, chains, draws)`, by name."""
    found = {name: pooled.groups.draws[..., k] for k, name in enumerate(pooled.groups.names)}
    for name, scale in population.scales.items():
        mean = found[f"{name}_mean"]
        found[f"{name}_typical"] = scale.values(mean)
        if len(groups.labels) > 1:
            found[f"{name}_difference"] = np.stack([mean[b] - mean[a] for _, a, b in _pairs(groups)])
    return found


def _pairs(groups: Groups) -> list[tuple[str, int, int]]:
    """Name each pair of groups, the later one less the earlier one."""
    labels = groups.labels
    return [(f"{labels[b]} - {labels[a]}", a, b) for a, b in combinations(range(len(labels)), 2)]


def _statistics(array: Array) -> Array:
    """Give the statistics of draws `(groups, chains, draws)`: `(statistics, groups)`."""
    nothing = np.zeros(len(array))
    found = of_populations(("",), array[..., None], nothing, nothing == 0)
    low, high = found.interval(_INTERVAL)
    return np.stack([found.mean, found.sd, found.mcse, found.ess, found.r_hat, low, high])[..., 0]


def _verdict(pooled: Pooled, users: Array) -> str:
    """Say in a sentence whether the population converged."""
    rule = f"population: R-hat < {R_HAT}, the weights of all people are effective, their grids hold them"
    bad = np.flatnonzero(~pooled.people.converged)
    rule += f"; least effective weights {pooled.effective.min():.1%}"
    if len(bad) == 0:
        return f"converged ({rule})"
    return not_converged(users, bad, rule, pooled.people.faults, "give more draws")
