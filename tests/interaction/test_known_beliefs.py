"""Beliefs against known results: what a filter infers by default, of numbers, vectors and odd priors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interaction import (
    Assistant,
    BelievingAssistant,
    Bundle,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    Posterior,
    RandomPolicy,
    RuleObservationEngine,
    Samples,
    State,
    Transition,
    Trials,
    User,
    UserModelFilter,
    spaces,
)
from interaction.errors import ArgumentError, ContractError, SpaceError, UnknownFieldError
from interaction.inference.engine import CascadedInferenceEngine, DualInferenceEngine
from interaction.studies.mismatch import robustness

RNG = EpisodeRandom(0, 0)


def watching(belief_filter, **parts):
    """An assistant that acts at random and keeps the belief of a filter."""

    class Watching(Assistant):
        def reset(self, rng):
            return State(belief=belief_filter.initial(rng))

    return Watching(
        **{"policy": RandomPolicy(spaces.Discrete(2)), "inference_engine": belief_filter} | parts,
        state=State(belief=belief_filter.initial(RNG)),
        state_space=spaces.Dict(belief=belief_filter.space),
    )


# A user who is linear, with a noisy eye, a Kalman belief, and noise in its hand.

EYE, HAND, DISTURBANCE = 0.4, 0.5, 0.3
GAIN = 0.6  # the variance that the user believes in is the one that stays: 0.6 of each surprise


class Drifting(InteractionTask):
    """x' = x + u, and a little noise at the end of the round."""

    state_space = spaces.Dict(x=spaces.real())

    def reset(self, rng):
        return State(x=4.0 * rng.normal())

    def on_user_action(self, game, rng):
        x = game.task_state.x + game.user_action
        return Transition(State(x=x), reward=-(x**2))

    def on_assistant_action(self, game, rng):
        return Transition(State(x=game.task_state.x + DISTURBANCE * rng.normal()))


class Eye(ObservationEngine):
    def observe(self, game, rng):
        return State(seen=game.task_state.x + EYE * rng.normal(), last=game.user_action), 0.0


class Blind(ObservationEngine):
    def observe(self, game, rng):
        return State(seen=0.0, last=0.0), 0.0


class Kalman(InferenceEngine):
    def infer(self, observation, state, rng):
        expected = state.believed + observation.last
        return state.replace(believed=expected + GAIN * (observation.seen - expected)), 0.0


class Steering(Policy):
    """Steers what it believes to 0, with the gain 0.7 and Gaussian noise of the hand."""

    action_space = spaces.real()
    first_action = 0.0

    def sample(self, observation, state, rng):
        return -0.7 * state.believed + state.hand * rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        apart = (action + 0.7 * state.believed) / state.hand
        return -0.5 * apart**2 - np.log(state.hand) - 0.5 * np.log(2 * np.pi)


class LinearUser(User):
    def __init__(self, hand=HAND):
        super().__init__(
            policy=Steering(),
            observation_engine=Eye(),
            inference_engine=Kalman(),
            state=State(hand=hand, believed=0.0),
            state_space=spaces.Dict(hand=spaces.real(0.0), believed=spaces.real()),
        )


def test_the_noise_of_a_hand_is_inferred_without_any_setting():
    """24 episodes of 100 rounds, 1,000 particles: the mean lies within three standard errors of the truth."""
    one = UserModelFilter(LinearUser(), Samples({"hand": stats.uniform(0.05, 1.5)}, n=1_000))
    runs = Bundle(Drifting(), LinearUser(), watching(one), max_rounds=100).run(24, seed=0, record="final")
    weights = np.exp(runs["assistant_state.belief.log_weights"])
    found = (weights * runs["assistant_state.belief.users.hand"]).sum(axis=-1)
    error = found.std(ddof=1) / np.sqrt(24)
    assert abs(found.mean() - HAND) < 3 * error
    assert error < 0.02


class Obedient(DiscretePolicy):
    """Does more often what the one who acted last says: 1 after the assistant, 0 after nobody."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = 0.1 + 0.8 * state.p * (observation.provenance == 2)
        return np.stack([1 - p, p])


class Still(InteractionTask):
    state_space = spaces.Dict(x=spaces.Discrete(2))

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        return Transition(State(x=1 - game.task_state.x))


def test_candidates_see_who_acted_last():
    user = User(policy=Obedient(), state=State(p=0.9), state_space=spaces.Dict(p=spaces.real(0, 1)))
    grid = np.array([0.1, 0.5, 0.9])
    one = UserModelFilter(user, Grid({"p": grid}))
    runs = Bundle(Still(), user, watching(one), max_rounds=9).run(20, seed=0)
    chance = 0.1 + 0.8 * grid * (np.arange(9) > 0)[:, None]
    taken = runs["user_action"][..., None]
    expected = np.prod(np.where(taken == 1, chance, 1 - chance), axis=1)
    expected /= expected.sum(axis=-1, keepdims=True)
    found = np.exp(runs["assistant_state.belief.log_weights"][:, -1])
    assert np.allclose(found, expected, atol=1e-12)
    state = State(belief=one.initial(RNG))
    seen = State(round_index=3, turn_index=2, task_state=State(x=0), user_action=0, provenance=1)
    assert np.allclose(one.predict(state, seen, RNG), [0.5, 0.5])


# Vectors.


class Weighing(DiscretePolicy):
    """Chooses one of three by the weights of its state."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        return state.weights


