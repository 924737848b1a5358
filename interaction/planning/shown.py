"""What is shown after an action, from which a tree of beliefs learns, and a filter may not."""

from __future__ import annotations

from typing import Any


class Shown:
    """How probable is what is shown after an action: how the task moves, and what each answer leads to."""

    def __init__(self) -> None:
        self.moved: dict[Any, float] = {}
        self.answered: dict[Any, dict[Any, float]] = {}

    def add(self, chance: float, moved: Any, answer: Any, then: Any) -> None:
        """Count one way in which it may come."""
        self.moved[moved] = self.moved.get(moved, 0.0) + chance
        after = self.answered.setdefault((moved, answer), {})
        after[then] = after.get(then, 0.0) + chance

    def agrees(self, other: Shown) -> bool:
        """Say whether it tells nothing, beyond the answers, of which of the two it is."""
        both = self.answered.keys() & other.answered.keys()
        return _alike(self.moved, other.moved) and all(
            _alike(self.answered[key], other.answered[key]) for key in both
        )


def _alike(one: dict[Any, float], other: dict[Any, float]) -> bool:
    first, second = sum(one.values()), sum(other.values())
    keys = one.keys() | other.keys()
    return all(abs(one.get(key, 0.0) / first - other.get(key, 0.0) / second) < 1e-9 for key in keys)
