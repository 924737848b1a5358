"""The candidate values of a user's hidden parameters: those of a grid, or particles drawn from a prior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from interaction.component import Component
from interaction.errors import ArgumentError, SpaceError, unknown_name
from interaction.inference.particles import liu_west, liu_west_vectors
from interaction.inference.scores import broken, describe, family_of, is_joint, score, value_at, whole_of
from interaction.membership import membership, remedy
from interaction.over import combine
from interaction.random import EpisodeRandom
from interaction.spaces import Box, Space, Undeclared, is_whole, real, shape_of

Array = NDArray[Any]


class Distribution(Protocol):
    """What a prior of a number offers: a frozen `scipy.stats` distribution does."""

    def ppf(self, q: Any) -> Any:
        """Give the quantile."""
        ...


class JointDistribution(Protocol):
    """What a prior of a vector offers: a frozen multivariate distribution of `scipy.stats` does."""

    def rvs(self, size: Any = 1, random_state: Any = None) -> Any:
        """Draw vectors."""
        ...

    def logpdf(self, x: Any) -> Any:
        """Give the log density."""
        ...


class Grid(Component):
    """Every combination of the candidates of each parameter, in the order of `numpy.ndindex`.

    `Grid({"p0": range(10), "p1": [1, 5]})` has 20 candidates. `prior` gives the weight of each value of a
    parameter, by name; by default all are equally probable. All candidates share their random numbers.
    Raises `ArgumentError` for a parameter without candidates, and for weights that do not fit them.

    >>> import numpy as np
    >>> from interaction import Grid
    >>> grid = Grid({"p0": range(3), "p1": [1, 5]}, prior={"p0": [2, 1, 1]})
    >>> grid.size, grid.values["p1"], np.exp(grid.log_prior)
    (6, array([1, 5, 1, 5, 1, 5]), array([0.25 , 0.25 , 0.125, 0.125, 0.125, 0.125]))
    """

    common = True

    def __init__(
        self, values: Mapping[str, Iterable[Any]], prior: Mapping[str, Iterable[float]] | None = None
    ) -> None:
        self.axes: dict[str, Array] = {}
        for name, candidates in values.items():
            axis = np.array(list(candidates))
            if len(axis) == 0:
                raise ArgumentError(f"Grid: {name} has no candidate")
            different, counts = np.unique(axis, axis=0, return_counts=True)
            if len(different) < len(axis):
                raise ArgumentError(
                    f"Grid: {name}: expected candidates that differ, got {different[counts > 1][0]!r} "
                    f"{counts.max()} times; what is more probable is told by prior={{{name!r}: [...]}}"
                )
            self.axes[name] = axis
        if not self.axes:
            raise ArgumentError("Grid: expected at least one parameter with its candidates, got none")
        self.size, self.values = combine({name: {name: axis} for name, axis in self.axes.items()})
        for name in prior or ():
            if name not in self.axes:
                raise unknown_name(name, self.axes, "Grid: prior")
        weights = np.ones(1)
        for name, axis in self.axes.items():
            own = np.array(list(prior[name]), float) if prior and name in prior else np.ones(len(axis))
            if own.shape != (len(axis),) or not (own >= 0).all() or own.sum() <= 0:
                raise ArgumentError(f"Grid: prior of {name}: expected {len(axis)} weights >= 0, got {own}")
            weights = np.multiply.outer(weights, own / own.sum()).reshape(-1)
        with np.errstate(divide="ignore"):
            self.log_prior: Array = np.log(weights)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self.axes)

    def alike(self, other: object) -> bool:
        """Say whether a belief over the other's candidates is one over these, too."""
        axes = self.axes.items()
        return (
            isinstance(other, Grid)
            and list(self.axes) == list(other.axes)
            and all(np.array_equal(axis, other.axes[name]) for name, axis in axes)
        )

    def check(self, name: str, space: Space[Any], where: str) -> None:
        """Raise unless all candidates of a parameter lie inside its space."""
        values = self.axes[name]
        found = membership(space).violation(values, len(values))
        if found is not None:
            raise SpaceError(
                f"{where}: candidates of {name}: expected values in {space}, got {found.value!r}"
                f"{remedy(space, found.value)}"
            )

    def draw(self, rng: EpisodeRandom) -> dict[str, Array]:
        """Give the values of the candidates, by name: `(candidates, *shape)`; nothing is drawn."""
        return self.values


