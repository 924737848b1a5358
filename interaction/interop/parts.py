"""What a component of CoopIHC is made of, and what its parts do. This module imports `coopihc`."""

from __future__ import annotations

from typing import Any

from coopihc.agents.BaseAgent import BaseAgent
from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
from coopihc.observation import utils
from coopihc.observation.BaseObservationEngine import BaseObservationEngine
from coopihc.observation.RuleObservationEngine import RuleObservationEngine
from coopihc.policy.BasePolicy import BasePolicy


def parts_of(where: str, component: Any) -> dict[str, Any]:
    """List a task, or an agent, its policy and its engines, by the names under which errors call them."""
    parts = {where: component}
    for name in ("policy", "inference_engine", "observation_engine"):
        if isinstance(component, BaseAgent):
            parts |= _nested(f"{where}.{name}", getattr(component, name))
    return parts


def _nested(where: str, part: Any) -> dict[str, Any]:
    """List a policy or an engine and those that it is made of, by the names under which errors call them."""
    parts = {where: part}
    for number, engine in enumerate(getattr(part, "engine_list", ())):
        parts |= _nested(f"{where}.engine_list[{number}]", engine)
    for name in ("primary_policy", "dual_policy", "primary_engine", "dual_engine"):
        if name in vars(part):
            parts |= _nested(f"{where}.{name}", vars(part)[name])
    return parts


def resets(agent: Any) -> bool:
    """Whether the agent or one of its parts does anything when it is reset."""
    return not (
        inherits(agent, "reset", BaseAgent)
        and inherits(agent, "_base_reset", BaseAgent)
        and inherits(agent.policy, "reset", BasePolicy)
        and inherits(agent.inference_engine, "reset", BaseInferenceEngine)
        and inherits(agent.observation_engine, "reset", BaseObservationEngine)
    )


def infers_nothing(agent: Any) -> bool:
    """Whether the agent only takes over what it sees of its own state."""
    return inherits(agent.inference_engine, "infer", BaseInferenceEngine) and inherits(
        agent, "infer", BaseAgent
    )


def sees_by_default(agent: Any) -> bool:
    """Whether the agent sees what ours see by default."""
    engine, specification = agent.observation_engine, f"base_{agent.role}_engine_specification"
    return (
        inherits(agent, "observe", BaseAgent)
        and by_rules(engine)
        and engine.mapping is None
        and not engine.extradeterministicrules
        and not engine.extraprobabilisticrules
        and engine.deterministic_specification == getattr(utils, specification)
    )


def sees_itself(agent: Any) -> bool:
    """Whether the agent observes the very elements of its state, where they are single numbers."""
    engine, own = agent.observation_engine, f"{agent.role}_state"
    if not isinstance(engine, RuleObservationEngine):
        return False
    ruled = [*engine.extradeterministicrules, *engine.extraprobabilisticrules]
    ruled += [rule[:2] for rule in engine.mapping or () if rule[3] or rule[5]]
    return all(rule[0] != own for rule in ruled)


def inherits(one: Any, method: str, base: type) -> bool:
    """Say whether an object has a method as a base class of theirs defines it."""
    return method not in vars(one) and getattr(type(one), method) is getattr(base, method)


def by_rules(engine: Any) -> bool:
    """Say whether an observation engine applies rules, and nothing else."""
    methods = ("observe", "apply_mapping", "create_mapping")
    return isinstance(engine, RuleObservationEngine) and all(
        inherits(engine, method, RuleObservationEngine) for method in methods
    )
