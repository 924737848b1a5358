"""Policies: how an agent picks an action, given its observation and its state."""

from __future__ import annotations

from typing import Any

import numpy as np

from interaction import spaces
from interaction.component import Component
from interaction.errors import ArgumentError
from interaction.random import EpisodeRandom
from interaction.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space
from interaction.state import State, Value, freeze
from interaction.task import missing

Sampled = tuple[Value, Value]
"""An action and the reward (or cost) of choosing it."""


class Policy(Component):
    """How an agent picks an action, given its observation and its state.

    A policy defines `action_space` (of one action, as a class attribute or in `__init__`) and
    `sample`; it may define `log_prob`, which inference about the agent needs.
    """

    action_space: Space[Any]

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        """Give an action and a reward."""
        raise missing(self, "sample(self, observation, state, rng)", "returns (action, reward)")

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        """Give the log probability (natural) of an action: a number, or one for each episode."""
        raise missing(self, "log_prob(self, action, observation, state)", "returns the log probability")

    def simulated(self) -> Policy:
        """Give the policy that stands in for this one while the agent is simulated."""
        return self


class DeterministicPolicy(Policy):
    """A policy that always picks `action(observation, state)`, but for a uniform slip at the rate `lapse`."""

    lapse: float = 0.0

    def __init__(self, lapse: float = 0.0) -> None:
        if not 0.0 <= lapse <= 1.0:
            raise ArgumentError(
                f"{type(self).__name__}: expected a lapse rate between 0 and 1, got {lapse!r}"
            )
        self.lapse = lapse

    def action(self, observation: State, state: State) -> Value:
        """Give the action."""
        raise missing(self, "action(self, observation, state)", "returns the action")

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        action = self.action(observation, state)
        if self.lapse:
            slips = rng.random() < self.lapse
            other = spaces.sample(self.action_space, rng)
            slips = np.reshape(slips, np.shape(slips) + (1,) * len(spaces.shape_of(self.action_space)))
            action = freeze(np.where(slips, other, action))
        return action, 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        equal = np.equal(action, self.action(observation, state))
        shape = spaces.shape_of(self.action_space)
        if shape:
            equal = np.all(equal, axis=tuple(range(-len(shape), 0)))
        with np.errstate(divide="ignore"):
            slip = (
                np.log(self.lapse * np.exp(_uniform_log_prob(self.action_space))) if self.lapse else -np.inf
            )
            hit = np.logaddexp(np.log1p(-self.lapse), slip)
        return freeze(np.where(equal, hit, slip))


class DiscretePolicy(Policy):
    """A policy over a `Discrete` action space, given by the probability of each action."""

    action_space: Discrete

    def probabilities(self, observation: State, state: State) -> Value:
        """Give the probability of each action: `(..., actions)`, summing to one."""
        raise missing(self, "probabilities(self, observation, state)", "returns an array (..., actions)")

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        return int(self.action_space.start) + rng.categorical(self.probabilities(observation, state)), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        probabilities = np.asarray(self.probabilities(observation, state), float)
        index = np.asarray(action) - int(self.action_space.start)
        leading = np.broadcast_shapes(index.shape, probabilities.shape[:-1])
        index = np.broadcast_to(index, leading)[..., None]
        probabilities = np.broadcast_to(probabilities, (*leading, probabilities.shape[-1]))
        with np.errstate(divide="ignore"):
            return freeze(np.log(np.take_along_axis(probabilities, index, axis=-1)[..., 0]))


class RandomPolicy(Policy):
    """A policy that picks each element of its action space with equal probability."""

    batched = True

    def __init__(self, action_space: Space[Any]) -> None:
        self.action_space = action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        return spaces.sample(self.action_space, rng), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        if isinstance(self.action_space, Dict):
            parts = self.action_space.spaces.items()
            return sum(RandomPolicy(part).log_prob(action[name], observation, state) for name, part in parts)
        constant = _uniform_log_prob(self.action_space)
        shape = np.shape(action)
        leading = shape[: len(shape) - len(spaces.shape_of(self.action_space))]
        return freeze(np.full(leading, constant)) if leading else constant


class DualPolicy(Policy):
    """A policy with a dual: it behaves as `primary`, and as `dual` while its agent is simulated."""

    def __init__(self, primary: Policy, dual: Policy) -> None:
        self.primary = primary
        self.dual = dual
        self.batched = primary.batched
        self.action_space = primary.action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        return self.primary.sample(observation, state, rng)

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        return self.primary.log_prob(action, observation, state)

    def simulated(self) -> Policy:
        return self.dual.simulated()


def _uniform_log_prob(space: Space[Any]) -> float:
    """The log probability (or density) of each element of a finite space or a bounded box."""
    if isinstance(space, Dict):
        return sum(_uniform_log_prob(part) for part in space.spaces.values())
    if isinstance(space, Discrete):
        return -float(np.log(space.n))
    if isinstance(space, MultiDiscrete):
        return -float(np.log(space.nvec).sum())
    if isinstance(space, MultiBinary):
        return -float(np.log(2.0) * np.prod(space.shape))
    if isinstance(space, Box) and space.is_bounded():
        whole = space.dtype is not None and space.dtype.kind in "iub"
        return -float(np.log(space.high.astype(float) - space.low.astype(float) + whole).sum())
    raise ArgumentError(f"no uniform distribution over {space}: it is not bounded")
