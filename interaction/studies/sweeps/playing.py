"""Playing a sweep into its folder: which chunks there are, which are missing, and who plays them."""

from __future__ import annotations

import json
import logging
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from interaction.errors import ArgumentError
from interaction.progress import Progress
from interaction.studies.surroundings import Lines, differences, surroundings
from interaction.studies.sweeps.adaptive import FIRST
from interaction.studies.sweeps.cells import Cell
from interaction.studies.sweeps.chunk import Chunk, Failure
from interaction.studies.sweeps.folder import FORMAT, Folder, Part
from interaction.studies.sweeps.parquet import DamagedFileError, arrow, check
from interaction.studies.sweeps.trial import LARGEST, Trial, chunk_size
from interaction.studies.sweeps.upkeep import tidy
from interaction.studies.sweeps.work import Played, forget, get_ready, play_one, references_of, try_one
from interaction.studies.workers import Task, WorkerDiedError, Workers, play_all

if TYPE_CHECKING:
    from interaction.studies.sweeps.sweep import Sweep

_log = logging.getLogger("interaction")

_MEANING = ("make_bundle", "seed", "common", "measure", "keep", "record")  # of what is in the files already


def play_sweep(
    sweep: Sweep, folder: Folder, executor: Any, progress: bool, changed: str, worker: tuple[int, int] | None
) -> list[Failure]:
    """Play what is missing, and give the failures, one of each cell that stopped."""
    arrow()
    if changed not in ("refuse", "keep", "again"):
        raise ArgumentError(f'Sweep.run: changed: expected "refuse", "keep" or "again", got {changed!r}')
    _check_share(worker, sweep)
    if worker is not None and changed == "again":
        raise ArgumentError('Sweep.run: worker: changed="again" would remove what other shares have played')
    forget()
    about = surroundings(references_of(sweep.job))
    folder.begin()
    if folder.is_of_no_use():  # there is nothing that other code has played
        changed = "again"
    before = _compared(sweep, folder, about, changed)
    with Workers(executor, prepare=(get_ready, sweep.job)) as workers:
        play = _Play(sweep, folder, workers, json.dumps(about), progress)
        play.anew = changed == "again" and before is None
        play.sizes = _sizes(play, folder, before, about)
        folder.sweep_out()
        folder.arrange(cell.name for cell in sweep.cells)
        if sweep.until is not None:
            play.until()
        else:
            play.missing(_share(play.all_chunks(dict.fromkeys(sweep.cells, sweep.episodes)), worker))
        for cell in sweep.cells:
            tidy(folder, cell.name)
    return list(play.failures.values())


