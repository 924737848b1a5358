"""Immutable, ordered, nested records: `State`, and the `GameState` that holds everything that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from math import isnan
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ContractError, ImmutableError, NoFieldError, UnknownNameError, unknown_name

Value = Any
"""What a field holds: a plain int, float, bool, str or None, a read-only array, or a State."""

PLAIN = frozenset({int, float, bool, str, type(None)})
"""The types of what a field holds as it is."""

_ARRAY = np.ndarray


def freeze(value: Value) -> Value:
    """Give a value that nobody can change: plain numbers as they are, arrays as read-only copies.

    A numpy scalar, or an array without axes, becomes the plain Python number. An array is copied, so that
    no alias remains, unless it is a frozen one already: a read-only view of a read-only array, which numpy
    does not let anyone unlock.
    """
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is _ARRAY or issubclass(kind, _ARRAY):
        if value.ndim == 0:
            return freeze(value.item())
        base = value.base
        if base is None or type(base) is not _ARRAY or value.flags.writeable or base.flags.writeable:
            if value.dtype.hasobject:
                raise ContractError(f"A state holds no numpy array of objects; got {value!r}.")
            value = value.copy()
            value.setflags(write=False)
            return value.view()
        return value
    if issubclass(kind, State):
        return value
    if issubclass(kind, np.generic):
        return value.item()
    if issubclass(kind, tuple):
        return tuple(map(freeze, value))
    if kind is Provenance:
        return int(value)
    if hasattr(kind, "__frozen__"):  # lifted: one value for each episode of a batch
        return value.__frozen__()
    raise ContractError(
        f"A state holds int, float, bool, str, None, numpy arrays, tuples or nested States; "
        f"got {value!r} of type {type(value).__name__}. "
        f"Turn a list into numpy.array(...), a dict into State(**...)."
    )


def lock(array: NDArray[Any]) -> NDArray[Any]:
    """Give an array that nobody else holds as a view that cannot be unlocked."""
    array.setflags(write=False)
    return array.view()


class State:
    """An immutable, ordered, nested record: `State(x=0).replace(x=1).x`.

    In one episode its fields are plain numbers, or arrays of the field's own shape. In a batch
    each field that differs between episodes has the shape `(episodes, *shape)`.
    Two states are equal when their fields are, arrays included (NaN equals NaN).
    Raises `ContractError` for a value that a state does not hold (it holds numbers, texts, None, arrays,
    tuples and states), `UnknownNameError` for a field with the name of a method, and `ImmutableError` for an
    assignment.

    >>> from interaction import State
    >>> state = State(x=3, eye=State(noise=0.2))
    >>> state.x, state["x"], state.eye.noise, dict(state.eye)
    (3, 3, 0.2, {'noise': 0.2})
    >>> state == State(eye=State(noise=0.2), x=3)
    True
    """

    __slots__ = ("__dict__",)

    def __init__(self, /, **fields: Value) -> None:
        if not RESERVED.isdisjoint(fields):
            taken = sorted(RESERVED.intersection(fields))
            raise UnknownNameError(
                f"A State field cannot be called {', '.join(taken)}: a method is. Give another name, such as "
                f"{taken[0]}_; taken are {', '.join(sorted(RESERVED))}."
            )
        for name, value in fields.items():
            if type(value) not in PLAIN:
                fields[name] = freeze(value)
        set_fields(self, fields)

    def replace(self, /, **changes: Value) -> Self:
        """Give a copy in which the named fields have other values.

        Raises `UnknownNameError` for a field that is not there.

        >>> from interaction import State
        >>> State(position=3, goal=5).replace(position=4)
        State(position=4, goal=5)
        """
        mine = self.__dict__
        for name, value in changes.items():
            if type(value) not in PLAIN:
                changes[name] = freeze(value)
        fields = mine | changes
        if len(fields) != len(mine):
            wrong = next(name for name in changes if name not in mine)
            raise unknown_name(wrong, mine, f"{type(self).__name__}.replace")
        state = new(type(self))
        set_fields(state, fields)
        return state

    def extend(self, /, **fields: Value) -> State:
        """Give a copy with further fields.

        >>> from interaction import State
        >>> State(x=3).extend(heard=1)
        State(x=3, heard=1)
        """
        return State(**{**self.__dict__, **fields})

    def keys(self) -> Any:
        return self.__dict__.keys()

    def values(self) -> Any:
        return self.__dict__.values()

    def items(self) -> Any:
        return self.__dict__.items()

    def __getitem__(self, name: str) -> Value:
        try:
            return self.__dict__[name]
        except KeyError:
            error = NoFieldError(f"no field {name!r}; the fields are: {', '.join(self)}")
            error.name, error.obj = name, self
            raise error from None

    if TYPE_CHECKING:  # no such method at run time: with one, Python reads every field more slowly

        def __getattr__(self, name: str) -> Value: ...

    def __setattr__(self, name: str, value: Value) -> None:
        raise ImmutableError(
            f"A {type(self).__name__} cannot be changed; write state.replace({name}=...) to get another one."
        )

    def __delattr__(self, name: str) -> None:
        raise ImmutableError(f"A {type(self).__name__} cannot be changed: field {name!r} cannot be deleted.")

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def __len__(self) -> int:
        return len(self.__dict__)

    def __contains__(self, name: object) -> bool:
        return name in self.__dict__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State):
            return NotImplemented
        mine, theirs = self.__dict__, other.__dict__
        return mine.keys() == theirs.keys() and all(same(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]  # values may be arrays, which have no hash

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.__dict__.copy())

    def __rich__(self) -> Any:
        from interaction.display import table

        return table(type(self).__name__, ["field", "value"], [list(flatten(self))])


TURNS = ("user_observes", "user_acts", "assistant_observes", "assistant_acts")

TASK_STATES = ("task_state", "previous_task_state")


class Provenance(IntEnum):
    """Who produced an action, as the assistant sees it.

    The turns set it, it is never guessed from the action: `OBSERVED` is what the user did, and tells about
    the user; `INTERVENED` is what the assistant did itself, and tells nothing about the user.

    >>> from interaction import Bundle, Provenance
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser())
    >>> Provenance(bundle.reset(seed=0).provenance).name, Provenance(bundle.step().game.provenance).name
    ('UNKNOWN', 'OBSERVED')
    """

    UNKNOWN = 0
    OBSERVED = 1
    INTERVENED = 2


class GameState(State):
    """Everything that changes in a game, and nothing else does.

    `provenance` tells who produced the last action (a `Provenance`; unknown before the first one).
    `turn_index` names the turn that is played next; before its first action an agent's action is its
    policy's `first_action` (by default the first element of its space), and None if the agent is missing.
    `previous_task_state` is the task's state just before the last action moved it, which is what the one who
    acted was looking at; before the first action it is the task's state.

    >>> from interaction import Bundle
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> game = Bundle(CoordinatedTask(), PseudoRandomUser(p0=1, p1=5, p2=7)).reset(seed=0)
    >>> game.round_index, game.turn_index, game.task_state, game.user_state, game.assistant_action
    (0, 0, State(x=0), State(p0=1, p1=5, p2=7), None)
    """

    __slots__ = ()

    round_index: int
    turn_index: int
    task_state: State
    previous_task_state: State
    user_state: State
    assistant_state: State
    user_action: Value
    assistant_action: Value
    provenance: int
    user_observation: State
    assistant_observation: State

    def __init__(
        self,
        *,
        round_index: int = 0,
        turn_index: int = 0,
        task_state: State | None = None,
        previous_task_state: State | None = None,
        user_state: State | None = None,
        assistant_state: State | None = None,
        user_action: Value = None,
        assistant_action: Value = None,
        provenance: Value = 0,
        user_observation: State | None = None,
        assistant_observation: State | None = None,
    ) -> None:
        super().__init__(
            round_index=round_index,
            turn_index=turn_index,
            task_state=task_state or State(),
            previous_task_state=previous_task_state or task_state or State(),
            user_state=user_state or State(),
            assistant_state=assistant_state or State(),
            user_action=user_action,
            assistant_action=assistant_action,
            provenance=provenance,
            user_observation=user_observation or State(),
            assistant_observation=assistant_observation or State(),
        )

    def __rich__(self) -> Any:
        from interaction.display import table

        sections = []
        for name, part in self.items():
            if name not in ("round_index", "turn_index", "provenance") and part is not None:
                leaves = list(flatten(part)) if isinstance(part, State) else [("", part)]
                names = [name.replace("_", " "), *[""] * (len(leaves) - 1)]
                sections.append([(first, *leaf) for first, leaf in zip(names, leaves, strict=False)])
        title = f"round {self.round_index}, next turn: {TURNS[self.turn_index]}"
        return table(title, ["part", "field", "value"], sections)


StateT = TypeVar("StateT", bound=State)

new = object.__new__
set_fields = State.__dict__["__dict__"].__set__
RESERVED = frozenset(name for name in dir(State) if not name.startswith("__"))
Mapping.register(State)


def make(kind: type[StateT], fields: dict[str, Value]) -> StateT:
    """Make a state of fields that are frozen already, fast; the dict becomes the state's own."""
    state = new(kind)
    set_fields(state, fields)
    return state


