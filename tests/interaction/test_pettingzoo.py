"""Both sides of a bundle as agents: pettingzoo's own judges, and the same episodes as the bundle."""

import warnings

import numpy as np
import pytest
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test, render_test, seed_test

import interaction.envs
from interaction import Bundle
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.assistants.pointing import ConstantGain, NoAssistant
from interaction.envs import BundleAEC, BundleParallel
from interaction.errors import SpaceError, UnknownNameError
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import WinStayLoseShiftUser
from interaction.users.coordination import PseudoRandomUser
from interaction.users.pointing import CarefulPointer

HABIT = PseudoRandomUser(1, 5, 7)
COORDINATION = Bundle(CoordinatedTask(), HABIT, CoordinatedAssistant(HABIT), max_rounds=12)
POINTER, TASK = CarefulPointer(0.05), PointingTask(15, 4, "position")
POINTING = Bundle(TASK, POINTER, NoAssistant(TASK), max_rounds=12)
GAIN = Bundle(PointingTask(15, 4), POINTER, ConstantGain(2.0), max_rounds=12)
BANDIT = Bundle(MultiArmedBanditTask(), WinStayLoseShiftUser(), max_rounds=6)
SEEN = {"assistant_0": ["task_state.x", "user_action"]}
MAKE = {
    "coordination": lambda kind, **options: kind(COORDINATION, paths=SEEN, **options),
    "pointing": lambda kind, **options: kind(POINTING, **options),
    "gain": lambda kind, **options: kind(GAIN, **options),
    "bandit": lambda kind, **options: kind(BANDIT, **options),
}


@pytest.fixture(autouse=True)
def _warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # A user and an assistant do see and do different things.
        for told in ("Agents have different (observation|action) space sizes", "Observations are different"):
            warnings.filterwarnings("ignore", message=told)
        yield


@pytest.mark.parametrize("domain", MAKE)
def test_the_judges_of_the_turn_by_turn_environment(domain, capsys):
    api_test(MAKE[domain](BundleAEC), num_cycles=60)
    seed_test(lambda: MAKE[domain](BundleAEC), num_cycles=10)
    assert "Passed" in capsys.readouterr().out


@pytest.mark.parametrize("domain", MAKE)
def test_the_judges_of_the_parallel_environment(domain, capsys):
    parallel_api_test(MAKE[domain](BundleParallel), num_cycles=60)
    parallel_seed_test(lambda: MAKE[domain](BundleParallel), num_cycles=10)
    assert "Passed" in capsys.readouterr().out


def test_the_judge_of_pictures():
    render_test(lambda render_mode: BundleAEC(POINTING, render_mode=render_mode))


def test_the_same_seed_and_actions_give_the_episode_of_the_bundle():
    runs = GAIN.run(1, seed=4)
    env = BundleAEC(GAIN, rewards={"user_0": ["user_task"], "assistant_0": ["assistant_task"]})
    env.reset(seed=4)
    total = 0.0
    for number in range(int(runs.lengths[0])):
        for agent in ("user", "assistant"):
            if env.bundle.over:
                break
            assert env.agent_selection == f"{agent}_0"
            action = runs[f"{agent}_action"][0, number]
            env.step(action + 1 if agent == "user" else np.array([action / 2], np.float32))
            total += env.rewards["user_0"]
    assert env.bundle.over
    assert total == runs.rewards["user_task"][0]
    assert env.bundle.game.task_state.position == runs["task_state.position"][0, -1]


def test_the_assistant_sees_what_the_user_has_just_done_only_in_turn():
    turns, parallel = (MAKE["coordination"](kind, form="nested") for kind in (BundleAEC, BundleParallel))
    turns.reset(seed=0)
    turns.step(6)
    assert turns.agent_selection == "assistant_0"
    assert turns.observe("assistant_0")["user_action"] == 6
    observations, _ = parallel.reset(seed=0)
    assert observations["assistant_0"]["user_action"] == 0
    observations, rewards, *_ = parallel.step({"user_0": 6, "assistant_0": 6})
    assert observations["assistant_0"]["user_action"] == 6
    assert observations["user_0"]["task_state.x"] == 1
    assert rewards == {"user_0": -2.0, "assistant_0": -2.0}


def test_what_is_wrong_is_refused():
    env = BundleParallel(GAIN)
    env.reset(seed=0)
    with pytest.raises(SpaceError, match="an action for each of"):
        env.step({"user_0": 1})
    assert env.reset(options={"episode": 3})[1]["user_0"] == {"episode_index": 3}
    for options in (
        {"render_mode": "gif"},
        {"rewards": {"user_0": ["task"]}},
        {"paths": {"robot": []}},
    ):
        with pytest.raises(UnknownNameError):
            BundleAEC(GAIN, **options)
    with pytest.raises(AttributeError, match="BundleACE"):
        _ = interaction.envs.BundleACE
    assert BundleAEC(POINTING, render_mode="ansi").possible_agents == ["user_0", "assistant_0"]
    assert BundleParallel(BANDIT).possible_agents == ["user_0"]