class _Play:
    """A run of a sweep: the sizes of its chunks, what is there, and which cells stopped."""

    def __init__(self, sweep: Sweep, folder: Folder, workers: Workers, about: str, progress: bool) -> None:
        self.sweep, self.folder, self.workers, self.about, self.progress = (
            sweep,
            folder,
            workers,
            about,
            progress,
        )
        self.sizes: Mapping[Cell, int] = {}
        self.anew = False  # what is there is removed first
        self.failures: dict[Cell, Failure] = {}
        self.there = There(folder)
        self.rounds = self.episodes = 0

    def all_chunks(self, episodes: Mapping[Cell, int]) -> Iterator[Chunk]:
        """Give the first chunk of each cell, then the second ones: all cells can be looked at early."""
        sizes = {cell: self.sizes[cell] for cell in episodes if cell in self.sizes}
        for number in range(max((-(-episodes[cell] // size) for cell, size in sizes.items()), default=0)):
            for cell, size in sizes.items():
                if number * size < episodes[cell]:
                    yield Chunk(cell, number * size, min((number + 1) * size, self.sweep.episodes))

    def missing(self, chunks: Iterable[Chunk]) -> None:
        """Play those that are not there."""
        todo = [chunk for chunk in chunks if not self.there.holds(chunk)]
        given = self.sweep.job, str(self.folder.path), self.about
        tasks = (Task(chunk, play_one, given) for chunk in todo)
        with Progress("sweep", len(todo), unit="chunks", shown=self.progress) as bar:
            for chunk, result in play_all(self.workers, tasks, lambda one: one.cell not in self.failures):
                bar.update()
                if isinstance(result, Played):
                    self.there.add(chunk)
                    self.episodes += chunk.stop - chunk.first
                    self.rounds += result.rounds
                else:
                    self._note(chunk, result)
                bar.label = self._told(bar)

    def _note(self, chunk: Chunk, result: Failure | WorkerDiedError) -> None:
        """Keep the failure of a cell that comes first in its episodes."""
        if isinstance(result, WorkerDiedError):
            result = Failure(chunk.cell, None, f"{result}: {chunk}", "")
        known = self.failures.get(chunk.cell)
        if known is None or (result.episode is not None and result.episode < (known.episode or math.inf)):
            self.failures[chunk.cell] = result

    def _told(self, bar: Progress) -> str:
        seconds = max(bar.seconds, 1e-9)
        parts = [f"sweep: {self.episodes:,} episodes", f"{self.rounds / seconds:,.3g} rounds/s"]
        parts += [f"{len(self.failures)} cells stopped"] * bool(self.failures)
        parts += [f"{self.workers.deaths} times workers died"] * bool(self.workers.deaths)
        return ", ".join(parts)

    def until(self) -> None:
        """Play stages, each as the results of those before it tell, until all is known well enough."""
        sweep = self.sweep
        assert sweep.until is not None
        got = {cell: self._whole(cell, FIRST) for cell in sweep.cells if cell in self.sizes}
        more = got
        while more:
            self.missing(chunk for cell, count in more.items() for chunk in self.all_chunks({cell: count}))
            alive = [cell for cell in got if cell not in self.failures]
            wanted = sweep.until.wanted(self.folder, alive, sweep.over, got)
            more = {cell: self._whole(cell, count) for cell, count in wanted.items()}
            more = {cell: count for cell, count in more.items() if count > got[cell]}
            got |= more
            if not more and wanted:
                _log.warning(
                    "%d of %d cells have %s episodes, the most that they may have, and are less certain than "
                    "until= asks: the first is %s",
                    len(wanted),
                    len(alive),
                    f"{sweep.episodes:,}",
                    next(iter(wanted)),
                )

    def _whole(self, cell: Cell, count: int) -> int:
        """Give so many episodes, or more: whole chunks."""
        size = self.sizes[cell]
        return min(-(-count // size) * size, self.sweep.episodes)


class There:
    """Which chunks are in the folder, in files that are whole."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._parts: dict[str, list[Part]] = {}
        self._whole: set[Path] = set()
        self._played: set[Chunk] = set()

    def add(self, chunk: Chunk) -> None:
        """Note a chunk that was written just now."""
        self._played.add(chunk)

    def holds(self, chunk: Chunk) -> bool:
        """Say whether a chunk is there; a file that is damaged is named in the log, and removed."""
        if chunk in self._played:
            return True
        name = chunk.cell.name
        while True:
            if name not in self._parts:
                self._parts[name] = self._folder.parts(name)
            parts = self._parts[name]
            place = bisect_right(parts, chunk.first, key=lambda part: part.first) - 1
            if place < 0 or parts[place].stop < chunk.stop:
                return False
            part = parts[place]
            if part.file in self._whole:
                return True
            try:
                check(part.file, name, part.first, part.stop)
            except FileNotFoundError:  # another process has merged it
                del self._parts[name]
            except DamagedFileError as error:
                _log.warning("%s; it is removed, and its episodes are played again", error)
                part.file.unlink(missing_ok=True)
                del self._parts[name]
            else:
                self._whole.add(part.file)
                return True


def _compared(sweep: Sweep, folder: Folder, about: Lines, changed: str) -> Lines | None:
    """Give the manifest that is there; raise unless the sweep may go on from it."""
    before = folder.read()
    if before is None:
        return None
    now = {"sweep": sweep.specification(), **about}
    lines = differences(before, now)
    if not lines or changed == "again":
        return None if lines else before
    told = "\n".join(f"- {line}" for line in lines)
    if changed == "refuse":
        raise ArgumentError(
            f'{folder.path}: expected the folder of this sweep, got one of another: changed="keep" goes on '
            f'with what is there, changed="again" plays all anew.\n{told}'
        )
    meant = [line for line in lines if line.startswith(tuple(f"sweep.{name}" for name in _MEANING))]
    if meant:
        raise ArgumentError(
            f'{folder.path}: changed="keep": what is there does not go with this sweep, whatever code it was '
            f'played by; take another folder, or "again".\n' + "\n".join(f"- {line}" for line in meant)
        )
    _log.warning("%s: going on with what was played by another sweep:\n%s", folder.path, told)
    return before


def _sizes(play: _Play, folder: Folder, before: Lines | None, about: Lines) -> dict[Cell, int]:
    """Give the episodes of a chunk of each cell: as the manifest has them, or measured and written there."""
    sweep = play.sweep
    known = {} if before is None else _chunks(before)
    todo = [cell for cell in sweep.cells if cell.name not in known]
    most = min(sweep.episodes, 8 if sweep.chunk else LARGEST)
    tasks = (Task(cell, try_one, (sweep.job, most, sweep.seconds, play.about)) for cell in todo)
    with Progress("try cells", len(todo), unit="cells", shown=play.progress) as bar:
        for cell, result in play_all(play.workers, tasks):
            bar.update()
            if isinstance(result, Trial):
                known[cell.name] = sweep.chunk or chunk_size(result, sweep.episodes, sweep.seconds)
            elif isinstance(result, Failure):
                play.failures[cell] = result
            else:
                play.failures[cell] = Failure(cell, None, str(result), "")
    if sweep.until is not None:
        known = sweep.until.chunks(sweep.cells, known)
    there = _agreed(play, folder, before, known, about)
    sizes = {one["name"]: one["chunk"] for one in there["cells"]}
    return {cell: sizes[cell.name] for cell in sweep.cells if sizes[cell.name]}


def _agreed(play: _Play, folder: Folder, before: Lines | None, known: dict[str, int], about: Lines) -> Lines:
    """Write the manifest; where another process was first with that of the same sweep, its sizes hold."""
    there, mine = _merged(play, folder, before, known, about)
    if there == mine:
        return mine
    with folder.alone():
        there, mine = _merged(play, folder, before, known, about)
        if there is None:
            folder.claim(mine)
        elif there != mine:
            if play.anew:
                folder.empty()
            folder.replace(mine)
    return mine


def _merged(
    play: _Play, folder: Folder, before: Lines | None, known: dict[str, int], about: Lines
) -> tuple[Lines | None, Lines]:
    """Give the manifest that is there, and the one that should be."""
    there, mine = folder.read(), _manifest(play.sweep, known, about)
    if there is None or there == before or play.anew:
        return there, mine
    if _but_cells(there) != _but_cells(mine):
        raise ArgumentError(f"{folder.path}: another sweep has begun in this folder at the same time")
    return there, _manifest(play.sweep, known | _chunks(there), about)


def _chunks(manifest: Lines) -> dict[str, int]:
    """Give the episodes of a chunk of each cell that a manifest knows."""
    cells = {one["name"]: one["chunk"] for one in manifest["cells"] if one["chunk"]}
    return {**manifest.get("aside", {}), **cells}


def _but_cells(manifest: Lines) -> Lines:
    return {name: value for name, value in manifest.items() if name not in ("cells", "aside")}


def _manifest(sweep: Sweep, known: Mapping[str, int], about: Lines) -> Lines:
    """Give the manifest: the specification, and the chunks of all cells; also of those that may come back."""
    cells = [
        {"name": cell.name, "labels": cell.labels, "seed": cell.seed, "chunk": known.get(cell.name)}
        for cell in sweep.cells
    ]
    names = {cell.name for cell in sweep.cells}
    aside = {name: chunk for name, chunk in known.items() if name not in names}
    found = {"format": FORMAT, "sweep": sweep.specification(), **about, "cells": cells}
    return {**found, "aside": aside} if aside else found


def _check_share(worker: tuple[int, int] | None, sweep: Sweep) -> None:
    if worker is None:
        return
    number, of = worker if isinstance(worker, tuple) and len(worker) == 2 else (0, 0)
    if not (isinstance(number, int) and isinstance(of, int) and 1 <= number <= of):
        raise ArgumentError(
            f"Sweep.run: worker: expected (number, of) with 1 <= number <= of, got {worker!r}"
        )
    if sweep.until is not None:
        raise ArgumentError(
            "Sweep.run: worker: with until= the next chunks follow from all results so far: use one run with "
            "an executor that reaches all machines, or a fixed number of episodes"
        )


def _share(chunks: Iterable[Chunk], worker: tuple[int, int] | None) -> Iterator[Chunk]:
    number, of = worker or (1, 1)
    return (chunk for index, chunk in enumerate(chunks) if index % of == number - 1)
