"""Many episodes in lockstep, in chunks that fit the cache.

A finished episode leaves the working arrays at once, so that no component ever sees a finished game.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from interaction.batching.lockstep import Lineup
from interaction.batching.recording import REWARDS, Recorder, Rows, recorded, together, totals
from interaction.batching.selection import row_of
from interaction.errors import ArgumentError, EpisodeError, unknown_name
from interaction.opening import Forced, for_rows, new_game, per_row, read_start
from interaction.over import Axes, axis_labels, axis_lengths, check_apart, combine, read_over
from interaction.players import Players
from interaction.progress import Progress
from interaction.random import EpisodeRandom, check_seed, fresh_seed
from interaction.state import GameState, State, Value
from interaction.trajectory import Array, Lazy, Trajectories
from interaction.turns import ASSISTANT_OBSERVES, SOURCES, play_half

MOST_ROUNDS = 100_000  # of an episode for which nobody said how many there may be
MOST_BYTES = 4 * 2**30  # of a recording
MANY = 1_000  # episodes of which the arrays are large enough for the C library to give them back
CHUNK = 12_500  # rows played at a time: their arrays fit a processor's second-level cache
Record = Literal["all", "final"] | Sequence[str]


def keep_memory() -> None:
    """Let the C library keep the memory of freed arrays, for the next ones to use.

    When a large block is freed, glibc raises the size up to which it keeps memory; without that it gives
    back and takes anew every working array of a chunk, which costs a quarter of the speed. The block is
    never touched, and other C libraries do not mind.
    """
    np.empty(8 * CHUNK * 160, np.uint8)


def play(
    players: Players,
    game: GameState,
    rng: EpisodeRandom,
    recorder: Recorder,
    *,
    max_rounds: int | None,
    check: bool = False,
    check_first: bool = True,
    last_look: bool = False,
    actions: tuple[Value, Value] = (None, None),
    discount: float = 1.0,
) -> None:
    """Play a batch of games to their ends, each row leaving as soon as it is over.

    `actions` of the user and of the assistant stand in for those of their policies, the first time that each
    acts. Totals weigh the rewards of the k-th round, from 0, by discount^k.
    """
    rows: Rows = np.arange(recorder.rows)
    totals: list[Value] = [0.0] * 8
    given = list(actions)
    checked, played = check or check_first, 0  # rounds, before this one
    while len(rows):
        number = game.round_index
        weight = discount**played
        rewards: list[Value] = [0.0] * 8
        while game.round_index == number:
            side = 0 if game.turn_index < ASSISTANT_OBSERVES else 1
            first = 4 * side
            action, given[side] = given[side], None
            game, *rewards[first : first + 4], over = play_half(players, game, rng, checked, action)
            if over is False:
                continue
            ended = len(rows) if over is True else int(np.count_nonzero(over))
            if ended == 0:
                continue
            if ended == len(rows) or np.ndim(over) == 0:
                if last_look and first == 0:
                    game, rewards[4], rewards[5], *_ = play_half(players, game, rng, checked, None, False)
                recorder.keep(played, rows, game, rewards)
                paid = _weighed(rewards, weight)
                recorder.end(rows, game, totals, paid, played + 1, True)
                return
            leaving, staying = np.flatnonzero(over), np.flatnonzero(np.logical_not(over))
            left, left_rewards = game, _rows_of(rewards, leaving)
            part: Rows | None = leaving
            if last_look and first == 0:
                left, part = row_of(game, leaving, {}), None
                left, left_rewards[4], left_rewards[5], *_ = play_half(
                    players, left, rng.select(leaving), checked, None, False
                )
            gone, length = rows[leaving], played + 1
            recorder.keep(played, gone, left, left_rewards, part)
            paid = _weighed(left_rewards, weight)
            recorder.end(gone, left, _rows_of(totals, leaving), paid, length, True, part)
            game, rng, rows = _stay(players, game, staying), rng.select(staying), rows[staying]
            given = [row_of(action, staying, {}) for action in given]
            totals, rewards = _rows_of(totals, staying), _rows_of(rewards, staying)
        recorder.keep(played, rows, game, rewards)
        played += 1
        if max_rounds is None and played >= MOST_ROUNDS:
            raise EpisodeError(
                f"{len(rows)} of {recorder.rows} episodes have not ended after {MOST_ROUNDS:,} rounds: "
                f"give max_rounds"
            )
        if recorder.bytes > MOST_BYTES:
            raise EpisodeError(
                f"the recording passes {MOST_BYTES / 2**30:g} GiB after {played:,} "
                f"rounds, when {len(rows)} of {recorder.rows} episodes have not ended: give max_rounds, or "
                f'record less (record="final", or a list of paths)'
            )
        paid = _weighed(rewards, weight)
        if max_rounds is not None and played >= max_rounds:
            recorder.end(rows, game, totals, paid, played, False)
            return
        for source, reward in enumerate(paid):
            if type(reward) is not float or reward != 0.0:
                totals[source] = totals[source] + reward
        checked = check


def _stay(players: Players, game: GameState, rows: Rows) -> GameState:
    """Give the games that go on, without what the assistant saw before where nobody can see that any more."""
    assistant = players.assistant
    if game.turn_index == ASSISTANT_OBSERVES and assistant is not None and not assistant.sees_observations:
        game = game.replace(assistant_observation=State())
    return row_of(game, rows, {})  # type: ignore[no-any-return]


def _weighed(rewards: list[Value], weight: float) -> list[Value]:
    return rewards if weight == 1.0 else [weight * reward for reward in rewards]


def _rows_of(values: list[Value], rows: Rows) -> list[Value]:
    return [value.take(rows) if isinstance(value, np.ndarray) else value for value in values]


def run(
    lineup: Lineup,
    episodes: int | Sequence[int],
    *,
    max_rounds: int | None,
    check: bool,
    last_look: bool,
    seed: int | None,
    over: Mapping[str, Any] | None,
    start: Mapping[str, Any] | None,
    record: Record,
    progress: bool,
) -> Trajectories:
    """Play the episodes of `Bundle.run`, chunk by chunk."""
    chosen = read_episodes(episodes)
    if len(chosen) >= MANY:
        keep_memory()
    seed = fresh_seed() if seed is None else check_seed(seed)
    fields = lineup.fields
    axes = read_over(fields, over, "over")
    forced = read_start(fields, start, "start", len(chosen))
    per_episode = per_row(fields, forced)
    check_apart(axes, forced, "run")
    count, combined = combine(axes)
    total = len(chosen) * count
    wanted, per_round = read_record(record)
    rng = EpisodeRandom(seed, episodes=chosen).repeat(count) if axes else EpisodeRandom(seed, episodes=chosen)
    recorders: list[Recorder] = []
    told = (total, "episodes") if max_rounds is None else (total * max_rounds, "rounds")
    with Progress("run", told[0], unit=told[1], shown=progress) as bar:
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
                recorder = Recorder(len(rows), wanted, per_round, bar.update, before, max_rounds)
                stream = rng.select(rows)
                game = new_game(players, stream, part)
                recorder.begin(game, forced)
                try:
                    play(
                        players,
                        game,
                        stream,
                        recorder,
                        max_rounds=max_rounds,
                        check=check,
                        last_look=last_look,
                    )
                except Exception:
                    bar.n = already
                    raise
                return recorder

            refused = len(lineup.refused)
            recorders.append(lineup.in_batch(play_chunk))
            first += CHUNK
            if (
                len(lineup.refused) != refused and len(recorders) > 1
            ):  # what it gave in the chunks before is in doubt
                recorders, first = [], 0
                bar.n = 0
    check_recorded(record, recorders)
    return _gather(recorders, chosen, axes, seed, per_round, forced)


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
    recorders: list[Recorder], chosen: Rows, axes: Axes, seed: int, per_round: bool, forced: Forced
) -> Trajectories:
    """Put the chunks together, and give them the axes of `over`."""
    shape = (len(chosen), *axis_lengths(axes))

    def join(parts: list[Array]) -> Array:
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return whole.reshape(*shape, *whole.shape[1:])

    def value(path: str) -> Array:
        return join([together(recorders, path, rounds if per_round else None)])

    def start(path: str) -> Array:
        return join([recorder.start(path) for recorder in recorders])

    def total(source: int) -> Array:
        return join(totals(recorders, source)) if recorders else np.zeros(shape)

    lengths = join([recorder.lengths for recorder in recorders] or [np.zeros(0, np.int64)])
    terminated = join([recorder.terminated for recorder in recorders] or [np.zeros(0, bool)])
    rounds = int(lengths.max(initial=0))
    return Trajectories(
        Lazy(recorded(recorders), value),
        start=Lazy(recorders[0].begun if recorders else (), start),
        rewards={source: total(number) for number, source in enumerate(SOURCES)},
        lengths=lengths,
        terminated=terminated,
        truncated=~terminated,
        episodes=chosen,
        over=axis_labels(axes),
        seed=seed,
        per_round=per_round,
        forced=forced,
    )


def check_max_rounds(max_rounds: object, where: str) -> None:
    """Raise unless this is a number of rounds, or None for no limit."""
    if max_rounds is not None and (
        isinstance(max_rounds, bool) or not isinstance(max_rounds, int) or max_rounds < 1
    ):
        raise ArgumentError(f"{where}: expected max_rounds as an integer >= 1 or None, got {max_rounds!r}")


def check_discount(discount: object, where: str) -> None:
    """Raise unless this is a factor by which rewards count less from round to round."""
    if (
        isinstance(discount, bool)
        or not isinstance(discount, int | float | np.integer | np.floating)
        or not 0 < discount <= 1
    ):
        raise ArgumentError(f"{where}: expected discount as a factor in (0, 1], got {discount!r}")
