"""Killed at random moments, main process and workers alike, and resumed: the same bytes in every file."""

import sys

import pytest

from tests.interaction.sweeps import killing, small

pytest.importorskip("pyarrow")


@pytest.mark.skipif(sys.platform != "linux", reason="it finds workers by what Linux tells of processes")
@pytest.mark.parametrize("kind", ["2", "pool"])
def test_kills_leave_no_trace(tmp_path, kind):
    episodes = 600  # of chunks of 8 that take 20 ms each
    expected, folder = tmp_path / "expected", tmp_path / "killed"
    slow = small.sweep(episodes, {"rounds": "lengths", "reached": small.slowly})
    slow.run(expected, 0, progress=False)
    killed = killing.interrupted(folder, episodes, kind, 5, seed=3)
    assert {"main", "worker"} <= set(killed)
    assert small.files(folder) == small.files(expected)
    assert slow.verify(folder, 5, executor=0, progress=False) == 5
