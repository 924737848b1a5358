"""Code that asks what a value is, and not what it is worth, is played episode by episode."""

import collections.abc
import copy
import functools
import math
import numbers
import operator
from typing import Protocol, runtime_checkable

import numpy as np
import pytest

from interaction import (
    Bundle,
    DeterministicPolicy,
    InteractionTask,
    RandomPolicy,
    State,
    Transition,
    User,
    spaces,
)
from interaction.batching import lifting, ways

USER = User(policy=RandomPolicy(spaces.Discrete(3)))


class Drawn(InteractionTask):
    def reset(self, rng):
        return State(x=10.0 * rng.random(), flag=rng.random() < 0.5)


class AsksForTheType(Drawn):
    def on_user_action(self, game, rng):
        x = game.task_state.x
        return Transition(game.task_state, 1.0 if type(x) is float and x > 9.9 else 0.0)


def is_float(x):
    return type(x) is float


class AsksInAFunction(Drawn):
    def on_user_action(self, game, rng):
        x = game.task_state.x
        return Transition(game.task_state, 1.0 if is_float(x) and x > 9.9 else 0.0)


class AsksForTrue(Drawn):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, 1.0 if game.task_state.flag is True else 0.0)


class NamesItself(Drawn):
    def on_user_action(self, game, rng):
        if type(self).__name__ == "Other":
            return Transition(game.task_state, 2.0)
        return Transition(game.task_state, 1.0 if isinstance(game.task_state.x, float) else 0.0)


class Asks(Drawn):
    """Rewards what a question gives that is put to a number, an array and a text."""

    state_space = spaces.Dict(
        {
            "x": spaces.real(),
            "k": spaces.Discrete(4),
            "flag": spaces.Discrete(2),
            "v": spaces.real(shape=2),
            "t": spaces.Text(3, charset="abc"),
        }
    )

    def __init__(self, question):
        self.question = question

    def reset(self, rng):
        k = rng.integers(0, 4)
        text = ("a", "ab", "bca", "c")[k]
        return State(x=10.0 * rng.random(), k=k, flag=rng.random() < 0.5, v=rng.random((2,)), t=text)

    def on_user_action(self, game, rng):
        state = game.task_state
        return Transition(state, float(self.question(state.x, state.k, state.flag, state.v, state.t)))


def caught(function, other=-1.0):
    """What a function gives, or another value where it raises as one does who asks for forgiveness."""

    def ask(x, k, flag, v, t):
        try:
            return function(x, k, flag, v, t)
        except (TypeError, AttributeError, ValueError, LookupError, FloatingPointError):
            return other

    return ask


