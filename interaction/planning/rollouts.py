"""Choosing by rollouts: simulated games in which the assistant goes on by its own policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant
from interaction.batching.candidates import for_candidates
from interaction.batching.lockstep import Lineup
from interaction.batching.play import CHUNK, check_discount, check_max_rounds, play
from interaction.batching.recording import Recorder, totals
from interaction.batching.selection import row_of
from interaction.batching.streams import LiftedRandom
from interaction.inference.particles import systematic
from interaction.inference.user_model import UserModelFilter
from interaction.opening import begin, for_rows
from interaction.planning.planner import Planner, check_number
from interaction.players import Players
from interaction.policy import Policy
from interaction.random import ASSISTANT_RESET, EpisodeRandom
from interaction.spaces import Space
from interaction.state import GameState, State, Value, lock
from interaction.turns import ASSISTANT_ACTS, SOURCES, play_half

Array = NDArray[Any]


class RolloutReturns(Planner):
    """Tells the expected return of each action of the assistant, by rollouts of users from the belief.

    In each rollout the assistant takes the action, and then is `assistant`, as it is simulated (its dual),
    for `horizon` rounds more. It goes on with what the acting assistant knows: the fields of its state that
    the simulated one has, too (its belief), and only what else there is begins anew. The rewards of the k-th
    round from here, from 0, count `discount`^k. Each of `samples` users is drawn from the belief,
    systematically; all actions meet the same users and the same random numbers.
    """

    @property
    def draws(self) -> bool:
        return True

    def __init__(
        self,
        belief: UserModelFilter,
        action_space: Space[Any],
        assistant: Assistant,
        horizon: int,
        samples: int,
        discount: float = 1.0,
    ) -> None:
        check_max_rounds(horizon, "RolloutReturns: horizon")
        check_discount(discount, "RolloutReturns")
        check_number(samples, "RolloutReturns: samples: expected a number")
        self.assistant = assistant.dual()
        self.horizon = horizon
        self.samples = samples
        self.discount = discount
        super().__init__(belief, action_space)

    def _prepare(self) -> None:
        user = self.belief.user_model
        self._lineup = Lineup(self.belief.task_model, user and user.dual(), self.assistant)

    def returns(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the return of each rollout: `(..., samples, actions)`."""
        if type(rng) is LiftedRandom:
            returns: Array = rng.outside(self.returns, state, observation, rng)
            return returns
        belief = state.__dict__.get(self.belief.field, state)
        rows, size, count = rng.rows, self.belief.parameters.size, len(self.actions)
        outer = 1 if rows is None else rows
        weights = np.exp(np.broadcast_to(belief.log_weights, (outer, size)))
        games = self.belief.games_to_play(belief, observation, rows, type(self).__name__)
        known = {name: part for name, part in state.items() if name in self.assistant.state_space.spaces}
        games = games.replace(assistant_state=for_candidates(State(**known), size, rows))
        uniform = np.broadcast_to(np.asarray(rng.random()), (outer,))
        drawn = systematic(weights, uniform, self.samples)  # (episodes, samples)
        users = (np.arange(outer)[:, None] * size + drawn).reshape(-1)
        stream = rng.simulation().repeat(self.samples, common=False).repeat(count)
        block = max(CHUNK // count, 1)
        found = np.empty((len(users), count))
        for first in range(0, len(users), block):
            part = np.arange(first, min(first + block, len(users)))
            game = for_candidates(row_of(games, users[part], {}), count, len(part))
            each = stream.select(np.arange(first * count, (first + len(part)) * count))
            found[part] = self._play(GameState(**game), each).reshape(len(part), count)
        shape = (self.samples, count) if rows is None else (outer, self.samples, count)
        return found.reshape(shape)

    def _play(self, game: GameState, rng: EpisodeRandom) -> Array:
        rows = rng.rows
        assert rows is not None
        actions = lock(np.concatenate([self.numbers] * (rows // len(self.actions))))

        def rollout(players: Players) -> Array:
            assert players.assistant is not None
            here = rng.copy()
            anew = begin(players.assistant, game, here.at(0, ASSISTANT_RESET))
            begun = game.replace(
                turn_index=ASSISTANT_ACTS,
                assistant_state=anew.replace(**game.assistant_state),
                assistant_action=for_rows(players.assistant.first_action, rows),
            )
            after, *rewards, over = play_half(players, begun, here, action=actions)
            total = np.zeros(rows) + sum(rewards)
            alive = np.flatnonzero(~np.broadcast_to(over, (rows,)))
            if len(alive):
                recorder = Recorder(len(alive), None, per_round=False)
                still = here.select(alive)
                play(
                    players,
                    row_of(after, alive, {}),
                    still,
                    recorder,
                    max_rounds=self.horizon,
                    check_first=False,
                    discount=self.discount,
                )
                for source in range(len(SOURCES)):
                    total[alive] += self.discount * totals([recorder], source)[0]
            return total

        return self._lineup.in_batch(rollout)

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        return np.asarray(self.returns(state, observation, rng).mean(axis=-2))


class RolloutPolicy(Policy):
    """Chooses the action with the highest mean return over rollouts (see `RolloutReturns`).

    Ties go to the first action.
    """

    batched = True

    def __init__(
        self,
        belief: UserModelFilter,
        action_space: Space[Any],
        assistant: Assistant,
        horizon: int,
        samples: int,
        discount: float = 1.0,
    ) -> None:
        self.rollouts = RolloutReturns(belief, action_space, assistant, horizon, samples, discount)
        self.action_space = action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        returns = self.rollouts.returns(state, observation, rng).mean(axis=-2)
        return self.rollouts.numbers[returns.argmax(axis=-1)], 0.0
