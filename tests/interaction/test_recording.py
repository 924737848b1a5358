"""A run says what its episodes began with, and which values were never there, the same in every batch."""

import pickle

import numpy as np
import pytest
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    DiscretePolicy,
    InteractionTask,
    ObservationEngine,
    RandomPolicy,
    Simulator,
    State,
    Trajectories,
    Transition,
    User,
    spaces,
)
from interaction.batching import play
from interaction.errors import ArgumentError, EpisodeError, UnknownNameError
from interaction.fitting.fits import fit
from interaction.random import EpisodeRandom

TWO = spaces.Discrete(2)


class Countdown(InteractionTask):
    """Ends when the user finds it at zero; the assistant counts down."""

    def reset(self, rng):
        return State(left=rng.integers(0, 3), late=rng.episode >= 40, point=rng.random((2,)))

    def on_user_action(self, game, rng):
        return Transition(game.task_state, -1.0, game.task_state.left <= 0)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state.replace(left=game.task_state.left - 1), -1.0)


class FirstEnd(Countdown):
    """The first 40 episodes end in the user's first turn, all others do not."""

    def reset(self, rng):
        return super().reset(rng).replace(left=2 if rng.episode >= 40 else 0)


def countdown(task=None, **parts):
    assistant = Assistant(policy=RandomPolicy(TWO), **parts)
    return Bundle(task or Countdown(), User(policy=RandomPolicy(spaces.Discrete(3))), assistant)


@pytest.fixture(params=[7, 40, 12_500])
def chunk(request, monkeypatch):
    monkeypatch.setattr(play, "CHUNK", request.param)
    return request.param


@pytest.mark.parametrize("task", [Countdown, FirstEnd])
@pytest.mark.parametrize("record", ["all", "final", ["assistant_observation", "task_state.left"]])
def test_an_episode_of_a_batch_is_that_episode_alone(task, record, chunk):
    runs = countdown(task()).run(60, seed=0, record=record)
    for episode in range(60):
        if record == ["assistant_observation", "task_state.left"] and runs.lengths[episode] == 1:
            continue  # alone it has no observation, so that this path is unknown
        assert runs.episode(episode) == countdown(task()).run([episode], seed=0, record=record)
    parts = [runs.episode(episode) for episode in range(60)]
    without = [
        episode for episode, part in enumerate(parts) if "assistant_observation.turn_index" not in part
    ]
    assert without == np.flatnonzero(runs.lengths == 1).tolist()


def test_every_chunking_records_the_same(monkeypatch):
    whole = countdown(FirstEnd()).run(60, seed=0)
    monkeypatch.setattr(play, "CHUNK", 7)
    assert countdown(FirstEnd()).run(60, seed=0) == whole
    assert whole["assistant_observation.task_state.left"].mask[:40].all()
    assert whole["assistant_observation.task_state.left"][40:].tolist() == [[2, 1, 1]] * 20


def test_more_rows_than_a_chunk_may_end_in_the_first_turn():
    class Ends(Countdown):
        def reset(self, rng):
            return State(left=0)

    runs = countdown(Ends()).run(13_000, seed=0)
    assert "assistant_observation.turn_index" not in runs
    assert runs["task_state.left"].shape == (13_000, 1)


@pytest.mark.parametrize("record", ["all", "final"])
def test_what_was_never_there_is_masked_and_missing_in_tables(record, tmp_path):
    runs = countdown().run(30, seed=0, record=record)
    path = "assistant_observation.task_state.left"
    never = runs.lengths == 1
    assert 0 < never.sum() < 30
    assert np.array_equal(runs[path].mask.reshape(30, -1).all(axis=1), never)
    assert runs[path].dtype == np.int64
    assert not isinstance(runs["task_state.left"], np.ma.MaskedArray)

    frame = runs.to_dataframe()
    lasted = never[frame["episode"]]
    assert str(frame[path].dtype) == "Int64"
    assert str(frame["assistant_observation.task_state.late"].dtype) == "boolean"
    assert np.array_equal(frame[path].isna(), lasted)
    assert np.array_equal(frame["assistant_observation.task_state.point[1]"].isna(), lasted)
    assert np.array_equal(np.isnan(runs.to_xarray()[path].values), np.ma.getmaskarray(runs[path]))

    assert Trajectories.load(runs.save(tmp_path / "runs")) == runs
    assert pickle.loads(pickle.dumps(runs)) == runs
    other = Trajectories.load(tmp_path / "runs.npz")
    other[path].mask[...] = False
    assert other != runs


