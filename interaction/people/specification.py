"""What a study is made of, as plain JSON, and its fingerprint: whether it is still the one that began.

The specification names the components and holds their values. The fingerprint also covers the sources of the
modules in which they, and the views, are written, but for the engine's own and those of numpy and the like:
their versions are kept with each session.
"""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import numpy as np

from interaction.bundle import Bundle
from interaction.component import Component
from interaction.people.events import Json, encode
from interaction.spaces import Box, Space
from interaction.state import State

_ENGINE = frozenset({"builtins", "numpy", "scipy", "gymnasium", "interaction", *sys.stdlib_module_names}) - {
    "__main__"
}
_SHIPPED = ("interaction.tasks.", "interaction.users.", "interaction.assistants.", "interaction.examples.")
_WHOLE = 64  # entries of an array that are written out


class Specification:
    """Describes values as plain JSON, and keeps the modules in which their kinds are written."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self._met: dict[int, tuple[int, Any]] = {}

    def describe(self, value: Any) -> Json:
        """Give a value as JSON: a component by its class and what it holds, a function by its name."""
        if value is None or isinstance(value, str | bool | int | float):
            return encode(value.value if isinstance(value, Enum) else value)
        if isinstance(value, np.ndarray | np.generic):
            return self._array(np.asarray(value))
        if isinstance(value, State | Mapping):
            return {str(name): self.describe(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [self.describe(part) for part in value]
        if isinstance(value, set | frozenset):
            return sorted((self.describe(part) for part in value), key=str)
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            return self._name(value)
        if isinstance(value, MethodType):
            return {"method": value.__name__, "of": self.describe(value.__self__)}
        if isinstance(value, Path | ModuleType | np.dtype):
            return str(getattr(value, "__name__", value))
        if hasattr(value, "dist") and hasattr(value, "kwds"):  # a frozen distribution of scipy
            return {"distribution": value.dist.name, "of": self.describe([value.args, value.kwds])}
        if isinstance(value, Space):
            bounds = {"low": value.low, "high": value.high} if isinstance(value, Box) else {}
            return {"space": repr(value), **self.describe(bounds)}
        return self._object(value)

    def _name(self, kind: Any) -> str:
        self.modules.add(kind.__module__)
        return f"{kind.__module__}.{kind.__qualname__}"

    def _array(self, array: Any) -> Json:
        if array.size <= _WHOLE and array.dtype.kind in "biufU":
            return array.tolist() if array.dtype.kind in "biU" else encode(array)
        content = np.ascontiguousarray(array).tobytes() if not array.dtype.hasobject else repr(array).encode()
        return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": sha256(content).hexdigest()}

    def _object(self, value: Any) -> Json:
        """Describe an object by its class and what it holds; one that was met already, by its number."""
        if id(value) in self._met:
            return {"see": self._met[id(value)][0]}
        self._met[id(value)] = len(self._met), value
        for kind in type(value).__mro__[:-1]:
            self.modules.add(kind.__module__)
        described: dict[str, Json] = {"class": self._name(type(value))}
        held = value.__getstate__()
        for part in held if isinstance(held, tuple) else (held,):
            if isinstance(part, Mapping):
                shown = {name: one for name, one in part.items() if _counts(value, name)}
                described |= self.describe(shown)
        if len(described) == 1 and not isinstance(value, Component):
            described["value"] = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
        return described

    def bundle(self, bundle: Bundle) -> Json:
        """Describe the parts of a bundle."""
        names = ("task", "user", "assistant", "max_rounds", "last_look")
        return {name: self.describe(getattr(bundle, name)) for name in names}

    def sources(self) -> dict[str, str]:
        """Give a sum of the source of each module, as far as it has a file and is not the engine's."""
        found = {}
        for name in sorted(self.modules):
            file = getattr(sys.modules.get(name), "__file__", None)
            if _is_ours(name) and file and Path(file).is_file():
                found[name] = sha256(Path(file).read_bytes()).hexdigest()
        return found


def _counts(owner: Any, name: str) -> bool:
    """Whether an attribute is a part of a value: of what others have written, none with an underscore."""
    return not name.startswith("_") or (isinstance(owner, Component) and _is_ours(type(owner).__module__))


def _is_ours(module: str) -> bool:
    """Whether a module is the study's or a laboratory's, or holds a task, a user or an assistant."""
    return module.partition(".")[0] not in _ENGINE or module.startswith(_SHIPPED)


def fingerprint(specification: Json, sources: Mapping[str, str]) -> str:
    """Give the sum of a specification and its sources: 16 hexadecimal digits.

    >>> from interaction.people.specification import fingerprint
    >>> fingerprint({"episodes": 12}, {}) == fingerprint({"episodes": 13}, {})
    False
    """
    text = json.dumps([specification, dict(sources)], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def changes(before: Json, after: Json) -> str:
    """Name the parts in which two specifications differ, by path; where there are none, the code does.

    >>> from interaction.people.specification import changes
    >>> changes({"episodes": 12, "seed": 7}, {"episodes": 13, "seed": 7}), changes({}, {})
    ('episodes', 'the code of its modules')
    """
    found = list(_changes(before, after, ""))
    return ", ".join([*found[:5], *(["…"] if len(found) > 5 else [])]) or "the code of its modules"


def _changes(before: Json, after: Json, path: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            yield from _changes(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif before != after:
        yield path


@cache
def versions() -> Mapping[str, str]:
    """Give the versions of what a session is played with.

    >>> from interaction.people.specification import versions
    >>> sorted(versions())
    ['gymnasium', 'interaction', 'machine', 'numpy', 'python', 'scipy']
    """
    from interaction import __version__

    libraries = {name: version(name) for name in ("numpy", "scipy", "gymnasium")}
    own = {"interaction": __version__, "python": platform.python_version(), "machine": platform.machine()}
    return MappingProxyType(own | libraries)
