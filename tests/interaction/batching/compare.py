"""To play a function of one episode both ways, lifted and episode by episode, and to compare to the bit."""

import warnings

import numpy as np

from interaction.batching.lifting import NotLiftedError, play_lifted
from interaction.batching.selection import looped
from interaction.random import EpisodeRandom
from interaction.state import State, lock

ROWS = 40


def rows_of(*values):
    """Values of single episodes as an argument of a batch, `(episodes, *shape)`."""
    return lock(np.array(values))


def repeated(*values):
    """The same for few values, which come in turn."""
    return lock(np.array([values[row % len(values)] for row in range(ROWS)]))


def stream(values):
    """A stream for as many episodes as the first array has."""
    if isinstance(values, State | tuple):
        return stream(next(iter(values.values() if isinstance(values, State) else values)))
    return EpisodeRandom(5, episodes=np.arange(len(values)) * 3 + 1).at(2, 1)


def same_bits(one, other):
    """Whether two results hold the same: fields, shapes, kinds of numbers, bits, signs of zeros.

    A plain number stands for all episodes.
    """
    if isinstance(one, State):
        return (
            isinstance(other, State)
            and list(one) == list(other)
            and all(same_bits(one[name], other[name]) for name in one)
        )
    if isinstance(one, tuple):
        return isinstance(other, tuple) and len(one) == len(other) and all(map(same_bits, one, other))
    if one is None or other is None:
        return one is other
    one, other = np.asarray(one), np.asarray(other)
    if other.ndim == 0:
        other = np.broadcast_to(other, one.shape)
    if one.shape != other.shape or one.dtype.kind != other.dtype.kind:
        return False
    if one.dtype.kind != "f":
        return bool((one == other).all())
    nans = np.isnan(one) & np.isnan(other)
    return bool((nans | ((one == other) & (np.signbit(one) == np.signbit(other)))).all())


def quietly(play):
    """Give what is found, and the error that was raised."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return play(), None
        except (Exception, NotLiftedError) as error:
            return None, error


def compare(function, *values, rng=None):
    """Play a function of the values of one episode (and of `rng`, where one is given) both ways.

    Give None where it was lifted, what a single episode raises, or else a `NotLiftedError` that says why not.
    Raises `AssertionError` where the lifted result differs from those of the single episodes, or where they
    raise and it does not.
    """

    def method(*arguments):
        return function(*arguments) if rng is not None else function(*arguments[:-1])

    streams = stream(values[0]) if rng is None else rng
    singly = looped(method)
    before = [_bytes(value) for value in values]
    expected, error = quietly(lambda: singly(*values, streams.copy()))
    found, refusal = quietly(lambda: play_lifted(method, list(values), streams.copy(), singly)[0])
    assert [_bytes(value) for value in values] == before, "what came in was changed"
    if error is not None:
        assert refusal is not None, f"single episodes raise {error!r}, lifted they give {found!r}"
        return error
    if refusal is not None:
        return refusal if isinstance(refusal, NotLiftedError) else NotLiftedError(f"it raises {refusal!r}")
    if not same_bits(expected, found):
        raise AssertionError(f"single episodes give\n{expected!r}\nlifted they give\n{found!r}")
    assert _read_only(found), "a result can be changed"
    return None


def assert_lifted(function, *values, rng=None):
    """Raise unless a function is lifted, and its results are those of the single episodes."""
    refusal = compare(function, *values, rng=rng)
    if refusal is not None:
        raise AssertionError(f"it was not lifted: {refusal!r}") from refusal


def assert_not_lifted(function, *values, because="", rng=None):
    """Raise unless a function is found out as one that is not lifted, for a reason that says so."""
    refusal = compare(function, *values, rng=rng)
    assert isinstance(refusal, NotLiftedError), refusal
    assert because in refusal.reason, refusal.reason


def _bytes(value):
    if isinstance(value, State):
        return {name: _bytes(part) for name, part in value.items()}
    return value.tobytes() if isinstance(value, np.ndarray) else value


def _read_only(value):
    if isinstance(value, State):
        return all(map(_read_only, value.values()))
    if isinstance(value, tuple):
        return all(map(_read_only, value))
    return not isinstance(value, np.ndarray) or not value.flags.writeable
