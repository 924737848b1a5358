"""Code that asks what a value is, not what it is worth: `type(x)`, `x is True`, `isinstance(x, Iterable)`.

No value can answer for another one there, so a method that asks so is not lifted.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

_OWN = ("interaction.", "numpy.", "scipy.")
_PROTOCOLS = ("collections.abc", "typing")


def asks_for_identity(component: object, method: Callable[..., Any]) -> tuple[str, str, int] | None:
    """Give what is asked, with file and line, in a method or in functions that it calls; else None."""
    function = getattr(method, "__func__", method)
    return _scan(component, function, set()) if isinstance(function, FunctionType) else None


def _scan(component: object, function: FunctionType, seen: set[Any]) -> tuple[str, str, int] | None:
    if function in seen or (function.__module__ or "").startswith(_OWN):
        return None
    if seen and "site-packages" in function.__code__.co_filename:  # libraries that a component calls
        return None
    seen.add(function)
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        found = _asked(code, function.__globals__)
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
    cells = [cell.cell_contents for cell in function.__closure__ or () if cell != _EMPTY]
    held = [*cells, *getattr(component, "__dict__", {}).values()]
    known = [function.__globals__[name] for name in code.co_names if name in function.__globals__]
    for value in [component, *held, *known]:
        owner = value if isinstance(value, type | ModuleType) else type(value)
        methods = [getattr(owner, name, None) for name in code.co_names]
        yield from (one for one in [value, *methods] if isinstance(one, FunctionType))


_EMPTY = CellType()


def _asked(code: CodeType, names: dict[str, Any]) -> tuple[str, str, int] | None:
    instructions = [one for one in dis.get_instructions(code) if one.opname not in ("CACHE", "PUSH_NULL")]
    line = code.co_firstlineno
    for index, one in enumerate(instructions):
        line = (one.positions.lineno if one.positions else None) or line
        before = instructions[index - 1] if index else None
        after = instructions[index + 1] if index + 1 < len(instructions) else None
        if one.opname in ("LOAD_GLOBAL", "LOAD_NAME") and one.argval in ("type", "id"):
            if after is not None and after.argval == "self":
                continue
            return f"{one.argval}(x)", code.co_filename, line
        if one.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            if one.argval in ("hasattr", "getattr") and _asks_for_a_protocol(instructions[index + 1 :]):
                return f"{one.argval}(x, ...)", code.co_filename, line
            if "isinstance" in code.co_names and _is_protocol(names.get(one.argval), after):
                return f"isinstance(x, {one.argval})", code.co_filename, line
        if one.argval in ("errstate", "seterr") and _asks_to_raise(code):
            return f"np.{one.argval}(... raise ...)", code.co_filename, line
        if one.opname == "IS_OP" and before is not None and isinstance(before.argval, bool):
            return f"x is {before.argval}", code.co_filename, line
    return None


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
    return getattr(value, "__module__", None) in _PROTOCOLS and not isinstance(
        value, ModuleType | FunctionType
    )
