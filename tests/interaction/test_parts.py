"""Policies, observation engines, inference engines and agents."""

import pickle

import numpy as np
import pytest

from interaction import (
    Assistant,
    CascadedInferenceEngine,
    CascadedObservationEngine,
    DeterministicPolicy,
    DiscretePolicy,
    DualInferenceEngine,
    DualPolicy,
    EpisodeRandom,
    GameState,
    GaussianNoise,
    InferenceEngine,
    ObservationEngine,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    State,
    User,
    spaces,
)
from interaction.errors import ArgumentError, ContractError, UnknownNameError
from interaction.observation import DefaultObservationEngine
from interaction.state import flatten
from users.coordination import PARAMETERS, PseudoRandomPolicy, PseudoRandomUser

TEN = spaces.Discrete(10)
SEEN, OWN = State(task_state=State(x=3)), State(p0=1, p1=5, p2=7)
ROWS = EpisodeRandom(0, episodes=np.arange(4000))
GAME = GameState(
    task_state=State(x=3, secret=4),
    user_state=State(goal=1),
    assistant_state=State(guess=2),
    user_action=5,
    assistant_action=6,
    user_observation=State(user_state=State(goal=1)),
    assistant_observation=State(assistant_state=State(guess=2)),
)


class Fixed(DiscretePolicy):
    batched = True
    action_space = spaces.Discrete(3, start=5)

    def probabilities(self, observation, state):
        return np.array([0.25, 0.0, 0.75])


class TwoNumbers(DeterministicPolicy):
    action_space = spaces.MultiDiscrete([3, 4])

    def action(self, observation, state):
        return np.array([1, 2])


def test_a_deterministic_policy_slips_at_its_lapse_rate():
    policy = PseudoRandomPolicy(lapse=0.3)
    sure = policy.action(SEEN, OWN)
    probabilities = [np.exp(policy.log_prob(a, SEEN, OWN)) for a in range(10)]
    assert np.isclose(sum(probabilities), 1.0)
    assert np.isclose(probabilities[sure], 0.7 + 0.03)
    drawn, reward = policy.sample(SEEN, OWN, ROWS.copy())
    assert reward == 0.0
    # 4,000 draws: the share of hits has the standard deviation 0.007; five of them are allowed
    assert abs((drawn == sure).mean() - 0.73) < 0.035
    assert PseudoRandomPolicy().log_prob(sure, SEEN, OWN) == 0.0
    assert PseudoRandomPolicy().log_prob(sure - 1, SEEN, OWN) == -np.inf
    with pytest.raises(ArgumentError, match=r"lapse rate between 0 and 1, got 1\.5"):
        PseudoRandomPolicy(lapse=1.5)


def test_a_vector_of_actions_has_one_log_prob():
    assert TwoNumbers().log_prob(np.array([1, 2]), SEEN, OWN) == 0.0
    assert TwoNumbers().log_prob(np.array([1, 3]), SEEN, OWN) == -np.inf
    slipping = TwoNumbers(lapse=0.5)
    drawn, _ = slipping.sample(SEEN, OWN, EpisodeRandom())
    assert spaces.MultiDiscrete([3, 4]).contains(np.asarray(drawn))
    assert np.isclose(np.exp(slipping.log_prob(np.array([0, 0]), SEEN, OWN)), 0.5 / 12)


def test_a_discrete_policy_follows_its_probabilities():
    assert Fixed().log_prob(5, SEEN, OWN) == np.log(0.25)
    assert Fixed().log_prob(6, SEEN, OWN) == -np.inf
    assert np.array_equal(Fixed().log_prob(np.array([7, 5]), SEEN, OWN), np.log([0.75, 0.25]))
    drawn, _ = Fixed().sample(SEEN, OWN, ROWS.copy())
    assert set(drawn) == {5, 7}
    assert abs((drawn == 7).mean() - 0.75) < 0.035
    assert type(Fixed().sample(SEEN, OWN, EpisodeRandom())[0]) is int


@pytest.mark.parametrize(
    "space",
    [TEN, spaces.MultiDiscrete([2, 5]), spaces.MultiBinary(3), spaces.Box(0.0, 2.0, (2,), np.float64)],
)
def test_a_random_policy_is_uniform(space):
    policy = RandomPolicy(space)
    action, _ = policy.sample(SEEN, OWN, ROWS.copy())
    one, _ = policy.sample(SEEN, OWN, EpisodeRandom(0, 5))
    assert np.array_equal(action[5], one)
    log_prob = {10: -np.log(10), 2: -np.log(10) if space.dtype.kind == "i" else -np.log(4), 3: -np.log(8)}
    size = 10 if space is TEN else int(np.prod(space.shape))
    assert np.allclose(policy.log_prob(action, SEEN, OWN), log_prob[size])


def test_no_uniform_policy_over_an_unbounded_space():
    policy = RandomPolicy(spaces.Box(-np.inf, np.inf, (), np.float64))
    with pytest.raises(ArgumentError, match="not bounded"):
        policy.log_prob(0.0, SEEN, OWN)
    nested = RandomPolicy(spaces.Dict({"a": TEN, "b": spaces.Discrete(2)}))
    assert np.isclose(nested.log_prob(State(a=1, b=0), SEEN, OWN), -np.log(20))


@pytest.mark.parametrize(
    ("call", "method"),
    [
        (lambda: Policy().sample(SEEN, OWN, ROWS), "sample"),
        (lambda: Policy().log_prob(1, SEEN, OWN), "log_prob"),
        (lambda: DeterministicPolicy().action(SEEN, OWN), "action"),
        (lambda: DiscretePolicy().probabilities(SEEN, OWN), "probabilities"),
        (lambda: ObservationEngine().observe(GAME, ROWS), "observe"),
    ],
)
def test_a_missing_method_is_named_with_its_signature(call, method):
    with pytest.raises(ContractError, match=rf"must define {method}\(self, .*returns"):
        call()


