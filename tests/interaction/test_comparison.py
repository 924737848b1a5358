"""Fits of several models are compared by what is known of them in closed form or by brute force."""

import arviz_stats
import numpy as np
import pytest
import xarray
from scipy import stats
from scipy.special import betaln, logsumexp, softmax

from interaction import Bundle, compare, fit
from interaction.errors import ArgumentError, ConvergenceWarning, ReliabilityWarning
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.logged import read_table
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.users.bandit import RandomUser, RescorlaWagnerChoiceKernelUser, RescorlaWagnerUser

TASK = MultiArmedBanditTask()
UNIT = stats.uniform(0, 1)
LEARNER = {"learning_rate": UNIT, "inverse_temperature": stats.expon(0, 3)}
RUNS = Bundle(TASK, RandomUser(0.3), max_rounds=40).run(3, seed=1)
COUNT = (RUNS["user_action"] == 0).sum(axis=1)
PRIORS = {"flat": 1, "half": 20}  # of Beta(a, a)


def fitted(data=RUNS, a=1, users="episode", **options):
    priors = {"bias": stats.beta(a, a)}
    return fit(TASK, RandomUser(), data, priors, users=users, progress=False, **options)


def quick(fits):
    return compare(fits, progress=False)


@pytest.fixture(scope="module")
def fits():
    return {name: fitted(a=a) for name, a in PRIORS.items()}


@pytest.fixture(scope="module")
def table(fits):
    return quick(fits)


@pytest.mark.parametrize("name", PRIORS)
def test_the_evidence_of_a_random_user_is_the_closed_form(table, name):
    """B(a + n₀, a + n₁) / B(a, a), for each user; of all users the product."""
    a = PRIORS[name]
    exact = betaln(a + COUNT, a + 40 - COUNT) - betaln(a, a)
    found = [table.log_evidence[user, name] for user in range(3)]
    assert np.allclose(found, exact, atol=1e-4)
    assert np.isclose(table.log_evidence["all", name], exact.sum(), atol=1e-4)


def test_bayes_factors_and_probabilities_follow_from_the_evidence(table):
    for user in ("all", 0, 1, 2):
        part = table.loc[user]
        log = part.log_evidence
        assert np.allclose(part.log_bayes_factor, log - log.max())
        assert np.allclose(part.probability, softmax(log))
    assert table.probability["all", "flat"] > 0.7
    assert table.probability[2, "half"] > 0.6


@pytest.mark.parametrize("name", PRIORS)
def test_leaving_one_out_of_a_random_user_is_the_closed_form(table, name):
    """An arm that was pulled n times of 40 has the probability (a + n − 1) / (2a + 39) at one left out."""
    a = PRIORS[name]
    exact = sum(n * np.log((a + n - 1) / (2 * a + 39)) for n in (COUNT, 40 - COUNT))
    found = [table.elpd[user, name] for user in range(3)]
    assert np.allclose(found, exact, atol=0.02)  # of a standard error of importance sampling of some 0.005
    assert np.isclose(table.elpd["all", name], exact.sum(), atol=0.03)


def test_leaving_one_out_of_a_learner_is_that_of_brute_force():
    """Every choice is left out in turn, on a grid of 150 × 150 parameters.

    The estimate from 10,000 particles has a standard deviation of .03 over seeds. (That from a grid's draws
    is off by −.09, since these lie anywhere in its cells.)
    """
    user = RescorlaWagnerUser()
    runs = Bundle(TASK, RescorlaWagnerUser(0.3, 3.0), max_rounds=40).run(1, seed=3)
    likelihood = Likelihood(TASK, user, read_table(TASK, user, runs))
    quantiles = (np.arange(150) + 0.5) / 150
    values = np.meshgrid(*(prior.ppf(quantiles) for prior in LEARNER.values()), indexing="ij")
    each = likelihood.pointwise(
        {name: part.reshape(1, -1) for name, part in zip(LEARNER, values, strict=True)}
    )
    total = each.sum(axis=0)[0]
    exact = sum(logsumexp(total) - logsumexp(total - one) for one in each[:, 0])
    options = {"method": "particles", "draws": 2_500, "progress": False}
    found = quick({"learner": fit(TASK, user, runs, LEARNER, **options), "random": fitted(runs)})
    assert np.isclose(found.elpd["learner"], exact, atol=0.1)
    assert found.index.name == "model"
    assert found.index[0] == "learner"


def test_all_users_together_are_what_arviz_says_of_the_whole_tree(fits, table):
    for name, tree in fits.items():
        whole = arviz_stats.loo(tree, var_name="user_action")
        row = table.loc[("all", name)]
        assert np.isclose(row.elpd, whole.elpd, atol=0.01)
        assert np.isclose(row.se, whole.se, atol=0.01)
        assert np.isclose(row.p, whole.p, atol=0.01)
    assert np.isclose(table.loc["all"].weight.sum(), 1)
    assert table.index.names == ["user", "model"]
    assert list(table.loc["all"].index) == ["flat", "half"]  # the best first
    assert list(table.loc[2].index) == ["half", "flat"]
    assert table.loc["all"].elpd_diff.tolist()[0] == 0


