"""Simulators: models of the task and the user, from which an assistant predicts and plays rollouts.

To simulate is an ordinary call on values: nothing is copied, opened, closed or restored, and an
exception leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.batching.lifted import Lifted
from interaction.batching.lockstep import Lineup
from interaction.batching.play import CHUNK, check_max_rounds, check_recorded, play
from interaction.batching.recording import Recorder, recorded, together, totals
from interaction.batching.selection import by_rows, row_of
from interaction.batching.streams import LiftedRandom
from interaction.component import PreparedComponent
from interaction.errors import ArgumentError, ContractError, EpisodeError
from interaction.opening import Forced, combine, for_rows, new_game, per_row, read_over, read_start
from interaction.players import Players, Seat, check_composition
from interaction.policy import first_action
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, leaves
from interaction.state import GameState, State, Value, freeze, get_path, make, merge, replace_path
from interaction.task import InteractionTask, Transition
from interaction.turns import SOURCES, choose, look, turn_number

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rollout:
    """What simulated episodes gave; each array has the shape `(...)` plus one axis for each path of `over`.

    `...` is () in a single episode and `(episodes,)` in a batch. `returns` sums all rewards, `rewards`
    holds the totals by source, `lengths` the rounds played, and `values` the recorded last values by path.
    """

    returns: Value
    rewards: dict[str, Value]
    lengths: Value
    terminated: Value
    values: dict[str, Value]
    over: dict[str, Array]

    @property
    def truncated(self) -> Value:
        """Which episodes were cut by `max_rounds`."""
        return np.logical_not(self.terminated)


class NoTask(InteractionTask):
    """Stands in for the task model of a simulator that only predicts."""

    batched = True
    state_space = Dict({})

    def reset(self, rng: EpisodeRandom) -> State:
        return _EMPTY

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(game.task_state)

    on_assistant_action = on_user_action


class Simulator(PreparedComponent):
    """A bundle of models, and the assistant's dual components, from which rollouts start.

    It plays the dual of each agent, unless told `use_primary_policy` or `use_primary_inference`.
    For predictions of the user alone, the user model is enough.
    """

    batched = True

    def __init__(
        self,
        task_model: InteractionTask | None = None,
        user_model: User | None = None,
        assistant: Assistant | None = None,
        *,
        max_rounds: int | None = None,
        use_primary_policy: bool = False,
        use_primary_inference: bool = False,
    ) -> None:
        task_model = NoTask() if task_model is None else task_model
        check_composition(task_model, user_model, assistant)
        check_max_rounds(max_rounds, "Simulator")
        duals = {"policy": not use_primary_policy, "inference_engine": not use_primary_inference}
        self.task_model = task_model
        self.user_model = None if user_model is None else user_model.dual(**duals)
        self.assistant = None if assistant is None else assistant.dual(**duals)
        self.max_rounds = max_rounds
        self._prepare()

    def _prepare(self) -> None:
        """Resolve what follows from the models."""
        self._only_predicts = isinstance(self.task_model, NoTask)
        self._lineup = Lineup(self.task_model, self.user_model, self.assistant)
        before = Dict(previous_task_state=self.task_model.state_space)
        self._spaces, self._single = Dict({**self._lineup.space, **before}), self._lineup.single
        self._task_fields = len(self._single.task_membership.space.spaces)  # type: ignore[attr-defined]
        self._first_action = None if self.user_model is None else first_action(self.user_model.policy)

    def rollout(
        self,
        game: State,
        rng: EpisodeRandom,
        *,
        over: Mapping[str, Any] | None = None,
        start: Mapping[str, Any] | None = None,
        from_turn: int | str = 0,
        max_rounds: int | None = None,
        common_random_numbers: bool = True,
        record: tuple[str, ...] = (),
    ) -> Rollout:
        """Play new episodes from a game state or an observation, to the end or for `max_rounds`.

        They begin in round 0 at `from_turn`. What the observer could not see comes from the models' own
        resets, or from `start` (values of this episode, or in a batch one for each) and `over`
        (candidates, which add an axis for each path). Candidates share the same random numbers.
        """
        if type(rng) is LiftedRandom:
            return _lifted(
                rng,
                self.rollout,
                game,
                rng,
                over=over,
                start=start,
                from_turn=from_turn,
                max_rounds=max_rounds,
                common_random_numbers=common_random_numbers,
                record=record,
            )
        check_max_rounds(max_rounds, "rollout")
        if self._only_predicts:
            raise ContractError("this simulator has no task_model, so it can predict but not play rollouts")
        limit = self.max_rounds if max_rounds is None else max_rounds
        axes = read_over(self._spaces, over, "over")
        outer = rng.rows
        forced = self._known(game) | read_start(self._spaces, start, "start", outer)
        forced = {path: value for path, value in forced.items() if path not in axes}
        count, combined = combine(axes)
        stream = rng.simulation().repeat(count, common_random_numbers)
        total = (1 if outer is None else outer) * count
        turn = turn_number(from_turn, "from_turn")
        own = per_row(self._spaces, forced)
        prefixes = tuple(f"{path}." for path in record)

        def wanted(path: str) -> bool:
            return path in record or path.startswith(prefixes)

        recorders: list[Recorder] = []
        for begin in range(0, total, CHUNK):
            rows = np.arange(begin, min(begin + CHUNK, total))
            part: Forced = {}
            for path, value in forced.items():
                part[path] = _read_only(value[rows // count]) if path in own else for_rows(value, len(rows))
            for path, value in combined.items():
                part[path] = _read_only(value[rows % count])

            def play_chunk(players: Players, rows: Any = rows, part: Forced = part) -> Recorder:
                here = stream.select(rows)
                begun = new_game(players, here, part, check=False)
                if turn:
                    begun = begun.replace(turn_index=turn)
                recorder = Recorder(len(rows), wanted if record else None, per_round=False)
                play(players, begun, here, recorder, max_rounds=limit, check_first=False)
                return recorder

            recorders.append(self._lineup.in_batch(play_chunk))
        check_recorded(record, recorders)
        shape = (() if outer is None else (outer,)) + tuple(len(labels) for labels in axes.values())
        return _rollout(recorders, shape, axes)

    def predict_user_action(
        self, observation: State, rng: EpisodeRandom, user_state: State | None = None
    ) -> Value:
        """Give the action that the user model takes when it sees this (single-shot prediction).

        The user observes, infers and acts; the task does not move. `user_state` is the model's internal
        state, which otherwise comes from its own reset (or from the observation, if it is seen).
        """
        if type(rng) is LiftedRandom:
            return rng.outside(self.predict_user_action, observation, rng, user_state)
        stream = rng.simulation()
        if stream.episodes is not None:
            return self._predict_in_batch(observation, stream, user_state)
        players = self._single
        game = self._before(players, observation, stream, user_state)
        return freeze(choose(players.user or self._user(players), game, stream))

    def _predict_in_batch(self, observation: State, stream: EpisodeRandom, user_state: State | None) -> Value:
        def predict(players: Players) -> Value:
            game = self._before(players, observation, stream, user_state)
            return choose(self._user(players), game, stream)

        return by_rows(self._lineup.in_batch(predict))

    @staticmethod
    def _user(players: Players) -> Seat:
        if players.user is None:
            raise ContractError("this simulator has no user_model to predict")
        return players.user

    def user_action_log_prob(
        self,
        action: Value,
        observation: State,
        rng: EpisodeRandom,
        *,
        over: Mapping[str, Any],
        user_state: State | None = None,
    ) -> Array:
        """Give the log probability of a user's action under each candidate of `over`: `(..., *candidates)`.

        Each candidate of the user model observes and infers, then its policy's `log_prob` is asked.
        In a batch `action` has the shape `(episodes,)`, or is a plain number.
        """
        if type(rng) is LiftedRandom:
            found: Array = rng.outside(
                self.user_action_log_prob, action, observation, rng, over=over, user_state=user_state
            )
            return found
        axes = read_over(self._spaces, over, "over")
        count, combined = combine(axes)
        outer = rng.rows
        stream = rng.simulation().repeat(count)
        rows = np.arange((1 if outer is None else outer) * count)
        if outer is None:
            seen: State = make(State, {name: _one_row(value) for name, value in observation.items()})
            user_state = _one_row(user_state)
            action = _one_row(freeze(action))
        else:
            seen, action = observation, freeze(action)
        memo: dict[int, Value] = {}
        seen = row_of(seen, rows // count, memo)
        known = row_of(user_state, rows // count, memo)
        candidates = {path: _read_only(values[rows % count]) for path, values in combined.items()}
        action = row_of(action, rows // count, memo)

        def ask(players: Players) -> Array:
            game = self._before(players, seen, stream, known, candidates)
            seat = self._user(players)
            return np.broadcast_to(seat.log_prob(action, *look(seat, game, stream), stream), (len(rows),))

        log_prob = self._lineup.in_batch(ask)
        shape = (() if outer is None else (outer,)) + tuple(len(labels) for labels in axes.values())
        return np.asarray(log_prob).reshape(shape)

    def _before(
        self,
        players: Players,
        observation: State,
        stream: EpisodeRandom,
        user_state: State | None,
        candidates: Forced | None = None,
    ) -> GameState:
        """Give the game as it is before the user model observes, from what the observer sees."""
        seen = observation.__dict__
        task_state = seen.get("task_state")
        if (
            user_state is not None
            and task_state is not None
            and candidates is None
            and (self._only_predicts or len(task_state) == self._task_fields)
        ):  # all is known, so nothing needs to be reset
            fields = _BLANK.copy()
            fields["task_state"] = task_state
            fields["previous_task_state"] = seen.get("previous_task_state", task_state)
            fields["user_state"] = user_state
            fields["user_action"] = seen.get("user_action", self._first_action)
            fields["assistant_action"] = seen.get("assistant_action")
            return make(GameState, fields)
        game = new_game(players, stream, self._known(observation), check=False)
        if self._only_predicts and task_state is not None:
            before = seen.get("previous_task_state", task_state)
            game = game.replace(task_state=task_state, previous_task_state=before)
        if user_state is not None:
            game = game.replace(user_state=merge(game.user_state, user_state))
        moved = game.task_state
        for path, value in (candidates or {}).items():
            game = replace_path(game, path, value)
        if game.task_state is not moved and "previous_task_state" not in seen:
            game = game.replace(previous_task_state=game.task_state)
        return game

    def _known(self, observation: State) -> Forced:
        """Give what an observation or a game tells of the models' game: values by path."""
        known: Forced = {}
        for path, _ in leaves(self._spaces):
            try:
                value = get_path(observation, path)
            except ValueError:
                continue
            if value is not None:
                known[path] = value
        return known


