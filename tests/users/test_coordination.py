"""The pseudo-random user acts by its formula."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from interaction import State
from users.coordination import PseudoRandomPolicy, PseudoRandomUser

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
