"""What an agent that is held as a model does next: users and assistants, alone, in batches and nested."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    DualPolicy,
    EpisodeRandom,
    Grid,
    InteractionTask,
    ObservationEngine,
    Policy,
    Provenance,
    RandomPolicy,
    RuleObservationEngine,
    Simulator,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.batching import ways
from interaction.errors import ContractError
from interaction.state import lock
from tests.interaction.batching.compare import assert_lifted, repeated, stream

THREE = spaces.Discrete(3)
TEN = spaces.Discrete(10)
SEEN = State(task_state=State(x=4), user_action=1, assistant_action=0)
ANY = EpisodeRandom(0, 0)


class Answers(DiscretePolicy):
    """Answers the user's action, but for some slips; how far it goes along is in its state."""

    action_space = THREE

    def probabilities(self, observation, state):
        best = (observation.user_action + state.shift) % 3
        return np.where(np.arange(3) == best, 0.75, 0.125)


class AnsweringAssistant(Assistant):
    def __init__(self):
        super().__init__(policy=Answers(), state=State(shift=0), state_space=spaces.Dict(shift=THREE))

    def reset(self, rng):
        return State(shift=rng.integers(0, 3))


ANSWERING = Simulator(assistant=AnsweringAssistant())


class Sure(DeterministicPolicy):
    action_space = THREE

    def action(self, observation, state):
        return (observation.user_action + state.shift + observation.turn_index) % 3


def test_a_prediction_of_the_assistant_by_hand():
    sure = Simulator(assistant=AnsweringAssistant().replace(policy=Sure()))
    for action in range(3):
        seen = SEEN.replace(user_action=action)
        for shift in range(3):
            expected = (action + shift + 2) % 3  # it looks in turn 2
            assert sure.predict_assistant_action(seen, ANY, State(shift=shift)) == expected
            told = seen.extend(assistant_state=State(shift=shift))
            assert sure.predict_assistant_action(told, ANY) == expected
    batch = EpisodeRandom(0, episodes=np.arange(3))
    seen = SEEN.replace(user_action=lock(np.arange(3)))
    assert sure.predict_assistant_action(seen, batch, State(shift=1)).tolist() == [0, 1, 2]


def test_the_probability_of_an_assistants_action_by_hand():
    over = {"assistant_state.shift": [0, 1, 2]}
    found = ANSWERING.assistant_action_log_prob(2, SEEN, ANY, over=over)
    assert np.array_equal(found, np.log([0.125, 0.75, 0.125]))
    over = {"assistant_state.shift": [0, 1], "user_action": [0, 1, 2]}
    seen = Simulator(user_model=User(policy=RandomPolicy(THREE)), assistant=AnsweringAssistant())
    found = seen.assistant_action_log_prob(2, SEEN, ANY, over=over)
    assert np.array_equal(found, np.log([[0.125, 0.125, 0.75], [0.125, 0.75, 0.125]]))
    actions = lock(np.array([2, 0]))
    batch = EpisodeRandom(0, episodes=np.arange(2))
    found = ANSWERING.assistant_action_log_prob(
        actions, SEEN, batch, over={"assistant_state.shift": [0, 1]}, assistant_state=State(shift=2)
    )
    assert np.array_equal(found, np.log([[0.125, 0.75], [0.125, 0.125]]))


@given(st.integers(0, 2**40), st.integers(0, 50))
def test_predictions_of_the_assistant_are_the_same_alone_and_in_a_batch(seed, first):
    episodes = first + np.arange(7)
    seen = SEEN.replace(user_action=lock(episodes % 3))
    rng = EpisodeRandom(seed, episodes=episodes).at(3, 2)
    found = ANSWERING.predict_assistant_action(seen, rng.copy())
    over = {"assistant_state.shift": [0, 2]}
    log_prob = ANSWERING.assistant_action_log_prob(1, seen, rng.copy(), over=over)
    for row, episode in enumerate(episodes):
        one = SEEN.replace(user_action=int(episode % 3))
        alone = EpisodeRandom(seed, int(episode)).at(3, 2)
        assert ANSWERING.predict_assistant_action(one, alone.copy()) == found[row]
        weighed = ANSWERING.assistant_action_log_prob(1, one, alone, over=over)
        assert weighed.tobytes() == log_prob[row].tobytes()


