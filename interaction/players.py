"""The players of a game as the turns call them: the methods of the task, the user and the assistant.

A bundle resolves the methods once. A batch calls the same methods, some of them adapted (see
`interaction.batching.lockstep`), so that the turns need not know which way a component is played.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from interaction import spaces
from interaction.agent import Agent, Assistant, User, uninitialised
from interaction.component import Component
from interaction.errors import ContractError, SpaceError
from interaction.given import (
    Move,
    observation_and_reward,
    reading,
    state_and_reward,
    state_in_game,
    state_of,
)
from interaction.inference.engine import IdentityInferenceEngine, InferenceEngine
from interaction.membership import Membership, membership, whole_range
from interaction.observation import (
    DefaultObservationEngine,
    ObservationEngine,
    Role,
    RuleObservationEngine,
    hides_observations,
)
from interaction.policy import DeterministicPolicy, DiscretePolicy, Policy, always_acts, first_action
from interaction.random import (
    ASSISTANT_OBSERVATION,
    ASSISTANT_RESET,
    USER_OBSERVATION,
    USER_RESET,
    EpisodeRandom,
)
from interaction.spaces import Dict, leaves
from interaction.state import TASK_STATES, GameState, Provenance, State, Value
from interaction.task import InteractionTask, defines, missing

Method = Callable[..., Any]
Adapt = Callable[[Component, Method, Any], Method]
"""Gives the method to call in place of a component's method, whose result lies in a template of spaces."""


@dataclass(frozen=True, slots=True)
class Seat:
    """What an agent does in its half of a round, and the names and numbers of its role."""

    name: str
    reset: Method
    known_state: State | None  # the agent's own, with which most begin, where it lies in its space
    reset_in: Method | None  # where the agent's start depends on the game
    needs_game: bool  # whether it cannot start without knowing the game
    observe: Method
    infer: Method | None  # None where nothing is inferred
    sees_observations: bool  # whether it may see what was observed before
    only_sees: bool  # whether it infers nothing from all that it sees: of that nothing is to be checked
    decide: Method | None  # the action of a policy that always picks it: one call in place of two
    sample: Method
    log_prob: Method
    move: Move
    policy_name: str
    policy_method: str  # which one its author wrote
    state_membership: Membership
    action_membership: Membership
    lowest_action: int  # of single integers; none lies between them where actions are of another kind
    beyond_actions: int
    first_action: Value
    observes: int
    acts: int
    state_field: str
    observation_field: str
    action_field: str
    first_slot: int
    reset_slot: int
    provenance: int  # of its actions


@dataclass(frozen=True, slots=True)
class Players:
    """What the task, the user and the assistant do in a game; a missing agent has no seat."""

    task_name: str
    task_reset: Method
    task_membership: Membership
    user: Seat | None
    assistant: Seat | None


def seat_players(
    task: InteractionTask, user: User | None, assistant: Assistant | None, adapt: Adapt | None = None
) -> Players:
    """Resolve the methods of the components, each adapted by `adapt`."""
    change = adapt or _unchanged
    space = membership(task.state_space)
    return Players(
        task_name=type(task).__name__,
        task_reset=state_of(change(task, task.reset, space.space), space, type(task).__name__),
        task_membership=space,
        user=None if user is None else _seat(user, task, task.on_user_action, space, 0, adapt),
        assistant=None
        if assistant is None
        else _seat(assistant, task, task.on_assistant_action, space, 2, adapt),
    )


def _unchanged(_: Component, method: Method, _template: Any) -> Method:
    return method


