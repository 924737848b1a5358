"""A server that is killed again and again while bots play: what it acknowledged is there, once.

`python -m tests.people.faults --kills 50 --store results.db` (or `postgresql://…`) kills it so many times.
"""

import argparse
import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from interaction.people import piloting, replay
from interaction.people.piloting import Visitor
from interaction.people.server import StudyServer
from interaction.people.serving import listen, serve
from interaction.people.store import Store
from tests.people import studies

ROOT = Path(__file__).parents[2]
TELLS = ("page", "answer", "action", "noted")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def process(*words):
    """Run a server in a process of its own, and kill it at the end; give it once it listens."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        running.said = running.stdout.readline()
        if not running.said:
            raise RuntimeError(f"the server ended with {running.wait()}")
        yield running
    finally:
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()


class Crowd:
    """Bots that play while the server comes and goes; who has finished makes room for another one."""

    def __init__(self, address, study, bots, pause):
        self.address, self.study, self.pause = address, study, pause
        self.visitors, self.coming = [], True
        self._bots = bots

    async def play(self):
        await asyncio.gather(*(self._one_after_the_other() for _ in range(self._bots)))

    async def _one_after_the_other(self):
        while self.coming:
            visitor = Visitor(self.address, self.study, seed=1, pause=self.pause)
            try:
                await asyncio.to_thread(visitor.agree)
            except OSError:  # the server is away
                await asyncio.sleep(0.2)
                continue
            self.visitors.append(visitor)
            await visitor.play()


async def killed(address, study, kills, bots, pause, serving, seed):
    """Have a crowd play while the server is killed; give their bots, when all have come to their end."""
    rng, crowd = random.Random(seed), Crowd(address, study, bots, pause)

    def kill():
        for _ in range(kills):
            with serving():
                sleep(rng.uniform(0.2, 2.0))

    playing = asyncio.create_task(crowd.play())
    await asyncio.to_thread(kill)
    crowd.coming = False
    with serving():
        await asyncio.wait_for(playing, 300)
    return crowd.visitors


def run(store, kills, *, bots=20, pause=0.05, seed=0):
    """Kill a server at random moments under bots, check what is in the log, and give what was found."""
    study, port = studies.long, free_port()
    piloting.PAUSES = (0.05, 0.1, 0.2)  # so that they are there again at once
    address = f"http://127.0.0.1:{port}"
    begun = monotonic()

    def serving():
        return process("tests.people.faults", "--serve", str(port), "--store", str(store))

    visitors = asyncio.run(killed(address, study, kills, bots, pause, serving, seed))
    acknowledged = lines = 0
    with Store(store) as log:
        sessions = {standing.seat.session for standing in log.standings()}
        for visitor in visitors:
            events = log.events(visitor.session)
            assert [event.sequence for event in events] == list(range(len(events)))
            told = [event for event in events if event.kind in TELLS][1:]  # the first one is the consent
            assert len(told) == len(visitor.accepted)  # none is lost, and none is there twice
            for event, (kind, payload) in zip(told, visitor.accepted, strict=True):
                assert event.kind == kind
                assert all(event.payload[name] == payload[name] for name in payload)
            assert replay(study, events).over
            acknowledged += len(visitor.accepted)
            lines += sum(event.kind in ("connected", "returned") for event in events)
        events = len(log.events())
    assert {visitor.session for visitor in visitors} <= sessions
    return {
        "kills": kills,
        "sessions": len(visitors),
        "lines": lines,
        "acknowledged": acknowledged,
        "events": events,
        "seconds": round(monotonic() - begun, 1),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--store", default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--serve", type=int, default=None, help="be the server, on this port")
    chosen = parser.parse_args()
    if chosen.serve is not None:
        with listen("127.0.0.1", chosen.serve) as at, Store(chosen.store) as store:
            server = StudyServer(studies.long, store, bots=True)
            sys.stdout.write("listening\n")
            sys.stdout.flush()
            serve(server, at)
    else:
        with tempfile.TemporaryDirectory() as folder:
            told = run(chosen.store or f"{folder}/results.db", chosen.kills, seed=chosen.seed)
        sys.stdout.write(f"{told}\n")


if __name__ == "__main__":
    main()
