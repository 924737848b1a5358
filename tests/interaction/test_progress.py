"""Progress is told after a while: as a bar in a terminal, as a line a minute elsewhere."""

import io
import sys
import time

import pytest

from interaction import progress as module
from interaction.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def quick(monkeypatch):
    """Bars after 20 ms and lines every 50 ms, in place of seconds and minutes."""
    monkeypatch.setattr(module, "DRAWN", (0.02, 0.01))
    monkeypatch.setattr(module, "WRITTEN", 0.05)
    monkeypatch.setattr(Progress, "_left", float("-inf"))


def shown(monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def until(condition):
    """Wait for what has to come; fail where it does not."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_terminal_shows_a_bar_which_is_gone_at_the_end(monkeypatch, quick):
    terminal = shown(monkeypatch, Terminal())
    monkeypatch.setattr(module, "_width", lambda stream: 80)
    with Progress("fit", 40, unit="users") as progress:
        progress.update(10)
        until(lambda: "fit |" in terminal.getvalue())
    lines = terminal.getvalue().split("\r")
    assert "10 of 40 users" in lines[1]
    assert max(map(len, lines)) < 80  # it never wraps
    assert lines[-1] == ""
    assert lines[-2].isspace()
    assert "\n" not in terminal.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_a_bar_fits_into_the_terminal(monkeypatch, quick, width):
    terminal = shown(monkeypatch, Terminal())
    monkeypatch.setattr(module, "_width", lambda stream: width)
    with Progress("parameter recovery", 1_000, unit="users"):
        until(terminal.getvalue)
    assert max(map(len, terminal.getvalue().split("\r"))) < width


def test_a_terminal_that_does_not_know_its_width_has_the_usual_one(monkeypatch):
    monkeypatch.setattr(module.os, "get_terminal_size", lambda *_: module.os.terminal_size((0, 0)))
    monkeypatch.setattr(Terminal, "fileno", lambda self: 2)
    monkeypatch.setenv("COLUMNS", "80")
    assert module._width(Terminal()) == 80


def test_a_file_gets_whole_lines(monkeypatch, quick):
    file = shown(monkeypatch, io.StringIO())
    with Progress("fit", 40, unit="users") as progress:
        progress.update(10)
        until(lambda: file.getvalue().count("\n") >= 2)
    first, *_, last = file.getvalue().split("\n")
    assert first.startswith("fit: 25 %, 00:00 passed, 10 of 40 users, ")
    assert last == ""
    assert "\r" not in file.getvalue()


def test_many_short_computations_in_a_row_are_told_as_one(monkeypatch, quick):
    """None of them lasts as long as the time between two lines; all together do."""
    monkeypatch.setattr(module, "WRITTEN", 0.2)
    file = shown(monkeypatch, io.StringIO())

    def one():
        with Progress("fit", unit="replays"):
            time.sleep(0.02)
        return file.getvalue()

    until(one)
    assert file.getvalue().startswith("fit: 0 replays, ")


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_what_is_soon_done_and_what_is_not_asked_for_is_silent(monkeypatch, stream):
    where = shown(monkeypatch, stream())
    with Progress("fit", 40, unit="users") as progress:
        progress.update(40)
    monkeypatch.setattr(module, "DRAWN", (0.0, 0.01))
    with Progress("fit", 40, unit="users", shown=False):
        time.sleep(0.05)
    assert where.getvalue() == ""


def test_the_innermost_is_told_and_an_error_leaves_nothing_behind(monkeypatch, quick):
    terminal = shown(monkeypatch, Terminal())
    monkeypatch.setattr(module, "_width", lambda stream: 80)

    def broken():
        with Progress("outer", 2, unit="fits"):
            until(lambda: "outer" in terminal.getvalue())
            with Progress("inner"):
                until(lambda: "inner: 00:00 passed" in terminal.getvalue())
                so_far = len(terminal.getvalue())
                time.sleep(0.05)
                assert "outer" not in terminal.getvalue()[so_far:]
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert not Progress._open
    assert terminal.getvalue().endswith(" \r")


def test_without_a_standard_error_there_is_none(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with Progress("fit", 40, unit="users") as progress:
        progress.update()