def _seat(
    agent: Agent,
    task: InteractionTask,
    move: Method,
    task_space: Membership,
    observes: int,
    adapt: Adapt | None,
) -> Seat:
    change = adapt or _unchanged
    policy, observation, inference = agent.policy, agent.observation_engine, agent.inference_engine
    state_space = agent.state_space
    states = membership(state_space)
    observe = change(observation, observation.observe, ("observation", "reward"))
    actions = membership(policy.action_space)
    known = agent.state if _lies_in(agent.state, states) else None
    lowest, beyond = whole_range(actions) or (0, 0)
    return Seat(
        name=type(agent).__name__,
        reset=state_of(change(agent, agent.reset, state_space), states, type(agent).__name__, known),
        known_state=known,
        reset_in=state_in_game(change(agent, agent.reset_in, state_space), states, type(agent).__name__)
        if defines(agent, "reset_in", Agent)
        else None,
        needs_game=_needs_game(agent),
        observe=observe
        if type(observation).__module__ == "interaction.observation"
        else observation_and_reward(observe, type(observation).__name__),
        infer=None
        if type(inference) is IdentityInferenceEngine
        else state_and_reward(
            change(inference, inference.infer, (state_space, "reward")), states, type(inference).__name__
        ),
        sees_observations=not hides_observations(observation),
        only_sees=type(observation) is DefaultObservationEngine
        and type(inference) is IdentityInferenceEngine,
        decide=policy.action if adapt is None and always_acts(policy) else None,
        sample=change(policy, policy.sample, (policy.action_space, "reward")),
        log_prob=reading(
            change(policy, _with_stream(policy.log_prob), None), type(policy).__name__, "log_prob"
        ),
        move=Move(
            change(task, move, (task_space.space, "reward", "flag")),
            type(task).__name__,
            move.__name__,
            task_space,
        ),
        policy_name=type(policy).__name__,
        policy_method="action" if always_acts(policy) else "sample",
        state_membership=states,
        action_membership=actions,
        lowest_action=lowest,
        beyond_actions=beyond,
        first_action=first_action(policy),
        observes=observes,
        acts=observes + 1,
        state_field=f"{agent.role}_state",
        observation_field=f"{agent.role}_observation",
        action_field=f"{agent.role}_action",
        first_slot=USER_OBSERVATION if agent.role == "user" else ASSISTANT_OBSERVATION,
        provenance=int(Provenance.OBSERVED if agent.role == "user" else Provenance.INTERVENED),
        reset_slot=USER_RESET if agent.role == "user" else ASSISTANT_RESET,
    )


def _lies_in(state: State, member: Membership) -> bool:
    """Say whether a state is as its space says."""
    try:
        return member.conform(state) is state and member.violation(state) is None
    except SpaceError:
        return False


def _needs_game(agent: Agent) -> bool:
    """Say whether an agent cannot begin without knowing the game: where it says how, it says no other way."""
    said = next(kind for kind in type(agent).__mro__ if kind.__dict__.keys() & {"reset", "reset_in"})
    return "reset" not in said.__dict__


def _with_stream(log_prob: Method) -> Method:
    """Let `log_prob` take a stream as the last argument, as all methods that are adapted do."""

    def call(action: Value, observation: State, state: State, _: EpisodeRandom) -> Value:
        return log_prob(action, observation, state)

    call.__name__ = "log_prob"
    return call


def components(task: InteractionTask, *agents: Agent | None) -> Iterator[tuple[str, Component]]:
    """Walk over all components of a bundle, with their names."""
    yield "task", task
    for agent in agents:
        if agent is not None:
            yield agent.role, agent
            yield f"{agent.role} policy", agent.policy
            yield f"{agent.role} observation engine", agent.observation_engine
            yield f"{agent.role} inference engine", agent.inference_engine


def check_composition(task: object, user: object, assistant: object) -> None:
    """Raise a `ContractError` unless these can play together, saying what is missing and what to write."""
    if not isinstance(task, InteractionTask):
        raise ContractError(f"task: expected an InteractionTask, got {_got(task)}")
    methods = {"reset": "State", "on_user_action": "Transition", "on_assistant_action": "Transition"}
    if user is None:
        methods.pop("on_user_action")
    if assistant is None:
        methods.pop("on_assistant_action")
    for method, result in methods.items():
        arguments = "self, rng" if method == "reset" else "self, game, rng"
        if not defines(task, method, InteractionTask):
            raise missing(task, f"{method}({arguments})", f"returns a {result}")
        _check_signature(task, method, arguments)
    _check_state_space(task)
    if user is None and assistant is None:
        raise ContractError("a bundle needs a user, an assistant or both; got neither")
    for role, agent in (("user", user), ("assistant", assistant)):
        if agent is not None:
            _check_agent(cast(Role, role), agent)
    _check_rules(task, user, assistant)


def _check_rules(task: InteractionTask, user: Any, assistant: Any) -> None:
    """Raise for a rule of observation on a path that the game does not have."""
    known = ["round_index", "turn_index", "provenance", "user_observation", "assistant_observation"]
    known += [f"{name}.{path}" for name in TASK_STATES for path, _ in leaves(task.state_space)]
    engines: list[Component] = []
    for role, agent in (("user", user), ("assistant", assistant)):
        parts = {} if agent is None else {"state": agent.state_space, "action": agent.policy.action_space}
        for part in ("state", "action"):
            inside = [f"{role}_{part}.{path}" for path, _ in leaves(parts.get(part, Dict())) if path]
            known += inside or [f"{role}_{part}"]
        if agent is not None:
            engine = agent.observation_engine
            engines += getattr(engine, "engines", (engine,))[
                :1
            ]  # the next ones see what this one lets through
    for engine in engines:
        if type(engine) is RuleObservationEngine and len(task.state_space.spaces):
            engine.check_paths(known)


