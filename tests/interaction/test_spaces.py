"""Spaces say what a field may hold, for one episode and for a batch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interaction import EpisodeRandom, State, spaces
from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.membership import membership
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
    spaces.Choice([-2, 1, 5]),
    spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Dict({"c": spaces.Box(0.0, 1.0, (2,), np.float64)})}),
]


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_samples_and_first_elements_lie_inside_alone_and_in_a_batch(space):
    member = membership(space)
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
    inside = membership(space).violation(value) is None
    assert inside == space.contains(value)
    batch = np.array([start, value])
    assert (membership(space).violation(batch, 2) is None) == inside


@given(st.floats(allow_nan=True), st.floats(-5, 0), st.floats(0, 5))
def test_numbers_belong_between_their_bounds(value, low, high):
    member = membership(spaces.Box(low, high, (), np.float64))
    assert (member.violation(value) is None) == (low <= value <= high)


def test_a_32_bit_box_takes_its_own_bounds():
    member = membership(spaces.Box(0.1, 0.7, (), np.float32))
    member.check(0.7, "high")
    member.check(0.1, "low")
    assert member.violation(0.71) is not None


def test_shapes_are_those_of_one_episode():
    member = membership(spaces.Box(0.0, 1.0, (3,), np.float64))
    assert member.violation(np.zeros(3)) is None
    assert member.violation(np.zeros((7, 3)), 7) is None
    assert member.violation(np.zeros((3,)), 7) is not None
    assert member.violation(np.zeros((7, 3))) is not None
    assert membership(spaces.Discrete(3)).violation(1.0) is not None
    assert membership(spaces.Box(0, 3, (), np.int64)).violation(1.5) is not None


def test_an_error_names_where_field_space_and_value():
    member = membership(SPACES[-1])
    with pytest.raises(SpaceError, match=r"there, field 'a': expected a value in Discrete\(3\), got 7"):
        member.check(State(a=7, b=State(c=np.zeros(2))), "there")
    with pytest.raises(SpaceError, match=r"field 'b.c'.*in a batch of 2"):
        member.check(State(a=1, b=State(c=np.full((2, 2), 3.0))), "there", 2)
    with pytest.raises(SpaceError, match=r"expected a value in State\(a, b\)"):
        member.check(State(a=1), "there")
    with pytest.raises(SpaceError, match="got 5"):
        membership(spaces.Discrete(5)).check(np.array([0, 5, 1]), "there", 3)


def test_text_is_asked_of_gymnasium():
    text = spaces.Text(3)
    assert membership(text).violation("abc") is None
    assert membership(text).violation("abcd") is not None
    assert membership(text).violation(np.array(["ab", "abcd"]), 2).value == "abcd"
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
        membership(3)
    assert [path for path, _ in spaces.leaves(SPACES[-1])] == ["a", "b.c"]


def test_what_has_no_first_element_says_so():
    from gymnasium.spaces import Graph

    graph = Graph(spaces.Box(0, 1, (1,)), None)
    with pytest.raises(ContractError, match="no first element"):
        spaces.first(graph)
    with pytest.raises(ArgumentError):
        EpisodeRandom().integers(3, 3)


PLAIN = [space for space in SPACES if not isinstance(space, spaces.Dict | spaces.Choice)]
SEEDS = st.integers(0, 2**32)


def contains(space, value):
    """What gymnasium says of a value that has the space's own shape and dtype."""
    if isinstance(space, spaces.Dict):
        return all(contains(part, value[name]) for name, part in space.spaces.items())
    return space.contains(
        value if isinstance(space, spaces.Discrete | spaces.Choice) else np.asarray(value, space.dtype)
    )


def as_state(sample):
    if isinstance(sample, dict):
        return State(**{name: as_state(value) for name, value in sample.items()})
    return sample


@pytest.mark.parametrize("space", SPACES, ids=str)
def test_what_gymnasium_samples_belongs(space):
    space.seed(0)
    member = membership(space)
    for _ in range(30):
        assert member.violation(freeze(as_state(space.sample()))) is None


