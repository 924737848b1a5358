"""How a game begins: the components' own resets, and what is forced from outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from interaction import random as slots
from interaction import spaces
from interaction.agent import Agent
from interaction.errors import ArgumentError, ContractError, unknown_name
from interaction.given import check_state
from interaction.membership import Membership, membership
from interaction.players import Players, Seat
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space, leaves
from interaction.state import TURNS, GameState, State, Value, flatten, freeze, make, nest, replace_path
from interaction.task import InteractionTask

Forced = dict[str, Value]
"""Values by dotted path; in a batch an array has a leading axis of rows."""


Fields = dict[str, Membership]
"""The memberships of what can be forced, by dotted path."""


def fields_of(space: Dict) -> Fields:
    """Compile the membership of each leaf of some spaces."""
    return {path: membership(part) for path, part in leaves(space)}


def game_spaces(task: InteractionTask, user: Agent | None, assistant: Agent | None) -> Dict:
    """Give the spaces of all that can be forced at the start of a game."""
    parts: dict[str, Space[Any]] = {"task_state": task.state_space}
    for agent in (user, assistant):
        if agent is not None:
            parts[f"{agent.role}_state"] = agent.state_space
            parts[f"{agent.role}_action"] = agent.policy.action_space
    return Dict(parts)


def read_start(
    fields: Fields, start: Mapping[str, Any] | None, where: str, rows: int | None = None
) -> Forced:
    """Turn a nested mapping (or one by dotted paths) into checked values by path.

    With `rows`, a value may have a leading axis of that length: one for each episode.
    """
    forced: Forced = {}
    if start is None:
        return forced
    if not isinstance(start, Mapping):
        raise ArgumentError(
            f"{where}: expected a mapping such as {{'task_state': {{'x': 3}}}}, got {start!r}"
        )
    for path, given in _flat(start):
        if path not in fields:
            raise unknown_name(path, fields, where)
        member = fields[path]
        listed = isinstance(given, list | tuple | range)
        value = plain(even(given, f"{where}: {path}") if listed else given, f"{where}: {path}")
        per_row = rows is not None and isinstance(value, np.ndarray) and value.ndim == len(member.shape) + 1
        member.check(value, f"{where}: {path}", rows if per_row else None)
        forced[path] = as_one_episode(member.conform(value), member)
    return forced


def plain(value: Value, where: str) -> Value:
    """Freeze a value that comes from outside; an error says where it was given."""
    try:
        return freeze(value)
    except ContractError as error:
        raise ArgumentError(f"{where}: {error}") from error


def as_one_episode(value: Value, member: Membership) -> Value:
    """Give single numbers of each row as one episode has them, which knows of no 8-bit integers."""
    if isinstance(value, np.ndarray) and member.shape == () and value.dtype.kind in "iuf":
        return freeze(value.astype(np.float64 if value.dtype.kind == "f" else np.int64))
    return value


def even(listed: Sequence[Any], where: str) -> Any:
    """Give a list as an array; raise where its entries are of different lengths."""
    try:
        return np.array(listed)
    except ValueError:
        raise ArgumentError(f"{where}: expected entries of one length, got {listed!r}") from None


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in mapping.items():
        path = f"{prefix}{name}"
        pairs += _flat(value, f"{path}.") if isinstance(value, Mapping) else [(path, value)]
    return pairs


def per_row(fields: Fields, forced: Forced) -> set[str]:
    """Name the forced values that have a leading axis of rows."""
    return {path for path, value in forced.items() if np.ndim(value) > len(fields[path].shape)}


def take_action(forced: Forced, role: str) -> Value:
    """Take an agent's action, with its parts, out of what is forced; None where it is not."""
    paths = [path for path in forced if path.partition(".")[0] == f"{role}_action"]
    return nest({path.partition(".")[2]: forced.pop(path) for path in paths}) if paths else None


def check_actions(fields: Fields, forced: Collection[str], turn: int, max_rounds: int | None) -> None:
    """Raise unless the actions among the forced paths are whole, and played by games that begin at a turn."""
    for acts, role in _ACTS.items():
        parts = [path for path in fields if path.partition(".")[0] == f"{role}_action"]
        given = [path for path in parts if path in forced]
        if given and len(given) < len(parts):
            lacking = ", ".join(path for path in parts if path not in given)
            raise ArgumentError(
                f"rollout: {', '.join(given)} is forced, but {lacking} is not: give all parts of an action"
            )
        if given and turn > acts and max_rounds == 1:
            raise ArgumentError(
                f"rollout: {role}_action is forced, but not reached: the rollout begins at {TURNS[turn]!r} "
                f"and ends with that round; write max_rounds=2 or more, or from_turn={TURNS[acts]!r}"
            )


