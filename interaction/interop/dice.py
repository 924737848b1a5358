"""Random numbers of ours for code that draws in ways of its own.

Such code has numpy generators, calls `numpy.random.choice` or `random.random`. A `Dice` stands in for all of
them: each call of a component gets the numbers of its own address, and the global generators are left as they
were.
"""

from __future__ import annotations

import ctypes
import random
from typing import Any

import numpy as np
from numpy.random import mtrand

from interaction.random import EpisodeRandom

_default_rng = np.random.default_rng

Held = tuple[Any, Any, Any]
"""What is needed to put the global generators back."""

_KEY_LENGTH = 624  # of numpy's Mersenne Twister, whose position lies behind its key


class Dice:
    """The generators that stand in for those of a component; they all draw from one source."""

    def __init__(self) -> None:
        self._philox = np.random.Philox(0)
        self._address = self._philox.state
        self.generator = np.random.Generator(self._philox)
        self.legacy = np.random.RandomState(self._philox)
        self.python = random.Random(0)

    def begin(self, rng: EpisodeRandom, python: bool) -> Held:
        """Have all draws come from a stream; with `python`, also those of Python's global generator."""
        key = EpisodeRandom.key(rng)  # which is no draw: whether anything is drawn with it is found out later
        np.random.default_rng = self._default_rng
        self._address["state"]["key"][:] = key
        self._philox.state = self._address
        if not python:
            return _numpy.hold(self._philox), None, None
        state = random.getstate()
        random.seed(key[0])
        self.python.seed(key[1])
        return _numpy.hold(self._philox), state, key

    def moved(self, held: Held) -> bool:
        """Say whether anything was drawn since `begin`."""
        now: Any = self._philox.state
        if (
            now["state"]["counter"].any()
            or now["buffer_pos"] != self._address["buffer_pos"]
            or now["has_uint32"]
        ):
            return True
        if held[2] is None:
            return False
        seeded = random.Random(held[2][0]).getstate(), random.Random(held[2][1]).getstate()
        return (random.getstate(), self.python.getstate()) != seeded

    def _default_rng(self, seed: Any = None) -> np.random.Generator:
        """Stand in for `numpy.random.default_rng`, which their spaces call whenever they are cut or made."""
        return self.generator if seed is None else _default_rng(seed)

    @staticmethod
    def end(held: Held) -> None:
        """Put the global generators back as they were."""
        np.random.default_rng = _default_rng
        _numpy.release(held[0])
        if held[1] is not None:
            random.setstate(held[1])


class _GlobalNumpy:
    """Swaps the source of numpy's global functions; the number that the swap would lose is put back.

    To swap takes 0.4 microseconds, to ask for the global state 26. What the swap loses is the second of a
    pair of normal numbers that waits for its turn; since one can only wait after a draw, the state is asked
    for only where the generator has moved since it was asked last.
    """

    def __init__(self) -> None:
        self._source: Any = None
        self._view: Any = None
        self._seen: tuple[int, int] | None = None

    def hold(self, source: Any) -> tuple[Any, Any]:
        own = mtrand.get_bit_generator()
        waiting = None
        seen = self._position(own)
        if seen is None or seen != self._seen:
            state: Any = np.random.get_state(legacy=False)  # noqa: NPY002  # theirs, kept as it is
            if state["has_gauss"]:
                waiting = state
            else:
                self._seen = seen
        mtrand.set_bit_generator(source)
        return own, waiting

    @staticmethod
    def release(before: tuple[Any, Any]) -> None:
        own, waiting = before
        mtrand.set_bit_generator(own)
        if waiting is not None:
            np.random.set_state(waiting)  # noqa: NPY002  # and put back

    def _position(self, source: Any) -> tuple[int, int] | None:
        """Where the generator is, if it is the usual one."""
        if not isinstance(source, np.random.MT19937):
            return None
        if source is not self._source:
            address = source.ctypes.state_address
            self._source = source
            self._view = (ctypes.c_uint32 * (_KEY_LENGTH + 1)).from_address(address)
            self._seen = None
        return self._view[_KEY_LENGTH], self._view[0]


_numpy = _GlobalNumpy()
