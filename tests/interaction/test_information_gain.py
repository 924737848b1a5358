"""What one would learn from any user with a `log_prob`: exact for a finite list of actions, else by draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from interaction import (
    DeterministicPolicy,
    DiscretePolicy,
    DualPolicy,
    EpisodeRandom,
    Grid,
    InteractionTask,
    Policy,
    Samples,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.batching.selection import row_of
from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.opening import for_rows
from interaction.planning import ExpectedInformationGain, InformationGainPolicy
from interaction.planning.planner import Planner
from interaction.state import lock
from interaction.tasks.tiger import TigerTask
from tests.interaction.batching.compare import ROWS, assert_lifted, repeated, stream

FIVE = spaces.Discrete(5)
SEEN = State(round_index=0, task_state=State(asked=0), user_action=0)


class Asking(InteractionTask):
    """Holds what the assistant asked last."""

    def __init__(self, questions=FIVE):
        self.state_space = spaces.Dict(asked=questions)

    def reset(self, rng):
        return State(asked=spaces.first(self.state_space["asked"]))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        return Transition(State(asked=game.assistant_action))


def believing(policy, values, weights=None, questions=FIVE, space=None):
    """A filter over the entry `theta` of a user's state."""
    space = spaces.real() if space is None else space
    user = User(policy=policy, state=State(theta=values[0]), state_space=spaces.Dict(theta=space))
    prior = None if weights is None else {"theta": weights}
    return UserModelFilter(user, Grid({"theta": values}, prior), task_model=Asking(questions))


def found(belief, questions=FIVE, samples=256, seed=0, rows=None, seen=SEEN):
    rng = EpisodeRandom(seed, episodes=None if rows is None else np.arange(rows))
    planner = ExpectedInformationGain(belief, questions, samples)
    return planner.gain_and_error(belief.initial(rng), seen if rows is None else for_rows(seen, rows), rng)


# Finitely many actions.

SUMS = list(range(2, 13))
WAYS = [6 - abs(7 - number) for number in SUMS]  # of 36


class Answers(DeterministicPolicy):
    """Says whether the sum of two dice is even (0), above a number (1 to 12) or equal to one (13 to 24)."""

    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        asked = observation.task_state.asked
        if asked == 0:
            return state.theta % 2 == 0
        return state.theta > asked if asked <= 12 else state.theta == asked - 12


@pytest.mark.parametrize("rows", [None, 3])
def test_what_one_question_tells_about_the_sum_of_two_dice(rows):
    """Even or odd, above 6, equal to 7, equal to 12: the entropies of 1/2, 21/36, 6/36 and 1/36, in nats."""
    questions = spaces.Discrete(25)
    belief = believing(Answers(), SUMS, WAYS, questions, spaces.Discrete(11, start=2))
    gain, error = found(belief, questions, rows=rows)
    nats = gain * np.log(2)
    assert np.allclose(nats[..., [0, 6, 12 + 7, 12 + 12]], [0.69315, 0.67919, 0.45056, 0.12693], atol=1e-5)
    assert np.allclose(nats[..., 7], nats[..., 6], atol=1e-12)  # 15 of 36 lie above 7, and 15 not above 6
    assert np.allclose(nats[..., [1, 12]], 0.0, atol=1e-12)
    assert not error.any()


@given(st.floats(0.0, 1.0), st.floats(0.01, 0.99))
@settings(max_examples=20)
def test_a_lapse_is_the_noise_of_a_binary_channel(lapse, weight):
    class Says(DeterministicPolicy):
        action_space = spaces.MultiBinary(1)

        def action(self, observation, state):
            return np.stack([state.theta * 1])

    belief = believing(Says(lapse), [0, 1], [1 - weight, weight], space=spaces.Discrete(2))

    def entropy(p):
        return stats.entropy([p, 1 - p], base=2)

    one = weight * (1 - lapse / 2) + (1 - weight) * lapse / 2
    gain, error = found(belief)
    assert np.allclose(gain, entropy(one) - entropy(lapse / 2), atol=1e-9)
    assert not error.any()


