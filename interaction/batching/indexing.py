"""Entries of lifted arrays: look-ups by numbers that differ between episodes, and assignments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.arrays import aligned, as_array, data_of, made
from interaction.batching.lifted import Lifted, Owner
from interaction.batching.rules import by_episode
from interaction.batching.runs import Run, count
from interaction.membership import all_between
from interaction.state import lock

Array = NDArray[Any]
_INTEGER = np.dtype(np.int64)
_BASIC = (int, np.integer, slice, type(None), type(Ellipsis))


def get(array: Lifted, key: Any) -> Lifted:
    """Give what lies at an index of each episode's array."""
    if array.plain:
        array._no_text("is indexed")
        raise TypeError("a Python number is not subscriptable")
    if _is_number_in_vector(array, key):
        array.run.path = hash((array.run.path, 1))
        data, where = array.where()
        return made(array.run, data.reshape(-1).take(_flat(array, key, data, where)))  # type: ignore[no-any-return]
    parts = _parts(array, key)
    array.run.path = hash((array.run.path, len(parts)))
    if not any(type(part) is Lifted for part in parts):
        found = array.now()[_padded(parts)]
        if not all(isinstance(part, _BASIC) for part in parts):
            return made(array.run, found)  # type: ignore[no-any-return]
        if found.ndim > 1 or any(part is Ellipsis for part in parts):  # x[..., 0] is an array without axes
            return array.view(_padded(parts))
        own = array.own is not None or array.shows_changes()
        return Lifted(array.run, found.copy() if own else found)
    parts = _without_masks(array, parts)
    if _shows_changes(array, parts):
        raise array.run.fail("a view is taken by an index that differs", "a copy, or an index without ...")
    place = _place(array, parts)
    if place is None:
        return by_episode(array.run, _get, (array, *parts), {})  # type: ignore[no-any-return]
    data, index, before, rest = place
    found = _looked_up(array, data, index)  # (..., episodes, before, rest)
    if before == rest == 0:
        return made(array.run, found)  # type: ignore[no-any-return]
    is_view = all(isinstance(part, slice) or np.ndim(part) == 0 for part in parts)
    at = found.ndim - before - rest - 1
    found = np.moveaxis(found, at, -1)
    if before:
        found = np.moveaxis(found, range(at, at + before), range(before))
    if is_view and array.own is None:  # alone a view of what nobody can change
        return Lifted(array.run, lock(found))
    if is_view:
        return array.copied(found, whole=len(parts) == 1)
    return made(array.run, found)  # type: ignore[no-any-return]


def _shows_changes(array: Lifted, parts: list[Any]) -> bool:
    """Whether what lies at numbers that differ is, alone, a view of what may be changed: no copy is one."""
    if sum(map(_axes, parts)) < array.ndim:
        return array.shows_changes()
    return array.own is not None and any(part is Ellipsis for part in parts)


def _is_number_in_vector(array: Lifted, key: Any) -> bool:
    """Whether a vector is asked for the entry at a number that differs, which is found in its flat memory."""
    return (
        type(key) is Lifted
        and array.data.ndim == 2
        and key.data.ndim == 1
        and key.data.dtype == _INTEGER
        and array.data.flags.c_contiguous
    )


def _is_single(value: Any) -> bool:
    """Whether a value is, at first sight, a single number in each episode."""
    return value.data.ndim == 1 if type(value) is Lifted else type(value) in (int, float, bool)


def _flat(array: Lifted, key: Lifted, data: Array, where: Array) -> Array:
    """Say where the entries of a vector at a number of each episode lie in its flat memory.

    `where` tells which columns of its data belong to the episodes.
    """
    run, number, length = array.run, data_of(array.run, key), len(data)
    if not all_between(number, 0, length, len(where)):
        if not all_between(number, -length, length, len(where)):
            raise run.fail("an index is out of bounds in an episode")
        number = np.where(number < 0, number + length, number)
    at: Array = number * data.shape[-1]
    at += where
    return at


def _get(array: Array, *parts: Any) -> Any:
    return array[parts]


_get.__name__ = "array[...]"


def put(array: Lifted, key: Any, value: Any) -> None:
    """Assign into each episode's array, which the method must have made itself."""
    run = array.run
    if _is_number_in_vector(array, key) and _is_single(value):
        array.check_own()
        _check_whole(array, value)
        data, where = array.where()
        data.reshape(-1)[_flat(array, key, data, where)] = aligned(run, value)
        return
    parts = _parts(array, key)
    row = _whole_row(array, parts, value)
    array.writeable(row)
    _check_whole(array, value)
    if len(parts) == 1 and _is_mask(parts[0]) and (_is_single(value) or np.ndim(value) == 0):
        data = array.writeable(row)
        mask = parts[0].now()
        mask = mask.reshape(*mask.shape[:-1], *(1,) * (array.ndim - parts[0].ndim), mask.shape[-1])
        np.copyto(data, aligned(run, value), where=mask, casting="unsafe")
        return
    parts = _without_masks(array, parts)
    data = array.writeable(row)
    given = aligned(run, value)
    if not any(type(part) is Lifted for part in parts):
        _check_apart(run, data[_padded(parts)], given)
        data[_padded(parts)] = given
        return
    place = _place(array, parts)
    numbers = all(isinstance(part, slice | type(Ellipsis)) or np.ndim(part) == 0 for part in parts)
    if place is None or (np.ndim(value) > 0 and not numbers and array.ndim > 1):
        raise run.fail("an assignment by an index of this kind", "np.where(condition, a, b)")
    view, index, _, _ = place
    if np.ndim(value) > 0 and numbers:
        given = np.moveaxis(given, -1, 0)
    elif isinstance(given, np.ndarray) and given.ndim == 1:
        given = given.reshape(
            -1, *(1,) * (view.ndim - 1 - sum(not isinstance(part, slice) for part in parts))
        )
    try:
        view[index] = given
    except IndexError as error:
        raise run.fail("an index is out of bounds in an episode") from error


