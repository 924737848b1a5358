"""Where entries lie in memory: a sum depends on it in its last bit, and a change on who shares it."""

import copy
import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction.state import State, lock
from tests.interaction.batching.compare import ROWS, assert_lifted, assert_not_lifted, compare, repeated


@pytest.fixture(autouse=True)
def nothing_is_told(caplog):
    caplog.set_level(logging.ERROR, "interaction")


SHAPES = [(9, 9), (9, 20), (130, 3), (3, 17, 9)]
BEFORE = {
    "x": lambda x: x,
    "x.T": lambda x: x.T,
    "(x * 1).T": lambda x: (x * 1).T,
    "x[::-1]": lambda x: x[::-1],
    "x[:, 1:]": lambda x: x[:, 1:],
    "x[:, 1:].T": lambda x: x[:, 1:].T,
    "x[1:]": lambda x: x[1:],
    "np.swapaxes(x, 0, -1)": lambda x: np.swapaxes(x, 0, -1),
    "np.moveaxis(x, 0, -1)": lambda x: np.moveaxis(x, 0, -1),
    "x.T + 1": lambda x: x.T + 1,
    "x[0][..., None] * x[0]": lambda x: x[0][..., None] * x[0],
    "np.broadcast_to(x[0])": lambda x: np.broadcast_to(x[0], (3, *x[0].shape)),
    "x[:, [2, 0, 1]]": lambda x: x[:, [2, 0, 1]],
    "x[[2, 0, 1]]": lambda x: x[[2, 0, 1]],
    "x[:, None]": lambda x: x[:, None],
    "x[:, x[0] > 0]": lambda x: x[:, x[0] > 0] if x.ndim == 2 else x,
}
THEN = {
    "x": lambda x: x,
    "x + 1": lambda x: x + 1,
    "np.round(x, 1)": lambda x: np.round(x, 1),
    "np.round(x)": np.round,
    "np.clip(x, -1, 1.5)": lambda x: np.clip(x, -1, 1.5),
    "np.where(x > 0, x, 0.1)": lambda x: np.where(x > 0, x, 0.1),
    "np.select": lambda x: np.select([x > 0, x < -1], [x, 2 * x], 0.3),
    "x.copy()": lambda x: x.copy(),
    "np.copy(x)": np.copy,
    "x.copy(order='F')": lambda x: x.copy(order="F"),
    "x.copy(order='A')": lambda x: x.copy(order="A"),
    "x.astype(float)": lambda x: x.astype(float),
    "np.concatenate": lambda x: np.concatenate([x, x], axis=-1),
    "np.stack([x, x])": lambda x: np.stack([x, x]),
    "np.stack([x, x], axis=1)": lambda x: np.stack([x, x], axis=1),
    "np.take(x, [0, 1], axis=1)": lambda x: np.take(x, [0, 1], axis=1),
    "np.take(x, [0, 1], axis=0)": lambda x: np.take(x, [0, 1], axis=0),
    "x.take([0, 1], axis=-1)": lambda x: x.take([0, 1], axis=-1),
    "np.repeat(x, 2, axis=1)": lambda x: np.repeat(x, 2, axis=1),
    "np.roll(x, 1)": lambda x: np.roll(x, 1),
    "np.diff(x)": np.diff,
    "np.cumsum(x, axis=0)": lambda x: np.cumsum(x, axis=0),
    "np.sort(x, axis=0)": lambda x: np.sort(x, axis=0),
    "np.take_along_axis": lambda x: np.take_along_axis(x, np.argsort(x, axis=0), axis=0),
    "np.flip(x)": np.flip,
    "np.zeros_like(x) + x": lambda x: np.zeros_like(x) + 0.1 * x,
    "np.interp": lambda x: np.interp(x, [0, 1, 3], [0, 2.5, 9]),
    "abs(x) ** 1.7": lambda x: abs(x) ** 1.7,
    "x - x.mean(axis=0)": lambda x: x - x.mean(axis=0),
    "x / x.sum(axis=-1)": lambda x: x / x.sum(axis=-1, keepdims=True),
    "x @ x.T": lambda x: x @ x.T,
    "x.T @ x": lambda x: x.T @ x,
    "np.linalg.inv": lambda x: np.linalg.inv(x @ x.T + 9 * np.eye(len(x))),
    "np.rot90(x)": np.rot90,
    "np.fliplr(x)": np.fliplr,
    "np.tril(x)": np.tril,
    "np.pad(x, 1)": lambda x: np.pad(x, 1),
    "np.array_split(x, 2)": lambda x: np.array_split(x, 2)[0],
    "np.delete": lambda x: np.delete(x, 0, axis=1),
    "np.gradient": lambda x: np.gradient(x, axis=0),
    "np.partition": lambda x: np.partition(x, 1, axis=0),
    "np.inner(x, x)": lambda x: np.inner(x, x),
    "np.cov(x)": np.cov,
    "x.reshape(-1)": lambda x: x.reshape(-1).reshape(x.shape),
}
AT_LAST = {
    "x.sum()": lambda x: x.sum(),
    "x.sum(axis=0)": lambda x: x.sum(axis=0),
    "x.sum(axis=1)": lambda x: x.sum(axis=1),
    "x.mean()": lambda x: x.mean(),
    "x.std()": lambda x: x.std(),
    "np.linalg.norm(x)": np.linalg.norm,
    "x[0] @ x[1]": lambda x: x[0] @ x[1] if x.ndim == 2 else 0.0,
    "(x @ x[0]).sum()": lambda x: (x @ x[0]).sum() if x.ndim == 2 else 0.0,
    "x[:, 0].sum()": lambda x: x[:, 0].sum(),
    "(x**2).sum(axis=0).sum()": lambda x: (x**2).sum(axis=0).sum(),
    "State(x=x).x.sum()": lambda x: State(x=x).x.sum(),
    "np.ravel(x)[1:].sum()": lambda x: np.ravel(x)[1:].sum(),
}


