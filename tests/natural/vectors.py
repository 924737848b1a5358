"""Vectors of the state: arithmetic, reductions, sorting, searching, masks, and loops over their entries."""

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

STEPS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])


class Reaching(InteractionTask):
    """A hand that is to reach a target in the plane."""

    state_space = spaces.Dict({"hand": real(-99, 99, 2), "target": real(-99, 99, 2)})

    def reset(self, rng):
        return State(hand=np.zeros(2), target=rng.normal(0.0, 3.0, 2))

    def on_user_action(self, game, rng):
        state = game.task_state
        hand = state.hand + game.user_action + rng.normal(0.0, 0.1, 2)
        gap = np.linalg.norm(state.target - hand)
        return Transition(state.replace(hand=hand), -gap, gap < 0.5)

    def on_assistant_action(self, game, rng):
        state = game.task_state
        hand = state.hand + 0.1 * STEPS[game.assistant_action]
        return Transition(state.replace(hand=hand), -((state.target - hand) ** 2).sum())


class Reach(Policy):
    action_space = real(-1, 1, 2)

    def sample(self, observation, state, rng):
        gap = observation.task_state.target - observation.task_state.hand
        length = np.sqrt((gap**2).sum())
        if length > 1.0:
            gap = gap / length
        return np.clip(gap + rng.normal(0.0, 0.2, (2,)), -1.0, 1.0), -0.1


@natural
def reaching():
    return Bundle(Reaching(), User(policy=Reach()), random_assistant(4), max_rounds=8)


class Piles(InteractionTask):
    """Seven piles of sand, and what can be said about all of them."""

    state_space = spaces.Dict({"piles": real(0, 99, 7), "even": spaces.Discrete(2)})

    def reset(self, rng):
        return State(piles=5.0 * rng.random(7), even=False)

    def on_user_action(self, game, rng):
        piles = game.task_state.piles
        if piles.max() - piles.min() < 1.0:
            return Transition(game.task_state.replace(even=True), piles.mean(), True)
        moved = 0.25 * game.user_action * (piles.mean() - piles)
        return Transition(game.task_state.replace(piles=piles + moved), -piles.std() - piles.sum() / 10)


@natural
def piles():
    return Bundle(Piles(), random_user(3), max_rounds=8)


class Lamps(InteractionTask):
    """Five lamps that are all to be lit; the last reward is for any lamp at all."""

    state_space = spaces.Dict({"lit": spaces.MultiBinary(5), "lamps": whole(0, 5)})

    def reset(self, rng):
        return State(lit=rng.random(5) < 0.6, lamps=0)

    def on_user_action(self, game, rng):
        lit = game.task_state.lit.copy()
        lit[game.user_action] = not lit[game.user_action]
        reward = 1.0 if lit.any() else -1.0
        return Transition(State(lit=lit, lamps=lit.sum()), reward, (lit == 1).all())


@natural
def lamps():
    return Bundle(Lamps(), random_user(5), max_rounds=12)


class Match(InteractionTask):
    """Letters that are right at their places, and letters that occur."""

    state_space = spaces.Dict({"code": whole(0, 4, 3), "right": whole(0, 3), "known": whole(0, 3)})

    def reset(self, rng):
        return State(code=rng.integers(0, 5, 3), right=0, known=0)

    def on_user_action(self, game, rng):
        code, guess = game.task_state.code, game.user_action
        right = (code == guess).sum()
        known = 0
        for letter in guess:
            if letter in code:
                known += 1
        state = game.task_state.replace(right=right, known=known)
        return Transition(state, right + 0.5 * np.isin(guess, code).sum(), (code == guess).all())


class Letters(Policy):
    action_space = spaces.MultiDiscrete([5, 5, 5])

    def sample(self, observation, state, rng):
        guess = observation.user_action
        if observation.round_index == 0 or observation.task_state.known == 0:
            return rng.integers(0, 5, 3), 0.0
        return (guess + rng.integers(0, 2, 3)) % 5, 0.0


@natural
def code():
    return Bundle(Match(), User(policy=Letters()), max_rounds=12)


