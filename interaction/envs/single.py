"""One side of a bundle as a gymnasium environment; the other side plays by its own policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any, ClassVar

import gymnasium
import numpy as np

from interaction.bundle import Bundle
from interaction.envs.atomic import MOST_ENDED, atomic, never_begins
from interaction.envs.view import ActionView, Form, ObservationView, check_role
from interaction.errors import ContractError, unknown_name
from interaction.plots import check_matplotlib
from interaction.random import check_seed, fresh_seed
from interaction.spaces import Space
from interaction.state import GameState
from interaction.turns import SOURCES

RENDER_MODES = ("rgb_array", "human", "ansi")


class BundleEnv(gymnasium.Env[Any, Any]):
    """An environment for one agent of a bundle, from its turn to act to its next one.

    `paths`, `spaces` and `form` choose what the learner sees (see `ObservationView`); `rewards` chooses the
    sources that are added up, by default all eight of a round. `reset(seed=s)` begins the first episode of a
    seed, the same as `bundle.reset(seed=s)`; each reset without a seed begins the next episode of the same
    seed. `options` takes `start`, as `Bundle.reset` does, and `episode`, the index of the episode.
    `info` holds the `rewards` by source and the `episode_index`. An episode that the other side ends before
    the agent may act is passed over.

    `UserEnv` and `AssistantEnv` are made; this one is what they share.
    Raises `UnknownNameError` for other paths, sources and options, and `SpaceError` for actions outside their
    space.

    >>> from interaction.envs import BundleEnv, UserEnv
    >>> issubclass(UserEnv, BundleEnv), UserEnv.role, UserEnv.acts
    (True, 'user', 'user_acts')
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 4}  # noqa: RUF012
    role: ClassVar[str]
    acts: ClassVar[str]

    def __init__(
        self,
        bundle: Bundle,
        *,
        paths: Iterable[str] | None = None,
        spaces: Mapping[str, Space[Any]] | None = None,
        form: Form = "nested",
        rewards: Iterable[str] = SOURCES,
        render_mode: str | None = None,
    ) -> None:
        check_role(bundle, self.role)
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise unknown_name(render_mode, self.metadata["render_modes"], "render_mode")
        self.rewards = tuple(rewards)
        for source in self.rewards:
            if source not in SOURCES:
                raise unknown_name(source, SOURCES, "rewards")
        self.render_mode = render_mode
        self.bundle = bundle.replace()
        self.view = ObservationView.of(self.bundle, self.role, paths, spaces, form)
        self.action_view = ActionView(getattr(bundle, self.role).policy.action_space, f"{self.role}_action")
        self.observation_space = self.view.space
        self.action_space = self.action_view.learner_space
        self._picked = [SOURCES.index(source) for source in self.rewards]
        self._seed: int | None = None
        self._episode = -1
        self.screen = Screen()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, up to the agent's turn to act; on an error the environment stays as it was."""
        with atomic(self, self.bundle):
            return self._begin(seed, options)

    def _begin(self, seed: int | None, options: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=None if seed is None else check_seed(seed))
        options = options or {}
        for name in options:
            if name not in ("start", "episode"):
                raise unknown_name(name, ("start", "episode"), f"{type(self).__name__}.reset: options")
        if seed is not None or self._seed is None:
            self._seed, self._episode = (fresh_seed() if seed is None else seed), -1
        first = options.get("episode", self._episode + 1)
        for episode in range(first, first + MOST_ENDED):
            game = self.bundle.reset(
                seed=self._seed, start=options.get("start"), go_to=self.acts, episode=episode
            )
            if not self.bundle.over:
                break  # else the other side has ended it already
        else:
            raise never_begins(self.role)
        self._episode = episode
        return self.view.see(game[f"{self.role}_observation"]), {"episode_index": episode}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act, and go on up to the agent's next turn to act."""
        with atomic(self.bundle):
            return self._step(action)

    def _step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        given = {f"{self.role}_action": self.action_view.take(action)}
        game, rewards, terminated, truncated = self.bundle.step(go_to=self.acts, **given)
        reward = 0.0
        for index in self._picked:
            reward += rewards[index]
        if isnan(reward):
            raise no_number(self.bundle, rewards)
        observed = (
            self.bundle.observe(self.role) if terminated or truncated else game[f"{self.role}_observation"]
        )
        info = {"rewards": rewards._asdict(), "episode_index": self._episode}
        return self.view.see(observed), float(reward), terminated, truncated, info

    @property
    def game(self) -> GameState:
        """The current game."""
        return self.bundle.game

    def render(self) -> Any:
        """Give a picture `(height, width, 3)`, show it, or give the state as text, as `render_mode` says."""
        return self.screen.render(self.bundle, self.render_mode)

    def close(self) -> None:
        """Close the window of `render_mode="human"`."""
        self.screen.close()


