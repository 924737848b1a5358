"""How a component is played inside a batch: on arrays, episode by episode, or found out by a probe.

Each way is a function around one method of a component; the turns call it as they call the method.
"""

from __future__ import annotations

import linecache
import logging
import traceback
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from interaction.agent import Assistant, User
from interaction.component import Component
from interaction.errors import BatchError, InteractionError
from interaction.opening import game_spaces
from interaction.players import Adapt, Method, Players, components, seat_players
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space, leaves, shape_of
from interaction.state import State, Value, make, same
from interaction.task import InteractionTask

logger = logging.getLogger("interaction")

_PRIMES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41)
T = TypeVar("T")


# Taking a batch apart, and putting it together again.


def row_of(value: Value, row: Any, memo: dict[int, Value] | None = None) -> Value:
    """Give the part of a batched value that belongs to one row (an int), or to some (indices)."""
    if isinstance(value, State):
        return make(type(value), {name: row_of(part, row, memo) for name, part in value.__dict__.items()})
    if isinstance(value, np.ndarray):
        if memo is not None:
            if id(value) not in memo:
                memo[id(value)] = _read_only(value[row])
            return memo[id(value)]
        part = value[row]
        return part.item() if part.ndim == 0 else _read_only(part)
    if isinstance(value, tuple):
        return tuple(row_of(part, row, memo) for part in value)
    return value


def _read_only(array: Value) -> Value:
    array.setflags(write=False)
    return array


