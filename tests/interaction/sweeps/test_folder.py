"""What a sweep leaves in its folder: whole files or none, named when they are damaged, and read by others."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction import files
from interaction.errors import ArgumentError, FolderError, SweepError
from interaction.studies import SweepResults
from interaction.studies.sweeps import statistics
from interaction.studies.sweeps.folder import Folder
from interaction.studies.sweeps.parquet import DamagedFileError, check, read
from tests.interaction.sweeps import killing, small

pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    folder = tmp_path_factory.mktemp("played")
    small.sweep().run(folder, 0, progress=False)
    return folder


@pytest.fixture
def copy(played, tmp_path):
    return shutil.copytree(played, tmp_path / "copy")


def chunk_of(folder, number=0):
    return sorted(folder.glob("chunks/*/*.parquet"))[number]


# Each file.


def test_a_file_holds_what_its_episodes_give_alone(played):
    for cell in small.sweep().cells:
        bundle = small.make_bundle(**cell.labels)
        folder = played / "chunks" / cell.name
        second = sorted(folder.glob("*.parquet"))[1]
        table = read(second)
        assert table.column("episode").to_pylist() == list(range(8, 16))
        for name, value in cell.labels.items():
            assert set(table.column(name).to_pylist()) == {value}
        alone = [bundle.run([episode], seed=5) for episode in range(8, 16)]
        assert table.column("rounds").to_pylist() == [runs.lengths[0] for runs in alone]
        assert table.column("reached").to_pylist() == [runs["task_state.x"][0, -1] for runs in alone]


def test_paths_are_kept_for_each_round_or_at_the_end(tmp_path):
    paths = ["task_state.x", "assistant_observation.task_state.x"]
    small.sweep(16, record=paths, keep=paths).run(tmp_path / "rounds", 0, progress=False)
    small.sweep(16, {"n": "lengths"}, record="final", keep=paths).run(tmp_path / "final", 0, progress=False)
    runs = small.make_bundle("habit", 8).run(16, seed=5)
    folder = (
        Path("chunks") / small.sweep().cell(who="habit", limit=8).name / "000000000008-000000000016.parquet"
    )
    rounds, final = read(tmp_path / "rounds" / folder), read(tmp_path / "final" / folder)
    for path in paths:
        kept = [np.ma.masked_array(runs[path])[i, : runs.lengths[i]].tolist() for i in range(8, 16)]
        assert rounds.column(path).to_pylist() == kept
        assert final.column(path).to_pylist() == [np.ma.masked_array(runs[path])[i, -1] for i in range(8, 16)]
    last = [runs.lengths[i] for i in range(8, 16)]
    assert [len(one) for one in rounds.column(paths[0]).to_pylist()] == last


def test_a_measure_may_have_no_value(tmp_path):
    results = small.sweep(30, {"some": small.sometimes}).run(tmp_path, 0, progress=False)
    table = results.table()
    assert table["n"].tolist() == [20] * 4
    runs = small.make_bundle("random", 5).run(30, seed=5)
    there = runs.returns[runs.episodes % 3 != 0]
    assert table["mean"][0] == pytest.approx(there.mean())
    pairs = results.table("who")
    other = small.make_bundle("habit", 5).run(30, seed=5).returns[runs.episodes % 3 != 0]
    assert pairs["n"].tolist() == [20, 20]
    assert pairs["mean"][0] == pytest.approx((other - there).mean())


# Damage.


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_any_changed_byte_is_noticed(played, tmp_path_factory, place, change):
    file = chunk_of(played)
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= change
    damaged = tmp_path_factory.mktemp("damaged") / file.name
    damaged.write_bytes(content)
    try:
        check(damaged, file.parent.name, 0, 8)
    except DamagedFileError as error:
        assert file.name in str(error)  # noqa: PT017  # but for a digit of the version of the library
    else:
        assert re.sub(rb"version [\d.]+", b"", content) == re.sub(rb"version [\d.]+", b"", file.read_bytes())


@pytest.mark.parametrize("left", [0, 3, 100, -1])
def test_a_damaged_file_is_named_and_played_again(played, copy, caplog, left):
    file = chunk_of(copy, 3)
    file.write_bytes(file.read_bytes()[:left])
    small.sweep().run(copy, 0, progress=False)
    assert [str(file) in record.getMessage() for record in caplog.records] == [True]
    assert small.files(copy) == small.files(played)


def test_a_file_of_other_episodes_is_noticed(played, copy, caplog):
    shutil.copy(chunk_of(copy, 0), chunk_of(copy, 1))
    shutil.copy(chunk_of(copy, 0), chunk_of(copy, -1))
    small.sweep().run(copy, 0, progress=False)
    assert len(caplog.records) == 2
    assert small.files(copy) == small.files(played)


def test_nothing_is_played_where_all_is_there(copy, monkeypatch):
    from interaction.studies.sweeps import work

    monkeypatch.setattr(work, "play", lambda *_: pytest.fail("it plays"))
    small.sweep().run(copy, 0, progress=False)


# Other sweeps, and what is none.


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (lambda: small.sweep(80), "sweep.episodes: 60 before, 80 now"),
        (lambda: small.sweep(seconds=9.0, chunk=16), "sweep.chunk: 8 before, 16 now"),
        (
            lambda: small.sweep(measure={"rounds": "returns"}),
            "sweep.measure.rounds: lengths before, returns now",
        ),
        (lambda: small.sweep(common=False), "sweep.common: True before, False now"),
        (lambda: small.sweep(keep=["task_state.x"]), "sweep.keep: [] before, ['task_state.x'] now"),
    ],
)
def test_another_sweep_is_refused_with_the_lines_that_differ(played, copy, other, line):
    with pytest.raises(ArgumentError, match=re.escape(line)):
        other().run(copy, 0, progress=False)
    assert small.files(copy) == small.files(played)


def changed(copy, *path, value):
    manifest = json.loads((copy / "manifest.json").read_text())
    part = manifest
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    (copy / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "path",
    [
        ("versions", "numpy"),
        ("versions", "interaction"),
        ("machine", "instructions"),
        ("sources", "tests.interaction.sweeps.small"),
        ("sources", "interaction.tasks.coordination"),
    ],
)
def test_other_code_and_machines_are_refused_unless_told(played, copy, path):
    changed(copy, *path, value="another")
    line = re.escape(".".join(path)) + ": another before, "
    with pytest.raises(ArgumentError, match=line):
        small.sweep().run(copy, 0, progress=False)
    kept = chunk_of(copy)
    kept.unlink()
    small.sweep().run(copy, 0, progress=False, changed="keep")
    there = small.files(copy)
    before = json.loads(there.pop("manifest-1.json"))
    assert before[path[0]][path[1]] == "another"
    assert there == small.files(played)


def test_more_episodes_go_on_from_those_that_are_there(copy, tmp_path, monkeypatch):
    small.sweep(100).run(tmp_path / "more", 0, progress=False)
    small.sweep(100).run(copy, 0, progress=False, changed="keep")
    assert all(n == 100 for n in SweepResults(copy).episodes().values())
    assert SweepResults(copy).table().equals(SweepResults(tmp_path / "more").table())


def test_what_means_something_else_is_never_kept(played, copy):
    with pytest.raises(ArgumentError, match=r"sweep\.common: True before, False now"):
        small.sweep(common=False).run(copy, 0, progress=False, changed="keep")
    assert small.files(copy) == small.files(played)


def test_all_is_played_anew_where_that_is_asked_for(copy, tmp_path):
    small.sweep(common=False).run(tmp_path / "other", 0, progress=False)
    small.sweep(common=False).run(copy, 0, progress=False, changed="again")
    there = small.files(copy)
    there.pop("manifest-1.json")
    assert there == small.files(tmp_path / "other")


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(ArgumentError, match=r"one that holds thesis\.tex"):
        small.sweep().run(tmp_path, 0, progress=False)
    with pytest.raises(ArgumentError, match="expected a folder, got a file"):
        small.sweep().run(tmp_path / "thesis.tex", 0, progress=False)
    for content in ("{", "[]", '{"format": "another"}'):
        (tmp_path / "manifest.json").write_text(content)
        with pytest.raises(ArgumentError, match="expected the manifest of a sweep"):
            small.sweep().run(tmp_path, 0, progress=False)
    assert {one.name for one in tmp_path.iterdir()} == {"thesis.tex", "manifest.json"}
    with pytest.raises(ArgumentError, match="got one that is not there"):
        SweepResults(tmp_path / "nowhere")


# What the system refuses.


def failing(monkeypatch, name, code, after):
    """Let a call of `os` fail from its n-th time on."""
    real, seen = getattr(os, name), []

    def call(*args, **options):
        seen.append(args)
        if len(seen) > after:
            raise OSError(code, os.strerror(code))
        return real(*args, **options)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fsync", errno.ENOSPC),
        ("fsync", errno.EIO),
        ("replace", errno.EPERM),
        ("rename", errno.EXDEV),
        ("open", errno.EROFS),
    ],
)
@pytest.mark.parametrize("after", [0, 1, 2, 5, 20, 47])
def test_what_the_system_refuses_is_named_and_files_stay_whole(played, tmp_path, name, code, after):
    folder, told = tmp_path / "folder", None
    with pytest.MonkeyPatch.context() as patch:
        failing(patch, name, code, after)
        try:
            small.sweep().run(folder, 0, progress=False)
        except FolderError as error:
            told = error
    if told is None:  # it is not called so often: there are several calls that rename, say
        assert small.files(folder) == small.files(played)
        return
    assert told.errno == code
    assert os.strerror(code) in str(told)
    assert str(folder) in str(told)
    there, expected = small.files(tmp_path), small.files(played)
    assert all(expected[name.removeprefix("folder/")] == content for name, content in there.items())
    small.sweep().run(folder, 0, progress=False)
    assert small.files(folder) == expected


def test_a_full_disk_is_named(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=32k", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no small file system can be mounted here")
    try:
        with pytest.raises(FolderError, match=re.escape(os.strerror(errno.ENOSPC))) as caught:
            small.sweep(300).run(disk, 0, progress=False)
        assert str(disk) in str(caught.value)
        results = SweepResults(disk)
        assert sum(results.episodes().values()) > 0
        assert results.table()["n"].sum() == 2 * sum(results.episodes().values())
        subprocess.run(["mount", "-o", "remount,size=20m", disk], check=True)
        small.sweep(300).run(disk, 0, progress=False)
        small.sweep(300).run(tmp_path / "expected", 0, progress=False)
        assert small.files(disk) == small.files(tmp_path / "expected")
    finally:
        subprocess.run(["umount", disk], check=True)


# The order in which it comes to the disk.


def test_file_and_folder_are_synced_around_the_new_name(tmp_path, monkeypatch):
    told, real = [], {name: getattr(os, name) for name in ("fsync", "replace", "rename")}

    def fsync(descriptor):
        told.append(
            ("fsync", os.path.realpath(f"/dev/fd/{descriptor}") if sys.platform == "linux" else descriptor)
        )
        real["fsync"](descriptor)

    def moves(name):
        def move(source, target, **options):
            told.append((name, str(target)))
            real[name](source, target, **options)

        return move

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", moves("replace"))
    monkeypatch.setattr(os, "rename", moves("replace"))
    file = tmp_path / "chunk.parquet"
    files.write_whole(file, lambda out: out.write(b"content"))
    assert [name for name, _ in told] == ["fsync", "replace", "fsync"]
    assert told[1][1] == str(file)
    if sys.platform == "linux":
        assert Path(told[0][1]).parent == tmp_path
        assert told[2][1] == str(tmp_path)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_systems_calls_are_in_this_order(tmp_path):
    log, folder = tmp_path / "calls", tmp_path / "folder"
    code = (
        f"from tests.interaction.sweeps.small import sweep; sweep(16).run({str(folder)!r}, 0, progress=False)"
    )
    watched = "fsync,rename,renameat,renameat2,link,linkat"
    traced = subprocess.run(
        [
            "strace",
            "-f",
            "-y",
            "-o",
            log,
            "-e",
            f"trace={watched}",
            sys.executable,
            "-c",
            code,
        ],
        cwd=killing.ROOT,
        env={**os.environ, "PYTHONPATH": str(killing.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if traced.returncode and "ptrace" in traced.stderr:
        pytest.skip("strace may not trace here")
    assert traced.returncode == 0, traced.stderr
    calls = [line.split(" ", 1)[1].strip() for line in log.read_text().splitlines() if str(folder) in line]
    renames = [index for index, call in enumerate(calls) if call.startswith("rename") and ".parquet" in call]
    assert len(renames) == 8
    for index in renames:
        source, target = re.findall(r'"([^"]+)"', calls[index])
        assert calls[index - 1].startswith("fsync(")
        assert source in calls[index - 1]
        assert calls[index + 1].startswith("fsync(")
        assert f"<{Path(target).parent}>" in calls[index + 1]
    linked = next(index for index, call in enumerate(calls) if "manifest.json" in call)
    assert linked < renames[0]
    assert any(call.startswith("fsync(") and f"<{folder}>" in call for call in calls[linked : renames[0]])


# Several at once.


def test_two_runs_in_one_folder_do_no_harm(played, tmp_path):
    errors = []

    def run():
        try:
            small.sweep().run(tmp_path, 1, progress=False)
        except Exception as error:
            errors.append(error)

    both = [Thread(target=run) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert not errors
    assert small.files(tmp_path) == small.files(played)


def test_only_the_first_manifest_is_written(tmp_path):
    folders = [Folder(tmp_path) for _ in range(8)]
    found = []

    def claim(number):
        found.append(folders[number].claim({"format": "interaction sweep 1", "who": number}))

    threads = [Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one["who"] for one in found}) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["manifest.json"]


def test_what_processes_left_that_were_killed_is_swept_out(copy):
    folder = chunk_of(copy).parent
    for name, age in (("old", 7200), ("new", 10)):
        descriptor, file = tempfile.mkstemp(prefix=f".{name}.", suffix=".part", dir=folder)
        os.close(descriptor)
        then = Path(file).stat().st_mtime - age
        os.utime(file, (then, then))
    small.sweep().run(copy, 0, progress=False)
    assert [one.name.split(".")[1] for one in folder.glob(".*")] == ["new"]


# Later.


def test_verify_finds_what_differs(copy):
    assert small.sweep().verify(copy, 5, executor=0, progress=False) == 5
    assert small.sweep().verify(copy, 100, executor=0, progress=False) == 32
    first, second = chunk_of(copy, 0), chunk_of(copy, 8)
    first.write_bytes(second.read_bytes())
    with pytest.raises(SweepError, match=first.name):
        small.sweep().verify(copy, 100, executor=0, progress=False)


def test_verify_tells_of_other_code_that_plays_the_same(copy, caplog):
    small.sweep().verify(copy, 5, executor=0, progress=False)
    assert not caplog.records
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["sources"]["tests.interaction.sweeps.small"] = "another"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert small.sweep().verify(copy, 5, executor=0, progress=False) == 5
    (record,) = caplog.records
    told = "the bytes are the same, and were played by others:\n- sources.tests.interaction.sweeps.small: "
    assert told in record.getMessage()


def test_compact_keeps_every_episode(played, copy):
    before, after = SweepResults(copy).compact(progress=False)
    assert (before, after) == (32, 4)
    assert len(list(copy.glob("chunks/*/*.parquet"))) == 4
    assert SweepResults(copy).table().equals(SweepResults(played).table())
    assert SweepResults(copy).table("who").equals(SweepResults(played).table("who"))
    assert small.sweep().verify(copy, 100, executor=0, progress=False) == 32
    compacted = small.files(copy)
    small.sweep().run(copy, 0, progress=False)
    assert small.files(copy) == compacted  # nothing was missing
    assert SweepResults(copy).compact(progress=False) == (4, 4)
    small.sweep(100).run(copy, 0, progress=False, changed="keep")
    assert all(n == 100 for n in SweepResults(copy).episodes().values())
    assert SweepResults(copy).compact(progress=False) == (24, 4)
    assert SweepResults(copy).table()["n"].tolist() == [100] * 8


def test_what_compact_was_killed_in_is_counted_once(played, copy, tmp_path):
    other = shutil.copytree(copy, tmp_path / "other")
    SweepResults(other).compact(progress=False)
    merged = chunk_of(other)
    shutil.copy(merged, chunk_of(copy).parent / merged.name)  # and those that it holds are still there
    assert SweepResults(copy).table().equals(SweepResults(played).table())
    assert set(SweepResults(copy).episodes().values()) == {60}
    assert SweepResults(copy).compact(progress=False) == (33, 4)


def test_a_table_that_is_made_while_files_are_merged_is_that_of_all_episodes(played, copy, monkeypatch):
    left, once = [], statistics.read
    expected = SweepResults(played)

    def read_late(file, columns):
        if not left:
            left.append(SweepResults(copy).compact(progress=False))
        return once(file, columns)

    monkeypatch.setattr(statistics, "read", read_late)
    found = SweepResults(copy).table()
    assert left == [(32, 4)]
    monkeypatch.undo()
    assert found.equals(expected.table())


def test_a_file_that_stays_away_is_an_error(copy, monkeypatch):
    def read_nothing(file, columns):
        raise FileNotFoundError(file)

    monkeypatch.setattr(statistics, "read", read_nothing)
    with pytest.raises(FileNotFoundError, match="parquet"):
        SweepResults(copy).table()


def test_a_damaged_file_of_many_chunks_is_played_again(played, copy, caplog):
    SweepResults(copy).compact(progress=False)
    file = chunk_of(copy)
    file.write_bytes(file.read_bytes()[:-9])
    small.sweep().run(copy, 0, progress=False)
    assert len(caplog.records) == 1
    assert SweepResults(copy).table().equals(SweepResults(played).table())


# Other programs.


def test_pandas_reads_the_files_as_a_data_set(played):
    pandas = pytest.importorskip("pandas")
    data = pandas.read_parquet(played / "chunks")
    assert len(data) == 240
    assert not data.duplicated(["who", "limit", "episode"]).any()
    table = SweepResults(played).table(measures=["rounds"])
    means = data.groupby(["who", "limit"], sort=False)["rounds"].mean()
    for row in table.itertuples():
        assert means[row.who, row.limit] == pytest.approx(row.mean)


def test_polars_and_duckdb_read_them_too(played):
    polars, duckdb = pytest.importorskip("polars"), pytest.importorskip("duckdb")
    place = f"{played}/chunks/**/*.parquet"
    mean = SweepResults(played).table(measures=["rounds"])["mean"].mean()
    assert polars.scan_parquet(place).collect()["rounds"].mean() == pytest.approx(mean)
    assert duckdb.sql(f"select count(*), avg(rounds) from '{place}'").fetchall() == [
        (240, pytest.approx(mean))
    ]
