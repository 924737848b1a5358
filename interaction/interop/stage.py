"""The stage on which one CoopIHC component plays: a stand-in for its bundle, filled from a game of ours.

Before each call the game is written into the component's states, and afterwards they are read back, so that
nothing stays in the component: the same one may be in two bundles, in a batch, and inside its own simulation.
This module imports `coopihc`.
"""

from __future__ import annotations

import copy
import io
import pickle
import random
import threading
import types
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cloudpickle
import numpy as np
from coopihc.agents.BaseAgent import BaseAgent
from coopihc.base.elements import cat_element, discrete_array_element
from coopihc.base.State import State as TheirState
from coopihc.base.StateElement import StateElement
from coopihc.bundle.BaseBundle import BaseBundle
from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
from coopihc.observation.BaseObservationEngine import BaseObservationEngine
from coopihc.policy.BasePolicy import BasePolicy

from interaction.agent import Agent
from interaction.errors import ContractError, InteractionError
from interaction.interop.dice import Dice
from interaction.interop.translation import (
    Mirror,
    element_of,
    observation_of,
    spaces_of,
    state_of,
    values_of,
)
from interaction.policy import first_action
from interaction.random import EpisodeRandom
from interaction.spaces import Space, membership
from interaction.state import State, Value, freeze, make
from interaction.task import InteractionTask

ROLES = ("task", "user", "assistant")
_LOCK = threading.RLock()  # the package keeps what it plays in global places
_EMPTY = State()


@dataclass(frozen=True)
class Source:
    """A component of theirs as a value: its bytes, its role, and which of its dual parts is meant."""

    data: bytes
    role: str
    name: str
    foreign: bool  # whether it holds code of others than CoopIHC, which may draw from Python's generator
    scratch: tuple[str, ...] = ()  # attributes that may be forgotten after each call
    policy: str = ""
    inference_engine: str = ""


class StandInBundle:
    """What a component finds as its bundle: the participants and the game state, and nothing to play with."""

    _OFFERED = (
        "task",
        "user",
        "assistant",
        "game_state",
        "state",
        "turn_number",
        "round_number",
        "parameters",
    )

    def __init__(self, name: str) -> None:
        self._name = name
        info = TheirState()
        info["turn_index"] = cat_element(N=4, init=0, out_of_bounds_mode="raw", dtype=np.int8)
        info["round_index"] = discrete_array_element(
            init=0, low=0, high=np.iinfo(np.int64).max, out_of_bounds_mode="raw"
        )
        self.game_state = TheirState(game_info=info)

    def seat(self, participants: dict[str, Any]) -> None:
        """Take up the participants."""
        self.__dict__.update(participants)
        for role, one in participants.items():
            self.game_state[f"{role}_state"] = one.state

    @property
    def state(self) -> Any:
        """The game state."""
        return self.game_state

    @property
    def turn_number(self) -> Any:
        """The turn; what a component sets here is forgotten after the call."""
        return self.game_state["game_info"]["turn_index"]

    @turn_number.setter
    def turn_number(self, value: Any) -> None:
        self.game_state["game_info"]["turn_index"][...] = value

    @property
    def round_number(self) -> Any:
        """The round; what a component sets here is forgotten after the call."""
        return self.game_state["game_info"]["round_index"]

    @round_number.setter
    def round_number(self, value: Any) -> None:
        self.game_state["game_info"]["round_index"][...] = value

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of all participants."""
        return {
            name: value
            for role in ROLES
            for name, value in getattr(self, role).__dict__["_parameters"].items()
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ContractError(
            f"{self.__dict__.get('_name', 'a component')} asks for bundle.{name}, which there is not here: "
            f"our components do not play their bundle. Offered are bundle.{', bundle.'.join(self._OFFERED)}"
        )


class StandIn:
    """Stands in for a participant that is none of theirs: its state, its action, the attributes of ours."""

    def __init__(self, role: str, native: InteractionTask | Agent | None = None) -> None:
        self.role = role
        self.native = native
        self._parameters: dict[str, Any] = {}
        self.state = TheirState() if native is None else state_of(native.state_space)
        self.action_state = TheirState(action=cat_element(N=2, init=0))
        if isinstance(native, Agent):
            self.action_state = TheirState(
                action=element_of(native.policy.action_space, first_action(native.policy))
            )

    @property
    def action(self) -> Any:
        """The last action."""
        actions = tuple(self.action_state.values())
        return actions[0] if len(actions) == 1 else actions

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        native = self.__dict__.get("native")
        if native is not None and hasattr(native, name):
            return getattr(native, name)
        role = self.__dict__.get("role", "participant")
        whose = "none was named" if native is None else f"{type(native).__name__} has none"
        raise ContractError(
            f"bundle.{role}.{name}: there is no such attribute, since {whose}; name the {role} with "
            f"from_coopihc(component, {role}=...), one of theirs or one of ours that has it"
        )


class _Seeded:
    """A time in which the random numbers are those of seed 0."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    def __enter__(self) -> None:
        self.held = self.dice.begin(EpisodeRandom(0), python=True)

    def __exit__(self, *_: object) -> None:
        self.dice.end(self.held)


