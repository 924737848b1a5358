"""Bundles play by hand: turns, forced states and actions, ends, and errors that change nothing."""

import pickle

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InferenceEngine,
    InteractionTask,
    RandomPolicy,
    State,
    Transition,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.errors import (
    ArgumentError,
    ContractError,
    EpisodeError,
    InteractionError,
    SpaceError,
    UnknownNameError,
)
from interaction.state import flatten
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

TEN = spaces.Discrete(10)
RANDOM_USER = User(policy=RandomPolicy(TEN))
RANDOM_ASSISTANT = Assistant(policy=RandomPolicy(TEN))


def coordination(**options):
    user = PseudoRandomUser()
    return Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), **options)


def randoms(**options):
    return Bundle(CoordinatedTask(), RANDOM_USER, RANDOM_ASSISTANT, **({"max_rounds": 30} | options))


def play(bundle):
    steps = []
    while not steps or not steps[-1].done:
        steps.append(bundle.step())
    return steps


def test_a_matched_model_coordinates_in_ten_rounds():
    bundle = coordination(max_rounds=100)
    bundle.reset(seed=0)
    steps = play(bundle)
    assert len(steps) == 10
    assert sum(step.rewards.total for step in steps) == -19
    assert (steps[-1].terminated, steps[-1].truncated) == (True, False)
    assert steps[0].rewards.user_task == steps[0].rewards.assistant_task == -1.0
    assert steps[-1].rewards.assistant_task == 0.0


def test_turns_can_be_played_one_by_one():
    whole, quarters = randoms(), randoms()
    game = whole.reset(seed=3, episode=5)
    assert game == quarters.reset(seed=3, episode=5)
    for _ in range(3):
        step = whole.step()
        parts = [quarters.quarter_step() for _ in range(4)]
        assert parts[-1].game == step.game
        assert sum(part.rewards.total for part in parts) == step.rewards.total


def test_go_to_plays_up_to_a_turn():
    bundle = coordination()
    game = bundle.reset(seed=0, go_to="assistant_observes")
    assert (game.turn_index, game.user_action, len(game.assistant_observation)) == (2, 8, 0)
    step = bundle.step(go_to="assistant_acts")
    assert (step.game.turn_index, step.game.round_index) == (3, 0)
    assert bundle.step().game.turn_index == 3
    assert bundle.game.round_index == 1
    skipped = bundle.reset(seed=0, go_to=3, start_after=2)
    assert (skipped.turn_index, skipped.task_state.x, len(skipped.user_observation)) == (3, 0, 0)


def test_a_given_action_stands_in_for_the_policys():
    bundle = coordination()
    bundle.reset(seed=0)
    step = bundle.step(user_action=3, assistant_action=3)
    assert (step.game.user_action, step.game.assistant_action, step.game.task_state.x) == (3, 3, 1)
    bundle.reset(seed=0)
    assert bundle.step(assistant_action=1).game.task_state.x == 0
    bundle.reset(seed=0, go_to=1)
    assert bundle.quarter_step(user_action=2).game.user_action == 2


def test_a_start_is_forced():
    bundle = coordination(max_rounds=5)
    game = bundle.reset(seed=0, start={"task_state": {"x": 3}, "user_state.p0": 4})
    assert (game.task_state.x, game.user_state.p0, game.user_state.p1) == (3, 4, 5)
    drawn = {bundle.reset(seed=0, random=True, episode=i).task_state.x for i in range(40)}
    assert len(drawn) > 5


def test_a_kept_game_goes_on_with_the_same_numbers():
    bundle = randoms()
    bundle.reset(seed=7, episode=3)
    kept = [bundle.step().game for _ in range(6)]
    other = randoms()
    other.reset(seed=7, episode=3, start=kept[2])
    assert [other.step().game for _ in range(3)] == kept[3:]


