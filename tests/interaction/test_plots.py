"""General pictures show what they are given."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction import Bundle, paired_differences
from interaction.assistants.pointing import InformationGain
from interaction.errors import ArgumentError, UnknownNameError
from interaction.inference.posterior import Posterior
from interaction.plots import (
    animate,
    filmstrip,
    games_of,
    interval,
    plot_belief,
    plot_comparison,
    plot_differences,
    plot_episode,
    plot_posterior,
    plot_rewards,
)
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import RandomUser
from interaction.users.pointing import CarefulPointer
from tests.pictures import check_readable, words_of

mpl.use("Agg")
TASK, USER = PointingTask(9, 3, "position"), CarefulPointer(0.1)
RUNS = Bundle(TASK, USER, InformationGain(USER, TASK), max_rounds=30).run(20, seed=0)
LONGEST = int(RUNS.lengths.argmax())


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def written(ax):
    """Give all that is written in a figure that could enter a paper as it is."""
    check_readable(ax.figure)
    return words_of(ax.figure)


def test_rewards_over_rounds_have_a_mean_with_its_interval_and_a_label():
    other = Bundle(TASK, USER, max_rounds=40).run(20, seed=1)
    ax = plot_rewards({"gain": RUNS, "no assistant": other})
    assert [line.get_label() for line in ax.lines] == ["gain", "no assistant"]
    assert np.isclose(ax.lines[0].get_ydata()[-1], RUNS.returns.mean())
    assert len({line.get_linestyle() for line in ax.lines}) == 2
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert np.isclose(band.min(), RUNS.returns.mean() - interval(RUNS.returns)[1])
    assert {len(line.get_xdata()) for line in ax.lines} == {max(RUNS.lengths.max(), other.lengths.max())}
    shown = written(ax)
    assert all(part in shown for part in ("mean and 95 % t interval, n = 20", "no assistant", "round"))
    assert ax.get_legend() is None
    assert plot_rewards(RUNS, cumulative=False).get_ylabel() == "reward"
    with pytest.raises(ArgumentError, match="recorded the rewards"):
        plot_rewards(Bundle(TASK, USER, max_rounds=2).run(3, record="final"))


def test_rewards_begin_with_round_0_as_the_recorded_ones_do():
    assert plot_rewards(RUNS).lines[0].get_xdata().tolist() == list(range(RUNS.lengths.max()))


def test_the_label_names_the_sources_of_rewards_unless_they_are_all():
    some = Bundle(TASK, USER, InformationGain(USER, TASK), max_rounds=30).run(
        20, seed=0, record=["rewards.assistant_task"]
    )
    ax = plot_rewards(some)
    assert ax.get_ylabel() == "cumulative reward (assistant_task)"
    assert np.isclose(ax.lines[0].get_ydata()[-1], some.rewards["assistant_task"].mean())
    assert plot_rewards(some, cumulative=False).get_ylabel() == "reward (assistant_task)"
    assert plot_rewards({"all": RUNS, "again": RUNS}).get_ylabel() == "cumulative reward"
    with pytest.raises(ArgumentError, match=r"same sources of rewards, got \{'all': \['user_observation"):
        plot_rewards({"all": RUNS, "some": some})


def test_one_episode_has_no_interval_and_no_differences():
    one = Bundle(TASK, USER, max_rounds=30).run(1, seed=0)
    for ax in (plot_rewards(one), plot_comparison({"a": one}), plot_comparison({"a": [3.0], "b": [4.0]})):
        assert "n = 1, so that there is no interval" in written(ax)
        assert "mean and" not in written(ax)
    for values in ({"a": one, "b": one}, {"a": [3.0], "b": [4.0]}):
        with pytest.raises(ArgumentError, match="expected two or more episodes, got 1"):
            plot_comparison(values, reference="a")


def test_what_has_no_mean_is_not_drawn():
    drawn = pyplot.get_fignums()
    for values, message in (
        ({}, "plot_comparison: expected one label or more with its values, got none"),
        ({"A": [3, 4, np.nan, 5], "B": [1, 2, 3, 4]}, "A: expected finite numbers, got nan at place 2"),
        ({"A": np.ma.array([1.0, 2, 1000], mask=[0, 0, 1])}, "A: expected numbers, got 1 masked entries"),
        ({"A": []}, r"A: expected numbers \(episodes,\), got an array \(0,\)"),
        ({"A": np.ones((3, 2))}, r"A: expected numbers \(episodes,\), got an array \(3, 2\)"),
    ):
        with pytest.raises(ArgumentError, match=message):
            plot_comparison(values)
    with pytest.raises(ArgumentError, match="expected values to compare with A, got none"):
        plot_comparison({"A": [1.0, 2.0]}, reference="A")
    with pytest.raises(ArgumentError, match="plot_rewards: expected one run or more, got none"):
        plot_rewards({})
    assert pyplot.get_fignums() == drawn


def test_a_belief_over_rounds_is_a_heat_map():
    belief = np.exp(RUNS["assistant_state.belief.log_weights"][LONGEST])
    ax = plot_belief(belief, labels=["a", "b", "c"], truth=1)
    assert np.allclose(ax.images[0].get_array(), belief.T)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    truth, xs = ax.collections[0], (-0.5, len(belief) - 0.5)
    assert [segment.tolist() for segment in truth.get_segments()] == [
        [[xs[0], y], [xs[1], y]] for y in (0.5, 1.5)
    ]
    assert "probability" in written(ax)
    assert "truth" in written(ax)
    with pytest.raises(ArgumentError, match="rounds, candidates"):
        plot_belief(belief[0])


def test_a_belief_is_a_bar_chart():
    ax = plot_posterior(np.array([0.2, 0.8]), labels=[3, 7])
    assert [bar.get_height() for bar in ax.patches] == [0.2, 0.8]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["3", "7"]
    check_readable(ax.figure)


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
    ax = plot_comparison(values, xlabel="steps")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one", "two"]
    assert ax.lines[0].get_xdata().tolist() == [4.5, 3.0]
    half = interval(values["one"])[1]
    assert np.allclose(ax.collections[0].get_segments()[0][:, 0], [4.5 - half, 4.5 + half])
    assert ax.get_xlabel() == "steps"
    assert "mean and 95 % t interval, n = 10" in written(ax)


def test_a_comparison_tells_where_the_numbers_of_values_differ():
    ax = plot_comparison({"one": np.arange(10.0), "two": np.arange(1_000.0)})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["one\nn = 10", "two\nn = 1,000"]


def test_a_comparison_with_a_reference_has_paired_intervals():
    runs = {rate: Bundle(TASK, CarefulPointer(rate)).run(20, seed=0) for rate in (0.0, 0.1, 0.3)}
    labelled = {f"rate {rate}": one for rate, one in runs.items()}
    ax = plot_comparison(labelled, measure="lengths", reference="rate 0.0")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["rate 0.1", "rate 0.3"]
    found = paired_differences(runs[0.3], runs[0.0], "lengths")
    assert np.allclose(ax.collections[0].get_segments()[1][:, 0], [found.low, found.high])
    assert ax.get_xlabel() == "lengths, difference from rate 0.0"
    assert "mean and 95 % t interval, n = 20 pairs" in written(ax)
    with pytest.raises(UnknownNameError, match="reference: there is no 'rate 7'"):
        plot_comparison(labelled, reference="rate 7")
    other = labelled | {"later": Bundle(TASK, USER).run(20, seed=1)}
    with pytest.raises(ArgumentError, match=r"rate 0\.0 and later have different seed"):
        plot_comparison(other, reference="rate 0.0")
    with pytest.raises(ArgumentError, match=r"same episodes as those of a, \(3,\), got \(4,\)"):
        plot_comparison({"a": np.arange(3), "b": np.arange(4)}, reference="a")
    with pytest.raises(ArgumentError, match=r"expected a run without `over`, got \['user_state"):
        plot_comparison({"a": Bundle(TASK, USER).run(3, seed=0, over={"user_state.error_rate": [0.1]})})


def test_differences_are_a_histogram_with_their_interval():
    first, second = (Bundle(TASK, CarefulPointer(rate)).run(40, seed=0) for rate in (0.3, 0.0))
    found = paired_differences(first, second, "lengths")
    ax = plot_differences(found)
    assert sum(bar.get_height() for bar in ax.patches) == 40
    assert np.allclose(ax.collections[0].get_segments()[0][:, 0], [found.low, found.high])
    assert ax.get_xlabel() == "difference of lengths"
    assert "mean and 95 % t interval, n = 40 pairs" in written(ax)


def test_differences_over_an_axis_have_an_interval_for_each():
    over = {"user_state.error_rate": [0.0, 0.1, 0.4]}
    first, second = (
        Bundle(TASK, USER, assistant, max_rounds=99).run(10, seed=0, over=over)
        for assistant in (None, InformationGain(USER, TASK))
    )
    found = paired_differences(first, second, "lengths")
    ax = plot_differences(found)
    assert ax.get_xlabel() == "error rate"
    segments = np.array(ax.collections[0].get_segments())
    assert np.allclose(segments[:, :, 0].T, over["user_state.error_rate"])
    assert np.allclose(segments[:, :, 1].T, [found.low, found.high])
    two = over | {"task_state.goal": [0, 1]}
    run = Bundle(TASK, USER).run(3, seed=0, over=two)
    with pytest.raises(ArgumentError, match="at most one axis of over"):
        plot_differences(paired_differences(run, run))


def test_a_filmstrip_has_a_frame_for_each_of_some_rounds():
    figure, axes = filmstrip(TASK, RUNS, LONGEST, frames=3)
    assert len(axes) == min(3, RUNS.lengths.max())
    assert axes[0].get_title("left") == "round 0"
    assert len(figure.axes) == len(axes)
    check_readable(figure)
    shown = words_of(figure)
    assert f"3 of {len(RUNS.episode(LONGEST)['user_action'][0])} rounds" in shown
    assert [shown.count(word) for word in ("cursor", "goal", "cell\n")] == [1, 1, 1]
    assert "all" in words_of(filmstrip(TASK, RUNS, LONGEST, frames=99)[0])


def test_a_picture_of_an_episode_has_a_row_for_each_path():
    rows = {"task_state.position": "cursor", "task_state.targets": "targets", "user_state.error_rate": "errs"}
    figure, (cursor, targets, errs) = plot_episode(RUNS, rows, LONGEST, height=0.7)
    rounds = int(RUNS.lengths[LONGEST])
    assert [ax.get_ylabel() for ax in figure.axes] == list(rows.values())
    assert cursor.lines[0].get_ydata().tolist() == RUNS["task_state.position"][LONGEST, :rounds].tolist()
    assert [len(ax.lines) for ax in (cursor, targets, errs)] == [1, 3, 1]
    assert [ax.lines[0].get_linestyle() for ax in (cursor, targets, errs)] == ["None", "None", "-"]
    check_readable(figure)


def test_a_picture_of_an_episode_wants_what_each_round_was():
    final = Bundle(TASK, USER, max_rounds=3).run(2, seed=0, record="final")
    with pytest.raises(ArgumentError, match="plot_episode: expected a run without `over`"):
        plot_episode(final, {"user_action": "step"})


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
