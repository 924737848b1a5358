"""The README keeps what it promises; that its code runs, `tests/test_pages.py` says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_two_commands():
    commands = [line for line in README.splitlines() if line.startswith("python -m pip install")]
    assert len(commands) == 2


def test_the_coordination_game_has_twenty_lines():
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) <= 25


@pytest.mark.parametrize(
    "path", re.findall(r"`((?:interaction|tasks|users|assistants|benchmarks)/[\w/.]*)`", README)
)
def test_the_places_that_it_names_exist(path):
    assert (ROOT / path).exists()
