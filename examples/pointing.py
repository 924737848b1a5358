"""Pointing: how much faster is a user whose assistant asks where the goal is by moving the cursor?

An assistant chooses by expected information gain (after Liu et al., "BIGnav", CHI 2017), by rollouts, or not
at all; and it may be wrong about the user. Run it with `interaction demo pointing`.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

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
from interaction.display import plus_minus, print_table, print_text, share
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
    progress: bool = False,
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
            progress=progress,
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


def told(values: Array) -> str:
    """Give a mean and half the width of its 95 % interval."""
    return plus_minus(*interval(values))


COLUMNS = ["assistant", "user turns", "more than information gain", "first choice right", "ms a game"]


def rows_of(played: Mapping[str, Played]) -> list[list[str]]:
    """Give the rows of the table: user turns, paired differences, first choices, computing time a game."""
    reference = played["information gain"].runs.lengths
    rows = []
    for name, (runs, right, seconds) in played.items():
        rows.append(
            [
                name,
                told(runs.lengths),
                told(runs.lengths - reference),
                "" if right is None else share(right[~np.isnan(right)]),
                f"{1000 * seconds / len(runs.lengths):.2g}",
            ]
        )
    return rows


PUBLISHED = {"information gain": 3.28, "constant gain 1": 11.76}
"""User turns in 300 games of CoopIHC 0.0.2: 31 cells, 8 targets, error rate 0, threshold 0.8."""


def compared(played: Mapping[str, Played]) -> str:
    """Say how the turns compare with the published ones, which are means of 300 games."""
    parts = []
    for name, there in PUBLISHED.items():
        turns = played[name].runs.lengths
        here, half = interval(turns)
        alike = abs(here - there) <= half * np.sqrt(1 + len(turns) / 300)
        told = "equal within chance" if alike else "further apart than by chance"
        parts.append(f"{name} {there} there and {here:.2f} here ({told})")
    return f"Published, of 300 games (CoopIHC 0.0.2): {'; '.join(parts)}."


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


def demo(
    episodes: Annotated[int, "how many games each assistant plays"] = 1_000,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[
        Path | None,
        "draw the comparison into this file (.png, .pdf or .svg), and one game beside it",
    ] = None,
) -> None:
    """An assistant that moves the cursor so as to learn where the user wants to go saves steps (about 12 s).

    All assistants play the same games, with the same random numbers. Then the grid grows; and last the
    assistant is wrong about how often its user errs.
    """
    if plot is not None:
        style.check_picture(plot)
    title = "{:,} games, 95 % intervals: {} cells, {} targets, error rate {}, sure above {}"
    played = play_all(episodes=episodes, seed=seed, progress=True)
    print_table(title.format(episodes, 31, 10, 0.05, 0.9), COLUMNS, rows_of(played))
    sure = play_all(31, 8, 0.0, 0.8, episodes, seed, progress=True)
    print_table(title.format(episodes, 31, 8, 0, 0.8), COLUMNS, rows_of(sure))
    print_text(compared(sure))
    rows = []
    for gridsize in (31, 101, 301):
        both = ("information gain", "constant gain 1")
        wide = play_all(gridsize, episodes=episodes, seed=seed, only=both, progress=True)
        constant, gain = wide["constant gain 1"].runs.lengths, wide["information gain"].runs.lengths
        rows.append([str(gridsize), told(gain), told(constant), told(constant - gain)])
    columns = ["cells", "information gain", "constant gain 1", "difference"]
    print_table("User turns by the size of the grid, with 95 % intervals", columns, rows)
    wrong = wrong_models(episodes, seed)
    means = wrong.regret[0].mean(axis=-1)
    columns = ["user's error rate", *(f"assumed: {rate}" for rate in wrong.assumed_users)]
    for title, table in (
        ("User turns more than with an assistant who knows the goal", wrong.regret[0]),
        ("How much surer the assistant is of the goal than it is right", wrong.overconfidence[0]),
    ):
        rows = [[true, *map(told, row)] for true, row in zip(wrong.true_users, table, strict=True)]
        print_table(title, columns, rows)
    worst = np.unravel_index(means.argmax(), means.shape)
    true, assumed = wrong.true_users[worst[0]], wrong.assumed_users[worst[1]]
    print_text(
        f"It costs most, {means.max():.1f} turns, to take a user who errs at {true} for one at {assumed}."
    )
    if plot is not None:
        style.save(figure_of(played, wrong), plot)
        strip = plot.with_stem(f"{plot.stem}-episode")
        shown = played["information gain"]
        style.save(filmstrip(PointingTask(31, 10, "position"), shown.runs, long_game(shown))[0], strip)
        print(f"wrote {plot} and {strip}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
