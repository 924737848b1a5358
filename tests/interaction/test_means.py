"""Means have the intervals that they say, and only runs of the same luck are paired."""

import doctest
import re

import numpy as np
import pytest
from scipy import stats

from interaction import Bundle, means, paired_differences
from interaction.errors import AmbiguityWarning, ArgumentError, UnknownNameError
from interaction.means import interval
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

CAREFUL, HASTY = (Bundle(PointingTask(9, 3), CarefulPointer(rate), max_rounds=200) for rate in (0.0, 0.3))
FIRST, SECOND = HASTY.run(60, seed=3), CAREFUL.run(60, seed=3)


def test_the_interval_is_that_of_the_t_test():
    values = np.random.default_rng(0).normal(2, 3, (12, 4))
    mean, half = interval(values, 0.9)
    found = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert np.allclose([mean - half, mean + half], found)
    assert np.isnan(interval([3.0])[1])
    assert interval([3.0])[0] == 3
    assert interval(np.full(10, 2.0)) == (2.0, 0.0)


def test_masked_entries_have_no_interval():
    masked = np.ma.array([1.0, 2.0, 1000.0], mask=[0, 0, 1])
    for values in (masked, np.ma.stack([masked, masked]), [masked, masked]):
        with pytest.raises(ArgumentError, match=r"interval: expected numbers, got \d masked entries"):
            interval(values)
    assert interval(masked.compressed()) == interval([1.0, 2.0])
    assert interval(np.ma.array([1.0, 2.0], mask=False)) == interval([1.0, 2.0])


def test_the_interval_covers_the_mean_as_often_as_it_says():
    """4,000 samples of 5: within four standard errors of 0.95; a normal interval covers 0.88."""
    values = np.random.default_rng(1).normal(0, 1, (5, 4000))
    mean, half = interval(values)
    assert abs((np.abs(mean) <= half).mean() - 0.95) < 4 * np.sqrt(0.95 * 0.05 / 4000)


def test_differences_are_those_of_the_same_episode():
    found = paired_differences(FIRST, SECOND, "lengths")
    differences = FIRST.lengths - SECOND.lengths
    assert found.values.tolist() == differences.tolist()
    theirs = stats.ttest_rel(FIRST.lengths, SECOND.lengths).confidence_interval(0.95)
    assert np.allclose((found.low, found.high), theirs)
    assert (found.n, found.mean) == (60, differences.mean())
    assert "n = 60 pairs" in str(found)
    assert str(found).startswith("difference of lengths: ")


def test_a_run_differs_from_itself_in_nothing():
    found = paired_differences(FIRST, FIRST)
    assert (found.mean, found.low, found.high) == (0, 0, 0)


def test_measures_are_what_a_run_keeps_or_a_function():
    sources = paired_differences(FIRST, SECOND, "user_task")
    assert sources.values.tolist() == (FIRST.rewards["user_task"] - SECOND.rewards["user_task"]).tolist()
    assert paired_differences(FIRST, SECOND, "terminated").mean == 0

    def slips(runs):
        return (runs["user_action"] == 0).sum(axis=1)

    found = paired_differences(FIRST, SECOND, slips)
    assert found.values.tolist() == (slips(FIRST) - slips(SECOND)).tolist()
    assert found.measure == "slips"


def test_over_axes_stay():
    over = {"user_state.error_rate": [0.0, 0.2]}
    first, second = CAREFUL.run(20, seed=1, over=over), HASTY.run(20, seed=1, over=over)
    found = paired_differences(first, second)
    assert found.values.shape == (20, 2)
    assert (found.mean == 0).all()  # the candidates stand in for the users' own rates
    assert list(found.over) == list(over)
    assert "by cell" in str(found)
    other = CAREFUL.run(20, seed=1, over={"user_state.error_rate": [0.0, 0.3]})
    with pytest.raises(ArgumentError, match=r"different values of user_state\.error_rate"):
        paired_differences(first, other)
    with pytest.raises(ArgumentError, match="different axes of over"):
        paired_differences(CAREFUL.run(20, seed=1), first)


