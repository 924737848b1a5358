"""The parameters of what is shipped: their defaults, what they may be, and what their docstrings say of them.

A docstring says so as in "`drift` (1/√s: evidence a second)": the name, and in brackets what it is, with its
unit. What a class does not say of a parameter, its bases do, or its module for all of it.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from gymnasium import spaces

WIDEST = 1e9
"""Beyond this a bound is none."""


class Parameter(NamedTuple):
    """One parameter: its name, its default and the values it may have, as text, and what it is."""

    name: str
    default: str
    values: str
    told: str


def parameters(made: Callable[..., Any]) -> list[Parameter]:
    """Give the parameters of a class or a function; `told` is empty where nothing is said of one."""
    texts = [made.__doc__ or ""]
    if inspect.isclass(made):
        texts = [one.__doc__ or "" for one in made.__mro__ if one.__module__ == made.__module__]
    texts.append(sys.modules[made.__module__].__doc__ or "")
    signature = inspect.signature(made).parameters.values()
    given = [one.default is not one.empty for one in signature]
    state = getattr(made(), "state_space", None) if inspect.isclass(made) and all(given) else None
    entries = dict(state.items()) if isinstance(state, spaces.Dict) else {}
    return [
        Parameter(
            one.name,
            "" if one.default is one.empty else _short(one.default),
            _values(entries[one.name]) if one.name in entries else "",
            next(filter(None, (_said(one.name, text) for text in texts)), ""),
        )
        for one in signature
    ]


def _said(name: str, text: str) -> str:
    """Give what stands in brackets after a name, before the examples."""
    found = re.search(rf"`{name}`\s+\(((?:[^()]|\([^()]*\))+)\)", text.partition(">>>")[0])
    return " ".join(found[1].split()) if found else ""


def _short(default: object) -> str:
    return repr(default).replace("-", "−") if isinstance(default, int | float) else repr(default)


def _values(space: spaces.Space[Any]) -> str:
    """Say in words what a space holds, as "0 to 1"."""
    if isinstance(space, spaces.Discrete):
        return f"{int(space.start)} to {int(space.start + space.n - 1)}"
    if not isinstance(space, spaces.Box):
        return ""
    low, high = float(space.low.flat[0]), float(space.high.flat[0])
    if abs(low) < WIDEST and abs(high) < WIDEST:
        return f"{low:.6g} to {high:.6g}"
    return f"{low:.6g} or more" if abs(low) < WIDEST else "any number"
