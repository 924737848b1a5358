"""The sessions that are in memory: played again from the log when a page comes, let go when it is gone."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import monotonic, time
from typing import TYPE_CHECKING, Any, TypeVar

from interaction.people.assignment import Count
from interaction.people.events import Event
from interaction.people.identity import hashed, new_name, new_secret
from interaction.people.limits import Limits
from interaction.people.protocol import KINDS
from interaction.people.seats import Seat, Standing
from interaction.people.session import Session, replay
from interaction.people.steps import Page
from interaction.people.store import Store
from interaction.people.study import Study

if TYPE_CHECKING:
    from interaction.people.line import Line

T = TypeVar("T")
What = tuple[str, Mapping[str, Any]]
"""The kind and the payload of an event."""

PLANNERS, READERS = 8, 4
"""So many assistants at most plan at once: more threads do not make Python faster; and so many read."""

GRACE = 60.0
"""Seconds for which nobody may be there before opening a page counts as coming back."""

log = logging.getLogger("interaction.people")


class Live:
    """A session in memory: the fold of its log, and the line to the newest page that shows it.

    Whoever reads or changes it holds `lock`. `sequence` counts the events of its log, `told` those of them
    that a page told, `epoch` the pages that were opened. `gone` is one that is to be played again.
    """

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.lock = asyncio.Lock()
        self.session: Session | None = None
        self.sequence = self.told = self.epoch = 0
        self.last = 0.0  # s of the wall's clock, of the newest event
        self.left: float | None = None  # s of the monotonic clock, when its last page went
        self.line: Line | None = None
        self.used = monotonic()
        self.gone = False

    @property
    def playing(self) -> Session:
        """The session, which has been loaded."""
        assert self.session is not None
        return self.session

    @property
    def away(self) -> float:
        """For how long nobody has been there (s)."""
        if self.line is not None:
            return 0.0
        return max(time() - self.last, 0.0) if self.left is None else monotonic() - self.left

    def keep(self, event: Event) -> None:
        """Count an event that is in the log."""
        self.sequence = event.sequence + 1
        self.told += event.kind in KINDS
        if event.kind == "connected":
            self.epoch = int(event.payload["epoch"])
        if event.time is not None:
            self.last = datetime.fromisoformat(event.time).timestamp()
        self.used = monotonic()


class Room:
    """All sessions of a study that is being run: who is there, and what they did, durably.

    Planning and reading go on in threads, so that nobody waits for somebody else's assistant.
    """

    def __init__(self, study: Study, store: Store, version: int, limits: Limits) -> None:
        self.study, self.store, self.version, self.limits = study, store, version, limits
        self.live: dict[str, Live] = {}
        self.lines: set[Line] = set()
        self._asides: set[asyncio.Future[None]] = set()
        self._threads = ThreadPoolExecutor(PLANNERS, thread_name_prefix="interaction-plan")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="interaction-read")
        self._door = asyncio.Lock()
        self._next = store.next_participant()
        self._finished: Counter[str] = Counter()
        self._open: dict[str, tuple[str, float]] = {}  # condition, and when it was last heard of
        for standing in store.standings():
            self._note(standing)

    def _note(self, standing: Standing) -> None:
        if standing.seat.version != self.version:
            return
        if standing.ended:
            self._finished[standing.seat.condition] += 1
        else:
            last = datetime.fromisoformat(standing.last).timestamp() if standing.last else 0.0
            self._open[standing.seat.session] = (standing.seat.condition, last)

    async def think(self, work: Callable[..., T], *given: Any) -> T:
        """Do what takes its time, since an assistant may plan, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    async def read(self, work: Callable[..., T], *given: Any) -> T:
        """Read, or draw, in a thread that no assistant takes up."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, work, *given)

    def aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for which nobody has to wait."""
        task = asyncio.ensure_future(work)
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    def counts(self) -> dict[str, Count]:
        """Give how many sessions of each condition have finished, go on, and were dropped."""
        late = time() - self.limits.dropped
        running, dropped = Counter[str](), Counter[str]()
        for name, (condition, last) in self._open.items():
            (running if last > late or self._is_here(name) else dropped)[condition] += 1
        kinds = (self._finished, running, dropped)
        return {name: Count(*(kind[name] for kind in kinds)) for name in self.study.conditions}

    def _is_here(self, name: str) -> bool:
        live = self.live.get(name)
        return live is not None and live.line is not None

    async def begin(self, url: Mapping[str, str]) -> str:
        """Begin the session of a new participant; give the secret for their cookie."""
        secret = new_secret()
        async with self._door:
            participant, self._next = self._next, self._next + 1
            condition = self.study.assign(participant, self.counts())
            seat = Seat(new_name(), participant, condition, self.version, hashed(secret))
            self._open[seat.session] = (condition, time())
        live = Live(seat)
        try:
            async with live.lock:
                live.session = Session(self.study)
                opening = self.study.opening(participant, condition, url)
                payload = await self.think(live.session.accept, "began", opening)
                first = self._event(live, 0, ("began", payload))
                await asyncio.wrap_future(self.store.begin(seat, first))
                live.keep(first)
                if isinstance(live.session.prompt.step, Page):  # it was the consent
                    await self.advance(live, "page", {"step": 0})
        except BaseException:
            self._open.pop(seat.session, None)
            raise
        self.live[seat.session] = live
        return secret

    async def find(self, secret: str | None) -> Seat | None:
        """Give the seat of who has this cookie."""
        return None if not secret else await self.read(self.store.find, hashed(secret))

    @asynccontextmanager
    async def enter(self, seat: Seat) -> AsyncIterator[Live]:
        """Have a session alone: it is played again from its log first, where it is not in memory.

        On any error inside, the session leaves memory: nothing that is not in the log is ever played on.
        """
        while True:
            live = self.live.setdefault(seat.session, Live(seat))
            async with live.lock:
                if live.gone:
                    continue
                try:
                    if live.session is None:
                        await self._load(live)
                    yield live
                except BaseException:
                    self.forget(live)
                    raise
                return

    async def _load(self, live: Live) -> None:
        events = await self.read(self.store.events, live.seat.session)
        live.session = await self.think(replay, self.study, events)
        for event in events:
            live.keep(event)

    def forget(self, live: Live) -> None:
        """Let a session leave the memory; its log has it."""
        live.gone = True
        if self.live.get(live.seat.session) is live:
            del self.live[live.seat.session]

    def welcome(self, live: Live, *, opened: bool = True) -> str:
        """Say what the study has for who opens a page of a session: "resume", "restart" or "block".

        Who was gone for less than a minute, or has a page open, has never left: that is a reload. A page that
        was not `opened` anew, and only lost its line, goes on, up to the study's maximum age.
        """
        if live.playing.over or live.epoch == 0 or live.away < GRACE:
            return "resume"
        oldest = self.study.maximum_age
        if oldest is not None and live.away > oldest:
            return "block"
        return self.study.on_return if opened else "resume"

    async def advance(self, live: Live, kind: str, payload: Mapping[str, Any]) -> None:
        """Take what happened into a session, and wait until it is durable."""
        await self.append(live, await self.think(self.accept, live, kind, payload))

    @staticmethod
    def accept(live: Live, kind: str, payload: Mapping[str, Any]) -> list[What]:
        """Play what happened, and give what is to be logged: the end is an event of its own."""
        session = live.playing
        whats: list[What] = [(kind, session.accept(kind, payload))]
        if session.prompt.kind == "end" and not session.over:
            whats.append(("ended", session.accept("ended", {})))
        return whats

    async def append(self, live: Live, whats: Sequence[What]) -> None:
        """Add events to the log of a session, and wait until they are durable."""
        events = [self._event(live, live.sequence + number, what) for number, what in enumerate(whats)]
        await asyncio.wrap_future(self.store.append(events))
        for event in events:
            live.keep(event)
        name, condition = live.seat.session, live.seat.condition
        if name not in self._open:  # it began with another version of the study, or is over
            return
        if any(kind == "ended" for kind, _ in whats):
            del self._open[name]
            self._finished[condition] += 1
        else:
            self._open[name] = (condition, live.last)

    def _event(self, live: Live, sequence: int, what: What) -> Event:
        kind, payload = what
        now = datetime.fromtimestamp(time(), UTC).isoformat(timespec="microseconds")  # all of one form
        return Event(live.seat.session, sequence, kind, dict(payload), now, monotonic())

    async def fail(self, who: Live | Seat | None, error: BaseException) -> str:
        """Tell the researcher's log what went wrong, and give the code under which it is there."""
        code = secrets.token_hex(3).upper()
        seat = who.seat if isinstance(who, Live) else who
        name = "a new session" if seat is None else f"session {seat.session} (participant {seat.participant})"
        log.error("%s: %s: %s", code, name, error, exc_info=error)
        if isinstance(who, Live):
            failed = {"code": code, "error": type(error).__name__}
            await self.append(who, [("failed", who.playing.accept("failed", failed))])
        return code

    async def sweep(self) -> None:
        """Let go, from time to time, what nobody looks at."""
        while True:
            await asyncio.sleep(self.limits.idle / 4)
            for live in list(self.live.values()):
                idle = monotonic() - live.used > self.limits.idle
                if live.line is None and idle and not live.lock.locked():
                    self.forget(live)

    def leave(self, live: Live, line: Line) -> None:
        """Say that a line is no more; a session that is over leaves the memory with it."""
        if live.line is line:
            live.line = None
            live.left = live.used = monotonic()
            if live.session is not None and live.session.over:
                self.forget(live)

    def close(self) -> None:
        """Let the threads go."""
        for threads in (self._threads, self._readers):
            threads.shutdown(wait=True, cancel_futures=True)
