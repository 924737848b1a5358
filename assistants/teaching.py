"""Teachers, who choose which item to show next.

Source: Nioche, Murena, de la Torre-Ortiz & Oulasvirta 2021, "Improving artificial teachers by considering how
people learn and forget", IUI (teachers that take forgetting into account).

Of all, `n_items` (how many items the task has).
"""

from __future__ import annotations

import numpy as np

from interaction import Assistant, DeterministicPolicy, RandomPolicy, State, spaces
from interaction.errors import ArgumentError
from interaction.state import Value
from interaction.users.teaching import ForgettingLearner, recall


class RandomTeacher(Assistant):
    """Shows any of the items, each with equal probability in every round.

    Source: this project.

    >>> from interaction import Bundle
    >>> from interaction.assistants.teaching import RandomTeacher
    >>> from interaction.tasks.teaching import TeachingTask
    >>> from interaction.users.teaching import ForgettingLearner
    >>> bundle = Bundle(TeachingTask(5), ForgettingLearner(), RandomTeacher(n_items=5), max_rounds=12)
    >>> bundle.run(1, seed=0)["assistant_action"]
    array([[4, 3, 2, 0, 2, 4, 2, 1, 4, 2, 2, 2]])
    """

    def __init__(self, n_items: int = 20) -> None:
        super().__init__(policy=RandomPolicy(spaces.Discrete(n_items)))


class ConservativePolicy(DeterministicPolicy):
    """Shows what is about to be forgotten; a new item only where nothing is.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.assistants.teaching import ConservativePolicy
    >>> from interaction.users.teaching import ForgettingLearner
    >>> policy = ConservativePolicy(ForgettingLearner(forgetting=0.05), n_items=4, threshold=0.7)
    >>> task_state = State(item=1, shown=np.array([1, 1, 0, 0]), last=np.array([0, 8, 0, 0]), now=9)
    >>> print(policy.action(State(task_state=task_state), State()))  # recalled with exp(−0.45) = 0.64
    0
    """

    def __init__(self, user_model: ForgettingLearner, n_items: int, threshold: float) -> None:
        super().__init__()
        if not 0 < threshold < 1:
            raise ArgumentError(
                f"ConservativeTeacher: threshold: expected a probability between 0 and 1, got {threshold!r}"
            )
        self.model, self.threshold = user_model.state, threshold
        self.action_space = spaces.Discrete(n_items)

    def action(self, observation: State, state: State) -> Value:
        task = observation.task_state
        seen = task.shown > 0
        elapsed = task.now - task.last
        p = recall(task.shown, elapsed, self.model.forgetting, self.model.repetition)
        believed = np.where(seen, p, np.inf)
        at_risk = believed.min() < self.threshold
        return np.where(at_risk | seen.all(), np.argmin(believed), np.argmin(seen))


class ConservativeTeacher(Assistant):
    """Repeats the item least well recalled while one is about to be forgotten, and else shows a new one.

    What is recalled is computed by the user model, as it is: this teacher does not learn about its learner.
    `user_model` (the learner that it takes its learner for; None for a `ForgettingLearner`), `threshold`
    (probability of recall, below which an item is about to be forgotten).
    Raises `ArgumentError` for a threshold that does not lie between 0 and 1.
    Source: Nioche et al. 2021.

    >>> from interaction import Bundle
    >>> from interaction.assistants.teaching import ConservativeTeacher
    >>> from interaction.tasks.teaching import TeachingTask
    >>> from interaction.users.teaching import ForgettingLearner
    >>> learner = ForgettingLearner(forgetting=0.1, repetition=0.5)
    >>> bundle = Bundle(TeachingTask(), learner, ConservativeTeacher(learner), max_rounds=16)
    >>> bundle.run(1, seed=0)["assistant_action"]  # the items shown
    array([[0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6, 7, 0, 4, 5, 1]])
    """

    def __init__(
        self, user_model: ForgettingLearner | None = None, n_items: int = 20, threshold: float = 0.7
    ) -> None:
        model = ForgettingLearner() if user_model is None else user_model
        super().__init__(policy=ConservativePolicy(model, n_items, threshold))
