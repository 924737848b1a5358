"""Where code asks a value that differs, the episodes part, go on in groups, and are put together again."""

import contextlib
import functools
import logging

import numpy as np
import pytest

from interaction import Bundle, InteractionTask, RandomPolicy, Transition, User, spaces
from interaction.batching.lifting import DisagreementError, LiftedMethod, play_lifted
from interaction.component import Component
from interaction.errors import BatchError, ContractError
from interaction.state import State
from tests.interaction.batching.compare import (
    ROWS,
    assert_lifted,
    assert_not_lifted,
    compare,
    looped,
    repeated,
    same_bits,
    stream,
)
from tests.natural.corpus import singly

WHOLE = repeated(*range(-3, 8))
REAL = repeated(2.5, -0.5, 0.5, 1.5, -2.5, 7.0)
FLAG = repeated(True, False, True)
VECTOR = np.random.default_rng(1).normal(size=(ROWS, 3))
VECTOR.setflags(write=False)
GAME = State(i=WHOLE, x=REAL, v=VECTOR, inner=State(b=FLAG), n=3)


def lifted(function):
    """The lifted method of a component, which is a function of the values and the stream.

    Each has a class of its own, since the log tells of a class once.
    """

    class Method(Component):
        def infer(self, *arguments):
            return function(*arguments)

    component = Method()
    return LiftedMethod(component, component.infer)


# Branches.


def ladder(i, x):
    if i > 3 and x > 0:
        return 1
    elif i > 3 or x < 0:
        return 2.5 if x < -1 else 0.5
    return i


def loops(i, x):
    steps, total = 0, x
    while total < 5 and steps < 6:
        steps += 1
        if i == steps:
            continue
        total += abs(i) / 2
        if total > 4 and i % 2:
            break
    else:
        steps = -1
    return steps, total


def for_loop(i, x):
    total = 0
    for k in range(abs(i)):
        total += k * x
    return total


def early(i, x):
    if not i:
        return 0.0
    for k in range(4):
        if x * k > 3:
            return float(k)
    return -1.0


def extremes(i, x):
    return min(i, x), max(i, 2, x), min([i, 1]), max(x, 0.0), min(x, i, key=abs), max(i, x, key=lambda v: -v)


def in_order(i, x):
    return (
        tuple(sorted([i, x, 1.5])),
        sorted([x, 1.0], reverse=True)[0],
        sorted([3, 1, 2], key=lambda k: (k - i) ** 2)[0],
    )


def looked_up(i, x):
    names = {-3: 4, 0: 1, 2: 2.5}
    counts = {}
    counts[i % 2] = x
    counts[1] = 2.0
    places = [4, 5, 6, 7]
    places[i % 4] += 1
    return (
        names.get(i, 9),
        counts.get(0, -1.0),
        sum(places[: abs(i)]),
        places[i % 4],
        (1, 2, 3)[i % 3],
        len({i, 1, 2}),
    )


def matched(i, x):
    match i:
        case 0:
            return 10
        case 1 | 2:
            return 20
        case int() if x > 0:
            return 30
    match x:
        case float(value) if value < -1:
            return value
        case _:
            return 0.5


def matched_parts(i, x):
    match (i % 3, np.stack([x, x])):
        case (0, _):
            return 1
        case (part, [first, second]):
            return part + first * 0 + second * 0
    return 3


def among(i, x):
    return i in (0, 1, 2), x not in [0.5], i in {5, 6}, i in {4: 1}, i in range(2, 5), x in (i, 0.5)


def connected(i, x):
    return i and x, i or x, not i, 0 < x < 3, 0 < i <= 3 < x + 5, (i > 0) == (x > 0), i if i > 0 else x


def walrus(i, x):
    if (double := 2 * i) > 3:
        return double
    return x


def comprehended(i, x):
    return (
        sum(k for k in range(5) if k > i),
        [k * x for k in (1, 2) if k * x > 1][:1] == [],
        any(k == i for k in range(3)),
    )


def inner_functions(i, x):
    def halve(value, depth=0):
        return depth if value < 1 or depth > 4 else halve(value / 2, depth + 1)

    steps = 0

    def count():
        nonlocal steps
        steps += 1 if i > 0 else 2

    count()
    count()

    def some():
        if x > 0:
            yield x
        yield 1.0

    return halve(abs(i)), steps, sum(some()), next(some())


