"""Recovery: can the parameters of bandit users be known from their choices, and which user made the choices?

Reproduces figures 4 and 5 of Wilson & Collins, "Ten simple rules for the computational modeling of
behavioral data", eLife 2019 (8:e49547). Run it with `interaction demo recovery`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from interaction import User
from interaction.display import print_table
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
"""The diagonals of their figure 5, for inverse temperatures ~ Exp(1) and ~ 1 + Exp(1)."""

PUBLISHED_RECOVERY = {"learning_rate": 0.92, "inverse_temperature": 0.84}
"""Correlation of the learning rate, and rank correlation of the inverse temperature."""


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


def print_models(least: float, found: ModelRecovery) -> None:
    """Print a confusion matrix, with the published diagonal beside it."""
    rows = [
        [name, *(f"{share:.2f}" for share in row), f"{published:.2f}"]
        for name, row, published in zip(found.models, found.confusion, PUBLISHED[least], strict=True)
    ]
    title = f"P(best BIC | simulated), inverse temperatures ~ {prior_of(least)}"
    print_table(title, ["simulated", *found.models, "published diagonal"], rows)
    print(f"{title}: {found.verdict}")


@style.styled
def figure_of(
    parameters: ParameterRecovery, models: Mapping[float, ModelRecovery], effects: Sensitivity
) -> Figure:
    """Draw the recovered parameters, what each choice tells, and both confusion matrices and inversions."""
    drawn, panels = style.figure("abc\n\ndefg", columns=2, height=5.3, heights=(4, 7))
    count = f"n = {len(parameters.converged):,} users;\ndashed: identity"
    style.title(parameters.plot(panels["a"], "learning_rate"), "Learning rate", count)
    _plot_temperatures(panels["b"], parameters)
    style.title(effects.plot(panels["c"]), "What a choice tells")
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
    ax.set(xscale="log", yscale="log", xlim=(low, true.max() * 2), ylim=(low, high))
    edge: Any = {"marker": "^", "s": 10, "color": style.COLOURS[1], "clip_on": False, "zorder": 3}
    ax.scatter(true[beyond], np.clip(estimate[beyond], low, high), **edge)
    note = f"n = {len(true):,} users; dashed: identity\n▲ {beyond.sum()} off the axis: seem never to err"
    style.title(ax, "Inverse temperature", note)


def prior_of(least: float) -> str:
    """Name the prior of the inverse temperatures."""
    return "Exp(1)" if least == 0 else f"{least:g} + Exp(1)"


def demo(users: int = 100, seed: int = 0, plot: Path | None = None) -> None:
    """Reproduce the model and parameter recovery of Wilson & Collins 2019, with 1,000 trials.

    It simulates --users users of each of five models, twice, and 10 times as many for the recovery of two
    parameters; --plot FILE.png draws the matrices and the recovered parameters.
    """
    if plot is not None:
        style.check_picture(plot)
    parameters = which_parameters(10 * users, seed=seed)
    rows = []
    for name, numbers in parameters.statistics().items():
        row = [f"{numbers[key]:.3f}" for key in ("correlation", "rank_correlation")]
        kind = "correlation" if name == "learning_rate" else "rank correlation"
        rows.append([name, *row, f"{kind} {PUBLISHED_RECOVERY[name]}"])
    print_table(
        f"Recovery of {10 * users} Rescorla-Wagner users by maximum likelihood",
        ["parameter", "correlation", "rank correlation", "published"],
        rows,
    )
    models = {least: which_model(least, users, seed=seed) for least in PUBLISHED}
    for least, found in models.items():
        print_models(least, found)
    effects = which_effects(seed=seed)
    rows = [[name, f"{bits:.4f}"] for name, bits in effects.bits_per_round.items()]
    print_table(
        "What a choice tells about each parameter of the user that does both",
        ["parameter", "bits a round"],
        rows,
    )
    if plot is not None:
        style.save(figure_of(parameters, models, effects), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    import typer

    typer.run(demo)
