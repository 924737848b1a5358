"""What an agent sees and does, in gymnasium's terms: spaces of plain arrays, and the way there and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, Literal

import numpy as np
from gymnasium import spaces as gym
from numpy.typing import NDArray

from interaction.bundle import Bundle
from interaction.component import PreparedComponent
from interaction.errors import ArgumentError, ContractError, SpaceError, unknown_name
from interaction.membership import membership
from interaction.opening import game_spaces
from interaction.players import Seat
from interaction.random import EpisodeRandom
from interaction.spaces import (
    Box,
    Choice,
    Dict,
    Discrete,
    MultiDiscrete,
    Space,
    Undeclared,
    element,
    leaves,
    position,
)
from interaction.state import Provenance, State, Value, flatten, get_path

Array = NDArray[Any]
Form = Literal["nested", "flat"]

_BOOKKEEPING = ("round_index", "turn_index", "provenance")  # seen, but only given to a learner that asks,
_PREVIOUS = "previous_task_state."  # and so is the state before


class ObservationView(PreparedComponent):
    """Turns what an agent observes into what a learner gets, and is kept with what was learnt.

    `paths` chooses entries of the observation (by default all but round, turn, provenance and the
    task's previous state); `spaces` gives
    the space of a path where the declared one is unbounded, or where the observation engine transforms it.
    "nested" gives a dictionary by path; "flat" one vector, in which a choice among n is n numbers, one of
    them 1. Choices count from 0, and a number has the shape (1,).
    Raises `UnknownNameError` for a path that the agent does not observe, and `SpaceError` for one whose space
    is not bounded.

    >>> from interaction import Bundle
    >>> from interaction.envs import ObservationView
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> bundle = Bundle(MultiArmedBanditTask(), RescorlaWagnerUser())
    >>> view = ObservationView.of(bundle, "user", paths=["task_state.arm", "user_state.q"], form="flat")
    >>> game = bundle.reset(seed=0)
    >>> view.see(bundle.observe("user"))  # one of three arms (the first is none), and two values
    array([1. , 0. , 0. , 0.5, 0.5])
    """

    def __init__(
        self,
        spaces: Mapping[str, Space[Any]],
        form: Form = "nested",
        where: str = "observation",
    ) -> None:
        self.where = where
        if form not in ("nested", "flat"):
            raise unknown_name(form, ("nested", "flat"), "observation form")
        self.spaces = dict(spaces)
        self.form = form
        self._prepare()

    def _prepare(self) -> None:
        parts = {path: _for_learners(space) for path, space in self.spaces.items()}
        self._nested = gym.Dict(deepcopy(parts))
        self._space: Space[Any] = self._nested if self.form == "nested" else gym.flatten_space(self._nested)

    @classmethod
    def of(
        cls,
        bundle: Bundle,
        role: str,
        paths: Iterable[str] | None = None,
        spaces: Mapping[str, Space[Any]] | None = None,
        form: Form = "nested",
    ) -> ObservationView:
        """Derive the view of an agent: from the declared spaces, and what its engine lets through."""
        where = f"{role}'s observation"
        found = _observable(bundle, role)
        given = dict(spaces or {})
        usual = [path for path in found if path not in _BOOKKEEPING and not path.startswith(_PREVIOUS)]
        chosen = usual if paths is None else list(paths)
        for path in (*chosen, *given):
            if path not in found:
                raise unknown_name(path, found, where)
        parts: dict[str, Space[Any]] = {}
        for path in chosen:
            space = given.get(path, found[path])
            if space is None or (isinstance(space, Box) and not space.is_bounded()):
                bounds, declare = "spaces.real(low, high, shape)", ""
                if isinstance(space, Undeclared):
                    bounds, declare = space.form(), f"; or let {space.owner} declare it: {space.line()}"
                raise SpaceError(
                    f"{where}: {path}: expected a bounded space, got {space or 'no declared one'}; leave it "
                    f"out by `paths`, or say its bounds: spaces={{{path!r}: {bounds}}}"
                    f"{declare}"
                )
            parts[path] = space
        engine = type(getattr(bundle, role).observation_engine).__name__
        return cls(parts, form, f"{engine}, the {where}")

    @property
    def space(self) -> Space[Any]:
        """The space of what a learner gets."""
        return self._space

    def see(self, observation: State) -> Any:
        """Give what a learner gets of one observation."""
        values = {path: _array(get_path(observation, path), space) for path, space in self.spaces.items()}
        for path, value in values.items():
            if value.dtype.kind == "f" and np.isnan(value).any():
                raise ContractError(f"{self.where}: {path} is NaN")
        if self.form == "nested":
            return {path: _as_learnt(value, self.spaces[path]) for path, value in values.items()}
        return gym.flatten(
            self._nested, {path: _as_learnt(value, self.spaces[path]) for path, value in values.items()}
        )

    def see_rows(self, observation: State, rows: int) -> Any:
        """The same for a batch: each array has a leading axis of `rows`."""
        values = {}
        for path, space in self.spaces.items():
            shape = (rows, *(space.shape or ()))
            value = np.broadcast_to(np.asarray(get_path(observation, path), dtype=space.dtype), shape).copy()
            if value.dtype.kind == "f" and np.isnan(value).any():
                raise ContractError(f"{self.where}: {path} is NaN")
            if isinstance(space, Discrete | Choice):
                values[path] = position(space, value)
            else:
                values[path] = value if space.shape else value[:, None]
        if self.form == "nested":
            return values
        parts = [_flat_rows(values[path], space) for path, space in self._nested.spaces.items()]
        return np.concatenate(parts, axis=1).astype(self._space.dtype)


def _flat_rows(values: Array, space: Space[Any]) -> Array:
    """Flatten a batch as gymnasium flattens one value: a choice among n as n numbers, one of them 1."""
    if isinstance(space, Discrete):
        return np.asarray(values[:, None] - space.start == np.arange(space.n)) * 1
    if isinstance(space, MultiDiscrete):
        choices = zip(values.T, space.start, space.nvec, strict=True)
        return np.concatenate([(v[:, None] - s == np.arange(n)) * 1 for v, s, n in choices], axis=1)
    return values.reshape(len(values), -1)


def _observable(bundle: Bundle, role: str) -> dict[str, Space[Any] | None]:
    """Give what an agent observes by path, with the declared space, or None where it is transformed."""
    seat: Seat | None = getattr(bundle.players, role)
    assert seat is not None
    twin = bundle.replace()
    game = twin.reset(seed=0)
    seen, _ = seat.observe(game, EpisodeRandom(0))
    declared: dict[str, Space[Any]] = dict(leaves(game_spaces(bundle.task, bundle.user, bundle.assistant)))
    limit = bundle.max_rounds
    declared["round_index"] = Box(0, np.inf if limit is None else limit, (), np.float64)
    declared["turn_index"] = Discrete(4)
    declared["provenance"] = Discrete(len(Provenance))
    agent = bundle.user if role == "user" else bundle.assistant
    engine: Any = getattr(agent, "observation_engine", None)
    changed = {**getattr(engine, "transform", {}), **getattr(engine, "noise", {})}
    found: dict[str, Space[Any] | None] = {}
    for path, value in flatten(seen):
        if value is None:
            continue
        now = path.removeprefix("previous_")
        space = declared.get(now)
        inside = space is not None and now not in changed and membership(space).violation(value) is None
        found[path] = space if inside else None
    return found


def _for_learners(space: Space[Any]) -> Space[Any]:
    """A space as learners take it: choices count from 0, a number has the shape (1,)."""
    if isinstance(space, Discrete | Choice):
        return Discrete(int(space.n))
    if isinstance(space, Box) and space.shape == ():
        return Box(space.low.reshape(1), space.high.reshape(1), dtype=space.dtype.type)
    return space


def _array(value: Value, space: Space[Any]) -> Array:
    return np.array(value, dtype=space.dtype)  # a copy: learners keep and change what they get


def _as_learnt(value: Array, space: Space[Any]) -> Any:
    if isinstance(space, Discrete | Choice):
        return np.int64(position(space, value))
    return value.reshape(1) if value.ndim == 0 else value


class ActionView(PreparedComponent):
    """Turns a learner's action into that of an agent.

    A box of floats is offered as numbers from -1 to 1, which stand for its lowest and its highest values; the
    choices of a discrete space count from 0; a number has the shape (1,).
    Raises `SpaceError` for a box that is not bounded.

    >>> from interaction import spaces
    >>> from interaction.envs import ActionView
    >>> view = ActionView(spaces.real(0.0, 5.0), "assistant_action")
    >>> view.learner_space, view.take(0.0), view.take(1.0)
    (Box(-1.0, 1.0, (1,), float32), 2.5, 5.0)
    """

    def __init__(self, space: Space[Any], where: str) -> None:
        self.space = space
        self.where = where
        self._prepare()

    def _prepare(self) -> None:
        self._outer = deepcopy(_offered(self.space, self.where))  # each environment seeds its own
        self._member = membership(self.space)

    @property
    def learner_space(self) -> Space[Any]:
        """The space of a learner's actions."""
        return self._outer

    def take(self, action: Any) -> Value:
        """Give the agent's action; raise a `SpaceError` for one of the wrong shape, type or size."""
        value = _taken(action, self.space, self.where)
        self._member.check(value, self.where)
        return value

    def take_rows(self, actions: Any, rows: int) -> Value:
        """The same for a batch: each array of `actions` has a leading axis of `rows`."""
        value = _taken(actions, self.space, self.where, rows)
        self._member.check(value, self.where, rows)
        return value


def _scaled(space: Space[Any]) -> bool:
    return isinstance(space, Box) and np.dtype(space.dtype).kind == "f"


def _offered(space: Space[Any], where: str) -> Space[Any]:
    """The space of a learner's actions."""
    if isinstance(space, Dict):
        return gym.Dict({name: _offered(part, f"{where}.{name}") for name, part in space.spaces.items()})
    if isinstance(space, Box) and not space.is_bounded():
        raise SpaceError(f"{where}: expected a bounded space of actions to learn, got {space}")
    if _scaled(space):
        return Box(-1.0, 1.0, space.shape or (1,), np.float32)
    return _for_learners(space)


def _taken(action: Any, space: Space[Any], where: str, rows: int | None = None) -> Value:
    """Give the agent's action; with `rows`, one for each row of a batch."""
    if isinstance(space, Dict):
        if not isinstance(action, Mapping) or set(action) != set(space.spaces):
            raise SpaceError(f"{where}: expected a mapping with {', '.join(space.spaces)}, got {action!r}")
        return State(
            **{
                name: _taken(action[name], part, f"{where}.{name}", rows)
                for name, part in space.spaces.items()
            }
        )
    array = np.asarray(action) if not isinstance(action, Mapping | str | None) else np.array(None)
    if array.dtype.kind not in ("iubf" if _scaled(space) else "iub"):
        raise SpaceError(f"{where}: expected a value in {space}, got {action!r}")
    lead = () if rows is None else (rows,)
    shape = lead + (space.shape or ())
    if array.shape not in (shape, (*lead, 1) if space.shape == () else shape):
        raise SpaceError(f"{where}: expected the shape {shape or (1,)}, got {array.shape}: {action!r}")
    array = array.reshape(shape)
    if isinstance(space, Discrete | Choice):
        if not ((array >= 0) & (array < space.n)).all():
            if isinstance(space, Choice):
                stood = str(space.values.tolist())
            else:
                stood = f"{space.start} to {space.start + space.n - 1}"
            raise SpaceError(
                f"{where}: expected a number from 0 to {space.n - 1}, which stand for {stood}, got {action!r}"
            )
        array = np.asarray(element(space, array))
    if isinstance(space, Box) and _scaled(space):
        if not (np.abs(array) <= 1).all():
            raise SpaceError(f"{where}: expected numbers from -1 to 1, got {action!r}")
        middle, half = (space.high + space.low) / 2, (space.high - space.low) / 2
        array = np.asarray(np.clip(middle + half * array, space.low, space.high), dtype=space.dtype)
    return array.item() if shape == () else array


def check_role(bundle: Bundle, role: str) -> None:
    """Raise unless a bundle has the agent that is to be trained."""
    if not isinstance(bundle, Bundle):
        raise ArgumentError(f"expected a Bundle, got {bundle!r}")
    if getattr(bundle, role) is None:
        raise ContractError(
            f"the bundle has no {role}: give one with the action space that is to be learnt, such as "
            f"{role.capitalize()}(policy=RandomPolicy(space))"
        )
