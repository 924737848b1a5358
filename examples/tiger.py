"""The tiger behind one of two doors: when is an assistant sure enough to act?

Computes the exact value of each action for every belief with a `BeliefTree`, and plays the assistant that
takes the best one. Source: Kaelbling, Littman & Cassandra 1998, "Planning and acting in partially observable
stochastic domains", figures 2 to 9. Run it with `interaction demo tiger`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction import BelievingAssistant, Bundle, EpisodeRandom, Grid, State, Trajectories, UserModelFilter
from interaction.display import print_table
from interaction.planning import BeliefTree, GreedyPolicy
from interaction.plots import style
from interaction.tasks.tiger import LISTEN, NOTHING, TigerTask

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACTIONS = ("listen", "open the left door", "open the right door")
Array = NDArray[Any]


def belief_of(task: TigerTask) -> UserModelFilter:
    """Make the filter over the place of the tiger."""
    return UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=task)


def values_by_belief(task: TigerTask, depth: int, discount: float, points: int = 101) -> tuple[Array, Array]:
    """Give beliefs that the tiger is on the right, and the value of each action: `(points, actions)`."""
    belief = belief_of(task)
    rng = EpisodeRandom(0, episodes=np.arange(points))
    rights = np.linspace(0.0, 1.0, points)
    with np.errstate(divide="ignore"):
        log_weights = np.log(np.stack([1 - rights, rights], axis=-1))
    heard = State(heard=np.full(points, NOTHING))
    seen = State(round_index=0, task_state=heard, previous_task_state=heard)
    planner = BeliefTree(belief, task.action_space, depth, discount)
    state = State(belief=belief.initial(rng).replace(log_weights=log_weights))
    return rights, planner.values(state, seen, rng)


def play(task: TigerTask, depth: int, discount: float, episodes: int, rounds: int, seed: int) -> Trajectories:
    """Play the assistant that takes the best action of its tree."""
    belief = belief_of(task)
    planner = BeliefTree(belief, task.action_space, depth, discount)
    assistant = BelievingAssistant(belief, GreedyPolicy(planner))
    return Bundle(task, assistant=assistant, max_rounds=rounds).run(episodes, seed=seed)


@style.styled
def figure_of(rights: Array, values: Array, runs: Trajectories, depth: int) -> Figure:
    """Draw the value of each action by belief, and the beliefs of one episode with what was done."""
    drawn, panels = style.figure("ab", columns=2, height=2.5)
    _plot_values(panels["a"], rights, values, depth)
    _plot_episode(panels["b"], runs)
    return drawn


def _plot_values(ax: Axes, rights: Array, values: Array, depth: int) -> None:
    best = values.argmax(axis=-1)
    low, high = -30, values.max() + 4
    for action, name in enumerate(ACTIONS):
        look: Any = {"color": style.COLOURS[action], "linestyle": style.LINES[action]}
        ax.plot(rights, values[:, action], label=name, **look)
        strip: Any = {"color": style.COLOURS[action], "transform": ax.get_xaxis_transform()}
        ax.fill_between(rights, 0, 0.05, where=best == action, linewidth=0, **strip)
    ax.set(xlabel="belief that the tiger is on the right", ylabel="value (reward)")
    ax.set(xlim=(0, 1), ylim=(low, high))
    style.title(ax, f"Value of each action, {depth} actions ahead", "strip: the best action at each belief")
    style.legend(ax)


def _plot_episode(ax: Axes, runs: Trajectories) -> None:
    believed = np.exp(runs["assistant_state.belief.log_weights"][0, :, 1])
    actions, rounds = runs["assistant_action"][0], np.arange(len(believed))
    ax.plot(rounds, believed, color="0.7", linewidth=0.8, zorder=1)
    for action, name in enumerate(ACTIONS):
        here = actions == action
        look: Any = {"color": style.COLOURS[action], "marker": "o<>"[action], "s": 14}
        ax.scatter(rounds[here], believed[here], label=name, clip_on=False, zorder=2, **look)
    ax.set(xlabel="round", ylabel="belief: tiger on the right", ylim=(0, 1))
    style.title(ax, "One episode, and what was done", "")
    style.legend(ax)


def demo(
    episodes: int = 200,
    rounds: int = 50,
    depth: int = 4,
    discount: float = 0.95,
    accuracy: float = 0.85,
    seed: int = 0,
    plot: Path | None = None,
) -> None:
    """Listen at two doors until you are sure enough where the tiger is.

    It plays --episodes games with exact trees of --depth actions; --plot FILE.png draws the value of each
    action by belief, and one game.
    """
    if plot is not None:
        style.check_picture(plot)
    task = TigerTask(accuracy)
    rights, values = values_by_belief(task, depth, discount)
    best = values.argmax(axis=-1)
    listens = rights[best == LISTEN]
    runs = play(task, depth, discount, episodes, rounds, seed)
    opened = runs["assistant_action"] != LISTEN
    eaten = (runs["rewards.assistant_task"] == task.tiger).sum() / max(opened.sum(), 1)
    mean = runs.returns.mean()
    half = 1.96 * runs.returns.std(ddof=1) / np.sqrt(episodes) if episodes > 1 else float("nan")
    where = f"{listens.min():.2f} to {listens.max():.2f}" if len(listens) else "nowhere"
    print_table(
        f"{episodes} games of {rounds} rounds, depth {depth}, discount {discount:g}",
        ["", "found"],
        [
            ["value at the belief 0.5", f"{values[len(values) // 2].max():.4f}"],
            ["listens at beliefs", where],
            ["doors opened a game", f"{opened.sum(axis=1).mean():.2f}"],
            ["of them with the tiger", f"{eaten:.3f}"],
            ["return of a game, ± 95 %", f"{mean:.1f} ± {half:.1f}"],
        ],
    )
    if plot is not None:
        style.save(figure_of(rights, values, runs, depth), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    import typer

    typer.run(demo)
