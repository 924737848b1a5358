"""Users who draw while they look or infer: the estimate of their likelihood, and what is made of it.

The truth: a Kalman filter for a linear user, and a closed form for an eye whose noise is normal.
"""

import numpy as np
import pytest
from scipy import stats

from interaction import (
    Bundle,
    InferenceEngine,
    InteractionTask,
    Policy,
    State,
    Transition,
    User,
    calibration,
    fit,
    model_recovery,
    parameter_recovery,
    sensitivity,
    spaces,
)
from interaction.errors import (
    ArgumentError,
    ContractError,
    ConvergenceWarning,
    LatentDrawError,
)
from interaction.fitting.latent import LatentLikelihood, latent
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.observed import simulate
from interaction.fitting.priors import Priors
from interaction.fitting.tempering import by_particles
from interaction.inference.particles import systematic, systematic_rows
from interaction.tasks.looking import LookingTask
from interaction.users.looking import NoisyEye

TOLD = 0.5  # standard deviation with which the drifting user tells where it is


class Waiting(InteractionTask):
    """Waits for some rounds, as many as were drawn."""

    def reset(self, rng):
        return State(left=rng.integers(3, 13))

    def on_user_action(self, game, rng):
        left = game.task_state.left - 1
        return Transition(State(left=left), terminated=left == 0)


class Drift(InferenceEngine):
    """x ← a x + N(0, s²)."""

    def infer(self, observation, state, rng):
        return state.replace(x=state.persistence * state.x + rng.normal(0.0, state.noise)), 0.0


class Steady(InferenceEngine):
    """The same without noise."""

    def infer(self, observation, state, rng):
        return state.replace(x=state.persistence * state.x), 0.0


class Tells(Policy):
    """Tells x, with normal noise."""

    action_space = spaces.real()

    def sample(self, observation, state, rng):
        return state.x + rng.normal(0.0, TOLD), 0.0

    def log_prob(self, action, observation, state):
        z = (action - state.x) / TOLD
        return -0.5 * z * z - np.log(TOLD) - 0.5 * np.log(2 * np.pi)


class Drifting(User):
    """A linear user with normal noise inside, from x = 0 on."""

    def __init__(self, policy=None, inference_engine=None):
        super().__init__(
            policy=policy or Tells(),
            inference_engine=inference_engine or Drift(),
            state=State(x=0.0, persistence=0.8, noise=0.5),
        )


def kalman(actions, persistence, noise):
    """Give the exact log likelihood of a drifting user's actions. Source: Kalman 1960."""
    mean, variance, total = 0.0, 0.0, 0.0
    for action in actions:
        mean, variance = persistence * mean, persistence**2 * variance + noise**2
        spread = variance + TOLD**2
        total += stats.norm.logpdf(action, mean, np.sqrt(spread))
        gain = variance / spread
        mean, variance = mean + gain * (action - mean), (1 - gain) * variance
    return total


def exact(observed, user, persistence, noise):
    """Give the sum over a user's episodes."""
    actions = observed.user_actions[""]
    return sum(
        kalman(actions[: observed.lengths[episode], episode], persistence, noise)
        for episode in np.flatnonzero(observed.user == user)
    )


def drifting(users=3, episodes=2, seed=0):
    user = Drifting()
    values = {"persistence": np.full(users, 0.8), "noise": np.full(users, 0.5)}
    return Likelihood(Waiting(), user, simulate(Waiting(), user, values, 20, seed, episodes=episodes))


def repeated(users, count, **values):
    return {name: np.full((users, count), value) for name, value in values.items()}


NOISE = {"noise": stats.gamma(2, scale=0.3)}
EYE = {"noise": stats.uniform(0, 0.3)}


def test_the_estimate_is_that_of_the_kalman_filter_without_bias():
    """Of the likelihood, not of its logarithm, which is too low by half its variance."""
    likelihood = drifting()
    assert len(set(likelihood.observed.lengths)) > 3
    log = LatentLikelihood(likelihood, 50, 0).total(repeated(3, 2_000, persistence=0.6, noise=0.7))
    truth = np.array([exact(likelihood.observed, user, 0.6, 0.7) for user in range(3)])
    ratio = np.exp(log - truth[:, None]).mean(axis=0)
    assert abs(ratio.mean() - 1) < 2 * ratio.std(ddof=1) / np.sqrt(len(ratio))
    low = log.mean(axis=1) - truth
    assert np.allclose(low, -log.var(axis=1) / 2, atol=0.1)
    assert (low < -0.05).all()


