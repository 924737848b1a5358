"""What a field may hold: gymnasium spaces of one episode, their membership, samples and merging.

A `Dict` space describes a nested `State`. The membership of a space is compiled once into a
`Membership`, which checks plain numbers in about 0.1 microseconds, and whole batches at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Text
from numpy.typing import NDArray

from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.random import EpisodeRandom, whole_numbers
from interaction.state import State, Value

__all__ = [
    "Box",
    "Choice",
    "Dict",
    "Discrete",
    "Membership",
    "MultiBinary",
    "MultiDiscrete",
    "Space",
    "Text",
    "Undeclared",
    "Violation",
    "element",
    "elements",
    "first",
    "is_whole",
    "leaves",
    "membership",
    "merge",
    "position",
    "read_off",
    "real",
    "remedy",
    "sample",
    "shape_of",
    "whole",
]

_NUMBER_KINDS = {"b": "b", "i": "iub", "f": "iubf"}  # which numbers a bool, an integer or a float field takes
_PLAIN_TYPES = {"b": (bool,), "iub": (int, bool), "iubf": (float, int, bool)}
_KINDS: dict[str, type[bool | int | float]] = {"b": bool, "i": int, "u": int, "f": float}
_LETTERS: dict[type, str] = {bool: "b", int: "i", float: "f"}
Shape = tuple[int, ...]


def real(low: Any = -np.inf, high: Any = np.inf, shape: int | Shape | None = None) -> Box:
    """Give the box of floats from `low` to `high`, a single number by default: `real(0.0, 1.0, (3,))`.

    Bounds are numbers, or arrays of the shape (which then need not be given); by default there are none.
    Raises `ArgumentError` for bounds that are no numbers, lie the wrong way round or do not fit the shape.
    """
    lowest, highest = _bounds("real", low, high, shape)
    return Box(lowest.astype(np.float64), highest.astype(np.float64), lowest.shape, np.float64)


def whole(low: Any = -np.inf, high: Any = np.inf, shape: int | Shape | None = None) -> Box:
    """Give the box of integers from `low` to `high`, both included; as `real`, of whole numbers.

    Raises `ArgumentError` as `real` does, and for bounds that are not whole or do not fit into 64 bits.
    """
    lowest, highest = _bounds("whole", low, high, shape)
    limits = np.iinfo(np.int64)
    ends = []
    for name, bound in (("low", lowest), ("high", highest)):
        numbers = [limits.min if x == -np.inf else limits.max if x == np.inf else x for x in bound.flat]
        if any(x != int(x) or not _is_whole(int(x)) for x in numbers):
            raise ArgumentError(f"whole: {name}: expected whole numbers of 64 bits, got {bound.tolist()!r}")
        ends.append(np.array([int(x) for x in numbers], np.int64).reshape(bound.shape))
    box = Box(ends[0], ends[1], lowest.shape, np.int64)
    box.bounded_below, box.bounded_above = np.asarray(lowest > -np.inf), np.asarray(highest < np.inf)
    return box


def _bounds(where: str, low: Any, high: Any, shape: int | Shape | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give the two bounds as arrays of one shape; raise unless they are numbers in order."""
    lowest, highest = np.asarray(low), np.asarray(high)
    for name, bound, given in (("low", lowest, low), ("high", highest, high)):
        if bound.dtype.kind not in "iuf" or np.isnan(bound).any():
            raise ArgumentError(f"{where}: {name}: expected a number, or an array of them, got {given!r}")
    try:
        if shape is None:
            shape = np.broadcast_shapes(lowest.shape, highest.shape)
        lowest, highest = np.broadcast_to(lowest, shape), np.broadcast_to(highest, shape)
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{where}: expected a shape, and bounds that fit it, got shape={shape!r} with low={low!r} and "
            f"high={high!r}"
        ) from None
    if not ((lowest <= highest) & (lowest < np.inf) & (highest > -np.inf)).all():
        raise ArgumentError(f"{where}: expected low <= high, got low={low!r} and high={high!r}")
    return lowest, highest


