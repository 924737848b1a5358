"""The whole circle: people play through the server, are fitted, and meet the assistant that serves them best.

People point at targets without help, each slipping at a rate of their own. They come through the same door as
in a study with people: a server on this machine, HTTP and a WebSocket; but here they are simulated, so that
what was found can be compared with what is true. From the log of their sessions a population is fitted; new
people, drawn from the fit, choose the assistant; and with that one the next participants play, through the
server again. Run it with `interaction demo people` (extras `people` and `inference`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    EpisodeRandom,
    Logit,
    Population,
    Trajectories,
    fit,
    fitted_users,
    paired_differences,
)
from interaction.assistants.pointing import InformationGain, NoAssistant
from interaction.display import decimals, plus_minus, print_table, print_text
from interaction.errors import missing_extra
from interaction.people import Bot, Condition, Page, Person, Questionnaire, Study, export, pilot
from interaction.plots import interval, style
from interaction.progress import Progress
from interaction.tasks.pointing import PointingTask
from interaction.tasks.views import PointingView
from interaction.users.pointing import CarefulPointer

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

TASK = PointingTask(31, 8, "position")
HIGHEST = 0.5
"""Who slips more often than this goes away from the goal."""

TRUE = (-0.5, 1.0)
"""Mean and standard deviation of people's rates of slips, on the logit scale between 0 and `HIGHEST`."""

POPULATION = Population(
    {"error_rate": Logit(mean=stats.norm(0, 1), sd=stats.halfnorm(0, 1), low=0.0, high=HIGHEST)}
)
CONSENT = "# Pointing\n\nYou bring a cursor to a goal, again and again. Your steps are kept, not who you are."


def someone(rng: EpisodeRandom) -> CarefulPointer:
    """Give a simulated participant, with a rate of slips of their own."""
    mean, sd = TRUE
    return CarefulPointer(HIGHEST / (1 + np.exp(-(mean + sd * rng.normal()))))


def study_of(episodes: int, assistant: Assistant | None = None, seed: int = 0) -> Study:
    """Give a study in which a person points, alone or with an assistant."""
    person = Person(CarefulPointer().policy.action_space, view=PointingView(TASK.gridsize))
    bundle = Bundle(TASK, person, assistant, max_rounds=200)
    return Study(
        name="pointing, alone" if assistant is None else "pointing, served",
        conditions={"all": Condition(bundle, simulated=someone)},
        episodes=episodes,
        practice=1,
        seed=seed,
        pages=[Page(CONSENT)],
        after=[Questionnaire("ease", "How easy was it?", 1, 7, ("not at all", "very"))],
    )


def play(
    study: Study, people: int, seed: int, served: bool = True, progress: bool = True
) -> pandas.DataFrame:
    """Let simulated people take part, through a server on this machine or in process, and give the rounds.

    Both leave the same log. Practice is left out.
    """
    if served:
        from interaction.people.piloting import pilot_served

        events = pilot_served(study, people, seed, progress=progress).events
    else:
        with Progress("pilot, in process", shown=progress):
            events = pilot(study, people, seed)
    with Progress("export", shown=progress):
        rounds = export(study, events).rounds
    return rounds[~rounds.practice]


def true_rates(study: Study, people: int, seed: int) -> Array:
    """Give how often each of the people who took part slips, which only their maker knows: `(people,)`."""
    condition = study.condition("all")
    bots = [Bot(condition, study.seed_of(number), number, seed) for number in range(people)]
    return np.array([bot.bundle.reset(seed=0).user_state.error_rate for bot in bots])


def fit_people(rounds: pandas.DataFrame, seed: int = 0, progress: bool = True) -> xarray.DataTree:
    """Fit a population to the rounds of people who pointed alone."""
    return fit(
        TASK,
        CarefulPointer(),
        rounds,
        population=POPULATION,
        alone=True,
        log_likelihood=False,
        seed=seed,
        progress=progress,
    )


def rates_of(tree: xarray.DataTree) -> Array:
    """Give how often each person slips, as fitted, with a 90 % equal-tailed interval: `(3, people)`."""
    draws = tree["posterior"].error_rate
    return np.stack([draws.mean(("chain", "draw")), *np.quantile(draws, [0.05, 0.95], axis=(0, 1))])


def assistants_for(tree: xarray.DataTree) -> dict[str, Assistant]:
    """Give no assistant, and some that ask where the goal is, with other ideas of how often people slip."""
    typical = float(tree["population"].error_rate_typical.sel(statistic="mean"))
    ideas = {"trusting": 0.0, "for the typical": typical, "for the shakiest": rates_of(tree)[0].max()}
    asking = {name: InformationGain(CarefulPointer(float(rate)), TASK) for name, rate in ideas.items()}
    return {"none": NoAssistant(TASK), **asking}


