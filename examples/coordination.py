"""The coordination game: an assistant coordinates with a user because it simulates that user.

Plays four cases: a matched user model, a mismatched one, inference by rollouts, and inference from the
user's past actions. Run it with `interaction demo coordination`, or
`python -m interaction.examples.coordination`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction import Bundle, Trajectories
from interaction.assistants.coordination import (
    CoordinatedAssistant,
    CoordinatedAssistantWithInference,
    CoordinatedAssistantWithRollout,
)
from interaction.batching.play import read_episodes
from interaction.display import plus_minus, print_table, share
from interaction.plots import interval, style
from interaction.progress import Progress
from interaction.tasks.coordination import GOAL, CoordinatedTask, SimultaneousCoordinatedTask
from interaction.users.coordination import PseudoRandomUser

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Parameters = dict[str, NDArray[np.int64]]
MAX_ROUNDS = 100


class Case(NamedTuple):
    """A bundle, and what it needs to know of the users that it meets."""

    name: str
    bundle: Bundle
    model: Parameters  # what the user model's state is set to
    own: Parameters  # what the assistant's own state is set to
    infers: str | None  # the path of its estimate of p0, if it makes one


def make_cases(users: Parameters) -> list[Case]:
    """Make the four cases for users with these parameters, one for each episode."""
    task, simultaneous = CoordinatedTask(), SimultaneousCoordinatedTask()
    user = PseudoRandomUser()
    wrong = users | {"p0": (users["p0"] + 4) % 10}
    unknown = users | {"p0": np.zeros_like(users["p0"])}
    known = {name: users[name] for name in ("p1", "p2")}
    single_shot = Bundle(task, user, CoordinatedAssistant(user), max_rounds=MAX_ROUNDS)
    rollout = Bundle(
        task, user, CoordinatedAssistantWithRollout(task, user, p1=5, p2=7), max_rounds=MAX_ROUNDS
    )
    inference = Bundle(simultaneous, user, CoordinatedAssistantWithInference(user), max_rounds=MAX_ROUNDS)
    return [
        Case("matched model", single_shot, users, {}, None),
        Case("mismatched model", single_shot, wrong, {}, None),
        Case("rollouts", rollout, users, known, "assistant_state.p0"),
        Case("inference from actions", inference, unknown, {}, "assistant_state.belief"),
    ]


def play(case: Case, users: Parameters, seed: int) -> Trajectories:
    """Play a case against each of the users."""
    return case.bundle.run(
        len(users["p0"]),
        seed=seed,
        start={"user_state": users, "assistant_state": {"user_model": case.model, **case.own}},
        record=["task_state.x", *([case.infers] if case.infers else [])],
    )


def inferred(case: Case, runs: Trajectories) -> NDArray[np.int64] | None:
    """Give the p0 that the assistant believed in at the end of each episode."""
    if case.infers is None:
        return None
    last = runs[case.infers][:, -1]
    return np.argmax(last, axis=-1) if case.infers.endswith("belief") else last


def one_user(seed: int) -> list[tuple[Case, Trajectories]]:
    """Play the four cases with the user p0 = 1, p1 = 5, p2 = 7 (the mismatched model has p0 = 5)."""
    users = {"p0": np.array([1]), "p1": np.array([5]), "p2": np.array([7])}
    played = [(case, play(case, users, seed)) for case in make_cases(users)]
    rows: list[list[Any]] = []
    for case, runs in played:
        found = inferred(case, runs)
        guess = "" if found is None else str(found[0])
        right = "" if found is None else ("yes" if found[0] == users["p0"][0] else "no")
        x = int(runs["task_state.x"][0, -1])
        rows.append([case.name, int(runs.lengths[0]), runs.returns[0], x, guess, right])
    columns = ["assistant", "rounds", "return", "agreements", "inferred p0", "right"]
    print_table(
        f"One user (p0 = 1, p1 = 5, p2 = 7), until they agreed {GOAL} times, or for {MAX_ROUNDS} rounds",
        columns,
        rows,
    )
    return played


def many_users(episodes: int, seed: int, chunk: int = 1000) -> dict[str, float]:
    """Play the four cases with random users, print the share that was coordinated, and return it."""
    drawn = np.random.default_rng(seed).integers(0, 10, (3, episodes))
    results: dict[str, list[Trajectories]] = {}
    right: dict[str, list[NDArray[np.bool_]]] = {}
    with Progress("random users", 4 * episodes, unit="episodes") as bar:
        for first in range(0, episodes, chunk):
            part = drawn[:, first : first + chunk]
            users = dict(zip(("p0", "p1", "p2"), part, strict=True))
            for case in make_cases(users):
                runs = play(case, users, seed)
                results.setdefault(case.name, []).append(runs)
                found = inferred(case, runs)
                right.setdefault(case.name, []).append(
                    np.array([]) if found is None else found == users["p0"]
                )
                bar.update(part.shape[1])
    rows: list[list[Any]] = []
    shares: dict[str, float] = {}
    for name, parts in results.items():
        terminated = np.concatenate([runs.terminated for runs in parts])
        lengths = np.concatenate([runs.lengths for runs in parts])
        correct = np.concatenate(right[name])
        shares[name] = float(terminated.mean())
        rows.append([name, share(terminated), plus_minus(*interval(lengths)), share(correct)])
    columns = ["assistant", "coordinated", "rounds", "p0 right"]
    print_table(f"{episodes:,} random users: means and shares, with 95 % intervals", columns, rows)
    return shares


@style.styled
def figure_of(played: list[tuple[Case, Trajectories]]) -> Figure:
    """Draw the agreements over rounds for the cases; the widest line lies below the others."""
    drawn, panels = style.figure(height=2.3)
    ax, ends = panels["a"], {}
    for number, (case, runs) in enumerate(played):
        rounds = int(runs.lengths[0])
        x = runs["task_state.x"][0, :rounds]
        look: Any = {"linestyle": style.LINES[number], "linewidth": 1.2 if number else 4}
        ax.plot(np.arange(1, rounds + 1), x, color=style.COLOURS[number], label=case.name, **look)
        told = f"{rounds} rounds" if runs.terminated[0] else f"stopped after {rounds}"
        ends[f"{case.name}:\n{told}"] = (rounds, x[-1], style.COLOURS[number])
    ax.axhline(GOAL, color=style.GREY, linewidth=0.6, zorder=0)
    ax.set(xscale="log", xlabel="rounds played (log scale)", ylabel="agreements so far", ylim=(0, GOAL + 0.5))
    ax.set(xticks=[1, 2, 5, 10, 20, 50, 100], xticklabels=["1", "2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()
    style.title(ax, "Agreeing by simulating the user", f"one user; ends at {GOAL} agreements")
    style.end_labels(ax, ends)
    return drawn


def demo(
    episodes: Annotated[int, "also play so many users with random parameters in each case"] = 0,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw agreements over rounds into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """An assistant coordinates with its user because it simulates them, if its model is right (about 1 s).

    User and assistant have to pick the same number, again and again. The user follows a rule with three
    parameters, of which p0 matters most. One assistant has a model with the right p0, and one with a wrong
    one; two find p0 by themselves, from games that they play in their head or from what the user has done.
    """
    read_episodes(episodes)
    if plot is not None:
        style.check_picture(plot)
    played = one_user(seed)
    if plot is not None:
        style.save(figure_of(played), plot)
        print(f"wrote {plot}")
    if episodes:
        many_users(episodes, seed)


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
