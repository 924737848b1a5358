"""What numpy's functions mean when lifted: the axis of episodes lies last, the axes of one episode before it.

Functions of single entries (ufuncs) broadcast the shapes of one episode as they are. A reduction has the order of
one episode's, so that sums agree to the last bit. A function without a rule is asked for each episode by itself,
which is right and slow; where one would change its argument, the method is not lifted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.lifted import Lifted, Run, caller, canonical

logger = logging.getLogger("interaction")

Array = NDArray[Any]
_NATIVE = frozenset({np.dtype(bool), np.dtype(np.int64), np.dtype(np.float64)})


# From values to arrays whose last axis is that of the episodes, and back.


def aligned(run: Run, value: Any) -> Any:
    """Give an array that broadcasts with lifted data: `(*shape, episodes)`, `(*shape, 1)`, or a number."""
    if type(value) is Lifted:
        if value.run is not run:
            raise run.fail("a value of another call is used: it was kept outside of the states")
        return value.now()
    if isinstance(value, np.ndarray):
        return value[..., None] if value.ndim else value[()]
    if isinstance(value, list | tuple):
        return aligned(run, stacked(run, value))
    return value


def stacked(run: Run, values: Sequence[Any]) -> Any:
    """Give a list as the array that numpy makes of it; lifted where an entry is."""
    if not any(map(_differs, values)):
        return np.asarray(values)
    return _stack(run, values)


def _differs(value: Any) -> bool:
    return type(value) is Lifted or (isinstance(value, list | tuple) and any(map(_differs, value)))


def operands(run: Run, inputs: Sequence[Any]) -> list[Any]:
    """Give the arguments of a function of entries, with the types that they have in one episode.

    A Python number takes the type of the array that it meets, so a plain value does too.
    """
    arrays = [aligned(run, value) for value in inputs]
    strong = [
        array.dtype
        for array, value in zip(arrays, inputs, strict=True)
        if isinstance(array, np.ndarray | np.generic) and not (type(value) is Lifted and value.plain)
    ]
    if all(dtype in _NATIVE for dtype in strong):
        return arrays
    wanted = np.result_type(*strong)
    for index, (array, value) in enumerate(zip(arrays, inputs, strict=True)):
        if type(value) is Lifted and value.plain:
            arrays[index] = _weak(run, array, wanted)
    return arrays


def _weak(run: Run, data: Array, wanted: np.dtype[Any]) -> Array:
    """Give plain numbers the type that numpy gives a Python number beside an array of this type."""
    if data.dtype.kind == "b" or (data.dtype.kind == "f" and wanted.kind in "biu"):
        return data
    if wanted.kind in "fc":
        return data.astype(wanted if data.dtype.kind == "i" or wanted.kind == "f" else wanted)
    if wanted.kind in "iu":
        limits = np.iinfo(wanted)
        if data.min() < limits.min or data.max() > limits.max:
            raise run.fail(f"an integer is out of bounds for {wanted}")
        return data.astype(wanted)
    raise run.fail(f"numbers of the type {wanted} have no rule", "float or int")


def made(run: Run, found: Any) -> Any:
    """Give what a function found as lifted values, which the method may change."""
    if isinstance(found, tuple):
        return tuple(made(run, part) for part in found)
    return Lifted(run, found, own=True)


# Functions of single entries.


def play_ufunc(run: Run, ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Play a ufunc, or its `reduce`, `accumulate` or `outer`."""
    if method == "reduce":
        return _reduce(run, ufunc, *inputs, **options)
    if method == "accumulate":
        return _accumulate(run, ufunc, *inputs, **options)
    if method == "outer" and not options:
        first = inputs[0]
        spread = np.reshape(first, np.shape(first) + (1,) * np.ndim(inputs[1]))
        return play_ufunc(run, ufunc, "__call__", (spread, inputs[1]), {})
    if method != "__call__" or ufunc.signature is not None:
        if ufunc is np.matmul and method == "__call__" and not options:
            return _matmul(run, *inputs)
        return by_episode(run, getattr(ufunc, method), inputs, options)
    if options:
        out = options.get("out", (None,))
        if out != (None,) and not (len(out) == 1 and type(out[0]) is Lifted):
            raise run.fail("out= is an array that all episodes share", "the result that the function returns")
        if options.get("where", True) is not True and out == (None,):
            raise run.fail("where= without out= leaves entries undefined", "np.where(condition, a, b)")
        options = options | {
            name: aligned(run, options[name]) for name in ("where",) if _differs(options.get(name))
        }
        if isinstance(options.get("where"), np.ndarray):
            options["where"] = aligned(run, options["where"])
        if out != (None,):
            options["out"] = out[0].writeable()
            ufunc(*operands(run, inputs), **options)
            return out[0]
    arrays = operands(run, inputs)
    if ufunc is np.power and not _elementwise(inputs, arrays):
        return by_episode(run, ufunc, inputs, options)
    found = ufunc(*arrays, **options)
    if ufunc in _SIGNED and _zeros_of_both_signs(found, arrays):
        return by_episode(run, ufunc, inputs, options)
    return made(run, found)


_SIGNED = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})
"""Functions in which the sign of a zero depends on where in an array it stands."""


