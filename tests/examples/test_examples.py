"""Every example runs and gives the result that it is there to show."""

import numpy as np

from examples import coordination


def test_coordination_shows_the_four_cases(capsys, tmp_path):
    file = tmp_path / "coordination.png"
    coordination.demo(plot=file)
    assert file.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    for name, rounds, total, x in (
        ("matched model", 10, -19, 9),
        ("mismatched model", 100, -200, 1),
        ("rollouts", 10, -19, 9),
        ("inference from actions", 11, -21, 9),
    ):
        line = next(line for line in shown.splitlines() if f" {name} " in line)
        assert all(str(number) in line.split() for number in (rounds, total, x))


def test_coordination_reports_the_share_of_random_users(capsys):
    shares = coordination.many_users(300, seed=0, chunk=128)
    assert shares == {
        "matched model": 1.0,
        "mismatched model": 0.0,
        "rollouts": 1.0,
        "inference from actions": 1.0,
    }


def test_the_plot_draws_a_line_for_each_case(tmp_path):
    users = {"p0": np.array([1]), "p1": np.array([5]), "p2": np.array([7])}
    played = [(case, coordination.play(case, users, 0)) for case in coordination.make_cases(users)]
    axes = coordination.figure_of(played).axes[0]
    assert [line.get_label() for line in axes.lines[:4]] == [case.name for case, _ in played]
    assert axes.get_xlabel() == "rounds played"
