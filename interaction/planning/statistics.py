"""The counts and returns of search trees, of many trees at once: arrays of (trees, nodes, actions)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ContractError
from interaction.state import State, Value

Array = NDArray[Any]
NOWHERE = -1
"""In place of a node: none."""


class Statistics:
    """How often each action was taken at each node of each tree, and what came of it.

    Node 0 is the root. A node's children after an action are told apart by what was seen (`sights`); they are
    linked from the one met last to the one met first. A simulation makes up to one node in each tree, which
    is entered after `patience` simulations have come to it.
    """

    def __init__(self, trees: int, simulations: int, actions: int, exploration: float, patience: int) -> None:
        nodes = simulations + 1
        self.visits = np.zeros((trees, nodes, actions), np.int64)
        self.totals = np.zeros((trees, nodes, actions))
        self.newest = np.full((trees, nodes, actions), NOWHERE)
        self.older = np.full((trees, nodes), NOWHERE)
        self.sights: Array | None = None  # (trees, nodes, numbers of a sight), once it is known how many
        self.arrivals = np.zeros((trees, nodes), np.int64)
        self.nodes = np.ones(trees, np.int64)
        self.exploration = exploration
        self.patience = patience
        self.lowest, self.highest = np.full(trees, np.inf), np.full(trees, -np.inf)
        # Of one array, since what numpy gives for a number may depend on where it lies among others.
        self._logs = np.log(np.maximum(np.arange(nodes), 1))

    @property
    def values(self) -> Array:
        """The mean return of each action at the roots: `(trees, actions)`."""
        return np.asarray(self.totals[:, 0] / self.visits[:, 0])

    def choose(self, trees: Array, nodes: Array) -> Array:
        """Give the action with the highest upper confidence bound, untried ones first."""
        visits, totals = self.visits[trees, nodes], self.totals[trees, nodes]
        scale = self.exploration * np.maximum(self.highest - self.lowest, 0.0)[trees, None]
        logs = self._logs[visits.sum(axis=-1)][:, None]
        tried = np.maximum(visits, 1)
        bounds = np.where(visits > 0, totals / tried + scale * np.sqrt(logs / tried), np.inf)
        alike = (self.highest <= self.lowest)[trees, None]  # all returns so far: each action in its turn
        bounds = np.where(alike, -visits.astype(float), bounds)
        return np.asarray(bounds.argmax(axis=-1))

    def follow(self, trees: Array, nodes: Array, actions: Array, sights: Array) -> Array:
        """Give the child of each node in which this was seen, or NOWHERE where it is not entered yet."""
        if self.sights is None:
            self.sights = np.zeros((*self.older.shape, sights.shape[1]), np.int64)
        if sights.shape[1] != self.sights.shape[2]:
            raise ContractError(
                "MonteCarloTree: expected observations of the assistant with the same fields and "
                "shapes in all rounds"
            )
        found = self.newest[trees, nodes, actions]
        left = np.flatnonzero(found >= 0)
        while len(left):
            here = trees[left], found[left]
            unlike = (self.sights[here] != sights[left]).any(axis=-1)
            left = left[unlike]
            found[left] = self.older[here][unlike]
            left = left[found[left] >= 0]
        new = np.flatnonzero(found < 0)
        if len(new):
            tree = trees[new]
            made = self.nodes[tree]
            self.nodes[tree] += 1
            parent = tree, nodes[new], actions[new]
            self.older[tree, made] = self.newest[parent]
            self.newest[parent] = made
            self.sights[tree, made] = sights[new]
            found[new] = made
        self.arrivals[trees, found] += 1
        return np.where(self.arrivals[trees, found] > self.patience, found, NOWHERE)

    def add(self, trees: Array, nodes: Array, actions: Array, returns: Array) -> None:
        """Count that an action was taken at a node of each tree, and what came of it."""
        self.visits[trees, nodes, actions] += 1
        self.totals[trees, nodes, actions] += returns

    def widen(self, returns: Array) -> None:
        """Take note of the lowest and the highest return of each tree."""
        np.minimum(self.lowest, returns, out=self.lowest)
        np.maximum(self.highest, returns, out=self.highest)


def sights_of(observation: State, rows: int, texts: dict[Any, int]) -> Array:
    """Give what is seen as whole numbers `(rows, n)`, equal where it is equal.

    What an agent knows itself is left out, since it follows from what it saw before. `texts` numbers what is
    no number.
    """
    own = {name: value for name, value in observation.items() if name != "assistant_state"}
    return np.concatenate(list(_numbers(tuple(own.values()), rows, texts)), axis=1)


def _numbers(value: Value, rows: int, texts: dict[Any, int]) -> Any:
    if isinstance(value, State | tuple):
        for part in value.values() if isinstance(value, State) else value:
            yield from _numbers(part, rows, texts)
        return
    array = np.asarray(value)
    if array.dtype.kind == "f":
        bits = np.ascontiguousarray(array + 0.0, np.float64).view(np.int64)  # −0.0 and 0.0 are equal
    elif array.dtype.kind in "iub":
        bits = array.astype(np.int64)
    else:
        numbered = [texts.setdefault(one, len(texts)) for one in array.reshape(-1).tolist()]
        bits = np.array(numbered, np.int64).reshape(array.shape)
    yield bits.reshape(rows, -1) if isinstance(value, np.ndarray) else np.broadcast_to(bits, (rows, 1))
