"""The coordination tasks count agreements."""

import numpy as np
import pytest

from interaction import GameState, State, checks, spaces
from interaction.batching.selection import row_of
from interaction.tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask


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


@pytest.mark.parametrize("task", [CoordinatedTask(), SimultaneousCoordinatedTask()])
def test_a_batch_of_games_moves_like_each_of_them(task):
    xs, user, assistant = np.array([0, 4, 9, 8]), np.array([1, 2, 3, 4]), np.array([1, 0, 0, 4])
    begin = task.reset(None)
    game = GameState(task_state=begin.replace(x=xs), user_action=user, assistant_action=assistant)
    together = task.on_user_action(game, None), task.on_assistant_action(game, None)
    assert together[0].terminated.tolist() == [False, False, True, False]
    assert together[1].state.x.tolist() == [1, 4, 9, 9]
    for row in range(4):
        one = GameState(
            task_state=begin.replace(x=int(xs[row])),
            user_action=int(user[row]),
            assistant_action=int(assistant[row]),
        )
        alone = task.on_user_action(one, None), task.on_assistant_action(one, None)
        assert alone[0].terminated == together[0].terminated[row]
        assert alone[1].state == row_of(together[1].state, row)


@pytest.mark.parametrize("task", [CoordinatedTask(), SimultaneousCoordinatedTask()])
def test_it_keeps_the_contract(task):
    checks.check_task(task, user_action_space=spaces.Discrete(10), assistant_action_space=spaces.Discrete(10))


def test_the_simultaneous_game_begins_with_nothing_to_show():
    task = SimultaneousCoordinatedTask()
    assert task.reset(None) == State(x=0, last_x=-1, last_user_action=-1)
    assert CoordinatedTask().reset(None) == State(x=0)