@pytest.mark.parametrize("space", SPACES, ids=str)
@given(seed=SEEDS)
def test_what_is_sampled_here_belongs_to_gymnasium(space, seed):
    assert contains(space, freeze(spaces.sample(space, EpisodeRandom(seed))))


def near_misses(space):
    """Arrays just inside and just outside the bounds of a space, of its own shape and dtype."""
    low = space.low if isinstance(space, spaces.Box) else np.asarray(getattr(space, "start", 0))
    high = {
        spaces.Box: lambda: space.high,
        spaces.Discrete: lambda: space.start + space.n - 1,
        spaces.MultiDiscrete: lambda: space.start + space.nvec - 1,
        spaces.MultiBinary: lambda: 1,
    }[type(space)]()
    dtype = space.dtype
    low, high = (
        np.broadcast_to(low, space.shape).astype(dtype),
        np.broadcast_to(high, space.shape).astype(dtype),
    )
    if dtype.kind == "f":
        below, above = np.nextafter(low, dtype.type(-np.inf)), np.nextafter(high, dtype.type(np.inf))
    else:
        below, above = low - 1, high + 1
    return [low, high, below, above]


@pytest.mark.parametrize("space", PLAIN, ids=str)
def test_membership_agrees_with_gymnasium_on_near_misses(space):
    member = membership(space)
    edges = near_misses(space)
    for value in edges:
        one = freeze(np.array(value))
        own = np.asarray(value, space.dtype)
        expected = bool(space.contains(own[()] if isinstance(space, spaces.Discrete) else own))
        assert (member.violation(one) is None) == expected, value
        batch = np.stack([edges[0], value, edges[1]])  # one row outside is enough
        assert (member.violation(batch, 3) is None) == expected, value


@pytest.mark.parametrize("space", PLAIN, ids=str)
def test_a_batch_has_one_row_for_each_episode(space):
    member = membership(space)
    batch = spaces.sample(space, EpisodeRandom(0, episodes=np.arange(6)))
    assert batch.shape == (6, *space.shape)
    assert member.violation(batch, 6) is None
    assert member.violation(batch, 5) is not None
    assert member.violation(batch) is not None
    assert member.violation(batch[None], 6) is not None
    assert member.violation(batch[:0], 0) is None
    assert member.violation(np.asarray(batch, object), 6) is not None


def test_a_plain_number_stands_for_all_episodes():
    assert membership(spaces.Discrete(3)).violation(2, 5) is None
    assert membership(spaces.Box(0.0, 1.0, ())).violation(0.5, 5) is None
    assert membership(spaces.Discrete(3)).violation(3, 5) is not None


@given(st.floats(-1e6, 1e6), st.floats(0.001, 1e6))
def test_the_bounds_written_for_a_32_bit_box_lie_inside_it(low, width):
    high = low + width
    member = membership(spaces.Box(low, high, (2,), np.float32))
    assert member.violation(np.array([low, high])) is None
    margin = 1e-5 * (1 + abs(low) + abs(high))  # far above the precision of 32 bits, 6e-8
    assert member.violation(np.array([low, high + margin])) is not None
    assert member.violation(np.array([low - margin, high])) is not None


@pytest.mark.parametrize(
    "value", [None, "a", (1,), State(x=1), np.array(["a"]), np.zeros((2, 2, 2))], ids=repr
)
@pytest.mark.parametrize("space", SPACES, ids=str)
def test_what_is_no_value_of_the_kind_is_outside(space, value):
    assert membership(space).violation(value) is not None


