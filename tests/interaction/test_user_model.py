"""The filter is Bayes' rule over whole users, whatever they are, alone and in batches."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    Policy,
    Posterior,
    Provenance,
    RandomPolicy,
    Samples,
    State,
    User,
    UserModelFilter,
    spaces,
)
from interaction.batching import ways
from interaction.checks import check_agent
from interaction.errors import (
    ArgumentError,
    ContractError,
    ImpossibleEvidenceError,
    MissingExtraError,
    SpaceError,
    UnknownFieldError,
    UnknownNameError,
)
from interaction.inference.candidates import support
from interaction.inference.particles import liu_west, systematic
from interaction.tasks.bandit import BanditTask, MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.bandit import ExpertUser, RescorlaWagnerUser, WinStayLoseShiftUser
from interaction.users.coordination import PseudoRandomUser

RNG = EpisodeRandom(0, 0)
DEMONSTRATION = MultiArmedBanditTask([0.2, 0.8], n_demonstrations=10_000)
RATES, TEMPERATURES = [0.05, 0.3, 0.8], [0.5, 2.0, 6.0]
LEARNER = RescorlaWagnerUser(0.3, 2.0)


class Watcher(Assistant):
    """An assistant that only watches: its belief is the filter's."""

    batched = True

    def __init__(self, one):
        super().__init__(
            policy=RandomPolicy(spaces.Discrete(2)),
            inference_engine=one,
            state=State(belief=one.initial(RNG)),
            state_space=spaces.Dict({"belief": one.space}),
        )

    def reset(self, rng):
        return State(belief=self.inference_engine.initial(rng))


def pulls(arms, outcomes):
    """The observations of one episode in which a user pulled these arms."""
    last = (-1, -1)
    for round_index, (arm, outcome) in enumerate(zip(arms, outcomes, strict=True)):
        task_state = State(arm=last[0], outcome=last[1], provenance=1, user_in_control=1)
        yield State(
            round_index=round_index,
            task_state=State(arm=arm, outcome=outcome, provenance=1, user_in_control=1),
            previous_task_state=task_state,
            user_action=arm,
            provenance=1,
        )
        last = (arm, outcome)


def learner_log_prob(arms, outcomes, alpha, beta):
    """What the delta rule and softmax give a history, written out once more."""
    q, total = [0.5, 0.5], 0.0
    for arm, outcome in zip(arms, outcomes, strict=True):
        total += beta * q[arm] - np.log(sum(np.exp(beta * value) for value in q))
        q[arm] += alpha * (outcome - q[arm])
    return total


def shifter_log_prob(arms, outcomes, epsilon):
    total, last = 0.0, None
    for arm, outcome in zip(arms, outcomes, strict=True):
        p = 0.5 if last is None else (1 - epsilon) * ((arm == last[0]) == (last[1] == 1)) + epsilon / 2
        total += np.log(p)
        last = arm, outcome
    return total


def feed(one, arms, outcomes, rng=RNG):
    belief = one.initial(rng)
    for number, observation in enumerate(pulls(arms, outcomes)):
        belief = one.update(belief, observation, rng.at(number, 5))
    return belief


HISTORIES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=15)


@settings(max_examples=30)
@given(HISTORIES)
def test_users_that_infer_while_they_play_agree_with_brute_force(history):
    arms, outcomes = zip(*history, strict=True)
    grid = Grid({"learning_rate": RATES, "inverse_temperature": TEMPERATURES})
    one = UserModelFilter(LEARNER, grid)
    posterior = one.posterior(feed(one, arms, outcomes))
    logs = np.array([learner_log_prob(arms, outcomes, a, b) for a in RATES for b in TEMPERATURES])
    weights = np.exp(logs - logs.max())
    assert np.allclose(posterior.weights, weights / weights.sum(), atol=1e-10, rtol=0)
    assert np.isclose(posterior.log_evidence, np.log(np.exp(logs).mean()), atol=1e-10)

    epsilons = [0.05, 0.3, 0.9]
    other = UserModelFilter(
        WinStayLoseShiftUser(0.5), Grid({"epsilon": epsilons}, prior={"epsilon": [1, 2, 1]})
    )
    posterior = other.posterior(feed(other, arms, outcomes))
    weights = np.array([1, 2, 1]) * np.exp([shifter_log_prob(arms, outcomes, e) for e in epsilons])
    assert np.allclose(posterior.weights, weights / weights.sum(), atol=1e-10, rtol=0)


