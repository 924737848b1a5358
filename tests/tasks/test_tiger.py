"""The tiger behind its doors: closed forms of its belief."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    EpisodeRandom,
    Grid,
    RandomPolicy,
    Samples,
    State,
    UserModelFilter,
    spaces,
)
from interaction.checks import check_task
from interaction.errors import ArgumentError
from interaction.observation import RuleObservationEngine
from interaction.tasks.tiger import LISTEN, TigerTask

RNG = EpisodeRandom(0, 0)


class Listener(Assistant):
    """Acts at random and keeps a belief about where the tiger is."""

    def __init__(self, one):
        super().__init__(
            policy=RandomPolicy(spaces.Discrete(3)),
            observation_engine=RuleObservationEngine("assistant", hide=["task_state.tiger"]),
            inference_engine=one,
            state=State(belief=one.initial(RNG)),
            state_space=spaces.Dict(belief=one.space),
        )

    def reset(self, rng):
        return State(belief=self.inference_engine.initial(rng))


def closed_form(actions, heard, accuracy=0.85):
    """The odds of a tiger on the right: those of a hear for each, from even ones after each door."""
    odds, found = 1.0, []
    for action, ear in zip(actions, heard, strict=True):
        odds = 1.0 if action != LISTEN else odds * (accuracy / (1 - accuracy)) ** (1 if ear == 1 else -1)
        found.append(odds / (1 + odds))
    return found


@pytest.mark.parametrize("way", ["grid", "particles"])
def test_the_belief_is_the_closed_form(way):
    """Particles: the standard error of a probability of 4,000 is at most 0.008; four are allowed."""
    task = TigerTask()
    parameters = (
        Grid({"task_state.tiger": [0, 1]})
        if way == "grid"
        else Samples({"task_state.tiger": stats.randint(0, 2)}, n=4_000)
    )
    one = UserModelFilter(None, parameters, task_model=task)
    bundle = Bundle(task, assistant=Listener(one), max_rounds=40)
    runs = bundle.run(4, seed=0)
    for episode in range(4):
        truth = closed_form(runs["assistant_action"][episode, :-1], runs["task_state.heard"][episode, :-1])
        weights = np.exp(runs["assistant_state.belief.log_weights"][episode, 1:])
        tiger = runs["assistant_state.belief.hidden.tiger"][episode, 1:]
        found = (weights * tiger).sum(axis=-1)
        assert np.allclose(found, truth, atol=1e-12 if way == "grid" else 0.032)
    for index in (0, 3):
        assert bundle.run([index], seed=0) == runs.episode(index)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=12), st.floats(0.5, 0.99))
def test_the_evidence_is_that_of_the_ears(hears, accuracy):
    one = UserModelFilter(None, Grid({"task_state.tiger": [0, 1]}), task_model=TigerTask(accuracy))
    belief = one.initial(RNG)
    before = State(heard=-1)
    belief = one.update(belief, State(round_index=0, task_state=before, previous_task_state=before), RNG)
    for number, hear in enumerate(hears):
        now = State(heard=int(hear))
        seen = State(
            round_index=number + 1, task_state=now, previous_task_state=before, assistant_action=LISTEN
        )
        belief, before = one.update(belief, seen, RNG), now
    right = sum(hears)
    wrong = len(hears) - right
    chance = 0.5 * (accuracy**right * (1 - accuracy) ** wrong + accuracy**wrong * (1 - accuracy) ** right)
    assert np.isclose(belief.log_evidence, np.log(chance), atol=1e-10)


def test_the_task_conforms():
    check_task(TigerTask(), assistant=Assistant(policy=RandomPolicy(spaces.Discrete(3))))
    with pytest.raises(ArgumentError, match="accuracy: expected a probability, got 2"):
        TigerTask(accuracy=2)
