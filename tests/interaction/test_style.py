"""All figures have one look, which leaves matplotlib's own settings alone."""

import doctest
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgb

from interaction import plot_comparison, plot_posterior
from interaction.errors import ArgumentError
from interaction.plots import check_picture, figure, save, style, title
from tests.pictures import check_readable, texts

mpl.use("Agg")
VALUES = {"one": np.arange(10.0), "two": np.arange(10.0) + 3}


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def test_settings_of_matplotlib_stay_as_they_were(tmp_path):
    with mpl.rc_context({"font.size": 31, "axes.titlelocation": "right"}):
        before = dict(mpl.rcParams)
        ax = plot_comparison(VALUES)
        save(ax.figure, tmp_path / "x.png")
        assert dict(mpl.rcParams) == before
        sizes = {text.get_fontsize() for _, text in texts(ax.figure)}
    assert sizes <= {7.0, 7.5, 8.0}
    code = (
        "import matplotlib; old = dict(matplotlib.rcParams); import interaction.plots; "
        "print(dict(matplotlib.rcParams) == old)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "True\n"


def test_a_function_that_raises_leaves_the_settings_too():
    before = dict(mpl.rcParams)
    with pytest.raises(ArgumentError):
        plot_comparison(VALUES, 7)
    assert dict(mpl.rcParams) == before


def test_given_axes_take_the_look_and_keep_their_figure():
    _, mine = pyplot.subplots()
    assert plot_comparison(VALUES, mine) is mine
    assert not mine.spines["top"].get_visible()
    assert {tick.label1.get_fontsize() for tick in mine.xaxis.get_major_ticks()} == {7.0}


@pytest.mark.parametrize(("columns", "inches"), [(1, 3.35), (2, 6.9)])
def test_figures_are_as_wide_as_columns_and_panels_have_letters(columns, inches):
    drawn, panels = figure("ab\ncb", columns, 3.0)
    assert list(panels) == ["a", "b", "c"]
    assert drawn.get_size_inches().tolist() == [inches, 3.0]
    for letter, ax in panels.items():
        title(ax, f"Panel {letter}", "mean")
        title(ax, "Again")  # which keeps the note, and is written once
        assert [text.get_text() for text in ax.texts] == ["mean"]
        assert ax.get_title("left") == rf"$\mathbf{{{letter}}}$  Again"
    check_readable(drawn)
    with pytest.raises(ArgumentError, match="columns: expected 1 or 2, got 3"):
        figure(columns=3)


def test_rows_may_have_widths_of_their_own():
    drawn, panels = figure("abc\n\nde", columns=2, height=4.0, heights=(1, 2))
    for letter, ax in panels.items():
        title(ax, f"Panel {letter}")
        ax.set_xlabel("round")
    check_readable(drawn)
    boxes = {letter: ax.get_window_extent() for letter, ax in panels.items()}
    assert boxes["d"].width > 1.3 * boxes["a"].width
    assert boxes["d"].height > 1.5 * boxes["a"].height


def test_a_figure_of_one_panel_has_no_letter():
    drawn, panels = figure()
    title(panels["a"], "Alone")
    assert panels["a"].get_title("left") == "Alone"
    check_readable(drawn)


@pytest.mark.parametrize(("ending", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_files_are_written_by_their_ending_and_the_same_each_time(tmp_path, ending, start):
    files = [save(plot_comparison(VALUES).figure, tmp_path / f"{name}.{ending}") for name in "ab"]
    assert files[0].read_bytes().startswith(start)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_png_has_the_size_of_a_column_at_300_dots_an_inch(tmp_path):
    file = save(plot_posterior(np.array([0.4, 0.6])).figure, tmp_path / "x.png")
    assert pyplot.imread(file).shape[:2] == (720, 1005)


def test_files_that_cannot_be_written_are_refused_before(tmp_path):
    with pytest.raises(ArgumentError, match=r"--plot: expected a file that ends in \.pdf, \.svg, .*'x\.gif'"):
        check_picture(tmp_path / "x.gif")
    with pytest.raises(ArgumentError, match="--plot: there is no folder"):
        check_picture(tmp_path / "nowhere" / "x.png")
    with pytest.raises(ArgumentError, match="save: expected a file"):
        save(plot_comparison(VALUES).figure, tmp_path / "x")


def as_seen(colour, kind):
    """Give a colour as those without one kind of cones see it (Viénot et al. 1999), linear RGB."""
    to_lms = np.array(
        [[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]]
    )
    without = {
        "protan": np.array([[0, 2.02344, -2.52581], [0, 1, 0], [0, 0, 1]]),
        "deutan": np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]]),
    }[kind]
    return np.linalg.inv(to_lms) @ without @ to_lms @ np.array(to_rgb(colour)) ** 2.2


@pytest.mark.parametrize("kind", ["protan", "deutan"])
def test_the_colour_blind_tell_the_colours_apart(kind):
    """By more than 0.1 of the range of linear RGB: matplotlib's own red and green are 0.05 apart or less."""
    seen = [as_seen(colour, kind) for colour in style.COLOURS]
    apart = [np.linalg.norm(one - other) for i, one in enumerate(seen) for other in seen[:i]]
    assert min(apart) > 0.1


def test_colours_are_never_the_only_difference():
    count = len(style.COLOURS)
    assert len(set(style.MARKERS)) == len(set(style.LINES)) == count


def test_ink_can_be_read_on_every_colour():
    assert style.ink("white") == "black"
    assert style.ink("black") == style.ink("#0072B2") == "white"
    assert style.ink("#56B4E9") == "black"


def test_labels_at_the_ends_are_in_order_and_apart():
    drawn, panels = figure()
    ax = panels["a"]
    ax.plot([0, 1], [0, 1])
    style.end_labels(ax, {f"line {y}": (1, y, "black") for y in (1, 0.99, 0.98, 0.3)})
    check_readable(drawn)
    places = [text.get_position()[1] for text in ax.texts]
    assert places == sorted(places)
    assert [text.get_text() for text in ax.texts] == ["line 0.3", "line 0.98", "line 0.99", "line 1"]


def test_the_examples_run():
    assert doctest.testmod(style, extraglobs={"np": np}).failed == 0


@pytest.mark.parametrize("on", [True, False])
def test_what_shows_figures_stays_as_the_first_one_has_set_it(on):
    """A notebook turns `interactive` on while its first figure is made, and shows no later one without it."""
    before = pyplot.isinteractive()
    try:
        pyplot.rcParams["interactive"] = not on

        @style.styled
        def first_figure():
            pyplot.rcParams["interactive"] = on

        first_figure()
        assert pyplot.isinteractive() is on
    finally:
        pyplot.rcParams["interactive"] = before
