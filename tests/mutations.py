"""Would the tests notice it? Makes single changes in the core and runs the tests that should fail.

    python -m pip install cosmic-ray
    python -m tests.mutations --number 200 --seed 1 --jobs 2

A change is an operator, a comparison, a number, a truth value or a `not` (the operators of Cosmic Ray), drawn
at random from the modules below. It is made in a copy of the project. First the tests that are closest to its
module are run, and where they all pass, nearly all of the core (not with `--near`). What no test notices is
printed with its line.

Some that no test notices change nothing: an axis that is written as 1 in place of -1 where there are two
(`Statistics.choose`); a key of more words than Philox takes (`random._Device`); 63 in place of 64 draws whose
first numbers are rare ones (`noted`), which is a choice; `*` in place of `&` between truth values, and `|` in
place of `+` where a bit is not set; how many rows or counts are held at once (`_ROWS`, `_MOST` of the trees);
`is` in place of `==` of kinds, of small whole numbers and of names of which there are two (and `>=` there); a
check of lengths that are equal by how they are made (`strict=True`); the root in place of no node, where a
child is looked for (`Statistics.follow`); a quick way that is not taken, beside the slow one that gives the
same (the ends of a box, `PartnerModelFilter.update`) or notes more than is read (`_Grower.compared`).
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).parent.parent
CORE = {  # each module with the tests that are closest to it
    "turns": "turns bundle previous_state",
    "bundle": "bundle turns copies previous_state",
    "opening": "bundle batch declarations recording rollouts batching/test_kinds",
    "random": "random",
    "observation": "observation previous_state misuses",
    "spaces": "spaces declarations",
    "membership": "spaces declarations policy batching/test_kinds",
    "policy": "policy misuses",
    "simulator": "rollouts simulator batching/test_doors previous_state",
    "prediction": "prediction simulator batching/test_doors previous_state",
    "trials": "previous_state",
    "noted": "random user_model known_beliefs drawn_gain",
    "batching/play": "batch recording trajectory endless previous_state rollouts",
    "batching/recording": "recording trajectory batch endless",
    "batching/lockstep": "lockstep batching/test_promises",
    "inference/actions": "information_gain user_model batching/test_doors",
    "inference/user_model": "user_model known_beliefs inference batching/test_doors",
    "inference/assistant_model": "assistant_model theory_of_mind",
    "inference/partner_model": "user_model assistant_model known_beliefs inference batching/test_doors",
    "inference/kept_belief": "user_model assistant_model known_beliefs inference",
    "inference/authors": "user_model assistant_model",
    "inference/resampling": "user_model known_beliefs",
    "inference/hypotheses": "user_model known_beliefs batching/test_doors",
    "inference/movement": "known_beliefs belief_tree",
    "inference/candidates": "user_model known_beliefs information_gain",
    "inference/scores": "user_model known_beliefs information_gain",
    "inference/particles": "user_model known_beliefs latent monte_carlo_tree",
    "planning/planner": "planning information_gain drawn_gain belief_tree theory_of_mind",
    "planning/information_gain": "planning information_gain drawn_gain batching/test_doors",
    "planning/answers": "information_gain drawn_gain",
    "planning/channels": "information_gain drawn_gain",
    "planning/drawn_gain": "information_gain drawn_gain",
    "planning/shown": "belief_tree monte_carlo_tree",
    "planning/rollouts": "planning batching/test_doors belief_tree theory_of_mind",
    "planning/belief_tree": "belief_tree theory_of_mind",
    "planning/chances": "belief_tree",
    "planning/boltzmann": "belief_tree planning theory_of_mind",
    "planning/tabulation": "theory_of_mind",
    "planning/monte_carlo_tree": "monte_carlo_tree",
    "planning/statistics": "monte_carlo_tree",
}
KINDS = (
    *("ReplaceBinaryOperator", "ReplaceComparison", "ReplaceUnary", "ReplaceTrue", "ReplaceFalse"),
    *("ReplaceAnd", "ReplaceOr", "NumberReplacer", "AddNot", "RemoveNot"),
)
SLOW = [
    *("checks", "checks_sound", "checks_broken", "recovery", "fitting", "endless"),
    *("coopihc", "coopihc_watch", "interop"),
]
LONGEST = 900  # seconds of processor time for the tests of one change; one that never ends is noticed


def without_annotations(code: str) -> str:
    """Give what of a module is run, so that a change of a type is none."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(
                    node, name, None if name == "returns" or isinstance(node, ast.arg) else ast.Constant(0)
                )
    return ast.dump(tree)


