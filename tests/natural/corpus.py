"""The list of the natural bundles, and the parts that many of them share."""

import copy

import numpy as np

from interaction import Assistant, InteractionTask, RandomPolicy, State, Transition, User, spaces

NATURAL = {}
"""A function that makes a bundle, by name."""

LIFTING_NOT_EXPECTED = set()
"""The names of the bundles with a component that may be played episode by episode."""


def natural(make):
    """List a bundle by the name of the function that makes it."""
    assert make.__name__ not in NATURAL, make.__name__
    NATURAL[make.__name__] = make
    return make


def lifting_not_expected(make):
    """The same for a bundle that may be played episode by episode."""
    LIFTING_NOT_EXPECTED.add(make.__name__)
    return natural(make)


def real(low=-np.inf, high=np.inf, *shape):
    """The space of a float, or of an array of them."""
    return spaces.Box(low, high, shape, np.float64)


def whole(low, high, *shape):
    """The space of an integer from low to high, or of an array of them."""
    return spaces.Box(low, high, shape, np.int64)


def random_user(n):
    """A user who picks one of n actions."""
    return User(policy=RandomPolicy(spaces.Discrete(n)))


def random_assistant(n):
    """An assistant that picks one of n actions."""
    return Assistant(policy=RandomPolicy(spaces.Discrete(n)))


class Walk(InteractionTask):
    """A walk along ten places; whoever acts takes it a step down (0), nowhere (1) or up (2)."""

    state_space = spaces.Dict({"x": spaces.Discrete(10), "goal": spaces.Discrete(10)})

    def reset(self, rng):
        return State(x=rng.integers(0, 10), goal=rng.integers(0, 10))

    def move(self, state, action):
        x = min(9, max(0, state.x + action - 1))
        return Transition(state.replace(x=x), -1.0, x == state.goal)

    def on_user_action(self, game, rng):
        return self.move(game.task_state, game.user_action)

    def on_assistant_action(self, game, rng):
        return self.move(game.task_state, game.assistant_action)


class Arms(InteractionTask):
    """Four arms that pay with probabilities drawn in each episode; `paid` is what the last pull gave."""

    state_space = spaces.Dict({"chances": real(0, 1, 4), "paid": spaces.Discrete(2)})

    def reset(self, rng):
        return State(chances=rng.random(4), paid=0)

    def on_user_action(self, game, rng):
        paid = int(rng.random() < game.task_state.chances[game.user_action])
        return Transition(game.task_state.replace(paid=paid), paid)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


def singly(bundle):
    """The same bundle, each component of which is played episode by episode."""
    return bundle_of(*(alone(part) for part in (bundle.task, bundle.user, bundle.assistant)), bundle)


def bundle_of(task, user, assistant, like):
    """A bundle of other parts, with the settings of another one."""
    return type(like)(task, user, assistant, max_rounds=like.max_rounds, check=like.check)


def alone(component):
    """A component (with all its parts, if it is an agent) that is played episode by episode."""
    if component is None:
        return None
    twin = copy.copy(component)
    twin.batched = False
    for name in ("policy", "observation_engine", "inference_engine"):
        if isinstance(component, User | Assistant):
            setattr(twin, name, alone(getattr(component, name)))
    return twin
