"""Studies of users who play with an assistant, and several episodes each."""

import numpy as np
import pytest
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InteractionTask,
    RandomPolicy,
    State,
    Transition,
    Trials,
    calibration,
    fit,
    model_recovery,
    parameter_recovery,
    sensitivity,
    spaces,
)
from interaction.assistants.pointing import InformationGain
from interaction.assistants.teaching import ConservativeTeacher, RandomTeacher
from interaction.errors import AmbiguityWarning, ArgumentError, NoEffectError
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.logged import read_table
from interaction.fitting.observed import simulate
from interaction.studies.design import Design
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.pointing import PointingTask
from interaction.tasks.teaching import TeachingTask
from interaction.users.bandit import RandomUser
from interaction.users.pointing import CarefulPointer
from interaction.users.teaching import ForgettingLearner

MEMORY = {"forgetting": stats.gamma(2, scale=0.05), "repetition": stats.uniform(0, 1)}
POINTING = PointingTask(mode="position")
HELPER = InformationGain(CarefulPointer(0.1), POINTING)
RANDOM = Assistant(policy=RandomPolicy(POINTING.state_space["position"]))
ERRORS = {"error_rate": stats.uniform(0, 0.5)}
QUIET = {"progress": False}


def test_the_likelihood_of_a_learner_and_its_teacher_is_that_written_out():
    values = {"forgetting": np.array([0.1, 0.02]), "repetition": np.array([0.2, 0.6])}
    observed = simulate(
        TeachingTask(5), ForgettingLearner(), values, 30, 3, assistant=RandomTeacher(5), episodes=2
    )
    assert observed.user.tolist() == [0, 0, 1, 1]
    assert observed.labels.tolist() == [0, 1, 2, 3]
    expected = np.zeros(2)
    for episode in range(4):
        user = episode // 2
        shown, last, item = [0] * 5, [0] * 5, None
        for t in range(30):
            p = 0.0
            if item is not None and shown[item]:
                slower = (1 - values["repetition"][user]) ** (shown[item] - 1)
                p = np.exp(-values["forgetting"][user] * slower * (t - last[item]))
            answer = observed.user_actions[""][t, episode]
            expected[user] += np.log(p if answer else 1 - p)
            if item is not None:
                shown[item], last[item] = shown[item] + 1, t
            item = observed.assistant_actions[""][t, episode]
    likelihood = Likelihood(TeachingTask(5), ForgettingLearner(), observed)
    assert np.allclose(
        likelihood.total({name: array[:, None] for name, array in values.items()})[:, 0], expected
    )


@pytest.mark.parametrize(
    ("task", "user", "assistant", "values"),
    [
        (TeachingTask(), ForgettingLearner(), ConservativeTeacher(), {"forgetting": [0.1, 0.02, 0.3]}),
        (POINTING, CarefulPointer(), HELPER, {"error_rate": [0.02, 0.2, 0.4]}),
        (Trials(POINTING, 3), CarefulPointer(), RANDOM, {"error_rate": [0.02, 0.2, 0.4]}),
    ],
    ids=["teaching", "pointing", "trials"],
)
def test_what_is_simulated_is_what_would_be_read_from_a_log(task, user, assistant, values):
    """The rows of the same run, read and replayed: the same likelihood for all candidates."""
    (name, true), episodes = next(iter(values.items())), 2
    observed = simulate(task, user, {name: np.array(true)}, 20, 5, assistant=assistant, episodes=episodes)
    start = {f"user_state.{name}": np.repeat(true, episodes)}
    runs = Bundle(task, user, assistant, max_rounds=20).run(6, seed=5, start=start)
    read = read_table(task, user, runs, assistant.policy.action_space, users="episode")
    candidates = {name: np.tile([0.05, 0.1, 0.3], (6, 1))}
    by_episode = Likelihood(task, user, read).total(candidates)
    played = Likelihood(task, user, observed).total({name: candidates[name][:3]})
    assert np.allclose(played, by_episode.reshape(3, episodes, 3).sum(axis=1), rtol=1e-12)
    for path, array in read.previous_states.items():
        going = np.arange(observed.rounds)[:, None] < observed.lengths
        assert np.array_equal(observed.previous_states[path][: len(array)][going], array[going]), path