def _overlap(one: Array, other: Array) -> bool:
    """Whether two arrays share an entry; True if that is too hard to find out."""
    if not np.may_share_memory(one, other):
        return False
    try:
        return np.shares_memory(one, other, max_work=1_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def _check_apart(run: Run, part: Array, given: Any) -> None:
    """Find out where a part is written from an overlapping one, which numpy does by entries in vectors."""
    if part.ndim < 2 or not isinstance(given, np.ndarray) or not _overlap(part, given):
        return
    if part.strides != given.strides or part.ctypes.data != given.ctypes.data:
        raise run.fail("a part of an array is written from another part of it", "x[i] = x[j].copy()")


def _whole_row(array: Lifted, parts: list[Any], value: Any) -> Owner | None:
    """Give the owner of a whole row that is assigned to a whole row: neither becomes another one by that."""
    if (
        type(array.own) is Owner
        or len(parts) != 1
        or type(value) is not Lifted
        or type(value.own) is not Owner
    ):
        return None
    alike = value.own.whole and value.shape == array.shape[1:] and np.ndim(parts[0]) == 0
    return value.own if alike and not isinstance(parts[0], slice) else None


def _check_whole(array: Lifted, value: Any) -> None:
    """Find out where a number does not fit into an array of integers, which one episode raises for."""
    if isinstance(value, list | tuple):
        for part in value:
            _check_whole(array, part)
    kind = array.data.dtype
    if kind.kind in "iu" and type(value) is Lifted and value.ndim == 0 and value.data.dtype != kind:
        limits, given = np.iinfo(kind), value.now()
        if not ((given >= limits.min) & (given < limits.max + 1)).all():
            raise array.run.fail(f"a number does not fit into an array of {kind}")


def _looked_up(array: Lifted, data: Array, index: tuple[Any, ...]) -> Array:
    try:
        found: Array = data[index]
    except IndexError as error:
        raise array.run.fail("an index is out of bounds in an episode") from error
    return found


def _is_mask(part: Any) -> bool:
    return type(part) is Lifted and part.data.dtype.kind == "b" and part.ndim > 0


def _parts(array: Lifted, key: Any) -> list[Any]:
    """Give the parts of a key; a list is an array, and a flag that differs parts the episodes."""
    parts = [_part(array.run, part) for part in (key if type(key) is tuple else (key,))]
    used = sum(_axes(part) for part in parts)
    if used > array.ndim:
        raise IndexError(
            f"too many indices for array: array is {array.ndim}-dimensional, but {used} were indexed"
        )
    return parts


def _axes(part: Any) -> int:
    """How many axes of the array an index takes."""
    if type(part) is Lifted:
        return part.ndim if part.data.dtype.kind == "b" else 1
    if part is None or part is Ellipsis:
        return 0
    is_mask = isinstance(part, bool) or (isinstance(part, np.ndarray | np.generic) and part.dtype.kind == "b")
    return np.ndim(part) if is_mask else 1


def _part(run: Run, part: Any) -> Any:
    if type(part) is list:
        return as_array(run, part) if part else np.zeros(0, np.int64)
    if type(part) is Lifted and part.ndim == 0 and part.data.dtype.kind == "b":
        return bool(part)
    if type(part) is slice:
        return slice(*(_plain(end) for end in (part.start, part.stop, part.step)))
    return part


def _plain(end: Any) -> Any:
    return end.__index__() if type(end) is Lifted else end


def _padded(parts: list[Any]) -> tuple[Any, ...]:
    """Leave the axis of episodes as it is, also where an ellipsis would take it."""
    return (*parts, slice(None)) if any(part is Ellipsis for part in parts) else tuple(parts)


def _without_masks(array: Lifted, parts: list[Any]) -> list[Any]:
    """Turn a mask that differs into the indices of its entries, whose number parts the episodes."""
    found: list[Any] = []
    for part in parts:
        found += np.nonzero(part) if _is_mask(part) else [part]
    return found


def _place(array: Lifted, parts: list[Any]) -> tuple[Array, tuple[Any, ...], int, int] | None:
    """Say where numbers that differ lead: a view, an index into it, and the number of axes before and after.

    The view has the indexed axes first, then those before and after them; the index ends with the episodes.
    None for keys of other kinds than whole axes (`:`) before numbers.
    """
    while parts and (parts[-1] is Ellipsis or (isinstance(parts[-1], slice) and parts[-1] == slice(None))):
        parts = parts[:-1]
    before = 0
    while before < len(parts) and isinstance(parts[before], slice) and parts[before] == slice(None):
        before += 1
    chosen = parts[before:]
    if not all(type(part) is Lifted or isinstance(part, int | np.integer | np.ndarray) for part in chosen):
        return None
    if before and any(np.ndim(part) for part in chosen):
        return None
    numbers: list[Any] = []
    for part in chosen:
        number = (
            part.now()
            if type(part) is Lifted
            else part[..., None]
            if isinstance(part, np.ndarray)
            else int(part)
        )
        if isinstance(number, np.ndarray) and number.dtype.kind not in "iu":
            raise IndexError("arrays used as indices must be of integer (or boolean) type")
        numbers.append(number)
    data = array.now()
    rest = array.ndim - len(parts)
    axes = [*range(before, len(parts)), *range(before), *range(len(parts), array.ndim), array.ndim]
    index = (*numbers, *(slice(None),) * (before + rest), count(data.shape[-1]))
    return data.transpose(axes), index, before, rest
