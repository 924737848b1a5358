"""Numbers: integers, floats, truth values, and the functions of numpy that take one number."""

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
    spaces,
)
from tests.natural.corpus import Walk, natural, random_assistant, random_user, real, whole


class Clock(InteractionTask):
    """Hours and minutes, which go on and back by what the user turns."""

    state_space = spaces.Dict({"hours": spaces.Discrete(24), "minutes": spaces.Discrete(60)})

    def reset(self, rng):
        return State(hours=rng.integers(0, 24), minutes=rng.integers(0, 60))

    def on_user_action(self, game, rng):
        hours, minutes = game.task_state.hours, game.task_state.minutes
        turned = (game.user_action - 5) * 17
        hours, minutes = divmod((60 * hours + minutes + turned) % (24 * 60), 60)
        return Transition(State(hours=hours, minutes=minutes), -abs(turned), hours == 12)


@natural
def clock():
    return Bundle(Clock(), random_user(11), max_rounds=10)


class Whole(InteractionTask):
    """Powers, remainders and quotients of integers of both signs."""

    state_space = spaces.Dict({"a": whole(-50, 50), "b": whole(1, 9), "c": real()})

    def reset(self, rng):
        return State(a=rng.integers(-50, 51), b=rng.integers(1, 10), c=0.0)

    def on_user_action(self, game, rng):
        a, b = game.task_state.a, game.task_state.b
        quotient, rest = a // -b, a % -b
        power = (b**game.user_action - a**2) % 51
        share = a / b
        a = -power if quotient > 0 else power + rest
        return Transition(State(a=a, b=b, c=share), 2**-b, -2 < a < 2)


@natural
def whole_numbers():
    return Bundle(Whole(), random_user(6), max_rounds=10)


class Fractions(InteractionTask):
    """Powers, remainders and quotients of floats of both signs."""

    state_space = spaces.Dict({"x": real(), "y": real()})

    def reset(self, rng):
        return State(x=rng.normal(0.0, 3.0), y=1.0 + rng.random())

    def on_user_action(self, game, rng):
        x, y = game.task_state.x, game.task_state.y
        step = 0.3 * game.user_action
        x = x % 2.5 - x // 4.0 + step
        y = (y**3 + abs(x) ** 0.5) / (1.0 + y**2)
        return Transition(State(x=x, y=y), -((x - y) ** 2), x > 3.0 * y)

    def on_assistant_action(self, game, rng):
        x, y = game.task_state.x, game.task_state.y
        whole_part, rest = divmod(x, y)
        return Transition(State(x=-x, y=0.5 + rest), 0.9**game.round_index * whole_part)


@natural
def fractions():
    return Bundle(Fractions(), random_user(3), random_assistant(2), max_rounds=8)


class Rounded(InteractionTask):
    """Floats that become integers, and integers that become floats and truth values."""

    state_space = spaces.Dict(
        {
            "x": real(),
            "near": whole(-99, 99),
            "cut": whole(-99, 99),
            "odd": spaces.Discrete(2),
            "cents": real(),
        }
    )

    def reset(self, rng):
        return State(x=rng.normal(0.0, 2.0), near=0, cut=0, odd=False, cents=0.0)

    def on_user_action(self, game, rng):
        x = game.task_state.x + 0.5 * game.user_action
        near, cut = round(x), int(x)
        state = State(x=x, near=near, cut=cut, odd=bool(near % 2), cents=round(x, 2))
        return Transition(state, float(near - cut), near == 3)


@natural
def rounded():
    return Bundle(Rounded(), random_user(3), max_rounds=8)