def test_the_posterior_is_that_of_the_kalman_filter():
    likelihood = drifting()
    priors = Priors(likelihood.user, NOISE, "test")
    z = np.linspace(-5, 5, 401)
    grid = priors.at_coordinates(z[:, None])["noise"]
    estimate = by_particles(latent(likelihood, priors, 40, 0), priors, draws=100)
    assert estimate.converged.all()
    for user in range(3):
        log = np.array([exact(likelihood.observed, user, 0.8, noise) for noise in grid]) - z**2 / 2
        weights = np.exp(log - log.max())
        evidence = log.max() + np.log(weights.sum() * (z[1] - z[0]) / np.sqrt(2 * np.pi))
        weights /= weights.sum()
        mean = weights @ grid
        assert abs(estimate.mean[user, 0] - mean) < 3 * estimate.mcse[user, 0]
        assert np.isclose(estimate.sd[user, 0], np.sqrt(weights @ (grid - mean) ** 2), rtol=0.2)
        assert np.isclose(estimate.log_evidence[user], evidence, atol=0.3)


def test_a_user_has_the_same_estimate_alone_and_among_others(monkeypatch):
    """To the bit, however the candidates are parted into batches, and by whatever way they are played."""
    likelihood = drifting(4, 3)
    every = LatentLikelihood(likelihood, 7, 5)
    values = {name: np.linspace(0.3, 0.9, 4 * 9).reshape(4, 9) for name in ("persistence", "noise")}
    whole = every.total(values)
    for users in ([2], [3, 0]):
        some = {name: array[users] for name, array in values.items()}
        assert (every.select(np.array(users)).total(some) == whole[users]).all()
    assert (every.again(1, 8).total(values) != whole).all()
    monkeypatch.setattr(LatentLikelihood, "rows", 20)
    assert (every.total(values) == whole).all()
    engine = type("Singly", (Drift,), {"batched": False})()
    singly = Likelihood(Waiting(), Drifting(inference_engine=engine), likelihood.observed)
    assert (LatentLikelihood(singly, 7, 5).total(values) == whole).all()


def test_what_was_drawn_is_followed_wherever_the_state_holds_it():
    """In a nested state, also as a vector: the same estimate, to the bit."""

    class Nested(Drift):
        def infer(self, observation, state, rng):
            x = state.persistence * state.x + rng.normal(0.0, state.noise)
            return state.replace(x=x, mind=State(one=x, two=np.stack([x, x]))), 0.0

    class TellsNested(Tells):
        def log_prob(self, action, observation, state):
            x = (state.mind.one + state.mind.two[1]) / 2
            return super().log_prob(action, observation, state.replace(x=x))

    class Remembering(Nested):
        def infer(self, observation, state, rng):
            return super().infer(observation, state.replace(x=state.mind.one), rng)

    user = User(
        policy=TellsNested(),
        inference_engine=Remembering(),
        state=State(x=0.0, persistence=0.8, noise=0.5, mind=State(one=0.0, two=np.zeros(2))),
    )
    likelihood = drifting(2, 2)
    values = repeated(2, 5, persistence=0.8, noise=0.5)
    nested = Likelihood(Waiting(), user, likelihood.observed)
    plain = LatentLikelihood(likelihood, 9, 0).total(values)
    assert (LatentLikelihood(nested, 9, 0).total(values) == plain).all()


def test_the_log_probabilities_of_single_actions_are_those_predicted():
    """With the first action's known: N(0, s² + r²); they add up to the total."""
    likelihood = drifting(2, 1)
    estimate = LatentLikelihood(likelihood, 2_000, 0)
    values = repeated(2, 3, persistence=0.8, noise=0.5)
    each = estimate.pointwise(values)
    first = stats.norm.logpdf(likelihood.observed.user_actions[""][0], 0, np.sqrt(0.5**2 + TOLD**2))
    assert np.allclose(each[0], first[:, None], atol=0.1)
    assert np.allclose(each.sum(axis=0), estimate.total(values))


def landings(observed, noise):
    """Give the exact log likelihood of eyes with `noise` `(users, candidates)`.

    They land at N(target, (noise · eccentricity)² + 1).
    """
    seen = observed.task_states
    far = np.abs(seen["target"] - seen["fixation"]).T[:, None]
    missed = (observed.user_actions[""] - seen["target"]).T[:, None]
    return stats.norm.logpdf(missed, 0, np.sqrt((noise[..., None] * far) ** 2 + 1)).sum(axis=-1)


