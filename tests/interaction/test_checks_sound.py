"""The conformance kit lets each of these sound components pass: none of them is a false alarm."""

import itertools
import math
import os
import time
from functools import lru_cache

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    CascadedInferenceEngine,
    CascadedObservationEngine,
    DeterministicPolicy,
    DiscretePolicy,
    DualInferenceEngine,
    DualPolicy,
    EpisodeRandom,
    GaussianNoise,
    Grid,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    Samples,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.assistants.coordination import (
    CoordinatedAssistant,
    CoordinatedAssistantWithInference,
    CoordinatedAssistantWithRollout,
)
from interaction.assistants.imitation import ImitatingAssistant
from interaction.assistants.pointing import ConstantGain
from interaction.checks import check_bundle, other_process
from interaction.component import PreparedComponent
from interaction.tasks.bandit import BanditTask, MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask
from interaction.tasks.pointing import Pointing2DTask, PointingTask
from interaction.users.bandit import (
    ChoiceKernelUser,
    ExpertUser,
    RandomUser,
    RescorlaWagnerChoiceKernelUser,
    RescorlaWagnerUser,
    WinStayLoseShiftUser,
)
from interaction.users.coordination import PseudoRandomPolicy, PseudoRandomUser
from interaction.users.pointing import CarefulPointer, FittsPointer, SatiatingPointer

TEN = spaces.Discrete(10)
UNIT = spaces.Box(0.0, 1.0, (), np.float64)
LINE = spaces.Box(-np.inf, np.inf, (), np.float64)
PLANE = spaces.Box(-np.inf, np.inf, (2,), np.float64)
USER = PseudoRandomUser()
ROUNDS = 6
SECONDS = 60.0  # enough on a machine that is busy


class Circle(InteractionTask):
    """Natural code: plain operators."""

    state_space = spaces.Dict({"x": TEN})

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        x = (game.task_state.x + 1) % 10
        return Transition(State(x=x), -1.0, x == 0)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


# Tasks.


class Branches(Circle):
    def on_user_action(self, game, rng):
        if game.task_state.x > 5:
            return Transition(State(x=0), 1.0)
        return Transition(State(x=game.task_state.x + 2), -1.0, rng.random() < 0.1)


class Loops(Circle):
    """Draws until it has a number above a half."""

    def on_user_action(self, game, rng):
        draws = 1
        while rng.random() < 0.5 and draws < 9:
            draws += 1
        return Transition(State(x=draws), -float(draws))


class UsesMinAndMath(Circle):
    def on_user_action(self, game, rng):
        x = min(9, game.task_state.x + 1)
        return Transition(State(x=x), -math.exp(-x / 3))


class LooksUp(Circle):
    prizes = (0.0, 0.1, 0.3, 0.2, 0.9, 1.0, 0.5, 0.4, 0.1, 0.0)

    def on_user_action(self, game, rng):
        x = int(game.task_state.x)
        return Transition(State(x=(3 * x + 1) % 10), self.prizes[x])


class Vectors(InteractionTask):
    state_space = spaces.Dict({"position": PLANE, "goal": PLANE})

    def reset(self, rng):
        return State(position=np.zeros(2), goal=rng.normal(0.0, 3.0, (2,)))

    def on_user_action(self, game, rng):
        state = game.task_state
        step = state.goal - state.position
        return Transition(state.replace(position=state.position + 0.3 * step), -float(np.abs(step).max()))


class Matrices(InteractionTask):
    """Turns by a matrix, entry by entry."""

    batched = False
    state_space = spaces.Dict({"turn": spaces.Box(-5.0, 5.0, (2, 2), np.float64), "at": PLANE})

    def reset(self, rng):
        angle = rng.random()
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        return State(turn=turn, at=rng.normal(shape=(2,)))

    def on_user_action(self, game, rng):
        state = game.task_state
        return Transition(state.replace(at=state.turn @ state.at), float(state.at[0]))


class Permutes(InteractionTask):
    state_space = spaces.Dict({"order": spaces.MultiDiscrete([6] * 6)})

    def reset(self, rng):
        return State(order=rng.shuffle(6))

    def on_user_action(self, game, rng):
        order = game.task_state.order[rng.shuffle(6)]
        return Transition(State(order=order), float(order[0]))


