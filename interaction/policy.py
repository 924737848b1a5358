"""Policies: how an agent picks an action, given its observation and its state."""

from __future__ import annotations

from functools import reduce
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.component import Component, check_parts, promise_of
from interaction.errors import ArgumentError, ContractError
from interaction.membership import membership
from interaction.random import EpisodeRandom
from interaction.spaces import Box, Choice, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Undeclared
from interaction.state import State, Value, freeze
from interaction.task import defines, missing

Sampled = tuple[Value, Value]
"""An action and the reward (or cost) of choosing it."""


_SUM = 1e-6  # by which the sum of probabilities may differ from one, for numbers of single precision


class Policy(Component):
    """How an agent picks an action, given its observation and its state.

    A policy defines `action_space` (of one action, as a class attribute or in `__init__`) and
    `sample`; it may define `log_prob`, which inference about the agent needs, and `first_action`, what stands
    for its last action before the first one (by default the first element of the action space).

    >>> from interaction import EpisodeRandom, Policy, State, spaces
    >>> class Aims(Policy):
    ...     action_space = spaces.real(0.0, 1.0)
    ...
    ...     def sample(self, observation, state, rng):
    ...         return min(max(rng.normal(observation.target, state.noise), 0.0), 1.0), 0.0
    >>> action, reward = Aims().sample(State(target=0.5), State(noise=0.1), EpisodeRandom(seed=0))
    >>> round(action, 3), reward
    (0.313, 0.0)
    """

    action_space: Space[Any]
    first_action: Value = None
    by_chance = False
    """Whether it chooses by values that are drawn, such as those of rollouts, and so has no `log_prob`."""

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
    """A policy that always picks `action(observation, state)`, but for a uniform slip at the rate `lapse`.

    `sample` and `log_prob` follow from `action`. Raises `ArgumentError` for a rate outside [0, 1].

    >>> from interaction import DeterministicPolicy, State, spaces
    >>> class Imitates(DeterministicPolicy):
    ...     action_space = spaces.Discrete(4)
    ...
    ...     def action(self, observation, state):
    ...         return observation.user_action
    >>> round(Imitates(lapse=0.2).log_prob(3, State(user_action=3), State()), 3)  # log(0.8 + 0.2 / 4)
    -0.163
    """

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
            action = _mix(slips, spaces.sample(self.action_space, rng), action, self.action_space)
        return action, 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        equal = _agree(action, self.action(observation, state), self.action_space)
        slip: Value = -np.inf
        if self.lapse:
            slip = np.log(self.lapse) + uniform_log_prob(action, self.action_space)
        with np.errstate(divide="ignore"):
            return freeze(np.where(equal, np.logaddexp(np.log1p(-self.lapse), slip), slip))


def always_acts(policy: Policy) -> TypeGuard[DeterministicPolicy]:
    """Say whether a policy samples its `action` and nothing else: no slips, no `sample` of its own."""
    if not isinstance(policy, DeterministicPolicy) or policy.lapse:
        return False
    return getattr(policy.sample, "__func__", None) is DeterministicPolicy.sample


