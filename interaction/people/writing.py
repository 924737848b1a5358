"""The one thread that writes: what arrives together, from all sessions, is made durable together."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

import sqlalchemy
from sqlalchemy.engine import Connection, Engine

from interaction.people.tables import StoreError, reason

T = TypeVar("T")
Work = Callable[[Connection], T]
AT_ONCE = 1_000
"""So many writes at most share one commit."""


class Writer:
    """Do pieces of work in transactions, in the order of their arrival; all that wait share one.

    A disk makes some 150 durable commits a second, whatever their size. Where a shared commit fails, each
    piece is tried alone, so that one that is wrong (an event that is there already) does not keep the others
    from being written. `submit` gives a future, which is done when the work is durable; it holds a
    `StoreError` where it is not: then nothing of the piece is in the store.

    >>> import tempfile
    >>> from interaction.people.tables import connect, forgotten, metadata
    >>> from interaction.people.writing import Writer
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     engine = connect(f"{folder}/results.db")
    ...     metadata.create_all(engine)
    ...     writer = Writer(engine)
    ...     row = forgotten.insert().values(participant=3)
    ...     writer.submit(lambda connection: connection.execute(row)).result().rowcount
    ...     writer.close()
    ...     engine.dispose()
    1
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: SimpleQueue[tuple[Work[object], Future[object]] | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(target=self._write, name="interaction-store", daemon=True)
        self._thread.start()

    def submit(self, work: Work[T]) -> Future[T]:
        """Have a piece of work done in a transaction soon; the future is done when it is durable."""
        if self._closed:
            raise StoreError("the store is closed")
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # who stops waiting does not take it back
        self._waiting.put((work, future))  # type: ignore[arg-type]  # the queue holds all kinds of T
        return future

    def close(self) -> None:
        """Write what waits, and end."""
        if not self._closed:
            self._closed = True
            self._waiting.put(None)
            self._thread.join()

    def _write(self) -> None:
        last = False
        while not last:
            group = [self._waiting.get()]
            try:
                while len(group) < AT_ONCE:
                    group.append(self._waiting.get_nowait())
            except Empty:
                pass
            last = None in group
            todo = [piece for piece in group if piece is not None]
            if len(todo) < 2 or self._together(todo) is not None:
                for piece in todo:
                    error = self._together([piece])
                    if error is not None:
                        piece[1].set_exception(error)

    def _together(self, pieces: list[tuple[Work[object], Future[object]]]) -> BaseException | None:
        """Do pieces in one transaction; give what went wrong, if anything did."""
        try:
            with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
                results = [work(connection) for work, _ in pieces]
        except sqlalchemy.exc.IntegrityError as error:
            return StoreError(f"the store holds it already, or no such session: {reason(error)}")
        except sqlalchemy.exc.SQLAlchemyError as error:
            return StoreError(f"the store could not be written: {reason(error)}")
        except Exception as error:  # of the work itself: it is told to who asked for it
            return error
        for (_, future), result in zip(pieces, results, strict=True):
            future.set_result(result)
        return None
