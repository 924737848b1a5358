"""Tables and numbers for people: tables are drawn with rich where it is installed, and never cut."""

from __future__ import annotations

import math
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from interaction.errors import missing_extra

if TYPE_CHECKING:
    from rich.table import Table

Cells = Sequence[Sequence[str]]


def table(title: str, columns: Sequence[str], sections: Iterable[Sequence[Sequence[Any]]]) -> Table:
    """Give a rich table, with a line below each section of rows."""
    try:
        from rich.table import Column, Table
        from rich.text import Text
    except ImportError:
        raise missing_extra("rich", "terminal", "A table of a state") from None
    drawn = Table(*(Column(name, overflow="fold") for name in columns), title=title)
    for rows in sections:
        for number, row in enumerate(rows):
            drawn.add_row(*(Text(show(cell)) for cell in row), end_section=number == len(rows) - 1)
    return drawn


def show(value: Any) -> str:
    """Give a value as a short text: numbers with four digits, large arrays by their shape and ends."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, threshold=12, edgeitems=3)
        return text if value.size <= 12 else f"{text} {value.shape}"
    return str(value)


def plus_minus(mean: float, half: float) -> str:
    """Give a number with half the width of its interval: with as many digits as the width makes sense of.

    >>> from interaction.display import plus_minus
    >>> plus_minus(0.41327, 0.00251)
    '0.4133 ± 0.0025'
    """
    if not (math.isfinite(half) and half > 0):
        return f"{mean:.4g}"
    digits = decimals(half)
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def decimals(half: float) -> int:
    """Give how many decimals make sense where half the width of an interval is this: its first digit, or two.

    Two where it begins with less than 3.5, after the habit of the Particle Data Group.
    """
    place = math.floor(math.log10(half))
    return max(-place + (half / 10.0**place < 3.5), 0)


def share(true: Any) -> str:
    """Give the share of what is true, with its 95 % interval (Wilson's, which also holds next to 0 and 1).

    >>> from interaction.display import share
    >>> share([True] * 19 + [False])
    '95 % [76, 99]'
    """
    from scipy.stats import binomtest

    true = np.asarray(true, bool).ravel()
    if true.size == 0:
        return ""
    low, high = binomtest(int(true.sum()), true.size).proportion_ci(0.95, "wilson")
    digits = decimals(50 * (high - low))
    return f"{100 * true.mean():.{digits}f} % [{100 * low:.{digits}f}, {100 * high:.{digits}f}]"


def print_text(text: str) -> None:
    """Print a paragraph, wrapped to the width of the terminal; words and addresses stay whole."""
    width = shutil.get_terminal_size().columns
    print(textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False), flush=True)  # noqa: T201


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], labels: int = 1) -> None:
    """Print a table: with rich where it is installed, else as plain text.

    Where the terminal is narrow, words are wrapped and numbers are not; where that will not do, the columns
    follow in several tables, each with the first ones, so many `labels` as it takes to know a row.
    """
    cells = [[show(cell) for cell in row] for row in rows]
    try:
        from rich.console import Console
    except ImportError:
        total = shutil.get_terminal_size().columns
        text = [f"\n{textwrap.fill(title, total)}"]
        text += [_plain(*part) for part in _parts(columns, cells, total + 2, 2, labels)]
        print("\n".join(text), flush=True)  # noqa: T201
        return
    console = Console(highlight=False)
    console.print(f"\n{title}", style="bold", markup=False)
    for names, lines, widths in _parts(columns, cells, console.width - 1, 3, labels):
        console.print(_rich(names, lines, widths))


def _parts(
    columns: Sequence[str], cells: Cells, total: int, gap: int, labels: int
) -> Iterable[tuple[list[str], list[list[str]], list[int]]]:
    """Split a table into those that fit: their columns, their rows and the widths, with a gap at each."""
    both = [[name, *(row[number] for row in cells)] for number, name in enumerate(columns)]
    least = [max(map(_longest, texts)) for texts in both]
    body = [max(map(len, texts[1:]), default=1) for texts in both]
    whole = [max(map(len, texts)) for texts in both]
    repeated = range(labels)
    groups: list[list[int]] = [[]]
    for column in range(labels, len(columns)):
        if groups[-1] and sum(least[one] + gap for one in (*repeated, *groups[-1], column)) > total:
            groups.append([])
        groups[-1].append(column)
    for group in groups:
        chosen = [*repeated, *group]
        widths = [least[one] for one in chosen]
        spare = total - sum(widths) - gap * len(chosen)
        for wanted in (body, whole):  # rows are to be wrapped less than the names of the columns
            while sum(widths) + gap * len(chosen) < total:  # to the column that has to wrap most
                most = max(range(len(chosen)), key=lambda one: wanted[chosen[one]] / widths[one])
                if widths[most] >= wanted[chosen[most]]:
                    break
                widths[most] += 1
        if spare < 0:  # one column with its labels is too much: numbers are wrapped, and then words broken
            parts = [len(part) for text in both[chosen[-1]] for part in text.split()]
            for one, floor in ((-1, max(parts, default=1)), *((label, 4) for label in repeated), (-1, 1)):
                cut = max(min(widths[one] - floor, -spare), 0)
                widths[one], spare = widths[one] - cut, spare + cut
        yield [columns[one] for one in chosen], [[row[one] for one in chosen] for row in cells], widths


def _longest(text: str) -> int:
    """How long the longest part of a cell is that is not to be broken: a word, or a number with all to it."""
    return len(text) if _numeric(text) else max(map(len, text.split()), default=1)


def _numeric(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in ("-", "−", "[", "±")


def _rich(names: list[str], cells: Cells, widths: list[int]) -> Table:
    from rich.table import Table
    from rich.text import Text

    drawn = Table()
    for number, (name, width) in enumerate(zip(names, widths, strict=True)):
        right = number > 0 and all(_numeric(row[number]) or not row[number] for row in cells)
        drawn.add_column(Text(name), width=width, overflow="fold", justify="right" if right else "left")
    for row in cells:
        drawn.add_row(*map(Text, row))
    return drawn


def _plain(names: list[str], cells: Cells, widths: list[int]) -> str:
    lines = []
    for row in (names, ["-" * width for width in widths], *cells):
        parts = [textwrap.wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
        for line in zip_longest(*parts, fillvalue=""):
            lines.append("  ".join(map(str.ljust, line, widths)).rstrip())
    return "\n".join(lines)
