"""Looking: points light up on a line, one after the other, and the eye jumps to each."""

from __future__ import annotations

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces
from interaction.errors import ArgumentError


class LookingTask(InteractionTask):
    """Look at the point that is lit; then the next one is, anywhere within reach to either side.

    The state holds where the eye rests (`fixation`) and the point (`target`), in degrees of visual angle.
    The user's action is where the eye lands, in degrees. The cost is how far that is from the point.
    `reach` (degrees: how far from the middle points light up, uniformly).
    Source: this project.

    Raises `ArgumentError` for a reach that is not above zero.

    >>> from interaction import Bundle
    >>> from interaction.tasks.looking import LookingTask
    >>> from interaction.users.looking import NoisyEye
    >>> runs = Bundle(LookingTask(reach=8.0), NoisyEye(), max_rounds=100).run(50, seed=0)
    >>> print((-runs.returns / 100).mean().round(2))  # degrees missed
    1.23
    """

    state_space = spaces.Dict(fixation=spaces.real(), target=spaces.real())

    def __init__(self, reach: float = 8.0) -> None:
        if not reach > 0:
            raise ArgumentError(f"LookingTask: reach: expected a number > 0 (degrees), got {reach!r}")
        self.reach = float(reach)

    def reset(self, rng: EpisodeRandom) -> State:
        return State(fixation=0.0, target=self._point(rng))

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        landed = game.user_action
        missed = abs(landed - game.task_state.target)
        return Transition(State(fixation=landed, target=self._point(rng)), reward=-missed)

    def _point(self, rng: EpisodeRandom) -> float:
        point: float = self.reach * (2 * rng.random() - 1)
        return point
