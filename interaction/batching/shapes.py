"""Shapes of one episode: making, joining and turning arrays; the axis of episodes stays the last one."""

from __future__ import annotations

from typing import Any

import numpy as np

from interaction.batching.arrays import (
    aligned,
    as_array,
    axes_of,
    differs,
    lifted,
    made,
    seen,
    view_or_copy,
)
from interaction.batching.lifted import Lifted
from interaction.batching.reductions import flattened
from interaction.batching.rules import FUNCTIONS, Rule, by_episode, lifts
from interaction.batching.runs import Run


@lifts(np.shape)
def _shape(run: Run, a: Any) -> tuple[int, ...]:
    shape: tuple[int, ...] = lifted(run, a).shape
    return shape


@lifts(np.ndim)
def _ndim(run: Run, a: Any) -> int:
    ndim: int = lifted(run, a).ndim
    return ndim


@lifts(np.size)
def _size(run: Run, a: Any, axis: Any = None) -> int:
    array = lifted(run, a)
    size: int = array.size if axis is None else array.shape[axis]
    return size


# New arrays.


@lifts(np.copy)
def _copy(run: Run, a: Any, order: str = "K", subok: bool = False) -> Any:
    if order not in ("C", "K"):
        return by_episode(run, np.copy, (a, order))
    data, level = lifted(run, a).early()
    copy = np.array(data, order="K" if order == "K" and data.strides[-1] else "C")
    return Lifted(run, copy, own=True, level=level)


def _filled(run: Run, a: Any, value: Any, dtype: Any = None, shape: Any = None, **options: Any) -> Any:
    if shape is not None or options or (differs(value) and np.ndim(value)):
        raise run.fail("an array of another shape is made after a value that differs", "np.broadcast_to")
    array = lifted(run, a).now()
    data = np.array(array, dtype=dtype or array.dtype, order="K" if array.strides[-1] else "C")
    data[...] = aligned(run, value)
    return made(run, data, array=True)


@lifts(np.zeros_like, np.empty_like)
def _zeros_like(run: Run, a: Any, dtype: Any = None, **options: Any) -> Any:
    return _filled(run, a, 0, dtype, **options)


@lifts(np.ones_like)
def _ones_like(run: Run, a: Any, dtype: Any = None, **options: Any) -> Any:
    return _filled(run, a, 1, dtype, **options)