def stack(results: list[Any]) -> Any:
    """Put the results of single episodes together: `(rows, *shape)` for each number or array."""
    first = results[0]
    if isinstance(first, State):
        if any(not isinstance(result, State) or result.keys() != first.keys() for result in results):
            raise BatchError(f"the episodes of a batch gave states of different fields, the first {first!r}")
        return make(type(first), {name: stack([result[name] for result in results]) for name in first})
    if isinstance(first, tuple):
        parts = [stack(list(column)) for column in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    empty = [result is None for result in results]
    if all(empty):
        return None
    if any(empty):
        raise BatchError(
            "the episodes of a batch gave None in some episodes and a value in others; "
            "give a number that stands for nothing, such as -1"
        )
    return _read_only(np.array(results))


def looped(method: Method) -> Method:
    """Play a method episode by episode inside a batch."""

    def call(*arguments: Any) -> Any:
        *values, rng = arguments
        rows = rng.rows
        if rows is None:
            return method(*arguments)
        return stack([method(*[row_of(value, row) for value in values], rng.row(row)) for row in range(rows)])

    return call


def leading(method: Method, template: Any) -> Method:
    """Give arrays that are the same for all episodes a leading axis, as `template` says their shapes."""

    def call(*arguments: Any) -> Any:
        rows = arguments[-1].rows
        return method(*arguments) if rows is None else _lead(method(*arguments), template, rows)

    return call


def _lead(value: Any, template: Any, rows: int) -> Any:
    if isinstance(template, tuple):
        parts = [_lead(part, inner, rows) for part, inner in zip(value, template, strict=False)]
        parts += list(value)[len(parts) :]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(template, Dict) and isinstance(value, State):
        return make(
            type(value), {name: _lead(part, template.spaces.get(name), rows) for name, part in value.items()}
        )
    shape = shape_of(template) if isinstance(template, Space) else None
    if shape and isinstance(value, np.ndarray) and value.shape == shape:
        return _read_only(np.broadcast_to(value, (rows, *shape)))
    return value


def _lead_as(value: Any, single: Any, rows: int) -> Any:
    """The same for values without a space: `single` is what one episode gives."""
    if isinstance(value, State) and isinstance(single, State):
        return make(
            type(value),
            {name: _lead_as(part, single.__dict__.get(name), rows) for name, part in value.items()},
        )
    if isinstance(value, np.ndarray) and isinstance(single, np.ndarray) and value.ndim == single.ndim:
        return _read_only(np.broadcast_to(value, (rows, *value.shape)))
    return value


def leading_observation(method: Method) -> Method:
    """The same for an observation engine, whose shapes are learnt from one episode."""
    examples: dict[str, State] = {}

    def call(game: State, rng: EpisodeRandom) -> Any:
        rows = rng.rows
        if rows is None:
            return method(game, rng)
        if "observation" not in examples:
            examples["observation"] = method(row_of(game, 0), rng.row(0))[0]
        observation, reward = method(game, rng)
        return _lead_as(observation, examples["observation"], rows), reward

    return call


# Finding out.


class Verdicts:
    """What has been found out of components that do not say whether they accept a batch."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[weakref.ref[Component], bool]] = {}

    def get(self, component: Component) -> bool | None:
        reference, verdict = self._found.get(id(component), (None, None))
        return verdict if reference is not None and reference() is component else None

    def set(self, component: Component, verdict: bool) -> None:
        key = id(component)
        self._found[key] = weakref.ref(component, lambda _: self._found.pop(key, None)), verdict


_verdicts = Verdicts()


class RefusalError(Exception):
    """A component that promised nothing turned out not to accept a batch: the run is to be repeated."""

    def __init__(self, component: Component) -> None:
        super().__init__(type(component).__name__)
        self.component = component


def probed(component: Component, method: Method, probe_rows: int, lengths: set[int]) -> Method:
    """Play a method on the batch, and each call also episode by episode, on a prime number of rows.

    Every call is tried, since a reduction over the wrong axes may be right for many rounds and wrong in one,
    without raising anything. That costs up to two thirds of the speed, until the component promises
    `batched = True`. Where the batch has as many rows as some vector has entries, in which a missing axis
    could fit by accident, the method is played episode by episode.
    Raises `RefusalError` when the batch raises, or when the two differ in any bit.
    """

    def call(*arguments: Any) -> Any:
        *values, rng = arguments
        if rng.rows is None or rng.rows == 0:
            return method(*arguments)
        if rng.rows in lengths:
            return looped(method)(*arguments)
        rows = np.arange(probe_rows) * rng.rows // probe_rows
        part = [row_of(value, rows, {}) for value in values]
        few = rng.select(rows)
        singly = looped(method)(*part, few.copy())
        try:
            together = method(*part, few)
            whole = method(*arguments)
        except RefusalError:
            raise
        except Exception as error:
            refuse(component, _construct(error))
            raise RefusalError(component) from error
        if not equal_bits(singly, together):
            refuse(component, f"{method.__name__} gives other values for a batch than for single episodes")
            raise RefusalError(component)
        return whole

    return call


def refuse(component: Component, reason: str) -> None:
    """Remember, and say once, that a component is played episode by episode."""
    if _verdicts.get(component) is not False:
        _verdicts.set(component, False)
        logger.warning(
            "%s is played episode by episode inside batches: %s. "
            "Write it with operators and numpy.where to play faster, or mark it batched = False.",
            type(component).__name__,
            reason,
        )


def _construct(error: BaseException) -> str:
    """Say which line of source a batch failed at."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "numpy" not in frame.filename and "<" not in frame.filename]
    frame = own[-1] if own else frames[-1]
    line = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
    return f"`{line}` ({frame.filename}, line {frame.lineno}) raised {type(error).__name__}: {error}"


def equal_bits(singly: Any, together: Any) -> bool:
    """Whether the batch gave what the single episodes gave; a plain number stands for all episodes."""
    if isinstance(singly, State):
        return (
            isinstance(together, State)
            and singly.keys() == together.keys()
            and all(equal_bits(singly[name], together[name]) for name in singly)
        )
    if isinstance(singly, tuple):
        return (
            isinstance(together, tuple)
            and len(singly) == len(together)
            and all(equal_bits(one, other) for one, other in zip(singly, together, strict=True))
        )
    if isinstance(singly, np.ndarray):
        if np.ndim(together) < singly.ndim:
            together = np.broadcast_to(together, singly.shape)
        return same(singly, np.asarray(together))
    return same(singly, together)


# Seating the players of a batch.


class Lineup:
    """The components of a bundle (or of a simulator), seated for single episodes and for batches."""

    def __init__(self, task: InteractionTask, user: User | None, assistant: Assistant | None) -> None:
        self.task = task
        self.agents = (user, assistant)
        self.space = game_spaces(task, user, assistant)
        self.single = seat_players(task, user, assistant)
        self._settled: Players | None = None

    def in_batch(self, play: Callable[[Players], T]) -> T:
        """Play a batch; repeat it when a component turns out not to accept batches.

        To repeat is safe, because components are pure.
        Raises `BatchError` when a component that promises `batched = True` fails.
        """
        while True:
            players = self._settled
            if players is None:
                players, settled = self.seat()
                self._settled = players if settled else None
            try:
                return play(players)
            except RefusalError as refusal:
                if all(component is not refusal.component for _, component in self._components()):
                    raise
                self._settled = None
            except InteractionError:
                raise
            except Exception as error:
                culprit = self._culprit(error)
                if culprit is None:
                    raise
                name, component = culprit
                raise BatchError(
                    f"{type(component).__name__} ({name}) promises batched = True, but on arrays with a "
                    f"leading episode axis {_construct(error)}. Mark it batched = False to have it played "
                    f"episode by episode, or write it with operators and numpy.where, which serve plain "
                    f"numbers and arrays."
                ) from error

    def _components(self) -> list[tuple[str, Component]]:
        return list(components(self.task, *self.agents))

    def seat(self, change: Adapt | None = None) -> tuple[Players, bool]:
        """Seat the players, each method played as its component promises, or as is found out.

        Also says whether nothing is left to find out. `change` plays a method that is not looped.
        """
        lengths = {length for _, leaf in leaves(self.space) for length in shape_of(leaf)}
        probe_rows = next((prime for prime in _PRIMES if prime not in lengths), 43)
        settled = True

        def adapt(component: Component, method: Method, template: Any) -> Method:
            nonlocal settled
            promise = component.batched
            if promise is None and _verdicts.get(component) is False:
                promise = False
            if promise is False:
                return looped(method)
            method = method if change is None else change(component, method, template)
            if isinstance(template, tuple) and template[0] == "observation":
                built_in = type(component).__module__ == "interaction.observation"
                method = method if built_in and promise else leading_observation(method)
            elif _has_vectors(template):
                method = leading(method, template)
            if promise is None:
                settled = False
                method = probed(component, method, probe_rows, lengths)
            return method

        return seat_players(self.task, *self.agents, adapt=adapt), settled

    def _culprit(self, error: BaseException) -> tuple[str, Component] | None:
        """Find the batched component in whose method an error was raised: the first one on the way in."""
        parts = self._components()
        for frame, _ in traceback.walk_tb(error.__traceback__):
            names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
            owner = frame.f_locals.get(names[0]) if names else None
            for name, component in parts:
                if component is owner and component.batched:
                    return name, component
        return None


def _has_vectors(template: Any) -> bool:
    if isinstance(template, tuple):
        return any(_has_vectors(part) for part in template)
    return isinstance(template, Space) and any(shape_of(leaf) for _, leaf in leaves(template))