class Stage:
    """One component of theirs (a copy) with its partners, ready to be called on values of ours."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.role = source.role
        self.dice = Dice()
        self.source = source
        self._build()

    def _build(self) -> None:
        self.bundle = StandInBundle(self.name)
        with _LOCK, _Seeded(self.dice):
            participants = thaw(self.source.data, self.dice, self.bundle)
            self.bundle.seat(participants)
            self.component = participants[self.role]
            self.genuine = {role: one for role, one in participants.items() if not isinstance(one, StandIn)}
            self._choose_parts()
            for one in self.genuine.values():
                one.bundle = self.bundle
            for one in self.genuine.values():
                one.finit()
        game_state = self.bundle.game_state
        self.spaces = spaces_of(self.component.state, f"{self.name}.state")
        self.states: dict[str, Mirror] = {}
        self.actions: dict[str, Mirror] = {}
        for role, one in participants.items():
            dict.__setitem__(game_state, f"{role}_state", one.state)
            self.states[role] = Mirror(one.state)
            if role != "task":
                action_state = one.action_state if isinstance(one, StandIn) else one.policy.action_state
                dict.__setitem__(game_state, f"{role}_action", action_state)
                self.actions[role] = Mirror(action_state)
        self.initial = values_of(self.component.state)
        self.first_actions = {role: values_of(mirror.state) for role, mirror in self.actions.items()}
        info = game_state["game_info"]
        self._turn, self._round = (info[name].view(np.ndarray) for name in ("turn_index", "round_index"))
        self._info = dict(info)
        likes = {f"{role}_state": self.states[role] for role in ROLES}
        likes |= {f"{role}_action": self.actions[role] for role in ("user", "assistant")}
        self._like = Mirror(TheirState())
        self._like._inner = likes | {"game_info": Mirror(info)}
        self.observation = Mirror(TheirState(), self._like)
        self.watch = Watch(self._parts(), self.source.scratch)

    def _choose_parts(self) -> None:
        """Put the chosen part of a dual policy or engine in its place."""
        agent = self.component
        if self.source.policy:
            agent._attach_policy(getattr(agent.policy, self.source.policy))
        if self.source.inference_engine:
            agent._attach_inference_engine(getattr(agent.inference_engine, self.source.inference_engine))

    def _parts(self) -> dict[str, Any]:
        """All objects of theirs that are played here, by the name under which errors call them."""
        parts: dict[str, Any] = {}
        for role, one in self.genuine.items():
            where = self.name if role == self.role else f"bundle.{role}"
            parts[where] = one
            if role != "task":
                for name in ("policy", "inference_engine", "observation_engine"):
                    part = getattr(one, name)
                    parts[f"{where}.{name}"] = part
                    for number, engine in enumerate(getattr(part, "engine_list", ())):
                        parts[f"{where}.{name}.engine_list[{number}]"] = engine
        return parts

    # What it is.

    @property
    def agent(self) -> Any:
        """The agent that plays here."""
        return self.component

    def action_space(self) -> Space[Any]:
        """The space of the agent's actions: that of its one entry, or of all of them."""
        found = spaces_of(self.component.policy.action_state, f"{self.name}.policy.action_state")
        parts = list(found.spaces.values())
        return parts[0] if len(parts) == 1 else found

    def first_action(self) -> Value:
        """What stands for the agent's last action before its first one; None if it lies outside the space."""
        action = only(self.first_actions[self.role])
        return action if membership(self.action_space()).violation(action) is None else None

    @property
    def resets(self) -> bool:
        """Whether the agent or one of its parts does anything when it is reset."""
        agent = self.component
        return not (
            type(agent).reset is BaseAgent.reset
            and type(agent)._base_reset is BaseAgent._base_reset
            and type(agent.policy).reset is BasePolicy.reset
            and type(agent.inference_engine).reset is BaseInferenceEngine.reset
            and type(agent.observation_engine).reset is BaseObservationEngine.reset
        )

    @property
    def infers_nothing(self) -> bool:
        """Whether the agent only takes over what it sees of its own state."""
        infer = type(self.component.inference_engine).infer
        return infer is BaseInferenceEngine.infer and type(self.component).infer is BaseAgent.infer

    # What a component finds.

    def _show(self, seen: State, turn: int) -> None:
        """Write a game, or what an agent sees of it, into the participants; what is not seen is not there."""
        fields = seen.__dict__
        info = self.bundle.game_state["game_info"]
        for name, element in self._info.items():
            if info[name] is not element:
                dict.__setitem__(info, name, element)
        self._turn[...] = turn
        self._round[...] = fields.get("round_index", 0)
        for role, mirror in self.states.items():
            mirror.show(fields.get(f"{role}_state", _EMPTY))
        for role, mirror in self.actions.items():
            mirror.show(self._as_actions(role, fields.get(f"{role}_action")))

    def _as_actions(self, role: str, action: Value) -> State:
        first = self.first_actions[role]
        if action is None:
            return first
        if isinstance(action, State):
            return action
        return make(State, {next(iter(first), "action"): action})

    def _observe(self, observation: State, state: State, turn: int) -> None:
        """Put an agent before an observation of ours."""
        own = f"{self.role}_state"
        self._show(observation, turn)
        self.states[self.role].show(state)
        fields: dict[str, Value] = {}
        for name, value in observation.__dict__.items():
            if name.endswith("_state"):
                fields[name] = value
            elif name in ("user_action", "assistant_action"):
                fields[name] = self._as_actions(name.removesuffix("_action"), value)
        fields["game_info"] = State(turn_index=turn, round_index=observation.__dict__.get("round_index", 0))
        self.observation.show(make(State, fields))
        if own in fields:
            self.observation._inner[own].alias(self.states[self.role])
        engine = self.component.inference_engine
        engine.buffer = None
        engine.add_observation(self.observation.state)

    # What a component does.

    def _call(self, rng: EpisodeRandom, what: str) -> _Call:
        return _Call(self, rng, what)

    def _unseen(self, error: Exception, what: str) -> ContractError:
        """Make the error for a component that asks for something that it does not see."""
        seen = "; ".join(
            f"{name}: {', '.join(part) or 'empty'}" for name, part in self.bundle.game_state.items()
        )
        return ContractError(
            f"{self.name}.{what} asks for what is not there: {type(error).__name__}({error}). It sees {seen}"
        )

    def reset(self, game: State, state: State, rng: EpisodeRandom) -> State:
        """Reset the component in a game, from the state that it begins with, and give its state."""
        with self._call(rng, "reset"):
            self._show(game, turn=0)
            self.states[self.role].show(state)
            self.component._base_reset(dic=None, random=False)
            return self._own_state()

    def move(self, game: State, rng: EpisodeRandom, action_of: str) -> tuple[State, float, bool]:
        """Have the task react to an action; give its state, a reward and whether it is over."""
        what = f"on_{action_of}_action"
        with self._call(rng, what):
            self._show(game, turn=int(game.turn_index))
            action = getattr(self.bundle, action_of).action
            result = getattr(self.component, f"base_{what}")(**{f"{action_of}_action": action})
            if not isinstance(result, tuple) or len(result) < 3:
                raise ContractError(f"{self.name}.{what}: expected (state, reward, is_done), got {result!r}")
            for role in ("user", "assistant"):
                self._unchanged(role, game.__dict__[f"{role}_state"], what)
            return self._own_state(), self._number(result[1], what), bool(self._number(result[2], what))

    def observe(self, game: State, rng: EpisodeRandom) -> tuple[State, float]:
        """Have the agent observe a game; give what it sees, in our form, and a reward."""
        with self._call(rng, "observe"):
            self._show(game, turn=int(game.turn_index))
            observation, reward = self.component.observe(game_state=self.bundle.game_state)
            self._unchanged(self.role, game.__dict__[f"{self.role}_state"], "observe")
            return observation_of(observation), self._number(reward, "observe")

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        """Have the agent infer; give its next state and a reward."""
        with self._call(rng, "infer"):
            self._observe(observation, state, turn=0 if self.role == "user" else 2)
            _, reward = self.component.infer()
            return state.replace(**self._own_state().__dict__), self._number(reward, "infer")

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        """Have the agent choose; give its action and a reward."""
        with self._call(rng, "sample"):
            self._observe(observation, state, turn=1 if self.role == "user" else 3)
            _, reward = self.component.take_action(increment_turn=False)
            self._unchanged(self.role, state, "sample")
            actions = self.actions[self.role].read(f"{self.name}.policy.action_state")
            return only(actions), self._number(reward, "sample")

    def likelihoods(self, observation: State, state: State) -> Value:
        """Give the probability of each action that an explicit likelihood tells."""
        with self._call(EpisodeRandom(0), "forward_summary"):
            self._observe(observation, state, turn=1 if self.role == "user" else 3)
            _, found = self.component.policy.forward_summary(self.observation.state)
            return freeze(np.array([float(one) for one in found]))

    def _own_state(self) -> State:
        """Read back the component's state, also where it has put another one in its place."""
        mirror, found = self.states[self.role], self.component.state
        if found is not mirror.state:
            mirror.state.clear()
            dict.update(mirror.state, found)
            self.component._state = mirror.state
        return mirror.read(f"{self.name}.state")

    def _unchanged(self, role: str, state: State, what: str) -> None:
        """Raise if a state was changed that was only to be read."""
        changed = self.states[role].changed(state)
        if changed:
            where = f"{self.name}.state" if role == self.role else f"bundle.{role}.state"
            raise ContractError(
                f"{self.name}.{what} changed {where}[{changed!r}]: here an agent's state changes when it "
                f"infers, and the task's when it moves, and nothing else does"
            )

    def _number(self, value: Any, what: str) -> float:
        array = np.asarray(value)
        if array.size != 1 or array.dtype.kind not in "biuf":
            raise ContractError(f"{self.name}.{what}: expected a number, got {value!r}")
        return float(array.item())


