"""Python's rules for plain numbers, to the bit.

Python's integers have no end, it raises where a number is divided by zero, `x ** y` of floats is the C
library's, and `True + True` is 2. Where numpy does not do the same, the rule here does, or the method is
not lifted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.lifted import Lifted
from interaction.batching.runs import Run
from interaction.membership import largest, smallest

Array = NDArray[Any]
Rule = Callable[[Run, Any, Any], Any]

_EXACT = 2**53  # up to here each integer is a float
WHOLE = 2**63


def as_number(value: Any) -> Any:
    """Give the data of a plain value, or a Python number; a bool as the integer that it is in arithmetic."""
    data = value.now() if type(value) is Lifted else value
    if type(data) is bool:
        return int(data)
    return data.astype(np.int64) if type(data) is np.ndarray and data.dtype.kind == "b" else data


def is_float(data: Any) -> bool:
    """Say whether data are floats."""
    return type(data) is float or (type(data) is np.ndarray and data.dtype.kind == "f")


def _is_text(data: Any) -> bool:
    return type(data) is np.ndarray and data.dtype.kind == "U"


def bound(value: Any) -> int:
    """Give the largest absolute value of plain integers."""
    if type(value) is not Lifted:
        return abs(int(value))
    if value.data.dtype.kind == "b":
        return 1
    if value.bound is None:
        data = value.now()
        value.bound = max(abs(largest(data)), abs(smallest(data)))
    return value.bound


def _pair(run: Run, one: Any, other: Any) -> tuple[Any, Any, bool]:
    """Give the numbers of both sides, and whether the result is a float."""
    a, b = as_number(one), as_number(other)
    if _is_text(a) or _is_text(b):
        raise run.fail("an operation on texts that differ between episodes", "numbers in place of texts")
    return a, b, is_float(a) or is_float(b)


def whole(run: Run, result: Callable[[], Any], largest: int) -> Lifted:
    """Give a result of integers whose absolute values are at most `largest`."""
    if largest >= WHOLE:
        raise run.fail("an integer is beyond 64 bits", "a float")
    return Lifted(run, result(), plain=True, bound=largest)


def _float(run: Run, function: Any, a: Any, b: Any) -> Lifted:
    run.quiet = True
    found = function(a, b)
    run.quiet = False
    return Lifted(run, found, plain=True)


def _additive(function: Any) -> Rule:
    def rule(run: Run, one: Any, other: Any) -> Any:
        a, b, floats = _pair(run, one, other)
        if floats:
            return _float(run, function, a, b)
        return whole(run, lambda: function(a, b), bound(one) + bound(other))

    return rule


def _multiply(run: Run, one: Any, other: Any) -> Any:
    a, b, floats = _pair(run, one, other)
    if floats:
        return _float(run, np.multiply, a, b)
    return whole(run, lambda: np.multiply(a, b), bound(one) * bound(other))


def _divisor(run: Run, one: Any, other: Any) -> tuple[Any, Any, bool]:
    """Give both sides of a division; the episodes that divide by zero go another way, and raise."""
    b = other.now() if type(other) is Lifted else other
    zero = run.ask(b == 0, "a division by zero") if type(b) is np.ndarray and not b.all() else not np.any(b)
    if zero:
        raise ZeroDivisionError("division by zero")
    return _pair(run, one, other)


def _divide(run: Run, one: Any, other: Any) -> Any:
    a, b, floats = _divisor(run, one, other)
    if not floats and max(bound(one), bound(other)) > _EXACT:
        raise run.fail("a division of integers beyond 2**53", "floats")
    return _float(run, np.true_divide, a, b)


def _whole_division(function: Any) -> Rule:
    def rule(run: Run, one: Any, other: Any) -> Any:
        a, b, floats = _divisor(run, one, other)
        if floats:
            return _float(run, function, a, b)
        return whole(run, lambda: function(a, b), max(bound(one), bound(other)))

    return rule


def _power(run: Run, one: Any, other: Any) -> Any:
    a, b, floats = _pair(run, one, other)
    if not floats:
        if run.ask(np.broadcast_to(np.less(b, 0), len(run.rows)), "a negative exponent"):
            return power_of_floats(run, as_number(one), as_number(other))
        a, b = as_number(one), as_number(other)
        largest = b if type(b) is int else int(b.max())
        base = bound(one)
        if largest * max(base.bit_length() - 1, 0) > 64:
            raise run.fail("an integer is beyond 64 bits", "a float")
        return whole(run, lambda: _whole_power(a, b), base**largest)
    return power_of_floats(run, a, b)


def _whole_power(a: Any, b: Any) -> Any:
    if type(b) is int and 1 < b <= 4:
        found = a
        for _ in range(b - 1):
            found = found * a
        return found
    return np.power(a, b)


def power_of_floats(run: Run, a: Any, b: Any) -> Lifted:
    """The C library's power, number by number, as Python takes it; numpy's differs in the last bit."""
    a, b = np.broadcast_arrays(a, b)
    try:
        found = np.array(list(map(pow, a.tolist(), b.tolist())))
    except ArithmeticError as error:
        raise run.fail(f"a power that raises {type(error).__name__} in an episode") from error
    if found.dtype.kind != "f":
        raise run.fail("a power of a negative number, which is complex", "abs(x) ** y")
    return Lifted(run, found, plain=True)


def _compare(function: Any) -> Rule:
    def rule(run: Run, one: Any, other: Any) -> Any:
        a = one.now() if type(one) is Lifted else one
        b = other.now() if type(other) is Lifted else other
        if _is_text(a) != _is_text(b):
            if function in (np.equal, np.not_equal):
                return function is np.not_equal
            raise TypeError("a text cannot be compared with a number")
        floats = is_float(a)
        if floats != is_float(b) and bound(other if floats else one) > _EXACT:
            raise run.fail("integers beyond 2**53 are compared with floats", "floats")
        return Lifted(run, function(a, b), plain=True)

    return rule


def _bits(function: Any) -> Rule:
    def rule(run: Run, one: Any, other: Any) -> Any:
        a = one.now() if type(one) is Lifted else one
        b = other.now() if type(other) is Lifted else other
        return Lifted(run, function(a, b), plain=True)  # numpy refuses floats, as Python does

    return rule


def _shift(function: Any) -> Rule:
    def rule(run: Run, one: Any, other: Any) -> Any:
        a, b, _ = _pair(run, one, other)
        if np.any(np.less(b, 0)):
            raise run.fail("a shift by a negative number")
        if np.any(np.greater(b, 62)):
            raise run.fail("an integer is shifted beyond 64 bits", "a float")
        largest = bound(one) << int(np.max(b)) if function is np.left_shift else bound(one)
        return whole(run, lambda: function(a, b), largest)

    return rule


RULES: dict[str, Rule] = {
    "add": _additive(np.add),
    "sub": _additive(np.subtract),
    "mul": _multiply,
    "truediv": _divide,
    "floordiv": _whole_division(np.floor_divide),
    "mod": _whole_division(np.remainder),
    "pow": _power,
    "and": _bits(np.bitwise_and),
    "or": _bits(np.bitwise_or),
    "xor": _bits(np.bitwise_xor),
    "lshift": _shift(np.left_shift),
    "rshift": _shift(np.right_shift),
    "eq": _compare(np.equal),
    "ne": _compare(np.not_equal),
    "lt": _compare(np.less),
    "le": _compare(np.less_equal),
    "gt": _compare(np.greater),
    "ge": _compare(np.greater_equal),
}
"""What each operator gives for plain numbers."""
