"""The value `Lifted`: one value for each episode of a batch, which looks like the value of one episode.

A component is written for one episode. To play it on a batch, the engine hands it `Lifted` values: their
`shape` is that of one episode, and each operation is applied to all episodes at once. The axis of episodes
is the last one in memory, where nobody sees it: so the shapes of one episode broadcast as they would alone,
and the episodes of an entry lie next to each other, which is where numpy is fastest.

A value is *plain* where the single episode has a Python number: arithmetic then follows Python's rules
(`interaction.batching.numbers`), otherwise numpy's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import ReferenceType, ref

import numpy as np
from numpy.typing import NDArray

from interaction.batching.runs import CONDITION, LOOK_UP, Run, asked_inside, count
from interaction.errors import ContractError
from interaction.state import lock

Array = NDArray[Any]

_CANONICAL = {
    "b": np.dtype(bool),
    "i": np.dtype(np.int64),
    "u": np.dtype(np.int64),
    "f": np.dtype(np.float64),
}
_PYTHON = {"b": bool, "i": int, "f": float, "U": str}


class Owner:
    """The memory of an array that a method made itself, once there are views of it.

    `copies` are those of its rows that are views in one episode, but not when lifted; `whole` says of such a
    row that it was looked up by a single number.
    """

    __slots__ = ("__weakref__", "copies", "level", "whole")

    def __init__(self, level: int, copies: list[ReferenceType[Owner]] | None = None) -> None:
        self.level = level
        self.copies = copies
        self.whole = False


NEVER = -1  # the level of an owner whose arrays cannot be changed as they could be alone
_NO_TEXT = "a number in its place, and print in single episodes only"
SHARED = object()  # an array of the method's own that a state holds, too: it is copied before it is changed


class Lifted:
    """One value for each episode; `shape`, operators and functions are those of one episode.

    `data` has the shape `(*shape, episodes)`. `plain` says that one episode has a Python number here; `own`
    that the method made the array itself, so that it may assign into it (an `Owner` once there are views).
    One of numpy's numbers is nobody's own, an array without axes is.
    `bound` is, where it is known, the largest absolute value of plain integers.
    """

    __slots__ = ("bound", "copies", "data", "level", "own", "plain", "run", "source")

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
        self.copies: list[ReferenceType[Owner]] | None = None  # as an Owner's, before there is one

    # What the engine asks.

    def now(self) -> Array:
        """Give the data of the episodes that still go this way: `(*shape, episodes)`."""
        run = self.run
        if self.level != run.level:
            if self.level == 0:
                keep = run.rows
            else:
                keep, *later = run.steps[self.level :]
                for one in later:
                    keep = keep.take(one)
            self.data = _of_episodes(self.data, keep)
            self.level = run.level
        return self.data

    def where(self) -> tuple[Array, Array]:
        """Give the data, and where in them the episodes lie that still go this way.

        Of a vector that is looked into but once, nothing is taken out before.
        """
        run, level = self.run, self.level
        if level == 0 and level != run.level:
            return self.data, run.rows
        if level + 1 == run.level:
            return self.data, run.steps[level]
        data = self.now()
        return data, count(data.shape[-1])

    def early(self) -> tuple[Array, int]:
        """Give the data and its level, also of episodes that have left where most still go this way.

        So what cannot fail, such as a copy or the place of the largest entry, is found before the others are
        taken out, if they need be.
        """
        if self.level != self.run.level and 2 * len(self.run.rows) < self.data.shape[-1]:
            self.now()
        return self.data, self.level

    def ask(self, what: str) -> Any:
        """Give a plain value, where all episodes that stay agree."""
        data = self.now()
        return self.run.ask(data.reshape(data.shape[-1]), what)

    def __frozen__(self) -> Lifted:
        """Give the value as a field of a state: a plain number, or an array that nobody can change."""
        if self.plain:
            return self
        if self.data.ndim > 1 and self.data.dtype.kind == "O":
            raise ContractError("A state holds no numpy array of objects.")
        if self.own is True and self.data.ndim > 1 and self.data.flags.c_contiguous:
            self.own = SHARED
            return Lifted(self.run, self.data, level=self.level)
        data = self.now()
        if data.ndim == 1:
            return self.as_plain()
        if self.own is None and not (data.flags.writeable or self.shows_changes()):
            return self
        if self.own is not SHARED:
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
        if self.plain and not asked_inside():
            self._not_plain("shape")
        return self.data.shape[:-1]

    @property
    def ndim(self) -> int:
        if self.plain and not asked_inside():
            self._not_plain("ndim")
        return self.data.ndim - 1

    @property
    def size(self) -> int:
        if self.plain and not asked_inside():
            self._not_plain("size")
        return int(np.prod(self.data.shape[:-1], dtype=np.int64))

    @property
    def dtype(self) -> np.dtype[Any]:
        self._not_plain("dtype")
        return self.data.dtype

    @property  # type: ignore[misc]
    def __class__(self) -> type:  # isinstance(x, float) is as in one episode
        if self.plain:
            return _PYTHON[self.data.dtype.kind]
        return np.ndarray if self.data.ndim > 1 or self.own is not None else self.data.dtype.type

    def _not_plain(self, name: str) -> None:
        """Raise what a Python number or text raises, which has none of numpy's attributes."""
        if self.plain:
            kind = _PYTHON[self.data.dtype.kind]
            if hasattr(kind, name):
                raise self.run.fail(
                    f".{name} of a {kind.__name__} that differs between episodes has no rule",
                    "operators, or numpy's functions",
                )
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")

    def _no_text(self, does: str) -> None:
        """Find out where a text is taken apart, which numbers cannot be: no component may catch that."""
        if self.data.dtype.kind == "U":
            raise self.run.fail(f"a text that differs between episodes {does}", "numbers in place of texts")

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
            return bool(self.run.ask(np.strings.str_len(data) > 0, CONDITION))
        return bool(self.run.ask(data if data.dtype.kind == "b" else data != 0, CONDITION))

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
        return int(self._number(LOOK_UP))

    def __hash__(self) -> int:
        if self.ndim:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return hash(self.ask("a look-up in a dictionary or a set"))

    def __len__(self) -> int:
        if self.ndim == 0:
            self._no_text("is measured")
            raise TypeError(f"object of type {_name(self)!r} has no len()")
        return int(self.data.shape[0])

    def __iter__(self) -> Iterator[Lifted]:
        if self.ndim == 0:
            self._no_text("is gone through")
            raise TypeError(f"{_name(self)!r} object is not iterable")
        return (self[index] for index in range(self.data.shape[0]))

    def __contains__(self, value: object) -> bool:
        if self.ndim == 0:
            self._no_text("is searched")
            raise TypeError(f"argument of type {_name(self)!r} is not iterable")
        found: Any = self == value
        return bool(found.any()) if isinstance(found, np.ndarray) else bool(found)

    def __copy__(self) -> Lifted:
        return self if self.ndim == 0 and self.own is None else self.copy()

    def __deepcopy__(self, memo: object) -> Lifted:
        return self.__copy__()

    def writeable(self, row: Owner | None = None) -> Array:
        """Give the data to assign into; raise where that would change what is not the method's own.

        Of the rows in use that are copies, `row` may be one that stays as it is.
        """
        self.check_own(row)
        return self.now()

    def check_own(self, row: Owner | None = None) -> None:
        """Raise as `writeable` does."""
        if self.own is None:
            raise ValueError("assignment destination is read-only")
        if self.ndim == 0:
            raise self.run.fail(
                "an array without axes is changed in place", "x = ... in place of x[...] = ..."
            )
        self._unshare()
        copies = self.own.copies if type(self.own) is Owner else self.copies
        if copies is not None and any(copy() not in (None, row) for copy in copies):
            raise self.run.fail(
                "an array is changed of which a row is in use that was looked up by an index that differs",
                "row = x[i].copy() in place of row = x[i]",
            )
        if type(self.own) is Owner and self.own.level != self.run.level:
            raise self.run.fail(
                "an array is changed that has views, which were taken before its episodes parted or "
                "by an index that differs",
                "x[i, j] = ... in place of row = x[i], row[j] = ...; x[i] = x[i] + y in place of x[i] += y",
            )

    def view(self, key: Any) -> Lifted:
        """Give a view of this array; `key` makes it of the data, or is an index."""
        if isinstance(key, type | np.dtype | str):  # numpy's method of this name
            raise self.run.fail("the bits of an array are read as another type", "x.astype(dtype)")
        if self.own is not None:
            self._unshare()
            if self.own is True:
                self.own = Owner(self.run.level, self.copies)
        data = self.now()
        return Lifted(self.run, key(data) if callable(key) else data[key], own=self.own)

    def shows_changes(self) -> bool:
        """Whether this is a view of an array of the method's own, though not to be assigned into itself."""
        data, base = self.data, self.data.base
        may_change = isinstance(base, np.ndarray) and base.flags.writeable
        return self.own is None and may_change and not data.flags.writeable

    def as_plain(self) -> Lifted:
        """Give a single number as a Python number, which keeps its value when an array is changed."""
        data = self.now()
        number = canonical(self.run, data.reshape(data.shape[-1]))
        shared = number.base is not None and (self.own is not None or self.shows_changes())
        return Lifted(self.run, number.copy() if shared else number, plain=True)

    def copied(self, data: Array, whole: bool) -> Lifted:
        """Give a row of one's own that was looked up: alone a view, here a copy, not to be changed itself."""
        row = Owner(NEVER)
        row.whole = whole
        holder = self.own if type(self.own) is Owner else self
        holder.copies = [copy for copy in holder.copies or () if copy() is not None] + [ref(row)]
        return Lifted(self.run, data, own=row)

    def _unshare(self) -> None:
        """Take a copy of one's own, where a state holds the array, too."""
        if self.own is SHARED:
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
        raise self.run.fail("a text is made of a value that differs between episodes", _NO_TEXT)

    def __format__(self, specification: str) -> str:
        return str(self)

    def __repr__(self) -> str:
        if not self.run.over:
            self.run.fail("a text is made of a value that differs between episodes", _NO_TEXT)
        return f"Lifted(shape={self.shape}, episodes={self.data.shape[-1]})"

    def __reduce__(self) -> NoReturn:
        raise self.run.fail(
            "a value that differs between episodes is pickled", "nothing kept outside of states"
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._not_plain(name)
        raise self.run.fail(
            f".{name} of a value that differs between episodes has no rule", "numpy's functions and operators"
        )

    @property
    def T(self) -> Lifted:  # noqa: N802
        self._not_plain("T")
        return self.view(lambda data: data.transpose(*range(self.ndim)[::-1], self.ndim))

    @property
    def real(self) -> Lifted:
        return +self if self.plain else self.view(np.real)  # of a flag, an integer

    @property
    def imag(self) -> Lifted:
        if self.data.dtype.kind == "c":
            return self.view(np.imag)
        data = np.imag(self.now())
        return Lifted(
            self.run, data.astype(np.int64) if self.plain and data.dtype.kind == "b" else data, self.plain
        )

    if TYPE_CHECKING:  # `interaction.batching.functions` and `operators` give them

        def __getitem__(self, key: Any) -> Any: ...

        def __setitem__(self, key: Any, value: Any) -> None: ...

        def __pos__(self) -> Lifted: ...


def _of_episodes(data: Array, keep: Array) -> Array:
    """Give the data of some episodes as they lie in memory: their entries in the same order, or in a part.

    Sums depend on it, and what cannot be changed stays so.
    """
    if data.ndim <= 2 or data.flags.c_contiguous:
        found: Array = data.take(keep, -1)
        if not data.flags.writeable:
            found.setflags(write=False)
        return found
    order = sorted(range(data.ndim - 1), key=lambda axis: -data.strides[axis])
    turned = data.transpose(*order, -1)
    shape = (*turned.shape[:-1], len(keep))
    room = list(shape)  # with one entry too many on each axis that is a part of a longer one
    span = data.itemsize * (data.shape[-1] if data.strides[-1] else 1)
    for axis in reversed(range(len(order))):
        if shape[axis] > 1 and turned.strides[axis] != span:
            room[axis + 1] += 1
        span = abs(turned.strides[axis]) * shape[axis]
    whole = np.empty(room, data.dtype)
    part = tuple(map(slice, shape))
    whole[part] = turned.take(keep, -1)
    whole.setflags(write=data.flags.writeable)
    return whole[part].transpose(*np.argsort(order), -1)


def _name(value: Lifted) -> str:
    return _PYTHON[value.data.dtype.kind].__name__ if value.plain else value.data.dtype.type.__name__


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
