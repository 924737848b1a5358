"""Running a server of a study: until it is stopped, or beside what else goes on in this process."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from interaction.errors import ArgumentError, InteractionError, missing_extra
from interaction.people.server import StudyServer

try:
    import uvicorn
    import websockets  # noqa: F401  # by which uvicorn speaks with the pages
except ImportError as error:
    raise missing_extra("uvicorn, with websockets,", "people", "serving a study") from error


HINTS = {
    errno.EADDRINUSE: "Is a server running there? Give another port with --port",
    errno.EACCES: "Give a port from 1024 up with --port",
}


class PortError(InteractionError, OSError):
    """The server cannot listen where it was told to."""


def listen(host: str, port: int) -> socket.socket:
    """Take a port of this machine (0: any free one); raise a `PortError` where it is in use.

    >>> from interaction.people.serving import listen
    >>> with listen("127.0.0.1", 0) as taken:
    ...     taken.getsockname()[1] > 0
    True
    """
    if not 0 <= port < 2**16:
        raise ArgumentError(f"serve: expected a port from 0 to 65535, got {port}")
    found = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(2048)
    except OSError as error:
        if found is not None:
            found.close()
        hint = HINTS.get(error.errno or 0, "Give an address of this machine with --host")
        raise PortError(f"serve: cannot listen on {host}, port {port}: {error.strerror}. {hint}") from error
    return found


def _made(server: StudyServer) -> uvicorn.Server:
    limits = server.limits
    return uvicorn.Server(
        uvicorn.Config(
            server.app,
            ws="websockets-sansio",
            ws_max_size=limits.message,
            ws_ping_interval=limits.silence / 3,
            ws_ping_timeout=limits.silence / 3,
            ws_per_message_deflate=False,  # a turn is small, and what is compressed can be guessed at
            lifespan="on",
            log_level="warning",
            access_log=False,  # addresses carry identifiers of people
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )


def serve(server: StudyServer, at: socket.socket) -> None:
    """Serve a study on a port that was taken, until the process is told to stop (control-C, SIGTERM)."""
    _made(server).run(sockets=[at])


@contextmanager
def serving(server: StudyServer, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve a study in a thread of its own, and give the address; at the end the server stops.

    >>> import tempfile
    >>> from urllib.request import urlopen
    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Page, Person, Study
    >>> from interaction.people.server import StudyServer
    >>> from interaction.people.serving import serving
    >>> from interaction.people.store import Store
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1, pages=[Page("# Two machines")])
    >>> with tempfile.TemporaryDirectory() as folder, Store(f"{folder}/results.db") as store:
    ...     with serving(StudyServer(study, store)) as address, urlopen(address) as page:
    ...         "Two machines" in page.read().decode()
    True
    """
    with listen(host, port) as at:
        running = _made(server)
        failed: list[BaseException] = []

        def run() -> None:
            try:
                running.run(sockets=[at])
            except BaseException as error:
                failed.append(error)

        thread = Thread(target=run, name="interaction-server", daemon=True)
        thread.start()
        try:
            while not running.started and thread.is_alive():
                thread.join(0.01)
            if not running.started:
                raise PortError("serve: the server did not start") from (failed[0] if failed else None)
            yield f"http://{host}:{at.getsockname()[1]}"
        finally:
            running.should_exit = True
            thread.join()