class Votes(InteractionTask):
    """Truth values that are added, multiplied and negated as numbers."""

    state_space = spaces.Dict({"x": spaces.Discrete(20), "y": spaces.Discrete(20), "agreed": whole(-9, 9)})

    def reset(self, rng):
        return State(x=rng.integers(0, 4), y=rng.integers(0, 4), agreed=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        state, user, assistant = game.task_state, game.user_action, game.assistant_action
        agreed = (user == assistant) + (user == state.x) + (assistant == state.x)
        x = state.x + (user == assistant)
        y = state.y + 2 * (user > assistant) - (user < assistant) * (state.y > 0)
        happy = sum([user == 1, assistant == 1, x == y])
        reward = happy * 0.5 - (user != assistant)
        return Transition(State(x=x, y=y, agreed=agreed), reward, x == 5 or y >= 12)


@natural
def votes():
    return Bundle(Votes(), random_user(3), random_assistant(3), max_rounds=10)


class Energy(InteractionTask):
    """Integers and floats mixed by min, max and conditional expressions, of both kinds in one field."""

    state_space = spaces.Dict({"energy": real(-9, 99), "food": whole(0, 99)})

    def reset(self, rng):
        return State(energy=rng.integers(2, 6), food=rng.integers(0, 5))

    def on_user_action(self, game, rng):
        energy, food = game.task_state.energy, game.task_state.food
        eaten = min(food, game.user_action)
        energy = max(0, energy + 0.75 * eaten - 1)
        food = food - eaten + (2 if rng.random() < 0.4 else 0)
        return Transition(State(energy=energy, food=food), eaten if eaten > 1 else -0.5, energy == 0)


@natural
def energy():
    return Bundle(Energy(), random_user(3), max_rounds=10)


class Forgetting(InteractionTask):
    """A word to remember, whose strength fades with the time since it was studied last."""

    state_space = spaces.Dict({"age": real(0, 1e6), "strength": real(0, 1e6), "recall": real(0, 1)})

    def reset(self, rng):
        return State(age=60.0 * rng.random(), strength=5.0 + 20.0 * rng.random(), recall=0.0)

    def on_user_action(self, game, rng):
        state = game.task_state
        recall = np.exp(-state.age / state.strength)
        if game.user_action == 1:
            strength = state.strength * (1 + 0.5 * np.sqrt(1 - recall))
            return Transition(State(age=0.0, strength=strength, recall=recall), np.log(0.01 + recall))
        return Transition(state.replace(age=state.age + 7.5, recall=recall), 0.1 * recall, recall < 0.05)


@natural
def forgetting():
    return Bundle(Forgetting(), random_user(2), max_rounds=10)


class Pressing(Policy):
    """Moves to a target, in a time after Fitts: the logarithm of distance over width."""

    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        task = observation.task_state
        difficulty = np.log2(1.0 + np.abs(task.distance) / task.width)
        duration = 0.1 + state.slope * difficulty + rng.normal(0.0, 0.02)
        return (1 if duration < 0.6 else 0), -max(duration, 0.0)


class Button(InteractionTask):
    state_space = spaces.Dict({"distance": real(-1000, 1000), "width": real(1, 100)})

    def reset(self, rng):
        return State(distance=rng.normal(0.0, 200.0), width=10.0 + 30.0 * rng.random())

    def on_user_action(self, game, rng):
        distance, width = game.task_state.distance, game.task_state.width
        if game.user_action == 1:
            distance = np.sign(distance) * np.floor(np.abs(distance) / 3)
        return Transition(State(distance=distance, width=width), 0.0, np.abs(distance) <= width / 2)

    def on_assistant_action(self, game, rng):
        width = np.minimum(game.task_state.width * 1.25, 80.0)
        return Transition(game.task_state.replace(width=np.maximum(width, 12.5)), -0.01 * width)


@natural
def button():
    user = User(policy=Pressing(), state=State(slope=0.12), state_space=spaces.Dict({"slope": real(0, 1)}))
    return Bundle(Button(), user, random_assistant(2), max_rounds=8)


class Switches(InteractionTask):
    """Eight switches in the bits of one integer."""

    state_space = spaces.Dict({"bits": spaces.Discrete(256), "on": spaces.Discrete(9)})

    def reset(self, rng):
        return State(bits=rng.integers(0, 256), on=0)

    def on_user_action(self, game, rng):
        bits = game.task_state.bits ^ (1 << game.user_action)
        if (bits & 0b1001) == 0:
            bits = bits | 0b100
        on = sum((bits >> place) & 1 for place in range(8))
        return Transition(State(bits=bits, on=on), on - 4, on > 5)


@natural
def switches():
    return Bundle(Switches(), random_user(8), max_rounds=8)


class Shares(InteractionTask):
    """A share of what was asked for, with an exception where nothing was."""

    state_space = spaces.Dict(
        {"asked": spaces.Discrete(30), "given": spaces.Discrete(30), "share": real(0, 1)}
    )

    def reset(self, rng):
        return State(asked=0, given=0, share=0.0)

    def on_user_action(self, game, rng):
        asked = game.task_state.asked + (game.user_action == 1)
        given = game.task_state.given + (game.user_action == 1 and rng.random() < 0.5)
        try:
            share = given / asked
        except ZeroDivisionError:
            share = 0.0
        return Transition(State(asked=asked, given=given, share=share), share)


@natural
def shares():
    return Bundle(Shares(), random_user(2), max_rounds=6)


class Constant(InteractionTask):
    """A task that gives back constants, whatever was done."""

    state_space = spaces.Dict({"x": spaces.Discrete(3), "pair": real(0, 9, 2)})

    def reset(self, rng):
        return State(x=0, pair=np.array([1.0, 2.0]))

    def on_user_action(self, game, rng):
        if rng.random() < 0.5:
            return Transition(State(x=1, pair=np.array([3.0, 4.0])), 2.0)
        return Transition(State(x=2, pair=np.zeros(2)), -1, rng.random() < 0.2)


@natural
def constant():
    return Bundle(Constant(), random_user(2), max_rounds=8)


class Towards(DeterministicPolicy):
    """Steps towards the goal: the sign of a difference, plus one; after five rounds, it stays."""

    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        if observation.round_index >= 5:
            return 1
        task = observation.task_state
        return (task.goal > task.x) - (task.goal < task.x) + 1


@natural
def towards():
    return Bundle(Walk(), random_user(3), Assistant(policy=Towards()), max_rounds=8)
