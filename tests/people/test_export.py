"""The data of a study is what its log says, and goes into a fit as it is."""

import re

import numpy as np
import pandas
import pytest
from scipy import stats

from interaction import Bundle, DeterministicPolicy, Logit, Population, User, fit, spaces
from interaction.assistants.pointing import ConstantGain
from interaction.errors import ArgumentError, UnknownNameError
from interaction.people import Condition, Page, Person, Questionnaire, ReplayError, export, pilot
from interaction.tasks.coordination import CoordinatedTask
from interaction.tasks.pointing import PointingTask
from interaction.users.bandit import RescorlaWagnerUser
from interaction.users.pointing import CarefulPointer
from tests.people.making import EASE, TASK, bandit, begin, log_of, play, study, whole_study


def test_there_is_a_row_for_each_round_with_what_was_done_and_when():
    made = whole_study()
    log = pilot(made, 3)
    rounds = export(made, log).rounds
    actions = [event for event in log if event.kind == "action"]
    assert len(rounds) == len(actions) == 3 * 4 * 4
    for name in ("episode", "round", "response_time", "shown", "acted", "by"):
        assert rounds[name].tolist() == [event.payload[name] for event in actions]
    assert rounds.user_action.tolist() == [event.payload["action"] for event in actions]
    assert rounds.time.tolist() == [event.time for event in actions]
    assert rounds.practice.tolist() == [event.payload["episode"] == 0 for event in actions]
    assert rounds.participant.tolist() == [0] * 16 + [1] * 16 + [2] * 16
    assert rounds["task_state.arm"].tolist() == rounds.user_action.tolist()
    assert (rounds.reward == rounds["task_state.outcome"]).all()


def test_the_order_of_sessions_in_the_log_is_all_one():
    made = whole_study()
    log = pilot(made, 3)
    mixed = sorted(log, key=lambda event: event.sequence)
    for name in ("rounds", "answers", "sessions", "dictionary"):
        pandas.testing.assert_frame_equal(
            getattr(export(made, log), name), getattr(export(made, mixed), name)
        )


def test_answers_and_sessions_have_a_row_for_each_session():
    made = whole_study()
    log = pilot(made, 2)
    session, own = begin(made, participant=2)
    own[0] = own[0]._replace(payload=own[0].payload | {"url": {"PROLIFIC_PID": "5f3"}})
    own = play(session, own, 5)
    own.append(log_of(session, own, "noted", {"what": "hidden", "at": 12.0}))
    play(session, own, 1)
    tables = export(made, log + own)
    given = [event.payload["values"] for event in log if event.kind == "answer"]
    assert tables.answers[["ease", "hand"]].iloc[:2].to_dict("records") == given
    assert tables.answers.ease.dtype == "Int64"
    assert tables.answers.ease.isna().tolist() == [False, False, True]
    assert tables.sessions.finished.tolist() == [True, True, False]
    assert tables.sessions["url.PROLIFIC_PID"].iloc[2] == "5f3"
    assert "url.PROLIFIC_PID" not in tables.rounds
    assert tables.rounds.noted.tolist()[-1] == "hidden"
    assert set(tables.rounds.noted[:-1]) == {""}


def test_every_column_is_in_the_dictionary():
    made = whole_study()
    tables = export(made, pilot(made, 1))
    for name in ("rounds", "answers", "sessions"):
        told = tables.dictionary[tables.dictionary.table == name]
        assert told.column.tolist() == getattr(tables, name).columns.tolist()
        assert (told.meaning.str.len() > 10).all()
    row = tables.dictionary.set_index(["table", "column"]).loc
    assert row["answers", "ease"].tolist() == ["How easy was it?", "", "1 to 7 (not at all to very)"]
    assert row["answers", "hand"]["values"] == "left; right"
    assert row["rounds", "response_time"].unit == "s"
    assert row["rounds", "task_state.outcome"]["values"] == "Discrete(3, start=-1)"


def test_a_log_without_rounds_gives_tables_without_rows():
    made = whole_study()
    _, log = begin(made)
    tables = export(made, log)
    assert len(tables.rounds) == 0
    assert tables.sessions.finished.tolist() == [False]
    assert len(export(made, []).sessions) == 0


