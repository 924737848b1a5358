"""Plays a task with recorded actions, with recorded values in place of what it draws.

The games that the task gets are those of `interaction.turns`; only what the data does not tell is not known
in them: the agents' states and observations. An episode is played to its end and no further.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.batching.lockstep import Lineup
from interaction.batching.selection import row_of
from interaction.errors import ArgumentError, UnknownFieldError, UnknownNameError
from interaction.fitting.observed import Leaves, Observed, first_game
from interaction.given import move_task
from interaction.noted import Note, agreed, probes
from interaction.players import Players, Seat
from interaction.policy import RandomPolicy
from interaction.random import ASSISTANT_TASK, TASK_RESET, USER_TASK, EpisodeRandom
from interaction.spaces import leaves, shape_of
from interaction.state import GameState, Provenance, State, Value, flatten, nest, replace_path
from interaction.task import InteractionTask, defines
from interaction.turns import ASSISTANT_ACTS, ASSISTANT_OBSERVES, USER_ACTS, USER_OBSERVES

Array = NDArray[Any]
Values = dict[str, Value]
"""Values of some rows, by path."""
_ENOUGH = 4  # streams, to take what comes out alike in them for what does not depend on a draw
_TOLERANCE = 1e-6  # of floats, which a file may have rounded
_AGENTS = ("user_state", "assistant_state", "user_observation", "assistant_observation")
_UNKNOWN = (
    "the task is played again with the recorded actions, and knows nothing of the agents' states and "
    "observations there, but for what the columns user_state hold"
)


class Unknown(State):
    """The state of an agent, of which the data tells nothing: whoever looks into it is told so."""

    __slots__ = ()

    def _refuse(self, *_: object) -> Any:
        raise UnknownNameError("the task looks into the state or the observation of an agent")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise UnknownNameError(f"the task reads {name!r} of an agent's state or observation")

    __iter__ = __len__ = __contains__ = __getitem__ = __eq__ = keys = values = items = _refuse


@dataclass(frozen=True, eq=False)
class Recorded:
    """What the data tells of the task, by path: `(rounds, episodes, *shape)`.

    `ends` are values at the end of a round, `middles` those before the last action of a round, `starts`
    those at the beginning `(episodes, *shape)`, and `user_states` those of the user's state while it acts.
    `lacking` tells in which episodes the assistant's last action is missing `(episodes,)`; `row(t, episode)`
    names a row of the data.
    """

    ends: Leaves
    middles: Leaves
    starts: Leaves
    user_states: Leaves
    lacking: Array
    row: Callable[[int, int], Any]


class Replay:
    """Plays the task in all observed episodes, round by round, as a batch of those that go on."""

    def __init__(
        self, task: InteractionTask, user: User, observed: Observed, recorded: Recorded, where: str
    ) -> None:
        space = observed.assistant_action_space
        assistant = None if space is None else Assistant(policy=RandomPolicy(space))
        self.lineup = Lineup(task, user, assistant)
        self.task: Any = task
        self.shapes = {path: shape_of(part) for path, part in leaves(task.state_space)}
        self.observed, self.recorded, self.where = observed, recorded, where
        self.name = type(task).__name__

    def states(self) -> tuple[Leaves, Leaves]:
        """Give the task's states before each round, by path: `(rounds, episodes, *shape)`.

        The second ones are those before the last action, as far as they are known.
        """
        return self.lineup.in_batch(lambda players: _Play(self, players).states())


class _Half(NamedTuple):
    """What a half of a round gave: the states in one stream or in all; whether it is over in the first.

    It is certain where nothing was drawn.
    """

    states: list[State]
    over: Array
    certain: bool


class _Play:
    """The episodes that go on (`rows`), their game, and their streams.

    Where it is not known what the task was like before the last action, there is a game for each stream.
    """

    def __init__(self, replay: Replay, players: Players) -> None:
        self.replay, self.players = replay, players
        self.observed, self.recorded = replay.observed, replay.recorded
        count = len(self.observed.lengths)
        self.t, self.rows = 0, np.arange(count)
        self.note: Note
        self.streams: list[EpisodeRandom]
        self.streams, self.note = probes(count)
        game = first_game(players, self._opening(), self.observed.starts, count)
        self.games = [game.replace(**dict.fromkeys(_AGENTS, Unknown()))]

    def states(self) -> tuple[Leaves, Leaves]:
        first = self._of_all(dict(flatten(self.games[0].task_state)), {})
        before, previous = [first], [first]
        for t in range(self.observed.rounds):
            self.t = t
            self._keep(self.observed.lengths[self.rows] > t)
            known = self._round()
            if t + 1 < self.observed.rounds:
                before.append(self._of_all(dict(flatten(self.games[0].task_state)), before[-1]))
                previous.append(self._of_all(known, previous[-1]))
        return _stacked(before), _stacked(previous)

    def _round(self) -> Values:
        """Play a round; give what is known of the state before its last action."""
        user, assistant = self.players.user, self.players.assistant
        assert user is not None
        acted: dict[str, Any] = {
            "round_index": self.t,
            "turn_index": USER_ACTS,
            "user_action": nest(self._now(self.observed.user_actions)),
            "provenance": int(Provenance.OBSERVED),
        }
        if self.recorded.user_states:
            acted["user_state"] = nest(self._now(self.recorded.user_states))
        self.games = [game.replace(**acted) for game in self.games]
        before = self.games[0]
        half = self._half(user, USER_TASK, self.recorded.ends if assistant is None else self.recorded.middles)
        if assistant is None:
            self.games = [self._end(before, before, half.states, half.certain)]
            return dict(flatten(before.task_state))
        last = self.observed.lengths[self.rows] == self.t + 1
        stays = ~half.over if half.certain else ~last  # where it is not known who ended the game, nobody acts
        self._check_helped(stays & last)
        if half.certain and half.over.any():
            self._end_by_user(half)
        staying = np.flatnonzero(stays)
        self._keep(stays)
        states = [row_of(state, staying, {}) for state in half.states]
        return self._help(assistant, states, half.certain) if len(staying) else {}

    def _help(self, assistant: Seat, states: list[State], certain: bool) -> Values:
        """Play the assistant's half, from the states that the user's half gave."""
        middles, before = self._now(self.recorded.middles), self.games[0]
        judged = len(self.games) == 1
        if certain:
            self._compare(states[0], middles, "previous_task_state.")
        sure = certain or all(path in middles for path, _ in flatten(states[0]))
        states = [_with(state, middles) for state in (states[:1] if sure else states)]
        acted = before.replace(
            turn_index=ASSISTANT_ACTS,
            previous_task_state=before.task_state,
            assistant_action=nest(self._now(self.observed.assistant_actions)),
            provenance=int(Provenance.INTERVENED),
        )
        self.games = [acted.replace(task_state=state) for state in states]
        half = self._half(assistant, ASSISTANT_TASK, self.recorded.ends)
        known = agreed(states)
        if all(path in known for path, _ in flatten(states[0])):
            states = states[:1]
        after = self._end(
            before, self.games[0], half.states, sure and half.certain, judged and len(states) == 1
        )
        self.games = [after.replace(previous_task_state=state) for state in states]
        return known

    def _end_by_user(self, half: _Half) -> None:
        """Check how the games ended that the user's action has ended."""
        rows = self.rows
        ended = np.flatnonzero(half.over)
        self.rows, game = rows[ended], row_of(self.games[0], ended, {})
        self._end(game, game, [row_of(half.states[0], ended, {})], True, turn=ASSISTANT_OBSERVES)
        self.rows = rows

    def _half(self, seat: Seat, slot: int, recorded: Leaves) -> _Half:
        """Play a half in one stream or, where what was drawn is not known otherwise, in all of them."""
        rows = len(self.rows)
        goes_on = self.observed.lengths[self.rows] > self.t + 1

        def move(game: GameState, stream: EpisodeRandom) -> tuple[State, Array]:
            try:
                state, _, over = move_task(seat.move, game.task_state, game, stream.at(self.t, slot))
            except UnknownNameError as error:
                raise UnknownFieldError(f"{self.replay.where}: {_UNKNOWN}: {error}") from error
            return state, np.broadcast_to(np.asarray(over, bool), rows)

        self.note.asked()
        found = [move(self.games[0], self.streams[0])]
        certain = not self.note.asked() and len(self.games) == 1
        lacks = any(path not in recorded for path, _ in flatten(found[0][0]))
        if not certain and (lacks or (found[0][1] & goes_on).any()):
            games = self.games if len(self.games) > 1 else self.games * len(self.streams)
            found += [move(*pair) for pair in zip(games[1:], self.streams[1:], strict=True)]
        states, over = [state for state, _ in found], np.stack([ends for _, ends in found])
        wrong = np.flatnonzero(over.all(axis=0) & goes_on)
        if len(wrong):
            raise ArgumentError(
                f"{self._place(wrong[0], 1)} comes after the end of the game: {self.replay.name} ends with "
                f"round {self.t}; a task that is played several times in a row is Trials(task, n)"
            )
        if (over & goes_on).any():
            states = self._going_on(states, over & goes_on)
        return _Half(states, over[0], certain)

    def _going_on(self, states: list[State], wrong: Array) -> list[State]:
        """Give, where a stream ends a game that goes on, what another stream gave that does not.

        Where few do not, that they agree would tell little: there the streams are left to differ.
        """
        rows = np.arange(len(self.rows))
        wrong = wrong & ((~wrong).sum(axis=0) >= _ENOUGH)
        chosen = np.where(wrong, np.argmin(wrong, axis=0), np.arange(len(states))[:, None])
        flat = [self._arrays(state) for state in states]
        drawn = {path: np.stack([one[path] for one in flat]) for path in flat[0]}
        return [
            _with(state, {path: array[take, rows] for path, array in drawn.items()})
            for state, take in zip(states, chosen, strict=True)
        ]

    def _end(
        self,
        game: GameState,
        acted: GameState,
        states: list[State],
        certain: bool,
        judged: bool = True,
        turn: int = USER_OBSERVES,
    ) -> GameState:
        """Give the game after the last action of a round: with what is recorded in place of what was drawn.

        Raises where the task drew what is not recorded, and where the task says that the data cannot be:
        what is `certain` was computed without a draw, and games are `judged` if they are known.
        """
        ends = self._now(self.recorded.ends)
        self._check_drawn(states, ends, f"{self.replay.name} draws", "task_state.")
        if certain:
            self._compare(states[0], ends, "task_state.")
        after = acted.replace(
            turn_index=turn,
            round_index=self.t + (turn == USER_OBSERVES),
            task_state=_with(states[0], ends),
            previous_task_state=acted.task_state,
        )
        if judged:
            self._check_possible(game, after)
        return after

    def _opening(self) -> State:
        """Give the task's state at the beginning."""
        self.note.asked()
        found = [self.players.task_reset(self.streams[0].at(0, TASK_RESET))]
        if self.note.asked():
            found += [self.players.task_reset(stream.at(0, TASK_RESET)) for stream in self.streams[1:]]
        starts: Any = self.recorded.starts
        self._check_drawn(found, starts, f"{self.replay.name}.reset draws", "start.task_state.")
        return _with(found[0], starts)

    def _check_drawn(self, states: list[State], known: Values, who: str, prefix: str) -> None:
        """Raise if what is not known was drawn at random."""
        same = agreed(states)
        for path, _ in flatten(states[0]):
            if path not in known and path not in same:
                raise ArgumentError(
                    f"{self.replay.where}: {who} {path} at random, so that it must be in the data: add the "
                    f"column {prefix + path!r}"
                )

    def _compare(self, state: State, recorded: Values, prefix: str) -> None:
        """Raise where the data holds another value than the task computes."""
        for path, computed in self._arrays(state).items():
            if path not in recorded:
                continue
            given: Array = np.asarray(recorded[path])
            if given.dtype.kind == "f" or computed.dtype.kind == "f":
                differ = ~np.isclose(given, computed, _TOLERANCE, _TOLERANCE, equal_nan=True)
            else:
                differ = np.asarray(given != computed)
            wrong = np.flatnonzero(differ.reshape(len(self.rows), -1).any(axis=1))
            if len(wrong):
                alone = self.replay.observed.assistant_action_space is None
                may_help = alone and defines(self.replay.task, "on_assistant_action", InteractionTask)
                hint = " and without an assistant, since the data has no assistant_action" if may_help else ""
                raise ArgumentError(
                    f"{self._place(wrong[0])}: {prefix}{path} is {given[wrong[0]].tolist()!r} in the data, "
                    f"but {self.replay.name} makes it {computed[wrong[0]].tolist()!r} without any draw{hint}"
                )

    def _check_helped(self, acts: Array) -> None:
        """Raise where the assistant acts, and the data does not say how."""
        wrong = np.flatnonzero(acts & self.recorded.lacking[self.rows])
        if len(wrong):
            raise ArgumentError(
                f"{self._place(wrong[0])}: assistant_action is missing, and the user did not end the game"
            )

    def _check_possible(self, before: GameState, after: GameState) -> None:
        """Raise for an outcome that the task says is impossible."""
        task = self.replay.task
        if not hasattr(task, "outcome_log_prob"):
            return

        def outcome_log_prob(first: GameState, second: GameState, _: EpisodeRandom) -> Value:
            return task.outcome_log_prob(first, second)

        rng = EpisodeRandom(0, episodes=self.rows)
        log_prob = np.asarray(self.replay.lineup.asked(task, outcome_log_prob)(before, after, rng))
        wrong = np.flatnonzero(np.isneginf(np.broadcast_to(log_prob, len(self.rows))))
        if len(wrong):
            raise ArgumentError(
                f"{self._place(wrong[0])}: {self.replay.name} cannot give the outcome that the data holds"
            )

    def _keep(self, going: Array) -> None:
        """Go on with some of the rows alone."""
        if not going.all():
            kept = np.flatnonzero(going)
            self.rows, self.games = self.rows[kept], [row_of(game, kept, {}) for game in self.games]
            self.streams = [stream.select(kept) for stream in self.streams]

    def _now(self, arrays: Leaves) -> Values:
        """Give what is recorded of this round."""
        return {path: array[self.t, self.rows] for path, array in arrays.items()}

    def _place(self, index: int, later: int = 0) -> str:
        """Name a row of the data."""
        episode, t = int(self.rows[index]), self.t + later
        label = self.observed.labels[episode]
        return f"{self.replay.where}: row {self.recorded.row(t, episode)} (episode {label}, round {t})"

    def _arrays(self, state: State) -> Leaves:
        rows, shapes = len(self.rows), self.replay.shapes
        return {
            path: np.broadcast_to(value, (rows, *shapes[path]))
            for path, value in flatten(state)
            if path in shapes
        }

    def _of_all(self, values: Values, before: Leaves) -> Leaves:
        """Give values of the rows as those of all episodes; the others keep what they had."""
        count = len(self.observed.lengths)
        found = {}
        for path, value in values.items():
            array: Array = np.broadcast_to(value, (len(self.rows), *self.replay.shapes[path]))
            if len(array) < count:
                whole = before.get(path, np.zeros((count, *array.shape[1:]), array.dtype))
                whole = whole.astype(np.result_type(whole, array))
                whole[self.rows] = array
                array = whole
            found[path] = array
        return found


def _with(state: State, known: Values) -> State:
    for path, value in known.items():
        state = replace_path(state, path, value)
    return state


def _stacked(rounds: list[Leaves]) -> Leaves:
    paths = [path for path in rounds[0] if all(path in one for one in rounds)]
    return {path: np.stack([one[path] for one in rounds]) for path in paths}
