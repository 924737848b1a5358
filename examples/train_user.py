"""Train a user from reward alone: PPO learns to point, where the best steps are known.

The user moves the cursor by up to five cells a turn. The best step is the full one towards the goal until the
goal is in reach, and then the exact one. Needs the extra `rl`. Run
`python -m interaction.examples.train_user`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from interaction import Bundle, DeterministicPolicy, RandomPolicy, State, User, spaces
from interaction.assistants.pointing import ConstantGain
from interaction.display import plus_minus, print_table
from interaction.envs import EnvPolicy, UserEnv
from interaction.errors import missing_extra
from interaction.plots import interval, style
from interaction.progress import Progress
from interaction.state import Value
from interaction.tasks.pointing import PointingTask

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
REACH = 5
STEPS = spaces.Discrete(2 * REACH + 1, start=-REACH)
TASK = PointingTask(31, 1)
PATHS = ["task_state.position", "task_state.targets"]


class BestPolicy(DeterministicPolicy):
    """The known answer: full steps until the goal is in reach, then the exact one."""

    action_space = STEPS

    def action(self, observation: State, state: State) -> Value:
        task_state = observation.task_state
        return np.clip(task_state.targets[task_state.goal] - task_state.position, -REACH, REACH)


class Trained(NamedTuple):
    """The learnt policy, and how long it took (s)."""

    policy: EnvPolicy
    seconds: float


def bundle(policy: Any) -> Bundle:
    """Give the pointing task with a user of some policy, whose steps are carried out."""
    return Bundle(TASK, User(policy=policy), ConstantGain(1.0), max_rounds=40)


def train(steps: int = 250_000, seed: int = 0, progress: bool = False) -> Trained:
    """Let PPO learn from reward alone, −1 for each turn."""
    try:
        import torch
        from stable_baselines3 import PPO
        from stable_baselines3.common.env_util import make_vec_env
    except ImportError as error:
        raise missing_extra(error.name or "stable_baselines3", "rl", "train_user") from None
    torch.set_num_threads(1)  # the networks are small
    learner = bundle(RandomPolicy(STEPS))
    begun = time.perf_counter()
    envs = make_vec_env(lambda: UserEnv(learner, paths=PATHS, form="flat"), n_envs=16, seed=seed)
    model = PPO(
        "MlpPolicy",
        envs,
        n_steps=128,
        batch_size=512,
        n_epochs=6,
        gamma=0.95,
        learning_rate=lambda left: 2e-3 * left + 1e-5,
        ent_coef=0.003,
        seed=seed,
        device="cpu",
    )
    with Progress("train", steps, unit="steps", shown=progress) as bar:

        def count(variables: dict[str, Any], _: Any) -> bool:
            bar.update(len(variables["dones"]))
            return True  # go on

        model.learn(steps, callback=count)
    policy = EnvPolicy.trained_in(UserEnv(learner, paths=PATHS, form="flat"), model)
    return Trained(policy, time.perf_counter() - begun)


def returns(policy: Any, episodes: int = 500, seed: int = 1) -> Array:
    """Give the returns of a policy on the same episodes."""
    return bundle(policy).run(episodes, seed=seed, record="final").returns


def learnt_steps(policy: Any) -> dict[int, Array]:
    """Give the steps that a policy takes, by the signed distance to the goal, over all cells."""
    found: dict[int, list[int]] = {}
    game = bundle(policy).reset(seed=0)
    for position in range(TASK.gridsize):
        for cell in range(TASK.gridsize):
            task_state = State(position=position, targets=np.array([cell]), goal=0)
            seen = game.replace(task_state=task_state)
            action, _ = policy.sample(seen, State(), None)
            found.setdefault(cell - position, []).append(int(action))
    return {distance: np.array(steps) for distance, steps in sorted(found.items())}


@style.styled
def plot_steps(policy: Any, ax: Axes | None = None) -> Axes:
    """Draw the learnt steps against the known ones."""
    ax = style.axes_of(ax, "plot_steps")
    found = learnt_steps(policy)
    distances = np.array(list(found))
    means = [steps.mean() for steps in found.values()]
    low, high = ([f(steps) for steps in found.values()] for f in (np.min, np.max))
    ax.fill_between(distances, low, high, color=style.COLOURS[0], alpha=0.25, linewidth=0)
    ax.plot(distances, means, color=style.COLOURS[0], label="learnt: mean, and range over all cells")
    ax.plot(distances, np.clip(distances, -REACH, REACH), "--", color="black", label="known best")
    ax.set(xlabel="distance to the goal (cells)", ylabel="step (cells)")
    style.title(ax, "What the user has learnt")
    style.legend(ax)
    return ax


def with_a_stranger(policy: Any, gain: float = 2.0, episodes: int = 200) -> Array:
    """Let the learnt user play with an assistant that it has never met, which multiplies its steps."""
    met = Bundle(TASK, User(policy=policy), ConstantGain(gain), max_rounds=40)
    return met.run(episodes, seed=2, record="final").returns


def demo(
    steps: Annotated[int, "how many steps it may try"] = 900_000,
    seed: Annotated[int, "the seed of all random numbers"] = 0,
    plot: Annotated[Path | None, "draw the learnt steps into this file (.png, .pdf or .svg)"] = None,
) -> None:
    """A user learns to point from reward alone, nearly as well as can be (about 6 minutes; extra `rl`).

    It loses one point a turn, and has to find out that large steps towards the goal are best.
    """
    if plot is not None:
        style.check_picture(plot)
    trained = train(steps, seed, progress=True)
    rows = [
        [name, plus_minus(*interval(values))]
        for name, values in (
            ("learnt", returns(trained.policy)),
            ("the known best", returns(BestPolicy())),
            ("learnt, with an assistant never met, who doubles its steps", with_a_stranger(trained.policy)),
        )
    ]
    print_table("Return of a game, with 95 % intervals", ["user", "return"], rows)
    print(f"Learnt in {trained.seconds:.0f} s.")
    if plot is not None:
        figure: Any = plot_steps(trained.policy).figure
        style.save(figure, plot)


if __name__ == "__main__":
    from interaction.cli import run_demonstration

    run_demonstration(demo)
