"""Events, of which the log of a session is made, and the JSON of values, exact to the bit."""

from __future__ import annotations

import hashlib
import math
import re
import struct
from collections.abc import Mapping
from reprlib import repr as short
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError
from interaction.state import State, Value, freeze

Json = Any
"""What the json module reads and writes: dicts, lists, texts, numbers, flags and None."""


class Event(NamedTuple):
    """Something that happened in a session: the log is the list of them, in order.

    `sequence` counts 0, 1, 2, … in each session. `payload` is plain JSON. `time` (of the server's clock on
    the wall, ISO 8601) and `monotonic` (s) say when; to play a session again takes neither.

    >>> from interaction.people import Event
    >>> Event("a1", 3, "page", {"step": 2}).payload
    {'step': 2}
    """

    session: str
    sequence: int
    kind: str
    payload: dict[str, Json]
    time: str | None = None
    monotonic: float | None = None


_PLAIN = (str, bool, int, type(None))
_DEEPEST = 50
_MOST_CHARACTERS = 10**7  # of an array of texts: whoever asks for more wants the memory, not the array


def encode(value: Value) -> Json:
    """Give a value as JSON that `decode` reads to the bit: numbers, texts, arrays, tuples, states, dicts.

    What JSON does not know is a dict with one marked key: `{"$array": …, "dtype": …, "shape": …}`,
    `{"$state": …}`, `{"$tuple": …}`, `{"$float": …}` (of NaN and the infinities).
    Raises `ArgumentError` for a value of another kind.

    >>> import json
    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.people.events import decode, encode
    >>> value = State(x=0.1, seen=np.array([True, False]))
    >>> text = json.dumps(encode(value))
    >>> text
    '{"$state": {"x": 0.1, "seen": {"$array": [true, false], "dtype": "b1", "shape": [2]}}}'
    >>> decode(json.loads(text)) == value
    True
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": struct.pack(">d", value).hex()}
    if isinstance(value, State):
        return {"$state": {name: encode(part) for name, part in value.items()}}
    if isinstance(value, tuple):
        return {"$tuple": [encode(part) for part in value]}
    if isinstance(value, list):
        return [encode(part) for part in value]
    if isinstance(value, Mapping):
        return {_name(name): encode(part) for name, part in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        entries = [encode(entry) for entry in value.ravel().tolist()]
        return {"$array": entries, "dtype": value.dtype.str.lstrip("<|="), "shape": list(value.shape)}
    if isinstance(value, np.generic):
        return encode(value.item())
    raise ArgumentError(f"expected a number, a text, an array or a State, got {value!r}")


def _name(name: object) -> str:
    if not isinstance(name, str) or name.startswith("$"):
        raise ArgumentError(f"expected names that are texts and do not begin with '$', got {name!r}")
    return name


def decode(found: Json, depth: int = 0) -> Value:
    """Give the value that `encode` wrote; raise an `ArgumentError` for what it cannot have written.

    What is nested more than 50 deep is refused, too; `depth` is how deep this is nested.

    >>> from interaction.people.events import decode
    >>> decode({"$array": [1, 2], "dtype": "i8", "shape": [2]})
    array([1, 2])
    """
    if not isinstance(found, list | dict):
        return found
    inner = depth + 1
    if inner > _DEEPEST:
        raise ArgumentError(f"expected a value nested up to {_DEEPEST} deep, got a deeper one")
    if isinstance(found, list):
        return [decode(part, inner) for part in found]
    mark = next((name for name in found if name.startswith("$")), None)
    try:
        match mark:
            case None:
                return {name: decode(part, inner) for name, part in found.items()}
            case "$state":
                return State(**{name: decode(part, inner) for name, part in found[mark].items()})
            case "$tuple":
                return tuple(decode(part, inner) for part in found[mark])
            case "$float":
                return struct.unpack(">d", bytes.fromhex(found[mark]))[0]
            case "$array":
                entries = [decode(part, inner) for part in found[mark]]
                return freeze(np.array(entries, _dtype(found["dtype"], entries)).reshape(found["shape"]))
    except ArgumentError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, struct.error) as error:
        raise ArgumentError(f"expected a value as encode writes it, got {short(found)} ({error})") from None
    raise ArgumentError(f"expected a value as encode writes it, got {short(found)}")


def _dtype(name: str, entries: list[Value]) -> str:
    """Check the kind of an array, which may come from anybody, and that its entries stand one by one."""
    width = re.fullmatch(">?(?:b1|[iu][1248]|f(?:2|4|8|16)|U([0-9]{1,7}))", name)
    if width is None or int(width[1] or 0) * len(entries) > _MOST_CHARACTERS:
        raise ValueError(f"no dtype of numbers or texts: {name!r}")
    if not all(isinstance(entry, str | int | float) for entry in entries):
        raise ValueError("its entries are no numbers or texts")
    return name


def digest(game: State) -> str:
    """Give a short sum of a game, the same for equal games and for no others: 16 hexadecimal digits.

    >>> from interaction import State
    >>> from interaction.people.events import digest
    >>> zero = digest(State(x=0))
    >>> zero, zero == digest(State(x=0.0)), zero == digest(State(x=1))
    ('e18a0b69386c46d0', True, False)
    """
    whole = hashlib.sha256()
    _add(whole, game)
    return whole.hexdigest()[:16]


def _add(whole: Any, value: Value) -> None:
    """Add a value to a sum, in the one form that equal values share: 0, 0.0, -0.0 and False are equal."""
    if isinstance(value, State):
        whole.update(f"state {len(value)}\0".encode())
        for name in sorted(value):
            whole.update(f"{name}\0".encode())
            _add(whole, value[name])
    elif isinstance(value, tuple):
        whole.update(f"tuple {len(value)}\0".encode())
        for part in value:
            _add(whole, part)
    elif isinstance(value, np.ndarray):
        whole.update(f"array {value.shape}\0".encode())
        if value.dtype.kind == "U" or (value.dtype.kind in "iu" and np.any(np.abs(value) > _EXACT)):
            for entry in value.ravel().tolist():
                _add(whole, entry)
        else:
            whole.update(_bits(value))
    elif isinstance(value, int | float) and (not abs(value) > _EXACT or _is_float(value)):
        number = float(value) + 0.0
        whole.update(b"number\0" + struct.pack("<d", math.nan if math.isnan(number) else number))
    else:
        whole.update(f"{type(value).__name__} {value!r}\0".encode())


_EXACT = 2**53  # up to here floats count one by one


def _is_float(value: float) -> bool:
    """Whether a large number is equal to a float."""
    try:
        return float(value) == value
    except OverflowError:
        return False


def _bits(numbers: NDArray[Any]) -> bytes:
    """Give numbers as the bytes of floats, with one zero and one NaN."""
    floats = numbers.astype("<f8") + 0.0
    return np.where(np.isnan(floats), np.nan, floats).astype("<f8").tobytes()
