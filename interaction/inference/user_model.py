"""What an assistant believes: a Bayesian filter over the hidden parameters of any user with a `log_prob`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np

from interaction.agent import User
from interaction.errors import ArgumentError, ContractError
from interaction.inference.candidates import Grid, Samples
from interaction.inference.kept_belief import BOTH, NOTHING
from interaction.inference.partner_model import PartnerModelFilter
from interaction.inference.sides import USER
from interaction.prediction import NoTask
from interaction.spaces import Space
from interaction.state import State, Value
from interaction.task import InteractionTask

Evidence = Literal["user_action", "outcome"]


class UserModelFilter(PartnerModelFilter):
    """Keeps a belief over the hidden parameters of a user model, in the assistant's own state.

    Each candidate is a whole user: its values of the hidden parameters and its internal state, which goes
    through the user model's own observation and inference engines. One update is: each candidate observes
    and infers; it is weighed by the probability of the action, if that is evidence, and of the outcome;
    the weights are normalised; particles are resampled and moved when few are left.

    `parameters`: a `Grid` or `Samples` over entries of the user model's state (`"p0"`), or of the task's
    hidden state (`"task_state.goal"`). What is hidden in the task moves by the task model: particles by its
    own methods, those of a grid by its `hidden_transition(before, after)`, the probability of each hidden
    value of the grid, in its order, after the action in `before`; without it they stay as they are.
    `user_model=None`: there is no user, and the belief is about the task's hidden state alone.
    `evidence`: what counts (by default the user's actions, or without a user the outcomes). `"user_action"`
    is read at the path `action` of the assistant's observation, and who produced it at the path `provenance`
    (see `Provenance`; a path that is not there counts as unknown). `"outcome"` counts through the task
    model's `outcome_log_prob(before, after)`, which is asked for each action whose outcome the assistant
    sees: the log probability of what can be seen in `after`, given `before`, in which the agent whose turn
    it is has chosen its action (0 where nothing happens).
    `own_actions`: an action that the assistant itself produced changes no weight ("intervention"), or is
    taken for the user's ("evidence"), which shows what goes wrong; see `interaction.inference.authors`.
    An action of unknown author is marginalised over the authors: its likelihood is
    ρ π(a | h, θ) + (1 − ρ) q(a), with ρ = `user_share` and q the belief's own prediction.
    An action is weighed by what its author saw: the candidates look at the observation's
    `previous_task_state`, which is the task before the user's action moved it, at the user's own action
    before this one, and at the assistant's last action. `delay=1` is for an assistant that sees an action and
    its outcome only in the next round, in the task's state (as `action` then says): the candidates look at
    what the assistant saw the round before (give `assistant_action_space`, if the user model looks at the
    assistant's action).
    `on_impossible`: what to do when the evidence excludes every candidate: "raise", go back to the prior
    ("reset"), or leave the weights as they were ("keep"); the belief counts how often it happened.

    The belief is the field `field` of the assistant's state, whose space is `filter.space`, and starts as
    `filter.initial(rng)`. Reading it: `filter.posterior(state)`, `filter.predict(...)`.
    Sources: Baker, Saxe & Tenenbaum 2009, "Action understanding as inverse planning" (a belief from actions,
    by the policy of who acted); Ortega et al. 2021, arXiv 2110.10819 (own actions are interventions).

    Raises `ContractError` for a user without a `log_prob` whose actions are evidence, `SpaceError` for
    candidates outside their space and, with `on_impossible="raise"`, `ImpossibleEvidenceError` in a game.

    >>> from interaction import EpisodeRandom, Grid, State, UserModelFilter
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> belief = UserModelFilter(PseudoRandomUser(), Grid({"p0": range(10), "p1": [1, 5]}))
    >>> rng, task_state = EpisodeRandom(seed=0), State(x=3)
    >>> seen = State(task_state=task_state, previous_task_state=task_state, user_action=5, provenance=1)
    >>> state = belief.update(belief.initial(rng), seen, rng)
    >>> posterior = belief.posterior(state)
    >>> possible = posterior.weights > 0
    >>> posterior.values["p0"][possible], posterior.values["p1"][possible]
    (array([1, 3]), array([5, 1]))
    """

    side = USER
    user_model: User | None
    user_share: float

    def __init__(
        self,
        user_model: User | None,
        parameters: Grid | Samples,
        *,
        task_model: InteractionTask | None = None,
        evidence: Iterable[Evidence] | None = None,
        own_actions: Literal["intervention", "evidence"] = "intervention",
        action: str = "user_action",
        provenance: str = "provenance",
        delay: Literal[0, 1] = 0,
        assistant_action_space: Space[Any] | None = None,
        user_share: float = 0.5,
        on_impossible: Literal["raise", "reset", "keep"] = "raise",
        field: str = "belief",
    ) -> None:
        self.delay = delay
        self.assistant_action_space = assistant_action_space
        super().__init__(
            user_model,
            parameters,
            task_model=task_model,
            evidence=evidence,
            own_actions=own_actions,
            action=action,
            provenance=provenance,
            share=user_share,
            on_impossible=on_impossible,
            field=field,
        )

    def _check_task(self, where: str) -> None:
        self._check_option("delay", self.delay, (0, 1))
        if self.delay and self.user_model is None:
            raise ArgumentError(f"{where}: without a user there is no delay")
        if self.delay and isinstance(self.task_model, NoTask):
            raise ContractError(f"{where}: delay=1 needs a task_model")
        hidden = self.hidden_names
        if self.delay and hidden and hasattr(self.task_model, "hidden_transition"):
            raise ContractError(
                f"{where}: with delay=1 the hidden task_state.{hidden[0]} cannot move (hidden_transition)"
            )
        super()._check_task(where)

    # An action that is seen one round later.

    def _recalls(self) -> bool:
        return bool(self.delay) or super()._recalls()

    def _recalled(self) -> dict[str, Space[Any]]:
        recalled = super()._recalled()
        if self.delay:
            recalled = {"earlier_user_action": self._partner.policy.action_space, **recalled}
            if self.assistant_action_space is not None:
                recalled["last_assistant_action"] = self.assistant_action_space
        return recalled

    def _news(self, belief: State, observation: State) -> Value:
        if self.delay:
            return np.where(np.asarray(belief.updates) > 0, BOTH, NOTHING)
        return super()._news(belief, observation)

    def _sight(self, belief: State, observation: State) -> State:
        if not self.delay:
            return super()._sight(belief, observation)
        fields = {"task_state": belief.last_task_state, "user_action": belief.earlier_user_action}
        if "round_index" in observation:
            fields["round_index"] = np.maximum(observation.round_index - 1, 0)
        if "last_assistant_action" in belief:
            fields["assistant_action"] = belief.last_assistant_action
        return State(**fields)

    def _as_it_acted(self, seen: State, observation: State) -> tuple[State, int]:
        return (seen, self.side.observes) if self.delay else super()._as_it_acted(seen, observation)

    def _remember(self, belief: State, observation: State) -> State:
        remembered = super()._remember(belief, observation)
        if not self.delay:
            return remembered
        changes = {"earlier_user_action": belief.last_user_action}
        if "last_assistant_action" in belief:
            now = observation.__dict__
            changes["last_assistant_action"] = now.get("assistant_action", belief.last_assistant_action)
        return remembered.replace(**changes)
