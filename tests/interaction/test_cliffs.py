"""Posteriors that end at a cliff: beyond some value of a parameter, what the user did is impossible.

The truth is computed by brute force, from likelihoods that are written out by hand.
"""

import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from interaction import InteractionTask, Policy, State, Transition, User, calibration, spaces
from interaction.fitting.lattice import COARSE, FINE, Box, lattice
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.maximum import maximize
from interaction.fitting.observed import simulate
from interaction.fitting.priors import Priors
from interaction.fitting.quadrature import on_grid

PRIORS = {
    "shift": stats.gamma(4, scale=0.1),
    "scale": stats.gamma(3, scale=0.15),
    "decay": stats.gamma(4, scale=0.1),
}
ROUNDS = 15
LAPSE, LONGEST = 0.05, 5.0


class Waiting(InteractionTask):
    """Counts the rounds."""

    def reset(self, rng):
        return State(n=0)

    def on_user_action(self, game, rng):
        return Transition(State(n=game.task_state.n + 1))


class ShiftedTime(Policy):
    """Takes at least `shift` seconds, and an exponential time more, of mean `scale`."""

    batched = True
    action_space = spaces.real(0.0)
    names = ("shift", "scale")

    @staticmethod
    def log_density(time, n, shift, scale):
        return exponential(time - shift, scale)

    def sample(self, observation, state, rng):
        return state.shift - state.scale * np.log1p(-rng.random()), 0.0

    def log_prob(self, action, observation, state):
        values = [np.asarray(getattr(state, name)) for name in self.names]
        return self.log_density(np.asarray(action), np.asarray(observation.task_state.n), *values)


class WithLapses(ShiftedTime):
    """The same, but that one time in twenty it is any up to 5 s: the cliff has a finite height."""

    batched = True

    @staticmethod
    def log_density(time, n, shift, scale):
        return np.logaddexp(
            np.log(1 - LAPSE) + exponential(time - shift, scale),
            np.where(time <= LONGEST, np.log(LAPSE / LONGEST), -np.inf),
        )

    def sample(self, observation, state, rng):
        time = super().sample(observation, state, rng)[0]
        return np.where(rng.random() < LAPSE, LONGEST * rng.random(), time), 0.0


class Practice(ShiftedTime):
    """The mean falls with a power of practice: three parameters."""

    batched = True
    names = ("shift", "scale", "decay")

    @staticmethod
    def log_density(time, n, shift, scale, decay):
        return exponential(time - shift, scale * (n + 1.0) ** -decay)

    def sample(self, observation, state, rng):
        mean = state.scale * (observation.task_state.n + 1.0) ** -state.decay
        return state.shift - mean * np.log1p(-rng.random()), 0.0


class Remembering(ShiftedTime):
    """A memory whose smallest latency falls with rehearsal: the cliff is curved, and all three move it."""

    batched = True
    names = ("shift", "scale", "decay")

    @staticmethod
    def log_density(time, n, shift, scale, decay):
        return exponential(time - shift - scale * (n + 1.0) ** -decay, 0.2)

    def sample(self, observation, state, rng):
        least = state.shift + state.scale * (observation.task_state.n + 1.0) ** -state.decay
        return least - 0.2 * np.log1p(-rng.random()), 0.0


def exponential(time, mean):
    return np.where(time >= 0, -np.maximum(time, 0) / mean - np.log(mean), -np.inf)


def simulated(policy, users, rounds=ROUNDS, seed=0):
    user = User(
        policy=policy,
        state=State(**dict.fromkeys(policy.names, 0.3)),
        state_space=spaces.Dict({name: spaces.real(0.0) for name in policy.names}),
    )
    priors = Priors(user, {name: PRIORS[name] for name in policy.names}, "test")
    observed = simulate(Waiting(), user, priors.draw(users, seed), rounds, seed)
    return Likelihood(Waiting(), user, observed), priors


def moments(weights, values):
    weights = weights / weights.sum()
    mean = (weights * values).sum(axis=-1)
    return mean, np.sqrt((weights * (values - mean[:, None]) ** 2).sum(axis=-1))


def log_joint(policy, times, *values):
    log = sum(PRIORS[name].logpdf(array) for name, array in zip(policy.names, values, strict=True))
    return log + sum(policy.log_density(time, n, *values) for n, time in enumerate(times))


def by_a_fine_grid(policy, times, points=1_500):
    """Two parameters: the midpoint rule with 2.25 million points, closed in once."""
    ends = np.array([[0.0, 3.0], [0.0, 4.0]])
    for count in (600, points):
        axes = [low + (high - low) * (np.arange(count) + 0.5) / count for low, high in ends]
        log = log_joint(policy, times, *np.meshgrid(*axes, indexing="ij", sparse=True))
        weights = np.exp(log - log.max())
        evidence = np.log(weights.mean() * np.prod(ends[:, 1] - ends[:, 0])) + log.max()
        pair = [weights.sum(axis=1), weights.sum(axis=0)]
        found = [moments(part, axis[None]) for part, axis in zip(pair, axes, strict=True)]
        for side, (part, axis) in enumerate(zip(pair, axes, strict=True)):
            held = axis[part > 1e-8 * part.max()]
            step = axis[1] - axis[0]
            ends[side] = max(held[0] - 2 * step, 0.0), held[-1] + 2 * step
    return *np.array(found)[..., 0].T, evidence


