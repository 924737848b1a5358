"""Observation engines: partial, transformed and noisy looks, and what they cost."""

import numpy as np

from interaction import (
    Assistant,
    Bundle,
    CascadedObservationEngine,
    DeterministicPolicy,
    GaussianNoise,
    InteractionTask,
    ObservationEngine,
    Policy,
    RuleObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from tests.natural.corpus import Walk, natural, random_user, real, whole


class Scene(InteractionTask):
    """Seven things in a row, one of which is the target; the eye is where the user looked last."""

    state_space = spaces.Dict(
        {"things": whole(0, 6, 7), "target": spaces.Discrete(7), "eye": spaces.Discrete(7)}
    )

    def reset(self, rng):
        return State(things=rng.shuffle(7), target=rng.integers(0, 7), eye=3)

    def on_user_action(self, game, rng):
        state = game.task_state.replace(eye=game.user_action)
        return Transition(state, -0.1, state.things[state.eye] == state.target)


class Fovea(ObservationEngine):
    """Sees the thing under the eye, its neighbours most of the time, and no other (-1)."""

    def observe(self, game, rng):
        task = game.task_state
        distance = np.abs(np.arange(7) - task.eye)
        clear = (distance == 0) | ((distance == 1) & (rng.random(7) < 0.7))
        seen = np.where(clear, task.things, -1)
        return State(seen=seen, eye=task.eye, target=task.target), -0.01 * clear.sum()


class Saccade(Policy):
    action_space = spaces.Discrete(7)

    def sample(self, observation, state, rng):
        found = observation.seen == observation.target
        if found.any():
            return np.argmax(found), 0.0
        jump = rng.integers(2, 6)
        return (observation.eye + jump) % 7, -0.02 * jump


@natural
def fovea():
    return Bundle(Scene(), User(policy=Saccade(), observation_engine=Fovea()), max_rounds=8)


class Blink(ObservationEngine):
    """Sees nothing in some rounds, which depends on how tired the user is."""

    def observe(self, game, rng):
        if rng.random() < game.user_state.tired:
            return State(x=0, clear=False), -0.5
        x = game.task_state.x
        if x == 0 or x == 9:
            return State(x=x, clear=True), 0.0
        return State(x=x + rng.integers(-1, 2), clear=True), -0.1


class Careful(DeterministicPolicy):
    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        if not observation.clear:
            return 1
        return 2 if observation.x < state.wanted else 0


class Sleepy(User):
    """A user whose wish is among the places of the task, and who is more or less tired."""

    def __init__(self):
        super().__init__(
            policy=Careful(),
            observation_engine=Blink(),
            state=State(tired=0.0, wanted=0),
            state_space=spaces.Dict({"tired": real(0, 1), "wanted": spaces.Discrete(10)}),
        )

    def reset_in(self, game, rng):
        wanted = game.task_state.goal if rng.random() < 0.8 else rng.integers(0, 10)
        return State(tired=0.5 * rng.random(), wanted=wanted)


@natural
def blink():
    return Bundle(Walk(), Sleepy(), max_rounds=8)


class Repeat(DeterministicPolicy):
    """Goes where it believes the user to be going, from what it sees."""

    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        x = observation.task_state.x
        if x < 2.5:
            return 2
        return 1 if x < 6.5 else 0


@natural
def rules():
    engine = RuleObservationEngine(
        "assistant",
        hide=["user_action", "task_state.goal"],
        transform={"task_state.x": lambda x: x / 2 if x > 4 else 0.5 * x + 1},
        noise={"task_state.x": lambda x, rng: x + rng.normal(0.0, 1.0 if x > 3 else 0.2)},
        cost=0.1,
    )
    return Bundle(Walk(), random_user(3), Assistant(policy=Repeat(), observation_engine=engine), max_rounds=8)


@natural
def cascade():
    engine = CascadedObservationEngine(
        [
            RuleObservationEngine("assistant", noise={"task_state.x": GaussianNoise(1.5)}, cost=0.2),
            RuleObservationEngine("assistant", transform={"task_state.x": lambda x: min(max(x, 0.0), 9.0)}),
        ]
    )
    return Bundle(Walk(), random_user(3), Assistant(policy=Repeat(), observation_engine=engine), max_rounds=8)


class Counted(ObservationEngine):
    """Sees only a summary of the scene: how many things are before the eye, and the largest behind it."""

    def observe(self, game, rng):
        things, eye = game.task_state.things, game.task_state.eye
        before = (things[:eye] > 3).sum()
        behind = things[eye:].max()
        return game.replace(task_state=State(before=before, behind=behind)), 0.0


class ByCount(Policy):
    action_space = spaces.Discrete(7)

    def sample(self, observation, state, rng):
        summary = observation.task_state
        return (summary.before + summary.behind + rng.integers(0, 2)) % 7, 0.0


@natural
def summary():
    return Bundle(Scene(), User(policy=ByCount(), observation_engine=Counted()), max_rounds=8)


class Gaze(ObservationEngine):
    """Sees the user's last action through a table of confusions, drawn by its row."""

    confusions = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.0, 0.3, 0.7]])

    def observe(self, game, rng):
        read = rng.categorical(self.confusions[game.user_action])
        wrong = read != game.user_action
        return State(read=read, x=game.task_state.x, round_index=game.round_index), -1.0 * wrong


class Copy(DeterministicPolicy):
    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        if observation.round_index % 3 == 2:
            return 1
        return observation.read


@natural
def gaze():
    return Bundle(Walk(), random_user(3), Assistant(policy=Copy(), observation_engine=Gaze()), max_rounds=8)


@natural
def looked_at():
    see = ["task_state.eye", "task_state.target", "user_action"]
    user = User(policy=Random7(), observation_engine=RuleObservationEngine("user", see=see))
    return Bundle(Scene(), user, max_rounds=8)


class Random7(Policy):
    """Looks at any place but where the eye is, and rather where targets are."""

    action_space = spaces.Discrete(7)

    def sample(self, observation, state, rng):
        weights = np.ones(7)
        weights[observation.task_state.eye] = 0
        if observation.task_state.target > 3:
            weights[4:] *= 2.0
        return rng.categorical(weights), 0.0