ATTRIBUTES = [
    "shape",
    "ndim",
    "size",
    "dtype",
    "T",
    "numerator",
    "real",
    "upper",
    "__len__",
    "__iter__",
    "sum",
]
ATTRIBUTES += ["is_integer", "bit_count", "copy", "item", "tolist", "count", "hex", "__float__", "__array__"]
PROTOCOLS = ["Iterable", "Sized", "Hashable", "Container", "Collection", "Sequence", "Callable"]
QUESTIONS = {
    **{f"hasattr(x, {name!r})": lambda *v, n=name: sum(2**i * hasattr(x, n) for i, x in enumerate(v))
       for name in ATTRIBUTES},
    **{f"isinstance(x, {name})": lambda *v, n=name: sum(
        2**i * isinstance(x, getattr(collections.abc, n)) for i, x in enumerate(v)) for name in PROTOCOLS},
    "isinstance(x, abc.Sized)": lambda *v: sum(isinstance(x, collections.abc.Sized) for x in v),
    "isinstance(x, Number)": lambda *v: sum(isinstance(x, numbers.Number) for x in v),
    "getattr(x, 'ndim', -1)": lambda x, k, flag, v, t: getattr(x, "ndim", -1) + getattr(v, "ndim", -1),
    "getattr(k, 'numerator', -1)": lambda x, k, flag, v, t: getattr(k, "numerator", -1),
    "np.ndim": lambda x, k, flag, v, t: np.ndim(x) + 2 * np.ndim(v),
    "np.shape": lambda x, k, flag, v, t: len(np.shape(x)) + 2 * len(np.shape(v)),
    "np.isscalar": lambda *v: sum(2**i * np.isscalar(x) for i, x in enumerate(v)),
    "callable": lambda *v: sum(map(callable, v)),
    "len(x)": caught(lambda x, k, flag, v, t: len(x)),
    "len(t)": caught(lambda x, k, flag, v, t: len(t)),
    "t.count": caught(lambda x, k, flag, v, t: t.count("a")),
    "t.upper": caught(lambda x, k, flag, v, t: t.upper() == "A"),
    "'a' in t": caught(lambda x, k, flag, v, t: "a" in t),
    "t in 'abc'": caught(lambda x, k, flag, v, t: t in "abc"),
    "for c in t": caught(lambda x, k, flag, v, t: sum(c == "a" for c in t)),
    "t[0]": caught(lambda x, k, flag, v, t: t[0] == "a"),
    "t + 'x'": caught(lambda x, k, flag, v, t: t + "x" == "ax"),
    "'x' + t": caught(lambda x, k, flag, v, t: "x" + t == "xa"),
    "t * 2": caught(lambda x, k, flag, v, t: t * 2 == "aa"),
    "t % 2": caught(lambda x, k, flag, v, t: (t % 2) == "aa"),
    "'%s' % t": caught(lambda x, k, flag, v, t: operator.mod("%s!", t) == "a!"),
    "sorted(t)": caught(lambda x, k, flag, v, t: sorted(t)[0] == "a"),
    "max(t)": caught(lambda x, k, flag, v, t: max(t) == "b"),
    "t < 'b'": caught(lambda x, k, flag, v, t: t < "b"),
    "t < 3": caught(lambda x, k, flag, v, t: t < 3),
    "-t": caught(lambda x, k, flag, v, t: -t),
    "abs(t)": caught(lambda x, k, flag, v, t: abs(t)),
    "t | t": caught(lambda x, k, flag, v, t: t | t),
    "t // 2": caught(lambda x, k, flag, v, t: t // 2),
    "t ** 2": caught(lambda x, k, flag, v, t: t**2),
    "np.add(t, 1)": caught(lambda x, k, flag, v, t: np.add(t, 1)),
    "x[0]": caught(lambda x, k, flag, v, t: x[0]),
    "x @ v": caught(lambda x, k, flag, v, t: x @ v),
    "x << 1": caught(lambda x, k, flag, v, t: x << 1),
    "~x": caught(lambda x, k, flag, v, t: ~x),
    "range(x)": caught(lambda x, k, flag, v, t: len(range(x))),
    "[1, 2][x]": caught(lambda x, k, flag, v, t: [1, 2][x]),
    "int(t)": caught(lambda x, k, flag, v, t: int(t)),
    "float(v)": caught(lambda x, k, flag, v, t: float(v)),
    "hash(v)": caught(lambda x, k, flag, v, t: hash(v)),
    "if v": caught(lambda x, k, flag, v, t: 1 if v else 2),
    "len(v)": caught(lambda x, k, flag, v, t: len(v)),
    "x.upper()": caught(lambda x, k, flag, v, t: x.upper()),
    "v.upper()": caught(lambda x, k, flag, v, t: v.upper()),
    "v.foo": caught(lambda x, k, flag, v, t: v.foo),
    "x.foo": caught(lambda x, k, flag, v, t: x.foo),
    "k.bit_length()": caught(lambda x, k, flag, v, t: k.bit_length()),
    "x.hex()": caught(lambda x, k, flag, v, t: len(x.hex())),
    "v[5]": caught(lambda x, k, flag, v, t: v[5] if k else v[0], 3.0),
    "complex(x)": caught(lambda x, k, flag, v, t: complex(x).real),
    "divmod(x, 0)": caught(lambda x, k, flag, v, t: divmod(x, k or 1)[0]),
    "round(v)": caught(lambda x, k, flag, v, t: round(v)),
    "math.sqrt(v)": caught(lambda x, k, flag, v, t: math.sqrt(v)),
    "pow(k, 3, 7)": caught(lambda x, k, flag, v, t: pow(k, 3, 7)),
    "pow(x, 3, 7)": caught(lambda x, k, flag, v, t: pow(x, 3, 7)),
    "v in dict": caught(lambda x, k, flag, v, t: {0: 1}[v]),
    "iter(k)": caught(lambda x, k, flag, v, t: next(iter(k))),
    "flag.any()": caught(lambda x, k, flag, v, t: flag.any()),
    "np.float64(x).item()": caught(lambda x, k, flag, v, t: np.add(x, 0).item()),
    "unpacked": caught(lambda x, k, flag, v, t: [*v][1] + len([*t])),
    "a pair of v": caught(lambda x, k, flag, v, t: operator.sub(*v)),
}  # fmt: skip


def raising(x, k, flag, v, t):
    try:
        with np.errstate(all="raise"):
            return np.divide(1.0, k)
    except FloatingPointError:
        return -1.0


QUESTIONS["np.errstate(all='raise')"] = raising


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_whatever_code_asks_it_is_answered_as_in_one_episode(question):
    runs = Bundle(Asks(question), USER, max_rounds=1).run(60, seed=0)
    assert runs.rewards["user_task"].tolist() == single_rewards(Asks(question), range(60))


def test_an_error_of_arithmetic_that_is_asked_for_everywhere_is_raised_in_its_episodes():
    ask = caught(lambda x, k, flag, v, t: np.divide(1.0, k) + x * 1e308 * 10)
    with np.errstate(all="raise"):
        runs = Bundle(Asks(ask), USER, max_rounds=1).run(60, seed=0)
        expected = single_rewards(Asks(ask), range(60))
    assert runs.rewards["user_task"].tolist() == expected


def single_rewards(task, episodes):
    bundle = Bundle(task, USER, max_rounds=1)
    rewards = []
    for episode in episodes:
        bundle.reset(seed=0, episode=episode)
        rewards.append(bundle.step().rewards.user_task)
    return rewards


@pytest.mark.parametrize("kind", [AsksForTheType, AsksInAFunction, AsksForTrue])
def test_it_is_found_before_it_is_lifted(kind, caplog):
    bundle = Bundle(kind(), USER, max_rounds=1)
    runs = bundle.run(600, seed=0)
    assert ways(bundle)["task.on_user_action"] == "episode by episode"
    assert runs.rewards["user_task"].tolist() == single_rewards(kind(), range(600))
    assert 0 < runs.rewards["user_task"].sum() < 600
    lines = [record.getMessage() for record in caplog.records if kind.__name__ in record.getMessage()]
    assert len(lines) == 1
    assert "test_identity.py" in lines[0]
    assert "isinstance(x, float)" in lines[0]


def test_a_component_may_name_itself(caplog):
    bundle = Bundle(NamesItself(), USER, max_rounds=1)
    assert (bundle.run(600, seed=0).rewards["user_task"] == 1.0).all()
    assert ways(bundle)["task.on_user_action"] == "lifted"
    assert not caplog.records
    assert np.all(single_rewards(NamesItself(), range(3)))


class NamesAField(Drawn):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, sum(getattr(game.task_state, name) for name in ("x", "flag")))


