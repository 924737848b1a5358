"""Choosing by what one would learn: expected information gain about what the belief is about."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.candidates import for_candidates
from interaction.batching.selection import row_of
from interaction.batching.streams import LiftedRandom
from interaction.errors import ArgumentError, ContractError
from interaction.inference.user_model import UserModelFilter
from interaction.planning.planner import Planner
from interaction.players import Players
from interaction.policy import DiscretePolicy, Policy
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import GameState, State, Value, lock
from interaction.task import missing
from interaction.turns import ASSISTANT_ACTS, USER_OBSERVES, look

Array = NDArray[Any]

_ROWS = 4_096
"""How many rows are asked at once: what fits the cache."""


class ExpectedInformationGain(Planner):
    """Tells how much the user's next action would tell, for each action of the assistant.

    I(θ; y | a) = H(y | a) − H(y | θ, a), with P(y | a) = Σθ b(θ) P(y | θ, a): the mutual information, in
    bits, of what the belief is about and the user's next action y, once the assistant's action a has moved
    the task. The user model's policy must be a `DiscretePolicy`.
    Source: Liu et al., "BIGnav: Bayesian information gain for guiding multiscale navigation", CHI 2017.
    """

    def __init__(self, belief: UserModelFilter, action_space: Space[Any]) -> None:
        super().__init__(belief, action_space)
        user = belief.user_model
        if user is None:
            raise ContractError("ExpectedInformationGain: expected a belief over a user; it has none")
        policy = user.policy
        if not isinstance(policy, DiscretePolicy):
            raise ContractError(
                f"ExpectedInformationGain: {type(policy).__name__}, the policy of "
                f"{type(user).__name__}, must be a DiscretePolicy, which tells the "
                f"probabilities(observation, state) of all its actions"
            )

    def gain(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the expected information gain of each action, in bits: `(..., actions)`."""
        if type(rng) is LiftedRandom:
            gain: Array = rng.outside(self.gain, state, observation, rng)
            return gain
        belief = state.__dict__.get(self.belief.field, state)
        rows, size = rng.rows, self.belief.parameters.size
        outer = 1 if rows is None else rows
        weights = np.exp(np.broadcast_to(belief.log_weights, (outer, size)))
        games = self.belief.candidate_games(belief, observation, rows)
        stream = rng.simulation().repeat(size)
        block = max(_ROWS // (size * len(self.actions)), 1)
        found = np.empty((outer, len(self.actions)))
        for first in range(0, outer, block):
            part = np.arange(first * size, min(first + block, outer) * size)
            some, few = (games, stream) if block >= outer else (row_of(games, part, {}), stream.select(part))
            chunk = slice(first, first + block)
            found[chunk] = self._gain(some, weights[chunk], few)
        return found[0] if rows is None else found

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        return self.gain(state, observation, rng)

    def best(self, state: State, observation: State, rng: EpisodeRandom) -> Value:
        """Give the action with the largest gain, the first of equal ones."""
        if type(rng) is LiftedRandom:
            return rng.outside(self.best, state, observation, rng)
        return self.numbers[self.gain(state, observation, rng).argmax(axis=-1)]

    def _gain(self, games: GameState, weights: Array, rng: EpisodeRandom) -> Array:
        """The gain of each action, `(episodes, actions)`, for weights `(episodes, candidates)`."""
        assert self.belief.user_model is not None
        policy = self.belief.user_model.policy
        assert isinstance(policy, DiscretePolicy)
        (outer, size), count = weights.shape, len(self.actions)
        game = for_candidates(games, count, outer * size)
        game = GameState(**game).replace(
            assistant_action=lock(np.concatenate([self.numbers] * (outer * size))), turn_index=ASSISTANT_ACTS
        )
        stream = rng.repeat(count)

        def probabilities(seen: State, users: State, _: EpisodeRandom) -> Value:
            return policy.probabilities(seen, users)

        def asked(players: Players) -> Value:
            assert players.user is not None
            assert players.assistant is not None
            moved, _, _ = players.assistant.move(game, stream)
            after = game.replace(
                task_state=moved,
                previous_task_state=game.task_state,
                turn_index=USER_OBSERVES,
                round_index=game.round_index + 1,
            )
            seen, users = look(players.user, after, stream)
            return self._lineup.asked(policy, probabilities)(seen, users, stream)

        n = int(policy.action_space.n)
        found = np.broadcast_to(self._lineup.in_batch(asked), (outer * size * count, n))
        # The user's actions first: sums over a short last axis are slow.
        chances = np.ascontiguousarray(found.T).reshape(n, outer, size, count)
        mixed = np.einsum("rs,yrsc->yrc", weights, chances)
        known = np.einsum("rs,rsc->rc", weights, _entropy(chances))
        return np.asarray(np.maximum(_entropy(mixed) - known, 0.0))


def _entropy(chances: Array) -> Array:
    """Give the entropy in bits of probabilities on the first axis."""
    terms = chances * np.log2(np.maximum(chances, 1e-300))
    # A single column would be added in pairs, but those of a batch are added one after the other.
    found: Array = -(terms.sum(axis=0) if terms[0].size > 1 else np.cumsum(terms, axis=0)[-1])
    return found


class InformationGainPolicy(Policy):
    """Chooses the action with the largest expected information gain, until the belief is sure enough.

    Once one candidate's probability exceeds `threshold`, `settle` says what to do. Ties go to the first
    action.
    """

    def __init__(self, belief: UserModelFilter, action_space: Space[Any], threshold: float = 0.8) -> None:
        if isinstance(threshold, bool) or not 0 < threshold <= 1:
            raise ArgumentError(
                f"{type(self).__name__}: threshold: expected a probability in (0, 1], got {threshold!r}"
            )
        self.information = ExpectedInformationGain(belief, action_space)
        self.threshold = threshold
        self.action_space = action_space

    def settle(self, observation: State, state: State, candidate: Value) -> Value:
        """Give the action for a belief that is sure of a candidate (its index)."""
        raise missing(self, "settle(self, observation, state, candidate)", "returns the action")

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        weights = np.exp(state[self.information.belief.field].log_weights)
        if weights.max() > self.threshold:
            return self.settle(observation, state, weights.argmax()), 0.0
        return self.information.best(state, observation, rng), 0.0
