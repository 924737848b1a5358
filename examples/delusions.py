"""Delusions: what becomes of an imitator that takes its own actions for those of the expert.

A five-armed bandit with a hidden best arm, after Ortega et al. 2021, "Shaking the foundations: delusions in
sequence models for interaction and control", arXiv 2110.10819. Run it with `interaction demo delusions`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import bootstrap

from interaction import Bundle, Trajectories
from interaction.assistants.imitation import ImitatingAssistant, OwnActions, SequenceModel, best_arm_filter
from interaction.batching.play import read_episodes
from interaction.display import decimals, plus_minus, print_table, share
from interaction.plots import interval, style
from interaction.progress import Progress
from interaction.tasks.bandit import BanditTask
from interaction.users.bandit import ExpertUser

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
ROUNDS = 100
SURE = 0.9
KINDS: tuple[OwnActions, ...] = ("evidence", "intervention")
NAMES = {"evidence": "own actions as evidence", "intervention": "own actions as interventions"}
EXPERT, TASK = ExpertUser(), BanditTask()


# The reference: one history, and three sequences.


def print_reference() -> None:
    """Print P(a3 | a1 = 1, o1 = 1, a2 = 2, o2 = 0) and three sequences of 20 actions, for both models."""
    rows: list[list[Any]] = []
    for kind in KINDS:
        model = SequenceModel(own_actions=kind)
        chances = " ".join(f"{chance:.4f}" for chance in model.predict([(0, 1), (1, 0)]))
        rows.append([NAMES[kind], "P(next arm)", chances])
        for seed in range(3):
            actions = " ".join(str(action) for action in sequence(model, seed))
            rows.append(["", f"game {seed + 1}", actions])
    title = "The reference: after arm 1 (reward) and arm 2 (none), and three games where arm 1 is best"
    print_table(title, ["the model takes", "", "arms 1 to 5"], rows, labels=2)


def sequence(model: SequenceModel, seed: int, best: int = 1, length: int = 20) -> list[int]:
    """Let a model act by itself, drawing with Python's `random` as the reference does; arms count from 1."""
    stream = random.Random(seed)  # gives what the module's functions give after random.seed(seed)
    past: list[tuple[int, int]] = []
    for _ in range(length):
        probabilities = model.predict(past)
        action = stream.choices(range(1, 6), weights=list(probabilities), k=1)[0]
        weights = [0.25, 0.75] if action == best else [0.75, 0.25]
        past.append((action - 1, stream.choices([0, 1], weights=weights, k=1)[0]))
    return [action + 1 for action, _ in past]


# The table: both kinds of assistant, and the expert.


class Played(NamedTuple):
    """The episodes of one kind of player; belief: `(episodes, rounds, arms)`, None for the expert."""

    name: str
    runs: Trajectories
    belief: Array | None


def play_all(episodes: int, seed: int, rounds: int = ROUNDS, progress: bool = True) -> list[Played]:
    """Play the expert alone, and each kind of assistant alone."""
    paths = ["task_state.best_arm", "task_state.arm", "task_state.outcome"]
    expert = Bundle(TASK, EXPERT, max_rounds=rounds).run(episodes, seed=seed, record=paths, progress=progress)
    played = [Played("expert", expert, None)]
    for kind in KINDS:
        bundle = Bundle(TASK, assistant=ImitatingAssistant(EXPERT, TASK, kind), max_rounds=rounds)
        path = "assistant_state.belief.log_weights"
        runs = bundle.run(episodes, seed=seed, record=[*paths, path], progress=progress)
        played.append(Played(NAMES[kind], runs, np.exp(runs[path])))
    return played


def scores(belief: Array, best: Array) -> tuple[Array, Array, Array]:
    """Give log loss (natural) and Brier score of a belief `(..., arms)`, and whether it is locked onto a
    wrong arm (above `SURE`)."""
    own = np.take_along_axis(belief, best[..., None], axis=-1)[..., 0]
    truth = np.arange(belief.shape[-1]) == best[..., None]
    locked = np.where(truth, 0.0, belief).max(axis=-1) > SURE
    return -np.log(own), ((belief - truth) ** 2).sum(axis=-1), locked * 1.0


def told(values: Array) -> str:
    """Give a mean and half the width of its 95 % interval."""
    return plus_minus(*interval(values))


def told_loss(values: Array) -> str:
    """Give the mean of a loss with its 95 % interval, of percentiles: a few large ones leave it above 0."""
    found = bootstrap((values,), np.mean, n_resamples=999, batch=50, method="percentile", rng=0)
    low, high = found.confidence_interval
    if low == high:
        return plus_minus(values.mean(), 0.0)
    digits = decimals((high - low) / 2)
    return f"{values.mean():.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


MEASURES = (
    "reward a round",
    "best arm pulled",
    "sure of a wrong arm (above 0.9)",
    "log loss of the belief",
    "Brier score of the belief",
)