@pytest.mark.parametrize("value", [np.nan, np.array([np.nan, 0.0])], ids=repr)
def test_nan_lies_in_no_box(value):
    box = spaces.Box(-np.inf, np.inf, np.shape(value), np.float64)
    assert membership(box).violation(value) is not None


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(0.0, np.inf, (2,), np.float64),
        spaces.Box(-np.inf, 3.0, (), np.float64),
        spaces.Box(np.array([0.0, -np.inf]), np.array([1.0, np.inf]), dtype=np.float64),
        spaces.Box(0, 255, (2,), np.uint8),
        spaces.Box(-1e308, 1e308, (), np.float64),
        spaces.Box(np.iinfo(np.int64).min, np.iinfo(np.int64).max, (), np.int64),
        spaces.MultiDiscrete([2, 3], start=[5, -1]),
        spaces.MultiDiscrete([[2, 3], [4, 5]]),
        spaces.MultiBinary([2, 2]),
        spaces.Discrete(2**62),
    ],
    ids=str,
)
def test_samples_of_unusual_spaces_lie_inside_alone_and_in_a_batch(space):
    member = membership(space)
    batch = freeze(spaces.sample(space, EpisodeRandom(2, episodes=np.arange(20))))
    member.check(batch, "batch", 20)
    for episode in range(20):
        one = freeze(spaces.sample(space, EpisodeRandom(2, episode)))
        member.check(one, "one")
        assert np.array_equal(one, batch[episode])


@given(st.integers(0, 2**31), st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_a_nested_sample_of_a_row_is_the_episode_alone(seed, episodes):
    space = SPACES[-1]
    batch = spaces.sample(space, EpisodeRandom(seed, episodes=np.array(episodes)))
    for row, episode in enumerate(episodes):
        one = spaces.sample(space, EpisodeRandom(seed, episode))
        assert one == State(a=batch.a[row], b=State(c=batch.b.c[row]))


@pytest.mark.parametrize(("low", "high"), [(-np.inf, 3.0), (1.0, np.inf), (-np.inf, np.inf), (1.0, 3.0)])
def test_samples_of_a_box_are_normal_where_it_is_open_and_uniform_where_it_is_not(low, high):
    """2,000 draws each: a right sample fails with a probability of 1e-4, once and for all."""
    drawn = spaces.sample(spaces.real(low, high), EpisodeRandom(3, episodes=np.arange(2_000)))
    if np.isinf(low) and np.isinf(high):
        expected = stats.norm()
    elif np.isinf(low):
        drawn, expected = high - drawn, stats.halfnorm()
    else:
        expected = stats.halfnorm(low) if np.isinf(high) else stats.uniform(low, high - low)
    assert stats.kstest(drawn, expected.cdf).pvalue > 1e-4


def test_samples_reach_every_element():
    """200 draws miss one of 6 pairs with a probability below 6 (5/6)^200 = 1e-15."""
    rng = EpisodeRandom(0, episodes=np.arange(200))
    assert set(spaces.sample(spaces.Discrete(6, start=-3), rng).tolist()) == set(range(-3, 3))
    pairs = spaces.sample(spaces.MultiDiscrete([2, 3], start=[5, -2]), rng)
    assert np.unique(pairs, axis=0).tolist() == [[x, y] for x in (5, 6) for y in (-2, -1, 0)]
    assert set(spaces.sample(spaces.Box(0, 5, (), np.int64), rng).tolist()) == set(range(6))


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (spaces.Discrete(4, start=-2), -2),
        (spaces.Box(-1.0, 2.0, (), np.float64), 0.0),
        (spaces.Box(0.5, 2.0, (), np.float64), 0.5),
        (spaces.Box(-3, -1, (), np.int64), -1),
    ],
    ids=str,
)
def test_the_first_element_is_the_lowest_integer_or_the_point_nearest_to_zero(space, expected):
    assert spaces.first(space) == expected
    assert type(spaces.first(space)) is type(expected)


def test_the_first_element_of_a_dict_is_a_state_of_first_elements():
    assert spaces.first(SPACES[-1]) == State(a=0, b=State(c=np.zeros(2)))


def test_merging_keeps_equal_spaces_and_takes_any_number_of_parts():
    left, right = spaces.Dict({"a": spaces.Discrete(2)}), spaces.Dict({"b": spaces.Discrete(3)})
    assert spaces.merge(left, left) == left
    assert spaces.merge(left, right, left) == spaces.merge(left, right)
    assert spaces.merge() == spaces.Dict({})


