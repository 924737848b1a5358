"""From a table of people to the assistant that serves them best.

People point at targets, by mouse or by head pointer, a few trials each. A population is fitted to the table:
how often does each person slip, and how do the two devices differ? Then new people, drawn from what was
fitted, play with assistants that were made for the users of either device. Run it with
`interaction demo population` (extra `inference`); `--data FILE.csv` takes a table of your own.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interaction import Assistant, Bundle, Logit, Population, fit, fitted_users
from interaction.assistants.pointing import InformationGain, NoAssistant
from interaction.display import decimals, plus_minus, print_table, print_text
from interaction.errors import missing_extra
from interaction.plots import interval, style
from interaction.progress import Progress
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

TASK = PointingTask(31, 8, "position")
POPULATION = Population({"error_rate": Logit(mean=stats.norm(-1.5, 1), sd=stats.halfnorm(0, 1))})

TOLD = ("mean", "low", "high")
TRUE = {"head pointer": (-0.8, 0.4), "mouse": (-2.5, 0.5)}
"""Mean and standard deviation of the rate of slips on the logit scale, of the people who are simulated."""


def people_csv(people: int = 15, trials: int = 3, seed: int = 0) -> str:
    """Simulate people with either device, and write what they did as a table: a row for each step."""
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.normal(mean, sd, people) for mean, sd in TRUE.values()])
    rates = np.repeat(1 / (1 + np.exp(-points)), trials)
    bundle = Bundle(TASK, CarefulPointer(), max_rounds=1_000)
    runs = bundle.run(len(rates), seed=seed, start={"user_state.error_rate": rates})
    begun = [path for path in runs.start if path.startswith("task_state.")]
    table = runs.to_dataframe(start=begun)
    table["user"] = table.episode // trials
    table["group"] = np.repeat(list(TRUE), people)[table.user]
    kept = ["user", "group", "episode", "round", "user_action"]
    return table[[*kept, *(name for name in table if str(name).startswith("start."))]].to_csv(index=False)


def fit_people(data: pandas.DataFrame, seed: int = 0, progress: bool = True) -> xarray.DataTree:
    """Fit a population to the table, whose column `group` tells the device."""
    return fit(
        TASK,
        CarefulPointer(),
        data,
        population=POPULATION,
        log_likelihood=False,
        seed=seed,
        progress=progress,
    )


def assistants_for(tree: xarray.DataTree) -> dict[str, Assistant]:
    """Give no assistant, and for each group one that asks, and takes every user for its typical person."""
    typical = tree["population"].error_rate_typical.sel(statistic="mean")
    made = {
        f"made for {group}": InformationGain(CarefulPointer(float(typical.sel(group=group))), TASK)
        for group in typical.group.values
    }
    return {"none": NoAssistant(TASK), **made}


def served(tree: xarray.DataTree, people: int = 300, seed: int = 1) -> dict[str, dict[str, Array]]:
    """Let new people of each group play with each assistant, all on the same targets.

    Gives by group and assistant how many steps each of them needs: `(people,)`.
    """
    found: dict[str, dict[str, Array]] = {}
    for group in tree["population"].group.values:
        new = fitted_users(tree, people, group=group, seed=seed)
        found[str(group)] = {
            name: Bundle(TASK, CarefulPointer(), assistant, max_rounds=2_000)
            .run(people, seed=seed, start=new.start, record="final")
            .lengths
            for name, assistant in assistants_for(tree).items()
        }
    return found


def best_of(steps: Mapping[str, Array]) -> list[str]:
    """Give the assistants that serve best: that of the fewest steps, and those not told apart from it.

    Two are told apart where the 95 % interval of the difference, person by person, leaves out zero.
    """
    first = min(steps, key=lambda name: float(steps[name].mean()))
    others = [name for name in steps if name != first]
    close = [name for name in others if np.subtract(*interval(steps[name] - steps[first])) <= 0]
    return [first, *close]


@style.styled
def forest(tree: xarray.DataTree, ax: Axes | None = None) -> Axes:
    """Draw each person's rate of slips, and that of the typical person of each group, with 90 % intervals."""
    ax = style.axes_of(ax, "forest")
    posterior = tree["posterior"].to_dataset()
    labels: list[str] = []
    for number, group in enumerate(posterior.group.values):
        people = posterior.user.values[posterior.user_group.values == group]
        rows = [("typical", posterior.error_rate_typical.sel(group=group))]
        rows += [(str(user), posterior.error_rate.sel(user=user)) for user in people]
        for label, draws in rows:
            low, middle, high = np.quantile(draws, [0.05, 0.5, 0.95])
            place, thick, colour = len(labels), label == "typical", style.COLOURS[number]
            ax.plot([low, high], [place, place], color=colour, linewidth=3 if thick else 1)
            size = 6 if thick else 3
            ax.plot(middle, place, style.MARKERS[number], color=colour, mec="white", mew=0.4, markersize=size)
            labels.append(label)
        at: Any = {"transform": ax.get_yaxis_transform(), "ha": "right", "va": "center"}
        ax.text(0.99, len(labels) - len(rows), str(group), color=style.COLOURS[number], **at)
    ax.set_yticks(range(len(labels)), labels, fontsize=6)
    ax.set(xlabel="rate of slips", ylabel="person", xlim=(0, None), ylim=(len(labels) - 0.3, -0.7))
    style.title(ax, "How often people slip", "median and 90 % equal-tailed interval")
    return ax


