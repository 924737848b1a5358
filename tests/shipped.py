"""A game of each component that is shipped, kept by one installation and played again by another.

    python -m tests.shipped keep FOLDER        # where the project is developed
    python -P tests/shipped.py play FOLDER     # with a wheel alone, as a file: tests are not installed

Each game is pickled, with what it came to. Played from that file, it must come to the same.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from interaction import (
    Assistant,
    BeliefTree,
    BelievingAssistant,
    Bundle,
    GreedyPolicy,
    Grid,
    RandomPolicy,
    User,
    UserModelFilter,
    spaces,
)
from interaction.assistants.coordination import (
    CoordinatedAssistant,
    CoordinatedAssistantWithInference,
    CoordinatedAssistantWithRollout,
)
from interaction.assistants.imitation import BanditModel, ImitatingAssistant
from interaction.assistants.pointing import (
    ConstantGain,
    InformationGain,
    NoAssistant,
    OracleAssistant,
    RolloutAssistant,
)
from interaction.assistants.teaching import ConservativeTeacher, RandomTeacher
from interaction.tasks.bandit import BanditTask, MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask
from interaction.tasks.decisions import DecisionTask
from interaction.tasks.looking import LookingTask
from interaction.tasks.memory import paired_associates
from interaction.tasks.paperclips import PaperclipTask
from interaction.tasks.pointing import Pointing2DTask, PointingTask
from interaction.tasks.teaching import TeachingTask
from interaction.tasks.tiger import TigerTask
from interaction.users.bandit import (
    ChoiceKernelUser,
    ExpertUser,
    RandomUser,
    RescorlaWagnerChoiceKernelUser,
    RescorlaWagnerUser,
    WinStayLoseShiftUser,
)
from interaction.users.coordination import PseudoRandomUser
from interaction.users.diffusion import DiffusionUser
from interaction.users.looking import NoisyEye
from interaction.users.memory import BaseLevelLearner
from interaction.users.pointing import CarefulPointer, FittsPointer, SatiatingPointer
from interaction.users.teaching import ForgettingLearner

EPISODES, SEED = 5, 0


def games() -> list[Bundle]:
    """Make games in which each task, user and assistant that is shipped plays at least once."""
    user, expert, bandit = PseudoRandomUser(), ExpertUser(), BanditTask(n_demonstrations=3)
    coordination, simultaneous = CoordinatedTask(), SimultaneousCoordinatedTask()
    arms = MultiArmedBanditTask()
    by_gain, by_place, pointer = PointingTask(15, 4), PointingTask(15, 4, "position"), CarefulPointer()
    learner, chance, clips = ForgettingLearner(), RandomPolicy(spaces.Discrete(2)), PaperclipTask()
    tiger = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
    listener = GreedyPolicy(BeliefTree(tiger, TigerTask.action_space, depth=2))
    sides = User(policy=RandomPolicy(clips.action_space)), Assistant(policy=RandomPolicy(clips.action_space))
    players = [
        (coordination, user, CoordinatedAssistant(user)),
        (coordination, user, CoordinatedAssistantWithRollout(coordination, user, 5, 7, max_rounds=20)),
        (simultaneous, user, CoordinatedAssistantWithInference(user)),
        (bandit, expert, ImitatingAssistant(expert, bandit)),
        (BanditModel(2, 0.8, 0.2), User(policy=chance), None),
        *((arms, one(), None) for one in (RandomUser, WinStayLoseShiftUser, RescorlaWagnerUser)),
        *((arms, one(), None) for one in (ChoiceKernelUser, RescorlaWagnerChoiceKernelUser)),
        *((by_place, pointer, one(pointer, by_place)) for one in (InformationGain, RolloutAssistant)),
        *((by_place, SatiatingPointer(), one(by_place)) for one in (NoAssistant, OracleAssistant)),
        (by_gain, pointer, ConstantGain()),
        (Pointing2DTask(), FittsPointer(), None),
        (TeachingTask(), learner, RandomTeacher()),
        (TeachingTask(), learner, ConservativeTeacher(learner)),
        (DecisionTask(), DiffusionUser(), None),
        (LookingTask(), NoisyEye(), None),
        (paired_associates(5, 3), BaseLevelLearner(), None),
        (TigerTask(), None, BelievingAssistant(tiger, listener)),
        (clips, *sides),
    ]
    return [Bundle(*parts, max_rounds=8) for parts in players]


def played(game: Bundle) -> list[float]:
    """Play a game; give the returns, to the bit."""
    returns: list[float] = game.run(EPISODES, seed=SEED).returns.tolist()
    return returns


def keep(folder: Path) -> int:
    """Write each game into a file of its own, with its returns; give how many there are."""
    made = games()
    for number, game in enumerate(made):
        (folder / f"{number:02}.pickle").write_bytes(pickle.dumps((game, played(game))))
    return len(made)


def play(folder: Path) -> int:
    """Play the games of a folder; give how many there were, or stop at one that comes to something else."""
    files = sorted(folder.glob("*.pickle"))
    for file in files:
        game, returns = pickle.loads(file.read_bytes())
        found = played(game)
        if found != returns:
            sys.exit(f"{file.name}: expected the returns {returns}, got {found}: {game}")
    return len(files)


if __name__ == "__main__":
    words = {"keep": keep, "play": play}
    if len(sys.argv) != 3 or sys.argv[1] not in words:
        sys.exit(f"expected one of {', '.join(words)} and a folder, got {sys.argv[1:]}")
    print(words[sys.argv[1]](Path(sys.argv[2])), "games")
