"""A page without a browser: it agrees, connects, and says what a test has it say."""

import json
from contextlib import contextmanager
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class Browser:
    """A participant's browser, with its cookies; `pages` are its tabs."""

    def __init__(self, address, origin="same"):
        self.address = address
        self.origin = address if origin == "same" else origin
        self.cookies = CookieJar()
        self.seen = []  # every byte that was sent here, as text
        self._opener = build_opener(HTTPCookieProcessor(self.cookies), ProxyHandler({}))

    def get(self, path="/", data=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.origin is not None and data is not None:
            headers["Origin"] = self.origin
        try:
            answer = self._opener.open(Request(self.address + path, data, headers), timeout=30)
        except HTTPError as error:
            answer = error
        with answer:
            body = answer.read().decode()
            self.seen.append(f"{answer.headers}{body}")
            return answer.status, dict(answer.headers), body

    def moved(self, address):
        """Go on at the address of a server that was started again."""
        self.address = self.origin = address
        return self

    def agree(self, query=""):
        status, _, body = self.get(f"/consent{query}", data=b"")
        assert status == 200, body
        return self

    @property
    def cookie(self):
        return "; ".join(f"{one.name}={one.value}" for one in self.cookies)

    @contextmanager
    def page(self, epoch=None, hello=True, origin="same"):
        headers = {"Cookie": self.cookie} if self.cookie else {}
        origin = self.origin if origin == "same" else origin
        address = self.address.replace("http", "ws") + "/socket"
        with connect(
            address, origin=origin, additional_headers=headers, proxy=None, close_timeout=2
        ) as socket:
            page = Tab(self, socket)
            if hello:
                page.hello(epoch)
            yield page


class Tab:
    """A page that is connected; `shown` is what it was told last to show."""

    def __init__(self, browser, socket):
        self.browser, self.socket = browser, socket
        self.shown = None
        self.got = []

    def say(self, **message):
        self.socket.send(json.dumps(message))

    def hear(self, timeout=30):
        text = self.socket.recv(timeout)
        self.browser.seen.append(text)
        message = json.loads(text)
        self.got.append(message)
        if message["type"] == "show":
            self.shown = message
        return message

    def until(self, *kinds):
        """Hear messages until one of some kinds."""
        while (message := self.hear())["type"] not in kinds:
            pass
        return message

    def closed(self):
        """Hear messages until the line is closed; give the code."""
        try:
            while True:
                self.hear()
        except ConnectionClosed as error:
            return error.rcvd.code

    def hello(self, epoch=None):
        self.say(type="hello", epoch=epoch)
        return self.until("show", "apology", "replaced", "refused")

    def tell(self, kind, payload, **changes):
        """Send an event for what is shown, and hear what comes of it."""
        shown = self.shown
        message = {name: shown[name] for name in ("epoch", "sequence", "round")} | {"payload": payload}
        self.say(type=kind, **(message | changes))
        return self.until("show", "apology", "replaced")

    def act(self, action, **changes):
        return self.tell("action", {"action": action, "shown": 10.0, "acted": 310.5}, **changes)

    def go_on(self):
        """Do whatever the page asks for, once."""
        kind = self.shown["kind"]
        if kind == "turn":
            return self.act(1)
        if kind == "questions":
            return self.tell("answer", {"values": {"ease": 5, "why": ""}})
        return self.tell("page", {})

    def play(self, until="end"):
        while self.shown["kind"] != until:
            self.go_on()
        return self.shown
