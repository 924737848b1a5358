"""Trajectories are arrays by path, labelled, and are kept without loss."""

import pickle
import subprocess
import sys
import time

import numpy as np
import pytest

from interaction import (
    SOURCES,
    Assistant,
    BelievingAssistant,
    Bundle,
    Grid,
    RandomPolicy,
    Trajectories,
    User,
    UserModelFilter,
    files,
    spaces,
)
from interaction.errors import ArgumentError, MissingExtraError, UnknownNameError
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.bandit import RescorlaWagnerUser
from interaction.users.coordination import PseudoRandomUser

TEN = spaces.Discrete(10)
OVER = {"user_state.p0": [1, 2], "user_state.p1": [3, 4, 5]}


def bundle():
    return Bundle(CoordinatedTask(), PseudoRandomUser(), Assistant(policy=RandomPolicy(TEN)), max_rounds=8)


def learner():
    from interaction.tasks.bandit import MultiArmedBanditTask

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


def torn(content):
    """Files that are no whole file of ours: texts, parts of one, and one with a byte changed."""
    yield b"episode,round\n0,1\n"
    yield b""
    yield from (content[:size] for size in range(1, len(content), len(content) // 20))
    for place in range(0, len(content), len(content) // 40):
        yield content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :]


def test_a_torn_or_foreign_file_is_refused_or_read_as_it_was(tmp_path):
    runs = bundle().run(4, seed=3, over=OVER)
    content = runs.save(tmp_path / "runs").read_bytes()
    refused: list[str] = []
    for part in torn(content):
        (tmp_path / "part.npz").write_bytes(part)
        try:
            found = Trajectories.load(tmp_path / "part.npz")
        except ArgumentError as error:
            refused.append(str(error))
        else:
            assert found == runs
    assert len(refused) > 40
    assert all("part.npz: expected a whole file written by Trajectories.save" in text for text in refused)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ArgumentError, match="expected a whole file"):
        Trajectories.load(tmp_path / "array.npy")
    with pytest.raises(FileNotFoundError):
        Trajectories.load(tmp_path / "none.npz")


SAVES = """
import sys
import time
from interaction import Trajectories
runs = [Trajectories.load(file) for file in sys.argv[2:]]
print("ready", flush=True)
while True:
    for one in runs:
        one.save(sys.argv[1])
"""


def test_a_kill_leaves_a_whole_file(tmp_path):
    both = [bundle().run(count, seed=3, over=OVER) for count in (300, 400)]
    files = [str(runs.save(tmp_path / f"{index}")) for index, runs in enumerate(both)]
    target = tmp_path / "target.npz"
    both[0].save(target)
    waits = np.random.default_rng(0).uniform(0.0, 0.15, 12)
    for wait in waits:
        process = subprocess.Popen([sys.executable, "-c", SAVES, str(target), *files], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait)
        process.kill()
        process.wait()
        process.stdout.close()
        assert Trajectories.load(target) in both


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    runs = bundle().run(4, seed=3)
    file = runs.save(tmp_path / "runs")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        bundle().run(5, seed=4).save(file)
    assert Trajectories.load(file) == runs
    assert [path.name for path in tmp_path.iterdir()] == ["runs.npz"]


def test_an_episode_is_cut_to_its_rounds():
    runs = bundle().run(6, seed=0, over=OVER)
    one = runs.episode(-1)
    assert one.episodes.tolist() == [5]
    assert one["task_state.x"].shape[:3] == (1, 2, 3)
    assert bundle().run(6, seed=0, record="final").episode(2)["task_state.x"].shape == (1,)
    for wrong in (6, -7, 1.5, True):
        with pytest.raises(ArgumentError, match="expected an index below 6"):
            runs.episode(wrong)


def test_some_episodes_are_cut_to_the_rounds_of_the_longest():
    by_chance = Bundle(
        CoordinatedTask(), User(policy=RandomPolicy(TEN)), Assistant(policy=RandomPolicy(TEN)), max_rounds=60
    )
    runs = by_chance.run(20, seed=0)
    places = np.argsort(runs.lengths)[:5]
    some = runs.subset(places)
    assert some == by_chance.run(places, seed=0)
    assert some.played.shape[1] < runs.played.shape[1]
    assert pickle.loads(pickle.dumps(some)) == some
    assert runs.subset([-1]) == runs.episode(-1)
    for wrong in ([20], [-21], [0.5], [True], [[1]], []):
        with pytest.raises(ArgumentError, match="subset: expected indices below 20, got"):
            runs.subset(wrong)


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
    assert "50 episodes, 2 user_state.p0, 3 user_state.p1" in text
    assert "mean return -16 in each episode" in text  # nothing is drawn in this game
    assert "standard error" in repr(learner().run(50, seed=0))
    assert "and" in text
    lone = Bundle(CoordinatedTask(), User(policy=RandomPolicy(TEN)), max_rounds=2).run(
        1, seed=0, record=["user_action"]
    )
    assert repr(lone).startswith("Trajectories(1 episode, return -2, ")
    assert repr(lone).endswith("recorded: user_action)")
    assert repr(bundle().run(0, seed=0)).startswith("Trajectories(0 episodes, seed=0")


def bits(runs):
    arrays = {**runs, **{f"total.{name}": array for name, array in runs.rewards.items()}}
    arrays |= {f"over.{name}": array for name, array in runs.over.items()}
    arrays |= {name: getattr(runs, name) for name in ("lengths", "terminated", "truncated", "episodes")}
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}


