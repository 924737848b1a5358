"""Train an assistant from reward alone: PPO learns to coordinate with a pseudo-random user.

The assistant sees x and what the user has just done, and has to pick the same number; one that always does
ends the game after ten rounds, with the return −19. Needs the extra `rl`. Run
`python -m interaction.examples.train_assistant`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from interaction import Assistant, Bundle, RandomPolicy, User, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.envs import AssistantEnv, EnvPolicy
from interaction.errors import missing_extra
from interaction.plots import interval, plot_comparison, style
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


def train(steps: int = 120_000, seed: int = 0) -> Trained:
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
    model.learn(steps)
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


def demo(steps: int = 120_000, seed: int = 0, plot: Path | None = None) -> None:
    """Train the assistant, and compare it with the oracle and with chance."""
    if plot is not None:
        style.check_picture(plot)
    trained = train(steps, seed)
    found = compare(trained.policy)
    for name, values in found.items():
        mean, half = interval(values)
        print(f"{name}: {mean:.2f} ± {half:.2f}")
    share = found["oracle"].mean() / found["learnt"].mean()
    print(f"learnt in {trained.seconds:.0f} s; {share:.1%} of the oracle's return")
    if plot is not None:
        figure: Any = plot_comparison(found, xlabel="return").figure
        style.save(figure, plot)


if __name__ == "__main__":
    import typer

    typer.run(demo)
