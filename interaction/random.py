"""Reproducible randomness: every draw has an address, and is a function of it and of nothing else.

The address is (seed, episode, round, slot, draw number, length of the draw), and for a simulation
inside an agent also the whole address at which the simulation started. So one episode of a batch gets
the numbers that it would get alone, in any chunk, order, process or machine, and a component that
draws once more does not shift the draws of the others. No two addresses share a number.

The numbers come from the counter-based generator Philox 4x64. Its key holds the seed; its counter holds,
from the lowest word on: the blocks of the episodes one after the other, the draw and its length, the round
and slot, and into how many replicas each episode is parted.

Source: Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError

Key = tuple[int, int]
Shape = tuple[int, ...]

# The slots of a round, one for each method that may draw.
USER_OBSERVATION, USER_INFERENCE, USER_POLICY, USER_TASK = range(4)
ASSISTANT_OBSERVATION, ASSISTANT_INFERENCE, ASSISTANT_POLICY, ASSISTANT_TASK = range(4, 8)
TASK_RESET, USER_RESET, ASSISTANT_RESET = range(8, 11)
OTHER = 15

_BLOCK = 4  # Philox 4x64 gives four numbers for each counter value
_BLOCKS = 2**64  # the first word of the counter; past it the numbers of the next draw begin
_EPISODES = 2**63
_DRAWS = 2**30  # the second word holds the draw, and above it the length
_LENGTH = 30
_LENGTHS = 2**32
_SIMULATION = 1 << 63  # marks, in the second word, the numbers that become the key of a simulation
_OUTSIDE = 1 << 62  # and those that become the key of a generator that is not ours
_SLOTS = 16
_EXACT = 2**53  # up to here floats count one by one
_SPARSE = 300  # drawing a whole span costs as much as addressing one episode in so many


class _Device(threading.local):
    """One Philox for each thread, which is put to an address before each use and so remembers nothing."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(0)
        self.generator = np.random.Generator(self.philox)
        self.counter = np.zeros(4, np.uint64)
        self.key = np.zeros(2, np.uint64)
        self.address: Any = {
            "bit_generator": "Philox",
            "state": {"counter": self.counter, "key": self.key},
            "buffer": np.zeros(4, np.uint64),
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }

    def at(self, key: Key, block: int, draw: int, place: int, replicas: int) -> np.random.Generator:
        self.key[0], self.key[1] = key
        counter = self.counter
        counter[0], counter[1], counter[2], counter[3] = block, draw, place, replicas
        self.philox.state = self.address
        return self.generator


_device = _Device()


@lru_cache(maxsize=1024)
def seed_key(seed: int) -> Key:
    """Give the 128-bit Philox key of a seed."""
    low, high = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    return int(low), int(high)


def check_seed(seed: object) -> int:
    """Give the seed as an int; raise if it is not a non-negative integer."""
    if type(seed) is int and seed >= 0:
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(f"seed: expected a non-negative integer or None, got {seed!r}")
    return int(seed)


def check_stream(rng: object, where: str) -> None:
    """Raise unless what was given as a stream is one of ours."""
    if not isinstance(rng, EpisodeRandom):
        raise ArgumentError(f"{where}: rng: expected a stream, as in EpisodeRandom(seed), got {rng!r}")


def fresh_seed() -> int:
    """Draw a seed from the operating system."""
    import secrets

    return secrets.randbits(63)


def _index(episode: object) -> int:
    """Give the index of an episode as an int; raise if it is none."""
    if isinstance(episode, int | np.integer) and not isinstance(episode, bool) and 0 <= episode < _EPISODES:
        return int(episode)
    raise ArgumentError(f"episode: expected an index >= 0, got {episode!r}; it lies below 2**63")


def _check_indices(episodes: object) -> None:
    ok = isinstance(episodes, np.ndarray) and episodes.ndim == 1 and episodes.dtype.kind in "iu"
    array = np.asarray(episodes)
    if not ok or (array.size and not 0 <= int(array.min()) <= int(array.max()) < _EPISODES):
        raise ArgumentError(
            f"episodes: expected an array of indices >= 0, got {episodes!r}; they lie below 2**63"
        )


def _place_of(place: Any, rows: Any) -> Any:
    """Give the place of one row or of some, where each has its own."""
    if not isinstance(place, np.ndarray):
        return place
    return place[rows] if np.ndim(rows) else int(place[rows])


