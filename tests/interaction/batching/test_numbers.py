"""Python's rules hold for plain numbers, and numpy's for numpy's: to the bit, with signs and errors."""

import math
import operator

import numpy as np
import pytest

from interaction.state import State
from tests.interaction.batching.compare import assert_lifted, assert_not_lifted, compare, repeated

WHOLE = repeated(*range(-7, 8))
SMALL = repeated(3, -2, 2, -3, 1)
DIVISOR = repeated(3, -2, 7, -5, 1)
REAL = repeated(2.5, -0.5, 0.5, 1.5, -2.5, 7.0, -7.25, 1e-3, 123.456)
ZERO = repeated(0.0, -0.0, 1.5)
FLAG = repeated(True, False, True)
OTHER_FLAG = repeated(True, True, False, False)
NAN = repeated(math.nan, 1.0, -2.0, math.nan)
LARGE = repeated(2**62, -(2**62), 2**53 + 1, 2**61 + 12_345)

ARITHMETIC = {
    name: getattr(operator, name)
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lt", "le", "eq", "ne", "ge", "gt")
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_operators_of_numbers_of_all_kinds(name):
    function = ARITHMETIC[name]
    for one in (WHOLE, REAL, FLAG):
        for other in (DIVISOR, abs(DIVISOR), repeated(1.5, 0.25, 3.0)):
            refusal = compare(function, abs(one) if name == "pow" and other.dtype == float else one, other)
            assert refusal is None or (
                name == "pow" and isinstance(refusal, ZeroDivisionError | BaseException)
            )
        for constant in (3, -2, 2.5, True):
            compare(lambda x, c=constant: function(x, c), one)
            compare(lambda x, c=constant: function(c, x), one)


@pytest.mark.parametrize("name", ["and_", "or_", "xor"])
def test_bits(name):
    function = getattr(operator, name)
    for one, other in ((WHOLE, SMALL), (FLAG, OTHER_FLAG), (FLAG, SMALL)):
        assert_lifted(function, one, other)
        assert_lifted(lambda x: (function(x, 1), function(6, x), function(x, True)), one)
    assert isinstance(compare(function, REAL, WHOLE), TypeError)
    assert isinstance(compare(function, REAL, REAL), TypeError)


def test_flags_are_the_integers_zero_and_one_in_arithmetic():
    def arithmetic(b, c):
        return (
            *(b + c, b - c, b * c, b / 2, b // 1, b % 2, b**2, -b, +b, ~b, abs(b), b << 1, b >> 1),
            *(b & c, b | c, b ^ c, b + 1.5, round(b), int(b), float(b), b == 1, b < c, sum([b, c])),
            *(isinstance(b, bool), isinstance(b, int), isinstance(b + c, bool), isinstance(b & c, bool)),
            *(isinstance(b == c, bool), isinstance(not b, bool), isinstance(-b, bool)),
        )

    assert_lifted(arithmetic, FLAG, OTHER_FLAG)
    assert_lifted(lambda b, v: b * v + (v > 0) * 2.5 + (v > 0), FLAG, WHOLE)


def test_numpys_flags_keep_numpys_rules():
    def numpys(v):
        a, b = np.greater(v, 0.0), np.less(v, 1.0)
        return a + b, a * 2, a & b, a | True, ~a, a == True, isinstance(a, bool), isinstance(a, np.bool_)  # noqa: E712

    assert_lifted(numpys, REAL)
    assert isinstance(compare(lambda v: -np.greater(v, 0.0), REAL), TypeError)
    assert isinstance(compare(lambda v: np.greater(v, 0.0) - np.less(v, 1.0), REAL), TypeError)


def test_signs_of_quotients_and_remainders():
    for one in (WHOLE, REAL, ZERO):
        assert_lifted(lambda x, y: (x // y, x % y, divmod(x, y), divmod(y, 3)), one, DIVISOR)
        assert_lifted(lambda x: (x // -2, x % -2, divmod(x, 2.5), x % -2.5, x // 0.3), one)
        assert_lifted(lambda x, y: (np.mod(x, y), np.floor_divide(x, y), np.fmod(x, y)), one, DIVISOR)


def test_signs_of_zeros():
    def signs(x):
        return (
            *(-x, abs(x), x * -1, x + 0.0, 0.0 + x, x - 0.0, 0 - x, 0.0 - x, x * 0, x / -1, x // 1, x % 3),
            *(x % -3, x**1, x**3, round(x, 1), min(x, 0.0), min(0.0, x), max(x, 0.0), max(-0.0, x)),
            *(math.copysign(1.0, x), np.copysign(2.0, x), float(x), int(x), round(x)),
            *(0.0 if x > 0 else -0.0, x if x else -0.0),
        )

    assert_lifted(signs, ZERO)
    assert_lifted(lambda x: {0.0: 1, 1.5: 2}[x], ZERO)
    assert_lifted(lambda x: x if x == 0 else 2.0, ZERO)


def test_rounding_is_to_even_and_gives_integers():
    def rounded(x):
        return (
            *(round(x), round(-x), round(x, 1), round(x, 2), round(x * 1.005, 2)),
            *(math.floor(x), math.ceil(x), math.trunc(x), int(x), int(-x)),
            *(isinstance(round(x), int), isinstance(round(x, 1), float), isinstance(math.floor(x), int)),
        )

    assert_lifted(rounded, REAL)
    assert_lifted(lambda i: (round(i), round(i, 2), math.floor(i), int(i)), WHOLE)
    compare(lambda i: round(i, -1), WHOLE)
    assert_lifted(lambda x: (np.round(x), np.round(x, 1), np.rint(x), np.floor(x)), REAL)


@pytest.mark.parametrize("function", [int, round, math.floor, math.ceil, math.trunc])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_integer_raises_as_in_one_episode(function, value):
    def caught(x):
        try:
            return function(x)
        except (ValueError, OverflowError):
            return -1

    assert isinstance(compare(function, repeated(1.5, value, 2.5)), ValueError | OverflowError)
    compare(caught, repeated(1.5, value, 2.5))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + x,
        lambda x: x * 8,
        lambda x: -x - x - x,
        lambda x: x**2 % 7,
        lambda x: x << 2,
        lambda x: (x + 2**62) // 3,
        lambda x: sum([x, x, x]) % 5,
        lambda x: abs(x) * 3 > 2**64,
    ],
)
def test_integers_beyond_64_bits_are_pythons(function):
    assert_not_lifted(function, LARGE, because="64 bits")


def test_integers_beyond_64_bits_are_found_wherever_they_come_up():
    for function in (lambda i: i + 2**63, lambda i: (i + 3) ** 25 % 10, lambda i: 2 ** (abs(i) * 10) % 7):
        assert_not_lifted(function, WHOLE, because="64 bits")
    for function in (lambda i: i < 2**70, lambda i: i == 2**64, lambda i: i > -(2**80)):
        assert_lifted(function, WHOLE)
    assert_lifted(lambda x: (x // 3, x % 7, divmod(x, 10), x >> 3, -x, abs(x), x == x + 0), LARGE)
    assert_lifted(lambda x: (float(x), x * 1.0, x + 0.5, np.add(x, 0.5)), LARGE)
    assert_lifted(lambda i: i << 40 << 20, repeated(1, 2, 3, -4))


def test_large_integers_are_compared_with_floats_exactly():
    for function in (lambda x: x < 2.0**62 + 2**20, lambda x: x == float(2**53), lambda x: x <= 4.6e18):
        refusal = compare(function, LARGE)
        assert refusal is not None
    assert_lifted(lambda x: (x < 2.5, x == 3.0, x <= 4.0), WHOLE)
    compare(lambda x: x / 3, LARGE)


def test_powers_are_those_of_the_c_library():
    many = repeated(*np.random.default_rng(0).uniform(0.1, 9.0, 40))
    for exponent in (3, 0.5, -1, 2.5, -0.3, 7):
        assert_lifted(lambda x, e=exponent: (x**e, e**x if e > 0 else 0.0, pow(x, e)), many)
    assert_lifted(lambda x, i: (x**i, i**3, 2**i if i > 0 else 0.5**i), many, SMALL)
    assert_lifted(lambda i: (i**2, (-2) ** abs(i), i**-2 if i else 0, 2**i, i**i if i > 0 else 0), WHOLE)
    assert_lifted(lambda x: (np.add(x, 0) ** 3, np.add(x, 0) ** 0.5, np.power(x, 3)), many)


def test_powers_that_python_refuses_raise_as_in_one_episode():
    assert isinstance(compare(lambda i: i**-1, WHOLE), ZeroDivisionError)
    assert isinstance(compare(lambda x: (x * 1e200) ** 2.0, REAL), OverflowError)
    compare(lambda x: (x**0.5).real, REAL)


def division(x):
    try:
        return 1 / x
    except ZeroDivisionError:
        return -1


def whole_division(x):
    try:
        return 7 // x, 7 % x
    except ZeroDivisionError:
        return 0, -1


def with_context(x):
    result = -3
    try:
        result = divmod(5, x)[0]
    except ArithmeticError as error:
        result = -2 if isinstance(error, ZeroDivisionError) else -1
    finally:
        result += 1
    return result


@pytest.mark.parametrize("function", [division, whole_division, with_context])
@pytest.mark.parametrize("values", [WHOLE, ZERO, FLAG], ids=["int", "float", "bool"])
def test_a_division_by_zero_is_caught_in_the_episodes_that_divide_by_zero(function, values):
    assert_lifted(function, values)


def test_a_division_by_zero_that_is_not_caught_raises():
    for function in (lambda x: 1 / x, lambda x: 1 // x, lambda x: 1 % x, lambda x: divmod(1, x)):
        assert isinstance(compare(function, WHOLE), ZeroDivisionError)
    assert_lifted(lambda x: (np.divide(1, x), 5 // np.add(x, 0.0), np.mod(5, x)), ZERO)
    assert_lifted(lambda i: (np.floor_divide(3, i), np.mod(3, i)), WHOLE)


def test_shifts_by_what_is_no_shift_raise():
    assert_lifted(lambda i: (i << 3, i >> 1, 1 << abs(i), i << abs(i), -100 >> abs(i)), WHOLE)
    assert isinstance(compare(lambda i: 1 << i, WHOLE), ValueError)
    assert isinstance(compare(lambda x: x << 1, REAL), TypeError)


def test_nan_is_as_it_is_in_python():
    def compared(x):
        return x == x, x < 1, x >= 1, bool(x), not x, x or 3.0, min(x, 1.0), min(1.0, x), max(x, 1.0), x != x

    assert_lifted(compared, NAN)
    assert_lifted(lambda x: (x in (1.0, 2.0), x in [x], [x] == [x], {1.0: 5}.get(x, 0)), NAN)
    assert_lifted(lambda x: tuple(sorted([3.0, x, 1.0])), NAN)
    assert_lifted(lambda x: x if math.isnan(x) else 0.0, NAN)


@pytest.mark.filterwarnings("ignore")
def test_python_does_not_mind_floats_that_overflow():
    assert_lifted(lambda x: (x * 1e200 * 1e200, x * 1e200 * 1e200 - x * 1e200 * 1e200, x * 1e-320), REAL)


def test_kinds_are_those_of_one_episode():
    def kinds(i, x, b):
        return tuple(
            isinstance(value, kind)
            for value in (i, x, b, i + b, i * x, i / 2, i // 2, i**2, i**-1 if i else 0.5, x // 1, -b, b + b)
            for kind in (int, float, bool, (int, float), np.integer, np.generic, np.ndarray, str, tuple)
        )

    def numpys(i, x, b):
        return tuple(
            isinstance(value, kind)
            for value in (
                np.add(x, 1),
                np.add(i, 1),
                np.sum(x),
                np.clip(x, 0, 1),
                np.round(x),
                np.abs(i),
                x > 0,
            )
            for kind in (int, float, np.float64, np.floating, np.integer, np.int64, np.ndarray)
        )

    def arrays(i, x, b):
        return tuple(
            isinstance(value, np.ndarray)
            for value in (
                np.where(b, x, 0.0),
                np.copy(x),
                np.zeros_like(x),
                np.where(b, x, 0.0) + 1,
                np.add(x, 1),
            )
        )

    def field(i, x, b):
        state = State(a=np.add(x, 1), b=np.add(i, 1), c=np.greater(x, 0))
        return isinstance(state.a, np.floating), isinstance(state.b, int), isinstance(state.c, bool)

    for function in (kinds, numpys, arrays, field):
        assert_lifted(function, WHOLE, REAL, FLAG)


def test_numbers_of_other_types_are_numpys():
    def small(i):
        return (
            np.int8(3) + i.astype(np.int8),
            i.astype(np.float32) * 0.1,
            i.astype(np.float32) + np.float64(1),
        )

    assert_lifted(lambda i: small(np.add(i, 0)), WHOLE)
    assert_lifted(lambda x: (np.float32(0.1) + x, np.float32(0.1) * np.add(x, 0.0)), REAL)
    assert_lifted(lambda i: np.uint8(200) + np.abs(np.add(i, 0)).astype(np.uint8), WHOLE)


def test_constants_of_numpy_are_numpys():
    assert_lifted(
        lambda i: (np.int64(3) * i, np.float64(0.5) * i, np.bool_(True) & (i > 0), np.int64(2) ** abs(i)),
        WHOLE,
    )
    assert_lifted(
        lambda x: (np.float64(1) / x, x / np.float64(2), x ** np.float64(2), np.float64(7) % x), REAL
    )
    assert_lifted(lambda x: (np.float64(7) // x, np.float64(7) > x, np.float64(0.1) + x, 2.0**x), REAL)
    for function in (lambda x: np.float64(2) ** x, lambda x: np.power(np.float64(2), x)):  # which differ
        assert_not_lifted(function, REAL, because="numpy's numbers")


def test_what_pythons_functions_make_of_numbers():
    def functions(i, x):
        return (
            *(min(i, x, 2), max([x, i]), max(i, x, key=lambda v: v % 3), min([], default=i), abs(min(i, 0))),
            *(
                sum([i, x, 1]),
                sum([i], 0.5),
                math.prod([i, 2]),
                math.hypot(x, 1),
                math.gcd(i, 6),
                math.fabs(x),
            ),
            *(
                any([i > 3, x > 3]),
                all([i, x]),
                sorted([i, x, 1])[1],
                (i, x) < (1, 0.5),
                [i] == [1],
                i in range(3),
            ),
            *(0 < x <= 2 < 5, not 0 < i < 3, i and x, i or x, (x > 0) == (i > 0)),
        )

    assert_lifted(functions, WHOLE, REAL)


def test_attributes_of_numbers():
    assert_lifted(lambda i, x: (i.real, x.imag, x.conjugate(), x.is_integer()), WHOLE, REAL)
    for function in (lambda i: i.bit_length(), lambda i: i.to_bytes(4, "little", signed=True)[0]):
        assert compare(function, WHOLE) is not None
    assert isinstance(compare(lambda x: x.sum(), REAL), AttributeError)
    assert isinstance(compare(lambda x: x[0], REAL), TypeError)
    assert isinstance(compare(len, REAL), TypeError)
    assert isinstance(compare(list, REAL), TypeError)


def test_a_number_of_a_list_must_fit_into_an_array_of_integers():
    def function(w, x):
        w = w.copy()
        w[:2] = [x, 1]
        return w

    wholes = repeated([1, 2, 3])
    assert_lifted(function, wholes, repeated(2.5, -3.0))
    assert isinstance(compare(function, wholes, repeated(2.5, np.nan)), ValueError)


def test_the_real_part_of_a_flag_is_an_integer():
    assert_lifted(lambda x: (x.real, x.imag), repeated(True, False))
    assert_lifted(lambda x: (x.real, x.imag), repeated(1.5, -0.0))
