"""Calls are made again in another order, at another time and in another environment, here and elsewhere."""

from __future__ import annotations

import pickle
import random
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import FunctionType
from typing import Any

from interaction.checks.calls import Call, Watch
from interaction.checks.duals import reachable
from interaction.checks.report import Budget, Report
from interaction.checks.surroundings import other_clock, other_environment
from interaction.component import Component
from interaction.errors import ConformanceError
from interaction.state import same

EACH = 40  # calls of each method that are made again
Outcome = tuple[bool, Any]
"""Whether a call gave a result, and the result; or what it raised."""


def check_repeats(watch: Watch, report: Report, budget: Budget, share: float) -> list[Call]:
    """Make calls again, in this process; raise if one gives something else than before. Gives the calls."""
    calls = watch.chosen(EACH)
    modules = modules_of(watch.parts)
    copied: tuple[list[Component], list[Call]] = pickle.loads(pickle.dumps((watch.parts, calls)))
    parts, copies = copied
    stages: list[tuple[str, Sequence[Component], list[Call], AbstractContextManager[None], str]] = [
        (
            "when the calls are made in another order, on a copy of the component",
            parts,
            copies,
            nullcontext(),
            "keep nothing between calls (no cache that a result depends on), and do not look at id()",
        ),
        (
            "at another time",
            watch.parts,
            calls,
            other_clock(modules, 500),
            "a result may not depend on the clock",
        ),
        (
            "in another environment",
            watch.parts,
            calls,
            other_environment(modules),
            "a result may not depend on environment variables; give the value to the constructor",
        ),
    ]
    done = len(calls)
    for number, (when, components, again, surroundings, advice) in enumerate(stages):
        order = shuffled(len(calls), number)
        with surroundings:
            outcomes = repeat(components, again, order, budget.left(share) / (len(stages) - number))
        compare(watch, calls, outcomes, when, advice)
        done = min(done, len(outcomes))
    report.calls = done
    if done < len(calls):
        report.unchecked.append(
            f"{len(calls) - done} of {len(calls)} calls were not repeated, for lack of time"
        )
    return calls


def shuffled(count: int, number: int) -> list[int]:
    """Give another order of so many calls."""
    order = list(range(count))
    random.Random(number).shuffle(order)
    return order


def repeat(
    parts: Sequence[Component], calls: Sequence[Call], order: Iterable[int], seconds: float
) -> dict[int, Outcome]:
    """Make calls again until the time is up."""
    budget = Budget(max(seconds, 0.0))
    outcomes: dict[int, Outcome] = {}
    for number in order:
        if budget.spent():
            break
        try:
            outcomes[number] = True, calls[number].repeat(parts)
        except Exception as error:
            outcomes[number] = False, f"{type(error).__name__}: {error}"
    return outcomes


def compare(
    watch: Watch, calls: Sequence[Call], outcomes: dict[int, Outcome], when: str, advice: str
) -> None:
    """Raise for a call that gave something else than before."""
    for number in sorted(outcomes):
        gave, value = outcomes[number]
        call = calls[number]
        if not gave:
            raise ConformanceError(
                f"{watch.name(call)} gave {call.result!r}, and raises {value} {when}: {advice}"
            )
        if not same(call.result, value):
            raise ConformanceError(f"{watch.name(call)} gave {call.result!r}, and {value!r} {when}: {advice}")


def modules_of(parts: Sequence[Component]) -> list[str]:
    """Name the modules in which components, and what they reach by their attributes, are written."""
    names: dict[str, None] = {}
    for value in reachable(list(parts)):
        if isinstance(value, FunctionType):
            names[value.__module__] = None
        elif isinstance(value, Component):
            names |= dict.fromkeys(kind.__module__ for kind in type(value).__mro__)
    return [name for name in names if name in sys.modules and name not in sys.builtin_module_names]
