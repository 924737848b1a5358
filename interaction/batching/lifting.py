"""To play a method that was written for one episode on the rows of a batch.

The method gets lifted values. Where its episodes part, it is played again for those that left, and the
results are put together. What cannot be lifted, or raises, is played episode by episode instead. A sample
of the rows is compared with the single episodes, so that a hole in a rule shows.
"""

from __future__ import annotations

import linecache
import logging
import traceback
from collections.abc import Callable
from functools import partial
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching import functions, operators  # noqa: F401  (they give Lifted its methods)
from interaction.batching.identity import asks_for_identity
from interaction.batching.runs import Arithmetic, NotLiftedError, Run, count, innermost, inside
from interaction.batching.selection import (
    check_kinds,
    looped,
    name_in,
    narrowed,
    row_of,
    rows_first,
    rows_last,
    stacked_fields,
    uneven,
)
from interaction.batching.states import lift, lower
from interaction.batching.streams import LiftedRandom
from interaction.component import Component
from interaction.errors import BatchError
from interaction.random import EpisodeRandom
from interaction.state import State, lock, same

logger = logging.getLogger("interaction")

Array = NDArray[Any]
Method = Callable[..., Any]

MANY = 1_000  # episodes from which it is worth telling that they part too far
FEW = 8  # episodes up to which single play is as fast
FEW_LEFT = 4  # the same, for those that left another group
SHARE = 12  # episodes for each group into which they part, below which single play is as fast
LEAST = 4  # groups that are always tried
SAMPLE = 5  # rows that are compared with single episodes in the first call, and then ever more rarely
PATHS = 200  # ways through a method a row of which is compared when they are first gone
_IMPURE = (
    "what draws from rng alone and keeps nothing between calls (interaction.checks names what does not); "
    "where it does so already, mark it batched = False and report it"
)
_KINDS = "isinstance(x, float) in place of type(x), and `if x` in place of `x is True`"
_FIELDS = "state[name] for the field of a state whose name is worked out"
_PATIENCE = 64  # calls after which a method that parted too far is tried again


class DisagreementError(Exception):
    """A lifted method gave other values than single episodes: what was played with it is to be repeated."""

    def __init__(self, component: Component) -> None:
        super().__init__(type(component).__name__)
        self.component = component


