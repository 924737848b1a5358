"""Which of several user models tells best of the same data: by prediction, and by marginal likelihood.

Leave-one-out cross-validation asks how well a model predicts each action from all others; it is estimated
from the draws of one fit by importance sampling, and says itself where it fails (Pareto's k). The marginal
likelihood asks how probable the data was under the model and its priors, before any of it was seen.

Sources: Vehtari, Gelman & Gabry 2017, "Practical Bayesian model evaluation using leave-one-out
cross-validation and WAIC"; Yao, Vehtari, Simpson & Gelman 2018, "Using stacking to average Bayesian
predictive distributions"; Kass & Raftery 1995, "Bayes factors".
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from interaction.errors import ArgumentError, ReliabilityWarning, missing_extra
from interaction.fitting.verdict import named
from interaction.progress import Progress

if TYPE_CHECKING:
    import pandas
    import xarray

Array = NDArray[Any]

ALL = "all"
"""The label of the rows in which all users are taken together."""

_GROUPS = {
    "posterior": "a tree of `fit`",
    "summary": "a tree of `fit`",
    "observed_data": "a tree of `fit`",
    "log_likelihood": "a fit with log_likelihood=True",
}


def compare(fits: Mapping[str, xarray.DataTree], *, progress: bool = True) -> pandas.DataFrame:
    """Compare fits of several user models to the same data; needs the extra `inference`.

    `fits` maps a label to a tree of `fit`. Gives a table with a row for each model, the best prediction
    first. Where there are several users, the rows are those of all users together (`"all"`), then of each,
    and the index is `(user, model)`.

    By arviz-stats, in nats: `elpd`, the expected log probability of an action that was left out, summed over
    the actions, with its standard error `se`; `p`, the effective number of parameters; `elpd_diff`, by how
    much the best one is better, with its standard error `dse`; `weight`, by stacking; `pareto_k`, the
    largest, and `warning`, whether it is too large for `elpd` to be trusted (`ReliabilityWarning`).
    From the fits: `log_evidence`, the log marginal likelihood under the priors; `log_bayes_factor`, less that
    of the best one; `probability`, of the model given the data, if all were equally probable. They are
    NaN where a method does not know them ("mcmc"), the latter two for all models.

    An action that is left out is not predicted, but still steers those who learn from it.
    Raises `ArgumentError` for fewer than two fits, for one that did not converge or has no log likelihood,
    and for fits of different data.

    >>> from scipy import stats
    >>> from interaction import Bundle, compare, fit
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser, WinStayLoseShiftUser
    >>> task = MultiArmedBanditTask([0.2, 0.8])
    >>> played = Bundle(task, WinStayLoseShiftUser(epsilon=0.2), max_rounds=50).run(1, seed=0)
    >>> models = {"shifts": (WinStayLoseShiftUser(), "epsilon"), "guesses": (RandomUser(), "bias")}
    >>> fits = {
    ...     label: fit(task, user, played, {name: stats.uniform(0, 1)}, progress=False)
    ...     for label, (user, name) in models.items()
    ... }
    >>> table = compare(fits, progress=False)
    >>> table.index.tolist(), table.elpd_diff.round(1).tolist(), table.probability.round(3).tolist()
    (['shifts', 'guesses'], [0.0, 10.7], [1.0, 0.0])
    """
    arviz_stats = _library()
    _check(fits)
    first = next(iter(fits.values()))
    users = first.posterior.user.values.tolist() if "user" in first.posterior.dims else []
    if ALL in users:
        raise ArgumentError(f"compare: expected no user of the name {ALL!r}, which is that of the total")
    found = {}
    with Progress("compare", len(fits) * max(len(users), 1), unit="fits", shown=progress) as bar:
        for name, tree in fits.items():
            found[name] = _loo(arviz_stats, name, tree, users, bar)
    evidence = {name: _evidence(tree, users) for name, tree in fits.items()}
    tables = []
    for index in range(max(len(users), 1)):
        each = {name: parts[index] for name, parts in found.items()}
        tables.append(_table(arviz_stats, each, {name: array[index] for name, array in evidence.items()}))
    if not users:
        return tables[0]
    whole = {name: _together(parts) for name, parts in found.items()}
    total = _table(arviz_stats, whole, {name: _total(tree, evidence[name]) for name, tree in fits.items()})
    import pandas

    table: pandas.DataFrame = pandas.concat([total, *tables], keys=[ALL, *users], names=["user", "model"])
    return table


def _library() -> Any:
    try:
        import arviz_stats
    except ImportError as error:
        raise missing_extra(error.name or "arviz_stats", "inference", "compare") from None
    return arviz_stats


def _check(fits: Mapping[str, xarray.DataTree]) -> None:
    """Raise for what cannot be compared."""
    if not isinstance(fits, Mapping) or len(fits) < 2:
        raise ArgumentError(
            f"compare: expected two or more fits by label, as in {{'random': tree, 'learner': tree}}, got "
            f"{list(fits) if isinstance(fits, Mapping) else type(fits).__name__}"
        )
    for name, tree in fits.items():
        for group, what in _GROUPS.items():
            if group not in getattr(tree, "children", ()):
                raise ArgumentError(f"compare: {name}: expected {what}, got one without {group!r}")
        if not tree.attrs["converged"]:
            raise ArgumentError(f"compare: {name}: {tree.attrs['verdict']}; a fit like this is not compared")
    (label, first), *others = fits.items()
    for name, tree in others:
        _check_same(label, first.observed_data, name, tree.observed_data)


def _check_same(label: str, first: Any, name: str, other: Any) -> None:
    """Raise unless both were fitted to the same actions of the same users."""
    where = f"compare: {label} and {name} were fitted to different data:"
    names = ("observed_user", "episode", "round", *first.data_vars)
    if set(first.data_vars) != set(other.data_vars):
        raise ArgumentError(f"{where} {', '.join(first.data_vars)} and {', '.join(other.data_vars)}")
    if first.sizes != other.sizes:
        counts = [data.sizes["observation"] for data in (first, other)]
        raise ArgumentError(f"{where} {counts[0]} and {counts[1]} actions")
    for what in names:
        differ = np.flatnonzero(first[what].values != other[what].values)
        if len(differ):
            row = differ[0]
            one, two = (data[what].values[row] for data in (first, other))
            raise ArgumentError(f"{where} {what} of observation {row} is {one} and {two}")


def _loo(arviz_stats: Any, name: str, tree: Any, users: list[Any], bar: Progress) -> list[Any]:
    """Give what arviz-stats' `loo` says of each user; warn where it is not to be trusted."""
    log = tree.log_likelihood.to_dataset()
    wrong = np.flatnonzero(~np.isfinite(log.user_action).all(["chain", "draw"]).values)
    if len(wrong):
        raise ArgumentError(
            f"compare: {name}: the log likelihood of observation {wrong[0]} is not finite in some draws, for "
            f"whose parameters the action was impossible; give another method or more draws"
        )
    found, bad = [], []
    for user in users or [None]:
        posterior, mine = tree.posterior.to_dataset(), log
        if user is not None:
            posterior, mine = posterior.sel(user=user), log.sel(observation=log.observed_user == user)
        part = type(tree).from_dict({"posterior": posterior, "log_likelihood": mine})
        with warnings.catch_warnings():
            # It would not say which model or which action it is: that is told below.
            warnings.filterwarnings("ignore", message="Estimated shape parameter of Pareto")
            each = arviz_stats.loo(part, pointwise=True, var_name="user_action")
        for row in np.flatnonzero(each.pareto_k.values > each.good_k):
            labels = (mine[what].values[row] for what in ("observed_user", "episode", "round"))
            bad.append("user {}, episode {}, round {}".format(*labels))
        found.append(replace(each, log_weights=None))  # which are as large as all draws of all actions
        bar.update()
    if bad:
        warnings.warn(
            f"compare: {name}: Pareto's k is above {found[0].good_k:.2f} for {len(bad)} of "
            f"{log.sizes['observation']} actions ({named(bad, '; ')}): without one of them the posterior "
            f"would be quite another, so that elpd and weight may be off; log_evidence does not depend on it",
            ReliabilityWarning,
            stacklevel=3,
        )
    return found


