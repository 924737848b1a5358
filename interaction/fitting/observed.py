"""What users were seen to do: episodes round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.bundle import Bundle
from interaction.opening import for_rows
from interaction.players import Players
from interaction.policy import first_action
from interaction.spaces import Space, leaves
from interaction.state import GameState, State, flatten, replace_path
from interaction.task import InteractionTask

Array = NDArray[Any]
Leaves = dict[str, Array]
"""Arrays by dotted path: `(rounds, episodes, *shape)`."""


@dataclass(frozen=True, eq=False)
class Observed:
    """Episodes of one or more users, padded to the longest one (with the last values).

    `task_states[t]` is the task's state before the user's turn of round t, as arrays by path
    `(rounds, episodes, *shape)`; `previous_states[t]` is the one before the last action, as far as it is
    known; `user_actions` and `assistant_actions` are those taken in round t.
    `lengths`, `user` (an index into `users`) and `labels` have one entry for each episode, and so has what
    `starts` holds by path of what was forced at their beginnings: of `user_state`, `user_action` and
    `assistant_action`.
    """

    task_states: Leaves
    previous_states: Leaves
    user_actions: Leaves
    assistant_actions: Leaves
    lengths: Array
    user: Array
    users: Array
    labels: Array
    assistant_action_space: Space[Any] | None = None
    starts: Leaves = field(default_factory=dict)

    @property
    def rounds(self) -> int:
        """The rounds of the longest episode."""
        return int(self.lengths.max(initial=0))

    @property
    def choices(self) -> Array:
        """How many actions each user took: `(users,)`."""
        return np.bincount(self.user, weights=self.lengths, minlength=len(self.users)).astype(np.int64)

    def select(self, users: Array) -> Observed:
        """Give the episodes of some users (indices, each once)."""
        place = np.full(len(self.users), -1)
        place[users] = np.arange(len(users))
        episodes = np.flatnonzero(place[self.user] >= 0)

        def part(arrays: Leaves) -> Leaves:
            return {path: array[:, episodes] for path, array in arrays.items()}

        return Observed(
            part(self.task_states),
            part(self.previous_states),
            part(self.user_actions),
            part(self.assistant_actions),
            self.lengths[episodes],
            place[self.user[episodes]],
            self.users[users],
            self.labels[episodes],
            self.assistant_action_space,
            {path: array[episodes] for path, array in self.starts.items()},
        )

    @staticmethod
    def together(parts: Sequence[Observed]) -> Observed:
        """Put the users of several parts, of one task, next to each other; they are numbered anew."""
        rounds = max(part.rounds for part in parts)

        def join(leaves: str) -> Leaves:
            padded = [
                {path: _pad(array, rounds) for path, array in getattr(part, leaves).items()} for part in parts
            ]
            return {path: np.concatenate([part[path] for part in padded], axis=1) for path in padded[0]}

        counts = [len(part.users) for part in parts]
        shifts = np.cumsum([0, *counts[:-1]])
        return Observed(
            join("task_states"),
            join("previous_states"),
            join("user_actions"),
            join("assistant_actions"),
            np.concatenate([part.lengths for part in parts]),
            np.concatenate([part.user + shift for part, shift in zip(parts, shifts, strict=True)]),
            np.arange(sum(counts)),
            np.concatenate([part.labels for part in parts]),
            parts[0].assistant_action_space,
            {path: np.concatenate([part.starts[path] for part in parts]) for path in parts[0].starts},
        )


def _pad(array: Array, rounds: int) -> Array:
    missing = rounds - len(array)
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array


def simulate(
    task: InteractionTask,
    user: User,
    values: Mapping[str, Array],
    rounds: int,
    seed: int,
    first: int = 0,
    *,
    assistant: Assistant | None = None,
    episodes: int = 1,
) -> Observed:
    """Let simulated users play, as one batch: `values` holds their parameters, `(users,)`.

    Each plays so many episodes of up to `rounds` rounds; user u those from `(first + u) * episodes` on under
    the seed. What the assistant did is kept as that of logged episodes is.
    """
    count = len(next(iter(values.values())))
    numbers = np.arange(first * episodes, (first + count) * episodes)
    bundle = Bundle(task, user, assistant, max_rounds=rounds)
    states = [f"task_state.{path}" for path, _ in leaves(task.state_space)]
    agents: dict[str, Any] = {"user_action": user} | ({"assistant_action": assistant} if assistant else {})
    actions = {
        name: {path: join_path(name, path) for path, _ in leaves(agent.policy.action_space)}
        for name, agent in agents.items()
    }
    record = [*states, *(path for paths in actions.values() for path in paths.values())]
    record += [f"previous_{path}" for path in states] if assistant else []
    start = {f"user_state.{name}": np.repeat(array, episodes) for name, array in values.items()}
    runs = bundle.run(numbers.tolist(), seed=seed, start=start, record=record)

    def by_round(path: str) -> Array:
        return np.ascontiguousarray(np.moveaxis(np.ma.getdata(runs[path]), 1, 0))

    before: Leaves = {}
    previous: Leaves = {}
    for path in states:
        begun, name = runs.start[path][None], path.removeprefix("task_state.")
        before[name] = np.concatenate([begun, by_round(path)[:-1]])
        last = by_round(f"previous_{path}") if assistant else before[name]
        previous[name] = np.concatenate([begun, last[:-1]])
    taken = {
        name: {path: by_round(whole) for path, whole in actions[name].items()} if name in actions else {}
        for name in ("user_action", "assistant_action")
    }
    return Observed(
        task_states=before,
        previous_states=previous,
        user_actions=taken["user_action"],
        assistant_actions=taken["assistant_action"],
        lengths=runs.lengths,
        user=np.repeat(np.arange(count), episodes),
        users=np.arange(first, first + count),
        labels=numbers,
        assistant_action_space=assistant.policy.action_space if assistant else None,
        starts=_first_actions(assistant, len(numbers)),
    )


def _first_actions(assistant: Assistant | None, count: int) -> Leaves:
    """Give what stands for the assistant's last action before its first one, for each episode."""
    if assistant is None:
        return {}
    first = first_action(assistant.policy)
    parts = dict(flatten(first)) if isinstance(first, State) else {"": first}
    return {
        join_path("assistant_action", path): np.repeat(np.asarray(value)[None], count, axis=0)
        for path, value in parts.items()
    }


def first_game(players: Players, task_state: State, starts: Leaves, count: int) -> GameState:
    """Give the game before the first round, with the actions that were forced."""
    assert players.user is not None
    helper = players.assistant
    game = GameState(
        task_state=task_state,
        user_action=for_rows(players.user.first_action, count),
        assistant_action=None if helper is None else for_rows(helper.first_action, count),
    )
    for path, array in starts.items():
        if path.startswith(("user_action", "assistant_action")):
            game = replace_path(game, path, array)
    return game


def join_path(name: str, path: str) -> str:
    """Join two dotted paths, of which the second may be empty."""
    return f"{name}.{path}" if path else name
