"""Rows of a batch: taking it apart, putting it together again, and playing it episode by episode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import BatchError
from interaction.state import PLAIN, State, Value, lock, make

Array = NDArray[Any]
Method = Callable[..., Any]


def rows_first(data: Array) -> Array:
    """Give `(*shape, episodes)` as `(episodes, *shape)`, a view."""
    return data if data.ndim == 1 else data.transpose(data.ndim - 1, *range(data.ndim - 1))


def rows_last(array: Array) -> Array:
    """Give `(episodes, *shape)` as `(*shape, episodes)`, a view."""
    return array if array.ndim == 1 else array.transpose(*range(1, array.ndim), 0)


def row_of(value: Value, row: Any, memo: dict[int, Value] | None = None) -> Value:
    """Give the part of a batched value that belongs to one row (an int), or to some (indices).

    Several rows want a `memo`, of what was taken already: an array that is held twice is taken once.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is np.ndarray:
        if memo is not None:
            part = memo.get(id(value))
            if part is None:
                part = memo[id(value)] = _some(value, row)
            return part
        part = value[row]
        if type(part) is np.ndarray:
            return _read_only(part)
        return part.item() if isinstance(part, np.generic) else part  # an object is what nobody should give
    if isinstance(value, State):
        return make(type(value), {name: row_of(part, row, memo) for name, part in value.__dict__.items()})
    if isinstance(value, tuple):
        return tuple(row_of(part, row, memo) for part in value)
    return value


def one_of(value: Value, rows: int | None, row: int = 0) -> Value:
    """Give what one row of a batch holds, to be told; a value whose arrays are not of so many rows stays."""
    return row_of(value, row) if rows is not None and is_led(value, rows) else value


def is_led(value: Value, rows: int) -> bool:
    """Whether all arrays of a value have a leading axis of so many rows."""
    if isinstance(value, np.ndarray):
        return bool(value.shape[:1] == (rows,))
    parts = value.values() if isinstance(value, State) else value if isinstance(value, tuple) else ()
    return all(is_led(part, rows) for part in parts)


def _some(value: Array, rows: Any) -> Array:
    """Give some rows of an array, whose episodes stay next to each other in memory where they are."""
    if value.ndim > 1 and value.strides[0] == value.itemsize:
        return rows_first(lock(rows_last(value).take(rows, -1)))
    part: Array = value.take(rows, 0)
    part.setflags(write=False)
    return part


