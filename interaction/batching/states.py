"""Whole values of a batch as they look in one episode, and back: states, tuples and the arrays in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.lifted import Lifted, canonical
from interaction.batching.runs import Run
from interaction.batching.selection import row_of, rows_first, rows_last
from interaction.errors import unknown_name
from interaction.state import PLAIN, GameState, State, freeze, lock, make, new, set_fields

Array = NDArray[Any]


def wrap(run: Run, value: Array) -> Any:
    """Give an array of a batch, `(episodes, *shape)`, as a lifted value."""
    if value.ndim == 1:
        found = Lifted(run, canonical(run, value), plain=True, level=0)
    else:
        data = rows_last(value)
        if data.strides[-1] not in (0, data.itemsize):
            data = lock(np.ascontiguousarray(data))
        found = Lifted(run, data, level=0)
    found.source = value
    return found


def lift_now(run: Run, value: Any) -> Any:
    """The same for arrays of the episodes that still go this way alone."""
    if type(value) is np.ndarray:
        found = wrap(run, value)
        found.level = run.level
        found.source = None
        return found
    if isinstance(value, State):
        return make(type(value), {name: lift_now(run, part) for name, part in value.__dict__.items()})
    return _rebuilt(value, [lift_now(run, part) for part in value]) if isinstance(value, tuple) else value


class LiftedState(State):
    """A state of a batch, each field of which is lifted when it is read."""

    __slots__ = ("_raw", "_run")

    def __getattr__(self, name: str) -> Any:
        raw = _get_raw(self)
        if name not in raw:
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(text, name=name, obj=self)
        found = raw[name]
        if type(found) is np.ndarray:
            found = wrap(_get_run(self), found)
        elif type(found) not in PLAIN:
            found = lift(_get_run(self), found)
        _fields(self)[name] = found
        return found

    def replace(self, /, **changes: Any) -> Any:
        raw = _get_raw(self)
        for name, value in changes.items():
            if name not in raw:
                raise unknown_name(name, raw, "State.replace")
            changes[name] = freeze(value)
        return _lifted_state(type(self), raw, _get_run(self), _fields(self) | changes)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        fields = _fields(self)
        raw = _get_raw(self)
        if list(fields) == list(raw):
            return fields
        run = _get_run(self)
        filled = {name: fields[name] if name in fields else lift(run, value) for name, value in raw.items()}
        set_fields(self, filled)
        return filled


class LiftedGameState(LiftedState, GameState):
    """The same for the state of a game."""

    __slots__ = ()


_fields: Callable[[State], dict[str, Any]] = State.__dict__["__dict__"].__get__
_RAW: Any = vars(LiftedState)["_raw"]
_RUN: Any = vars(LiftedState)["_run"]
_get_raw, _set_raw = _RAW.__get__, _RAW.__set__
_get_run, _set_run = _RUN.__get__, _RUN.__set__
_PLAIN_KIND = {LiftedState: State, LiftedGameState: GameState}


def _lifted_state(kind: type[LiftedState], raw: dict[str, Any], run: Run, fields: dict[str, Any]) -> Any:
    state = new(kind)
    _set_raw(state, raw)
    _set_run(state, run)
    set_fields(state, fields)
    return state


def lift(run: Run, value: Any) -> Any:
    """Give a value of a batch, `(episodes, *shape)` for each array, as it looks in one episode."""
    kind = type(value)
    if kind is np.ndarray:
        return wrap(run, value)
    if kind in PLAIN:
        return value
    if isinstance(value, State):
        return _lifted_state(LiftedGameState if kind is GameState else LiftedState, value.__dict__, run, {})
    if isinstance(value, tuple):
        return _rebuilt(value, [lift(run, part) for part in value])
    return value


def lower(run: Run, value: Any, other: bool = False, kept: bool = False) -> Any:
    """Give a lifted value as one of a batch, which nobody can change; what is the same for all stays.

    Raises for what no state holds, unless `other` things may be passed on. With `kept`, an array that came
    from the batch is given as it is, with all of its rows, and so is one that was made for all of them where
    most count.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is Lifted:
        if value.run is not run:
            raise run.fail("a value of another call is given: it was kept outside of the states")
        if value.source is not None:
            return value.source if len(run.rows) == run.total or kept else row_of(value.source, run.rows, {})
        wide = kept and value.level == 0 and 2 * len(run.rows) >= run.total
        data = value.data if wide else value.now()
        if data.flags.writeable:
            data = lock(data if data.base is None else data.copy(order="K"))
        return rows_first(data)
    if isinstance(value, State):
        if kind in _PLAIN_KIND:
            return _lower_state(run, value, _PLAIN_KIND[kind], kept)
        return make(kind, {name: lower(run, part, other, kept) for name, part in value.__dict__.items()})
    if isinstance(value, tuple):
        return _rebuilt(value, [lower(run, part, other, kept) for part in value])
    if isinstance(value, np.ndarray) and value.ndim:
        return np.broadcast_to(value.copy(), (len(run.rows), *value.shape))
    if isinstance(value, np.generic | np.ndarray):
        return value.item()
    if isinstance(value, bool | int | float | str):
        return value
    if other and not _holds_lifted(value):
        return value
    raise run.fail(f"a {type(value).__name__} is given, which is no number, array or State")


def _holds_lifted(value: Any) -> bool:
    """Whether a container holds lifted values."""
    if isinstance(value, Mapping):
        return any(map(_holds_lifted, value.values()))
    if isinstance(value, list | set | frozenset):
        return any(map(_holds_lifted, value))
    return type(value) is Lifted or isinstance(value, LiftedState)


def _lower_state(run: Run, state: State, kind: type[State], kept: bool) -> State:
    """Give a state as it was in the batch: what was not read need not be lifted first."""
    if _get_run(state) is not run:
        raise run.fail("a state of another call is given: it was kept outside of the states")
    fields = _fields(state)
    kept = kept or len(run.rows) == run.total
    found = {}
    for name, value in _get_raw(state).items():
        if name in fields:
            found[name] = lower(run, fields[name], kept=kept)
        else:
            found[name] = value if kept else row_of(value, run.rows, {})
    return make(kind, found)


def _rebuilt(like: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
