"""What an agent's model tells about its next action: the probability of each of a finite list of actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction import spaces
from interaction.batching.lockstep import Lineup
from interaction.errors import ContractError
from interaction.opening import for_rows
from interaction.players import Seat
from interaction.policy import DiscretePolicy, Policy
from interaction.random import EpisodeRandom
from interaction.state import State, Value

Array = NDArray[Any]

_SUM = 1e-6  # by which the sum of probabilities may differ from one, as for a DiscretePolicy


def action_probabilities(
    lineup: Lineup, policy: Policy, seat: Seat, seen: State, agents: State, rng: EpisodeRandom, counts: Array
) -> Array:
    """Give the probability of each of the `spaces.elements` of an agent's action space: `(rows, actions)`.

    A `DiscretePolicy` is asked for all of them at once, any other policy for the `log_prob` of each. `seen`
    and `agents` hold what each row observes, and its state. Rows that do not count, whose candidates the
    evidence excludes, may have no probabilities.
    Raises `ContractError` where the probabilities of a row that counts do not sum to one.
    """
    rows, number = rng.rows, spaces.count(policy.action_space)
    assert rows is not None
    assert number is not None
    if isinstance(policy, DiscretePolicy):
        discrete = policy

        def probabilities(seen: State, agents: State, _: EpisodeRandom) -> Value:
            found = discrete.probabilities(seen, agents)
            return np.stack(found) if isinstance(found, list | tuple) else found  # of lifted numbers, too

        chances = np.asarray(lineup.asked(policy, probabilities)(seen, agents, rng), float)
        where = "probabilities"
    else:
        listed = spaces.elements(policy.action_space)
        told = [seat.log_prob(for_rows(action, rows), seen, agents, rng) for action in listed]
        chances = np.exp(np.stack([np.broadcast_to(one, (rows,)) for one in told], axis=-1, dtype=float))
        where = "log_prob"
    chances = np.where(counts[:, None], np.broadcast_to(chances, (rows, number)), 0.0)
    total = chances.sum(axis=-1)
    wrong = counts & ~((np.abs(total - 1) <= _SUM) & (chances >= 0).all(axis=-1))  # NaN included
    if wrong.any():
        raise ContractError(
            f"{type(policy).__name__}.{where}: expected probabilities of the {number} actions of "
            f"{policy.action_space} that sum to one, got {chances[wrong][0]} with the sum {total[wrong][0]}"
        )
    return chances
