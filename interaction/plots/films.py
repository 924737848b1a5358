"""One episode in pictures: by the task's own `plot`, as a filmstrip or as a film, or by what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interaction.errors import ArgumentError
from interaction.plots.style import COLOURS, COLUMNS, dress, pyplot_of, styled, whole
from interaction.state import GameState, freeze, nest
from interaction.task import InteractionTask
from interaction.trajectory import Trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def games_of(task: InteractionTask, runs: Trajectories, episode: int) -> list[GameState]:
    """Give the games at the end of each round of one episode of a run, with the task's states alone.

    `episode` is a place in the run, which must have recorded the task's state in each round.
    Raises `ArgumentError` for a run that has not recorded it.

    >>> from interaction import Bundle
    >>> from interaction.plots import games_of
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> bundle = Bundle(PointingTask(9, 2), CarefulPointer(), max_rounds=30)
    >>> games = games_of(bundle.task, bundle.run(1, seed=0), episode=0)
    >>> [game.task_state.position for game in games]
    [3, 2, 2]
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


@styled
def filmstrip(
    task: InteractionTask,
    runs: Trajectories,
    episode: int = 0,
    frames: int = 6,
    *,
    columns: int = 1,
    height: float = 0.6,
) -> tuple[Figure, list[Axes]]:
    """Draw some rounds of an episode one below the other, by the task's own `plot`.

    The figure is as wide as `columns` of a journal, and each frame `height` inches high. The title tells how
    many of the rounds are shown; what the frames have in common, legend and lower axis, is there once.

    Gives the figure and its axes. Raises `ArgumentError` for a task without a `plot`, and as `games_of` does.

    >>> from interaction import Bundle, filmstrip
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> bundle = Bundle(PointingTask(), CarefulPointer(), max_rounds=60)
    >>> figure, axes = filmstrip(bundle.task, bundle.run(1, seed=5), frames=3)
    >>> [ax.get_title("left") for ax in axes]
    ['round 0', 'round 6', 'round 13']
    """
    games = games_of(task, runs, episode)
    _check_plot(task)
    chosen = np.unique(np.linspace(0, len(games) - 1, min(frames, len(games))).round().astype(int))
    size = (COLUMNS[columns], height * len(chosen) + 0.7)
    strip: Figure = pyplot_of("filmstrip").figure(figsize=size, layout="constrained")
    axes: list[Axes] = strip.subplots(len(chosen), 1, squeeze=False)[:, 0].tolist()
    for ax, index in zip(axes, chosen, strict=True):
        task.plot(games[index], ax)  # type: ignore[attr-defined]
        if (drawn := ax.get_legend()) is not None:
            drawn.remove()
        if ax is not axes[-1]:
            ax.set(xlabel="", xticklabels=[])
    handles, labels = axes[0].get_legend_handles_labels()
    if handles:
        strip.legend(handles, labels, loc="outside lower center", ncols=4)
    shown = f"{len(chosen)} of {len(games)}" if len(chosen) < len(games) else f"all {len(games)}"
    strip.suptitle(f"One episode, {shown} rounds", x=0.01, ha="left")
    return strip, axes


@styled
def animate(
    task: InteractionTask,
    runs: Trajectories,
    episode: int,
    file: str | Path,
    frames_per_second: int = 2,
) -> Path:
    """Write an episode as a film, by the task's own `plot`: a GIF, or an MP4 where ffmpeg is installed.

    Gives the file. Raises `ArgumentError` for another ending, where what writes it is not installed, and as
    `filmstrip` does.

    >>> import tempfile
    >>> from interaction import Bundle, animate
    >>> from interaction.tasks.pointing import PointingTask
    >>> from interaction.users.pointing import CarefulPointer
    >>> bundle = Bundle(PointingTask(), CarefulPointer(), max_rounds=3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(animate(bundle.task, bundle.run(1, seed=5), 0, f"{folder}/game.gif").name)
    game.gif
    """
    path = Path(file)
    writers = {".gif": "pillow", ".mp4": "ffmpeg"}
    if path.suffix.lower() not in writers:
        raise ArgumentError(f"animate: expected a file that ends in .gif or .mp4, got {path.name!r}")
    games = games_of(task, runs, episode)
    _check_plot(task)
    pyplot = pyplot_of("animate")
    from matplotlib import animation

    writer = writers[path.suffix.lower()]
    if not animation.writers.is_available(writer):
        raise ArgumentError(f"animate: {path.suffix} needs {writer}, which is not installed; write a .gif")

    figure, ax = pyplot.subplots(figsize=(COLUMNS[2], 2), layout="constrained")

    def draw(index: int) -> list[Any]:
        ax.clear()
        task.plot(games[index], ax)  # type: ignore[attr-defined]
        return []

    film = animation.FuncAnimation(figure, draw, frames=len(games))
    film.save(path, writer=writer, fps=frames_per_second)
    pyplot.close(figure)
    return path


@styled
def plot_episode(
    runs: Trajectories, rows: Mapping[str, str], episode: int = 0, *, columns: int = 1, height: float = 0.45
) -> tuple[Figure, list[Axes]]:
    """Draw what was recorded of an episode over its rounds, a row for each path: `rows` names each one.

    Whole numbers are dots, others are joined by lines, one for each entry of a vector. The figure is as wide
    as `columns` of a journal, and each row `height` inches high. Gives the figure and its axes.

    `episode` is a place in the run, which must be without `over` and have recorded each round.
    Raises `ArgumentError` for a run that has not.

    >>> from interaction import Bundle
    >>> from interaction.plots import plot_episode
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> runs = Bundle(MultiArmedBanditTask(), RescorlaWagnerUser(), max_rounds=40).run(1, seed=0)
    >>> figure, axes = plot_episode(runs, {"user_action": "arm pulled", "user_state.q": "values"})
    >>> [(ax.get_ylabel(), len(ax.lines)) for ax in axes]
    [('arm pulled', 1), ('values', 2)]
    """
    one = runs.episode(episode)
    if not one.per_round or one.over:
        raise ArgumentError("plot_episode: expected a run without `over` that recorded each round")
    size = (COLUMNS[columns], height * len(rows) + 0.45)
    drawn: Figure = pyplot_of("plot_episode").figure(figsize=size, layout="constrained")
    axes: list[Axes] = drawn.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0].tolist()
    for ax, (path, name) in zip(axes, rows.items(), strict=True):
        dress(ax)
        values = one[path][0, : int(one.lengths[0])]
        counts = values.dtype.kind in "iub"
        look: Any = {
            "linestyle": "none" if counts else "-",
            "linewidth": 0.8,
            "marker": "o",
            "markersize": 2.0,
        }
        for number, column in enumerate(values.reshape(len(values), -1).T):
            ax.plot(column, color=COLOURS[number % len(COLOURS)], clip_on=False, **look)
        if counts:
            ax.set_ylim(values.min() - 0.4, values.max() + 0.4)
            whole(ax.yaxis)
        ax.set_ylabel(name, rotation=0, ha="right", va="center")
    whole(axes[-1].xaxis)
    axes[-1].set_xlabel("round")
    drawn.align_ylabels(axes)
    return drawn, axes


def _check_plot(task: InteractionTask) -> None:
    if not hasattr(task, "plot"):
        raise ArgumentError(
            f"{type(task).__name__} must define plot(self, game, ax), which draws one game, to be shown"
        )
