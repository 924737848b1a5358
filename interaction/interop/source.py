"""A component of CoopIHC as a value: its bytes, and how to make it anew. This module imports `coopihc`."""

from __future__ import annotations

import io
import pickle
import random
import types
from dataclasses import dataclass
from typing import Any

import cloudpickle  # gymnasium brings it
import numpy as np
from coopihc.base.StateElement import StateElement

from interaction.interop.dice import Dice
from interaction.interop.standins import StandInBundle


@dataclass(frozen=True)
class Source:
    """A component of theirs as a value: its bytes, its role, and which of its dual parts is meant."""

    data: bytes
    role: str
    name: str
    foreign: bool  # whether it holds code of others than CoopIHC, which may draw from Python's generator
    scratch: tuple[str, ...] = ()  # attributes that may be forgotten after each call
    policy: str = ""
    inference_engine: str = ""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles components of theirs without their bundles, their random numbers and their figures."""

    def __init__(self, file: Any, bundles: set[int]) -> None:
        super().__init__(file)
        self.bundles = bundles
        self.foreign = False

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, np.random.Generator):
            return "generator"
        if isinstance(value, np.random.RandomState):
            return "legacy"
        if isinstance(value, random.Random):
            self.foreign = True
            return "python"
        if isinstance(value, StandInBundle) or id(value) in self.bundles:
            return "bundle"
        return None

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, StateElement):  # numpy would lose its space
            return _make_element, (np.array(value), value.space, value.out_of_bounds_mode)
        if isinstance(value, type | types.FunctionType):
            module = getattr(value, "__module__", None) or ""
            if module.partition(".")[0] not in _HOME:
                self.foreign = True
        return super().reducer_override(value)


_HOME = {"coopihc", "numpy", "builtins", "interaction", "collections"}


def freeze_participants(participants: dict[str, Any]) -> tuple[bytes, bool]:
    """Give a component of theirs and its partners as bytes, and whether they hold code of others."""
    bundles = {
        id(bundle)
        for one in participants.values()
        for bundle in (vars(one).get(name) for name in ("bundle", "_bundle", "_bundle_memory"))
        if bundle is not None
    }
    file = io.BytesIO()
    pickler = _Pickler(file, bundles)
    pickler.dump(participants)
    return file.getvalue(), pickler.foreign


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, dice: Dice, bundle: Any) -> None:
        super().__init__(file)
        self._outside = {
            "generator": dice.generator,
            "legacy": dice.legacy,
            "python": dice.python,
            "bundle": bundle,
        }

    def persistent_load(self, token: Any) -> Any:
        return self._outside[token]


def thaw(data: bytes, dice: Dice, bundle: StandInBundle | None) -> dict[str, Any]:
    """Make a component and its partners from bytes."""
    participants: dict[str, Any] = _Unpickler(io.BytesIO(data), dice, bundle).load()
    return participants


def fresh(source: Source) -> Any:
    """Make the genuine component of a source anew."""
    return thaw(source.data, Dice(), None)[source.role]


def _make_element(array: Any, space: Any, mode: str) -> Any:
    element = array.view(StateElement)
    element.space, element.out_of_bounds_mode = space, mode
    return element