def test_the_estimate_for_an_eye_is_the_closed_form():
    task, user = LookingTask(), NoisyEye()
    observed = simulate(task, user, {"noise": np.array([0.1, 0.2])}, 60, 0)
    noise = np.broadcast_to(np.linspace(0.05, 0.3, 6), (2, 6))
    log = LatentLikelihood(Likelihood(task, user, observed), 2_000, 0).total({"noise": noise})
    assert np.allclose(log, landings(observed, noise), atol=1.0)


def test_the_noise_of_eyes_is_recovered_as_by_the_closed_form():
    """How well 50 of them are told apart is in the benchmarks."""
    task, users, rounds = LookingTask(10.0), 5, 40
    found = parameter_recovery(
        task,
        NoisyEye(),
        EYE,
        n_users=users,
        rounds=rounds,
        method="particles",
        draws=25,
        inner=50,
        progress=False,
    )
    grid = np.broadcast_to(np.linspace(0, 0.3, 301), (users, 301))
    log = landings(simulate(task, NoisyEye(), found.true, rounds, 0), grid)
    weights = np.exp(log - log.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    mean = (weights * grid).sum(axis=1)
    sd = np.sqrt((weights * (grid - mean[:, None]) ** 2).sum(axis=1))
    assert np.sqrt((((found.estimate["noise"] - mean) / sd) ** 2).mean()) < 0.4


def looks(rounds):
    return Bundle(LookingTask(), NoisyEye(), max_rounds=rounds).run(1, seed=3)


def test_a_fit_says_that_its_likelihood_is_estimated():
    task, user = LookingTask(), NoisyEye()
    data = looks(15)
    options = {"method": "particles", "draws": 50, "progress": False, "users": "pooled"}
    tree = fit(task, user, data, {"noise": stats.uniform(0, 0.5)}, inner=20, **options)
    assert tree.attrs["converged"] == 1
    assert "estimated by 20 inner particles" in tree.attrs["likelihood"]
    assert "variance below 3" in tree.attrs["verdict"]
    assert 0 < float(tree.summary.log_likelihood_variance) < 3
    total = tree.log_likelihood.user_action.sum("observation")
    assert np.allclose(total, tree.sample_stats.log_likelihood)
    with pytest.warns(ConvergenceWarning, match="raise inner"):
        rough = fit(task, user, data, {"motor_noise": stats.uniform(0.05, 0.1)}, inner=2, **options)
    assert rough.attrs["converged"] == 0
    assert not float(rough.summary.log_likelihood_variance) < 3


def test_a_user_who_draws_nothing_keeps_the_exact_likelihood():
    user = Drifting(inference_engine=Steady())
    likelihood = Likelihood(Waiting(), user, drifting(1, 2).observed)
    priors = Priors(user, {"persistence": stats.uniform(0, 1)}, "test")
    assert latent(likelihood, priors, 2, 0) is likelihood
    estimate = by_particles(likelihood, priors, draws=50)
    assert estimate.variance is None


@pytest.mark.parametrize(
    "ask",
    [
        lambda: fit(LookingTask(), NoisyEye(), looks(9), EYE),
        lambda: fit(LookingTask(), NoisyEye(), looks(9), EYE, method="mcmc"),
        lambda: parameter_recovery(LookingTask(), NoisyEye(), EYE, 5, 10),
        lambda: parameter_recovery(LookingTask(), NoisyEye(), EYE, 5, 10, method="maximum_likelihood"),
        lambda: calibration(LookingTask(), NoisyEye(), EYE, 100, 10),
        lambda: model_recovery(LookingTask(), {"a": (NoisyEye(), EYE), "b": (NoisyEye(), EYE)}, 2, 10),
        lambda: sensitivity(LookingTask(), NoisyEye(), EYE, 5, 10),
    ],
    ids=["grid", "mcmc", "recovery", "maximum", "calibration", "bic", "sensitivity"],
)
def test_what_needs_the_exact_likelihood_says_what_to_write(ask):
    with pytest.raises(LatentDrawError, match='write method="particles"'):
        ask()


def test_models_are_compared_by_their_estimated_evidence():
    """Users that drift are told from such that do not, of whom the evidence is exact."""
    found = model_recovery(
        Waiting(),
        {
            "drifts": (Drifting(), {"noise": stats.uniform(1, 1)}),
            "stays": (Drifting(inference_engine=Steady()), {"persistence": stats.uniform(0, 1)}),
        },
        n_users=3,
        rounds=5,
        criterion="marginal_likelihood",
        inner=20,
        progress=False,
    )
    scores = found.scores.mean(axis=1)
    assert scores[0, 0] > scores[0, 1]
    assert scores[1, 1] > scores[1, 0]


class Within(Tells):
    """Tells x to within a width, and nothing beyond is possible."""

    def __init__(self, width):
        self.width = width

    def log_prob(self, action, observation, state):
        return np.where(np.abs(action - state.x) < self.width, -np.log(2 * self.width), -np.inf)


def test_what_no_particle_explains_is_impossible_and_not_nan():
    observed = drifting(2, 2).observed
    for width, possible in ((20.0, True), (1e-9, False)):
        user = Drifting(policy=Within(width))
        likelihood = Likelihood(Waiting(), user, observed)
        estimate = LatentLikelihood(likelihood, 10, 0)
        values = repeated(2, 3, persistence=0.8, noise=0.5)
        assert (np.isfinite(estimate.total(values)) == possible).all()
        assert not np.isnan(estimate.pointwise(values)).any()
        priors = Priors(user, {"persistence": stats.uniform(0, 1)}, "test")
        found = by_particles(latent(likelihood, priors, 10, 0), priors, draws=20)
        assert (np.isfinite(found.log_evidence) == possible).all()
        assert (found.converged == possible).all()


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "\\+∞")])
def test_a_log_prob_that_is_no_number_is_told_with_its_round(value, name):
    class Broken(Tells):
        def log_prob(self, action, observation, state):
            return np.where(observation.round_index == 2, value, super().log_prob(action, observation, state))

    likelihood = Likelihood(Waiting(), Drifting(policy=Broken()), drifting(2, 1).observed)
    with pytest.raises(ContractError, match=f"Broken: log_prob gave {name} for .*'noise': 0.5.* in round 2"):
        LatentLikelihood(likelihood, 5, 0).total(repeated(2, 4, noise=0.5))


