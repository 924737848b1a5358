"""One side of a bundle as a vector environment: many episodes as one batch, each in its own round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from interaction.batching.selection import row_of
from interaction.bundle import Bundle
from interaction.envs.atomic import MOST_ENDED, atomic, never_begins
from interaction.envs.single import no_number
from interaction.envs.view import ActionView, Form, ObservationView, check_role
from interaction.errors import ArgumentError, BatchError, EpisodeError, unknown_name
from interaction.opening import new_game, read_start
from interaction.players import Players
from interaction.random import EpisodeRandom, check_seed, fresh_seed
from interaction.spaces import Space
from interaction.state import GameState, State, Value, lock, make
from interaction.turns import ASSISTANT_OBSERVES, SOURCES, USER_OBSERVES, play_half

Array = NDArray[Any]


class BundleVectorEnv(VectorEnv[Any, Any, Any]):
    """Many episodes of a bundle, stepped together; the learner is one agent.

    `paths`, `spaces`, `form` and `rewards` are those of `BundleEnv`. Environment i of n plays the episodes
    i, i + n, i + 2n, … of the seed. The episodes are rows of one batch, each in its own round: components see
    a `round_index` that is an array; where one cannot take that, the rounds are played one after the other.
    `autoreset_mode`: an episode that is over begins anew at the next step ("NextStep", whose action is
    ignored), in the same one ("SameStep", with `final_obs` and `final_info` in the infos), or when
    `reset(options={"reset_mask": …})` says so ("Disabled").

    `UserVectorEnv` and `AssistantVectorEnv` are made; this one is what they share.
    Raises `ArgumentError` for a number of environments below one, and what `BundleEnv` raises.

    >>> from interaction.envs import BundleVectorEnv, UserVectorEnv
    >>> issubclass(UserVectorEnv, BundleVectorEnv), UserVectorEnv.role
    (True, 'user')
    """

    role: ClassVar[str]

    def __init__(
        self,
        bundle: Bundle,
        num_envs: int,
        *,
        paths: Iterable[str] | None = None,
        spaces: Mapping[str, Space[Any]] | None = None,
        form: Form = "nested",
        rewards: Iterable[str] = SOURCES,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
    ) -> None:
        check_role(bundle, self.role)
        if isinstance(num_envs, bool) or not isinstance(num_envs, int) or num_envs < 1:
            raise ArgumentError(f"num_envs: expected a number >= 1, got {num_envs!r}")
        self.num_envs = num_envs
        self.rewards = tuple(rewards)
        for source in self.rewards:
            if source not in SOURCES:
                raise unknown_name(source, SOURCES, "rewards")
        modes = {mode.value: mode for mode in AutoresetMode}
        value = autoreset_mode.value if isinstance(autoreset_mode, AutoresetMode) else autoreset_mode
        if value not in modes:
            raise unknown_name(value, modes, "autoreset_mode")
        self.autoreset_mode = modes[value]
        self.metadata = {"autoreset_mode": self.autoreset_mode, "render_modes": []}
        self.bundle = bundle
        self.view = ObservationView.of(bundle, self.role, paths, spaces, form)
        self.action_view = ActionView(getattr(bundle, self.role).policy.action_space, f"{self.role}_action")
        self.single_observation_space = self.view.space
        self.single_action_space = self.action_view.learner_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._picked = [SOURCES.index(source) for source in self.rewards]
        self._field = f"{self.role}_observation"
        self._seed: int | None = None
        self._together = True  # whether rows in different rounds can be played in one call
        self._game: GameState | None = None
        self._round = np.zeros(num_envs, np.int64)
        self._episode = np.zeros(num_envs, np.int64)
        self._over = np.zeros(num_envs, bool)

    # Episodes begin.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin all episodes, or those that `options["reset_mask"]` marks; `options["start"]` is forced.

        On an error the environments stay as they were.
        """
        with atomic(self):
            return self._reset(seed, options)

    def _reset(self, seed: int | None, options: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        options = dict(options or {})
        mask = options.pop("reset_mask", None)
        start = options.pop("start", None)
        for name in options:
            raise unknown_name(name, ("reset_mask", "start"), f"{type(self).__name__}.reset: options")
        if mask is None:
            if isinstance(seed, list | tuple):
                raise ArgumentError("reset: expected one seed: environment i plays episode i of it")
            if seed is not None or self._seed is None:
                self._seed = fresh_seed() if seed is None else check_seed(seed)
                self._episode = np.arange(self.num_envs) - self.num_envs
            chosen = np.ones(self.num_envs, bool)
        else:
            chosen = np.asarray(mask)
            if chosen.shape != (self.num_envs,) or chosen.dtype != bool or not chosen.any():
                raise ArgumentError(
                    f"reset_mask: expected {self.num_envs} booleans, one of them true, got {mask!r}"
                )
            if self._game is None:
                raise EpisodeError("there is no game yet: call reset() without a mask first")
        self._begin(np.flatnonzero(chosen), start)
        return self._observed(), {
            "episode_index": self._episode.copy(),
            "_episode_index": np.ones(self.num_envs, bool),
        }

    def _begin(self, rows: Array, start: Mapping[str, Any] | None = None) -> None:
        """Begin new episodes in some rows, up to the agent's turn to act."""
        forced = read_start(self.bundle.lineup.fields, start, f"{type(self).__name__}.reset: start")
        for _ in range(MOST_ENDED):
            if not len(rows):
                return
            self._episode[rows] += self.num_envs
            self._round[rows] = 0
            self._over[rows] = False
            rng = EpisodeRandom(self._seed or 0, episodes=self._episode[rows])

            def begin(players: Players, rng: EpisodeRandom = rng) -> GameState:
                return new_game(players, rng.copy(), forced)

            self._keep(rows, self.bundle.lineup.in_batch(begin))
            if self.role == "assistant":
                self._play(rows, USER_OBSERVES)
            alive = rows[~self._over[rows]]
            self._play(alive, self._looks, act=False)
            rows = rows[self._over[rows]]  # the other side has ended these already
        raise never_begins(self.role)

    # Episodes go on.

    def step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        """Act in all environments, and go on to the agent's next turn in each.

        On an error nothing is played.
        """
        with atomic(self):
            return self._step(actions)

    def _step(self, actions: Any) -> tuple[Any, Array, Array, Array, dict[str, Any]]:
        if self._game is None:
            raise EpisodeError("there is no game yet: call reset() first")
        count, limit = self.num_envs, self.bundle.max_rounds
        action = self.action_view.take_rows(actions, count)
        renewed = self._over.copy()
        if renewed.any() and self.autoreset_mode is AutoresetMode.DISABLED:
            raise EpisodeError(
                f"environment {np.flatnonzero(renewed)[0]} is over: reset it with options={{'reset_mask': …}}"
            )
        totals = np.zeros((8, count))
        terminated, truncated = np.zeros(count, bool), np.zeros(count, bool)
        rows = np.flatnonzero(~renewed)
        for turn in (self._looks + 1, (self._looks + 2) % 4):  # the agent's own half, then the other's
            given = row_of(action, rows, {}) if turn == self._looks + 1 else None
            totals[:, rows] += self._play(rows, turn, given)
            terminated[rows] = self._over[rows]
            ended = rows[self._over[rows]]
            if self.bundle.last_look and turn < ASSISTANT_OBSERVES and len(ended):
                totals[:, ended] += self._play(ended, ASSISTANT_OBSERVES, act=False)
            rows = rows[~self._over[rows]]
            if limit is not None and turn >= ASSISTANT_OBSERVES:
                truncated[rows] = self._round[rows] >= limit
                rows = rows[~truncated[rows]]
        totals[:, rows] += self._play(rows, self._looks, act=False)
        self._over = terminated | truncated
        self._observe(np.flatnonzero(self._over))
        reward = sum(totals[self._picked], np.zeros(count))  # one after the other, as a single environment
        if np.isnan(reward).any():
            raise no_number(self.bundle, totals)
        if self.autoreset_mode is AutoresetMode.NEXT_STEP:
            self._begin(np.flatnonzero(renewed))
        all_of_them = np.ones(count, bool)
        infos: dict[str, Any] = {
            "rewards": dict(zip(SOURCES, totals, strict=True)),
            "_rewards": all_of_them,
            "episode_index": self._episode.copy(),
            "_episode_index": all_of_them,
        }
        observed = self._observed()
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self._over.any():
            over = self._over.copy()
            infos["final_obs"], infos["_final_obs"] = _one_by_one(observed, over), over
            infos["final_info"] = {"episode_index": self._episode.copy(), "_episode_index": over}
            infos["_final_info"] = over
            self._begin(np.flatnonzero(over))
            infos["episode_index"] = self._episode.copy()
            observed = self._observed()
        return observed, reward, terminated, truncated, infos

    def _play(self, rows: Array, turn: int, action: Value = None, act: bool = True) -> Array:
        """Play half a round in some rows from a turn on; gives the rewards by source: `(8, rows)`."""
        found = np.zeros((8, len(rows)))
        if len(rows) == 0:
            return found
        if self._together:
            try:
                return self._play_rows(rows, turn, action, act)
            except (
                BatchError,
                TypeError,
                ValueError,
            ):  # a component that needs one round for all, or a fault
                if len(np.unique(self._round[rows])) == 1:
                    raise
                self._together = False
        rounds = self._round[rows]  # as they are now: rows move on while others wait
        for number in np.unique(rounds):
            part = np.flatnonzero(rounds == number)
            found[:, part] = self._play_rows(rows[part], turn, row_of(action, part, {}), act)
        return found

    def _play_rows(self, rows: Array, turn: int, action: Value, act: bool) -> Array:
        rounds = self._round[rows]
        same = bool((rounds == rounds[0]).all())
        game = self._games(rows).replace(
            round_index=int(rounds[0]) if same else lock(rounds.copy()), turn_index=turn
        )
        rng = EpisodeRandom(self._seed or 0, episodes=self._episode[rows])

        def half(players: Players) -> Any:
            return play_half(players, game, rng.copy(), self.bundle.check, action, act)

        after, *rewards, over = self.bundle.lineup.in_batch(half)
        self._keep(rows, after)
        if act:
            self._over[rows] = over
            if turn >= ASSISTANT_OBSERVES:
                self._round[rows] += 1
        found = np.zeros((8, len(rows)))
        first = 0 if turn < ASSISTANT_OBSERVES else 4
        for source, reward in enumerate(rewards):
            found[first + source] = reward
        return found

    def _observe(self, rows: Array) -> None:
        """Let the agent see how games have ended; nothing is played."""
        for number in np.unique(self._round[rows]):
            part = rows[self._round[rows] == number]
            game = self._games(part).replace(round_index=int(number), turn_index=self._looks)
            rng = EpisodeRandom(self._seed or 0, episodes=self._episode[part])

            def observe(players: Players, game: GameState = game, rng: EpisodeRandom = rng) -> State:
                seat = getattr(players, self.role)
                seen: State = seat.observe(game, rng.copy().at(game.round_index, seat.first_slot))[0]
                return seen

            self._keep(part, game.replace(**{self._field: self.bundle.lineup.in_batch(observe)}))

    # The games, as rows of one batch.

    @property
    def _looks(self) -> int:
        """The turn in which the agent looks."""
        return USER_OBSERVES if self.role == "user" else ASSISTANT_OBSERVES

    def _games(self, rows: Array) -> GameState:
        assert self._game is not None
        if len(rows) == self.num_envs:
            return self._game
        game: GameState = row_of(self._game, rows, {})
        return game

    def _keep(self, rows: Array, games: GameState) -> None:
        """Put games in the place of some rows."""
        known = State() if self._game is None else self._game
        games = games.replace(round_index=None, turn_index=None)  # these are not the same for all rows
        kept: GameState = _with_rows(known, games, rows, self.num_envs)
        self._game = kept

    def _observed(self) -> Any:
        assert self._game is not None
        return self.view.see_rows(self._game[self._field], self.num_envs)


class UserVectorEnv(BundleVectorEnv):
    """The user's side of many episodes of a bundle.

    `BundleVectorEnv` says what it takes and gives.

    >>> import numpy as np
    >>> from interaction import Bundle
    >>> from interaction.envs import UserVectorEnv
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> bundle = Bundle(MultiArmedBanditTask([0.0, 1.0]), RandomUser(), max_rounds=20)
    >>> env = UserVectorEnv(bundle, num_envs=4)
    >>> observations, infos = env.reset(seed=0)
    >>> observations, rewards, terminated, truncated, infos = env.step(np.array([0, 1, 1, 0]))
    >>> rewards
    array([0., 1., 1., 0.])
    """

    role: ClassVar[str] = "user"


class AssistantVectorEnv(BundleVectorEnv):
    """The assistant's side of many episodes of a bundle.

    `BundleVectorEnv` says what it takes and gives.

    >>> from interaction import Bundle
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.envs import AssistantVectorEnv
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser(p0=1, p1=5, p2=7)
    >>> bundle = Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=60)
    >>> env = AssistantVectorEnv(bundle, num_envs=3, paths=["task_state.x", "user_action"])
    >>> observations, infos = env.reset(seed=0)
    >>> observations, *_ = env.step(observations["user_action"])
    >>> observations["task_state.x"]
    array([1, 1, 1])
    """

    role: ClassVar[str] = "assistant"


def _with_rows(whole: Any, part: Any, rows: Array, count: int) -> Any:
    """Give a batch of `count` rows in which some are those of another batch."""
    if isinstance(part, State):
        known = whole if isinstance(whole, State) else State()
        fields = dict(known)  # an observation that nobody has made yet is empty
        for name, value in part.items():
            fields[name] = _with_rows(fields.get(name), value, rows, count)
        return make(type(part), fields)
    if part is None:
        return whole
    new = np.asarray(part)
    if len(rows) == count:
        shape = new.shape[1:] if isinstance(part, np.ndarray) else ()
        return lock(np.array(np.broadcast_to(new, (count, *shape))))
    if whole is None:
        kept = np.zeros((count, *(new.shape[1:] if isinstance(part, np.ndarray) else ())), new.dtype)
    else:
        kept = np.array(whole, dtype=np.result_type(whole, new))
    kept[rows] = new
    return lock(kept)


def _one_by_one(observed: Any, over: Array) -> Array:
    """Give the observations of some environments one by one, as gymnasium's infos hold them."""
    found = np.full(len(over), None, dtype=object)
    for row in np.flatnonzero(over):
        found[row] = (
            {path: array[row] for path, array in observed.items()}
            if isinstance(observed, dict)
            else observed[row]
        )
    return found