def _elementwise(inputs: Sequence[Any], arrays: Sequence[Any]) -> bool:
    """Whether numpy takes a power by the same loop: it has another one for an exponent that is the same for all."""
    if np.result_type(*arrays).kind != "f":
        return True
    base, exponent = inputs
    if not _differs(exponent):
        return np.ndim(exponent) == 0
    return _differs(base) and exponent.size > 1 and np.shape(base) == np.shape(exponent)


def _zeros_of_both_signs(found: Any, arrays: Sequence[Any]) -> bool:
    """Whether 0.0 met -0.0, of which numpy gives one or the other."""
    if found.dtype.kind != "f" or found.all():
        return False
    zeros = np.logical_and(np.equal(arrays[0], 0), np.equal(arrays[1], 0))
    return bool(np.any(zeros & (np.signbit(arrays[0]) != np.signbit(arrays[1]))))


# Reductions. `axis` is of one episode.


def axes_of(run: Run, axis: Any, ndim: int) -> tuple[int, ...]:
    """Give the axes of one episode that are meant, counted from the front."""
    if axis is None:
        return tuple(range(ndim))
    chosen = axis if isinstance(axis, tuple) else (axis,)
    return tuple(np.lib.array_utils.normalize_axis_tuple([int(one) for one in chosen], ndim))


def lifted(run: Run, value: Any) -> Lifted:
    """Give the first argument of a function as a lifted array."""
    if type(value) is Lifted:
        return value
    array = np.asarray(value) if not _differs(value) else stacked(run, value)
    if type(array) is Lifted:
        return array
    data = np.broadcast_to(array[..., None], (*array.shape, len(run.rows)))
    return Lifted(run, data)


def _no_options(run: Run, name: str, options: dict[str, Any], **fine: Any) -> bool:
    """Whether all options have values that mean nothing more."""
    return all(name in fine and value is fine[name] for name, value in options.items())


_FREE = {np.maximum, np.minimum, np.logical_and, np.logical_or, np.logical_xor, np.fmax, np.fmin}
_FREE |= {np.bitwise_and, np.bitwise_or, np.bitwise_xor}
_NAMES = {np.add: np.sum, np.multiply: np.prod}


def _reduce(
    run: Run,
    ufunc: np.ufunc,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    **more: Any,
) -> Any:
    """Reduce axes of one episode, in the order of one episode."""
    array = lifted(run, array)
    if out is not None or more:
        function = ufunc.reduce
        return by_episode(
            run, function, (array,), {"axis": axis, "dtype": dtype, "keepdims": keepdims, **more}
        )
    keepdims = keepdims is not np._NoValue and bool(keepdims)
    data = array.now()
    axes = axes_of(run, axis, array.ndim)
    exact = ufunc in _FREE or (ufunc in _NAMES and data.dtype.kind in "biu" and dtype is None)
    if array.ndim == 0:
        return made(run, ufunc.reduce(data[None], axis=0, dtype=dtype))
    if exact:
        found = ufunc.reduce(data, axis=axes, keepdims=keepdims)
        if not (
            ufunc in _SIGNED
            and found.dtype.kind == "f"
            and not found.all()
            and np.signbit(data[data == 0]).any()
        ):
            return made(run, found)
    if ufunc is np.add and dtype is None and data.dtype == np.float64:
        single = [length for length in data.shape[:-1] if length != 1]
        if len(axes) == array.ndim and len(single) == 1 and single[0] <= 128:
            total = _sum(data.reshape(single[0], data.shape[-1]))
            return made(run, total.reshape((1,) * array.ndim + total.shape) if keepdims else total)
    rows = by_rows(run, array)
    found = ufunc.reduce(rows, axis=tuple(one + 1 for one in axes), dtype=dtype, keepdims=keepdims)
    return made(run, np.moveaxis(found, 0, -1))


def _sum(data: Array) -> Array:
    """Add up to 128 numbers in the order in which numpy adds them: in eight strands, then in pairs.

    Source: `pairwise_sum` in numpy's `loops_utils.h.src`.
    """
    count = len(data)
    if count == 0:
        return np.zeros(data.shape[1])
    if count < 8:
        total = data[0].copy()
        for index in range(1, count):
            total += data[index]
        return total + 0.0
    strands = data[:8]
    for index in range(8, count - count % 8, 8):
        strands = strands + data[index : index + 8]
    total = ((strands[0] + strands[1]) + (strands[2] + strands[3])) + (
        (strands[4] + strands[5]) + (strands[6] + strands[7])
    )
    for index in range(count - count % 8, count):
        total += data[index]
    return total + 0.0


def by_rows(run: Run, array: Lifted, strict: bool = False) -> Array:
    """Give an array as `(episodes, *shape)`, the entries of each episode in memory as in one episode.

    The order of a sum depends on it; and with `strict` also on whether a vector is a part of a larger array.
    """
    data = array.now()
    order = sorted(range(array.ndim), key=lambda axis: -data.strides[axis])
    span = data.itemsize * (data.shape[-1] if data.strides[-1] else 1)
    for axis in reversed(order):  # whether the entries of one episode fill their memory
        if data.shape[axis] > 1 and data.strides[axis] != span:
            if (strict or array.ndim > 1) and data.dtype.kind in "fc":
                raise run.fail(
                    "a sum over a part of an array, whose order in memory matters", "x.copy() first"
                )
            break
        span *= data.shape[axis]
    rows = np.ascontiguousarray(data.transpose(array.ndim, *order))
    return rows.transpose(0, *(1 + np.argsort(order))) if array.ndim else rows