def test_an_assistant_draws_what_it_draws_in_a_game():
    """The draws of a prediction are those of its own turns in round 0 of the simulation."""

    class Still(InteractionTask):
        def reset(self, rng):
            return State(x=4)

        def on_user_action(self, game, rng):
            return Transition(game.task_state)

        on_assistant_action = on_user_action

    user = User(policy=RandomPolicy(THREE))
    playing = Simulator(Still(), user, AnsweringAssistant(), max_rounds=1)
    rng = EpisodeRandom(3, episodes=np.arange(60))
    played = playing.rollout(SEEN, rng.copy(), from_turn="assistant_observes", record=("assistant_action",))
    assert (ANSWERING.predict_assistant_action(SEEN, rng.copy()) == played.values["assistant_action"]).all()
    assert (playing.predict_assistant_action(SEEN, rng.copy()) == played.values["assistant_action"]).all()
    played = playing.rollout(SEEN, rng.copy(), record=("user_action",))
    assert (playing.predict_user_action(SEEN, rng.copy()) == played.values["user_action"]).all()


def test_doors_from_lifted_methods():
    seen = SEEN.replace(user_action=repeated(0, 2, 1), task_state=State(x=repeated(3, 5)))
    over = {"assistant_state.shift": [0, 1, 2]}

    def predicted(seen, rng):
        first = ANSWERING.predict_assistant_action(seen, rng, State(shift=seen.task_state.x % 3))
        if first == 0:
            return first, rng.random()
        return first + ANSWERING.predict_assistant_action(seen, rng), rng.random()

    def weighed(seen, rng):
        state = State(shift=seen.user_action)
        log_prob = ANSWERING.assistant_action_log_prob(1, seen, rng, over=over, assistant_state=state)
        return np.exp(log_prob), np.argmax(log_prob), isinstance(log_prob.sum(), float)

    for function in (predicted, weighed):
        assert_lifted(function, seen, rng=stream(seen.user_action))


def test_a_partner_that_is_seen_is_begun_too():
    """An assistant that sees the user's state, whatever else is told of it."""

    class Follows(DeterministicPolicy):
        action_space = THREE

        def action(self, observation, state):
            return (observation.user_state.goal + state.shift) % 3

    engine = RuleObservationEngine("assistant", see=["user_state.goal"])
    assistant = AnsweringAssistant().replace(policy=Follows(), observation_engine=engine)
    user = User(policy=RandomPolicy(THREE), state=State(goal=2))
    simulator = Simulator(user_model=user, assistant=assistant)
    assert simulator.predict_assistant_action(SEEN, ANY, State(shift=2)) == 1
    told = SEEN.extend(user_state=State(goal=1))
    assert simulator.predict_assistant_action(told, ANY, State(shift=2)) == 0


def test_an_assistant_that_infers_learns_from_what_the_user_did():
    user = User(policy=Wants(), state=State(wanted=5), state_space=spaces.Dict(wanted=TEN))
    belief = UserModelFilter(user, Grid({"wanted": [0, 9]}))

    class Expects(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            return 9 if state.belief.log_weights[1] > np.log(0.6) else 0

    assistant = Assistant(
        policy=Expects(),
        inference_engine=belief,
        state=State(belief=belief.initial(ANY)),
        state_space=spaces.Dict(belief=belief.space),
    )
    simulator = Simulator(assistant=assistant)
    for action, author, expected in (
        (2, Provenance.OBSERVED, 9),
        (0, Provenance.OBSERVED, 0),
        (2, Provenance.INTERVENED, 0),
    ):
        seen = SEEN.replace(user_action=action).extend(provenance=author)
        assert simulator.predict_assistant_action(seen, ANY) == expected


def test_what_is_told_of_a_state_is_completed_by_its_reset():
    class Sums(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            return state.one + state.other + observation.assistant_action

    simulator = Simulator(user_model=User(policy=Sums(), state=State(one=1, other=2)))
    for state, expected in ((None, 3), (State(one=4), 6), (State(one=4, other=0), 4)):
        for action in (0, 3):
            seen = SEEN.replace(assistant_action=action)
            assert simulator.predict_user_action(seen, ANY, state) == expected + action
            batch = EpisodeRandom(0, episodes=np.arange(2))
            assert (simulator.predict_user_action(seen, batch, state) == expected + action).all()


# Three levels.


class Agree(InteractionTask):
    """They have to say the same number; what is said moves it on."""

    state_space = spaces.Dict(x=TEN)

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + game.user_action) % 10), -0.25)

    def on_assistant_action(self, game, rng):
        same = game.user_action == game.assistant_action
        return Transition(game.task_state, 1.0 if same else 0.0, same and game.task_state.x == 3)


