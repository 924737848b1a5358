"""How well do assistants do when their model of the user is wrong?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.bundle import Bundle
from interaction.errors import ArgumentError, missing_extra, unknown_name
from interaction.inference.engine import engines_in
from interaction.inference.user_model import UserModelFilter
from interaction.means import interval, told
from interaction.plots.style import axes_of, ink, styled, title
from interaction.progress import Progress
from interaction.studies.workers import Workers, given_workers, in_order
from interaction.task import InteractionTask
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    import pandas
    from matplotlib.axes import Axes

Array = NDArray[Any]
Make = Callable[[User], Assistant]
"""Makes an assistant from a model of the user."""

VALUES = {
    "returns": "return",
    "regret": "regret (of return)",
    "log_loss": "log loss (bits)",
    "brier": "Brier score",
    "overconfidence": "overconfidence (probability)",
}
"""What is told of each pair of users, with its name and unit."""


@dataclass(frozen=True, eq=False)
class Robustness:
    """Every true user, with each assistant built on every assumed user.

    Arrays have the axes `(assistant, true user, assumed user, episode)`: `returns`; `regret`, the oracle's
    return on the same episode less the assistant's; and how well the belief is calibrated, over all beliefs
    that the assistant acted on: `log_loss`, −log2 of the probability of the truth (bits); `brier`; and
    `overconfidence`, the probability of the most probable candidate less whether it is true, which is 0 on
    average if the model of the user is right. Of these three the sums of each episode are divided by the
    mean number of beliefs in an episode, so that their means are those over all beliefs; they are NaN for
    assistants without a belief.

    >>> from interaction import robustness
    >>> from interaction.assistants.pointing import InformationGain
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, users = PointingTask(9, 3, mode="position"), {"errs": CarefulPointer(0.2)}
    >>> assistants = {"asks": lambda user: InformationGain(user, task)}
    >>> found = robustness(task, assistants, users, users, episodes=20, max_rounds=40, progress=False)
    >>> print(found.to_dataframe()[["true_user", "assumed_user", "returns", "returns_error"]].round(2))
      true_user assumed_user  returns  returns_error
    0      errs         errs     -2.5           0.32
    """

    assistants: tuple[str, ...]
    true_users: tuple[str, ...]
    assumed_users: tuple[str, ...]
    returns: Array
    regret: Array
    log_loss: Array
    brier: Array
    overconfidence: Array

    def to_dataframe(self) -> pandas.DataFrame:
        """Give a row for each assistant and pair of users: means, with half the width of 95 % intervals."""
        try:
            import pandas
        except ImportError:
            raise missing_extra("pandas", "data", "Robustness.to_dataframe") from None
        rows = []
        for index in np.ndindex(self.returns.shape[:3]):
            row: dict[str, Any] = {
                "assistant": self.assistants[index[0]],
                "true_user": self.true_users[index[1]],
                "assumed_user": self.assumed_users[index[2]],
            }
            for name in VALUES:
                row[name], row[f"{name}_error"] = interval(getattr(self, name)[index])
            rows.append(row)
        return pandas.DataFrame(rows)

    @styled
    def plot(
        self,
        ax: Axes | None = None,
        value: str = "regret",
        assistant: str | None = None,
        label: str | None = None,
    ) -> Axes:
        """Draw a heat map of one value of one assistant (the first), with its 95 % t intervals.

        `label` is written at the colour bar, such as "regret (steps)". Where there are numbers of both signs,
        and for overconfidence, the colours meet at zero.
        """
        if value not in VALUES:
            raise unknown_name(value, VALUES, "Robustness.plot: value")
        if assistant is not None and assistant not in self.assistants:
            raise unknown_name(assistant, self.assistants, "Robustness.plot: assistant")
        ax = axes_of(ax, "Robustness.plot")
        chosen = 0 if assistant is None else self.assistants.index(assistant)
        values = getattr(self, value)[chosen]
        means, halves = interval(np.moveaxis(values, -1, 0))
        low, high = np.nanmin(means), np.nanmax(means)
        far = max(abs(low), abs(high)) or 1.0
        if value == "overconfidence" or low < 0 < high:
            colours: Any = {"cmap": "RdBu_r", "vmin": -far, "vmax": far}
        else:
            colours = {"cmap": "Blues" if high > 0 else "Blues_r", "vmin": min(low, 0), "vmax": max(high, 0)}
        image = ax.imshow(means, **colours)
        ax.figure.colorbar(image, ax=ax, label=VALUES[value] if label is None else label)
        for row, column in np.ndindex(means.shape):
            mean, half = means[row, column], halves[row, column]
            colour = ink(image.cmap(image.norm(mean)))
            cell = f"{mean:.2f}" + f"\n± {half:.2f}" * bool(np.isfinite(half))
            ax.text(column, row, cell.replace("-", "−"), ha="center", va="center", color=colour, size=6)
        ax.set_xticks(range(len(self.assumed_users)), self.assumed_users)
        ax.set_yticks(range(len(self.true_users)), self.true_users)
        ax.set(xlabel="assumed user", ylabel="true user")
        name = value.replace("_", " ").capitalize()
        title(ax, f"{name} of {self.assistants[chosen]}", told(0.95, values.shape[-1]))
        return ax


def robustness(
    task: InteractionTask,
    assistants: Mapping[str, Make],
    true_users: Mapping[str, User],
    assumed_users: Mapping[str, User],
    *,
    oracle: Assistant | None = None,
    episodes: int = 300,
    max_rounds: int = 1_000,
    seed: int = 0,
    executor: Any = None,
    progress: bool = True,
) -> Robustness:
    """Play every true user with each assistant built on every assumed user, on the same episodes.

    `assistants` maps labels to functions that make an assistant from a user model. `oracle` is played with
    every true user too; regret is measured against it (and is NaN without one). The calibration of the belief
    is read where the assistant's inference engine is, or holds, a `UserModelFilter` over a single parameter
    (the first one of several). With an `executor` (as `Sweep.run` takes it, but None is this process) pairs
    are played by its processes, with the same numbers. Raises `ArgumentError` for what is no mapping by
    label.

    >>> from interaction import robustness
    >>> from interaction.assistants.pointing import InformationGain
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task = PointingTask(31, 8, mode="position")
    >>> users = {"sure": CarefulPointer(0.02), "errs": CarefulPointer(0.25)}
    >>> assistants = {"asks": lambda user: InformationGain(user, task)}
    >>> found = robustness(task, assistants, users, users, episodes=100, max_rounds=60, progress=False)
    >>> found.returns[0].mean(axis=-1).round(1)  # true users in rows, assumed ones in columns
    array([[-3.3, -3.4],
           [-4.3, -4.4]])
    >>> found.log_loss[0].mean(axis=-1).round(2)  # bits
    array([[1.67, 2.01],
           [3.1 , 2.31]])
    """
    for name, value in (
        ("assistants", assistants),
        ("true_users", true_users),
        ("assumed_users", assumed_users),
    ):
        if not isinstance(value, Mapping) or not value:
            raise ArgumentError(f"robustness: {name}: expected a mapping by label, got {value!r}")
    shape = (len(assistants), len(true_users), len(assumed_users), episodes)
    returns, scores = np.empty(shape), np.full((3, *shape), np.nan)
    best = np.full((len(true_users), episodes), np.nan)
    pairs: list[tuple[Any, Bundle, list[str] | None]] = []
    for row, user in enumerate(true_users.values()):
        if oracle is not None:
            pairs.append((row, Bundle(task, user, oracle, max_rounds=max_rounds), None))
        for number, make in enumerate(assistants.values()):
            for column, assumed in enumerate(assumed_users.values()):
                assistant = make(assumed)
                bundle = Bundle(task, user, assistant, max_rounds=max_rounds)
                pairs.append(((number, row, column), bundle, _paths(assistant)))
    with (
        given_workers(executor, "robustness") as workers,
        Progress("robustness", len(pairs), unit="pairs", shown=progress) as bar,
    ):
        calls = ((bundle, episodes, seed, paths) for _, bundle, paths in pairs)
        for (place, _, paths), (paid, told) in zip(pairs, _played(workers, calls, bar), strict=True):
            if paths is None:
                best[place] = paid
            else:
                returns[place] = paid
                scores[(slice(None), *place)] = told
    return Robustness(
        tuple(assistants),
        tuple(true_users),
        tuple(assumed_users),
        returns,
        best[None, :, None] - returns,
        *scores,
    )


def _played(
    workers: Workers | None, calls: Iterable[tuple[Any, ...]], bar: Progress
) -> Iterable[tuple[Array, Any]]:
    """Play all pairs: by some workers, or one after the other."""
    if workers is not None:
        yield from in_order(workers, _play_pair, calls, bar)
        return
    for call in calls:
        yield _play_pair(*call)
        bar.update()


def _play_pair(bundle: Bundle, episodes: int, seed: int, paths: list[str] | None) -> tuple[Array, Any]:
    """Give the returns of a pair, and how well the belief is calibrated: NaN without one."""
    runs = bundle.run(episodes, seed=seed, record="final" if paths is None else paths)
    return runs.returns, _calibration(runs, paths) if paths else np.nan


def _paths(assistant: Assistant) -> list[str]:
    """Name what tells how good a belief is: weights, candidates and the truth; nothing without a belief."""
    beliefs = [one for one in engines_in(assistant.inference_engine) if isinstance(one, UserModelFilter)]
    if not beliefs or len(beliefs[0].parameters.names) != 1:
        return []
    belief = beliefs[0]
    name = belief.parameters.names[0]
    place = f"assistant_state.{belief.field}"
    if name.startswith("task_state."):
        part = name.removeprefix("task_state.")
        return [f"{place}.log_weights", f"{place}.hidden.{part}", name]
    return [f"{place}.log_weights", f"{place}.users.{name}", f"user_state.{name}"]


def _calibration(runs: Trajectories, paths: list[str]) -> tuple[Array, Array, Array]:
    """Give log loss, Brier score and overconfidence of each episode, for means over all beliefs."""
    log_weights, candidates, truth = (runs[path] for path in paths)
    weights = np.exp(log_weights)
    right = candidates == truth[..., None]
    # In the last round of a game that the user ends, the assistant did not look again.
    acted = np.arange(weights.shape[1]) < (runs.lengths - runs.terminated)[:, None]
    true = np.maximum((weights * right).sum(axis=-1), 1e-12)
    best = weights.argmax(axis=-1)[..., None]
    over = (np.take_along_axis(weights, best, -1) - np.take_along_axis(right, best, -1))[..., 0]
    scores = -np.log2(true), ((weights - right) ** 2).sum(axis=-1), over
    count = max(acted.sum() / len(acted), 1e-12)
    log_loss, brier, overconfidence = ((score * acted).sum(axis=1) / count for score in scores)
    return log_loss, brier, overconfidence
