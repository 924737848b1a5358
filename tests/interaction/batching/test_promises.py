"""Who promises to take raw arrays, and whose methods the promise covers."""

import functools

import numpy as np
import pytest

from interaction import (
    Bundle,
    CascadedInferenceEngine,
    DualInferenceEngine,
    InferenceEngine,
    InteractionTask,
    RandomPolicy,
    RuleObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from interaction.component import promise_of
from interaction.errors import BatchError


class OnArrays(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        return state.replace(n=state.n + 1), 0.0


class Below(OnArrays):
    def infer(self, observation, state, rng):
        state, _ = super().infer(observation, state, rng)
        return (state.replace(n=0) if state.n > 2 else state), 0.0


class Silent(OnArrays):
    """It writes no method, so it keeps the promise."""


class Anew(Below):
    batched = True


class Refused(Below):
    batched = False


class Sees(RuleObservationEngine):
    def observe(self, game, rng):
        seen, cost = super().observe(game, rng)
        if rng.random() < 0.5:
            return seen, cost
        return seen.replace(task_state=State(x=-1)), cost


class Constructed(InferenceEngine):
    def __init__(self):
        self.batched = True

    def infer(self, observation, state, rng):
        return state, 0.0


def test_a_promise_covers_the_class_that_makes_it():
    assert promise_of(OnArrays()) is True
    assert promise_of(Silent()) is True
    assert promise_of(Below()) is None
    assert promise_of(Anew()) is True
    assert promise_of(Refused()) is False
    assert promise_of(Constructed()) is True
    assert promise_of(RuleObservationEngine("user")) is True
    assert promise_of(Sees("user")) is None
    refused = OnArrays()
    refused.batched = False
    assert promise_of(refused) is False


def test_a_whole_promises_what_its_parts_do():
    assert promise_of(CascadedInferenceEngine([OnArrays(), Below()])) is None
    assert promise_of(CascadedInferenceEngine([OnArrays(), Refused()])) is False
    assert promise_of(DualInferenceEngine(Below(), OnArrays())) is None


class Still(InteractionTask):
    def reset(self, rng):
        return State(x=rng.integers(0, 5))

    def on_user_action(self, game, rng):
        return Transition(game.task_state, -1.0)


def user(engine=None, observation=None):
    return User(
        policy=RandomPolicy(spaces.Discrete(2)),
        inference_engine=engine,
        observation_engine=observation,
        state=State(n=0),
    )


@pytest.mark.parametrize("agent", [user(Below()), user(observation=Sees("user"))])
def test_what_is_written_below_a_promise_is_lifted(agent):
    bundle = Bundle(Still(), agent, max_rounds=5)
    runs = bundle.run(100, seed=2)
    for episode in range(0, 100, 9):
        bundle.reset(seed=2, episode=episode)
        for number in range(5):
            game = bundle.step().game
            assert runs["user_state.n"][episode, number] == game.user_state.n
            assert (
                runs["user_observation.task_state.x"][episode, number] == game.user_observation.task_state.x
            )


class Breaks(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        if observation.task_state.x > 3:
            raise ArithmeticError("too far") if observation.user_action == 7 else IndexError("far")
        return state, 0.0


class BreaksOnArraysAlone(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        return (state if observation.task_state.x >= 0 else state.replace(n=1)), 0.0


def test_a_broken_promise_is_told_from_an_error_of_its_own():
    with pytest.raises(BatchError, match=r"BreaksOnArraysAlone .* promises batched = True"):
        Bundle(Still(), user(BreaksOnArraysAlone()), max_rounds=3).run(50, seed=0)
    with pytest.raises(IndexError) as found:
        Bundle(Still(), user(Breaks()), max_rounds=3).run(50, seed=0)
    assert str(found.value) == "far"
    first = int(
        np.flatnonzero(Bundle(Still(), user(), max_rounds=1).run(50, seed=0)["task_state.x"][:, 0] > 3)[0]
    )
    assert found.value.__notes__ == [f"raised by Breaks.infer in episode {first}, round 0"]


class Scores(InferenceEngine):
    batched = True

    @staticmethod
    def score(value):
        return value.sum(axis=-1)

    def infer(self, observation, state, rng):
        return state.replace(n=np.floor(self.score(observation.task_state.v) * 7).astype(int)), 0.0


class ScoresByStaticMethod(Scores):
    @staticmethod
    def score(value):
        return value.sum()


class ScoresByProperty(Scores):
    @property
    def score(self):
        return np.sum


class ScoresByPartial(Scores):
    score = functools.partial(np.sum)


@pytest.mark.parametrize("kind", [ScoresByStaticMethod, ScoresByProperty, ScoresByPartial])
def test_it_ends_where_anything_that_can_be_called_is_written(kind):
    assert promise_of(kind()) is None
