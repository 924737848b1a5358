"""What planners share: a belief, a finite set of actions, and a lineup to play them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import Agent
from interaction.batching.lockstep import Lineup
from interaction.batching.streams import LiftedRandom
from interaction.component import PreparedComponent
from interaction.errors import ArgumentError, ContractError
from interaction.inference.partner_model import PartnerModelFilter
from interaction.inference.sides import Side
from interaction.inference.user_model import UserModelFilter
from interaction.planning.chances import Undrawn
from interaction.policy import Policy, RandomPolicy
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space
from interaction.state import State, Value, freeze
from interaction.task import missing

Array = NDArray[Any]


class Planner(PreparedComponent):
    """Holds a belief over a partner's model, and the actions of the one who believes, among which it plans.

    With a `UserModelFilter` an assistant plans, and with an `AssistantModelFilter` a user.
    """

    batched = True
    for_users = False
    """Whether users can plan by it, too."""

    @property
    def draws(self) -> bool:
        """Whether its values are drawn, so that they are others with another stream."""
        return False

    def __init__(self, belief: PartnerModelFilter, action_space: Space[Any]) -> None:
        if not isinstance(belief, PartnerModelFilter if self.for_users else UserModelFilter):
            either = " or an AssistantModelFilter" if self.for_users else ""
            raise ContractError(f"{type(self).__name__}: expected a UserModelFilter{either}, got {belief!r}")
        if belief.delay:
            raise ContractError(
                f"{type(self).__name__}: expected a belief without delay, got one of delay={belief.delay}, "
                f"whose candidates have not seen yet what they act on next"
            )
        if isinstance(action_space, Dict):
            raise ContractError(
                f"{type(self).__name__}: expected a finite space of numbers (Discrete, Choice or "
                f"MultiDiscrete), got {action_space}"
            )
        self.belief = belief
        self.action_space = action_space
        self.actions = spaces.elements(action_space)
        self._prepare()

    @property
    def side(self) -> Side:
        """The side of the one who plans."""
        return self.belief.side.other

    def _prepare(self) -> None:
        self._lineup = self._seated(self.side.agent(policy=RandomPolicy(self.action_space)))

    def _seated(self, planning: Agent, dual: bool = False) -> Lineup:
        """Seat the one who plans, as it is simulated, and its partner (or its dual)."""
        partner = self.belief.model
        partner = partner.dual() if dual and partner is not None else partner
        return self.side.lineup(self.belief.task_model, planning, partner)

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give what each action is worth, the more the better: `(..., actions)`."""
        raise missing(self, "values(self, state, observation, rng)", "returns an array (..., actions)")

    def best(self, state: State, observation: State, rng: EpisodeRandom) -> Value:
        """Give the action with the highest value, the first of equal ones."""
        if type(rng) is LiftedRandom:
            return rng.outside(self.best, state, observation, rng)
        return self.numbers[self.values(state, observation, rng).argmax(axis=-1)]

    def undrawn(self, state: State) -> EpisodeRandom:
        """Give a stream from which nothing may be drawn, for the values of an agent's state (or a batch)."""
        if self.draws:
            raise ContractError(
                f"the values of {type(self).__name__} are drawn, so there is no exact probability of an "
                f"action that is chosen by them"
            )
        weights = state[self.belief.field].log_weights
        return Undrawn(0, episodes=None if np.ndim(weights) == 1 else np.arange(len(weights)))

    @property
    def numbers(self) -> Array:
        """The actions as an array `(actions, *shape)`."""
        return np.array(self.actions)


class GreedyPolicy(Policy):
    """Takes the action to which a planner gives the highest value, the first of equal ones.

    Where the planner's values are not drawn, it has a `log_prob`, so that a partner can think of it.
    """

    batched = True

    def __init__(self, planner: Planner) -> None:
        if not isinstance(planner, Planner):
            raise ContractError(f"GreedyPolicy: expected a planner, got {planner!r}")
        self.planner = planner
        self.by_chance = planner.draws
        self.action_space = planner.action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        return self.planner.best(state, observation, rng), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        best = self.planner.best(state, observation, self.planner.undrawn(state))
        equal = np.equal(action, best)
        shape = spaces.shape_of(self.action_space)
        whole = equal.all(axis=tuple(range(-len(shape), 0))) if shape else equal
        return freeze(np.where(whole, 0.0, -np.inf))


def check_number(number: object, expected: str) -> None:
    """Raise `ArgumentError` unless this is a whole number from 1 on."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ArgumentError(f"{expected} >= 1, got {number!r}")
