"""Plays one game here, by hand, in gymnasium, PettingZoo and mesa; fits one learner here and in PyMC.

Run `python benchmarks/elsewhere.py` (`--quick` for a look). What is not installed is left out, and said; PyMC
and mesa are wanted by nothing else here. All play in one process and in turns. Times are of the processor,
those of compilers included; of games medians.

The game: user and assistant have to pick the same of ten numbers, nine times. The user picks (8 + 3 x) % 10,
where x counts how often they did, and slips once in ten times to any number; the assistant picks (8 + 3 x) %
10. So 0.91 of the rounds count, and a game lasts 1 + 9 / 0.91 = 10.9 rounds on average: checked of each way.
"""

from __future__ import annotations

import importlib.util
import random
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from report import Table, run
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InteractionTask,
    Policy,
    State,
    Transition,
    User,
    fit,
    spaces,
)
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.users.bandit import RescorlaWagnerUser

SLIPS, NUMBERS, LAST = 0.1, 10, 9
EXPECTED = 1 + LAST / (1 - SLIPS + SLIPS / NUMBERS)
Play = Callable[[int], int]  # plays so many games, and gives how many rounds they had


def habit(x: Any) -> Any:
    """Give what user and assistant pick."""
    return (8 + 3 * x) % NUMBERS


# This framework: each part once, for one episode.


class Agree(InteractionTask):
    """Counts how often the two agreed."""

    def reset(self, rng):  # type: ignore[no-untyped-def]
        return State(x=0)

    def on_user_action(self, game, rng):  # type: ignore[no-untyped-def]
        return Transition(game.task_state, reward=-1.0, terminated=game.task_state.x == LAST)

    def on_assistant_action(self, game, rng):  # type: ignore[no-untyped-def]
        return Transition(State(x=game.task_state.x + (game.user_action == game.assistant_action)))


class Slipping(Policy):
    """Picks the habit, but slips at times."""

    action_space = spaces.Discrete(NUMBERS)

    def sample(self, observation, state, rng):  # type: ignore[no-untyped-def]
        if rng.random() < SLIPS:
            return rng.integers(0, NUMBERS), 0.0
        return habit(observation.task_state.x), 0.0


class Same(DeterministicPolicy):
    """Picks the habit."""

    action_space = spaces.Discrete(NUMBERS)

    def action(self, observation, state):  # type: ignore[no-untyped-def]
        return habit(observation.task_state.x)


BUNDLE = Bundle(Agree(), User(policy=Slipping()), Assistant(policy=Same()), max_rounds=1_000)


def one_by_one(games: int) -> int:
    """Step each game by hand."""
    rounds = 0
    for game in range(games):
        BUNDLE.reset(seed=0, episode=game)
        while not BUNDLE.step().done:
            rounds += 1
        rounds += 1
    return rounds


def batch(games: int) -> int:
    """Play all games at once."""
    return int(BUNDLE.run(games, seed=0, record="final").lengths.sum())


# By hand.


def python_loop(games: int) -> int:
    """Play in plain Python."""
    stream, rounds = random.Random(0), 0
    for _ in range(games):
        x = 0
        while True:
            rounds += 1
            user = stream.randrange(NUMBERS) if stream.random() < SLIPS else habit(x)
            if x == LAST:
                break
            x += user == habit(x)
    return rounds


def numpy_loop(games: int) -> int:
    """Play all games at once in numpy, written for this game."""
    rng, rounds = np.random.default_rng(0), 0
    x = np.zeros(games, int)
    while len(x):
        rounds += len(x)
        user = np.where(rng.random(len(x)) < SLIPS, rng.integers(0, NUMBERS, len(x)), habit(x))
        going = x < LAST
        x = (x + (user == habit(x)))[going]
    return rounds


# gymnasium: the assistant's side; the user is a part of the environment.


class AssistantSide(gymnasium.Env[int, int]):
    """The game as the assistant meets it. An observation is x."""

    observation_space = gymnasium.spaces.Discrete(LAST + 1)
    action_space = gymnasium.spaces.Discrete(NUMBERS)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.x = 0
        self.pick()
        return self.x, {}

    def pick(self) -> None:
        """Have the user pick."""
        slips = self.np_random.random() < SLIPS
        self.user = int(self.np_random.integers(NUMBERS)) if slips else habit(self.x)

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.x += self.user == action
        self.pick()  # the last pick of a game, after which it is over
        return self.x, -1.0, self.x == LAST, False, {}


