"""Users of bandits: an expert, and two learners whose internal state changes while they play.

Sources: Ortega et al. 2021, arXiv 2110.10819 (the expert); Wilson & Collins, "Ten simple rules for the
computational modeling of behavioral data", eLife 2019 (the learners).
"""

from __future__ import annotations

import numpy as np

from interaction import DiscretePolicy, EpisodeRandom, InferenceEngine, State, User, spaces
from interaction.errors import ArgumentError
from interaction.state import Value


class ExpertPolicy(DiscretePolicy):
    """Pulls the best arm with the probability `p_best`, and each other arm with equal probability."""

    batched = True

    def __init__(self, n_arms: int, p_best: float) -> None:
        if n_arms < 2 or not 0 <= p_best <= 1:
            raise ArgumentError(
                f"ExpertUser: expected n_arms >= 2 and p_best in [0, 1], got {n_arms}, {p_best}"
            )
        self.action_space = spaces.Discrete(n_arms)
        self.p_best = p_best

    def probabilities(self, observation: State, state: State) -> Value:
        n_arms = int(self.action_space.n)
        best = np.asarray(observation.task_state.best_arm)[..., None] == np.arange(n_arms)
        return np.where(best, self.p_best, (1 - self.p_best) / (n_arms - 1))


class ExpertUser(User):
    """Sees the best arm, and pulls it with the probability `p_best`, whatever happened before."""

    def __init__(self, p_best: float = 0.6, n_arms: int = 5) -> None:
        super().__init__(policy=ExpertPolicy(n_arms, p_best))


class RememberPull(InferenceEngine):
    """Remembers the last pull: its arm and its outcome."""

    batched = True

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        task_state = observation.task_state
        return state.replace(arm=task_state.arm, outcome=task_state.outcome), 0.0


class WinStayLoseShiftPolicy(DiscretePolicy):
    """Stays after a success and shifts after a failure, but acts at random at the rate epsilon.

    After a success: P(stay) = 1 − ε + ε/N, each other arm ε/N. After a failure: P(stay) = ε/N, each other
    arm (1 − ε)/(N − 1) + ε/N. At first: 1/N. Source: Wilson & Collins 2019, model 2.
    """

    batched = True

    def __init__(self, n_arms: int) -> None:
        self.action_space = spaces.Discrete(n_arms)

    def probabilities(self, observation: State, state: State) -> Value:
        n_arms = int(self.action_space.n)
        epsilon = np.asarray(state.epsilon)[..., None]
        outcome = np.asarray(state.outcome)[..., None]
        same = np.asarray(state.arm)[..., None] == np.arange(n_arms)
        stay, shift = np.where(same, 1.0, 0.0), np.where(same, 0.0, 1 / (n_arms - 1))
        rule = np.where(outcome == 1, stay, shift)
        return np.where(outcome < 0, 1 / n_arms, (1 - epsilon) * rule + epsilon / n_arms)


class WinStayLoseShiftUser(User):
    """Noisy win-stay-lose-shift; its internal state holds `epsilon` and the last pull."""

    def __init__(self, epsilon: float = 0.1, n_arms: int = 2) -> None:
        super().__init__(
            policy=WinStayLoseShiftPolicy(n_arms),
            inference_engine=RememberPull(),
            state=State(epsilon=epsilon, arm=-1, outcome=-1),
            state_space=spaces.Dict(
                {
                    "epsilon": spaces.Box(0.0, 1.0, (), np.float64),
                    "arm": spaces.Discrete(n_arms + 1, start=-1),
                    "outcome": spaces.Discrete(3, start=-1),
                }
            ),
        )


class DeltaRule(InferenceEngine):
    """Moves the value q of the pulled arm: q ← q + α (outcome − q). Source: Rescorla & Wagner 1972."""

    batched = True

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        arm = np.asarray(observation.task_state.arm)[..., None]
        outcome = np.asarray(observation.task_state.outcome)[..., None]
        pulled = arm == np.arange(state.q.shape[-1])
        error = outcome - state.q
        alpha = np.asarray(state.learning_rate)[..., None]
        return state.replace(q=np.where(pulled, state.q + alpha * error, state.q)), 0.0


class SoftmaxPolicy(DiscretePolicy):
    """Pulls arm c with a probability proportional to exp(β q_c)."""

    batched = True

    def __init__(self, n_arms: int) -> None:
        self.action_space = spaces.Discrete(n_arms)

    def probabilities(self, observation: State, state: State) -> Value:
        logits = np.asarray(state.inverse_temperature)[..., None] * state.q
        weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return weights / weights.sum(axis=-1, keepdims=True)


class RescorlaWagnerUser(User):
    """Learns the value of each arm by the delta rule, from 0.5 on, and pulls by softmax.

    Its internal state holds `learning_rate` (α), `inverse_temperature` (β) and the values `q`.
    """

    def __init__(self, learning_rate: float = 0.3, inverse_temperature: float = 3.0, n_arms: int = 2) -> None:
        super().__init__(
            policy=SoftmaxPolicy(n_arms),
            inference_engine=DeltaRule(),
            state=State(
                learning_rate=learning_rate,
                inverse_temperature=inverse_temperature,
                q=np.full(n_arms, 0.5),
            ),
            state_space=spaces.Dict(
                {
                    "learning_rate": spaces.Box(0.0, 1.0, (), np.float64),
                    "inverse_temperature": spaces.Box(0.0, np.inf, (), np.float64),
                    "q": spaces.Box(0.0, 1.0, (n_arms,), np.float64),
                }
            ),
        )