def caught(i, x):
    try:
        if i > 3:
            raise KeyError("x")
        if i == 2:
            raise AssertionError
        found = [1, 2, 3][i]
    except KeyError:
        found = -1
    except AssertionError:
        found = -2
    except IndexError:
        found = -3
    with contextlib.suppress(ZeroDivisionError):
        return found + 1 / i
    return found * 1.0


BRANCHING = [
    *(
        ladder,
        loops,
        for_loop,
        early,
        extremes,
        in_order,
        looked_up,
        matched,
        matched_parts,
        among,
        connected,
    ),
    *(walrus, comprehended, inner_functions, caught),
]


@pytest.mark.parametrize("function", BRANCHING, ids=lambda function: function.__name__)
def test_branches_are_lifted(function):
    assert_lifted(function, WHOLE, REAL)
    assert_lifted(lambda i, x: function(i // 2, float(np.add(x, 1))), WHOLE, REAL)


def test_what_was_found_before_a_branch_goes_on_with_each_group():
    def function(game):
        before = game.v * 2
        total = before.sum()
        entry = before[1]
        if game.i > 2:
            before = before + entry
            if game.x > 0:
                entry = entry * 2
        elif game.inner.b:
            game = game.replace(x=total, inner=State(b=not game.inner.b))
        return game, before, total + entry

    assert_lifted(function, GAME)


def test_a_value_is_asked_again_after_the_episodes_parted():
    def function(i, x):
        found = 0
        if i > 0:
            found += 1
        if i > 0:
            found += 1
        if i > 3 or x > 1:
            found += 10
        if i % 2:
            found += 100
        return found

    assert_lifted(function, WHOLE, REAL)


# Groups put together.


def test_groups_of_other_kinds_are_put_together_as_single_episodes_are():
    def kinds(b, i, v):
        return (
            *(1 if b else 2.5, bool(i) if b else 2, i if b else 0.5, -0.0 if b else 0.0, np.nan if b else 1),
            *(v > 0 if b else v, np.zeros(3) if b else v, np.zeros(3, int) if b else v, v[0] if b else 1),
            *(np.float32(0.1) if b else 0.1, np.int8(3) if b else 400, v.astype(np.float32) if b else v),
            *("a" if b else "bcd", 2**60 + 1 if b else 1, 2**60 if b else 1, max(7, b)),
            *((1, i) if b else (2, 0.5), np.array(3) if b else i, None),
        )

    assert_lifted(kinds, FLAG, WHOLE, VECTOR)


def test_states_of_groups_are_put_together_field_by_field():
    def function(b, i, v):
        if b:
            return State(a=i, inner=State(v=v, n=1), pair=(1, i))
        return State(a=0.5, inner=State(v=np.zeros(3), n=1), pair=(2.5, 3))

    assert_lifted(function, FLAG, WHOLE, VECTOR)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda b, i: None if b else i, "None in some episodes"),
        (lambda b, i: State(a=None if b else 1), "None in some episodes"),
        (lambda b, i: State(a=i) if b else State(b=i), "states of different fields"),
        (lambda b, i: 2**60 + 1 if b else 0.5, "numbers of different kinds"),
        (lambda b, i: State(a=i) if b else i, "different"),
        (lambda b, i: np.zeros(3) if b else np.zeros(2), "different shapes"),
        (lambda b, i: np.zeros(3) if b else i, "different shapes"),
        (lambda b, i: State(a=State(c=i)) if b else State(a=State(d=i)), "different fields"),
    ],
)
def test_what_cannot_be_put_together_says_so(function, says):
    with pytest.raises(BatchError, match=says):
        play_lifted(lambda b, i, rng: function(b, i), [FLAG, WHOLE], stream(FLAG), None)
    with pytest.raises(BatchError, match=says):
        lifted(lambda b, i, rng: function(b, i))(FLAG, WHOLE, stream(FLAG))


def test_constants_stand_for_all_episodes():
    found, *_ = play_lifted(lambda b, rng: (max(3, b), 0.0, None, "a"), [FLAG], stream(FLAG), None)
    assert found == (3, 0.0, None, "a")
    found, *_ = play_lifted(lambda b, rng: np.arange(3.0), [FLAG], stream(FLAG), None)
    assert found.shape == (ROWS, 3)


