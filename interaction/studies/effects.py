"""Does each parameter do anything, and can two of them be told apart at all?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from interaction.agent import Assistant, User
from interaction.errors import ContractError, NoEffectError
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.observed import Observed
from interaction.fitting.priors import Priors, Values
from interaction.fitting.quadrature import on_grid
from interaction.fitting.verdict import named
from interaction.inference.candidates import Distribution
from interaction.progress import Progress
from interaction.random import EpisodeRandom
from interaction.studies.design import Design
from interaction.studies.results import Sensitivity
from interaction.task import InteractionTask

Array = NDArray[Any]

_TRIED = 9  # values of a parameter that are tried for an effect
_SHIFT = 1e-4  # of finite differences, in prior coordinates
_COLLINEAR = 0.999
_MADE_UP = 0.75
_VALUES = 24  # of each of two parameters that may make up for each other
_LEFT = 0.01  # part of a change that may be left, for another parameter to have made up for it


def sensitivity(
    task: InteractionTask,
    user: User,
    priors: Mapping[str, Distribution],
    n_users: int = 50,
    rounds: int = 100,
    *,
    assistant: Assistant | None = None,
    episodes: int = 1,
    min_bits: float = 0.001,
    seed: int = 0,
    progress: bool = True,
) -> Sensitivity:
    """Tell what each parameter changes in what simulated users do, and which two do the same.

    Each user plays `episodes` episodes of up to `rounds` rounds, alone or with the assistant.
    Bits per round: the mutual information of a parameter and a user's actions, the other parameters being
    known, divided by the number of rounds: E[log p(a | θ) − log ∫ p(a | θ', …) p(θ') dθ'].
    Two continuous parameters cannot be told apart when, at most users, the effects of small changes of the
    two on all probabilities are proportional (|cosine| > 0.999); two of which one is discrete, when three
    in four users have another value of the one whose whole effect a value of the other undoes.
    Raises `NoEffectError` with the names of parameters that change nothing, and `ContractError` for one
    that changes the actions but not their `log_prob`.

    >>> from scipy import stats
    >>> from interaction import sensitivity
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> task, user = MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser()
    >>> priors = {"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}
    >>> effects = sensitivity(task, user, priors, n_users=20, rounds=50, progress=False)
    >>> {name: round(bits, 3) for name, bits in effects.bits_per_round.items()}
    {'learning_rate': 0.013, 'inverse_temperature': 0.029}
    """
    design = Design(task, assistant, episodes, rounds, seed)
    checked = design.check(user, priors, n_users, "sensitivity")
    values = checked.draw(n_users, seed)
    likelihood = design.play(user, values, progress=progress)
    observed = likelihood.observed
    truth = likelihood.total({name: array[:, None] for name, array in values.items()})[:, 0]
    _check_effects(design, user, checked, values, likelihood, truth)
    bits, error, converged = {}, {}, []
    pairs = list(combinations(range(len(checked)), 2))
    steps = len(checked) + len(pairs)
    with Progress("sensitivity", steps, unit="parameters and pairs", shown=progress) as bar:
        for name in checked.names:
            others = {other: array for other, array in values.items() if other != name}
            alone = Priors(user, {name: checked.distributions[name]}, "sensitivity")
            grid = on_grid(likelihood.fixing(others), alone, chains=1, draws=1)
            converged.append(grid.converged)
            gained = (truth - grid.log_evidence) / np.log(2) / observed.choices
            bits[name] = max(float(gained.mean()), 0.0)
            error[name] = float(gained.std(ddof=1) / np.sqrt(n_users))
            bar.update()
        cosines = _cosines(likelihood, checked, n_users, seed)
        alike, same = {}, []
        for first, second in pairs:
            names = checked.names[first], checked.names[second]
            whole = checked.discrete[[first, second]].any()
            alike[names] = (
                _made_up(likelihood, checked, values, names) if whole else float(cosines[first, second])
            )
            if alike[names] > (_MADE_UP if whole else _COLLINEAR):
                same.append(names)
            bar.update()
    good = np.stack(converged)
    told = "all integrals converged"
    if not good.all():
        bad = [f"{checked.names[index]} of user {user}" for index, user in np.argwhere(~good)]
        told = (
            f"NOT converged: {len(bad)} of {good.size} integrals over a prior: {named(bad)}; "
            f"give narrower priors, or fewer rounds"
        )
    return Sensitivity(bits, error, alike, tuple(same), min_bits, good, told, design.alone)


def _check_effects(
    design: Design, user: User, priors: Priors, values: Values, likelihood: Likelihood, truth: Array
) -> None:
    """Raise for parameters that change nothing."""
    idle = []
    tolerance = 1e-9 * np.maximum(np.abs(truth), 1.0)[:, None]
    for index, name in enumerate(priors.names):
        tried = _tried(priors, index, _TRIED)
        others = {other: array for other, array in values.items() if other != name}
        candidates = {name: np.broadcast_to(tried, (len(truth), len(tried)))}
        log = likelihood.fixing(others).total(candidates)
        with np.errstate(invalid="ignore"):
            if (np.abs(log - truth[:, None]) <= tolerance).all():
                idle.append(name)
    if not idle:
        return
    who = type(user).__name__
    for name in idle:
        moved = {**values, name: np.roll(values[name], 1)}
        again = design.play(user, moved).observed
        if not _same_actions(likelihood.observed, again):
            raise ContractError(
                f"sensitivity: {name} changes what {who} does, but {type(user.policy).__name__}.log_prob "
                f"does not depend on it: log_prob must be that of sample"
            )
    raise NoEffectError(
        f"sensitivity: {', '.join(idle)} of {who} changes nothing: its actions and their probabilities are "
        f"the same for all values (tried on {len(truth)} simulated users in {design.rounds} rounds). "
        + (f"It was {design.alone}" if design.alone else "Is the state's entry read anywhere?")
    )


def _same_actions(first: Observed, second: Observed) -> bool:
    return np.array_equal(first.lengths, second.lengths) and all(
        np.array_equal(array, second.user_actions[path]) for path, array in first.user_actions.items()
    )


def _tried(priors: Priors, index: int, count: int) -> Array:
    """Values of a parameter across its prior."""
    if priors.discrete[index]:
        support = priors.support(index)[0]
        return np.asarray(support[np.unique(np.linspace(0, len(support) - 1, count).round().astype(int))])
    quantiles = np.full((count, len(priors)), 0.5)
    quantiles[:, index] = (np.arange(count) + 0.5) / count
    return priors.at_quantiles(quantiles)[priors.names[index]]


def _cosines(likelihood: Likelihood, priors: Priors, n_users: int, seed: int) -> Array:
    """How alike the effects of small changes are: |cosine| for each pair, the median over users."""
    d = len(priors)
    quantiles = EpisodeRandom(seed, episodes=np.arange(n_users)).random((d,))
    z = ndtri(np.clip(quantiles, 1e-6, 1 - 1e-6))
    points = np.repeat(z[:, None], 1 + 2 * d, axis=1)
    for index in range(d):
        points[:, 1 + 2 * index, index] -= _SHIFT
        points[:, 2 + 2 * index, index] += _SHIFT
    log = likelihood.pointwise(priors.at_coordinates(points))
    with np.errstate(invalid="ignore"):
        slopes = log[:, :, 2::2] - log[:, :, 1::2]  # (rounds, episodes, parameters)
    slopes = np.where(np.isfinite(slopes), slopes, 0.0)
    products = likelihood.of_users(np.einsum("tej,tek->ejk", slopes, slopes))
    size = np.sqrt(np.einsum("ujj->uj", products))
    # A change that moves probabilities by less than rounding has no direction.
    size = np.where(size > 1e-9, size, np.nan)
    alike = np.abs(products) / (size[:, :, None] * size[:, None])
    found = np.zeros((d, d))
    for first, second in combinations(range(d), 2):
        told = alike[np.isfinite(alike[:, first, second]), first, second]
        found[first, second] = np.median(told) if len(told) >= n_users / 4 else 0.0
    return found


def _made_up(likelihood: Likelihood, priors: Priors, values: Values, names: tuple[str, str]) -> float:
    """The share of users for whom a change of the one parameter is undone by one of the other.

    A change is measured by Σ (1 − √(p'/p))² over the actions taken: none where no probability changes.
    """
    first, second = (_tried(priors, priors.names.index(name), _VALUES) for name in names)
    own = [values[name][:, None] for name in names]
    others = {other: array for other, array in values.items() if other not in names}
    shape = (len(own[0]), len(first), 1 + len(second))
    # For each value of the first: the second as it is, and all its other values.
    partner = np.concatenate([own[1], np.broadcast_to(second, (len(own[1]), len(second)))], axis=1)
    candidates = {
        names[0]: np.broadcast_to(first[:, None], shape).reshape(len(own[0]), -1),
        names[1]: np.broadcast_to(partner[:, None], shape).reshape(len(own[0]), -1),
    }
    rest = likelihood.fixing(others)
    truth = rest.pointwise(dict(zip(names, own, strict=True)))
    with np.errstate(over="ignore"):
        change = ((1 - np.exp((rest.pointwise(candidates) - truth) / 2)) ** 2).sum(axis=0)
    change = rest.of_users(change).reshape(shape)
    alone, best = change[..., 0], change[..., 1:].min(axis=-1)
    told = (first != own[0]) & (alone > 1e-9)
    undone = told & (best <= _LEFT * alone)
    seen = told.any(axis=1)
    return float(undone[seen].any(axis=1).mean()) if seen.any() else 0.0
