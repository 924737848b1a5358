"""An error in an environment leaves nothing behind: what follows is what would have been without it."""

import pytest

from interaction import Assistant, Bundle, RandomPolicy, Transition, spaces
from interaction.envs import BundleAEC, BundleParallel, UserEnv, UserVectorEnv
from interaction.errors import InteractionError
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser
from tests.interaction.acting import act


class Fragile(CoordinatedTask):
    """Raises, once it is told to, when the assistant acts."""

    broken = False

    def on_assistant_action(self, game, rng):
        if Fragile.broken:
            raise ArithmeticError("broken")
        return super().on_assistant_action(game, rng)

    def on_user_action(self, game, rng):
        return Transition(super().on_user_action(game, rng).state, 1.0)


@pytest.fixture(autouse=True)
def whole():
    Fragile.broken = False


def make():
    return Bundle(
        Fragile(), PseudoRandomUser(), Assistant(policy=RandomPolicy(spaces.Discrete(10))), max_rounds=9
    )


ENVS = {
    "single": lambda: UserEnv(make()),
    "vector": lambda: UserVectorEnv(make(), 5),
    "aec": lambda: BundleAEC(make()),
    "parallel": lambda: BundleParallel(make()),
}


def seen(env):
    return repr([act(env) for _ in range(4)])


@pytest.mark.parametrize("make_env", ENVS.values(), ids=ENVS)
def test_a_failed_reset_leaves_nothing_behind(make_env):
    env, untouched = make_env(), make_env()
    for one in (env, untouched):
        one.reset(seed=3)
        act(one)
    with pytest.raises(InteractionError):
        env.reset(seed=7, options={"start": {"task_state": {"x": 10**9}}})
    with pytest.raises((TypeError, ValueError)):
        env.reset(seed="seven")
    assert seen(env) == seen(untouched)
    assert repr(env.reset()) == repr(untouched.reset())


@pytest.mark.parametrize("make_env", ENVS.values(), ids=ENVS)
def test_a_failed_step_plays_nothing(make_env):
    env, untouched = make_env(), make_env()
    for one in (env, untouched):
        one.reset(seed=3)
    Fragile.broken = True
    with pytest.raises(ArithmeticError):
        seen(env)
    Fragile.broken = False
    if isinstance(env, BundleAEC):  # the user's own step, before, was a whole one
        act(untouched)
    assert seen(env) == seen(untouched)