def try_out(
    tree: xarray.DataTree,
    assistants: Mapping[str, Assistant],
    people: int = 1_000,
    seed: int = 1,
    progress: bool = True,
) -> dict[str, Trajectories]:
    """Let new people, drawn from what was fitted, play once with each assistant, on the same luck."""
    new = fitted_users(tree, people, seed=seed)
    with Progress("assistants", len(assistants), unit="assistants", shown=progress) as bar:
        runs = {}
        for name, assistant in assistants.items():
            bundle = Bundle(TASK, CarefulPointer(), assistant, max_rounds=2_000)
            runs[name] = bundle.run(people, seed=seed, start=new.start, record="final")
            bar.update()
    return runs


def best_of(runs: Mapping[str, Trajectories]) -> str:
    """Name the assistant with which people need the fewest steps."""
    return min(runs, key=lambda name: float(runs[name].lengths.mean()))


def steps_of(rounds: pandas.DataFrame) -> Array:
    """Give how many steps to the goal each person needs, on average over their games: `(people,)`."""
    games = rounds.groupby(["participant", "episode"]).size()
    return games.groupby("participant").mean().to_numpy()


@style.styled
def figure_of_people(tree: xarray.DataTree, true: Array) -> Figure:
    """Draw what was fitted of each person against what is true, and the population of both."""
    drawn, panels = style.figure("ab", columns=2, height=2.9)
    mean, low, high = rates_of(tree)
    ax = panels["a"]
    ax.plot([0, HIGHEST], [0, HIGHEST], color=style.GREY, linewidth=0.6)
    look: Any = {"fmt": "o", "markersize": 2.5, "linewidth": 0.6, "capsize": 0, "color": style.COLOURS[0]}
    ax.errorbar(true, mean, [mean - low, high - mean], **look)
    ax.set(xlabel="true rate of slips", ylabel="fitted rate of slips", xlim=(0, HIGHEST), ylim=(0, HIGHEST))
    ax.set_aspect("equal")
    note = f"r = {np.corrcoef(true, mean)[0, 1]:.3f}, n = {len(true)} people\n90 % equal-tailed intervals"
    style.title(ax, "What was found of each person", note)
    _plot_population(panels["b"], tree, true)
    return drawn


def _plot_population(ax: Axes, tree: xarray.DataTree, true: Array) -> None:
    """Draw the density of the population's rates that people were drawn from, and the fitted one."""
    points = np.linspace(1e-3, HIGHEST - 1e-3, 200)
    logits = np.log(points / (HIGHEST - points))
    slope = HIGHEST / (points * (HIGHEST - points))  # of the logit
    group = ("error_rate_mean", "error_rate_sd")
    means, sds = (np.reshape(tree["posterior"][name].data, (-1, 1)) for name in group)
    low, middle, high = np.quantile(stats.norm.pdf(logits, means, sds), [0.05, 0.5, 0.95], axis=0) * slope
    ax.fill_between(points, low, high, color=style.COLOURS[0], alpha=0.25, linewidth=0)
    ax.plot(points, middle, color=style.COLOURS[0], label="fitted")
    ax.plot(points, stats.norm.pdf(logits, *TRUE) * slope, "--", color="black", label="true")
    ax.plot(true, np.zeros(len(true)), "|", color="black", markersize=6, clip_on=False)
    ax.set(xlabel="rate of slips", ylabel="density", xlim=(0, HIGHEST), ylim=(0, None))
    style.title(ax, "The population", "median and pointwise 90 % equal-tailed interval\nticks: who took part")
    style.legend(ax, columns=2)


