"""Whether a value lies in a space, and the value as its space says it: compiled once.

A `Membership` checks plain numbers in about 0.1 microseconds, and whole batches at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction.batching.selection import is_led, row_of
from interaction.errors import ContractError, SpaceError
from interaction.spaces import (
    NUMBER_KINDS,
    Box,
    Choice,
    Dict,
    Discrete,
    MultiBinary,
    MultiDiscrete,
    Space,
    Undeclared,
    shape_of,
)
from interaction.state import State, Value, lock, make

_PLAIN_TYPES = {"b": (bool,), "iub": (int, bool), "iubf": (float, int, bool)}


class Violation(NamedTuple):
    """Where a value leaves its space."""

    path: str
    space: object
    value: Value


class Membership:
    """The compiled membership of one space; `violation` gives the first value that is outside, or None.

    `rows` is the number of episodes of a batch, or None in a single episode. In a batch an array
    has the shape `(rows, *shape)`, and a plain number stands for all episodes.
    """

    kinds = ""  # of the numbers that it takes, where it takes some: their letters
    plain: type | None = None  # of a single number that is as the space says it: int or float
    dtype: np.dtype[Any] | None = None  # of arrays of such numbers
    conforms = False  # whether `conform` has anything to do

    def __init__(self, space: Space[Any]) -> None:
        self.space = space
        self.shape: tuple[int, ...] = shape_of(space)

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        raise NotImplementedError(f"{type(self).__name__} must define violation")

    def fits(self, value: Value, rows: int | None = None) -> bool:
        """Whether a value is inside, and `conform` would leave it as it is; False if in doubt."""
        return False

    def conform(self, value: Value) -> Value:
        """Give a value with its numbers as the space says them, of 64 bits, alone and in arrays.

        In a field of floats, 0 becomes 0.0; in one of whole numbers, True becomes 1. But an array of flags
        stays one in a declared field, since it may be a mask; in one that began with integers it cannot be.
        So a number is of one kind whatever the other episodes of a batch hold. What lies outside of the space
        in other ways stays as it is. Raises `SpaceError` for an integer that no float is equal to.
        """
        return value

    def check(self, value: Value, where: str, rows: int | None = None) -> None:
        """Raise a `SpaceError` that names where, the path, the space and the value got."""
        found = self.violation(value, rows)
        if found is not None:
            row, found = self._first(value, rows) or (None, found)
            path = f", field {found.path!r}" if found.path else ""
            batch = "" if rows is None else f" (in a batch of {rows} episodes)"
            error = SpaceError(
                f"{where}{path}: expected a value in {found.space}, got {found.value!r}{batch}"
                f"{remedy(found.space, found.value)}"
            )
            error.row = row
            raise error

    def _first(self, value: Value, rows: int | None) -> tuple[int, Violation] | None:
        """Give the first row of a batch that is outside, and what is outside in its episode."""
        for row in range(rows if rows is not None and is_led(value, rows) else 0):
            found = self.violation(row_of(value, row))
            if found is not None:
                return row, found
        return None


def remedy(space: object, value: Value) -> str:
    """Say what to write to let a value into the space of a field that nobody declared; else nothing."""
    return space.remedy(value) if isinstance(space, Undeclared) else ""


def as_flag(value: Value) -> Value:
    """Give 0 and 1, as which fields of whole numbers hold flags, as flags; what is no such number stays."""
    if isinstance(value, np.generic):
        return as_flag(value.item())
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "iu" and ((value == 0) | (value == 1)).all():
        return lock(value.astype(bool))
    return value


def as_float(value: Value) -> Value:
    """Give an integer or a flag as a float, or an array of them or of shorter floats; others stay."""
    if type(value) is float:
        return value
    if type(value) is int and -_EXACT <= value <= _EXACT:
        return float(value)
    if isinstance(value, np.ndarray):
        if value.dtype == _FLOAT or value.dtype.kind not in "biuf" or value.dtype.itemsize > _FLOAT.itemsize:
            return value
        found = value.astype(np.float64)
        if value.dtype.kind in "iu" and value.dtype.itemsize == 8 and value.size:
            with np.errstate(invalid="ignore"):
                rounded = found.astype(value.dtype) != value
            if rounded.any():
                raise _too_long(value[rounded][0])
        return lock(found)
    if isinstance(value, np.generic):
        return as_float(value.item())
    if not isinstance(value, int):
        return value
    if abs(value) >= _HUGE or int(float(value)) != value:
        raise _too_long(value)
    return float(value)


def as_whole(value: Value) -> Value:
    """Give a flag as an integer, or an array of them or of shorter integers; others stay."""
    if type(value) is bool:
        return int(value)
    flags = isinstance(value, np.ndarray) and value.dtype.kind == "b"
    return lock(value.astype(np.int64)) if flags else as_long(value)


def as_long(value: Value) -> Value:
    """Give an array of shorter integers as one of 64 bits; others stay, arrays of flags too."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or value.dtype == _INTEGER:
        return value
    if value.dtype == _UNSIGNED and value.size and largest(value.ravel()) > _MOST:
        return value
    return lock(value.astype(np.int64))


