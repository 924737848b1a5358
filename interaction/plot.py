"""General pictures of runs: rewards, beliefs, comparisons, one episode as a filmstrip or as a film.

Each function draws on given matplotlib axes, or makes some, and returns them (extra `plot`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError, missing_extra
from interaction.inference.posterior import Posterior
from interaction.state import GameState, freeze, nest
from interaction.task import InteractionTask
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]
_BARS = 30  # of more values a histogram is drawn


def axes_of(ax: Axes | None, purpose: str = "plot") -> Axes:
    """Give the axes to draw on, new ones if there are none."""
    pyplot = _pyplot(purpose)
    from matplotlib.axes import Axes as Kind

    if ax is None:
        new: Axes = pyplot.subplots(layout="constrained")[1]
        return new
    if not isinstance(ax, Kind):
        raise ArgumentError(f"{purpose}: ax: expected matplotlib Axes, got {type(ax).__name__}")
    return ax


def check_matplotlib(purpose: str) -> None:
    """Raise unless pictures can be drawn: before a long computation, not after it."""
    _pyplot(purpose)


def _pyplot(purpose: str) -> Any:
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing_extra("matplotlib", "plot", purpose) from None
    return pyplot


def interval(values: Array, z: float = 1.96) -> tuple[float, float]:
    """Give the mean of independent values and half the width of its 95 % interval (normal)."""
    values = np.asarray(values, float)
    half = z * values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else float("nan")
    return float(values.mean()), float(half)


def plot_rewards(
    runs: Trajectories | Mapping[str, Trajectories], ax: Axes | None = None, cumulative: bool = True
) -> Axes:
    """Draw the mean reward over rounds, with bands of the middle 50 and 90 % of the episodes.

    `runs`: one run, or several by label; each must have recorded all rounds, or the paths `rewards.…`.
    """
    ax = axes_of(ax, "plot_rewards")
    labelled = {"reward": runs} if isinstance(runs, Trajectories) else runs
    for number, (label, run) in enumerate(labelled.items()):
        rewards = _rewards(run)
        values = np.cumsum(rewards, axis=1) if cumulative else rewards
        rounds = np.arange(1, values.shape[1] + 1)
        for low, high, alpha in ((5, 95, 0.12), (25, 75, 0.25)):
            edges = np.percentile(values, [low, high], axis=0)
            ax.fill_between(rounds, *edges, color=f"C{number}", alpha=alpha, linewidth=0)
        ax.plot(rounds, values.mean(axis=0), color=f"C{number}", label=label)
    ax.set(xlabel="round", ylabel="cumulative reward" if cumulative else "reward")
    ax.legend()
    return ax


def _rewards(run: Trajectories) -> Array:
    """The rewards of all sources in each round: `(episodes, rounds)`."""
    paths = [path for path in run if path.startswith("rewards.")]
    if not paths or not run.per_round or run.over:
        raise ArgumentError(
            "plot_rewards: expected a run without `over`, that recorded the rewards of each round "
            '(record="all")'
        )
    total: Array = sum((run[path] for path in paths), np.zeros(run[paths[0]].shape))
    return total


def plot_belief(
    beliefs: Array,
    ax: Axes | None = None,
    labels: Sequence[object] | None = None,
    truth: int | None = None,
) -> Axes:
    """Draw a belief over rounds as a heat map: `beliefs` `(rounds, candidates)`; `truth` is marked."""
    ax = axes_of(ax, "plot_belief")
    beliefs = np.asarray(beliefs, float)
    if beliefs.ndim != 2:
        raise ArgumentError(f"plot_belief: expected an array (rounds, candidates), got {beliefs.shape}")
    image = ax.imshow(beliefs.T, aspect="auto", origin="lower", vmin=0, vmax=1, cmap="viridis")
    ax.figure.colorbar(image, ax=ax, label="probability")
    if truth is not None:
        ax.axhline(truth, color="white", linestyle="--", linewidth=1, label="truth")
        ax.legend(fontsize="small")
    if labels is not None:
        ax.set_yticks(range(len(labels)), [str(label) for label in labels])
    ax.set(xlabel="round", ylabel="candidate", title="Belief")
    return ax


def plot_posterior(
    weights: Array | Posterior,
    ax: Axes | None = None,
    labels: Sequence[object] | None = None,
    *,
    parameter: str | None = None,
) -> Axes:
    """Draw a belief as a bar chart over its candidates: `weights` `(candidates,)`.

    Of a `Posterior`, one `parameter` is drawn (its only one by default): bars over its values, or a histogram
    where they are many, as of particles.
    """
    ax = axes_of(ax, "plot_posterior")
    if isinstance(weights, Posterior):
        return _plot_parameter(weights, ax, labels, parameter)
    weights = np.asarray(weights, float)
    names = [str(label) for label in (labels if labels is not None else range(len(weights)))]
    ax.bar(names, weights, color="tab:blue")
    ax.set(ylim=(0, 1), xlabel="candidate", ylabel="probability")
    return ax


def _plot_parameter(
    posterior: Posterior, ax: Axes, labels: Sequence[object] | None, parameter: str | None
) -> Axes:
    if parameter is None and len(posterior.values) > 1:
        raise ArgumentError(f"plot_posterior: expected parameter=, one of {', '.join(posterior.values)}")
    name = next(iter(posterior.values)) if parameter is None else parameter
    values, weights = posterior.marginal(name)
    if len(values) <= _BARS:
        plot_posterior(weights, ax, values.tolist() if labels is None else labels)
    else:
        ax.hist(values, bins=_BARS, weights=weights, color="tab:blue")
        ax.set(ylabel="probability")
    ax.set(xlabel=name)
    return ax


def plot_comparison(
    values: Mapping[str, Array], ax: Axes | None = None, xlabel: str = "mean, with 95 % intervals"
) -> Axes:
    """Draw the means of several things, such as assistants, with 95 % intervals: `(episodes,)` by label."""
    ax = axes_of(ax, "plot_comparison")
    names = list(values)
    means = [interval(values[name]) for name in names]
    ax.errorbar([m for m, _ in means], range(len(names)), xerr=[h for _, h in means], fmt="o", capsize=4)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set(xlabel=xlabel)
    return ax


def games_of(task: InteractionTask, runs: Trajectories, episode: int) -> list[GameState]:
    """Give the games at the end of each round of one episode of a run, with the task's states alone.

    `episode` is a place in the run, which must have recorded the task's state in each round.
    """
    one = runs.episode(episode)
    prefix = "task_state."
    paths = [path for path in one if path.startswith(prefix)]
    if not paths or not one.per_round or one.over:
        raise ArgumentError(
            'expected a run without `over` that recorded "task_state" in each round, '
            f"got {list(one)[:4] or 'nothing'}"
        )
    return [
        GameState(
            round_index=number,
            task_state=nest({path[len(prefix) :]: freeze(one[path][0, number]) for path in paths}),
        )
        for number in range(int(one.lengths[0]))
    ]


def filmstrip(
    task: InteractionTask, runs: Trajectories, episode: int = 0, frames: int = 6
) -> tuple[Figure, list[Axes]]:
    """Draw some rounds of an episode one below the other, by the task's own `plot`."""
    games = games_of(task, runs, episode)
    _check_plot(task)
    chosen = np.unique(np.linspace(0, len(games) - 1, min(frames, len(games))).round().astype(int))
    figure, axes = _pyplot("filmstrip").subplots(
        len(chosen), 1, figsize=(8, 1.8 * len(chosen)), squeeze=False, layout="constrained"
    )
    for ax, index in zip(axes[:, 0], chosen, strict=True):
        task.plot(games[index], ax)  # type: ignore[attr-defined]
    return figure, list(axes[:, 0])


