"""The conformance kit catches each of these components, and names it and its method."""

import copy
import os
import random
import time
from datetime import date, datetime
from functools import lru_cache
from time import time as seconds_since_1970

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    DualInferenceEngine,
    DualPolicy,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    State,
    Transition,
    Trials,
    User,
    spaces,
)
from interaction.checks import check_bundle, check_task
from interaction.component import PreparedComponent
from interaction.errors import ConformanceError
from interaction.tasks.tiger import LISTEN, TigerTask

TEN = spaces.Discrete(10)
UNIT = spaces.Box(0.0, 1.0, (), np.float64)
LINE = spaces.Box(-np.inf, np.inf, (), np.float64)
SECONDS = 60.0  # enough on a machine that is busy
WORDS = ("anchor", "bridge", "candle", "dragon", "engine", "falcon", "garden", "harbor")


class Walks(InteractionTask):
    """A sound task: what the user does moves x in a circle, and the assistant's action adds to y."""

    state_space = spaces.Dict({"x": TEN, "y": TEN})

    def reset(self, rng):
        return State(x=rng.integers(0, 10), y=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        state = game.task_state
        return Transition(state.replace(x=(state.x + 1) % 10), -1.0)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state, 0.0)


# Not pure.


class KeepsCount(DeterministicPolicy):
    action_space = TEN
    calls = 0

    def action(self, observation, state):
        self.calls += 1
        return self.calls % 10


class HiddenCount(DeterministicPolicy):
    """Keeps its count where `self` does not show it."""

    action_space = TEN
    calls = [0]  # noqa: RUF012

    def action(self, observation, state):
        self.calls[0] += 1
        return self.calls[0] % 10


