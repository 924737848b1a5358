"""Every draw has an address, and is a function of it and of nothing else."""

import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from interaction import EpisodeRandom
from interaction.errors import ArgumentError
from interaction.noted import probes
from interaction.random import seed_key

SHAPES = [(), (1,), (3,), (5, 2)]
DRAWS = {
    "random": lambda rng: rng.random((3,)),
    "normal": lambda rng: rng.normal(1.0, 2.0),
    "integers": lambda rng: rng.integers(-2, 9),
    "categorical": lambda rng: rng.categorical([0.2, 0.0, 0.5, 0.3]),
    "shuffle": lambda rng: rng.shuffle(6),
    "simulation": lambda rng: rng.simulation().at(2, 1).random(),
    "deep": lambda rng: rng.simulation().simulation().at(0, 3).random((2,)),
}


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 200_000), min_size=1, max_size=12),
    st.sampled_from(SHAPES),
    st.integers(0, 50),
    st.integers(0, 10),
)
def test_a_row_of_a_batch_is_the_episode_alone(episodes, shape, now, slot):
    batch = EpisodeRandom(5, episodes=np.array(episodes)).at(now, slot)
    drawn = [batch.random(shape), batch.random(shape)]
    for row, episode in enumerate(episodes):
        alone = EpisodeRandom(5, episode).at(now, slot)
        for values in drawn:
            assert np.array_equal(np.asarray(alone.random(shape)), values[row])


@pytest.mark.parametrize("name", DRAWS)
def test_every_kind_of_draw_is_the_same_alone(name):
    draw = DRAWS[name]
    batch = draw(EpisodeRandom(3, episodes=np.arange(20, 60)).at(4, 2))
    for row in range(40):
        assert np.array_equal(np.asarray(draw(EpisodeRandom(3, 20 + row).at(4, 2))), np.asarray(batch)[row])


def test_one_more_draw_shifts_no_other_slot():
    rng = EpisodeRandom(0, 3)
    first = rng.at(1, 2).random()
    rng.at(1, 1).random((10,))
    rng.random()
    assert rng.at(1, 2).random() == first


def test_rows_can_be_selected_repeated_and_taken_alone():
    rng = EpisodeRandom(0, episodes=np.arange(10)).at(3, 3)
    whole = rng.copy().random()
    assert np.array_equal(rng.copy().select(np.array([2, 7])).random(), whole[[2, 7]])
    assert rng.row(4).random() == whole[4]
    assert np.array_equal(rng.repeat(3).random(), np.repeat(whole, 3))
    assert rng.select(np.array([], int)).random().shape == (0,)
    own = rng.repeat(3, common=False).random()
    assert len(np.unique(own)) == 30
    assert rng.repeat(3, common=False).row(4).random() == own[4]
    alone = EpisodeRandom(0, 1).at(3, 3).repeat(3, common=False)
    assert np.array_equal(alone.random(), own[3:6])
    assert np.array_equal(
        alone.repeat(2, common=False).repeat(2).random()[::4], alone.repeat(2, False).random()[::2]
    )


def every_number(seed):
    """Draw at some 10,000 addresses, and at each of them up to 33 numbers."""
    for episode in (0, 1, 2, 3, 4, 5, 8, 33, 1000, 2**33, 2**40 + 1):
        for now, slot in [(0, 0), (0, 3), (0, 15), (1, 3), (3, 0), (2**20, 4)]:
            for length in (1, 2, 3, 4, 5, 8, 9, 12, 33):
                alone = EpisodeRandom(seed, episode).at(now, slot)
                inside = [alone.simulation().at(now, slot) for _ in range(2)]
                parted = [alone.copy().repeat(count, common=False) for count in (2, 3)]
                for rng in (alone, *inside, inside[0].copy().repeat(2, common=False), *parted):
                    for _ in range(3):
                        yield rng.random((length,)).ravel()


def test_no_two_addresses_share_a_number():
    numbers = np.concatenate(list(every_number(0)))
    assert len(numbers) > 100_000
    assert len(np.unique(numbers)) == len(numbers)  # by chance two of 53 bits are one in 1 of 10^5 such tests


def test_draws_of_other_lengths_in_other_episodes_are_not_these():
    assert EpisodeRandom(0, 4).at(0, 3).random() != EpisodeRandom(0, 1).at(0, 3).random((4,))[0]