def test_sessions_of_other_code_are_left_out_by_name_and_never_in_silence():
    """In a store with two versions of a study, the code at hand gives the table of what plays again by it."""
    made = study(episodes=2)
    log = pilot(made, 3)
    at = next(place for place, event in enumerate(log) if event.session == log[-1].session) + 2
    other = [*log[:at], log[at]._replace(payload=log[at].payload | {"digest": "0"}), *log[at + 1 :]]
    with pytest.raises(ReplayError, match="event 2"):
        export(made, other)
    tables, whole = export(made, other, leave_out=True), export(made, log)
    assert len(tables.left_out) == 1
    assert log[-1].session in tables.left_out[0]
    assert tables.sessions.equals(whole.sessions[:2])
    assert tables.rounds.equals(whole.rounds[whole.rounds.participant < 2])
    assert whole.left_out == ()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_the_tables_are_written_beside_each_other(ending, tmp_path):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    made = whole_study()
    tables = export(made, pilot(made, 2))
    files = tables.save(tmp_path / f"out.{ending}")
    names = [f"out.{ending}", f"out.answers.{ending}", f"out.sessions.{ending}", "out.dictionary.csv"]
    assert [file.name for file in files] == names
    back = pandas.read_csv(files[0], dtype=str) if ending == "csv" else pandas.read_parquet(files[0])
    for name in ("participant", "user_action", "response_time", "task_state.outcome"):
        assert [float(value) for value in back[name]] == tables.rounds[name].tolist()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(names)
    with pytest.raises(ArgumentError, match=re.escape("ends in .parquet or .csv")):
        tables.save(tmp_path / "out.xlsx")


def test_actions_of_several_parts_and_arrays_have_a_column_each():
    class Task(CoordinatedTask):
        def on_user_action(self, game, rng):
            return super().on_user_action(game, rng)

    space = spaces.Dict(arm=spaces.Discrete(2), where=spaces.real(0.0, 1.0, (2,)))
    made = study({"one": Condition(Bundle(Task(), Person(space), max_rounds=3))}, episodes=1)
    rounds = export(made, pilot(made, 1)).rounds
    assert {"user_action.arm", "user_action.where[0]", "user_action.where[1]"} <= set(rounds.columns)


def test_an_assistant_that_did_not_act_any_more_has_no_action():
    assistant = ConstantGain(1.0)
    bundle = Bundle(PointingTask(9, 3), Person(spaces.Discrete(3, start=-1)), assistant, max_rounds=60)
    made = study({"one": Condition(bundle, CarefulPointer(0.1))}, episodes=4)
    rounds = export(made, pilot(made, 2)).rounds
    last = rounds.groupby(["participant", "episode"])["round"].transform("max") == rounds["round"]
    assert rounds.assistant_action.isna().tolist() == last.tolist()
    tree = fit(
        PointingTask(9, 3),
        CarefulPointer(),
        rounds,
        {"error_rate": stats.uniform(0, 1)},
        assistant_action_space=assistant.policy.action_space,
        progress=False,
    )
    assert tree.posterior.sizes["user"] == 2


def test_a_fit_recovers_the_participants_of_a_pilot_from_the_table_as_it_is():
    rates = []

    def someone(rng):
        rates.append(0.1 + 0.8 * rng.random())
        return RescorlaWagnerUser(learning_rate=rates[-1])

    condition = Condition(bandit(max_rounds=100), someone)
    made = study({"a": condition, "b": condition}, episodes=6, practice=1, after=[EASE])
    rounds = export(made, pilot(made, 12, seed=1)).rounds
    priors = {"learning_rate": stats.uniform(0, 1)}
    counted = rounds[~rounds.practice]
    tree = fit(TASK, RescorlaWagnerUser(), counted, priors, progress=False)
    assert tree.posterior.user.values.tolist() == list(range(12))
    means = tree.summary.learning_rate.sel(statistic="mean")
    assert np.corrcoef(means, rates)[0, 1] > 0.9
    assert np.abs(means - rates).max() < 4 * tree.summary.learning_rate.sel(statistic="sd").max()
    others = counted.rename(columns={"participant": "user"}).drop(columns=["condition", "practice"])
    with pytest.raises(UnknownNameError, match="columns of the data: there is no"):
        fit(TASK, RescorlaWagnerUser(), others, priors, progress=False)  # misspelt columns are told still


