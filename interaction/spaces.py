"""What a field may hold: gymnasium spaces of one episode, their samples and merging.

A `Dict` space describes a nested `State`. Whether a value lies in a space, `interaction.membership` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Text
from numpy.typing import NDArray

from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.random import EpisodeRandom, check_stream, whole_numbers
from interaction.state import State, Value, freeze

__all__ = [
    "Box",
    "Choice",
    "Dict",
    "Discrete",
    "MultiBinary",
    "MultiDiscrete",
    "Space",
    "Text",
    "Undeclared",
    "count",
    "element",
    "elements",
    "first",
    "is_whole",
    "leaves",
    "merge",
    "position",
    "read_off",
    "real",
    "sample",
    "shape_of",
    "whole",
]

NUMBER_KINDS = {"b": "b", "i": "iub", "f": "iubf"}  # which numbers a bool, an integer or a float field takes
_KINDS: dict[str, type[bool | int | float]] = {"b": bool, "i": int, "u": int, "f": float}
_LETTERS: dict[type, str] = {bool: "b", int: "i", float: "f"}
Shape = tuple[int, ...]


def real(low: Any = -np.inf, high: Any = np.inf, shape: int | Shape | None = None) -> Box:
    """Give the box of floats from `low` to `high`, a single number by default: `real(0.0, 1.0, (3,))`.

    Bounds are numbers, or arrays of the shape (which then need not be given); by default there are none.
    Raises `ArgumentError` for bounds that are no numbers, lie the wrong way round or do not fit the shape.

    >>> from interaction import spaces
    >>> spaces.Dict(error_rate=spaces.real(0.0, 1.0), position=spaces.real(shape=2))
    Dict('error_rate': Box(0.0, 1.0, (), float64), 'position': Box(-inf, inf, (2,), float64))
    """
    lowest, highest = _bounds("real", low, high, shape)
    return Box(lowest.astype(np.float64), highest.astype(np.float64), lowest.shape, np.float64)


def whole(low: Any = -np.inf, high: Any = np.inf, shape: int | Shape | None = None) -> Box:
    """Give the box of integers from `low` to `high`, both included; as `real`, of whole numbers.

    Raises `ArgumentError` as `real` does, and for bounds that are not whole or do not fit into 64 bits.

    >>> from interaction import spaces
    >>> spaces.elements(spaces.whole(1, 6))
    [1, 2, 3, 4, 5, 6]
    >>> spaces.elements(spaces.whole(0, 1, (2,)))
    [array([0, 0]), array([0, 1]), array([1, 0]), array([1, 1])]
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

    >>> from interaction import State, spaces
    >>> space = spaces.read_off(State(x=0), "Counter")["x"]
    >>> space, space.line()
    (Undeclared(int), 'state_space = spaces.Dict(x=spaces.whole(low, high), ...)')
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
        if given not in "iuf" or given in NUMBER_KINDS[np.dtype(self.dtype).kind]:
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

    >>> import numpy as np
    >>> from interaction import State, spaces
    >>> spaces.read_off(State(x=0, read=np.zeros(3)), "Menu")
    Dict('x': Undeclared(int), 'read': Undeclared(float, (3,)))
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
    """A set of integers that need not follow each other, such as {-2, 1, 5}, in the order given.

    Raises `ArgumentError` for values that are not different integers.

    >>> from interaction import spaces
    >>> space = spaces.Choice([-2, 1, 5])
    >>> 5 in space, 0 in space, space.n
    (True, False, 3)
    """

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
    """Give the element of a finite space that has an index, counted from 0; or one for each index.

    >>> from interaction import spaces
    >>> spaces.element(spaces.Choice([-2, 1, 5]), 2)
    5
    """
    if isinstance(space, Discrete):
        return int(space.start) + index
    found = space.values[index]
    return found.item() if found.ndim == 0 else found


def position(space: Discrete | Choice, value: Any) -> NDArray[np.int64]:
    """Give the index of an element, counted from 0; what is no element has an index outside.

    >>> from interaction import spaces
    >>> int(spaces.position(spaces.Choice([-2, 1, 5]), 5))
    2
    """
    if isinstance(space, Discrete):
        index: NDArray[np.int64] = np.subtract(value, int(space.start))
        return index
    equal = np.expand_dims(value, -1) == space.values
    return np.where(equal.any(axis=-1), np.argmax(equal, axis=-1), -1)


def is_whole(space: Space[Any]) -> bool:
    """Say whether the elements of a space are integers, or arrays of them.

    >>> from interaction import spaces
    >>> spaces.is_whole(spaces.Discrete(3)), spaces.is_whole(spaces.real())
    (True, False)
    """
    return isinstance(space, Discrete | Choice | MultiDiscrete | MultiBinary) or (
        isinstance(space, Box) and np.dtype(space.dtype).kind in "iu"
    )


def shape_of(space: Space[Any]) -> Shape:
    """Give the shape of one element; () for single numbers and for what has no shape.

    >>> from interaction import spaces
    >>> spaces.shape_of(spaces.real(shape=(2, 3))), spaces.shape_of(spaces.Discrete(3))
    ((2, 3), ())
    """
    return tuple(space.shape or ()) if isinstance(space, Box | MultiDiscrete | MultiBinary) else ()


