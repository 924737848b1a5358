"""The tables of a store, and the databases that hold them: SQLite in a file, or PostgreSQL by its URL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from interaction.errors import ArgumentError, InteractionError, missing_extra

try:
    import sqlalchemy
    from sqlalchemy import Column, Float, ForeignKey, Integer, MetaData, String, Table, Text
    from sqlalchemy.engine import URL, Connection, Engine
except ImportError as error:
    raise missing_extra("SQLAlchemy", "people", "the store of a study") from error

FORMAT = "interaction people 1"
SQLITE_WAITS = 30.0
"""Seconds that a write waits for another process that writes to the same file."""

metadata = MetaData()

formats = Table("interaction_format", metadata, Column("format", String(64), primary_key=True))

versions = Table(  # of the study: a row for each change of its code that was let in
    "interaction_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("study", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("specification", Text, nullable=False),
    Column("time", Text, nullable=False),
)

sessions = Table(
    "interaction_sessions",
    metadata,
    Column("session", String(64), primary_key=True),
    Column("secret", String(64), unique=True),  # the hash of what the cookie holds
    Column("participant", Integer, unique=True, nullable=False),
    Column("condition", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("time", Text),
)

events = Table(
    "interaction_events",
    metadata,
    Column("session", String(64), ForeignKey(sessions.c.session), primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(32), nullable=False),
    Column("payload", Text, nullable=False),
    Column("time", Text),
    Column("monotonic", Float(53)),
)

forgotten = Table(  # numbers that are not given again: nothing else is left of a forgotten session
    "interaction_forgotten", metadata, Column("participant", Integer, primary_key=True, autoincrement=False)
)


class StoreError(InteractionError, OSError):
    """The log could not be read or written: the disk is full, say, or another version wrote it."""


def reason(error: sqlalchemy.exc.SQLAlchemyError) -> str:
    """Give in one line what the database said, without the statement."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def connect(address: str | Path) -> Engine:
    """Give the database at a path or a URL; nothing is read or written yet.

    Raises `ArgumentError` for a URL of another kind, and `MissingExtraError` without its library.
    """
    text = str(address)
    if "://" not in text:
        return _sqlite(Path(text))
    try:
        url = sqlalchemy.make_url(text)
    except sqlalchemy.exc.ArgumentError as error:
        raise ArgumentError(f"Store: expected a path or postgresql://…, got {text!r}") from error
    if url.get_backend_name() == "sqlite" and url.database:
        return _sqlite(Path(url.database))
    if url.get_backend_name() != "postgresql":
        raise ArgumentError(
            f"Store: expected the path of a file (SQLite) or postgresql://…, "
            f"got {url.render_as_string(hide_password=True)!r}"
        )
    return _postgresql(url)


def _sqlite(path: Path) -> Engine:
    at = path.absolute()  # of a process that may go to another folder
    engine = sqlalchemy.create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": SQLITE_WAITS}
    )

    @sqlalchemy.event.listens_for(engine, "connect")
    def prepare(connection: Any, record: Any) -> None:
        connection.isolation_level = None  # transactions begin below, and not where the driver thinks fit
        for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {setting}").close()
        record.info["file"] = _file(at)

    @sqlalchemy.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        if writes and connection.connection.info["file"] != _file(at):  # else what is written is lost
            raise StoreError(f"the store {path} is no more: its file was deleted, or another one put there")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _file(path: Path) -> tuple[int, int] | None:
    """Tell a file from all others, those included that had its name before."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgresql(url: URL) -> Engine:
    try:
        import psycopg  # noqa: F401  # asked here, so that what is missing is named
    except ImportError as error:
        raise missing_extra("psycopg", "postgresql", "a store in PostgreSQL") from error
    engine = sqlalchemy.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)

    @sqlalchemy.event.listens_for(engine, "connect")
    def prepare(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = on")
        connection.commit()

    return engine
