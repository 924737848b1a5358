"""Simulators answer by ordinary calls, alone and in batches, to any depth."""

import pickle

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DualInferenceEngine,
    EpisodeRandom,
    InferenceEngine,
    Policy,
    RandomPolicy,
    Simulator,
    State,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistantWithRollout, RolloutInferenceEngine
from interaction.errors import ArgumentError, ContractError, SpaceError, UnknownNameError
from interaction.inference.engine import IdentityInferenceEngine
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PARAMETERS, PseudoRandomPolicy, PseudoRandomUser

TEN = spaces.Discrete(10)
RNG = EpisodeRandom(0, 0)
COPYCAT = Assistant(policy=PseudoRandomPolicy(), state=State(p0=0, p1=5, p2=7), state_space=PARAMETERS)
SIMULATOR = Simulator(CoordinatedTask(), PseudoRandomUser(), COPYCAT, max_rounds=30)
OVER = {"assistant_state.p0": range(10)}


def seen(x):
    return State(task_state=State(x=x))


def test_a_rollout_adds_an_axis_for_each_path():
    alone = SIMULATOR.rollout(seen(0), RNG, over=OVER)
    assert alone.returns.shape == (10,)
    assert (alone.returns[1], alone.lengths[1], alone.terminated[1]) == (-19, 10, True)
    assert alone.truncated.sum() == 9
    two = SIMULATOR.rollout(seen(0), RNG, over={**OVER, "user_state.p0": [1, 4, 6]}, record=("task_state",))
    assert two.returns.shape == (10, 3)
    assert [two.returns[p, i] for i, p in enumerate((1, 4, 6))] == [-19] * 3
    assert two.values["task_state.x"].shape == (10, 3)
    assert two.values["task_state.x"].max() == 9
    one = SIMULATOR.rollout(seen(0), RNG, start={"assistant_state": {"p0": 1}})
    assert (one.returns, one.lengths, one.terminated) == (-19.0, 10, True)


def test_a_rollout_in_a_batch_is_that_of_each_episode():
    xs = np.array([0, 3, 9, 5])
    rng = EpisodeRandom(4, episodes=np.arange(4))
    batch = SIMULATOR.rollout(seen(xs), rng, over=OVER)
    assert batch.returns.shape == (4, 10)
    for row, x in enumerate(xs):
        alone = SIMULATOR.rollout(seen(int(x)), EpisodeRandom(4, row), over=OVER)
        assert np.array_equal(alone.returns, batch.returns[row])
        assert np.array_equal(alone.rewards["user_task"], batch.rewards["user_task"][row])
    starts = SIMULATOR.rollout(seen(xs), rng, start={"assistant_state.p0": np.array([1, 0, 1, 1])})
    assert starts.returns.shape == (4,)
    assert starts.terminated.tolist() == [True, False, True, True]


def test_candidates_share_their_random_numbers():
    idle = User(policy=RandomPolicy(TEN), state=State(idle=0))
    simulator = Simulator(CoordinatedTask(), idle, Assistant(policy=RandomPolicy(TEN)), max_rounds=300)
    over = {"user_state.idle": range(8)}
    common = simulator.rollout(seen(0), RNG, over=over).returns
    own = simulator.rollout(seen(0), RNG, over=over, common_random_numbers=False).returns
    assert len(set(common)) == 1
    assert len(set(own)) > 1
    again = EpisodeRandom(0, 0)
    first, second = (simulator.rollout(seen(0), again, max_rounds=20).rewards for _ in range(2))
    assert first["user_task"] == second["user_task"]


def test_it_starts_at_a_turn_and_ends_after_some_rounds():
    rollout = SIMULATOR.rollout(seen(0), RNG, from_turn="assistant_observes", max_rounds=1)
    assert rollout.rewards["user_task"] == 0.0
    assert rollout.rewards["assistant_task"] == -1.0
    assert rollout.lengths == 1


class Nested(InferenceEngine):
    """Infers by rollouts in which the assistant's own primary engine plays: a simulation in a simulation."""

    batched = True

    def __init__(self, simulator):
        self.simulator = simulator

    def infer(self, observation, state, rng):
        if observation.round_index > 0:
            return state, 0.0
        rollout = self.simulator.rollout(observation, rng, over={"user_state.p1": [5, 6]})
        return state.replace(p2=np.asarray(rollout.lengths)[..., 1] % 10), 0.0


