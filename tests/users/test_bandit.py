"""Users of bandits choose and learn as published."""

import numpy as np
import pytest

from interaction import State
from interaction.checks import check_agent
from interaction.errors import ArgumentError
from tasks.bandit import BanditTask, MultiArmedBanditTask
from users.bandit import ExpertUser, RescorlaWagnerUser, WinStayLoseShiftUser


@pytest.mark.parametrize(
    ("user", "task"),
    [
        (ExpertUser(), BanditTask()),
        (WinStayLoseShiftUser(0.2, n_arms=3), MultiArmedBanditTask([0.2, 0.5, 0.8])),
        (RescorlaWagnerUser(), MultiArmedBanditTask()),
    ],
)
def test_users_of_bandits_conform(user, task):
    check_agent(user, task)


def test_win_stay_lose_shift_has_the_published_probabilities():
    user = WinStayLoseShiftUser(0.3, n_arms=3)
    for outcome, expected in ((1, [0.8, 0.1, 0.1]), (0, [0.1, 0.45, 0.45]), (-1, [1 / 3] * 3)):
        state = State(epsilon=0.3, arm=0, outcome=outcome)
        assert np.allclose(user.policy.probabilities(State(), state), expected)


def test_the_delta_rule_and_softmax():
    user = RescorlaWagnerUser(0.5, 2.0)
    state, _ = user.inference_engine.infer(State(task_state=State(arm=1, outcome=1)), user.state, None)
    assert state.q.tolist() == [0.5, 0.75]
    odds = np.exp(2 * 0.25)
    assert np.allclose(user.policy.probabilities(State(), state), [1 / (1 + odds), odds / (1 + odds)])


def test_the_expert_has_its_probabilities():
    user = ExpertUser()
    found = user.policy.probabilities(State(task_state=State(best_arm=2)), State())
    assert np.allclose(found, [0.1, 0.1, 0.6, 0.1, 0.1])
    with pytest.raises(ArgumentError, match="p_best in"):
        ExpertUser(p_best=1.1)