def test_an_array_that_comes_back_unchanged_is_the_same_array():
    state = State(i=WHOLE, v=VECTOR)
    found, *_ = play_lifted(lambda s, b, rng: s if b else s.replace(i=0), [state, FLAG], stream(FLAG), None)
    assert found.v is state.v
    found, *_ = play_lifted(lambda *given: given[0], [state, FLAG], stream(FLAG), None)
    assert found.v is state.v
    assert found.i is state.i


# Draws.


def test_draws_after_a_branch_are_those_of_the_single_episodes():
    def function(i, x, rng):
        first = rng.random()
        if i > 2:
            second = rng.random(3)[i % 3]
            if second > 0.5:
                return second, rng.integers(0, 100)
        else:
            second = rng.normal(x, 2.0)
        for _ in range(abs(i)):
            second += rng.random()
        return first + second, rng.categorical([0.2, 0.3, 0.5])

    assert_lifted(function, WHOLE, REAL, rng=stream(WHOLE))


def test_a_branch_on_a_draw_is_taken_by_the_same_episodes():
    def function(i, rng):
        if rng.random() < 0.3:
            return 1, rng.random()
        return (2, rng.random()) if rng.random() < 0.5 else (3, rng.normal())

    assert_lifted(function, WHOLE, rng=stream(WHOLE))


# Changes in place.


def test_what_comes_in_cannot_be_changed():
    def changes(v):
        found = []
        for change in (
            lambda: v.__setitem__(0, 1),
            lambda: v.__iadd__(1),
            lambda: v[1:].fill(2),
            v.sort,
        ):
            try:
                change()
                found.append(1)
            except ValueError:
                found.append(2)
        return tuple(found), v

    assert_lifted(changes, VECTOR)


def test_an_array_of_ones_own_is_changed_for_all_who_hold_it():
    def function(v, x):
        w = v.copy()
        other, part, row = w, w[1:], w[None]
        w[0] = x
        part *= 2
        row[0, 2] = 7
        other += 1
        w[w > 5] = 5
        values = [w] * 2
        values[0][1] = x
        return w, other, part, row, v

    assert_lifted(function, VECTOR, REAL)


def test_a_state_keeps_what_an_array_was_when_it_was_given():
    def function(v, x):
        w = v * 1.0
        state = State(w=w, part=w[1:], pair=(w, 1))
        w[0] = x
        later = state.replace(w=w)
        w[1] = x
        return state, later, w

    assert_lifted(function, VECTOR, REAL)


def test_so_it_does_where_the_episodes_part_in_between():
    def function(v, x):
        w = v * 1.0
        state = State(w=w)
        if x > 0:
            w[0] = x
        elif x < -1:
            w += 1
        return state.w, w

    def fresh(v, b):
        w = v.copy()
        other = w if b else w.copy()
        other[0] = 9
        return w, other

    assert_lifted(function, VECTOR, REAL)
    assert_lifted(fresh, VECTOR, FLAG)


def test_a_copy_is_changed_for_those_who_stay():
    """Where most stay, a copy holds the episodes that have left, too: as they were, until they are put in."""

    def function(v, i, x):
        if i == 0:
            return v, State(w=v, a=v.argmin())
        w = v.copy()
        w[i % 3] += x
        first = State(w=w, a=w.argmin())
        if x < -1.5:
            return w, first
        w[-1 - i % 2] = w[i % 3] - 1
        other = w.copy()
        if x > 1.5:
            w[other > 1] = i
            other = w
        other[(i + 1) % 3] *= 2
        return (w, first) if i % 2 else (w, State(w=other, a=first.a))

    assert_lifted(function, VECTOR, WHOLE, REAL)


def test_a_view_is_not_changed_after_its_episodes_parted():
    def function(v, x):
        w = v.copy()
        part = w[1:]
        if x > 0:
            part[0] = x
        return w, part

    assert_not_lifted(function, VECTOR, REAL, because="has views")


def test_entries_are_assigned_by_indices_that_differ():
    def function(v, i, x):
        w = v.copy()
        w[i % 3] = x
        w[i % 3] += 1
        w[0], w[i % 3] = w[i % 3], w[0]
        w[[0, i % 3]] = w[[i % 3, 0]]
        m = np.stack([w, w * 2])
        m[i % 2] = m[(i + 1) % 2]
        m[i % 2, i % 3] *= 2
        m[:, i % 3] = m[:, i % 3] - 1
        m[i % 2] = m[i % 2] + v
        return w, m

    def changed_in_its_place(v, i):
        m = np.stack([v, v * 2])
        m[i % 2] += v
        return m

    assert_lifted(function, VECTOR, WHOLE, REAL)
    assert_not_lifted(changed_in_its_place, VECTOR, WHOLE, because="by an index that differs")