class LiftedMethod:
    """A method of a component, played on all rows of a batch at once as far as that can be done."""

    def __init__(self, component: Component, method: Method, conform: Method | None = None) -> None:
        self.component = component
        self.method = method
        self.conform = conform
        self.singly = looped(method, component, conform)
        self._few = FEW
        self._identity: bool | None = None
        self._calls = 0
        self._paths: set[int] = set()
        self._lifted = 0  # episodes of all calls that were lifted
        self._singly = 0  # and of those that were not, because lifting had failed
        self._refused = False
        self._failures = 0
        self._resting = 0  # calls that are played singly before lifting is tried again

    def __call__(self, *arguments: Any) -> Any:
        rows = arguments[-1].rows
        if rows is None:
            return self.method(*arguments)
        if rows <= self._few or self._asks_for_identity():
            return self.singly(*arguments)
        if self._resting:
            self._resting -= 1
            self._singly += rows
            return self.singly(*arguments)
        *values, rng = arguments
        try:
            result, groups, paths = play_lifted(self.method, values, rng, self.singly, self.conform)
        except NotLiftedError as error:
            reason = error
        except DisagreementError:
            raise
        except BatchError as error:
            if error.row is not None:
                name_in(error, self.method, self.component, int(rng.episodes[error.row]), rng.place)
            raise
        except Exception as error:  # the component's own, which single play raises again, or else lifting's
            reason = NotLiftedError(f"{type(error).__name__}: {error}", where=_line(error))
        else:
            self._compare(result, values, rng, groups, paths)
            self._lifted += rows
            return result
        result = self.singly(*values, rng)
        self._give_up(reason, rows)
        return result

    @property
    def way(self) -> str:
        """Say in which way the episodes of its calls were played, but for calls of a few."""
        tenth = (self._lifted + self._singly) / 10
        if self._refused or self._lifted < tenth:
            return "episode by episode"
        return "lifted" if self._singly <= tenth else "partly lifted"

    def _asks_for_identity(self) -> bool:
        """Whether the method asks what values are, in which lifted ones differ; found out once, and told."""
        if self._identity is None:
            found = asks_for_identity(self.component, self.method)
            self._identity = found is not None
            if found is not None:
                what, file, line = found
                self._refused = True
                remedy = _FIELDS if what.startswith("getattr") else _KINDS
                self._tell(NotLiftedError(f"{what} tells lifted values from others", remedy, (file, line)))
        return self._identity

    def _tell(self, error: NotLiftedError) -> None:
        file, line = error.where
        code = getattr(getattr(self.method, "__func__", self.method), "__code__", None)
        if inside(file) and code is not None:  # found out when the method had returned
            file, line = code.co_filename, code.co_firstlineno
        text = linecache.getline(file, line).strip()
        tell(self.component, self.method, f"`{text}` ({file}, line {line}): {error.reason}", error.remedy)

    def _compare(
        self, result: Any, values: list[Any], rng: EpisodeRandom, groups: list[Array], paths: list[int]
    ) -> None:
        """Compare a sample of the rows with single episodes: of each new way, and of some others."""
        rows = self._new(groups, paths)
        calls = self._calls = self._calls + 1
        if calls & (calls - 1) == 0:
            each = max(SAMPLE // len(groups), 1)
            for group in (groups * 2)[calls % len(groups) :][: min(SAMPLE, len(groups))]:
                rows += group[(np.arange(min(each, len(group))) * 7 + calls) % len(group)].tolist()
        if rows:
            self._compare_rows(result, values, rng, np.unique(rows))

    def _new(self, groups: list[Array], paths: list[int]) -> list[int]:
        """Give a row of each way that was gone for the first time, as far as there are few of them."""
        if self._paths.issuperset(paths) or len(self._paths) >= PATHS:
            return []
        new = [int(group[0]) for group, path in zip(groups, paths, strict=True) if path not in self._paths]
        self._paths.update(paths)
        return new[:SAMPLE]

    def _compare_rows(self, result: Any, values: list[Any], rng: EpisodeRandom, rows: Array) -> None:
        few = [row_of(value, rows, {}) for value in values]
        try:
            singly = self.singly(*few, rng.select(rows))
        except Exception as error:
            self._disagree(f"it raises {type(error).__name__} for a single episode", error)
        if not equal_bits(singly, row_of(result, rows, {})):
            self._disagree("it gives other values on a batch than for single episodes")

    def _disagree(self, reason: str, cause: Exception | None = None) -> None:
        self._refused = True
        tell(
            self.component,
            self.method,
            reason,
            _IMPURE,
        )
        raise DisagreementError(self.component) from cause

    def _give_up(self, error: NotLiftedError, rows: int) -> None:
        """Say once why a method was played singly, and rest before lifting is tried again."""
        if error.parting and rows < MANY:
            self._few = rows
            return
        self._failures += 1
        self._resting = min(2**self._failures, _PATIENCE)
        self._singly += rows
        self._tell(error)


def _line(error: Exception) -> tuple[str, int]:
    """Give the file and the line of a component at which an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = innermost(frames, lambda frame: frame.filename)
    return frame.filename, frame.lineno or 0


_told: set[tuple[type, str, str]] = set()


def tell(component: Component, method: Method, reason: str, remedy: str) -> None:
    """Say once that a method is played episode by episode, because of which line, and what to write."""
    key = (type(component), method.__name__, reason.partition("): ")[0])
    if key not in _told:
        _told.add(key)
        logger.warning(
            "%s.%s is played episode by episode inside batches: %s.%s",
            type(component).__name__,
            method.__name__,
            reason,
            f" Write {remedy}." if remedy else "",
        )


def play_lifted(
    method: Method, values: list[Any], rng: EpisodeRandom, singly: Method, conform: Method | None = None
) -> tuple[Any, list[Array], list[int]]:
    """Play a method on all rows; give its result, the rows of each way that episodes went, and its number.

    Raises `NotLiftedError` where it cannot be lifted, and whatever the method raises.
    """
    total = rng.rows
    assert total is not None
    waiting = [count(total)]
    found: list[tuple[Array, Any]] = []
    paths: list[int] = []
    drawn: dict[tuple[int, int], Array] = {}
    limit = max(total // SHARE, LEAST)
    with Arithmetic() as arithmetic:
        while waiting:
            rows = waiting.pop()
            if len(rows) <= FEW_LEFT and len(rows) < total:
                part = [row_of(value, rows, {}) for value in values]
                found.append((rows, singly(*part, rng.select(rows))))
                paths.append(0)
                continue
            run = arithmetic.run = Run(rows, total, limit, len(found) + len(waiting))
            try:
                result = method(*[lift(run, value) for value in values], LiftedRandom(run, rng, drawn))
                if run.failure is not None:
                    raise run.failure
                found.append((run.rows, lower(run, result, kept=True)))
                paths.append(run.path)
                if run.failure is not None:
                    raise run.failure
            except (Exception, NotLiftedError) as error:
                if run.failure not in (None, error):  # numpy drops what goes wrong in a look-up, and tries on
                    raise run.failure from error
                raise
            finally:
                run.over = True
            waiting += run.left
    if len(found) == 1:
        return found[0][1], [found[0][0]], paths
    results = [one if conform is None else conform(one, rows) for rows, one in found]
    groups = [rows for rows, _ in found]
    return together(results, groups, total, conform is not None), groups, paths


def together(results: list[Any], groups: list[Array], total: int, strict: bool = False) -> Any:
    """Put the results of groups of rows together: `(total, *shape)` for each array.

    An array that holds all rows came from the batch as it is.
    """
    first = results[0]
    if all(map(partial(is_, first), results)):
        return first
    if isinstance(first, np.ndarray):
        return _scattered(results, groups, total, strict)
    if isinstance(first, State):
        for one, rows in zip(results, groups, strict=True):
            if not isinstance(one, State) or one.keys() != first.keys():
                raise _uneven(results, groups, one, rows)
        fields = [one.__dict__ for one in results]
        return stacked_fields(
            first, lambda name: together([one[name] for one in fields], groups, total, strict)
        )
    if isinstance(first, tuple):
        for one, rows in zip(results, groups, strict=True):
            if not isinstance(one, tuple) or len(one) != len(first):
                raise _uneven(results, groups, one, rows)
        parts = [together(list(part), groups, total, strict) for part in zip(*results, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    if all(_is_constant(one, first) for one in results):
        return first
    return _scattered(results, groups, total, strict)


def _is_constant(one: Any, other: Any) -> bool:
    """Whether these are the same plain number, its sign included where it is a zero."""
    if type(one) is not type(other) or isinstance(one, np.ndarray):
        return False
    return bool(one == other) and (bool(one) or repr(one) == repr(other))


def _scattered(results: list[Any], groups: list[Array], total: int, strict: bool) -> Array:
    arrays = _alike(results) or _made_alike(list(map(narrowed, results, groups)), groups, strict)
    dtype, inner = np.result_type(*arrays), arrays[0].shape[1:]
    whole = next((one for one in arrays if one.ndim and len(one) == total), None)
    out = np.empty((*inner, total), dtype)
    if whole is not None:  # what some rows kept, into which the others are written
        out[...] = rows_last(whole)
    for rows, array in zip(groups, arrays, strict=True):
        if array is whole:
            continue
        given = rows_last(array) if array.ndim else array
        if array.ndim and len(array) == total:
            given = given.take(rows, -1)
        if len(inner) == 1 and given.ndim == 2 and len(rows) >= MANY:
            for entry, part in zip(out, given, strict=True):  # numpy takes half as long again for all at once
                entry[rows] = part
        else:
            out[(..., rows) if inner else rows] = given  # numpy takes twice as long with the ellipsis
    return rows_first(lock(out))


_NUMBERS = frozenset({bool, int, float, np.ndarray})


def _alike(results: list[Any]) -> list[Array] | None:
    """Give results as arrays, if they all have the same type, and the same shape of one episode."""
    if not _NUMBERS.issuperset(map(type, results)):
        return None
    arrays = [one if type(one) is np.ndarray else np.asarray(one) for one in results]
    dtype, inner = arrays[0].dtype, arrays[0].shape[1:]
    for array in arrays:
        if array.dtype != dtype or array.shape[1:] != inner:
            return None
    return arrays


def _made_alike(results: list[Any], groups: list[Array], strict: bool) -> list[Array]:
    """The same of unlike results, which may still go together; raise where they do not."""
    makes = [_make_of(one) for one in results]
    for one, made, rows in zip(results, makes, groups, strict=True):
        if made != makes[0]:
            raise _uneven(results, groups, one, rows)
    arrays = [np.asarray(one) for one in results]
    try:
        check_kinds(results, np.result_type(*arrays), strict, _of_one)
    except BatchError as error:
        error.row = int(groups[error.row or 0][0])
        raise
    return arrays


def _make_of(one: Any) -> Any:
    """Give what the results of all groups must share: the shape of one episode, and whether it is a text."""
    if one is None or isinstance(one, State | tuple):
        return type(one)
    return np.shape(one)[1:], np.asarray(one).dtype.kind == "U"


def _of_one(one: Any) -> Any:
    """Give what the first episode of a group holds, whose arrays hold that group alone."""
    return row_of(one, 0)


def _uneven(results: list[Any], groups: list[Array], one: Any, rows: Array) -> BatchError:
    first = narrowed(results[0], groups[0])
    return uneven(_of_one(first), _of_one(narrowed(one, rows)), int(rows[0]))


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
