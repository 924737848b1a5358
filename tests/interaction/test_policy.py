"""A policy picks an action, and says with which probability it does."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interaction import (
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    DualPolicy,
    EpisodeRandom,
    RandomPolicy,
    State,
    User,
    spaces,
)
from interaction.errors import ArgumentError, InteractionError
from interaction.membership import membership
from interaction.state import freeze
from interaction.tasks.bandit import MultiArmedBanditTask

N = 20_000  # episodes of a statistical test
P_VALUE = 1e-4  # fixed seeds: a correct policy fails a test with this probability, once and for all


class Follow(DeterministicPolicy):
    """Picks what the state says."""

    batched = True
    action_space = spaces.Discrete(4, start=-1)

    def action(self, observation, state):
        return state.goal


class FollowVector(Follow):
    action_space = spaces.MultiDiscrete([3, 2])


class FollowPoint(Follow):
    action_space = spaces.Box(-1.0, 3.0, (), np.float64)


class FollowState(DeterministicPolicy):
    action_space = spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Discrete(3)})

    def action(self, observation, state):
        return State(a=1, b=2)


class Weighted(DiscretePolicy):
    """Picks by the weights in the state."""

    batched = True
    action_space = spaces.Discrete(3, start=5)

    def probabilities(self, observation, state):
        return state.weights


def rows(count=N, seed=0):
    return EpisodeRandom(seed, episodes=np.arange(count)).at(0, 2)


def alone(episode, seed=0):
    return EpisodeRandom(seed, episode).at(0, 2)


# Deterministic policies


@pytest.mark.parametrize("lapse", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("goal", [-1, 0, 2])
def test_the_probabilities_of_all_actions_sum_to_one(lapse, goal):
    policy = Follow(lapse=lapse)
    log_probs = [policy.log_prob(a, State(), State(goal=goal)) for a in spaces.elements(policy.action_space)]
    assert all(type(value) is float for value in log_probs)
    assert np.isclose(np.exp(log_probs).sum(), 1.0)
    assert np.isclose(np.exp(log_probs[goal + 1]), 1 - lapse + lapse / 4)


def test_the_probabilities_of_all_vectors_sum_to_one():
    policy, state = FollowVector(lapse=0.3), State(goal=np.array([2, 1]))
    actions = [np.array([a, b]) for a in range(3) for b in range(2)]
    assert np.isclose(sum(np.exp(policy.log_prob(a, State(), state)) for a in actions), 1.0)


def test_without_a_lapse_the_action_is_sure_and_draws_nothing():
    rng = alone(0)
    assert Follow().sample(State(), State(goal=2), rng) == (2, 0.0)
    assert rng.random() == alone(0).random()
    assert Follow().log_prob(2, State(), State(goal=2)) == 0.0
    assert Follow().log_prob(1, State(), State(goal=2)) == -np.inf


class Costly(Follow):
    """Samples in its own way: its slips are its own, and it costs something to choose."""

    def sample(self, observation, state, rng):
        return self.action(observation, state) + 1, -0.5


@pytest.mark.parametrize(
    ("policy", "actions", "paid"),
    [(Follow(), {1}, 0.0), (Costly(), {2}, -0.5), (Follow(lapse=1.0), {-1, 0, 1, 2}, 0.0)],
)
def test_a_game_plays_what_a_policy_samples(policy, actions, paid):
    bundle = Bundle(MultiArmedBanditTask([0.2] * 4), User(policy=policy, state=State(goal=1)), max_rounds=40)
    bundle.reset(seed=0)
    steps = [bundle.step() for _ in range(40)]
    assert {step.game.user_action for step in steps} == actions
    assert all(step.rewards.user_policy == paid for step in steps)


@pytest.mark.parametrize("lapse", [0.25, 1.0])
def test_actions_slip_uniformly_at_the_lapse_rate(lapse):
    drawn, reward = Follow(lapse=lapse).sample(State(), State(goal=0), rows())
    expected = np.array([lapse / 4, 1 - lapse + lapse / 4, lapse / 4, lapse / 4])
    assert stats.chisquare(np.bincount(drawn + 1, minlength=4), expected * len(drawn)).pvalue > P_VALUE
    assert np.all(reward == 0.0)


def test_the_frequencies_are_those_that_log_prob_tells():
    policy, state = Follow(lapse=0.4), State(goal=1)
    drawn, _ = policy.sample(State(), state, rows(seed=3))
    told = np.exp([policy.log_prob(a, State(), state) for a in range(-1, 3)])
    assert stats.chisquare(np.bincount(drawn + 1, minlength=4), told * len(drawn)).pvalue > P_VALUE


@pytest.mark.parametrize("lapse", [0.0, 0.5])
@pytest.mark.parametrize(
    ("kind", "goals"),
    [
        (Follow, np.array([-1, 0, 2, 1, 1, 0])),
        (FollowVector, np.array([[0, 0], [1, 1], [2, 0], [2, 1], [0, 1], [1, 0]])),
        (FollowPoint, np.array([-1.0, 0.1, 0.2, 3.0, 2.5, 0.0])),
    ],
)
def test_a_deterministic_row_is_the_episode_alone(lapse, kind, goals):
    policy = kind(lapse=lapse)
    batch, _ = policy.sample(State(), State(goal=goals), rows(6))
    log_probs = policy.log_prob(goals, State(), State(goal=goals))
    assert (np.shape(batch), np.shape(log_probs)) == (goals.shape, (6,))
    membership(policy.action_space).check(freeze(batch), "batch", 6)
    for episode in range(6):
        own = State(goal=goals[episode])
        action, _ = policy.sample(State(), own, alone(episode))
        membership(policy.action_space).check(action, "alone")
        assert np.array_equal(action, batch[episode])
        assert policy.log_prob(goals[episode], State(), own) == log_probs[episode]


def test_log_prob_takes_one_action_for_many_states_and_many_for_one():
    goals = np.array([0, 1, 2])
    assert Follow().log_prob(1, State(), State(goal=goals)).tolist() == [-np.inf, 0.0, -np.inf]
    assert Follow().log_prob(goals, State(), State(goal=2)).tolist() == [-np.inf, -np.inf, 0.0]


def test_actions_that_are_states_have_a_probability_too():
    policy = FollowState()
    assert policy.log_prob(State(a=1, b=2), State(), State()) == 0.0
    assert policy.log_prob(State(a=0, b=2), State(), State()) == -np.inf


def test_actions_that_are_states_slip_inside_their_space():
    policy = FollowState(lapse=1.0)
    action, _ = policy.sample(State(), State(), alone(0))
    membership(policy.action_space).check(action, "action")


@pytest.mark.parametrize("lapse", [-0.1, 1.1, np.nan, np.inf])
def test_a_lapse_rate_is_a_probability(lapse):
    with pytest.raises(ArgumentError, match="Follow: expected a lapse rate between 0 and 1"):
        Follow(lapse=lapse)


# Discrete policies

WEIGHTS = st.lists(st.floats(0.001, 1.0) | st.just(0.0), min_size=3, max_size=3).filter(any)


@given(WEIGHTS)
def test_log_prob_is_the_logarithm_of_the_probability(weights):
    probabilities = np.array(weights) / sum(weights)
    state = State(weights=probabilities)
    told = [Weighted().log_prob(action, State(), state) for action in (5, 6, 7)]
    assert all(type(value) is float for value in told)
    assert np.allclose(np.exp(told), probabilities, rtol=1e-12, atol=0)
    assert [value == -np.inf for value in told] == [p == 0.0 for p in probabilities]


@given(WEIGHTS, st.integers(0, 1000))
def test_what_is_picked_is_possible(weights, seed):
    state = State(weights=np.array(weights) / sum(weights))
    drawn, _ = Weighted().sample(State(), state, rows(10, seed))
    assert np.isfinite(Weighted().log_prob(drawn, State(), state)).all()


def test_a_discrete_row_is_the_episode_alone():
    weights = np.array([[1, 0, 0], [0, 0.5, 0.5], [0.2, 0.3, 0.5], [0, 0, 1]], float)
    batch, reward = Weighted().sample(State(), State(weights=weights), rows(4))
    told = Weighted().log_prob(batch, State(), State(weights=weights))
    assert (batch.shape, told.shape, reward) == ((4,), (4,), 0.0)
    for episode in range(4):
        own = State(weights=weights[episode])
        action, _ = Weighted().sample(State(), own, alone(episode))
        assert type(action) is int
        assert action == batch[episode]
        assert Weighted().log_prob(action, State(), own) == told[episode]


@pytest.mark.parametrize(
    ("action", "leading", "expected"),
    [
        (6, (), ()),
        (6, (4,), (4,)),
        (np.array([5, 6, 7, 5]), (), (4,)),
        (np.array([5, 6, 7, 5]), (4,), (4,)),
        (np.array([[5], [6]]), (4,), (2, 4)),
        (np.array([5, 6, 7]), (2, 3), (2, 3)),
    ],
    ids=str,
)
def test_log_prob_has_a_number_for_each_episode_and_candidate(action, leading, expected):
    weights = np.broadcast_to([0.2, 0.3, 0.5], (*leading, 3))
    told = Weighted().log_prob(action, State(), State(weights=weights))
    assert np.shape(told) == expected
    assert np.allclose(np.exp(told), np.array([0.2, 0.3, 0.5])[np.asarray(action) - 5])


def test_the_frequencies_are_the_probabilities():
    probabilities = np.array([0.15, 0.6, 0.25])
    drawn, _ = Weighted().sample(State(), State(weights=probabilities), rows(seed=4))
    assert stats.chisquare(np.bincount(drawn - 5), probabilities * len(drawn)).pvalue > P_VALUE


@pytest.mark.parametrize("action", [4, 8, 2], ids=str)
def test_no_action_outside_the_space_gets_the_probability_of_another(action):
    state = State(weights=np.array([0.2, 0.3, 0.5]))
    try:
        told = Weighted().log_prob(action, State(), state)
    except InteractionError:
        return
    assert told == -np.inf


# Random policies

RANDOM = [
    spaces.Discrete(4, start=3),
    spaces.MultiDiscrete([2, 5]),
    spaces.MultiBinary(3),
    spaces.Box(0.0, 2.0, (2,), np.float64),
    spaces.Box(0, 4, (), np.int64),
    spaces.Dict({"a": spaces.Discrete(3), "b": spaces.MultiDiscrete([2, 2])}),
]


def pick(value, row):
    return (
        State(**{name: pick(part, row) for name, part in value.items()})
        if isinstance(value, State)
        else value[row]
    )


@pytest.mark.parametrize("space", RANDOM, ids=str)
def test_a_random_row_is_the_episode_alone_and_lies_inside(space):
    policy, member = RandomPolicy(space), membership(space)
    batch = freeze(policy.sample(State(), State(), rows(8))[0])
    member.check(batch, "batch", 8)
    told = policy.log_prob(batch, State(), State())
    assert np.shape(told) == (8,)
    for episode in range(8):
        action = freeze(policy.sample(State(), State(), alone(episode))[0])
        member.check(action, "alone")
        assert State(action=action) == State(action=freeze(pick(batch, episode)))
        assert policy.log_prob(action, State(), State()) == told[episode]


@pytest.mark.parametrize(("space", "count"), list(zip(RANDOM, [4, 10, 8, 4.0, 5, 12], strict=True)), ids=str)
def test_each_element_is_equally_probable(space, count):
    """`count` elements, or for the real box its area."""
    action = freeze(spaces.first(space))
    assert np.isclose(RandomPolicy(space).log_prob(action, State(), State()), -np.log(count))


@pytest.mark.parametrize("policy", [Follow(lapse=0.5), RandomPolicy(spaces.Discrete(4, start=-1))], ids=repr)
def test_an_action_outside_the_space_is_impossible(policy):
    told = policy.log_prob(np.array([-2, -1, 2, 3]), State(), State(goal=0))
    assert np.isfinite(told).tolist() == [False, True, True, False]
    assert policy.log_prob(99, State(), State(goal=0)) == -np.inf


@pytest.mark.parametrize("value", [0.1, 0.4, 0.7])
def test_the_bounds_of_a_32_bit_box_are_probable_alone_and_in_a_batch(value):
    policy = RandomPolicy(spaces.Box(0.1, 0.7, (), np.float32))
    alone_ = policy.log_prob(value, State(), State())
    assert np.isclose(alone_, -np.log(0.6))
    assert policy.log_prob(np.array([value, 0.5]), State(), State()).tolist() == [alone_, alone_]


def test_a_random_policy_has_equal_frequencies():
    drawn, reward = RandomPolicy(spaces.Discrete(6)).sample(State(), State(), rows(seed=5))
    assert reward == 0.0
    assert stats.chisquare(np.bincount(drawn)).pvalue > P_VALUE


# Dual policies

DUAL = DualPolicy(primary=Follow(lapse=0.5), dual=RandomPolicy(spaces.Discrete(4, start=-1)))


def test_a_dual_policy_behaves_as_its_primary():
    state = State(goal=1)
    for episode in range(20):
        expected = Follow(lapse=0.5).sample(State(), state, alone(episode))
        assert DUAL.sample(State(), state, alone(episode)) == expected
    assert DUAL.log_prob(0, State(), state) == Follow(lapse=0.5).log_prob(0, State(), state)
    assert (DUAL.action_space, DUAL.batched) == (Follow.action_space, True)


def test_a_simulated_dual_policy_is_its_dual_to_any_depth():
    assert DUAL.simulated() == DUAL.dual
    assert DualPolicy(primary=Follow(), dual=DUAL).simulated() == DUAL.dual
    assert Follow().simulated() == Follow()


@pytest.mark.parametrize("policy", [Follow(lapse=0.5), RandomPolicy(spaces.Discrete(4)), DUAL], ids=repr)
def test_policies_are_values(policy):
    before = repr(policy)
    policy.sample(State(), State(goal=1), rows(3))
    policy.log_prob(1, State(), State(goal=1))
    policy.simulated()
    assert repr(policy) == before
    if not isinstance(policy, Follow):
        assert pickle.loads(pickle.dumps(policy.simulated())) == policy.simulated()
    assert policy != RandomPolicy(spaces.Discrete(9))


@pytest.mark.parametrize("action", [-2, 3, 17])
def test_an_action_outside_has_no_probability_alone_and_in_a_batch(action):
    class Fixed(DiscretePolicy):
        batched = True
        action_space = spaces.Discrete(3, start=0)

        def probabilities(self, observation, state):
            return np.broadcast_to([0.2, 0.3, 0.5], (*np.shape(state.rows), 3))

    assert Fixed().log_prob(action, State(), State(rows=0)) == -np.inf
    batch = Fixed().log_prob(freeze(np.array([0, action, 2])), State(), State(rows=np.zeros(3)))
    assert np.array_equal(batch, [np.log(0.2), -np.inf, np.log(0.5)])


def test_the_last_element_of_a_space_is_inside_and_the_next_is_not():
    for n, start in ((4, 0), (5, 0), (4, 1), (3, -1)):
        policy = RandomPolicy(spaces.Discrete(n, start=start))
        assert policy.log_prob(start + n - 1, State(), State()) == pytest.approx(-np.log(n))
        assert policy.log_prob(start + n, State(), State()) == -np.inf
        assert policy.log_prob(start - 1, State(), State()) == -np.inf


class Certain(DiscretePolicy):
    """Has one action."""

    action_space = spaces.Discrete(1, start=5)

    def probabilities(self, observation, state):
        return np.array([1.0])


def test_a_policy_of_a_single_action():
    assert Certain().log_prob(5, State(), State()) == 0.0
    assert [Certain().log_prob(action, State(), State()) for action in (0, 4, 6)] == [-np.inf] * 3
