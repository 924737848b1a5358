"""What the recovery checks give: tables, plots, and a verdict against stated thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import missing_extra, unknown_name
from interaction.plots.style import COLOURS, GREY, MARKERS, axes_of, ink, legend, styled, title, words

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

Array = NDArray[Any]
LEVELS = (0.5, 0.8, 0.95)
"""The levels of the intervals whose coverage is told."""


@dataclass(frozen=True)
class Verdict:
    """Whether a check passed, and why: true when it passed; `str` gives the reasons.

    >>> from interaction.studies.results import Verdict
    >>> verdict = Verdict(False, ("bias: correlation 0.41 (at least 0.7)",))
    >>> bool(verdict), str(verdict)
    (False, 'not passed: bias: correlation 0.41 (at least 0.7)')
    """

    passed: bool
    reasons: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return ("passed: " if self.passed else "not passed: ") + "; ".join(self.reasons)


def judge(*conditions: tuple[bool, str], note: str = "") -> Verdict:
    """Make a verdict from conditions and what each says; where one fails, only the failures are told.

    The note comes first in any case.

    >>> from interaction.studies.results import judge
    >>> print(judge((True, "all fits converged"), (0.41 >= 0.7, "correlation 0.41 (at least 0.7)")))
    not passed: correlation 0.41 (at least 0.7)
    """
    failed = tuple(reason for passed, reason in conditions if not passed)
    reasons = failed or tuple(reason for _, reason in conditions)
    return Verdict(not failed, (note, *reasons) if note else reasons)


@dataclass(frozen=True, eq=False)
class ParameterRecovery:
    """True and inferred parameters of simulated users: arrays `(users,)` by name.

    `intervals[level]` holds the lower and upper ends: credible intervals, or for maximum likelihood those
    from the estimated information. `quantiles` holds `true` and `estimate` as quantiles of the priors, whole
    numbers in the middle of their step.

    >>> from scipy import stats
    >>> from interaction import parameter_recovery
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> task, priors = MultiArmedBanditTask(), {"bias": stats.uniform(0, 1)}
    >>> found = parameter_recovery(task, RandomUser(), priors, n_users=20, rounds=50, progress=False)
    >>> print(found.summary()[["correlation", "bias", "rmse", "coverage_80"]].round(2).to_dict("records"))
    [{'correlation': 0.97, 'bias': 0.01, 'rmse': 0.07, 'coverage_80': 0.65}]
    """

    true: Mapping[str, Array]
    estimate: Mapping[str, Array]
    sd: Mapping[str, Array]
    intervals: Mapping[float, tuple[Mapping[str, Array], Mapping[str, Array]]]
    quantiles: Mapping[str, tuple[Array, Array]]
    converged: Array
    method: str
    convergence: str
    min_correlation: float
    alone: str = ""  # where users played without the assistant that the task has a part for

    def to_dataframe(self) -> pandas.DataFrame:
        """Give a row for each user and parameter."""
        library = _pandas("ParameterRecovery.to_dataframe")
        frames = []
        for name in self.true:
            columns: dict[str, Any] = {
                "user": np.arange(len(self.converged)),
                "parameter": name,
                "true": self.true[name],
                "estimate": self.estimate[name],
                "sd": self.sd[name],
            }
            for level, (low, high) in self.intervals.items():
                columns[f"lower_{100 * level:.0f}"] = low[name]
                columns[f"upper_{100 * level:.0f}"] = high[name]
            frames.append(library.DataFrame(columns | {"converged": self.converged}))
        found: pandas.DataFrame = library.concat(frames, ignore_index=True)
        return found

    def statistics(self) -> dict[str, dict[str, float]]:
        """Give, by parameter: correlation (Pearson), rank_correlation (Spearman), bias, rmse, coverage_…"""
        from scipy.stats import rankdata

        found = {}
        for name, true in self.true.items():
            estimate = self.estimate[name]
            numbers = {
                "correlation": _correlation(true, estimate),
                "rank_correlation": _correlation(rankdata(true), rankdata(estimate)),
                "bias": float((estimate - true).mean()),
                "rmse": float(np.sqrt(((estimate - true) ** 2).mean())),
            }
            for level in self.intervals:
                numbers[f"coverage_{100 * level:.0f}"] = self._coverage(name, level)
            found[name] = numbers
        return found

    def summary(self) -> pandas.DataFrame:
        """Give the statistics as a table, with a row for each parameter."""
        frame: pandas.DataFrame = _pandas("ParameterRecovery.summary").DataFrame.from_dict(
            self.statistics(), orient="index"
        )
        frame.index.name = "parameter"
        return frame

    def _coverage(self, name: str, level: float) -> float:
        low, high = self.intervals[level]
        true = self.true[name]
        return float(((low[name] <= true) & (true <= high[name])).mean())

    @property
    def verdict(self) -> Verdict:
        """Whether all fits converged, estimates go with the truth, and credible intervals cover it.

        Coverage may be off by three binomial standard errors; that of maximum likelihood is not judged,
        and neither is that of discrete parameters, whose intervals cover more than their level.
        """
        conditions = [(bool(self.converged.all()), self.convergence)]
        users = len(self.converged)
        for name, numbers in self.statistics().items():
            correlation = numbers["correlation"]
            conditions.append(
                (
                    bool(correlation >= self.min_correlation),
                    f"{name}: correlation {correlation:.2f} (at least {self.min_correlation})",
                )
            )
            if self.method == "maximum_likelihood":
                continue
            for level in self.intervals:
                off = 3 * np.sqrt(level * (1 - level) / users)
                covered = self._coverage(name, level)
                low = covered >= level - off
                discrete = self.true[name].dtype.kind in "iu"
                told = (
                    f"at least {max(level - off, 0):.2f}, being discrete"
                    if discrete
                    else f"{level:.2f} ± {off:.2f}, three standard errors"
                )
                conditions.append(
                    (
                        bool(low and (discrete or covered <= level + off)),
                        f"{name}: {100 * level:.0f} % intervals cover {covered:.2f} ({told})",
                    )
                )
        return judge(*conditions, note=self.alone)

    @styled
    def plot(self, ax: Axes | None = None, parameter: str | None = None) -> Axes:
        """Draw estimates against true values, with the identity line.

        Several parameters are drawn together, as quantiles of their priors; name one to see its own units.
        """
        names = _chosen(self.true, parameter)
        ax = axes_of(ax)
        ends: list[float] = []
        for number, name in enumerate(names):
            true, estimate = (
                self.quantiles[name] if len(names) > 1 else (self.true[name], self.estimate[name])
            )
            good = self.converged
            look: Any = {"color": COLOURS[number % 7], "s": 8, "linewidth": 0.5}
            marker = MARKERS[number % 7]
            ax.scatter(true[good], estimate[good], marker=marker, alpha=0.5, label=words(name), **look)
            if not good.all():
                label = f"{words(name)}, not converged"
                ax.scatter(true[~good], estimate[~good], marker="x", label=label, **look)
            ends += [*true, *estimate]
        line = [min(ends), max(ends)]
        ax.plot(line, line, "--", color="black", linewidth=0.8)
        unit = words(names[0]) if len(names) == 1 else "quantile of the prior"
        ax.set(xlabel=f"true {unit}", ylabel=f"inferred {unit}")
        title(ax, "Parameter recovery", f"n = {len(self.converged):,} users; dashed: identity")
        if len(names) > 1 or not self.converged.all():
            legend(ax)
        return ax


@dataclass(frozen=True, eq=False)
class ModelRecovery:
    """Which user model made the data, and which one explains it best.

    `confusion[i, j]`: how often users of model i are best explained by model j, P(fitted | simulated).
    `inversion[i, j]`: P(simulated | fitted), for models that are equally common; NaN where a model was never
    best. `scores[i, u, j]`: BIC (lower is better) or log marginal likelihood (higher is better) of user u of
    model i under model j. Ties are split.

    >>> from scipy import stats
    >>> from interaction import model_recovery
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser, WinStayLoseShiftUser
    >>> users = {
    ...     "guesses": (RandomUser(), {"bias": stats.uniform(0, 1)}),
    ...     "shifts": (WinStayLoseShiftUser(), {"epsilon": stats.uniform(0, 1)}),
    ... }
    >>> found = model_recovery(MultiArmedBanditTask(), users, n_users=20, rounds=60, progress=False)
    >>> print(found.to_dataframe().round(2))
      simulated   fitted  confusion  inversion
    0   guesses  guesses       0.95       0.95
    1   guesses   shifts       0.05       0.05
    2    shifts  guesses       0.05       0.05
    3    shifts   shifts       0.95       0.95
    """

    models: tuple[str, ...]
    scores: Array
    confusion: Array
    criterion: str
    converged: Array  # (simulated, users, fitted)
    convergence: str
    min_diagonal: float
    alone: str = ""  # where users played without the assistant that the task has a part for

    @property
    def inversion(self) -> Array:
        """How probable each simulated model is, given the one that was best: columns sum to 1."""
        total = self.confusion.sum(axis=0)
        with np.errstate(invalid="ignore"):
            found: Array = self.confusion / np.where(total > 0, total, np.nan)
        return found

    @property
    def verdict(self) -> Verdict:
        """Whether all fits converged and each model is recognised often enough."""
        conditions = [(bool(self.converged.all()), self.convergence)]
        for name, share in zip(self.models, np.diag(self.confusion), strict=True):
            conditions.append(
                (
                    bool(share >= self.min_diagonal),
                    f"{name}: recognised in {share:.2f} (at least {self.min_diagonal})",
                )
            )
        return judge(*conditions, note=self.alone)

    def to_dataframe(self) -> pandas.DataFrame:
        """Give a row for each pair of a simulated and a fitted model."""
        library = _pandas("ModelRecovery.to_dataframe")
        simulated, fitted = np.meshgrid(self.models, self.models, indexing="ij")
        frame: pandas.DataFrame = library.DataFrame(
            {
                "simulated": simulated.ravel(),
                "fitted": fitted.ravel(),
                "confusion": self.confusion.ravel(),
                "inversion": self.inversion.ravel(),
            }
        )
        return frame

    @styled
    def plot(self, ax: Axes | None = None, matrix: str = "confusion") -> Axes:
        """Draw the confusion or the inversion matrix as a heat map with its numbers."""
        if matrix not in ("confusion", "inversion"):
            raise unknown_name(matrix, ("confusion", "inversion"), "ModelRecovery.plot: matrix")
        ax = axes_of(ax)
        values = getattr(self, matrix)
        image = ax.imshow(values, vmin=0, vmax=1, cmap="Blues")
        for (row, column), value in np.ndenumerate(values):
            colour = ink(image.cmap(image.norm(value)))
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour, size=6)
        places = range(len(self.models))
        ax.set_xticks(places, self.models, rotation=90)
        ax.set_yticks(places, self.models)
        ax.set(xlabel="fitted", ylabel="simulated")
        told = {"confusion": "P(fitted | simulated)", "inversion": "P(simulated | fitted)"}[matrix]
        criterion = {"bic": "BIC"}.get(self.criterion, words(self.criterion))
        title(ax, told, f"by {criterion}, n = {self.scores.shape[1]:,} users of each")
        return ax


@dataclass(frozen=True, eq=False)
class Calibration:
    """Simulation-based calibration: where each true parameter ranks among draws from its posterior.

    `ranks` `(users,)` by name, from 0 to `draws`: uniform if the posteriors are right. `p_values`: of a
    chi-square test of that, over `bins` bins.
    Source: Talts, Betancourt, Simpson, Vehtari & Gelman 2018, arXiv 1804.06788.

    >>> from scipy import stats
    >>> from interaction import calibration
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> task, priors = MultiArmedBanditTask(), {"bias": stats.uniform(0, 1)}
    >>> found = calibration(task, RandomUser(), priors, n_users=100, rounds=20, bins=10, progress=False)
    >>> found.ranks["bias"][:8], found.verdict.passed
    (array([12, 32, 13, 67, 58,  4, 83, 94]), True)
    """

    ranks: Mapping[str, Array]
    draws: int
    bins: int
    statistics: Mapping[str, float]
    p_values: Mapping[str, float]
    converged: Array
    convergence: str
    level: float
    alone: str = ""  # where users played without the assistant that the task has a part for

    @property
    def verdict(self) -> Verdict:
        """Whether all fits converged and no test rejects uniformity (Bonferroni's correction)."""
        level = self.level / len(self.ranks)
        conditions = [(bool(self.converged.all()), self.convergence)]
        for name, p in self.p_values.items():
            conditions.append((p >= level, f"{name}: ranks uniform with p = {p:.3f} (at least {level:.4f})"))
        return judge(*conditions, note=self.alone)

    def to_dataframe(self) -> pandas.DataFrame:
        """Give a row for each user and parameter, with the rank."""
        library = _pandas("Calibration.to_dataframe")
        frames = [
            library.DataFrame({"user": np.arange(len(ranks)), "parameter": name, "rank": ranks})
            for name, ranks in self.ranks.items()
        ]
        found: pandas.DataFrame = library.concat(frames, ignore_index=True)
        return found

    @styled
    def plot(self, ax: Axes | None = None, parameter: str | None = None) -> Axes:
        """Draw the histogram of the ranks, with the band that holds 99 % of the bins if all is right."""
        from scipy.stats import binom

        names = _chosen(self.ranks, parameter)
        ax = axes_of(ax)
        edges = np.linspace(-0.5, self.draws + 0.5, self.bins + 1).tolist()
        users = len(self.converged)
        low, high = binom.ppf([0.005, 0.995], users, 1 / self.bins)
        ax.axhspan(low, high, color="0.9", label="99 % of bins, if calibrated")
        for number, name in enumerate(names):
            look: Any = {"edgecolor": COLOURS[number % 7], "linestyle": ("-", "--", ":")[number % 3]}
            ax.hist(self.ranks[name], edges, histtype="step", linewidth=1.2, label=words(name), **look)
        ax.axhline(users / self.bins, color=GREY, linewidth=0.6)
        ax.set(xlabel=f"rank among {self.draws} draws", ylabel="users")
        title(ax, "Calibration", f"n = {users:,} users")
        legend(ax)
        return ax


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """What each parameter does: how many bits a round's action tells about it, the others being known.

    `bits_per_round` and `standard_error` by name; `collinearity` for each pair (1 when the one does what the
    other does); `indistinguishable`: the pairs that cannot be told apart.

    >>> from scipy import stats
    >>> from interaction import sensitivity
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> task, priors = MultiArmedBanditTask(), {"bias": stats.uniform(0, 1)}
    >>> found = sensitivity(task, RandomUser(), priors, n_users=20, rounds=50, progress=False)
    >>> print(found.to_dataframe().iloc[:, :3].round(3))
      parameter  bits_per_round  standard_error
    0      bias           0.037           0.009
    """

    bits_per_round: Mapping[str, float]
    standard_error: Mapping[str, float]
    collinearity: Mapping[tuple[str, str], float]
    indistinguishable: tuple[tuple[str, str], ...]
    min_bits: float
    converged: Array  # (parameters, users)
    convergence: str
    alone: str = ""  # where users played without the assistant that the task has a part for

    @property
    def verdict(self) -> Verdict:
        """Whether each parameter is known to show in the actions (by 95 % intervals of the users that were
        drawn), each pair can be told apart, and all integrals over the priors converged."""
        conditions = [(bool(self.converged.all()), self.convergence)]
        conditions += [self._shows(name) for name in self.bits_per_round]
        conditions += [
            (False, f"{first} and {second} cannot be told apart") for first, second in self.indistinguishable
        ]
        return judge(*conditions, note=self.alone)

    def _shows(self, name: str) -> tuple[bool, str]:
        bits, half = self.bits_per_round[name], 1.96 * self.standard_error[name]
        told = f"{name}: {bits:.4f} ± {half:.2g} bits a round (95 %; at least {self.min_bits})"
        unknown = bits >= self.min_bits > bits - half
        return bits - half >= self.min_bits, told + ", not known: more users tell" * unknown

    def to_dataframe(self) -> pandas.DataFrame:
        """Give a row for each parameter."""
        library = _pandas("Sensitivity.to_dataframe")
        apart = {
            name: ", ".join(
                other for pair in self.indistinguishable if name in pair for other in pair if other != name
            )
            for name in self.bits_per_round
        }
        frame: pandas.DataFrame = library.DataFrame(
            {
                "parameter": list(self.bits_per_round),
                "bits_per_round": list(self.bits_per_round.values()),
                "standard_error": list(self.standard_error.values()),
                "indistinguishable_from": list(apart.values()),
            }
        )
        return frame

    @styled
    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the bits per round of each parameter, with 95 % intervals."""
        ax = axes_of(ax)
        names = list(self.bits_per_round)
        bits = np.array([self.bits_per_round[name] for name in names])
        error = 1.96 * np.array([self.standard_error[name] for name in names])
        ax.errorbar(bits, range(len(names)), xerr=error, fmt="o", color=COLOURS[0])
        ax.axvline(self.min_bits, color="black", linestyle="--", linewidth=0.8)
        ax.set_yticks(range(len(names)), [words(name).replace(" inverse ", "\ninverse ") for name in names])
        ax.set(ylim=(len(names) - 0.5, -0.5), xlabel="bits per round")
        note = f"mean and 95 % normal interval,\nn = {self.converged.shape[1]:,} users; dashed: threshold"
        title(ax, "What an action tells", note)
        return ax


def _correlation(first: Array, second: Array) -> float:
    """Pearson's correlation; NaN where one does not vary."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def _chosen(names: Mapping[str, Any], parameter: str | None) -> list[str]:
    if parameter is not None and parameter not in names:
        raise unknown_name(parameter, names, "plot: parameter")
    return list(names) if parameter is None else [parameter]


def _pandas(purpose: str) -> Any:
    try:
        import pandas
    except ImportError:
        raise missing_extra("pandas", "data", purpose) from None
    return pandas
