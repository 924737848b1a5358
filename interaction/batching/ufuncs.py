"""Functions of single entries: the shapes of one episode broadcast as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from interaction.batching.arrays import aligned, differs, lifted, made, operands
from interaction.batching.lifted import Lifted
from interaction.batching.products import matmul
from interaction.batching.reductions import accumulate, reduce
from interaction.batching.rules import by_episode, lifts
from interaction.batching.runs import Run

_SIGNED = frozenset({np.maximum, np.minimum, np.fmax, np.fmin})
"""Functions in which the sign of a zero depends on where in an array it stands."""


def play_ufunc(run: Run, ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """Play a ufunc, or its `reduce`, `accumulate` or `outer`."""
    run.path = hash((run.path, ufunc, method))
    if method != "__call__":
        return _method(run, ufunc, method, inputs, options)
    if ufunc.signature is not None:
        if ufunc is np.matmul and not options:
            return matmul(run, *inputs)
        return by_episode(run, ufunc, inputs, options)
    if options:
        return _with_options(run, ufunc, inputs, options)
    arrays = operands(run, inputs)
    if ufunc is np.power and isinstance(inputs[0], np.floating) and np.ndim(inputs[1]) == 0:
        raise run.fail("a power of one of numpy's numbers", "float(x) ** y")  # x ** y, or np.power(x, y)?
    if ufunc is np.power and not _elementwise(inputs, arrays):
        return by_episode(run, ufunc, inputs)
    found = ufunc(*arrays)
    if ufunc in _SIGNED and _zeros_of_both_signs(found, arrays):
        return by_episode(run, ufunc, inputs)
    return made(run, found)


def _method(run: Run, ufunc: np.ufunc, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    if method == "reduce":
        return reduce(run, ufunc, *inputs, **options)
    if method == "accumulate":
        return accumulate(run, ufunc, *inputs, **options)
    if method == "outer" and not options:
        first, second = inputs
        spread = np.reshape(first, np.shape(first) + (1,) * np.ndim(second))
        return play_ufunc(run, ufunc, "__call__", (spread, second), {})
    return by_episode(run, getattr(ufunc, method), inputs, options)


def _with_options(run: Run, ufunc: np.ufunc, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """With `where=`, `out=`, `dtype=` and the like."""
    out = options.pop("out", (None,))
    if out != (None,) and not (len(out) == 1 and type(out[0]) is Lifted):
        raise run.fail("out= is an array that all episodes share", "the result that the function returns")
    if options.get("where", True) is not True:
        if out == (None,):
            raise run.fail("where= without out= leaves entries undefined", "np.where(condition, a, b)")
        options["where"] = aligned(run, options["where"])
    arrays = operands(run, inputs)
    if ufunc is np.power or ufunc in _SIGNED:
        raise run.fail(f"np.{ufunc.__name__} with options", "the function without them")
    if out == (None,):
        return made(run, ufunc(*arrays, **options))
    ufunc(*arrays, out=out[0].writeable(), **options)
    return out[0]


def _elementwise(inputs: Sequence[Any], arrays: Sequence[Any]) -> bool:
    """Whether numpy takes a power by the same loop; an exponent that is one for all entries has another."""
    if np.result_type(*arrays).kind != "f":
        return True
    base, exponent = inputs
    if not differs(exponent):
        return np.ndim(exponent) == 0
    return differs(base) and exponent.size > 1 and np.shape(base) == np.shape(exponent)


def _zeros_of_both_signs(found: Any, arrays: Sequence[Any]) -> bool:
    """Whether 0.0 met -0.0, of which numpy gives one or the other."""
    if found.dtype.kind != "f" or found.all():
        return False
    zeros = np.logical_and(np.equal(arrays[0], 0), np.equal(arrays[1], 0))
    return bool(np.any(zeros & (np.signbit(arrays[0]) != np.signbit(arrays[1]))))


# What is a function of entries, though it is no ufunc.


@lifts(np.where)
def _where(run: Run, condition: Any, *choices: Any) -> Any:
    if not choices:
        return np.nonzero(condition)
    a, b = operands(run, choices)
    return made(run, np.where(aligned(run, condition), a, b), array=True)


@lifts(np.clip)
def _clip(
    run: Run,
    a: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,  # noqa: A002
    max: Any = None,  # noqa: A002
    **options: Any,
) -> Any:
    low = min if a_min is None or a_min is np._NoValue else a_min
    high = max if a_max is None or a_max is np._NoValue else a_max
    low, high = (None if bound is np._NoValue else bound for bound in (low, high))
    if out is not None or options:
        return by_episode(run, np.clip, (a, low, high), {"out": out, **options})
    if low is None and high is None:
        return play_ufunc(run, np.positive, "__call__", (a,), {})
    if low is None or high is None:
        ufunc, bound = (np.minimum, high) if low is None else (np.maximum, low)
        return play_ufunc(run, ufunc, "__call__", (a, bound), {})
    arrays = operands(run, (a, low, high))
    constant = not (differs(low) or differs(high)) and np.ndim(low) == np.ndim(high) == 0
    if constant or np.result_type(*arrays).kind != "f":
        return made(run, np.clip(*arrays))
    return by_episode(run, np.clip, (a, low, high))  # a zero's sign depends on how the bounds are given


@lifts(np.round, np.around)
def _round(run: Run, a: Any, decimals: Any = 0, out: Any = None) -> Any:
    if out is not None or differs(decimals):
        return by_episode(run, np.round, (a, decimals), {"out": out})
    data = lifted(run, a).now()
    turned = data.transpose(*range(data.ndim - 1)[::-1], data.ndim - 1)
    if turned.flags.c_contiguous:  # which round keeps as it is; else it puts the entries in order
        return made(run, np.round(turned, decimals).transpose(*range(data.ndim - 1)[::-1], data.ndim - 1))
    return made(run, np.round(data, decimals))


@lifts(np.isclose)
def _isclose(run: Run, a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Any:
    one, other, relative, absolute = operands(run, (a, b, rtol, atol))
    if np.result_type(one, other).type not in (np.bool_, np.int64, np.float64):
        return by_episode(run, np.isclose, (a, b, rtol, atol, equal_nan))
    with np.errstate(invalid="ignore"):
        return made(run, np.asarray(np.isclose(one, other, relative, absolute, equal_nan)))


@lifts(np.allclose)
def _allclose(run: Run, a: Any, b: Any, *arguments: Any, **options: Any) -> Any:
    found: Any = np.all(np.isclose(a, b, *arguments, **options))
    return Lifted(run, found.now(), plain=True)


@lifts(np.array_equal)
def _array_equal(run: Run, a1: Any, a2: Any, equal_nan: bool = False) -> Any:
    if np.shape(a1) != np.shape(a2):
        return False
    if equal_nan:
        return by_episode(run, np.array_equal, (a1, a2, equal_nan))
    found: Any = np.all(np.equal(a1, a2))
    return Lifted(run, found.now(), plain=True)


@lifts(np.nan_to_num)
def _nan_to_num(run: Run, x: Any, copy: Any = True, **options: Any) -> Any:
    if copy is not True:
        raise run.fail("np.nan_to_num changes an array", "the function without copy=False")
    return made(run, np.asarray(np.nan_to_num(lifted(run, x).now(), **options)))


@lifts(np.real)
def _real(run: Run, val: Any) -> Any:
    return lifted(run, val).real


@lifts(np.imag)
def _imag(run: Run, val: Any) -> Any:
    return lifted(run, val).imag


@lifts(np.select)
def _select(run: Run, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    found: Any = lifted(run, default)
    dtype = np.result_type(found.now(), *[lifted(run, choice).now() for choice in choicelist])
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        found = np.where(condition, choice, found)
    return np.copy(found.astype(dtype), order="C")