def test_what_cannot_be_a_float_with_missing_values_is_an_error():
    class Large(Countdown):
        def reset(self, rng):
            return State(**super().reset(rng), large=2**60 + 1)

    runs = countdown(Large()).run(30, seed=0)
    assert runs.to_dataframe()["assistant_observation.task_state.large"].dropna().unique().tolist() == [
        2**60 + 1
    ]
    with pytest.raises(ArgumentError, match=r"assistant_observation\.task_state\.large: values are missing"):
        runs.to_xarray()


class Glimpse(ObservationEngine):
    """Sees what is left every other round, and in between that nothing is seen."""

    def observe(self, game, rng):
        if game.round_index % 2 == 0:
            return State(left=game.task_state.left), 0.0
        return State(nothing=True), 0.0


def test_a_field_that_is_not_there_in_a_round_is_masked_in_it():
    class Long(Countdown):
        def reset(self, rng):
            return State(left=4 + rng.integers(0, 3))

    runs = countdown(Long(), observation_engine=Glimpse()).run(20, seed=0)
    left, nothing = runs["assistant_observation.left"], runs["assistant_observation.nothing"]
    for episode, length in enumerate(runs.lengths):
        looks = length - 1  # the last round ends in the user's turn, and keeps the last look
        assert left.mask[episode, :looks].tolist() == [r % 2 == 1 for r in range(looks)]
        assert nothing.mask[episode, :looks].tolist() == [r % 2 == 0 for r in range(looks)]
        assert runs.episode(episode) == countdown(Long(), observation_engine=Glimpse()).run([episode], seed=0)


def test_a_run_keeps_what_its_episodes_began_with():
    runs = countdown().run(10, seed=0, record=["user_action"])
    for episode in range(10):
        begun = countdown().reset(seed=0, episode=episode)
        assert runs.start["task_state.left"][episode] == begun.task_state.left
        assert np.array_equal(runs.start["task_state.point"][episode], begun.task_state.point)
    assert "start.task_state.left" not in runs.to_dataframe()
    frame = runs.to_dataframe(start=["task_state.left"])
    assert np.array_equal(frame["start.task_state.left"], runs.start["task_state.left"][frame["episode"]])
    with pytest.raises(UnknownNameError, match=r"to_dataframe: start.*task_state\.lfet"):
        runs.to_dataframe(start=["task_state.lfet"])


def test_a_run_keeps_the_actions_with_which_its_episodes_began():
    runs = countdown().run(3, seed=0, record="final", start={"user_action": [2, 0, 1]})
    assert runs.start["user_action"].tolist() == [2, 0, 1]
    assert "assistant_action" not in runs.start
    assert "user_action" not in countdown().run(3, seed=0, record="final").start


def test_beginnings_have_the_axes_of_candidates():
    over = {"task_state.left": [0, 1, 2], "user_state.skill": [0.1, 0.9]}
    user = User(policy=RandomPolicy(TWO), state=State(skill=0.5))
    runs = Bundle(Countdown(), user, Assistant(policy=RandomPolicy(TWO))).run(4, seed=0, over=over)
    assert runs.start["task_state.left"].tolist() == [[[left] * 2 for left in range(3)]] * 4
    assert runs.start["user_state.skill"].tolist() == [[[0.1, 0.9]] * 3] * 4
    assert runs.start["task_state.point"].shape == (4, 3, 2, 2)
    assert runs.to_xarray()["start.task_state.left"].dims == ("episode", *over)


class Drift(InteractionTask):
    """A side is drawn at the start and anew in each round."""

    state_space = spaces.Dict(x=TWO)

    def reset(self, rng):
        return State(x=rng.integers(0, 2))

    def on_user_action(self, game, rng):
        return Transition(State(x=rng.integers(0, 2)), float(game.user_action == game.task_state.x))


class Follows(DiscretePolicy):
    """Takes the side that it sees with the probability `follows`."""

    action_space = TWO

    def probabilities(self, observation, state):
        right = state.follows if observation.task_state.x == 1 else 1 - state.follows
        return np.stack([1 - right, right])