@lifts(np.full_like)
def _full_like(run: Run, a: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    return _filled(run, a, fill_value, dtype, **options)


# Turned arrays.


@lifts(np.reshape)
def _reshape(run: Run, a: Any, *shape: Any, order: str = "C", copy: Any = None) -> Any:
    array = lifted(run, a)
    wanted = shape[0] if len(shape) == 1 else shape
    lengths = tuple(int(length) for length in (wanted if isinstance(wanted, tuple | list) else (wanted,)))
    if order != "C" or copy is not None:
        raise run.fail("a reshape in another order", "x.T.reshape(...)")
    if -1 in lengths:
        known = int(np.prod([length for length in lengths if length != -1], dtype=np.int64))
        if lengths.count(-1) > 1 or known == 0 or array.size % known:
            raise ValueError(f"cannot reshape array of size {array.size} into shape {lengths}")
        lengths = tuple(array.size // known if length == -1 else length for length in lengths)
    return view_or_copy(run, array, lambda data: data.reshape(*lengths, data.shape[-1]))


@lifts(np.ravel)
def _ravel(run: Run, a: Any, order: str = "C") -> Any:
    """A view, but of an array whose entries lie apart in memory a copy."""
    array = lifted(run, a)
    flat = _reshape(run, array, -1, order=order)
    apart = not array.data.flags.c_contiguous and (array.own is not None or array.shows_changes())
    return np.copy(flat, order="C") if apart else flat


@lifts(np.transpose)
def _transpose(run: Run, a: Any, *axes: Any) -> Any:
    array = lifted(run, a)
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        axes = tuple(axes[0] or ())
    chosen = axes_of(tuple(axes), array.ndim) if axes else tuple(range(array.ndim))[::-1]
    return array.view(lambda data: data.transpose(*chosen, array.ndim))


def _turned(function: Any) -> Rule:
    """`swapaxes` and `moveaxis`, from what they do to the axes of an example."""

    def rule(run: Run, a: Any, *arguments: Any, **options: Any) -> Any:
        array = lifted(run, a)
        example = np.empty(range(array.ndim))
        order = function(example, *arguments, **options).shape
        return array.view(lambda data: data.transpose(*order, array.ndim))

    return rule


def _with_axes(function: Any) -> Rule:
    """`expand_dims`, `squeeze` and the like, from what they do to the shape of an example."""

    def rule(run: Run, a: Any, *arguments: Any, **options: Any) -> Any:
        array = lifted(run, a)
        shape = function(np.broadcast_to(0, array.shape), *arguments, **options).shape
        return _reshape(run, array, tuple(shape))

    return rule


_RULES: dict[Any, Rule] = {
    np.swapaxes: _turned(np.swapaxes),
    np.moveaxis: _turned(np.moveaxis),
    np.expand_dims: _with_axes(np.expand_dims),
    np.squeeze: _with_axes(np.squeeze),
    np.atleast_1d: _with_axes(np.atleast_1d),
    np.atleast_2d: _with_axes(np.atleast_2d),
}
FUNCTIONS.update(_RULES)


@lifts(np.flip)
def _flip(run: Run, m: Any, axis: Any = None) -> Any:
    array = lifted(run, m)
    chosen = axes_of(axis, array.ndim)
    return array[tuple(slice(None, None, -1 if one in chosen else None) for one in range(array.ndim))]


@lifts(np.broadcast_to)
def _broadcast_to(run: Run, array: Any, shape: Any, subok: bool = False) -> Any:
    wanted = tuple(shape) if isinstance(shape, tuple | list) else (int(shape),)
    return seen(lifted(run, array), lambda data: np.broadcast_to(data, (*wanted, data.shape[-1])))


@lifts(np.diagonal)
def _diagonal(run: Run, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    array = lifted(run, a)
    first, second = axes_of((axis1, axis2), array.ndim)
    return seen(  # of (..., episodes, diagonal)
        array, lambda data: np.moveaxis(np.diagonal(data, offset, first, second), -1, -2)
    )


@lifts(np.diag)
def _diag(run: Run, v: Any, k: int = 0) -> Any:
    return _diagonal(run, v, k) if np.ndim(v) == 2 else by_episode(run, np.diag, (v, k))


@lifts(np.trace)
def _trace(run: Run, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, *more: Any) -> Any:
    if more or np.ndim(a) != 2:
        return by_episode(run, np.trace, (a, offset, axis1, axis2, *more))
    return _diagonal(run, a, offset, axis1, axis2).sum()


# Joined arrays.


@lifts(np.stack)
def _stack(
    run: Run, arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = [as_array(run, part) for part in arrays]
    if out is not None or len({np.shape(part) for part in parts}) != 1:
        raise ValueError("all input arrays must have the same shape")
    (chosen,) = axes_of(axis, np.ndim(parts[0]) + 1)
    return made(run, np.stack([lifted(run, part).now() for part in parts], axis=chosen, dtype=dtype))


@lifts(np.concatenate)
def _concatenate(
    run: Run, arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = [lifted(run, part) for part in arrays]
    if axis is None:
        parts, axis = [np.reshape(part, -1) for part in parts], 0
    if out is not None or parts[0].ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    (chosen,) = axes_of(axis, parts[0].ndim)
    return made(run, np.concatenate([part.now() for part in parts], axis=chosen, dtype=dtype))


@lifts(np.hstack)
def _hstack(run: Run, tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    parts: list[Any] = [np.atleast_1d(lifted(run, part)) for part in tup]
    return _concatenate(run, parts, 0 if parts[0].ndim == 1 else 1, dtype=dtype)


@lifts(np.vstack)
def _vstack(run: Run, tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
    parts = [np.atleast_2d(lifted(run, part)) for part in tup]
    return _concatenate(run, parts, 0, dtype=dtype)


@lifts(np.column_stack)
def _column_stack(run: Run, tup: Any) -> Any:
    parts = [lifted(run, part) for part in tup]
    return _concatenate(
        run, [part if part.ndim > 1 else _reshape(run, part, (part.size, 1)) for part in parts], 1
    )


@lifts(np.append)
def _append(run: Run, arr: Any, values: Any, axis: Any = None) -> Any:
    return _concatenate(run, [lifted(run, arr), lifted(run, values)], axis)


@lifts(np.repeat)
def _repeat(run: Run, a: Any, repeats: Any, axis: Any = None) -> Any:
    if type(repeats) is not int:
        return by_episode(run, np.repeat, (a, repeats, axis))
    array, chosen = flattened(lifted(run, a), axis)
    return made(run, np.repeat(array.now(), repeats, axis=chosen))


@lifts(np.roll)
def _roll(run: Run, a: Any, shift: Any, axis: Any = None) -> Any:
    array = lifted(run, a)
    if type(shift) is not int or not array.ndim:
        return by_episode(run, np.roll, (a, shift, axis))
    flat, chosen = flattened(array, axis)
    return _reshape(run, made(run, np.roll(flat.now(), shift, axis=chosen)), array.shape)