class Auction(InteractionTask):
    """Bids that are sorted; the highest one pays what the second one said."""

    state_space = spaces.Dict({"worths": real(0, 10, 5), "winner": whole(-1, 4), "price": real(0, 20)})

    def reset(self, rng):
        return State(worths=10.0 * rng.random(5), winner=-1, price=0.0)

    def on_user_action(self, game, rng):
        worths = game.task_state.worths
        bids = worths * (1.0 + 0.1 * rng.random(5))
        order = np.argsort(-bids)
        price = np.sort(bids)[::-1][1]
        winner = order[0]
        if winner != np.argmax(worths):
            return Transition(State(worths=worths, winner=winner, price=price), -1.0, True)
        worths = np.where(np.arange(5) == winner, worths / 2, worths)
        return Transition(State(worths=worths, winner=winner, price=price), worths[winner] - price / 4)


@natural
def auction():
    return Bundle(Auction(), random_user(2), max_rounds=8)


class Wheel(InteractionTask):
    """A wheel of fortune whose sectors add up; where it stops is searched among their sums."""

    state_space = spaces.Dict({"sectors": real(0, 1, 6), "sector": whole(0, 5)})

    def reset(self, rng):
        return State(sectors=0.1 + 0.9 * rng.random(6), sector=0)

    def on_user_action(self, game, rng):
        sums = np.cumsum(game.task_state.sectors)
        stop = rng.random() * sums[-1]
        sector = np.searchsorted(sums, stop, side="right")
        payment = np.interp(stop, [0.0, 1.0, 2.5, 6.0], [0.0, 3.0, 1.0, 4.0])
        return Transition(game.task_state.replace(sector=sector), payment, sector == game.user_action)


@natural
def wheel():
    return Bundle(Wheel(), random_user(6), max_rounds=8)


class Tape(InteractionTask):
    """The last four actions, by numpy's ways to add one and to leave one out."""

    state_space = spaces.Dict({"last": whole(-1, 3, 4), "sums": real(-99, 99, 3), "runs": whole(0, 9)})

    def reset(self, rng):
        return State(last=np.full(4, -1), sums=np.zeros(3), runs=0)

    def on_user_action(self, game, rng):
        last = np.append(game.task_state.last[1:], game.user_action)
        sums = np.stack([last.sum(), last[::-1].max(), np.prod(last)]) / 2
        runs = np.count_nonzero(np.diff(last) == 0)
        return Transition(State(last=last, sums=sums, runs=runs), np.max(sums), runs == 2)

    def on_assistant_action(self, game, rng):
        last = np.concatenate([game.task_state.last[1:], [game.assistant_action]])
        both = np.concatenate([last, game.task_state.last])
        return Transition(game.task_state.replace(last=last), 0.1 * both.mean())


@natural
def tape():
    return Bundle(Tape(), random_user(4), random_assistant(4), max_rounds=8)


class Nearest(DeterministicPolicy):
    """Goes to the nearest of four targets that are still there, counted in a loop."""

    action_space = spaces.Discrete(4)

    def action(self, observation, state):
        task = observation.task_state
        best, nearest = 0, 1e9
        for i, (place, there) in enumerate(zip(task.places, task.there, strict=True)):
            gap = abs(place - task.me)
            if there and gap < nearest:
                best, nearest = i, gap
        return best


class Collecting(InteractionTask):
    state_space = spaces.Dict({"places": real(0, 9, 4), "there": spaces.MultiBinary(4), "me": real(0, 9)})

    def reset(self, rng):
        return State(places=9.0 * rng.random(4), there=np.ones(4, bool), me=4.5)

    def on_user_action(self, game, rng):
        state, goal = game.task_state, game.user_action
        cost = np.abs(state.places[goal] - state.me)
        there = np.where(np.arange(4) == goal, False, state.there)
        return Transition(
            State(places=state.places, there=there, me=state.places[goal]), -cost, not there.any()
        )

    def on_assistant_action(self, game, rng):
        state = game.task_state
        if rng.random() < 0.3 and not state.there[game.assistant_action]:
            there = state.there.copy()
            there[game.assistant_action] = True
            return Transition(state.replace(there=there), 0.5)
        return Transition(state, 0.1 * len(state.places[state.there]))


