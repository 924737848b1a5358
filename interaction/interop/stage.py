"""The stage on which one CoopIHC component plays: a stand-in for its bundle, filled from a game of ours.

Before each call the game is written into the component's states, and afterwards they are read back, so that
nothing stays in the component: the same one may be in two bundles, in a batch, and inside its own simulation.
This module imports `coopihc`.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from typing import Any

import numpy as np
from coopihc.base.State import State as TheirState

from interaction.errors import ContractError, InteractionError
from interaction.interop.dice import Dice
from interaction.interop.mirror import Mirror
from interaction.interop.parts import infers_nothing, parts_of, sees_by_default, sees_itself
from interaction.interop.source import Source, thaw
from interaction.interop.standins import ROLES, StandIn, StandInBundle
from interaction.interop.translation import observation_of, spaces_of, values_of
from interaction.interop.watch import Watch
from interaction.membership import membership
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import GameState, State, Value, freeze, make

_LOCK = threading.RLock()  # the package keeps what it plays in global places
_EMPTY = State()
_TRUTH = "true_task_state"  # where an observation holds the state of the task as it is


def _after_fork() -> None:
    """Give a child process a lock of its own: the thread that may hold the parent's is not there."""
    global _LOCK  # noqa: PLW0603  # one lock for all stages is what this module has
    _LOCK = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Stage:
    """One component of theirs (a copy) with its partners, ready to be called on values of ours."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self.role = source.role
        self.dice = Dice()
        self.source = source
        self.playing = False
        self._left: dict[str, set[str]] = {}  # the attributes of each part that calls have changed
        self._build()

    def _build(self) -> None:
        self.bundle = StandInBundle(self.name)
        participants = thaw(self.source.data, self.dice, self.bundle)
        self.bundle.seat(participants)
        self.component = participants[self.role]
        self.genuine = {role: one for role, one in participants.items() if not isinstance(one, StandIn)}
        self._choose_parts()
        for one in self.genuine.values():
            one.bundle = self.bundle
        with _LOCK:
            held = self.dice.begin(EpisodeRandom(0), python=True)
            try:
                for role, one in self.genuine.items():
                    if role not in self.source.begun:
                        one.finit()
            except (KeyError, AttributeError) as error:
                raise ContractError(
                    f"{type(one).__name__}.finit asks for what is not there ({type(error).__name__}: "
                    f"{error}); if a partner has it, name it: from_coopihc(component, task=..., user=...)"
                ) from error
            finally:
                self.dice.end(held)
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
        self._game_parts, self._info = dict(game_state), dict(info)
        likes = {f"{role}_state": self.states[role] for role in ROLES}
        likes |= {f"{role}_action": self.actions[role] for role in ("user", "assistant")}
        self._like = Mirror(TheirState())
        self._like._inner = likes | {"game_info": Mirror(info)}
        self.observation = Mirror(TheirState(), self._like)
        self._actions_shown: dict[str, State] = {}
        self._states_shown: dict[str, State] = {}
        self._aliases = self.role != "task" and sees_itself(self.component)
        self._sees_truth = self.role == "task" or sees_by_default(self.component)
        self._infers = self.role != "task" and not infers_nothing(self.component)
        self.watch = Watch(self._parts(), held_in(game_state), self.source.scratch, self._left)

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
            parts |= parts_of(self.name if role == self.role else f"bundle.{role}", one)
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

    # What a component finds.

    def _show(self, seen: State, turn: int) -> None:
        """Write a game, or what an agent sees of it, into the participants; what is not seen is not there."""
        fields = seen.__dict__
        _restore(self.bundle.game_state, self._game_parts)
        info = self.bundle.game_state["game_info"]
        _restore(info, self._info)
        for role, one in self.genuine.items():
            if one._state is not self.states[role].state:
                one._state = self.states[role].state
        self._turn[...] = turn
        if "round_index" in fields:
            self._round[...] = fields["round_index"]
        else:
            dict.pop(info, "round_index")
        for role, mirror in self.states.items():
            state = fields.get(f"{role}_state", _EMPTY)
            if role == "task" and not isinstance(seen, GameState) and not self._sees_truth:
                state = fields.get(_TRUTH, _EMPTY)  # what is observed may be another one
            self._states_shown[role] = state
            mirror.show(state)
        for role, mirror in self.actions.items():
            field = f"{role}_action"
            if field in fields or role == self.role:
                shown = self._as_actions(role, fields.get(field))
            else:
                shown = _EMPTY
            mirror.show(shown)
            self._actions_shown[role] = shown

    def _as_actions(self, role: str, action: Value) -> State:
        """Give an action as an action state; None stands for one that there is not, or that is not seen."""
        first = self.first_actions[role]
        if action is None:
            return first
        if isinstance(action, State):
            if action.keys() != first.keys():
                raise ContractError(
                    f"{self.name} is shown the {role}'s action {action!r}, whose entries have an order that "
                    f"it does not know; name the {role}: from_coopihc(component, {role}=...)"
                )
            return make(State, {name: action[name] for name in first})
        return make(State, {next(iter(first), "action"): action})

    def _observe(self, observation: State, state: State, turn: int) -> None:
        """Put an agent before an observation of ours."""
        own = f"{self.role}_state"
        self._show(observation, turn)
        self.states[self.role].show(state)
        fields: dict[str, Value] = {}
        for name, value in observation.__dict__.items():
            if name == own and turn % 2 and self._infers:  # an engine changes what it has observed
                known = state.__dict__
                fields[name] = make(State, {key: known.get(key, part) for key, part in value.items()})
            elif name in ("user_action", "assistant_action"):
                fields[name] = self._as_actions(name.removesuffix("_action"), value)
            elif isinstance(value, State) and name not in ("previous_task_state", _TRUTH):
                fields[name] = value
        info = {name: observation.__dict__.get(name) for name in self._info}  # of when it looked
        fields["game_info"] = make(State, info)
        self.observation.show(make(State, fields))
        if own in fields and self._aliases:
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
        hint = ""
        if not self._sees_truth and not self.source.truth:
            hint = (
                ". bundle.task.state holds the true state, which its observation engine may change; if it is "
                "to look at that: from_coopihc(..., truth=True)"
            )
        elif not self._sees_truth and not self._states_shown["task"]:
            hint = (
                f". With truth=True bundle.task.state holds what the observation has as {_TRUTH}. The "
                f"agent's own observation engine puts it there; another one in its place has to, too: "
                f"observation.extend({_TRUTH}=game.task_state)"
            )
        return ContractError(
            f"{self.name}.{what} asks for what is not there: {type(error).__name__}({error}). It sees "
            f"{seen}{hint}"
        )

    def reset(self, game: State, state: State, rng: EpisodeRandom) -> State:
        """Reset the component in a game, from the state that it begins with, and give its state."""
        with _Call(self, rng, "reset"):
            self._show(game, turn=0)
            self.states[self.role].show(state)
            self.component._base_reset(dic=None, random=False)
            self._check_rest("reset")
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
            self._check_rest(what)
            return self._own_state(), self._number(result[1], what), bool(self._number(result[2], what))

    def observe(self, game: State, rng: EpisodeRandom) -> tuple[State, float]:
        """Have the agent observe a game; give what it sees, in our form, and a reward."""
        with _Call(self, rng, "observe"):
            self._show(game, turn=int(game.turn_index))
            observation, reward = self.component.observe(game_state=self.bundle.game_state)
            self._check_rest("observe")
            single = {role for role, first in self.first_actions.items() if len(first) == 1}
            seen = observation_of(observation, single)
            if self.source.truth and not self._sees_truth:
                seen = seen.extend(**{_TRUTH: game.task_state})
            return seen, self._number(reward, "observe")

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        """Have the agent infer; give its next state and a reward."""
        with _Call(self, rng, "infer"):
            self._observe(observation, state, turn=0 if self.role == "user" else 2)
            _, reward = self.component.infer()
            self._check_rest("infer")
            return state.replace(**self._own_state().__dict__), self._number(reward, "infer")

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        """Have the agent choose; give its action and a reward."""
        with _Call(self, rng, "sample"):
            self._observe(observation, state, turn=1 if self.role == "user" else 3)
            _, reward = self.component.take_action(increment_turn=False)
            self._check_rest("sample", state, acts=True)
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

    def _check_rest(self, what: str, own: State | None = None, acts: bool = False) -> None:
        """Raise if a call has changed what it was only to read; `own` is its state, where that is to stay."""
        for role, mirror in self.states.items():
            shown = own if role == self.role else self._states_shown[role]
            changed = None if shown is None else mirror.changed(shown)
            if changed:
                where = f"{self.name}.state" if role == self.role else f"bundle.{role}.state"
                raise self._changed(what, where, changed)
        for role, mirror in self.actions.items():
            changed = None if acts and role == self.role else mirror.changed(self._actions_shown[role])
            if changed:
                raise self._changed(what, f"bundle.{role}.policy.action_state", changed)

    def _changed(self, what: str, where: str, name: str) -> ContractError:
        return ContractError(
            f"{self.name}.{what} changed {where}[{name!r}]: here an agent's state changes when it infers, "
            f"its action when it acts, the task's state when it moves, and nothing else does"
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
        try:
            if self.stage.playing:
                raise ContractError(
                    f"{self.stage.name}.{self.what} was called within a call of the same component"
                )
            self.held = self.stage.dice.begin(self.rng, self.stage.source.foreign)
            self.stage.playing = True
        except BaseException:
            _LOCK.release()
            raise

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        stage, anew = self.stage, True  # whatever goes wrong
        unseen = None
        try:
            if isinstance(error, KeyError | AttributeError) and not isinstance(error, InteractionError):
                unseen = stage._unseen(error, self.what)
            if type(self.rng) is not EpisodeRandom and stage.dice.moved(self.held):
                self.rng.drawn()
            anew = error is not None or stage.watch.settle()
        finally:
            stage.dice.end(self.held)
            stage.playing = False
            try:
                if anew:
                    stage._build()
            finally:
                _LOCK.release()
        if unseen is not None:
            raise unseen from error
        if isinstance(error, Exception) and not isinstance(error, InteractionError):
            error.add_note(f"raised by CoopIHC's {stage.name} in {self.what}")


def _restore(state: Any, parts: dict[str, Any]) -> None:
    """Have a state of theirs hold these parts, and nothing else."""
    for name, part in parts.items():
        if state.get(name) is not part:
            dict.__setitem__(state, name, part)
    if len(state) != len(parts):
        for name in [name for name in state if name not in parts]:
            del state[name]


def held_in(state: Any) -> list[Any]:
    """List a state of theirs, and all states and elements in it."""
    parts = [held_in(part) if isinstance(part, TheirState) else [part] for part in state.values()]
    return [state, *(one for part in parts for one in part)]


def only(actions: State) -> Value:
    """Give the value of an action state: of its one entry, or all of them as a state."""
    values = list(actions.values())
    return values[0] if len(values) == 1 else actions


@lru_cache(maxsize=128)
def stage_of(source: Source) -> Stage:
    """Give the stage of a component; equal components share one, since nothing stays on it."""
    return Stage(source)