@pytest.mark.parametrize("record", ["all", "final"])
def test_saving_keeps_every_type_and_every_bit(tmp_path, record):
    runs = learner().run(
        [3, 8, 5], seed=2**90 + 1, over={"user_state.learning_rate": [0.1, 0.3]}, record=record
    )
    file = runs.save(tmp_path / "deep.name")
    back = Trajectories.load(file)
    assert bits(back) == bits(runs)
    assert (back.seed, back.per_round, back.dimensions) == (runs.seed, runs.per_round, runs.dimensions)
    assert list(back) == list(runs)
    assert repr(back) == repr(runs)
    odd = np.array([[np.nan, -0.0, np.inf], [5e-324, 0.1 + 0.2, -np.nan]])
    strange = Trajectories(
        {"a": odd, "b": odd.astype(np.float32), "c": np.array([True, False]), "d": np.array(["x", "yz"])},
        rewards=dict.fromkeys(SOURCES, odd[:, 0]),
        lengths=np.array([3, 3]),
        terminated=np.array([True, False]),
        truncated=np.array([False, True]),
        episodes=np.arange(2),
    )
    assert bits(Trajectories.load(strange.save(tmp_path / "odd.npz"))) == bits(strange)


def test_a_pickled_run_is_the_same():
    runs = bundle().run(4, seed=3, over=OVER)
    assert bits(pickle.loads(pickle.dumps(runs))) == bits(runs)


def test_what_was_played_is_told_from_what_is_repeated():
    task = CoordinatedTask()
    runs = Bundle(
        task, User(policy=RandomPolicy(TEN)), Assistant(policy=RandomPolicy(TEN)), max_rounds=60
    ).run(60, seed=0)
    assert (runs.terminated ^ runs.truncated).all()
    assert runs.terminated.any()
    assert len(set(runs.lengths)) > 3
    assert runs.played.shape == (60, runs.lengths.max())
    assert np.array_equal(runs.played.sum(axis=-1), runs.lengths)
    for place, length in enumerate(runs.lengths):
        assert runs.played[place, :length].all()
        assert (runs["task_state.x"][place, length:] == runs["task_state.x"][place, length - 1]).all()
        assert (runs["rewards.user_task"][place, length:] == 0).all()
        one = runs.episode(place)
        assert one["task_state.x"].shape == (1, length)
        assert one.returns[0] == runs.returns[place] == sum(one[f"rewards.{s}"].sum() for s in SOURCES)
        assert (one.terminated[0], one.lengths[0], one.seed) == (runs.terminated[place], length, 0)


def test_what_is_recorded_does_not_change_what_is_played():
    whole = bundle().run(6, seed=1, over=OVER)
    for record in ("final", ["task_state.x"], ["rewards"], []):
        part = bundle().run(6, seed=1, over=OVER, record=record)
        assert np.array_equal(part.returns, whole.returns)
        assert np.array_equal(part.lengths, whole.lengths)
        assert part.terminated.tolist() == whole.terminated.tolist()
    final = bundle().run(6, seed=1, over=OVER, record="final")
    for path in final:
        assert np.array_equal(final[path], whole[path][:, :, :, -1]), path
    assert not any(path.startswith("rewards.") for path in final)
    rewards = bundle().run(6, seed=1, record=["rewards"])
    assert sorted(rewards) == sorted(f"rewards.{source}" for source in SOURCES)


def test_an_unknown_path_lists_the_recorded_ones():
    with pytest.raises(UnknownNameError, match=r"there is no 'task_state\.y'.*Did you mean.*user_action"):
        bundle().run(2, seed=0, record=["user_action", "task_state.y"])
    runs = bundle().run(2, seed=0, record=["user_action"])
    with pytest.raises(UnknownNameError, match=r"'task_state\.x'.*Valid names: user_action"):
        runs["task_state.x"]
    assert "user_action" in runs
    assert "task_state.x" not in runs


