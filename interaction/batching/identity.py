"""Code that asks what a value is, not what it is worth: `type(x)`, `x is True`, `isinstance(x, Iterable)`.

No value can answer for another one there, so a method that asks so is not lifted.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Iterator
from enum import Enum, EnumType
from functools import cached_property, partial
from itertools import pairwise
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_OWN = ("interaction.", "numpy.", "scipy.")
_LOADS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF", "LOAD_FAST", "LOAD_CLASSDEREF")
_PROTOCOLS = ("collections.abc", "typing")


def asks_for_identity(component: object, method: Callable[..., Any]) -> tuple[str, str, int] | None:
    """Give what is asked, with file and line, in a method or in functions that it calls; else None."""
    function = getattr(method, "__func__", method)
    return _scan(component, function, set()) if isinstance(function, FunctionType) else None


def _scan(component: object, function: FunctionType, seen: set[Any]) -> tuple[str, str, int] | None:
    own = (function.__module__ or "").startswith(_OWN)
    if function in seen or (own and seen):
        return None
    if seen and "site-packages" in function.__code__.co_filename:  # libraries that a component calls
        return None
    seen.add(function)
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        found = None if own else _asked(code, _known(function))
        if found is not None:
            return found
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        for called in _called(component, function, code):
            found = _scan(component, called, seen)
            if found is not None:
                return found
    return None


def _called(component: object, function: FunctionType, code: CodeType) -> Iterator[FunctionType]:
    """Walk over the functions that code may call: globals, closures, what the component holds, methods."""
    known, instructions = _known(function), _instructions(code)
    loaded = {one.argval for one in instructions if one.opname in _LOADS}
    held = [known[name] for name in known if name in loaded or name not in function.__globals__]
    asked = _asked_of_modules(instructions, known)
    values = _inside([component, *getattr(component, "__dict__", {}).values(), *held])
    for value in values:
        yield from _functions(value)
        for owner in (value, *value.__mro__) if isinstance(value, type) else (value, *type(value).__mro__):
            if not isinstance(owner, type | ModuleType):
                continue
            for name in asked.get(id(owner), code.co_names):
                yield from _functions(vars(owner).get(name))


def _asked_of_modules(instructions: list[dis.Instruction], known: dict[str, Any]) -> dict[int, set[str]]:
    """Give what code asks modules for, by their identity: `copy.copy(x)` does, and `x.copy()` does not.

    Without a module that is also used in other ways, of which anything may be asked.
    """
    asked: dict[int, set[str]] = {}
    other: set[int] = set()
    for one, after in pairwise(instructions):
        module = known.get(one.argval) if one.opname in _LOADS else None
        if isinstance(module, ModuleType) and after.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            asked.setdefault(id(module), set()).add(after.argval)
        elif isinstance(module, ModuleType):
            other.add(id(module))
    return {module: names for module, names in asked.items() if module not in other}


def _known(function: FunctionType) -> dict[str, Any]:
    """Give what names mean in a function: its globals, and over them closures and default arguments."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    closed = {name: cell.cell_contents for name, cell in cells if cell != _EMPTY}
    arguments = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    given = dict(zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True))
    return {**function.__globals__, **closed, **given, **(function.__kwdefaults__ or {})}


def _inside(values: list[Any], depth: int = 3) -> list[Any]:
    """Give values, and what lists, dictionaries, partial functions and a user's objects hold, to a depth."""
    found = list(values)
    for value in values if depth else ():
        inner: list[Any] = []
        if isinstance(value, dict):
            inner = list(value.values())
        elif isinstance(value, list | tuple) and len(value) <= _FEW:
            inner = list(value)
        elif isinstance(value, partial):
            inner = [value.func, *value.args, *value.keywords.values()]
        elif isinstance(value, MethodType):
            inner = [value.__func__, value.__self__]
        elif not isinstance(value, type | ModuleType | FunctionType) and _is_theirs(value):
            inner = list(getattr(value, "__dict__", {}).values())
        found += _inside([one for one in inner if not isinstance(one, _PLAIN)], depth - 1)
    return found


def _is_theirs(value: Any) -> bool:
    return not type(value).__module__.startswith(_OWN)