def test_a_watching_assistant_has_the_posterior_of_what_it_saw():
    one = UserModelFilter(LEARNER, Grid({"learning_rate": RATES, "inverse_temperature": TEMPERATURES}))
    bundle = Bundle(DEMONSTRATION, LEARNER, Watcher(one), max_rounds=30)
    runs = bundle.run(40, seed=3)
    for episode in range(5):
        arms, outcomes = runs["task_state.arm"][episode], runs["task_state.outcome"][episode]
        logs = np.array([learner_log_prob(arms, outcomes, a, b) for a in RATES for b in TEMPERATURES])
        weights = np.exp(logs - logs.max())
        found = np.exp(runs["assistant_state.belief.log_weights"][episode, -1])
        assert np.allclose(found, weights / weights.sum(), atol=1e-10, rtol=0)


def test_a_prior_of_what_is_no_parameter_is_refused():
    with pytest.raises(UnknownNameError, match=r"Grid: prior: there is no 'p1'\. Valid names: p0"):
        Grid({"p0": [1, 2]}, prior={"p1": [1, 1]})


@pytest.mark.parametrize(
    "parameters",
    [
        Grid({"learning_rate": RATES}),
        Samples({"learning_rate": stats.uniform(0, 1)}, n=20),
        Samples({"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.randint(1, 6)}, 20, 1.0),
    ],
    ids=["grid", "particles", "particles of which a part stays, often resampled"],
)
def test_a_batch_equals_its_episodes_to_the_bit(parameters):
    one = UserModelFilter(LEARNER, parameters)
    bundle = Bundle(DEMONSTRATION, LEARNER, Watcher(one), max_rounds=15)
    runs = bundle.run(200, seed=1)
    assert ways(bundle)["assistant inference engine.infer"] == "lifted"  # and so for all of them at once
    for index in (0, 77, 199):
        assert bundle.run([index], seed=1) == runs.episode(index)
    bundle.reset(seed=1, episode=77)
    for number in range(15):
        belief = bundle.step().game.assistant_state.belief
        assert np.array_equal(belief.log_weights, runs["assistant_state.belief.log_weights"][77, number])
        assert np.array_equal(
            belief.users.learning_rate, runs["assistant_state.belief.users.learning_rate"][77, number]
        )


def test_ten_thousand_episodes_at_once():
    one = UserModelFilter(LEARNER, Grid({"learning_rate": RATES}))
    bundle = Bundle(DEMONSTRATION, LEARNER, Watcher(one), max_rounds=4)
    runs = bundle.run(10_000, seed=1, record=["assistant_state.belief.log_weights"])
    for index in range(0, 10_000, 997):
        assert bundle.run([index], seed=1, record=["assistant_state.belief.log_weights"]) == runs.episode(
            index
        )


def test_a_filter_conforms():
    for parameters in (Grid({"learning_rate": RATES}), Samples({"learning_rate": stats.uniform(0, 1)}, n=11)):
        check_agent(Watcher(UserModelFilter(LEARNER, parameters)), DEMONSTRATION, LEARNER, rounds=6)


ARMS = [0, 1, 1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1]
OUTCOMES = [0, 1, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1]


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_particles_agree_with_the_grid(threshold):
    """The standard error of a weighted mean of n particles is its posterior sd over √(effective size);
    with resampling the particles carry at least half of their number."""
    points = (np.arange(400) + 0.5) / 400
    exact = UserModelFilter(WinStayLoseShiftUser(0.5), Grid({"epsilon": points}))
    truth = exact.posterior(feed(exact, ARMS, OUTCOMES))
    sd = np.sqrt((truth.weights * (points - truth.mean("epsilon")) ** 2).sum())
    particles = Samples({"epsilon": stats.uniform(0, 1)}, n=4000, threshold=threshold)
    one = UserModelFilter(WinStayLoseShiftUser(0.5), particles)
    found = one.posterior(feed(one, ARMS, OUTCOMES))
    size = min(found.effective_sample_size, 2000)
    assert abs(found.mean("epsilon") - truth.mean("epsilon")) < 3 * sd / np.sqrt(size)
    assert abs(found.log_evidence - truth.log_evidence) < 0.1
    for ends, expected in zip(found.interval("epsilon"), truth.interval("epsilon"), strict=True):
        assert abs(ends - expected) < 0.03


def test_resampling_keeps_particles_alive_and_inside_their_space():
    narrow = Samples({"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}, n=300)
    one = UserModelFilter(LEARNER, narrow)
    belief = feed(one, ARMS * 5, OUTCOMES * 5)
    posterior = one.posterior(belief)
    assert posterior.effective_sample_size >= 100
    assert len(np.unique(posterior.values["learning_rate"])) > 100
    assert (posterior.values["learning_rate"] >= 0).all()
    assert (posterior.values["learning_rate"] <= 1).all()
    indices = systematic(np.array([0.5, 0.0, 0.25, 0.25]), np.array(0.5))
    assert indices.tolist() == [0, 0, 2, 3]


def test_the_kernel_keeps_mean_and_variance():
    """20,000 particles: the standard error of the mean is 0.007 standard deviations; four are allowed."""
    rng = EpisodeRandom(1, 1)
    old = 3 + 2 * rng.normal(shape=(20_000,))
    moved = liu_west(old, old, np.full(20_000, 1 / 20_000), rng.normal(shape=(20_000,)), 0.9)
    assert abs(moved.mean() - 3) < 2 * 0.03
    assert abs(moved.std() / 2 - 1) < 0.03
    assert np.corrcoef(old, moved)[0, 1] > 0.9


def test_particles_move_alike_in_all_units():
    """Numbers that depend on each other, of which one is told in units 2^30 times as large or small."""
    rng = EpisodeRandom(2)
    weights = np.full(50, 1 / 50)
    names = ["a", "b"]
    noise = {name: rng.normal(shape=(50,)) for name in names}
    a = rng.normal(shape=(50,))
    values = {"a": a, "b": 3 + a + rng.normal(shape=(50,))}
    one, space = Samples(names, n=50), dict.fromkeys(names, spaces.real())

    def moved(unit):
        told = {"a": values["a"], "b": values["b"] * unit}
        found = one.moved(space, told, told, weights, noise)
        return np.stack([found["a"], found["b"] / unit])

    assert (np.abs(moved(1.0) - np.stack([*values.values()])).std(axis=1) > 0.05).all()
    for unit in (2.0**-30, 2.0**30):
        assert np.allclose(moved(unit), moved(1.0), rtol=1e-6)


def test_a_prior_is_supported_by_what_it_gives():
    """From the lowest to the highest value, of whole numbers, too."""
    for prior, ends in (
        (stats.binom(4, 0.5), (0, 4)),
        (stats.randint(-2, 6), (-2, 5)),
        (stats.poisson(2.0), (0, np.inf)),
        (stats.uniform(1, 2), (1, 3)),
        (stats.norm(), (-np.inf, np.inf)),
    ):
        assert (support(prior).low, support(prior).high) == ends


# What the user looked at.


class Habitual(DiscretePolicy):
    """Repeats its last action, or takes the assistant's suggestion, with the probability of its state."""

    batched = True
    action_space = spaces.Discrete(3)

    def __init__(self, path):
        self.path = path

    def probabilities(self, observation, state):
        same = np.asarray(observation[self.path])[..., None] == np.arange(3)
        strength = np.asarray(state.strength)[..., None]
        return strength * same + (1 - strength) / 3


class Stubborn(User):
    """Draws how strong its habit is at its reset."""

    batched = True

    def __init__(self, path):
        super().__init__(
            policy=Habitual(path),
            state=State(strength=0.5),
            state_space=spaces.Dict({"strength": spaces.Box(0.0, 1.0, (), np.float64)}),
        )

    def reset(self, rng):
        return State(strength=rng.random())


STRENGTHS = [0.1, 0.5, 0.9]


@pytest.mark.parametrize("path", ["user_action", "assistant_action"])
@pytest.mark.parametrize("delay", [0, 1])
def test_a_user_is_weighed_by_what_it_saw_before_it_acted(path, delay):
    """Its own last action, or the assistant's last suggestion, not those of the present round."""
    task = MultiArmedBanditTask([0.2, 0.5, 0.8], n_demonstrations=100)
    three = spaces.Discrete(3)
    one = UserModelFilter(
        Stubborn(path),
        Grid({"strength": STRENGTHS}),
        task_model=task,
        delay=delay,
        action="task_state.arm" if delay else "user_action",
        provenance="task_state.provenance" if delay else "provenance",
        assistant_action_space=three,
    )
    assistant = Watcher(one).replace(policy=RandomPolicy(three))
    check_agent(assistant, task, Stubborn(path), rounds=4)
    runs = Bundle(task, Stubborn(path), assistant, max_rounds=12).run(30, seed=5)
    actions, shown = runs["user_action"], runs[path]
    saw = np.concatenate([np.zeros((30, 1), int), shown[:, :-1]], axis=1)
    counted = actions.shape[1] - delay
    likelihood = [np.prod(s * (actions == saw)[:, :counted] + (1 - s) / 3, axis=1) for s in STRENGTHS]
    expected = np.stack(likelihood, axis=-1)
    expected /= expected.sum(axis=-1, keepdims=True)
    found = np.exp(runs["assistant_state.belief.log_weights"][:, -1])
    assert np.allclose(found, expected, atol=1e-10, rtol=0)


def test_particles_can_come_from_the_users_own_reset():
    one = UserModelFilter(Stubborn("user_action"), Samples(["strength"], n=2000))
    belief = one.initial(EpisodeRandom(0, 0))
    assert stats.kstest(one.values(belief)["strength"], "uniform").pvalue > 1e-4
    batch = one.initial(EpisodeRandom(0, episodes=np.arange(3)))
    assert np.array_equal(one.values(batch)["strength"][0], one.values(belief)["strength"])
    assert not np.array_equal(one.values(batch)["strength"][1], one.values(belief)["strength"])
    with pytest.raises(ArgumentError, match="gives no task state"):
        expert_filter_of(Samples(["task_state.best_arm"], n=10))


def expert_filter_of(parameters):
    return UserModelFilter(ExpertUser(), parameters, task_model=BanditTask())


# Who did it.


def pulled(arm, outcome, provenance):
    return State(task_state=State(arm=arm, outcome=outcome, provenance=int(provenance), user_in_control=0))


def expert_filter(**options):
    return UserModelFilter(
        ExpertUser(),
        Grid({"task_state.best_arm": range(5)}),
        task_model=BanditTask(),
        **{
            "evidence": ("user_action", "outcome"),
            "action": "task_state.arm",
            "provenance": "task_state.provenance",
            "delay": 1,
        }
        | options,
    )


def after(one, *history):
    belief = one.update(one.initial(RNG), pulled(-1, -1, 0), RNG)
    for arm, outcome, provenance in history:
        belief = one.update(belief, pulled(arm, outcome, provenance), RNG)
    return belief


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.sampled_from([1, 2])), max_size=12))
def test_actions_count_by_their_provenance(history):
    """Closed form: a success counts 3, a failure 1/3; the user's own choice counts 6 besides."""
    weights = np.ones(5)
    for arm, outcome, provenance in history:
        weights[arm] *= (3.0 if outcome else 1 / 3) * (6.0 if provenance == 1 else 1.0)
    found = np.exp(after(expert_filter(), *history).log_weights)
    assert np.allclose(found, weights / weights.sum(), atol=1e-12)
    weights = np.ones(5)
    for arm, outcome, _ in history:
        weights[arm] *= 18.0 if outcome else 2.0
    deluded = np.exp(after(expert_filter(own_actions="evidence"), *history).log_weights)
    assert np.allclose(deluded, weights / weights.sum(), atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_an_unknown_author_is_marginalised_over(share):
    belief = after(expert_filter(user_share=share), (2, 1, Provenance.OBSERVED), (2, 1, Provenance.UNKNOWN))
    prior = np.exp(after(expert_filter(), (2, 1, Provenance.OBSERVED)).log_weights)
    likelihood = np.where(np.arange(5) == 2, 0.6, 0.1)
    own = (prior * likelihood).sum()
    weights = prior * (share * likelihood + (1 - share) * own) * np.where(np.arange(5) == 2, 0.75, 0.25)
    assert np.allclose(np.exp(belief.log_weights), weights / weights.sum(), atol=1e-12)
    hidden = expert_filter(user_share=share, provenance="task_state.nobody_knows")
    same = after(hidden, (2, 1, 1))
    assert np.isfinite(same.log_weights).all()


def test_surprise_is_the_log_loss_of_the_outcome():
    belief = after(expert_filter(), (2, 1, 2))
    assert np.isclose(belief.surprise, -np.log(0.2 * 0.75 + 0.8 * 0.25))
    assert np.isclose(belief.log_evidence, np.log(0.2 * 0.75 + 0.8 * 0.25))
    assert after(expert_filter(), (2, 1, 2), (2, 0, 2)).surprise > belief.surprise - 1


def test_the_turns_set_the_provenance():
    bundle = Bundle(
        CoordinatedTask(), PseudoRandomUser(), Assistant(policy=RandomPolicy(spaces.Discrete(10)))
    )
    game = bundle.reset(seed=0)
    seen = [game.provenance]
    for _ in range(4):
        seen.append(bundle.quarter_step().game.provenance)
    assert seen == [Provenance.UNKNOWN, Provenance.UNKNOWN, Provenance.OBSERVED, Provenance.OBSERVED, 2]
    runs = Bundle(
        BanditTask(user_share=0.5),
        ExpertUser(),
        Assistant(policy=RandomPolicy(spaces.Discrete(5))),
        max_rounds=50,
    )
    provenance = runs.run(20, seed=0)["task_state.provenance"]
    assert set(np.unique(provenance)) == {1, 2}


class Exact(DeterministicPolicy):
    batched = True
    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        return state.side


SIDED = User(policy=Exact(), state=State(side=0), state_space=spaces.Dict({"side": spaces.Discrete(2)}))


def test_what_is_impossible_is_said_or_handled():
    seen = [State(task_state=State(), user_action=action, provenance=1) for action in (0, 1, 1)]
    for on_impossible, expected in (("reset", [0.0, 1.0]), ("keep", [1.0, 0.0])):
        one = UserModelFilter(SIDED, Grid({"side": [0, 1]}), on_impossible=on_impossible)
        belief = one.initial(RNG)
        for observation in seen:
            belief = one.update(belief, observation, RNG)
        assert np.exp(belief.log_weights).tolist() == expected
        explained = 2 if on_impossible == "reset" else 1  # each a choice between two; the rest counts nothing
        assert np.isclose(belief.log_evidence, explained * np.log(0.5))
        assert belief.impossible == (1 if on_impossible == "reset" else 2)
    strict = UserModelFilter(SIDED, Grid({"side": [0, 1]}))
    belief = strict.update(strict.initial(RNG), seen[0], RNG)
    with pytest.raises(ImpossibleEvidenceError, match="impossible under all 2 candidates of side"):
        strict.update(belief, seen[1], RNG)


class NoLogProb(Policy):
    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        return 0, 0.0


SIDES = {"side": [0, 1]}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: UserModelFilter(LEARNER, Grid({"alpha": [1]})),
            UnknownNameError,
            "no 'alpha'.*learning_rate",
        ),
        (lambda: UserModelFilter(LEARNER, Grid({})), ArgumentError, "at least one parameter"),
        (lambda: UserModelFilter(LEARNER, Grid({"learning_rate": []})), ArgumentError, "no candidate"),
        (lambda: Grid(SIDES, prior={"side": [1]}), ArgumentError, "expected 2 weights"),
        (lambda: UserModelFilter(LEARNER, Grid({"learning_rate": [0.5, 2.0]})), SpaceError, "got 2.0"),
        (
            lambda: UserModelFilter(LEARNER, Samples({"learning_rate": stats.norm(0, 1)})),
            SpaceError,
            "prior of learning_rate.*quantile",
        ),
        (lambda: Samples({}), ArgumentError, "at least one"),
        (lambda: Samples({"a": 3}), ArgumentError, r"frozen scipy\.stats"),
        (lambda: Samples({"a": stats.norm()}, n=1), ArgumentError, "n >= 2"),
        (lambda: Samples({"a": stats.norm()}, discount=0.1), ArgumentError, "discount"),
        (
            lambda: UserModelFilter(SIDED.replace(policy=NoLogProb()), Grid(SIDES)),
            ContractError,
            r"NoLogProb, the policy of User, must define log_prob\(self, action, observation, state\)",
        ),
        (lambda: UserModelFilter(3, Grid(SIDES)), ContractError, "expected a User"),
        (lambda: UserModelFilter(SIDED, SIDES), ContractError, "expected a Grid or Samples"),
        (lambda: UserModelFilter(SIDED, Grid(SIDES), own_actions="both"), ArgumentError, "own_actions"),
        (lambda: UserModelFilter(SIDED, Grid(SIDES), evidence=["reward"]), UnknownNameError, "evidence"),
        (
            lambda: UserModelFilter(SIDED, Grid(SIDES), evidence=["outcome"]),
            ContractError,
            "outcome_log_prob",
        ),
        (lambda: UserModelFilter(SIDED, Grid(SIDES), delay=1), ContractError, "needs a task_model"),
        (lambda: UserModelFilter(SIDED, Grid(SIDES), user_share=2), ArgumentError, "user_share"),
        (
            lambda: after(expert_filter(), (7, 1, 1)),
            SpaceError,
            r"task_state\.arm: expected a value in Discrete\(5\), got 7",
        ),
    ],
)
def test_bad_input_is_an_error_before_any_computing(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_filter_is_a_value():
    one = expert_filter()
    twin = pickle.loads(pickle.dumps(one))
    assert twin == one
    assert twin != expert_filter(own_actions="evidence")
    assert after(twin, (1, 1, 1)) == after(one, (1, 1, 1))


def test_a_posterior_can_be_read(monkeypatch):
    import sys

    one = UserModelFilter(LEARNER, Grid({"learning_rate": RATES, "inverse_temperature": TEMPERATURES}))
    posterior = one.posterior(State(belief=one.initial(RNG)))
    assert np.isclose(posterior.mean("inverse_temperature"), np.mean(TEMPERATURES))
    assert np.isclose(posterior.entropy(), np.log2(9))
    assert np.isclose(posterior.effective_sample_size, 9)
    assert posterior.mode() == {"learning_rate": 0.05, "inverse_temperature": 0.5}
    assert posterior.interval("learning_rate", 0.9) == (0.05, 0.8)
    labelled = posterior.to_xarray()
    assert labelled.dims == ("learning_rate", "inverse_temperature")
    assert np.isclose(labelled.sel(learning_rate=0.3).sum(), 1 / 3)
    batch = one.posterior(one.initial(EpisodeRandom(0, episodes=np.arange(4))))
    assert batch.mode()["learning_rate"] == 0.05
    particles = UserModelFilter(LEARNER, Samples({"learning_rate": stats.uniform(0, 1)}, n=5))
    drawn = particles.posterior(particles.initial(EpisodeRandom(0, episodes=np.arange(4))))
    assert drawn.to_xarray().dims[-1] == "candidate"
    certain = Posterior(np.array([1.0, 0.0]), {"a": np.array([3, 4])}, None, 0.0, 0.0)
    assert (certain.entropy(), certain.mean("a"), certain.interval("a")) == (0.0, 3.0, (3, 3))
    shown = (
        "Posterior(2 candidates of a; means: a: 3.0)",
        "Posterior(4 episodes, 5 candidates of learning_rate)",
    )
    assert (repr(certain), repr(drawn)) == shown
    rates, chances = posterior.marginal("learning_rate")
    assert rates.tolist() == RATES
    assert np.allclose(chances, 1 / 3)
    with pytest.raises(
        ArgumentError, match="expected a number in one episode, got learning_rate of the shape"
    ):
        drawn.marginal("learning_rate")
    with pytest.raises(UnknownNameError, match="posterior"):
        posterior.mean("alpha")
    with pytest.raises(ArgumentError, match="between 0 and 1"):
        posterior.interval("learning_rate", 1.5)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingExtraError):
        posterior.to_xarray()


