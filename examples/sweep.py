"""A sweep: what assistants save of a user's turns, by how often the user errs and how large the grid is.

All cells play the same goals and targets with the same random numbers, on all cores, into a folder. Run it
with `interaction demo sweep`, and again: it goes on where it stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from interaction import Assistant, Bundle, Trajectories
from interaction.assistants.pointing import InformationGain, NoAssistant, RolloutAssistant
from interaction.display import plus_minus, print_table, print_text
from interaction.means import Measure
from interaction.plots import style
from interaction.studies import Sweep, SweepResults
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THRESHOLD = 0.9
WEIGHTS = "assistant_state.belief.log_weights"
OVER: dict[str, list[Any]] = {
    "assistant": ["none", "gain", "assumes 0.05", "rollouts"],
    "error_rate": [0.0, 0.05, 0.15, 0.3],
    "gridsize": [31, 61],
}


def make_bundle(assistant: str, error_rate: float, gridsize: int) -> Bundle:
    """Make a game of pointing by who helps, how often the user errs, and how large the grid is."""
    task, user = PointingTask(gridsize, 10, "position"), CarefulPointer(error_rate)
    helper: Assistant
    if assistant == "gain":
        helper = InformationGain(user, task, THRESHOLD)
    elif assistant == "assumes 0.05":
        helper = InformationGain(CarefulPointer(0.05), task, THRESHOLD)
    elif assistant == "rollouts":
        helper = RolloutAssistant(user, task, horizon=31, samples=4)
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


def all_assistants(episodes: int = 200, seed: int = 0) -> Sweep:
    """Make the sweep of this example: the user's turns with each assistant."""
    return Sweep(make_bundle, OVER, episodes, seed, measure={"turns": "lengths"})


def small(episodes: int) -> Sweep:
    """Make a sweep of two cells, with a measure that looks at the belief."""
    over: dict[str, list[Any]] = {
        "assistant": ["assumes 0.05", "gain"],
        "error_rate": [0.0],
        "gridsize": [31],
    }
    measure: dict[str, Measure] = {"turns": "lengths", "first_right": first_right}
    return Sweep(make_bundle, over, episodes, measure=measure, record=[WEIGHTS, "task_state.goal"])


sweep = all_assistants()


@style.styled
def figure_of(results: SweepResults) -> Figure:
    """Draw the turns over the error rate, with a line for each assistant and a panel for each grid."""
    drawn, panels = style.figure("ab", columns=2, height=2.9, sharey=True)
    for panel, size in zip("ab", results.over["gridsize"], strict=True):
        ax = results.plot("error_rate", "assistant", ax=panels[panel], where={"gridsize": size})
        style.title(ax, f"grid of {size}")
        ax.set(yscale="log", ylabel="user turns (log scale)" if panel == "a" else "")
        ax.set_yticks([3, 5, 10, 20, 50], ["3", "5", "10", "20", "50"])
        ax.minorticks_off()
    return drawn


def demo(
    folder: Annotated[Path, "where the results are kept"] = Path("sweep-results"),
    episodes: Annotated[int, "how many games are played in each cell"] = 200,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    processes: Annotated[int | None, "how many play; by default one on each core"] = None,
    plot: Annotated[Path | None, "draw the turns into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """A grid of assistants and users is played on all cores, and resumed (extra `sweeps`; about 30 s).

    Stop it whenever you like: what was played lies in the folder, and the same command goes on from there.
    """
    if plot is not None:
        style.check_picture(plot)
    results = all_assistants(episodes, seed).run(folder, processes)
    table: Any = results.table("assistant", "none", quantiles=())
    rows = [
        [
            row.assistant,
            str(row.gridsize),
            str(row.error_rate),
            plus_minus(-row.mean, 1.96 * row.standard_error),
        ]
        for row in table.itertuples()
    ]
    columns = ["assistant", "grid size", "error rate", "turns saved"]
    print_table(f"Turns that an assistant saves: {episodes:,} pairs, 95 % intervals", columns, rows, labels=3)
    print_text(f"The games are in {folder}: pandas.read_parquet('{folder}/chunks') reads them.")
    if plot is not None:
        style.save(figure_of(results), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
