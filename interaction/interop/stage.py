"""The stage on which one CoopIHC component plays: a stand-in for its bundle, filled from a game of ours.

Before each call the game is written into the component's states, and afterwards they are read back, so that
nothing stays in the component: the same one may be in two bundles, in a batch, and inside its own simulation.
This module imports `coopihc`.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any

import numpy as np
from coopihc.agents.BaseAgent import BaseAgent
from coopihc.base.State import State as TheirState
from coopihc.inference.BaseInferenceEngine import BaseInferenceEngine
from coopihc.observation.BaseObservationEngine import BaseObservationEngine
from coopihc.policy.BasePolicy import BasePolicy

from interaction.errors import ContractError, InteractionError
from interaction.interop.dice import Dice
from interaction.interop.source import Source, thaw
from interaction.interop.standins import ROLES, StandIn, StandInBundle
from interaction.interop.translation import Mirror, observation_of, spaces_of, values_of
from interaction.interop.watch import Watch
from interaction.random import EpisodeRandom
from interaction.spaces import Space, membership
from interaction.state import State, Value, freeze, make

_LOCK = threading.RLock()  # the package keeps what it plays in global places
_EMPTY = State()


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
        self._left: set[tuple[str, str]] = set()  # attributes that calls have changed
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
        self.watch = Watch(self._parts(), self.source.scratch, self._left)

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
        with _Call(self, rng, "reset"):
            self._show(game, turn=0)
            self.states[self.role].show(state)
            self.component._base_reset(dic=None, random=False)
            return self._own_state()

    def move(self, game: State, rng: EpisodeRandom, action_of: str) -> tuple[State, float, bool]:
        """Have the task react to an action; give its state, a reward and whether it is over."""
        what = f"on_{action_of}_action"
        with _Call(self, rng, what):
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
        with _Call(self, rng, "observe"):
            self._show(game, turn=int(game.turn_index))
            observation, reward = self.component.observe(game_state=self.bundle.game_state)
            self._unchanged(self.role, game.__dict__[f"{self.role}_state"], "observe")
            return observation_of(observation), self._number(reward, "observe")

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        """Have the agent infer; give its next state and a reward."""
        with _Call(self, rng, "infer"):
            self._observe(observation, state, turn=0 if self.role == "user" else 2)
            _, reward = self.component.infer()
            return state.replace(**self._own_state().__dict__), self._number(reward, "infer")

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        """Have the agent choose; give its action and a reward."""
        with _Call(self, rng, "sample"):
            self._observe(observation, state, turn=1 if self.role == "user" else 3)
            _, reward = self.component.take_action(increment_turn=False)
            self._unchanged(self.role, state, "sample")
            actions = self.actions[self.role].read(f"{self.name}.policy.action_state")
            return only(actions), self._number(reward, "sample")

    def likelihoods(self, observation: State, state: State) -> Value:
        """Give the probability of each action that an explicit likelihood tells."""
        with _Call(self, EpisodeRandom(0), "forward_summary"):
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


@lru_cache(maxsize=128)
def stage_of(source: Source) -> Stage:
    """Give the stage of a component; equal components share one, since nothing stays on it."""
    return Stage(source)
