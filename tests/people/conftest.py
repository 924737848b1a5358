"""A PostgreSQL of our own, in a temporary folder, where Debian's package is installed."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def _tools():
    found = shutil.which("initdb"), shutil.which("pg_ctl")
    if all(found):
        return [Path(one).resolve() for one in found]
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return [folder / "initdb", folder / "pg_ctl"]
    pytest.skip("there is no PostgreSQL here: apt-get install postgresql")


@pytest.fixture(scope="session")
def cluster():
    """Give the port of a running server, and end it."""
    initdb, pg_ctl = _tools()
    pytest.importorskip("psycopg")
    as_user = {}
    if os.getuid() == 0:  # the server refuses to run as root
        try:
            as_user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))  # pytest's own is closed to other users
    if as_user:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = folder / "data"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"

    def call(*words):
        with (folder / "said").open("a") as said:  # the server goes on writing to it
            done = subprocess.run(words, cwd=folder, stdout=said, stderr=said, check=False, **as_user)
        assert done.returncode == 0, (folder / "said").read_text()[-2_000:]

    call(initdb, "-D", data, "-A", "trust", "-U", "postgres")
    call(pg_ctl, "-D", data, "-w", "-o", options, "-l", folder / "log", "start")
    yield port
    call(pg_ctl, "-D", data, "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def postgresql(cluster):
    """Give the URL of an empty database."""
    import psycopg

    url = f"postgresql://postgres@127.0.0.1:{cluster}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        name = f"study_{connection.execute('SELECT count(*) FROM pg_database').fetchone()[0]}"
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url}/{name}"
