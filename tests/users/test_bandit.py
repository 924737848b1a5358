"""Users of bandits choose and learn as published."""

import numpy as np
import pytest

from interaction import State
from interaction.checks import check_agent
from interaction.errors import ArgumentError
from interaction.tasks.bandit import BanditTask, MultiArmedBanditTask
from interaction.users.bandit import (
    ChoiceKernelUser,
    ExpertUser,
    RandomUser,
    RescorlaWagnerChoiceKernelUser,
    RescorlaWagnerUser,
    WinStayLoseShiftUser,
)


@pytest.mark.parametrize(
    ("user", "task"),
    [
        (ExpertUser(), BanditTask()),
        (WinStayLoseShiftUser(0.2, n_arms=3), MultiArmedBanditTask([0.2, 0.5, 0.8])),
        (RescorlaWagnerUser(), MultiArmedBanditTask()),
        (RandomUser(0.3, n_arms=3), MultiArmedBanditTask([0.2, 0.5, 0.8])),
        (ChoiceKernelUser(), MultiArmedBanditTask()),
        (RescorlaWagnerChoiceKernelUser(n_arms=3), MultiArmedBanditTask([0.2, 0.5, 0.8])),
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


def test_choice_kernels_are_those_of_the_paper():
    """After pulling arms 1, 1, 0 with α_c = 0.5 the kernel is (0.5, 0.375): model 4, eLife 8:e49547."""
    user = ChoiceKernelUser(0.5, 2.0)
    state = user.state
    for arm in (-1, 1, 1, 0):
        seen = State(task_state=State(arm=arm, outcome=0))
        state, _ = user.inference_engine.infer(seen, state, None)
    assert np.allclose(state.kernel, [0.5, 0.375])
    odds = np.exp(2.0 * (0.5 - 0.375))
    assert np.allclose(user.policy.probabilities(State(), state), [odds / (1 + odds), 1 / (1 + odds)])


def test_values_and_kernel_add_up():
    """Logits β q + β_c k: model 5 of eLife 8:e49547."""
    user = RescorlaWagnerChoiceKernelUser(0.5, 2.0, 0.25, 3.0)
    seen = State(task_state=State(arm=1, outcome=1))
    state, _ = user.inference_engine.infer(seen, user.state, None)
    assert state.q.tolist() == [0.5, 0.75]
    assert state.kernel.tolist() == [0.0, 0.25]
    odds = np.exp(2 * 0.25 + 3 * 0.25)
    assert np.allclose(user.policy.probabilities(State(), state)[1], odds / (1 + odds))


def test_a_random_user_shares_what_is_left():
    user = RandomUser(0.4, n_arms=4)
    assert np.allclose(user.policy.probabilities(State(), user.state), [0.4, 0.2, 0.2, 0.2])
