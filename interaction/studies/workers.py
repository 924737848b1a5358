"""Workers: processes of any executor of `concurrent.futures`, with a few tasks each, replaced if they die."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from interaction.errors import ArgumentError, missing_extra
from interaction.progress import Progress
from interaction.studies.orphans import end_with_parent
from interaction.studies.surroundings import all_loaded, differences, first_loaded

T = TypeVar("T")
R = TypeVar("R")

_log = logging.getLogger("interaction")

DEATHS = 3
"""How often a worker may die of one task that is played alone, before the task is given up."""

_ASK_AGAIN = 5.0  # seconds, after which dask is asked again how many work
_THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM", "NUMEXPR")
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in _THREADS}


class _Here:
    """Plays in this process."""

    def submit(self, function: Callable[..., T], *args: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(function(*args))
        except (Exception, SystemExit) as error:
            future.set_exception(error)
        return future


class Workers:
    """Those who play: `executor` is None for all cores, a number of processes, 0 for this process, or
    anything that has the `submit` of `concurrent.futures` (or gives such a thing by `get_executor`, as dask's
    client does). An executor that was given is not shut down. Processes of our own first call
    `prepare[0](*prepare[1:])`, so that they have imported what they need when the first task comes.

    Raises `ArgumentError` for what is no executor.
    """

    def __init__(self, executor: Any, where: str = "Sweep.run", prepare: tuple[Any, ...] = ()) -> None:
        self._given, self._prepare = executor, prepare
        self._own = executor is None or isinstance(executor, int)
        self.deaths = 0
        self._asked, self._threads = float("-inf"), 0
        if isinstance(executor, bool) or (isinstance(executor, int) and executor < 0):
            raise ArgumentError(f"{where}: executor: expected a number of processes >= 0, got {executor!r}")
        if not self._own and not any(hasattr(executor, name) for name in ("submit", "get_executor")):
            raise ArgumentError(
                f"{where}: executor: expected an executor with the submit of concurrent.futures, a number of "
                f"processes or None, got {executor!r}"
            )
        self._executor: Any = self._start()

    def _start(self) -> Any:
        given = self._given
        if given == 0 and self._own:
            return _Here()
        if self._own:
            try:
                import loky
            except ImportError:
                raise missing_extra("loky", "sweeps", "Workers on all cores") from None
            return loky.ProcessPoolExecutor(
                given or loky.cpu_count(),
                env=ONE_THREAD,
                initializer=_begin,
                initargs=(os.getpid(), *self._prepare),
            )
        if hasattr(given, "get_executor"):
            return given.get_executor(pure=False)
        return given

    @property
    def here(self) -> bool:
        """Whether this process itself works."""
        return isinstance(self._executor, _Here)

    @property
    def in_flight(self) -> int:
        """How many tasks are handed out at a time: two for each worker, so that none waits."""
        if self.here:
            return 1
        if hasattr(self._given, "nthreads"):  # dask's workers come and go
            if time.monotonic() > self._asked + _ASK_AGAIN:
                self._asked = time.monotonic()
                self._threads = sum(map(int, self._given.nthreads().values()))
            return 2 * max(self._threads, 1)
        sizes = (getattr(self._executor, name, None) for name in ("_max_workers", "num_workers"))
        known = next((size for size in sizes if isinstance(size, int) and size > 0), os.cpu_count() or 1)
        return 2 * known

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Hand out a call."""
        found: Future[Any] = self._executor.submit(function, *args)
        return found

    def replace(self) -> bool:
        """Start other workers in place of those that died; give False where only the executor's owner can."""
        self.deaths += 1
        if self._own:
            self._executor.shutdown(wait=False, kill_workers=True)
            self._executor = self._start()
        elif isinstance(self._given, ProcessPoolExecutor):
            self._executor.shutdown(wait=False)
            self._executor = type(self._given)(
                self._given._max_workers,  # type: ignore[attr-defined]  # there is no other way to know
                mp_context=self._given._mp_context,
            )
        else:
            return False
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.here:
            return
        if self._own:
            self._executor.shutdown(wait=False, kill_workers=kind is not None)
        elif self._executor is not self._given:
            self._executor.shutdown(wait=kind is None)


