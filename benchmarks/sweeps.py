"""Times sweeps: two cores against one, against a plain loop, their memory, and what kills leave.

Run `python benchmarks/sweeps.py` (extra `sweeps`), in some ten minutes on two cores. What plays in several
processes is timed by the clock, so the machine should be quiet; ratios are of one run, taken in turns.
"""

from __future__ import annotations

import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from report import Table, run, seconds

from interaction import Assistant, Bundle, RandomPolicy, Trajectories, User, spaces
from interaction.assistants.pointing import InformationGain, RolloutAssistant
from interaction.studies import Sweep, SweepResults
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = {"rounds": "lengths"}


def coordination() -> Bundle:
    """Make the coordination game of two who pick at random."""
    return Bundle(
        CoordinatedTask(),
        User(policy=RandomPolicy(spaces.Discrete(10))),
        Assistant(policy=RandomPolicy(spaces.Discrete(10))),
        max_rounds=100,
    )


def pointing(error_rate: float) -> Bundle:
    """Make a game of pointing with an assistant that asks by information gain."""
    task, user = PointingTask(31, 8, "position"), CarefulPointer(error_rate)
    return Bundle(task, user, InformationGain(user, task), max_rounds=500)


def rollouts() -> Bundle:
    """Make a game of pointing with an assistant that simulates."""
    task, user = PointingTask(31, 8, "position"), CarefulPointer(0.05)
    return Bundle(task, user, RolloutAssistant(user, task, samples=16), max_rounds=500)


def rounds(runs: Trajectories) -> Any:
    """Give the rounds of each episode; the peak memory of the process so far (MB) goes to a file."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    with Path(os.environ["PEAKS"]).open("a") as peaks:
        peaks.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit}\n")
    return runs.lengths


def in_a_folder(call: Callable[[Path], Any]) -> Any:
    """Call with a new folder, which is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return call(Path(folder) / "results")


def wall(call: Callable[[], object]) -> float:
    """Time one call by the clock: several processes are at work."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def two_cores(table: Table, quick: bool) -> None:
    """Play pointing in one process and in two."""
    episodes, chunk = (2_000, 250) if quick else (200_000, 8_192)
    sweep = Sweep(pointing, {"error_rate": [0.05]}, episodes, measure=ROUNDS, chunk=chunk)
    pairs = [
        [
            wall(lambda n=n: in_a_folder(lambda place: sweep.run(place, n, progress=False)))  # type: ignore[misc]
            for n in (1, 2)
        ]
        for _ in range(1 if quick else 3)
    ]
    ratio = statistics.median(one / two for one, two in pairs)
    taken = statistics.median(two for _, two in pairs)
    what = f"two processes against one, pointing, {episodes:,} episodes"
    table.add(what, f"{taken:.1f} s by the clock", f"{ratio:.2f}", "1.8", ratio >= 1.8, taken / episodes)


def plain_loop(table: Table, quick: bool) -> None:
    """Play a sweep in this process, and the same cells in a loop of `bundle.run`."""
    rates, episodes, aim = ([0.0, 0.3], 1_500, 0.3) if quick else ([0.0, 0.05, 0.15, 0.3], 40_000, 2.0)
    sizing = Sweep(pointing, {"error_rate": rates}, episodes, measure=ROUNDS, seconds=aim)
    sized = in_a_folder(lambda place: sizing.run(place, 0, progress=False))
    sizes = [one["chunk"] for one in sized.manifest["cells"]]
    sweep = Sweep(pointing, {"error_rate": rates}, episodes, measure=ROUNDS, chunk=min(sizes))

    def looped() -> None:
        for rate in rates:
            pointing(rate).run(episodes, seed=0, record=[])

    pairs = []
    for number in range(2 if quick else 5):
        calls = [looped, lambda: in_a_folder(lambda place: sweep.run(place, 0, progress=False))]
        order = (0, 1) if number % 2 == 0 else (1, 0)
        taken = {one: seconds(calls[one]) for one in order}
        pairs.append((taken[0], taken[1]))
    ratio = statistics.median(other / one for one, other in pairs)
    each = statistics.median(other for _, other in pairs) / (episodes * len(rates))
    what = f"against a loop of bundle.run, chunks of {min(sizes):,} episodes"
    table.add(what, f"{1e6 * each:.0f} µs an episode", f"{ratio:.3f} of its time", "1.1", ratio <= 1.1, each)


def a_million(table: Table, quick: bool) -> None:
    """Play many episodes with a measure alone, and look at the memory of the worker and of the table."""
    episodes = 30_000 if quick else 1_000_000
    sweep = Sweep(coordination, {}, episodes, measure={"rounds": rounds})

    def play(place: Path) -> tuple[float, Any]:
        os.environ["PEAKS"] = str(place.parent / "peaks")
        taken = wall(lambda: sweep.run(place, 1, progress=False))
        SweepResults(place).table()
        return taken, np.loadtxt(place.parent / "peaks")

    taken, peaks = in_a_folder(play)
    early, late = peaks[len(peaks) // 10], peaks[-1]
    what = f"memory of a worker, coordination by chance, {episodes:,} episodes"
    figure = f"{late:.0f} MB (after a tenth: {early:.0f} MB)"
    table.add(what, figure, "", "300 MB", late < 300, taken / episodes)


def files(table: Table, quick: bool) -> None:
    """Tell what three bundles play in a second on one core, and what an episode takes in files."""
    for name, make, over, episodes in (
        ("coordination by chance", coordination, {}, 400_000),
        ("pointing by information gain", pointing, {"error_rate": [0.05]}, 20_000),
        ("pointing by rollouts", rollouts, {}, 500),
    ):
        count = max(episodes // 100, 20) if quick else episodes
        sweep = Sweep(make, over, count, measure=ROUNDS, chunk=count)  # type: ignore[arg-type]

        def play(place: Path, sweep: Sweep = sweep) -> tuple[float, int]:
            taken = seconds(lambda: sweep.run(place, 0, progress=False))
            return taken, sum(file.stat().st_size for file in place.glob("chunks/*/*.parquet"))

        taken, size = in_a_folder(play)
        figure = f"{count / taken:,.0f} episodes/s on a core, {size / count:.2f} bytes each"
        table.add(name, figure, seconds=taken / count)


def kills(table: Table, quick: bool) -> None:
    """Kill the main process and workers at random moments, and compare the files."""
    sys.path.insert(0, str(ROOT))
    from tests.interaction.sweeps import killing, small

    count, episodes = (2, 200) if quick else (20, 2_000)

    def play(place: Path) -> tuple[float, bool, list[str]]:
        slow = small.sweep(episodes, {"rounds": "lengths", "reached": small.slowly})  # type: ignore[no-untyped-call]
        slow.run(place / "expected", 2, progress=False)
        begun = time.perf_counter()
        killed = killing.interrupted(place / "killed", episodes, "2", count, seed=1)  # type: ignore[no-untyped-call]
        taken = time.perf_counter() - begun
        expected, found = (small.files(place / name) for name in ("expected", "killed"))  # type: ignore[no-untyped-call]
        return taken, expected == found, killed

    taken, same, killed = in_a_folder(play)
    what = f"{killed.count('main')} kills of the main process, {killed.count('worker')} of workers"
    table.add(what, "the same bytes" if same else "OTHER BYTES", "", "the same bytes", same, taken)


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    table = Table(f"Sweeps (numpy {np.__version__})")
    for measure in (two_cores, plain_loop, a_million, files, kills):
        measure(table, quick)
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
