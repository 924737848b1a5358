"""Bandits pay by their probabilities, and know who is in control."""

import numpy as np
import pytest

from interaction import Assistant, Bundle, GameState, RandomPolicy, State, User, spaces
from interaction.batching import ways
from interaction.checks import check_task
from interaction.errors import ArgumentError
from interaction.tasks.bandit import BanditTask, MultiArmedBanditTask
from interaction.users.bandit import ExpertUser, RandomUser

FIVE = spaces.Discrete(5)


@pytest.mark.parametrize("task", [BanditTask(), BanditTask(user_share=0.3), BanditTask(n_demonstrations=3)])
def test_bandits_conform(task):
    check_task(task, user_action_space=FIVE)
    check_task(task, assistant_action_space=FIVE)
    check_task(task, user_action_space=FIVE, assistant_action_space=FIVE)


def test_the_expert_pulls_the_best_arm_and_is_paid_for_it():
    """10,000 pulls: the standard error of a share is below 0.005; four of them are allowed."""
    runs = Bundle(BanditTask(), ExpertUser(), max_rounds=20).run(500, seed=0)
    best = runs["task_state.arm"] == runs["task_state.best_arm"]
    assert abs(best.mean() - 0.6) < 0.02
    assert abs(runs["task_state.outcome"][best].mean() - 0.75) < 0.02
    assert abs(runs["task_state.outcome"][~best].mean() - 0.25) < 0.02
    assert np.array_equal(runs.returns, runs["task_state.outcome"].sum(axis=-1))


def test_control_is_shared_as_asked():
    assistant = Assistant(policy=RandomPolicy(FIVE))
    for share in (0.0, 0.25, 1.0):
        runs = Bundle(BanditTask(user_share=share), ExpertUser(), assistant, max_rounds=40).run(200, seed=0)
        by_user = runs["task_state.provenance"] == 1
        assert abs(by_user.mean() - share) < 0.02  # 8,000 rounds: the standard error is below 0.005
        assert np.array_equal(runs["task_state.arm"][by_user], runs["user_action"][by_user])
        assert np.array_equal(runs["task_state.arm"][~by_user], runs["assistant_action"][~by_user])


def test_outcomes_have_their_log_probability():
    def game(best, arm, outcome):
        return GameState(task_state=State(best_arm=best, arm=arm, outcome=outcome))

    task = BanditTask()
    assert np.isclose(task.outcome_log_prob(game(1, 0, 0), game(1, 1, 1)), np.log(0.75))
    assert np.isclose(task.outcome_log_prob(game(2, 0, 0), game(2, 1, 0)), np.log(0.75))
    assert MultiArmedBanditTask([0.0, 1.0]).outcome_log_prob(game(0, 0, 0), game(0, 0, 1)) == -np.inf


@pytest.mark.parametrize(
    "make",
    [
        lambda: MultiArmedBanditTask([0.5]),
        lambda: MultiArmedBanditTask([0.5, 1.5]),
        lambda: BanditTask(n_demonstrations=-1),
        lambda: BanditTask(user_share=1.2),
    ],
)
def test_bad_arguments(make):
    with pytest.raises(ArgumentError, match="expected"):
        make()


@pytest.mark.parametrize("task", [BanditTask(), BanditTask(user_share=0.3), MultiArmedBanditTask()])
def test_no_bandit_is_played_episode_by_episode(task):
    bundle = Bundle(task, RandomUser(n_arms=task.n_arms), max_rounds=3)
    bundle.run(100, seed=0)
    assert "episode by episode" not in ways(bundle).values()


@pytest.mark.parametrize("episodes", [1, 50])
def test_an_arm_that_the_bandit_lacks_is_an_error_that_says_how_many_it_has(episodes):
    bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), RandomUser(n_arms=5), max_rounds=20)
    with pytest.raises(ArgumentError, match=r"expected an arm from 0 to 1, got [234]: .* n_arms=2"):
        bundle.run(episodes, seed=0)


def test_a_lone_random_user_sees_no_hidden_arm_unless_allowed():
    runs = Bundle(BanditTask(), User(policy=RandomPolicy(FIVE)), max_rounds=3).run(10, seed=0)
    assert runs["task_state.user_in_control"].shape == (10, 3)
