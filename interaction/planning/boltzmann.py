"""Softly rational agents: the better an action, the more probable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from interaction.errors import ArgumentError, ContractError
from interaction.planning.planner import Planner
from interaction.policy import DiscretePolicy
from interaction.random import EpisodeRandom
from interaction.spaces import Choice, Discrete
from interaction.state import State, Value, get_path


class BoltzmannPolicy(DiscretePolicy):
    """Takes an action with a probability that grows with its value: P(a) ∝ exp(value(a) / temperature).

    `values` is a planner (`BeliefTree`, `ExpectedInformationGain`, `RolloutReturns`), or a function
    `(observation, state) -> (actions,)` written for one episode, with the `action_space` that it values.
    `temperature` is a number above 0, or the path of one in the agent's state, so that it can be a hidden
    parameter. The values of rollouts are drawn, and gains where the user's actions are not finitely many, so
    that with them there is no `log_prob`.
    Source: Luce 1959, "Individual choice behavior"; as a model of users, Baker, Saxe & Tenenbaum 2009,
    "Action understanding as inverse planning", eq. 2.

    >>> import numpy as np
    >>> from interaction import BoltzmannPolicy, State, spaces
    >>> def wins(observation, state):
    ...     return state.wins / state.pulls
    >>> policy = BoltzmannPolicy(wins, temperature="care", action_space=spaces.Discrete(3))
    >>> state = State(wins=np.array([1.0, 2.0, 3.0]), pulls=np.array([4, 4, 4]), care=0.25)
    >>> policy.probabilities(State(), state).round(3)
    array([0.09 , 0.245, 0.665])
    """

    def __init__(
        self,
        values: Planner | Callable[[State, State], Any],
        temperature: float | str = 1.0,
        action_space: Discrete | Choice | None = None,
    ) -> None:
        space: Any = values.action_space if isinstance(values, Planner) else action_space
        if not isinstance(values, Planner) and not callable(values):
            raise ContractError(f"BoltzmannPolicy: expected a planner or a function, got {values!r}")
        if not isinstance(space, Discrete | Choice):
            raise ArgumentError(f"BoltzmannPolicy: expected a Discrete or Choice action_space, got {space!r}")
        number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
        if not isinstance(temperature, str) and not (number and 0 < temperature < np.inf):
            raise ArgumentError(
                f"BoltzmannPolicy: temperature: expected a number above 0, or the path of one in the agent's "
                f"state, got {temperature!r}"
            )
        self.values = values
        self.temperature = temperature
        self.action_space = space
        self.batched = isinstance(values, Planner) or None
        self.by_chance = isinstance(values, Planner) and values.draws

    def probabilities(self, observation: State, state: State) -> Value:
        if not isinstance(self.values, Planner):
            return self._soft(self.values(observation, state), state)
        return self._soft(self.values.values(state, observation, self.values.undrawn(state)), state)

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, Value]:
        if not isinstance(self.values, Planner):
            return super().sample(observation, state, rng)
        weights = self._soft(self.values.values(state, observation, rng), state)
        return self.values.numbers[rng.categorical(weights)], 0.0

    def _soft(self, values: Any, state: State) -> Value:
        temperature: Any = self.temperature
        if isinstance(temperature, str):
            temperature = get_path(state, temperature)
            if not np.all(np.greater(temperature, 0)):
                raise ContractError(
                    f"BoltzmannPolicy: {self.temperature}: expected a number above 0, got {temperature}"
                )
            if self.batched:
                temperature = np.asarray(temperature)[..., None]
        scaled = np.divide(values, temperature)
        weights = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)
