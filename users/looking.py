"""Users that look: the eye sees the less well the further away from where it rests.

Source of the noise: that the standard deviation of a perceived position grows in proportion to eccentricity,
as in Chen, Starke, Baber & Howes 2017, "A cognitive model of how people make decisions through interaction
with visual displays", CHI, after Michel & Geisler 2011.
"""

from __future__ import annotations

import numpy as np

from interaction import EpisodeRandom, ObservationEngine, Policy, State, User, spaces
from interaction.errors import ArgumentError
from interaction.state import Value


class PeripheralVision(ObservationEngine):
    """Sees the target, with normal noise whose standard deviation is `noise` times its eccentricity.

    Eccentricity is the distance from where the eye rests, in degrees. What it sees is the `target` alone.
    Sources: Chen et al. 2017; Michel & Geisler 2011.

    >>> from interaction import EpisodeRandom, GameState, State
    >>> from interaction.users.looking import PeripheralVision
    >>> game = GameState(task_state=State(fixation=0.0, target=5.0), user_state=State(noise=0.2))
    >>> seen, _ = PeripheralVision().observe(game, EpisodeRandom(seed=0))
    >>> round(seen.target, 2)
    3.13
    """

    def observe(self, game: State, rng: EpisodeRandom) -> tuple[State, float]:
        target = game.task_state.target
        eccentricity = abs(target - game.task_state.fixation)
        return State(target=target + rng.normal(0.0, game.user_state.noise * eccentricity)), 0.0


class Saccade(Policy):
    """Jumps to where it sees the target; lands with normal noise of `motor_noise` degrees.

    >>> from interaction import State
    >>> from interaction.users.looking import Saccade
    >>> print(Saccade().log_prob(5.5, State(target=5.0), State(noise=0.2, motor_noise=1.0)).round(3))
    -1.044
    """

    action_space = spaces.real()

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        return observation.target + rng.normal(0.0, state.motor_noise), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        missed = (action - observation.target) / state.motor_noise
        return -0.5 * missed * missed - np.log(state.motor_noise) - 0.5 * np.log(2 * np.pi)


class NoisyEye(User):
    """An eye that jumps to what it sees, and sees the less well the further away that is.

    `noise` (degrees per degree of eccentricity) and `motor_noise` (degrees) are in its state. What it saw is
    not in the data, so that it is fitted with method "particles".
    Raises `ArgumentError` for a noise below zero, or a motor noise that is not above it.

    >>> from interaction import Bundle
    >>> from interaction.tasks.looking import LookingTask
    >>> from interaction.users.looking import NoisyEye
    >>> runs = Bundle(LookingTask(), NoisyEye(noise=0.1, motor_noise=0.5), max_rounds=4).run(1, seed=0)
    >>> aimed_at = runs["previous_task_state.target"]
    >>> aimed_at.round(1), runs["user_action"].round(1)
    (array([[ 5.3, -5. ,  1. ,  7.9]]), array([[ 5.5, -5.9,  0.9,  7.9]]))
    """

    def __init__(self, noise: float = 0.2, motor_noise: float = 1.0) -> None:
        for name, value, enough in (
            ("noise", noise, noise >= 0),
            ("motor_noise", motor_noise, motor_noise > 0),
        ):
            if not np.isfinite(value) or not enough:
                least = ">= 0" if name == "noise" else "> 0"
                raise ArgumentError(f"NoisyEye: {name}: expected a number {least}, got {value!r}")
        super().__init__(
            policy=Saccade(),
            observation_engine=PeripheralVision(),
            state=State(noise=float(noise), motor_noise=float(motor_noise)),
            state_space=spaces.Dict(noise=spaces.real(0.0), motor_noise=spaces.real(0.0)),
        )
