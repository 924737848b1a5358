"""Code that asks what a value is, and not what it is worth, is played episode by episode."""

import numpy as np
import pytest

from interaction import Bundle, InteractionTask, RandomPolicy, State, Transition, User, spaces
from interaction.batching import ways

USER = User(policy=RandomPolicy(spaces.Discrete(3)))


class Drawn(InteractionTask):
    def reset(self, rng):
        return State(x=10.0 * rng.random(), flag=rng.random() < 0.5)


class AsksForTheType(Drawn):
    def on_user_action(self, game, rng):
        x = game.task_state.x
        return Transition(game.task_state, 1.0 if type(x) is float and x > 9.9 else 0.0)


def is_float(x):
    return type(x) is float


class AsksInAFunction(Drawn):
    def on_user_action(self, game, rng):
        x = game.task_state.x
        return Transition(game.task_state, 1.0 if is_float(x) and x > 9.9 else 0.0)


class AsksForTrue(Drawn):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, 1.0 if game.task_state.flag is True else 0.0)


class NamesItself(Drawn):
    def on_user_action(self, game, rng):
        if type(self).__name__ == "Other":
            return Transition(game.task_state, 2.0)
        return Transition(game.task_state, 1.0 if isinstance(game.task_state.x, float) else 0.0)


def single_rewards(task, episodes):
    bundle = Bundle(task, USER, max_rounds=1)
    rewards = []
    for episode in episodes:
        bundle.reset(seed=0, episode=episode)
        rewards.append(bundle.step().rewards.user_task)
    return rewards


@pytest.mark.parametrize("kind", [AsksForTheType, AsksInAFunction, AsksForTrue])
def test_it_is_found_before_it_is_lifted(kind, caplog):
    bundle = Bundle(kind(), USER, max_rounds=1)
    runs = bundle.run(600, seed=0)
    assert ways(bundle)["task.on_user_action"] == "episode by episode"
    assert runs.rewards["user_task"].tolist() == single_rewards(kind(), range(600))
    assert 0 < runs.rewards["user_task"].sum() < 600
    lines = [record.getMessage() for record in caplog.records if kind.__name__ in record.getMessage()]
    assert len(lines) == 1
    assert "test_identity.py" in lines[0]
    assert "isinstance(x, float)" in lines[0]


def test_a_component_may_name_itself(caplog):
    bundle = Bundle(NamesItself(), USER, max_rounds=1)
    assert (bundle.run(600, seed=0).rewards["user_task"] == 1.0).all()
    assert ways(bundle)["task.on_user_action"] == "lifted"
    assert not caplog.records
    assert np.all(single_rewards(NamesItself(), range(3)))
