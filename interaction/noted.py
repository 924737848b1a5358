"""Streams that take note when they are drawn from: so one can tell whether anything depends on chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.random import EpisodeRandom, Key
from interaction.state import State, Value, flatten

Array = NDArray[Any]
_PLAIN = 4  # streams as they are; a rare outcome need not come in any of them
_RARE = 2.0**-20  # so near to 0 and to 1 are the first numbers of the others
_FIRST = 64  # so many draws; were it all, who draws until something fits would never come to an end
_EDGES = ((0, 0), (1, 1), (0, 1), (1, 0))  # low or high, of draws with even and with odd numbers


class Note:
    """Which of the rows that began with it have drawn anything."""

    def __init__(self, rows: int | None) -> None:
        self.rows = np.zeros(rows or 1, bool)

    @property
    def drew(self) -> bool:
        """Whether anything was drawn at all."""
        return bool(self.rows.any())

    def asked(self) -> bool:
        """Say it, and begin anew."""
        drew, self.rows = self.drew, np.zeros_like(self.rows)
        return drew


class Noted(EpisodeRandom):
    """A stream with the numbers of another one, which notes when it, or what comes of it, is drawn from.

    `notes` holds each note with the row in it of each row of the stream.
    """

    __slots__ = ("notes",)

    notes: tuple[tuple[Note, Array], ...]

    def random(self, shape: Any = ()) -> Any:
        self.drawn()
        return super().random(shape)

    def random_for(self, rows: Array, shape: Any) -> Any:
        for note, of in self.notes:
            note.rows[of[rows]] = True
        return super().random(shape)

    def key(self) -> Key:
        self.drawn()
        return super().key()

    def drawn(self) -> None:
        for note, of in self.notes:
            note.rows[of] = True

    def simulation(self) -> Noted:
        return self._noting(super().simulation(), lambda of: of)

    def copy(self) -> Noted:
        return self._noting(super().copy(), lambda of: of)

    def select(self, rows: Array) -> Noted:
        return self._noting(super().select(rows), lambda of: of[rows])

    def row(self, row: int) -> Noted:
        return self._noting(super().row(row), lambda of: of[row : row + 1])

    def repeat(self, count: int, common: bool = True) -> Noted:
        return self._noting(super().repeat(count, common), lambda of: np.repeat(of, count))

    def _noting(self, stream: EpisodeRandom, change: Callable[[Array], Array]) -> Noted:
        assert isinstance(stream, Noted)
        stream.notes = tuple((note, change(of)) for note, of in self.notes)
        return stream


def noted(rng: EpisodeRandom) -> tuple[EpisodeRandom, Note]:
    """Give a stream at the same address, and a note that tells which of its rows were drawn from.

    A stream of a kind of its own, such as one from which nothing may be drawn, stays what it is.
    """
    note = Note(rng.rows)
    if type(rng) is EpisodeRandom:
        stream: Any = object.__new__(Noted)
        stream._key, stream._origin = rng._key, rng._origin
        stream._locate(rng.episode, rng.episodes, rng.replica, rng.replicas)
        stream._index, stream.place, stream.draw, stream.notes = rng._index, rng.place, rng.draw, ()
    else:
        stream = rng.copy()
    if isinstance(stream, Noted):
        stream.notes = (*stream.notes, (note, np.arange(len(note.rows))))
    return stream, note


def unnoted(rng: EpisodeRandom) -> EpisodeRandom:
    """Give a stream at the same address of which nothing is noted: for what is tried, and changes nothing."""
    stream = rng.copy()
    if isinstance(stream, Noted):
        stream.notes = ()
    return stream


class _Probe(Noted):
    """A noted stream whose first numbers are rare ones, where it has an edge."""

    __slots__ = ("edge",)

    def __init__(self, seed: int, episodes: Array, note: Note, edge: tuple[int, int] | None = None) -> None:
        super().__init__(seed, episodes=episodes)
        self.notes, self.edge = ((note, np.arange(len(episodes))),), edge

    def random(self, shape: Any = ()) -> Any:
        number = self.draw
        values = super().random(shape)
        if self.edge is None or number >= _FIRST:
            return values
        rare = 1 - _RARE if self.edge[number % 2] else _RARE
        return np.full_like(values, rare) if isinstance(values, np.ndarray) else rare

    def random_for(self, rows: Array, shape: Any) -> Any:
        return self.random(shape)

    def _noting(self, stream: EpisodeRandom, change: Callable[[Array], Array]) -> Noted:
        assert isinstance(stream, _Probe)
        stream.edge = self.edge
        return super()._noting(stream, change)


def probes(rows: int) -> tuple[list[EpisodeRandom], Note]:
    """Give streams of so many episodes that show what depends on a draw, and the note that they share.

    What comes out alike in all of them is taken for what does not depend on it. In some the first numbers
    are the lowest or the highest, so that also what is rarely drawn comes.
    """
    note, episodes = Note(rows), np.arange(rows)
    streams: list[EpisodeRandom] = [_Probe(seed, episodes, note) for seed in range(_PLAIN)]
    return streams + [_Probe(_PLAIN, episodes, note, edge) for edge in _EDGES], note


def agreed(states: Sequence[State]) -> dict[str, Value]:
    """Give the values that are the same in all states."""
    first, *others = (dict(flatten(state)) for state in states)
    return {
        path: value
        for path, value in first.items()
        if not any(np.any((one[path] != value) & ~_both_nan(one[path], value)) for one in others)
    }


def _both_nan(one: Value, other: Value) -> Any:
    return np.not_equal(one, one) & np.not_equal(other, other)
