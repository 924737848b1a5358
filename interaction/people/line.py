"""The line to one page: what it says is checked, made durable, acknowledged and answered, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from interaction.errors import InteractionError
from interaction.people.actions import read_action, read_told
from interaction.people.drawing import draw, progress
from interaction.people.events import encode
from interaction.people.limits import Allowance
from interaction.people.live import Live, Room, What
from interaction.people.protocol import KINDS, Message, ProtocolError, read
from interaction.people.seats import Seat
from interaction.people.session import Session
from interaction.people.steps import Questions

REPLACED, BLOCKED, UNKNOWN, TOO_MUCH, AGAIN = 4001, 4403, 4404, 1008, 1013
"""The codes with which a line is closed."""

THINKS = 0.15  # seconds after which the page is told that the partner thinks
TELLS = {"page": "page", "break": "page", "questions": "answer", "turn": "action"}
"""What a page tells when it shows a prompt of a kind."""


class Shown(NamedTuple):
    """What is to be logged, and how the page looks after it; or what went wrong while it was drawn."""

    whats: list[What]
    show: dict[str, Any] | None
    error: Exception | None


class Line:
    """A WebSocket to a page of a session, from its handshake to its end."""

    def __init__(self, room: Room, socket: WebSocket, seat: Seat, *, bots: bool = False) -> None:
        self.room, self.seat, self.bots = room, seat, bots
        self._socket = socket
        others = (line._allowance for line in room.lines if line.seat.session == seat.session)
        self._allowance: Allowance = next(others, None) or Allowance(room.limits.rate, room.limits.burst)
        self._waiting: asyncio.Queue[Message | None] = asyncio.Queue(room.limits.burst)

    async def serve(self) -> None:
        """Read what the page sends until the line ends."""
        self.room.lines.add(self)
        work = asyncio.create_task(self._work())
        try:
            await self._read()
        finally:
            self._waiting.put_nowait(None)
            await asyncio.wait({work})
            self.room.lines.discard(self)
            live = self.room.live.get(self.seat.session)
            if live is not None:
                self.room.leave(live, self)

    async def _read(self) -> None:
        with suppress(WebSocketDisconnect):
            while self._socket.application_state is WebSocketState.CONNECTED:
                try:
                    text = await asyncio.wait_for(self._socket.receive_text(), self.room.limits.silence)
                    if not self._allowance.take(max(1.0, len(text) / self.room.limits.piece)):
                        raise ProtocolError("too many messages; send them more slowly")
                    message = read(text)
                except TimeoutError:
                    await self.close(AGAIN)
                    return
                except (ProtocolError, KeyError) as error:  # a KeyError: bytes in place of text
                    await self.send("refused", reason=str(error))
                    await self.close(TOO_MUCH)
                    return
                if message.type == "ping":
                    await self.send("pong", at=message.payload["at"], server=monotonic() * 1e3)
                elif self._waiting.qsize() >= self._waiting.maxsize - 1:  # one place is for the end
                    await self.close(TOO_MUCH)
                    return
                else:
                    self._waiting.put_nowait(message)

    async def _work(self) -> None:
        """Do what the page asks for, in order; on an error tell the researcher, apologise, and end."""
        while (message := await self._waiting.get()) is not None:
            try:
                async with self.room.enter(self.seat) as live:
                    take = self._hello if message.type == "hello" else self._take
                    await take(live, message)
            except Exception as error:
                code = await self.room.fail(self.seat, error)
                await self.send("apology", code=code)
                await self.close(AGAIN)
                return

    async def _hello(self, live: Live, message: Message) -> None:
        if message.epoch is not None and message.epoch < live.epoch:
            return await self.replaced()
        opened = message.epoch is None or message.epoch > live.epoch
        welcome = self.room.welcome(live, opened=opened)
        if welcome == "block":
            return await self.close(BLOCKED)
        if welcome == "restart":
            await self.room.advance(live, "restarted", {})
        old, live.line = live.line, self
        if old is not None and old is not self:
            self.room.aside(old.replaced() if opened else old.close(AGAIN))
        kind, told = ("connected", {"epoch": live.epoch + 1}) if opened else ("returned", {})
        if self.seat.version != self.room.version:  # its log plays again by the new code
            told["version"] = self.room.version
        await self.room.append(live, [(kind, live.playing.accept(kind, told))])
        return await self._show(live, await self.room.read(self._drawn, live, []))

    async def _take(self, live: Live, message: Message) -> None:
        """Take an event that the page tells: the next one is played, an earlier one answered from the log."""
        if live.line is not self or message.epoch != live.epoch:
            return await self.replaced()
        if message.sequence < live.told:
            return await self._repeat(live, message)
        reason = self._wrong(live, message)
        if reason is not None:
            await self.send("refused", sequence=message.sequence, reason=reason)
            return await self._show(live, await self.room.read(self._drawn, live, []))
        if message.type == "noted":
            await self.room.append(live, [("noted", live.playing.accept("noted", message.payload))])
            return await self.send("accepted", sequence=message.sequence)
        return await self._play(live, message)

    def _wrong(self, live: Live, message: Message) -> str | None:
        """Say why an event cannot be taken, if it cannot."""
        session = live.playing
        prompt = session.prompt
        if message.sequence > live.told:
            return f"expected the sequence {live.told}, got {message.sequence}"
        if message.type == "noted":
            return None
        if TELLS.get(prompt.kind) != message.type:
            return f"the session shows a {prompt.kind}, and takes no {message.type}"
        if message.type == "action" and message.round != prompt.round:
            return f"expected the round {prompt.round}, got {message.round}"
        if message.payload.get("step", prompt.number) != prompt.number:
            return f"expected the step {prompt.number}, got {message.payload['step']}"
        try:
            if message.type == "action":
                read_action(session.condition.action_space, message.payload["action"])
                read_told(message.payload)
            elif isinstance(prompt.step, Questions):
                prompt.step.check(message.payload["values"])
        except InteractionError as error:
            return str(error)
        except (
            ArithmeticError,
            TypeError,
            ValueError,
        ):  # of numpy: too large a number, say
            return f"the {message.type} is none"
        return None

    async def _repeat(self, live: Live, message: Message) -> None:
        """Answer a message whose sequence is in the log already: by what the log holds."""
        events = await self.room.read(self.room.store.events, self.seat.session)
        logged = [event for event in events if event.kind in KINDS][message.sequence]
        here = message.type == "noted" or message.round == logged.payload.get("round", message.round)
        if logged.kind == message.type and here and self._same(live, logged.payload, message.payload):
            await self.send("accepted", sequence=message.sequence)
        else:
            reason = f"the sequence {message.sequence} is in the log already, with something else"
            await self.send("refused", sequence=message.sequence, reason=reason)
        await self._show(live, await self.room.read(self._drawn, live, []))

    @staticmethod
    def _same(live: Live, logged: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
        if "values" in told:
            given = {name: None if value == "" else value for name, value in told["values"].items()}
            return {name: value for name, value in logged["values"].items() if name in given} == given
        if "action" not in told:
            return all(logged.get(name) == value for name, value in told.items())
        try:
            action = read_action(live.playing.condition.action_space, told["action"])
            return bool(encode(action) == logged["action"])
        except (InteractionError, ArithmeticError, TypeError, ValueError):
            return False

    async def _play(self, live: Live, message: Message) -> None:
        """Play an event, make it durable, say so, and show what follows."""
        work = asyncio.ensure_future(self.room.think(self._played, live, message))
        done, _ = await asyncio.wait({work}, timeout=THINKS)
        if not done:
            await self.send("thinking")
        try:
            shown = await work
        except Exception as error:
            code = await self.room.fail(live, error)
            await self.send("apology", code=code)
            return await self.close(AGAIN)
        await self.room.append(live, shown.whats)
        await self.send("accepted", sequence=message.sequence)
        return await self._show(live, shown)

    def _played(self, live: Live, message: Message) -> Shown:
        return self._drawn(live, self.room.accept(live, message.type, message.payload))

    def _drawn(self, live: Live, whats: list[What]) -> Shown:
        """Draw how the page looks now: from the observation alone."""
        session = live.playing
        prompt = session.prompt
        try:
            show = {
                "kind": prompt.kind,
                "html": draw(session).html,
                "step": prompt.number,
                "episode": prompt.episode,
                "round": prompt.round,
                "progress": progress(session),
            }
        except Exception as error:  # of a view, which may be anybody's code
            return Shown(whats, None, error)
        if self.bots:
            show |= {"participant": self.seat.participant, "condition": self.seat.condition}
            show["observation"] = None if prompt.observation is None else encode(prompt.observation)
        return Shown(whats, show, None)

    async def _show(self, live: Live, shown: Shown) -> None:
        if shown.error is not None:
            await self.send("apology", code=await self.room.fail(live, shown.error))
        else:
            place = {"session": self.seat.session, "epoch": live.epoch, "sequence": live.told}
            await self.send("show", **place, **(shown.show or {}))
            session = live.playing
            if session.waiting is not None and session.condition.ahead:
                self.room.aside(self._ahead(session))

    async def _ahead(self, session: Session) -> None:
        """Compute what follows each action while the person thinks; an error is told when it matters."""
        with suppress(Exception):
            await self.room.think(session.think_ahead)

    async def replaced(self) -> None:
        """Say that a newer page has taken over, and end."""
        await self.send("replaced")
        await self.close(REPLACED)

    async def send(self, kind: str, /, **members: Any) -> None:
        """Send a message, if there is still somebody to read it."""
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):  # gone in between
                await self._socket.send_text(json.dumps({"type": kind, **members}, separators=(",", ":")))

    async def close(self, code: int) -> None:
        """End the line."""
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(code)
