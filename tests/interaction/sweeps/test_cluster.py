"""A sweep on the workers of dask, one of which is killed, and on those of MPI."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.interaction.sweeps import small

pytest.importorskip("pyarrow")

ROOT = Path(__file__).parents[3]
LIMIT = 120  # seconds, after which it hangs
MPI = """
from mpi4py.futures import MPIPoolExecutor
from tests.interaction.sweeps import small
if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        small.sweep().run("folder", executor, progress=False)
"""


def test_on_mpi(tmp_path):
    pytest.importorskip("mpi4py")
    if shutil.which("mpiexec") is None:
        pytest.skip("no MPI is installed: apt-get install openmpi-bin")
    small.sweep().run(tmp_path / "expected", 0, progress=False)
    (tmp_path / "on_mpi.py").write_text(MPI)
    told = {
        "PYTHONPATH": str(ROOT),
        # Open MPI wants to be asked for more processes than cores, and by root.
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
        **dict.fromkeys(("OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"), "1"),
    }
    command = ["mpiexec", "-n", "3", sys.executable, "-m", "mpi4py.futures", "on_mpi.py"]
    played = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | told,
        timeout=LIMIT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert played.returncode == 0, played.stderr
    assert small.files(tmp_path / "folder") == small.files(tmp_path / "expected")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_worker_of_dask_is_killed(tmp_path):
    distributed = pytest.importorskip("distributed")
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
