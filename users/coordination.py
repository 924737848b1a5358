"""The user of the coordination game.

Source: CoopIHC's guide, "Assistants that simulate users".
"""

from __future__ import annotations

from interaction import DeterministicPolicy, State, User, spaces
from interaction.state import Value

PARAMETERS = spaces.Dict(p0=spaces.Discrete(10), p1=spaces.Discrete(10), p2=spaces.Discrete(10))


class PseudoRandomPolicy(DeterministicPolicy):
    """Picks (8 + p0·x + p1·x² + p2·x³) mod 10: p0, p1, p2 from the agent's state, x from the task's.

    >>> from interaction import State
    >>> from interaction.users.coordination import PseudoRandomPolicy
    >>> PseudoRandomPolicy().action(State(task_state=State(x=2)), State(p0=1, p1=5, p2=7))  # 8 + 2 + 20 + 56
    6
    """

    batched = True  # twice as fast as lifted
    action_space = spaces.Discrete(10)

    def action(self, observation: State, state: State) -> Value:
        x = observation.task_state.x
        return (8 + state.p0 * x + state.p1 * x**2 + state.p2 * x**3) % 10


class PseudoRandomUser(User):
    """A user that looks as if it picked at random, but follows a rule: `PseudoRandomPolicy`.

    Its internal state holds `p0` (0 to 9: factor of x), `p1` (0 to 9: factor of x²) and `p2` (0 to 9: factor
    of x³).
    Source: CoopIHC's guide, "Assistants that simulate users".

    >>> from interaction import Bundle
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> bundle = Bundle(CoordinatedTask(), PseudoRandomUser(p0=1, p1=5, p2=7))
    >>> starts = [{"task_state": {"x": x}} for x in range(9)]
    >>> [bundle.reset(start=start, go_to="assistant_observes").user_action for start in starts]
    [8, 1, 6, 5, 0, 3, 6, 1, 0]
    """

    def __init__(self, p0: int = 1, p1: int = 5, p2: int = 7) -> None:
        super().__init__(
            policy=PseudoRandomPolicy(), state=State(p0=p0, p1=p1, p2=p2), state_space=PARAMETERS
        )