def weighing(weights=(0.2, 0.3, 0.5), space=None):
    space = spaces.real(0, 1, (3,)) if space is None else space
    return User(
        policy=Weighing(), state=State(weights=np.array(weights)), state_space=spaces.Dict(weights=space)
    )


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(0.3, 5), min_size=3, max_size=3), st.integers(0, 10_000))
def test_weights_on_a_simplex_are_those_of_dirichlet_and_multinomial(alpha, seed):
    """The posterior of a Dirichlet prior is the Dirichlet of its counts. The standard error is that of
    importance sampling from the prior, sd / √(effective size); four are allowed, and 0.01 for the kernel."""
    user = weighing(stats.dirichlet(alpha).rvs(random_state=seed)[0] * 0.97 + 0.01)
    one = UserModelFilter(user, Samples({"weights": stats.dirichlet(alpha)}, n=3_000))
    runs = Bundle(Still(), user, watching(one), max_rounds=25).run([0], seed=seed)
    counts = np.array(alpha) + np.bincount(runs["user_action"][0], minlength=3)
    truth = stats.dirichlet(counts)
    weights = np.exp(runs["assistant_state.belief.log_weights"][0, -1])
    particles = runs["assistant_state.belief.users.weights"][0, -1]
    assert np.allclose(particles.sum(axis=-1), 1.0, atol=1e-9)
    assert (particles >= 0).all()
    drawn = np.maximum(stats.dirichlet(alpha).rvs(3_000, random_state=seed), 1e-300)
    logs = (counts - np.array(alpha)) @ np.log(drawn).T
    weight = np.exp(logs - logs.max())
    error = np.sqrt(truth.var() * (weight**2).sum() / weight.sum() ** 2)
    assert (np.abs(weights @ particles - truth.mean()) < 4 * error + 0.01).all()


def test_vectors_in_batches_are_those_of_single_episodes():
    """As many candidates as entries and episodes, so that axes cannot be told apart by their lengths."""
    for parameters in (
        Samples({"weights": stats.dirichlet([1.0, 1.0, 1.0])}, n=3),
        Samples({"weights": stats.dirichlet([1.0, 2.0, 3.0])}, n=40, threshold=1.0),
        Grid({"weights": [[0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [0.6, 0.2, 0.2]]}),
    ):
        one = UserModelFilter(weighing(), parameters)
        bundle = Bundle(Still(), weighing(), watching(one), max_rounds=12)
        runs = bundle.run(3, seed=1)
        for index in range(3):
            assert bundle.run([index], seed=1) == runs.episode(index)


def test_a_posterior_of_vectors_is_read_by_entries():
    values = np.array([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0], [20.0, 21.0, 22.0]])
    one = Posterior(np.array([0.2, 0.3, 0.5]), {"v": values}, None, 0.0, 0.0)
    assert np.allclose(one.mean("v"), [13.0, 14.0, 15.0])
    assert one.mode()["v"].tolist() == [20.0, 21.0, 22.0]
    low, high = one.interval("v", 0.5)
    assert (low.tolist(), high.tolist()) == ([10.0, 11.0, 12.0], [20.0, 21.0, 22.0])
    assert one.to_xarray().coords["v_2"].values.tolist() == [2.0, 12.0, 22.0]
    belief = UserModelFilter(weighing(), Grid({"weights": np.eye(3)}))
    batch = belief.posterior(belief.initial(EpisodeRandom(0, episodes=np.arange(3))))
    assert np.allclose(batch.mean("weights"), 1 / 3)


def test_what_a_users_reset_draws_may_be_a_vector():
    class Drawn(User):
        def reset(self, rng):
            first = 0.2 + 0.6 * rng.random()
            return State(weights=np.stack([first, (1 - first) / 2, (1 - first) / 2]))

    user = Drawn(
        policy=Weighing(),
        state=State(weights=np.ones(3) / 3),
        state_space=spaces.Dict(weights=spaces.real(0, 1, (3,))),
    )
    one = UserModelFilter(user, Samples(["weights"], n=200, threshold=1.0))
    runs = Bundle(Still(), user, watching(one), max_rounds=8).run(3, seed=0)
    particles = runs["assistant_state.belief.users.weights"][:, -1]
    assert np.allclose(particles.sum(axis=-1), 1.0, atol=1e-9)
    assert np.allclose(particles[..., 1], particles[..., 2], atol=1e-9)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        (stats.dirichlet([1, 1]), r"shape \(3,\), got \(2,\) from dirichlet"),
        (stats.uniform(0, 1), "multivariate distribution, for a vector, got uniform"),
        (stats.multivariate_normal(np.zeros(3)), "multivariate_normal draws"),
    ],
)
def test_a_prior_that_does_not_fit_a_vector_is_refused(prior, message):
    with pytest.raises((ArgumentError, SpaceError), match=message):
        UserModelFilter(weighing(), Samples({"weights": prior}))


# Particles and their prior.

PRIORS = [
    stats.uniform(0.02, 0.52),
    stats.halfnorm(0, 0.5),
    stats.expon(0.1, 2.0),
    stats.gamma(0.7),
    stats.beta(0.5, 0.5),
    stats.lognorm(1.0),
    stats.truncnorm(0.0, 2.0),
    stats.invgamma(3.0),
    stats.loguniform(0.01, 10.0),
    stats.pareto(2.0),
    stats.randint(1, 5),
]


@pytest.mark.parametrize("prior", PRIORS, ids=lambda prior: prior.dist.name)
def test_particles_never_leave_the_support_of_their_prior(prior):
    one = UserModelFilter(LinearUser(), Samples({"hand": prior}, n=50, threshold=1.0))
    runs = Bundle(Drifting(), LinearUser(0.05), watching(one), max_rounds=60).run(6, seed=0)
    particles = runs["assistant_state.belief.users.hand"]
    density = prior.pmf if hasattr(prior, "pmf") else prior.pdf
    assert (density(particles) > 0).all()
    assert (particles > 0).all()
    assert np.isfinite(runs["assistant_state.belief.log_weights"]).any(axis=-1).all()


class MovesTwice(InteractionTask):
    """Each one's action puts a number of its own anywhere."""

    state_space = spaces.Dict(a=spaces.real(0, 1), b=spaces.real(0, 1))

    def reset(self, rng):
        return State(a=0.5, b=0.5)

    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(a=rng.random()))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state.replace(b=rng.random()))