@settings(max_examples=1_500, derandomize=True)
@given(
    st.sampled_from(SHAPES),
    st.sampled_from(sorted(BEFORE)),
    st.sampled_from(sorted(THEN)),
    st.sampled_from(sorted(AT_LAST)),
    st.integers(0, 10**6),
)
def test_sums_are_added_in_the_order_of_one_episode(shape, before, then, at_last, seed):
    x = lock(np.random.default_rng(seed).normal(size=(6, *shape)))
    compare(lambda x: AT_LAST[at_last](THEN[then](BEFORE[before](x))), x)


@pytest.mark.parametrize(
    ("before", "then"),
    [
        ("x", "np.take(x, [0, 1], axis=1)"),
        ("x.T", "np.round(x, 1)"),
        ("x.T", "np.select"),
        ("x", "x @ x.T"),
        ("x", "x.T @ x"),
        ("x[:, x[0] > 0]", "x"),
        ("x", "x.copy(order='F')"),
        ("x.T", "np.pad(x, 1)"),
    ],
)
@pytest.mark.parametrize("shape", [(9, 9), (20, 9), (9, 20)])
def test_so_they_are_where_a_function_puts_the_entries_elsewhere(before, then, shape):
    x = lock(np.random.default_rng(0).normal(size=(40, *shape)))
    assert_lifted(lambda x: THEN[then](BEFORE[before](x)).sum(), x)


def test_so_they_are_after_a_sum_along_one_of_three_axes():
    x = lock(np.random.default_rng(0).normal(size=(40, 3, 17, 9)))
    assert_lifted(lambda x: x.T.sum(axis=0).sum(), x)
    assert_lifted(lambda x: np.moveaxis(x, 0, -1).sum(axis=1).std(), x)


@settings(max_examples=300, derandomize=True)
@given(
    st.sampled_from(SHAPES),
    st.sampled_from(sorted(BEFORE)),
    st.sampled_from(["x", "x + 1", "x.copy()"]),
    st.sampled_from(sorted(AT_LAST)),
    st.integers(0, 10**6),
)
def test_so_they_are_where_the_episodes_part_in_between(shape, before, then, at_last, seed):
    def parting(x):
        early = BEFORE[before](x)
        late = THEN[then](early)
        return AT_LAST[at_last](early if early[0].sum() > 0 else late)

    x = lock(np.random.default_rng(seed).normal(size=(40, *shape)))
    compare(parting, x)


