"""A manifest tells what a process has loaded: it is played, and gone on with, by the same code and values."""

import importlib
import json
import multiprocessing
import re
import shutil
import subprocess
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from interaction.errors import ArgumentError
from interaction.importing import reference_to
from interaction.studies import Sweep
from interaction.studies.surroundings import surroundings
from tests.interaction.sweeps import killing, small

pytest.importorskip("pyarrow")

HEAD = "from tests.interaction.sweeps import small\n"
MAKES = "def make_bundle(who):\n    return small.make_bundle(who, LIMIT)\n"
MEASURES = (
    "def double(runs):\n    return LIMIT * runs.lengths\n"
    "def triple(runs):\n    return 3 * LIMIT + 0 * runs.lengths\n"
)
MORE = """
import enum
import functools
from dataclasses import dataclass, field
import numpy as np


class Pair:
    def found(self, one, other):
        return one - other


class Part(Kept):
    pass


@dataclass
class Shape:
    size: int = 1
    parts: list = field(default_factory=list)

    @property
    def area(self):
        return self.size


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@functools.cache
def cached(x):
    return x


def times(x, scale):
    return scale * x


scaled = functools.partial(times, scale=2)
turned = lambda x: x
_LEAST = 1
SETTINGS = dict([('limit', 1)])
TABLE = np.ones(3)
SHAPE = Shape(size=3)


NAMED = 7
WITHIN = 7
CHOICES = {'once': lambda x: x, 'often': lambda x: NAMED * x}


def loud(function):
    def call(*given):
        return function(*given)

    return call


@loud
def within():
    return WITHIN


class Itself:
    def again(self):
        return super().__init__()


def reads():
    return CHOICES, _LEAST, SETTINGS, TABLE, SHAPE, Level.HIGH, scaled, turned
"""
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
    with pytest.raises(ArgumentError, match=what):
        call()


def test_what_is_played_is_what_is_loaded(written, tmp_path):
    """A module that was edited and not imported again is played as it was, and the manifest says so."""
    text = HEAD + "LIMIT = 5\n" + MAKES
    module = written("edited", text)
    sweep = sweep_of(module)
    written("edited", text.replace("LIMIT = 5", "LIMIT = 8"), imported=False)
    results = sweep.run(tmp_path / "results", 0, progress=False)
    assert results.table()["quantile_95"].iloc[0] == 5
    with pytest.raises(ArgumentError, match=r"a worker is not like .*edited\.LIMIT: 5 there, 8 here"):
        sweep.run(tmp_path / "others", 1, progress=False)
    importlib.reload(module)
    refused(
        lambda: sweep_of(module).run(tmp_path / "results", 0, progress=False),
        "loaded.edited.LIMIT: 5 before, 8 now",
    )


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ("LIMIT = 5\n", "LIMIT = 8\n", "LIMIT: 5 before, 8 now"),
        ("_LEAST = 1\n", "_LEAST = 2\n", "_LEAST: 1 before, 2 now"),
        ("LIMIT = 5\n", "LIMIT = 5.0\n", r"LIMIT: 5 before, 5\.0 now"),
        ("LIMIT = 5\n", "LIMIT = 4 + 1 * 2\n", "LIMIT: 5 before, 6 now"),
        ("LIMIT = 5\n", "if True:\n    LIMIT = 6\n", "LIMIT: 5 before, 6 now"),
        ("LIMIT = 5\n", "LIMIT = 5\nLIMIT = 6\n", "LIMIT: 5 before, 6 now"),
        ("    return small", "    who = str(who)\n    return small", "make_bundle: "),
        ("def make_bundle(who):", "def make_bundle(who, more=1):", "make_bundle: "),
        (
            "    def found(self):\n        return 1",
            "    def found(self):\n        return 2",
            r"Kept\.found: ",
        ),
        ("found(self, one, other)", "found(self, other, one)", r"Pair\.found: "),
        ("count = 3", "count = 4", r"Kept\.count: 3 before, 4 now"),
        ("size: int = 1", "size: int = 2", r"Shape\.size: 1 before, 2 now"),
        ("default_factory=list", "default_factory=tuple", r"Shape\.__init__: "),
        ("def area(self):\n        return self.size", "def area(self):\n        return 2", r"Shape\.area: "),
        ("cached(x):\n    return x", "cached(x):\n    return 2 * x", "cached: "),
        ("scale=2", "scale=3", "scaled: "),
        ("('limit', 1)", "('limit', 2)", "SETTINGS: "),
        ("HIGH = 2", "HIGH = 3", r"Level\.HIGH: |LEVEL: "),
        ("np.ones(3)", "np.zeros(3)", "TABLE: "),
        ("turned = lambda x: x", "turned = lambda x: -x", "turned: "),
        ("class Part(Kept)", "class Part(Pair)", "Part: "),
        ("'once': lambda x: x,", "'once': lambda x: x + 0,", "CHOICES: "),
        ("NAMED = 7", "NAMED = 8", "NAMED: 7 before, 8 now"),
        ("WITHIN = 7", "WITHIN = 8", "WITHIN: 7 before, 8 now"),
    ],
)
def test_code_and_values_that_differ_are_named(written, tmp_path, before, after, name):
    text = HEAD + "LIMIT = 5\n" + MAKES + KEPT + MORE
    assert text.count(before) == 1
    module = written("early", text)
    sweep_of(module).run(tmp_path / "results", 0, progress=False)
    for _ in range(2):  # it is no other one when it is imported again
        sweep_of(written("early", text)).run(tmp_path / "results", 0, progress=False)
    other = written("early", text.replace(before, after))
    refused(lambda: sweep_of(other).run(tmp_path / "results", 0, progress=False), rf"loaded\.early\.({name})")


