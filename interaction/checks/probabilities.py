"""Whether the `log_prob` of a policy agrees with how often it picks its actions.

Over few actions, all are asked: their probabilities sum to one, and the frequencies agree with them
(chi-square for all together, the binomial distribution for each).

Over many, or in a box, the claimed density p is compared with another one, q, that is known: kernels around
some samples of the policy. If samples come from p, then E_p[f q / (p + q)] = E_q[f p / (p + q)] for any f
between 0 and 1, both being ∫ f p q / (p + q). The terms are between 0 and 1, so their means are safe to
compare, whatever the tails of p. (Meng & Wong, "Simulating ratios of normalizing constants", Statistica
Sinica 1996, use the identity to estimate constants.)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.checks.calls import Case, make_call, spread, untouched
from interaction.checks.report import Budget, Report
from interaction.errors import ConformanceError
from interaction.membership import membership
from interaction.policy import Policy, has_log_prob
from interaction.random import USER_POLICY, EpisodeRandom
from interaction.spaces import Box, Choice, Dict, Discrete, MultiBinary, MultiDiscrete, Space
from interaction.state import State, Value, freeze

Array = NDArray[Any]
Column = Array | None
"""The values that one number of an action may have, or None for all those of an interval."""

ASKED = 1000  # actions, up to which all are asked
SAMPLES = 4000  # of each case
PILOT = 500  # samples that tell where to put the kernels
CASES = {True: 5, False: 2}  # pairs of observation and state, where all actions are listed and where not
DEVIATIONS = 6.0  # standard errors that are too many: two in a thousand million by chance
SIGNIFICANCE = 1e-7  # of each test of frequencies
FREQUENT = 10  # how often an action is to be expected, for the chi-square distribution to hold
_STAY = 0.8  # probability with which a kernel over single values keeps the value of its sample


def check_log_prob(
    policy: Policy, cases: Sequence[Case], report: Report, budget: Budget, share: float
) -> None:
    """Compare the `log_prob` of a policy, where it has one, with what it samples, for some of the cases."""
    if not has_log_prob(policy):
        return
    name = type(policy).__name__
    columns = _columns(policy.action_space)
    if columns is None:
        report.unchecked.append(
            f"{name}.log_prob: its values cannot be listed or integrated, in {policy.action_space}"
        )
        return
    if not cases:
        report.unchecked.append(f"{name}.log_prob: the policy was never asked")
        return
    count = 0
    sizes = [len(column) if column is not None else ASKED + 1 for column in columns]
    listed = float(np.prod(sizes, dtype=float)) <= ASKED
    for observation, state in spread(cases, CASES[listed]):
        if budget.spent(share):
            report.unchecked.append(
                f"{name}.log_prob: only {count:,} samples were compared, for lack of time"
            )
            break
        comparison = _Comparison(policy, observation, state, columns)
        drawn = comparison.draw(SAMPLES, budget, share)
        if len(drawn) < SAMPLES // 8:
            continue
        if listed:
            comparison.check_frequencies(drawn)
        elif not comparison.check_density(drawn, budget, share):
            report.unchecked.append(
                f"{name}.log_prob: some values in {policy.action_space} come again and again, "
                "so that it is no density"
            )
            return
        count += len(drawn)
    report.samples[name] = report.samples.get(name, 0) + count


def frequencies_agree(counts: Array, probabilities: Array) -> bool:
    """Say whether how often each of some things came may be by chance, if these are their probabilities."""
    from scipy.stats import binom, chisquare

    n = counts.sum()
    tails = np.minimum(binom.cdf(counts, n, probabilities), binom.sf(counts - 1, n, probabilities))
    expected = probabilities / probabilities.sum() * n
    often = expected >= FREQUENT
    cells = [(counts[often], expected[often]), ([counts[~often].sum()], [expected[~often].sum()])]
    cells = cells if cells[1][1][0] >= FREQUENT else cells[:1]
    observed, hoped = (np.concatenate(column) for column in zip(*cells, strict=True))
    by_chance = (
        len(observed) < 2 or chisquare(observed, hoped * observed.sum() / hoped.sum()).pvalue > SIGNIFICANCE
    )
    return bool(by_chance and tails.min() * len(counts) >= SIGNIFICANCE)


class _Comparison:
    """A policy that is asked for one observation and one state."""

    def __init__(self, policy: Policy, observation: State, state: State, columns: list[Column]) -> None:
        self.policy, self.observation, self.state = policy, observation, state
        self.columns = columns
        self.where = f"{type(policy).__name__}.log_prob"
        self.given = f"given {observation!r}, {state!r}"

    def draw(self, count: int, budget: Budget, share: float) -> list[Value]:
        drawn: list[Value] = []
        while len(drawn) < count and not budget.spent(share):
            rng = EpisodeRandom(1, len(drawn)).at(0, USER_POLICY)
            sampled = make_call(self.policy, self.policy.sample, (self.observation, self.state), rng)
            drawn.append(freeze(sampled[0]))
        return drawn

    def log_prob(self, action: Value) -> float:
        asked = (action, self.observation, self.state)
        found = make_call(self.policy, self.policy.log_prob, asked, None)
        if np.ndim(found) != 0 or np.isnan(found) or found == np.inf:
            raise ConformanceError(
                f"{self.where}: expected a number or -inf, got {found!r} for {action!r}, {self.given}"
            )
        return float(found)

    def check_frequencies(self, drawn: list[Value]) -> None:
        """Compare the frequencies of all actions with their probabilities."""
        actions = [_action(self.policy.action_space, row) for row in itertools.product(*self.columns)]  # type: ignore[arg-type]
        with untouched(self.policy, self.where):
            probabilities = np.exp([self.log_prob(action) for action in actions])
        total = probabilities.sum()
        if not np.isclose(total, 1.0, atol=1e-9):
            raise ConformanceError(
                f"{self.where}: the probabilities of all actions sum to {total}, not to 1, {self.given}"
            )
        places = {_key(self.policy.action_space, action): place for place, action in enumerate(actions)}
        found = [places[_key(self.policy.action_space, action)] for action in drawn]
        counts = np.bincount(found, minlength=len(actions))
        if not frequencies_agree(counts, probabilities):
            raise ConformanceError(
                f"{self.where} disagrees with sample: frequencies {counts / len(drawn)}, "
                f"probabilities {probabilities}, {self.given}"
            )

    def check_density(self, drawn: list[Value], budget: Budget, share: float) -> bool:
        """Compare the density with kernels around some samples; False if it has none."""
        rows = np.array([_row(self.policy.action_space, action) for action in drawn])
        if len(np.unique(rows, axis=0)) == 1:
            if not np.isclose(self.log_prob(drawn[0]), 0.0, atol=1e-9):
                raise ConformanceError(
                    f"{self.where} disagrees with sample: it picks {drawn[0]!r} each time, "
                    f"with the probability {np.exp(self.log_prob(drawn[0]))}, {self.given}"
                )
            return True
        for number, column in enumerate(self.columns):
            if column is None and len(np.unique(rows[:, number])) < 0.99 * len(rows):
                return False
        pilot, own = rows[: len(rows) // 8], rows[len(rows) // 8 :]
        kernels = _Kernels(pilot, self.columns)
        known = kernels.sample(len(own))
        with untouched(self.policy, self.where):
            log_own = [self.log_prob(action) for action in drawn[len(pilot) :]]
        inside = membership(self.policy.action_space)
        log_known = np.full(len(known), -np.inf)
        for number, row in enumerate(known):
            action = _action(self.policy.action_space, row)
            if budget.spent(share):
                known, log_known = known[:number], log_known[:number]
                break
            if inside.violation(action) is None:
                log_known[number] = self.log_prob(action)
        if len(known) < len(pilot):
            return True
        if np.isneginf(log_own).any():
            action = drawn[len(pilot) + int(np.argmin(log_own))]
            raise ConformanceError(
                f"{self.where} disagrees with sample: it picks {action!r}, with the probability 0, "
                f"{self.given}"
            )
        first = _share(kernels.log_density(own) - np.array(log_own))
        second = _share(log_known - kernels.log_density(known))
        for what, chosen_own, chosen_known in kernels.regions(own, known):
            one, other = first * chosen_own, second * chosen_known
            error = np.sqrt(one.var() / len(one) + other.var() / len(other))
            if abs(one.mean() - other.mean()) > DEVIATIONS * error + DEVIATIONS / len(other):
                raise ConformanceError(
                    f"{self.where} disagrees with sample: over {what}, ∫pq/(p+q) is {one.mean():.4f} by "
                    f"samples, and {other.mean():.4f} by log_prob (standard error {error:.4f}); either the "
                    f"density is another one, or its integral is not 1, {self.given}"
                )
        return True


class _Kernels:
    """A known density: around each sample of a pilot a normal distribution, or one over single values."""

    def __init__(self, pilot: Array, columns: list[Column]) -> None:
        self.pilot, self.columns = pilot, columns
        continuous = sum(column is None for column in columns)
        spread_ = np.minimum(pilot.std(axis=0), np.subtract(*np.percentile(pilot, [75, 25], axis=0)) / 1.34)
        spread_ = np.where(spread_ > 0, spread_, np.maximum(pilot.std(axis=0), 1e-12))
        self.width = spread_ * len(pilot) ** (-1 / (continuous + 4))
        self.rng = np.random.default_rng(0)

    def sample(self, count: int) -> Array:
        """Draw rows: `(count, columns)`."""
        rows = self.pilot[self.rng.integers(len(self.pilot), size=count)].copy()
        for number, column in enumerate(self.columns):
            if column is None:
                rows[:, number] += self.width[number] * self.rng.standard_normal(count)
            else:
                moves = self.rng.random(count) >= _STAY
                rows[moves, number] = self.rng.choice(column, moves.sum())
        return rows

    def log_density(self, rows: Array) -> Array:
        """Give the log density of rows: `(rows,)`."""
        from scipy.special import logsumexp

        total = np.zeros((len(rows), len(self.pilot)))
        for number, column in enumerate(self.columns):
            own, centre = rows[:, number, None], self.pilot[:, number]
            if column is None:
                z = (own - centre) / self.width[number]
                total -= z**2 / 2 + np.log(self.width[number] * np.sqrt(2 * np.pi))
            else:
                total += np.log((1 - _STAY) / len(column) + _STAY * (own == centre))
        return np.asarray(logsumexp(total, axis=1) - np.log(len(self.pilot)))

    def regions(self, own: Array, known: Array) -> Iterator[tuple[str, Array, Array]]:
        """Give parts of the space, each as its name and who lies in it."""
        yield "all actions", np.ones(len(own)), np.ones(len(known))
        for number, column in enumerate(self.columns):
            if column is None:
                for level in (10, 25, 50, 75, 90):
                    limit = np.percentile(self.pilot[:, number], level)
                    yield (
                        f"number {number} below {limit:.4g}",
                        own[:, number] < limit,
                        known[:, number] < limit,
                    )
            else:
                values, counts = np.unique(self.pilot[:, number], return_counts=True)
                for value in values[np.argsort(-counts)][:10]:
                    yield (
                        f"number {number} being {value:g}",
                        own[:, number] == value,
                        known[:, number] == value,
                    )
        middle = np.median(self.pilot, axis=0)
        for one, other in itertools.combinations(range(min(len(self.columns), 5)), 2):
            agree_own = (own[:, one] > middle[one]) == (own[:, other] > middle[other])
            agree_known = (known[:, one] > middle[one]) == (known[:, other] > middle[other])
            yield f"numbers {one} and {other} on one side of their medians", agree_own, agree_known


def _share(log_ratio: Array) -> Array:
    """Give r / (1 + r) for a ratio r."""
    from scipy.special import expit

    return np.asarray(expit(log_ratio))


# An action as a row of numbers.


def _columns(space: Space[Any]) -> list[Column] | None:
    """Give the values of each number of an action, or None if there are too many kinds to say."""
    if isinstance(space, Dict):
        parts = [_columns(part) for part in space.spaces.values()]
        return None if any(part is None for part in parts) else [c for part in parts if part for c in part]
    if isinstance(space, Discrete | Choice):
        too_many = isinstance(space, Discrete) and space.n > ASKED**2
        return None if too_many else [np.array(spaces.elements(space))]
    if isinstance(space, Box) and np.dtype(space.dtype).kind == "f":
        return [None] * int(np.prod(space.shape))
    if isinstance(space, MultiDiscrete):
        low, high = space.start, space.start + space.nvec - 1
    elif isinstance(space, MultiBinary):
        low, high = np.zeros(space.shape), np.ones(space.shape)
    elif isinstance(space, Box):
        low, high = space.low, space.high
    else:
        return None
    pairs = list(zip(np.ravel(low), np.ravel(high), strict=True))
    if any(int(last) - int(first) > ASKED**2 for first, last in pairs):
        return None
    return [np.arange(int(first), int(last) + 1) for first, last in pairs]


def _row(space: Space[Any], action: Value) -> list[float]:
    if isinstance(space, Dict):
        return [number for name, part in space.spaces.items() for number in _row(part, action[name])]
    return [float(number) for number in np.ravel(action)]


def _key(space: Space[Any], action: Value) -> tuple[float, ...]:
    return tuple(_row(space, action))


def _action(space: Space[Any], row: Sequence[Any]) -> Value:
    """Give the action that a row of numbers stands for."""
    numbers = iter(row)

    def take(part: Space[Any]) -> Value:
        if isinstance(part, Dict):
            return State(**{str(name): take(inner) for name, inner in part.spaces.items()})
        shape = spaces.shape_of(part)
        whole = not isinstance(part, Box) or np.dtype(part.dtype).kind != "f"
        size = int(np.prod(shape))
        values = np.array([next(numbers) for _ in range(size)], np.int64 if whole else np.float64)
        return freeze(values.reshape(shape))

    return take(space)
