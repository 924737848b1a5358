"""Whatever is shipped is in the gallery, with what each parameter is, and so is every example."""

import ast
import importlib
import re
import sys
from pathlib import Path

import pytest

from interaction.citing import models
from tests.test_shipped import components

ROOT = Path(__file__).parent.parent
GALLERY = ROOT / "docs" / "gallery"
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in GALLERY.glob("*.md")}
TOLD = [
    name for text in PAGES.values() for name in re.findall(r"^```\{shipped\} ([\w.]+)$", text, re.MULTILINE)
]
SHIPPED = [one for package in ("tasks", "users", "assistants") for one in components(package)]
EXAMPLES = [file.stem for file in (ROOT / "examples").glob("*.py") if file.stem != "__init__"]


def value(name):
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


@pytest.fixture
def parameters(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "docs" / "_ext"), *sys.path])
    return importlib.import_module("parameters").parameters


@pytest.mark.parametrize("component", SHIPPED)
def test_each_component_is_told_once(component):
    assert TOLD.count(f"{component.__module__}.{component.__name__}") == 1


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_says_what_each_parameter_is_and_has_a_source(name, parameters):
    silent = [one.name for one in parameters(value(name)) if not one.told]
    assert not silent, f"{name}: its docstring says nothing in brackets after {', '.join(silent)}"
    assert models()[name.rpartition(".")[2]].references


def test_parameters_come_from_signature_docstring_and_space(parameters):
    first, boundary, *_ = parameters(value("interaction.users.diffusion.DiffusionUser"))
    assert first == ("drift", "1.0", "any number", first.told)
    assert first.told.startswith("1/√s: evidence a second")
    assert (boundary.default, boundary.values) == ("1.5", "1e-12 or more")
    inherited = {one.name: one for one in parameters(value("interaction.tasks.bandit.BanditTask"))}
    assert inherited["n_demonstrations"].told == "rounds in which the user is in control at first"
    of_the_module = {one.name: one for one in parameters(value("interaction.users.bandit.RandomUser"))}
    assert of_the_module["n_arms"] == ("n_arms", "2", "", "how many arms there are")


def test_the_first_page_shows_each_page():
    others = PAGES.keys() - {"index"}
    cards = re.findall(r"^```\{thumbnail\} ([\w-]+)$", PAGES["index"], re.MULTILINE)
    assert sorted(cards) == sorted(others)
    assert all(f"\n{page}\n" in PAGES["index"].partition("{toctree}")[2] for page in others)


def test_each_page_has_sections_for_what_it_tells():
    for page, text in PAGES.items():
        names = [name.rpartition(".")[2] for name in re.findall(r"\{shipped\} ([\w.]+)", text)]
        assert names == re.findall(r"^### `(\w+)`$", text, re.MULTILINE), page


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_has_a_script_that_calls_what_is_there(example):
    text = (GALLERY / "scripts" / f"plot_{example}.py").read_text(encoding="utf-8")
    assert f".. literalinclude:: /../examples/{example}.py" in text
    imports = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    assert f"interaction.examples.{example}" in {node.module for node in imports}
    for node in imports:
        module = importlib.import_module(node.module)
        assert all(hasattr(module, one.name) for one in node.names), node.module
