"""Response times: how fast the densities are, whether parameters are recovered, and posteriors calibrated.

Run `python benchmarks/response_times.py` (extra `inference`), for a quarter of an hour; `--quick`: a few
users, and no calibration.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from report import Table, run, seconds
from scipy import stats
from scipy.special import ndtr

from interaction import InteractionTask, State, User, calibration, parameter_recovery
from interaction.tasks.decisions import DecisionTask
from interaction.tasks.memory import paired_associates
from interaction.users.diffusion import DiffusionUser, log_density, passage_quantile
from interaction.users.memory import BaseLevelLearner

ROWS = 20_000


class Study(NamedTuple):
    """Who does what under which priors; rounds and episodes of each user in recovery and in calibration."""

    task: InteractionTask
    user: User
    priors: dict[str, Any]
    users: int
    recovery: tuple[int, int]
    calibration: tuple[int, int]


STUDIES = {
    "drift diffusion": Study(
        DecisionTask([0.25, 0.5, 1.0]),
        DiffusionUser(),
        {
            "drift": stats.norm(2, 1),
            "boundary": stats.gamma(20, scale=0.075),
            "non_decision": stats.gamma(20, scale=0.015),
        },
        50,
        (1, 200),
        (1, 60),
    ),
    "base-level learning": Study(
        paired_associates(10, 5),
        BaseLevelLearner(),
        {
            "threshold": stats.norm(-2.6, 0.5),
            "noise": stats.gamma(20, scale=0.025),
            "latency_factor": stats.gamma(20, scale=0.0105),
        },
        200,
        (50, 1),
        (50, 1),
    ),
}


def each(call: Callable[[], object]) -> float:
    """Give the median processor time of a call, for each row, in seconds."""
    return statistics.median(seconds(call) for _ in range(15)) / ROWS


def speed() -> Table:
    """Time 20,000 rows at once, against as many of scipy's normal distribution function."""
    rng = np.random.default_rng(0)
    boundary, drift, seconds = rng.uniform(0.5, 2, ROWS), rng.normal(0, 2, ROWS), rng.uniform(0.1, 2, ROWS)
    upper, uniform = rng.random(ROWS) < 0.5, rng.random(ROWS)
    learner = BaseLevelLearner()
    seen = State(task_state=State(ages=rng.uniform(5, 500, (ROWS, 8))))
    recalled = State(recalled=np.ones(ROWS), latency=rng.uniform(0.7, 3, ROWS))
    unit = each(lambda: ndtr(drift))
    rows = [
        ["density of a choice and its time", lambda: log_density(seconds, upper, drift, boundary, 0.5)],
        ["quantile of a time", lambda: passage_quantile(uniform, np.full(ROWS, 0.5), np.abs(drift))],
        ["density of a recall", lambda: learner.policy.log_prob(recalled, seen, learner.state)],
    ]
    table = Table(f"{ROWS:,} rows at once", ("what", "a row", "in normal distribution functions"))
    for name, call in rows:
        taken = each(call)
        table.add(name, f"{taken * 1e6:.2f} µs", f"{taken / unit:.0f}", seconds=taken)
    return table


def recovered(name: str, study: Study, quick: bool) -> Table:
    """Recover the parameters of users and, where there is time, calibrate their posteriors."""
    count = 4 if quick else study.users
    rounds, episodes = study.recovery
    episodes = min(episodes, 25 if quick else episodes)
    begun = time.process_time()
    found = parameter_recovery(study.task, study.user, study.priors, count, rounds, episodes=episodes)
    took = time.process_time() - begun
    columns = "what", "correlation", "rmse", "50, 80, 95 % intervals cover"
    table = Table(f"{name}: {count} users", columns)
    for key, row in found.statistics().items():
        table.add(key, f"{row['correlation']:.3f}", f"{row['rmse']:.3f}", covered(row))
    table.add("recovery", f"{took:.0f} s", seconds=took)
    if not quick:
        rounds, episodes = study.calibration
        calibrated = calibration(study.task, study.user, study.priors, 200, rounds, episodes=episodes)
        table.add("calibration", calibrated.verdict)
    return table


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    return [speed(), *(recovered(name, study, quick) for name, study in STUDIES.items())]


def covered(row: dict[str, float]) -> str:
    """Show how often intervals cover the truth."""
    return ", ".join(f"{row[f'coverage_{level}']:.2f}" for level in (50, 80, 95))


if __name__ == "__main__":
    run(main, __doc__)
