"""Times filters and trees of simulations, and plays the tiger by a `MonteCarloTree` as well as can be.

Run `python benchmarks/planning.py`; most of its quarter of an hour are the 500 tigers, which `--quick` leaves
at a few. What is compared is timed in turns, and the median of the ratios is printed. Where the package
`pomdp_py` can be imported, its POUCT plans for its own tiger, too.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import Table, run, seconds
from scipy import stats

from interaction import (
    Assistant,
    BelievingAssistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    GreedyPolicy,
    Grid,
    MonteCarloTree,
    ObservationEngine,
    RuleObservationEngine,
    Samples,
    State,
    Trajectories,
    User,
    UserModelFilter,
    spaces,
)
from interaction.planning import Planner
from interaction.tasks.tiger import LISTEN, NOTHING, OPEN_LEFT, OPEN_RIGHT, TigerTask

DISCOUNT, SIMULATIONS, DEPTH, EXPLORATION, PATIENCE = 0.95, 300, 5, 0.3, 20
MANY = 1_000  # tigers at once, against another library's one
TIGER = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask())
DOORS = TigerTask.action_space


class Eye(ObservationEngine):
    """Sees a number of the task, with noise or without."""

    def __init__(self, noise: float) -> None:
        self.noise = noise

    def observe(self, game: State, rng: EpisodeRandom) -> tuple[State, float]:
        x = game.task_state.x
        return State(seen=x + self.noise * rng.normal() if self.noise else x), 0.0


class Tells(DiscretePolicy):
    """Tells the sign of what it sees, the more surely the larger its slope is."""

    action_space = spaces.Discrete(2)

    def probabilities(self, observation: State, state: State) -> Any:
        p = 1 / (1 + np.exp(-state.slope * observation.seen))
        return np.stack([1 - p, p])


def updates(noise: float) -> Callable[[], None]:
    """Prepare ten updates of 1,000 particles of a user who draws while it looks, or does not."""
    user = User(
        policy=Tells(),
        observation_engine=Eye(noise),
        state=State(slope=1.0),
        state_space=spaces.Dict(slope=spaces.real()),
    )
    one = UserModelFilter(user, Samples({"slope": stats.norm(1, 1)}, n=1_000))
    rng = EpisodeRandom(0)
    start = one.initial(rng)

    def play() -> None:
        belief = start
        for number in range(10):
            seen = State(x=0.1 * number)
            shown = State(
                round_index=number, task_state=seen, previous_task_state=seen, user_action=1, provenance=1
            )
            belief = one.update(belief, shown, rng.at(number, 5))

    return play


class Listens(DeterministicPolicy):
    """Always listens: what simulations do where their tree ends."""

    batched = True
    action_space = DOORS

    def action(self, observation: State, state: State) -> int:
        return LISTEN


class Threshold(DeterministicPolicy):
    """Opens a door as soon as there were two hears more from the other: the optimal policy at .95."""

    action_space = DOORS

    def action(self, observation: State, state: State) -> int:
        right = np.exp(state.belief.log_weights[1])
        if right > 0.9:
            return OPEN_LEFT
        return OPEN_RIGHT if right < 0.1 else LISTEN


def planner(simulations: int = SIMULATIONS) -> MonteCarloTree:
    """Make the planner of the tiger."""
    looks = RuleObservationEngine("assistant", hide=["task_state.tiger"])
    return MonteCarloTree(
        TIGER,
        DOORS,
        simulations,
        DEPTH,
        DISCOUNT,
        exploration=EXPLORATION,
        patience=PATIENCE,
        assistant=Assistant(policy=Listens(), observation_engine=looks),
    )


def searches(trees: Planner, rows: int | None) -> Callable[[], None]:
    """Prepare the search of one tiger, or of many at once."""
    rng = EpisodeRandom(0) if rows is None else EpisodeRandom(0, episodes=np.arange(rows))
    heard = State(heard=NOTHING if rows is None else np.full(rows, NOTHING))
    seen = State(round_index=0, task_state=heard, previous_task_state=heard)
    state = State(belief=TIGER.initial(rng))

    def play() -> None:
        trees.values(state, seen, rng.at(0, 6))

    return play


def foreign(simulations: int) -> Callable[[], None] | None:
    """Prepare pomdp-py's POUCT on its own tiger, with the same discount; None where it is not installed."""
    try:
        import pomdp_py
        from pomdp_py.problems.tiger.tiger_problem import TigerProblem, TigerState
    except ImportError:
        return None
    belief = pomdp_py.Histogram({TigerState("tiger-left"): 0.5, TigerState("tiger-right"): 0.5})
    problem = TigerProblem(0.15, TigerState("tiger-left"), belief)
    agent = problem.agent

    def play() -> None:
        agent.tree = None
        search = pomdp_py.POUCT(
            max_depth=DEPTH,
            discount_factor=DISCOUNT,
            num_sims=simulations,
            exploration_const=50,
            rollout_policy=agent.policy_model,
        )
        search.plan(agent)

    return play