def test_the_error_rate_of_a_pointer_is_known_from_forty_games_with_the_assistant():
    """One game tells little; r is above .95 from forty, and the intervals cover."""
    one = parameter_recovery(POINTING, CarefulPointer(), ERRORS, 40, 60, assistant=HELPER, **QUIET)
    forty = parameter_recovery(
        POINTING, CarefulPointer(), ERRORS, 40, 60, assistant=HELPER, episodes=40, **QUIET
    )
    assert np.array_equal(one.true["error_rate"], forty.true["error_rate"])
    assert forty.statistics()["error_rate"]["correlation"] > 0.95
    assert forty.statistics()["error_rate"]["rmse"] < one.statistics()["error_rate"]["rmse"] / 2
    assert forty.verdict


@pytest.mark.parametrize("teacher", [RandomTeacher(), ConservativeTeacher()])
def test_a_learner_is_recovered_from_what_its_teacher_showed(teacher):
    found = parameter_recovery(
        TeachingTask(), ForgettingLearner(), MEMORY, 60, 100, assistant=teacher, **QUIET
    )
    assert found.verdict
    assert not found.alone
    effects = sensitivity(TeachingTask(), ForgettingLearner(), MEMORY, 60, 60, assistant=teacher, **QUIET)
    assert effects.verdict
    assert (np.array(list(effects.bits_per_round.values())) > 0.005).all()


def test_posteriors_with_an_assistant_are_calibrated():
    found = calibration(POINTING, CarefulPointer(), ERRORS, 200, 30, assistant=HELPER, episodes=3, **QUIET)
    assert found.verdict


def test_models_are_told_apart_with_an_assistant():
    """A learner whose repetitions do nothing, and one whose first repetition takes half of the forgetting."""
    users = {
        "no effect": (ForgettingLearner(repetition=0.0), {"forgetting": stats.gamma(4, scale=0.03)}),
        "effect": (ForgettingLearner(repetition=0.5), {"forgetting": stats.gamma(4, scale=0.03)}),
    }
    for criterion in ("bic", "marginal_likelihood"):
        found = model_recovery(
            TeachingTask(), users, 30, 60, criterion=criterion, assistant=RandomTeacher(), episodes=2, **QUIET
        )
        assert (np.diag(found.confusion) > 0.85).all()
        assert found.verdict


def test_bits_of_two_episodes_are_those_of_twice_the_rounds():
    """Choices of a random user are independent: it does not matter how they are cut into episodes."""
    task, user, priors = MultiArmedBanditTask(), RandomUser(), {"bias": stats.uniform()}
    one = sensitivity(task, user, priors, 400, 20, **QUIET)
    two = sensitivity(task, user, priors, 400, 10, episodes=2, **QUIET)
    error = np.hypot(one.standard_error["bias"], two.standard_error["bias"])
    assert abs(one.bits_per_round["bias"] - two.bits_per_round["bias"]) < 3 * error


def test_users_stay_the_same_when_there_are_more_of_them():
    design = Design(POINTING, HELPER, 3, 20, 0)
    rates = np.array([0.1, 0.2, 0.3])
    many = design.play(CarefulPointer(), {"error_rate": rates}).observed
    last = design.play(CarefulPointer(), {"error_rate": rates[2:]}, first=2).observed
    assert np.array_equal(many.lengths[6:], last.lengths)
    rounds = last.rounds
    assert np.array_equal(many.user_actions[""][:rounds, 6:], last.user_actions[""])


# Without the assistant that the task has a part for.


def test_a_learner_without_its_teacher_is_not_said_to_do_nothing():
    with (
        pytest.warns(AmbiguityWarning, match="played WITHOUT an assistant, though TeachingTask defines"),
        pytest.raises(
            NoEffectError,
            match=r"forgetting, repetition of ForgettingLearner changes nothing.*It was played WITHOUT an "
            r"assistant.*give assistant=",
        ),
    ):
        sensitivity(TeachingTask(), ForgettingLearner(), MEMORY, 10, 20, **QUIET)