def test_slices_by_numbers_that_differ_part_the_episodes():
    def function(v, i):
        w = v.copy()
        w[i % 3 :] = 5
        part = w[: i % 3]
        part += 1
        return w, v[: i % 3].sum(), v[::-1][i % 3], v[-(i % 3) - 1]

    assert_lifted(function, VECTOR, WHOLE)


MATRIX = np.random.default_rng(2).normal(size=(ROWS, 3, 3))
MATRIX.setflags(write=False)


def changed_row(m, i):
    w = m.copy()
    row = w[i % 3]
    row[0] = 5
    return w


def changed_row_in_place(m, i):
    w = m.copy()
    row = w[i % 3]
    row *= 2
    return w


def swapped_rows(m, i):
    w = m.copy()
    row = w[i % 3]  # a view: the first row is lost, as numpy has it
    w[i % 3] = w[0]
    w[0] = row
    return w


@pytest.mark.parametrize("function", [changed_row, changed_row_in_place])
def test_a_row_looked_up_by_a_number_that_differs_is_not_changed_in_its_place(function):
    assert_not_lifted(function, MATRIX, WHOLE, because="by an index that differs")


def swapped_in_one_line(m, i):
    w = m.copy()
    w[0], w[i % 3] = w[i % 3], w[0]
    return w


def changed_part_of_a_view(m, i):
    w = m.copy()
    part = w[:2]
    row = part[i % 2][1:]
    w[0] = 7.0
    return row.copy()


@pytest.mark.parametrize("function", [swapped_rows, swapped_in_one_line, changed_part_of_a_view])
def test_an_array_is_not_changed_while_a_row_of_it_is_in_use(function):
    assert_not_lifted(function, MATRIX, WHOLE, because="of which a row is in use")


def overlapping(v, i):
    w = v.copy()
    w[1:] = w[:-1]
    return w


def overlapping_columns(m, i):
    w = m.copy()
    w[:, -1] = w[1]
    return w


@pytest.mark.parametrize(("function", "values"), [(overlapping, VECTOR), (overlapping_columns, MATRIX)])
def test_a_part_of_an_array_is_not_written_from_another_part(function, values):
    assert_not_lifted(function, values, WHOLE, because="written from another part")


def rows_apart(m, i):
    w = m.copy()
    w[0] = w[-1]
    w[:, 0] = w[:, 1]
    w[1] = w[1]
    w[2] += w[0]
    return w


def test_parts_that_do_not_overlap_are_written():
    assert_lifted(rows_apart, MATRIX, WHOLE)


def changed_row_of_a_state(m, i):
    row = m[i % 3]
    row *= 2
    return row


def changed_entry_of_a_state(m, i):
    try:
        m[i % 3][0] = 5.0
    except ValueError:
        return m.sum()
    return 0.0


@pytest.mark.parametrize("function", [changed_row_of_a_state, changed_entry_of_a_state])
def test_a_row_of_an_array_of_a_state_cannot_be_changed(function):
    compare(function, MATRIX, WHOLE)


def rows_that_are_read_and_left(m, i):
    w = m.copy()
    w[i % 3] = w[(i + 1) % 3] * 2
    w[i % 3, 0] = w[i % 2].sum()
    row = w[i % 2].copy()
    w[0] = row
    return w


def test_an_array_may_be_changed_once_its_rows_have_been_read():
    assert_lifted(rows_that_are_read_and_left, MATRIX, WHOLE)


# States, as code asks them.


def test_states_are_asked_as_in_one_episode():
    def function(s):
        with contextlib.suppress(Exception):
            s.x = 3
        return (
            *(
                s == s,
                s.replace(i=s.i) == s,
                s.inner == State(b=True),
                s.replace(x=0.5) == s,
                State(i=s.i) == 3,
            ),
            *(len(s), list(s) == ["i", "x", "v", "inner", "n"], "x" in s, "z" in s, s["v"], dict(s)["x"]),
            *(hasattr(s, "x"), hasattr(s, "z"), getattr(s, "xi"[s.i % 2]), {**s}["n"], isinstance(s, State)),
            *(s.extend(z=s.x).z, State(a=s.v) == State(a=s.v * 2), State(a=s.x) == State(a=s.v), s.inner),
        )

    assert_lifted(function, GAME)