@style.styled
def figure_of_assistants(runs: Mapping[str, Trajectories], met: Array) -> Figure:
    """Draw how many steps fitted people need with each assistant, and how many more than with the best one.

    `met` are the steps of the people who met the best one in the study: `(people,)`.
    """
    drawn, panels = style.figure("ab", columns=2, height=2.5, sharey=True)
    names, best = list(runs), best_of(runs)
    n, places = len(runs[best].lengths), np.arange(len(runs))
    ax = panels["a"]
    means, halves = np.array([interval(one.lengths) for one in runs.values()]).T
    ax.errorbar(means, places, xerr=halves, fmt="o", color=style.COLOURS[0], label="fitted people")
    mean, half = interval(met)
    look: Any = {"fmt": "s", "color": style.COLOURS[1], "mfc": "white"}
    ax.errorbar(mean, names.index(best) + 0.2, xerr=half, **look, label=f"{len(met)} new participants")
    ax.set(xscale="log", xlabel="steps to the goal (log scale)", ylim=(len(names) - 0.5, -0.5))
    ax.set_xticks([3, 5, 10, 20, 50], ["3", "5", "10", "20", "50"])
    ax.minorticks_off()
    ax.set_yticks(places, names)
    style.title(ax, "Steps with each assistant", f"mean and 95 % t interval, n = {n:,} fitted people")
    style.legend(ax, columns=2)
    ax = panels["b"]
    rows = np.array([place for place in places if names[place] not in ("none", best)])
    found = [paired_differences(runs[names[place]], runs[best], "lengths") for place in rows]
    means, halves = np.array([interval(one.values) for one in found]).T
    ax.errorbar(means, rows, xerr=halves, fmt="o", color=style.COLOURS[0])
    ax.axvline(0, color=style.GREY, linewidth=0.6)
    ax.set(xlabel="more steps in the same game")
    style.title(ax, "Against the best one", f"mean and 95 % t interval, n = {n:,} pairs")
    return drawn


def demo(
    people: Annotated[int, "how many people take part in each study"] = 60,
    episodes: Annotated[int, "how many targets each of them points at"] = 10,
    seed: Annotated[int, "the first seed"] = 0,
    seeds: Annotated[int, "how many seeds are fitted; those after the first are played in process"] = 3,
    plot: Annotated[Path | None, "draw two figures: x.png gives x-people.png, x-assistants.png"] = None,
) -> None:
    """People play through a server, are fitted, and meet the assistant that serves them best (about 90 s).

    The people are simulated and slip now and then; what is found is compared with what is true. It needs the
    extras `people` and `inference`.
    """
    try:
        import arviz_base  # noqa: F401  # what the fit needs, before anybody plays
    except ImportError as error:
        raise missing_extra("arviz_base", "inference", "The demonstration of people") from error
    from interaction.people import piloting  # noqa: F401  # names the extra, where it is missing

    if plot is not None:
        style.check_picture(plot)
    rows, kept = [], []
    for number in range(seed, seed + seeds):
        study = study_of(episodes, seed=number)
        rounds = play(study, people, number, served=number == seed)
        tree, true = fit_people(rounds, number), true_rates(study, people, number)
        kept.append((tree, true))
        told = tree["population"].error_rate_mean.sel(statistic=["mean", "low", "high"]).values
        row = [number, "server" if number == seed else "in process", f"{len(rounds) / people:.0f}"]
        row += [f"{np.corrcoef(true, rates_of(tree)[0])[0, 1]:.3f}", told_in_digits(*told)]
        rows.append([*row, "yes" if tree.attrs["converged"] else "NO"])
    columns = ["seed", "played", "steps a person", "r of fitted and true", f"mean (true: {TRUE[0]:g})"]
    title = (
        f"How often each of {people} people slips, who point alone; mean on the logit scale, 90 % interval"
    )
    print_table(title, [*columns, "converged"], rows)
    tree, true = kept[0]
    assistants = assistants_for(tree)
    runs = try_out(tree, assistants)
    best = best_of(runs)
    rows = [[name, plus_minus(*interval(run.lengths)), _more(run, runs[best])] for name, run in runs.items()]
    title = f"{len(runs[best].lengths):,} new people, drawn from the fit of seed {seed}; 95 % intervals"
    print_table(title, ["assistant", "steps", "more than with the best one"], rows)
    met = steps_of(play(study_of(episodes, assistants[best], seed=seed), people, seed + 1_000))
    predicted, found = interval(runs[best].lengths), interval(met)
    print_text(
        f"{people} new participants met the best one, {best}, through the server: {plus_minus(*found)} "
        f"steps, where {plus_minus(*predicted)} were predicted (95 % intervals)."
    )
    if plot is not None:
        figures = {"people": figure_of_people(tree, true), "assistants": figure_of_assistants(runs, met)}
        for name, drawn in figures.items():
            file = plot.with_stem(f"{plot.stem}-{name}")
            style.save(drawn, file)
            print(f"wrote {file}")


def told_in_digits(mean: float, low: float, high: float) -> str:
    """Tell a number with its interval."""
    digits = decimals((high - low) / 2)
    return f"{mean:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _more(run: Trajectories, best: Trajectories) -> str:
    """Tell how many more steps one run takes than the best one, in the same games."""
    if run is best:
        return ""
    found = paired_differences(run, best, "lengths")
    return told_in_digits(found.mean, found.low, found.high)


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
