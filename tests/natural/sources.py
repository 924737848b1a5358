"""Rewards from all four sources on both sides, of several kinds of numbers."""

import numpy as np

from interaction import Assistant, Bundle, InferenceEngine, ObservationEngine, Policy, State, Transition, User
from interaction import spaces as s
from tests.natural.corpus import Walk, natural, real


class PaidWalk(Walk):
    """A walk that pays the user by the distance, and the assistant with a truth value."""

    def on_user_action(self, game, rng):
        state, _, over = self.move(game.task_state, game.user_action)
        return Transition(state, 2 if over else -abs(state.x - state.goal) / 10, over)

    def on_assistant_action(self, game, rng):
        state, _, over = self.move(game.task_state, game.assistant_action)
        return Transition(state, state.x == state.goal, over)


class Glance(ObservationEngine):
    """Looks for nothing at the ends, and pays for each look between them."""

    def observe(self, game, rng):
        x = game.task_state.x
        seen = State(x=x, round_index=game.round_index)
        return seen, 0 if x in (0, 9) else -0.05 * x


class Budget(InferenceEngine):
    """Keeps account of what is left to spend, by an integer or a float."""

    def infer(self, observation, state, rng):
        left = state.left - 1 if observation.x > 5 else state.left - 0.25
        if left < 0:
            return state.replace(left=0), -1
        return state.replace(left=left), np.sqrt(left) / 10


class Spending(Policy):
    action_space = s.Discrete(3)

    def sample(self, observation, state, rng):
        if state.left <= 0:
            return 1, 0
        action = rng.categorical([0.3, 0.2, 0.5])
        return action, 0 if action == 1 else -0.25 * action


@natural
def spending():
    parts = {"policy": Spending(), "observation_engine": Glance(), "inference_engine": Budget()}
    budget = {"state": State(left=3.0), "state_space": s.Dict({"left": real(-9, 9)})}
    return Bundle(PaidWalk(), User(**parts, **budget), Assistant(**parts, **budget), max_rounds=8)
