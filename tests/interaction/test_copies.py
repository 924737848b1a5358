"""Bundles and what holds them can be pickled, copied, and played in another process with the same bytes."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest

from interaction import Assistant, Bundle, RandomPolicy, Simulator, User, spaces
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
