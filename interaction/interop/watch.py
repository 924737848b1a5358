"""Sees to it that nothing stays in a component of CoopIHC between two calls.

This module imports `coopihc`.
"""

from __future__ import annotations

import copy
import types
from typing import Any

import numpy as np
from coopihc.agents.BaseAgent import BaseAgent
from coopihc.bundle.BaseBundle import BaseBundle
from coopihc.interactiontask.InteractionTask import InteractionTask

from interaction.errors import ContractError
from interaction.interop.standins import StandIn, StandInBundle

OURS_TO_SET = {  # what the stage writes before each call
    "state", "_state", "bundle", "_bundle", "_bundle_memory", "host", "_host", "buffer", "action_state",
    "_policy", "_inference_engine", "_observation_engine", "primary_engine", "dual_engine",
}  # fmt: skip
_CACHES = ("mapping", "_action_keys")  # of their own classes, which make them anew
_EXEMPT = OURS_TO_SET.union(_CACHES)
_ATOMS = (int, float, str, bytes, bool, type(None))


_MODELS = (BaseBundle, InteractionTask, BaseAgent)  # what a component simulates with: as wrapped in each call


class Watch:
    """Notices which attributes a call has changed, and has whoever reads them later fail.

    What changes belongs into a state. What a call writes and then reads itself is scratch, and does no harm:
    the attribute is taken away after the call, so that only to read what an earlier call left is an error.
    """

    def __init__(self, parts: dict[str, Any], scratch: tuple[str, ...], left: set[tuple[str, str]]) -> None:
        self._scratch, self._left = scratch, left
        self._parts: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = []
        self._caches: list[tuple[Any, str, Any]] = []
        self._known = {id(part) for part in parts.values()}
        for where, part in parts.items():
            own = vars(part)
            part.__class__ = _watched(type(part))
            for cache in _CACHES:
                if cache in own:
                    self._caches.append((own, cache, own[cache]))
            watched = {key: value for key, value in own.items() if key not in _EXEMPT}
            plain = {key: copy.deepcopy(value) for key, value in watched.items() if _is_plain(value)}
            prints = {key: self._print(value) for key, value in watched.items() if key not in plain}
            self._parts.append((where, part, plain, prints))
        for where, key in left:  # by calls before the stage was built anew
            self._take_away(where, parts[where], key)
        self.simulates = any(
            isinstance(value, BaseBundle) for part in parts.values() for value in vars(part).values()
        )

    def settle(self) -> bool:
        """Take away what the call has changed; say whether the whole stage is to be built anew."""
        for own, cache, value in self._caches:
            own[cache] = value
        anew = self.simulates
        for where, part, plain, prints in self._parts:
            own = vars(part)
            changed: list[str] = []
            for key, value in own.items():
                if key in plain:
                    kept = plain[key]
                    if value is not kept and not (type(value) is type(kept) and value == kept):
                        changed.append(key)
                elif key not in _EXEMPT and (key not in prints or prints[key] != self._print(value)):
                    changed.append(key)
            for key in changed:
                if key in self._scratch or isinstance(own[key], _MODELS):
                    anew = True
                else:
                    self._left.add((where, key))
                    self._take_away(where, part, key)
        return anew

    @staticmethod
    def _take_away(where: str, part: Any, key: str) -> None:
        vars(part).pop(key, None)
        setattr(type(part), key, _Left(where, key))

    def _print(self, value: Any, path: tuple[int, ...] = ()) -> Any:
        """Give something that is equal as long as the value is."""
        if isinstance(value, _ATOMS):
            return value
        if isinstance(value, np.ndarray):
            return value.shape, value.dtype.str, value.tobytes()
        if id(value) in self._known or id(value) in path or isinstance(value, _CONSTANT):
            return id(value)
        path = (*path, id(value))
        if isinstance(value, dict):
            return [(self._print(key, path), self._print(part, path)) for key, part in value.items()]
        if isinstance(value, list | tuple):
            return [self._print(part, path) for part in value]
        if isinstance(value, set | frozenset):
            return frozenset(self._print(part, path) for part in value)
        return id(value), self._print(getattr(value, "__dict__", None), path)


def _is_plain(value: Any) -> bool:
    """Whether a value is made of numbers, strings, lists, tuples and dicts alone, so that == tells all."""
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(part) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    return type(value) in _ATOMS or type(value) is slice


_CONSTANT = (
    type, types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.ModuleType,
    np.random.Generator, np.random.RandomState, np.random.BitGenerator, StandIn, StandInBundle, BaseBundle,
)  # fmt: skip


class _Left:
    """In place of an attribute that an earlier call has left: to read it is an error, to write it is not."""

    def __init__(self, where: str, name: str) -> None:
        self.message = (
            f"{where}.{name}: the component reads what an earlier call left in this attribute. Here only "
            f"states change: put it into the state, as self.state[{name!r}] = discrete_array_element(...); "
            f"or, if it may be forgotten after each call (a cache), from_coopihc(..., scratch=[{name!r}])"
        )

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        raise ContractError(self.message)


def _watched(cls: type) -> type:
    """Give a class of the same name for one object, which can take a `_Left`."""
    return type(cls)(cls.__name__, (cls,), {"__module__": cls.__module__})
