"""What a check has looked at, and what it could not; and the time that it may take."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter  # bound here, so that a clock that is put forward does not reach it

SECONDS = 10.0  # that a check takes at most, about; what does not fit is reported


@dataclass
class Report:
    """What a check has looked at; a check that finds something broken raises instead.

    `rounds` says how many were played at most, and `rounds_from` where that number comes from;
    `episodes` how many single episodes were played with every call checked; `calls` how many calls were
    repeated in another order, at another time and in another environment; `processes` in how many
    processes they were; `samples` how many actions of each policy were compared with its `log_prob`;
    `outcomes` how many draws of a task with its `hidden_transition` and its `outcome_log_prob`;
    `batches` how many episodes of a batch of each size were compared with single episodes.
    `unchecked` says what could not be checked, and why.

    >>> from interaction.checks import Report
    >>> print(Report(["TigerTask"], rounds=20, rounds_from="as asked", episodes=5, calls=110, processes=3))
    Checked: TigerTask
      5 single episodes, call by call, of up to 20 rounds (as asked)
      110 calls again: in another order, at another time, in another environment, and in 2 other processes
    """

    components: list[str]
    rounds: int
    rounds_from: str
    episodes: int = 0
    calls: int = 0
    processes: int = 1
    samples: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    batches: dict[int, int] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"Checked: {', '.join(self.components)}",
            f"  {self.episodes:,} single episodes, call by call, of up to {self.rounds:,} rounds"
            f" ({self.rounds_from})",
            f"  {self.calls:,} calls again: in another order, at another time, in another environment"
            + (f", and in {self.processes - 1} other processes" if self.processes > 1 else ""),
        ]
        lines += [
            f"  {name}.log_prob: compared with {count:,} samples" for name, count in self.samples.items()
        ]
        lines += [f"  {name}: compared with {count:,} draws" for name, count in self.outcomes.items()]
        lines += [
            f"  batch of {size:,}: {count:,} of its episodes compared with single ones, to the bit"
            for size, count in self.batches.items()
        ]
        lines += ["Not checked:", *(f"  {line}" for line in self.unchecked)] if self.unchecked else []
        return "\n".join(lines)


class Budget:
    """The time that a check may take, of which its stages take shares one after the other."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._start = perf_counter()

    def left(self, share: float = 1.0) -> float:
        """Give the seconds that are left until this share of the time is spent (below 0 afterwards)."""
        return self._start + share * self.seconds - perf_counter()

    def spent(self, share: float = 1.0) -> bool:
        """Say whether this share of the time is spent."""
        return self.left(share) < 0
