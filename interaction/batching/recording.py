"""What a batch leaves: how each episode began and ended, and what was asked to be recorded of it.

What a game did not hold at the end of a round (an observation of an agent that never looked) is masked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.selection import row_of
from interaction.errors import EpisodeError
from interaction.state import GameState, State, Value, flatten
from interaction.turns import SOURCES

Array = NDArray[Any]
Rows = NDArray[np.int64]
REWARDS = tuple(f"rewards.{source}" for source in SOURCES)
STATES = ("task_state", "user_state", "assistant_state")


class _Leaves:
    """The leaves of a state that are wanted, by path; a path is put together and judged but once."""

    __slots__ = ("_inner", "_leaves", "_met", "_prefix", "_wanted")

    def __init__(self, wanted: Callable[[str], bool], met: set[str], prefix: str = "") -> None:
        self._wanted, self._met, self._prefix = wanted, met, prefix
        self._leaves: dict[str, str] = {}  # an empty path for what is not wanted
        self._inner: dict[str, _Leaves] = {}

    def collect(self, fields: dict[str, Value], found: dict[str, Value]) -> None:
        """Put the values of a state's fields into `found`, but for those that are None."""
        leaves, inner = self._leaves, self._inner
        for name, value in fields.items():
            parts = _parts(value)
            if parts is not None:
                if name not in inner:
                    inner[name] = _Leaves(self._wanted, self._met, f"{self._prefix}{name}.")
                inner[name].collect(parts, found)
            elif value is not None:
                path = leaves.get(name)
                if path is None:
                    path = f"{self._prefix}{name}"
                    self._met.add(path)
                    path = leaves[name] = path if self._wanted(path) else ""
                if path:
                    found[path] = value


def _parts(value: Value) -> dict[str, Value] | None:
    """Give what has paths of its own: a state's fields, or a tuple's entries unless it is a vector."""
    if isinstance(value, State):
        return value.__dict__
    if type(value) is not tuple or _is_vector(value):
        return None
    return {str(number): part for number, part in enumerate(value)}


def _is_vector(values: tuple[Value, ...]) -> bool:
    """Whether all entries are single numbers, or all of them texts: one for each row."""
    single = all(isinstance(one, int | float | str | np.ndarray) and np.ndim(one) <= 1 for one in values)
    return single and len({np.asarray(one).dtype.kind == "U" for one in values}) == 1


