"""How each method of a component is played inside a batch: lifted, on arrays, or episode by episode.

Each way is a function around one method of a component; the turns call it as they call the method.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from interaction.agent import Agent, Assistant, User
from interaction.batching.lifting import DisagreementError, LiftedMethod
from interaction.batching.selection import by_rows, looped, row_of
from interaction.component import Component, promise_of
from interaction.errors import BatchError, InteractionError
from interaction.given import conforming
from interaction.opening import fields_of, game_spaces
from interaction.players import Adapt, Method, Players, components, seat_players
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space, leaves, shape_of
from interaction.state import State, make
from interaction.task import InteractionTask, defines

T = TypeVar("T")

# Components that take raw arrays.


def on_contiguous(method: Method) -> Method:
    """Give a method arrays with the entries of each episode next to each other, as in one episode.

    The order of a sum depends on it. Lifted components leave the episodes of an entry next to each other.
    """

    def call(*arguments: Any) -> Any:
        *values, rng = arguments
        return method(*[by_rows(value) for value in values], rng)

    call.__name__ = method.__name__
    return call


def _construct(error: BaseException) -> str:
    """Say which line of source a batch failed at."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "numpy" not in frame.filename and "<" not in frame.filename]
    frame = own[-1] if own else frames[-1]
    line = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
    return f"`{line}` ({frame.filename}, line {frame.lineno}) raised {type(error).__name__}: {error}"


def leading(method: Method, template: Any) -> Method:
    """Give arrays that are the same for all episodes a leading axis, as `template` says their shapes."""

    def call(*arguments: Any) -> Any:
        rows = arguments[-1].rows
        return method(*arguments) if rows is None else lead(method(*arguments), template, rows)

    return call


def lead(value: Any, template: Any, rows: int) -> Any:
    """Give arrays of the shape that a template has for one episode a leading axis of rows."""
    if isinstance(template, tuple):
        parts = [lead(part, inner, rows) for part, inner in zip(value, template, strict=False)]
        parts += list(value)[len(parts) :]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(template, Dict) and isinstance(value, State):
        return make(
            type(value), {name: lead(part, template.spaces.get(name), rows) for name, part in value.items()}
        )
    shape = shape_of(template) if isinstance(template, Space) else None
    if shape and isinstance(value, np.ndarray) and value.shape == shape:
        return np.broadcast_to(value, (rows, *shape))
    return value


def _lead_as(value: Any, single: Any, rows: int) -> Any:
    """The same for values without a space: `single` is what one episode gives."""
    if isinstance(value, State) and isinstance(single, State):
        return make(
            type(value),
            {name: _lead_as(part, single.__dict__.get(name), rows) for name, part in value.items()},
        )
    if isinstance(value, np.ndarray) and isinstance(single, np.ndarray) and value.ndim == single.ndim:
        return np.broadcast_to(value, (rows, *value.shape))
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


# Seating the players of a batch.


def played(
    component: Component,
    method: Method,
    template: Any = None,
    promise: bool | None = None,
    contiguous: bool = True,
) -> Method:
    """Give the function that plays a method inside a batch, in the way that its component promises."""
    if promise is False:
        return looped(method, component, conforming(template))
    if promise is None:
        return LiftedMethod(component, method, conforming(template))
    looks = isinstance(template, tuple) and template[0] == "observation"
    if looks and type(component).__module__ == "interaction.observation":
        return method
    method = on_contiguous(method) if contiguous else method
    if looks:
        return leading_observation(method)
    return leading(method, template) if _has_vectors(template) else method