def test_a_rollout_inside_a_rollout():
    user = PseudoRandomUser(p0=4)
    inner = CoordinatedAssistantWithRollout(CoordinatedTask(), user, p1=5, p2=7, max_rounds=12)
    outer = Simulator(CoordinatedTask(), user, inner, max_rounds=12, use_primary_inference=True)
    assert isinstance(outer.assistant.inference_engine, DualInferenceEngine)
    state = inner.reset(RNG)
    observation = State(task_state=State(x=0), assistant_state=state)
    alone = outer.rollout(observation, RNG, over={"user_state.p1": [5, 6]}, record=("assistant_state",))
    assert alone.returns.tolist() == [-19.0, -24.0]
    assert alone.values["assistant_state.p0"][0] == 4
    rng = EpisodeRandom(0, episodes=np.arange(3))
    batch = outer.rollout(observation, rng, over={"user_state.p1": [5, 6]})
    assert batch.returns.tolist() == [[-19.0, -24.0]] * 3
    third = inner.replace(
        state=State(p0=0, p1=5, p2=0, user_model=user.state),
        inference_engine=DualInferenceEngine(Nested(outer), IdentityInferenceEngine()),
    )
    runs = Bundle(CoordinatedTask(), user, third, max_rounds=2).run(4, seed=0)
    assert (
        runs["assistant_state.p2"][:, 0] == 2
    ).all()  # 12 rounds, truncated, where the user is another one


class Fragile(Policy):
    action_space = TEN
    batched = True

    def sample(self, observation, state, rng):
        raise ZeroDivisionError("in the simulation")


def test_an_exception_in_a_simulation_leaves_nothing_behind():
    broken = Simulator(CoordinatedTask(), User(policy=Fragile()), COPYCAT, max_rounds=5)
    engine = RolloutInferenceEngine(broken)
    assistant = COPYCAT.replace(
        inference_engine=engine,
        state=State(p0=0, p1=5, p2=7, user_model=State()),
        state_space=spaces.merge(PARAMETERS, spaces.Dict({"user_model": spaces.Dict({})})),
    )
    bundle = Bundle(CoordinatedTask(), PseudoRandomUser(), assistant, max_rounds=20)
    bundle.reset(seed=0)
    before, twin = bundle.game, pickle.dumps(assistant)
    with pytest.raises(Exception, match="in the simulation"):
        bundle.step()
    assert bundle.game == before
    assert pickle.dumps(assistant) == twin


def test_predictions_alone_and_in_a_batch():
    simulator = Simulator(user_model=PseudoRandomUser())
    xs = np.arange(10)
    expected = [(8 + x + 5 * x**2 + 7 * x**3) % 10 for x in range(10)]
    assert [simulator.predict_user_action(seen(x), RNG) for x in range(10)] == expected
    rng = EpisodeRandom(0, episodes=xs)
    assert simulator.predict_user_action(seen(xs), rng).tolist() == expected
    other = simulator.predict_user_action(seen(xs), rng, State(p0=xs, p1=5, p2=7))
    assert other.tolist() == [(8 + x * x + 5 * x**2 + 7 * x**3) % 10 for x in range(10)]
    partial = Simulator(CoordinatedTask(), PseudoRandomUser())
    assert partial.predict_user_action(State(), RNG) == 8
    assert partial.predict_user_action(seen(2), RNG, State(p0=0, p1=0, p2=0)) == 8


def test_the_model_of_a_random_user_draws_from_a_stream_of_its_own():
    simulator = Simulator(user_model=User(policy=RandomPolicy(TEN)))
    rng = EpisodeRandom(3, episodes=np.arange(50))
    drawn = simulator.predict_user_action(seen(0), rng)
    assert [simulator.predict_user_action(seen(0), EpisodeRandom(3, i)) for i in range(50)] == drawn.tolist()
    assert drawn.tolist() != simulator.predict_user_action(seen(0), rng).tolist()


def test_log_probs_of_candidates():
    simulator = Simulator(user_model=PseudoRandomUser())
    over = {"user_state.p0": range(10), "user_state.p1": [5, 6]}
    alone = simulator.user_action_log_prob(1, seen(1), RNG, over=over)
    assert alone.shape == (10, 2)
    assert np.isfinite(alone).sum() == 2
    assert alone[1, 0] == 0.0
    rng = EpisodeRandom(0, episodes=np.arange(3))
    actions = np.array([1, 1, 5])
    batch = simulator.user_action_log_prob(
        actions, seen(np.array([1, 1, 1])), rng, over=over, user_state=State(p0=0, p1=0, p2=7)
    )
    assert batch.shape == (3, 10, 2)
    assert np.array_equal(batch[0], alone)


