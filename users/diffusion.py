"""Drift diffusion: evidence is gathered, with noise, until it reaches one of two boundaries.

Sources: Ratcliff 1978, "A theory of memory retrieval" (the model); Navarro & Fuss 2009, "Fast and accurate
calculations for first-passage times in Wiener diffusion models" (the density, by two series); Blurton,
Kesselmeier & Gondan 2012, "Fast and accurate calculations for cumulative first-passage time distributions in
Wiener diffusion models" (the distribution function, likewise).

Time is measured in units of a², a being the distance of the boundaries: τ = t/a²; and the way to the boundary
that is reached as a share w of a. Without drift the density of τ is f(τ, w). With the drift v that of t is
exp(±v a w − v² t/2) f(τ, w)/a², with + where the drift leads to this boundary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import erfcx, ndtr

from interaction import EpisodeRandom, Policy, State, User, spaces
from interaction.errors import ArgumentError
from interaction.state import Value

LEAST_BOUNDARY = 1e-12
LEAST_WAY = 1e-6
"""The least share of the boundary between the start and either end: nearer, rounding tells in the tails."""

_SHORT = 0.3  # τ up to which the density's series for short times is summed
_SHORT_TOTAL = 0.125  # and up to which that of the distribution function is
_STEPS = 12  # of Newton's method; after eight it is right to rounding
_STILL = 1e-12  # drift times boundary that is as good as none
_ROUNDING = 1e-9  # probability left, below which a difference from one says nothing
_FURTHEST = 10.0  # standard deviations, beyond which no number is drawn


def log_passage_density(tau: Any, way: Any) -> Any:
    """Give log f(τ, w) of a diffusion without drift: how soon it first reaches a boundary, from `way` = w.

    The other boundary is at the distance 1 − w on the other side. `tau` > 0 and `way` in (0, 1): numbers, or
    arrays that fit together. Up to τ = 0.3 by the series for short times, with k = 0, ±1, ±2 (Navarro & Fuss
    2009, equation 6), beyond by that for long times, with four terms (equation 5). The terms left out sum to
    less than 1e-14 of the first one, 6 exp(−12/τ)/w and 25 exp(−12π²τ) being the largest; as w nears one,
    rounding adds up to 1e-16/(1 − w).

    >>> import numpy as np
    >>> from interaction.users.diffusion import log_passage_density
    >>> np.exp(log_passage_density(np.array([0.05, 0.1, 0.5]), 0.5)).round(3)
    array([1.464, 1.807, 0.266])
    """
    short = np.minimum(tau, _SHORT)
    images = 0.0
    for k in (1, 2):  # as parts of the first term
        images = images + (way + 2 * k) * np.exp(-2 * k * (k + way) / short)
        images = images + (way - 2 * k) * np.exp(-2 * k * (k - way) / short)
    early = np.log(way + images) - way * way / (2 * short) - 1.5 * np.log(short) - 0.5 * np.log(2 * np.pi)
    long = np.maximum(tau, _SHORT)
    waves = np.sin(np.pi * way)
    for k in (2, 3, 4):
        waves = waves + k * np.sin(k * np.pi * way) * np.exp((1 - k * k) * np.pi**2 / 2 * long)
    late = np.log(np.pi * waves) - np.pi**2 / 2 * long
    return np.where(tau <= _SHORT, early, late)


def log_density(time: Any, upper: Any, drift: Any, boundary: Any, start: Any) -> Any:
    """Give the log density of reaching the upper boundary (else the lower) `time` seconds after the start.

    `drift` in 1/√s, the noise being one; `boundary`: the distance a of the two, in √s; `start`: where the
    evidence starts, as a share of it from the lower one. Numbers, or arrays that fit together. A time that is
    not above zero gives −inf.

    >>> import numpy as np
    >>> from interaction.users.diffusion import log_density
    >>> times = np.linspace(0.0005, 9.9995, 10_000)
    >>> density = np.exp(log_density(times, True, drift=1.0, boundary=1.5, start=0.5))
    >>> print((density.sum() * 0.001).round(3))  # how probable the upper boundary is: 1/(1 + exp(−1.5))
    0.818
    """
    way = np.where(upper, 1 - start, start)
    towards = np.where(upper, drift, -drift)
    possible = (time > 0) & (time < np.inf)
    known = np.where(possible, time, 1.0)
    log = log_passage_density(known / (boundary * boundary), way) - 2 * np.log(boundary)
    log = log + towards * boundary * way - drift * drift * known / 2
    return np.where(possible, log, -np.inf)


def upper_probability(drift: Any, boundary: Any, start: Any) -> Any:
    """Give the probability of reaching the upper boundary first; 1/(1 + exp(−v a)) from the middle.

    `drift`, `boundary` and `start` are those of `log_density`: numbers, or arrays that fit together.

    >>> from interaction.users.diffusion import upper_probability
    >>> print(upper_probability(drift=1.0, boundary=1.5, start=0.5).round(3))
    0.818
    """
    lead = drift * boundary
    size = np.maximum(np.abs(lead), _STILL)
    return np.exp(2 * np.minimum(lead, 0) * (1 - start)) * np.expm1(-2 * size * start) / np.expm1(-2 * size)


def passage(tau: Any, way: Any, lead: Any) -> tuple[Any, Any]:
    """Give how probable a boundary is to be reached by τ, and later, where it is the one that is reached.

    `tau` = t/a²; `way`: its distance w; `lead` = |v| a, towards it or away (which makes no difference to the
    time). Numbers, or arrays that fit together.
    To some 1e-13, by three terms of the series for short times or seven of that for long ones.

    >>> from interaction.users.diffusion import passage
    >>> reached, later = passage(tau=0.1, way=0.5, lead=1.5)
    >>> print(reached.round(3), later.round(3))
    0.273 0.727
    """
    other = 1 - way
    whole = np.expm1(-2 * lead * other) / np.expm1(-2 * lead)
    short = np.minimum(tau, _SHORT_TOTAL)
    root, moved = np.sqrt(short), lead * short
    reached = 0.0
    for far, sign in ((way, 1), (2 - way, -1), (2 + way, 1)):
        more = ((way - moved) * (way - moved) + (far * far - way * way)) / (2 * short)
        back = 0.5 * erfcx((far + moved) / (np.sqrt(2) * root)) * np.exp(-more)
        reached = reached + sign * (np.exp(lead * (way - far)) * ndtr((moved - far) / root) + back)
    long = np.maximum(tau, _SHORT_TOTAL)
    later = 0.0
    for k in range(1, 8):
        rate = (lead * lead + (k * np.pi) ** 2) / 2
        later = later + k * np.pi * np.sin(k * np.pi * way) / rate * np.exp(lead * way - rate * long)
    early = tau <= _SHORT_TOTAL
    reached, later = reached / whole, later / whole
    return np.where(early, reached, 1 - later), np.where(early, 1 - reached, later)


def passage_quantile(share: Any, way: Any, lead: Any) -> Any:
    """Give the τ by which a boundary is reached with the probability `share`, where it is the one reached.

    `way` and `lead` are those of `passage`; the time is a² τ. By Newton's method, on the logs of τ and of the
    odds, kept between two ends that close in on it.

    >>> from interaction.users.diffusion import passage, passage_quantile
    >>> tau = passage_quantile(0.5, way=0.5, lead=1.5)
    >>> print(tau.round(4), passage(tau, way=0.5, lead=1.5)[0].round(6))
    0.1629 0.5
    """
    lead = np.maximum(lead, _STILL)
    share = np.clip(share, 2.0**-54, 1 - 2.0**-53)
    wanted = np.log(share) - np.log1p(-share)
    norm = np.log(np.expm1(-2 * lead * (1 - way)) / np.expm1(-2 * lead)) - lead * way
    low = 2 * np.log(2 * way / (_FURTHEST + np.sqrt(_FURTHEST * _FURTHEST + 4 * lead * way)))
    high = np.log((2 * lead * way + _FURTHEST * _FURTHEST) / (lead * lead + np.pi**2))
    at = (low + high) / 2
    for _ in range(_STEPS):
        tau = np.exp(at)
        reached, later = passage(tau, way, lead)
        sure = (tau > _SHORT_TOTAL) | (later > _ROUNDING)
        reached, later = np.maximum(reached, 1e-300), np.maximum(later, 1e-300)
        off = np.log(reached) - np.log(later) - wanted
        low, high = np.where(off < 0, at, low), np.where(off < 0, high, at)
        log_slope = log_passage_density(tau, way) - lead * lead * tau / 2 - norm + at
        step = at - off * np.exp(np.log(reached) + np.log(later) - log_slope)
        at = np.where(sure & (step >= low) & (step <= high), step, (low + high) / 2)
    return np.exp(at)


class DiffusionPolicy(Policy):
    """Chooses the boundary that a diffusion reaches, when it reaches it; the times are continuous.

    Noise: one per √second. The upper boundary is the choice 1. Sampling inverts the distribution functions: a
    uniform number for the choice, and another one for the time.

    >>> from interaction import EpisodeRandom, State
    >>> from interaction.users.diffusion import DiffusionPolicy, DiffusionUser
    >>> seen, state = State(task_state=State(strength=1.0, answer=1)), DiffusionUser().state
    >>> action, _ = DiffusionPolicy().sample(seen, state, EpisodeRandom(seed=0))
    >>> print(action.choice, round(action.time, 3), DiffusionPolicy().log_prob(action, seen, state).round(3))
    1 0.536 0.399
    """

    action_space = spaces.Dict(choice=spaces.Discrete(2), time=spaces.real(float(np.finfo(float).tiny)))

    def drift(self, observation: State, state: State) -> Value:
        """Give the drift towards the upper boundary, per second."""
        task = observation.task_state
        return state.drift * task.strength * (2 * task.answer - 1)

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        drift = self.drift(observation, state)
        upper = rng.random() < upper_probability(drift, state.boundary, state.start)
        way = np.where(upper, 1 - state.start, state.start)
        tau = passage_quantile(rng.random(), way, np.abs(drift) * state.boundary)
        time = state.non_decision + state.boundary * state.boundary * tau
        return State(choice=upper * 1, time=time), 0.0

    def log_prob(self, action: Value, observation: State, state: State) -> Value:
        decision = action.time - state.non_decision
        drift = self.drift(observation, state)
        return log_density(decision, action.choice == 1, drift, state.boundary, state.start)


class DiffusionUser(User):
    """Gathers evidence until it suffices for one of two choices, which takes its time.

    Its state holds `drift` (1/√s: evidence a second, for each unit of the task's `strength`), `boundary` (√s:
    how much evidence lies between the choices, more being slower and surer), `non_decision` (s: to see before
    it, to move after it) and `start` (where it starts, as a share of the boundary from the choice 0).
    The unit of evidence is its noise in a second, as in Navarro & Fuss 2009; where that is called 0.1, as by
    Ratcliff, drift and boundary are a tenth of these.
    Raises `ArgumentError` for a boundary that is not above zero, a time below zero, a start that does not lie
    between the boundaries, and what is no finite number.

    >>> from interaction import Bundle
    >>> from interaction.tasks.decisions import DecisionTask
    >>> from interaction.users.diffusion import DiffusionUser
    >>> for user in (DiffusionUser(boundary=0.8), DiffusionUser(boundary=2.0)):
    ...     runs = Bundle(DecisionTask(), user).run(1_000, seed=0)
    ...     print(runs.returns.mean().round(2), runs["user_action.time"].mean().round(2))  # right, seconds
    0.69 0.46
    0.87 1.08
    """

    def __init__(
        self, drift: float = 1.0, boundary: float = 1.5, non_decision: float = 0.3, start: float = 0.5
    ) -> None:
        for name, value, valid, wanted in (
            ("drift", drift, np.isfinite(drift), "a finite number"),
            ("boundary", boundary, np.isfinite(boundary) and boundary >= LEAST_BOUNDARY, "a number above 0"),
            ("non_decision", non_decision, np.isfinite(non_decision) and non_decision >= 0, "seconds >= 0"),
            ("start", start, LEAST_WAY <= start <= 1 - LEAST_WAY, "a share between 0 and 1"),
        ):
            if not valid:
                raise ArgumentError(f"DiffusionUser: {name}: expected {wanted}, got {value!r}")
        super().__init__(
            policy=DiffusionPolicy(),
            state=State(
                drift=float(drift),
                boundary=float(boundary),
                non_decision=float(non_decision),
                start=float(start),
            ),
            state_space=spaces.Dict(
                drift=spaces.real(),
                boundary=spaces.real(LEAST_BOUNDARY),
                non_decision=spaces.real(0.0),
                start=spaces.real(LEAST_WAY, 1 - LEAST_WAY),
            ),
        )