def new_game(
    players: Players, rng: EpisodeRandom, forced: Forced, *, random: bool = False, check: bool = True
) -> GameState:
    """Begin a game: reset the components (or draw their states at random), then force what is forced."""
    rows = rng.rows
    task = players.task_membership
    rng.place, rng.draw = slots.TASK_RESET, 0
    task_state = spaces.sample(task.space, rng) if random else players.task_reset(rng)
    if check and task.violation(task_state, rows) is not None:
        check_state(task, task_state, f"{players.task_name} (reset)", rng)
    fields = _BLANK.copy()
    fields["task_state"] = task_state
    for seat in (players.user, players.assistant):
        if seat is not None:
            agent = seat.state_membership
            rng.place, rng.draw = seat.reset_slot, 0
            if random:
                state = spaces.sample(agent.space, rng)
            elif seat.reset_in is None:
                state = seat.reset(rng)
            else:
                state = begin(seat, _so_far(fields, forced), rng)
            if check and state is not seat.known_state and agent.violation(state, rows) is not None:
                check_state(agent, state, f"{seat.name} (reset)", rng)
            fields[seat.state_field] = state
            fields[seat.action_field] = (
                seat.first_action if rows is None else for_rows(seat.first_action, rows)
            )
    fields["previous_task_state"] = task_state
    game = make(GameState, fields)
    later: Forced = {}
    for path, value in forced.items():
        if path.startswith(_PREVIOUS):
            later[path] = value
        else:
            game = replace_path(game, path, value)
    if game.task_state is not task_state:
        game = game.replace(previous_task_state=game.task_state)
    for path, value in later.items():
        game = replace_path(game, path, value)
    return game


_PREVIOUS = "previous_task_state."
_BLANK = dict(GameState())


def begin(seat: Seat, game: GameState | None, rng: EpisodeRandom) -> State:
    """Give the state with which an agent begins a game; it may need to know the game."""
    state: State
    if seat.reset_in is None or (game is None and not seat.needs_game):
        state = seat.reset(rng)
    elif game is None:
        raise ContractError(
            f"{seat.name} begins according to the game (reset_in), which is not known here: give the game"
        )
    else:
        state = seat.reset_in(game, rng)
    return state


def _so_far(fields: dict[str, Value], forced: Forced) -> GameState:
    """Give the game as far as it has begun, with what is forced of it."""
    game = make(GameState, fields.copy())
    for path, value in forced.items():
        part, _, rest = path.partition(".")
        if (
            rest
            and part != "previous_task_state"
            and isinstance(fields[part], State)
            and rest.partition(".")[0] in fields[part]
        ):
            game = replace_path(game, path, value)
    return game


def seen_before(game: State, turn: int) -> State | None:
    """Give what an agent whose turn it is to act has seen, if the game that it acts in holds that."""
    looks = turn % 2 == 0 or (isinstance(game, GameState) and game.turn_index != turn)
    seen = None if looks else game.__dict__.get(f"{_ACTS[turn]}_observation")
    return seen if isinstance(seen, State) and len(seen) else None


def go_to_turn(
    players: Players,
    game: GameState,
    turn: int,
    seen: State | None,
    forced: Collection[str],
    rng: EpisodeRandom,
) -> GameState:
    """Put a game that begins to a turn; who acts in it acts on what it has seen, or else looks first.

    What it has seen must be of the kind that its own engine gives, with the same fields and shapes. Raises
    `ArgumentError` where a forced path of a state would make it untrue, or have the agent infer twice.
    """
    seat = getattr(players, _ACTS[turn]) if turn in _ACTS else None
    if seat is None:
        return game.replace(turn_index=turn) if turn else game
    role, begin_at = _ACTS[turn], f"begin at {TURNS[seat.observes]!r}"
    both = f"observation.extend({role}_observation=observation, {role}_state=state)"
    before = game.replace(turn_index=seat.observes)
    if seen is None or _make_of(seen) != _make_of(seat.observe(before, rng.at(0, seat.first_slot))[0]):
        own = sorted(path for path in forced if path.startswith(f"{role}_state."))
        if own and seat.infer is not None:
            raise ArgumentError(
                f"rollout: {own[0]} is forced, but the {role} looks before it acts, and may have inferred "
                f"from the same already: {begin_at}, or give what it saw and knows, as in {both}"
            )
        return before
    untrue = [path for path, _ in flatten(seen) if path in forced]
    if untrue:
        raise ArgumentError(
            f"rollout: {untrue[0]} is forced, but the {role} acts on what it has seen, which holds it as it "
            f"was: {begin_at}, or give what it saw and knows, as in {both}"
        )
    return game.replace(turn_index=turn, **{seat.observation_field: seen})


def _make_of(observation: State) -> dict[str, Any]:
    """Give the fields of the observations of a batch, with their shapes."""
    return {
        path: len(value) if isinstance(value, tuple) else np.shape(value)[1:]
        for path, value in flatten(observation)
    }


_ACTS = {1: "user", 3: "assistant"}
ACTIONS = "user_action", "assistant_action"


def for_rows(value: Value, rows: int | None) -> Value:
    """Give a value that is the same for all rows its leading axis, if it is an array (or holds some)."""
    if isinstance(value, State) and rows is not None:
        return make(type(value), {name: for_rows(part, rows) for name, part in value.items()})
    if rows is None or not isinstance(value, np.ndarray):
        return value
    spread = np.broadcast_to(value, (rows, *value.shape))
    spread.setflags(write=False)
    return spread
