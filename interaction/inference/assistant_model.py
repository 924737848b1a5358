"""What a user believes: a Bayesian filter over the hidden parameters of any assistant with a `log_prob`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np

from interaction.agent import Assistant
from interaction.inference.candidates import Grid, Samples
from interaction.inference.kept_belief import BOTH, NOTHING, THEIRS
from interaction.inference.partner_model import PartnerModelFilter
from interaction.inference.sides import ASSISTANT
from interaction.state import Provenance, State, Value
from interaction.task import InteractionTask

Evidence = Literal["assistant_action", "outcome"]


class AssistantModelFilter(PartnerModelFilter):
    """Keeps a belief over the hidden parameters of an assistant model, in the user's own state.

    It mirrors `UserModelFilter`, which says what the arguments mean. Each candidate is a whole assistant,
    which looks, infers and keeps its own state, a belief about the user among it. The user looks at the
    beginning of a round; it weighs what the assistant did at the end of the round before by what the
    assistant saw: the `previous_task_state` of the user's observation, the user's own last action, and the
    assistant's action before. In the first round there is nothing to weigh.

    An assistant who believes something about the user needs to know the `previous_task_state` that it saw
    itself, to weigh what the user did: give the `task_model`, and the filter remembers it. Who acted last is
    read at the path `provenance` of the user's observation; where that is not seen, the first look is that of
    the first round.
    `assistant_model=None`: there is no assistant, and the belief is about the task's hidden state alone.
    The belief is the field `field` of the user's state, whose space is `filter.space`.

    >>> import numpy as np
    >>> from interaction import Assistant, AssistantModelFilter, DiscretePolicy, EpisodeRandom, Grid
    >>> from interaction import State, spaces
    >>> class Repeats(DiscretePolicy):
    ...     action_space = spaces.Discrete(2)
    ...
    ...     def probabilities(self, observation, state):
    ...         same = np.arange(2) == observation.user_action
    ...         return state.care * same + (1 - state.care) / 2
    >>> assistant = Assistant(policy=Repeats(), state=State(care=0.5))
    >>> one = AssistantModelFilter(assistant, Grid({"care": [0.0, 1.0]}))
    >>> seen = State(round_index=1, task_state=State(), user_action=1, assistant_action=1, provenance=2)
    >>> belief = one.update(one.initial(EpisodeRandom()), seen, EpisodeRandom())
    >>> one.posterior(belief).weights
    array([0.33333333, 0.66666667])
    """

    side = ASSISTANT
    assistant_model: Assistant | None
    assistant_share: float

    def __init__(
        self,
        assistant_model: Assistant | None,
        parameters: Grid | Samples,
        *,
        task_model: InteractionTask | None = None,
        evidence: Iterable[Evidence] | None = None,
        own_actions: Literal["intervention", "evidence"] = "intervention",
        action: str = "assistant_action",
        provenance: str = "provenance",
        assistant_share: float = 0.5,
        on_impossible: Literal["raise", "reset", "keep"] = "raise",
        field: str = "belief",
    ) -> None:
        super().__init__(
            assistant_model,
            parameters,
            task_model=task_model,
            evidence=evidence,
            own_actions=own_actions,
            action=action,
            provenance=provenance,
            share=assistant_share,
            on_impossible=on_impossible,
            field=field,
        )

    def _news(self, belief: State, observation: State) -> Value:
        if self.assistant_model is None:
            return super()._news(belief, observation)
        author = observation.__dict__.get("provenance", int(Provenance.UNKNOWN))
        first = np.where(np.asarray(author) == int(Provenance.INTERVENED), THEIRS, NOTHING)
        return np.where(np.asarray(belief.updates) > 0, BOTH, first)
