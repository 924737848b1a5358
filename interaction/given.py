"""What the methods of components give, made what their spaces say: the same in one episode and in a batch.

A number is of the kind of its space: in a field of floats, 0 becomes 0.0, and in one of single whole numbers
True becomes 1. Otherwise an integer that one episode gives would be a float where other episodes of its batch
give one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from interaction.errors import (
    ContractError,
    InteractionError,
    NoFieldError,
    UnknownFieldError,
    unknown_name,
)
from interaction.membership import Membership, as_flag, as_float, membership
from interaction.random import EpisodeRandom, lacking
from interaction.spaces import Dict, Space
from interaction.state import GameState, State, Value, freeze
from interaction.task import Transition

Method = Callable[..., Any]


def state_of(method: Method, member: Membership, where: str) -> Method:
    """Adapt a method that gives a state: `reset`, `reset_in`."""
    as_it_is = not member.conforms

    def call(*arguments: Any) -> Value:
        try:
            found = method(*arguments)
        except (AttributeError, NoFieldError) as error:
            _tell_unread(error, where, getattr(method, "__name__", "reset"))
            raise
        return found if as_it_is else member.conform(found)

    return call


def reading(method: Method, where: str, name: str) -> Method:
    """Adapt a method whose results are taken as they are."""

    def call(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        except (AttributeError, NoFieldError) as error:
            _tell_unread(error, where, name)
            raise

    return call


def state_and_reward(method: Method, member: Membership, where: str) -> Method:
    """Adapt `infer`, which gives a state and a reward."""

    def call(observation: State, state: State, rng: EpisodeRandom) -> Any:
        try:
            found = method(observation, state, rng)
        except (AttributeError, NoFieldError) as error:
            _tell_unread(error, where, "infer")
            raise
        after, reward = found if type(found) is tuple and len(found) == 2 else _refuse(found, where, "infer")
        if after is not state:  # what was there before is as its space says
            after = member.conform(after)
        return after, reward if type(reward) is float else as_float(reward)

    return call


def action_and_reward(method: Method, member: Membership, where: str) -> Method:
    """Adapt `sample`, which gives an action and a reward."""
    plain = member.plain

    def call(observation: State, state: State, rng: EpisodeRandom) -> Any:
        try:
            found = method(observation, state, rng)
        except (AttributeError, NoFieldError) as error:
            _tell_unread(error, where, "sample")
            raise
        if type(found) is not tuple or len(found) != 2:
            _refuse(found, where, "sample")
        action, reward = found
        if type(action) is plain and type(reward) is float:
            return found
        return member.conform(freeze(action)), as_float(reward)

    return call


def action_alone(method: Method, member: Membership, where: str) -> Method:
    """Adapt `action`, which stands for the `sample` of a policy that always picks it."""
    plain = member.plain

    def call(observation: State, state: State, rng: EpisodeRandom) -> Any:
        try:
            action = method(observation, state)
        except (AttributeError, NoFieldError) as error:
            _tell_unread(error, where, "sample")
            raise
        return action if type(action) is plain else member.conform(freeze(action)), 0.0

    return call


def observation_and_reward(method: Method, where: str) -> Method:
    """Adapt `observe`, which gives an observation, whose kinds nobody declared, and a reward."""

    def call(game: GameState, rng: EpisodeRandom) -> Any:
        try:
            found = method(game, rng)
        except (AttributeError, NoFieldError) as error:
            _tell_unread(error, where, "observe")
            raise
        seen, reward = found if type(found) is tuple and len(found) == 2 else _refuse(found, where, "observe")
        if not isinstance(seen, State):
            kind = type(seen).__name__
            raise ContractError(
                f"{where}.observe: expected a State as observation, got {seen!r} of type {kind}"
            )
        return seen, reward if type(reward) is float else as_float(reward)

    return call


def transition(method: Method, member: Membership, where: str, name: str) -> Method:
    """Adapt `on_user_action` or `on_assistant_action`, which give a `Transition`."""
    as_it_is = not member.conforms

    def call(game: GameState, rng: EpisodeRandom) -> Any:
        try:
            found = method(game, rng)
        except (AttributeError, NoFieldError) as error:
            _tell_unread(error, where, name)
            raise
        if type(found) is not Transition and not (type(found) is tuple and len(found) == 3):
            _refuse(found, where, name)
        after, reward, terminated = found
        known = as_it_is or after is game.__dict__["task_state"]  # which is as its space says
        conformed = after if known else member.conform(after)
        ended = terminated if type(terminated) is bool else as_flag(terminated)
        if conformed is after and type(reward) is float and ended is terminated:
            return found
        return conformed, as_float(reward), ended

    return call


_EXPECTED = {"infer": "(state, reward)", "sample": "(action, reward)", "observe": "(observation, reward)"}


def _refuse(found: Any, where: str, method: str) -> NoReturn:
    """Raise for what is no tuple of this many results: an array of as many episodes, say."""
    expected = _EXPECTED.get(method, "Transition(task_state, reward, terminated)")
    kind = type(found).__name__
    raise ContractError(f"{where}.{method}: expected {expected}, got {found!r} of type {kind}")


def _tell_unread(error: AttributeError | NoFieldError, where: str, name: str) -> None:
    """Raise a better error where a component reads a field that is not there, or asks for another draw."""
    state = error.obj
    if isinstance(state, EpisodeRandom) and error.name and error.name not in dir(type(state)):
        raise lacking(error.name, state) from error
    told = isinstance(error, InteractionError) and not isinstance(error, NoFieldError)
    if not isinstance(state, State) or told:
        return
    message = unknown_name(error.name, state, f"{where}.{name} reads a state")
    hidden = error.name in GameState.__annotations__ and not isinstance(state, GameState)
    hint = " By default an agent does not see the other one's state, nor the observations." if hidden else ""
    better = UnknownFieldError(f"{message}{hint}")
    better.name, better.obj = str(error.name), state
    for note in getattr(error, "__notes__", ()):
        better.add_note(note)
    raise better from error


def conforming(template: Any) -> Callable[[Any], Any] | None:
    """Give what makes the result of a method what its template says, before the episodes are put together.

    A template is a space, or a tuple of them with "observation", "reward" or "flag" where there is none.
    """
    if isinstance(template, tuple):
        parts = [conforming(part) or _as_it_is for part in template]

        def each(found: Any) -> Any:
            if not isinstance(found, tuple) or len(found) != len(parts):
                return found
            made = [part(one) for part, one in zip(parts, found, strict=True)]
            return type(found)(*made) if hasattr(found, "_fields") else tuple(made)

        return each
    if isinstance(template, Space):
        member = membership(template)
        return member.conform if isinstance(template, Dict) else lambda value: member.conform(freeze(value))
    return {"reward": as_float, "flag": as_flag}.get(template)


def _as_it_is(value: Any) -> Any:
    return value
