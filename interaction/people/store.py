"""The store: the append-only log of a study's sessions, in a file or in PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from interaction.errors import missing_extra, unknown_name
from interaction.people.events import Event
from interaction.people.seats import Seat, Standing
from interaction.people.specification import changes

try:
    import sqlalchemy
    from sqlalchemy import func, insert, select
    from sqlalchemy.engine import Connection
except ImportError as error:
    raise missing_extra("SQLAlchemy", "people", "the store of a study") from error

from interaction.people import tables
from interaction.people.claims import claim
from interaction.people.tables import StoreError, connect, metadata
from interaction.people.writing import Writer


class Store:
    """The log of a study's sessions at a path (SQLite) or a URL (`postgresql://…`): nothing in it changes.

    An event is durable when the future that `append` gave is done: whatever befalls the process or the
    machine after that, it is there, once. `forget` alone takes away.
    Raises `StoreError` for a store that another version of this package wrote, or that holds another study.

    >>> import tempfile
    >>> from interaction.people.events import Event
    >>> from interaction.people.seats import Seat
    >>> from interaction.people.store import Store
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/results.db") as store:
    ...     version = store.open("pointing", fingerprint="5d41", specification={"episodes": 12})
    ...     seat = Seat("a3f0", participant=0, condition="informed", version=version)
    ...     first = Event("a3f0", 0, "began", {"seed": 7}, time="2026-11-30T08:00:00+00:00", monotonic=0.0)
    ...     store.begin(seat, first).result()  # waits until it is durable
    ...     [event.kind for event in store.events("a3f0")], store.standings()[0].events
    (['began'], 1)
    """

    def __init__(self, address: str | Path, *, create: bool = True) -> None:
        self.address = str(address)
        if not create and "://" not in self.address and not Path(self.address).exists():
            raise StoreError(f"there is no store at {self.address}")
        if "://" not in self.address and not Path(self.address).parent.is_dir():
            raise StoreError(f"the store {self.address}: there is no folder {Path(self.address).parent}")
        self._engine = connect(address)
        try:
            self._prepare()
        except sqlalchemy.exc.SQLAlchemyError as error:
            self._engine.dispose()
            raise StoreError(f"{self._where}: {tables.reason(error)}") from error
        except StoreError:
            self._engine.dispose()
            raise
        self._writer = Writer(self._engine)

    @property
    def _where(self) -> str:
        url = self._engine.url
        shown = url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)
        return f"the store {url.database if self._engine.dialect.name == 'sqlite' else shown}"

    def _prepare(self) -> None:
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":  # two that begin at once do not make the tables twice
                connection.execute(select(func.pg_advisory_xact_lock(0x1A7E2AC7)))
            there = sqlalchemy.inspect(connection).has_table(tables.formats.name)
            if there:
                wrote = connection.scalars(select(tables.formats.c.format)).all()
                if wrote != [tables.FORMAT]:
                    raise StoreError(
                        f"{self._where} was written by another version of this package: expected the format "
                        f"{tables.FORMAT!r}, got {', '.join(map(repr, wrote)) or 'none'}"
                    )
            else:
                metadata.create_all(connection)
                connection.execute(insert(tables.formats), {"format": tables.FORMAT})

    def open(
        self, study: str, fingerprint: str, specification: Mapping[str, Any], *, new_version: bool = False
    ) -> int:
        """Say which study is about to be run, and give the version under which its sessions are kept.

        Raises `StoreError` where the sessions that are there are of another study, or began with another
        fingerprint: then `new_version=True` lets the changed one in, beside what is there. A study that has
        changed before anyone took part is let in as it is.
        """

        def enter(connection: Connection) -> int:
            rows = connection.execute(select(tables.versions).order_by(tables.versions.c.version)).all()
            newest = connection.scalar(select(func.max(tables.sessions.c.version)))
            began = None if newest is None else rows[newest]
            if began is not None and began.study != study:
                raise StoreError(
                    f"{self._where} holds the study {began.study!r}, and not {study!r}; give another store"
                )
            for row in (*rows[-1:], began):
                if row is not None and (row.study, row.fingerprint) == (study, fingerprint):
                    return int(row.version)
            if began is not None and not new_version:
                raise StoreError(self._changed(began, fingerprint, specification))
            row = {"version": len(rows), "study": study, "fingerprint": fingerprint}
            more = {"specification": _text(specification), "time": datetime.now(UTC).isoformat()}
            connection.execute(insert(tables.versions), row | more)
            return len(rows)

        return self._writer.submit(enter).result()

    def _changed(self, began: Any, fingerprint: str, specification: Mapping[str, Any]) -> str:
        """Say that a study has changed, and in what."""
        what = changes(json.loads(began.specification), json.loads(_text(specification)))
        return (
            f"the study {began.study!r} has changed since its sessions began: {what} (the fingerprint in "
            f"{self._where} is {began.fingerprint}, now it is {fingerprint}). Those sessions might not play "
            "again: take the old code, another store, or let the changed study in with --new-version"
        )

    def begin(self, seat: Seat, first: Event) -> Future[None]:
        """Begin a session with its first event; the future is done when both are durable."""
        row = {**seat._asdict(), "time": first.time}
        event = _row(first)

        def enter(connection: Connection) -> None:
            connection.execute(insert(tables.sessions), row)
            connection.execute(insert(tables.events), event)

        return self._writer.submit(enter)

    def append(self, events: Iterable[Event]) -> Future[None]:
        """Add events to the log, all or none; the future is done when they are durable.

        It holds a `StoreError` where they are not: no room on the disk, or a sequence that is there already.
        """
        rows = [_row(event) for event in events]

        def enter(connection: Connection) -> None:
            if rows:
                connection.execute(insert(tables.events), rows)

        return self._writer.submit(enter)

    def events(self, session: str | None = None) -> list[Event]:
        """Give the events of a session in their order, or those of all, by participant.

        Raises `UnknownNameError` for a session that is not there.
        """
        log, seats = tables.events.c, tables.sessions.c
        wanted = select(tables.events).join(tables.sessions, seats.session == log.session)
        if session is not None:
            wanted = wanted.where(log.session == session)
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(seats.participant, log.sequence)).all()
        if session is not None and not rows:
            raise unknown_name(session, [one.seat.session for one in self.standings()][:20], self._where)
        return [
            Event(row.session, row.sequence, row.kind, json.loads(row.payload), row.time, row.monotonic)
            for row in rows
        ]

    def find(self, secret: str) -> Seat | None:
        """Give the session of which a cookie's hash tells, if there is one."""
        return self._seat(tables.sessions.c.secret == secret)

    def seat(self, session: str) -> Seat:
        """Give the seat of a session. Raises `UnknownNameError` where it is not there."""
        seat = self._seat(tables.sessions.c.session == session)
        if seat is None:
            raise unknown_name(session, [one.seat.session for one in self.standings()][:20], self._where)
        return seat

    def _seat(self, where: Any) -> Seat | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(tables.sessions).where(where)).one_or_none()
        return None if row is None else _seat_of(row)

    def standings(self) -> list[Standing]:
        """Give where each session stands, by participant."""
        log = tables.events.c
        sums = (
            select(
                log.session,
                func.count().label("events"),
                func.max(log.sequence).label("newest"),
                func.max(sqlalchemy.case((log.kind == "ended", 1), else_=0)).label("ended"),
            )
            .group_by(log.session)
            .subquery()
        )
        last = tables.events.alias()
        told = sqlalchemy.case((last.c.kind == "failed", last.c.payload)).label("told")
        wanted = (
            select(tables.sessions, sums.c.events, sums.c.ended, last.c.time.label("last"), told)
            .join(sums, sums.c.session == tables.sessions.c.session)
            .join(last, (last.c.session == sums.c.session) & (last.c.sequence == sums.c.newest))
            .order_by(tables.sessions.c.participant)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).all()
        return [
            Standing(
                _seat_of(row),
                row.events,
                row.time,
                row.last,
                bool(row.ended),
                row.told and json.loads(row.told)["code"],
            )
            for row in rows
        ]

    def next_participant(self) -> int:
        """Give the number of the next participant: one that nobody had, forgotten ones included."""
        numbers = (tables.sessions.c.participant, tables.forgotten.c.participant)
        with self._engine.connect() as connection:
            highest = [connection.scalar(select(func.max(number))) for number in numbers]
        return max((-1 if one is None else int(one)) for one in highest) + 1

    def forget(self, session: str) -> None:
        """Take a session and all its events out of the log; its number is not given again.

        Raises `UnknownNameError` where it is not there. SQLite overwrites what is deleted; in PostgreSQL the
        rows leave the disk with the next VACUUM, and backups hold them as long as they are kept.
        """
        participant = self.seat(session).participant

        def delete(connection: Connection) -> None:
            connection.execute(tables.events.delete().where(tables.events.c.session == session))
            connection.execute(tables.sessions.delete().where(tables.sessions.c.session == session))
            connection.execute(insert(tables.forgotten), {"participant": participant})

        self._writer.submit(delete).result()
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect() as connection:  # a second file holds what was written of late
                raw = connection.connection.driver_connection
                assert raw is not None
                connection.rollback()
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def claimed(self) -> AbstractContextManager[None]:
        """Claim the store for a server, until the end of the block or of the process.

        Raises `StoreError` where another process serves it.
        """
        return claim(self._engine)

    def close(self) -> None:
        """Write what waits, and let the database go."""
        self._writer.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))  # in ASCII, whatever the database speaks


def _row(event: Event) -> dict[str, Any]:
    return {**event._asdict(), "payload": _text(event.payload)}


def _seat_of(row: Any) -> Seat:
    return Seat(row.session, row.participant, row.condition, row.version, row.secret)