def _too_long(value: object) -> SpaceError:
    return SpaceError(
        f"expected a float, got the integer {value}, to which no float is equal: write float(x), "
        "which rounds it"
    )


_EXACT, _HUGE = 2**53, 2**63
_LEAST, _MOST = -(2**63), 2**63 - 1  # of 64-bit integers
FLAG = np.dtype(bool)  # an array that was unpickled has another, which is equal
_INTEGER, _UNSIGNED, _FLOAT = np.dtype(np.int64), np.dtype(np.uint64), np.dtype(np.float64)


def smallest(values: NDArray[Any]) -> Any:
    """Give the smallest of some numbers, or NaN: `(n,)`; several times as fast as `min` for a few of them."""
    return values.item(values.argmin())


def largest(values: NDArray[Any]) -> Any:
    """Give the largest of some numbers, or NaN: `(n,)`."""
    return values.item(values.argmax())


def all_between(value: Value, low: int, high: int, rows: int | None) -> bool:
    """Whether these are integers from `low` to (and without) `high`, one for each row; False if in doubt."""
    if type(value) is not np.ndarray or value.dtype is not _INTEGER or value.shape != (rows,) or not rows:
        return False
    if low <= _LEAST and high > _MOST:
        return True
    if low == 0:  # what is below zero is, unsigned, beyond all
        return bool(0 <= value.item(value.view(_UNSIGNED).argmax()) < high)
    return bool(low <= smallest(value) and largest(value) < high)


class _WholeMembership(Membership):
    """Single integers: Discrete and Choice."""

    plain = int
    dtype = _INTEGER
    conforms = True

    def conform(self, value: Value) -> Value:
        return value if type(value) is int else as_whole(value)


class _DiscreteMembership(_WholeMembership):
    def __init__(self, space: Discrete) -> None:
        super().__init__(space)
        self.low = int(space.start)
        self.high = int(space.start + space.n)

    def fits(self, value: Value, rows: int | None = None) -> bool:
        low, high = self.low, self.high
        return low <= value < high if type(value) is int else all_between(value, low, high, rows)

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        if type(value) is int or type(value) is bool:
            return None if self.low <= value < self.high else Violation(path, self.space, value)
        if all_between(value, self.low, self.high, rows):
            return None
        if isinstance(value, np.ndarray) and value.dtype.kind in "iub" and value.shape == (rows,):
            if rows == 0 or (self.low <= value.min() and value.max() < self.high):
                return None
            outside = (value < self.low) | (value >= self.high)
            return Violation(path, self.space, value[outside][0].item())
        return Violation(path, self.space, value)


