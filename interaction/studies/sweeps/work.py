"""What a worker is asked to do: try a cell, play a chunk and write it, or play it again and compare."""

from __future__ import annotations

import json
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from interaction.errors import ArgumentError, UnknownNameError
from interaction.importing import Reference
from interaction.studies import surroundings as sources
from interaction.studies.orphans import end_with_parent
from interaction.studies.surroundings import differences, surroundings
from interaction.studies.sweeps import chunk as chunks
from interaction.studies.sweeps.cells import Cell
from interaction.studies.sweeps.chunk import (
    RAISED,
    Chunk,
    Failure,
    Job,
    MeasureError,
    bundle_of,
    find_failure,
    line_of,
    one_thread,
    play,
    table_of,
)
from interaction.studies.sweeps.folder import Folder
from interaction.studies.sweeps.parquet import arrow, encode, read
from interaction.studies.sweeps.trial import Trial, UnrepeatableError, check_again, try_cell


@dataclass(frozen=True)
class Played:
    """A chunk whose file is there: how many rounds it has."""

    chunk: Chunk
    rounds: int


def get_ready(job: Job) -> None:
    """Import what a worker needs, while the others are busy with trying the cells."""
    arrow().array([0])  # which imports pandas, where it is there
    for reference in references_of(job):
        reference.load()
    with one_thread():
        pass


def try_one(cell: Cell, job: Job, most: int, seconds: float, about: str) -> Trial | Failure:
    """Play the first episodes of a cell; raise `ArgumentError` for what is wrong with the sweep itself."""
    _begin(job, about)
    try:
        bundle_of(job.make_bundle, cell)
    except RAISED as error:
        told = f"make_bundle raised {type(error).__name__}: {error}{line_of(error)}"
        return Failure(cell, None, told, "".join(traceback.format_exception(error)))
    try:
        with one_thread():
            trial = try_cell(job, cell, most, seconds)
            check_again(job, Chunk(cell, 0, min(most, 8)))
            return trial
    except (MeasureError, UnrepeatableError) as error:
        raise ArgumentError(f"Sweep: {cell}: {error}") from error
    except RAISED as error:
        if type(error) is UnknownNameError and str(error).startswith("record:"):
            raise UnknownNameError(f"Sweep: keep and {error}") from None
        return find_failure(job, Chunk(cell, 0, most), error)


def play_one(chunk: Chunk, job: Job, folder: str, about: str) -> Played | Failure:
    """Play a chunk and write its file; an error of a component is given, one of the folder raised."""
    _begin(job, about)
    with one_thread():
        try:
            runs, measures = play(job, chunk)
        except RAISED as error:
            return find_failure(job, chunk, error)
    content = encode(table_of(job, chunk, runs, measures))
    Folder(folder).write(chunk.cell.name, chunk.file, content)
    return Played(chunk, int(runs.lengths.sum()))


def play_again(chunk: Chunk, job: Job, file: str, about: str) -> str:
    """Play a chunk and compare with what a file holds of it; give what differs, or nothing."""
    _begin(job, about)
    with one_thread():
        try:
            runs, measures = play(job, chunk, bundle_of(job.make_bundle, chunk.cell))
        except RAISED as error:
            return f"{file}: {find_failure(job, chunk, error)}"
    table = table_of(job, chunk, runs, measures)
    path = Path(file)
    if path.name == chunk.file:
        return (
            "" if path.read_bytes() == encode(table) else f"{file}: other bytes when {chunk} are played again"
        )
    there = read(path)
    first = int(there.column("episode")[0].as_py())
    same = there.slice(chunk.first - first, chunk.stop - chunk.first).equals(table)
    return "" if same else f"{file}: other values when {chunk} are played again"


def _begin(job: Job, about: str) -> None:
    """Raise unless this process, a worker, has the sources and libraries of the one that leads."""
    end_with_parent()
    references: list[Reference] = references_of(job)
    with suppress(Exception):  # which is raised again where it is told
        for one in references:
            one.load()
    lines = differences(json.loads(about), surroundings(references), ("there", "here"))
    if lines:
        raise ArgumentError(f"Sweep: a worker is not like the process that leads: {'; '.join(lines)}")


def forget() -> None:
    """Take nothing for granted that an earlier run has learnt of functions and their sources."""
    chunks.forget()
    sources.forget()


def references_of(job: Job) -> list[Reference]:
    """Give the functions of a sweep."""
    return [job.make_bundle, *(one for _, one in job.measures if isinstance(one, Reference))]
