"""Can the parameters of a user be known at all? Checks on simulated users, whose truth is known.

Source of the checks: Wilson & Collins 2019, "Ten simple rules for the computational modeling of behavioral
data", eLife 8:e49547; of `calibration`: Talts et al. 2018, arXiv 1804.06788.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from interaction.agent import Assistant, User
from interaction.errors import ArgumentError, unknown_name
from interaction.fitting.latent import LatentLikelihood, latent
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.maximum import Maximum
from interaction.fitting.observed import Observed
from interaction.fitting.priors import Priors, Values
from interaction.fitting.quadrature import on_grid
from interaction.fitting.tempering import by_particles
from interaction.fitting.verdict import convergence, named
from interaction.inference.candidates import Distribution
from interaction.random import EpisodeRandom
from interaction.studies.design import Design
from interaction.studies.groups import estimated, maximized
from interaction.studies.results import (
    LEVELS,
    Calibration,
    ModelRecovery,
    ParameterRecovery,
)
from interaction.studies.workers import Workers, given_workers
from interaction.task import InteractionTask

Array = NDArray[Any]
_POSTERIORS: Mapping[str, Any] = {"grid": on_grid, "particles": by_particles}


def parameter_recovery(
    task: InteractionTask,
    user: User,
    priors: Mapping[str, Distribution],
    n_users: int = 100,
    rounds: int = 100,
    *,
    assistant: Assistant | None = None,
    episodes: int = 1,
    method: Literal["grid", "particles", "maximum_likelihood"] = "grid",
    draws: int = 1_000,
    inner: int = 100,
    min_correlation: float = 0.7,
    seed: int = 0,
    executor: Any = None,
    progress: bool = True,
) -> ParameterRecovery:
    """Simulate users with parameters from the priors, infer these from their actions, and compare.

    Each user plays `episodes` episodes of up to `rounds` rounds, alone or with the assistant. Estimates are
    posterior means (of four times `draws` draws), or the most likely values. The verdict asks that all fits
    converged, for a correlation of at least `min_correlation` for each parameter, and for 50, 80 and 95 %
    credible intervals that cover what they should, within three standard errors. `inner` is as in `fit`:
    users who draw while they look or infer need method "particles". With an `executor` (as `Sweep.run` takes
    it, but None is this process) users are fitted by its processes, in groups, with the same numbers. Raises
    `ArgumentError` for numbers out of range and fewer rounds than parameters, and `ContractError` for a user
    without a `log_prob`. Source: Wilson & Collins 2019, "Ten simple rules for the computational modeling of
    behavioral data".

    >>> from scipy import stats
    >>> from interaction import parameter_recovery
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import WinStayLoseShiftUser
    >>> task, user = MultiArmedBanditTask([0.2, 0.8]), WinStayLoseShiftUser()
    >>> priors = {"epsilon": stats.uniform(0, 1)}
    >>> recovered = parameter_recovery(task, user, priors, n_users=30, rounds=100, progress=False)
    >>> print(recovered.verdict.passed)
    True
    >>> print(recovered.summary()[["correlation", "rmse", "coverage_95"]].round(2).to_dict("records"))
    [{'correlation': 0.96, 'rmse': 0.08, 'coverage_95': 1.0}]
    """
    _check_draws(draws, "parameter_recovery")
    if method not in (*_POSTERIORS, "maximum_likelihood"):
        raise unknown_name(method, (*_POSTERIORS, "maximum_likelihood"), "parameter_recovery: method")
    design = Design(task, assistant, episodes, rounds, seed)
    checked = design.check(user, priors, n_users, "parameter_recovery", inner)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise ArgumentError(f"parameter_recovery: draws: expected a number >= 1, got {draws!r}")
    values = checked.draw(n_users, seed)
    likelihood = design.play(user, values, progress=progress)
    variance, faults = None, {}
    label = f"parameter recovery: {method}"
    if method == "maximum_likelihood":
        with given_workers(executor, "parameter_recovery") as workers:
            maximum = maximized(likelihood, checked, workers, progress=progress, label=label)
        means, sds, intervals = _by_information(maximum, checked)
        converged = maximum.converged
    else:
        if method == "particles":
            likelihood = latent(likelihood, checked, inner, seed)
        with given_workers(executor, "parameter_recovery") as workers:
            estimate = estimated(
                _POSTERIORS[method],
                likelihood,
                checked,
                workers,
                draws=draws,
                seed=seed,
                progress=progress,
                label=label,
            )
        variance, faults = estimate.variance, dict(estimate.faults)
        means, sds = _by_name(checked, estimate.mean), _by_name(checked, estimate.sd)
        intervals = {
            level: tuple(_by_name(checked, ends) for ends in estimate.interval(level)) for level in LEVELS
        }
        converged = estimate.converged
    return ParameterRecovery(
        true=values,
        estimate=means,
        sd=sds,
        intervals=intervals,
        quantiles={
            name: (_quantile(prior, values[name]), _quantile(prior, means[name]))
            for name, prior in checked.distributions.items()
        },
        converged=converged,
        method=method,
        convergence=convergence(converged, np.arange(n_users), method, variance, faults),
        min_correlation=min_correlation,
        alone=design.alone,
    )


def model_recovery(
    task: InteractionTask,
    users: Mapping[str, tuple[User, Mapping[str, Distribution]]],
    n_users: int = 100,
    rounds: int = 1_000,
    *,
    assistant: Assistant | None = None,
    episodes: int = 1,
    criterion: Literal["bic", "marginal_likelihood"] = "bic",
    draws: int = 250,
    inner: int = 100,
    min_diagonal: float = 0.5,
    seed: int = 0,
    executor: Any = None,
    progress: bool = True,
) -> ModelRecovery:
    """Simulate users of several models, and ask of each which model explains it best.

    `users` maps a label to a user and its priors, from which the simulated parameters are drawn. By "bic", −2
    log L + k log n at the most likely parameters in the user's space, for k parameters and n actions; by
    "marginal_likelihood", the evidence under the priors (by grid up to three continuous parameters, else by
    particles, four times `draws` of them; a user who draws while it looks or infers by these, and `inner` as
    in `fit`). All models are fitted to the users of all models at once, each of whom plays `episodes`
    episodes of up to `rounds` rounds, alone or with the assistant. The verdict asks that all fits converged.
    With an `executor` (as `Sweep.run` takes it, but None is this process) users are fitted by its processes,
    in groups, with the same numbers. Raises `ArgumentError` for fewer than two users, and for one without
    priors. Source: Wilson & Collins 2019, "Ten simple rules for the computational modeling of behavioral
    data".

    >>> from scipy import stats
    >>> from interaction import model_recovery
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser, WinStayLoseShiftUser
    >>> users = {
    ...     "guesses": (RandomUser(), {"bias": stats.uniform(0, 1)}),
    ...     "shifts": (WinStayLoseShiftUser(), {"epsilon": stats.uniform(0, 1)}),
    ... }
    >>> found = model_recovery(MultiArmedBanditTask(), users, n_users=20, rounds=60, progress=False)
    >>> found.confusion
    array([[0.95, 0.05],
           [0.05, 0.95]])
    """
    if criterion not in ("bic", "marginal_likelihood"):
        raise unknown_name(criterion, ("bic", "marginal_likelihood"), "model_recovery: criterion")
    _check_draws(draws, "model_recovery")
    if not isinstance(users, Mapping) or len(users) < 2:
        raise ArgumentError(
            f"model_recovery: expected two or more users with their priors, as in "
            f"{{'random': (RandomUser(), {{'bias': scipy.stats.uniform(0, 1)}}), …}}, got {users!r}"
        )
    for label, pair in users.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ArgumentError(f"model_recovery: {label}: expected a user and its priors, got {pair!r}")
    design = Design(task, assistant, episodes, rounds, seed)
    models = {
        label: (user, design.check(user, priors, n_users, f"model_recovery: {label}", inner, warn=index == 0))
        for index, (label, (user, priors)) in enumerate(users.items())
    }
    observed = Observed.together(
        [
            design.play(user, priors.draw(n_users, seed, first), first, progress=progress).observed
            for first, (user, priors) in zip(
                range(0, n_users * len(models), n_users), models.values(), strict=True
            )
        ]
    )
    scores, converged = [], []
    with given_workers(executor, "model_recovery") as workers:
        for label, (user, priors) in models.items():
            fit = Likelihood(task, user, observed), priors, criterion, draws, inner, seed
            score, good = _score(*fit, workers, progress, f"fit {label}")
            scores.append(score)
            converged.append(good)
    shape = len(models), n_users, len(models)
    table, good = np.stack(scores, axis=-1).reshape(shape), np.stack(converged, axis=-1).reshape(shape)
    better = -table if criterion == "bic" else table
    best = better == better.max(axis=-1, keepdims=True)
    confusion = (best / best.sum(axis=-1, keepdims=True)).mean(axis=1)
    told = _who(good, tuple(models), criterion)
    return ModelRecovery(tuple(models), table, confusion, criterion, good, told, min_diagonal, design.alone)


def calibration(
    task: InteractionTask,
    user: User,
    priors: Mapping[str, Distribution],
    n_users: int = 200,
    rounds: int = 100,
    *,
    assistant: Assistant | None = None,
    episodes: int = 1,
    method: Literal["grid", "particles"] = "grid",
    draws: int = 99,
    inner: int = 100,
    bins: int = 20,
    level: float = 0.01,
    seed: int = 0,
    executor: Any = None,
    progress: bool = True,
) -> Calibration:
    """Check that posteriors are right: the truth must rank uniformly among `draws` posterior draws.

    Each user plays `episodes` episodes of up to `rounds` rounds, alone or with the assistant. A chi-square
    test over `bins` bins of the ranks is judged at `level`, divided by the parameters. `inner` is as in
    `fit`: users who draw while they look or infer need method "particles". With an `executor` (as `Sweep.run`
    takes it, but None is this process) users are fitted by its processes, in groups, with the same numbers.
    Raises `ArgumentError` for fewer than five users for each bin, or more bins than ranks. Source: Talts,
    Betancourt, Simpson, Vehtari & Gelman 2018, arXiv 1804.06788.

    >>> from scipy import stats
    >>> from interaction import calibration
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import WinStayLoseShiftUser
    >>> task, user = MultiArmedBanditTask([0.2, 0.8]), WinStayLoseShiftUser()
    >>> priors = {"epsilon": stats.uniform(0, 1)}
    >>> ranks = calibration(task, user, priors, n_users=100, rounds=20, bins=10, progress=False)
    >>> ranks.verdict.passed, {name: round(p, 2) for name, p in ranks.p_values.items()}
    (True, {'epsilon': 0.62})
    """
    if method not in _POSTERIORS:
        raise unknown_name(method, _POSTERIORS, "calibration: method")
    if draws < 1 or not 2 <= bins <= draws + 1:
        raise ArgumentError(f"calibration: expected 2 <= bins <= draws + 1, got bins={bins}, draws={draws}")
    design = Design(task, assistant, episodes, rounds, seed)
    checked = design.check(user, priors, n_users, "calibration", inner)
    if n_users < 5 * bins:
        raise ArgumentError(f"calibration: expected at least {5 * bins} users for {bins} bins, got {n_users}")
    values = checked.draw(n_users, seed)
    likelihood = design.play(user, values, progress=progress)
    if method == "particles":
        likelihood = latent(likelihood, checked, inner, seed)
    each = max(-(-10 * draws // 4), 250)
    with given_workers(executor, "calibration") as workers:
        estimate = estimated(
            _POSTERIORS[method],
            likelihood,
            checked,
            workers,
            draws=each,
            seed=seed,
            progress=progress,
            label="calibration",
        )
    flat = estimate.draws.reshape(n_users, -1, len(checked))
    picked = flat[:, np.linspace(0, flat.shape[1] - 1, draws).round().astype(int)]
    coin = EpisodeRandom(seed, episodes=np.arange(n_users)).at(1, 0).random((len(checked),))
    ranks, statistics, p_values = {}, {}, {}
    for index, name in enumerate(checked.names):
        true = np.asarray(values[name], float)[:, None]
        below, equal = (picked[..., index] < true).sum(1), (picked[..., index] == true).sum(1)
        ranks[name] = below + np.floor(coin[:, index] * (equal + 1)).astype(np.int64)
        statistics[name], p_values[name] = _uniformity(ranks[name], draws, bins)
    return Calibration(
        ranks,
        draws,
        bins,
        statistics,
        p_values,
        estimate.converged,
        convergence(estimate.converged, np.arange(n_users), method, estimate.variance, estimate.faults),
        level,
        design.alone,
    )


def _check_draws(draws: int, where: str) -> None:
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise ArgumentError(f"{where}: draws: expected a number >= 1, got {draws!r}")


def _score(
    likelihood: Likelihood,
    priors: Priors,
    criterion: str,
    draws: int,
    inner: int,
    seed: int,
    workers: Workers | None,
    progress: bool,
    label: str,
) -> tuple[Array, Array]:
    """Give each user's score under a model, and whether the fit converged."""
    if criterion == "bic":
        maximum = maximized(likelihood, priors, workers, progress=progress, label=label)
        penalty = len(priors) * np.log(likelihood.observed.choices)
        return -2 * maximum.log_likelihood + penalty, maximum.converged
    likelihood = latent(likelihood, priors, inner, seed)
    drawn = isinstance(likelihood, LatentLikelihood)
    method = by_particles if drawn or (~priors.discrete).sum() > 3 else on_grid
    estimate = estimated(
        method, likelihood, priors, workers, draws=draws, seed=seed, progress=progress, label=label
    )
    return estimate.log_evidence, estimate.converged


