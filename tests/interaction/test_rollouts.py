"""Rollouts play the actions that are forced, begin at any turn, discount, and carry over what is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DualInferenceEngine,
    EpisodeRandom,
    GaussianNoise,
    Grid,
    InferenceEngine,
    InteractionTask,
    Policy,
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
from interaction.errors import ArgumentError, SpaceError, UnknownNameError
from interaction.state import get_path, lock
from tests.interaction.batching.compare import assert_lifted, repeated, stream

THREE = spaces.Discrete(3)
SEEN = State(round_index=4, task_state=State(x=2), user_action=2, assistant_action=1)


class Ledger(InteractionTask):
    """Both add their actions; the user's pay one each and the assistant's ten; at 9 the user may end it."""

    state_space = spaces.Dict(x=spaces.whole(0, 1_000))

    def __init__(self, ends=False, moved=0.0):
        self.ends, self.moved = ends, moved

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        x = game.task_state.x + game.user_action
        return Transition(State(x=x), 1.0 * game.user_action, self.ends and x >= 9)

    def on_assistant_action(self, game, rng):
        slips = int(rng.random() < self.moved)
        return Transition(
            State(x=game.task_state.x + game.assistant_action + slips), 10.0 * game.assistant_action
        )


class Always(Policy):
    """Does the same always, and pays for choosing."""

    action_space = THREE

    def __init__(self, action):
        self.does = action

    def sample(self, observation, state, rng):
        return self.does, -0.5


class Looks(InferenceEngine):
    """Counts its looks, and notes what it saw of the user's last action; each look costs."""

    def infer(self, observation, state, rng):
        return State(looks=state.looks + 1, saw=observation.user_action), -0.25


def looking(policy, **parts):
    return Assistant(policy=policy, inference_engine=Looks(), state=State(looks=0, saw=0), **parts)


HAND = Simulator(Ledger(), User(policy=Always(1)), looking(Always(2)), max_rounds=3)


def test_a_forced_action_is_played_and_paid_and_then_the_policies_go_on():
    found = HAND.rollout(SEEN, EpisodeRandom(), over={"user_action": [0, 1, 2]}, record=("task_state.x",))
    assert found.rewards["user_task"].tolist() == [2.0, 3.0, 4.0]
    assert found.rewards["user_policy"].tolist() == [-1.0] * 3  # the choice of two rounds
    assert found.rewards["assistant_task"].tolist() == [60.0] * 3
    assert found.rewards["assistant_policy"].tolist() == [-1.5] * 3
    assert found.values["task_state.x"].tolist() == [2 + 6 + a + 2 for a in range(3)]
    assert found.returns.tolist() == [2.0 + a - 1.0 + 60.0 - 1.5 - 0.75 for a in range(3)]
    both = HAND.rollout(SEEN, EpisodeRandom(), start={"user_action": 2, "assistant_action": 0})
    assert (both.rewards["user_task"], both.rewards["assistant_task"]) == (4.0, 40.0)


def test_an_action_of_the_game_is_seen_and_not_played():
    game = SEEN.replace(user_action=0)
    one = HAND.rollout(
        game, EpisodeRandom(), from_turn="assistant_observes", max_rounds=1, record=("assistant_state",)
    )
    assert (one.values["assistant_state.saw"], one.values["assistant_state.looks"]) == (0, 1)
    assert one.rewards["assistant_task"] == 20.0
    forced = HAND.rollout(
        game,
        EpisodeRandom(),
        over={"assistant_action": [0, 1]},
        from_turn=2,
        max_rounds=1,
        record=("assistant_state.saw",),
    )
    assert forced.values["assistant_state.saw"].tolist() == [0, 0]
    assert forced.rewards["assistant_task"].tolist() == [0.0, 10.0]
    assert forced.rewards["assistant_inference"].tolist() == [-0.25, -0.25]  # it looks, as ever