def _together(parts: list[Any]) -> Any:
    """Put what was found of each user together, as if of all their actions."""
    import xarray

    elpd, k = (
        xarray.concat([getattr(part, name) for part in parts], "observation")
        for name in ("elpd_i", "pareto_k")
    )
    return replace(
        parts[0],
        elpd=sum(part.elpd for part in parts),
        se=float(np.sqrt(elpd.size * elpd.var())),
        p=sum(part.p for part in parts),
        n_data_points=elpd.size,
        warning=any(part.warning for part in parts),
        elpd_i=elpd,
        pareto_k=k,
    )


def _evidence(tree: Any, users: list[Any]) -> Array:
    """Give the log evidence of each user; NaN where it is not known, as of the members of a population."""
    found = tree.summary.log_evidence
    if found.dims == ("user",):
        return np.asarray(found.sel(user=users).values)
    return np.full(len(users), np.nan) if users else found.values.reshape(1)


def _total(tree: Any, each: Array) -> float:
    found = tree.summary.log_evidence
    return float(each.sum() if found.dims else found)


def _table(arviz_stats: Any, found: Mapping[str, Any], evidence: Mapping[str, float]) -> pandas.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # between arviz-stats 0.8 and pandas 3
        table: pandas.DataFrame = arviz_stats.compare(dict(found), method="stacking")
    table.index.name = "model"
    log = np.array([float(evidence[name]) for name in table.index])
    known = np.isfinite(log).all()
    table["pareto_k"] = [float(found[name].pareto_k.max()) for name in table.index]
    table["log_evidence"] = log
    table["log_bayes_factor"] = log - log.max() if known else np.nan
    table["probability"] = softmax(log) if known else np.nan
    return table