class Recorder:
    """What a chunk of rows leaves: beginnings, totals and ends of each row, and what is to be recorded."""

    def __init__(
        self,
        rows: int,
        wanted: Callable[[str], bool] | None,
        per_round: bool,
        progress: Callable[[int], Any] | None = None,
        before: int = 0,
        most: int | None = None,
    ) -> None:
        self.rows = rows
        self.bytes = before  # that are recorded, those of the chunks before included
        self.wanted = wanted
        self.per_round = per_round
        self.progress = progress  # is told the episodes that ended or, of so many at most, their rounds
        self.most = most
        self._totals: list[Array | None] = [None] * 8
        self.lengths = np.zeros(rows, np.int64)
        self.terminated = np.zeros(rows, bool)
        self.paths: set[str] = set()
        self._leaves = None if wanted is None else _Leaves(wanted, self.paths)
        self._begun: GameState | None = None
        self._forced: frozenset[str] = frozenset()
        self._ends: list[tuple[Rows, dict[str, Value]]] = []  # what rows held at their end
        self._rounds: list[list[tuple[Rows | None, dict[str, Value]]]] = []

    def begin(self, game: GameState, forced: Iterable[str] = ()) -> None:
        """Keep how all rows begin, the actions that were forced included."""
        self._begun, self._forced = game, frozenset(forced)

    def keep(
        self, number: int, rows: Rows, game: GameState, rewards: list[Value], part: Rows | None = None
    ) -> None:
        """Keep what some rows are like at the end of a round; they are all of the game, or a part of it."""
        if self.progress is not None and self.most is not None:
            self.progress(len(rows))
        if self.wanted is None or not self.per_round:
            return
        while len(self._rounds) <= number:
            self._rounds.append([])
        values = self._select(game, len(rows), part)
        values.update(
            (path, reward) for path, reward in zip(REWARDS, rewards, strict=True) if self.wanted(path)
        )
        self._rounds[number].append((None if len(rows) == self.rows else rows, values))
        self.bytes += sum(getattr(value, "nbytes", 8 * len(rows)) for value in values.values())

    def end(
        self,
        rows: Rows,
        game: GameState,
        totals: list[Value],
        rewards: list[Value],
        length: int,
        terminated: bool,
        part: Rows | None = None,
    ) -> None:
        """Keep how some rows ended; they are all of the game, or a part of it."""
        for source, (before, now) in enumerate(zip(totals, rewards, strict=True)):
            total = before + now
            if type(total) is not float or total != 0.0:
                array = np.asarray(total, float)
                self._totals[source] = _write(self._totals[source], self.rows, rows, array)
        self.lengths[rows] = length
        self.terminated[rows] = terminated
        if self.wanted is not None and not self.per_round:
            self._ends.append((rows, self._select(game, len(rows), part)))
        if self.progress is not None:
            self.progress(len(rows) * (1 if self.most is None else self.most - length))

    def _select(self, game: GameState, rows: int, part: Rows | None) -> dict[str, Value]:
        assert self._leaves is not None
        values: dict[str, Value] = {}
        self._leaves.collect(game.__dict__, values)
        if part is not None:
            taken: dict[int, Value] = {}
            values = {path: row_of(value, part, taken) for path, value in values.items()}
        for path, value in values.items():
            if type(value) is tuple:
                values[path] = _columns(value, rows)
        return values

    def total(self, source: int) -> Array | None:
        """The sum of the rewards of a source: `(rows,)`, or None if it paid nothing."""
        return self._totals[source]

    @property
    def recorded(self) -> list[str]:
        """The recorded paths."""
        ends = [self._ends] if not self.per_round else self._rounds
        return list(dict.fromkeys(path for groups in ends for _, values in groups for path in values))

    @property
    def begun(self) -> dict[str, Value]:
        """The states with which the rows began and the forced actions, by path."""
        assert self._begun is not None
        game = self._begun.__dict__
        kept = {
            path: value
            for name in STATES
            for path, value in flatten(game[name], f"{name}.")
            if value is not None
        }
        if self._forced:
            leaves = flatten(self._begun)
            kept |= {path: value for path, value in leaves if path in self._forced and value is not None}
        return kept

    def start(self, path: str) -> Array:
        """Give what the rows began with: `(rows, ...)`."""
        return _for_all(self.begun[path], self.rows)

    def value(self, path: str) -> Array | None:
        """Put what was recorded of a path together: `(rows, ...)`, or `(rows, rounds, ...)`.

        None where no row ever held it, and masked where some did not.
        """
        if not self.per_round:
            return self._at_the_end(path)
        out: Array | None = None
        lacking = np.zeros((len(self._rounds), self.rows), bool)
        for number, groups in enumerate(self._rounds):
            if number and path not in REWARDS:
                lacking[number] = lacking[number - 1]
                if out is not None:
                    out[number] = out[number - 1]
            for rows, values in groups:
                here = slice(None) if rows is None else rows
                lacking[number, here] = path not in values
                if path in values:
                    where = number if rows is None else (number, rows)
                    out = _write(out, len(self._rounds), where, values[path], (self.rows,), path)
        return None if out is None else _masked(np.moveaxis(out, 0, 1), lacking.T)

    def _at_the_end(self, path: str) -> Array | None:
        out: Array | None = None
        lacking = np.ones(self.rows, bool)
        for rows, values in self._ends:
            if path in values:
                out = _write(out, self.rows, rows, values[path], path=path)
                lacking[rows] = False
        return None if out is None else _masked(out, lacking)