def test_evidence_is_not_known_by_every_method():
    runs = RUNS.episode(0)
    tree = fitted(runs, method="mcmc", draws=200)
    found = quick({"exact": fitted(runs), "walkers": tree})
    assert np.isfinite(found.log_evidence["exact"])
    assert np.isnan(found.log_evidence["walkers"])
    assert found.log_bayes_factor.isna().all()
    assert found.probability.isna().all()
    assert np.isclose(found.elpd["exact"], found.elpd["walkers"], atol=0.2)


def test_a_whole_evidence_without_that_of_each_user_counts_for_all():
    """So it is in a population, whose members have none of their own."""
    fits = {}
    for name, a in PRIORS.items():
        tree = fitted(a=a)
        summary = tree.summary.to_dataset()
        tree["summary"] = xarray.DataTree(summary.assign(log_evidence=summary.log_evidence.sum() + 1))
        fits[name] = tree
    found = quick(fits)
    exact = sum(betaln(1 + n, 41 - n) for n in COUNT) + 1
    assert np.isclose(found.log_evidence["all", "flat"], exact, atol=1e-3)
    assert found.loc[0].log_evidence.isna().all()


def test_an_action_that_alone_decides_is_told_of():
    """A learner that never errs but once: without this choice it would be thought not to err at all."""
    user = RescorlaWagnerUser(0.5, 20.0)
    frame = Bundle(TASK, user, max_rounds=80).run(1, seed=5).to_dataframe()
    frame = frame[["episode", "round", "user_action", "task_state.outcome"]]
    late = frame.index[-20]
    frame.loc[late, "user_action"] = 1 - frame.loc[late, "user_action"]
    priors = {"inverse_temperature": stats.expon(0, 30)}
    tree = fit(TASK, RescorlaWagnerUser(0.5), frame, priors, progress=False)
    with pytest.warns(
        ReliabilityWarning, match=r"learner: Pareto's k is above 0\.70 for \d+ of 80 actions"
    ) as told:
        found = quick({"learner": tree, "random": fitted(frame, users=None)})
    assert f"round {frame['round'][late]}" in str(told[0].message)
    assert told[0].filename == __file__
    assert found.warning["learner"]
    assert found.pareto_k["learner"] > 0.7
    assert not found.warning["random"]


def test_fits_of_different_data_are_refused(fits):
    other = Bundle(TASK, RandomUser(0.3), max_rounds=40).run(3, seed=2)
    with pytest.raises(ArgumentError, match=r"flat and b were fitted to different data: user_action of"):
        quick({"flat": fits["flat"], "b": fitted(other)})
    with pytest.raises(ArgumentError, match=r"different data: 120 and 80 actions"):
        quick({"flat": fits["flat"], "b": fitted(RUNS.to_dataframe().query("episode < 2"))})
    with pytest.raises(ArgumentError, match=r"different data: observed_user of observation 40 is 1 and 0"):
        quick({"flat": fits["flat"], "b": fitted(users="pooled")})


def test_what_cannot_be_compared_is_refused(fits):
    with pytest.raises(ArgumentError, match=r"two or more fits by label.*got \['flat'\]"):
        quick({"flat": fits["flat"]})
    with pytest.raises(ArgumentError, match=r"two or more fits by label.*got list"):
        quick(list(fits.values()))
    with pytest.raises(ArgumentError, match="b: expected a fit with log_likelihood=True, got one without"):
        quick({**fits, "b": fitted(log_likelihood=False)})
    with pytest.raises(ArgumentError, match="b: expected a tree of `fit`, got one without 'posterior'"):
        quick({**fits, "b": 7})


def test_a_fit_that_did_not_converge_is_not_ranked():
    user = RescorlaWagnerChoiceKernelUser()
    priors = LEARNER | {"choice_learning_rate": UNIT, "choice_inverse_temperature": stats.expon(0, 3)}
    one = RUNS.episode(0)
    with pytest.warns(ConvergenceWarning):
        tree = fit(TASK, user, one, priors, method="particles", draws=5, progress=False)
    with pytest.raises(ArgumentError, match=r"^compare: four: NOT converged for 1 of 1 users.*more draws"):
        quick({"random": fitted(one), "four": tree})


def test_a_user_may_not_be_called_all():
    frame = RUNS.to_dataframe().assign(user=lambda data: data.episode.map({0: "all", 1: "b", 2: "c"}))
    tree = fitted(frame, users=None)
    with pytest.raises(ArgumentError, match="no user of the name 'all'"):
        quick({"a": tree, "b": tree})
