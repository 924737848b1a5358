"""What CoopIHC's states and spaces are in ours, and a `Mirror` in which its components see ours.

Their `StateElement` is an array that carries its space; our values are plain, and spaces are declared once.
This module imports `coopihc`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from coopihc.base.elements import array_element, cat_element, discrete_array_element
from coopihc.base.Space import CatSet
from coopihc.base.State import State as TheirState
from coopihc.base.StateElement import StateElement

from interaction import spaces
from interaction.errors import ContractError
from interaction.policy import space_bounds
from interaction.spaces import Box, Choice, Dict, Discrete, Space
from interaction.state import State, Value, freeze, make, same

_COUNTABLE = 2**62  # an integer space that is wider is a Box
_EXTRA = ("turn_index", "round_index")


def space_of(element: Any, where: str) -> Space[Any]:
    """Give the space of one of their state elements.

    A numeric integer without axes is `Discrete`, any other number a `Box` of its shape and type, and a
    categorical set is `Discrete` if its values follow each other, else a `Choice`.
    """
    if not isinstance(element, StateElement):
        raise ContractError(
            f"{where}: expected a StateElement, whose space says what it may hold, got {element!r} of type "
            f"{type(element).__name__}; declare it with array_element, discrete_array_element or cat_element"
        )
    theirs = element.space
    if isinstance(theirs, CatSet):
        values = [int(value) for value in theirs.array]
        follow = values == list(range(values[0], values[0] + len(values)))
        return Discrete(len(values), start=values[0]) if follow else Choice(values)
    dtype = np.dtype(theirs.dtype)
    if dtype.kind not in "iuf":
        raise ContractError(f"{where}: expected numbers, got a StateElement of the type {dtype}: {element!r}")
    low, high = np.asarray(theirs.low), np.asarray(theirs.high)
    if dtype.kind in "iu":
        high = np.where(
            high < low, np.iinfo(dtype).max, high
        )  # their conversion turns over an infinite bound
        if low.shape == () and int(high) - int(low) < _COUNTABLE:
            return Discrete(int(high) - int(low) + 1, start=int(low))
    return Box(low, high, low.shape, dtype.type)


def spaces_of(state: Any, where: str) -> Dict:
    """Give the spaces of one of their states, which may be nested."""
    return Dict(
        {
            name: spaces_of(part, f"{where}[{name!r}]")
            if isinstance(part, TheirState)
            else space_of(part, f"{where}[{name!r}]")
            for name, part in state.items()
        }
    )


def values_of(state: Any) -> State:
    """Give the values of one of their states as a state of ours."""
    return make(
        State,
        {
            name: values_of(part) if isinstance(part, dict) else freeze(np.array(part))
            for name, part in state.items()
        },
    )


def element_of(space: Space[Any], value: Value) -> Any:
    """Give one of their state elements with a space and a value of ours."""
    if isinstance(space, Choice):
        element = cat_element(space.n)
        element.space.array = space.values
        element[...] = value
        return element
    if isinstance(space, Box) and not space.is_bounded():
        low, high, dtype = space.low, space.high, space.dtype
    else:
        low, high = space_bounds(space)
        dtype = np.asarray(low).dtype
    whole = np.dtype(dtype).kind in "iub"
    make_element = discrete_array_element if whole else array_element
    return make_element(
        init=value, low=low, high=high, dtype=np.int64 if whole else dtype, out_of_bounds_mode="silent"
    )


def state_of(space: Dict) -> Any:
    """Give one of their states with spaces of ours, and the first elements as values."""
    state = TheirState()
    for name, part in space.spaces.items():
        state[name] = state_of(part) if isinstance(part, Dict) else element_of(part, spaces.first(part))
    return state


def observation_of(theirs: Any) -> State:
    """Give what one of their observation engines saw, in the form of our observations."""
    fields: dict[str, Value] = {}
    for name, part in theirs.items():
        values = values_of(part)
        if name == "game_info":
            fields |= values.__dict__
        elif name in ("user_action", "assistant_action") and tuple(values) == ("action",):
            fields[name] = values["action"]
        else:
            fields[name] = values
    return make(State, fields)


Leaf = tuple[Any, Any, frozenset[type]]
"""A state element, the array without its space, and the types of single numbers that it takes."""


def _leaf(element: Any) -> Leaf:
    view = element.view(np.ndarray)
    return element, view, frozenset() if view.ndim else _FLOATS if view.dtype.kind == "f" else _INTEGERS


_INTEGERS = frozenset({int, bool})
_FLOATS = frozenset({int, bool, float})


class Mirror:
    """One of their states, in which the values of a state of ours are shown.

    The elements are made once, and then hold one value after the other. What is not shown is not there: a
    component that reads it gets a `KeyError`, in place of a value of yesterday.
    """

    def __init__(self, state: Any, like: Mirror | None = None) -> None:
        self.state = state
        self._like = like
        self._shown: Collection[str] = list(state)
        self._leaves: dict[str, Leaf] = {}
        self._inner: dict[str, Mirror] = {}
        for name, part in state.items():
            if isinstance(part, TheirState):
                self._inner[name] = Mirror(part)
            elif isinstance(part, StateElement):  # a partner may hold other things, which nobody sees
                self._leaves[name] = _leaf(part)

    def show(self, values: State) -> None:
        """Show these values, and nothing else."""
        fields = values.__dict__
        state, leaves = self.state, self._leaves
        self._shown = fields.keys()
        for name, value in fields.items():
            leaf = leaves.get(name)
            if leaf is None or not (type(value) in leaf[2] or _fits(leaf[1], value)):
                self._show_other(name, value)
                continue
            leaf[1][...] = value
            if state.get(name) is not leaf[0]:
                dict.__setitem__(state, name, leaf[0])
        if state.keys() != self._shown:
            for name in [name for name in state if name not in self._shown]:
                del state[name]

    def _show_other(self, name: str, value: Value) -> None:
        """Show a nested state, or a value that needs another element."""
        if isinstance(value, State):
            inner = self._inner.get(name) or self._add_inner(name)
            inner.show(value)
            dict.__setitem__(self.state, name, inner.state)
        elif value is None or isinstance(value, str):  # they have nothing to hold it
            self._shown = [shown for shown in self._shown if shown != name]
        else:
            element, view, _ = self._add_leaf(name, value)
            view[...] = value
            dict.__setitem__(self.state, name, element)

    def alias(self, other: Mirror) -> None:
        """Hold the very elements of another mirror where they are single numbers of the same value.

        So do their observation engines, and some of their inference engines write into what they observe.
        """
        for name, (element, view, _) in other._leaves.items():
            mine = self._leaves.get(name)
            if view.ndim == 0 and name in self.state and mine is not None and mine[1] == view:
                dict.__setitem__(self.state, name, element)

    def read(self, where: str) -> State:
        """Give the values that the state has now."""
        state = self.state
        fields: dict[str, Value] = {}
        for name in self._shown:
            path = f"{where}[{name!r}]"
            if name not in state:
                raise ContractError(f"{path} disappeared while it was played")
            if name in self._inner:
                fields[name] = self._inner[name].read(path)
                continue
            value, shape = np.asarray(state[name]), self._leaves[name][1].shape
            if value.shape != shape:
                if value.size != int(np.prod(shape)):
                    raise ContractError(f"{path}: expected the shape {shape}, got {value.shape}")
                value = value.reshape(shape)
            element = self._leaves[name][0]
            if element.out_of_bounds_mode == "clip":  # an operation in place, as `+=`, has gone around it
                value = np.clip(value, element.space.low, element.space.high)
            fields[name] = value.item() if value.ndim == 0 else freeze(value)
        if len(state) != len(fields):
            added = next(name for name in state if name not in fields)
            raise ContractError(
                f"{where}[{added!r}] appeared while it was played; the fields of a state are declared in "
                f"__init__ or finit, so that their spaces are known"
            )
        return make(State, fields)

    def changed(self, values: State) -> str | None:
        """Name a field that is not as it was shown."""
        for name in self._shown:
            value = values.__dict__[name]
            if name in self._inner:
                inner = self._inner[name].changed(value)
                if inner is not None:
                    return f"{name}.{inner}"
            elif name not in self.state or not same(freeze(np.array(self.state[name])), value):
                return name
        return next((name for name in self.state if name not in self._shown), None)

    def _add_inner(self, name: str) -> Mirror:
        like = None if self._like is None else self._like._inner.get(name)
        self._inner[name] = Mirror(TheirState(), like)
        return self._inner[name]

    def _add_leaf(self, name: str, value: Value) -> Leaf:
        """Make an element for a value: with the space of the one that it shows, if that is known."""
        known = None if self._like is None else self._like._leaves.get(name)
        if known is not None and (type(value) in known[2] or _fits(known[1], value)):
            element = StateElement(known[1].copy(), known[0].space, out_of_bounds_mode="silent")
            element.out_of_bounds_mode = known[0].out_of_bounds_mode
        else:
            array = np.asarray(value)
            if array.dtype.kind == "b":
                array = array.astype(np.int64)
            whole = array.dtype.kind in "iu"
            limits = np.iinfo(array.dtype) if whole else None
            low, high = (limits.min, limits.max) if limits else (-np.inf, np.inf)
            element = element_of(Box(low, high, array.shape, array.dtype.type), array)
        self._leaves[name] = _leaf(element)
        return self._leaves[name]


def _fits(view: Any, value: Value) -> bool:
    """Whether an array can be written into another one without loss."""
    if not isinstance(value, np.ndarray) or view.shape != value.shape:
        return False
    return bool(view.dtype.kind == "f" or value.dtype.kind != "f")
