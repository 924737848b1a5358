"""The conformance kit passes the project's own components, and catches one broken component of each kind."""

import random

import numpy as np
import pytest

from assistants.coordination import (
    CoordinatedAssistant,
    CoordinatedAssistantWithInference,
    CoordinatedAssistantWithRollout,
)
from interaction import (
    Assistant,
    Bundle,
    CascadedInferenceEngine,
    DeterministicPolicy,
    DiscretePolicy,
    DualInferenceEngine,
    DualPolicy,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from interaction.checks import check_agent, check_bundle, check_policy, check_task
from interaction.errors import ConformanceError, MissingExtraError
from tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask
from users.coordination import PseudoRandomPolicy, PseudoRandomUser

TEN = spaces.Discrete(10)
USER = PseudoRandomUser()


@pytest.mark.parametrize("task", [CoordinatedTask(), SimultaneousCoordinatedTask()])
def test_own_tasks_conform(task):
    check_task(task, user_action_space=TEN, assistant_action_space=TEN)
    check_task(task, user_action_space=TEN)


@pytest.mark.parametrize(
    ("task", "assistant"),
    [
        (CoordinatedTask(), None),
        (CoordinatedTask(), CoordinatedAssistant(USER)),
        (CoordinatedTask(), CoordinatedAssistantWithRollout(CoordinatedTask(), USER, 5, 7, max_rounds=12)),
        (SimultaneousCoordinatedTask(), CoordinatedAssistantWithInference(PseudoRandomUser(p0=0))),
        (CoordinatedTask(), Assistant(policy=RandomPolicy(TEN))),
    ],
)
def test_own_agents_conform(task, assistant):
    check_agent(USER, task, assistant)
    check_bundle(Bundle(task, USER, assistant, max_rounds=12))


def test_own_policies_conform():
    cases = [(State(task_state=State(x=x)), State(p0=1, p1=5, p2=7)) for x in range(10)]
    check_policy(PseudoRandomPolicy(), cases)
    check_policy(PseudoRandomPolicy(lapse=0.3), cases[:2])
    check_policy(RandomPolicy(TEN), cases[:2])
    check_policy(RandomPolicy(spaces.Box(-1.0, 1.0, (2,))), cases[:2])
    check_policy(RandomPolicy(spaces.MultiDiscrete([2, 3])), cases[:2])


def test_a_policy_needs_a_case():
    with pytest.raises(ConformanceError, match="at least one pair"):
        check_policy(PseudoRandomPolicy(), [])


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


class OutsideItsSpace(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return 10


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


BROKEN = [
    (KeepsCount, "changed self"),
    (HiddenCount, "called again with the same arguments"),
    (WritesArgument, "changed its argument"),
    (PythonRandom, "Python's global random state"),
    (NumpyRandom, "numpy's global random state"),
    (OutsideItsSpace, "expected a value in Discrete"),
    (BranchesInBatch, "fails on a batch"),
    (DiffersInBatch, "for its single episodes"),
    (NotNormalised, "sum to 1.1"),
    (WrongLogProb, "disagrees with sample"),
    (ImpossibleAction, "disagrees with sample"),
    (Unpicklable, "cannot be pickled"),
    (ChangesInPickle, "comes back from pickle"),
]


@pytest.mark.parametrize(("policy", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_a_broken_policy_is_caught_and_named(policy, message):
    cases = [(State(task_state=State(x=x)), State()) for x in (0, 1, 5)]
    with pytest.raises(ConformanceError, match=message) as caught:
        check_policy(policy(), cases)
    assert policy.__name__ in str(caught.value)
    assistant = Assistant(policy=policy()) if policy is not Unpicklable else None
    if assistant is not None:
        with pytest.raises(ConformanceError, match=message):
            check_agent(assistant, CoordinatedTask(), User(policy=RandomPolicy(policy.action_space)))


class BrokenTask(InteractionTask):
    state_space = spaces.Dict({"x": spaces.Discrete(10)})

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)


class GrowsBeyond(BrokenTask):
    def on_user_action(self, game, rng):
        return Transition(State(x=game.task_state.x + 3))


class ForgetsField(BrokenTask):
    def on_user_action(self, game, rng):
        return Transition(State(y=0))


class Remembers(BrokenTask):
    def on_user_action(self, game, rng):
        self.last = game.user_action
        return Transition(game.task_state)


class NoTuple(BrokenTask):
    def on_user_action(self, game, rng):
        return game.task_state


class BatchedTask(BrokenTask):
    batched = True

    def on_user_action(self, game, rng):
        return Transition(State(x=min(9, game.user_action)))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (GrowsBeyond, "GrowsBeyond.on_user_action, field 'x': expected a value in Discrete"),
        (ForgetsField, "ForgetsField.on_user_action: expected a value in State"),
        (Remembers, "Remembers.on_user_action changed self"),
        (NoTuple, "NoTuple.on_user_action: expected a tuple"),
        (BatchedTask, "BatchedTask.on_user_action fails on a batch"),
    ],
)
def test_a_broken_task_is_caught_and_named(task, message):
    with pytest.raises(ConformanceError, match=message):
        check_task(task(), user_action_space=TEN)


class DriftingState(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(p0=state.p0 + 4), 0.0


class ForgetfulEngine(ObservationEngine):
    batched = True

    def observe(self, game, rng):
        return State(task_state=game.task_state, n=len(np.atleast_1d(game.task_state.x))), 0.0


def test_a_broken_engine_is_caught_and_named():
    drifting = USER.replace(inference_engine=CascadedInferenceEngine([DriftingState()]))
    with pytest.raises(ConformanceError, match="infer, field 'p0'"):
        check_agent(drifting, CoordinatedTask())
    forgetful = USER.replace(observation_engine=ForgetfulEngine())
    with pytest.raises(ConformanceError, match=r"ForgetfulEngine\.observe gives for a batch"):
        check_agent(forgetful, SimultaneousCoordinatedTask(), Assistant(policy=RandomPolicy(TEN)))


class KeepsPrimary(Assistant):
    def dual(self, **_):
        return self


def test_a_dual_that_holds_a_primary_component_is_caught():
    dual = DualPolicy(primary=RandomPolicy(TEN), dual=RandomPolicy(TEN))
    with pytest.raises(ConformanceError, match=r"KeepsPrimary\.dual\(\) still holds the primary"):
        check_agent(KeepsPrimary(policy=dual), CoordinatedTask(), USER)
    inner = DualInferenceEngine(primary=DriftingNot(), dual=InferenceEngine())
    check_agent(
        Assistant(policy=dual, inference_engine=CascadedInferenceEngine([inner])), CoordinatedTask(), USER
    )


class DriftingNot(InferenceEngine):
    def infer(self, observation, state, rng):
        return state, -0.1


def _half(value):
    return value // 2


def test_rules_conform_and_say_when_they_cannot_be_pickled():
    halved = RuleObservationEngine("user", transform={"task_state.x": _half})
    check_agent(USER.replace(observation_engine=halved), CoordinatedTask())
    local = RuleObservationEngine("user", transform={"task_state.x": lambda x: x})
    with pytest.raises(ConformanceError, match="not lambdas"):
        check_agent(USER.replace(observation_engine=local), CoordinatedTask())


def test_a_missing_extra_is_named():
    from interaction.errors import missing_extra

    assert "pip install 'hci-interaction[data]'" in str(missing_extra("xarray", "data", "x"))
    assert issubclass(MissingExtraError, ImportError)