@pytest.mark.parametrize("from_turn", ["assistant_observes", "assistant_acts"])
def test_a_users_action_is_played_in_the_next_round_where_the_assistant_begins(from_turn):
    found = HAND.rollout(
        SEEN, EpisodeRandom(), over={"user_action": [0, 2]}, from_turn=from_turn, max_rounds=2
    )
    assert found.rewards["user_task"].tolist() == [0.0, 2.0]
    with pytest.raises(ArgumentError, match=r"user_action is forced, but not reached.*max_rounds=2 or more"):
        HAND.rollout(SEEN, EpisodeRandom(), start={"user_action": 0}, from_turn=from_turn, max_rounds=1)


class First(Policy):
    """Takes an action in a round, and is another policy otherwise."""

    action_space = THREE

    def __init__(self, action, when, other):
        self.does, self.when, self.other = action, when, other

    def sample(self, observation, state, rng):
        if observation.round_index == self.when:
            return self.does, 0.0
        return self.other.sample(observation, state, rng)


RANDOM = RandomPolicy(THREE)
TURNS = range(4)


@settings(max_examples=25, deadline=None)
@given(
    role=st.sampled_from(["user", "assistant"]),
    turn=st.sampled_from(TURNS),
    seed=st.integers(0, 99),
    ends=st.booleans(),
    common=st.booleans(),
)
def test_a_forced_action_is_what_a_policy_would_do_that_takes_it_first(role, turn, seed, ends, common):
    task = Ledger(ends, moved=0.3)
    when = 1 if role == "user" and turn > 1 else 0
    options = {"from_turn": turn, "max_rounds": 6, "record": ("task_state", "assistant_state", "user_action")}
    simulator = Simulator(task, User(policy=RANDOM), looking(RANDOM))
    rng = EpisodeRandom(seed, episodes=np.arange(5))
    over = {f"{role}_action": [0, 1, 2]}
    found = simulator.rollout(State(), rng.copy(), over=over, common_random_numbers=common, **options)
    assert found.returns.shape == (5, 3)
    for action in range(3) if common else ():
        first = First(action, when, RANDOM)
        user, helper = (first, RANDOM) if role == "user" else (RANDOM, first)
        other = Simulator(task, User(policy=user), looking(helper)).rollout(State(), rng.copy(), **options)
        assert np.array_equal(found.returns[:, action], other.returns)
        assert np.array_equal(found.lengths[:, action], other.lengths)
        for path, values in other.values.items():
            assert np.array_equal(found.values[path][:, action], values)
    for row in range(5):
        alone = simulator.rollout(
            State(), EpisodeRandom(seed, row), over=over, common_random_numbers=common, **options
        )
        assert np.array_equal(alone.returns, found.returns[row])


def test_where_the_game_is_over_before_it_the_action_is_never_played():
    simulator = Simulator(Ledger(ends=True), User(policy=RANDOM), Assistant(policy=Always(0)), max_rounds=9)
    rng = EpisodeRandom(0, episodes=np.arange(40))
    found = simulator.rollout(State(task_state=State(x=8)), rng.copy(), over={"assistant_action": [1, 2]})
    ended = found.lengths[:, 0] == 1
    assert 0 < ended.sum() < 40
    assert (found.rewards["assistant_task"] == np.where(ended[:, None], 0.0, [10.0, 20.0])).all()
    each = lock(np.arange(40) % 3)
    found = simulator.rollout(State(task_state=State(x=8)), rng.copy(), start={"assistant_action": each})
    assert (found.rewards["assistant_task"] == np.where(ended, 0.0, 10.0 * each)).all()
    assert simulator.rollout(
        State(task_state=State(x=9)), EpisodeRandom(), start={"assistant_action": 1}
    ).terminated


