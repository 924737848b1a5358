"""Sees to it that nothing stays in a component of CoopIHC between two calls.

This module imports `coopihc`.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import random
import types
from collections.abc import Iterable, Iterator
from enum import Enum
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np
from coopihc.agents.BaseAgent import BaseAgent
from coopihc.bundle.BaseBundle import BaseBundle
from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
from coopihc.interactiontask.InteractionTask import InteractionTask
from coopihc.observation.BaseObservationEngine import BaseObservationEngine
from coopihc.observation.RuleObservationEngine import RuleObservationEngine
from coopihc.policy.BasePolicy import BasePolicy

from interaction.errors import ContractError
from interaction.interop.standins import StandIn, StandInBundle

OURS_TO_SET: dict[
    type, tuple[str, ...]
] = {  # what the stage writes before each call, by the kind of the part
    InteractionTask: ("_state", "bundle"),
    BaseAgent: ("_state", "_bundle", "_bundle_memory"),
    BaseInferenceEngine: ("buffer",),
}
_CACHES = {BasePolicy: "_action_keys", RuleObservationEngine: "mapping"}  # made anew by whoever needs them
_FIXED = {"_policy", "_inference_engine", "_observation_engine", "action_state", "host", "_host"}
_MODELS = (  # what a component simulates with: as it was wrapped, in each call
    BaseBundle, InteractionTask, BaseAgent, BasePolicy, BaseInferenceEngine, BaseObservationEngine,
)  # fmt: skip
_CONSTANT = (
    type, types.BuiltinFunctionType, types.ModuleType, Enum,
    np.random.Generator, np.random.RandomState, random.Random, StandIn, StandInBundle,
)  # fmt: skip
_ATOMS = (int, float, str, bytes, bool, type(None))


class Watch:
    """Notices which attributes a call has changed, and has whoever reads them later fail.

    What changes belongs into a state. What a call writes and then reads itself is scratch, and does no harm:
    the attribute is taken away after the call, so that only to read what an earlier call left is an error.
    `known` lists what the stage fills and reads; `left` names, by part, what calls have changed so far.
    """

    def __init__(
        self, parts: dict[str, Any], known: Iterable[Any], scratch: tuple[str, ...], left: dict[str, set[str]]
    ) -> None:
        self._scratch, self._left = scratch, left
        self._known = {id(part) for part in (*parts.values(), *known)}
        self._simulates = False
        self._caches: list[tuple[Any, str, Any]] = []
        self._parts: list[tuple[str, Any, set[str], dict[str, Any], dict[str, Any]]] = []
        for where, part in parts.items():
            part.__class__ = _watched(type(part))
            own = vars(part)
            exempt = {name for kind, names in OURS_TO_SET.items() if isinstance(part, kind) for name in names}
            for kind, cache in _CACHES.items():
                if isinstance(part, kind):
                    exempt.add(cache)
                    self._caches.append((own, cache, own.get(cache)))
            watched = {key: value for key, value in own.items() if key not in exempt}
            plain = {key: copy.deepcopy(value) for key, value in watched.items() if _is_plain(value)}
            prints = {key: self._print(value) for key, value in watched.items() if key not in plain}
            self._parts.append((where, part, exempt, plain, prints))
            for key in left.get(where, ()):
                _take_away(where, part, key)

    def settle(self) -> bool:
        """Take away what the call has changed; say whether the whole stage is to be built anew."""
        for own, cache, value in self._caches:
            own[cache] = value
        anew = False
        for where, part, exempt, plain, prints in self._parts:
            own = vars(part)
            left = self._left.setdefault(where, set())
            changed = [key for key in (*plain, *prints) if key not in own and key not in left]
            for key, value in own.items():
                if key in plain:
                    kept = plain[key]
                    if value is not kept and not (type(value) is type(kept) and value == kept):
                        changed.append(key)
                elif key not in exempt and (key not in prints or prints[key] != self._print(value)):
                    changed.append(key)
            for key in changed:
                if key in _FIXED:
                    raise ContractError(
                        f"{where}.{key} was replaced in a call; here an agent keeps its parts"
                    )
                if key in self._scratch or isinstance(own.get(key), _MODELS):
                    anew = True
                else:
                    left.add(key)
            for key in left:
                if key in own or key in changed:
                    _take_away(where, part, key)
        return anew or self._simulates

    def _print(self, value: Any, path: tuple[int, ...] = ()) -> Any:
        """Give something that is equal as long as the value is."""
        if isinstance(value, _ATOMS):
            return repr(value) if isinstance(value, float) else value
        if id(value) in self._known or id(value) in path or isinstance(value, _CONSTANT):
            return id(value)
        if isinstance(value, _MODELS):
            self._simulates = True
            return "a model"
        path = (*path, id(value))
        if isinstance(value, np.ndarray | np.generic):
            if value.dtype.hasobject:
                return tuple(self._print(part, path) for part in np.ravel(value))
            return value.shape, value.dtype.str, value.tobytes()
        if isinstance(value, dict):
            return tuple((self._print(key, path), self._print(part, path)) for key, part in value.items())
        if isinstance(value, list | tuple):
            return tuple(self._print(part, path) for part in value)
        if isinstance(value, set | frozenset):
            return frozenset(self._print(part, path) for part in value)
        if isinstance(value, types.MethodType):
            return self._print(value.__func__, path), self._print(value.__self__, path)
        if isinstance(value, types.FunctionType):
            cells = [cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType()]
            return id(value), self._print(cells, path), self._print(vars(value), path)
        try:  # as it would be copied: with its attributes, its slots, its items, and where an iterator is
            reduced = value.__reduce_ex__(4)
        except (TypeError, AttributeError, pickle.PicklingError):
            return id(value), self._print(getattr(value, "__dict__", None), path)
        if isinstance(reduced, str):
            return reduced
        made, arguments, *rest = reduced
        items = [list(part) if isinstance(part, Iterator) else part for part in rest]
        return id(made), self._print(arguments, path), self._print(items, path)


def _is_plain(value: Any) -> bool:
    """Whether a value is made of numbers, strings, lists, tuples and dicts alone, so that == tells all."""
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(part) for key, part in value.items())
    if type(value) in (list, tuple, set, frozenset):
        return all(map(_is_plain, value))
    if type(value) is float:
        return not isnan(value)
    return type(value) in _ATOMS or type(value) is slice


def _take_away(where: str, part: Any, key: str) -> None:
    """Take an attribute away, and have it fail when it is read; what a class caches is only cleared."""
    vars(part).pop(key, None)
    if not isinstance(inspect.getattr_static(type(part), key, None), cached_property):
        setattr(type(part), key, _Left(where, key))


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
    own = {
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__class__": property(lambda _: cls),
    }
    return type(cls)(cls.__name__, (cls,), own)
