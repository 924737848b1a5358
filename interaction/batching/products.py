"""Products of vectors and matrices: as stacked matrices they are equal to the bit to each by itself."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.arrays import NATIVE, as_array, by_rows, from_rows, lifted, made
from interaction.batching.lifted import Lifted
from interaction.batching.rules import by_episode, lifts
from interaction.batching.runs import Run

Array = NDArray[Any]


def _rows(run: Run, value: Any) -> Array:
    """Give a vector or a matrix as `(episodes, ...)` or `(1, ...)`, each in memory as in one episode."""
    value = as_array(run, value)
    return by_rows(run, value, strict=True) if type(value) is Lifted else np.asarray(value)[None]


def matmul(run: Run, a: Any, b: Any) -> Any:
    """Multiply vectors and matrices."""
    first, second = np.ndim(a), np.ndim(b)
    if not (0 < first <= 2 and 0 < second <= 2):
        return by_episode(run, np.matmul, (a, b))
    itself = first == second == 2 and _is_transposed(a, b)  # which numpy multiplies in a way of its own
    one, other = _rows(run, a), _rows(run, b)
    if not {one.dtype, other.dtype} <= NATIVE:
        return by_episode(run, with_itself, (a,)) if itself else by_episode(run, np.matmul, (a, b))
    if itself:
        other = one.transpose(0, 2, 1)
    one = one[:, None, :] if first == 1 else one
    other = other[:, :, None] if second == 1 else other
    found = np.matmul(one, other)
    found = found if second == 2 else found[:, :, 0]
    return from_rows(run, found if first == 2 else found[:, 0])


def with_itself(a: Array) -> Array:
    """Multiply a matrix with itself turned round."""
    product: Array = np.matmul(a, a.T)
    return product


with_itself.__name__ = "matmul"  # as it is told


def _is_transposed(a: Any, b: Any) -> bool:
    """Whether the second matrix is a view of the first one, turned round."""
    if not (type(a) is type(b) is Lifted and a.shape == b.shape[::-1]):
        return False
    one, other = a.data, b.data.swapaxes(0, 1)
    return one.strides == other.strides and one.ctypes.data == other.ctypes.data


@lifts(np.dot)
def _dot(run: Run, a: Any, b: Any, out: Any = None) -> Any:
    first, second = lifted(run, a), lifted(run, b)
    kinds = {first.data.dtype, second.data.dtype}
    matrices = first.ndim == second.ndim == 2
    if out is None and matrices and not kinds <= NATIVE and _is_transposed(first, second):
        return by_episode(run, with_itself, (first,))
    if out is not None or not (0 < first.ndim <= 2 and 0 < second.ndim <= 2) or not kinds <= NATIVE:
        return by_episode(run, np.dot, (a, b), {"out": out})
    if first.shape == second.shape == (1,):  # a product, where a matrix product adds it to zero
        return np.multiply(first[0], second[0])
    return matmul(run, a, b)


@lifts(np.inner)
def _inner(run: Run, a: Any, b: Any) -> Any:
    return _dot(run, a, b) if np.ndim(a) == np.ndim(b) == 1 else by_episode(run, np.inner, (a, b))


@lifts(np.outer)
def _outer(run: Run, a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise run.fail("out= of np.outer", "the result that the function returns")
    one, other = (np.reshape(lifted(run, value), -1) for value in (a, b))
    return np.multiply(one[:, None], other[None, :])


@lifts(np.linalg.norm)
def _norm(run: Run, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A002
    """The Euclidean norm of all entries, as numpy takes it: the root of a dot product."""
    array = lifted(run, x)
    euclidean = ord is None or (ord == 2 and array.ndim == 1) or (ord in ("f", "fro") and array.ndim == 2)
    if axis is not None or keepdims or not array.ndim or array.data.dtype not in NATIVE or not euclidean:
        return by_episode(run, np.linalg.norm, (array, ord, axis, keepdims))
    if array.data.dtype.kind == "b":
        return by_episode(run, np.linalg.norm, (array,))
    rows = by_rows(run, array, strict=True).astype(np.float64, copy=False)
    order = sorted(range(array.ndim), key=lambda one: -rows.strides[1 + one])  # as they lie in memory
    flat = rows.transpose(0, *(1 + one for one in order)).reshape(len(rows), 1, array.size)
    return made(run, np.sqrt(np.matmul(flat, flat.transpose(0, 2, 1))[:, 0, 0]))


def _stacked(function: Any) -> Any:
    """A function of linear algebra that treats each matrix of a stack by itself."""

    def rule(run: Run, a: Any) -> Any:
        array = lifted(run, a)
        if array.ndim != 2 or array.data.dtype != np.float64:
            return by_episode(run, function, (a,))
        try:
            return from_rows(run, function(by_rows(run, array, strict=True)))
        except np.linalg.LinAlgError as error:
            raise run.fail("a singular matrix in an episode") from error

    return rule


for _function in (np.linalg.inv, np.linalg.det):
    lifts(_function)(_stacked(_function))


@lifts(np.linalg.solve)
def _solve(run: Run, a: Any, b: Any) -> Any:
    array, right = lifted(run, a), lifted(run, b)
    doubles = array.data.dtype == right.data.dtype == np.float64
    if array.ndim != 2 or right.ndim not in (1, 2) or not doubles:
        return by_episode(run, np.linalg.solve, (a, b))
    one, other = by_rows(run, array, strict=True), by_rows(run, right, strict=True)
    other = other[:, :, None] if right.ndim == 1 else other
    try:
        found = np.linalg.solve(one, other)
    except np.linalg.LinAlgError as error:
        raise run.fail("a singular matrix in an episode") from error
    return from_rows(run, found[:, :, 0] if right.ndim == 1 else found)
