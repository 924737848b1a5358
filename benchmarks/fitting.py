"""Times fits: those of a population against separate ones.

Run `python benchmarks/fitting.py`. The fits are taken in turns in one process, and the median of the ratios
of their processor times is printed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from interaction import Bundle, Log, Logit, Population, fit
from interaction.display import print_table
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.users.bandit import RescorlaWagnerUser

TASK, USER = MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser()
PRIORS = {"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}
POPULATION = Population(
    {
        "learning_rate": Logit(mean=stats.norm(0, 1.5), sd=stats.halfnorm(0, 1)),
        "inverse_temperature": Log(mean=stats.norm(1, 0.75), sd=stats.halfnorm(0, 0.5)),
    }
)


def seconds(call: Callable[[], object]) -> float:
    """Time one call, in seconds of the processor."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def main(quick: bool) -> None:
    """Measure everything, and print the table."""
    people, choices, times = (10, 20, 1) if quick else (100, 200, 3)
    rng = np.random.default_rng(0)
    points = np.stack([rng.normal(-0.5, 0.5, people), rng.normal(1.2, 0.3, people)], axis=-1)
    start = {f"user_state.{name}": values for name, values in POPULATION.values(points).items()}
    runs = Bundle(TASK, USER, max_rounds=choices).run(people, seed=0, start=start)
    options: dict[str, Any] = {"users": "episode", "progress": False}
    taken = [
        (
            seconds(lambda: fit(TASK, USER, runs, PRIORS, **options)),
            seconds(lambda: fit(TASK, USER, runs, population=POPULATION, **options)),
        )
        for _ in range(times)
    ]
    ratio = statistics.median(pooled / separate for separate, pooled in taken)
    what = f"{people} people × {choices} choices"
    rows: list[list[object]] = [
        [f"separate fits, {what}", f"{statistics.median(one for one, _ in taken):.1f} s", "", ""],
        ["a population, in comparison", f"{ratio:.2f}", "<= 3", "yes" if ratio <= 3 else "no"],
    ]
    print_table(f"Fitting (numpy {np.__version__})", ["what", "figure", "to reach", "reached"], rows)


if __name__ == "__main__":
    main(quick="--quick" in sys.argv[1:])
