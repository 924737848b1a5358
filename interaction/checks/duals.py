"""A simulated agent must not hold a primary component: it would simulate itself without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from types import MethodType
from typing import Any

from interaction.agent import Agent
from interaction.component import Component
from interaction.errors import ConformanceError
from interaction.inference.engine import DualInferenceEngine
from interaction.policy import DualPolicy
from interaction.simulator import Simulator

Dual = DualPolicy | DualInferenceEngine


def check_dual(agent: Agent) -> None:
    """Raise if the simulated agent has a component with a dual, or reaches a primary one."""
    duals = [part for part in _own_parts(agent) if isinstance(part, Dual)]
    simulated = agent.dual()
    for part in _own_parts(simulated):
        if isinstance(part, Dual):
            raise _held(agent, part)
    for value in reachable(simulated):
        if any(value is dual or value is dual.primary for dual in duals):
            raise _held(agent, value)


def _held(agent: Agent, part: object) -> ConformanceError:
    return ConformanceError(
        f"{type(agent).__name__}.dual() still holds the primary component {type(part).__name__}: "
        f"simulated, it would simulate itself without end"
    )


def _own_parts(value: Any) -> Iterator[Component]:
    """Walk over the policy and the engines that an agent is made of."""
    if isinstance(value, Agent):
        for part in (value.policy, value.observation_engine, value.inference_engine):
            yield from _own_parts(part)
    elif isinstance(value, Component):
        yield value
        for part in getattr(value, "engines", ()):
            yield from _own_parts(part)


def reachable(value: Any) -> Iterator[Any]:
    """Walk over all that a component reaches by its attributes, but not into simulators.

    A simulator plays the duals of its agents by itself, unless it was told to play the primary ones.
    """
    seen: dict[int, Any] = {}
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if id(found) not in seen:
            seen[id(found)] = found  # kept, so that no other object gets its id
            waiting += _held_by(found)
            yield found


def _held_by(value: Any) -> Iterable[Any]:
    if isinstance(value, Simulator):
        return ()
    if isinstance(value, Component):
        return vars(value).values()
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, list | tuple | set | frozenset):
        return value
    if isinstance(value, MethodType):
        return (value.__self__,)
    if isinstance(value, partial):
        return (value.func, *value.args, *value.keywords.values())
    return ()
