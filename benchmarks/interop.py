"""Times components of CoopIHC: genuine in its own bundle, wrapped in ours, and written anew.

Run `python benchmarks/interop.py` (`--quick` for a look in a few seconds) where the package `coopihc` is
installed (`docs/how-to/coopihc.md` tells how). Each figure is taken in turns with that of the genuine game,
and the medians are printed.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from typing import Any

from report import Table, rate, run

from interaction import Bundle
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.assistants.pointing import ConstantGain
from interaction.errors import MissingExtraError
from interaction.interop.coopihc import from_coopihc
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.coordination import PseudoRandomPolicy, PseudoRandomUser
from interaction.users.pointing import CarefulPointer

ROUNDS = 20  # of each episode, at most
Play = Callable[[], int]


def genuine(bundle: Any, episodes: int) -> Play:
    """Prepare episodes in a bundle of theirs; the result gives the number of rounds."""

    def play() -> int:
        rounds = 0
        for _ in range(episodes):
            bundle.reset()
            for _ in range(ROUNDS):
                rounds += 1
                if bundle.step()[2]:
                    break
        return rounds

    return play


def by_hand(bundle: Bundle, episodes: int) -> Play:
    """Prepare episodes in a bundle of ours, one after the other."""

    def play() -> int:
        rounds = 0
        for episode in range(episodes):
            bundle.reset(seed=0, episode=episode)
            rounds += 1
            while not bundle.step().done:
                rounds += 1
        return rounds

    return play


def in_batch(bundle: Bundle, episodes: int) -> Play:
    """Prepare a batch."""
    return lambda: int(bundle.run(episodes, seed=0, record="final").lengths.sum())


def games(episodes: int) -> dict[str, dict[str, Play]]:
    """Prepare each game in its ways: the genuine one first."""
    from coopihc.agents.BaseAgent import BaseAgent
    from coopihc.agents.ExampleAssistant import CoordinatedAssistant as TheirAssistant
    from coopihc.agents.ExampleUser import PseudoRandomUserWithParams
    from coopihc.base.elements import discrete_array_element
    from coopihc.base.State import State as TheirState
    from coopihc.bundle.Bundle import Bundle as TheirBundle
    from coopihc.examples.simplepointing.envs import SimplePointingTask
    from coopihc.examples.simplepointing.users import CarefulPointer as TheirPointer
    from coopihc.interactiontask.ExampleTask import CoordinatedTask as TheirTask
    from coopihc.policy.BasePolicy import BasePolicy

    def gain() -> Any:
        action = TheirState(action=discrete_array_element(init=1, low=1, high=1))
        return BaseAgent("assistant", agent_policy=BasePolicy(action_state=action))

    def person() -> Any:
        return PseudoRandomUserWithParams(p=[1, 5, 7])

    task, user, native = from_coopihc(TheirTask()), from_coopihc(person()), PseudoRandomUser(1, 5, 7)
    ours = CoordinatedTask()
    half = user.replace(policy=PseudoRandomPolicy())
    grid, pointer, constant = SimplePointingTask(), TheirPointer(), gain()
    parts = [from_coopihc(grid), from_coopihc(pointer, task=grid), from_coopihc(constant)]
    pointing = Bundle(PointingTask(), CarefulPointer(), ConstantGain(1.0), max_rounds=ROUNDS)

    def against(task: Any, user: Any) -> Bundle:
        return Bundle(task, user, CoordinatedAssistant(native), max_rounds=ROUNDS)

    return {
        "coordination, the user alone": {
            "genuine, in its own bundle": genuine(TheirBundle(task=TheirTask(), user=person()), episodes),
            "wrapped, in ours": by_hand(Bundle(task, user, max_rounds=ROUNDS), episodes),
            "native": by_hand(Bundle(ours, native, max_rounds=ROUNDS), 10 * episodes),
        },
        "coordination, single-shot": {
            "genuine, in its own bundle": genuine(
                TheirBundle(task=TheirTask(), user=person(), assistant=TheirAssistant(user_model=person())),
                episodes,
            ),
            "task and user wrapped, our assistant": by_hand(against(task, user), episodes),
            "the user's policy native": by_hand(against(task, half), episodes),
            "the user native": by_hand(against(task, native), episodes),
            "all native": by_hand(against(ours, native), 10 * episodes),
            "task and user wrapped, batch of 100": in_batch(against(task, user), 100),
            "all native, batch of 10,000": in_batch(against(ours, native), 10_000),
        },
        "pointing": {
            "genuine, in its own bundle": genuine(
                TheirBundle(task=SimplePointingTask(), user=TheirPointer(), assistant=gain()), episodes
            ),
            "wrapped, in ours": by_hand(Bundle(*parts, max_rounds=ROUNDS), episodes),
            "native": by_hand(pointing, 10 * episodes),
            "native, batch of 10,000": in_batch(pointing, 10_000),
        },
    }


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    repeats, episodes = (3, 5) if quick else (11, 30)
    table = Table("Rounds per second", ("what", "rounds/s", "× genuine"))
    for game, ways in games(episodes).items():
        first, *others = ways
        found = {way: [] for way in ways}
        for play in ways.values():
            play()
        for _ in range(repeats):
            for way, play in ways.items():
                found[way].append((rate(play), rate(ways[first])))
        for way in (first, *others):
            own = statistics.median(a for a, _ in found[way])
            ratio = statistics.median(a / b for a, b in found[way])
            shown = "" if way == first else f"{ratio:,.2f}"
            table.add(f"{game}: {way}", f"{own:,.0f}", shown, seconds=1 / own)
    return [table]


if __name__ == "__main__":
    try:
        run(main, __doc__)
    except MissingExtraError as error:
        sys.exit(str(error))
