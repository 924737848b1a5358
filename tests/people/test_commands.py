"""The console commands of a study, as they are typed."""

import json
import re
import socket
import sys

import pytest

from interaction.cli import main
from interaction.errors import ArgumentError, UnknownNameError
from interaction.importing import find
from interaction.people import Study
from interaction.people.store import Store
from tests.people import studies

STUDY = "tests.people.studies:bandits"


@pytest.fixture
def call(monkeypatch, capsys):
    """Give a function that calls the command line in this process; what is wrong is told to the shell."""
    monkeypatch.setattr(sys, "path", sys.path.copy())

    def call(*words, expect=0):
        monkeypatch.setattr(sys, "argv", ["interaction", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        assert (left.value.code or 0) == 0 if expect == 0 else isinstance(left.value.code, str)
        return capsys.readouterr().out if expect == 0 else left.value.code

    return call


def test_from_a_pilot_to_the_table_and_to_oblivion(tmp_path, call):
    store = tmp_path / "results.db"
    assert "4 sessions" in call("pilot", STUDY, "--participants", 4, "--store", store)
    out = call("export", STUDY, "--store", store, tmp_path / "out.csv")
    assert str(tmp_path / "out.csv") in out
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert len(rows) == 1 + 4 * 15
    assert {"participant", "condition", "episode", "round", "user_action"} <= set(rows[0].split(","))
    with Store(store) as log:
        session = log.standings()[2].seat.session
    told = call("replay", STUDY, "--store", store, session)
    assert told == f"session {session}: 22 events, played again to the bit; it shows: end\n"
    assert call("replay", STUDY, "--store", store) == "4 sessions, 88 events, all played again to the bit\n"
    for out, why in (("out.xlsx", "ends in .parquet or .csv"), ("no/out.csv", "there is no folder")):
        assert why in call("export", STUDY, "--store", store, tmp_path / out, expect=1)
    assert "is forgotten" in call("forget", STUDY, "--store", store, session)
    error = call("replay", STUDY, "--store", store, session, expect=1)
    assert error.startswith("interaction: ")
    assert session in error
    assert "Traceback" not in error


def test_who_acts_at_random_in_a_pilot_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "nobody.py").write_text(
        "from interaction.people import Condition, Study\n"
        "from tests.people.studies import bandit\n"
        "study = Study('two arms', {'plain': Condition(bandit(0.4, 0.6, rounds=3))}, episodes=1)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["interaction", "pilot", "nobody:study", "--participants", "1"])
    with pytest.raises(SystemExit):
        main()
    assert "at random, for want of a simulated user: plain\n" in capsys.readouterr().err


def test_what_is_no_study_or_no_store_is_told_in_a_line(tmp_path, call):
    for words, told in (
        (("serve", "study"), "expected a study as module:name, as in study:study, got 'study'"),
        (("serve", "nowhere:study"), "there is no module 'nowhere'"),
        (("serve", "tests.people.studies:bandit_s"), "bandits"),
        (("serve", "tests.people.studies:SECRET"), "expected a Study, got 73939133"),
        (("export", STUDY, "--store", tmp_path / "no.db", "out.csv"), "there is no store at"),
        (("serve", STUDY, "--store", "mysql://x/y"), "expected the path of a file (SQLite) or postgresql://"),
    ):
        error = call(*words, expect=1)
        assert error.startswith("interaction: ")
        assert told in error
        assert "\n" not in error


def test_a_port_in_use_is_told_in_a_line(tmp_path, call):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        error = call("serve", STUDY, "--port", port, "--store", tmp_path / "results.db", expect=1)
    assert f"cannot listen on 127.0.0.1, port {port}" in error
    assert not (tmp_path / "results.db").exists()


def test_an_address_that_is_not_of_this_machine_is_told_as_such(tmp_path, call):
    error = call("serve", STUDY, "--host", "192.0.2.1", "--store", tmp_path / "results.db", expect=1)
    assert error.endswith("Give an address of this machine with --host")


def test_an_error_in_a_study_is_told_by_its_own_lines(tmp_path, monkeypatch, call):
    (tmp_path / "misspelt_study.py").write_text(
        "from tests.people.studies import two_arms\n\n\nstudy = two_arms(episode=3)\n"
    )
    monkeypatch.chdir(tmp_path)
    error = call("serve", "misspelt_study:study", expect=1)
    assert error.startswith("interaction: misspelt_study: Traceback")
    assert f'File "{tmp_path}/misspelt_study.py", line 4' in error
    assert error.endswith("unexpected keyword argument 'episode'")
    assert "people/commands.py" not in error
    assert "importlib" not in error


def test_a_pilot_that_meets_an_error_ends_in_a_line(call, caplog):
    error = call("pilot", "tests.people.studies:badly_drawn", "--participants", 2, expect=1)
    assert re.fullmatch(r"interaction: pilot: a bot was shown an apology with the code (\w+), .*", error)
    assert "cannot draw a three" in caplog.text


def test_a_log_that_does_not_replay_is_named_by_its_first_event(tmp_path, call):
    store = tmp_path / "results.db"
    call("pilot", STUDY, "--participants", 1, "--store", store)
    with Store(store) as log:
        session = log.standings()[0].seat.session
        with log._engine.begin() as connection:
            where = f"session = '{session}' AND sequence = 5"
            (text,) = connection.exec_driver_sql(
                f"SELECT payload FROM interaction_events WHERE {where}"
            ).one()
            changed = json.dumps(json.loads(text) | {"action": 1 - json.loads(text)["action"]})
            connection.exec_driver_sql(f"UPDATE interaction_events SET payload = ? WHERE {where}", (changed,))
    error = call("replay", STUDY, "--store", store, session, expect=1)
    assert "does not replay: event 5 (action)" in error
    assert "\n" not in error
    assert call("export", STUDY, tmp_path / "out.csv", "--store", store, expect=1) == error
    assert not (tmp_path / "out.csv").exists()
    call("export", STUDY, tmp_path / "out.csv", "--store", store, "--leave-out")
    assert (tmp_path / "out.csv").exists()


def test_a_study_is_found_in_the_folder_where_one_is(tmp_path, monkeypatch):
    (tmp_path / "my_own_study.py").write_text("from tests.people.studies import bandits as study")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    assert find("my_own_study:study", Study) is studies.bandits
    with pytest.raises(UnknownNameError, match="Valid names: study"):
        find("my_own_study:studies", Study)
    (tmp_path / "broken_study.py").write_text("import not_there_at_all")
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        find("broken_study:study", Study)
    with pytest.raises(ArgumentError, match="there is no module 'nowhere'"):
        find("nowhere:study", Study)