def test_an_action_is_weighed_by_the_state_before_it_moved_the_task():
    """The coordination user acts on x, which has moved by the time the assistant looks."""
    one = UserModelFilter(PseudoRandomUser(), Grid({"p0": range(10)}))
    now = State(
        task_state=State(x=4),
        previous_task_state=State(x=1),
        user_action=(8 + 6 + 5 + 7) % 10,
        provenance=1,
    )
    assert np.exp(one.update(one.initial(RNG), now, RNG).log_weights).argmax() == 6
    blind = State(task_state=State(x=4), user_action=3, provenance=1)
    with pytest.raises(
        UnknownFieldError, match="expected previous_task_state in the assistant's observation"
    ):
        one.update(one.initial(RNG), blind, RNG)


class Kind(DiscretePolicy):
    """Mostly presses the button of its kind: -2 the first, 1 the second, 5 the third."""

    batched = True
    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        own = np.asarray(state.kind)[..., None] == np.array([-2, 1, 5])
        return np.where(own, 0.8, 0.1)


def test_a_choice_may_be_a_hidden_parameter():
    space = spaces.Dict({"kind": spaces.Choice([-2, 1, 5])})
    user = User(policy=Kind(), state=State(kind=1), state_space=space)
    one = UserModelFilter(user, Grid({"kind": [-2, 1, 5]}))
    runs = Bundle(CoordinatedTask(), user, Watcher(one), max_rounds=20).run(
        3, seed=0, start={"user_state": {"kind": np.array([-2, 1, 5])}}
    )
    assert np.argmax(runs["assistant_state.belief.log_weights"][:, -1], axis=-1).tolist() == [0, 1, 2]
    assert runs["assistant_state.belief.users.kind"][0, 0].tolist() == [-2, 1, 5]
    with pytest.raises(SpaceError, match=r"expected values in Choice"):
        UserModelFilter(user, Grid({"kind": [0, 1]}))


