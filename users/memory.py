"""Memory by activation, as in ACT-R: what was met often and lately is recalled more surely, and faster.

Sources: Anderson & Schooler 1991, "Reflections of the environment in memory" (activation by the power of each
age); Anderson, Bothell, Byrne, Douglass, Lebiere & Qin 2004, "An integrated theory of the mind" (base-level
learning, noise, threshold, latency).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interaction import EpisodeRandom, Policy, State, User, spaces
from interaction.errors import ArgumentError
from interaction.state import Value

LEAST = 1e-12
"""The least noise, and the least latency factor."""


def activation(ages: Any, decay: Any) -> Any:
    """Give the base-level activation ln Σ t^(−d) of an item met t seconds ago; −∞ of one that never was.

    `ages` `(..., times)`: seconds, or 0 for none; `decay` d >= 0, `(...)`.

    >>> import numpy as np
    >>> from interaction.users.memory import activation
    >>> ages = np.array([[100.0, 0.0], [100.0, 25.0]])  # studied once; and again, 25 s ago
    >>> activation(ages, decay=0.5).round(3)  # log 0.1, log(0.1 + 0.2)
    array([-2.303, -1.204])
    """
    known = ages > 0
    powers = np.exp(-np.expand_dims(decay, -1) * np.log(np.where(known, ages, 1.0)))
    with np.errstate(divide="ignore"):
        return np.log(np.where(known, powers, 0.0).sum(axis=-1))


class RecallByActivation(Policy):
    """Recalls an item whose activation, with its noise of this moment, is above the threshold.

    The noise is logistic, of the scale s, drawn from one uniform number. It decides both whether the item is
    recalled and how long that takes, F exp(−A); so where it is, the density of the latency x = F exp(−A)
    beyond the fixed time is that of A = ln F − ln x, divided by x, for x below F exp(−τ).

    >>> import numpy as np
    >>> from interaction import EpisodeRandom, State
    >>> from interaction.users.memory import BaseLevelLearner, RecallByActivation
    >>> seen, learner = State(task_state=State(ages=np.array([100.0, 25.0]))), BaseLevelLearner()
    >>> action, _ = RecallByActivation().sample(seen, learner.state, EpisodeRandom(seed=0, episode=3))
    >>> print(action.recalled, round(action.latency, 2))  # seconds
    1 1.03
    >>> failed = RecallByActivation().log_prob(State(recalled=0, latency=0.0), seen, learner.state)
    >>> print(np.exp(failed).round(3))
    0.058
    """

    action_space = spaces.Dict(recalled=spaces.Discrete(2), latency=spaces.real(0.0))

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        base = activation(observation.task_state.ages, state.decay)
        uniform = np.maximum(rng.random(), 2.0**-54)
        noisy = base + state.noise * (np.log(uniform) - np.log1p(-uniform))
        recalled = noisy > state.threshold
        latency = state.fixed_time + state.latency_factor * np.exp(-np.maximum(noisy, state.threshold))
        return State(recalled=recalled * 1, latency=np.where(recalled, latency, 0.0)), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        base = activation(observation.task_state.ages, state.decay)
        failed = np.where(
            action.latency == 0, -np.logaddexp(0.0, (base - state.threshold) / state.noise), -np.inf
        )
        taken = action.latency - state.fixed_time
        known = np.where(taken > 0, taken, 1.0)
        noisy = np.log(state.latency_factor) - np.log(known)
        possible = (taken > 0) & (taken < np.inf) & (noisy > state.threshold) & (base > -np.inf)
        off = np.abs(noisy - np.where(possible, base, 0.0)) / state.noise
        density = -off - 2 * np.log1p(np.exp(-off)) - np.log(state.noise) - np.log(known)
        return np.where(action.recalled == 1, np.where(possible, density, -np.inf), failed)


class BaseLevelLearner(User):
    """Recalls by base-level activation, the surer and faster the more often and the later an item was met.

    Its state holds `decay` (d, the power of time in seconds by which each trace fades; 0.5 by ACT-R's
    convention), `threshold` (τ, the activation above which an item is recalled), `noise` (s, the scale of
    the logistic noise of activation), `latency_factor` (F, seconds that recalling takes at the activation 0)
    and `fixed_time` (seconds for seeing and answering: no latency is shorter).
    A failure has no latency (0), and no item is recalled that was never studied.
    Raises `ArgumentError` for a decay or a time below zero, a noise or a factor that is not above zero, and
    what is no finite number.

    >>> from interaction import Bundle
    >>> from interaction.tasks.memory import RecallTask
    >>> from interaction.users.memory import BaseLevelLearner
    >>> task = RecallTask(items=[0] * 6, times=range(0, 300, 50))
    >>> runs = Bundle(task, BaseLevelLearner()).run(2_000, seed=0)
    >>> runs["user_action.recalled"].mean(axis=0).round(2)  # of the same item, each 50 s
    array([0.  , 0.79, 0.92, 0.95, 0.96, 0.98])
    """

    def __init__(
        self,
        decay: float = 0.5,
        threshold: float = -2.6,
        noise: float = 0.5,
        latency_factor: float = 0.21,
        fixed_time: float = 0.6,
    ) -> None:
        values = {
            "decay": (decay, 0.0, "a number >= 0"),
            "threshold": (threshold, -np.inf, "a finite number"),
            "noise": (noise, LEAST, "a number above 0"),
            "latency_factor": (latency_factor, LEAST, "seconds above 0"),
            "fixed_time": (fixed_time, 0.0, "seconds >= 0"),
        }
        for name, (value, least, wanted) in values.items():
            if not (np.isfinite(value) and value >= least):
                raise ArgumentError(f"BaseLevelLearner: {name}: expected {wanted}, got {value!r}")
        super().__init__(
            policy=RecallByActivation(),
            state=State(**{name: float(value) for name, (value, _, _) in values.items()}),
            state_space=spaces.Dict({name: spaces.real(least) for name, (_, least, _) in values.items()}),
        )
