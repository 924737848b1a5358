"""Settings for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# No deadlines, since the machines that run the tests are shared and noisy; and on a CI machine the same
# examples each time, so that a change fails for a reason of its own.
settings.register_profile("interaction", deadline=None, derandomize="CI" in os.environ)
settings.register_profile(
    "mutations", deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("interaction")

SLOW = set((Path(__file__).parent / "slow.txt").read_text(encoding="utf-8").splitlines())
"""The tests, or cases of tests, that take three seconds and more on a quiet machine."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the slow ones, which are played by `pytest -m slow`, and by `.ci/run`."""
    if item.nodeid in SLOW or item.nodeid.partition("[")[0] in SLOW:
        item.add_marker("slow")