def test_actions_may_differ_between_episodes_and_chunks(monkeypatch):
    rng = EpisodeRandom(0, episodes=np.arange(6))
    actions = lock(np.array([0, 1, 2, 2, 1, 0]))
    whole = HAND.rollout(SEEN, rng.copy(), start={"user_action": actions}, over={"assistant_action": [0, 2]})
    assert (whole.rewards["user_task"] == actions[:, None] + 2.0).all()
    monkeypatch.setattr("interaction.simulator.CHUNK", 5)
    parts = HAND.rollout(SEEN, rng.copy(), start={"user_action": actions}, over={"assistant_action": [0, 2]})
    assert np.array_equal(parts.returns, whole.returns)


class Pair(Policy):
    action_space = spaces.Dict(where=THREE, push=spaces.real(0.0, 1.0, (2,)))

    def sample(self, observation, state, rng):
        return State(where=1, push=np.zeros(2)), 0.0


class Pushed(Ledger):
    def on_assistant_action(self, game, rng):
        action = game.assistant_action
        return Transition(game.task_state, action.where + action.push.sum())


def test_an_action_of_several_parts_is_forced_as_a_whole():
    simulator = Simulator(Pushed(), User(policy=RANDOM), Assistant(policy=Pair()), max_rounds=2)
    over = {"assistant_action.where": [0, 2], "assistant_action.push": [[0.5, 0.5], [1.0, 0.5], [0.0, 0.25]]}
    found = simulator.rollout(SEEN.replace(assistant_action=None), EpisodeRandom(), over=over)
    expected = np.array([[0.0], [2.0]]) + [1.0, 1.5, 0.25] + 1.0
    assert found.rewards["assistant_task"].tolist() == expected.tolist()
    start = {"assistant_action": {"push": [0.5, 0.5]}}
    half = simulator.rollout(State(), EpisodeRandom(), start=start, over={"assistant_action.where": [0, 2]})
    assert half.rewards["assistant_task"].tolist() == [2.0, 4.0]
    with pytest.raises(
        ArgumentError, match=r"assistant_action\.push is forced, but assistant_action\.where is not"
    ):
        simulator.rollout(State(), EpisodeRandom(), start=start)


def test_an_action_of_nobody_is_no_name():
    simulator = Simulator(Ledger(), User(policy=RANDOM), max_rounds=2)
    with pytest.raises(UnknownNameError, match="assistant_action"):
        simulator.rollout(State(), EpisodeRandom(), start={"assistant_action": 1})


def test_forced_actions_in_lifted_methods():
    seen = SEEN.replace(task_state=State(x=repeated(0, 3, 5)), user_action=repeated(0, 1))
    simulator = Simulator(Ledger(moved=0.5), User(policy=RANDOM), looking(RANDOM), max_rounds=4)

    def planned(seen, rng):
        over = {"assistant_action": [0, 1, 2]}
        found = simulator.rollout(seen, rng, over=over, from_turn="assistant_acts", discount=0.9)
        start = {"user_action": min(seen.task_state.x, 2)}
        other = simulator.rollout(seen, rng, start=start)
        return found.returns, np.argmax(found.returns), other.returns, other.rewards["user_task"]

    assert_lifted(planned, seen, rng=stream(seen.task_state.x))


# The turn from which it begins.


class Copies(DeterministicPolicy):
    """Does what it sees, which it needs an observation for."""

    action_space = THREE

    def action(self, observation, state):
        return observation.task_state.x % 3


class Noisy(DeterministicPolicy):
    action_space = spaces.real()

    def action(self, observation, state):
        return observation.task_state.level