def test_a_seed_is_drawn_and_kept():
    bundle = randoms()
    first = bundle.reset()
    assert isinstance(bundle.seed, int)
    steps = play(bundle)
    assert bundle.reset(seed=bundle.seed) == first
    assert [step.game for step in play(bundle)] == [step.game for step in steps]
    bundle.reset()
    assert "round 0, next turn user_observes" in repr(bundle)
    assert repr(Bundle(bundle.task, bundle.user)) == "Bundle(task=CoordinatedTask, user=User) <not reset>"
    assert "max_rounds=7) <not reset>" in repr(bundle.replace(max_rounds=7))


def test_either_agent_may_be_missing():
    class Clock(InteractionTask):
        state_space = spaces.Dict({"t": spaces.Discrete(100)})

        def reset(self, rng):
            return State(t=0)

        def on_user_action(self, game, rng):
            return Transition(State(t=game.task_state.t + 1), 1.0, game.task_state.t == 3)

        def on_assistant_action(self, game, rng):
            return Transition(State(t=game.task_state.t + 1), 2.0, game.task_state.t == 3)

    for bundle, total in (
        (Bundle(Clock(), RANDOM_USER), 4.0),
        (Bundle(Clock(), assistant=RANDOM_ASSISTANT), 8.0),
    ):
        bundle.reset(seed=0)
        steps = play(bundle)
        assert len(steps) == 4
        assert sum(step.rewards.total for step in steps) == total
        assert bundle.run(3, seed=0).returns.tolist() == [total] * 3
    assert steps[0].game.user_action is None
    bundle.reset(seed=0, go_to=2)
    assert bundle.quarter_step().game.turn_index == 3


def test_max_rounds_truncates():
    bundle = coordination(max_rounds=4)
    bundle.reset(seed=0)
    steps = play(bundle)
    assert (len(steps), steps[-1].truncated, steps[-1].terminated) == (4, True, False)
    bundle.reset(seed=0, go_to=3)
    assert bundle.step(go_to=0).game.round_index == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda b: b.reset(start={"task_state": {"y": 1}}),
            UnknownNameError,
            r"no 'task_state\.y'.*task_state\.x",
        ),
        (
            lambda b: b.reset(start={"task_state": {"x": 10}}),
            SpaceError,
            r"start: task_state\.x: expected .* got 10",
        ),
        (lambda b: b.reset(start={"task_state": {"x": 1.5}}), SpaceError, "got 1.5"),
        (lambda b: b.reset(start=[1]), ArgumentError, "expected a mapping"),
        (lambda b: b.reset(go_to="user_sleeps"), UnknownNameError, "go_to: there is no 'user_sleeps'"),
        (lambda b: b.reset(go_to=2, start_after=3), ArgumentError, "start_after before go_to"),
        (lambda b: b.reset(start_after=1), ArgumentError, "start_after before go_to"),
        (lambda b: b.reset(seed="abc"), ArgumentError, "seed: expected a non-negative integer"),
        (lambda b: b.reset(seed=1.0), ArgumentError, "got 1.0"),
        (lambda b: b.reset(seed=0, episode=-2), ArgumentError, "episode"),
        (lambda b: b.reset(start=b.game.replace(task_state=State(x=99))), SpaceError, "task_state.*got 99"),
        (lambda b: b.reset(start=b.game.replace(turn_index=7)), SpaceError, "turn_index"),
        (
            lambda b: b.step(user_action=10),
            SpaceError,
            r"user_action: expected a value in Discrete\(10\), got 10",
        ),
        (lambda b: b.step(assistant_action="a"), SpaceError, "assistant_action"),
        (
            lambda b: b.step(assistant_action=1, go_to=2),
            ArgumentError,
            "does not reach the turn 'assistant_acts'",
        ),
        (lambda b: b.quarter_step(user_action=1), ArgumentError, "plays 1 turn"),
        (lambda b: b.step(go_to=9), UnknownNameError, "go_to"),
        (lambda b: b.run(-1), ArgumentError, "episodes >= 0, got -1"),
        (lambda b: b.run("ten"), ArgumentError, "got 'ten'"),
        (lambda b: b.run([1, -1]), ArgumentError, "indices"),
        (lambda b: b.run(2, seed=0.5), ArgumentError, "seed"),
        (lambda b: b.run(2, over={"user_state.p9": [1]}), UnknownNameError, "Did you mean 'user_state.p"),
        (lambda b: b.run(2, over={"user_state.p0": [10]}), SpaceError, "over: user_state.p0.*got 10"),
        (lambda b: b.run(2, over={"user_state.p0": []}), ArgumentError, "one or more candidates"),
        (lambda b: b.run(2, over={"user_state.p0": 3}), ArgumentError, "a list of candidate values"),
        (lambda b: b.run(2, start={"user_state": {"p0": [1, 2, 3]}}), SpaceError, "start: user_state.p0"),
        (lambda b: b.run(2, start={"user_state.p0": 1}, over={"user_state.p0": [1]}), ArgumentError, "both"),
        (lambda b: b.run(2, record="some"), ArgumentError, 'record="all"'),
        (lambda b: b.run(2, record=["task_state.z"]), UnknownNameError, "record: there is no 'task_state.z'"),
    ],
)
def test_bad_input_is_an_error_at_once_and_changes_nothing(call, error, message):
    bundle = coordination(max_rounds=20)
    bundle.reset(seed=0, start={"task_state": {"x": 2}})
    bundle.step()
    before = bundle.game, bundle.seed, repr(bundle)
    with pytest.raises(error, match=message):
        call(bundle)
    assert (bundle.game, bundle.seed, repr(bundle)) == before
    assert bundle.step().game.task_state.x == 4