def test_by_default_nobody_sees_into_the_other():
    for role, hidden in (("user", "guess"), ("assistant", "goal")):
        seen, cost = DefaultObservationEngine(role).observe(GAME, ROWS)
        assert hidden not in {path.split(".")[-1] for path, _ in flatten(seen)}
        assert (seen.task_state, cost) == (GAME.task_state, 0.0)
        ruled, _ = RuleObservationEngine(role).observe(GAME, ROWS)
        assert ruled == seen


def _double(value):
    return 2 * value


def test_rules_take_away_transform_and_disturb():
    engine = RuleObservationEngine(
        "assistant",
        hide=["task_state.secret", "user_action"],
        transform={"task_state.x": _double},
        noise={"task_state.x": GaussianNoise(0.5)},
        cost=0.1,
    )
    seen, reward = engine.observe(GAME, EpisodeRandom(0, 1))
    assert "user_action" not in seen
    assert list(seen.task_state) == ["x"]
    assert seen.task_state.x == 6 + EpisodeRandom(0, 1).normal(0.0, 0.5)
    assert reward == -0.1
    only, _ = RuleObservationEngine("user", see=["task_state.x", "user_state"]).observe(GAME, ROWS)
    assert only == State(user_state=State(goal=1), task_state=State(x=3))
    assert pickle.loads(pickle.dumps(engine)) == engine


def test_rules_say_which_path_is_wrong():
    with pytest.raises(UnknownNameError, match=r"hide: there is no 'z'.*task_state\.x"):
        RuleObservationEngine("user", hide=["z"]).observe(GAME, ROWS)
    with pytest.raises(UnknownNameError, match="see: there is no 'zz'"):
        RuleObservationEngine("user", see=["zz"]).observe(GAME, ROWS)
    with pytest.raises(UnknownNameError, match="state: there is no"):
        RuleObservationEngine("user", transform={"task_state.q": _double}).observe(GAME, ROWS)
    with pytest.raises(ArgumentError, match="takes a list of paths"):
        RuleObservationEngine("user", hide="user_action")
    with pytest.raises(UnknownNameError, match="role: there is no 'robot'"):
        RuleObservationEngine("robot")
    with pytest.raises(ArgumentError, match="standard deviation"):
        GaussianNoise(-1.0)


def test_cascades_go_in_order_and_add_up():
    first = RuleObservationEngine("user", hide=["task_state.secret"], cost=1.0)
    second = RuleObservationEngine("user", transform={"task_state.x": _double}, cost=2.0)
    seen, reward = CascadedObservationEngine([first, second, DefaultObservationEngine("user")]).observe(
        GAME, ROWS
    )
    assert (seen.task_state, reward) == (State(x=6), -3.0)

    class Add(InferenceEngine):
        def infer(self, observation, state, rng):
            return state.replace(n=state.n * 2 + 1), -1.0

    cascade = CascadedInferenceEngine([Add(), Add(), InferenceEngine()])
    assert cascade.infer(SEEN, State(n=0), ROWS) == (State(n=3), -2.0)
    assert cascade.batched is None


def test_a_dual_stands_in_when_simulated():
    dual = DualPolicy(primary=PseudoRandomPolicy(), dual=RandomPolicy(TEN))
    assert dual.sample(SEEN, OWN, ROWS) == PseudoRandomPolicy().sample(SEEN, OWN, ROWS)
    assert dual.log_prob(3, SEEN, OWN) == PseudoRandomPolicy().log_prob(3, SEEN, OWN)
    engine = DualInferenceEngine(primary=CascadedInferenceEngine([]), dual=InferenceEngine())
    agent = Assistant(policy=dual, inference_engine=CascadedInferenceEngine([engine]))
    twin = agent.dual()
    assert twin.policy == RandomPolicy(TEN)
    assert twin.inference_engine.engines == (InferenceEngine(),)
    assert agent.dual(policy=False).policy is dual
    assert agent.dual(inference_engine=False, policy=False) == agent


def test_an_agent_is_a_value_whose_parts_are_replaced():
    user = PseudoRandomUser(p0=3)
    other = user.replace(policy=RandomPolicy(TEN))
    assert user.policy == PseudoRandomPolicy()
    assert other != user
    assert other.replace(policy=PseudoRandomPolicy()) == user
    assert user.reset(ROWS) == State(p0=3, p1=5, p2=7)
    with pytest.raises(UnknownNameError, match="Did you mean 'policy'"):
        user.replace(polcy=RandomPolicy(TEN))
    assert "PseudoRandomUser(policy=PseudoRandomPolicy(lapse=0.0)" in repr(user)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: User(policy=RandomPolicy), "the class RandomPolicy; make an instance"),
        (lambda: User(policy=RandomPolicy(TEN), state=State(x=1)), "give state_space too"),
        (lambda: User(policy=RandomPolicy(TEN), observation_engine=3), "expected a ObservationEngine, got 3"),
        (lambda: User(policy=RandomPolicy(TEN), state={"x": 1}, state_space=PARAMETERS), "expected a State"),
    ],
)
def test_a_wrong_part_is_an_error_at_once(make, message):
    with pytest.raises(ContractError, match=message):
        make()
    with pytest.raises(TypeError):
        User(policy=RandomPolicy(TEN), colour="red")


def test_a_reset_of_ones_own_is_found_out_in_batches():
    class Drawn(User):
        def reset(self, rng):
            return State(p0=rng.integers(0, 10))

    assert (User.batched, Drawn.batched) == (True, None)
