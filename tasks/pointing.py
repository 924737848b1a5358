"""Pointing: a user brings a cursor to a goal among targets, which the assistant does not know.

Sources: Liu et al., "BIGnav: Bayesian information gain for guiding multiscale navigation", CHI 2017; the
rules of the grid are those of CoopIHC's pointing example; Fitts 1954 (the index of difficulty).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces
from interaction.errors import ArgumentError
from interaction.plots import axes_of, styled, title
from interaction.plots.style import COLOURS, legend
from interaction.state import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
Mode = Literal["gain", "position"]


class PointingTask(InteractionTask):
    """Bring the cursor to the goal, on a grid of cells in a row.

    The targets are distinct cells, in order; one of them, at the index `goal`, is the goal, which the user
    sees (hide `"task_state.goal"` from the assistant). The cursor starts off the targets.
    The user's action is a step, −1, 0 or 1. With the mode "gain" the assistant's action multiplies it: the
    cursor moves by their product, rounded and held inside the grid, at the end of the round. With the mode
    "position" the assistant's action is the cell that the cursor is put to, and the user's step only tells
    the direction. Without an assistant the cursor moves by the user's step.
    The game is over after the turn of a user whose cursor was on the goal; with `confirm` the user must
    also have stayed there (action 0). The reward is −1 for each user turn.

    `gridsize` (cells in the row), `n_targets` (how many cells are targets), `mode` (what the assistant's
    action does: "gain" or "position"), `confirm` (whether the user has to stay on the goal to end the game).
    Sources: CoopIHC's pointing example (the rules of the grid); Liu et al. 2017, "BIGnav" (an assistant that
    puts the view where it likes, as in the mode "position").

    Raises `ArgumentError` for numbers below one, fewer cells than targets and one more, and another mode.

    >>> from interaction import Bundle
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> bundle = Bundle(PointingTask(gridsize=31, n_targets=4), CarefulPointer(error_rate=0.05))
    >>> bundle.reset(seed=5).task_state
    State(position=19, targets=array([ 3,  7, 14, 25]), goal=2)
    >>> bundle.run([0], seed=5)["task_state.position"]
    array([[20, 19, 18, 17, 16, 15, 14, 14]])
    """

    batched = True  # a third faster than lifted

    def __init__(
        self, gridsize: int = 31, n_targets: int = 8, mode: Mode = "gain", confirm: bool = False
    ) -> None:
        for name, value in (("gridsize", gridsize), ("n_targets", n_targets)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ArgumentError(f"PointingTask: {name}: expected a number >= 1, got {value!r}")
        if n_targets >= gridsize:
            raise ArgumentError(
                f"PointingTask: expected fewer targets than cells, so that the cursor can start off them, "
                f"got {n_targets} targets in {gridsize} cells"
            )
        if mode not in ("gain", "position"):
            raise ArgumentError(f"PointingTask: mode: expected 'gain' or 'position', got {mode!r}")
        self.gridsize = int(gridsize)
        self.n_targets = int(n_targets)
        self.mode = mode
        self.confirm = confirm
        self.state_space = spaces.Dict(
            position=spaces.Discrete(self.gridsize),
            targets=spaces.MultiDiscrete([self.gridsize] * self.n_targets),
            goal=spaces.Discrete(self.n_targets),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        cells = rng.shuffle(self.gridsize)
        return State(
            position=cells[..., self.n_targets],
            targets=np.sort(cells[..., : self.n_targets], axis=-1),
            goal=rng.integers(0, self.n_targets),
        )

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state = game.task_state
        there = np.equal(state.position, goal_cell(state))
        over = there & np.equal(game.user_action, 0) if self.confirm else there
        if game.assistant_action is None:
            state = state.replace(position=self._held(state.position + np.where(over, 0, game.user_action)))
        return Transition(state, -1.0, over)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state = game.task_state
        if self.mode == "position":
            return Transition(state.replace(position=game.assistant_action))
        moved = np.rint(state.position + game.user_action * (1.0 * game.assistant_action))
        return Transition(state.replace(position=self._held(moved)))

    def _held(self, position: Value) -> Value:
        """Hold the cursor inside the grid."""
        return np.clip(position, 0, self.gridsize - 1).astype(np.int64)

    @styled
    def plot(self, game: GameState, ax: Axes | None = None) -> Axes:
        """Draw the cells, the targets, the goal and the cursor of one game."""
        ax = axes_of(ax, type(self).__name__)
        state = game.task_state
        cells = np.arange(self.gridsize)
        ax.bar(cells, 1, 0.85, color="0.88", label="cells")
        ax.bar(state.targets, 1, 0.85, color=COLOURS[5], label="targets")
        ax.plot(goal_cell(state), 0.5, "*", color="black", markersize=7, label="goal")
        ax.plot(state.position, 1.7, "v", color=COLOURS[1], markersize=6, label="cursor")
        ax.set(xlim=(-0.6, self.gridsize - 0.4), ylim=(0, 2.4), yticks=[], xlabel="cell")
        ax.spines["left"].set_visible(False)
        title(ax, f"round {game.round_index}")
        legend(ax, columns=4)
        return ax


def goal_cell(state: State) -> Value:
    """Give the cell of the goal: a number, or one for each episode.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.tasks.pointing import goal_cell
    >>> print(goal_cell(State(position=4, targets=np.array([2, 7]), goal=1)))
    7
    """
    goal = np.broadcast_to(state.goal, state.targets.shape[:-1])[..., None]  # may be that of all episodes
    return np.take_along_axis(state.targets, goal, axis=-1)[..., 0]


class Pointing2DTask(InteractionTask):
    """Bring the cursor to the goal, anywhere in the unit square, with movements that take time.

    Targets are disks, `positions` `(targets, 2)` with diameters `widths` `(targets,)`; the goal is one of
    them. The user's action is a movement: `step` (2,) and its
    `duration` in seconds, which follows from the distance moved (see
    `interaction.users.pointing.FittsPointer`). The assistant, if there is one, multiplies the step by its
    action (a gain). The game is over once the cursor is inside the goal after the user's turn; without an
    assistant the cursor moves in that turn. The reward is minus the time passed; the state holds the time
    since the start (s).

    `n_targets` (how many disks there are), `narrowest` (sides of the square: the least diameter), `widest`
    (sides of the square: the largest diameter; they are drawn uniformly).
    Source: this project, for movements as in Fitts 1954.

    Raises `ArgumentError` for a number of targets below one, and for diameters that are not between 0 and 1.

    >>> from interaction import Bundle
    >>> from interaction.tasks.pointing import Pointing2DTask
    >>> from interaction.users.pointing import FittsPointer
    >>> runs = Bundle(Pointing2DTask(), FittsPointer(a=0.1, b=0.15), max_rounds=50).run(500, seed=0)
    >>> print(runs["task_state.time"][:, -1].mean().round(2))  # seconds
    0.58
    """

    def __init__(self, n_targets: int = 8, narrowest: float = 0.02, widest: float = 0.1) -> None:
        if isinstance(n_targets, bool) or not isinstance(n_targets, int) or n_targets < 1:
            raise ArgumentError(f"Pointing2DTask: n_targets: expected a number >= 1, got {n_targets!r}")
        if not 0 < narrowest <= widest < 1:
            raise ArgumentError(
                f"Pointing2DTask: expected 0 < narrowest <= widest < 1, got {narrowest!r}, {widest!r}"
            )
        self.n_targets = n_targets
        self.narrowest, self.widest = float(narrowest), float(widest)
        self.state_space = spaces.Dict(
            position=spaces.real(0.0, 1.0, (2,)),
            positions=spaces.real(0.0, 1.0, (n_targets, 2)),
            widths=spaces.real(self.narrowest, self.widest, (n_targets,)),
            goal=spaces.Discrete(n_targets),
            time=spaces.real(0.0),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        return State(
            position=rng.random((2,)),
            positions=rng.random((self.n_targets, 2)),
            widths=self.narrowest + (self.widest - self.narrowest) * rng.random((self.n_targets,)),
            goal=rng.integers(0, self.n_targets),
            time=0.0,
        )

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state, duration = game.task_state, game.user_action.duration
        if game.assistant_action is None:
            state = state.replace(position=np.clip(state.position + game.user_action.step, 0.0, 1.0))
        state = state.replace(time=state.time + duration)
        distance, width = to_goal(state)
        return Transition(state, -1.0 * duration, distance <= width / 2)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state = game.task_state
        moved = state.position + game.assistant_action * game.user_action.step
        return Transition(state.replace(position=np.clip(moved, 0.0, 1.0)))

    @styled
    def plot(self, game: GameState, ax: Axes | None = None) -> Axes:
        """Draw the targets, the goal and the cursor of one game, in the unit square."""
        ax = axes_of(ax, type(self).__name__)
        from matplotlib.patches import Circle

        state = game.task_state
        for index, (centre, width) in enumerate(zip(state.positions, state.widths, strict=True)):
            goal = index == state.goal
            label = "goal" if goal else ("targets" if index == (state.goal == 0) else None)
            ax.add_patch(
                Circle(
                    tuple(centre),
                    width / 2,
                    facecolor=COLOURS[6 if goal else 5],
                    edgecolor="black" if goal else "none",
                    label=label,
                )
            )
        ax.plot(*state.position, "+", color="black", markersize=8, label="cursor")
        whole = (-self.widest / 2, 1 + self.widest / 2)  # a target's centre may lie on the square's edge
        ax.set(xlim=whole, ylim=whole, aspect="equal", xlabel="x", ylabel="y")
        title(ax, f"{state.time:.2f} s")
        legend(ax, columns=3)
        return ax


def to_goal(state: State) -> tuple[Value, Value]:
    """Give the distance from the cursor to the goal's centre, and the goal's width, in sides of the square.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.tasks.pointing import to_goal
    >>> positions, widths = np.array([[0.3, 0.4], [0.9, 0.1]]), np.array([0.05, 0.1])
    >>> distance, width = to_goal(State(position=np.zeros(2), positions=positions, widths=widths, goal=0))
    >>> print(distance, width)
    0.5 0.05
    """
    offset = state.positions[state.goal] - state.position
    return np.sqrt((offset**2).sum()), state.widths[state.goal]