class Undeclared(Box):
    """The space of a field that nobody declared: any number of the kind and shape with which it began.

    `kind` is bool, int or float; a field of floats takes integers, too. Beside a bool's it has no bounds:
    whatever needs some raises the error that `lacks` makes. `path` and `owner` name the field and the
    component.
    """

    def __init__(
        self,
        kind: type[bool | int | float],
        shape: Shape = (),
        path: str = "field",
        owner: str = "the component",
    ) -> None:
        if kind is bool:
            super().__init__(0, 1, shape, np.bool_)  # type: ignore[arg-type]
        else:
            super().__init__(-np.inf, np.inf, shape, np.int64 if kind is int else np.float64)
        self.kind = kind
        self.path = path
        self.owner = owner

    def line(self, form: str | None = None) -> str:
        """Give what to write to declare the field: a `form` of space, or the box of its kind."""
        return _line(self.path, form or self.form())

    def form(self, kind: type | None = None) -> str:
        """Give how the space is written once it has bounds, for numbers of its kind or of another one."""
        shape = f", {self.shape}" if self.shape else ""
        return f"spaces.{'real' if (kind or self.kind) is float else 'whole'}(low, high{shape})"

    def lacks(self, purpose: str, form: str | None = None) -> ContractError:
        """Make the error for a purpose that an undeclared field cannot serve."""
        return ContractError(
            f"{purpose} needs the space of the field {self.path!r} of {self.owner}, which is not declared: "
            f"write {self.line(form)}"
        )

    def remedy(self, value: Value) -> str:
        """Say how the field began and, for a value of a wider kind, what to write to let it in."""
        given = value.dtype.kind if isinstance(value, np.ndarray) else _LETTERS.get(type(value), "O")
        began = f"the field began as {_described(self.kind, self.shape)}"
        if given not in "iuf" or given in _NUMBER_KINDS[np.dtype(self.dtype).kind]:
            return f" ({began}, and is not declared)"
        kind = _KINDS[given]
        entries = "of entries such as" if self.shape else "such as"
        return (
            f" ({began}: let it begin as {_described(kind, self.shape)}, {entries} {kind(0)!r}, or declare "
            f"{self.line(self.form(kind))})"
        )

    def sample(self, mask: Any = None, probability: Any = None) -> Any:
        if not self.is_bounded():
            raise self.lacks("a draw at random")
        return super().sample(mask, probability)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undeclared) and (self.kind, self.shape) == (other.kind, other.shape)

    def __repr__(self) -> str:
        return f"Undeclared({self.kind.__name__}{f', {self.shape}' if self.shape else ''})"


def _line(path: str, form: str) -> str:
    for name in reversed(path.split(".")):
        form = f"spaces.Dict({name}={form}, ...)"
    return f"state_space = {form}"


def _described(kind: type, shape: Shape) -> str:
    article = "an" if kind is int else "a"
    return f"an array {shape} of {kind.__name__}s" if shape else f"{article} {kind.__name__}"


def read_off(state: State, owner: str, prefix: str = "") -> Dict:
    """Give the space of a state that nobody declared, from its first value: see `Undeclared`.

    Raises `ContractError` for a field that is neither a number nor an array of numbers, whose space has to be
    declared.
    """
    fields: dict[str, Space[Any]] = {}
    for name, value in state.items():
        path = f"{prefix}{name}"
        if isinstance(value, State):
            fields[name] = read_off(value, owner, f"{path}.")
            continue
        array = isinstance(value, np.ndarray)
        kind = _KINDS.get(value.dtype.kind) if array else type(value)
        if kind not in (bool, int, float):
            text = isinstance(value, str) or (array and value.dtype.kind == "U")
            line = _line(path, "spaces.Text(max_length)" if text else "...")
            raise ContractError(
                f"{owner}: the field {path!r} begins as {value!r}, which is no number, so that its space "
                f"must be declared: write {line}"
            )
        fields[name] = Undeclared(kind, value.shape if array else (), path, owner)
    return Dict(list(fields.items()))


class Choice(Space[int]):
    """A set of integers that need not follow each other, such as {-2, 1, 5}, in the order given."""

    def __init__(self, values: Iterable[int], seed: int | None = None) -> None:
        listed = list(values)
        if not listed or len(set(listed)) < len(listed) or any(not _is_whole(value) for value in listed):
            raise ArgumentError(f"Choice: expected different integers of 64 bits, got {values!r}")
        self.values = np.array(listed, np.int64)
        super().__init__((), np.int64, seed)

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.values)

    @property
    def is_np_flattenable(self) -> bool:
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> int:
        return int(self.np_random.choice(self.values))

    def contains(self, x: Any) -> bool:
        return isinstance(x, int | np.integer) and bool((self.values == x).any())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Choice) and np.array_equal(self.values, other.values)

    def __repr__(self) -> str:
        return f"Choice({self.values.tolist()})"


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and -(2**63) <= int(value) < 2**63


def element(space: Discrete | Choice, index: Any) -> Any:
    """Give the element of a finite space that has an index, counted from 0; or one for each index."""
    if isinstance(space, Discrete):
        return int(space.start) + index
    found = space.values[index]
    return found.item() if found.ndim == 0 else found


