"""What a benchmark gives: tables for people and, with `--json FILE`, times for `compare.py`."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import interaction
from interaction.display import print_table


@dataclass
class Table:
    """Rows of figures under a title; columns in which nothing stands are left out."""

    title: str
    columns: tuple[str, ...] = ("what", "figure", "ratio", "to reach", "reached")
    rows: list[list[str]] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        what: str,
        figure: str,
        ratio: str = "",
        goal: str = "",
        reached: bool | None = None,
        seconds: float | None = None,
    ) -> None:
        """Add a row; `seconds` are what one unit of its work takes, if its time is to be compared."""
        self.rows.append([what, figure, ratio, goal, "" if reached is None else "yes" if reached else "no"])
        if seconds is not None:
            self.times[what.strip()] = seconds

    def show(self) -> None:
        """Print the table."""
        kept = [k for k in range(len(self.columns)) if k < 2 or any(row[k] for row in self.rows)]
        print_table(
            self.title, [self.columns[k] for k in kept], [[row[k] for k in kept] for row in self.rows]
        )


def run(main: Callable[[bool], list[Table]], about: str | None) -> None:
    """Run a benchmark from the command line: `main` takes whether to be quick, and gives its tables."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="a look in a few seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the times of the rows there, too")
    options = parser.parse_args()
    tables = main(options.quick)
    for table in tables:
        table.show()
    if options.json:
        times = {
            f"{table.title}: {what}" if len(tables) > 1 else what: taken
            for table in tables
            for what, taken in table.times.items()
        }
        told = {"interaction": interaction.__file__, "seconds": times}
        options.json.write_text(json.dumps(told, indent=1), encoding="utf-8")


def seconds(call: Callable[[], object]) -> float:
    """Time one call, in seconds of the processor: others may be at work on the machine."""
    begun = time.process_time()
    call()
    return time.process_time() - begun


def rate(play: Callable[[], int]) -> float:
    """Give how many things one call does, which gives their number, in a second of the processor."""
    begun = time.process_time()
    count = play()
    return count / (time.process_time() - begun)


def in_turns(first: Callable[[], int], second: Callable[[], int], repeats: int) -> tuple[float, float, float]:
    """Take two calls in turns; give the median rates of both, and the median of their ratios."""
    first(), second()
    pairs = [(rate(first), rate(second)) for _ in range(repeats)]
    rates = [statistics.median(column) for column in zip(*pairs, strict=True)]
    return rates[0], rates[1], statistics.median(one / other for one, other in pairs)
