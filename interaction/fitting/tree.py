"""The posterior of a fit as a tree in ArviZ's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError
from interaction.fitting.estimate import Estimate
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.observed import Observed, join_path
from interaction.fitting.priors import Priors
from interaction.fitting.verdict import convergence

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]

_STATISTICS = ("mean", "sd", "mcse", "ess", "r_hat")


def posterior_tree(
    estimate: Estimate, likelihood: Likelihood, priors: Priors, method: str, with_log: bool
) -> xarray.DataTree:
    """Give the tree of an estimate; `with_log` also with the log likelihood of each action in each draw."""
    import arviz_base
    import xarray

    observed = likelihood.observed
    many = len(observed.users) > 1
    per_user = ["user"] if many else []
    coordinates: dict[str, Any] = {"user": observed.users} if many else {}
    rows = _Rows(observed)
    coordinates["observation"] = np.arange(len(rows.round))

    def shaped(array: Array) -> Array:
        """(users, chains, draws) as (chains, draws[, users])."""
        return np.moveaxis(array, 0, -1) if many else array[0]

    total = likelihood.total(_drawn(estimate, priors)).reshape(estimate.draws.shape[:3])
    _check_possible(total, estimate, likelihood, priors)
    groups: dict[str, dict[str, Array]] = {
        "posterior": {
            name: shaped(estimate.draws[..., index]).astype(np.int64 if priors.discrete[index] else float)
            for index, name in enumerate(estimate.names)
        },
        "sample_stats": {"log_likelihood": shaped(total)},
        "observed_data": rows.actions,
    }
    dims = dict.fromkeys((*estimate.names, "log_likelihood"), per_user) | {
        name: ["observation"] for name in rows.actions
    }
    pointwise = _pointwise(estimate, likelihood, priors, rows) if with_log else None
    if pointwise is not None:
        groups["log_likelihood"] = {"user_action": pointwise}
    tree: Any = arviz_base.from_dict(groups, coords=coordinates, dims=dims)
    tree["summary"] = xarray.DataTree(
        xarray.Dataset(
            {
                name: (
                    ["statistic", *per_user],
                    np.stack(
                        [
                            getattr(estimate, statistic)[:, index]
                            if many
                            else getattr(estimate, statistic)[0, index]
                            for statistic in _STATISTICS
                        ]
                    ),
                )
                for index, name in enumerate(estimate.names)
            }
            | {
                "log_evidence": (per_user, estimate.log_evidence if many else estimate.log_evidence[0]),
                "converged": (per_user, estimate.converged if many else estimate.converged[0]),
            },
            {"statistic": list(_STATISTICS)} | ({"user": observed.users} if many else {}),
        )
    )
    if estimate.variance is not None:
        variance = estimate.variance if many else estimate.variance[0]
        tree["summary"]["log_likelihood_variance"] = xarray.DataArray(variance, dims=per_user)
        tree.attrs["likelihood"] = (
            f"estimated by {likelihood.inner} inner particles for each candidate: log_likelihood holds the "
            f"log probabilities that they predict, from the actions before"
        )
    labels = {
        "episode": ("observation", rows.episode),
        "round": ("observation", rows.round),
        "observed_user": ("observation", rows.user),
    }
    for group in ("observed_data", *(["log_likelihood"] if with_log else [])):
        tree[group] = xarray.DataTree(tree[group].to_dataset().assign_coords(labels))
    tree.attrs["method"] = method
    tree.attrs["converged"] = int(estimate.converged.all())
    tree.attrs["verdict"] = convergence(
        estimate.converged, observed.users, method, estimate.variance, estimate.faults
    )
    tree.attrs["model"] = type(likelihood.user).__name__
    return tree  # type: ignore[no-any-return]


def _check_possible(total: Array, estimate: Estimate, likelihood: Likelihood, priors: Priors) -> None:
    """Raise where no draw makes possible what a user did, as no value can that the method has tried."""
    lost = np.flatnonzero(np.isneginf(total).all(axis=(1, 2)))[:1]
    if len(lost) == 0:
        return
    one = likelihood.select(lost)
    values = {name: array[lost, :100] for name, array in _drawn(estimate, priors).items()}
    never = np.isneginf(one.pointwise(values)).all(axis=-1).T  # (episodes, rounds)
    which = "all actions together are impossible"
    if never.any():
        episode, t = np.argwhere(never)[0]
        taken = {join_path("user_action", path): array for path, array in one.observed.user_actions.items()}
        told = ", ".join(f"{path} = {array[t, episode].tolist()}" for path, array in taken.items())
        which = f"in episode {one.observed.labels[episode]}, round {t}, {told} is impossible"
    raise ArgumentError(
        f"fit: no value of {', '.join(priors.names)} under the priors explains what user "
        f"{one.observed.users[0]} did: {which}. Look at the data, or give priors that reach further"
    )


class _Rows:
    """The observations, one for each round that was played, in the order of episodes and rounds."""

    def __init__(self, observed: Observed) -> None:
        played = np.arange(observed.rounds) < observed.lengths[:, None]
        self.place = np.nonzero(played)
        self.episode, self.round = observed.labels[self.place[0]], self.place[1]
        self.user = observed.users[observed.user[self.place[0]]]
        self.actions = {}
        for path, array in observed.user_actions.items():
            name = f"user_action.{path}" if path else "user_action"
            values = np.moveaxis(array, 0, 1)[self.place]
            for entry in np.ndindex(*values.shape[1:]):
                label = f"{name}[{','.join(map(str, entry))}]" if entry else name
                self.actions[label] = values[(slice(None), *entry)]


def _pointwise(estimate: Estimate, likelihood: Likelihood, priors: Priors, rows: _Rows) -> Array:
    """Give the log probability of each action under each draw: `(chains, draws, observations)`."""
    _, chains, draws, _ = estimate.draws.shape
    values = _drawn(estimate, priors)
    found = np.empty((chains * draws, len(rows.round)))
    number = np.full((len(likelihood.observed.lengths), likelihood.observed.rounds), -1)
    number[rows.place] = np.arange(len(rows.round))
    for episodes, part, log_prob in likelihood.replay(values):
        for index, episode in enumerate(episodes):
            length = likelihood.observed.lengths[episode]
            found[part, number[episode, :length]] = log_prob[:length, index].T
    return _untied(found).reshape(chains, draws, -1)


def _drawn(estimate: Estimate, priors: Priors) -> dict[str, Array]:
    """Give the draws by name, in the type of their space: `(users, chains · draws)`."""
    flat = estimate.draws.reshape(len(estimate.draws), -1, len(estimate.names))
    return {
        name: flat[..., index].astype(np.int64) if priors.discrete[index] else flat[..., index]
        for index, name in enumerate(estimate.names)
    }


def _untied(log_prob: Array) -> Array:
    """Make equal log probabilities differ by up to 1e-9, where the lowest of an observation are all equal.

    So it is with the first choice of a learner, which no parameter changes; arviz-stats' `loo` fits a Pareto
    distribution to the lowest ones and refuses equal ones.
    """
    count = len(log_prob)
    lowest = np.sort(log_prob, axis=0)
    tied = lowest[0] == lowest[min(max(count // 5, 5), count - 1)]
    noise = np.random.default_rng(0).permutation(count) / count * 1e-9
    log_prob[:, tied] += noise[:, None]
    return log_prob
