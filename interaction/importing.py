"""Functions and modules as other processes find them: by name, or by the file of a script."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from interaction.errors import ArgumentError, unknown_name

T = TypeVar("T")

SCRIPT = "__mp_main__"
"""What a script is called in a process that imports it, as `multiprocessing` has it."""


@dataclass(frozen=True)
class Reference:
    """Where a function is written: its module, the module's file, and its name in there.

    >>> from interaction.importing import reference_to
    >>> from interaction.means import interval
    >>> print(reference_to(interval, "measure"), reference_to(interval, "measure").load() is interval)
    interaction.means:interval True
    """

    module: str
    file: str
    name: str
    script: bool = False

    def load(self) -> Any:
        """Give what it names, importing its module if need be."""
        return reduce(getattr, self.name.split("."), import_file(self.module, self.file, script=self.script))

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


def reference_to(function: Any, where: str) -> Reference:
    """Say where a function is written; raise `ArgumentError` where another process cannot import it."""
    name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", "")
    if not callable(function) or not name or not module:
        raise ArgumentError(f"{where}: expected a function of a module, got {function!r}")
    if "<" in name:
        kind = (
            "a lambda" if name.endswith("<lambda>") else f"{name.rpartition('.')[2]!r}, defined in a function"
        )
        raise ArgumentError(
            f"{where}: expected a function that other processes can import, got {kind}: write it with "
            f"def, at the top of a module"
        )
    file = file_of(module)
    if file is None:
        told = (
            'a notebook, or a script without `if __name__ == "__main__":` around its work'
            if module == "__main__"
            else f"the module {module!r}, which has no file"
        )
        raise ArgumentError(
            f"{where}: expected a function that other processes can import, got {name!r} of {told}: write it "
            f"in a module"
        )
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is not function:
        raise ArgumentError(f"{where}: {module}.{name} is not what was given, but {found!r}")
    return Reference(_name_of(module), file, name, module in ("__main__", SCRIPT))


def _name_of(module: str) -> str:
    """Name a module as others do: a script by `python -m`, or by its file."""
    if module not in ("__main__", SCRIPT):
        return module
    spec = getattr(sys.modules[module], "__spec__", None)
    name = getattr(spec, "name", None)
    return name if name and name != SCRIPT else Path(sys.modules[module].__file__ or "").stem


def file_of(module: str) -> str | None:
    """Give the file from which another process can import a module, or None if there is none."""
    path = getattr(sys.modules.get(module), "__file__", None)
    if path is None or not Path(path).is_file():
        return None
    return None if module == "__main__" and not _guarded(Path(path)) else str(Path(path).resolve())


def _guarded(script: Path) -> bool:
    """Say whether a script does its work under `if __name__ == "__main__":`, and so can be imported."""
    return any(
        isinstance(part, ast.If)
        and any(getattr(name, "id", "") == "__name__" for name in ast.walk(part.test))
        for part in ast.parse(script.read_text(encoding="utf-8")).body
    )


def import_file(name: str, file: str, *, script: bool = False) -> ModuleType:
    """Import a module by its name, or from its file where the name leads elsewhere; a script by its file.

    A script that lies in a package, as `python -m` starts it, has relative imports: it needs its name.
    """
    names = ("__main__", SCRIPT) if script else (name,)
    for one in names:
        there = sys.modules.get(one)
        if there is not None and _is_from(there, file):
            return there
    if not script or "." in name:
        try:
            found = importlib.import_module(name)
        except ImportError:
            found = None
        if found is not None and _is_from(found, file):
            return found
    spec: Any = importlib.util.spec_from_file_location(names[-1], file)
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[names[-1]] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[names[-1]]
        raise
    return module


def _is_from(module: ModuleType, file: str) -> bool:
    path = getattr(module, "__file__", None)
    return path is not None and Path(path).resolve() == Path(file)


def find(named: str, kind: type[T]) -> T:
    """Give what is named by `module:name` or `file.py:name`; the module may lie in the folder where one is.

    Raises `ArgumentError` for what is none of this kind, and what importing the module raises.

    >>> from interaction.errors import ArgumentError
    >>> from interaction.importing import find
    >>> find("math:pi", float)
    3.141592653589793
    >>> try:
    ...     find("math:pi", complex)
    ... except ArgumentError as error:
    ...     print(error)
    math:pi: expected a complex, got 3.141592653589793
    """
    what, (module, _, name) = kind.__name__.lower(), named.rpartition(":")
    if not module or not name:
        raise ArgumentError(f"expected a {what} as module:name, as in {what}:{what}, got {named!r}")
    there = _named(module)
    if not hasattr(there, name):
        known = [one for one, value in vars(there).items() if isinstance(value, kind)]
        raise unknown_name(name, known, f"{module}: {what}")
    found = getattr(there, name)
    if not isinstance(found, kind):
        raise ArgumentError(f"{named}: expected a {kind.__name__}, got {found!r}")
    return found


def _named(module: str) -> ModuleType:
    """Import a module by its name, or by that of its file."""
    file = Path(module).resolve() if module.endswith(".py") else None
    if file is not None and not file.is_file():
        raise ArgumentError(f"there is no file {module!r}, seen from {Path.cwd()}")
    here = str(Path.cwd() if file is None else file.parent)
    if here not in sys.path:
        sys.path.insert(0, here)
    if file is not None:
        return import_file(file.stem, str(file))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # a module that this one itself needs
        raise ArgumentError(f"there is no module {module!r} in {here}, nor is one installed") from None
