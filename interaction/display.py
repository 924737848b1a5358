"""Tables for people, drawn with rich where it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interaction.errors import missing_extra
from interaction.state import GameState, State, Value, flatten

if TYPE_CHECKING:
    from rich.table import Table


def state_table(state: State) -> Table:
    """Give a rich table of a state; of a game state, a table with a section for each of its parts."""
    try:
        from rich.table import Table
    except ImportError:
        raise missing_extra("rich", "terminal", "A table of a state") from None
    if not isinstance(state, GameState):
        table = Table("field", "value", title=type(state).__name__)
        for path, value in flatten(state):
            table.add_row(path, show(value))
        return table
    from interaction.turns import TURNS

    title = f"round {state.round_index}, next turn: {TURNS[state.turn_index]}"
    table = Table("part", "field", "value", title=title)
    for name, part in state.items():
        if name in ("round_index", "turn_index", "provenance") or part is None:
            continue
        leaves = list(flatten(part)) if isinstance(part, State) else [("", part)]
        for number, (path, value) in enumerate(leaves):
            last = number == len(leaves) - 1
            table.add_row("" if number else name.replace("_", " "), path, show(value), end_section=last)
    return table


def show(value: Value) -> str:
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