def whole_numbers(uniform: Any, low: Any, width: Any) -> Any:
    """Give low + floor(uniform · width) exactly, where the width is beyond what floats count one by one."""
    exact = np.frompyfunc(lambda u, start, span: int(start) + min(int(u * int(span)), int(span) - 1), 3, 1)
    return np.asarray(exact(uniform, low, width)).astype(np.int64)


_REMEDIES = {  # what numpy's generators offer, in terms of ours
    "uniform": "low + (high - low) * rng.random()",
    "standard_normal": "rng.normal()",
    "randn": "rng.normal(shape=...)",
    "rand": "rng.random(shape)",
    "randint": "rng.integers(low, high)",
    "choice": (
        "rng.categorical(weights) for an index, with weight 0 for what cannot be drawn, or "
        "items[rng.integers(0, len(items))] of a few items"
    ),
    "permutation": "x[rng.shuffle(len(x))]",
    "binomial": "(rng.random((n,)) < p).sum()",
    "exponential": "-scale * np.log1p(-rng.random())",
}


class _Lacking:
    """A method of numpy's generators that the stream has not.

    A `__getattr__` would tell of any name, but with one Python reads every attribute more slowly.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, stream: EpisodeRandom | None, _: type) -> Any:
        raise lacking(self.name, None)


def lacking(name: str, stream: EpisodeRandom | None) -> AttributeError:
    """Make the error for a name that the stream has not; with the stream, Python suggests another one."""
    remedy = _REMEDIES.get(name)
    write = f"; write {remedy}" if remedy else ""
    return AttributeError(
        f"the stream has no {name!r}{write}. It draws by random, normal, integers, categorical and "
        f"shuffle; rng.generator() gives a numpy Generator, in one episode",
        name=name,
        obj=stream,
    )


class EpisodeRandom:
    """The random stream of one episode, or of the rows of a batch, as a component's method gets it.

    With `episodes=None` there is one episode, and a draw gives a plain number, or an array of `shape`.
    Otherwise there is one row for each entry of `episodes`, and a draw has the shape `(rows, *shape)`;
    `rows` is their number, and None in a single episode.
    Rows of the same episode and replica get the same numbers: `replica` tells which of its episode's
    `replicas` each row is, or is None where each episode is one.

    `place` (round and slot) and `draw` (the number of the next draw) are its address; the engine sets
    them before each call of a component, by `at` or, where every nanosecond counts, in place. Where the rows
    are in different rounds, `place` is an array with an entry for each.

    >>> import numpy as np
    >>> from interaction import EpisodeRandom
    >>> rng = EpisodeRandom(seed=0, episode=2)
    >>> round(rng.random(), 3), rng.integers(1, 7)
    (0.077, 6)
    >>> many = EpisodeRandom(seed=0, episodes=np.arange(4))  # row 2 gets the numbers of episode 2
    >>> many.random().round(3), many.integers(1, 7)
    (array([0.031, 0.11 , 0.077, 0.729]), array([2, 1, 6, 3]))
    """

    __slots__ = (
        "_index",
        "_key",
        "_origin",
        "draw",
        "episode",
        "episodes",
        "place",
        "replica",
        "replicas",
        "rows",
    )

    def __init__(
        self,
        seed: int = 0,
        episode: int = 0,
        episodes: NDArray[np.int64] | None = None,
    ) -> None:
        if type(episode) is not int or not 0 <= episode < _EPISODES:
            episode = _index(episode)
        if episodes is not None:
            _check_indices(episodes)
            episodes = episodes.astype(np.int64, copy=False)
        self._key: Key | None = seed_key(check_seed(seed))
        self._origin: tuple[EpisodeRandom, int, int] | None = None
        self._locate(episode, episodes, None, 1)

    def _locate(
        self,
        episode: int,
        episodes: NDArray[np.int64] | None,
        replica: NDArray[np.int64] | None,
        replicas: int,
    ) -> None:
        self.episode, self.episodes, self.replica, self.replicas = episode, episodes, replica, replicas
        self.rows = None if episodes is None else len(episodes)
        self._index: tuple[int, int, NDArray[np.int64] | None] | None = None
        self.place, self.draw = OTHER, 0

    # Addressing: what the engine does.

    @property
    def batched(self) -> bool:
        """Whether draws have a leading axis of rows."""
        return self.episodes is not None

    def at(self, round_index: int, slot: int) -> EpisodeRandom:
        """Move to the first draw of a slot (0 to 15) of a round."""
        if round_index < 0 or not 0 <= slot < _SLOTS:
            raise ArgumentError(
                f"rng.at: expected a round >= 0 and a slot from 0 to 15, got {round_index!r} and {slot!r}"
            )
        self.place = round_index << 4 | slot
        self.draw = 0
        return self

    def _copy(
        self,
        episode: int,
        episodes: NDArray[np.int64] | None,
        replica: NDArray[np.int64] | None,
        replicas: int,
    ) -> EpisodeRandom:
        copy = object.__new__(type(self))
        copy._key, copy._origin = self._key, self._origin
        copy._locate(episode, episodes, replica, replicas)
        copy.place, copy.draw = self.place, self.draw
        return copy

    def copy(self) -> EpisodeRandom:
        """Give an independent handle at the same address."""
        return self._copy(self.episode, self.episodes, self.replica, self.replicas)

    def select(self, rows: NDArray[Any]) -> EpisodeRandom:
        """Give the stream of some rows (a mask or indices) of a batch."""
        assert self.episodes is not None
        replica = None if self.replica is None else self.replica[rows]
        some = self._copy(0, self.episodes[rows], replica, self.replicas)
        some.place = _place_of(self.place, rows)
        return some

    def row(self, row: int) -> EpisodeRandom:
        """Give the stream of one row of a batch, as that of a single episode."""
        assert self.episodes is not None
        replica = None if self.replica is None else self.replica[row : row + 1]
        one = self._copy(int(self.episodes[row]), None, replica, self.replicas)
        one.place = _place_of(self.place, row)
        return one

    def simulation(self) -> EpisodeRandom:
        """Give the stream of a simulation that starts here; it shares no draw with any other stream.

        >>> from interaction import EpisodeRandom
        >>> rng = EpisodeRandom(seed=0)
        >>> inside = rng.simulation()
        >>> round(inside.random(), 3), round(rng.random(), 3)
        (0.576, 0.294)
        """
        child = object.__new__(type(self))
        draw = self.draw
        child._key, child._origin = None, (self, self.place, draw)
        child.episode, child.episodes = self.episode, self.episodes
        child.rows, child._index = self.rows, self._index
        child.replica, child.replicas = self.replica, self.replicas
        child.place, child.draw = OTHER, 0
        self.draw = draw + 1
        return child

    def repeat(self, count: int, common: bool = True) -> EpisodeRandom:
        """Give `count` rows for each row (candidate values), with common random numbers or their own.

        >>> from interaction import EpisodeRandom
        >>> EpisodeRandom(seed=0).repeat(3).random().round(3)
        array([0.031, 0.031, 0.031])
        >>> EpisodeRandom(seed=0).repeat(3, common=False).random().round(3)
        array([0.437, 0.684, 0.397])
        """
        if not common:
            return self.part(0, count, count)
        replica = None if self.replica is None else np.repeat(self.replica, count)
        return self._copy(0, self._repeated(count), replica, self.replicas)

    def _repeated(self, count: int) -> NDArray[np.int64]:
        if self.episodes is None:
            return np.full(count, self.episode, np.int64)
        return np.repeat(self.episodes, count)

    def part(self, first: int, count: int, of: int) -> EpisodeRandom:
        """Give `count` rows from `first` on, of `of` for each row that have their own numbers."""
        episodes = self._repeated(count)
        outer = 1 if self.episodes is None else len(self.episodes)
        replica = np.tile(np.arange(first, first + count, dtype=np.int64), outer)
        if self.replica is not None:
            replica += np.repeat(self.replica, count) * of
        replicas = self.replicas * of
        last = int(episodes.max()) if len(episodes) else 0
        if (last + 1) * replicas >= _BLOCKS // 2:
            raise ArgumentError(
                f"rng.repeat: expected (episode + 1) · replicas below {_BLOCKS // 2:,}, got "
                f"{last + 1:,} · {replicas:,}"
            )
        return self._copy(0, episodes, replica, replicas)

    def _full_key(self) -> Key:
        """Compute the key of a simulation from the address at which it started, once it is needed."""
        if self._key is None:
            assert self._origin is not None
            parent, round_slot, draw = self._origin
            device = _device.at(parent._full_key(), 0, draw | _SIMULATION, round_slot, 0)
            low, high = device.bit_generator.random_raw(2)
            self._key = int(low), int(high)
        return self._key

    # Drawing: what a component does.

    def random(self, shape: int | Shape = ()) -> Any:
        """Draw uniformly from [0, 1).

        Gives a number, or an array of `shape`; in a batch `(rows, *shape)`.
        Raises `ArgumentError` for a shape that is none.

        >>> from interaction import EpisodeRandom
        >>> rng = EpisodeRandom(seed=0)
        >>> rng.random((3,)).round(3)
        array([0.861, 0.128, 0.401])
        """
        shape = shape if isinstance(shape, tuple | list | str) else (shape,)
        size = 1
        for length in shape:
            if not isinstance(length, int | np.integer) or isinstance(length, bool) or length < 0:
                raise ArgumentError(f"rng.random: expected lengths >= 0, got shape={shape!r}")
            size *= length
        draw = self.draw
        self.draw = draw + 1
        if draw >= _DRAWS or size >= _LENGTHS:
            raise ArgumentError(
                f"rng.random: a method has up to {_DRAWS:,} draws of less than {_LENGTHS:,} numbers; this is "
                f"draw {draw:,}, of {size:,}"
            )
        if self.episodes is None:
            values = self._one(self._line(), size, draw)
            return float(values[0]) if not shape else values.reshape(shape)
        values = self._rows(size, draw)
        return values[:, 0] if not shape else values.reshape(len(values), *shape)

    def random_for(self, rows: NDArray[Any], shape: int | Shape) -> Any:
        """Draw for all rows of a batch what only these rows need."""
        return self.random(shape)

    def _line(self) -> int:
        """Number an episode or, where episodes are parted into replicas, one of these."""
        if self.replica is None:
            return self.episode
        return self.episode * self.replicas + int(self.replica[0])

    def _one(self, line: int, size: int, draw: int) -> NDArray[np.float64]:
        """The numbers of one line: `(size,)`. Draws of one number share a block of four lines."""
        if size == 1:
            block, offset = divmod(line, _BLOCK)
            generator = _device.at(self._full_key(), block, draw | 1 << _LENGTH, self.place, self.replicas)
            return generator.random(offset + 1)[offset:]
        whole: NDArray[np.float64] = self._span(line, 1, size, draw)[0]
        return whole

    def _span(self, first: int, count: int, size: int, draw: int) -> NDArray[np.float64]:
        """The numbers of lines that follow each other: `(count, size)`."""
        stride = -(-size // _BLOCK)
        block, offset = divmod(first, _BLOCK) if size == 1 else (first * stride, 0)
        if (first + count) * stride > _BLOCKS:
            raise ArgumentError(
                f"rng.random: expected fewer than {_BLOCKS // stride:,} episodes (times replicas) for draws "
                f"of {size:,} numbers, got index {first + count - 1:,}"
            )
        address = draw | size << _LENGTH
        generator = _device.at(self._full_key(), block, address, self.place, self.replicas)
        if size == 1:
            return generator.random(offset + count)[offset:, None]
        return generator.random((count, stride * _BLOCK))[:, :size]

    def _rows(self, size: int, draw: int) -> NDArray[np.float64]:
        """The numbers of all rows of the batch: `(rows, size)`."""
        assert self.episodes is not None
        rows = len(self.episodes)
        if rows == 0:
            return np.empty((0, size))
        places: Any = self.place
        if isinstance(places, np.ndarray):  # rows in different rounds
            values = np.empty((rows, size))
            for place in np.unique(places):
                chosen = np.flatnonzero(places == place)
                part = self.select(chosen)
                part.place = int(place)
                values[chosen] = part._rows(size, draw)
            return values
        if self._index is None:
            lines = self.episodes
            if self.replica is not None:
                lines = lines * self.replicas + self.replica
            first, last = int(lines.min()), int(lines.max())
            span = last - first + 1
            offsets = lines - first
            whole = span == len(offsets) and bool((offsets == np.arange(span)).all())
            self._index = first, span, None if whole else offsets
        first, span, index = self._index
        if index is not None and span > _SPARSE * len(index):
            return np.stack([self._one(first + int(line), size, draw) for line in index])
        values = self._span(first, span, size, draw)
        return values if index is None else values.take(index, 0)

    def key(self) -> Key:
        """Draw 128 bits for a generator that is not ours. One episode only."""
        if self.episodes is not None:
            raise ArgumentError(
                "rng.key: a batch has no single key; a component that needs one is batched = False"
            )
        draw, self.draw = self.draw, self.draw + 1
        device = _device.at(self._full_key(), self._line(), draw | _OUTSIDE, self.place, self.replicas)
        low, high = device.bit_generator.random_raw(2)
        return int(low), int(high)

    def drawn(self) -> None:
        """Take note that a generator with a key of this stream was drawn from, where a stream forbids it."""

    def generator(self) -> np.random.Generator:
        """Give a numpy `Generator` with numbers of its own, for code that wants one.

        Raises `ArgumentError` in a batch: a component that needs one is `batched = False`.

        >>> from interaction import EpisodeRandom
        >>> EpisodeRandom(seed=0).generator().poisson(3.0, size=5)
        array([2, 3, 3, 3, 7])
        """
        return np.random.Generator(np.random.Philox(key=np.array(self.key(), np.uint64)))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, shape: int | Shape = ()) -> Any:
        """Draw from a normal distribution, by its inverse distribution function.

        Gives a number, or an array of `shape`; in a batch `(rows, *shape)`. `scale` is the standard
        deviation. Raises `ArgumentError` for one below zero.

        >>> from interaction import EpisodeRandom
        >>> EpisodeRandom(seed=0).normal(250.0, 40.0, shape=3).round(1)
        array([293.4, 204.5, 239.9])
        """
        from scipy.special import ndtri

        if np.any(np.asarray(scale) < 0):
            raise ArgumentError(f"rng.normal: expected scale >= 0, got {scale!r}")
        standard = ndtri(np.maximum(self.random(shape), 2.0**-54))
        value = loc + scale * standard
        return float(value) if np.ndim(value) == 0 else value

    def integers(self, low: int, high: int, shape: int | Shape = ()) -> Any:
        """Draw integers uniformly from low, …, high - 1.

        Gives a number, or an array of `shape`; in a batch `(rows, *shape)`.
        Raises `ArgumentError` unless both are integers, with low < high.

        >>> from interaction import EpisodeRandom
        >>> EpisodeRandom(seed=0).integers(1, 7, shape=5)
        array([5, 3, 2, 5, 3])
        """
        if not isinstance(low, int | np.integer) or not isinstance(high, int | np.integer) or high <= low:
            raise ArgumentError(f"rng.integers: expected integers low < high, got low={low!r}, high={high!r}")
        uniform = self.random(shape)
        if isinstance(uniform, float):
            return int(low) + int(uniform * (high - low))
        if high - low > _EXACT:
            return whole_numbers(uniform, low, high - low)
        return low + (uniform * (high - low)).astype(np.int64)

    def categorical(self, probabilities: Any) -> Any:
        """Draw an index from weights on the last axis, `(n,)` or `(rows, n)`; they need not sum to one.

        Raises `ArgumentError` for weights that are not finite, lie below zero, or are all zero.

        >>> from interaction import EpisodeRandom
        >>> rng = EpisodeRandom(seed=0)
        >>> [rng.categorical([1, 0, 3]) for _ in range(8)]
        [0, 2, 2, 2, 0, 2, 2, 2]
        """
        weights = np.asarray(probabilities, float)
        with np.errstate(over="ignore"):
            cumulated = np.cumsum(weights, axis=-1)
        total = cumulated[..., -1:]
        if weights.size == 0 or not (weights.min() >= 0 and (total > 0).all() and np.isfinite(total).all()):
            raise ArgumentError(
                f"rng.categorical: expected finite weights >= 0 with a positive sum, got {probabilities!r}"
            )
        uniform = np.asarray(self.random())[..., None]
        reached = uniform * total >= cumulated
        index = (reached & (cumulated < total)).sum(axis=-1)  # never beyond the last weight above zero
        return int(index) if index.ndim == 0 else index

    def shuffle(self, n: int) -> NDArray[np.int64]:
        """Draw a permutation of 0, …, n - 1; its first k entries are a sample without replacement.

        Raises `ArgumentError` for anything but a number n >= 0.

        >>> import numpy as np
        >>> from interaction import EpisodeRandom
        >>> words = np.array(["open", "save", "quit", "help"])
        >>> words[EpisodeRandom(seed=0).shuffle(4)]
        array(['help', 'open', 'save', 'quit'], dtype='<U4')
        """
        if np.ndim(n) != 0 or n < 0:
            raise ArgumentError(
                f"rng.shuffle: expected a number n >= 0, for a permutation of 0 to n - 1, got {n!r}; for an "
                "array x write x[rng.shuffle(len(x))]"
            )
        return np.argsort(self.random((n,)), axis=-1, kind="stable")


for _name in {*_REMEDIES, *dir(np.random.Generator)}:
    if not _name.startswith("_") and not hasattr(EpisodeRandom, _name):
        setattr(EpisodeRandom, _name, _Lacking(_name))
