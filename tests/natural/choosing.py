"""Policies: draws of all kinds, in branches and in loops, and every kind of action."""

import numpy as np

from interaction import (
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    InteractionTask,
    Policy,
    State,
    Transition,
    User,
    spaces,
)
from tests.natural.corpus import Arms, Walk, natural, random_assistant, random_user, real, whole


class Explorer(Policy):
    """Explores with a probability that falls over the rounds, and else repeats what paid."""

    action_space = spaces.Discrete(4)

    def sample(self, observation, state, rng):
        if rng.random() < 1 / (1 + observation.round_index):
            return rng.integers(0, 4), -0.1
        if observation.task_state.paid == 1:
            return observation.user_action, 0.0
        return (observation.user_action + rng.integers(1, 4)) % 4, 0.0


@natural
def explorer():
    return Bundle(Arms(), User(policy=Explorer()), max_rounds=10)


class Dice(InteractionTask):
    """A number of dice with a number of sides, both drawn in each episode, of which the best two count."""

    state_space = spaces.Dict({"n": spaces.Discrete(6), "sides": spaces.Discrete(13), "best": whole(0, 24)})

    def reset(self, rng):
        return State(n=rng.integers(2, 4), sides=4 + 2 * rng.integers(0, 2), best=0)

    def on_user_action(self, game, rng):
        n, sides = game.task_state.n, game.task_state.sides
        rolled = [rng.integers(1, sides + 1) for _ in range(n)]
        best = sum(sorted(rolled)[-2:])
        if game.user_action == 1 and best < sides:
            best = max(rolled) + rng.integers(0, 2)
        return Transition(game.task_state.replace(best=best), best, best >= 2 * sides - 1)


@natural
def dice():
    return Bundle(Dice(), random_user(2), max_rounds=6)


class Dealer(Policy):
    """Shuffles the cards anew where it likes, and gives the first that suits."""

    action_space = spaces.Discrete(6)

    def sample(self, observation, state, rng):
        cards = rng.shuffle(6)
        wanted = observation.task_state.x % 6
        if cards[0] == wanted:
            return cards[0], 1.0
        for card in cards[1:4]:
            if card == wanted:
                return card, 0.5
        return cards[-1], 0.0


class Dealt(Walk):
    """A walk whose user moves by an even card up and by an odd one down."""

    def on_user_action(self, game, rng):
        card = game.user_action
        step = card // 2 if card % 2 == 0 else -(card // 2)
        x = min(max(game.task_state.x + step, 0), 9)
        return Transition(game.task_state.replace(x=x), -abs(step), x == game.task_state.goal)


@natural
def dealer():
    return Bundle(Dealt(), User(policy=Dealer()), max_rounds=8)


class Skewed(DiscretePolicy):
    """Prefers the goal's side, over a choice of steps that do not follow each other."""

    action_space = spaces.Choice([-3, -1, 1, 3])

    def probabilities(self, observation, state):
        gap = observation.task_state.goal - observation.task_state.x
        weights = np.array([0.1, 0.2, 0.2, 0.1])
        if gap > 0:
            weights[2:] += [0.2, 0.6]
        elif gap < 0:
            weights[:2] += np.array([0.6, 0.2])
        return weights / weights.sum()


class Leaps(Walk):
    def on_user_action(self, game, rng):
        x = (game.task_state.x + game.user_action) % 10
        return Transition(game.task_state.replace(x=x), -abs(game.user_action), x == game.task_state.goal)


@natural
def leaps():
    return Bundle(Leaps(), User(policy=Skewed()), random_assistant(3), max_rounds=8)


class Soft(DiscretePolicy):
    """Boltzmann's choice by the distances after each step, in a comprehension."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        x, goal = observation.task_state.x, observation.task_state.goal
        costs = np.stack([abs(x + step - goal) for step in (-1, 0, 1)])
        weights = np.exp(-1.5 * costs)
        return weights / np.sum(weights)


@natural
def soft():
    return Bundle(Walk(), User(policy=Soft()), random_assistant(3), max_rounds=8)


class Fixed(DiscretePolicy):
    """The same probabilities in every episode, but for those who are bored."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        if observation.round_index > 3 and observation.task_state.x < 3:
            return np.array([0.0, 0.0, 1.0])
        return np.array([0.2, 0.3, 0.5])


@natural
def fixed():
    return Bundle(Walk(), User(policy=Fixed()), max_rounds=8)


class Stumbling(DeterministicPolicy):
    """Goes to the goal, by a table of three, with a lapse."""

    action_space = spaces.Discrete(3)
    steps = {-1: 0, 0: 1, 1: 2}

    def action(self, observation, state):
        gap = observation.task_state.goal - observation.task_state.x
        return self.steps[int(np.sign(gap))]


