"""A sweep on the workers of dask, one of which is killed."""

import os
import signal
import threading
import time

import pytest

from tests.interaction.sweeps import small

pytest.importorskip("pyarrow")
distributed = pytest.importorskip("distributed")

LIMIT = 120  # seconds, after which it hangs


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_worker_of_dask_is_killed(tmp_path):
    slow = small.sweep(240, {"rounds": "lengths", "reached": small.slowly})
    slow.run(tmp_path / "expected", 0, progress=False)
    folder = tmp_path / "folder"
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = list(client.run(os.getpid).values())
        errors = []

        def run():
            try:
                slow.run(folder, client, progress=False)
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        begun = time.monotonic()
        while len(list(folder.glob("chunks/*/*.parquet"))) < 20 and time.monotonic() < begun + LIMIT:
            time.sleep(0.02)
        os.kill(pids[0], signal.SIGKILL)
        thread.join(LIMIT)
        assert not thread.is_alive(), "it hangs"
    assert not errors
    assert small.files(folder) == small.files(tmp_path / "expected")
