"""What is done with the files of a sweep later: to play some again and compare, and to merge small ones."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from interaction.errors import ArgumentError
from interaction.progress import Progress
from interaction.random import EpisodeRandom
from interaction.studies.surroundings import differences, surroundings
from interaction.studies.sweeps.cells import Cell
from interaction.studies.sweeps.chunk import Chunk, file_of
from interaction.studies.sweeps.folder import Folder, Part
from interaction.studies.sweeps.parquet import arrow, encode, read
from interaction.studies.sweeps.work import forget, play_again, references_of
from interaction.studies.workers import Task, Workers, play_all

if TYPE_CHECKING:
    import pyarrow

    from interaction.studies.sweeps.chunk import Job

_log = logging.getLogger("interaction")

LARGE = 2**26
"""Bytes of a merged table at most, before it is compressed."""


def verify(
    job: Job, cells: tuple[Cell, ...], folder: Folder, count: int, seed: int, executor: Any, progress: bool
) -> tuple[int, list[str]]:
    """Play up to so many chunks that are there again; give how many, and a line for each that differs."""
    forget()
    manifest = folder.read()
    if manifest is None:
        raise ArgumentError(f"{folder.path}: expected the folder of a sweep, got one without manifest.json")
    sizes = {one["name"]: one["chunk"] for one in manifest["cells"]}
    found = [
        (Chunk(cell, first, min(first + sizes[cell.name], part.stop)), part)
        for cell in cells
        if sizes.get(cell.name)
        for part in folder.parts(cell.name)
        for first in range(part.first, part.stop, sizes[cell.name])
    ]
    sample = [found[index] for index in EpisodeRandom(seed).shuffle(len(found))[:count]]
    about = json.dumps(surroundings(references_of(job)))
    tasks = (Task(chunk, play_again, (job, str(part.file), about)) for chunk, part in sample)
    with (
        Workers(executor, "Sweep.verify") as workers,
        Progress("verify", len(sample), unit="chunks", shown=progress) as bar,
    ):
        lines = []
        for _, line in play_all(workers, tasks):
            bar.update()
            lines += [str(line)] * bool(line)
    lines.sort()
    others = differences(manifest, surroundings(references_of(job)))
    if lines:
        lines[-1] += "".join(f"\nThey were played by others: {one}" for one in others)
    elif others:
        told = "\n".join(f"- {one}" for one in others)
        _log.warning("%s: the bytes are the same, and were played by others:\n%s", folder.path, told)
    return len(sample), lines


def compact(folder: Folder, cells: tuple[Cell, ...], progress: bool) -> tuple[int, int]:
    """Merge files of episodes that follow each other; give how many there were, and how many there are.

    A merged file is on the disk before those that it holds are removed. While this goes on, other programs
    may see episodes twice; our own readers do not.
    """
    before = after = 0
    with Progress("compact", len(cells), unit="cells", shown=progress) as bar:
        for cell in cells:
            before += sum(1 for _ in (folder.chunks / cell.name).glob("*.parquet"))
            tidy(folder, cell.name)
            with suppress(FileNotFoundError):  # another process does the same
                for parts, table in _groups(folder.parts(cell.name)):
                    first, stop = parts[0].begin, parts[-1].stop
                    if len(parts) > 1:
                        folder.write(cell.name, file_of(first, stop), encode(table))
            after += len(folder.drop_covered(cell.name))
            bar.update()
    return before, after


def tidy(folder: Folder, cell: str) -> None:
    """Leave each episode in one file alone, where chunks had other sizes before, or ended earlier."""
    groups: list[list[Part]] = []
    for part in folder.parts(cell):
        if part.begin > part.first:
            groups[-1].append(part)
        else:
            groups.append([part])
    for group in groups:
        if len(group) > 1:
            try:
                table = _one([read(part.file).slice(part.begin - part.first) for part in group])
            except FileNotFoundError:  # another process does the same
                return
            folder.write(cell, file_of(group[0].first, group[-1].stop), encode(table))
    folder.drop_covered(cell)


def _groups(parts: list[Part]) -> Iterator[tuple[list[Part], pyarrow.Table]]:
    """Give runs of files that follow each other, as large as they may become, with their tables in one."""
    group: list[Part] = []
    tables: list[pyarrow.Table] = []
    for part in parts:
        table = read(part.file).slice(part.begin - part.first)
        large = sum(one.nbytes for one in tables) + table.nbytes > LARGE
        if group and (large or group[-1].stop != part.begin):
            yield group, _one(tables)
            group, tables = [], []
        group.append(part)
        tables.append(table)
    if group:
        yield group, _one(tables)


def _one(tables: list[pyarrow.Table]) -> pyarrow.Table:
    return arrow().concat_tables(tables).combine_chunks()
