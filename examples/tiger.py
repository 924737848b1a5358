"""The tiger behind one of two doors: when is an assistant sure enough to act?

Computes the exact value of each action for every belief with a `BeliefTree`, and plays the assistant that
takes the best one. Source: Kaelbling, Littman & Cassandra 1998, "Planning and acting in partially observable
stochastic domains", figures 2 to 9. Run it with `interaction demo tiger`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from interaction import BelievingAssistant, Bundle, EpisodeRandom, Grid, State, Trajectories, UserModelFilter
from interaction.display import plus_minus, print_table, share
from interaction.planning import BeliefTree, GreedyPolicy
from interaction.plots import interval, style
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


def play(
    task: TigerTask,
    depth: int,
    discount: float,
    episodes: int,
    rounds: int,
    seed: int,
    progress: bool = False,
) -> Trajectories:
    """Play the assistant that takes the best action of its tree."""
    belief = belief_of(task)
    planner = BeliefTree(belief, task.action_space, depth, discount)
    assistant = BelievingAssistant(belief, GreedyPolicy(planner))
    return Bundle(task, assistant=assistant, max_rounds=rounds).run(episodes, seed=seed, progress=progress)


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
    ax.set(xlabel="round (from 0)", ylabel="belief: tiger on the right", ylim=(0, 1))
    style.title(ax, "One episode, and what was done", "")
    style.legend(ax)


def demo(
    episodes: Annotated[int, "how many games are played"] = 200,
    rounds: Annotated[int, "how many rounds a game has"] = 50,
    depth: Annotated[int, "how many actions ahead the assistant thinks"] = 4,
    discount: Annotated[float, "what a reward is worth a round later"] = 0.95,
    accuracy: Annotated[float, "how often the tiger is heard where it is"] = 0.85,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw values and one game into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """An assistant who hears a tiger behind one of two doors listens until it is sure enough (about 8 s).

    It works out what each action is worth for every belief, some actions ahead, and takes the best one.
    """
    if plot is not None:
        style.check_picture(plot)
    task = TigerTask(accuracy)
    rights, values = values_by_belief(task, depth, discount)
    listens = rights[values.argmax(axis=-1) == LISTEN]
    runs = play(task, depth, discount, episodes, rounds, seed, progress=True)
    opened = runs["assistant_action"] != LISTEN
    eaten = runs["rewards.assistant_task"][opened] == task.tiger
    where = f"{listens.min():.2f} to {listens.max():.2f}" if len(listens) else "nowhere"
    print_table(
        f"{episodes} games of {rounds} rounds, depth {depth}, discount {discount:g}, 95 % intervals",
        ["", "found"],
        [
            ["value where either door is as likely", f"{values[len(values) // 2].max():.4f}"],
            ["beliefs at which it listens", where],
            ["doors opened in a game", plus_minus(*interval(opened.sum(axis=1)))],
            ["of them with the tiger", share(eaten)],
            ["return of a game", plus_minus(*interval(runs.returns))],
        ],
    )
    if plot is not None:
        style.save(figure_of(rights, values, runs, depth), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
