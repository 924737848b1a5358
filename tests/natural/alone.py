"""Code that may be played episode by episode: no rule lifts it soundly, or only in too many groups."""

import math

import numpy as np

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InteractionTask,
    Policy,
    State,
    Transition,
    User,
)
from interaction import spaces as s
from tests.natural.corpus import Walk, lifting_not_expected, random_user, real, whole


class Cooling(InteractionTask):
    """`math.exp` of a value that differs in all episodes."""

    state_space = s.Dict({"degrees": real(0, 100)})

    def reset(self, rng):
        return State(degrees=90.0 - 20.0 * rng.random())

    def on_user_action(self, game, rng):
        degrees = game.task_state.degrees
        degrees = 20.0 + (degrees - 20.0) * math.exp(-0.01 * degrees * (1 + game.user_action))
        return Transition(State(degrees=degrees), -degrees, degrees < 30.0)


@lifting_not_expected
def cooling():
    return Bundle(Cooling(), random_user(3), max_rounds=6)


class Points(InteractionTask):
    """`np.array` of values of the state, and `np.asarray` of one."""

    state_space = s.Dict({"x": real(), "y": real(), "gap": real(), "path": real(-99, 99, 3)})

    def reset(self, rng):
        return State(x=rng.normal(0.0, 2.0), y=rng.normal(0.0, 2.0), gap=0.0, path=np.zeros(3))

    def on_user_action(self, game, rng):
        state = game.task_state
        place = np.array([state.x, state.y])
        place = place + 0.5 * np.array([game.user_action - 1, 1])
        gap = np.sqrt(np.sum(place**2))
        return Transition(state.replace(x=place[0], y=place[1], gap=gap), -gap, gap < 0.6)


@lifting_not_expected
def points_of_two():
    return Bundle(Points(), random_user(3), max_rounds=6)


class Path(Points):
    def on_user_action(self, game, rng):
        path = np.asarray(game.task_state.path) * 0.5
        path[game.user_action] += game.task_state.x
        return Transition(game.task_state.replace(path=path), path.sum(), path.max() > 3.0)


@lifting_not_expected
def path():
    return Bundle(Path(), random_user(3), max_rounds=6)


class Filled(Points):
    """An array of numpy that is filled with what differs in all episodes."""

    def on_user_action(self, game, rng):
        path = np.zeros(3)
        path[0] = game.task_state.x
        path[1] = game.task_state.y + path[0]
        path[game.user_action] += 1.0
        return Transition(game.task_state.replace(path=path, x=path[1] / 4), path.sum())


@lifting_not_expected
def filled():
    return Bundle(Filled(), random_user(3), max_rounds=6)


class Named(DeterministicPolicy):
    """An f-string as the key of a dictionary."""

    action_space = s.Discrete(3)
    table = {"0 3": 2, "1 3": 2, "4 3": 0, "5 5": 0}

    def action(self, observation, state):
        task = observation.task_state
        return self.table.get(f"{task.x} {task.goal}", 1 if task.x % 2 else 2)


@lifting_not_expected
def named():
    return Bundle(Walk(), User(policy=Named()), max_rounds=6)


class Typed(Policy):
    """A question for the type of a value, and `float` of one that differs in all episodes."""

    action_space = real(-99, 99)

    def sample(self, observation, state, rng):
        x = float(observation.task_state.x) + rng.normal(0.0, 0.5)
        if isinstance(x, float) and x.is_integer():
            return 0.0, -1.0
        return -0.5 * float(x), 0.0


class Line(InteractionTask):
    state_space = s.Dict({"x": real(-99, 99)})

    def reset(self, rng):
        return State(x=rng.normal(0.0, 3.0))

    def on_user_action(self, game, rng):
        x = game.task_state.x + game.user_action
        return Transition(State(x=x), -abs(x), abs(x) < 0.3)


@lifting_not_expected
def typed():
    return Bundle(Line(), User(policy=Typed()), max_rounds=6)


class Large(InteractionTask):
    """Integers beyond 64 bits on the way to a small one."""

    state_space = s.Dict({"n": whole(0, 999)})

    def reset(self, rng):
        return State(n=rng.integers(1, 999))

    def on_user_action(self, game, rng):
        n = 31 ** (game.user_action + 10) * game.task_state.n % 997
        return Transition(State(n=n), n / 997, n**7 % 5 == 0)


@lifting_not_expected
def large():
    return Bundle(Large(), random_user(12), max_rounds=8)


class Ranking(DeterministicPolicy):
    """A list of eight floats that Python sorts: as many orders as episodes."""

    action_space = s.Discrete(8)

    def action(self, observation, state):
        offers = observation.task_state.offers
        ranked = sorted(range(8), key=lambda i: -offers[i])
        return ranked[observation.round_index % 3]


class Offers(InteractionTask):
    state_space = s.Dict({"offers": real(0, 99, 8), "best": real(0, 99)})

    def reset(self, rng):
        return State(offers=rng.random(8), best=0.0)

    def on_user_action(self, game, rng):
        offers = game.task_state.offers
        taken = offers[game.user_action]
        offers = offers * (0.5 + rng.random(8))
        return Transition(State(offers=offers, best=max(taken, game.task_state.best)), taken)

    def on_assistant_action(self, game, rng):
        good = game.task_state.offers[game.task_state.offers > 0.3]
        return Transition(game.task_state, good.mean() if len(good) > 0 else -1.0, len(good) < 4)


@lifting_not_expected
def ranking():
    assistant = Assistant(policy=Ranking())
    return Bundle(Offers(), User(policy=Ranking()), assistant, max_rounds=6)
