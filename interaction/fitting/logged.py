"""Reads logged episodes from a table or a run.

A table needs only what the task cannot tell by itself: the task is played with the recorded actions, and
the recorded outcomes take the place of those that it would have drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from interaction.agent import User
from interaction.errors import ArgumentError, SpaceError, missing_extra, unknown_name
from interaction.fitting.observed import Leaves, Observed, join_path
from interaction.fitting.replay import Recorded, Replay
from interaction.membership import membership, remedy
from interaction.spaces import Discrete, Space, leaves, shape_of
from interaction.spaces import first as first_of
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
_USER_STATE = re.compile(r"user_state\.(?P<path>[^[]+)(\[(?P<entry>\d+(,\d+)*)\])?")
_ALSO_IGNORED = ("provenance", "round_index", "turn_index")
OF_STUDIES = (
    *("condition", "practice", "restarts", "reward", "session", "time"),
    *("response_time", "shown", "pressed", "acted", "by", "path", "noted"),
)
"""The columns by which a study with people tells of its sessions, beside what was played."""


def read_table(
    task: InteractionTask,
    user: User,
    data: pandas.DataFrame | Trajectories,
    assistant_action_space: Space[Any] | None = None,
    where: str = "fit",
    users: Literal["episode", "pooled"] | None = None,
) -> Observed:
    """Read logged episodes: a data frame with a row for each round, or the trajectories of a run.

    Columns: `episode`, `round` (0, 1, … in each episode), `user_action` or `action` (an array has a column
    for each entry, `user_action[0]`; a nested action one for each part, `user_action.x`), the same for
    `assistant_action`, and what the task draws by itself, as it is at the end of the round
    (`task_state.outcome`, or `outcome`). `start.task_state.x` is a value at the beginning of the episode, and
    `previous_task_state.x` one before the last action of the round, for users who look at it.
    `start.user_action` is what stands for the last action before the first round, and so on; by default it is
    the policy's `first_action`. A run tells itself what was forced when it began, also of the user's state.
    `assistant_action` may be missing in the last row of an episode, where the user ended the game.
    With a column `user`, each user has parameters of their own; without, one user played all episodes, unless
    `users="episode"` says that each is another one. `users="pooled"` leaves the column out of account.
    Raises `UnknownNameError` for a column that means nothing, `SpaceError` for a value outside its
    space and `ArgumentError` for missing rounds or values, rows after the end of the game, and values that
    the task cannot have computed: each names the first row. A task that reads the user's state needs the
    columns `user_state.…`, or it is an `UnknownFieldError`.

    The table of a study with people (`interaction.people.export`) is read as it is: `participant` is the
    user, whose episodes may have the numbers of another's; condition, times and the like are passed over.
    """
    if users not in (None, "episode", "pooled"):
        raise unknown_name(users, ("episode", "pooled"), f"{where}: users")
    frame, forced = _frame(of_people(data), where)
    if users == "episode" and "user" in frame:
        raise ArgumentError(
            f"{where}: users=\"episode\" was given, but the data has a column 'user' that tells: drop one"
        )
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
    frame = _named(frame, spaces, actions, where)
    frame, lengths, first = _rounds(frame, where)
    read = _Reader(frame, lengths, first, where)
    taken = {
        path: read.rounds(path, space, path.startswith("assistant_action")) for path, space in actions.items()
    }
    begun = {f"start.{path}": space for path, space in [*spaces.items(), *actions.items()]}
    begun |= {
        f"start.user_state.{path}": space
        for path, space in leaves(user.state_space)
        if f"user_state.{path}" in forced
    }
    starts = {
        path.removeprefix("start."): read.starts(path, space)
        for path, space in begun.items()
        if read.has(path, space)
    }
    recorded = Recorded(
        ends=read.states("task_state.", spaces),
        middles=read.states("previous_task_state.", spaces),
        starts={path.removeprefix("task_state."): starts.pop(path) for path in spaces if path in starts},
        user_states=read.user_states(),
        lacking=read.lacking[read.rows[-1]],
        row=read.row,
    )
    parts: dict[str, Leaves] = {"user_action": {}, "assistant_action": {}}
    for path, array in taken.items():
        name, _, rest = path.partition(".")
        parts[name][rest] = array
    if users == "episode":
        people, index = frame["episode"].to_numpy()[first], np.arange(len(first))
    elif "user" in frame and users is None:
        people, index = np.unique(frame["user"].to_numpy()[first], return_inverse=True)
        mixed = frame.groupby("episode", sort=False)["user"].nunique() > 1
        if mixed.any():
            raise ArgumentError(f"{where}: episode {mixed.idxmax()} has rows of more than one user")
    else:
        people, index = np.array([0]), np.zeros(len(first), np.int64)
    observed = Observed(
        task_states={},
        previous_states={},
        user_actions=parts["user_action"],
        assistant_actions=parts["assistant_action"],
        lengths=lengths,
        user=index,
        users=people,
        labels=frame["episode"].to_numpy()[first],
        assistant_action_space=assistant_action_space,
        starts=starts,
    )
    states, before = Replay(task, user, observed, recorded, where).states()
    return replace(observed, task_states=states, previous_states=before)


def of_people(data: Any) -> Any:
    """Give a table of a study with people as one of users: see `read_table`; any other data as it is.

    A participant is a user, whose episodes are told apart from those of others; the study's own columns go.
    """
    columns = getattr(data, "columns", ())
    if "participant" not in columns or "user" in columns or "episode" not in columns:
        return data
    labels = data["participant"].astype(str) + "/" + data["episode"].astype(str)
    own = [name for name in columns if name in OF_STUDIES or str(name).startswith("url.")]
    return data.assign(episode=labels).rename(columns={"participant": "user"}).drop(columns=own)


def _frame(data: Any, where: str) -> tuple[pandas.DataFrame, set[str]]:
    """Give the data as a frame, and the paths of what is known to have been forced when it was made."""
    try:
        import pandas
    except ImportError:
        raise missing_extra("pandas", "inference", where) from None
    forced: set[str] = set()
    if isinstance(data, Trajectories):
        if data.over:
            raise ArgumentError(f"{where}: expected a run without `over`, got the axes {list(data.over)}")
        if not data.per_round:
            raise ArgumentError(f'{where}: expected a run that keeps its rounds, got one with record="final"')
        forced = set(data.forced)
        data = data.to_dataframe(
            start=[path for path in data.start if path.startswith("task_state.") or path in forced]
        )
    if not isinstance(data, pandas.DataFrame):
        raise ArgumentError(
            f"{where}: expected a pandas.DataFrame or Trajectories, got {type(data).__name__}"
        )
    if len(data) == 0:
        raise ArgumentError(f"{where}: the data has no rows")
    return data, forced


def _named(
    frame: pandas.DataFrame, states: Mapping[str, Any], actions: Mapping[str, Any], where: str
) -> pandas.DataFrame:
    """Give the columns their full paths; raise for one that means nothing."""
    short = {path.removeprefix("task_state."): path for path in states} | {"action": "user_action"}
    valid = ["episode", "round", "user", *states, *actions]
    valid += [f"start.{path}" for path in (*states, *actions)] + [f"previous_{path}" for path in states]
    names = {}
    for column in frame.columns:
        plain = str(column).partition("[")[0]
        if plain.startswith(_IGNORED) or plain in _ALSO_IGNORED:
            continue
        if plain in short and plain not in valid:
            names[column] = short[plain] + str(column)[len(plain) :]
        elif plain not in valid:
            raise unknown_name(column, [*valid, *short], f"{where}: columns of the data")
    lacking = [repr(needed) for needed in ("episode", "round") if needed not in frame.columns]
    if lacking:
        columns = "column" if len(lacking) == 1 else "columns"
        raise ArgumentError(f"{where}: the data lacks the {columns} {' and '.join(lacking)}")
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
        self.lacking = np.zeros(len(frame), bool)  # rows in which no assistant acted
        self._last = np.zeros(len(frame), bool)
        self._last[self.rows[-1]] = True

    def _columns(self, path: str, space: Space[Any]) -> list[str]:
        shape = shape_of(space)
        return [f"{path}[{','.join(map(str, entry))}]" for entry in np.ndindex(*shape)] if shape else [path]

    def has(self, path: str, space: Space[Any]) -> bool:
        return all(column in self.frame for column in self._columns(path, space))

    def rounds(self, path: str, space: Space[Any], may_lack: bool = False) -> Array:
        """Give values of each round; with `may_lack`, the last one of an episode may be missing."""
        array: Array = self._values(path, space, may_lack)[self.rows]
        return array

    def states(self, prefix: str, paths: Mapping[str, Space[Any]]) -> Leaves:
        """Give the task's states, as far as there are columns of that prefix."""
        named = {path.removeprefix("task_state."): space for path, space in paths.items()}
        return {
            path: self.rounds(prefix + path, space)
            for path, space in named.items()
            if self.has(prefix + path, space)
        }

    def user_states(self) -> Leaves:
        """Give what the data holds of the state of the user, whichever it was, where nothing is missing."""
        columns: dict[str, dict[tuple[int, ...], Any]] = {}
        for column in self.frame.columns:
            named = _USER_STATE.fullmatch(str(column))
            if named is not None:
                entry = tuple(map(int, named["entry"].split(","))) if named["entry"] else ()
                columns.setdefault(named["path"], {})[entry] = self.frame[column]
        found = {}
        for path, parts in columns.items():
            shape = tuple(np.max(list(parts), axis=0) + 1) if () not in parts else ()
            if len(parts) == np.prod(shape) and not any(series.isna().any() for series in parts.values()):
                array = np.stack([parts[entry].to_numpy() for entry in np.ndindex(*shape)], axis=-1)
                if array.dtype.kind in "iubf":
                    found[path] = array.reshape(len(self.frame), *shape)[self.rows]
        return found

    def row(self, t: int, episode: int) -> Any:
        """Name the row of a round."""
        return self.frame.index[self.rows[t, episode]]

    def starts(self, path: str, space: Space[Any]) -> Array:
        values = self._values(path, space)
        starts = values[self.first]
        lengths = np.diff(np.append(self.first, len(values)))
        same = (values == np.repeat(starts, lengths, axis=0)).reshape(len(values), -1).all(axis=1)
        if not same.all():
            row = self.frame.index[np.flatnonzero(~same)[0]]
            raise ArgumentError(f"{self.where}: row {row}: {path} changes within an episode")
        return starts

    def _values(self, path: str, space: Space[Any], may_lack: bool = False) -> Array:
        """Give a column's values in the type of its space: `(rows, *shape)`."""
        columns = self._columns(path, space)
        for column in columns:
            if column not in self.frame:
                raise ArgumentError(f"{self.where}: the data lacks the column {column!r}")
        whole = isinstance(space, Discrete) or np.dtype(space.dtype or float).kind in "iub"
        arrays = []
        stand_ins = np.ravel(first_of(space)) if may_lack else np.zeros(len(columns))
        for column, stand_in in zip(columns, stand_ins, strict=True):
            array = self._column(column, stand_in, may_lack)
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

    def _column(self, column: str, stand_in: Any, may_lack: bool) -> Array:
        """Give a column, with a value that stands in where one may be missing and is."""
        series = self.frame[column]
        gone = series.isna().to_numpy()
        if not gone.any():
            array: Array = series.to_numpy()
            return array
        wrong = np.flatnonzero(gone & ~self._last if may_lack else gone)
        if len(wrong):
            raise ArgumentError(f"{self.where}: row {self.frame.index[wrong[0]]}: {column} is missing")
        self.lacking |= gone
        there = series[~gone].infer_objects().to_numpy()
        array = np.full(len(series), stand_in, there.dtype if len(there) else None)
        array[~gone] = there
        return array

    def _refuse(self, row: int, path: str, space: Space[Any], value: Any) -> None:
        frame = self.frame
        raise SpaceError(
            f"{self.where}: row {frame.index[row]} (episode {frame['episode'].iloc[row]}, "
            f"round {frame['round'].iloc[row]}): {path}: expected a value in {space}, got {value.tolist()!r}"
            f"{remedy(space, value)}"
        )