def test_the_moves_of_user_and_assistant_share_no_numbers():
    prior = {"task_state.a": stats.uniform(), "task_state.b": stats.uniform()}
    user = User(policy=RandomPolicy(spaces.Discrete(2)))
    one = UserModelFilter(user, Samples(prior, n=50), task_model=MovesTwice())
    runs = Bundle(MovesTwice(), user, watching(one), max_rounds=4).run(3, seed=0)
    hidden = [runs[f"assistant_state.belief.hidden.{name}"] for name in "ab"]
    assert not np.isin(hidden[0][:, 1:], hidden[1][:, 1:]).any()


def test_what_moves_goes_on_to_depend_on_what_stays():
    """x = 2 k + noise, k a number that stays: its slope is 2 after a move, too, however far that shrinks."""
    n, rng = 4_000, np.random.default_rng(0)
    one = Samples({"x": stats.norm(0, 5), "k": stats.randint(1, 5)}, n=n, discount=0.6)
    k = rng.integers(1, 5, n)
    old = {"x": 2.0 * k + rng.normal(size=n), "k": k}
    noise = {"x": rng.normal(size=n), "k": rng.normal(size=n)}
    moved = one.moved({"x": spaces.real()}, old, old, np.full(n, 1 / n), noise)["x"]
    slopes = [stats.linregress(k, x) for x in (old["x"], moved)]
    assert abs(slopes[0].slope - slopes[1].slope) < 5 * slopes[1].stderr
    assert 0.9 < (moved - 2 * k).std() < 1.1
    assert np.abs(moved - old["x"]).min() > 0


def test_a_likelihood_that_is_no_number_is_an_error():
    """A hand without any noise has no density: 0 / 0 where the action is exact."""

    class Exact(Steering):
        def log_prob(self, action, observation, state):
            with np.errstate(all="ignore"):
                apart = np.divide(action + 0.7 * state.believed, state.hand)
                return -0.5 * apart**2 - np.log(state.hand)

    user = LinearUser().replace(policy=Exact(), observation_engine=Blind())
    seen = State(task_state=State(x=0.0), previous_task_state=State(x=0.0), user_action=0.0, provenance=1)
    one = UserModelFilter(user, Grid({"hand": [0.5, 0.0, 1.0]}))
    with pytest.raises(
        ContractError, match=r"LinearUser.log_prob.*got nan for the candidate {'hand': 0.0}, which saw State"
    ):
        one.update(one.initial(RNG), seen, RNG)
    batch = EpisodeRandom(0, episodes=np.arange(4))
    with pytest.raises(ContractError, match=r"{'hand': 0.0}, which saw State"):
        one.update(one.initial(batch), seen, batch)
    out = UserModelFilter(user, Grid({"hand": [0.5, 0.0, 1.0]}, prior={"hand": [1, 0, 1]}))
    assert np.isneginf(out.update(out.initial(RNG), seen, RNG).log_weights[1])


def test_a_belief_inside_a_cascade_is_judged():
    user = User(policy=Obedient(), state=State(p=0.9), state_space=spaces.Dict(p=spaces.real(0, 1)))

    def alone(model):
        return watching(UserModelFilter(model, Grid({"p": [0.1, 0.9]})))

    def inside(model):
        assistant = alone(model)
        engine = DualInferenceEngine(assistant.inference_engine, InferenceEngine())
        return assistant.replace(inference_engine=CascadedInferenceEngine([InferenceEngine(), engine]))

    found = robustness(
        Still(), {"alone": alone, "inside": inside}, {"u": user}, {"u": user}, episodes=9, max_rounds=5
    )
    assert np.isfinite(found.log_loss).all()
    assert np.array_equal(found.log_loss[0], found.log_loss[1])


# Hidden states that move: a hidden Markov model.


