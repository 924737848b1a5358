"""The paperclip game conforms, and pays what is made."""

import numpy as np
import pytest

from interaction import Assistant, Bundle, RandomPolicy, User
from interaction.checks import check_task
from interaction.errors import ArgumentError
from interaction.tasks.paperclips import FIRST, SECOND, PaperclipTask

USER, ASSISTANT = (kind(policy=RandomPolicy(PaperclipTask.action_space)) for kind in (User, Assistant))


def test_the_task_conforms():
    check_task(PaperclipTask(), user=USER, assistant=ASSISTANT, rounds=2)


def test_both_are_paid_by_what_their_things_are_worth():
    task = PaperclipTask(10)
    runs = Bundle(task, USER, ASSISTANT).run(200, seed=0)
    assert runs.terminated.all()
    assert (runs.lengths == 1).all()
    theta = (runs["task_state.cell"][:, 0] + 0.5) / 10
    made = FIRST[runs["user_action"][:, 0]] + SECOND[runs["assistant_action"][:, 0]]
    assert np.allclose(runs.returns, theta * made[:, 0] + (1 - theta) * made[:, 1], atol=1e-12)
    assert np.unique(theta).tolist() == np.unique(task.theta(np.arange(10))).tolist()


def test_there_is_at_least_one_cell():
    with pytest.raises(ArgumentError, match="a number of cells >= 1, got 0"):
        PaperclipTask(0)
