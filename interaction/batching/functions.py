"""The methods of lifted values, and the door through which numpy's functions reach their rules."""

from __future__ import annotations

from types import MethodType
from typing import Any

import numpy as np

from interaction.batching import lookups, reductions, shapes, ufuncs  # noqa: F401  (they fill the table)
from interaction.batching.indexing import get, put
from interaction.batching.lifted import Lifted
from interaction.batching.rules import FUNCTIONS, play_function
from interaction.batching.ufuncs import play_ufunc

_METHODS = (
    *("sum", "prod", "any", "all", "max", "min", "mean", "std", "var", "cumsum", "cumprod"),
    *("argmax", "argmin", "argsort", "dot", "reshape", "ravel", "transpose", "swapaxes", "squeeze"),
    *("clip", "round", "take", "nonzero", "repeat", "searchsorted", "diagonal", "trace"),
)
"""Methods that do what numpy's function of the same name does."""


class _OfArrays:
    """A method that arrays have and Python's numbers lack, as `hasattr` finds, too."""

    def __init__(self, name: str, function: Any) -> None:
        self.name = name
        self.function = function

    def __get__(self, value: Lifted | None, kind: Any = None) -> Any:
        if value is None:
            return self
        value._not_plain(self.name)
        return MethodType(self.function, value)


def _method(name: str, function: Any) -> Any:
    rule = FUNCTIONS[function]

    def call(self: Lifted, *arguments: Any, **options: Any) -> Any:
        self.run.path = hash((self.run.path, name))
        return rule(self.run, self, *arguments, **options)

    call.__name__ = name
    return call


def _copy(self: Lifted, order: str = "C") -> Any:
    if self.ndim == 0 and self.own is None:
        return self
    return FUNCTIONS[np.copy](self.run, self, order)


def _flatten(self: Any, order: Any = "C") -> Any:
    flat: Any = np.reshape(self, -1, order=order)
    return _copy(flat)


def _astype(self: Lifted, dtype: Any, *, copy: bool = True) -> Any:
    if not copy and self.data.dtype == dtype:
        return self
    found = self.now().astype(dtype, order="K")
    if found.dtype.kind not in "biufc":
        raise self.run.fail(f"numbers become {found.dtype}", "float or int")
    return Lifted(self.run, found, own=True if self.ndim or self.own is not None else None)


def _item(self: Lifted, *index: Any) -> Any:
    value = self[index[0] if len(index) == 1 else index] if index and self.ndim else self
    if value.size != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    return value.as_plain()


def _tolist(self: Lifted) -> Any:
    return _item(self) if self.ndim == 0 else [_tolist(part) for part in self]


def _sort(self: Any, axis: int = -1, **options: Any) -> None:
    found: Any = np.sort(self, axis=axis, **options)
    self.writeable()[...] = found.now()


def _fill(self: Lifted, value: Any) -> None:
    self[...] = value


def _conjugate(self: Lifted) -> Any:
    return np.conjugate(self) if self.data.dtype.kind == "c" else self


def _is_integer(self: Lifted) -> Any:
    data = self.now()
    if self.ndim or data.dtype.kind not in "fi":
        raise AttributeError("is_integer")
    whole = np.isfinite(data) & (np.floor(data) == data) if data.dtype.kind == "f" else np.isfinite(data)
    return Lifted(self.run, whole, plain=True)


def _array_ufunc(self: Lifted, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    return play_ufunc(self.run, ufunc, method, inputs, options)


def _array_function(self: Lifted, function: Any, types: Any, arguments: Any, options: Any) -> Any:
    return play_function(self.run, function, arguments, options)


def install() -> None:
    """Give `Lifted` the methods of arrays and of numbers, and numpy's protocols."""
    for name in _METHODS:
        setattr(Lifted, name, _OfArrays(name, _method(name, getattr(np, name))))
    for name, method in {
        "copy": _copy,
        "flatten": _flatten,
        "astype": _astype,
        "item": _item,
        "tolist": _tolist,
        "sort": _sort,
        "fill": _fill,
        "conj": _conjugate,
    }.items():
        setattr(Lifted, name, _OfArrays(name, method))
    for name, method in {
        "__getitem__": get,
        "__setitem__": put,
        "__array_ufunc__": _array_ufunc,
        "__array_function__": _array_function,
        "conjugate": _conjugate,
        "is_integer": _is_integer,
    }.items():
        setattr(Lifted, name, method)


install()
