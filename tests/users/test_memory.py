"""Base-level learning: activation, recall and latencies are those of ACT-R, and samples have the density."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

from interaction import Bundle, State, calibration, fit, parameter_recovery
from interaction.batching import ways
from interaction.checks import check_agent
from interaction.errors import ArgumentError
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.maximum import maximize
from interaction.fitting.observed import simulate
from interaction.fitting.priors import Priors
from interaction.tasks.memory import RecallTask, paired_associates
from interaction.users.memory import BaseLevelLearner, activation

PUBLISHED = {
    "recalled": (0.526, 0.667, 0.798, 0.887, 0.924, 0.958, 0.954),
    "latency": (2.158, 1.967, 1.762, 1.680, 1.552, 1.467, 1.402),
}
"""Blocks 2 to 8 of Anderson 1981, as given with unit 4 of the ACT-R tutorial; in block 1 nothing is known."""

PRIORS = {
    "threshold": stats.norm(-2.6, 0.5),
    "noise": stats.gamma(20, scale=0.025),
    "latency_factor": stats.gamma(20, scale=0.0105),
}


def seen(ages):
    return State(task_state=State(ages=np.array(ages)))


def test_activation_is_the_closed_form():
    """One trace: −d ln t. Two of 1 s and 4 s at d = 0.5: ln(1 + 1/2). Many equal ones: ln n − d ln t."""
    assert np.isclose(activation(np.array([100.0, 0.0]), 0.5), -0.5 * np.log(100))
    assert np.isclose(activation(np.array([4.0, 1.0]), 0.5), np.log(1.5))
    assert np.isclose(activation(np.full(7, 30.0), 0.3), np.log(7) - 0.3 * np.log(30))
    assert np.isclose(activation(np.array([50.0, 20.0, 0.0]), 0.0), np.log(2))
    assert activation(np.zeros(3), 0.5) == -np.inf


def test_it_is_lifted_and_keeps_the_contract():
    task = paired_associates(4, 3)
    check_agent(BaseLevelLearner(), task, seconds=5)
    bundle = Bundle(task, BaseLevelLearner())
    bundle.run(50, seed=0)
    assert ways(bundle)["user policy.sample"] == "lifted"


@pytest.mark.parametrize("noise", [0.2, 0.5, 1.5])
def test_the_density_and_the_failure_sum_to_one(noise):
    """∫ p(recalled, latency) = 1/(1 + exp((τ − B)/s)), the recall probability of ACT-R."""
    user = BaseLevelLearner(noise=noise)
    observation, state = seen([40.0, 300.0]), user.state
    base = activation(observation.task_state.ages, state.decay)
    chance = 1 / (1 + np.exp((state.threshold - base) / noise))
    longest = state.fixed_time + state.latency_factor * np.exp(-state.threshold)
    likely = state.fixed_time + state.latency_factor * np.exp(-base)

    def density(latency):
        return np.exp(user.policy.log_prob(State(recalled=1, latency=latency), observation, state))

    found = sum(
        quad(density, *ends)[0] for ends in ((state.fixed_time, min(likely, longest)), (likely, longest))
    )
    assert np.isclose(found, chance, rtol=1e-6)
    failed = user.policy.log_prob(State(recalled=0, latency=0.0), observation, state)
    assert np.isclose(np.exp(failed), 1 - chance, rtol=1e-12)


def test_samples_have_the_density():
    """The share recalled, and Kolmogorov–Smirnov of the latencies, whose distribution is in closed form.

    P(latency < t | recalled) = P(A > ln F − ln(t − t₀))/P(A > τ); 6,000 tests of one item.
    """
    user, task = BaseLevelLearner(threshold=-2.0), RecallTask([0, 0], [0.0, 30.0])
    runs = Bundle(task, user).run(6_000, seed=0, record=["user_action.recalled", "user_action.latency"])
    recalled, latency = (runs[f"user_action.{name}"][:, 1] for name in ("recalled", "latency"))
    base, state = -0.5 * np.log(25), user.state
    above = stats.logistic(base, state.noise).sf
    assert stats.binomtest(int(recalled.sum()), 6_000, above(-2.0)).pvalue > 1e-3
    assert (latency[recalled == 0] == 0).all()

    def below(t):
        return above(np.log(state.latency_factor) - np.log(t - state.fixed_time)) / above(-2.0)

    assert stats.kstest(latency[recalled == 1], below).pvalue > 1e-3


def test_what_cannot_be_is_impossible():
    """Recall of what was never studied, a latency below the fixed time, or beyond that of the threshold."""
    user = BaseLevelLearner(fixed_time=0.6, threshold=-2.0, latency_factor=0.2)
    longest = 0.6 + 0.2 * np.exp(2.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for recalled, latency, ages, possible in (
            (1, 1.0, [0.0], False),
            (0, 0.0, [0.0], True),
            (1, 0.6, [9.0], False),
            (1, 0.601, [9.0], True),
            (1, longest - 1e-6, [9.0], True),
            (1, longest + 1e-6, [9.0], False),
            (1, np.inf, [9.0], False),
            (0, 0.5, [9.0], False),
        ):
            found = user.policy.log_prob(State(recalled=recalled, latency=latency), seen(ages), user.state)
            assert np.isfinite(found) if possible else found == -np.inf


def test_it_learns_and_speeds_up_as_people_did():
    """Shares within .07 and latencies within .15 s of the published ones, in each block."""
    paths = ["user_action.recalled", "user_action.latency"]
    runs = Bundle(paired_associates(), BaseLevelLearner()).run(500, seed=0, record=paths)
    recalled, latency = (np.asarray(runs[path]).reshape(500, 8, 20) for path in paths)
    assert recalled[:, 0].sum() == 0
    for block in range(1, 8):
        share, mean = recalled[:, block].mean(), latency[:, block][recalled[:, block] == 1].mean()
        assert abs(share - PUBLISHED["recalled"][block - 1]) < 0.07
        assert abs(mean - PUBLISHED["latency"][block - 1]) < 0.15


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"decay": -0.1}, "decay: expected a number >= 0, got -0.1"),
        ({"threshold": np.inf}, "threshold: expected a finite number"),
        ({"noise": 0.0}, "noise: expected a number above 0"),
        ({"latency_factor": -1.0}, "latency_factor: expected seconds above 0"),
        ({"fixed_time": np.nan}, "fixed_time: expected seconds >= 0"),
    ],
)
def test_bad_parameters_are_named(arguments, message):
    with pytest.raises(ArgumentError, match=f"BaseLevelLearner: {message}"):
        BaseLevelLearner(**arguments)


def test_recall_of_what_was_never_studied_is_named_by_a_fit():
    data = pd.DataFrame(
        {
            "episode": 0,
            "round": [0, 1, 2],
            "user_action.recalled": [0, 1, 1],
            "user_action.latency": [0.0, 1.0, 1.2],
        }
    )
    task = RecallTask([0, 1, 0], [0.0, 10.0, 20.0])
    with pytest.raises(ArgumentError, match=r"no value of threshold .* episode 0, round 1, .*recalled = 1"):
        fit(task, BaseLevelLearner(), data, {"threshold": stats.norm(-2.6, 0.5)}, progress=False)


def test_the_most_likely_values_are_right_at_the_slanted_cliff():
    """No point of a fine grid is more likely by .05 (gradients alone stop at the cliff, up to 4 short)."""
    user, task = BaseLevelLearner(), paired_associates(10, 5)
    priors = Priors(user, {name: PRIORS[name] for name in ("threshold", "latency_factor")}, "test")
    likelihood = Likelihood(task, user, simulate(task, user, priors.draw(12, 0), 50, 0))
    found = maximize(likelihood, priors)
    assert found.converged.all()
    grid = np.meshgrid(np.linspace(-4.5, -1.2, 100), np.geomspace(0.1, 0.45, 100))
    names = ("threshold", "latency_factor")
    values = {name: np.tile(axis.ravel(), (12, 1)) for name, axis in zip(names, grid, strict=True)}
    assert (likelihood.total(values).max(axis=1) < found.log_likelihood + 0.05).all()


def test_parameters_are_recovered():
    """r > .85 for both, from 80 tests of each of 40 users; more, and by grids, in the benchmark."""
    priors = {name: PRIORS[name] for name in ("threshold", "latency_factor")}
    found = parameter_recovery(
        paired_associates(10, 8),
        BaseLevelLearner(),
        priors,
        n_users=40,
        rounds=80,
        method="maximum_likelihood",
        min_correlation=0.85,
        progress=False,
    )
    assert found.converged.all()
    assert found.statistics()["threshold"]["correlation"] > 0.9
    assert found.statistics()["latency_factor"]["correlation"] > 0.85


def test_posteriors_are_calibrated_at_their_slanted_cliff():
    """The longest latency, F exp(−τ), moves with both; three parameters in benchmarks/response_times.py."""
    priors = {name: PRIORS[name] for name in ("threshold", "latency_factor")}
    found = calibration(
        paired_associates(5, 4), BaseLevelLearner(), priors, 50, 20, draws=19, bins=10, progress=False
    )
    assert found.converged.all()
    assert found.verdict
