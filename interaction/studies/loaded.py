"""What a process has loaded of some modules, name by name: a manifest keeps it, and other processes compare.

A process may hold other code than the files say, since a module was edited and not imported again, and other
values, since a script has set them. So what counts is what is loaded: the code of functions and of classes,
and the values that code names. What is counted or kept from call to call is no difference: a value whose name
begins with an underscore is left out, unless it is a constant. What is no number, text or array, nor made of
these, is told by its type alone.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import inspect
import sys
import zipimport
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from interaction.importing import SCRIPT
from interaction.spaces import Space
from interaction.state import State

Told = dict[str, str]
Own = Mapping[str, str]  # the names of modules, by those that they have in this process: a script has another

_PLAIN = (bool, int, float, complex, str, bytes, type(None), range, slice)
_CHANGE_NO_CODE = (importlib.machinery.SourceFileLoader, importlib.machinery.SourcelessFileLoader)
_LONGEST = 80  # of a value that is told as it is


def loaded(sources: Mapping[str, tuple[Path, ast.Module]]) -> dict[str, Told | None]:
    """Tell what this process has of modules, of which the file and what is written in it are given.

    None stands for a module that is not loaded, or by a loader that changes its code.
    """
    there = {name: module_of(name, file) for name, (file, _) in sources.items()}
    modules = {name: module for name, module in there.items() if module is not None and _is_plain(module)}
    own = {module.__name__: name for name, module in modules.items()}
    used = set().union(*(_names_used(vars(module).values(), module) for module in modules.values()))
    return {
        name: _contents(modules[name], written, used, own) if name in modules else None
        for name, (_, written) in sources.items()
    }


def module_of(name: str, file: Path) -> ModuleType | None:
    """Give the module that was imported from a file, also as a script, or None."""
    for one in (name, "__main__", SCRIPT):
        module = sys.modules.get(one)
        path = getattr(module, "__file__", None)
        if module is not None and path is not None and Path(path).resolve() == file.resolve():
            return module
    return None


def _is_plain(module: ModuleType) -> bool:
    return isinstance(module.__loader__, zipimport.zipimporter) or type(module.__loader__) in _CHANGE_NO_CODE


def bound(statements: Iterable[ast.stmt]) -> set[str]:
    """Name what statements bind in a module; not what a script alone does, after `if __name__ == ...`."""
    found: set[str] = set()
    todo: list[ast.AST] = [one for one in statements if not _is_guard(one)]
    while todo:
        one = todo.pop()
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(one.name)
            continue
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            found.add(one.id)
        elif isinstance(one, ast.alias):
            found.add(one.asname or one.name.partition(".")[0])  # an asterisk for all
        todo += ast.iter_child_nodes(one)
    return found


def _is_guard(one: ast.stmt) -> bool:
    return isinstance(one, ast.If) and any(
        getattr(name, "id", "") == "__name__" for name in ast.walk(one.test)
    )


def _contents(module: ModuleType, written: ast.Module, used: set[str], own: Own) -> Told:
    rebound = {name for one in ast.walk(written) if isinstance(one, ast.Global) for name in one.names}
    found: Told = {}
    names = bound(written.body) & vars(module).keys()
    if "*" in bound(written.body):
        names = {name for name in vars(module) if name[:2] != "__"}
    for name in sorted(names):
        value = vars(module)[name]
        if isinstance(value, type):
            if value.__module__ == module.__name__:
                found |= {f"{name}{part}": told for part, told in _class(value, own)}
            elif value.__module__ in own:
                found[name] = _digest(repr(list(_class(value, own))))
        elif (functions := _functions(value)) and functions[0].__module__ in own:
            found[name] = _digest(*(_function(one, own, ()) for one in functions))
        elif functions or isinstance(value, ModuleType) or name not in used:
            continue
        elif name[0] != "_" or (name not in rebound and _is_constant(value)):
            found[name] = _short(_value(value, own, ()))
    return found


def _is_constant(value: Any) -> bool:
    return all(map(_is_constant, value)) if type(value) in (tuple, frozenset) else type(value) in _PLAIN


def _class(kind: type, own: Own) -> Iterator[tuple[str, str]]:
    """Tell of a class, and of each of its attributes."""
    yield "", f"class({', '.join(one.__qualname__ for one in kind.__bases__)})"
    for name, value in sorted(vars(kind).items()):
        if functions := _functions(value):
            yield f".{name}", _digest(*(_function(one, own, ()) for one in functions))
        elif isinstance(value, type):
            if value.__module__ == kind.__module__ and value.__qualname__ == f"{kind.__qualname__}.{name}":
                yield from ((f".{name}{part}", told) for part, told in _class(value, own))
        elif name[0] != "_":
            yield f".{name}", _short(_value(value, own, ()))


def _functions(value: Any) -> list[FunctionType]:
    """Give the functions that a method, a property or a decorated function consists of."""
    if isinstance(value, property):
        parts: list[Any] = [value.fget, value.fset, value.fdel]
    elif isinstance(value, functools.cached_property):
        parts = [value.func]
    else:
        parts = [getattr(value, "__func__", value)]
    unwrapped = (inspect.unwrap(one) for one in parts if callable(one))
    return [one for one in unwrapped if isinstance(one, FunctionType)]


def _names_used(values: Iterable[Any], module: ModuleType) -> set[str]:
    """Name all that the code of a module's functions and classes names, also of those that others hold."""
    found: set[str] = set()
    seen: set[int] = set()
    todo = list(values)
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, type):
            todo += vars(value).values() if value.__module__ == module.__name__ else ()
        elif isinstance(value, CodeType):
            found.update(value.co_names)
            todo += [one for one in value.co_consts if isinstance(one, CodeType)]
        elif isinstance(value, dict | list | tuple):
            todo += [one for one in (value.values() if isinstance(value, dict) else value) if callable(one)]
        elif isinstance(value, functools.partial):
            todo += [value.func, value.args, value.keywords]
        else:
            for one in _functions(value):
                if one.__module__ == module.__name__:
                    todo += [one.__code__, one.__defaults__, one.__kwdefaults__]
                    todo += map(_cell, one.__closure__ or ())
    return found