class Wants(DiscretePolicy):
    """The innermost user: it goes to where it wants."""

    action_space = THREE

    def probabilities(self, observation, state):
        x = observation.task_state.x
        best = 2 if x < state.wanted else 0 if x > state.wanted else 1
        return np.where(np.arange(3) == best, 0.75, 0.125)


class WantingUser(User):
    def __init__(self):
        super().__init__(policy=Wants(), state=State(wanted=5), state_space=spaces.Dict(wanted=TEN))

    def reset(self, rng):
        return State(wanted=rng.integers(0, 10))


class Mimics(Policy):
    """An assistant that does what its model of the user would do, or now and then what the user did."""

    action_space = THREE

    def __init__(self):
        self.simulator = Simulator(user_model=WantingUser())

    def sample(self, observation, state, rng):
        if rng.random() < 0.2:
            return observation.user_action, 0.0
        if observation.task_state.x > 6:
            return self.simulator.predict_user_action(observation, rng, State(wanted=state.wanted)), -0.1
        return self.simulator.predict_user_action(observation, rng), 0.0


MIMIC = Assistant(policy=Mimics(), state=State(wanted=7), state_space=spaces.Dict(wanted=TEN))


class Foresees(Policy):
    """A user who asks its model of the assistant what would follow each of its actions."""

    action_space = THREE

    def __init__(self):
        self.simulator = Simulator(assistant=MIMIC)

    def sample(self, observation, state, rng):
        for action in range(3):
            x = (observation.task_state.x + action) % 10
            then = observation.replace(
                user_action=action, task_state=State(x=x), provenance=Provenance.OBSERVED
            )
            answer = self.simulator.predict_assistant_action(then, rng, State(wanted=state.thinks))
            if answer == action:
                return action, -0.01 * action
        return rng.integers(0, 3), -0.5


FORESEEING = User(policy=Foresees(), state=State(thinks=7), state_space=spaces.Dict(thinks=TEN))


def test_a_user_who_simulates_an_assistant_who_simulates_a_user_plays_alike_alone_and_in_a_batch():
    bundle = Bundle(Agree(), FORESEEING, MIMIC, max_rounds=6)
    start = {"user_state": {"thinks": np.arange(60) % 10}}
    runs = bundle.run(60, seed=4, start=start)
    assert ways(bundle)["user policy.sample"] == ways(bundle)["assistant policy.sample"] == "lifted"
    assert len(np.unique(runs["user_action"])) == 3
    assert len(np.unique(runs["rewards.user_policy"])) == 4
    for episode in range(60):
        alone = bundle.run([episode], seed=4, start={"user_state": {"thinks": episode % 10}})
        assert alone == runs.episode(episode)
    for episode in (0, 7, 31):
        bundle.reset(seed=4, episode=episode, start={"user_state": {"thinks": episode % 10}})
        total = 0.0
        while not (step := bundle.step()).done:
            total += step.rewards.total
        assert step.game.user_action == runs["user_action"][episode, -1]
        assert np.isclose(total + step.rewards.total, runs.returns[episode], atol=1e-12)


