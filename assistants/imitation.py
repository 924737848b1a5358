"""Imitation: a sequence model of an expert, exact, and the assistant that acts by it.

Source: Ortega et al. 2021, "Shaking the foundations: delusions in sequence models for interaction and
control", arXiv 2110.10819.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from interaction import (
    BelievingAssistant,
    EpisodeRandom,
    GameState,
    Grid,
    InteractionTask,
    Policy,
    Provenance,
    RuleObservationEngine,
    State,
    Transition,
    User,
    UserModelFilter,
    spaces,
)
from interaction.errors import ArgumentError, ContractError
from interaction.inference.user_model import Evidence
from interaction.state import Value
from interaction.users.bandit import ExpertUser

OwnActions = Literal["intervention", "evidence"]


def best_arm_filter(
    user_model: User,
    task_model: InteractionTask,
    own_actions: OwnActions = "intervention",
    evidence: Iterable[Evidence] = ("user_action", "outcome"),
    field: str = "belief",
) -> UserModelFilter:
    """Make the filter over the hidden best arm of a `BanditTask`, whose pulls are seen one round later.

    `own_actions` is "intervention" (the own pulls tell of the arms only by their outcomes) or "evidence"
    (they are taken for the user's); `evidence` lists what is looked at.

    >>> from interaction import EpisodeRandom
    >>> from interaction.assistants.imitation import best_arm_filter
    >>> from interaction.tasks.bandit import BanditTask
    >>> from interaction.users.bandit import ExpertUser
    >>> belief_filter = best_arm_filter(ExpertUser(), BanditTask())
    >>> belief_filter.posterior(belief_filter.initial(EpisodeRandom())).weights
    array([0.2, 0.2, 0.2, 0.2, 0.2])
    """
    n_arms = spaces.elements(user_model.policy.action_space)
    return UserModelFilter(
        user_model,
        Grid({"task_state.best_arm": n_arms}),
        task_model=task_model,
        evidence=evidence,
        own_actions=own_actions,
        action="task_state.arm",
        provenance="task_state.provenance",
        delay=1,
        field=field,
    )


class ImitatingPolicy(Policy):
    """Samples what the expert would do, given the belief: P(a | h) = Σ b(best) π(a | best).

    Raises `ContractError` for a belief that is not one over a user.

    >>> from interaction import EpisodeRandom, State
    >>> from interaction.assistants.imitation import ImitatingPolicy, best_arm_filter
    >>> from interaction.tasks.bandit import BanditTask
    >>> from interaction.users.bandit import ExpertUser
    >>> belief_filter = best_arm_filter(ExpertUser(), BanditTask())
    >>> rng = EpisodeRandom(seed=0)
    >>> knows = State(belief=belief_filter.initial(rng))
    >>> seen = State(task_state=State(arm=-1, outcome=-1, provenance=0))
    >>> [ImitatingPolicy(belief_filter).sample(seen, knows, rng)[0] for _ in range(8)]
    [4, 0, 4, 1, 0, 3, 1, 4]
    """

    def __init__(self, belief_filter: UserModelFilter) -> None:
        self.filter = belief_filter
        if belief_filter.user_model is None:
            raise ContractError(
                "ImitatingPolicy: expected a belief over a user, whom to imitate; it has none"
            )
        self.action_space = belief_filter.user_model.policy.action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        return rng.categorical(self.filter.predict(state, observation, rng)), 0.0


class ImitatingAssistant(BelievingAssistant):
    """Imitates the expert of a bandit: infers the best arm from the pulls, and pulls as the expert would.

    With `own_actions="evidence"` it takes its own pulls for the expert's, and deludes itself.

    `user_model` (the expert that it imitates), `task_model` (the bandit, whose outcomes tell of its arms),
    `own_actions` ("intervention" or "evidence": what its own pulls are to it), `watching` (further filters,
    which only watch: each keeps a belief of its own, in the field that it names).

    >>> from interaction import Bundle
    >>> from interaction.assistants.imitation import ImitatingAssistant
    >>> from interaction.tasks.bandit import BanditTask
    >>> from interaction.users.bandit import ExpertUser
    >>> for own_actions in ("intervention", "evidence"):
    ...     assistant = ImitatingAssistant(ExpertUser(p_best=0.6), BanditTask(), own_actions)
    ...     last = Bundle(BanditTask(), assistant=assistant, max_rounds=60).run(200, seed=0, record="final")
    ...     print(own_actions, (last["task_state.arm"] == last["task_state.best_arm"]).mean())
    intervention 0.58
    evidence 0.28
    """

    def __init__(
        self,
        user_model: User,
        task_model: InteractionTask,
        own_actions: OwnActions = "intervention",
        watching: Sequence[UserModelFilter] = (),
    ) -> None:
        self.filter = best_arm_filter(user_model, task_model, own_actions)
        super().__init__(
            (self.filter, *watching),
            ImitatingPolicy(self.filter),
            observation_engine=RuleObservationEngine(
                "assistant", hide=["task_state.best_arm", "user_action"]
            ),
        )


class BanditModel(InteractionTask):
    """What the sequence model takes the bandit to be: the probabilities of the outcomes, and no more.

    `n_arms` (how many arms there are), `p_best` (probability of success of the best arm), `p_other`
    (probability of success of each other arm).

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.assistants.imitation import BanditModel
    >>> model = BanditModel(n_arms=5, p_best=0.75, p_other=0.25)
    >>> before, after = State(task_state=State(best_arm=2)), State(task_state=State(arm=2, outcome=1))
    >>> print(np.exp(model.outcome_log_prob(before, after)).round(3))
    0.75
    """

    batched = True  # a third faster than lifted where `SequenceModel` asks about five candidates

    def __init__(self, n_arms: int, p_best: float, p_other: float) -> None:
        self.p_best = p_best
        self.p_other = p_other
        self.state_space = spaces.Dict(
            best_arm=spaces.Discrete(n_arms),
            arm=spaces.Discrete(n_arms + 1, start=-1),
            outcome=spaces.Discrete(3, start=-1),
            provenance=spaces.Discrete(len(Provenance)),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        return State(best_arm=0, arm=-1, outcome=-1, provenance=0)

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        return Transition(game.task_state)

    def outcome_log_prob(self, before: State, after: State) -> Value:
        """Give the log probability of the outcome of the last pull."""
        p = np.where(after.task_state.arm == before.task_state.best_arm, self.p_best, self.p_other)
        return np.log(np.where(after.task_state.outcome == 1, p, 1 - p))


class SequenceModel:
    """The exact sequence model of an expert's actions and their outcomes in a bandit with a hidden best arm.

    `own_actions="evidence"` is the model of the expert's own sequences, which deludes itself when the actions
    are its own; `"intervention"` is the corrected one. Arms are counted from 0.

    >>> from interaction.assistants.imitation import SequenceModel
    >>> failed = [(3, 0)] * 4  # it pulled arm 3 four times, without success
    >>> SequenceModel(own_actions="evidence").predict(failed).round(3)
    array([0.125, 0.125, 0.125, 0.5  , 0.125])
    >>> SequenceModel(own_actions="intervention").predict(failed).round(3)
    array([0.225, 0.225, 0.225, 0.102, 0.225])
    """

    def __init__(
        self,
        n_arms: int = 5,
        own_actions: OwnActions = "evidence",
        *,
        p_best_action: float = 0.6,
        p_best: float = 0.75,
        p_other: float = 0.25,
    ) -> None:
        expert = ExpertUser(p_best_action, n_arms)
        self.filter = best_arm_filter(expert, BanditModel(n_arms, p_best, p_other), own_actions)

    def predict(self, past_interactions: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
        """Give the probability of each next action, after pairs of (action, outcome) of its own making.

        Raises `ArgumentError` for an outcome other than 0 and 1, `SpaceError` for an action that is no arm.
        """
        rng = EpisodeRandom()
        belief = self.filter.initial(rng)
        seen = State(arm=-1, outcome=-1, provenance=int(Provenance.UNKNOWN))
        belief = self.filter.update(belief, State(task_state=seen), rng)
        for action, outcome in past_interactions:
            if outcome not in (0, 1):
                raise ArgumentError(f"past_interactions: expected outcomes 0 or 1, got {outcome!r}")
            seen = State(arm=action, outcome=outcome, provenance=int(Provenance.INTERVENED))
            belief = self.filter.update(belief, State(task_state=seen), rng)
        return self.filter.predict(belief, State(task_state=seen), rng)