@pytest.mark.parametrize(
    ("draw", "named"),
    [
        (lambda: EpisodeRandom(0, 2**62).random((65,)), r"fewer than .* episodes .* for draws of 65 numbers"),
        (lambda: EpisodeRandom(0, episodes=np.array([2**62])).random((65,)), "fewer than .* episodes"),
        (
            lambda: EpisodeRandom(0, 2**62).repeat(3, common=False),
            r"below 9,223,372,036,854,775,808, got 4,611,686,018,427,387,905 · 3",
        ),
        (lambda: EpisodeRandom(0, 2**62 - 1).repeat(2, common=False), r"got 4,611,686,018,427,387,904 · 2"),
        (lambda: EpisodeRandom(0).random(2**32), "of less than 4,294,967,296 numbers"),
        (lambda: EpisodeRandom(0).at(0, 16), "a slot from 0 to 15"),
        (lambda: EpisodeRandom(0).at(-1, 0), "a round >= 0"),
    ],
)
def test_what_would_share_a_number_is_an_error(draw, named):
    with pytest.raises(ArgumentError, match=named):
        draw()
    assert EpisodeRandom(0, 2**62 - 2).repeat(2, common=False).random().shape == (
        2,
    )  # the last that there are


def test_what_shows_whether_anything_is_drawn_gives_numbers_that_a_stream_may_give():
    streams, _ = probes(3)
    for _ in range(70):  # the first ones are the lowest and the highest, the others as they come
        drawn = np.array([stream.random((2,)) for stream in streams])
        assert ((drawn >= 0) & (drawn < 1)).all()


def test_the_error_for_an_episode_too_far_out_tells_the_first_of_them():
    with pytest.raises(ArgumentError) as error:
        EpisodeRandom(0, 2**62).random((65,))
    told = re.search(r"fewer than ([\d,]+) episodes", str(error.value))
    first = int(told[1].replace(",", ""))
    assert EpisodeRandom(0, first - 1).random((65,)).shape == (65,)
    with pytest.raises(ArgumentError):
        EpisodeRandom(0, first).random((65,))


def test_a_method_has_no_more_draws_than_addresses():
    rng = EpisodeRandom(0)
    rng.draw = 2**30
    with pytest.raises(ArgumentError, match=r"up to 1,073,741,824 draws"):
        rng.random()


def test_streams_of_simulations_differ():
    rng = EpisodeRandom(0, 0).at(0, 2)
    deep = rng.simulation().simulation().simulation()
    again = EpisodeRandom(0, 0).at(0, 2)
    drawn = [again.random(), again.simulation().random(), again.simulation().random(), deep.random()]
    assert len(set(drawn)) == 4


