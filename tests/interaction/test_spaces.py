"""Spaces say what a field may hold, for one episode and for a batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction import EpisodeRandom, State, spaces
from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.state import freeze

SPACES = [
    spaces.Discrete(5),
    spaces.Discrete(4, start=-2),
    spaces.Box(-1.0, 2.0, (), np.float64),
    spaces.Box(0.0, 0.7, (3,), np.float32),
    spaces.Box(0, 5, (2,), np.int64),
    spaces.Box(-np.inf, np.inf, (2,), np.float64),
    spaces.MultiDiscrete([2, 3]),
    spaces.MultiBinary(4),
    spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Dict({"c": spaces.Box(0.0, 1.0, (2,), np.float64)})}),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_samples_and_first_elements_lie_inside_alone_and_in_a_batch(space):
    member = spaces.membership(space)
    member.check(freeze(spaces.first(space)), "first")
    batch = freeze(spaces.sample(space, EpisodeRandom(1, episodes=np.arange(50))))
    member.check(batch, "batch", 50)
    for episode in range(50):
        one = freeze(spaces.sample(space, EpisodeRandom(1, episode)))
        member.check(one, "one")
        if isinstance(one, State):
            continue
        assert np.array_equal(np.asarray(one), np.asarray(batch)[episode])


@given(st.integers(-10, 10), st.integers(1, 8), st.integers(-5, 5))
def test_integers_belong_as_gymnasium_says(value, n, start):
    space = spaces.Discrete(n, start=start)
    inside = spaces.membership(space).violation(value) is None
    assert inside == space.contains(value)
    batch = np.array([start, value])
    assert (spaces.membership(space).violation(batch, 2) is None) == inside


@given(st.floats(allow_nan=True), st.floats(-5, 0), st.floats(0, 5))
def test_numbers_belong_between_their_bounds(value, low, high):
    member = spaces.membership(spaces.Box(low, high, (), np.float64))
    assert (member.violation(value) is None) == (low <= value <= high)


def test_a_32_bit_box_takes_its_own_bounds():
    member = spaces.membership(spaces.Box(0.1, 0.7, (), np.float32))
    member.check(0.7, "high")
    member.check(0.1, "low")
    assert member.violation(0.71) is not None


def test_shapes_are_those_of_one_episode():
    member = spaces.membership(spaces.Box(0.0, 1.0, (3,), np.float64))
    assert member.violation(np.zeros(3)) is None
    assert member.violation(np.zeros((7, 3)), 7) is None
    assert member.violation(np.zeros((3,)), 7) is not None
    assert member.violation(np.zeros((7, 3))) is not None
    assert spaces.membership(spaces.Discrete(3)).violation(1.0) is not None
    assert spaces.membership(spaces.Box(0, 3, (), np.int64)).violation(1.5) is not None


def test_an_error_names_where_field_space_and_value():
    member = spaces.membership(SPACES[-1])
    with pytest.raises(SpaceError, match=r"there, field 'a': expected a value in Discrete\(3\), got 7"):
        member.check(State(a=7, b=State(c=np.zeros(2))), "there")
    with pytest.raises(SpaceError, match=r"field 'b.c'.*in a batch of 2"):
        member.check(State(a=1, b=State(c=np.full((2, 2), 3.0))), "there", 2)
    with pytest.raises(SpaceError, match=r"expected a value in State\(a, b\)"):
        member.check(State(a=1), "there")
    with pytest.raises(SpaceError, match="got 5"):
        spaces.membership(spaces.Discrete(5)).check(np.array([0, 5, 1]), "there", 3)


def test_text_is_asked_of_gymnasium():
    text = spaces.Text(3)
    assert spaces.membership(text).violation("abc") is None
    assert spaces.membership(text).violation("abcd") is not None
    assert spaces.membership(text).violation(np.array(["ab", "abcd"]), 2).value == "abcd"
    assert text.contains(spaces.first(text))
    with pytest.raises(ContractError, match="cannot be sampled"):
        spaces.sample(text, EpisodeRandom())


def test_spaces_merge_and_list_their_elements():
    merged = spaces.merge(spaces.Dict({"a": spaces.Discrete(2)}), spaces.Dict({"b": spaces.Discrete(3)}))
    assert sorted(merged.spaces) == ["a", "b"]
    with pytest.raises(SpaceError, match="'a' is"):
        spaces.merge(merged, spaces.Dict({"a": spaces.Discrete(5)}))
    assert spaces.elements(spaces.Discrete(3, start=-1)) == [-1, 0, 1]
    with pytest.raises(ContractError, match="finite"):
        spaces.elements(SPACES[2])
    with pytest.raises(ContractError, match="gymnasium space"):
        spaces.membership(3)
    assert [path for path, _ in spaces.leaves(SPACES[-1])] == ["a", "b.c"]


def test_what_has_no_first_element_says_so():
    from gymnasium.spaces import Graph

    graph = Graph(spaces.Box(0, 1, (1,)), None)
    with pytest.raises(ContractError, match="no first element"):
        spaces.first(graph)
    with pytest.raises(ArgumentError):
        EpisodeRandom().integers(3, 3)
