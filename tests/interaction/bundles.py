"""Random bundles, and what must be true of each: alone, in a batch and elsewhere it is the same.

    python -m tests.interaction.bundles --number 2000

plays that many and stops at the first difference; the tests draw some by hypothesis.
"""

import argparse
import multiprocessing
import pickle
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from interaction import (
    SOURCES,
    Assistant,
    Bundle,
    CascadedObservationEngine,
    DeterministicPolicy,
    DiscretePolicy,
    GaussianNoise,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    State,
    Transition,
    Trials,
    User,
    spaces,
)
from interaction.batching import play
from interaction.spaces import leaves, shape_of
from interaction.state import flatten

LEAVES = (
    spaces.Discrete(2),
    spaces.Discrete(7, start=-3),
    spaces.Choice((2, 3, 5, 11)),
    spaces.real(-2.0, 3.0),
    spaces.whole(-4, 9),
    spaces.real(0.0, 1.0, (3,)),
    spaces.real(-5.0, 5.0, (2, 3)),
    spaces.whole(0, 6, (4,)),
    spaces.MultiDiscrete([3, 2, 5]),
    spaces.MultiBinary(3),
)
ACTIONS = (
    spaces.Discrete(3),
    spaces.Discrete(4, start=-1),
    spaces.Choice((1, 4, 9)),
    spaces.real(-1.0, 1.0, (2,)),
    spaces.whole(-2, 2),
    spaces.MultiDiscrete([2, 3]),
    spaces.Dict(go=spaces.Discrete(3), how=spaces.real(0.0, 1.0)),
)


def digest(value):
    """Make one number of any value."""
    if isinstance(value, State):
        total = 0.0
        for weight, part in enumerate(value.values(), 1):
            if part is not None:
                total = total + digest(part) / weight
        return total
    return np.sum(value) * 0.37


def moved(value, space, push, rng):
    """Move a value within its space, as a newcomer would write it."""
    if isinstance(space, spaces.Dict):
        return State(**{name: moved(value[name], part, push, rng) for name, part in space.spaces.items()})
    if isinstance(space, spaces.Discrete):
        if push > 0.5:
            return space.start + (value - space.start + 1) % int(space.n)
        return value if push < -1 else space.start + (value - space.start + 2) % int(space.n)
    if isinstance(space, spaces.Choice):
        return spaces.sample(space, rng) if push > 0 else value
    if isinstance(space, spaces.MultiBinary):
        flipped = value.copy()
        flipped[0] = 1 - flipped[0]
        return flipped
    if isinstance(space, spaces.MultiDiscrete):
        return (value + 1) % space.nvec
    if np.dtype(space.dtype).kind == "i":
        step = 1 if push > 0 else -1
        low, high = space.low.flat[0], space.high.flat[0]
        return (
            min(max(value + step, int(low)), int(high))
            if space.shape == ()
            else np.clip(value + step, low, high)
        )
    noise = rng.normal(0.0, 0.2, space.shape) if space.shape else rng.normal(0.0, 0.2)
    return np.clip(0.8 * value + 0.1 * push + noise, space.low.flat[0], space.high.flat[0])


class Moves(InteractionTask):
    """Moves each field of its state, and ends by chance, by a number, in either turn, at once or never."""

    def __init__(self, space, ends, declared):
        self.space, self.ends = space, ends
        if declared:
            self.state_space = space

    def reset(self, rng):
        return spaces.sample(self.space, rng)

    def _move(self, game, action, rng, turn):
        push = digest(action) + digest(game.previous_task_state) / 7
        state = moved(game.task_state, self.space, push, rng)
        reward = -1.0 if push > 0 else digest(state) / 3
        over = False
        if self.ends == "at once":
            over = True
        elif self.ends in (turn, "both"):
            over = bool(rng.random() < 0.3)
        elif self.ends == "by number":
            over = bool(digest(state) > 2.0)
        return Transition(state, reward, over)

    def on_user_action(self, game, rng):
        return self._move(game, game.user_action, rng, "user")

    def on_assistant_action(self, game, rng):
        return self._move(game, game.assistant_action, rng, "assistant")