class Emits(InteractionTask):
    """The goal moves in the assistant's turn, by T, and then shows a symbol, by E."""

    def __init__(self, transition, emission):
        self.transition, self.emission = transition, emission
        k, symbols = emission.shape
        self.state_space = spaces.Dict(goal=spaces.Discrete(k), symbol=spaces.Discrete(symbols))

    def reset(self, rng):
        return State(goal=rng.integers(0, len(self.emission)), symbol=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        goal = rng.categorical(self.transition[game.task_state.goal])
        return Transition(State(goal=goal, symbol=rng.categorical(self.emission[goal])))

    def outcome_log_prob(self, before, after):
        if before.turn_index == 1:
            return 0.0
        return np.log(self.emission[after.task_state.goal, after.task_state.symbol])

    def hidden_transition(self, before, after):
        if before.turn_index == 1:
            return np.where(np.arange(len(self.emission)) == before.task_state.goal, 1.0, 0.0)
        return self.transition[before.task_state.goal]


class Strives(DiscretePolicy):
    def __init__(self, choices):
        self.choices = choices
        self.action_space = spaces.Discrete(choices.shape[1])

    def probabilities(self, observation, state):
        return self.choices[observation.task_state.goal]


def forward(task, choices, actions, symbols):
    """The forward algorithm, written out once more: the belief at each look, and the log evidence."""
    belief, evidence, found = np.full(len(choices), 1 / len(choices)), 0.0, []
    for number, (action, symbol) in enumerate(zip(actions, symbols, strict=True)):
        if number:
            belief = (belief @ task.transition) * task.emission[:, symbol]
        belief = belief * choices[:, action]
        evidence += np.log(belief.sum())
        belief = belief / belief.sum()
        found.append(belief)
    return np.array(found), evidence


@settings(max_examples=12, deadline=None)
@given(st.integers(2, 4), st.integers(2, 3), st.integers(2, 3), st.booleans(), st.integers(0, 10_000))
def test_a_goal_that_moves_is_followed_by_the_forward_algorithm(k, n_symbols, n_actions, told, seed):
    """By what the user does and what becomes of it, or (not `told`) by the latter alone."""
    numpy_rng = np.random.default_rng(seed)
    transition, emission, choices = (
        numpy_rng.dirichlet(np.ones(n), k) * 0.9 + 0.1 / n for n in (k, n_symbols, n_actions)
    )
    task = Emits(transition, emission)
    user = User(policy=Strives(choices))
    one = UserModelFilter(
        user,
        Grid({"task_state.goal": range(k)}),
        task_model=task,
        evidence=["user_action", "outcome"] if told else ["outcome"],
    )
    bundle = Bundle(task, user, BelievingAssistant(one, RandomPolicy(spaces.Discrete(2))), max_rounds=8)
    runs = bundle.run(3, seed=seed)
    assert bundle.run([1], seed=seed) == runs.episode(1)
    for episode in range(3):
        seen = np.concatenate([[0], runs["task_state.symbol"][episode, :-1]])
        each = choices if told else np.ones_like(choices)
        truth, evidence = forward(task, each, runs["user_action"][episode], seen)
        found = np.exp(runs["assistant_state.belief.log_weights"][episode])
        assert np.allclose(found, truth, atol=1e-12, rtol=0)
        assert np.isclose(runs["assistant_state.belief.log_evidence"][episode, -1], evidence, atol=1e-10)


def test_particles_follow_a_goal_that_moves():
    """4,000 particles: the standard error of a probability is at most 0.008 with all of them, and 0.011 with
    the half below which they are resampled; four of these are allowed."""
    transition = np.array([[0.95, 0.05, 0.0], [0.0, 0.9, 0.1], [0.1, 0.0, 0.9]])
    emission, choices = (
        np.array([[0.6, 0.4], [0.3, 0.7], [0.5, 0.5]]),
        np.array([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]]),
    )
    task, user = Emits(transition, emission), User(policy=Strives(choices))
    one = UserModelFilter(
        user,
        Samples({"task_state.goal": stats.randint(0, 3)}, n=4_000),
        task_model=task,
        evidence=["user_action", "outcome"],
    )
    bundle = Bundle(task, user, BelievingAssistant(one, RandomPolicy(spaces.Discrete(2))), max_rounds=12)
    runs = bundle.run(3, seed=2)
    assert bundle.run([2], seed=2) == runs.episode(2)
    for episode in range(3):
        seen = np.concatenate([[0], runs["task_state.symbol"][episode, :-1]])
        truth, _ = forward(task, choices, runs["user_action"][episode], seen)
        weights = np.exp(runs["assistant_state.belief.log_weights"][episode])
        goals = runs["assistant_state.belief.hidden.goal"][episode]
        found = np.stack([(weights * (goals == goal)).sum(axis=-1) for goal in range(3)], axis=-1)
        assert np.abs(found - truth).max() < 0.044


def test_what_cannot_be_followed_is_said():
    class Remembers(InferenceEngine):
        def infer(self, observation, state, rng):
            return State(last=observation.task_state.goal), 0.0

    task = Emits(np.full((2, 2), 0.5), np.full((2, 2), 0.5))
    user = User(
        policy=Strives(np.full((2, 2), 0.5)),
        inference_engine=Remembers(),
        state=State(last=0),
        state_space=spaces.Dict(last=spaces.Discrete(2)),
    )
    one = UserModelFilter(user, Grid({"task_state.goal": [0, 1]}), task_model=task)
    assistant = BelievingAssistant(one, RandomPolicy(spaces.Discrete(2)))
    with pytest.raises(ContractError, match="remembers where it was: use Samples"):
        Bundle(task, user, assistant, max_rounds=3).run(2, seed=0)
    one = UserModelFilter(user, Grid({"task_state.goal": [0, 1]}), task_model=task)
    blind = BelievingAssistant(
        one,
        RandomPolicy(spaces.Discrete(2)),
        observation_engine=RuleObservationEngine("assistant", hide=["task_state"]),
    )
    with pytest.raises(UnknownFieldError, match=r"no task_state\.symbol|task_state"):
        Bundle(task, user, blind, max_rounds=3).run(2, seed=0)
    with pytest.raises(ContractError, match=r"a new trial begins with another task_state\.goal"):
        UserModelFilter(user, Grid({"task_state.goal": [0, 1]}), task_model=Trials(Still2(), 3))


def test_an_outcome_without_a_likelihood_is_told_with_what_is_hidden():
    """Only where the goal can be that: to goal 0 leads nothing, and what it gives there does not matter."""

    class Wrong(Emits):
        def outcome_log_prob(self, before, after):
            return (np.nan, np.inf)[after.task_state.goal] if before.turn_index == 3 else 0.0

    task = Wrong(np.array([[0.0, 1.0], [0.0, 1.0]]), np.full((2, 2), 0.5))
    one = UserModelFilter(
        User(policy=RandomPolicy(spaces.Discrete(2))),
        Grid({"task_state.goal": [0, 1]}),
        task_model=task,
        evidence=["outcome"],
    )
    assistant = BelievingAssistant(one, RandomPolicy(spaces.Discrete(2)))
    with pytest.raises(ContractError, match=r"got inf where what is hidden is \{'goal': 1\} afterwards"):
        Bundle(task, User(policy=RandomPolicy(spaces.Discrete(2))), assistant, max_rounds=3).run(2, seed=0)


class Still2(Still):
    state_space = spaces.Dict(goal=spaces.Discrete(2))

    def reset(self, rng):
        return State(goal=rng.integers(0, 2))


def test_particles_begin_anew_with_each_trial():
    """A goal drawn anew in each trial: with particles the belief is calibrated in every trial. Of 300 games
    of four trials, where it is above 0.9 it is as often true, but for four standard errors."""
    task = Trials(Reached(), 4)
    user = User(policy=Strives(np.array([[0.8, 0.2], [0.2, 0.8]])))
    one = UserModelFilter(user, Samples({"task_state.goal": stats.randint(0, 2)}, n=200), task_model=task)
    runs = Bundle(task, user, BelievingAssistant(one, RandomPolicy(spaces.Discrete(2))), max_rounds=20).run(
        300
    )
    weights = np.exp(runs["assistant_state.belief.log_weights"])
    believed = (weights * runs["assistant_state.belief.hidden.goal"]).sum(axis=-1)
    for trial in range(4):
        last = 5 * trial + 3  # the fourth of the trial's five rounds
        sure = believed[:, last] > 0.9
        goal = runs["task_state.goal"][:, last]
        expected, true = believed[sure, last].mean(), goal[sure].mean()
        assert abs(expected - true) < 4 * np.sqrt(0.1 / sure.sum()) + 0.02


