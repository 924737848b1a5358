"""The same bytes, whoever plays the chunks, in whatever order, and whatever dies meanwhile."""

import itertools
import random
import sys
import threading
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction.errors import ArgumentError, MissingExtraError, SweepError
from interaction.studies import Sweep
from interaction.studies.workers import Task, WorkerDiedError, Workers, play_all
from tests.interaction.sweeps import small

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The files of the small sweep, played here."""
    folder = tmp_path_factory.mktemp("expected")
    small.sweep().run(folder, 0, progress=False)
    return small.files(folder)


class AnyOrder:
    """Plays calls in a thread in an order drawn from a seed, and dies now and then with all that it holds."""

    def __init__(self, seed, workers, deaths):
        self.random, self._max_workers, self.deaths = random.Random(seed), workers, deaths
        self.pending, self.changed = [], threading.Condition()
        self.ended = False
        threading.Thread(target=self.work, daemon=True).start()

    def submit(self, function, *args):
        future = Future()
        with self.changed:
            self.pending.append((future, function, args))
            self.changed.notify()
        return future

    def work(self):
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.pending or self.ended)
                if self.ended:
                    return
                dies = self.random.random() < self.deaths
                chosen = self.random.randrange(len(self.pending))
                taken = [self.pending.pop(chosen)] if not dies else self.pending
                self.pending = [] if dies else self.pending
            for future, function, args in taken:
                if dies:
                    if self.random.random() < 0.5:
                        function(*args)  # its file is there, but nobody hears of it
                    future.set_exception(BrokenExecutor("a worker died"))
                else:
                    try:
                        future.set_result(function(*args))
                    except Exception as error:
                        future.set_exception(error)

    def end(self):
        with self.changed:
            self.ended = True
            self.changed.notify()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1000), st.integers(1, 5), st.sampled_from([0.0, 0.05, 0.1]))
def test_any_order_and_any_deaths(expected, tmp_path_factory, seed, workers, deaths):
    folder, executor = tmp_path_factory.mktemp("any"), AnyOrder(seed, workers, deaths)
    try:
        small.sweep().run(folder, executor, progress=False)
    finally:
        executor.end()
    assert small.files(folder) == expected


@pytest.mark.parametrize(
    "executor",
    [1, 2, lambda: ProcessPoolExecutor(2, mp_context=get_context("forkserver")), small.pool],
    ids=["one", "loky", "forkserver", "spawn"],
)
def test_processes(expected, tmp_path, executor):
    if callable(executor):
        with executor() as pool:
            small.sweep().run(tmp_path, pool, progress=False)
    else:
        small.sweep().run(tmp_path, executor, progress=False)
    assert small.files(tmp_path) == expected


def test_shares_are_the_whole(expected, tmp_path):
    for number in (3, 1, 2):
        small.sweep().run(tmp_path, 0, progress=False, worker=(number, 3))
        if number != 2:
            assert len(small.files(tmp_path)) < len(expected)
    assert small.files(tmp_path) == expected


@pytest.mark.parametrize("worker", [(0, 3), (4, 3), (1,), 2, (1, 2, 3), ("1", "2")])
def test_a_share_that_is_none_is_refused(tmp_path, worker):
    with pytest.raises(ArgumentError, match="worker"):
        small.sweep().run(tmp_path, 0, progress=False, worker=worker)
    assert not list(tmp_path.iterdir())


def test_a_worker_that_dies_of_a_chunk_stops_its_cells_alone(tmp_path):
    with small.pool() as pool, pytest.raises(SweepError, match="2 of 4 cells stopped") as caught:
        small.sweep(16, {"rounds": small.fatal}).run(tmp_path, pool, progress=False)
    assert "a worker died" in str(caught.value)
    assert all(failure.cell.labels["limit"] == 5 for failure in caught.value.failures)
    names = {name.split("/")[1].split("-")[1] for name in small.files(tmp_path) if "/" in name}
    assert names == {"8"}


@pytest.mark.parametrize("executor", [lambda: nullcontext(0), small.pool], ids=["here", "pool"])
def test_who_ends_the_process_by_sys_exit_stops_a_cell_alone(tmp_path, executor):
    """In `make_bundle`, in a component and in a measure: it ended the sweep, without a word."""
    lengths = {"rounds": "lengths"}
    with executor() as workers:
        for number, (make, measure, cells, told) in enumerate(
            [
                (small.ending, lengths, 2, r"make_bundle raised SystemExit: no such user \(small.py, line"),
                (
                    small.ended_bundle,
                    lengths,
                    2,
                    r"episode \d+, seed 5: SystemExit.* in reset\) \(make_bundle",
                ),
                (small.make_bundle, {"it": small.ends}, 4, "episode 30, seed 5: .*measure 'it': SystemExit"),
            ]
        ):
            sweep = Sweep(make, small.OVER, 60, 5, measure=measure, chunk=8)
            with pytest.raises(SweepError, match=told) as caught:
                sweep.run(tmp_path / str(number), workers, progress=False)
            assert len(caught.value.failures) == cells


def test_a_task_that_calls_sys_exit_is_told():
    with Workers(0) as workers, pytest.raises(RuntimeError, match="exit\\('bye'\\) was called in a task"):
        list(play_all(workers, iter([Task("bye", sys.exit)])))


def test_an_executor_that_breaks_for_good_is_told(tmp_path):
    class Broken:
        def submit(self, function, *args):
            raise BrokenExecutor("it is gone")

    with pytest.raises(BrokenExecutor, match="it is gone"):
        small.sweep().run(tmp_path, Broken(), progress=False)


def test_an_executor_of_the_standard_library_is_replaced(expected, tmp_path):
    pool = small.pool()
    with pytest.raises(BrokenExecutor):
        pool.submit(small.os._exit, 1).result()
    small.sweep().run(tmp_path, pool, progress=False)
    assert small.files(tmp_path) == expected


@pytest.mark.parametrize("executor", ["loky", -1, True, 2.0, object()])
def test_what_is_no_executor_is_refused(tmp_path, executor):
    with pytest.raises(ArgumentError, match="executor: expected"):
        small.sweep().run(tmp_path, executor, progress=False)


def test_few_tasks_are_handed_out_at_a_time():
    class Counts:
        _max_workers = 3
        given = most = 0

        def submit(self, function, *args):
            Counts.given += 1
            Counts.most = max(Counts.most, Counts.given)
            future = Future()
            threading.Timer(0.001, lambda: future.set_result(function(*args))).start()
            return future

    with Workers(Counts()) as workers:
        tasks = (Task(number, abs) for number in range(50))
        found = []
        for _, result in play_all(workers, tasks):
            Counts.given -= 1
            found.append(result)
    assert sorted(found) == list(range(50))
    assert Counts.most <= 6


def test_a_task_that_kills_is_found_among_others():
    class Kills:
        """Ends all that it holds after some milliseconds: in death, where the seventh is among them."""

        _max_workers = 2

        def __init__(self):
            self.held = []

        def submit(self, function, subject, *others):
            future = Future()
            self.held.append((future, subject))
            if len(self.held) == 1:
                threading.Timer(0.005, self.end).start()
            return future

        def end(self):
            held, self.held = self.held, []
            dies = any(subject == 7 for _, subject in held)
            for future, subject in held:
                future.set_exception(BrokenExecutor("died")) if dies else future.set_result(subject)

    with Workers(Kills()) as workers:
        found = dict(play_all(workers, (Task(number, abs) for number in range(20))))
    assert {number for number, result in found.items() if isinstance(result, WorkerDiedError)} == {7}
    assert len(found) == 20


def test_missing_libraries_are_named(tmp_path, monkeypatch):
    for library in ("loky", "pyarrow"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, library, None)
            with pytest.raises(MissingExtraError, match=r"hci-interaction\[sweeps\]"):
                small.sweep().run(tmp_path, 2, progress=False)


def test_an_error_of_the_workers_is_raised():
    class Wrong:
        def submit(self, function, *args):
            future = Future()
            future.set_exception(ImportError("no module named 'laboratory'"))
            return future

    with Workers(Wrong()) as workers, pytest.raises(ImportError, match="laboratory"):
        list(play_all(workers, iter([Task(0, itertools.count)])))
