"""What a sweep is made of: bad input, cells and their seeds, chunks, and errors of components."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from interaction import Bundle, Trajectories
from interaction.errors import ArgumentError, InteractionError, SweepError, UnknownNameError
from interaction.importing import Reference, reference_to
from interaction.studies import Sweep, SweepResults
from interaction.studies.surroundings import surroundings
from interaction.studies.sweeps import trial as trial_module
from interaction.studies.sweeps.cells import cells_of
from interaction.studies.sweeps.chunk import Chunk, MeasureError, play
from interaction.studies.sweeps.trial import LARGEST, MOST_BYTES, Trial, chunk_size, try_cell
from tests.interaction.sweeps import killing, small

pytest.importorskip("pyarrow")

PATH = "task_state.x"
MEASURE = {"rounds": "lengths"}


def two_of_each(runs):
    return np.zeros((len(runs.episodes), 2))


def not_a_number(runs):
    return np.where(runs.episodes == 1, np.nan, 0.0)


def of_another_path(runs):
    return runs["user_state.p9"]


def raises(runs):
    return 1 / 0


# Bad input: before anything is played, and before there is a folder.


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"over": {"who": []}}, "who: expected one label or more, got none"),
        ({"over": {"who": ["a"], "limit": "abc"}}, "limit: expected a list of labels, got 'abc'"),
        ({"over": {"who": ["a", "b", "a"]}}, "'a' is there twice"),
        ({"over": {"who": [1, True]}}, "labels of one kind, got bool, int"),
        ({"over": {"who": ["a", 1]}}, "labels of one kind, got int, str"),
        ({"over": {"who": [1.0, float("nan")]}}, "finite numbers or flags, got nan"),
        ({"over": {"who": [None]}}, "got None: give a label"),
        ({"over": {"not a name": [1]}}, "the names of arguments of make_bundle for axes, got 'not a name'"),
        ({"over": ["who"]}, "over: expected a mapping"),
        (
            {"over": {"who": ["a"]}},
            "a function of who, the axes of over: missing a required argument: 'limit'",
        ),
        ({"over": {**small.OVER, "what": [1]}}, "got an unexpected keyword argument 'what'"),
        ({"measure": {}}, "measure: expected a mapping"),
        ({"measure": "lengths"}, "measure: expected a mapping"),
        ({"measure": {"who": "lengths"}}, "the name 'who' is there twice"),
        ({"measure": {"episode": "lengths"}}, "'episode' is a column of every file"),
        ({"measure": {"x": "lengths"}, "keep": ["x"]}, "the name 'x' is there twice"),
        ({"measure": {"": "lengths"}}, "expected names for columns, got ''"),
        (
            {"measure": {"x": lambda runs: runs.lengths}},
            "measure 'x': expected a function that other processes can",
        ),
        ({"measure": {"x": 3}}, "measure 'x': expected a function of a module, got 3"),
        ({"make_bundle": lambda who, limit: None}, "import, got a lambda: write it with def"),
        ({"episodes": 0}, "episodes: expected a number >= 1, got 0"),
        ({"episodes": 1.5}, "episodes: expected a number >= 1, got 1.5"),
        ({"chunk": 0}, "chunk: expected a number >= 1, got 0"),
        ({"seconds": 0.0}, "seconds: expected a number above 0, got 0.0"),
        ({"seed": -1}, "seed: expected a non-negative integer"),
        ({"keep": "task_state.x"}, "keep: expected a list of paths"),
        ({"record": "all"}, 'record: expected a list of paths, or "final", got'),
        ({"until": {"round": 0.1}}, "there is no 'round'. Did you mean 'rounds'? Valid names: rounds."),
        ({"until": {"rounds": 0}}, "until: rounds: expected a standard error above 0, got 0"),
        ({"until": {}}, "until: expected a mapping"),
        ({"paired": "who"}, "paired: it says what until= is about"),
        ({"until": {"rounds": 1.0}, "paired": "whom"}, "there is no 'whom'. Did you mean 'who'?"),
        ({"until": {"rounds": 1.0}, "paired": "who", "common": False}, "episodes are no pairs"),
        (
            {"until": {"rounds": 1.0}, "paired": "who", "over": {"who": ["habit"], "limit": [5, 8]}},
            "paired: expected an axis of two labels or more, got 'who', which has 'habit' alone",
        ),
    ],
)
def test_what_is_wrong_is_told_at_once(options, told):
    given = {"make_bundle": small.make_bundle, "over": small.OVER, "episodes": 10, "measure": MEASURE}
    with pytest.raises(InteractionError, match=re.escape(told)):
        Sweep(**given | options)


def test_a_function_inside_a_function_is_refused():
    def make_bundle(who, limit):
        return small.make_bundle(who, limit)

    with pytest.raises(ArgumentError, match="got 'make_bundle', defined in a function"):
        Sweep(make_bundle, small.OVER, 10, measure=MEASURE)


@pytest.mark.parametrize(
    ("code", "works"),
    [
        ("sweep.run('results', 1, progress=False)", False),
        ("if __name__ == '__main__': sweep.run('results', 1, progress=False)", True),
    ],
)
def test_a_script_has_to_be_guarded(tmp_path, code, works):
    (tmp_path / "script.py").write_text(
        "from interaction.studies import Sweep\n"
        "from tests.interaction.sweeps import small\n"
        "def make_bundle(who, limit): return small.make_bundle(who, limit)\n"
        "def rounds(runs): return runs.lengths\n"
        "sweep = Sweep(make_bundle, small.OVER, 20, measure={'rounds': rounds})\n"
        f"{code}\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(killing.ROOT)}
    words = [sys.executable, "script.py"]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    if works:
        assert done.returncode == 0, done.stderr
        manifest = json.loads((tmp_path / "results" / "manifest.json").read_text())
        assert manifest["sweep"]["make_bundle"] == "script:make_bundle"
        words = [
            sys.executable,
            "-m",
            "interaction",
            "sweep",
            "run",
            "script:sweep",
            "results",
            "--processes",
            "1",
        ]
        before = small.files(tmp_path / "results")
        again = subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert again.returncode == 0, again.stderr
        assert small.files(tmp_path / "results") == before
    else:
        assert 'a script without `if __name__ == "__main__":` around its work' in done.stderr
        assert not (tmp_path / "results").exists()


def test_what_is_typed_in_is_refused(tmp_path):
    code = (
        "from interaction.studies import Sweep\n"
        "def make_bundle(): pass\n"
        "Sweep(make_bundle, {}, 10, measure={'rounds': 'lengths'})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "'make_bundle' of a notebook, or a script without" in done.stderr


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (two_of_each, "two_of_each: expected a number for each episode, (1,), got an array (1, 2)"),
        (not_a_number, "expected finite numbers, got nan in episode 1; mask the episodes that have no value"),
        (
            of_another_path,
            "measure 'it': trajectories (only what was recorded can be read): there is no 'user_sta",
        ),
        (raises, "measure 'it': ZeroDivisionError: division by zero"),
        ("length", "measure 'it': measure: there is no 'length'. Did you mean 'lengths'?"),
    ],
)
@pytest.mark.parametrize("executor", [0, 1])
def test_a_measure_is_tried_before_a_chunk_is_played(tmp_path, measure, told, executor):
    with pytest.raises(ArgumentError, match=re.escape(told)):
        small.sweep(measure={"it": measure}).run(tmp_path, executor, progress=False)
    assert not list(tmp_path.rglob("*.*"))


def test_a_path_is_tried_before_a_chunk_is_played(tmp_path):
    with pytest.raises(UnknownNameError, match=r"keep and record: there is no 'task_state\.y'"):
        small.sweep(keep=["task_state.y"]).run(tmp_path, 0, progress=False)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize(
    ("make", "told"), [(small.no_bundle, "expected a Bundle"), (small.raising, "KeyError")]
)
def test_a_bundle_that_cannot_be_made_stops_its_cell(tmp_path, make, told):
    sweep = Sweep(make, small.OVER, 10, measure=MEASURE)
    with pytest.raises(SweepError, match=told) as caught:
        sweep.run(tmp_path, 0, progress=False)
    assert len(caught.value.failures) == 4


# Cells.


def test_cells_have_common_luck_or_their_own():
    over = {"who": ("a", "b"), "limit": (1, 2)}
    assert {cell.seed for cell in cells_of(over, 5, True)} == {5}
    own = cells_of(over, 5, False)
    assert len({cell.seed for cell in own}) == 4
    more = {"who": ("a", "c", "b"), "limit": (0, 1, 2)}
    assert set(own) <= set(cells_of(more, 5, False))  # that of a cell does not depend on the others
    assert not {cell.seed for cell in own} & {cell.seed for cell in cells_of(over, 6, False)}


def test_names_of_cells_are_those_of_files():
    over = {"what": ("a/b", "a b", "..", ".", "é" * 300, "CON", "a:b", ""), "number": (1e-300, -2.5)}
    names = [cell.name for cell in cells_of(over, 0, True)]
    assert len(set(names)) == 16
    assert all(re.fullmatch(r"\w[\w.-]*", name) and len(name) < 90 for name in names)


def test_the_labels_of_an_axis_are_of_one_kind():
    sweep = Sweep(small.make_bundle, {"who": ["habit"], "limit": np.array([5, 8])}, 10, measure=MEASURE)
    assert [cell.labels["limit"] for cell in sweep.cells] == [5, 8]
    assert type(sweep.cells[0].labels["limit"]) is int
    sweep = Sweep(small.make_bundle, {"who": ["habit"], "limit": [5, 8.5]}, 10, measure=MEASURE)
    assert type(sweep.cells[0].labels["limit"]) is float


def test_the_bundle_of_a_cell():
    sweep = small.sweep()
    assert isinstance(sweep.bundle(who="habit", limit=5), Bundle)
    with pytest.raises(ArgumentError, match=r"limit: expected one of \[5, 8\], got 6"):
        sweep.bundle(who="habit", limit=6)
    with pytest.raises(ArgumentError, match="expected a label of limit, got none"):
        sweep.bundle(who="habit")
    with pytest.raises(UnknownNameError, match="Did you mean 'who'"):
        sweep.bundle(whom="habit", limit=5)
    assert repr(sweep) == (
        "Sweep(tests.interaction.sweeps.small:make_bundle, 2 who × 2 limit, 60 episodes, seed=5)"
    )


def test_a_sweep_of_one_cell(tmp_path):
    sweep = Sweep(one_bundle, {}, 20, measure=MEASURE)
    assert sweep.run(tmp_path, 0, progress=False).table()["n"].tolist() == [20]


def one_bundle():
    return small.make_bundle("habit", 5)


# Chunks.


def test_chunks_take_about_as_long_as_asked():
    """20 ms of the measure, however many episodes: the longer a chunk may take, the more it holds."""
    sweep = small.sweep(measure={"reached": small.slowly})
    sizes = []
    for seconds in (0.04, 1.0, 10.0):
        trial = try_cell(sweep.job, sweep.cells[0], 2**18, seconds)
        sizes.append(chunk_size(trial, 2**18, seconds))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]
    assert all((size & (size - 1)) == 0 for size in sizes)


def test_few_episodes_that_take_long_together_do_not_make_chunks_small(monkeypatch):
    """Natural code is played singly when there are few, and lifted when there are more, which is quicker."""
    clock = [0.0]

    def play(job, chunk):
        count = chunk.stop - chunk.first
        clock[0] += 0.02 * count if count <= 16 else 0.1 + 5e-5 * count

    class Kept:
        nbytes = 0

    monkeypatch.setattr(trial_module, "play", lambda job, chunk: (play(job, chunk), ({}, {}))[1])
    monkeypatch.setattr(trial_module, "table_of", lambda *_: Kept())
    monkeypatch.setattr(trial_module.time, "perf_counter", lambda: clock[0])
    trial = try_cell(small.sweep().job, small.sweep().cells[0], 10**6, 3.0)
    assert chunk_size(trial, 10**6, 3.0) >= 2**14


def long_mean(runs):
    return np.asarray(runs["task_state.x"]).mean(axis=1)


def late_bundle(who):
    """The first episodes are equally long, and a later one is not."""
    return small.make_bundle(who, 45)


def test_a_mean_over_rounds_that_were_not_played_is_found_in_later_chunks(tmp_path):
    over, measure = {"who": ["random"]}, {"mean": long_mean}
    sweep = Sweep(late_bundle, over, 64, 5, measure=measure, record=["task_state.x"], chunk=16)
    lengths = sweep.bundle(who="random").run(64, seed=5).lengths
    assert len(set(lengths[:8])) == 1
    assert len(set(lengths)) > 1
    with pytest.raises(SweepError, match="when others are played beside it"):
        sweep.run(tmp_path, 0, progress=False)


@pytest.mark.parametrize(
    ("limit", "measure"),
    [(400, small.presses), (90, small.presses), (400, small.without_outliers), (5, small.of_the_first_round)],
)
def test_a_measure_that_follows_from_others_is_found_in_each_chunk(limit, measure):
    """Also where the shortest episode alone does not show it."""
    over, path = {"who": ["random"], "limit": [limit]}, "user_action"
    sweep = Sweep(small.whole, over, 8, measure={"it": measure}, record=[path])
    for first in range(0, 640, 64):
        with pytest.raises(MeasureError, match="when others are played beside it"):
            play(sweep.job, Chunk(sweep.cells[0], first, first + 64))


def test_a_folder_without_a_chunk_holds_back_nobody(tmp_path):
    over = {"who": ["habit"]}
    with pytest.raises(SweepError, match=r"1 of 1 cells stopped:\n"):
        Sweep(never_made, over, 20, measure=MEASURE).run(tmp_path, 0, progress=False)
    results = Sweep(small_bundle, over, 20, measure=MEASURE).run(tmp_path, 0, progress=False)
    assert results.table()["n"].tolist() == [20]


def never_made(who):
    raise KeyError(who)


def small_bundle(who):
    return small.make_bundle(who, 100)


def test_equal_failures_are_told_once_with_the_line(tmp_path):
    sweep = Sweep(never_made, {"who": ["a", "b", "c"]}, 20, measure=MEASURE)
    with pytest.raises(SweepError) as caught:
        sweep.run(tmp_path, 0, progress=False)
    assert len(caught.value.failures) == 3
    told = str(caught.value)
    assert "test_sweep.py, line " in told
    assert "in never_made" in told


def test_what_is_less_certain_than_was_asked_is_told(tmp_path, caplog):
    over, until = {"who": ["random"]}, {"rounds": 1e-9}
    sweep = Sweep(small_bundle, over, 200, measure=MEASURE, until=until, chunk=50)
    sweep.run(tmp_path, 0, progress=False)
    assert "1 of 1 cells have 200 episodes, the most that they may have" in caplog.text


def test_chunks_are_small_where_much_is_recorded():
    cell = small.sweep().cells[0]
    assert chunk_size(Trial(cell, 1e-9, 8.0), 10**9, 3.0) == LARGEST
    assert chunk_size(Trial(cell, 1e-9, 1e6), 10**9, 3.0) * 1e6 <= MOST_BYTES
    assert chunk_size(Trial(cell, 1e3, 1e12), 10**9, 3.0) == 1


def test_a_chunk_is_the_same_in_another_division(tmp_path):
    one = small.sweep(chunk=60).run(tmp_path / "one", 0, progress=False)
    many = small.sweep(chunk=7).run(tmp_path / "many", 0, progress=False)
    assert one.table().equals(many.table())


# What a component raises.


@pytest.mark.parametrize("executor", [0, 2])
def test_what_a_component_raises_stops_its_cell_alone(tmp_path, executor):
    sweep = Sweep(small.failing_bundle, small.OVER, 200, 5, measure=MEASURE, chunk=16)
    with pytest.raises(SweepError, match="2 of 4 cells stopped") as caught:
        sweep.run(tmp_path, executor, progress=False)
    for failure in caught.value.failures:
        assert failure.cell.labels["who"] == "random"
        assert "ZeroDivisionError: division by what was drawn" in failure.error
        assert "in reset" in failure.trace
        bundle = sweep.bundle(**failure.cell.labels)
        with pytest.raises(ZeroDivisionError, match="by what was drawn"):
            bundle.run([failure.episode], seed=failure.cell.seed)
        bundle.run(failure.episode, seed=failure.cell.seed)  # those before it are well
        limit = failure.cell.labels["limit"]
        told = f"make_bundle(who='random', limit={limit}).run([{failure.episode}], seed=5)"
        assert told in str(caught.value)
    there = SweepResults(tmp_path).episodes()
    assert [n for cell, n in there.items() if cell.labels["who"] == "habit"] == [200, 200]
    first = caught.value.failures[0].episode
    assert all(n >= first // 16 * 16 for n in there.values())


def test_the_call_that_shows_the_error_of_a_measure(tmp_path):
    sweep = small.sweep(measure={"it": rarely})
    with pytest.raises(SweepError) as caught:
        sweep.run(tmp_path, 0, progress=False)
    bundle = f"make_bundle(who='random', limit=5).run([{BAD}], seed=5"
    told = str(caught.value).splitlines()[1]
    assert re.fullmatch(
        rf"- who='random', limit=5, episode {BAD}, seed 5: measure 'it': RuntimeError: it is bad "
        rf"\(test_sweep\.py, line \d+, in rarely\) "
        rf"\({re.escape(f'rarely({bundle}, record={[PATH]}))')} shows it\)",
        told,
    )
    with pytest.raises(RuntimeError, match="it is bad"):
        rarely(small.make_bundle(who="random", limit=5).run([BAD], seed=5, record=[PATH]))


BAD = 21


def rarely(runs):
    if BAD in runs.episodes:
        raise RuntimeError("it is bad")
    return runs[PATH][:, 0]


def test_what_only_some_episodes_together_show_is_told(tmp_path):
    with pytest.raises(SweepError, match="only episodes 8 to 15 of who='random', limit=5 together show it"):
        small.sweep(measure={"it": crowded}).run(tmp_path, 0, progress=False)


def crowded(runs):
    if len(runs.episodes) == 8 and runs.episodes[0] > 0:
        raise RuntimeError("too many at once")
    return runs.lengths


# Ending early.


@pytest.mark.skipif(sys.platform == "win32", reason="it sends a signal")
def test_an_interrupt_leaves_what_can_be_resumed(tmp_path):
    folder = tmp_path / "folder"
    with (tmp_path / "log").open("w") as log:
        process = killing.play(folder, 4000, "2", log)
    while not len(list(folder.glob("chunks/*/*.parquet"))) > 20:
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    there = len(list(folder.glob("chunks/*/*.parquet")))
    assert 20 < there < 2000
    told = (tmp_path / "log").read_text().splitlines()
    expected = rf"(\d[\d,]*) of 16,000 episodes are in {folder}; the same call goes on from there"
    assert int(re.fullmatch(expected, told[-1])[1].replace(",", "")) <= 8 * there
    assert "KeyboardInterrupt" in told[-2]
    results = SweepResults(folder)
    assert results.table(measures=["rounds"])["n"].sum() == sum(results.episodes().values())


# What the numbers follow from.


def test_sources_are_those_of_the_components_and_what_they_import():
    about = surroundings([reference_to(small.make_bundle, "it")])
    names = set(about["sources"])
    assert {"tests.interaction.sweeps.small", "interaction.tasks.coordination"} <= names
    assert {"interaction.users.coordination", "interaction.assistants.coordination"} <= names
    assert not any(name.startswith(("numpy", "interaction.studies")) for name in names)
    assert set(about["versions"]) >= {"python", "numpy", "interaction"}


def test_a_change_in_a_module_that_a_module_imports_is_noticed(tmp_path):
    (tmp_path / "laboratory").mkdir()
    (tmp_path / "laboratory" / "__init__.py").write_text("")
    (tmp_path / "laboratory" / "people.py").write_text("LIMIT = 5\n")
    (tmp_path / "laboratory" / "plan.py").write_text(
        "from interaction.studies import Sweep\n"
        "from tests.interaction.sweeps import small\n"
        "def make_bundle(who):\n"
        "    from .people import LIMIT\n"
        "    return small.make_bundle(who, LIMIT)\n"
        "sweep = Sweep(make_bundle, {'who': ['habit']}, 20, measure={'rounds': 'lengths'})\n"
    )
    words = [sys.executable, "-m", "interaction", "sweep", "run", "laboratory.plan:sweep", "results"]
    options = {
        "cwd": tmp_path,
        "env": {**os.environ, "PYTHONPATH": str(killing.ROOT)},
        "capture_output": True,
        "text": True,
    }
    done = subprocess.run([*words, "--processes", "0"], check=False, **options)
    assert done.returncode == 0, done.stderr
    (tmp_path / "laboratory" / "people.py").write_text("LIMIT = 8\n")
    done = subprocess.run([*words, "--processes", "0"], check=False, **options)
    assert done.returncode == 1
    assert "sources.laboratory.people:" in done.stderr


@pytest.mark.parametrize("package", [True, False])
def test_modules_are_found_in_folders_and_nothing_is_imported_for_it(tmp_path, monkeypatch, package):
    name = f"studio_{package}"  # what was found is remembered
    folder = tmp_path / name / "people"
    folder.mkdir(parents=True)
    if package:
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('it is imported')\n")
        (folder / "__init__.py").write_text("")
    (folder / "young.py").write_text("AGE = 20\n")
    (tmp_path / "sketch.py").write_text(
        f"import numpy, {name}.nothing\n"
        "def make_bundle(): pass\n"
        f"def later():\n    from {name}.people.young import AGE\n    from {name}.people import old\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    file = str(tmp_path / "sketch.py")
    found = set(surroundings([Reference("sketch", file, "make_bundle")])["sources"])
    more = {name, f"{name}.people"} if package else set()
    assert found == {"sketch", f"{name}.people.young"} | more
    assert not {"sketch", name} & set(sys.modules)


def test_a_worker_with_other_versions_is_refused(tmp_path, monkeypatch):
    from interaction.studies.sweeps import playing

    about = surroundings([reference_to(small.make_bundle, "it"), reference_to(small.reached, "it")])
    other = {**about, "versions": {**about["versions"], "numpy": "1.0"}}
    monkeypatch.setattr(playing, "surroundings", lambda _: other)
    with pytest.raises(ArgumentError, match=r"not like the process that leads: versions\.numpy: 1\.0 there"):
        small.sweep().run(tmp_path, 1, progress=False)


def test_numerical_libraries_have_one_thread(tmp_path):
    results = small.sweep(8, {"threads": threads}).run(tmp_path, 1, progress=False)
    assert results.table()["quantile_95"].tolist() == [1.0] * 4


def threads(runs: Trajectories):
    from threadpoolctl import threadpool_info

    most = max((one["num_threads"] for one in threadpool_info()), default=1)
    return np.full(runs.lengths.shape, most)
