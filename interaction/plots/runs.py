"""Pictures of runs: rewards over rounds, and beliefs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.errors import ArgumentError
from interaction.inference.posterior import Posterior
from interaction.means import interval, told
from interaction.plots.style import COLOURS, LINES, axes_of, end_labels, styled, title, whole, words
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]
_BARS = 30  # of more values a histogram is drawn


@styled
def plot_rewards(
    runs: Trajectories | Mapping[str, Trajectories],
    ax: Axes | None = None,
    cumulative: bool = True,
    *,
    level: float = 0.95,
) -> Axes:
    """Draw the mean reward over rounds, with its interval (Student's t) as a band.

    `runs`: one run, or several by label, each with its line and its label at the line's end; each must have
    recorded all rounds, or the paths `rewards.…`: the same ones, which the label names unless they are all.
    After the end of an episode its rewards are 0. Raises `ArgumentError` for a run that has not.

    >>> from interaction import Bundle, plot_rewards
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser, RescorlaWagnerUser
    >>> users = {"learns": RescorlaWagnerUser(), "guesses": RandomUser()}
    >>> runs = {
    ...     label: Bundle(MultiArmedBanditTask(), user, max_rounds=40).run(200, seed=0)
    ...     for label, user in users.items()
    ... }
    >>> ax = plot_rewards(runs)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('round', 'cumulative reward')
    """
    labelled = {"": runs} if isinstance(runs, Trajectories) else dict(runs)
    if not labelled:
        raise ArgumentError("plot_rewards: expected one run or more, got none")
    summed = {label: _rewards(run) for label, run in labelled.items()}
    of = _sources(labelled)
    ax = axes_of(ax, "plot_rewards")
    ends = {}
    longest = max(int(run.lengths.max(initial=0)) for run in labelled.values())
    for number, (label, found) in enumerate(summed.items()):
        rewards = np.pad(found, ((0, 0), (0, longest - found.shape[1])))
        mean, half = interval(np.cumsum(rewards, axis=1) if cumulative else rewards, level)
        rounds = np.arange(len(mean))
        colour = COLOURS[number % len(COLOURS)]
        ax.fill_between(rounds, mean - half, mean + half, color=colour, alpha=0.25, linewidth=0)
        ax.plot(rounds, mean, color=colour, linestyle=LINES[number % len(LINES)], label=label)
        ends[label] = (rounds[-1], mean[-1], colour)
    whole(ax.xaxis)
    ax.set(xlabel="round", ylabel=("cumulative reward" if cumulative else "reward") + of)
    counts = {len(run.episodes) for run in labelled.values()}
    title(ax, note=told(level, counts.pop() if len(counts) == 1 else None))
    if len(ends) > 1:
        end_labels(ax, ends)
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


def _sources(runs: Mapping[str, Trajectories]) -> str:
    """Name the sources whose rewards were recorded, where they are not all; raise if they differ."""
    kept = {label: [name for name in run.rewards if f"rewards.{name}" in run] for label, run in runs.items()}
    told = {
        "" if len(names) == len(runs[label].rewards) else f" ({', '.join(names)})"
        for label, names in kept.items()
    }
    if len(told) > 1:
        raise ArgumentError(
            f"plot_rewards: expected runs that recorded the same sources of rewards, got {kept}"
        )
    return told.pop()


@styled
def plot_belief(
    beliefs: Array,
    ax: Axes | None = None,
    labels: Sequence[object] | None = None,
    truth: int | None = None,
) -> Axes:
    """Draw a belief over rounds as a heat map: `beliefs` `(rounds, candidates)`; `truth` is framed.

    Raises `ArgumentError` for an array of another shape.

    >>> import numpy as np
    >>> from interaction import Bundle, plot_belief
    >>> from interaction.assistants.pointing import InformationGain
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> task, user = PointingTask(31, 4, mode="position"), CarefulPointer(0.1)
    >>> one = Bundle(task, user, InformationGain(user, task)).run(1, seed=0).episode(0)
    >>> ax = plot_belief(
    ...     np.exp(one["assistant_state.belief.log_weights"][0]),
    ...     labels=one.start["task_state.targets"][0],
    ...     truth=one.start["task_state.goal"][0],
    ... )
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['7', '17', '28', '29']
    """
    ax = axes_of(ax, "plot_belief")
    beliefs = np.asarray(beliefs, float)
    if beliefs.ndim != 2:
        raise ArgumentError(f"plot_belief: expected an array (rounds, candidates), got {beliefs.shape}")
    image = ax.imshow(beliefs.T, aspect="auto", origin="lower", vmin=0, vmax=1, cmap="Blues")
    ax.figure.colorbar(image, ax=ax, label="probability")
    whole(ax.xaxis, ax.yaxis)
    ax.set(xlabel="round", ylabel="candidate")
    if labels is not None:
        ax.set_yticks(range(len(labels)), [str(label) for label in labels])
    if truth is not None:
        edges = (truth - 0.5, truth + 0.5)
        ax.hlines(edges, -0.5, len(beliefs) - 0.5, color=COLOURS[1], linewidth=1)
    ax.set_xlim(-0.5, len(beliefs) - 0.5)
    title(ax, "Belief", "lines: the truth" if truth is not None else "")
    return ax


@styled
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

    >>> from interaction import plot_posterior
    >>> ax = plot_posterior([0.1, 0.6, 0.3], labels=["open", "save", "quit"])
    >>> [float(bar.get_height()) for bar in ax.patches]
    [0.1, 0.6, 0.3]
    """
    ax = axes_of(ax, "plot_posterior")
    if isinstance(weights, Posterior):
        return _plot_parameter(weights, ax, labels, parameter)
    weights = np.asarray(weights, float)
    names = [str(label) for label in (labels if labels is not None else range(len(weights)))]
    ax.bar(names, weights, color=COLOURS[0])
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
        ax.hist(values, bins=_BARS, weights=weights, color=COLOURS[0])
        ax.set(ylabel="probability")
    ax.set(xlabel=words(name))
    return ax
