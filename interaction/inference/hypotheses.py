"""What a belief is over: candidates, each a whole user with its values of what is hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import User
from interaction.batching.candidates import flat, flat_state, for_candidates
from interaction.batching.lockstep import Lineup, lead
from interaction.batching.selection import row_of
from interaction.batching.streams import LiftedRandom
from interaction.component import PreparedComponent
from interaction.errors import (
    ContractError,
    UnknownFieldError,
    unknown_name,
)
from interaction.inference.actions import action_probabilities
from interaction.inference.candidates import Grid, Samples
from interaction.inference.movement import log_sum
from interaction.inference.posterior import Posterior
from interaction.membership import membership
from interaction.players import Players
from interaction.policy import RandomPolicy
from interaction.prediction import NoTask
from interaction.random import EpisodeRandom
from interaction.spaces import Space, shape_of
from interaction.state import GameState, Provenance, State, Value, freeze, get_path, make
from interaction.task import InteractionTask
from interaction.turns import look

Array = NDArray[Any]
_TASK = "task_state."

NOBODY = User(policy=RandomPolicy(spaces.Discrete(1)))
"""Stands in for the user of a filter that has none."""


def _next_look(observation: State) -> State:
    """Give what the user will see when it acts next: in the next round, if it has acted in this one."""
    if "round_index" not in observation or observation.__dict__.get("turn_index", 0) < 2:
        return observation
    return observation.replace(round_index=observation.round_index + 1, turn_index=0)


class Hypotheses(PreparedComponent):
    """Candidate users, and what each of them would see and do; a belief gives them weights.

    `user_model` is the user whose parameters are hidden (or None), `parameters` a `Grid` or `Samples` of
    their values, `task_model` the task in which they act, and `field` the one of an agent's state that holds
    the belief.
    """

    def __init__(
        self,
        user_model: User | None,
        parameters: Grid | Samples,
        task_model: InteractionTask | None,
        field: str,
    ) -> None:
        self.user_model = user_model
        self.parameters = parameters
        self.task_model = NoTask() if task_model is None else task_model
        self.field = field

    def _prepare(self) -> None:
        """Resolve what follows from the models."""
        self._read_spaces()
        self._lineup = Lineup(self.task_model, self._user, None)
        self._actions = membership(self._user.policy.action_space)

    def _parameter_space(self, name: str, where: str) -> Space[Any]:
        of_task = name.startswith(_TASK) or self.user_model is None
        valid = dict(spaces.leaves(self._task_space if of_task else self._user_space))
        key = name.removeprefix(_TASK)
        if key not in valid or (of_task and key == name):
            owner = type(self.task_model if of_task else self.user_model).__name__
            listed = [f"{_TASK}{path}" if of_task else path for path in valid]
            raise unknown_name(name, listed, f"{where}: parameters of {owner}")
        return valid[key]

    def _hidden_names(self) -> list[str]:
        return [name for name in self.parameters.names if name.startswith(_TASK)]

    def _read_spaces(self) -> None:
        self._user = NOBODY if self.user_model is None else self.user_model
        self._task_space, self._user_space = self.task_model.state_space, self._user.state_space

    # What the candidates see.

    def candidate_games(self, belief: State, seen: State, rows: int | None) -> GameState:
        """Give a game as each candidate sees it, one row each: in a batch, `episodes · candidates` rows."""
        size = self.parameters.size
        task_state = for_candidates(seen.task_state, size, rows)
        for name, values in belief.hidden.items():
            column = flat(values, rows, self._task_space[name])
            task_state = State(**{**task_state.__dict__, name: column})
        game = GameState(task_state=task_state, user_state=flat_state(belief.users, rows, self._user_space))
        fields = dict(game.replace(previous_task_state=State()))  # not known; who reads it gets an error
        for name in ("round_index", "user_action", "assistant_action"):
            if name in seen:
                fields[name] = for_candidates(seen[name], size, rows)
            else:
                del fields[name]  # nor is this
        if "round_index" in seen:
            begins = seen.__dict__.get("turn_index", 0) == 0 and np.asarray(seen.round_index) == 0
            provenance = np.where(begins, int(Provenance.UNKNOWN), int(Provenance.INTERVENED))
            fields["provenance"] = for_candidates(freeze(provenance), size, rows)
        else:
            del fields["provenance"]
        game = make(GameState, fields)
        return game

    def games_to_play(self, belief: State, observation: State, rows: int | None, where: str) -> GameState:
        """The same for who plays on from there: raise where the observation does not tell what that needs."""
        seen = observation.__dict__
        for name in ("round_index", "user_action"):
            if name not in seen and (name == "round_index" or self.user_model is not None):
                raise UnknownFieldError(
                    f"{where}: expected {name} in the assistant's observation, from which the game is played "
                    f"on; got only {', '.join(seen)}"
                )
        games = self.candidate_games(belief, observation, rows)
        return GameState(**dict(games))

    def _asked(self, ask: Callable[[Players], Any]) -> Any:
        """Ask the candidates; one that reads the state before the one it sees is told why it cannot."""
        try:
            return self._lineup.in_batch(ask)
        except UnknownFieldError as error:
            if error.obj == State() and len(self._task_space.spaces):
                error.add_note(
                    "A filter knows what the user saw, but not the previous_task_state that the user saw "
                    "with it: keep what the user model needs of it in the task's state, or in the user's."
                )
            raise

    def _likelihood(
        self, log_prob: Value, belief: State, observation: State, where: str, rows: int | None
    ) -> Array:
        """Give log likelihoods as `(..., candidates)`; raise for what is none in a candidate that is left."""
        size = self.parameters.size
        total = size if rows is None else rows * size
        whole = np.broadcast_to(np.asarray(log_prob, float), (total,))
        shaped = whole if rows is None else whole.reshape(rows, size)
        wrong = np.isnan(shaped) | np.isposinf(shaped)
        if not wrong.any():
            return shaped
        wrong &= ~np.isneginf(belief.log_weights)
        if wrong.any():
            place = tuple(np.argwhere(wrong)[0])
            posterior = self.posterior(belief)
            own = place[-posterior.weights.ndim :]
            values = {name: array[own].tolist() for name, array in posterior.values.items()}
            seen = observation if rows is None else row_of(observation, int(place[0]))
            raise ContractError(
                f"UserModelFilter: {where}: expected a log likelihood, a number below infinity, got "
                f"{shaped[place]} for the candidate {values}, which saw {seen!r}"
            )
        return np.where(np.isneginf(belief.log_weights), -np.inf, shaped)

    # Reading the belief.

    def values(self, belief: State) -> dict[str, Array]:
        """Give the candidates' values of each parameter: `(..., candidates)`."""
        return {
            name: belief.hidden[name.removeprefix(_TASK)]
            if name.startswith(_TASK)
            else get_path(belief.users, name)
            for name in self.parameters.names
        }

    def posterior(self, state: State) -> Posterior:
        """Give the posterior in an assistant's state (or in a belief itself)."""
        belief = state.__dict__.get(self.field, state)
        axes = self.parameters.axes if isinstance(self.parameters, Grid) else None
        found = {
            name: (array, shape_of(self._parameter_space(name, "")))
            for name, array in self.values(belief).items()
        }
        leads = [array.shape[: array.ndim - len(shape)] for array, shape in found.values()]
        lead = np.broadcast_shapes(belief.log_weights.shape, *leads)
        return Posterior(
            weights=np.broadcast_to(np.exp(belief.log_weights), lead),
            values={name: np.broadcast_to(array, (*lead, *shape)) for name, (array, shape) in found.items()},
            axes=axes,
            log_evidence=belief.log_evidence,
            surprise=belief.surprise,
        )

    def predict(self, state: State, observation: State, rng: EpisodeRandom) -> Array:
        """Give the probability of each next action of the user, in the order of `spaces.elements`.

        The shape is `(..., actions)`. P(a | h) = Σθ b(θ) π(a | h, θ), with the candidates' look at what the
        assistant observes now (in the round in which the user acts next). Raises `ContractError` for actions
        that are not finitely many; see
        `predict_log_prob`.
        """
        if type(rng) is LiftedRandom:
            found: Array = rng.outside(self.predict, state, observation, rng)
            return found
        policy = self._someone("predict").policy
        if spaces.count(policy.action_space) is None:
            raise ContractError(
                f"predict: {type(policy).__name__} acts in {policy.action_space}, whose actions cannot be "
                f"listed: ask predict_log_prob(action, state, observation, rng), which gives the log density "
                f"of an action"
            )
        belief = state.__dict__.get(self.field, state)
        rows, size = rng.rows, self.parameters.size
        game = self.candidate_games(belief, _next_look(observation), rows)
        stream = rng.simulation().repeat(size)
        weights = np.exp(belief.log_weights)

        def predict(players: Players) -> Array:
            assert players.user is not None
            seen, users = look(players.user, game, stream)
            counts = np.broadcast_to(weights > 0, (rows or 1, size)).reshape(-1)
            return action_probabilities(self._lineup, players, seen, users, stream, counts)

        chances = self._asked(predict)
        chances = chances.reshape((size, -1) if rows is None else (rows, size, -1))
        mixed: Array = (weights[..., None] * chances).sum(axis=-2)
        mixed /= mixed.sum(axis=-1, keepdims=True)
        return mixed

    def predict_log_prob(
        self, action: Value, state: State, observation: State, rng: EpisodeRandom
    ) -> float | Array:
        """Give the log probability (natural; in a box, the log density) of a next action of the user.

        log Σθ b(θ) π(a | h, θ): a number, or one for each episode of a batch, in which an action of one
        episode's shape stands for all. For any policy with a `log_prob`.
        """
        if type(rng) is LiftedRandom:
            found: Array = rng.outside(self.predict_log_prob, action, state, observation, rng)
            return found
        self._someone("predict_log_prob")
        belief = state.__dict__.get(self.field, state)
        rows, size = rng.rows, self.parameters.size
        action = self._actions.conform(freeze(action))
        if rows is not None:
            action = lead(action, self._actions.space, rows)
        self._actions.check(action, "UserModelFilter.predict_log_prob", rows)
        actions = for_candidates(action, size, rows)
        game = self.candidate_games(belief, _next_look(observation), rows)
        stream = rng.simulation().repeat(size)

        def ask(players: Players) -> Value:
            assert players.user is not None
            seen, users = look(players.user, game, stream)
            return players.user.log_prob(actions, seen, users, stream)

        where = f"{type(self._user).__name__}.log_prob"
        log_prob = self._likelihood(self._asked(ask), belief, observation, where, rows)
        log_weights = np.asarray(belief.log_weights)
        mixed: float | Array = freeze(log_sum(log_weights + log_prob) - log_sum(log_weights))
        return mixed

    def _someone(self, where: str) -> User:
        """Give the user model; raise where there is none."""
        if self.user_model is None:
            raise ContractError(f"{where}: expected a belief over a user; it has none")
        return self.user_model
