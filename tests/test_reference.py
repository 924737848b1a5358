"""Every public name is in the reference."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parent.parent / "docs" / "reference"
BLOCK = re.compile(r"^```\{public\} ([\w.]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PARTS = ("checks", "envs", "fitting", "inference", "people", "planning", "plots", "spaces", "studies")
SHIPPED = [
    f"interaction.{part}.{found.name}"
    for part in ("tasks", "users", "assistants")
    for found in pkgutil.iter_modules(importlib.import_module(f"interaction.{part}").__path__)
]


def written():
    """Give the modules that are in the reference as wholes, and the names that are listed."""
    whole, listed = set(), set()
    for page in PAGES.glob("*.md"):
        for module, content in BLOCK.findall(page.read_text(encoding="utf-8")):
            lines = [line.partition(": ")[0] for line in content.splitlines()]
            whole |= {module} if lines in ([], [":all:"]) else set()
            listed |= {f"{module}.{name}" for name in lines if name != ":all:"}
    return whole, listed


WHOLE, LISTED = written()


def value(name):
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def names_of(module):
    return [f"{module}.{name}" for name in importlib.import_module(module).__all__]


@pytest.mark.parametrize("module", ["interaction", *(f"interaction.{part}" for part in PARTS)])
def test_every_public_name_is_in_the_reference(module):
    given = [one for one in WHOLE if hasattr(importlib.import_module(one), "__all__")]
    there = [value(name) for name in [*LISTED, *(name for one in given for name in names_of(one))]]
    there += [importlib.import_module(one) for one in WHOLE]  # `errors` and `spaces` are modules
    lacking = [name for name in names_of(module) if not any(value(name) is one for one in there)]
    assert not lacking, f"in no page of docs/reference: {', '.join(lacking)}"


@pytest.mark.parametrize("module", [*SHIPPED, "interaction.errors", "interaction.spaces"])
def test_what_is_shipped_is_in_the_reference(module):
    assert module in WHOLE