def _begin(parent: int, prepare: Callable[..., object] | None = None, *arguments: Any) -> None:
    """Begin as a worker; what goes wrong while it is prepared goes wrong again in a task, which can tell.

    Ctrl-C, which reaches all processes of a terminal, is left to the one that leads: it ends the workers.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
    if prepare is not None:
        with suppress(Exception, SystemExit):
            prepare(*arguments)


@dataclass
class Task(Generic[T]):
    """A call of `function` on `subject` and `others`; `crashes` counts the deaths while it was in flight."""

    subject: T
    function: Callable[..., Any]
    others: tuple[Any, ...] = ()
    crashes: int = 0
    alone: int = field(default=0)


class WorkerDiedError(Exception):
    """A worker died again and again while it played one task."""


def play_all(
    workers: Workers, tasks: Iterator[Task[T]], wanted: Callable[[T], bool] = lambda _: True
) -> Iterator[tuple[T, Any]]:
    """Hand out tasks, a bounded number at a time; give each with its result, in the order in which they end.

    Tasks whose subject is not `wanted` any more are left out. One that was in flight whenever workers died is
    played by itself; when a worker dies of it `DEATHS` times, its result is a `WorkerDiedError`.
    Raises what went wrong with the workers otherwise.
    """
    again: deque[Task[T]] = deque()
    flying: dict[Future[Any], Task[T]] = {}
    done: SimpleQueue[Future[Any]] = SimpleQueue()  # to wait for any of thousands costs no more than for one
    try:
        while True:
            while len(flying) < workers.in_flight and not _by_itself(flying):
                task = again.popleft() if again else next(tasks, None)
                if task is None:
                    break
                if not wanted(task.subject):
                    continue
                if task.crashes >= DEATHS and flying:
                    again.appendleft(task)
                    break
                try:
                    future = workers.submit(task.function, task.subject, *task.others)
                except BrokenExecutor:
                    again.appendleft(task)
                    if flying:
                        break
                    if not workers.replace():
                        raise
                    continue
                flying[future] = task
                future.add_done_callback(done.put)
            if not flying and not again:
                return
            broken = False
            for future in _ended(done):
                task = flying.pop(future)
                error = future.exception() if not future.cancelled() else CancelledError()
                if error is None:
                    yield task.subject, future.result()
                elif isinstance(error, BrokenExecutor | CancelledError) or _killed(error):
                    broken = broken or isinstance(error, BrokenExecutor)
                    if task.crashes >= DEATHS or _killed(error):
                        task.alone += 1
                    task.crashes += 1
                    if task.alone >= DEATHS:
                        yield task.subject, WorkerDiedError(f"a worker died {task.crashes} times playing it")
                    else:
                        again.append(task)
                else:
                    raise _loud(error)
            if broken and not flying:
                _log.warning("a worker died: %d tasks are played again by others", len(again))
                workers.replace()
    finally:
        for future in flying:
            future.cancel()


def _loud(error: BaseException) -> BaseException:
    """Give another error for a `SystemExit`, which would end this process without a word."""
    if not isinstance(error, SystemExit):
        return error
    loud = RuntimeError(f"sys.exit({error.code!r}) was called in a task")
    loud.__cause__ = error
    return loud


def _by_itself(flying: Mapping[Future[Any], Task[Any]]) -> bool:
    """Whether a task is in flight that may kill its worker, and has to be alone."""
    return len(flying) == 1 and next(iter(flying.values())).crashes >= DEATHS


def _ended(done: SimpleQueue[Future[Any]]) -> Iterator[Future[Any]]:
    """Wait for a future to end; give it, and those that have, too."""
    yield done.get()
    while not done.empty():
        yield done.get()


def in_order(
    workers: Workers, function: Callable[..., R], calls: Iterable[tuple[Any, ...]], bar: Progress
) -> list[R]:
    """Give what a function gives for each tuple of arguments; raise what it raises.

    Raises `ArgumentError` where a worker has other code of components than this process, or other values.
    """
    found: dict[int, R] = {}
    here = None if workers.here else all_loaded()
    tasks = (Task(number, _numbered, (here, function, *call)) for number, call in enumerate(calls))
    for number, result in play_all(workers, tasks):
        if isinstance(result, WorkerDiedError):
            raise BrokenExecutor(str(result))
        found[number] = result
        bar.update()
    return [found[number] for number in sorted(found)]


def _numbered(number: int, there: Any, function: Callable[..., T], *arguments: Any) -> T:
    lines = differences(there, first_loaded(), ("there", "here")) if there is not None else []
    if lines:
        raise ArgumentError(f"a worker is not like the process that leads: {'; '.join(lines)}")
    return function(*arguments)


@contextmanager
def given_workers(executor: Any, where: str) -> Iterator[Workers | None]:
    """Give the workers of an executor for a time, or None without one: then this process works alone."""
    if executor is None:
        yield None
        return
    with Workers(executor, where) as workers:
        yield workers


def _killed(error: BaseException) -> bool:
    """Whether dask gave a task up, whose workers died."""
    return type(error).__name__ == "KilledWorker"