def recorded(recorders: Sequence[Recorder]) -> list[str]:
    """Give the paths that any of the chunks recorded."""
    return list(dict.fromkeys(path for recorder in recorders for path in recorder.recorded))


def together(recorders: Sequence[Recorder], path: str, rounds: int | None = None) -> Array:
    """Put what several chunks recorded of a path one after the other, all for so many rounds."""
    parts = [recorder.value(path) for recorder in recorders]
    known = next(part for part in parts if part is not None)
    shape = known.shape[1:]
    found = [
        _masked(np.zeros((recorder.rows, *shape), known.dtype), np.ones(recorder.rows, bool))
        if part is None  # no row of this chunk ever held it
        else part
        for recorder, part in zip(recorders, parts, strict=True)
    ]
    whole = found if rounds is None else [_pad(part, rounds, path) for part in found]
    if len(whole) == 1:
        return whole[0]
    if any(isinstance(part, np.ma.MaskedArray) for part in whole):
        return np.ma.concatenate(whole)  # type: ignore[no-any-return,no-untyped-call]
    return np.concatenate(whole)


def totals(recorders: Sequence[Recorder], source: int) -> list[Array]:
    """Give the totals of a source from all chunks; untouched zeros cost no time where it paid nothing."""
    parts = [recorder.total(source) for recorder in recorders]
    if all(part is None for part in parts):
        return [np.zeros(sum(recorder.rows for recorder in recorders))]
    return [np.zeros(r.rows) if part is None else part for r, part in zip(recorders, parts, strict=True)]


def _for_all(value: Value, rows: int) -> Array:
    """Give a value of all rows, which may be one number for all of them, its axis of rows."""
    array = _columns(value, rows) if isinstance(value, tuple) else np.asarray(value)
    return np.broadcast_to(array, (rows, *array.shape)) if array.ndim == 0 else array


def _columns(values: tuple[Value, ...], rows: int) -> Array:
    """A tuple as a vector for each row."""
    return np.stack([np.broadcast_to(value, (rows,)) for value in values], axis=-1)


def _write(
    out: Array | None, length: int, where: Any, value: Value, inner: tuple[int, ...] = (), path: str = ""
) -> Array:
    """Write into an array `(length, *inner, *shape)`, which is made, or given a wider type, as needed."""
    array = np.asarray(value)
    if out is not None and path and array.shape[1:] != out.shape[1 + len(inner) :]:
        raise EpisodeError(
            f"{path}: its shape changes between rounds, from {out.shape[1 + len(inner) :]} to "
            f"{array.shape[1:]}, so that it cannot be recorded"
        )
    if out is None and not inner and array.ndim and len(array) == length:
        return array  # all rows at once: there is nothing to add to
    if out is None:
        lead = 0 if array.ndim == 0 else 1
        out = np.zeros((length, *inner, *array.shape[lead:]), array.dtype)
    elif out.dtype != array.dtype:
        out = out.astype(np.promote_types(out.dtype, array.dtype), copy=False)
    out[where] = array
    return out


def _masked(array: Array, lacking: NDArray[np.bool_]) -> Array:
    """Mask what lacks, where anything does; `lacking` has the first axes of the array."""
    if not lacking.any():
        return array
    mask = np.broadcast_to(lacking.reshape(*lacking.shape, *[1] * (array.ndim - lacking.ndim)), array.shape)
    return np.ma.MaskedArray(np.where(mask, np.zeros((), array.dtype), array), mask)


def _pad(array: Array, rounds: int, path: str) -> Array:
    """Repeat the last values (rewards: 0) up to a number of rounds."""
    short = rounds - array.shape[1]
    if short == 0:
        return array
    tail = array[:, -1:].repeat(short, axis=1)
    if path in REWARDS:
        return np.concatenate([array, np.zeros_like(tail)], axis=1)
    join: Any = np.ma.concatenate if isinstance(array, np.ma.MaskedArray) else np.concatenate
    padded: Array = join([array, tail], axis=1)
    return padded
