"""How far a long computation is: a bar in a terminal, and a line a minute where the output is kept."""

from __future__ import annotations

import os
import shutil
import sys
import time
from threading import Event, Thread
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

DRAWN = (2.0, 0.5)
"""After how many seconds a bar is drawn in a terminal, and how many lie between two of its drawings."""

WRITTEN = 60.0
"""The seconds between two lines in a file or a pipe, whichever computations they are about."""

COUNTED = "{n_fmt} of {total_fmt} {unit}, {remaining} left"


class Progress:
    """Tell on the standard error how far a computation is: nothing before it has lasted for some time.

    A terminal shows a bar after two seconds, which is gone when all is done. A file or a pipe gets a line
    a minute. Of computations inside each other the innermost is told.

    >>> from interaction.progress import Progress
    >>> with Progress("fit", total=3, unit="users") as progress:
    ...     for user in range(3):
    ...         progress.update()
    """

    _open: list[Progress] = []  # noqa: RUF012  # of all, the innermost last
    _told = _left = float("-inf")  # when a line was last written, and when a computation last ended

    def __init__(self, label: str, total: int | None = None, *, unit: str = "", shown: bool = True) -> None:
        self.label, self.total, self.unit, self.shown = label, total, unit, shown
        self.n, self._begun = 0, time.monotonic()
        self._stream: TextIO | None = None  # where it is told, while it goes on
        self._drawn = 0  # how many characters of the terminal's line are taken
        self._done = Event()

    def update(self, n: int = 1) -> None:
        """Say that so many more are done."""
        self.n += n

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._begun

    def __enter__(self) -> Self:
        self._stream = sys.stderr if self.shown else None
        self._begun = time.monotonic()
        if self._stream is not None:
            if self._begun - Progress._left > 1.0:  # a new computation, and not the next step of one
                Progress._told = self._begun
            self._open.append(self)
            self._thread = Thread(target=self._draw if self._stream.isatty() else self._write, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._done.set()
            self._thread.join()
            self._open.remove(self)
            Progress._left = time.monotonic()

    def _draw(self) -> None:
        assert self._stream is not None
        wait, again = DRAWN
        while not self._done.wait(wait):
            wait = again
            if self._open[-1] is self:
                width = _width(self._stream) - 1
                line = self._line("{desc} |{bar}| " + COUNTED if width > 60 else "{desc}: " + COUNTED, width)
                self._stream.write("\r" + line.ljust(self._drawn))
                self._stream.flush()
                self._drawn = len(line)
        if self._drawn:
            self._stream.write("\r" + " " * self._drawn + "\r")
            self._stream.flush()

    def _write(self) -> None:
        assert self._stream is not None
        while not self._done.wait(max(Progress._told + WRITTEN - time.monotonic(), 0.01)):
            if self._open[-1] is self and time.monotonic() >= Progress._told + WRITTEN:
                Progress._told = time.monotonic()
                self._stream.write(
                    self._line("{desc}: {percentage:.0f} %, {elapsed} passed, " + COUNTED) + "\n"
                )
                self._stream.flush()

    def _line(self, form: str, width: int | None = None) -> str:
        if self.total is None:
            form = "{desc}: {n_fmt} {unit}, {elapsed} passed" if self.unit else "{desc}: {elapsed} passed"
        elif self.n == 0:
            form = "{desc}: {n_fmt} of {total_fmt} {unit}, {elapsed} passed"
        return tqdm.format_meter(
            self.n,
            self.total,  # type: ignore[arg-type]  # None is what it calls unknown
            time.monotonic() - self._begun,
            ncols=width,
            unit=self.unit,
            prefix=self.label,
            bar_format=form,
        )


def _width(stream: TextIO) -> int:
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):  # a notebook, say
        columns = 0
    return columns or shutil.get_terminal_size().columns  # some terminals do not know theirs
