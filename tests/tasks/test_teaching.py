"""Teaching: items are shown, recalled by the closed form, and forgotten; teachers choose as they say."""

import numpy as np
import pytest

from interaction import Bundle, State
from interaction.assistants.teaching import ConservativeTeacher, RandomTeacher
from interaction.checks import check_bundle
from interaction.errors import ArgumentError
from interaction.tasks.teaching import TeachingTask
from interaction.users.teaching import ForgettingLearner, RecallPolicy, recall


@pytest.mark.parametrize("teacher", [RandomTeacher(4), ConservativeTeacher(n_items=4)])
def test_the_components_keep_the_contract(teacher):
    check_bundle(Bundle(TeachingTask(4), ForgettingLearner(), teacher, max_rounds=20))


def test_recall_is_the_closed_form():
    """exp(−α (1 − β)^(n − 1) δ): α = .1, β = .5, n = 3, δ = 8 gives exp(−.2); never shown, never recalled."""
    assert np.isclose(recall(3, 8, 0.1, 0.5), np.exp(-0.2))
    assert np.isclose(recall(1, 8, 0.1, 0.5), np.exp(-0.8))
    assert recall(0, 8, 0.1, 0.5) == 0
    task = State(item=1, shown=np.array([0, 3]), last=np.array([0, 2]), now=10)
    p = RecallPolicy().probabilities(State(task_state=task), State(forgetting=0.1, repetition=0.5))
    assert np.allclose(p, [1 - np.exp(-0.2), np.exp(-0.2)])


def test_what_was_shown_is_kept():
    bundle = Bundle(TeachingTask(3), ForgettingLearner())
    game = bundle.reset(seed=0)
    assert game.task_state.item == -1
    game = bundle.step().game
    assert game.task_state.shown.tolist() == [0, 0, 0]  # without a teacher nothing is shown
    bundle = Bundle(TeachingTask(3), ForgettingLearner(), RandomTeacher(3))
    bundle.reset(seed=0)
    for item in (2, 2, 0, 1):
        game = bundle.step(assistant_action=item).game
    assert game.task_state.shown.tolist() == [1, 0, 2]
    assert game.task_state.last.tolist() == [3, 0, 2]
    assert game.task_state.now == 4


def test_a_learner_without_forgetting_recalls_all_that_was_shown():
    runs = Bundle(TeachingTask(5), ForgettingLearner(0.0), RandomTeacher(5), max_rounds=50).run(20, seed=0)
    items, shown = runs["task_state.item"][:, :-1], runs["task_state.shown"]
    for episode in range(20):
        for t in range(1, 50):
            known = shown[episode, t - 1, items[episode, t - 1]] > 0
            assert runs["user_action"][episode, t] == known


def test_a_conservative_teacher_repeats_before_it_goes_on():
    """With the model α = .1, β = .5 and the threshold .85: worked out by hand.

    After item 0 was shown in round 1 it is recalled with exp(−.1) = .90 in round 2, when a new one comes;
    in the next choice item 0 has waited for two rounds, exp(−.2) = .82, and is repeated.
    """
    teacher = ConservativeTeacher(ForgettingLearner(0.1, 0.5), n_items=3, threshold=0.85)
    runs = Bundle(TeachingTask(3), ForgettingLearner(), teacher, max_rounds=6).run(1, seed=0)
    shown, last, chosen = [0] * 3, [0] * 3, []
    item = None
    for t in range(6):
        if item is not None:
            shown[item], last[item] = shown[item] + 1, t
        now = t + 1
        p = [
            np.exp(-0.1 * 0.5 ** (n - 1) * (now - before)) if n else np.inf
            for n, before in zip(shown, last, strict=True)
        ]
        fresh = [index for index in range(3) if not shown[index]]
        item = int(np.argmin(p)) if min(p) < 0.85 or not fresh else fresh[0]
        chosen.append(item)
    assert runs["assistant_action"][0].tolist() == chosen
    assert chosen[0] == 0
    assert 1 in chosen


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TeachingTask(0), "n_items: expected a number >= 1, got 0"),
        (lambda: ForgettingLearner(-0.1), "forgetting: expected a rate >= 0"),
        (lambda: ForgettingLearner(0.1, 1.0), "repetition: expected a part from 0 to below 1"),
        (lambda: ConservativeTeacher(threshold=1.0), "threshold: expected a probability between 0 and 1"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
