"""The pseudo-random user acts by its formula."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction import Bundle, InteractionTask, State, Transition, checks, spaces
from interaction.errors import SpaceError
from interaction.users.coordination import PseudoRandomPolicy, PseudoRandomUser

DIGIT = st.integers(0, 9)


@given(DIGIT, DIGIT, DIGIT, DIGIT)
def test_the_formula(p0, p1, p2, x):
    user = PseudoRandomUser(p0, p1, p2)
    action = user.policy.action(State(task_state=State(x=x)), user.state)
    assert action == (8 + p0 * x + p1 * x**2 + p2 * x**3) % 10
    batch = PseudoRandomPolicy().action(State(task_state=State(x=np.arange(10))), user.state)
    assert batch[x] == action


def test_the_defaults():
    assert PseudoRandomUser().state == State(p0=1, p1=5, p2=7)


def test_parameters_are_in_the_state_and_may_differ_between_episodes():
    user = PseudoRandomUser(3, 4, 5)
    assert user.reset(None) == user.state == State(p0=3, p1=4, p2=5)
    p0 = np.arange(10)
    actions = user.policy.action(State(task_state=State(x=2)), State(p0=p0, p1=4, p2=5))
    assert actions.tolist() == [(8 + 2 * p + 16 + 40) % 10 for p in range(10)]


def test_the_log_prob_is_certain():
    user = PseudoRandomUser()
    seen = State(task_state=State(x=0))
    assert user.policy.log_prob(8, seen, user.state) == 0.0
    assert user.policy.log_prob(7, seen, user.state) == -np.inf


@pytest.mark.parametrize("p", [(10, 0, 0), (0, -1, 0), (0, 0, 1.5)])
def test_a_parameter_outside_its_space_is_found_at_the_first_reset(p):
    with pytest.raises(SpaceError, match=r"PseudoRandomUser \(reset\), field 'p\d'.*Discrete\(10\)"):
        Bundle(Standing(), PseudoRandomUser(*p)).reset(seed=0)


class Standing(InteractionTask):
    state_space = spaces.Dict({"x": spaces.Discrete(10)})

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)


def test_it_keeps_the_contract():
    parameters = State(p0=1, p1=2, p2=3)
    cases = [(State(task_state=State(x=x)), parameters) for x in range(10)]
    checks.check_policy(PseudoRandomPolicy(), cases)
    checks.check_agent(PseudoRandomUser(), Standing())
