"""Theory of mind: what do two do who think about each other, and how deep do they have to think?

Two who meet without having agreed on a place, and a user who shows an assistant what it wants. Each level
asks a simulator with a model of the other, which is one level below. Sources: Schelling 1960, "The strategy
of conflict", chapter 3, as in Stuhlmüller & Goodman 2014, "Reasoning about reasoning by nested conditioning";
Russell 2019, "Human compatible", chapter 8. Run it with `interaction demo theory_of_mind`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from interaction import (
    Assistant,
    BelievingAssistant,
    Bundle,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    Simulator,
    State,
    User,
    UserModelFilter,
    spaces,
    tabulate,
)
from interaction.display import print_table, print_text
from interaction.planning import BeliefTree, GreedyPolicy, Undrawn
from interaction.plots import style
from interaction.progress import Progress
from interaction.state import Value
from interaction.tasks.paperclips import FIRST, PaperclipTask

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
COLOURS = ("#9ECAE9", "0.9", "#F6C8A2")  # pale, since words stand on them


class Meets(DiscretePolicy):
    """Goes to a place as often as its prior times the other's probability says, if it thinks of another."""

    action_space = spaces.Discrete(2)

    def __init__(self, prior: tuple[float, float], other: User | Assistant | None = None) -> None:
        self.prior = prior
        self.simulator: Simulator | None = None
        if isinstance(other, Assistant):
            self.simulator = Simulator(assistant=other)
        elif other is not None:
            self.simulator = Simulator(user_model=other)

    def probabilities(self, observation: State, state: State) -> Value:
        weights, simulator = np.array(self.prior), self.simulator
        if simulator is not None:
            bob = simulator.user_model is None
            ask = simulator.assistant_action_log_prob if bob else simulator.user_action_log_prob
            weights = weights * [np.exp(ask(place, State(), Undrawn(0), over={})) for place in (0, 1)]
        return weights / weights.sum()


def meeting(levels: int, prior: tuple[float, float] = (0.55, 0.45)) -> Array:
    """Give Alice's probabilities of the two places at each level, from 0: `(levels + 1, 2)`.

    Bob thinks of her at his level, and she of him one level below; at level 0 neither thinks of the other.
    """
    bob = Assistant(policy=Meets(prior))
    alices: list[DiscretePolicy] = [Meets(prior)]
    for _ in range(levels):
        alices.append(tabulate(Meets(prior, bob), {}))
        bob = Assistant(policy=tabulate(Meets(prior, User(policy=alices[-1])), {}))
    return np.array([alice.probabilities(State(), State()) for alice in alices])


class Makes(DiscretePolicy):
    """A user who makes what is worth most to itself, and does not think of the assistant."""

    action_space = PaperclipTask.action_space

    def __init__(self, task: PaperclipTask) -> None:
        self.task = task

    def probabilities(self, observation: State, state: State) -> Value:
        return _best(np.stack([self.task.worth(observation.task_state.cell, made) for made in FIRST]))


class Shows(DiscretePolicy):
    """A user who makes that after which the game goes best, with the assistant that it takes it to be."""

    action_space = PaperclipTask.action_space

    def __init__(self, task: PaperclipTask, assistant: Assistant) -> None:
        self.simulator = Simulator(task, User(policy=Makes(task)), assistant, max_rounds=1)

    def returns(self, observation: State) -> Array:
        """Give what a game is worth after each action; the user sees all that could be drawn."""
        over = {"user_action": range(3)}
        found = self.simulator.rollout(observation, EpisodeRandom(), over=over, from_turn="user_acts")
        return np.asarray(found.returns)

    def probabilities(self, observation: State, state: State) -> Value:
        return _best(self.returns(observation))


def _best(values: Any) -> Any:
    """Give the probability of each action, the same for the best ones."""
    best = values > values.max() - 1e-9
    return best / best.sum()


def pairs(task: PaperclipTask, depth: int) -> list[tuple[User, BelievingAssistant]]:
    """Give users and assistants of each depth from 0: each assistant models the user of the depth below it.

    At depth 0 there is the literal user, with the assistant who takes it for that. The user of depth 1 shows
    this same assistant what it wants; the assistant of depth 2 knows that it does, and so on.
    """
    user = User(policy=Makes(task))
    found = [(user, learner(task, user))]
    for _ in range(depth):
        assistant = learner(task, user)
        user = User(policy=tabulate(Shows(task, assistant), {"task_state": task.state_space}))
        found.append((user, assistant))
    return found


