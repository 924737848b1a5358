"""One look for all figures: sizes of journals' columns, fonts, colours, panel letters, notes and files.

matplotlib's own settings stay as they are: a function that is `styled` draws with `SETTINGS` in their place,
and `save` writes so. Change an entry of `SETTINGS` for another look. The font comes with matplotlib, so that
a figure is the same on every machine.
Colours: Okabe & Ito 2008, "Color universal design", without yellow, which is too pale for a line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from interaction.errors import ArgumentError, missing_extra
from interaction.files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

P = ParamSpec("P")
T = TypeVar("T")

COLUMNS = {1: 3.35, 2: 6.9}
"""The width (inches) of a figure in one column of a journal, and in two: 85 and 175 mm."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
GREY = "0.45"
"""The colour of notes and of lines that are there to compare with."""

_SMALL = 7.0  # points; no text is smaller but numbers in a heat map's cells, which have 6
SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 8,
    "xtick.labelsize": _SMALL,
    "ytick.labelsize": _SMALL,
    "legend.fontsize": _SMALL,
    "figure.titlesize": 8,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "errorbar.capsize": 2,
    "savefig.dpi": 300,
    "figure.dpi": 150,
    "pdf.fonttype": 42,
    "svg.hashsalt": "interaction",
}


def pyplot_of(purpose: str) -> Any:
    """Give `matplotlib.pyplot`; raise unless it is installed."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing_extra("matplotlib", "plot", purpose) from None
    return pyplot


def check_matplotlib(purpose: str) -> None:
    """Raise unless pictures can be drawn: before a long computation, not after it.

    >>> from interaction.plots import check_matplotlib
    >>> check_matplotlib("my_study")  # it is there
    """
    pyplot_of(purpose)


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a function draw in this look, and leave matplotlib's settings as they were.

    >>> import numpy as np
    >>> from interaction.plots import axes_of, styled
    >>> @styled
    ... def plot_learning(choices, ax=None):
    ...     ax = axes_of(ax, "plot_learning")
    ...     ax.plot(choices.mean(axis=0))
    ...     ax.set(xlabel="round", ylabel="share of the better arm")
    ...     return ax
    >>> plot_learning(np.array([[0, 1, 1], [0, 0, 1]])).get_xlabel()
    'round'
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        pyplot = pyplot_of(draw.__name__)
        showing = pyplot.isinteractive()
        try:
            with pyplot.style.context(["default", SETTINGS]):
                try:
                    return draw(*args, **kwargs)
                finally:
                    showing = pyplot.isinteractive()
        finally:  # a notebook turns this on as it makes its first figure, and shows no other one without it
            pyplot.rcParams["interactive"] = showing

    return drawn


@styled
def figure(
    panels: str = "a", columns: int = 1, height: float = 2.4, heights: Sequence[float] = (1,), **grid: Any
) -> tuple[Figure, dict[str, Axes]]:
    r"""Make a figure as wide as 1 or 2 `columns` of a journal and so high (inches); give it and its panels.

    `panels` tells where they lie: "ab" lie side by side, "ab\nac" has a higher one on the left, and rows
    with an empty line between them, "ab\n\ncde", have widths of their own, and `heights` in proportion.
    Each panel gets its letter with its `title`. `grid` is what matplotlib's `subplot_mosaic` takes.

    Raises `ArgumentError` for another number of columns.

    >>> from interaction.plots import figure
    >>> made, panels = figure("ab", columns=2, height=2.4)
    >>> list(panels), made.get_size_inches().round(1).tolist()
    (['a', 'b'], [6.9, 2.4])
    """
    if columns not in COLUMNS:
        raise ArgumentError(f"figure: columns: expected 1 or 2, got {columns!r}")
    made: Figure = pyplot_of("figure").figure(figsize=(COLUMNS[columns], height), layout="constrained")
    rows = panels.split("\n\n")
    ratios = heights if len(heights) > 1 else [1] * len(rows)
    parts: Any = [made] if len(rows) == 1 else made.subfigures(len(rows), 1, height_ratios=ratios)
    drawn: dict[str, Axes] = {}
    for part, row in zip(parts, rows, strict=True):
        drawn |= part.subplot_mosaic(row, **grid)
    for ax in drawn.values():
        dress(ax)
    if len(drawn) == 1:
        next(iter(drawn.values())).set_label("")
    return made, drawn


def axes_of(ax: Axes | None, purpose: str = "plot") -> Axes:
    """Give the axes to draw on, in this look: new ones, as wide as a column, if there are none.

    Raises `MissingExtraError` without matplotlib, and `ArgumentError` for what are no axes.

    >>> from interaction.plots import axes_of
    >>> ax = axes_of(None)
    >>> ax is axes_of(ax), ax.figure.get_size_inches().round(1).tolist()
    (True, [3.4, 2.4])
    """
    pyplot_of(purpose)
    from matplotlib.axes import Axes as Kind

    if ax is None:
        return figure()[1]["a"]
    if not isinstance(ax, Kind):
        raise ArgumentError(f"{purpose}: ax: expected matplotlib Axes, got {type(ax).__name__}")
    dress(ax)
    return ax


def dress(ax: Axes) -> None:
    """Give axes that were made elsewhere this look, as far as they would draw themselves later."""
    ax.tick_params(
        labelsize=SETTINGS["xtick.labelsize"],
        width=SETTINGS["xtick.major.width"],
        length=SETTINGS["xtick.major.size"],
    )
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[:].set_linewidth(SETTINGS["axes.linewidth"])


def title(ax: Axes, text: str | None = None, note: str | None = None) -> None:
    r"""Write a panel's letter (see `figure`), its title of a few words, and a note below it in grey.

    The note names what is drawn, as in "mean and 95 % t interval, n = 1,000". What is not given stays.

    >>> from interaction.plots import figure, title
    >>> _, panels = figure("ab", columns=2)
    >>> title(panels["b"], "Learning", "mean and 95 % t interval, n = 1,000")
    >>> print(panels["b"].get_title("left"), [text.get_text() for text in panels["b"].texts])
    $\mathbf{b}$  Learning ['mean and 95 % t interval, n = 1,000']
    """
    letter = str(ax.get_label())
    start = rf"$\mathbf{{{letter}}}$  " if len(letter) == 1 else ""
    text = ax.get_title("left").removeprefix(start) if text is None else text
    old = next((one for one in ax.texts if one.get_gid() == "note"), None)
    if old is not None:
        note = old.get_text() if note is None else note
        old.remove()
    lift = 3.0
    if note:
        above: Any = {"xycoords": "axes fraction", "textcoords": "offset points", "annotation_clip": False}
        written = ax.annotate(
            note, (0, 1), (0, lift), **above, gid="note", color=GREY, size=_SMALL, va="bottom"
        )
        written.set_in_layout(not text)  # with a title, whose pad makes room: no axes get narrower by it
        lift += 1.35 * _SMALL * (1 + note.count("\n"))
    ax.set_title(start + text, loc="left", pad=lift, size=SETTINGS["axes.titlesize"])


def legend(ax: Axes, columns: int = 1, below: float = 28, **options: Any) -> Legend:
    """Put the legend under the axes, `below` points lower, off the data; or where `options` say."""
    from matplotlib.transforms import offset_copy

    under = offset_copy(ax.transAxes, ax.figure, y=-below, units="points")  # type: ignore[arg-type]
    given: dict[str, Any] = {
        "loc": "upper left",
        "bbox_to_anchor": (0, 0),
        "bbox_transform": under,
        "borderaxespad": 0,
    }
    given |= {"ncols": columns, "fontsize": _SMALL} | options
    made: Legend = ax.legend(**given)
    return made


def end_labels(ax: Axes, ends: Mapping[str, tuple[float, float, Any]]) -> None:
    """Write labels to the right of the axes, each as high as its line ends: `(x, y, colour)` by label.

    Labels that would lie over each other are moved apart, and a thin line leads to each.
    """
    ax.get_ylim()  # settles the limits
    order = sorted(ends, key=lambda name: ends[name][1])
    inside = ax.transData + ax.transAxes.inverted()
    at = [float(inside.transform(ends[name][:2])[1]) for name in order]
    lines = np.array([1 + name.count("\n") for name in order])
    step = 1.3 * _SMALL / 72 * ax.figure.dpi / ax.bbox.height  # of a line, in heights of the axes
    places = spread(np.array(at), step * lines)
    for name, place in zip(order, places, strict=True):
        x, y, colour = ends[name]
        ax.annotate(
            name,
            (x, y),
            (1.04, place),
            textcoords="axes fraction",
            va="center",
            ha="left",
            color=colour,
            size=_SMALL,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 0},
        )


def spread(places: Any, heights: Any) -> Any:
    """Move sorted places apart as little as is needed for things of these heights to lie between 0 and 1.

    >>> import numpy as np
    >>> from interaction.plots.style import spread
    >>> spread(np.array([0.5, 0.5, 0.95]), np.array([0.25, 0.25, 0.25]))
    array([0.375, 0.625, 0.875])
    """
    from scipy.optimize import isotonic_regression

    middles = np.cumsum(heights) - heights / 2
    increasing = isotonic_regression(places - middles).x  # the closest ones, in least squares
    return np.clip(increasing, 0, max(1 - heights.sum(), 0)) + middles


def whole(*axes: Axis) -> None:
    """Let numbers along these axes, `ax.xaxis` or `ax.yaxis`, be whole: they count."""
    from matplotlib.ticker import MaxNLocator

    for axis in axes:
        axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True))


def words(name: str) -> str:
    """Say a name in words: "user_state.error_rate" is "error rate"."""
    return name.rpartition(".")[2].replace("_", " ")


def ink(colour: Any) -> str:
    """Give black or white, whichever can be read on a colour (its luminance, as WCAG 2 has it)."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return "black" if linear @ [0.2126, 0.7152, 0.0722] > 0.179 else "white"


