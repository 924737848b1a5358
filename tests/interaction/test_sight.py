"""A bundle draws who sees what, and what it draws is what the engines show."""

import doctest

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction import (
    Assistant,
    Bundle,
    CascadedObservationEngine,
    GaussianNoise,
    RandomPolicy,
    RuleObservationEngine,
    spaces,
)
from interaction.assistants.pointing import InformationGain
from interaction.errors import ArgumentError
from interaction.plots import sight
from interaction.state import flatten
from interaction.tasks.pointing import PointingTask
from interaction.users.looking import NoisyEye
from interaction.users.pointing import CarefulPointer
from tests.pictures import check_readable

mpl.use("Agg")
TASK, USER = PointingTask(9, 3, "position"), CarefulPointer(0.1)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def rows_of(ax):
    """Give what is written of each entry in the four turns."""
    places = {text.get_position(): text.get_text() for text in ax.texts}
    rows = {name: y for (x, y), name in places.items() if x < 0}
    return {name: [places[turn + 0.5, y] for turn in range(4)] for name, y in rows.items()}


def twice(value):
    return 2 * value


RULES = RuleObservationEngine(
    "user",
    hide=["task_state.targets"],
    transform={"task_state.goal": twice},
    noise={"task_state.position": GaussianNoise(0.5), "task_state.goal": GaussianNoise(1.0)},
)


def test_the_turns_and_what_is_hidden_from_whom_are_drawn():
    ax = Bundle(TASK, USER, InformationGain(USER, TASK)).draw()
    check_readable(ax.figure)
    rows = rows_of(ax)
    assert rows["task_state.position"] == ["seen", "may change", "seen", "may change"]
    assert rows["task_state.goal"] == ["seen", "may change", "hidden", "may change"]
    assert rows["user_state.error_rate"] == ["seen", "", "hidden", ""]
    assert rows["user_action"] == ["seen", "chosen", "seen", ""]
    assert rows["assistant_action"] == ["seen", "", "seen", "chosen"]
    state = next(name for name in rows if name.startswith("assistant_state"))
    assert "entries" in state
    assert rows[state] == ["hidden", "", "seen, may change", ""]
    shown = " ".join(text.get_text() for text in ax.texts)
    for part in ("0 user observes", "1 user acts", "2 assistant observes", "3 assistant acts", "next round"):
        assert part in shown
    for part in ("RuleObservationEngine", "infers: GoalInference", "infers nothing", "moves: PointingTask"):
        assert part in shown


def test_rules_and_cascades_are_read():
    assert sight.sight(RULES, "task_state.targets") == "hidden"
    assert sight.sight(RULES, "task_state.goal") == "transformed, noisy, sd 1"
    assert sight.sight(RULES, "assistant_state.belief.x") == "hidden"
    only = RuleObservationEngine("user", see=["task_state.position"])
    assert [sight.sight(only, path) for path in ("task_state.position", "user_action")] == ["seen", "hidden"]
    both = CascadedObservationEngine([RULES, only])
    assert sight.sight(both, "task_state.position") == "noisy, sd 0.5"
    assert sight.sight(both, "task_state.goal") == "hidden"
    ax = Bundle(TASK, USER.replace(observation_engine=both)).draw()
    check_readable(ax.figure)
    assert rows_of(ax)["task_state.position"] == ["noisy, sd 0.5", "may change", "", ""]


def test_what_is_read_is_what_is_shown():
    """Played: what is hidden is not in the observation, and what is seen is there, to the bit."""
    assistant = Assistant(policy=RandomPolicy(spaces.Discrete(9)))
    for engine in (RULES, CascadedObservationEngine([RULES]), USER.observation_engine):
        bundle = Bundle(TASK, USER.replace(observation_engine=engine), assistant)
        game = bundle.reset(seed=1)
        seen = dict(flatten(bundle.observe("user")))
        for path, value in flatten(game):
            told = sight.sight(engine, path)
            if path.startswith(("task_state", "user_state", "assistant_state")):
                assert (told == "hidden") == (path not in seen), path
                if told == "seen":
                    assert np.array_equal(seen[path], value), path


def test_engines_with_an_observe_of_their_own_say_so():
    class Mine(RuleObservationEngine):
        def observe(self, game, rng):
            return super().observe(game, rng)

    assert sight.sight(Mine("user"), "task_state.position") == "own code"
    eye = NoisyEye().observation_engine
    assert sight.sight(eye, "task_state.target") == "own code"
    row = CascadedObservationEngine([RuleObservationEngine("user", hide=["task_state.goal"]), eye])
    assert sight.sight(row, "task_state.goal") == "hidden"
    assert sight.sight(row, "task_state.position") == "own code"


def test_given_axes_are_drawn_on_and_a_missing_agent_is_passed_over():
    _, mine = pyplot.subplots()
    assert Bundle(TASK, USER).draw(mine) is mine
    shown = [text.get_text() for text in mine.texts]
    assert shown.count("passed over") == 2
    assert "2 no assistant" in shown
    with pytest.raises(ArgumentError, match="draw: ax: expected matplotlib Axes, got int"):
        Bundle(TASK, USER).draw(3)


def test_drawing_plays_nothing():
    bundle = Bundle(TASK, USER)
    game = bundle.reset(seed=0)
    bundle.draw()
    assert bundle.game is game


def test_the_examples_run():
    assert doctest.testmod(sight).failed == 0
