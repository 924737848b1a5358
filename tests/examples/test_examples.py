"""Every example runs and gives the result that it is there to show."""

import re
from functools import partial

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction import Bundle
from interaction.examples import (
    coordination,
    decisions,
    delusions,
    pointing,
    population,
    recovery,
    sweep,
    teaching,
    theory_of_mind,
    tiger,
)
from interaction.users.diffusion import DiffusionUser
from tests.pictures import check_readable, words_of

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _figures_can_enter_a_paper():
    """Whatever figure an example draws."""
    yield
    try:
        for number in pyplot.get_fignums():
            check_readable(pyplot.figure(number))
    finally:
        pyplot.close("all")


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


def test_the_plot_draws_a_line_for_each_case_where_it_went():
    users = {"p0": np.array([1]), "p1": np.array([5]), "p2": np.array([7])}
    played = [(case, coordination.play(case, users, 0)) for case in coordination.make_cases(users)]
    figure = coordination.figure_of(played)
    axes = figure.axes[0]
    for line, (case, runs) in zip(axes.lines, played, strict=False):
        assert line.get_label() == case.name
        assert line.get_ydata().tolist() == runs["task_state.x"][0, : runs.lengths[0]].tolist()
    assert axes.get_ylim()[1] >= coordination.GOAL
    assert axes.get_xlabel() == "rounds played (log scale)"
    assert "mismatched model:\nstopped after 100" in words_of(figure)


def test_delusions_prints_the_reference(capsys):
    delusions.print_reference()
    shown = capsys.readouterr().out
    for line in (
        "5 4 5 5 5 5 3 5 5 5 4 5 5 5 5 5 3 5 5 5",
        "1 4 2 3 1 4 4 2 1 5 1 5 1 1 1 1 1 1 4 2",
        "5 1 5 5 5 5 5 5 5 5 1 5 4 5 3 4 5 5 5 5",
        "0.4913",
        "0.3368",
    ):
        assert line in shown
    for kind, chance in (("evidence", 0.4913043478), ("intervention", 0.3368421052)):
        model = delusions.SequenceModel(own_actions=kind)
        assert np.isclose(model.predict([(0, 1), (1, 0)])[0], chance, rtol=0, atol=1e-10)


def test_delusions_shows_what_becomes_of_the_imitators():
    played = delusions.play_all(400, seed=0, rounds=60, progress=False)
    expert, deluded, corrected = (
        (runs["task_state.arm"] == runs["task_state.best_arm"])[:, 30:].mean() for _, runs, _ in played
    )
    assert abs(corrected - expert) < 0.05
    assert deluded < expert - 0.2
    locked = [
        delusions.scores(belief[:, -1], runs["task_state.best_arm"][:, -1])[2].mean()
        for _, runs, belief in played[1:]
    ]
    assert locked[0] > 0.4
    assert locked[1] < 0.02
    figure = delusions.figure_of(played)
    deluded, corrected, reward = figure.axes
    for ax, (name, runs, belief) in zip((deluded, corrected), played[1:], strict=True):
        assert ax.get_title("left").endswith(name.capitalize())
        wrong = delusions.scores(belief, runs["task_state.best_arm"])[2].mean(axis=0)
        areas = ax.collections[-1].get_paths()[0].vertices[:, 1]
        assert np.isclose(areas.min(), 1 - wrong.max())
        assert ax.get_ylim() == (0, 1)
    assert [line.get_label() for line in reward.lines] == [name for name, _, _ in played]
    assert "95 % t interval, n = 400" in words_of(figure)
    assert "sure of a wrong arm" in words_of(figure)


def test_a_loss_that_is_seldom_above_zero_has_an_interval_above_it():
    """Twice a loss of 2 in 10,000: t's interval would reach below 0."""
    values = np.zeros(10_000)
    values[:2] = 2.0
    mean, low, high = map(float, re.findall(r"[\d.]+", delusions.told_loss(values)))
    assert 0 <= low < mean < high
    assert mean == 0.0004
    assert delusions.told_loss(np.zeros(5)) == "0"


def test_provenance_has_the_best_log_loss_at_every_share():
    for share in (0.0, 0.1, 0.5, 1.0):
        losses = {name: loss.mean() for name, loss in delusions.shared_control(share, 1500, seed=1).items()}
        assert losses["by provenance"] == min(losses.values())
    assert losses["by provenance"] == losses["all actions"]


def test_the_sequence_model_is_learnt_from_data():
    """Within four standard errors of what the two kinds of data converge to."""
    fitted = delusions.learn(4000, seed=0)
    for (name, found), limit in zip(
        fitted.items(), ((np.log(18), np.log(2)), (np.log(3), -np.log(3))), strict=True
    ):
        assert (np.abs(found.coefficients - limit) < 4 * found.errors).all(), name
    assert fitted["(a) demonstrations"].losses.mean() < fitted["(b) own histories, labelled"].losses.mean()


