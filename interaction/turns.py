"""The four turns of a round, as pure functions: the only place where the order of things is written.

    0  the user observes and infers
    1  the user acts and the task moves
    2  the assistant observes and infers
    3  the assistant acts and the task moves, and the round ends

One episode and a batch go through these same functions. The user's half of a round (turns 0 and 1) and
the assistant's (turns 2 and 3) are alike, so they are written once.
"""

from __future__ import annotations

from typing import NamedTuple

from interaction.errors import unknown_name
from interaction.given import check_look, move_task, pick, settle_action
from interaction.players import Players, Seat
from interaction.random import EpisodeRandom
from interaction.state import TURNS, GameState, State, Value, make, new, set_fields

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

Played = tuple[GameState, Value, Value, Value, Value, Value]
"""The next game, the rewards of the half's four sources, and whether the task is over."""


class Rewards(NamedTuple):
    """The rewards of one round by source: a number each, or one for each episode.

    >>> from interaction import Rewards
    >>> rewards = Rewards(user_task=-1.0, assistant_observation=-0.1)
    >>> rewards.user_task, rewards.total
    (-1.0, -1.1)
    """

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


def play_half(
    players: Players,
    game: GameState,
    rng: EpisodeRandom,
    check: bool = False,
    action: Value = None,
    act: bool = True,
) -> Played:
    """Play the turns of the agent whose turn it is: it looks and acts or, without `act`, looks alone.

    Who has looked before acts in any case. A given action stands in for that of the policy. With `check` all
    that components give is checked. The turns of a missing agent are passed over.
    """
    fields = game.__dict__.copy()
    turn, now = fields["turn_index"], fields["round_index"]
    seat = players.user if turn < ASSISTANT_OBSERVES else players.assistant
    if seat is None:
        return _pass_over(game, act), 0.0, 0.0, 0.0, 0.0, False
    looking: Value = 0.0
    thinking: Value = 0.0
    place = now << 4 | seat.first_slot

    if turn == seat.observes:
        rng.place, rng.draw = place, 0
        observation, looking = seat.observe(game, rng)
        state = before = fields[seat.state_field]
        if seat.infer is not None:
            rng.place, rng.draw = place + 1, 0
            state, thinking = seat.infer(observation, state, rng)
            fields[seat.state_field] = state
        if check and not seat.only_sees:
            check_look(seat, before, state, looking, thinking, rng)
        fields[seat.observation_field] = observation
        fields["turn_index"] = seat.acts
        if not act:
            return make(GameState, fields), looking, thinking, 0.0, 0.0, False
    else:
        observation, state = fields[seat.observation_field], fields[seat.state_field]

    if action is None:
        rng.place, rng.draw = place + 2, 0
        action, choosing = pick(seat, observation, state, rng, check)
    else:
        action, choosing = settle_action(seat, action, 0.0, check, rng)
    fields[seat.action_field] = action
    fields["provenance"] = seat.provenance
    acted = new(GameState)
    set_fields(acted, fields)
    rng.place, rng.draw = place + 3, 0
    before = fields["task_state"]
    task_state, moving, terminated = move_task(seat.move, before, acted, rng, check)
    fields = fields.copy()
    fields["previous_task_state"] = before
    fields["task_state"] = task_state
    if turn < ASSISTANT_OBSERVES:
        fields["turn_index"] = ASSISTANT_OBSERVES
    else:
        fields["turn_index"] = USER_OBSERVES
        fields["round_index"] = now + 1
    after = new(GameState)
    set_fields(after, fields)
    return after, looking, thinking, choosing, moving, terminated


def play_round(
    players: Players,
    game: GameState,
    rng: EpisodeRandom,
    check: bool = False,
    user_action: Value = None,
    assistant_action: Value = None,
    last_look: bool = False,
) -> tuple[GameState, tuple[Value, ...], Value]:
    """Play a whole round of one episode: the user's half and, unless the task is over, the assistant's.

    With `last_look` the assistant observes and infers once more after the user's half has ended the game.
    """
    game, look, think, pick, move, over = play_half(players, game, rng, check, user_action)
    if over:
        look_2, think_2 = 0.0, 0.0
        if last_look:
            game, look_2, think_2, _, _, _ = play_half(players, game, rng, check, act=False)
        return game, (look, think, pick, move, look_2, think_2, 0.0, 0.0), over
    game, look_2, think_2, pick_2, move_2, over = play_half(players, game, rng, check, assistant_action)
    return game, (look, think, pick, move, look_2, think_2, pick_2, move_2), over


def look(seat: Seat, game: State, rng: EpisodeRandom, round_index: int = 0) -> tuple[State, State]:
    """Give what an agent would observe now, and its state after inference; it draws as in that round."""
    observation, _ = seat.observe(game, rng.at(round_index, seat.first_slot))
    state: State = game.__dict__[seat.state_field]
    if seat.infer is not None:
        state, _ = seat.infer(observation, state, rng.at(round_index, seat.first_slot + 1))
    return observation, state


def choose(seat: Seat, game: GameState, rng: EpisodeRandom) -> Value:
    """Give the action that an agent would take now: it looks and chooses, and nothing moves."""
    slot = seat.first_slot
    rng.place, rng.draw = slot, 0
    observation, _ = seat.observe(game, rng)
    state = game.__dict__[seat.state_field]
    if seat.infer is not None:
        rng.place, rng.draw = slot + 1, 0
        state, _ = seat.infer(observation, state, rng)
    rng.place, rng.draw = slot + 2, 0
    return pick(seat, observation, state, rng)[0]


def _pass_over(game: GameState, act: bool) -> GameState:
    """Pass the turns that nobody plays."""
    fields = game.__dict__.copy()
    turn = game.turn_index + (2 - game.turn_index % 2 if act else 1)
    fields["turn_index"] = turn % 4
    fields["round_index"] += turn > ASSISTANT_ACTS
    return make(GameState, fields)
