"""What takes whole batches is asked once from inside a lifted method, and gives what it gives alone."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import softmax

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InferenceEngine,
    InteractionTask,
    Policy,
    RandomPolicy,
    Samples,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.assistants.pointing import ConstantGain, GoalInference
from interaction.batching import ways
from interaction.batching.selection import row_of, stack
from interaction.envs import EnvPolicy, UserEnv
from interaction.errors import ContractError
from interaction.planning import ExpectedInformationGain, RolloutReturns
from interaction.state import lock
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.coordination import PseudoRandomUser
from interaction.users.pointing import CarefulPointer
from tests.interaction.batching.compare import (
    ROWS,
    assert_lifted,
    assert_not_lifted,
    compare,
    repeated,
    stream,
)

TEN = spaces.Discrete(10)
X = repeated(0, 3, 7, 2, 9, 5)
WANTED = repeated(4, 1, 8)
SEEN = State(round_index=2, task_state=State(x=X), user_action=repeated(1, 2, 0), assistant_action=3)


class Wanting(DiscretePolicy):
    """Goes mostly to where it wants."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        x = observation.task_state.x
        best = 2 if x < state.wanted else 0 if x > state.wanted else 1
        return np.where(np.arange(3) == best, 0.75, 0.125)


class WantingUser(User):
    def __init__(self):
        super().__init__(
            policy=Wanting(), state=State(wanted=5), state_space=spaces.Dict({"wanted": spaces.Discrete(10)})
        )

    def reset(self, rng):
        return State(wanted=rng.integers(0, 10))


class Counted:
    """Says how often one was asked, and with how many episodes; what is asked lifted does not count."""

    def __init__(self, monkeypatch, kind, *names):
        self.rows = []
        for name in names:
            monkeypatch.setattr(kind, name, self.counting(getattr(kind, name)))

    def counting(self, method):
        def call(*arguments, **options):
            streams = [one for one in arguments if type(one) is EpisodeRandom]
            self.rows += [one.rows for one in streams]
            return method(*arguments, **options)

        return call


def assert_asked_once(counted, function, *values):
    """Raise unless a function is lifted to the bit, and what it asks is asked once for all episodes."""
    counted.rows.clear()
    assert_lifted(function, *values, rng=stream(X))
    assert counted.rows.count(ROWS) == 1
    assert counted.rows.count(None) == ROWS  # those of the single episodes, with which it is compared
    assert len(counted.rows) == ROWS + 1


PREDICTING = Simulator(user_model=WantingUser())
PLAYING = Simulator(
    CoordinatedTask(), User(policy=RandomPolicy(TEN)), Assistant(policy=RandomPolicy(TEN)), max_rounds=4
)


def test_predictions_of_the_user(monkeypatch):
    counted = Counted(monkeypatch, Simulator, "predict_user_action")

    def predicted(seen, wanted, rng):
        first = PREDICTING.predict_user_action(seen, rng, State(wanted=wanted))
        return first + 1, rng.random(), isinstance(first, int)

    assert_asked_once(counted, predicted, SEEN, WANTED)
    assert_asked_once(counted, PREDICTING.predict_user_action, SEEN)
    moved = lambda seen, rng: PREDICTING.predict_user_action(  # noqa: E731
        seen.replace(task_state=State(x=(seen.task_state.x + 1) % 10)), rng, State(wanted=3)
    )
    assert_asked_once(counted, moved, SEEN)


def test_predictions_in_a_branch_are_asked_for_the_episodes_that_take_it(monkeypatch):
    counted = Counted(monkeypatch, Simulator, "predict_user_action")

    def branching(seen, wanted, rng):
        if seen.task_state.x > 4:
            return -1
        if wanted > 3:
            rng.random()
        return PREDICTING.predict_user_action(seen, rng, State(wanted=wanted))

    assert_lifted(branching, SEEN, WANTED, rng=stream(X))
    asked = [rows for rows in counted.rows if rows is not None]
    assert sum(asked) == (X <= 4).sum()
    assert len(asked) <= 2


