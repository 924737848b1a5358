"""Users that point move as their sources say."""

import numpy as np
import pytest

from interaction import Bundle, EpisodeRandom, Simulator, State
from interaction.checks import check_agent
from interaction.errors import ArgumentError
from interaction.tasks.pointing import Pointing2DTask, PointingTask
from interaction.users.pointing import CarefulPointer, FittsPointer, SatiatingPointer


@pytest.mark.parametrize(
    ("user", "task"),
    [
        (CarefulPointer(0.1), PointingTask(12, 3)),
        (SatiatingPointer(0.1, 0.2), PointingTask(12, 3)),
        (FittsPointer(), Pointing2DTask(3)),
    ],
)
def test_users_of_pointing_conform(user, task):
    check_agent(user, task)


def test_the_careful_pointer_has_the_published_probabilities():
    """Off the goal 1 − ε towards it and ε away; on it, it stays: CoopIHC's zoo."""
    user = CarefulPointer(0.05)
    for position, expected in ((1, [0.05, 0, 0.95]), (8, [0.95, 0, 0.05]), (4, [0, 1, 0])):
        seen = State(task_state=State(position=position, targets=np.array([2, 4]), goal=1))
        assert np.allclose(user.policy.probabilities(seen, user.state), expected)


def test_a_goal_that_is_forced_for_all_episodes_is_the_same_as_one_for_each():
    """Forced alike, it is a plain number in a batch, also for those who predict the user."""
    bundle = Bundle(PointingTask(31, 8), CarefulPointer(0.2), max_rounds=40)
    one, each = (bundle.run(6, seed=0, start={"task_state.goal": goal}) for goal in (3, np.full(6, 3)))
    assert np.array_equal(one["user_action"], each["user_action"])
    assert (one["task_state.position"][:, -1] == one["task_state.targets"][:, -1, 3]).all()
    game = bundle.reset(seed=0, start={"task_state": {"goal": 3}})
    rates = {"user_state.error_rate": [0.1, 0.2]}
    asked = Simulator(bundle.task, CarefulPointer()).user_action_log_prob(
        1, State(task_state=game.task_state), EpisodeRandom(0), over=rates
    )
    right = game.task_state.targets[3] > game.task_state.position
    assert np.allclose(asked, np.log([0.9, 0.8] if right else [0.1, 0.2]))


def test_the_error_rate_shows_in_what_the_user_does():
    runs = Bundle(PointingTask(31, 8), CarefulPointer(0.2), max_rounds=3).run(4_000, seed=0)
    state, action = runs["task_state.targets"][:, 0], runs["user_action"][:, 0]
    goal = np.take_along_axis(state, runs["task_state.goal"][:, :1], axis=1)[:, 0]
    before = runs["task_state.position"][:, 0] - action  # the cursor has moved by the step
    inside = (runs["task_state.position"][:, 0] > 0) & (runs["task_state.position"][:, 0] < 30)
    away = (np.sign(goal - before) != action)[inside]
    assert abs(away.mean() - 0.2) < 0.02


def test_satiation_closes_its_gap_and_errors_grow_to_one_half():
    user = SatiatingPointer(0.1, 0.5)
    state = user.state
    for expected in (0.5, 0.75, 0.875):
        state, _ = user.inference_engine.infer(State(), state, None)
        assert state.satiation == expected
    assert np.isclose(user.policy.error_rate(state), 0.1 + 0.875 * 0.4)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.15), (0.3, 0.1)])
def test_movement_times_follow_fitts_law(a, b):
    """The regression of mean times on log2(D/W + 1) gives back a and b within 5 %, with r² > 0.95."""
    distances, widths = np.meshgrid(np.linspace(0.1, 0.7, 7), [0.02, 0.04, 0.08], indexing="ij")
    d, w = (np.repeat(values.ravel(), 100) for values in (distances, widths))
    zeros = np.zeros_like(d)
    start = {
        "task_state": {
            "position": np.stack([zeros + 0.2, zeros + 0.5], axis=-1),
            "positions": np.stack([0.2 + d, zeros + 0.5], axis=-1)[:, None],
            "widths": w[:, None],
        }
    }
    bundle = Bundle(Pointing2DTask(1), FittsPointer(a, b), max_rounds=100)
    runs = bundle.run(len(d), seed=0, start=start, record="final")
    time = runs["task_state.time"].reshape(-1, 100).mean(axis=1)
    index = np.log2(distances.ravel() / widths.ravel() + 1)
    slope, intercept = np.polyfit(index, time, 1)
    assert abs(slope / b - 1) < 0.05
    assert abs(intercept / a - 1) < 0.05
    assert np.corrcoef(index, time)[0, 1] ** 2 > 0.95
    assert runs.lengths.mean() > 2  # several submovements


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CarefulPointer(1.5), "CarefulPointer: error_rate"),
        (lambda: SatiatingPointer(rate=-1), "SatiatingPointer: rate"),
        (lambda: FittsPointer(b=float("nan")), "FittsPointer: b"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
