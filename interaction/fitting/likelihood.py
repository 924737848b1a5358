"""How probable what users did is, for any values of their parameters: their episodes are replayed.

Each candidate is a whole user. In each round it observes and infers by its own engines, and is asked for
the probability of the action that was taken. All users and candidates are rows of one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.batching.candidates import for_candidates
from interaction.batching.lockstep import Lineup
from interaction.batching.selection import row_of
from interaction.errors import ArgumentError, ContractError
from interaction.fitting.draws import NoDraw
from interaction.fitting.observed import Leaves, Observed, first_game
from interaction.noted import agreed, probes
from interaction.opening import begin
from interaction.players import Players
from interaction.policy import RandomPolicy
from interaction.random import USER_RESET, EpisodeRandom
from interaction.state import GameState, Provenance, State, flatten, freeze, nest, replace_path
from interaction.task import InteractionTask
from interaction.turns import look

Array = NDArray[Any]
ROWS = 8_192
"""How many rows are replayed at once: what fits the cache."""
Weigher = Callable[[int, Array, State, State], tuple[Array, State]]
"""In a round, from log probabilities of rows and their states, before and after the look: the log
probabilities of candidates, and the states with which the rows go on."""


class Likelihood:
    """The log probability of observed actions under values of a user's parameters.

    `total(values)` takes arrays `(users, candidates)` by name and gives `(users, candidates)`.
    Raises `LatentDrawError` for a user that draws random numbers while it looks or infers (whose likelihood
    `LatentLikelihood` estimates), and `ContractError` for one whose `log_prob` gives NaN.
    """

    inner = 1
    """How many rows each candidate has."""
    rows = ROWS

    def __init__(self, task: InteractionTask, user: User, observed: Observed) -> None:
        self.user, self.observed = user, observed
        space = observed.assistant_action_space
        self._task, self._helper = task, None if space is None else Assistant(policy=RandomPolicy(space))
        self._lineup = Lineup(task, user, self._helper)
        self._order = np.argsort(-observed.lengths, kind="stable")  # so that short episodes go together
        self._fixed: Mapping[str, Array] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lineup"}

    def __setstate__(self, fields: dict[str, Any]) -> None:
        vars(self).update(fields)
        self._lineup = Lineup(self._task, self.user, self._helper)

    def select(self, users: Array) -> Likelihood:
        """Give the likelihood of some users alone."""
        twin = copy(self)
        twin.observed = self.observed.select(users)
        twin._order = np.argsort(-twin.observed.lengths, kind="stable")
        twin._fixed = {name: array[users] for name, array in self._fixed.items()}
        return twin

    def fixing(self, values: Mapping[str, Array]) -> Likelihood:
        """Give the likelihood with known values of some parameters: `(users,)` each."""
        twin = copy(self)
        twin._fixed = {**self._fixed, **values}
        return twin

    def again(self, step: int, slot: int) -> Likelihood:
        """Give the likelihood with other draws, where it draws: those of an address."""
        return self

    def total(self, values: Mapping[str, Array]) -> Array:
        """Give the log likelihood of each user's actions: `(users, candidates)`."""
        shape = next(iter(values.values())).shape
        total = np.zeros(shape)
        for episodes, part, log_prob in self.replay(values):
            place = (self.observed.user[episodes][:, None], np.arange(part.start, part.stop))
            # Round by round: the order in which numpy adds depends on how many episodes are there.
            np.add.at(total, place, reduce(np.add, log_prob))
        return total

    def scores(self, values: Mapping[str, Array], steps: Array) -> tuple[Array, Array, Array]:
        """Give log likelihoods, gradients and outer products of the gradients of single actions.

        Candidates come in groups of 1 + d: a point, and the points shifted by `steps` `(users, groups, d)`
        in each coordinate. Returns arrays `(users, groups)`, `(users, groups, d)`, `(users, groups, d, d)`.
        """
        users, groups, d = steps.shape
        log = np.zeros((users, groups))
        gradient, outer = np.zeros((users, groups, d)), np.zeros((users, groups, d, d))
        for episodes, part, log_prob in self.replay(values, 1 + d):
            who = self.observed.user[episodes]
            group = np.arange(part.start // (1 + d), part.stop // (1 + d))
            blocks = log_prob.reshape(*log_prob.shape[:2], -1, 1 + d)
            with np.errstate(invalid="ignore"):  # an impossible action at both points
                slopes = (blocks[..., 1:] - blocks[..., :1]) / steps[who][None, :, group]
            np.copyto(slopes, 0.0, where=~np.isfinite(slopes))
            place = (who[:, None], group)
            np.add.at(log, place, blocks[..., 0].sum(axis=0))
            np.add.at(gradient, place, slopes.sum(axis=0))
            turned = np.moveaxis(slopes, 0, -2)  # (episodes, groups, rounds, d)
            np.add.at(outer, place, np.swapaxes(turned, -1, -2) @ turned)
        return log, gradient, outer

    def pointwise(self, values: Mapping[str, Array]) -> Array:
        """Give the log probability of each action: `(rounds, episodes, candidates)`, 0 after the end."""
        candidates = next(iter(values.values())).shape[1]
        found = np.zeros((self.observed.rounds, len(self.observed.lengths), candidates))
        for episodes, part, log_prob in self.replay(values):
            found[: len(log_prob), episodes, part] = log_prob
        return found

    def of_users(self, array: Array) -> Array:
        """Give the sums over each user's episodes: `(episodes, …)` to `(users, …)`."""
        found = np.zeros((len(self.observed.users), *array.shape[1:]))
        np.add.at(found, self.observed.user, array)
        return found

    def replay(self, values: Mapping[str, Array], together: int = 1) -> Iterator[tuple[Array, slice, Array]]:
        """Replay in parts: episodes, candidates, and log probabilities `(rounds, episodes, candidates)`.

        `together`: how many neighbouring candidates must stay in the same part.
        """
        candidates = next(iter(values.values())).shape[1]
        most = max(self.rows // self.inner, 1)
        width = min(candidates, max(most // together, 1) * together)
        height = max(most // width, 1)
        for first in range(0, len(self._order), height):
            episodes = self._order[first : first + height]
            games = _Games(self.observed, episodes)
            for start in range(0, candidates, width):
                part = slice(start, min(start + width, candidates))
                chosen = {
                    name: array[self.observed.user[episodes], part].reshape(-1)
                    for name, array in values.items()
                }
                for name, array in self._fixed.items():
                    chosen[name] = np.repeat(array[self.observed.user[episodes]], part.stop - part.start)
                if self.inner > 1:
                    chosen = {name: np.repeat(array, self.inner) for name, array in chosen.items()}
                rng, weigher = self._rows(episodes, part, candidates)
                play = self._player(games, chosen, part.stop - part.start, rng, weigher)
                yield episodes, part, self._lineup.in_batch(play)

    def _rows(self, episodes: Array, part: slice, of: int) -> tuple[EpisodeRandom, Callable[[], Weigher]]:
        """Give the stream of a part's rows, and what makes their weigher; `of` so many candidates."""
        rng = NoDraw(0, episodes=np.arange(len(episodes) * (part.stop - part.start)))
        return rng, lambda: _as_it_is

    def _player(
        self,
        games: _Games,
        values: Mapping[str, Array],
        candidates: int,
        stream: EpisodeRandom,
        weigher: Callable[[], Weigher],
    ) -> Callable[[Players], Array]:
        count, size = len(games.lengths), candidates * self.inner

        def play(players: Players) -> Array:
            user = players.user
            assert user is not None
            rng, going, weigh = stream, count, weigher()
            starts = {path: for_candidates(array, size, count) for path, array in games.starts.items()}
            known = {
                path.removeprefix("user_state."): array
                for path, array in starts.items()
                if path.startswith("user_state.")
            }
            game = first_game(players, games.at(0, size)[0], starts, count * size)
            game = game.replace(user_state=self._begin(players, {**known, **values}, game, count * size))
            found = np.zeros((games.rounds, count, candidates))
            for t in range(games.rounds):
                if games.going(t) < going:
                    going = games.going(t)
                    game = row_of(game, slice(going * size))
                    rng = rng.select(np.arange(going * size))
                task_state, previous, action, helped = games.at(t, size)
                game = game.replace(round_index=t, task_state=task_state, previous_task_state=previous)
                observation, state = look(user, game, rng, t)
                log_prob = np.broadcast_to(user.log_prob(action, observation, state, rng), (going * size,))
                if not (log_prob < np.inf).all():  # NaN included
                    self._raise(log_prob, values, t)
                log_prob, state = weigh(t, log_prob, game.user_state, state)
                found[t, :going] = log_prob.reshape(going, candidates)
                last = {} if helped is None else {"assistant_action": helped}
                by = Provenance.OBSERVED if helped is None else Provenance.INTERVENED
                game = game.replace(user_state=state, user_action=action, provenance=int(by), **last)
            return found

        return play

    def _raise(self, log_prob: Array, values: Mapping[str, Array], round_index: int) -> None:
        row = np.flatnonzero(~(log_prob < np.inf))[0]
        wrong = {name: array[row].item() for name, array in values.items()}
        got = "NaN" if np.isnan(log_prob[row]) else "+∞"
        raise ContractError(
            f"{type(self.user.policy).__name__}: log_prob gave {got} for {wrong} in round {round_index}"
        )

    def _begin(self, players: Players, known: Mapping[str, Array], game: GameState, rows: int) -> State:
        """Give the candidates' states at the start; raise if the reset draws what is not known."""
        assert players.user is not None
        streams, note = probes(rows)
        game = GameState(task_state=game.task_state)
        states = [begin(players.user, game, streams[0].at(0, USER_RESET))]
        if note.asked():
            states += [begin(players.user, game, stream.at(0, USER_RESET)) for stream in streams[1:]]
        same = agreed(states)
        for name, _ in flatten(states[0]):
            if name not in known and name not in same:
                raise ArgumentError(
                    f"{type(self.user).__name__}.reset draws {name!r} at random: give it a prior, too"
                )
        state = states[0]
        for name, array in known.items():
            state = replace_path(state, name, freeze(array))
        return state


def _as_it_is(_round: int, log_prob: Array, _before: State, state: State) -> tuple[Array, State]:
    return log_prob, state


class _Games:
    """What happened in some episodes, the longest ones first, round by round as long as they go on."""

    def __init__(self, observed: Observed, episodes: Array) -> None:
        self.lengths = observed.lengths[episodes]
        self.rounds = int(self.lengths.max(initial=0))
        self.starts = {path: array[episodes] for path, array in observed.starts.items()}
        self.parts: list[Leaves] = [
            {path: array[: self.rounds, episodes] for path, array in leaves.items()}
            for leaves in (
                observed.task_states,
                observed.previous_states,
                observed.user_actions,
                observed.assistant_actions,
            )
        ]

    def going(self, t: int) -> int:
        """Give how many of the episodes, the first ones, have a round of this number."""
        return int(np.count_nonzero(self.lengths > t))

    def at(self, t: int, size: int) -> tuple[State, State, Any, Any]:
        """Give the task's state, the one before and the actions of a round, repeated for each candidate."""
        going = self.going(t)
        task_state, previous, user_action, assistant_action = (
            nest({path: for_candidates(array[t, :going], size, going) for path, array in leaves.items()})
            if leaves
            else None
            for leaves in self.parts
        )
        return task_state or State(), previous or State(), user_action, assistant_action