def test_a_field_by_a_name_that_is_worked_out_is_told_what_to_write(caplog):
    runs = Bundle(NamesAField(), USER, max_rounds=1).run(60, seed=0)
    assert runs.rewards["user_task"].tolist() == single_rewards(NamesAField(), range(60))
    assert "Write state[name] for the field of a state" in caplog.text


# Wherever the question is put.


class Helper:
    def __init__(self, inner=None):
        self.inner = inner

    def ask(self, x):
        return 1 if type(x) is float else 2

    def __call__(self, x):
        return self.ask(x)


what = type
has = hasattr


@runtime_checkable
class HasLength(Protocol):
    def __len__(self) -> int: ...


def by_default(x, kind=type):
    return 1 if kind(x) is float else 2


def renamed(x):
    return 1 if what(x) is float else 2


def renamed_too(x):
    return 2 if has(x, "__len__") else 1


def protocol(x):
    return 2 if isinstance(x, HasLength) else 1


def asked(x):
    return 1 if type(x) is float else 2


TABLE = {"a": asked}


class Late(DeterministicPolicy):
    """Asks in a late round, which is no call that is always compared."""

    action_space = spaces.Discrete(3)
    bound = Helper()

    def __init__(self, way):
        self.way = way
        self.helper = Helper(Helper())
        self.functions = [asked]
        self.method = Helper().ask
        self.part = functools.partial(by_default, kind=type)

    def ask(self, x):
        return asked(x)

    @property
    def asking(self):
        return Helper().ask

    @classmethod
    def of_class(cls, x):
        return asked(x)

    def action(self, observation, state):
        if observation.round_index < 150:
            return 0
        return self.way(self, observation.task_state.x)