class Nested(InteractionTask):
    state_space = spaces.Dict(
        {
            "cursor": spaces.Dict({"x": TEN, "held": spaces.MultiBinary(3)}),
            "clock": spaces.Box(0, 10_000, (), np.int64),
        }
    )

    def reset(self, rng):
        return State(cursor=State(x=0, held=np.zeros(3, np.int8)), clock=0)

    def on_user_action(self, game, rng):
        state = game.task_state
        held = (rng.random((3,)) < 0.5).astype(np.int8)
        return Transition(State(cursor=State(x=state.clock % 10, held=held), clock=state.clock + 1))


class Masks(InteractionTask):
    """Written for arrays with a leading axis of episodes."""

    batched = True
    state_space = spaces.Dict({"seen": spaces.MultiBinary(8)})

    def reset(self, rng):
        return State(seen=(rng.random((8,)) < 0.2).astype(np.int8))

    def on_user_action(self, game, rng):
        seen = np.maximum(game.task_state.seen, (rng.random((8,)) < 0.1).astype(np.int8))
        return Transition(State(seen=seen), -1.0, seen.all(axis=-1))


class Choices(InteractionTask):
    state_space = spaces.Dict({"prize": spaces.Choice([-5, 0, 20])})

    def reset(self, rng):
        return State(prize=0)

    def on_user_action(self, game, rng):
        prize = (-5, 0, 20)[rng.categorical([0.2, 0.7, 0.1])]
        return Transition(State(prize=prize), prize)


class Measures(InteractionTask):
    """Measures how long it takes, and keeps that to itself; logs with the time of day."""

    state_space = spaces.Dict({"x": UNIT})

    def reset(self, rng):
        return State(x=rng.random())

    def on_user_action(self, game, rng):
        start = time.perf_counter()
        x = 4 * 0.9 * game.task_state.x * (1 - game.task_state.x)
        assert time.perf_counter() >= start
        assert os.environ.get("HOME", "") is not None
        return Transition(State(x=x), x)


class Constant(Circle):
    def reset(self, rng):
        return State(x=3)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)


# Caches that change nothing.


@lru_cache
def _square(x):
    return x * x


class CachedFunction(Circle):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, float(_square(int(game.task_state.x))))


class Remembering(PreparedComponent, Circle):
    """Keeps what it has worked out, under all that it depends on."""

    def __init__(self, power=3):
        self.power = power
        self._prepare()

    def _prepare(self):
        self._known = {}

    def on_user_action(self, game, rng):
        x = int(game.task_state.x)
        if x not in self._known:
            self._known[x] = float(x**self.power)
        return Transition(State(x=(x + 1) % 10), self._known[x])


class Tables(PreparedComponent, Circle):
    def __init__(self, n=10):
        self.n = n
        self._prepare()

    def _prepare(self):
        self._table = np.sqrt(np.arange(self.n))

    def on_user_action(self, game, rng):
        return Transition(State(x=(game.task_state.x * 7 + 1) % 10), self._table[game.task_state.x])


class SortsASet(Circle):
    """The order of a set does not matter where it is sorted."""

    def on_user_action(self, game, rng):
        words = sorted({"up", "down", "left", "right"})
        return Transition(State(x=len(words[int(game.task_state.x) % 4])))


TASKS = [
    Circle(),
    Branches(),
    Loops(),
    UsesMinAndMath(),
    LooksUp(),
    Vectors(),
    Matrices(),
    Permutes(),
    Nested(),
    Masks(),
    Choices(),
    Measures(),
    Constant(),
    CachedFunction(),
    Remembering(),
    Tables(),
    SortsASet(),
]


# Policies.


