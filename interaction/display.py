"""Tables for people, drawn with rich where it is installed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from interaction.errors import missing_extra

if TYPE_CHECKING:
    from rich.table import Table


def table(title: str, columns: Sequence[str], sections: Iterable[Sequence[Sequence[Any]]]) -> Table:
    """Give a rich table, with a line below each section of rows."""
    try:
        from rich.table import Table
    except ImportError:
        raise missing_extra("rich", "terminal", "A table of a state") from None
    drawn = Table(*columns, title=title)
    for rows in sections:
        for number, row in enumerate(rows):
            drawn.add_row(*map(show, row), end_section=number == len(rows) - 1)
    return drawn


def show(value: Any) -> str:
    """Give a value as a short text: numbers with four digits, large arrays by their shape and ends."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, np.ndarray):
        text = np.array2string(value, precision=4, threshold=12, edgeitems=3)
        return text if value.size <= 12 else f"{text} {value.shape}"
    return str(value)


def print_table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    """Print a table: with rich where it is installed, else as plain text."""
    cells = [[show(cell) for cell in row] for row in rows]
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        lines = [columns, ["-" * width for width in widths], *cells]
        text = "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
        print(f"{title}\n{text}")  # noqa: T201  # printing is what this function is for
        return
    table = Table(*columns, title=title)
    for row in cells:
        table.add_row(*row)
    Console().print(table)
