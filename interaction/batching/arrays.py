"""Between the values of one episode and arrays whose last axis is that of the episodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.lifted import Lifted
from interaction.batching.runs import Run

Array = NDArray[Any]
NATIVE = frozenset({np.dtype(bool), np.dtype(np.int64), np.dtype(np.float64)})
"""The types of plain numbers; beside an array of another one, a Python number takes that one."""


def differs(value: Any) -> bool:
    """Whether a value, or an entry of a list, differs between episodes."""
    return type(value) is Lifted or (isinstance(value, list | tuple) and any(map(differs, value)))


def data_of(run: Run, value: Lifted) -> Array:
    """Give the data of the episodes that still go this way: `(*shape, episodes)`."""
    if value.run is not run:
        raise run.fail("a value of another call is used: it was kept outside of the states")
    return value.now()


def aligned(run: Run, value: Any) -> Any:
    """Give what broadcasts with lifted data: `(*shape, episodes)`, `(*shape, 1)`, or a number."""
    if type(value) is Lifted:
        return data_of(run, value)
    if isinstance(value, np.ndarray):
        return value[..., None] if value.ndim else value[()]
    if isinstance(value, list | tuple):
        return aligned(run, as_array(run, value))
    return value


def as_array(run: Run, value: Any) -> Any:
    """Give a list as the array that numpy makes of it; lifted where an entry is."""
    if not isinstance(value, list | tuple):
        return value
    if not differs(value):
        return np.asarray(value)
    parts = [as_array(run, part) for part in value]
    if len({np.shape(part) for part in parts}) > 1:
        raise ValueError("setting an array element with a sequence: the entries have different shapes")
    return made(run, np.stack(np.broadcast_arrays(*[lifted(run, part).now() for part in parts])))


def lifted(run: Run, value: Any) -> Any:
    """Give the argument of a function as a lifted array, which numpy's functions take for an array."""
    if type(value) is Lifted:
        if value.run is not run:
            data_of(run, value)
        return value
    array = as_array(run, value)
    if type(array) is Lifted:
        return array
    array = np.asarray(array)
    return Lifted(run, np.broadcast_to(array[..., None], (*array.shape, len(run.rows))))


def made(run: Run, found: Any, array: bool = False) -> Any:
    """Give what a function found as a lifted value, which the method may change where it is an array.

    Without axes it is one of numpy's numbers, which nothing changes, or, as `array` says, an array.
    """
    if type(found) is tuple:
        return tuple(made(run, part) for part in found)
    return Lifted(run, found, own=True if array or found.ndim > 1 else None)


def operands(run: Run, inputs: Sequence[Any]) -> list[Any]:
    """Give the arguments of a function of entries, with the types that they have in one episode."""
    arrays = []
    strong = []
    for value in inputs:
        kind = type(value)
        if kind is Lifted:
            data = value.now() if value.run is run else data_of(run, value)
            arrays.append(data)
            if not value.plain and data.dtype not in NATIVE:
                strong.append(data.dtype)
        elif kind is float or kind is int or kind is bool:
            arrays.append(value)
        else:
            data = aligned(run, value)
            arrays.append(data)
            if isinstance(data, np.ndarray | np.generic) and data.dtype not in NATIVE:
                strong.append(data.dtype)
    if not strong:
        return arrays
    wanted = np.result_type(
        *strong, *(one.data.dtype for one in inputs if type(one) is Lifted and not one.plain)
    )
    for index, value in enumerate(inputs):
        if type(value) is Lifted and value.plain:
            arrays[index] = _weak(run, arrays[index], wanted)
    return arrays


def _weak(run: Run, data: Array, wanted: np.dtype[Any]) -> Array:
    """Give plain numbers the type that numpy gives a Python number beside an array of this type."""
    if data.dtype.kind == "b" or (data.dtype.kind == "f" and wanted.kind in "biu"):
        return data
    if wanted.kind in "fc":
        return data.astype(wanted)
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if data.min() < limits.min or data.max() > limits.max:
            raise run.fail(f"an integer is out of bounds for {wanted}")
        return data.astype(wanted)
    raise run.fail(f"numbers of the type {wanted} have no rule", "float or int")


def axes_of(axis: Any, ndim: int) -> tuple[int, ...]:
    """Give the axes of one episode that are meant, counted from the front; None means all."""
    if axis is None:
        return tuple(range(ndim))
    if type(axis) is int and -ndim <= axis < ndim:
        return (axis % ndim,)
    chosen = axis if isinstance(axis, tuple) else (axis,)
    return tuple(np.lib.array_utils.normalize_axis_tuple([int(one) for one in chosen], ndim))


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Leave out the options that were not given."""
    return {name: value for name, value in options.items() if value is not np._NoValue}


def by_rows(run: Run, array: Lifted, strict: bool = False) -> Array:
    """Give an array as `(episodes, *shape)`, the entries of each episode in memory as in one episode.

    The order of a sum depends on it; and with `strict` also on whether a vector is a part of a larger array.
    """
    data = data_of(run, array)
    order = sorted(range(array.ndim), key=lambda axis: -data.strides[axis])
    span = data.itemsize * (data.shape[-1] if data.strides[-1] else 1)
    for axis in reversed(order):  # whether the entries of one episode fill their memory
        if data.shape[axis] > 1 and data.strides[axis] != span:
            if (strict or array.ndim > 1) and data.dtype.kind in "fc":
                raise run.fail("a part of an array, whose order in memory matters to a sum", "x.copy() first")
            break
        span *= data.shape[axis]
    rows = np.ascontiguousarray(data.transpose(array.ndim, *order))
    return rows.transpose(0, *(1 + np.argsort(order))) if array.ndim else rows


def from_rows(run: Run, found: Any) -> Any:
    """Give `(episodes, *shape)` as a lifted value, its entries in the order in which they lie in memory."""
    return made(run, episodes_last(np.asarray(found)))


def episodes_last(array: Array) -> Array:
    """Give `(episodes, *shape)` as `(*shape, episodes)`, packed, the entries in the same order in memory."""
    order = sorted(range(1, array.ndim), key=lambda axis: -array.strides[axis])
    packed = np.ascontiguousarray(array.transpose(*order, 0))
    return packed.transpose(*np.argsort(order), array.ndim - 1)


def seen(array: Lifted, change: Callable[[Array], Array]) -> Lifted:
    """Give a view that cannot be assigned into, but shows what is assigned into the array."""
    found = array.view(change)
    found.own = None
    return found


def view_or_copy(run: Run, array: Lifted, change: Callable[[Array], Array]) -> Lifted:
    """Give what a change of shape gives: a view of the array where it shares its memory."""
    found = change(array.now())
    if np.may_share_memory(found, array.data):
        return array.view(change)
    return made(run, found)  # type: ignore[no-any-return]
