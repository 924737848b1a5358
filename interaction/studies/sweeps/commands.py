"""The console commands `interaction sweep run`, `status`, `table`, `verify` and `compact`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interaction.display import print_table
from interaction.errors import ArgumentError
from interaction.importing import find

if TYPE_CHECKING:
    from interaction.studies import Sweep, SweepResults

Named = Annotated[str, typer.Argument(help="Where the sweep is: module:name, or file.py:name.")]
Place = Annotated[Path, typer.Argument(help="The folder of the sweep.")]
Processes = Annotated[
    int | None, typer.Option(min=0, help="How many; 0 plays in this one. By default all cores.")
]


def commands() -> typer.Typer:
    """Give the commands."""
    app = typer.Typer(
        help="Play a sweep into a folder, and look at what is there.",
        no_args_is_help=True,
        add_completion=False,
    )
    for command in (run, status, table, verify, compact):
        app.command()(command)
    return app


def run(
    sweep: Named,
    folder: Place,
    worker: Annotated[str, typer.Option(help="One share of several, as in 3/16.")] = "1/1",
    processes: Processes = None,
    changed: Annotated[str, typer.Option(help="Where files of another are: keep or again.")] = "refuse",
) -> None:
    """Play what is missing: all of it, or one share, the others being played elsewhere."""
    share = _share(worker)
    found = _asked(sweep)
    try:
        found.run(folder, processes, changed=changed, worker=share if share != (1, 1) else None)  # type: ignore[arg-type]  # it is checked there
    except KeyboardInterrupt as stopped:
        told = "; ".join(getattr(stopped, "__notes__", ["the same call goes on"]))
        sys.exit(f"interaction: stopped: {told.replace('the same call', 'the same command')}")
    except ArgumentError as error:
        raise ArgumentError(_in_options(str(error))) from error
    status(folder)


def status(folder: Place) -> None:
    """Print how many episodes of each cell are there."""
    results = _results(folder)
    asked = results.manifest["sweep"]["episodes"]
    rows = [
        [*map(str, cell.labels.values()), f"{there:,}", f"{there / asked:.0%}"]
        for cell, there in results.episodes().items()
    ]
    columns = [*results.over, "episodes", "there"]
    print_table(f"{folder}: episodes, of {asked:,}", columns, rows, max(len(results.over), 1))


def table(
    folder: Place,
    differences: Annotated[str, typer.Option(help="The axis along which pairs are compared.")] = "",
    reference: Annotated[str, typer.Option(help="Its label to compare with: by default the first.")] = "",
    measure: Annotated[list[str] | None, typer.Option(help="Of these alone.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the table there, too.")] = None,
) -> None:
    """Print n, mean, standard error and quantiles of each cell, or of paired differences."""
    results = _results(folder)
    labels = {str(label): label for label in results.over.get(differences, ())}
    base = labels.get(reference, reference or None)
    found = results.table(differences or None, base, measures=measure or None)
    rows = found.astype(dict.fromkeys([*results.over, "n"], str)).to_numpy().tolist()
    print_table(str(folder), list(map(str, found.columns)), rows, len(results.over) + 1)
    if csv is not None:
        found.to_csv(csv, index=False)


def verify(
    sweep: Named,
    folder: Place,
    chunks: Annotated[int, typer.Option(help="How many are played again at most.")] = 20,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 0,
    processes: Processes = None,
) -> None:
    """Play some chunks again, and compare their bytes."""
    count = _asked(sweep).verify(folder, chunks, executor=processes, seed=seed)
    typer.echo(f"{count} chunks have the same bytes when they are played again")


def compact(folder: Place) -> None:
    """Merge small files, when nothing is played in the folder."""
    before, after = _results(folder).compact()
    typer.echo(f"{before:,} files have become {after:,}")


def _results(folder: Path) -> SweepResults:
    from interaction.studies import SweepResults

    return SweepResults(folder)


def _asked(named: str) -> Sweep:
    from interaction.studies import Sweep

    return find(named, Sweep)


def _share(worker: str) -> tuple[int, int]:
    number, slash, of = worker.partition("/")
    if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise ArgumentError(f"--worker: expected a share of several, from 1/16 to 16/16, got {worker!r}")
    return int(number), int(of)


def _in_options(told: str) -> str:
    """Speak of options where an error speaks of arguments: `--changed keep`, not `changed="keep"`."""
    told = re.sub(r'\bchanged="(\w+)"', r"--changed \1", told)
    return re.sub(r"^Sweep\.run: (changed|worker): ", r"--\1: ", told)
