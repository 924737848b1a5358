"""What the numbers of a sweep follow from beside its arguments: sources, versions, and the machine's kind."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import platform
import re
import sys
import sysconfig
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import interaction
from interaction.errors import ArgumentError
from interaction.importing import Reference
from interaction.studies.sweeps.loaded import module_of, unlike

Lines = dict[str, Any]

_OURS = ("tasks", "users", "assistants", "examples")  # folders that are installed inside `interaction`
_IMPORTS_US = re.compile(r"^\s*(from|import)\s+interaction\b", re.MULTILINE)
_STANDARD = sysconfig.get_path("stdlib")
_SITE = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def surroundings(references: Iterable[Reference]) -> Lines:
    """Give the sources that are behind some functions, the versions of libraries, and the machine's kind."""
    return _surroundings(tuple(references))


@lru_cache(maxsize=4)
def _surroundings(references: tuple[Reference, ...]) -> Lines:
    return {
        "versions": {
            "python": platform.python_version(),
            "interaction": f"{interaction.__version__} ({_engine()})",
            **{name: _version(name) for name in ("numpy", "scipy", "gymnasium", "pyarrow")},
        },
        "sources": {name: _digest(file) for name, file in sorted(_sources_of(references).items())},
        "machine": {
            "kind": f"{platform.system()} {platform.machine()}",
            "instructions": " ".join(_instructions()),
        },
    }


def check_loaded(references: Iterable[Reference], again: bool = False) -> None:
    """Raise `ArgumentError` where this process has another module than is in the file, or was there before.

    It would play one code, and the manifest tell of the other. With `again`, unless no file has changed.
    """
    sources = _sources_of(tuple(references))
    stamps = tuple(file.stat().st_mtime_ns for file in sources.values())
    if again and _looked.get(tuple(sources)) == stamps:
        return
    for name, file in sources.items():
        module = module_of(name, file)
        if module is None:
            continue
        what = unlike(module, file, sources)
        spec = getattr(module, "__spec__", None)  # another one once it is loaded again
        met, digest = _met.setdefault(name, (spec, _digest(file)))
        if met is not spec:
            _met[name] = spec, _digest(file)
        elif digest != _digest(file) and what is None:
            what = "the file was edited"
        if what is not None:
            raise ArgumentError(
                f"Sweep: {file} is not what this process has imported as {name!r}: {what}. Import it "
                f"again, and what imports from it, by importlib.reload or in a new process, and make the "
                f"sweep anew; what bundles depend on is written in a module or a label, not set from outside"
            )
    _looked[tuple(sources)] = stamps


_met: dict[str, tuple[object, str]] = {}
_looked: dict[tuple[str, ...], tuple[int, ...]] = {}


def forget() -> None:
    """Look at all sources again: they may have been edited, and modules loaded again, since the last time."""
    _surroundings.cache_clear()
    _sources_of.cache_clear()
    _file_of.cache_clear()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _instructions() -> list[str]:
    """Name the instructions that numpy's loops use here: with others a last bit may differ."""
    told: Any = np.show_config(mode="dicts")
    found: list[str] = told.get("SIMD Extensions", {}).get("found", [])
    return found


def _digest(*files: Path) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def _engine() -> str:
    """Sum up the sources of `interaction` itself, without those of the components that it ships."""
    root = Path(interaction.__file__).parent
    files = (file for file in root.rglob("*.py") if file.relative_to(root).parts[0] not in _OURS)
    return _digest(*sorted(files))


@lru_cache(maxsize=8)
def _sources_of(references: tuple[Reference, ...]) -> dict[str, Path]:
    """Give the modules of components: those that these import, and so on, but for libraries."""
    todo = [(one.module, Path(one.file)) for one in references]
    found: dict[str, Path] = {}
    while todo:
        name, file = todo.pop()
        if name not in found:
            found[name] = file
            todo += [(other, path) for other in _imports(name, file) if (path := _file_of(other)) is not None]
    return found


def _imports(name: str, file: Path) -> set[str]:
    """Name what a module may import, wherever it does, with the packages that these lie in."""
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    parts = [one.split(".") for one in found]
    return {".".join(names[: count + 1]) for names in parts for count in range(len(names))}


@lru_cache(maxsize=1024)
def _file_of(module: str) -> Path | None:
    """Give the source of a module that may hold components, or None; nothing is imported for it."""
    top, *rest = module.split(".")
    ours = top == "interaction"
    if top in sys.builtin_module_names or (ours and rest[:1] not in [[name] for name in _OURS]):
        return None
    file = _located(top, rest)
    if file is None:  # it is no module, but a name in one
        return None
    if not any(file.is_relative_to(path) for path in _SITE) and file.is_relative_to(_STANDARD):
        return None
    library = not ours and any(file.is_relative_to(path) for path in _LIBRARIES)
    return None if library and not _IMPORTS_US.search(file.read_text(encoding="utf-8")) else file


def _located(top: str, rest: list[str]) -> Path | None:
    """Find the file of a module by the folders of its package, which may have no `__init__.py`."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or (spec.origin is not None and not spec.origin.endswith(".py")):
        return None
    found = None if spec.origin is None else Path(spec.origin)
    package = getattr(sys.modules.get(top), "__path__", spec.submodule_search_locations)
    folders = [Path(one) for one in package or ()]
    for name in rest:
        files = [folder / part for folder in folders for part in (f"{name}/__init__.py", f"{name}.py")]
        found = next((file for file in files if file.is_file()), None)
        folders = [folder / name for folder in folders if (folder / name).is_dir()]
        if found is None and not folders:
            return None
    return found


def differences(before: Lines, now: Lines, within: str = "") -> list[str]:
    """Give a line for each entry that differs between two nested mappings."""
    found = []
    for name in [*before, *(name for name in now if name not in before)]:
        path = f"{within}{name}"
        one, other = before.get(name), now.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            found += differences(one, other, f"{path}.")
        elif one != other:
            found.append(f"{path}: {_told(one)} before, {_told(other)} now")
    return found


def _told(value: Any) -> str:
    return "nothing" if value is None else str(value)
