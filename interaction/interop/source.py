"""A component of CoopIHC as a value: its bytes, and how to make it anew. This module imports `coopihc`."""

from __future__ import annotations

import io
import pickle
import random
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cloudpickle  # gymnasium brings it
import numpy as np
from coopihc.agents.BaseAgent import BaseAgent
from coopihc.base.StateElement import StateElement
from coopihc.bundle.BaseBundle import BaseBundle
from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
from coopihc.interactiontask.InteractionTask import InteractionTask as TheirTask
from coopihc.observation.BaseObservationEngine import BaseObservationEngine
from coopihc.policy.BasePolicy import BasePolicy

from interaction.agent import Agent
from interaction.errors import ArgumentError, ContractError
from interaction.interop.dice import Dice
from interaction.interop.standins import ROLES, StandIn, StandInBundle
from interaction.task import InteractionTask


@dataclass(frozen=True)
class Source:
    """A component of theirs as a value: its bytes, its role, and which of its dual parts is meant."""

    data: bytes
    role: str
    name: str
    foreign: bool  # whether it holds code of others than CoopIHC, which may draw from Python's generator
    scratch: tuple[str, ...] = ()  # attributes that may be forgotten after each call
    begun: tuple[str, ...] = ()  # the roles whose finit their own bundle has called already
    truth: bool = False  # whether the agent may look at the true state of the task
    policy: str = ""
    inference_engine: str = ""


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    """Pickles components of theirs without their bundles and their random numbers."""

    def __init__(self, file: Any, bundles: set[int]) -> None:
        super().__init__(file)
        self.bundles = bundles
        self.foreign = False

    def persistent_id(self, value: Any) -> Any:
        if isinstance(value, np.random.Generator):
            return "generator"
        if isinstance(value, np.random.RandomState):
            return "legacy"
        if isinstance(value, random.Random):
            self.foreign = True
            return "python"
        if isinstance(value, StandInBundle) or id(value) in self.bundles:
            return "bundle"
        return None

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, StateElement):  # numpy would lose its space
            return _make_element, (np.array(value), value.space, value.out_of_bounds_mode)
        if isinstance(value, type | types.FunctionType):
            module = getattr(value, "__module__", None) or ""
            if module.partition(".")[0] not in _HOME:
                self.foreign = True
        reduced = super().reducer_override(value)
        if isinstance(reduced, tuple) and reduced[0].__name__.startswith("_make_skeleton"):
            # a class of a script, which is copied
            make, (*arguments, _tracked, extra), *rest = reduced
            reduced = (
                make,
                (*arguments, None, extra),
                *rest,
            )  # untracked, else loading it would change the class itself
        return reduced


_HOME = {"coopihc", "numpy", "builtins", "interaction", "collections"}


def freeze_participants(participants: dict[str, Any]) -> tuple[bytes, bool]:
    """Give a component of theirs and its partners as bytes, and whether they hold code of others."""
    bundles = {
        id(bundle)
        for one in participants.values()
        for bundle in (vars(one).get(name) for name in ("bundle", "_bundle", "_bundle_memory"))
        if bundle is not None
    }
    file = io.BytesIO()
    pickler = _Pickler(file, bundles)
    pickler.dump(participants)
    return file.getvalue(), pickler.foreign


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: Any, dice: Dice, bundle: Any) -> None:
        super().__init__(file)
        self._outside = {
            "generator": dice.generator,
            "legacy": dice.legacy,
            "python": dice.python,
            "bundle": bundle,
        }

    def persistent_load(self, token: Any) -> Any:
        return self._outside[token]


def thaw(data: bytes, dice: Dice, bundle: StandInBundle | None) -> dict[str, Any]:
    """Make a component and its partners from bytes."""
    participants: dict[str, Any] = _Unpickler(io.BytesIO(data), dice, bundle).load()
    return participants


def fresh(source: Source) -> Any:
    """Make the genuine component of a source anew."""
    return thaw(source.data, Dice(), None)[source.role]


def _make_element(array: Any, space: Any, mode: str) -> Any:
    element = array.view(StateElement)
    element.space, element.out_of_bounds_mode = space, mode
    return element


# Making one.


