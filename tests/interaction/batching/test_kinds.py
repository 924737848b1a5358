"""A number is of the kind of its space, alone and in a batch; what cannot be put together is an error."""

import numpy as np
import pytest

from interaction import (
    Bundle,
    DeterministicPolicy,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from interaction.errors import BatchError, ContractError, EpisodeError, SpaceError

EPISODES = 40


class Still(DeterministicPolicy):
    action_space = spaces.Discrete(2)

    def action(self, observation, state):
        return 0


class Asking(InteractionTask):
    """`x` begins as `begin` says of an integer; each action asks `question` of it."""

    def __init__(self, begin, question, space=None, batched=None):
        self.begin, self.question = begin, question
        self.state_space = spaces.Dict(k=spaces.Discrete(5), x=space or spaces.real(), y=spaces.real())
        self.batched = batched

    def reset(self, rng):
        k = rng.integers(0, 5)
        return State(k=k, x=self.begin(k), y=0.0)

    def on_user_action(self, game, rng):
        state = game.task_state
        return Transition(state.replace(x=self.begin(state.k), y=float(self.question(state.x))), 1)

    on_assistant_action = on_user_action


def integers_or_halves(k):
    return 0 if k < 3 else 0.5


def by_hand(bundle, episode):
    bundle.reset(seed=0, episode=episode)
    while not bundle.step().done:
        pass
    return bundle.game


def played(task, user=None):
    return Bundle(task, user or User(policy=Still()), max_rounds=2)


QUESTIONS = {
    "the sign of a zero": lambda x: np.arctan2(-x, -1.0),
    "Python's sign of a zero": lambda x: 1.0 if str(-x).startswith("-0") else 2.0,
    "its type": lambda x: isinstance(x, int),
    "an integer without an end": lambda x: (x + 3) ** 41 % 7,
}


@pytest.mark.parametrize("batched", [None, False])
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize(
    "begin", [integers_or_halves, lambda k: 0, lambda k: k < 2], ids=["mixed", "int", "bool"]
)
def test_an_integer_in_a_field_of_floats_is_a_float(begin, question, batched):
    bundle = played(Asking(begin, question, batched=batched))
    runs = bundle.run(EPISODES, seed=0)
    for episode in range(EPISODES):
        alone = by_hand(bundle, episode)
        assert type(alone.task_state.x) is float
        y = alone.task_state.y
        together = runs["task_state.y"][episode, -1]
        assert (y, np.signbit(y)) == (together, np.signbit(together))
    assert runs["task_state.x"].dtype == float


@pytest.mark.parametrize("batched", [None, False])
@pytest.mark.parametrize(
    "space",
    [spaces.whole(), spaces.whole(0, 7), spaces.Discrete(8), spaces.Choice([0, 1, 7])],
    ids=["whole", "bounded", "Discrete", "Choice"],
)
@pytest.mark.parametrize(
    "begin", [lambda k: k > 2 if k < 4 else 7, lambda k: k > 2, lambda k: True], ids=["mixed", "bool", "True"]
)
def test_a_flag_in_a_field_of_integers_is_an_integer(begin, space, batched):
    bundle = played(Asking(begin, lambda x: -x * 2 + (x is True), space, batched))
    runs = bundle.run(EPISODES, seed=0)
    alone = [by_hand(bundle, episode).task_state for episode in range(EPISODES)]
    assert {type(state.x) for state in alone} == {int}
    assert [state.x for state in alone] == [int(begin(state.k)) for state in alone]
    assert [state.y for state in alone] == [-2.0 * state.x for state in alone]
    assert [state.y for state in alone] == list(runs["task_state.y"][:, -1])
    assert [state.x for state in alone] == list(runs["task_state.x"][:, -1])
    assert runs["task_state.x"].dtype == np.int64


@pytest.mark.parametrize("batched", [None, False])
def test_a_flag_in_a_field_of_flags_stays_one(batched):
    bundle = played(Asking(lambda k: k > 2, lambda x: 1 - x, spaces.Box(0, 1, (), np.bool_), batched))
    assert bundle.run(EPISODES, seed=0)["task_state.x"].dtype == bool
    assert type(by_hand(bundle, 0).task_state.x) is bool


class Compares(DeterministicPolicy):
    """Picks a comparison, as a researcher writes it."""

    action_space = spaces.Discrete(2)

    def __init__(self, lapse=0.0, batched=None):
        super().__init__(lapse)
        self.batched = batched

    def action(self, observation, state):
        return observation.task_state.k == 0


class Shows(InteractionTask):
    """Shows the last action of the user, of which there is none at first."""

    def reset(self, rng):
        return State(k=rng.integers(0, 3), shown=0, rounds=0)

    def on_user_action(self, game, rng):
        state = game.task_state
        k = rng.integers(0, 3)
        if state.k == 1:  # one of the ways keeps what is shown, an integer
            return Transition(state.replace(k=k, rounds=state.rounds + 1))
        return Transition(state.replace(k=k, shown=game.user_action, rounds=state.rounds + 1))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


@pytest.mark.parametrize("lapse", [0.0, 0.3])
@pytest.mark.parametrize("batched", [None, False, True])
def test_a_comparison_is_an_action_of_whole_numbers(batched, lapse):
    bundle = Bundle(Shows(), User(policy=Compares(lapse, batched)), max_rounds=6)
    runs = bundle.run(EPISODES, seed=0, record="all")
    assert runs["user_action"].dtype == runs["task_state.shown"].dtype == np.int64
    assert set(np.unique(runs["user_action"])) == {0, 1}
    for episode in range(EPISODES):
        alone = by_hand(bundle, episode)
        assert (type(alone.user_action), type(alone.task_state.shown)) == (int, int)
        assert alone.user_action == runs["user_action"][episode, -1]
        assert alone.task_state.shown == runs["task_state.shown"][episode, -1]
        assert Compares.action_space.contains(alone.user_action)


@pytest.mark.parametrize("batched", [None, False])
def test_arrays_of_flags_and_of_integers_in_one_field_are_an_error(batched):
    """They are left as they are: `~flags` and a look-up by a mask need flags."""

    def begin(k):
        return np.array([k > 2, True]) if k < 4 else np.array([7, 7])

    task = Asking(begin, lambda x: x.sum(), spaces.whole(shape=2), batched)
    with pytest.raises(BatchError, match="different kinds, bool and int64") as caught:
        played(task).run(EPISODES, seed=0)
    assert "raised by Asking.reset in episode" in "".join(caught.value.__notes__)


@pytest.mark.parametrize("batched", [None, False])
def test_so_it_is_for_arrays(batched):
    def begin(k):
        return np.zeros(2, int) if k < 3 else np.array([0.5, 1.5])

    task = Asking(begin, lambda x: np.arctan2(-x[0], -1.0), spaces.real(shape=2), batched)
    runs = played(task).run(EPISODES, seed=0)
    alone = [by_hand(played(task), episode).task_state for episode in range(EPISODES)]
    assert [state.y for state in alone] == list(runs["task_state.y"][:, -1])
    assert {state.x.dtype for state in alone} == {np.dtype(float)}


class Real(DeterministicPolicy):
    action_space = spaces.real(-1.0, 1.0)

    def action(self, observation, state):
        return 0 if observation.task_state.k < 3 else 0.5


class OfActions(Asking):
    def on_user_action(self, game, rng):
        return Transition(game.task_state.replace(y=np.arctan2(-game.user_action, -1.0)))


def test_so_it_is_for_actions():
    task = OfActions(integers_or_halves, None)
    bundle = played(task, User(policy=Real()))
    runs = bundle.run(EPISODES, seed=0)
    alone = [by_hand(bundle, episode) for episode in range(EPISODES)]
    assert [game.task_state.y for game in alone] == list(runs["task_state.y"][:, -1])
    assert {type(game.user_action) for game in alone} == {float}
    bundle.reset(seed=0)
    step = bundle.step(user_action=0)
    assert type(step.game.user_action) is float
    assert type(played(Asking(integers_or_halves, abs)).reset(seed=0).task_state.x) is float


def test_what_is_forced_is_of_the_kind_of_its_field():
    bundle = played(Asking(integers_or_halves, abs))
    assert type(bundle.reset(seed=0, start={"task_state": {"x": 1}}).task_state.x) is float
    assert bundle.run(3, over={"task_state.x": range(2)}).over["task_state.x"].dtype == float


def test_an_integer_to_which_no_float_is_equal_is_an_error():
    task = Asking(lambda k: 2**53 + 1 if k < 3 else 0.5, abs)
    with pytest.raises(SpaceError, match="no float is equal"):
        [by_hand(played(task), episode) for episode in range(EPISODES)]
    with pytest.raises((SpaceError, BatchError), match=r"no float is equal|different kinds"):
        played(task).run(EPISODES, seed=0)


class Seeing(ObservationEngine):
    def __init__(self, see, batched=None):
        self.see, self.batched = see, batched

    def observe(self, game, rng):
        return State(task_state=game.task_state, seen=self.see(game.task_state.k)), 0.0


@pytest.mark.parametrize("batched", [None, False])
@pytest.mark.parametrize(
    ("see", "words"),
    [
        (integers_or_halves, "numbers of different kinds, float64 and int64"),
        (lambda k: k > 2 if k < 4 else 7, "numbers of different kinds, bool and int64"),
        (lambda k: np.zeros(2, np.int8) if k < 3 else np.zeros(2, int), "different kinds, int64 and int8"),
        (lambda k: np.zeros(2) if k < 3 else np.zeros(3), "different shapes"),
        (lambda k: None if k < 3 else 0.5, "None in some episodes"),
        (lambda k: "a" if k < 3 else 0.5, "different"),
    ],
)
def test_observations_of_several_kinds_are_an_error_that_names_the_episode(see, words, batched):
    user = User(policy=Still(), observation_engine=Seeing(see, batched))
    with pytest.raises(BatchError, match=words) as caught:
        played(Asking(integers_or_halves, abs), user).run(EPISODES, seed=0)
    assert "raised by Seeing.observe in episode" in "".join(caught.value.__notes__)


class HalfIntegers(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(inner=State(x=1 if observation.task_state.k < 3 else 0.5)), 0.0


class HalfArrays(InferenceEngine):
    def infer(self, observation, state, rng):
        x = np.full(2, 1) if observation.task_state.k < 3 else np.full(2, 0.5)
        return state.replace(inner=State(x=x)), 0.0


@pytest.mark.parametrize("episodes", [5, EPISODES])
@pytest.mark.parametrize(
    ("engine", "x", "words"),
    [
        (
            HalfIntegers(),
            1,
            r"(1 and 0\.5|0\.5 and 1); .* such as float\(x\), in a field that began as a float",
        ),
        (
            HalfArrays(),
            np.full(2, 1),
            r"array\(\[1, 1\]\).* such as x\.astype\(float\), in a field that began",
        ),
    ],
)
def test_kinds_that_differ_in_a_field_are_told_with_its_name_and_what_to_write(engine, x, words, episodes):
    user = User(policy=Still(), inference_engine=engine, state=State(inner=State(x=x)))
    with pytest.raises(BatchError, match=words) as caught:
        played(Asking(integers_or_halves, abs), user).run(episodes, seed=0)
    (note,) = caught.value.__notes__
    assert note.endswith("field 'inner.x'")
    assert len(str(caught.value)) < 300


def test_a_method_that_gives_no_pair_is_an_error_for_any_number_of_episodes():
    class Alone(Still):
        def sample(self, observation, state, rng):
            return rng.integers(0, 2)

    bundle = played(Asking(integers_or_halves, abs), User(policy=Alone()))
    for episodes in (1, 2, 3, 40):
        with pytest.raises(ContractError, match=r"Alone.sample: expected \(action, reward\)"):
            bundle.run(episodes, seed=0)
    with pytest.raises(
        ContractError, match=r"Alone.sample: expected \(action, reward\), got [01] of type int"
    ):
        by_hand(bundle, 0)


class Hundredfold(InferenceEngine):
    batched = True

    def infer(self, observation, state, rng):
        return state.replace(k=state.k * 100, p=state.p * 1.1), 0.0


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint64])
@pytest.mark.parametrize("way", ["start", "over"])
def test_integers_that_are_forced_are_those_of_one_episode(kind, way):
    user = User(policy=Still(), inference_engine=Hundredfold(), state=State(k=1, p=0.1))
    bundle = Bundle(Asking(integers_or_halves, abs), user, max_rounds=2)
    values, reals = np.array([7, 9, 11], kind), np.array([0.1, 0.2, 0.3], np.float32)
    forced = {"user_state.k": values, "user_state.p": reals}
    runs = bundle.run(3, seed=0, **{way: forced})
    for row in range(3):
        bundle.reset(
            seed=0, episode=row, start={"user_state.k": int(values[row]), "user_state.p": float(reals[row])}
        )
        bundle.step()
        game = bundle.step().game
        at = (row, -1) if way == "start" else (row, row, row, -1)
        assert game.user_state.k == runs["user_state.k"][at] == 10_000 * values[row].item()
        assert game.user_state.p == runs["user_state.p"][at]


