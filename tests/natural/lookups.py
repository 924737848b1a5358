"""Look-ups: in lists, tuples, dictionaries and sets, in numpy's tables, and in arrays of the state."""

from enum import IntEnum

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
from tests.natural.corpus import natural, random_assistant, random_user, real, whole

PLACES = np.array([[0.0, 0.0], [0.0, 1.5], [2.0, 0.5], [3.5, 3.0], [1.0, 4.0]])
ROADS = np.array([[0, 3, 5, 9], [3, 0, 2, 4], [5, 2, 0, 1], [9, 4, 1, 0]])


class Cafe(InteractionTask):
    """Drinks by number, with their prices in a list and their names' lengths in a dictionary."""

    state_space = spaces.Dict({"money": whole(-100, 100), "letters": spaces.Discrete(20)})
    prices = [2, 3, 5]
    names = {0: "tea", 1: "coffee", 2: "chocolate"}

    def reset(self, rng):
        return State(money=rng.integers(3, 12), letters=0)

    def on_user_action(self, game, rng):
        price = self.prices[game.user_action]
        letters = len(self.names[game.user_action])
        money = game.task_state.money - price
        return Transition(State(money=money, letters=letters), -price, money < 0)


@natural
def cafe():
    return Bundle(Cafe(), random_user(3), max_rounds=8)


class Greeting(Policy):
    """Answers by a dictionary with a default, and by the place of a value in a list."""

    action_space = spaces.Discrete(6)
    answers = {0: 3, 2: 5}
    moods = [4, 2, 0, 1, 3]

    def sample(self, observation, state, rng):
        said = observation.user_action
        answer = self.answers.get(said, 1)
        if said in self.answers:
            return answer, 0.5
        return self.moods.index(said), -0.5


class Talk(InteractionTask):
    state_space = spaces.Dict({"rapport": whole(-30, 30)})

    def reset(self, rng):
        return State(rapport=rng.integers(0, 3))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        rapport = game.task_state.rapport + {3: 2, 5: 1}.get(game.assistant_action, -1)
        return Transition(State(rapport=rapport), rapport, rapport >= 4)


@natural
def talk():
    return Bundle(Talk(), random_user(5), Assistant(policy=Greeting()), max_rounds=8)


WALLS = {(1, 1), (1, 2), (3, 0)}
MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))


class Maze(InteractionTask):
    """A walk on a grid of four by four, with walls in a set of pairs."""

    state_space = spaces.Dict({"x": spaces.Discrete(4), "y": spaces.Discrete(4)})

    def reset(self, rng):
        return State(x=0, y=rng.integers(0, 4))

    def on_user_action(self, game, rng):
        x, y = game.task_state.x, game.task_state.y
        dx, dy = MOVES[game.user_action]
        there = (x + dx, y + dy)
        if there in WALLS or not (0 <= there[0] < 4 and 0 <= there[1] < 4):
            return Transition(game.task_state, -1.0)
        return Transition(State(x=there[0], y=there[1]), -0.1, there == (3, 3))


@natural
def maze():
    return Bundle(Maze(), random_user(4), max_rounds=12)


class Travel(InteractionTask):
    """Journeys between four towns, with a table of distances: one entry, a row, a column."""

    state_space = spaces.Dict(
        {"town": spaces.Discrete(4), "far": spaces.Discrete(10), "total": whole(0, 999)}
    )

    def reset(self, rng):
        return State(town=rng.integers(0, 4), far=0, total=0)

    def on_user_action(self, game, rng):
        state, goal = game.task_state, game.user_action
        distance = ROADS[state.town, goal]
        nearest = np.sort(ROADS[goal])[1]
        state = State(town=goal, far=ROADS[:, goal].max(), total=state.total + distance)
        return Transition(state, -distance - 0.5 * nearest, state.total > 12)


@natural
def travel():
    return Bundle(Travel(), random_user(4), max_rounds=8)


class Sights(InteractionTask):
    """Five places in the plane, one of which is the goal; the user says where to look."""

    state_space = spaces.Dict({"goal": spaces.Discrete(5), "eye": real(-10, 10, 2)})

    def reset(self, rng):
        return State(goal=rng.integers(0, 5), eye=np.zeros(2))

    def on_user_action(self, game, rng):
        goal = PLACES[game.task_state.goal]
        eye = PLACES[game.user_action]
        gap = np.abs(goal - eye).sum()
        return Transition(game.task_state.replace(eye=eye), -gap, game.user_action == game.task_state.goal)


@natural
def sights():
    return Bundle(Sights(), random_user(5), max_rounds=6)


