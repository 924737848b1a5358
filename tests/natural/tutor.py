"""A tutor that picks exercises for a learner whose skills grow and are forgotten."""

import numpy as np

from interaction import *


class Lesson(InteractionTask):
    """Exercises on four topics, until twelve were right."""

    def reset(self, rng):
        if rng.random() < 0.3:
            return State(topic=0, right=2, easy=True)
        return State(topic=rng.integers(0, 4), right=0, easy=False)

    def on_user_action(self, game, rng):
        if game.user_action == 0:
            return Transition(game.task_state, -0.5)
        state = game.task_state.replace(right=game.task_state.right + 1)
        return Transition(state, 0.5 if state.easy else 1.0, state.right == 12)

    def on_assistant_action(self, game, rng):
        if game.assistant_action == game.task_state.topic:
            return Transition(game.task_state.replace(easy=rng.random() < 0.5))
        return Transition(game.task_state.replace(topic=game.assistant_action, easy=False), -0.1)


class Practise(InferenceEngine):
    """The skill of the topic at hand grows; the others are forgotten a little, if there was no rest."""

    def infer(self, observation, state, rng):
        topic = observation.task_state.topic
        skill = state.skill * 0.97 if rng.random() < 0.8 else state.skill.copy()
        rate = state.rate / 2 if observation.task_state.easy else state.rate
        skill[topic] += rate * (1 - skill[topic])
        return state.replace(skill=skill), 0.0


class Answer(Policy):
    """Answers right (1) as the skill allows; easy exercises can be guessed."""

    action_space = spaces.Discrete(2)

    def sample(self, observation, state, rng):
        chance = state.skill[observation.task_state.topic]
        if observation.task_state.easy:
            chance = max(chance, 0.5)
        return (1 if rng.random() < chance else 0), 0.0


class Learner(User):
    """Learns faster or slower, and sometimes knows a topic already."""

    def __init__(self):
        state = State(skill=np.zeros(4), rate=0.2)
        super().__init__(policy=Answer(), inference_engine=Practise(), state=state)

    def reset(self, rng):
        skill = 0.2 * rng.random(4)
        if rng.random() < 0.5:
            skill[rng.integers(0, 4)] = 0.8
        return State(skill=skill, rate=0.1 + 0.3 * rng.random())


class Assess(InferenceEngine):
    """Moves the estimate of a skill towards what was answered, and notes how often it was wrong in a row."""

    def infer(self, observation, state, rng):
        topic, estimate = observation.task_state.topic, state.estimate.copy()
        if observation.user_action == 1:
            estimate[topic] += 0.3 * (1 - estimate[topic])
            return State(estimate=estimate, wrong=0), 0.0
        estimate[topic] *= 0.7
        return State(estimate=estimate, wrong=state.wrong + 1), -0.1


class Tutor(Policy):
    """Stays with a topic until it is known or hopeless; then takes the weakest, or any if all are known."""

    action_space = spaces.Discrete(4)

    def sample(self, observation, state, rng):
        topic = observation.task_state.topic
        if state.wrong < 3 and state.estimate[topic] < 0.7:
            return topic, 0.0
        if state.estimate.min() > 0.7 or state.wrong > 5:
            return rng.integers(0, 4), 0.0
        return np.argmin(state.estimate), 0.0


def tutoring():
    """Give the bundle."""
    state = State(estimate=np.full(4, 0.3), wrong=0)
    assistant = Assistant(policy=Tutor(), inference_engine=Assess(), state=state)
    return Bundle(Lesson(), Learner(), assistant, max_rounds=60)
