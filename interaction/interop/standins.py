"""What stands in for a component's bundle and for partners that are not CoopIHC's.

This module imports `coopihc`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from coopihc.base.elements import cat_element, discrete_array_element
from coopihc.base.State import State as TheirState

from interaction.agent import Agent
from interaction.errors import ContractError
from interaction.interop.translation import element_of, state_of
from interaction.policy import first_action
from interaction.spaces import Dict
from interaction.task import InteractionTask

ROLES = ("task", "user", "assistant")


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
        self.__dict__["_name"] = name
        info = TheirState()
        info["turn_index"] = cat_element(N=4, init=0, out_of_bounds_mode="raw", dtype=np.int8)
        info["round_index"] = discrete_array_element(
            init=0, low=0, high=np.iinfo(np.int64).max, out_of_bounds_mode="raw"
        )
        self.__dict__["game_state"] = TheirState(game_info=info)

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

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("turn_number", "round_number"):
            object.__setattr__(self, name, value)
        else:
            raise _kept(self._name, f"bundle.{name}")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ContractError(
            f"{self.__dict__.get('_name', 'a component')} asks for bundle.{name}, which there is not here: "
            f"our components do not play their bundle. Offered are bundle.{', bundle.'.join(self._OFFERED)}"
        )


def _kept(component: str, where: str) -> ContractError:
    return ContractError(
        f"{component} sets {where}: what a component keeps belongs into its state, as everything that changes"
    )


class StandIn:
    """Stands in for a participant that is none of theirs: its state, its action, the attributes of ours."""

    def __init__(self, role: str, native: InteractionTask | Agent | None = None) -> None:
        action_state = TheirState(action=cat_element(N=2, init=0))
        if isinstance(native, Agent):
            space, action = native.policy.action_space, first_action(native.policy)
            if isinstance(space, Dict):
                action_state = state_of(space)
            else:
                action_state = TheirState(action=element_of(space, action))
        self.__dict__.update(
            role=role,
            native=native,
            state=TheirState() if native is None else state_of(native.state_space),
            action_state=action_state,
            _parameters={},
        )

    @property
    def action(self) -> Any:
        """The last action."""
        actions = tuple(self.action_state.values())
        if not actions:
            raise ContractError(f"bundle.{self.role}.action: the agent does not observe it")
        return actions[0] if len(actions) == 1 else actions

    def __setattr__(self, name: str, value: Any) -> None:
        raise _kept("a component", f"bundle.{self.role}.{name}")

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
