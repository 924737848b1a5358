"""The coordination tasks count agreements."""

import pytest

from interaction import GameState, State
from tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask


@pytest.mark.parametrize(("x", "terminated"), [(0, False), (8, False), (9, True)])
def test_the_game_ends_when_the_user_acts_at_nine(x, terminated):
    game = GameState(task_state=State(x=x), user_action=3, assistant_action=3)
    transition = CoordinatedTask().on_user_action(game, None)
    assert (transition.state, transition.reward, transition.terminated) == (State(x=x), -1.0, terminated)


@pytest.mark.parametrize(("actions", "x"), [((3, 3), 5), ((3, 4), 4)])
def test_x_counts_agreements(actions, x):
    game = GameState(task_state=State(x=4), user_action=actions[0], assistant_action=actions[1])
    transition = CoordinatedTask().on_assistant_action(game, None)
    assert (transition.state, transition.reward, transition.terminated) == (State(x=x), -1.0, False)


def test_the_simultaneous_game_shows_the_round_before():
    task = SimultaneousCoordinatedTask()
    game = GameState(task_state=task.reset(None).replace(x=4), user_action=3, assistant_action=3)
    state = task.on_assistant_action(game, None).state
    assert state == State(x=5, last_x=4, last_user_action=3)
