"""Posteriors far out in the tail of a prior: right, or not converged. The truth: normal conjugacy."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from interaction import InteractionTask, Policy, State, Transition, User, fit, spaces
from interaction.errors import ArgumentError, ConvergenceWarning, ReliabilityWarning

PRIOR = 0.1  # standard deviation


class Going(InteractionTask):
    """Goes on."""

    def reset(self, rng):
        return State(left=1_000)

    def on_user_action(self, game, rng):
        return Transition(State(left=game.task_state.left - 1))


class Tells(Policy):
    """Tells x, with the noise one."""

    action_space = spaces.real()

    def sample(self, observation, state, rng):
        return state.x + rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        return -0.5 * (action - state.x) ** 2 - 0.5 * np.log(2 * np.pi)


def told(centre, count):
    actions = centre + np.random.default_rng(0).normal(size=count)
    return pd.DataFrame({"episode": 0, "round": np.arange(count), "user_action": actions})


def fitted(data, prior, method, start=0.0):
    user = User(policy=Tells(), state=State(x=start))
    options = {"draws": 300, "progress": False, "log_likelihood": False}
    return fit(Going(), user, data, {"x": prior}, method, **options)


@pytest.mark.parametrize("centre", [-2.0, -1.0, 1.0, 2.0])
def test_a_grid_that_does_not_hold_the_posterior_has_not_converged(centre):
    """Its own halves and the lattice agree, as they all end where the grid does."""
    with pytest.warns(ConvergenceWarning, match="within 6 of the prior"):
        tree = fitted(told(centre, 400), stats.norm(0, PRIOR), "grid")
    assert tree.attrs["converged"] == 0


def test_a_grid_that_holds_the_posterior_has_converged():
    data = told(0.5, 400)
    tree = fitted(data, stats.norm(0, PRIOR), "grid")
    variance = 1 / (1 / PRIOR**2 + len(data))
    mean, sd = tree.summary.x.values[:2]
    assert tree.attrs["converged"] == 1
    assert abs(mean - variance * data.user_action.sum()) < 1e-3 * np.sqrt(variance)
    assert sd == pytest.approx(np.sqrt(variance), rel=1e-3)


@pytest.mark.parametrize("centre", [-2.0, 2.0])
@pytest.mark.parametrize("method", ["particles", "mcmc"])
def test_the_upper_tail_of_a_prior_reaches_as_far_as_the_lower(method, centre):
    data = told(centre, 400)
    with pytest.warns(ReliabilityWarning, match=r"beyond 6 standard deviations .*its units.* \(users: 0\)"):
        tree = fitted(data, stats.norm(0, PRIOR), method)
    variance = 1 / (1 / PRIOR**2 + len(data))
    mean, sd, error = tree.summary.x.values[:3]
    assert tree.attrs["converged"] == 1
    assert abs(mean - variance * data.user_action.sum()) < 5 * error
    assert sd == pytest.approx(np.sqrt(variance), rel=0.15)


@pytest.mark.parametrize(
    "prior", [stats.rv_discrete(values=([0, 0.5, 1], [0.2, 0.6, 0.2])), stats.poisson(0.1, 0.5)]
)
@pytest.mark.parametrize("method", ["grid", "particles"])
def test_a_discrete_prior_has_whole_numbers(prior, method):
    with pytest.raises(ArgumentError, match=r"prior of x: expected .* whole numbers, got one with 0\.5"):
        fitted(told(0.0, 10), prior, method)


def test_walkers_that_come_late_or_never_do_not_pass():
    """The mean of a chain and its mean autocorrelation hardly tell: sd was up to 100 times too large."""
    data = told(3_000.0, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        tree = fitted(data, stats.norm(0, 1_000), "mcmc")
    sd = np.sqrt(1 / (1e-6 + len(data)))
    assert tree.attrs["converged"] == 0 or tree.summary.x.values[1] == pytest.approx(sd, rel=0.15)


def test_a_grid_of_a_discrete_prior_ends_where_it_was_cut_off():
    with pytest.warns(ConvergenceWarning, match="goes on beyond 6 standard deviations of the prior"):
        tree = fitted(told(12.0, 50), stats.poisson(1), "grid", 0)
    assert tree.attrs["converged"] == 0


@pytest.mark.parametrize("prior", [stats.randint(0, 6), stats.poisson(1)])
def test_a_grid_of_a_discrete_prior_may_lie_at_its_end(prior):
    tree = fitted(told(5.0, 50), prior, "grid", 0)
    assert tree.attrs["converged"] == 1
    assert tree.summary.x.values[0] == pytest.approx(5, abs=1e-3)


def test_particles_of_a_discrete_prior_tell_that_they_are_far_out():
    with pytest.warns(ReliabilityWarning, match="beyond 6 standard deviations"):
        fitted(told(40.0, 50), stats.poisson(1), "particles", 0)
