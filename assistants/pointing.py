"""Assistants of pointing: a constant gain, and those that find out what the goal is.

Of all, `user_model` (the user that its belief is about) and `task_model` (the task, whose cells and targets
it knows).
Sources: Liu et al., "BIGnav", CHI 2017, and "BIGFile", CHI 2018 (information gain).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interaction import (
    Assistant,
    BelievingAssistant,
    DeterministicPolicy,
    GameState,
    Grid,
    InteractionTask,
    State,
    User,
    UserModelFilter,
    spaces,
)
from interaction.errors import ArgumentError, ContractError
from interaction.planning import InformationGainPolicy, RolloutPolicy
from interaction.plots import plot_posterior
from interaction.state import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class GoalInference(UserModelFilter):
    """Keeps a belief over which target is the goal, by Bayes' rule from the user's actions.

    Where an action is impossible under every goal, the belief starts again from all goals.

    >>> import numpy as np
    >>> from interaction import EpisodeRandom, State
    >>> from interaction.assistants.pointing import GoalInference
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> goals = GoalInference(CarefulPointer(error_rate=0.1), PointingTask(gridsize=9, n_targets=3))
    >>> task_state = State(position=4, targets=np.array([1, 6, 8]))
    >>> seen = State(previous_task_state=task_state, task_state=task_state, user_action=1, provenance=1)
    >>> belief = goals.update(goals.initial(EpisodeRandom()), seen, EpisodeRandom())
    >>> goals.posterior(belief).weights.round(3)
    array([0.053, 0.474, 0.474])
    """

    def __init__(self, user_model: User, task_model: InteractionTask) -> None:
        super().__init__(
            user_model,
            Grid({"task_state.goal": range(len(_targets(task_model)))}),
            task_model=task_model,
            on_impossible="reset",
        )


class _Pointer(BelievingAssistant):
    """An assistant that does not see the goal, and believes what `GoalInference` infers."""

    def plot(self, game: GameState, ax: Axes | None = None) -> Axes:
        """Draw the belief of one game as bars over the targets, labelled with their cells."""
        weights = np.exp(game.assistant_state.belief.log_weights)
        ax = plot_posterior(weights, ax, game.task_state.targets)
        ax.set(xlabel="target (cell)", title=f"round {game.round_index}")
        return ax


class GoThere(InformationGainPolicy):
    """Puts the cursor to the cell that tells most about the goal, and to the goal once it is known.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.assistants.pointing import GoalInference, GoThere
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task = PointingTask(gridsize=9, n_targets=3, mode="position")
    >>> policy = GoThere(GoalInference(CarefulPointer(), task), task.state_space["position"], threshold=0.8)
    >>> print(policy.settle(State(task_state=State(targets=np.array([1, 6, 8]))), State(), 2))
    8
    """

    def settle(self, observation: State, state: State, candidate: Value) -> Value:
        return observation.task_state.targets[candidate]


class InformationGain(_Pointer):
    """Puts the cursor where the user's next action tells most about the goal (mode "position").

    `threshold` (probability of a target, above which it goes there).
    Raises `ArgumentError` for a task in the mode "gain".
    Sources: Liu et al. 2017, "BIGnav"; Liu et al. 2018, "BIGFile".

    >>> from interaction import Bundle
    >>> from interaction.assistants.pointing import InformationGain, NoAssistant
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(31, 8, mode="position"), CarefulPointer(0.05)
    >>> for assistant in (NoAssistant(task), InformationGain(user, task)):
    ...     print(Bundle(task, user, assistant, max_rounds=60).run(50, seed=0).lengths.mean())
    12.46
    3.4
    """

    def __init__(self, user_model: User, task_model: InteractionTask, threshold: float = 0.8) -> None:
        _check_mode(task_model, "InformationGain")
        belief = GoalInference(user_model, task_model)
        super().__init__(belief, GoThere(belief, _cells(task_model), threshold))


class RolloutAssistant(_Pointer):
    """Puts the cursor where users drawn from its belief would do best on their own (mode "position").

    In the rollouts, the assistant that is simulated only carries out the user's steps.
    Source: this project, by the rollouts of Tesauro & Galperin 1996.

    `horizon` (rounds that a rollout lasts at most), `samples` (how many users are drawn for a cell).
    Raises `ArgumentError` for a task in the mode "gain".

    >>> from interaction import Bundle
    >>> from interaction.assistants.pointing import RolloutAssistant
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(9, 2, mode="position"), CarefulPointer(0.05)
    >>> assistant = RolloutAssistant(user, task, horizon=10, samples=8)
    >>> runs = Bundle(task, user, assistant, max_rounds=30).run(1, seed=1)
    >>> runs.start["task_state.targets"], runs.start["task_state.goal"], runs["task_state.position"]
    (array([[1, 2]]), array([1]), array([[1, 2, 2]]))
    """

    def __init__(
        self,
        user_model: User,
        task_model: InteractionTask,
        horizon: int = 40,
        samples: int = 16,
    ) -> None:
        _check_mode(task_model, "RolloutAssistant")
        belief = GoalInference(user_model, task_model)
        alone = NoAssistant(task_model)
        super().__init__(belief, RolloutPolicy(belief, _cells(task_model), alone, horizon, samples))


class ConstantGainPolicy(DeterministicPolicy):
    """Multiplies the user's step by the same gain always.

    Source: CoopIHC's pointing example.

    >>> from interaction import State
    >>> from interaction.assistants.pointing import ConstantGainPolicy
    >>> ConstantGainPolicy(2.5).action(State(), State())
    2.5
    """

    def __init__(self, gain: float) -> None:
        super().__init__()
        if isinstance(gain, bool) or not isinstance(gain, int | float) or not np.isfinite(gain):
            raise ArgumentError(f"ConstantGain: expected a finite gain, got {gain!r}")
        self.gain = float(gain)
        self.action_space = spaces.real(-abs(self.gain), abs(self.gain))

    def action(self, observation: State, state: State) -> Value:
        return self.gain


class ConstantGain(Assistant):
    """Multiplies the user's step by the same gain always (mode "gain").

    `gain` (cells that the cursor moves for a step of one).
    Source: CoopIHC's pointing example.

    Raises `ArgumentError` for what is no finite number.

    >>> from interaction import Bundle
    >>> from interaction.assistants.pointing import ConstantGain
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> for gain in (1.0, 1.4, 2.0):  # by two cells it never comes to every second goal
    ...     bundle = Bundle(PointingTask(), CarefulPointer(), ConstantGain(gain), max_rounds=60)
    ...     print(gain, bundle.run(500, seed=0).terminated.mean())
    1.0 1.0
    1.4 1.0
    2.0 0.532
    """

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__(policy=ConstantGainPolicy(gain))


class FollowPolicy(DeterministicPolicy):
    """Puts the cursor where the user's step leads.

    Source: this project.

    >>> from interaction import State, spaces
    >>> from interaction.assistants.pointing import FollowPolicy
    >>> seen = State(task_state=State(position=8), user_action=1)
    >>> print(FollowPolicy(spaces.Discrete(9)).action(seen, State()))  # at the edge
    8
    """

    batched = True  # half as fast again as lifted in long games, where few episodes are left

    def __init__(self, cells: spaces.Discrete) -> None:
        super().__init__()
        self.action_space = cells
        self.last = int(cells.n) - 1

    def action(self, observation: State, state: State) -> Value:
        moved = observation.task_state.position + observation.user_action
        return np.clip(moved, 0, self.last)


class NoAssistant(Assistant):
    """Only carries out the user's steps: one end of the scale.

    Source: this project.

    >>> from interaction import Bundle
    >>> from interaction.assistants.pointing import NoAssistant
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task = PointingTask(gridsize=9, n_targets=2, mode="position")
    >>> runs = Bundle(task, CarefulPointer(0.0), NoAssistant(task), max_rounds=30).run(1, seed=0)
    >>> runs["user_action"], runs["task_state.position"]
    (array([[-1, -1,  0]]), array([[3, 2, 2]]))
    """

    def __init__(self, task_model: InteractionTask) -> None:
        cells = _cells(task_model)
        super().__init__(policy=ConstantGainPolicy(1.0) if _by_gain(task_model) else FollowPolicy(cells))


class OraclePolicy(DeterministicPolicy):
    """Puts the cursor on the goal; with gains, by the gain that leads there.

    Source: this project.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.assistants.pointing import OraclePolicy
    >>> from interaction.tasks.pointing import PointingTask
    >>> task_state = State(position=3, targets=np.array([1, 8]), goal=1)
    >>> print(OraclePolicy(PointingTask(9, 2)).action(State(task_state=task_state, user_action=1), State()))
    5.0
    """

    def __init__(self, task_model: InteractionTask) -> None:
        super().__init__()
        self.gains = _by_gain(task_model)
        cells = _cells(task_model)
        reach = int(cells.n)
        self.action_space = spaces.real(-reach, reach) if self.gains else cells

    def action(self, observation: State, state: State) -> Value:
        task_state = observation.task_state
        cell = task_state.targets[task_state.goal]
        return (cell - task_state.position) * observation.user_action * 1.0 if self.gains else cell


class OracleAssistant(Assistant):
    """Knows the goal: the other end of the scale.

    Source: this project.

    >>> from interaction import Bundle
    >>> from interaction.assistants.pointing import OracleAssistant
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task = PointingTask(mode="position")
    >>> print(Bundle(task, CarefulPointer(), OracleAssistant(task)).run(100, seed=0).lengths.mean())
    2.0
    """

    def __init__(self, task_model: InteractionTask) -> None:
        super().__init__(policy=OraclePolicy(task_model))


def _targets(task_model: InteractionTask) -> range:
    space = task_model.state_space.spaces.get("goal")
    if not isinstance(space, spaces.Discrete):
        raise ContractError(
            f"GoalInference: expected a task whose state has a goal, an index, got {task_model!r}"
        )
    return range(int(space.n))


def _cells(task_model: InteractionTask) -> spaces.Discrete:
    cells = task_model.state_space["position"]
    if not isinstance(cells, spaces.Discrete):
        raise ContractError(f"expected a task on a grid, whose position is a cell, got {task_model!r}")
    return cells


def _by_gain(task_model: InteractionTask) -> bool:
    """Whether the assistant's action multiplies the user's step; otherwise it is a cell."""
    return bool(getattr(task_model, "mode", "position") == "gain")


def _check_mode(task_model: InteractionTask, where: str) -> None:
    if _by_gain(task_model):
        raise ArgumentError(f"{where}: it puts the cursor to a cell, so the task_model needs mode='position'")
