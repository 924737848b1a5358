"""The bundle: a task, a user and an assistant, ready to play, by hand or many episodes at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from interaction.agent import Assistant, User
from interaction.batching import play as batch
from interaction.batching.lockstep import Lineup
from interaction.batching.play import Record, check_max_rounds
from interaction.errors import ArgumentError, EpisodeError, ImmutableError, SpaceError, unknown_name
from interaction.opening import new_game, plain, read_start
from interaction.players import Players, check_composition, check_game
from interaction.random import EpisodeRandom, check_seed, fresh_seed
from interaction.spaces import Dict
from interaction.state import TURNS, GameState, State, Value
from interaction.task import InteractionTask
from interaction.trajectory import Trajectories
from interaction.turns import (
    ASSISTANT_ACTS,
    ASSISTANT_OBSERVES,
    USER_ACTS,
    USER_OBSERVES,
    Rewards,
    play_half,
    play_round,
    turn_number,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Step(NamedTuple):
    """What a step gives: the game after it, the rewards by source, and how the episode stands.

    >>> from interaction import Bundle
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser(), max_rounds=3)
    >>> game = bundle.reset(seed=0)
    >>> while not (step := bundle.step()).done:
    ...     pass
    >>> step.game.round_index, step.rewards.total, step.terminated, step.truncated
    (3, -1.0, False, True)
    """

    game: GameState
    rewards: Rewards
    terminated: bool
    truncated: bool

    @property
    def done(self) -> bool:
        """Whether the episode is over."""
        return self.terminated or self.truncated


def _part(name: str) -> Any:
    """A part of a bundle, which can be read but not assigned."""

    def assign(self: Bundle, value: object) -> None:
        raise ImmutableError(
            f"the {name} of a bundle cannot be changed: bundle.replace({name}=...) gives another bundle"
        )

    return property(lambda self: getattr(self, f"_{name}"), assign, doc=f"The {name} of the bundle.")


class Bundle:
    """A task, a user and an assistant, ready to play. Either agent may be missing: its turns are passed over.

    `max_rounds` truncates episodes. What components give is checked against the declared spaces in every
    round; `check=False` trusts them after the first round of a run. With `last_look` the assistant observes
    and infers once more, without acting, where the user's action has ended the game.

    A bundle keeps the current game for those who step by hand; its components never change: `replace` gives
    another bundle. It can be pickled and copied, and then goes on where it stood.
    Raises `ContractError` for parts that do not go together: another kind, or a method that is missing.

    >>> from interaction import Bundle
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser(p0=1, p1=5, p2=7)
    >>> bundle = Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=100)
    >>> bundle.run(episodes=1_000, seed=0)["task_state.x"][0]
    array([1, 2, 3, 4, 5, 6, 7, 8, 9, 9])
    """

    def __init__(
        self,
        task: InteractionTask,
        user: User | None = None,
        assistant: Assistant | None = None,
        *,
        max_rounds: int | None = None,
        check: bool = True,
        last_look: bool = False,
    ) -> None:
        check_composition(task, user, assistant)
        if last_look and assistant is None:
            raise ArgumentError("Bundle: last_look=True was given, but there is no assistant to look")
        self._task, self._user, self._assistant = task, user, assistant
        self.max_rounds = max_rounds
        self.check = check
        self.last_look = last_look
        self._prepare()
        self._game: GameState | None = None
        self._rng = EpisodeRandom()
        self._over = False
        self._checked_from = 0
        self.seed: int | None = None
        self.episode = 0

    def _prepare(self) -> None:
        """Resolve what follows from the components."""
        self.lineup = Lineup(self._task, self._user, self._assistant)
        self.players: Players = self.lineup.single

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("lineup", "players")}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        vars(self).update(fields)
        self._prepare()

    task: InteractionTask = _part("task")
    user: User | None = _part("user")
    assistant: Assistant | None = _part("assistant")

    @property
    def max_rounds(self) -> int | None:
        """How many rounds an episode lasts at most, or None."""
        return self._max_rounds

    @max_rounds.setter
    def max_rounds(self, limit: int | None) -> None:
        check_max_rounds(limit, "Bundle")
        self._max_rounds = limit

    def replace(self, **changes: Any) -> Bundle:
        """Give another bundle with some of its parts, or of `max_rounds`, `check` and `last_look`, changed.

        It has no game yet. Raises `UnknownNameError` for other names, and whatever making a bundle raises.

        >>> from interaction import Bundle
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser(), max_rounds=100)
        >>> bundle.replace(user=PseudoRandomUser(p0=3), max_rounds=5)
        Bundle(task=CoordinatedTask, user=PseudoRandomUser, max_rounds=5) <not reset>
        """
        names = ("task", "user", "assistant", "max_rounds", "check", "last_look")
        parts = {name: getattr(self, name) for name in names}
        for name in changes:
            if name not in parts:
                raise unknown_name(name, parts, "Bundle.replace")
        return type(self)(**parts | changes)

    @property
    def spaces(self) -> Dict:
        """The spaces of the states and actions."""
        return self.lineup.space

    @property
    def game(self) -> GameState:
        """The current game."""
        if self._game is None:
            raise self._not_playable()
        return self._game

    def reset(
        self,
        seed: int | None = None,
        start: Mapping[str, Any] | GameState | None = None,
        go_to: int | str = 0,
        start_after: int | str = -1,
        random: bool = False,
        episode: int = 0,
    ) -> GameState:
        """Begin an episode, and play its turns after `start_after` up to (and without) `go_to`.

        `start` forces parts of the state, as in `{"task_state": {"x": 3}}`; `random` draws the
        states from their spaces in place of the components' own resets. `episode` is the index of the
        episode under the seed: the same one as episode `i` of `bundle.run(..., seed=seed)`.
        Without a seed one is drawn, and kept in `bundle.seed`.
        Raises `SpaceError` and `UnknownNameError` for a wrong start, before anything is changed.

        >>> from interaction import Bundle
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser(p0=1, p1=5, p2=7))
        >>> game = bundle.reset(seed=0, start={"task_state": {"x": 3}}, go_to="assistant_observes")
        >>> game.task_state, game.user_action  # (8 + 1·3 + 5·9 + 7·27) mod 10
        (State(x=3), 5)
        """
        target = turn_number(go_to, "go_to")
        begins = type(start_after) is int and start_after == -1
        after = -1 if begins else turn_number(start_after, "start_after")
        if after >= target and after != -1:
            raise ArgumentError(
                f"reset: expected start_after before go_to, got start_after={start_after!r}, go_to={go_to!r}"
            )
        seed = fresh_seed() if seed is None else check_seed(seed)
        rng = EpisodeRandom(seed, episode)
        if isinstance(start, GameState):
            game = check_game(self.players, start)
        else:
            forced = {} if start is None else read_start(self.lineup.fields, start, "start")
            game = new_game(self.players, rng, forced, random=random)
        first_round, over = game.round_index, False
        if target:
            if after != -1 or not isinstance(start, GameState):
                game = game.replace(turn_index=after + 1)
            while not over and game.turn_index < target:  # one turn: who has looked acts in any case
                game, _, _, _, _, over = play_half(self.players, game, rng, True, None, False)
                if over and self.last_look and game.turn_index == ASSISTANT_OBSERVES:
                    game = play_half(self.players, game, rng, True, None, False)[0]
        self.seed, self.episode = seed, episode
        self._game, self._rng, self._over, self._checked_from = game, rng, bool(over), first_round
        return game

    def step(
        self,
        user_action: Value = None,
        assistant_action: Value = None,
        go_to: int | str | None = None,
    ) -> Step:
        """Play a round, or until the turn `go_to`; a given action stands in for the policy's.

        Raises `EpisodeError` after the end, `SpaceError` for an action outside its space, and
        `ArgumentError` for an action whose turn the step does not reach. On any error the bundle
        stays as it was.

        >>> from interaction import Bundle
        >>> from interaction.assistants.coordination import CoordinatedAssistant
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser(), CoordinatedAssistant(PseudoRandomUser()))
        >>> game = bundle.reset(seed=0)
        >>> bundle.step(assistant_action=3).game.task_state, bundle.step().game.task_state
        (State(x=0), State(x=1))
        """
        game = self._game
        if game is None or self._over:
            raise self._not_playable()
        turn = game.turn_index
        count = 4 if go_to is None else (turn_number(go_to, "go_to") - turn) % 4 or 4
        if turn != USER_OBSERVES or count < 4:
            return self._play(game, count, user_action, assistant_action)
        if user_action is not None or assistant_action is not None:
            user_action = self._given("user", user_action, USER_ACTS, turn, count)
            assistant_action = self._given("assistant", assistant_action, ASSISTANT_ACTS, turn, count)
        check = self.check or game.round_index == self._checked_from
        game, rewards, over = play_round(
            self.players, game, self._rng, check, user_action, assistant_action, self.last_look
        )
        limit = self._max_rounds
        if over or (limit is not None and game.round_index >= limit):
            return self._settle(game, rewards, over)
        self._game = game
        return _tuple(Step, (game, _tuple(Rewards, rewards), False, False))

    @property
    def over(self) -> bool:
        """Whether the current episode is over."""
        return self._over

    def observe(self, role: str) -> State:
        """Give what an agent would observe now; nothing is played.

        `role` is "user" or "assistant". Raises `ArgumentError` for another one, and where it is missing.

        >>> from interaction import Bundle
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser())
        >>> game = bundle.reset(seed=0)
        >>> list(bundle.observe("user"))[2:6]
        ['task_state', 'previous_task_state', 'user_state', 'user_action']
        """
        seat = getattr(self.players, role) if role in ("user", "assistant") else None
        if seat is None:
            raise ArgumentError(f"observe: the bundle has no {role}")
        game = self.game
        observation, _ = seat.observe(game, self._rng.copy().at(game.round_index, seat.first_slot))
        seen: State = observation
        return seen

    def quarter_step(self, user_action: Value = None, assistant_action: Value = None) -> Step:
        """Play one turn; a given action stands in for the policy's. Raises what `step` raises.

        >>> from interaction import TURNS, Bundle
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser())
        >>> game = bundle.reset(seed=0)
        >>> [TURNS[bundle.quarter_step().game.turn_index] for _ in range(4)]
        ['user_acts', 'assistant_observes', 'assistant_acts', 'user_observes']
        """
        if self._game is None or self._over:
            raise self._not_playable()
        return self._play(self._game, 1, user_action, assistant_action)

    def _not_playable(self) -> EpisodeError:
        if self._game is None:
            return EpisodeError("there is no game yet: call bundle.reset() first")
        return EpisodeError("the episode is over: call bundle.reset() to begin another one")

    def _play(self, game: GameState, count: int, user_action: Value, assistant_action: Value) -> Step:
        if user_action is not None or assistant_action is not None:
            user_action = self._given("user", user_action, USER_ACTS, game.turn_index, count)
            assistant_action = self._given(
                "assistant", assistant_action, ASSISTANT_ACTS, game.turn_index, count
            )
        players, rng, max_rounds = self.players, self._rng, self._max_rounds
        check = self.check or game.round_index == self._checked_from
        rewards = [0.0] * 8
        over: Value = False
        while count > 0 and not over:
            turn = game.turn_index
            if turn < ASSISTANT_OBSERVES:
                first, action = 0, user_action
            else:
                first, action = 4, assistant_action
            looks = turn in (USER_OBSERVES, ASSISTANT_OBSERVES)
            acts = count > 1 or not looks
            game, looking, thinking, choosing, moving, over = play_half(
                players, game, rng, check, action, acts
            )
            if looks:
                rewards[first], rewards[first + 1] = looking, thinking
                count -= 1
            if acts:
                rewards[first + 2], rewards[first + 3] = choosing, moving
                count -= 1
                if first and max_rounds is not None and game.round_index >= max_rounds:
                    break
        if over and self.last_look and game.turn_index == ASSISTANT_OBSERVES:
            game, rewards[4], rewards[5], *_ = play_half(players, game, rng, check, None, False)
        return self._settle(game, rewards, over)

    def _settle(self, game: GameState, rewards: Iterable[Value], over: Value) -> Step:
        """Keep the game after a step, and say how the episode stands."""
        terminated, limit = bool(over), self._max_rounds
        truncated = limit is not None and game.round_index >= limit and not terminated
        self._game, self._over = game, terminated or truncated
        return _tuple(Step, (game, _tuple(Rewards, rewards), terminated, truncated))

    def _given(self, role: str, action: Value, turn: int, now: int, count: int) -> Value:
        """Check an action given by hand."""
        if action is None:
            return None
        seat = self.players.user if role == "user" else self.players.assistant
        if seat is None:
            raise ArgumentError(f"{role}_action={action!r} was given, but the bundle has no {role}")
        if (turn - now) % 4 >= count:
            raise ArgumentError(
                f"{role}_action={action!r} was given, but this step does not reach the turn {TURNS[turn]!r}: "
                f"it starts at {TURNS[now]!r} and plays {count} turn{'s' * (count > 1)}"
            )
        member = seat.action_membership
        expected = f"{role}_action: expected a value in {member.space}"
        if isinstance(action, complex):
            raise SpaceError(f"{expected}, got {action}")
        action = plain(action, f"{role}_action")
        if isinstance(action, bool) and member.kinds != "b":
            kind = member.plain if member.shape == () else None
            remedy = f"; write {kind.__name__}(...)" if kind else ""
            raise SpaceError(f"{expected}, got {action}{remedy}")
        member.check(action, f"{role}_action")
        return action

    def run(
        self,
        episodes: int | Sequence[int],
        seed: int | None = None,
        over: Mapping[str, Any] | None = None,
        start: Mapping[str, Any] | None = None,
        record: Record = "all",
        progress: bool = False,
    ) -> Trajectories:
        """Play many episodes in lockstep, and give their trajectories.

        `episodes` is their number, or the indices of those to play (`[8731]` plays that one alone).
        `over={"user_state.p0": range(10)}` adds a labelled axis for each path and plays every
        combination, with common random numbers; `over={"person": {"user_state.p0": [1, 2],
        "user_state.p1": [5, 7]}}` adds one axis of values that go together. A value in `start` may have
        a leading axis of one entry for each episode. `record` keeps every round ("all"), the last values
        ("final"), or every round of the named paths; returns, lengths and ends are always kept.

        An episode is the same alone, in any batch and in any process. Raises `SpaceError` and
        `UnknownNameError` for wrong values and paths, before anything is played.

        >>> from interaction import Bundle
        >>> from interaction.tasks.pointing import PointingTask
        >>> from interaction.users.pointing import CarefulPointer
        >>> bundle = Bundle(PointingTask(), CarefulPointer(), max_rounds=60)
        >>> runs = bundle.run(200, seed=0, over={"user_state.error_rate": [0.0, 0.1, 0.2]}, record="final")
        >>> runs.lengths.shape, runs.lengths.mean(axis=0).round(1)
        ((200, 3), array([11.7, 14.3, 18.8]))
        >>> bundle.run([8731], seed=0).lengths  # episode 8,731 alone
        array([18])
        """
        return batch.run(
            self.lineup,
            episodes,
            max_rounds=self.max_rounds,
            check=self.check,
            last_look=self.last_look,
            seed=seed,
            over=over,
            start=start,
            record=record,
            progress=progress,
        )

    def draw(self, ax: Axes | None = None) -> Axes:
        """Draw who sees what: the four turns, and what each agent sees of the game in them (extra `plot`).

        An entry is seen, hidden, transformed or noisy, as the observation engines say; "own code" stands
        where an engine has its own `observe`. "may change" tells what a turn can move. The task's previous
        state is drawn where it is not seen as its state is. Entries that are alike may share a row.
        """
        from interaction.plots.sight import draw

        return draw(self.task, (self.user, self.assistant), self.spaces, ax, last_look=self.last_look)

    def __repr__(self) -> str:
        names = [f"{role}={value!r}" for role, value in self._parts() if value is not None]
        if self.max_rounds is not None:
            names.append(f"max_rounds={self.max_rounds}")
        if self._game is None:
            where = "not reset"
        elif self._over:
            where = f"over after round {self._game.round_index}"
        else:
            where = f"round {self._game.round_index}, next turn {TURNS[self._game.turn_index]}"
        return f"Bundle({', '.join(names)}) <{where}>"

    def _parts(self) -> list[tuple[str, object]]:
        return [
            (role, _ClassName(type(part).__name__) if part is not None else None)
            for role, part in (("task", self.task), ("user", self.user), ("assistant", self.assistant))
        ]


_tuple = tuple.__new__  # makes a NamedTuple at half the cost of calling it


class _ClassName(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return f"{self}"
