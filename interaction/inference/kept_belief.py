"""What a belief is in an agent's state: its space, how it begins, and what it recalls of the last look.

Between two looks of the one who believes, it acts itself, then the partner looks, and then the partner acts.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from interaction import spaces
from interaction.batching.candidates import as_space, deal, for_candidates, spread
from interaction.batching.lockstep import lead
from interaction.batching.streams import LiftedRandom, is_lifted
from interaction.errors import UnknownFieldError
from interaction.inference.engine import engines_in
from interaction.inference.hypotheses import Hypotheses
from interaction.inference.movement import PREFIX
from interaction.noted import agreed, probes
from interaction.opening import begin, for_rows
from interaction.players import Players
from interaction.policy import first_action
from interaction.prediction import NoTask
from interaction.random import EpisodeRandom
from interaction.spaces import Dict, Space, leaves
from interaction.state import GameState, State, Value, freeze, replace_path

NOTHING, THEIRS, BOTH = range(3)
"""What there is to learn from at a look: nothing yet, the partner's action, or one's own before it, too."""


class KeptBelief(Hypotheses):
    """A belief over hypotheses, as an agent keeps it in its state from look to look."""

    delay: int = 0
    """How many rounds later than the partner acts its action is seen."""

    def _prepare(self) -> None:
        super()._prepare()
        self._follows = self._is_followed()
        self._space = Dict(self._parts())

    def _is_followed(self) -> bool:
        """Say whether one's own actions count, too: what is hidden moves by them, or their outcomes tell."""
        return False

    def _parts(self) -> dict[str, Space[Any]]:
        size, names = self.parameters.size, self.hidden_names
        parts: dict[str, Space[Any]] = {
            "log_weights": spaces.real(high=0.0, shape=(size,)),
            self.side.many: spread(self.partner_space, size),
            "hidden": Dict({name: spread(self.parameter_space(f"{PREFIX}{name}"), size) for name in names}),
            "log_evidence": spaces.real(),
            "surprise": spaces.real(),
            "impossible": spaces.whole(0),
            "updates": spaces.whole(0),
        }
        if self._recalls():
            seen = self._task_space.spaces.items()
            parts["last_task_state"] = Dict({name: space for name, space in seen if name not in names})
        return parts | self._recalled()

    def _recalls(self) -> bool:
        """Say whether it has to remember the task's state as it was at the last look.

        It was what the task moved on from when the partner looked, which one who believes something itself
        needs to know.
        """
        known = not isinstance(self.task_model, NoTask)
        return self._follows or (known and self.model is not None and self._believes())

    def _believes(self) -> bool:
        """Say whether the partner keeps a belief of its own."""
        engines = engines_in(self._partner.inference_engine)
        return any(isinstance(one, KeptBelief) for one in engines)

    def _recalled(self) -> dict[str, Space[Any]]:
        """Give the spaces of what else it has to remember of the last look."""
        return {} if self.model is None else {f"last_{self.side.action}": self.model.policy.action_space}

    @property
    def space(self) -> Dict:
        """The space of the belief, for the state space of the agent that keeps it."""
        return self._space

    def initial(self, rng: EpisodeRandom, game: GameState | None = None) -> State:
        """Give the belief before any evidence; particles are drawn from the prior.

        A model that begins according to the game (`reset_in`) needs the game, unless all of its state is
        given by the candidates.
        """
        if is_lifted(rng, self, "initial"):
            return self._lifted(rng, self.initial, rng, game)
        size, stream = self.parameters.size, rng.simulation()
        rows, note = self._streams(stream)
        values = {
            name: as_space(self.parameter_space(name), array)
            for name, array in self.parameters.draw(rng).items()
        }

        def reset(players: Players, rows: EpisodeRandom = rows) -> State:
            seat = self.side.seat(players)
            if seat.reset_in is None or not {path for path, _ in leaves(self.partner_space)} <= set(values):
                known = None if game is None else for_candidates(game, size, rng.rows)
                return begin(seat, None if known is None else GameState(**dict(known)), rows)
            # The candidates tell all of it: any state will do to begin with.
            state: State = for_rows(freeze(spaces.first(self.partner_space)), rows.rows)
            return state

        begun = self._lineup.in_batch(reset)
        if self.parameters.common and note.drew:
            streams, _ = probes(rows.rows or 1)
            same = agreed([self._lineup.in_batch(partial(reset, rows=other)) for other in streams])
            for path, _ in leaves(self.partner_space):
                self._check_shared(path not in same and path not in values, f"draws {path} as a game begins")
        partners = deal(begun, size, rng.rows, self.partner_space)
        for name, array in values.items():
            if not name.startswith(PREFIX):
                partners = replace_path(partners, name, array)
        fields: dict[str, Value] = {
            "log_weights": self.parameters.log_prior,
            self.side.many: partners,
            "hidden": State(**{name: values[f"{PREFIX}{name}"] for name in self.hidden_names}),
            "log_evidence": 0.0,
            "surprise": 0.0,
            "impossible": 0,
            "updates": 0,
        }
        for name, space in self.space.spaces.items():
            if name not in fields:  # what was seen last
                theirs = name.endswith(self.side.action)
                start = first_action(self._partner.policy) if theirs else freeze(spaces.first(space))
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

    # What was seen.

    def _news(self, belief: State, observation: State) -> Value:
        """Say what there is to learn from now: `NOTHING`, `THEIRS` or `BOTH`, for each episode."""
        if self.model is None:
            now: Value = observation.__dict__.get("round_index", belief.updates)
            began = np.asarray(now) > 0
        elif "last_task_state" in belief:
            began = np.asarray(belief.updates) > 0
        else:
            return BOTH  # what one has done oneself is not followed
        return np.where(began, BOTH, THEIRS)

    def _sight(self, belief: State, observation: State) -> State:
        """Give what the partner looked at before the action that is weighed now."""
        seen, side = observation.__dict__, self.side
        if "previous_task_state" not in seen and seen.get("task_state"):
            raise UnknownFieldError(
                f"{self._name}: expected previous_task_state in the {side.other.role}'s observation, which "
                f"is what the {side.role} saw when it acted; got only {', '.join(seen)}. Let the observation "
                f"engine show game.previous_task_state, as it shows game.task_state (rules on paths do)"
            )
        sight = observation.extend(
            turn_index=side.observes,
            task_state=seen.get("previous_task_state", State()),
            **{side.action: belief[f"last_{side.action}"]},
        )
        return sight if side.opens else _a_round_before(sight)

    def _own_sight(self, belief: State, seen: State) -> State:
        """Give what one saw oneself before one's own action, which led to what the partner has `seen`."""
        if self.model is None:
            return _a_round_before(seen.extend(task_state=seen.previous_task_state))
        last = f"last_{self.side.action}"
        mine = seen.extend(**{"task_state": belief.last_task_state, self.side.action: belief[last]})
        return _a_round_before(mine) if self.side.opens else mine

    def _as_it_acted(self, seen: State, observation: State) -> tuple[State, int]:
        """Give the game as the partner saw it, with what it did then, and its turn to act."""
        action = self.side.action
        acted = {action: observation[action]} if action in observation else {}
        return seen.extend(**acted), self.side.acts

    def _remember(self, belief: State, observation: State) -> State:
        """Keep what the partner will have seen when it acts next."""
        now, action = observation.__dict__, self.side.action
        changes: dict[str, Value] = {"updates": belief.updates + 1}
        if self.model is not None:
            changes[f"last_{action}"] = now.get(action, belief[f"last_{action}"])
        if "last_task_state" in belief:
            seen = observation.task_state
            missing = [name for name in belief.last_task_state if name not in seen]
            if missing:
                raise UnknownFieldError(
                    f"{self._name}: to follow how the task moves, expected all of its state in the "
                    f"{self.side.other.role}'s observation but what the belief is about; no "
                    f"task_state.{missing[0]}"
                )
            changes["last_task_state"] = State(**{name: seen[name] for name in belief.last_task_state})
        return belief.replace(**changes)


def _a_round_before(seen: State) -> State:
    """Give what is seen with the round before, if it tells the round."""
    return seen.replace(round_index=np.maximum(seen.round_index - 1, 0)) if "round_index" in seen else seen