def test_any_run_is_data_for_a_fit():
    bundle = Bundle(Drift(), User(policy=Follows(), state=State(follows=0.8)), max_rounds=40)
    runs = bundle.run(3, seed=0)
    priors = {"follows": stats.uniform()}
    user = User(policy=Follows(), state=State(follows=0.5))
    found = fit(Drift(), user, runs, priors, progress=False)
    narrow = bundle.run(3, seed=0, record=["task_state", "user_action"])
    for data in (runs.to_dataframe(), narrow, narrow.to_dataframe()):
        again = fit(Drift(), user, data, priors, users="pooled", progress=False)
        assert np.array_equal(again["posterior"]["follows"], found["posterior"]["follows"])
    with pytest.raises(ArgumentError, match="draws x at random"):
        fit(Drift(), user, runs.to_dataframe(start=[]), priors, progress=False)
    with pytest.raises(ArgumentError, match="keeps its rounds"):
        fit(Drift(), user, bundle.run(3, record="final"), priors, progress=False)


def test_a_rollout_that_lacks_what_it_should_record_is_an_error():
    bundle = countdown()
    simulator = Simulator(
        task_model=bundle.task,
        user_model=bundle.user,
        assistant=Assistant(policy=RandomPolicy(TWO)),
    )
    over = {"task_state.left": [0, 1]}
    record = ["assistant_observation.task_state.left"]
    with pytest.raises(EpisodeError, match=r"'assistant_observation.task_state.left' is not there .* 1 of 2"):
        simulator.rollout(State(), EpisodeRandom(0), over=over, record=record)


class Pairs(ObservationEngine):
    """Sees a tuple of numbers."""

    def observe(self, game, rng):
        return State(pair=(game.task_state.left, 7), triple=(0.5, game.task_state.left * 1.0, -1.0)), 0.0


def test_a_tuple_of_numbers_is_recorded_as_a_vector():
    runs = countdown(observation_engine=Pairs()).run(20, seed=0)
    rounds = int(runs.lengths.max())
    assert runs["assistant_observation.pair"].shape == (20, rounds, 2)
    assert runs["assistant_observation.triple"].shape == (20, rounds, 3)
    seen = runs.lengths > 1
    assert (runs["assistant_observation.pair"][seen][:, 0, 1] == 7).all()
    assert np.array_equal(
        runs["assistant_observation.pair"][seen][:, 0, 0], runs["assistant_observation.triple"][seen][:, 0, 1]
    )


class Mixed(ObservationEngine):
    """Sees tuples that are no vectors."""

    def __init__(self, batched=None):
        self.batched = batched

    def observe(self, game, rng):
        left = game.task_state.left
        marks = np.zeros(3) + left
        nested = ((left, 2), State(a=left, marks=marks), None, "near")
        return State(pair=(1, marks), nested=nested, few=(left, 7), none=()), 0.0


@pytest.mark.parametrize("record", ["all", "final", ["assistant_observation"]])
@pytest.mark.parametrize("batched", [None, False])
def test_a_tuple_of_other_things_is_recorded_by_the_place_of_each(record, batched):
    shapes = {
        "pair.0": (),
        "pair.1": (3,),
        "nested.0": (2,),
        "nested.1.a": (),
        "nested.1.marks": (3,),
        "nested.3": (),
        "few": (2,),
    }
    longest = [int(countdown().run(20, seed=0).lengths.argmax())]  # in which the assistant looks
    for episodes in (longest, 20):
        runs = countdown(observation_engine=Mixed(batched)).run(episodes, seed=0, record=record)
        found = {path for path in runs if path.startswith("assistant_observation")}
        assert found == {f"assistant_observation.{path}" for path in shapes}
        for path, shape in shapes.items():
            lead = runs.lengths.shape if record == "final" else (*runs.lengths.shape, runs.lengths.max())
            assert runs[f"assistant_observation.{path}"].shape == (*lead, *shape), path
    marks = runs["assistant_observation.pair.1"]
    assert (marks[..., 0] == runs["assistant_observation.nested.0"][..., 0]).all()


class Grows(ObservationEngine):
    def observe(self, game, rng):
        return State(seen=np.zeros(2 + game.round_index)), 0.0


@pytest.mark.parametrize("record", ["all", "final"])
def test_what_changes_its_shape_cannot_be_recorded(record):
    class Uneven(Countdown):
        def reset(self, rng):
            return State(left=1 + rng.episode % 2)

    told = r"assistant_observation\.seen: its shape changes between rounds, from \(2,\) to \(3,\)"
    with pytest.raises(EpisodeError, match=told):
        dict(countdown(Uneven(), observation_engine=Grows()).run(10, seed=0, record=record))  # reads them