class Narrows(ObservationEngine):
    def observe(self, game, rng):
        size = 3 if game.round_index < 3 else 1
        return State(task_state=game.task_state, v=np.ones(size)), 0.0


def test_a_shape_that_changes_between_rounds_is_not_recorded():
    user = User(policy=Still(), observation_engine=Narrows())
    runs = Bundle(Asking(integers_or_halves, abs), user, max_rounds=5).run(9, seed=0)
    with pytest.raises(
        EpisodeError, match=r"user_observation.v: its shape changes between rounds, from \(3,\) to \(1,\)"
    ):
        runs["user_observation.v"]


class Either(DeterministicPolicy):
    action_space = spaces.Dict(a=spaces.Discrete(9), b=spaces.Discrete(9))

    def action(self, observation, state):
        k = observation.task_state.k
        return State(a=k, b=1) if k < 3 else State(b=2, a=k)


def test_fields_may_come_in_any_order():
    class Takes(Asking):
        def on_user_action(self, game, rng):
            return Transition(game.task_state.replace(y=float(game.user_action.a)))

    for batched in (None, False):
        task = Takes(integers_or_halves, abs, batched=batched)
        policy = Either()
        policy.batched = batched
        runs = played(task, User(policy=policy)).run(EPISODES, seed=0)
        assert (runs["task_state.y"][:, -1] == runs["task_state.k"][:, -1]).all()


