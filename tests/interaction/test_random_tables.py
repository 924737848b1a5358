"""Of whatever bundle, a run is data, and so is any part of its table, or it is said what lacks."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from interaction.errors import ArgumentError
from interaction.fitting.logged import read_table
from tests.interaction.bundles import draw_bundle, draw_run

TOLD = ("episode", "round", "user_action", "assistant_action", "start.task_state")


def chooser(draw):
    return lambda options: draw(st.sampled_from(list(options)))


@st.composite
def tables(draw):
    choose = chooser(draw)
    bundle = draw_bundle(choose)
    options = draw_run(choose, bundle)
    assume(bundle.user is not None)
    runs = bundle.run(options["episodes"], seed=options["seed"], start=options["start"])
    states = [path for path in runs if path.startswith("task_state.")]
    return bundle, runs, [path for path in states if draw(st.booleans())]


def check_states(bundle, runs, data):
    """Raise unless the states that users saw are those of the run."""
    space = None if bundle.assistant is None else bundle.assistant.policy.action_space
    found = read_table(bundle.task, bundle.user, data, space)
    for name, arrays in (("task_state", found.task_states), ("previous_task_state", found.previous_states)):
        for path, array in arrays.items():
            after = np.moveaxis(runs[f"{name}.{path}"], 1, 0)
            true = np.concatenate([runs.start[f"task_state.{path}"][None], after[:-1]])
            seen = np.arange(len(true))[:, None] < runs.lengths
            assert np.array_equal(array[seen], true[seen]), f"{name}.{path}"


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(tables())
def test_the_states_are_those_of_the_run(table):
    bundle, runs, paths = table
    check_states(bundle, runs, runs)
    frame = runs.to_dataframe(start=[path for path in runs.start if path.startswith("task_state.")])
    columns = [name for name in frame if name.startswith((*TOLD, *(path for path in paths)))]
    try:
        check_states(bundle, runs, frame[columns])
    except ArgumentError as error:
        if "at random, so that it must be in the data" not in str(error):
            pytest.fail(str(error))
