"""Agents that hold a belief: their state, its space and their reset follow from the filter."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from interaction import spaces
from interaction.agent import Agent, Assistant, User
from interaction.component import check_parts
from interaction.errors import ArgumentError, ContractError
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
        state: State | None = None,
        state_space: spaces.Dict | None = None,
    ) -> None:
        if type(self).reset is not _Believing.reset or type(self).reset_in is not _Believing.reset_in:
            raise ContractError(
                f"{type(self).__name__}: its reset follows from its beliefs: define reset_own(self, rng), "
                f"which gives the rest of its state, in place of reset"
            )
        given = (belief,) if isinstance(belief, PartnerModelFilter) else belief
        self.beliefs = check_parts(type(self).__name__, self._kind, given)
        fields = [one.field for one in self.beliefs]
        if not fields or len(set(fields)) < len(fields):
            raise ArgumentError(
                f"{type(self).__name__}: expected one or more filters, each with a field of its own "
                f"(field='...'), got the fields {fields}"
            )
        self._check_planned(policy)
        names = [name for one in self.beliefs for name in one.parameters.names]
        hidden = sorted({name for name in names if name.startswith("task_state.")})
        if observation_engine is None and hidden:
            observation_engine = RuleObservationEngine(self.role, hide=hidden)
        own = State() if state is None else state
        if state_space is None:
            drawn = type(self).reset_own is not _Believing.reset_own and state is None
            state_space = spaces.read_off(self._own(EpisodeRandom()) if drawn else own, type(self).__name__)
        both = sorted(set(fields) & set(state_space.spaces))
        if both:
            raise ArgumentError(
                f"{type(self).__name__}: the field {both[0]!r} of its state holds a belief, and cannot hold "
                f"something else; give the filter another one (field='...')"
            )
        super().__init__(
            policy=policy,
            observation_engine=observation_engine,
            inference_engine=self.beliefs[0] if len(fields) == 1 else CascadedInferenceEngine(self.beliefs),
            state=own,
            state_space=spaces.Dict({**state_space.spaces, **{one.field: one.space for one in self.beliefs}}),
        )

    def reset_own(self, rng: EpisodeRandom) -> State:
        """Give the rest of its state at the start of an episode: the `state`, unless it is drawn here."""
        return self.state

    def reset_in(self, game: GameState, rng: EpisodeRandom) -> State:
        return self._begun(rng, game)

    def reset(self, rng: EpisodeRandom) -> State:
        return self._begun(rng, None)

    def _begun(self, rng: EpisodeRandom, game: GameState | None) -> State:
        beliefs = {one.field: one.initial(rng, game) for one in self.beliefs}
        return self._own(rng).extend(**beliefs)

    def _own(self, rng: EpisodeRandom) -> State:
        own: object = self.reset_own(rng)
        if not isinstance(own, State):
            raise ContractError(
                f"{type(self).__name__}.reset_own: expected a State, got {own!r} of type {type(own).__name__}"
            )
        return own

    def _check_planned(self, policy: Policy) -> None:
        """Raise for a policy that would read one of these beliefs by a filter over other candidates."""
        kept = {one.field: one.parameters for one in self.beliefs}
        for held in vars(policy).values():
            read = held if isinstance(held, PartnerModelFilter) else getattr(held, "belief", None)
            if not isinstance(read, PartnerModelFilter) or read.field not in kept:
                continue
            if not kept[read.field].alike(read.parameters):
                raise ContractError(
                    f"{type(self).__name__}: its {type(policy).__name__} reads the belief in the field "
                    f"{read.field!r} as one over {', '.join(read.parameters.names)}, but the one that is "
                    f"kept there is over other candidates, of {', '.join(kept[read.field].names)}: give "
                    f"both the same filter, or one of them another field (field='...')"
                )


class BelievingAssistant(_Believing, Assistant):
    """An assistant that keeps one belief or several, and acts by a policy that may read them.

    `BelievingAssistant(belief_filter, policy)` infers by the filter; its state holds the belief in the
    filter's `field`, drawn anew in each episode. Several filters infer one after the other, each in a field
    of its own. Unless an `observation_engine` is given, it sees what assistants see by default, but not what
    the beliefs are about.

    What else is in its state begins as `state` says (`state_space` says what it may hold), or as a subclass
    draws it in `reset_own(self, rng)`.

    >>> import numpy as np
    >>> from interaction import BelievingAssistant, Bundle, Grid, UserModelFilter
    >>> from interaction.assistants.pointing import ConstantGainPolicy
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(31, 4), CarefulPointer(0.1)
    >>> belief = UserModelFilter(user, Grid({"task_state.goal": range(4)}), task_model=task)
    >>> bundle = Bundle(task, user, BelievingAssistant(belief, ConstantGainPolicy(1.0)))
    >>> weights = bundle.run(1, seed=5)["assistant_state.belief.log_weights"][0]
    >>> np.exp(weights[[0, 2, 5]]).round(2)  # the user slips, and then steps to the left
    array([[0.08, 0.08, 0.08, 0.75],
           [0.32, 0.32, 0.32, 0.04],
           [0.33, 0.33, 0.33, 0.  ]])
    """

    _kind = UserModelFilter


class BelievingUser(_Believing, User):
    """A user who keeps one belief or several, by `AssistantModelFilter`s, as a `BelievingAssistant` does.

    >>> from interaction import Assistant, AssistantModelFilter, BelievingUser, DiscretePolicy, EpisodeRandom
    >>> from interaction import Grid, RandomPolicy, State, spaces
    >>> class Helps(DiscretePolicy):
    ...     action_space = spaces.Discrete(2)
    ...
    ...     def probabilities(self, observation, state):
    ...         return [1 - state.skill, state.skill]
    >>> assistant = Assistant(policy=Helps(), state=State(skill=0.5))
    >>> skills = AssistantModelFilter(assistant, Grid({"skill": [0.5, 0.9]}))
    >>> user = BelievingUser(skills, RandomPolicy(spaces.Discrete(2)))
    >>> skills.posterior(user.reset(EpisodeRandom()))
    Posterior(2 candidates of skill; means: skill: 0.7)
    """

    _kind = AssistantModelFilter
