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
    LatentDrawError,
    ReliabilityWarning,
    missing_extra,
    unknown_name,
)
from interaction.fitting.alone import check_alone
from interaction.fitting.estimate import BEYOND
from interaction.fitting.groups import Groups, read_groups
from interaction.fitting.latent import check_inner, latent
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.logged import of_people, read_table
from interaction.fitting.mcmc import by_mcmc, import_extras
from interaction.fitting.observed import Observed
from interaction.fitting.pooling import pool
from interaction.fitting.population import Population
from interaction.fitting.population_tree import extend_tree
from interaction.fitting.priors import Priors
from interaction.fitting.quadrature import on_grid
from interaction.fitting.tempering import by_particles
from interaction.fitting.tree import posterior_tree
from interaction.fitting.verdict import named
from interaction.inference.candidates import Distribution
from interaction.progress import Progress
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
    user has parameters of their own, and the posterior a dimension `user`. The table of a study with people
    (`interaction.people.export`) is taken as it is, with each participant as a user.
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
    (`ConvergenceWarning`). A posterior beyond six standard deviations of the prior warns, too
    (`ReliabilityWarning`): data are often in another unit.
    Raises for bad data or priors before anything is computed, and for data that no value explains.

    >>> from scipy import stats
    >>> from interaction import Bundle, fit
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import WinStayLoseShiftUser
    >>> task = MultiArmedBanditTask([0.2, 0.8])
    >>> played = Bundle(task, WinStayLoseShiftUser(epsilon=0.2), max_rounds=100).run(1, seed=0)
    >>> priors = {"epsilon": stats.uniform(0, 1)}
    >>> tree = fit(task, WinStayLoseShiftUser(), played, priors, progress=False)
    >>> print(tree.attrs["verdict"])
    converged (grid: grids and lattices agree to 1 % of a posterior standard deviation, within 6 of the prior)
    >>> tree.summary.epsilon.sel(statistic=["mean", "sd"]).values.round(3)
    array([0.297, 0.07 ])
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
    data, known = read_groups(of_people(data), users, population is not None, "fit")
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
        try:
            pooled = pool(likelihood, population, checked, groups, label="fit: population", **options)
        except LatentDrawError:
            raise LatentDrawError(
                "fit: a population needs an exact likelihood, and the user draws random numbers while it "
                'observes or infers: fit each person by itself, with priors and method="particles"'
            ) from None
        estimate = pooled.people
    if not isinstance(data, Trajectories):
        _tell_beginnings(user, data, checked)
    with Progress("fit: what was found", shown=progress):
        tree = posterior_tree(estimate, likelihood, checked, method, log_likelihood)
    if population is not None:
        extend_tree(tree, pooled, population, groups)
    if not tree.attrs["converged"]:
        warnings.warn(f"fit: {tree.attrs['verdict']}", ConvergenceWarning, stacklevel=2)
    if estimate.far is not None and estimate.far.any():
        who = named(observed.users[estimate.far])
        warnings.warn(f"fit: {BEYOND} (users: {who})", ReliabilityWarning, stacklevel=2)
    return tree


def _beliefs(
    user: User,
    priors: Mapping[str, Distribution] | Population | None,
    population: Population | None,
    method: str,
) -> Priors:
    """Give the checked priors of a person alone."""
    if population is None:
        if priors is None:
            raise ArgumentError("fit: expected priors or a population, got neither")
        if isinstance(priors, Population):
            raise ArgumentError("fit: priors: got a Population: say population=...")
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