def test_comments_and_layout_are_no_difference(written, tmp_path):
    text = HEAD + "LIMIT = 5\n" + MAKES
    sweep_of(written("laid", text)).run(tmp_path / "results", 0, progress=False)
    other = "# As it was.\n" + text.replace("LIMIT = 5", "LIMIT   =   5  # rounds")
    sweep_of(written("laid", other)).run(tmp_path / "results", 0, progress=False)


def test_what_was_set_from_outside_is_another_sweep(written, tmp_path):
    module = written("patched", HEAD + "LIMIT = 5\n" + MAKES)
    sweep = sweep_of(module)
    sweep.run(tmp_path / "results", 0, progress=False)
    module.LIMIT = 9
    refused(lambda: sweep.run(tmp_path / "results", 0, progress=False), r"patched\.LIMIT: 5 before, 9 now")
    refused(lambda: sweep.run(tmp_path / "others", 1, progress=False), r"patched\.LIMIT: 9 there, 5 here")


def test_a_module_that_was_loaded_again_but_not_who_imports_from_it(written, tmp_path):
    written("depended", "LIMIT = 5\n")
    module = written("depending", HEAD + "from depended import LIMIT\n" + MAKES)
    written("depended", "LIMIT = 8\n")
    results = sweep_of(module).run(tmp_path / "results", 0, progress=False)
    assert results.table()["quantile_95"].iloc[0] == 5
    importlib.reload(module)
    refused(
        lambda: sweep_of(module).run(tmp_path / "results", 0, progress=False),
        r"depending\.LIMIT: 5 before, 8 now",
    )


def test_what_is_imported_by_an_asterisk(written, tmp_path):
    written("starred", "LIMIT = 5\n")
    module = written("starring", HEAD + "from starred import *\n" + MAKES)
    sweep_of(module).run(tmp_path / "results", 0, progress=False)
    sweep_of(module).run(tmp_path / "others", 1, progress=False)
    module.LIMIT = 9
    refused(
        lambda: sweep_of(module).run(tmp_path / "results", 0, progress=False),
        r"starring\.LIMIT: 5 before, 9 now",
    )


