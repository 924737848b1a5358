"""Calls of environments that leave nothing behind where they raise, and do not look for a game for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from interaction.errors import EpisodeError

MOST_ENDED = 1_000  # episodes in a row that the other side may end before the agent acts


@contextmanager
def atomic(*objects: object) -> Iterator[None]:
    """Put objects back as they were if what is done with them raises."""
    kept = [
        {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in vars(one).items()}
        for one in objects
    ]
    try:
        yield
    except BaseException:
        for one, fields in zip(objects, kept, strict=True):
            vars(one).clear()
            vars(one).update(fields)
        raise


def never_begins(role: str) -> EpisodeError:
    """Make the error for games that are over before the agent's first turn to act."""
    other = "user" if role == "assistant" else "task"
    return EpisodeError(
        f"{MOST_ENDED:,} episodes in a row were over before the {role}'s first turn to act: the {other} ends "
        "them at once"
    )
