"""How an agent changes its own state: not at all, step by step, and by a dual while it is simulated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction import CascadedInferenceEngine, DualInferenceEngine, EpisodeRandom, InferenceEngine, State
from interaction.inference.engine import IdentityInferenceEngine

SEEN = State(task_state=State(x=3))


class Affine(InferenceEngine):
    """n becomes n·times + plus, at a cost."""

    batched = True

    def __init__(self, times=1, plus=0, cost=0.0):
        self.times, self.plus, self.cost = times, plus, cost

    def infer(self, observation, state, rng):
        return state.replace(n=state.n * self.times + self.plus), -self.cost


class Noisy(InferenceEngine):
    """Adds a number drawn, which is also what it costs."""

    batched = True

    def infer(self, observation, state, rng):
        noise = rng.random()
        return state.replace(n=state.n + noise), -noise


class Loops(InferenceEngine):
    batched = False


def alone(episode=0):
    return EpisodeRandom(0, episode).at(0, 1)


@pytest.mark.parametrize(
    "engine", [InferenceEngine(), IdentityInferenceEngine(), CascadedInferenceEngine([])]
)
def test_by_default_nothing_is_inferred(engine):
    state, rng = State(n=1, v=np.ones(2)), alone()
    inferred, reward = engine.infer(SEEN, state, rng)
    assert inferred is state
    assert reward == 0.0
    assert rng.random() == alone().random()


ENGINES = st.builds(Affine, st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 8).map(lambda k: k / 4))


@given(st.lists(ENGINES, max_size=5), st.integers(-5, 5))
def test_a_cascade_is_its_engines_one_after_the_other_and_its_rewards_add_up(engines, n):
    state, total = State(n=n), 0.0
    for engine in engines:
        state, reward = engine.infer(SEEN, state, alone())
        total += reward
    assert CascadedInferenceEngine(engines).infer(SEEN, State(n=n), alone()) == (state, total)


@given(st.lists(ENGINES, max_size=3), st.lists(ENGINES, max_size=3))
def test_cascades_nest(left, right):
    nested = CascadedInferenceEngine([CascadedInferenceEngine(left), CascadedInferenceEngine(right)])
    flat = CascadedInferenceEngine([*left, *right])
    assert nested.infer(SEEN, State(n=2), alone()) == flat.infer(SEEN, State(n=2), alone())


def test_the_order_of_a_cascade_matters():
    double, add = Affine(times=2), Affine(plus=1)
    assert CascadedInferenceEngine([double, add]).infer(SEEN, State(n=3), alone())[0].n == 7
    assert CascadedInferenceEngine([add, double]).infer(SEEN, State(n=3), alone())[0].n == 8


def test_a_row_of_a_cascade_is_the_episode_alone():
    chain = CascadedInferenceEngine([Noisy(), Affine(times=2, cost=1.0), Noisy()])
    batch = EpisodeRandom(0, episodes=np.arange(5)).at(0, 1)
    state, reward = chain.infer(SEEN, State(n=np.arange(5.0)), batch)
    for episode in range(5):
        one = chain.infer(SEEN, State(n=float(episode)), alone(episode))
        assert one == (State(n=state.n[episode]), reward[episode])


def test_a_cascade_takes_any_iterable_once_and_for_all():
    chain = CascadedInferenceEngine(Affine(plus=1) for _ in range(3))
    for _ in range(2):
        assert chain.infer(SEEN, State(n=0), alone())[0].n == 3


def test_a_cascade_promises_of_batches_what_all_its_parts_promise():
    assert CascadedInferenceEngine([Affine(), Noisy()]).batched is True
    assert CascadedInferenceEngine([Affine(), InferenceEngine()]).batched is None
    assert CascadedInferenceEngine([InferenceEngine(), Loops()]).batched is False


def test_an_engine_with_a_dual_behaves_as_its_primary():
    dual = DualInferenceEngine(primary=Affine(plus=1, cost=2.0), dual=Loops())
    assert dual.infer(SEEN, State(n=0), alone()) == (State(n=1), -2.0)
    assert dual.batched is True
    assert DualInferenceEngine(primary=Loops(), dual=Affine()).batched is False


def test_a_simulated_engine_is_its_dual_to_any_depth():
    inner = DualInferenceEngine(primary=Noisy(), dual=Affine(plus=1))
    assert inner.simulated() == Affine(plus=1)
    assert DualInferenceEngine(primary=Noisy(), dual=inner).simulated() == Affine(plus=1)
    assert Noisy().simulated() == Noisy()


def test_a_simulated_cascade_has_the_duals_of_its_engines():
    inner = DualInferenceEngine(primary=Noisy(), dual=Affine(plus=1))
    chain = CascadedInferenceEngine([Affine(times=2), inner, CascadedInferenceEngine([inner])])
    simulated = chain.simulated()
    expected = CascadedInferenceEngine(
        [Affine(times=2), Affine(plus=1), CascadedInferenceEngine([Affine(plus=1)])]
    )
    assert simulated == expected
    assert simulated.infer(SEEN, State(n=1), alone()) == (State(n=4), 0.0)
    assert chain.engines[1] is inner


def test_engines_are_values():
    chain = CascadedInferenceEngine([Affine(plus=1), DualInferenceEngine(primary=Noisy(), dual=Affine())])
    before = repr(chain)
    chain.infer(SEEN, State(n=0), alone())
    chain.simulated()
    assert repr(chain) == before
    assert Affine(plus=1) == Affine(plus=1) != Affine(plus=2)
    assert InferenceEngine() != IdentityInferenceEngine()
