"""What numpy's and Python's functions give lifted is what they give in each episode, to the bit."""

import logging

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from interaction.batching.lifting import NotLiftedError, play_lifted
from interaction.state import lock
from tests.interaction.batching.compare import ROWS, assert_lifted, assert_not_lifted, compare, stream
from tests.interaction.batching.expressions import BINARY, UNARY, looked_up_and_assigned

SHAPES = [
    *((), (), (), (0,), (1,), (2,), (3,), (5,), (8,), (9,), (17,), (33,), (130,), (200,)),
    *((2, 2), (3, 3), (3, 8), (9, 2), (4, 1), (9, 9), (2, 3, 4)),
]
"""Among them are those at which numpy goes over to another order of adding: 8, and 128."""
KINDS = ["bool", "int", "int", "float", "float", "float", "special", "whole", "wide", "float32"]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, 1e308]


@pytest.fixture(autouse=True)
def nothing_is_told(caplog):
    caplog.set_level(logging.ERROR, "interaction")


def values_of(shape, kind, seed):
    """One value of a shape and a kind for each episode."""
    rng = np.random.default_rng(seed)
    if kind == "bool":
        return lock(rng.random((ROWS, *shape)) < 0.5)
    whole = rng.integers(-4, 7, (ROWS, *shape))
    if kind == "int":
        return lock(np.array(whole))
    if kind == "wide":
        return lock(np.array(whole * rng.integers(1, 2**40)))
    if kind == "whole":
        return lock(np.array(whole, float))
    reals = np.array(rng.normal(size=(ROWS, *shape)) * 10.0 ** rng.integers(-3, 4))
    if kind == "special":
        chosen = rng.random(reals.shape) < 0.2
        reals[chosen] = rng.choice(SPECIAL, chosen.sum())
    return lock(reals.astype(np.float32) if kind == "float32" else reals)


ENDLESS = {
    "x**y",
    "2**x",
    "x << y",
    "round(x, y)",
    "sum(range(abs(x)))",
    "np.bincount(x * x)",
    "np.repeat(x, y).sum()",
}
"""What takes for ever, or all memory, where numbers are large."""
SEEDS = st.integers(0, 10**6)
THOROUGH = settings(max_examples=1_500, derandomize=True)


def as_numpy(function):
    """The same of numpy's numbers, in place of Python's."""
    return lambda *arguments: function(*[np.add(x, 0) for x in arguments])


@THOROUGH
@given(st.sampled_from(sorted(UNARY)), st.sampled_from(SHAPES), st.sampled_from(KINDS), SEEDS, st.booleans())
@example(name="math.trunc(x)", shape=(), kind="bool", seed=0, numpys=True)
@example(name="math.trunc(x)", shape=(), kind="float", seed=0, numpys=True)
def test_a_function_of_one_value_is_lifted_to_the_bit_or_not(name, shape, kind, seed, numpys):
    function = as_numpy(UNARY[name]) if numpys else UNARY[name]
    kind = _bounded(name, kind)
    if not _lacks_an_attribute(name, shape):
        compare(function, values_of(shape, kind, seed))


@THOROUGH
@given(
    st.sampled_from(sorted(BINARY)),
    st.sampled_from(SHAPES),
    st.sampled_from([*SHAPES, "same", "same", "same", "same", "same", "same", "same", "same", "same"]),
    st.sampled_from(KINDS),
    st.sampled_from(KINDS[:-1]),
    SEEDS,
    st.booleans(),
)
def test_a_function_of_two_values_is_lifted_to_the_bit_or_not(
    name, shape, other_shape, kind, other_kind, seed, numpys
):
    function = as_numpy(BINARY[name]) if numpys else BINARY[name]
    kind, other_kind = _bounded(name, kind), _bounded(name, other_kind)
    one = values_of(shape, kind, seed)
    other = values_of(shape if other_shape == "same" else other_shape, other_kind, seed + 1)
    if not _lacks_an_attribute(name, shape):
        compare(function, one, other)


def _bounded(name, kind):
    return "int" if kind == "wide" and name in ENDLESS else kind


def _lacks_an_attribute(name, shape):
    """Whether this asks for an attribute that a number of one episode lacks, and a lifted one has.

    Through a component this is found out by the comparison with single episodes: see `test_numbers.py`.
    """
    return shape == () and name in ("x.shape", "x.flatten()", "x.dot(y)", "table @ x.T")


NOT_LIFTED = {
    0: {
        *("a list", "x**0.5", "x**2.5", "round(x, y)"),  # flags as indices, complex numbers, tens
        *("np.prod(x, axis=-1)", "np.add.reduce(x)", "np.logaddexp.reduce(x)", "np.flip(x)"),
        *("np.cumsum(x, axis=0)", "np.cumsum(x, axis=-1)", "np.argsort(x)", "np.argsort(x, kind='stable')"),
    },
    1: {"table[y]", "np.full_like(x, y)", "np.searchsorted(np.sort(x), y)"},
    2: {
        *("table[y]", "np.full_like(x, y)", "x.tolist()[0]", "np.linalg.solve"),
        *("x[::-1].sum()", "x[:, 1:].sum()", "x[:, 0] @ x"),  # parts whose order in memory matters
    },
}
"""What single episodes can do and lifting leaves to them, by the number of axes. To be fewer is welcome."""


@pytest.mark.parametrize("shape", [(), (3,), (9,), (3, 3)], ids=str)
@pytest.mark.parametrize("kind", ["bool", "int", "float"])
def test_what_is_in_the_table_is_lifted(shape, kind):
    one = values_of(shape, kind, 1)
    seconds = values_of(shape, "int", 2), values_of((), "float", 2), values_of((), "int", 2)
    tried = [(name, UNARY[name], one) for name in UNARY if not _lacks_an_attribute(name, shape)]
    tried += [(name, BINARY[name], one, second) for name in BINARY for second in seconds]
    found = [(name, compare(*what)) for name, *what in tried if name not in NOT_LIFTED[len(shape)]]
    assert not {name: why for name, why in found if isinstance(why, NotLiftedError)}
    assert len({name for name, why in found if why is None}) > 60


