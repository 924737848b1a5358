"""A posterior over hidden parameters: weights over candidates, and what people read off them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError, missing_extra, unknown_name
from interaction.inference.particles import effective_sample_size
from interaction.state import Value, freeze

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Posterior:
    """Weights over candidates: `(..., candidates)`; `...` is () in one episode, `(episodes,)` in a batch.

    `values` holds the candidates' values of each parameter; `axes` those of a grid, whose combinations the
    candidates are. `log_evidence` is the log marginal likelihood of all that was counted (natural), for
    comparing user models; `surprise` the predictive log loss of the last outcome.
    """

    weights: Array
    values: Mapping[str, Array]
    axes: Mapping[str, Array] | None
    log_evidence: Value
    surprise: Value

    def _values(self, name: str) -> Array:
        if name not in self.values:
            raise unknown_name(name, self.values, "posterior")
        return self.values[name]

    def mean(self, name: str) -> Value:
        """Give the posterior mean of a parameter."""
        return freeze((self.weights * self._values(name)).sum(axis=-1))

    def mode(self) -> dict[str, Value]:
        """Give the most probable candidate (the first one of several)."""
        best = np.argmax(self.weights, axis=-1)[..., None]
        return {
            name: freeze(np.take_along_axis(np.broadcast_to(values, self.weights.shape), best, -1)[..., 0])
            for name, values in self.values.items()
        }

    def entropy(self) -> Value:
        """Give the entropy of the weights, in bits."""
        logs = np.log2(np.where(self.weights > 0, self.weights, 1.0))
        return freeze(-(self.weights * logs).sum(axis=-1))

    def interval(self, name: str, probability: float = 0.9) -> tuple[Value, Value]:
        """Give the equal-tailed credible interval of a parameter: from its lower to its upper quantile."""
        if not 0 < probability < 1:
            raise ArgumentError(f"interval: expected a probability between 0 and 1, got {probability!r}")
        values = np.broadcast_to(self._values(name), self.weights.shape)
        order = np.argsort(values, axis=-1, kind="stable")
        ordered = np.take_along_axis(values, order, -1)
        cumulated = np.cumsum(np.take_along_axis(self.weights, order, -1), axis=-1)
        cumulated = cumulated / cumulated[..., -1:]
        tail = (1 - probability) / 2
        ends = []
        for quantile in (tail, 1 - tail):
            index = np.argmax(cumulated >= quantile, axis=-1)[..., None]
            ends.append(freeze(np.take_along_axis(ordered, index, -1)[..., 0]))
        return ends[0], ends[1]

    @property
    def effective_sample_size(self) -> Value:
        """The number of equally weighted candidates that would be worth as much."""
        return freeze(effective_sample_size(self.weights))

    def to_xarray(self) -> xarray.DataArray:
        """Give the weights with labelled axes: one for each parameter of a grid, or `candidate` with the
        values as coordinates; in a batch, `episode` comes first (needs the extra `data`)."""
        try:
            import xarray
        except ImportError:
            raise missing_extra("xarray", "data", "Posterior.to_xarray") from None
        lead = [] if self.weights.ndim == 1 else ["episode"]
        if self.axes is not None and all(axis.ndim == 1 for axis in self.axes.values()):
            shape = self.weights.shape[:-1] + tuple(len(axis) for axis in self.axes.values())
            return xarray.DataArray(
                self.weights.reshape(shape), dict(self.axes), [*lead, *self.axes], name="probability"
            )
        coordinates = {
            name: ([*lead, "candidate"][-values.ndim :], values) for name, values in self.values.items()
        }
        return xarray.DataArray(self.weights, coordinates, [*lead, "candidate"], name="probability")