@pytest.mark.parametrize("over", [{"user_state.wanted": range(10)}, {"user_state.wanted": [2, 7]}])
def test_probabilities_of_actions(monkeypatch, over):
    counted = Counted(monkeypatch, Simulator, "user_action_log_prob")

    def weighed(seen, rng):
        log_prob = PREDICTING.user_action_log_prob(seen.user_action, seen, rng, over=over)
        weights = np.exp(log_prob - log_prob.max())
        return weights / weights.sum(), log_prob.sum(), np.argmax(log_prob)

    assert_asked_once(counted, weighed, SEEN)


def test_rollouts(monkeypatch):
    counted = Counted(monkeypatch, Simulator, "rollout")

    def played(seen, rng):
        found = PLAYING.rollout(seen, rng, record=("task_state.x",))
        return (
            found.returns,
            found.lengths,
            found.terminated,
            found.values["task_state.x"],
            found.rewards["user_task"],
        )

    def candidates(seen, rng):
        found = PLAYING.rollout(seen, rng, over={"task_state.x": [0, 4], "user_action": [1, 2, 3]})
        return found.returns.max(axis=-1), np.argmax(found.returns), found.lengths, found.truncated.all()

    def started(seen, rng):
        start = {"task_state": {"x": (seen.task_state.x + 1) % 10}}
        found = PLAYING.rollout(seen, rng, start=start, max_rounds=2)
        return found.returns * 1.5, rng.random()

    for function in (played, candidates, started):
        assert_asked_once(counted, function, SEEN)


def test_choices_between_rollouts_part_the_episodes():
    def best(seen, rng):
        found, value = -1, -1e9
        for action in range(3):
            rollout = PLAYING.rollout(seen, rng, start={"user_action": action})
            if rollout.returns > value:
                found, value = action, rollout.returns
        return found, value

    assert_lifted(best, SEEN, rng=stream(X))


FILTERS = {
    "grid": UserModelFilter(WantingUser(), Grid({"wanted": range(10)})),
    "particles": UserModelFilter(WantingUser(), Samples({"wanted": stats.randint(0, 10)}, n=12)),
}
OBSERVED = State(
    round_index=2,
    task_state=State(x=X),
    previous_task_state=State(x=X),
    user_action=repeated(1, 2, 0),
    assistant_action=3,
    provenance=1,
)


def believed(one):
    """The beliefs of a filter in each episode, with other weights in each."""
    beliefs = stack([one.initial(stream(X).row(row)) for row in range(ROWS)])
    weights = np.random.default_rng(0).dirichlet(np.ones(one.parameters.size), ROWS)
    return beliefs.replace(log_weights=lock(np.log(weights)))


@pytest.mark.parametrize("name", FILTERS)
def test_filters(monkeypatch, name):
    one = FILTERS[name]
    state = State(belief=believed(one), n=repeated(1, 2))
    counted = Counted(monkeypatch, UserModelFilter, "update", "predict", "initial")

    def updated(observation, state, rng):
        after, reward = one.infer(observation, state, rng)
        return after, reward, np.argmax(after.belief.log_weights), after.belief.log_evidence

    assert_asked_once(counted, updated, OBSERVED, state)
    assert_asked_once(counted, lambda o, s, rng: one.update(s.belief, o, rng).log_weights, OBSERVED, state)
    assert_asked_once(counted, lambda o, s, rng: one.predict(s, o, rng).argmax() + s.n, OBSERVED, state)
    assert_asked_once(counted, lambda o, s, rng: (one.initial(rng), rng.random()), OBSERVED, state)


def test_posteriors_are_read_off_a_belief():
    one = FILTERS["grid"]
    beliefs = believed(one)

    def read(state, rng):
        posterior = one.posterior(state)
        return posterior.mean("wanted"), posterior.weights.max(), posterior.log_evidence, posterior.entropy()

    assert_lifted(read, State(belief=beliefs), rng=stream(X))
    assert (
        compare(lambda state, rng: one.posterior(state).mode(), State(belief=beliefs), rng=stream(X))
        is not None
    )


