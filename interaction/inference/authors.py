"""What an action tells about an agent, by who took it.

Observation and intervention. An action that a partner took tells about the partner, so its probability under
each candidate is evidence: b'(θ) ∝ π(a | h, θ) b(θ). An action that one took oneself was set from outside,
which tells nothing about what caused it: b'(θ) = b(θ), in the notation of causality P(θ | do(a)) = P(θ). To
condition on it all the same, as a sequence model does that was trained on demonstrations and then acts, is
the self-delusion: b'(θ) ∝ π(a | h, θ) b(θ) with one's own a. The outcome counts in all cases:
b'(θ) ∝ P(o | a, θ) b(θ).

Source: Ortega et al. 2021, "Shaking the foundations: delusions in sequence models for interaction and
control", arXiv 2110.10819.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.inference.movement import log_sum
from interaction.state import Provenance

Array = NDArray[Any]


def told_by_author(
    log_prob: Array, log_weights: Array, author: Array, partner: Provenance, share: float
) -> Array:
    """Give what an action adds to the log weight of each candidate: `(..., candidates)`.

    `author` is who took it, `(...)`, and `partner` whom the candidates are of. An unknown author is
    marginalised over: the likelihood is ρ π(a | h, θ) + (1 − ρ) q(a), with ρ = `share` and q the belief's own
    prediction.
    """
    author = author[..., None]
    known = np.where(author == int(partner), log_prob, 0.0)
    unknown = author == int(Provenance.UNKNOWN)
    if not unknown.any():
        return known
    own = (log_sum(log_weights + log_prob) - log_sum(log_weights))[..., None]
    with np.errstate(divide="ignore"):
        either = np.logaddexp(np.log(share) + log_prob, np.log1p(-share) + own)
    return np.where(unknown, either, known)
