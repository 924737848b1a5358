"""Decisions between two alternatives, of which one is right, that are told by a choice and its time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces
from interaction.errors import ArgumentError


class DecisionTask(InteractionTask):
    """One decision: the evidence speaks for 0 or for 1, more or less strongly; `Trials` plays many in a row.

    The state holds what is right (`answer`, 0 or 1 with equal probability) and how strong the evidence for it
    is (`strength`). The action is `Dict(choice, time)`: 0 or 1, and the seconds that it took. The reward is
    one for the right choice, and the game ends.

    `strengths` (of the evidence, of which each game has one with equal probability, in a unit of yours, such
    as the share of dots that move one way; 0 tells nothing).
    Source: this project.

    Raises `ArgumentError` for strengths that are not numbers >= 0.

    >>> from interaction import Bundle
    >>> from interaction.tasks.decisions import DecisionTask
    >>> from interaction.users.diffusion import DiffusionUser
    >>> runs = Bundle(DecisionTask([0.5, 2.0]), DiffusionUser()).run(1_000, seed=0)
    >>> print(runs.returns.mean().round(2), runs["user_action.time"].mean().round(2))  # right, seconds
    0.83 0.75
    """

    def __init__(self, strengths: Sequence[float] = (1.0,)) -> None:
        self.strengths: NDArray[np.float64] = np.array(strengths, float)
        valid = self.strengths.ndim == 1 and len(self.strengths) > 0
        if not valid or not (np.isfinite(self.strengths) & (self.strengths >= 0)).all():
            raise ArgumentError(f"DecisionTask: strengths: expected numbers >= 0, got {strengths!r}")
        self.state_space = spaces.Dict(
            strength=spaces.real(0.0),
            answer=spaces.Discrete(2),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        which = rng.integers(0, len(self.strengths))
        return State(strength=self.strengths[which], answer=rng.integers(0, 2))

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        right = game.user_action.choice == game.task_state.answer
        return Transition(game.task_state, reward=1.0 * right, terminated=True)
