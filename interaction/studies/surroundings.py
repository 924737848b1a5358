"""What numbers follow from beside arguments: loaded code and values, versions, the machine's kind."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import platform
import re
import sys
import sysconfig
import threading
from collections.abc import Iterable
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import numpy as np

import interaction
from interaction.errors import ArgumentError
from interaction.importing import SCRIPT, Reference
from interaction.studies.loaded import Told, loaded

Lines = dict[str, Any]

_OURS = ("tasks", "users", "assistants", "examples")  # folders that are installed inside `interaction`
_IMPORTS_US = re.compile(r"^\s*(from|import)\s+interaction\b", re.MULTILINE)
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_SITE = {"site-packages", "dist-packages"}

Sources = dict[str, tuple[Path, ast.Module]]
"""The file of each module, and what is written in it: without comments and layout."""


def surroundings(references: Iterable[Reference]) -> Lines:
    """Give the sources that are behind some functions, the versions of libraries, and the machine's kind."""
    with _one_at_a_time:
        return _surroundings(tuple(references))


_one_at_a_time = threading.Lock()  # CPython 3.11 fails where two threads read sources (its issue 106905)


@lru_cache(maxsize=4)
def _surroundings(references: tuple[Reference, ...]) -> Lines:
    sources, libraries = _sources_of(references)
    return {
        "versions": {
            "python": platform.python_version(),
            "interaction": f"{interaction.__version__} ({_engine()})",
            **{name: _version(name) for name in ("numpy", "scipy", "gymnasium", "pyarrow")},
            **{name: told for name in sorted(libraries) if (told := _version(name)) != "none"},
        },
        "sources": {name: _digest(ast.dump(tree).encode()) for name, (_, tree) in sources.items()},
        "loaded": loaded(sources),
        "machine": {
            "kind": f"{platform.system()} {platform.machine()}",
            "instructions": " ".join(_instructions()),
        },
    }


def all_loaded() -> Lines:
    """Tell what this process has loaded of all modules of components, but for its script."""
    found: Sources = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name in ("__main__", SCRIPT) or not isinstance(file, str) or not file.endswith(".py"):
            continue
        top, *rest = name.split(".")
        path = Path(file).resolve()
        if path.is_file() and _may_hold_components(top, rest, path):
            with _one_at_a_time:
                found[name] = path, _written(name, path)
    return {"loaded": loaded(found)}


def first_loaded() -> Lines:
    """Tell the same as it was when each module was first seen, before anything was played with it."""
    _look_at_new(len(sys.modules))
    return {"loaded": _first}


_first: dict[str, Told] = {}


@lru_cache(maxsize=1)
def _look_at_new(_: int) -> None:
    for module, told in all_loaded()["loaded"].items():
        known = _first.setdefault(module, {})
        for name, value in (told or {}).items():
            known.setdefault(name, value)


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


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]


def _engine() -> str:
    """Sum up the sources of `interaction` itself, without those of the components that it ships."""
    root = Path(interaction.__file__).parent
    files = (file for file in root.rglob("*.py") if file.relative_to(root).parts[0] not in _OURS)
    return _digest(*(file.read_bytes().replace(b"\r\n", b"\n") for file in sorted(files)))


@lru_cache(maxsize=8)
def _sources_of(references: tuple[Reference, ...]) -> tuple[Sources, set[str]]:
    """Give the modules of components: those that these import, and so on; and the libraries, by name."""
    todo = [(one.module, Path(one.file)) for one in references]
    found: Sources = {}
    libraries: set[str] = set()
    while todo:
        name, file = todo.pop()
        if name in found:
            continue
        found[name] = file, _written(name, file)
        for other in _imports(name, file, found[name][1]):
            path = _file_of(other)
            if path is not None:
                todo.append((other, path))
            elif "." not in other:
                libraries.add(other)
    return dict(sorted(found.items())), libraries


def _written(name: str, file: Path) -> ast.Module:
    """Give what is written in a module; raise `ArgumentError` for a file that is no Python."""
    try:
        if file.suffix == ".pyc":  # without its source; what is loaded of it counts all the same
            return ast.Module([ast.Expr(ast.Constant(file.read_bytes()))], [])
        if file.is_file():
            return ast.parse(importlib.util.decode_source(file.read_bytes()))
        spec = importlib.util.find_spec(name)  # in an archive, say
        return ast.parse(getattr(spec and spec.loader, "get_source", lambda _: "")(name) or "")
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise ArgumentError(f"{file}, which is imported as {name!r}: {error}") from error


def _imports(name: str, file: Path, written: ast.Module) -> set[str]:
    """Name what a module may import, wherever it does, with the packages that these lie in."""
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    found = set()
    for node in ast.walk(written):
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
    if top in sys.builtin_module_names:
        return None
    file = _located(top, rest)
    if file is None:  # it is no module, but a name in one
        return None
    return file if _may_hold_components(top, rest, file) else None


def _may_hold_components(top: str, rest: list[str], file: Path) -> bool:
    """Whether a module is one of components: of one's own, shipped, or of a library that builds on us."""
    if top == "interaction":
        return rest[:1] in [[name] for name in _OURS]
    if _SITE.isdisjoint(file.parts) and any(file.is_relative_to(path) for path in _STANDARD):
        return False
    if not _is_library(file.parents[len(rest) + (file.stem == "__init__")], top):
        return True
    return file.is_file() and bool(_IMPORTS_US.search(file.read_text("utf-8", errors="replace")))


def _is_library(folder: Path, top: str) -> bool:
    """Whether what lies in a folder was installed there, but from a folder of one's own without a version."""
    own, others = _installed(folder)
    return top not in own if folder.name in _SITE else top in others


@lru_cache(maxsize=64)
def _installed(folder: Path) -> tuple[set[str], set[str]]:
    """Name what was installed in a folder from one of one's own, and (where that is not clear) what else."""
    own: set[str] = set()
    others: set[str] = set()
    for one in distributions(path=[str(folder)]):
        local = "dir_info" in json.loads(one.read_text("direct_url.json") or "{}")
        if local or folder.name not in _SITE:
            tops = {file.parts[0].removesuffix(".py") for file in one.files or ()}
            (own if local else others).update(tops)
    return own, others


def _located(top: str, rest: list[str]) -> Path | None:
    """Find the file of a module by the folders of its package, which may have no `__init__.py`."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or (spec.origin is not None and not spec.origin.endswith((".py", ".pyc"))):
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


def differences(before: Lines, now: Lines, told: tuple[str, str] = ("before", "now")) -> list[str]:
    """Give a line for each entry of `now` that is another one in `before`, or is not there.

    Of modules and names that one of both has not loaded, sources tell. `told` says what the two are.
    """
    found = _differences({name: before.get(name) for name in now}, now, told)
    if any(line.startswith("loaded.") for line in found):
        found.append(_ADVICE)
    return found


_ADVICE = (
    "a value that only counts or keeps something, so that nothing follows from it, is not compared where its "
    "name begins with an underscore"
)


def _differences(before: Lines, now: Lines, told: tuple[str, str], within: str = "") -> list[str]:
    found = []
    for name in [*before, *(name for name in now if name not in before)]:
        path = f"{within}{name}"
        one, other = before.get(name), now.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            found += _differences(one, other, told, f"{path}.")
        elif one != other and (not within.startswith("loaded.") or None not in (one, other)):
            found.append(f"{path}: {_told(one)} {told[0]}, {_told(other)} {told[1]}")
    return found


def _told(value: Any) -> str:
    return "nothing" if value is None else str(value)
