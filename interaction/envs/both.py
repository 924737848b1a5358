"""Both sides of a bundle as agents: the two environments of pettingzoo (extra `envs`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pettingzoo import AECEnv, ParallelEnv

from interaction.bundle import Bundle
from interaction.envs.atomic import atomic
from interaction.envs.single import RENDER_MODES, Screen
from interaction.envs.view import ActionView, Form, ObservationView
from interaction.errors import SpaceError, unknown_name
from interaction.random import fresh_seed
from interaction.spaces import Space
from interaction.state import State
from interaction.turns import SOURCES, Rewards

ROLES = {"user_0": "user", "assistant_0": "assistant"}
"""The agents' names, as pettingzoo wants them, and their roles."""


class _Both:
    """What both environments share: the agents' views, the episodes, and the rewards.

    `paths` and `spaces` choose what each learner sees, by agent (see `ObservationView`); `rewards` names the
    sources that each agent gets, by default all of the round's for both: they work together.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        paths: Mapping[str, list[str]] | None = None,
        spaces: Mapping[str, Mapping[str, Space[Any]]] | None = None,
        form: Form = "flat",
        rewards: Mapping[str, list[str]] | None = None,
        render_mode: str | None = None,
    ) -> None:
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise unknown_name(render_mode, RENDER_MODES, "render_mode")
        self.bundle = bundle.replace()
        self.possible_agents = [name for name, role in ROLES.items() if getattr(bundle, role) is not None]
        for given in (paths, spaces, rewards):
            for name in given or {}:
                if name not in self.possible_agents:
                    raise unknown_name(name, self.possible_agents, type(self).__name__)
        self.agents: list[str] = []
        self.screen = Screen()
        self.render_mode = render_mode
        self.sources = {name: list((rewards or {}).get(name, SOURCES)) for name in self.possible_agents}
        for name, sources in self.sources.items():
            for source in sources:
                if source not in SOURCES:
                    raise unknown_name(source, SOURCES, f"rewards of {name}")
        self.views = {
            name: ObservationView.of(
                self.bundle, ROLES[name], (paths or {}).get(name), (spaces or {}).get(name), form
            )
            for name in self.possible_agents
        }
        self.action_views = {
            name: ActionView(getattr(bundle, ROLES[name]).policy.action_space, f"{ROLES[name]}_action")
            for name in self.possible_agents
        }
        self._seed: int | None = None
        self._episode = -1

    def observation_space(self, agent: str) -> Space[Any]:
        """Give the space of what an agent sees."""
        return self.views[agent].space

    def action_space(self, agent: str) -> Space[Any]:
        """Give the space of an agent's actions."""
        return self.action_views[agent].learner_space

    def render(self) -> Any:
        """Give a picture, show it, or give the state as text, as `render_mode` says."""
        return self.screen.render(self.bundle, self.render_mode)

    def close(self) -> None:
        """Close the window of `render_mode="human"`."""
        self.screen.close()

    def _begin(self, seed: int | None, options: Mapping[str, Any] | None, go_to: int | str) -> None:
        """Begin the first episode of a seed, or the next one of the same seed."""
        given = options or {}  # other names are pettingzoo's own business
        if seed is not None or self._seed is None:
            self._seed, self._episode = (fresh_seed() if seed is None else seed), -1
        self._episode = given.get("episode", self._episode + 1)
        self.bundle.reset(seed=self._seed, start=given.get("start"), go_to=go_to, episode=self._episode)

    def _see(self, agent: str) -> Any:
        return self.views[agent].see(self.bundle.observe(ROLES[agent]))

    def _rewards(self, rewards: Rewards) -> dict[str, float]:
        named = rewards._asdict()
        return {name: float(sum(named[part] for part in parts)) for name, parts in self.sources.items()}

    def _info(self, rewards: Rewards | None = None) -> dict[str, Any]:
        known = {} if rewards is None else {"rewards": rewards._asdict()}
        return {"episode_index": self._episode, **known}


