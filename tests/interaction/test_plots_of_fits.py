"""Pictures of fits show what the tree holds."""

import arviz_stats
import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from scipy import stats

from interaction import Bundle, fit, plot_density, plot_forest, plot_pairs, plot_predictive, plot_trace
from interaction.assistants.teaching import RandomTeacher
from interaction.errors import ArgumentError, UnknownNameError
from interaction.plots import predictive
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.pointing import PointingTask
from interaction.tasks.teaching import TeachingTask
from interaction.users.bandit import RandomUser, RescorlaWagnerUser
from interaction.users.pointing import CarefulPointer
from interaction.users.teaching import ForgettingLearner
from tests.pictures import check_readable, words_of

mpl.use("Agg")
TASK, QUIET = MultiArmedBanditTask(), {"progress": False, "draws": 250}
PRIORS = {"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}
RUNS = Bundle(TASK, RescorlaWagnerUser(0.3, 3.0), max_rounds=60).run(3, seed=1)


@pytest.fixture(scope="module")
def tree():
    frame = RUNS.to_dataframe().assign(user=lambda data: data.episode.map({0: "ann", 1: "bo", 2: "cy"}))
    return fit(TASK, RescorlaWagnerUser(), frame, PRIORS, **QUIET)


@pytest.fixture(scope="module")
def one():
    return fit(TASK, RandomUser(), RUNS.episode(0), {"bias": stats.uniform(0, 1)}, **QUIET)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def labels(ax):
    """Give the entries of the legend, of a figure that could enter a paper as it is."""
    check_readable(ax.figure)
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize(("kind", "name"), [("eti", "equal-tailed"), ("hdi", "highest-density")])
def test_a_forest_has_a_row_for_each_person_with_median_and_intervals(tree, kind, name):
    ax = plot_forest(tree, "learning_rate", level=0.8, kind=kind)
    draws = tree.posterior.learning_rate
    assert [label.get_text() for label in ax.get_yticklabels()] == ["user ann", "user bo", "user cy"]
    assert labels(ax) == [f"80 % {name} interval", f"50 % {name} interval", "median"]
    assert np.allclose(ax.lines[0].get_xdata(), draws.median(("chain", "draw")))
    for lines, level in zip(ax.collections, (0.8, 0.5), strict=True):
        ends = getattr(draws.azstats, kind)(prob=level, dim=["chain", "draw"])
        assert np.allclose([segment[:, 0] for segment in lines.get_segments()], ends)
    assert ax.get_xlabel() == "learning rate"
    assert "1,000 draws each" in words_of(ax.figure)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first person on top


def test_a_forest_takes_several_parameters_groups_and_fits_that_did_not_converge(tree, one):
    """Groups are what a population has: parameters with a dimension of that name."""
    twin = tree.copy(deep=True)
    posterior = twin.posterior.to_dataset()
    both = posterior.learning_rate.isel(user=[0, 1]).drop_vars("user").rename(user="group")
    posterior = posterior.assign(pooled=both.assign_coords(group=["old", "young"]))
    twin["posterior"] = type(tree)(posterior)
    one_bad = twin.summary.to_dataset().assign(converged=("user", np.array([True, False, True])))
    twin["summary"] = type(tree)(one_bad)
    ax = plot_forest(twin, ["learning_rate", "pooled"])
    told = [label.get_text() for label in ax.get_yticklabels()]
    assert told[0] == "learning rate, user ann"
    assert told[3:] == ["pooled, group old", "pooled, group young"]
    assert labels(ax)[-1] == "not converged"
    assert ax.lines[1].get_ydata().tolist() == [1]
    assert [label.get_text() for label in plot_forest(one, "bias").get_yticklabels()] == ["bias"]


def test_a_density_has_its_mean_and_its_interval(tree):
    ax = plot_density(tree, "learning_rate", user="bo", level=0.95, kind="hdi", truth=0.3)
    draws = tree.posterior.learning_rate.sel(user="bo")
    low, high = arviz_stats.hdi(draws.values.reshape(-1), prob=0.95)
    assert labels(ax) == [
        f"95 % highest-density interval, {low:.3g} to {high:.3g}",
        f"mean {float(draws.mean()):.3g}",
        "truth 0.3",
    ]
    x, density = ax.lines[0].get_data()
    assert np.isclose(np.trapezoid(density, x), 1, atol=0.02)
    shaded = ax.collections[0].get_paths()[0].vertices[:, 0]
    assert np.isclose(shaded.min(), low, atol=0.01)
    assert np.isclose(shaded.max(), high, atol=0.01)
    assert "Posterior of user bo\n" in words_of(ax.figure)
    assert "1,000 draws" in words_of(ax.figure)


def test_a_whole_parameter_has_bars_in_place_of_a_density(one):
    twin = one.copy(deep=True)
    twin.posterior["bias"] = (twin.posterior.bias * 10).astype(int)
    ax = plot_density(twin, "bias")
    assert ax.get_ylabel() == "probability"
    assert np.isclose(sum(bar.get_height() for bar in ax.containers[0]), 1)


def test_a_trace_has_a_line_for_each_chain(tree):
    ax = plot_trace(tree, "learning_rate", user="cy")
    draws = tree.posterior.learning_rate.sel(user="cy")
    assert np.array_equal([line.get_ydata() for line in ax.lines], draws)
    assert labels(ax) == [f"chain {chain}" for chain in range(4)]
    assert "user cy" in ax.get_title("left")
    assert "1,000 draws, R-hat 1.00" in words_of(ax.figure)


def test_pairs_stand_in_a_triangle(tree):
    figure, (first, cloud, second) = plot_pairs(tree, user="ann")
    x, y = (tree.posterior[name].sel(user="ann").values.reshape(-1) for name in PRIORS)
    assert np.array_equal(cloud.lines[0].get_data(), [x, y])
    assert cloud.texts[0].get_text() == f"r = −{-np.corrcoef(x, y)[0, 1]:.2f}"
    assert (cloud.get_xlabel(), cloud.get_ylabel()) == ("learning rate", "inverse temperature")
    check_readable(figure)
    for ax, values in ((first, x), (second, y)):
        assert sum(bar.get_height() for bar in ax.patches) == len(values)
    assert len(figure.axes) == 3


def test_fitted_users_play_beside_the_people(tree):
    ax = plot_predictive(TASK, RescorlaWagnerUser(), tree, action=1, plays=80, every=15)
    people = ax.lines[1]
    share = (RUNS["user_action"] == 1).reshape(3, 4, 15).mean(axis=(0, 2))
    assert np.allclose(people.get_ydata(), share)
    assert people.get_xdata().tolist() == [7, 22, 37, 52]
    assert labels(ax) == [
        "90 % of the plays, equal-tailed",
        "fitted user: median of 80 plays",
        "3 people, 180 choices",
    ]
    assert ax.get_ylabel() == "share of user action 1"
    assert ax.get_xlabel() == "round, in blocks of 15"


def test_the_band_is_that_of_the_beta_binomial():
    """Of a random user of whom n choices are known, and who plays as many again."""
    runs = Bundle(TASK, RandomUser(0.3), max_rounds=40).run(1, seed=2)
    tree = fit(TASK, RandomUser(), runs, {"bias": stats.uniform(0, 1)}, **QUIET)
    ax = plot_predictive(TASK, RandomUser(), tree, every=40, plays=2_000, level=0.8)
    ones = int((runs["user_action"] == 1).sum())
    exact = stats.betabinom(40, 1 + ones, 41 - ones)
    vertices = ax.collections[0].get_paths()[0].vertices[:, 1]
    # One choice more or less is 1/40; the ends of the band have a standard error of less than half of this.
    assert np.allclose([vertices.min(), vertices.max()], exact.ppf([0.1, 0.9]) / 40, atol=0.026)
    assert np.isclose(ax.lines[0].get_ydata()[0], exact.median() / 40, atol=0.026)
    assert "1 person, 40 choices" in labels(ax)


def test_a_play_lasts_no_longer_than_the_episode_did():
    """Where one person played on, the plays are of this one alone, as what the people did is."""
    rounds = [range(4), range(12)]
    data = pd.concat(
        pd.DataFrame(
            {"user": who, "episode": who, "round": list(some), "user_action": who, "task_state.outcome": 0}
        )
        for who, some in enumerate(rounds)
    )
    tree = fit(TASK, RandomUser(), data, {"bias": stats.beta(1, 1)}, **QUIET)
    seen = []
    real = predictive._means
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(predictive, "_means", lambda *of: seen.append(np.bincount(of[1])) or real(*of))
        plot_predictive(TASK, RandomUser(), tree, every=4, plays=3)
    assert [counts.tolist() for counts in seen] == [[8, 4, 4]] * 4  # the people, and three plays


def test_a_play_needs_the_assistant_and_ends_where_the_task_does():
    learner, teacher = ForgettingLearner(0.08, 0.4), RandomTeacher()
    runs = Bundle(TeachingTask(), learner, teacher, max_rounds=60).run(2, seed=1)
    priors = {"forgetting": stats.gamma(2, scale=0.05)}
    space = teacher.policy.action_space
    tree = fit(TeachingTask(), learner, runs, priors, users="pooled", assistant_action_space=space, **QUIET)
    ax = plot_predictive(TeachingTask(), learner, tree, assistant=teacher, plays=20, every=20)
    assert np.allclose(ax.lines[1].get_ydata(), runs["user_action"].reshape(2, 3, 20).mean(axis=(0, 2)))
    assert (ax.lines[0].get_ydata()[1:] > 0.1).all()  # without a teacher nothing would be known

    task = PointingTask(9, 3, "position")
    runs = Bundle(task, CarefulPointer(0.1), max_rounds=50).run(4, seed=1)
    tree = fit(task, CarefulPointer(), runs, {"error_rate": stats.uniform(0, 0.5)}, users="pooled", **QUIET)
    ax = plot_predictive(task, CarefulPointer(), tree, plays=20, every=1)
    seen = np.ma.masked_array(runs["user_action"], np.arange(runs.lengths.max()) >= runs.lengths[:, None])
    assert np.allclose(ax.lines[1].get_ydata(), seen.mean(axis=0))


def test_what_cannot_be_drawn_is_refused(tree, one):
    with pytest.raises(UnknownNameError, match="plot_forest: parameters of the fit: there is no 'rate'"):
        plot_forest(tree, "rate")
    with pytest.raises(UnknownNameError, match=r"plot_density: user=None.*ann, bo, cy"):
        plot_density(tree, "learning_rate")
    with pytest.raises(UnknownNameError, match=r"plot_trace.*'dee'"):
        plot_trace(tree, "learning_rate", user="dee")
    with pytest.raises(UnknownNameError, match=r"kind: there is no 'quantile'.*eti, hdi"):
        plot_forest(tree, "learning_rate", kind="quantile")
    with pytest.raises(ArgumentError, match="level: expected a number between 0 and 1, got 90"):
        plot_density(one, "bias", level=90)
    with pytest.raises(ArgumentError, match=r"plot_pairs: expected two or more parameters, got \['bias'\]"):
        plot_pairs(one)
    with pytest.raises(ArgumentError, match="plot_forest: expected a tree of `fit`, got dict"):
        plot_forest({}, "bias")
    with pytest.raises(ArgumentError, match="plot_predictive: tree: expected a tree of `fit`, got Ra"):
        plot_predictive(TASK, RandomUser(), RandomUser())
    with pytest.raises(UnknownNameError, match=r"path: there is no 'user_action\.x'"):
        plot_predictive(TASK, RandomUser(), one, path="user_action.x")
    with pytest.raises(ArgumentError, match="expected matplotlib Axes"):
        plot_trace(one, "bias", 7)