class WritesArgument(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        observation.__dict__["seen"] = True
        return 0


class PythonRandom(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return random.randrange(10)


class NumpyRandom(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        np.random.rand()  # noqa: NPY002
        return 0


class QuietensNumpy(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        np.seterr(divide="ignore")
        return observation.task_state.x


class Remembers(Walks):
    def on_user_action(self, game, rng):
        self.last = game.user_action
        return Transition(game.task_state)


# Other results at another time, in another order, environment or process.


class LooksAtTheSecond(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return int(time.time()) % 10


class LooksAtTheSecondByName(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(z=int(seconds_since_1970()) % 10), 0.0


class LooksAtTheHour(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return datetime.now().hour // 3


class LooksAtTheDay(Walks):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, float(date.today().toordinal()))


class LooksAtLocalTime(ObservationEngine):
    def observe(self, game, rng):
        return State(task_state=game.task_state, minute=time.localtime().tm_min), 0.0


class StartedLongAgo(Walks):
    """Gives another reward once the process is some minutes old."""

    def on_user_action(self, game, rng):
        return Transition(game.task_state, float(time.monotonic() // 600))


class CachesTheFirst(PreparedComponent, DeterministicPolicy):
    action_space = TEN

    def __init__(self):
        self._prepare()

    def _prepare(self):
        self._cache = {}

    def action(self, observation, state):
        return self._cache.setdefault("answer", observation.task_state.x)


@lru_cache
def _pace(kind, _seen=[]):  # noqa: B006
    _seen.append(kind)
    return len(_seen)


class CachesTheOrder(DeterministicPolicy):
    """The number of a value is that of its first use, which the cache keeps."""

    action_space = spaces.Discrete(100)

    def action(self, observation, state):
        return _pace(observation.task_state.x) % 100


class CachesByPart(PreparedComponent, Walks):
    """Looks up by x what depends on y too."""

    def __init__(self):
        self._prepare()

    def _prepare(self):
        self._cache = {}

    def on_user_action(self, game, rng):
        state = game.task_state
        if state.x not in self._cache:
            self._cache[state.x] = state.y
        return Transition(
            state.replace(x=(state.x + 1) % 10, y=(state.y + 3) % 10), float(self._cache[state.x])
        )


_KNOWN = set()


class CountsWhatItKnows(DeterministicPolicy):
    action_space = spaces.Discrete(1000)

    def action(self, observation, state):
        _KNOWN.add((observation.task_state.x, observation.task_state.y))
        return len(_KNOWN)


class LooksAtItsAddress(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return id(self) // 16 % 10


class LooksAtAnAddress(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return id(observation) // 16 % 10


class FirstOfASet(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return WORDS.index(next(iter(set(WORDS[: 1 + observation.task_state.x % len(WORDS)]))))


class HashesAWord(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(z=hash(f"word {observation.task_state.x}") % 10), 0.0


class ReadsAVariable(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return 5 if os.environ.get("MY_FAST_MODE") else 2


class ReadsTheHome(Walks):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, float(len(os.path.expanduser("~"))))  # noqa: PTH111


class ReadsTheUser(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(z=len(os.getenv("USER", "")) % 10), 0.0


# Other results in batches.


class CountsRows(DeterministicPolicy):
    batched = True  # lifted, it would see one episode, as alone
    action_space = TEN

    def action(self, observation, state):
        return 0

    def sample(self, observation, state, rng):
        return (1 if (rng.rows or 1) > 50 else 0), 0.0


class CountsRowsInTheTask(Walks):
    batched = True

    def on_user_action(self, game, rng):
        return Transition(game.task_state, -2.0 if rng.rows == 1000 else -1.0)


class BranchesInBatch(DeterministicPolicy):
    batched = True
    action_space = TEN

    def action(self, observation, state):
        return 1 if observation.task_state.x > 0 else 0


class DiffersInBatch(DeterministicPolicy):
    batched = True
    action_space = TEN

    def action(self, observation, state):
        return observation.task_state.x - np.min(observation.task_state.x)


class MeanOfAll(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        x = observation.task_state.x
        return state.replace(z=x - x + np.max(x)), 0.0


class CountsWhatItSees(ObservationEngine):
    batched = True

    def observe(self, game, rng):
        return State(task_state=game.task_state, n=len(np.atleast_1d(game.task_state.x))), 0.0


class StartsTogether(Walks):
    batched = True

    def reset(self, rng):
        x = rng.integers(0, 10)
        return State(x=x, y=np.max(x) + 0 * x)


class BranchesInTheTask(Walks):
    batched = True

    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(x=min(9, game.task_state.x)))


class RarelyDiffers(DeterministicPolicy):
    """Is wrong in one of a thousand episodes, late, where all episodes are looked at together."""

    batched = True
    action_space = TEN

    def action(self, observation, state):
        late = np.any((np.asarray(observation.round_index) > 20) & (np.asarray(state.q) > 0.997))
        return 1 if late else 0


class LogProbOfAll(DiscretePolicy):
    """Asked for many at once, it forgets that each has its own action."""

    batched = True
    action_space = TEN

    def probabilities(self, observation, state):
        return np.arange(1, 11) / 55

    def log_prob(self, action, observation, state):
        return np.log(np.max(np.asarray(action) + 1) / 55)


# Values outside their spaces, late or rarely.


class OutsideItsSpace(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return 10


class GrowsBeyond(Walks):
    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(x=game.task_state.x + 3))


class LeavesLate(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(z=np.where(np.asarray(observation.round_index) == 25, 10, 0) + 0 * state.z), 0.0


class NaNLate(Walks):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, np.nan if game.round_index == 25 else 0.0)


class NaNRarely(InferenceEngine):
    """Gives NaN in one of a thousand episodes."""

    def infer(self, observation, state, rng):
        return state.replace(q=np.where(rng.random() < 1 / 30_000, np.nan, 0.5)), 0.0


class LeavesRarely(Policy):
    action_space = TEN

    def sample(self, observation, state, rng):
        return np.where(
            (np.asarray(state.q) > 0.995) & (np.asarray(observation.round_index) == 20), 10, 3
        ), 0.0


class ForgetsField(Walks):
    def on_user_action(self, game, rng):
        return Transition(State(y=0))


class NoTuple(Walks):
    def on_user_action(self, game, rng):
        return game.task_state


class RaisesRarely(Walks):
    """Raises alone and in a batch, but in few episodes only."""

    batched = False

    def on_user_action(self, game, rng):
        return Transition(game.task_state, 1.0 / int(rng.random() > 1 / 20_000))


# A log_prob that disagrees.


class NotNormalised(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.array([0.5, 0.6])


class WrongLogProb(Policy):
    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        return rng.integers(0, 2), 0.0

    def log_prob(self, action, observation, state):
        return float(np.log(0.9 if action == 0 else 0.1))


class ImpossibleAction(Policy):
    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        return rng.integers(0, 2), 0.0

    def log_prob(self, action, observation, state):
        return 0.0 if action == 0 else -np.inf


class WrongChoice(Policy):
    """Takes the position of a choice for the choice."""

    batched = False
    action_space = spaces.Choice([3, 1, 2])

    def sample(self, observation, state, rng):
        return int(self.action_space.values[rng.categorical([0.6, 0.3, 0.1])]), 0.0

    def log_prob(self, action, observation, state):
        return float(np.log([0.6, 0.3, 0.1][int(action) - 1]))


class WrongPair(Policy):
    """Both numbers are the same, but their probabilities are multiplied."""

    batched = False
    action_space = spaces.MultiDiscrete([4, 4])

    def sample(self, observation, state, rng):
        return np.full(2, rng.integers(0, 4)), 0.0

    def log_prob(self, action, observation, state):
        return -2 * float(np.log(4))


class WrongScale(Policy):
    """Draws with a standard deviation of 1, and believes that it is 2."""

    batched = False
    action_space = LINE

    def sample(self, observation, state, rng):
        return rng.normal(), 0.0

    def log_prob(self, action, observation, state):
        return float(-((action / 2) ** 2) / 2 - np.log(2 * np.sqrt(2 * np.pi)))


class ForgetsTheNorm(Policy):
    batched = False
    action_space = spaces.Box(-np.inf, np.inf, (2,), np.float64)

    def sample(self, observation, state, rng):
        return rng.normal(shape=(2,)), 0.0

    def log_prob(self, action, observation, state):
        return float(-(np.asarray(action) ** 2).sum() / 2)


class WrongBounds(Policy):
    """Draws from half of the box that it names."""

    batched = False
    action_space = UNIT

    def sample(self, observation, state, rng):
        return rng.random() / 2, 0.0

    def log_prob(self, action, observation, state):
        return 0.0


MIXED = spaces.Dict({"which": spaces.Discrete(3), "how_far": UNIT})


class WrongMixture(Policy):
    """How far it goes depends on which it picks, and its density says otherwise."""

    batched = False
    action_space = MIXED

    def sample(self, observation, state, rng):
        which = rng.integers(0, 3)
        return State(which=which, how_far=rng.random() ** (1 + which)), 0.0

    def log_prob(self, action, observation, state):
        return -float(np.log(3))


class NaNLogProb(RandomPolicy):
    batched = False

    def __init__(self):
        super().__init__(TEN)

    def log_prob(self, action, observation, state):
        return float("nan")


# Pickling and duals.


class Unpicklable(DeterministicPolicy):
    action_space = TEN

    def __init__(self):
        self.rule = lambda: 0

    def action(self, observation, state):
        return self.rule()


class ChangesInPickle(DeterministicPolicy):
    action_space = TEN

    def __init__(self):
        self.answer = 3

    def __getstate__(self):
        return {"answer": 4}

    def action(self, observation, state):
        return self.answer


class HoldsItsPrimary(RandomPolicy):
    def __init__(self, primary):
        super().__init__(TEN)
        self.held = {"primary": [primary]}


class HoldsItsPrimaryEngine(InferenceEngine):
    def __init__(self, primary):
        self.rule = primary.infer


class KeepsPrimary(Assistant):
    def dual(self, **_):
        return self


USER_SPACE = spaces.Dict({"z": TEN, "q": UNIT})


class Fresh(User):
    """A sound user whose z and q are drawn anew in each episode."""

    batched = False

    def reset(self, rng):
        return State(z=rng.integers(0, 10), q=rng.random())


def play(*parts, assistant=None, max_rounds=40):
    """Give a bundle of sound components, and of the given ones in their places."""
    task, user = Walks(), {"policy": RandomPolicy(TEN)}
    for part in parts:
        if isinstance(part, InteractionTask):
            task = part
        else:
            kind = "policy" if isinstance(part, Policy) else "inference_engine"
            kind = "observation_engine" if isinstance(part, ObservationEngine) else kind
            user[kind] = part
    return Bundle(task, Fresh(state_space=USER_SPACE, **user), assistant, max_rounds=max_rounds)


BROKEN = [
    (KeepsCount, "KeepsCount.sample changed self"),
    (HiddenCount, "HiddenCount.sample gave .* called again with the same arguments"),
    (WritesArgument, "WritesArgument.sample changed its argument"),
    (PythonRandom, "PythonRandom.sample used Python's global random state"),
    (NumpyRandom, "NumpyRandom.sample used numpy's global random state"),
    (QuietensNumpy, r"QuietensNumpy.sample changed what numpy does about errors .*with np\.errstate"),
    (Remembers, "Remembers.on_user_action changed self"),
    (LooksAtTheSecond, "LooksAtTheSecond.(sample|log_prob) gave"),
    (LooksAtTheSecondByName, "LooksAtTheSecondByName.infer gave"),
    (LooksAtTheHour, "LooksAtTheHour.(sample|log_prob) gave .* at another time"),
    (LooksAtTheDay, "LooksAtTheDay.on_user_action gave .* at another time"),
    (LooksAtLocalTime, "LooksAtLocalTime.observe gave .* at another time"),
    (StartedLongAgo, "StartedLongAgo.on_user_action gave .* at another time"),
    (CachesTheFirst, "CachesTheFirst.(sample|log_prob) gave .* in another order"),
    (CachesTheOrder, "CachesTheOrder.(sample|log_prob) gave .* in another process"),
    (CachesByPart, "CachesByPart.on_user_action gave .* in another order"),
    (CountsWhatItKnows, "CountsWhatItKnows.(sample|log_prob) gave .* in another order"),
    (LooksAtItsAddress, "LooksAtItsAddress.(sample|log_prob) gave"),
    (LooksAtAnAddress, "LooksAtAnAddress.(sample|log_prob) gave"),
    (FirstOfASet, "FirstOfASet.(sample|log_prob) gave .* with another hash seed"),
    (HashesAWord, "HashesAWord.infer gave .* with another hash seed"),
    (ReadsAVariable, "ReadsAVariable.(sample|log_prob) gave .* in another environment"),
    (ReadsTheHome, "ReadsTheHome.on_user_action gave .* in another environment"),
    (ReadsTheUser, "ReadsTheUser.infer gave .* in another environment"),
    (CountsRows, "CountsRows.sample gives for a batch 1, and for its single episodes 0"),
    (CountsRowsInTheTask, "CountsRowsInTheTask.on_user_action gives for a batch -2.0"),
    (BranchesInBatch, "BranchesInBatch.sample fails in a batch of 2"),
    (DiffersInBatch, "DiffersInBatch.sample gives for a batch"),
    (MeanOfAll, "MeanOfAll.infer gives for a batch"),
    (CountsWhatItSees, "CountsWhatItSees.observe gives for a batch"),
    (StartsTogether, "StartsTogether.reset gives for a batch"),
    (BranchesInTheTask, "BranchesInTheTask.on_user_action fails in a batch"),
    (RarelyDiffers, "RarelyDiffers.sample gives for a batch 1, and for its single episodes 0"),
    (LogProbOfAll, "LogProbOfAll.log_prob gives for a batch"),
    (OutsideItsSpace, "OutsideItsSpace.sample: expected a value in Discrete"),
    (GrowsBeyond, "GrowsBeyond.on_user_action, field 'x': expected a value in Discrete"),
    (LeavesLate, r"LeavesLate.infer, field 'z': expected .* got 10 \(episode 0, round 25\)"),
    (NaNLate, r"NaNLate.on_user_action: expected a number as its reward, got NaN \(episode 0, round 25\)"),
    (NaNRarely, "NaNRarely.infer, field 'q': expected a value in Box"),
    (LeavesRarely, "LeavesRarely.sample: expected a value in Discrete.*round 20"),
    (ForgetsField, "ForgetsField.on_user_action: expected a value in State"),
    (NoTuple, "NoTuple.on_user_action: expected a tuple"),
    (RaisesRarely, r"RaisesRarely.on_user_action raises ZeroDivisionError: .*\(episode \d+, round \d+\)"),
    (NotNormalised, r"NotNormalised.sample raises ContractError: .* the sum 1\.1"),
    (WrongLogProb, "WrongLogProb.log_prob disagrees with sample"),
    (ImpossibleAction, "ImpossibleAction.log_prob disagrees with sample"),
    (WrongChoice, "WrongChoice.log_prob disagrees with sample"),
    (WrongPair, "WrongPair.log_prob disagrees with sample"),
    (WrongScale, "WrongScale.log_prob disagrees with sample"),
    (ForgetsTheNorm, "ForgetsTheNorm.log_prob disagrees with sample"),
    (WrongBounds, "WrongBounds.log_prob disagrees with sample"),
    (WrongMixture, "WrongMixture.log_prob disagrees with sample"),
    (NaNLogProb, "NaNLogProb.log_prob: expected a number or -inf, got nan"),
    (Unpicklable, "Unpicklable cannot be pickled.*not lambdas"),
    (ChangesInPickle, "ChangesInPickle comes back from pickle as another one"),
]


@pytest.mark.parametrize(("kind", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_broken_is_caught_and_named(kind, message):
    with pytest.raises(ConformanceError, match=f"(?s){message}"):
        check_bundle(play(kind()), seconds=SECONDS)


class Mixes(Walks):
    """An expert's promise that is not kept: each episode learns of all of them."""

    batched = True

    def on_user_action(self, game, rng):
        x = game.task_state.x
        return Transition(game.task_state.replace(x=(x + np.max(x)) % 10), -1.0)


@pytest.mark.parametrize("task", [Mixes(), Trials(Mixes(), 2)])
def test_a_promise_is_looked_into_where_another_component_asks(task):
    with pytest.raises(ConformanceError, match=r"Mixes.*mark it batched = False"):
        check_bundle(play(task, max_rounds=10), seconds=SECONDS)


class Doors(TigerTask):
    """The tiger, which tells `likely` of the door where it is, and goes through it `moves` at a time."""

    def __init__(self, likely=0.85, moves=0.0, other=1.0):
        super().__init__()
        self.likely, self.moves, self.other = likely, moves, other

    def outcome_log_prob(self, before, after):
        if before.assistant_action != LISTEN:
            return 0.0
        right = after.task_state.heard == after.task_state.tiger
        return np.log((self.likely if right else 1 - self.likely) * self.other)

    def hidden_transition(self, before, after):
        if before.assistant_action != LISTEN:
            return np.array([0.5 + self.moves, 0.5 - self.moves])
        return super().hidden_transition(before, after)


WRONG = [
    (
        Doors(likely=0.7),
        r"outcome_log_prob disagrees with what is drawn: State\(tiger=., heard=.\) has",
    ),
    (Doors(likely=0.15), "outcome_log_prob disagrees with what is drawn"),
    (Doors(other=0.5), "outcome_log_prob disagrees with what is drawn"),
    (Doors(other=np.inf), "outcome_log_prob: expected a number or -inf, got inf"),
    (
        Doors(moves=0.1),
        r"hidden_transition disagrees with what is drawn: tiger has .* \[0\.[45]",
    ),
    (Doors(moves=0.6), r"hidden_transition: expected probabilities that sum to one, got \[ 1\.1 -0\.1\]"),
]


@pytest.mark.parametrize(("task", "message"), WRONG)
def test_what_a_task_says_of_its_chances_is_what_it_draws(task, message):
    with pytest.raises(ConformanceError, match=f"Doors.{message}"):
        check_task(task, assistant_action_space=spaces.Discrete(3), rounds=10, seconds=SECONDS)


def test_chances_that_are_right_are_compared():
    report = check_task(Doors(), assistant_action_space=spaces.Discrete(3), rounds=10, seconds=SECONDS)
    assert report.outcomes.keys() == {"Doors.hidden_transition", "Doors.outcome_log_prob"}
    assert min(report.outcomes.values()) >= 8_000
    assert "Doors.outcome_log_prob: compared with" in str(report)


PRIMARY = RandomPolicy(TEN)
ENGINE = InferenceEngine()
DUALS = [
    KeepsPrimary(policy=DualPolicy(PRIMARY, RandomPolicy(TEN))),
    Assistant(policy=DualPolicy(PRIMARY, HoldsItsPrimary(PRIMARY))),
    Assistant(policy=PRIMARY, inference_engine=DualInferenceEngine(ENGINE, HoldsItsPrimaryEngine(ENGINE))),
]


@pytest.mark.parametrize("assistant", DUALS)
def test_a_dual_that_holds_its_primary_is_caught(assistant):
    with pytest.raises(ConformanceError, match=r"\.dual\(\) still holds the primary component"):
        check_bundle(play(assistant=assistant), seconds=SECONDS)


# Natural code that is wrong in a batch of arrays, and right as soon as the batch is lifted. Each of these is
# to be caught for as long as the batch gives something else than the single episodes do.

GRID = spaces.MultiDiscrete([30, 30])


class Walk(InteractionTask):
    state_space = spaces.Dict({"pos": GRID, "target": GRID})

    def reset(self, rng):
        return State(pos=(rng.random((2,)) * 30).astype(int), target=(rng.random((2,)) * 30).astype(int))

    def on_user_action(self, game, rng):
        s = game.task_state.replace(pos=(game.task_state.pos + game.user_action) % 30)
        return Transition(s, -1.0, (s.pos == s.target).all())


class Penalises(InteractionTask):
    state_space = spaces.Dict({"x": spaces.Discrete(1000)})

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        x = rng.integers(0, 1000)
        return Transition(State(x=x), -10.0 if np.any(x == 999) else 0.0)


class RareZero(Penalises):
    """Raises alone where x is 0, and gave inf in a batch of arrays."""

    def on_user_action(self, game, rng):
        x = rng.integers(0, 1000)
        with np.errstate(divide="ignore"):
            return Transition(State(x=x), 1.0 / x)


def natural(task):
    return Bundle(task, User(policy=RandomPolicy(spaces.MultiDiscrete([3, 3]))), max_rounds=20)


@pytest.mark.parametrize("kind", [Walk, Penalises])
def test_natural_code_is_right_in_a_batch(kind):
    check_bundle(natural(kind()), seconds=SECONDS)


class RawWalk(Walk):
    batched = True

    def on_user_action(self, game, rng):
        return super().on_user_action(game, rng)


class RawPenalises(Penalises):
    batched = True

    def on_user_action(self, game, rng):
        return super().on_user_action(game, rng)


@pytest.mark.parametrize("kind", [RawWalk, RawPenalises])
def test_the_same_code_on_raw_arrays_is_caught(kind):
    with pytest.raises(ConformanceError, match=f"{kind.__name__}.(on_user_action|reset) .*batch"):
        check_bundle(natural(kind()), seconds=SECONDS)


def test_natural_code_that_raises_in_a_rare_episode_raises_in_a_batch_too():
    with pytest.raises(ConformanceError, match=r"RareZero\.on_user_action raises ZeroDivisionError"):
        check_bundle(natural(RareZero()), seconds=SECONDS)
    with pytest.raises(ZeroDivisionError) as found:
        natural(RareZero()).run(2_000, seed=0)
    assert any("RareZero.on_user_action" in note and "episode" in note for note in found.value.__notes__)


def test_the_sound_parts_of_these_bundles_conform():
    assert not check_bundle(play(), seconds=SECONDS).unchecked[1:]  # on_assistant_action is never called
    assert copy.copy(play().task) == Walks()
