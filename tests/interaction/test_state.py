"""States are immutable, ordered, nested records of plain values."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction import GameState, Provenance, State
from interaction.errors import ContractError, ImmutableError, UnknownNameError
from interaction.state import flatten, freeze, get_path, merge, replace_path, same

NUMBERS = st.one_of(st.integers(-(2**62), 2**62), st.floats(), st.booleans(), st.none(), st.text(max_size=5))
ARRAYS = st.lists(st.floats(), min_size=1, max_size=4).map(np.array)
NAMES = st.from_regex(r"[a-z]{1,3}x", fullmatch=True)
RECORDS = st.recursive(
    st.one_of(NUMBERS, ARRAYS),
    lambda inner: st.dictionaries(NAMES, inner, max_size=3).map(lambda fields: State(**fields)),
    max_leaves=6,
)
STATES = st.dictionaries(NAMES, RECORDS, min_size=1, max_size=4).map(lambda fields: State(**fields))


@given(STATES)
def test_a_state_equals_its_copy_through_pickle_and_stays_read_only(state):
    twin = pickle.loads(pickle.dumps(state))
    assert twin == state
    assert list(twin) == list(state)
    assert all(not value.flags.writeable for _, value in flatten(twin) if isinstance(value, np.ndarray))


@given(STATES, NUMBERS)
def test_replace_changes_what_is_named_and_nothing_else(state, value):
    name = next(iter(state))
    before = dict(state)
    changed = state.replace(**{name: value})
    assert same(changed[name], value)
    assert all(changed[other] is state[other] for other in state if other != name)
    assert dict(state).keys() == before.keys()
    assert all(state[key] is before[key] for key in before)


@given(STATES)
def test_paths_lead_to_the_leaves(state):
    for path, value in flatten(state):
        assert get_path(state, path) is value
        assert same(get_path(replace_path(state, path, 7), path), 7)


def test_a_state_cannot_be_changed_and_says_how_to_get_another():
    state = State(x=1)
    with pytest.raises(ImmutableError, match=r"state\.replace\(x="):
        state.x = 2
    with pytest.raises(ImmutableError, match="cannot be deleted"):
        del state.x
    assert state == State(x=1)


def test_no_alias_can_change_a_state():
    array = np.zeros(3)
    state = State(x=array).replace(x=array)
    array[0] = 9.0
    assert state.x[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        state.x[0] = 1.0


def test_values_become_plain():
    state = State(a=np.int64(3), b=np.float64(0.5), c=np.bool_(True), d=np.array(2))
    assert [type(value) for value in state.values()] == [int, float, bool, int]
    assert state.replace(a=np.int32(4)).a.__class__ is int


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, {1}, object()])
def test_what_could_change_is_refused_with_what_to_write(value):
    with pytest.raises(ContractError, match=r"numpy.array\(...\), a dict into State"):
        State(x=value)


def test_tuples_are_frozen_inside():
    assert freeze((np.int64(1), 2.0)) == (1, 2.0)


def test_names_are_checked():
    with pytest.raises(UnknownNameError, match="Did you mean 'position'"):
        State(position=1).replace(positon=2)
    with pytest.raises(UnknownNameError, match="replace"):
        State(replace=1)
    with pytest.raises(KeyError, match="the fields are: x"):
        State(x=1)["y"]
    with pytest.raises(AttributeError):
        _ = State(x=1).y
    with pytest.raises(UnknownNameError, match=r"Valid names: a\.b"):
        get_path(State(a=State(b=1)), "a.c")


def test_equality_is_that_of_the_values():
    assert State(x=float("nan"), y=np.array([np.nan, 1])) == State(y=np.array([np.nan, 1]), x=float("nan"))
    assert State(x=1) != State(x=2)
    assert State(x=1) != State(y=1)
    assert State(x=np.zeros(2)) != State(x=np.zeros(3))
    assert (State(x=1) == 3) is False
    with pytest.raises(TypeError):
        hash(State(x=1))


def test_merge_takes_nested_mappings():
    state = State(a=State(b=1, c=2), d=3)
    assert merge(state, {"a": {"b": 5}}) == State(a=State(b=5, c=2), d=3)
    assert merge(state, state) is state
    with pytest.raises(UnknownNameError):
        merge(state, {"a": {"z": 5}})


def test_a_state_reads_as_a_mapping():
    state = State(x=1, y=State(z=2))
    assert dict(state) == {"x": 1, "y": State(z=2)}
    assert (len(state), "x" in state, next(iter(state.items()))) == (2, True, ("x", 1))
    assert repr(state) == "State(x=1, y=State(z=2))"
    assert state.extend(w=0).w == 0


def test_a_game_state_has_its_fields():
    game = GameState(provenance=Provenance.OBSERVED, task_state=State(x=1))
    assert (game.round_index, game.provenance, game.user_action) == (0, 1, None)
    assert pickle.loads(pickle.dumps(game)) == game
    assert type(game.replace(round_index=1)) is GameState
