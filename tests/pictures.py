"""What must be true of every figure, so that it can enter a paper as it is."""

from itertools import combinations

import matplotlib as mpl
from matplotlib.legend import Legend

from interaction.plots.style import COLUMNS


def check_readable(figure, smallest=6.0):
    """Raise unless all text can be read: as wide as a column, in the figure, apart, and off the data."""
    assert any(abs(figure.get_figwidth() - width) < 1e-9 for width in COLUMNS.values())
    figure.set_dpi(200)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    page = figure.bbox.padded(1)
    written = []
    for owner, text in texts(figure):
        box = mpl.text.Text.get_window_extent(text, renderer)  # of the words alone, without an arrow
        assert text.get_fontsize() >= smallest, f"{text} is too small"
        assert page.x0 <= box.x0, f"{text} is cut on the left"
        assert box.x1 <= page.x1, f"{text} is cut on the right"
        assert page.y0 <= box.y0, f"{text} is cut below"
        assert box.y1 <= page.y1, f"{text} is cut above"
        for ax in figure.axes:
            inside = ax.get_window_extent(renderer).padded(-1)
            assert ax is owner or not inside.overlaps(box), f"{text} lies in another panel"
        written.append((box.padded(-2), text))
    for (box, text), (other_box, other) in combinations(written, 2):
        assert not box.overlaps(other_box), f"{text} lies over {other}"
    for legend in figure.findobj(Legend):
        for ax in figure.axes:
            inside = ax.get_window_extent(renderer).padded(-1)
            assert not inside.overlaps(legend.get_window_extent(renderer)), "a legend lies on data"


def texts(figure):
    """Give all text that is seen, with the axes to which it belongs, or None."""
    found = [(None, text) for text in figure.findobj(mpl.text.Text) if text in figure.texts]
    found += [(None, figure._suptitle)] if figure._suptitle is not None else []
    for legend in figure.findobj(Legend):
        found += [(legend.axes, text) for text in legend.get_texts()]
    for ax in figure.axes:
        if not ax.axison:
            found += [(ax, text) for text in (*ax.texts, ax.title, ax._left_title)]
            continue
        found += [(ax, text) for text in (*ax.texts, ax.title, ax._left_title, ax._right_title)]
        for axis in (ax.xaxis, ax.yaxis):
            found += [(ax, axis.label), (ax, axis.get_offset_text())]
            low, high = sorted(axis.get_view_interval())
            slack = 1e-6 * (high - low)
            for tick in axis.get_major_ticks():
                if low - slack <= tick.get_loc() <= high + slack:
                    found += [(ax, tick.label1), (ax, tick.label2)]
    once = {id(text): (owner, text) for owner, text in found}
    return [(owner, text) for owner, text in once.values() if text.get_visible() and text.get_text().strip()]


def words_of(figure):
    """Give all that is written in a figure, as one text."""
    return "\n".join(text.get_text() for _, text in texts(figure))
