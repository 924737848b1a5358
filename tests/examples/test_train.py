"""Training runs where Stable-Baselines3 is installed (extra `rl`)."""

import warnings

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction.examples import train_assistant, train_user
from interaction.examples.environments import ENVIRONMENTS, make
from tests.pictures import check_readable

mpl.use("Agg")


def test_the_known_answer_takes_full_steps_and_then_the_exact_one():
    runs = train_user.bundle(train_user.BestPolicy()).run(200, seed=0)
    start = np.abs(runs["task_state.targets"][:, 0, 0] - runs["task_state.position"][:, 0])
    first = np.abs(runs["user_action"][:, 0])
    assert (runs.lengths == np.ceil((start + first) / train_user.REACH) + 1).all()
    steps = train_user.learnt_steps(train_user.BestPolicy())
    assert all((taken == np.clip(distance, -5, 5)).all() for distance, taken in steps.items())


def test_the_picture_shows_the_learnt_and_the_known_steps():
    ax = train_user.plot_steps(train_user.BestPolicy())
    assert [line.get_label() for line in ax.lines] == ["learnt: mean, and range over all cells", "known best"]
    check_readable(ax.figure)
    assert np.allclose(ax.lines[0].get_ydata(), ax.lines[1].get_ydata())
    pyplot.close("all")


@pytest.mark.parametrize("identifier", ENVIRONMENTS)
def test_the_judge_of_stable_baselines(identifier):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        checker.check_env(make(identifier, form="flat"), skip_render_check=True)


def test_a_user_learns_to_point_and_plays_with_a_stranger():
    """A small version: 60,000 steps halve the turns of a user who moves at random."""
    pytest.importorskip("stable_baselines3")
    trained = train_user.train(60_000)
    assert train_user.returns(trained.policy, 100).mean() > -12
    assert train_user.with_a_stranger(trained.policy, episodes=5).shape == (5,)


def test_an_assistant_learns_to_coordinate():
    """At least 90 % of the oracle's return, −19."""
    pytest.importorskip("stable_baselines3")
    found = train_assistant.compare(train_assistant.train().policy)
    assert (found["oracle"] == -19).all()
    assert found["learnt"].mean() >= -19 / 0.9
    assert found["random"].mean() < -60
