"""What a parameter is moved in: its standard normal scores under its prior, to stay in the support."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_FURTHEST = 8.3
"""The score of the lowest number that is drawn, 2**-54."""


def is_joint(prior: object) -> bool:
    """Whether a prior is one of vectors."""
    return not hasattr(prior, "ppf") and hasattr(prior, "rvs") and hasattr(prior, "logpdf")


def score(prior: Any, values: Array) -> Array:
    """Give the standard normal scores of values under a prior: how far out they lie on either side."""
    from scipy.special import ndtri

    below, above = prior.cdf(values), prior.sf(values)
    found = np.where(below < above, ndtri(below), -ndtri(above))
    return np.asarray(np.clip(found, -_FURTHEST, _FURTHEST))


def value_at(prior: Any, scores: Array) -> Array:
    """Give the values with these scores: the inverse."""
    from scipy.special import ndtr

    inside = np.clip(scores, -_FURTHEST, _FURTHEST)
    return np.asarray(np.where(inside < 0, prior.ppf(ndtr(inside)), prior.isf(ndtr(-inside))))


def _sticks(prior: Any) -> list[Any]:
    """Give the distributions of the shares that each weight takes of what those before it have left."""
    from scipy import stats

    alpha = np.asarray(prior.alpha, float)
    return [stats.beta(first, alpha[index + 1 :].sum()) for index, first in enumerate(alpha[:-1])]


def broken(prior: Any, weights: Array) -> Array:
    """Give the scores of weights `(..., d)` under a Dirichlet prior: those of their `d - 1` shares.

    Source: Connor & Mosimann 1969, "Concepts of independence for proportions with a generalization of the
    Dirichlet distribution": the shares are independent, and each has a beta distribution.
    """
    left = np.cumsum(weights[..., ::-1], axis=-1)[..., ::-1]
    shares = weights[..., :-1] / np.where(left[..., :-1] > 0, left[..., :-1], 1.0)
    scores = [score(stick, shares[..., index]) for index, stick in enumerate(_sticks(prior))]
    return np.stack(scores, axis=-1)


def whole_of(prior: Any, scores: Array) -> Array:
    """Give the weights with these scores: the inverse."""
    left, weights = np.ones(scores.shape[:-1]), []
    for index, stick in enumerate(_sticks(prior)):
        weights.append(left * value_at(stick, scores[..., index]))
        left = np.maximum(left - weights[-1], 0.0)
    return np.stack([*weights, left], axis=-1)


def family_of(prior: Any) -> str:
    """Name the family of a scipy distribution."""
    family = getattr(prior, "dist", None)
    name = getattr(family, "name", None) or type(prior).__name__.removesuffix("_frozen")
    return "nothing" if prior is None else str(name)


def describe(distribution: Any) -> Any:
    """What tells two frozen scipy distributions apart, which have no equality of their own."""
    if is_joint(distribution):
        return family_of(distribution), distribution.rvs(
            size=4, random_state=np.random.default_rng(0)
        ).tolist()
    family = getattr(distribution, "dist", None)
    return distribution if family is None else (family.name, distribution.args, distribution.kwds)