class Later(Late):
    def ask(self, x):
        return super().ask(x)


WAYS = {
    "itself": lambda self, x: asked(x),
    "a method": lambda self, x: self.ask(x),
    "a property": lambda self, x: self.asking(x),
    "a class method": lambda self, x: self.of_class(x),
    "a bound method": lambda self, x: self.method(x),
    "a list": lambda self, x: self.functions[0](x),
    "a table": lambda self, x: TABLE["a"](x),
    "a partial": lambda self, x: self.part(x),
    "what can be called": lambda self, x: self.helper(x),
    "two levels": lambda self, x: self.helper.inner.ask(x),
    "a default": lambda self, x: by_default(x),
    "another name": lambda self, x: renamed(x),
    "another name of hasattr": lambda self, x: renamed_too(x),
    "a protocol": lambda self, x: protocol(x),
    "two flags": lambda self, x: 1 if (x >= 0) is (x > -1) else 2,
    "two small integers": lambda self, x: 1 if (int(x) * 0 + 3) is (int(x) * 0 + 3) else 2,
}


@pytest.mark.parametrize("kind", [Late, Later])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_question_is_found_wherever_it_is_put(way, kind, monkeypatch):
    monkeypatch.setattr(lifting.LiftedMethod, "_compare", lambda *arguments: None)
    bundle = Bundle(Drawn2(), User(policy=kind(way)), max_rounds=152)
    runs = bundle.run(20, seed=0)
    bundle.reset(seed=0)
    for _ in range(152):
        step = bundle.step()
    assert (runs["user_action"][:, -1] == step.game.user_action).all()
    assert step.game.user_action == 1


class Copies(InteractionTask):
    """Imports a module whose name is that of a method of its arrays."""

    def reset(self, rng):
        return State(v=rng.random(3))

    def on_user_action(self, game, rng):
        v = game.task_state.v.copy()
        v[0] += 1
        return Transition(game.task_state.replace(v=v), v.sum())


class CopiesByTheModule(Copies):
    def on_user_action(self, game, rng):
        v = copy.copy(game.task_state.v.copy())
        return Transition(game.task_state.replace(v=v), v.sum())


class CopiesByItsOtherName(Copies):
    def on_user_action(self, game, rng):
        module = copy
        return Transition(game.task_state, module.copy(game.task_state.v).sum())


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (Copies, "lifted"),
        (CopiesByTheModule, "episode by episode"),
        (CopiesByItsOtherName, "episode by episode"),
    ],
)
def test_a_function_of_a_module_is_looked_into_where_it_is_called(kind, way, caplog):
    bundle = Bundle(kind(), USER, max_rounds=1)
    runs = bundle.run(60, seed=0)
    assert ways(bundle)["task.on_user_action"] == way
    assert bool(caplog.records) == (way != "lifted")
    assert runs.rewards["user_task"].tolist() == single_rewards(kind(), range(60))


class Drawn2(Drawn):
    def on_user_action(self, game, rng):
        return Transition(game.task_state)