def _function(function: FunctionType, own: Own, within: tuple[int, ...]) -> str:
    """Tell of a function all that its calls follow from but for what lies in its module."""
    if id(function) in within:
        return "itself"
    cells = [_cell(one) for one in function.__closure__ or ()]
    kept = (function.__defaults__, function.__kwdefaults__, cells)
    return f"{_code(function.__code__)} {_value(kept, own, (*within, id(function)))}"


def _cell(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _code(code: CodeType) -> str:
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    consts = [_constant(one) for one in code.co_consts]
    return repr((code.co_code, code.co_exceptiontable, counts, names, consts))


def _constant(value: Any) -> str:
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, tuple):
        return repr([_constant(one) for one in value])
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


def _value(value: Any, own: Own, within: tuple[int, ...]) -> str:
    """Tell a value, the same in each process that has the same."""
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if functions := _functions(value):
        return " ".join(
            _function(one, own, within) if one.__module__ in own else f"{one.__module__}.{one.__qualname__}"
            for one in functions
        )
    if id(value) in within:
        return "itself"
    within = (*within, id(value))

    def inside(part: Any) -> str:
        return _value(part, own, within)

    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind != "O":
        return f"{value.dtype} {value.shape} {_digest(repr(value.tobytes()))}"
    if isinstance(value, Enum):
        return f"{kind.__qualname__}.{value.name} ({inside(value.value)})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{inside(key)}: {inside(part)}' for key, part in value.items())}}}"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(map(inside, value)))}}}"
    if isinstance(value, tuple | list):
        return f"{kind.__name__}({', '.join(map(inside, value))})"
    if isinstance(value, State):
        return f"State({inside(dict(value.items()))})"
    if isinstance(value, Space):
        return repr(value)
    if isinstance(value, functools.partial):
        return f"partial({inside((value.func, value.args, value.keywords))})"
    if isinstance(value, type):
        return f"{own.get(value.__module__, value.__module__)}.{value.__qualname__}"
    if kind.__module__ in own and hasattr(value, "__dict__"):
        fields = {name: part for name, part in vars(value).items() if name[0] != "_"}
        return f"{kind.__qualname__}({inside(fields)})"
    return f"{kind.__module__}.{kind.__qualname__}"


def _short(told: str) -> str:
    return told if len(told) <= _LONGEST else f"{told[: _LONGEST - 20]}... {_digest(told)}"


def _digest(*told: str) -> str:
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
