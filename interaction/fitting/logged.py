"""Reads logged episodes from a table or a run.

A table needs only what the task cannot tell by itself: the task is played with the recorded actions, and
the recorded outcomes take the place of those that it would have drawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.batching.lockstep import Lineup
from interaction.errors import ArgumentError, SpaceError, missing_extra, unknown_name
from interaction.fitting.observed import Leaves, Observed, join_path
from interaction.membership import membership, remedy
from interaction.opening import new_game
from interaction.players import Players
from interaction.policy import RandomPolicy
from interaction.random import ASSISTANT_TASK, USER_TASK, EpisodeRandom
from interaction.spaces import Discrete, Space, leaves, shape_of
from interaction.state import GameState, State, Value, flatten, nest, replace_path
from interaction.task import InteractionTask
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    import pandas

Array = NDArray[Any]

_IGNORED = (
    "rewards.",
    *(f"{start}{role}_state." for start in ("", "start.") for role in ("user", "assistant")),
    "user_observation.",
    "assistant_observation.",
)
_ALSO_IGNORED = ("provenance", "round_index", "turn_index")
_STREAMS = 4  # a field that these streams leave alike is taken for one that the task does not draw


def read_table(
    task: InteractionTask,
    user: User,
    data: pandas.DataFrame | Trajectories,
    assistant_action_space: Space[Any] | None = None,
    where: str = "fit",
) -> Observed:
    """Read logged episodes: a data frame with a row for each round, or the trajectories of a run.

    Columns: `episode`, `round` (0, 1, … in each episode), `user_action` or `action` (an array has a column
    for each entry, `user_action[0]`; a nested action one for each part, `user_action.x`), the same for
    `assistant_action`, and what the task draws by itself, as it is at the end of the round
    (`task_state.outcome`, or `outcome`). `start.task_state.x` is a value at the beginning of the episode, and
    `previous_task_state.x` one before the last action of the round, for users who look at it.
    With a column `user`, each user has parameters of their own; without, one user played all episodes.
    Raises `UnknownNameError` for a column that means nothing, `SpaceError` for a value outside its
    space and `ArgumentError` for missing rounds or values: each names the first row.
    """
    frame = _frame(data, where)
    spaces = {f"task_state.{path}": space for path, space in leaves(task.state_space)}
    actions = {join_path("user_action", path): space for path, space in leaves(user.policy.action_space)}
    if assistant_action_space is not None:
        helps = {join_path("assistant_action", path): space for path, space in leaves(assistant_action_space)}
        actions |= helps
    elif any(str(name).startswith("assistant_action") for name in frame.columns):
        raise ArgumentError(
            f"{where}: the data has assistant_action: give assistant_action_space, which is "
            f"assistant.policy.action_space"
        )
    frame = _named(frame, {**spaces, **actions}, where)
    frame, lengths, first = _rounds(frame, where)
    read = _Reader(frame, lengths, first, where)
    taken = {path: read.rounds(path, space) for path, space in actions.items()}
    recorded = {
        path.removeprefix("task_state."): read.rounds(path, space)
        for path, space in spaces.items()
        if read.has(path, space)
    }
    middles = {
        path.removeprefix("task_state."): read.rounds(f"previous_{path}", space)
        for path, space in spaces.items()
        if read.has(f"previous_{path}", space)
    }
    starts = {
        path.removeprefix("task_state."): read.starts(f"start.{path}", space)
        for path, space in spaces.items()
        if read.has(f"start.{path}", space)
    }
    parts: dict[str, Leaves] = {"user_action": {}, "assistant_action": {}}
    for path, array in taken.items():
        name, _, rest = path.partition(".")
        parts[name][rest] = array
    if "user" in frame:
        users, index = np.unique(frame["user"].to_numpy()[first], return_inverse=True)
        mixed = frame.groupby("episode", sort=False)["user"].nunique() > 1
        if mixed.any():
            raise ArgumentError(f"{where}: episode {mixed.idxmax()} has rows of more than one user")
    else:
        users, index = np.array([0]), np.zeros(len(first), np.int64)
    observed = Observed(
        task_states={},
        previous_states={},
        user_actions=parts["user_action"],
        assistant_actions=parts["assistant_action"],
        lengths=lengths,
        user=index,
        users=users,
        labels=frame["episode"].to_numpy()[first],
        assistant_action_space=assistant_action_space,
    )
    states, before = _Replay(task, user, observed, recorded, middles, starts, where).states()
    return Observed(**{**vars(observed), "task_states": states, "previous_states": before})


def _frame(data: Any, where: str) -> pandas.DataFrame:
    try:
        import pandas
    except ImportError:
        raise missing_extra("pandas", "inference", where) from None
    if isinstance(data, Trajectories):
        if data.over:
            raise ArgumentError(f"{where}: expected a run without `over`, got the axes {list(data.over)}")
        if not data.per_round:
            raise ArgumentError(f'{where}: expected a run that keeps its rounds, got one with record="final"')
        data = data.to_dataframe(start=[path for path in data.start if path.startswith("task_state.")])
    if not isinstance(data, pandas.DataFrame):
        raise ArgumentError(
            f"{where}: expected a pandas.DataFrame or Trajectories, got {type(data).__name__}"
        )
    if len(data) == 0:
        raise ArgumentError(f"{where}: the data has no rows")
    return data


def _named(frame: pandas.DataFrame, known: Mapping[str, Space[Any]], where: str) -> pandas.DataFrame:
    """Give the columns their full paths; raise for one that means nothing."""
    spaces = [path for path in known if path.startswith("task_state.")]
    short = {path.removeprefix("task_state."): path for path in spaces}
    short |= {"action": "user_action"}
    valid = [
        "episode",
        "round",
        "user",
        *known,
        *(
            f"{when}{path}"
            for path in short.values()
            if path != "user_action"
            for when in ("start.", "previous_")
        ),
    ]
    names = {}
    for column in frame.columns:
        plain = str(column).partition("[")[0]
        if plain.startswith(_IGNORED) or plain in _ALSO_IGNORED:
            continue
        if plain in short and plain not in valid:
            names[column] = short[plain] + str(column)[len(plain) :]
        elif plain not in valid:
            raise unknown_name(column, [*valid, *short], f"{where}: columns of the data")
    for needed in ("episode", "round"):
        if needed not in frame.columns:
            raise ArgumentError(f"{where}: the data lacks the column {needed!r}")
    frame = frame.rename(columns=names)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise ArgumentError(f"{where}: the data has the column {twice!r} twice")
    return frame


def _rounds(frame: pandas.DataFrame, where: str) -> tuple[pandas.DataFrame, Array, Array]:
    """Sort by episode and round, and check that no round is missing: also lengths and first rows."""
    for name in ("episode", "round"):
        if frame[name].isna().any():
            raise ArgumentError(f"{where}: row {frame[name].isna().idxmax()}: {name} is missing")
    if frame["round"].dtype.kind not in "iuf" or (frame["round"] % 1 != 0).any():
        raise ArgumentError(f"{where}: column 'round': expected whole numbers from 0 on")
    frame = frame.sort_values(["episode", "round"], kind="stable")
    episodes = frame["episode"].to_numpy()
    new = np.append(True, episodes[1:] != episodes[:-1])
    first = np.flatnonzero(new)
    lengths = np.diff(np.append(first, len(frame)))
    expected = np.arange(len(frame)) - np.repeat(first, lengths)
    rounds = frame["round"].to_numpy()
    wrong = np.flatnonzero(rounds != expected)
    if len(wrong):
        row = wrong[0]
        what = "comes twice" if not new[row] and rounds[row] == rounds[row - 1] else "is there instead"
        raise ArgumentError(
            f"{where}: row {frame.index[row]}: episode {episodes[row]}: expected round {expected[row]}, "
            f"but round {rounds[row]:g} {what}; rounds count 0, 1, 2, … without a gap"
        )
    return frame, lengths, first


class _Reader:
    """Reads columns as arrays, and checks each value."""

    def __init__(self, frame: pandas.DataFrame, lengths: Array, first: Array, where: str) -> None:
        self.frame, self.first, self.where = frame, first, where
        steps = np.arange(int(lengths.max()))[:, None]
        self.rows = first + np.minimum(steps, lengths - 1)  # (rounds, episodes)

    def _columns(self, path: str, space: Space[Any]) -> list[str]:
        shape = shape_of(space)
        return [f"{path}[{','.join(map(str, entry))}]" for entry in np.ndindex(*shape)] if shape else [path]

    def has(self, path: str, space: Space[Any]) -> bool:
        return all(column in self.frame for column in self._columns(path, space))

    def rounds(self, path: str, space: Space[Any]) -> Array:
        array: Array = self._values(path, space)[self.rows]
        return array

    def starts(self, path: str, space: Space[Any]) -> Array:
        values = self._values(path, space)
        starts = values[self.first]
        lengths = np.diff(np.append(self.first, len(values)))
        same = (values == np.repeat(starts, lengths, axis=0)).reshape(len(values), -1).all(axis=1)
        if not same.all():
            row = self.frame.index[np.flatnonzero(~same)[0]]
            raise ArgumentError(f"{self.where}: row {row}: {path} changes within an episode")
        return starts

    def _values(self, path: str, space: Space[Any]) -> Array:
        """Give a column's values in the type of its space: `(rows, *shape)`."""
        columns = self._columns(path, space)
        for column in columns:
            if column not in self.frame:
                raise ArgumentError(f"{self.where}: the data lacks the column {column!r}")
        whole = isinstance(space, Discrete) or np.dtype(space.dtype or float).kind in "iub"
        arrays = []
        for column in columns:
            series = self.frame[column]
            if series.isna().any():
                raise ArgumentError(f"{self.where}: row {series.isna().idxmax()}: {column} is missing")
            array = series.to_numpy()
            if array.dtype.kind not in "iubf":
                raise SpaceError(
                    f"{self.where}: row {self.frame.index[0]}: {column}: expected numbers in {space}, "
                    f"got {array[0]!r}"
                )
            if whole and array.dtype.kind == "f":
                broken = np.flatnonzero(array % 1 != 0)
                if len(broken):
                    self._refuse(broken[0], path, space, array[broken[0]])
                array = array.astype(np.int64)
            arrays.append(array)
        values = np.stack(arrays, axis=-1).reshape(len(self.frame), *shape_of(space))
        member = membership(space)
        if member.violation(values, len(values)) is not None:
            for row in range(len(values)):
                if member.violation(values[row : row + 1], 1) is not None:
                    self._refuse(row, path, space, values[row])
        return values

    def _refuse(self, row: int, path: str, space: Space[Any], value: Any) -> None:
        frame = self.frame
        raise SpaceError(
            f"{self.where}: row {frame.index[row]} (episode {frame['episode'].iloc[row]}, "
            f"round {frame['round'].iloc[row]}): {path}: expected a value in {space}, got {value.tolist()!r}"
            f"{remedy(space, value)}"
        )


