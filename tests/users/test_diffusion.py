"""Drift diffusion: density, distribution function and samples agree, with each other and with the books."""

import warnings

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from interaction import Bundle, State, calibration, fit, parameter_recovery
from interaction.batching import ways
from interaction.checks import check_agent
from interaction.errors import ArgumentError, SpaceError
from interaction.tasks.decisions import DecisionTask
from interaction.users.diffusion import (
    DiffusionUser,
    log_density,
    log_passage_density,
    passage,
    passage_quantile,
    upper_probability,
)

TASK = DecisionTask([0.25, 0.5, 1.0])
PRIORS = {
    "drift": stats.norm(2, 1),
    "boundary": stats.gamma(20, scale=0.075),
    "non_decision": stats.gamma(20, scale=0.015),
}
CASES = [(1.0, 1.5, 0.5), (-2.0, 1.2, 0.3), (0.0, 1.0, 0.5), (4.0, 2.0, 0.8), (0.3, 0.6, 0.1)]


@pytest.mark.parametrize(
    ("time", "upper", "drift", "boundary", "start", "expected"),
    [
        (0.1, False, 1.0, 1.0, 0.5, 0.0416557166616),
        (0.5, True, 1.0, 1.5, 0.5, -0.263287732964),
        (0.5, False, 1.0, 1.5, 0.5, -1.76328773296),
        (0.3, True, -2.0, 1.2, 0.3, -2.85342659056),
        (1.2, False, 2.0, 2.0, 0.7, -7.16202010044),
        (3.0, True, 0.0, 1.0, 0.5, -13.6596767158),
        (0.05, True, 3.0, 2.0, 0.9, 1.94022196469),
        (0.675, False, 0.5, 1.5, 0.4, -1.56675459043),
    ],
)
def test_the_density_is_that_of_the_laplace_transform(time, upper, drift, boundary, start, expected):
    """Its transform exp(−v a w) sinh((1 − w) a g)/sinh(a g), g = √(v² + 2s), inverted by mpmath 1.3.

    Talbot's and de Hoog's methods gave the same twelve digits, from 30.
    """
    assert np.isclose(log_density(time, upper, drift, boundary, start), expected, rtol=0, atol=2e-11)


@pytest.mark.parametrize(("drift", "boundary", "start"), CASES)
@pytest.mark.parametrize("upper", [True, False])
def test_the_density_has_the_transform_in_closed_form(drift, boundary, start, upper):
    """∫ f(t) exp(−s t) dt: at s = 0 the probability of the choice."""
    way, towards = (1 - start, drift) if upper else (start, -drift)
    for s in (0.0, 0.5, 3.0, 20.0):
        g = np.sqrt(drift**2 + 2 * s) or 1e-9
        expected = (
            np.exp(towards * boundary * way) * np.sinh((1 - way) * boundary * g) / np.sinh(boundary * g)
        )
        parts = [
            quad(lambda t, s=s: np.exp(log_density(t, upper, drift, boundary, start) - s * t), *ends)[0]
            for ends in ((0, 0.05), (0.05, 0.5), (0.5, 3), (3, 30))
        ]
        assert np.isclose(sum(parts), expected, rtol=1e-7)
        if s == 0:
            chance = upper_probability(drift, boundary, start)
            assert np.isclose(chance if upper else 1 - chance, expected, rtol=1e-9)


def test_from_the_middle_choices_are_logistic_and_times_have_the_mean_of_the_books():
    """P = 1/(1 + exp(−v a)), E[t] = a/(2v) tanh(v a/2), as in Wagenmakers et al. 2007."""
    for drift, boundary in ((1.0, 1.5), (-2.0, 0.8), (0.2, 2.0)):
        lead = drift * boundary
        assert np.isclose(upper_probability(drift, boundary, 0.5), 1 / (1 + np.exp(-lead)), rtol=1e-12)
        mean = quad(lambda t, v=drift, a=boundary: t * np.exp(log_density(t, True, v, a, 0.5)), 0, 60)[0]
        expected = boundary / (2 * drift) * np.tanh(lead / 2)
        assert np.isclose(mean * (1 + np.exp(-lead)), expected, rtol=1e-7)