class Shelf(InteractionTask):
    """Six things in an order drawn in each episode; `seen` is what was looked at last."""

    state_space = spaces.Dict(
        {"order": whole(0, 5, 6), "target": spaces.Discrete(6), "seen": spaces.Discrete(7, start=-1)}
    )

    def reset(self, rng):
        return State(order=rng.shuffle(6), target=rng.integers(0, 6), seen=-1)

    def on_user_action(self, game, rng):
        state = game.task_state
        seen = state.order[game.user_action]
        reward = 1.0 if seen == state.order[-1] else -1.0
        return Transition(state.replace(seen=seen), reward, seen == state.target)


class Sweep(DeterministicPolicy):
    """Looks at one place after the other, or jumps to the end if it was very close."""

    action_space = spaces.Discrete(6)

    def action(self, observation, state):
        shelf = observation.task_state
        if shelf.seen == shelf.order[-2]:
            return 5
        return (observation.user_action + 1) % len(shelf.order)


@natural
def shelf():
    return Bundle(Shelf(), User(policy=Sweep()), max_rounds=8)


class Boxes(InteractionTask):
    """Prisoners and boxes: each box says which one to open next."""

    state_space = spaces.Dict({"boxes": whole(0, 7, 8), "found": spaces.Discrete(2), "opened": whole(0, 8)})

    def reset(self, rng):
        return State(boxes=rng.shuffle(8), found=False, opened=0)

    def on_user_action(self, game, rng):
        boxes, me = game.task_state.boxes, game.user_action
        box, opened = me, 1
        while boxes[box] != me and opened < 4:
            box = boxes[box]
            opened += 1
        found = boxes[box] == me
        return Transition(game.task_state.replace(found=found, opened=opened), 1.0 * found, not found)


@natural
def boxes():
    return Bundle(Boxes(), random_user(8), max_rounds=8)


class Window(InteractionTask):
    """A tape of numbers, of which a window shows three that add up."""

    state_space = spaces.Dict({"tape": whole(0, 9, 8), "place": spaces.Discrete(6), "sum": whole(0, 99)})

    def reset(self, rng):
        return State(tape=rng.integers(0, 10, 8), place=rng.integers(0, 6), sum=0)

    def on_user_action(self, game, rng):
        tape, place = game.task_state.tape, game.task_state.place
        total = tape[place : place + 3].sum()
        left, right = tape[:place].sum(), tape[place + 1 :].sum()
        place = (place + 1 + game.user_action) % 6
        return Transition(State(tape=tape, place=place, sum=total), left - right, total > 22)


@natural
def window():
    return Bundle(Window(), random_user(3), max_rounds=6)


class Mode(IntEnum):
    REST = 0
    WORK = 1
    PLAY = 2


class Day(InteractionTask):
    """A day in three modes, by an enumeration and a list of functions."""

    state_space = spaces.Dict({"mode": spaces.Discrete(3), "energy": real(-99, 99)})
    effects = [lambda energy: energy + 2.0, lambda energy: energy * 0.75 - 1.0, lambda energy: energy - 0.5]

    def reset(self, rng):
        return State(mode=rng.integers(0, 3), energy=5.0 * rng.random())

    def on_user_action(self, game, rng):
        state = game.task_state
        energy = self.effects[state.mode](state.energy)
        mode = Mode(game.user_action)
        if mode == Mode.WORK and energy < 0.0:
            mode = Mode.REST
        return Transition(State(mode=int(mode), energy=energy), 1.0 if mode is Mode.WORK else 0.0)


@natural
def day():
    return Bundle(Day(), random_user(3), max_rounds=8)


class Levels(InteractionTask):
    """A level that an assistant chooses, with settings in tuples of a dictionary by name."""

    state_space = spaces.Dict({"speed": real(0, 9), "lives": whole(-9, 99), "name": spaces.Text(8)})
    settings = {"easy": (1.0, 5), "normal": (1.5, 3), "hard": (2.5, 1)}
    names = ["easy", "normal", "hard"]

    def reset(self, rng):
        return State(speed=1.0, lives=rng.integers(1, 4), name="easy")

    def on_assistant_action(self, game, rng):
        name = self.names[game.assistant_action]
        speed, bonus = self.settings[name]
        lives = game.task_state.lives + (1 if rng.random() * speed < 0.5 else -1)
        if name != game.task_state.name and game.task_state.name == "hard":
            lives = min(lives + bonus, 9)
        return Transition(State(speed=speed, lives=lives, name=name), speed, lives <= 0)


@natural
def levels():
    return Bundle(Levels(), None, random_assistant(3), max_rounds=8)