def _check_agent(role: Role, agent: object) -> None:
    if not isinstance(agent, Agent):
        raise ContractError(f"{role}: expected a {role.capitalize()}, got {_got(agent)}")
    if getattr(agent, "role", None) != role:
        raise ContractError(
            f"{role}: expected an agent of the role {role!r}, got {type(agent).__name__} of the role "
            f"{getattr(agent, 'role', None)!r}"
        )
    if not all(hasattr(agent, part) for part in ("policy", "observation_engine", "inference_engine")):
        raise uninitialised(agent)
    _check_state_space(agent)
    policy = agent.policy
    if not isinstance(getattr(policy, "action_space", None), spaces.Space):
        raise ContractError(
            f"{type(policy).__name__} must define action_space, a gymnasium space of one action; "
            f"got {getattr(policy, 'action_space', None)!r}"
        )
    membership(policy.action_space).check(first_action(policy), f"{type(policy).__name__}.first_action")
    needed: list[tuple[Component, str, type, str, str]] = [
        (policy, "sample", Policy, "self, observation, state, rng", "(action, reward)"),
        (agent.observation_engine, "observe", ObservationEngine, "self, game, rng", "(observation, reward)"),
    ]
    if isinstance(policy, DeterministicPolicy):
        needed.append((policy, "action", DeterministicPolicy, "self, observation, state", "the action"))
    if isinstance(policy, DiscretePolicy):
        arguments = "self, observation, state"
        needed.append((policy, "probabilities", DiscretePolicy, arguments, "an array (..., actions)"))
    for component, method, base, arguments, result in needed:
        if not defines(component, method, base):
            raise missing(component, f"{method}({arguments})", f"returns {result}")
        _check_signature(component, method, arguments)
    for engine in getattr(agent.observation_engine, "engines", (agent.observation_engine,)):
        seer = getattr(engine, "role", role)
        if seer != role:
            raise ContractError(
                f"{role}: its observation engine {type(engine).__name__} shows what the {seer} sees: "
                f"write {type(engine).__name__}({role!r}, ...)"
            )
    if not isinstance(agent.inference_engine, InferenceEngine):
        raise ContractError(f"{role}: expected an InferenceEngine, got {_got(agent.inference_engine)}")
    _check_signature(agent.inference_engine, "infer", "self, observation, state, rng")
    _check_signature(agent, "reset", "self, rng")


def _check_state_space(component: InteractionTask | Agent) -> None:
    """Raise unless the space of a component's state is one; one that is left out has to be found."""
    space = component.state_space
    if not isinstance(space, Dict):
        raise ContractError(
            f"{type(component).__name__}: state_space: expected a spaces.Dict of its state's fields, or none "
            f"at all (its first state then tells their kinds and shapes), got {space!r}"
        )


def _check_signature(component: Component, method: str, arguments: str) -> None:
    """Raise unless a method can be called with what it is given."""
    try:
        signature = inspect.signature(getattr(component, method))
        signature.bind(*arguments.split(", ")[1:])
    except TypeError:
        raise ContractError(
            f"{type(component).__name__}.{method}{signature} cannot be called with ({arguments}): write "
            f"{method}({arguments})"
        ) from None
    except ValueError:  # no signature is known of what is written in C
        return


def _got(value: object) -> str:
    return f"the class {value.__name__}; make an instance" if isinstance(value, type) else repr(value)


def check_game(players: Players, game: GameState) -> GameState:
    """Give a game that comes from outside, with numbers of the kinds of its spaces; raise unless it fits."""
    for name in TASK_STATES:
        players.task_membership.check(game[name], name)
    for role, seat in (("user", players.user), ("assistant", players.assistant)):
        if seat is not None:
            seat.state_membership.check(game[f"{role}_state"], f"{role}_state")
            seat.action_membership.check(game[f"{role}_action"], f"{role}_action")
    if game.provenance not in tuple(Provenance):
        raise SpaceError(f"provenance: expected one of {list(map(int, Provenance))}, got {game.provenance!r}")
    for name, high in (("round_index", None), ("turn_index", 4)):
        value = game[name]
        if not isinstance(value, int) or value < 0 or (high is not None and value >= high):
            raise SpaceError(
                f"{name}: expected an integer >= 0{'' if high is None else ' and < 4'}, got {value!r}"
            )
    changes: dict[str, Value] = {name: players.task_membership.conform(game[name]) for name in TASK_STATES}
    for role, seat in (("user", players.user), ("assistant", players.assistant)):
        if seat is not None:
            changes[f"{role}_state"] = seat.state_membership.conform(game[f"{role}_state"])
            changes[f"{role}_action"] = seat.action_membership.conform(game[f"{role}_action"])
    changed = {name: value for name, value in changes.items() if value is not game[name]}
    return game.replace(**changed) if changed else game
