"""Components of CoopIHC in our bundles: `from_coopihc` makes one of ours of a genuine one.

    from coopihc.interactiontask.ExampleTask import ExampleTask
    from coopihc.agents.ExampleUser import ExampleUser

    bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()))

The component is copied; it plays on a stage (see `interaction.interop.stage`) where it finds the game as it
would in its own bundle, and nothing stays in it. The guide for users of CoopIHC is `docs/how-to/coopihc.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from interaction.agent import Agent, Assistant, User
from interaction.component import PreparedComponent
from interaction.errors import ArgumentError, ContractError, MissingExtraError
from interaction.inference.engine import (
    DualInferenceEngine,
    IdentityInferenceEngine,
    InferenceEngine,
    Inferred,
)
from interaction.observation import DefaultObservationEngine, ObservationEngine, Observed, Role
from interaction.policy import DiscretePolicy, DualPolicy, Policy, Sampled
from interaction.random import EpisodeRandom
from interaction.spaces import Choice, Discrete
from interaction.state import GameState, State, Value
from interaction.task import InteractionTask, Transition

if TYPE_CHECKING:
    from interaction.interop.source import Source

INSTALL = (
    "python -m pip install --no-deps --ignore-requires-python coopihc==0.0.2",
    "python -m pip install gym PyYAML tabulate matplotlib websockets",
)


def from_coopihc(
    component: Any,
    *,
    role: str | None = None,
    task: Any = None,
    user: Any = None,
    assistant: Any = None,
    scratch: Iterable[str] = (),
    truth: bool = False,
) -> Any:
    """Make one of our components of a CoopIHC task, agent, policy, inference or observation engine.

    `task`, `user` and `assistant` are the partners that it looks at when a bundle is put together (in
    `finit`) or for their attributes, as in `self.bundle.task.gridsize`: theirs, wrapped, or ours. A component
    that is in a bundle of theirs has the partners from there. A policy or an engine by itself belongs to an
    agent of the `role` "user", unless told otherwise. `scratch` names attributes (caches) that may be
    forgotten after each call. An agent whose observation engine changes what it sees may look at the true
    `bundle.task.state` with `truth`; its observations then hold it, as `true_task_state`.
    Raises `MissingExtraError` where the package is not installed, and `ContractError`, which names the
    attribute, for a component that cannot be played here.

    >>> from coopihc.interactiontask.ExampleTask import CoordinatedTask as TheirTask
    >>> from interaction import Bundle, from_coopihc
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser(p0=1, p1=5, p2=7)
    >>> bundle = Bundle(from_coopihc(TheirTask()), user, CoordinatedAssistant(user), max_rounds=100)
    >>> bundle.run(1, seed=0)["task_state.x"]
    array([[1, 2, 3, 4, 5, 6, 7, 8, 9, 9]])
    """
    _check_installed()
    from interaction.interop.source import kind_of, role_of, source_of

    kind = kind_of(component)
    role = role_of(component, kind, role)
    if isinstance(scratch, str):
        raise ArgumentError(f"from_coopihc: scratch: expected a list of names, got the string {scratch!r}")
    partners = {"task": task, "user": user, "assistant": assistant}
    source = source_of(component, kind, role, partners, tuple(scratch), truth)
    if kind == "task":
        return CoopIHCTask(source)
    if kind == "agent":
        return CoopIHCUser(source) if role == "user" else CoopIHCAssistant(source)
    return _parts_of(source)[kind]


class _Wrapped(PreparedComponent):
    """What all wrapped components have: the genuine one as a value, and a stage to play it on."""

    batched: bool | None = False

    def __init__(self, source: Source) -> None:
        self.source = source
        self._prepare()

    def _prepare(self) -> None:
        _check_installed()
        from interaction.interop.stage import stage_of

        self._stage = stage_of(self.source)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source.name})"


class CoopIHCTask(_Wrapped, InteractionTask):
    """A task of theirs."""

    def _prepare(self) -> None:
        super()._prepare()
        self.state_space = self._stage.spaces

    def reset(self, rng: EpisodeRandom) -> State:
        return self._stage.reset(_NOTHING, self._stage.initial, rng)

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(*self._stage.move(game, rng, "user"))

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(*self._stage.move(game, rng, "assistant"))


class CoopIHCPolicy(_Wrapped, Policy):
    """A policy of theirs."""

    def _prepare(self) -> None:
        super()._prepare()
        self.action_space, self.first_action = self._stage.action_space(), self._stage.first_action()

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        return self._stage.sample(observation, state, rng)


class CoopIHCDiscretePolicy(CoopIHCPolicy, DiscretePolicy):
    """A policy of theirs with an explicit likelihood (`ELLDiscretePolicy`): it has a `log_prob`."""

    def probabilities(self, observation: State, state: State) -> Value:
        return self._stage.likelihoods(observation, state)


class CoopIHCInferenceEngine(_Wrapped, InferenceEngine):
    """An inference engine of theirs."""

    batched: bool | None = False

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> Inferred:
        return self._stage.infer(observation, state, rng)


class CoopIHCObservationEngine(_Wrapped, ObservationEngine):
    """An observation engine of theirs."""

    def observe(self, game: State, rng: EpisodeRandom) -> Observed:
        return self._stage.observe(game, rng)


class _WrappedAgent(_Wrapped, Agent):
    """An agent of theirs; the parts are wrapped one by one, and can be replaced by ours."""

    batched: bool | None = False

    def __init__(self, source: Source) -> None:
        _Wrapped.__init__(self, source)
        Agent.__init__(
            self,
            **_parts_of(source),
            state=self._stage.initial,
            state_space=self._stage.spaces,
        )

    def _prepare(self) -> None:
        super()._prepare()
        from interaction.interop.parts import resets

        self._resets = resets(self._stage.component)

    def reset(self, rng: EpisodeRandom) -> State:
        return self.reset_in(_NOTHING, rng)

    def reset_in(self, game: GameState, rng: EpisodeRandom) -> State:
        return self._stage.reset(game, self.state, rng) if self._resets else self.state


class CoopIHCUser(_WrappedAgent, User):
    """A user of theirs."""


class CoopIHCAssistant(_WrappedAgent, Assistant):
    """An assistant of theirs."""


_NOTHING = GameState()


def _check_installed() -> None:
    """Raise a `MissingExtraError` that says how to install CoopIHC, unless it can be imported."""
    try:
        import coopihc
    except ImportError as error:
        commands = "\n    ".join(INSTALL)
        raise MissingExtraError(
            f"from_coopihc needs the package coopihc and what it imports ({error}). Its wheel declares "
            f"another Python, so it is installed with:\n    {commands}"
        ) from error
    if hasattr(coopihc, "BufferNotFilledError"):  # which came after the published version, of the same number
        commands = "\n    ".join(INSTALL)
        raise ContractError(
            f"from_coopihc takes components of the published coopihc 0.0.2; in {coopihc.__path__[0]} is a "
            f"later one from its repository, of the same number, whose engines work otherwise. Install the "
            f"published one:\n    {commands}"
        )


def _parts_of(source: Source) -> dict[str, Any]:
    """Wrap the policy and the engines of an agent; their dual components and their defaults become ours."""
    from coopihc.inference.DualInferenceEngine import DualInferenceEngine as TheirDualInferenceEngine
    from coopihc.policy.DualPolicy import DualPolicy as TheirDualPolicy

    from interaction.interop.parts import sees_by_default
    from interaction.interop.stage import stage_of

    role: Role = "user" if source.role == "user" else "assistant"
    agent = stage_of(source).component
    policy: Policy
    if isinstance(agent.policy, TheirDualPolicy):
        policy = DualPolicy(
            primary=_policy_of(replace(source, policy="primary_policy")),
            dual=_policy_of(replace(source, policy="dual_policy")),
        )
    else:
        policy = _policy_of(source)
    by_default = sees_by_default(agent)
    engine: InferenceEngine
    if isinstance(agent.inference_engine, TheirDualInferenceEngine):
        engine = DualInferenceEngine(
            primary=CoopIHCInferenceEngine(replace(source, inference_engine="primary_engine")),
            dual=_engine_of(replace(source, inference_engine="dual_engine"), by_default),
        )
    else:
        engine = _engine_of(source, by_default)
    return {
        "policy": policy,
        "inference_engine": engine,
        "observation_engine": DefaultObservationEngine(role)
        if by_default
        else CoopIHCObservationEngine(source),
    }


def _policy_of(source: Source) -> Policy:
    from coopihc.policy.ELLDiscretePolicy import ELLDiscretePolicy

    from interaction.interop.stage import stage_of

    stage = stage_of(source)
    explicit = isinstance(stage.component.policy, ELLDiscretePolicy) and isinstance(
        stage.action_space(), Discrete | Choice
    )
    return CoopIHCDiscretePolicy(source) if explicit else CoopIHCPolicy(source)


def _engine_of(source: Source, by_default: bool) -> InferenceEngine:
    from interaction.interop.parts import infers_nothing
    from interaction.interop.stage import stage_of

    idle = infers_nothing(stage_of(source).component) and by_default
    return IdentityInferenceEngine() if idle else CoopIHCInferenceEngine(source)
