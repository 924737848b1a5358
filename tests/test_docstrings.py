"""Every public name says in a line what it does, and shows it by an example that runs."""

import doctest
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import interaction
from interaction.errors import MissingExtraError

GIVE_ALL = (  # their `__all__` is public
    "interaction",
    "interaction.checks",
    "interaction.envs",
    "interaction.fitting",
    "interaction.inference",
    "interaction.planning",
    "interaction.plots",
    "interaction.spaces",
    "interaction.studies",
)
WHOLE = (  # of these, every class and function that is theirs and has no underscore
    "interaction.batching",
    "interaction.errors",
    "interaction.studies.results",
    "interaction.tasks",
    "interaction.users",
    "interaction.assistants",
)
BY_NAME = ("interaction.envs.BundleAEC", "interaction.envs.BundleParallel", "interaction.studies.mismatch.Robustness")
METHODS = {  # what people call on what they hold
    "interaction.Bundle": "reset step quarter_step run replace",
    "interaction.EpisodeRandom": "random normal integers categorical shuffle generator simulation repeat",
    "interaction.Simulator": (
        "predict_user_action predict_assistant_action user_action_log_prob assistant_action_log_prob rollout"
    ),
    "interaction.State": "replace extend",
    "interaction.Trajectories": "episode to_dataframe to_xarray save load",
}


def modules(name):
    """Give a module and, of a package of components, all that lie in it."""
    module = importlib.import_module(name)
    yield module
    if name.rpartition(".")[2] in ("tasks", "users", "assistants"):
        for found in pkgutil.iter_modules(module.__path__, f"{name}."):
            yield importlib.import_module(found.name)


def public():
    """Give each public class and function once, by its name."""
    names = {f"{module}.{name}" for module in GIVE_ALL for name in importlib.import_module(module).__all__}
    for one in WHOLE:
        for module in modules(one):
            names |= {
                f"{module.__name__}.{name}"
                for name, value in vars(module).items()
                if name[0] != "_" and getattr(value, "__module__", None) == module.__name__
            }
    ours = {}
    for name in sorted({*names, *BY_NAME}, key=lambda name: (name.count("."), name)):
        value = importlib.import_module(name.rpartition(".")[0])
        value = getattr(value, name.rpartition(".")[2])
        code = inspect.isclass(value) or inspect.isfunction(value)
        if code and value.__module__.startswith("interaction") and value not in ours.values():
            ours[name] = value
    return ours


PUBLIC = public()
CALLED = {
    f"{owner}.{method}": getattr(PUBLIC[owner], method)
    for owner, methods in METHODS.items()
    for method in methods.split()
}
ERRORS = {name for name, value in PUBLIC.items() if inspect.isclass(value) and issubclass(value, Exception | Warning)}


def documentation(value):
    """Give the docstring that is the value's own, and not that of its base."""
    return inspect.cleandoc(vars(value).get("__doc__") or "" if inspect.isclass(value) else value.__doc__ or "")


def test_the_public_names_are_found():
    assert len(PUBLIC) > 150
    assert {"interaction.fit", "interaction.tasks.tiger.TigerTask", "interaction.spaces.real"} <= set(PUBLIC)


def test_each_public_name_says_in_a_line_what_it_does():
    lacking = []
    for name, value in {**PUBLIC, **CALLED}.items():
        line = documentation(value).partition("\n")[0]
        if len(line) < 10 or line[-1] not in ".?:":
            lacking.append(name)
    assert not lacking, f"no line that says what it does: {', '.join(lacking)}"


def test_each_public_name_has_an_example():
    lacking = [name for name, value in {**PUBLIC, **CALLED}.items() if name not in ERRORS and ">>> " not in documentation(value)]
    assert not lacking, f"no example: {', '.join(lacking)}"
    assert ">>> " in interaction.errors.__doc__
