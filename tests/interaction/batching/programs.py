"""Random methods of one episode: steps on numbers and vectors, with branches, draws and changes in place.

A program is a list of steps, which an interpreter of plain Python plays; where it asks `if x > 0` of a lifted
value, the episodes part as they do in a component.
"""

import math

import numpy as np
from hypothesis import strategies as st

from interaction.state import State

LENGTH = 3  # of vectors


def _tried(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return -x


def _assigned(v, x):
    w = v.copy()
    w[int(x) % LENGTH] = x
    return w


def _assigned_to_a_part(v, x):
    w = v + 0.0
    part = w[1:]
    part *= 2
    part[0] = x
    return w


def _kept_and_changed(v, x):
    w = v * 2.0
    state = State(w=w)
    w[0] = x
    return state.w - w


def _masked(v, x):
    w = np.copy(v)
    w[v > x] = x
    return w


def _walked(x):
    steps = 0
    while abs(x) > 1 and steps < 6:
        x = x // 2
        steps += 1
    return x + steps


NUMBERS = {
    "x + y": lambda x, y, v: x + y,
    "x - 2 * y": lambda x, y, v: x - 2 * y,
    "x * y": lambda x, y, v: x * y,
    "x % 3": lambda x, y, v: x % 3,
    "x // 2": lambda x, y, v: x // 2,
    "-x": lambda x, y, v: -x,
    "x**2": lambda x, y, v: x**2,
    "x > y": lambda x, y, v: x > y,
    "not x": lambda x, y, v: not x,
    "min(x, y)": lambda x, y, v: min(x, y),
    "max(0, x)": lambda x, y, v: max(0, x),
    "abs(x)": lambda x, y, v: abs(x),
    "round(x)": lambda x, y, v: round(x),
    "int(x)": lambda x, y, v: int(x),
    "float(x > 0)": lambda x, y, v: float(x > 0),
    "math.floor(x)": lambda x, y, v: math.floor(x),
    "1 / x": lambda x, y, v: _tried(x),
    "a walk": lambda x, y, v: _walked(x),
    "x and y": lambda x, y, v: x and y,
    "x or y": lambda x, y, v: x or y,
    "y if x > 0 else 1": lambda x, y, v: y if x > 0 else 1,
    "np.clip(x, -1, 2.0)": lambda x, y, v: float(np.clip(x, -1, 2.0)),
    "np.where(x > y, x, y)": lambda x, y, v: np.where(x > y, x, y).item(),
    "np.exp(-abs(x))": lambda x, y, v: np.exp(-abs(x)),
    "isinstance(x, int)": lambda x, y, v: x + 1 if isinstance(x, int) else x,
    "a list": lambda x, y, v: [4, 5.5, 6][int(x) % 3],
    "a dictionary": lambda x, y, v: {0: 1, 1: 0.5}.get(int(x), y),
    "sorted": lambda x, y, v: sorted([x, y, 1])[1],
    "among": lambda x, y, v: x in (0, 1, 2),
    "v.sum()": lambda x, y, v: v.sum(),
    "v.max()": lambda x, y, v: v.max(),
    "max(v)": lambda x, y, v: max(v),
    "np.argmin(v)": lambda x, y, v: np.argmin(v),
    "v[i]": lambda x, y, v: v[int(x) % LENGTH],
    "v @ v": lambda x, y, v: v @ v,
    "x in v": lambda x, y, v: x in v,
    "v[v > x].sum()": lambda x, y, v: v[v > x].sum(),
    "(v > x).any()": lambda x, y, v: bool((v > x).any()),
    "State(v).v[0]": lambda x, y, v: State(v=v, x=x).replace(x=y).v[0],
    "State(x).x": lambda x, y, v: State(x=np.add(x, 0)).x,
    "len(v) * x": lambda x, y, v: len(v) * x,
}
VECTORS = {
    "v + x": lambda x, y, v: v + x,
    "v * w": lambda x, y, v: v * v[::-1],
    "v - y": lambda x, y, v: v - y,
    "np.sort(v)": lambda x, y, v: np.sort(v),
    "np.cumsum(v)": lambda x, y, v: np.cumsum(v),
    "np.where(v > x, v, y)": lambda x, y, v: np.where(v > x, v, y),
    "np.stack([x, y, 1.0])": lambda x, y, v: np.stack([x, y, 1.0]),
    "np.roll(v, 1)": lambda x, y, v: np.roll(v, 1),
    "(np.arange(3) == i) * v": lambda x, y, v: (np.arange(LENGTH) == int(x) % LENGTH) * v,
    "w[i] = x": lambda x, y, v: _assigned(v, x),
    "part[0] = x": lambda x, y, v: _assigned_to_a_part(v, x),
    "state, w[0] = x": lambda x, y, v: _kept_and_changed(v, x),
    "w[v > x] = x": lambda x, y, v: _masked(v, x),
    "np.zeros_like(v)": lambda x, y, v: np.zeros_like(v),
    "v[[2, 0, 1]]": lambda x, y, v: v[[2, 0, 1]],
    "np.minimum(v, x)": lambda x, y, v: np.minimum(v, x),
}
DRAWS = {
    "random": lambda x, rng: rng.random(),
    "normal": lambda x, rng: rng.normal(x, 0.5),
    "integers": lambda x, rng: rng.integers(-2, 3),
    "categorical": lambda x, rng: rng.categorical([0.2, 0.5, 0.3]),
    "random(3)": lambda x, rng: rng.random(LENGTH)[int(x) % LENGTH],
    "shuffle": lambda x, rng: rng.shuffle(LENGTH)[0],
}
CONDITIONS = {
    "x > y": lambda x, y, v: x > y,
    "x == y": lambda x, y, v: x == y,
    "x": lambda x, y, v: x,
    "0 < x < 2": lambda x, y, v: 0 < x < 2,
    "v[0] > x": lambda x, y, v: v[0] > x,
    "(v > 0).all()": lambda x, y, v: (v > 0).all(),
    "x > 0 and y > 0": lambda x, y, v: x > 0 and y > 0,
    "int(x) % 2": lambda x, y, v: int(x) % 2,
}

_which = st.integers(0, 9)
_simple = st.one_of(
    st.tuples(st.just("number"), st.sampled_from(sorted(NUMBERS)), _which, _which, _which),
    st.tuples(st.just("vector"), st.sampled_from(sorted(VECTORS)), _which, _which, _which),
    st.tuples(st.just("draw"), st.sampled_from(sorted(DRAWS)), _which),
)
_condition = st.tuples(st.sampled_from(sorted(CONDITIONS)), _which, _which, _which)
_block = st.lists(_simple, min_size=1, max_size=2)
_branching = st.one_of(
    st.tuples(st.just("if"), _condition, _block, _block),
    st.tuples(st.just("while"), _condition, _block),
    st.tuples(st.just("return"), _condition, _which),
)
programs = st.lists(st.one_of(_simple, _simple, _branching), min_size=2, max_size=6)


class _ReturnedError(Exception):
    """An early return."""


def play(program, state, rng):
    """Play a program on the numbers and vectors of a state; give a state, and a number."""
    numbers, vectors = [state.whole, state.real, state.flag], [state.vector, state.wholes]
    try:
        _play(program, numbers, vectors, rng)
    except _ReturnedError as found:
        return State(number=numbers[found.args[0] % len(numbers)], vector=vectors[0]), -1
    return State(number=numbers[-1], vector=vectors[-1]), numbers[-2]


def _play(program, numbers, vectors, rng):
    for kind, what, *which in program:
        if kind == "number":
            numbers.append(NUMBERS[what](*_chosen(which, numbers, vectors)))
        elif kind == "vector":
            vectors.append(VECTORS[what](*_chosen(which, numbers, vectors)))
        elif kind == "draw":
            numbers.append(DRAWS[what](numbers[which[0] % len(numbers)], rng))
        elif kind == "if":
            _play(which[0] if _holds(what, numbers, vectors) else which[1], numbers, vectors, rng)
        elif kind == "while":
            rounds = 0
            while _holds(what, numbers, vectors) and rounds < 3:
                _play(which[0], numbers, vectors, rng)
                rounds += 1
        elif _holds(what, numbers, vectors):
            raise _ReturnedError(which[0])


def _chosen(which, numbers, vectors):
    """Two numbers and a vector, counted from the newest ones."""
    one, other, vector = which
    return (
        numbers[-1 - one % len(numbers)],
        numbers[-1 - other % len(numbers)],
        vectors[-1 - vector % len(vectors)],
    )


def _holds(condition, numbers, vectors):
    name, *which = condition
    return bool(CONDITIONS[name](*_chosen(which, numbers, vectors)))
