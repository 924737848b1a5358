"""The log: what was acknowledged is there, once, whatever happens."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import wait
from pathlib import Path

import pytest
import sqlalchemy

from interaction.errors import ArgumentError, UnknownNameError
from interaction.people.events import Event
from interaction.people.seats import Seat
from interaction.people.store import Store
from interaction.people.tables import StoreError

NOW = "2026-11-30T08:00:00+00:00"
ROOT = Path(__file__).parents[2]


def event(number, session="a", kind="noted", **payload):
    return Event(session, number, kind, payload, NOW, float(number))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def address(request, tmp_path):
    if request.param == "sqlite":
        return tmp_path / "results.db"
    return request.getfixturevalue("postgresql")


@pytest.fixture
def store(address):
    with Store(address) as store:
        store.open("pointing", "5d41", {"episodes": 12})
        yield store


def begin(store, session="a", participant=0, secret=None, condition="x"):
    return store.begin(Seat(session, participant, condition, 0, secret), event(0, session, "began")).result()


def test_what_is_written_is_read_to_the_bit(store, address):
    begin(store)
    payload = {"x": 0.1 + 0.2, "text": "ü\0\ud800 ☃", "deep": [1, {"y": None, "z": True}], "big": 2**70}
    store.append([event(1, **payload), event(2)]).result()
    with Store(address) as other:
        assert other.events("a") == [event(0, kind="began"), event(1, **payload), event(2)]
    assert store.events() == store.events("a")


def test_an_event_is_there_once(store):
    begin(store)
    store.append([event(1, first=True)]).result()
    with pytest.raises(StoreError, match="holds it already"):
        store.append([event(1, first=False)]).result()
    assert store.events("a")[1].payload == {"first": True}


def test_events_that_are_given_together_are_kept_together_or_not_at_all(store):
    begin(store)
    with pytest.raises(StoreError):
        store.append([event(1), event(2), event(1)]).result()
    assert len(store.events("a")) == 1


def test_a_wrong_event_does_not_keep_those_of_others_from_being_written(store):
    for number in range(3):
        begin(store, str(number), number)
    futures = [store.append([event(1, str(number % 3), n=number)]) for number in range(30)]
    wait(futures)
    assert [future.exception() is None for future in futures] == [True] * 3 + [False] * 27
    assert [one.payload for one in store.events() if one.sequence] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_session_is_found_by_the_hash_of_its_secret(store):
    begin(store, secret="h")
    assert store.find("h") == store.seat("a") == Seat("a", 0, "x", 0, "h")
    assert store.find("g") is None
    with pytest.raises(StoreError):
        begin(store, "b", 1, secret="h")
    with pytest.raises(UnknownNameError, match="Valid names: a"):
        store.seat("b")
    with pytest.raises(UnknownNameError):
        store.events("b")


def test_where_sessions_stand(store):
    begin(store, "b", 1)
    begin(store, "a", 0)
    store.append([event(1), event(2, kind="ended")._replace(time="later")]).result()
    first, second = store.standings()
    assert (first.seat.session, first.events, first.began, first.last, first.ended) == (
        "a",
        3,
        NOW,
        "later",
        True,
    )
    assert (second.seat.session, second.events, second.ended) == ("b", 1, False)


def test_a_forgotten_session_leaves_nothing_but_its_number(store, address):
    begin(store, "a", 0, secret="h")
    begin(store, "b", 1)
    store.append([event(1, told="I am somebody")]).result()
    store.forget("a")
    assert [one.session for one in store.events()] == ["b"]
    assert store.find("h") is None
    assert store.next_participant() == 2
    store.forget("b")
    assert store.next_participant() == 2
    with pytest.raises(UnknownNameError):
        store.forget("a")
    if isinstance(address, Path):
        assert not any(b"somebody" in file.read_bytes() for file in address.parent.iterdir())


def test_changed_code_is_let_in_by_name_alone(store):
    begin(store)
    changed = {"episodes": 13}
    with pytest.raises(StoreError, match=r"began: episodes \(.*5d41, now it is 77f0.*--new-version"):
        store.open("pointing", "77f0", changed)
    with pytest.raises(StoreError, match="began: the code of its modules"):
        store.open("pointing", "77f0", {"episodes": 12})
    assert store.open("pointing", "77f0", changed, new_version=True) == 1
    assert store.open("pointing", "77f0", changed) == 1
    store.begin(Seat("b", 1, "x", 1, None), event(0, "b", "began")).result()
    with pytest.raises(StoreError, match="has changed"):
        store.open("pointing", "5d41", {"episodes": 12})
    with pytest.raises(StoreError, match="holds the study 'pointing', and not 'bandit'"):
        store.open("bandit", "5d41", {}, new_version=True)


def test_a_study_may_change_as_long_as_nobody_took_part(store):
    assert store.open("pointing", "77f0", {"episodes": 13}) == 1
    assert store.open("bandit", "77f0", {}) == 2
    assert store.open("pointing", "5d41", {"episodes": 12}) == 3
    store.begin(Seat("a", 0, "x", 3, None), event(0, "a", "began")).result()
    assert store.open("pointing", "77f0", {}, new_version=True) == 4
    assert store.open("pointing", "5d41", {}) == 3  # back to the code that its sessions began with


def test_a_store_that_another_version_wrote_is_left_alone(address):
    with Store(address) as store:
        engine = store._engine
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("UPDATE interaction_format SET format = 'people 9'"))
    with pytest.raises(StoreError, match=r"expected the format 'interaction people 1', got 'people 9'"):
        Store(address)


def test_what_is_no_store_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("These are notes, and no database at all. " * 100)
    with pytest.raises(StoreError, match=r"notes\.txt: file is not a database"):
        Store(tmp_path / "notes.txt")
    with pytest.raises(StoreError, match="there is no store at"):
        Store(tmp_path / "no.db", create=False)
    with pytest.raises(StoreError, match="there is no folder"):
        Store(tmp_path / "no" / "no.db")
    with pytest.raises(
        ArgumentError, match=r"expected the path .* or postgresql://…, got 'mysql://me:\*\*\*@x/y'"
    ):
        Store("mysql://me:secret@x/y")


def test_a_server_that_is_not_there_is_named_without_its_password():
    with pytest.raises(StoreError, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:1/x.*refused") as told:
        Store("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(told.value)


def test_a_closed_store_says_so(tmp_path):
    store = Store(tmp_path / "results.db")
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.append([event(1)])


def test_sqlite_writes_through(tmp_path):
    with Store(tmp_path / "results.db") as store, store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
    with sqlite3.connect(tmp_path / "results.db") as plain:  # a file that anyone can read
        assert plain.execute("SELECT count(*) FROM interaction_events").fetchone() == (0,)
    plain.close()


def test_what_waits_is_committed_together(tmp_path):
    with Store(tmp_path / "results.db") as store:
        commits = []
        sqlalchemy.event.listen(store._engine, "commit", commits.append)
        for number in range(20):
            begin(store, str(number), number)
        before = len(commits)
        wait([store.append([event(n, str(one))]) for n in range(1, 51) for one in range(20)])
        assert len(commits) - before < 200
        assert len(store.events()) == 20 * 51


def test_a_full_disk_is_an_error_and_leaves_the_store_whole(tmp_path):
    with Store(tmp_path / "results.db") as store:
        full = []

        @sqlalchemy.event.listens_for(store._engine, "begin")
        def limit(connection):
            connection.exec_driver_sql(f"PRAGMA max_page_count={20 if full else 10**6}")

        begin(store)
        full.append(True)
        kept = 0
        while (future := store.append([event(kept + 1, text="x" * 5_000)])).exception() is None:
            kept += 1
        with pytest.raises(StoreError, match="full"):
            future.result()
        assert len(store.events("a")) == kept + 1 > 1
        full.clear()
        store.append([event(kept + 1), event(kept + 2)]).result()
        assert [one.sequence for one in store.events("a")] == list(range(kept + 3))


def test_a_file_that_cannot_grow_is_an_error_and_leaves_the_store_whole(tmp_path):
    """As the disk says it, in a process whose files may not grow."""
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from tests.people.test_store import *\n"
        "store = Store(sys.argv[1]); begin(store); kept = 0\n"
        "old = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, old[1]))\n"
        "try:\n"
        "    while True: store.append([event(kept + 1, text='x' * 5_000)]).result(); kept += 1\n"
        "except StoreError: pass\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, old)\n"
        "store.append([event(kept + 1)]).result(); print(kept)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "results.db")],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    with Store(tmp_path / "results.db") as store:
        assert [one.sequence for one in store.events("a")] == list(range(int(done.stdout) + 2))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 400_000


def test_what_a_killed_process_was_told_is_durable_is_there(address, tmp_path):
    told, kills = set(), 3
    for run in range(kills):
        with (tmp_path / f"told-{run}").open("w") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.people.writer", str(address), str(run)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=out,
            )
            until = time.monotonic() + 60
            while (tmp_path / f"told-{run}").stat().st_size < 100 + 700 * run and time.monotonic() < until:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
        lines = (tmp_path / f"told-{run}").read_text().splitlines(keepends=True)
        told |= {tuple(line.split()) for line in lines if line.endswith("\n")}
    with Store(address) as store:
        there = [(one.session, str(one.sequence)) for one in store.events()]
        for standing in store.standings():
            sequences = [one.sequence for one in store.events(standing.seat.session)]
            assert sequences == list(range(standing.events))
    assert told <= set(there)
    assert len(set(there)) == len(there)
    assert len(told) > 30


def test_one_server_at_a_time_has_a_store(address):
    told = pytest.raises(StoreError, match="is served by another process")
    with Store(address) as first, Store(address) as second:
        with first.claimed(), told, second.claimed():
            pass
        with second.claimed():
            pass
