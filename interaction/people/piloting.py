"""Bots that come through the door by which people come: HTTP, a cookie, and a WebSocket to a real server."""

from __future__ import annotations

import asyncio
import http.client
import json
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from interaction.errors import ArgumentError, EpisodeError, missing_extra
from interaction.people.bots import Bot
from interaction.people.events import Event, decode
from interaction.people.limits import Limits
from interaction.people.server import StudyServer
from interaction.people.serving import serving
from interaction.people.session import Prompt
from interaction.people.store import Store
from interaction.people.study import Study
from interaction.progress import Progress

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
except ImportError as error:
    raise missing_extra("websockets", "people", "bots that come by the network") from error

FAST = Limits(rate=1e6, burst=10**6, beginnings=10**6)
"""What the server bears from bots, who need no time to think."""

PAUSES = (0.1, 0.3, 1.0, 2.0)  # s before each new attempt to connect, as a page does
Answered = tuple[str, dict[str, Any]]


class Visitor:
    """A bot that takes part by the network, as a page does: it connects again when the line is lost.

    `pause` is the least time between two of its answers (s), `patience` how long it tries to reach the
    server. `accepted` holds what the server said is durable, as (kind, payload) in order; `waits` how long
    each of its answers took, until the server showed what follows (s).

    >>> from interaction.people.piloting import Visitor
    >>> visitor = Visitor("http://127.0.0.1:8000", study=None, seed=0)
    >>> visitor.accepted, visitor.waits
    ([], [])
    """

    def __init__(
        self, address: str, study: Study | None, seed: int, *, pause: float = 0.0, patience: float = 60.0
    ) -> None:
        self.address, self.study, self.seed = address, study, seed
        self.pause, self.patience = pause, patience
        self.accepted: list[Answered] = []
        self.waits: list[float] = []
        self.session: str | None = None
        self.over = False
        self._cookie = ""
        self._epoch: int | None = None
        self._bot: Bot | None = None
        self._place: tuple[Any, ...] | None = None
        self._answer: Answered = ("", {})
        self._sequence = -1  # of the answer that is under way
        self._sent = self._last = 0.0  # when it last sent an answer; the first is 0 once it was heard
        self._until = float("inf")

    def agree(self, query: str = "") -> None:
        """Give consent, and keep the cookie. Raises `EpisodeError` where the server does not let it in."""
        where = urlsplit(self.address)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=self.patience)
        try:
            connection.request(
                "POST", f"/consent{query}", headers={"Origin": self.address, "Content-Length": "0"}
            )
            answer = connection.getresponse()
            cookie = answer.getheader("Set-Cookie")
            if answer.status != 303 or cookie is None:
                raise EpisodeError(f"{self.address} did not let a bot in: status {answer.status}")
            self._cookie = cookie.partition(";")[0]
        finally:
            connection.close()

    async def play(self, until: float | None = None) -> None:
        """Play to the end of the session, or until `perf_counter()` says so, on new lines if need be."""
        address = f"{self.address.replace('http', 'ws', 1)}/socket"
        attempts, lost = 0, perf_counter()
        self._until = float("inf") if until is None else until
        while not self.over and perf_counter() < self._until:
            before = len(self.waits)
            try:
                async with connect(
                    address,
                    origin=self.address,  # type: ignore[arg-type]  # a text of a kind of its own
                    additional_headers={"Cookie": self._cookie},
                    compression=None,
                    proxy=None,
                ) as line:
                    await self._converse(line)
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                if len(self.waits) > before:
                    attempts, lost = 0, perf_counter()
                if perf_counter() - lost > self.patience:
                    raise
                await asyncio.sleep(PAUSES[min(attempts, len(PAUSES) - 1)])
                attempts += 1

    async def _converse(self, line: ClientConnection) -> None:
        await line.send(json.dumps({"type": "hello", "epoch": self._epoch}))
        while not self.over and perf_counter() < self._until:
            message = json.loads(await line.recv())
            kind = message["type"]
            if kind == "show":
                await self._take(line, message)
            elif kind == "accepted" and message["sequence"] == self._sequence:
                self.accepted.append(self._answer)
                self._sequence = -1
            elif kind == "apology":
                raise EpisodeError(
                    f"pilot: a bot was shown an apology with the code {message['code']}, under which the "
                    "server's log has the traceback"
                )
            elif kind not in ("accepted", "thinking", "pong"):
                raise EpisodeError(f"session {self.session}: a bot was told {message}")

    async def _take(self, line: ClientConnection, shown: dict[str, Any]) -> None:
        """Answer what is shown; the same again gets the same answer, with the times that it had."""
        if self._sent:
            self.waits.append(perf_counter() - self._sent)
            self._sent = 0.0
        self.session, self._epoch = shown["session"], shown["epoch"]
        place = shown["step"], shown["episode"], shown["round"]
        if place != self._place and self._sequence >= 0:  # durable, but the line was lost
            self.accepted.append(self._answer)
            self._sequence = -1
        if shown["kind"] == "end":
            self.over = True
            return
        if place != self._place:
            self._place, self._answer = place, self._answered(shown)
        await asyncio.sleep(max(self._last + self.pause - perf_counter(), 0.0))
        if perf_counter() >= self._until:
            return
        kind, payload = self._answer
        self._sequence, self._sent = shown["sequence"], perf_counter()
        self._last = self._sent
        message = {"type": kind, "epoch": self._epoch, "sequence": self._sequence, "round": shown["round"]}
        await line.send(json.dumps(message | {"payload": payload}))

    def _answered(self, shown: dict[str, Any]) -> Answered:
        assert self.study is not None
        participant = shown["participant"]
        if self._bot is None:
            condition = self.study.condition(shown["condition"])
            self._bot = Bot(condition, self.study.seed_of(participant), participant, self.seed)
        steps = self.study.steps()
        observation = decode(shown["observation"])
        number, where = shown["step"], (shown["episode"], shown["round"])
        return self._bot.answer(Prompt(number, len(steps), steps[number], observation, *where))


