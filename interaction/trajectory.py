"""What a run leaves: `Trajectories`, arrays by path, labelled."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError, missing_extra, unknown_name
from interaction.files import write_whole
from interaction.state import State, nest, same
from interaction.turns import SOURCES

if TYPE_CHECKING:
    import pandas
    import xarray

Array = NDArray[Any]
_FORMAT = "interaction trajectories 2"
_FORMATS = (_FORMAT, "interaction trajectories 1")  # which had no beginnings
_EXACT = 2**53  # up to here floats count one by one


class Lazy(Mapping[str, Array]):
    """Arrays that are put together when they are asked for, once."""

    def __init__(self, paths: Iterable[str], make: Callable[[str], Array]) -> None:
        self._made: dict[str, Array | None] = dict.fromkeys(paths)
        self._make = make

    def __contains__(self, path: object) -> bool:
        return path in self._made

    def __getitem__(self, path: str) -> Array:
        if path not in self._made:
            raise unknown_name(path, self._made, "a run's paths")
        array = self._made[path]
        if array is None:
            array = self._made[path] = self._make(path)
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


class Trajectories(Mapping[str, Array]):
    """The episodes of a run, as arrays by path.

    `runs["task_state.x"]` has the axes `(episode, *over, round)`, and behind them those of the field;
    with `record="final"` there is no round axis. A path such as `"rewards.user_task"` holds the reward
    of a source in each round. Row r holds the game at the end of round r; where an episode ended
    before, its last values are repeated (rewards are 0), and `played` tells which rounds are real.
    An array is masked (`numpy.ma`) where an episode did not hold a value: an assistant that never looked
    has observed nothing. A tuple of numbers is a vector; of any other tuple each entry has a path, such as
    `"user_observation.seen.0"`. `start["task_state.x"]` holds what the episodes began with: `(episode,
    *over)`; `forced` lists which of it, and of the actions before the first round, was given as the run's
    `start`.

    `returns`, `lengths` (rounds), `terminated`, `truncated` have the axes `(episode, *over)`, and so
    has each of `rewards` (the totals by source). `over` holds the labels of the axes of candidates,
    `episodes` the episode indices, and `seed` the seed with which the run can be repeated.

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> runs = Bundle(MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser(), max_rounds=5).run(3, seed=0)
    >>> runs["user_action"], runs.returns
    (array([[1, 0, 1, 1, 0],
           [0, 0, 0, 1, 1],
           [0, 1, 0, 1, 1]]), array([1., 3., 3.]))
    """

    def __init__(
        self,
        values: Mapping[str, Array],
        *,
        start: Mapping[str, Array] | None = None,
        rewards: Mapping[str, Array],
        lengths: Array,
        terminated: Array,
        truncated: Array,
        episodes: Array,
        over: Mapping[str, Array] | None = None,
        seed: int = 0,
        per_round: bool = True,
        forced: Iterable[str] = (),
    ) -> None:
        self._values = values
        self.start = {} if start is None else start
        self.rewards = dict(rewards)
        self.lengths = lengths
        self.terminated = terminated
        self.truncated = truncated
        self.episodes = episodes
        self.over = dict(over or {})
        self.seed = seed
        self.per_round = per_round
        self.forced = tuple(forced)

    def __getitem__(self, path: str) -> Array:
        if path not in self._values:
            raise unknown_name(path, self._values, "trajectories (only what was recorded can be read)")
        return self._values[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, path: object) -> bool:
        return path in self._values

    @property
    def returns(self) -> Array:
        """The sum of all rewards of each episode."""
        total: Array = sum((self.rewards[source] for source in SOURCES), np.zeros(self.lengths.shape))
        return total

    @property
    def played(self) -> Array:
        """Which rounds were played: `(episode, *over, round)`."""
        rounds = int(self.lengths.max(initial=0))
        return np.arange(rounds) < self.lengths[..., None]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names of the axes of `lengths`: "episode", then the paths of `over`."""
        return ("episode", *self.over)

    def episode(self, index: int) -> Trajectories:
        """Give one episode, by its place in this run, cut to the rounds that it lasted.

        Raises `ArgumentError` for an index that the run does not have.

        >>> from interaction import Bundle
        >>> from interaction.assistants.pointing import ConstantGain
        >>> from interaction.tasks.pointing import PointingTask
        >>> from interaction.users.pointing import CarefulPointer
        >>> runs = Bundle(PointingTask(), CarefulPointer(), ConstantGain(2.0), max_rounds=60).run(9, seed=0)
        >>> runs.episode(4)["task_state.position"]
        array([[12, 10,  8, 10,  8,  6,  4,  4]])
        """
        count = len(self.episodes)
        if isinstance(index, bool) or not isinstance(index, int | np.integer) or not -count <= index < count:
            raise ArgumentError(f"episode: expected an index below {count}, got {index!r}")
        return self._cut(slice(index, index + 1 or None))

    def subset(self, places: Sequence[int] | Array) -> Trajectories:
        """Give some episodes, by their places in this run, cut to the rounds that the longest of them lasted.

        Raises `ArgumentError` for places that the run does not have.

        >>> from interaction import Bundle
        >>> from interaction.assistants.pointing import ConstantGain
        >>> from interaction.tasks.pointing import PointingTask
        >>> from interaction.users.pointing import CarefulPointer
        >>> runs = Bundle(PointingTask(), CarefulPointer(), ConstantGain(2.0), max_rounds=60).run(9, seed=0)
        >>> runs.subset([3, 4])["task_state.position"]
        array([[17, 15, 15, 15, 15, 15, 15, 15],
               [12, 10,  8, 10,  8,  6,  4,  4]])
        """
        found = np.asarray(places)
        count = len(self.episodes)
        if found.dtype.kind not in "iu" or found.ndim != 1 or not np.all((found >= -count) & (found < count)):
            raise ArgumentError(f"subset: expected indices below {count}, got {places!r}")
        return self._cut(found)

    def _cut(self, part: Any) -> Trajectories:
        rounds = int(self.lengths[part].max(initial=0))
        axis = 1 + len(self.over)
        values = {path: array[part] for path, array in self._values.items()}
        if self.per_round:
            cut = (slice(None),) * axis + (slice(rounds),)
            values = {path: array[cut] for path, array in values.items()}
        return Trajectories(
            {path: _unmasked(array) for path, array in values.items() if not _never(array)},
            start=Lazy(self.start, lambda path: self.start[path][part]),
            rewards={source: array[part] for source, array in self.rewards.items()},
            lengths=self.lengths[part],
            terminated=self.terminated[part],
            truncated=self.truncated[part],
            episodes=self.episodes[part],
            over=self.over,
            seed=self.seed,
            per_round=self.per_round,
            forced=self.forced,
        )

    def final(self, part: str) -> State:
        """Give a part of the game, such as "assistant_state", at the end of each episode.

        Its fields are arrays `(episode, *over)`, as a filter's `posterior` takes them. Raises
        `UnknownNameError` for what was not recorded, and `ArgumentError` for what an episode never held.

        >>> from interaction import Bundle
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> runs = Bundle(CoordinatedTask(), PseudoRandomUser(), max_rounds=5).run(3, seed=0)
        >>> runs.final("user_state").p1
        array([5, 5, 5])
        """
        paths = [path for path in self if path.startswith(f"{part}.")]
        if not paths:
            raise unknown_name(part, {path.partition(".")[0]: 0 for path in self if "." in path}, "final")
        last = (slice(None),) * len(self.dimensions) + (-1,) * self.per_round
        found = {path: self[path][last] for path in paths}
        for path, array in found.items():
            if _missing(array).any():
                raise ArgumentError(f"final: {path}: an episode never held it (see `numpy.ma.getmaskarray`)")
        state: State = nest({path[len(part) + 1 :]: np.asarray(array) for path, array in found.items()})
        return state

    def to_xarray(self) -> xarray.Dataset:
        """Give an `xarray.Dataset` with labelled axes (needs the extra `data`).

        A path of `over` names its axis; what was recorded of it is called `recorded.<path>`, and what
        the episodes began with `start.<path>`. What an episode did not hold is NaN, and its integers floats.

        >>> from interaction import Bundle
        >>> from interaction.tasks.bandit import MultiArmedBanditTask
        >>> from interaction.users.bandit import RescorlaWagnerUser
        >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser(), max_rounds=50)
        >>> data = bundle.run(200, seed=0, over={"user_state.learning_rate": [0.1, 0.5]}).to_xarray()
        >>> dict(data["task_state.outcome"].sizes)
        {'episode': 200, 'user_state.learning_rate': 2, 'round': 50}
        >>> data["returns"].mean("episode").round(1).values
        array([31.9, 34. ])
        """
        try:
            import xarray
        except ImportError:
            raise missing_extra("xarray", "data", "Trajectories.to_xarray") from None
        dimensions = self.dimensions
        variables: dict[str, Any] = {
            name: (dimensions, getattr(self, name))
            for name in ("lengths", "returns", "terminated", "truncated")
        }
        for source, array in self.rewards.items():
            variables[f"total.{source}"] = (dimensions, array)
        coordinates: dict[str, Any] = {"episode": self.episodes}
        for path, labels in self.over.items():
            coordinates[path] = labels if labels.ndim == 1 else np.arange(len(labels))
        axes = (*dimensions, "round") if self.per_round else dimensions
        if self.per_round:
            variables["played"] = (axes, self.played)
            coordinates["round"] = np.arange(self.played.shape[-1])
        for path, array in self._values.items():
            inner = tuple(f"{path}[{axis}]" for axis in range(array.ndim - len(axes)))
            name = f"recorded.{path}" if path in self.over else path  # the path itself labels an axis
            variables[name] = ((*axes, *inner), _with_nan(array, path))
        for path, array in self.start.items():
            inner = tuple(f"{path}[{axis}]" for axis in range(array.ndim - len(dimensions)))
            variables[f"start.{path}"] = ((*dimensions, *inner), array)
        return xarray.Dataset(variables, coordinates, {"seed": self.seed})

    def to_dataframe(self, start: Iterable[str] | None = None) -> pandas.DataFrame:
        """Give a `pandas.DataFrame` with a row for each played round, and a column for each number.

        Where only the final values were recorded, there is a row for each episode. Vectors have a column for
        each entry. `start` lists what of the beginnings has a column `start.<path>`; by default that is what
        was recorded of the states. What an episode did not hold is missing (`isna()`); integers and flags
        keep their kind (`Int64`, `boolean`). It needs the extra `data`.
        Raises `UnknownNameError` for a path that has no beginning.

        >>> from interaction import Bundle
        >>> from interaction.tasks.bandit import MultiArmedBanditTask
        >>> from interaction.users.bandit import RescorlaWagnerUser
        >>> runs = Bundle(MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser(), max_rounds=3).run(2, seed=0)
        >>> print(runs.to_dataframe()[["episode", "round", "user_action", "task_state.outcome"]])
           episode  round  user_action  task_state.outcome
        0        0      0            1                   1
        1        0      1            0                   0
        2        0      2            1                   0
        3        1      0            0                   1
        4        1      1            0                   0
        5        1      2            0                   0
        """
        try:
            import pandas
        except ImportError:
            raise missing_extra("pandas", "data", "Trajectories.to_dataframe") from None
        rows = np.nonzero(self.played) if self.per_round else np.nonzero(np.ones(self.lengths.shape, bool))
        columns: dict[str, Any] = {"episode": self.episodes[rows[0]]}
        for (path, labels), index in zip(self.over.items(), rows[1:], strict=False):
            columns[path] = labels[index] if labels.ndim == 1 else index
        if self.per_round:
            columns["round"] = rows[-1]
        over = {path: columns.pop(path) for path in self.over}
        columns.update({f"over.{path}": column for path, column in over.items()})
        chosen = {path: array[rows] for path, array in self._values.items()}
        begun = rows[: len(self.dimensions)]
        kept = [path for path in self.start if path in chosen] if start is None else start
        for path in kept:
            if path not in self.start:
                raise unknown_name(path, self.start, "to_dataframe: start")
            chosen[f"start.{path}"] = self.start[path][begun]
        for path, array in chosen.items():
            for entry in np.ndindex(*array.shape[1:]):
                name = f"{path}[{','.join(map(str, entry))}]" if entry else path
                columns[name] = _column(array[(slice(None), *entry)])
        if not self.per_round:
            for name in ("lengths", "returns", "terminated", "truncated"):
                columns[name] = getattr(self, name)[rows]
        return pandas.DataFrame(columns)

    def save(self, path: str | Path) -> Path:
        """Write to a file, without loss, and give its path.

        It is a compressed `.npz` archive with a description in JSON.
        A file that is there is replaced as a whole, or stays as it is where writing fails.
        The format is numpy's own: it keeps each type and each bit (NaN included), and reads back with
        nothing but numpy; a table or a netCDF file would change types. A missing ending is added.

        >>> import tempfile
        >>> from interaction import Bundle, Trajectories
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> runs = Bundle(CoordinatedTask(), PseudoRandomUser(), max_rounds=5).run(10, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = runs.save(f"{folder}/pilot")
        ...     print(file.name, Trajectories.load(file) == runs)
        pilot.npz True
        """
        file = Path(path)
        file = file if file.suffix == ".npz" else file.with_name(file.name + ".npz")
        values = self._values
        arrays: dict[str, Array] = {f"value:{name}": np.ma.getdata(array) for name, array in values.items()}
        arrays |= {f"missing:{name}": _missing(array) for name, array in values.items() if _masks(array)}
        arrays |= {f"start:{name}": array for name, array in self.start.items()}
        arrays |= {f"reward:{name}": array for name, array in self.rewards.items()}
        arrays |= {f"over:{name}": array for name, array in self.over.items()}
        for name in ("lengths", "terminated", "truncated", "episodes"):
            arrays[name] = getattr(self, name)
        about = {"format": _FORMAT, "seed": self.seed, "per_round": self.per_round, "forced": self.forced}
        arrays["about"] = np.array(json.dumps(about))
        write_whole(file, lambda out: np.savez_compressed(out, **arrays))  # type: ignore[arg-type]
        return file

    @classmethod
    def load(cls, path: str | Path) -> Trajectories:
        """Read what `save` wrote.

        Raises `ArgumentError` for any other file, a torn one included.

        >>> import tempfile
        >>> from interaction import Bundle, Trajectories
        >>> from interaction.tasks.coordination import CoordinatedTask
        >>> from interaction.users.coordination import PseudoRandomUser
        >>> runs = Bundle(CoordinatedTask(), PseudoRandomUser(), max_rounds=5).run(10, seed=0)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     print(Trajectories.load(runs.save(f"{folder}/pilot.npz"))["user_action"].shape)
        (10, 5)
        """
        with Path(path).open("rb") as file:
            try:
                with np.load(file) as archive:
                    return cls._read({name: archive[name] for name in archive.files})
            except ArgumentError as error:
                raise ArgumentError(f"{path}: {error}") from None
            except Exception as error:  # an OSError included, of a place in the file that there is not
                raise ArgumentError(
                    f"{path}: expected a whole file written by Trajectories.save, got another or a torn one "
                    f"({type(error).__name__}: {error})"
                ) from error

    @classmethod
    def _read(cls, arrays: Mapping[str, Array]) -> Trajectories:
        """Make a run of what a file holds."""
        about = json.loads(str(arrays["about"]))
        if about["format"] not in _FORMATS:
            raise ArgumentError(f"expected the format {_FORMAT!r}, got {about['format']!r}")

        def group(prefix: str) -> dict[str, Array]:
            return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}

        values = group("value:")
        values |= {name: np.ma.MaskedArray(values[name], mask) for name, mask in group("missing:").items()}
        return cls(
            values,
            start=group("start:"),
            rewards=group("reward:"),
            over=group("over:"),
            lengths=arrays["lengths"],
            terminated=arrays["terminated"],
            truncated=arrays["truncated"],
            episodes=arrays["episodes"],
            seed=about["seed"],
            per_round=about["per_round"],
            forced=about.get("forced", ()),  # of before, it is not known
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trajectories):
            return NotImplemented
        groups = ("_values", "start", "rewards", "over")
        pairs = [(getattr(self, name), getattr(other, name)) for name in groups]
        return all(
            mine.keys() == theirs.keys()
            and all(
                same(np.ma.getdata(mine[name]), np.ma.getdata(theirs[name]))
                and same(_missing(mine[name]), _missing(theirs[name]))
                for name in mine
            )
            for mine, theirs in pairs
        ) and all(
            same(getattr(self, name), getattr(other, name))
            for name in ("lengths", "terminated", "truncated", "episodes", "seed", "per_round")
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_values": dict(self._values), "start": dict(self.start)}

    def __repr__(self) -> str:
        count, *sizes = self.lengths.shape
        named = [f"{size} {name}" for name, size in zip(self.over, sizes, strict=True)]
        axes = ", ".join([f"{count} episode{'s' * (count != 1)}", *named])
        paths = list(self)
        shown = ", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
        return f"Trajectories({axes}{self._told_returns()}, seed={self.seed}, recorded: {shown or 'nothing'})"

    def _told_returns(self) -> str:
        """Tell the mean return; its standard error is over episodes, whose luck all cells of `over` share."""
        if not self.lengths.size:
            return ""
        returns = self.returns.reshape(len(self.lengths), -1).mean(axis=1)
        told = f"return {returns.mean():.4g}"
        if len(returns) == 1:
            return ", " + "mean " * bool(self.over) + told
        if (returns == returns[0]).all():
            return ", " + "mean " * bool(self.over) + f"{told} in each episode"
        error = returns.std(ddof=1) / math.sqrt(len(returns))
        return f", mean {told} ± {error:.2g} (standard error)"


def _masks(array: Array) -> bool:
    return isinstance(array, np.ma.MaskedArray)


def _missing(array: Array) -> NDArray[np.bool_]:
    """Say which values are missing; a single False stands for none."""
    return np.ma.getmaskarray(array) if _masks(array) else np.zeros((), bool)


def _never(array: Array) -> bool:
    """Say whether all values are missing."""
    return _masks(array) and array.size > 0 and bool(_missing(array).all())


def _unmasked(array: Array) -> Array:
    """Give a plain array where nothing is missing."""
    return array if _missing(array).any() else np.asarray(array)


def _with_nan(array: Array, path: str) -> Array:
    """Give missing values as NaN."""
    if not _masks(array):
        return array
    known = np.ma.getdata(array)
    if known.dtype.kind in "iu" and (np.abs(known) > _EXACT).any():
        raise ArgumentError(f"{path}: values are missing, and others are beyond what floats count one by one")
    return np.where(_missing(array), np.nan, known)


def _column(array: Array) -> Any:
    """Give a column of a data frame, in which missing values are missing and integers stay integers."""
    import pandas

    if not _masks(array):
        return array
    known, missing = np.ma.getdata(array), _missing(array)
    kinds: dict[str, Any] = {"i": "Int64", "u": "UInt64", "b": "boolean"}
    if known.dtype.kind in kinds:
        column = pandas.Series(known).astype(kinds[known.dtype.kind])
    else:
        column = pandas.Series(known)
    return column.mask(missing)