class _ChoiceMembership(_WholeMembership):
    def __init__(self, space: Choice) -> None:
        super().__init__(space)
        self.values = space.values
        self.known = frozenset(space.values.tolist())

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        if type(value) is int or type(value) is bool:
            return None if value in self.known else Violation(path, self.space, value)
        if isinstance(value, np.ndarray) and value.dtype.kind in "iub" and value.shape == (rows,):
            outside = ~np.isin(value, self.values)
            return Violation(path, self.space, value[outside][0].item()) if outside.any() else None
        return Violation(path, self.space, value)


class _ArrayMembership(Membership):
    """Box, MultiDiscrete and MultiBinary: numbers of one kind between bounds.

    The bounds of a 32-bit box are taken with its own precision, so that 0.7 lies below `high=0.7`.
    """

    def __init__(self, space: Box | MultiDiscrete | MultiBinary) -> None:
        super().__init__(space)
        if isinstance(space, Box):
            low, high = space.low, space.high
        elif isinstance(space, MultiDiscrete):
            low, high = space.start, space.start + space.nvec - 1
        else:
            low, high = np.zeros(self.shape, np.int8), np.ones(self.shape, np.int8)
        dtype = np.asarray(low).dtype
        self.kinds = NUMBER_KINDS.get(dtype.kind, "iub")
        self.types = _PLAIN_TYPES[self.kinds]
        self.conforms = dtype.kind != "b"
        masks = self.shape != () and not isinstance(space, Undeclared)
        self.convert = as_float if dtype.kind == "f" else as_long if masks else as_whole
        self.plain = {"iubf": float, "iub": int}.get(self.kinds)
        self.dtype = {"iubf": _FLOAT, "iub": _INTEGER}.get(self.kinds)
        self.narrow = dtype if dtype.kind == "f" and dtype.itemsize < 8 else None
        self.low, self.high = np.asarray(low), np.asarray(high)
        self.bounds = (self.low.item(), self.high.item()) if self.shape == () else None
        self.ends: tuple[Any, Any] | None = None
        if self.low.size and self.low.min() == self.low.max() and self.high.min() == self.high.max():
            self.ends = self.low.min().item(), self.high.min().item()
        whole = np.iinfo(np.int64)
        self.endless = self.ends == (whole.min, whole.max)

    def fits(self, value: Value, rows: int | None = None) -> bool:
        bounds = self.bounds
        return type(value) is self.plain is float and bounds is not None and bounds[0] <= value <= bounds[1]

    def conform(self, value: Value) -> Value:
        kind = type(value)
        as_it_is = kind is self.plain or (kind is np.ndarray and value.dtype is self.dtype)
        return value if as_it_is or not self.conforms else self.convert(value)

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        bounds = self.bounds
        if bounds is not None and type(value) in self.types:
            if bounds[0] <= value <= bounds[1]:
                return None
            if self.narrow is not None and self.low <= self._own(np.asarray(value)) <= self.high:
                return None
            return Violation(path, self.space, value)
        if isinstance(value, np.ndarray) and value.dtype.kind in self.kinds:
            leading = value.shape[: value.ndim - len(self.shape)]
            expected = () if rows is None else (rows,)
            if value.shape[len(leading) :] == self.shape and leading == expected:
                if self._all_inside(value):
                    return None
                exact = self._own(value)
                inside = (self.low <= exact) & (exact <= self.high)
                if inside.all():
                    return None
                if rows is not None:
                    wrong = ~inside.reshape(rows, -1).all(axis=-1)
                    value = value[wrong][0]
                    value = value.item() if value.ndim == 0 else value
        return Violation(path, self.space, value)

    def _all_inside(self, value: NDArray[Any]) -> bool:
        """Whether all entries lie between bounds that are the same for all of them; False if in doubt."""
        if self.ends is None or self.narrow is not None or value.size == 0:
            return False
        if self.endless and value.dtype == np.int64:
            return True
        flat = value.ravel(order="K")
        return bool(self.ends[0] <= smallest(flat) and largest(flat) <= self.ends[1])

    def _own(self, value: NDArray[Any]) -> NDArray[Any]:
        """The value in the space's own precision."""
        with np.errstate(over="ignore"):
            return value if self.narrow is None else value.astype(self.narrow)