class Two(Policy):
    """Two choices at once, as an array, a state or single numbers, of which only the first tells anything."""

    def __init__(self, action_space):
        self.action_space = action_space

    def parts(self, action):
        if isinstance(self.action_space, spaces.Dict):
            return action.first, action.second
        if isinstance(self.action_space, spaces.Discrete):
            return action // 3, action % 3
        return action[0], action[1]

    def sample(self, observation, state, rng):
        raise AssertionError("nothing is drawn where the actions are few")

    def log_prob(self, action, observation, state):
        first, second = self.parts(action)
        return np.log(np.where(first == 1, state.theta, 1 - state.theta)) - np.log(3) + 0 * second


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(6),
        spaces.MultiDiscrete([2, 3]),
        spaces.whole(np.array([0, 0]), np.array([1, 2])),
        spaces.Dict(first=spaces.Choice([0, 1]), second=spaces.Discrete(3)),
    ],
    ids=lambda space: type(space).__name__,
)
@pytest.mark.parametrize("rows", [None, 4])
def test_all_policies_of_finitely_many_actions_are_told_exactly(space, rows):
    values, weights = np.array([0.1, 0.6, 0.9]), np.array([0.5, 0.3, 0.2])
    belief = believing(Two(space), values, weights)
    gain, error = found(belief, rows=rows)
    entropies = stats.entropy([values, 1 - values], base=2)
    p = weights @ values
    assert np.allclose(gain, stats.entropy([p, 1 - p], base=2) - weights @ entropies, atol=1e-12)
    assert not error.any()

    rng = EpisodeRandom(0, episodes=None if rows is None else np.arange(rows))
    state, seen = belief.initial(rng), SEEN if rows is None else for_rows(SEEN, rows)
    chances = belief.predict(state, seen, rng.copy())
    assert np.allclose(chances, np.repeat([1 - p, p], 3) / 3, atol=1e-12)
    logs = [belief.predict_log_prob(one, state, seen, rng.copy()) for one in spaces.elements(space)]
    assert np.allclose(np.moveaxis(logs, 0, -1), np.log(chances), atol=1e-12)


def test_a_discrete_policy_is_told_alike_by_its_probabilities_and_by_its_log_prob():
    class Wide(DiscretePolicy):
        action_space = spaces.Choice([4, -1, 7])

        def probabilities(self, observation, state):
            p = state.theta * (1 + observation.task_state.asked) / 5
            return np.stack([1 - p, p / 3, 2 * p / 3])

    weights = [0.2, 0.5, 0.3]
    fast = believing(Wide(), [0.1, 0.4, 0.9], weights)
    slow = believing(DualPolicy(Wide(), Wide()), [0.1, 0.4, 0.9], weights)
    assert np.allclose(found(fast)[0], found(slow)[0], atol=1e-12)
    rng = EpisodeRandom()
    assert np.allclose(
        fast.predict(fast.initial(rng), SEEN, rng), slow.predict(slow.initial(rng), SEEN, rng), atol=1e-15
    )


def test_probabilities_that_do_not_sum_to_one_are_an_error():
    class Loose(Two):
        def log_prob(self, action, observation, state):
            return np.log(state.theta)

    belief = believing(Loose(spaces.Discrete(6)), [1 / 6, 0.2])
    rng = EpisodeRandom()
    message = r"Loose\.log_prob: expected probabilities of the 6 actions .* sum to one, .* with the sum 1\.2"
    for ask in (lambda: found(belief), lambda: belief.predict(belief.initial(rng), SEEN, rng)):
        with pytest.raises(ContractError, match=message):
            ask()
    excluded = believing(Loose(spaces.Discrete(6)), [1 / 6, 0.2], [1, 0])
    assert np.allclose(found(excluded)[0], 0.0, atol=1e-12)
    assert np.allclose(excluded.predict(excluded.initial(rng), SEEN, rng), 1 / 6)


# Actions that are drawn.

NOISE = 0.7


class Gaussian(Policy):
    """y ~ N(θ a, σ²)."""

    action_space = spaces.real()
    first_action = 0.0

    def sample(self, observation, state, rng):
        return state.theta * observation.task_state.asked + NOISE * rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        apart = (action - state.theta * observation.task_state.asked) / NOISE
        return -0.5 * apart**2 - np.log(NOISE * np.sqrt(2 * np.pi))


def integrated(values, weights, asked):
    """The information about θ in y ~ N(θ a, σ²), in bits, by numerical integration."""
    means, weights = asked * np.array(values), np.array(weights)

    def surprise(y):
        density = weights @ stats.norm.pdf(y, means, NOISE)
        return -density * np.log2(density) if density > 0 else 0.0

    low, high = means.min() - 9 * NOISE, means.max() + 9 * NOISE
    entropy, _ = quad(surprise, low, high, limit=400, points=np.unique(means)[:50], epsabs=1e-10)
    return entropy - 0.5 * np.log2(2 * np.pi * np.e * NOISE**2)


