"""Bandits: whoever is in control pulls an arm and sees an outcome, 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from interaction import EpisodeRandom, GameState, InteractionTask, Provenance, State, Transition, spaces
from interaction.errors import ArgumentError
from interaction.state import Value
from interaction.turns import USER_ACTS


class MultiArmedBanditTask(InteractionTask):
    """A bandit with a probability of success for each arm; the reward is the outcome.

    One arm is pulled in each round. Alone, the user or the assistant pulls. Where there are both, the user
    is in control in the first rounds and the assistant after them; or, with `user_share`, in each round with
    that probability. The pull then takes place at the end of the round.

    `probabilities` (of success, one for each arm), `n_demonstrations` (rounds in which the user is in control
    at first), `user_share` (probability that the user is in control of a round, or None).

    The state holds the last pull: `arm` and `outcome` (-1 before the first one) and the `provenance` of the
    arm, as the turns set it; and `user_in_control`, for the round to come.
    Source: Robbins 1952, "Some aspects of the sequential design of experiments" (the kind of problem).

    Raises `ArgumentError` for anything but two or more probabilities, and for a share that is none.

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser(), max_rounds=8)
    >>> game = bundle.reset(seed=0)
    >>> game.task_state
    State(arm=-1, outcome=-1, provenance=0, user_in_control=0)
    >>> bundle.step().game.task_state
    State(arm=1, outcome=1, provenance=1, user_in_control=0)
    """

    batched = True  # twice as fast as lifted, which parts the episodes by their arms

    def __init__(
        self,
        probabilities: Sequence[float] = (0.2, 0.8),
        n_demonstrations: int = 0,
        user_share: float | None = None,
    ) -> None:
        self.probabilities: NDArray[np.float64] = np.array(probabilities, float)
        if self.probabilities.ndim != 1 or len(self.probabilities) < 2:
            raise ArgumentError(f"probabilities: expected two or more numbers, got {probabilities!r}")
        if not ((self.probabilities >= 0) & (self.probabilities <= 1)).all():
            raise ArgumentError(f"probabilities: expected numbers between 0 and 1, got {probabilities!r}")
        if n_demonstrations < 0:
            raise ArgumentError(f"n_demonstrations: expected a number >= 0, got {n_demonstrations!r}")
        if user_share is not None and not 0 <= user_share <= 1:
            raise ArgumentError(f"user_share: expected a probability or None, got {user_share!r}")
        self.n_arms = len(self.probabilities)
        self.n_demonstrations = n_demonstrations
        self.user_share = user_share
        self.state_space = spaces.Dict(
            arm=spaces.Discrete(self.n_arms + 1, start=-1),
            outcome=spaces.Discrete(3, start=-1),
            provenance=spaces.Discrete(len(Provenance)),
            user_in_control=spaces.Discrete(2),
        )

    def reset(self, rng: EpisodeRandom) -> State:
        return State(arm=-1, outcome=-1, provenance=0, user_in_control=self._control(0, rng))

    def success_probability(self, state: State, arm: Value) -> Value:
        """Give the probability of the outcome 1."""
        return self.probabilities[arm]

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        if game.assistant_action is not None:  # the pull takes place at the end of the round
            return Transition(game.task_state)
        return self._pull(game, game.user_action, game.provenance, rng)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        arm: Value = game.assistant_action
        provenance: Value = game.provenance
        if game.user_action is not None:
            by_user = game.task_state.user_in_control == 1
            arm = np.where(by_user, game.user_action, arm)
            provenance = np.where(by_user, int(Provenance.OBSERVED), provenance)
        return self._pull(game, arm, provenance, rng)

    def _pull(self, game: GameState, arm: Value, provenance: Value, rng: EpisodeRandom) -> Transition:
        if np.any(arm >= self.n_arms):
            raise ArgumentError(
                f"{type(self).__name__}: expected an arm from 0 to {self.n_arms - 1}, got {np.max(arm)}: "
                f"make the agents with n_arms={self.n_arms}"
            )
        outcome = (rng.random() < self.success_probability(game.task_state, arm)) * 1
        state = game.task_state.replace(
            arm=arm,
            outcome=outcome,
            provenance=provenance,
            user_in_control=self._control(game.round_index + 1, rng),
        )
        return Transition(state, outcome * 1.0)

    def _control(self, round_index: int, rng: EpisodeRandom) -> Value:
        if self.user_share is not None:
            return (rng.random() < self.user_share) * 1
        return int(round_index < self.n_demonstrations)

    def outcome_log_prob(self, before: State, after: State) -> Value:
        """Give the log probability of the outcome in `after`, where the hidden state is that of `before`.

        Where the pull waits for the end of the round, nothing can be told of the user's turn.
        """
        if before.turn_index == USER_ACTS and before.assistant_action is not None:
            return 0.0
        outcome = after.task_state.outcome
        p = self.success_probability(before.task_state, after.task_state.arm)
        with np.errstate(divide="ignore"):
            return np.where(outcome == 1, np.log(p), np.log1p(-p))


class BanditTask(MultiArmedBanditTask):
    """A bandit with a hidden best arm, drawn uniformly, that succeeds more often than the others.

    Source: Ortega et al. 2021, "Shaking the foundations: delusions in sequence models for interaction and
    control", arXiv 2110.10819.

    The state also holds the `best_arm`, which the expert sees, and who learns from it does not.

    `n_arms` (how many arms there are), `p_best` (probability of success of the best arm), `p_other`
    (probability of success of each other arm).

    >>> from interaction import Bundle
    >>> from interaction.tasks.bandit import BanditTask
    >>> from interaction.users.bandit import ExpertUser
    >>> runs = Bundle(BanditTask(), ExpertUser(p_best=0.6), max_rounds=10).run(1_000, seed=0)
    >>> print(runs.returns.mean().round(2))  # 10 · (0.6 · 0.75 + 0.4 · 0.25) = 5.5
    5.45
    """

    def __init__(
        self,
        n_arms: int = 5,
        p_best: float = 0.75,
        p_other: float = 0.25,
        n_demonstrations: int = 0,
        user_share: float | None = None,
    ) -> None:
        super().__init__([p_best] + [p_other] * (n_arms - 1), n_demonstrations, user_share)
        self.p_best = p_best
        self.p_other = p_other
        self.state_space = spaces.merge(spaces.Dict(best_arm=spaces.Discrete(n_arms)), self.state_space)

    def reset(self, rng: EpisodeRandom) -> State:
        best_arm = rng.integers(0, self.n_arms)
        return State(best_arm=best_arm, **super().reset(rng))

    def success_probability(self, state: State, arm: Value) -> Value:
        return np.where(arm == state.best_arm, self.p_best, self.p_other)
