"""Candidates that are played side by side: every combination of paths, or values that go together."""

import numpy as np
import pytest

from interaction import Bundle, EpisodeRandom, Simulator, State, Trajectories
from interaction.errors import ArgumentError, InteractionError, SpaceError, UnknownNameError
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

USER = PseudoRandomUser(p0=1, p1=5, p2=7)
BUNDLE = Bundle(CoordinatedTask(), USER, max_rounds=4)
PEOPLE = {"user_state.p0": [1, 4, 9], "user_state.p1": [5, 2, 8]}


def test_values_that_go_together_are_one_axis_whose_games_are_those_of_each_alone():
    runs = BUNDLE.run(3, seed=0, over={"person": PEOPLE, "user_state.p2": [1, 7]})
    assert runs.dimensions == ("episode", "person", "user_state.p2")
    assert runs.over["person"].tolist() == [0, 1, 2]
    for person in range(3):
        alone = {path: values[person : person + 1] for path, values in PEOPLE.items()}
        one = BUNDLE.run(3, seed=0, over={**alone, "user_state.p2": [1, 7]})
        for path in one:
            assert np.array_equal(runs[path][:, person], one[path][:, 0, 0]), path
        for path in PEOPLE:
            assert (runs.start[path][:, person] == PEOPLE[path][person]).all()


def test_the_axis_has_its_name_in_tables_and_files(tmp_path):
    runs = BUNDLE.run(2, seed=0, over={"person": PEOPLE})
    assert runs.to_xarray()["user_action"].dims == ("episode", "person", "round")
    table = runs.to_dataframe()
    assert sorted(table["over.person"].unique()) == [0, 1, 2]
    of_second = table[table["over.person"] == 1]
    assert (of_second["start.user_state.p0"] == 4).all()
    assert (of_second["start.user_state.p1"] == 2).all()
    assert Trajectories.load(runs.save(tmp_path / "runs")) == runs


def test_simulators_take_people_too():
    game = BUNDLE.reset(seed=0)
    simulator = Simulator(CoordinatedTask(), USER, max_rounds=3)
    found = simulator.rollout(game, EpisodeRandom(0), over={"person": PEOPLE}, record=("user_action",))
    assert found.over["person"].tolist() == [0, 1, 2]
    assert found.returns.shape == (3,)
    for person in range(3):
        start = {path: values[person] for path, values in PEOPLE.items()}
        alone = simulator.rollout(game, EpisodeRandom(0), start=start, record=("user_action",))
        assert alone.values["user_action"] == found.values["user_action"][person]
    seen = State(task_state=State(x=3))
    asked = simulator.user_action_log_prob(4, seen, EpisodeRandom(0), over={"person": PEOPLE})
    grid = simulator.user_action_log_prob(4, seen, EpisodeRandom(0), over=PEOPLE)
    assert np.array_equal(asked, np.diagonal(grid))


@pytest.mark.parametrize(
    ("over", "error", "told"),
    [
        ({"user_state": {"p0": [1]}}, ArgumentError, "a name of your own"),
        ({"episode": {"user_state.p0": [1]}}, ArgumentError, "a name of your own"),
        ({"a.b": {"user_state.p0": [1]}}, ArgumentError, "a name of your own"),
        ({3: {"user_state.p0": [1]}}, ArgumentError, "a name of your own"),
        ({"person": {}}, ArgumentError, "no path"),
        (
            {"person": {"user_state.p0": [1, 2], "user_state.p1": [1]}},
            ArgumentError,
            "2 of user_state.p0, 1 of user_state.p1",
        ),
        ({"person": {"p0": [1]}}, UnknownNameError, "user_state.p0"),
        ({"person": {"user_state.p0": [1, 62]}}, SpaceError, "62"),
        ({"person": {"user_state.p0": {"a": 1}}}, ArgumentError, "a list of candidate values"),
        ({"person": {"user_state.p0": [1]}, "user_state.p0": [2]}, ArgumentError, "is in two axes"),
    ],
)
def test_a_wrong_axis_is_an_error_that_says_what_to_write(over, error, told):
    with pytest.raises(error, match=told):
        BUNDLE.run(2, seed=0, over=over)


def test_a_path_is_either_started_or_compared():
    with pytest.raises(InteractionError, match=r"user_state\.p0 is both in start and in over"):
        BUNDLE.run(2, seed=0, over={"person": PEOPLE}, start={"user_state.p0": 3})