class _StateMembership(Membership):
    def __init__(self, space: Dict) -> None:
        super().__init__(space)
        self.fields = {str(name): membership(part) for name, part in space.spaces.items()}
        self.names = self.fields.keys()
        ranges = [(name, part, whole_range(part)) for name, part in self.fields.items()]
        self.integers = tuple((name, *limits) for name, _, limits in ranges if limits is not None)
        self.others = tuple((name, part) for name, part, limits in ranges if limits is None)
        self.of_numbers = tuple((name, part) for name, part in self.fields.items() if part.conforms)
        self.plains = tuple((name, part.plain, part.dtype) for name, part in self.of_numbers)
        self.conforms = bool(self.of_numbers)

    def fits(self, value: Value, rows: int | None = None) -> bool:
        if type(value) is not State or (fields := value.__dict__).keys() != self.names:
            return False
        for name, low, high in self.integers:
            part = fields[name]
            if not (low <= part < high if type(part) is int else all_between(part, low, high, rows)):
                return False
        return all(other.fits(fields[name], rows) for name, other in self.others) if self.others else True

    def conform(self, value: Value) -> Value:
        if type(value) is not State and not isinstance(value, State):
            return value
        fields = value.__dict__
        for name, plain, dtype in self.plains:
            part: Any = fields.get(name)
            kind = type(part)
            if kind is not plain and not (kind is np.ndarray and part.dtype is dtype):
                return self._converted(value)
        return value

    def _converted(self, value: State) -> Value:
        fields = value.__dict__
        changes: dict[str, Value] = {}
        for name, part in self.of_numbers:
            given = fields.get(name)
            try:
                found = part.conform(given)
            except SpaceError as error:
                raise SpaceError(f"{name}: {error}") from None
            if found is not given:
                changes[name] = found
        return make(type(value), fields | changes) if changes else value

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        if not isinstance(value, State) or (fields := value.__dict__).keys() != self.names:
            return Violation(path, f"State({', '.join(self.fields)})", value)
        for name, low, high in self.integers:
            part = fields[name]
            if not (low <= part < high if type(part) is int else all_between(part, low, high, rows)):
                field = self.fields[name]
                if field.violation(part, rows) is not None:
                    return field.violation(part, rows, f"{path}.{name}" if path else name)
        for name, other in self.others:
            if other.violation(fields[name], rows) is not None:
                return other.violation(fields[name], rows, f"{path}.{name}" if path else name)
        return None


def whole_range(part: Membership) -> tuple[int, int] | None:
    """Give the lowest integer of a field of single integers, and the first one beyond; else None."""
    if isinstance(part, _DiscreteMembership):
        return part.low, part.high
    if isinstance(part, _ArrayMembership) and part.bounds is not None and part.kinds == "iub":
        return int(part.bounds[0]), int(part.bounds[1]) + 1
    return None


class _OtherMembership(Membership):
    """Any other gymnasium space, such as Text: asked for each episode."""

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        values = value if rows is not None and isinstance(value, np.ndarray) else [value]
        for one in values:
            plain = one.item() if isinstance(one, np.generic) else one
            if not self.space.contains(plain):
                return Violation(path, self.space, plain)
        return None


def membership(space: Space[Any]) -> Membership:
    """Compile the membership of a space."""
    if isinstance(space, Discrete):
        return _DiscreteMembership(space)
    if isinstance(space, Choice):
        return _ChoiceMembership(space)
    if isinstance(space, Box | MultiDiscrete | MultiBinary):
        return _ArrayMembership(space)
    if isinstance(space, Dict):
        return _StateMembership(space)
    if isinstance(space, Space):
        return _OtherMembership(space)
    raise ContractError(f"expected a gymnasium space, got {space!r}")
