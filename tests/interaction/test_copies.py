"""Bundles and what holds them can be pickled, copied, and played in another process with the same bytes."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    InferenceEngine,
    InteractionTask,
    RandomPolicy,
    Simulator,
    State,
    Transition,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistant, CoordinatedAssistantWithRollout
from interaction.envs import AssistantEnv, BundleAEC, BundleParallel, EnvPolicy, UserEnv, UserVectorEnv
from interaction.errors import ArgumentError, ContractError, ImmutableError, UnknownNameError
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser
from tests.interaction.acting import act

USER = PseudoRandomUser()


def bundle():
    return Bundle(CoordinatedTask(), USER, Assistant(policy=RandomPolicy(spaces.Discrete(10))), max_rounds=9)


def begun():
    one = bundle()
    one.reset(seed=4, episode=2)
    one.step()
    return one


def reset(env):
    env.reset(seed=3)
    return env


def on(one):
    """What comes out of it from now on."""
    return repr([act(one) for _ in range(3)])


HOLDERS = {
    "bundle": begun,
    "UserEnv": lambda: reset(UserEnv(bundle())),
    "AssistantEnv": lambda: reset(AssistantEnv(bundle())),
    "UserVectorEnv": lambda: reset(UserVectorEnv(bundle(), 5)),
    "BundleAEC": lambda: reset(BundleAEC(bundle())),
    "BundleParallel": lambda: reset(BundleParallel(bundle())),
}


@pytest.mark.parametrize(
    "copied", [lambda one: pickle.loads(pickle.dumps(one)), copy.deepcopy], ids=["pickle", "copy"]
)
@pytest.mark.parametrize("make", HOLDERS.values(), ids=HOLDERS)
def test_a_copy_goes_on_where_it_stood_and_alone(make, copied):
    one = make()
    other = copied(one)
    expected = on(make())
    assert on(other) == expected
    assert on(one) == expected


def summed(one):
    return one.run(50, seed=3).returns.tobytes()


def answered(one):
    return on(one)


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_they_play_in_another_process_to_the_same_bytes(way):
    simulating = CoordinatedAssistantWithRollout(CoordinatedTask(), USER, 5, 7, 20)
    ones = [bundle()]
    ones += [
        Bundle(CoordinatedTask(), USER, one, max_rounds=9) for one in (simulating, CoordinatedAssistant(USER))
    ]
    held = [make() for make in HOLDERS.values()]
    with multiprocessing.get_context(way).Pool(1) as pool:
        assert pool.map(summed, ones) == [summed(one) for one in ones]
        assert pool.map(answered, held) == [on(one) for one in held]


def test_so_can_simulators_policies_and_runs():
    simulator = Simulator(CoordinatedTask(), USER, max_rounds=5)
    policy = EnvPolicy.trained_in(UserEnv(bundle()), np.argmax)
    runs = bundle().run(3, seed=0)
    for one in (simulator, policy, runs):
        pickle.loads(pickle.dumps(one))
        copy.deepcopy(one)
    assert pickle.loads(pickle.dumps(runs)) == runs


@pytest.mark.parametrize("name", ["task", "user", "assistant"])
def test_a_part_is_not_assigned_but_replaced(name):
    one = begun()
    before = on(begun())
    with pytest.raises(ImmutableError, match=rf"bundle\.replace\({name}=\.\.\.\) gives another bundle"):
        setattr(one, name, getattr(one, name))
    assert on(one) == before


def test_replace_gives_another_bundle():
    one = begun()
    other = one.replace(user=User(policy=RandomPolicy(spaces.Discrete(10))), max_rounds=2, check=False)
    assert (other.max_rounds, other.check, other.task) == (2, False, one.task)
    assert other.run(5, seed=0).lengths.max() <= 2
    assert one.max_rounds == 9
    with pytest.raises(UnknownNameError, match="users"):
        one.replace(users=None)
    with pytest.raises(ContractError):
        one.replace(task=None)


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, "9"])
def test_the_most_rounds_are_checked_when_they_are_set(wrong):
    one = bundle()
    with pytest.raises(ArgumentError, match="max_rounds as an integer >= 1"):
        one.max_rounds = wrong
    assert one.max_rounds == 9
    one.max_rounds = 2
    assert one.run(5, seed=0).lengths.max() <= 2


class Turning(InteractionTask):
    """Moves one of three places on, and pays what the user takes it to be worth."""

    def reset(self, rng):
        return State(place=rng.integers(0, 3))

    def on_user_action(self, game, rng):
        place = (game.task_state.place + game.user_action) % 3
        return Transition(game.task_state.replace(place=place), game.user_state.worth)


class Noting(InferenceEngine):
    """Keeps a flag of an array as a whole number, by which it looks something up."""

    def infer(self, observation, state, rng):
        seen = state.flags[observation.task_state.place]
        return state.replace(seen=seen, worth=state.table[state.seen].sum()), 0.0


def test_flags_of_an_array_that_was_unpickled_are_whole_numbers_in_batches_too():
    """Its dtype is equal to numpy's own, but another object."""
    state = State(flags=np.array([True, False, True]), seen=0, worth=0.0, table=np.array([0.1, 0.2]))
    user = User(policy=RandomPolicy(spaces.Discrete(3)), inference_engine=Noting(), state=state)
    bundle = pickle.loads(pickle.dumps(Bundle(Turning(), user, max_rounds=6)))
    runs = bundle.run(50, seed=0)
    assert runs["user_state.seen"].dtype == np.int64
    for index in range(50):
        assert bundle.run([index], seed=0) == runs.episode(index)
