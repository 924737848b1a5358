"""Bundles as gymnasium environments: the standard's judge, the same episodes, and clear errors."""

import warnings

import gymnasium
import matplotlib as mpl
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from interaction import (
    Assistant,
    Bundle,
    GaussianNoise,
    InteractionTask,
    RandomPolicy,
    RuleObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.assistants.pointing import ConstantGain, InformationGain
from interaction.envs import AssistantEnv, UserEnv, UserVectorEnv
from interaction.errors import ArgumentError, ContractError, SpaceError, UnknownNameError
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import Pointing2DTask, PointingTask
from interaction.users.bandit import RescorlaWagnerUser, WinStayLoseShiftUser
from interaction.users.coordination import PseudoRandomUser
from interaction.users.pointing import CarefulPointer, FittsPointer

mpl.use("Agg")
HABIT = PseudoRandomUser(1, 5, 7)
COORDINATION = Bundle(CoordinatedTask(), HABIT, CoordinatedAssistant(HABIT), max_rounds=30)
TASK, POINTER = PointingTask(15, 4, "position"), CarefulPointer(0.05)
POINTING = Bundle(TASK, POINTER, InformationGain(POINTER, TASK), max_rounds=30)
GAIN = Bundle(PointingTask(15, 4), POINTER, ConstantGain(2.0), max_rounds=30)
BANDIT = Bundle(MultiArmedBanditTask(), WinStayLoseShiftUser(), max_rounds=20)


@pytest.mark.parametrize("form", ["nested", "flat"])
@pytest.mark.parametrize(
    "make",
    [
        lambda **options: UserEnv(COORDINATION, **options),
        lambda **options: AssistantEnv(COORDINATION, paths=["task_state.x", "user_action"], **options),
        lambda **options: UserEnv(POINTING, **options),
        lambda **options: UserEnv(GAIN, **options),
        lambda **options: AssistantEnv(GAIN, **options),
        lambda **options: UserEnv(BANDIT, **options),
    ],
)
def test_the_standards_judge_has_nothing_to_say(make, form):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(make(form=form), skip_render_check=True)


@pytest.mark.parametrize(("make", "bundle"), [(UserEnv, POINTING), (AssistantEnv, GAIN)])
def test_the_same_seed_gives_the_episode_of_the_bundle(make, bundle):
    """With the actions of the policy given by hand, each reward and state is the same."""
    env = make(bundle)
    runs = bundle.run(3, seed=7)
    for episode in range(3):
        env.reset(seed=7 if episode == 0 else None)
        one = runs.episode(episode)
        actions = one[f"{env.role}_action"][0]
        total, done, rounds = 0.0, False, 0
        while not done:
            # Gains from -2 to 2 are offered from -1 to 1; steps -1, 0, 1 as 0, 1, 2.
            taken = actions[rounds]
            action = np.array([taken / 2], np.float32) if env.role == "assistant" else taken + 1
            _, reward, terminated, truncated, info = env.step(action)
            done = terminated or truncated
            total += reward
            rounds += 1
            assert info["episode_index"] == episode
        assert terminated == one.terminated[0]
        assert env.game.task_state.position == one["task_state.position"][0, -1]
        if env.role == "user":
            assert rounds == one.lengths[0]
            assert total == one.returns[0]


def test_a_flat_observation_holds_what_the_nested_one_holds():
    nested, flat = UserEnv(COORDINATION), UserEnv(COORDINATION, form="flat")
    first, second = nested.reset(seed=3)[0], flat.reset(seed=3)[0]
    assert set(first) == {
        "task_state.x",
        "user_state.p0",
        "user_state.p1",
        "user_state.p2",
        "user_action",
        "assistant_action",
    }
    assert np.array_equal(gymnasium.spaces.flatten(nested.observation_space, first), second)


def test_observations_are_the_learners_own():
    env = UserEnv(POINTING, paths=["task_state.targets"])
    first, _ = env.reset(seed=0)
    kept = first["task_state.targets"].copy()
    first["task_state.targets"][:] = 0
    second, *_ = env.step(1)
    assert np.array_equal(second["task_state.targets"], kept)


def test_the_sources_of_the_reward_are_chosen():
    env = UserEnv(POINTING, rewards=["assistant_task"])
    env.reset(seed=0)
    _, reward, *_, info = env.step(1)
    assert reward == 0.0
    assert info["rewards"]["user_task"] == -1.0


def test_a_start_is_forced_as_in_a_bundle():
    env = UserEnv(BANDIT)
    observation, info = env.reset(seed=0, options={"start": {"task_state": {"arm": 1}}, "episode": 5})
    assert observation["task_state.arm"] == 2  # -1, 0, 1 count from 0
    assert info == {"episode_index": 5}
    assert env.reset()[1] == {"episode_index": 6}
    with pytest.raises(UnknownNameError, match="options"):
        env.reset(options={"begin": 3})


def test_an_episode_that_the_other_side_ends_at_once_is_passed_over():
    class Hasty(MultiArmedBanditTask):
        def on_user_action(self, game, rng):
            moved = super().on_user_action(game, rng)
            return moved._replace(terminated=rng.random() < 0.5)

    helper = Assistant(policy=RandomPolicy(spaces.Discrete(2)))
    env = AssistantEnv(Bundle(Hasty(), WinStayLoseShiftUser(), helper, max_rounds=5))
    episodes = [env.reset(seed=0)[1]["episode_index"]] + [env.reset()[1]["episode_index"] for _ in range(5)]
    assert episodes == sorted(set(episodes))
    assert episodes[-1] > 5


@pytest.mark.parametrize("action", [3, -2, 0.5, [0, 1], "left", None, {"a": 1}])
def test_an_action_of_the_wrong_shape_type_or_size_is_refused(action):
    env = UserEnv(POINTING)
    env.reset(seed=0)
    with pytest.raises(SpaceError, match="user_action: expected"):
        env.step(action)
    env.step(np.int64(1))  # the game is as it was


def test_actions_in_a_box_are_offered_from_minus_one_to_one():
    env = AssistantEnv(GAIN)
    assert env.action_space == gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    env.reset(seed=0)
    env.step(np.array([0.25], np.float32))
    assert env.game.assistant_action == 0.5
    for bad in (np.array([1.5]), np.zeros(2), np.array([np.nan])):
        with pytest.raises(SpaceError, match="assistant_action: expected"):
            env.step(bad)


def test_what_cannot_be_an_environment_is_refused():
    with pytest.raises(ContractError, match="needs a user, an assistant or both"):
        UserEnv(Bundle(TASK))
    with pytest.raises(ContractError, match="the bundle has no assistant: give one"):
        AssistantEnv(BANDIT)
    with pytest.raises(ArgumentError, match="expected a Bundle"):
        UserEnv(TASK)
    with pytest.raises(UnknownNameError, match=r"assistant's observation: there is no 'task_state.goal'"):
        AssistantEnv(POINTING, paths=["task_state.goal"])
    with pytest.raises(SpaceError, match=r"user_state.inverse_temperature: expected a bounded space"):
        UserEnv(Bundle(MultiArmedBanditTask(), RescorlaWagnerUser(), max_rounds=5))
    with pytest.raises(SpaceError, match=r"task_state.time"):
        UserEnv(Bundle(Pointing2DTask(2), FittsPointer(), max_rounds=5))
    with pytest.raises(SpaceError, match=r"user_action.duration: expected a bounded space of actions"):
        UserEnv(Bundle(Pointing2DTask(2), FittsPointer(), max_rounds=5), paths=["task_state.position"])
    with pytest.raises(SpaceError, match="round_index"):
        UserEnv(Bundle(TASK, POINTER), paths=["round_index"])
    for options in ({"rewards": ["task"]}, {"render_mode": "gif"}, {"form": "round"}):
        with pytest.raises(UnknownNameError):
            UserEnv(POINTING, **options)


def test_a_transformed_entry_needs_a_space():
    blurred = RuleObservationEngine("user", noise={"task_state.position": GaussianNoise(0.5)})
    bundle = Bundle(TASK, POINTER.replace(observation_engine=blurred), max_rounds=5)
    with pytest.raises(SpaceError, match=r"task_state.position: expected a bounded space, got no declared"):
        UserEnv(bundle)
    wide = spaces.Box(-10.0, 30.0, (), np.float64)
    env = UserEnv(bundle, spaces={"task_state.position": wide})
    observation, _ = env.reset(seed=0)
    assert observation["task_state.position"].shape == (1,)
    assert env.observation_space.contains(observation)


def test_no_number_is_traced_to_its_component():
    class Broken(MultiArmedBanditTask):
        def on_user_action(self, game, rng):
            state = super().on_user_action(game, rng).state
            return Transition(state, np.nan if game.round_index > 1 else 0.0)

    env = UserEnv(Bundle(Broken(), WinStayLoseShiftUser(), max_rounds=9))
    env.reset(seed=0)
    env.step(0)
    env.step(0)
    with pytest.raises(SpaceError, match=r"Broken \(on_user_action, reward\): expected a number, got NaN"):
        env.step(0)


def test_an_observation_that_is_no_number_is_traced_to_its_engine():
    class Blind(RuleObservationEngine):
        def observe(self, game, rng):
            seen, cost = super().observe(game, rng)
            moved = seen.user_state.replace(error_rate=float("nan"))
            return (seen.replace(user_state=moved) if game.round_index > 0 else seen), cost

    user = POINTER.replace(observation_engine=Blind("user"))
    bundle = Bundle(PointingTask(15, 4), user, ConstantGain(1.0), max_rounds=5)
    env, many = UserEnv(bundle), UserVectorEnv(bundle, 3)
    env.reset(seed=0)
    many.reset(seed=0)
    for step, action in ((env.step, 1), (many.step, np.ones(3, int))):
        with pytest.raises(
            ContractError, match=r"Blind, the user's observation: user_state.error_rate is NaN"
        ):
            step(action)


def test_environments_are_rendered_by_the_tasks_plot():
    env = UserEnv(POINTING, render_mode="rgb_array")
    env.reset(seed=0)
    picture = env.render()
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.min() < picture.max()
    text = UserEnv(POINTING, render_mode="ansi")
    text.reset(seed=0)
    assert text.render().startswith("round 0: State(position=")
    silent = UserEnv(POINTING)
    silent.reset(seed=0)
    assert silent.render() is None
    shown = UserEnv(POINTING, render_mode="human")
    shown.reset(seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this backend has no window
        assert shown.render() is None
    shown.close()
    blind = UserEnv(BANDIT, render_mode="rgb_array")
    blind.reset(seed=0)
    with pytest.raises(ContractError, match="MultiArmedBanditTask must define plot"):
        blind.render()


def test_a_bundle_tells_what_an_agent_would_observe():
    bundle = Bundle(TASK, POINTER, InformationGain(POINTER, TASK))
    bundle.reset(seed=0)
    assert "goal" in bundle.observe("user").task_state
    assert "goal" not in bundle.observe("assistant").task_state
    assert isinstance(bundle.observe("user"), State)
    with pytest.raises(ArgumentError, match="no robot"):
        bundle.observe("robot")


class Mode(InteractionTask):
    """Is in the mode that the user chooses."""

    batched = True
    state_space = spaces.Dict({"mode": spaces.Choice([-2, 1, 5])})

    def reset(self, rng):
        return State(mode=5)

    def on_user_action(self, game, rng):
        return Transition(State(mode=game.user_action), 1.0 * (game.user_action == 1))


def test_elements_of_a_choice_count_from_0():
    bundle = Bundle(Mode(), User(policy=RandomPolicy(spaces.Choice([-2, 1, 5]))), max_rounds=3)
    env = UserEnv(bundle)
    assert env.action_space == spaces.Discrete(3)
    seen, _ = env.reset(seed=0)
    assert (seen["task_state.mode"], seen["user_action"]) == (2, 0)
    seen, reward, *_ = env.step(1)
    assert (seen["task_state.mode"], reward) == (1, 1.0)
    with pytest.raises(SpaceError, match=r"from 0 to 2, which stand for \[-2, 1, 5\], got 3"):
        env.step(3)
    many = UserVectorEnv(bundle, 2, form="flat")
    assert many.reset(seed=0)[0].tolist() == [[0, 0, 1, 1, 0, 0]] * 2
    assert many.step(np.array([1, 2]))[1].tolist() == [1.0, 0.0]
