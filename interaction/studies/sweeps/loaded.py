"""Whether a module that this process has imported is what its file says, or was edited or patched since.

A manifest tells of files, and other processes import these. Where this one has something else, its numbers
are others. Compared is what the source alone tells: the code of functions and methods, constants that are
bound once, and what is imported from other modules of components. A computed constant is not.
"""

from __future__ import annotations

import ast
import importlib.machinery
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

from interaction.importing import SCRIPT

_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))


def module_of(name: str, file: Path) -> ModuleType | None:
    """Give the module that was imported from a file, also as a script, or None."""
    for one in (name, "__main__", SCRIPT):
        module = sys.modules.get(one)
        path = getattr(module, "__file__", None)
        if module is not None and path is not None and Path(path).resolve() == file.resolve():
            return module
    return None


def unlike(module: ModuleType, file: Path, others: Mapping[str, Path]) -> str | None:
    """Say in what a module differs from its file, or from `others` that it imports from; None if in none."""
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    code = compile(source, str(file), "exec", dont_inherit=True)
    plain = type(module.__loader__) is importlib.machinery.SourceFileLoader  # which changes no code
    statements = [one for one in tree.body if not _is_guard(one)]
    once = _bound_once(statements)
    return next(_differences(statements, vars(module), once, code if plain else None, others, file), None)


def _differences(
    statements: Iterable[ast.stmt],
    there: Mapping[str, Any],
    once: set[str],
    code: CodeType | None,
    others: Mapping[str, Path],
    file: Path,
) -> Iterator[str]:
    for one in statements:
        if isinstance(one, ast.Assign | ast.AnnAssign) and (name := _target(one)) in once and name in there:
            told, value = _constant(one.value), there[name]
            if told and not _alike(told[0], value):
                yield f"{name} is {value!r} in this process, and {told[0]!r} in the file"
        elif isinstance(one, ast.FunctionDef) and one.name in once and not one.decorator_list and code:
            function, written = there.get(one.name), _inner(code, one.name)
            if type(function) is FunctionType and written and not _same_code(function.__code__, written):
                yield f"{one.name} is other code in this process than in the file"
        elif isinstance(one, ast.ClassDef) and one.name in once and not one.decorator_list:
            kind, written = there.get(one.name), _inner(code, one.name) if code else None
            if isinstance(kind, type):
                for found in _differences(one.body, vars(kind), _bound_once(one.body), written, {}, file):
                    yield f"{one.name}.{found}"
        elif isinstance(one, ast.ImportFrom):
            yield from _imported(one, there, once, others)


def _imported(
    one: ast.ImportFrom, there: Mapping[str, Any], once: set[str], others: Mapping[str, Path]
) -> Iterator[str]:
    """Tell of what was imported from a module that has another one by now: it was loaded again, say."""
    package = there.get("__package__") or ""
    base = one.module or ""
    if one.level:
        kept = package.split(".")[: len(package.split(".")) - one.level + 1]
        base = ".".join([*kept, *([one.module] if one.module else [])])
    source = sys.modules.get(base)
    if base not in others or source is None:
        return
    for alias in one.names:
        name = alias.asname or alias.name
        if name in once and name in there and alias.name in vars(source):
            mine, now = there[name], vars(source)[alias.name]
            if mine is not now and not _alike(mine, now):
                yield f"{name} was imported from {base}, which has another one by now"


def _is_guard(one: ast.stmt) -> bool:
    """Whether this is done in a script alone: `if __name__ == "__main__":`."""
    return isinstance(one, ast.If) and any(
        getattr(name, "id", "") == "__name__" for name in ast.walk(one.test)
    )


def _bound_once(statements: Iterable[ast.stmt]) -> set[str]:
    return {name for name, count in Counter(_bound(statements)).items() if count == 1}


def _bound(statements: Iterable[ast.stmt]) -> Iterator[str]:
    """Name what statements bind, each time that they do; functions bind their name, and what is global."""
    todo: list[ast.AST] = list(statements)
    while todo:
        one = todo.pop()
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield one.name
            for inner in ast.walk(one):
                yield from inner.names if isinstance(inner, ast.Global) else ()
            continue
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            yield one.id
        elif isinstance(one, ast.alias):
            yield one.asname or one.name.partition(".")[0]
        elif isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name):
            yield one.target.id  # twice, with the target itself: it is no constant
        todo += ast.iter_child_nodes(one)


def _target(one: ast.Assign | ast.AnnAssign) -> str:
    targets = one.targets if isinstance(one, ast.Assign) else [one.target]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def _constant(value: ast.expr | None) -> tuple[Any] | None:
    """Give the constant that is written there, in a tuple, or None; what can change in place is none."""
    try:
        found = ast.literal_eval(value) if value is not None else []
    except (ValueError, TypeError):
        return None
    return (found,) if _is_constant(found) else None


def _is_constant(value: Any) -> bool:
    return all(map(_is_constant, value)) if type(value) is tuple else type(value) in _CONSTANTS


def _alike(one: Any, other: Any) -> bool:
    return _is_constant(one) and _is_constant(other) and repr(one) == repr(other)


def _inner(code: CodeType, name: str) -> CodeType | None:
    """Give the code of a function or a class that is written in other code, if there is one of this name."""
    found = [one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name]
    return found[0] if len(found) == 1 else None


def _same_code(one: CodeType, other: CodeType) -> bool:
    return (
        one.co_code == other.co_code
        and one.co_names == other.co_names
        and len(one.co_consts) == len(other.co_consts)
        and all(map(_same_constant, one.co_consts, other.co_consts))
    )


def _same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, CodeType) and isinstance(other, CodeType):
        return _same_code(one, other)
    if type(one) is not type(other):
        return False
    return bool(one == other) if isinstance(one, frozenset) else repr(one) == repr(other)
