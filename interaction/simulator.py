"""Simulators: models of the task and the agents, from which an agent predicts and plays rollouts.

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
from interaction.batching.play import CHUNK, check_discount, check_max_rounds, check_recorded, play
from interaction.batching.recording import Recorder, recorded, together, totals
from interaction.batching.selection import row_of
from interaction.batching.streams import LiftedRandom, is_lifted
from interaction.errors import ArgumentError, ContractError, EpisodeError
from interaction.opening import (
    ACTIONS,
    Forced,
    check_actions,
    for_rows,
    go_to_turn,
    new_game,
    per_row,
    read_start,
    seen_before,
    take_action,
)
from interaction.over import Axes, axis_labels, axis_lengths, check_apart, combine, paths_of, read_over
from interaction.players import Players
from interaction.prediction import Predictor, one_row
from interaction.random import EpisodeRandom
from interaction.state import State, Value, lock, make
from interaction.task import InteractionTask
from interaction.turns import SOURCES, turn_number

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rollout:
    """What simulated episodes gave; each array has the shape `(...)` plus the axes of `over`.

    `...` is () in a single episode and `(episodes,)` in a batch. `returns` sums all rewards, `rewards`
    holds the totals by source, both with the rollout's discount; `lengths` the rounds played, and `values`
    the recorded last values by path.

    >>> from interaction import EpisodeRandom, Simulator, State
    >>> from interaction.assistants.pointing import ConstantGain
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> simulator = Simulator(PointingTask(), CarefulPointer(), ConstantGain(2.0), max_rounds=30)
    >>> found = simulator.rollout(State(), EpisodeRandom(seed=0), over={"user_state.error_rate": [0.0, 0.2]})
    >>> found.lengths, found.returns, found.truncated
    (array([4, 6]), array([-4., -6.]), array([False, False]))
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


