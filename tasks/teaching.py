"""Teaching: an assistant shows items, and a learner tries to recall what each one means.

Source: Nioche, Murena, de la Torre-Ortiz & Oulasvirta 2021, "Improving artificial teachers by considering how
people learn and forget", IUI.
"""

from __future__ import annotations

import numpy as np

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces
from interaction.errors import ArgumentError

NOTHING = -1
"""The item before the teacher has shown one."""


class TeachingTask(InteractionTask):
    """Learn some items, one of which the assistant shows at the end of each round.

    The state holds the `item` that is shown (−1 before the first), how often each was shown before (`shown`)
    and in which round last (`last`), and the present round (`now`). The user's action is 1 where it recalls
    the item, else 0; then it is told, so that the item counts as shown. The reward is one for each item
    recalled. Without an assistant nothing is ever shown.

    `n_items` (how many items there are to learn).

    The vectors `shown` and `last` are `(items,)`. Raises `ArgumentError` for a number of items below one.

    >>> from interaction import Bundle
    >>> from interaction.assistants.teaching import ConservativeTeacher
    >>> from interaction.tasks.teaching import TeachingTask
    >>> from interaction.users.teaching import ForgettingLearner
    >>> bundle = Bundle(TeachingTask(4), ForgettingLearner(), ConservativeTeacher(n_items=4), max_rounds=30)
    >>> runs = bundle.run(1, seed=0)
    >>> runs["task_state.item"], runs["task_state.shown"][0, -1]
    (array([[0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1,
            2, 3, 0, 1, 2, 3, 0, 1]]), array([8, 7, 7, 7]))
    """

    def __init__(self, n_items: int = 20) -> None:
        if isinstance(n_items, bool) or not isinstance(n_items, int | np.integer) or n_items < 1:
            raise ArgumentError(f"TeachingTask: n_items: expected a number >= 1, got {n_items!r}")
        self.n_items = int(n_items)
        counts = spaces.whole(low=0, shape=(self.n_items,))
        self.state_space = spaces.Dict(
            item=spaces.Discrete(self.n_items + 1, start=NOTHING),
            shown=counts,
            last=counts,
            now=spaces.whole(low=0),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        none = np.zeros(self.n_items, np.int64)
        return State(item=NOTHING, shown=none, last=none, now=0)

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state = game.task_state
        here = np.arange(self.n_items) == state.item
        return Transition(
            state.replace(
                shown=state.shown + here,
                last=np.where(here, state.now, state.last),
                now=state.now + 1,
            ),
            reward=1.0 * game.user_action,
        )

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(game.task_state.replace(item=game.assistant_action))
