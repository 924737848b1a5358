"""An error of a component comes through as it is, with a note of where it was; a hole in a rule shows."""

import logging

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    Policy,
    RandomPolicy,
    State,
    Transition,
    User,
    spaces,
)
from interaction.batching import lifting, play, ways
from interaction.batching.rules import FUNCTIONS
from interaction.errors import BatchError, ContractError, SpaceError, UnknownNameError

TEN = spaces.Discrete(10)


class OwnError(Exception):
    """An error of a component, with arguments of its own."""

    def __init__(self, what, number):
        super().__init__(what, number)
        self.number = number


class Count(InteractionTask):
    state_space = spaces.Dict({"x": TEN})

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + game.user_action) % 10))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


class Fails(DeterministicPolicy):
    """Raises where it is at seven."""

    action_space = TEN

    def __init__(self, error):
        super().__init__()
        self.error = error

    def action(self, observation, state):
        x = observation.task_state.x
        if x == 7:
            raise self.error
        return (x + 1) % 10


def first_at_seven(bundle, rounds=9):
    """The first round in which an episode is at seven, and its index."""
    games = []
    for episode in range(40):
        bundle.reset(seed=0, episode=episode)
        for number in range(rounds):
            game = bundle.game
            if game.task_state.x == 7:
                games.append((number, episode))
                break
            bundle.step()
    return min(games)


def first_rounds(bundle, episodes):
    """Play the first round of some episodes, one after the other."""
    for episode in range(episodes):
        bundle.reset(seed=0, episode=episode)
        bundle.step()


