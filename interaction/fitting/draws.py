"""Streams that find out whether anything is drawn: by users, who must not, and by tasks, who may."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from interaction.errors import LatentDrawError
from interaction.random import EpisodeRandom
from interaction.state import State, Value, flatten

_PLAIN = 4  # streams as they are; a rare outcome need not come in any of them
_RARE = 2.0**-20  # so near to 0 and to 1 are the first numbers of the others
_FIRST = 64  # so many draws; were it all, who draws until something fits would never come to an end
_EDGES = ((0, 0), (1, 1), (0, 1), (1, 0))  # low or high, of draws with even and with odd numbers


class NoDraw(EpisodeRandom):
    """A stream for users that must not draw: their likelihood would depend on what they drew."""

    def random(self, shape: Any = ()) -> NoReturn:
        self.drawn()

    def key(self) -> NoReturn:
        self.drawn()

    def drawn(self) -> NoReturn:
        raise LatentDrawError(
            "the user draws random numbers while it observes or infers, so that the probability of its "
            'actions depends on more than its parameters: write method="particles" (in model_recovery '
            'criterion="marginal_likelihood"), which estimates it by particles that each draw their own; '
            "all else needs it to be exact"
        )


class Note:
    """Whether anything was drawn since it was last asked."""

    def __init__(self) -> None:
        self.drew = False

    def asked(self) -> bool:
        """Say it, and begin anew."""
        drew, self.drew = self.drew, False
        return drew


class Probe(EpisodeRandom):
    """A stream that takes note when it is drawn from; with an edge, its first numbers are rare ones."""

    __slots__ = ("edge", "note")

    def __init__(
        self, seed: int, episodes: NDArray[np.int64], note: Note, edge: tuple[int, int] | None = None
    ) -> None:
        super().__init__(seed, episodes=episodes)
        self.note, self.edge = note, edge

    def random(self, shape: Any = ()) -> Any:
        self.note.drew = True
        number = self.draw
        values = super().random(shape)
        if self.edge is None or number >= _FIRST:
            return values
        rare = 1 - _RARE if self.edge[number % 2] else _RARE
        return np.full_like(values, rare) if isinstance(values, np.ndarray) else rare

    def key(self) -> tuple[int, int]:
        self.note.drew = True
        return super().key()

    def drawn(self) -> None:
        self.note.drew = True

    def simulation(self) -> Probe:
        child: Any = super().simulation()
        child.note, child.edge = self.note, self.edge
        return child  # type: ignore[no-any-return]

    def _copy(self, *address: Any) -> Probe:
        twin: Any = super()._copy(*address)
        twin.note, twin.edge = self.note, self.edge
        return twin  # type: ignore[no-any-return]


def probes(rows: int) -> tuple[list[EpisodeRandom], Note]:
    """Give streams of so many episodes that show what depends on a draw, and the note that they share.

    What comes out alike in all of them is taken for what does not depend on it. In some the first numbers
    are the lowest or the highest, so that also what is rarely drawn comes.
    """
    note, episodes = Note(), np.arange(rows)
    streams: list[EpisodeRandom] = [Probe(seed, episodes, note) for seed in range(_PLAIN)]
    return streams + [Probe(_PLAIN, episodes, note, edge) for edge in _EDGES], note


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
