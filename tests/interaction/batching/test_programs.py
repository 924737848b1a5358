"""Random methods, with branches and draws, are lifted to the bit or not at all."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interaction.batching.lifting import LiftedMethod
from interaction.component import Component
from interaction.errors import BatchError
from interaction.random import EpisodeRandom
from interaction.state import State
from tests.interaction.batching.compare import ROWS, compare, looped, quietly, same_bits
from tests.interaction.batching.programs import LENGTH, play, programs


def begun(seed, rows=ROWS):
    """The state with which a program begins."""
    rng = np.random.default_rng(seed)
    return State(
        whole=rng.integers(-2, 4, rows),
        real=np.round(rng.normal(0.0, 2.0, rows), 1),
        flag=rng.random(rows) < 0.5,
        vector=np.round(rng.normal(0.0, 2.0, (rows, LENGTH)), 1),
        wholes=rng.integers(-2, 4, (rows, LENGTH)),
    )


def stream(rows=ROWS):
    return EpisodeRandom(5, episodes=np.arange(rows) * 2 + 3).at(1, 2)


def test_programs_are_lifted_to_the_bit_or_not_at_all(caplog):
    caplog.set_level("ERROR", "interaction")
    found = Counter()

    @settings(max_examples=1_200, derandomize=True)
    @given(programs, st.integers(0, 1_000))
    def programs_are(program, seed):
        refusal = compare(lambda state, rng: play(program, state, rng), begun(seed), rng=stream())
        found[type(refusal).__name__] += 1

    programs_are()
    assert found["NoneType"] > 0.6 * found.total(), found


class Programmed(Component):
    def __init__(self, program):
        self.program = program

    def infer(self, state, rng):
        return play(self.program, state, rng)


def test_a_method_gives_what_single_episodes_give_however_it_is_played(caplog):
    caplog.set_level("ERROR", "interaction")

    @settings(max_examples=300, derandomize=True)
    @given(programs, st.integers(0, 1_000))
    def methods_do(program, seed):
        component = Programmed(program)
        state = begun(seed)
        expected, error = quietly(lambda: looped(component.infer, component)(state, stream()))
        method = LiftedMethod(component, component.infer)
        for _ in range(3):
            found, other = quietly(lambda: method(state, stream()))
            if error is None:
                assert other is None, other
                assert same_bits(expected, found)
            else:
                assert type(other) is type(error)
                assert str(other) == str(error) or isinstance(error, BatchError)

    methods_do()


@pytest.mark.parametrize("rows", [1, 2, 9, 60])
def test_an_episode_has_the_numbers_that_it_has_in_any_batch(rows):
    program = [
        ("draw", "normal", 1),
        (
            "if",
            ("x > y", 0, 2, 0),
            [("draw", "random(3)", 0)],
            [("draw", "integers", 0), ("draw", "normal", 0)],
        ),
        ("draw", "categorical", 0),
        ("number", "v[i]", 0, 1, 0),
    ]
    whole = LiftedMethod(Programmed(program), Programmed(program).infer)(begun(3, 60), stream(60))
    chosen = np.arange(60)[::-1][:rows]
    some = State(**{name: value[chosen] for name, value in begun(3, 60).items()})
    found = LiftedMethod(Programmed(program), Programmed(program).infer)(some, stream(60).select(chosen))
    parts = State(**{name: value[chosen] for name, value in whole[0].items()}), whole[1][chosen]
    assert same_bits(parts, found)
