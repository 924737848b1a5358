"""What a partner may answer, once an action of the one who plans has moved the task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.batching.lockstep import Lineup
from interaction.batching.selection import row_of
from interaction.given import move_task, pick
from interaction.inference.actions import action_probabilities
from interaction.inference.sides import Side
from interaction.noted import Note, noted
from interaction.opening import for_rows
from interaction.players import Players, Seat
from interaction.policy import Policy
from interaction.random import EpisodeRandom
from interaction.state import GameState, State, Value
from interaction.turns import look

Array = NDArray[Any]


@dataclass(frozen=True)
class Moves:
    """Games after an action, one row each, and whether each is over."""

    game: GameState
    over: Array

    def of(self, rows: Array) -> Moves:
        """Give some rows."""
        return Moves(GameState(**dict(row_of(self.game, rows, {}))), self.over[rows])

    def as_in(self, rows: Array) -> Moves:
        """Give the same games, in which the task has moved as it has in some rows."""
        return Moves(self.game.replace(task_state=row_of(self.game.task_state, rows, {})), self.over[rows])


@dataclass(frozen=True)
class Looks:
    """What the partner sees in each row, and its state then, where the game goes on.

    `place` tells where a row's is among those that go on, −1 where the game is over.
    """

    seen: State
    partners: State
    stream: EpisodeRandom
    place: Array

    @property
    def over(self) -> Array:
        """Where the game is over."""
        return self.place < 0

    def of(self, rows: Array) -> tuple[State, State]:
        """Give what is seen in some rows, and the states there; where the game is over, those of another."""
        memo: dict[int, Value] = {}
        index = np.maximum(self.place[rows], 0)
        return row_of(self.seen, index, memo), row_of(self.partners, index, memo)


@dataclass(frozen=True)
class Answers:
    """Answers that were drawn, one row each; there is none where the game is over. `stream` drew them."""

    action: Value
    none: Array
    stream: EpisodeRandom


class Answering:
    """A partner's answers to each of `count` actions of the one on `side`, who plans.

    `hidden` says whether the belief is about the task's state; `number` is that of the partner's actions, if
    they can be listed.
    """

    def __init__(
        self, lineup: Lineup, players: Players, side: Side, policy: Policy, hidden: bool, count: int
    ) -> None:
        self.lineup, self.players, self.side, self.policy = lineup, players, side, policy
        self.hidden, self.count = hidden, count
        self.number = spaces.count(policy.action_space) or 0

    @property
    def seat(self) -> Seat:
        """The partner's."""
        return self.side.other.seat(self.players)

    def moved(self, game: GameState, rng: EpisodeRandom) -> tuple[Moves, Note]:
        """Move the task by the actions that are in the games; the note tells where it draws."""
        stream, note = noted(rng)
        moved, _, over = move_task(self.side.seat(self.players).move, game.task_state, game, stream)
        partner = self.side.other
        after = game.replace(
            task_state=moved,
            previous_task_state=game.task_state,
            turn_index=partner.observes,
            round_index=game.round_index + partner.opens,
        )
        return Moves(after, np.broadcast_to(over, (rng.rows or 1,))), note

    def looks(self, moves: Moves, rng: EpisodeRandom) -> tuple[Looks, Note]:
        """Let the partner look where the game goes on; the note tells where it draws."""
        stream, note = noted(rng)
        going, game, place = np.flatnonzero(~moves.over), moves.game, np.arange(len(moves.over))
        if not len(going):
            return Looks(State(), State(), stream, np.full(len(place), -1)), note
        if len(going) < len(place):
            place = np.where(moves.over, -1, np.cumsum(~moves.over) - 1)
            game, stream = GameState(**dict(row_of(game, going, {}))), stream.select(going)
        seen, partners = look(self.seat, game, stream)
        return Looks(seen, partners, stream, place), note

    def chances(self, looks: Looks, counts: Array) -> Array:
        """Give the probability of each answer `(answers, rows)`; where games may be over, the last is none.

        Rows that do not count may have no probabilities.
        """
        going, answers = np.flatnonzero(~looks.over), self.number
        found = np.zeros((answers + (len(going) < len(looks.place)), len(looks.place)))
        if len(found) > answers:
            found[-1, looks.over] = 1.0
        if len(going):
            seen, partners, stream = looks.seen, looks.partners, looks.stream
            told = action_probabilities(
                self.lineup, self.policy, self.seat, seen, partners, stream, counts[going]
            )
            found[:answers, going] = told.T  # the answers first: sums over a short last axis are slow
        return found

    def answers(self, looks: Looks, rows: Array, rng: EpisodeRandom) -> Answers:
        """Draw an answer in each of some rows of looks."""
        none, stream = looks.over[rows], rng.at(0, self.seat.first_slot + 2)
        if none.all():
            return Answers(for_rows(self.seat.first_action, len(rows)), none, stream)
        action, _ = pick(self.seat, *looks.of(rows), stream)
        self.seat.action_membership.check(action, f"{type(self.policy).__name__}.sample", stream.rows)
        return Answers(action, none, stream)

    def log_prob(self, answers: Answers, looks: Looks, rows: Array) -> Array:
        """Give the log probability of each answer, for the candidates in some rows of looks."""
        over, none = looks.over[rows], answers.none
        if over.all():
            return np.where(none, 0.0, -np.inf)
        log_prob = self.seat.log_prob(answers.action, *looks.of(rows), answers.stream)
        found = np.broadcast_to(np.asarray(log_prob, float), rows.shape)
        if not (none.any() or over.any()):
            return found
        return np.where(none | over, np.where(none & over, 0.0, -np.inf), found)
