"""One episode in pictures: as a filmstrip or as a film, by the task's own `plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interaction.errors import ArgumentError
from interaction.plots.style import COLUMNS, pyplot_of, styled
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


def _check_plot(task: InteractionTask) -> None:
    if not hasattr(task, "plot"):
        raise ArgumentError(
            f"{type(task).__name__} must define plot(self, game, ax), which draws one game, to be shown"
        )
