"""Agents that ask a simulator: for the user's next action, for its probability, and for whole games."""

import numpy as np

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    Grid,
    InferenceEngine,
    InteractionTask,
    Policy,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from tests.natural.corpus import Walk, lifting_not_expected, natural, real

PARAMETER = spaces.Dict({"p0": spaces.Discrete(10)})


class Agree(InteractionTask):
    """User and assistant have to pick the same number."""

    state_space = spaces.Dict({"x": spaces.Discrete(10)})

    def reset(self, rng):
        return State(x=rng.integers(1, 4))

    def on_user_action(self, game, rng):
        return Transition(game.task_state, -1.0, game.task_state.x == 6)

    def on_assistant_action(self, game, rng):
        if game.user_action == game.assistant_action:
            return Transition(State(x=game.task_state.x + 1))
        return Transition(game.task_state, -0.5)


class Habit(DeterministicPolicy):
    action_space = spaces.Discrete(10)

    def action(self, observation, state):
        x = observation.task_state.x
        if state.p0 == 0:
            return 4
        return (8 + state.p0 * x) % 10


class HabitUser(User):
    """A user with a habit of its own in each episode."""

    def __init__(self):
        super().__init__(policy=Habit(), state=State(p0=3), state_space=PARAMETER)

    def reset(self, rng):
        return State(p0=rng.integers(0, 10))


class Mimic(Policy):
    """Does what the user model would do; which one that is, it believes in its own state."""

    action_space = spaces.Discrete(10)
    simulator = Simulator(user_model=HabitUser())

    def sample(self, observation, state, rng):
        if state.p0 == 9 and observation.round_index > 2:
            return 0, -1.0
        return self.simulator.predict_user_action(observation, rng, State(p0=state.p0)), 0.0


class Trial(InferenceEngine):
    """Tries the next parameter whenever the last one was wrong."""

    def infer(self, observation, state, rng):
        predicted = (8 + state.p0 * observation.task_state.x) % 10
        if predicted != observation.user_action:
            return State(p0=(state.p0 + 1) % 10), -0.1
        return state, 0.0


@natural
def mimic():
    assistant = Assistant(policy=Mimic(), inference_engine=Trial(), state=State(p0=0), state_space=PARAMETER)
    return Bundle(Agree(), HabitUser(), assistant, max_rounds=12)


class Wanting(DiscretePolicy):
    """A user who goes to where it wants, three times out of four."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        x = observation.task_state.x
        best = 2 if x < state.wanted else 0 if x > state.wanted else 1
        return np.where(np.arange(3) == best, 0.75, 0.125)


class WantingUser(User):
    def __init__(self):
        super().__init__(
            policy=Wanting(),
            state=State(wanted=5),
            state_space=spaces.Dict({"wanted": spaces.Discrete(10)}),
        )

    def reset(self, rng):
        return State(wanted=rng.integers(0, 10))


class Watching(InferenceEngine):
    """A belief over what the user wants, from the probability of its actions where they were chosen."""

    simulator = Simulator(user_model=WantingUser())

    def infer(self, observation, state, rng):
        if observation.round_index == 0:
            return state.replace(x=observation.task_state.x), 0.0
        then = observation.replace(task_state=observation.task_state.replace(x=state.x))
        over = {"user_state.wanted": range(10)}
        log_prob = self.simulator.user_action_log_prob(observation.user_action, then, rng, over=over)
        belief = state.belief * np.exp(log_prob)
        return State(belief=belief / belief.sum(), x=observation.task_state.x), belief.max()


class Joining(Policy):
    action_space = spaces.Discrete(3)

    def sample(self, observation, state, rng):
        if max(state.belief) < 0.2:
            return 1, 0.0
        expected = (np.arange(10) * state.belief).sum()
        return 2 if observation.task_state.x < expected - 0.5 else 0, -0.1


@lifting_not_expected  # Python's max compares the entries of a vector one after the other
def watching():
    assistant = Assistant(
        policy=Joining(),
        inference_engine=Watching(),
        state=State(belief=np.full(10, 0.1), x=0),
        state_space=spaces.Dict({"belief": real(0, 1, 10), "x": spaces.Discrete(10)}),
    )
    return Bundle(Walk(), WantingUser(), assistant, max_rounds=6)


class Planner(Policy):
    """Plays games with the user model for each of its own three actions, and takes the best of them."""

    action_space = spaces.Discrete(3)
    simulator = Simulator(
        Walk(),
        WantingUser(),
        Assistant(
            policy=Joining(),
            state=State(belief=np.full(10, 0.1)),
            state_space=spaces.Dict({"belief": real(0, 1, 10)}),
        ),
        max_rounds=3,
    )

    def sample(self, observation, state, rng):
        best, value = 1, -1e9
        for action in range(3):
            x = min(9, max(0, observation.task_state.x + action - 1))
            start = {"task_state": {"x": x, "goal": observation.task_state.goal}}
            rollout = self.simulator.rollout(observation, rng, start=start)
            if rollout.returns > value:
                best, value = action, rollout.returns
        return best, 0.0


@natural
def planning():
    return Bundle(Walk(), WantingUser(), Assistant(policy=Planner()), max_rounds=3)


class ByRollouts(InferenceEngine):
    """What the user wants is the candidate whose rollout pays most; it is asked every other round."""

    simulator = Simulator(Walk(), WantingUser(), max_rounds=3)

    def infer(self, observation, state, rng):
        if observation.round_index % 2 == 1:
            return state, 0.0
        rollout = self.simulator.rollout(observation, rng, over={"user_state.wanted": [0, 3, 6, 9]})
        return state.replace(wanted=3 * np.argmax(rollout.returns)), rollout.returns.mean()


class Going(DeterministicPolicy):
    action_space = spaces.Discrete(3)

    def action(self, observation, state):
        return 2 if observation.task_state.x < state.wanted else 0


@natural
def by_rollouts():
    assistant = Assistant(
        policy=Going(),
        inference_engine=ByRollouts(),
        state=State(wanted=0),
        state_space=spaces.Dict({"wanted": spaces.Discrete(10)}),
    )
    return Bundle(Walk(), WantingUser(), assistant, max_rounds=4)


NOISY = User(policy=Habit(lapse=0.2), state=State(p0=3), state_space=PARAMETER)
FILTER = UserModelFilter(NOISY, Grid({"p0": range(10)}))


class Filtering(InferenceEngine):
    """Asks the filter, and notes which parameter is the most probable one."""

    def infer(self, observation, state, rng):
        if observation.user_action == 4 and observation.task_state.x == 2:
            return state, -0.1
        state, reward = FILTER.infer(observation, state, rng)
        return state.replace(p0=np.argmax(state.belief.log_weights)), reward


@natural
def filtering():
    assistant = Assistant(
        policy=Mimic(),
        inference_engine=Filtering(),
        state=State(p0=0, belief=FILTER.initial(EpisodeRandom())),
        state_space=spaces.merge(PARAMETER, spaces.Dict({"belief": FILTER.space})),
    )
    user = HabitUser().replace(policy=Habit(lapse=0.2))
    return Bundle(Agree(), user, assistant, max_rounds=8)
