"""Agents that hold a belief: their state, its space and their reset follow from the filter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from interaction import spaces
from interaction.agent import Agent, Assistant, User
from interaction.component import check_parts
from interaction.errors import ArgumentError
from interaction.inference.assistant_model import AssistantModelFilter
from interaction.inference.engine import CascadedInferenceEngine
from interaction.inference.partner_model import PartnerModelFilter
from interaction.inference.user_model import UserModelFilter
from interaction.observation import ObservationEngine, RuleObservationEngine
from interaction.policy import Policy
from interaction.random import EpisodeRandom
from interaction.state import GameState, State


class _Believing(Agent):
    """An agent that keeps one belief or several."""

    _kind: ClassVar[type[PartnerModelFilter]]

    def __init__(
        self,
        belief: PartnerModelFilter | Iterable[PartnerModelFilter],
        policy: Policy,
        *,
        observation_engine: ObservationEngine | None = None,
    ) -> None:
        given = (belief,) if isinstance(belief, PartnerModelFilter) else belief
        self.beliefs = check_parts(type(self).__name__, self._kind, given)
        fields = [one.field for one in self.beliefs]
        if not fields or len(set(fields)) < len(fields):
            raise ArgumentError(
                f"{type(self).__name__}: expected one or more filters, each with a field of its own "
                f"(field='...'), got the fields {fields}"
            )
        names = [name for one in self.beliefs for name in one.parameters.names]
        hidden = sorted({name for name in names if name.startswith("task_state.")})
        if observation_engine is None and hidden:
            observation_engine = RuleObservationEngine(self.role, hide=hidden)
        super().__init__(
            policy=policy,
            observation_engine=observation_engine,
            inference_engine=self.beliefs[0] if len(fields) == 1 else CascadedInferenceEngine(self.beliefs),
            state_space=spaces.Dict({one.field: one.space for one in self.beliefs}),
        )

    def reset_in(self, game: GameState, rng: EpisodeRandom) -> State:
        return State(**{one.field: one.initial(rng, game) for one in self.beliefs})

    def reset(self, rng: EpisodeRandom) -> State:
        return State(**{one.field: one.initial(rng) for one in self.beliefs})


class BelievingAssistant(_Believing, Assistant):
    """An assistant that keeps one belief or several, and acts by a policy that may read them.

    `BelievingAssistant(belief_filter, policy)` infers by the filter; its state holds the belief in the
    filter's `field`, drawn anew in each episode. Several filters infer one after the other, each in a field
    of its own. Unless an `observation_engine` is given, it sees what assistants see by default, but not what
    the beliefs are about.

    >>> from interaction import Grid, RandomPolicy, UserModelFilter
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> belief = UserModelFilter(PseudoRandomUser(), Grid({"p0": range(10)}))
    >>> watching = BelievingAssistant(belief, RandomPolicy(spaces.Discrete(10)))
    >>> watching.reset(EpisodeRandom()).belief.users.p0
    array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """

    _kind = UserModelFilter


class BelievingUser(_Believing, User):
    """A user who keeps one belief or several, by `AssistantModelFilter`s, as a `BelievingAssistant` does."""

    _kind = AssistantModelFilter
