"""How much an answer tells of who gave it: the information between candidates and their answers, in bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ContractError
from interaction.planning.answers import Answering, Answers, Looks

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
GROUPS = 8
"""Into so many groups the looks of a candidate are parted, to tell what their number makes of the gain."""


def information(chances: Array, weights: Array) -> Array:
    """Give the mutual information, for chances `(answers, episodes, candidates, actions)`."""
    mixed = np.einsum("rs,yrsc->yrc", weights, chances)
    known = np.einsum("rs,rsc->rc", weights, _entropy(chances))
    return np.asarray(_entropy(mixed) - known)


def _entropy(chances: Array) -> Array:
    """Give the entropy in bits of probabilities on the first axis."""
    terms = chances * np.log2(np.maximum(chances, 1e-300))
    # A single column would be added in pairs, but those of a batch are added one after the other.
    found: Array = -(terms.sum(axis=0) if terms[0].size > 1 else np.cumsum(terms, axis=0)[-1])
    return found


def information_of_answers(
    answering: Answering, answers: Answers, looks: list[Looks], log_weights: Array, drawn: Rows
) -> Array:
    """Give KL(b(θ | y) || b(θ)) for drawn answers y: `(1 + groups, episodes, draws, actions)`.

    `log_weights` are b, and `drawn` the candidates whose the answers are `(episodes, draws)`. Where there is
    more than one look, the probability of an answer is the mean over the looks: over all of them first, and
    then over those outside of each group.
    """
    size, shape = log_weights.shape[1], (*drawn.shape, answering.count)
    groups = 1 if len(looks) == 1 else 1 + GROUPS
    mixed, told = np.full((groups, *shape), -np.inf), np.zeros((groups, *shape))  # log Σ b p, mean of log p
    never = np.zeros(shape, bool)
    for candidate in range(size):
        rows = rows_of(np.full(drawn.shape, candidate), size, answering.count)
        log_prob = np.full((groups, *shape), -np.inf)
        for number, one in enumerate(looks):
            found = answering.log_prob(answers, one, rows.reshape(-1)).reshape(shape)
            if groups == 1:
                log_prob[0] = found
                continue
            kept = np.arange(groups) != 1 + number * GROUPS // len(looks)
            log_prob[kept] = np.logaddexp(log_prob[kept], found)
        if groups > 1:
            log_prob[0] -= np.log(len(looks))
            log_prob[1:] -= np.log(len(looks) * (1 - 1 / GROUPS))
        never |= np.isneginf(log_prob).any(axis=0) & (drawn[..., None] == candidate)
        mixed, told = _mixed(mixed, told, log_prob, log_weights[:, candidate, None, None])
    bits: Array = (told - mixed) / np.log(2)
    if never.any() or not np.isfinite(bits).all():
        policy = type(answering.policy).__name__
        raise ContractError(
            f"{policy}.log_prob: expected the log probability of what {policy}.sample draws, finite under "
            f"the candidate that draws it{' whatever it has seen' * (groups > 1)}, and a number below "
            f"infinity under the others"
        )
    return np.maximum(bits, 0.0)


def _mixed(mixed: Array, told: Array, log_prob: Array, log_weight: Array) -> tuple[Array, Array]:
    """Take one more candidate into log Σ b p and into the mean of log p under the weights b p."""
    with np.errstate(invalid="ignore"):  # of what is no number the caller tells
        joint = np.where(np.isneginf(log_weight), log_weight, log_weight + log_prob)
        mixed = np.logaddexp(mixed, joint)
        share = np.where(np.isneginf(joint), 0.0, np.exp(joint - mixed))
        return mixed, np.where(share > 0, told + share * (log_prob - told), told)


def rows_of(candidates: Rows, size: int, count: int) -> Rows:
    """Give the rows `(episodes, draws, actions)` of some candidates `(episodes, draws)` of each episode."""
    first = np.arange(len(candidates))[:, None] * size
    rows: Rows = (first + candidates)[..., None] * count + np.arange(count)
    return rows


def mean_and_error(bits: Array) -> tuple[Array, Array]:
    """Give the mean over draws and its standard error, for `(episodes, draws, actions)`."""
    bits = np.ascontiguousarray(bits.swapaxes(1, 2))  # (episodes, actions, draws)
    # Draws that follow each other are of the same candidate, or of neighbours: how much they differ does
    # not count how much the candidates do, each of which is there as often as its weight says.
    apart = np.diff(bits, axis=-1)
    return bits.mean(axis=-1), np.sqrt((apart**2).mean(axis=-1) / 2 / bits.shape[-1])


def jackknife(whole: Array, without: Array) -> tuple[Array, Array]:
    """Give an estimate without the bias of few looks, and its standard error.

    `whole` is the estimate by all looks, and `without` those without each group `(groups, …)`.
    Source: Efron & Tibshirani 1993, "An introduction to the bootstrap", chapter 11.
    """
    mean = without.mean(axis=0)
    error = np.sqrt(((without - mean) ** 2).sum(axis=0) * (GROUPS - 1) / GROUPS)
    return GROUPS * whole - (GROUPS - 1) * mean, error
