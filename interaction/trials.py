"""Trials: a task that plays another one several times in a row."""

from __future__ import annotations

from typing import Any

from interaction import spaces
from interaction.batching.streams import LiftedRandom
from interaction.component import promise_of
from interaction.errors import ArgumentError, ContractError, EpisodeError
from interaction.random import EpisodeRandom
from interaction.state import GameState, State
from interaction.task import InteractionTask, Transition

_OWN = ("trial", "rounds", "ended")


class Trials(InteractionTask):
    """Plays a task `n` times in a row; the agents' states go on from one trial to the next.

    The task's state has the fields of the inner task, and `trial` (0, 1, …), `rounds` (of this trial so far)
    and `ended` (1 where the user has ended the trial in this round). Each trial begins in the user's turn:
    where the user ends one, the assistant looks at its end (and may learn from it), but its action is not
    played, and the next trial begins with the next round. The inner task finds the rounds of its own trial
    in `game.round_index`; the agents find those of the game. The last actions go on as well: a later trial
    begins with those of the trial before. The game ends with the last trial.
    Raises `ContractError` for a task that is none or has a field of these names, and `ArgumentError` for a
    number below 1.

    >>> from interaction import Bundle, Trials
    >>> from interaction.tasks.decisions import DecisionTask
    >>> from interaction.users.diffusion import DiffusionUser
    >>> runs = Bundle(Trials(DecisionTask([0.5, 2.0]), 4), DiffusionUser()).run(1, seed=0)
    >>> runs["task_state.trial"], runs["rewards.user_task"]
    (array([[1, 2, 3, 3]]), array([[1., 0., 1., 1.]]))
    """

    def __init__(self, task: InteractionTask, n: int) -> None:
        if not isinstance(task, InteractionTask):
            raise ContractError(f"Trials: expected a task, got {task!r}")
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise ArgumentError(f"Trials: expected a number of trials >= 1, got {n!r}")
        inner = task.state_space
        taken = [name for name in _OWN if name in inner.spaces]
        if taken:
            nested = "; for trials of trials write Trials(task, n * m)" if isinstance(task, Trials) else ""
            raise ContractError(
                f"Trials: expected a task without a field {taken[0]!r}, which is that of the trials, got "
                f"{type(task).__name__}{nested}"
            )
        self.task = task
        self.n = n
        own = {"trial": spaces.Discrete(n), "rounds": spaces.whole(low=0), "ended": spaces.Discrete(2)}
        self.state_space = spaces.Dict({**own, **inner.spaces})

    def reset(self, rng: EpisodeRandom) -> State:
        return self._begin(0, rng)

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        if game.task_state.ended == 1:
            raise EpisodeError(
                f"Trials: expected the user to act in a trial that goes on, got trial "
                f"{game.task_state.trial}, which it has ended: the next one begins in the assistant's turn "
                f"(in a rollout, from_turn='assistant_acts')"
            )
        last_half = game.assistant_action is None
        return self._act(game, rng, self.task.on_user_action, first_half=True, last_half=last_half)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        if game.task_state.ended == 1:
            return Transition(self._begin(game.task_state.trial + 1, rng))
        first_half = game.user_action is None
        return self._act(game, rng, self.task.on_assistant_action, first_half, last_half=True)

    def plot(self, game: GameState, ax: Any) -> None:
        """Draw the trial as its task draws a game."""
        task: Any = self.task
        task.plot(self._inner(game, first=False), ax)

    def _act(
        self, game: GameState, rng: EpisodeRandom, method: Any, first_half: bool, last_half: bool
    ) -> Transition:
        """Let the inner task move; the next trial begins at once, or waits for the assistant to look."""
        trial, rounds = game.task_state.trial, game.task_state.rounds
        inner = self._inner(game, first=first_half and rounds == 0)
        state, reward, over = _ask(self.task, method, inner, rng)
        if over and trial + 1 < self.n:
            if last_half:
                return Transition(self._begin(trial + 1, rng), reward)
            return Transition(State(trial=trial, rounds=rounds, ended=1, **state), reward)
        played = rounds + 1 if last_half else rounds
        return Transition(State(trial=trial, rounds=played, ended=0, **state), reward, over)

    def _begin(self, trial: Any, rng: EpisodeRandom) -> State:
        return State(trial=trial, rounds=0, ended=0, **_ask(self.task, self.task.reset, rng))

    def _inner(self, game: GameState, first: Any) -> GameState:
        """Give the game as the inner task knows it, which has no state before the first action of a trial."""
        now = _without_own(game.task_state)
        before = now if first else _without_own(game.previous_task_state)
        return game.replace(round_index=game.task_state.rounds, task_state=now, previous_task_state=before)


def _without_own(state: State) -> State:
    return State(**{name: value for name, value in state.items() if name not in _OWN})


def _ask(task: InteractionTask, method: Any, *arguments: Any) -> Any:
    """Ask the inner task; where it promises to take arrays, it is asked once for all episodes."""
    rng = arguments[-1]
    if type(rng) is LiftedRandom and promise_of(task):
        return rng.outside(method, *arguments)
    return method(*arguments)
