"""What planners share: a belief, a finite set of actions, and a lineup to play them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import Assistant
from interaction.batching.lockstep import Lineup
from interaction.component import PreparedComponent
from interaction.errors import ContractError
from interaction.inference.user_model import UserModelFilter
from interaction.policy import RandomPolicy
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space
from interaction.state import State
from interaction.task import missing

Array = NDArray[Any]


class Planner(PreparedComponent):
    """Holds a belief over a user model and the assistant's actions, among which it plans."""

    batched = True

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

    @property
    def numbers(self) -> Array:
        """The actions as an array `(actions, *shape)`."""
        return np.array(self.actions)

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give what each action of the assistant is worth, the more the better: `(..., actions)`."""
        raise missing(self, "values(self, state, observation, rng)", "returns an array (..., actions)")