class Simulator(Predictor):
    """A bundle of models, and the agents' dual components, from which rollouts start.

    It plays the dual of each agent, unless told `use_primary_policy` or `use_primary_inference`.
    For predictions of one agent alone, a model of it is enough: `Simulator(user_model=...)`, or
    `Simulator(assistant=...)` for a user who simulates its assistant.
    Raises `ContractError` for models that do not go together, and for a question about one that is missing.

    >>> from interaction import EpisodeRandom, Simulator, State
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> simulator = Simulator(user_model=PseudoRandomUser(p0=1, p1=5, p2=7))
    >>> simulator.predict_user_action(State(task_state=State(x=3)), EpisodeRandom(seed=0))
    5
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
        check_max_rounds(max_rounds, "Simulator")
        super().__init__(
            task_model,
            user_model,
            assistant,
            use_primary_policy=use_primary_policy,
            use_primary_inference=use_primary_inference,
        )
        self.max_rounds = max_rounds

    def rollout(
        self,
        game: State,
        rng: EpisodeRandom,
        *,
        over: Mapping[str, Any] | None = None,
        start: Mapping[str, Any] | None = None,
        from_turn: int | str = 0,
        max_rounds: int | None = None,
        discount: float = 1.0,
        common_random_numbers: bool = True,
        record: tuple[str, ...] = (),
    ) -> Rollout:
        """Play new episodes from a game state or an observation, to the end or for `max_rounds`.

        They begin in round 0 at `from_turn`. What the observer could not see comes from the models' own
        resets, or from `start` (values of this episode, or in a batch one for each) and `over`
        (candidates, which add axes as in `Bundle.run`). Candidates share the same random numbers.

        An action in `over` or `start` is played: it stands in for the policy's in the agent's first turn to
        act, after which the policies go on. The agent looks before it as ever; the policy's own reward, for
        choosing, is not paid. Where an episode is over before that turn, the action is never played, as in a
        game. The actions in `game` are what was done last, and are seen.

        From "user_acts" or "assistant_acts" the agent acts on what it has seen, if `game` holds that (its
        `user_observation` or `assistant_observation`, with the fields that the model's engine gives);
        otherwise it looks first, as from the turn before. In its policy an agent has seen and inferred, and
        gives both: `observation.extend(assistant_observation=observation, assistant_state=state)`.

        The rewards of round k, from 0, count discount^k.
        Raises `ArgumentError` for an action that the rollout does not reach, or of which a part is missing;
        and where one acts on what it has seen, but what it saw (or what it knows) is forced.

        >>> from interaction import EpisodeRandom, Simulator, State
        >>> from interaction.assistants.coordination import CoordinatedAssistant
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> user = PseudoRandomUser(p0=1, p1=5, p2=7)
        >>> simulator = Simulator(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=20)
        >>> seen, rng = State(task_state=State(x=6)), EpisodeRandom(seed=0)
        >>> simulator.rollout(seen, rng, over={"user_state.p0": range(10)}).returns  # of which 1 is true
        array([-40.,  -7., -40., -40., -40., -40., -40., -40., -40., -40.])
        """
        if is_lifted(rng, self, "rollout"):
            return _lifted(
                rng,
                self.rollout,
                game,
                rng,
                over=over,
                start=start,
                from_turn=from_turn,
                max_rounds=max_rounds,
                discount=discount,
                common_random_numbers=common_random_numbers,
                record=record,
            )
        check_max_rounds(max_rounds, "rollout")
        check_discount(discount, "rollout")
        if self._only_predicts:
            raise ContractError("this simulator has no task_model, so it can predict but not play rollouts")
        limit = self.max_rounds if max_rounds is None else max_rounds
        turn = turn_number(from_turn, "from_turn")
        axes = read_over(self._fields, over, "over")
        outer = rng.rows
        given = read_start(self._fields, start, "start", outer)
        check_apart(axes, given, "rollout")
        forced = {*given, *paths_of(axes)}
        check_actions(self._fields, forced, turn, limit)
        states = {path for path in forced if not path.startswith(ACTIONS)}
        known, seen = self._known(game, outer, states), seen_before(game, turn)
        if seen is not None and outer is None:
            seen = one_row(seen)
        count, combined = combine(axes)
        stream = rng.simulation().repeat(count, common_random_numbers)
        total = (1 if outer is None else outer) * count
        prefixes = tuple(f"{path}." for path in record)

        def wanted(path: str) -> bool:
            return path in record or path.startswith(prefixes)

        def spread(values: Forced, rows: Array) -> Forced:
            own = per_row(self._seen_fields, values)
            return {
                path: lock(value[rows // count]) if path in own else for_rows(value, len(rows))
                for path, value in values.items()
            }

        recorders: list[Recorder] = []
        for begin in range(0, total, CHUNK):
            rows = np.arange(begin, min(begin + CHUNK, total))
            part = spread(given, rows)
            part |= {path: lock(value[rows % count]) for path, value in combined.items()}
            actions = take_action(part, "user"), take_action(part, "assistant")
            part = spread(known, rows) | part

            def play_chunk(
                players: Players, rows: Array = rows, part: Forced = part, actions: Any = actions
            ) -> Recorder:
                here = stream.select(rows)
                begun = new_game(players, here, part, check=False)
                looked = None if seen is None else row_of(seen, rows // count, {})
                begun = go_to_turn(players, begun, turn, looked, states, here)
                recorder = Recorder(len(rows), wanted if record else None, per_round=False)
                play(
                    players,
                    begun,
                    here,
                    recorder,
                    max_rounds=limit,
                    check_first=False,
                    actions=actions,
                    discount=float(discount),
                )
                return recorder

            recorders.append(self._lineup.in_batch(play_chunk))
        check_recorded(record, recorders)
        shape = (() if outer is None else (outer,)) + axis_lengths(axes)
        return _rollout(recorders, shape, axes)


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


def _rollout(recorders: list[Recorder], shape: tuple[int, ...], axes: Axes) -> Rollout:
    def join(parts: list[Array]) -> Value:
        whole = np.concatenate(parts)
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
        over=axis_labels(axes),
    )
