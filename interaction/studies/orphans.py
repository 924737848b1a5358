"""Workers that end when the process does that started them: a `kill -9` of that one stops all."""

from __future__ import annotations

import multiprocessing
import os
import time
from functools import lru_cache
from threading import Thread

_EVERY = 1.0  # seconds


@lru_cache(maxsize=1)
def end_with_parent(parent: int | None = None) -> None:
    """Watch from now on whether the parent is there, in a process that `multiprocessing` or its like started.

    `parent` is its number, where it is known: it may be gone already. Neither loky nor `ProcessPoolExecutor`
    tells workers that nobody will ask them again.
    """
    if multiprocessing.parent_process() is not None and hasattr(os, "getppid"):
        Thread(target=_watch, args=(os.getppid() if parent is None else parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_EVERY)
    os._exit(1)