def test_a_step_needs_a_game_that_is_not_over():
    bundle = coordination(max_rounds=1)
    for call in (bundle.step, bundle.quarter_step, lambda: bundle.game):
        with pytest.raises(EpisodeError, match=r"call bundle\.reset\(\) first"):
            call()
    assert "not reset" in repr(bundle)
    bundle.reset(seed=0)
    bundle.step()
    for call in (bundle.step, bundle.quarter_step):
        with pytest.raises(EpisodeError, match="the episode is over"):
            call()
    assert "over after round" in repr(bundle)
    lone = Bundle(CoordinatedTask(), RANDOM_USER)
    lone.reset(seed=0)
    with pytest.raises(ArgumentError, match="has no assistant"):
        lone.step(assistant_action=1)


class NoMove(InteractionTask):
    state_space = spaces.Dict({"x": TEN})

    def reset(self, rng):
        return State(x=0)


class NoReset(CoordinatedTask):
    reset = InteractionTask.reset


class WrongSpace(InteractionTask):
    state_space = {"x": spaces.Discrete(3)}  # noqa: RUF012

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)


class NoActionSpace(DeterministicPolicy):
    def action(self, observation, state):
        return 0


class NoAction(DeterministicPolicy):
    action_space = TEN


class Uninitialised(User):
    def __init__(self):
        pass


