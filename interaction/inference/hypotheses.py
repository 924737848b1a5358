"""What a belief is over: candidates, each a whole agent with its values of what is hidden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import Agent
from interaction.batching.candidates import flat, flat_state, for_candidates
from interaction.batching.lockstep import lead
from interaction.batching.selection import row_of
from interaction.batching.streams import is_lifted
from interaction.component import PreparedComponent
from interaction.errors import (
    ContractError,
    UnknownFieldError,
    unknown_name,
)
from interaction.inference.actions import action_probabilities
from interaction.inference.candidates import Grid, Samples
from interaction.inference.movement import PREFIX, log_sum
from interaction.inference.posterior import Posterior
from interaction.inference.sides import Side
from interaction.membership import membership
from interaction.noted import Note, noted
from interaction.players import Players
from interaction.prediction import NoTask
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space, shape_of
from interaction.state import GameState, Provenance, State, Value, freeze, get_path, make
from interaction.task import InteractionTask
from interaction.turns import look

Array = NDArray[Any]


class Hypotheses(PreparedComponent):
    """Candidate partners, and what each of them would see and do; a belief gives them weights.

    `model` is the partner whose parameters are hidden (or None), `parameters` a `Grid` or `Samples` of their
    values, `task_model` the task in which they act, and `field` the one of an agent's state that holds the
    belief.
    """

    side: ClassVar[Side]
    """The side that the partner plays; who believes plays the other one."""

    def __init__(
        self,
        model: Agent | None,
        parameters: Grid | Samples,
        task_model: InteractionTask | None,
        field: str,
    ) -> None:
        setattr(self, f"{self.side.role}_model", model)
        self.parameters = parameters
        self.task_model = NoTask() if task_model is None else task_model
        self.field = field

    @property
    def model(self) -> Agent | None:
        """The partner whose parameters are hidden: the `user_model` or `assistant_model`."""
        found: Agent | None = getattr(self, f"{self.side.role}_model")
        return found

    @property
    def partner_space(self) -> Dict:
        """The space of the partner's state."""
        return self._partner_space

    @property
    def _name(self) -> str:
        return f"{self.side.agent.__name__}ModelFilter"

    def _prepare(self) -> None:
        """Resolve what follows from the models."""
        self._read_spaces()
        self._lineup = self.side.lineup(self.task_model, self._partner, None)
        self._actions = membership(self._partner.policy.action_space)

    def parameter_space(self, name: str, where: str = "") -> Space[Any]:
        """Give the space of a parameter; raise for what is none."""
        of_task = name.startswith(PREFIX) or self.model is None
        valid = dict(spaces.leaves(self._task_space if of_task else self.partner_space))
        key = name.removeprefix(PREFIX)
        if key not in valid or (of_task and key == name):
            owner = type(self.task_model if of_task else self.model).__name__
            listed = [f"{PREFIX}{path}" if of_task else path for path in valid]
            raise unknown_name(name, listed, f"{where}: parameters of {owner}")
        return valid[key]

    @property
    def hidden_names(self) -> list[str]:
        """The hidden entries of the task's state that the belief is about."""
        return [name.removeprefix(PREFIX) for name in self.parameters.names if name.startswith(PREFIX)]

    def _read_spaces(self) -> None:
        self._partner = self.side.nobody() if self.model is None else self.model
        self._task_space, self._partner_space = self.task_model.state_space, self._partner.state_space

    # What the candidates see.

    def candidate_games(
        self, belief: State, seen: State, rows: int | None, before: State | None = None
    ) -> GameState:
        """Give a game as each candidate sees it, one row each: in a batch, `episodes · candidates` rows.

        `before` is the task's state just before its partner moved it, where that is known.
        """
        size, side = self.parameters.size, self.side
        task_state = for_candidates(seen.task_state, size, rows)
        for name, values in belief.hidden.items():
            column = flat(values, rows, self._task_space[name])
            task_state = State(**{**task_state.__dict__, name: column})
        game = GameState(task_state=task_state)
        fields = dict(game.replace(previous_task_state=State()))  # not known; who reads it gets an error
        fields[side.state] = flat_state(belief[side.many], rows, self.partner_space)
        if before is not None:
            fields["previous_task_state"] = for_candidates(before, size, rows)
        for name in ("round_index", "user_action", "assistant_action"):
            if name in seen:
                fields[name] = for_candidates(seen[name], size, rows)
            else:
                del fields[name]  # nor is this
        if not side.opens:
            fields |= {"turn_index": side.observes, "provenance": int(side.other.provenance)}
        elif "round_index" in seen:
            begins = seen.__dict__.get("turn_index", 0) == 0 and np.asarray(seen.round_index) == 0
            provenance = np.where(begins, int(Provenance.UNKNOWN), int(side.other.provenance))
            fields["provenance"] = for_candidates(freeze(provenance), size, rows)
        else:
            del fields["provenance"]
        return make(GameState, fields)

    def games_to_play(self, belief: State, observation: State, rows: int | None, where: str) -> GameState:
        """The same for who plays on from there: raise where the observation does not tell what that needs."""
        seen = observation.__dict__
        for name in ("round_index", self.side.action):
            if name not in seen and (name == "round_index" or self.model is not None):
                raise UnknownFieldError(
                    f"{where}: expected {name} in the {self.side.other.role}'s observation, from which the "
                    f"game is played on; got only {', '.join(seen)}"
                )
        games = self.candidate_games(belief, observation, rows)
        return GameState(**dict(games))

    def _asked(self, ask: Callable[[Players], Any]) -> Any:
        """Ask the candidates; one that reads the state before the one it sees is told why it cannot."""
        try:
            return self._lineup.in_batch(ask)
        except UnknownFieldError as error:
            known = len(self._task_space.spaces) > 0
            if error.obj == State() and (known or isinstance(self.task_model, NoTask)):
                role, remedy = self.side.role, "" if known else "give the task_model, or "
                error.add_note(
                    f"A filter knows what the {role} saw, but here not the previous_task_state that the "
                    f"{role} saw with it: {remedy}keep what the {role} model needs of it in the task's "
                    f"state, or in the {role}'s."
                )
            raise

    def _streams(self, rng: EpisodeRandom) -> tuple[EpisodeRandom, Note]:
        """Give the streams of the candidates, one for all of a grid, and a note of whether they draw."""
        return noted(rng.repeat(self.parameters.size, common=self.parameters.common))

    def _check_shared(self, drew: bool, what: str = "draws while it looks or infers") -> None:
        """Raise where the candidates of a grid have drawn: they follow one of the ways it may have come."""
        if self.parameters.common and drew:
            raise ContractError(
                f"{self._name}: {self._whose} {what}, which a Grid cannot follow: its candidates would share "
                f"one draw, and be as sure as if it were known. Use Samples, whose particles draw their own"
            )

    @property
    def _whose(self) -> str:
        """Name the partner by its class or, where that is none of its own, by its policy's."""
        kind = type(self._partner)
        return (type(self._partner.policy) if kind is self.side.agent else kind).__name__

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
                f"{self._name}: {where}: expected a log likelihood, a number below infinity, got "
                f"{shaped[place]} for the candidate {values}, which saw {seen!r}"
            )
        return np.where(np.isneginf(belief.log_weights), -np.inf, shaped)

    # Reading the belief.

    def belief_in(self, state: State) -> State:
        """Give the belief in the state of who believes, or the belief itself; raise where there is none."""
        found = state.__dict__.get(self.field, state)
        if isinstance(found, State) and "log_weights" in found:
            self._check_size(found)
            return found
        fields = f"one with {', '.join(state)}" if state else "one without fields"
        raise ContractError(
            f"{self._name}: expected a state with the field {self.field!r}, which holds the belief, got "
            f"{fields}. A Believing{self.side.other.agent.__name__}(filter, policy) has it; an agent of your "
            f"own needs state_space=spaces.Dict({self.field}=filter.space) and a reset that gives "
            f"State({self.field}=filter.initial(rng))"
        )

    def _check_size(self, belief: State) -> None:
        """Raise for the belief of another filter, as far as it is of another size or hides something else."""
        size = np.shape(belief.log_weights)[-1]
        hidden = list(belief.hidden) if "hidden" in belief else []  # a run records no empty state
        if size != self.parameters.size or set(hidden) != set(self.hidden_names):
            of = f" of {', '.join(PREFIX + name for name in hidden)}" if hidden else ""
            raise ContractError(
                f"{self._name}: expected a belief over {self.parameters.size} candidates of "
                f"{', '.join(self.parameters.names)}, got one over {size} candidates{of}: it is another "
                f"filter's, which keeps it in the field {self.field!r}, too"
            )

    def values(self, belief: State) -> dict[str, Array]:
        """Give the candidates' values of each parameter: `(..., candidates)`."""
        return {
            name: belief.hidden[name.removeprefix(PREFIX)]
            if name.startswith(PREFIX)
            else get_path(belief[self.side.many], name)
            for name in self.parameters.names
        }

    def posterior(self, state: State) -> Posterior:
        """Give the posterior in the state of who believes (or in a belief itself)."""
        belief = self.belief_in(state)
        axes = self.parameters.axes if isinstance(self.parameters, Grid) else None
        found = {
            name: (array, shape_of(self.parameter_space(name))) for name, array in self.values(belief).items()
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
        """Give the probability of each next action of the partner, in the order of `spaces.elements`.

        The shape is `(..., actions)`. P(a | h) = Σθ b(θ) π(a | h, θ), with the candidates' look at what is
        observed now (in the round in which the partner acts next). An assistant looks after the user has
        acted, so a user puts its own action there, and the task's state that it leads to. Raises
        `ContractError` for actions that are not finitely many; see `predict_log_prob`.
        """
        if is_lifted(rng, self, "predict"):
            found: Array = rng.outside(self.predict, state, observation, rng)
            return found
        policy = self.someone("predict").policy
        if spaces.count(policy.action_space) is None:
            raise ContractError(
                f"predict: {type(policy).__name__} acts in {policy.action_space}, whose actions cannot be "
                f"listed: ask predict_log_prob(action, state, observation, rng), which gives the log density "
                f"of an action"
            )
        belief = self.belief_in(state)
        rows, size = rng.rows, self.parameters.size
        game = self._next_games(belief, observation, rows)
        stream, note = self._streams(rng.simulation())
        weights = np.exp(belief.log_weights)

        def predict(players: Players) -> Array:
            seat = self.side.seat(players)
            seen, partners = look(seat, game, stream)
            counts = np.broadcast_to(weights > 0, (1 if rows is None else rows, size)).reshape(-1)
            return action_probabilities(self._lineup, policy, seat, seen, partners, stream, counts)

        chances = self._asked(predict)
        self._check_shared(note.drew)
        chances = chances.reshape((size, -1) if rows is None else (rows, size, -1))
        mixed: Array = (weights[..., None] * chances).sum(axis=-2)
        mixed /= mixed.sum(axis=-1, keepdims=True)
        return mixed

    def predict_log_prob(
        self, action: Value, state: State, observation: State, rng: EpisodeRandom
    ) -> float | Array:
        """Give the log probability (natural; in a box, the log density) of a next action.

        log Σθ b(θ) π(a | h, θ): a number, or one for each episode of a batch, in which an action of one
        episode's shape stands for all. For any policy with a `log_prob`.
        """
        if is_lifted(rng, self, "predict_log_prob"):
            found: Array = rng.outside(self.predict_log_prob, action, state, observation, rng)
            return found
        self.someone("predict_log_prob")
        belief = self.belief_in(state)
        rows, size = rng.rows, self.parameters.size
        action = self._actions.conform(freeze(action))
        if rows is not None:
            action = lead(action, self._actions.space, rows)
        self._actions.check(action, f"{self._name}.predict_log_prob", rows)
        actions = for_candidates(action, size, rows)
        game = self._next_games(belief, observation, rows)
        stream, note = self._streams(rng.simulation())

        def ask(players: Players) -> Value:
            seat = self.side.seat(players)
            seen, partners = look(seat, game, stream)
            return seat.log_prob(actions, seen, partners, stream)

        where = f"{self._whose}.log_prob"
        log_prob = self._likelihood(self._asked(ask), belief, observation, where, rows)
        self._check_shared(note.drew)
        log_weights = np.asarray(belief.log_weights)
        mixed: float | Array = freeze(log_sum(log_weights + log_prob) - log_sum(log_weights))
        return mixed

    def _next_games(self, belief: State, observation: State, rows: int | None) -> GameState:
        """Give the games as the candidates see them when they look next."""
        seen, before = observation.__dict__, None
        if self.side.opens:
            if "round_index" in seen and seen.get("turn_index", 0) >= self.side.other.observes:
                observation = observation.replace(round_index=observation.round_index + 1, turn_index=0)
        elif seen.get("turn_index") == self.side.observes:
            before = seen.get("previous_task_state")
        return self.candidate_games(belief, observation, rows, before)

    def someone(self, where: str) -> Agent:
        """Give the partner's model; raise where there is none."""
        if self.model is None:
            raise ContractError(f"{where}: expected a belief over {self.side.one}; it has none")
        return self.model
