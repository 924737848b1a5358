"""Agents that learn: inference engines, beliefs, copies that are assigned to, and states in states."""

import numpy as np

from interaction import (
    Assistant,
    Bundle,
    CascadedInferenceEngine,
    DeterministicPolicy,
    DiscretePolicy,
    InferenceEngine,
    InteractionTask,
    Policy,
    State,
    Transition,
    User,
    spaces,
)
from tests.natural.corpus import Arms, Walk, natural, random_assistant, random_user, real, whole


def learner(policy, engine, state, **fields):
    """A user with a state, its space and an engine."""
    return User(policy=policy, inference_engine=engine, state=state, state_space=spaces.Dict(fields))


class Rescorla(InferenceEngine):
    """Moves the value of the arm that was pulled last towards what it paid."""

    def infer(self, observation, state, rng):
        if observation.round_index == 0:
            return state, 0.0
        q, arm = state.q.copy(), observation.user_action
        q[arm] += state.rate * (observation.task_state.paid - q[arm])
        return state.replace(q=q), 0.0


class Softmax(DiscretePolicy):
    action_space = spaces.Discrete(4)

    def probabilities(self, observation, state):
        weights = np.exp(3.0 * (state.q - state.q.max()))
        return weights / weights.sum()


class RescorlaUser(User):
    def __init__(self):
        super().__init__(
            policy=Softmax(),
            inference_engine=Rescorla(),
            state=State(q=np.zeros(4), rate=0.3),
            state_space=spaces.Dict({"q": real(-9, 9, 4), "rate": real(0, 1)}),
        )

    def reset(self, rng):
        return State(q=np.zeros(4), rate=0.1 + 0.8 * rng.random())


@natural
def rescorla():
    return Bundle(Arms(), RescorlaUser(), max_rounds=12)


class StayOrShift(DiscretePolicy):
    """Stays with an arm that paid, and leaves one that did not, but for a slip."""

    action_space = spaces.Discrete(4)

    def probabilities(self, observation, state):
        if observation.round_index == 0:
            return np.full(4, 0.25)
        probabilities = np.full(4, 0.05)
        if observation.task_state.paid:
            probabilities[observation.user_action] = 0.85
            return probabilities
        probabilities[:] = 0.3
        probabilities[observation.user_action] = 0.1
        return probabilities


@natural
def stay_or_shift():
    return Bundle(Arms(), User(policy=StayOrShift()), max_rounds=12)


class Counting(InferenceEngine):
    """Counts pulls and payments, in one array with a row for each."""

    def infer(self, observation, state, rng):
        if observation.round_index > 0:
            counts = state.counts.copy()
            counts[0, observation.user_action] += 1
            counts[1, observation.user_action] += observation.task_state.paid
            state = state.replace(counts=counts)
        return state, -0.01 * state.counts[0].max()


class UpperBound(DeterministicPolicy):
    """Pulls each arm once, then the one with the highest upper bound of its mean."""

    action_space = spaces.Discrete(4)

    def action(self, observation, state):
        pulls, paid = state.counts
        if (pulls == 0).any():
            return np.argmin(pulls)
        return np.argmax(paid / pulls + np.sqrt(0.5 * np.log(pulls.sum()) / pulls))


@natural
def upper_bound():
    state = State(counts=np.zeros((2, 4)))
    return Bundle(Arms(), learner(UpperBound(), Counting(), state, counts=real(0, 99, 2, 4)), max_rounds=12)


class Coin(InteractionTask):
    """A coin that may be biased; whoever says so (1) ends the game."""

    state_space = spaces.Dict({"biased": spaces.Discrete(2), "heads": spaces.Discrete(2)})

    def reset(self, rng):
        return State(biased=rng.random() < 0.5, heads=False)

    def on_user_action(self, game, rng):
        state = game.task_state
        if game.user_action == 1:
            return Transition(state, 5.0 if state.biased else -5.0, True)
        return Transition(state.replace(heads=rng.random() < (0.8 if state.biased else 0.5)), -0.2)


class Bayes(InferenceEngine):
    """The probability that the coin is biased, by Bayes' rule, with its logarithm as a cost."""

    def infer(self, observation, state, rng):
        if observation.round_index == 0:
            return state, 0.0
        heads, belief = observation.task_state.heads, state.belief
        fair = 0.5 * (1 - belief)
        biased = (0.8 if heads else 0.2) * belief
        belief = biased / (biased + fair)
        return State(belief=belief), 0.1 * np.log(belief)


class Decided(DeterministicPolicy):
    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        return int(state.belief > 0.8)


@natural
def coin():
    return Bundle(Coin(), learner(Decided(), Bayes(), State(belief=0.5), belief=real(0, 1)), max_rounds=12)


class Beliefs(InferenceEngine):
    """A belief over the ten goals of a walk, from the steps that the user takes."""

    goals = np.arange(10)

    def infer(self, observation, state, rng):
        x, action = observation.task_state.x, observation.user_action
        towards = np.sign(self.goals - x) + 1
        likelihood = np.where(towards == action, 0.7, 0.15)
        posterior = state.belief * likelihood
        return state.replace(belief=posterior / posterior.sum()), 0.0


class Help(Policy):
    """Steps towards the most probable goal where it is sure enough."""

    action_space = spaces.Discrete(3)

    def sample(self, observation, state, rng):
        goal, sure = np.argmax(state.belief), np.max(state.belief)
        if sure < 0.3:
            return 1, 0.0
        x = observation.task_state.x
        return (2 if goal > x else 0 if goal < x else 1), -0.1