def check_picture(file: Path, purpose: str = "--plot") -> None:
    """Raise unless a picture can be drawn and written to this file: before a long computation.

    Raises `MissingExtraError` without matplotlib, and `ArgumentError` for another ending, or where there is
    no such folder.

    >>> from pathlib import Path
    >>> from interaction.errors import ArgumentError
    >>> from interaction.plots import check_picture
    >>> try:
    ...     check_picture(Path("learning.jpg"))
    ... except ArgumentError as error:
    ...     print(error)
    --plot: expected a file that ends in .pdf, .svg, .png, got 'learning.jpg'
    """
    pyplot_of(purpose)
    endings = (".pdf", ".svg", ".png")
    if file.suffix.lower() not in endings:
        raise ArgumentError(
            f"{purpose}: expected a file that ends in {', '.join(endings)}, got {file.name!r}"
        )
    if not file.absolute().parent.is_dir():
        raise ArgumentError(f"{purpose}: there is no folder {str(file.parent)!r}")


def save(drawn: Figure, file: str | Path) -> Path:
    """Write a figure at its size: to a PDF or an SVG, which can be enlarged, or a PNG, by the ending.

    Raises what `check_picture` raises. A file that is there is replaced as a whole.

    >>> import tempfile
    >>> from interaction.plots import figure, save
    >>> made, panels = figure()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     print(save(made, f"{folder}/learning.pdf").name)
    learning.pdf
    """
    path = Path(file)
    check_picture(path, "save")
    kind = path.suffix.lower()[1:]
    undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)  # the same bytes each time

    @styled
    def write(out: Any) -> None:
        drawn.savefig(out, format=kind, metadata=undated)

    write_whole(path, write)
    return path
