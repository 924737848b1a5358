"""A sweep: how many turns of the user do assistants save, by how often the user errs and how large the grid
is?

All cells play the same goals and targets, with the same random numbers. Run it with
`python -m interaction.examples.sweep results/`, and again: it goes on where it stopped.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interaction import Assistant, Bundle, Trajectories
from interaction.assistants.pointing import InformationGain, NoAssistant, RolloutAssistant
from interaction.studies import Sweep
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

THRESHOLD = 0.9
WEIGHTS = "assistant_state.belief.log_weights"


def make_bundle(assistant: str, error_rate: float, gridsize: int) -> Bundle:
    """Make a game of pointing by who helps, how often the user errs, and how large the grid is."""
    task, user = PointingTask(gridsize, 10, "position"), CarefulPointer(error_rate)
    helper: Assistant
    if assistant == "gain":
        helper = InformationGain(user, task, THRESHOLD)
    elif assistant == "informed":
        helper = InformationGain(CarefulPointer(0.05), task, THRESHOLD)
    elif assistant == "rollout":
        helper = RolloutAssistant(user, task, horizon=gridsize, samples=8)
    else:
        helper = NoAssistant(task)
    return Bundle(task, user, helper, max_rounds=5_000)


def first_right(runs: Trajectories) -> Any:
    """Tell whether the first target of which the belief was sure was the goal; masked where there was none.

    The last round does not count: the user ends the game before the assistant looks again.
    """
    weights = np.exp(runs[WEIGHTS])
    before_the_end = np.arange(weights.shape[1]) < runs.lengths[:, None] - 1
    sure = (weights.max(axis=-1) > THRESHOLD) & before_the_end
    chosen = weights[np.arange(len(sure)), sure.argmax(axis=1)].argmax(axis=-1)
    right = chosen == runs["task_state.goal"][:, 0]
    return np.ma.array(right, float, mask=~sure.any(axis=1))


sweep = Sweep(
    make_bundle,
    over={
        "assistant": ["none", "informed", "gain", "rollout"],
        "error_rate": [0.0, 0.05, 0.15, 0.3],
        "gridsize": [31, 101],
    },
    episodes=1_000,
    measure={"turns": "lengths"},
)


def small(episodes: int) -> Sweep:
    """Make a sweep of two cells, with a measure that looks at the belief."""
    return Sweep(
        make_bundle,
        over={"assistant": ["informed", "gain"], "error_rate": [0.0], "gridsize": [31]},
        episodes=episodes,
        measure={"turns": "lengths", "first_right": first_right},
        record=[WEIGHTS, "task_state.goal"],
    )