def test_the_numbers_are_those_of_numpys_philox():
    for seed, episode, now, slot in [(0, 0, 0, 0), (7, 13, 5, 9), (123456789, 4, 100, 3)]:
        key = np.array(seed_key(seed), np.uint64)
        counter = np.array([episode // 4, 1 << 30, now << 4 | slot, 1], np.uint64)
        numbers = np.random.Generator(np.random.Philox(key=key, counter=counter)).random(4)
        assert EpisodeRandom(seed, episode).at(now, slot).random() == numbers[episode % 4]


def test_golden_values():
    """Recorded from version 0.2.0: a change of the stream must not go unnoticed."""
    values = [EpisodeRandom(0, episode).at(0, 0).random() for episode in range(3)]
    assert values == GOLDEN


GOLDEN = [0.4818022771203595, 0.872031972945126, 0.6332398120106981]


def test_other_processes_draw_the_same():
    code = "from interaction import EpisodeRandom; print(EpisodeRandom(9, 5).at(3, 4).normal().hex())"
    here = EpisodeRandom(9, 5).at(3, 4).normal().hex()
    for hash_seed in ("0", "1"):
        shown = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": hash_seed},
        )
        assert shown.stdout.strip() == here


N = 40_000
P_VALUE = 1e-4  # fixed seeds: a correct generator fails a test with this probability, once and for all


def test_uniform_and_normal_numbers_have_their_distributions():
    rng = EpisodeRandom(1, episodes=np.arange(N))
    for now in (0, 1, 77):
        assert stats.kstest(rng.at(now, 0).random(), "uniform").pvalue > P_VALUE
        assert stats.kstest(rng.at(now, 1).normal(), "norm").pvalue > P_VALUE
        assert stats.kstest(rng.at(now, 2).simulation().random(), "uniform").pvalue > P_VALUE
    assert stats.kstest(EpisodeRandom(1, 3).random((N,)), "uniform").pvalue > P_VALUE


def test_integers_categories_and_permutations_have_their_frequencies():
    rng = EpisodeRandom(2, episodes=np.arange(N))
    assert stats.chisquare(np.bincount(rng.integers(0, 7), minlength=7)).pvalue > P_VALUE
    weights = np.array([1.0, 2.0, 5.0])
    counts = np.bincount(rng.categorical(weights), minlength=3)
    assert stats.chisquare(counts, weights / 8 * N).pvalue > P_VALUE
    orders = rng.shuffle(3) @ np.array([9, 3, 1])
    assert stats.chisquare(np.unique(orders, return_counts=True)[1]).pvalue > P_VALUE
    assert len(np.unique(orders)) == 6


def test_addresses_are_independent():
    """The correlation of N independent pairs has the standard deviation 1/√N; 4 of them are allowed."""
    rng = EpisodeRandom(4, episodes=np.arange(N))
    base = rng.at(0, 0).random()
    second = rng.random()
    others = {
        "neighbouring episode": np.roll(base, 1),
        "episode four further": np.roll(base, 4),
        "round": rng.at(1, 0).random(),
        "slot": rng.at(0, 1).random(),
        "draw": second,
        "depth": rng.at(0, 0).simulation().at(0, 0).random(),
        "seed": EpisodeRandom(5, episodes=np.arange(N)).at(0, 0).random(),
        "vector": rng.at(0, 0).random((2,))[:, 0],
    }
    for name, other in others.items():
        if name == "vector":
            continue  # the same address, laid out for vectors: only its own columns must be independent
        assert abs(np.corrcoef(base, other)[0, 1]) < 4 / np.sqrt(N), name
    vector = rng.at(2, 0).random((2,))
    assert abs(np.corrcoef(vector.T)[0, 1]) < 4 / np.sqrt(N)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", True, None])
def test_a_seed_is_a_non_negative_integer(seed):
    with pytest.raises(ArgumentError, match="seed: expected a non-negative integer"):
        EpisodeRandom(seed)


@pytest.mark.parametrize("weights", [[], [-1.0, 2.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0]])
def test_weights_are_checked(weights):
    with pytest.raises(ArgumentError, match="categorical"):
        EpisodeRandom().categorical(weights)


def test_an_episode_is_an_index():
    with pytest.raises(ArgumentError, match="episode"):
        EpisodeRandom(0, -1)
    assert EpisodeRandom(np.int64(3)).random() == EpisodeRandom(3).random()


def test_the_first_draws_are_pinned():
    """Recorded from version 0.2.0, so that any change of stream is noticed; as numpy's Philox gives them."""
    recorded = [
        0.4818022771203595,
        0.872031972945126,
        0.6332398120106981,
        0.411343539374066,
        0.5724724049750152,
    ]
    assert [EpisodeRandom(0, episode).at(0, 0).random() for episode in range(5)] == recorded
    assert EpisodeRandom(0, episodes=np.arange(5)).at(0, 0).random().tolist() == recorded
    # The key by numpy alone, not by this package: two words of the seed's sequence.
    key = np.random.SeedSequence(0).generate_state(2, np.uint64)
    numpy_ = np.random.Generator(np.random.Philox(key=key, counter=[0, 1 << 30, 0, 1])).random(5)
    assert numpy_.tolist() == recorded


@given(
    st.integers(0, 2**70), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 15), st.integers(0, 5)
)
def test_the_counter_holds_block_draw_length_and_place(seed, episode, now, slot, draw):
    key = np.random.SeedSequence(seed).generate_state(2, np.uint64)
    rng = EpisodeRandom(seed, episode).at(now, slot)
    for _ in range(draw):
        rng.random()
    place = now * 16 + slot
    single = np.random.Philox(key=key, counter=np.array([episode // 4, draw | 1 << 30, place, 1], np.uint64))
    assert rng.random() == np.random.Generator(single).random(4)[episode % 4]
    # a draw of five numbers takes two blocks of four for each episode
    counter = np.array([episode * 2, draw + 1 | 5 << 30, place, 1], np.uint64)
    vector = np.random.Philox(key=key, counter=counter)
    assert np.array_equal(rng.random((5,)), np.random.Generator(vector).random(5))


EVERY = {
    **DRAWS,
    **{f"random {shape}": lambda rng, shape=shape: rng.random(shape) for shape in SHAPES},
    **{f"normal {shape}": lambda rng, shape=shape: rng.normal(-1.0, 0.3, shape) for shape in SHAPES},
    **{f"integers {shape}": lambda rng, shape=shape: rng.integers(0, 100, shape) for shape in SHAPES},
    "depth 3": lambda rng: rng.simulation().at(1, 2).simulation().at(7, 0).simulation().at(0, 5).normal(),
    "repeated": lambda rng: rng.simulation().random((4,)),
}


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15)
@given(data=st.data())
def test_any_subset_order_and_chunk_gives_the_same_numbers(name, data):
    draw = EVERY[name]
    episodes = np.array(data.draw(st.lists(st.integers(0, 400), min_size=1, max_size=9)))
    cut = data.draw(st.integers(0, len(episodes)))
    whole = np.asarray(draw(EpisodeRandom(8, episodes=episodes).at(2, 6)))
    chunks = [
        draw(EpisodeRandom(8, episodes=part).at(2, 6))
        for part in (episodes[:cut], episodes[cut:])
        if len(part)
    ]
    assert np.array_equal(np.concatenate(chunks), whole)
    order = np.argsort(episodes, kind="stable")
    assert np.array_equal(draw(EpisodeRandom(8, episodes=episodes[order]).at(2, 6)), whole[order])
    for row, episode in enumerate(episodes):
        assert np.array_equal(draw(EpisodeRandom(8, int(episode)).at(2, 6)), whole[row])


@pytest.mark.parametrize("episodes", [[3, 100_000], [100_000, 3], [0, 2**40], [5, 5, 10**9], [7]], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sparse_episodes_are_the_episodes_alone(episodes, shape):
    drawn = EpisodeRandom(1, episodes=np.array(episodes)).at(3, 1).random(shape)
    assert drawn.shape == (len(episodes), *shape)
    for row, episode in enumerate(episodes):
        assert np.array_equal(EpisodeRandom(1, episode).at(3, 1).random(shape), drawn[row])


@given(st.integers(0, 30), st.integers(0, 10), st.integers(0, 4), st.sampled_from(SHAPES))
def test_further_draws_in_one_slot_shift_no_other(now, slot, further, shape):
    rng = EpisodeRandom(0, episodes=np.arange(3))
    expected = rng.at(now, slot).random(shape)
    for other in [(now, slot + 1), (now + 1, slot)]:
        rng.at(*other)
        for _ in range(further):
            rng.random((2,))
            rng.simulation()
        assert np.array_equal(rng.at(now, slot).random(shape), expected)


def test_drawing_in_a_simulation_moves_the_outer_stream_by_one_draw_at_most():
    few, many = EpisodeRandom(0, 1).at(0, 2), EpisodeRandom(0, 1).at(0, 2)
    few.simulation()
    inner = many.simulation()
    for now in range(5):
        inner.at(now, 3).random((10,))
    assert few.random() == many.random()


def nested(rng, depth):
    for level in range(depth):
        rng = rng.at(level, 2).simulation()
    return rng.at(1, 1)


def test_every_depth_and_every_simulation_has_numbers_of_its_own():
    seen = [nested(EpisodeRandom(0, episodes=np.arange(100)), depth).random() for depth in range(4)]
    rng = EpisodeRandom(0, episodes=np.arange(100)).at(0, 2)
    seen += [rng.simulation().at(1, 1).random() for _ in range(3)]  # the first is `nested` at depth 1
    for now, slot in [(1, 2), (0, 3), (0, 6)]:
        seen.append(rng.at(now, slot).simulation().at(1, 1).random())
    assert np.array_equal(seen[1], seen[4])
    assert len(np.unique(np.concatenate(seen))) == 100 * (len(seen) - 1)


@given(st.lists(st.integers(0, 10**5), min_size=1, max_size=5), st.integers(0, 3), st.sampled_from(SHAPES))
def test_nested_simulations_are_equal_alone_and_batched(episodes, depth, shape):
    batch = nested(EpisodeRandom(6, episodes=np.array(episodes)), depth).random(shape)
    for row, episode in enumerate(episodes):
        assert np.array_equal(nested(EpisodeRandom(6, episode), depth).random(shape), batch[row])


@given(st.integers(1, 6), st.booleans(), st.sampled_from(SHAPES), st.integers(0, 2))
def test_candidates_share_their_numbers_or_have_their_own(count, common, shape, depth):
    rng = nested(EpisodeRandom(0, episodes=np.array([4, 90, 91])), depth)
    repeated = rng.repeat(count, common=common).random(shape)
    assert repeated.shape == (3 * count, *shape)
    groups = repeated.reshape(3, count, -1)
    if common:
        assert np.array_equal(repeated, np.repeat(rng.random(shape), count, axis=0))
    else:
        assert len(np.unique(groups)) == groups.size
    for row, episode in enumerate([4, 90, 91]):
        alone = nested(EpisodeRandom(0, episode), depth).repeat(count, common=common)
        assert np.array_equal(alone.random(shape).reshape(count, -1), groups[row])


@given(st.integers(1, 4), st.integers(1, 4))
def test_candidates_of_candidates_have_numbers_of_their_own(outer, inner):
    rng = EpisodeRandom(0, episodes=np.array([2, 9]))
    drawn = rng.repeat(outer, common=False).repeat(inner, common=False).random()
    assert len(np.unique(drawn)) == 2 * outer * inner
    alone = EpisodeRandom(0, 9).repeat(outer, common=False).repeat(inner, common=False)
    assert np.array_equal(alone.random(), drawn[outer * inner :])


@given(
    st.lists(st.booleans(), min_size=6, max_size=6), st.sampled_from(SHAPES), st.booleans(), st.integers(0, 2)
)
def test_selected_rows_keep_their_numbers(mask, shape, common, depth):
    rng = nested(EpisodeRandom(0, episodes=np.array([1, 50, 700])), depth).repeat(2, common=common)
    rng.random()
    whole = rng.copy().random(shape)
    mask = np.array(mask)
    assert np.array_equal(rng.select(mask).random(shape), whole[mask])
    assert np.array_equal(rng.select(np.flatnonzero(mask)[::-1]).random(shape), whole[mask][::-1])
    for row in range(6):
        one = rng.row(row)
        assert (one.batched, one.rows) == (False, None)
        assert np.array_equal(one.random(shape), whole[row])


def test_a_copy_moves_on_its_own():
    rng = EpisodeRandom(0, 3).at(1, 1)
    rng.random()
    twin = rng.copy()
    expected = [twin.random(), twin.random()]
    twin.at(9, 9).random()
    assert [rng.random(), rng.random()] == expected


def test_single_draws_are_plain_numbers_and_shapes_are_those_asked_for():
    rng = EpisodeRandom(0)
    assert [type(rng.random()), type(rng.normal()), type(rng.integers(0, 5))] == [float, float, int]
    assert type(rng.categorical([1, 2])) is int
    batch = EpisodeRandom(0, episodes=np.arange(4))
    for shape in SHAPES:
        for draw in (
            lambda r, s: r.random(s),
            lambda r, s: r.normal(0, 1, s),
            lambda r, s: r.integers(0, 9, s),
        ):
            assert np.shape(draw(rng, shape)) == shape
            assert np.shape(draw(batch, shape)) == (4, *shape)
    assert batch.shuffle(5).shape == (4, 5)
    assert rng.random(3).shape == (3,)
    assert rng.random((0,)).shape == (0,)
    assert batch.random((0, 2)).shape == (4, 0, 2)


@given(st.integers(-(2**62), 2**62), st.integers(1, 2**62), st.integers(0, 1000))
def test_integers_stay_in_their_range_and_agree_alone_and_batched(low, width, seed):
    batch = EpisodeRandom(seed, episodes=np.arange(5)).integers(low, low + width)
    alone = [EpisodeRandom(seed, episode).integers(low, low + width) for episode in range(5)]
    assert batch.tolist() == alone
    assert all(low <= value < low + width for value in alone)


def test_the_widest_range_of_integers_agrees_alone_and_batched():
    low, high = -(2**63), 2**63 - 1
    alone = [EpisodeRandom(0, episode).integers(low, high) for episode in range(5)]
    assert EpisodeRandom(0, episodes=np.arange(5)).integers(low, high).tolist() == alone


@given(st.lists(st.floats(0, 10) | st.just(0.0), min_size=1, max_size=6), st.integers(0, 1000))
def test_a_category_of_weight_zero_is_never_picked(weights, seed):
    weights = [0.0 if weight < 1e-9 else weight for weight in weights]
    if sum(weights) > 0:
        drawn = EpisodeRandom(seed, episodes=np.arange(8)).categorical(weights)
        assert all(weights[index] > 0 for index in drawn)


def test_a_category_of_weight_zero_is_never_picked_where_weights_underflow():
    drawn = EpisodeRandom(0, episodes=np.arange(50)).categorical([5e-324, 0.0])
    assert set(drawn.tolist()) == {0}


@given(st.integers(0, 1000), st.integers(1, 4))
def test_each_row_has_weights_of_its_own(seed, n):
    weights = EpisodeRandom(seed).random((6, n)) + 0.01
    batch = EpisodeRandom(seed, episodes=np.arange(6)).categorical(weights)
    alone = [EpisodeRandom(seed, episode).categorical(weights[episode]) for episode in range(6)]
    assert batch.tolist() == alone


@given(st.integers(0, 20), st.integers(0, 1000))
def test_a_shuffle_is_a_permutation(n, seed):
    rows = EpisodeRandom(seed, episodes=np.arange(3)).shuffle(n)
    assert all(sorted(row) == list(range(n)) for row in rows.tolist())


class Edge(EpisodeRandom):
    """A stream whose uniform numbers are at one end of their range."""

    __slots__ = ("end",)

    def random(self, shape=()):
        return self.end


@pytest.mark.parametrize("end", [0.0, 1.0 - 2.0**-53], ids=["lowest", "highest"])
def test_draws_are_sound_at_the_ends_of_the_uniform_range(end):
    rng = Edge(0)
    rng.end = end
    assert np.isfinite(rng.normal())
    assert 3 <= rng.integers(3, 8) < 8
    assert rng.categorical([0.0, 0.3, 0.7, 0.0]) in (1, 2)


def test_normal_numbers_have_their_moments():
    """The mean of N standard normals has the standard deviation 1/√N, the variance √(2/N),
    the skewness √(6/N), the kurtosis √(24/N); 4.5 of them are allowed (a chance of 1e-5 each)."""
    values = EpisodeRandom(11, episodes=np.arange(N)).at(1, 1).normal(3.0, 2.0)
    standard = (values - 3.0) / 2.0
    assert abs(standard.mean()) < 4.5 / np.sqrt(N)
    assert abs(standard.var() - 1.0) < 4.5 * np.sqrt(2 / N)
    assert abs(stats.skew(standard)) < 4.5 * np.sqrt(6 / N)
    assert abs(stats.kurtosis(standard)) < 4.5 * np.sqrt(24 / N)
    assert stats.kstest(standard, "norm").pvalue > P_VALUE


@pytest.mark.parametrize("shape", [(), (3,), (5, 2)], ids=str)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_every_shape_and_depth_is_uniform(shape, depth):
    values = nested(EpisodeRandom(21, episodes=np.arange(10_000)), depth).random(shape).ravel()
    assert stats.kstest(values, "uniform").pvalue > P_VALUE
    counts = np.histogram(values, bins=50, range=(0, 1))[0]
    assert stats.chisquare(counts).pvalue > P_VALUE


def test_one_episode_is_uniform_over_rounds_slots_and_draws():
    rng = EpisodeRandom(22, 17)
    over_rounds = [rng.at(now, 4).random() for now in range(5000)]
    over_draws = rng.at(0, 0)
    draws = [over_draws.random() for _ in range(5000)]
    over_seeds = [EpisodeRandom(seed, 17).at(0, 0).random() for seed in range(5000)]
    for values in (over_rounds, draws, over_seeds):
        assert stats.kstest(values, "uniform").pvalue > P_VALUE


def base_stream(seed=31):
    return EpisodeRandom(seed, episodes=np.arange(N))


def second_draw():
    rng = base_stream().at(3, 2)
    rng.random()
    return rng.random()


NEIGHBOURS = {
    "the next draw": second_draw,
    "the next round": lambda: base_stream().at(4, 2).random(),
    "the next slot": lambda: base_stream().at(3, 3).random(),
    "the next seed": lambda: base_stream(32).at(3, 2).random(),
    "the next episode": lambda: EpisodeRandom(31, episodes=np.arange(1, N + 1)).at(3, 2).random(),
    "the next block of episodes": lambda: EpisodeRandom(31, episodes=np.arange(4, N + 4)).at(3, 2).random(),
    "a simulation": lambda: base_stream().at(3, 2).simulation().at(3, 2).random(),
    "a simulation in a simulation": lambda: nested(base_stream(), 2).at(3, 2).random(),
    "depth three": lambda: nested(base_stream(), 3).at(3, 2).random(),
    "a candidate of its own": lambda: base_stream().at(3, 2).repeat(2, common=False).random()[1::2],
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_neighbouring_addresses_are_not_correlated(name):
    """N independent pairs have a correlation with the standard deviation 1/√N; 4 of them are allowed."""
    base, other = base_stream().at(3, 2).random(), NEIGHBOURS[name]()
    assert abs(np.corrcoef(base, other)[0, 1]) < 4 / np.sqrt(N)
    # nor are their distances from the middle, which a correlation does not see
    assert abs(np.corrcoef(abs(base - 0.5), abs(other - 0.5))[0, 1]) < 4 / np.sqrt(N)
    cells = np.histogram2d(base, other, bins=8, range=[[0, 1], [0, 1]])[0]
    assert stats.chisquare(cells.ravel()).pvalue > P_VALUE


def test_depths_are_not_correlated_with_each_other():
    drawn = np.stack([nested(base_stream(), depth).at(0, 0).random() for depth in range(4)])
    off = np.corrcoef(drawn)[~np.eye(4, dtype=bool)]
    assert abs(off).max() < 4 / np.sqrt(N)


@pytest.mark.parametrize(("low", "high"), [(0, 2), (-3, 4), (0, 10)])
def test_integers_are_uniform_alone_and_in_vectors(low, high):
    rng = EpisodeRandom(41, episodes=np.arange(N // 4)).at(0, 0)
    for values in (rng.integers(low, high), rng.integers(low, high, (3,))):
        counts = np.bincount(np.ravel(values) - low, minlength=high - low)
        assert len(counts) == high - low
        assert stats.chisquare(counts).pvalue > P_VALUE


def test_categories_follow_weights_that_differ_between_rows():
    weights = np.where(np.arange(N)[:, None] % 2 == 0, [1.0, 3.0], [9.0, 1.0])
    drawn = EpisodeRandom(42, episodes=np.arange(N)).categorical(weights)
    even, odd = np.bincount(drawn[::2], minlength=2), np.bincount(drawn[1::2], minlength=2)
    assert stats.chisquare(even, np.array([0.25, 0.75]) * N / 2).pvalue > P_VALUE
    assert stats.chisquare(odd, np.array([0.9, 0.1]) * N / 2).pvalue > P_VALUE


@pytest.mark.parametrize(
    "call",
    [
        lambda: EpisodeRandom(0, 1.5),
        lambda: EpisodeRandom(0, True),
        lambda: EpisodeRandom(0).integers(3, 2),
        lambda: EpisodeRandom(0).integers(2.5, 7),
        lambda: EpisodeRandom(0).random(-1),
        lambda: EpisodeRandom(0).random((2, -1)),
        lambda: EpisodeRandom(0).normal(0.0, -1.0),
        lambda: EpisodeRandom(0).shuffle(-1),
        lambda: EpisodeRandom(0).categorical([1e308, 1e308]),
        lambda: EpisodeRandom(0, episodes=[1, 2]).random(),
        lambda: EpisodeRandom(0, episodes=np.array([-1, 2])).random(),
        lambda: EpisodeRandom(0, episodes=np.array([1.0, 2.0])).random(),
    ],
    ids=[
        "episode 1.5",
        "episode True",
        "integers(3, 2)",
        "integers(2.5, 7)",
        "a negative length",
        "a negative length in a shape",
        "a negative scale",
        "a negative shuffle",
        "weights whose sum overflows",
        "a list of episodes",
        "a negative episode",
        "episodes that are floats",
    ],
)
def test_a_bad_argument_is_an_argument_error(call):
    with pytest.raises(ArgumentError):
        call()


def test_an_episode_may_be_a_numpy_integer_as_a_seed_may():
    assert EpisodeRandom(0, np.int64(3)).random() == EpisodeRandom(0, 3).random()


def test_keys_are_draws_like_others():
    rng = EpisodeRandom(3, 7).at(2, 1)
    first, second = rng.key(), rng.key()
    assert first != second
    assert EpisodeRandom(3, episodes=np.array([5, 7])).at(2, 1).row(1).key() == first
    addresses = [
        EpisodeRandom(seed, episode).at(place, slot).key()
        for seed in (3, 4)
        for episode in (7, 8)
        for place in (2, 3)
        for slot in (1, 2)
    ]
    addresses += [EpisodeRandom(3, 7).at(2, 1).simulation().at(2, 1).key()]
    assert len(set(addresses)) == len(addresses)
    assert addresses[0] == first
    with pytest.raises(ArgumentError, match=r"rng\.key: a batch has no"):
        EpisodeRandom(3, episodes=np.arange(2)).key()


def test_a_generator_for_code_that_wants_one():
    first = EpisodeRandom(0, 2).at(1, 3).generator().random(2)  # recorded, so that a change is noticed
    assert first.tolist() == [0.5071487930255071, 0.5003931086659825]
    numbers = EpisodeRandom(3, 7).at(2, 1).generator().normal(size=2000)
    assert np.array_equal(numbers, EpisodeRandom(3, 7).at(2, 1).generator().normal(size=2000))
    assert stats.kstest(numbers, "norm").pvalue > 0.001
    others = EpisodeRandom(3, 7).at(2, 1).random((2000,))
    assert abs(np.corrcoef(numbers, others)[0, 1]) < 0.1  # 4.5 standard errors of independent numbers


def test_keys_of_replicas_differ():
    rows = EpisodeRandom(3, 7).at(2, 1).repeat(2, common=False)
    assert rows.row(0).key() != rows.row(1).key()


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64])
def test_episodes_of_any_kind_of_integer_have_their_numbers(kind):
    few = EpisodeRandom(0, episodes=np.arange(200, dtype=kind)).repeat(7, common=False)
    assert np.array_equal(
        few.random(), EpisodeRandom(0, episodes=np.arange(200)).repeat(7, common=False).random()
    )


def test_a_length_may_be_a_numpy_integer_and_no_flag():
    assert np.array_equal(EpisodeRandom(0).random(np.int64(3)), EpisodeRandom(0).random(3))
    for shape in (True, (True,), (2.0,)):
        with pytest.raises(ArgumentError, match="expected lengths"):
            EpisodeRandom(0).random(shape)


@pytest.mark.parametrize("episode", [2**63, 2**66, -1, True, 1.0])
def test_an_index_beyond_what_counts_is_an_error_of_ours(episode):
    with pytest.raises(ArgumentError, match=r"an index >= 0, got .* below 2\*\*63"):
        EpisodeRandom(0, episode)
    with pytest.raises(ArgumentError, match=r"array of indices >= 0, got .* below 2\*\*63"):
        EpisodeRandom(0, episodes=np.array([2**63], np.uint64))


def test_a_simulation_begins_at_its_first_draw():
    first = EpisodeRandom(3, 1).at(2, 4).simulation().random()
    assert first == EpisodeRandom(3, 1).at(2, 4).simulation().at(0, 15).random()


@pytest.mark.parametrize("shape", [(), (3,)])
def test_rows_in_different_rounds_draw_as_alone(shape):
    episodes, rounds = np.array([3, 9, 4, 3]), np.array([0, 2, 0, 5])
    batch = EpisodeRandom(7, episodes=episodes)
    batch.place = rounds << 4 | 2
    found = batch.random(shape)
    for row, (episode, number) in enumerate(zip(episodes.tolist(), rounds.tolist(), strict=True)):
        alone = EpisodeRandom(7, episode).at(number, 2).random(shape)
        assert np.array_equal(found[row], alone)


def test_the_stream_itself_says_what_to_write_for_what_numpy_offers():
    with pytest.raises(AttributeError, match=r"no 'uniform'; write low \+ \(high - low\) \* rng\.random\(\)"):
        EpisodeRandom().uniform  # noqa: B018
    with pytest.raises(AttributeError, match=r"no 'poisson'\. It draws by"):
        EpisodeRandom().poisson  # noqa: B018
    assert not hasattr(EpisodeRandom(), "_bit_generator")