class Only(InteractionTask):
    """Some episodes give `x` for a flag or for a float, which those of the others are not fit for."""

    state_space = spaces.Dict(
        x=spaces.whole(), v=spaces.whole(shape=2), y=spaces.real(), w=spaces.real(shape=2)
    )

    def reset(self, rng):
        x = rng.integers(0, 4) if rng.random() < 0.8 else 2**60 + 1
        return State(x=x, v=np.array([0, 1]) + x, y=0.0, w=np.zeros(2))

    def on_user_action(self, game, rng):
        state = game.task_state
        if state.x > 3:
            return Transition(state, 1.0)
        if state.x > 1:
            return Transition(state.replace(w=state.v), state.x)
        return Transition(state.replace(y=state.x), 0.5, state.x)


def test_what_other_episodes_hold_does_not_change_the_kind_of_what_is_given():
    together, alone = played(Only()).run(200, seed=0), played(Only())
    alone.task.batched = False
    assert together == alone.run(200, seed=0)
    assert 0 < together.terminated.sum() < 200


class Short(InteractionTask):
    """Pays a number of 32 bits, in some episodes an integer."""

    state_space = spaces.Dict(v=spaces.Box(0, 1, (3,), np.float32))

    def reset(self, rng):
        return State(v=rng.random(3).astype(np.float32))

    def on_user_action(self, game, rng):
        v = game.task_state.v
        return Transition(game.task_state, 1 if v[1] > 0.7 else v[0])