class Lineup:
    """The components of a bundle (or of a simulator), seated for single episodes and for batches."""

    def __init__(self, task: InteractionTask, user: User | None, assistant: Assistant | None) -> None:
        self.task = task
        self.agents = (user, assistant)
        self.space = game_spaces(task, user, assistant)
        self.fields = fields_of(self.space)
        self.single = seat_players(task, user, assistant)
        self._refused: list[Component] = []
        self._settled: Players | None = None
        self._lifted: list[LiftedMethod] = []
        self._asked: dict[tuple[int, str], Method] = {}

    @property
    def refused(self) -> tuple[Component, ...]:
        """Give the components that gave other values on batches than for single episodes."""
        return tuple(self._refused)

    def in_batch(self, play: Callable[[Players], T]) -> T:
        """Play a batch; repeat it where a lifted method gave other values than its single episodes.

        To repeat is safe, because components are pure.
        Raises `BatchError` where a component that promises `batched = True` fails and no single episode does.
        """
        while True:
            if self._settled is None:
                self._settled = self.seat()
            try:
                return play(self._settled)
            except DisagreementError as found:
                if all(component is not found.component for _, component in self._components()):
                    raise
                self._refused.append(found.component)
                self._settled = None
                self._asked = {}
            except InteractionError:
                raise
            except Exception as error:
                self._explain(error, play)
                raise

    def _explain(self, error: Exception, play: Callable[[Players], T]) -> None:
        """Raise what a single episode raises, if one does, and else say that a promise is broken."""
        broken = self._promised(error)
        if broken is None:
            return
        play(seat_players(self.task, *self.agents, lambda component, method, _: looped(method, component)))
        name, component = broken
        raise BatchError(
            f"{type(component).__name__} ({name}) promises batched = True, but on arrays with a leading "
            f"episode axis {_construct(error)}, and its single episodes do not. Leave batched away, and "
            f"write it for one episode; or mark it batched = False."
        ) from error

    def _promised(self, error: Exception) -> tuple[str, Component] | None:
        """Find the component on raw arrays in whose method an error was raised, the first on the way in."""
        parts = self._components()
        for frame, _ in traceback.walk_tb(error.__traceback__):
            names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
            owner = frame.f_locals.get(names[0]) if names else None
            for name, component in parts:
                if component is owner and self.promise(component):
                    return name, component
        return None

    def _components(self) -> list[tuple[str, Component]]:
        return list(components(self.task, *self.agents))

    def promise(self, component: Component) -> bool | None:
        """Say how a component is played, as it promises or as was found out."""
        return False if any(component is one for one in self._refused) else promise_of(component)

    def seat(self, change: Adapt | None = None) -> Players:
        """Seat the players, each played as its component promises; `change` adapts what is on arrays."""
        self._lifted = []
        contiguous = any(self.promise(component) is None for _, component in self._components())

        def adapt(component: Component, method: Method, template: Any) -> Method:
            promise = self.promise(component)
            if promise and change is not None:
                method = change(component, method, template)
            way = played(component, method, template, promise, contiguous)
            if isinstance(way, LiftedMethod):
                self._lifted.append(way)
            return way

        return seat_players(self.task, *self.agents, adapt=adapt)

    def asked(self, component: Component, method: Method, template: Any = None) -> Method:
        """Give the function that plays one more method of a component, with a stream as last argument."""
        key = id(component), method.__name__
        if key not in self._asked:
            self._asked[key] = played(component, method, template, self.promise(component))
        return self._asked[key]

    def ways(self) -> dict[str, str]:
        """Say in which way each method is played in batches, as far as that has been found out."""
        found: dict[str, str] = {}
        methods: list[tuple[str, Any, tuple[str, ...]]] = [("task", self.task, ("reset",))]
        for agent in self.agents:
            if agent is not None:
                methods[0] = (*methods[0][:2], (*methods[0][2], f"on_{agent.role}_action"))
                begins = ("reset", "reset_in") if defines(agent, "reset_in", Agent) else ("reset",)
                methods += [
                    (agent.role, agent, begins),
                    (f"{agent.role} policy", agent.policy, ("sample",)),
                    (f"{agent.role} observation engine", agent.observation_engine, ("observe",)),
                    (f"{agent.role} inference engine", agent.inference_engine, ("infer",)),
                ]
        for name, component, called in methods:
            promise = self.promise(component)
            for method in called:
                found[f"{name}.{method}"] = (
                    self._way_of(getattr(component, method))
                    if promise is None
                    else "arrays"
                    if promise
                    else "episode by episode"
                )
        return found

    def _way_of(self, method: Method) -> str:
        """Say in which way a method of a component has been played, which may have several seats."""
        ways = {one.way for one in self._lifted if one.method == method} or {"lifted"}
        return ways.pop() if len(ways) == 1 else "partly lifted"


def _has_vectors(template: Any) -> bool:
    if isinstance(template, tuple):
        return any(_has_vectors(part) for part in template)
    return isinstance(template, Space) and any(shape_of(leaf) for _, leaf in leaves(template))
