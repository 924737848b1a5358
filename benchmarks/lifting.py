"""Times natural code in batches, against loops of bare numpy, expert code, and the same code played singly.

Run `python benchmarks/lifting.py` (`--quick` for a look in half a minute). The machine's speed drifts, so
each figure is taken in turns with what it is compared to, and the medians are printed with their ratio.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    EpisodeRandom,
    GameState,
    InteractionTask,
    Policy,
    Simulator,
    State,
    Transition,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.state import Value
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PARAMETERS, PseudoRandomUser

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tests are not installed
from report import Table, in_turns, run

from tests.natural.alone import cooling, path
from tests.natural.corpus import singly
from tests.natural.menu import menu_search
from tests.natural.tutor import tutoring

Play = Callable[[], int]


def menu_loop(episodes: int, seed: int = 0) -> tuple[Any, Any]:
    """Play the menu search of tests/natural/menu.py in numpy alone; give the returns and the lengths.

    The episodes lie next to each other, as in (8, episodes), and those that are over leave.
    """
    rng = np.random.default_rng(seed)
    returns, lengths = np.zeros(episodes), np.zeros(episodes, int)
    order = rng.permuted(np.tile(np.arange(8)[:, None], (1, episodes)), axis=0)
    wanted, forgetting = rng.integers(0, 8, episodes), 0.1 * rng.random(episodes)
    read, looks = np.full((8, episodes), -1), np.zeros((8, episodes), int)
    eye, highlighted = np.zeros(episodes, int), np.full(episodes, -1)
    found, who, all_rows = np.zeros(episodes, int), np.arange(episodes), np.arange(episodes)
    for _ in range(30):
        rows = all_rows[: len(who)]
        under = order[eye, rows]
        item = np.where(rng.random(len(who)) < 0.05, rng.integers(0, 8, len(who)), under)
        read[rng.random(read.shape) < forgetting] = -1
        read[eye, rows] = item
        known = read == wanted
        clicks = known[eye, rows]
        lit = (highlighted >= 0) & (read[highlighted, rows] == -1)
        place = np.where(lit, highlighted, read.argmin(axis=0))
        place = np.where(known.any(axis=0), known.argmax(axis=0), place)
        right = clicks & (under == wanted)
        looking = -0.2 - 0.05 * np.abs(place - eye)
        returns[who] += np.where(right, 5.0, np.where(clicks, -2.0, looking))
        lengths[who] += 1
        eye = np.where(clicks, eye, place)
        found += right
        wanted = np.where(right, rng.integers(0, 8, len(who)), wanted)
        staying = np.flatnonzero(found < 5)
        if len(staying) < len(who):
            order, read, looks = (each[:, staying] for each in (order, read, looks))
            eye, wanted, forgetting = eye[staying], wanted[staying], forgetting[staying]
            found, who, clicks = found[staying], who[staying], clicks[staying]
            if len(who) == 0:
                break
        looks[eye, all_rows[: len(who)]] += ~clicks
        highlighted = looks.argmin(axis=0)
    return returns, lengths


class NaturalTask(InteractionTask):
    """The coordination game as a newcomer writes it."""

    state_space = spaces.Dict({"x": spaces.Discrete(10)})

    def reset(self, rng: EpisodeRandom) -> State:
        return State(x=0)

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(game.task_state, -1.0, game.task_state.x == 9)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state = game.task_state
        if game.user_action == game.assistant_action:
            state = state.replace(x=state.x + 1)
        return Transition(state, -1.0)


class NaturalPolicy(DeterministicPolicy):
    """The pseudo-random policy as a newcomer writes it."""

    action_space = spaces.Discrete(10)

    def action(self, observation: State, state: State) -> Value:
        x = observation.task_state.x
        return (8 + state.p0 * x + state.p1 * x**2 + state.p2 * x**3) % 10


def natural_user() -> User:
    """Make the user of the natural coordination game."""
    return User(policy=NaturalPolicy(), state=State(p0=1, p1=5, p2=7), state_space=PARAMETERS)


class Mimic(Policy):
    """Does what the user model would do."""

    action_space = spaces.Discrete(10)

    def __init__(self) -> None:
        self.simulator = Simulator(user_model=natural_user())

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        return self.simulator.predict_user_action(observation, rng, state.user_model), 0.0


def natural_coordination() -> Bundle:
    """Make the coordination game in natural code, with the single-shot assistant."""
    user = natural_user()
    space = spaces.Dict({"user_model": PARAMETERS})
    assistant = Assistant(policy=Mimic(), state=State(user_model=user.state), state_space=space)
    return Bundle(NaturalTask(), user, assistant, max_rounds=100)


def shipped_coordination() -> Bundle:
    """Make the same game of the parts that promise to take arrays."""
    user = PseudoRandomUser()
    return Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=100)


def random_users(episodes: int) -> dict[str, Any]:
    """Draw the parameters of a user for each episode, and give them to the user and to its model."""
    drawn = np.random.default_rng(0).integers(0, 10, (3, episodes))
    users = dict(zip(("p0", "p1", "p2"), drawn, strict=True))
    return {"user_state": users, "assistant_state": {"user_model": users}}


def in_batch(bundle: Bundle, episodes: int, start: dict[str, Any] | None = None) -> Play:
    """Prepare a run, whose rounds are counted."""
    return lambda: int(bundle.run(episodes, seed=0, start=start, record=[]).lengths.sum())


def with_task_played_singly(bundle: Bundle) -> Bundle:
    """Give the bundle with `batched = False` on its task, which cannot be lifted, and the rest as it is."""
    task = copy.copy(bundle.task)
    task.batched = False
    return Bundle(task, bundle.user, bundle.assistant, max_rounds=bundle.max_rounds)


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    repeats, few = (3, 50) if quick else (9, 200)
    many, half = (1_000, 1_000) if quick else (10_000, 5_000)
    table = Table("Natural code, lifted")

    def compare(what: str, first: Play, second: Play, than: str, least: float) -> None:
        mine, other, ratio = in_turns(first, second, repeats)
        figure = f"{mine / 1e6:.3g} against {other / 1e6:.3g} million rounds/s"
        shown, goal = f"{ratio:.3g} x {than}", f">= {least:.3g}"
        table.add(what, figure, shown, goal, ratio >= least, seconds=1 / mine)

    menu = menu_search()
    compare(
        f"menu search, {many:,} episodes",
        in_batch(menu, many),
        lambda: int(menu_loop(many)[1].sum()),
        "a loop of bare numpy",
        0.4,
    )
    compare("    the same", in_batch(menu, many), in_batch(singly(menu), few), "singly", 150)
    tutor = tutoring()
    compare(f"tutor, {half:,} episodes", in_batch(tutor, half), in_batch(singly(tutor), few), "singly", 100)
    start = random_users(many)
    compare(
        f"coordination, {many:,} episodes",
        in_batch(natural_coordination(), many, start),
        in_batch(shipped_coordination(), many, start),
        "batched = True",
        0.4,
    )
    for name, bundle in (("math.exp", cooling()), ("np.asarray", path())):
        compare(
            f"{name}, {half:,} episodes",
            in_batch(bundle, half),
            in_batch(with_task_played_singly(bundle), half),
            "batched = False",
            1 / 1.1,
        )
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
