"""Times the engine on the coordination game, against plain Python and, where it is installed, CoopIHC.

Run `python benchmarks/engine.py` (`--quick` for a look in a few seconds). The machine's speed drifts, so each
figure is taken in turns with the floor beside it, and the medians are printed with their ratio.
"""

from __future__ import annotations

import contextlib
import io
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import Table, in_turns, rate, run, seconds

from interaction import (
    Assistant,
    Bundle,
    EpisodeRandom,
    GameState,
    InteractionTask,
    RandomPolicy,
    State,
    Transition,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistant, CoordinatedAssistantWithRollout
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

USER = PseudoRandomUser()


def floor(episodes: int) -> int:
    """Play the game in plain Python ints, with no framework; give the number of rounds."""
    p0, p1, p2 = 1, 5, 7
    rounds = 0
    for _ in range(episodes):
        x, total = 0, 0
        while True:
            rounds += 1
            user_action = (8 + p0 * x + p1 * x**2 + p2 * x**3) % 10
            total -= 1
            if x == 9:
                break
            assistant_action = (8 + p0 * x + p1 * x**2 + p2 * x**3) % 10
            if user_action == assistant_action:
                x += 1
            total -= 1
    return rounds


HAND = Bundle(CoordinatedTask(), USER, CoordinatedAssistant(USER), max_rounds=100)


def by_hand(episodes: int) -> int:
    """Play in a bundle, one episode at a time, with all default checks; give the number of rounds."""
    reset, step = HAND.reset, HAND.step
    rounds = 0
    for episode in range(episodes):
        reset(seed=0, episode=episode)
        rounds += 1
        while not step().done:
            rounds += 1
    return rounds


def random_users(episodes: int) -> dict[str, Any]:
    """Draw the parameters of a user for each episode, and give them to the user and to its model."""
    drawn = np.random.default_rng(0).integers(0, 10, (3, episodes))
    users = dict(zip(("p0", "p1", "p2"), drawn, strict=True))
    return {"user_state": users, "assistant_state": {"user_model": users}}


def in_batch(episodes: int, record: Any = "final") -> Callable[[], int]:
    """Prepare a batch with the single-shot assistant and random users."""
    bundle = Bundle(CoordinatedTask(), USER, CoordinatedAssistant(USER), max_rounds=100)
    start = random_users(episodes)
    return lambda: int(bundle.run(episodes, seed=0, start=start, record=record).lengths.sum())


def with_random_policies(episodes: int) -> Callable[[], int]:
    """Prepare a batch in which both sides draw a number in every turn."""
    ten = spaces.Discrete(10)
    user, assistant = User(policy=RandomPolicy(ten)), Assistant(policy=RandomPolicy(ten))
    bundle = Bundle(CoordinatedTask(), user, assistant, max_rounds=100)
    return lambda: int(bundle.run(episodes, seed=0, record="final").lengths.sum())


class Countdown(InteractionTask):
    """Lasts as many rounds as its state says."""

    batched = True  # so that the engine is timed, and not lifting
    state_space = spaces.Dict(left=spaces.Discrete(1001), x=spaces.Discrete(10))

    def reset(self, rng: EpisodeRandom) -> State:
        return State(left=19, x=0)

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        state = game.task_state
        left, x = state.left - 1, (state.x + 3 * game.user_action) % 10
        return Transition(state.replace(left=left, x=x), -1.0, left == 0)


def of_lengths(lengths: Any) -> Callable[[], int]:
    """Prepare a batch of episodes of given lengths."""
    bundle = Bundle(Countdown(), USER)
    x = np.random.default_rng(1).integers(0, 10, len(lengths))
    start = {"task_state": {"left": np.asarray(lengths), "x": x}}
    return lambda: int(bundle.run(len(lengths), seed=0, start=start, record="final").lengths.sum())


def inference_alone(repeats: int) -> float:
    """Give the seconds of one inference by ten rollouts, alone."""
    bundle = Bundle(CoordinatedTask(), USER, CoordinatedAssistantWithRollout(CoordinatedTask(), USER, 5, 7))
    times = []
    for episode in range(repeats):
        bundle.reset(seed=0, episode=episode, go_to="assistant_observes")
        times.append(seconds(bundle.quarter_step))
    return statistics.median(times)


def inference_in_batch(episodes: int, repeats: int) -> float:
    """Give the seconds of one inference by ten rollouts, for each episode of a batch."""
    assistant = CoordinatedAssistantWithRollout(CoordinatedTask(), USER, 5, 7)
    bundle = Bundle(CoordinatedTask(), USER, assistant, max_rounds=1)
    start = random_users(episodes)
    users = start["user_state"]
    start["assistant_state"] |= {"p1": users["p1"], "p2": users["p2"]}
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        runs = bundle.run(episodes, seed=0, start=start, record="final")
        times.append((time.process_time() - begun) / episodes)
        assert (runs["assistant_state.p0"] == users["p0"]).all()
    return statistics.median(times)


def import_time() -> tuple[float, list[str]]:
    """Give the seconds of `import interaction` in a new process, and the extras that it loaded."""
    code = (
        "import sys, time; t = time.process_time(); import interaction; t = time.process_time() - t; "
        "print(t, *[m for m in ('matplotlib', 'pandas', 'xarray') if m in sys.modules])"
    )
    shown = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(5)
    ]
    return statistics.median(float(words[0]) for words in shown), shown[0][1:]


