"""An action as it comes from a page: what was done, when, and how."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as short
from typing import Any

import numpy as np

from interaction.errors import ArgumentError, InteractionError, SpaceError
from interaction.membership import membership
from interaction.people.events import Json, decode
from interaction.spaces import Dict, Space
from interaction.state import State, Value, freeze

TOLD = ("shown", "pressed", "acted", "path", "by")
"""What an action may tell of itself: when (ms of the page's clock) what was seen was shown, the pointer went
down, and the person acted; the path of the pointer in between, [[ms, x, y], …]; and by what."""

LARGEST = 2**53
"""The largest number that an action may tell of itself: up to here floats count one by one."""


def read_action(space: Space[Any], found: Json) -> Value:
    """Give an action from its JSON, as the action space says it.

    A list stands for an array, and a dict for an action of several parts.
    Raises `SpaceError` for one outside.

    >>> from interaction import spaces
    >>> from interaction.people.actions import read_action
    >>> read_action(spaces.real(0.0, 1.0, (2,)), [0, 0.5])
    array([0. , 0.5])
    """
    member = membership(space)
    try:
        action = member.conform(_value(space, decode(found)))
    except (InteractionError, TypeError, ValueError) as error:
        raise SpaceError(f"action: expected a value in {space}, got {short(found)}") from error
    member.check(action, "action")
    return action


def _value(space: Space[Any], found: Value) -> Value:
    if isinstance(space, Dict) and isinstance(found, Mapping):
        parts = space.spaces
        return State(**{name: _value(parts.get(name, space), part) for name, part in found.items()})
    if isinstance(found, bool) and membership(space).kinds != "b":
        raise TypeError("a flag is no number")
    return freeze(np.array(found) if isinstance(found, list) else found)


def read_told(payload: Mapping[str, Json]) -> dict[str, Json]:
    """Give what an action tells of itself, with the response time (s); raise an `ArgumentError` for nonsense.

    >>> from interaction.people.actions import read_told
    >>> read_told({"action": 1, "shown": 200.0, "acted": 950.0, "by": "key"})
    {'shown': 200.0, 'acted': 950.0, 'by': 'key', 'response_time': 0.75}
    """
    told = {name: payload[name] for name in TOLD if payload.get(name) is not None}
    for name in ("shown", "pressed", "acted"):
        if name in told and not _is_number(told[name]):
            raise ArgumentError(f"action: {name}: expected ms, got {short(told[name])}")
    if "by" in told and not (isinstance(told["by"], str) and len(told["by"]) <= 20):
        raise ArgumentError(f"action: by: expected a word, got {short(told['by'])}")
    path = told.get("path", [])
    if not isinstance(path, list) or not all(_is_point(point) for point in path):
        raise ArgumentError(f"action: path: expected [[ms, x, y], …], got {short(path)}")
    if "shown" in told and "acted" in told:
        told["response_time"] = (told["acted"] - told["shown"]) / 1000
    return told


def _is_point(found: Json) -> bool:
    return isinstance(found, list) and len(found) == 3 and all(map(_is_number, found))


def _is_number(found: Json) -> bool:
    return type(found) in (int, float) and abs(found) <= LARGEST  # NaN is not
