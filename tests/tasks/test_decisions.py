"""Decisions: evidence is drawn as said, and the right choice pays."""

import numpy as np
import pytest

from interaction import Bundle, Trials
from interaction.checks import check_task
from interaction.errors import ArgumentError
from interaction.tasks.decisions import DecisionTask
from interaction.users.diffusion import DiffusionPolicy, DiffusionUser


def test_it_keeps_the_contract():
    check_task(DecisionTask([0.5, 1.0]), user=DiffusionUser(), seconds=5)


def test_evidence_is_drawn_evenly():
    """Within four standard errors of a sixth each, over 6,000 decisions."""
    runs = Bundle(DecisionTask([0.1, 0.5, 2.0]), DiffusionUser()).run(6_000, seed=0)
    strength, answer = (np.asarray(runs[f"task_state.{name}"]).ravel() for name in ("strength", "answer"))
    for value in (0.1, 0.5, 2.0):
        for side in (0, 1):
            share = ((strength == value) & (answer == side)).mean()
            assert abs(share - 1 / 6) < 4 * np.sqrt(5 / 36 / 6_000)


def test_the_right_choice_pays_and_ends_it():
    runs = Bundle(DecisionTask(), DiffusionUser()).run(200, seed=0)
    right = runs["user_action.choice"] == runs["task_state.answer"]
    assert (runs.returns == right[:, 0]).all()
    assert (runs.lengths == 1).all()


def test_many_in_a_row():
    runs = Bundle(Trials(DecisionTask([0.5, 1.0]), 30), DiffusionUser()).run(5, seed=0)
    assert (runs.lengths == 30).all()
    assert len(np.unique(runs["task_state.strength"])) == 2


def test_choices_and_times_are_the_action():
    assert list(DiffusionPolicy.action_space.spaces) == ["choice", "time"]


@pytest.mark.parametrize("strengths", [[], [-1.0], [np.nan], [[1.0]], [np.inf]])
def test_bad_strengths_are_refused(strengths):
    with pytest.raises(ArgumentError, match="DecisionTask: strengths: expected numbers >= 0"):
        DecisionTask(strengths)