def _functions(value: Any) -> Iterator[FunctionType]:
    """Walk over the functions behind a value: methods of any kind, properties, objects that can be called."""
    if isinstance(value, property | cached_property):
        value = value.fget if isinstance(value, property) else value.func
    value = getattr(value, "__func__", value)
    value = getattr(value, "__wrapped__", value)
    if isinstance(value, partial):
        value = value.func
    if isinstance(value, FunctionType):
        yield value
    called = vars(type(value)).get("__call__")
    if isinstance(called, FunctionType):
        yield called


_FEW = 100  # entries of a list, beyond which it holds data
_PLAIN = (bool, int, float, str, bytes, type(None), np.ndarray)
_EMPTY = CellType()


def _asked(code: CodeType, names: dict[str, Any]) -> tuple[str, str, int] | None:
    instructions = _instructions(code)
    line = code.co_firstlineno
    for index, one in enumerate(instructions):
        line = (one.positions.lineno if one.positions else None) or line
        after = instructions[index + 1] if index + 1 < len(instructions) else None
        if _means(one, names, type, id):
            if after is not None and after.argval == "self":
                continue
            return f"{one.argval}(x)", code.co_filename, line
        if _means(one, names, hasattr, getattr) and _asks_for_a_protocol(instructions[index + 1 :]):
            return f"{one.argval}(x, ...)", code.co_filename, line
        if (
            one.opname in _LOADS
            and "isinstance" in code.co_names
            and _is_protocol(names.get(one.argval), after)
        ):
            return f"isinstance(x, {one.argval})", code.co_filename, line
        if one.argval in ("errstate", "seterr") and _asks_to_raise(code):
            return f"np.{one.argval}(... raise ...)", code.co_filename, line
        if one.opname == "IS_OP" and not _is_settled(instructions[:index], names):
            return f"x is {instructions[index - 1].argval}", code.co_filename, line
    return None


def _instructions(code: CodeType) -> list[dis.Instruction]:
    return [one for one in dis.get_instructions(code) if one.opname not in ("CACHE", "PUSH_NULL")]


def _means(one: dis.Instruction, names: dict[str, Any], *functions: Any) -> bool:
    """Whether an instruction loads one of these builtin functions, under whatever name."""
    if one.opname not in _LOADS or one.argval not in names:
        return one.opname in _LOADS[:2] and any(one.argval == function.__name__ for function in functions)
    return any(names[one.argval] is function for function in functions)


def _is_settled(loaded: list[dis.Instruction], names: dict[str, Any]) -> bool:
    """Whether `is` compares with None, or with a class, a function or a member of an enumeration."""
    last = loaded[-1]
    if last.opname == "LOAD_CONST":
        return last.argval is None
    if last.opname == "LOAD_ATTR":
        owner = names.get(loaded[-2].argval) if len(loaded) > 1 else None
        return isinstance(owner, EnumType)
    value = names.get(last.argval, getattr(builtins, str(last.argval), None))
    return last.opname == "LOAD_GLOBAL" and isinstance(value, type | FunctionType | Enum)


def _asks_for_a_protocol(called: list[dis.Instruction]) -> bool:
    """Whether `hasattr` or `getattr` asks for `__len__` and the like, or for what only the run will tell."""
    if called and called[0].argval == "self":
        return False
    texts = [one.argval for one in called[:4] if one.opname == "LOAD_CONST" and isinstance(one.argval, str)]
    return not texts or texts[0].startswith("__")


def _asks_to_raise(code: CodeType) -> bool:
    """Whether numpy is told to raise, which it would do for all episodes where some overflow."""
    return "raise" in code.co_consts


def _is_protocol(value: Any, after: dis.Instruction | None) -> bool:
    """Whether this is a class such as `Iterable`, which looks at the type and not at `__class__`."""
    if isinstance(value, ModuleType) and value.__name__ in _PROTOCOLS and after is not None:
        value = getattr(value, str(after.argval), None)
    if getattr(value, "_is_protocol", False):
        return True
    return getattr(value, "__module__", None) in _PROTOCOLS and not isinstance(
        value, ModuleType | FunctionType
    )
