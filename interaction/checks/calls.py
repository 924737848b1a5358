"""Calls of a component: each is checked as it is played, and kept, to be repeated elsewhere."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from interaction import spaces
from interaction.bundle import Bundle
from interaction.component import Component
from interaction.errors import ConformanceError, InteractionError
from interaction.given import check_state
from interaction.membership import membership
from interaction.opening import new_game
from interaction.players import Method, components, seat_players
from interaction.policy import Policy, has_log_prob
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import State, Value, freeze, same
from interaction.turns import play_half

SEED = 0  # of all that is played
USUAL: Any = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}  # np.geterr() at first
Case = tuple[State, State]


@dataclass(frozen=True)
class Call:
    """A call of a method of one of the parts that are checked, and what it gave."""

    part: int
    method: str
    values: tuple[Any, ...]
    rng: EpisodeRandom | None
    result: Any

    def repeat(self, parts: Sequence[Component]) -> Any:
        """Make the call again, with the same arguments and numbers, on one of these parts."""
        method = getattr(parts[self.part], self.method)
        return frozen(method(*self.values, *(() if self.rng is None else (self.rng.copy(),))))


class Watch:
    """Plays single episodes, checks each call of some components, and keeps it."""

    def __init__(self, parts: Sequence[Component]) -> None:
        self.parts = list(parts)
        self.calls: list[Call] = []

    def play(self, bundle: Bundle, episode: int, rounds: int | None = None, seconds: float = np.inf) -> int:
        """Play an episode alone, and say for how many rounds; stop when the time is up.

        Raises `ConformanceError` for the first call that breaks the contract.
        """
        limit = (bundle.max_rounds or 1) if rounds is None else rounds
        players = seat_players(bundle.task, bundle.user, bundle.assistant, adapt=self._adapt)
        rng = EpisodeRandom(SEED, episode)
        start = perf_counter()
        over: Value = False
        try:
            game = new_game(players, rng, {})
            while not over and game.round_index < limit and perf_counter() - start < seconds:
                game, *_, over = play_half(players, game, rng, check=True)
        except ConformanceError:
            raise
        except InteractionError as error:
            raise ConformanceError(f"{error} (episode {episode})") from error
        return game.round_index + bool(over and game.turn_index)

    def cases(self, policy: Policy) -> list[Case]:
        """Give the pairs of observation and state for which a policy was asked."""
        number = self._number(policy)
        return [call.values[:2] for call in self.calls if call.part == number and call.method == "sample"]

    def chosen(self, each: int) -> list[Call]:
        """Give some calls of each method, spread over all that were kept."""
        groups: dict[tuple[int, str], list[Call]] = {}
        for call in self.calls:
            groups.setdefault((call.part, call.method), []).append(call)
        return [call for calls in groups.values() for call in spread(calls, each)]

    def name(self, call: Call) -> str:
        """Name the component and the method of a call."""
        return f"{type(self.parts[call.part]).__name__}.{call.method}"

    def _number(self, component: Component) -> int | None:
        return next((number for number, part in enumerate(self.parts) if part is component), None)

    def _adapt(self, component: Component, method: Method, template: Any) -> Method:
        number = self._number(component)

        def call(*arguments: Any) -> Any:
            *values, rng = arguments
            if number is None:
                return make_call(component, method, values, rng)
            result = check_call(component, method, (*values,), rng, template)
            self.calls.append(Call(number, method.__name__, (*values,), rng.copy(), frozen(result)))
            if method.__name__ == "sample" and isinstance(component, Policy) and has_log_prob(component):
                asked = (freeze(result[0]), *values)
                known = check_call(component, component.log_prob, asked, None, None)
                self.calls.append(Call(number, "log_prob", asked, None, frozen(known)))
            return result

        return call


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """Give up to `count` items, from the first to the last, at equal distances."""
    if len(items) <= count:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, count).astype(int)]


def check_call(
    component: Component,
    method: Method,
    values: tuple[Any, ...],
    rng: EpisodeRandom | None,
    template: Any,
) -> Any:
    """Call a method twice; raise if it is not pure, or if its result lies outside its space."""
    where = f"{type(component).__name__}.{method.__name__}"
    before = [pickle.dumps(value) for value in values]
    with untouched(component, where):
        result = make_call(component, method, values, rng)
    for value, bytes_before in zip(values, before, strict=True):
        if pickle.dumps(value) != bytes_before:
            raise ConformanceError(f"{where} changed its argument: it must give a new state (state.replace)")
    again = make_call(component, method, values, rng)
    try:
        kept, kept_again = frozen(result), frozen(again)
    except InteractionError as error:
        raise ConformanceError(f"{where} gave {result!r}{_when(rng)}: {error}") from error
    if not same(kept, kept_again):
        raise ConformanceError(
            f"{where} gave {result!r}, and {again!r} when called again with the same arguments and stream"
            f"{_when(rng)}: draw from rng alone, and keep nothing between calls"
        )
    _check_space(result, template, where, _when(rng))
    return result


def make_call(component: Component, method: Method, values: Sequence[Any], rng: EpisodeRandom | None) -> Any:
    """Call a method at an address; raise a `ConformanceError` that names it if it raises."""
    try:
        return method(*values, *(() if rng is None else (rng.copy(),)))
    except Exception as error:
        raise ConformanceError(
            f"{type(component).__name__}.{method.__name__} raises {type(error).__name__}: {error}{_when(rng)}"
        ) from error


def _when(rng: EpisodeRandom | None) -> str:
    return "" if rng is None else f" (episode {rng.episode}, round {rng.place >> 4})"


@contextmanager
def untouched(component: Component, where: str) -> Iterator[None]:
    """Raise if the component, a global random state or numpy's way with errors is another one afterwards."""
    own = pickle.dumps(component)
    python, numpy = random.getstate(), pickle.dumps(np.random.get_state())  # noqa: NPY002
    with np.errstate(**USUAL):  # not as it is: a component may have changed it before
        yield
        errors = np.geterr()
    if pickle.dumps(component) != own:
        raise ConformanceError(f"{where} changed self: what changes must be in the game state")
    if random.getstate() != python:
        raise ConformanceError(f"{where} used Python's global random state: draw from rng")
    if pickle.dumps(np.random.get_state()) != numpy:  # noqa: NPY002
        raise ConformanceError(f"{where} used numpy's global random state: draw from rng")
    if errors != USUAL:
        raise ConformanceError(
            f"{where} changed what numpy does about errors in all other code, too, to {errors}: write `with "
            f"np.errstate(...):` around what needs it, in place of np.seterr"
        )


