"""Recovery: can the parameters of bandit users be known from their choices, and which user made the choices?

Reproduces figures 4 and 5 of Wilson & Collins, "Ten simple rules for the computational modeling of
behavioral data", eLife 2019 (8:e49547). Run it with `interaction demo recovery`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from scipy import stats

from interaction import User
from interaction.display import plus_minus, print_table, print_text, share
from interaction.plots import style
from interaction.studies.effects import sensitivity
from interaction.studies.recovery import model_recovery, parameter_recovery
from interaction.studies.results import ModelRecovery, ParameterRecovery, Sensitivity
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.users.bandit import (
    ChoiceKernelUser,
    RandomUser,
    RescorlaWagnerChoiceKernelUser,
    RescorlaWagnerUser,
    WinStayLoseShiftUser,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TASK = MultiArmedBanditTask([0.2, 0.8])
ROUNDS = 1_000
UNIT = stats.uniform(0, 1)

PUBLISHED = {0.0: (1, 0.99, 0.54, 0.54, 0.30), 1.0: (0.97, 0.96, 0.94, 0.93, 0.72)}
"""The diagonals of their figure 5, for inverse temperatures ~ Exp(1) and ~ 1 + Exp(1); of 100 users each."""

PUBLISHED_RECOVERY = {"learning_rate": 0.92, "inverse_temperature": 0.84}
"""Correlation of the learning rate, and rank correlation of the inverse temperature; of 1,000 users."""

WHY = "Their search begins once for each fit, and may stop early; ours begins at several points."


def five_users(least: float) -> Mapping[str, tuple[User, Mapping[str, Any]]]:
    """Give the five users and their priors, with inverse temperatures ~ `least` + Exp(1)."""
    temperature = stats.expon(least, 1)
    values = {"learning_rate": UNIT, "inverse_temperature": temperature}
    kernel = {"choice_learning_rate": UNIT, "choice_inverse_temperature": temperature}
    return {
        "random": (RandomUser(), {"bias": UNIT}),
        "win-stay-lose-shift": (WinStayLoseShiftUser(), {"epsilon": UNIT}),
        "Rescorla-Wagner": (RescorlaWagnerUser(), values),
        "choice kernel": (ChoiceKernelUser(), kernel),
        "both": (RescorlaWagnerChoiceKernelUser(), {**values, **kernel}),
    }


def which_model(
    least: float, n_users: int = 100, rounds: int = ROUNDS, seed: int = 0, progress: bool = True
) -> ModelRecovery:
    """Simulate all five users, and find for each the model with the best BIC."""
    return model_recovery(TASK, five_users(least), n_users, rounds, seed=seed, progress=progress)


def which_parameters(
    n_users: int = 1_000, rounds: int = ROUNDS, seed: int = 0, progress: bool = True
) -> ParameterRecovery:
    """Recover the Rescorla–Wagner user's parameters, α ~ U(0, 1) and β ~ Exp(10), by maximum likelihood."""
    priors = {"learning_rate": UNIT, "inverse_temperature": stats.expon(0, 10)}
    return parameter_recovery(
        TASK,
        RescorlaWagnerUser(),
        priors,
        n_users,
        rounds,
        method="maximum_likelihood",
        seed=seed,
        progress=progress,
    )


def which_effects(n_users: int = 50, rounds: int = 200, seed: int = 0, progress: bool = True) -> Sensitivity:
    """Ask what each of the four parameters of the user that does both changes in its choices."""
    user, priors = five_users(0.0)["both"]
    return sensitivity(TASK, user, priors, n_users, rounds, seed=seed, progress=progress)


def print_parameters(found: ParameterRecovery) -> None:
    """Print how well the two parameters are recovered, with the published correlations beside them."""
    n, rows, differ = len(found.converged), [], []
    for name, numbers in found.statistics().items():
        kind = "correlation" if name == "learning_rate" else "rank_correlation"
        here, there = numbers[kind], PUBLISHED_RECOVERY[name]
        half = 1.96 / np.sqrt(n - 3)  # on Fisher's scale
        low, high = np.tanh(np.arctanh(here) + np.array([-half, half]))
        rows.append([_words(name), _words(kind), f"{here:.2f} [{low:.2f}, {high:.2f}]", f"{there:.2f}"])
        if abs(np.arctanh(here) - np.arctanh(there)) > 2.58 * np.sqrt(1 / (n - 3) + 1 / 997):
            differ.append(f"the {_words(name)} is recovered {'better' if here > there else 'worse'}")
    title = f"{n:,} Rescorla-Wagner users: true values against the most likely ones, with 95 % intervals"
    print_table(title, ["parameter", "told by its", "here", "published"], rows)
    print_text(_compared(differ))


