"""Trajectories are arrays by path, labelled, and are kept without loss."""

import sys

import numpy as np
import pytest

from interaction import SOURCES, Assistant, Bundle, RandomPolicy, Trajectories, User, spaces
from interaction.errors import ArgumentError, MissingExtraError, UnknownNameError
from tasks.coordination import CoordinatedTask
from users.bandit import RescorlaWagnerUser
from users.coordination import PseudoRandomUser

TEN = spaces.Discrete(10)
OVER = {"user_state.p0": [1, 2], "user_state.p1": [3, 4, 5]}


def bundle():
    return Bundle(CoordinatedTask(), PseudoRandomUser(), Assistant(policy=RandomPolicy(TEN)), max_rounds=8)


def learner():
    from tasks.bandit import MultiArmedBanditTask

    return Bundle(MultiArmedBanditTask(), RescorlaWagnerUser(), max_rounds=4)


def test_axes_are_episode_then_candidates_then_round():
    runs = bundle().run(5, seed=0, over=OVER)
    assert runs["task_state.x"].shape == (5, 2, 3, 8)
    assert runs.returns.shape == runs.lengths.shape == runs.terminated.shape == (5, 2, 3)
    assert runs["user_state.p1"][0, 1, 2, 0] == 5
    assert np.array_equal(runs.truncated, ~runs.terminated)
    assert np.array_equal(runs.returns, sum(runs.rewards[source] for source in SOURCES))
    assert learner().run(5, seed=0)["user_state.q"].shape == (5, 4, 2)


def test_only_what_is_asked_for_is_recorded():
    assert bundle().run(3, seed=0, record="final")["task_state.x"].shape == (3,)
    chosen = bundle().run(3, seed=0, record=["task_state", "rewards.user_task"])
    assert list(chosen) == ["task_state.x", "rewards.user_task"]
    assert len(bundle().run(3, seed=0, record=[])) == 0
    with pytest.raises(UnknownNameError, match="only what was recorded"):
        chosen["user_action"]
    with pytest.raises(ArgumentError, match="record"):
        bundle().run(3, seed=0, record=[3])


def test_a_run_without_a_seed_can_be_repeated():
    runs = bundle().run(4)
    assert bundle().run(4, seed=runs.seed) == runs
    assert bundle().run(4) != runs


def test_rewards_by_round_add_up():
    runs = bundle().run(20, seed=0)
    for source in SOURCES:
        assert np.array_equal(runs[f"rewards.{source}"].sum(axis=-1), runs.rewards[source])


@pytest.mark.parametrize("record", ["all", "final", ["user_action"], []])
def test_saving_loses_nothing(tmp_path, record):
    runs = bundle().run(4, seed=3, over=OVER, record=record)
    back = Trajectories.load(runs.save(tmp_path / "runs"))
    assert back == runs
    assert {path: back[path].dtype for path in back} == {path: runs[path].dtype for path in runs}
    assert (back == 3) is False


def test_another_file_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(ArgumentError, match=r"written by Trajectories\.save"):
        Trajectories.load(tmp_path / "other.npz")


def test_an_episode_is_cut_to_its_rounds():
    runs = bundle().run(6, seed=0, over=OVER)
    one = runs.episode(-1)
    assert one.episodes.tolist() == [5]
    assert one["task_state.x"].shape[:3] == (1, 2, 3)
    assert bundle().run(6, seed=0, record="final").episode(2)["task_state.x"].shape == (1,)
    for wrong in (6, -7, 1.5, True):
        with pytest.raises(ArgumentError, match="expected an index below 6"):
            runs.episode(wrong)


def test_labelled_data_and_tables():
    runs = bundle().run(3, seed=0, over=OVER)
    data = runs.to_xarray()
    assert data["task_state.x"].dims == ("episode", "user_state.p0", "user_state.p1", "round")
    assert (
        data["returns"].sel({"user_state.p0": 2, "user_state.p1": 5, "episode": 1}) == runs.returns[1, 1, 2]
    )
    assert data.attrs["seed"] == 0
    table = runs.to_dataframe()
    assert len(table) == runs.played.sum()
    chosen = table[
        (table["episode"] == 1) & (table["over.user_state.p0"] == 2) & (table["over.user_state.p1"] == 5)
    ]
    assert chosen["task_state.x"].tolist() == runs["task_state.x"][1, 1, 2, : runs.lengths[1, 1, 2]].tolist()
    final = bundle().run(3, seed=0, record="final").to_dataframe()
    assert final["returns"].tolist() == bundle().run(3, seed=0).returns.tolist()
    vectors = learner().run(3, seed=0)
    assert "user_state.q[1]" in vectors.to_dataframe().columns
    assert vectors.to_xarray()["user_state.q"].shape == (3, 4, 2)


@pytest.mark.parametrize("library", ["xarray", "pandas"])
def test_a_missing_library_is_named(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    runs = bundle().run(2, seed=0)
    with pytest.raises(MissingExtraError, match=r"hci-interaction\[data\]"):
        runs.to_xarray() if library == "xarray" else runs.to_dataframe()


def test_it_reads_at_a_glance():
    text = repr(bundle().run(50, seed=0, over=OVER))
    assert "50 episode, 2 user_state.p0, 3 user_state.p1" in text
    assert "standard error" in text
    assert "and" in text
    lone = Bundle(CoordinatedTask(), User(policy=RandomPolicy(TEN)), max_rounds=2).run(
        1, seed=0, record=["user_action"]
    )
    assert repr(lone).endswith("recorded: user_action)")
