"""What a log keeps of a value is the value, to the bit."""

import contextlib
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from interaction import EpisodeRandom, State, spaces
from interaction.errors import ArgumentError
from interaction.membership import membership
from interaction.people.actions import read_action, read_told
from interaction.people.events import decode, digest, encode
from tests.interaction.bundles import ACTIONS, LEAVES

KINDS = st.sampled_from(["b1", "i1", "u2", "i8", "u8", "f2", "f4", "f8"])
PLAIN = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text())
ARRAYS = KINDS.flatmap(
    lambda kind: arrays.arrays(kind, arrays.array_shapes(min_dims=1, min_side=0, max_dims=3))
)
NAMES = st.text("abcxyz", min_size=1)
VALUES = st.recursive(
    st.one_of(PLAIN, ARRAYS),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, max_size=3).map(lambda fields: State(**fields)),
        st.lists(inner, max_size=3).map(tuple),
    ),
    max_leaves=6,
)


def through_json(value):
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)))


def kinds(value):
    """Give the kinds of all that a value holds, with the bits of its floats."""
    if isinstance(value, State):
        return {name: kinds(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [kinds(part) for part in value]
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, np.nan_to_num(value, nan=1.5).tobytes()
    return type(value), math.copysign(1, value) if isinstance(value, float) else value


@settings(max_examples=300)
@given(VALUES)
def test_a_value_comes_back_through_json(value):
    back = through_json(value)
    assert State(value=back) == State(value=value)
    assert kinds(back) == kinds(State(value=value).value)
    assert digest(State(value=back)) == digest(State(value=value))


@settings(max_examples=200)
@given(st.sampled_from([*LEAVES, *ACTIONS]), st.integers(0, 2**31))
def test_an_element_of_any_space_comes_back_as_the_same_action(space, seed):
    space = spaces.Dict(first=space, second=spaces.Discrete(2)) if seed % 5 == 0 else space
    action = membership(space).conform(State(a=spaces.sample(space, EpisodeRandom(seed))).a)
    back = read_action(space, json.loads(json.dumps(encode(action))))
    assert State(a=back) == State(a=action)
    assert digest(State(a=back)) == digest(State(a=action))


@given(VALUES, VALUES)
def test_equal_values_and_no_others_have_equal_digests(one, other):
    one, other = State(value=one), State(value=other)
    assert (digest(one) == digest(other)) == (one == other)


@given(st.one_of(st.integers(), st.floats(), st.booleans()), st.sampled_from("biuf"))
def test_the_kind_of_a_number_is_no_part_of_a_digest(number, kind):
    with contextlib.suppress(OverflowError, ValueError):
        again = {"b": bool, "i": int, "u": lambda x: int(np.uint64(x)), "f": float}[kind](number)
        one, other = (State(x=x, y=State(z=(x,))) for x in (number, again))
        assert (digest(one) == digest(other)) == (one == other)
        if not abs(number) > 2**53:  # beyond, numpy takes integers for equal to floats that they are not
            rows = State(x=np.array([number])), State(x=np.array([again]))
            assert (digest(rows[0]) == digest(rows[1])) == (rows[0] == rows[1])


def test_the_order_of_fields_is_no_part_of_a_digest():
    assert digest(State(x=1, y=State())) == digest(State(y=State(), x=1)) != digest(State(x=1, z=State()))


def test_a_digest_is_the_same_tomorrow():
    game = State(x=1, p=0.1, read=np.array([True, False]), name="a", inner=State(n=None), both=(1, 2.0))
    assert digest(game) == "b10ad1f4053242d2"  # of the first version


@pytest.mark.parametrize("value", [object(), {1: 2}, {"$x": 1}, 1j, np.array([1j]), {"a": [set()]}, b"bytes"])
def test_what_json_cannot_hold_is_refused(value):
    with pytest.raises(ArgumentError, match="expected"):
        encode(value)


@pytest.mark.parametrize(
    "found",
    [
        {"$array": [1, 2], "dtype": "i8", "shape": [3]},
        {"$array": [1, 2], "dtype": "O", "shape": [2]},
        {"$array": [1, 2]},
        {"$array": 3, "dtype": "i8", "shape": [1]},
        {"$array": [1], "dtype": "no such", "shape": [1]},
        {"$array": [1], "dtype": "i8,(", "shape": [1]},
        {"$array": [1], "dtype": "M8[s]", "shape": [1]},
        {"$array": ["a"] * 100, "dtype": "U1000000", "shape": [100]},  # 400 MB
        {"$array": [["a"] * 100], "dtype": "U1000000", "shape": [100]},
        {"$array": [10**30], "dtype": "i8", "shape": [1]},
        {"$state": [1]},
        {"$state": {"replace": 1}},
        {"$state": {"x": [1]}},
        {"$float": "zz"},
        {"$float": "00"},
        {"$float": 3},
        {"$tuple": 3},
        {"$other": 3},
    ],
)
def test_what_encode_has_not_written_is_refused(found):
    with pytest.raises(ArgumentError, match="expected a value as encode writes it"):
        decode(found)


@pytest.mark.parametrize(
    "told", [{"shown": 10**400}, {"acted": -1e308}, {"path": [[0, 2**60, 0]]}, {"pressed": float("nan")}]
)
def test_no_clock_of_a_page_says_what_no_table_can_hold(told):
    with pytest.raises(ArgumentError, match="expected"):
        read_told(told)
