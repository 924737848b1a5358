"""How components are played inside a batch: nothing that one episode does goes wrong there in silence."""

import inspect
import logging
import math
import re

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    DiscretePolicy,
    EpisodeRandom,
    GameState,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from interaction.batching import ways
from interaction.batching.lifting import equal_bits
from interaction.batching.selection import looped, row_of, stack
from interaction.component import promise_of
from interaction.errors import BatchError
from interaction.state import flatten

TEN = spaces.Discrete(10)


class Wandering(InteractionTask):
    """Puts x to the sum of both actions and a random number; ends at 7 after six rounds."""

    batched = True
    state_space = spaces.Dict({"x": TEN})

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        x = (game.task_state.x + 3 * game.user_action + rng.integers(0, 2)) % 10
        return Transition(State(x=x), 1.0, (game.round_index > 5) & np.equal(x, 7))

    def on_assistant_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + game.assistant_action) % 10), game.task_state.x * 0.1)


def by_hand(bundle, seed, episode, start=None):
    """Play one episode: its games and rewards at the end of each round."""
    bundle.reset(seed=seed, episode=episode, start=start)
    games, rewards, done = [], [], False
    while not done:
        step = bundle.step()
        games.append(step.game)
        rewards.append(step.rewards)
        done = step.done
    return games, rewards


def bits(value):
    value = np.asarray(value)
    return value.shape, value.astype(float).tobytes()


def assert_episodes_are_those_alone(bundle, runs, seed, episodes=None):
    """Every episode of a run equals the same one by hand and in a batch of its own, to the bit."""
    for place, episode in enumerate(runs.episodes):
        if episodes is not None and place not in episodes:
            continue
        games, rewards = by_hand(bundle, seed, int(episode))
        assert len(games) == runs.lengths[place], f"the length of episode {episode}"
        for path in runs:
            if path.startswith("rewards."):
                expected = [getattr(paid, path.removeprefix("rewards.")) for paid in rewards]
            else:
                expected = [dict(flatten(game))[path] for game in games]
            assert bits(runs[path][place, : len(games)]) == bits(expected), path
        assert bundle.run([int(episode)], seed=seed) == runs.episode(place)


# Natural code of one episode.