def test_a_fourth_level_is_one_more():
    """The assistant's rollouts of such a user."""

    class Tries(Policy):
        action_space = THREE
        simulator = Simulator(Agree(), FORESEEING, MIMIC, max_rounds=2)

        def sample(self, observation, state, rng):
            over = {"assistant_action": [0, 1, 2]}
            found = self.simulator.rollout(observation, rng, over=over, from_turn="assistant_acts")
            return np.argmax(found.returns), found.returns.max()

    bundle = Bundle(Agree(), FORESEEING, Assistant(policy=Tries()), max_rounds=2)
    runs = bundle.run(12, seed=0)
    for episode in range(12):
        assert bundle.run([episode], seed=0) == runs.episode(episode)


# What is missing.


class Mute(Policy):
    action_space = THREE

    def sample(self, observation, state, rng):
        return 0, 0.0


ONE = {"user_action": [0]}
LACKING = {
    "no assistant": (
        lambda: Simulator(user_model=WantingUser()).predict_assistant_action(SEEN, ANY),
        r"no assistant to predict: give it one, as in Simulator\(assistant=\.\.\.\)",
    ),
    "no assistant to weigh": (
        lambda: Simulator(user_model=WantingUser()).assistant_action_log_prob(0, SEEN, ANY, over=ONE),
        "no assistant to predict",
    ),
    "no user model": (
        lambda: ANSWERING.user_action_log_prob(0, SEEN, ANY, over={"assistant_action": [0]}),
        r"no user_model to predict: give it one, as in Simulator\(user_model=\.\.\.\)",
    ),
    "no log_prob of an assistant": (
        lambda: Simulator(assistant=Assistant(policy=Mute())).assistant_action_log_prob(
            0, SEEN, ANY, over={}
        ),
        r"assistant_action_log_prob: Mute, the policy of Assistant, must define log_prob\(self, action",
    ),
    "no log_prob of a user": (
        lambda: Simulator(user_model=User(policy=Mute())).user_action_log_prob(0, SEEN, ANY, over={}),
        r"user_action_log_prob: Mute, the policy of User, must define log_prob\(self, action",
    ),
    "no task to play": (
        lambda: ANSWERING.rollout(SEEN, ANY),
        "no task_model, so it can predict but not play",
    ),
}


@pytest.mark.parametrize(("ask", "words"), LACKING.values(), ids=LACKING)
def test_what_a_simulator_lacks_is_told(ask, words):
    with pytest.raises(ContractError, match=words):
        ask()


def test_a_dual_is_predicted_and_weighed():
    both = Assistant(policy=DualPolicy(Mute(), Answers()), state=State(shift=1))
    over = {"assistant_state.shift": [1, 2]}
    found = Simulator(assistant=both).assistant_action_log_prob(2, SEEN, ANY, over=over)
    assert np.array_equal(found, np.log([0.75, 0.125]))


class TellsWhatItSees(Policy):
    """Its action follows from all that it sees, the names included, from its state and from a draw."""

    action_space = spaces.Discrete(1000)

    def sample(self, observation, state, rng):
        names = sum(map(len, observation))
        numbers = (observation.user_action, observation.assistant_action or 0, observation.turn_index)
        seen = names + 7 * observation.task_state.x + 11 * observation.previous_task_state.x + sum(numbers)
        return (seen + 13 * state.k + rng.integers(0, 10)) % 1000, 0.0


class SeesTheSame(ObservationEngine):
    """Shows what is seen by default, in its own words, so that a game has to be made for it."""

    def observe(self, game, rng):
        hidden = "assistant_state", "user_observation", "assistant_observation"
        return State(**{name: value for name, value in game.items() if name not in hidden}), 0.0


@pytest.mark.parametrize("episode", range(30))
def test_a_model_that_sees_all_by_default_is_asked_as_any_other(episode):
    user = User(policy=TellsWhatItSees(), state=State(k=3))
    seen = State(task_state=State(x=episode % 7), user_action=episode % 5, round_index=episode % 4)
    if episode % 2:
        seen = seen.extend(previous_task_state=State(x=episode % 3), assistant_action=episode % 6)
    found = [
        Simulator(user_model=model).predict_user_action(seen, EpisodeRandom(1, episode), State(k=episode % 9))
        for model in (user, user.replace(observation_engine=SeesTheSame()))
    ]
    assert found[0] == found[1]