POINTING = PointingTask(9, 3, "position")
TARGETS = lock(
    np.sort(np.random.default_rng(1).permuted(np.tile(np.arange(9), (ROWS, 1)), axis=1)[:, :3], axis=1)
)
POINTER = CarefulPointer(0.1)
GOALS = GoalInference(POINTER, POINTING)
ON_SCREEN = State(
    round_index=1,
    task_state=State(position=repeated(4, 2, 8, 0), targets=TARGETS),
    user_action=repeated(1, -1),
)


def test_gains_of_information(monkeypatch):
    planner = ExpectedInformationGain(GOALS, spaces.Discrete(9))
    counted = Counted(monkeypatch, ExpectedInformationGain, "gain")

    def gained(observation, state, rng):
        gain = planner.gain(state, observation, rng)
        return gain, np.argmax(gain), gain.max() > 0.5

    assert_asked_once(counted, gained, ON_SCREEN, State(belief=believed(GOALS)))
    assert_lifted(
        lambda o, s, rng: planner.best(s, o, rng) * 2, ON_SCREEN, State(belief=believed(GOALS)), rng=stream(X)
    )


def test_returns_of_rollouts(monkeypatch):
    planner = RolloutReturns(
        GOALS, spaces.Discrete(9), Assistant(policy=RandomPolicy(spaces.Discrete(9))), 2, 3
    )
    counted = Counted(monkeypatch, RolloutReturns, "returns")

    def planned(observation, state, rng):
        found = planner.returns(state, observation, rng).mean(axis=-2)
        return np.argmax(found), found.max()

    assert_asked_once(counted, planned, ON_SCREEN, State(belief=believed(GOALS)))


class Delegates(Policy):
    """Leaves the choice to another policy, in some episodes."""

    def __init__(self, other):
        self.other = other
        self.action_space = other.action_space

    def sample(self, observation, state, rng):
        if observation.round_index % 2 and rng.random() < 0.5:
            return self.action_space.start + 1, -0.5
        action, reward = self.other.sample(observation, state, rng)
        return action, reward - 0.25


def test_trained_models_are_asked_episode_by_episode_for_all_at_once():
    def towards(seen):
        calls.append(1)
        cell = seen["task_state.targets"][seen["task_state.goal"]]
        return int(np.sign(cell - seen["task_state.position"])) + 1

    calls = []
    task = PointingTask(15, 4)
    paths = ["task_state.position", "task_state.targets", "task_state.goal"]
    known = Bundle(task, POINTER, ConstantGain(1.0), max_rounds=9)
    trained = EnvPolicy.trained_in(UserEnv(known, paths=paths), towards)
    bundle = Bundle(task, POINTER.replace(policy=Delegates(trained)), ConstantGain(1.0), max_rounds=9)
    runs = bundle.run(50, seed=1)
    assert ways(bundle)["user policy.sample"] == "lifted"
    bundle.user.policy.batched = False
    assert bundle.run(50, seed=1) == runs
    assert calls


SPACES = {
    "discrete": spaces.Discrete(7, start=-2),
    "real": spaces.real(-1.0, 2.5),
    "vector": spaces.real(0.0, 1.0, (3,)),
    "whole": spaces.whole(-5, 9),
    "whole vector": spaces.whole(-5, 9, (2, 2)),
    "one-sided": spaces.real(0.0),
    "flags": spaces.MultiBinary(4),
    "choices": spaces.MultiDiscrete([2, 3, 4]),
    "dict": spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Dict({"c": spaces.real(0, 1, (2,))})}),
    "one": spaces.real(0.0, 1.0, (1,)),
}


@pytest.mark.parametrize("name", SPACES)
def test_samples_of_spaces(name):
    space = SPACES[name]

    def sampled(x, rng):
        first = spaces.sample(space, rng)
        if x > 4:
            return first, rng.random()
        return spaces.sample(space, rng), rng.random()

    assert_lifted(sampled, X, rng=stream(X))


