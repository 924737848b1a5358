"""The console command lists and runs the demonstrations."""

import re
import runpy
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated

import pytest

from interaction.cli import main, run_demonstration
from interaction.errors import ArgumentError

DEMONSTRATIONS = {point.name: point for point in entry_points(group="interaction.demos")}
EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(
    file.stem for file in EXAMPLES.glob("*.py") if "__main__" in file.read_text(encoding="utf-8")
)


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["interaction", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code, capsys.readouterr()


def test_it_lists_the_demonstrations(monkeypatch, capsys):
    code, captured = run(monkeypatch, capsys, "demo", "--help")
    assert code == 0
    shown = " ".join(captured.out.replace("│", " ").split())
    for name in DEMONSTRATIONS:
        assert name in shown
    assert "because it simulates them" in shown


def test_it_runs_the_coordination_demonstration(monkeypatch, capsys):
    code, captured = run(monkeypatch, capsys, "demo", "coordination", "--episodes", "20", "--seed", "3")
    assert code == 0
    for word in (
        "matched model",
        "mismatched model",
        "rollouts",
        "inference from actions",
        "100 % [84, 100]",
    ):
        assert word in captured.out


def test_it_tells_its_version(monkeypatch, capsys):
    import interaction

    assert run(monkeypatch, capsys, "--version")[1].out.strip() == interaction.__version__


def test_a_wrong_number_is_a_short_error(monkeypatch, capsys):
    code, _ = run(monkeypatch, capsys, "demo", "coordination", "--episodes", "-1")
    assert "expected a number of episodes >= 0, got -1" in str(code)


def test_it_says_which_extra_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "typer", None)
    code, _ = run(monkeypatch, capsys, "version")
    assert "hci-interaction[terminal]" in str(code)


def test_it_prints_what_to_cite(monkeypatch, capsys):
    code, captured = run(monkeypatch, capsys, "cite", "FittsPointer")
    assert code == 0
    assert "https://doi.org/10.1037/h0055392" in captured.out
    assert "@software{interaction" in run(monkeypatch, capsys, "cite")[1].out
    assert "Did you mean FittsPointer" in str(run(monkeypatch, capsys, "cite", "FitsPointer")[0])


@pytest.mark.parametrize("names", [[], ["FittsPointer"]])
def test_what_to_cite_fits_into_the_terminal(monkeypatch, capsys, names):
    """All but BibTeX, which is to be copied."""
    monkeypatch.setenv("COLUMNS", "60")
    shown = run(monkeypatch, capsys, "cite", *names)[1].out
    assert max(len(line) for line in shown.splitlines() if not line.startswith("  ")) <= 60


@pytest.mark.parametrize("name", DEMONSTRATIONS)
def test_a_demonstration_says_what_it_teaches_and_how_long_it_takes(monkeypatch, capsys, name):
    """In one sentence, which it also prints first; and what each option is for."""
    first = " ".join(DEMONSTRATIONS[name].load().__doc__.split("\n\n")[0].split())
    assert re.fullmatch(r"[^.]*\((extra `(inference|sweeps)`; )?about \d+ (s|minutes)\)\.", first)
    monkeypatch.setenv("COLUMNS", "100")
    _, captured = run(monkeypatch, capsys, "demo", name, "--help")
    shown = " ".join(captured.out.replace("│", " ").split())
    assert first in shown
    options = re.findall(r"--([a-z-]+)", captured.out)
    assert {"help"} < set(options)
    for line in captured.out.splitlines():
        if re.match(r"│ +--", line):
            assert len(line.split()) > 4, f"no help: {line}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_example_without_the_extra_says_so_in_one_line(monkeypatch, capsys, name):
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.setattr(sys, "argv", [name])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert str(stop.value.code).startswith("interaction: the command line needs typer and rich")
    assert "hci-interaction[terminal]" in str(stop.value.code)
    assert "\n" not in str(stop.value.code)
    assert capsys.readouterr().out == ""


def shout(
    times: Annotated[int, "how often"] = 1, loud_voice: Annotated[bool, "as loud as can be"] = False
) -> None:
    """Say what is shouted (about 1 s).

    And more
    of it.
    """
    if times < 0:
        raise ArgumentError("shout: expected a number >= 0")
    print("HO" if loud_voice else "ho", times)


def test_a_function_is_a_program(monkeypatch, capsys):
    """Its first paragraph is printed first; an error of ours, or of a file, is one line."""

    def outcome(*words):
        monkeypatch.setattr(sys, "argv", ["shout", *words])
        with pytest.raises(SystemExit) as stop:
            run_demonstration(shout)
        return stop.value.code, capsys.readouterr().out

    assert outcome("--times", "2", "--loud-voice") == (0, "Say what is shouted (about 1 s).\nHO 2\n")
    assert outcome("--times=-1")[0] == "interaction: shout: expected a number >= 0"
    code, told = outcome("--help")
    assert code == 0
    assert "how often" in told
    assert "And more of it." in told
    assert "--no-loud-voice" not in told


def test_a_missing_file_is_a_short_error(monkeypatch, capsys):
    code, _ = run(monkeypatch, capsys, "demo", "population", "--data", "not-there.csv")
    assert "not-there.csv" in str(code)
