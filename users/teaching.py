"""Learners of items: their memory of each decays exponentially, and more slowly with each repetition.

Source: Nioche, Murena, de la Torre-Ortiz & Oulasvirta 2021, "Improving artificial teachers by considering how
people learn and forget", IUI.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interaction import DiscretePolicy, State, User, spaces
from interaction.errors import ArgumentError
from interaction.state import Value


def recall(shown: Any, elapsed: Any, forgetting: Any, repetition: Any) -> Any:
    """Give how probable it is to recall an item, exp(−α (1 − β)^(n − 1) δ); 0 for one that was never shown.

    n: how often it was `shown`; δ: the rounds that have `elapsed` since; α: `forgetting`; β: `repetition`.

    >>> import numpy as np
    >>> from interaction.users.teaching import recall
    >>> recall(shown=np.array([0, 1, 4]), elapsed=10, forgetting=0.05, repetition=0.3).round(3)
    array([0.   , 0.607, 0.842])
    """
    slower = np.exp(np.log(1 - repetition) * (shown - 1))
    return np.where(shown > 0, np.exp(-forgetting * slower * elapsed), 0.0)


class RecallPolicy(DiscretePolicy):
    """Recalls (1) the item that is shown, or not (0).

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.users.teaching import RecallPolicy
    >>> task = State(item=1, shown=np.array([0, 2]), last=np.array([0, 3]), now=10)
    >>> RecallPolicy().probabilities(State(task_state=task), State(forgetting=0.05, repetition=0.3)).round(3)
    array([0.217, 0.783])
    """

    action_space = spaces.Discrete(2)

    def probabilities(self, observation: State, state: State) -> Value:
        task = observation.task_state
        item = np.maximum(task.item, 0)
        elapsed = task.now - task.last[item]
        p = recall(task.shown[item], elapsed, state.forgetting, state.repetition) * (task.item >= 0)
        return np.stack([1 - p, p])


class ForgettingLearner(User):
    """Forgets exponentially, the more slowly the more often an item was repeated.

    Its state holds `forgetting` (α, per round: the rate after the first time) and `repetition` (β, the part
    of the rate that each repetition takes away).
    Raises `ArgumentError` for a rate below zero, and for a part that does not lie in [0, 1).
    Source: Nioche et al. 2021.

    >>> from interaction import Bundle
    >>> from interaction.assistants.teaching import RandomTeacher
    >>> from interaction.tasks.teaching import TeachingTask
    >>> from interaction.users.teaching import ForgettingLearner
    >>> bundle = Bundle(TeachingTask(), ForgettingLearner(0.05, 0.3), RandomTeacher(), max_rounds=100)
    >>> recalled = bundle.run(500, seed=0)["user_action"].reshape(500, 5, 20)
    >>> recalled.mean(axis=(0, 2)).round(2)  # by twenty rounds
    array([0.25, 0.5 , 0.59, 0.67, 0.73])
    """

    def __init__(self, forgetting: float = 0.05, repetition: float = 0.3) -> None:
        if not (np.isfinite(forgetting) and forgetting >= 0):
            raise ArgumentError(f"ForgettingLearner: forgetting: expected a rate >= 0, got {forgetting!r}")
        if not 0 <= repetition < 1:
            raise ArgumentError(
                f"ForgettingLearner: repetition: expected a part from 0 to below 1, got {repetition!r}"
            )
        super().__init__(
            policy=RecallPolicy(),
            state=State(forgetting=float(forgetting), repetition=float(repetition)),
            state_space=spaces.Dict(
                forgetting=spaces.real(0.0), repetition=spaces.real(0.0, float(np.nextafter(1.0, 0.0)))
            ),
        )