def by_importance(policy, times, count=1_000_000):
    """Any number of parameters: draws from a Student distribution that is fitted to the posterior first."""
    rng = np.random.default_rng(1)
    d = len(policy.names)
    mean, spread = np.log(0.3) * np.ones(d), 0.5 * np.eye(d)
    for size in (100_000, 100_000, count):
        proposal = stats.multivariate_t(mean, spread, df=3, seed=rng)
        logs = proposal.rvs(size)
        values = np.exp(np.clip(logs, -30, 5)).T
        log = log_joint(policy, times, *values) + logs.sum(axis=1) - proposal.logpdf(logs)
        weights = np.exp(log - log.max())
        mean = weights @ logs / weights.sum()
        spread = 1.5 * np.cov(logs.T, aweights=weights)
    return *moments(weights, values), logsumexp(log) - np.log(count)


@pytest.mark.parametrize(
    ("policy", "truth"),
    [(ShiftedTime(), by_a_fine_grid), (WithLapses(), by_a_fine_grid), (Practice(), by_importance)],
    ids=["shift", "lapses", "practice"],
)
def test_the_grid_is_right_at_a_cliff(policy, truth):
    """Means and standard deviations within .02 posterior standard deviations, evidence within .02.

    (The grid alone was off by up to .23 in the same case, and said "converged".)
    """
    likelihood, priors = simulated(policy, 6)
    found = on_grid(likelihood, priors, draws=500)
    assert found.converged.all()
    for user in range(6):
        mean, sd, evidence = truth(policy, likelihood.observed.user_actions[""][:, user])
        assert (np.abs(found.mean[user] - mean) <= 0.02 * sd).all()
        assert (np.abs(found.sd[user] - sd) <= 0.02 * sd).all()
        assert abs(found.log_evidence[user] - evidence) <= 0.02


@pytest.mark.parametrize("policy", [ShiftedTime(), Practice()], ids=["shift", "practice"])
def test_no_values_are_more_likely_than_the_most_likely_at_a_cliff(policy):
    """By more than .01, of 40,000 around them and 20,000 under the prior; or the user has not converged."""
    likelihood, priors = simulated(policy, 6)
    found = maximize(likelihood, priors)
    assert found.converged.mean() > 0.8
    rng = np.random.default_rng(0)
    spread = {name: np.tile(array, (6, 1)) for name, array in priors.draw(20_000, 1).items()}
    best = likelihood.total(spread).max(axis=1)
    for size in (0.1, 0.01):
        steps = size * rng.standard_normal((6, 20_000, len(priors)))
        near = priors.in_space(priors.to_space(found.values)[:, None] + steps)
        best = np.maximum(best, likelihood.total(near).max(axis=1))
    assert (best < found.log_likelihood + 0.01)[found.converged].all()


def test_no_draw_lies_beyond_the_cliff():
    likelihood, priors = simulated(ShiftedTime(), 6)
    found = on_grid(likelihood, priors, draws=500)
    values = {name: found.draws[..., index].reshape(6, -1) for index, name in enumerate(priors.names)}
    assert np.isfinite(likelihood.total(values)).all()


def test_a_slanted_cliff_is_right_or_says_so():
    """A user that is called converged is right to .02; the others are still right to .1."""
    policy = Remembering()
    likelihood, priors = simulated(policy, 4)
    found = on_grid(likelihood, priors, draws=100)
    for user in range(4):
        mean, sd, _ = by_importance(policy, likelihood.observed.user_actions[""][:, user])
        off = (np.abs(found.mean[user] - mean) / sd).max()
        assert off <= (0.02 if found.converged[user] else 0.1)


def test_posteriors_at_a_cliff_are_calibrated():
    user = simulated(ShiftedTime(), 2)[0].user
    priors = {name: PRIORS[name] for name in ShiftedTime.names}
    found = calibration(Waiting(), user, priors, 100, ROUNDS, draws=19, progress=False)
    assert found.converged.all()
    assert found.verdict


@pytest.mark.parametrize("table", [COARSE, FINE])
@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_a_lattice_has_no_two_points_in_a_line(table, dimension):
    rule = table[dimension]
    points = lattice(rule, dimension, np.full((1, dimension), 0.3))
    assert points.shape == (rule[0], dimension)
    assert ((points >= 0) & (points < 1)).all()
    for axis in range(dimension):
        gaps = np.diff(np.sort(points[:, axis]))
        assert np.allclose(gaps, 1 / rule[0], rtol=1e-6)


def test_a_box_around_points_keeps_its_volume():
    """The mean over a lattice of what it stands for is the integral: here of a slanted normal density."""
    rng = np.random.default_rng(0)
    covariance = np.array([[1.0, 1.8], [1.8, 4.0]])
    points = rng.multivariate_normal([1.0, -1.0], covariance, 20_000)[None]
    box = Box.around(points, np.ones((1, 20_000)), np.array([[-9.0, -9.0]]), np.array([[9.0, 9.0]]))
    assert not np.allclose(box.axes[0], np.eye(2))
    y, volumes = box.place(lattice(FINE[2], 2, np.array([[[0.2, 0.7]]])))
    density = stats.multivariate_normal([1.0, -1.0], covariance).pdf(y[0])
    assert abs((density * np.exp(volumes[0])).mean() - 1) < 0.002
