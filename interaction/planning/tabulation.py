"""Tables: the policy of an agent with finitely many situations, worked out once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.errors import ArgumentError, ContractError, SpaceError, UnknownNameError
from interaction.given import reading
from interaction.planning.boltzmann import BoltzmannPolicy
from interaction.policy import DiscretePolicy, space_bounds
from interaction.spaces import Choice, Dict, Discrete, Space
from interaction.state import State, Value, get_path
from interaction.task import defines

Array = NDArray[Any]


def tabulate(
    policy: DiscretePolicy,
    observations: Dict | Mapping[str, Space[Any]],
    states: Dict | Mapping[str, Space[Any]] | None = None,
    *,
    most: int = 100_000,
) -> TabulatedPolicy:
    """Ask a policy once in each of its situations, and give the policy that looks its answers up.

    A situation is what the policy reads: an observation and the agent's own state. `observations` and
    `states` are the finite spaces of these (`Discrete`, `Choice`, arrays of whole numbers, or a `Dict` of
    them, nested as the values are: `{"task_state": spaces.Dict(x=...)}`); what else the agent sees makes no
    difference, and a policy that reads it all the same is an error. The probabilities are the same to the
    bit.

    Agents that think about each other ask each other's models. If each level asks a table of the level below,
    it adds to its cost, and does not multiply it.
    Raises `ContractError` for a policy that has no `probabilities`, or more to it than these (a cost, a
    dual), and for spaces that are not finite; `ArgumentError` for more than `most` situations;
    `UnknownNameError` for what the policy reads, or asks for by `in` or `getattr`, and the spaces lack.

    >>> import numpy as np
    >>> from interaction import DiscretePolicy, State, spaces, tabulate
    >>> class Agrees(DiscretePolicy):
    ...     action_space = spaces.Discrete(2)
    ...
    ...     def probabilities(self, observation, state):
    ...         return np.where(np.arange(2) == observation.user_action, 0.9, 0.1)
    >>> table = tabulate(Agrees(), {"user_action": spaces.Discrete(2)})
    >>> table.probabilities(State(user_action=1), State())
    array([0.1, 0.9])
    """
    if not isinstance(policy, DiscretePolicy):
        raise ContractError(
            f"tabulate: expected a DiscretePolicy, whose probabilities can be asked for, got {policy!r}"
        )
    name = type(policy).__name__
    own = [method for method in ("sample", "log_prob") if defines(policy, method, DiscretePolicy)]
    if own and type(policy) is not BoltzmannPolicy:
        raise ContractError(
            f"tabulate: {name} defines {own[0]} besides its probabilities, which a table would leave out"
        )
    if policy.simulated() is not policy:
        raise ContractError(
            f"tabulate: {name} is another one while it is simulated; tabulate both, and write "
            f"DualPolicy(table, table_of_the_dual)"
        )
    situations = Dict({"observation": _dict(observations), "state": _dict(states or {})})
    numbers = {path: spaces.count(space) for path, space in spaces.leaves(situations)}
    for path, number in numbers.items():
        if number is None:
            space = dict(spaces.leaves(situations))[path]
            raise ContractError(f"tabulate: {path}: expected a finite space, got {space}")
    total = math.prod(number or 0 for number in numbers.values())
    if total > most:
        listed = ", ".join(f"{number:,} of {path}" for path, number in numbers.items())
        raise ArgumentError(f"tabulate: expected up to {most:,} situations, got {total:,}: {listed}")
    found = [_asked(policy, situation) for situation in spaces.elements(situations)]
    return TabulatedPolicy(situations, np.stack(found), policy.action_space, policy.first_action)


def _dict(given: Dict | Mapping[str, Any]) -> Dict:
    if not isinstance(given, Mapping | Dict):
        raise ContractError(f"tabulate: expected a spaces.Dict of what the policy reads, got {given!r}")
    parts = given.spaces if isinstance(given, Dict) else given
    return Dict({name: _dict(part) if isinstance(part, Mapping) else part for name, part in parts.items()})


class _Situation(State):
    """What a policy is asked with: to ask what else there may be is an error, also where that is caught."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._refuse(f"reads {name!r}")

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__ or self._refuse(f"asks whether there is {name!r}")

    def _refuse(self, what: str) -> Any:
        raise UnknownNameError(f"it {what}; there is only {', '.join(self.__dict__) or 'nothing'}")


def _situation(state: State) -> _Situation:
    parts = {name: _situation(part) if isinstance(part, State) else part for name, part in state.items()}
    return _Situation(**parts)


def _asked(policy: DiscretePolicy, situation: Any) -> Array:
    name = type(policy).__name__
    ask = reading(policy.probabilities, name, "probabilities")
    try:
        found = ask(_situation(situation.observation), _situation(situation.state))
    except UnknownNameError as error:
        error.add_note("tabulate asks the policy with what observations and states hold: add what it reads.")
        raise
    chances = np.asarray(found, float)
    if chances.shape != (policy.action_space.n,):
        raise ContractError(
            f"tabulate: {name}.probabilities: expected one for each of the "
            f"{policy.action_space.n} actions of {policy.action_space}, got {found!r}"
        )
    return chances


class TabulatedPolicy(DiscretePolicy):
    """A policy that looks up the probability of each action: see `tabulate`.

    `table` holds them by situation, `(situations, actions)`, in the order of
    `spaces.elements(situations)`; `situations` is a `Dict` of the spaces of `observation` and `state`.

    >>> from interaction import spaces, tabulate
    >>> from interaction.users.bandit import ExpertPolicy
    >>> seen = {"task_state": spaces.Dict(best_arm=spaces.Discrete(3))}
    >>> tabulate(ExpertPolicy(3, p_best=0.8), seen).table
    array([[0.8, 0.1, 0.1],
           [0.1, 0.8, 0.1],
           [0.1, 0.1, 0.8]])
    """

    batched = True

    def __init__(
        self, situations: Dict, table: Array, action_space: Discrete | Choice, first_action: Value = None
    ) -> None:
        self.situations = situations
        self.table = table
        self.action_space = action_space
        self.first_action = first_action

    def probabilities(self, observation: State, state: State) -> Value:
        whole = State(observation=observation, state=state)
        index: Any = 0
        for path, space in spaces.leaves(self.situations):
            value = _position(space, get_path(whole, path), path)
            index = index * spaces.count(space) + value
        return self.table[index]


def _position(space: Space[Any], value: Any, path: str) -> Any:
    """Give the index of a value among the elements of its space; raise for one that is outside."""
    shape = spaces.shape_of(space)
    if not shape and isinstance(space, Discrete | Choice):
        found: Any = np.asarray(spaces.position(space, value))
        width: Any = space.n
        wrong = ~((found >= 0) & (found < width) & (found == np.floor(found)))
    else:
        low, high = (np.ravel(bound).astype(np.int64) for bound in space_bounds(space))
        entries = np.asarray(value)
        entries = entries.reshape(*entries.shape[: entries.ndim - len(shape)], -1)
        inside = (entries >= low) & (entries <= high) & (entries == np.floor(entries))
        wrong = ~inside.all(axis=-1)
        entries = np.where(inside, entries, low)
        strides = np.cumprod([1, *(high - low + 1)[:0:-1]])[::-1]
        found = ((entries.astype(np.int64) - low) * strides).sum(axis=-1)
    if np.any(wrong):
        raise SpaceError(f"TabulatedPolicy: {path}: expected a value in {space}, got {value!r}")
    return found.astype(np.int64)
