"""The operators of lifted values: Python's rules for plain numbers, to the bit, and numpy's for all others.

Python's integers have no end, it raises where a number is divided by zero, `x ** y` of floats is the C
library's, and `True + True` is 2. Where numpy does not do the same, the rule here does, or the method is
not lifted.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.arrays import lifted, operands
from interaction.batching.lifted import Lifted, Run
from interaction.batching.ufuncs import play_ufunc
from interaction.spaces import largest, smallest

Array = NDArray[Any]
Rule = Callable[[Run, Any, Any], Any]

_EXACT = 2**53  # up to here each integer is a float
_WHOLE = 2**63
_NUMBERS = (int, float, bool)


def _as_number(value: Any) -> Any:
    """Give the data of a plain value, or a Python number; a bool as the integer that it is in arithmetic."""
    data = value.now() if type(value) is Lifted else value
    if type(data) is bool:
        return int(data)
    return data.astype(np.int64) if type(data) is np.ndarray and data.dtype.kind == "b" else data


def _is_float(data: Any) -> bool:
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
    a, b = _as_number(one), _as_number(other)
    if _is_text(a) or _is_text(b):
        raise run.fail("an operation on texts that differ between episodes", "numbers in place of texts")
    return a, b, _is_float(a) or _is_float(b)


def _whole(run: Run, result: Callable[[], Any], largest: int) -> Lifted:
    if largest >= _WHOLE:
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
        return _whole(run, lambda: function(a, b), bound(one) + bound(other))

    return rule


def _multiply(run: Run, one: Any, other: Any) -> Any:
    a, b, floats = _pair(run, one, other)
    if floats:
        return _float(run, np.multiply, a, b)
    return _whole(run, lambda: np.multiply(a, b), bound(one) * bound(other))


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
        return _whole(run, lambda: function(a, b), max(bound(one), bound(other)))

    return rule


def _power(run: Run, one: Any, other: Any) -> Any:
    a, b, floats = _pair(run, one, other)
    if not floats:
        if run.ask(np.broadcast_to(np.less(b, 0), len(run.rows)), "a negative exponent"):
            return _power_of_floats(run, _as_number(one), _as_number(other))
        a, b = _as_number(one), _as_number(other)
        largest = b if type(b) is int else int(b.max())
        base = bound(one)
        if largest * max(base.bit_length() - 1, 0) > 64:
            raise run.fail("an integer is beyond 64 bits", "a float")
        return _whole(run, lambda: _whole_power(a, b), base**largest)
    return _power_of_floats(run, a, b)


def _whole_power(a: Any, b: Any) -> Any:
    if type(b) is int and 1 < b <= 4:
        found = a
        for _ in range(b - 1):
            found = found * a
        return found
    return np.power(a, b)


def _power_of_floats(run: Run, a: Any, b: Any) -> Lifted:
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
        for mine, theirs, value in ((a, b, one), (b, a, other)):
            if _is_float(theirs) and not _is_float(mine) and bound(value) > _EXACT:
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
        return _whole(run, lambda: function(a, b), largest)

    return rule


_BINARY: dict[str, tuple[Any, Rule]] = {
    "add": (operator.add, _additive(np.add)),
    "sub": (operator.sub, _additive(np.subtract)),
    "mul": (operator.mul, _multiply),
    "truediv": (operator.truediv, _divide),
    "floordiv": (operator.floordiv, _whole_division(np.floor_divide)),
    "mod": (operator.mod, _whole_division(np.remainder)),
    "pow": (operator.pow, _power),
    "and": (operator.and_, _bits(np.bitwise_and)),
    "or": (operator.or_, _bits(np.bitwise_or)),
    "xor": (operator.xor, _bits(np.bitwise_xor)),
    "lshift": (operator.lshift, _shift(np.left_shift)),
    "rshift": (operator.rshift, _shift(np.right_shift)),
}
_COMPARISONS = {
    "eq": (operator.eq, np.equal),
    "ne": (operator.ne, np.not_equal),
    "lt": (operator.lt, np.less),
    "le": (operator.le, np.less_equal),
    "gt": (operator.gt, np.greater),
    "ge": (operator.ge, np.greater_equal),
}
_UFUNCS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.true_divide,
    "floordiv": np.floor_divide,
    "mod": np.remainder,
    "pow": np.power,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "lshift": np.left_shift,
    "rshift": np.right_shift,
}


def _plain_with(value: Lifted, other: Any) -> bool:
    """Whether both are Python numbers in one episode, so that Python's rules hold."""
    if not value.plain:
        return False
    if type(other) is Lifted:
        return bool(other.plain) and value.run is other.run
    return type(other) in _NUMBERS