def test_the_delusions_demonstration_runs(capsys, tmp_path):
    file = tmp_path / "delusions.png"
    delusions.demo(episodes=60, seed=0, plot=file)
    assert file.read_bytes().startswith(b"\x89PNG")
    assert "its limit" in capsys.readouterr().out


def test_recovery_finds_the_published_confusions():
    """A smaller version: 25 users a model, 1,000 trials as published, for the strong inverse temperatures.

    Within 0.25 of the published diagonal: three standard errors of a share of 25.
    """
    found = recovery.which_model(1.0, 25, progress=False)
    assert np.abs(np.diag(found.confusion) - recovery.PUBLISHED[1.0]).max() < 0.25
    assert found.converged.all()


def test_recovery_finds_the_published_correlations():
    """r(α) within 0.04; ρ(β) is not below the published one, whose search starts once and may stop early."""
    found = recovery.which_parameters(300, progress=False)
    numbers = found.statistics()
    assert abs(numbers["learning_rate"]["correlation"] - 0.92) < 0.04
    assert numbers["inverse_temperature"]["rank_correlation"] > 0.84 - 0.04


def test_the_recovery_demonstration_runs(capsys, tmp_path, monkeypatch):
    for name in ("which_model", "which_parameters"):
        monkeypatch.setattr(recovery, name, partial(getattr(recovery, name), rounds=60))
    file = tmp_path / "recovery.png"
    recovery.demo(users=4, plot=file)
    assert file.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert "published" in shown
    assert "bits a round" in shown
    assert shown.count("3 of them are 75 % [30, 95]") == 2  # Wilson's interval of 3 of 4
    figure = pyplot.gcf()
    assert [ax.get_label() for ax in figure.axes] == list("abcdefg")
    told = words_of(figure)
    assert "fitted, by BIC" in told
    assert "_" not in told.replace("_{", "")


def test_pointing_by_information_gain_is_faster_and_the_gap_widens_with_the_grid():
    gaps = []
    for gridsize in (31, 101):
        played = pointing.play_all(gridsize, episodes=200, only=("information gain", "constant gain 1"))
        turns = [one.runs.lengths.mean() for one in played.values()]
        gaps.append(turns[1] - turns[0])
    assert 5 < gaps[0] < gaps[1]


def test_the_pointing_demonstration_runs(capsys, tmp_path):
    file = tmp_path / "pointing.png"
    pointing.demo(episodes=30, plot=file)
    figure = pyplot.figure(pyplot.get_fignums()[0])
    means, differences, belief, regret, overconfidence = (
        next(ax for ax in figure.axes if ax.get_label() == letter) for letter in "abcde"
    )
    names = [label.get_text() for label in means.get_yticklabels()]
    assert names == ["oracle", "information gain", "rollouts", "no assistant,\nor constant gain 1"]
    assert len(differences.collections[0].get_segments()) == 3
    assert len(belief.collections[0].get_segments()) == 2
    signed = overconfidence.images[0]
    assert signed.norm.vmin == -signed.norm.vmax
    assert signed.colorbar.ax.get_ylabel() == "overconfidence (probability)"
    assert regret.images[0].colorbar.ax.get_ylabel() == "user turns more than the oracle"
    for written in (file, tmp_path / "pointing-episode.png"):
        assert written.read_bytes().startswith(b"\x89PNG")
    shown = " ".join(capsys.readouterr().out.split())
    assert "User turns more than with an assistant who knows the goal" in shown
    assert "How much surer the assistant is of the goal than it is right" in shown


def test_the_tiger_demonstration_runs(capsys, tmp_path):
    """Its value at the belief 0.5 is that of the horizon 4 (see test_belief_tree)."""
    file = tmp_path / "tiger.png"
    tiger.demo(episodes=20, rounds=12, plot=file)
    assert file.read_bytes().startswith(b"\x89PNG")
    shown = " ".join(capsys.readouterr().out.split())
    assert "1.7955" in shown
    assert "0.07 to 0.93" in shown


def test_early_lessons_of_a_conservative_teacher_tell_more_about_memory(capsys, tmp_path):
    """In 40 rounds, .005 and .004 bits a round more, about two standard errors of each difference."""
    found = teaching.what_lessons_tell(300, progress=False)
    for told in found.values():
        assert told.verdict
    for name in teaching.PRIORS:
        assert found["conservative"].bits_per_round[name] > found["random"].bits_per_round[name]
    teaching.demo(learners=10, plot=tmp_path / "teaching.svg")
    assert "n = 10 learners" in words_of(pyplot.gcf())
    more, _ = teaching.difference(found)
    drawn = teaching.figure_of(found).axes[1].lines
    assert any(np.array_equal(line.get_xdata(), more) for line in drawn)
    assert "conservative" in capsys.readouterr().out


