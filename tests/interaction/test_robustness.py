"""Robustness: a right model is calibrated, a wrong one costs."""

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction.assistants.pointing import ConstantGain, InformationGain, NoAssistant, OracleAssistant
from interaction.errors import ArgumentError, UnknownNameError
from interaction.studies.mismatch import robustness
from interaction.tasks.pointing import PointingTask
from interaction.users.pointing import CarefulPointer
from tests.pictures import check_readable

mpl.use("Agg")
TASK = PointingTask(31, 8, "position")
USERS = {f"{rate}": CarefulPointer(rate) for rate in (0.0, 0.3)}
FOUND = robustness(
    TASK,
    {"gain": lambda user: InformationGain(user, TASK, 0.9), "none": lambda _: NoAssistant(TASK)},
    USERS,
    USERS,
    oracle=OracleAssistant(TASK),
    episodes=600,
    progress=False,
)


def test_regret_is_never_negative_on_average_and_grows_with_error():
    regret = FOUND.regret.mean(axis=-1)
    assert FOUND.regret.shape == (2, 2, 2, 600)
    assert (regret >= 0).all()
    assert regret[0, 1, 0] > regret[0, 1, 1] > regret[0, 0, 0]


def test_a_right_model_is_calibrated_and_wrong_ones_are_not():
    """Overconfidence is 0 within three standard errors where the assumed user is the true one."""
    over = FOUND.overconfidence[0]
    mean, error = over.mean(axis=-1), over.std(axis=-1) / np.sqrt(600)
    assert (np.abs(np.diag(mean)) < 3 * np.diag(error)).all()
    assert mean[1, 0] > 5 * error[1, 0]  # sure of a user who errs
    assert mean[0, 1] < -5 * error[0, 1]  # wary of one who does not
    log_loss = FOUND.log_loss[0].mean(axis=-1)
    assert log_loss[1, 1] < log_loss[1, 0]
    assert log_loss[0, 0] < log_loss[0, 1]


def test_assistants_without_a_belief_have_no_calibration():
    assert np.isnan(FOUND.brier[1]).all()
    assert np.array_equal(FOUND.returns[1, :, 0], FOUND.returns[1, :, 1])


def test_the_table_and_the_plot_have_all_pairs():
    frame = FOUND.to_dataframe()
    assert len(frame) == 8
    assert frame.query("assistant == 'gain' and true_user == '0.3'").regret_error.notna().all()
    ax = FOUND.plot(value="overconfidence", assistant="gain")
    shown = [text.get_text() for text in ax.texts]
    assert sum("±" in text and "\n" in text for text in shown) == 4
    assert "mean and 95 % t interval, n = " in " ".join(shown)
    assert ax.get_title("left") == "Overconfidence of gain"
    colours = ax.images[0].norm
    assert colours.vmin == -colours.vmax  # zero is in the middle, and pale
    assert ax.images[0].colorbar.ax.get_ylabel() == "overconfidence (probability)"
    check_readable(ax.figure)
    assert FOUND.plot(value="brier", label="score").images[0].norm.vmin == 0
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0.0", "0.3"]
    pyplot.close("all")
    for bad in ({"value": "regrets"}, {"assistant": "gains"}):
        with pytest.raises(UnknownNameError):
            FOUND.plot(**bad)


def test_without_an_oracle_there_is_no_regret():
    found = robustness(TASK, {"none": lambda _: NoAssistant(TASK)}, USERS, USERS, episodes=3, progress=False)
    assert np.isnan(found.regret).all()
    assert (found.returns < 0).all()


def test_what_is_no_mapping_is_refused():
    with pytest.raises(ArgumentError, match="assistants: expected a mapping"):
        robustness(TASK, [ConstantGain()], USERS, USERS, oracle=OracleAssistant(TASK))