TWO = [0.0, 1.0], [0.7, 0.3]
SEVEN = np.linspace(-1.0, 1.0, 7).tolist(), (np.arange(1.0, 8.0) / 28).tolist()
MANY = np.linspace(-1.0, 1.0, 400).tolist(), np.full(400, 1 / 400).tolist()


@pytest.mark.parametrize(("values", "weights"), [TWO, SEVEN, MANY], ids=["two", "seven", "many"])
def test_the_gain_of_a_gaussian_user_is_the_integral(values, weights):
    gain, error = found(believing(Gaussian(), values, weights), samples=1_000)
    expected = [integrated(values, weights, asked) for asked in range(5)]
    assert (np.abs(gain - expected) <= 4 * error + 1e-12).all()
    assert error[0] < 1e-12
    assert (error[1:] > 1e-3).all()
    assert (error < 0.02).all()


@pytest.mark.parametrize(("values", "weights"), [TWO, SEVEN], ids=["two", "seven"])
def test_the_error_is_honest(values, weights):
    """Over 200 seeds, the distance from the integral has a standard deviation of about one error."""
    gain, error = found(believing(Gaussian(), values, weights), samples=100, rows=200)
    expected = np.array([integrated(values, weights, asked) for asked in (1, 2, 3)])
    scores = (gain[:, 1:4] - expected) / error[:, 1:4]
    assert (np.abs(scores.mean(axis=0)) < 4 / np.sqrt(200)).all()
    assert (scores.std(axis=0) > 0.8).all()
    assert (scores.std(axis=0) < 1.25).all()


class Reaching(Policy):
    """Chooses one of two and takes its time, both more surely the more the question is about."""

    action_space = spaces.Dict(choice=spaces.Discrete(2), time=spaces.real(0.0))

    def chance(self, observation, state):
        return 1 / (1 + np.exp(-state.theta * observation.task_state.asked))

    def sample(self, observation, state, rng):
        choice = int(rng.random() < self.chance(observation, state))
        return State(choice=choice, time=-np.log1p(-rng.random()) * (1 + choice)), 0.0

    def log_prob(self, action, observation, state):
        p = self.chance(observation, state)
        scale = 1 + action.choice
        return np.log(np.where(action.choice == 1, p, 1 - p)) - np.log(scale) - action.time / scale


def test_the_gain_of_a_choice_with_a_time_that_tells_nothing_more():
    values, weights = np.array([-1.0, 0.5, 2.0]), np.array([0.2, 0.3, 0.5])
    gain, error = found(believing(Reaching(), values, weights), samples=2_000)
    for asked in range(5):
        p = 1 / (1 + np.exp(-values * asked))
        mean = weights @ p
        expected = stats.entropy([mean, 1 - mean], base=2) - weights @ stats.entropy([p, 1 - p], base=2)
        assert abs(gain[asked] - expected) <= 4 * error[asked] + 1e-12


def test_all_questions_meet_the_same_candidates_and_random_numbers():
    class Deaf(Gaussian):
        def sample(self, observation, state, rng):
            return state.theta + NOISE * rng.normal(), 0.0

        def log_prob(self, action, observation, state):
            return -0.5 * ((action - state.theta) / NOISE) ** 2

    gain, error = found(believing(Deaf(), *SEVEN), rows=3)
    assert (gain == gain[:, :1]).all()
    assert (error == error[:, :1]).all()
    assert len(np.unique(gain)) == 3


def test_a_press_without_noise_is_told_by_which_candidates_agree():
    """A hand that always reaches θ a exactly: the entropy of the candidates, but for a at zero."""

    class Exact(DeterministicPolicy):
        action_space = spaces.real()

        def action(self, observation, state):
            return state.theta * observation.task_state.asked

    gain, _ = found(believing(Exact(), [1.0, 2.0, 3.0, 4.0]))
    assert np.allclose(gain, [0, 2, 2, 2, 2], atol=1e-12)


def test_large_lists_of_actions_are_drawn_from():
    class Bits(DeterministicPolicy):
        action_space = spaces.MultiBinary(64)

        def action(self, observation, state):
            return (np.arange(64) == state.theta) * 1

    belief = believing(Bits(), [0, 7, 9, 63], space=spaces.Discrete(64))
    gain, error = found(belief, rows=2)
    assert np.allclose(gain, 2.0, atol=1e-12)
    assert np.allclose(error, 0.0, atol=0.1)
    with pytest.raises(ContractError, match="expected a space of up to 1,000,000 elements"):
        belief.predict(belief.initial(EpisodeRandom()), SEEN, EpisodeRandom())