class Reached(Still2):
    """Over after five rounds."""

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, terminated=game.round_index == 4)


# One belief over many trials.


class Fixations(InteractionTask):
    """The user looks for a target, in one to three fixations; the last one ends the trial."""

    state_space = spaces.Dict(target=spaces.real(), eye=spaces.real(), left=spaces.Discrete(4))

    def reset(self, rng):
        return State(target=10.0 * rng.normal(), eye=0.0, left=rng.integers(1, 4))

    def on_user_action(self, game, rng):
        state = game.task_state
        state = state.replace(eye=game.user_action, left=state.left - 1)
        return Transition(state, terminated=state.left == 0)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


class Gazes(Policy):
    """Lands at the target, with an error that grows with the way there."""

    action_space = spaces.real()

    def sample(self, observation, state, rng):
        target, eye = observation.task_state.target, observation.task_state.eye
        return target + (0.1 + state.noise * abs(target - eye)) * rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        target, eye = observation.task_state.target, observation.task_state.eye
        spread = 0.1 + state.noise * abs(target - eye)
        return -0.5 * ((action - target) / spread) ** 2 - np.log(spread) - 0.5 * np.log(2 * np.pi)


def test_one_belief_over_fifty_trials_of_one_to_three_fixations():
    """Trials end in the user's turn; each fixation counts once, the last of a trial and the very last too."""
    noises = np.linspace(0.05, 0.6, 23)
    user = User(policy=Gazes(), state=State(noise=0.3), state_space=spaces.Dict(noise=spaces.real(0.0, 1.0)))
    one = UserModelFilter(user, Grid({"noise": noises}))
    assistant = BelievingAssistant(one, RandomPolicy(spaces.Discrete(2)))
    bundle = Bundle(Trials(Fixations(), 50), user, assistant, max_rounds=200, last_look=True)
    runs = bundle.run(4, seed=3)
    assert runs.terminated.all()
    assert bundle.run([2], seed=3) == runs.episode(2)
    for episode in range(4):
        rounds = runs.lengths[episode]
        landed = runs["user_action"][episode, :rounds]
        before = runs["user_observation.task_state.eye"][episode, :rounds]
        goal = runs["user_observation.task_state.target"][episode, :rounds]
        spread = 0.1 + noises[:, None] * np.abs(goal - before)
        log_prob = stats.norm(goal, spread).logpdf(landed).sum(axis=-1)
        truth = np.exp(log_prob - log_prob.max())
        found = np.exp(runs["assistant_state.belief.log_weights"][episode, rounds - 1])
        assert np.allclose(found, truth / truth.sum(), atol=1e-10)
        assert 50 <= rounds <= 150
        assert abs((noises * found).sum() - 0.3) < 0.1


# What a hostile tester found.


