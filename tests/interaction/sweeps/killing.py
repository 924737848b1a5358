"""Kills a sweep and its workers at random moments, until it is played."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]


def children(pid):
    """Give the processes that a process started, and so on, by what Linux tells."""
    found = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            ours = [int(one) for one in file.read_text().split()]
        except OSError:
            continue
        found += ours + [other for one in ours for other in children(one)]
    return found


def is_worker(pid):
    """Whether a process plays chunks, and is not one that loky keeps for other ends."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False
    return "popen_loky" in told or "sweeps.play" in told


def play(folder, episodes, kind, log=subprocess.DEVNULL):
    """Start to play the slow sweep in another process."""
    words = [sys.executable, "-m", "tests.interaction.sweeps.play", str(folder), str(episodes), kind]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(words, cwd=ROOT, env=environment, stderr=log, stdout=log)


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def workers_of(process):
    return [one for one in children(process.pid) if is_worker(one)]


def interrupted(folder, episodes, kind, kills, seed):
    """Kill the main process or a worker so many times, at random moments; let it end; give who was killed."""
    draw, killed = random.Random(seed), []
    process = play(folder, episodes, kind)
    while len(killed) < kills:
        time.sleep(draw.uniform(0.3, 3.0))
        if process.poll() is not None:
            process = play(folder, episodes, kind)
            continue
        if draw.random() < 0.5:
            while process.poll() is None and not (workers := workers_of(process)):
                time.sleep(0.05)  # on a busy machine they come late
            if process.poll() is None:
                kill(draw.choice(workers))
                killed.append("worker")
        else:
            process.kill()
            process.wait()
            killed.append("main")
            process = play(folder, episodes, kind)
    if process.wait(300) != 0:
        process = play(folder, episodes, kind)
        assert process.wait(300) == 0
    return killed