@natural
def collecting():
    return Bundle(Collecting(), User(policy=Nearest()), random_assistant(4), max_rounds=10)


class Menus(DeterministicPolicy):
    """The nearest of five points, all distances at once."""

    action_space = spaces.Discrete(5)

    def action(self, observation, state):
        task = observation.task_state
        distances = np.linalg.norm(task.points - task.cursor, axis=1)
        return np.argmin(distances)


class Points(InteractionTask):
    state_space = spaces.Dict({"points": real(-99, 99, 5, 2), "cursor": real(-99, 99, 2)})

    def reset(self, rng):
        return State(points=rng.normal(0.0, 2.0, (5, 2)), cursor=rng.normal(0.0, 2.0, 2))

    def on_user_action(self, game, rng):
        state = game.task_state
        cursor = state.cursor + 0.5 * STEPS[game.user_action]
        return Transition(state.replace(cursor=cursor), -0.1 * state.points[..., 0].max())

    def on_assistant_action(self, game, rng):
        state = game.task_state
        gap = state.points[game.assistant_action] - state.cursor
        return Transition(state, -np.abs(gap).max(), np.hypot(gap[0], gap[1]) < 0.7)


@natural
def points():
    return Bundle(Points(), random_user(4), Assistant(policy=Menus()), max_rounds=8)


class Hand(InteractionTask):
    """Cards on the hand, by comprehensions, lists and conversions."""

    state_space = spaces.Dict({"cards": whole(0, 3, 3), "pairs": whole(0, 9), "points": real(0, 99)})

    def reset(self, rng):
        return State(cards=rng.integers(0, 3, 3), pairs=0, points=0.0)

    def on_user_action(self, game, rng):
        cards = game.task_state.cards
        pairs = sum(1 for i in range(len(cards)) for j in range(i) if cards[i] == cards[j])
        points = sum([card * 0.5 for card in cards if card > 1])
        exchanged = [card if card > game.user_action else card + 1 for card in cards]
        values = sorted([cards[0], cards[1]])
        reward = 2.0 * pairs + values[1] - values[0] + max(cards) - min(cards[1:])
        return Transition(
            State(cards=np.minimum(np.stack(exchanged), 3), pairs=pairs, points=points), reward, pairs > 2
        )


@natural
def hand():
    return Bundle(Hand(), random_user(4), max_rounds=6)


class Signals(InteractionTask):
    """A mask of a vector, and the same vector as integers, as a list, as a single item and by its shape."""

    state_space = spaces.Dict({"x": real(-99, 99, 3), "whole": whole(-99, 99, 3), "size": whole(0, 9)})

    def reset(self, rng):
        return State(x=rng.normal(0.0, 1.5, 3), whole=np.zeros(3, int), size=0)

    def on_user_action(self, game, rng):
        x = game.task_state.x
        rounded = np.round(x).astype(int)
        largest = x.max().item()
        first = rounded.tolist()[0]
        positive = x[x > 0]
        y = np.where(x > 0, x - 0.5, -x)
        y[y > 2] = 2.0
        y[game.user_action] += first
        state = State(x=np.clip(y, -5, 5), whole=rounded, size=len(positive))
        return Transition(state, largest + positive.sum() * x.shape[0], bool((x < 0).all()))


@natural
def signals():
    return Bundle(Signals(), random_user(3), max_rounds=6)


class Open(DeterministicPolicy):
    """The first door that is open, as numpy finds it, or the last one."""

    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        found = np.flatnonzero(observation.task_state.open)
        if found.size == 0:
            return 2
        return found[0]


class Passage(InteractionTask):
    state_space = spaces.Dict({"open": spaces.MultiBinary(3)})

    def reset(self, rng):
        return State(open=rng.random(3) < 0.4)

    def on_user_action(self, game, rng):
        doors = game.task_state.open
        reward = 1.0 if doors[game.user_action] else -1.0
        shut = np.zeros_like(doors)
        shut[game.user_action] = True
        return Transition(State(open=(doors & ~shut) | (rng.random(3) < 0.2)), reward, rng.random() < 0.1)


@natural
def passage():
    return Bundle(Passage(), User(policy=Open()), max_rounds=8)