@pytest.mark.parametrize("batched", [None, False])
@pytest.mark.parametrize(
    "error",
    [
        ValueError("out of range: 7"),
        KeyError("seven"),
        OwnError("seven", 7),
        ContractError("my own contract"),
        SpaceError("my own space"),
        ZeroDivisionError("division by zero"),
        StopIteration(7),
        RuntimeError(),
        AssertionError("x != 7"),
        TypeError("'int' object is not subscriptable"),
        NotImplementedError("later"),
        FloatingPointError("mine"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_keeps_its_type_and_message_and_says_where_it_was(error, batched):
    policy = Fails(error)
    policy.batched = batched
    bundle = Bundle(Count(), User(policy=policy), max_rounds=9)
    number, episode = first_at_seven(bundle)
    error.__notes__ = []
    with pytest.raises(type(error)) as found:
        bundle.run(40, seed=0)
    assert found.value is error
    assert found.value.args == error.args
    assert found.value.__notes__ == [f"raised by Fails.sample in episode {episode}, round {number}"]


class FailingLook(ObservationEngine):
    def observe(self, game, rng):
        if game.task_state.x == 7:
            raise OwnError("look", 1)
        return State(task_state=game.task_state), 0.0


class FailingThought(InferenceEngine):
    def infer(self, observation, state, rng):
        if rng.random() < 0.05:
            raise OwnError("thought", 2)
        return state, 0.0


class FailingTask(Count):
    def on_user_action(self, game, rng):
        if game.user_action == game.task_state.x:
            raise OwnError("task", 3)
        return super().on_user_action(game, rng)


class FailingReset(User):
    def reset(self, rng):
        if rng.integers(0, 20) == 3:
            raise OwnError("reset", 4)
        return State()


RANDOM = RandomPolicy(TEN)


@pytest.mark.parametrize(
    ("bundle", "who"),
    [
        (Bundle(Count(), User(policy=RANDOM, observation_engine=FailingLook())), "FailingLook.observe"),
        (Bundle(Count(), User(policy=RANDOM, inference_engine=FailingThought())), "FailingThought.infer"),
        (
            Bundle(Count(), User(policy=RANDOM), Assistant(policy=RANDOM, inference_engine=FailingThought())),
            "FailingThought.infer",
        ),
        (Bundle(FailingTask(), User(policy=RANDOM)), "FailingTask.on_user_action"),
        (Bundle(Count(), FailingReset(policy=RANDOM)), "FailingReset.reset"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_component_is_named(bundle, who):
    with pytest.raises(OwnError) as error:
        bundle.run(60, seed=0)
    (note,) = error.value.__notes__
    assert note.startswith(f"raised by {who} in episode ")


@pytest.mark.parametrize(
    ("line", "raised"),
    [
        ("state.missing", AttributeError),
        ("observation.task_state['missing']", KeyError),
        ("observation.task_state.replace(y=1)", UnknownNameError),
        ("[1, 2, 3][observation.task_state.x]", IndexError),
        ("{3: 1}[observation.task_state.x]", KeyError),
        ("np.arange(3)[observation.task_state.x]", IndexError),
        ("observation.task_state.x[0]", TypeError),
        ("observation.task_state.x.shape[0] + observation.task_state.x.sum()", AttributeError),
        ("len(observation.task_state.x)", TypeError),
        ("1 // (observation.task_state.x - 3)", ZeroDivisionError),
        ("observation.task_state.x + 'a'", TypeError),
        ("np.zeros(3) @ np.zeros(4) * observation.task_state.x", ValueError),
        ("np.stack([observation.task_state.x, np.zeros(3)])", ValueError),
        ("State(task_state=observation.task_state, x=[1])", ContractError),
        ("int(f'{observation.task_state.x}a')", ValueError),
        ("missing(observation.task_state.x)", NameError),
    ],
)
def test_a_mistake_is_the_error_of_one_episode(line, raised):
    body = f"    found = {line}\n    return 0 * observation.task_state.x\n"
    source = f"def action(self, observation, state):\n{body}"
    names = {"np": np, "State": State}
    exec(source, names)
    kind = type("Mistaken", (DeterministicPolicy,), {"action_space": TEN, "action": names["action"]})
    bundle = Bundle(Count(), User(policy=kind()), max_rounds=9)
    with pytest.raises(raised) as alone:
        first_rounds(bundle, 40)
    with pytest.raises(raised) as error:
        bundle.run(40, seed=0)
    assert type(error.value) is type(alone.value)
    assert error.value.args == alone.value.args
    assert error.value.__notes__[-1].startswith("raised by Mistaken.sample in episode ")


class Gives(Policy):
    """Gives an action alone, or nothing, in place of an action and a reward."""

    action_space = TEN

    def __init__(self, given):
        self.given = given

    def sample(self, observation, state, rng):
        return {"alone": observation.task_state.x, "nothing": None}[self.given]


@pytest.mark.parametrize("rows", [1, 2, 3, 40])
@pytest.mark.parametrize("given", ["alone", "nothing"])
def test_what_a_method_should_not_give_is_an_error(given, rows):
    bundle = Bundle(Count(), User(policy=Gives(given)), max_rounds=3)
    with pytest.raises(ContractError, match=r"Gives.sample: expected \(action, reward\), got"):
        first_rounds(bundle, 1)
    with pytest.raises(ContractError, match=r"Gives.sample: expected \(action, reward\), got"):
        bundle.run(rows, seed=0)


def test_a_list_is_no_action_and_the_component_is_named(caplog):
    class Lists(InferenceEngine):
        def infer(self, observation, state, rng):
            return state, max([observation.task_state.x, 0][0:1] * 1)

    class GivesList(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            return [observation.task_state.x]

    Bundle(Count(), User(policy=RANDOM, inference_engine=Lists()), max_rounds=3).run(40, seed=0)
    assert not caplog.records
    with pytest.raises(ContractError, match="of type list") as error:
        Bundle(Count(), User(policy=GivesList()), max_rounds=3).run(40, seed=0)
    assert error.value.__notes__[-1] == "raised by GivesList.sample in episode 0, round 0"


# A hole in a rule.


class Rooted(InferenceEngine):
    """Asks for a function whose rule is wrong, from the third round on."""

    def infer(self, observation, state, rng):
        if observation.round_index < 3:
            return state, 0.0
        return state, np.linalg.norm(np.stack([observation.task_state.x, 1.0])) * 1.0


def test_a_rule_that_is_wrong_is_found_out_and_the_run_repeated(monkeypatch, caplog):
    def bundle():
        return Bundle(Count(), User(policy=RANDOM, inference_engine=Rooted()), max_rounds=6)

    expected = bundle().run(60, seed=0)
    right = FUNCTIONS[np.linalg.norm]
    monkeypatch.setitem(FUNCTIONS, np.linalg.norm, lambda run, x, *rest: right(run, x) + 1e-9)
    assert not caplog.records
    wrong = bundle()
    with caplog.at_level(logging.WARNING, "interaction"):
        assert wrong.run(60, seed=0) == expected
        assert wrong.run(60, seed=0) == expected
    (record,) = caplog.records
    assert "Rooted.infer is played episode by episode" in record.getMessage()
    assert "and report it" in record.getMessage()
    assert ways(wrong)["user inference engine.infer"] == "episode by episode"


class RootedInFew(InferenceEngine):
    """Asks for that function in a single round, or in one episode of nine alone."""

    def __init__(self, seldom):
        self.seldom = seldom

    def infer(self, observation, state, rng):
        if self.seldom(observation):
            return state, np.linalg.norm(np.stack([observation.task_state.x, 1.0])) * 1.0
        return state, 0.0


@pytest.mark.parametrize(
    "seldom",
    [
        lambda observation: observation.round_index == 4,
        lambda observation: observation.round_index == 10,
        lambda observation: observation.task_state.x == 9,
        lambda observation: observation.round_index == 5 and observation.task_state.x > 7,
    ],
)
def test_it_is_found_out_in_whatever_round_and_group_it_shows(seldom, monkeypatch, caplog):
    def bundle():
        return Bundle(Count(), User(policy=RANDOM, inference_engine=RootedInFew(seldom)), max_rounds=20)

    expected = bundle().run(500, seed=0)
    right = FUNCTIONS[np.linalg.norm]
    monkeypatch.setitem(FUNCTIONS, np.linalg.norm, lambda run, x, *rest: right(run, x) + 1e-9)
    monkeypatch.setattr(lifting, "_told", set())
    with caplog.at_level(logging.WARNING, "interaction"):
        assert bundle().run(500, seed=0) == expected
    (record,) = caplog.records
    assert "RootedInFew.infer is played episode by episode" in record.getMessage()


def test_chunks_before_are_played_again_too(monkeypatch, caplog):
    def bundle():
        return Bundle(
            Count(), User(policy=RANDOM, inference_engine=RootedInFew(lambda o: o.round_index == 1))
        )

    monkeypatch.setattr(play, "CHUNK", 20)
    expected = bundle().replace(max_rounds=3).run(100, seed=0)
    right = FUNCTIONS[np.linalg.norm]
    wrong = bundle().replace(max_rounds=3)
    monkeypatch.setitem(FUNCTIONS, np.linalg.norm, lambda run, x, *rest: right(run, x) + 1e-9)
    monkeypatch.setattr(lifting, "_told", set())
    compare_rows = lifting.LiftedMethod._compare_rows
    found = []

    def late(self, *arguments):  # as if the comparisons in the chunks before had not met the hole
        if self._calls >= 8:
            found.append(self._calls)
            compare_rows(self, *arguments)

    monkeypatch.setattr(lifting.LiftedMethod, "_compare_rows", late)
    assert wrong.run(100, seed=0) == expected
    assert ways(wrong)["user inference engine.infer"] == "episode by episode"
    assert found[0] == 8


def asked_by_text(x):
    return 1 if str(x) == "3" else 0


class AsksAHelper(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return asked_by_text(observation.task_state.x)


def test_a_few_episodes_that_part_are_not_told_and_do_not_count(caplog):
    class Looks(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            return [1, 2, 3, 4, 5, 6, 7, 8, 9, 0][observation.task_state.x]

    bundle = Bundle(Count(), User(policy=Looks()), max_rounds=3)
    for episodes in (9, 12, 30, 400):
        bundle.run(episodes, seed=0)
    assert ways(bundle)["user policy.sample"] == "lifted"
    assert not caplog.records


def test_the_line_is_that_of_the_component_where_the_framework_asks(monkeypatch, caplog):
    monkeypatch.setattr(lifting, "_told", set())
    with caplog.at_level(logging.WARNING, "interaction"):
        Bundle(Count(), User(policy=AsksAHelper()), max_rounds=3).run(40, seed=0)
    (record,) = caplog.records
    assert "AsksAHelper.sample" in record.getMessage()
    assert '`return 1 if str(x) == "3" else 0`' in record.getMessage()


def test_what_lifting_raises_by_mistake_is_played_singly_and_told(monkeypatch, caplog):
    def raises(run, *arguments, **options):
        raise RuntimeError("a mistake of a rule")

    expected = Bundle(Count(), User(policy=RANDOM, inference_engine=Rooted()), max_rounds=6).run(60, seed=0)
    monkeypatch.setitem(FUNCTIONS, np.linalg.norm, raises)
    monkeypatch.setattr(lifting, "_told", set())
    bundle = Bundle(Count(), User(policy=RANDOM, inference_engine=Rooted()), max_rounds=6)
    with caplog.at_level(logging.WARNING, "interaction"):
        assert bundle.run(60, seed=0) == expected
    (record,) = caplog.records
    assert "RuntimeError: a mistake of a rule" in record.getMessage()


# Code that asks what a value is.


KINDS = {
    "type(x)": lambda x, flag: 1 if type(x) is int else 2,
    "type(x) ==": lambda x, flag: 1 if type(x) == int else 2,  # noqa: E721
    "x is True": lambda x, flag: 1 if flag is True else 2,
    "x is not False": lambda x, flag: 1 if flag is not False else 2,
    "hasattr": lambda x, flag: 1 if hasattr(x, "shape") else 2,
    "getattr": lambda x, flag: getattr(x, "ndim", 3),
    "x is None": lambda x, flag: 1 if x is None else 2,
    "__class__": lambda x, flag: 1 if x.__class__ is int else 2,
    "isinstance": lambda x, flag: 1 if isinstance(x, int) and isinstance(flag, bool) else 2,
    "x is x": lambda x, flag: 1 if x is x else 2,
    "callable": lambda x, flag: 1 if callable(x) else 2,
}


def matched(x, flag):
    match (flag, x % 2):
        case (True, 1):
            return 1
        case (False, part):
            return part
        case _:
            return 2


@pytest.mark.parametrize("name", [*KINDS, "match"])
def test_code_that_asks_what_a_value_is_is_answered_as_in_one_episode(name, caplog):
    function = KINDS.get(name, matched)

    class Asks(DeterministicPolicy):
        action_space = TEN

        def action(self, observation, state):
            return ask(observation.task_state.x, observation.task_state.x > 4)

    ask = function
    runs = Bundle(Count(), User(policy=Asks()), max_rounds=3).run(40, seed=0)
    for x, action in zip(runs["task_state.x"].ravel(), runs["user_action"].ravel(), strict=True):
        before = (int(x) - int(action)) % 10
        assert action == function(before, before > 4)
    assert len(caplog.records) <= 1


class MovesTo(InteractionTask):
    """MovesTo what `give` makes of its state, in a batch and alone."""

    def __init__(self, give, batched=None):
        self.give, self.batched = give, batched

    def reset(self, rng):
        return State(i=rng.integers(0, 5), v=rng.random(3), x=0.0)

    def on_user_action(self, game, rng):
        return self.give(game.task_state)


WRONG = {
    "a number for a vector": (lambda s: Transition(s.replace(v=s.v[0])), SpaceError),
    "a float for an integer": (lambda s: Transition(s.replace(i=s.v[0])), SpaceError),
    "a nested field": (lambda s: Transition(s.extend(inner=s)), SpaceError),
    "a vector as reward": (lambda s: Transition(s, s.v[:1]), ContractError),
    "a text as reward": (lambda s: Transition(s, "1"), ContractError),
    "NaN in some": (lambda s: Transition(s, float("nan") if s.i == 3 else 0.0), SpaceError),
    "a number for a flag": (lambda s: Transition(s, 0.0, s.i + 2), ContractError),
    "a float for a flag": (lambda s: Transition(s, 0.0, s.v[0]), ContractError),
    "beyond the space in some": (lambda s: Transition(s.replace(i=2**70 if s.i == 3 else 0)), SpaceError),
    "no transition": (lambda s: (s, 1.0), ContractError),
    "a state alone": (lambda s: s, ContractError),
    "nothing": (lambda s: None, ContractError),
    "an array": (lambda s: s.v, ContractError),
}


@pytest.mark.parametrize("batched", [None, False])
@pytest.mark.parametrize(("give", "error"), WRONG.values(), ids=WRONG)
def test_a_batch_tells_what_the_first_episode_gives_that_is_wrong(give, error, batched):
    def alone(episode):
        bundle = Bundle(MovesTo(give), User(policy=RandomPolicy(TEN)))
        bundle.reset(seed=0, episode=episode)
        bundle.step()

    with pytest.raises(error) as together:
        Bundle(MovesTo(give, batched), User(policy=RandomPolicy(TEN)), max_rounds=2).run(50, seed=0)
    notes = "".join(getattr(together.value, "__notes__", ["first in episode 0, round 0"]))
    episode = int(notes.removeprefix("first in episode ").removesuffix(", round 0"))
    for before in range(episode):
        alone(before)
    with pytest.raises(error) as single:
        alone(episode)
    words = str(together.value).replace(" (in a batch of 50 episodes)", "")
    assert words.replace(", or an array of 50 of them", "") == str(single.value)


def test_a_row_that_went_on_is_told_by_its_episode():
    class Leaves(MovesTo):
        def on_user_action(self, game, rng):
            s = game.task_state
            wrong = s.replace(i=2**70 if s.i == 3 and s.x else s.i, x=1.0)
            return Transition(wrong, 0.0, s.i != 3)

    bundle = Bundle(Leaves(None), User(policy=RandomPolicy(TEN)), max_rounds=2)
    states = [bundle.reset(seed=0, episode=episode).task_state for episode in range(50)]
    first = next(episode for episode, state in enumerate(states) if state.i == 3)
    assert first > 0
    with pytest.raises(SpaceError, match="got 1180591620717411303424") as caught:
        bundle.run(50, seed=0)
    assert caught.value.__notes__ == [f"first in episode {first}, round 1"]


def test_a_forgotten_return_is_told():
    for episodes in (1, 50):
        with pytest.raises(ContractError, match="got None of type NoneType; it may lack a `return`"):
            Bundle(MovesTo(lambda s: None), User(policy=RandomPolicy(TEN)), max_rounds=2).run(
                episodes, seed=0
            )
    bundle = Bundle(MovesTo(lambda s: None), User(policy=RandomPolicy(TEN)))
    bundle.reset(seed=0)
    with pytest.raises(ContractError, match="it may lack a `return`"):
        bundle.step()


UNLIKE = {
    "a float among integers": (
        lambda s: s.replace(i=1.0 if s.i else 1),
        "float(x), in a field that began as a float or is declared so, or int(x)",
    ),
    "a number for a vector": (
        lambda s: s.replace(v=s.v[0] if s.i else s.v),
        "values of different shapes or kinds: ",
    ),
    "no state in some": (lambda s: None if s.i else s, "None in some episodes"),
    "other fields in some": (lambda s: s.extend(a=s.v) if s.i else s, "states of different fields"),
}


@pytest.mark.parametrize("batched", [None, False])
@pytest.mark.parametrize(("give", "words"), UNLIKE.values(), ids=UNLIKE)
def test_what_is_unlike_is_told_of_two_episodes(give, words, batched):
    bundle = Bundle(MovesTo(lambda s: Transition(give(s)), batched), User(policy=RandomPolicy(TEN)))
    bundle.max_rounds = 2
    with pytest.raises(BatchError) as caught:
        bundle.run(1_000, seed=0)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 400
    if "shapes" in words:
        assert "of shape (3,)" in str(caught.value)
        assert "np.float64" not in str(caught.value)


def test_masks_beside_integers_are_told_what_to_write():
    class Declared(MovesTo):
        state_space = spaces.Dict(i=spaces.Discrete(5), v=spaces.real(shape=3), x=spaces.MultiBinary(3))

        def reset(self, rng):
            return State(i=rng.integers(0, 5), v=rng.random(3), x=np.zeros(3, int))

    task = Declared(lambda s: Transition(s.replace(x=s.v > 0.5) if s.i == 0 else s))
    with pytest.raises(BatchError, match=r"such as x\.astype\(int\), or x != 0 where flags are expected"):
        Bundle(task, User(policy=RandomPolicy(TEN)), max_rounds=2).run(50, seed=0)