class Flips(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(n=1 - state.n), 0.0


class Shows(InteractionTask):
    """Its hidden entry becomes what the user has inferred just now."""

    state_space = spaces.Dict(g=spaces.Discrete(2))

    def reset(self, rng):
        return State(g=0)

    def on_user_action(self, game, rng):
        return Transition(State(g=game.user_state.n))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


def test_the_task_moves_by_what_the_user_has_inferred():
    user = User(
        policy=RandomPolicy(spaces.Discrete(2)),
        inference_engine=Flips(),
        state=State(n=0),
        state_space=spaces.Dict(n=spaces.Discrete(2)),
    )
    one = UserModelFilter(user, Samples({"task_state.g": stats.randint(0, 2)}, n=20), task_model=Shows())
    bundle = Bundle(Shows(), user, BelievingAssistant(one, RandomPolicy(spaces.Discrete(2))), max_rounds=5)
    runs = bundle.run(2, seed=0)
    goals = runs["assistant_state.belief.hidden.g"]
    assert (goals == runs["task_state.g"][..., None]).all()


def test_a_belief_without_a_user_is_refused_where_there_is_one():
    task = Emits(np.full((2, 2), 0.5), np.full((2, 2), 0.5))
    one = UserModelFilter(None, Grid({"task_state.goal": [0, 1]}), task_model=task)
    user = User(policy=RandomPolicy(spaces.Discrete(2)))
    assistant = BelievingAssistant(one, RandomPolicy(spaces.Discrete(2)))
    with pytest.raises(ContractError, match=r"expected a game without a user"):
        Bundle(task, user, assistant, max_rounds=3).run(2, seed=0)


class ByRound(DiscretePolicy):
    """Does 1 with p in odd rounds, and 0 in even ones."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = state.p if observation.round_index % 2 else 1 - state.p
        return np.stack([1 - p, p])


def test_what_is_not_seen_is_not_made_up():
    user = User(policy=ByRound(), state=State(p=0.9), state_space=spaces.Dict(p=spaces.real(0, 1)))
    one = UserModelFilter(user, Grid({"p": [0.5, 0.9]}))
    hides = RuleObservationEngine("assistant", hide=["round_index"])
    blind = BelievingAssistant(one, RandomPolicy(spaces.Discrete(2)), observation_engine=hides)
    with pytest.raises(UnknownFieldError, match="round_index"):
        Bundle(Still(), user, blind, max_rounds=3).run(2, seed=0)
    state, x = State(belief=one.initial(RNG)), State(x=0)
    seen = {"task_state": x, "previous_task_state": x, "user_action": 0, "assistant_action": 0}
    for turn, round_index, expected in ((2, 0, 0.7), (2, 1, 0.3), (0, 1, 0.7)):
        look = State(round_index=round_index, turn_index=turn, **seen)
        assert np.isclose(one.predict(state, look, RNG)[1], expected)
        assert np.isclose(one.predict_log_prob(1, state, look, RNG), np.log(expected))


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_outcome_that_has_no_likelihood_is_an_error_where_it_moves(wrong):
    class Wrong(Emits):
        def outcome_log_prob(self, before, after):
            return wrong if after.task_state.goal == 1 else 0.0

    task = Wrong(np.full((2, 2), 0.5), np.full((2, 2), 0.5))
    one = UserModelFilter(
        User(policy=Strives(np.full((2, 2), 0.5))),
        Grid({"task_state.goal": [0, 1]}),
        task_model=task,
        evidence=["outcome"],
    )
    x = State(symbol=0)
    seen = State(round_index=0, task_state=x, previous_task_state=x, user_action=0, assistant_action=0)
    with pytest.raises(ContractError, match=r"Wrong\.outcome_log_prob: expected a log likelihood"):
        one.update(one.initial(RNG), seen, RNG)


class Restless(Still2):
    """The goal moves on with an action of the one or the other, from the third round on."""

    def __init__(self, who):
        self.who = who

    def _moved(self, game, who):
        here = who == self.who and game.round_index > 1
        return Transition(State(goal=1 - game.task_state.goal if here else game.task_state.goal))

    def on_user_action(self, game, rng):
        return self._moved(game, "user")

    def on_assistant_action(self, game, rng):
        return self._moved(game, "assistant")


@pytest.mark.parametrize("who", ["user", "assistant", "nobody"])
@pytest.mark.parametrize("episodes", [1, 30])
def test_a_grid_over_what_moves_without_a_hidden_transition_is_refused(who, episodes):
    task, user = Restless(who), User(policy=Strives(np.array([[0.8, 0.2], [0.2, 0.8]])))
    one = UserModelFilter(user, Grid({"task_state.goal": [0, 1]}), task_model=task)
    bundle = Bundle(task, user, BelievingAssistant(one, RandomPolicy(spaces.Discrete(2))), max_rounds=6)
    if who == "nobody":
        assert bundle.run(episodes, seed=0).lengths.min() == 6
        return
    message = rf"Restless\.on_{who}_action moves task_state\.goal.*define Restless\.hidden_transition"
    with pytest.raises(ContractError, match=message):
        bundle.run(episodes, seed=0)


def test_what_is_hidden_is_taken_to_stay_where_the_task_cannot_be_asked():
    """The assistant's last action is asked for as if it were taken again, which the task may refuse."""

    class Once(Still2):
        state_space = spaces.Dict(goal=spaces.Discrete(2), done=spaces.Discrete(2))

        def reset(self, rng):
            return State(goal=rng.integers(0, 2), done=0)

        def on_user_action(self, game, rng):
            return Transition(game.task_state.replace(done=0))

        def on_assistant_action(self, game, rng):
            if game.task_state.done:
                raise ValueError("already done")
            return Transition(game.task_state.replace(done=1))

    task, user = Once(), User(policy=Strives(np.array([[0.8, 0.2], [0.2, 0.8]])))
    one = UserModelFilter(user, Grid({"task_state.goal": [0, 1]}), task_model=task)
    assistant = BelievingAssistant(one, RandomPolicy(spaces.Discrete(2)))
    assert Bundle(task, user, assistant, max_rounds=4).run(3, seed=0).lengths.min() == 4


class Broken(DiscretePolicy):
    """Gives no probabilities where its bias is below zero."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.array([state.bias, 1 - state.bias]) if state.bias >= 0 else np.array([np.nan, 2.0])


class BrokenByLogProb(Policy):
    """The same without a list of probabilities."""

    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        return 0, 0.0

    def log_prob(self, action, observation, state):
        if state.bias < 0:
            return np.nan
        return np.log(state.bias if action == 0 else 1 - state.bias)


@pytest.mark.parametrize("policy", [Broken(), BrokenByLogProb()])
def test_a_candidate_that_is_excluded_need_not_have_probabilities(policy):
    space = spaces.Dict(bias=spaces.real(-1.0, 1.0))
    user = User(policy=policy, state=State(bias=0.25), state_space=space)
    seen = State(task_state=State(), previous_task_state=State(), round_index=1, user_action=0)
    for biases in ([0.25, -1.0], [-1.0, 0.25]):
        one = UserModelFilter(user, Grid({"bias": biases}))
        known = np.where(np.array(biases) > 0, 0.0, -np.inf)
        belief = one.initial(RNG).replace(log_weights=known)
        assert np.allclose(one.predict(belief, seen, RNG), [0.25, 0.75], atol=1e-12)
        with pytest.raises(ContractError, match="sum to one, got"):
            one.predict(one.initial(RNG), seen, RNG)


class Drifts(InteractionTask):
    """What is hidden moves by one each round, or stays."""

    state_space = spaces.Dict(x=spaces.real())

    def __init__(self, step):
        self.step = step

    def reset(self, rng):
        return State(x=rng.normal())

    def on_user_action(self, game, rng):
        return Transition(State(x=game.task_state.x + self.step))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


class Leans(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = 1 / (1 + np.exp(-5 * observation.task_state.x))
        return np.array([1 - p, p])


@pytest.mark.parametrize("step", [1.0, 0.0])
def test_what_the_task_has_moved_is_not_moved_once_more(step):
    """After a resampling, particles that the task moves are where it put them; those that stay are spread."""
    task, user = Drifts(step), User(policy=Leans())
    prior = Samples({"task_state.x": stats.norm()}, n=100, threshold=1.0)  # resampled at once
    runs = Bundle(task, user, watching(UserModelFilter(user, prior, task_model=task)), max_rounds=1).run(
        1, seed=1
    )
    began = runs.start["assistant_state.belief.hidden.x"][0]
    now = runs["assistant_state.belief.hidden.x"][0, 0]
    weights = runs["assistant_state.belief.log_weights"][0, 0]
    assert np.allclose(weights, -np.log(100))
    there = np.isin(np.round(now - step, 9), np.round(began, 9))
    assert there.all() if step else not there.any()


class Scheduled(Restless):
    """Tells that it moves, and in which round."""

    def _moved(self, game, who):
        here = who == self.who and game.round_index == 2
        return Transition(State(goal=1 - game.task_state.goal if here else game.task_state.goal))

    def hidden_transition(self, before, after):
        here = before.round_index == 2 and before.turn_index == (1 if self.who == "user" else 3)
        return np.where(np.arange(2) == before.task_state.goal, 0.0 if here else 1.0, 1.0 if here else 0.0)


@pytest.mark.parametrize("parameters", ["grid", "particles"])
@pytest.mark.parametrize(("who", "present"), [("user", True), ("assistant", True), ("assistant", False)])
def test_what_moves_in_a_certain_round_is_followed_in_that_round(parameters, who, present):
    task = Scheduled(who)
    user = User(policy=RandomPolicy(spaces.Discrete(2))) if present else None
    prior = (
        Grid({"task_state.goal": [0, 1]}, prior={"task_state.goal": [1.0, 0.0]})
        if parameters == "grid"
        else Samples({"task_state.goal": stats.randint(0, 1)}, n=5)
    )
    one = UserModelFilter(user, prior, task_model=task, evidence=[])
    start = {"task_state": {"goal": 0}}
    runs = Bundle(task, user, watching(one), max_rounds=6).run(2, seed=0, start=start)
    weights = np.exp(runs["assistant_state.belief.log_weights"])
    believed = (weights * runs["assistant_state.belief.hidden.goal"]).sum(axis=-1)
    seen = runs["task_state.goal"] if who == "user" else runs["previous_task_state.goal"]
    assert np.allclose(believed, seen, atol=1e-12)
    assert set(np.ravel(seen)) == {0, 1}


class Densities(Policy):
    """Has the log probability that is its state."""

    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        return 0, 0.0

    def log_prob(self, action, observation, state):
        return state.told


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
@pytest.mark.parametrize("rows", [None, 3])
def test_what_is_no_likelihood_is_an_error_that_names_user_values_and_observation(wrong, rows):
    """But for a candidate that is excluded already, of which nothing is asked."""
    space = spaces.Dict(theta=spaces.real(), told=spaces.real())
    user = User(policy=Densities(), state=State(theta=0.0, told=-1.0), state_space=space)
    one = UserModelFilter(user, Grid({"theta": [0.25, 0.5, 0.75]}))
    rng = EpisodeRandom(0) if rows is None else EpisodeRandom(0, episodes=np.arange(rows))
    belief = one.initial(rng)
    told = np.array([-1.0, wrong, -1.0])
    users = belief.users.replace(told=told if rows is None else np.tile(told, (rows, 1)))
    belief = belief.replace(users=users)
    numbers = np.zeros(rows or (), int)
    action = 1 if rows is None else numbers + 1
    seen = State(task_state=State(), user_action=action, provenance=1 if rows is None else numbers + 1)
    for ask in (
        lambda: one.update(belief, seen, rng),
        lambda: one.predict_log_prob(1, belief, seen, rng),
    ):
        with pytest.raises(ContractError) as caught:
            ask()
        message = str(caught.value)
        assert "UserModelFilter: Densities.log_prob: expected a log likelihood" in message
        assert f"got {wrong} for the candidate {{'theta': 0.5}}, which saw State(" in message
        assert "user_action=1" in message
    excluded = belief.replace(log_weights=np.log(np.array([0.5, 1e-300, 0.5])) + np.array([0, -np.inf, 0]))
    after = np.exp(one.update(excluded, seen, rng).log_weights)
    assert np.allclose(after, [0.5, 0.0, 0.5], atol=1e-12)


@pytest.mark.parametrize("way", ["keep", "reset"])
@pytest.mark.parametrize("parameters", ["grid", "samples"])
@pytest.mark.parametrize("episodes", [1, 5])
def test_an_outcome_that_excludes_all_candidates_is_survived_where_that_is_asked(way, parameters, episodes):
    class Never(Emits):
        def outcome_log_prob(self, before, after):
            return -np.inf if before.round_index == 1 else 0.0

    task = Never(np.full((2, 2), 0.5), np.full((2, 2), 0.5))
    user = User(policy=RandomPolicy(spaces.Discrete(2)))
    over = Grid({"task_state.goal": [0, 1]}) if parameters == "grid" else None
    over = over or Samples({"task_state.goal": stats.randint(0, 2)}, n=20)
    one = UserModelFilter(user, over, task_model=task, evidence=["outcome"], on_impossible=way)
    runs = Bundle(task, user, watching(one), max_rounds=4).run(episodes, seed=0)
    counted = runs["assistant_state.belief.impossible"]
    assert (counted[:, -1] > 0).all()
    now = np.diff(counted, axis=1, prepend=0) > 0
    assert (runs["assistant_state.belief.surprise"][now] == 0).all()
    assert np.isfinite(runs["assistant_state.belief.surprise"]).all()
    assert np.allclose(np.exp(runs["assistant_state.belief.log_weights"]).sum(axis=-1), 1.0)


class Sum(Policy):
    """Says a + b, with noise."""

    action_space = spaces.real()
    first_action = 0.0

    def sample(self, observation, state, rng):
        return state.a + state.b + rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        return -0.5 * (action - state.a - state.b) ** 2 - 0.5 * np.log(2 * np.pi)


class Listening(InteractionTask):
    """Nothing moves."""

    state_space = spaces.Dict({})

    def reset(self, rng):
        return State()

    def on_user_action(self, game, rng):
        return Transition(State())

    on_assistant_action = on_user_action


def test_particles_of_several_numbers_move_together():
    """a, b ~ N(0, 1), y ~ N(a + b, 1): of n, the sum is N(Σy / (n + ½), 1 / (n + ½)), the difference N(0, 2).

    Moves of each number alone would forget that they add up: a + b would spread twice as widely.
    """
    space = spaces.Dict(a=spaces.real(), b=spaces.real())
    user = User(policy=Sum(), state=State(a=0.7, b=0.5), state_space=space)
    one = UserModelFilter(user, Samples({"a": stats.norm(0, 1), "b": stats.norm(0, 1)}, n=2_000))
    runs = Bundle(Listening(), user, watching(one), max_rounds=200).run(4, seed=0)
    last = {
        name: runs[f"assistant_state.belief.{name}"][:, -1] for name in ("log_weights", "users.a", "users.b")
    }
    weights = np.exp(last["log_weights"])
    for sign, mean, sd in (
        (1, runs["user_action"].sum(axis=1) / 200.5, np.sqrt(1 / 200.5)),
        (-1, np.zeros(4), np.sqrt(2)),
    ):
        found = last["users.a"] + sign * last["users.b"]
        means = (weights * found).sum(axis=1)
        spread = np.sqrt((weights * (found - means[:, None]) ** 2).sum(axis=1))
        assert np.allclose(spread, sd, rtol=0.15)
        assert (np.abs(means - mean) < 0.3 * sd).all()


class Shifted(Sum):
    """Says a + 3 k, with noise."""

    def sample(self, observation, state, rng):
        return state.a + 3 * state.k + rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        return -0.5 * (action - state.a - 3 * state.k) ** 2 - 0.5 * np.log(2 * np.pi)


def test_particles_move_around_what_stays():
    """a ~ N(0, 1), and k = 0 or 1 stays: of n, a + 3 k spreads by 1 / √(n + 1), whichever k is.

    Moves around one mean of a, for both, would spread it to 1.1 and 1.5 times that.
    """
    space = spaces.Dict(a=spaces.real(), k=spaces.Discrete(2))
    user = User(policy=Shifted(), state=State(a=1.5, k=0), state_space=space)
    one = UserModelFilter(user, Samples({"a": stats.norm(0, 1), "k": stats.bernoulli(0.5)}, n=4_000))
    runs = Bundle(Listening(), user, watching(one), max_rounds=100).run(6, seed=0)
    found, weights = (
        runs["assistant_state.belief.users.a"][:, -1] + 3 * runs["assistant_state.belief.users.k"][:, -1],
        np.exp(runs["assistant_state.belief.log_weights"][:, -1]),
    )
    means = (weights * found).sum(axis=1)
    spread = np.sqrt((weights * (found - means[:, None]) ** 2).sum(axis=1))
    assert np.allclose(spread, np.sqrt(1 / 101), rtol=0.1)
    said = runs["user_action"].mean(axis=1) * 100 / 101
    assert (np.abs(means - said - 3 / 101 / 2) < 3 / 101 / 2 + 0.03).all()  # of k = 0, and of 1: 3 / 101 more


def test_particles_begin_anew_from_their_prior():
    """Until round 50 a small p, then evidence that nobody explains: the belief is the prior again."""

    class Says(DiscretePolicy):
        action_space = spaces.Discrete(3)

        def probabilities(self, observation, state):
            return np.stack([1 - state.p, state.p, 0.0 * state.p])

    user = User(policy=Says(), state=State(p=0.5), state_space=spaces.Dict(p=spaces.real(0, 1)))
    one = UserModelFilter(user, Samples({"p": stats.uniform(0, 1)}, n=2_000), on_impossible="reset")
    rng = EpisodeRandom(0, episodes=np.arange(3))
    belief = one.initial(rng)
    for number in range(51):
        said = np.array([0, 2 if number == 50 else 0, 0])
        seen = State(user_action=said, provenance=1, round_index=number)
        belief = one.update(belief, seen, rng.at(number, 5))
    posterior = one.posterior(belief)
    assert np.allclose(posterior.mean("p")[[0, 2]], 1 / 53, atol=0.01)
    assert np.isclose(posterior.mean("p")[1], 0.5, atol=0.03)
    low, high = posterior.interval("p", 0.9)
    assert np.allclose([low[1], high[1]], [0.05, 0.95], atol=0.03)
    alone = one.initial(EpisodeRandom(0, 2))
    stream = EpisodeRandom(0, 2)
    for number in range(51):
        alone = one.update(
            alone, State(user_action=0, provenance=1, round_index=number), stream.at(number, 5)
        )
    assert (alone.users.p == belief.users.p[2]).all()
    with pytest.raises(ContractError, match=r"give Samples the prior of p"):
        UserModelFilter(user, Samples(["p"], n=20), on_impossible="reset")


def test_a_goal_that_is_set_where_the_game_ends_is_none_that_moves():
    class Ends(Still2):
        def on_assistant_action(self, game, rng):
            right = game.assistant_action == game.task_state.goal
            return Transition(State(goal=1 - game.task_state.goal) if right else game.task_state, 0.0, right)

    task, user = Ends(), User(policy=Strives(np.array([[0.8, 0.2], [0.2, 0.8]])))
    one = UserModelFilter(user, Grid({"task_state.goal": [0, 1]}), task_model=task)
    runs = Bundle(task, user, watching(one), max_rounds=6).run(20, seed=0)
    assert runs.lengths.max() > 1


def test_a_belief_over_all_of_a_state_that_begins_by_the_game_needs_no_game():
    class Aims(User):
        def reset_in(self, game, rng):
            return State(**dict.fromkeys(self.state_space.spaces, game.task_state.x))

    both = {"goal": spaces.Discrete(3), "other": spaces.Discrete(3)}
    for fields, whole in ((["goal"], True), (["goal", "other"], False)):
        space = spaces.Dict({name: both[name] for name in fields})
        user = Aims(policy=RandomPolicy(spaces.Discrete(2)), state_space=space)
        user = user.replace(policy=Strives(np.full((3, 2), 0.5)))
        one = UserModelFilter(user, Grid({"goal": [2, 0]}))
        if whole:
            assert one.initial(RNG).users.goal.tolist() == [2, 0]
        else:
            with pytest.raises(ContractError, match="game"):
                one.initial(RNG)
