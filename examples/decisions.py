"""Decisions: what choices and response times tell about how somebody decides.

A simulated person decides which of two it is, by evidence of four strengths. The drift diffusion model is
fitted to the choices and their times, and what it predicts is laid over the data as a quantile-probability
plot (Ratcliff & McKoon 2008, "The diffusion decision model"). Run it with `interaction demo decisions` (extra
`inference`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interaction import Bundle, Trajectories, fit
from interaction.display import decimals, print_table, print_text
from interaction.errors import missing_extra
from interaction.plots import style
from interaction.tasks.decisions import DecisionTask
from interaction.users.diffusion import DiffusionUser, passage_quantile, upper_probability

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

TASK = DecisionTask([0.1, 0.3, 0.6, 1.0])
TRUE = {"drift": 2.5, "boundary": 1.4, "non_decision": 0.3}
UNITS = {"drift": "1/√s", "boundary": "√s", "non_decision": "s"}
PRIORS = {
    "drift": stats.norm(2, 2),
    "boundary": stats.gamma(8, scale=0.2),
    "non_decision": stats.gamma(8, scale=0.04),
}
QUANTILES = np.array([0.1, 0.3, 0.5, 0.7, 0.9])


def fitted(
    decisions: int = 600, seed: int = 0, progress: bool = True
) -> tuple[Trajectories, xarray.DataTree]:
    """Let a person decide so many times, and fit the model to it."""
    runs = Bundle(TASK, DiffusionUser(**TRUE)).run(decisions, seed=seed)
    return runs, fit(TASK, DiffusionUser(), runs, PRIORS, users="pooled", seed=seed, progress=progress)


def draws_of(tree: xarray.DataTree, count: int) -> Array:
    """Give some draws of the posterior: `(count, 3)`, drift, boundary and non-decision time."""
    all_of_them = np.stack([tree["posterior"][name].to_numpy().reshape(-1) for name in TRUE], axis=-1)
    some: Array = all_of_them[np.linspace(0, len(all_of_them) - 1, count).astype(int)]
    return some


def predicted(draws: Array, strength: Any, right: bool) -> tuple[Array, Array]:
    """Give how probable a right (or wrong) choice is, and the quantiles of its times: `(n,)`, `(n, 5)`."""
    drift, boundary, non_decision = (column[:, None] for column in draws.T)
    lead = drift * strength * boundary
    tau = passage_quantile(QUANTILES, 0.5, np.abs(lead))
    chance = upper_probability(drift * strength if right else -drift * strength, boundary, 0.5)
    return chance[:, 0], non_decision + boundary * boundary * tau


@style.styled
def figure_of(runs: Trajectories, tree: xarray.DataTree) -> Figure:
    """Draw the quantile-probability plot, and the posterior of each parameter beside the true value."""
    drawn, panels = style.figure("ab\nac\nad", columns=2, height=3.8, width_ratios=[2.2, 1])
    _plot_quantiles(panels["a"], runs, draws_of(tree, 200))
    for panel, (name, true) in zip("bcd", TRUE.items(), strict=True):
        ax = panels[panel]
        values = tree["posterior"][name].to_numpy().reshape(-1)
        low, high = np.quantile(values, [0.025, 0.975])
        ax.hist(values, 40, density=True, color=style.COLOURS[5], alpha=0.5)
        ax.axvline(true, color="black", linestyle="--", linewidth=0.8)
        ax.plot([low, high], [0, 0], color=style.COLOURS[0], linewidth=4, clip_on=False)
        ax.set(xlabel=f"{name.replace('_', '-')} ({UNITS[name]})", yticks=[], ylabel="density")
        ax.spines["left"].set_visible(False)
        style.title(ax, "Posterior", "dashed: true; bar: 95 % equal-tailed")
    return drawn


def _plot_quantiles(ax: Axes, runs: Trajectories, draws: Array) -> None:
    strength, choice, time, answer = (
        np.asarray(runs[path]).ravel()
        for path in ("task_state.strength", "user_action.choice", "user_action.time", "task_state.answer")
    )
    right = choice == answer
    fine = np.linspace(0, TASK.strengths.max(), 40)
    for was_right, color, marker in ((True, style.COLOURS[0], "o"), (False, style.COLOURS[1], "s")):
        found = [predicted(draws, at, was_right) for at in fine]
        chance = np.array([pair[0].mean() for pair in found])
        bands = np.array([np.quantile(pair[1], [0.025, 0.5, 0.975], axis=0) for pair in found])
        for number, quantile in enumerate(QUANTILES):
            if was_right:
                at = chance[0], bands[0, 1, number]
                told: dict[str, Any] = {"textcoords": "offset points", "ha": "left", "fontsize": "small"}
                ax.annotate(f"{quantile:g}", at, (3, 2), **told)
            ax.fill_between(
                chance, bands[:, 0, number], bands[:, 2, number], color=color, alpha=0.2, linewidth=0
            )
            ax.plot(chance, bands[:, 1, number], color=color, linewidth=1)
        for level in TASK.strengths:
            here = (strength == level) & (right == was_right)
            if here.sum() < 10:  # too few for quantiles
                continue
            share = here.sum() / (strength == level).sum()
            ax.scatter(
                np.full(5, share),
                np.quantile(time[here], QUANTILES),
                color=color,
                marker=marker,
                s=18,
                edgecolor="black",
                linewidth=0.5,
                zorder=3,
            )
    ax.axvline(0.5, color=style.GREY, linewidth=0.6, zorder=0)
    for place, label, colour, side in ((0.02, "■ wrong", 1, "left"), (0.98, "● right", 0, "right")):
        look: Any = {"color": style.COLOURS[colour], "ha": side, "va": "top"}
        ax.text(place, 0.98, label, transform=ax.transAxes, **look)
    ax.set(xlabel="probability of the choice", ylabel="response time (s)", xlim=(0, 1))
    note = f"points: n = {len(time):,} decisions; lines: the model,\nmedian and 95 % equal-tailed interval"
    style.title(ax, "Quantiles of the response times", note)


def demo(
    decisions: Annotated[int, "how many decisions the person makes"] = 600,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw the model over the data into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """From choices and times, drift diffusion tells how somebody decides (extra `inference`; about 5 s).

    A simulated person, whose parameters are known, decides many times; the model is fitted to what they did.
    """
    try:
        import arviz_base  # noqa: F401  # what the fit needs, before anybody decides
        import pandas  # noqa: F401
    except ImportError as error:
        raise missing_extra(
            error.name or "arviz_base", "inference", "The demonstration of decisions"
        ) from None
    if plot is not None:
        style.check_picture(plot)
    runs, tree = fitted(decisions, seed)
    rows, inside = [], 0
    for name, true in TRUE.items():
        values = tree["posterior"][name].to_numpy()
        low, high = np.quantile(values, [0.025, 0.975])
        inside += bool(low <= true <= high)
        digits = decimals((high - low) / 2)
        label = f"{name.replace('_', '-')} ({UNITS[name]})"
        ends = f"{low:.{digits}f} to {high:.{digits}f}"
        rows.append([label, f"{true:g}", f"{values.mean():.{digits}f}", ends])
    print_table(
        f"Drift diffusion, fitted to {decisions:,} decisions",
        ["parameter", "true", "posterior mean", "95 % interval"],
        rows,
    )
    print_text(f"{inside} of {len(TRUE)} intervals hold the true value; 95 of 100 would, in the long run.")
    print_text(f"The fit has {tree.attrs['verdict']}.")
    if plot is not None:
        style.save(figure_of(runs, tree), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