def _operators(name: str, rule: Rule) -> tuple[Any, Any, Any]:
    ufunc = _UFUNCS[name]

    def numeric(run: Run, one: Any, other: Any) -> Any:
        if name == "pow":
            return _numpy_power(run, one, other)
        return play_ufunc(run, ufunc, "__call__", (one, other), {})

    def forward(self: Lifted, other: Any) -> Any:
        if _plain_with(self, other):
            return rule(self.run, self, other)
        return numeric(self.run, self, other) if _fits(self, other) else NotImplemented

    def backward(self: Lifted, other: Any) -> Any:
        if _plain_with(self, other):
            return rule(self.run, other, self)
        return numeric(self.run, other, self) if _fits(self, other) else NotImplemented

    def in_place(self: Lifted, other: Any) -> Any:
        if self.ndim == 0:
            return forward(self, other)
        data = self.writeable()
        found = numeric(self.run, self, other)
        if found.shape != self.shape or not np.can_cast(found.data.dtype, data.dtype, "same_kind"):
            raise TypeError(f"cannot change an array of {data.dtype} and shape {self.shape} in place")
        data[...] = found.now()
        return self

    return forward, backward, in_place


def _fits(value: Lifted, other: Any) -> bool:
    """Whether numpy takes the other side: a number, an array, or for an array also a list."""
    if type(other) is Lifted:
        return True
    if isinstance(other, np.ndarray | np.generic | int | float | complex):
        return True
    return not value.plain and isinstance(other, list | tuple)


def _numpy_power(run: Run, one: Any, other: Any) -> Any:
    """The operator `**` of numpy: of arrays by its own loops, of single floats by the C library."""
    if np.ndim(one) == 0 and np.ndim(other) == 0:
        a, b = operands(run, (one, other))
        kind = np.result_type(a, b)
        if kind == np.float64 and not (_is_whole(a) and _is_whole(b)):
            return _plain_to_numpy(_power_of_floats(run, np.asarray(a, float), np.asarray(b, float)))
        if kind.kind == "f":
            raise run.fail(f"a power of single numbers of the type {kind} has no rule", "np.power(x, y)")
        return play_ufunc(run, np.power, "__call__", (one, other), {})
    if np.ndim(one) and np.ndim(other) == 0:  # numpy takes a square, a root or a reciprocal by the exponent
        exponent = other
        if type(other) is Lifted:
            exponent = other.ask("the exponent of a power of an array")
            exponent = exponent if other.plain else other.data.dtype.type(exponent)
        return Lifted(run, lifted(run, one).now() ** exponent, own=True)
    return play_ufunc(run, np.power, "__call__", (one, other), {})