def varied(belief, rows):
    """Beliefs and observations that differ from episode to episode; one candidate is excluded in each."""
    size = belief.parameters.size
    weights = np.random.default_rng(0).dirichlet(np.ones(size), rows)
    weights[np.arange(rows), np.arange(rows) % size] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    start = for_rows(belief.initial(EpisodeRandom()), rows)
    with np.errstate(divide="ignore"):
        state = State(belief=start.replace(log_weights=lock(np.log(weights))), n=repeated(1, 2)[:rows])
    return state, State(round_index=2, task_state=State(asked=lock(np.arange(rows) % 5)), user_action=0)


BELIEFS = {
    "deterministic": believing(
        Answers(0.1), SUMS, WAYS, spaces.Discrete(25), space=spaces.Discrete(11, start=2)
    ),
    "arrays": believing(Two(spaces.MultiDiscrete([2, 3])), [0.1, 0.6, 0.9]),
    "numbers": believing(Gaussian(), *SEVEN),
    "mixed": believing(Reaching(), [-1.0, 0.5, 2.0]),
    "particles": UserModelFilter(
        believing(Gaussian(), *TWO).user_model, Samples({"theta": stats.norm()}, n=40), task_model=Asking()
    ),
}


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("name", BELIEFS)
def test_batches_are_their_single_episodes_to_the_bit(name, count):
    belief, rows = BELIEFS[name], 23
    planner = ExpectedInformationGain(belief, spaces.Discrete(count), samples=33)
    state, seen = varied(belief, rows)
    rng = EpisodeRandom(3, episodes=np.arange(rows)).at(1, 6)
    gain, error = planner.gain_and_error(state, seen, rng)
    assert gain.shape == error.shape == (rows, count)
    first = spaces.first(belief.user_model.policy.action_space)
    logs = belief.predict_log_prob(first, state, seen, rng)
    for row in range(rows):
        one = rng.row(row).at(1, 6)
        alone = planner.gain_and_error(row_of(state, row), row_of(seen, row), one)
        assert alone[0].tobytes() == gain[row].tobytes()
        assert alone[1].tobytes() == error[row].tobytes()
        assert belief.predict_log_prob(first, row_of(state, row), row_of(seen, row), one) == logs[row]
        assert one.draw == rng.draw


@pytest.mark.parametrize("name", BELIEFS)
def test_gains_and_predictions_are_lifted(name):
    belief = BELIEFS[name]
    planner = ExpectedInformationGain(belief, spaces.Discrete(3), samples=9)
    state, seen = varied(belief, ROWS)
    space = belief.user_model.policy.action_space

    def asked(observation, state, rng):
        gain, error = planner.gain_and_error(state, observation, rng)
        values = planner.values(state, observation, rng)
        action = spaces.sample(space, rng)
        log_prob = belief.predict_log_prob(action, state, observation, rng)
        first = belief.predict_log_prob(spaces.first(space), state, observation, rng)
        return gain, error.max(), np.argmax(values), log_prob * 2, first, isinstance(first, float)

    assert_lifted(asked, seen, state, rng=stream(state.n))


def test_particles_are_learnt_about():
    """θ ~ N(0, 1) and y ~ N(θ a, σ²): ½ log2(1 + a²/σ²) bits, but for the error of 2,000 particles."""
    belief = UserModelFilter(
        believing(Gaussian(), *TWO).user_model, Samples({"theta": stats.norm()}, n=2_000), task_model=Asking()
    )
    gain, error = found(belief, samples=500, questions=spaces.Discrete(3))
    expected = 0.5 * np.log2(1 + (np.arange(3) / NOISE) ** 2)
    assert (np.abs(gain - expected) <= 4 * error + 0.02).all()


def test_an_assistant_asks_what_tells_most_of_a_user_who_answers_in_numbers():
    class Asks(InformationGainPolicy):
        def settle(self, observation, state, candidate):
            return 0

    belief = believing(Gaussian(), *TWO)
    policy = Asks(belief, spaces.Discrete(5), 0.95, samples=64)
    rng = EpisodeRandom()
    assert policy.sample(SEEN, State(belief=belief.initial(rng)), rng) == (4, 0.0)
    assert policy.information.samples == 64
    for wrong in (0, -0.5, 1.5, np.nan, True):
        with pytest.raises(ArgumentError, match=r"Asks: threshold: expected a probability in \(0, 1\], got"):
            Asks(belief, spaces.Discrete(5), wrong)
    several = spaces.MultiDiscrete([2, 2])

    class Vector(Gaussian):
        def sample(self, observation, state, rng):
            return state.theta * observation.task_state.asked.sum() + NOISE * rng.normal(), 0.0

        def log_prob(self, action, observation, state):
            return -0.5 * ((action - state.theta * observation.task_state.asked.sum()) / NOISE) ** 2

    belief = believing(Vector(), *TWO, questions=several)
    planner = ExpectedInformationGain(belief, several)
    seen = SEEN.replace(task_state=State(asked=np.zeros(2, int)))
    assert planner.best(belief.initial(rng), seen, rng).tolist() == [1, 1]
    batch = EpisodeRandom(0, episodes=np.arange(3))
    best = planner.best(belief.initial(batch), for_rows(seen, 3), batch)
    assert best.tolist() == [[1, 1]] * 3


