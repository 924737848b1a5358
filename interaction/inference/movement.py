"""How what is hidden moves: the step of a belief from before an action to after it.

Particles are moved by the task model's own methods, each with draws of its own. A grid over a finite hidden
state is moved by the task's `hidden_transition(before, after)`, which gives the probability of each next
hidden value. The outcome counts through `outcome_log_prob(before, after)`: the log probability of what can be
seen in `after`, given `before` and what is hidden in `after`.

Source: the forward algorithm, Rabiner 1989, "A tutorial on hidden Markov models", eq. 20; for particles,
Gordon, Salmond & Smith 1993, "Novel approach to nonlinear/non-Gaussian Bayesian state estimation".
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.candidates import for_candidates
from interaction.batching.lockstep import Lineup
from interaction.errors import ContractError, UnknownFieldError
from interaction.given import Move, move_task
from interaction.inference.candidates import Grid, Samples
from interaction.membership import membership
from interaction.random import ASSISTANT_TASK, USER_TASK, EpisodeRandom
from interaction.state import GameState, State, Value, flatten, lock, make
from interaction.task import InteractionTask, defines
from interaction.turns import ASSISTANT_ACTS

Array = NDArray[Any]
PREFIX = "task_state."


def log_sum(log_weights: Array) -> Array:
    """log Σ exp over the candidates; −∞ where all are."""
    largest = log_weights.max(axis=-1, keepdims=True)
    largest = np.where(np.isneginf(largest), 0.0, largest)
    with np.errstate(divide="ignore"):
        total: Array = np.log(np.exp(log_weights - largest).sum(axis=-1)) + largest[..., 0]
    return np.asarray(total)


class Movement:
    """Moves what candidates hide, by a task model; `names` are the hidden entries of the task's state."""

    def __init__(
        self, task: InteractionTask, parameters: Grid | Samples, names: list[str], lineup: Lineup
    ) -> None:
        self.task, self.parameters, self.names, self.lineup = task, parameters, names, lineup
        self.outcomes = hasattr(task, "outcome_log_prob")
        self.by_grid = isinstance(parameters, Grid) and hasattr(task, "hidden_transition") and bool(names)
        self.by_particles = isinstance(parameters, Samples) and bool(names)
        self.stays = bool(names) and not self.by_grid and not self.by_particles
        self.where = type(task).__name__

    def moved(self, before: GameState, rng: EpisodeRandom) -> State:
        """Play the action of whose turn it is, in each candidate's game: the task's next state."""
        return self._played(before, rng)[0]

    def _played(self, before: GameState, rng: EpisodeRandom) -> tuple[State, Value]:
        """Give the task's next state, and whether the game is over."""
        role = "assistant" if before.turn_index == ASSISTANT_ACTS else "user"
        name = f"on_{role}_action"
        if not defines(self.task, name, InteractionTask):
            return before.task_state, False
        space = membership(self.task.state_space)
        slot = ASSISTANT_TASK if role == "assistant" else USER_TASK

        def play(_: Any) -> Any:
            way = self.lineup.asked(
                self.task, getattr(self.task, name), (self.task.state_space, "reward", "flag")
            )
            move = Move(way, self.where, name, space)
            after = move_task(move, before.task_state, before, rng.at(0, slot))
            return after[0], after[2]

        try:
            found: tuple[State, Value] = self.lineup.in_batch(play)
        except UnknownFieldError as error:
            error.add_note(
                f"A filter over {', '.join(PREFIX + one for one in self.names)} moves it by "
                f"{self.where}.{name}, which reads what the assistant neither sees nor has a belief over."
            )
            raise
        return found

    def check_stays(self, before: GameState, rng: EpisodeRandom, counts: Array) -> None:
        """Raise if an action moves what is hidden, though no `hidden_transition` says how.

        `counts` tells which candidates are possible. Where the task cannot be asked, nothing is told.
        """
        try:
            moved, over = self._played(before, rng)
        except Exception:  # a task may refuse an action that nobody took
            return
        for name in self.names:
            was, now = np.asarray(before.task_state[name]), np.asarray(moved[name])
            differs = (was != now).reshape(*counts.shape, -1).any(axis=-1) & counts & np.logical_not(over)
            if differs.any():
                role = "assistant" if before.turn_index == ASSISTANT_ACTS else "user"
                raise ContractError(
                    f"{self.where}.on_{role}_action moves {PREFIX}{name}, which the belief "
                    f"takes to stay as it is: define {self.where}.hidden_transition(before, after), which "
                    f"gives the probability of each of its values on the grid, or use Samples, which the "
                    f"task's own methods move"
                )

    def log_outcome(self, before: GameState, after: GameState, rng: EpisodeRandom) -> Array:
        """Give the log probability of what is seen in `after`, one row each."""
        task: Any = self.task

        def outcome_log_prob(first: GameState, second: GameState, _: EpisodeRandom) -> Value:
            return task.outcome_log_prob(first, second)

        def ask(_: Any) -> Array:
            return np.asarray(self.lineup.asked(task, outcome_log_prob)(before, after, rng))

        return self.lineup.in_batch(ask)

    # A grid.

    def by_pairs(
        self,
        log_weights: Array,
        partners: State,
        before: GameState,
        after: GameState,
        rng: EpisodeRandom,
        count: bool,
    ) -> Array:
        """Give the log weights `(..., candidates)` after a move to each hidden value; `count` the outcome.

        Raises `ContractError` where partners that hide different values differ in their own state, too.
        """
        grid = self.parameters
        assert isinstance(grid, Grid)
        size, sizes = grid.size, [len(axis) for axis in grid.axes.values()]
        hidden = [index for index, name in enumerate(grid.axes) if name.startswith(PREFIX)]
        values = int(np.prod([sizes[index] for index in hidden]))
        lead = log_weights.shape[:-1]
        total = int(np.prod(lead, dtype=int)) * size
        order = [*[index for index in range(len(sizes)) if index not in hidden], *hidden]
        # The candidates, those with the same partners next to each other: (others, values).
        layout = np.arange(size).reshape(sizes).transpose(order).reshape(-1, values)
        self._check_partners(partners, layout, len(lead))
        chances = self._chances(before, after, rng, values, total)
        with np.errstate(divide="ignore"):
            step = np.log(chances).reshape(*lead, size, values)
        if count:
            pairs = for_candidates(before, values, total), for_candidates(after, values, total)
            which = np.tile(layout[0], total)  # a candidate with each hidden value
            seen = {
                name.removeprefix(PREFIX): lock(np.asarray(grid.values[name])[which])
                for name in grid.axes
                if name.startswith(PREFIX)
            }
            later = make(GameState, {**pairs[1], "task_state": pairs[1].task_state.replace(**seen)})
            found = self.log_outcome(make(GameState, dict(pairs[0])), later, rng.repeat(values))
            log_prob = np.broadcast_to(np.asarray(found, float), (total * values,)).reshape(step.shape)
            wrong = np.isnan(log_prob) | np.isposinf(log_prob)
            left = ~np.isneginf(log_weights[..., None] + step)
            if (wrong & left).any():
                place = tuple(np.argwhere(wrong & left)[0])
                value = {name: np.asarray(array)[place[-1]].tolist() for name, array in seen.items()}
                raise ContractError(
                    f"{self.where}.outcome_log_prob: expected a log likelihood, a number below infinity, "
                    f"got {log_prob[place]} where what is hidden is {value} afterwards"
                )
            step = step + np.where(wrong, -np.inf, log_prob)
        joint = (log_weights[..., None] + step)[..., layout, :]  # (..., others, values before, values after)
        next_weights = log_sum(np.swapaxes(joint, -1, -2))
        moved = np.empty(log_weights.shape)
        moved[..., layout] = next_weights
        return moved

    def _chances(
        self, before: GameState, after: GameState, rng: EpisodeRandom, values: int, total: int
    ) -> Array:
        task: Any = self.task

        def hidden_transition(first: GameState, second: GameState, _: EpisodeRandom) -> Value:
            return task.hidden_transition(first, second)

        def ask(_: Any) -> Array:
            return np.asarray(self.lineup.asked(task, hidden_transition)(before, after, rng), float)

        chances = self.lineup.in_batch(ask)
        if chances.shape not in ((values,), (total, values)):
            raise ContractError(
                f"{self.where}.hidden_transition: expected {values} probabilities, one for each hidden value "
                f"of the grid in its order, got an array of the shape {chances.shape[-1:]}"
            )
        if not ((chances >= 0).all() and (np.abs(chances.sum(axis=-1) - 1) < 1e-6).all()):
            raise ContractError(
                f"{self.where}.hidden_transition: expected probabilities that sum to one, got {chances!r}"
            )
        return np.broadcast_to(chances, (total, values))

    def _check_partners(self, partners: State, layout: Array, axis: int) -> None:
        for path, leaf in flatten(partners):
            array = np.take(np.asarray(leaf), layout, axis=min(axis, np.ndim(leaf) - 1) if axis else 0)
            first = np.take(array, [0], axis=axis + 1)
            if not np.array_equal(np.broadcast_to(first, array.shape), array, equal_nan=True):
                raise ContractError(
                    f"a grid cannot follow {', '.join(self.names)}, which moves, while the partner's {path} "
                    f"remembers where it was: use Samples"
                )