class Chooses(DiscretePolicy):
    """Prefers an action by what it sees and by its state."""

    def __init__(self, space, batched):
        self.action_space, self.batched = space, batched

    def probabilities(self, observation, state):
        drive = digest(observation) + state.total
        weights = np.exp(np.sin(drive + np.arange(int(self.action_space.n))))
        return weights / weights.sum()


class Follows(DeterministicPolicy):
    """Goes on from its last action, or stays."""

    def __init__(self, space, lapse, role):
        self.action_space, self.lapse = space, lapse
        self.first, self.own = spaces.first(space), f"{role}_action"

    def action(self, observation, state):
        if digest(observation) > state.count:
            return self.first
        return observation[self.own] if self.own in observation else self.first  # noqa: SIM401


class Paid(Policy):
    """Draws, and is paid."""

    def __init__(self, space):
        self.action_space = space

    def sample(self, observation, state, rng):
        action = spaces.sample(self.action_space, rng)
        return action, rng.normal() if state.count > 1 else 0.5


class Adds(InferenceEngine):
    """Adds up what it sees; sometimes it forgets."""

    def __init__(self, batched):
        self.batched = batched

    def infer(self, observation, state, rng):
        total = state.total + digest(observation) / 10
        if rng.random() < 0.25:
            total = 0.0
        trace = state.trace.copy()
        trace[state.count % 3] = total
        return state.replace(total=total, count=state.count + 1, trace=trace), -abs(total) / 100


class Glances(ObservationEngine):
    """Sees the task through noise, and every other round its last action too."""

    def __init__(self, role):
        self.role = role

    def observe(self, game, rng):
        seen = State(task=game.task_state, noise=rng.normal(0.0, 1.0, (2,)), round_index=game.round_index)
        return seen, -rng.random()


def halved(value):
    return value / 2


def draw_space(choose, depth=0):
    fields = {}
    for name in ("x", "y", "z")[: choose((1, 2, 3))]:
        fields[name] = draw_space(choose, 1) if depth == 0 and choose(range(6)) == 0 else choose(LEAVES)
    return spaces.Dict(**fields)


def draw_engine(choose, role, task_space):
    paths = [f"task_state.{path}" for path, space in leaves(task_space) if isinstance(space, spaces.Box)]
    kind = choose(("default", "rules", "glances", "cascade"))
    if kind == "default":
        return None
    if kind == "glances":
        return Glances(role)
    rules = {"cost": 0.1}
    if paths:
        path = choose(paths)
        shape = shape_of(dict(leaves(task_space))[path.removeprefix("task_state.")])
        rules |= choose(
            ({"hide": [path]}, {"transform": {path: halved}}, {"noise": {path: GaussianNoise(0.3, shape)}})
        )
    engine = RuleObservationEngine(role, **rules)
    return (
        engine
        if kind == "rules"
        else CascadedObservationEngine([engine, RuleObservationEngine(role, cost=0.2)])
    )


def draw_agent(choose, make, task_space):
    space = choose(ACTIONS)
    discrete = isinstance(space, spaces.Discrete | spaces.Choice)
    kind = choose(("random", "paid", "follows", "chooses") if discrete else ("random", "paid", "follows"))
    batched, role = choose((None, None, False)), make.role
    policy = {
        "random": lambda: RandomPolicy(space),
        "paid": lambda: Paid(space),
        "follows": lambda: Follows(space, choose((0.0, 0.2)), role),
        "chooses": lambda: Chooses(space, batched),
    }[kind]()
    parts = {"policy": policy, "state": State(total=0.5, count=0, trace=np.zeros(3))}
    engine = draw_engine(choose, role, task_space)
    if engine is not None:
        parts["observation_engine"] = engine
    if choose((True, True, False)):
        parts["inference_engine"] = Adds(batched)
    return make(**parts)


