"""Assistants of pointing: beliefs by formula, choices by reckoning, and the published means."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction import Bundle, EpisodeRandom, State
from interaction.assistants.pointing import (
    ConstantGain,
    GoalInference,
    InformationGain,
    NoAssistant,
    OracleAssistant,
    RolloutAssistant,
)
from interaction.checks import check_agent
from interaction.errors import ArgumentError, ContractError
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.pointing import Pointing2DTask, PointingTask
from interaction.users.bandit import RandomUser
from interaction.users.pointing import CarefulPointer, FittsPointer, SatiatingPointer

mpl.use("Agg")
POSITION, GAIN = PointingTask(31, 8, "position"), PointingTask(31, 8, "gain")
SMALL, USER = PointingTask(9, 3, "position"), CarefulPointer(0.1)


@pytest.mark.parametrize(
    ("assistant", "task"),
    [
        (ConstantGain(2.0), PointingTask(9, 3)),
        (NoAssistant(SMALL), SMALL),
        (NoAssistant(PointingTask(9, 3)), PointingTask(9, 3)),
        (OracleAssistant(SMALL), SMALL),
        (OracleAssistant(PointingTask(9, 3)), PointingTask(9, 3)),
        (InformationGain(USER, SMALL), SMALL),
        (RolloutAssistant(USER, SMALL, horizon=5, samples=3), SMALL),
    ],
)
def test_assistants_of_pointing_conform(assistant, task):
    check_agent(assistant, task, USER)


def test_an_assistant_of_a_user_whose_state_changes_conforms():
    user = SatiatingPointer(0.1, 0.3)
    check_agent(InformationGain(user, SMALL), SMALL, user)


def turns(task, user, assistant, episodes=1_000):
    return Bundle(task, user, assistant, max_rounds=2_000).run(episodes, seed=0, record="final").lengths


def test_the_published_means_with_an_error_free_user():
    """3.28 and 11.76 rounds, each of 300 episodes: within two standard errors of the difference.

    Origin: CoopIHC 0.0.2, 31 cells, 8 targets, threshold 0.8.
    """
    user = CarefulPointer(0.0)
    for lengths, published in (
        (turns(POSITION, user, InformationGain(user, POSITION, 0.8)), 3.28),
        (turns(GAIN, user, ConstantGain(1.0)), 11.76),
    ):
        error = lengths.std() * np.sqrt(1 / 300 + 1 / 1_000)
        assert abs(lengths.mean() - published) < 2 * error


def test_the_means_with_a_user_who_errs():
    """3.65 ± 0.15 against 12.91 ± 0.6 user turns: an independent simulation, 10 targets, threshold 0.9."""
    user, task = CarefulPointer(0.05), PointingTask(31, 10, "position")
    assert abs(turns(task, user, InformationGain(user, task, 0.9)).mean() - 3.65) <= 0.15
    assert abs(turns(PointingTask(31, 10), user, ConstantGain(1.0)).mean() - 12.91) <= 0.6


def test_the_oracle_bounds_all_from_below():
    for assistant in (
        InformationGain(USER, POSITION),
        RolloutAssistant(USER, POSITION, samples=4),
        NoAssistant(POSITION),
    ):
        best = turns(POSITION, USER, OracleAssistant(POSITION), 100)
        assert (best == 2).all()
        assert (turns(POSITION, USER, assistant, 100) >= 1).all()
        assert turns(POSITION, USER, assistant, 100).mean() > best.mean()


def test_both_tasks_are_the_same_without_help():
    first, second = turns(POSITION, USER, NoAssistant(POSITION)), turns(GAIN, USER, NoAssistant(GAIN))
    assert np.array_equal(first, second)
    assert np.array_equal(first, turns(GAIN, USER, ConstantGain(1.0)))


def test_the_posterior_after_noisy_steps_is_the_binomial_formula():
    """After k steps to the right of n: odds of a goal on the right, ((1 − ε)/ε)^(2k − n)."""
    belief = GoalInference(CarefulPointer(0.1), PointingTask(9, 2, "position"))
    for rows in (None, 3):
        rng = EpisodeRandom(0, episodes=None if rows is None else np.arange(rows))
        state = belief.initial(rng)
        steps = [1, 1, -1, 1]
        for number, step in enumerate(steps):
            targets = np.array([1, 7])
            shown = State(
                position=4, targets=targets if rows is None else np.broadcast_to(targets, (rows, 2))
            )
            seen = State(
                round_index=number,
                task_state=shown,
                previous_task_state=shown,
                user_action=step,
                provenance=1,
            )
            state = belief.update(state, seen, rng.at(number, 5))
        odds = (0.9 / 0.1) ** (2 * 3 - 4)
        weights = np.exp(state.log_weights)
        assert np.allclose(weights[..., 1], odds / (1 + odds))


def test_the_assistant_does_not_see_the_goal():
    bundle = Bundle(SMALL, USER, InformationGain(USER, SMALL))
    bundle.reset(seed=0)
    step = bundle.step()
    assert "goal" not in step.game.assistant_observation.task_state
    assert "goal" in step.game.user_observation.task_state


def test_a_belief_is_drawn_as_bars_over_the_targets():
    bundle = Bundle(SMALL, USER, InformationGain(USER, SMALL))
    bundle.reset(seed=1)
    game = bundle.step().game
    ax = bundle.assistant.plot(game)
    assert np.isclose(sum(bar.get_height() for bar in ax.patches), 1)
    labels = [int(label.get_text()) for label in ax.get_xticklabels()]
    assert labels == game.task_state.targets.tolist()
    pyplot.close("all")


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: InformationGain(USER, POSITION, 0.0), ArgumentError, r"threshold.*\(0, 1\]"),
        (lambda: InformationGain(USER, POSITION, 1.2), ArgumentError, "threshold"),
        (lambda: InformationGain(USER, GAIN), ArgumentError, "needs mode='position'"),
        (lambda: RolloutAssistant(USER, GAIN), ArgumentError, "RolloutAssistant.*mode='position'"),
        (lambda: RolloutAssistant(USER, POSITION, samples=0), ArgumentError, "samples"),
        (lambda: RolloutAssistant(USER, POSITION, horizon=0), ArgumentError, "horizon"),
        (lambda: ConstantGain(float("inf")), ArgumentError, "finite gain"),
        (lambda: ConstantGain("2"), ArgumentError, "finite gain"),
        (lambda: InformationGain(FittsPointer(), POSITION), ContractError, "must define log_prob"),
        (lambda: InformationGain(RandomUser(), MultiArmedBanditTask()), ContractError, "has a goal"),
        (lambda: NoAssistant(Pointing2DTask()), ContractError, "task on a grid"),
    ],
)
def test_bad_assistants_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