class _Replay:
    """Plays a task with recorded actions, with recorded values in place of what it draws."""

    def __init__(
        self,
        task: InteractionTask,
        user: User,
        observed: Observed,
        recorded: Leaves,
        middles: Leaves,
        starts: Leaves,
        where: str,
    ) -> None:
        space = observed.assistant_action_space
        assistant = None if space is None else Assistant(policy=RandomPolicy(space))
        self.lineup = Lineup(task, user, assistant)
        self.task: Any = task
        self.observed, self.recorded, self.given, self.where = observed, recorded, starts, where
        self.middles = middles
        self.name = type(task).__name__

    def states(self) -> tuple[Leaves, Leaves]:
        """Give the task's states before each round, by path: `(rounds, episodes, *shape)`.

        The second ones are those before the last action, as far as they are known.
        """
        return self.lineup.in_batch(self._play)

    def _play(self, players: Players) -> tuple[Leaves, Leaves]:
        observed, count = self.observed, len(self.observed.lengths)
        streams = [EpisodeRandom(seed, episodes=np.arange(count)) for seed in range(_STREAMS)]
        games = [new_game(players, rng, {}, check=False) for rng in streams]
        openings = [game.task_state for game in games]
        state = self._agree(openings, self.given, f"{self.name}.reset draws", "start.task_state.", None)
        game = games[0]
        before, previous = [state], [dict(flatten(state))]
        for t in range(observed.rounds):
            played = t < observed.lengths
            game = game.replace(round_index=t, task_state=state)
            actions = {path: array[t] for path, array in observed.user_actions.items()}
            game = game.replace(user_action=nest(actions))
            moves = [players.user.move(game, rng.at(t, USER_TASK)) for rng in streams]  # type: ignore[union-attr]
            over = np.asarray(moves[0][2], bool)
            known = {path: array[t] for path, array in self.middles.items()}
            acted = [state] if players.assistant is None else [move[0] for move in moves]
            previous.append(self._known(acted, known, played))
            if players.assistant is not None:
                actions = {path: array[t] for path, array in observed.assistant_actions.items()}
                middle = [game.replace(task_state=move[0], assistant_action=nest(actions)) for move in moves]
                moves = [
                    players.assistant.move(g, rng.at(t, ASSISTANT_TASK))
                    for g, rng in zip(middle, streams, strict=True)
                ]
                over = over | np.asarray(moves[0][2], bool)
            known = {path: array[t] for path, array in self.recorded.items()}
            state = self._agree(
                [move[0] for move in moves], known, f"{self.name} draws", "task_state.", played
            )
            self._possible(game, game.replace(task_state=state), played, t)
            ended = np.flatnonzero(over & (observed.lengths > t + 1))
            if len(ended) and not self.recorded:
                raise ArgumentError(
                    f"{self.where}: episode {observed.labels[ended[0]]}: round {t + 1} comes after the "
                    f"end of the game: {self.name} ends with round {t}"
                )
            before.append(state)
        flat = [dict(flatten(state)) for state in before[:-1]]

        def stack(rows: list[dict[str, Value]]) -> Leaves:
            shapes = {path: (count, *shape_of(space)) for path, space in leaves(self.task.state_space)}
            return {
                path: np.stack([np.broadcast_to(row[path], shape) for row in rows])
                for path, shape in shapes.items()
                if all(path in row for row in rows)
            }

        return stack(flat), stack(previous[:-1])

    @staticmethod
    def _known(states: list[State], recorded: Leaves, played: Array) -> dict[str, Value]:
        """Give what is recorded of some states, or in which all of them agree."""
        first, *others = (dict(flatten(state)) for state in states)
        found: dict[str, Value] = {}
        for path, value in first.items():
            if path in recorded:
                found[path] = recorded[path]
                continue
            differ = [np.asarray(other[path] != value) for other in others]
            if not any(np.any(each[played] if each.ndim else each) for each in differ):
                found[path] = value
        return found

    def _agree(
        self, states: list[State], known: Leaves, who: str, prefix: str, played: Array | None
    ) -> State:
        """Put the known values into the state; raise if what is left was drawn at random."""
        count = len(self.observed.lengths)
        rows = np.ones(count, bool) if played is None else played
        found = dict(flatten(states[0]))
        others = [dict(flatten(state)) for state in states[1:]]
        for path, value in found.items():
            if path in known:
                continue
            for other in others:
                differ: Array = np.asarray(other[path] != value)
                if np.any(differ[rows] if differ.ndim else differ):
                    raise ArgumentError(
                        f"{self.where}: {who} {path} at random, so that it must be in the data: "
                        f"add the column {prefix + path!r}"
                    )
        state = states[0]
        for path, array in known.items():
            state = replace_path(state, path, array)
        return state

    def _possible(self, before: GameState, after: GameState, played: Array, t: int) -> None:
        """Raise for an outcome that the task says is impossible."""
        if not hasattr(self.task, "outcome_log_prob"):
            return

        def outcome_log_prob(first: GameState, second: GameState, _: EpisodeRandom) -> Value:
            return self.task.outcome_log_prob(first, second)

        rng = EpisodeRandom(0, episodes=np.arange(len(played)))
        log_prob = np.asarray(self.lineup.asked(self.task, outcome_log_prob)(before, after, rng))
        wrong = np.flatnonzero(np.isneginf(log_prob) & played)
        if len(wrong):
            raise ArgumentError(
                f"{self.where}: episode {self.observed.labels[wrong[0]]}, round {t}: {self.name} cannot "
                f"give the outcome that the data holds"
            )
