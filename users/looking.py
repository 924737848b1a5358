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
    """Sees the target, with normal noise whose standard deviation is `noise` times its eccentricity."""

    def observe(self, game: State, rng: EpisodeRandom) -> tuple[State, float]:
        target = game.task_state.target
        eccentricity = abs(target - game.task_state.fixation)
        return State(target=target + rng.normal(0.0, game.user_state.noise * eccentricity)), 0.0


class Saccade(Policy):
    """Jumps to where it sees the target; lands with normal noise of `motor_noise` degrees."""

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