@dataclass(frozen=True)
class Piloted:
    """What a pilot left: the events of all sessions, how long each answer of the server took, and all (s).

    >>> from interaction.people.piloting import Piloted
    >>> print(Piloted([], [0.002, 0.004], seconds=1.0).summary())
    0 sessions, 0 events in 1.0 s; answers took 3.0 ms (median), 95 % of them below 3.9 ms
    """

    events: list[Event]
    waits: list[float]
    seconds: float

    def summary(self) -> str:
        """Say in a line how it went."""
        import numpy as np

        sessions = len({event.session for event in self.events})
        middle, high = 1e3 * np.quantile(self.waits or [0.0], [0.5, 0.95])
        return (
            f"{sessions} sessions, {len(self.events)} events in {self.seconds:.1f} s; answers took "
            f"{middle:.1f} ms (median), 95 % of them below {high:.1f} ms"
        )


def pilot_served(
    study: Study,
    participants: int,
    seed: int = 0,
    *,
    store: str | Path | None = None,
    at_once: int = 20,
    pause: float = 0.0,
    progress: bool = False,
) -> Piloted:
    """Let simulated participants take part through a server on this machine, `at_once` at a time.

    The log is that of `pilot` with the same seed, but for the clocks, the names of the sessions, and what the
    server notes of its own. It is kept in `store`, or dropped. `pause` is the least time between two answers
    of a bot (s). Raises `EpisodeError` where a bot is shown an apology, since something failed.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Person, Study
    >>> from interaction.people.piloting import pilot_served
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=5)
    >>> study = Study("two arms", {"plain": Condition(bundle, RescorlaWagnerUser())}, episodes=2)
    >>> piloted = pilot_served(study, participants=3)
    >>> sum(event.kind == "action" for event in piloted.events)
    30
    """
    for name, value in (("participants", participants), ("at_once", at_once)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ArgumentError(f"pilot: {name}: expected a number >= 1, got {value!r}")
    with ExitStack() as stack:
        if store is None:
            store = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "pilot.db"
        log = stack.enter_context(Store(store))
        before = {standing.seat.session for standing in log.standings()}
        server = StudyServer(study, log, limits=FAST, bots=True)
        address = stack.enter_context(serving(server))
        begun = perf_counter()
        visitors = [Visitor(address, study, seed, pause=pause) for _ in range(participants)]
        bar = stack.enter_context(Progress("pilot", participants, unit="sessions", shown=progress))
        with ThreadPoolExecutor(1) as aside:  # a notebook has a loop of its own
            aside.submit(asyncio.run, _play(visitors, at_once, bar)).result()
        seconds = perf_counter() - begun
        events = [event for event in log.events() if event.session not in before]
    return Piloted(events, [wait for visitor in visitors for wait in visitor.waits], seconds)


async def _play(visitors: list[Visitor], at_once: int, bar: Progress) -> None:
    """Have all take part: they come in their order, and some at a time play."""
    places, door = asyncio.Semaphore(at_once), asyncio.Lock()

    async def take_part(visitor: Visitor) -> None:
        async with places:
            async with door:
                await asyncio.to_thread(visitor.agree)
            await visitor.play()
            bar.update()

    try:
        async with asyncio.TaskGroup() as group:
            for visitor in visitors:
                group.create_task(take_part(visitor))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
