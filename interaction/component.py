"""What all components share: they are values, and say whether they accept a batch."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from functools import cached_property
from types import FunctionType
from typing import Any, Self, TypeVar

import numpy as np

from interaction.errors import ContractError, unknown_name
from interaction.spaces import Dict, read_off
from interaction.state import State, same
from interaction.unread import UNREAD, tell_unread


class Component:
    """A value with pure methods: no method changes `self`, its arguments or a global.

    Methods are written for one episode, and lifted to play a batch (`batched = None`). `batched = True` is
    an expert's promise that they take raw arrays with a leading axis of episodes; it covers the class that
    makes it, and no subclass with methods of its own. `False` has the engine call them episode by episode.
    Two components are equal when they are of one class and hold equal values.

    >>> from interaction.tasks.tiger import TigerTask
    >>> TigerTask(accuracy=0.9) == TigerTask(accuracy=0.9)
    True
    >>> TigerTask()
    TigerTask(accuracy=0.85, listening=-1.0, reward=10.0, tiger=-100.0)
    """

    batched: bool | None = None

    def _replaced(self, **changes: Any) -> Self:
        """Give a copy with other attributes, whose names must exist."""
        twin = copy.copy(self)
        for name, value in changes.items():
            if name not in vars(self) and not hasattr(type(self), name):
                raise unknown_name(name, vars(self), f"{type(self).__name__}.replace")
            setattr(twin, name, value)
        return twin

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        mine, theirs = vars(self), vars(other)
        return mine.keys() == theirs.keys() and all(equal_values(mine[name], theirs[name]) for name in mine)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        with np.printoptions(threshold=12):  # a thousand weights say nothing in a message
            values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{type(self).__name__}({values})"


_NOT_PLAYED = frozenset({"plot", "simulated", "dual", "replace", "posterior"})


def promise_of(component: Component) -> bool | None:
    """Say what a component promises of batches: `batched`, if no method was written below where it was said.

    It is said in a class, in its `__init__`, or from outside of a component, which is meant as it is.
    """
    own = "batched" in vars(component)
    methods = False
    for kind in type(component).__mro__:
        if _says_batched(kind) if own else "batched" in kind.__dict__:
            promise: bool | None = component.batched if own else kind.__dict__["batched"]
            return None if promise and methods else promise
        methods = methods or any(
            _is_code(value) and not name.startswith("__") and name not in _NOT_PLAYED
            for name, value in kind.__dict__.items()
        )
    return component.batched if own else None


def _is_code(value: object) -> bool:
    """Whether what a class holds may be a method, or stand for one."""
    return isinstance(value, staticmethod | classmethod | property | cached_property) or (
        callable(value) and not isinstance(value, type | Component)
    )


def _says_batched(kind: type) -> bool:
    """Whether the `__init__` of a class sets `self.batched`."""
    construct = kind.__dict__.get("__init__")
    return isinstance(construct, FunctionType) and "batched" in construct.__code__.co_names


class SpaceOfFirstState:
    """A `state_space` that is left out: read off the component's first state whenever it is asked for.

    A class attribute or an instance attribute of that name comes before it. Nothing is kept, so that the
    component stays the value that it is.
    """

    def __get__(self, component: Any, kind: type | None = None) -> Any:
        if component is None:
            return self
        name = type(component).__name__
        try:
            first = component._first_state()
        except Exception as error:
            error.add_note(f"{name} leaves out its state_space, so its first state was asked for to know it.")
            if isinstance(error, UNREAD):
                tell_unread(error, name, "reset")
            raise
        if not isinstance(first, State):
            raise ContractError(
                f"{name}.reset: expected a State, got {first!r} of type {type(first).__name__}"
            )
        return read_off(first, name)


def left_out() -> Dict:
    """Give the class attribute that stands for a `state_space` which is left out."""
    space: Any = SpaceOfFirstState()
    return space  # type: ignore[no-any-return]


class PreparedComponent(Component):
    """A component that resolves something from its attributes when it is made, copied or unpickled.

    What `_prepare` resolves has names that begin with an underscore, and is no part of the value.
    """

    def _prepare(self) -> None:
        """Resolve what follows from the attributes."""
        raise NotImplementedError(f"{type(self).__name__} must define _prepare")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._prepare()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)) or type(self) is not type(other):
            return NotImplemented
        return equal_values(self.__getstate__(), other.__getstate__())

    __hash__ = Component.__hash__


def equal_values(first: Any, second: Any) -> bool:
    """Say whether two attributes hold the same values, containers and arrays included."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(equal_values(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple) and isinstance(second, list | tuple):
        return len(first) == len(second) and all(map(equal_values, first, second))
    if isinstance(first, State | Component):
        return bool(first == second)
    return same(first, second)


PartT = TypeVar("PartT", bound=Component)


def check_parts(owner: str, kind: type[PartT], parts: Iterable[PartT]) -> tuple[PartT, ...]:
    """Give the parts of a component that is made of others; raise a `ContractError` for another kind."""
    if isinstance(parts, Component) or not isinstance(parts, Iterable):
        raise ContractError(f"{owner}: expected a list of parts of the kind {kind.__name__}, got {parts!r}")
    listed = tuple(parts)
    for part in listed:
        if not isinstance(part, kind):
            got = f"the class {part.__name__}; make an instance" if isinstance(part, type) else repr(part)
            raise ContractError(f"{owner}: expected an instance of {kind.__name__}, got {got}")
    return listed
