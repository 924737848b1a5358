"""The pointing tasks play by their rules, and draw what they hold."""

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot

from interaction import Bundle, EpisodeRandom, GameState, State, spaces
from interaction.checks import check_task
from interaction.errors import ArgumentError
from interaction.tasks.pointing import Pointing2DTask, PointingTask, goal_cell, to_goal
from interaction.users.pointing import CarefulPointer, FittsPointer
from tests.pictures import check_readable

mpl.use("Agg")
STEPS = spaces.Discrete(3, start=-1)


@pytest.mark.parametrize("mode", ["gain", "position"])
@pytest.mark.parametrize("confirm", [False, True])
def test_the_task_on_the_grid_conforms(mode, confirm):
    help_space = spaces.Box(-5.0, 5.0, (), np.float64) if mode == "gain" else spaces.Discrete(12)
    check_task(PointingTask(12, 4, mode, confirm), user_action_space=STEPS, assistant_action_space=help_space)


def test_the_task_in_the_plane_conforms():
    moves, gains = FittsPointer().policy.action_space, spaces.Box(0.0, 2.0, (), np.float64)
    check_task(Pointing2DTask(3), user_action_space=moves, assistant_action_space=gains)


@given(st.integers(2, 40), st.data())
def test_targets_are_distinct_and_the_cursor_starts_off_them(gridsize, data):
    n_targets = data.draw(st.integers(1, gridsize - 1))
    state = PointingTask(gridsize, n_targets).reset(EpisodeRandom(data.draw(st.integers(0, 99))))
    assert len(set(state.targets.tolist())) == n_targets
    assert state.targets.tolist() == sorted(state.targets.tolist())
    assert state.position not in state.targets
    assert goal_cell(state) in state.targets


@given(st.integers(0, 30), st.sampled_from([-1, 0, 1]), st.floats(-40, 40))
def test_a_gain_multiplies_the_step_inside_the_grid(position, step, gain):
    task = PointingTask(31, 2)
    state = State(position=position, targets=np.array([3, 9]), goal=0)
    game = GameState(task_state=state, user_action=step, assistant_action=gain)
    moved = task.on_assistant_action(game, None).state.position
    assert moved == min(max(round(position + step * gain), 0), 30)


def start(position, goal=1):
    return {"task_state": {"position": position, "targets": np.array([2, 5]), "goal": goal}}


def test_the_game_ends_after_the_turn_of_a_user_on_the_goal():
    bundle = Bundle(PointingTask(9, 2), CarefulPointer(0.0), max_rounds=20)
    bundle.reset(seed=0, start=start(5))
    step = bundle.step()
    assert step.terminated
    assert step.rewards.user_task == -1.0
    bundle.reset(seed=0, start=start(3))  # alone, the cursor goes by the user's steps: 3, 4, 5
    lengths = 0
    while not (step := bundle.step()).done:
        lengths += 1
    assert lengths + 1 == 3
    assert step.game.task_state.position == 5


def test_with_confirm_the_user_must_have_stayed():
    task = PointingTask(9, 2, "position", confirm=True)
    bundle = Bundle(task, CarefulPointer(0.0), max_rounds=20)
    bundle.reset(seed=0, start=start(5))
    assert not bundle.step(user_action=1).done
    bundle.reset(seed=0, start=start(5))
    assert bundle.step(user_action=0).terminated


@pytest.mark.parametrize(
    "arguments",
    [{"n_targets": 31}, {"n_targets": 0}, {"gridsize": 0}, {"mode": "gian"}, {"gridsize": 3.5}],
)
def test_impossible_grids_are_refused(arguments):
    with pytest.raises(ArgumentError, match="PointingTask"):
        PointingTask(**arguments)
    with pytest.raises(ArgumentError, match=r"fewer targets than cells.*40 targets in 31 cells"):
        PointingTask(31, 40)


def test_impossible_planes_are_refused():
    with pytest.raises(ArgumentError, match="n_targets"):
        Pointing2DTask(0)
    with pytest.raises(ArgumentError, match="narrowest"):
        Pointing2DTask(3, 0.2, 0.1)


def test_the_plane_counts_time_and_ends_inside_the_goal():
    runs = Bundle(Pointing2DTask(4), FittsPointer(), max_rounds=60).run(200, seed=1, record="final")
    assert runs.terminated.all()
    assert np.allclose(runs.returns, -runs["task_state.time"])
    names = ("position", "positions", "widths", "goal")
    for episode in range(200):
        distance, width = to_goal(State(**{name: runs[f"task_state.{name}"][episode] for name in names}))
        assert distance <= width / 2


def test_the_grid_draws_its_cells_targets_goal_and_cursor():
    task = PointingTask(9, 2)
    bundle = Bundle(task, CarefulPointer(0.0))
    game = bundle.reset(seed=0, start=start(3))
    ax = task.plot(game)
    assert set(ax.get_legend_handles_labels()[1]) == {"cells", "targets", "goal", "cursor"}
    cells, targets = ([bar.get_x() + bar.get_width() / 2 for bar in bars] for bars in ax.containers)
    assert np.allclose(cells, range(9))
    assert np.allclose(targets, [2, 5])
    goal, cursor = (line.get_xdata()[0] for line in ax.lines)
    assert (goal, cursor) == (5, 3)
    assert ax.get_title("left") == "round 0"
    check_readable(ax.figure)
    pyplot.close("all")


def test_the_plane_draws_a_disk_for_each_target():
    task = Pointing2DTask(3)
    game = Bundle(task, FittsPointer()).reset(seed=2)
    _, mine = pyplot.subplots()
    ax = task.plot(game, mine)
    assert ax is mine
    assert len(ax.patches) == 3
    assert {"goal", "targets", "cursor"} == set(ax.get_legend_handles_labels()[1])
    check_readable(task.plot(Bundle(task, FittsPointer()).reset(seed=2)).figure)
    pyplot.close("all")
