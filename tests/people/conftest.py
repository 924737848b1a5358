"""A PostgreSQL of our own, where Debian's package is installed, and a real browser, where there is one."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
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


@pytest.fixture(scope="module")
def chromium():
    """Give a running Chromium; no longer than for a module, since its loop is that of the thread."""
    pages = pytest.importorskip(
        "tests.people.chromium", reason="playwright is not installed", exc_type=ImportError
    )
    if pages.FOUND is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    with pages.browser() as running:
        yield running


@pytest.fixture
def laboratory(chromium, tmp_path):
    """Give what serves a study, and opens it in a browser of its own."""

    from interaction.people.server import StudyServer
    from interaction.people.serving import serving
    from interaction.people.store import Store
    from tests.people import drawn
    from tests.people.chromium import DESK, Participant

    @contextmanager
    def serve(study=drawn.pointing, device=DESK, **options):
        with (
            Store(tmp_path / "results.db") as store,
            serving(StudyServer(study, store, **options)) as address,
        ):
            context = chromium.new_context(**device)
            try:
                yield Participant(context, address), store
            finally:
                context.close()

    return serve