def test_a_population_is_fitted_to_the_participants():
    def careful(rng):
        return CarefulPointer(error_rate=0.05 + 0.3 * rng.random())

    bundle = Bundle(PointingTask(15, 3), Person(spaces.Discrete(3, start=-1)), max_rounds=40)
    made = study({"one": Condition(bundle, careful)}, episodes=6)
    rounds = export(made, pilot(made, 5)).rounds
    population = Population({"error_rate": Logit(stats.norm(-2, 1), stats.halfnorm(0, 1))})
    tree = fit(PointingTask(15, 3), CarefulPointer(), rounds, population=population, progress=False)
    assert tree.posterior.sizes["user"] == 5


def test_a_bundle_that_pays_tells_the_whole_reward():
    made = study(episodes=1)
    log = pilot(made, 1)
    runs = made.condition("plain").simulate(None).run(1, seed=log[0].payload["seed"])
    assert export(made, log).rounds.reward.sum() == runs.returns[0]


def test_who_begins_again_is_told_apart():
    session, log = begin(whole_study())
    play(session, log, 8)
    log.append(log_of(session, log, "restarted", {}))
    play(session, log)
    rounds = export(session.study, log).rounds
    assert not rounds.duplicated(["participant", "episode", "round"]).any()
    assert rounds.groupby("episode").restarts.first().tolist() == [0, 0, 1, 1, 1, 1]
    assert rounds.groupby("episode").practice.first().tolist() == [True, False, True, False, False, False]


def test_answers_that_were_given_before_who_begins_again_are_not_those_of_the_session():
    made = study(episodes=1, after=[EASE, Page("# One more"), Questionnaire("why", "Why?")])
    session, log = begin(made)
    play(session, log, 5)
    assert log[-1].kind == "answer"
    assert export(made, log).answers.ease.tolist() == [1]
    log.append(log_of(session, log, "restarted", {}))
    assert "ease" not in export(made, log).answers


def test_a_response_time_that_counts_from_a_reload_or_goes_over_a_lost_line_is_told_apart():
    session, log = begin(study(episodes=1))
    for kind, payload in [
        ("connected", {"epoch": 1}),
        ("action", {"action": 1}),
        ("connected", {"epoch": 2}),
        ("returned", {}),
        ("action", {"action": 1}),
        ("action", {"action": 1}),
    ]:
        log.append(log_of(session, log, kind, payload))
    assert export(session.study, log).rounds.noted.tolist() == ["", "reload returned", ""]


def test_conditions_whose_actions_are_of_different_kinds_share_a_table(tmp_path):
    class Word(DeterministicPolicy):
        action_space = spaces.Text(3)

        def action(self, observation, state):
            return "ab"

    def condition(space, policy=None):
        bundle = Bundle(CoordinatedTask(), Person(space), max_rounds=2)
        return Condition(bundle, None if policy is None else User(policy=policy))

    flag, whole, word = spaces.Box(0, 1, (), np.bool_), spaces.Discrete(2), spaces.Text(3)
    made = study({"flag": condition(flag), "whole": condition(whole)}, episodes=1)
    rounds = export(made, pilot(made, 4)).rounds
    assert rounds.user_action.dtype == np.int64
    made = study({"word": condition(word, Word()), "whole": condition(whole)}, episodes=1)
    tables = export(made, pilot(made, 4))
    numbers = tables.rounds[tables.rounds.condition == "whole"].user_action
    assert {type(value) for value in numbers} == {int}  # for a fit
    back = pandas.read_parquet(tables.save(tmp_path / "out.parquet")[0])
    assert back.user_action.tolist() == [str(value) for value in tables.rounds.user_action]
