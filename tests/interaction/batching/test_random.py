"""Draws in lifted methods are those of each episode alone, in any branch, in any order, of any shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction.batching.lifting import LiftedMethod
from interaction.component import Component
from interaction.errors import ArgumentError
from interaction.random import EpisodeRandom
from interaction.state import State
from tests.interaction.batching.compare import ROWS, assert_lifted, assert_not_lifted, compare, repeated

NUMBER = repeated(2.5, 0.5, 1.5, 3.0, 0.25)
WHOLE = repeated(3, 1, 2, 7)
WEIGHTS = np.random.default_rng(0).random((ROWS, 4)) * (np.random.default_rng(1).random((ROWS, 4)) < 0.7)
WEIGHTS[:, 2] += 0.1
WEIGHTS.setflags(write=False)


def streams():
    """Streams of episodes one after the other, of some of them, of few that lie apart, and of replicas."""
    rows = np.arange(ROWS)
    yield EpisodeRandom(3, episodes=rows).at(4, 2)
    yield EpisodeRandom(3, episodes=rows * 7 + 2).at(0, 0)
    yield EpisodeRandom(3, episodes=rows * 10**6).at(1, 5)
    yield EpisodeRandom(3, episodes=rows[::-1] // 2).at(1, 5)
    yield EpisodeRandom(3, episodes=rows[: ROWS // 4]).at(2, 3).repeat(4)
    yield EpisodeRandom(3, episodes=rows[: ROWS // 4]).at(2, 3).repeat(4, common=False)
    yield EpisodeRandom(3, episodes=rows).at(2, 3).simulation().at(1, 1)
    apart = EpisodeRandom(3, episodes=rows)
    apart.place = rows // 3 << 4 | 2
    yield apart


DRAWS = {
    "random": lambda x, i, w, rng: rng.random(),
    "random of one": lambda x, i, w, rng: rng.random(1),
    "random of three": lambda x, i, w, rng: rng.random((3,)),
    "random of a matrix": lambda x, i, w, rng: rng.random((2, 5)),
    "random of none": lambda x, i, w, rng: rng.random((0,)),
    "random of as many as there are": lambda x, i, w, rng: rng.random((i,)).sum(),
    "normal": lambda x, i, w, rng: rng.normal(),
    "normal around a number": lambda x, i, w, rng: rng.normal(x, 0.5),
    "normal as wide as a number": lambda x, i, w, rng: rng.normal(1, x),
    "normal vectors": lambda x, i, w, rng: rng.normal(x, 2.0, (3,)),
    "normal around a vector": lambda x, i, w, rng: rng.normal(w, x, (4,)),
    "normal by name": lambda x, i, w, rng: rng.normal(scale=x, shape=(2,)),
    "integers": lambda x, i, w, rng: rng.integers(-2, 9),
    "integers up to a number": lambda x, i, w, rng: rng.integers(0, i),
    "integers from a number": lambda x, i, w, rng: rng.integers(-i, i + 1, (3,)),
    "integers far apart": lambda x, i, w, rng: rng.integers(-(2**52), 2**52),
    "categorical": lambda x, i, w, rng: rng.categorical([0.2, 0.0, 0.5, 0.3]),
    "categorical of numbers": lambda x, i, w, rng: rng.categorical([x, 1.0, 0.0]),
    "categorical of weights": lambda x, i, w, rng: rng.categorical(w),
    "categorical of few": lambda x, i, w, rng: rng.categorical(w[1:]),
    "categorical of a constant": lambda x, i, w, rng: rng.categorical(np.arange(4)),
    "categorical of flags": lambda x, i, w, rng: rng.categorical(w > 0),
    "shuffle": lambda x, i, w, rng: rng.shuffle(6),
    "shuffle of as many as there are": lambda x, i, w, rng: rng.shuffle(i)[0],
    "shuffle of none": lambda x, i, w, rng: rng.shuffle(0),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_draw_is_that_of_each_episode(name):
    for rng in streams():
        assert_lifted(DRAWS[name], NUMBER, WHOLE, WEIGHTS, rng=rng)


@settings(max_examples=150, derandomize=True)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(DRAWS)), st.booleans(), st.booleans()), min_size=1, max_size=6)
)
def test_draws_in_any_order_and_in_any_branch(plan):
    def method(x, i, w, rng):
        total = 0.0
        for name, only_some, by_draw in plan:
            if (only_some and x > 1.0) or (by_draw and rng.random() < 0.4):
                continue
            total += np.sum(DRAWS[name](x, i, w, rng))
        return total, rng.random()

    compare(method, NUMBER, WHOLE, WEIGHTS, rng=next(iter(streams())))


def test_what_is_drawn_is_ones_own():
    def method(x, rng):
        first = rng.random((3,))
        first[0] = x
        second = rng.random((3,))
        second *= 2
        state = State(first=first)
        first += 1
        return first, second, state

    assert_lifted(method, NUMBER, rng=next(iter(streams())))


def test_kinds_are_those_of_one_episode():
    def method(x, rng):
        values = (
            rng.random(),
            rng.normal(),
            rng.integers(0, 3),
            rng.categorical([1, 1]),
            rng.shuffle(2),
            rng.random(2),
        )
        kinds = (float, int, np.ndarray, np.float64, np.int64)
        return tuple(isinstance(value, kind) for value in values for kind in kinds)

    assert_lifted(method, NUMBER, rng=next(iter(streams())))


def test_the_episode_is_told_as_in_one_episode():
    for rng in streams():
        assert_lifted(lambda x, rng: (rng.episode + 1, rng.rows, rng.batched), NUMBER, rng=rng)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, rng: rng.generator().random(),
        lambda x, rng: rng.simulation().random(),
        lambda x, rng: rng.copy().random(),
        lambda x, rng: float(rng.repeat(3).random()[0]),
    ],
)
def test_what_belongs_to_one_episode_is_not_lifted(function):
    assert_not_lifted(function, NUMBER, rng=next(iter(streams())), because="one episode")


WRONG = {
    "scale": (lambda x, i, w, rng: rng.normal(0.0, x - 0.3), "scale >= 0"),
    "order": (lambda x, i, w, rng: rng.integers(0, i - 1), "low < high"),
    "float bounds": (lambda x, i, w, rng: rng.integers(0, x), "integers"),
    "no weights": (lambda x, i, w, rng: rng.categorical(w * (x > 0.3)), ""),
    "weights below zero": (lambda x, i, w, rng: rng.categorical(w - (x < 0.3)), ""),
    "NaN": (lambda x, i, w, rng: rng.categorical(w * (np.nan if x < 0.3 else 1)), ""),
    "a length below zero": (lambda x, i, w, rng: rng.random((i - 2,)).sum(), ">= 0"),
    "shuffle": (lambda x, i, w, rng: np.sum(rng.shuffle(i - 2)), ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arguments_raise_what_one_episode_raises_and_name_it(name, caplog):
    caplog.set_level("ERROR", "interaction")
    function, says = WRONG[name]

    class Drawing(Component):
        def infer(self, *arguments):
            return function(*arguments)

    def alone(row):
        given = (value[row].item() if value.ndim == 1 else value[row] for value in values)
        try:
            function(*given, rng.row(row))
        except (ArgumentError, ValueError) as error:
            return row, error
        return row, None

    rng = EpisodeRandom(3, episodes=np.arange(ROWS) * 2 + 5).at(3, 2)
    component = Drawing()
    values = NUMBER, WHOLE, WEIGHTS
    row, raised = next(found for found in map(alone, range(ROWS)) if found[1] is not None)
    with pytest.raises(type(raised)) as error:
        LiftedMethod(component, component.infer)(*values, rng.copy())
    assert str(error.value) == str(raised)
    assert says in str(error.value)
    assert error.value.__notes__ == [f"raised by Drawing.infer in episode {5 + 2 * row}, round 3"]


def test_rows_of_a_selection_have_the_numbers_that_they_have_in_the_whole():
    class Drawing(Component):
        def infer(self, x, rng):
            return rng.normal(x) if x > 1 else rng.random() + rng.integers(0, 9)

    component = Drawing()
    whole = LiftedMethod(component, component.infer)(NUMBER, next(iter(streams())))
    chosen = np.array([3, 17, 4, 39, 0, 11])
    few = LiftedMethod(component, component.infer)(NUMBER[chosen], next(iter(streams())).select(chosen))
    assert few.tolist() == whole[chosen].tolist()