@pytest.mark.parametrize("policy", [RandomPolicy(TEN), RandomPolicy(spaces.real(0, 1, (2,))), Wanting()])
def test_policies_of_others(policy):
    def sampled(seen, wanted, rng):
        if wanted > 5:
            rng.random()
        action, reward = policy.sample(seen, State(wanted=wanted), rng)
        return action, reward, policy.log_prob(action, seen, State(wanted=wanted))

    assert_lifted(sampled, SEEN, WANTED, rng=stream(X))


class Mimics(Policy):
    """Simulates within a simulation: the assistant's model of a user who simulates the assistant."""

    action_space = TEN
    inner = Simulator(user_model=WantingUser())

    def sample(self, observation, state, rng):
        if observation.task_state.x == 3:
            return 7, 0.0
        return self.inner.predict_user_action(observation, rng) + rng.integers(0, 3), 0.0


def test_simulations_in_simulations():
    outer = Simulator(user_model=User(policy=Mimics()))

    def predicted(seen, rng):
        first = outer.predict_user_action(seen, rng)
        return first if first > 2 else first + outer.predict_user_action(seen, rng)

    assert_lifted(predicted, SEEN, rng=stream(X))


def test_an_error_behind_a_door_comes_through():
    class Fails(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            if observation.task_state.x == 7:
                raise LookupError("seven")
            return 1

    simulator = Simulator(user_model=User(policy=Fails()))
    refusal = compare(simulator.predict_user_action, SEEN, rng=stream(X))
    assert isinstance(refusal, LookupError)

    def caught(seen, rng):
        try:
            return simulator.predict_user_action(seen, rng)
        except LookupError:
            return 5

    assert_not_lifted(caught, SEEN, rng=stream(X), because="raises LookupError in an episode")
    assert isinstance(compare(PREDICTING.rollout, SEEN, rng=stream(X)), ContractError)


def coin(observation, state):
    return np.stack([1 - state.p, state.p])


class Coin(DiscretePolicy):
    action_space = spaces.Discrete(2)
    probabilities = staticmethod(coin)


def coin_filter():
    user = User(policy=Coin(), state=State(p=0.5), state_space=spaces.Dict(p=spaces.real(0, 1)))
    return user, UserModelFilter(user, Grid({"p": [0.2, 0.9]}), task_model=Hundred(), delay=1)


class Hundred(InteractionTask):
    """A number is drawn in each round, and where it began is not told."""

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(State(x=rng.integers(0, 100)))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


class Sometimes(InferenceEngine):
    """Asks its filter in one round of ten."""

    def __init__(self, belief_filter):
        self.filter = belief_filter

    def infer(self, observation, state, rng):
        if observation.task_state.x >= 10:
            return state, 0.0
        return state.replace(belief=self.filter.update(state.belief, observation, rng)), rng.random()


def test_beliefs_of_which_some_have_seen_nothing_yet():
    user, belief_filter = coin_filter()
    watching = Assistant(
        policy=RandomPolicy(spaces.Discrete(2)),
        inference_engine=Sometimes(belief_filter),
        state=State(belief=belief_filter.initial(EpisodeRandom())),
        state_space=spaces.Dict(belief=belief_filter.space),
    )
    bundle = Bundle(Hundred(), user, watching, max_rounds=8)
    runs = bundle.run(300, seed=0)
    for episode in range(300):
        assert bundle.run([episode], seed=0) == runs.episode(episode)


def test_beliefs_of_different_ages_go_on_each_by_itself():
    user, belief_filter = coin_filter()
    watching = Assistant(
        policy=RandomPolicy(spaces.Discrete(2)),
        inference_engine=belief_filter,
        state=State(belief=belief_filter.initial(EpisodeRandom())),
        state_space=spaces.Dict(belief=belief_filter.space),
    )
    bundle = Bundle(Hundred(), user, watching, max_rounds=3)
    updates = [episode % 2 for episode in range(20)]
    runs = bundle.run(20, seed=0, start={"assistant_state": {"belief": {"updates": updates}}})
    for episode in range(20):
        start = {"assistant_state": {"belief": {"updates": updates[episode]}}}
        assert bundle.run([episode], seed=0, start=start) == runs.episode(episode)


def test_a_gain_of_one_action_adds_up_as_in_a_batch():
    """A single column would be added in pairs."""

    class Wide(DiscretePolicy):
        action_space = spaces.Discrete(11)

        def probabilities(self, observation, state):
            return softmax(state.k * np.arange(11) * observation.task_state.x)

    user = User(policy=Wide(), state=State(k=0.1), state_space=spaces.Dict(k=spaces.real(0, 1)))
    belief_filter = UserModelFilter(user, Grid({"k": np.linspace(0.013, 0.7, 7)}), task_model=Hundred())
    gain = ExpectedInformationGain(belief_filter, spaces.Discrete(1))
    rng = EpisodeRandom(0, episodes=np.arange(20)).at(1, 6)
    state = State(belief=lock_rows(belief_filter.initial(EpisodeRandom()), 20))
    observation = State(round_index=1, task_state=State(x=lock(np.linspace(0.1, 0.9, 20))), user_action=0)
    found = gain.gain(state, observation, rng.copy())
    for row in range(20):
        alone = gain.gain(row_of(state, row), row_of(observation, row), rng.row(row))
        assert alone.tobytes() == found[row].tobytes()


def lock_rows(value, rows):
    from interaction.opening import for_rows

    return for_rows(value, rows)


class Nested(Policy):
    """Takes actions of two parts."""

    action_space = spaces.Dict(m=spaces.Discrete(3), z=spaces.Discrete(2))

    def sample(self, observation, state, rng):
        return State(m=rng.integers(0, 3), z=0), 0.0

    def log_prob(self, action, observation, state):
        return np.log(0.8 if action.m == state.k else 0.1) - np.log(2)


def test_the_log_probability_of_a_nested_action():
    user = User(policy=Nested(), state=State(k=0), state_space=spaces.Dict(k=spaces.Discrete(3)))
    simulator = Simulator(user_model=user)
    over = {"user_state.k": [0, 1, 2]}
    seen = State(task_state=State())
    alone = [
        simulator.user_action_log_prob(State(m=m, z=0), seen, EpisodeRandom(), over=over) for m in range(3)
    ]
    assert np.array_equal(alone, np.log(np.where(np.eye(3, dtype=bool), 0.8, 0.1)) - np.log(2))
    actions = State(m=lock(np.arange(3)), z=0)
    rng = EpisodeRandom(episodes=np.arange(3))
    assert np.array_equal(simulator.user_action_log_prob(actions, seen, rng, over=over), alone)


class Planner(Policy):
    """How far it looks ahead depends on what it sees."""

    action_space = TEN

    def __init__(self, simulator):
        self.simulator = simulator

    def sample(self, observation, state, rng):
        x = observation.task_state.x
        found = self.simulator.rollout(
            observation,
            rng,
            max_rounds=x % 3 + 1,
            common_random_numbers=x > 4,
            over={"user_state.p0": [1, 2]},
        )
        return int(-found.returns.sum()) % 10, 0.0


def test_options_of_a_rollout_may_differ_between_episodes():
    helper = Assistant(policy=RandomPolicy(TEN))
    simulator = Simulator(CoordinatedTask(), PseudoRandomUser(), helper)
    bundle = Bundle(
        CoordinatedTask(), PseudoRandomUser(), Assistant(policy=Planner(simulator)), max_rounds=12
    )
    runs = bundle.run(200, seed=0, start={"task_state": {"x": np.arange(200) % 9}})
    assert ways(bundle)["assistant policy.sample"] == "lifted"
    for episode in range(0, 200, 7):
        alone = bundle.run([episode], seed=0, start={"task_state": {"x": episode % 9}})
        assert alone == runs.episode(episode)