@natural
def stumbling():
    return Bundle(Walk(), User(policy=Stumbling(lapse=0.25)), max_rounds=8)


class Throw(Policy):
    """Throws at a board: a point in the plane, drawn with a spread of its own on each axis."""

    action_space = real(-99, 99, 2)

    def sample(self, observation, state, rng):
        aim = observation.task_state.aim
        spread = np.array([0.5, 0.2]) * (2.0 if observation.task_state.windy else 1.0)
        return rng.normal(aim, spread, 2), 0.0

    def log_prob(self, action, observation, state):
        z = (action - observation.task_state.aim) / 0.5
        return -0.5 * (z @ z)


class Darts(InteractionTask):
    state_space = spaces.Dict({"aim": real(-9, 9, 2), "windy": spaces.Discrete(2), "score": whole(0, 999)})
    rings = [(0.3, 50), (0.8, 20), (1.5, 5)]

    def reset(self, rng):
        return State(aim=rng.normal(0.0, 0.5, 2), windy=rng.random() < 0.3, score=0)

    def on_user_action(self, game, rng):
        radius = np.sqrt(np.sum(game.user_action**2))
        points = 0
        for ring, worth in self.rings:
            if radius < ring:
                points = worth
                break
        state = game.task_state
        state = state.replace(score=state.score + points, aim=0.8 * state.aim)
        return Transition(state, points, state.score >= 60)


@natural
def darts():
    return Bundle(Darts(), User(policy=Throw()), max_rounds=8)


class Speak(Policy):
    """Says a word, and how loud: an action with two fields."""

    action_space = spaces.Dict({"word": spaces.Discrete(4), "loud": real(0, 1)})

    def sample(self, observation, state, rng):
        if observation.task_state.heard == observation.task_state.word:
            return State(word=observation.task_state.word, loud=0.1), 0.5
        loud = min(1.0, 0.3 + 0.2 * observation.round_index + 0.1 * rng.random())
        return State(word=rng.integers(0, 4), loud=loud), -loud


class Listening(InteractionTask):
    state_space = spaces.Dict({"word": spaces.Discrete(4), "heard": spaces.Discrete(5, start=-1)})

    def reset(self, rng):
        return State(word=rng.integers(0, 4), heard=-1)

    def on_user_action(self, game, rng):
        said = game.user_action
        heard = said.word if rng.random() < said.loud else -1
        return Transition(game.task_state.replace(heard=heard), 0.0, heard == game.task_state.word)


@natural
def listening():
    return Bundle(Listening(), User(policy=Speak()), max_rounds=8)


class Patience(Policy):
    """Waits for as many beats as a geometric draw says, in a loop that draws until it is over."""

    action_space = spaces.Discrete(9)
    first_action = 4

    def sample(self, observation, state, rng):
        beats = 0
        while beats < 8 and rng.random() > 0.4:
            beats += 1
        return beats, -0.25 * beats**2


class Beats(InteractionTask):
    state_space = spaces.Dict({"beat": spaces.Discrete(20), "tempo": real(0, 9)})

    def reset(self, rng):
        return State(beat=rng.integers(0, 8), tempo=1.0)

    def on_user_action(self, game, rng):
        state, beats = game.task_state, game.user_action
        early, late = beats < state.beat, beats > state.beat
        tempo = state.tempo * (1.1 if early else 0.9 if late else 1.0)
        return Transition(state.replace(tempo=tempo), 0.0 if early or late else 3.0, not (early or late))

    def on_assistant_action(self, game, rng):
        state = game.task_state
        return Transition(state.replace(beat=(state.beat + game.assistant_action) // 2))


@natural
def beats():
    return Bundle(Beats(), User(policy=Patience()), random_assistant(8), max_rounds=8)


class Team(DeterministicPolicy):
    """Two fingers on four keys: an action that is a vector."""

    action_space = whole(0, 3, 2)

    def action(self, observation, state):
        left, right = observation.user_action
        if left == right:
            return np.array([0, 3])
        moved = observation.user_action + np.where(observation.task_state.notes[:2] > 0, 1, -1)
        return np.clip(moved, 0, 3)


class Keys(InteractionTask):
    state_space = spaces.Dict({"notes": whole(-1, 1, 4), "chord": whole(0, 9)})

    def reset(self, rng):
        return State(notes=rng.integers(-1, 2, 4), chord=0)

    def on_user_action(self, game, rng):
        left, right = game.user_action
        notes = game.task_state.notes
        chord = notes[left] * notes[right] + 1
        notes = notes.copy()
        notes[game.user_action] = rng.integers(-1, 2, 2)
        return Transition(State(notes=notes, chord=chord), chord - 1.0, chord == 0)


@natural
def keys():
    return Bundle(Keys(), User(policy=Team(lapse=0.3)), max_rounds=8)