def test_the_two_series_meet_and_are_those_with_many_terms():
    """200 terms of each. Where one starts near the other boundary, both lose digits."""
    k = np.arange(-200, 201)
    for way in (0.001, 0.1, 0.5, 0.9, 0.999):
        for tau in (0.01, 0.1, 0.29999, 0.3, 0.30001, 1.0, 5.0):
            parts = (way + 2 * k) * np.exp(((way * way) - (way + 2 * k) ** 2) / (2 * tau))
            log = np.log(parts.sum()) - way * way / (2 * tau) - 1.5 * np.log(tau) - 0.5 * np.log(2 * np.pi)
            if tau > 1:
                n = np.arange(1, 201)
                log = np.log(
                    (np.pi * n * np.sin(n * np.pi * way) * np.exp(-(n**2) * np.pi**2 * tau / 2)).sum()
                )
            assert np.isclose(log_passage_density(tau, way), log, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("way", "lead"), [(0.5, 1e-9), (0.5, 3.0), (0.1, 1.0), (0.9, 10.0), (0.5, 30.0)])
def test_the_distribution_function_is_the_integral_of_the_density(way, lead):
    whole = np.sinh((1 - way) * lead) / np.sinh(lead)
    for tau in (0.01, 0.05, 0.1249, 0.1251, 0.5, 2.0):
        points = [tau / 10, tau / 3]
        found = quad(
            lambda x: np.exp(log_passage_density(x, way) - lead**2 * x / 2), 0, tau, points=points, epsabs=0
        )
        reached, later = passage(tau, way, lead)
        assert np.isclose(reached, found[0] / whole, rtol=1e-9, atol=1e-10)
        assert np.isclose(reached + later, 1.0, rtol=0, atol=1e-12)


def test_quantiles_invert_the_distribution_function():
    """Right to 1e-9 in all of 100,000 cases: drifts up to 1,000, starts up to a millionth from an end."""
    rng = np.random.default_rng(0)
    way = np.exp(rng.uniform(np.log(1e-6), 0, 100_000)) * (1 - 1e-6)
    way = np.where(rng.random(100_000) < 0.5, way, 1 - way)
    lead = np.exp(rng.uniform(np.log(1e-6), np.log(1e3), 100_000))
    share = rng.random(100_000)
    share[:1000], share[1000:2000] = 0.0, 1 - 2.0**-53
    tau = passage_quantile(share, way, lead)
    assert (np.isfinite(tau) & (tau > 0)).all()
    assert np.abs(passage(tau, way, lead)[0] - share).max() < 1e-9


@pytest.mark.parametrize(("drift", "boundary", "start"), CASES)
def test_samples_have_the_density(drift, boundary, start):
    """Kolmogorov–Smirnov of the times of each choice, against integrals of the density; 4,000 decisions."""
    user = DiffusionUser(drift, boundary, 0.25, start)
    runs = Bundle(DecisionTask([1.0]), user).run(4_000, seed=1)
    choice, time = (np.asarray(runs[f"user_action.{name}"]).ravel() for name in ("choice", "time"))
    towards = drift * (2 * np.asarray(runs["task_state.answer"]).ravel() - 1)
    for sign in (1, -1):
        here = towards == sign * drift
        chance = upper_probability(sign * drift, boundary, start)
        assert stats.binomtest(int(choice[here].sum()), int(here.sum()), chance).pvalue > 1e-3
        for upper in (0, 1):
            times = time[here & (choice == upper)] - 0.25
            if len(times) < 20:
                continue
            grid = np.linspace(0, max(times.max() * 1.5, 5 * boundary**2), 20_001)
            middle = (grid[1:] + grid[:-1]) / 2
            density = np.exp(log_density(middle, upper == 1, sign * drift, boundary, start))
            total = np.append(0.0, np.cumsum(density) * (grid[1] - grid[0]))
            assert np.isclose(total[-1], chance if upper else 1 - chance, rtol=2e-3)
            assert stats.kstest(times, lambda t, g=grid, c=total: np.interp(t, g, c / c[-1])).pvalue > 1e-3


def test_it_conforms_and_is_lifted():
    user = DiffusionUser(start=0.4)
    check_agent(user, TASK, seconds=5)
    bundle = Bundle(TASK, user)
    bundle.run(50, seed=0)
    assert ways(bundle)["user policy.sample"] == "lifted"


