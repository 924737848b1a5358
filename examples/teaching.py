"""Two teachers, one learner: whose lessons tell more about the learner's memory?

Learners of twenty items forget exponentially, the more slowly the more often an item was repeated. A teacher
at random and a conservative one, who repeats what is about to be forgotten, teach the same learners; how many
bits a round do the answers tell about each learner's forgetting and about the effect of repetition?
Source of the learner: Nioche et al. 2021, "Improving artificial teachers by considering how people learn and
forget", IUI. Run it with `interaction demo teaching`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from interaction import Assistant
from interaction.assistants.teaching import ConservativeTeacher, RandomTeacher
from interaction.display import plus_minus, print_table
from interaction.plots import style
from interaction.studies.effects import sensitivity
from interaction.studies.results import Sensitivity
from interaction.tasks.teaching import TeachingTask
from interaction.users.teaching import ForgettingLearner

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[Any]
PRIORS = {"forgetting": stats.gamma(2, scale=0.05), "repetition": stats.uniform(0, 1)}
TEACHERS: Mapping[str, Assistant] = {"random": RandomTeacher(), "conservative": ConservativeTeacher()}


def what_lessons_tell(
    learners: int = 300, rounds: int = 40, seed: int = 0, progress: bool = True
) -> dict[str, Sensitivity]:
    """Let each teacher teach the same learners, and tell the bits a round about their parameters."""
    return {
        name: sensitivity(
            TeachingTask(),
            ForgettingLearner(),
            PRIORS,
            learners,
            rounds,
            assistant=teacher,
            seed=seed,
            progress=progress,
        )
        for name, teacher in TEACHERS.items()
    }


def difference(found: Mapping[str, Sensitivity]) -> tuple[Array, Array]:
    """Give how many bits a round the second teacher's lessons tell more, and its standard error, as if each
    had learners of its own: `(parameters,)` each."""
    first, second = found.values()
    more = [second.bits_per_round[key] - first.bits_per_round[key] for key in PRIORS]
    return np.array(more), np.hypot(
        [first.standard_error[key] for key in PRIORS], [second.standard_error[key] for key in PRIORS]
    )


@style.styled
def figure_of(found: Mapping[str, Sensitivity]) -> Figure:
    """Draw what a round of lessons tells about each parameter, by teacher."""
    drawn, panels = style.figure("ab", columns=2, height=1.9, width_ratios=(3, 2))
    ax = panels["a"]
    for number, (name, told) in enumerate(found.items()):
        bits, errors = (
            np.array([values[key] for key in PRIORS]) for values in (told.bits_per_round, told.standard_error)
        )
        places = np.arange(len(PRIORS)) + 0.2 * (number - 0.5)
        look: Any = {"fmt": style.MARKERS[number], "color": style.COLOURS[number]}
        ax.errorbar(bits, places, xerr=1.96 * errors, label=f"{name} teacher", **look)
    ax.set_yticks(range(len(PRIORS)), list(PRIORS))
    ax.set(ylim=(len(PRIORS) - 0.5, -0.5), xlabel="bits a round")
    learners = next(iter(found.values())).converged.shape[1]
    style.title(ax, "What lessons tell", f"mean and 95 % normal interval, n = {learners:,} learners")
    style.legend(ax, columns=2)
    more, errors = difference(found)
    panels["b"].axvline(0, color="0.7", linewidth=0.8)
    panels["b"].errorbar(more, range(len(PRIORS)), xerr=1.96 * errors, fmt="s", color="black")
    panels["b"].set(ylim=ax.get_ylim(), yticks=range(len(PRIORS)), yticklabels=[], xlabel="bits a round")
    panels["b"].locator_params(axis="x", nbins=4)
    style.title(panels["b"], "Conservative minus random", "difference and 95 % normal interval")
    return drawn


def demo(
    learners: Annotated[int, "how many learners each teacher teaches"] = 300,
    rounds: Annotated[int, "how many rounds a lesson has"] = 40,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw what lessons tell into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """A teacher who repeats what is about to be forgotten also learns more about the forgetting (about 5 s).

    Two teachers teach the same learners. How many bits does an answer tell about how fast a learner forgets,
    and about how much a repetition helps? (For repetition, 300 learners do not tell the teachers apart.)
    """
    if plot is not None:
        style.check_picture(plot)
    found = what_lessons_tell(learners, rounds, seed)
    bits = {name: [told.bits_per_round[key] for key in PRIORS] for name, told in found.items()}
    errors = {name: [told.standard_error[key] for key in PRIORS] for name, told in found.items()}
    more, its_errors = difference(found)
    bits["difference"], errors["difference"] = list(more), list(its_errors)
    rows = []
    for name, means in bits.items():
        halves = (1.96 * error for error in errors[name])
        rows.append([name, *map(plus_minus, means, halves)])
    title = f"Bits a round, in lessons of {rounds} rounds, with 95 % intervals over {learners} learners"
    print_table(title, ["teacher", *PRIORS], rows)
    if plot is not None:
        style.save(figure_of(found), plot)
        print(f"wrote {plot}")


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
