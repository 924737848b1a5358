"""A store is served by one server at a time: a second one would keep sessions in a memory of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.engine import Engine

from interaction.people.tables import StoreError

_KEY = 0x1A7E2AC8  # of the lock in PostgreSQL, which ends with the connection that holds it


@contextmanager
def claim(engine: Engine) -> Iterator[None]:
    """Claim a store for this process, until the end of the block or of the process, however it ends.

    Raises `StoreError` where another process has it.
    """
    with ExitStack() as held:
        if engine.dialect.name == "postgresql":
            connection = held.enter_context(engine.connect().execution_options(isolation_level="AUTOCOMMIT"))
            got = bool(connection.scalar(select(func.pg_try_advisory_lock(_KEY))))
            held.callback(connection.detach)  # closed at the end, and not kept for others with its lock
        else:
            got = _locked(Path(f"{engine.url.database}-served"), held)
        if not got:
            raise StoreError(
                f"the store {engine.url.database} is served by another process, and two servers would not "
                "know of each other's sessions. Stop that one, or give another store"
            )
        yield


def _locked(file: Path, held: ExitStack) -> bool:
    """Lock a file beside that of SQLite, where the system has such locks; say whether it could be had."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    lock = held.enter_context(file.open("a"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