def test_rewards_of_32_bits_add_up_as_they_do_alone():
    bundle = played(Short())
    together = bundle.run(EPISODES, seed=0)
    assert together.returns.dtype == together["rewards.user_task"].dtype == np.float64
    assert all(bundle.run([episode], seed=0) == together.episode(episode) for episode in range(EPISODES))


class Vectors(Asking):
    """`x` is an array of the one type in some episodes, and of the other one in others."""

    def __init__(self, space, types, batched):
        self.types, self.batched = types, batched
        if space is not None:
            self.state_space = spaces.Dict(k=spaces.Discrete(5), x=space, y=spaces.real())

    def reset(self, rng):
        return State(k=rng.integers(0, 5), x=np.zeros(3, self.begins), y=0.0)

    def on_user_action(self, game, rng):
        state, given = game.task_state, np.array([1, 0, 1])
        if game.round_index:  # reads what the round before gave: a mask picks, an integer looks up
            return Transition(state.replace(y=np.arange(1.0, 4.0)[state.x].sum() + (-(state.x * 100)).sum()))
        return Transition(state.replace(x=given.astype(self.types[0 if state.k < 3 else 1])))


class Reals(Vectors):
    """The same for floats."""

    begins = float

    def on_user_action(self, game, rng):
        state, given = game.task_state, np.array([1.0, 0.0, 1.0])
        if game.round_index:
            return Transition(state.replace(y=(state.x / 3).sum()))
        return Transition(state.replace(x=given.astype(self.types[0 if state.k < 3 else 1])))


