"""Two teachers, one learner: whose lessons tell more about the learner's memory?

Learners of twenty items forget exponentially, the more slowly the more often an item was repeated. A teacher
at random and a conservative one, who repeats what is about to be forgotten, teach the same learners; how many
bits a round do the answers tell about each learner's forgetting and about the effect of repetition?
Source of the learner: Nioche et al. 2021, "Improving artificial teachers by considering how people learn and
forget", IUI. Run it with `interaction demo teaching`.
"""

from __future__ import annotations

from collections.abc import Mapping

from scipy import stats

from interaction import Assistant
from interaction.assistants.teaching import ConservativeTeacher, RandomTeacher
from interaction.display import print_table
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


def demo(learners: int = 300, rounds: int = 40, seed: int = 0) -> None:
    """Ask whose lessons tell more about a learner's memory: a random or a conservative teacher's."""
    rows = []
    for name, told in what_lessons_tell(learners, rounds, seed).items():
        both = [(told.bits_per_round[key], 1.96 * told.standard_error[key]) for key in PRIORS]
        rows.append([name, *(f"{bits:.4f} ± {half:.4f}" for bits, half in both)])
    title = f"Bits a round, in lessons of {rounds} rounds, with 95 % intervals over {learners} learners"
    print_table(title, ["teacher", *PRIORS], rows)


if __name__ == "__main__":
    import typer

    typer.run(demo)
