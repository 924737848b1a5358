"""Assistants that plan: they choose by expected information gain, or by the returns of rollouts.

Both hold a belief over a user model (a `UserModelFilter`) and a finite set of assistant actions, and work for
any task and any user model with a `log_prob`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import Assistant
from interaction.batch import Recorder, check_max_rounds, play, totals
from interaction.component import Component
from interaction.errors import ArgumentError, ContractError
from interaction.inference.rows import flat_state, for_candidates, select
from interaction.inference.user_model import UserModelFilter
from interaction.lockstep import Lineup, looped
from interaction.opening import for_rows
from interaction.players import Players
from interaction.policy import DiscretePolicy, RandomPolicy
from interaction.random import EpisodeRandom
from interaction.spaces import Discrete, Space
from interaction.state import GameState, State, Value, get_path, replace_path
from interaction.turns import ASSISTANT_ACTS, SOURCES, USER_OBSERVES, look, play_half

Array = NDArray[Any]

_ROWS = 16_384
"""How many rows are asked at once: what fits the cache."""


class _Planner(Component):
    """What both planners share: the belief, the actions, and games as they are after each action."""

    batched = True

    def __init__(self, belief: UserModelFilter, action_space: Space[Any]) -> None:
        if not isinstance(belief, UserModelFilter):
            raise ContractError(f"{type(self).__name__}: expected a UserModelFilter, got {belief!r}")
        self.belief = belief
        self.action_space = action_space
        self.actions = spaces.elements(action_space)
        helper = Assistant(policy=RandomPolicy(action_space))
        self._lineup = Lineup(belief.task_model, belief.user_model, helper)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def _numbers(self) -> Array:
        """The actions as an array `(actions, *shape)`."""
        return np.array(self.actions)


class ExpectedInformationGain(_Planner):
    """Tells how much the user's next action would tell, for each action of the assistant.

    I(θ; y | a) = H(y | a) − H(y | θ, a), with P(y | a) = Σθ b(θ) P(y | θ, a): the mutual information, in bits,
    of what the belief is about and the user's next action y, once the assistant's action a has moved the
    task. The user model's policy must be a `DiscretePolicy`.
    Source: Liu et al. 2017, "BIGnav: Bayesian information gain for guiding multiscale navigation", CHI, eq. 1.
    """

    def __init__(self, belief: UserModelFilter, action_space: Space[Any]) -> None:
        super().__init__(belief, action_space)
        policy = belief.user_model.policy
        if not isinstance(policy, DiscretePolicy):
            raise ContractError(
                f"ExpectedInformationGain: {type(policy).__name__}, the policy of "
                f"{type(belief.user_model).__name__}, must be a DiscretePolicy, which tells the "
                f"probabilities(observation, state) of all its actions"
            )

    def gain(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the expected information gain of each action, in bits: `(..., actions)`."""
        belief = state.__dict__.get(self.belief.field, state)
        rows = rng.rows
        each = self.belief.parameters.size * len(self.actions)
        if rows is None or rows * each <= _ROWS:
            return self._gain(belief, observation, rng)
        from interaction.lockstep import row_of

        block = max(_ROWS // each, 1)
        parts = []
        for first in range(0, rows, block):
            part = np.arange(first, min(first + block, rows))
            parts.append(self._gain(row_of(belief, part, {}), row_of(observation, part, {}), rng.select(part)))
        return np.concatenate(parts)

    def _gain(self, belief: State, observation: State, rng: EpisodeRandom) -> Array:
        policy = self.belief.user_model.policy
        assert isinstance(policy, DiscretePolicy)
        rows, size, count = rng.rows, self.belief.parameters.size, len(self.actions)
        outer = 1 if rows is None else rows
        games = self.belief.candidate_games(belief, observation, rows)
        game = for_candidates(games, count, outer * size).replace(
            assistant_action=np.tile(self._numbers(), (outer * size, *[1] * (self._numbers().ndim - 1))),
            turn_index=ASSISTANT_ACTS,
        )
        stream = rng.simulation().repeat(size * count)

        def ask(seen: State, users: State, _: EpisodeRandom) -> Value:
            return policy.probabilities(seen, users)

        def asked(players: Players) -> Value:
            assert players.user is not None
            assert players.assistant is not None
            moved, _, _ = players.assistant.move(game, stream)
            after = game.replace(
                task_state=moved, turn_index=USER_OBSERVES, round_index=game.round_index + 1
            )
            seen, users = look(players.user, after, stream)
            return (ask if policy.batched else looped(ask))(seen, users, stream)

        y = int(policy.action_space.n)
        found = np.broadcast_to(self._lineup.in_batch(asked), (outer * size * count, y))
        # The user's actions first: sums over a short last axis are slow.
        chances = np.ascontiguousarray(found.T).reshape(y, outer, size, count)
        weights = np.exp(np.broadcast_to(belief.log_weights, (outer, size)))
        mixed = np.einsum("rs,yrsc->yrc", weights, chances)
        gain = np.maximum(
            _entropy(mixed) - np.einsum("rs,rsc->rc", weights, _entropy(chances)), 0.0
        )
        return gain[0] if rows is None else gain


def _entropy(chances: Array) -> Array:
    """Give the entropy in bits of probabilities on the first axis."""
    found: Array = -(chances * np.log2(np.maximum(chances, 1e-300))).sum(axis=0)
    return found