class Wholes(Vectors):
    begins = int


def check_alike(task, space, types):
    """What is given together is what each episode gives alone, in its values and in its kind."""
    expected = task(space, types, None)
    alone = [by_hand(played(expected), episode).task_state for episode in range(EPISODES)]
    for batched in (None, False):
        runs = played(task(space, types, batched)).run(EPISODES, seed=0)
        assert {state.x.dtype for state in alone} == {runs["task_state.x"].dtype}
        assert [state.y for state in alone] == list(runs["task_state.y"][:, -1])
        assert [state.x.tolist() for state in alone] == runs["task_state.x"][:, -1].tolist()
    return runs["task_state.x"].dtype


INTEGERS = [np.int8, np.uint8, np.int32, np.int64, np.uint64]
OF_INTEGERS = {
    "undeclared": None,
    "whole": spaces.whole(shape=3),
    "bytes": spaces.Box(0, 255, (3,), np.uint8),
    "MultiBinary": spaces.MultiBinary(3),
    "MultiDiscrete": spaces.MultiDiscrete([2, 3, 4]),
}


@pytest.mark.parametrize("space", OF_INTEGERS.values(), ids=OF_INTEGERS)
@pytest.mark.parametrize("first", INTEGERS)
@pytest.mark.parametrize("second", INTEGERS)
def test_arrays_of_integers_have_64_bits(space, first, second):
    assert check_alike(Wholes, space, (first, second)) == np.int64


@pytest.mark.parametrize("given", INTEGERS)
def test_an_array_of_flags_in_a_field_that_began_with_integers_is_one_of_integers(given):
    for types in ((bool, given), (given, bool), (bool, bool)):
        assert check_alike(Wholes, None, types) == np.int64


@pytest.mark.parametrize("name", [name for name in OF_INTEGERS if name != "undeclared"])
def test_a_mask_stays_one_in_a_declared_field_and_beside_integers_is_an_error(name):
    class Masks(Wholes):
        def on_user_action(self, game, rng):
            transition = super().on_user_action(game, rng)
            return transition if game.round_index == 0 else Transition(game.task_state, transition.reward)

    space = OF_INTEGERS[name]
    assert by_hand(played(Masks(space, (bool, bool), None)), 0).task_state.x.dtype == bool
    for batched in (None, False):
        runs = played(Masks(space, (bool, bool), batched)).run(EPISODES, seed=0, record="final")
        assert runs["task_state.x"].dtype == bool
        with pytest.raises(BatchError, match="different kinds, bool and int64"):
            played(Masks(space, (bool, np.uint8), batched)).run(EPISODES, seed=0)


@pytest.mark.parametrize(
    "space", [None, spaces.real(shape=3), spaces.Box(-1, 2, (3,), np.float32)], ids=["none", "64", "32"]
)
@pytest.mark.parametrize("first", [bool, np.uint8, np.int64, np.float16, np.float32, float])
@pytest.mark.parametrize("second", [bool, np.int64, np.float32, float])
def test_arrays_of_floats_have_64_bits(space, first, second):
    assert check_alike(Reals, space, (first, second)) == np.float64


@pytest.mark.parametrize("batched", [None, False])
def test_so_it_is_for_actions_of_32_bits(batched):
    class Short(DeterministicPolicy):
        action_space = spaces.Box(-1, 1, (2,), np.float32)

        def action(self, observation, state):
            given = np.array([0.1, 0.7])
            return given.astype(np.float32) if observation.task_state.k < 3 else given

    class Takes(Asking):
        def on_user_action(self, game, rng):
            return Transition(game.task_state.replace(y=(game.user_action / 3).sum()))

    policy = Short()
    policy.batched = batched
    bundle = played(Takes(integers_or_halves, abs), User(policy=policy))
    runs = bundle.run(EPISODES, seed=0)
    alone = [by_hand(bundle, episode).task_state.y for episode in range(EPISODES)]
    assert alone == list(runs["task_state.y"][:, -1])
    assert runs["user_action"].dtype == np.float64