def frozen(result: Any) -> Any:
    """Give a result as plain values that nobody can change."""
    return tuple(frozen(part) for part in result) if isinstance(result, tuple) else freeze(result)


def _check_space(result: Any, template: Any, where: str, when: str) -> None:
    if isinstance(template, tuple):
        if not isinstance(result, tuple) or len(result) < len(template):
            raise ConformanceError(
                f"{where}: expected a tuple of {len(template)} results, got {result!r}{when}"
            )
        for part, inner in zip(result, template, strict=False):
            _check_space(part, inner, where, when)
        if any(isinstance(part, float) and np.isnan(part) for part in frozen(result)[1:]):
            raise ConformanceError(f"{where}: expected a number as its reward, got NaN{when}")
    elif isinstance(template, Space):
        try:
            value = freeze(result)
            if isinstance(template, spaces.Dict):
                check_state(membership(template), value, where)
            else:
                membership(template).check(value, where)
        except InteractionError as error:
            raise ConformanceError(f"{error}{when}") from error


def check_pickle(component: Component) -> None:
    """Raise unless a component can be pickled, and comes back equal."""
    name = type(component).__name__
    try:
        twin = pickle.loads(pickle.dumps(component))
    except Exception as error:
        raise ConformanceError(
            f"{name} cannot be pickled ({error}): use functions and classes of a module, not lambdas"
        ) from error
    if twin != component:
        raise ConformanceError(f"{name} comes back from pickle as another one, which is not equal to it")


def parts_of(bundle: Bundle) -> list[Component]:
    """List all components of a bundle."""
    return [part for _, part in components(bundle.task, bundle.user, bundle.assistant)]
