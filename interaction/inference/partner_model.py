"""A Bayesian filter over the hidden parameters of any partner that has a `log_prob`, whichever side it plays.

Between two looks of the one who believes, it acts itself, then the partner looks, and then the partner acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Agent, check_log_prob
from interaction.batching.candidates import as_space, deal, for_candidates
from interaction.batching.lifting import together
from interaction.batching.lockstep import lead
from interaction.batching.selection import row_of
from interaction.batching.streams import is_lifted
from interaction.errors import (
    ArgumentError,
    ContractError,
    ImpossibleEvidenceError,
    unknown_name,
)
from interaction.inference.authors import told_by_author
from interaction.inference.candidates import Grid, Samples
from interaction.inference.engine import InferenceEngine
from interaction.inference.kept_belief import BOTH, NOTHING, KeptBelief
from interaction.inference.movement import PREFIX, Movement, log_sum
from interaction.inference.resampling import resampled
from interaction.noted import noted, unnoted
from interaction.players import Players
from interaction.prediction import NoTask
from interaction.random import EpisodeRandom
from interaction.state import GameState, Provenance, State, Value, get_path, replace_path
from interaction.task import InteractionTask
from interaction.trials import Trials
from interaction.turns import look

Array = NDArray[Any]
_LOOKED_AT = 8
"""In so many episodes of a batch, and in so many first updates, it is looked whether what is hidden stays."""


class PartnerModelFilter(KeptBelief, InferenceEngine):
    """Keeps a belief over the hidden parameters of a partner's model, in the state of who believes.

    `UserModelFilter` and `AssistantModelFilter` say what their arguments mean.
    """

    batched = True

    def __init__(
        self,
        model: Agent | None,
        parameters: Grid | Samples,
        task_model: InteractionTask | None,
        evidence: Iterable[str] | None,
        own_actions: Literal["intervention", "evidence"],
        action: str,
        provenance: str,
        share: float,
        on_impossible: Literal["raise", "reset", "keep"],
        field: str,
    ) -> None:
        super().__init__(model, parameters, task_model, field)
        default = ("outcome",) if model is None else (self.side.action,)
        self.evidence = default if evidence is None else tuple(evidence)
        self.own_actions = own_actions
        self.action = action
        self.provenance = provenance
        setattr(self, f"{self.side.role}_share", share)
        self.on_impossible = on_impossible
        self._check(share)
        self._prepare()

    def _check(self, share: float) -> None:
        """Raise at once for whatever cannot work."""
        where, side = self._name, self.side
        if not isinstance(self.parameters, Grid | Samples):
            raise ContractError(f"{where}: parameters: expected a Grid or Samples, got {self.parameters!r}")
        self._check_option("own_actions", self.own_actions, ("intervention", "evidence"))
        self._check_option("on_impossible", self.on_impossible, ("raise", "reset", "keep"))
        for item in self.evidence:
            if item not in (side.action, "outcome"):
                raise unknown_name(item, (side.action, "outcome"), f"{where}: evidence")
        drawn = isinstance(self.parameters, Samples) and self.parameters.from_reset
        if self.on_impossible == "reset" and drawn:
            raise ContractError(
                f"{where}: on_impossible='reset' draws particles from their prior again: give Samples the "
                f"prior of {', '.join(self.parameters.names)}"
            )
        if not 0 <= share <= 1:
            raise ArgumentError(f"{where}: {side.role}_share: expected a probability, got {share!r}")
        if self.model is not None:
            if not isinstance(self.model, side.agent):
                kind = "a User" if side.opens else "an Assistant"
                raise ContractError(f"{where}: {side.role}: expected {kind}, got {self.model!r}")
            check_log_prob(self.model, where)
        elif side.action in self.evidence:
            raise ArgumentError(f"{where}: without {side.one} there is no {side.action} as evidence")
        if "outcome" in self.evidence and not hasattr(self.task_model, "outcome_log_prob"):
            raise ContractError(
                f"{where}: to count outcomes, give a task_model that defines "
                f"outcome_log_prob(before, after); got {self.task_model!r}"
            )
        self._check_task(where)
        self._read_spaces()
        for name in self.parameters.names:
            self.parameters.check(name, self.parameter_space(name, where), where)

    def _check_option(self, name: str, value: object, valid: tuple[object, ...]) -> None:
        if value not in valid:
            raise ArgumentError(f"{self._name}: {name}: expected one of {valid}, got {value!r}")

    def _check_task(self, where: str) -> None:
        hidden = self.hidden_names
        if isinstance(self.task_model, NoTask) and (hidden or self.model is None):
            raise ContractError(
                f"{where}: a belief over a hidden entry of the task's state, or without a "
                f"{self.side.role}, needs a task_model"
            )
        in_trials = isinstance(self.task_model, Trials) and isinstance(self.parameters, Grid)
        if in_trials and hidden and not hasattr(self.task_model, "hidden_transition"):
            raise ContractError(
                f"{where}: a new trial begins with another {PREFIX}{hidden[0]}, and only the task knows how "
                f"probable each is then: define hidden_transition(before, after) in a subclass of Trials, or "
                f"use Samples, which the task itself moves"
            )

    def _is_followed(self) -> bool:
        self._movement = Movement(self.task_model, self.parameters, self.hidden_names, self._lineup)
        self._moves = (self._movement.by_grid or self._movement.by_particles) and not self.delay
        counts = "outcome" in self.evidence and not self.delay
        return self.model is not None and (self._moves or counts)

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        return state.replace(**{self.field: self.update(self.belief_in(state), observation, rng)}), 0.0

    def update(self, belief: State, observation: State, rng: EpisodeRandom) -> State:
        """Give the belief after what is observed now."""
        if is_lifted(rng, self, "update"):
            return self._lifted(rng, self.update, belief, observation, rng)
        if self.model is None:
            self._check_alone(observation)
        news = np.asarray(self._news(belief, observation))
        if news.ndim and (news != news[:1]).any():
            return self._update_apart(lead(belief, self.space, len(news)), observation, rng, news)
        return self._updated(belief, observation, rng, int(news.max(initial=NOTHING)))

    def _updated(self, belief: State, observation: State, rng: EpisodeRandom, news: int) -> State:
        if news == NOTHING:
            rng.draw += 1 + isinstance(self.parameters, Samples)  # as where there is something to weigh
            return self._remember(belief, observation)
        if self._movement.stays:
            self._check_stays(belief, observation, rng)
        rows, many = rng.rows, self.side.many
        stream = rng.simulation().repeat(self.parameters.size, common=self.parameters.common)
        log_weights, now = np.asarray(belief.log_weights), belief
        told: Value = 0.0
        heard: Value = 0.0
        seen = observation if self.model is None else self._sight(belief, observation)
        if news == BOTH and (self._follows or self.model is None):
            mine = self._own_sight(belief, seen)
            hidden, log_weights, told = self._move(
                now, log_weights, mine, seen, self.side.other.acts, stream, rows
            )
            now = now.replace(hidden=hidden)
        if self.model is not None:
            known = news == BOTH and "last_task_state" in belief and not self.delay
            before = belief.last_task_state if known else None
            partners, log_weights = self._weigh(now, log_weights, seen, before, observation, stream, rows)
            now = now.replace(**{many: partners})  # the task sees what the partner has inferred
            theirs, turn = self._as_it_acted(seen, observation)
            hidden, log_weights, heard = self._move(now, log_weights, theirs, observation, turn, stream, rows)
            now = now.replace(hidden=hidden)
        return self._settle(belief, log_weights, now[many], now.hidden, told + heard, observation, rng)

    def _check_stays(self, belief: State, observation: State, rng: EpisodeRandom) -> None:
        """Raise where the task moves what the belief takes to stay.

        In turn, the partner's action is looked at that is seen now, and one's own last one, as if it were
        taken again; of a batch in the first episodes, and after the first updates in one of four.
        """
        number = int(np.ravel(belief.updates)[0])
        if number >= _LOOKED_AT and number % _LOOKED_AT > 1:
            return
        rows, size = rng.rows, self.parameters.size
        here = unnoted(rng)
        if rows is not None:
            some = np.arange(min(rows, _LOOKED_AT))
            belief = row_of(lead(belief, self.space, rows), some, {})
            observation, here, rows = row_of(observation, some, {}), here.select(some), len(some)
        seen, who = observation, self.side.other
        if self.model is not None and number % 2:
            who = self.side
            acted = {who.action: observation[who.action]} if who.action in observation else {}
            seen = self._sight(belief, observation).extend(**acted)
        game = GameState(**dict(self.candidate_games(belief, seen, rows)))
        possible = np.broadcast_to(
            np.exp(belief.log_weights) > 0, (1 if rows is None else rows, size)
        ).reshape(-1)
        stream = here.simulation().repeat(size, common=self.parameters.common)
        game = game.replace(turn_index=who.acts, provenance=int(who.provenance))
        self._movement.check_stays(game, stream, possible)

    def _check_alone(self, observation: State) -> None:
        seen, side = observation.__dict__, self.side
        if seen.get(side.action) is not None or np.any(
            np.equal(seen.get("provenance", 0), int(side.provenance))
        ):
            raise ContractError(
                f"{self._name}: expected a game without {side.one} ({side.role}_model=None), but {side.one} "
                f"acts in it, and moves the task between two looks: give a model of it"
            )

    # The steps of an update.

    def _weigh(
        self,
        belief: State,
        log_weights: Array,
        seen: State,
        before: State | None,
        observation: State,
        stream: EpisodeRandom,
        rows: int | None,
    ) -> tuple[State, Array]:
        """Let the candidates look at what the partner saw, and weigh them by its action."""
        size, side = self.parameters.size, self.side
        action = get_path(observation, self.action) if side.action in self.evidence else None
        if action is not None:
            self._actions.check(action, f"{self._name}: {self.action}", rows)
        game = self.candidate_games(belief, seen, rows, before)
        stream, note = noted(stream)

        def weigh(players: Players) -> tuple[State, Array]:
            seat = side.seat(players)
            looked, partners = look(seat, game, stream)
            if action is None:
                return partners, np.zeros(1)
            return partners, seat.log_prob(for_candidates(action, size, rows), looked, partners, stream)

        partners, log_prob = self._asked(weigh)
        self._check_shared(note.drew)
        partners = deal(partners, size, rows, self.partner_space)
        where = f"{self._whose}.log_prob"
        log_prob = self._likelihood(log_prob, belief, observation, where, rows)
        if action is None:
            return partners, log_weights + np.zeros_like(log_weights)
        if self.own_actions == "intervention":
            try:
                author = np.asarray(get_path(observation, self.provenance))
            except ValueError:
                author = np.asarray(int(Provenance.UNKNOWN))
            share = getattr(self, f"{side.role}_share")
            log_prob = told_by_author(log_prob, log_weights, author, side.provenance, share)
        return partners, log_weights + log_prob

    def _move(
        self,
        belief: State,
        log_weights: Array,
        seen: State,
        later: State,
        turn: int,
        rng: EpisodeRandom,
        rows: int | None,
    ) -> tuple[State, Array, Value]:
        """Follow one action: what is hidden after it, the log weights, and the surprise of its outcome.

        `seen` is what there was to see before the action, and `later` after it.
        """
        movement, size, hidden = self._movement, self.parameters.size, belief.hidden
        counts, side = "outcome" in self.evidence, self.side
        if not counts and not self._moves:
            return hidden, log_weights, 0.0
        before = self.candidate_games(belief, seen, rows)
        if turn:
            who = side if turn == side.acts else side.other
            before = before.replace(turn_index=turn, provenance=int(who.provenance))
        if self._moves and movement.by_particles:
            moved = movement.moved(before, rng)
            names = movement.names
            hidden = deal(State(**{name: moved[name] for name in names}), size, rows, self._task_space)
        if not counts and not movement.by_grid:
            return hidden, log_weights, 0.0
        after = self.candidate_games(belief.replace(hidden=hidden), later, rows)
        after = after.replace(previous_task_state=before.task_state)
        if self._moves and movement.by_grid:
            whole = np.broadcast_to(log_weights, (size,) if rows is None else (rows, size))
            weights = movement.by_pairs(whole, belief[side.many], before, after, rng, counts)
        else:
            where = f"{type(self.task_model).__name__}.outcome_log_prob"
            found = movement.log_outcome(before, after, rng)
            weights = log_weights + self._likelihood(found, belief, later, where, rows)
        if not counts:
            return hidden, weights, 0.0
        with np.errstate(invalid="ignore"):  # where all that is seen is impossible, `_settle` tells
            return hidden, weights, log_sum(log_weights) - log_sum(weights)

    def _update_apart(self, belief: State, observation: State, rng: EpisodeRandom, news: Array) -> State:
        """Update the episodes that learn from other things apart from each other."""
        kinds = np.unique(news)
        parts = [np.flatnonzero(news == kind) for kind in kinds]
        found = []
        for kind, part in zip(kinds, parts, strict=True):
            memo: dict[int, Value] = {}
            stream = rng.select(part)
            seen = row_of(observation, part, memo)
            found.append(self._updated(row_of(belief, part, memo), seen, stream, int(kind)))
        rng.draw = stream.draw
        updated: State = together(found, parts, len(news))
        return updated

    def _impossible(self, observation: State, rows: int | None, impossible: Array) -> str:
        """Say what no candidate explains, in the first episode in which it is so."""
        seen = observation if rows is None else row_of(observation, int(np.argmax(impossible)))
        own = self.side.other.state
        shown = State(**{name: value for name, value in seen.items() if name != own})
        more = ", take more particles" if isinstance(self.parameters, Samples) else ""
        return (
            f"{self._name}: what was observed is impossible under all {self.parameters.size} "
            f"candidates of {', '.join(self.parameters.names)} ({type(self._partner).__name__}): "
            f"{shown!r}. Give the {self.side.role} model some noise (a lapse){more}, or say "
            f"on_impossible='reset' or 'keep'."
        )

    def _begun_anew(
        self, partners: State, hidden: State, where: Array, rng: EpisodeRandom
    ) -> tuple[State, State]:
        """Draw the values of particles from the prior again; the rest of their states goes on."""
        apart = rng.copy().simulation().simulation()  # so that no other episode draws anything else
        for name, values in self.parameters.draw(apart).items():
            holder = hidden if name.startswith(PREFIX) else partners
            key = name.removeprefix(PREFIX)
            was = np.asarray(get_path(holder, key))
            shape = where.shape + (1,) * (was.ndim - where.ndim)
            drawn = np.where(where.reshape(shape), as_space(self.parameter_space(name), values), was)
            holder = replace_path(holder, key, drawn)
            partners, hidden = (partners, holder) if name.startswith(PREFIX) else (holder, hidden)
        return partners, hidden

    def _settle(
        self,
        belief: State,
        log_weights: Array,
        partners: State,
        hidden: State,
        surprise: Value,
        observation: State,
        rng: EpisodeRandom,
    ) -> State:
        """Normalise, and see to what is impossible and to particles that have become few."""
        total = log_sum(log_weights)
        impossible = np.isneginf(total)
        if np.any(impossible):
            if self.on_impossible == "raise":
                raise ImpossibleEvidenceError(self._impossible(observation, rng.rows, impossible))
            fallback = self.parameters.log_prior if self.on_impossible == "reset" else belief.log_weights
            log_weights = np.where(impossible[..., None], fallback, log_weights)
            total, surprise = np.where(impossible, 0.0, total), np.where(impossible, 0.0, surprise)
            if self.on_impossible == "reset" and isinstance(self.parameters, Samples):
                partners, hidden = self._begun_anew(partners, hidden, impossible, rng)
        updated = belief.replace(
            log_weights=log_weights - total[..., None],  # at most 0: no sum is less than one of its terms
            hidden=hidden,
            log_evidence=belief.log_evidence + total,
            surprise=surprise,
            impossible=belief.impossible + impossible * 1,
            **{self.side.many: partners},
        )
        if isinstance(self.parameters, Samples):
            updated = resampled(self, updated, belief.hidden, rng.simulation())
        return self._remember(updated, observation)
