"""What a folder holds after the sweep has changed, and what is refused because a number would be wrong."""

import importlib
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, repeat
from threading import Barrier

import numpy as np
import pytest

from interaction.errors import ArgumentError
from interaction.studies import Sweep, SweepResults
from interaction.studies.sweeps import folder as folder_module
from interaction.studies.sweeps import playing
from interaction.studies.sweeps.folder import Folder
from interaction.studies.sweeps.trial import Trial
from tests.interaction.sweeps import small

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")


def rows(folder):
    """Give what other programs read: how many rows, and of how many cells and episodes."""
    table = pd.read_parquet(folder / "chunks")
    return len(table), len(table[["who", "limit", "episode"]].drop_duplicates())


def play(folder, episodes=60, over=None, **options):
    made = small.sweep(episodes) if over is None else None
    given = {"measure": {"rounds": "lengths"}, "chunk": 8} | options
    changed, worker = given.pop("changed", "keep"), given.pop("worker", None)
    sweep = made or Sweep(small.whole, over, episodes, 5, **given)
    return sweep.run(folder, 0, progress=False, changed=changed, worker=worker)


@pytest.mark.parametrize("compacted", [False, True])
def test_other_programs_meet_each_episode_once_when_there_are_more(tmp_path, compacted):
    results = play(tmp_path)
    if compacted:
        results.compact(progress=False)
    play(tmp_path, 100)
    assert rows(tmp_path) == (400, 400)
    assert small.sweep(100).verify(tmp_path, 100, executor=0, progress=False) == 4 * 13


def test_labels_that_become_fractions_are_played_anew(tmp_path):
    play(tmp_path, 20, {"who": ["habit"], "limit": [5, 8]})
    results = play(tmp_path, 20, {"who": ["habit"], "limit": [5, 6.0, 8]})
    assert rows(tmp_path) == (60, 60)
    assert results.table()["n"].tolist() == [20, 20, 20]


def test_cells_that_leave_come_back(tmp_path, monkeypatch):
    both, one = {"who": ["habit"], "limit": [5, 8]}, {"who": ["habit"], "limit": [5]}
    before = play(tmp_path, 20, both).table()
    files = small.files(tmp_path / "chunks")
    play(tmp_path, 20, one)
    assert rows(tmp_path) == (20, 20)
    monkeypatch.setattr(playing, "play_one", None)
    after = play(tmp_path, 20, both, chunk=3)
    assert after.table().equals(before)
    assert small.files(tmp_path / "chunks") == files
    monkeypatch.undo()
    play(tmp_path, 20, one)
    play(tmp_path, 20, one, keep=["task_state.x"], changed="again")
    assert not (tmp_path / "aside").exists()


# Several that begin at once.


def meanwhile(monkeypatch, happens):
    """Let something happen while the first of four cells is tried; later ones seem to take longer."""
    real, todo = playing.try_one, [happens]
    seconds = chain([0.1] * 4, repeat(1.0))

    def tried(cell, *given):
        if todo:
            todo.pop()()
        real(cell, *given)
        return Trial(cell, next(seconds), 1.0)

    monkeypatch.setattr(playing, "try_one", tried)


def test_shares_that_begin_at_once_agree_on_chunks(tmp_path, monkeypatch):
    sweep = small.sweep(chunk=None)
    meanwhile(monkeypatch, lambda: sweep.run(tmp_path, 0, progress=False, worker=(1, 2)))
    sweep.run(tmp_path, 0, progress=False, worker=(2, 2))
    assert SweepResults(tmp_path).table()["n"].tolist() == [60] * 8
    assert {one["chunk"] for one in SweepResults(tmp_path).manifest["cells"]} == {16}


def test_shares_that_grow_a_sweep_at_once_agree_on_chunks(tmp_path, monkeypatch):
    """Between the look at the manifest and the change of it, too."""
    play(tmp_path, 512, {"who": ["habit"], "limit": [5]}, chunk=None)
    real, real_replace, both = playing.try_one, Folder.replace, Barrier(2, timeout=60)
    seconds = iter([3 / 64, 3 / 16])

    def tried(cell, *given):
        real(cell, *given)
        both.wait()
        return Trial(cell, next(seconds), 1.0)

    def replace(folder, manifest):
        time.sleep(0.3)
        real_replace(folder, manifest)

    monkeypatch.setattr(playing, "try_one", tried)
    monkeypatch.setattr(Folder, "replace", replace)
    more = {"who": ["habit"], "limit": [5, 8]}
    with ThreadPoolExecutor(2) as threads:
        shares = [threads.submit(play, tmp_path, 512, more, chunk=None, worker=(n, 2)) for n in (1, 2)]
        for share in shares:
            share.result()
    assert SweepResults(tmp_path).table()["n"].tolist() == [512, 512]
    assert not list(tmp_path.glob(".manifest*"))


def test_a_lock_of_a_process_that_was_killed_holds_nobody_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(folder_module, "_HELD", 0.1)
    (tmp_path / ".manifest.lock").write_text("gone")
    assert play(tmp_path).table()["n"].tolist() == [60] * 8
    assert not list(tmp_path.glob(".manifest*"))


