"""Whether users can have played a task alone, by the task's own code and by what the data holds."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

from interaction.errors import ArgumentError
from interaction.task import InteractionTask, defines
from interaction.trajectory import Trajectories
from interaction.trials import Trials

_FIELD = "assistant_action"
_TRACES = ("assistant_state", "start.assistant_state", "assistant_observation")  # that an assistant leaves
_ELSEWHERE = ("numpy", "scipy", "gymnasium", "interaction")  # where no task asks for its assistant
_OURS = ("tasks", "users", "assistants", "examples")  # but for these folders of `interaction`


def needs_assistant(task: InteractionTask) -> str:
    """Name the class of a task that has a part for an assistant and does not ask whether there is one.

    Empty for all others. A task that can be played alone finds out that it is by `game.assistant_action`, in
    its `on_user_action` or in a function or method that this one calls.
    """
    while isinstance(task, Trials):
        task = task.task
    if not defines(task, "on_assistant_action", InteractionTask) or _asks(task):
        return ""
    return type(task).__name__


def check_alone(task: InteractionTask, data: Any, helped: bool, alone: bool, where: str) -> None:
    """Raise where there was an assistant, or may have been, whose actions are not in the data.

    `data`: a table or a run. `helped`: the assistant's space was given. `alone`: the word of who gives the
    data that there was none.
    """
    if alone and helped:
        raise ArgumentError(f"{where}: alone=True and assistant_action_space were given: drop one")
    if isinstance(data, Trajectories):
        names = [*data, *data.start]
    else:
        names = [str(name) for name in getattr(data, "columns", ())]
    if alone or helped or not names or any(name.startswith("assistant_action") for name in names):
        return
    trace = next((name for name in names if name.startswith(_TRACES)), "")
    needs = needs_assistant(task)
    if trace or needs:
        why = f"has {trace}" if trace else f"is of {needs}, which defines on_assistant_action,"
        raise ArgumentError(
            f"{where}: the data {why} but no assistant_action: give these columns, and "
            f"assistant_action_space, which is assistant.policy.action_space; or say alone=True if users "
            f"played without an assistant"
        )


def _asks(task: InteractionTask) -> bool:
    """Whether `on_user_action`, or what it calls, mentions the assistant's action."""
    todo: list[Any] = [type(task).on_user_action]
    seen = set()
    while todo:
        called = todo.pop()
        inner: Any = called.fget if isinstance(called, property) else called
        function = inspect.unwrap(inner)
        code = getattr(function, "__code__", None)
        if not isinstance(code, CodeType) or code in seen or not _followed(function.__module__ or ""):
            continue
        seen.add(code)
        parts = list(_parts(code))
        if any(_FIELD in part.co_names or _FIELD in part.co_consts for part in parts):
            return True
        names = {name for part in parts for name in part.co_names}
        here = {name: function.__globals__[name] for name in names & set(function.__globals__)}
        todo += [vars(base)[name] for base in type(task).__mro__ for name in names & set(vars(base))]
        todo += here.values()
        modules = [value for value in here.values() if isinstance(value, ModuleType)]
        todo += [getattr(module, name, None) for module in modules for name in names]
    return any(isinstance(part, InteractionTask) and _asks(part) for part in vars(task).values())


def _parts(code: CodeType) -> Iterator[CodeType]:
    """Give the code of a function, and of those that are written inside it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _parts(inner)


def _followed(module: str) -> bool:
    package, *folder = module.split(".")
    return package not in _ELSEWHERE or folder[:1] in [[name] for name in _OURS]
