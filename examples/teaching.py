"""Two teachers, one learner: whose lessons tell more about the learner's memory?

Learners of twenty items forget exponentially, the more slowly the more often an item was repeated. A teacher
at random and a conservative one, who repeats what is about to be forgotten, teach the same learners; how many
bits a round do the answers tell about each learner's forgetting and about the effect of repetition?
Source of the learner: Nioche et al. 2021, "Improving artificial teachers by considering how people learn and
forget", IUI. Run it with `interaction demo teaching`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

from scipy import stats

from interaction import Assistant
from interaction.assistants.teaching import ConservativeTeacher, RandomTeacher
from interaction.display import plus_minus, print_table
from interaction.studies.effects import sensitivity
from interaction.studies.results import Sensitivity
from interaction.tasks.teaching import TeachingTask
from interaction.users.teaching import ForgettingLearner

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


def demo(
    learners: Annotated[int, "how many learners each teacher teaches"] = 300,
    rounds: Annotated[int, "how many rounds a lesson has"] = 40,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
) -> None:
    """A teacher who repeats what is about to be forgotten also learns more about the learner (about 10 s).

    Two teachers teach the same learners. How many bits does an answer tell about how fast a learner forgets,
    and about how much a repetition helps?
    """
    found = what_lessons_tell(learners, rounds, seed)
    bits = {name: [told.bits_per_round[key] for key in PRIORS] for name, told in found.items()}
    errors = {name: [told.standard_error[key] for key in PRIORS] for name, told in found.items()}
    bits["difference"] = [later - first for first, later in zip(*bits.values(), strict=True)]
    errors["difference"] = [math.hypot(*both) for both in zip(*errors.values(), strict=True)]
    rows = []
    for name, means in bits.items():
        halves = (1.96 * error for error in errors[name])
        rows.append([name, *map(plus_minus, means, halves)])
    title = f"Bits a round, in lessons of {rounds} rounds, with 95 % intervals over {learners} learners"
    print_table(title, ["teacher", *PRIORS], rows)


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
