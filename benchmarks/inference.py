"""Times the Bayesian filter against the same update as a plain Python loop, and the delusions' table.

Run `python benchmarks/inference.py`. The two are timed in turns, and the median of their ratios is printed.
"""

from __future__ import annotations

import math
import random
import resource
import statistics
from collections.abc import Callable

import numpy as np
from report import Table, run, seconds
from scipy import stats

from interaction import EpisodeRandom, GameState, Samples, State, UserModelFilter
from interaction.examples.delusions import play_all, table
from interaction.users.bandit import RescorlaWagnerUser

PARTICLES = 1_000


def seen(number: int) -> State:
    """Give what the assistant observes in a round: the last pull, and the user's action."""
    task_state = State(arm=number % 2, outcome=number % 3 % 2, provenance=1, user_in_control=1)
    shown = {"task_state": task_state, "previous_task_state": task_state}
    return State(round_index=number, **shown, user_action=(number + 1) % 2, provenance=1)


def filtered(updates: int) -> Callable[[], None]:
    """Prepare updates of the filter with 1,000 particles, in a single episode, resampling included."""
    prior = {"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}
    one = UserModelFilter(RescorlaWagnerUser(), Samples(prior, n=PARTICLES))
    rng = EpisodeRandom(0, 0)
    start = one.initial(rng)

    def play() -> None:
        belief = start
        for number in range(updates):
            belief = one.update(belief, seen(number), rng.at(number, 5))

    return play


def looped(updates: int) -> Callable[[], None]:
    """Prepare the same written out for this one user: delta rule, softmax, resampling, Liu-West moves."""
    draws = random.Random(0)
    start = [(draws.random(), draws.expovariate(1 / 3), [0.5, 0.5]) for _ in range(PARTICLES)]
    shrink = (3 * 0.98 - 1) / (2 * 0.98)

    def play() -> None:
        particles = list(start)
        logs = [-math.log(PARTICLES)] * PARTICLES
        for number in range(updates):
            observation = seen(number)
            arm, outcome = observation.task_state.arm, observation.task_state.outcome
            action = observation.user_action
            moved = []
            for index, (alpha, beta, q) in enumerate(particles):
                values = list(q)
                values[arm] += alpha * (outcome - values[arm])
                top = max(values)
                total = sum(math.exp(beta * (value - top)) for value in values)
                logs[index] += beta * (values[action] - top) - math.log(total)
                moved.append((alpha, beta, values))
            largest = max(logs)
            normaliser = largest + math.log(sum(math.exp(log - largest) for log in logs))
            logs = [log - normaliser for log in logs]
            weights = [math.exp(log) for log in logs]
            if 1 / sum(weight**2 for weight in weights) < PARTICLES / 2:
                means = [sum(w * p[k] for w, p in zip(weights, moved, strict=True)) for k in (0, 1)]
                spread = [
                    sum(w * (p[k] - means[k]) ** 2 for w, p in zip(weights, moved, strict=True))
                    for k in (0, 1)
                ]
                chosen, cumulated, at = [], weights[0], 0
                position = draws.random() / PARTICLES
                for _ in range(PARTICLES):
                    while cumulated < position and at < PARTICLES - 1:
                        at += 1
                        cumulated += weights[at]
                    chosen.append(moved[at])
                    position += 1 / PARTICLES
                noise = [math.sqrt((1 - shrink**2) * value) for value in spread]
                moved = [
                    (
                        min(
                            1.0, max(0.0, shrink * a + (1 - shrink) * means[0] + noise[0] * draws.gauss(0, 1))
                        ),
                        max(0.0, shrink * b + (1 - shrink) * means[1] + noise[1] * draws.gauss(0, 1)),
                        q,
                    )
                    for a, b, q in chosen
                ]
                logs = [-math.log(PARTICLES)] * PARTICLES
            particles = moved

    return play


def asked(updates: int) -> Callable[[], None]:
    """Prepare the same update as a loop over particles that asks the user model, whichever it is."""
    user = RescorlaWagnerUser()
    draws, rng = random.Random(0), EpisodeRandom(0, 0)
    states = [
        user.state.replace(learning_rate=draws.random(), inverse_temperature=draws.expovariate(1 / 3))
        for _ in range(PARTICLES)
    ]

    def play() -> None:
        particles, logs = list(states), [-math.log(PARTICLES)] * PARTICLES
        for number in range(updates):
            game = GameState(task_state=seen(number).task_state)
            action = seen(number).user_action
            for index, state in enumerate(particles):
                observation, _ = user.observation_engine.observe(game.replace(user_state=state), rng)
                moved, _ = user.inference_engine.infer(observation, state, rng)
                logs[index] += user.policy.log_prob(action, observation, moved)
                particles[index] = moved
            largest = max(logs)
            normaliser = largest + math.log(sum(math.exp(log - largest) for log in logs))
            logs = [log - normaliser for log in logs]

    return play


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    updates = 30
    one, inlined, asking = filtered(updates), looped(updates), asked(2)
    one(), inlined()
    times = [
        (seconds(one), seconds(inlined), seconds(asking) * updates / 2) for _ in range(3 if quick else 9)
    ]
    each = statistics.median(first for first, _, _ in times) / updates
    by_hand = statistics.median(second / first for first, second, _ in times)
    ratio = statistics.median(third / first for first, _, third in times)
    episodes = 1_000 if quick else 10_000
    took = seconds(lambda: table(play_all(episodes, seed=0, progress=False)))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = Table(f"Inference (numpy {np.__version__})")
    figures.add("one update, 1,000 particles", f"{each * 1e6:.0f} µs", seconds=each)
    slower = f"{ratio:.0f} times slower"
    figures.add("a plain loop that asks the user model", slower, "", ">= 30", ratio >= 30)
    figures.add("a loop written out for this one user", f"{by_hand:.1f} times slower")
    what = f"3 x {episodes:,} episodes x 100 rounds"
    figures.add(what, f"{took:.1f} s", "", "< 20 s", took < 20, took)
    figures.add("peak memory of this process", f"{memory:.0f} MB", "", "< 1000 MB", memory < 1000)
    return [figures]


if __name__ == "__main__":
    run(main, __doc__)