class Samples(Component):
    """Particles: `n` candidates drawn from a prior for each episode.

    `prior` maps each parameter to a frozen `scipy.stats` distribution, as in
    `Samples({"epsilon": scipy.stats.uniform(0, 1)}, n=1_000)`; the draws go through its quantile function,
    so that each has a fixed address. For a vector, give a multivariate one, as in
    `Samples({"weights": scipy.stats.dirichlet([1, 1, 1])})`. Names alone, as in `Samples(["epsilon"])`, are
    drawn by the user model's own `reset`. Particles are resampled systematically when the effective sample
    size falls below `threshold` times `n`. Continuous parameters are then moved by the kernel of Liu & West
    with the discount `discount`: it needs neither a stored history nor further calls of the user model, as
    an MCMC move would, and keeps the mean and the covariance of the particles: of the standard normal
    scores of a number under its prior, or of weights under a Dirichlet prior (whose sticks are broken one
    after the other), so that none can leave the prior's support. Across a gap in the support particles may
    be carried from one side to the other; there, give many and a small `threshold`. Other vectors are moved
    as they are, and stay where they are if the move would leave. Where the user's `reset` draws them, they
    stay in their space, or, if that is not declared, between the outermost ones. Each particle draws its
    own random numbers.
    Sources: Liu & West 2001, "Combined parameter and state estimation in simulation-based filtering";
    Kitagawa 1996 (systematic resampling).

    Raises `ArgumentError` for a prior that is none, fewer than two particles, a `threshold` outside [0, 1]
    or a `discount` outside (0.5, 1].

    >>> from scipy import stats
    >>> from interaction import EpisodeRandom, Samples, UserModelFilter
    >>> from interaction.users.pointing import CarefulPointer
    >>> errs = UserModelFilter(CarefulPointer(), Samples({"error_rate": stats.beta(2, 8)}, n=500))
    >>> errs.posterior(errs.initial(EpisodeRandom(seed=0)))
    Posterior(500 candidates of error_rate; means: error_rate: 0.1996)
    """

    common = False

    def __init__(
        self,
        prior: Mapping[str, Distribution | JointDistribution] | Iterable[str],
        n: int = 1_000,
        threshold: float = 0.5,
        discount: float = 0.98,
    ) -> None:
        given = dict(prior) if isinstance(prior, Mapping) else {}
        self.from_reset = () if isinstance(prior, Mapping) else tuple(prior)
        if not given and not self.from_reset:
            raise ArgumentError("Samples: expected a prior for at least one parameter, got none")
        if isinstance(n, bool) or not isinstance(n, int) or n < 2:
            raise ArgumentError(f"Samples: expected a number of particles n >= 2, got {n!r}")
        if not 0 <= threshold <= 1 or not 0.5 < discount <= 1:
            raise ArgumentError(
                f"Samples: expected threshold in [0, 1] and discount in (0.5, 1], got {threshold}, {discount}"
            )
        for name, distribution in given.items():
            if not (hasattr(distribution, "ppf") or is_joint(distribution)):
                raise ArgumentError(
                    f"Samples: {name}: expected a frozen scipy.stats distribution, got {distribution!r}"
                )
        self.prior = given
        self.size = n
        self.threshold = threshold
        self.discount = discount
        self.log_prior: Array = np.full(n, -np.log(n))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Samples):
            return NotImplemented
        mine, theirs = ({name: describe(prior) for name, prior in one.prior.items()} for one in (self, other))
        numbers = [(one.size, one.threshold, one.discount, one.from_reset) for one in (self, other)]
        return mine == theirs and numbers[0] == numbers[1]

    __hash__ = Component.__hash__

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return (*self.prior, *self.from_reset)

    def alike(self, other: object) -> bool:
        """Say whether a belief over the other's particles is one over these, too."""
        return isinstance(other, Samples) and (self.names, self.size) == (other.names, other.size)

    def check(self, name: str, space: Space[Any], where: str) -> None:
        """Raise unless the prior of a parameter lies inside its space, as far as its quantiles tell."""
        if name in self.from_reset:
            if name.startswith("task_state."):
                raise ArgumentError(f"{where}: {name}: a user's reset gives no task state; give a prior")
            return
        prior: Any = self.prior[name]
        if is_joint(prior) != bool(shape_of(space)):
            wanted = "a multivariate distribution, for a vector" if shape_of(space) else "one of a number"
            raise ArgumentError(f"{where}: prior of {name}: expected {wanted}, got {family_of(prior)}")
        if is_joint(prior):
            drawn = np.asarray(prior.rvs(size=100, random_state=np.random.default_rng(0)), float)
            if drawn.shape != (100, *shape_of(space)):
                raise ArgumentError(
                    f"{where}: prior of {name}: expected draws of the shape {shape_of(space)}, "
                    f"got {drawn.shape[1:]} from {family_of(prior)}"
                )
            found = membership(space).violation(drawn, 100)
            if found is not None:
                raise SpaceError(
                    f"{where}: prior of {name}: expected values in {space}, but {family_of(prior)} draws "
                    f"{found.value!r}{remedy(space, found.value)}"
                )
            return
        for quantile in (1e-9, 0.5, 1 - 1e-9):
            value = np.asarray(prior.ppf(quantile)).item()
            whole = is_whole(space) or hasattr(prior, "pmf")
            value = int(value) if whole and np.isfinite(value) and value == int(value) else value
            if membership(space).violation(value) is not None:
                wanted = f"{space.kind.__name__}s" if isinstance(space, Undeclared) else f"values in {space}"
                raise SpaceError(
                    f"{where}: prior of {name}: expected {wanted}, but its quantile {quantile} "
                    f"is {value!r}{remedy(space, value)}"
                )

    def draw(self, rng: EpisodeRandom) -> dict[str, Array]:
        """Draw the values of the candidates, by name: `(..., candidates, *shape)`."""
        return {name: self._drawn(prior, rng) for name, prior in self.prior.items()}

    def _drawn(self, prior: Any, rng: EpisodeRandom) -> Array:
        if not is_joint(prior):
            return np.asarray(prior.ppf(rng.random((self.size,)) + 2.0**-54))
        if rng.rows is None:
            return np.asarray(prior.rvs(size=self.size, random_state=rng.generator()), float)
        each = [rng.row(row) for row in range(rng.rows)]
        drawn = [np.asarray(prior.rvs(size=self.size, random_state=one.generator()), float) for one in each]
        rng.draw = each[0].draw
        return np.stack(drawn)

    def moves(self, name: str, space: Space[Any]) -> bool:
        """Say whether a parameter is moved: it is continuous, in its space and under its prior."""
        floats = isinstance(space, Box) and np.dtype(space.dtype).kind == "f"
        return floats and not hasattr(self.prior.get(name), "pmf")

    def moved(
        self,
        spaces: Mapping[str, Any],
        kept: Mapping[str, Array],
        old: Mapping[str, Array],
        weights: Array,
        noise: Mapping[str, Array],
    ) -> dict[str, Array]:
        """Move resampled particles `kept` of `old` ones with these weights: `(..., particles, *shape)` each.

        All parameters of `spaces` are moved together, so that they go on to depend on each other as they do,
        and each around its mean given the numbers that stay (a linear one), so that they do on those, too.
        What would leave the prior's support, or the space, stays where it is.
        """
        parts = [
            [self._coordinates(name, spaces[name], values[name]) for name in spaces] for values in (kept, old)
        ]
        drawn = [self._noise(name, spaces[name], noise[name]) for name in spaces]
        widths = np.cumsum([one.shape[-1] for one in drawn])[:-1]
        first, last, steps = (np.concatenate(each, axis=-1) for each in (*parts, drawn))
        given = [name for name in old if name not in spaces and np.asarray(old[name]).dtype.kind in "biuf"]
        centers: list[Any] = [0.0, 0.0]
        if given:
            centers = _given(last, weights, *(_columns(one, given, weights.ndim) for one in (kept, old)))
        first, last = first - centers[0], last - centers[1]
        if steps.shape[-1] == 1:
            found = liu_west(first[..., 0], last[..., 0], weights, steps[..., 0], self.discount)[..., None]
        else:
            mean = (weights[..., None] * last).sum(axis=-2, keepdims=True)
            size = np.sqrt((weights[..., None] * (last - mean) ** 2).sum(axis=-2, keepdims=True))
            size = np.where((size > 0) & (len(drawn) > 1), size, 1.0)  # a vector's entries are of one kind
            found = size * liu_west_vectors(first / size, last / size, weights, steps, self.discount)
        moved = np.split(found + centers[0], widths, axis=-1)
        return {
            name: self._settled(name, spaces[name], one, kept[name], old[name], weights.ndim)
            for name, one in zip(spaces, moved, strict=True)
        }

    def _coordinates(self, name: str, space: Any, values: Array) -> Array:
        """Give what a parameter is moved in: scores under its prior, if any, `(..., particles, k)`."""
        prior: Any = self.prior.get(name)
        axes = len(shape_of(space))
        if not axes:
            return np.asarray(score(prior, values) if hasattr(prior, "sf") else values, float)[..., None]
        flat = np.asarray(values, float).reshape(*values.shape[: values.ndim - axes], -1)
        return broken(prior, flat) if family_of(prior) == "dirichlet" else flat

    def _noise(self, name: str, space: Any, noise: Array) -> Array:
        axes = len(shape_of(space))
        flat = noise.reshape(*noise.shape[: noise.ndim - axes], -1) if axes else noise[..., None]
        return flat[..., 1:] if family_of(self.prior.get(name)) == "dirichlet" else flat

    def _settled(self, name: str, space: Any, found: Array, kept: Array, old: Array, episodes: int) -> Array:
        """Give the values at coordinates; those outside of the support, or of the space, stay as they are."""
        prior: Any = self.prior.get(name)
        axes = tuple(range(-len(shape_of(space)), 0))
        if family_of(prior) == "dirichlet":
            found = whole_of(prior, found)
        elif not axes and hasattr(prior, "sf"):
            found = value_at(prior, found[..., 0])
        found = found.reshape(kept.shape)
        low, high = space.low, space.high
        if prior is None and isinstance(space, Undeclared):
            low, high = (end(old, axis=episodes - 1, keepdims=True) for end in (np.min, np.max))
        elif prior is not None and not axes:
            low, high = np.maximum(low, support(prior).low), np.minimum(high, support(prior).high)
        inside = ((found >= low) & (found <= high)).all(axis=axes)
        if axes and prior is not None and family_of(prior) != "dirichlet":
            try:
                inside = inside & np.isfinite(prior.logpdf(found))
            except ValueError:  # scipy raises where a vector is of no support, such as a sphere
                inside = np.zeros_like(inside)
        return np.asarray(np.where(inside.reshape(inside.shape + (1,) * len(axes)), found, kept))


def _columns(values: Mapping[str, Array], names: list[str], axes: int) -> Array:
    """Give the numbers of some parameters next to each other: `(..., particles, k)`."""
    each = [np.asarray(values[name], float) for name in names]
    return np.concatenate([one.reshape(*one.shape[:axes], -1) for one in each], axis=-1)


def _given(values: Array, weights: Array, kept: Array, old: Array) -> list[Array]:
    """Give how far the means of `values` shift, linearly, given numbers that are `kept`, and were `old`."""
    mean = (weights[..., None] * old).sum(axis=-2, keepdims=True)
    apart = np.swapaxes(weights[..., None] * (old - mean), -1, -2)
    slopes = np.matmul(np.linalg.pinv(np.matmul(apart, old - mean), hermitian=True), np.matmul(apart, values))
    return [np.matmul(one - mean, slopes) for one in (kept, old)]


def support(distribution: Distribution) -> Box:
    """Give the box from the lowest to the highest value of a distribution, as far as it tells them."""
    low, high = (np.asarray(distribution.ppf(end), float) for end in (0.0, 1.0))
    low = low + hasattr(distribution, "pmf")  # scipy puts the quantile 0 of integers one below the lowest
    return real(np.fmax(low, -np.inf), np.fmin(high, np.inf))