_EMPTY = State()
_BLANK = dict(GameState())


def _read_only(value: Value) -> Value:
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    return value


def _one_row(value: Value) -> Value:
    """A value of a single episode as a batch of one row; plain numbers stay."""
    if isinstance(value, State):
        return make(State, {name: _one_row(part) for name, part in value.items()})
    return _read_only(value[None]) if isinstance(value, np.ndarray) else value


def _lifted(rng: LiftedRandom, rollout: Any, game: State, stream: Any, **options: Any) -> Rollout:
    """Play rollouts for all episodes of a lifted method, and lift what they give.

    Where an option differs between episodes, they part here, before any of them is played.
    """
    options = {
        name: value.ask(f"rollout: {name}") if type(value) is Lifted else value
        for name, value in options.items()
    }

    def play(game: State, stream: EpisodeRandom, start: Any) -> tuple[Any, ...]:
        found: Rollout = rollout(game, stream, start=start, **options)
        names.extend(found.values)
        over.update(found.over)
        rewards = tuple(found.rewards[source] for source in SOURCES)
        return found.returns, rewards, found.lengths, found.terminated, tuple(found.values.values())

    names: list[str] = []
    over: dict[str, Array] = {}
    start = options.pop("start")
    known = None if start is None else _nested(start)
    returns, rewards, lengths, terminated, values = rng.outside(play, game, stream, known)
    return Rollout(
        returns,
        dict(zip(SOURCES, rewards, strict=True)),
        lengths,
        terminated,
        dict(zip(names, values, strict=True)),
        over,
    )


