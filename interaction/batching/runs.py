"""One way through a method: which episodes still go it, and when others leave it.

Where code asks for a plain value that differs between episodes (`if x > 3`, `min(a, b)`, a look-up in a
list), the episodes part: the run goes on with those that agree, and the others are played afterwards, from
the start of the method. That is sound since methods are pure and draws are addressed.
"""

from __future__ import annotations

import dis
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ContractError
from interaction.state import lock

Array = NDArray[Any]
F = TypeVar("F")

_HERE = str(Path(__file__).parent) + os.sep
_FRAMEWORK = str(Path(__file__).parent.parent) + os.sep
_NUMPY = str(Path(np.__file__).parent) + os.sep


class NotLiftedError(BaseException):
    """A method cannot be played on the whole batch. No `except Exception` of a component may catch it."""

    def __init__(self, reason: str, remedy: str = "", where: tuple[str, int] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.parting = False  # whether more episodes would be lifted
        self.remedy = remedy
        self.where = where or caller()


_INSIDE = (_HERE, _NUMPY)
_STORE, _COPY = dis.opmap["STORE_SUBSCR"], dis.opmap["COPY"]

_TELLING = 100  # episodes up to which it does not tell much that they part into many groups


def inside(file: str) -> bool:
    """Whether a file belongs to lifting or to numpy, and not to a component."""
    return file.startswith((_HERE, _NUMPY, "<"))


def asked_inside() -> bool:
    """Whether the code that asks a lifted value for an attribute belongs to lifting."""
    return sys._getframe(2).f_code.co_filename.startswith(_INSIDE)


def caller() -> tuple[str, int]:
    """Give the file and the line of the code that asked for something of a lifted value."""
    found = _asking()
    return found.f_code.co_filename, found.f_lineno


def _asking() -> FrameType:
    """Give the frame of the component's code that asks for something of a lifted value."""
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "play_lifted":
        frames.append(frame)
        frame = frame.f_back
    return innermost(frames[::-1], lambda frame: frame.f_code.co_filename)


def _assigns() -> bool:
    """Whether the code that asks for an index assigns there: `a[i] = x` or `a[i] += x`."""
    frame = _asking()
    code, here = frame.f_code.co_code, frame.f_lasti
    return code[here] == _STORE or code[here - 2] == _COPY  # `+=` copies the index, for both


def innermost(frames: Sequence[F], file: Callable[[F], str]) -> F:
    """Give the last frame of a component's code: of a user's where there is one, else of the framework's."""
    own = [frame for frame in frames if not inside(file(frame))]
    theirs = [frame for frame in own if not file(frame).startswith(_FRAMEWORK)]
    return (theirs or own or frames)[-1]


_counted = np.arange(0)


def count(episodes: int) -> Array:
    """Give 0, 1, ... for so many episodes, which nobody can change."""
    global _counted  # noqa: PLW0603  (the longest one that was asked for; to make it anew costs at each call)
    counted = _counted
    if len(counted) < episodes:
        counted = _counted = lock(np.arange(episodes))
    return counted[:episodes]


class Run:
    """One way through a method: the episodes that go it, and those that are left for another run."""

    __slots__ = (
        *("failure", "groups", "left", "level", "limit", "over", "path", "quiet", "rows", "steps", "total"),
    )

    def __init__(self, rows: Array, total: int, limit: int, groups: int) -> None:
        self.rows = rows  # the episodes that still go this way, of `total` in the call
        self.total = total
        self.limit = limit  # how many groups of episodes there may be
        self.groups = groups  # how many there are beside this one
        self.steps: list[Array] = [] if len(rows) == total else [rows]  # which episodes stayed, each time
        self.level = len(self.steps)  # how often episodes have left
        self.left: list[Array] = []
        self.failure: NotLiftedError | None = None
        self.over = (
            False  # whether the method has returned: what it left somewhere is no value of another call
        )
        self.path = 0  # which answers it was given and which functions it met, as a number
        self.quiet = False  # whether Python would not warn of what numpy now comes across

    def fail(self, reason: str, remedy: str = "") -> NotLiftedError:
        """Take note that this method cannot be lifted, and make the error.

        Raises `ContractError` once the method has returned.
        """
        if self.over:
            raise ContractError(
                "a value of another call is used, which a component kept outside of the states: its methods "
                "must be pure, and what changes belongs into a State"
            )
        error = NotLiftedError(reason, remedy)
        self.failure = self.failure or error
        return error

    def ask(self, values: Array, what: str) -> Any:
        """Give the plain value of most episodes, with which the run goes on; the others leave it."""
        answer = self._ask(values, what)
        self.path = hash((self.path, answer))
        return answer

    def _ask(self, values: Array, what: str) -> Any:
        first = values[0]
        if values.dtype.kind == "b":
            count = int(np.count_nonzero(values))
            if count in (0, len(values)):
                return count > 0
            answer = 2 * count >= len(values)
            others = ~values
            keep, leave = (values, others) if answer else (others, values)
            self._leave(list(leave.nonzero()), what)
            self._stay(keep.nonzero()[0])
            return answer
        if values.dtype.kind == "f":  # by their bits, which tell 0.0 from -0.0
            return np.int64(self.ask(values.astype(np.float64).view(np.int64), what)).view(np.float64).item()
        if bool((values == first).all()):
            return first.item()
        labels, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        if self.groups + len(labels) > self.limit:
            self._too_many(what, self.groups + len(labels))
        order = np.argsort(inverse, kind="stable")
        groups = np.split(order, np.cumsum(counts)[:-1])
        most = int(np.argmax(counts))
        self._leave([group for index, group in enumerate(groups) if index != most], what)
        self._stay(groups[most])
        return labels[most].item()

    def _leave(self, groups: list[Array], what: str) -> None:
        self.groups += len(groups)
        if self.groups >= self.limit:
            self._too_many(what, self.groups + 1)
        self.left += [self._rows_of(group) for group in groups]

    def _rows_of(self, group: Array) -> Array:
        """Give the rows, in the call, of some of the episodes that still go this way."""
        return group if len(self.rows) == self.total else self.rows.take(group)

    def _stay(self, keep: Array) -> None:
        self.rows = self._rows_of(keep)
        self.steps.append(keep)
        self.level += 1

    def _too_many(self, what: str, groups: int) -> NoReturn:
        if what == LOOK_UP and _assigns():
            what = _ASSIGNMENT
        error = self.fail(
            f"{what} parts the episodes into {groups} groups or more", _REMEDIES.get(what, _NO_BRANCH)
        )
        error.parting = 2 * groups <= self.total or self.total < _TELLING
        raise error


_KINDS = {"divide": "divide by zero", "over": "overflow", "under": "underflow", "invalid": "invalid value"}


@lru_cache
def _wanted(settings: tuple[str, ...]) -> tuple[frozenset[str], dict[str, Any]]:
    """Give the kinds of errors that numpy is set to raise, and how it is set to tell of all it tells of."""
    told = {kind: way for kind, way in zip(np.geterr(), settings, strict=True) if way in ("warn", "raise")}
    raised = frozenset(_KINDS[kind] for kind, way in told.items() if way == "raise")
    return raised, dict.fromkeys(told, "call")


class Arithmetic:
    """While lifted methods run, numpy warns of what it comes across where one episode would be warned, too.

    Python does not warn when plain floats overflow or become NaN.
    """

    def __init__(self) -> None:
        self.run: Run | None = None
        self._raised, asked = _wanted(tuple(np.geterr().values()))
        self._settings = np.errstate(call=self._on_error, **asked)

    def __enter__(self) -> Arithmetic:
        self._settings.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._settings.__exit__(*error)
        del self._settings, self.run  # which lead back here: in a circle the arrays would outlive the call

    def _on_error(self, kind: str, flag: int) -> None:
        if self.run is None or self.run.quiet:
            return
        if kind in self._raised:
            raise self.run.fail(f"{kind} is an error in an episode")
        try:
            warnings.warn(f"{kind} encountered in a batch", RuntimeWarning, stacklevel=3)
        except RuntimeWarning as error:  # where warnings are errors, only some episodes may raise
            raise self.run.fail(f"{kind} is an error in an episode") from error


LOOK_UP = "a look-up in a list or an array"
CONDITION = "a condition (if, and, or, not, while)"
_ASSIGNMENT = "an assignment into a list, or into an array that is the same in all episodes,"
_NO_BRANCH = "np.where(condition, a, b), np.minimum, np.maximum or an array in place of branches and look-ups"
_REMEDIES = {
    "float()": "the number as it is, or np.exp in place of math.exp and the like",
    "int()": "np.floor(x), or x.astype(int) of an array",
    "round()": "np.round(x)",
    CONDITION: (
        "np.where(condition, a, b), np.minimum or np.maximum in place of `if`, np.logical_and(a, b), "
        "np.logical_or and np.logical_not in place of `and`, `or` and `not`, or arrays in place of a loop"
    ),
    LOOK_UP: (
        "np.take_along_axis(table, np.reshape(index, 1), axis=0)[0] for a vector, or np.where and arithmetic"
    ),
    _ASSIGNMENT: (
        "np.zeros_like(x), of an array x that differs between episodes, in place of np.zeros or a list; or "
        "np.where(np.arange(len(a)) == index, new, a) in place of a[index] = new"
    ),
}