def peak_memory() -> float:
    """Give the largest memory that this process has used, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def coopihc_rate() -> float | None:
    """Give the rounds per second of the package `coopihc` on its own example of this game, if it is there.

    Its example does not coordinate, so 100 rounds are played.
    """
    try:
        from coopihc.agents.ExampleAssistant import CoordinatedAssistant as TheirAssistant
        from coopihc.agents.ExampleUser import PseudoRandomUser as TheirUser
        from coopihc.bundle.Bundle import Bundle as TheirBundle
        from coopihc.interactiontask.ExampleTask import CoordinatedTask as TheirTask
    except ImportError:
        return None
    with contextlib.redirect_stdout(io.StringIO()):
        bundle = TheirBundle(
            task=TheirTask(), user=TheirUser(), assistant=TheirAssistant(user_model=TheirUser())
        )
        bundle.reset(go_to=3)
        begun, rounds, done = time.process_time(), 0, False
        while not done and rounds < 100:
            _, _, done = bundle.step()
            rounds += 1
        return rounds / (time.process_time() - begun)


def draws(common: bool) -> Callable[[], int]:
    """Draw a hundred times for 1,000 candidates of one episode: give how many numbers."""
    rng = EpisodeRandom(0, 3).repeat(1_000, common=common)

    def draw() -> int:
        for _ in range(100):
            rng.random()
        return 100_000

    return draw


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    repeats = 3 if quick else 15
    sizes = (10, 100, 1_000, 10_000) if quick else (10, 100, 1_000, 10_000, 100_000)
    table = Table("The engine on the coordination game")
    add = table.add

    plain = statistics.median(rate(lambda: floor(3_000)) for _ in range(repeats))
    add("(a) plain Python, no framework", f"{plain / 1e6:.2f} million rounds/s")
    hand, _, ratio = in_turns(lambda: by_hand(300), lambda: floor(3_000), repeats)
    add(
        "(b) one episode at a time",
        f"{hand:,.0f} rounds/s",
        f"1/{1 / ratio:.1f}",
        ">= 1/30 of (a)",
        ratio >= 1 / 30,
        1 / hand,
    )
    for size in sizes:
        name, figure = f"(c) batch of {size:,}", in_batch(size)
        if size == 10:
            found, _, to_hand = in_turns(figure, lambda: by_hand(10), 9 * repeats)
            shown = f"{found / 1e6:.3f} million rounds/s"
            add(name, shown, f"{to_hand:.1f} x (b)", ">= (b)", to_hand >= 1, 1 / found)
            continue
        before = peak_memory()
        found, _, ratio = in_turns(figure, lambda: floor(3_000), repeats)
        target, reached = (">= 8 x (a)", ratio >= 8) if size >= 10_000 else ("", None)
        add(name, f"{found / 1e6:.1f} million rounds/s", f"{ratio:.1f} x (a)", target, reached, 1 / found)
    add("    memory that the largest batch added", f"{peak_memory() - before:.0f} MB")
    found, _, ratio = in_turns(in_batch(10_000, "all"), lambda: floor(3_000), repeats)
    shown = f"{found / 1e6:.1f} million rounds/s"
    add('(c) batch of 10,000, record="all"', shown, f"{ratio:.1f} x (a)", seconds=1 / found)
    found, _, ratio = in_turns(with_random_policies(10_000), in_batch(10_000), max(3, repeats // 3))
    add(
        "(d) random policies, batch of 10,000",
        f"{found / 1e6:.1f} million rounds/s",
        f"{ratio:.2f} x (c)",
        ">= 1/4 of (c)",
        ratio >= 0.25,
        1 / found,
    )
    alone = inference_alone(5 * repeats)
    shown = f"{alone * 1e3:.2f} ms"
    add("(e) inference by ten rollouts, alone", shown, "", "< 5 ms", alone < 5e-3, alone)
    each = inference_in_batch(1_000 if quick else 10_000, 3)
    add("(e) the same, per episode of many", f"{each * 1e3:.4f} ms", "", "< 0.03 ms", each < 3e-5, each)
    uneven = np.where(np.arange(10_000) % 10 == 0, 100, 10)
    found, _, ratio = in_turns(of_lengths(uneven), of_lengths(np.full(10_000, 19)), repeats)
    add(
        "(g) 90 % of 10 rounds, 10 % of 100",
        f"{found / 1e6:.1f} million rounds/s",
        f"{ratio:.2f} x equal",
        ">= 1/2",
        ratio >= 0.5,
        1 / found,
    )
    drawn, _, ratio = in_turns(draws(common=False), draws(common=True), 3 * repeats)
    add(
        "(i) draws of a number for each of 1,000 candidates",
        f"{drawn / 1e6:.0f} million numbers/s",
        f"1/{1 / ratio:.1f} x common numbers",
        ">= 1/3",
        ratio >= 1 / 3,
        1 / drawn,
    )
    took, extras = import_time()
    add(
        "(h) import interaction",
        f"{took:.2f} s",
        ", ".join(extras),
        "< 0.5 s, no extra",
        took < 0.5 and not extras,
        took,
    )
    theirs = coopihc_rate()
    add("    coopihc, single-shot", "not installed" if theirs is None else f"{theirs:,.0f} rounds/s")
    add("(f) peak memory of this process", f"{peak_memory():.0f} MB")
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