def test_a_state_that_was_not_read_is_given_back_as_it_came():
    assert_lifted(lambda s: (s, s.inner, s.replace(n=4), s.replace(inner=s.inner.replace(b=False))), GAME)
    assert_lifted(lambda s: s if s.i > 0 else s.replace(v=s.v * 0), GAME)


# How far they may part.


def test_too_many_groups_are_played_singly_with_one_line_in_the_log(as_shipped, caplog):
    def function(i, x, rng):
        return {0.5: 1}.get(x, 2)

    rows = 1_200
    i = np.arange(rows)
    x = i + 0.5
    expected = looped(function)(i, x, stream(i))
    method = lifted(function)
    for _ in range(5):
        assert same_bits(expected, method(i, x, stream(i)))
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith("Method.infer is played episode by episode")
    assert "{0.5: 1}.get(x, 2)" in message
    assert __file__ in message
    assert "np.where" in message
    assert method.way == "episode by episode"


def test_a_table_that_is_looked_up_by_many_numbers_is_named_as_such(as_shipped, caplog):
    """numpy drops what the look-up says, and would make an array of the number: the first reason is told."""
    table = np.arange(300.0)

    def function(i, rng):
        return table[i]

    def told(i, rng):
        return np.take_along_axis(table, np.reshape(i, 1), axis=0)[0]

    i = np.arange(1_200) % 300
    assert same_bits(looped(function)(i, stream(i)), lifted(function)(i, stream(i)))
    (record,) = caplog.records
    assert "a look-up in a list or an array parts the episodes" in record.getMessage()
    assert "np.take_along_axis(table, np.reshape(index, 1), axis=0)[0]" in record.getMessage()
    method = lifted(told)
    assert same_bits(looped(function)(i, stream(i)), method(i, stream(i)))
    assert method.way == "lifted"


def filled(i, rng):
    a = np.zeros(300)
    a[i] = 1
    return a


def counted(i, rng):
    a = [0] * 300
    a[i] += 1
    return np.array(a, float)


def in_several_lines(i, rng):
    a = np.zeros((300, 2))
    a[
        i,
        0,
    ] = 1
    return a[:, 0]


def like(i, rng):
    a = np.zeros_like(rng.random((300,)))
    a[i] = 1
    return a


def somewhere(i, rng):
    a = np.zeros(300)
    return np.where(np.arange(len(a)) == i, 1, a)


@pytest.mark.parametrize("function", [filled, counted, in_several_lines])
@pytest.mark.parametrize("told", [like, somewhere])
def test_an_assignment_at_many_numbers_is_told_apart_from_a_look_up(as_shipped, caplog, function, told):
    i = np.arange(1_200) % 300
    assert same_bits(looped(function)(i, stream(i)), lifted(function)(i, stream(i)))
    (record,) = caplog.records
    assert "an assignment into a list, or into an array that is the same in all" in record.getMessage()
    assert "np.zeros_like(x)" in record.getMessage()
    assert "np.where(np.arange(len(a)) == index, new, a)" in record.getMessage()
    method = lifted(told)
    assert same_bits(looped(function)(i, stream(i)), method(i, stream(i)))
    assert method.way == "lifted"


def test_conditions_that_part_too_far_are_told_of_by_all_their_words(as_shipped, caplog):
    def function(v, rng):
        return np.stack([one > 0 and one < 1 for one in v])

    def told(v, rng):
        return np.stack([np.logical_and(one > 0, one < 1) for one in v])

    v = np.random.default_rng(0).normal(size=(1_200, 25))
    assert same_bits(looped(function)(v, stream(v)), lifted(function)(v, stream(v)))
    (record,) = caplog.records
    assert "a condition (if, and, or, not, while) parts the episodes" in record.getMessage()
    assert "np.logical_and(a, b)" in record.getMessage()
    method = lifted(told)
    assert same_bits(looped(function)(v, stream(v)), method(v, stream(v)))
    assert method.way == "lifted"