def _restore(cls: type[State], fields: dict[str, Value]) -> State:
    return make(cls, {name: freeze(value) for name, value in fields.items()})


def same(first: Value, second: Value) -> bool:
    """Say whether two values are equal, arrays and NaN included."""
    for one, other in ((first, second), (second, first)):
        if hasattr(type(one), "__same__"):
            return bool(one.__same__(other))
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, np.ndarray) or isinstance(second, np.ndarray):
        if isinstance(first, tuple | State) or isinstance(second, tuple | State):
            return False
        first, second = np.asarray(first), np.asarray(second)
        floats = first.dtype.kind in "fc" and second.dtype.kind in "fc"
        return bool(np.array_equal(first, second, equal_nan=floats))
    if isinstance(first, float) and isinstance(second, float) and isnan(first):
        return isnan(second)
    return bool(first == second)


def flatten(state: State, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Walk over the leaves of a state as `(path, value)`, a path being names joined by dots."""
    for name, value in state.items():
        path = f"{prefix}{name}"
        if isinstance(value, State):
            yield from flatten(value, f"{path}.")
        else:
            yield path, value


def nest(arrays: Mapping[str, Value]) -> Value:
    """Turn values by dotted path into a nested state; a single value at the path "" stays itself."""
    if "" in arrays:
        return arrays[""]
    fields: dict[str, Any] = {}
    for path, value in arrays.items():
        name, _, rest = path.partition(".")
        if rest:
            fields.setdefault(name, {})[rest] = value
        else:
            fields[name] = value
    return State(**{name: nest(part) if isinstance(part, dict) else part for name, part in fields.items()})


def get_path(state: State, path: str) -> Value:
    """Read what lies at a dotted path, such as `"task_state.x"`."""
    value: Value = state
    for name in path.split("."):
        if not isinstance(value, State) or name not in value:
            raise unknown_name(path, [leaf for leaf, _ in flatten(state)], "state")
        value = value[name]
    return value


def replace_path(state: StateT, path: str, value: Value) -> StateT:
    """Give a copy of a state in which the value at a dotted path is another one."""
    name, _, rest = path.partition(".")
    inner: Any = state.__dict__.get(name)
    if name not in state or (rest and not isinstance(inner, State)):
        raise unknown_name(path, [leaf for leaf, _ in flatten(state)], "state")
    return state.replace(**{name: replace_path(inner, rest, value) if rest else value})


def merge(state: State, changes: Mapping[str, Value] | State) -> State:
    """Give a copy of a state with the values of a nested mapping, whose names must exist in it."""
    merged: dict[str, Value] = {}
    for name, value in changes.items():
        inner: Any = state.__dict__.get(name)
        nested = isinstance(inner, State) and isinstance(value, Mapping)
        if not nested and isinstance(inner, State) != isinstance(value, Mapping):
            raise unknown_name(name, [path for path, _ in flatten(state)], f"merge: {value!r}")
        merged[name] = merge(inner, value) if nested else value
    return state.replace(**merged)
