"""Lists of items: what is tested when, and how long ago it was studied."""

import numpy as np
import pytest

from interaction import Bundle
from interaction.checks import check_task
from interaction.errors import ArgumentError
from interaction.tasks.memory import RecallTask, paired_associates
from interaction.users.memory import BaseLevelLearner, RecallByActivation


def test_it_keeps_the_contract():
    check_task(paired_associates(3, 3), user=BaseLevelLearner(), seconds=5)


def test_ages_are_those_of_the_schedule():
    """Studied at 5, 15, 25 and 45 s; tested at 0, 10, 20 and 40 s: worked out by hand."""
    bundle = Bundle(RecallTask([7, 3, 7, 7], [0.0, 10.0, 20.0, 40.0]), BaseLevelLearner())
    game = bundle.reset(seed=0)
    shown = [(game.task_state.item, game.task_state.ages.tolist())]
    while not (step := bundle.step()).done:
        shown.append((step.game.task_state.item, step.game.task_state.ages.tolist()))
    assert shown == [(7, [0, 0]), (3, [0, 0]), (7, [15, 0]), (7, [15, 35])]
    assert step.game.round_index == 3


def test_what_is_recalled_pays():
    runs = Bundle(paired_associates(5, 4), BaseLevelLearner()).run(20, seed=0)
    assert (runs.returns == runs["user_action.recalled"].sum(axis=1)).all()
    assert (runs.lengths == 20).all()


def test_each_block_holds_all_items_in_another_order():
    items = paired_associates(20, 8).items.reshape(8, 20)
    assert (np.sort(items, axis=1) == np.arange(20)).all()
    assert len(np.unique(items, axis=0)) == 8
    assert (paired_associates(20, 8, order=1).items != items.ravel()).any()


def test_recall_and_its_latency_are_the_action():
    assert list(RecallByActivation.action_space.spaces) == ["recalled", "latency"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], []), "items: expected one integer >= 0 for each test"),
        (([0.5], [0.0]), "items: expected one integer"),
        (([-1], [0.0]), "items: expected one integer"),
        (([0, 1], [0.0]), "times: expected 2 times in seconds"),
        (([0, 1], [0.0, np.nan]), "times: expected 2 times in seconds"),
        (
            ([0, 1], [0.0, 5.0]),
            r"more than study_after = 5.0 s between two tests, got 0.0 and 5.0 for tests 0",
        ),
        (([0], [0.0], -1.0), "study_after: expected seconds >= 0"),
    ],
)
def test_bad_schedules_are_refused(arguments, message):
    with pytest.raises(ArgumentError, match=f"RecallTask: .*{message}"):
        RecallTask(*arguments)


@pytest.mark.parametrize("counts", [(0, 8), (20, 0), (2.5, 8)])
def test_bad_counts_are_refused(counts):
    with pytest.raises(ArgumentError, match="paired_associates: expected n_items and n_blocks >= 1"):
        paired_associates(*counts)