def _is_whole(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "biu"


def _plain_to_numpy(value: Lifted) -> Lifted:
    value.plain = False
    return value


def _comparison(name: str) -> Any:
    ufunc = _COMPARISONS[name][1]
    rule = _compare(ufunc)

    def compare(self: Lifted, other: Any) -> Any:
        if self.run.over or (type(other) is Lifted and other.run.over):
            return NotImplemented  # a key that another call left in a dictionary is equal to none
        if _plain_with(self, other) or (self.plain and type(other) is str):
            if type(other) is str:
                other = np.array(other)
            return rule(self.run, self, other)
        if _fits(self, other):
            return play_ufunc(self.run, ufunc, "__call__", (self, other), {})
        return NotImplemented

    return compare


def _negative(self: Lifted) -> Any:
    if not self.plain:
        return play_ufunc(self.run, np.negative, "__call__", (self,), {})
    data = _as_number(self)
    if _is_float(data):
        return Lifted(self.run, -data, plain=True)
    return _whole(self.run, lambda: -data, bound(self))


def _positive(self: Lifted) -> Any:
    if not self.plain:
        return play_ufunc(self.run, np.positive, "__call__", (self,), {})
    return Lifted(self.run, +_as_number(self), plain=True, bound=self.bound)


def _absolute(self: Lifted) -> Any:
    if not self.plain:
        return play_ufunc(self.run, np.absolute, "__call__", (self,), {})
    data = _as_number(self)
    if _is_float(data):
        return Lifted(self.run, np.abs(data), plain=True)
    return _whole(self.run, lambda: np.abs(data), bound(self))


def _invert(self: Lifted) -> Any:
    if not self.plain:
        return play_ufunc(self.run, np.invert, "__call__", (self,), {})
    return Lifted(self.run, np.invert(_as_number(self)), plain=True)


def _to_whole(function: Any) -> Any:
    """`math.floor`, `math.ceil`, `math.trunc` and `round(x)`, which give integers."""

    def call(self: Lifted) -> Any:
        data = _as_number(self)
        if self.ndim or data.dtype.kind not in "if":
            raise TypeError("expected a single number")
        if data.dtype.kind == "i":
            return Lifted(self.run, data, plain=True, bound=self.bound)
        if not np.isfinite(data).all():
            raise self.run.fail("NaN or infinity becomes an integer")
        found = function(data)
        if np.abs(found).max() >= _WHOLE:
            raise self.run.fail("an integer is beyond 64 bits", "np.floor(x)")
        return Lifted(self.run, found.astype(np.int64), plain=True)

    return call


def _round(self: Lifted, digits: Any = None) -> Any:
    if self.ndim:
        raise TypeError("type numpy.ndarray doesn't define __round__ method")
    if not self.plain:
        if digits is None:
            return _to_whole(np.rint)(self)
        return np.round(self, 0 if digits is None else digits)
    if digits is None or self.data.dtype.kind != "f":
        if digits is not None and digits < 0:
            raise self.run.fail(
                "round(x, digits) of an integer, with digits below zero", "np.round(x, digits)"
            )
        return _to_whole(np.rint)(self)
    exact = [round(value, digits) for value in self.now().tolist()]
    return Lifted(self.run, np.array(exact, float), plain=True)


def _divmod(self: Lifted, other: Any) -> Any:
    return self // other, self % other


def _rdivmod(self: Lifted, other: Any) -> Any:
    return other // self, other % self


def _matmul(self: Lifted, other: Any) -> Any:
    return np.matmul(self, other) if not self.plain else NotImplemented


def _rmatmul(self: Lifted, other: Any) -> Any:
    return np.matmul(other, self) if not self.plain else NotImplemented


def install() -> None:
    """Give `Lifted` its operators."""
    for name, (_, rule) in _BINARY.items():
        forward, backward, in_place = _operators(name, rule)
        for prefix, method in (("", forward), ("r", backward), ("i", in_place)):
            setattr(Lifted, f"__{prefix}{name}__", method)
    for name in _COMPARISONS:
        setattr(Lifted, f"__{name}__", _comparison(name))
    unary = {
        "neg": _negative,
        "pos": _positive,
        "abs": _absolute,
        "invert": _invert,
        "floor": _to_whole(np.floor),
        "ceil": _to_whole(np.ceil),
        "trunc": _to_whole(np.trunc),
        "round": _round,
        "divmod": _divmod,
        "rdivmod": _rdivmod,
        "matmul": _matmul,
        "rmatmul": _rmatmul,
    }
    for name, method in unary.items():
        setattr(Lifted, f"__{name}__", method)


install()
