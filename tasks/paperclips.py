"""The paperclip game: the user makes a few things, from which the assistant learns what to make many of."""

from __future__ import annotations

from typing import Any

import numpy as np

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces
from interaction.errors import ArgumentError

FIRST = np.array([(2, 0), (1, 1), (0, 2)])
"""What the user can make: paperclips and staples, by its action."""

SECOND = np.array([(90, 0), (50, 50), (0, 90)])
"""What the assistant can make then."""


class PaperclipTask(InteractionTask):
    """Make paperclips and staples for a user who alone knows what they are worth.

    A paperclip is worth θ and a staple 1 − θ. First the user makes two things (`FIRST`, by its action), and
    then the assistant many (`SECOND`). θ is uniform: it lies in the middle of one of some equal parts of
    [0, 1], number `cell`. `cells` (how many parts there are).
    Raises `ArgumentError` for a number of cells below one.
    Sources: Russell 2019, "Human compatible", chapter 8; the kind of game is that of Hadfield-Menell et al.
    2016, "Cooperative inverse reinforcement learning".

    >>> from interaction.tasks.paperclips import SECOND, PaperclipTask
    >>> task = PaperclipTask()
    >>> print(round(task.theta(46), 3), [round(float(task.worth(46, made)), 1) for made in SECOND])
    0.505 [45.5, 50.0, 44.5]
    """

    action_space = spaces.Discrete(3)

    def __init__(self, cells: int = 92) -> None:
        if isinstance(cells, bool) or not isinstance(cells, int) or cells < 1:
            raise ArgumentError(f"PaperclipTask: expected a number of cells >= 1, got {cells!r}")
        self.cells = cells
        self.state_space = spaces.Dict(cell=spaces.Discrete(cells))

    def theta(self, cell: Any) -> Any:
        """Give what a paperclip is worth in a cell."""
        return (cell + 0.5) / self.cells

    def worth(self, cell: Any, made: Any) -> Any:
        """Give what some paperclips and staples are worth in a cell."""
        theta = self.theta(cell)
        return theta * made[0] + (1 - theta) * made[1]

    def reset(self, rng: EpisodeRandom) -> State:
        return State(cell=rng.integers(0, self.cells))

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(game.task_state, self.worth(game.task_state.cell, FIRST[game.user_action]))

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        reward = self.worth(game.task_state.cell, SECOND[game.assistant_action])
        return Transition(game.task_state, reward, True)