class _Call:
    """One call of a component: with numbers of the stream, and with nothing left of it afterwards."""

    __slots__ = ("held", "rng", "stage", "what")

    def __init__(self, stage: Stage, rng: EpisodeRandom, what: str) -> None:
        self.stage, self.rng, self.what = stage, rng, what

    def __enter__(self) -> None:
        _LOCK.acquire()
        self.held = self.stage.dice.begin(self.rng, self.stage.source.foreign)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            if self.stage.watch.settle():
                self.stage._build()
        finally:
            self.stage.dice.end(self.held)
            _LOCK.release()
        if isinstance(error, KeyError | AttributeError) and not isinstance(error, InteractionError):
            raise self.stage._unseen(error, self.what) from error
        if isinstance(error, Exception) and not isinstance(error, InteractionError):
            error.add_note(f"raised by CoopIHC's {self.stage.name} in {self.what}")


def only(actions: State) -> Value:
    """Give the value of an action state: of its one entry, or all of them as a state."""
    values = list(actions.values())
    return values[0] if len(values) == 1 else actions


# Nothing stays in a component.

OURS_TO_SET = {  # what the stage writes before each call
    "state", "_state", "bundle", "_bundle", "_bundle_memory", "host", "_host", "buffer", "action_state",
    "_policy", "_inference_engine", "_observation_engine", "primary_engine", "dual_engine",
}  # fmt: skip
_CACHES = ("mapping", "_action_keys")  # of their own classes, which make them anew
_EXEMPT = OURS_TO_SET.union(_CACHES)
_ATOMS = (int, float, str, bytes, bool, type(None))


