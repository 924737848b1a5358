"""What planners share: a belief, a finite set of actions, and a lineup to play them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import Assistant
from interaction.batching.lockstep import Lineup
from interaction.batching.streams import LiftedRandom
from interaction.component import PreparedComponent
from interaction.errors import ArgumentError, ContractError
from interaction.inference.user_model import UserModelFilter
from interaction.policy import Policy, RandomPolicy
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space
from interaction.state import State, Value
from interaction.task import missing

Array = NDArray[Any]


class Planner(PreparedComponent):
    """Holds a belief over a user model and the assistant's actions, among which it plans."""

    batched = True

    @property
    def draws(self) -> bool:
        """Whether its values are drawn, so that they are others with another stream."""
        return False

    def __init__(self, belief: UserModelFilter, action_space: Space[Any]) -> None:
        if not isinstance(belief, UserModelFilter):
            raise ContractError(f"{type(self).__name__}: expected a UserModelFilter, got {belief!r}")
        if isinstance(action_space, Dict):
            raise ContractError(
                f"{type(self).__name__}: expected a finite space of numbers (Discrete, Choice or "
                f"MultiDiscrete), got {action_space}"
            )
        self.belief = belief
        self.action_space = action_space
        self.actions = spaces.elements(action_space)
        self._prepare()

    def _prepare(self) -> None:
        helper = Assistant(policy=RandomPolicy(self.action_space))
        self._lineup = Lineup(self.belief.task_model, self.belief.user_model, helper)

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give what each action of the assistant is worth, the more the better: `(..., actions)`."""
        raise missing(self, "values(self, state, observation, rng)", "returns an array (..., actions)")

    def best(self, state: State, observation: State, rng: EpisodeRandom) -> Value:
        """Give the action with the highest value, the first of equal ones."""
        if type(rng) is LiftedRandom:
            return rng.outside(self.best, state, observation, rng)
        return self.numbers[self.values(state, observation, rng).argmax(axis=-1)]

    @property
    def numbers(self) -> Array:
        """The actions as an array `(actions, *shape)`."""
        return np.array(self.actions)


class GreedyPolicy(Policy):
    """Takes the action to which a planner gives the highest value, the first of equal ones."""

    batched = True

    def __init__(self, planner: Planner) -> None:
        if not isinstance(planner, Planner):
            raise ContractError(f"GreedyPolicy: expected a planner, got {planner!r}")
        self.planner = planner
        self.action_space = planner.action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        return self.planner.best(state, observation, rng), 0.0


def check_number(number: object, expected: str) -> None:
    """Raise `ArgumentError` unless this is a whole number from 1 on."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ArgumentError(f"{expected} >= 1, got {number!r}")
