"""The benchmarks run; their figures are for people, and no test depends on them."""

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

ROOT = Path(__file__).parent.parent
PLAIN = sorted({file.stem for file in (ROOT / "benchmarks").glob("*.py")} - {"compare", "report", "interop"})


def run(name, *words):
    return subprocess.run(
        [sys.executable, f"benchmarks/{name}.py", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},  # this tree, whichever is installed
        check=False,
    )


@pytest.mark.parametrize("name", PLAIN)
def test_a_benchmark_prints_its_tables_and_keeps_its_times(name, tmp_path):
    done = run(name, "--quick", "--json", str(tmp_path / "times.json"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    told = json.loads((tmp_path / "times.json").read_text(encoding="utf-8"))
    assert told["seconds"]
    assert all(taken > 0 for taken in told["seconds"].values())
    assert Path(told["interaction"]).is_relative_to(ROOT)


def test_the_benchmark_of_wrapped_components_prints_its_table():
    reason = "the package coopihc is not installed (docs/how-to/coopihc.md tells how to)"
    pytest.importorskip("coopihc", reason=reason, exc_type=ImportError)
    done = run("interop", "--quick")
    assert done.returncode == 0, done.stderr
    assert all(way in done.stdout for way in ("genuine", "wrapped", "native"))


def test_an_unknown_option_is_refused():
    assert "unrecognized arguments: --quik" in run("pointing", "--quik").stderr


@pytest.fixture
def compare(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    spec = importlib.util.spec_from_file_location("compare", ROOT / "benchmarks" / "compare.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.modules.pop("report")


def test_the_interval_of_ratios_is_that_of_students_t_on_their_logs(compare):
    ratios = [1.1, 1.3, 0.9, 1.2]
    found = compare.interval(ratios)
    expected = stats.t.interval(0.95, 3, np.mean(np.log(ratios)), stats.sem(np.log(ratios)))
    np.testing.assert_allclose(found, np.exp([np.mean(np.log(ratios)), *expected]))
    assert found[0] == pytest.approx(stats.gmean(ratios))
    single = compare.interval([2.0])
    assert single[0] == pytest.approx(2.0)
    assert all(map(math.isnan, single[1:]))


def test_both_are_timed_in_alternation(compare, monkeypatch):
    base, order = Path("base"), []

    def timed(name, tree, full):
        order.append(tree)
        return {"a": 2.0, "b": 1.0} if tree == base else {"a": 1.0, "new": 1.0, "b": 1.0 + len(order) / 1e3}

    monkeypatch.setattr(compare, "timed", timed)
    table = compare.compare("engine", base, 4, full=False)
    ours = compare.ROOT
    assert order == [ours, base, base, ours, ours, base, base, ours]
    assert table.rows[0] == ["a", "2 s", "1 s", "2.00", "2.00 to 2.00 *"]
    assert table.rows[1] == ["new", "not measured", "1 s", "", ""]
    assert table.rows[2][3] == "1.00"


def test_the_working_tree_is_compared_with_a_commit():
    if not (ROOT / ".git").exists():
        pytest.skip("a source distribution has no commits to compare with")
    done = run("compare", "HEAD", "--only", "pointing", "--pairs", "1")
    assert done.returncode == 0, done.stderr
    assert "pointing, pairs: 1" in done.stdout
    assert "one choice by information gain" in done.stdout
    assert "/base " not in run_git("worktree", "list")


def test_the_components_of_a_commit_are_timed_with_its_engine(compare):
    if not (ROOT / ".git").exists():
        pytest.skip("a source distribution has no commits to compare with")
    told = "from interaction import tasks, users; print(*tasks.__path__, *users.__path__)"
    with compare.checked_out("HEAD") as tree:
        done = subprocess.run(
            [sys.executable, "-c", told],
            env={**os.environ, "PYTHONPATH": str(tree)},
            cwd=tree.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        for file in done.stdout.split():
            assert Path(file).is_relative_to(tree)


def run_git(*words):
    done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_benchmark_of_other_libraries_plays_the_same_game_in_all():
    shown = subprocess.run(
        [sys.executable, "benchmarks/elsewhere.py", "--quick"],
        capture_output=True,
        text=True,
        check=True,  # it raises where a mean length is not that of the game
        cwd=ROOT,
    )
    assert all(way in shown.stdout for way in ("plain Python", "gymnasium", "PettingZoo", "grid"))