class GoalUser(DeterministicPolicy):
    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        gap = observation.task_state.goal - observation.task_state.x
        if gap == 0:
            return 1
        return 2 if gap > 0 else 0


@natural
def helping():
    assistant = Assistant(
        policy=Help(),
        inference_engine=Beliefs(),
        state=State(belief=np.full(10, 0.1)),
        state_space=spaces.Dict({"belief": real(0, 1, 10)}),
    )
    return Bundle(Walk(), User(policy=GoalUser(lapse=0.2)), assistant, max_rounds=8)


class Hidden(InferenceEngine):
    """A hidden chain with two states: predict by the table, weigh by what is seen, normalise."""

    table = np.array([[0.9, 0.1], [0.3, 0.7]])
    seen = np.array([[0.8, 0.15, 0.05], [0.1, 0.3, 0.6]])

    def infer(self, observation, state, rng):
        predicted = self.table.T @ state.mood.belief
        weighed = predicted * self.seen[:, observation.user_action]
        belief = weighed / np.sum(weighed)
        surprise = -np.log(weighed.sum())
        mood = state.mood.replace(belief=belief, rounds=state.mood.rounds + 1)
        return state.replace(mood=mood, surprise=surprise), -surprise


class Comfort(DeterministicPolicy):
    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        good, bad = state.mood.belief
        if good > 0.75:
            return 0
        if bad > 0.75 and state.mood.rounds > 2:
            return 2
        return 1


@natural
def moods():
    mood = spaces.Dict({"belief": real(0, 1, 2), "rounds": whole(0, 99)})
    assistant = Assistant(
        policy=Comfort(),
        inference_engine=Hidden(),
        state=State(mood=State(belief=np.array([0.5, 0.5]), rounds=0), surprise=0.0),
        state_space=spaces.Dict({"mood": mood, "surprise": real()}),
    )
    return Bundle(Walk(), random_user(3), assistant, max_rounds=8)


class Words(InteractionTask):
    """Five words to study; what is asked is drawn in each round."""

    state_space = spaces.Dict({"asked": spaces.Discrete(5), "right": whole(0, 99)})

    def reset(self, rng):
        return State(asked=rng.integers(0, 5), right=0)

    def on_user_action(self, game, rng):
        state = game.task_state
        right = state.right + game.user_action
        return Transition(State(asked=rng.integers(0, 5), right=right), 1.0 * game.user_action, right == 4)


class Ageing(InferenceEngine):
    """All memories grow older, but for that of the word that is asked."""

    def infer(self, observation, state, rng):
        ages = state.ages + 1.0
        ages[observation.task_state.asked] = 1.0
        return state.replace(ages=ages, before=state.ages[observation.task_state.asked]), 0.0


class Fading(InferenceEngine):
    """Some memories are lost in a round, each with a small probability."""

    def infer(self, observation, state, rng):
        lost = rng.random(5) < 0.05
        ages = state.ages.copy()
        ages[lost] = 50.0
        return state.replace(ages=ages), -0.1 * lost.sum()


class Recall(Policy):
    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        activation = -0.5 * np.log(state.before) + rng.normal(0.0, 0.3)
        if activation > -0.6:
            return 1, -np.exp(-activation)
        return 0, -1.0


@natural
def words():
    engine = CascadedInferenceEngine([Ageing(), Fading()])
    state = State(ages=np.full(5, 10.0), before=10.0)
    fields = {"ages": real(0, 99, 5), "before": real(0, 99)}
    return Bundle(Words(), learner(Recall(), engine, state, **fields), max_rounds=10)


class Trust(InferenceEngine):
    """Trust in the assistant: a count of agreements and of all, as a plain fraction."""

    def infer(self, observation, state, rng):
        if observation.round_index == 0:
            return state, 0.0
        good, all_ = state.good, state.all + 1
        if observation.user_action == observation.assistant_action:
            good = good + 1
        elif good > 0 and good / all_ > 0.5:
            good = good - 1
        trust = (good + 1) / (all_ + 2)
        return State(good=good, all=all_, trust=trust), trust if trust > 0.5 else 0


class Follow(Policy):
    action_space = spaces.Discrete(3)

    def sample(self, observation, state, rng):
        if rng.random() < state.trust:
            return observation.assistant_action, 0.0
        return rng.integers(0, 3), -0.1


@natural
def trust():
    state = State(good=0, all=0, trust=0.5)
    fields = {"good": whole(0, 99), "all": whole(0, 99), "trust": real(0, 1)}
    return Bundle(Walk(), learner(Follow(), Trust(), state, **fields), random_assistant(3), max_rounds=10)


class Watkins(InferenceEngine):
    """Learns a table of values of place and step, after Watkins, from the step before."""

    def infer(self, observation, state, rng):
        x, goal = observation.task_state.x, observation.task_state.goal
        q = state.q.copy()
        if observation.round_index > 0:
            reward = 1.0 if x == goal else -0.1
            error = reward + 0.9 * max(q[x]) - q[state.at, observation.user_action]
            q[state.at, observation.user_action] += 0.5 * error
        return State(q=q, at=x), 0.0


class Greedy(Policy):
    action_space = spaces.Discrete(3)

    def sample(self, observation, state, rng):
        if rng.random() < 0.2:
            return rng.integers(0, 3), 0.0
        return state.q[observation.task_state.x].argmax(), 0.0


@natural
def watkins():
    state = State(q=np.zeros((10, 3)), at=0)
    return Bundle(
        Walk(),
        learner(Greedy(), Watkins(), state, q=real(-9, 9, 10, 3), at=spaces.Discrete(10)),
        random_assistant(3),
        max_rounds=10,
    )