def leaves(space: Space[Any], prefix: str = "") -> Iterator[tuple[str, Space[Any]]]:
    """Walk over the leaves of a nested `Dict` space as `(path, space)`.

    >>> from interaction import spaces
    >>> nested = spaces.Dict(x=spaces.Discrete(3), eye=spaces.Dict(noise=spaces.real(0.0)))
    >>> [path for path, _ in spaces.leaves(nested)]
    ['x', 'eye.noise']
    """
    if isinstance(space, Dict):
        for name, part in space.spaces.items():
            yield from leaves(part, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, space


def sample(space: Space[Any], rng: EpisodeRandom) -> Value:
    """Draw an element uniformly; in a batch, one for each row.

    A box without bounds draws a normal number, and one with a single bound its distance from it.
    Raises `ContractError` for what is not declared (but for a bool), and for a space of another kind.

    >>> from interaction import EpisodeRandom, spaces
    >>> rng = EpisodeRandom(seed=0)
    >>> spaces.sample(spaces.Dict(arm=spaces.Discrete(4), weights=spaces.whole(0, 9, (3,))), rng)
    State(arm=0, weights=array([6, 1, 6]))
    """
    check_stream(rng, "spaces.sample")
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
    """Give the first element of a space: its lowest integer, or the point of a box nearest to zero.

    Raises `ContractError` for a space of another kind.

    >>> from interaction import spaces
    >>> spaces.first(spaces.Dict(step=spaces.Discrete(3, start=-1), width=spaces.real(0.5, 2.0)))
    State(step=-1, width=0.5)
    """
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


def count(space: Space[Any]) -> int | None:
    """Give how many elements a space has, or None where it has no list of them (or none is declared).

    >>> from interaction import spaces
    >>> spaces.count(spaces.Dict(a=spaces.Discrete(3), b=spaces.MultiBinary(2)))
    12
    >>> spaces.count(spaces.real(0.0, 1.0)) is None
    True
    """
    if isinstance(space, Dict):
        parts = [count(part) for part in space.spaces.values()]
        return None if None in parts else math.prod(part for part in parts if part is not None)
    if isinstance(space, Discrete | Choice):
        return int(space.n)
    ranges = _ranges(space)
    return None if ranges is None else math.prod(most - least + 1 for least, most in ranges)


def elements(space: Space[Any]) -> list[Value]:
    """List all elements of a finite space, the last entry of an array (or field of a `Dict`) changing first.

    Raises `ContractError` for a space that is not finite, and for arrays or fields with more than a million
    combinations.

    >>> from interaction import spaces
    >>> spaces.elements(spaces.Dict(choice=spaces.Discrete(2), sure=spaces.Discrete(2)))
    [State(choice=0, sure=0), State(choice=0, sure=1), State(choice=1, sure=0), State(choice=1, sure=1)]
    """
    if isinstance(space, Discrete):
        return list(range(int(space.start), int(space.start + space.n)))
    if isinstance(space, Choice):
        return [int(value) for value in space.values]
    if isinstance(space, Undeclared):
        raise space.lacks("a list of all values", "spaces.Discrete(n)")
    number = count(space)
    if number is None:
        raise ContractError(
            f"expected a finite space (Discrete, Choice, MultiDiscrete, MultiBinary, whole numbers between "
            f"bounds, or a Dict of these), got {space}"
        )
    if number > _MOST:
        raise ContractError(f"expected a space of up to {_MOST:,} elements, got {number:,} in {space}")
    if isinstance(space, Dict):
        each = product(*map(elements, space.spaces.values()))
        return [State(**dict(zip(space.spaces, one, strict=True))) for one in each]
    like = np.asarray(first(space))
    axes = [range(least, most + 1) for least, most in _ranges(space) or []]
    return [freeze(np.array(one, like.dtype).reshape(like.shape)) for one in product(*axes)]


_MOST = 1_000_000  # elements that are listed of a space of arrays, or of a `Dict`


def _ranges(space: Space[Any]) -> list[tuple[int, int]] | None:
    """Give the lowest and the highest value of each entry of an array of whole numbers; None for others."""
    if isinstance(space, Undeclared):
        return None
    if isinstance(space, MultiDiscrete):
        low, high = space.start, space.start + space.nvec - 1
    elif isinstance(space, MultiBinary):
        low, high = np.zeros(space.shape), np.ones(space.shape)
    elif isinstance(space, Box) and np.dtype(space.dtype).kind in "iub" and space.is_bounded():
        low, high = space.low, space.high
    else:
        return None
    return [(int(least), int(most)) for least, most in zip(np.ravel(low), np.ravel(high), strict=True)]


def merge(*parts: Dict) -> Dict:
    """Join several `Dict` spaces into one.

    Raises `SpaceError` for a name that two of them hold differently.

    >>> from interaction import spaces
    >>> spaces.merge(spaces.Dict(x=spaces.Discrete(3)), spaces.Dict(p=spaces.real(0.0, 1.0)))
    Dict('p': Box(0.0, 1.0, (), float64), 'x': Discrete(3))
    """
    merged: dict[str, Space[Any]] = {}
    for part in parts:
        for name, space in part.spaces.items():
            if name in merged and merged[name] != space:
                raise SpaceError(f"merge: {name!r} is {merged[name]} in one space and {space} in another")
            merged[str(name)] = space
    return Dict(merged)
