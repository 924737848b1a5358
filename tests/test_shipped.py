"""What is shipped can be kept in a file and played from it."""

import importlib
import inspect
import pkgutil

import pytest

from interaction import Assistant, InteractionTask, User
from tests.shipped import games, keep, play, played


def components(package):
    """Give the tasks, users and assistants that the modules of a package define."""
    home = importlib.import_module(f"interaction.{package}")
    for found in pkgutil.iter_modules(home.__path__, f"{home.__name__}."):
        for name, value in vars(importlib.import_module(found.name)).items():
            mine = inspect.isclass(value) and value.__module__ == found.name and not name.startswith("_")
            if mine and issubclass(value, InteractionTask | User | Assistant):
                yield value


@pytest.mark.parametrize("package", ["tasks", "users", "assistants"])
def test_each_component_has_a_game(package):
    shipped = set(components(package))
    playing = {type(part) for game in games() for part in (game.task, game.user, game.assistant)}
    assert len(shipped) > 8
    assert shipped <= playing, f"without a game in tests/shipped.py: {shipped - playing}"


def test_games_from_files_come_to_the_same(tmp_path):
    assert keep(tmp_path) == play(tmp_path) == len(games())


def test_a_game_that_comes_to_something_else_is_told(tmp_path, monkeypatch):
    keep(tmp_path)
    monkeypatch.setattr("tests.shipped.played", lambda game: [x + 1 for x in played(game)])
    with pytest.raises(SystemExit, match=r"00\.pickle: expected the returns"):
        play(tmp_path)
