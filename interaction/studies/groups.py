"""Fits of many users by several processes: each takes some of the users, and the numbers are those of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from interaction.fitting.estimate import Estimate, together
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.maximum import Maximum, Summits, maximize, search
from interaction.fitting.priors import Priors
from interaction.progress import Progress
from interaction.studies.workers import Workers, in_order

T = TypeVar("T")

_EACH = 2  # groups for each task in flight: some users take longer than others


def estimated(
    method: Callable[..., Estimate],
    likelihood: Likelihood,
    priors: Priors,
    workers: Workers | None,
    *,
    progress: bool,
    label: str,
    **options: Any,
) -> Estimate:
    """Give each user's posterior by `method`, by some workers, or in this process where there are none."""
    if workers is None:
        return method(likelihood, priors, progress=progress, label=label, **options)
    parts = _in_groups(_estimate, likelihood, workers, progress, label, method, priors, options)
    return together(parts)


def _estimate(
    users: Any,
    likelihood: Likelihood,
    method: Callable[..., Estimate],
    priors: Priors,
    options: dict[str, Any],
) -> Estimate:
    return method(likelihood, priors, numbers=users, **options)


def maximized(
    likelihood: Likelihood, priors: Priors, workers: Workers | None, *, progress: bool, label: str
) -> Maximum:
    """Give each user's most likely parameters, by some workers, or in this process where there are none."""
    if workers is None:
        return maximize(likelihood, priors, progress=progress, label=label)
    parts = _in_groups(_search, likelihood, workers, progress, label, priors)
    return maximize(likelihood, priors, searched=Summits.together(parts))


def _search(users: Any, likelihood: Likelihood, priors: Priors) -> Summits:
    return search(likelihood, priors)


def _in_groups(
    function: Callable[..., T],
    likelihood: Likelihood,
    workers: Workers,
    progress: bool,
    label: str,
    *others: Any,
) -> list[T]:
    """Call `function(users, their likelihood, *others)` for groups of users that follow each other."""
    count = len(likelihood.observed.users)
    groups = np.array_split(np.arange(count), min(_EACH * workers.in_flight, count))
    with Progress(label, len(groups), unit="groups of users", shown=progress) as bar:
        calls = ((users, likelihood.select(users), *others) for users in groups)
        return in_order(workers, function, calls, bar)
