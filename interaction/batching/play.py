"""Many episodes in lockstep, in chunks that fit the cache.

A finished episode leaves the working arrays at once, so that no component ever sees a finished game.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from interaction.batching.lockstep import Lineup
from interaction.batching.selection import row_of
from interaction.errors import ArgumentError, EpisodeError, unknown_name
from interaction.opening import Forced, combine, for_rows, new_game, per_row, read_over, read_start
from interaction.players import Players
from interaction.random import EpisodeRandom, check_seed, fresh_seed
from interaction.state import GameState, Value, flatten
from interaction.trajectory import Array, Lazy, Trajectories
from interaction.turns import ASSISTANT_OBSERVES, SOURCES, play_half

MOST_ROUNDS = 100_000  # of an episode for which nobody said how many there may be
MOST_BYTES = 4 * 2**30  # of a recording
CHUNK = 12_500  # rows played at a time: their arrays fit a processor's second-level cache
Rows = NDArray[np.int64]
Record = Literal["all", "final"] | Sequence[str]
REWARDS = tuple(f"rewards.{source}" for source in SOURCES)


def keep_memory() -> None:
    """Let the C library keep the memory of freed arrays, for the next ones to use.

    When a large block is freed, glibc raises the size up to which it keeps memory; without that it gives
    back and takes anew every working array of a chunk, which costs a quarter of the speed. The block is
    never touched, and other C libraries do not mind.
    """
    np.empty(2 * 8 * CHUNK * 10, np.uint8)


class Recorder:
    """What a chunk of rows leaves: totals and ends of each row, and the values that are to be recorded."""

    def __init__(
        self,
        rows: int,
        wanted: Callable[[str], bool] | None,
        per_round: bool,
        progress: Callable[[int], Any] | None = None,
        before: int = 0,
    ) -> None:
        self.rows = rows
        self.bytes = before  # that are recorded, those of the chunks before included
        self.wanted = wanted
        self.per_round = per_round
        self.progress = progress
        self._totals: list[Array | None] = [None] * 8
        self.lengths = np.zeros(rows, np.int64)
        self.terminated = np.zeros(rows, bool)
        self.paths: set[str] = set()
        self._final: dict[str, Array] = {}
        self._rounds: list[list[tuple[Rows | None, dict[str, Value]]]] = []

    def keep(self, number: int, rows: Rows, game: GameState, rewards: list[Value]) -> None:
        """Keep what some rows are like at the end of a round."""
        if self.wanted is None or not self.per_round:
            return
        while len(self._rounds) <= number:
            self._rounds.append([])
        values = self._select(game, len(rows))
        values.update(
            (path, reward) for path, reward in zip(REWARDS, rewards, strict=True) if self.wanted(path)
        )
        self._rounds[number].append((None if len(rows) == self.rows else rows, values))
        self.bytes += sum(getattr(value, "nbytes", 8 * len(rows)) for value in values.values())

    def end(
        self,
        rows: Rows,
        game: GameState,
        totals: list[Value],
        rewards: list[Value],
        length: int,
        terminated: bool,
    ) -> None:
        """Keep how some rows ended."""
        where: Array = rows
        if self.rows < 4 * len(rows) < 4 * self.rows:  # a mask is faster for many of them
            where = np.zeros(self.rows, bool)
            where[rows] = True
        for source, (before, now) in enumerate(zip(totals, rewards, strict=True)):
            total = before + now
            if type(total) is not float or total != 0.0:
                array = np.asarray(total, float)
                self._totals[source] = _write(self._totals[source], self.rows, where, array)
        self.lengths[where] = length
        self.terminated[where] = terminated
        if self.wanted is not None and not self.per_round:
            for path, value in self._select(game, len(rows)).items():
                self._final[path] = _write(self._final.get(path), self.rows, where, value, path=path)
        if self.progress is not None:
            self.progress(len(rows))

    def _select(self, game: GameState, rows: int) -> dict[str, Value]:
        assert self.wanted is not None
        leaves = {path: value for path, value in flatten(game) if value is not None}
        self.paths.update(leaves)
        return {
            path: _columns(value, rows) if isinstance(value, tuple) else value
            for path, value in leaves.items()
            if self.wanted(path)
        }

    def total(self, source: int) -> Array | None:
        """The sum of the rewards of a source: `(rows,)`, or None if it paid nothing."""
        return self._totals[source]

    @property
    def recorded(self) -> list[str]:
        """The recorded paths."""
        if not self.per_round:
            return list(self._final)
        return list(dict.fromkeys(path for groups in self._rounds for _, values in groups for path in values))

    def value(self, path: str) -> Array:
        """Put what was recorded of a path together: `(rows, ...)`, or `(rows, rounds, ...)`."""
        if not self.per_round:
            return self._final[path]
        out: Array | None = None
        for number, groups in enumerate(self._rounds):
            if out is not None and number and path not in REWARDS:
                out[number] = out[number - 1]
            for rows, values in groups:
                if path in values:
                    where = number if rows is None else (number, rows)
                    out = _write(out, len(self._rounds), where, values[path], (self.rows,), path)
        assert out is not None
        return np.moveaxis(out, 0, 1)


def _columns(values: tuple[Value, ...], rows: int) -> Array:
    """A tuple as a vector for each row."""
    return np.stack([np.broadcast_to(value, (rows,)) for value in values], axis=-1)


def _write(
    out: Array | None, length: int, where: Any, value: Value, inner: tuple[int, ...] = (), path: str = ""
) -> Array:
    """Write into an array `(length, *inner, *shape)`, which is made, or given a wider type, as needed."""
    array = np.asarray(value)
    if out is not None and path and array.shape[1:] != out.shape[1 + len(inner) :]:
        raise EpisodeError(
            f"{path}: its shape changes between rounds, from {out.shape[1 + len(inner) :]} to "
            f"{array.shape[1:]}, so that it cannot be recorded"
        )
    if out is None and not inner and array.ndim and len(array) == length:
        return array  # all rows at once: there is nothing to add to
    if out is None:
        lead = 0 if array.ndim == 0 else 1
        out = np.zeros((length, *inner, *array.shape[lead:]), array.dtype)
    elif out.dtype != array.dtype:
        out = out.astype(np.promote_types(out.dtype, array.dtype), copy=False)
    out[where] = array
    return out


def play(
    players: Players,
    game: GameState,
    rng: EpisodeRandom,
    recorder: Recorder,
    *,
    max_rounds: int | None,
    check: bool = False,
    check_first: bool = True,
) -> None:
    """Play a batch of games to their ends, each row leaving as soon as it is over."""
    rows: Rows = np.arange(recorder.rows)
    totals: list[Value] = [0.0] * 8
    first_round = game.round_index
    checked = check or check_first
    while len(rows):
        number = game.round_index
        rewards: list[Value] = [0.0] * 8
        while game.round_index == number:
            first = 0 if game.turn_index < ASSISTANT_OBSERVES else 4
            game, *rewards[first : first + 4], over = play_half(players, game, rng, checked)
            if over is False:
                continue
            ended = len(rows) if over is True else int(np.count_nonzero(over))
            if ended == 0:
                continue
            if ended == len(rows) or np.ndim(over) == 0:
                recorder.keep(number - first_round, rows, game, rewards)
                recorder.end(rows, game, totals, rewards, number - first_round + 1, True)
                return
            leaving, staying = np.flatnonzero(over), np.flatnonzero(np.logical_not(over))
            left, left_rewards = row_of(game, leaving, {}), _rows_of(rewards, leaving)
            recorder.keep(number - first_round, rows[leaving], left, left_rewards)
            recorder.end(
                rows[leaving], left, _rows_of(totals, leaving), left_rewards, number - first_round + 1, True
            )
            game, rng, rows = row_of(game, staying, {}), rng.select(staying), rows[staying]
            totals, rewards = _rows_of(totals, staying), _rows_of(rewards, staying)
        recorder.keep(number - first_round, rows, game, rewards)
        if max_rounds is None and game.round_index - first_round >= MOST_ROUNDS:
            raise EpisodeError(
                f"{len(rows)} of {recorder.rows} episodes have not ended after {MOST_ROUNDS:,} rounds: "
                f"give max_rounds"
            )
        if recorder.bytes > MOST_BYTES:
            raise EpisodeError(
                f"the recording passes {MOST_BYTES / 2**30:g} GiB after {game.round_index - first_round:,} "
                f"rounds, when {len(rows)} of {recorder.rows} episodes have not ended: give max_rounds, or "
                f'record less (record="final", or a list of paths)'
            )
        if max_rounds is not None and game.round_index - first_round >= max_rounds:
            recorder.end(rows, game, totals, rewards, number - first_round + 1, False)
            return
        for source, reward in enumerate(rewards):
            if type(reward) is not float or reward != 0.0:
                totals[source] = totals[source] + reward
        checked = check


def _rows_of(values: list[Value], rows: Rows) -> list[Value]:
    return [value.take(rows) if isinstance(value, np.ndarray) else value for value in values]


def run(
    lineup: Lineup,
    episodes: int | Sequence[int],
    *,
    max_rounds: int | None,
    check: bool,
    seed: int | None,
    over: Mapping[str, Any] | None,
    start: Mapping[str, Any] | None,
    record: Record,
    progress: bool,
) -> Trajectories:
    """Play the episodes of `Bundle.run`, chunk by chunk."""
    keep_memory()
    chosen = read_episodes(episodes)
    seed = fresh_seed() if seed is None else check_seed(seed)
    space = lineup.space
    axes = read_over(space, over, "over")
    forced = read_start(space, start, "start", len(chosen))
    per_episode = per_row(space, forced)
    clash = [path for path in axes if path in forced]
    if clash:
        raise ArgumentError(f"run: {', '.join(clash)} is both in start and in over")
    count, combined = combine(axes)
    total = len(chosen) * count
    wanted, per_round = read_record(record)
    rng = EpisodeRandom(seed, episodes=chosen).repeat(count) if axes else EpisodeRandom(seed, episodes=chosen)
    recorders: list[Recorder] = []
    with tqdm(total=total, unit="episode", disable=not progress, leave=True) as bar:
        first = 0
        while first < total:
            rows = np.arange(first, min(first + CHUNK, total))
            where = slice(rows[0], rows[-1] + 1) if count == 1 else rows // count
            part = {
                path: _read_only(value[where]) if path in per_episode else for_rows(value, len(rows))
                for path, value in forced.items()
            }
            part |= {path: _read_only(values[rows % count]) for path, values in combined.items()}

            before = recorders[-1].bytes if recorders else 0

            def play_chunk(
                players: Players, rows: Rows = rows, part: Forced = part, before: int = before
            ) -> Recorder:
                already = bar.n
                recorder = Recorder(len(rows), wanted, per_round, bar.update if progress else None, before)
                stream = rng.select(rows)
                game = new_game(players, stream, part)
                try:
                    play(players, game, stream, recorder, max_rounds=max_rounds, check=check)
                except Exception:
                    bar.n = already
                    raise
                return recorder

            refused = lineup.refused
            recorders.append(lineup.in_batch(play_chunk))
            first += CHUNK
            if (
                lineup.refused != refused and len(recorders) > 1
            ):  # what it gave in the chunks before is in doubt
                recorders, first, bar.n = [], 0, 0
    check_recorded(record, recorders)
    return _gather(recorders, chosen, axes, seed, per_round)


def read_episodes(episodes: int | Sequence[int]) -> Rows:
    """Give the indices of the episodes to play."""
    if isinstance(episodes, int | np.integer) and not isinstance(episodes, bool):
        if episodes < 0:
            raise ArgumentError(f"run: expected a number of episodes >= 0, got {episodes}")
        return np.arange(int(episodes))
    indices = np.asarray(episodes) if not isinstance(episodes, str | bool) else None
    if (
        indices is None
        or indices.ndim != 1
        or (indices.size and (indices.dtype.kind not in "iu" or indices.min() < 0))
    ):
        raise ArgumentError(
            f"run: expected a number of episodes or a list of their indices, got {episodes!r}"
        )
    return indices.astype(np.int64)


def read_record(record: Record) -> tuple[Callable[[str], bool] | None, bool]:
    """Give which paths are recorded (None for none), and whether in each round."""
    if record in ("all", "final"):
        return (lambda path: True), record == "all"
    listed = isinstance(record, Sequence) and not isinstance(record, str)
    if not listed or not all(isinstance(path, str) for path in record):
        raise ArgumentError(f'run: expected record="all", "final" or a list of paths, got {record!r}')
    if not record:
        return None, False
    prefixes = tuple(f"{path}." for path in record)
    return (lambda path: path in record or path.startswith(prefixes)), True


def check_recorded(record: Record, recorders: list[Recorder]) -> None:
    """Raise if a path that was to be recorded does not exist."""
    if isinstance(record, str) or not recorders:
        return
    known = set().union(*(recorder.paths for recorder in recorders)) | set(REWARDS)
    for path in record:
        if not any(name == path or name.startswith(f"{path}.") for name in known):
            raise unknown_name(path, sorted(known), "record")


def _read_only(array: Array) -> Array:
    array.setflags(write=False)
    return array


def _gather(
    recorders: list[Recorder], chosen: Rows, axes: Forced, seed: int, per_round: bool
) -> Trajectories:
    """Put the chunks together, and give them the axes of `over`."""
    shape = (len(chosen), *(len(labels) for labels in axes.values()))

    def join(parts: list[Array]) -> Array:
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole.reshape(*shape, *whole.shape[1:])

    def value(path: str) -> Array:
        parts = [recorder.value(path) for recorder in recorders]
        return join([_pad(part, rounds, path) for part in parts] if per_round else parts)

    def total(source: int) -> Array:
        return join(totals(recorders, source)) if recorders else np.zeros(shape)

    lengths = join([recorder.lengths for recorder in recorders] or [np.zeros(0, np.int64)])
    terminated = join([recorder.terminated for recorder in recorders] or [np.zeros(0, bool)])
    rounds = int(lengths.max(initial=0))
    return Trajectories(
        Lazy(recorders[0].recorded if recorders else [], value),
        rewards={source: total(number) for number, source in enumerate(SOURCES)},
        lengths=lengths,
        terminated=terminated,
        truncated=~terminated,
        episodes=chosen,
        over=axes,
        seed=seed,
        per_round=per_round,
    )


def totals(recorders: list[Recorder], source: int) -> list[Array]:
    """Give the totals of a source from all chunks; untouched zeros cost no time where it paid nothing."""
    parts = [recorder.total(source) for recorder in recorders]
    if all(part is None for part in parts):
        return [np.zeros(sum(recorder.rows for recorder in recorders))]
    return [np.zeros(r.rows) if part is None else part for r, part in zip(recorders, parts, strict=True)]


def _pad(array: Array, rounds: int, path: str) -> Array:
    """Repeat the last values (rewards: 0) up to a number of rounds."""
    short = rounds - array.shape[1]
    if short == 0:
        return array
    tail = np.repeat(array[:, -1:], short, axis=1)
    return np.concatenate([array, np.zeros_like(tail) if path in REWARDS else tail], axis=1)


def check_max_rounds(max_rounds: object, where: str) -> None:
    """Raise unless this is a number of rounds, or None for no limit."""
    if max_rounds is not None and (
        isinstance(max_rounds, bool) or not isinstance(max_rounds, int) or max_rounds < 1
    ):
        raise ArgumentError(f"{where}: expected max_rounds as an integer >= 1 or None, got {max_rounds!r}")