def _nested(start: Mapping[str, Any]) -> State:
    """Give a mapping of starting values as a state, which can be taken apart by episodes."""
    return make(
        State,
        {name: _nested(part) if isinstance(part, Mapping) else part for name, part in start.items()},
    )


def _rollout(recorders: list[Recorder], shape: tuple[int, ...], axes: Forced) -> Rollout:
    def join(parts: list[Array]) -> Value:
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        whole = whole.reshape(shape + whole.shape[1:])
        return whole.item() if whole.ndim == 0 else whole

    def whole(path: str) -> Array:
        array = together(recorders, path)
        if isinstance(array, np.ma.MaskedArray):
            lacking = int(np.ma.getmaskarray(array).reshape(len(array), -1).all(axis=1).sum())
            raise EpisodeError(
                f"rollout: record: {path!r} is not there at the end of {lacking} of {len(array)} rollouts"
            )
        return array

    if not recorders:
        raise ArgumentError("rollout: there is no episode to play")
    rewards = {source: join(totals(recorders, number)) for number, source in enumerate(SOURCES)}
    return Rollout(
        returns=sum(rewards.values()),
        rewards=rewards,
        lengths=join([part.lengths for part in recorders]),
        terminated=join([part.terminated for part in recorders]),
        values={path: join([whole(path)]) for path in recorded(recorders)},
        over=dict(axes),
    )
