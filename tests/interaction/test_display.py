"""Tables are readable at a glance, with rich and without it."""

import io
import sys

import numpy as np
import pytest
from rich.console import Console

from interaction import Bundle, State
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.display import print_table, show
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
    assert plain == "Title\na  b\n-  -\n1  2\n"
    with pytest.raises(MissingExtraError, match=r"hci-interaction\[terminal\]"):
        State(x=1).__rich__()