FINITE = [
    (spaces.Discrete(3, start=-1), [-1, 0, 1]),
    (spaces.Choice([4, -2]), [4, -2]),
    (spaces.whole(-1, 1), [-1, 0, 1]),
    (spaces.MultiDiscrete([2, 3]), [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]),
    (spaces.MultiDiscrete([2, 1], start=[5, 7]), [[5, 7], [6, 7]]),
    (spaces.MultiBinary(2), [[0, 0], [0, 1], [1, 0], [1, 1]]),
    (spaces.whole(0, [[1], [0]]), [[[0], [0]], [[1], [0]]]),
    (spaces.Box(0, 1, (), np.bool_), [False, True]),
    (
        spaces.Dict(a=spaces.Choice([5, 3]), b=spaces.Dict(c=spaces.MultiBinary(1))),
        [State(a=a, b=State(c=np.array([c]))) for a in (5, 3) for c in (0, 1)],
    ),
    (spaces.Dict(), [State()]),
]


@pytest.mark.parametrize(("space", "expected"), FINITE, ids=str)
def test_the_elements_of_a_finite_space_are_listed_in_order(space, expected):
    found = spaces.elements(space)
    assert spaces.count(space) == len(found) == len(expected)
    member = membership(space)
    for one, other in zip(found, expected, strict=True):
        assert one == other if isinstance(other, State) else np.array_equal(one, other)
        assert member.violation(one) is None
        assert type(one) is type(freeze(spaces.first(space)))
        assert np.asarray(one).dtype == np.asarray(spaces.first(space)).dtype


ENDLESS = [
    spaces.real(0, 1),
    spaces.real(shape=(2,)),
    spaces.whole(),
    spaces.whole(0),
    spaces.Text(3),
    spaces.Dict(a=spaces.Discrete(3), b=spaces.real()),
]


@pytest.mark.parametrize("space", ENDLESS, ids=str)
def test_the_elements_of_a_space_without_end_are_not_listed(space):
    assert spaces.count(space) is None
    with pytest.raises(ContractError, match="expected a finite space"):
        spaces.elements(space)


def test_too_many_elements_are_counted_and_not_listed():
    many = spaces.Dict(bits=spaces.MultiBinary(64), n=spaces.Discrete(3))
    assert spaces.count(many) == 3 * 2**64
    with pytest.raises(ContractError, match=r"up to 1,000,000 elements, got 55,340,232,221,128,654,848 in"):
        spaces.elements(many)


@pytest.mark.parametrize(
    "make", [lambda n: spaces.MultiDiscrete([n, 2]), lambda n: spaces.Dict(a=spaces.whole(1, 2 * n))]
)
def test_as_many_elements_are_listed_as_may_be(make, monkeypatch):
    monkeypatch.setattr(spaces, "_MOST", 6)
    assert len(spaces.elements(make(3))) == 6
    with pytest.raises(ContractError, match="up to 6 elements, got 8 in"):
        spaces.elements(make(4))


def test_an_error_shows_the_value_of_the_wrong_episode():
    member = membership(spaces.Box(0.0, 1.0, (2,), np.float64))
    batch = np.zeros((3, 2))
    batch[1] = [0.25, 4.5]
    with pytest.raises(
        SpaceError, match=r"here: expected a value in Box.*0\.25, 4\.5 *\].*batch of 3 episodes"
    ):
        member.check(batch, "here", 3)


@pytest.mark.parametrize("value", [1e300, -1e300, np.array([0.0, 1e300])], ids=repr)
def test_a_number_too_large_for_32_bits_is_outside_a_bounded_box_without_a_warning(value):
    member = membership(spaces.Box(-1.0, 1.0, np.shape(value), np.float32))
    assert member.violation(value) is not None


