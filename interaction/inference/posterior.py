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


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """Weights over candidates: `(..., candidates)`; `...` is () in one episode, `(episodes,)` in a batch.

    `values` holds the candidates' values of each parameter, `(..., candidates, *shape)`, or `(candidates,)`
    where they are numbers and the same in all episodes; `axes` those of a grid, whose combinations they are.
    `log_evidence` is the log marginal likelihood of all that was counted (natural), for comparing user
    models; `surprise` the predictive log loss of the last outcome.

    >>> from interaction import BelievingAssistant, Bundle, Grid, UserModelFilter
    >>> from interaction.assistants.pointing import ConstantGainPolicy
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> hidden = Grid({"task_state.goal": range(4), "error_rate": [0.0, 0.1, 0.2, 0.3, 0.4]})
    >>> belief = UserModelFilter(CarefulPointer(), hidden, task_model=PointingTask(31, 4))
    >>> watching = BelievingAssistant(belief, ConstantGainPolicy(1.0))
    >>> bundle = Bundle(PointingTask(31, 4), CarefulPointer(0.2), watching, max_rounds=12)
    >>> game = bundle.reset(seed=5)
    >>> while not (step := bundle.step()).done:
    ...     pass
    >>> posterior = belief.posterior(step.game.assistant_state)
    >>> posterior.mode(), posterior.marginal("task_state.goal")[1].round(2)
    ({'task_state.goal': 0, 'error_rate': 0.2}, array([0.33, 0.33, 0.33, 0.01]))
    >>> round(posterior.mean("error_rate"), 2), posterior.interval("error_rate", 0.9)
    (0.25, (0.1, 0.4))
    """

    weights: Array
    values: Mapping[str, Array]
    axes: Mapping[str, Array] | None
    log_evidence: Value
    surprise: Value

    def __repr__(self) -> str:
        *episodes, candidates = self.weights.shape
        of = f"{candidates} candidates of {', '.join(self.values)}"
        if episodes:
            return f"Posterior({episodes[0]} episodes, {of})"
        means = ", ".join(f"{name}: {np.round(self.mean(name), 4)}" for name in self.values)
        return f"Posterior({of}; means: {means})"

    def _values(self, name: str) -> Array:
        if name not in self.values:
            raise unknown_name(name, self.values, "posterior")
        values, whole = self.values[name], self.weights.shape
        if values.shape[: len(whole)] != whole:
            values = np.broadcast_to(values, whole)
        return values

    def mean(self, name: str) -> Value:
        """Give the posterior mean of a parameter."""
        values = self._values(name)
        entries = values.ndim - self.weights.ndim
        weights = self.weights.reshape(self.weights.shape + (1,) * entries)
        return freeze((weights * values).sum(axis=-1 - entries))

    def mode(self) -> dict[str, Value]:
        """Give the most probable candidate (the first one of several)."""
        best = np.argmax(self.weights, axis=-1)
        lead = tuple(np.indices(best.shape))
        return {name: freeze(self._values(name)[(*lead, best)]) for name in self.values}

    def marginal(self, name: str) -> tuple[Array, Array]:
        """Give the distinct values of a parameter, in order, and how probable each is; in one episode."""
        values = self._values(name)
        if values.ndim != 1:
            raise ArgumentError(
                f"marginal: expected a number in one episode, got {name} of the shape {values.shape}"
            )
        distinct, which = np.unique(values, return_inverse=True)
        return distinct, np.bincount(which, self.weights)

    def entropy(self) -> Value:
        """Give the entropy of the weights, in bits."""
        logs = np.log2(np.where(self.weights > 0, self.weights, 1.0))
        return freeze(-(self.weights * logs).sum(axis=-1))

    def interval(self, name: str, probability: float = 0.9) -> tuple[Value, Value]:
        """Give the equal-tailed credible interval of a parameter: from its lower to its upper quantile.

        Of a vector, those of its entries.
        """
        if not 0 < probability < 1:
            raise ArgumentError(f"interval: expected a probability between 0 and 1, got {probability!r}")
        values = self._values(name)
        entries, whole = values.ndim - self.weights.ndim, self.weights.shape
        values = np.moveaxis(values, len(whole) - 1, -1)  # the candidates last
        weights = self.weights.reshape((*whole[:-1], *(1,) * entries, whole[-1]))
        order = np.argsort(values, axis=-1, kind="stable")
        ordered = np.take_along_axis(values, order, -1)
        cumulated = np.cumsum(np.take_along_axis(np.broadcast_to(weights, values.shape), order, -1), axis=-1)
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
        coordinates = {}
        for name in self.values:
            values = self._values(name)
            for entry in np.ndindex(values.shape[self.weights.ndim :]):
                label = "_".join([name, *map(str, entry)])  # of a vector, one for each entry
                coordinates[label] = ([*lead, "candidate"], values[(..., *entry)])
        return xarray.DataArray(self.weights, coordinates, [*lead, "candidate"], name="probability")
