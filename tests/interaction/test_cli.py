"""The console command lists and runs the demonstrations."""

import sys

import pytest

from interaction.cli import main


def run(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["interaction", *words])
    with pytest.raises(SystemExit) as stop:
        main()
    return stop.value.code, capsys.readouterr()


def test_it_lists_the_demonstrations(monkeypatch, capsys):
    code, captured = run(monkeypatch, capsys, "demo", "--help")
    assert code == 0
    assert "coordination" in captured.out


def test_it_runs_the_coordination_demonstration(monkeypatch, capsys):
    code, captured = run(monkeypatch, capsys, "demo", "coordination", "--episodes", "20", "--seed", "3")
    assert code == 0
    for word in ("matched model", "mismatched model", "rollouts", "inference from actions", "100.0%"):
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
