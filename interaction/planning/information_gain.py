"""Choosing by what one would learn: expected information gain about what the belief is about."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.batching.candidates import for_candidates
from interaction.batching.selection import row_of
from interaction.batching.streams import is_lifted
from interaction.errors import ArgumentError
from interaction.inference.candidates import Grid
from interaction.inference.particles import systematic
from interaction.inference.partner_model import PartnerModelFilter
from interaction.planning.answers import Answering, Looks
from interaction.planning.channels import information, information_of_answers, mean_and_error, rows_of
from interaction.planning.drawn_gain import DrawnGain
from interaction.planning.planner import Planner
from interaction.players import Players
from interaction.policy import DiscretePolicy, Policy
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import GameState, State, Value, lock
from interaction.task import missing

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

    Where the user draws while it looks (a noisy eye), or the task as it moves, `samples` draws of that are
    taken, too, and the error tells of them. What the user draws the assistant does not see; what the task
    draws it is taken to see before the answer, unless the belief is about the task's state: there the gain is
    what the answer alone tells, without what else is seen. That the game is over is an answer, too: an action
    that ends it for all candidates tells nothing.

    Raises `ArgumentError` for fewer than two samples, and `ContractError` for a belief over no partner.
    Sources: Liu et al., "BIGnav: Bayesian information gain for guiding multiscale navigation", CHI 2017; for
    the two forms of the gain, Lindley, "On a measure of the information provided by an experiment", 1956.

    >>> from interaction import Bundle, EpisodeRandom, ExpectedInformationGain
    >>> from interaction.assistants.pointing import InformationGain
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(gridsize=9, n_targets=2, mode="position"), CarefulPointer(error_rate=0.1)
    >>> assistant = InformationGain(user, task)
    >>> planner = ExpectedInformationGain(assistant.beliefs[0], task.state_space["position"])
    >>> game = Bundle(task, user, assistant).reset(seed=3, go_to="assistant_acts")
    >>> bits = planner.values(game.assistant_state, game.assistant_observation, EpisodeRandom())
    >>> game.task_state.targets, bits.round(2)  # by cell
    (array([4, 6]), array([0.  , 0.  , 0.  , 0.  , 1.  , 0.53, 1.  , 0.  , 0.  ]))
    """

    for_users = True
    in_task = False

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
        if is_lifted(rng, self, "gain"):
            gain: Array = rng.outside(self.gain, state, observation, rng)
            return gain
        return self.gain_and_error(state, observation, rng)[0]

    def values(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the gain of each action: `(..., actions)`."""
        return self.gain(state, observation, rng)

    def gain_and_error(self, state: State, observation: State, rng: EpisodeRandom) -> tuple[Array, Array]:
        """Give the gain of each action and its Monte Carlo standard error, in bits: `(..., actions)` each.

        The error is 0 where the gain is exact. Where it is not, the gain may lie below 0 by chance.
        """
        if is_lifted(rng, self, "gain_and_error"):
            both: tuple[Array, Array] = rng.outside(self.gain_and_error, state, observation, rng)
            return both
        belief = self.belief.belief_in(state)
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

        def tell(players: Players) -> tuple[Array, Array]:
            hidden = bool(self.belief.hidden_names)
            answering = Answering(self._lineup, players, self.side, self._policy, hidden, count)
            looks, luck, noise = self._looked(answering, game, outer, rng)
            if not (luck | noise).any():
                return self._known(answering, looks, log_weights, rng)
            found = np.empty((2, outer, count))
            for lucky, noisy in ((False, False), (False, True), (True, False), (True, True)):
                part = np.flatnonzero((luck == lucky) & (noise == noisy))  # with those of the case before
                if not len(part):
                    continue
                rows = np.arange(outer * size * count).reshape(outer, -1)[part].reshape(-1)
                some, few = GameState(**dict(row_of(game, rows, {}))), self._part(rng, part)
                if lucky or noisy:
                    drawn = DrawnGain(answering, self._exact, self.samples, lucky, noisy)
                    gain, error, drew = drawn.told(some, log_weights[part], few)
                    found[:, part] = gain, error
                    noise[part] |= drew  # it may draw only where the task has drawn something else
                else:
                    looks, _, _ = self._looked(answering, some, len(part), few)
                    found[:, part] = self._known(answering, looks, log_weights[part], few)
            return found[0], found[1]

        return self._lineup.in_batch(tell)

    @staticmethod
    def _part(rng: EpisodeRandom, part: Array) -> EpisodeRandom:
        return rng if rng.rows is None else rng.select(part)

    def _looked(
        self, answering: Answering, game: GameState, outer: int, rng: EpisodeRandom
    ) -> tuple[Looks, Array, Array]:
        """Give what the candidates see, and the episodes in which the task draws, and in which they do."""
        stream = rng.repeat(self.belief.parameters.size).repeat(answering.count)
        moves, moving = answering.moved(game, stream)
        looks, looking = answering.looks(moves, stream)
        luck, noise = (np.any(note.rows.reshape(outer, -1), axis=1) for note in (moving, looking))
        if answering.hidden:  # what is shown may tell of what is hidden, and none of it is taken to be seen
            luck, noise = np.zeros_like(luck), noise | luck
        return looks, np.asarray(luck), np.asarray(noise)

    def _known(
        self, answering: Answering, looks: Looks, log_weights: Array, rng: EpisodeRandom
    ) -> tuple[Array, Array]:
        """The gain where nothing is drawn but answers."""
        (outer, size), count = log_weights.shape, answering.count
        weights = np.exp(log_weights)
        if self._exact:
            counts = np.repeat(weights.reshape(-1) > 0, count)
            chances = answering.chances(looks, counts).reshape(-1, outer, size, count)
            return np.maximum(information(chances, weights), 0.0), np.zeros((outer, count))
        uniform = np.broadcast_to(np.asarray(rng.copy().random()), (outer,))
        authors = systematic(weights, uniform, self.samples)
        stream = rng.repeat(self.samples, common=False).repeat(count)
        answers = answering.answers(looks, rows_of(authors, size, count).reshape(-1), stream)
        bits = information_of_answers(answering, answers, [looks], log_weights, authors)[0]
        return mean_and_error(bits)


class InformationGainPolicy(Policy):
    """Chooses the action with the largest expected information gain, until the belief is sure enough.

    The belief is over a `Grid`. Once one candidate's probability exceeds `threshold`, `settle` says what to
    do. Ties go to the first action.
    Raises `ArgumentError` for `Samples`, and for a threshold outside (0, 1].

    >>> from interaction import BelievingAssistant, Bundle, Grid, InformationGainPolicy, UserModelFilter
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> class AsksThenGoes(InformationGainPolicy):
    ...     def settle(self, observation, state, candidate):
    ...         return observation.task_state.targets[candidate]
    >>> task, user = PointingTask(31, 8, mode="position"), CarefulPointer(error_rate=0.1)
    >>> belief = UserModelFilter(user, Grid({"task_state.goal": range(8)}), task_model=task)
    >>> assistant = BelievingAssistant(belief, AsksThenGoes(belief, task.state_space["position"]))
    >>> runs = Bundle(task, user, assistant, max_rounds=30).run(1, seed=0)
    >>> runs.start["task_state.targets"], runs["task_state.position"]
    (array([[ 0,  7,  9, 10, 16, 17, 28, 29]]), array([[16,  9, 10, 10]]))
    """

    def __init__(
        self, belief: PartnerModelFilter, action_space: Space[Any], threshold: float = 0.8, samples: int = 256
    ) -> None:
        if isinstance(threshold, bool) or not 0 < threshold <= 1:
            raise ArgumentError(
                f"{type(self).__name__}: threshold: expected a probability in (0, 1], got {threshold!r}"
            )
        self.information = ExpectedInformationGain(belief, action_space, samples)
        if not isinstance(belief.parameters, Grid):
            raise ArgumentError(
                f"{type(self).__name__}: expected a belief over a Grid, one of whose candidates may become "
                f"probable, got Samples of {', '.join(belief.parameters.names)}: no particle does; ask by "
                f"GreedyPolicy(ExpectedInformationGain(...)), or decide in a policy of your own"
            )
        self.threshold = threshold
        self.action_space = action_space

    def settle(self, observation: State, state: State, candidate: Value) -> Value:
        """Give the action for a belief that is sure of a candidate (its index)."""
        raise missing(self, "settle(self, observation, state, candidate)", "returns the action")

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, float]:
        weights = np.exp(self.information.belief.belief_in(state).log_weights)
        if weights.max() > self.threshold:
            return self.settle(observation, state, weights.argmax()), 0.0
        return self.information.best(state, observation, rng), 0.0
