"""What the methods of components give, made what their spaces say: the same in one episode and in a batch.

A number is of the kind of its space (in a field of floats, 0 becomes 0.0), a reward is a float. Otherwise an
integer that one episode gives would be a float where other episodes of its batch give one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from interaction.errors import ContractError
from interaction.membership import Membership, as_kind
from interaction.random import EpisodeRandom
from interaction.state import GameState, State, Value, freeze

Method = Callable[..., Any]


def state_of(method: Method, member: Membership) -> Method:
    """Adapt a method that gives a state: `reset`, `reset_in`."""

    def call(*arguments: Any) -> Value:
        return member.conform(method(*arguments))

    return call


def state_and_reward(method: Method, member: Membership, where: str) -> Method:
    """Adapt `infer`, which gives a state and a reward."""

    def call(observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, Value]:
        found = method(observation, state, rng)
        if not isinstance(found, tuple) or len(found) != 2:
            raise _other(where, "infer", "(state, reward)", found)
        after, reward = found
        return member.conform(after), reward if type(reward) is float else as_kind(reward, float)

    return call


def action_and_reward(method: Method, member: Membership, where: str) -> Method:
    """Adapt `sample`, which gives an action and a reward."""

    def call(observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, Value]:
        found = method(observation, state, rng)
        if not isinstance(found, tuple) or len(found) != 2:
            raise _other(where, "sample", "(action, reward)", found)
        action, reward = found
        action = member.conform(action if type(action) is int else freeze(action))
        return action, reward if type(reward) is float else as_kind(reward, float)

    return call


def observation_and_reward(method: Method, where: str) -> Method:
    """Adapt `observe`, which gives an observation, whose kinds nobody declared, and a reward."""

    def call(game: GameState, rng: EpisodeRandom) -> tuple[Value, Value]:
        found = method(game, rng)
        if not isinstance(found, tuple) or len(found) != 2:
            raise _other(where, "observe", "(observation, reward)", found)
        observation, reward = found
        return observation, reward if type(reward) is float else as_kind(reward, float)

    return call


def transition(method: Method, member: Membership, where: str, name: str) -> Method:
    """Adapt `on_user_action` or `on_assistant_action`, which give a `Transition`."""

    def call(game: GameState, rng: EpisodeRandom) -> tuple[Value, Value, Value]:
        found = method(game, rng)
        if not isinstance(found, tuple) or len(found) != 3:
            raise _other(where, name, "Transition(task_state, reward, terminated)", found)
        after, reward, terminated = found
        return member.conform(after), reward if type(reward) is float else as_kind(reward, float), terminated

    return call


def _other(where: str, method: str, expected: str, found: object) -> ContractError:
    kind = type(found).__name__
    return ContractError(f"{where}.{method}: expected {expected}, got {found!r} of type {kind}")
