"""Candidates that are played side by side: the axes of `over`.

An axis holds the candidates of one path, or those of several paths that go together, as the parameters of a
person do. Games are played for every combination of the axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError, unknown_name
from interaction.opening import Fields, Forced, as_one_episode, even
from interaction.state import freeze

Array = NDArray[Any]

Axes = dict[str, dict[str, Array]]
"""By the name of each axis, its candidates by dotted path: `(candidates, *shape)`."""

_TAKEN = "episode", "round", "lengths", "returns", "terminated", "truncated", "played"


def read_over(fields: Fields, over: Mapping[str, Any] | None, where: str) -> Axes:
    """Turn `over` into checked candidates.

    `{"user_state.p0": range(10)}` is an axis of that path; `{"person": {"user_state.p0": [1, 2],
    "user_state.p1": [5, 7]}}` one of two people, whose values go together.
    """
    axes: Axes = {}
    if over is None:
        return axes
    if not isinstance(over, Mapping):
        raise ArgumentError(
            f"{where}: expected a mapping such as {{'user_state.p0': range(10)}}, got {over!r}"
        )
    for name, given in over.items():
        if isinstance(given, Mapping):
            axes[name] = _together(fields, name, given, where)
        else:
            axes[name] = {name: _candidates(fields, name, given, where)}
    listed = paths_of(axes)
    for path in listed:
        if listed.count(path) > 1:
            raise ArgumentError(f"{where}: {path} is in two axes: {', '.join(map(str, axes))}")
    return axes


def _together(fields: Fields, name: Any, given: Mapping[str, Any], where: str) -> dict[str, Array]:
    """Read the axis of several paths whose values go together."""
    taken = {*_TAKEN, *(path.partition(".")[0] for path in fields)}
    if not isinstance(name, str) or name in taken or "." in name:
        raise ArgumentError(
            f"{where}: {name!r}: expected a name of your own for values that go together, as in "
            f"{{'person': {{'user_state.p0': [1, 2], 'user_state.p1': [5, 7]}}}}; axes with a path each, as "
            f"in {{'user_state.p0': [1, 2], 'user_state.p1': [5, 7]}}, are played in every combination"
        )
    axis = {path: _candidates(fields, path, values, where) for path, values in given.items()}
    if len({len(values) for values in axis.values()}) != 1:
        found = ", ".join(f"{len(values)} of {path}" for path, values in axis.items()) or "no path"
        raise ArgumentError(f"{where}: {name}: expected as many values of each path, got {found}")
    return axis


def _candidates(fields: Fields, path: Any, given: Any, where: str) -> Array:
    """Read the candidates of a path."""
    if path not in fields:
        raise unknown_name(path, fields, where)
    member = fields[path]
    if isinstance(given, str | Mapping) or not hasattr(given, "__iter__"):
        raise ArgumentError(f"{where}: {path}: expected a list of candidate values, got {given!r}")
    candidates = even(list(given), f"{where}: {path}")
    if candidates.ndim != 1 + len(member.shape) or len(candidates) == 0:
        raise ArgumentError(
            f"{where}: {path}: expected one or more candidates of shape {member.shape}, got {given!r}"
        )
    member.check(freeze(candidates), f"{where}: {path}", len(candidates))
    return np.asarray(as_one_episode(member.conform(candidates), member))


def paths_of(axes: Axes) -> list[str]:
    """Give the paths that have candidates."""
    return [path for axis in axes.values() for path in axis]


def axis_labels(axes: Axes) -> dict[str, Array]:
    """Give the labels of each axis: the candidates of its path, or numbers where several go together."""
    return {name: axis[name] if name in axis else np.arange(_length(axis)) for name, axis in axes.items()}


def axis_lengths(axes: Axes) -> tuple[int, ...]:
    """Give how many candidates each axis has."""
    return tuple(map(_length, axes.values()))


def _length(axis: dict[str, Array]) -> int:
    return len(next(iter(axis.values())))


def check_apart(axes: Axes, forced: Forced, where: str) -> None:
    """Raise for a path that is both among the candidates and among the starting values."""
    clash = [path for path in paths_of(axes) if path in forced]
    if clash:
        raise ArgumentError(f"{where}: {', '.join(clash)} is both in start and in over")


def combine(axes: Axes) -> tuple[int, dict[str, Array]]:
    """Give every combination of the candidates: how many there are, and their values by path."""
    lengths = axis_lengths(axes)
    count = int(np.prod(lengths, dtype=np.int64))
    index = np.unravel_index(np.arange(count), lengths) if lengths else ()
    return count, {
        path: values[part]
        for axis, part in zip(axes.values(), index, strict=True)
        for path, values in axis.items()
    }