class UserEnv(BundleEnv):
    """The user's side of a bundle: learn to be the user, with the assistant as it is.

    `BundleEnv` says what it takes and gives.

    >>> from interaction import Bundle
    >>> from interaction.assistants.pointing import ConstantGain
    >>> from interaction.envs import UserEnv
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> bundle = Bundle(PointingTask(9, 2), CarefulPointer(), ConstantGain(1.0), max_rounds=60)
    >>> env = UserEnv(bundle, form="flat")
    >>> observation, info = env.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = env.step(0)  # counts from 0: a step to the left
    >>> observation.shape, reward, terminated, info["rewards"]["user_task"]
    ((34,), -1.0, False, -1.0)
    """

    role: ClassVar[str] = "user"
    acts: ClassVar[str] = "user_acts"


class AssistantEnv(BundleEnv):
    """The assistant's side of a bundle: learn to assist the user as it is.

    `BundleEnv` says what it takes and gives.

    >>> from interaction import Bundle
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.envs import AssistantEnv
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser(p0=1, p1=5, p2=7)
    >>> env = AssistantEnv(
    ...     Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=60),
    ...     paths=["task_state.x", "user_action"],
    ... )
    >>> observation, info = env.reset(seed=0)
    >>> {path: int(value) for path, value in observation.items()}
    {'task_state.x': 0, 'user_action': 8}
    >>> observation, reward, *_ = env.step(observation["user_action"])
    >>> {path: int(value) for path, value in observation.items()}, reward
    ({'task_state.x': 1, 'user_action': 1}, -2.0)
    """

    role: ClassVar[str] = "assistant"
    acts: ClassVar[str] = "assistant_acts"


def no_number(bundle: Bundle, rewards: Iterable[Any]) -> ContractError:
    """Make the error for a reward that is NaN, with the component that gave it; by source, `(...)` each."""
    for source, value in zip(SOURCES, rewards, strict=True):
        if np.isnan(value).any():
            role, _, part = source.partition("_")
            names = {"observation": "observation_engine", "inference": "inference_engine", "policy": "policy"}
            owner = bundle.task if part == "task" else getattr(getattr(bundle, role), names[part])
            return ContractError(f"{type(owner).__name__}: the reward of {source} is NaN")
    return ContractError("the reward is NaN: infinite rewards of opposite signs add up to no number")


class Screen:
    """Renders bundles by their tasks' own plots; keeps the window of the mode "human"."""

    def __init__(self) -> None:
        self._figure: Any = None

    def render(self, bundle: Bundle, mode: str | None) -> Any:
        """Give a picture `(height, width, 3)` ("rgb_array") or a text ("ansi"), or show it ("human")."""
        if mode is None:
            return None
        game = bundle.game
        if mode == "ansi":
            return f"round {game.round_index}: {game.task_state!r}"
        task = _drawable(bundle)
        from matplotlib import pyplot
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        if mode == "human":
            if self._figure is None:
                self._figure = pyplot.figure(figsize=(8, 3), layout="constrained")
            self._figure.clear()
            task.plot(game, self._figure.subplots())
            self._figure.canvas.draw_idle()
            self._figure.canvas.flush_events()
            self._figure.show(warn=False)
            return None
        figure = Figure(figsize=(8, 3), layout="constrained")
        task.plot(game, figure.subplots())
        canvas: Any = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def close(self) -> None:
        """Close the window."""
        if self._figure is not None:
            from matplotlib import pyplot

            pyplot.close(self._figure)
            self._figure = None


def _drawable(bundle: Bundle) -> Any:
    """Give the task of a bundle, if it can be drawn."""
    task: Any = bundle.task
    if not hasattr(task, "plot"):
        raise ContractError(
            f"{type(task).__name__} must define plot(self, game, ax), which draws a game, to be rendered"
        )
    check_matplotlib("render")
    return task