def animate(
    task: InteractionTask,
    runs: Trajectories,
    episode: int,
    file: str | Path,
    frames_per_second: int = 2,
) -> Path:
    """Write an episode as a film, by the task's own `plot`: a GIF, or an MP4 where ffmpeg is installed."""
    path = Path(file)
    writers = {".gif": "pillow", ".mp4": "ffmpeg"}
    if path.suffix.lower() not in writers:
        raise ArgumentError(f"animate: expected a file that ends in .gif or .mp4, got {path.name!r}")
    games = games_of(task, runs, episode)
    _check_plot(task)
    pyplot = _pyplot("animate")
    from matplotlib import animation

    writer = writers[path.suffix.lower()]
    if not animation.writers.is_available(writer):
        raise ArgumentError(f"animate: {path.suffix} needs {writer}, which is not installed; write a .gif")

    figure, ax = pyplot.subplots(figsize=(8, 2.5), layout="constrained")

    def draw(index: int) -> list[Any]:
        ax.clear()
        task.plot(games[index], ax)  # type: ignore[attr-defined]
        return []

    film = animation.FuncAnimation(figure, draw, frames=len(games))
    film.save(path, writer=writer, fps=frames_per_second)
    pyplot.close(figure)
    return path


def _check_plot(task: InteractionTask) -> None:
    if not hasattr(task, "plot"):
        raise ArgumentError(
            f"{type(task).__name__} must define plot(self, game, ax), which draws one game, to be shown"
        )
