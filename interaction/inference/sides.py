"""The two sides of a game: where in a round an agent looks and acts, and how its parts are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from interaction import spaces
from interaction.agent import Agent, Assistant, User
from interaction.batching.lockstep import Lineup
from interaction.observation import Role
from interaction.players import Players, Seat
from interaction.policy import RandomPolicy
from interaction.state import Provenance
from interaction.task import InteractionTask
from interaction.turns import ASSISTANT_ACTS, ASSISTANT_OBSERVES, USER_ACTS, USER_OBSERVES


@dataclass(frozen=True)
class Side:
    """The user's side of a game, or the assistant's."""

    role: Role
    agent: type[Agent]
    observes: int
    acts: int
    provenance: Provenance
    """Of its actions."""

    @property
    def action(self) -> str:
        """The name of its action in a game."""
        return f"{self.role}_action"

    @property
    def one(self) -> str:
        """Who plays it, with an article."""
        return "a user" if self.opens else "an assistant"

    @property
    def state(self) -> str:
        """The name of its state in a game."""
        return f"{self.role}_state"

    @property
    def many(self) -> str:
        """The name of its candidates in a belief."""
        return f"{self.role}s"

    @property
    def other(self) -> Side:
        """Its partner's side."""
        return USER if self.role == "assistant" else ASSISTANT

    @property
    def opens(self) -> bool:
        """Whether it acts before its partner in a round."""
        return self.acts == USER_ACTS

    def nobody(self) -> Agent:
        """Give who stands in for an agent of this side where there is none."""
        return self.agent(policy=RandomPolicy(spaces.Discrete(1)))

    def lineup(self, task: InteractionTask, agent: Agent | None, partner: Agent | None) -> Lineup:
        """Seat an agent on this side and its partner on the other."""
        pair: Any = (agent, partner) if self.opens else (partner, agent)
        return Lineup(task, *pair)

    def seat(self, players: Players) -> Seat:
        """Give the seat of the agent on this side, who is there."""
        seat = players.user if self.opens else players.assistant
        assert seat is not None
        return seat


USER = Side("user", User, USER_OBSERVES, USER_ACTS, Provenance.OBSERVED)
ASSISTANT = Side("assistant", Assistant, ASSISTANT_OBSERVES, ASSISTANT_ACTS, Provenance.INTERVENED)
