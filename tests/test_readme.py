"""What the README tells a newcomer to paste runs as it stands."""

import importlib
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_two_commands():
    commands = [line for line in README.splitlines() if line.startswith("python -m pip install")]
    assert len(commands) == 2


def run_pasted(code, tmp_path, capsys, monkeypatch):
    file = tmp_path / "pasted.py"
    file.write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pasted", raising=False)
    importlib.import_module("pasted")
    return capsys.readouterr().out


def test_the_coordination_game_in_twenty_lines(tmp_path, capsys, monkeypatch):
    shown = run_pasted(BLOCKS[0] + BLOCKS[1], tmp_path, capsys, monkeypatch)
    assert "[0. 0. 0. 1. 0. 0. 0. 0. 0. 0.]" in shown
    assert "x = 9 after 10 rounds" in shown
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 25


def test_a_user_and_an_assistant_of_ones_own(tmp_path, capsys, monkeypatch):
    assert "500 episode" in run_pasted(BLOCKS[2], tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize(
    "path", re.findall(r"`((?:interaction|tasks|users|assistants|benchmarks)/[\w/.]*)`", README)
)
def test_the_places_that_it_names_exist(path):
    assert (ROOT / path).exists()
