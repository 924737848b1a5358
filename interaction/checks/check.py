"""The four checks: what is played, and what is asked of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from interaction import spaces
from interaction.agent import Agent, Assistant, User
from interaction.bundle import Bundle
from interaction.checks.batches import check_batches, play_alone
from interaction.checks.calls import Case, Watch, check_pickle, parts_of
from interaction.checks.duals import check_dual
from interaction.checks.other_process import other_processes
from interaction.checks.outcomes import check_outcomes
from interaction.checks.probabilities import check_log_prob
from interaction.checks.repeats import check_repeats
from interaction.checks.report import SECONDS, Budget, Report
from interaction.component import Component
from interaction.errors import ArgumentError, ConformanceError
from interaction.observation import ObservationEngine
from interaction.policy import Policy, RandomPolicy
from interaction.prediction import NoTask
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space
from interaction.state import State, Value, flatten
from interaction.task import InteractionTask, defines

EPISODES = 5  # single episodes that are played with every call checked
ROUNDS = 100  # where nothing else says how many
_SINGLY, _AGAIN, _PROBABILITIES, _OUTCOMES = 0.3, 0.45, 0.6, 0.7  # shares of the time, by the end of each


def check_task(
    task: InteractionTask,
    *,
    user_action_space: Space[Any] | None = None,
    assistant_action_space: Space[Any] | None = None,
    user: User | None = None,
    assistant: Assistant | None = None,
    rounds: int | None = None,
    seconds: float = SECONDS,
) -> Report:
    """Check a task against random actions of the user, the assistant or both.

    A task that looks at an agent's state is given that agent. `rounds` are 100 unless given; the check takes
    `seconds` at most, about, and checks less where they do not suffice.
    Raises `ConformanceError` for the first thing that is broken.

    >>> from interaction import InteractionTask, State, Transition, check_task, spaces
    >>> from interaction.errors import ConformanceError
    >>> class Counts(InteractionTask):
    ...     def reset(self, rng):
    ...         self.count = 0  # what changes belongs to the state
    ...         return State(count=0)
    ...
    ...     def on_user_action(self, game, rng):
    ...         self.count += 1
    ...         return Transition(State(count=self.count))
    >>> try:
    ...     report = check_task(Counts(), user_action_space=spaces.Discrete(2), rounds=5)
    ... except ConformanceError as error:
    ...     print(error)
    Counts.on_user_action changed self: what changes must be in the game state
    """
    if user is None and user_action_space is not None:
        user = User(policy=RandomPolicy(user_action_space))
    if assistant is None and assistant_action_space is not None:
        assistant = Assistant(policy=RandomPolicy(assistant_action_space))
    if user is None and assistant is None:
        raise ArgumentError(
            "check_task: expected who acts in the task: user_action_space=, assistant_action_space= or both "
            "(or user=, assistant=), got none of them"
        )
    return _check(Bundle(task, user, assistant), [task], rounds, seconds)


def check_agent(
    agent: Agent,
    task: InteractionTask,
    partner: Agent | None = None,
    *,
    rounds: int | None = None,
    seconds: float = SECONDS,
) -> Report:
    """Check an agent and its parts as they play a task, with a partner if they need one.

    `rounds`, `seconds` and errors are as in `check_task`.

    >>> from interaction import RuleObservationEngine, check_agent
    >>> from interaction.errors import ConformanceError
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> doubled = RuleObservationEngine("user", transform={"task_state.x": lambda x: 2 * x})
    >>> user = PseudoRandomUser().replace(observation_engine=doubled)
    >>> try:
    ...     report = check_agent(user, CoordinatedTask(), rounds=5)
    ... except ConformanceError as error:
    ...     print(str(error).partition(" (")[0])
    RuleObservationEngine cannot be pickled
    """
    pair = {agent.role: agent} | ({} if partner is None else {partner.role: partner})
    bundle = Bundle(task, cast(User | None, pair.get("user")), cast(Assistant | None, pair.get("assistant")))
    parts = [agent, agent.policy, agent.observation_engine, agent.inference_engine]
    check_dual(agent)
    return _check(bundle, parts, rounds, seconds)


def check_bundle(bundle: Bundle, *, rounds: int | None = None, seconds: float = SECONDS) -> Report:
    """Check all components of a bundle as they play together, up to its `max_rounds`, or for 100 rounds.

    `rounds`, `seconds` and errors are as in `check_task`.

    >>> from interaction import Bundle, check_bundle
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser()
    >>> bundle = Bundle(CoordinatedTask(), user, CoordinatedAssistant(user))
    >>> report = check_bundle(bundle, rounds=5, seconds=1)
    >>> print(report.episodes, report.rounds, *report.components[:3])
    5 5 CoordinatedTask PseudoRandomUser PseudoRandomPolicy
    """
    for agent in (bundle.user, bundle.assistant):
        if agent is not None:
            check_dual(agent)
    return _check(bundle, parts_of(bundle), rounds, seconds)


def check_policy(policy: Policy, cases: Sequence[Case], *, seconds: float = SECONDS) -> Report:
    """Check a policy on pairs of (observation, state) of single episodes.

    `seconds` and errors are as in `check_task`.

    >>> from interaction import Policy, State, check_policy, spaces
    >>> from interaction.errors import ConformanceError
    >>> class Guesses(Policy):
    ...     action_space = spaces.Discrete(2)
    ...
    ...     def sample(self, observation, state, rng):
    ...         return rng.integers(0, 2), 0.0
    ...
    ...     def log_prob(self, action, observation, state):
    ...         return -1.0
    >>> try:
    ...     report = check_policy(Guesses(), [(State(x=0), State())])
    ... except ConformanceError as error:
    ...     print(str(error).partition(", given")[0])
    Guesses.log_prob: the probabilities of all actions sum to 0.7357588823428847, not to 1
    """
    if not cases:
        raise ConformanceError("check_policy: expected at least one pair (observation, state)")
    bundle = Bundle(_Still(), _Shown(policy, cases), max_rounds=1)
    kinds = [[(path, np.shape(value)) for part in case for path, value in flatten(part)] for case in cases]
    alike = all(kind == kinds[0] for kind in kinds)
    return _check(bundle, [policy], None, seconds, len(cases), alike)


def _check(
    bundle: Bundle,
    parts: Sequence[Component],
    rounds: int | None,
    seconds: float,
    episodes: int = EPISODES,
    alike: bool = True,
) -> Report:
    """Play a bundle alone and in batches, and check the given components."""
    budget = Budget(seconds)
    given = [(rounds, "as asked"), (bundle.max_rounds, "its max_rounds"), (ROUNDS, "no max_rounds given")]
    limits = [(number, why) for number, why in given[:2] if number is not None] or given[2:]
    limit, why = min(limits, key=lambda one: cast(int, one[0]))
    report = Report([type(part).__name__ for part in parts], cast(int, limit), why)
    bundle = bundle.replace(max_rounds=limit, check=True)
    for part in sorted(parts, key=lambda part: isinstance(part, Agent)):  # what an agent holds is named first
        check_pickle(part)
    watch = Watch(parts)
    pace = _play_singly(bundle, watch, report, budget, episodes)
    calls = check_repeats(watch, report, budget, _AGAIN)
    for part in parts:
        if isinstance(part, Policy):
            check_log_prob(part, watch.cases(part), report, budget, _PROBABILITIES)
    check_outcomes(bundle, parts, watch, report, budget, _OUTCOMES)
    report.unchecked += _never_called(bundle, watch)
    with other_processes(watch, calls, report, budget):
        if alike:
            check_batches(_shortened(bundle, pace, report, budget), parts, report, budget)
        else:
            report.unchecked.append("batches: the cases have different fields, or fields of different shapes")
    return report


def _play_singly(bundle: Bundle, watch: Watch, report: Report, budget: Budget, episodes: int) -> float:
    """Play single episodes with each call checked; give the seconds that a round takes, checks included."""
    limit, played = report.rounds, 0
    start = budget.left()
    for episode in range(episodes):
        if episode and budget.spent(_SINGLY):
            break
        left = budget.left(_SINGLY)
        played += watch.play(bundle, episode, limit, left)
        report.episodes = episode + 1
    if budget.spent(_SINGLY):
        report.unchecked.append(
            f"single episodes, call by call: only {played} rounds of up to {episodes} × {limit:,}, "
            "for lack of time"
        )
    return (start - budget.left()) / max(played, 1)


def _shortened(bundle: Bundle, pace: float, report: Report, budget: Budget) -> Bundle:
    """Give a bundle of as many rounds as a few episodes can be played in half of the time that is left."""

    def fitting(pace: float) -> int:
        return max(int(budget.left() / 2 / 16 / pace), 1)  # 8 episodes alone, and as many in batches

    rounds = fitting(pace)
    if rounds < report.rounds:  # or is it the checks that take the time?
        parts = bundle.task, bundle.user, bundle.assistant
        alone = play_alone(Bundle(*parts, max_rounds=rounds), 0)
        rounds = fitting(alone.seconds / max(len(alone.games), 1))
    if rounds >= report.rounds:
        return bundle
    report.unchecked.append(
        f"batches: only {rounds:,} of {report.rounds:,} rounds were played, for lack of time"
    )
    return bundle.replace(max_rounds=rounds, check=True)


def _never_called(bundle: Bundle, watch: Watch) -> list[str]:
    """List the methods of a task that was checked for which there was no agent."""
    called = {watch.name(call) for call in watch.calls}
    task = bundle.task
    if all(part is not task for part in watch.parts):
        return []
    methods = ("on_user_action", "on_assistant_action")
    names = [f"{type(task).__name__}.{name}" for name in methods if defines(task, name, InteractionTask)]
    return [f"{name}: it was never called" for name in names if name not in called]


# What shows a policy its cases: episode e sees case e, and begins again after the last one.


class _Still(NoTask):
    """A task that nothing moves."""


class _Shows(ObservationEngine):
    batched = False

    def __init__(self, cases: Sequence[Case]) -> None:
        self.cases = list(cases)

    def observe(self, game: State, rng: EpisodeRandom) -> tuple[State, float]:
        return self.cases[rng.episode % len(self.cases)][0], 0.0


class _Shown(User):
    """Sees the observation, and has the state, of one case."""

    batched = False

    def __init__(self, policy: Policy, cases: Sequence[Case]) -> None:
        self.cases = list(cases)
        super().__init__(
            policy=policy,
            observation_engine=_Shows(cases),
            state=cases[0][1],
            state_space=_space_of([state for _, state in cases]),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        return self.cases[rng.episode % len(self.cases)][1]


def _space_of(values: list[Value]) -> Any:
    """Give a space of all values of the same kind and shape; where some are floats, all are."""
    first = values[0]
    if isinstance(first, State):
        return Dict({name: _space_of([value[name] for value in values]) for name in first})
    kinds = {np.asarray(value).dtype.kind for value in values}
    if kinds <= set("biuf"):
        return (spaces.real if "f" in kinds else spaces.whole)(shape=np.shape(first))
    return _AnyValue()


class _AnyValue(Space[Any]):
    def contains(self, x: Any) -> bool:
        return True
