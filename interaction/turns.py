"""The four turns of a round, as pure functions of (players, game, rng): the only place where the order is written.

    0  the user observes and infers
    1  the user acts and the task moves
    2  the assistant observes and infers
    3  the assistant acts and the task moves, and the round ends

One episode and a batch go through these same functions. A turn gives the next game, its two rewards
(in the order of `SOURCES`: turn t pays for the sources 2t and 2t + 1), and whether the task is over.
"""

from __future__ import annotations

from typing import NamedTuple

from interaction import random as slots
from interaction.errors import unknown_name
from interaction.players import Players, Seat, check_number, check_state
from interaction.random import EpisodeRandom
from interaction.state import GameState, Value, freeze

TURNS = ("user_observes", "user_acts", "assistant_observes", "assistant_acts")
USER_OBSERVES, USER_ACTS, ASSISTANT_OBSERVES, ASSISTANT_ACTS = range(4)

SOURCES = (
    "user_observation",
    "user_inference",
    "user_policy",
    "user_task",
    "assistant_observation",
    "assistant_inference",
    "assistant_policy",
    "assistant_task",
)

Played = tuple[GameState, Value, Value, Value]
"""The next game, the rewards of the turn's two sources, and whether the task is over."""


class Rewards(NamedTuple):
    """The rewards of one round by source."""

    user_observation: Value = 0.0
    user_inference: Value = 0.0
    user_policy: Value = 0.0
    user_task: Value = 0.0
    assistant_observation: Value = 0.0
    assistant_inference: Value = 0.0
    assistant_policy: Value = 0.0
    assistant_task: Value = 0.0

    @property
    def total(self) -> Value:
        """The sum over all sources."""
        return sum(self)


def turn_number(turn: int | str, where: str) -> int:
    """Give the index of a turn, from its index or its name."""
    if isinstance(turn, str) and turn in TURNS:
        return TURNS.index(turn)
    if isinstance(turn, int) and not isinstance(turn, bool) and 0 <= turn < 4:
        return turn
    raise unknown_name(turn, [*TURNS, "0", "1", "2", "3"], where)


def play_turn(
    players: Players, game: GameState, rng: EpisodeRandom, check: bool = False, action: Value = None
) -> Played:
    """Play the turn that `game.turn_index` names; a given action stands in for that of the policy.

    The turns of a missing agent are passed over. With `check` all that components give is checked.
    """
    turn = game.turn_index
    role = _USER if turn < ASSISTANT_OBSERVES else _ASSISTANT
    seat = players.user if role is _USER else players.assistant
    if seat is None:
        return _next_turn(game, turn), 0.0, 0.0, False
    if turn == role.observes:
        return _observe_and_infer(seat, role, game, rng, check)
    return _act_and_move(players, seat, role, game, rng, check, action)


class _Role(NamedTuple):
    """The names and numbers that tell the user's turns from the assistant's."""

    name: str
    observes: int
    state: str
    observation: str
    action: str
    observation_slot: int
    inference_slot: int
    policy_slot: int
    task_slot: int


_USER = _Role(
    "user",
    USER_OBSERVES,
    "user_state",
    "user_observation",
    "user_action",
    slots.USER_OBSERVATION,
    slots.USER_INFERENCE,
    slots.USER_POLICY,
    slots.USER_TASK,
)
_ASSISTANT = _Role(
    "assistant",
    ASSISTANT_OBSERVES,
    "assistant_state",
    "assistant_observation",
    "assistant_action",
    slots.ASSISTANT_OBSERVATION,
    slots.ASSISTANT_INFERENCE,
    slots.ASSISTANT_POLICY,
    slots.ASSISTANT_TASK,
)


def _observe_and_infer(seat: Seat, role: _Role, game: GameState, rng: EpisodeRandom, check: bool) -> Played:
    """Turns 0 and 2: the agent looks, and changes its own state."""
    fields = game.__dict__.copy()
    now = fields["round_index"]
    observation, looking = seat.observe(game, rng.at(now, role.observation_slot))
    state, thinking = seat.infer(observation, fields[role.state], rng.at(now, role.inference_slot))
    if check:
        check_state(seat.state_membership, state, f"{seat.name} (inference engine)", rng.rows)
        check_number(looking, f"{seat.name} (observation engine)", rng.rows, "reward")
        check_number(thinking, f"{seat.name} (inference engine)", rng.rows, "reward")
    fields[role.observation] = observation
    fields[role.state] = state
    fields["turn_index"] = role.observes + 1
    return GameState._of(fields), looking, thinking, False


def _act_and_move(
    players: Players, seat: Seat, role: _Role, game: GameState, rng: EpisodeRandom, check: bool, action: Value
) -> Played:
    """Turns 1 and 3: the agent acts, and the task moves."""
    fields = game.__dict__.copy()
    now = fields["round_index"]
    choosing: Value = 0.0
    if action is None:
        action, choosing = seat.sample(
            fields[role.observation], fields[role.state], rng.at(now, role.policy_slot)
        )
        if type(action) is not int:
            action = freeze(action)
        if check:
            seat.action_membership.check(action, f"{seat.name} (action)", rng.rows)
            check_number(choosing, f"{seat.name} (policy)", rng.rows, "reward")
    fields[role.action] = action
    acted = GameState._of(fields)
    move = players.on_user_action if role is _USER else players.on_assistant_action
    state, moving, terminated = move(acted, rng.at(now, role.task_slot))
    if check:
        where = f"{players.task_name} (on_{role.action})"
        check_state(players.task_membership, state, where, rng.rows)
        check_number(moving, where, rng.rows, "reward")
        check_number(terminated, where, rng.rows, "end")
    fields = fields.copy()
    fields["task_state"] = state
    if role is _USER:
        fields["turn_index"] = ASSISTANT_OBSERVES
    else:
        fields["turn_index"] = USER_OBSERVES
        fields["round_index"] = now + 1
    return GameState._of(fields), choosing, moving, terminated


def _next_turn(game: GameState, turn: int) -> GameState:
    """Pass a turn that nobody plays."""
    if turn == ASSISTANT_ACTS:
        return game.replace(turn_index=USER_OBSERVES, round_index=game.round_index + 1)
    return game.replace(turn_index=turn + 1)