class BundleAEC(_Both, AECEnv):  # type: ignore[misc]  # pettingzoo has no types
    """The agents act in turn, as in a bundle: each sees what its own turn shows it.

    `paths` and `spaces` choose what each learner sees, by agent (see `ObservationView`); `rewards` names the
    sources that each agent gets, by default all of the round's for both: they work together.

    >>> from interaction import Bundle, BundleAEC
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser()
    >>> env = BundleAEC(Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=2))
    >>> env.reset(seed=0)
    >>> for agent in env.agent_iter():
    ...     observation, reward, terminated, truncated, info = env.last()
    ...     print(agent, reward)
    ...     env.step(None if terminated or truncated else 3)
    user_0 0.0
    assistant_0 -1.0
    user_0 -2.0
    assistant_0 -2.0
    user_0 -2.0
    assistant_0 -1.0
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "interaction_bundle_v0",
        "render_modes": list(RENDER_MODES),
        "is_parallelizable": False,
        "render_fps": 4,
    }

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode, up to the first agent's turn to act; on an error all stays as it was."""
        with atomic(self, self.bundle):
            self._reset(seed, options)

    def _reset(self, seed: int | None, options: dict[str, Any] | None) -> None:
        first = self.possible_agents[0]
        self._begin(seed, options, f"{ROLES[first]}_acts")
        self.agents = list(self.possible_agents)
        self.agent_selection = first
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {name: self._info() for name in self.agents}

    def observe(self, agent: str) -> Any:
        """Give what an agent sees: in its turn, what its turn has shown it."""
        game = self.bundle.game
        seen = game[f"{ROLES[agent]}_observation"]
        if agent == self.agent_selection and not self.bundle.over and isinstance(seen, State) and len(seen):
            return self.views[agent].see(seen)
        return self._see(agent)

    def step(self, action: Any) -> None:
        """Let the selected agent act, and go on to the other one's turn; on an error all stays as it was."""
        with atomic(self, self.bundle):
            self._step(action)

    def _step(self, action: Any) -> None:
        agent = self.agent_selection
        if self.terminations[agent] or self.truncations[agent]:
            self._was_dead_step(action)
            return
        taken = {f"{ROLES[agent]}_action": self.action_views[agent].take(action)}
        following = self.possible_agents[(self.possible_agents.index(agent) + 1) % len(self.possible_agents)]
        step = self.bundle.step(go_to=f"{ROLES[following]}_acts", **taken)
        self._cumulative_rewards[agent] = 0.0
        self.rewards = self._rewards(step.rewards)
        self.terminations = dict.fromkeys(self.agents, step.terminated)
        self.truncations = dict.fromkeys(self.agents, step.truncated)
        self.infos = {name: self._info(step.rewards) for name in self.agents}
        self.agent_selection = following
        self._accumulate_rewards()


class BundleParallel(_Both, ParallelEnv):  # type: ignore[misc]
    """The agents act at once, each on what it sees at the start of the round.

    So the assistant does not see what the user does in this round, as it would in a bundle.

    `paths`, `spaces` and `rewards` are those of `BundleAEC`.

    >>> from interaction import Bundle, BundleParallel
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser()
    >>> env = BundleParallel(Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=60))
    >>> observations, infos = env.reset(seed=0)
    >>> observations, rewards, *_ = env.step({"user_0": 3, "assistant_0": 3})
    >>> rewards, env.bundle.game.task_state
    ({'user_0': -2.0, 'assistant_0': -2.0}, State(x=1))
    """

    metadata: ClassVar[dict[str, Any]] = {
        "name": "interaction_bundle_parallel_v0",
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
    }

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; on an error all stays as it was."""
        with atomic(self, self.bundle):
            self._begin(seed, options, 0)
            self.agents = list(self.possible_agents)
            seen = {name: self._see(name) for name in self.agents}
            return seen, {name: self._info() for name in self.agents}

    def step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]]:
        """Play a round with the agents' actions; on an error all stays as it was."""
        with atomic(self, self.bundle):
            return self._step(actions)

    def _step(
        self, actions: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, Any]]:
        if set(actions) != set(self.agents):
            raise SpaceError(f"expected an action for each of {self.agents}, got {sorted(actions)}")
        taken = {f"{ROLES[name]}_action": self.action_views[name].take(actions[name]) for name in self.agents}
        step = self.bundle.step(**taken)
        agents = self.agents
        result = (
            {name: self._see(name) for name in agents},
            self._rewards(step.rewards),
            dict.fromkeys(agents, step.terminated),
            dict.fromkeys(agents, step.truncated),
            {name: self._info(step.rewards) for name in agents},
        )
        if step.done:
            self.agents = []
        return result
