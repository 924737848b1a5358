"""Times environments: one, many as a vector environment, and many in gymnasium's loop over single ones.

Run `python benchmarks/envs.py`. The vector environment and the loop are taken in turns, and the median of
their ratios is printed.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import gymnasium
import numpy as np
from report import Table, run

from interaction import Bundle
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.envs import UserEnv, UserVectorEnv
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

USER = PseudoRandomUser(1, 5, 7)
BUNDLE = Bundle(CoordinatedTask(), USER, CoordinatedAssistant(USER), max_rounds=50)


def rate(env: Any, count: int, steps: int) -> float:
    """Give the steps per second of an environment, or of many, with random actions."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(16)]
    begun = time.process_time()
    for number in range(steps):
        _, _, terminated, truncated, _ = env.step(actions[number % 16])
        if count == 0 and (terminated or truncated):
            env.reset()
    return steps * max(count, 1) / (time.process_time() - begun)


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    table = Table(f"Environments (numpy {np.__version__})")
    alone = statistics.median(rate(UserEnv(BUNDLE), 0, 500 if quick else 5_000) for _ in range(3))
    table.add("UserEnv", f"{alone:,.0f} steps/s", "", ">= 20,000", alone >= 20_000, seconds=1 / alone)
    for count in (1, 64, 1_024):
        vector = UserVectorEnv(BUNDLE, count)
        loop = gymnasium.vector.SyncVectorEnv([lambda: UserEnv(BUNDLE)] * count)
        rate(vector, count, 60)  # episodes out of step, as in training
        few = max(3, (400 if quick else 4_000) // count)
        pairs = [(rate(vector, count, 5 * few), rate(loop, count, few)) for _ in range(1 if quick else 3)]
        many = statistics.median(first for first, _ in pairs)
        ratio = statistics.median(first / second for first, second in pairs)
        goal, reached = (">= 20 x", ratio >= 20) if count == 1_024 else ("", None)
        what = f"UserVectorEnv, {count:,} environments"
        shown = f"{ratio:.1f} x SyncVectorEnv"
        table.add(what, f"{many:,.0f} steps/s", shown, goal, reached, seconds=1 / many)
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
