"""Times choices by information gain and whole games of pointing.

Run `python benchmarks/pointing.py`. A choice of the engine is taken in turns with the same choice as a plain
Python loop over cells, goals and actions, and the median of their ratios is printed.
"""

from __future__ import annotations

import math
import statistics

import numpy as np
from report import Table, run, seconds

from interaction import Bundle, EpisodeRandom, State
from interaction.assistants.pointing import GoalInference, InformationGain, RolloutAssistant
from interaction.planning import ExpectedInformationGain
from interaction.spaces import Discrete
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

TASK, USER = PointingTask(31, 8, "position"), CarefulPointer(0.05)


def looped(targets: list[int], belief: list[float], error: float) -> list[float]:
    """Give the information gain of each of 31 cells, written out by hand."""
    gains = []
    for cell in range(31):
        rows = []
        for target in targets:
            if target == cell:
                rows.append((0.0, 1.0, 0.0))
            else:
                rows.append((error, 0.0, 1 - error) if target > cell else (1 - error, 0.0, error))
        gain = 0.0
        for action in range(3):
            mixed = sum(weight * row[action] for weight, row in zip(belief, rows, strict=True))
            gain -= mixed * math.log2(mixed) if mixed > 0 else 0.0
        for weight, row in zip(belief, rows, strict=True):
            gain += weight * sum(p * math.log2(p) for p in row if p > 0)
        gains.append(gain)
    return gains


def look(rows: int | None) -> tuple[State, State, EpisodeRandom]:
    """Give a first belief, an observation and a stream, for one episode or for many."""
    rng = EpisodeRandom(0, episodes=None if rows is None else np.arange(rows))
    belief = GoalInference(USER, TASK).initial(rng)
    task_state = TASK.reset(rng.at(0, 8))
    action = 1 if rows is None else np.ones(rows, int)
    return belief, State(round_index=0, task_state=task_state, user_action=action), rng


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    gain = ExpectedInformationGain(GoalInference(USER, TASK), Discrete(31))
    one, many = look(None), look(1_000)
    targets = one[1].task_state.targets.tolist()
    by_hand = looped(targets, [1 / 8] * 8, 0.05)
    assert np.allclose(by_hand, gain.gain(*one))
    gain.gain(*many)
    times = [
        (
            seconds(lambda: gain.gain(*one)),
            seconds(lambda: gain.gain(*many)) / 1_000,
            seconds(lambda: looped(targets, [1 / 8] * 8, 0.05)),
        )
        for _ in range(5 if quick else 31)
    ]
    alone, batch, loop = (statistics.median(column) for column in zip(*times, strict=True))
    episodes = 100 if quick else 1_000
    games = {
        "information gain": InformationGain(USER, TASK),
        "rollouts of 16 users": RolloutAssistant(USER, TASK, samples=16),
    }
    played = {
        name: seconds(
            lambda assistant=assistant: Bundle(TASK, USER, assistant, max_rounds=500).run(episodes, seed=0)  # type: ignore[misc]
        )
        for name, assistant in games.items()
    }
    took = played["information gain"]
    by_rollouts = played["rollouts of 16 users"]
    table = Table(f"Pointing (numpy {np.__version__})")
    choice = "one choice by information gain"
    table.add(f"{choice}, alone", f"{alone * 1e3:.2f} ms", "", "< 1 ms", alone < 1e-3, alone)
    table.add(f"{choice}, in a batch of 1,000", f"{batch * 1e6:.1f} µs", "", "< 20 µs", batch < 2e-5, batch)
    table.add("the same as a plain loop for this one user", f"{loop / batch:.0f} times slower")
    table.add("games by information gain", f"{took:.2f} s for {episodes:,}", "", "< 5 s", took < 5, took)
    table.add("games by rollouts", f"{by_rollouts:.1f} s for {episodes:,}", seconds=by_rollouts)
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
