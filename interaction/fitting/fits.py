"""Fit a user model to logged data, of real people or of simulated ones."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Agent, User
from interaction.errors import (
    AmbiguityWarning,
    ArgumentError,
    ConvergenceWarning,
    missing_extra,
    unknown_name,
)
from interaction.fitting.alone import check_alone
from interaction.fitting.estimate import R_HAT, VARIANCE, Estimate
from interaction.fitting.groups import Groups, read_groups
from interaction.fitting.latent import check_inner, latent
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.logged import read_table
from interaction.fitting.mcmc import by_mcmc, import_extras
from interaction.fitting.observed import Observed, join_path
from interaction.fitting.pooling import pool
from interaction.fitting.population import Population
from interaction.fitting.population_tree import extend_tree
from interaction.fitting.priors import Priors
from interaction.fitting.quadrature import on_grid
from interaction.fitting.tempering import by_particles
from interaction.inference.candidates import Distribution
from interaction.random import EpisodeRandom, check_seed
from interaction.spaces import Space
from interaction.state import flatten
from interaction.task import InteractionTask, defines
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    import pandas
    import xarray

Array = NDArray[Any]
Method = Literal["grid", "particles", "mcmc"]
METHODS: Mapping[str, Any] = {"grid": on_grid, "particles": by_particles, "mcmc": by_mcmc}

_STATISTICS = ("mean", "sd", "mcse", "ess", "r_hat")


def fit(
    task: InteractionTask,
    user: User,
    data: pandas.DataFrame | Trajectories,
    priors: Mapping[str, Distribution] | None = None,
    method: Method = "grid",
    *,
    population: Population | None = None,
    draws: int = 1_000,
    chains: int = 4,
    seed: int = 0,
    inner: int = 100,
    users: Literal["episode", "pooled"] | None = None,
    assistant_action_space: Space[Any] | None = None,
    alone: bool = False,
    log_likelihood: bool = True,
    progress: bool = True,
) -> xarray.DataTree:
    """Infer a user's parameters from logged episodes; needs the extra `inference`.

    `data`: a data frame with a row for each round, and columns `episode`, `round`, `user_action` and what
    the task draws by itself (see `read_table`), or the trajectories of a run. With a column `user`, each
    user has parameters of their own, and the posterior a dimension `user`.
    `users`: "episode", each episode is another user; "pooled", one user played them all. Where neither this
    nor a column tells, they are pooled, with an `AmbiguityWarning` for a table of several episodes, and for
    a run whose episodes began with different values of the parameters.
    `assistant_action_space`: that of the assistant whose actions are in the data. `alone=True` says that
    there was none, though the task has a part for one.
    `priors`: frozen `scipy.stats` distributions by entry of the user's state.
    `population`: in place of priors, how the parameters of the people are distributed, with priors of what
    is not known of that (`Population`). Users must be told apart, by a column or by `users="episode"`; with a
    column `group`, groups differ. The method is "grid".
    `method`: "grid" is exact, for up to four continuous parameters; "particles" is a sequential Monte Carlo
    sampler, for any number and for several modes; "mcmc" runs ensembles of emcee.
    `inner`: of a user who draws random numbers while it looks or infers, the likelihood of each candidate is
    estimated by so many inner particles, with "particles" only (`interaction.fitting.latent`). Then
    `log_likelihood` holds the log probabilities that they predict, estimates too; `summary` holds
    `log_likelihood_variance`, that of the estimate at the posterior, and above 3 nothing has converged.

    Gives a tree in ArviZ's schema: `posterior` (chain, draw[, user]), `log_likelihood` and `observed_data`
    (one `observation` for each row), `sample_stats`, and `summary` with the method's own mean, sd, Monte
    Carlo standard error, effective sample size and R-hat. With a population also `population`, with what is
    told of means, standard deviations and differences of groups (see `extend_tree`).
    `attrs["converged"]` is 1 or 0 and `attrs["verdict"]` says why; a fit that did not converge also warns
    (`ConvergenceWarning`).
    Raises for bad data or priors before anything is computed, and for data that no value explains.
    """
    if method not in METHODS:
        raise unknown_name(method, METHODS, "fit: method")
    for name, count in (("draws", draws), ("chains", chains)):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise ArgumentError(f"fit: {name}: expected a number >= 1, got {count!r}")
    check_seed(seed)
    check_inner(inner, "fit")
    checked = _beliefs(user, priors, population, method)
    _libraries(method)
    check_alone(task, data, assistant_action_space is not None, alone, "fit")
    data, known = read_groups(data, users, population is not None, "fit")
    observed = read_table(task, user, data, assistant_action_space, users=users)
    if population is None:
        if users is None and len(observed.labels) > 1:
            _tell_pooled(data, observed, checked)
        check_rounds(observed.choices, checked, "fit", observed.users)
    likelihood = Likelihood(task, user, observed)
    if method == "particles":
        likelihood = latent(likelihood, checked, inner, seed)
    options: dict[str, Any] = {"chains": chains, "draws": draws, "seed": seed, "progress": progress}
    if population is None:
        estimate = METHODS[method](likelihood, checked, label=f"fit: {method}", **options)
    else:
        groups = Groups.of(observed.users, known, "fit")
        pooled = pool(likelihood, population, checked, groups, label="fit: population", **options)
        estimate = pooled.people
    if not isinstance(data, Trajectories):
        _tell_beginnings(user, data, checked)
    tree = _tree(estimate, likelihood, checked, method, log_likelihood)
    if population is not None:
        extend_tree(tree, pooled, population, groups)
    if not tree.attrs["converged"]:
        warnings.warn(f"fit: {tree.attrs['verdict']}", ConvergenceWarning, stacklevel=2)
    return tree


def _beliefs(
    user: User, priors: Mapping[str, Distribution] | None, population: Population | None, method: str
) -> Priors:
    """Give the checked priors of a person alone."""
    if population is None:
        if priors is None:
            raise ArgumentError("fit: expected priors or a population, got neither")
        return Priors(user, priors, "fit")
    if priors is not None:
        raise ArgumentError("fit: expected priors or a population, got both")
    if not isinstance(population, Population):
        raise ArgumentError(f"fit: population: expected a Population, got {population!r}")
    if method != "grid":
        raise ArgumentError(f"fit: a population is fitted by method='grid', got method={method!r}")
    return population.check(user, "fit")


def _tell_pooled(data: pandas.DataFrame | Trajectories, observed: Observed, priors: Priors) -> None:
    """Warn where several episodes are taken for those of one user, and nobody said so."""
    how = (
        'say users="episode" if each episode is another user, users="pooled" if one user played them all, '
        "or give a table with a column 'user'"
    )
    count = len(observed.labels)
    if isinstance(data, Trajectories):
        for name in priors.names:
            begun = data.start.get(f"user_state.{name}")
            if begun is not None and len(np.unique(begun)) > 1:
                warnings.warn(
                    f"fit: the {count} episodes of the run began with {len(np.unique(begun))} different "
                    f"values of {name}, and are taken for those of one user: {how}",
                    AmbiguityWarning,
                    stacklevel=3,
                )
                return
    elif "user" not in data:
        warnings.warn(
            f"fit: the data has {count} episodes and no column 'user', and is taken for that of one user: "
            f"{how}",
            AmbiguityWarning,
            stacklevel=3,
        )


def _tell_beginnings(user: User, data: pandas.DataFrame, priors: Priors) -> None:
    """Warn where a table tells of another beginning than the user's own; a run knows what was forced."""
    if defines(user, "reset_in", Agent):
        return
    for path, value in flatten(user.reset(EpisodeRandom())):
        if path in priors.names or np.asarray(value).dtype.kind not in "iubf":
            continue
        for entry in np.ndindex(*np.shape(value)):
            column = f"start.user_state.{path}" + (f"[{','.join(map(str, entry))}]" if entry else "")
            own = np.asarray(value)[entry]
            told = data[column].to_numpy() if column in data else own
            wrong = np.flatnonzero(~np.isclose(np.asarray(told, float), float(own), equal_nan=True))
            if len(wrong):
                warnings.warn(
                    f"fit: {column} is {np.ravel(told)[wrong[0]]} in the data, and is not used: "
                    f"{type(user).__name__} begins with {own}. Give a user that begins so, or a prior, or in "
                    f"place of its table the run itself, which tells what was forced; or drop the column",
                    stacklevel=3,
                )
                return


