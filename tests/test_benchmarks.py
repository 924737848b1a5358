"""The benchmarks run; their figures are for people, and no test depends on them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "name",
    ["engine", "inference", "recovery", "pointing", "envs", "lifting", "planning", "fitting", "populations"],
)
def test_a_benchmark_prints_its_table(name):
    shown = subprocess.run(
        [sys.executable, f"benchmarks/{name}.py", "--quick"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "reached" in shown.stdout


def test_the_benchmark_of_response_times_prints_its_tables():
    shown = subprocess.run(
        [sys.executable, "benchmarks/response_times.py", "--quick"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert all(word in shown.stdout for word in ("µs a row", "drift", "latency_factor"))


def test_the_benchmark_of_wrapped_components_prints_its_table():
    reason = "the package coopihc is not installed (docs/how-to/coopihc.md tells how to)"
    pytest.importorskip("coopihc", reason=reason, exc_type=ImportError)
    shown = subprocess.run(
        [sys.executable, "benchmarks/interop.py", "--quick"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert all(way in shown.stdout for way in ("genuine", "wrapped", "native"))
