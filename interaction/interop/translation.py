"""What CoopIHC's states and spaces are in ours, and ours in theirs.

Their `StateElement` is an array that carries its space; our values are plain, and spaces are declared once.
This module imports `coopihc`.
"""

from __future__ import annotations

from collections import OrderedDict
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
from interaction.spaces import Box, Choice, Dict, Discrete, Space, Text
from interaction.state import RESERVED, State, Value, freeze, make

_COUNTABLE = 2**62  # an integer space that is wider is a Box


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
    parts: OrderedDict[str, Space[Any]] = OrderedDict()  # gymnasium would sort the names of another one
    for name, part in state.items():
        path = f"{where}[{name!r}]"
        if name in RESERVED:
            raise ContractError(
                f"{path}: a field of a State cannot be called so, a method is; give it another name"
            )
        parts[name] = spaces_of(part, path) if isinstance(part, TheirState) else space_of(part, path)
    return Dict(parts)


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
        if not isinstance(part, Text):  # they have nothing to hold it
            state[name] = state_of(part) if isinstance(part, Dict) else element_of(part, spaces.first(part))
    return state


def observation_of(theirs: Any, single: Collection[str]) -> State:
    """Give what one of their observation engines saw, in the form of our observations.

    `single` names the agents whose actions have one entry, which is then the action.
    """
    fields: dict[str, Value] = {}
    for name, part in theirs.items():
        if not isinstance(part, dict):
            raise ContractError(
                f"an observation has the parts of a game state, each a State; {name!r} is {part!r}"
            )
        values = values_of(part)
        if name == "game_info":
            fields |= values.__dict__
        elif name.removesuffix("_action") in single and len(values) == 1:
            (fields[name],) = values.values()
        else:
            fields[name] = values
    return make(State, fields)