@style.styled
def figure_of(tree: xarray.DataTree, steps: Mapping[str, Mapping[str, Array]]) -> Figure:
    """Draw the forest of people and groups, and how many steps each group needs with each assistant."""
    drawn, panels = style.figure("ab", columns=2, height=4)
    forest(tree, panels["a"])
    ax = panels["b"]
    for number, (group, by_assistant) in enumerate(steps.items()):
        means, halves = np.array([interval(array) for array in by_assistant.values()]).T
        places = np.arange(len(means)) + 0.15 * number
        look: Any = {"fmt": style.MARKERS[number], "color": style.COLOURS[number]}
        ax.errorbar(places, means, halves, label=f"new people with {group}", **look)
        ax.set_xticks(range(len(means)), [name.replace(" for ", "\nfor ") for name in by_assistant])
        n = len(next(iter(by_assistant.values())))
    ax.set(yscale="log", ylabel="steps to the goal (log scale)", xlabel="assistant")
    ax.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()
    ax.margins(x=0.2)
    style.title(ax, "Which assistant serves them", f"mean and 95 % t interval, n = {n:,} of each")
    style.legend(ax, below=48)
    return drawn


def demo(
    data: Annotated[Path | None, "a table of your own (.csv), in place of simulated people"] = None,
    people: Annotated[int, "how many people with each device are simulated"] = 15,
    trials: Annotated[int, "how many targets each of them points at"] = 3,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw people and assistants into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """A table of people tells which assistant serves others like them best (extra `inference`; about 7 s).

    People point by mouse or by head pointer, and slip now and then. A population is fitted to them; new
    people like them then play without an assistant, and with assistants made for the users of each device.
    """
    try:
        import arviz_base  # noqa: F401  # what the fit needs, before people are simulated
        import pandas
    except ImportError as error:
        raise missing_extra(
            error.name or "arviz_base", "inference", "The demonstration of populations"
        ) from None
    if plot is not None:
        style.check_picture(plot)
    source: Any = io.StringIO(people_csv(people, trials, seed)) if data is None else data
    tree = fit_people(pandas.read_csv(source), seed)
    told = tree["population"].to_dataset()
    rows = []
    for name, label in (("error_rate_typical", "rate of"), ("error_rate_difference", "logit of the rate:")):
        for of in told[name].dims[1:]:
            for one in told[of].values:
                mean, low, high = (float(told[name].sel({of: one, "statistic": what})) for what in TOLD)
                digits = decimals((high - low) / 2)
                interval_told = f"[{low:.{digits}f}, {high:.{digits}f}]"
                rows.append([f"{label} {one}", f"{mean:.{digits}f}", interval_told])
    print_table("How often a typical person slips, in a step", ["", "mean", "90 % interval"], rows)
    print_text(f"The fit has {tree.attrs['verdict']}.")
    with Progress("new people"):
        steps = served(tree)
    names = list(next(iter(steps.values())))
    rows = []
    for group, by in steps.items():
        rows.append([group, *(plus_minus(*interval(one)) for one in by.values()), " or ".join(best_of(by))])
    columns = ["new people with", *("none" if name == "none" else f"one {name}" for name in names), "best"]
    print_table("Steps to the goal by assistant, with 95 % intervals", columns, rows)
    if plot is not None:
        style.save(figure_of(tree, steps), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