class Watch:
    """Notices which attributes a call has changed, and has whoever reads them later fail.

    What changes belongs into a state. What a call writes and then reads itself is scratch, and does no harm:
    the attribute is taken away after the call, so that only to read what an earlier call left is an error.
    """

    def __init__(self, parts: dict[str, Any], scratch: tuple[str, ...]) -> None:
        self._scratch = scratch
        self._parts: list[tuple[str, Any, dict[str, Any], dict[str, Any]]] = []
        self._caches: list[tuple[Any, str, Any]] = []
        self._known = {id(part) for part in parts.values()}
        for where, part in parts.items():
            own = vars(part)
            part.__class__ = _watched(type(part))
            for cache in _CACHES:
                if cache in own:
                    self._caches.append((own, cache, own[cache]))
            watched = {key: value for key, value in own.items() if key not in _EXEMPT}
            plain = {key: copy.deepcopy(value) for key, value in watched.items() if _is_plain(value)}
            prints = {key: self._print(value) for key, value in watched.items() if key not in plain}
            self._parts.append((where, part, plain, prints))
        self.simulates = any(
            isinstance(value, BaseBundle) for part in parts.values() for value in vars(part).values()
        )

    def settle(self) -> bool:
        """Take away what the call has changed; say whether the whole stage is to be built anew."""
        for own, cache, value in self._caches:
            own[cache] = value
        anew = self.simulates
        for where, part, plain, prints in self._parts:
            own = vars(part)
            changed: list[str] = []
            for key, value in own.items():
                if key in plain:
                    kept = plain[key]
                    if value is not kept and not (type(value) is type(kept) and value == kept):
                        changed.append(key)
                elif key not in _EXEMPT and (key not in prints or prints[key] != self._print(value)):
                    changed.append(key)
            for key in changed:
                if key in self._scratch or isinstance(own[key], BaseBundle):
                    anew = True
                else:
                    del own[key]
                    setattr(type(part), key, _Left(where, key))
        return anew

    def _print(self, value: Any, path: tuple[int, ...] = ()) -> Any:
        """Give something that is equal as long as the value is."""
        if isinstance(value, _ATOMS):
            return value
        if isinstance(value, np.ndarray):
            return value.shape, value.dtype.str, value.tobytes()
        if id(value) in self._known or id(value) in path or isinstance(value, _CONSTANT):
            return id(value)
        path = (*path, id(value))
        if isinstance(value, dict):
            return [(self._print(key, path), self._print(part, path)) for key, part in value.items()]
        if isinstance(value, list | tuple):
            return [self._print(part, path) for part in value]
        if isinstance(value, set | frozenset):
            return frozenset(self._print(part, path) for part in value)
        return id(value), self._print(getattr(value, "__dict__", None), path)


