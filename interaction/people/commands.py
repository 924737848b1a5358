"""The console commands for a study with people: serve, pilot, export, replay and forget."""

from __future__ import annotations

import importlib
import logging
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer  # the command line has asked for it before it came here

from interaction.errors import InteractionError
from interaction.importing import find
from interaction.people.study import Study
from interaction.progress import Progress

A_STUDY = Annotated[str, typer.Argument(help="The study, as module:name.", metavar="STUDY")]
A_SESSION = Annotated[
    str, typer.Argument(help="The session, as the monitor and the data name it.", metavar="SESSION")
]
A_STORE = Annotated[str, typer.Option("--store", help="The log: a file, or postgresql://…")]
KEPT = Annotated[
    str | None, typer.Option("--store", help="Where to keep their log: not with that of people.")
]


def _asked(name: str) -> Study:
    """Give the study of a command; what goes wrong in its own module is told by the lines of that."""
    try:
        return find(name, Study)
    except (InteractionError, OSError) as error:
        sys.exit("\n".join((f"interaction: {error}", *getattr(error, "__notes__", ()))))
    except Exception as error:
        sys.exit(f"interaction: {name.partition(':')[0]}: {_own_lines(error)}")


def _own_lines(error: Exception) -> str:
    """Give the traceback of an error without the lines that are not the study's."""
    told = traceback.TracebackException.from_exception(error)
    ours = str(Path(__file__).parents[1])
    own = [line for line in told.stack if not line.filename.startswith((ours, "<frozen "))]
    lines = [line for line in own if Path(line.filename) != Path(importlib.__file__)]
    told.stack = traceback.StackSummary.from_list(lines)
    return "".join(told.format(chain=False)).strip()


def serve(
    study: A_STUDY,
    store: A_STORE = "results.db",
    port: Annotated[int, typer.Option(help="Where to listen; 0: any free port.")] = 8000,
    host: Annotated[str, typer.Option(help="Which addresses to listen on.")] = "127.0.0.1",
    origin: Annotated[
        list[str] | None, typer.Option(help="The address of the study, behind a proxy: https://HOST.")
    ] = None,
    token: Annotated[str | None, typer.Option(help="The token of the monitor; drawn, if left out.")] = None,
    new_version: Annotated[bool, typer.Option("--new-version", help="Let a changed study in.")] = False,
) -> None:
    """Serve a study to people, until control-C; the log is the store."""
    from interaction.people import serving
    from interaction.people.server import StudyServer
    from interaction.people.store import Store

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    found = _asked(study)
    with serving.listen(host, port) as at, Store(store) as log, log.claimed():
        server = StudyServer(found, log, origins=origin or (), token=token, new_version=new_version)
        address = f"http://{host}:{at.getsockname()[1]}"
        shown = f"{origin[0].rstrip('/')}/, served at {address}/" if origin else f"{address}/"
        typer.echo(f"{found.name}: {shown}\nmonitor: {address}/monitor#{server.token}\nlog: {store}")
        serving.serve(server, at)


def pilot(
    study: A_STUDY,
    participants: Annotated[int, typer.Option(help="How many simulated users take part.")] = 40,
    store: KEPT = None,
    at_once: Annotated[int, typer.Option(help="How many play at a time.")] = 20,
    seed: Annotated[int, typer.Option(help="Of what they do, beside the study's own.")] = 0,
) -> None:
    """Let simulated users take part, through the door by which people come."""
    from interaction.people.piloting import pilot_served

    found = _asked(study)
    at_random = [name for name, one in found.conditions.items() if one.simulated is None]
    if at_random:
        typer.echo(f"at random, for want of a simulated user: {', '.join(at_random)}", err=True)
    told = pilot_served(found, participants, seed, store=store, at_once=at_once, progress=True)
    typer.echo(told.summary())


def export(
    study: A_STUDY,
    out: Annotated[Path, typer.Argument(help="The table, as .parquet or .csv.", metavar="OUT")],
    store: A_STORE = "results.db",
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out, by name, sessions that do not play again.")
    ] = False,
) -> None:
    """Write a table of what was played, a row for each round, and the questionnaires beside it."""
    from interaction.people.export import export as tables
    from interaction.people.export import table_file
    from interaction.people.store import Store

    found = _asked(study)
    table_file(out)
    with Store(store, create=False) as log:
        events = log.events()
    made = tables(found, events, leave_out=leave_out)
    for file in made.save(out):
        typer.echo(file)
    for why in made.left_out:
        typer.echo(f"left out: {why}", err=True)


def replay(
    study: A_STUDY,
    session: Annotated[
        str | None, typer.Argument(help="The session; all of them, if left out.", metavar="SESSION")
    ] = None,
    store: A_STORE = "results.db",
) -> None:
    """Play a session again from its log, or all, and say whether it gives the same games to the bit."""
    from interaction.people.session import replay as play
    from interaction.people.store import Store

    found = _asked(study)
    with Store(store, create=False) as log:
        logs = [log.events(one.seat.session) for one in log.standings()] if session is None else []
        events = log.events(session) if session is not None else []
    if session is not None:
        shows = play(found, events).prompt.kind
        typer.echo(f"session {session}: {len(events)} events, played again to the bit; it shows: {shows}")
        return
    with Progress("replay", len(logs), unit="sessions") as bar:
        for one in logs:
            play(found, one)
            bar.update()
    typer.echo(f"{len(logs)} sessions, {sum(map(len, logs))} events, all played again to the bit")


def forget(study: A_STUDY, session: A_SESSION, store: A_STORE = "results.db") -> None:
    """Take a session, and all that is known of who played it, out of the store."""
    from interaction.people.store import Store

    _asked(study)
    with Store(store, create=False) as log:
        log.forget(session)
    typer.echo(f"session {session} is forgotten; copies of the store and tables of it are yours to clear")


COMMANDS = (serve, pilot, export, replay, forget)


def add_commands(app: typer.Typer) -> None:
    """Add the commands to a command line."""
    for command in COMMANDS:
        app.command()(command)
