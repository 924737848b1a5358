"""General pictures show what they are given."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction import Bundle
from interaction.assistants.pointing import InformationGain
from interaction.errors import ArgumentError
from interaction.inference.posterior import Posterior
from interaction.plots import (
    animate,
    filmstrip,
    games_of,
    interval,
    plot_belief,
    plot_comparison,
    plot_posterior,
    plot_rewards,
)
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import RandomUser
from interaction.users.pointing import CarefulPointer

mpl.use("Agg")
TASK, USER = PointingTask(9, 3, "position"), CarefulPointer(0.1)
RUNS = Bundle(TASK, USER, InformationGain(USER, TASK), max_rounds=30).run(20, seed=0)
LONGEST = int(RUNS.lengths.argmax())


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def test_rewards_over_rounds():
    ax = plot_rewards({"first": RUNS, "second": RUNS})
    assert [line.get_label() for line in ax.lines] == ["first", "second"]
    assert len(ax.collections) == 4
    assert np.isclose(ax.lines[0].get_ydata()[-1], RUNS.returns.mean())
    assert plot_rewards(RUNS, cumulative=False).get_ylabel() == "reward"
    with pytest.raises(ArgumentError, match="recorded the rewards"):
        plot_rewards(Bundle(TASK, USER, max_rounds=2).run(3, record="final"))


def test_a_belief_over_rounds_is_a_heat_map():
    belief = np.exp(RUNS["assistant_state.belief.log_weights"][LONGEST])
    ax = plot_belief(belief, labels=["a", "b", "c"], truth=1)
    assert np.allclose(ax.images[0].get_array(), belief.T)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    assert ax.lines[0].get_label() == "truth"
    with pytest.raises(ArgumentError, match="rounds, candidates"):
        plot_belief(belief[0])


def test_a_belief_is_a_bar_chart():
    ax = plot_posterior(np.array([0.2, 0.8]), labels=[3, 7])
    assert [bar.get_height() for bar in ax.patches] == [0.2, 0.8]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["3", "7"]


def test_a_parameter_of_a_posterior_is_drawn_as_bars_or_as_a_histogram():
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    posterior = Posterior(weights, {"a": np.array([1, 1, 5, 5]), "b": np.array([2, 3, 2, 3])}, None, 0.0, 0.0)
    ax = plot_posterior(posterior, parameter="a")
    assert np.allclose([bar.get_height() for bar in ax.patches], [0.3, 0.7])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "5"]
    assert ax.get_xlabel() == "a"
    with pytest.raises(ArgumentError, match="expected parameter=, one of a, b"):
        plot_posterior(posterior)
    particles = Posterior(np.full(100, 0.01), {"a": np.linspace(0, 1, 100)}, None, 0.0, 0.0)
    heights = [bar.get_height() for bar in plot_posterior(particles).patches]
    assert len(heights) < 100
    assert np.isclose(sum(heights), 1)


def test_a_comparison_has_a_mean_and_an_interval_for_each():
    values = {"one": np.arange(10.0), "two": np.full(10, 3.0)}
    ax = plot_comparison(values)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"]
    assert ax.lines[0].get_xdata().tolist() == [4.5, 3.0]
    mean, half = interval(values["one"])
    assert mean == 4.5
    assert np.isclose(half, 1.96 * np.std(values["one"], ddof=1) / np.sqrt(10))


def test_a_filmstrip_has_a_frame_for_each_of_some_rounds():
    figure, axes = filmstrip(TASK, RUNS, LONGEST, frames=3)
    assert len(axes) == min(3, RUNS.lengths.max())
    assert axes[0].get_title() == "round 0"
    assert len(figure.axes) == len(axes)


def test_games_are_those_of_the_run():
    games = games_of(TASK, RUNS, LONGEST)
    assert len(games) == RUNS.lengths[LONGEST]
    assert [game.task_state.position for game in games] == RUNS.episode(LONGEST)["task_state.position"][
        0
    ].tolist()


def test_an_animation_is_written(tmp_path):
    file = animate(TASK, RUNS, LONGEST, tmp_path / "game.gif")
    assert file.read_bytes().startswith(b"GIF8")
    with pytest.raises(ArgumentError, match=r"ends in .gif or .mp4, got 'game.avi'"):
        animate(TASK, RUNS, 0, tmp_path / "game.avi")
    if not mpl.animation.writers.is_available("ffmpeg"):
        with pytest.raises(ArgumentError, match=r"needs ffmpeg, which is not installed"):
            animate(TASK, RUNS, 0, tmp_path / "game.mp4")


def test_what_cannot_be_drawn_is_refused():
    bandit = MultiArmedBanditTask()
    runs = Bundle(bandit, RandomUser(), max_rounds=3).run(2, seed=0)
    with pytest.raises(ArgumentError, match=r"MultiArmedBanditTask must define plot"):
        filmstrip(bandit, runs)
    with pytest.raises(ArgumentError, match="recorded"):
        filmstrip(TASK, Bundle(TASK, USER, max_rounds=3).run(2, record="final"))
    with pytest.raises(ArgumentError, match="expected matplotlib Axes"):
        plot_comparison({"a": np.arange(3)}, 7)
