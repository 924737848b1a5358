"""The table of numpy's functions that are lifted, and what is done with the others."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from interaction.batching.arrays import by_rows
from interaction.batching.lifted import Lifted
from interaction.batching.runs import Run, caller

logger = logging.getLogger("interaction")

Array = NDArray[Any]
Rule = Callable[..., Any]
RuleT = TypeVar("RuleT", bound=Rule)

FUNCTIONS: dict[Any, Rule] = {}
"""The rule of each function; its first argument is the run."""

_CHANGING = frozenset(
    {
        np.copyto,
        np.put,
        np.putmask,
        np.place,
        np.fill_diagonal,
        np.put_along_axis,
        np.save,
        np.savetxt,
        np.savez,
    }
)


def lifts(*functions: Any) -> Callable[[RuleT], RuleT]:
    """Make this the rule of some of numpy's functions."""

    def keep(rule: RuleT) -> RuleT:
        FUNCTIONS.update(dict.fromkeys(functions, rule))
        return rule

    return keep


def play_function(run: Run, function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """Play one of numpy's functions by its rule, or for each episode by itself."""
    run.path = hash((run.path, function))
    rule = FUNCTIONS.get(function)
    if rule is None:
        return by_episode(run, function, arguments, options)
    return rule(run, *arguments, **options)


_told: set[tuple[str, int]] = set()


def by_episode(
    run: Run, function: Any, arguments: Sequence[Any], options: dict[str, Any] | None = None
) -> Any:
    """Ask a function for each episode by itself, and put the results together; say so once for a line."""
    name = getattr(function, "__name__", repr(function))
    options = {key: value for key, value in (options or {}).items() if value is not np._NoValue}
    if function in _CHANGING or options.get("out") is not None:
        raise run.fail(f"np.{name} changes an array", "an assignment such as x[i] = y, or np.where")
    where = caller()
    if where not in _told:
        _told.add(where)
        logger.warning(
            "np.%s has no rule for a whole batch, so it is asked episode by episode in %s, line %d.",
            name,
            *where,
        )
    taken: dict[int, tuple[Lifted, Array]] = {}
    each = [_of_episode(run, part, taken) for part in arguments]
    more = {key: _of_episode(run, part, taken) for key, part in options.items()}
    try:
        found = [
            function(*[part(row) for part in each], **{key: part(row) for key, part in more.items()})
            for row in range(len(run.rows))
        ]
    except Exception as error:
        raise run.fail(f"np.{name} raises {type(error).__name__} in an episode") from error
    return _together(run, found, name, list(taken.values()))


def _of_episode(run: Run, value: Any, taken: dict[int, tuple[Lifted, Array]]) -> Callable[[int], Any]:
    """Give a function from the row of an episode to the value that it has there; `taken` are the arrays."""
    if type(value) is Lifted:
        if value.ndim == 0:
            numbers = value.now().tolist() if value.plain else value.now()
            return lambda row: numbers[row]
        if id(value) not in taken:
            taken[id(value)] = value, by_rows(run, value, strict=True)
        _, arrays = taken[id(value)]
        arrays.setflags(write=False)
        return lambda row: arrays[row]
    if isinstance(value, list | tuple):
        parts = [_of_episode(run, part, taken) for part in value]
        kind = type(value)
        return lambda row: kind(part(row) for part in parts)
    return lambda row: value


def _together(run: Run, found: list[Any], name: str, taken: list[tuple[Lifted, Array]]) -> Any:
    first = found[0]
    if isinstance(first, tuple | list):
        parts = [_together(run, list(column), name, taken) for column in zip(*found, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    kinds = {type(one) for one in found}
    shapes = {(np.shape(one), np.asarray(one).dtype) for one in found}
    if len(kinds) > 1 or len(shapes) > 1 or next(iter(shapes))[1].kind == "O":
        raise run.fail(f"np.{name} gives arrays of different shapes or kinds in different episodes")
    plain = kinds <= {bool, int, float, str}
    if not (plain or isinstance(first, np.ndarray | np.generic)):
        raise run.fail(f"np.{name} gives no array")
    own: Any = None if plain else True
    if not plain and any(np.may_share_memory(first, arrays) for _, arrays in taken):
        packed = first.flags.c_contiguous or first.dtype.kind not in "fc"
        if not packed or any(value.own is not None for value, _ in taken):
            raise run.fail(f"np.{name} gives a view of an array", "x[...] with slices, or a copy")
        own = None
    if not isinstance(first, np.ndarray):
        return Lifted(run, np.array(found), plain=plain, own=own)
    order = sorted(range(first.ndim), key=lambda axis: -first.strides[axis])
    data = np.stack([one.transpose(order) for one in found], axis=-1)
    return Lifted(run, data.transpose(*np.argsort(order), first.ndim), own=own)
