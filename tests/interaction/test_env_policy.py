"""A model that was trained in an environment is an ordinary policy."""

import pickle

import numpy as np
import pytest

from interaction import Bundle
from interaction.assistants.pointing import ConstantGain, InformationGain
from interaction.checks import check_agent
from interaction.envs import AssistantEnv, EnvPolicy, UserEnv, UserVectorEnv
from interaction.errors import ContractError, SpaceError, UnknownNameError
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

TASK, POINTER = PointingTask(15, 4), CarefulPointer(0.0)
BUNDLE = Bundle(TASK, POINTER, ConstantGain(1.0), max_rounds=40)
PATHS = ["task_state.position", "task_state.targets", "task_state.goal"]


def towards(seen):
    """The right step: 0 is left, 1 stays, 2 is right."""
    cell = seen["task_state.targets"][seen["task_state.goal"]]
    return int(np.sign(cell - seen["task_state.position"])) + 1


class Model:
    """Predicts as Stable-Baselines3 does."""

    def predict(self, observation, deterministic=False):
        assert deterministic
        return np.array(towards(observation)), None


@pytest.mark.parametrize("model", [towards, Model()])
def test_a_model_plays_as_the_policy_that_it_has_learnt(model):
    policy = EnvPolicy.trained_in(UserEnv(BUNDLE, paths=PATHS), model)
    user = POINTER.replace(policy=policy)
    played = Bundle(TASK, user, ConstantGain(1.0), max_rounds=40).run(50, seed=1)
    known = BUNDLE.run(50, seed=1)
    assert np.array_equal(played["user_action"], known["user_action"])
    assert np.array_equal(played.lengths, known.lengths)


def test_it_plays_with_an_assistant_it_has_never_met():
    task = PointingTask(15, 4, "position")
    policy = EnvPolicy.trained_in(UserVectorEnv(BUNDLE, 3, paths=PATHS), towards)
    user = POINTER.replace(policy=policy)
    runs = Bundle(task, user, InformationGain(POINTER, task), max_rounds=40).run(50, seed=0)
    assert runs.terminated.all()
    assert runs.lengths.mean() < 4


def test_it_conforms_and_comes_back_from_pickle_with_its_views():
    policy = EnvPolicy.trained_in(UserEnv(BUNDLE, paths=PATHS), towards)
    user = POINTER.replace(policy=policy)
    check_agent(user, TASK, ConstantGain(1.0))
    again = pickle.loads(pickle.dumps(policy))
    assert again == policy
    assert again.view.space == policy.view.space


def test_what_it_saw_in_training_must_be_there():
    env = AssistantEnv(BUNDLE, paths=["task_state.position", "user_action"])
    policy = EnvPolicy.trained_in(env, lambda seen: np.array([0.5], np.float32))
    assert policy.action_space == ConstantGain(1.0).policy.action_space
    game = BUNDLE.reset(seed=0, go_to="assistant_acts")
    action, _ = policy.sample(game.assistant_observation, game.assistant_state, None)
    assert action == 0.5
    with pytest.raises(UnknownNameError):
        UserEnv(BUNDLE, paths=["task_state.velocity"])


def test_what_is_no_model_is_refused():
    env = UserEnv(BUNDLE)
    with pytest.raises(ContractError, match="EnvPolicy: expected a model"):
        EnvPolicy.trained_in(env, 3)
    wrong = EnvPolicy.trained_in(env, lambda seen: 7)
    game = BUNDLE.reset(seed=0, go_to="user_acts")
    with pytest.raises(SpaceError, match="from 0 to 2, which stand for -1 to 1, got 7"):
        wrong.sample(game.user_observation, game.user_state, None)
