"""The imports go one way, and the core loads no extra."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BESIDE = {"tasks", "users", "assistants", "examples"}  # installed inside `interaction`
ALLOWED = {
    "interaction": set(),
    "tasks": {"tasks"},
    "users": {"users"},
    "assistants": {"assistants", "users"},
    "examples": BESIDE,
}


def imported(file):
    """Give the whole names of all that a file imports, wherever it does, but for what only types need."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if node not in for_types)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: import by the whole name"
            if node not in for_types:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package):
    for file in (ROOT / package).rglob("*.py"):
        parts = [name.split(".") for name in imported(file)]
        inside = {one[1] for one in parts if one[0] == "interaction" and len(one) > 1} & BESIDE
        assert inside <= ALLOWED[package], file
        assert not {one[0] for one in parts} & {*BESIDE, "benchmarks", "tests"}, file


def test_no_imports_go_in_a_circle():
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in (ROOT / "interaction").rglob("*.py")
    }
    del files["interaction"]  # it gathers the names of all

    def module(name):
        return next((one for one in (name, name.rpartition(".")[0]) if one in files), None)

    needs = {name: {module(one) for one in imported(file)} - {None, name} for name, file in files.items()}
    while free := {name for name, others in needs.items() if not others}:
        needs = {name: others - free for name, others in needs.items() if name not in free}
    assert not needs, f"in circles, or above one: {sorted(needs)}"


def test_every_folder_is_installed():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    inside = {file.parent for file in (ROOT / "interaction").rglob("__init__.py")}
    expected = {".".join(folder.relative_to(ROOT).parts) for folder in inside}
    assert set(settings["packages"]) == expected | {f"interaction.{name}" for name in BESIDE}
    assert settings["package-dir"] == {"interaction": "interaction"} | {f"interaction.{n}": n for n in BESIDE}


def run(code, folder):
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return shown.stdout.split()


@pytest.mark.parametrize("name", sorted(BESIDE))
def test_a_laboratory_has_files_of_these_names(name, tmp_path):
    (tmp_path / f"{name}.py").write_text("here = True\n")
    code = f"import {name}, interaction.tasks.bandit as bandit; print({name}.here, bandit.__name__)"
    assert run(code, tmp_path) == ["True", "interaction.tasks.bandit"]


def test_a_clone_that_is_not_installed_finds_its_parts(tmp_path):
    for name in ("interaction", *BESIDE):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    modules = "interaction.tasks.bandit", "interaction.users.bandit", "interaction.assistants.imitation"
    found = run(
        f"import {', '.join(modules)}; print({', '.join(f'{m}.__file__' for m in modules)})", tmp_path
    )
    assert found == [
        str(tmp_path / m.removeprefix("interaction.").replace(".", "/")) + ".py" for m in modules
    ]


def test_what_the_readme_lists_is_imported_by_the_star():
    table = (
        (ROOT / "README.md").read_text(encoding="utf-8").partition("## The parts")[2].partition("\n## ")[0]
    )
    rows = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| `")]
    listed = {name.strip(" `") for row in rows for name in row[0].replace("…", "").split(",")}
    listed |= {name for row in rows for name in re.findall(r"`(Bundle\w+)`", row[1])}
    found = set(run("from interaction import *; print(*dir())", ROOT))
    assert len(listed) > 40
    assert listed <= found


def test_the_star_gives_the_rest_where_an_extra_is_missing():
    code = """
import sys
sys.modules["pettingzoo"] = None
from interaction import *
try:
    BundleAEC(None)
except errors.MissingExtraError as error:
    print(*str(error).split())
"""
    assert "'hci-interaction[envs]'" in " ".join(run(code, ROOT))


def test_the_core_loads_no_extra():
    code = "import interaction, sys; print(*sorted(m for m in sys.modules if '.' not in m))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    extras = {"matplotlib", "pandas", "xarray", "rich", "typer", "pyarrow", "torch", "jax", "coopihc"}
    assert not extras & set(shown.stdout.split())
