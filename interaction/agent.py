"""Agents: an internal state, an observation engine, an inference engine and a policy."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from interaction.component import Component, left_out
from interaction.errors import ContractError, unknown_name
from interaction.inference.engine import IdentityInferenceEngine, InferenceEngine
from interaction.observation import DefaultObservationEngine, ObservationEngine, Role
from interaction.policy import Policy, has_log_prob
from interaction.random import EpisodeRandom
from interaction.spaces import Dict
from interaction.state import GameState, State
from interaction.task import defines


class Agent(Component):
    """A user or an assistant; subclass `User` or `Assistant`, or make one in place with keywords.

    `state` is what `reset` returns, and `state_space` says what it may hold; where that is left out, each
    field takes any number of the kind and shape with which it begins. By default the state is
    empty, the agent sees everything but the other agent's internal state, and infers nothing.
    """

    state_space: Dict = left_out()

    role: ClassVar[Role]
    batched: bool | None = True
    _COMPONENTS: ClassVar = ("policy", "observation_engine", "inference_engine", "state", "state_space")

    def __init__(
        self,
        *unnamed: Any,
        policy: Policy | None = None,
        observation_engine: ObservationEngine | None = None,
        inference_engine: InferenceEngine | None = None,
        state: State | None = None,
        state_space: Dict | None = None,
    ) -> None:
        if unnamed or policy is None:
            name = type(self).__name__
            got = f"got {unnamed[0]!r} without a name" if unnamed else "got no policy"
            raise ContractError(f"{name}: give its parts by name, as in {name}(policy=...); {got}")
        self.policy = policy
        self.observation_engine = observation_engine or DefaultObservationEngine(self.role)
        self.inference_engine = inference_engine or IdentityInferenceEngine()
        self.state = State() if state is None else state
        if state_space is not None:
            self.state_space = state_space
        self._check_parts()

    def _check_parts(self) -> None:
        """Raise a `ContractError` for a part of the wrong kind."""
        kinds = (Policy, ObservationEngine, InferenceEngine, State, Dict)
        declared = "state_space" in vars(self)
        for name, kind in zip(self._COMPONENTS, kinds, strict=True):
            if name == "state_space" and not declared:
                continue
            value = getattr(self, name)
            if not isinstance(value, kind):
                got = (
                    f"the class {value.__name__}; make an instance"
                    if isinstance(value, type)
                    else repr(value)
                )
                raise ContractError(f"{type(self).__name__}: {name}: expected a {kind.__name__}, got {got}")
        if declared and len(self.state) > 0 and len(self.state_space) == 0:
            raise ContractError(
                f"{type(self).__name__}: the state has fields ({', '.join(self.state)}), but state_space has "
                f"none; leave it out, or give it these."
            )

    def _first_state(self) -> State:
        if defines(self, "reset", Agent):
            return self.reset(EpisodeRandom())
        if len(self.state) == 0 and defines(self, "reset_in", Agent):
            raise ContractError(
                f"{type(self).__name__} begins according to the game (reset_in), so that its first state is "
                f"not known before: give state_space, a spaces.Dict of its state's fields, or a state of the "
                f"same kinds and shapes"
            )
        return self.state

    def reset(self, rng: EpisodeRandom) -> State:
        """Give the agent's internal state at the start of an episode."""
        return self.state

    def reset_in(self, game: GameState, rng: EpisodeRandom) -> State:
        """Give the agent's internal state at the start of an episode of this game.

        For an agent whose start depends on the task's, such as a user who picks a goal among its targets:
        `game` holds the task's state (and for an assistant the user's). Otherwise `reset` is enough.
        """
        return self.reset(rng)

    def replace(self, **components: Any) -> Self:
        """Give a copy with other components, such as `agent.replace(policy=...)`."""
        for name in components:
            if name not in self._COMPONENTS:
                raise unknown_name(name, self._COMPONENTS, f"{type(self).__name__}.replace")
        twin = self._replaced(**components)
        twin._check_parts()
        return twin

    def dual(self, *, policy: bool = True, inference_engine: bool = True) -> Self:
        """Give the agent as it is simulated: with its dual policy and its dual inference engine."""
        twin = self
        if policy and self.policy.simulated() is not self.policy:
            twin = twin.replace(policy=self.policy.simulated())
        if inference_engine and self.inference_engine.simulated() is not self.inference_engine:
            twin = twin.replace(inference_engine=self.inference_engine.simulated())
        return twin


class User(Agent):
    """A simulated human."""

    role: ClassVar[Role] = "user"


class Assistant(Agent):
    """A computer assistant."""

    role: ClassVar[Role] = "assistant"


def check_user(user: User, where: str) -> None:
    """Raise a `ContractError` unless a user can tell the probability of its actions."""
    if not isinstance(user, User):
        raise ContractError(f"{where}: user: expected a User, got {user!r}")
    check_log_prob(user, where)


def check_log_prob(agent: Agent, where: str) -> None:
    """Raise a `ContractError` unless an agent's policy can tell the probability of an action."""
    if agent.policy.by_chance:
        raise ContractError(
            f"{where}: {type(agent.policy).__name__}, the policy of {type(agent).__name__}, chooses by "
            f"values that are drawn, so there is no log probability of an action; give it an exact planner"
        )
    if not has_log_prob(agent.policy):
        raise ContractError(
            f"{where}: {type(agent.policy).__name__}, the policy of {type(agent).__name__}, must "
            f"define log_prob(self, action, observation, state), which returns the log probability of an "
            f"action; a DiscretePolicy has one as soon as it defines probabilities(observation, state)."
        )