def kind_of(component: Any, where: str = "from_coopihc") -> str:
    """Say what kind of component of theirs this is; raise a `ContractError` if it is none."""
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
    raise ContractError(f"{where}: expected one of CoopIHC's {names}, got {got}")


def role_of(component: Any, kind: str, role: str | None) -> str:
    """Give the role of a component: a policy or an engine is told it, or has that of its agent."""
    own: str | None = "task"
    if kind != "task":
        own = getattr(component if kind == "agent" else getattr(component, "host", None), "role", None)
    if role is not None and role not in ("user", "assistant"):
        raise ArgumentError(f"from_coopihc: role: expected 'user' or 'assistant', got {role!r}")
    if own is not None and role not in (None, own):
        raise ArgumentError(f"from_coopihc: role: {type(component).__name__} is the {own}, got {role!r}")
    return own or role or "user"


def source_of(
    component: Any,
    kind: str,
    role: str,
    partners: dict[str, Any],
    scratch: tuple[str, ...],
    truth: bool = False,
) -> Source:
    """Give a component and its partners as a value."""
    name = type(component).__name__
    whole: Any = component if kind in ("task", "agent") else getattr(component, "host", None)
    if kind in ("task", "agent") or (getattr(whole, kind, None) is component and whole.role == role):
        restore = _without_mapping(whole)
    else:
        whole, restore = _host_for(component, kind, role)
    try:
        if partners[role] is not None:
            raise ArgumentError(f"from_coopihc: {role}: {name} is the {role} itself")
        if kind != "task":
            _check_depth(whole.inference_engine, f"{name}.inference_engine")
        participants = {
            other: whole if other == role else _partner(other, partners[other], whole, name)
            for other in ROLES
        }
        begun = _begun(participants, partners)
        try:
            data, foreign = freeze_participants(participants)
        except Exception as error:
            raise ContractError(f"{_culprit(participants, name)} ({error})") from error
    finally:
        restore()
    return Source(data, role, name, foreign, scratch, begun, truth)


def _begun(participants: dict[str, Any], partners: dict[str, Any]) -> tuple[str, ...]:
    """Name the roles whose finit was called: those in a bundle of theirs, unless they get other partners."""
    roles = []
    for role, one in participants.items():
        source = getattr(partners[role], "source", None)
        if isinstance(source, Source):  # one that is wrapped
            done = role in source.begun
        else:
            done = not isinstance(one, StandIn) and isinstance(getattr(one, "bundle", None), BaseBundle)
        others = (partners[other] for other in ROLES if other != role)
        if done and (isinstance(source, Source) or all(other is None for other in others)):
            roles.append(role)
    return tuple(roles)


def _host_for(component: Any, kind: str, role: str) -> tuple[Any, Callable[[], None]]:
    """Put a policy or an engine into an agent of its own; give the agent, and what takes it out again."""
    host = getattr(component, "host", None)
    agent = BaseAgent(role, **{f"agent_{kind}": component})

    def restore() -> None:
        component.host = host

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
    bundle = getattr(component, "bundle", None)
    if given is None and isinstance(bundle, BaseBundle):
        bits = dict(zip(("task", "user", "assistant"), getattr(bundle, "bundle_bits", "111"), strict=True))
        given = getattr(bundle, role) if bits[role] == "1" else None
    if isinstance(getattr(given, "source", None), Source):  # one that is wrapped
        given = fresh(given.source)
    elif given is None or isinstance(given, InteractionTask | Agent):
        return StandIn(role, given)
    kind = kind_of(given, f"from_coopihc: {role}")
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


_REFERENCES = (  # to others, whose attributes are looked at in turn
    "bundle", "bundle_memory", "host", "policy", "inference_engine", "observation_engine",
)  # fmt: skip


def _culprit(participants: dict[str, Any], name: str) -> str:
    """Say which attribute of a component cannot be kept as a value."""

    def fails(value: Any) -> bool:
        try:
            freeze_participants({"held": types.SimpleNamespace(value=value)})
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
                if attribute.lstrip("_") not in _REFERENCES and fails(value):
                    return f"{where}.{attribute} cannot be kept as a value"
    return f"{name} cannot be kept as a value"
