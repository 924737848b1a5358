"""The conformance kit: plays a component and raises a `ConformanceError` that names what is broken.

Run it on your own components in a test:

    check_bundle(Bundle(task, user, assistant, max_rounds=20))     # all of them
    check_task(task, user_action_space=..., assistant_action_space=...)
    check_agent(user, task)
    check_policy(policy, [(observation, state), ...])

It looks for: a method that changes its arguments, `self` or the global numpy or `random` state; results
that differ for the same stream; values outside their space; a batch that differs from the single
episodes in any bit, where `batched = True` is promised; a `log_prob` that does not sum to one or
disagrees with the frequencies of `sample`; a component that cannot be pickled, or comes back different;
and a `dual()` that still holds a primary component.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np

from interaction import spaces
from interaction.agent import Agent, Assistant, User
from interaction.batching.lifting import equal_bits
from interaction.batching.selection import looped, stack
from interaction.bundle import Bundle
from interaction.component import Component
from interaction.errors import ConformanceError, InteractionError
from interaction.inference.engine import DualInferenceEngine
from interaction.opening import new_game
from interaction.players import Method, check_state, components, seat_players
from interaction.policy import DualPolicy, Policy, RandomPolicy, has_log_prob
from interaction.random import USER_POLICY, EpisodeRandom
from interaction.spaces import Discrete, Space, membership
from interaction.state import State, Value, freeze
from interaction.task import InteractionTask
from interaction.turns import play_half

EPISODES = 5  # single episodes that are played with every call checked
ROWS = 47  # a prime, and longer than the axes of most fields, so that no axis fits by accident
SAMPLES = 2000  # samples that are compared with a log_prob
SIGNIFICANCE = 1e-6  # of the chi-square test that compares them
Case = tuple[State, State]


def check_task(
    task: InteractionTask,
    *,
    user_action_space: Space[Any] | None = None,
    assistant_action_space: Space[Any] | None = None,
    user: User | None = None,
    assistant: Assistant | None = None,
    rounds: int = 20,
) -> None:
    """Check a task against random actions of the user, the assistant or both.

    A task that looks at an agent's state is given that agent.
    """
    if user is None and user_action_space is not None:
        user = User(policy=RandomPolicy(user_action_space))
    if assistant is None and assistant_action_space is not None:
        assistant = Assistant(policy=RandomPolicy(assistant_action_space))
    _check(Bundle(task, user, assistant, max_rounds=rounds), [task])


def check_agent(
    agent: Agent, task: InteractionTask, partner: Agent | None = None, *, rounds: int = 20
) -> None:
    """Check an agent and its parts as they play a task, with a partner if they need one."""
    pair = {agent.role: agent} | ({} if partner is None else {partner.role: partner})
    bundle = Bundle(
        task,
        cast(User | None, pair.get("user")),
        cast(Assistant | None, pair.get("assistant")),
        max_rounds=rounds,
    )
    parts = [agent, agent.policy, agent.observation_engine, agent.inference_engine]
    _check(bundle, parts)
    _check_dual(agent)


def check_bundle(bundle: Bundle, *, rounds: int = 20) -> None:
    """Check all components of a bundle as they play together, for a number of rounds."""
    parts = [part for _, part in components(bundle.task, bundle.user, bundle.assistant)]
    limit = rounds if bundle.max_rounds is None else min(rounds, bundle.max_rounds)
    _check(Bundle(bundle.task, bundle.user, bundle.assistant, max_rounds=limit), parts)
    for agent in (bundle.user, bundle.assistant):
        if agent is not None:
            _check_dual(agent)


def check_policy(policy: Policy, cases: Sequence[Case]) -> None:
    """Check a policy on pairs of (observation, state) of single episodes."""
    if not cases:
        raise ConformanceError("check_policy: expected at least one pair (observation, state)")
    _check_pickle(policy)
    template = (policy.action_space, None)
    for episode, (observation, state) in enumerate(cases):
        rng = EpisodeRandom(0, episode).at(0, USER_POLICY)
        _check_call(policy, policy.sample, (observation, state, rng), template)
        _check_log_prob(policy, observation, state)
    if policy.batched:
        rows = [cases[row % len(cases)] for row in range(ROWS)]
        observations, states = (stack(list(column)) for column in zip(*rows, strict=True))
        rng = EpisodeRandom(0, episodes=np.arange(ROWS)).at(0, USER_POLICY)
        _check_batch(policy, policy.sample, (observations, states, rng))


def _check(bundle: Bundle, parts: list[Any]) -> None:
    """Play a bundle alone and in a batch, checking each call of the given components."""
    agents = (bundle.user, bundle.assistant)
    for part in parts:
        _check_pickle(part)
    cases: dict[int, list[Case]] = {}

    def alone(component: Component, method: Method, template: Any) -> Method:
        if not any(part is component for part in parts):
            return method

        def call(*arguments: Any) -> Any:
            if method.__name__ == "sample":
                cases.setdefault(id(component), []).append((arguments[0], arguments[1]))
            return _check_call(component, method, arguments, template)

        return call

    def together(component: Component, method: Method, template: Any) -> Method:
        if not component.batched:
            return looped(method)
        if not any(part is component for part in parts):
            return method
        return lambda *arguments: _check_batch(component, method, arguments)

    for episode in range(EPISODES):
        _play(bundle, seat_players(bundle.task, *agents, adapt=alone), EpisodeRandom(0, episode))
    for part in parts:
        if isinstance(part, Policy):
            for observation, state in cases.get(id(part), [])[:: max(1, len(cases[id(part)]) // 5)]:
                _check_log_prob(part, observation, state)
    _play_batch(bundle, together)


def _play(bundle: Bundle, players: Any, rng: EpisodeRandom) -> None:
    game = new_game(players, rng, {})
    over: Value = False
    while not over and game.round_index < (bundle.max_rounds or 1):
        game, *_, over = play_half(players, game, rng, check=True)


def _play_batch(bundle: Bundle, adapt: Any) -> None:
    """Play a batch as `interaction.batching.play` does, for as long as episodes are left."""
    from interaction.batching.play import Recorder, play

    players = bundle.lineup.seat(adapt)
    rng = EpisodeRandom(0, episodes=np.arange(ROWS))
    recorder = Recorder(ROWS, None, per_round=False)
    play(players, new_game(players, rng, {}), rng, recorder, max_rounds=bundle.max_rounds, check=True)


# One call.


def _check_call(component: Component, method: Method, arguments: tuple[Any, ...], template: Any) -> Any:
    """Call a method twice; raise if it is not pure, or if its result lies outside its space."""
    *values, rng = arguments
    where = f"{type(component).__name__}.{method.__name__}"
    before = [pickle.dumps(value) for value in values]
    with _untouched(component, where):
        result = method(*values, rng.copy())
    for value, bytes_before in zip(values, before, strict=True):
        if pickle.dumps(value) != bytes_before:
            raise ConformanceError(f"{where} changed its argument: it must give a new state (state.replace)")
    again = method(*values, rng.copy())
    if not equal_bits(_frozen(result), _frozen(again)):
        raise ConformanceError(
            f"{where} gave {result!r}, and {again!r} when called again with the same arguments and stream: "
            f"draw from rng alone, and keep nothing between calls"
        )
    _check_space(result, template, where)
    return result


@contextmanager
def _untouched(component: Component, where: str) -> Iterator[None]:
    """Raise if the component, or a global random state, is another one afterwards."""
    own = pickle.dumps(component)
    python, numpy = random.getstate(), pickle.dumps(np.random.get_state())  # noqa: NPY002
    yield
    if pickle.dumps(component) != own:
        raise ConformanceError(f"{where} changed self: what changes must be in the game state")
    if random.getstate() != python:
        raise ConformanceError(f"{where} used Python's global random state: draw from rng")
    if pickle.dumps(np.random.get_state()) != numpy:  # noqa: NPY002
        raise ConformanceError(f"{where} used numpy's global random state: draw from rng")


def _frozen(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(_frozen(part) for part in result)
    return freeze(result)


def _check_space(result: Any, template: Any, where: str) -> None:
    if isinstance(template, tuple):
        if not isinstance(result, tuple) or len(result) < len(template):
            raise ConformanceError(f"{where}: expected a tuple of {len(template)} results, got {result!r}")
        for part, inner in zip(result, template, strict=False):
            _check_space(part, inner, where)
    elif isinstance(template, Space):
        try:
            value = freeze(result)
            if isinstance(template, spaces.Dict):
                check_state(membership(template), value, where, None)
            else:
                membership(template).check(value, where)
        except InteractionError as error:
            raise ConformanceError(str(error)) from error


def _check_batch(component: Component, method: Method, arguments: tuple[Any, ...]) -> Any:
    """Call a method on a batch and episode by episode; raise if they differ in any bit."""
    *values, rng = arguments
    where = f"{type(component).__name__}.{method.__name__}"
    singly = looped(method)(*values, rng.copy())
    promise = "although batched = True is promised; mark it batched = False, or write it with numpy.where"
    try:
        result = method(*values, rng.copy())
    except Exception as error:
        raise ConformanceError(
            f"{where} fails on a batch ({type(error).__name__}: {error}), {promise}"
        ) from error
    if not equal_bits(singly, _frozen(result)):
        raise ConformanceError(
            f"{where} gives for a batch {result!r}, and for its single episodes {singly!r}, {promise}"
        )
    return result


# Policies, pickling, duals.


def _check_log_prob(policy: Policy, observation: State, state: State) -> None:
    """Compare the `log_prob` of a policy over few actions with one, and with the frequencies of `sample`."""
    from scipy.stats import chisquare

    space = policy.action_space
    if not isinstance(space, Discrete) or not has_log_prob(policy) or space.n > 1000:
        return
    where = f"{type(policy).__name__}.log_prob"
    actions = spaces.elements(space)
    with _untouched(policy, where):
        log_probs = [policy.log_prob(action, observation, state) for action in actions]
    probabilities = np.exp(np.asarray(log_probs, float))
    if not np.isclose(probabilities.sum(), 1.0, atol=1e-9):
        raise ConformanceError(
            f"{where}: the probabilities of all actions sum to {probabilities.sum()}, not to 1, "
            f"given {observation!r}"
        )
    counts = np.zeros(len(actions))
    for episode in range(SAMPLES):
        action, _ = policy.sample(observation, state, EpisodeRandom(1, episode).at(0, USER_POLICY))
        counts[int(action) - actions[0]] += 1
    possible = probabilities > 0
    disagree = f"{where} disagrees with sample: frequencies {counts / SAMPLES}, probabilities {probabilities}"
    if counts[~possible].any():
        raise ConformanceError(disagree)
    expected = probabilities[possible] / probabilities.sum() * SAMPLES
    if possible.sum() > 1 and chisquare(counts[possible], expected).pvalue < SIGNIFICANCE:
        raise ConformanceError(disagree)


def _check_pickle(component: Component) -> None:
    name = type(component).__name__
    try:
        twin = pickle.loads(pickle.dumps(component))
    except Exception as error:
        raise ConformanceError(
            f"{name} cannot be pickled ({error}): use functions and classes of a module, not lambdas"
        ) from error
    if twin != component:
        raise ConformanceError(f"{name} comes back from pickle as another one, which is not equal to it")


def _check_dual(agent: Agent) -> None:
    """Raise if the simulated agent still holds what it must not: a primary component."""
    primaries = [
        part.primary for part in _reachable(agent) if isinstance(part, DualPolicy | DualInferenceEngine)
    ]
    for part in _reachable(agent.dual()):
        if isinstance(part, DualPolicy | DualInferenceEngine) or any(part is one for one in primaries):
            raise ConformanceError(
                f"{type(agent).__name__}.dual() still holds the primary component {type(part).__name__}: "
                f"simulated, it would simulate itself without end"
            )


def _reachable(value: Any) -> Iterator[Component]:
    """Walk over a component and the policies and engines that it is made of (not into its simulators)."""
    if isinstance(value, Agent):
        for part in (value.policy, value.observation_engine, value.inference_engine):
            yield from _reachable(part)
    elif isinstance(value, Component):
        yield value
        for part in getattr(value, "engines", ()):
            yield from _reachable(part)


__all__ = ["check_agent", "check_bundle", "check_policy", "check_task"]
