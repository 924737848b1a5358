"""Choosing by what one would learn: expected information gain about what the belief is about."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.batching.candidates import for_candidates
from interaction.batching.selection import row_of
from interaction.batching.streams import LiftedRandom
from interaction.errors import ArgumentError, ContractError
from interaction.inference.actions import action_probabilities
from interaction.inference.particles import systematic
from interaction.inference.partner_model import PartnerModelFilter
from interaction.planning.planner import Planner
from interaction.players import Players, Seat
from interaction.policy import DiscretePolicy, Policy
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import GameState, State, Value, lock
from interaction.task import missing
from interaction.turns import look

Array = NDArray[Any]

_ROWS = 4_096
"""How many rows are asked at once: what fits the cache."""

_LISTED = 4_096
"""How many actions of the user are asked for one by one; where there are more, some are drawn."""


class ExpectedInformationGain(Planner):
    """Tells how much the partner's next action would tell, for each action of the one who plans.

    Here the assistant plans, and the user answers; with an `AssistantModelFilter` it is the other way round.

    I(θ; y | a) = H(y | a) − H(y | θ, a), with P(y | a) = Σθ b(θ) P(y | θ, a): the mutual information, in
    bits, of what the belief is about and the user's next action y, once the assistant's action a has moved
    the task. It works for any user model with a `log_prob`:

    - It is exact where the user has finitely many actions (up to 4,096 of them, if the policy is no
      `DiscretePolicy`): each one's probability is asked for.
    - Otherwise `samples` actions y of the user are drawn, for each action a of the assistant, and the gain is
      the mean of KL(b(θ | y, a) || b(θ)), how far the belief after y is from the one now. The candidates that
      they are drawn from are taken systematically, each as often as its weight says. All actions of the
      assistant meet the same candidates and random numbers. `gain_and_error` tells the standard error, too,
      which falls with the square root of `samples`; where nearly all draws tell the same, it may be too
      small, and more draws are needed.

    The look of the user and the move of the task are played once, and all candidates share what they draw:
    where they do draw (a noisy eye), the gain is that of an observer who knows what was drawn, which is more
    than there is, and no error tells. An action after which the game is over counts as if it went on.

    Sources: Liu et al., "BIGnav: Bayesian information gain for guiding multiscale navigation", CHI 2017; for
    the two forms of the gain, Lindley, "On a measure of the information provided by an experiment", 1956.
    """

    for_users = True

    def __init__(self, belief: PartnerModelFilter, action_space: Space[Any], samples: int = 256) -> None:
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 2:
            raise ArgumentError(f"ExpectedInformationGain: samples: expected a number >= 2, got {samples!r}")
        self.samples = samples
        super().__init__(belief, action_space)

    def _prepare(self) -> None:
        partner = self.belief.someone("ExpectedInformationGain")
        super()._prepare()
        self._policy = partner.policy
        actions = spaces.count(partner.policy.action_space)
        listed = actions is not None and actions <= _LISTED
        self._exact = isinstance(partner.policy, DiscretePolicy) or listed

    @property
    def draws(self) -> bool:
        return not self._exact

    def gain(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the expected information gain of each action, in bits: `(..., actions)`."""
        if type(rng) is LiftedRandom:
            gain: Array = rng.outside(self.gain, state, observation, rng)
            return gain
        return self.gain_and_error(state, observation, rng)[0]

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the gain of each action: `(..., actions)`."""
        return self.gain(state, observation, rng)

    def gain_and_error(self, state: State, observation: State, rng: EpisodeRandom) -> tuple[Array, Array]:
        """Give the gain of each action and its Monte Carlo standard error, in bits: `(..., actions)` each.

        The error is 0 where the gain is exact.
        """
        if type(rng) is LiftedRandom:
            both: tuple[Array, Array] = rng.outside(self.gain_and_error, state, observation, rng)
            return both
        belief = state.__dict__.get(self.belief.field, state)
        rows, size, count = rng.rows, self.belief.parameters.size, len(self.actions)
        outer = 1 if rows is None else rows
        log_weights = np.broadcast_to(belief.log_weights, (outer, size))
        games = self.belief.games_to_play(belief, observation, rows, type(self).__name__)
        stream = rng.simulation()
        block = max(_ROWS // (max(size, 0 if self._exact else self.samples) * count), 1)
        gain, error = np.empty((outer, count)), np.zeros((outer, count))
        for first in range(0, outer, block):
            chunk = slice(first, first + block)
            some, few = games, stream
            if block < outer:
                part = np.arange(first, min(first + block, outer))
                some = row_of(games, np.arange(part[0] * size, (part[-1] + 1) * size), {})
                few = stream.select(part)
            gain[chunk], error[chunk] = self._told(some, log_weights[chunk], few)
        return (gain[0], error[0]) if rows is None else (gain, error)

    def _told(self, games: GameState, log_weights: Array, rng: EpisodeRandom) -> tuple[Array, Array]:
        """The gain of each action and its error, `(episodes, actions)`."""
        (outer, size), count = log_weights.shape, len(self.actions)
        game = for_candidates(games, count, outer * size)
        actions = lock(np.concatenate([self.numbers] * (outer * size)))
        game = GameState(**game).replace(turn_index=self.side.acts, **{self.side.action: actions})
        weights = np.exp(log_weights)
        partner = self.belief.side

        def tell(players: Players) -> tuple[Array, Array]:
            seat = partner.seat(players)
            stream = rng.repeat(size).repeat(count)
            moved, _, _ = self.side.seat(players).move(game, stream)
            after = game.replace(
                task_state=moved,
                previous_task_state=game.task_state,
                turn_index=partner.observes,
                round_index=game.round_index + partner.opens,
            )
            seen, partners = look(seat, after, stream)
            if not self._exact:
                return self._sampled(seat, seen, partners, log_weights, rng)
            counts = np.repeat(weights.reshape(-1) > 0, count)
            found = action_probabilities(self._lineup, self._policy, seat, seen, partners, stream, counts)
            # The user's actions first: sums over a short last axis are slow.
            chances = np.ascontiguousarray(found.T).reshape(-1, outer, size, count)
            return _information(chances, weights), np.zeros((outer, count))

        return self._lineup.in_batch(tell)

    def _sampled(
        self, seat: Seat, seen: State, partners: State, log_weights: Array, rng: EpisodeRandom
    ) -> tuple[Array, Array]:
        """The same by draws of the user's action, from what each candidate sees after each action."""
        (outer, size), count, samples = log_weights.shape, len(self.actions), self.samples
        uniform = np.broadcast_to(np.asarray(rng.copy().random()), (outer,))
        drawn = systematic(np.exp(log_weights), uniform, samples)  # (episodes, samples)
        shape = outer, samples, count
        looks = np.arange(outer * size * count).reshape(outer, size, count)
        stream = rng.repeat(samples, common=False).repeat(count).at(0, seat.first_slot + 2)

        def of(rows: Array) -> tuple[State, State]:
            memo: dict[int, Value] = {}
            index = np.broadcast_to(rows, shape).reshape(-1)
            return row_of(seen, index, memo), row_of(partners, index, memo)

        policy = type(self._policy).__name__
        action, _ = seat.sample(*of(looks[np.arange(outer)[:, None], drawn]), stream)
        seat.action_membership.check(action, f"{policy}.sample", stream.rows)
        mixed, told = np.full(shape, -np.inf), np.zeros(shape)  # log Σ b p, and the mean of log p under b p
        never = np.zeros(shape, bool)
        for candidate in range(size):
            found = seat.log_prob(action, *of(looks[:, None, candidate]), stream)
            log_prob = np.broadcast_to(found, outer * samples * count).reshape(shape)
            never |= np.isneginf(log_prob) & (drawn[..., None] == candidate)
            mixed, told = _mixed(mixed, told, log_prob, log_weights[:, candidate, None, None])
        bits = (told - mixed) / np.log(2)
        if never.any() or not np.isfinite(bits).all():
            raise ContractError(
                f"{policy}.log_prob: expected the log probability of what {policy}.sample draws, finite "
                f"under the candidate that draws it and a number below infinity under the others"
            )
        bits = np.ascontiguousarray(np.maximum(bits, 0.0).swapaxes(1, 2))  # (episodes, actions, samples)
        # Draws that follow each other are of the same candidate, or of neighbours: how much they differ does
        # not count how much the candidates do, each of which is there as often as its weight says.
        apart = np.diff(bits, axis=-1)
        return bits.mean(axis=-1), np.sqrt((apart**2).mean(axis=-1) / 2 / samples)


def _mixed(mixed: Array, told: Array, log_prob: Array, log_weight: Array) -> tuple[Array, Array]:
    """Take one more candidate into log Σ b p and into the mean of log p under the weights b p."""
    with np.errstate(invalid="ignore"):  # of what is no number the caller tells
        joint = np.where(np.isneginf(log_weight), log_weight, log_weight + log_prob)
        mixed = np.logaddexp(mixed, joint)
        share = np.where(np.isneginf(joint), 0.0, np.exp(joint - mixed))
        return mixed, np.where(share > 0, told + share * (log_prob - told), told)


def _information(chances: Array, weights: Array) -> Array:
    """Give the mutual information in bits, for chances `(user's actions, episodes, candidates, actions)`."""
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

    def __init__(
        self, belief: PartnerModelFilter, action_space: Space[Any], threshold: float = 0.8, samples: int = 256
    ) -> None:
        if isinstance(threshold, bool) or not 0 < threshold <= 1:
            raise ArgumentError(
                f"{type(self).__name__}: threshold: expected a probability in (0, 1], got {threshold!r}"
            )
        self.information = ExpectedInformationGain(belief, action_space, samples)
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
