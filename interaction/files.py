"""Writing a file whole or not at all: a kill or a full disk leaves the one before as it was."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def write_whole(file: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Let `write` fill a temporary file beside the one that is meant, and then put it in its place.

    When it returns, the file is on the disk, and so is its name in the folder: no cut of the power undoes it.
    Raises what `write` raises, and `OSError`; then the file is as it was before.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            write(out)
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(_mode())
        Path(name).replace(file)
        sync_folder(file.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk, where the system can (Windows has no such call)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mode() -> int:
    """The rights of a new file, which `mkstemp` keeps from all others."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