def test_labels_reach_the_tables():
    runs = bundle().run([7, 2], seed=5, over=OVER)
    data, table = runs.to_xarray(), runs.to_dataframe()
    assert data["episode"].values.tolist() == [7, 2]
    assert data["user_state.p1"].values.tolist() == [3, 4, 5]
    assert data["played"].dims == ("episode", "user_state.p0", "user_state.p1", "round")
    for name in ("returns", "lengths", "terminated", "truncated"):
        assert np.array_equal(data[name].values, getattr(runs, name))
    for source in SOURCES:
        assert np.array_equal(data[f"total.{source}"].values, runs.rewards[source])
    assert np.array_equal(data["recorded.user_state.p1"].values, runs["user_state.p1"])
    assert set(table["episode"]) == {7, 2}
    assert (table["over.user_state.p0"] == table["user_state.p0"]).all()
    totals = table.groupby(["episode", "over.user_state.p0", "over.user_state.p1"])[
        [f"rewards.{source}" for source in SOURCES]
    ].sum()
    assert totals.sum(axis=1).loc[(2, 1, 4)] == runs.returns[1, 0, 1]


def test_the_repr_tells_the_seed_the_axes_and_the_mean():
    text = repr(bundle().run(3, seed=77, record="final"))
    assert text.startswith("Trajectories(3 episodes, return -16 in each episode, ")
    assert "seed=77" in text
    assert "recorded: round_index, turn_index, task_state.x, " in text


def test_the_standard_error_is_over_episodes_whose_luck_all_cells_share():
    rates = {"user_state.learning_rate": [0.1, 0.5, 0.5, 0.5]}
    runs = learner().run(200, seed=0, over=rates, record="final")
    means = runs.returns.mean(axis=1)
    assert f"{means.mean():.4g} ± {means.std(ddof=1) / np.sqrt(200):.2g} (standard error)" in repr(runs)
    one = learner().run(1, seed=0, over=rates, record="final")
    assert f"4 user_state.learning_rate, mean return {one.returns.mean():.4g}, seed=0" in repr(one)
    alike = bundle().run(5, seed=0, over={"user_state.p0": [1, 3]}, record="final")
    assert f"mean return {alike.returns.mean():.4g} in each episode, seed=0" in repr(alike)


@pytest.mark.parametrize("record", ["all", "final"])
def test_the_final_state_is_that_of_each_episode_alone(record):
    bundle = Bundle(MultiArmedBanditTask(), RescorlaWagnerUser(), max_rounds=7)
    rates = [0.1, 0.5]
    runs = bundle.run(3, seed=0, over={"user_state.learning_rate": rates}, record=record)
    found = runs.final("user_state")
    assert found.q.shape == (3, 2, 2)
    for episode in range(3):
        for index, rate in enumerate(rates):
            game = bundle.reset(seed=0, episode=episode, start={"user_state.learning_rate": rate})
            while not (step := bundle.step()).done:
                pass
            game = step.game
            assert (found.q[episode, index] == game.user_state.q).all()
            assert found.learning_rate[episode, index] == rate


def test_a_belief_of_many_episodes_is_read_off_their_final_states():
    belief = UserModelFilter(PseudoRandomUser(), Grid({"p0": range(10)}))
    watching = BelievingAssistant(belief, RandomPolicy(spaces.Discrete(10)))
    bundle = Bundle(CoordinatedTask(), PseudoRandomUser(3), watching, max_rounds=9)
    found = belief.posterior(bundle.run(20, seed=0).final("assistant_state"))
    for episode in range(20):
        bundle.reset(seed=0, episode=episode)
        while not (step := bundle.step()).done:
            pass
        alone = belief.posterior(step.game.assistant_state)
        assert (found.weights[episode] == alone.weights).all()
        assert found.mean("p0")[episode] == alone.mean("p0")


def test_what_an_episode_never_held_has_no_final_value():
    assistant = Assistant(policy=RandomPolicy(spaces.Discrete(10)))
    ending = Bundle(CoordinatedTask(), PseudoRandomUser(), assistant, max_rounds=3)
    runs = ending.run(2, seed=0, start={"task_state.x": [9, 0]})  # one ends before the assistant looks
    with pytest.raises(ArgumentError, match=r"final: assistant_observation.*never held"):
        runs.final("assistant_observation")
    with pytest.raises(UnknownNameError, match=r"final: there is no 'user_stat'\. Did you mean 'user_state'"):
        runs.final("user_stat")
