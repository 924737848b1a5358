"""Random streams in lifted methods, and the door to what takes whole batches."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from interaction.batching.lifted import SHARED, Lifted
from interaction.batching.runs import Run
from interaction.batching.selection import by_rows
from interaction.batching.states import lift_now, lower
from interaction.errors import ArgumentError, BatchError
from interaction.random import EpisodeRandom, check_stream

Array = NDArray[Any]


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
        self._locate(0, None, None, 1)
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
        try:
            found = function(*given, **more)
        except BatchError:
            raise
        except Exception as error:  # of some episodes, which the method may catch
            name = getattr(function, "__name__", "what is asked")
            raise self.run.fail(f"{name} raises {type(error).__name__} in an episode") from error
        self.draw = stream.draw
        return lift_now(self.run, found)

    def random(self, shape: Any = ()) -> Any:
        run = self.run
        shape = _plain_shape(shape)
        size = math.prod(shape)
        key = self.draw, size
        self.draw += 1
        data = self.kept.get(key)
        if data is None or type(self.stream) is not EpisodeRandom:
            data = self.kept[key] = np.ascontiguousarray(self._drawn(*key).T)
        narrowed = len(run.rows) != run.total
        data = data.take(run.rows, -1) if narrowed else data
        if not shape:
            return Lifted(run, data, plain=True)
        data = data.reshape(*shape, len(run.rows))
        return Lifted(run, data, own=True if narrowed else SHARED)

    def _drawn(self, draw: int, size: int) -> Array:
        """Draw for all episodes of the call; who gave the stream goes on from where it stood."""
        stream = self.stream
        stood, stream.draw = stream.draw, draw
        try:
            drawn: Array = stream.random_for(self.run.rows, size if size != 1 else ())
        finally:
            stream.draw = stood
        return drawn

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, shape: Any = ()) -> Any:
        from scipy.special import ndtri

        if np.any(np.less(scale, 0)):
            raise self.run.fail("rng.normal got a scale below zero")
        standard: Any = ndtri(np.maximum(self.random(shape), 2.0**-54))
        value: Any = np.add(loc, np.multiply(scale, standard))
        return value.__frozen__() if value.ndim == 0 else value

    def integers(self, low: Any, high: Any, shape: Any = ()) -> Any:
        if type(low) is int and type(high) is int and 0 < high - low <= 2**53 and abs(low) < 2**62:
            drawn = self.random(shape)
            whole = (drawn.now() * (high - low)).astype(np.int64)
            whole += low
            return Lifted(self.run, whole, plain=drawn.plain, own=None if drawn.plain else True)
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


def is_lifted(rng: object, asked: object, method: str) -> TypeGuard[LiftedRandom]:
    """Say whether a stream is that of a lifted method.

    Raises `ArgumentError` for what is no stream, and for that of a batch of no episodes.
    """
    if type(rng) is LiftedRandom:
        return True
    if not isinstance(rng, EpisodeRandom) or rng.rows == 0:
        where = f"{type(asked).__name__}.{method}"
        check_stream(rng, where)
        raise ArgumentError(
            f"{where}: rng: expected the stream of an episode or more, got that of a batch of none"
        )
    return False


def _plain_shape(shape: Any) -> tuple[int, ...]:
    return tuple(map(int, shape)) if type(shape) is tuple else (int(shape),)
