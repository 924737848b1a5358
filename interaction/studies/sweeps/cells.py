"""The cells of a sweep: every combination of the labels of its axes, each with a seed and a folder's name."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from interaction.errors import ArgumentError, unknown_name

Label = str | int | float | bool
Over = dict[str, tuple[Label, ...]]
"""The labels of each axis, by its name."""

RESERVED = ("episode",)  # columns of every file

_COLUMNS = ("measure", "n", "mean", "standard_error")  # of tables, beside the axes and quantiles


@dataclass(frozen=True)
class Cell:
    """A combination of labels, one of each axis, and the seed of its episodes."""

    values: tuple[tuple[str, Label], ...]
    seed: int

    @property
    def labels(self) -> dict[str, Label]:
        """The labels by axis: what `make_bundle` is called with."""
        return dict(self.values)

    @property
    def name(self) -> str:
        """The name of the folder of its files: it depends on the labels alone."""
        told = "-".join(re.sub(r"[^\w.]+", "_", str(value)) for _, value in self.values)
        return f"{told[:60]}-{_digest(self.values).hex()[:12]}".lstrip("-.")

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.values) or "the only cell"


def cells_of(over: Over, seed: int, common: bool) -> tuple[Cell, ...]:
    """Give all cells, the last axis moving fastest.

    With `common` random numbers all have the seed of the sweep, so that an episode meets the same luck in all
    of them; else each has a seed that follows from it and from the labels.
    """
    found = []
    for values in itertools.product(*over.values()):
        labels = tuple(zip(over, values, strict=True))
        own = seed if common else int.from_bytes(_digest((seed, labels))[:7])
        found.append(Cell(labels, own))
    return tuple(found)


def _digest(value: Any) -> bytes:
    return hashlib.sha256(json.dumps(value).encode()).digest()


def read_over(over: Any, where: str) -> Over:
    """Turn axes into checked labels; raise `ArgumentError` for what cannot be told apart in a table."""
    if not isinstance(over, Mapping):
        raise ArgumentError(
            f"{where}: over: expected a mapping such as {{'error_rate': [0.0, 0.1]}}, got {over!r}"
        )
    return {
        _name(name, where): _labels(name, given, f"{where}: over: {name}") for name, given in over.items()
    }


def _name(name: Any, where: str) -> str:
    if not isinstance(name, str) or not name.isidentifier():
        raise ArgumentError(
            f"{where}: over: expected the names of arguments of make_bundle for axes, got {name!r}"
        )
    if name in _COLUMNS or name.startswith("quantile_"):
        raise ArgumentError(
            f"{where}: over: {name!r} is a column of every table: choose another name for the axis"
        )
    return name


def _labels(name: str, given: Any, where: str) -> tuple[Label, ...]:
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise ArgumentError(f"{where}: expected a list of labels, got {given!r}")
    labels = [value.item() if isinstance(value, np.generic) else value for value in given]
    if not labels:
        raise ArgumentError(f"{where}: expected one label or more, got none: no cell would be played")
    for value in labels:
        if not isinstance(value, str | int | float | bool) or (
            isinstance(value, float) and not math.isfinite(value)
        ):
            raise ArgumentError(
                f"{where}: expected text, finite numbers or flags, got {value!r}: give a label, and let "
                f"make_bundle make of it what it stands for"
            )
        if isinstance(value, str) and any("\ud800" <= one <= "\udfff" for one in value):
            raise ArgumentError(f"{where}: expected text of whole characters, got {value!r}")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise ArgumentError(f"{where}: expected whole numbers of 64 bits, got {value!r}")
    kinds = {type(value) for value in labels}
    if kinds == {int, float}:
        if lost := [value for value in labels if float(value) != value]:
            raise ArgumentError(f"{where}: expected numbers that a float holds exactly, got {lost[0]!r}")
        labels = [float(value) for value in labels]
    elif len(kinds) > 1:
        told = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ArgumentError(f"{where}: expected labels of one kind, got {told}")
    for index, value in enumerate(labels):
        if value in labels[:index]:
            raise ArgumentError(f"{where}: {value!r} is there twice")
    return tuple(labels)


def chosen(over: Over, where: Mapping[str, Any], name: str) -> dict[str, Label]:
    """Give the labels that are asked for; raise unless each is one of its axis."""
    found = {}
    for axis, value in where.items():
        if axis not in over:
            raise unknown_name(axis, over, name)
        if value not in over[axis]:
            raise ArgumentError(f"{name}: {axis}: expected one of {list(over[axis])}, got {value!r}")
        found[axis] = over[axis][over[axis].index(value)]
    return found
