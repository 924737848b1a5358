"""The operators of lifted values: by Python's rules for plain numbers, and by numpy's for all others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.arrays import lifted, operands
from interaction.batching.lifted import Lifted, Owner
from interaction.batching.numbers import RULES, WHOLE, as_number, bound, is_float, power_of_floats, whole
from interaction.batching.runs import Run
from interaction.batching.ufuncs import play_ufunc

Array = NDArray[Any]

_ARITHMETIC = {
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
_COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
_NUMBERS = frozenset({int, float, bool})


def _plain_with(value: Lifted, other: Any) -> bool:
    """Whether both are Python numbers in one episode, so that Python's rules hold."""
    if not value.plain:
        return False
    if type(other) is Lifted:
        return bool(other.plain) and value.run is other.run
    return type(other) in _NUMBERS


def _operators(name: str) -> tuple[Any, Any, Any]:
    """Give an operator as it stands before, after and in place."""
    rule, ufunc = RULES[name], _ARITHMETIC[name]

    def numeric(run: Run, one: Any, other: Any) -> Any:
        if name == "pow":
            return _numpy_power(run, one, other)
        return play_ufunc(run, ufunc, "__call__", (one, other), {})

    def forward(self: Lifted, other: Any) -> Any:
        if _plain_with(self, other):
            self.run.path = hash((self.run.path, rule))
            return rule(self.run, self, other)
        self._no_text("is operated on")
        return numeric(self.run, self, other) if _fits(self, other) else NotImplemented

    def backward(self: Lifted, other: Any) -> Any:
        if _plain_with(self, other):
            self.run.path = hash((self.run.path, rule))
            return rule(self.run, other, self)
        self._no_text("is operated on")
        return numeric(self.run, other, self) if _fits(self, other) else NotImplemented

    def in_place(self: Lifted, other: Any) -> Any:
        if self.ndim == 0 and self.own is None:
            return forward(self, other)
        found = numeric(self.run, self, other)
        data = self.writeable() if self.ndim or type(self.own) is Owner else self.now()
        if found.shape != self.shape or not np.can_cast(found.data.dtype, data.dtype, "same_kind"):
            raise TypeError(f"cannot change an array of {data.dtype} and shape {self.shape} in place")
        if self.ndim:
            data[...] = found.now()
        else:  # an array without axes, which states may hold, too
            self.data = found.now().astype(data.dtype, copy=False)
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
            return _plain_to_numpy(power_of_floats(run, np.asarray(a, float), np.asarray(b, float)))
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
    rule, ufunc = RULES[name], _COMPARISONS[name]

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
    data = as_number(self)
    if is_float(data):
        return Lifted(self.run, -data, plain=True)
    return whole(self.run, lambda: -data, bound(self))


def _positive(self: Lifted) -> Any:
    if not self.plain:
        return play_ufunc(self.run, np.positive, "__call__", (self,), {})
    return Lifted(self.run, +as_number(self), plain=True, bound=self.bound)


def _absolute(self: Lifted) -> Any:
    if not self.plain:
        return play_ufunc(self.run, np.absolute, "__call__", (self,), {})
    data = as_number(self)
    if is_float(data):
        return Lifted(self.run, np.abs(data), plain=True)
    return whole(self.run, lambda: np.abs(data), bound(self))


def _invert(self: Lifted) -> Any:
    if not self.plain:
        return play_ufunc(self.run, np.invert, "__call__", (self,), {})
    return Lifted(self.run, np.invert(as_number(self)), plain=True)


def _to_whole(function: Any) -> Any:
    """`math.floor`, `math.ceil`, `math.trunc` and `round(x)`, which give integers."""

    def call(self: Lifted) -> Any:
        data = as_number(self)
        if self.ndim or data.dtype.kind not in "if":
            raise TypeError("expected a single number")
        if data.dtype.kind == "i":
            return Lifted(self.run, data, plain=True, bound=self.bound)
        if not np.isfinite(data).all():
            raise self.run.fail("NaN or infinity becomes an integer")
        found = function(data)
        if np.abs(found).max() >= WHOLE:
            raise self.run.fail("an integer is beyond 64 bits", "np.floor(x)")
        return Lifted(self.run, found.astype(np.int64), plain=True)

    return call


def _trunc(self: Any) -> Any:
    if not self.plain and not hasattr(self.data.dtype.type, "__trunc__"):  # as numpy's integers
        raise TypeError(f"type {self.data.dtype.type.__name__} doesn't define __trunc__ method")
    return _to_whole(np.trunc)(self)


def _round(self: Any, digits: Any = None) -> Any:
    if self.ndim:
        raise TypeError("type numpy.ndarray doesn't define __round__ method")
    if not self.plain:
        if digits is None:
            return _to_whole(np.rint)(self)
        return np.round(self, digits)
    if type(digits) is Lifted:
        digits = digits.__index__()
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


def _matmul(self: Any, other: Any) -> Any:
    return np.matmul(self, other) if not self.plain else NotImplemented


def _rmatmul(self: Any, other: Any) -> Any:
    return np.matmul(other, self) if not self.plain else NotImplemented


def install() -> None:
    """Give `Lifted` its operators."""
    for name in _ARITHMETIC:
        forward, backward, in_place = _operators(name)
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
        "trunc": _trunc,
        "round": _round,
        "divmod": _divmod,
        "rdivmod": _rdivmod,
        "matmul": _matmul,
        "rmatmul": _rmatmul,
    }
    for name, method in unary.items():
        setattr(Lifted, f"__{name}__", method)


install()
