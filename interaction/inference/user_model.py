"""A Bayesian filter over the hidden parameters of any user that has a `log_prob`.

Observation and intervention. An action that the user took tells about the user, so its probability under
each candidate is evidence: b'(θ) ∝ π(a | h, θ) b(θ). An action that the assistant took itself was set from
outside, which tells nothing about what caused it: b'(θ) = b(θ), in the notation of causality
P(θ | do(a)) = P(θ). To condition on it all the same, as a sequence model does that was trained on
demonstrations and then acts, is the self-delusion: b'(θ) ∝ π(a | h, θ) b(θ) with one's own a.
The outcome counts in all cases: b'(θ) ∝ P(o | a, θ) b(θ).

Source: Ortega et al. 2021, "Shaking the foundations: delusions in sequence models for interaction and
control", arXiv 2110.10819.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.agent import User, check_user
from interaction.batching.candidates import as_space, deal, for_candidates, select, spread
from interaction.batching.lifting import together
from interaction.batching.lockstep import lead
from interaction.batching.selection import row_of
from interaction.batching.streams import LiftedRandom
from interaction.errors import (
    ArgumentError,
    ContractError,
    ImpossibleEvidenceError,
    UnknownFieldError,
    unknown_name,
)
from interaction.inference.candidates import Grid, Samples
from interaction.inference.engine import InferenceEngine
from interaction.inference.hypotheses import Hypotheses
from interaction.inference.movement import Movement, log_sum
from interaction.inference.particles import effective_sample_size, systematic
from interaction.opening import begin, for_rows
from interaction.players import Players
from interaction.policy import first_action
from interaction.prediction import NoTask
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space, leaves, shape_of
from interaction.state import GameState, Provenance, State, Value, freeze, get_path, replace_path
from interaction.task import InteractionTask
from interaction.trials import Trials
from interaction.turns import ASSISTANT_ACTS, USER_ACTS, look

Array = NDArray[Any]
Evidence = Literal["user_action", "outcome"]
_TASK = "task_state."
_LOOKED_AT = 8
"""In so many episodes of a batch, and in so many first updates, it is looked whether what is hidden stays."""


class UserModelFilter(Hypotheses, InferenceEngine):
    """Keeps a belief over the hidden parameters of a user model, in the assistant's own state.

    Each candidate is a whole user: its values of the hidden parameters and its internal state, which goes
    through the user model's own observation and inference engines. One update is: each candidate observes
    and infers; it is weighed by the probability of the action, if that is evidence, and of the outcome;
    the weights are normalised; particles are resampled and moved when few are left.

    `parameters`: a `Grid` or `Samples` over entries of the user model's state (`"p0"`), or of the task's
    hidden state (`"task_state.goal"`). What is hidden in the task moves by the task model: particles by its
    own methods, those of a grid by its `hidden_transition(before, after)`, the probability of each hidden
    value of the grid, in its order, after the action in `before`; without it they stay as they are.
    `user_model=None`: there is no user, and the belief is about the task's hidden state alone.
    `evidence`: what counts (by default the user's actions, or without a user the outcomes). `"user_action"`
    is read at the path `action` of the assistant's observation, and who produced it at the path `provenance`
    (see `Provenance`; a path that is not there counts as unknown). `"outcome"` counts through the task
    model's `outcome_log_prob(before, after)`, which is asked for each action whose outcome the assistant
    sees: the log probability of what can be seen in `after`, given `before`, in which the agent whose turn
    it is has chosen its action (0 where nothing happens).
    `own_actions`: an action that the assistant itself produced changes no weight ("intervention"), or is
    taken for the user's ("evidence"), which shows what goes wrong; see the module's text.
    An action of unknown author is marginalised over the authors: its likelihood is
    ρ π(a | h, θ) + (1 − ρ) q(a), with ρ = `user_share` and q the belief's own prediction.
    An action is weighed by what its author saw: the candidates look at the observation's
    `previous_task_state`, which is the task before the user's action moved it, at the user's own action
    before this one, and at the assistant's last action. `delay=1` is for an assistant that sees an action and
    its outcome only in the next round, in the task's state (as `action` then says): the candidates look at
    what the assistant saw the round before (give `assistant_action_space`, if the user model looks at the
    assistant's action).
    `on_impossible`: what to do when the evidence excludes every candidate: "raise", go back to the prior
    ("reset"), or leave the weights as they were ("keep"); the belief counts how often it happened.

    The belief is the field `field` of the assistant's state, whose space is `filter.space`, and starts as
    `filter.initial(rng)`. Reading it: `filter.posterior(state)`, `filter.predict(...)`.
    """

    batched = True

    def __init__(
        self,
        user_model: User | None,
        parameters: Grid | Samples,
        *,
        task_model: InteractionTask | None = None,
        evidence: Iterable[Evidence] | None = None,
        own_actions: Literal["intervention", "evidence"] = "intervention",
        action: str = "user_action",
        provenance: str = "provenance",
        delay: Literal[0, 1] = 0,
        assistant_action_space: Space[Any] | None = None,
        user_share: float = 0.5,
        on_impossible: Literal["raise", "reset", "keep"] = "raise",
        field: str = "belief",
    ) -> None:
        super().__init__(user_model, parameters, task_model, field)
        default: tuple[Evidence, ...] = ("outcome",) if user_model is None else ("user_action",)
        self.evidence = default if evidence is None else tuple(evidence)
        self.own_actions = own_actions
        self.action = action
        self.provenance = provenance
        self.delay = delay
        self.assistant_action_space = assistant_action_space
        self.user_share = user_share
        self.on_impossible = on_impossible
        self._check()
        self._prepare()

    def _check(self) -> None:
        """Raise at once for whatever cannot work."""
        where = "UserModelFilter"
        if not isinstance(self.parameters, Grid | Samples):
            raise ContractError(f"{where}: parameters: expected a Grid or Samples, got {self.parameters!r}")
        for name, value, valid in (
            ("own_actions", self.own_actions, ("intervention", "evidence")),
            ("on_impossible", self.on_impossible, ("raise", "reset", "keep")),
            ("delay", self.delay, (0, 1)),
        ):
            if value not in valid:
                raise ArgumentError(f"{where}: {name}: expected one of {valid}, got {value!r}")
        for item in self.evidence:
            if item not in ("user_action", "outcome"):
                raise unknown_name(item, ("user_action", "outcome"), f"{where}: evidence")
        if not 0 <= self.user_share <= 1:
            raise ArgumentError(f"{where}: user_share: expected a probability, got {self.user_share!r}")
        if self.user_model is not None:
            check_user(self.user_model, where)
        elif "user_action" in self.evidence or self.delay:
            raise ArgumentError(f"{where}: without a user there is no user_action as evidence, and no delay")
        if "outcome" in self.evidence and not hasattr(self.task_model, "outcome_log_prob"):
            raise ContractError(
                f"{where}: to count outcomes, give a task_model that defines "
                f"outcome_log_prob(before, after); got {self.task_model!r}"
            )
        self._check_task(where)
        self._read_spaces()
        for name in self.parameters.names:
            self.parameters.check(name, self._parameter_space(name, where), where)

    def _check_task(self, where: str) -> None:
        hidden = self._hidden_names()
        if isinstance(self.task_model, NoTask) and (self.delay or hidden or self.user_model is None):
            raise ContractError(
                f"{where}: delay=1, no user, or a hidden entry of the task's state needs a task_model"
            )
        moves = hasattr(self.task_model, "hidden_transition")
        if self.delay and moves and hidden:
            raise ContractError(
                f"{where}: with delay=1 the hidden {hidden[0]} cannot move (hidden_transition)"
            )
        by_grid = isinstance(self.parameters, Grid) and bool(hidden)
        if isinstance(self.task_model, Trials) and by_grid and not moves:
            raise ContractError(
                f"{where}: a new trial begins with another {hidden[0]}, and only the task knows how probable "
                f"each is then: define hidden_transition(before, after) in a subclass of Trials, or use "
                f"Samples, which the task itself moves"
            )

    def _prepare(self) -> None:
        """Resolve what follows from the models."""
        super()._prepare()
        names = [name.removeprefix(_TASK) for name in self._hidden_names()]
        self._movement = Movement(self.task_model, self.parameters, names, self._lineup)
        counts = "outcome" in self.evidence
        follows = counts or self._movement.by_grid or self._movement.by_particles
        self._follows = follows and not self.delay and self.user_model is not None
        size = self.parameters.size
        numbers: dict[str, Space[Any]] = {
            "log_evidence": spaces.real(),
            "surprise": spaces.real(),
            "impossible": spaces.whole(0),
            "updates": spaces.whole(0),
        }
        hidden = Dict(
            {
                name.removeprefix(_TASK): spread(self._parameter_space(name, ""), size)
                for name in self._hidden_names()
            }
        )
        parts: dict[str, Space[Any]] = {
            "log_weights": spaces.real(high=0.0, shape=(size,)),
            "users": spread(self._user_space, size),
            "hidden": hidden,
            **numbers,
        }
        if self.delay or self._follows:
            seen = {
                name: space for name, space in self._task_space.spaces.items() if name not in hidden.spaces
            }
            parts["last_task_state"] = Dict(seen)
        if self.delay:
            parts["earlier_user_action"] = self._user.policy.action_space
            if self.assistant_action_space is not None:
                parts["last_assistant_action"] = self.assistant_action_space
        if self.user_model is not None:
            parts["last_user_action"] = self._user.policy.action_space
        self._space = Dict(parts)

    @property
    def space(self) -> Dict:
        """The space of the belief, for the state space of the assistant that keeps it."""
        return self._space

    # The belief.

    def initial(self, rng: EpisodeRandom, game: GameState | None = None) -> State:
        """Give the belief before any evidence; particles are drawn from the prior.

        A user model that begins according to the game (`reset_in`) needs the game, unless all of its state is
        given by the candidates.
        """
        if type(rng) is LiftedRandom:
            return self._lifted(rng, self.initial, rng, game)
        size, stream = self.parameters.size, rng.simulation()
        rows = stream.repeat(size, common=self.parameters.common)
        values = {
            name: as_space(self._parameter_space(name, ""), array)
            for name, array in self.parameters.draw(rng).items()
        }

        def reset(players: Players) -> State:
            assert players.user is not None
            seat = players.user
            if seat.reset_in is None or not {path for path, _ in leaves(self._user_space)} <= set(values):
                known = None if game is None else for_candidates(game, size, rng.rows)
                return begin(seat, None if known is None else GameState(**dict(known)), rows)
            state: State = for_rows(self._user.state, rows.rows)
            return state

        users = deal(self._lineup.in_batch(reset), size, rng.rows, self._user_space)
        for name, array in values.items():
            if not name.startswith(_TASK):
                users = replace_path(users, name, array)
        fields: dict[str, Value] = {
            "log_weights": self.parameters.log_prior,
            "users": users,
            "hidden": State(**{name.removeprefix(_TASK): values[name] for name in self._hidden_names()}),
            "log_evidence": 0.0,
            "surprise": 0.0,
            "impossible": 0,
            "updates": 0,
        }
        for name in ("last_user_action", "earlier_user_action", "last_assistant_action", "last_task_state"):
            if name in self.space.spaces:
                own = name.endswith("user_action")
                start = first_action(self._user.policy) if own else freeze(spaces.first(self.space[name]))
                fields[name] = for_rows(start, rng.rows)
        return State(**fields)

    def _lifted(self, rng: LiftedRandom, method: Any, *arguments: Any) -> State:
        """Ask for the beliefs of all episodes of a lifted method at once."""

        def ask(*given: Any) -> State:
            rows = next(
                len(one.episodes)
                for one in given
                if isinstance(one, EpisodeRandom) and one.episodes is not None
            )
            belief: State = lead(method(*given), self.space, rows)
            return belief

        found: State = rng.outside(ask, *arguments)
        return found

    def infer(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[State, float]:
        return state.replace(**{self.field: self.update(state[self.field], observation, rng)}), 0.0

    def update(self, belief: State, observation: State, rng: EpisodeRandom) -> State:
        """Give the belief after what the assistant observes now."""
        if type(rng) is LiftedRandom:
            return self._lifted(rng, self.update, belief, observation, rng)
        rows = rng.rows
        first = np.asarray(belief.updates == 0)
        if (self.delay or self._follows or self.user_model is None) and first.any() and not first.all():
            return self._update_apart(lead(belief, self.space, len(first)), observation, rng, first)
        begins = bool(first.all())
        if self.user_model is None:
            self._check_alone(observation)
            begins = not np.any(observation.__dict__.get("round_index", belief.updates))
        if self.delay and begins:
            rng.draw += 1 + isinstance(self.parameters, Samples)  # as where there is something to weigh
            return self._remember(belief, observation)
        if self._movement.stays:
            self._check_stays(belief, observation, rng)
        stream = rng.simulation().repeat(self.parameters.size, common=self.parameters.common)
        log_weights, users, hidden = np.asarray(belief.log_weights), belief.users, belief.hidden
        told: Value = 0.0
        if self.user_model is None:
            if not begins:
                seen = _before(observation)
                hidden, log_weights, told = self._move(
                    belief, log_weights, seen, observation, ASSISTANT_ACTS, stream, rows
                )
            return self._settle(belief, log_weights, users, hidden, told, observation, rng)
        seen = self._as_the_user_saw_it(belief, observation)
        if self._follows and not begins:
            now = {"task_state": belief.last_task_state, "user_action": belief.last_user_action}
            mine = _a_round_before(seen.extend(**now))
            hidden, log_weights, told = self._move(
                belief, log_weights, mine, seen, ASSISTANT_ACTS, stream, rows
            )
        before = belief.replace(hidden=hidden)
        users, log_weights = self._weigh(before, log_weights, seen, observation, stream, rows)
        if self.delay:
            theirs, turn = seen, 0
        else:
            acted = {name: observation[name] for name in ("user_action",) if name in observation}
            theirs, turn = seen.extend(**acted), USER_ACTS
        before = before.replace(users=users)  # the task sees what the user has inferred
        hidden, log_weights, heard = self._move(before, log_weights, theirs, observation, turn, stream, rows)
        return self._settle(belief, log_weights, users, hidden, told + heard, observation, rng)

    def _check_stays(self, belief: State, observation: State, rng: EpisodeRandom) -> None:
        """Raise where the task moves what the belief takes to stay.

        In turn, the user's action is looked at that is seen now, and the assistant's last one, as if it were
        taken again; of a batch in the first episodes, and after the first updates in one of four.
        """
        number = int(np.ravel(belief.updates)[0])
        if number >= _LOOKED_AT and number % _LOOKED_AT > 1:
            return
        rows, size = rng.rows, self.parameters.size
        here = rng.copy()
        if rows is not None:
            some = np.arange(min(rows, _LOOKED_AT))
            belief = row_of(lead(belief, self.space, rows), some, {})
            observation, here, rows = row_of(observation, some, {}), here.select(some), len(some)
        seen, turn, who = observation, ASSISTANT_ACTS, Provenance.INTERVENED
        if self.user_model is not None and number % 2:
            acted = {name: observation[name] for name in ("user_action",) if name in observation}
            seen, turn = self._as_the_user_saw_it(belief, observation).extend(**acted), USER_ACTS
            who = Provenance.OBSERVED
        game = GameState(**dict(self.candidate_games(belief, seen, rows)))
        possible = np.broadcast_to(np.exp(belief.log_weights) > 0, (rows or 1, size)).reshape(-1)
        stream = here.simulation().repeat(size, common=self.parameters.common)
        self._movement.check_stays(game.replace(turn_index=turn, provenance=int(who)), stream, possible)

    def _check_alone(self, observation: State) -> None:
        seen = observation.__dict__
        if seen.get("user_action") is not None or np.any(
            np.equal(seen.get("provenance", 0), int(Provenance.OBSERVED))
        ):
            raise ContractError(
                "UserModelFilter: expected a game without a user (user_model=None), but a user acts in it, "
                "and moves the task between two looks: give a model of it"
            )

    def _weigh(
        self,
        belief: State,
        log_weights: Array,
        seen: State,
        observation: State,
        stream: EpisodeRandom,
        rows: int | None,
    ) -> tuple[State, Array]:
        """Let the candidates look at what the user saw, and weigh them by its action."""
        size = self.parameters.size
        action = get_path(observation, self.action) if "user_action" in self.evidence else None
        if action is not None:
            self._actions.check(action, f"UserModelFilter: {self.action}", rows)
        game = self.candidate_games(belief, seen, rows)

        def weigh(players: Players) -> tuple[State, Array]:
            assert players.user is not None
            looked, users = look(players.user, game, stream)
            if action is None:
                return users, np.zeros(1)
            return users, players.user.log_prob(for_candidates(action, size, rows), looked, users, stream)

        users, log_prob = self._asked(weigh)
        users = deal(users, size, rows, self._user_space)
        where = f"{type(self._user).__name__}.log_prob"
        log_prob = self._likelihood(log_prob, belief, observation, where, rows)
        return users, log_weights + self._action_gain(log_prob, log_weights, observation)

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
        counts = "outcome" in self.evidence
        moves = (movement.by_grid or movement.by_particles) and not self.delay
        if not counts and not moves:
            return hidden, log_weights, 0.0
        before = self.candidate_games(belief, seen, rows)
        if turn:
            who = Provenance.OBSERVED if turn == USER_ACTS else Provenance.INTERVENED
            before = before.replace(turn_index=turn, provenance=int(who))
        if moves and movement.by_particles:
            moved = movement.moved(before, rng)
            names = movement.names
            hidden = deal(State(**{name: moved[name] for name in names}), size, rows, self._task_space)
        if not counts and not movement.by_grid:
            return hidden, log_weights, 0.0
        after = self.candidate_games(belief.replace(hidden=hidden), later, rows)
        after = after.replace(previous_task_state=before.task_state)
        if moves and movement.by_grid:
            whole = np.broadcast_to(log_weights, (size,) if rows is None else (rows, size))
            weights = movement.by_pairs(whole, belief.users, before, after, rng, counts)
        else:
            where = f"{type(self.task_model).__name__}.outcome_log_prob"
            found = movement.log_outcome(before, after, rng)
            weights = log_weights + self._likelihood(found, belief, later, where, rows)
        return hidden, weights, log_sum(log_weights) - log_sum(weights) if counts else 0.0

    def _update_apart(self, belief: State, observation: State, rng: EpisodeRandom, first: Array) -> State:
        """Update the episodes that have seen nothing yet apart from the others."""
        found = []
        for part in (np.flatnonzero(first), np.flatnonzero(~first)):
            memo: dict[int, Value] = {}
            stream = rng.select(part)
            found.append(
                (part, self.update(row_of(belief, part, memo), row_of(observation, part, memo), stream))
            )
        rng.draw = stream.draw
        updated: State = together(found, len(first))
        return updated

    def _action_gain(self, log_prob: Array, log_weights: Array, observation: State) -> Array:
        """What an action adds to the log weight of each candidate, given who produced it."""
        if "user_action" not in self.evidence:
            return np.zeros_like(log_weights)
        if self.own_actions == "evidence":
            return log_prob
        try:
            author = np.asarray(get_path(observation, self.provenance))[..., None]
        except ValueError:
            author = np.asarray(int(Provenance.UNKNOWN))[..., None]
        known = np.where(author == int(Provenance.OBSERVED), log_prob, 0.0)
        unknown = author == int(Provenance.UNKNOWN)
        if not unknown.any():
            return known
        own = (log_sum(log_weights + log_prob) - log_sum(log_weights))[..., None]
        with np.errstate(divide="ignore"):
            either = np.logaddexp(np.log(self.user_share) + log_prob, np.log1p(-self.user_share) + own)
        return np.where(unknown, either, known)

    def _settle(
        self,
        belief: State,
        log_weights: Array,
        users: State,
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
                raise ImpossibleEvidenceError(
                    f"UserModelFilter: what was observed is impossible under all {self.parameters.size} "
                    f"candidates of {', '.join(self.parameters.names)} ({type(self._user).__name__}): "
                    f"{observation!r}. Give the user model some noise (a lapse), or say "
                    f"on_impossible='reset' or 'keep'."
                )
            fallback = self.parameters.log_prior if self.on_impossible == "reset" else belief.log_weights
            log_weights = np.where(impossible[..., None], fallback, log_weights)
            total = np.where(impossible, 0.0, total)
            log_weights = log_weights - np.where(impossible, 0.0, total)[..., None]
        else:
            log_weights = log_weights - total[..., None]
        updated = belief.replace(
            log_weights=np.minimum(log_weights, 0.0),
            users=users,
            hidden=hidden,
            log_evidence=belief.log_evidence + np.where(impossible, 0.0, total),
            surprise=surprise,
            impossible=belief.impossible + impossible * 1,
        )
        if isinstance(self.parameters, Samples):
            updated = self._resample(updated, belief.hidden, rng.simulation())
        return self._remember(updated, observation)

    def _remember(self, belief: State, observation: State) -> State:
        """Keep what the user will have seen when it acts next."""
        now = observation.__dict__
        changes: dict[str, Value] = {"updates": belief.updates + 1}
        if self.user_model is not None:
            changes["last_user_action"] = now.get("user_action", belief.last_user_action)
        if "last_task_state" in belief:
            seen = observation.task_state
            missing = [name for name in belief.last_task_state if name not in seen]
            if missing:
                raise UnknownFieldError(
                    f"UserModelFilter: to follow how the task moves, expected all of its state in the "
                    f"assistant's observation but what the belief is about; no task_state.{missing[0]}"
                )
            changes["last_task_state"] = State(**{name: seen[name] for name in belief.last_task_state})
        if self.delay:
            changes["earlier_user_action"] = belief.last_user_action
            if "last_assistant_action" in belief:
                changes["last_assistant_action"] = now.get("assistant_action", belief.last_assistant_action)
        return belief.replace(**changes)

    def _as_the_user_saw_it(self, belief: State, observation: State) -> State:
        """Give what the user looked at before the action that is weighed now."""
        if self.delay:
            fields = {"task_state": belief.last_task_state, "user_action": belief.earlier_user_action}
            if "round_index" in observation:
                fields["round_index"] = np.maximum(observation.round_index - 1, 0)
            if "last_assistant_action" in belief:
                fields["assistant_action"] = belief.last_assistant_action
            return State(**fields)
        seen = observation.__dict__
        if "previous_task_state" not in seen and seen.get("task_state"):
            raise UnknownFieldError(
                f"UserModelFilter: expected previous_task_state in the assistant's observation, which is "
                f"what the user saw when it acted; got only {', '.join(seen)}. Let the observation engine "
                f"show game.previous_task_state, as it shows game.task_state (rules on paths do)"
            )
        task_state = seen.get("previous_task_state", State())
        return observation.extend(turn_index=0, task_state=task_state, user_action=belief.last_user_action)

    def _resample(self, belief: State, was: State, rng: EpisodeRandom) -> State:
        """Resample where few particles carry the weight, and move the continuous parameters.

        What the task itself has moved just now (`was` before) is not moved by the kernel.
        """
        assert isinstance(self.parameters, Samples)
        weights = np.exp(belief.log_weights)
        size = self.parameters.size
        few = effective_sample_size(weights) < self.parameters.threshold * size
        if not np.any(few):
            return belief
        uniform = np.asarray(rng.random())
        kept = np.broadcast_to(np.arange(size), weights.shape)
        index = np.where(few[..., None], systematic(weights, uniform), kept)
        users = select(belief.users, index, rng.rows, self._user_space)
        hidden = select(belief.hidden, index, rng.rows, self._task_space)
        for name in self.parameters.names:
            space = self._parameter_space(name, "")
            noise = rng.normal(shape=(size, *shape_of(space)))
            if not self.parameters.moves(name, space):
                continue
            key = name.removeprefix(_TASK)
            holder, path = (hidden, key) if name.startswith(_TASK) else (users, name)
            kept = get_path(holder, path)
            moved = self.parameters.moved(name, space, kept, self.values(belief)[name], weights, noise)
            here = few
            if name.startswith(_TASK):
                last, now = np.asarray(was[key]), np.asarray(belief.hidden[key])
                here = few & ~(now != last).any(axis=tuple(range(few.ndim, now.ndim)))
            here = here.reshape(few.shape + (1,) * (kept.ndim - few.ndim))
            moved = np.where(here, as_space(space, moved), kept)
            if name.startswith(_TASK):
                hidden = replace_path(hidden, key, moved)
            else:
                users = replace_path(users, name, moved)
        flat = np.where(few[..., None], -np.log(size), belief.log_weights)
        return belief.replace(users=users, hidden=hidden, log_weights=flat)


def _before(observation: State) -> State:
    """Give what an assistant that plays alone saw before its own action."""
    return _a_round_before(observation.extend(task_state=observation.previous_task_state))


def _a_round_before(seen: State) -> State:
    """Give what is seen with the round before, if it tells the round."""
    return seen.replace(round_index=np.maximum(seen.round_index - 1, 0)) if "round_index" in seen else seen
