"""Between an axis of candidates, `(episodes, candidates, *shape)`, and the rows of a batch.

To ask a user model about all candidates of all episodes is to play it on `episodes · candidates` rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ContractError
from interaction.membership import membership
from interaction.spaces import Box, Choice, Dict, Discrete, Space, Undeclared, is_whole, shape_of, whole
from interaction.state import State, Value, lock

Array = NDArray[Any]


def spread(space: Space[Any], size: int) -> Any:
    """The space of a field with an axis of candidates."""
    if isinstance(space, Dict):
        return Dict({name: spread(part, size) for name, part in space.spaces.items()})
    if isinstance(space, Discrete):
        return whole(int(space.start), int(space.start + space.n - 1), (size,))
    if isinstance(space, Choice):
        return whole(int(space.values.min()), int(space.values.max()), (size,))
    if isinstance(space, Undeclared):
        return Undeclared(space.kind, (size, *space.shape), space.path, space.owner)
    if isinstance(space, Box):
        low, high = (np.broadcast_to(bound, (size, *space.shape)) for bound in (space.low, space.high))
        return Box(low, high, dtype=space.dtype)
    raise ContractError(f"a filter cannot hold candidates whose state has a field in {space}")


def as_space(space: Space[Any], values: Array) -> Array:
    """Give values in the type of their space."""
    return values.astype(np.int64) if is_whole(space) else np.asarray(membership(space).conform(values))


def for_candidates(value: Value, size: int, rows: int | None) -> Value:
    """Repeat what is the same for all candidates: `(episodes, ...)` becomes `(episodes · size, ...)`."""
    if isinstance(value, State):
        return State(**{name: for_candidates(part, size, rows) for name, part in value.items()})
    if not isinstance(value, np.ndarray):
        return value
    if rows is None:
        return np.broadcast_to(value, (size, *value.shape))
    return lock(np.repeat(value, size, axis=0))  # locked, so that a state need not copy it


def flat(values: Value, rows: int | None, space: Space[Any]) -> Value:
    """Candidates `(candidates, *shape)` or `(episodes, candidates, *shape)` as rows."""
    array = np.asarray(values)
    if rows is not None and array.ndim == 1 + len(shape_of(space)):
        array = np.broadcast_to(array, (rows, *array.shape))
    return array if rows is None else array.reshape(rows * array.shape[1], *array.shape[2:])


def flat_state(state: State, rows: int | None, space: Any) -> State:
    """The same for each field of a state."""
    return State(
        **{
            name: flat_state(part, rows, space[name])
            if isinstance(part, State)
            else flat(part, rows, space[name])
            for name, part in state.items()
        }
    )


def deal(state: State, size: int, rows: int | None, space: Any) -> State:
    """Rows as candidates: the inverse of `flat_state`; what is the same for all is repeated."""
    fields: dict[str, Value] = {}
    for name, part in state.items():
        if isinstance(part, State):
            fields[name] = deal(part, size, rows, space[name])
            continue
        shape = shape_of(space[name])
        array = np.asarray(part)
        lead = (size,) if rows is None else (rows, size)
        if array.shape == shape:
            fields[name] = np.broadcast_to(array, (*lead, *shape))
        else:
            fields[name] = array.reshape(*lead, *shape)
    return State(**fields)


def select(state: State, index: Array, rows: int | None, space: Any) -> State:
    """The candidates at some indices, for each episode."""
    fields: dict[str, Value] = {}
    for name, part in state.items():
        if isinstance(part, State):
            fields[name] = select(part, index, rows, space[name])
        elif rows is None:
            fields[name] = part[index]
        else:
            alike = part.ndim == 1 + len(shape_of(space[name]))
            array = np.broadcast_to(part, (rows, *part.shape)) if alike else part
            where = index.reshape(index.shape + (1,) * (array.ndim - 2))
            fields[name] = np.take_along_axis(array, np.broadcast_to(where, array.shape), axis=1)
    return State(**fields)