class Leans(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = 1 / (1 + np.exp(-state.p))
        return np.stack([1 - p, p])


class Watches(Assistant):
    def __init__(self, belief_filter):
        super().__init__(
            policy=RandomPolicy(spaces.Discrete(2)),
            inference_engine=belief_filter,
            state=State(belief=belief_filter.initial(EpisodeRandom())),
        )


@pytest.mark.parametrize("state_space", [None, spaces.Dict(p=spaces.real())])
def test_a_grid_of_integers_for_a_parameter_of_floats_is_one_of_floats(state_space):
    user = User(policy=Leans(), state=State(p=1.0), state_space=state_space)
    runs = [
        Bundle(
            MultiArmedBanditTask(n_demonstrations=20),
            user,
            Watches(UserModelFilter(user, Grid({"p": grid}))),
            max_rounds=9,
        ).run(12, seed=0)
        for grid in ([0, 1, 2], [0.0, 1.0, 2.0])
    ]
    assert runs[0] == runs[1]
    assert runs[0]["assistant_state.belief.log_weights"].std() > 0


class InTurns(DiscretePolicy):
    """Takes the action of the round, with a strength."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        wanted = np.arange(3) == observation.round_index % 3
        return np.where(wanted, state.strength, (1 - state.strength) / 2)


@pytest.mark.parametrize("delay", [0, 1])
def test_candidates_see_the_round_in_which_the_action_was_taken(delay):
    """With a delay, an action is weighed in the round after it, by what was seen in its own."""
    user = User(
        policy=InTurns(), state=State(strength=1.0), state_space=spaces.Dict(strength=spaces.real(0, 1))
    )
    task = MultiArmedBanditTask([0.2, 0.5, 0.8], n_demonstrations=100)
    one = UserModelFilter(
        user,
        Grid({"strength": [1.0, 1 / 3]}),
        task_model=task,
        delay=delay,
        action="task_state.arm" if delay else "user_action",
        provenance="task_state.provenance" if delay else "provenance",
        assistant_action_space=spaces.Discrete(3),
    )
    watching = Watcher(one).replace(policy=RandomPolicy(spaces.Discrete(3)))
    runs = Bundle(task, user, watching, max_rounds=8).run(5, seed=5)
    rounds = 8 - delay
    expected = np.log([1.0, 3.0**-rounds])
    expected = expected - np.logaddexp(*expected)
    assert np.allclose(runs["assistant_state.belief.log_weights"][:, -1], expected, atol=1e-9)


class LooksBack(DiscretePolicy):
    """Acts on the state before the last action."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.stack([1 - state.p, state.p]) if observation.previous_task_state.arm < 0 else np.ones(2) / 2


def test_what_a_candidate_looked_at_before_is_not_made_up():
    """The state before the assistant's last action is not known to a filter: an error, and no other state."""
    user = User(policy=LooksBack(), state=State(p=0.5), state_space=spaces.Dict(p=spaces.real(0, 1)))
    task = MultiArmedBanditTask()
    one = UserModelFilter(user, Grid({"p": [0.2, 0.8]}), task_model=task)
    watching = Watcher(one).replace(policy=RandomPolicy(spaces.Discrete(2)))
    with pytest.raises(UnknownNameError, match="no 'arm'"):
        Bundle(task, user, watching, max_rounds=3).run(3, seed=0)


@pytest.mark.parametrize(
    "parameters",
    [Grid({"strength": [1.0, 1 / 3]}), Samples({"strength": stats.uniform()})],
    ids=["grid", "samples"],
)
def test_an_update_takes_as_many_draws_with_nothing_to_weigh_as_later(parameters):
    """So who draws after it, as in a cascade, has numbers that do not depend on who else is in a batch."""
    user = User(
        policy=InTurns(), state=State(strength=1.0), state_space=spaces.Dict(strength=spaces.real(0, 1))
    )
    task = MultiArmedBanditTask([0.2, 0.5, 0.8], n_demonstrations=100)
    one = UserModelFilter(
        user,
        parameters,
        task_model=task,
        delay=1,
        action="task_state.arm",
        provenance="task_state.provenance",
        assistant_action_space=spaces.Discrete(3),
    )
    bundle = Bundle(task, user, Watcher(one).replace(policy=RandomPolicy(spaces.Discrete(3))), max_rounds=4)
    drawn = []
    for rounds in range(3):
        game = bundle.reset(seed=0, go_to="assistant_observes")
        for _ in range(rounds):
            game = bundle.step(go_to="assistant_observes").game
        rng = EpisodeRandom()
        one.update(game.assistant_state.belief, game, rng)
        drawn.append(rng.draw)
    assert len(set(drawn)) == 1


class Lists(DiscretePolicy):
    """Gives the probabilities as a list, by a branch and its own arithmetic."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        one = state.bias / 2 if observation.round_index > 3 else state.bias
        return [1 - one, one / 4, one * 0.75]


class Stacks(Lists):
    def probabilities(self, observation, state):
        return np.stack(super().probabilities(observation, state))


def test_a_list_of_probabilities_is_lifted_in_a_prediction(caplog):
    biases = np.array([0.1, 0.4, 0.8])
    still = {"task_state": State(), "previous_task_state": State(), "turn_index": 0, "provenance": 0}
    seen = State(round_index=np.arange(20) % 7, user_action=0, assistant_state=State(), **still)

    def predicted(policy):
        user = User(policy=policy, state=State(bias=0.5), state_space=spaces.Dict(bias=spaces.real(0, 1)))
        believing = UserModelFilter(user, Grid({"bias": biases}))
        rng = EpisodeRandom(0, episodes=np.arange(20))
        return believing.predict(State(belief=believing.initial(rng)), seen, rng)

    with caplog.at_level("WARNING", "interaction"):
        found = predicted(Lists())
    assert not caplog.records
    assert np.array_equal(found, predicted(Stacks()))
    mean = biases.mean() / np.where(seen.round_index > 3, 2, 1)
    assert np.allclose(found, np.stack([1 - mean, mean / 4, mean * 0.75], axis=-1), rtol=0, atol=1e-12)
