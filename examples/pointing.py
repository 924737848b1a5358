"""Pointing: how much faster is a user whose assistant asks where the goal is by moving the cursor?

An assistant chooses by expected information gain (after Liu et al., "BIGnav", CHI 2017), by rollouts, or not
at all; and it may be wrong about the user. Run it with `interaction demo pointing`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction import Assistant, BelievingAssistant, Bundle, Trajectories
from interaction.assistants.pointing import (
    ConstantGain,
    InformationGain,
    NoAssistant,
    OracleAssistant,
    RolloutAssistant,
)
from interaction.display import print_table
from interaction.plots import filmstrip, interval, plot_belief, plot_comparison, style
from interaction.studies.mismatch import Robustness, robustness
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
MAX_ROUNDS = 5_000
ERROR_RATES = (0.0, 0.05, 0.15, 0.3)


class Played(NamedTuple):
    """The episodes of one assistant, whether its first choice was right (or None), and the time it took (s).

    `right` `(episodes,)` is NaN where the game was over before the assistant chose.
    """

    runs: Trajectories
    right: Array | None
    seconds: float


def play_all(
    gridsize: int = 31,
    n_targets: int = 10,
    error_rate: float = 0.05,
    threshold: float = 0.9,
    episodes: int = 1_000,
    seed: int = 0,
    only: Collection[str] | None = None,
) -> dict[str, Played]:
    """Play each assistant (or some) on the same goals and targets, with the same random numbers."""
    user = CarefulPointer(error_rate)
    position = PointingTask(gridsize, n_targets, "position")
    gain = PointingTask(gridsize, n_targets, "gain")
    cast: dict[str, tuple[PointingTask, Assistant]] = {
        "oracle": (position, OracleAssistant(position)),
        "information gain": (position, InformationGain(user, position, threshold)),
        "rollouts": (position, RolloutAssistant(user, position, horizon=gridsize, samples=8)),
        "constant gain 1": (gain, ConstantGain(1.0)),
        "no assistant": (position, NoAssistant(position)),
    }
    played = {}
    for name, (task, assistant) in cast.items():
        if only is not None and name not in only:
            continue
        begun = time.perf_counter()
        bundle = Bundle(task, user, assistant, max_rounds=MAX_ROUNDS)
        believes = isinstance(assistant, BelievingAssistant)
        runs = bundle.run(
            episodes,
            seed=seed,
            record=["task_state", "user_action", *(["assistant_state.belief.log_weights"] * believes)],
        )
        right = first_choices(runs, threshold) if believes else None
        played[name] = Played(runs, right, time.perf_counter() - begun)
    return played


def first_choices(runs: Trajectories, threshold: float) -> Array:
    """Tell whether the first target of which the belief was sure was the goal: 1, 0, or NaN for none.

    The last round does not count: the user ends the game before the assistant looks again.
    """
    weights = np.exp(runs["assistant_state.belief.log_weights"])
    before_the_end = np.arange(weights.shape[1]) < runs.lengths[:, None] - 1
    sure = (weights.max(axis=-1) > threshold) & before_the_end
    first = sure.argmax(axis=1)
    chosen = weights[np.arange(len(first)), first].argmax(axis=-1)
    return np.where(sure.any(axis=1), chosen == runs["task_state.goal"][:, 0], np.nan)


def told(values: Array, digits: int = 2) -> str:
    """Give a mean with half the width of its 95 % interval."""
    mean, half = interval(values)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


COLUMNS = ["assistant", "user turns", "− inf. gain", "regret", "1st choice right", "time"]


def rows_of(played: Mapping[str, Played]) -> list[list[str]]:
    """Give the rows of the table: user turns, paired differences, first choices, computing time a game."""
    reference = played["information gain"].runs.lengths
    best = played["oracle"].runs.lengths
    rows = []
    for name, (runs, right, seconds) in played.items():
        rows.append(
            [
                name,
                told(runs.lengths),
                told(runs.lengths - reference),
                told(runs.lengths - best),
                "" if right is None else told(right[~np.isnan(right)]),
                f"{1000 * seconds / len(runs.lengths):.2f} ms",
            ]
        )
    return rows


def wrong_models(episodes: int = 1_000, seed: int = 0, progress: bool = True) -> Robustness:
    """Play careful pointers of several error rates with assistants that assume others."""
    task = PointingTask(31, 10, "position")
    users = {f"{rate:g}": CarefulPointer(rate) for rate in ERROR_RATES}
    return robustness(
        task,
        {"information gain": lambda user: InformationGain(user, task, 0.9)},
        users,
        users,
        oracle=OracleAssistant(task),
        episodes=episodes,
        max_rounds=MAX_ROUNDS,
        seed=seed,
        progress=progress,
    )


def long_game(played: Played) -> int:
    """Choose a game to look at: the longest of the first hundred."""
    return int(np.argmax(played.runs.lengths[:100]))


@style.styled
def figure_of(played: Mapping[str, Played], wrong: Robustness) -> Figure:
    """Draw the comparison, a belief over rounds, and what wrong user models cost and do to the belief."""
    drawn, panels = style.figure("abc\n\nde", columns=2, height=4.6, heights=(4, 5))
    turns = {name: one.runs for name, one in played.items()}
    if "constant gain 1" in turns and np.array_equal(
        turns["constant gain 1"].lengths, turns["no assistant"].lengths
    ):  # it does nothing, so that its games are the same
        turns["no assistant,\nor constant gain 1"] = turns.pop("no assistant")
        del turns["constant gain 1"]
    plot_comparison(turns, panels["a"], "user turns", measure="lengths")
    count = f"mean and 95 % t interval,\nn = {len(turns['oracle'].lengths):,}"
    style.title(panels["a"], "Assistants", count)
    ax = plot_comparison(turns, panels["b"], measure="lengths", reference="oracle")
    style.title(ax, "Difference from the oracle", f"{count} pairs")
    ax.set(ylim=(len(turns) - 1.5, -1.5), yticklabels=[], xlabel="user turns more")  # in the rows of (a)
    shown = played["information gain"]
    game = shown.runs.episode(long_game(shown))
    belief = np.exp(game["assistant_state.belief.log_weights"][0])
    plot_belief(belief, panels["c"], truth=int(game["task_state.goal"][0, 0])).set_ylabel("target")
    style.title(panels["c"], "Belief in a long game", "between the lines:\nthe goal")
    for panel, value, name in (
        ("d", "regret", "Regret"),
        ("e", "overconfidence", "Overconfidence of the belief"),
    ):
        label = "user turns more than the oracle" if value == "regret" else None
        ax = wrong.plot(panels[panel], value, label=label)
        style.title(ax, name)
        ax.set(xlabel="assumed error rate", ylabel="true error rate")
    return drawn


def demo(episodes: int = 1_000, seed: int = 0, plot: Path | None = None) -> None:
    """Compare assistants of pointing on the same episodes, and see what a wrong model of the user costs.

    --plot FILE.png draws the comparison, and FILE-episode.png one episode as a filmstrip.
    """
    if plot is not None:
        style.check_picture(plot)
    played = play_all(episodes=episodes, seed=seed)
    title = "{} games, ± 95 %: {} cells, {} targets, error rate {}, threshold {}"
    print_table(title.format(episodes, 31, 10, 0.05, 0.9), COLUMNS, rows_of(played))
    sure = play_all(31, 8, 0.0, 0.8, episodes, seed)
    print_table(title.format(episodes, 31, 8, 0, 0.8), COLUMNS, rows_of(sure))
    print("Published (CoopIHC 0.0.2, 300 games): information gain 3.28, constant gain 11.76 rounds.")
    rows = []
    for gridsize in (31, 101, 301):
        wide = play_all(gridsize, episodes=episodes, seed=seed, only=("information gain", "constant gain 1"))
        constant, gain = wide["constant gain 1"].runs.lengths, wide["information gain"].runs.lengths
        rows.append([str(gridsize), told(gain), told(constant), told(constant - gain)])
    print_table(
        "User turns by the size of the grid", ["cells", "information gain", "constant gain", "gap"], rows
    )
    wrong = wrong_models(episodes, seed)
    means = wrong.regret[0].mean(axis=-1)
    rows = [
        [true, *(told(cell) for cell in row)]
        for true, row in zip(wrong.true_users, wrong.regret[0], strict=True)
    ]
    print_table(
        "Regret of information gain against the oracle (user turns), by error rate",
        ["true \\ assumed", *wrong.assumed_users],
        rows,
    )
    rows = [
        [true, *(told(cell) for cell in row)]
        for true, row in zip(wrong.true_users, wrong.overconfidence[0], strict=True)
    ]
    print_table(
        "Overconfidence of its belief (0 is calibrated), by error rate",
        ["true \\ assumed", *wrong.assumed_users],
        rows,
    )
    print(f"The largest regret, {means.max():.2f}, is that of a user who errs more often than is assumed.")
    if plot is not None:
        style.save(figure_of(played, wrong), plot)
        strip = plot.with_stem(f"{plot.stem}-episode")
        shown = played["information gain"]
        style.save(filmstrip(PointingTask(31, 10, "position"), shown.runs, long_game(shown))[0], strip)
        print(f"wrote {plot} and {strip}")


if __name__ == "__main__":
    import typer

    typer.run(demo)
