"""The assistants of the coordination game coordinate, all of them, with all users."""

import numpy as np
import pytest

from assistants.coordination import (
    CoordinatedAssistant,
    CoordinatedAssistantWithInference,
    CoordinatedAssistantWithRollout,
)
from interaction import Bundle, DualInferenceEngine
from tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask
from users.coordination import PseudoRandomUser

P = np.stack(np.meshgrid(*[np.arange(10)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
USERS = {"p0": P[:, 0], "p1": P[:, 1], "p2": P[:, 2]}
USER = PseudoRandomUser()


def test_single_shot_prediction_coordinates_with_every_user():
    bundle = Bundle(CoordinatedTask(), USER, CoordinatedAssistant(USER), max_rounds=100)
    runs = bundle.run(1000, seed=0, start={"user_state": USERS, "assistant_state": {"user_model": USERS}})
    assert (runs.lengths == 10).all()
    assert (runs.returns == -19).all()
    assert runs.terminated.all()
    assert (runs["task_state.x"][:, -1] == 9).all()


@pytest.mark.parametrize("p", [(1, 5, 7), (0, 0, 0), (9, 8, 3)])
def test_single_shot_prediction_by_hand(p):
    user = PseudoRandomUser(*p)
    bundle = Bundle(CoordinatedTask(), user, CoordinatedAssistant(PseudoRandomUser(*p)))
    bundle.reset(seed=0)
    total, rounds, done = 0.0, 0, False
    while not done:
        step = bundle.step()
        total, rounds, done = total + step.rewards.total, rounds + 1, step.done
    assert (total, rounds, step.game.task_state.x) == (-19.0, 10, 9)


def test_rollouts_infer_every_p0():
    assistant = CoordinatedAssistantWithRollout(CoordinatedTask(), USER, p1=5, p2=7)
    assert isinstance(assistant.inference_engine, DualInferenceEngine)
    bundle = Bundle(CoordinatedTask(), USER, assistant, max_rounds=100)
    own = {"user_model": USERS, "p1": USERS["p1"], "p2": USERS["p2"]}
    runs = bundle.run(1000, seed=0, start={"user_state": USERS, "assistant_state": own})
    assert (runs["assistant_state.p0"][:, 0] == USERS["p0"]).all()
    assert (runs.lengths == 10).all()
    assert (runs.returns == -19).all()


def test_the_dual_is_the_simulated_self():
    assistant = CoordinatedAssistantWithRollout(CoordinatedTask(), USER, p1=5, p2=7)
    assert assistant.dual() == assistant.inference_engine.primary.simulator.assistant
    assert assistant.dual() != assistant
    assert assistant.dual().dual() == assistant.dual()


def test_inference_from_actions_never_excludes_the_truth():
    bundle = Bundle(
        SimultaneousCoordinatedTask(),
        USER,
        CoordinatedAssistantWithInference(PseudoRandomUser(p0=0)),
        max_rounds=100,
    )
    models = {**USERS, "p0": np.zeros(1000, int)}
    runs = bundle.run(1000, seed=0, start={"user_state": USERS, "assistant_state": {"user_model": models}})
    belief = runs["assistant_state.belief"]
    assert (belief[np.arange(1000), :, USERS["p0"]] > 0).all()
    assert np.allclose(belief.sum(axis=-1), 1.0)
    guessed = USERS["p0"] == 0  # the first of ten equally probable values
    assert (runs.lengths == np.where(guessed, 10, 11)).all()
    assert (np.argmax(belief[:, -1], axis=-1) == USERS["p0"]).all()
    assert "assistant_observation.user_action" not in runs


def test_a_mismatched_model_does_not_finish():
    bundle = Bundle(CoordinatedTask(), USER, CoordinatedAssistant(PseudoRandomUser(p0=5)), max_rounds=100)
    runs = bundle.run(3, seed=0)
    assert (runs.lengths == 100).all()
    assert runs.truncated.all()
    assert (runs.returns == -200).all()
    assert (runs["task_state.x"][:, -1] == 1).all()
