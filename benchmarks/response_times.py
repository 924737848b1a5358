"""Response times: how fast the densities are, whether parameters are recovered, and posteriors calibrated.

Run `python benchmarks/response_times.py` (extra `inference`), for a quarter of an hour; `--quick`: a few
users, and no calibration.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats
from scipy.special import ndtr

from interaction import InteractionTask, State, User, calibration, parameter_recovery
from interaction.display import print_table
from interaction.tasks.decisions import DecisionTask
from interaction.tasks.memory import paired_associates
from interaction.users.diffusion import DiffusionUser, log_density, passage_quantile
from interaction.users.memory import BaseLevelLearner

ROWS = 20_000
STUDIES: dict[str, tuple[InteractionTask, User, dict[str, Any], int, int]] = {
    "drift diffusion": (
        DecisionTask([0.25, 0.5, 1.0]),
        DiffusionUser(),
        {
            "drift": stats.norm(2, 1),
            "boundary": stats.gamma(20, scale=0.075),
            "non_decision": stats.gamma(20, scale=0.015),
        },
        1,
        200,
    ),
    "base-level learning": (
        paired_associates(20, 8),
        BaseLevelLearner(),
        {
            "threshold": stats.norm(-2.6, 0.5),
            "noise": stats.gamma(20, scale=0.025),
            "latency_factor": stats.gamma(20, scale=0.0105),
        },
        160,
        1,
    ),
}


def microseconds(call: Callable[[], object]) -> float:
    """Give the median processor time of a call, for each row."""
    taken = []
    for _ in range(15):
        begun = time.process_time()
        call()
        taken.append(time.process_time() - begun)
    return statistics.median(taken) / ROWS * 1e6


def print_speed() -> None:
    """Time 20,000 rows at once, against as many of scipy's normal distribution function."""
    rng = np.random.default_rng(0)
    boundary, drift, seconds = rng.uniform(0.5, 2, ROWS), rng.normal(0, 2, ROWS), rng.uniform(0.1, 2, ROWS)
    upper, uniform = rng.random(ROWS) < 0.5, rng.random(ROWS)
    learner = BaseLevelLearner()
    seen = State(task_state=State(ages=rng.uniform(5, 500, (ROWS, 8))))
    recalled = State(recalled=np.ones(ROWS), latency=rng.uniform(0.7, 3, ROWS))
    unit = microseconds(lambda: ndtr(drift))
    rows = [
        ["density of a choice and its time", lambda: log_density(seconds, upper, drift, boundary, 0.5)],
        ["quantile of a time", lambda: passage_quantile(uniform, np.full(ROWS, 0.5), np.abs(drift))],
        ["density of a recall", lambda: learner.policy.log_prob(recalled, seen, learner.state)],
    ]
    found = [(name, microseconds(call)) for name, call in rows]
    title = f"{ROWS:,} rows at once"
    table = [[name, f"{taken:.2f}", f"{taken / unit:.0f}"] for name, taken in found]
    print_table(title, ["what", "µs a row", "in normal distribution functions"], table)


def main(quick: bool) -> None:
    """Measure everything, and print the tables."""
    print_speed()
    for name, (task, user, priors, rounds, episodes) in STUDIES.items():
        few, part = (4, 8) if quick else (50, 1)
        each = max(rounds // part, 1), max(episodes // part, 1)
        recovered = parameter_recovery(task, user, priors, few, each[0], episodes=each[1])
        print_table(
            f"{name}: {few} users, {each[0] * each[1]} actions each",
            ["parameter", "correlation", "rmse", "50, 80, 95 % intervals cover"],
            [
                [key, f"{row['correlation']:.3f}", f"{row['rmse']:.3f}", covered(row)]
                for key, row in recovered.statistics().items()
            ],
        )
        if not quick:
            fewer = (max(rounds // 4, 1), max(episodes // 4, 1))
            print(calibration(task, user, priors, 200, fewer[0], episodes=fewer[1]).verdict)


def covered(row: dict[str, float]) -> str:
    """Show how often intervals cover the truth."""
    return ", ".join(f"{row[f'coverage_{level}']:.2f}" for level in (50, 80, 95))


if __name__ == "__main__":
    main("--quick" in sys.argv)