class Branch(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        if observation.task_state.x > 4:
            return 9 - observation.task_state.x
        return observation.task_state.x


class Smaller(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return min(observation.task_state.x + 2, 7)


class Loop(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        n, steps = observation.task_state.x, 0
        while n > 1:
            n //= 2
            steps += 1
        return steps


class LookUp(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return [3, 1, 4, 1, 5, 9, 2, 6, 5, 3][observation.task_state.x]


class Dictionary(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return {0: 4, 1: 3}.get(observation.task_state.x, 5)


class Maths(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return math.floor(math.sqrt(observation.task_state.x))


class Both(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return 1 if 2 < observation.task_state.x < 6 and observation.round_index > 0 else 2


class Ranged(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return sum(range(observation.task_state.x)) % 10


class Among(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return int(observation.task_state.x in (2, 3, 5, 7))


class Indexed(DiscretePolicy):
    action_space = TEN

    def probabilities(self, observation, state):
        weights = [1.0] * 10
        weights[observation.task_state.x] = 5.0
        return np.array(weights) / 14


class InPlace(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        x = observation.task_state.x
        x += 1
        return x % 10


class Kind(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return observation.task_state.x if isinstance(observation.task_state.x, int) else 3


class Most(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return int(np.max(observation.task_state.x))


LIFTED = [
    *(Branch, Smaller, Loop, LookUp, Dictionary, Maths, Both, Ranged, Among, Indexed),
    *(InPlace, Kind, Most),
]


class Text(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return len(str(observation.task_state.x * 12))  # to blame


class Big(DeterministicPolicy):
    """Python's integers have no end, numpy's have."""

    action_space = TEN

    def action(self, observation, state):
        return (observation.task_state.x + 3) ** 25 % 10  # to blame


class Plain(DiscretePolicy):
    """Makes a plain array of numbers that differ between episodes."""

    action_space = TEN

    def probabilities(self, observation, state):
        here = np.array([observation.task_state.x, 3])  # to blame
        return np.bincount(here, minlength=10) / 2


NOT_LIFTED = {Text: "a number in its place", Big: "a float", Plain: "np.stack([x, y])"}


def wandering(policy, **options):
    return Bundle(
        Wandering(),
        User(policy=policy),
        Assistant(policy=RandomPolicy(TEN)),
        **({"max_rounds": 15} | options),
    )


def marked(policy):
    class Marked(policy):
        batched = False

    return Marked()


def unheard(policy):
    """A class that is the same, of which no log has told yet: each is told of once."""
    return type(policy.__name__, (policy,), {})


@pytest.mark.parametrize("policy", [*LIFTED, *NOT_LIFTED])
@pytest.mark.parametrize("size", [1, 2, 40, 130])
def test_natural_code_gives_what_single_episodes_give(policy, size):
    bundle = wandering(policy())
    runs = bundle.run(size, seed=1)
    assert runs == wandering(marked(policy)).run(size, seed=1)
    assert_episodes_are_those_alone(bundle, runs, 1, {0, size // 2, size - 1})


@pytest.mark.parametrize("policy", LIFTED)
@pytest.mark.parametrize("size", [40, 130])
def test_natural_code_is_lifted_and_nothing_is_said(policy, size, caplog):
    bundle = wandering(policy())
    with caplog.at_level(logging.WARNING, "interaction"):
        runs = bundle.run(size, seed=1)
    assert not caplog.records
    assert ways(bundle)["user policy.sample"] == "lifted"
    assert runs == wandering(marked(policy)).run(size, seed=1)


@pytest.mark.parametrize("policy", NOT_LIFTED)
def test_the_line_that_bars_lifting_is_named_once(policy, caplog):
    lines, first = inspect.getsourcelines(policy)
    number, line = next((first + n, line) for n, line in enumerate(lines) if "# to blame" in line)
    bundle = wandering(unheard(policy)())
    with caplog.at_level(logging.WARNING, "interaction"):
        for _ in range(2):
            bundle.run(40, seed=1)
    assert [record.name for record in caplog.records] == ["interaction"]
    message = caplog.records[0].getMessage()
    assert message.startswith(f"{policy.__name__}.sample is played episode by episode")
    assert line.split("  #")[0].strip() in message
    assert f"({__file__}, line {number})" in message
    assert f"Write {NOT_LIFTED[policy]}" in message
    assert ways(bundle)["user policy.sample"] == "episode by episode"


def test_code_that_serves_arrays_too_is_not_blamed(caplog):
    class Fine(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            return np.where(observation.task_state.x > 4, 9 - observation.task_state.x, 1)

    with caplog.at_level(logging.WARNING, "interaction"):
        runs = wandering(Fine()).run(40, seed=1)
    assert not caplog.records
    assert runs == wandering(marked(Fine)).run(40, seed=1)


class BranchingTask(Wandering):
    batched = None

    def reset(self, rng):
        x = rng.integers(0, 10)
        return State(x=x if x > 3 else 3)

    def on_user_action(self, game, rng):
        if game.user_action > 6:
            return Transition(game.task_state, -2.0)
        return super().on_user_action(game, rng)


class BranchingLook(ObservationEngine):
    def observe(self, game, rng):
        noise = rng.integers(0, 3) if game.task_state.x > 4 else 0
        return State(round_index=game.round_index, task_state=State(x=(game.task_state.x + noise) % 10)), 0.0


class BranchingThought(InferenceEngine):
    def infer(self, observation, state, rng):
        if rng.random() < 0.5:
            return state, -0.1 * math.sqrt(observation.task_state.x)
        return state.replace(n=state.n + 1), 0.0


class BranchingUser(User):
    def __init__(self, policy):
        super().__init__(
            policy=policy,
            observation_engine=BranchingLook(),
            inference_engine=BranchingThought(),
            state_space=spaces.Dict({"n": spaces.Discrete(1000)}),
        )

    def reset(self, rng):
        return State(n=3 if rng.random() < 0.3 else 0)


@pytest.mark.parametrize("flags", [(None, None), (False, None), (None, False), (False, False)])
def test_any_component_may_be_scalar_code_next_to_batched_ones(flags):
    task, user = BranchingTask(), BranchingUser(Branch())
    task.batched = user.batched = flags[0]
    user.observation_engine.batched = user.inference_engine.batched = flags[1]
    bundle = Bundle(task, user, Assistant(policy=RandomPolicy(TEN)), max_rounds=15)
    runs = bundle.run(40, seed=4)
    assert_episodes_are_those_alone(bundle, runs, 4, {0, 1, 13, 39})
    over = bundle.run(6, seed=4, over={"task_state.x": [0, 6]})
    for x, place in ((0, 0), (6, 1)):
        games, _ = by_hand(bundle, 4, 5, {"task_state": {"x": x}})
        assert over["task_state.x"][5, place, : len(games)].tolist() == [game.task_state.x for game in games]


def test_a_function_of_a_rule_may_be_scalar_code():
    engine = RuleObservationEngine(
        "user", transform={"task_state.x": lambda x: x if x < 5 else 9}, batched=None
    )
    user = User(policy=Branch(), observation_engine=engine)
    bundle = Bundle(Wandering(), user, Assistant(policy=RandomPolicy(TEN)), max_rounds=10)
    assert_episodes_are_those_alone(bundle, bundle.run(20, seed=0), 0, {0, 19})


# What only late rounds reach.


class LateBranch(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        x = observation.task_state.x
        if observation.round_index < 20:
            return x * 0 + 1
        return 3 if x > 5 else 4


def test_a_branch_reached_after_many_rounds_is_lifted_too(caplog):
    bundle = Bundle(Wandering(), User(policy=LateBranch()), max_rounds=40)
    with caplog.at_level(logging.WARNING, "interaction"):
        runs = bundle.run(50, seed=0)
    assert not caplog.records
    assert ways(bundle)["user policy.sample"] == "lifted"
    assert (runs.lengths > 20).any()
    assert_episodes_are_those_alone(bundle, runs, 0, set(range(0, 50, 7)))


class LateText(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        x = observation.task_state.x
        return x if observation.round_index < 20 else int(f"{x}") // 2


def test_what_bars_lifting_after_many_rounds_is_played_singly_from_then_on(caplog):
    bundle = Bundle(Wandering(), User(policy=LateText()), max_rounds=40)
    with caplog.at_level(logging.WARNING, "interaction"):
        runs = bundle.run(50, seed=0)
    (record,) = caplog.records
    assert 'int(f"{x}") // 2' in record.getMessage()
    assert (runs.lengths > 20).any()
    assert_episodes_are_those_alone(bundle, runs, 0, set(range(0, 50, 7)))


class Visits(InteractionTask):
    """Ends when all of twenty places were visited: a reduction over all axes, where -1 was meant."""

    state_space = spaces.Dict({"visited": spaces.MultiBinary(20)})

    def reset(self, rng):
        return State(visited=np.zeros(20, np.int8))

    def on_user_action(self, game, rng):
        here = np.arange(20) == np.asarray(rng.integers(0, 20))[..., None]
        visited = np.where(here, 1, game.task_state.visited).astype(np.int8)
        return Transition(State(visited=visited), -1.0, bool(visited.all()))


def test_a_value_that_differs_only_after_many_rounds_is_not_silently_wrong():
    bundle = Bundle(Visits(), User(policy=RandomPolicy(TEN)), max_rounds=300)
    runs = bundle.run(12, seed=0)
    lengths = [len(by_hand(bundle, 0, episode)[0]) for episode in range(12)]
    assert runs.lengths.tolist() == lengths


@pytest.mark.parametrize("size", [2, 5, 40])
def test_a_late_difference_is_found_for_every_seed(size):
    bundle = Bundle(Visits(), User(policy=RandomPolicy(TEN)), max_rounds=300)
    for seed in range(4):
        runs = bundle.run(size, seed=seed)
        for episode in (0, size - 1):
            assert runs.lengths[episode] == len(by_hand(bundle, seed, episode)[0])


class OneWrongRound(InteractionTask):
    """Reduces over all episodes, in a single late round, and raises nothing."""

    state_space = spaces.Dict({"x": TEN})

    def __init__(self, wrong):
        self.wrong = wrong

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        x = game.task_state.x
        return Transition(State(x=int(np.max(x)) if game.round_index == self.wrong else x))


@pytest.mark.parametrize("wrong", [0, 11, 12, 13, 29, 30])
def test_a_single_wrong_round_is_found(wrong):
    bundle = Bundle(OneWrongRound(wrong), User(policy=RandomPolicy(TEN)), max_rounds=32)
    runs = bundle.run(50, seed=0)
    assert np.array_equal(runs["task_state.x"][:, 0], runs["task_state.x"][:, -1])
    assert len(np.unique(runs["task_state.x"])) > 5


class LateVector(InteractionTask):
    """Multiplies a vector of 7 by a number of each episode: without an axis, which fits 7 episodes."""

    state_space = spaces.Dict({"v": spaces.Box(-1e9, 1e9, (7,), np.float64), "x": TEN})

    def __init__(self, since):
        self.since = since

    def reset(self, rng):
        return State(v=np.arange(7.0), x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        state = game.task_state
        if game.round_index < self.since:
            return Transition(state)
        return Transition(state.replace(v=state.v * state.x))


@pytest.mark.parametrize("since", [0, 20])
@pytest.mark.parametrize("size", [7, 11, 20])
def test_a_vector_as_long_as_the_batch_does_not_fit_by_accident(since, size):
    bundle = Bundle(LateVector(since), User(policy=RandomPolicy(TEN)), max_rounds=since + 2)
    runs = bundle.run(size, seed=0)
    x = runs["task_state.x"][:, -1][:, None]
    assert np.array_equal(runs["task_state.v"][:, -1], np.arange(7.0) * x * x)


# Values of other kinds.


class Hint(ObservationEngine):
    """Gives a hint in some episodes only."""

    batched = False

    def observe(self, game, rng):
        return State(hint=game.task_state.x if game.task_state.x > 4 else None), 0.0


class FollowHint(DeterministicPolicy):
    batched = False
    action_space = TEN

    def action(self, observation, state):
        return 0 if observation.hint is None else observation.hint


@pytest.mark.parametrize("xs", [[2, 7, 8], [7, 2, 8], [7, 8, 9], [1, 2, 3]])
def test_what_is_none_in_some_episodes_is_right_or_an_error_that_says_so(xs):
    user = User(policy=FollowHint(), observation_engine=Hint())
    bundle = Bundle(Wandering(), user, max_rounds=1)
    try:
        got = bundle.run(3, seed=0, start={"task_state.x": xs})["user_action"][:, 0].tolist()
    except BatchError as error:
        got = str(error)
    assert got == [x if x > 4 else 0 for x in xs] or "None" in got


class Pair(ObservationEngine):
    def __init__(self, batched):
        self.batched = batched

    def observe(self, game, rng):
        return State(pair=(game.task_state.x, 9 - game.task_state.x)), 0.0


class UsePair(DeterministicPolicy):
    action_space = TEN

    def __init__(self, batched):
        super().__init__()
        self.batched = batched

    def action(self, observation, state):
        return (observation.pair[0] * 3 + observation.pair[1]) % 10


@pytest.mark.parametrize("look", [True, False, None])
@pytest.mark.parametrize("act", [True, False, None])
def test_tuples_are_taken_apart_like_other_values(look, act):
    user = User(policy=UsePair(act), observation_engine=Pair(look))
    bundle = Bundle(Wandering(), user, Assistant(policy=RandomPolicy(TEN)), max_rounds=15)
    runs = bundle.run(20, seed=0, record=["user_action", "task_state"])
    for episode in (0, 11, 19):
        games, _ = by_hand(bundle, 0, episode)
        played = runs["user_action"][episode, : runs.lengths[episode]].tolist()
        assert played == [game.user_action for game in games]


def test_tuples_are_recorded_for_each_episode():
    bundle = Bundle(Wandering(), User(policy=UsePair(True), observation_engine=Pair(True)), max_rounds=15)
    runs = bundle.run(20, seed=0)
    for path in runs:
        assert runs[path].shape[:2] == (20, 15), path


# Promises.


class Promised(DeterministicPolicy):
    batched = True
    action_space = TEN

    def action(self, observation, state):
        if observation.task_state.x > 4:
            return 9 - observation.task_state.x
        return observation.task_state.x


class PromisedTask(Wandering):
    batched = True

    def on_user_action(self, game, rng):
        if game.user_action > 6:
            return Transition(game.task_state, -2.0)
        return Transition(game.task_state)


class PromisedLook(BranchingLook):
    batched = True

    def observe(self, game, rng):
        return State(task_state=State(x=3 if game.task_state.x > 4 else 2)), 0.0


class PromisedThought(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        return state, 0.0 if observation.task_state.x > 4 else -0.1


def with_user(**parts):
    return Bundle(Wandering(), User(**({"policy": RandomPolicy(TEN)} | parts)), max_rounds=3)


BROKEN = {
    "Promised": lambda: wandering(Promised()),
    "PromisedTask": lambda: Bundle(PromisedTask(), User(policy=RandomPolicy(TEN)), max_rounds=3),
    "PromisedLook": lambda: with_user(observation_engine=PromisedLook()),
    "PromisedThought": lambda: with_user(inference_engine=PromisedThought()),
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("size", [2, 10, 40])
def test_a_broken_promise_names_the_component_and_the_mend(name, size):
    bundle = BROKEN[name]()
    game = bundle.reset(seed=0)
    with pytest.raises(BatchError, match=rf"^{name}\b.*promises batched = True.*`.*if .*`") as error:
        bundle.run(size, seed=0)
    assert "raised ValueError: The truth value of an array" in str(error.value)
    assert "Leave batched away" in str(error.value)
    assert "batched = False" in str(error.value)
    assert bundle.game is game


class Strict(DeterministicPolicy):
    """Raises in some episodes, alone as on arrays."""

    action_space = TEN

    def __init__(self, batched):
        super().__init__()
        self.batched = batched

    def action(self, observation, state):
        if np.any(observation.task_state.x == 7):
            raise LookupError("seven is not allowed")
        return observation.task_state.x


@pytest.mark.parametrize("batched", [True, None, False])
def test_what_single_episodes_raise_too_is_their_own_error(batched):
    bundle = wandering(Strict(batched))
    with pytest.raises(LookupError, match="seven is not allowed") as error:
        bundle.run(40, seed=0)
    assert type(error.value) is LookupError
    assert error.value.args == ("seven is not allowed",)
    (note,) = error.value.__notes__
    where = re.fullmatch(r"raised by Strict.sample in episode (\d+), round (\d+)", note)
    episode, number = map(int, where.groups())
    bundle.reset(seed=0, episode=episode)
    for _ in range(number):
        bundle.step()
    with pytest.raises(LookupError, match="seven is not allowed"):
        bundle.step()


def test_a_promise_does_not_cover_a_subclass_with_methods_of_its_own():
    class Promises(DeterministicPolicy):
        batched = True
        action_space = TEN

        def action(self, observation, state):
            return observation.task_state.x

    class Inherits(Promises):
        limit = 5

    class Writes(Promises):
        def action(self, observation, state):
            return 1 if observation.task_state.x > 4 else 2

    class Refuses(Promises):
        batched = False

    class WritesToo(Refuses):
        def action(self, observation, state):
            return 3

    kinds = (Promises, Inherits, Writes, Refuses, WritesToo)
    assert [promise_of(kind()) for kind in kinds] == [True, True, None, False, False]
    own = Writes()
    own.batched = True
    assert promise_of(own) is True
    bundle = wandering(Writes())
    runs = bundle.run(40, seed=0)
    assert ways(bundle)["user policy.sample"] == "lifted"
    assert_episodes_are_those_alone(bundle, runs, 0, {0, 39})


# The parts.


def test_a_batch_is_taken_apart_and_put_together_again():
    games = [
        GameState(task_state=State(x=n, v=np.arange(3.0) + n), user_action=n, user_state=State(b=n > 1))
        for n in range(4)
    ]
    batch = stack(games)
    assert batch.task_state.v.shape == (4, 3)
    assert [row_of(batch, n) for n in range(4)] == games
    assert row_of(batch, np.array([2, 0])) == stack([games[2], games[0]])
    assert type(row_of(batch, 1).task_state.x) is int
    assert type(row_of(batch, 1).user_state.b) is bool
    with pytest.raises(ValueError, match="read-only"):
        batch.task_state.v[0, 0] = 9.0


def test_a_looped_method_gets_each_episodes_own_stream():
    def method(state, rng):
        return State(y=state.x + rng.random()), rng.random((2,))

    rows = EpisodeRandom(3, episodes=np.array([5, 2, 9]))
    state, drawn = looped(method)(State(x=np.array([0.0, 10.0, 20.0])), rows)
    for row, episode in enumerate((5, 2, 9)):
        alone, own = method(State(x=10.0 * row), EpisodeRandom(3, episode))
        assert state.y[row] == alone.y
        assert np.array_equal(drawn[row], own)
    assert (
        looped(method)(State(x=1.0), EpisodeRandom(3, 5))[0] == method(State(x=1.0), EpisodeRandom(3, 5))[0]
    )


@pytest.mark.parametrize(
    ("singly", "together", "equal"),
    [
        (np.array([1, 1]), 1, True),
        (np.array([1, 2]), 1, False),
        (np.array([0.0, np.nan]), np.array([0.0, np.nan]), True),
        (np.array([0.1 + 0.2]), np.array([0.3]), False),
        (np.array([1, 1]), np.array([[1, 1]]), False),
        (State(x=np.array([1, 2])), State(x=np.array([1, 2])), True),
        (State(x=np.array([1, 2])), State(y=np.array([1, 2])), False),
        ((np.array([1]), np.array([2])), (np.array([1]),), False),
        (State(x=1), 1, False),
    ],
)
def test_two_ways_of_playing_are_equal_to_the_bit_or_not(singly, together, equal):
    assert equal_bits(singly, together) is equal


class Constants(InferenceEngine):
    """Gives the same vector and matrix in all episodes, without an axis for them."""

    batched = True

    def infer(self, observation, state, rng):
        return State(vector=np.arange(3.0), matrix=np.ones((2, 3)), count=state.count + 1), 0.0


class ConstantLook(ObservationEngine):
    batched = True

    def observe(self, game, rng):
        return State(vector=np.arange(2), matrix=np.eye(2), x=game.task_state.x), 0.0


@pytest.mark.parametrize("episodes", [1, 2, 3, 7])
def test_constants_of_components_on_arrays_stand_for_all_episodes(episodes):
    """Also where there are as many episodes as entries."""
    state = State(vector=np.zeros(3), matrix=np.zeros((2, 3)), count=0)
    user = User(
        policy=RandomPolicy(TEN),
        observation_engine=ConstantLook(),
        inference_engine=Constants(),
        state=state,
    )
    runs = Bundle(Wandering(), user, Assistant(policy=RandomPolicy(TEN)), max_rounds=4).run(episodes, seed=0)
    shape = (episodes, int(runs.lengths.max()))
    assert np.array_equal(runs["user_state.vector"], np.broadcast_to(np.arange(3.0), (*shape, 3)))
    assert np.array_equal(runs["user_state.matrix"], np.ones((*shape, 2, 3)))
    assert np.array_equal(runs["user_observation.vector"], np.broadcast_to(np.arange(2), (*shape, 2)))
    assert np.array_equal(runs["user_observation.matrix"], np.broadcast_to(np.eye(2), (*shape, 2, 2)))


METHODS = (
    *("task.reset", "task.on_user_action", "task.on_assistant_action"),
    *("user.reset", "user observation engine.observe", "user inference engine.infer", "user policy.sample"),
    *("assistant.reset", "assistant.reset_in", "assistant observation engine.observe"),
    *("assistant inference engine.infer", "assistant policy.sample"),
)


def made_a_text(bad):
    """A bundle all of whose methods are lifted but those that are called `bad`, which make a text."""

    def read(name, x):
        return int(f"{x}") if name in bad else x

    class Walks(InteractionTask):
        def reset(self, rng):
            return State(x=read("task.reset", rng.integers(0, 10)))

        def on_user_action(self, game, rng):
            return Transition(State(x=read("task.on_user_action", game.task_state.x)))

        def on_assistant_action(self, game, rng):
            return Transition(State(x=read("task.on_assistant_action", game.task_state.x)))

    class Sees(ObservationEngine):
        def __init__(self, role):
            self.role = role

        def observe(self, game, rng):
            return State(x=read(f"{self.role} observation engine.observe", game.task_state.x)), 0.0

    class Infers(InferenceEngine):
        def __init__(self, role):
            self.role = role

        def infer(self, observation, state, rng):
            return State(x=read(f"{self.role} inference engine.infer", observation.x)), 0.0

    class Acts(Policy):
        action_space = TEN

        def __init__(self, role):
            self.role = role

        def sample(self, observation, state, rng):
            return read(f"{self.role} policy.sample", state.x), 0.0

    class Draws(User):
        def reset(self, rng):
            return State(x=read("user.reset", rng.integers(0, 10)))

    class Looks(Assistant):
        def reset(self, rng):
            return State(x=read("assistant.reset", rng.integers(0, 10)))

        def reset_in(self, game, rng):
            return State(x=read("assistant.reset_in", game.task_state.x))

    def parts(role):
        return {
            "policy": Acts(role),
            "observation_engine": Sees(role),
            "inference_engine": Infers(role),
            "state_space": spaces.Dict(x=spaces.whole()),
        }

    return Bundle(Walks(), Draws(**parts("user")), Looks(**parts("assistant")), max_rounds=3)


@pytest.mark.parametrize("method", METHODS)
def test_of_every_method_it_is_told_how_it_was_played(method):
    bundle = made_a_text({method})
    bundle.run(30, seed=0)
    assert set(ways(bundle)) == set(METHODS)
    singly = {name for name, way in ways(bundle).items() if way == "episode by episode"}
    assert singly == ({method} if method != "assistant.reset" else set())  # it begins according to the game
    assert set(ways(bundle).values()) <= {"lifted", "episode by episode"}


class Early(Policy):
    """Makes texts in its first five rounds."""

    action_space = TEN

    def sample(self, observation, state, rng):
        x = observation.task_state.x
        return (int(f"{x}") if observation.round_index < 5 else x), 0.0


def test_a_method_some_of_whose_calls_were_lifted_is_partly_so(caplog):
    bundle = Bundle(Wandering(), User(policy=unheard(Early)()), max_rounds=40)
    with caplog.at_level(logging.WARNING, "interaction"):
        bundle.run(100, seed=0)
    assert len(caplog.records) == 1
    assert ways(bundle)["user policy.sample"] == "partly lifted"


@pytest.mark.parametrize(("policy", "way"), [(Early, "partly lifted"), (Text, "episode by episode")])
def test_a_policy_in_two_seats_is_told_of_in_both(policy, way):
    shared = policy()
    bundle = Bundle(Wandering(), User(policy=shared), Assistant(policy=shared), max_rounds=15)
    bundle.run(100, seed=0)
    assert ways(bundle)["user policy.sample"] == ways(bundle)["assistant policy.sample"] == way
