"""A mirror: one of CoopIHC's states, in which its components see the values of ours. It imports `coopihc`."""

from __future__ import annotations

from typing import Any

import numpy as np
from coopihc.base.Space import BaseSpace, CatSet
from coopihc.base.Space import Numeric as TheirNumeric
from coopihc.base.State import State as TheirState
from coopihc.base.StateElement import StateElement

from interaction.errors import ContractError
from interaction.state import State, Value, freeze, make, same


class Numeric(TheirNumeric):  # type: ignore[misc]  # of the same name, since their tables go by names
    """The space of a value of a partner that was not named: its bounds are not known."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, name: str) -> None:
        BaseSpace.__init__(self)
        self._own, self._dtype, self._name = shape, np.dtype(dtype), name

    @property
    def shape(self) -> tuple[int, ...]:
        return self._own

    def __contains__(self, item: Any, mode: Any = None) -> bool:
        return True

    def __getitem__(self, key: Any) -> Numeric:
        return Numeric(np.empty(self._own)[key].shape, self._dtype, self._name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Numeric) and (self._own, self._dtype) == (other._own, other._dtype)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Numeric({self._own}) -- {self._dtype}"

    def _unknown(self, *_: Any) -> Any:
        raise ContractError(
            f"the space of {self._name!r} is not known, since the partner whose it is was not named; name "
            f"it: from_coopihc(component, task=..., user=..., assistant=...)"
        )

    low = high = N = array = property(_unknown)
    sample = __iter__ = _unknown


Leaf = tuple[Any, Any, frozenset[type]]
"""A state element, the array without its space, and the types of single numbers that it takes."""


def _leaf(element: Any) -> Leaf:
    view = element.view(np.ndarray)
    if view.ndim:
        return element, view, frozenset()
    narrow = view.dtype.kind != "f" and view.dtype.itemsize < 8
    return element, view, frozenset({bool}) if narrow else _FLOATS if view.dtype.kind == "f" else _INTEGERS


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
        self._leaves: dict[str, Leaf] = {}
        self._others: dict[tuple[str, str, tuple[int, ...]], Leaf] = {}  # for values that those cannot hold
        self._inner: dict[str, Mirror] = {}
        for name, part in state.items():
            if isinstance(part, TheirState):
                self._inner[name] = Mirror(part)
            elif isinstance(part, StateElement):  # a partner may hold other things, which nobody sees
                self._leaves[name] = _leaf(part)
        self._current: dict[str, Leaf | Mirror] = {**self._leaves, **self._inner}  # what is shown

    def show(self, values: State) -> None:
        """Show these values, and nothing else."""
        fields = values.__dict__
        state, declared, current = self.state, self._leaves, self._current
        current.clear()
        for name, value in fields.items():
            leaf = declared.get(name)
            if leaf is None or not (type(value) in leaf[2] or _fits(leaf[1], value)):
                if isinstance(value, State):
                    inner = self._inner.get(name) or self._add_inner(name)
                    inner.show(value)
                    current[name] = inner
                    dict.__setitem__(state, name, inner.state)
                    continue
                leaf = self._other_leaf(name, value)
                if leaf is None:
                    continue
            leaf[1][...] = value
            current[name] = leaf
            if state.get(name) is not leaf[0]:
                dict.__setitem__(state, name, leaf[0])
        if state.keys() != current.keys():
            for name in [name for name in state if name not in current]:
                del state[name]

    def alias(self, other: Mirror) -> None:
        """Hold the very elements of another mirror where they are single numbers of the same value.

        So do their observation engines, and some of their inference engines write into what they observe.
        """
        for name, theirs in other._current.items():
            mine = self._current.get(name)
            if isinstance(mine, Mirror) or isinstance(theirs, Mirror) or mine is None:
                continue
            if mine[1].ndim == theirs[1].ndim == 0 and mine[1] == theirs[1]:
                dict.__setitem__(self.state, name, theirs[0])

    def read(self, where: str) -> State:
        """Give the values that the state has now."""
        state = self.state
        fields: dict[str, Value] = {}
        for name, part in self._current.items():
            path = f"{where}[{name!r}]"
            if name not in state:
                raise ContractError(f"{path} disappeared while it was played")
            if isinstance(part, Mirror):
                fields[name] = part.read(path)
                continue
            element, view, _ = part
            value = np.asarray(state[name])
            if value.shape != view.shape:
                if value.size != view.size:
                    raise ContractError(f"{path}: expected the shape {view.shape}, got {value.shape}")
                value = value.reshape(view.shape)
            whole = view.dtype.kind in "iu"
            if whole and value.dtype.kind == "f" and (value == np.rint(value)).all():
                value = value.astype(view.dtype)  # there, 1.0 is an element of a space of integers
            if element.out_of_bounds_mode == "clip" and not isinstance(element.space, CatSet):
                # an operation in place, as `+=`, has gone around the clipping
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
        for name, part in self._current.items():
            value = values.__dict__[name]
            if isinstance(part, Mirror):
                inner = part.changed(value)
                if inner is not None:
                    return f"{name}.{inner}"
                continue
            element, view, single = part
            found = self.state.get(name)
            if found is element and type(value) in single:
                if view.item() != value and not _rounds(view, value):
                    return name
            elif found is None or not same(np.asarray(found), np.asarray(value, view.dtype)):
                return name
        return next((name for name in self.state if name not in self._current), None)

    def _add_inner(self, name: str) -> Mirror:
        like = None if self._like is None else self._like._inner.get(name)
        self._inner[name] = Mirror(TheirState(), like)
        return self._inner[name]

    def _other_leaf(self, name: str, value: Value) -> Leaf | None:
        """Give an element for a value that the declared one cannot hold, or None if none of theirs can."""
        known = None if self._like is None else self._like._leaves.get(name)
        if (
            known is not None
            and name not in self._leaves
            and (type(value) in known[2] or _fits(known[1], value))
        ):
            element = StateElement(np.array(known[0]), known[0].space, out_of_bounds_mode="silent")
            element.out_of_bounds_mode = known[0].out_of_bounds_mode
            self._leaves[name] = _leaf(element)
            return self._leaves[name]
        array = np.array(value)
        array = array.astype(np.int64) if array.dtype.kind == "b" else array
        if array.dtype.kind not in "iuf":
            return None
        key = name, array.dtype.str, array.shape
        if key not in self._others:
            space = Numeric(array.shape, array.dtype, name)
            self._others[key] = _leaf(StateElement(array, space, out_of_bounds_mode="silent"))
        return self._others[key]


def _rounds(view: Any, value: Value) -> bool:
    """Whether an array without axes holds a number with its own precision."""
    return same(view.item(), view.dtype.type(value).item())


def _fits(view: Any, value: Value) -> bool:
    """Whether a value can be written into an array without loss, but for the precision of floats."""
    value = np.asarray(value)
    if view.shape != value.shape or value.dtype.kind not in "biuf":
        return False
    if view.dtype.kind == "f":
        return True
    if value.dtype.kind == "f":
        return False
    limits = np.iinfo(view.dtype)
    return bool(value.size == 0 or (limits.min <= value.min() and value.max() <= limits.max))