def test_a_simulator_is_a_value():
    twin = pickle.loads(pickle.dumps(SIMULATOR))
    assert twin == SIMULATOR
    assert hash(twin) == hash(SIMULATOR)
    assert twin != Simulator(CoordinatedTask(), PseudoRandomUser())
    assert np.array_equal(
        twin.rollout(seen(0), RNG, over=OVER).returns, SIMULATOR.rollout(seen(0), RNG, over=OVER).returns
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: SIMULATOR.rollout(seen(0), RNG, over={"assistant_state.q": [1]}),
            UnknownNameError,
            "Valid names",
        ),
        (lambda: SIMULATOR.rollout(seen(0), RNG, over={"assistant_state.p0": [99]}), SpaceError, "got 99"),
        (lambda: SIMULATOR.rollout(seen(0), RNG, start={"task_state.x": 77}), SpaceError, "got 77"),
        (lambda: SIMULATOR.rollout(seen(0), RNG, max_rounds=0), ArgumentError, "max_rounds"),
        (
            lambda: Simulator(user_model=PseudoRandomUser()).rollout(seen(0), RNG),
            ContractError,
            "no task_model",
        ),
        (
            lambda: Simulator(CoordinatedTask(), PseudoRandomUser(), max_rounds=-1),
            ArgumentError,
            "max_rounds",
        ),
        (
            lambda: Simulator(CoordinatedTask(), None, COPYCAT).predict_user_action(seen(0), RNG),
            ContractError,
            "no user_model to predict",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


class BestCandidate(InferenceEngine):
    """Infers p0 in every round, by noisy rollouts of an uncertain user model."""

    batched = True

    def __init__(self, simulator):
        self.simulator = simulator

    def infer(self, observation, state, rng):
        rollout = self.simulator.rollout(observation, rng, over={"assistant_state.p0": range(10)})
        paid = np.asarray(rollout.rewards["assistant_task"])
        return state.replace(p0=np.argmax(rollout.returns, axis=-1)), 0.1 * paid.min(axis=-1)


SLIPPING = User(policy=RandomPolicy(TEN))


def inferring(batched=True, simulator=None):
    engine = BestCandidate(
        simulator or Simulator(CoordinatedTask(), SLIPPING, COPYCAT, max_rounds=15, use_primary_policy=True)
    )
    engine.batched = batched
    assistant = COPYCAT.replace(inference_engine=DualInferenceEngine(engine, IdentityInferenceEngine()))
    return Bundle(CoordinatedTask(), SLIPPING, assistant, max_rounds=6)


@pytest.mark.parametrize("batched", [True, False, None])
def test_an_assistant_that_plays_rollouts_does_the_same_alone_and_in_a_batch(batched):
    bundle = inferring(batched)
    runs = bundle.run(9, seed=2)
    assert runs == inferring(True).run(9, seed=2)
    for index in (0, 4, 8):
        assert bundle.run([index], seed=2) == runs.episode(index)
        bundle.reset(seed=2, episode=index)
        for round_index in range(6):
            step = bundle.step()
            assert step.game.assistant_state.p0 == runs["assistant_state.p0"][index, round_index]
            assert step.rewards.assistant_inference == runs["rewards.assistant_inference"][index, round_index]


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_chunks_make_no_difference_to_rollouts(chunk, monkeypatch):
    rng = EpisodeRandom(4, episodes=np.arange(5))
    simulator = Simulator(CoordinatedTask(), SLIPPING, COPYCAT, max_rounds=15)
    whole = simulator.rollout(seen(0), rng.copy(), over=OVER)
    runs = inferring().run(5, seed=2)
    monkeypatch.setattr("interaction.simulator.CHUNK", chunk)
    monkeypatch.setattr("interaction.batching.play.CHUNK", chunk)
    parts = simulator.rollout(seen(0), rng.copy(), over=OVER)
    assert np.array_equal(parts.returns, whole.returns)
    assert np.array_equal(parts.lengths, whole.lengths)
    assert inferring().run(5, seed=2) == runs


def test_candidates_that_do_not_matter_give_the_same_returns():
    simulator = Simulator(CoordinatedTask(), SLIPPING, Assistant(policy=RandomPolicy(TEN)), max_rounds=200)
    idle = Simulator(
        CoordinatedTask(),
        SLIPPING,
        Assistant(policy=RandomPolicy(TEN), state=State(idle=0), state_space=spaces.Dict({"idle": TEN})),
        max_rounds=200,
    )
    rng = EpisodeRandom(6, episodes=np.arange(20))
    rollout = idle.rollout(seen(0), rng.copy(), over={"assistant_state.idle": range(10)})
    assert (rollout.returns == rollout.returns[:, :1]).all()
    assert len(set(rollout.returns[:, 0])) > 5
    assert (rollout.returns[:, 0] == simulator.rollout(seen(0), rng.copy()).returns).all()
    matters = simulator.rollout(seen(0), rng.copy(), over={"task_state.x": [0, 5]})
    assert (matters.lengths[:, 1] <= matters.lengths[:, 0]).all()  # the same luck, from a better start


def test_rollouts_to_depth_two_are_the_same_alone_and_in_a_batch():
    inner = inferring().assistant
    outer = Simulator(CoordinatedTask(), SLIPPING, inner, max_rounds=3, use_primary_inference=True)
    bundle = inferring(simulator=outer)
    assert outer.assistant.inference_engine.simulated() == IdentityInferenceEngine()
    runs = bundle.run(3, seed=1)
    for index in range(3):
        assert bundle.run([index], seed=1) == runs.episode(index)
    bundle.reset(seed=1, episode=2)
    assert bundle.step().game.assistant_state.p0 == runs["assistant_state.p0"][2, 0]


class FailsOnce(Policy):
    """Raises in simulations while told to, from outside."""

    action_space = TEN
    batched = True
    failing = False

    def sample(self, observation, state, rng):
        if FailsOnce.failing and np.max(observation.round_index) == 2:
            raise ZeroDivisionError("in the simulation")
        return rng.integers(0, 10), 0.0


def test_after_an_exception_in_a_simulation_play_goes_on_as_if_nothing_had_happened(monkeypatch):
    def make():
        return inferring(
            simulator=Simulator(CoordinatedTask(), User(policy=FailsOnce()), COPYCAT, max_rounds=5)
        )

    expected = make().run(4, seed=0)
    bundle = make()
    bundle.reset(seed=0, episode=1)
    bundle.step()
    before = bundle.game
    with monkeypatch.context() as patch:
        patch.setattr(FailsOnce, "failing", True)
        with pytest.raises(Exception, match="in the simulation"):
            bundle.step()
        with pytest.raises(Exception, match="in the simulation"):
            bundle.run(4, seed=0)
    assert bundle.game is before
    assert bundle.step().game.assistant_state.p0 == expected["assistant_state.p0"][1, 1]
    assert bundle.run(4, seed=0) == expected


class ScalarUser(DeterministicPolicy):
    """A user model written for one episode."""

    action_space = TEN

    def action(self, observation, state):
        if observation.task_state.x > 5:
            return min(observation.task_state.x, 8)
        return observation.task_state.x


def test_a_user_model_of_scalar_code_is_simulated_rightly(caplog):
    simulator = Simulator(user_model=User(policy=ScalarUser()))
    xs = np.array([2, 9, 5, 7])
    rng = EpisodeRandom(0, episodes=np.arange(4))
    assert simulator.predict_user_action(seen(xs), rng).tolist() == [2, 8, 5, 7]
    assert [simulator.predict_user_action(seen(int(x)), RNG) for x in xs] == [2, 8, 5, 7]
    many = np.arange(40) % 10
    asked = simulator.predict_user_action(seen(many), EpisodeRandom(0, episodes=np.arange(40)))
    assert asked.tolist() == np.minimum(many, 8).tolist()
    assert not caplog.records
    log_prob = simulator.user_action_log_prob(
        np.array([2, 8, 5, 1]), seen(xs), rng, over={"user_action": [0, 1]}
    )
    assert np.isfinite(log_prob).tolist() == [[True] * 2] * 3 + [[False] * 2]
    playing = Simulator(CoordinatedTask(), User(policy=ScalarUser()), COPYCAT, max_rounds=9)
    together = playing.rollout(seen(xs), rng, over=OVER).returns
    for row, x in enumerate(xs):
        alone = playing.rollout(seen(int(x)), EpisodeRandom(0, row), over=OVER).returns
        assert np.array_equal(alone, together[row])


@pytest.mark.parametrize("what", ["over", "start"])
def test_a_rollout_lists_the_valid_names(what):
    with pytest.raises(UnknownNameError, match=rf"{what}: there is no 'user_state\.p9'.*assistant_state\.p0"):
        SIMULATOR.rollout(seen(0), RNG, **{what: {"user_state.p9": [1]}})
