"""Serves a study to bots that come by the network, and times its answers.

Run `python benchmarks/people.py`: 200 bots at once, two actions a second each, for a minute, and then 2,000
short sessions for the memory of the server. Server and bots are processes of their own, on the loopback. What
the log holds is counted against what was acknowledged.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

import numpy as np
from report import Table, run

from interaction import Bundle, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.people import Condition, Page, Person, Study, replay
from interaction.people.piloting import FAST, Visitor
from interaction.people.protocol import KINDS
from interaction.people.server import StudyServer
from interaction.people.serving import listen, serve
from interaction.people.store import Store
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.bandit import RescorlaWagnerUser
from interaction.users.coordination import PseudoRandomUser


def coordination() -> Study:
    """Make a study that lasts for longer than a minute, with an assistant that simulates the person."""
    user = PseudoRandomUser(p0=1, p1=5, p2=7)
    bundle = Bundle(CoordinatedTask(), Person(spaces.Discrete(10)), CoordinatedAssistant(user), max_rounds=30)
    return Study("load", {"assisted": Condition(bundle, user)}, episodes=40, pages=[Page("# Agree?")])


def bandit() -> Study:
    """Make a study that is over after ten actions."""
    bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=5)
    return Study(
        "short", {"alone": Condition(bundle, RescorlaWagnerUser())}, episodes=2, pages=[Page("# Agree?")]
    )


STUDIES = {"load": coordination, "short": bandit}


def be_server(study: str, store: str, at: socket.socket) -> None:
    """Serve one of the studies."""
    with Store(store) as log:
        serve(StudyServer(STUDIES[study](), log, limits=FAST, bots=True), at)


@contextmanager
def server(study: str, store: str) -> Iterator[tuple[str, int]]:
    """Serve a study in another process; give its address and the number of the process."""
    with listen("127.0.0.1", 0) as at:
        process = multiprocessing.get_context("spawn").Process(target=be_server, args=(study, store, at))
        process.start()
        assert process.pid is not None
        try:
            yield f"http://127.0.0.1:{at.getsockname()[1]}", process.pid
        finally:
            process.terminate()
            process.join()


def memory(process: int) -> float:
    """Give how much memory a process holds, in MB."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def busy(process: int) -> float:
    """Give for how long a process has had a processor, in seconds."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def crowd(visitors: list[Visitor], seconds: float) -> None:
    """Have all play at once, for some time."""
    begun = perf_counter()
    late = np.linspace(0.0, 0.5, len(visitors))  # people do not act all in the same moment

    async def play(visitor: Visitor, wait: float) -> None:
        await asyncio.sleep(wait)
        await visitor.play(begun + seconds)

    await asyncio.gather(*(play(visitor, wait) for visitor, wait in zip(visitors, late, strict=True)))


def load(bots: int, seconds: float) -> Table:
    """Time the answers to many bots at once, and look for what was lost or doubled."""
    study, table = (
        coordination(),
        Table(f"{bots} bots at once, two actions a second each, for {seconds:.0f} s"),
    )
    with tempfile.TemporaryDirectory() as folder:
        store = f"{folder}/results.db"
        with server("load", store) as (address, process):
            visitors = [Visitor(address, study, seed=0, pause=0.5) for _ in range(bots)]
            for visitor in visitors:
                visitor.agree()
            before = busy(process)
            asyncio.run(crowd(visitors, seconds))
            used = busy(process) - before
        lost = doubled = 0
        with Store(store) as log:
            for visitor in visitors:
                events = log.events(visitor.session)
                replay(study, events)  # each is there once and in order, or this fails
                told = [event for event in events if event.kind in KINDS][1:]
                lost += max(len(visitor.accepted) - len(told), 0)
                turns = Counter(
                    (e.payload["episode"], e.payload["round"]) for e in told if e.kind == "action"
                )
                doubled += sum(count - 1 for count in turns.values())
    waits = [wait for visitor in visitors for wait in visitor.waits]
    middle, high, highest = np.quantile(waits, [0.5, 0.95, 1.0]) * 1e3
    table.add("answers", f"{len(waits) / seconds:.0f} a second", goal=f"{2 * bots}")
    table.add("the server's processor, for an answer", f"{1e3 * used / len(waits):.1f} ms")
    table.add("an answer, median", f"{middle:.1f} ms", seconds=middle / 1e3)
    table.add("95 % of the answers below", f"{high:.1f} ms", goal="100 ms", reached=bool(high < 100))
    table.add("the slowest answer", f"{highest:.0f} ms")
    table.add("acknowledged events that are lost", f"{lost}", goal="0", reached=lost == 0)
    table.add("turns that are played twice", f"{doubled}", goal="0", reached=doubled == 0)
    return table


async def sessions(visitors: list[Visitor]) -> None:
    """Have some visitors come and play to the end, at once."""

    async def take_part(visitor: Visitor) -> None:
        await asyncio.to_thread(visitor.agree)
        await visitor.play()

    await asyncio.gather(*map(take_part, visitors))


def flat(parts: int, at_once: int) -> Table:
    """Measure the memory of the server over many short sessions."""
    study, held, taken = bandit(), [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        server("short", f"{folder}/results.db") as (address, process),
    ):
        for _ in range(parts):
            begun = perf_counter()
            asyncio.run(sessions([Visitor(address, study, seed=0) for _ in range(at_once)]))
            taken.append((perf_counter() - begun) / at_once)
            held.append(memory(process))
    table = Table(f"memory over {parts * at_once:,} sessions of ten actions")
    table.add(
        "a session, of its server and its bot", f"{1e3 * statistics.median(taken):.0f} ms", seconds=taken[-1]
    )
    for part in sorted({0, parts // 4, parts // 2, parts - 1}):
        table.add(f"after {(part + 1) * at_once:,} sessions", f"{held[part]:.1f} MB")
    rise = held[-1] - held[parts // 4]
    table.add("risen since a quarter of them", f"{rise:+.1f} MB", goal="5 MB", reached=rise < 5)
    return table


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    return [load(10, 3.0), flat(4, 5)] if quick else [load(200, 60.0), flat(100, 20)]


if __name__ == "__main__":
    run(main, __doc__)
