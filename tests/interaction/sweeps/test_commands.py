"""The console commands, and what is told while a sweep is played."""

import io
import os
import re
import subprocess
import sys

import pytest

from interaction import progress
from interaction.errors import ArgumentError, InteractionError
from interaction.importing import find
from interaction.studies import Sweep, SweepResults
from interaction.studies.sweeps.commands import commands
from tests.interaction.sweeps import killing, small

pytest.importorskip("pyarrow")
testing = pytest.importorskip("typer.testing")

NAME = "planned:small_sweep"
PLAN = "from tests.interaction.sweeps.small import sweep\nsmall_sweep = sweep()\nanother = 3\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "planned.py").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    yield tmp_path
    sys.modules.pop("planned", None)
    sys.path[:] = [one for one in sys.path if one != str(tmp_path)]


def call(*words):
    done = testing.CliRunner().invoke(commands(), words, env={"COLUMNS": "200"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.output


def test_a_sweep_from_the_command_line(here):
    told = call("run", NAME, "results", "--worker", "1/2", "--processes", "0")
    assert "100%" in told
    assert re.search(r"\b0%", told)  # the chunks of the other share: those of every second cell
    call("run", NAME, "results", "--worker", "2/2", "--processes", "0")
    expected = here / "expected"
    small.sweep().run(expected, 0, progress=False)
    assert small.files(here / "results") == small.files(expected)
    assert "100%" in call("status", "results")
    assert "32 chunks have the same bytes" in call(
        "verify", NAME, "results", "--chunks", "99", "--processes", "0"
    )
    assert "32 files have become 4" in call("compact", "results")
    told = call("table", "results", "--differences", "limit", "--reference", "8", "--csv", "out.csv")
    assert "standard_error" in told
    import pandas

    written = pandas.read_csv("out.csv")
    table = SweepResults("results").table("limit", 8)
    assert written["limit"].tolist() == [5] * 4
    assert written["mean"].tolist() == pytest.approx(table["mean"].tolist())
    assert len(call("table", "results", "--measure", "rounds").splitlines()) < len(told.splitlines()) + 9


def test_a_file_will_do_for_a_module(here):
    folder = here / "elsewhere"
    folder.mkdir()
    (folder / "other.py").write_text(PLAN)
    assert find("elsewhere/other.py:small_sweep", Sweep).episodes == 60
    sys.path.remove(str(folder.resolve()))
    sys.modules.pop("other")


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("planned", "expected a sweep as module:name, as in sweep:sweep, got 'planned'"),
        ("planned:", "expected a sweep as module:name"),
        ("plannd:small_sweep", "there is no module 'plannd' in"),
        ("plannd.py:small_sweep", "there is no file 'plannd.py'"),
        ("planned:another", "planned:another: expected a Sweep, got 3"),
        ("planned:others", "planned: sweep: there is no 'others'. Valid names: small_sweep."),
        ("planned:small_swep", "Did you mean 'small_sweep'?"),
    ],
)
def test_what_is_no_sweep_is_told(here, named, told):
    with pytest.raises(InteractionError, match=re.escape(told)):
        call("run", named, "results")
    assert not (here / "results").exists()


@pytest.mark.parametrize("worker", ["3", "3/", "a/b", "0/2", "3/2", "²/3"])
def test_a_share_is_written_in_one_way(here, worker):
    with pytest.raises(ArgumentError, match=f"^--worker: expected a share of several, .*, got '{worker}'$"):
        call("run", NAME, "results", "--worker", worker)


def test_errors_speak_of_options(here):
    small.sweep(common=False).run(here / "results", 0, progress=False)
    for words, told in (
        ([], r"--changed keep goes on with what is there, --changed again plays all anew"),
        (["--changed", "keep"], "--changed keep: what is there does not go with this sweep"),
        (["--changed", "some"], '^--changed: expected "refuse", "keep" or "again", got \'some\'$'),
        (["--changed", "again", "--worker", "1/2"], "^--worker: --changed again would remove"),
    ):
        with pytest.raises(ArgumentError, match=told) as error:
            call("run", NAME, "results", "--processes", "0", *words)
        assert "changed=" not in str(error.value)


def test_an_error_is_one_line(here):
    environment = {**os.environ, "PYTHONPATH": str(killing.ROOT)}
    words = [sys.executable, "-m", "interaction", "sweep", "status", "nowhere"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "interaction: nowhere: expected the folder of a sweep, got one that is not there"
    ]


def test_a_file_gets_lines_of_episodes_rounds_and_failures(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "WRITTEN", 0.02)
    monkeypatch.setattr(sys, "stderr", told := io.StringIO())
    from interaction.studies import Sweep

    sweep = Sweep(
        small.failing_bundle,
        small.OVER,
        300,
        5,
        measure={"x": small.slowly},
        record=["task_state.x"],
        chunk=8,
    )
    with pytest.raises(InteractionError):
        sweep.run(tmp_path, 0)
    lines = [line for line in told.getvalue().splitlines() if line.startswith("sweep")]
    assert len(lines) > 3
    assert re.search(
        r"sweep: [\d,]+ episodes, [\d.,e+]+ rounds/s, 2 cells stopped: \d+ %, .* chunks, .* left", lines[-1]
    )
