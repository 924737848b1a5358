"""Components of CoopIHC in our bundles: `from_coopihc` makes one of ours of a genuine one.

    from coopihc.interactiontask.ExampleTask import ExampleTask
    from coopihc.agents.ExampleUser import ExampleUser

    bundle = Bundle(from_coopihc(ExampleTask()), from_coopihc(ExampleUser()))

The component is copied; it plays on a stage (see `interaction.interop.stage`) where it finds the game as it
would in its own bundle, and nothing stays in it. The guide for users of CoopIHC is `docs/coopihc.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from interaction.spaces import Discrete
from interaction.state import GameState, State, Value
from interaction.task import InteractionTask, Transition

if TYPE_CHECKING:
    from interaction.interop.source import Source

INSTALL = (
    "python -m pip install --no-deps --ignore-requires-python coopihc==0.0.2",
    'python -m pip install gym PyYAML tabulate matplotlib "websockets<11"',
)


def from_coopihc(
    component: Any,
    *,
    role: str | None = None,
    task: Any = None,
    user: Any = None,
    assistant: Any = None,
    scratch: Iterable[str] = (),
) -> Any:
    """Make one of our components of a CoopIHC task, agent, policy, inference or observation engine.

    `task`, `user` and `assistant` are the partners that it looks at when a bundle is put together (in
    `finit`) or for their attributes, as in `self.bundle.task.gridsize`: theirs, wrapped, or ours. A component
    that is in a bundle of theirs has the partners from there. A policy or an engine by itself belongs to an
    agent of the `role` "user", unless told otherwise. `scratch` names attributes (caches) that may be
    forgotten after each call.

    Raises `MissingExtraError` where the package is not installed, and `ContractError`, which names the
    attribute, for a component that cannot be played here.
    """
    _check_installed()
    kind = _kind_of(component)
    role = _role_of(component, kind, role)
    if isinstance(scratch, str):
        raise ArgumentError(f"from_coopihc: scratch: expected a list of names, got the string {scratch!r}")
    partners = {"task": task, "user": user, "assistant": assistant}
    source = _source_of(component, kind, role, partners, tuple(scratch))
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

    def reset(self, rng: EpisodeRandom) -> State:
        return self.reset_in(_NOTHING, rng)

    def reset_in(self, game: GameState, rng: EpisodeRandom) -> State:
        return self._stage.reset(game, self.state, rng) if self._stage.resets else self.state


class CoopIHCUser(_WrappedAgent, User):
    """A user of theirs."""


class CoopIHCAssistant(_WrappedAgent, Assistant):
    """An assistant of theirs."""


_NOTHING = GameState()


def _check_installed() -> None:
    """Raise a `MissingExtraError` that says how to install CoopIHC, unless it can be imported."""
    try:
        import coopihc  # noqa: F401
    except ImportError as error:
        commands = "\n    ".join(INSTALL)
        raise MissingExtraError(
            f"from_coopihc needs the package coopihc and what it imports ({error}). Its wheel declares "
            f"another Python, so it is installed with:\n    {commands}"
        ) from error


def _kind_of(component: Any) -> str:
    from coopihc.agents.BaseAgent import BaseAgent
    from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
    from coopihc.interactiontask.InteractionTask import InteractionTask as TheirTask
    from coopihc.observation.BaseObservationEngine import BaseObservationEngine
    from coopihc.policy.BasePolicy import BasePolicy

    kinds = {
        "task": TheirTask,
        "agent": BaseAgent,
        "policy": BasePolicy,
        "inference_engine": BaseInferenceEngine,
        "observation_engine": BaseObservationEngine,
    }
    for kind, cls in kinds.items():
        if isinstance(component, cls):
            return kind
    names = ", ".join(cls.__name__ for cls in kinds.values())
    got = (
        f"the class {component.__name__}; make an instance"
        if isinstance(component, type)
        else repr(component)
    )
    raise ContractError(f"from_coopihc: expected one of CoopIHC's {names}, got {got}")


def _source_of(
    component: Any, kind: str, role: str, partners: dict[str, Any], scratch: tuple[str, ...]
) -> Source:
    """Give a component and its partners as a value."""
    from interaction.interop.source import Source, freeze_participants
    from interaction.interop.standins import ROLES

    name = type(component).__name__
    whole = component if kind in ("task", "agent") else getattr(component, "host", None)
    if whole is None:
        whole, restore = _host_for(component, kind, role)
    else:
        restore = _without_mapping(whole)
        role = getattr(whole, "role", role)
    if kind != "task":
        _check_depth(whole.inference_engine, f"{name}.inference_engine")
    participants = {
        other: whole if other == role else _partner(other, partners[other], whole, name) for other in ROLES
    }
    if partners[role] is not None:
        raise ArgumentError(f"from_coopihc: {role}: {name} is the {role} itself")
    try:
        data, foreign = freeze_participants(participants)
    except Exception as error:
        raise ContractError(f"{_culprit(participants, name)} ({error})") from error
    finally:
        restore()
    return Source(data, role, name, foreign, scratch)


def _host_for(component: Any, kind: str, role: str) -> tuple[Any, Callable[[], None]]:
    """Put a policy or an engine into an agent of its own; give the agent, and what takes it out again."""
    from coopihc.agents.BaseAgent import BaseAgent

    agent = BaseAgent(role, **{f"agent_{kind}": component})

    def restore() -> None:
        component.host = None

    return agent, restore


def _without_mapping(agent: Any) -> Callable[[], None]:
    """Take away the rules that an observation engine has worked out for the bundle that it is in."""
    engine: Any = getattr(agent, "observation_engine", None)
    mapping, bundle = getattr(engine, "mapping", None), getattr(agent, "bundle", None)
    if mapping is None or bundle is None or mapping != engine.create_mapping(bundle.game_state):
        return lambda: None
    engine.mapping = None

    def restore() -> None:
        engine.mapping = mapping

    return restore


def _partner(role: str, given: Any, component: Any, name: str) -> Any:
    """Give a partner of a component as it is on the stage: a copy of theirs, or a stand-in."""
    from coopihc.bundle.BaseBundle import BaseBundle

    from interaction.interop.source import fresh
    from interaction.interop.standins import StandIn

    bundle = getattr(component, "bundle", None)
    if given is None and isinstance(bundle, BaseBundle):
        bits = dict(zip(("task", "user", "assistant"), getattr(bundle, "bundle_bits", "111"), strict=True))
        given = getattr(bundle, role) if bits[role] == "1" else None
    if isinstance(given, CoopIHCTask | _WrappedAgent):
        given = fresh(given.source)
    elif given is None or isinstance(given, InteractionTask | Agent):
        return StandIn(role, given)
    kind = _kind_of(given)
    if (given.role if kind == "agent" else kind) != role:
        raise ArgumentError(f"from_coopihc: {role}: expected a {role} for {name}, got {given!r}")
    return given


def _check_depth(engine: Any, where: str) -> None:
    """Raise for an inference engine that remembers more than what it sees now."""
    if getattr(engine, "buffer_depth", 1) > 1:
        raise ContractError(
            f"{where}.buffer_depth: expected 1, got {engine.buffer_depth}: an engine here infers from the "
            f"present observation and the agent's state; what it is to remember belongs into the state"
        )
    for number, part in enumerate(getattr(engine, "engine_list", ())):
        _check_depth(part, f"{where}.engine_list[{number}]")
    for name in ("primary_engine", "dual_engine"):
        if hasattr(engine, name):
            _check_depth(getattr(engine, name), f"{where}.{name}")


def _culprit(participants: dict[str, Any], name: str) -> str:
    """Say which attribute of a component cannot be kept as a value."""
    from interaction.interop.source import freeze_participants
    from interaction.interop.standins import StandIn
    from interaction.interop.watch import OURS_TO_SET

    def fails(value: Any) -> bool:
        try:
            freeze_participants({"value": value} if hasattr(value, "__dict__") else {"value": _Holder(value)})
        except Exception:
            return True
        return False

    for one in participants.values():
        if isinstance(one, StandIn):
            continue
        parts = {type(one).__name__: one}
        for part in ("policy", "inference_engine", "observation_engine"):
            if hasattr(one, part):
                parts[f"{type(one).__name__}.{part}"] = getattr(one, part)
        for where, part in reversed(parts.items()):
            for attribute, value in vars(part).items():
                if attribute not in OURS_TO_SET and fails(value):
                    return f"{where}.{attribute} cannot be kept as a value"
    return f"{name} cannot be kept as a value"


class _Holder:
    def __init__(self, value: Any) -> None:
        self.value = value


def _parts_of(source: Source) -> dict[str, Any]:
    """Wrap the policy and the engines of an agent; their dual components and their defaults become ours."""
    from coopihc.inference.DualInferenceEngine import DualInferenceEngine as TheirDualInferenceEngine
    from coopihc.policy.DualPolicy import DualPolicy as TheirDualPolicy

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
    by_default = _sees_by_default(agent.observation_engine, role)
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
        stage.action_space(), Discrete
    )
    return CoopIHCDiscretePolicy(source) if explicit else CoopIHCPolicy(source)


def _engine_of(source: Source, sees_by_default: bool) -> InferenceEngine:
    from interaction.interop.stage import stage_of

    idle = stage_of(source).infers_nothing and sees_by_default
    return IdentityInferenceEngine() if idle else CoopIHCInferenceEngine(source)


def _sees_by_default(engine: Any, role: str) -> bool:
    """Whether an observation engine of theirs sees what ours sees by default."""
    from coopihc.observation import utils
    from coopihc.observation.RuleObservationEngine import RuleObservationEngine

    return (
        isinstance(engine, RuleObservationEngine)
        and type(engine).observe is RuleObservationEngine.observe
        and type(engine).apply_mapping is RuleObservationEngine.apply_mapping
        and type(engine).create_mapping is RuleObservationEngine.create_mapping
        and engine.mapping is None
        and not engine.extradeterministicrules
        and not engine.extraprobabilisticrules
        and engine.deterministic_specification == getattr(utils, f"base_{role}_engine_specification")
    )


def _role_of(component: Any, kind: str, role: str | None) -> str:
    own = "task" if kind == "task" else getattr(component, "role", None) if kind == "agent" else None
    if role is not None and role not in ("user", "assistant"):
        raise ArgumentError(f"from_coopihc: role: expected 'user' or 'assistant', got {role!r}")
    if own is not None and role not in (None, own):
        raise ArgumentError(f"from_coopihc: role: {type(component).__name__} is the {own}, got {role!r}")
    return own or role or "user"
