"""The circle: people play through the server, are fitted, and meet the assistant that serves them best."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

pytest.importorskip("starlette", reason="starlette is not installed (extra `people`)", exc_type=ImportError)
pytest.importorskip(
    "arviz_base", reason="arviz-base is not installed (extra `inference`)", exc_type=ImportError
)

from interaction import Bundle
from interaction.examples import people
from interaction.plots import interval
from interaction.users.pointing import CarefulPointer
from tests.pictures import check_readable, words_of

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _figures_can_enter_a_paper():
    yield
    try:
        for number in pyplot.get_fignums():
            check_readable(pyplot.figure(number))
    finally:
        pyplot.close("all")


def test_through_the_server_people_do_what_they_do_in_process():
    study = people.study_of(episodes=2)
    served, beside = (people.play(study, 3, seed=4, served=one, progress=False) for one in (True, False))
    clocks = ["time", "noted"]
    assert len(served) > 10
    assert served.drop(columns=clocks).equals(beside.drop(columns=clocks))


def test_the_true_rates_are_those_of_who_played():
    """Each person's games are those of a pointer with this rate, under the seed of their session."""
    study = people.study_of(episodes=2)
    rounds = people.play(study, 3, seed=4, served=False, progress=False)
    true = people.true_rates(study, 3, seed=4)
    assert len(set(true)) == 3
    assert ((true > 0) & (true < people.HIGHEST)).all()
    for person, rate in enumerate(true):
        bundle = Bundle(people.TASK, CarefulPointer(float(rate)), max_rounds=200)
        runs = bundle.run([1, 2], seed=study.seed_of(person))
        did = rounds[rounds.participant == person].user_action.to_numpy()
        games = zip(runs["user_action"], runs.lengths, strict=True)
        assert np.array_equal(did, np.concatenate([actions[:length] for actions, length in games]))


def test_steps_are_those_of_a_persons_games_on_average():
    rounds = people.play(people.study_of(episodes=2), 2, seed=4, served=False, progress=False)
    found = people.steps_of(rounds)
    assert found.shape == (2,)
    assert found.sum() * 2 == len(rounds)


@pytest.mark.parametrize("seed", [0, 1])
def test_rates_of_slips_are_recovered(seed):
    """r > .9 with 60 people and ten targets each; and nine of ten 90 % intervals hold what is true."""
    study = people.study_of(episodes=10, seed=seed)
    tree = people.fit_people(people.play(study, 60, seed, served=False, progress=False), seed, progress=False)
    true = people.true_rates(study, 60, seed)
    mean, low, high = people.rates_of(tree)
    assert tree.attrs["converged"]
    assert np.corrcoef(true, mean)[0, 1] > 0.9
    assert ((low <= true) & (true <= high)).mean() > 0.9 - 3 * np.sqrt(0.9 * 0.1 / 60)
    people.figure_of_people(tree, true)


def test_the_circle_closes(capsys, tmp_path):
    """A small one: what is predicted of the best assistant is what the next participants need: 4 s.e."""
    people.demo(people=12, episodes=4, seeds=2, plot=tmp_path / "circle.png")
    for name in ("people", "assistants"):
        assert (tmp_path / f"circle-{name}.png").read_bytes().startswith(b"\x89PNG")
    shown = " ".join(capsys.readouterr().out.split())
    assert "server" in shown
    assert "in process" in shown
    told = shown[shown.index("12 new participants") :]
    found, predicted = (told.partition(word)[2].split() for word in ("server: ", "where "))
    gap, halves = float(found[0]) - float(predicted[0]), (float(found[2]), float(predicted[2]))
    assert abs(gap) < 2 * np.hypot(*halves)


def test_the_best_assistant_is_the_one_of_the_fewest_steps():
    study = people.study_of(episodes=3)
    tree = people.fit_people(people.play(study, 8, 0, served=False, progress=False), progress=False)
    assistants = people.assistants_for(tree)
    runs = people.try_out(tree, assistants, 200, progress=False)
    means = {name: interval(run.lengths)[0] for name, run in runs.items()}
    best = people.best_of(runs)
    assert means[best] == min(means.values())
    assert best not in ("none", "trusting")
    drawn = people.figure_of_assistants(runs, np.array([4.0, 5.0, 4.5]))
    assert "3 new participants" in words_of(drawn)
    assert "n = 200 pairs" in words_of(drawn)
