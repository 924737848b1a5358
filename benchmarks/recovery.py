"""Times the model recovery of five users by BIC, against plain Python loops for one user.

Run `python benchmarks/recovery.py`. The likelihood of a batch is taken in turns with the same likelihood as a
plain loop, and the median of their ratios is printed.
"""

from __future__ import annotations

import math
import statistics
import time

import numpy as np
from report import Table, run, seconds

from interaction.examples.recovery import TASK, five_users, which_model
from interaction.fitting.fits import METHODS
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.observed import simulate
from interaction.fitting.priors import Priors


def looped(actions: list[int], outcomes: list[int], alpha: float, beta: float) -> float:
    """Give the log likelihood of a Rescorla–Wagner user with two arms, written out by hand."""
    values, total = [0.5, 0.5], 0.0
    for action, outcome in zip(actions, outcomes, strict=True):
        total -= math.log1p(math.exp(-beta * (values[action] - values[1 - action])))
        values[action] += alpha * (outcome - values[action])
    return total


def coverage(method: str, users: int, rounds: int = 40) -> float:
    """Give the share of win-stay-lose-shift users whose parameter lies in their 90 % interval."""
    user, priors = five_users(0.0)["win-stay-lose-shift"]
    checked = Priors(user, priors, "benchmark")
    values = checked.draw(users, 1)
    likelihood = Likelihood(TASK, user, simulate(TASK, user, values, rounds, 1))
    estimate = METHODS[method](likelihood, checked, chains=2, draws=250, seed=1, progress=True)
    low, high = (ends[:, 0] for ends in estimate.interval(0.9))
    return float(((low <= values["epsilon"]) & (values["epsilon"] <= high)).mean())


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    users, rounds = (5, 100) if quick else (100, 1_000)
    user, priors = five_users(0.0)["Rescorla-Wagner"]
    checked = Priors(user, priors, "benchmark")
    values = checked.draw(users, 0)
    begun = time.process_time()
    observed = simulate(TASK, user, values, rounds, 0)
    simulated = time.process_time() - begun
    likelihood = Likelihood(TASK, user, observed)
    candidates = {name: np.repeat(array[:, None], 80, axis=1) for name, array in values.items()}
    actions = observed.user_actions[""][:, 0].tolist()
    outcomes = [*observed.task_states["outcome"][1:, 0].tolist(), 0]
    alpha, beta = (float(values[name][0]) for name in checked.names)
    assert abs(looped(actions, outcomes, alpha, beta) - likelihood.total(candidates)[0, 0]) < 1e-9
    times = [
        (
            seconds(lambda: likelihood.total(candidates)) / (80 * users),
            seconds(lambda: looped(actions, outcomes, alpha, beta)),
        )
        for _ in range(3 if quick else 7)
    ]
    each = statistics.median(first for first, _ in times)
    ratio = statistics.median(second / first for first, second in times)
    took = seconds(lambda: which_model(0.0, users, rounds, progress=False))
    table = Table(f"Recovery (numpy {np.__version__})")
    what = f"simulate {users} users, {rounds:,} rounds"
    table.add(what, f"{simulated:.2f} s", seconds=simulated)
    what = f"one likelihood of {rounds:,} rounds, in a batch"
    table.add(what, f"{each * 1e6:.0f} µs", seconds=each)
    table.add("the same as a plain loop for this one user", f"{ratio:.1f} times slower")
    what = f"confusion matrix by BIC, 5 x {users} users"
    table.add(what, f"{took:.1f} s", "", "< 60 s", took < 60, took)
    people = 50 if quick else 1_000
    for method in METHODS:
        count = people // 4 if method == "mcmc" else people  # in full it takes seven minutes
        begun = time.process_time()
        covered = coverage(method, count)
        took = time.process_time() - begun
        what = f"90 % intervals cover, {count} users, {method}"
        table.add(what, f"{covered:.3f}", "", "0.90 ± 0.03", abs(covered - 0.9) <= 0.03, took)
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
