"""What the methods of components give, made what their spaces say, and checked: one episode or a batch.

A number is of the kind of its space (`Membership.conform`): in a field of floats, 0 becomes 0.0. Otherwise an
integer that one episode gives would be a float where other episodes of its batch give one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from interaction.batching.selection import is_led, narrowed, one_of, row_of
from interaction.errors import ContractError, InteractionError, SpaceError
from interaction.membership import FLAG, Membership, as_flag, as_float, membership
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space
from interaction.state import GameState, State, Value, freeze
from interaction.task import Transition
from interaction.unread import UNREAD, tell_unread

if TYPE_CHECKING:
    from interaction.players import Seat

Method = Callable[..., Any]
Conform = Callable[..., Any]  # of a value and, where its arrays may hold more, the rows that count
Rows = NDArray[np.int64]


def state_of(method: Method, member: Membership, where: str, known: State | None = None) -> Method:
    """Adapt `reset`, which gives a state; `known` is one that is as its space says."""
    as_it_is = not member.conforms

    def call(rng: EpisodeRandom) -> Value:
        try:
            found = method(rng)
        except UNREAD as error:
            tell_unread(error, where, "reset")
            raise
        return found if as_it_is or found is known else member.conform(found)

    return call


def state_in_game(method: Method, member: Membership, where: str) -> Method:
    """Adapt `reset_in`, which gives a state that depends on the game."""

    def call(game: GameState, rng: EpisodeRandom) -> Value:
        try:
            found = method(game, rng)
        except UNREAD as error:
            tell_unread(error, where, "reset_in")
            raise
        return member.conform(found)

    return call


def reading(method: Method, where: str, name: str) -> Method:
    """Adapt a method whose results are taken as they are."""

    def call(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        except UNREAD as error:
            tell_unread(error, where, name)
            raise

    return call


def state_and_reward(method: Method, member: Membership, where: str) -> Method:
    """Adapt `infer`, which gives a state and a reward."""

    def call(observation: State, state: State, rng: EpisodeRandom) -> Any:
        try:
            found = method(observation, state, rng)
        except UNREAD as error:
            tell_unread(error, where, "infer")
            raise
        after, reward = (
            found if type(found) is tuple and len(found) == 2 else refuse(found, where, "infer", rng)
        )
        if after is not state:  # what was there before is as its space says
            after = member.conform(after)
        return after, reward if type(reward) is float else as_float(reward)

    return call


def observation_and_reward(method: Method, where: str) -> Method:
    """Adapt `observe`, which gives an observation, whose kinds nobody declared, and a reward."""

    def call(game: GameState, rng: EpisodeRandom) -> Any:
        try:
            found = method(game, rng)
        except UNREAD as error:
            tell_unread(error, where, "observe")
            raise
        seen, reward = (
            found if type(found) is tuple and len(found) == 2 else refuse(found, where, "observe", rng)
        )
        if not isinstance(seen, State):
            raise ContractError(f"{where}.observe: expected a State as observation, got {_told(seen, rng)}")
        return seen, reward if type(reward) is float else as_float(reward)

    return call


def pick(
    seat: Seat, observation: State, state: State, rng: EpisodeRandom, check: bool = False
) -> tuple[Value, Value]:
    """Give the action that an agent picks when it sees this, and its reward."""
    reward: Value = 0.0
    try:
        if seat.decide is not None:
            action = seat.decide(observation, state)
        else:
            found = seat.sample(observation, state, rng)
            if type(found) is not tuple or len(found) != 2:
                refuse(found, seat.policy_name, "sample", rng)
            action, reward = found
    except UNREAD as error:
        tell_unread(error, seat.policy_name, seat.policy_method)
        raise
    if (
        type(action) is int
        and seat.lowest_action <= action < seat.beyond_actions
        and type(reward) is float
        and reward == reward  # noqa: PLR0124  (NaN is not)
    ):
        return action, reward
    return settle_action(seat, action, reward, check, rng)


def settle_action(
    seat: Seat, action: Value, reward: Value, check: bool, rng: EpisodeRandom
) -> tuple[Value, Value]:
    """Give an action and its reward as they should be; with `check`, raise unless the action is allowed."""
    member, rows = seat.action_membership, rng.rows
    action = freeze(action)
    if not (check and member.fits(action, rows)):
        action = member.conform(action)
        if check and member.violation(action, rows) is not None:
            _check_value(member, action, f"{seat.name} (action)", rng)
    if type(reward) is not float:
        reward = as_float(reward)
    if check:
        _check_reward(reward, rng, seat.name, "policy")
    return action, reward


@dataclass(frozen=True, slots=True)
class Move:
    """How the task moves when an agent has acted: the method, and whose it is."""

    method: Method
    task: str
    name: str
    membership: Membership


def move_task(
    move: Move, before: State, acted: GameState, rng: EpisodeRandom, check: bool = False
) -> tuple[Value, Value, Value]:
    """Give what the task does when an agent has acted: its state, a reward, whether the game is over.

    `before` is what its state was, which is as its space says; with `check`, raise unless the next one is.
    """
    try:
        found = move.method(acted, rng)
    except UNREAD as error:
        tell_unread(error, move.task, move.name)
        raise
    if type(found) is not Transition and not (type(found) is tuple and len(found) == 3):
        refuse(found, move.task, move.name, rng)
    state, reward, over = found
    if state is before and type(over) is bool and type(reward) is float and reward == reward:  # noqa: PLR0124
        return state, reward, over
    rows = rng.rows
    if state is not before and not (check and move.membership.fits(state, rows)):
        state = move.membership.conform(state)
        if check and move.membership.violation(state, rows) is not None:
            check_state(move.membership, state, f"{move.task} ({move.name})", rng)
    if type(reward) is not float:
        reward = as_float(reward)
    if check:
        _check_reward(reward, rng, move.task, move.name)
    if type(over) is not bool and not (
        type(over) is np.ndarray and over.dtype is FLAG and over.shape == (rows,)
    ):
        over = as_flag(over)
        if check and type(over) is not bool:
            _check_number(over, rng, move.task, f"{move.name}, terminated", "b")
    return state, reward, over


def check_look(
    seat: Seat, before: State, state: Value, looking: Value, thinking: Value, rng: EpisodeRandom
) -> None:
    """Raise unless what an agent gave when it looked lies inside its spaces; `before` has been checked."""
    if state is not before and seat.state_membership.violation(state, rng.rows) is not None:
        check_state(seat.state_membership, state, f"{seat.name} (inference engine)", rng)
    _check_reward(looking, rng, seat.name, "observation engine")
    _check_reward(thinking, rng, seat.name, "inference engine")


def check_state(member: Membership, value: Value, where: str, rng: EpisodeRandom | None = None) -> None:
    """Raise unless a component gave a state inside its space; the stream knows the episodes."""
    if not isinstance(value, State):
        raise ContractError(f"{where}: expected a State, got {_told(value, rng)}")
    _check_value(member, value, where, rng)


def _check_value(member: Membership, value: Value, where: str, rng: EpisodeRandom | None) -> None:
    try:
        member.check(value, where, None if rng is None else rng.rows)
    except SpaceError as error:
        _tell_episode(error, rng)
        raise


def _check_reward(value: Value, rng: EpisodeRandom, name: str, part: str) -> None:
    if type(value) is not float or value != value:  # noqa: PLR0124  (NaN is not equal to itself)
        _check_number(value, rng, name, f"{part}, reward", "biuf")


def _check_number(value: Value, rng: EpisodeRandom, name: str, part: str, kinds: str) -> None:
    """Raise unless a component gave one number, or one for each episode, that is not NaN."""
    rows = rng.rows
    if not _is_wrong(value, rows, kinds):
        return
    row, one = None, value
    for number in range(rows if rows is not None and is_led(value, rows) else 0):
        given = row_of(value, number)
        if _is_wrong(as_flag(given) if kinds == "b" else given, None, kinds):
            row, one = number, given
            break
    error: InteractionError
    if _is_number(one, None, kinds):
        error = SpaceError(f"{name} ({part}): expected a number, got NaN")
    else:
        what = "True or False" if kinds == "b" else "a number"
        per_row = f", or an array of {rows} of them" if rows is not None and one is value else ""
        error = ContractError(f"{name} ({part}): expected {what}{per_row}, got {one!r}")
    error.row = row
    _tell_episode(error, rng)
    raise error


def _is_number(value: Value, rows: int | None, kinds: str) -> bool:
    array = np.asarray(value)
    return array.dtype.kind in kinds and array.shape in ((), (rows,))


def _is_wrong(value: Value, rows: int | None, kinds: str) -> bool:
    array = np.asarray(value)
    return not _is_number(array, rows, kinds) or (array.dtype.kind == "f" and bool(np.isnan(array).any()))


def _tell_episode(error: InteractionError, rng: EpisodeRandom | None) -> None:
    """Tell an error in which episode of a batch it is first met, where that is known."""
    if error.row is not None and rng is not None and rng.episodes is not None:
        when = f", round {rng.place >> 4}" if isinstance(rng.place, int) else ""
        error.add_note(f"first in episode {rng.episodes[error.row]}{when}")


_EXPECTED = {"infer": "(state, reward)", "sample": "(action, reward)", "observe": "(observation, reward)"}


def refuse(found: Any, where: str, method: str, rng: EpisodeRandom) -> NoReturn:
    """Raise for what is no tuple of this many results: an array of as many episodes, say."""
    expected = _EXPECTED.get(method, "Transition(task_state, reward, terminated)")
    raise ContractError(f"{where}.{method}: expected {expected}, got {_told(found, rng)}")


def _told(found: Any, rng: EpisodeRandom | None) -> str:
    """Tell what a component gave, in the first episode of a batch, and of which type it is."""
    one = one_of(found, None if rng is None else rng.rows)
    hint = "; it may lack a `return`" if one is None else ""
    return f"{one!r} of type {type(one).__name__}{hint}"


def conforming(template: Any) -> Conform | None:
    """Give what makes the result of a method what its template says, before the episodes are put together.

    A template is a space, or a tuple of them with "observation", "reward" or "flag" where there is none.
    What is given asks for the rows that count, where arrays hold others, too.
    """
    if isinstance(template, tuple):
        parts = [conforming(part) or _as_it_is for part in template]

        def each(found: Any, rows: Rows | None = None) -> Any:
            if not isinstance(found, tuple) or len(found) != len(parts):
                return found
            made = [part(one, rows) for part, one in zip(parts, found, strict=True)]
            return type(found)(*made) if hasattr(found, "_fields") else tuple(made)

        return each
    if isinstance(template, Space):
        member = membership(template)
        return partial(_as_member, member.conform if isinstance(template, Dict) else _frozen(member.conform))
    kinds = {"reward": as_float, "flag": as_flag}
    return partial(_as_number, kinds[template]) if template in kinds else None


def _as_it_is(value: Any, rows: Rows | None = None) -> Any:
    return value


def _as_number(conform: Callable[[Any], Any], value: Any, rows: Rows | None = None) -> Any:
    return conform(value if rows is None else narrowed(value, rows))


def _as_member(conform: Callable[[Any], Any], value: Any, rows: Rows | None = None) -> Any:
    """What stays as it is may keep rows that do not count; what is changed depends on them."""
    if rows is not None:
        try:
            if conform(value) is value:
                return value
        except SpaceError:
            pass
        value = narrowed(value, rows)
    return conform(value)


def _frozen(conform: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: conform(freeze(value))