def position(space: Discrete | Choice, value: Any) -> NDArray[np.int64]:
    """Give the index of an element, counted from 0; what is no element has an index outside."""
    if isinstance(space, Discrete):
        index: NDArray[np.int64] = np.subtract(value, int(space.start))
        return index
    equal = np.expand_dims(value, -1) == space.values
    return np.where(equal.any(axis=-1), np.argmax(equal, axis=-1), -1)


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

    def __init__(self, space: Space[Any]) -> None:
        self.space = space
        self.shape: tuple[int, ...] = shape_of(space)

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        raise NotImplementedError(f"{type(self).__name__} must define violation")

    def check(self, value: Value, where: str, rows: int | None = None) -> None:
        """Raise a `SpaceError` that names where, the path, the space and the value got."""
        found = self.violation(value, rows)
        if found is not None:
            path = f", field {found.path!r}" if found.path else ""
            batch = "" if rows is None else f" (in a batch of {rows} episodes)"
            raise SpaceError(
                f"{where}{path}: expected a value in {found.space}, got {found.value!r}{batch}"
                f"{remedy(found.space, found.value)}"
            )


def remedy(space: object, value: Value) -> str:
    """Say what to write to let a value into the space of a field that nobody declared; else nothing."""
    return space.remedy(value) if isinstance(space, Undeclared) else ""


_INTEGER, _UNSIGNED = np.dtype(np.int64), np.dtype(np.uint64)


def smallest(values: NDArray[Any]) -> Any:
    """Give the smallest of some numbers, or NaN: `(n,)`; several times as fast as `min` for a few of them."""
    return values.item(values.argmin())


def largest(values: NDArray[Any]) -> Any:
    """Give the largest of some numbers, or NaN: `(n,)`."""
    return values.item(values.argmax())


class _DiscreteMembership(Membership):
    def __init__(self, space: Discrete) -> None:
        super().__init__(space)
        self.low = int(space.start)
        self.high = int(space.start + space.n)

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        if type(value) is int or type(value) is bool:
            return None if self.low <= value < self.high else Violation(path, self.space, value)
        if type(value) is np.ndarray and value.dtype == _INTEGER and value.shape == (rows,) and rows:
            if self.low == 0:  # what is below zero is, unsigned, beyond all
                if 0 <= value.item(value.view(_UNSIGNED).argmax()) < self.high:
                    return None
            elif self.low <= smallest(value) and largest(value) < self.high:
                return None
        if isinstance(value, np.ndarray) and value.dtype.kind in "iub" and value.shape == (rows,):
            if rows == 0 or (self.low <= value.min() and value.max() < self.high):
                return None
            outside = (value < self.low) | (value >= self.high)
            return Violation(path, self.space, value[outside][0].item())
        return Violation(path, self.space, value)


class _ChoiceMembership(Membership):
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
        self.kinds = _NUMBER_KINDS.get(dtype.kind, "iub")
        self.types = _PLAIN_TYPES[self.kinds]
        self.dtype = dtype if dtype.kind == "f" and dtype.itemsize < 8 else None
        self.low, self.high = np.asarray(low), np.asarray(high)
        self.bounds = (self.low.item(), self.high.item()) if self.shape == () else None
        self.ends: tuple[Any, Any] | None = None
        if self.low.size and self.low.min() == self.low.max() and self.high.min() == self.high.max():
            self.ends = self.low.min().item(), self.high.min().item()
        whole = np.iinfo(np.int64)
        self.endless = self.ends == (whole.min, whole.max)

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        bounds = self.bounds
        if bounds is not None and type(value) in self.types:
            if bounds[0] <= value <= bounds[1]:
                return None
            if self.dtype is not None and self.low <= self._own(np.asarray(value)) <= self.high:
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
        if self.ends is None or self.dtype is not None or value.size == 0:
            return False
        if self.endless and value.dtype == np.int64:
            return True
        flat = value.ravel(order="K")
        return bool(self.ends[0] <= smallest(flat) and largest(flat) <= self.ends[1])

    def _own(self, value: NDArray[Any]) -> NDArray[Any]:
        """The value in the space's own precision."""
        with np.errstate(over="ignore"):
            return value if self.dtype is None else value.astype(self.dtype)


class _StateMembership(Membership):
    def __init__(self, space: Dict) -> None:
        super().__init__(space)
        self.fields = {str(name): membership(part) for name, part in space.spaces.items()}
        self.names = self.fields.keys()
        ranges = [(name, part, whole_range(part)) for name, part in self.fields.items()]
        self.integers = tuple((name, *limits) for name, _, limits in ranges if limits is not None)
        self.others = tuple((name, part) for name, part, limits in ranges if limits is None)

    def violation(self, value: Value, rows: int | None = None, path: str = "") -> Violation | None:
        if not isinstance(value, State) or value.__dict__.keys() != self.names:
            return Violation(path, f"State({', '.join(self.fields)})", value)
        fields = value.__dict__
        for name, low, high in self.integers:
            part = fields[name]
            if type(part) is not int or not low <= part < high:
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