class Lamp(InteractionTask):
    """The assistant switches a lamp; whether the user presses does not change anything."""

    def reset(self, rng):
        return State(on=0)

    def on_user_action(self, game, rng):
        return Transition(game.task_state)

    def on_assistant_action(self, game, rng):
        return Transition(State(on=game.assistant_action))


SWITCH = Assistant(policy=RandomPolicy(spaces.Discrete(2)))


@pytest.mark.parametrize("study", [parameter_recovery, calibration, sensitivity])
@pytest.mark.parametrize("task", [Lamp(), Trials(Lamp(), 2)])
def test_a_verdict_begins_with_what_was_missing(study, task):
    """A user who presses at random can be studied without the assistant, but it is said where it passes."""
    with pytest.warns(AmbiguityWarning, match=rf"^{study.__name__}: played WITHOUT an assistant"):
        found = study(task, RandomUser(), {"bias": stats.uniform()}, 100, 20, **QUIET)
    assert found.verdict
    assert "Lamp defines on_assistant_action" in found.verdict.reasons[0]
    helped = study(task, RandomUser(), {"bias": stats.uniform()}, 100, 20, assistant=SWITCH, **QUIET)
    assert "WITHOUT" not in str(helped.verdict)


def test_a_task_that_asks_whether_there_is_an_assistant_may_be_played_alone():
    """Pointing and bandits do; nothing is said of them (warnings are errors in these tests)."""
    found = parameter_recovery(POINTING, CarefulPointer(), ERRORS, 20, 20, **QUIET)
    assert found.alone == ""


def test_models_without_the_assistant_are_told_so_once():
    users = {"a": (RandomUser(), {"bias": stats.uniform()}), "b": (RandomUser(), {"bias": stats.uniform()})}
    with pytest.warns(AmbiguityWarning) as told:
        found = model_recovery(Lamp(), users, 5, 20, **QUIET)
    assert len(told) == 1
    assert found.alone


@pytest.mark.parametrize("study", [parameter_recovery, calibration, sensitivity])
def test_what_is_no_assistant_is_refused(study):
    with pytest.raises(ArgumentError, match=f"{study.__name__}: assistant: expected an Assistant, got"):
        study(POINTING, CarefulPointer(), ERRORS, assistant=CarefulPointer(), **QUIET)
    with pytest.raises(ArgumentError, match=f"{study.__name__}: episodes: expected a number >= 1, got 0"):
        study(POINTING, CarefulPointer(), ERRORS, assistant=HELPER, episodes=0, **QUIET)


class Always(DeterministicPolicy):
    """Before it has acted, its last action stands for 3."""

    action_space = spaces.Discrete(20)
    first_action = 3

    def action(self, observation, state):
        return 5


def test_the_action_before_the_first_one_is_the_assistants_own():
    observed = simulate(
        TeachingTask(),
        ForgettingLearner(),
        {"forgetting": np.array([0.1])},
        4,
        0,
        assistant=Assistant(policy=Always()),
    )
    assert observed.starts["assistant_action"].tolist() == [3]


def test_a_run_with_a_teacher_is_fitted_as_it_was_logged():
    learner = ForgettingLearner(0.08, 0.4)
    runs = Bundle(TeachingTask(), learner, RandomTeacher(), max_rounds=200).run(5, seed=1)
    tree = fit(
        TeachingTask(), learner, runs, MEMORY, assistant_action_space=spaces.Discrete(20), draws=100, **QUIET
    )
    assert tree.attrs["converged"]
    for name, true in (("forgetting", 0.08), ("repetition", 0.4)):
        mean, sd = (float(tree.summary[name].sel(statistic=key)) for key in ("mean", "sd"))
        assert abs(mean - true) < 3 * sd
        assert sd < 0.1


def asks(game):
    return game.assistant_action is None