class NoSuper(User):
    def __init__(self):
        self.policy = RandomPolicy(spaces.Discrete(4))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bundle(NoMove(), RANDOM_USER), r"NoMove must define on_user_action\(self, game, rng\)"),
        (
            lambda: Bundle(NoReset(), RANDOM_USER),
            r"NoReset must define reset\(self, rng\), which returns a State",
        ),
        (lambda: Bundle(WrongSpace(), RANDOM_USER), r"WrongSpace: state_space: expected a spaces\.Dict"),
        (lambda: Bundle(CoordinatedTask, RANDOM_USER), "the class CoordinatedTask; make an instance"),
        (lambda: Bundle(CoordinatedTask(), RANDOM_ASSISTANT), "an agent of the role 'user', got Assistant"),
        (lambda: Bundle(CoordinatedTask(), RANDOM_USER, RANDOM_USER), "role 'assistant', got User"),
        (lambda: Bundle(CoordinatedTask(), 3), "user: expected a User, got 3"),
        (lambda: Bundle(CoordinatedTask()), "a user, an assistant or both; got neither"),
        (lambda: Bundle(CoordinatedTask(), User(policy=NoActionSpace())), "must define action_space"),
        (lambda: Bundle(CoordinatedTask(), User(policy=NoAction())), r"NoAction must define action\("),
        (lambda: Bundle(CoordinatedTask(), Uninitialised()), "was not initialised"),
        (lambda: Bundle(CoordinatedTask(), NoSuper()), r"NoSuper was not init.*super\(\).__init__\(policy="),
        (lambda: NoSuper().state_space, r"call super\(\).__init__\(policy=\.\.\., state=\.\.\.\)"),
    ],
)
def test_what_cannot_play_is_refused_with_what_to_write(make, message):
    with pytest.raises(ContractError, match=message):
        make()


def test_max_rounds_is_a_number_of_rounds():
    with pytest.raises(ArgumentError, match="max_rounds"):
        coordination(max_rounds=0)


class Wrong(CoordinatedTask):
    batched = None

    def __init__(self, transition):
        self.transition = transition

    def on_user_action(self, game, rng):
        return self.transition


@pytest.mark.parametrize(
    ("transition", "error", "message"),
    [
        (Transition(State(x=12)), SpaceError, r"Wrong \(on_user_action\), field 'x'.*got 12"),
        (Transition({"x": 1}), ContractError, "expected a State, got"),
        (Transition(State(x=1), float("nan")), SpaceError, r"Wrong \(on_user_action, reward\).*got NaN"),
        (Transition(State(x=1), "much"), ContractError, "expected a number, got 'much'"),
        (Transition(State(x=1), 0.0, 3), ContractError, "expected True or False, got 3"),
    ],
)
def test_what_components_give_is_checked_in_the_first_round(transition, error, message):
    bundle = Bundle(Wrong(transition), RANDOM_USER, RANDOM_ASSISTANT, max_rounds=3)
    bundle.reset(seed=0)
    with pytest.raises(error, match=message):
        bundle.step()
    assert bundle.game.turn_index == 0
    with pytest.raises(error):
        bundle.run(3, seed=0)