def _who(converged: Array, models: tuple[str, ...], criterion: str) -> str:
    """Say in a sentence which fits `(simulated, users, fitted)` did not converge, and what to do."""
    bad = np.argwhere(~converged)
    if len(bad) == 0:
        return "all fits converged"
    fits = [f"{models[fitted]} to user {user} of {models[simulated]}" for simulated, user, fitted in bad]
    remedy = {
        "bic": 'give more rounds, or use criterion="marginal_likelihood"',
        "marginal_likelihood": "give narrower priors, or more draws (of particles)",
    }[criterion]
    return f"NOT converged: {len(bad)} of {converged.size} fits: {named(fits)}; {remedy}"


def _by_name(priors: Priors, array: Array) -> Values:
    return {name: array[:, index] for index, name in enumerate(priors.names)}


def _by_information(maximum: Maximum, priors: Priors) -> tuple[Values, Values, dict[float, Any]]:
    """Give the most likely values, half the width of their 68 % intervals, and the intervals."""
    spread = np.sqrt(np.einsum("uii->ui", maximum.covariance))
    z = priors.to_space(maximum.values)

    def at(shift: float) -> Values:
        moved = z.copy()
        moved[:, ~priors.discrete] += shift * spread
        values = priors.in_space(moved)
        fixed = {name: maximum.values[name] for name in np.array(priors.names)[priors.discrete]}
        ends: Values = {**values, **fixed}
        return ends

    low, high = at(-1.0), at(1.0)
    intervals = {level: (at(ndtri(0.5 - level / 2)), at(ndtri(0.5 + level / 2))) for level in LEVELS}
    return maximum.values, {name: (high[name] - low[name]) / 2 for name in priors.names}, intervals


def _quantile(prior: Any, values: Array) -> Array:
    """Values as quantiles of their prior; between 0 and 1 by rank where it has no distribution function.

    A value of a discrete prior lies in the middle of its step, and a mean on the line between two values.
    """
    if hasattr(prior, "cdf") and hasattr(prior, "pmf"):
        whole = np.floor(values)
        low, high = (prior.cdf(one) - prior.pmf(one) / 2 for one in (whole, whole + 1))
        return np.asarray(low + (values - whole) * (high - low))
    if hasattr(prior, "cdf"):
        return np.asarray(prior.cdf(values))
    return np.asarray((np.argsort(np.argsort(values)) + 0.5) / len(values))


def _uniformity(ranks: Array, draws: int, bins: int) -> tuple[float, float]:
    """Give the chi-square statistic of the ranks' uniformity, and its p-value."""
    edges = np.linspace(-0.5, draws + 0.5, bins + 1)
    counts = np.histogram(ranks, edges)[0]
    share = np.histogram(np.arange(draws + 1), edges)[0] / (draws + 1)
    expected = len(ranks) * share
    statistic = float(((counts - expected) ** 2 / expected).sum())
    from scipy.stats import chi2

    return statistic, float(chi2.sf(statistic, bins - 1))
