"""The inference engines: identity, cascade, and the one with a dual."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interaction.component import Component, check_parts, promise_of
from interaction.random import EpisodeRandom
from interaction.state import State, Value

Inferred = tuple[State, Value]
"""An agent's next internal state and the reward (or cost) of the inference."""


class InferenceEngine(Component):
    """How an agent changes its own internal state, given its observation. This one changes nothing."""

    batched: bool | None = None

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> Inferred:
        """Give the next internal state and a reward."""
        return state, 0.0

    def simulated(self) -> InferenceEngine:
        """Give the engine that stands in for this one while the agent is simulated."""
        return self


class IdentityInferenceEngine(InferenceEngine):
    """The default engine: it infers nothing."""

    batched = True


class CascadedInferenceEngine(InferenceEngine):
    """Several engines in a row: each gets the state that the one before it gave; rewards add up."""

    def __init__(self, engines: Iterable[InferenceEngine]) -> None:
        self.engines = check_parts("CascadedInferenceEngine", InferenceEngine, engines)
        self.batched = all_batched(self.engines)

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> Inferred:
        total: Value = 0.0
        for engine in self.engines:
            state, reward = engine.infer(observation, state, rng)
            total = total + reward
        return state, total

    def simulated(self) -> InferenceEngine:
        return CascadedInferenceEngine(engine.simulated() for engine in self.engines)


class DualInferenceEngine(InferenceEngine):
    """An engine with a dual: it behaves as `primary`, and as `dual` while its agent is simulated."""

    def __init__(self, primary: InferenceEngine, dual: InferenceEngine) -> None:
        check_parts("DualInferenceEngine", InferenceEngine, (primary, dual))
        self.primary = primary
        self.dual = dual
        self.batched = promise_of(primary)

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> Inferred:
        return self.primary.infer(observation, state, rng)

    def simulated(self) -> InferenceEngine:
        return self.dual.simulated()


def engines_in(engine: InferenceEngine) -> Iterator[InferenceEngine]:
    """Walk over an inference engine and those inside it; of one with a dual, over the primary one."""
    yield engine
    inside = engine.engines if isinstance(engine, CascadedInferenceEngine) else ()
    if isinstance(engine, DualInferenceEngine):
        inside = (engine.primary,)
    for one in inside:
        yield from engines_in(one)


def all_batched(parts: Iterable[Component]) -> bool | None:
    """Say what a whole promises of batches, given its parts: False if one refuses, True if all accept."""
    promises = [promise_of(part) for part in parts]
    if False in promises:
        return False
    return None if None in promises else True
