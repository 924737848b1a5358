"""The value `Lifted`: one value for each episode of a batch, which looks like the value of one episode.

A component is written for one episode. To play it on a batch, the engine hands it `Lifted` values: their
`shape` is that of one episode, and each operation is applied to all episodes at once. The axis of episodes is
the last one in memory, where nobody sees it: so the shapes of one episode broadcast as they would alone, and
the episodes of an entry lie next to each other, which is where numpy is fastest.

Where code asks for a plain value that differs between episodes (`if x > 3`, `min(a, b)`, a look-up in a
list), the episodes part: the run goes on with those that agree, and the others are played afterwards, from
the start of the method. That is sound since methods are pure and draws are addressed.

A value is *plain* where the single episode has a Python number: arithmetic then follows Python's rules
(`interaction.batching.numbers`), otherwise numpy's.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from interaction.batching.selection import by_rows, row_of, rows_first, rows_last
from interaction.errors import ContractError, unknown_name
from interaction.random import EpisodeRandom
from interaction.state import GameState, State, freeze, lock, make, new, set_fields

Array = NDArray[Any]

_HERE = str(Path(__file__).parent)
_NUMPY = str(Path(np.__file__).parent)
_CANONICAL = {
    "b": np.dtype(bool),
    "i": np.dtype(np.int64),
    "u": np.dtype(np.int64),
    "f": np.dtype(np.float64),
}
_PYTHON = {"b": bool, "i": int, "f": float, "U": str}


class NotLiftedError(BaseException):
    """A method cannot be played on the whole batch. No `except Exception` of a component may catch it."""

    def __init__(self, reason: str, remedy: str = "", where: tuple[str, int] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.parting = False  # whether more episodes would be lifted
        self.remedy = remedy
        self.where = where or caller()


def inside(file: str) -> bool:
    """Whether a file belongs to lifting or to numpy, and not to a component."""
    return file.startswith((_HERE, _NUMPY, "<"))


def caller() -> tuple[str, int]:
    """Give the file and the line of the code that asked for something of a lifted value."""
    frame = sys._getframe(1)
    while frame.f_back is not None and inside(frame.f_code.co_filename):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


class Run:
    """One way through a method: the episodes that go it, and those that are left for another run."""

    __slots__ = ("failure", "groups", "left", "level", "limit", "over", "quiet", "rows", "steps", "total")

    def __init__(self, rows: Array, total: int, limit: int, groups: int) -> None:
        self.rows = rows  # the episodes that still go this way, of `total` in the call
        self.total = total
        self.limit = limit  # how many groups of episodes there may be
        self.groups = groups  # how many there are beside this one
        self.steps: list[Array] = [] if len(rows) == total else [rows]  # which episodes stayed, each time
        self.level = len(self.steps)  # how often episodes have left
        self.left: list[Array] = []
        self.failure: NotLiftedError | None = None
        self.over = (
            False  # whether the method has returned: what it left somewhere is no value of another call
        )
        self.quiet = False  # whether Python would not warn of what numpy now comes across

    def fail(self, reason: str, remedy: str = "") -> NotLiftedError:
        """Take note that this method cannot be lifted, and make the error."""
        error = NotLiftedError(reason, remedy)
        self.failure = self.failure or error
        return error

    def ask(self, values: Array, what: str) -> Any:
        """Give the plain value of most episodes, with which the run goes on; the others leave it."""
        first = values[0]
        if values.dtype.kind == "b":
            count = int(np.count_nonzero(values))
            if count in (0, len(values)):
                return count > 0
            answer = 2 * count >= len(values)
            others = ~values
            keep, leave = (values, others) if answer else (others, values)
            self._leave([leave.nonzero()[0]], what)
            self._stay(keep.nonzero()[0])
            return answer
        if values.dtype == np.float64:  # by their bits, which tell 0.0 from -0.0
            return np.int64(self.ask(values.view(np.int64), what)).view(np.float64).item()
        if bool((values == first).all()):
            return first.item()
        labels, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        if self.groups + len(labels) > self.limit:
            self._too_many(what, self.groups + len(labels))
        order = np.argsort(inverse, kind="stable")
        groups = np.split(order, np.cumsum(counts)[:-1])
        most = int(np.argmax(counts))
        self._leave([group for index, group in enumerate(groups) if index != most], what)
        self._stay(groups[most])
        return labels[most].item()

    def _leave(self, groups: list[Array], what: str) -> None:
        self.groups += len(groups)
        if self.groups >= self.limit:
            self._too_many(what, self.groups + 1)
        self.left += [self.rows[group] for group in groups]

    def _stay(self, keep: Array) -> None:
        self.rows = self.rows[keep]
        self.steps.append(keep)
        self.level += 1

    def _too_many(self, what: str, groups: int) -> NoReturn:
        error = self.fail(
            f"{what} parts the episodes into {groups} groups or more", _REMEDIES.get(what, _NO_BRANCH)
        )
        error.parting = 2 * groups <= self.total
        raise error


class Arithmetic:
    """While lifted methods run, numpy warns of what it comes across where one episode would be warned, too.

    Python does not warn when plain floats overflow or become NaN.
    """

    def __init__(self) -> None:
        self.run: Run | None = None
        asked = {kind: "call" for kind, setting in np.geterr().items() if setting == "warn"}
        self._settings = np.errstate(call=self._on_error, **asked)  # type: ignore[arg-type]

    def __enter__(self) -> Arithmetic:
        self._settings.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._settings.__exit__(*error)

    def _on_error(self, kind: str, flag: int) -> None:
        if self.run is None or self.run.quiet:
            return
        try:
            warnings.warn(f"{kind} encountered in a batch", RuntimeWarning, stacklevel=3)
        except RuntimeWarning as error:  # where warnings are errors, only some episodes may raise
            raise self.run.fail(f"{kind} is an error in an episode") from error


_NO_BRANCH = "np.where(condition, a, b), np.minimum, np.maximum or an array in place of branches and look-ups"
_REMEDIES = {
    "float()": "the number as it is, or np.exp in place of math.exp and the like",
    "int()": "np.floor(x), or x.astype(int) of an array",
    "round()": "np.round(x)",
}


class Owner:
    """The memory of an array that a method made itself, once there are views of it."""

    __slots__ = ("level",)

    def __init__(self, level: int) -> None:
        self.level = level


_SHARED = object()  # an array of the method's own that a state holds, too: it is copied before it is changed


class Lifted:
    """One value for each episode; `shape`, operators and functions are those of one episode.

    `data` has the shape `(*shape, episodes)`. `plain` says that one episode has a Python number here; `own`
    that the method made the array itself, so that it may assign into it (an `Owner` once there are views).
    `bound` is, where it is known, the largest absolute value of plain integers.
    """

    __slots__ = ("bound", "data", "level", "own", "plain", "run", "source")

    def __init__(
        self,
        run: Run,
        data: Array,
        plain: bool = False,
        own: Any = None,
        bound: int | None = None,
        level: int | None = None,
    ) -> None:
        self.run = run
        self.data = data
        self.plain = plain
        self.own = own
        self.bound = bound
        self.level = run.level if level is None else level
        self.source: Array | None = None  # the array of the batch that it is, where it is one

    # What the engine asks.

    def now(self) -> Array:
        """Give the data of the episodes that still go this way: `(*shape, episodes)`."""
        run = self.run
        if self.level != run.level:
            keep, *later = run.steps[self.level :]
            for one in later:
                keep = keep[one]
            self.data = self.data.take(keep, -1)
            self.level = run.level
        return self.data

    def ask(self, what: str) -> Any:
        """Give a plain value, where all episodes that stay agree."""
        data = self.now()
        return self.run.ask(data.reshape(data.shape[-1]), what)

    def __frozen__(self) -> Lifted:
        """Give the value as a field of a state: a plain number, or an array that nobody can change."""
        data = self.now()
        if data.ndim == 1:
            if self.plain:
                return self
            return Lifted(self.run, canonical(self.run, data), plain=True)
        if data.dtype.kind == "O":
            raise ContractError("A state holds no numpy array of objects.")
        if self.own is None and not data.flags.writeable:
            return self
        if self.own is True and data.flags.c_contiguous:
            self.own = _SHARED
        elif self.own is not _SHARED:
            data = lock(np.array(data, order="C"))
        return Lifted(self.run, data)

    def __same__(self, other: Any) -> bool:
        """Whether this is the same value as another one, as states compare their fields."""
        mine = self.shape
        if np.shape(other) != mine:
            return False
        equal: Any = np.equal(self, other)
        if self.data.dtype.kind == "f":
            equal = np.logical_or(equal, np.logical_and(np.isnan(self), np.isnan(other)))
        return bool(equal if mine == () else equal.all())

    # What looks like the value of one episode.

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape[:-1]

    @property
    def ndim(self) -> int:
        return self.data.ndim - 1

    @property
    def size(self) -> int:
        return int(np.prod(self.data.shape[:-1], dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[Any]:
        self._not_plain("dtype")
        return self.data.dtype

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # isinstance(x, float) is as in one episode
        if self.plain:
            return _PYTHON[self.data.dtype.kind]
        return np.ndarray if self.data.ndim > 1 else self.data.dtype.type

    def _not_plain(self, name: str) -> None:
        """Raise what a Python number raises, which has none of numpy's attributes."""
        if self.plain:
            kind = _PYTHON[self.data.dtype.kind].__name__
            raise AttributeError(f"{kind!r} object has no attribute {name!r}")

    def __bool__(self) -> bool:
        data = self.now()
        if data.ndim > 1:
            if self.size != 1:
                raise ValueError(
                    "The truth value of an array with more than one element is ambiguous. "
                    "Use a.any() or a.all()"
                )
            data = data.reshape(-1)
        if data.dtype.kind == "U":
            return bool(self.run.ask(np.strings.str_len(data) > 0, "if"))
        return bool(self.run.ask(data if data.dtype.kind == "b" else data != 0, "if"))

    def _number(self, what: str) -> Any:
        if self.ndim or self.data.dtype.kind == "c":
            raise TypeError("only 0-dimensional arrays can be converted to Python scalars")
        return self.ask(what)

    def __int__(self) -> int:
        data = self.now()
        if (
            self.ndim == 0
            and data.dtype.kind == "f"
            and np.isfinite(data).all()
            and np.abs(data).max() < 2**63
        ):
            return int(self.run.ask(data.astype(np.int64), "int()"))
        return int(self._number("int()"))

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __index__(self) -> int:
        if self.data.dtype.kind not in "biu" or (self.data.dtype.kind == "b" and not self.plain):
            raise TypeError("only integer scalar arrays can be converted to a scalar index")
        if self.data.dtype.kind == "b":  # a list takes True for 1, an array for a mask
            raise self.run.fail("a truth value that differs between episodes is an index", "int(flag)")
        return int(self._number("a look-up in a list or an array"))

    def __hash__(self) -> int:
        if self.ndim:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(self.ask("a look-up in a dictionary or a set"))

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("object of type 'float' has no len()")
        return int(self.data.shape[0])

    def __iter__(self) -> Iterator[Lifted]:
        if self.ndim == 0:
            raise TypeError("'float' object is not iterable")
        return (self[index] for index in range(self.data.shape[0]))

    def __contains__(self, value: object) -> bool:
        if self.ndim == 0:
            raise TypeError("a single number is not iterable")
        found: Any = self == value
        return bool(found.any()) if isinstance(found, np.ndarray) else bool(found)

    def __copy__(self) -> Lifted:
        return self if self.ndim == 0 else self.copy()

    def __deepcopy__(self, memo: object) -> Lifted:
        return self.__copy__()

    def __getitem__(self, key: Any) -> Lifted:
        from interaction.batching.indexing import get

        return get(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from interaction.batching.indexing import put

        put(self, key, value)

    def writeable(self) -> Array:
        """Give the data to assign into; raise where that would change what is not the method's own."""
        if self.own is None:
            raise ValueError("assignment destination is read-only")
        self._unshare()
        if type(self.own) is Owner and self.own.level != self.run.level:
            raise self.run.fail(
                "an array that has views is changed after its episodes parted", "x[...] = ... before the if"
            )
        return self.now()

    def view(self, key: Any) -> Lifted:
        """Give a view of this array; `key` makes it of the data, or is an index."""
        if self.own is not None:
            self._unshare()
            if self.own is True:
                self.own = Owner(self.run.level)
        data = self.now()
        return Lifted(self.run, key(data) if callable(key) else data[key], own=self.own)

    def _unshare(self) -> None:
        """Take a copy of one's own, where a state holds the array, too."""
        if self.own is _SHARED:
            self.data = self.now().copy()
            self.own = True

    # What cannot be lifted.

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise self.run.fail(
            "a value that differs between episodes is made a plain numpy array (np.array, np.asarray, "
            "np.zeros with an assignment, or a function that calls them)",
            "np.stack([x, y]) or np.concatenate in place of np.array([x, y]), np.zeros_like(x) or x.copy() "
            "in place of np.zeros, and x itself in place of np.asarray(x)",
        )

    def __str__(self) -> str:
        raise self.run.fail(
            "a text is made of a value that differs between episodes", "a number in its place"
        )

    def __format__(self, specification: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        self.run.fail("a text is made of a value that differs between episodes", "a number in its place")
        return f"Lifted(shape={self.shape}, episodes={self.data.shape[-1]})"

    def __reduce__(self) -> NoReturn:
        raise self.run.fail(
            "a value that differs between episodes is pickled", "nothing kept outside of states"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._not_plain(name) if name not in _PLAIN_ATTRIBUTES else None
        raise self.run.fail(
            f".{name} of a value that differs between episodes has no rule", "numpy's functions and operators"
        )

    @property
    def T(self) -> Lifted:  # noqa: N802
        self._not_plain("T")
        return self.view(lambda data: data.transpose(*range(self.ndim)[::-1], self.ndim))

    @property
    def real(self) -> Lifted:
        return self if self.plain else self.view(np.real)

    @property
    def imag(self) -> Lifted:
        return Lifted(self.run, np.imag(self.now()), self.plain)

    # Numpy's protocols.

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from interaction.batching.ufuncs import play_ufunc

        return play_ufunc(self.run, ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        from interaction.batching.rules import play_function

        return play_function(self.run, function, arguments, options)


_PLAIN_ATTRIBUTES = frozenset({"conjugate", "is_integer", "as_integer_ratio", "hex", "bit_length"})


def canonical(run: Run, data: Array) -> Array:
    """Give numbers as a state keeps them: bool, 64-bit integers, 64-bit floats, or text: `(episodes,)`."""
    kind = data.dtype.kind
    wanted = data.dtype if kind == "U" else _CANONICAL.get(kind)
    if wanted is None:
        raise run.fail(f"numbers of the type {data.dtype} have no rule", "float or int")
    if data.dtype == wanted:
        return data
    if kind == "u" and data.dtype.itemsize == 8 and data.max() > np.iinfo(np.int64).max:
        raise run.fail("an integer is beyond 64 bits", "a float")
    return data.astype(wanted)


def wrap(run: Run, value: Array) -> Any:
    """Give an array of a batch, `(episodes, *shape)`, as a lifted value."""
    if value.ndim == 1:
        found = Lifted(run, canonical(run, value), plain=True, level=0)
    else:
        data = rows_last(value)
        if data.strides[-1] not in (0, data.itemsize):
            data = lock(np.ascontiguousarray(data))
        found = Lifted(run, data, level=0)
    found.source = value
    return found


def lift_now(run: Run, value: Any) -> Any:
    """The same for arrays of the episodes that still go this way alone."""
    if type(value) is np.ndarray:
        found = wrap(run, value)
        found.level = run.level
        found.source = None
        return found
    if isinstance(value, State):
        return make(type(value), {name: lift_now(run, part) for name, part in value.__dict__.items()})
    return _rebuilt(value, [lift_now(run, part) for part in value]) if isinstance(value, tuple) else value


class LiftedState(State):
    """A state of a batch, each field of which is lifted when it is read."""

    __slots__ = ("_raw", "_run")

    def __getattr__(self, name: str) -> Any:
        raw = _get_raw(self)
        if name not in raw:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = _fields(self)[name] = lift(_get_run(self), raw[name])
        return value

    def replace(self, /, **changes: Any) -> Any:
        raw = _get_raw(self)
        for name, value in changes.items():
            if name not in raw:
                raise unknown_name(name, raw, "State.replace")
            changes[name] = freeze(value)
        return _lifted_state(type(self), raw, _get_run(self), _fields(self) | changes)

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        fields = _fields(self)
        raw = _get_raw(self)
        if list(fields) == list(raw):
            return fields
        run = _get_run(self)
        filled = {name: fields[name] if name in fields else lift(run, value) for name, value in raw.items()}
        set_fields(self, filled)
        return filled


class LiftedGameState(LiftedState, GameState):
    """The same for the state of a game."""

    __slots__ = ()


_fields: Callable[[State], dict[str, Any]] = State.__dict__["__dict__"].__get__
_RAW: Any = vars(LiftedState)["_raw"]
_RUN: Any = vars(LiftedState)["_run"]
_get_raw, _set_raw = _RAW.__get__, _RAW.__set__
_get_run, _set_run = _RUN.__get__, _RUN.__set__
_PLAIN_KIND = {LiftedState: State, LiftedGameState: GameState}


def _lifted_state(kind: type[LiftedState], raw: dict[str, Any], run: Run, fields: dict[str, Any]) -> Any:
    state = new(kind)
    _set_raw(state, raw)
    _set_run(state, run)
    set_fields(state, fields)
    return state


def lift(run: Run, value: Any) -> Any:
    """Give a value of a batch, `(episodes, *shape)` for each array, as it looks in one episode."""
    if type(value) is np.ndarray:
        return wrap(run, value)
    if isinstance(value, State):
        return _lifted_state(
            LiftedGameState if type(value) is GameState else LiftedState, value.__dict__, run, {}
        )
    if isinstance(value, tuple):
        return _rebuilt(value, [lift(run, part) for part in value])
    return value


def lower(run: Run, value: Any, other: bool = False, kept: bool = False) -> Any:
    """Give a lifted value as one of a batch, which nobody can change; what is the same for all stays.

    Raises for what no state holds, unless `other` things may be passed on. With `kept`, an array that came
    from the batch is given as it is, with all of its rows.
    """
    if type(value) is Lifted:
        if value.run is not run:
            raise run.fail("a value of another call is given: it was kept outside of the states")
        if value.source is not None:
            return value.source if len(run.rows) == run.total or kept else row_of(value.source, run.rows, {})
        data = value.now()
        if data.flags.writeable:
            data = lock(data if data.base is None else data.copy(order="K"))
        return rows_first(data)
    if isinstance(value, State):
        kind = type(value)
        if kind in _PLAIN_KIND:
            return _lower_state(run, value, _PLAIN_KIND[kind], kept)
        return make(kind, {name: lower(run, part, other, kept) for name, part in value.__dict__.items()})
    if isinstance(value, tuple):
        return _rebuilt(value, [lower(run, part, other, kept) for part in value])
    if isinstance(value, np.ndarray) and value.ndim:
        return np.broadcast_to(value.copy(), (len(run.rows), *value.shape))
    if isinstance(value, np.generic | np.ndarray):
        return value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if other and not _holds_lifted(value):
        return value
    raise run.fail(f"a {type(value).__name__} is given, which is no number, array or State")


def _holds_lifted(value: Any) -> bool:
    """Whether a container holds lifted values."""
    if isinstance(value, Mapping):
        return any(map(_holds_lifted, value.values()))
    if isinstance(value, list | set | frozenset):
        return any(map(_holds_lifted, value))
    return type(value) is Lifted or isinstance(value, LiftedState)


def _lower_state(run: Run, state: State, kind: type[State], kept: bool) -> State:
    """Give a state as it was in the batch: what was not read need not be lifted first."""
    if _get_run(state) is not run:
        raise run.fail("a state of another call is given: it was kept outside of the states")
    fields = _fields(state)
    kept = kept or len(run.rows) == run.total
    found = {}
    for name, value in _get_raw(state).items():
        if name in fields:
            found[name] = lower(run, fields[name], kept=kept)
        else:
            found[name] = value if kept else row_of(value, run.rows, {})
    return make(kind, found)


def _rebuilt(like: tuple[Any, ...], parts: list[Any]) -> tuple[Any, ...]:
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


class LiftedRandom(EpisodeRandom):
    """The random stream of one episode, as a lifted method gets it: each draw is one for each episode.

    What is drawn for all episodes of the call is in `kept`, since another run draws the same.
    """

    __slots__ = ("kept", "run", "stream")

    def __init__(self, run: Run, stream: EpisodeRandom, kept: dict[tuple[int, int], Array]) -> None:
        self.run = run
        self.stream = stream
        self.kept = kept
        self._key, self._origin = stream._key, stream._origin
        self._locate(0, None, None)
        self.place, self.draw = stream.place, stream.draw

    @property
    def episode(self) -> Any:
        """The index of the episode."""
        episodes = self.stream.episodes
        assert episodes is not None
        return Lifted(self.run, episodes[self.run.rows], plain=True)

    @episode.setter
    def episode(self, index: int) -> None: ...

    def now(self) -> EpisodeRandom:
        """Give the stream of the episodes that still go this way."""
        run = self.run
        stream = self.stream.copy() if len(run.rows) == run.total else self.stream.select(run.rows)
        stream.draw = self.draw
        return stream

    def outside(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Ask something that takes whole batches: it gets arrays, and what it gives is lifted again."""
        stream = self.now()
        given = [stream if one is self else by_rows(lower(self.run, one, True)) for one in arguments]
        more = {name: by_rows(lower(self.run, one, True)) for name, one in options.items()}
        found = function(*given, **more)
        self.draw = stream.draw
        return lift_now(self.run, found)

    def random(self, shape: Any = ()) -> Any:
        run = self.run
        shape = _plain_shape(shape)
        size = math.prod(shape)
        key = self.draw, size
        self.draw += 1
        if key not in self.kept:
            self.stream.draw = key[0]
            values = self.stream.random(size) if size != 1 else self.stream.random()
            self.kept[key] = np.ascontiguousarray(values.T)
        data = self.kept[key]
        narrowed = len(run.rows) != run.total
        data = np.take(data, run.rows, axis=-1) if narrowed else data
        if not shape:
            return Lifted(run, data, plain=True)
        data = data.reshape(*shape, len(run.rows))
        return Lifted(run, data if narrowed else data.copy(), own=True)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, shape: Any = ()) -> Any:
        from scipy.special import ndtri

        if np.any(np.less(scale, 0)):
            raise self.run.fail("rng.normal got a scale below zero")
        standard: Any = ndtri(np.maximum(self.random(shape), 2.0**-54))
        value: Any = np.add(loc, np.multiply(scale, standard))
        return value.__frozen__() if value.ndim == 0 else value

    def integers(self, low: Any, high: Any, shape: Any = ()) -> Any:
        for bound in (low, high):
            kind = bound.data.dtype.kind if type(bound) is Lifted else np.asarray(bound).dtype.kind
            if np.ndim(bound) or kind not in "iu":
                raise self.run.fail("rng.integers got bounds that are no integers")
        width = np.subtract(high, low)
        if np.any(np.less_equal(width, 0)) or np.any(np.greater(width, 2**53)):
            raise self.run.fail("rng.integers got bounds in the wrong order, or too far apart")
        value: Any = np.add(low, np.multiply(self.random(shape), width).astype(np.int64))
        return value.__frozen__() if value.ndim == 0 else value

    def categorical(self, probabilities: Any) -> Any:
        """Draw an index from weights, as `EpisodeRandom.categorical` does."""
        if isinstance(probabilities, list | tuple):
            probabilities = np.stack(probabilities)
        if np.ndim(probabilities) != 1:
            raise self.run.fail("rng.categorical takes the weights of one episode, an array of one axis")
        uniform = self.random()
        if type(probabilities) is not Lifted:
            probabilities = np.broadcast_to(probabilities, np.shape(probabilities))
            weights = np.asarray(probabilities, float)[:, None]
        else:
            weights = probabilities.now().astype(float, copy=False)
        with np.errstate(over="ignore"):
            cumulated = np.cumsum(weights, axis=0)
        if weights.size == 0 or not (
            weights.min() >= 0 and (cumulated[-1] > 0).all() and np.isfinite(cumulated[-1]).all()
        ):
            raise self.run.fail("rng.categorical got weights that are not finite, or below zero, or all zero")
        total = cumulated[-1]
        reached = uniform.now() * total >= cumulated
        reached &= cumulated < total
        return Lifted(self.run, np.count_nonzero(reached, axis=0), plain=True)

    def shuffle(self, n: Any) -> Any:
        count = int(n)
        if count < 0:
            raise self.run.fail("rng.shuffle got a number below zero")
        return np.argsort(self.random((count,)), axis=-1, kind="stable")

    def _of_one(self, *arguments: Any, **options: Any) -> NoReturn:
        raise self.run.fail(
            "the stream gives what belongs to one episode", "rng.random, rng.normal and the like"
        )

    copy = select = row = repeat = simulation = at = key = generator = _of_one


def _plain_shape(shape: Any) -> tuple[int, ...]:
    return tuple(map(int, shape)) if type(shape) is tuple else (int(shape),)
