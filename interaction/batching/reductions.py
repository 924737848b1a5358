"""Reductions, accumulations and sorting along the axes of one episode, in the order of one episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.arrays import (
    NATIVE,
    axes_of,
    by_rows,
    differs,
    from_rows,
    given,
    lifted,
    made,
)
from interaction.batching.lifted import Lifted
from interaction.batching.rules import FUNCTIONS, Rule, by_episode, lifts
from interaction.batching.runs import Run

Array = NDArray[Any]
_PAIRWISE = 128  # numbers that numpy adds in eight strands; more of them are halved first

_FREE = frozenset(
    {np.maximum, np.minimum, np.logical_and, np.logical_or, np.logical_xor, np.fmax, np.fmin}
    | {np.bitwise_and, np.bitwise_or, np.bitwise_xor}
)
"""Functions whose order does not matter."""
_ORDERLESS = frozenset({np.logical_and, np.logical_or})
_EXTREMES = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})


def reduce(
    run: Run,
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    **more: Any,
) -> Any:
    """Reduce axes of one episode."""
    if out is not None or more:
        options = {"axis": axis, "dtype": dtype, "out": out, "keepdims": keepdims, **more}
        return by_episode(run, ufunc.reduce, (array,), options)
    array = lifted(run, array)
    ndim = array.data.ndim - 1
    if ndim == 1 and ufunc in _ORDERLESS and array.data.dtype.kind == "b" and not keepdims:
        data, level = array.early()
        return Lifted(run, ufunc.reduce(data, axis=0), level=level)
    data = array.now()
    axes = axes_of(axis, ndim)
    if ndim == 0:
        return made(run, ufunc.reduce(data[None], axis=0, dtype=dtype))
    keepdims = keepdims is not np._NoValue and bool(keepdims)
    if ufunc in _FREE or (ufunc in (np.add, np.multiply) and data.dtype.kind in "biu" and dtype is None):
        found = ufunc.reduce(data, axis=axes, keepdims=keepdims)
        if not (ufunc in _EXTREMES and _has_negative_zeros(found, data)):
            return made(run, found)
    elif ufunc is np.add and dtype is None and data.dtype == np.float64 and len(axes) == ndim:
        lengths = [length for length in data.shape[:-1] if length != 1]
        if len(lengths) == 1 and lengths[0] <= _PAIRWISE:
            total = _sum(data.reshape(lengths[0], data.shape[-1]))
            return made(run, total.reshape((1,) * ndim + total.shape) if keepdims else total)
    rows = by_rows(run, array)
    return from_rows(
        run, ufunc.reduce(rows, axis=tuple(one + 1 for one in axes), dtype=dtype, keepdims=keepdims)
    )


def _has_negative_zeros(found: Array, data: Array) -> bool:
    """Whether an extreme is a zero whose sign depends on the order."""
    return found.dtype.kind == "f" and not found.all() and bool(np.signbit(data[data == 0]).any())


def _sum(data: Array) -> Any:
    """Add up to 128 numbers in the order in which numpy adds them: in eight strands, then in pairs.

    `data`: `(numbers, episodes)`. Source: `pairwise_sum` in numpy's `loops_utils.h.src`.
    """
    count = len(data)
    if count == 0:
        return np.zeros(data.shape[1])
    if count < 8:
        total = data[0] + 0.0
        for index in range(1, count):
            total += data[index]
        return total
    strands = data[:8]
    whole = count - count % 8
    for index in range(8, whole, 8):
        strands = strands + data[index : index + 8]
    pairs = strands[0::2] + strands[1::2]
    total = (pairs[0] + pairs[1]) + (pairs[2] + pairs[3])
    for index in range(whole, count):
        total += data[index]
    return total + 0.0


def accumulate(
    run: Run, ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    """Accumulate along an axis of one episode, one entry after the other."""
    if out is not None:
        raise run.fail("out= of an accumulation", "the result that the function returns")
    array = lifted(run, array)
    (chosen,) = axes_of(axis, array.ndim)
    return made(run, ufunc.accumulate(array.now(), axis=chosen, dtype=dtype))


def flattened(array: Any, axis: Any, default: int = 0) -> tuple[Any, int]:
    """Give an array and its axis; all axes as one where none is named."""
    if axis is not None:
        return array, axes_of(axis, array.ndim)[0]
    return (array if array.ndim == 1 else np.reshape(array, -1)), default


def _reduction(ufunc: np.ufunc) -> Rule:
    def rule(
        run: Run,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        **more: Any,
    ) -> Any:
        return reduce(run, ufunc, a, axis, dtype, out, keepdims, **given(more))

    return rule


def _extreme(ufunc: np.ufunc) -> Rule:
    def rule(run: Run, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
        return reduce(run, ufunc, a, axis, None, out, keepdims, **given(more))

    return rule


def _accumulation(ufunc: np.ufunc) -> Rule:
    def rule(run: Run, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        array, chosen = flattened(lifted(run, a), axis)
        return accumulate(run, ufunc, array, chosen, dtype, out)

    return rule


def _along(function: Any, *names: str) -> Rule:
    """A function whose result along axes of rows is, to the bit, that of each episode by itself."""

    def rule(run: Run, a: Any, axis: Any = None, *arguments: Any, **options: Any) -> Any:
        options = given(options)
        if type(a) is not Lifted or arguments or not all(name in names for name in options) or not a.ndim:
            return by_episode(run, function, (a, axis, *arguments), options)
        if any(map(differs, options.values())):
            return by_episode(run, function, (a, axis), options)
        axes = tuple(one + 1 for one in axes_of(axis, a.ndim))
        return from_rows(run, function(by_rows(run, a), axis=axes if len(axes) > 1 else axes[0], **options))

    return rule


_BRIEF, _EPISODES = 255, 500
"""Up to how many entries, and from how many episodes on, numpy finds the place of the largest more slowly."""


def _place(function: Any, extreme: np.ufunc, data: Array, axis: int) -> Array:
    """Give `function(data, axis)`, the place of an extreme: the first of the entries that are equal to it."""
    length = data.shape[axis]
    if data.dtype.kind not in "biuf" or length > _BRIEF or data.shape[-1] < _EPISODES:
        return function(data, axis=axis)  # type: ignore[no-any-return]
    found = extreme.reduce(data, axis=axis, keepdims=True)
    if data.dtype.kind == "f" and np.isnan(found).any():  # of which numpy gives the first
        return function(data, axis=axis)  # type: ignore[no-any-return]
    left = np.arange(length, 0, -1, dtype=np.uint8).reshape(length, *(1,) * (data.ndim - 1 - axis))
    most = np.maximum.reduce((data == found) * left, axis=axis)
    return length - most.astype(np.int64)  # type: ignore[no-any-return]


def _position(function: Any, extreme: np.ufunc) -> Rule:
    """The first of the largest or smallest entries."""

    def rule(run: Run, a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        array = lifted(run, a)
        if out is not None or (keepdims is not np._NoValue and keepdims) or not array.ndim:
            return by_episode(run, function, (array, axis), {"out": out, "keepdims": keepdims})
        array, chosen = flattened(array, axis)
        data, level = array.early()
        found = _place(function, extreme, data, chosen)
        return Lifted(run, found, own=True if found.ndim > 1 else None, level=level)

    return rule


def _sorted(function: Any) -> Rule:
    def rule(
        run: Run, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
    ) -> Any:
        if order is not None:
            raise run.fail("a sort by order=", "np.argsort")
        array, chosen = flattened(lifted(run, a), axis)
        rows = np.ascontiguousarray(np.moveaxis(array.now(), chosen, -1))  # each sorted as one episode's
        return made(run, np.moveaxis(function(rows, axis=-1, kind=kind, stable=stable), -1, chosen))

    return rule


_RULES: dict[Any, Rule] = {
    np.sum: _reduction(np.add),
    np.prod: _reduction(np.multiply),
    np.any: _reduction(np.logical_or),
    np.all: _reduction(np.logical_and),
    np.max: _extreme(np.maximum),
    np.min: _extreme(np.minimum),
    np.cumsum: _accumulation(np.add),
    np.cumprod: _accumulation(np.multiply),
    np.std: _along(np.std, "ddof", "keepdims"),
    np.var: _along(np.var, "ddof", "keepdims"),
    np.median: _along(np.median, "keepdims"),
    np.ptp: _along(np.ptp, "keepdims"),
    np.argmax: _position(np.argmax, np.maximum),
    np.argmin: _position(np.argmin, np.minimum),
    np.sort: _sorted(np.sort),
    np.argsort: _sorted(np.argsort),
}
FUNCTIONS.update(_RULES)


@lifts(np.mean)
def _mean(
    run: Run, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any
) -> Any:
    """The sum divided by the number of entries, as numpy takes it."""
    array = lifted(run, a)
    more = given(more)
    if more or dtype is not None or out is not None or array.data.dtype not in NATIVE or array.size == 0:
        options = {"axis": axis, "dtype": dtype, "out": out, "keepdims": keepdims, **more}
        return by_episode(run, np.mean, (array,), options)
    data = array.now()
    if data.dtype.kind != "f":
        array = Lifted(run, data.astype(np.float64))
    count = int(np.prod([data.shape[one] for one in axes_of(axis, array.ndim)], dtype=np.int64))
    return reduce(run, np.add, array, axis, None, None, keepdims) / np.float64(count)


@lifts(np.count_nonzero)
def _count_nonzero(run: Run, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    array = lifted(run, a)
    axes = axes_of(axis, array.ndim)
    data = array.now()
    found = np.count_nonzero(data, axis=axes, keepdims=keepdims) if axes else (data != 0).astype(np.int64)
    if axis is None and not keepdims:
        return Lifted(run, np.asarray(found), plain=True)
    return made(run, found)


@lifts(np.diff)
def _diff(run: Run, a: Any, n: int = 1, axis: int = -1, **options: Any) -> Any:
    array = lifted(run, a)
    if n != 1 or given(options) or not array.ndim:
        return by_episode(run, np.diff, (a, n, axis), options)
    return made(run, np.diff(array.now(), axis=axes_of(axis, array.ndim)[0]))