class DiscretePolicy(Policy):
    """A policy over a `Discrete` action space (or a `Choice`), given by the probability of each action.

    `sample` and `log_prob` follow from `probabilities`, `(..., actions)`. They raise `ContractError` where
    these are not one for each action, or do not sum to one.

    >>> from interaction import DiscretePolicy, EpisodeRandom, State, spaces
    >>> class Guesses(DiscretePolicy):
    ...     action_space = spaces.Discrete(2)
    ...
    ...     def probabilities(self, observation, state):
    ...         return [1 - state.bias, state.bias]
    >>> policy, rng = Guesses(), EpisodeRandom(seed=0)
    >>> [policy.sample(State(), State(bias=0.9), rng)[0] for _ in range(10)]
    [0, 1, 1, 1, 0, 1, 1, 1, 1, 1]
    >>> round(policy.log_prob(1, State(), State(bias=0.9)), 3)
    -0.105
    """

    action_space: Discrete | Choice

    def probabilities(self, observation: State, state: State) -> Value:
        """Give the probability of each action: `(..., actions)`, summing to one."""
        raise missing(self, "probabilities(self, observation, state)", "returns an array (..., actions)")

    def _weights(self, observation: State, state: State) -> Value:
        weights = self.probabilities(observation, state)
        listed, space = isinstance(weights, list | tuple), self.action_space
        if (len(weights),) != (space.n,) if listed else np.shape(weights)[-1:] != (space.n,):
            raise ContractError(
                f"{type(self).__name__}.probabilities: expected one for each of the {space.n} actions of "
                f"{space}, got {weights!r}"
            )
        total = sum(weights) if listed else weights.sum(axis=-1)
        if np.any(np.abs(total - 1) > _SUM):  # of NaN `categorical` and `log_prob` tell
            raise ContractError(
                f"{type(self).__name__}.probabilities: expected numbers that sum to one, got the sum {total}"
            )
        return weights

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        weights = self._weights(observation, state)
        index = rng.categorical(weights)
        return spaces.element(self.action_space, index), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        probabilities = self._weights(observation, state)
        if isinstance(probabilities, list | tuple):
            probabilities = np.stack(probabilities)
        if not np.all(np.greater_equal(probabilities, 0)):  # NaN included
            raise ContractError(
                f"{type(self).__name__}.probabilities: expected numbers >= 0, got {probabilities!r}"
            )
        index = spaces.position(self.action_space, action)
        if index.ndim == 0 and probabilities.ndim == 1:
            inside = (index >= 0) & (index < len(probabilities))
            with np.errstate(divide="ignore"):
                return freeze(np.log(np.where(inside, probabilities[np.where(inside, index, 0)], 0.0)))
        probabilities = np.asarray(probabilities, float)
        leading = np.broadcast_shapes(index.shape, probabilities.shape[:-1])
        index = np.broadcast_to(index, leading)[..., None]
        count = probabilities.shape[-1]
        inside = (index >= 0) & (index < count)
        probabilities = np.broadcast_to(probabilities, (*leading, count))
        chosen = np.take_along_axis(probabilities, np.where(inside, index, 0), axis=-1)
        with np.errstate(divide="ignore"):
            return freeze(np.log(np.where(inside, chosen, 0.0)[..., 0]))


class RandomPolicy(Policy):
    """A policy that picks each element of its action space with equal probability.

    It draws by `spaces.sample`. The `log_prob` of an action in a box is a density; without bounds there is
    none (`ArgumentError`).

    >>> from interaction import EpisodeRandom, RandomPolicy, State, spaces
    >>> policy, rng = RandomPolicy(spaces.Discrete(3, start=-1)), EpisodeRandom(seed=0)
    >>> [policy.sample(State(), State(), rng)[0] for _ in range(8)]
    [-1, -1, 1, 0, -1, 1, 1, -1]
    >>> round(policy.log_prob(0, State(), State()), 3)
    -1.099
    """

    batched = True

    def __init__(self, action_space: Space[Any]) -> None:
        self.action_space = action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        return spaces.sample(self.action_space, rng), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        return uniform_log_prob(action, self.action_space)


class DualPolicy(Policy):
    """A policy with a dual: it behaves as `primary`, and as `dual` while its agent is simulated.

    So an agent whose policy is costly, or simulates, is simulated by something simpler.
    Raises `ContractError` for a part that is no policy.

    >>> from interaction import Assistant, DualPolicy, RandomPolicy, spaces
    >>> from interaction.assistants.pointing import ConstantGainPolicy
    >>> policy = DualPolicy(primary=ConstantGainPolicy(2.0), dual=RandomPolicy(spaces.real(-2.0, 2.0)))
    >>> assistant = Assistant(policy=policy)
    >>> type(assistant.dual().policy).__name__
    'RandomPolicy'
    """

    def __init__(self, primary: Policy, dual: Policy) -> None:
        check_parts("DualPolicy", Policy, (primary, dual))
        self.primary = primary
        self.dual = dual
        self.batched = promise_of(primary)
        self.action_space = primary.action_space
        self.first_action = primary.first_action

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        return self.primary.sample(observation, state, rng)

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        return self.primary.log_prob(action, observation, state)

    def simulated(self) -> Policy:
        return self.dual.simulated()