def test_another_sweep_that_begins_at_once_is_left_alone(tmp_path, monkeypatch):
    other = small.sweep(common=False)
    meanwhile(monkeypatch, lambda: other.run(tmp_path, 0, progress=False))
    with pytest.raises(ArgumentError, match="another sweep has begun in this folder at the same time"):
        small.sweep().run(tmp_path, 0, progress=False)
    assert SweepResults(tmp_path).table()["n"].tolist() == [60] * 8


def test_a_share_does_not_remove_the_others(tmp_path):
    with pytest.raises(ArgumentError, match='changed="again" would remove what other shares have played'):
        small.sweep().run(tmp_path, 0, progress=False, worker=(1, 2), changed="again")


# What is not a function of its arguments.


def test_a_module_that_is_loaded_again_is_another_one(tmp_path, monkeypatch):
    code = (
        "from interaction.studies import Sweep\n"
        "from tests.interaction.sweeps import small\n"
        "def make_bundle(who):\n    return small.make_bundle(who, LIMIT)\n"
        "sweep = Sweep(make_bundle, {'who': ['habit']}, 20, measure={'rounds': 'lengths'})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "edited.py").write_text(f"LIMIT = 5\n{code}")
    module = importlib.import_module("edited")
    module.sweep.run(tmp_path / "results", 0, progress=False)
    (tmp_path / "edited.py").write_text(f"LIMIT =  8\n{code}")
    module = importlib.reload(module)
    with pytest.raises(ArgumentError, match=r"sources\.edited:"):
        module.sweep.run(tmp_path / "results", 0, progress=False)
    table = module.sweep.run(tmp_path / "results", 0, progress=False, changed="again").table()
    assert table["mean"].tolist() == [8.0]
    del sys.modules["edited"]


@pytest.mark.parametrize("measure", [small.by_chance, small.counted])
def test_what_comes_out_otherwise_is_refused(tmp_path, measure):
    with pytest.raises(ArgumentError, match="episodes came out otherwise when they were played again"):
        small.sweep(measure={"it": measure}).run(tmp_path, 0, progress=False)
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.parametrize("measure", [small.beside, small.after_the_end, small.after_the_end_in_32_bits])
def test_a_measure_that_follows_from_other_episodes_is_refused(tmp_path, measure):
    sweep = Sweep(small.unequal, {}, 60, measure={"it": measure}, record=["task_state.x"])
    with pytest.raises(ArgumentError, match="'it': it tells something else of an episode when others"):
        sweep.run(tmp_path, 0, progress=False)


@pytest.mark.parametrize("chunk", [8, 256])
def test_a_measure_of_32_bits_is_as_precise_as_it_may_be(tmp_path, chunk):
    sweep = Sweep(
        small.unequal, {}, 512, 5, measure={"it": small.in_32_bits}, record=["task_state.x"], chunk=chunk
    )
    results = sweep.run(tmp_path, 0, progress=False)
    expected = small.in_32_bits(small.unequal().run(512, seed=5)).astype(float)
    assert results.table()["mean"][0] == pytest.approx(expected.mean(), rel=1e-6)
    assert sweep.verify(tmp_path, executor=0, progress=False) > 1


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (small.enormous, r"whole numbers up to 2\*\*53, .* got 9007199254740993"),
        (small.imaginary, "expected a number for each episode, got an array of complex128"),
        (small.written, "expected a number for each episode, got an array of <U"),
    ],
)
def test_a_measure_that_would_lose_digits_is_refused(tmp_path, measure, told):
    with pytest.raises(ArgumentError, match=told):
        small.sweep(measure={"it": measure}).run(tmp_path, 0, progress=False)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ([2**63], "whole numbers of 64 bits"),
        ([2**53 + 1, 0.5], "numbers that a float holds exactly"),
        (["\ud800"], "text of whole characters"),
    ],
)
def test_labels_that_files_cannot_hold_are_refused(labels, told):
    with pytest.raises(ArgumentError, match=told):
        Sweep(small.make_bundle, {"who": ["habit"], "limit": labels}, 10, measure={"rounds": "lengths"})


@pytest.mark.parametrize("name", ["n", "mean", "measure", "standard_error", "quantile_50"])
def test_an_axis_does_not_hide_behind_a_column_of_the_table(name):
    with pytest.raises(ArgumentError, match=f"'{name}' is a column of every table"):
        Sweep(small.make_bundle, {name: [1, 2]}, 10, measure={"rounds": "lengths"})


def test_a_cell_is_told_by_all_its_labels():
    with pytest.raises(ArgumentError, match=r"Sweep\.cell: expected a label of who, got none"):
        small.sweep().cell(limit=5)


# Until the mean is known.


def test_a_measure_without_values_so_far_is_not_known(tmp_path):
    sweep = small.sweep(
        400, measure={"rounds": "lengths", "late": small.late}, until={"rounds": 1.0, "late": 0.5}
    )
    table = sweep.run(tmp_path, 0, progress=False).table(measures=["late"])
    assert np.all(table["n"] > 100)
    assert np.all(table["standard_error"] <= 0.5)
