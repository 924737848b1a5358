"""What a fit says of itself: whether it converged, and what to do if not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.fitting.estimate import R_HAT, VARIANCE

Array = NDArray[Any]


def convergence(
    converged: Array,
    users: Array,
    method: str,
    variance: Array | None = None,
    faults: Mapping[str, Array] | None = None,
) -> str:
    """Say in a sentence which of the fits did not converge, and what to do; or that all did.

    `variance` is that of estimated log likelihoods; `faults` what is known to be wrong, and with whom.
    """
    bad = np.flatnonzero(~converged)
    rule, remedy = {
        "grid": (
            "grids and lattices agree to 1 % of a posterior standard deviation, within 6 of the prior",
            'use method="particles"',
        ),
        "particles": (f"R-hat < {R_HAT}, the moves are not stuck", "give more draws"),
        "mcmc": (f"R-hat < {R_HAT}, 20 autocorrelation times, a steady spread", 'use method="particles"'),
        "maximum_likelihood": (
            "no further step gains 0.001 in log likelihood",
            'give more rounds, or use method="particles"',
        ),
    }[method]
    if variance is not None:
        worst = variance.max()
        rule += f", the estimated log likelihood has a variance below {VARIANCE:g}"
        remedy = f"that variance is up to {worst:.1f}: raise inner" if not worst <= VARIANCE else remedy
    if len(bad) == 0:
        return f"converged ({method}: {rule})"
    return not_converged(users, bad, f"{method}: {rule}", faults or {}, remedy)


def not_converged(users: Array, bad: Array, rule: str, faults: Mapping[str, Array], remedy: str) -> str:
    """Say which users have not converged by a rule, what is wrong where it is known, and else what to do."""
    told = [f"{what} ({named(users[wrong])})" for what, wrong in faults.items() if wrong.any()]
    if not np.any([np.zeros(len(users), bool), *faults.values()], axis=0)[bad].all():
        told.append(remedy)
    return (
        f"NOT converged for {len(bad)} of {len(users)} users ({rule}): {named(users[bad])}; {'; '.join(told)}"
    )


def named(items: Any, between: str = ", ") -> str:
    """List the first five of some things."""
    return between.join(map(str, items[:5])) + (f"{between}…" if len(items) > 5 else "")