def is_whole(space: Space[Any]) -> bool:
    """Say whether the elements of a space are integers, or arrays of them."""
    return isinstance(space, Discrete | Choice | MultiDiscrete | MultiBinary) or (
        isinstance(space, Box) and np.dtype(space.dtype).kind in "iu"
    )


def shape_of(space: Space[Any]) -> Shape:
    """Give the shape of one element; () for single numbers and for what has no shape."""
    return tuple(space.shape or ()) if isinstance(space, Box | MultiDiscrete | MultiBinary) else ()


def leaves(space: Space[Any], prefix: str = "") -> Iterator[tuple[str, Space[Any]]]:
    """Walk over the leaves of a nested `Dict` space as `(path, space)`."""
    if isinstance(space, Dict):
        for name, part in space.spaces.items():
            yield from leaves(part, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, space


def sample(space: Space[Any], rng: EpisodeRandom) -> Value:
    """Draw an element uniformly; in a batch, one for each row.

    A box without bounds draws a normal number, and one with a single bound its distance from it.
    Raises `ContractError` for what is not declared (but for a bool), and for a space of another kind.
    """
    if hasattr(rng, "outside"):  # the stream of a lifted method
        drawn: Value = rng.outside(sample, space, rng)
        return drawn

    if isinstance(space, Undeclared) and not space.is_bounded():
        raise space.lacks("a draw at random")
    if isinstance(space, Dict):
        return State(**{str(name): sample(part, rng) for name, part in space.spaces.items()})
    if isinstance(space, Discrete):
        return rng.integers(int(space.start), int(space.start + space.n))
    if isinstance(space, Choice):
        return element(space, rng.integers(0, space.n))
    if isinstance(space, MultiDiscrete):
        return space.start + (rng.random(space.shape) * space.nvec).astype(np.int64)
    if isinstance(space, MultiBinary):
        return (rng.random(space.shape) < 0.5).astype(np.int8)
    if isinstance(space, Box):
        if space.dtype is not None and space.dtype.kind in "iub":
            span = space.high.astype(object) - space.low.astype(object) + 1
            value = whole_numbers(rng.random(space.shape), space.low.astype(object), span)
            value = value.astype(bool) if space.dtype.kind == "b" else value
        elif space.is_bounded():
            low, high = space.low.astype(float), space.high.astype(float)
            uniform = rng.random(space.shape)
            value = np.clip(low * (1 - uniform) + high * uniform, low, high)
        else:
            normal = rng.normal(shape=space.shape)
            below, above = np.isfinite(space.low), np.isfinite(space.high)
            one_sided = np.where(below, space.low + np.abs(normal), space.high - np.abs(normal))
            value = np.where(below | above, np.clip(one_sided, space.low, space.high), normal)
        return value.item() if np.ndim(value) == 0 else np.asarray(value)
    raise ContractError(f"sample: a space of type {type(space).__name__} cannot be sampled here: {space}")


def first(space: Space[Any]) -> Value:
    """Give the first element of a space: its lowest integer, or the point of a box nearest to zero."""
    if isinstance(space, Dict):
        return State(**{str(name): first(part) for name, part in space.spaces.items()})
    if isinstance(space, Discrete):
        return int(space.start)
    if isinstance(space, Choice):
        return int(space.values[0])
    if isinstance(space, MultiDiscrete):
        return np.asarray(space.start)
    if isinstance(space, MultiBinary):
        return np.zeros(space.shape, np.int8)
    if isinstance(space, Box):
        value = np.clip(np.zeros(space.shape, space.dtype), space.low, space.high)
        return value.item() if value.ndim == 0 else value
    if isinstance(space, Text):
        return next(iter(sorted(space.character_set))) * space.min_length
    raise ContractError(f"first: a space of type {type(space).__name__} has no first element: {space}")


def elements(space: Space[Any]) -> list[Value]:
    """List all elements of a finite space of single numbers."""
    if isinstance(space, Discrete):
        return list(range(int(space.start), int(space.start + space.n)))
    if isinstance(space, Choice):
        return [int(value) for value in space.values]
    if isinstance(space, Undeclared):
        raise space.lacks("a list of all values", "spaces.Discrete(n)")
    raise ContractError(f"expected a finite space (Discrete or Choice), got {space}")


def merge(*parts: Dict) -> Dict:
    """Join several `Dict` spaces into one; a name that two of them hold differently is an error."""
    merged: dict[str, Space[Any]] = {}
    for part in parts:
        for name, space in part.spaces.items():
            if name in merged and merged[name] != space:
                raise SpaceError(f"merge: {name!r} is {merged[name]} in one space and {space} in another")
            merged[str(name)] = space
    return Dict(merged)
