"""The assistants of the coordination game coordinate, all of them, with all users."""

import numpy as np
import pytest

from interaction import Bundle, DualInferenceEngine
from interaction.assistants.coordination import (
    CoordinatedAssistant,
    CoordinatedAssistantWithInference,
    CoordinatedAssistantWithRollout,
)
from interaction.tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask
from interaction.users.coordination import PseudoRandomUser

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


def play(bundle, **start):
    """Play by hand to the end: the steps."""
    bundle.reset(seed=0, **start)
    steps = [bundle.step()]
    while not steps[-1].done:
        steps.append(bundle.step())
    return steps


@pytest.mark.parametrize("p", [(0, 5, 7), (4, 0, 0), (9, 9, 9), (7, 2, 6)])
def test_the_rollout_assistant_by_hand(p):
    user = PseudoRandomUser(*p)
    assistant = CoordinatedAssistantWithRollout(CoordinatedTask(), user, p1=p[1], p2=p[2])
    steps = play(Bundle(CoordinatedTask(), user, assistant, max_rounds=100))
    assert [step.game.assistant_state.p0 for step in steps] == [p[0]] * 10
    assert sum(step.rewards.total for step in steps) == -19


@pytest.mark.parametrize("p", [(0, 5, 7), (4, 0, 0), (9, 9, 9), (7, 2, 6)])
def test_the_inference_assistant_by_hand(p):
    assistant = CoordinatedAssistantWithInference(PseudoRandomUser(0, p[1], p[2]))
    steps = play(Bundle(SimultaneousCoordinatedTask(), PseudoRandomUser(*p), assistant, max_rounds=100))
    beliefs = np.array([step.game.assistant_state.belief for step in steps])
    assert (beliefs[:, p[0]] > 0).all()
    assert np.allclose(beliefs.sum(axis=1), 1.0)
    assert len(steps) == (10 if p[0] == 0 else 11)
    assert all("user_action" not in step.game.assistant_observation for step in steps)


def test_the_belief_is_that_of_bayes_rule():
    """After x = 1 the action 8 + p0 + p1 + p2 (mod 10) tells p0 exactly; x = 0 tells nothing."""
    assistant = CoordinatedAssistantWithInference(PseudoRandomUser(0, 5, 7))
    steps = play(Bundle(SimultaneousCoordinatedTask(), PseudoRandomUser(3, 5, 7), assistant, max_rounds=100))
    beliefs = [step.game.assistant_state.belief for step in steps]
    assert np.array_equal(beliefs[0], np.full(10, 0.1))
    assert np.allclose(beliefs[1], 0.1)
    assert np.array_equal(beliefs[2], np.eye(10)[3])


def test_a_mismatched_model_by_hand():
    user, model = PseudoRandomUser(p0=1), PseudoRandomUser(p0=5)
    steps = play(Bundle(CoordinatedTask(), user, CoordinatedAssistant(model), max_rounds=30))
    assert (len(steps), steps[-1].truncated, steps[-1].terminated) == (30, True, False)


def test_each_of_a_batch_of_users_is_played_as_alone():
    assistant = CoordinatedAssistantWithRollout(CoordinatedTask(), USER, p1=5, p2=7)
    bundle = Bundle(CoordinatedTask(), USER, assistant, max_rounds=100)
    own = {"user_model": USERS, "p1": USERS["p1"], "p2": USERS["p2"]}
    runs = bundle.run(1000, seed=0, start={"user_state": USERS, "assistant_state": own})
    for index in (0, 157, 999):
        p = dict(zip(("p0", "p1", "p2"), P[index].tolist(), strict=True))
        mine = {"user_model": p, "p1": p["p1"], "p2": p["p2"]}
        start = {"user_state": p, "assistant_state": mine}
        assert bundle.run([index], seed=0, start=start) == runs.episode(index)
        games = [step.game for step in play(bundle, episode=index, start=start)]
        assert [game.user_action for game in games] == runs["user_action"][index].tolist()


def test_the_dual_plays_no_rollouts():
    assistant = CoordinatedAssistantWithRollout(CoordinatedTask(), USER, p1=5, p2=7)
    simulated = assistant.inference_engine.primary.simulator.assistant
    assert simulated == assistant.dual()
    assert (simulated.policy, simulated.state) == (assistant.policy, assistant.state)
    bundle = Bundle(CoordinatedTask(), USER, assistant.dual(), max_rounds=20)
    assert (bundle.run(2, seed=0)["assistant_state.p0"] == 0).all()
