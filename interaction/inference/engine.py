"""The inference engines: identity, cascade, and the one with a dual."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from interaction.component import Component, check_parts, promise_of
from interaction.random import EpisodeRandom
from interaction.state import State, Value

Inferred = tuple[State, Value]
"""An agent's next internal state and the reward (or cost) of the inference."""


class InferenceEngine(Component):
    """How an agent changes its own internal state, given its observation. This one changes nothing.

    An engine defines `infer`; it may define `simulated`, what stands in for it while its agent is simulated.

    >>> from interaction import EpisodeRandom, InferenceEngine, State
    >>> class Counts(InferenceEngine):
    ...     def infer(self, observation, state, rng):
    ...         return state.replace(successes=state.successes + observation.task_state.outcome), 0.0
    >>> seen = State(task_state=State(outcome=1))
    >>> Counts().infer(seen, State(successes=2), EpisodeRandom())
    (State(successes=3), 0.0)
    """

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
    """Several engines in a row: each gets the state that the one before it gave; rewards add up.

    Raises `ContractError` for a part that is no engine.

    >>> from interaction import CascadedInferenceEngine, EpisodeRandom, InferenceEngine, State
    >>> class Doubles(InferenceEngine):
    ...     def infer(self, observation, state, rng):
    ...         return state.replace(x=2 * state.x), -0.1
    >>> CascadedInferenceEngine([Doubles(), Doubles()]).infer(State(), State(x=1), EpisodeRandom())
    (State(x=4), -0.2)
    """

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
    """An engine with a dual: it behaves as `primary`, and as `dual` while its agent is simulated.

    So an agent that simulates itself comes to an end: the one that it simulates infers by the dual.
    Raises `ContractError` for a part that is no engine.

    >>> from interaction import DualInferenceEngine, InferenceEngine, RandomPolicy, User, spaces
    >>> from interaction.users.bandit import DeltaRule
    >>> engine = DualInferenceEngine(primary=DeltaRule(), dual=InferenceEngine())
    >>> user = User(policy=RandomPolicy(spaces.Discrete(2)), inference_engine=engine)
    >>> type(user.dual().inference_engine).__name__
    'InferenceEngine'
    """

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
