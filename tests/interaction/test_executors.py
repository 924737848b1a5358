"""Studies give the same numbers, whoever computes them."""

from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from interaction import State, User
from interaction.assistants.pointing import ConstantGain, InformationGain, OracleAssistant
from interaction.errors import ArgumentError
from interaction.studies import calibration, model_recovery, parameter_recovery, robustness
from interaction.tasks import bandit
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.looking import LookingTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import RandomUser, RescorlaWagnerUser, WinStayLoseShiftUser
from interaction.users.looking import NoisyEye
from interaction.users.pointing import CarefulPointer
from tests.interaction.sweeps.small import pool

TASK, UNIT = MultiArmedBanditTask([0.2, 0.8]), stats.uniform(0, 1)
LEARNER = {"learning_rate": UNIT, "inverse_temperature": stats.expon(0, 3)}
USERS = {"random": (RandomUser(), {"bias": UNIT}), "learns": (RescorlaWagnerUser(), LEARNER)}


@pytest.fixture(scope="module")
def workers():
    with pool(2) as executor:
        yield executor


def assert_same(one, other):
    """Compare two results field by field, to the bit."""
    for field in fields(one):
        _same(getattr(one, field.name), getattr(other, field.name), field.name)


def _same(mine, theirs, name):
    if isinstance(mine, dict):
        assert mine.keys() == theirs.keys()
        for key in mine:
            _same(mine[key], theirs[key], f"{name}[{key!r}]")
    elif isinstance(mine, tuple):
        for number, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            _same(one, other, f"{name}[{number}]")
    else:
        np.testing.assert_array_equal(mine, theirs, name)


@pytest.mark.parametrize("method", ["grid", "particles", "maximum_likelihood"])
def test_parameter_recovery(workers, method):
    given = (TASK, RescorlaWagnerUser(), LEARNER, 21, 30)
    options = {"method": method, "draws": 200, "seed": 3, "progress": False}
    assert_same(
        parameter_recovery(*given, **options), parameter_recovery(*given, **options, executor=workers)
    )


def test_parameter_recovery_at_cliffs(workers):
    """Users who never lapse make some values impossible: their searches go on around the best points."""
    given = (TASK, WinStayLoseShiftUser(), {"epsilon": UNIT}, 15, 6)
    options = {"method": "maximum_likelihood", "seed": 1, "progress": False}
    assert_same(
        parameter_recovery(*given, **options), parameter_recovery(*given, **options, executor=workers)
    )


@pytest.mark.parametrize("criterion", ["bic", "marginal_likelihood"])
def test_model_recovery(workers, criterion):
    options = {"criterion": criterion, "draws": 50, "seed": 2, "progress": False}
    one = model_recovery(TASK, USERS, 9, 25, **options)
    assert_same(one, model_recovery(TASK, USERS, 9, 25, **options, executor=workers))


def test_users_who_draw_while_they_look(workers):
    """Their likelihood is estimated by draws of its own, which are the same wherever it is."""
    priors = {"noise": stats.uniform(0, 0.3)}
    options = {"method": "particles", "draws": 40, "inner": 20, "seed": 6, "progress": False}
    given = (LookingTask(), NoisyEye(), priors, 9, 10)
    assert_same(
        parameter_recovery(*given, **options), parameter_recovery(*given, **options, executor=workers)
    )
    users = {"eye": (NoisyEye(), priors), "other eye": (NoisyEye(), {"noise": stats.uniform(0, 0.1)})}
    options = {"criterion": "marginal_likelihood", "draws": 40, "inner": 20, "seed": 6, "progress": False}
    one = model_recovery(LookingTask(), users, 5, 8, **options)
    assert_same(one, model_recovery(LookingTask(), users, 5, 8, **options, executor=workers))


@pytest.mark.parametrize("method", ["grid", "particles"])
def test_calibration(workers, method):
    given = (TASK, WinStayLoseShiftUser(), {"epsilon": UNIT}, 25, 10)
    options = {"method": method, "bins": 5, "seed": 4, "progress": False}
    assert_same(calibration(*given, **options), calibration(*given, **options, executor=workers))


@pytest.mark.parametrize("oracle", [True, False])
def test_robustness(workers, oracle):
    task = PointingTask(15, 4, "position")
    users = {"sure": CarefulPointer(0.02), "errs": CarefulPointer(0.25)}
    assistants = {
        "asks": lambda user: InformationGain(user, task),
        "waits": lambda user: OracleAssistant(task),
    }
    options = {
        "episodes": 30,
        "max_rounds": 60,
        "oracle": OracleAssistant(task) if oracle else None,
        "progress": False,
    }
    one = robustness(task, assistants, users, users, **options)
    assert_same(one, robustness(task, assistants, users, users, **options, executor=workers))


def test_what_a_component_raises_is_raised(workers):
    task, users = PointingTask(15, 4, "gain"), {"sure": CarefulPointer(0.02)}
    wrong = User(policy=CarefulPointer().policy, state=State(nothing=0))
    with pytest.raises(Exception, match="error_rate"):
        robustness(
            task,
            {"gain": lambda user: ConstantGain(1.0)},
            {"wrong": wrong},
            users,
            episodes=3,
            progress=False,
            executor=workers,
        )


def test_what_is_no_executor_is_refused():
    with pytest.raises(ArgumentError, match="calibration: executor: expected"):
        calibration(TASK, RandomUser(), {"bias": UNIT}, 25, 5, bins=5, executor="loky", progress=False)


def test_a_value_that_was_set_in_this_process_alone_is_an_error(monkeypatch):
    given = (TASK, RescorlaWagnerUser(), LEARNER, 10, 10)
    task, other = PointingTask(31, 8, "position"), {"careful": CarefulPointer(0.1)}
    makes = {"gain": lambda user: InformationGain(user, task)}
    with pool(1) as worker:  # which loads some modules later than others
        robustness(task, makes, other, other, episodes=5, progress=False, executor=worker)
        calibration(*given, bins=2, progress=False, executor=worker)
        monkeypatch.setattr(bandit, "USER_ACTS", 5)
        with pytest.raises(ArgumentError, match=r"tasks\.bandit\.USER_ACTS: 5 there, 1 here"):
            calibration(*given, bins=2, progress=False, executor=worker)