def table(played: Sequence[Played]) -> list[list[str]]:
    """Give the rows of the table, one a measure: means over episodes with their 95 % intervals."""
    columns = []
    for _, runs, belief in played:
        best, arm = runs["task_state.best_arm"], runs["task_state.arm"]
        column = [told(runs.returns / runs.lengths), told((arm == best).mean(axis=1)), "", "", ""]
        if belief is not None:
            loss, brier, locked = scores(belief[:, -1], best[:, -1])
            column[2:] = share(locked), told_loss(loss), told_loss(brier)
        columns.append(column)
    return [list(row) for row in zip(MEASURES, *columns, strict=True)]


# Shared control: the user acts with probability λ, the assistant otherwise.

VIEWS = ("all actions", "no action", "by provenance")
SHARES = (0.0, 0.1, 0.25, 0.5, 1.0)


def shared_control(user_share: float, episodes: int, seed: int, rounds: int = 20) -> dict[str, Array]:
    """Give the log loss `(episodes,)` after some rounds of three beliefs about the same histories."""
    task = BanditTask(user_share=user_share)
    watching = [
        best_arm_filter(EXPERT, task, "evidence", field="all_actions"),
        best_arm_filter(EXPERT, task, evidence=("outcome",), field="no_action"),
    ]
    bundle = Bundle(task, EXPERT, ImitatingAssistant(EXPERT, task, watching=watching), max_rounds=rounds + 1)
    paths = {
        "all actions": "assistant_state.all_actions.log_weights",
        "no action": "assistant_state.no_action.log_weights",
        "by provenance": "assistant_state.belief.log_weights",
    }
    runs = bundle.run(episodes, seed=seed, record="final")
    best = runs["task_state.best_arm"]
    return {name: scores(np.exp(runs[path]), best)[0] for name, path in paths.items()}


# Learning the sequence model from data, in place of deriving it.


class Fitted(NamedTuple):
    """Two coefficients (of successes and of failures), their standard errors, and how well they imitate the
    expert on the demonstrations: −ln P(action), for each."""

    coefficients: Array
    errors: Array
    losses: Array


def counts(arm: Array, outcome: Array) -> tuple[Array, Array]:
    """Give each arm's successes and failures before each round: `(episodes, rounds, arms)`."""
    pulled = arm[..., None] == np.arange(5)
    gains = []
    for result in (1, 0):
        seen = np.cumsum(pulled & (outcome[..., None] == result), axis=1)
        gains.append(np.concatenate([np.zeros_like(seen[:, :1]), seen[:, :-1]], axis=1))
    return gains[0], gains[1]


def losses_of(c: Array, successes: Array, failures: Array, labels: Array) -> tuple[Array, Array]:
    """Give −ln P(label) and its gradient, where the log weight of an arm is c₁ successes + c₂ failures, and
    the expert pulls the best arm with probability 0.6 and each other with 0.1."""
    x = np.stack([successes, failures], axis=-1).reshape(-1, 5, 2).astype(float)
    label = labels.reshape(-1)
    logits = x @ c
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    chosen = np.take_along_axis(weights, label[:, None], 1)[:, 0]
    own = np.take_along_axis(x, label[:, None, None], 1)[:, 0]
    mean = (weights[..., None] * x).sum(axis=1)
    p = 0.1 + 0.5 * chosen
    return -np.log(p), -(0.5 * chosen / p)[:, None] * (own - mean)


