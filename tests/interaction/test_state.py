"""States are immutable, ordered, nested records of plain values."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction import GameState, Provenance, State
from interaction.errors import ContractError, ImmutableError, InteractionError, UnknownNameError
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
    told = r"cannot be called items: .* such as items_; taken are extend, items, keys, replace, values"
    with pytest.raises(UnknownNameError, match=told):
        State(items=1, x=2)
    with pytest.raises(KeyError, match=r"^no field 'y'; the fields are: x$") as error:
        State(x=1)["y"]
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)
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
    assert merge(state, state) == state
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
    assert type(game.provenance) is type(State(author=Provenance.UNKNOWN).author) is int
    assert type(State(author=0).replace(author=Provenance.INTERVENED).author) is int
    assert pickle.loads(pickle.dumps(game)) == game
    assert type(game.replace(round_index=1)) is GameState


ANY = st.one_of(STATES, st.just(State()))
DTYPES = st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.bool_])


@given(ANY, NAMES, NUMBERS)
def test_no_field_can_be_set_or_deleted(state, name, value):
    before = repr(state)
    with pytest.raises(ImmutableError, match=rf"state\.replace\({name}="):
        setattr(state, name, value)
    with pytest.raises(ImmutableError, match=name):
        delattr(state, name)
    with pytest.raises(TypeError):
        state[name] = value
    assert repr(state) == before


@given(STATES)
def test_dict_of_a_state_is_a_copy(state):
    before = list(state)
    dict(state).clear()
    assert list(state) == before


@given(STATES, st.from_regex(r"[a-z]{1,3}y", fullmatch=True))
def test_replace_names_the_unknown_field_and_the_valid_ones(state, name):
    with pytest.raises(UnknownNameError) as caught:
        state.replace(**{name: 0})
    assert repr(name) in str(caught.value)
    assert all(valid in str(caught.value) for valid in state)


def test_a_field_of_another_name_is_not_equal():
    assert State(x=1, y=State(z=2)) != State(x=1, y=State(w=2))
    assert State() != State(x=None)
    assert State() == State()


@given(STATES)
def test_equality_takes_no_account_of_the_order_of_fields(state):
    turned = State(**dict(reversed(list(state.items()))))
    assert turned == state
    assert state == turned


@given(STATES, st.data())
def test_one_other_leaf_makes_a_state_unequal(state, data):
    leaves = [path for path, _ in flatten(state)]
    if leaves:
        path = data.draw(st.sampled_from(leaves))
        assert replace_path(state, path, "another value") != state


@given(st.lists(st.floats(), min_size=1, max_size=5), DTYPES)
def test_pickle_keeps_every_bit_and_the_dtype(values, dtype):
    with np.errstate(all="ignore"):
        array = np.array(values).astype(dtype)
    twin = pickle.loads(pickle.dumps(State(inner=State(x=array), t=(array,))))
    for got in (twin.inner.x, twin.t[0]):
        assert (got.dtype, got.shape, got.tobytes()) == (array.dtype, array.shape, array.tobytes())
        assert not got.flags.writeable


@given(st.floats())
def test_pickle_keeps_every_bit_of_a_plain_number(value):
    twin = pickle.loads(pickle.dumps(State(x=value))).x
    assert type(twin) is float
    assert np.float64(twin).tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol_serves(protocol):
    state = State(a=1, b=State(c=np.arange(3)))
    assert pickle.loads(pickle.dumps(state, protocol)) == state


def test_a_deep_copy_is_equal_and_read_only():
    state = State(x=np.arange(3.0), y=State(z=1))
    for twin in (copy.copy(state), copy.deepcopy(state)):
        assert twin == state
        assert not twin.x.flags.writeable


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=5), st.integers(0, 3))
def test_a_change_of_the_array_given_never_changes_the_state(values, door):
    array = np.array(values)
    doors = [
        lambda: State(x=array).x,
        lambda: State(x=0).replace(x=array).x,
        lambda: State(x=(1, array)).x[1],
        lambda: replace_path(State(a=State(x=0)), "a.x", array).a.x,
    ]
    kept = doors[door]()
    array += 1
    assert np.array_equal(kept, np.array(values))


@pytest.mark.parametrize("look", ["broadcast", "view", "unlocked"])
def test_a_read_only_look_at_a_writeable_array_is_no_alias(look):
    array = np.zeros(3)
    if look == "broadcast":
        given_ = np.broadcast_to(array, (2, 3))
    elif look == "view":
        given_ = array.view()
        given_.setflags(write=False)
    else:
        given_ = array
        given_.setflags(write=False)
    state = State(x=given_)
    if look == "unlocked":
        array.setflags(write=True)
    array[:] = 9.0
    assert not state.x.any()


@given(st.one_of(st.integers(-100, 100), st.floats(-100, 100), st.booleans()), DTYPES)
def test_numpy_scalars_become_the_plain_number_of_the_same_value(value, dtype):
    scalar = dtype(value)
    for got in (State(x=scalar).x, State(x=np.asarray(scalar)).x, State(x=0).replace(x=scalar).x):
        assert type(got) in (int, float, bool)
        assert got == scalar.item()


@pytest.mark.parametrize("value", [[1], {"a": 1}, {1}])
def test_replace_and_tuples_refuse_what_could_change_too(value):
    for refused in (lambda: State(x=0).replace(x=value), lambda: State(x=(value,))):
        with pytest.raises(ContractError, match=r"numpy\.array"):
            refused()


@pytest.mark.parametrize(
    "value",
    [np.array({"a": 1}), np.array([[1], {}], dtype=object)],
    ids=["array without axes", "array of objects"],
)
def test_no_array_smuggles_in_what_could_change(value):
    with pytest.raises(ContractError, match="numpy"):
        State(x=value)


def test_tuples_of_arrays_and_nan_are_compared_by_value():
    assert State(x=(np.zeros(2), 1)) == State(x=(np.zeros(2), 1))
    assert State(x=(np.zeros(2), 1)) != State(x=(np.ones(2), 1))
    assert State(x=(float("nan"),)) == pickle.loads(pickle.dumps(State(x=(float("nan"),))))


@pytest.mark.parametrize(
    "other", [None, "a", 0.0, (1, (2, 3)), State(a=1), np.zeros(2), np.array(["a"])], ids=str
)
def test_an_array_may_be_compared_with_anything(other):
    assert State(x=np.zeros(1)) != State(x=other)
    assert State(x=other) != State(x=np.zeros(1))


@given(STATES)
def test_flatten_names_each_leaf_once_in_order(state):
    pairs = list(flatten(state))
    paths = [path for path, _ in pairs]
    assert len(set(paths)) == len(paths)
    assert not any(isinstance(value, State) for _, value in pairs)
    first_names = list(dict.fromkeys(path.split(".")[0] for path in paths))
    assert first_names == [name for name in state if name in first_names]


@given(STATES)
def test_merging_nothing_or_itself_changes_nothing(state):
    assert merge(state, {}) == state
    assert merge(state, state) == state
    assert merge(state, dict(state)) == state


@given(STATES, NUMBERS)
def test_replace_path_touches_one_leaf_and_leaves_the_old_state(state, value):
    leaves = dict(flatten(state))
    for path in leaves:
        changed = dict(flatten(replace_path(state, path, value)))
        assert same(changed[path], value)
        assert all(changed[other] is leaves[other] for other in leaves if other != path)
        assert dict(flatten(state)).keys() == leaves.keys()


@pytest.mark.parametrize("path", ["z", "a.z", "z.b", "a.b.c", ""])
def test_a_path_that_leads_nowhere_is_an_unknown_name(path):
    state = State(a=State(b=1))
    with pytest.raises(UnknownNameError):
        get_path(state, path)
    with pytest.raises(UnknownNameError):
        replace_path(state, path, 2)


@pytest.mark.parametrize("changes", [State(a=State(b=5)), {"a": State(b=5)}, {"a": {"b": 5}}], ids=str)
def test_merge_keeps_what_is_not_named_at_any_depth(changes):
    assert merge(State(a=State(b=1, c=2)), changes) == State(a=State(b=5, c=2))


@pytest.mark.parametrize("changes", [State(a=State(z=5)), {"a": {"z": 5}}, {"z": 1}], ids=str)
def test_merge_refuses_unknown_names_at_any_depth(changes):
    with pytest.raises(UnknownNameError):
        merge(State(a=State(b=1, c=2)), changes)


def test_merge_says_when_a_leaf_has_no_names_inside():
    with pytest.raises(InteractionError):
        merge(State(a=1), {"a": {"b": 5}})
