"""The folder of a sweep: its manifest, and a file for each chunk, each there as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from interaction.errors import ArgumentError, FolderError
from interaction.files import sync_folder, write_whole

FORMAT = "interaction sweep 1"
_LEFT = 3600.0  # seconds after which a temporary file is that of a process which is no more
_HELD, _ASK_AGAIN = 30.0, 0.02  # seconds: to change a manifest takes some milliseconds


@dataclass(frozen=True)
class Part:
    """A file with the episodes `first` to `stop` − 1 of a cell; another one has those before `begin`, too."""

    file: Path
    first: int
    stop: int
    begin: int


class Folder:
    """Where a sweep writes: `manifest.json`, and `chunks/<cell>/<first>-<stop>.parquet`."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self.manifest = self.path / "manifest.json"
        self.chunks = self.path / "chunks"
        self.aside = self.path / "aside"

    def begin(self) -> None:
        """Make the folder if it is not there; raise `ArgumentError` if it holds something else."""
        if self.path.exists() and not self.path.is_dir():
            raise ArgumentError(f"{self.path}: expected a folder, got a file")
        if not self.manifest.exists() and self.path.exists() and (found := sorted(self._others())):
            raise ArgumentError(
                f"{self.path}: expected an empty folder or one of a sweep, got one that holds "
                f"{', '.join(found[:3])}{' and more' if len(found) > 3 else ''}"
            )
        with naming(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def _others(self) -> Iterator[str]:
        """Name what is none of ours: other than hidden files, and what a run that was killed left."""
        return (one.name for one in self.path.iterdir() if one.name[0] != ".")

    def read(self) -> dict[str, Any] | None:
        """Give the manifest, or None if there is none yet; raise `ArgumentError` for what is none of ours."""
        try:
            found = json.loads(self.manifest.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise ArgumentError(f"{self.manifest}: expected the manifest of a sweep, got {error}") from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ArgumentError(
                f"{self.manifest}: expected the manifest of a sweep ({FORMAT!r}), got another file"
            )
        return found

    def claim(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Write the first manifest, unless another process has; give that which is there now."""
        content = _written(manifest)
        mine = self.path / f".manifest-{os.getpid()}-{time.monotonic_ns()}.json"
        with naming(self.manifest):
            try:
                write_whole(mine, lambda out: out.write(content))
                try:
                    os.link(mine, self.manifest)  # fails if it is there: only one is first
                except FileExistsError:
                    pass
                except OSError:  # a file system without links
                    if not self.manifest.exists():
                        write_whole(self.manifest, lambda out: out.write(content))
                sync_folder(self.path)
            finally:
                mine.unlink(missing_ok=True)
        found = self.read()
        assert found is not None
        return found

    def replace(self, manifest: dict[str, Any]) -> None:
        """Write another manifest; the one before is kept beside it, numbered."""
        content = _written(manifest)
        number = sum(1 for _ in self.path.glob("manifest-*.json")) + 1
        with naming(self.manifest):
            before = self.manifest.read_bytes()
            write_whole(self.path / f"manifest-{number}.json", lambda out: out.write(before))
            write_whole(self.manifest, lambda out: out.write(content))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Change the manifest while no other process does; what one that was killed held is let go of."""
        lock = self.path / ".manifest.lock"
        mine = str(uuid4())
        held, since = "", time.monotonic()
        with naming(lock):
            while not _taken(lock, mine):
                there = _text(lock)
                if there != held:
                    held, since = there, time.monotonic()
                elif time.monotonic() > since + _HELD:
                    lock.unlink(missing_ok=True)
                time.sleep(_ASK_AGAIN)
        try:
            yield
        finally:
            if _text(lock) == mine:
                lock.unlink(missing_ok=True)

    def is_of_no_use(self) -> bool:
        """Say whether a sweep was begun of which no cell could be played."""
        there = self.read()
        if there is None or any(one["chunk"] for one in there["cells"]):
            return False
        return not any(next(place.glob("*/*.parquet"), None) for place in (self.chunks, self.aside))

    def parts(self, cell: str) -> list[Part]:
        """Give the files of a cell in order; one whose episodes the others hold, too, is left out."""
        found = []
        try:
            files = list((self.chunks / cell).iterdir())
        except FileNotFoundError:
            return []
        for file in files:
            first, _, stop = file.stem.partition("-")
            if file.suffix == ".parquet" and first.isdigit() and stop.isdigit():
                found.append(Part(file, int(first), int(stop), int(first)))
        kept: list[Part] = []
        for part in sorted(found, key=lambda one: (one.first, -one.stop)):
            reached = kept[-1].stop if kept else 0
            if part.stop > reached:
                kept.append(replace(part, begin=max(part.first, reached)))
        return kept

    def write(self, cell: str, name: str, content: bytes) -> None:
        """Write a file of a cell: on the disk, as a whole, before it has its name."""
        folder = self.chunks / cell
        with naming(folder / name):
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self.chunks)
                sync_folder(self.path)
            write_whole(folder / name, lambda out: out.write(content))

    def arrange(self, cells: Iterable[str]) -> None:
        """Put what is there of other cells aside, so that programs which read all chunks meet these alone."""
        wanted = set(cells)
        with naming(self.aside):
            for there, place, kept in ((self.chunks, self.aside, True), (self.aside, self.chunks, False)):
                names = [one.name for one in there.iterdir()] if there.is_dir() else []
                for name in names:
                    if (name in wanted) is not kept and not (place / name).exists():
                        place.mkdir(exist_ok=True)
                        (there / name).rename(place / name)

    def drop_covered(self, cell: str) -> list[Part]:
        """Remove the files of a cell whose episodes others hold, too; give those that are left."""
        parts = self.parts(cell)
        kept = {part.file for part in parts}
        for file in (self.chunks / cell).glob("*.parquet"):
            if file not in kept:
                file.unlink(missing_ok=True)
        return parts

    def sweep_out(self) -> None:
        """Remove the temporary files of processes that were killed long ago."""
        for file in self.chunks.glob("*/.*.part"):
            try:
                if time.time() - file.stat().st_mtime > _LEFT:
                    file.unlink()
            except FileNotFoundError:
                continue  # another process has

    def empty(self) -> None:
        """Remove all files of chunks."""
        for folder in (self.chunks, self.aside):
            with naming(folder):
                shutil.rmtree(folder, ignore_errors=False) if folder.exists() else None


@contextmanager
def naming(place: Path) -> Iterator[None]:
    """Let an `OSError` name the file that could not be written."""
    try:
        yield
    except OSError as error:
        told = error.strerror or str(error)
        raise FolderError(
            error.errno,
            f"{told}; what was written before is whole, and the same run goes on from there",
            str(place),
        ) from error


def _taken(lock: Path, name: str) -> bool:
    """Make a file of this content, unless it is there."""
    try:
        with lock.open("x") as file:
            file.write(name)
    except FileExistsError:
        return False
    return True


def _text(lock: Path) -> str:
    try:
        return lock.read_text()
    except FileNotFoundError:
        return ""


def _written(manifest: dict[str, Any]) -> bytes:
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