class Level(InteractionTask):
    state_space = spaces.Dict(level=spaces.real(), goal=THREE)

    def reset(self, rng):
        return State(level=rng.random(), goal=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    on_assistant_action = on_user_action


def listener(**parts):
    noise = {"task_state.level": GaussianNoise(1.0)}
    engine = RuleObservationEngine("assistant", hide=["task_state.goal"], noise=noise, cost=0.125)
    return looking(Noisy(), observation_engine=engine, **parts)


LEVEL = Simulator(Level(), User(policy=RANDOM), listener(), max_rounds=1)
PLAYED = Bundle(Level(), User(policy=RANDOM), listener(), max_rounds=9)
RECORD = ("assistant_action", "assistant_state")


@pytest.mark.parametrize(
    ("acts", "observes"), [("user_acts", "user_observes"), ("assistant_acts", "assistant_observes")]
)
@pytest.mark.parametrize("rows", [None, 4])
def test_who_has_not_looked_looks_first(acts, observes, rows):
    simulator = Simulator(Ledger(moved=0.5), User(policy=Copies()), looking(Copies()), max_rounds=5)
    episodes = None if rows is None else np.arange(rows)
    found, other = (
        simulator.rollout(
            SEEN, EpisodeRandom(3, episodes=episodes), from_turn=turn, record=("assistant_state",)
        )
        for turn in (acts, observes)
    )
    assert np.array_equal(found.returns, other.returns)
    assert np.array_equal(found.values["assistant_state.looks"], other.values["assistant_state.looks"])


def test_who_has_looked_acts_on_what_it_saw():
    game = PLAYED.reset(seed=0, go_to="assistant_acts")
    found = LEVEL.rollout(game, EpisodeRandom(), from_turn="assistant_acts", record=RECORD)
    assert found.values["assistant_action"] == game.assistant_observation.task_state.level
    assert found.values["assistant_state.looks"] == game.assistant_state.looks == 1
    assert found.returns == 0.0
    candidates = LEVEL.rollout(
        game, EpisodeRandom(), from_turn="assistant_acts", over={"task_state.goal": [0, 1, 2]}, record=RECORD
    )
    assert candidates.values["assistant_action"].tolist() == [found.values["assistant_action"]] * 3
    forced = LEVEL.rollout(
        game,
        EpisodeRandom(),
        from_turn="assistant_acts",
        over={"assistant_action": [0.5, 2.0]},
        record=RECORD,
    )
    assert forced.values["assistant_action"].tolist() == [0.5, 2.0]
    assert forced.values["assistant_state.looks"].tolist() == [1, 1]


def test_what_was_seen_in_another_turn_or_otherwise_is_not_what_it_acts_on():
    game = PLAYED.reset(seed=0, go_to="assistant_acts")
    after = PLAYED.step(go_to="assistant_observes").game
    seen = game.assistant_observation
    others = State(task_state=State(sound=1.0)), seen.replace(task_state=State(level=np.zeros(2)))
    for one in (after, *(game.replace(assistant_observation=other) for other in others)):
        found = LEVEL.rollout(one, EpisodeRandom(), from_turn="assistant_acts", record=RECORD)
        assert found.values["assistant_state.looks"] == one.assistant_state.looks + 1
        assert found.rewards["assistant_observation"] == -0.125
        again = LEVEL.rollout(one, EpisodeRandom(), from_turn="assistant_observes", record=RECORD)
        assert found.values == again.values


class Learns(DeterministicPolicy):
    """What it does depends on what it sees and on how often it has looked."""

    action_space = THREE

    def action(self, observation, state):
        return (observation.task_state.x + observation.user_action * state.saw + state.looks) % 3


LEARNING = Bundle(
    Ledger(ends=True),
    User(policy=Learns(), inference_engine=Looks(), state=State(looks=0, saw=0)),
    looking(Learns()),
    max_rounds=5,
)


@pytest.mark.parametrize("rounds", range(3))
@pytest.mark.parametrize("turn", TURNS)
def test_a_rollout_from_a_game_goes_on_as_the_game_does(turn, rounds):
    game = LEARNING.reset(seed=0, start={"task_state": {"x": rounds}}, go_to=turn)
    for _ in range(rounds):
        game = LEARNING.step().game
    simulator = Simulator(LEARNING.task, LEARNING.user, LEARNING.assistant, max_rounds=5 - rounds)
    record = ("task_state", "user_state", "assistant_state", "user_action", "assistant_action")
    found = simulator.rollout(game, EpisodeRandom(), from_turn=game.turn_index, record=record)
    total = 0.0
    while not (step := LEARNING.step()).done:
        total += step.rewards.total
    assert {path: get_path(step.game, path) for path in found.values} == found.values
    assert (found.returns, found.terminated) == (total + step.rewards.total, step.terminated)


class Plans(Policy):
    """Plays on from where it stands: what it saw, and what it knows."""

    action_space = spaces.real()

    def sample(self, observation, state, rng):
        here = observation.extend(assistant_observation=observation, assistant_state=state)
        over = {"assistant_action": [0.0, 1.0, 2.0]}
        options = {"from_turn": "assistant_acts", "record": RECORD}
        each = LEVEL.rollout(here, rng, over=over, **options)
        own = LEVEL.rollout(here, rng, **options)
        looks = own.values["assistant_state.looks"] + each.values["assistant_state.looks"].sum()
        return own.values["assistant_action"], 1.0 * looks


def test_an_assistant_that_plays_on_from_its_policy_infers_once_alone_and_in_a_batch():
    bundle = Bundle(Level(), User(policy=RANDOM), listener().replace(policy=Plans()), max_rounds=3)
    runs = bundle.run(30, seed=0)
    assert ways(bundle)["assistant policy.sample"] == "lifted"
    saw = runs["assistant_observation.task_state.level"]
    assert np.array_equal(runs["assistant_action"], saw)
    assert (runs["rewards.assistant_policy"] == 4.0 * runs["assistant_state.looks"]).all()
    for episode in (0, 13, 29):
        assert bundle.run([episode], seed=0) == runs.episode(episode)
        bundle.reset(seed=0, episode=episode)
        assert bundle.step().game.assistant_action == saw[episode, 0]


def test_what_it_saw_and_knows_cannot_be_forced_where_it_acts_on_it():
    game = PLAYED.reset(seed=0, go_to="assistant_acts")
    hint = (
        r"begin at 'assistant_observes'.*extend\(assistant_observation=observation, assistant_state=state\)"
    )
    for path in ("task_state.level", "previous_task_state.level", "assistant_state.looks"):
        with pytest.raises(ArgumentError, match=rf"{path} is forced, but the assistant acts on what.*{hint}"):
            LEVEL.rollout(game, EpisodeRandom(), from_turn="assistant_acts", over={path: [1, 2]})
    for state in (State(), game.replace(turn_index=2)):
        with pytest.raises(
            ArgumentError, match=rf"assistant_state.looks is forced, but.*looks before.*{hint}"
        ):
            LEVEL.rollout(
                state, EpisodeRandom(), from_turn=3, start={"assistant_state": {"looks": 3, "saw": 0}}
            )
    still = Simulator(Level(), User(policy=RANDOM, state=State(n=0)), max_rounds=1)  # who infers nothing
    assert (
        still.rollout(State(), EpisodeRandom(), from_turn="user_acts", start={"user_state.n": 3}).lengths == 1
    )


# Discounts.


@settings(max_examples=20, deadline=None)
@given(st.floats(0.01, 1.0), st.integers(1, 5), st.sampled_from(TURNS), st.integers(0, 50))
def test_the_rewards_of_round_k_count_discount_to_the_k(discount, rounds, turn, seed):
    simulator = Simulator(Ledger(True, 0.4), User(policy=RANDOM), looking(RANDOM))

    def rollout(n, **options):
        rng = EpisodeRandom(seed, episodes=np.arange(8))
        return simulator.rollout(State(), rng, from_turn=turn, max_rounds=n, **options)

    sums = [rollout(n).rewards for n in range(1, rounds + 1)]
    found = rollout(rounds, discount=discount)
    for source, total in found.rewards.items():
        each = np.diff([np.zeros(8), *(one[source] for one in sums)], axis=0)
        assert np.allclose(total, discount ** np.arange(rounds) @ each)
    assert np.allclose(found.returns, sum(found.rewards.values()))
    assert np.array_equal(rollout(rounds, discount=1).returns, rollout(rounds).returns)


def test_a_discount_by_hand():
    found = HAND.rollout(SEEN, EpisodeRandom(), over={"assistant_action": [0, 1]}, discount=0.5)
    assert found.rewards["assistant_task"].tolist() == [0.0 + 10.0 + 5.0, 10.0 + 10.0 + 5.0]
    assert found.rewards["user_task"].tolist() == [1.75, 1.75]
    assert found.rewards["assistant_policy"].tolist() == [-0.375, -0.375]
    ending = Simulator(Ledger(ends=True), User(policy=Always(1)), Assistant(policy=Always(2)), max_rounds=9)
    found = ending.rollout(SEEN, EpisodeRandom(), discount=0.5)  # x: 3 5, 6 8, 9
    assert (found.lengths, found.terminated) == (3, True)
    assert (found.rewards["user_task"], found.rewards["assistant_task"]) == (1.75, 30.0)


@pytest.mark.parametrize("discount", [0, -0.5, 1.01, np.nan, True, "0.9", None])
def test_a_discount_lies_above_zero_and_up_to_one(discount):
    with pytest.raises(ArgumentError, match=r"rollout: expected discount as a factor in \(0, 1\]"):
        HAND.rollout(SEEN, EpisodeRandom(), discount=discount)


# What is known is carried over.


class Habit(DeterministicPolicy):
    action_space = THREE

    def action(self, observation, state):
        return (state.habit + observation.task_state.x) % 3


USER = User(policy=Habit(lapse=0.3), state=State(habit=1), state_space=spaces.Dict(habit=THREE))
BELIEF = UserModelFilter(USER, Grid({"habit": range(3)}))


class Expects(DeterministicPolicy):
    """Does what it takes the user's habit to be."""

    action_space = THREE

    def action(self, observation, state):
        return np.argmax(state.belief.log_weights)


SELF = Assistant(
    policy=Expects(),
    inference_engine=BELIEF,
    state=State(belief=BELIEF.initial(EpisodeRandom())),
    state_space=spaces.Dict(belief=BELIEF.space),
)
KNOWING = Simulator(Ledger(), USER, SELF, max_rounds=2)


def belief_of(game):
    return game.assistant_state.belief


def test_a_rollout_begins_with_the_belief_of_the_one_who_plays_it():
    bundle = Bundle(Ledger(), USER, SELF, max_rounds=9)
    bundle.reset(seed=1, start={"user_state": {"habit": 2}})
    for _ in range(6):
        game = bundle.step().game
    known = game.replace(provenance=0)
    assert np.argmax(belief_of(game).log_weights) == 2
    for record in ("assistant_state", "assistant_action"):
        options = {"from_turn": "assistant_observes", "max_rounds": 1, "record": (record,)}
        seen = bundle.observe("assistant")
        found, whole, told = (
            KNOWING.rollout(one, EpisodeRandom(), start=start, **options).values
            for one, start in (
                (seen, None),
                (game, None),
                (State(**{**seen}), {"assistant_state": game.assistant_state}),
            )
        )
        for path, value in found.items():
            assert np.array_equal(value, whole[path])
            assert np.array_equal(value, told[path])
    assert found["assistant_action"] == 2
    assert KNOWING.rollout(
        known, EpisodeRandom(), max_rounds=1, record=("assistant_state.belief.updates",)
    ).values == {"assistant_state.belief.updates": 7}


@pytest.mark.parametrize("rows", [None, 2])
def test_what_is_seen_has_the_shape_that_the_models_have(rows):
    rng = EpisodeRandom(0, episodes=None if rows is None else np.arange(rows))
    finer = UserModelFilter(USER, Grid({"habit": [0, 1]}))
    belief = finer.initial(EpisodeRandom())
    for wrong in (State(belief=belief), State(belief=belief.replace(log_weights=np.zeros((3, 1))))):
        seen = SEEN.extend(assistant_state=wrong)
        for ask in (KNOWING.rollout, KNOWING.predict_assistant_action):
            with pytest.raises(SpaceError, match=r"assistant_state\.belief\.log_weights: the models expect"):
                ask(seen, rng)
    seen = SEEN.replace(task_state=State(x=np.arange(2)))
    if rows is None:
        with pytest.raises(SpaceError, match=r"task_state\.x: the models expect"):
            KNOWING.rollout(seen, rng)
        assert KNOWING.rollout(seen, rng, start={"task_state": {"x": 1}}).lengths == 2
    else:
        assert KNOWING.rollout(seen, rng).lengths.tolist() == [2, 2]


def test_the_filter_of_a_simulated_self_knows_who_acted_last():
    """What the user did is evidence, and what the assistant did is none."""
    game = State(task_state=State(x=3), previous_task_state=State(x=1), user_action=0, assistant_action=2)
    options = {
        "from_turn": "assistant_observes",
        "max_rounds": 1,
        "record": ("assistant_state.belief.log_weights",),
    }

    def weights(provenance):
        found = KNOWING.rollout(game.extend(provenance=provenance), EpisodeRandom(), **options)
        return np.exp(found.values["assistant_state.belief.log_weights"])

    assert np.allclose(weights(1), [0.1, 0.1, 0.8])  # habit + 1 = 0 (mod 3), with a lapse of 0.3 over three
    assert np.allclose(weights(2), np.full(3, 1 / 3))


class Foresees(InferenceEngine):
    """Updates its belief, and plays rollouts of itself that begin with it, before and after."""

    def __init__(self, simulator):
        self.simulator = simulator

    def infer(self, observation, state, rng):
        before = self.simulator.rollout(observation, rng, discount=0.5, from_turn="assistant_observes")
        state, _ = BELIEF.infer(observation, state, rng)
        if observation.user_action == 2:
            return state, before.returns
        after = self.simulator.rollout(observation, rng, start={"assistant_state": state}, max_rounds=1)
        return state, before.returns + after.returns


class Chooses(Policy):
    """Tries each action in rollouts, in which it goes on with what it believes now."""

    action_space = THREE

    def __init__(self, simulator):
        self.simulator = simulator

    def sample(self, observation, state, rng):
        here = observation.extend(assistant_observation=observation, assistant_state=state)
        over = {"assistant_action": [0, 1, 2]}
        record = ("assistant_state.belief",)
        found = self.simulator.rollout(here, rng, over=over, from_turn="assistant_acts", record=record)
        updates = found.values["assistant_state.belief.updates"]
        return np.argmax(found.returns), 1.0 * (updates - state.belief.updates).max()


def test_believing_assistants_that_simulate_themselves_play_alike_alone_and_in_a_batch():
    assistant = SELF.replace(
        policy=Chooses(KNOWING), inference_engine=DualInferenceEngine(Foresees(KNOWING), BELIEF)
    )
    bundle = Bundle(Ledger(moved=0.2), USER, assistant, max_rounds=4)
    start = {"user_state": {"habit": np.arange(24) % 3}}
    runs = bundle.run(24, seed=0, start=start)
    found = ways(bundle)
    assert found["assistant policy.sample"] == found["assistant inference engine.infer"] == "lifted"
    assert (runs["rewards.assistant_policy"] == 1.0).all()  # it looks once more, in the second round
    assert (runs["assistant_state.belief.updates"] == np.arange(1, 5)).all()
    for episode in range(24):
        alone = {"user_state": {"habit": episode % 3}}
        assert bundle.run([episode], seed=0, start=alone) == runs.episode(episode)
    for episode in (4, 11):
        bundle.reset(seed=0, episode=episode, start={"user_state": {"habit": episode % 3}})
        for number in range(4):
            step = bundle.step()
            log_weights = runs["assistant_state.belief.log_weights"][episode, number]
            assert belief_of(step.game).log_weights.tobytes() == log_weights.tobytes()
            assert step.rewards.assistant_inference == runs["rewards.assistant_inference"][episode, number]