def test_a_choice_holds_its_values_and_nothing_else():
    space = spaces.Choice([-2, 1, 5])
    member = membership(space)
    assert [value for value in range(-4, 8) if member.violation(value) is None] == [-2, 1, 5]
    assert member.violation(np.array([1, 5, -2]), 3) is None
    assert member.violation(np.array([1, 2, -2]), 3).value == 2
    assert member.violation(1.0) is not None
    assert [value for value in range(-4, 8) if value in space] == spaces.elements(space) == [-2, 1, 5]
    assert space.sample() in space
    assert (space.n, str(space), space.is_np_flattenable) == (3, "Choice([-2, 1, 5])", False)
    assert space != spaces.Choice([1, -2, 5])


@pytest.mark.parametrize("values", [[], [1, 1], [0.5, 2]])
def test_a_choice_takes_different_integers(values):
    with pytest.raises(ArgumentError, match="Choice: expected different integers"):
        spaces.Choice(values)


def test_real_and_whole_are_boxes_in_short():
    assert spaces.real() == spaces.Box(-np.inf, np.inf, (), np.float64)
    assert spaces.real(0, 1) == spaces.Box(0.0, 1.0, (), np.float64)
    assert spaces.real(0.0, shape=(2, 3)) == spaces.Box(0.0, np.inf, (2, 3), np.float64)
    assert spaces.real(high=2.0, shape=4) == spaces.Box(-np.inf, 2.0, (4,), np.float64)
    assert spaces.real(np.zeros(2), [1, 2]) == spaces.Box(np.zeros(2), np.array([1.0, 2.0]), dtype=np.float64)
    assert spaces.whole(0, 5) == spaces.Box(0, 5, (), np.int64)
    assert spaces.whole(0.0, 5.0, (2,)) == spaces.Box(0, 5, (2,), np.int64)
    assert spaces.whole() == spaces.Box(-np.inf, np.inf, (), np.int64)
    assert spaces.whole(2**62 + 1, 2**63 - 1).low == 2**62 + 1


def test_the_bounds_of_whole_numbers_are_included():
    member = membership(spaces.whole(-1, 3))
    assert [value for value in range(-4, 8) if member.violation(value) is None] == [-1, 0, 1, 2, 3]
    assert member.violation(1.0) is not None
    assert member.violation(np.array([-1, 3]), 2) is None
    nested = membership(spaces.Dict(n=spaces.whole(-1, 3), r=spaces.real(0, 1)))
    assert nested.violation(State(n=3, r=1)) is None
    assert nested.violation(State(n=4, r=1)).path == "n"
    assert nested.violation(State(n=np.array([0, 4]), r=1), 2).value == 4
    assert nested.violation(State(n=0.0, r=1)).path == "n"


@pytest.mark.parametrize(
    ("space", "bounded"),
    [
        (spaces.real(), False),
        (spaces.real(0.0), False),
        (spaces.real(0.0, 1.0), True),
        (spaces.whole(), False),
        (spaces.whole(0), False),
        (spaces.whole(high=[3, np.inf]), False),
        (spaces.whole([0, 1], 3), True),
        (spaces.whole(-(2**63), 2**63 - 1), True),
    ],
    ids=str,
)
def test_a_box_knows_whether_it_has_bounds(space, bounded):
    assert space.is_bounded() == bounded
    member = membership(space)
    assert member.violation(freeze(spaces.first(space))) is None
    assert member.violation(freeze(spaces.sample(space, EpisodeRandom(1, episodes=np.arange(9)))), 9) is None


