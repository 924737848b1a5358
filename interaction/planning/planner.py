"""What planners share: a belief, a finite set of actions, and a lineup to play them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import Agent
from interaction.batching.lockstep import Lineup
from interaction.batching.streams import is_lifted
from interaction.component import PreparedComponent
from interaction.errors import ArgumentError, ContractError
from interaction.inference.engine import engines_in
from interaction.inference.partner_model import PartnerModelFilter
from interaction.inference.sides import Side
from interaction.inference.user_model import UserModelFilter
from interaction.planning.chances import Undrawn
from interaction.policy import Policy, RandomPolicy
from interaction.prediction import NoTask
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space, Undeclared
from interaction.state import State, Value, freeze
from interaction.task import missing

Array = NDArray[Any]


class Planner(PreparedComponent):
    """Holds a belief over a partner's model, and the actions of the one who believes, among which it plans.

    With a `UserModelFilter` an assistant plans, and with an `AssistantModelFilter` a user.

    A planner defines `values`, which gets arrays with a leading axis of episodes in a batch.
    Raises `ContractError` for a belief that it cannot plan by, and for actions that are not finitely many.

    >>> import numpy as np
    >>> from interaction import BelievingAssistant, Bundle, GreedyPolicy, Grid, UserModelFilter
    >>> from interaction.planning import Planner
    >>> from interaction.tasks.tiger import TigerTask
    >>> class Opens(Planner):
    ...     def values(self, state, observation, rng):
    ...         weights = self.belief.posterior(state).weights
    ...         left, right = weights[..., 0], weights[..., 1]
    ...         opens = 10 * right - 100 * left, 10 * left - 100 * right
    ...         return np.stack([np.full_like(left, -1.0), *opens], axis=-1)
    >>> belief = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    >>> assistant = BelievingAssistant(belief, GreedyPolicy(Opens(belief, TigerTask.action_space)))
    >>> Bundle(TigerTask(), assistant=assistant, max_rounds=12).run(1, seed=0)["assistant_action"]
    array([[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]])
    """

    batched = True
    for_users = False
    """Whether users can plan by it, too."""
    in_task = True
    """Whether it plays a task on, without which no action is worth anything."""

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
        if self.in_task and isinstance(belief.task_model, NoTask):
            raise ContractError(
                f"{type(self).__name__}: expected a belief whose filter has a task_model, in which it plans; "
                f"without one no action is worth anything"
            )
        boxed = not isinstance(action_space, Undeclared) and spaces.count(action_space) is None
        if boxed or isinstance(action_space, Dict):
            raise ContractError(
                f"{type(self).__name__}: action_space: expected a finite space of numbers (Discrete, Choice, "
                f"MultiDiscrete, or whole numbers between bounds), got {action_space!r}"
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

    def _check_carried(self, agent: Agent) -> None:
        """Raise if a simulated agent keeps another belief in the field from which it is given this one."""
        for engine in engines_in(agent.inference_engine):
            if not isinstance(engine, PartnerModelFilter) or engine.field != self.belief.field:
                continue
            if not engine.parameters.alike(self.belief.parameters):
                raise ContractError(
                    f"{type(self).__name__}: the simulated {type(agent).__name__} goes on with the belief in "
                    f"the field {engine.field!r}, but keeps another one there: give both the same Grid or "
                    f"Samples, or one of them another field"
                )

    def _check_learns(self) -> None:
        """Raise for a belief that learns less than it does in a tree, which learns from all that is seen."""
        belief, name = self.belief, type(self).__name__
        model, wanted = belief.model, []
        if model is not None and spaces.count(model.policy.action_space) != 1:
            wanted.append(belief.side.action)
        if hasattr(belief.task_model, "outcome_log_prob") and (belief.hidden_names or model is None):
            wanted.append("outcome")
        lacking = [one for one in wanted if one not in belief.evidence]
        if lacking:
            raise ContractError(
                f"{name}: expected a belief that learns from {' and '.join(lacking)}, too, as it does in the "
                f"tree; got one with evidence={list(belief.evidence)}. Give its filter evidence={wanted}"
            )

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give what each action is worth, the more the better: `(..., actions)`."""
        raise missing(self, "values(self, state, observation, rng)", "returns an array (..., actions)")

    def best(self, state: State, observation: State, rng: EpisodeRandom) -> Value:
        """Give the action with the highest value, the first of equal ones."""
        if is_lifted(rng, self, "best"):
            return rng.outside(self.best, state, observation, rng)
        return self.numbers[self.values(state, observation, rng).argmax(axis=-1)]

    def undrawn(self, state: State) -> EpisodeRandom:
        """Give a stream from which nothing may be drawn, for the values of an agent's state (or a batch)."""
        if self.draws:
            raise ContractError(
                f"the values of {type(self).__name__} are drawn, so there is no exact probability of an "
                f"action that is chosen by them"
            )
        weights = self.belief.belief_in(state).log_weights
        return Undrawn(0, episodes=None if np.ndim(weights) == 1 else np.arange(len(weights)))

    @property
    def numbers(self) -> Array:
        """The actions as an array `(actions, *shape)`."""
        return np.array(self.actions)


class GreedyPolicy(Policy):
    """Takes the action to which a planner gives the highest value, the first of equal ones.

    Where the planner's values are not drawn, it has a `log_prob`, so that a partner can think of it.
    Raises `ContractError` for what is no planner.

    >>> from interaction import BelievingAssistant, BeliefTree, Bundle, GreedyPolicy, Grid, UserModelFilter
    >>> from interaction.tasks.tiger import TigerTask
    >>> belief = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    >>> planner = BeliefTree(belief, TigerTask.action_space, depth=3, discount=0.95)
    >>> assistant = BelievingAssistant(belief, GreedyPolicy(planner))
    >>> runs = Bundle(TigerTask(), assistant=assistant, max_rounds=9).run(1, seed=0)
    >>> runs["assistant_action"], runs["task_state.heard"]  # it opens after two roars more from one side
    (array([[0, 0, 0, 1, 0, 0, 0, 0, 0]]), array([[ 1,  1,  1, -1,  1,  1,  0,  1,  0]]))
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