def test_an_index_beyond_an_array_raises_as_in_one_episode():
    vectors = values_of((3,), "float", 3)
    for beyond in (3, -4):
        index = lock(np.full(ROWS, 1) + (beyond - 1) * (np.arange(ROWS) == 7))
        assert isinstance(compare(lambda x, i: x[i], vectors, index), IndexError)
        assert isinstance(compare(looked_up_and_assigned, vectors, index), IndexError)
    assert_lifted(lambda x, i: x[i], vectors, lock(np.arange(ROWS) % 6 - 3))
    assert_lifted(looked_up_and_assigned, vectors, lock(np.arange(ROWS) % 6 - 3))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: np.array([x, 1.0]),
        np.asarray,
        lambda x: np.zeros(3 + 0 * len(str(x))),
        lambda x: np.full(3, x),
        lambda x: np.arange(3.0) * float(f"{x}"),
    ],
)
def test_what_makes_plain_arrays_or_texts_is_not_lifted(function):
    assert_not_lifted(function, values_of((), "float", 1))


def test_constants_broadcast_as_in_one_episode():
    table = np.arange(12.0).reshape(3, 4)
    number, vector = values_of((), "float", 1), values_of((4,), "float", 2)
    index = values_of((), "int", 3)
    for function in (
        lambda x, v, i: table + x,
        lambda x, v, i: table * v + x,
        lambda x, v, i: v[None, :] - v[:, None],
        lambda x, v, i: (np.arange(4) == i % 4) * v,
        lambda x, v, i: v * [1, 2, 3, 4] + (x, x, x, 0),
        lambda x, v, i: np.where(np.arange(3)[:, None] == i % 3, v, -table),
        lambda x, v, i: table[:, 1] @ table @ v,
        lambda x, v, i: table @ v,
        lambda x, v, i: v @ table.T,
        lambda x, v, i: np.float64(2.0) * x + np.int64(3) * i,
        lambda x, v, i: np.concatenate([v, [x, 0.0], table[0]]),
        lambda x, v, i: np.stack([x, 0.0, x]),
        lambda x, v, i: np.array([1.0, 2.0, 3.0, 4.0])[[0, 2]] * v[[0, 2]],
        lambda x, v, i: np.empty(0) + x,
        lambda x, v, i: (np.ones((1, 4)) * v).shape == (1, 4),
        lambda x, v, i: np.add(v, x, where=True),
    ):
        assert_lifted(function, number, vector, index)


def test_empty_arrays_are_as_in_one_episode():
    empty, wide = values_of((0,), "float", 1), values_of((0, 3), "float", 1)
    for function in (np.sum, np.prod, np.all, np.any, np.cumsum, np.sort, len, np.size, lambda x: x + 1):
        assert_lifted(function, empty)
    for function in (lambda x: x.sum(axis=0), lambda x: x.sum(axis=1), lambda x: x.T @ x, np.shape):
        compare(function, wide)
    for function in (np.max, np.argmin, max, lambda x: x[0]):
        assert isinstance(compare(function, empty), ValueError | IndexError)


def test_one_warning_of_an_episode_is_one_of_the_batch():
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        _play(np.log, lock(np.arange(float(ROWS))))
    with pytest.warns(RuntimeWarning, match="invalid"):
        _play(lambda x: np.sqrt(np.add(x, -3.0)), lock(np.arange(float(ROWS))))


def test_what_python_does_silently_is_silent():
    with np.errstate(all="warn"):  # and any warning is an error in these tests
        _play(lambda x: x * 1e300 * 1e300, lock(np.arange(1.0, ROWS + 1)))
        _play(lambda x: x * 1e300 * 1e300 - x * 1e300 * 1e300, lock(np.arange(1.0, ROWS + 1)))
        _play(lambda x: x * 1e-300 * 1e-300, lock(np.arange(1.0, ROWS + 1)))


def _play(function, values):
    return play_lifted(lambda x, rng: function(x), [values], stream(values), None)[0]


@pytest.mark.parametrize("function", [np.argmax, np.argmin], ids=["argmax", "argmin"])
@pytest.mark.parametrize("kind", ["bool", "int", "wide", "whole", "float", "special", "float32"])
@pytest.mark.parametrize("shape", [(1,), (8,), (3, 5), (255,), (256,)])
def test_the_place_of_an_extreme_of_many_episodes_is_that_of_each(function, kind, shape):
    values = values_of(shape, kind, seed=3)
    many = lock(np.concatenate([values] * (600 // ROWS + 1)))
    for axis in (None, *range(len(shape))):
        found, _, _ = play_lifted(lambda x, _, axis=axis: function(x, axis=axis), [many], stream(many), None)
        expected = [function(one, axis=axis) for one in many]
        assert np.array_equal(found, expected)


def test_an_entry_at_a_number_is_counted_from_the_end_or_out_of_bounds_as_in_one_episode():
    vector = lock(np.arange(3 * ROWS).reshape(ROWS, 3))
    within = lock(np.arange(ROWS) % 6 - 3)

    def assigned(x, i):
        changed = x.copy()
        changed[i] = -1
        return changed, x[i]

    assert_lifted(assigned, vector, within)
    for beyond in (-4, 3):
        outside = lock(np.where(within == 2, beyond, within))
        assert isinstance(compare(lambda x, i: x[i], vector, outside), IndexError)