def test_few_episodes_that_part_too_far_are_played_singly_and_nothing_is_said(as_shipped, caplog):
    def function(i, rng):
        return {3: 1}.get(i, 2)

    method = lifted(function)
    i = np.arange(60) // 2
    for _ in range(3):
        assert same_bits(looped(function)(i, stream(i)), method(i, stream(i)))
    assert not caplog.records
    many = np.repeat(np.arange(10), 60)
    assert same_bits(looped(function)(many, stream(many)), method(many, stream(many)))
    assert method.way == "lifted"


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 13, 50])
def test_any_number_of_episodes_gives_the_same(rows, as_shipped, caplog):
    def function(i, x, rng):
        if i > 2:
            return x + rng.random()
        return rng.normal() if x > 0 else i * 1.0

    i, x = WHOLE[:rows], REAL[:rows]
    rng = stream(i)
    assert same_bits(looped(function)(i, x, rng.copy()), lifted(function)(i, x, rng.copy()))
    assert not caplog.records


def test_a_method_that_parted_too_far_is_tried_again(as_shipped, caplog):
    caplog.set_level(logging.ERROR, "interaction")
    calls = []

    def function(x, rng):
        calls.append(1)
        return {0.5: 1}.get(x, 2)

    method = lifted(function)
    apart, together = np.arange(1_000) + 0.5, np.full(1_000, 0.5)
    method(apart, stream(apart))
    for _ in range(70):
        calls.clear()
        method(together, stream(together))
    assert len(calls) < 20


def test_a_method_of_no_episodes_or_of_one():
    def function(i, rng):
        return State(a=1 if i > 0 else 2)

    method = lifted(function)
    assert method(3, stream(WHOLE).row(0)) == State(a=1)
    one = method(WHOLE[:1], stream(WHOLE[:1]))
    assert same_bits(State(a=np.array([2])), one)


# What is outside of the values.


def test_what_a_method_kept_from_another_call_is_not_mixed_in(caplog):
    caplog.set_level(logging.ERROR, "interaction")
    kept = {}

    def function(i, rng):
        return kept.setdefault("i", i) + i

    method = lifted(function)
    with pytest.raises(DisagreementError):
        method(WHOLE, stream(WHOLE))
    for _ in range(2):
        with pytest.raises(ContractError, match="kept outside of the states"):
            method(WHOLE, stream(WHOLE))


def test_functions_that_remember_what_they_gave_are_right_in_every_call(caplog):
    caplog.set_level(logging.ERROR, "interaction")

    @functools.lru_cache
    def remembered(i):
        return i * 2 if i > 0 else -i

    method = lifted(lambda i, rng: remembered(i) + 1)
    for shift in range(4):
        values = WHOLE + shift
        assert same_bits(
            looped(lambda i, rng: remembered(i) + 1)(values, stream(values)), method(values, stream(values))
        )


def test_attributes_of_the_component_are_constants():
    table = np.arange(12.0).reshape(3, 4)
    weights = {"a": 2.0, "b": np.array([1.0, 2.0, 3.0])}

    def function(i, x, v):
        return (
            table[1] * x,
            table[i % 3],
            table[:, i % 4] @ v,
            weights["b"] * v,
            table[i % 3, 1],
            weights["ab"[i % 2]],
        )

    assert_lifted(lambda i, x, v: function(i, x, v)[:5], WHOLE, REAL, VECTOR)
    assert table.tolist() == np.arange(12.0).reshape(3, 4).tolist()
    compare(function, WHOLE, REAL, VECTOR)


class Sorted(InteractionTask):
    """Keeps vectors and a matrix, of which episodes that part change other entries."""

    def reset(self, rng):
        return State(v=rng.random(5), m=np.zeros((2, 3)), side=rng.integers(0, 3), kept=rng.random((4,)))

    def on_user_action(self, game, rng):
        state = game.task_state
        if state.side == 0:
            v = state.v.copy()
            v[game.user_action] += rng.random()
            return Transition(state.replace(v=v, side=1), v[-1])
        if state.side == 1:
            m = state.m.copy()
            m[0] = state.v[:3]
            return Transition(state.replace(m=m, v=state.v[::-1], side=2))
        return Transition(state.replace(m=state.m + 1, kept=state.v[1:] * 2, side=0), -1.0)


def test_large_groups_of_vectors_and_matrices_are_put_together_as_they_are_alone():
    """Vectors of a thousand episodes and more are put together entry by entry."""
    bundle = Bundle(Sorted(), User(policy=RandomPolicy(spaces.Discrete(5))), max_rounds=3)
    runs, alone = bundle.run(3_600, seed=2), singly(bundle).run(3_600, seed=2)
    assert runs == alone