def _is_plain(value: Any) -> bool:
    """Whether a value is made of numbers, strings, lists, tuples and dicts alone, so that == tells all."""
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(part) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    return type(value) in _ATOMS or type(value) is slice


_CONSTANT = (
    type, types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.ModuleType,
    np.random.Generator, np.random.RandomState, np.random.BitGenerator, StandIn, StandInBundle, BaseBundle,
)  # fmt: skip


class _Left:
    """In place of an attribute that an earlier call has left: to read it is an error, to write it is not."""

    def __init__(self, where: str, name: str) -> None:
        self.message = (
            f"{where}.{name}: the component reads what an earlier call left in this attribute. Here only "
            f"states change: put it into the state, as self.state[{name!r}] = discrete_array_element(...); "
            f"or, if it may be forgotten after each call (a cache), from_coopihc(..., scratch=[{name!r}])"
        )

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        raise ContractError(self.message)


def _watched(cls: type) -> type:
    """Give a class of the same name for one object, which can take a `_Left`."""
    return type(cls)(cls.__name__, (cls,), {"__module__": cls.__module__})


# A component as bytes.


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles components of theirs without their bundles, their random numbers and their figures."""

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
        return super().reducer_override(value)


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


@lru_cache(maxsize=128)
def stage_of(source: Source) -> Stage:
    """Give the stage of a component; equal components share one, since nothing stays on it."""
    return Stage(source)


def _make_element(array: Any, space: Any, mode: str) -> Any:
    element = array.view(StateElement)
    element.space, element.out_of_bounds_mode = space, mode
    return element