def test_a_wrong_action_of_a_policy_names_the_agent():
    class Far(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            return 10 if observation.round_index == rounds else 0

    rounds = 0
    bundle = Bundle(CoordinatedTask(), User(policy=Far()), RANDOM_ASSISTANT)
    bundle.reset(seed=0)
    with pytest.raises(SpaceError, match=r"User \(action\): expected a value in Discrete\(10\), got 10"):
        bundle.step()
    rounds = 2
    careful = Bundle(CoordinatedTask(), User(policy=Far()), RANDOM_ASSISTANT, check=True)
    careful.reset(seed=0)
    careful.step()
    careful.step()
    with pytest.raises(SpaceError):
        careful.step()


@pytest.mark.parametrize("turn", range(4))
def test_a_game_kept_at_any_turn_goes_on_with_the_same_numbers(turn):
    bundle = randoms()
    bundle.reset(seed=7, episode=3)
    bundle.step()
    kept = bundle.game if turn == 0 else bundle.step(go_to=turn).game
    rest = [(step.game, step.rewards, step.done) for step in play(bundle)]
    other = randoms()
    assert other.reset(seed=7, episode=3, start=pickle.loads(pickle.dumps(kept))) == kept
    assert [(step.game, step.rewards, step.done) for step in play(other)] == rest


def test_a_kept_game_is_played_on_from_its_own_turn():
    bundle = randoms()
    kept = bundle.reset(seed=7, go_to=2)
    expected = bundle.quarter_step().game
    assert bundle.reset(seed=7, start=kept, go_to=3) == expected


def test_a_random_reset_lies_inside_the_spaces():
    bundle = coordination()
    games = [bundle.reset(seed=1, random=True, episode=episode) for episode in range(200)]
    for path in ("task_state.x", "user_state.p0", "user_state.p2", "assistant_state.user_model.p1"):
        values = {dict(flatten(game))[path] for game in games}
        assert values == set(range(10)), path
        assert {type(value) for value in values} == {int}
    assert bundle.reset(seed=1, random=True, episode=7) == games[7]
    forced = bundle.reset(seed=1, random=True, episode=7, start={"task_state": {"x": 0}})
    zero = State(x=0)
    assert forced == games[7].replace(task_state=zero, previous_task_state=zero)
    bundle.step()

    class Boxed(CoordinatedTask):
        state_space = spaces.Dict(
            {
                "x": TEN,
                "v": spaces.Box(-2.0, 3.0, (4,), np.float32),
                "bits": spaces.MultiBinary(3),
                "free": spaces.Box(-np.inf, np.inf, (), np.float64),
            }
        )

    boxed = Bundle(Boxed(), RANDOM_USER, RANDOM_ASSISTANT, max_rounds=2)
    for episode in range(20):
        state = boxed.reset(seed=0, random=True, episode=episode).task_state
        assert state.v.shape == (4,)
        assert (state.v >= -2).all()
        assert (state.v <= 3).all()
        assert set(state.bits) <= {0, 1}
        boxed.step()  # what it drew is accepted by its own checks


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda b: b.run(2, over=[("user_state.p0", [1])]), "over: expected a mapping"),
        (lambda b: b.run(2, over="user_state.p0"), "over: expected a mapping"),
        (lambda b: b.run(2, start=3), "start: expected a mapping"),
        (lambda b: b.run(2, record=None), "record"),
        (lambda b: b.run(2, record="user_action"), "record"),
        (lambda b: b.run(None), "got None"),
        (lambda b: b.run(2.0), r"got 2\.0"),
        (lambda b: b.run(True), "got True"),
        (lambda b: b.run([[0, 1]]), "indices"),
        (lambda b: b.reset(seed=True), "seed: expected a non-negative integer or None, got True"),
        (lambda b: b.reset(seed=-1), "got -1"),
        (lambda b: b.reset(episode=1.5), r"episode: expected an index >= 0, got 1\.5"),
        (lambda b: b.reset(start={"task_state": {"z": 1}}), "Valid names: .*user_state.p0"),
        (lambda b: b.reset(start={"task_state": 3}), r"start: there is no 'task_state'.*task_state\.x"),
        (lambda b: b.reset(start={"task_state": {"x": object()}}), r"task_state\.x"),
        (lambda b: b.reset(start={"task_state": {"x": [1, 2]}}), r"task_state\.x.*Discrete\(10\).*array"),
        (lambda b: b.reset(start=b.game.replace(user_action=11)), "user_action.*got 11"),
        (lambda b: b.reset(start=b.game.replace(user_state=State())), "user_state"),
        (lambda b: b.reset(start=b.game.replace(round_index=-1)), "round_index"),
        (lambda b: b.reset(go_to=4), "go_to: there is no 4.*assistant_acts"),
        (lambda b: b.reset(go_to=2, start_after="user_sleeps"), "start_after: there is no"),
        (lambda b: b.reset(go_to=2, start_after=2), "start_after before go_to"),
        (lambda b: b.step(user_action=[1]), "user_action"),
        (lambda b: b.step(user_action=-1), r"user_action: expected a value in Discrete\(10\), got -1"),
        (lambda b: b.step(user_action=1.0), r"user_action.*got 1\.0"),
        (lambda b: b.quarter_step(assistant_action=1), "does not reach the turn 'assistant_acts'"),
        (lambda b: b.step(user_action=1, go_to="user_acts"), "does not reach the turn 'user_acts'"),
    ],
)
def test_more_bad_input_says_what_and_where_and_changes_nothing(call, message):
    bundle = coordination(max_rounds=20)
    bundle.reset(seed=0, start={"task_state": {"x": 2}})
    bundle.step()
    before = bundle.game, bundle.seed, bundle.episode, repr(bundle)
    with pytest.raises(InteractionError, match=message):
        call(bundle)
    assert (bundle.game, bundle.seed, bundle.episode, repr(bundle)) == before
    assert bundle.step().game.task_state.x == 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: Bundle(CoordinatedTask(), PseudoRandomUser, RANDOM_ASSISTANT),
        lambda: Bundle(CoordinatedTask(), RANDOM_USER, CoordinatedAssistant),
        lambda: Bundle(CoordinatedTask, RANDOM_USER, RANDOM_ASSISTANT),
        lambda: User(policy=RandomPolicy),
    ],
)
def test_a_class_in_place_of_an_instance_is_refused(make):
    with pytest.raises(ContractError, match=r"the class .*; make an instance"):
        make()


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "ten"])
def test_max_rounds_must_be_a_number_of_rounds(wrong):
    with pytest.raises(ArgumentError, match=rf"max_rounds as an integer >= 1 or None, got {wrong!r}"):
        coordination(max_rounds=wrong)


