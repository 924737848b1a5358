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
    Raises `ContractError` for a part of the wrong kind or without its name.

    >>> from interaction import RandomPolicy, State, User, spaces
    >>> user = User(policy=RandomPolicy(spaces.Discrete(4)), state=State(curiosity=0.1))
    >>> user.state_space
    Dict('curiosity': Undeclared(float))
    >>> user.replace(state=State(curiosity=0.9)).state
    State(curiosity=0.9)
    """

    state_space: Dict = left_out()

    role: Role
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
        if not hasattr(self, "state"):
            raise uninitialised(self)
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
    """A simulated human: its parts are those of an `Agent`.

    >>> from interaction import Bundle, RandomPolicy, User, spaces
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> guessing = User(policy=RandomPolicy(spaces.Discrete(2)))
    >>> runs = Bundle(MultiArmedBanditTask([0.2, 0.8]), guessing, max_rounds=100).run(1000, seed=0)
    >>> print(round(runs.returns.mean(), 1))
    50.1
    """

    role: Role = "user"


class Assistant(Agent):
    """A computer assistant: its parts are those of an `Agent`.

    >>> from interaction import Assistant, Bundle, DeterministicPolicy, spaces
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> class Hastens(DeterministicPolicy):
    ...     action_space = spaces.real(0.0, 5.0)
    ...
    ...     def action(self, observation, state):
    ...         return 3.0 if observation.round_index < 3 else 1.0
    >>> bundle = Bundle(PointingTask(), CarefulPointer(), Assistant(policy=Hastens()), max_rounds=50)
    >>> print(round(bundle.run(500, seed=0).lengths.mean(), 1))
    9.1
    """

    role: Role = "assistant"


def uninitialised(agent: Agent) -> ContractError:
    """Make the error for an agent whose `__init__` does not call that of its base."""
    return ContractError(
        f"{type(agent).__name__} was not initialised: call super().__init__(policy=..., state=...) in its "
        "__init__"
    )


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