# What cannot be.


@pytest.mark.parametrize("samples", [1, 0, -3, 2.5, True, None])
def test_a_number_of_draws_is_checked(samples):
    with pytest.raises(ArgumentError, match="samples: expected a number >= 2"):
        ExpectedInformationGain(BELIEFS["numbers"], spaces.Discrete(3), samples)


@pytest.mark.parametrize("questions", [spaces.real(0, 1), spaces.whole(), spaces.Dict(a=spaces.Discrete(2))])
def test_questions_that_cannot_be_listed_are_refused(questions):
    with pytest.raises(ContractError, match="expected a finite space"):
        ExpectedInformationGain(BELIEFS["numbers"], questions)


def test_a_density_has_no_list_of_probabilities():
    belief, rng = BELIEFS["numbers"], EpisodeRandom()
    with pytest.raises(ContractError, match=r"Gaussian acts in Box.*ask predict_log_prob\(action, state"):
        belief.predict(belief.initial(rng), SEEN, rng)
    mixed = stats.norm.pdf(0.3, 2 * np.array(TWO[0]), NOISE) @ TWO[1]
    belief = believing(Gaussian(), *TWO)
    seen = SEEN.replace(task_state=State(asked=2))
    assert np.isclose(belief.predict_log_prob(0.3, belief.initial(rng), seen, rng), np.log(mixed))
    assert belief.predict_log_prob(0, belief.initial(rng), seen, rng) == belief.predict_log_prob(
        0.0, belief.initial(rng), seen, rng
    )
    with pytest.raises(SpaceError, match=r"predict_log_prob: expected a value in Box.*got 'a'"):
        belief.predict_log_prob("a", belief.initial(rng), seen, rng)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_log_prob_that_is_none_is_an_error(wrong):
    class Broken(Gaussian):
        def log_prob(self, action, observation, state):
            return np.where(state.theta < 0.5, 0.0, wrong) + 0 * action

    with pytest.raises(ContractError, match=r"Broken\.log_prob: expected the log probability of what"):
        found(believing(Broken(), *TWO))
    assert np.allclose(found(believing(Broken(), TWO[0], [1, 0]))[0], 0.0, atol=1e-12)
    if wrong != -np.inf:
        belief = believing(Broken(), *TWO)
        with pytest.raises(ContractError, match=r"log_prob: expected a log likelihood"):
            belief.predict_log_prob(0.1, belief.initial(EpisodeRandom()), SEEN, EpisodeRandom())


def test_an_action_outside_of_its_space_is_an_error():
    class Outside(Gaussian):
        action_space = spaces.real(0.0, 1.0)

        def sample(self, observation, state, rng):
            return 2.0, 0.0

    with pytest.raises(SpaceError, match=r"Outside\.sample: expected a value in Box"):
        found(believing(Outside(), *TWO))


def test_a_planner_says_what_its_actions_are_worth():
    belief, rng = BELIEFS["arrays"], EpisodeRandom()
    state = belief.initial(rng)
    planner = ExpectedInformationGain(belief, FIVE)
    assert not planner.draws
    assert ExpectedInformationGain(BELIEFS["numbers"], FIVE).draws
    assert np.array_equal(planner.values(state, SEEN, rng), planner.gain(state, SEEN, rng))
    with pytest.raises(ContractError, match=r"Planner must define values\(self, state, observation, rng\)"):
        Planner(belief, FIVE).values(state, SEEN, rng)


def test_nobody_acts_where_there_is_no_user():
    belief = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    rng = EpisodeRandom()
    for ask in (
        lambda: ExpectedInformationGain(belief, spaces.Discrete(3)),
        lambda: belief.predict(belief.initial(rng), SEEN, rng),
        lambda: belief.predict_log_prob(0, belief.initial(rng), SEEN, rng),
    ):
        with pytest.raises(ContractError, match="expected a belief over a user; it has none"):
            ask()