def test_the_decisions_demonstration_runs(capsys, tmp_path):
    """What it predicts is what such a user does: shares and medians of 20,000 right decisions."""
    file = tmp_path / "decisions.png"
    decisions.demo(decisions=80, plot=file)
    assert file.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("drift (1/√s)", "95 % interval", "converged"))
    runs = Bundle(decisions.TASK, DiffusionUser(**decisions.TRUE)).run(20_000, seed=1)
    strength, choice, time, answer = (
        np.asarray(runs[path]).ravel()
        for path in ("task_state.strength", "user_action.choice", "user_action.time", "task_state.answer")
    )
    for at in decisions.TASK.strengths:
        share, times = decisions.predicted(np.array([list(decisions.TRUE.values())]), at, right=True)
        here = strength == at
        assert abs((choice == answer)[here].mean() - share[0]) < 0.03  # four standard errors
        right = here & (choice == answer)
        assert np.allclose(np.quantile(time[right], decisions.QUANTILES), times[0], rtol=0.06)


def test_the_theory_of_mind_demonstration_runs(capsys, tmp_path):
    """With 22 cells "one of each" is made in the two whose middles lie between 41/92 and 51/92."""
    file = tmp_path / "theory_of_mind.png"
    theory_of_mind.demo(levels=2, depth=1, cells=22, plot=file)
    assert file.read_bytes().startswith(b"\x89PNG")
    shown = " ".join(capsys.readouterr().out.split())
    assert "0.6905" in shown
    assert "nowhere" in shown
    drawn = [one.get_text() for one in pyplot.gcf().axes[1].texts if "." in one.get_text()]
    assert len(drawn) == 2
    assert all(f" {worth} " in shown for worth in drawn)  # with the same digits
    middles = (np.arange(22) + 0.5) / 22
    inside = np.flatnonzero((middles > 41 / 92) & (middles < 51 / 92))
    assert f"{inside[0] / 22:.4f} to {(inside[-1] + 1) / 22:.4f}" in shown


def test_the_population_demonstration_tells_the_devices_apart(capsys, tmp_path):
    """The groups differ as they were simulated, and both are served better by an assistant that asks."""
    table, picture = tmp_path / "people.csv", tmp_path / "people.png"
    table.write_text(population.people_csv(people=8), encoding="utf-8")
    population.demo(data=table, plot=picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr().out
    assert "converged (population" in shown
    line = next(line for line in shown.splitlines() if "mouse - head pointer" in line)
    low, high = (
        float(part.strip("[],")) for part in line.split() if part.startswith("[") or part.endswith("]")
    )
    assert low < population.TRUE["mouse"][0] - population.TRUE["head pointer"][0] < high < 0


def test_assistants_that_are_not_told_apart_are_both_best():
    rng = np.random.default_rng(0)
    steps = rng.normal(10, 1, 200)
    same = steps + rng.normal(0.01, 1, 200)
    assert set(population.best_of({"none": steps + 5, "one": steps, "other": same})) == {"one", "other"}
    assert population.best_of({"none": steps + 5, "one": steps}) == ["one"]


def test_the_sweep_goes_on_where_it_was_stopped(capsys, tmp_path):
    pytest.importorskip("pyarrow")
    folder, picture = tmp_path / "results", tmp_path / "turns.png"
    sweep.demo(folder=folder, episodes=20, processes=0, plot=picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    first = capsys.readouterr().out
    files = sorted(folder.glob("chunks/*/*.parquet"))
    assert len({file.parent for file in files}) == 32
    kept, missing = files[::2], files[1::2]
    before = [file.stat().st_mtime_ns for file in kept]
    for file in missing:
        file.unlink()
    sweep.demo(folder=folder, episodes=20, processes=0)
    assert sorted(folder.glob("chunks/*/*.parquet")) == files
    assert [file.stat().st_mtime_ns for file in kept] == before
    again = capsys.readouterr().out
    assert again.splitlines()[-1] in first
    assert "turns saved" in first
    assert [line for line in first.splitlines() if "gain" in line] == [
        line for line in again.splitlines() if "gain" in line
    ]


def test_right_choices_of_the_sweep_are_those_of_the_pointing_example(tmp_path):
    bundle = sweep.make_bundle("gain", 0.3, 31)
    runs = bundle.run(100, seed=0, record=[sweep.WEIGHTS, "task_state.goal"])
    expected = pointing.first_choices(runs, sweep.THRESHOLD)
    np.testing.assert_array_equal(np.ma.filled(sweep.first_right(runs), np.nan), expected)