@pytest.mark.parametrize("before", ["x.T", "(x * 1).T", "np.swapaxes(x, 0, -1)", "x.T + 1"])
def test_a_turned_array_keeps_its_order_where_the_episodes_part(before):
    def parting(x):
        turned = BEFORE[before](x)
        return turned.sum() if x[0, 0] > 0 else 2 * turned.sum()

    assert_lifted(parting, lock(np.random.default_rng(0).normal(size=(200, 3, 5))))


# Who shares an array.

NUMBER = repeated(*np.linspace(-2.0, 3.0, 7))
FLAG = repeated(True, False, True)
INDEX = repeated(0, 1, 2, 1)
VECTOR = lock(np.random.default_rng(1).normal(size=(ROWS, 3)))
MATRIX = lock(np.random.default_rng(2).normal(size=(ROWS, 3, 3)))


def test_an_array_without_axes_is_changed_for_all_who_hold_it():
    def where(x):
        y = np.where(x > 0, x, 0.0)
        z = y
        y += 1
        y *= 2.5
        return z, y

    def kept(x):
        y = np.copy(x)
        state = State(y=y)
        y -= 3
        return state.y, y, isinstance(y, np.ndarray), isinstance(y + 1, np.ndarray)

    def parted(x):
        y = np.full_like(x, 2.0)
        z = y
        if x > 0:
            y += x
        return z

    def into_whole(x):
        y = np.where(x > 0, 2, 3)
        try:
            y += x
        except TypeError:
            return -1
        return y

    for function in (where, kept, parted, into_whole):
        assert_lifted(function, NUMBER)


def test_a_number_is_not_changed_for_others():
    def number(x, v):
        y = x
        y += 1
        total = v.sum()
        before = total
        total += 1
        entry = v[0]
        entry *= 2
        return x, y, before, total, v, entry, v.sum().copy()

    assert_lifted(number, NUMBER, VECTOR)


def test_a_view_without_axes_is_right_or_not_lifted():
    def squeezed(v):
        w = v.copy()
        entry = w[:1].squeeze()
        entry += 1
        return w

    def assigned(x):
        y = np.zeros_like(x)
        y[...] = x
        return y

    for function, values in ((squeezed, VECTOR), (assigned, NUMBER)):
        assert_not_lifted(function, values, because="without axes")


def test_astype_without_a_copy_gives_the_array_itself():
    def changed(v):
        w = v * 1.0
        same, other = w.astype(float, copy=False), w.astype(int, copy=False)
        same[0] = 4
        return w, other, w.astype(float)

    assert_lifted(changed, VECTOR)


def test_a_number_that_no_integer_is_raises_as_in_one_episode():
    whole = lock(np.arange(3 * ROWS).reshape(ROWS, 3))
    small = lock(np.zeros((ROWS, 3), np.int8))

    def entry(w, x):
        u = w.copy()
        u[1] = x
        return u

    def masked(w, x):
        u = w.copy()
        u[w > 1] = x
        return u

    def caught(w, x):
        try:
            return entry(w, x)
        except (ValueError, OverflowError):
            return w * 0

    for value, raised in ((np.nan, ValueError), (np.inf, OverflowError)):
        for function in (entry, masked):
            assert isinstance(compare(function, whole, repeated(1.5, value)), raised)
        assert_not_lifted(caught, whole, repeated(1.5, value), because="does not fit")
    assert isinstance(compare(entry, small, repeated(1, 300)), OverflowError)
    assert_lifted(entry, whole, NUMBER)
    assert_lifted(entry, small, repeated(1, -128, 127))


@pytest.mark.parametrize("kind", [np.int64, np.dtype(int), "i8"])
def test_bits_are_not_read_as_another_type(kind):
    assert_not_lifted(lambda v: v.view(kind), VECTOR, because="bits")


def test_views_that_only_show_an_array_show_what_is_assigned_into_it():
    def diagonal(m, x):
        w = m.copy()
        found = w.diagonal(), np.diag(w), np.broadcast_to(w, (2, 3, 3))
        w[0, 0] = x
        return found

    def kept(m, x):
        w = m[0].copy()
        state = State(wide=np.broadcast_to(w, (2, 3)))
        w[0] = x
        return state

    def locked(m, x):
        w = m.copy()
        try:
            w.diagonal()[0] = x
        except ValueError:
            return 1
        return 2

    def parted(m, x):
        w = m.copy()
        found = np.diag(w)
        if x > 0:
            w[0, 0] = x
        return found

    for function in (diagonal, kept, locked):
        assert_lifted(function, MATRIX, NUMBER)
    assert_not_lifted(parted, MATRIX, NUMBER, because="has views")