@pytest.mark.parametrize("inner", [1, 0, -3, True, 2.5, "many", None])
def test_too_few_inner_particles_are_refused_at_once(inner):
    message = "inner: expected a number of particles >= 2, got"
    with pytest.raises(ArgumentError, match=f"fit: {message}"):
        fit(LookingTask(), NoisyEye(), None, EYE, method="particles", inner=inner)
    for study in (parameter_recovery, calibration):
        with pytest.raises(ArgumentError, match=f"{study.__name__}: {message}"):
            study(LookingTask(), NoisyEye(), EYE, method="particles", inner=inner)
    with pytest.raises(ArgumentError, match=message):
        model_recovery(LookingTask(), {"a": (NoisyEye(), EYE), "b": (NoisyEye(), EYE)}, inner=inner)


def test_a_user_who_draws_where_the_prior_hardly_reaches_is_not_silently_wrong():
    class Rarely(Drift):
        def infer(self, observation, state, rng):
            if state.noise > 0.999999:
                return super().infer(observation, state, rng)
            return state, 0.0

    user = Drifting(inference_engine=Rarely())
    likelihood = Likelihood(Waiting(), user, drifting(1, 1).observed)
    priors = Priors(user, {"noise": stats.uniform(0, 1)}, "test")
    found = latent(likelihood, priors, 5, 0)
    with pytest.raises(LatentDrawError):
        found.total(repeated(1, 2, noise=1.0))


@pytest.mark.parametrize("seed", range(5))
def test_many_beliefs_are_resampled_as_one(seed):
    rng = np.random.default_rng(seed)
    weights = rng.gamma(0.3, size=(40, 17)) * (rng.random((40, 17)) < 0.5)
    weights[:, 3] += 0.01
    uniform = np.where(np.arange(40) % 10 == 0, 0.0, rng.random(40))
    index = systematic_rows(weights, uniform).reshape(40, 17) - 17 * np.arange(40)[:, None]
    assert (index == systematic(weights, uniform)).mean() > 0.99  # but for rounding
    assert ((index >= 0) & (index < 17)).all()
    assert (np.take_along_axis(weights, index, axis=1) > 0).all()