def gymnasium_loop(games: int) -> int:
    """Step one environment."""
    env, rounds = AssistantSide(), games  # the last round of each game has no step of the assistant
    x, _ = env.reset(seed=0)
    for _ in range(games):
        over = False
        while not over:
            x, _, over, _, _ = env.step(habit(x))
            rounds += 1
        x, _ = env.reset()
    return rounds


def gymnasium_vector(games: int, copies: int = 100) -> int:
    """Step a vector of environments, until each has played its share of the games."""
    envs = gymnasium.vector.SyncVectorEnv(
        [AssistantSide] * copies, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP
    )
    x, _ = envs.reset(seed=0)
    rounds, over = np.zeros(copies, int), np.zeros(copies, int)
    while (counts := over < games // copies).any():
        x, _, ended, _, _ = envs.step(habit(x))
        rounds += counts * (1 + ended)  # the last round of each game has no step of the assistant
        over += ended
    return int(rounds.sum())


# PettingZoo: both sides, in turns.


def pettingzoo_loop(games: int) -> int:
    """Step an environment of two agents."""
    from pettingzoo import AECEnv

    class Both(AECEnv):  # type: ignore[misc]
        metadata = {"name": "agree"}  # noqa: RUF012  # the library's own way
        possible_agents = ["user", "assistant"]  # noqa: RUF012

        def observation_space(self, agent: str) -> Any:
            return gymnasium.spaces.Discrete(LAST + 1)

        def action_space(self, agent: str) -> Any:
            return gymnasium.spaces.Discrete(NUMBERS)

        def observe(self, agent: str) -> int:
            return self.x

        def reset(self, seed: int | None = None, options: Any = None) -> None:
            self.x, self.agents, self.agent_selection = 0, self.possible_agents[:], "user"
            self.rewards = self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
            self.terminations = dict.fromkeys(self.agents, False)
            self.truncations = dict.fromkeys(self.agents, False)
            self.infos: dict[str, Any] = {agent: {} for agent in self.agents}

        def step(self, action: int) -> None:
            if self.agent_selection == "user":
                self.user = action
                if self.x == LAST:
                    self.terminations = dict.fromkeys(self.agents, True)
                self.agent_selection = "assistant"
            else:
                self.x += self.user == action
                self.agent_selection = "user"

    env, stream, rounds = Both(), random.Random(0), 0
    for _ in range(games):
        env.reset()
        for agent in env.agent_iter():
            x, _, over, _, _ = env.last()
            if over:
                break
            if agent == "user":
                rounds += 1
                env.step(stream.randrange(NUMBERS) if stream.random() < SLIPS else habit(x))
            else:
                env.step(habit(x))
    return rounds


# mesa: a model of two agents.


def mesa_loop(games: int) -> int:
    """Step a model with two agents."""
    import mesa

    class Picks(mesa.Agent):  # type: ignore[misc]
        def __init__(self, model: Any, slips: float) -> None:
            super().__init__(model)
            self.slips, self.action = slips, 0

        def step(self) -> None:
            stream = self.model.random
            slips = self.slips and stream.random() < self.slips
            self.action = stream.randrange(NUMBERS) if slips else habit(self.model.x)

    class Both(mesa.Model):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.x, self.user, self.assistant = 0, Picks(self, SLIPS), Picks(self, 0.0)

        def step(self) -> None:
            self.user.step()
            if self.x == LAST:
                self.running = False
                return
            self.assistant.step()
            self.x += self.user.action == self.assistant.action

    stream, rounds = np.random.default_rng(0), 0
    for _ in range(games):
        model = Both(rng=stream)
        while model.running:
            model.step()
            rounds += 1
    return rounds


PLAYERS: list[tuple[str, str, Play, int]] = [
    ("plain Python, a loop", "", python_loop, 10_000),
    ("numpy, written for this game, 10,000 games at once", "", numpy_loop, 10_000),
    ("interaction, one game after the other", "", one_by_one, 200),
    ("interaction, 10,000 games at once", "", batch, 10_000),
    ("gymnasium, one environment", "", gymnasium_loop, 1_000),
    ("gymnasium, SyncVectorEnv of 100", "", gymnasium_vector, 1_000),
    ("PettingZoo, an AECEnv", "pettingzoo", pettingzoo_loop, 500),
    ("mesa, a model of two agents", "mesa", mesa_loop, 200),
]


def play_all(repeats: int) -> Table:
    """Time all players in turns, and check that they play the same game."""
    there = [row for row in PLAYERS if not row[1] or importlib.util.find_spec(row[1])]
    rates: dict[str, list[float]] = {name: [] for name, *_ in there}
    lengths: dict[str, float] = {}
    for _ in range(repeats):
        for name, _, play, games in there:
            begun = time.process_time()
            rounds = play(games)
            rates[name].append(rounds / (time.process_time() - begun))
            lengths[name] = rounds / games
            # The variance of a length is 9 × 0.09 / 0.91², so four standard errors:
            if abs(lengths[name] - EXPECTED) > 4 * (9 * 0.09 / 0.91**2 / games) ** 0.5:
                raise ValueError(f"{name}: expected {EXPECTED:.2f} rounds a game, got {lengths[name]:.2f}")
    floor = statistics.median(rates["plain Python, a loop"])
    columns = "way", "rounds/s", "× plain Python", "rounds a game"
    table = Table("one game, played in many ways", columns)
    for name, package, *_ in PLAYERS:
        if name in rates:
            rate = statistics.median(rates[name])
            shown = f"{rate:,.0f}", f"{rate / floor:.3g}", f"{lengths[name]:.2f}"
            table.add(name, *shown, seconds=1 / rate)
        else:
            table.add(name, f"no {package}")
    return table


# A learner's two parameters from 200 choices, with the same priors.


def processor() -> float:
    """Give the seconds of processor time of this process, and of those that it has started."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def fit_both() -> Table:
    """Fit one learner here, and in PyMC where it is installed."""
    task, user = MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser()
    data = Bundle(task, RescorlaWagnerUser(0.2, 4.0), max_rounds=200).run(1, seed=0).to_dataframe()
    priors = {"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}
    table = data[["episode", "round", "user_action", "task_state.outcome"]]
    fits = Table("one learner, 200 choices", ("way", "s", "learning rate", "inverse temperature"))
    for method in ("grid", "particles"):
        begun = processor()
        found = fit(task, user, table, priors, method=method, progress=False)
        took = processor() - begun
        means = [f"{float(found.posterior[name].mean()):.3f}" for name in priors]
        fits.add(f'interaction, method="{method}"', f"{took:.1f}", *means, seconds=took)
    if importlib.util.find_spec("pymc") is None:
        fits.add("PyMC, NUTS", "no pymc")
        return fits
    begun = processor()
    theirs = pymc_means(table["user_action"].to_numpy(), table["task_state.outcome"].to_numpy())
    took = processor() - begun
    fits.add("PyMC, NUTS, 4 chains", f"{took:.1f}", *(f"{mean:.3f}" for mean in theirs))
    return fits


def pymc_means(actions: Any, outcomes: Any) -> list[float]:
    """Give the posterior means of learning rate and inverse temperature by NUTS, 4 chains of 1,000 draws."""
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    def learn(action: Any, outcome: Any, values: Any, rate: Any) -> Any:
        return pt.set_subtensor(values[action], values[action] + rate * (outcome - values[action]))

    with pm.Model():
        rate = pm.Uniform("rate", 0, 1)
        heat = pm.Exponential("heat", scale=3)
        begin = pt.full((2,), 0.5)  # as RescorlaWagnerUser begins
        after, _ = pytensor.scan(
            learn,
            sequences=[pt.as_tensor(actions), pt.as_tensor(outcomes)],
            outputs_info=begin,
            non_sequences=rate,
        )
        before = pt.concatenate([begin[None], after[:-1]])
        pm.Categorical("action", logit_p=heat * before, observed=actions)
        found = pm.sample(1_000, tune=1_000, chains=4, cores=1, random_seed=0, progressbar=False)
    return [float(found.posterior[name].mean()) for name in ("rate", "heat")]


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    return [play_all(1 if quick else 7), fit_both()]


if __name__ == "__main__":
    run(main, __doc__)