def narrowed(value: Value, rows: Array) -> Value:
    """Give these rows of a value, some of whose arrays hold all rows of the batch, and others these alone."""
    if isinstance(value, np.ndarray):
        return value if value.ndim == 0 or len(value) == len(rows) else _some(value, rows)
    if isinstance(value, State):
        return make(type(value), {name: narrowed(part, rows) for name, part in value.__dict__.items()})
    if isinstance(value, tuple):
        parts = [narrowed(part, rows) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


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


def stack(results: list[Any], strict: bool = False) -> Any:
    """Put the results of single episodes together: `(rows, *shape)` for each number or array.

    With `strict`, numbers of different kinds in different episodes are an error; otherwise they get the
    wider one.
    """
    first = results[0]
    unlike = unlike_row(results)
    if unlike is not None:
        raise uneven(first, results[unlike], unlike)
    if isinstance(first, State):
        return stacked_fields(first, lambda name: stack([one[name] for one in results], strict))
    if isinstance(first, tuple):
        parts = [stack(list(column), strict) for column in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    if first is None:
        return None
    array = np.array(results)
    check_kinds(results, array.dtype, strict)
    return _read_only(array)


def stacked_fields(first: State, put: Callable[[str], Any]) -> State:
    """Give a state of what `put` makes of each field; an error names the field."""
    fields: dict[str, Any] = {}
    try:
        for name in first:
            fields[name] = put(name)
    except BatchError as error:
        error.field = f"{name}.{error.field}" if error.field else name
        raise
    return make(type(first), fields)


def unlike_row(results: list[Any]) -> int | None:
    """Give the first result that is of another make than the first one: its fields, its length, its shape."""
    first = _make_of(results[0])
    return next((row for row, result in enumerate(results) if _make_of(result) != first), None)


def _make_of(result: Any) -> Any:
    if isinstance(result, State):
        return frozenset(result)
    if isinstance(result, tuple):
        return len(result)
    return result if result is None else str if isinstance(result, str) else np.shape(result)


def uneven(first: Any, other: Any, row: int) -> BatchError:
    """Make the error for episodes that give values of different makes."""
    if isinstance(first, State) and isinstance(other, State):
        what = "states of different fields"
    elif isinstance(first, tuple) and isinstance(other, tuple):
        what = "different numbers of results"
    elif first is None or other is None:
        what = "None in some episodes and a value in others"
    else:
        what = "values of different shapes or kinds"
    error = BatchError(
        f"the episodes of a batch gave {what}: {_described(first)} and {_described(other)}"
        + (
            "; if no `return` was forgotten, give a number that stands for nothing, such as -1"
            if first is None or other is None
            else "; give the same in each"
        )
    )
    error.row = row
    return error


def _described(value: Any) -> str:
    """Tell a value, and an array with its shape."""
    if isinstance(value, np.ndarray):
        return f"{value!r} of shape {value.shape}"
    return repr(value.item() if isinstance(value, np.generic) else value)


def check_kinds(
    results: list[Any], found: np.dtype[Any], strict: bool, one: Callable[[Any], Any] = lambda result: result
) -> None:
    """Raise where numbers of several kinds cannot be put together without a change of what they are.

    `one` gives what a single episode has of a result.
    """
    kinds = {_kind(result) for result in results}
    if len(kinds) == 1:
        return
    row = next((row for row, result in enumerate(results) if _kind(result) != _kind(results[0])), 0)
    names = " and ".join(sorted(map(str, kinds)))
    rounds = found.kind == "f" and any(
        _kind(result).kind == "i" and np.any(np.abs(np.asarray(result)) > 2**53) for result in results
    )
    if strict or rounds:
        first, other = one(results[0]), one(results[row])
        floats, whole = ("x.astype(float)", "x.astype(int)") if np.ndim(first) else ("float(x)", "int(x)")
        fractions = f"{floats}, in a field that began as a float or is declared so, or "
        flags = ", or x != 0 where flags are expected" if found.kind != "f" and "bool" in names else ""
        error = BatchError(
            f"the episodes of a batch gave numbers of different kinds, {names}: {first!r} and {other!r}; "
            f"give the same kind in each, such as {fractions if found.kind == 'f' else ''}{whole}{flags}"
        )
        error.row = row
        raise error


def _kind(result: Any) -> np.dtype[Any]:
    if isinstance(result, np.ndarray | np.generic):
        return np.dtype(str) if result.dtype.kind == "U" else result.dtype
    return _KINDS.get(type(result)) or np.dtype(str if isinstance(result, str) else object)


_KINDS = {bool: np.dtype(bool), int: np.dtype(np.int64), float: np.dtype(np.float64)}


def looped(method: Method, owner: object = None, conform: Method | None = None) -> Method:
    """Play a method episode by episode inside a batch; an error names the component and the episode.

    Before they are put together, `conform` makes the results of one kind.
    """

    def call(*arguments: Any) -> Any:
        *values, rng = arguments
        rows = rng.rows
        if rows is None:
            return method(*arguments)
        values = [by_rows(value) for value in values]
        results = []
        for row in range(rows):
            try:
                found = method(*[row_of(value, row) for value in values], rng.row(row))
                results.append(found if conform is None else conform(found))
            except Exception as error:
                name_in(error, method, owner, int(rng.episodes[row]), rng.place)
                raise
        try:
            return stack(results, conform is not None)
        except BatchError as error:
            name_in(error, method, owner, int(rng.episodes[error.row or 0]), rng.place)
            raise

    return call


def name_in(error: Exception, method: Method, owner: object, episode: int, place: object) -> None:
    """Tell an error from a component which one it was, and in which episode."""
    name = getattr(method, "__name__", "a method")
    whose = f"{type(owner).__name__}.{name}" if owner is not None else name
    when = f", round {place >> 4}" if isinstance(place, int) else ""
    field = f", field {error.field!r}" if isinstance(error, BatchError) and error.field else ""
    note = f"raised by {whose} in episode {episode}{when}{field}"
    if note not in getattr(error, "__notes__", []):
        error.add_note(note)
