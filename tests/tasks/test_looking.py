"""Looking: the eye lands where it acts, and the next point is lit."""

import numpy as np
import pytest
from scipy import stats

from interaction import Bundle
from interaction.checks import check_bundle
from interaction.errors import ArgumentError
from interaction.tasks.looking import LookingTask
from interaction.users.looking import NoisyEye


def test_the_components_keep_the_contract():
    check_bundle(Bundle(LookingTask(), NoisyEye(), max_rounds=20))


def test_the_eye_rests_where_it_landed_and_pays_for_what_it_missed():
    bundle = Bundle(LookingTask(5.0), NoisyEye())
    game = bundle.reset(seed=0, start={"task_state": {"fixation": 1.0, "target": 4.0}})
    step = bundle.step(user_action=3.0)
    assert step.game.task_state.fixation == 3.0
    assert step.rewards.user_task == -1.0
    assert step.game.task_state.target != game.task_state.target
    points = Bundle(LookingTask(5.0), NoisyEye(), max_rounds=20).run(100, seed=0)["task_state.target"]
    assert stats.kstest(points.ravel(), stats.uniform(-5, 10).cdf).pvalue > 0.001


def test_landings_scatter_in_proportion_to_eccentricity():
    start = {"task_state": {"fixation": -4.0, "target": 4.0}}
    landed = Bundle(LookingTask(), NoisyEye(0.25, 1.5), max_rounds=1).run(20_000, seed=0, start=start)
    actions = landed["user_action"][:, 0]
    assert abs(actions.mean() - 4.0) < 0.1
    assert np.isclose(actions.std(), np.sqrt((0.25 * 8) ** 2 + 1.5**2), rtol=0.02)


@pytest.mark.parametrize("reach", [0.0, -1.0, float("nan")])
def test_a_reach_that_is_none_is_refused(reach):
    with pytest.raises(ArgumentError, match="reach: expected a number > 0"):
        LookingTask(reach)


@pytest.mark.parametrize("options", [{"noise": -0.1}, {"motor_noise": 0.0}, {"noise": float("inf")}])
def test_noise_that_is_none_is_refused(options):
    with pytest.raises(ArgumentError, match=f"NoisyEye: {next(iter(options))}: expected a number >"):
        NoisyEye(**options)