class WrongLater(CoordinatedTask):
    """Is right in the first rounds, and wrong in the fourth."""

    def __init__(self, reward=-1.0, x=0):
        self.reward, self.x = reward, x

    def on_user_action(self, game, rng):
        if game.round_index < 3:
            return Transition(game.task_state, -1.0)
        return Transition(State(x=self.x), self.reward)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (WrongLater(reward=float("nan")), r"WrongLater \(on_user_action, reward\).*NaN"),
        (WrongLater(x=10), r"WrongLater \(on_user_action\), field 'x'.*Discrete\(10\), got 10"),
    ],
)
def test_every_round_is_checked_on_request(task, message):
    bundle = Bundle(task, RANDOM_USER, max_rounds=6, check=True)
    bundle.reset(seed=0)
    for _ in range(3):
        bundle.step()
    before = bundle.game
    with pytest.raises(SpaceError, match=message):
        bundle.step()
    assert bundle.game is before
    with pytest.raises(SpaceError, match=message):
        bundle.run(4, seed=0)
    unchecked = Bundle(task, RANDOM_USER)
    unchecked.reset(seed=0, start=before)
    with pytest.raises(SpaceError, match=message):  # the first round played is checked, wherever it starts
        unchecked.step()


class OutOfSpace(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        return state.replace(n=state.n + 7), 0.0


def test_an_inference_that_leaves_its_space_names_the_agent_and_the_field():
    user = User(
        policy=RandomPolicy(TEN),
        inference_engine=OutOfSpace(),
        state=State(n=5),
        state_space=spaces.Dict({"n": TEN}),
    )
    bundle = Bundle(CoordinatedTask(), user)
    bundle.reset(seed=0)
    with pytest.raises(SpaceError, match=r"User \(inference engine\), field 'n'.*Discrete\(10\), got 12"):
        bundle.step()
    assert bundle.game.turn_index == 0
    with pytest.raises(SpaceError, match=r"field 'n'.*got 12 \(in a batch of 4 episodes\)"):
        bundle.run(4, seed=0)


class WrongReset(CoordinatedTask):
    def reset(self, rng):
        return State(x=-1)


def test_a_reset_that_leaves_its_space_is_found_at_once():
    bundle = Bundle(WrongReset(), RANDOM_USER)
    with pytest.raises(SpaceError, match=r"WrongReset \(reset\), field 'x'.*got -1"):
        bundle.reset(seed=0)
    with pytest.raises(EpisodeError, match=r"bundle\.reset\(\) first"):
        bundle.step()
    with pytest.raises(SpaceError, match="WrongReset"):
        bundle.run(3, seed=0)