def check_rounds(rounds: Any, priors: Priors, where: str, users: Array | None = None) -> None:
    """Raise unless each user has at least as many rounds as there are parameters."""
    few = np.flatnonzero(np.atleast_1d(rounds) < len(priors))
    if len(few):
        who = "" if users is None or len(users) == 1 else f" of user {users[few[0]]}"
        raise ArgumentError(
            f"{where}: expected at least as many rounds as parameters ({len(priors)}: "
            f"{', '.join(priors.names)}), got {np.atleast_1d(rounds)[few[0]]}{who}"
        )


def _libraries(method: str) -> None:
    """Raise for a missing library before anything is computed."""
    try:
        import arviz_base  # noqa: F401
        import pandas  # noqa: F401
    except ImportError as error:
        raise missing_extra(error.name or "arviz_base", "inference", "fit") from None
    if method == "mcmc":
        import_extras()


def convergence(converged: Array, users: Array, method: str, variance: Array | None = None) -> str:
    """Say in a sentence which of the fits did not converge, and what to do; or that all did.

    `variance` is that of estimated log likelihoods.
    """
    bad = np.flatnonzero(~converged)
    rule, remedy = {
        "grid": (
            "grids and lattices agree to 1 % of a posterior standard deviation, within 6 of the prior",
            'use method="particles"',
        ),
        "particles": (f"R-hat < {R_HAT}, the moves are not stuck", "give more draws"),
        "mcmc": (f"R-hat < {R_HAT}, 20 autocorrelation times", 'use method="particles"'),
        "maximum_likelihood": (
            "no further step gains 0.001 in log likelihood",
            'give more rounds, or use method="particles"',
        ),
    }[method]
    if variance is not None:
        worst = variance.max()
        rule += f", the estimated log likelihood has a variance below {VARIANCE:g}"
        remedy = f"that variance is up to {worst:.1f}: raise inner" if not worst <= VARIANCE else remedy
    if len(bad) == 0:
        return f"converged ({method}: {rule})"
    which = named(users[bad])
    return f"NOT converged for {len(bad)} of {len(users)} users ({method}: {rule}): {which}; {remedy}"


def named(items: Any, between: str = ", ") -> str:
    """List the first five of some things."""
    return between.join(map(str, items[:5])) + (f"{between}…" if len(items) > 5 else "")


def _tree(
    estimate: Estimate, likelihood: Likelihood, priors: Priors, method: str, with_log: bool
) -> xarray.DataTree:
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
    tree.attrs["verdict"] = convergence(estimate.converged, observed.users, method, estimate.variance)
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
