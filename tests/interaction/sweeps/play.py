"""Plays a sweep into a folder, in another process than the test's: `play.py FOLDER EPISODES [EXECUTOR]`."""

import signal
import sys

from tests.interaction.sweeps.small import slowly, sweep

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # deaf if started in a background
    from concurrent.futures import ProcessPoolExecutor

    folder, episodes, kind = sys.argv[1:4]
    slow = sweep(int(episodes), {"rounds": "lengths", "reached": slowly})
    executor = ProcessPoolExecutor(2) if kind == "pool" else int(kind)
    slow.run(folder, executor, progress=False)
