"""Train an assistant from reward alone: PPO learns to coordinate with a pseudo-random user.

The assistant sees x and what the user has just done, and has to pick the same number; one that always does
ends the game after ten rounds, with the return −19. Needs the extra `rl`. Run
`python -m interaction.examples.train_assistant`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from numpy.typing import NDArray

from interaction import Assistant, Bundle, RandomPolicy, User, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.display import plus_minus, print_table
from interaction.envs import AssistantEnv, EnvPolicy
from interaction.errors import missing_extra
from interaction.plots import interval, plot_comparison, style
from interaction.progress import Progress
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

Array = NDArray[Any]
PATHS = ["task_state.x", "user_action"]
USER = PseudoRandomUser(1, 5, 7)
MAX_ROUNDS = 50


class Trained(NamedTuple):
    """The learnt policy, and how long it took (s)."""

    policy: EnvPolicy
    seconds: float


def train(steps: int = 120_000, seed: int = 0, progress: bool = False) -> Trained:
    """Let PPO learn from reward alone, −1 for each action of either."""
    try:
        import torch
        from stable_baselines3 import PPO
        from stable_baselines3.common.env_util import make_vec_env
    except ImportError as error:
        raise missing_extra(error.name or "stable_baselines3", "rl", "train_assistant") from None
    torch.set_num_threads(1)  # the networks are small
    learner = Assistant(policy=RandomPolicy(spaces.Discrete(10)))
    bundle = Bundle(CoordinatedTask(), USER, learner, max_rounds=MAX_ROUNDS)
    begun = time.perf_counter()
    envs = make_vec_env(lambda: AssistantEnv(bundle, paths=PATHS, form="flat"), n_envs=16, seed=seed)
    model = PPO(
        "MlpPolicy",
        envs,
        n_steps=128,
        batch_size=512,
        n_epochs=6,
        gamma=0.9,
        learning_rate=2e-3,
        ent_coef=0.003,
        seed=seed,
        device="cpu",
    )
    with Progress("train", steps, unit="steps", shown=progress) as bar:

        def count(variables: dict[str, Any], _: Any) -> bool:
            bar.update(len(variables["dones"]))
            return True  # go on

        model.learn(steps, callback=count)
    policy = EnvPolicy.trained_in(AssistantEnv(bundle, paths=PATHS, form="flat"), model)
    return Trained(policy, time.perf_counter() - begun)


def returns(assistant: Assistant, user: User = USER, episodes: int = 200, seed: int = 1) -> Array:
    """Give the returns of an assistant with a user: `(episodes,)`."""
    bundle = Bundle(CoordinatedTask(), user, assistant, max_rounds=MAX_ROUNDS)
    return bundle.run(episodes, seed=seed, record="final").returns


def compare(policy: EnvPolicy) -> dict[str, Array]:
    """Give the returns of the learnt assistant, of the oracle, which predicts its user, and of chance.

    The learnt assistant also meets a user of other parameters, whom it has never met.
    """
    learnt = Assistant(policy=policy)
    stranger = PseudoRandomUser(3, 2, 4)
    return {
        "oracle": returns(CoordinatedAssistant(USER)),
        "learnt": returns(learnt, episodes=20),
        "learnt, with a user never met": returns(learnt, stranger, episodes=20),
        "random": returns(Assistant(policy=RandomPolicy(spaces.Discrete(10)))),
    }


def demo(
    steps: Annotated[int, "how many steps it may try"] = 120_000,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw the comparison into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """An assistant learns to coordinate from reward alone, with one user (about 30 s; extra `rl`).

    It is compared with an oracle, who predicts the user, and with chance; and it plays with another user.
    """
    if plot is not None:
        style.check_picture(plot)
    trained = train(steps, seed, progress=True)
    found = compare(trained.policy)
    rows = [[name, plus_minus(*interval(values))] for name, values in found.items()]
    print_table("Return of a game, with 95 % intervals", ["assistant", "return"], rows)
    print(f"Learnt in {trained.seconds:.0f} s.")
    if plot is not None:
        figure: Any = plot_comparison(found, xlabel="return").figure
        style.save(figure, plot)


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
