"""The imports go one way, and the core loads no extra."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OWN = {"interaction", "tasks", "users", "assistants", "examples", "benchmarks", "tests"}
ALLOWED = {
    "interaction": {"interaction"},
    "tasks": {"interaction", "tasks"},
    "users": {"interaction", "users"},
    "assistants": {"interaction", "assistants", "users"},
    "examples": {"interaction", "tasks", "users", "assistants", "examples"},
}


def imported(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: import by the whole name"
            yield node.module.split(".")[0]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package):
    for file in (ROOT / package).rglob("*.py"):
        assert set(imported(file)) & OWN <= ALLOWED[package], file


def test_the_core_loads_no_extra():
    code = "import interaction, sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    extras = {"matplotlib", "pandas", "xarray", "rich", "typer", "pyarrow", "torch", "jax", "coopihc"}
    assert not extras & set(shown.stdout.split())
