"""Whether what a task says of its chances agrees with how often it draws what.

`hidden_transition(before, after)` and `outcome_log_prob(before, after)` say in probabilities what the task's
methods do by draws. So some moves are drawn again, many times each. What is hidden has to come as often as
`hidden_transition` says. And nothing may come more often than the two say together; more rarely it may, since
an outcome need not count what no hidden value has a part in.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.bundle import Bundle
from interaction.checks.calls import Watch, check_call, make_call, spread
from interaction.checks.duals import reachable
from interaction.checks.probabilities import ASKED, FREQUENT, SIGNIFICANCE, frequencies_agree
from interaction.checks.report import Budget, Report
from interaction.errors import ConformanceError
from interaction.inference.candidates import Grid
from interaction.inference.movement import PREFIX
from interaction.inference.partner_model import PartnerModelFilter
from interaction.membership import membership
from interaction.random import ASSISTANT_TASK, USER_TASK, EpisodeRandom
from interaction.state import GameState, Value, flatten
from interaction.task import InteractionTask
from interaction.turns import ASSISTANT_ACTS

Array = NDArray[Any]
Values = list[tuple[Value, ...]]

MOVES = 12  # that are drawn again, of those that were met
DRAWS = 2000  # of each
FEW = 5  # of the games after a move, for which is asked whether the probabilities of what is hidden differ
_SUM = 1e-6  # by which the sum of probabilities may differ from one


@dataclass(frozen=True)
class Drawn:
    """A move that was drawn many times: the games after it, how often each came, and whether it ends it."""

    before: GameState
    after: list[GameState]
    counts: Array
    over: Array


@dataclass(frozen=True)
class Hidden:
    """What a task may hide: the names of entries of its state, and the values that they have together."""

    names: tuple[str, ...]
    values: Values

    def place(self, after: GameState) -> int | None:
        """Give the place of what is hidden among the values, or None where it is none of them."""
        found = dict(flatten(after.task_state))
        one = tuple(found[name] for name in self.names)
        return self.values.index(one) if one in self.values else None


def check_outcomes(
    bundle: Bundle, parts: Sequence[Any], watch: Watch, report: Report, budget: Budget, share: float
) -> None:
    """Compare the probabilities that a task tells, where it does, with the frequencies of its draws."""
    task: Any = bundle.task
    told = [name for name in ("hidden_transition", "outcome_log_prob") if hasattr(task, name)]
    if not told or all(part is not task for part in parts):
        return
    name = type(task).__name__
    drawn = []
    for method, before in spread(_moves(task, watch), MOVES):
        if budget.spent(share):
            break
        drawn.append(_draw(task, method, before))
    if not drawn:
        report.unchecked += [
            f"{name}.{method}: nothing moved the task, or no time was left" for method in told
        ]
        return
    hidden = None
    if "hidden_transition" in told:
        hidden = _check_hidden(task, drawn, _hidden_of(bundle, task), report)
    if "outcome_log_prob" in told:
        _check_outcome(task, drawn, hidden, report)


def _moves(task: InteractionTask, watch: Watch) -> list[tuple[str, GameState]]:
    """Give the moves of a task that were met: one of each state and actions."""
    met: dict[str, tuple[str, GameState]] = {}
    for call in watch.calls:
        if watch.parts[call.part] is task and call.method in ("on_user_action", "on_assistant_action"):
            game = call.values[0]
            key = repr((call.method, game.task_state, game.user_action, game.assistant_action))
            met.setdefault(key, (call.method, game))
    return list(met.values())


def _draw(task: InteractionTask, method: str, before: GameState) -> Drawn:
    """Draw a move many times, each time from a stream of its own."""
    by_assistant = before.turn_index == ASSISTANT_ACTS
    space = membership(task.state_space)
    found: dict[Any, list[Any]] = {}
    for number in range(DRAWS):
        rng = EpisodeRandom(1, number).at(before.round_index, ASSISTANT_TASK if by_assistant else USER_TASK)
        state, _, over = make_call(task, getattr(task, method), (before,), rng)
        state = space.conform(state)
        key = bool(over), *((path, np.asarray(leaf).tobytes()) for path, leaf in flatten(state))
        found.setdefault(key, [state, bool(over), 0])[2] += 1
    later = {
        "previous_task_state": before.task_state,
        "turn_index": (before.turn_index + 1) % 4,
        "round_index": before.round_index + by_assistant,
    }
    states, over, counts = zip(*found.values(), strict=True)
    after = [before.replace(task_state=state, **later) for state in states]
    return Drawn(before, after, np.array(counts), np.array(over))


def _given(before: GameState) -> str:
    actor = "assistant" if before.turn_index == ASSISTANT_ACTS else "user"
    return f"given {before.task_state!r} and the {actor}'s action {before[f'{actor}_action']!r}"


# What is hidden.


def _hidden_of(bundle: Bundle, task: InteractionTask) -> list[Hidden]:
    """Give what a task may hide: what a filter of an agent says, or else each entry of few values."""
    found = []
    for part in reachable([part for part in (bundle.user, bundle.assistant) if part is not None]):
        of_it = isinstance(part, PartnerModelFilter) and type(part.task_model) is type(task)
        if of_it and isinstance(part.parameters, Grid) and part.hidden_names:
            axes = {
                name.removeprefix(PREFIX): axis.tolist()
                for name, axis in part.parameters.axes.items()
                if name.startswith(PREFIX)
            }
            found.append(Hidden(tuple(axes), list(itertools.product(*axes.values()))))
    if found:
        return found
    return [
        Hidden((path,), [(value,) for value in spaces.elements(space)])
        for path, space in spaces.leaves(task.state_space)
        if isinstance(space, spaces.Discrete | spaces.Choice) and space.n <= ASKED
    ]


def _check_hidden(task: Any, drawn: list[Drawn], possible: list[Hidden], report: Report) -> Hidden | None:
    """Raise if what is hidden comes at other frequencies than a task says; give what that is, if it is clear.

    Where nothing names it, it is an entry of the task's state with as many values as there are probabilities,
    and one such has to agree.
    """
    name = f"{type(task).__name__}.hidden_transition"
    compared, refused = 0, ""
    for move in drawn:
        if move.over.any():
            continue  # of a game that is over nothing is asked
        chances = [_chances(task, name, move.before, after) for after in move.after[:FEW]]
        if any(not np.array_equal(one, chances[0]) for one in chances):
            report.unchecked.append(f"{name}: it depends on what is drawn")
            return None
        possible = [one for one in possible if len(one.values) == len(chances[0])]
        agreeing = []
        for one in possible:
            places = [one.place(after) for after in move.after]
            if None in places:
                continue
            counts = np.bincount(places, move.counts, len(one.values)).astype(int)  # type: ignore[arg-type]
            if frequencies_agree(counts, chances[0]):
                agreeing.append(one)
            else:
                refused = (
                    f"{name} disagrees with what is drawn: {', '.join(one.names)} has the frequencies "
                    f"{counts / counts.sum()}, and the probabilities {chances[0]}, {_given(move.before)}"
                )
        if not agreeing and refused:
            raise ConformanceError(refused)
        possible = agreeing
        compared += DRAWS
    if not compared or not possible:
        report.unchecked.append(
            f"{name}: {'each move may end the game' if not compared else 'it is not clear of what it tells'}"
        )
        return None
    report.outcomes[name] = compared
    return possible[0] if len(possible) == 1 else None


def _chances(task: Any, name: str, before: GameState, after: GameState) -> Array:
    chances = np.asarray(check_call(task, task.hidden_transition, (before, after), None, None), float)
    if chances.ndim != 1 or not (chances >= 0).all() or not abs(chances.sum() - 1) < _SUM:
        raise ConformanceError(
            f"{name}: expected probabilities that sum to one, got {chances}, {_given(before)}"
        )
    return chances


# What can be seen of it.


def _check_outcome(task: Any, drawn: list[Drawn], hidden: Hidden | None, report: Report) -> None:
    """Raise if something comes more often than a task says."""
    from scipy.stats import binom

    name = f"{type(task).__name__}.outcome_log_prob"
    compared = 0
    for move in drawn:
        if len(move.after) > DRAWS // FREQUENT:
            continue
        compared += DRAWS
        for after, count, over in zip(move.after, move.counts, move.over, strict=True):
            if over:
                continue
            told = check_call(task, task.outcome_log_prob, (move.before, after), None, None)
            log_prob = np.asarray(told, float)
            if log_prob.ndim or np.isnan(log_prob) or log_prob == np.inf:
                raise ConformanceError(
                    f"{name}: expected a number or -inf, got {told} for {after.task_state!r}, "
                    f"{_given(move.before)}"
                )
            chance = float(np.exp(log_prob))
            place = None if hidden is None or move.over.any() else hidden.place(after)
            if place is not None:
                chance *= float(np.asarray(task.hidden_transition(move.before, after), float)[place])
            if binom.sf(count - 1, DRAWS, min(chance, 1.0)) * len(move.after) < SIGNIFICANCE:
                raise ConformanceError(
                    f"{name} disagrees with what is drawn: {after.task_state!r} has the frequency "
                    f"{count / DRAWS}, and the probability {chance:.4g}, {_given(move.before)}"
                )
    if compared:
        report.outcomes[name] = compared
    else:
        report.unchecked.append(f"{name}: too many different outcomes to count them")