def print_models(least: float, found: ModelRecovery) -> None:
    """Print a confusion matrix, with the published diagonal beside it."""
    n, rows, differ = found.scores.shape[1], [], []
    numbers = [str(number) for number in range(1, len(found.models) + 1)]
    for number, (name, row, there) in enumerate(
        zip(found.models, found.confusion, PUBLISHED[least], strict=True)
    ):
        here = row[number]
        rows.append([f"{number + 1} {name}", *(f"{part:.2f}" for part in row), f"{there:.2f}"])
        counts = [[round(part * of), of - round(part * of)] for part, of in ((here, n), (there, 100))]
        if stats.fisher_exact(counts).pvalue < 0.01:
            differ.append(f"{name} is recognised in {here:.2f} and not in {there:.2f}")
    title = f"Which model (1 to 5) has the best BIC, for {n} users of each"
    print_table(
        f"{title}; inverse temperature β ~ {prior_of(least)}",
        ["users", *numbers, "itself, as published"],
        rows,
    )
    most = round(0.75 * n)
    known = share(np.arange(n) < most)
    print_text(f"So well are shares of {n} users known: {most} of them are {known}, a 95 % interval.")
    print_text(_compared(differ) + ("" if found.converged.all() else f" Mind: {found.convergence}."))


def _compared(differ: list[str]) -> str:
    """Say what differs from what was published, and why."""
    if not differ:
        return "As published, within what chance does (at 1 %)."
    return f"Unlike what was published, by more than chance does (at 1 %): {'; '.join(differ)}. {WHY}"


def _words(name: str) -> str:
    return name.replace("_", " ")


@style.styled
def figure_of(
    parameters: ParameterRecovery, models: Mapping[float, ModelRecovery], effects: Sensitivity
) -> Figure:
    """Draw the recovered parameters, what each choice tells, and both confusion matrices and inversions."""
    drawn, panels = style.figure("abc\n\ndefg", columns=2, height=4.9, heights=(2, 3))
    count = f"n = {len(parameters.converged):,} users;\ndashed: identity"
    style.title(parameters.plot(panels["a"], "learning_rate"), "Learning rate", count)
    _plot_temperatures(panels["b"], parameters)
    note = f"95 % normal interval, n = {effects.converged.shape[1]:,}\nusers; dashed: threshold"
    style.title(effects.plot(panels["c"]), "What a choice tells", note)
    panels["c"].locator_params(axis="x", nbins=3)
    places = iter("defg")
    for matrix in ("confusion", "inversion"):
        for least, found in models.items():
            ax = found.plot(panels[next(places)], matrix)
            users = f"n = {found.scores.shape[1]:,} each"
            style.title(ax, note=f"inverse temperature\n~ {prior_of(least)}, {users}")
            ax.set_xlabel("fitted, by BIC")
            if ax is not panels["d"]:
                ax.set(ylabel="", yticklabels=[])
    return drawn


def _plot_temperatures(ax: Axes, found: ParameterRecovery) -> None:
    """Draw inverse temperatures on logarithmic axes; what lies beyond them is drawn at their edge."""
    name = "inverse_temperature"
    true, estimate = found.true[name], found.estimate[name]
    low, high = true.min() / 2, true.max() * 20
    beyond = (estimate < low) | (estimate > high)
    found.plot(ax, name)
    ax.set_ylabel("inferred inverse\ntemperature")
    ax.set(xscale="log", yscale="log", xlim=(low, true.max() * 2), ylim=(low, high))
    edge: Any = {"marker": "^", "s": 10, "color": style.COLOURS[1], "clip_on": False, "zorder": 3}
    ax.scatter(true[beyond], np.clip(estimate[beyond], low, high), **edge)
    note = f"n = {len(true):,} users; dashed: identity\n▲ {beyond.sum()} off the axis: seem never to err"
    style.title(ax, "Inverse temperature", note)


def prior_of(least: float) -> str:
    """Name the prior of the inverse temperatures."""
    return "Exp(1)" if least == 0 else f"{least:g} + Exp(1)"


def demo(
    users: Annotated[
        int, "how many users of each model there are, and ten times as many for parameters"
    ] = 12,
    full: Annotated[bool, "as many users as in the paper: 100 (about 3 minutes)"] = False,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw matrices and parameters into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """Choices tell which model a user follows, and with which parameters, if it errs little (about 50 s).

    Reproduces figures 4 and 5 of Wilson & Collins 2019: bandit users make 1,000 choices each.
    """
    if plot is not None:
        style.check_picture(plot)
    users = 100 if full else users
    parameters = which_parameters(10 * users, seed=seed)
    print_parameters(parameters)
    models = {}
    for least in PUBLISHED:
        models[least] = which_model(least, users, seed=seed)
        print_models(least, models[least])
    effects = which_effects(seed=seed)
    rows = []
    for name, bits in effects.bits_per_round.items():
        rows.append([_words(name), plus_minus(bits, 1.96 * effects.standard_error[name])])
    print_table(
        "What a choice tells about each parameter of the user that does both, with 95 % intervals",
        ["parameter", "bits a round"],
        rows,
    )
    if plot is not None:
        style.save(figure_of(parameters, models, effects), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
