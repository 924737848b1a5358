"""Every public name says in a line what it does, and shows it by an example; and all examples run."""

import doctest
import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import pytest
from matplotlib import pyplot

import interaction

mpl.use("Agg")
ROOT = Path(__file__).parent.parent
BESIDE = ("tasks", "users", "assistants")  # installed inside `interaction`

BY_ALL = (  # what their `__all__` lists is public
    "interaction",
    "interaction.checks",
    "interaction.envs",
    "interaction.fitting",
    "interaction.inference",
    "interaction.people",
    "interaction.planning",
    "interaction.plots",
    "interaction.spaces",
    "interaction.studies",
)
WHOLE = (  # of these, each class and function of their own without an underscore
    "interaction.batching",
    "interaction.errors",
    "interaction.studies.results",
    *(f"interaction.{folder}" for folder in BESIDE),
)
BY_NAME = ("interaction.studies.mismatch.Robustness",)
METHODS = {  # what people call on what they hold
    "interaction.Bundle": "reset step quarter_step observe run replace",
    "interaction.EpisodeRandom": "random normal integers categorical shuffle generator simulation repeat",
    "interaction.people.Session": "accept",
    "interaction.Simulator": (
        "rollout predict_user_action predict_assistant_action user_action_log_prob assistant_action_log_prob"
    ),
    "interaction.State": "replace extend",
    "interaction.Trajectories": "episode to_dataframe to_xarray save load",
}
NEEDED = {"interaction.interop.coopihc": "coopihc"}  # by the examples of a module; an extra cannot give it


def modules_of(name):
    """Give a module and, of a folder of components, all that lie in it."""
    module = importlib.import_module(name)
    folder = name.rpartition(".")[2] in BESIDE
    inside = pkgutil.iter_modules(module.__path__, f"{name}.") if folder else ()
    return [module, *(importlib.import_module(found.name) for found in inside)]


def public():
    """Give each public class and function of ours once, by its name."""
    names = {f"{module}.{name}" for module in BY_ALL for name in importlib.import_module(module).__all__}
    for module in (module for name in WHOLE for module in modules_of(name)):
        own = (name for name, value in vars(module).items() if _is_ours(value, module.__name__))
        names |= {f"{module.__name__}.{name}" for name in own if name[0] != "_"}
    found = {}
    for name in sorted({*names, *BY_NAME}, key=lambda name: (name.count("."), name)):
        module, _, last = name.rpartition(".")
        value = getattr(importlib.import_module(module), last)
        if _is_ours(value, "interaction") and value not in found.values():
            found[name] = value
    return found


def _is_ours(value, where):
    code = inspect.isclass(value) or inspect.isfunction(value)
    return code and f"{value.__module__}.".startswith(f"{where}.")


def documentation(value):
    """Give the docstring that is the value's own, and not that of its base."""
    return inspect.cleandoc((vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__) or "")


PUBLIC = public()
CALLED = {
    f"{owner}.{method}": getattr(PUBLIC[owner], method)
    for owner, methods in METHODS.items()
    for method in methods.split()
}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
EXCEPTIONS = {name for name, value in CLASSES.items() if issubclass(value, Exception)}
FILES = [
    file.relative_to(ROOT)
    for folder in ("interaction", *BESIDE)
    for file in sorted((ROOT / folder).rglob("*.py"))
    if ">>> " in file.read_text(encoding="utf-8")
]


def test_the_public_names_are_found():
    found = {"interaction.fit", "interaction.tasks.tiger.TigerTask", "interaction.BundleAEC"}
    assert found <= set(PUBLIC)
    assert "interaction.spaces.Box" not in PUBLIC  # gymnasium's


def test_each_public_name_says_in_a_line_what_it_does():
    lines = {name: documentation(value).partition("\n")[0] for name, value in (PUBLIC | CALLED).items()}
    lacking = [name for name, line in lines.items() if len(line) < 10 or line[-1] not in ".?"]
    assert not lacking, f"no line that says what it does: {', '.join(lacking)}"


def test_each_public_name_has_an_example():
    asked = {name: value for name, value in (PUBLIC | CALLED).items() if name not in EXCEPTIONS}
    lacking = [name for name, value in asked.items() if ">>> " not in documentation(value)]
    assert not lacking, f"no example in the docstring of {', '.join(lacking)}"
    assert ">>> " in interaction.errors.__doc__  # of the exceptions together


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_examples_run(file, monkeypatch, caplog):
    name = ".".join(file.with_suffix("").parts).removesuffix(".__init__")
    name = name if name.startswith("interaction") else f"interaction.{name}"
    if name in NEEDED:
        pytest.importorskip(NEEDED[name], exc_type=ImportError)
    examples = doctest.DocTestFinder().find(importlib.import_module(name))
    lines = re.findall(r"^ *>>> ", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert sum(len(one.examples) for one in examples) == len(lines)  # those of decorated functions, too
    told = []
    for example in examples:
        pasted = ModuleType("pasted")  # what is pickled needs a module
        monkeypatch.setitem(sys.modules, "pasted", pasted)
        example.globs = vars(pasted)  # with nothing but what the example imports
        doctest.DocTestRunner().run(example, out=told.append, clear_globs=False)
        pyplot.close("all")
    assert not told, "\n" + "".join(told)
    assert not caplog.records  # such as that something is played episode by episode