def test_what_cannot_be_is_impossible_and_nothing_is_nan():
    """A time within the non-decision time; and numbers far out."""
    user = DiffusionUser(1.0, 1.5, 0.3)
    seen = State(task_state=State(strength=1.0, answer=1))
    for time in (1e-9, 0.1, 0.3, np.inf):
        assert user.policy.log_prob(State(choice=1, time=time), seen, user.state) == -np.inf
    assert np.isfinite(user.policy.log_prob(State(choice=1, time=0.301), seen, user.state))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = [1e-300, 1e-12, 1e-3, 1.0, 1e6, 1e100]
        for boundary in (1e-12, 1e-3, 1.0, 1e3):
            for drift in (-1e3, 0.0, 1e-20, 1e3):
                found = log_density(np.array(far), True, drift, boundary, 0.5)
                assert not np.isnan(found).any()
                assert 0 <= upper_probability(drift, boundary, 0.5) <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"boundary": 0.0}, "boundary: expected a number above 0, got 0.0"),
        ({"boundary": -1.0}, "boundary: expected a number above 0"),
        ({"boundary": np.nan}, "boundary: expected a number above 0"),
        ({"drift": np.inf}, "drift: expected a finite number"),
        ({"non_decision": -0.1}, "non_decision: expected seconds >= 0"),
        ({"non_decision": np.nan}, "non_decision: expected seconds >= 0"),
        ({"start": 0.0}, "start: expected a share between 0 and 1, got 0.0"),
        ({"start": 1.2}, "start: expected a share between 0 and 1"),
        ({"start": np.nan}, "start: expected a share between 0 and 1"),
    ],
)
def test_bad_parameters_are_named(arguments, message):
    with pytest.raises(ArgumentError, match=f"DiffusionUser: {message}"):
        DiffusionUser(**arguments)


def decided(times):
    import pandas as pd

    columns = {"episode": range(len(times)), "round": 0, "user_action.choice": 1, "user_action.time": times}
    return pd.DataFrame(columns | {"start.task_state.strength": 1.0, "start.task_state.answer": 1})


@pytest.mark.parametrize("time", [0.0, -0.5])
def test_a_time_that_is_none_is_named_by_its_row(time):
    with pytest.raises(SpaceError, match=r"row 2 \(episode 2, round 0\): user_action.time"):
        fit(TASK, DiffusionUser(), decided([0.5, 0.6, time]), PRIORS, users="pooled")


def test_a_missing_time_is_named_by_its_row():
    with pytest.raises(ArgumentError, match=r"row 2: user_action.time is missing"):
        fit(TASK, DiffusionUser(), decided([0.5, 0.6, np.nan]), PRIORS, users="pooled")


def test_a_prior_beyond_the_boundary_is_refused():
    priors = {"drift": stats.norm(0, 1), "boundary": stats.norm(1, 1)}
    with pytest.raises(SpaceError, match="prior of boundary"):
        fit(TASK, DiffusionUser(), decided([0.5, 0.6]), priors, users="pooled")


@pytest.mark.parametrize("method", ["grid", "particles"])
def test_a_time_that_no_value_explains_is_named(method):
    priors = {"drift": stats.norm(1, 1), "non_decision": stats.uniform(0.5, 0.2)}
    data = decided([0.8, 0.9, 0.45, 1.0])
    with pytest.raises(ArgumentError, match=r"no value of .* explains .* episode 2, round 0, .*0\.45"):
        fit(TASK, DiffusionUser(), data, priors, method, users="pooled", draws=50, progress=False)


def test_three_parameters_are_recovered():
    """r > .95 for each, from 200 decisions of each of 100 users."""
    found = parameter_recovery(
        TASK,
        DiffusionUser(),
        PRIORS,
        n_users=100,
        rounds=1,
        episodes=200,
        method="maximum_likelihood",
        min_correlation=0.95,
        progress=False,
    )
    assert found.verdict


def test_posteriors_are_calibrated():
    """Two parameters, 50 users with 20 decisions each; three in benchmarks/response_times.py."""
    priors = {name: PRIORS[name] for name in ("boundary", "non_decision")}
    found = calibration(
        TASK, DiffusionUser(2.0), priors, 50, 1, episodes=20, draws=19, bins=10, progress=False
    )
    assert found.converged.all()
    assert found.verdict
