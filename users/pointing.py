"""Users that point: one that tells the direction, one that moves as Fitts' law says, and one that tires."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import DiscretePolicy, EpisodeRandom, InferenceEngine, Policy, State, User, spaces
from interaction.errors import ArgumentError
from interaction.state import Value

Array = NDArray[Any]
_RATE = spaces.real(0.0, 1.0)


class CarefulPolicy(DiscretePolicy):
    """Steps towards the goal, and at the rate `error_rate` the other way; stays where the goal is.

    The actions −1, 0, 1 have the probabilities (ε, 0, 1 − ε) left of the goal, (1 − ε, 0, ε) right of it,
    and (0, 1, 0) on it. Source: the careful pointer of CoopIHC's zoo.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.users.pointing import CarefulPolicy
    >>> seen = State(task_state=State(position=4, targets=np.array([2, 7]), goal=1))
    >>> CarefulPolicy().probabilities(seen, State(error_rate=0.05))
    array([0.05, 0.  , 0.95])
    """

    batched = True  # half as fast again as lifted in information gain
    action_space = spaces.Discrete(3, start=-1)

    def probabilities(self, observation: State, state: State) -> Value:
        task_state = observation.task_state
        targets = task_state.targets
        goal = np.broadcast_to(task_state.goal, targets.shape[:-1])[..., None]  # may be that of all episodes
        cell = np.take_along_axis(targets, goal, axis=-1)[..., 0]
        right, left = cell > task_state.position, cell < task_state.position
        error = self.error_rate(state)
        forward, back = np.where(right, 1 - error, error), np.where(left, 1 - error, error)
        off = right | left
        return np.stack([back * off, 1.0 * ~off, forward * off], axis=-1)

    def error_rate(self, state: State) -> Value:
        """Give the present rate of errors."""
        return state.error_rate


class CarefulPointer(User):
    """Steps towards the goal, and at a small rate the other way.

    Its state holds `error_rate` (probability of a step the other way).
    Raises `ArgumentError` for what is no rate.
    Source: the careful pointer of CoopIHC's zoo.

    >>> from interaction import Bundle
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> runs = Bundle(PointingTask(9, 2), CarefulPointer(error_rate=0.2), max_rounds=50).run(1, seed=0)
    >>> runs["user_action"], runs["task_state.position"]
    (array([[-1, -1,  0]]), array([[3, 2, 2]]))
    """

    def __init__(self, error_rate: float = 0.05) -> None:
        _check_rate("CarefulPointer: error_rate", error_rate)
        super().__init__(
            policy=CarefulPolicy(),
            state=State(error_rate=float(error_rate)),
            state_space=spaces.Dict(error_rate=_RATE),
        )


class SatiatingPolicy(CarefulPolicy):
    """Errs the more often the more it is satiated: from `error_rate` up to one half.

    Source: this project.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.users.pointing import SatiatingPolicy
    >>> seen = State(task_state=State(position=4, targets=np.array([2, 7]), goal=1))
    >>> SatiatingPolicy().probabilities(seen, State(error_rate=0.1, rate=0.02, satiation=0.5)).round(2)
    array([0.3, 0. , 0.7])
    """

    batched = True  # half as fast again as lifted in long games, where few episodes are left

    def error_rate(self, state: State) -> Value:
        return state.error_rate + state.satiation * (0.5 - state.error_rate)


class Satiation(InferenceEngine):
    """With each look, satiation closes the part `rate` of its gap to one.

    Source: this project.

    >>> from interaction import EpisodeRandom, State
    >>> from interaction.users.pointing import Satiation
    >>> Satiation().infer(State(), State(error_rate=0.05, rate=0.1, satiation=0.5), EpisodeRandom())
    (State(error_rate=0.05, rate=0.1, satiation=0.55), 0.0)
    """

    batched = True  # half as fast again as lifted in long games, where few episodes are left

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        return state.replace(satiation=state.satiation + state.rate * (1 - state.satiation)), 0.0


class SatiatingPointer(User):
    """A careful pointer that loses interest while it plays: its internal state changes with each look.

    Source: this project.

    Its state holds `error_rate` (probability of a step the other way, at first), `rate` (per round: the part
    of its gap to one that satiation closes) and its `satiation` (from 0 to 1, which is to err half the time).
    Raises `ArgumentError` for what is no rate.

    >>> from interaction import Bundle
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import SatiatingPointer
    >>> bundle = Bundle(PointingTask(), SatiatingPointer(rate=0.1), max_rounds=200)
    >>> runs = bundle.run(1_000, seed=0, record=["user_state.satiation"])
    >>> runs["user_state.satiation"][0, [0, 1, 2, 9]].round(2)
    array([0.1 , 0.19, 0.27, 0.65])
    >>> print(runs.lengths.mean().round(1))  # rounds; the careful pointer takes 13
    71.0
    """

    def __init__(self, error_rate: float = 0.05, rate: float = 0.02) -> None:
        _check_rate("SatiatingPointer: error_rate", error_rate)
        _check_rate("SatiatingPointer: rate", rate)
        super().__init__(
            policy=SatiatingPolicy(),
            inference_engine=Satiation(),
            state=State(error_rate=float(error_rate), rate=float(rate), satiation=0.0),
            state_space=spaces.Dict(error_rate=_RATE, rate=_RATE, satiation=_RATE),
        )


class FittsPolicy(Policy):
    """Moves in submovements, each of which aims to take up to one bit off the index of difficulty.

    At the distance d from a goal of width W the index is log2(d/W + 1). With n the next whole number, a
    submovement aims at where the index is lower by an n-th (at the centre, if that is inside), takes b
    seconds for each bit of it, and lands with normal noise on both axes whose standard deviation is `noise`
    times its amplitude. The first one takes a more. So a whole movement takes about a + b log2(D/W + 1).
    Sources: Fitts 1954, "The information capacity of the human motor system"; MacKenzie 1992 (the index
    log2(D/W + 1)); Meyer et al. 1988 (noisy submovements).

    >>> import numpy as np
    >>> from interaction import EpisodeRandom, State
    >>> from interaction.users.pointing import FittsPolicy
    >>> target = State(positions=np.array([[0.7, 0.0]]), widths=np.array([0.1]), goal=0)
    >>> seen = State(task_state=target.extend(position=np.zeros(2), time=0.0))
    >>> movement, _ = FittsPolicy().sample(seen, State(a=0.1, b=0.15, noise=0.0), EpisodeRandom(seed=0))
    >>> movement.step.round(3), round(movement.duration, 3)  # one of three bits; 0.1 s + 0.15 s
    (array([0.4, 0. ]), 0.25)
    """

    action_space = spaces.Dict(
        step=spaces.real(-2.0, 2.0, (2,)),
        duration=spaces.real(0.0),
    )

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        task_state = observation.task_state
        width = task_state.widths[task_state.goal]
        offset = task_state.positions[task_state.goal] - task_state.position
        distance = np.sqrt((offset**2).sum())
        index = np.log2(distance / width + 1)
        bits = index / np.maximum(np.ceil(index), 1.0)
        left = width * (np.exp2(index - bits) - 1)  # the distance at which the index is lower by these bits
        inside = left <= width / 2 * (1 + 1e-9)  # on the very edge, rounding differs between processors
        bits, left = np.where(inside, index, bits), np.where(inside, 0.0, left)
        amplitude = distance - left
        share = amplitude / np.where(distance > 0, distance, 1.0)
        noise = rng.normal(shape=(2,)) * (state.noise * amplitude)
        step = np.clip(offset * share + noise, -2.0, 2.0)
        first = task_state.time == 0.0
        return State(step=step, duration=np.where(first, state.a, 0.0) + state.b * bits), 0.0


class FittsPointer(User):
    """Points in the plane with noisy submovements; movement times follow Fitts' law, a + b log2(D/W + 1).

    `a` (s), `b` (s per bit) and `noise` (standard deviation per amplitude) are in its state.
    Sources: Fitts 1954, "The information capacity of the human motor system"; MacKenzie 1992 (the index
    log2(D/W + 1)); Meyer et al. 1988 (noisy submovements).

    Raises `ArgumentError` for a parameter below zero.

    >>> from interaction import Bundle
    >>> from interaction.tasks.pointing import Pointing2DTask
    >>> from interaction.users.pointing import FittsPointer
    >>> runs = Bundle(Pointing2DTask(), FittsPointer(noise=0.0), max_rounds=50).run(1, seed=0)
    >>> runs["task_state.time"].round(2)  # seconds, after each submovement
    array([[0.21, 0.31, 0.42]])
    """

    def __init__(self, a: float = 0.1, b: float = 0.15, noise: float = 0.05) -> None:
        for name, value in (("a", a), ("b", b), ("noise", noise)):
            if not np.isfinite(value) or value < 0:
                raise ArgumentError(f"FittsPointer: {name}: expected a number >= 0, got {value!r}")
        positive = spaces.real(0.0)
        super().__init__(
            policy=FittsPolicy(),
            state=State(a=float(a), b=float(b), noise=float(noise)),
            state_space=spaces.Dict(a=positive, b=positive, noise=positive),
        )


def _check_rate(where: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ArgumentError(f"{where}: expected a rate between 0 and 1, got {value!r}")
