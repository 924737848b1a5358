"""The server of a study: consent, a cookie, the page that plays, the line to it, and the monitor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from secrets import token_urlsafe
from urllib.parse import urlencode

from interaction.errors import ArgumentError, missing_extra
from interaction.people import pages
from interaction.people.fragments import Fragment, tag
from interaction.people.identity import AGE, cookie_name, read_origin, same_origin
from interaction.people.limits import Allowance, Limits
from interaction.people.study import Study

try:
    from starlette.applications import Starlette
    from starlette.datastructures import MutableHeaders
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, RedirectResponse, Response
    from starlette.routing import Route, WebSocketRoute
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from starlette.websockets import WebSocket
except ImportError as error:
    raise missing_extra("starlette", "people", "the server of a study") from error

from interaction.people.line import AGAIN, TOO_MUCH, UNKNOWN, Line
from interaction.people.live import Room
from interaction.people.monitor import Monitor
from interaction.people.store import Store

KINDS = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
HEADERS = {
    "Content-Security-Policy": pages.CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",  # without a referrer, a browser hides the origin, too
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MOST_KEPT = (20, 200)  # entries of the address that are kept, and the characters of each
VISIT, VISITS = "interaction-visit", 60.0
"""The entry of the address that tells one opening of the consent from another, and how long it does (s)."""


class StudyServer:
    """A study on the web, as an ASGI application (`app`), with the log of its sessions in a store.

    `origins` are those of which pages may speak to the server, as `https://study.example`, where it stands
    behind a proxy; by default, its own alone. `token` is that of the monitor; by default, one is drawn.
    With `bots` the server also tells what a person must not see as numbers: for simulated participants only.
    Raises `StoreError` where the store holds another study or another version of it (see `Store.open`), and
    `ArgumentError` for an empty token, and for an origin that is none.

    >>> import tempfile
    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Person, Study
    >>> from interaction.people.server import StudyServer
    >>> from interaction.people.store import Store
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1)
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/results.db") as store:
    ...     server = StudyServer(study, store)
    ...     sorted(route.path for route in server.app.routes)
    ['/', '/consent', '/monitor', '/monitor/sessions', '/socket', '/static/{name}']
    """

    def __init__(
        self,
        study: Study,
        store: Store,
        *,
        limits: Limits | None = None,
        origins: Iterable[str] = (),
        token: str | None = None,
        new_version: bool = False,
        bots: bool = False,
    ) -> None:
        self.study, self.store = study, store
        self.limits = Limits() if limits is None else limits
        self.origins = frozenset(map(read_origin, origins))
        self.token = token_urlsafe(16) if token is None else token
        if not self.token.strip():
            raise ArgumentError("StudyServer: token: expected one that nobody guesses, got an empty one")
        self.bots = bots
        self._cookie = cookie_name(study.name)
        self._beginnings = Allowance(self.limits.beginnings / 60, self.limits.beginnings)
        self._visits: dict[str, asyncio.Task[str]] = {}  # who agreed of late
        version = store.open(study.name, study.fingerprint, study.specification, new_version=new_version)
        self.room = Room(study, store, version, self.limits)
        monitor = Monitor(self.room, self.token)
        routes = [
            Route("/", self._first),
            Route("/consent", self._consent, methods=["POST"]),
            Route("/static/{name}", self._static),
            Route("/monitor", monitor.page),
            Route("/monitor/sessions", monitor.sessions),
            WebSocketRoute("/socket", self._socket),
        ]
        self.app = Starlette(routes=routes, lifespan=self._lifespan)
        self.app.add_middleware(_Headers)

    @asynccontextmanager
    async def _lifespan(self, app: object) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(self.room.sweep())
        yield
        sweeping.cancel()
        await asyncio.gather(*(line.close(AGAIN) for line in list(self.room.lines)))
        self.room.close()

    async def _first(self, request: Request) -> Response:
        """Show the consent to who is new, and to others the page that plays."""
        study, seat = self.study, None
        try:
            seat = await self.room.find(request.cookies.get(self._cookie))
            if seat is None:
                query = urlencode(_kept(request) | {VISIT: token_urlsafe(16)})
                return self._page(pages.consent(self._asked(), f"consent?{query}", study.texts))
            async with self.room.enter(seat) as live:
                blocked = self.room.welcome(live) == "block"
        except Exception as error:
            return self._page(pages.apology(await self.room.fail(seat, error), study.texts), 500)
        return self._page(pages.blocked(study.texts), 403) if blocked else self._page(None)

    def _asked(self) -> Fragment:
        """Give what is agreed to: the study's first page, or its title where it has none."""
        if self.study.pages:
            return pages.markdown(self.study.pages[0].text, self.study.folder)
        return tag("h1", self.study.texts["title"])

    def _page(self, body: Fragment | None, status: int = 200) -> Response:
        return HTMLResponse(pages.shell(body, self.study.texts), status)

    async def _consent(self, request: Request) -> Response:
        """Begin the session of who agreed, and give the cookie that tells who they are."""
        if not self._ours(request):
            return Response(
                "This request does not come from the page of the study.", 403, media_type="text/plain"
            )
        answer = RedirectResponse("./", 303)
        visit = request.query_params.get(VISIT, "")
        try:
            if await self.room.find(request.cookies.get(self._cookie)) is not None:
                return answer  # agreed twice
            if visit not in self._visits and not self._beginnings.take():
                return self._page(pages.too_many(self.study.texts), 429)
            secret = await self._begun(visit, _kept(request))
        except Exception as error:
            return self._page(pages.apology(await self.room.fail(None, error), self.study.texts), 500)
        secure = request.url.scheme == "https" or any(one.startswith("https:") for one in self.origins)
        answer.set_cookie(self._cookie, secret, max_age=AGE, httponly=True, samesite="lax", secure=secure)
        return answer

    async def _begun(self, visit: str, url: Mapping[str, str]) -> str:
        """Begin a session, and give its secret: one session, however often the button was pressed."""
        begins = self._visits.get(visit) or asyncio.create_task(self.room.begin(url))
        if visit and visit not in self._visits:
            self._visits[visit] = begins
            asyncio.get_running_loop().call_later(VISITS, self._visits.pop, visit, None)
        try:
            return await asyncio.shield(begins)
        except BaseException:
            self._visits.pop(visit, None)
            raise

    def _ours(self, connection: Request | WebSocket) -> bool:
        return same_origin(connection.headers.get("origin"), connection.headers.get("host"), self.origins)

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in pages.STATIC:
            return Response("There is no such file.", 404, media_type="text/plain")
        kept = {"Cache-Control": "public, max-age=31536000, immutable"}  # its address tells its content
        return Response(pages.static(name), headers=kept, media_type=KINDS[name.rpartition(".")[2]])

    async def _socket(self, socket: WebSocket) -> None:
        if not self._ours(socket):
            return await socket.close(UNKNOWN)  # before it is accepted: the handshake is refused (403)
        seat = await self.room.find(socket.cookies.get(self._cookie))
        await socket.accept()
        if seat is None:
            return await socket.close(UNKNOWN)
        if sum(line.seat.session == seat.session for line in self.room.lines) >= self.limits.lines:
            return await socket.close(TOO_MUCH)
        return await Line(self.room, socket, seat, bots=self.bots).serve()


def _kept(request: Request) -> dict[str, str]:
    """Give what the address carries: data, such as the identifier of a recruiting service."""
    entries, characters = MOST_KEPT
    found = [(name, value) for name, value in request.query_params.items() if name != VISIT]
    return {name[:characters]: value[:characters] for name, value in found[:entries]}


class _Headers:
    """Adds the headers that keep a page safe to each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)