def test_workers_that_have_the_old_code_and_are_asked_for_another_measure(written, tmp_path):
    text = HEAD + "LIMIT = 5\n" + MAKES + MEASURES
    module = written("alive", text)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        sweep_of(module, module.double).run(tmp_path / "first", pool, progress=False)
        module = written("alive", text.replace("LIMIT = 5", "LIMIT = 8"))
        refused(
            lambda: sweep_of(module, module.triple).run(tmp_path / "second", pool, progress=False),
            "LIMIT: 8 there, 5 here",
        )
    sweep_of(module, module.triple).run(tmp_path / "second", 1, progress=False)


SETS = {
    "a name under the guard": "if __name__ == '__main__':\n    LIMIT = int(sys.argv[1])\n",
    "a global name": "def main():\n    global LIMIT\n    LIMIT = int(sys.argv[1])\n"
    "if __name__ == '__main__':\n    main()\n",
    "an entry": "def main():\n    SETTINGS['limit'] = int(sys.argv[1])\n"
    "if __name__ == '__main__':\n    main()\n",
}


@pytest.mark.parametrize("sets", SETS.values(), ids=list(SETS))
def test_what_a_script_sets_for_itself(tmp_path, sets):
    """Processes that import the script do not set it, and what was played with another one does not go on."""
    limit = "SETTINGS['limit']" if "SETTINGS" in sets else "LIMIT"
    (tmp_path / "script.py").write_text(
        "import sys\n" + HEAD + "from interaction.studies import Sweep\nLIMIT = 5\nSETTINGS = {'limit': 5}\n"
        f"def make_bundle(who):\n    return small.make_bundle(who, {limit})\n"
        "sweep = Sweep(make_bundle, {'who': ['habit']}, 20, measure={'rounds': 'lengths'})\n"
        + sets
        + "    sweep.run('results', int(sys.argv[2]), progress=False)\n"
    )

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "script.py", *arguments],
            cwd=tmp_path,
            env={**killing.os.environ, "PYTHONPATH": str(killing.ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("9", "0").returncode == 0
    assert run("9", "0").returncode == 0
    other = run("7", "0")
    assert other.returncode == 1
    assert re.search(r"loaded\.script\.\w+: .*9.* before, .*7.* now", other.stderr)
    shutil.rmtree(tmp_path / "results")
    workers = run("9", "1")
    assert workers.returncode == 1
    assert re.search(r"loaded\.script\.\w+: .*9.* there, .*5.* here", workers.stderr)


def test_what_is_counted_or_kept_is_no_difference_by_its_name(written, tmp_path):
    module = written(
        "counting",
        HEAD
        + "import functools\nLIMIT = 5\n_MADE = {}\n_TIMES = 0\nUNUSED = []\n"
        + "@functools.cache\ndef slow(x):\n    return x\n"
        + "def make_bundle(who):\n    global _TIMES\n    _TIMES += slow(1)\n    _MADE[who] = {1, 2}\n"
        + "    return small.make_bundle(who, LIMIT)\n"
        + "class Kept:\n    _count = 0\n    def __init__(self):\n        type(self)._count += 1\n",
    )
    sweep = sweep_of(module)
    sweep.bundle(who="habit")
    module.Kept()
    module.UNUSED.append(1)
    sweep.run(tmp_path / "results", 0, progress=False)
    sweep.run(tmp_path / "results", 0, progress=False)


def test_a_value_that_counts_is_told_with_what_to_write(written, tmp_path):
    module = written(
        "counted",
        HEAD + "TIMES = 0\ndef make_bundle(who):\n    global TIMES\n    TIMES += 1\n"
        "    return small.make_bundle(who, 5)\n",
    )
    sweep_of(module).run(tmp_path / "results", 0, progress=False)
    refused(
        lambda: sweep_of(module).run(tmp_path / "results", 0, progress=False),
        "TIMES: 0 before(.|\n)*an underscore",
    )


def test_a_script_by_its_module_with_relative_imports(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "__init__.py").write_text("")
    (tmp_path / "project" / "limits.py").write_text("LIMIT = 5\n")
    (tmp_path / "project" / "experiment.py").write_text(
        HEAD
        + "from interaction.studies import Sweep\nfrom .limits import LIMIT\n"
        + MAKES
        + "sweep = Sweep(make_bundle, {'who': ['habit']}, 20, measure={'rounds': 'lengths'})\n"
        + "if __name__ == '__main__':\n    sweep.run('results', 1, progress=False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "project.experiment"],
        cwd=tmp_path,
        env={**killing.os.environ, "PYTHONPATH": str(killing.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_sources_in_other_encodings_and_archives(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nNAME = 'é'\n".encode("latin-1"))
    (tmp_path / "marked.py").write_bytes(b"\xef\xbb\xbfLIMIT = 5\n")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.writestr("packed.py", "def five():\n    return 5\n")
    monkeypatch.syspath_prepend(tmp_path / "packed.zip")
    (tmp_path / "reading.py").write_text(
        HEAD
        + "import latin, marked, packed\n"
        + "def make_bundle(who):\n    return small.make_bundle(who, packed.five())\n"
    )
    about = surroundings([reference_to(importlib.import_module("reading").make_bundle, "it")])
    assert {"latin", "marked", "packed"} <= set(about["sources"])
    assert set(about["loaded"]["packed"]) == {"five"}
    for name in ("latin", "marked", "packed", "reading"):
        monkeypatch.delitem(sys.modules, name)


def test_libraries_count_by_their_versions_and_what_one_has_installed_oneself_by_its_sources(
    tmp_path, monkeypatch
):
    for folder, name in (("site-packages", "theirs"), ("site-packages", "mine"), ("target", "copied")):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / f"{name}.py").write_text("LIMIT = 5\n")
        about = place / f"{name}-1.5.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        (about / "RECORD").write_text(f"{name}.py,,\n")
        if name == "mine":
            (about / "direct_url.json").write_text('{"url": "file:///home/me/mine", "dir_info": {}}')
        monkeypatch.syspath_prepend(place)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "asking.py").write_text(HEAD + "import theirs, mine, copied\nLIMIT = 5\n" + MAKES)
    about = surroundings([reference_to(importlib.import_module("asking").make_bundle, "it")])
    assert {"asking", "mine"} <= set(about["sources"])
    assert not {"theirs", "copied"} & set(about["sources"])
    assert (about["versions"]["theirs"], about["versions"]["copied"]) == ("1.5", "1.5")
    for name in ("theirs", "mine", "copied", "asking"):
        monkeypatch.delitem(sys.modules, name)


def test_all_that_is_shipped_is_told_the_same_in_another_process(tmp_path):
    """With other hashes of texts, in another order of imports."""
    root = Path(small.__file__).parents[3]
    names = [
        f"interaction.{folder}.{file.stem}"
        for folder in ("tasks", "users", "assistants")
        for file in sorted((root / folder).glob("[a-z]*.py"))
    ]
    assert len(names) > 20
    code = (
        "import ast, importlib, json, sys\nfrom pathlib import Path\n"
        "from interaction.studies.loaded import loaded\n"
        f"names = {names}\n"
        "order = names if sys.argv[1] == '1' else names[::-1]\n"
        "modules = {name: importlib.import_module(name) for name in order}\n"
        "files = {name: Path(modules[name].__file__).resolve() for name in names}\n"
        "told = loaded({name: (file, ast.parse(file.read_text())) for name, file in files.items()})\n"
        "print(json.dumps(told, sort_keys=True))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code, seed],
            env={**killing.os.environ, "PYTHONPATH": str(killing.ROOT), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert all(json.loads(told[0]).values())


def test_a_module_of_ones_own_with_a_name_of_the_standard_library_counts(tmp_path):
    (tmp_path / "profile.py").write_text("LIMIT = 5\n")
    (tmp_path / "mine.py").write_text(HEAD + "from profile import LIMIT\n" + MAKES)
    told = "from interaction.importing import reference_to; import mine\n" + (
        "from interaction.studies.surroundings import surroundings\n"
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
