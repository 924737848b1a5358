"""Pictures of fits: what is believed of each person, how sure, and whether the fitted users play like them.

Draws are those of a tree of `fit`; intervals are by arviz-stats (extra `inference`), and say their kind and
width: "eti" is equal-tailed, "hdi" that of the highest density.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError, missing_extra, unknown_name
from interaction.plots.style import (
    COLOURS,
    COLUMNS,
    axes_of,
    dress,
    legend,
    pyplot_of,
    styled,
    title,
    words,
)

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
Kind = Literal["eti", "hdi"]
KINDS = {"eti": "equal-tailed interval", "hdi": "highest-density interval"}
_SAMPLE = ("chain", "draw")
_MOST = 2_000  # draws of a cloud


@styled
def plot_forest(
    tree: xarray.DataTree,
    parameters: str | Sequence[str],
    ax: Axes | None = None,
    *,
    level: float = 0.9,
    kind: Kind = "eti",
) -> Axes:
    """Draw the median and the intervals of 50 % and `level` of each person, or group, in rows.

    Several parameters stand below each other, on one axis: give those that have the same unit. A person whose
    fit did not converge has an open mark.

    `kind` is "eti" (equal-tailed) or "hdi" (highest density).

    >>> from scipy import stats
    >>> from interaction import Bundle, fit, plot_forest
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> task, user = MultiArmedBanditTask(), RandomUser()
    >>> people = Bundle(task, user, max_rounds=20).run(3, seed=0)
    >>> tree = fit(task, user, people, {"bias": stats.uniform(0, 1)}, users="episode", progress=False)
    >>> ax = plot_forest(tree, "bias")
    >>> ax.get_xlabel(), [label.get_text() for label in ax.get_yticklabels()]
    ('bias', ['user 0', 'user 1', 'user 2'])
    """
    own, ax = ax is None, axes_of(ax, "plot_forest")
    names = [parameters] if isinstance(parameters, str) else list(parameters)
    labels: list[str] = []
    for name in names:
        draws = _draws(tree, name, "plot_forest")
        dims = [str(dim) for dim in draws.dims if dim not in _SAMPLE]
        if len(dims) > 1:
            raise ArgumentError(f"plot_forest: {name}: expected one number for each {dims[0]}, got {dims}")
        rows = draws if dims else draws.expand_dims("row", -1)
        good = tree.summary.converged.values if dims == ["user"] else np.ones(rows.shape[-1], bool)
        places = len(labels) + np.arange(rows.shape[-1])
        for width, line in ((level, 1.0), (0.5, 3.5)):
            ends = _interval(rows, width, kind, "plot_forest")
            told = "_" if labels else f"{100 * width:g} % {KINDS[kind]}"
            ax.hlines(places, *ends, color=COLOURS[0], linewidth=line, label=told)
        middles = rows.median(_SAMPLE).values
        told = "_" if labels else "median"
        ax.plot(middles[good], places[good], "o", color=COLOURS[0], markeredgecolor="white", label=told)
        if not good.all():
            ax.plot(middles[~good], places[~good], "o", color=COLOURS[1], mfc="white", label="not converged")
        who = [f"{dims[0]} {value}" for value in draws[dims[0]].values] if dims else [words(name)]
        labels += [f"{words(name)}, {one}" for one in who] if dims and len(names) > 1 else who
    ax.set_yticks(range(len(labels)), labels)
    ax.set(ylim=(len(labels) - 0.5, -0.5), xlabel=words(names[0]) if len(names) == 1 else "value")
    if own:
        ax.figure.set_figheight(max(2.4, 1.3 + 0.16 * len(labels)))  # type: ignore[union-attr]
    title(ax, "Posteriors", f"{_count(tree)} draws each")
    legend(ax)
    return ax


@styled
def plot_density(
    tree: xarray.DataTree,
    parameter: str,
    ax: Axes | None = None,
    *,
    user: object = None,
    level: float = 0.9,
    kind: Kind = "eti",
    truth: float | None = None,
) -> Axes:
    """Draw the posterior of one parameter (of one user), with its interval and, where known, the truth.

    `kind` is "eti" (equal-tailed) or "hdi" (highest density); of several users, `user` names one.

    >>> from scipy import stats
    >>> from interaction import Bundle, fit, plot_density
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> task, user = MultiArmedBanditTask(), RandomUser()
    >>> played = Bundle(task, RandomUser(bias=0.8), max_rounds=40).run(1, seed=0)
    >>> tree = fit(task, user, played, {"bias": stats.uniform(0, 1)}, progress=False)
    >>> ax = plot_density(tree, "bias", truth=0.8)
    >>> ax.get_xlabel()
    'bias'
    """
    ax = axes_of(ax, "plot_density")
    draws = _of_one(tree, parameter, user, "plot_density")
    low, high = (float(end) for end in _interval(draws, level, kind, "plot_density"))
    told = f"{100 * level:g} % {KINDS[kind]}, {low:.3g} to {high:.3g}"
    if draws.dtype.kind in "iu":
        values, counts = np.unique(draws.values, return_counts=True)
        inside = (values >= low) & (values <= high)
        shares = counts / counts.sum()
        ax.bar(values, shares, color=COLOURS[0], alpha=0.3)
        ax.bar(values[inside], shares[inside], color=COLOURS[0], label=told)
    else:
        curve = draws.azstats.kde(dim=_SAMPLE)
        x, density = (curve.sel(plot_axis=axis).values for axis in ("x", "y"))
        ax.plot(x, density, color=COLOURS[0])
        inside = (x >= low) & (x <= high)
        ax.fill_between(x[inside], density[inside], color=COLOURS[0], alpha=0.3, linewidth=0, label=told)
    mean = float(draws.mean())
    ax.axvline(mean, color=COLOURS[0], linestyle="--", linewidth=1, label=f"mean {mean:.3g}")
    if truth is not None:
        ax.axvline(truth, color="black", linewidth=1, label=f"truth {truth:.3g}")
    ax.set(xlabel=words(parameter), ylabel="probability" if draws.dtype.kind in "iu" else "density")
    ax.set_ylim(bottom=0)
    title(ax, *_title(tree, user))
    legend(ax)
    return ax


@styled
def plot_trace(tree: xarray.DataTree, parameter: str, ax: Axes | None = None, *, user: object = None) -> Axes:
    """Draw the draws of one parameter (of one user) in their order, each chain in its colour.

    Chains of "mcmc" should look alike and have no trend. The draws of the other methods have no order: there
    the levels alone tell something.

    >>> from scipy import stats
    >>> from interaction import Bundle, fit, plot_trace
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> task, user = MultiArmedBanditTask(), RandomUser()
    >>> played = Bundle(task, user, max_rounds=20).run(1, seed=0)
    >>> tree = fit(task, user, played, {"bias": stats.uniform(0, 1)}, progress=False)
    >>> ax = plot_trace(tree, "bias")
    >>> len(ax.lines), len(ax.lines[0].get_ydata())  # chains, draws
    (4, 1000)
    """
    ax = axes_of(ax, "plot_trace")
    draws = _of_one(tree, parameter, user, "plot_trace")
    for number, chain in enumerate(draws.chain.values):
        colour = COLOURS[number % len(COLOURS)]
        ax.plot(draws.sel(chain=chain), color=colour, linewidth=0.5, alpha=0.8, label=f"chain {chain}")
    ax.set(xlabel="draw", ylabel=words(parameter))
    r_hat = float(_of_user(tree.summary[parameter], user).sel(statistic="r_hat"))
    name, count = _title(tree, user)
    title(ax, name, f"{count}, R-hat {r_hat:.2f}")
    legend(ax, columns=2)
    return ax


@styled
def plot_pairs(
    tree: xarray.DataTree, parameters: Sequence[str] | None = None, *, user: object = None
) -> tuple[Figure, list[Axes]]:
    """Draw each two parameters (of one user) against each other, and each one's histogram, in a triangle.

    Gives the figure, and its axes row by row: the histogram of a parameter is the last of its row.

    >>> from scipy import stats
    >>> from interaction import Bundle, fit, plot_pairs
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> task, user = MultiArmedBanditTask(), RescorlaWagnerUser()
    >>> played = Bundle(task, user, max_rounds=30).run(1, seed=0)
    >>> priors = {"learning_rate": stats.uniform(0, 1), "inverse_temperature": stats.expon(0, 3)}
    >>> figure, axes = plot_pairs(fit(task, user, played, priors, progress=False))
    >>> len(axes), axes[1].get_xlabel(), axes[1].get_ylabel()
    (3, 'learning rate', 'inverse temperature')
    """
    names = list(tree.posterior.data_vars) if parameters is None else list(parameters)
    if len(names) < 2:
        raise ArgumentError(f"plot_pairs: expected two or more parameters, got {names}")
    flat = [_of_one(tree, name, user, "plot_pairs").values.reshape(-1) for name in names]
    chosen = np.unique(np.linspace(0, len(flat[0]) - 1, _MOST).round().astype(int))
    side = COLUMNS[1 if len(names) < 4 else 2]
    figure = pyplot_of("plot_pairs").figure(figsize=(side, side), layout="constrained")
    grid = figure.add_gridspec(len(names), len(names))
    drawn: list[Axes] = []
    for row, column in zip(*np.tril_indices(len(names)), strict=True):
        ax = figure.add_subplot(grid[row, column])
        dress(ax)
        if row == column:
            ax.hist(flat[row], bins=30, color=COLOURS[0], alpha=0.6)
            ax.set_yticks([])
        else:
            ax.plot(flat[column][chosen], flat[row][chosen], ".", color=COLOURS[0], markersize=2, alpha=0.4)
            r = np.corrcoef(flat[column], flat[row])[0, 1]
            title(ax, note=f"r = {r:.2f}".replace("-", "−"))
        if column == 0 and row > 0:
            ax.set_ylabel(words(names[row]))
        if row == len(names) - 1:
            ax.set_xlabel(words(names[column]))
        drawn.append(ax)
    figure.suptitle(", ".join(_title(tree, user)), x=0.01, ha="left")
    return figure, drawn


def _draws(tree: xarray.DataTree, name: str, where: str) -> Any:
    try:
        import arviz_stats  # noqa: F401  (which gives arrays the methods `azstats`)
    except ImportError:
        raise missing_extra("arviz_stats", "inference", where) from None
    if "posterior" not in getattr(tree, "children", ()):
        raise ArgumentError(f"{where}: expected a tree of `fit`, got {type(tree).__name__}")
    if name not in tree.posterior:
        raise unknown_name(name, map(str, tree.posterior.data_vars), f"{where}: parameters of the fit")
    return tree.posterior[name]


def _of_one(tree: xarray.DataTree, name: str, user: object, where: str) -> Any:
    """Give the draws of one parameter of one user: `(chain, draw)`."""
    draws = _draws(tree, name, where)
    dims = [dim for dim in draws.dims if dim not in _SAMPLE]
    if not dims:
        return draws
    valid = draws[dims[0]].values.tolist()
    if user is None or user not in valid:
        raise unknown_name(user, map(str, valid), f"{where}: user={user!r}: {dims[0]}s of {name}")
    return _of_user(draws, user)


def _of_user(values: Any, user: object) -> Any:
    dim = next((dim for dim in ("user", "group") if dim in values.dims), None)
    return values if dim is None else values.sel({dim: user})


def _interval(draws: Any, level: float, kind: str, where: str) -> tuple[Any, Any]:
    if kind not in KINDS:
        raise unknown_name(kind, KINDS, f"{where}: kind")
    if not 0 < level < 1:
        raise ArgumentError(f"{where}: level: expected a number between 0 and 1, got {level!r}")
    ends = getattr(draws.azstats, kind)(prob=level, dim=list(_SAMPLE))
    return tuple(ends.sel(ci_bound=bound).values for bound in ("lower", "upper"))


def _count(tree: xarray.DataTree) -> str:
    return f"{tree.posterior.sizes['chain'] * tree.posterior.sizes['draw']:,}"


def _title(tree: xarray.DataTree, user: object) -> tuple[str, str]:
    """Give the title of one user's posterior, and the note that tells of how many draws it is made."""
    return "Posterior" if user is None else f"Posterior of user {user}", f"{_count(tree)} draws"
