"""A list of items that are tested, and then studied, again and again: is each recalled, and how fast?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces
from interaction.errors import ArgumentError

Array = NDArray[Any]


class RecallTask(InteractionTask):
    """Test one item in each round, and show it some seconds later.

    `items` (which item each test is of, integers from 0 on), `times` (seconds at which each test begins),
    `study_after` (seconds from the beginning of a test to when its item is shown).
    The state holds the `trial` (from 0 on), the `item` that is tested, and `ages`: the seconds since each
    time it was studied before, the last one first, and 0 for those that never were `(most studies,)`.
    The action is `Dict(recalled, latency)`: 1 or 0, and the seconds that recalling took, 0 where it failed.
    The reward is one for each item recalled. The game ends with the last test.
    Raises `ArgumentError` for items and times that do not go together, and for a test that begins before the
    last item was studied.
    Source: this project, after the experiment of Anderson 1981 (see `paired_associates`).

    >>> from interaction.tasks.memory import RecallTask
    >>> task = RecallTask(items=[0, 1, 0], times=[0.0, 10.0, 20.0], study_after=5.0)
    >>> task.ages  # item 0 was studied at 5 s, which is 15 s before its second test
    array([[ 0.],
           [ 0.],
           [15.]])
    """

    def __init__(self, items: Sequence[int], times: Sequence[float], study_after: float = 5.0) -> None:
        shown, when = np.asarray(items), np.asarray(times, float)
        if shown.ndim != 1 or len(shown) == 0 or shown.dtype.kind not in "iu" or shown.min() < 0:
            raise ArgumentError(f"RecallTask: items: expected one integer >= 0 for each test, got {items!r}")
        if when.shape != shown.shape or not np.isfinite(when).all():
            raise ArgumentError(f"RecallTask: times: expected {len(shown)} times in seconds, got {times!r}")
        if not (np.isfinite(study_after) and study_after >= 0):
            raise ArgumentError(f"RecallTask: study_after: expected seconds >= 0, got {study_after!r}")
        early = np.flatnonzero(np.diff(when) <= study_after)
        if len(early):
            raise ArgumentError(
                f"RecallTask: times: expected more than study_after = {study_after} s between two tests, got "
                f"{when[early[0]]} and {when[early[0] + 1]} for tests {early[0]} and {early[0] + 1}"
            )
        self.items = shown
        self.ages = _ages(shown, when, float(study_after))
        self.state_space = spaces.Dict(
            trial=spaces.whole(0, len(shown) - 1),
            item=spaces.whole(0, int(shown.max())),
            ages=spaces.real(0.0, np.inf, self.ages.shape[1:]),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        return self._at(0)

    def _at(self, trial: Any) -> State:
        return State(trial=trial, item=self.items[trial], ages=self.ages[trial])

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        reward, last = 1.0 * game.user_action.recalled, len(self.items) - 1
        if game.task_state.trial == last:
            return Transition(game.task_state, reward, terminated=True)
        return Transition(self._at(game.task_state.trial + 1), reward)


def paired_associates(n_items: int = 20, n_blocks: int = 8, order: int = 0) -> RecallTask:
    """Give the experiment of Anderson 1981: all items in each block, with 5 s for the test and 5 s to study.

    `n_items` (how many items there are), `n_blocks` (how often all of them are tested), `order` (seed of the
    items' order, which is another one in each block).
    Raises `ArgumentError` for counts below one.
    Source: Anderson 1981, "Interference: The relationship between response latency and response accuracy".

    >>> from interaction import Bundle
    >>> from interaction.tasks.memory import paired_associates
    >>> from interaction.users.memory import BaseLevelLearner
    >>> runs = Bundle(paired_associates(), BaseLevelLearner()).run(100, seed=0)
    >>> recalled = runs["user_action.recalled"].reshape(100, 8, 20)
    >>> recalled.mean(axis=(0, 2)).round(2)  # by block
    array([0.  , 0.49, 0.72, 0.84, 0.89, 0.9 , 0.94, 0.95])
    """
    for count in (n_items, n_blocks):
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
            raise ArgumentError(
                f"paired_associates: expected n_items and n_blocks >= 1, got {n_items!r}, {n_blocks!r}"
            )
    rng = np.random.default_rng(order)
    items = np.concatenate([rng.permutation(n_items) for _ in range(n_blocks)])
    return RecallTask(items.tolist(), (10.0 * np.arange(len(items))).tolist(), 5.0)


def _ages(items: Array, times: Array, study_after: float) -> Array:
    """Give the seconds since each earlier study of the item of each test: `(tests, most studies)`."""
    found = [
        (times[test] - times[:test] - study_after)[items[:test] == item][::-1]
        for test, item in enumerate(items)
    ]
    ages = np.zeros((len(items), max(1, *map(len, found))))
    for test, some in enumerate(found):
        ages[test, : len(some)] = some
    return ages