def learner(task: PaperclipTask, user: User) -> BelievingAssistant:
    """Make the assistant who infers what things are worth from what such a user makes, and makes the best."""
    cells = Grid({"task_state.cell": range(task.cells)})
    about_user = UserModelFilter(user, cells, task_model=task, on_impossible="keep")
    return BelievingAssistant(about_user, GreedyPolicy(BeliefTree(about_user, task.action_space, depth=1)))


def play(task: PaperclipTask, user: User, assistant: Assistant) -> tuple[Array, Array]:
    """Give what the user makes and what the game is worth in each cell: `(cells,)` each."""
    cells = {"task_state.cell": range(task.cells)}
    runs = Bundle(task, user, assistant, max_rounds=1).run([0], seed=0, over=cells)
    return runs["user_action"][0, :, 0], runs.returns[0]


@style.styled
def figure_of(met: Array, task: PaperclipTask, played: list[tuple[Array, Array]]) -> Figure:
    """Draw where Alice goes by level, and what the user makes by what paperclips are worth."""
    drawn, panels = style.figure("ab", columns=2, height=2.4, width_ratios=(2, 3))
    _plot_meeting(panels["a"], met)
    _plot_made(panels["b"], task, played)
    return drawn


def _plot_meeting(ax: Axes, met: Array) -> None:
    levels = np.arange(len(met))
    for place, name in enumerate(("the more popular place", "the other place")):
        colour = style.COLOURS[place]
        ax.plot(levels, met[:, place], color=colour, marker=style.MARKERS[place], clip_on=False)
        there = -1 if place == 0 else len(levels) // 2
        ax.annotate(
            name,
            (levels[there], met[there, place]),
            (0, 7),
            textcoords="offset points",
            ha="left" if place else "right",
            color=colour,
        )
    ax.set(xlabel="level of Alice's thinking", ylabel="probability", ylim=(0, 1.1), xticks=levels)
    style.title(ax, "Where Alice goes to meet")


def _plot_made(ax: Axes, task: PaperclipTask, played: list[tuple[Array, Array]]) -> None:
    edges = np.arange(task.cells + 1) / task.cells
    names = ("2 paperclips", "one of\neach", "2 staples")
    for depth, (made, worth) in enumerate(played):
        starts = np.flatnonzero(np.diff(made, prepend=-1))
        for first, last in zip(starts, [*starts[1:], task.cells], strict=True):
            low, high, action = edges[first], edges[last], made[first]
            ax.barh(depth, high - low, 0.7, low, color=COLOURS[action], edgecolor="black", linewidth=0.5)
            ax.text((low + high) / 2, depth, names[action], ha="center", va="center", size="small")
        ax.text(1.03, depth, f"{worth.mean():.4f}", va="center", size="small")
    ax.text(1.03, len(played) - 0.45, "mean\nworth", size="small")
    ax.set(xlabel="θ, what a paperclip is worth (a staple: 1 − θ)", ylabel="depth of thinking")
    ax.set(yticks=range(len(played)), xlim=(0, 1), ylim=(-0.5, len(played) - 0.5))
    style.title(ax, "What the user makes first")


def demo(
    levels: Annotated[int, "how deep Alice thinks of Bob who thinks of her"] = 5,
    depth: Annotated[int, "how deep the user thinks of the assistant that learns from what it makes"] = 2,
    cells: Annotated[int, "how finely the user's wishes are told apart"] = 92,
    plot: Annotated[Path | None, "draw both into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """Two who think about each other meet more often, and work better together (about 4 s).

    Alice and Bob have not agreed on a place to meet, and one is a little more popular. Then a user makes
    paperclips or staples; its assistant sees it, infers what the user wants, and makes the rest.
    """
    if plot is not None:
        style.check_picture(plot)
    met = meeting(levels)
    print_table(
        "How probably Alice goes to each place, by how deep she thinks of Bob",
        ["level", "more popular place", "other place"],
        [[str(level), f"{first:.4f}", f"{second:.4f}"] for level, (first, second) in enumerate(met)],
    )
    task = PaperclipTask(cells)
    with Progress("paperclips"):
        played = [play(task, *pair) for pair in pairs(task, depth)]
    rows = []
    for level, (made, worth) in enumerate(played):
        both = np.flatnonzero(made == 1)
        where = f"{both[0] / cells:.4f} to {(both[-1] + 1) / cells:.4f}" if len(both) else "nowhere"
        rows.append([str(level), where, f"{worth.mean():.4f}"])
    head = ["depth", "makes one of each for θ", "mean worth"]
    print_table("What the user makes, by how deep it thinks of its assistant", head, rows)
    print_text("θ is what a paperclip is worth to the user; a staple is worth 1 − θ.")
    if plot is not None:
        style.save(figure_of(met, task, played), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
