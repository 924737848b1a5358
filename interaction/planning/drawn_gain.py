"""Information gain where the task draws as it moves, or the partner while it looks: means over draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from interaction.batching.selection import row_of
from interaction.inference.particles import systematic
from interaction.noted import Note
from interaction.planning.answers import Answering, Looks, Moves
from interaction.planning.channels import (
    GROUPS,
    information,
    information_of_answers,
    jackknife,
    mean_and_error,
    rows_of,
)
from interaction.random import EpisodeRandom
from interaction.state import GameState

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
_ROWS = 4_096
"""How many rows are asked at once: what fits the cache."""
_LOOKS = 32
"""How many looks of each candidate tell how probable an answer is that is itself drawn."""


class DrawnGain:
    """The gain of each action, and its standard error, for episodes in which something is drawn.

    What the task draws (`lucky`) the one who plans will see: the gain is the mean over ways in which the task
    may move, each as a candidate, drawn from the belief, makes it. What the partner draws while it looks
    (`noisy`) nobody else will see: the probability of an answer is the mean over looks; what their number
    makes of the gain, a jackknife tells. Where the belief is about the task's state, what the task draws is
    drawn anew for each look, too: what is shown may tell of what is hidden.
    """

    def __init__(self, answering: Answering, exact: bool, samples: int, lucky: bool, noisy: bool) -> None:
        self.answering, self.exact, self.samples = answering, exact, samples
        self.lucky, self.noisy = lucky, noisy
        few = int(np.ceil(np.sqrt(samples))) if lucky and noisy and exact else samples
        self.ways = few if lucky else 1
        self.looks = (max(few, GROUPS) if exact else _LOOKS) if noisy else 1

    def told(
        self, game: GameState, log_weights: Array, rng: EpisodeRandom
    ) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Give gain and error, `(episodes, actions)` each, for a row of each candidate and action.

        The last tells in which episodes the partner has drawn while it looked.
        """
        (outer, size), count, ways = log_weights.shape, self.answering.count, self.ways
        uniform = np.broadcast_to(np.asarray(rng.copy().random()), (outer,))
        drawn = systematic(np.exp(log_weights), uniform, ways if self.exact else self.samples)
        lots = rng.copy().simulation().repeat(ways, common=False)
        asked = None if self.exact else rng.repeat(self.samples, common=False)
        block = max(_ROWS // (size * count), 1)
        parts, drew = [], np.zeros(outer, bool)
        for first in range(0, outer * ways, block):
            part = np.arange(first, min(first + block, outer * ways))
            episode, way = np.divmod(part, ways)
            rows = (episode[:, None] * size * count + np.arange(size * count)).reshape(-1)
            games, weights = GameState(**dict(row_of(game, rows, {}))), log_weights[episode]
            sources = drawn[episode, way][:, None]
            moves, each = self._looked(games, sources, size, lots.select(part))
            looks = self._noting(each, drew, episode)
            if asked is None:
                parts.append(self._by_chances(looks, weights))
            else:
                own = way[:, None] if self.lucky else np.arange(self.samples)
                stream = asked.select((episode[:, None] * self.samples + own).reshape(-1))
                authors = drawn[episode[:, None], own]
                parts.append(self._by_answers(games, moves, list(looks), weights, authors, stream))
        whole = np.concatenate(parts, axis=1).reshape(len(parts[0]), outer, -1, count)
        return *self._joined(whole), drew

    @staticmethod
    def _noting(
        looks: Iterator[tuple[Looks, Note]], drew: NDArray[np.bool_], episode: Rows
    ) -> Iterator[Looks]:
        """Give the looks, and note for which episodes they draw."""
        for one, note in looks:
            np.logical_or.at(drew, episode, note.rows.reshape(len(episode), -1).any(axis=1))
            yield one

    def _looked(
        self, games: GameState, sources: Rows, size: int, lots: EpisodeRandom
    ) -> tuple[Moves, Iterator[tuple[Looks, Note]]]:
        """Give the games after one move of the task, and what the candidates see of it, look by look."""
        answering, count = self.answering, self.answering.count
        moves, _ = answering.moved(games, lots.repeat(size).repeat(count))
        if self.lucky:
            moves = moves.as_in(
                rows_of(np.broadcast_to(sources, (len(sources), size)), size, count).reshape(-1)
            )
        several, first = lots.repeat(self.looks, common=False), np.arange(len(sources)) * self.looks

        def looks() -> Iterator[tuple[Looks, Note]]:
            for number in range(self.looks):
                stream = several.select(first + number).repeat(size).repeat(count)
                here = answering.moved(games, stream)[0] if answering.hidden else moves
                yield answering.looks(here, stream)

        return moves, looks()

    def _by_chances(self, looks: Iterator[Looks], log_weights: Array) -> Array:
        """The gain by the mean probability of each answer: of all looks, and of those outside each group."""
        (outer, size), count = log_weights.shape, self.answering.count
        weights = np.exp(log_weights)
        counts = np.repeat(weights.reshape(-1) > 0, count)
        sums: list[Array] = []
        for number, one in enumerate(looks):
            chances = self.answering.chances(one, counts)
            if not sums:
                sums = [np.zeros((self.answering.number + 1, chances.shape[1])) for _ in range(GROUPS)]
            sums[number * GROUPS // self.looks][: len(chances)] += chances
        total = np.sum(sums, axis=0)
        each = [total] if self.looks == 1 else [total, *[total - one for one in sums]]
        means = [one / np.where(counts, one.sum(axis=0), 1.0) for one in each]
        return np.stack([information(one.reshape(-1, outer, size, count), weights) for one in means])

    def _by_answers(
        self,
        games: GameState,
        moves: Moves,
        looks: list[Looks],
        log_weights: Array,
        authors: Rows,
        stream: EpisodeRandom,
    ) -> Array:
        """The gain by answers that are drawn, each from a look of its own: `(1 + groups, episodes, …)`."""
        rows = rows_of(authors, log_weights.shape[1], self.answering.count).reshape(-1)
        stream = stream.repeat(self.answering.count)
        own = moves.of(rows)
        if self.answering.hidden:
            own, _ = self.answering.moved(GameState(**dict(row_of(games, rows, {}))), stream)
        seen, _ = self.answering.looks(own, stream)
        answers = self.answering.answers(seen, np.arange(len(rows)), stream)
        bits = information_of_answers(self.answering, answers, looks, log_weights, authors)
        return bits.reshape(len(bits), len(authors), -1)

    def _joined(self, whole: Array) -> tuple[Array, Array]:
        """Join the draws of each episode, `(1 + groups, episodes, draws, actions)`."""
        each, error = (
            (whole[0], np.zeros_like(whole[0])) if len(whole) == 1 else jackknife(whole[0], whole[1:])
        )
        if each.shape[1] == 1:
            return each[:, 0], error[:, 0]
        gain, spread = mean_and_error(each)
        if self.lucky or len(whole) == 1:
            return gain, spread
        _, error = jackknife(whole[0].mean(axis=1), whole[1:].mean(axis=2))  # all draws share their looks
        return gain, np.hypot(spread, error)
