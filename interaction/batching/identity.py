"""Code that asks what a value is, not what it is worth: `type(x)`, `id(x)`, `x is True`.

No value can answer for another one there, so a method that asks so is not lifted.
"""

from __future__ import annotations

import dis
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

_OWN = ("interaction.", "numpy.", "scipy.")


def asks_for_identity(component: object, method: Callable[..., Any]) -> tuple[str, str, int] | None:
    """Give what is asked, with file and line, in a method or in functions that it calls; else None."""
    function = getattr(method, "__func__", method)
    return _scan(component, function, set()) if isinstance(function, FunctionType) else None


def _scan(component: object, function: FunctionType, seen: set[Any]) -> tuple[str, str, int] | None:
    if function in seen or (function.__module__ or "").startswith(_OWN):
        return None
    seen.add(function)
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        found = _asked(code)
        if found is not None:
            return found
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        for name in code.co_names:
            for called in (function.__globals__.get(name), getattr(type(component), name, None)):
                found = _scan(component, called, seen) if isinstance(called, FunctionType) else None
                if found is not None:
                    return found
    return None


def _asked(code: CodeType) -> tuple[str, str, int] | None:
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
        if one.opname == "IS_OP" and before is not None and isinstance(before.argval, bool):
            return f"x is {before.argval}", code.co_filename, line
    return None