def drawn(number: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """Draw changes at random: each module with its text and the changed one."""
    operators = [name for name in operator_names() if name.partition("/")[2].startswith(KINDS)]
    codes = {module: (ROOT / "interaction" / f"{module}.py").read_text(encoding="utf-8") for module in CORE}
    places = [
        (module, name, occurrence)
        for module, code in codes.items()
        for nodes in [list(ast_nodes(get_ast(code)))]
        for name in operators
        for operator in [get_operator(name)()]
        for occurrence in range(sum(len(list(operator.mutation_positions(node))) for node in nodes))
    ]
    random.Random(seed).shuffle(places)
    seen = {(module, without_annotations(code)) for module, code in codes.items()}
    for module, name, occurrence in places:
        changed = mutate_code(codes[module], get_operator(name)(), occurrence)
        try:
            run = module, without_annotations(changed)
        except SyntaxError:
            continue
        if run not in seen:
            seen.add(run)
            yield module, codes[module], changed
            number -= 1
        if number == 0:
            return


def passes(copy: Path, tests: list[str]) -> bool:
    """Run tests in a copy of the project: whether all pass."""
    options = ["-x", "-m", "", "--hypothesis-profile=mutations", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, check=False, preexec_fn=_ending
    )
    if done.returncode < 0:
        print(f"{' '.join(tests)}: no end in {LONGEST} s, so a change counts as noticed", flush=True)
    return done.returncode == 0


def _ending() -> None:
    """End a process that takes too long by its own clock, which others on a busy machine do not move."""
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))


def survives(copy: Path, module: str, code: str, changed: str, near_only: bool) -> bool:
    """Say whether no test notices a change."""
    file = copy / "interaction" / f"{module}.py"
    file.write_text(changed, encoding="utf-8")
    try:
        folder = "tests/interaction/"
        near = [f"{folder}{t}.py" if "/" in t else f"{folder}test_{t}.py" for t in CORE[module].split()]
        rest = [folder, "tests/tasks", "tests/users", *(f"--ignore={folder}test_{name}.py" for name in SLOW)]
        return passes(copy, near) and (near_only or passes(copy, rest))
    finally:
        file.write_text(code, encoding="utf-8")


def line_of(module: str, code: str, changed: str) -> str:
    """Show a change."""
    lines = list(difflib.unified_diff(code.splitlines(), changed.splitlines(), n=0, lineterm=""))
    place = lines[2].split()[1].lstrip("-").partition(",")[0]
    return f"interaction/{module}.py:{place}\n" + "\n".join(f"    {line}" for line in lines[3:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=200, help="how many changes")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time")
    parser.add_argument("--first", type=int, default=0, help="go on after so many")
    parser.add_argument("--near", action="store_true", help="run only the closest tests")
    given = parser.parse_args()
    tried = list(drawn(given.number, given.seed))[given.first :]
    print(f"{len(tried)} changes are tried", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for number in range(given.jobs):
            copy = Path(folder, str(number))
            shutil.copytree(
                ROOT, copy, ignore=shutil.ignore_patterns(".git", "*cache*", ".hypothesis", "*.egg-info")
            )
            copies.put(copy)

        def attempt(change: tuple[str, str, str]) -> bool:
            copy = copies.get()
            try:
                return survives(copy, *change, given.near)
            finally:
                copies.put(copy)

        noticed = 0
        with ThreadPoolExecutor(given.jobs) as pool:
            for number, (change, alive) in enumerate(zip(tried, pool.map(attempt, tried), strict=True)):
                noticed += not alive
                if alive:
                    print(f"{given.first + number}: {line_of(*change)}", flush=True)
                elif number % 10 == 9:
                    print(f"{noticed} of {number + 1} noticed", flush=True)
    print(f"{noticed} of {len(tried)} noticed")


if __name__ == "__main__":
    main()