def has_log_prob(policy: Policy) -> bool:
    """Say whether a policy, or the primary one of a dual policy, defines `log_prob`."""
    while isinstance(policy, DualPolicy):
        policy = policy.primary
    return defines(policy, "log_prob", Policy) and not policy.by_chance


def first_action(policy: Policy) -> Value:
    """Give what stands for the last action of an agent before its first one."""
    first = spaces.first(policy.action_space) if policy.first_action is None else policy.first_action
    return membership(policy.action_space).conform(freeze(first))


def uniform_log_prob(action: Value, space: Space[Any]) -> Value:
    """Give the log probability (in a box, the density) of an action drawn uniformly from a space."""
    if isinstance(space, Dict):
        return sum(uniform_log_prob(action[name], part) for name, part in space.spaces.items())
    if isinstance(space, Choice):
        return freeze(np.where(np.isin(action, space.values), -np.log(space.n), -np.inf))
    low, high = space_bounds(space)
    whole = not isinstance(space, Box) or np.dtype(space.dtype).kind in "iub"
    constant = -float(np.log(high.astype(float) - low.astype(float) + whole).sum())
    exact = np.add(action, 0)
    if isinstance(space, Box):  # a 32-bit box takes its bounds with its own precision, as its membership does
        with np.errstate(over="ignore"):
            exact = exact.astype(np.result_type(space.low) if not whole else exact.dtype)
    inside = np.greater_equal(exact, low) & np.less_equal(exact, high)
    return freeze(np.where(_all(inside, space), constant, -np.inf))


def space_bounds(space: Space[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give the lowest and the highest values of a finite space or a bounded box.

    Raises `ContractError` for what is not declared, and `ArgumentError` for a space without bounds.
    """
    if isinstance(space, Discrete):
        return np.asarray(space.start), np.asarray(space.start + space.n - 1)
    if isinstance(space, MultiDiscrete):
        return space.start, space.start + space.nvec - 1
    if isinstance(space, MultiBinary):
        return np.zeros(space.shape, np.int64), np.ones(space.shape, np.int64)
    if isinstance(space, Box) and space.is_bounded():
        return space.low, space.high
    if isinstance(space, Undeclared):
        raise space.lacks("a uniform distribution")
    raise ArgumentError(f"no uniform distribution over {space}: it is not bounded")


def _all(each: Value, space: Space[Any]) -> Value:
    """Whether all entries of an action are true: `(..., *shape)` to `(...)`."""
    shape = spaces.shape_of(space)
    return np.all(each, axis=tuple(range(-len(shape), 0))) if shape else each


def _agree(first: Value, second: Value, space: Space[Any]) -> Value:
    """Whether two actions are the same, for each episode."""
    if isinstance(space, Dict):
        parts = [_agree(first[name], second[name], part) for name, part in space.spaces.items()]
        return reduce(np.logical_and, parts, True)
    return _all(np.equal(first, second), space)


def _mix(slips: Value, other: Value, action: Value, space: Space[Any]) -> Value:
    """Take the other action where an episode slips."""
    if isinstance(space, Dict):
        return State(
            **{name: _mix(slips, other[name], action[name], part) for name, part in space.spaces.items()}
        )
    slips = np.reshape(slips, np.shape(slips) + (1,) * len(spaces.shape_of(space)))
    return freeze(np.where(slips, other, action))