def fit(successes: Array, failures: Array, labels: Array) -> tuple[Array, Array]:
    """Fit the two coefficients by maximum likelihood; give them and their standard errors."""

    def mean_loss(c: Array) -> tuple[float, Array]:
        losses, gradients = losses_of(c, successes, failures, labels)
        return float(losses.mean()), gradients.mean(axis=0)

    found = minimize(mean_loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    step = 1e-4
    columns = [
        (mean_loss(found + step * e)[1] - mean_loss(found - step * e)[1]) / (2 * step) for e in np.eye(2)
    ]
    return found, np.sqrt(np.diag(np.linalg.inv(np.stack(columns))) / labels.size)


def learn(episodes: int, seed: int, rounds: int = 20) -> dict[str, Fitted]:
    """Fit (a) on demonstrations of the expert, (b) on histories that the model of (a), which is the deluded
    one, produced itself, labelled by what the expert would have done."""
    paths = ["task_state.best_arm", "task_state.arm", "task_state.outcome"]
    shown = Bundle(TASK, EXPERT, max_rounds=rounds).run(episodes, seed=seed, record=paths)
    arm, outcome = shown["task_state.arm"], shown["task_state.outcome"]
    demonstrations = (*counts(arm, outcome), arm)
    model = Bundle(TASK, assistant=ImitatingAssistant(EXPERT, TASK, "evidence"), max_rounds=rounds)
    own = model.run(episodes, seed=seed + 1, record=paths)
    best = own["task_state.best_arm"]
    draws = np.random.default_rng(seed)
    other = (best + draws.integers(1, 5, best.shape)) % 5
    labels = np.where(draws.random(best.shape) < 0.6, best, other)
    produced = (*counts(own["task_state.arm"], own["task_state.outcome"]), labels)
    results = {}
    for name, data in (("(a) demonstrations", demonstrations), ("(b) own histories, labelled", produced)):
        coefficients, errors = fit(*data)
        results[name] = Fitted(coefficients, errors, losses_of(coefficients, *demonstrations)[0])
    return results


# What people look at.


@style.styled
def figure_of(played: Sequence[Played]) -> Figure:
    """Draw how many of each kind of assistant are sure of an arm, by round, and the reward of all."""
    drawn, panels = style.figure("abc", columns=2, height=2.3)
    ends = {}
    for number, (name, runs, belief) in enumerate(played):
        rounds = np.arange(1, runs["task_state.arm"].shape[1] + 1)
        window = max(1, len(rounds) // 20)
        sums = np.cumsum(np.pad(runs["task_state.outcome"].astype(float), ((0, 0), (1, 0))), axis=1)
        mean, half = interval((sums[:, window:] - sums[:, :-window]) / window)
        colour, ax = style.COLOURS[number], panels["c"]
        ax.plot(rounds[window - 1 :], mean, color=colour, linestyle=style.LINES[number], label=name)
        ax.fill_between(rounds[window - 1 :], mean - half, mean + half, color=colour, alpha=0.25, linewidth=0)
        ends[name.replace(" as ", "\nas ")] = (rounds[-1], mean[-1], colour)
        if belief is None:
            continue
        _plot_sure(panels["ab"[number - 1]], belief, runs["task_state.best_arm"])
        style.title(panels["ab"[number - 1]], name.capitalize())
    panels["c"].set(xlabel="round", ylabel="mean reward of a round")
    note = f"mean of the last {window} rounds and\n95 % t interval, n = {len(played[0].runs.lengths):,}"
    style.title(panels["c"], "Reward", note)
    style.end_labels(panels["c"], ends)
    return drawn


def _plot_sure(ax: Axes, belief: Array, best: Array) -> None:
    """Draw the shares of episodes whose belief is sure of the best arm, of a wrong one, or of none."""
    right = (np.take_along_axis(belief, best[..., None], axis=-1)[..., 0] > SURE).mean(axis=0)
    wrong = scores(belief, best)[2].mean(axis=0)
    rounds = np.arange(1, len(right) + 1)
    shares = {"sure of the best arm": right, "not sure": 1 - right - wrong, "sure of a wrong arm": wrong}
    areas = ax.stackplot(rounds, *shares.values(), colors=[style.COLOURS[5], "0.93", style.COLOURS[6]])
    for area, hatch in zip(areas, ("", "", "////"), strict=True):
        area.set(hatch=hatch, edgecolor="white", linewidth=0)
    bottom, white = np.zeros(len(rounds)), {"facecolor": "white", "edgecolor": "none", "pad": 1}
    for name, part in shares.items():
        here = len(rounds) // (5 if name == "not sure" else 2)
        if part[here] > 0.2:
            at = (rounds[here], bottom[here] + part[here] / 2)
            ax.text(*at, name, ha="center", va="center", size="small", bbox=white)
        bottom = bottom + part
    ax.set(xlabel="round", ylabel="share of the episodes", xlim=(1, len(rounds)), ylim=(0, 1))
    style.title(ax, note=f"sure: above {SURE},\nn = {len(belief):,} episodes")


def demo(
    episodes: Annotated[int, "how many games of 100 rounds each player plays"] = 10_000,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw belief and reward into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """An imitator that learns from its own actions as if an expert had done them deludes itself (about 15 s).

    One of five arms pays best; the expert knows which, and the imitator has to find it. First the figures of
    the reference, then the expert and both imitators over many games, then a user and an assistant who share
    the actions, and last an imitator that is learnt from data.
    """
    read_episodes(episodes)
    if plot is not None:
        style.check_picture(plot)
    print_reference()
    played = play_all(episodes, seed)
    print_table(
        f"{episodes:,} games of {ROUNDS} rounds, with 95 % intervals",
        ["", *(one.name for one in played)],
        table(played),
    )
    rows = []
    with Progress("shared control", len(SHARES), unit="shares") as bar:
        for user_share in SHARES:
            losses = shared_control(user_share, episodes, seed)
            rows.append([f"{user_share:g}", *(told(losses[view]) for view in VIEWS)])
            bar.update()
    title = "Log loss of the belief after 20 rounds, by which actions it takes for the user's"
    print_table(title, ["user's share", *VIEWS], rows)
    with Progress("learn from data"):
        learnt = learn(2 * episodes, seed)
    limits = (("ln 18 = 2.890", "ln 3 = 1.099"), ("ln 2 = 0.693", "-ln 3 = -1.099"))
    rows = []
    for number, name in enumerate(("a success", "a failure")):
        found = [(fitted.coefficients[number], 1.96 * fitted.errors[number]) for fitted in learnt.values()]
        rows += [[f"weight of {name}", *(plus_minus(*one) for one in found)], ["its limit", *limits[number]]]
    rows.append(["loss on demonstrations", *(told(fitted.losses) for fitted in learnt.values())])
    print_table("The log weight of an arm, learnt from data by maximum likelihood", ["", *learnt], rows)
    if plot is not None:
        style.save(figure_of(played), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
