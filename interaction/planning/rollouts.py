"""Choosing by rollouts: simulated games in which the one who plans goes on by its own policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Agent
from interaction.batching.candidates import for_candidates
from interaction.batching.play import CHUNK, check_discount, play
from interaction.batching.recording import Recorder, totals
from interaction.batching.selection import row_of
from interaction.batching.streams import is_lifted
from interaction.errors import ContractError
from interaction.inference.particles import systematic
from interaction.inference.partner_model import PartnerModelFilter
from interaction.opening import begin, for_rows
from interaction.planning.planner import Planner, check_number
from interaction.players import Players
from interaction.policy import Policy
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import GameState, State, Value, lock
from interaction.turns import SOURCES, play_half

Array = NDArray[Any]


class RolloutReturns(Planner):
    """Tells the expected return of each action, by rollouts of partners from the belief.

    In each rollout the one who plans takes the action, and then is `agent` (an assistant or, with an
    `AssistantModelFilter`, a user), as it is simulated (its dual), to the end of the round and for `horizon`
    rounds more. It goes on with what the acting agent knows: the fields of its state that the simulated one
    has, too (its belief), and only what else there is begins anew. The rewards of the k-th round from here,
    from 0, count `discount`^k. Each of `samples` partners is drawn from the belief, systematically; all
    actions meet the same partners and the same random numbers.
    Source: Tesauro & Galperin 1996, "On-line policy improvement using Monte-Carlo search" (for one state that
    is known).

    Raises `ArgumentError` for a horizon or a number of samples below one, `ContractError` for an agent of
    the other role.

    >>> from interaction import Bundle, EpisodeRandom, RolloutReturns
    >>> from interaction.assistants.pointing import InformationGain, NoAssistant
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(gridsize=9, n_targets=2, mode="position"), CarefulPointer(error_rate=0.0)
    >>> assistant = InformationGain(user, task)
    >>> planner = RolloutReturns(assistant.beliefs[0], task.state_space["position"], NoAssistant(task), 12, 4)
    >>> game = Bundle(task, user, assistant).reset(seed=3, go_to="assistant_acts")
    >>> returns = planner.values(game.assistant_state, game.assistant_observation, EpisodeRandom())
    >>> game.task_state.targets, returns  # by cell
    (array([4, 6]), array([-6., -5., -4., -3., -2., -2., -2., -3., -4.]))
    """

    for_users = True

    @property
    def draws(self) -> bool:
        return True

    def __init__(
        self,
        belief: PartnerModelFilter,
        action_space: Space[Any],
        agent: Agent,
        horizon: int,
        samples: int,
        discount: float = 1.0,
    ) -> None:
        check_number(horizon, "RolloutReturns: horizon: expected a number of rounds")
        check_discount(discount, "RolloutReturns")
        check_number(samples, "RolloutReturns: samples: expected a number")
        self.agent = agent.dual()
        self.horizon = horizon
        self.samples = samples
        self.discount = discount
        super().__init__(belief, action_space)

    def _prepare(self) -> None:
        if self.agent.role != self.side.role:
            raise ContractError(
                f"RolloutReturns: who plans by a belief over the {self.belief.side.role} is of the role "
                f"{self.side.role!r}, got {type(self.agent).__name__} of the role {self.agent.role!r}"
            )
        self._check_carried(self.agent)
        self._lineup = self._seated(self.agent, dual=True)

    def returns(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the return of each rollout: `(..., samples, actions)`."""
        if is_lifted(rng, self, "returns"):
            returns: Array = rng.outside(self.returns, state, observation, rng)
            return returns
        belief = self.belief.belief_in(state)
        rows, size, count = rng.rows, self.belief.parameters.size, len(self.actions)
        outer = 1 if rows is None else rows
        weights = np.exp(np.broadcast_to(belief.log_weights, (outer, size)))
        games = self.belief.games_to_play(belief, observation, rows, type(self).__name__)
        known = {name: part for name, part in state.items() if name in self.agent.state_space.spaces}
        games = games.replace(**{self.side.state: for_candidates(State(**known), size, rows)})
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
        if np.isnan(found).any():
            raise ContractError(
                f"{type(self).__name__}: expected rewards that are numbers, got a return of NaN"
            )
        shape = (self.samples, count) if rows is None else (outer, self.samples, count)
        return found.reshape(shape)

    def _play(self, game: GameState, rng: EpisodeRandom) -> Array:
        rows = rng.rows
        assert rows is not None
        actions = lock(np.concatenate([self.numbers] * (rows // len(self.actions))))

        side = self.side

        def rollout(players: Players) -> Array:
            seat, here = side.seat(players), rng.copy()
            anew = begin(seat, game, here.at(0, seat.reset_slot))
            fields = {side.state: anew.replace(**game[side.state])}
            fields[side.action] = for_rows(seat.first_action, rows)
            begun = game.replace(turn_index=side.acts, **fields)
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
                    max_rounds=self.horizon + side.opens,  # a user's round is not over yet
                    check_first=False,
                    discount=self.discount,
                )
                later = 1.0 if side.opens else self.discount
                for source in range(len(SOURCES)):
                    total[alive] += later * totals([recorder], source)[0]
            return total

        return self._lineup.in_batch(rollout)

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        return np.asarray(self.returns(state, observation, rng).mean(axis=-2))


class RolloutPolicy(Policy):
    """Chooses the action with the highest mean return over rollouts (see `RolloutReturns`).

    Ties go to the first action.

    >>> from interaction import Bundle, RolloutPolicy
    >>> from interaction.assistants.pointing import InformationGain, NoAssistant
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(gridsize=9, n_targets=2, mode="position"), CarefulPointer(error_rate=0.0)
    >>> assistant = InformationGain(user, task)
    >>> policy = RolloutPolicy(assistant.beliefs[0], task.state_space["position"], NoAssistant(task), 12, 4)
    >>> runs = Bundle(task, user, assistant.replace(policy=policy)).run(1, seed=3)
    >>> runs.start["task_state.targets"], runs.start["task_state.goal"], runs["task_state.position"]
    (array([[4, 6]]), array([1]), array([[4, 6, 6]]))
    """

    batched = True

    def __init__(
        self,
        belief: PartnerModelFilter,
        action_space: Space[Any],
        agent: Agent,
        horizon: int,
        samples: int,
        discount: float = 1.0,
    ) -> None:
        self.rollouts = RolloutReturns(belief, action_space, agent, horizon, samples, discount)
        self.action_space = action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        returns = self.rollouts.returns(state, observation, rng).mean(axis=-2)
        return self.rollouts.numbers[returns.argmax(axis=-1)], 0.0