class Natural(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        x = observation.task_state.x
        return 9 - x if x > 4 else x


class Promised(DeterministicPolicy):
    batched = True
    action_space = TEN

    def action(self, observation, state):
        return np.where(np.asarray(observation.task_state.x) > 4, 1, 2)


class Softmax(DiscretePolicy):
    action_space = spaces.Discrete(5)

    def probabilities(self, observation, state):
        weights = np.exp(-np.abs(np.arange(5) - np.asarray(observation.task_state.x)[..., None] / 2))
        return weights / weights.sum(axis=-1, keepdims=True)


class RareAction(DiscretePolicy):
    """Some actions have probabilities of nearly nothing, and one has none."""

    action_space = spaces.Discrete(5, start=-2)

    def probabilities(self, observation, state):
        return np.array([0.7, 1e-3, 1e-9, 0.0, 0.3 - 1e-3 - 1e-9])


class OverAChoice(DiscretePolicy):
    action_space = spaces.Choice([4, -3, 10])

    def probabilities(self, observation, state):
        return np.array([0.2, 0.5, 0.3])


class Normal(Policy):
    action_space = LINE

    def sample(self, observation, state, rng):
        return rng.normal(observation.task_state.x, 2.0), -0.1

    def log_prob(self, action, observation, state):
        z = (action - observation.task_state.x) / 2.0
        return -z * z / 2 - np.log(2.0 * np.sqrt(2 * np.pi))


class TwoFarPeaks(Policy):
    """Two narrow peaks with nothing in between."""

    batched = False
    action_space = LINE

    def sample(self, observation, state, rng):
        side = 1 if rng.random() < 0.3 else -1
        return rng.normal(10.0 * side, 0.1), 0.0

    def log_prob(self, action, observation, state):
        side = 1 if action > 0 else -1
        weight = 0.3 if action > 0 else 0.7
        z = (action - 10.0 * side) / 0.1
        return float(np.log(weight) - z * z / 2 - np.log(0.1 * np.sqrt(2 * np.pi)))


class Cauchy(Policy):
    """So many outliers that it has no mean."""

    batched = False
    action_space = LINE

    def sample(self, observation, state, rng):
        return math.tan(math.pi * (rng.random() - 0.5)), 0.0

    def log_prob(self, action, observation, state):
        return -math.log(math.pi * (1 + action * action))


class Steep(Policy):
    """A density that is infinite at 0: that of the cube of a uniform number."""

    batched = False
    action_space = UNIT

    def sample(self, observation, state, rng):
        return rng.random() ** 3, 0.0

    def log_prob(self, action, observation, state):
        return math.log(action ** (-2 / 3) / 3) if action > 0 else 100.0


class Correlated(Policy):
    batched = False
    action_space = PLANE

    def sample(self, observation, state, rng):
        first, second = rng.normal(shape=(2,))
        return np.array([first, 0.8 * first + 0.6 * second]), 0.0

    def log_prob(self, action, observation, state):
        z = (action[1] - 0.8 * action[0]) / 0.6
        return float(-(action[0] ** 2 + z * z) / 2 - np.log(2 * np.pi * 0.6))


class Bounded(Policy):
    batched = False
    action_space = spaces.Box(-1.0, 1.0, (3,), np.float64)

    def sample(self, observation, state, rng):
        return 1 - 2 * np.sqrt(rng.random((3,))), 0.0

    def log_prob(self, action, observation, state):
        with np.errstate(divide="ignore"):
            return float(np.log((1 - action) / 2).sum())


class Mixed(Policy):
    batched = False
    action_space = spaces.Dict({"which": spaces.Choice([5, 7]), "how_far": LINE, "on": spaces.MultiBinary(2)})

    def sample(self, observation, state, rng):
        which = 5 if rng.random() < 0.8 else 7
        on = (rng.random((2,)) < 0.3).astype(np.int8)
        return State(which=which, how_far=rng.normal(which, 1.0), on=on), 0.0

    def log_prob(self, action, observation, state):
        z = action.how_far - action.which
        which = np.log(0.8 if action.which == 5 else 0.2)
        on = np.where(np.asarray(action.on) == 1, np.log(0.3), np.log(0.7)).sum()
        return float(which + on - z * z / 2 - np.log(2 * np.pi) / 2)


class WholeNumbers(Policy):
    """A geometric number, in a box of integers that is too long to list."""

    batched = False
    action_space = spaces.Box(0, 5000, (), np.int64)

    def sample(self, observation, state, rng):
        return min(5000, int(math.log(1 - rng.random()) / math.log(0.9))), 0.0

    def log_prob(self, action, observation, state):
        return math.log(0.1) + action * math.log(0.9)


class PointsAt(DeterministicPolicy):
    """Always the same point of a box, which has no density."""

    action_space = PLANE

    def action(self, observation, state):
        return np.array([0.5, -0.5])


class Clipped(Policy):
    """Clipped to its box: no density, so that its log_prob cannot be checked."""

    batched = False
    action_space = UNIT

    def sample(self, observation, state, rng):
        return min(1.0, max(0.0, rng.normal(0.5, 1.0))), 0.0

    def log_prob(self, action, observation, state):
        return -((action - 0.5) ** 2) / 2


class Silent(Policy):
    """Has no log_prob."""

    action_space = spaces.Text(3)

    def sample(self, observation, state, rng):
        return "abc", 0.0


POLICIES = [
    Natural(),
    Natural(lapse=0.2),
    Promised(),
    Softmax(),
    RareAction(),
    OverAChoice(),
    Normal(),
    TwoFarPeaks(),
    Cauchy(),
    Steep(),
    Correlated(),
    Bounded(),
    Mixed(),
    WholeNumbers(),
    PointsAt(),
    Clipped(),
    Silent(),
    RandomPolicy(TEN),
    RandomPolicy(spaces.MultiDiscrete([30, 30, 30])),
    RandomPolicy(spaces.Box(-1.0, 3.0, (4,))),
    RandomPolicy(spaces.Dict({"a": spaces.Discrete(3), "b": UNIT})),
]


# Engines, agents.


class Counts(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(n=state.n + (1 if observation.task_state.x > 4 else 0)), -0.1


class Averages(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        return state.replace(
            mean=0.9 * state.mean + 0.1 * observation.task_state.x + rng.normal(0.0, 0.1)
        ), 0.0


class Blurs(ObservationEngine):
    def observe(self, game, rng):
        return State(task_state=State(x=game.task_state.x + rng.normal())), -0.2


class Sees(ObservationEngine):
    """What it shows has other names and shapes than the game."""

    def observe(self, game, rng):
        return State(task_state=game.task_state, one_hot=np.arange(10) == game.task_state.x), 0.0


class Moody(User):
    """Begins in another mood in each episode."""

    def __init__(self, policy, **parts):
        super().__init__(
            policy=policy,
            state=State(n=0, mean=0.0),
            state_space=spaces.Dict({"n": spaces.Box(0, 1000, (), np.int64), "mean": LINE}),
            **parts,
        )

    def reset(self, rng):
        return State(n=0, mean=rng.normal())


class Chooses(User):
    """Begins as the task begins."""

    def __init__(self):
        super().__init__(
            policy=RandomPolicy(TEN), state=State(goal=0), state_space=spaces.Dict({"goal": TEN})
        )

    def reset_in(self, game, rng):
        return State(goal=(game.task_state.x + 5) % 10)


class Asks(Policy):
    """Asks a simulator what the user will do."""

    action_space = TEN

    def __init__(self):
        self.simulator = Simulator(user_model=USER)

    def sample(self, observation, state, rng):
        return self.simulator.predict_user_action(observation, rng), 0.0


def _half(value):
    return value // 2


def user(policy, task=None, **parts):
    return Bundle(task or Circle(), User(policy=policy, **parts), max_rounds=ROUNDS)


def helped(assistant, task=None, by=USER):
    return Bundle(task or CoordinatedTask(), by, assistant, max_rounds=ROUNDS)


def _uniform():
    from scipy import stats  # which a module that another process imports need not wait for

    return stats.uniform(0, 1)


def watched(parameters, learner, task):
    belief = UserModelFilter(learner, parameters)
    assistant = Assistant(
        policy=RandomPolicy(spaces.Discrete(2)),
        inference_engine=belief,
        state=State(belief=belief.initial(EpisodeRandom())),
        state_space=spaces.Dict({"belief": belief.space}),
    )
    return helped(assistant, task, learner)


DEMONSTRATION = MultiArmedBanditTask(n_demonstrations=100)
HALVED = RuleObservationEngine("user", transform={"task_state.x": _half})
NOISY = RuleObservationEngine("user", noise={"task_state.x": GaussianNoise(0.5)}, cost=0.1)
HIDING = CascadedObservationEngine([HALVED, RuleObservationEngine("user", hide=["user_action"])])
MODEL = PseudoRandomUser(p0=0)

AGENTS = {
    "counts": lambda: Bundle(Circle(), Moody(Natural(), inference_engine=Counts()), max_rounds=ROUNDS),
    "averages": lambda: Bundle(Circle(), Moody(Natural(), inference_engine=Averages()), max_rounds=ROUNDS),
    "cascade": lambda: Bundle(
        Circle(),
        Moody(Softmax(), inference_engine=CascadedInferenceEngine([Counts(), Averages()])),
        max_rounds=ROUNDS,
    ),
    "blurs": lambda: user(RandomPolicy(TEN), observation_engine=Blurs()),
    "sees": lambda: user(Natural(), observation_engine=Sees()),
    "halved": lambda: user(Natural(), observation_engine=HALVED),
    "noisy": lambda: user(RandomPolicy(TEN), observation_engine=NOISY),
    "hiding": lambda: user(Natural(), observation_engine=HIDING),
    "chooses": lambda: Bundle(Circle(), Chooses(), max_rounds=ROUNDS),
    "asks": lambda: helped(Assistant(policy=Asks())),
    "dual": lambda: helped(
        Assistant(
            policy=DualPolicy(RandomPolicy(TEN), RandomPolicy(TEN)),
            inference_engine=DualInferenceEngine(InferenceEngine(), InferenceEngine()),
        )
    ),
    "only an assistant": lambda: Bundle(
        BanditTask(), assistant=Assistant(policy=RandomPolicy(spaces.Discrete(5)))
    ),
    "filter on a grid": lambda: watched(
        Grid({"learning_rate": [0.1, 0.5]}), RescorlaWagnerUser(), DEMONSTRATION
    ),
    "filter of samples": lambda: watched(
        Samples({"epsilon": _uniform()}, n=50),
        WinStayLoseShiftUser(),
        DEMONSTRATION,
    ),
}

OWN = {
    "coordination": lambda: helped(None),
    "coordination, lapses": lambda: helped(None, by=USER.replace(policy=PseudoRandomPolicy(lapse=0.3))),
    "coordination, predicted": lambda: helped(CoordinatedAssistant(USER)),
    "coordination, rollouts": lambda: helped(
        CoordinatedAssistantWithRollout(CoordinatedTask(), USER, 5, 7, max_rounds=12)
    ),
    "coordination, inferred": lambda: helped(
        CoordinatedAssistantWithInference(MODEL), SimultaneousCoordinatedTask()
    ),
    "expert": lambda: Bundle(BanditTask(), ExpertUser(), max_rounds=ROUNDS),
    "imitation": lambda: Bundle(
        BanditTask(), assistant=ImitatingAssistant(ExpertUser(), BanditTask()), max_rounds=5
    ),
    "guesses": lambda: Bundle(MultiArmedBanditTask(), RandomUser(0.3), max_rounds=ROUNDS),
    "stays or shifts": lambda: Bundle(MultiArmedBanditTask(), WinStayLoseShiftUser(), max_rounds=ROUNDS),
    "learns": lambda: Bundle(MultiArmedBanditTask(), RescorlaWagnerUser(), max_rounds=ROUNDS),
    "has habits": lambda: Bundle(MultiArmedBanditTask(), ChoiceKernelUser(), max_rounds=ROUNDS),
    "learns and has habits": lambda: Bundle(
        MultiArmedBanditTask(), RescorlaWagnerChoiceKernelUser(), max_rounds=ROUNDS
    ),
    "points": lambda: Bundle(PointingTask(12, 4, "position"), CarefulPointer(), max_rounds=ROUNDS),
    "points, helped": lambda: Bundle(
        PointingTask(12, 4), CarefulPointer(), ConstantGain(2.0), max_rounds=ROUNDS
    ),
    "points, satiating": lambda: Bundle(
        PointingTask(12, 4), SatiatingPointer(), ConstantGain(1.0), max_rounds=ROUNDS
    ),
    "points in the plane": lambda: Bundle(Pointing2DTask(3), FittsPointer(), max_rounds=ROUNDS),
}


@pytest.fixture(autouse=True)
def one_other_process(monkeypatch):
    """Start one other process in place of two, each of which takes half a second."""
    monkeypatch.setattr(other_process, "OTHERS", 1)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_a_sound_task_conforms(task):
    report = check_bundle(user(RandomPolicy(TEN), task), seconds=SECONDS)
    assert report.batches[1000] >= 50
    assert report.processes == 2


PAIRS = list(itertools.zip_longest(POLICIES[::2], POLICIES[1::2], fillvalue=Natural()))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: " ".join(type(policy).__name__ for policy in pair))
def test_sound_policies_conform(pair):
    first, second = pair
    both = Bundle(Circle(), User(policy=first), Assistant(policy=second), max_rounds=ROUNDS)
    report = check_bundle(both, seconds=SECONDS)
    assert report.batches[1000] >= 50
    assert report.processes == 2


@pytest.mark.parametrize("name", [*AGENTS, *OWN])
def test_a_sound_agent_conforms(name):
    check_bundle((AGENTS | OWN)[name](), seconds=SECONDS)
