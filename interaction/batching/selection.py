"""Rows of a batch: taking it apart, putting it together again, and playing it episode by episode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import BatchError
from interaction.state import State, Value, lock, make

Array = NDArray[Any]
Method = Callable[..., Any]


def rows_first(data: Array) -> Array:
    """Give `(*shape, episodes)` as `(episodes, *shape)`, a view."""
    return data if data.ndim == 1 else data.transpose(data.ndim - 1, *range(data.ndim - 1))


def rows_last(array: Array) -> Array:
    """Give `(episodes, *shape)` as `(*shape, episodes)`, a view."""
    return array if array.ndim == 1 else array.transpose(*range(1, array.ndim), 0)


def row_of(value: Value, row: Any, memo: dict[int, Value] | None = None) -> Value:
    """Give the part of a batched value that belongs to one row (an int), or to some (indices)."""
    if isinstance(value, State):
        return make(type(value), {name: row_of(part, row, memo) for name, part in value.__dict__.items()})
    if isinstance(value, np.ndarray):
        if memo is not None:
            if id(value) not in memo:
                memo[id(value)] = _some(value, row)
            return memo[id(value)]
        part = value[row]
        return part.item() if part.ndim == 0 else _read_only(part)
    if isinstance(value, tuple):
        return tuple(row_of(part, row, memo) for part in value)
    return value


def _some(value: Array, rows: Any) -> Array:
    """Give some rows of an array, whose episodes stay next to each other in memory where they are."""
    if value.ndim > 1 and value.strides[0] == value.itemsize:
        return rows_first(lock(np.take(rows_last(value), rows, axis=-1)))
    return _read_only(value.take(rows, 0))


def _read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


def by_rows(value: Value) -> Value:
    """Give a batched value with the entries of each episode next to each other, as in one episode."""
    if isinstance(value, State):
        return make(type(value), {name: by_rows(part) for name, part in value.__dict__.items()})
    if isinstance(value, np.ndarray) and value.ndim > 1 and not value.flags.c_contiguous:
        return lock(np.ascontiguousarray(value))
    if isinstance(value, tuple):
        return tuple(by_rows(part) for part in value)
    return value


def stack(results: list[Any]) -> Any:
    """Put the results of single episodes together: `(rows, *shape)` for each number or array."""
    first = results[0]
    if isinstance(first, State):
        if any(not isinstance(result, State) or result.keys() != first.keys() for result in results):
            raise BatchError(f"the episodes of a batch gave states of different fields, the first {first!r}")
        return make(type(first), {name: stack([result[name] for result in results]) for name in first})
    if isinstance(first, tuple):
        parts = [stack(list(column)) for column in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    empty = [result is None for result in results]
    if all(empty):
        return None
    if any(empty):
        raise BatchError(
            "the episodes of a batch gave None in some episodes and a value in others; "
            "give a number that stands for nothing, such as -1"
        )
    shapes = {np.shape(result) for result in results}
    if len(shapes) > 1:
        raise BatchError(
            f"the episodes of a batch gave arrays of different shapes: {', '.join(map(str, sorted(shapes)))}"
        )
    return _read_only(np.array(results))


def looped(method: Method, owner: object = None) -> Method:
    """Play a method episode by episode inside a batch; an error names the component and the episode."""

    def call(*arguments: Any) -> Any:
        *values, rng = arguments
        rows = rng.rows
        if rows is None:
            return method(*arguments)
        values = [by_rows(value) for value in values]
        results = []
        for row in range(rows):
            try:
                results.append(method(*[row_of(value, row) for value in values], rng.row(row)))
            except Exception as error:
                _name(error, method, owner, int(rng.episodes[row]), rng.place)
                raise
        return stack(results)

    return call


def _name(error: Exception, method: Method, owner: object, episode: int, place: object) -> None:
    """Tell an error from a component which one it was, and in which episode."""
    name = getattr(method, "__name__", "a method")
    whose = f"{type(owner).__name__}.{name}" if owner is not None else name
    when = f", round {place >> 4}" if isinstance(place, int) else ""
    note = f"raised by {whose} in episode {episode}{when}"
    if note not in getattr(error, "__notes__", []):
        error.add_note(note)
