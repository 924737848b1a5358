"""Times fits: of a population against separate ones, and of users who draw against users without that noise.

Run `python benchmarks/fitting.py`. What is compared is taken in turns in one process, and the median of the
ratios of processor times is printed; then 50 noisy eyes are recovered, which takes a minute of one core.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from report import Table, run, seconds
from scipy import stats

from interaction import (
    Bundle,
    DiscretePolicy,
    EpisodeRandom,
    InferenceEngine,
    InteractionTask,
    Log,
    Logit,
    ObservationEngine,
    Population,
    State,
    User,
    fit,
    parameter_recovery,
    spaces,
)
from interaction.fitting.latent import LatentLikelihood
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.observed import simulate
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.looking import LookingTask
from interaction.users.bandit import DeltaRule, RescorlaWagnerUser
from interaction.users.looking import NoisyEye

INNER = 100
PRIORS = {"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}
POPULATION = Population(
    {
        "learning_rate": Logit(mean=stats.norm(0, 1.5), sd=stats.halfnorm(0, 1)),
        "inverse_temperature": Log(mean=stats.norm(1, 0.75), sd=stats.halfnorm(0, 0.5)),
    }
)


class Learns(InferenceEngine):
    """The delta rule in natural code, of which a share `noise` of each step is noise.

    Source of the noise: Findling, Skvortsova, Dromnelle, Palminteri & Wyart 2019, "Computational noise in
    reward-guided learning drives behavioral variability in volatile environments".
    """

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        arm = observation.task_state.arm
        if arm < 0:
            return state, 0.0
        step = state.learning_rate * (observation.task_state.outcome - state.q[arm])
        if self.noise:
            step = step + self.noise * abs(step) * rng.normal()
        q = state.q + (np.arange(2) == arm) * step
        return state.replace(q=np.clip(q, 0.0, 1.0)), 0.0


class Softmax(DiscretePolicy):
    """The softmax rule in natural code."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation: State, state: State) -> np.ndarray:
        weights = np.exp(state.inverse_temperature * (state.q - state.q.max()))
        chances: np.ndarray = weights / weights.sum()
        return chances


class NoisyDeltaRule(DeltaRule):
    """The shipped delta rule, on raw arrays, with the same noise."""

    batched = True

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        learnt, _ = super().infer(observation, state, rng)
        step = learnt.q - state.q  # of the pulled arm; the other has none
        noise = np.expand_dims(0.3 * rng.normal(), -1)
        return learnt.replace(q=np.clip(learnt.q + np.abs(step) * noise, 0.0, 1.0)), 0.0


class ClearVision(ObservationEngine):
    """Sees the target as it is."""

    def observe(self, game: State, rng: EpisodeRandom) -> tuple[State, float]:
        return State(target=game.task_state.target), 0.0


def people_together(table: Table, quick: bool) -> None:
    """Add the rows on populations."""
    people, choices, times = (10, 20, 1) if quick else (100, 200, 3)
    task, user = MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser()
    rng = np.random.default_rng(0)
    points = np.stack([rng.normal(-0.5, 0.5, people), rng.normal(1.2, 0.3, people)], axis=-1)
    start = {f"user_state.{name}": values for name, values in POPULATION.values(points).items()}
    runs = Bundle(task, user, max_rounds=choices).run(people, seed=0, start=start)
    options: dict[str, Any] = {"users": "episode", "progress": False}
    taken = [
        (
            seconds(lambda: fit(task, user, runs, PRIORS, **options)),
            seconds(lambda: fit(task, user, runs, population=POPULATION, **options)),
        )
        for _ in range(times)
    ]
    ratio = statistics.median(pooled / separate for separate, pooled in taken)
    separate, pooled = (statistics.median(column) for column in zip(*taken, strict=True))
    table.add(f"separate fits, {people} people × {choices} choices", f"{separate:.1f} s", seconds=separate)
    table.add("a population of them", f"{pooled:.1f} s", f"{ratio:.2f} x", "<= 3 x", ratio <= 3, pooled)


def slower(
    task: InteractionTask, noisy: User, clear: User, values: Mapping[str, float], quick: bool
) -> tuple[float, float, float]:
    """Give seconds for a candidate's likelihood, exact and by inner particles, and their median ratio."""
    rounds, candidates = (20, 400) if quick else (100, 4_000)
    observed = simulate(task, noisy, {name: np.array([value]) for name, value in values.items()}, rounds, 0)
    exact = Likelihood(task, clear, observed)
    estimated = LatentLikelihood(Likelihood(task, noisy, observed), INNER, 0)
    few = candidates // 4
    many, some = (
        {name: np.full((1, count), value) for name, value in values.items()} for count in (candidates, few)
    )
    exact.total(many)
    estimated.total(some)
    times = [
        (
            seconds(lambda: exact.total(many)) / candidates,
            seconds(lambda: estimated.total(some)) / few,
        )
        for _ in range(3 if quick else 7)
    ]
    first, second = (statistics.median(column) for column in zip(*times, strict=True))
    return first, second, statistics.median(after / before for before, after in times)


def latent_noise(table: Table, quick: bool) -> None:
    """Add the rows on users who draw while they look or infer."""
    bandit, learner = MultiArmedBanditTask(), RescorlaWagnerUser()
    natural = learner.replace(policy=Softmax(), inference_engine=Learns(0.0))
    rates = {"learning_rate": 0.3, "inverse_temperature": 3.0}
    eye = NoisyEye()
    cases: list[tuple[str, InteractionTask, User, User, Mapping[str, float]]] = [
        ("learner, natural", bandit, natural.replace(inference_engine=Learns(0.3)), natural, rates),
        ("learner, raw arrays", bandit, learner.replace(inference_engine=NoisyDeltaRule()), learner, rates),
        (
            "eye",
            LookingTask(),
            eye,
            eye.replace(observation_engine=ClearVision()),
            {"noise": 0.2, "motor_noise": 1.0},
        ),
    ]
    for name, task, noisy, clear, values in cases:
        before, after, ratio = slower(task, noisy, clear, values, quick)
        figure = f"{after * 1e6:.0f} µs, exact {before * 1e6:.2f} µs"
        what = f"{INNER} inner particles, {name}"
        table.add(what, figure, f"{ratio:.0f} x", "<= 150 x", ratio <= 150, after)


def eyes(table: Table, quick: bool) -> None:
    """Recover the noise of 50 eyes from 60 trials each, and add the row on it."""
    users, draws = (5, 20) if quick else (50, 50)
    begun = time.process_time()
    found = parameter_recovery(
        LookingTask(10.0),
        NoisyEye(),
        {"noise": stats.uniform(0, 0.3)},
        n_users=users,
        rounds=60,
        method="particles",
        draws=draws,
        inner=INNER,
        progress=False,
    )
    took = time.process_time() - begun
    r = float(np.corrcoef(found.true["noise"], found.estimate["noise"])[0, 1])
    what = f"noise of {users} eyes from 60 trials: correlation"
    figure = f"{r:.3f}; {int(found.converged.sum())} converged, {took:.0f} s"
    table.add(what, figure, "", "> 0.9", r > 0.9, took)


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    table = Table(f"Fitting (numpy {np.__version__})")
    people_together(table, quick)
    latent_noise(table, quick)
    eyes(table, quick)
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
