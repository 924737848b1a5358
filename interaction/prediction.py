"""Single-shot prediction: what an agent that is held as a model does next, given what its partner sees.

The model observes, infers and acts, and the task does not move. Its draws come from a simulation of their
own, at the addresses of round 0: those of the resets and of its own turns, the user's for a user model and
the assistant's for an assistant model.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Agent, Assistant, User, check_log_prob
from interaction.batching.lockstep import Lineup
from interaction.batching.selection import by_rows, row_of
from interaction.batching.streams import is_lifted
from interaction.component import PreparedComponent
from interaction.errors import ContractError, SpaceError
from interaction.given import pick
from interaction.observation import OBSERVATIONS, Role, other_state
from interaction.opening import Forced, fields_of, for_rows, new_game
from interaction.over import axis_lengths, combine, read_over
from interaction.players import Players, Seat, check_composition
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Discrete, leaves, shape_of
from interaction.state import (
    GameState,
    Provenance,
    State,
    Value,
    freeze,
    lock,
    make,
    merge,
    replace_path,
)
from interaction.task import InteractionTask, Transition
from interaction.turns import choose, look

Array = NDArray[Any]


class NoTask(InteractionTask):
    """Stands in for the task model of a simulator that only predicts."""

    batched = True
    state_space = Dict({})

    def reset(self, rng: EpisodeRandom) -> State:
        return _EMPTY

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(game.task_state)

    on_assistant_action = on_user_action


class Predictor(PreparedComponent):
    """Models of the task and of the agents, which tell what each agent would do next.

    To predict an agent, a model of it alone is enough. It plays the dual of each agent, unless told
    `use_primary_policy` or `use_primary_inference`.
    """

    batched = True

    def __init__(
        self,
        task_model: InteractionTask | None = None,
        user_model: User | None = None,
        assistant: Assistant | None = None,
        *,
        use_primary_policy: bool = False,
        use_primary_inference: bool = False,
    ) -> None:
        task_model = NoTask() if task_model is None else task_model
        check_composition(task_model, user_model, assistant)
        duals = {"policy": not use_primary_policy, "inference_engine": not use_primary_inference}
        self.task_model = task_model
        self.user_model = None if user_model is None else user_model.dual(**duals)
        self.assistant = None if assistant is None else assistant.dual(**duals)
        self._prepare()

    def _prepare(self) -> None:
        """Resolve what follows from the models."""
        self._only_predicts = isinstance(self.task_model, NoTask)
        self._lineup = Lineup(self.task_model, self.user_model, self.assistant)
        self._single = self._lineup.single
        self._one_agent = self.user_model is None or self.assistant is None
        task_space = self.task_model.state_space
        self._spaces = Dict({**self._lineup.space, "previous_task_state": task_space})
        self._seen = Dict({**self._spaces, "provenance": Discrete(len(Provenance))})
        self._fields, self._seen_fields = fields_of(self._spaces), fields_of(self._seen)
        self._task_fields = len(task_space.spaces)
        self._state_fields = {
            seat.observes: len(self._spaces[seat.state_field].spaces)  # type: ignore[attr-defined]
            for seat in (self._single.user, self._single.assistant)
            if seat is not None
        }

    def predict_user_action(
        self, observation: State, rng: EpisodeRandom, user_state: State | None = None
    ) -> Value:
        """Give the action that the user model takes when it sees this (single-shot prediction).

        The user observes, infers and acts; the task does not move. `user_state` is the model's internal
        state, which otherwise comes from its own reset (or from the observation, if it is seen).

        >>> from interaction import EpisodeRandom, Simulator, State
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> simulator = Simulator(user_model=PseudoRandomUser(p0=1, p1=5, p2=7))
        >>> seen, rng = State(task_state=State(x=3)), EpisodeRandom(seed=0)
        >>> simulator.predict_user_action(seen, rng)
        5
        >>> simulator.predict_user_action(seen, rng, user_state=State(p0=2, p1=5, p2=7))
        8
        """
        if is_lifted(rng, self, "predict_user_action"):
            return rng.outside(self.predict_user_action, observation, rng, user_state)
        return self._predict("user", self._single.user, observation, rng, user_state)

    def predict_assistant_action(
        self, observation: State, rng: EpisodeRandom, assistant_state: State | None = None
    ) -> Value:
        """Give the action that the assistant model takes when it sees this, as `predict_user_action` does.

        The assistant looks after the user has acted. So a user who asks what follows its own action puts
        that into what it sees, as in `observation.replace(user_action=1, provenance=Provenance.OBSERVED)`,
        and the task's state, where the action moves it: `task_state` after it, `previous_task_state` before
        it, by which an assistant who infers weighs it.

        >>> from interaction import EpisodeRandom, Provenance, Simulator, State
        >>> from interaction.assistants.pointing import NoAssistant
        >>> from interaction.tasks.pointing import PointingTask
        >>> simulator = Simulator(assistant=NoAssistant(PointingTask(mode="position")))
        >>> seen = State(task_state=State(position=7), user_action=1, provenance=Provenance.OBSERVED)
        >>> simulator.predict_assistant_action(seen, EpisodeRandom(seed=0))
        8
        """
        if is_lifted(rng, self, "predict_assistant_action"):
            return rng.outside(self.predict_assistant_action, observation, rng, assistant_state)
        return self._predict("assistant", self._single.assistant, observation, rng, assistant_state)

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

        Each candidate of the user model observes and infers, then its policy's `log_prob` is asked. An action
        in `over` is what was done last, which the candidate sees. In a batch `action` has the shape
        `(episodes,)`, or is a plain number.

        >>> import numpy as np
        >>> from interaction import EpisodeRandom, Simulator, State
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> simulator = Simulator(user_model=PseudoRandomUser(p0=1, p1=5, p2=7))
        >>> seen, rng = State(task_state=State(x=3)), EpisodeRandom(seed=0)
        >>> np.exp(simulator.user_action_log_prob(5, seen, rng, over={"user_state.p0": range(10)}))
        array([0., 1., 0., 0., 0., 0., 0., 0., 0., 0.])
        """
        if is_lifted(rng, self, "user_action_log_prob"):
            found: Array = rng.outside(
                self.user_action_log_prob, action, observation, rng, over=over, user_state=user_state
            )
            return found
        return self._log_prob("user", action, observation, rng, over, user_state)

    def assistant_action_log_prob(
        self,
        action: Value,
        observation: State,
        rng: EpisodeRandom,
        *,
        over: Mapping[str, Any],
        assistant_state: State | None = None,
    ) -> Array:
        """Give the log probability of an assistant's action, as `user_action_log_prob` does of a user's.

        The observation is what the assistant was looking at: after the user's action, before its own.

        >>> import numpy as np
        >>> from interaction import Assistant, DeterministicPolicy, EpisodeRandom, Simulator, State, spaces
        >>> class Agrees(DeterministicPolicy):
        ...     action_space = spaces.Discrete(2)
        ...
        ...     def action(self, observation, state):
        ...         return observation.user_action if state.kind else 0
        >>> simulator = Simulator(assistant=Assistant(policy=Agrees(), state=State(kind=True)))
        >>> seen, over = State(task_state=State(), user_action=1), {"assistant_state.kind": [True, False]}
        >>> np.exp(simulator.assistant_action_log_prob(1, seen, EpisodeRandom(seed=0), over=over))
        array([1., 0.])
        """
        if is_lifted(rng, self, "assistant_action_log_prob"):
            found: Array = rng.outside(
                self.assistant_action_log_prob,
                action,
                observation,
                rng,
                over=over,
                assistant_state=assistant_state,
            )
            return found
        return self._log_prob("assistant", action, observation, rng, over, assistant_state)

    def _predict(
        self, role: Role, seat: Seat | None, observation: State, rng: EpisodeRandom, state: State | None
    ) -> Value:
        stream = rng.simulation()
        if seat is None or stream.episodes is not None:
            return self._predict_in_batch(role, observation, stream, state)
        if seat.only_sees:  # it sees the game as it is, without what is hidden from it
            fields = self._all_known(seat, observation, stream, state, _SEEN[role])
            if fields is not None:
                stream.place, stream.draw = seat.first_slot + 2, 0
                return pick(seat, make(State, fields), fields[seat.state_field], stream)[0]
        return choose(seat, self._before(self._single, seat, observation, stream, state), stream)

    def _predict_in_batch(
        self, role: Role, observation: State, stream: EpisodeRandom, state: State | None
    ) -> Value:
        def predict(players: Players) -> Value:
            seat = _seat(players, role)
            return choose(seat, self._before(players, seat, observation, stream, state), stream)

        return by_rows(self._lineup.in_batch(predict))

    def _log_prob(
        self,
        role: Role,
        action: Value,
        observation: State,
        rng: EpisodeRandom,
        over: Mapping[str, Any],
        state: State | None,
    ) -> Array:
        _seat(self._single, role)
        model: Agent | None = self.user_model if role == "user" else self.assistant
        assert model is not None
        check_log_prob(model, f"{role}_action_log_prob")
        axes = read_over(self._fields, over, "over")
        count, combined = combine(axes)
        outer = rng.rows
        stream = rng.simulation().repeat(count)
        rows = np.arange((1 if outer is None else outer) * count)
        memo: dict[int, Value] = {}
        seen, known, done = (
            row_of(one_row(value) if outer is None else value, rows // count, memo)
            for value in (observation, state, freeze(action))
        )
        candidates = {path: lock(values[rows % count]) for path, values in combined.items()}

        def ask(players: Players) -> Array:
            seat = _seat(players, role)
            game = self._before(players, seat, seen, stream, known, candidates)
            return np.broadcast_to(seat.log_prob(done, *look(seat, game, stream), stream), (len(rows),))

        log_prob = self._lineup.in_batch(ask)
        shape = (() if outer is None else (outer,)) + axis_lengths(axes)
        return np.asarray(log_prob).reshape(shape)

    def _before(
        self,
        players: Players,
        seat: Seat,
        observation: State,
        stream: EpisodeRandom,
        state: State | None,
        candidates: Forced | None = None,
    ) -> GameState:
        """Give the game as it is before the model observes, from what its partner sees."""
        if candidates is None:
            fields = self._all_known(seat, observation, stream, state, _BLANK)
            if fields is not None:
                return make(GameState, fields)
        seen = observation.__dict__
        task_state = seen.get("task_state")
        game = new_game(players, stream, self._known(observation, stream.rows), check=False)
        last = {name: seen[name] for name in _LAST if seen.get(name) is not None}
        game = game.replace(turn_index=seat.observes, **last)
        if self._only_predicts and task_state is not None:
            before = seen.get("previous_task_state", task_state)
            game = game.replace(task_state=task_state, previous_task_state=before)
        if state is not None:
            game = game.replace(**{seat.state_field: merge(game[seat.state_field], state)})
        moved = game.task_state
        for path, value in (candidates or {}).items():
            game = replace_path(game, path, value)
        if game.task_state is not moved and "previous_task_state" not in seen:
            game = game.replace(previous_task_state=game.task_state)
        return game

    def _all_known(
        self,
        seat: Seat,
        observation: State,
        stream: EpisodeRandom,
        state: State | None,
        blank: dict[str, Value],
    ) -> dict[str, Value] | None:
        """Fill in a blank game, or what is seen of it, where all is known and nothing needs to be reset."""
        seen = observation.__dict__
        task_state = seen.get("task_state")
        if (
            state is None
            or task_state is None
            or not self._one_agent
            or len(state.__dict__) != self._state_fields[seat.observes]
            or not (self._only_predicts or len(task_state) == self._task_fields)
        ):
            return None
        fields = dict(blank)
        fields["turn_index"] = seat.observes
        fields["task_state"] = task_state
        fields["previous_task_state"] = seen.get("previous_task_state", task_state)
        fields[seat.state_field] = state
        fields["user_action"] = seen.get("user_action")
        fields["assistant_action"] = seen.get("assistant_action")
        fields["provenance"] = seen.get("provenance", 0)
        if fields[seat.action_field] is None:
            fields[seat.action_field] = for_rows(seat.first_action, stream.rows)
        return fields

    def _known(self, observation: State, rows: int | None, forced: Container[str] = ()) -> Forced:
        """Give what is seen of the models' game and not forced: values by path.

        Raises `SpaceError` for what is of another shape than the models have it.
        """
        known: Forced = {}
        for path, space in leaves(self._seen):
            if path in forced:
                continue
            value: Value = observation
            for name in path.split("."):
                value = value.__dict__.get(name) if isinstance(value, State) else None
            if value is None:
                continue
            shape = shape_of(space)
            if isinstance(value, State | np.ndarray) and np.shape(value) not in (shape, (rows, *shape)):
                raise SpaceError(
                    f"{path}: the models expect a value in {space}, and what is seen is {value!r}"
                )
            known[path] = value
        return known


_LAST = "user_action", "assistant_action", "provenance"
_EMPTY = State()
_BLANK = dict(GameState())
_SEEN = {
    role: {name: value for name, value in _BLANK.items() if name not in (other_state(role), *OBSERVATIONS)}
    for role in ("user", "assistant")
}


def _seat(players: Players, role: Role) -> Seat:
    """Give the seat of an agent that is predicted."""
    seat = players.user if role == "user" else players.assistant
    if seat is None:
        part = "user_model" if role == "user" else "assistant"
        raise ContractError(
            f"this simulator has no {part} to predict: give it one, as in Simulator({part}=...)"
        )
    return seat


def one_row(value: Value) -> Value:
    """Give a value of a single episode as a batch of one row; plain numbers stay."""
    if isinstance(value, State):
        return make(State, {name: one_row(part) for name, part in value.items()})
    return lock(value[None]) if isinstance(value, np.ndarray) else value