@pytest.mark.parametrize("make", [spaces.real, spaces.whole])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, 0), "expected low <= high, got low=1 and high=0"),
        (([0, 2], [1, 1]), "expected low <= high"),
        ((np.inf,), "expected low <= high"),
        ((0, -np.inf), "expected low <= high"),
        ((np.nan, 1), "low: expected a number, or an array of them, got nan"),
        ((0, [1.0, np.nan]), "high: expected a number"),
        ((True, 3), "low: expected a number, or an array of them, got True"),
        ((0, "1"), "high: expected a number, or an array of them, got '1'"),
        ((None, 1), "low: expected a number"),
        (([0, 1], 2, (3,)), r"expected a shape, and bounds that fit it, got shape=\(3,\)"),
        (([0, 1], [0, 1, 2]), "expected a shape, and bounds that fit it"),
        ((0, 1, "ab"), "expected a shape"),
        ((0, 1, 2.5), "expected a shape"),
        ((0, 1, -1), "expected a shape"),
    ],
    ids=repr,
)
def test_wrong_bounds_are_refused(make, arguments, message):
    with pytest.raises(ArgumentError, match=f"{make.__name__}: {message}"):
        make(*arguments)


@pytest.mark.parametrize(
    "arguments", [(0.5, 2), (0, [1, 1.5]), (0, 2**63), (-(2**64), 0), (0, 1e30)], ids=repr
)
def test_the_bounds_of_whole_numbers_are_whole(arguments):
    with pytest.raises(
        ArgumentError, match=r"whole: (low|high): expected (whole numbers of 64 bits|a number)"
    ):
        spaces.whole(*arguments)


def test_bounds_are_copied():
    low = np.array([-np.inf, 0.0])
    for make in (spaces.real, spaces.whole):
        space = make(low, 1)
        low[1] = -5
        assert space.low[1] == 0
        assert low[0] == -np.inf
        low[1] = 0


@pytest.mark.parametrize(("value", "inside"), [(True, True), (False, True), (1, False), (0.0, False)])
def test_a_box_of_bools_takes_bools_alone(value, inside):
    member = membership(spaces.Box(0, 1, (), np.bool_))
    assert (member.violation(value) is None) == inside
    assert (member.violation(np.array([value, value]), 2) is None) == inside


def test_whole_spaces_are_told_from_others():
    spaces_of_integers = [spaces.Discrete(2), spaces.Choice([3]), spaces.whole(), spaces.MultiBinary(2)]
    assert all(spaces.is_whole(space) for space in [*spaces_of_integers, spaces.MultiDiscrete([2])])
    assert not any(spaces.is_whole(space) for space in (spaces.real(), spaces.Text(2), spaces.Dict()))


def test_positions_of_vectors_and_matrices_of_choices():
    space = spaces.Choice([-2, 1, 5])
    values = np.array([[-2, 5, 1], [7, 1, 1]])
    assert np.array_equal(spaces.position(space, values), [[0, 2, 1], [-1, 1, 1]])
    assert np.array_equal(spaces.position(space, values[0]), [0, 2, 1])
    assert spaces.position(space, 5) == 2


def test_bits_are_drawn_with_equal_chance():
    """20,000 draws of 4 bits: the share of ones is 1/2 ± 4.5 standard errors."""
    drawn = spaces.sample(spaces.MultiBinary(4), EpisodeRandom(0, episodes=np.arange(5_000)))
    assert drawn.dtype == np.int8
    assert abs(drawn.mean() - 0.5) < 4.5 * 0.5 / np.sqrt(20_000)


@pytest.mark.parametrize(("low", "high"), [(0.5, 3.0), (-2.0, -1.0), (-1.0, 4.0)])
def test_numbers_of_a_box_are_uniform_between_its_bounds(low, high):
    drawn = spaces.sample(spaces.real(low, high), EpisodeRandom(0, episodes=np.arange(5_000)))
    assert stats.kstest((drawn - low) / (high - low), "uniform").pvalue > 1e-4
    whole = spaces.sample(spaces.whole(-2, 3), EpisodeRandom(0, episodes=np.arange(6_000)))
    assert stats.chisquare(np.bincount(whole + 2)).pvalue > 1e-4


@pytest.mark.parametrize(("low", "high"), [(-np.inf, -np.inf), (np.inf, np.inf), (1.0, 0.0)])
def test_a_box_that_holds_no_number_is_refused(low, high):
    with pytest.raises(ArgumentError):
        spaces.real(low, high)