def test_what_a_function_without_a_rule_gives_a_view_of_is_not_lifted_where_it_may_change():
    def turned(m):
        w = m.copy()
        np.fliplr(w)[0] = 5
        return w

    def halves(m):
        w = m.copy()
        first, _ = np.split(w, [1])
        w[0] = 5
        return first

    for function in (turned, halves):
        assert_not_lifted(function, MATRIX, because="a view")
    assert_lifted(lambda m: np.split(m, [1])[1].sum(), MATRIX)


def test_a_sort_of_all_entries_stays_within_an_episode():
    assert_lifted(lambda m: (np.sort(m, axis=None), np.argsort(m, axis=None, kind="stable")), MATRIX)


def _diagonal(x):
    return np.diag(x)


def _shown(x):
    return np.broadcast_to(x[0], (3, 3))


def _flat(x):
    return x[:, 0].ravel()


def _imaginary(x):
    return (x * (1 + 2j)).conj().imag


READ = {
    "one entry": lambda y, i: y[0] + 0,
    "entries": lambda y, i: sum(y.tolist()) if y.ndim == 1 else y[0],
    "an iteration": lambda y, i: next(iter(y)) * 1.0,
    "item": lambda y, i: y.item(1),
    "the array": lambda y, i: y,
    "a row": lambda y, i: y[i],
    "a slice": lambda y, i: y[1:],
    "in a state": lambda y, i: State(y=y),
}


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize("view", [_diagonal, _shown, _flat, _imaginary])
def test_what_was_read_of_a_view_keeps_its_value(view, read):
    """What a view shows changes with its array, but not the numbers that were read before."""

    def function(m, i):
        w = m.copy()
        shown = view(w)
        found = READ[read](shown, i)
        w[0, 0] = i
        w[1] += 1
        return found, w

    compare(function, repeated(*np.arange(27.0).reshape(3, 3, 3)), repeated(0, 1, 2))


def test_a_single_number_keeps_its_value_when_its_array_is_changed():
    def function(v, i):
        w = v[:1].copy()
        found = (w.item(), State(x=w.squeeze()), State(x=w[0, ...]), w[..., 0] + 0, State(x=w.reshape(())))
        w[0] = i
        return found, w

    assert_lifted(function, repeated([1.0, 2.0], [3.0, 4.0]), repeated(5, 6, 7))


def test_an_entry_asked_for_with_an_ellipsis_is_a_view():
    assert_lifted(_seen_by_ellipsis, repeated([1.0, 2.0], [3.0, 4.0]))
    assert_not_lifted(_changed_by_ellipsis, repeated([1.0, 2.0], [3.0, 4.0]), because="without axes")


def _seen_by_ellipsis(v):
    w = v.copy()
    first = w[0, ...]
    w[0] = 7
    return first + 0


def _changed_by_ellipsis(v):
    w = v.copy()
    first = w[0, ...]
    first += 1
    return w


def test_what_is_flattened_is_a_copy_where_its_entries_lie_apart():
    def function(m):
        w = m.copy()
        w[:, 0].ravel()[0] = 7
        np.ravel(w[1])[0] = 8
        np.ravel(w[2, ::2])[1] = 9
        return w

    assert_lifted(function, repeated(*np.arange(18.0).reshape(2, 3, 3)))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_of_an_array_without_axes_is_another_one(copied):
    def function(x):
        y = np.where(x > 0, x, 1.0)
        z = copied(y)
        z += 1
        return y + 0, z + 0

    assert_lifted(function, repeated(-1.0, 2.0))


def test_what_is_taken_of_a_matrix_is_a_copy():
    def function(m, i):
        w = m.copy()
        taken = np.take(w, 0, axis=0), w.take(i, axis=1)
        w += 1
        taken[0][i] = 9
        return taken, w

    assert_lifted(function, repeated(*np.arange(18.0).reshape(2, 3, 3)), repeated(0, 1, 2))


def test_an_array_that_a_function_changes_is_found_out():
    def function(v):
        w = v.copy()
        np.nan_to_num(w, copy=False)
        return w

    assert_not_lifted(function, repeated([1.0, np.nan], [3.0, 4.0]), because="changes an array")