def played(policy: Any, episodes: int, rounds: int) -> Any:
    """Play tigers, and give the discounted return of each."""
    bundle = Bundle(TigerTask(), assistant=BelievingAssistant(TIGER, policy), max_rounds=rounds)
    runs: Trajectories = bundle.run(episodes, seed=0, record=["rewards.assistant_task"])
    return runs["rewards.assistant_task"] @ DISCOUNT ** np.arange(rounds)


def ratio(slow: Callable[[], object], fast: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Time two calls in turns: the median of their ratios, and of each."""
    slow(), fast()
    pairs = [(seconds(slow), seconds(fast)) for _ in range(times)]
    first, second = (statistics.median(column) for column in zip(*pairs, strict=True))
    return statistics.median(one / other for one, other in pairs), first, second


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    times = 1 if quick else 5
    simulations, at_once = (20, 16) if quick else (SIMULATIONS, 256)
    trees = planner(simulations)
    draws, drawn, _ = ratio(updates(0.5), updates(0.0), times)
    alone, single, many = ratio(searches(trees, None), searches(trees, at_once), times)
    alone *= at_once
    table = Table(f"Planning (numpy {np.__version__})")
    table.add(
        "one update, 1,000 particles of a user who draws, against one who does not",
        f"{drawn * 100:.2f} ms",
        f"{draws:.2f} ×",
        "<= 3",
        draws <= 3,
        drawn / 10,
    )
    table.add(f"{simulations} simulations for one tiger", f"{simulations / single:,.0f} /s", seconds=single)
    table.add(
        f"the same for {at_once} at once",
        f"{at_once * simulations / many:,.0f} /s",
        f"{alone:.0f} ×",
        ">= 20",
        alone >= 20,
        many,
    )
    other, what = foreign(simulations), f"{MANY:,} at once against pomdp-py's POUCT"
    if other is None:
        table.add(what, "not installed", "", ">= 3")
    else:
        theirs, took, _ = ratio(other, searches(trees, MANY), 1 if quick else 3)
        theirs *= MANY
        table.add(what, f"{simulations / took:,.0f} /s", f"{theirs:.1f} ×", ">= 3", theirs >= 3)
    episodes, rounds = (4, 3) if quick else (500, 250)
    best = played(Threshold(), episodes, rounds)
    begun = time.process_time()
    ours = played(GreedyPolicy(trees), episodes, rounds)
    took = time.process_time() - begun
    less = best - ours
    error = less.std(ddof=1) / np.sqrt(episodes)
    table.add(
        f"{episodes} tigers of {rounds} rounds, against the optimal policy",
        f"{ours.mean():.2f} against {best.mean():.2f}",
        f"{less.mean():.2f} ± {error:.2f} less",
        "<= 1.5",
        bool(less.mean() <= 1.5),
        took,
    )
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
