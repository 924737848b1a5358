"""A sweep is refused where this process has other code than the files that its manifest tells of."""

import importlib
import multiprocessing
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from interaction.errors import ArgumentError
from interaction.importing import reference_to
from interaction.studies import Sweep
from interaction.studies.sweeps.loaded import unlike
from interaction.studies.sweeps.surroundings import surroundings
from tests.interaction.sweeps import killing, small

pytest.importorskip("pyarrow")

HEAD = "from tests.interaction.sweeps import small\n"
MAKES = "def make_bundle(who):\n    return small.make_bundle(who, LIMIT)\n"
MEASURES = (
    "def double(runs):\n    return LIMIT * runs.lengths\n"
    "def triple(runs):\n    return 3 * LIMIT + 0 * runs.lengths\n"
)
KEPT = "class Kept:\n    count = 3\n    def found(self):\n        return 1\n"


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write and import modules, which are gone at the end."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()

    def write(name, text, imported=True):
        (tmp_path / f"{name}.py").write_text(text)
        if not imported:
            return None
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
        return importlib.import_module(name)

    return write


def sweep_of(module, measure="lengths"):
    return Sweep(module.make_bundle, {"who": ["habit"]}, 20, measure={"rounds": measure})


def refused(call, what):
    with pytest.raises(ArgumentError, match=f"is not what this process has imported as .*{what}"):
        call()


def test_a_module_that_was_edited_and_not_imported_again(written, tmp_path):
    text = HEAD + "LIMIT = 5\n" + MAKES
    module = written("edited", text)
    first = sweep_of(module)
    first.run(tmp_path / "first", 0, progress=False)
    written("edited", text.replace("LIMIT = 5", "LIMIT = 8"), imported=False)
    for old in (lambda: first.run(tmp_path / "second", 0, progress=False), lambda: sweep_of(module)):
        refused(old, "LIMIT is 5 in this process, and 8 in the file")
    assert not (tmp_path / "second").exists()
    importlib.reload(module)
    results = sweep_of(module).run(tmp_path / "second", 0, progress=False)
    assert results.table()["quantile_95"].iloc[0] > 5


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("LIMIT = 5\n", "LIMIT = 8\n", "LIMIT is 5 in this process, and 8 in the file"),
        ("    return small", "    who = str(who)\n    return small", "make_bundle is other code"),
        ("LIMIT = 5\n", "LIMIT = 5.0\n", "LIMIT is 5 in this process, and 5.0 in the file"),
        ("return 1", "return 2", "Kept.found is other code"),
        ("count = 3", "count = 4", "Kept.count is 3"),
    ],
)
def test_an_edit_between_the_import_and_the_sweep(written, before, after, what):
    text = HEAD + "LIMIT = 5\n" + MAKES + KEPT
    module = written("early", text)
    written("early", text.replace(before, after), imported=False)
    refused(lambda: sweep_of(module), what)


def test_what_was_set_from_outside(written, tmp_path):
    module = written("patched", HEAD + "LIMIT = 5\n" + MAKES)
    sweep = sweep_of(module)
    module.LIMIT = 9
    refused(lambda: sweep.run(tmp_path / "results", 0, progress=False), "LIMIT is 9 in this process, and 5")


def test_a_module_that_was_loaded_again_but_not_who_imports_from_it(written):
    written("depended", "LIMIT = 5\n")
    module = written("depending", HEAD + "from depended import LIMIT\n" + MAKES)
    sweep_of(module)
    written("depended", "LIMIT = 8\n", imported=False)
    refused(lambda: sweep_of(module), "LIMIT is 5 in this process, and 8")
    importlib.reload(sys.modules["depended"])
    refused(lambda: sweep_of(module), "LIMIT was imported from depended, which has another one by now")
    importlib.reload(module)
    sweep_of(module)


def test_workers_that_have_the_old_code_and_are_asked_for_another_measure(written, tmp_path):
    text = HEAD + "LIMIT = 5\n" + MAKES + MEASURES
    module = written("alive", text)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        sweep_of(module, module.double).run(tmp_path / "first", pool, progress=False)
        written("alive", text.replace("LIMIT = 5", "LIMIT = 8"), imported=False)
        importlib.reload(module)
        refused(
            lambda: sweep_of(module, module.triple).run(tmp_path / "second", pool, progress=False),
            "LIMIT is 5 in this process, and 8",
        )
    sweep_of(module, module.triple).run(tmp_path / "second", 1, progress=False)


def test_a_constant_that_a_script_sets_for_itself(tmp_path):
    """Processes that import the script do not set it."""
    script = tmp_path / "script.py"
    script.write_text(
        HEAD
        + "from interaction.studies import Sweep\nLIMIT = 5\n"
        + MAKES
        + "sweep = Sweep(make_bundle, {'who': ['habit']}, 20, measure={'rounds': 'lengths'})\n"
        + "if __name__ == '__main__':\n    LIMIT = 9\n    sweep.run('results', 0, progress=False)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**killing.os.environ, "PYTHONPATH": str(killing.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "LIMIT is 9 in this process, and 5 in the file" in done.stderr


def test_what_may_change_is_no_difference(written):
    module = written(
        "counting",
        HEAD
        + "import functools\nLIMIT = 5\nMADE = {}\nTIMES = 0\nTWICE = 1\nTWICE = 2\nSUM = 1\nSUM += 1\n"
        + "@functools.cache\ndef slow(x):\n    return x\n"
        + "def make_bundle(who):\n    global TIMES\n    TIMES += 1\n    MADE[who] = {1, 2, 3} & {2}\n"
        + "    return small.make_bundle(who, LIMIT)\n"
        + "class Kept:\n    x = 1\n    x = 2\n"
        + "    @property\n    def y(self):\n        return (1.0, 'a', {'b', 'c'})\n",
    )
    sweep_of(module).bundle(who="habit")
    sweep_of(module)


def test_all_components_that_are_shipped_are_what_their_files_say():
    root = Path(small.__file__).parents[3]
    names = [
        f"{folder}.{file.stem}"
        for folder in ("tasks", "users", "assistants")
        for file in (root / folder).glob("[a-z]*.py")
    ]
    assert len(names) > 20
    files = {f"interaction.{name}": root / f"{name.replace('.', '/')}.py" for name in names}
    for name, file in files.items():
        assert unlike(importlib.import_module(name), file, files) is None, name


def test_a_module_of_ones_own_with_a_name_of_the_standard_library_counts(tmp_path):
    (tmp_path / "profile.py").write_text("LIMIT = 5\n")
    (tmp_path / "mine.py").write_text(HEAD + "from profile import LIMIT\n" + MAKES)
    told = "from interaction.importing import reference_to; import mine\n" + (
        "from interaction.studies.sweeps.surroundings import surroundings\n"
        "print(sorted(surroundings([reference_to(mine.make_bundle, '')])['sources']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", told],
        cwd=tmp_path,
        env={**killing.os.environ, "PYTHONPATH": f"{tmp_path}:{killing.ROOT}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'profile'" in done.stdout
    about = surroundings([reference_to(small.make_bundle, "it")])
    assert not {"dataclasses", "json", "os", "time"} & set(about["sources"])
