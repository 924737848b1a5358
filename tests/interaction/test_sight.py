"""A bundle draws who sees what, and what it draws is what the engines show."""

import contextlib
import doctest

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot

from interaction import (
    Assistant,
    Bundle,
    CascadedInferenceEngine,
    CascadedObservationEngine,
    DualInferenceEngine,
    EpisodeRandom,
    GaussianNoise,
    InferenceEngine,
    RandomPolicy,
    RuleObservationEngine,
    State,
    User,
    spaces,
)
from interaction.assistants.pointing import InformationGain
from interaction.errors import ArgumentError, UnknownNameError
from interaction.inference.engine import IdentityInferenceEngine
from interaction.observation import DefaultObservationEngine
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


def plus_half(value):
    return value + 0.5


ENTRIES = [
    f"{part}.{name}"
    for part in ("task_state", "previous_task_state")
    for name in ("position", "targets", "goal")
]
PLACES = [*ENTRIES, "task_state", "previous_task_state"]
NOISE = {name: GaussianNoise(0.5, (3,) if name.endswith("targets") else ()) for name in ENTRIES}
MOVED = Bundle(TASK, USER, Assistant(policy=RandomPolicy(spaces.Discrete(9)))).reset(
    seed=1, go_to="assistant_observes"
)


def played(**rules):
    """Give an engine of these rules, and what it observes, by path."""
    engine = RuleObservationEngine("assistant", **rules)
    return engine, dict(flatten(engine.observe(MOVED, EpisodeRandom(3))[0]))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    see=st.none() | st.lists(st.sampled_from([*PLACES, "user_state", "user_observation"]), unique=True),
    hide=st.lists(st.sampled_from(PLACES), unique=True),
    transform=st.lists(st.sampled_from(ENTRIES), unique=True),
    noise=st.lists(st.sampled_from(ENTRIES), unique=True),
)
def test_random_rules_are_read_as_they_are_played(see, hide, transform, noise):
    """Also those on the task's previous state, and what rules on its state mean for that.

    Transforms and noise move each value, so that what is told of an entry can be seen in it.
    """
    there: list[str] = []  # what can be hidden: a rule on what another one has taken away is an error
    for path in hide:
        with contextlib.suppress(UnknownNameError):
            played(see=see, hide=[*there, path])
            there.append(path)
    left = played(see=see, hide=there)[1]
    rules = {"see": see, "hide": there, "transform": {path: plus_half for path in transform if path in left}}
    without_noise = played(**rules)[1]
    engine, seen = played(**rules, noise={path: NOISE[path] for path in noise if path in left})
    for path, value in flatten(MOVED):
        told = sight.sight(engine, path)
        assert (told == "hidden") == (path not in seen), path
        if path in seen:
            assert (told == "seen") == np.array_equal(seen[path], value), path
            assert ("noisy" in told) == (not np.array_equal(seen[path], without_noise[path])), path
            assert ("transformed" in told) == (not np.array_equal(without_noise[path], value)), path


@pytest.mark.parametrize(
    ("see", "hide", "told"),
    [(None, ["task_state.goal"], "hidden"), (["task_state"], [], "seen"), (["user_state"], [], "hidden")],
)
def test_a_rule_on_the_state_of_the_task_holds_for_its_previous_state(see, hide, told):
    engine = RuleObservationEngine("assistant", see=see, hide=hide)
    assert sight.sight(engine, "previous_task_state.goal") == told
    seen = dict(flatten(engine.observe(MOVED, EpisodeRandom())[0]))
    assert ("previous_task_state.goal" in seen) == (told == "seen")


def test_the_previous_state_is_drawn_where_it_is_seen_otherwise():
    def drawn(**rules):
        eye = RuleObservationEngine("assistant", **rules)
        assistant = Assistant(policy=RandomPolicy(spaces.Discrete(9)), observation_engine=eye)
        return rows_of(Bundle(TASK, USER, assistant).draw())

    rows = drawn(see=["previous_task_state"])
    for name in ("position", "targets", "goal"):
        assert rows[f"task_state.{name}"][2] == "hidden"
        assert rows[f"previous_task_state.{name}"] == ["seen", "may change", "seen", "may change"]
    rows = drawn(hide=["previous_task_state.goal"])
    assert [name for name in rows if name.startswith("previous")] == ["previous_task_state.goal"]
    assert not [name for name in drawn(hide=["task_state.goal"]) if name.startswith("previous")]


class Counts(IdentityInferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(n=state.n + 1), 0.0


@pytest.mark.parametrize(
    ("engine", "infers"),
    [
        (Counts(), True),
        (CascadedInferenceEngine([InferenceEngine(), Counts()]), True),
        (DualInferenceEngine(Counts(), InferenceEngine()), True),
        (InferenceEngine(), False),
        (IdentityInferenceEngine(), False),
        (CascadedInferenceEngine([InferenceEngine()]), False),
        (DualInferenceEngine(InferenceEngine(), Counts()), False),
    ],
)
def test_an_engine_infers_if_it_has_an_infer_of_its_own(engine, infers):
    user = User(
        policy=RandomPolicy(spaces.Discrete(9)),
        inference_engine=engine,
        state=State(n=0),
        state_space=spaces.Dict(n=spaces.Discrete(9)),
    )
    bundle = Bundle(TASK, user, max_rounds=3)
    assert (bundle.run(1, seed=0)["user_state.n"][0, 0] == 1) == infers
    ax = bundle.draw()
    assert rows_of(ax)["user_state.n"][0] == ("seen, may change" if infers else "seen")
    shown = [text.get_text() for text in ax.texts]
    assert (f"infers: {type(engine).__name__}" in shown) == infers
    assert ("infers nothing" in shown) != infers


def test_a_last_look_is_drawn():
    words = "the assistant observes and infers once more"
    for last_look in (True, False):
        ax = Bundle(TASK, USER, InformationGain(USER, TASK), last_look=last_look).draw()
        check_readable(ax.figure)
        assert any(words in text.get_text() for text in ax.texts) == last_look


def test_an_observe_of_its_own_is_not_the_default_one():
    class Mine(DefaultObservationEngine):
        def observe(self, game, rng):
            return super().observe(game, rng)

    ax = Bundle(TASK, USER.replace(observation_engine=Mine("user"))).draw()
    shown = [text.get_text() for text in ax.texts]
    assert "own code: Mine" in shown
    assert "by default" not in shown
    assert rows_of(ax)["task_state.goal"][0] == "own code"


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
