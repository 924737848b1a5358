"""Which condition a participant is given: a function of counts and of a stream, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from interaction.errors import unknown_name
from interaction.random import EpisodeRandom


class Count(NamedTuple):
    """How many sessions of a condition are finished, running and dropped."""

    finished: int = 0
    running: int = 0
    dropped: int = 0


Counts = Mapping[str, Count]
Assignment = Callable[[Counts, EpisodeRandom], str]


def balanced(counts: Counts, rng: EpisodeRandom) -> str:
    """Give the condition with the fewest sessions that are finished or running; of equal ones, one at random.

    A session that was dropped does not count, so that its condition is filled up again.

    >>> from interaction import EpisodeRandom
    >>> from interaction.people.assignment import Count, balanced
    >>> balanced({"constant": Count(9, 1, 0), "informed": Count(7, 2, 5)}, EpisodeRandom(seed=0))
    'informed'
    """
    filled = {name: count.finished + count.running for name, count in counts.items()}
    return at_random({name: counts[name] for name, n in filled.items() if n == min(filled.values())}, rng)


def at_random(counts: Counts, rng: EpisodeRandom) -> str:
    """Give any condition, with equal probability.

    >>> from interaction import EpisodeRandom
    >>> from interaction.people.assignment import Count, at_random
    >>> two = {"constant": Count(), "informed": Count()}
    >>> [at_random(two, EpisodeRandom(seed=0, episode=participant)) for participant in range(4)]
    ['constant', 'constant', 'constant', 'informed']
    """
    names = list(counts)
    name: str = names[rng.integers(0, len(names))]
    return name


ASSIGNMENTS: Mapping[str, Assignment] = {"balanced": balanced, "random": at_random}


def assignment_of(name: str | Assignment) -> Assignment:
    """Give an assignment by its name; a function is taken as it is."""
    if not isinstance(name, str) and callable(name):
        return name
    if name not in ASSIGNMENTS:
        raise unknown_name(name, ASSIGNMENTS, "Study: assignment")
    return ASSIGNMENTS[name]
