"""Tables are readable at a glance, with rich and without it."""

import io
import sys

import numpy as np
import pytest
from rich.console import Console

from interaction import Bundle, State
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.display import plus_minus, print_table, print_text, share, show
from interaction.errors import MissingExtraError
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser


def rendered(value):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(value)
    return console.export_text()


def test_a_game_state_is_a_table_of_its_parts():
    bundle = Bundle(CoordinatedTask(), PseudoRandomUser(), CoordinatedAssistant(PseudoRandomUser()))
    text = rendered(bundle.reset(seed=0, go_to="assistant_acts"))
    for word in ("round 0, next turn: assistant_acts", "task state", "user state", "p0", "user action"):
        assert word in text


def test_a_state_is_a_table_of_its_fields():
    text = rendered(State(x=1.23456, belief=np.arange(100)))
    assert "1.235" in text
    assert "(100,)" in text


def test_values_are_short():
    assert show(1 / 3) == "0.3333"
    assert show(np.array([0.5, 1.0])) == "[0.5 1. ]"
    assert show("word") == "word"


def test_a_table_is_printed_with_and_without_rich(capsys, monkeypatch):
    print_table("Title", ["a", "b"], [[1, 2.0]])
    with_rich = capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.setitem(sys.modules, "rich.table", None)
    print_table("Title", ["a", "b"], [[1, 2.0]])
    plain = capsys.readouterr().out
    assert "Title" in with_rich
    assert plain == "\nTitle\na  b\n-  -\n1  2\n"
    with pytest.raises(MissingExtraError, match=r"hci-interaction\[terminal\]"):
        State(x=1).__rich__()


COLUMNS = ["assistant", "turns of the user", "more than information gain", "right", "time"]
ROWS = [
    ["oracle", "2", "-1.57 ± 0.07", "", "0.02 ms"],
    ["information gain", "3.57 ± 0.07", "0", "97 % [93, 99]", "1.10 ms"],
    ["no assistant", "12.4 ± 0.5", "8.8 ± 0.5", "", "0.10 ms"],
]


@pytest.mark.parametrize("rich", [True, False])
@pytest.mark.parametrize("width", [200, 80, 60, 40])
def test_columns_are_never_cut(capsys, monkeypatch, rich, width):
    """Lines fit, numbers stay whole, words are wrapped, and each table has the first column."""
    monkeypatch.setenv("COLUMNS", str(width))
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    print_table("A title that is rather long for a terminal of few columns", COLUMNS, ROWS)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    for cell in (cell for row in ROWS for cell in row[1:]):
        assert cell in shown
    for words in (*COLUMNS, *(row[0] for row in ROWS)):
        assert all(word in shown for word in words.split())
    tables = shown.count("assistant") - (shown.count("no assistant") or shown.count("no "))
    assert tables == 1 if width >= 80 else tables > 1


@pytest.mark.parametrize("rich", [True, False])
def test_each_part_of_a_table_has_all_its_labels(capsys, monkeypatch, rich):
    """Two columns tell what a row is; where another one does not fit beside them, it is wrapped."""
    monkeypatch.setenv("COLUMNS", "40")
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    rows = [["interventions", f"game {number}", "1 2 3 4 5 " * 4, "12.4 ± 0.5"] for number in (1, 2)]
    print_table("T", ["model", "", "arms", "reward"], rows, labels=2)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 40
    assert shown.count("interventions") == shown.count("game") == 4
    assert shown.count("12.4 ± 0.5") == 2
    assert sum(line.count(" 1 2 3 4 5") for line in shown.splitlines()) >= 2


def test_what_is_narrower_than_its_longest_word_is_still_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "16")
    print_table("T", ["a", "b"], [["incomprehensibilities", "12.4 ± 0.5"]])
    shown = capsys.readouterr().out
    cells = [line.split("│")[1:3] for line in shown.splitlines() if line.startswith("│")]
    first, second = ("".join(column).replace(" ", "") for column in zip(*cells, strict=True))
    assert (first, second) == ("incomprehensibilities", "12.4±0.5")


def test_square_brackets_are_no_markup(capsys):
    print_table("[bold]T", ["[red]a", "b"], [["[/x]", "[0.1, 0.2]"]])
    shown = capsys.readouterr().out
    assert all(text in shown for text in ("[bold]T", "[red]a", "[/x]", "[0.1, 0.2]"))


def test_a_number_has_the_digits_of_its_interval():
    """Two digits of the half width where they begin with less than 3.5, and one otherwise."""
    assert plus_minus(0.41327, 0.00251) == "0.4133 ± 0.0025"
    assert plus_minus(12.404, 0.491) == "12.4 ± 0.5"
    assert plus_minus(107.76, 4.79) == "108 ± 5"
    assert plus_minus(55.0, 23.1) == "55 ± 23"
    assert plus_minus(1234.5, 120.0) == "1234 ± 120"
    assert plus_minus(2.0, 0.0) == "2"
    assert plus_minus(2.5, float("nan")) == "2.5"


def test_a_share_has_its_wilson_interval():
    """Wilson 1927: for 10 of 10 the lower end is 10 / (10 + z²) = 0.722, for 0 of 10 the upper one 0.278."""
    assert share([True] * 10) == "100 % [72, 100]"
    assert share([False] * 10) == "0 % [0, 28]"
    assert share(np.arange(1_000) < 500) == "50.0 % [46.9, 53.1]"
    assert share(np.arange(100) < 50) == "50 % [40, 60]"
    assert share(np.arange(10_000) < 2) == "0.020 % [0.005, 0.073]"
    assert share([]) == ""


def test_a_paragraph_is_wrapped_to_the_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    print_text("one two three four five six seven")
    assert capsys.readouterr().out == "one two three four\nfive six seven\n"