def draw_bundle(choose):
    """Draw a bundle: `choose` picks one of a sequence."""
    space = draw_space(choose)
    ends = choose(("never", "user", "assistant", "both", "by number", "at once"))
    narrow = any(isinstance(leaf, spaces.MultiBinary) for _, leaf in leaves(space))  # of 8-bit integers
    task = Moves(space, ends, declared=narrow or choose((True, False)))
    present = choose(("both", "both", "both", "user", "assistant"))
    user = draw_agent(choose, User, space) if present != "assistant" else None
    assistant = draw_agent(choose, Assistant, space) if present != "user" else None
    if choose(range(5)) == 0:
        task = Trials(task, choose((1, 3)))
    return Bundle(
        task,
        user,
        assistant,
        max_rounds=choose(range(1, 9)),
        check=choose((True, True, False)),
        last_look=assistant is not None and choose((True, False, False)),
    )


def draw_run(choose, bundle):
    """Draw the options of a run."""
    known = dict(leaves(bundle.spaces))
    task = {path: space for path, space in known.items() if path.startswith("task_state.") and "." in path}
    task = {
        path: space for path, space in task.items() if path.split(".")[1] not in ("trial", "rounds", "ended")
    }
    states = [path for path in known if path.endswith("_state.total")]
    options = {"seed": choose(range(1000)), "episodes": choose(range(1, 30)), "over": {}, "start": {}}
    rng = np.random.default_rng(options["seed"])
    for path in list(task)[: choose((0, 0, 1, 2))]:
        options["start"][path] = np.stack([value(task[path], rng) for _ in range(options["episodes"])])
        if choose((True, False)):
            options["start"][path] = options["start"][path][0]
    rest = [path for path in task if path not in options["start"]]
    for path in (rest[:1] if choose(range(4)) == 0 else []) + (states[:1] if choose(range(4)) == 0 else []):
        space = known[path] if path in task else spaces.real(-1.0, 1.0)
        options["over"][path] = [value(space, rng) for _ in range(choose((1, 2, 3)))]
    paths = [choose(list(task)).rpartition(".")[0], "rewards.user_task", "rewards.assistant_task"]
    options["record"] = choose(("all", "all", "final", paths))
    return options


def value(space, rng):
    """Draw a value of a space by numpy, for `start` and `over`."""
    if isinstance(space, spaces.Discrete):
        return int(space.start + rng.integers(space.n))
    if isinstance(space, spaces.Choice):
        return int(rng.choice(space.values))
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(space.nvec)
    if isinstance(space, spaces.MultiBinary):
        return rng.integers(0, 2, space.shape).astype(np.int8)
    if isinstance(space, spaces.Undeclared):
        whole = np.dtype(space.dtype).kind in "iu"
        drawn = rng.integers(0, 2, space.shape) if whole else rng.random(space.shape)
        return np.asarray(drawn, space.dtype)[()]
    if np.dtype(space.dtype).kind == "i":
        return rng.integers(space.low, space.high, endpoint=True)
    return rng.uniform(space.low, space.high)


def by_hand(bundle, seed, episode, start):
    """Play one episode step by step: the game after each round, and the rewards."""
    bundle.reset(seed=seed, episode=episode, start=start)
    games, rewards = [], []
    while True:
        step = bundle.step()
        games.append(step.game)
        rewards.append(step.rewards)
        if step.done:
            return games, rewards, step.terminated