class Asking(Lamp):
    """Finds out by its own method whether there is an assistant."""

    def on_user_action(self, game, rng):
        return Transition(game.task_state, terminated=self._over(game))

    def _over(self, game):
        return game.assistant_action is None and game.round_index > 1_000


class AskingElsewhere(Lamp):
    """Finds out by a function."""

    def on_user_action(self, game, rng):
        return Transition(game.task_state, reward=1.0 if asks(game) else 0.0)


class AskingBelow(Lamp):
    """Finds out by what it inherits."""

    def on_user_action(self, game, rng):
        return super().on_user_action(game, rng)


class Between(AskingBelow, AskingElsewhere):
    """Inherits in a row."""


class Around(InteractionTask):
    """Plays another task, which finds out."""

    def __init__(self, inner):
        self.inner = inner

    def reset(self, rng):
        return self.inner.reset(rng)

    def on_user_action(self, game, rng):
        return self.inner.on_user_action(game, rng)

    def on_assistant_action(self, game, rng):
        return self.inner.on_assistant_action(game, rng)


@pytest.mark.parametrize(
    "task", [Asking(), AskingElsewhere(), Between(), Around(Asking()), Trials(Asking(), 2)]
)
def test_a_task_may_ask_for_its_assistant_in_what_it_calls(task):
    design = Design(task, None, 1, 5, 0)
    assert design.alone == ""


@pytest.mark.parametrize("task", [Lamp(), AskingBelow(), Around(Lamp()), Trials(Lamp(), 2)])
def test_a_task_that_asks_nowhere_is_told_of(task):
    assert "defines on_assistant_action" in Design(task, None, 1, 5, 0).alone


def test_a_table_without_what_the_assistant_did_is_refused_before_anything_is_computed():
    learner = ForgettingLearner(0.08, 0.4)
    runs = Bundle(TeachingTask(), learner, ConservativeTeacher(), max_rounds=30).run(1, seed=1)
    table = runs.to_dataframe()[["episode", "round", "user_action"]]
    told = (
        r"fit: the data is of TeachingTask, which defines on_assistant_action, but no assistant_action: give "
        r"these columns, and assistant_action_space.*or say alone=True"
    )
    with pytest.raises(ArgumentError, match=told):
        fit(TeachingTask(), learner, table, MEMORY, **QUIET)
    part = Bundle(TeachingTask(), learner, ConservativeTeacher(), max_rounds=30).run(
        1, seed=1, record=["user_action", "task_state"]
    )
    with pytest.raises(ArgumentError, match=r"fit: the data has start\.assistant_state|fit: the data is of"):
        fit(TeachingTask(), learner, part, MEMORY, **QUIET)
    with pytest.raises(ArgumentError, match="alone=True and assistant_action_space were given"):
        fit(TeachingTask(), learner, table, MEMORY, assistant_action_space=spaces.Discrete(20), alone=True)


def test_a_run_of_an_assistant_whose_actions_were_not_recorded_is_refused():
    """Pointing may be played alone; that it was not shows in what the run began with."""
    bundle = Bundle(POINTING, CarefulPointer(0.1), HELPER, max_rounds=30)
    runs = bundle.run(1, seed=0, record=["user_action", "task_state"])
    with pytest.raises(ArgumentError, match=r"has assistant_state\.belief.* but no assistant_action"):
        fit(POINTING, CarefulPointer(), runs, ERRORS, **QUIET)


def test_who_played_alone_says_so():
    runs = Bundle(Lamp(), RandomUser(0.3), max_rounds=50).run(1, seed=2)
    with pytest.raises(ArgumentError, match="say alone=True"):
        fit(Lamp(), RandomUser(), runs, {"bias": stats.uniform()}, **QUIET)
    tree = fit(Lamp(), RandomUser(), runs, {"bias": stats.uniform()}, alone=True, **QUIET)
    first = int((runs["user_action"] == 0).sum())
    mean = tree.summary.bias.sel(statistic="mean")
    assert np.isclose(mean, stats.beta(1 + first, 51 - first).mean(), atol=1e-6)