def test_runs_that_are_not_paired_are_refused():
    with pytest.raises(ArgumentError, match="runs_a and runs_b have different seed, 3 and 4"):
        paired_differences(FIRST, CAREFUL.run(60, seed=4))
    with pytest.raises(ArgumentError, match="different episodes"):
        paired_differences(FIRST, CAREFUL.run(61, seed=3))
    with pytest.raises(ArgumentError, match="different episodes"):
        paired_differences(FIRST, CAREFUL.run(range(1, 61), seed=3))
    with pytest.raises(ArgumentError, match="two or more episodes, got 1"):
        paired_differences(FIRST.episode(0), SECOND.episode(0))
    with pytest.raises(ArgumentError, match="runs_b: expected Trajectories, got ndarray"):
        paired_differences(FIRST, FIRST.returns)


def test_measures_that_are_none_are_refused():
    with pytest.raises(UnknownNameError, match="runs_a: measure: there is no 'length'"):
        paired_differences(FIRST, SECOND, "length")
    with pytest.raises(ArgumentError, match=r"expected a number for each episode, \(60,\), got an array"):
        paired_differences(FIRST, SECOND, lambda runs: runs["user_action"])
    with pytest.raises(ArgumentError, match="expected finite numbers, got nan in episode 2"):
        paired_differences(FIRST, SECOND, lambda runs: np.where(runs.episodes == 2, np.nan, 1.0))
    with pytest.raises(ArgumentError, match="level: expected a number between 0 and 1, got 95"):
        paired_differences(FIRST, SECOND, level=95)


def test_the_examples_run():
    assert doctest.testmod(means).failed == 0


def test_pairs_that_were_given_other_beginnings_warn():
    """Each episode another user in one run, and who the bundle has in the other: `start` was forgotten."""
    bundle = Bundle(PointingTask(), CarefulPointer(0.1), max_rounds=40)
    rates = np.linspace(0.0, 0.3, 30)
    one = bundle.run(30, seed=0, start={"user_state.error_rate": rates})
    with pytest.warns(AmbiguityWarning, match=r"begin with other values of user_state\.error_rate.*start="):
        paired_differences(one, bundle.run(30, seed=0), "lengths")
    with pytest.warns(AmbiguityWarning, match="runs_a and runs_b begin with other values"):
        paired_differences(one, bundle.run(30, seed=0, start={"user_state.error_rate": rates[::-1]}))
    people, others = ({"person": {"user_state.error_rate": rates}} for rates in ([0.1, 0.2], [0.8, 0.9]))
    with pytest.warns(AmbiguityWarning, match=r"begin with other values of user_state\.error_rate"):
        paired_differences(*(bundle.run(5, seed=0, over=over) for over in (people, others)), "lengths")
    alike = (bundle.run(5, seed=0, over=people) for bundle in (bundle, bundle.replace(max_rounds=30)))
    assert paired_differences(*alike, "lengths").values.shape == (5, 2)
    again = bundle.run(30, seed=0, start={"user_state.error_rate": rates})
    assert paired_differences(one, again, "lengths").mean == 0
    lazy, hasty = (bundle.run(30, seed=0, start={"user_state.error_rate": rate}) for rate in (0.0, 0.3))
    assert paired_differences(hasty, lazy, "lengths").mean > 0  # another user in all episodes is a treatment


def test_differences_are_told_with_the_digits_that_their_interval_has():
    bundle = Bundle(PointingTask(), CarefulPointer(0.1), max_rounds=40)
    runs, other = bundle.run(30, seed=0), bundle.replace(user=CarefulPointer(0.3)).run(30, seed=0)
    told = str(paired_differences(other, runs, "lengths"))
    numbers = re.findall(r"-?\d+\.\d+", told.partition("(")[0])
    assert len({len(number.partition(".")[2]) for number in numbers}) == 1
    assert len(numbers) == 3
    assert "in each pair" in str(paired_differences(runs, runs))


def test_one_episode_has_no_interval():
    bundle = Bundle(PointingTask(), CarefulPointer(0.1), max_rounds=40)
    assert "±" not in repr(bundle.run(1, seed=0))
    assert "no interval" in means.told(0.95, 1)
