"""Other processes, with other hash seeds, clocks and environments, in which calls are made again."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from interaction.checks.calls import Call, Watch
from interaction.checks.repeats import Outcome, compare, modules_of, repeat, shuffled
from interaction.checks.report import Budget, Report
from interaction.checks.surroundings import PERSONAL, changed, other_clock, other_environment
from interaction.importing import file_of, import_file

OTHERS = 2  # processes: two hash seeds may agree on the order of a small set by chance, three hardly
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from interaction.checks import other_process"
)
_SECONDS_TO_START = 30.0
_HERE: list[str] = []  # holds the folder of the request, in a process that another one has started


@contextmanager
def other_processes(watch: Watch, calls: Sequence[Call], report: Report, budget: Budget) -> Iterator[None]:
    """Start the processes, go on with the rest of the check, and compare what they gave."""
    modules = {name: file_of(name) for name in modules_of(watch.parts)}
    missing = [name for name, file in modules.items() if file is None]
    if _HERE or missing:
        reason = f"the module {missing[0]!r} cannot be imported there" if missing else "this is one"
        report.unchecked.append(f"another process, with another hash seed: {reason}{_advice(missing)}")
        yield
        return
    with tempfile.TemporaryDirectory(prefix="interaction-check-") as name:
        folder = Path(name)
        folder.joinpath("modules").write_text(json.dumps(modules))
        folder.joinpath("seconds").write_text(json.dumps(budget.seconds / 4))
        folder.joinpath("calls").write_bytes(pickle.dumps((watch.parts, list(calls))))
        processes = [_start(folder, number) for number in range(OTHERS)]
        try:
            yield
            for number, process in enumerate(processes):
                if not _collect(process, folder, number, watch, calls, report, budget):
                    break
        finally:
            for process in processes:
                process.kill()
                process.wait()


def _start(folder: Path, number: int) -> subprocess.Popen[bytes]:
    code = f"{_START}; other_process.main(sys.argv[2], {number})"
    with folder.joinpath(f"errors-{number}").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-c", code, json.dumps(sys.path), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(number),
        )


def _collect(
    process: subprocess.Popen[bytes],
    folder: Path,
    number: int,
    watch: Watch,
    calls: Sequence[Call],
    report: Report,
    budget: Budget,
) -> bool:
    """Compare what a process gave; False, and a line in the report, where it gave nothing."""
    try:
        code = process.wait(max(budget.left(), budget.seconds / 4) + _SECONDS_TO_START)
    except subprocess.TimeoutExpired:
        report.unchecked.append("another process, with another hash seed: it did not end in time")
        return False
    if code:
        errors = folder.joinpath(f"errors-{number}").read_text(errors="replace").strip().splitlines()
        reason = errors[-1] if errors else f"it ended with {code}"
        report.unchecked.append(f"another process, with another hash seed: {reason}")
        return False
    outcomes: dict[int, Outcome] = pickle.loads(folder.joinpath(f"outcomes-{number}").read_bytes())
    compare(
        watch,
        calls,
        outcomes,
        "in another process, with another hash seed, clock and environment, and in another order",
        "a result may not depend on the order of a set, hash(), id(), the time, the environment, "
        "or on what was called before (a cache)",
    )
    report.processes += 1
    if len(outcomes) < len(calls):
        report.unchecked.append(
            f"{len(calls) - len(outcomes)} of {len(calls)} calls were not made in another process, "
            "for lack of time"
        )
    return True


def _environment(number: int) -> dict[str, str]:
    own = os.environ
    environment = {name: changed(name, value) if name in PERSONAL else value for name, value in own.items()}
    environment |= {name: changed(name, own.get(name)) for name in ("USER", "LANG", "TZ")}
    seeds = [seed for seed in ("1", "2", "3") if seed != own.get("PYTHONHASHSEED")]
    return environment | {"PYTHONHASHSEED": seeds[number]}


def _advice(missing: list[str]) -> str:
    if "__main__" not in missing:
        return ""
    return ' (write the component in a module, or check it under `if __name__ == "__main__":` of a script)'


# In the other process.


def main(folder: str, number: int) -> None:
    """Import the modules, make the calls and write down what they gave."""
    _HERE.append(folder)
    place = Path(folder)
    modules: dict[str, str] = json.loads(place.joinpath("modules").read_text())
    seconds: float = json.loads(place.joinpath("seconds").read_text())
    outcomes: dict[int, Outcome] = {}
    with other_clock((), -1000 - 111 * number), other_environment(list(modules)):
        for name, file in modules.items():
            sys.modules[name] = import_file(name, file, script=name == "__main__")
        parts, calls = pickle.loads(place.joinpath("calls").read_bytes())
        outcomes = repeat(parts, calls, shuffled(len(calls), 99 - number), seconds)
    place.joinpath(f"outcomes-{number}").write_bytes(pickle.dumps(outcomes))
