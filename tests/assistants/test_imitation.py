"""The sequence model gives the reference's figures, and the bundle's assistant is the same model."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction import Bundle, EpisodeRandom, Provenance, State
from interaction.assistants.imitation import ImitatingAssistant, SequenceModel
from interaction.checks import check_agent, check_bundle
from interaction.errors import ArgumentError, SpaceError
from interaction.tasks.bandit import BanditTask
from interaction.users.bandit import ExpertUser

EXPERT, TASK = ExpertUser(), BanditTask()
DELUDED, CORRECTED = (SequenceModel(5, kind) for kind in ("evidence", "intervention"))


def test_the_reference_probabilities():
    """Reference: the notebook that replicates arXiv 2110.10819, to 1e-12."""
    other = 0.121739130434783
    assert np.allclose(
        DELUDED.predict([(0, 1), (1, 0)]),
        [0.491304347826087, 0.143478260869565, *[other] * 3],
        atol=1e-12,
        rtol=0,
    )
    assert np.allclose(
        CORRECTED.predict([(0, 1), (1, 0)]),
        [0.336842105263158, 0.126315789473684, *[0.178947368421053] * 3],
        atol=1e-12,
        rtol=0,
    )
    assert np.allclose(
        DELUDED.predict([(0, 1), (1, 0), (2, 1)]), [0.325, 0.125, 0.325, 0.1125, 0.1125], atol=1e-12, rtol=0
    )
    assert np.allclose(DELUDED.predict([]), 0.2)


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, "5 4 5 5 5 5 3 5 5 5 4 5 5 5 5 5 3 5 5 5"),
        (1, "1 4 2 3 1 4 4 2 1 5 1 5 1 1 1 1 1 1 4 2"),
        (2, "5 1 5 5 5 5 5 5 5 5 1 5 4 5 3 4 5 5 5 5"),
    ],
)
def test_the_reference_sequences(seed, expected):
    random.seed(seed)
    past = []
    for _ in range(20):
        action = random.choices([1, 2, 3, 4, 5], weights=DELUDED.predict(past), k=1)[0]
        weights = [0.25, 0.75] if action == 1 else [0.75, 0.25]
        past.append((action - 1, random.choices([0, 1], weights=weights, k=1)[0]))
    assert " ".join(str(action + 1) for action, _ in past) == expected


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), max_size=15))
def test_closed_forms_and_the_bundles_assistant_agree_at_every_step(history):
    for model, gain, loss in ((DELUDED, 18.0, 2.0), (CORRECTED, 3.0, 1 / 3)):
        kind = model.filter.own_actions
        assistant = ImitatingAssistant(EXPERT, TASK, kind)
        rng = EpisodeRandom(0, 0)
        state, weights = assistant.reset(rng), np.ones(5)
        last = (-1, -1)
        for number in range(len(history) + 1):
            provenance = int(Provenance.INTERVENED) if number else 0
            task_state = State(arm=last[0], outcome=last[1], provenance=provenance, user_in_control=0)
            seen = State(round_index=number, task_state=task_state)
            state, _ = assistant.inference_engine.infer(seen, state, rng)
            found = assistant.policy.filter.predict(state, seen, rng)
            assert np.allclose(found, model.predict(history[:number]), atol=1e-12, rtol=0)
            assert np.allclose(found, 0.1 + 0.5 * weights / weights.sum(), atol=1e-12, rtol=0)
            if number < len(history):
                last = history[number]
                weights[last[0]] *= gain if last[1] else loss


@pytest.mark.parametrize("kind", ["evidence", "intervention"])
def test_played_in_a_bundle_it_samples_its_prediction(kind):
    bundle = Bundle(TASK, assistant=ImitatingAssistant(EXPERT, TASK, kind), max_rounds=12)
    runs = bundle.run(300, seed=2)
    model = SequenceModel(5, kind)
    for episode in range(3):
        history = list(zip(runs["task_state.arm"][episode], runs["task_state.outcome"][episode], strict=True))
        for number in range(12):
            belief = np.exp(runs["assistant_state.belief.log_weights"][episode, number])
            past = [(int(a), int(o)) for a, o in history[:number]]
            assert np.allclose(0.1 + 0.5 * belief, model.predict(past), atol=1e-12, rtol=0)
    assert bundle.run([7], seed=2) == runs.episode(7)


def test_demonstrations_are_evidence_and_own_pulls_are_not_in_one_history():
    task = BanditTask(n_demonstrations=5)
    bundle = Bundle(task, EXPERT, ImitatingAssistant(EXPERT, task), max_rounds=12)
    runs = bundle.run(50, seed=0)
    provenance = runs["task_state.provenance"]
    assert (provenance[:, :5] == Provenance.OBSERVED).all()
    assert (provenance[:, 5:] == Provenance.INTERVENED).all()
    weights = np.ones((50, 5))
    for number in range(11):
        arm, outcome = runs["task_state.arm"][:, number], runs["task_state.outcome"][:, number]
        weights[np.arange(50), arm] *= np.where(outcome == 1, 3.0, 1 / 3) * (6.0 if number < 5 else 1.0)
    found = np.exp(runs["assistant_state.belief.log_weights"][:, -1])
    assert np.allclose(found, weights / weights.sum(axis=1, keepdims=True), atol=1e-12)


def test_a_deluded_assistant_is_more_surprised():
    """Means over 2,000 episodes of 40 rounds; the standard errors are below 0.005."""
    surprise = {}
    for kind in ("evidence", "intervention"):
        bundle = Bundle(TASK, assistant=ImitatingAssistant(EXPERT, TASK, kind), max_rounds=40)
        runs = bundle.run(2000, seed=0, record=["assistant_state.belief.surprise"])
        surprise[kind] = runs["assistant_state.belief.surprise"][:, 1:].mean()
    assert surprise["evidence"] > surprise["intervention"] + 0.1


def test_they_conform():
    check_bundle(Bundle(TASK, assistant=ImitatingAssistant(EXPERT, TASK)), rounds=5)
    task = BanditTask(user_share=0.5)
    check_agent(ImitatingAssistant(EXPERT, task, "evidence"), task, EXPERT, rounds=5)


def test_bad_histories():
    with pytest.raises(ArgumentError, match="outcomes 0 or 1, got 2"):
        DELUDED.predict([(0, 2)])
    with pytest.raises(SpaceError, match="got 5"):
        DELUDED.predict([(5, 1)])
