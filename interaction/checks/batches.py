"""Batches of 1, 7 and 1,000 episodes are compared with single episodes, to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from interaction.agent import Agent
from interaction.bundle import Bundle
from interaction.checks.calls import SEED, Watch
from interaction.checks.culprit import Difference, WithLogProb, culprit, raiser
from interaction.checks.duals import reachable
from interaction.checks.report import Budget, Report
from interaction.component import Component, promise_of
from interaction.errors import ConformanceError
from interaction.policy import has_log_prob
from interaction.state import GameState, Value, flatten, same
from interaction.task import InteractionTask
from interaction.trajectory import Trajectories
from interaction.turns import ASSISTANT_OBSERVES, SOURCES, Rewards

SIZES = (1, 7, 1000)
SPREAD = 50  # episodes of a large batch, from the first to the last, that are compared in any case
MORE = 5000  # rounds of single episodes, up to which further ones are compared
BYTES = 256 * 2**20  # of a recorded batch
RECHECKED = 10  # rounds for which log_prob is compared


@dataclass
class Alone:
    """A single episode: what it was like at the end of each round, and how it ended."""

    games: list[GameState] = field(default_factory=list)
    rewards: list[Rewards] = field(default_factory=list)
    terminated: bool = False
    error: Exception | None = None
    seconds: float = 0.0

    def columns(self) -> Iterator[tuple[str, list[int], list[Value]]]:
        """Give each path with the rounds in which it was there, and its values."""
        found: dict[str, tuple[list[int], list[Value]]] = {}
        for number, (game, rewards) in enumerate(zip(self.games, self.rewards, strict=True)):
            named = {f"rewards.{name}": reward for name, reward in zip(SOURCES, rewards, strict=True)}
            for path, value in (*flatten(game), *named.items()):
                if value is not None:
                    rounds, values = found.setdefault(path, ([], []))
                    rounds.append(number)
                    values.append(value)
        return ((path, rounds, values) for path, (rounds, values) in found.items())


def check_batches(bundle: Bundle, parts: Sequence[Component], report: Report, budget: Budget) -> None:
    """Play batches and single episodes; raise where they differ in any bit, or in whether they raise."""
    singles: dict[int, Alone] = {}
    seconds, before = 0.0, 0
    for size in SIZES:
        count = _fitting(size, bundle, singles, seconds, before, parts, budget, report)
        start = perf_counter()
        runs = _run(bundle, range(count), parts)
        seconds, before = perf_counter() - start, count
        compared, played = 0, 0
        chosen = list(dict.fromkeys(_chosen(runs)))
        for episode in dict.fromkeys([*chosen, *np.random.default_rng(SEED).permutation(count).tolist()]):
            if compared >= len(chosen) and played >= MORE:
                break
            if compared >= max(SIZES[:-1]) and budget.spent():
                report.unchecked.append(
                    f"batch of {count:,}: only {compared} of its episodes were compared with single ones, "
                    "for lack of time"
                )
                break
            if episode not in singles:
                singles[episode] = play_alone(bundle, episode)
            _compare(bundle, runs, episode, singles[episode], parts)
            compared += 1
            played += len(singles[episode].games)
        report.batches[count] = compared
    _check_lifted(bundle, parts, report)
    _check_log_probs(bundle, parts, report)


def _check_lifted(bundle: Bundle, parts: Sequence[Component], report: Report) -> None:
    """Say what is right in a batch only since it is played singly; raise if what it asks promises arrays."""
    for component in bundle.lineup.refused:
        if all(component is not part for part in parts):
            continue
        name = type(component).__name__
        for held in reachable(component):
            if held is not component and isinstance(held, InteractionTask) and promise_of(held):
                raise ConformanceError(
                    f"{type(held).__name__} promises batched = True, and gives {name} other values for a "
                    f"batch than for its episodes alone; write it for one episode, or mark it batched = False"
                )
        report.unchecked.append(
            f"{name}, lifted: it gives other values than alone, so that it is played episode by episode"
        )


def _fitting(
    size: int,
    bundle: Bundle,
    singles: dict[int, Alone],
    seconds: float,
    before: int,
    parts: Sequence[Component],
    budget: Budget,
    report: Report,
) -> int:
    """Give how many episodes to play of a batch of this size, so that time and memory suffice."""
    if size <= max(SIZES[:-1]):
        return size
    rounds = max(len(alone.games) for alone in singles.values())
    room = max(sum(_bytes(game) for game in alone.games[-1:]) for alone in singles.values()) * rounds
    slow = seconds * size / before > budget.left(0.8)
    if slow:  # or is it only that a batch takes its time to begin? A larger one tells
        middle = min(size // 20, 10 * before)
        start = perf_counter()
        _run(bundle, range(middle), parts)
        each = max((perf_counter() - start - seconds) / (middle - before), 0.0)
        slow = each * size > budget.left(0.8)
    fits = [size, BYTES // max(room, 1)]
    if slow:
        left = budget.left(0.8)
        fits.append(int(left / each) if min(left, each) > 0 else 0)
    count = max(min(fits), before)
    if count < size:
        report.unchecked.append(
            f"batch of {size:,}: {'it would take too long' if slow else 'it would take too much memory'}, so "
            f"{count:,} episodes were played"
        )
    return count


def _bytes(value: Value) -> int:
    return sum(np.asarray(leaf).nbytes for _, leaf in flatten(value) if leaf is not None)


def _chosen(runs: Trajectories) -> Iterator[int]:
    """Give the episodes to compare: all of few; of many some, and those in which something is extreme."""
    count = len(runs.lengths)
    if count <= max(SIZES[:-1]):
        yield from range(count)
        return
    columns = [runs.lengths, runs.returns, *(runs[path] for path in runs)]
    for column in columns:
        if np.asarray(column).dtype.kind in "biuf" and np.size(column):
            flat = np.asarray(column).reshape(count, -1)
            yield from (int(flat.max(axis=1).argmax()), int(flat.min(axis=1).argmin()))
    yield from (int(episode) for episode in np.linspace(0, count - 1, SPREAD))


def play_alone(bundle: Bundle, episode: int) -> Alone:
    """Play one episode by hand."""
    alone = Alone()
    start = perf_counter()
    try:
        bundle.reset(SEED, episode=episode)
        done = False
        while not done:
            step = bundle.step()
            alone.games.append(step.game)
            alone.rewards.append(step.rewards)
            alone.terminated, done = step.terminated, step.done
    except Exception as error:
        alone.error = error
    alone.seconds = perf_counter() - start
    return alone


def _run(bundle: Bundle, episodes: Sequence[int], parts: Sequence[Component]) -> Trajectories:
    """Play a batch; raise a `ConformanceError` that says who raised, and whether it does so alone, too."""
    try:
        return bundle.run(list(episodes), seed=SEED)
    except Exception as error:
        few, raised = _smallest(bundle, list(episodes), error)
        if len(few) == 1 and (alone := play_alone(bundle, few[0])).error is not None:
            raise _agreed(bundle, few[0], parts, alone.error) from error
        name = raiser(bundle, raised) or culprit(bundle, lambda twin: _raises(twin, few))
        which = (
            f"in a batch of the episode {few[0]}" if len(few) == 1 else f"in a batch of {len(few)} episodes"
        )
        raise ConformanceError(
            f"{name or 'a component'} fails {which}, and not alone ({type(raised).__name__}: {raised}); "
            f"write it for one episode, or mark it batched = False"
        ) from error


def _smallest(bundle: Bundle, episodes: list[int], error: Exception) -> tuple[list[int], Exception]:
    """Halve a batch that raises for as long as a half of it raises."""
    while len(episodes) > 1:
        middle = len(episodes) // 2
        for half in (episodes[:middle], episodes[middle:]):
            found = _raises(bundle, half)
            if found is not None:
                episodes, error = half, found
                break
        else:
            break
    return episodes, error


def _raises(bundle: Bundle, episodes: list[int]) -> Exception | None:
    try:
        bundle.run(episodes, seed=SEED, record="final")
    except Exception as error:
        return error
    return None


def _agreed(bundle: Bundle, episode: int, parts: Sequence[Component], error: Exception) -> ConformanceError:
    """Make the error for an episode that raises alone, by playing it with each call checked."""
    try:
        Watch(parts).play(bundle, episode)
    except ConformanceError as named:
        return named
    return ConformanceError(f"episode {episode} raises {type(error).__name__}: {error}")


def _compare(
    bundle: Bundle, runs: Trajectories, episode: int, alone: Alone, parts: Sequence[Component]
) -> None:
    count = len(runs.lengths)
    if alone.error is not None:
        named = _agreed(bundle, episode, parts, alone.error)
        raise ConformanceError(f"{named}, but in a batch of {count} episodes it raises nothing") from named
    found = difference(runs, episode, alone)
    if found is None:
        return

    def differs(twin: Bundle) -> Difference | None:
        return difference(twin.run(count, seed=SEED), episode, alone)

    where = culprit(bundle, differs, found) or "a component"
    raise ConformanceError(
        f"{where} gives for a batch {found.together!r}, and for its single episodes {found.alone!r} "
        f"({found.path} of episode {episode} in round {found.round}, in a batch of {count}); "
        f"write it for one episode, or mark it batched = False"
    )


def difference(runs: Trajectories, episode: int, alone: Alone) -> Difference | None:
    """Give the first value in which an episode of a batch is another one than alone, if there is one."""
    length = int(runs.lengths[episode])
    found: list[Difference] = []
    for path, rounds, values in alone.columns():
        common = [number for number in rounds if number < length]
        if not common:
            continue
        if path not in runs:
            found.append(Difference(episode, common[0], path, None, values[0]))
            continue
        together = runs[path][episode, common]
        try:
            equal = same(together, np.array(values[: len(common)]))
        except ValueError:  # of different shapes
            equal = False
        if not equal:
            number = next(
                (
                    n
                    for n, value in enumerate(values[: len(rounds)])
                    if not same(together[n], np.asarray(value))
                ),
                None,
            )
            if number is not None:
                value = together[number]
                value = value.item() if np.ndim(value) == 0 else value
                found.append(Difference(episode, rounds[number], path, value, values[number]))
    first = min(found, key=lambda one: (one.round, one.place), default=None)
    ends = (length, bool(runs.terminated[episode])), (len(alone.games), alone.terminated)
    if ends[0] != ends[1] and (first is None or first.path in ("round_index", "turn_index")):
        told = [f"{rounds} rounds, {'terminated' if over else 'truncated'}" for rounds, over in ends]
        last = min(length, len(alone.games)) - 1
        turns = int(runs["turn_index"][episode, last]), alone.games[last].turn_index
        method = "on_user_action" if ASSISTANT_OBSERVES in turns else "on_assistant_action"
        return Difference(episode, last, "its length", told[0], told[1], method)
    return first


def _check_log_probs(bundle: Bundle, parts: Sequence[Component], report: Report) -> None:
    """Compare the log_prob of a batch with that of single episodes."""
    for role in ("user", "assistant"):
        agent: Agent | None = getattr(bundle, role)
        if agent is None or not has_log_prob(agent.policy) or all(part is not agent.policy for part in parts):
            continue
        rounds = min(RECHECKED, bundle.max_rounds or RECHECKED)
        name = type(agent.policy).__name__
        named = type(name, (WithLogProb,), {})  # by its name it is known in the log
        paid: Any = {role: agent.replace(policy=named(agent.policy))}
        paying = bundle.replace(**paid, max_rounds=rounds)
        try:
            singles = [play_alone(paying, episode) for episode in range(max(SIZES[:-1]))]
            errors = [alone.error for alone in singles if alone.error is not None]
            if errors:
                raise errors[0]
            runs = paying.run(len(singles), seed=SEED)
        except ConformanceError:
            raise
        except Exception as error:
            raise ConformanceError(
                f"{name}.log_prob fails in a batch ({type(error).__name__}: {error})"
            ) from error
        for episode, alone in enumerate(singles):
            _compare(paying, runs, episode, alone, [])
