"""Times the working tree against another commit, on all benchmarks, and prints ratios with intervals.

Run `python benchmarks/compare.py BASE`, where BASE is what git knows: a commit, a branch, a tag. Both are
timed by the working tree's benchmarks, each in a process of its own, in alternation (A B, B A, …), so that a
machine that becomes slower slows both. The ratio is the time of BASE over that of the working tree: above
one, the working tree is faster. The interval is that of Student's t on the logs of the ratios of the pairs;
where it does not hold one there is a star. One row in twenty misses the truth by chance; what matters is
measured again, alone, with more pairs.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from report import Table
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
NOT_TIMED = {"compare", "report"}


def benchmarks() -> list[str]:
    """Give the names of all benchmarks."""
    return sorted({file.stem for file in Path(__file__).parent.glob("*.py")} - NOT_TIMED)


@contextmanager
def checked_out(base: str) -> Iterator[Path]:
    """Lay out a commit in a folder of its own, and clear it away."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "base"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), base], check=True)
        try:
            for name in ("tasks", "users", "assistants", "examples"):  # as they are installed: in the package
                (tree / "interaction" / name).symlink_to(tree / name)
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def timed(name: str, tree: Path, full: bool) -> dict[str, float]:
    """Run a benchmark of ours in a new process, with the package of a tree; give its times by row.

    Raises `RuntimeError` with its last line if it fails, as it may where the tree lacks what it uses.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "times.json"
        words = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--json", str(file)]
        done = subprocess.run(
            words if full else [*words, "--quick"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(tree)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip()
            raise RuntimeError(said.splitlines()[-1] if said else f"exit status {done.returncode}")
        told = json.loads(file.read_text(encoding="utf-8"))
    if not Path(told["interaction"]).is_relative_to(tree):
        raise RuntimeError(f"expected the package of {tree}, got {told['interaction']}")
    times: dict[str, float] = told["seconds"]
    return times


def interval(ratios: list[float], level: float = 0.95) -> tuple[float, float, float]:
    """Give the geometric mean of some ratios and the ends of its interval, which are NaN for a single one."""
    logs = [math.log(ratio) for ratio in ratios]
    mean = statistics.fmean(logs)
    if len(logs) < 2:
        return math.exp(mean), math.nan, math.nan
    half = stats.t.ppf((1 + level) / 2, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def show_time(taken: float) -> str:
    """Show a time with its unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if taken >= size:
            return f"{taken / size:.3g} {unit}"
    return f"{taken / 1e-9:.3g} ns"


def compare(name: str, base: Path, pairs: int, full: bool) -> Table:
    """Time a benchmark with both packages, in alternation; give the table."""
    found: dict[Path, list[dict[str, float]]] = {ROOT: [], base: []}
    for pair in range(pairs):
        for tree in (ROOT, base) if pair % 2 == 0 else (base, ROOT):
            found[tree].append(timed(name, tree, full))
    table = Table(
        f"{name}, pairs: {pairs}", ("what", "BASE", "working tree", "times as fast", "95 % interval")
    )
    for what in found[ROOT][0]:
        ours, theirs = ([times[what] for times in found[tree] if what in times] for tree in (ROOT, base))
        if len(ours) < pairs or len(theirs) < pairs:
            table.rows.append([what, "not measured", show_time(statistics.median(ours)), "", ""])
            continue
        ratio, low, high = interval([after / before for before, after in zip(ours, theirs, strict=True)])
        differs = "" if low <= 1 <= high else " *"
        ends = "of one pair" if math.isnan(low) else f"{low:.2f} to {high:.2f}{differs}"
        shown = [show_time(statistics.median(times)) for times in (theirs, ours)]
        table.rows.append([what, *shown, f"{ratio:.2f}", ends])
    return table


def main() -> None:
    """Compare, and print a table for each benchmark as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("base", metavar="BASE", help="the commit to compare with")
    parser.add_argument("--only", nargs="+", choices=benchmarks(), metavar="NAME", default=benchmarks())
    parser.add_argument("--pairs", type=int, default=7, help="how often each is timed (7)")
    parser.add_argument("--full", action="store_true", help="benchmarks at their full length, for hours")
    options = parser.parse_args()
    if options.pairs < 1:
        parser.error(f"--pairs: expected a number >= 1, got {options.pairs}")
    with checked_out(options.base) as base:
        for name in options.only:
            try:
                compare(name, base, options.pairs, options.full).show()
            except RuntimeError as error:
                print(f"{name}: not compared: {error}")


if __name__ == "__main__":
    main()
