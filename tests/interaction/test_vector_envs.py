"""Vector environments: the episodes of the single ones, in every autoreset mode."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    EpisodeRandom,
    InteractionTask,
    Policy,
    RandomPolicy,
    State,
    Transition,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistantWithRollout
from interaction.assistants.pointing import ConstantGain, InformationGain
from interaction.envs import AssistantEnv, AssistantVectorEnv, UserEnv, UserVectorEnv
from interaction.errors import ArgumentError, ContractError, EpisodeError, SpaceError, UnknownNameError
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import WinStayLoseShiftUser
from interaction.users.coordination import PseudoRandomUser
from interaction.users.pointing import CarefulPointer

HABIT = PseudoRandomUser(1, 5, 7)
ROLLOUT = CoordinatedAssistantWithRollout(CoordinatedTask(), HABIT, p1=5, p2=7)
COORDINATION = Bundle(CoordinatedTask(), HABIT, ROLLOUT, max_rounds=12)


class OnArrays(DeterministicPolicy):
    """Takes arrays, and asks whether this is the first round, which has one answer for all rows alone."""

    batched = True
    action_space = spaces.Discrete(10)

    def action(self, observation, state):
        return 0 if observation.round_index > 0 else observation.user_action


ON_ARRAYS = Bundle(CoordinatedTask(), HABIT, Assistant(policy=OnArrays()), max_rounds=12)
TASK, POINTER = PointingTask(15, 4, "position"), CarefulPointer(0.05)
POINTING = Bundle(TASK, POINTER, InformationGain(POINTER, TASK), max_rounds=9)
GAIN = Bundle(PointingTask(15, 4), POINTER, ConstantGain(2.0), max_rounds=9)
BANDIT = Bundle(MultiArmedBanditTask(), WinStayLoseShiftUser(), max_rounds=6)
SIDES = {"user": (UserEnv, UserVectorEnv), "assistant": (AssistantEnv, AssistantVectorEnv)}


def equal(batch, row, single):
    if isinstance(single, dict):
        return all(np.array_equal(batch[path][row], value) for path, value in single.items())
    return np.array_equal(batch[row], single)


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize(
    ("bundle", "role", "form"),
    [
        (POINTING, "user", "nested"),
        (POINTING, "user", "flat"),
        (GAIN, "user", "nested"),
        (GAIN, "assistant", "flat"),
        (BANDIT, "user", "flat"),
        (COORDINATION, "user", "nested"),
    ],
)
@pytest.mark.parametrize("count", [1, 5])
def test_each_episode_is_that_of_the_single_environment(bundle, role, form, mode, count):
    """Environment i of n plays the episodes i, i + n, …: observations, rewards and ends, step by step."""
    single, vector = SIDES[role]
    many = vector(bundle, count, form=form, autoreset_mode=mode)
    ones = [single(bundle, form=form) for _ in range(count)]
    observed, infos = many.reset(seed=3)
    episodes = list(range(count))
    for row, env in enumerate(ones):
        assert equal(observed, row, env.reset(seed=3, options={"episode": row})[0])
        assert infos["episode_index"][row] == row
    over = [False] * count
    for number in range(25):
        many.action_space.seed(number)
        actions = many.action_space.sample()
        if mode == "Disabled" and any(over):
            observed, _ = many.reset(options={"reset_mask": np.array(over)})
            for row in np.flatnonzero(over):
                episodes[row] += count
                assert equal(observed, row, ones[row].reset(options={"episode": episodes[row]})[0])
            over = [False] * count
        observed, rewards, terminated, truncated, infos = many.step(actions)
        for row, env in enumerate(ones):
            if over[row]:  # the action is ignored, and the next episode begins
                episodes[row] += count
                assert equal(observed, row, env.reset(options={"episode": episodes[row]})[0])
                assert (rewards[row], terminated[row], truncated[row]) == (0.0, False, False)
                over[row] = False
                continue
            seen, reward, ended, cut, info = env.step(actions[row])
            assert (reward, ended, cut) == (rewards[row], terminated[row], truncated[row])
            assert info["rewards"]["user_task"] == infos["rewards"]["user_task"][row]
            if not (ended or cut):
                assert equal(observed, row, seen)
            elif mode == "SameStep":
                assert infos["_final_obs"][row]
                last = infos["final_obs"][row]
                assert (
                    all(np.array_equal(last[p], seen[p]) for p in seen)
                    if form == "nested"
                    else equal([last], 0, seen)
                )
                assert infos["final_info"]["episode_index"][row] == episodes[row]
                episodes[row] += count
                assert equal(observed, row, env.reset(options={"episode": episodes[row]})[0])
            else:
                assert equal(observed, row, seen)
                over[row] = True


def test_the_spaces_are_batches_of_the_single_ones():
    env = UserVectorEnv(POINTING, 3, autoreset_mode=AutoresetMode.SAME_STEP)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    observed, _ = env.reset(seed=0)
    assert env.observation_space.contains(observed)
    assert env.observation_space == gymnasium.vector.utils.batch_space(env.single_observation_space, 3)
    observed, *_ = env.step(env.action_space.sample())
    assert env.observation_space.contains(observed)


def test_gymnasiums_wrappers_take_a_vector_environment():
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(UserVectorEnv(BANDIT, 4))
    env.reset(seed=0)
    found = []
    for _ in range(20):
        *_, infos = env.step(env.action_space.sample())
        if "episode" in infos and isinstance(infos["episode"], dict):
            found += infos["episode"]["l"][infos["_episode"]].tolist()
    assert set(found) <= {0, 6}
    assert 6 in found


def test_rows_in_different_rounds_draw_what_they_draw_alone():
    rng = EpisodeRandom(4, episodes=np.array([5, 6, 7]))
    rng.place, rng.draw = np.array([2 << 4 | 1, 3 << 4 | 1, 2 << 4 | 1]), 0
    together = rng.random((2,)), rng.random()
    for row, (episode, number) in enumerate(((5, 2), (6, 3), (7, 2))):
        alone = EpisodeRandom(4, episode).at(number, 1)
        assert np.array_equal(together[0][row], alone.random((2,)))
        assert together[1][row] == alone.random()


@pytest.mark.parametrize(("bundle", "together"), [(COORDINATION, True), (ON_ARRAYS, False)])
def test_a_component_on_arrays_that_needs_one_round_for_all_is_played_round_by_round(bundle, together):
    env = UserVectorEnv(bundle, 3, autoreset_mode="Disabled")
    env.reset(seed=0)
    env.step(np.zeros(3, int))
    assert env._together
    env.reset(options={"reset_mask": np.array([False, True, False])})
    observed, *_ = env.step(np.full(3, 8))
    assert (
        env._together == together
    )  # COORDINATION's rollout engine asks for the first round, too, and is lifted
    one = UserEnv(bundle)
    one.reset(seed=0, options={"episode": 4})
    assert equal(observed, 1, one.step(8)[0])


def test_what_is_wrong_is_refused():
    for count in (0, 2.5, True):
        with pytest.raises(ArgumentError, match="num_envs"):
            UserVectorEnv(POINTING, count)
    with pytest.raises(UnknownNameError, match="autoreset_mode"):
        UserVectorEnv(POINTING, 2, autoreset_mode="Sometimes")
    with pytest.raises(UnknownNameError, match="rewards"):
        UserVectorEnv(POINTING, 2, rewards=["all"])
    env = UserVectorEnv(POINTING, 3, autoreset_mode="Disabled")
    with pytest.raises(EpisodeError, match="call reset"):
        env.step(np.zeros(3, int))
    with pytest.raises(EpisodeError, match="without a mask first"):
        env.reset(options={"reset_mask": np.ones(3, bool)})
    env.reset(seed=0)
    with pytest.raises(ArgumentError, match="one seed"):
        env.reset(seed=[1, 2, 3])
    with pytest.raises(ArgumentError, match="3 booleans"):
        env.reset(options={"reset_mask": np.ones(2, bool)})
    with pytest.raises(UnknownNameError, match="options"):
        env.reset(options={"mask": 1})
    for bad in (np.zeros(2, int), np.full(3, 7), np.zeros(3)):
        with pytest.raises(SpaceError, match="user_action"):
            env.step(bad)
    for _ in range(9):
        _, _, terminated, truncated, _ = env.step(np.zeros(3, int))
        if (terminated | truncated).any():
            break
    with pytest.raises(EpisodeError, match="reset_mask"):
        env.step(np.zeros(3, int))


def test_a_start_is_forced_in_all_environments():
    env = UserVectorEnv(BANDIT, 3)
    observed, _ = env.reset(seed=0, options={"start": {"task_state": {"arm": 1}}})
    assert observed["task_state.arm"].tolist() == [2, 2, 2]  # -1, 0, 1 count from 0


def test_no_number_is_traced_to_its_source():
    class Broken(MultiArmedBanditTask):
        batched = True

        def on_user_action(self, game, rng):
            return Transition(super().on_user_action(game, rng).state, np.nan)

    for check, error, message in (
        (True, SpaceError, r"Broken \(on_user_action, reward\): expected a number, got NaN"),
        (False, ContractError, "Broken: the reward of user_task is NaN"),
    ):
        env = UserVectorEnv(Bundle(Broken(), WinStayLoseShiftUser(), max_rounds=9, check=check), 3)
        env.reset(seed=0)
        with pytest.raises(error, match=message):
            env.step(np.zeros(3, int))


def test_episodes_that_the_other_side_ends_at_once_are_passed_over():
    class Hasty(PointingTask):
        batched = True

        def on_user_action(self, game, rng):
            return super().on_user_action(game, rng)._replace(terminated=rng.random() < 0.5)

    bundle = Bundle(Hasty(15, 4), POINTER, ConstantGain(1.0), max_rounds=5)
    _, infos = AssistantVectorEnv(bundle, 20).reset(seed=0)
    assert (infos["episode_index"] % 20 == np.arange(20)).all()
    assert infos["episode_index"].max() >= 40
    assert isinstance(spaces.Discrete(2), spaces.Space)


def test_one_environment_adds_rewards_up_as_a_single_one():
    class Noisy(InteractionTask):
        state_space = spaces.Dict(x=spaces.Discrete(9))

        def reset(self, rng):
            return State(x=0)

        def on_user_action(self, game, rng):
            return Transition(game.task_state, rng.normal())

        def on_assistant_action(self, game, rng):
            return Transition(game.task_state, rng.normal())

    class Paid(Policy):
        action_space = spaces.Discrete(2)

        def sample(self, observation, state, rng):
            return 0, rng.normal()

    bundle = Bundle(Noisy(), User(policy=RandomPolicy(spaces.Discrete(2))), Assistant(policy=Paid()))
    single, vector = UserEnv(bundle), UserVectorEnv(bundle, 1)
    single.reset(seed=0)
    vector.reset(seed=0)
    for _ in range(200):
        assert single.step(0)[1] == vector.step(np.zeros(1, int))[1][0]