def check(bundle, options, chunk, elsewhere=None):
    """Raise unless a batch is its single episodes, in any order, chunk and process."""
    seed, count, over = options["seed"], options["episodes"], options["over"]
    whole, play.CHUNK = play.CHUNK, chunk
    try:
        runs = bundle.run(count, seed=seed, over=over, start=options["start"], record=options["record"])
    finally:
        play.CHUNK = whole
    again = bundle.run(count, seed=seed, over=over, start=options["start"], record=options["record"])
    assert runs == again, f"chunks of {chunk}"
    if elsewhere is not None:
        assert elsewhere(bundle, options) == runs, "another process"
    order = list(range(count))[::-1]
    backwards = bundle.run(
        order, seed=seed, over=over, start=of(options["start"], bundle, order), record="final"
    )
    assert np.array_equal(backwards.returns[::-1], runs.returns), "another order"
    assert np.array_equal(backwards.lengths[::-1], runs.lengths), "another order"
    shape = runs.lengths.shape[1:]
    for episode in {0, count // 2, count - 1}:
        start = of(options["start"], bundle, episode)
        if all(path in runs.episode(episode) for path in paths_of(options)):
            one = bundle.run([episode], seed=seed, over=over, start=start, record=options["record"])
            assert one == runs.episode(episode), f"run([{episode}])"
        for cell in np.ndindex(*shape):
            forced = dict(start)
            for (path, values), index in zip(over.items(), cell, strict=True):
                forced[path] = values[index]
            compare(runs, (episode, *cell), by_hand(bundle, seed, episode, forced), options["record"])


def paths_of(options):
    return options["record"] if isinstance(options["record"], list) else []


def of(start, bundle, episodes):
    """Give the part of `start` that belongs to one episode or some."""
    known = dict(leaves(bundle.spaces))
    return {
        path: values[episodes] if np.ndim(values) > len(shape_of(known[path])) else values
        for path, values in start.items()
    }


def compare(runs, where, played, record):
    """Compare a recorded episode with one that was played by hand, to the last bit."""
    games, rewards, terminated = played
    assert runs.lengths[where] == len(games), "length"
    assert runs.terminated[where] == terminated, "end"
    for number, source in enumerate(SOURCES):
        total = 0.0
        for paid in rewards:
            total = total + paid[number]
        assert same(runs.rewards[source][where], total), source
    rounds = [games[-1]] if record == "final" else games
    wanted = None if isinstance(record, str) else tuple(record)
    for number, game in enumerate(rounds):
        place = where if record == "final" else (*where, number)
        held = {path: value for path, value in flatten(game) if value is not None}
        if record != "final":
            held |= {f"rewards.{source}": rewards[number][place] for place, source in enumerate(SOURCES)}
        for path, value in held.items():
            if wanted is None or path in wanted or any(path.startswith(f"{one}.") for one in wanted):
                assert not np.ma.getmaskarray(runs[path])[place].any(), f"{path} is missing"
                assert same(np.ma.getdata(runs[path])[place], value), f"{path} in round {number}"
        for path in runs:
            if path not in held:
                assert np.ma.getmaskarray(runs[path])[place].all(), f"{path} was never there"


def same(recorded, value):
    """Say whether two values have the same bits and are of one kind."""
    first, second = np.asarray(recorded), np.asarray(value)
    kinds = {first.dtype.kind, second.dtype.kind}
    return (
        len(kinds) == 1
        and first.shape == second.shape
        and first.tobytes() == second.astype(first.dtype).tobytes()
    )


def run_there(content):
    """Play a pickled bundle in another process."""
    bundle, options = pickle.loads(content)
    return bundle.run(
        options["episodes"],
        seed=options["seed"],
        over=options["over"],
        start=options["start"],
        record=options["record"],
    )


def other_process():
    """Give a pool of one process that shares nothing with this one, and what plays a bundle in it."""
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    return pool, lambda bundle, options: pool.submit(run_there, pickle.dumps((bundle, options))).result()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    pool, elsewhere = other_process()
    begun = time.monotonic()
    with pool:
        for number in range(given.first, given.first + given.number):
            choose = random.Random(number).choice
            bundle = draw_bundle(choose)
            options = draw_run(choose, bundle)
            try:
                check(bundle, options, choose((3, 7, 50)), elsewhere if number % 5 == 0 else None)
            except BaseException:
                print(f"bundle {number}: {bundle!r}, {options}", file=sys.stderr)
                raise
            if number % 100 == 99:
                print(f"{number + 1 - given.first} bundles, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{given.number} bundles without a difference")


if __name__ == "__main__":
    main()