def _accumulate(
    run: Run, ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None
) -> Any:
    if out is not None:
        raise run.fail("out= of accumulate", "the result that the function returns")
    array = lifted(run, array)
    (chosen,) = axes_of(run, axis, array.ndim)
    return made(run, ufunc.accumulate(array.now(), axis=chosen, dtype=dtype))


def _reduction(ufunc: np.ufunc) -> Callable[..., Any]:
    def rule(
        run: Run,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        **more: Any,
    ) -> Any:
        more = {name: value for name, value in more.items() if value is not np._NoValue}
        return _reduce(run, ufunc, a, axis, dtype, out, keepdims, **more)

    return rule


def _extreme(ufunc: np.ufunc) -> Callable[..., Any]:
    def rule(run: Run, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
        more = {name: value for name, value in more.items() if value is not np._NoValue}
        return _reduce(run, ufunc, a, axis, None, out, keepdims, **more)

    return rule


def _accumulation(ufunc: np.ufunc) -> Callable[..., Any]:
    def rule(run: Run, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        array = lifted(run, a)
        if axis is None:
            array, axis = _reshape(run, array, -1), 0
        return _accumulate(run, ufunc, array, axis, dtype, out)

    return rule


def _by_rows_over(function: Any, *names: str) -> Callable[..., Any]:
    """A function whose result along axes of an array is, to the bit, that of each episode by itself."""

    def rule(run: Run, a: Any, axis: Any = None, *arguments: Any, **options: Any) -> Any:
        options = {name: value for name, value in options.items() if value is not np._NoValue}
        if (
            type(a) is not Lifted
            or arguments
            or any(name not in names or _differs(options[name]) for name in options)
        ):
            return by_episode(run, function, (a, axis, *arguments), options)
        axes = tuple(one + 1 for one in axes_of(run, axis, a.ndim))
        if not axes:
            return by_episode(run, function, (a, axis), options)
        found = function(by_rows(run, a), axis=axes if len(axes) > 1 else axes[0], **options)
        return made(run, np.moveaxis(np.asarray(found), 0, -1))

    return rule


def _mean(
    run: Run, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any
) -> Any:
    """The sum divided by the number of entries, as numpy takes it."""
    more = {name: value for name, value in more.items() if value is not np._NoValue}
    array = lifted(run, a)
    if more or dtype is not None or out is not None or array.data.dtype not in _NATIVE or array.size == 0:
        return by_episode(
            run, np.mean, (array,), {"axis": axis, "dtype": dtype, "keepdims": keepdims, **more}
        )
    data = array.now()
    if data.dtype.kind != "f":
        array = Lifted(run, data.astype(np.float64))
    count = int(np.prod([data.shape[one] for one in axes_of(run, axis, array.ndim)], dtype=np.int64))
    return _reduce(run, np.add, array, axis, None, None, keepdims) / np.float64(count)


def _position(function: Any) -> Callable[..., Any]:
    """`argmax` and `argmin`: the first of the largest or smallest."""

    def rule(run: Run, a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        array = lifted(run, a)
        if out is not None or (keepdims is not np._NoValue and keepdims):
            return by_episode(run, function, (array, axis), {"keepdims": keepdims})
        if axis is None:
            array, axis = _reshape(run, array, -1), 0
        (chosen,) = axes_of(run, axis, array.ndim)
        return made(run, np.asarray(function(array.now(), axis=chosen)))

    return rule


def _sorted(function: Any) -> Callable[..., Any]:
    def rule(
        run: Run, a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None
    ) -> Any:
        array = lifted(run, a)
        if axis is None:
            array, axis = _reshape(run, array, -1), -1
        if order is not None:
            raise run.fail("a sort by order= of fields", "np.argsort")
        (chosen,) = axes_of(run, axis, array.ndim)
        rows = np.moveaxis(array.now(), chosen, -1)  # (..., episodes, entries): each sorted as one episode's
        found = function(np.ascontiguousarray(rows), axis=-1, kind=kind, stable=stable)
        return made(run, np.moveaxis(found, -1, chosen))

    return rule


# Products.


def _columns(run: Run, value: Any) -> Array:
    """Give a vector or a matrix as `(episodes, ...)` or `(1, ...)`, each in memory as in one episode."""
    value = stacked(run, value) if isinstance(value, list | tuple) else value
    return by_rows(run, value, strict=True) if type(value) is Lifted else np.asarray(value)[None]


def _matmul(run: Run, a: Any, b: Any) -> Any:
    """Products of vectors and matrices, as stacked matrices: equal to the bit to each by itself."""
    first, second = np.ndim(a), np.ndim(b)
    if not (0 < first <= 2 and 0 < second <= 2):
        return by_episode(run, np.matmul, (a, b), {})
    one, other = _columns(run, a), _columns(run, b)
    if not {one.dtype, other.dtype} <= _NATIVE:
        return by_episode(run, np.matmul, (a, b), {})
    if first == 1:
        one = one[:, None, :]
    if second == 1:
        other = other[:, :, None]
    found = np.matmul(one, other)
    found = found.reshape(len(found), *found.shape[1 : 1 + (first == 2)], *found.shape[2 : 2 + (second == 2)])
    return made(run, np.ascontiguousarray(np.moveaxis(found, 0, -1)))


def _dot(run: Run, a: Any, b: Any, out: Any = None) -> Any:
    kinds = {lifted(run, a).data.dtype, lifted(run, b).data.dtype}
    if out is not None or not (0 < np.ndim(a) <= 2 and 0 < np.ndim(b) <= 2) or not kinds <= _NATIVE:
        return by_episode(run, np.dot, (a, b), {})
    if np.shape(a) == np.shape(b) == (1,):  # a product, where a matrix product adds it to zero
        return play_ufunc(run, np.multiply, "__call__", (a[0], b[0]), {})
    return _matmul(run, a, b)


def _inner(run: Run, a: Any, b: Any) -> Any:
    return _dot(run, a, b) if np.ndim(a) == np.ndim(b) == 1 else by_episode(run, np.inner, (a, b), {})


def _outer(run: Run, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise run.fail("out= of np.outer", "the result that the function returns")
    one, other = _reshape(run, lifted(run, a), -1), _reshape(run, lifted(run, b), -1)
    return play_ufunc(run, np.multiply, "__call__", (one[:, None], other[None, :]), {})


def _norm(run: Run, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    """The Euclidean norm of all entries, as numpy takes it: the root of a dot product."""
    array = lifted(run, x)
    data = array.now()
    if axis is not None or keepdims or array.ndim == 0 or data.dtype not in _NATIVE or data.dtype.kind == "b":
        return by_episode(run, np.linalg.norm, (array, ord, axis, keepdims), {})
    if not (ord is None or (ord in (2,) and array.ndim == 1) or (ord in ("f", "fro") and array.ndim == 2)):
        return by_episode(run, np.linalg.norm, (array, ord), {})
    floats = Lifted(run, data.astype(np.float64, copy=False))
    vector = (
        floats
        if array.ndim == 1
        else Lifted(run, np.moveaxis(by_rows(run, floats).reshape(data.shape[-1], -1), 0, -1))
    )
    return play_ufunc(run, np.sqrt, "__call__", (_matmul(run, vector, vector),), {})


# Shapes.


def _like(fill: Callable[[Array, tuple[int, ...]], Array]) -> Callable[..., Any]:
    def rule(
        run: Run,
        a: Lifted,
        *arguments: Any,
        dtype: Any = None,
        order: Any = "K",
        subok: Any = True,
        shape: Any = None,
        **more: Any,
    ) -> Any:
        value = arguments[0] if arguments else more.get("fill_value", 0)
        if shape is not None or len(arguments) > 1 or (_differs(value) and np.ndim(value)):
            raise run.fail("an array of another shape is made after a value that differs", "np.broadcast_to")
        data = np.array(a.now(), dtype=dtype or a.data.dtype, order="K" if a.data.strides[-1] else "C")
        data[...] = fill(aligned(run, value), data.shape)
        return Lifted(run, data, own=True)

    return rule


def _shape(run: Run, a: Any) -> tuple[int, ...]:
    return tuple(a.shape)


def _reshape(run: Run, a: Any, *shape: Any, order: str = "C", copy: Any = None, newshape: Any = None) -> Any:
    array = lifted(run, a)
    wanted = shape[0] if len(shape) == 1 else shape
    wanted = (
        (int(wanted),) if not isinstance(wanted, tuple | list) else tuple(int(length) for length in wanted)
    )
    if order != "C":
        raise run.fail("a reshape in another order", "x.T.reshape(...)")
    data = array.now()
    if -1 in wanted:
        known = int(np.prod([length for length in wanted if length != -1], dtype=np.int64))
        if wanted.count(-1) > 1 or known == 0 or array.size % known:
            raise ValueError(f"cannot reshape array of size {array.size} into shape {wanted}")
        wanted = tuple(array.size // known if length == -1 else length for length in wanted)
    found = data.reshape(*wanted, data.shape[-1])
    return array.view(found) if np.shares_memory(found, data) else made(run, found)


def _ravel(run: Run, a: Any, order: str = "C") -> Any:
    return _reshape(run, a, -1, order=order)


def _transpose(run: Run, a: Any, *axes: Any) -> Any:
    array = lifted(run, a)
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        axes = axes[0]
    chosen = axes_of(run, tuple(axes), array.ndim) if axes else tuple(range(array.ndim))[::-1]
    return array.view(array.now().transpose(*chosen, array.ndim))


def _moved(function: Any) -> Callable[..., Any]:
    """`swapaxes`, `moveaxis`, `expand_dims`, `squeeze`, `flip`: views whose axes are those of one episode."""

    def rule(run: Run, a: Any, *arguments: Any, **options: Any) -> Any:
        array = lifted(run, a)
        index = function(
            np.lib.stride_tricks.as_strided(np.empty(1), array.shape, (0,) * array.ndim),
            *arguments,
            **options,
        )
        if function in (np.expand_dims, np.squeeze, np.atleast_1d, np.atleast_2d, np.atleast_3d):
            return _reshape(run, array, tuple(index.shape))
        axes = (
            [int(one) for one in np.lib.array_utils.normalize_axis_tuple(range(array.ndim), array.ndim)]
            if array.ndim
            else []
        )
        moved = function(np.empty(tuple(range(2, 2 + array.ndim))), *arguments, **options).shape
        return array.view(array.now().transpose(*[axes[length - 2] for length in moved], array.ndim))

    return rule


def _flip(run: Run, m: Any, axis: Any = None) -> Any:
    array = lifted(run, m)
    chosen = axes_of(run, axis, array.ndim)
    key = tuple(slice(None, None, -1) if one in chosen else slice(None) for one in range(array.ndim))
    return array[key]


def _broadcast_to(run: Run, array: Any, shape: Any, subok: bool = False) -> Any:
    wanted = tuple(shape) if isinstance(shape, tuple | list) else (int(shape),)
    data = lifted(run, array).now()
    return Lifted(run, np.broadcast_to(data, (*wanted, data.shape[-1])))


def _stack(
    run: Run, arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = list(arrays)
    shapes = {tuple(np.shape(part)) for part in parts}
    if out is not None or len(shapes) != 1:
        raise ValueError("all input arrays must have the same shape")
    ndim = len(shapes.pop())
    datas = [_data(run, part, dtype) for part in _common(run, parts)]
    (chosen,) = axes_of(run, axis, ndim + 1)
    return made(run, np.stack(np.broadcast_arrays(*datas), axis=chosen))


def _common(run: Run, parts: Sequence[Any]) -> list[Any]:
    """Give the parts of a new array; plain values of one episode are made arrays of their own type."""
    return [stacked(run, part) if isinstance(part, list | tuple) else part for part in parts]


def _data(run: Run, part: Any, dtype: Any = None) -> Array:
    """Give a part with the axis of episodes: `(*shape, episodes)`."""
    data = lifted(run, part).now()
    return data if dtype is None else data.astype(dtype)


def _concatenate(
    run: Run, arrays: Any, axis: Any = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Any:
    parts = _common(run, list(arrays))
    if axis is None:
        parts, axis = [_reshape(run, lifted(run, part), -1) for part in parts], 0
    ndim = np.ndim(parts[0])
    if out is not None or ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    (chosen,) = axes_of(run, axis, ndim)
    return made(run, np.concatenate([_data(run, part, dtype) for part in parts], axis=chosen))


def _joined(least: int, axis: int) -> Callable[..., Any]:
    """`hstack` and `vstack`: concatenation of arrays that have at least some axes."""

    def rule(run: Run, tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
        parts = [lifted(run, part) for part in _common(run, list(tup))]
        if least == 1:
            parts = [part if part.ndim else _reshape(run, part, 1) for part in parts]
            return _concatenate(run, parts, 0 if parts[0].ndim == 1 else 1, dtype=dtype)
        parts = [part if part.ndim > 1 else _reshape(run, part, (1, part.size)) for part in parts]
        return _concatenate(run, parts, axis, dtype=dtype)

    return rule


def _column_stack(run: Run, tup: Any) -> Any:
    parts = [lifted(run, part) for part in _common(run, list(tup))]
    return _concatenate(run, [p if p.ndim > 1 else _reshape(run, p, (p.size, 1)) for p in parts], 1)


def _append(run: Run, arr: Any, values: Any, axis: Any = None) -> Any:
    return _concatenate(run, [lifted(run, arr), lifted(run, values)], axis)


def _where(run: Run, condition: Any, *choices: Any) -> Any:
    if len(choices) != 2:
        return _nonzero(run, condition)
    _, a, b = operands(run, (False, *choices))
    return made(run, np.where(aligned(run, condition), a, b))


def _clip(
    run: Run,
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,
    max: Any = None,
    **options: Any,
) -> Any:  # noqa: A002
    low = min if a_min is None or a_min is np._NoValue else a_min
    high = max if a_max is None or a_max is np._NoValue else a_max
    low, high = (None if bound is np._NoValue else bound for bound in (low, high))
    if out is not None or options:
        return by_episode(run, np.clip, (a, low, high), options)
    if low is None and high is None:
        return play_ufunc(run, np.positive, "__call__", (a,), {})
    if low is None:
        return play_ufunc(run, np.minimum, "__call__", (a, high), {})
    if high is None:
        return play_ufunc(run, np.maximum, "__call__", (a, low), {})
    value, low_data, high_data = operands(run, (a, low, high))
    if np.result_type(value, low_data, high_data).kind != "f" or not (_differs(low) or _differs(high)):
        if np.ndim(low) == np.ndim(high) == 0 or np.result_type(value, low_data, high_data).kind != "f":
            return made(run, np.clip(value, low_data, high_data))
    return by_episode(run, np.clip, (a, low, high), {})  # a zero's sign depends on how the bounds are given


def _copy(run: Run, a: Any, order: str = "K", subok: bool = False) -> Any:
    data = lifted(run, a).now()
    return Lifted(run, np.array(data, order="K" if order == "K" and data.strides[-1] else "C"), own=True)


def _take_along_axis(run: Run, arr: Any, indices: Any, axis: Any = -1) -> Any:
    array, index = lifted(run, arr), lifted(run, indices)
    if axis is None:
        array, axis = _reshape(run, array, -1), 0
    if array.ndim != index.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    (chosen,) = axes_of(run, axis, array.ndim)
    return made(run, np.take_along_axis(array.now(), index.now(), axis=chosen))


def _take(run: Run, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    array = lifted(run, a)
    if out is not None or mode != "raise":
        return by_episode(run, np.take, (a, indices, axis), {"mode": mode})
    if axis is None:
        array, axis = _reshape(run, array, -1), 0
    (chosen,) = axes_of(run, axis, array.ndim)
    if not isinstance(indices, np.ndarray) and not np.isscalar(indices):
        indices = stacked(run, indices)
    return array[(slice(None),) * chosen + (indices,)]


def _isin(
    run: Run,
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Any:
    if not _differs(test_elements):
        data = lifted(run, element).now()
        return made(run, np.isin(data, test_elements, assume_unique=assume_unique, invert=invert, kind=kind))
    array, tests = lifted(run, element), _reshape(run, lifted(run, test_elements), -1)
    equal = np.equal(array[..., None], tests) if array.ndim else np.equal(array, tests)
    found = np.any(equal, axis=-1)
    return np.logical_not(found) if invert else found


def _searchsorted(run: Run, a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    if sorter is not None or (_differs(a) and np.ndim(v)):
        return by_episode(run, np.searchsorted, (a, v, side, sorter), {})
    if not _differs(a):
        return made(run, np.searchsorted(np.asarray(a), lifted(run, v).now(), side=side))
    array = lifted(run, a)
    data = array.now()
    sought = lifted(run, v).now()
    if not (data[1:] >= data[:-1]).all() or (sought.dtype.kind == "f" and np.isnan(sought).any()):
        return by_episode(run, np.searchsorted, (a, v, side), {})
    below = np.less(array, v) if side == "left" else np.less_equal(array, v)
    return made(run, np.count_nonzero(below.now(), axis=0))


def _interp(
    run: Run, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    if any(map(_differs, (xp, fp, left, right, period))):
        return by_episode(run, np.interp, (x, xp, fp, left, right, period), {})
    return made(run, np.interp(lifted(run, x).now(), xp, fp, left=left, right=right, period=period))


def _nonzero(run: Run, a: Any) -> Any:
    array = lifted(run, a)
    data = array.now() != 0
    count = run.ask(data.reshape(-1, data.shape[-1]).sum(axis=0), "the number of entries that are found")
    data = array.now() != 0
    found = np.argwhere(np.moveaxis(data, -1, 0))[:, 1:]
    found = found.reshape(data.shape[-1], count, array.ndim)
    return tuple(made(run, np.ascontiguousarray(found[..., axis].T)) for axis in range(array.ndim))


def _flatnonzero(run: Run, a: Any) -> Any:
    return _nonzero(run, _reshape(run, lifted(run, a), -1))[0]


def _unique(run: Run, ar: Any, *arguments: Any, **options: Any) -> Any:
    array = _reshape(run, lifted(run, ar), -1)
    if arguments or options or array.data.dtype.kind not in "biu":
        return by_episode(run, np.unique, (ar, *arguments), options)
    data = np.sort(array.now(), axis=0)
    new = np.concatenate([np.ones((1, data.shape[1]), bool), data[1:] != data[:-1]])[: len(data)]
    count = run.ask(new.sum(axis=0), "the number of different entries")
    data = np.sort(array.now(), axis=0)
    new = np.concatenate([np.ones((1, data.shape[1]), bool), data[1:] != data[:-1]])[: len(data)]
    return made(run, np.ascontiguousarray(data.T[new.T].reshape(data.shape[1], count).T))


def _count_nonzero(run: Run, a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    array = lifted(run, a)
    axes = axes_of(run, axis, array.ndim)
    found = np.count_nonzero(array.now(), axis=axes, keepdims=keepdims) if axes else (array.now() != 0) * 1
    answer = made(run, np.asarray(found))
    answer.plain = axis is None and not keepdims
    return answer


def _answer(function: Any) -> Callable[..., Any]:
    """`array_equal` and `allclose`: one Python truth value for each episode."""

    def rule(run: Run, a1: Any, a2: Any, *arguments: Any, **options: Any) -> Any:
        if function is np.array_equal:
            if np.shape(a1) != np.shape(a2):
                return False
            if arguments or options:
                return by_episode(run, function, (a1, a2, *arguments), options)
            found = np.all(np.equal(a1, a2))
        else:
            found = np.all(np.isclose(a1, a2, *arguments, **options))
        return Lifted(run, found.now(), plain=True)

    return rule


def _isclose(run: Run, a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    one, other = operands(run, (a, b))
    if np.result_type(one, other) not in _NATIVE:
        return by_episode(run, np.isclose, (a, b, rtol, atol, equal_nan), {})
    with np.errstate(invalid="ignore"):
        return made(
            run, np.asarray(np.isclose(one, other, aligned(run, rtol), aligned(run, atol), equal_nan))
        )


def _round(run: Run, a: Any, decimals: int = 0, out: Any = None) -> Any:
    if out is not None or _differs(decimals):
        return by_episode(run, np.round, (a, decimals), {})
    return made(run, np.round(lifted(run, a).now(), decimals))


def _diff(run: Run, a: Any, n: int = 1, axis: int = -1, **options: Any) -> Any:
    array = lifted(run, a)
    if n != 1 or any(value is not np._NoValue for value in options.values()):
        return by_episode(run, np.diff, (a, n, axis), options)
    (chosen,) = axes_of(run, axis, array.ndim)
    return made(run, np.diff(array.now(), axis=chosen))


def _by_entries(function: Any) -> Callable[..., Any]:
    """A function of numpy that treats each entry by itself, though it is no ufunc."""

    def rule(run: Run, x: Any, **options: Any) -> Any:
        return made(run, np.asarray(function(lifted(run, x).now(), **options)))

    return rule


def _select(run: Run, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    found = lifted(run, default)
    dtype = np.result_type(*[_data(run, choice) for choice in choicelist], found.now())
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        found = np.where(condition, choice, found)  # type: ignore[arg-type,assignment]
    return found.astype(dtype)


def _repeat(run: Run, a: Any, repeats: Any, axis: Any = None) -> Any:
    if not isinstance(repeats, int | np.integer):
        return by_episode(run, np.repeat, (a, repeats, axis), {})
    array = lifted(run, a)
    if axis is None:
        array, axis = _reshape(run, array, -1), 0
    (chosen,) = axes_of(run, axis, array.ndim)
    return made(run, np.repeat(array.now(), repeats, axis=chosen))


def _roll(run: Run, a: Any, shift: Any, axis: Any = None) -> Any:
    array = lifted(run, a)
    if not isinstance(shift, int | np.integer):
        return by_episode(run, np.roll, (a, shift, axis), {})
    if axis is None:
        flat = _reshape(run, array, -1)
        return _reshape(run, made(run, np.roll(flat.now(), shift, axis=0)), array.shape)
    (chosen,) = axes_of(run, axis, array.ndim)
    return made(run, np.roll(array.now(), shift, axis=chosen))


# Functions without a rule.

_CHANGING = frozenset(
    {
        np.copyto,
        np.put,
        np.putmask,
        np.place,
        np.fill_diagonal,
        np.put_along_axis,
        np.save,
        np.savetxt,
        np.savez,
    }
)
_told: set[tuple[str, int]] = set()


def by_episode(run: Run, function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """Ask a function for each episode by itself, and put the results together; say so once for a line."""
    name = getattr(function, "__name__", repr(function))
    if function in _CHANGING or options.get("out") is not None:
        raise run.fail(f"np.{name} changes an array", "an assignment such as x[i] = y, or np.where")
    rows = len(run.rows)
    where = caller()
    if where not in _told:
        _told.add(where)
        logger.warning("np.%s is asked episode by episode in %s, line %d.", name, *where)
    each = [_of_episode(run, part, rows) for part in arguments]
    more = {key: _of_episode(run, part, rows) for key, part in options.items() if part is not np._NoValue}
    try:
        found = [
            function(*[part(row) for part in each], **{key: part(row) for key, part in more.items()})
            for row in range(rows)
        ]
    except Exception as error:
        raise run.fail(f"np.{name} raises {type(error).__name__} in an episode") from error
    return _together(run, found, name)


def _of_episode(run: Run, value: Any, rows: int) -> Callable[[int], Any]:
    """Give a function from the row of an episode to the value that it has there."""
    if type(value) is Lifted:
        if value.ndim == 0:
            numbers = value.now().tolist() if value.plain else value.now()
            return lambda row: numbers[row]
        arrays = by_rows(run, value, strict=True)
        arrays.setflags(write=False)
        return lambda row: arrays[row]
    if isinstance(value, list | tuple):
        parts = [_of_episode(run, part, rows) for part in value]
        kind = type(value)
        return lambda row: kind(part(row) for part in parts)
    return lambda row: value


def _together(run: Run, found: list[Any], name: str) -> Any:
    first = found[0]
    if isinstance(first, tuple | list):
        parts = [_together(run, list(column), name) for column in zip(*found, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    kinds = {type(one) for one in found}
    shapes = {(np.shape(one), np.asarray(one).dtype) for one in found}
    if len(kinds) > 1 or len(shapes) > 1 or next(iter(shapes))[1].kind == "O":
        raise run.fail(f"np.{name} gives arrays of different shapes or kinds in different episodes")
    plain = kinds <= {bool, int, float, str}
    if kinds <= {type(None)} or not (plain or isinstance(first, np.ndarray | np.generic)):
        raise run.fail(f"np.{name} gives no array")
    data = np.ascontiguousarray(np.moveaxis(np.array(found), 0, -1))
    return Lifted(run, data, plain=plain, own=None if plain else True)


def play_function(run: Run, function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """Play one of numpy's functions by its rule, or for each episode by itself."""
    rule = FUNCTIONS.get(function)
    if rule is None:
        return by_episode(run, function, arguments, options)
    return rule(run, *arguments, **options)


FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: _reduction(np.add),
    np.prod: _reduction(np.multiply),
    np.any: _reduction(np.logical_or),
    np.all: _reduction(np.logical_and),
    np.max: _extreme(np.maximum),
    np.min: _extreme(np.minimum),
    np.mean: _mean,
    np.std: _by_rows_over(np.std, "ddof", "keepdims"),
    np.var: _by_rows_over(np.var, "ddof", "keepdims"),
    np.median: _by_rows_over(np.median, "keepdims"),
    np.ptp: _by_rows_over(np.ptp, "keepdims"),
    np.cumsum: _accumulation(np.add),
    np.cumprod: _accumulation(np.multiply),
    np.argmax: _position(np.argmax),
    np.argmin: _position(np.argmin),
    np.sort: _sorted(np.sort),
    np.argsort: _sorted(np.argsort),
    np.dot: _dot,
    np.inner: _inner,
    np.outer: _outer,
    np.linalg.norm: _norm,
    np.shape: _shape,
    np.ndim: lambda run, a: a.ndim,
    np.size: lambda run, a, axis=None: a.size if axis is None else a.shape[axis],
    np.zeros_like: _like(lambda value, shape: np.zeros(())),
    np.ones_like: _like(lambda value, shape: np.ones(())),
    np.empty_like: _like(lambda value, shape: np.zeros(())),
    np.full_like: _like(lambda value, shape: value),
    np.reshape: _reshape,
    np.ravel: _ravel,
    np.transpose: _transpose,
    np.swapaxes: _moved(np.swapaxes),
    np.moveaxis: _moved(np.moveaxis),
    np.expand_dims: _moved(np.expand_dims),
    np.squeeze: _moved(np.squeeze),
    np.atleast_1d: _moved(np.atleast_1d),
    np.atleast_2d: _moved(np.atleast_2d),
    np.flip: _flip,
    np.broadcast_to: _broadcast_to,
    np.stack: _stack,
    np.concatenate: _concatenate,
    np.hstack: _joined(1, 1),
    np.vstack: _joined(2, 0),
    np.column_stack: _column_stack,
    np.append: _append,
    np.where: _where,
    np.clip: _clip,
    np.copy: _copy,
    np.take: _take,
    np.take_along_axis: _take_along_axis,
    np.isin: _isin,
    np.searchsorted: _searchsorted,
    np.interp: _interp,
    np.nonzero: _nonzero,
    np.flatnonzero: _flatnonzero,
    np.unique: _unique,
    np.count_nonzero: _count_nonzero,
    np.array_equal: _answer(np.array_equal),
    np.allclose: _answer(np.allclose),
    np.isclose: _isclose,
    np.round: _round,
    np.around: _round,
    np.diff: _diff,
    np.nan_to_num: _by_entries(np.nan_to_num),
    np.real: _by_entries(np.real),
    np.select: _select,
    np.repeat: _repeat,
    np.roll: _roll,
}


# Methods of arrays, and of single numbers.


def _method(function: Any) -> Callable[..., Any]:
    def call(self: Lifted, *arguments: Any, **options: Any) -> Any:
        return FUNCTIONS[function](self.run, self, *arguments, **options)

    return call


def _astype(self: Lifted, dtype: Any, *arguments: Any, **options: Any) -> Any:
    data = self.now()
    found = data.astype(dtype, order="K")
    if found.dtype.kind not in "biufc":
        raise self.run.fail(f"numbers become {found.dtype}", "float or int")
    return Lifted(self.run, found, own=True)


def _item(self: Lifted, *index: Any) -> Any:
    value = self[index[0] if len(index) == 1 else index] if index and self.ndim else self
    data = value.now()
    if data.ndim > 1 and value.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    return Lifted(self.run, canonical(self.run, data.reshape(data.shape[-1])), plain=True)


def _tolist(self: Lifted) -> Any:
    return self.item() if self.ndim == 0 else [part.tolist() for part in self]


def _sort_in_place(self: Lifted, axis: int = -1, **options: Any) -> None:
    self.writeable()[...] = np.sort(self, axis=axis, **options).now()  # type: ignore[call-overload]


def _fill(self: Lifted, value: Any) -> None:
    self[...] = value


def _is_integer(self: Lifted) -> Any:
    data = self.now()
    if self.ndim:
        raise AttributeError("'numpy.ndarray' object has no attribute 'is_integer'")
    return Lifted(
        self.run,
        np.isfinite(data) & (np.floor(data) == data) if data.dtype.kind == "f" else data == data,
        plain=True,
    )


METHODS: dict[str, Callable[..., Any]] = {
    "sum": _method(np.sum),
    "prod": _method(np.prod),
    "any": _method(np.any),
    "all": _method(np.all),
    "max": _method(np.max),
    "min": _method(np.min),
    "mean": _method(np.mean),
    "std": _method(np.std),
    "var": _method(np.var),
    "cumsum": _method(np.cumsum),
    "cumprod": _method(np.cumprod),
    "argmax": _method(np.argmax),
    "argmin": _method(np.argmin),
    "argsort": _method(np.argsort),
    "dot": _method(np.dot),
    "reshape": _method(np.reshape),
    "ravel": _method(np.ravel),
    "transpose": _method(np.transpose),
    "swapaxes": _method(np.swapaxes),
    "squeeze": _method(np.squeeze),
    "clip": _method(np.clip),
    "round": _method(np.round),
    "take": _method(np.take),
    "nonzero": _method(np.nonzero),
    "repeat": _method(np.repeat),
    "searchsorted": _method(np.searchsorted),
    "copy": lambda self, order="C": _copy(self.run, self, order),
    "flatten": lambda self, order="C": _copy(self.run, _reshape(self.run, self, -1, order=order)),
    "conj": lambda self: self,
    "conjugate": lambda self: self,
    "astype": _astype,
    "item": _item,
    "tolist": _tolist,
    "sort": _sort_in_place,
    "fill": _fill,
    "is_integer": _is_integer,
}
