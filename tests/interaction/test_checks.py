"""What the conformance kit takes and gives; what it lets pass and what it catches is in the tests beside."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import interaction
from interaction import (
    Assistant,
    Bundle,
    CascadedInferenceEngine,
    DeterministicPolicy,
    DiscretePolicy,
    DualInferenceEngine,
    DualPolicy,
    InferenceEngine,
    InteractionTask,
    Policy,
    RandomPolicy,
    RuleObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from interaction.checks import Report, batches, check_agent, check_bundle, check_policy, check_task
from interaction.checks.report import Budget
from interaction.errors import ConformanceError
from interaction.tasks.coordination import CoordinatedTask, SimultaneousCoordinatedTask
from interaction.users.coordination import PseudoRandomPolicy, PseudoRandomUser

TEN = spaces.Discrete(10)
SECONDS = 60.0  # enough on a machine that is busy
UNIT = spaces.Box(0.0, 1.0, (), np.float64)
USER = PseudoRandomUser()
CASES = [(State(task_state=State(x=x)), State(p0=1, p1=5, p2=7)) for x in range(10)]


class Still(InteractionTask):
    state_space = spaces.Dict({"x": TEN})

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)


class Keeps(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return observation.task_state.x


@pytest.mark.parametrize("task", [CoordinatedTask(), SimultaneousCoordinatedTask()])
def test_a_task_is_checked_with_random_actions(task):
    assert not check_task(task, user_action_space=TEN, assistant_action_space=TEN, seconds=SECONDS).unchecked
    alone = check_task(task, user_action_space=TEN, seconds=SECONDS)
    assert alone.unchecked == [f"{type(task).__name__}.on_assistant_action: it was never called"]


@pytest.mark.parametrize(
    "policy",
    [
        PseudoRandomPolicy(),
        PseudoRandomPolicy(lapse=0.3),
        RandomPolicy(TEN),
        RandomPolicy(spaces.Box(-1.0, 1.0, (2,))),
        RandomPolicy(spaces.MultiDiscrete([2, 3])),
    ],
)
def test_a_policy_is_checked_on_cases(policy):
    report = check_policy(policy, CASES, seconds=SECONDS)
    assert report.episodes == len(CASES)
    assert report.batches.keys() == {1, 7, 1000}
    assert not report.unchecked


def test_a_policy_needs_a_case():
    with pytest.raises(ConformanceError, match="at least one pair"):
        check_policy(Keeps(), [])


class NotNormalised(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        return np.array([0.5, 0.6])


class BranchesInBatch(DeterministicPolicy):
    batched = True
    action_space = TEN

    def action(self, observation, state):
        return 1 if observation.task_state.x > 0 else 0


def test_a_broken_policy_is_named_by_each_check():
    for policy, message in ((NotNormalised(), "the sum 1.1"), (BranchesInBatch(), "sample fails in a batch")):
        with pytest.raises(ConformanceError, match=f"{type(policy).__name__}.*{message}"):
            check_policy(policy, CASES)
        with pytest.raises(ConformanceError, match=f"{type(policy).__name__}.*{message}"):
            check_agent(User(policy=policy), CoordinatedTask(), Assistant(policy=RandomPolicy(TEN)))


# What a report says.


def test_a_report_says_what_was_checked():
    report = check_bundle(Bundle(Still(), User(policy=Keeps()), max_rounds=8), seconds=SECONDS)
    assert isinstance(report, Report)
    engines = ["DefaultObservationEngine", "IdentityInferenceEngine"]
    assert report.components == ["Still", "User", "Keeps", *engines]
    assert (report.rounds, report.rounds_from, report.episodes) == (8, "its max_rounds", 5)
    assert report.processes == 3
    assert report.calls > 80
    assert report.batches[1] == 1
    assert report.batches[7] == 7
    assert report.batches[1000] >= 50
    assert not report.unchecked
    text = str(report)
    assert "of up to 8 rounds (its max_rounds)" in text
    assert "and in 2 other processes" in text
    assert "Keeps.log_prob: compared with" in text
    assert "batch of 7: 7 of its episodes" in text
    assert "Not checked" not in text


@pytest.mark.parametrize(
    ("rounds", "max_rounds", "expected"),
    [
        (None, 7, (7, "its max_rounds")),
        (3, 7, (3, "as asked")),
        (9, 7, (7, "its max_rounds")),
        (None, None, (100, "no max_rounds given")),
    ],
)
def test_a_report_says_how_many_rounds(rounds, max_rounds, expected):
    report = check_bundle(Bundle(Still(), User(policy=Keeps()), max_rounds=max_rounds), rounds=rounds)
    assert (report.rounds, report.rounds_from) == expected


class Clipped(Policy):
    batched = False
    action_space = UNIT

    def sample(self, observation, state, rng):
        return min(1.0, max(0.0, rng.normal(0.5, 1.0))), 0.0

    def log_prob(self, action, observation, state):
        return -((action - 0.5) ** 2) / 2


class Says(Policy):
    action_space = spaces.Text(3)

    def sample(self, observation, state, rng):
        return "abc", 0.0

    def log_prob(self, action, observation, state):
        return 0.0


@pytest.mark.parametrize(
    ("policy", "reason"),
    [(Clipped(), "come again and again"), (Says(), "cannot be listed or integrated")],
)
def test_a_report_says_which_log_prob_cannot_be_checked(policy, reason):
    report = check_bundle(Bundle(Still(), User(policy=policy), max_rounds=4), seconds=SECONDS)
    assert len(report.unchecked) == 1
    assert report.unchecked[0].startswith(f"{type(policy).__name__}.log_prob: ")
    assert reason in report.unchecked[0]
    assert "Not checked:\n  " in str(report)


class Slow(Keeps):
    batched = False

    def sample(self, observation, state, rng):
        time.sleep(0.002)
        return super().sample(observation, state, rng)


def test_a_slow_component_is_checked_for_less_and_the_report_says_so():
    start = time.perf_counter()
    report = check_bundle(Bundle(Still(), User(policy=Slow())), seconds=2.0)  # in full some minutes
    assert time.perf_counter() - start < 20.0
    assert any(line.startswith("single episodes, call by call: only") for line in report.unchecked)
    less = ("batch of 1,000: it would take too long", "batches: only")
    assert any(line.startswith(less) for line in report.unchecked)


class Wide(InteractionTask):
    """Its state is so wide that a thousand episodes of it would fill the memory."""

    batched = True
    state_space = spaces.Dict({"wide": spaces.Box(0.0, 1.0, (10_000,), np.float64)})

    def reset(self, rng):
        return State(wide=rng.random((10_000,)))

    def on_user_action(self, game, rng):
        return Transition(game.task_state)


def test_a_batch_that_would_fill_the_memory_is_made_smaller():
    report = check_bundle(Bundle(Wide(), User(policy=RandomPolicy(TEN)), max_rounds=4))
    assert any("too much memory" in line for line in report.unchecked)
    assert max(report.batches) < 1000


# Another process.

SCRIPT = """
import numpy as np
from interaction import *
from interaction.checks import check_bundle

class Circle(InteractionTask):
    state_space = spaces.Dict({{"x": spaces.Discrete(10)}})

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + {step}) % 10))

def check():
    print(check_bundle(Bundle(Circle(), User(policy=RandomPolicy(spaces.Discrete(2))), max_rounds=9)))

{end}
"""
GUARDED = 'if __name__ == "__main__":\n    check()'


def run_script(folder, step, end, imported=False):
    folder.joinpath("circle.py").write_text(SCRIPT.format(step=step, end=end))
    command = [sys.executable, *(["-c", "import circle"] if imported else ["circle.py"])]
    environment = os.environ | {"PYTHONPATH": str(Path(interaction.__file__).parent.parent)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_script_is_imported_in_the_other_process_if_it_is_guarded(tmp_path):
    assert "and in 2 other processes" in run_script(tmp_path, "1", GUARDED).stdout
    unguarded = run_script(tmp_path, "1", "check()").stdout
    assert "the module '__main__' cannot be imported there" in unguarded
    assert 'under `if __name__ == "__main__":`' in unguarded


def test_a_script_whose_results_depend_on_the_hash_seed_is_caught(tmp_path):
    result = run_script(tmp_path, "hash(f'word {game.task_state.x}')", GUARDED)
    assert "Circle.on_user_action gave" in result.stderr
    assert "with another hash seed" in result.stderr


def test_a_module_that_checks_while_it_is_imported_starts_no_chain_of_processes(tmp_path):
    assert "and in 2 other processes" in run_script(tmp_path, "1", "check()", imported=True).stdout


# Duals and rules.


class DriftingNot(InferenceEngine):
    def infer(self, observation, state, rng):
        return state, -0.1


def test_a_dual_within_a_cascade_conforms():
    dual = DualPolicy(primary=RandomPolicy(TEN), dual=RandomPolicy(TEN))
    inner = DualInferenceEngine(primary=DriftingNot(), dual=InferenceEngine())
    assistant = Assistant(policy=dual, inference_engine=CascadedInferenceEngine([inner]))
    check_agent(assistant, CoordinatedTask(), USER, rounds=20)


def _half(value):
    return value // 2


def test_rules_conform_and_say_when_they_cannot_be_pickled():
    halved = RuleObservationEngine("user", transform={"task_state.x": _half})
    check_agent(USER.replace(observation_engine=halved), CoordinatedTask(), rounds=20)
    local = RuleObservationEngine("user", transform={"task_state.x": lambda x: x})
    with pytest.raises(ConformanceError, match=r"RuleObservationEngine cannot be pickled.*not lambdas"):
        check_agent(USER.replace(observation_engine=local), CoordinatedTask())


def test_a_missing_extra_is_named():
    from interaction.errors import MissingExtraError, missing_extra

    assert "pip install 'hci-interaction[data]'" in str(missing_extra("xarray", "data", "x"))
    assert issubclass(MissingExtraError, ImportError)


def test_where_no_time_is_left_a_small_batch_is_played(monkeypatch):
    """Also where a larger batch seems to take no longer than a small one: here the clock stands still."""
    bundle, report = Bundle(Still(), User(policy=Keeps()), max_rounds=8), Report([], 8, "")
    singles = {0: batches.play_alone(bundle, 0)}
    budget = Budget(1e-9)
    monkeypatch.setattr(batches, "perf_counter", lambda: 0.0)
    assert batches._fitting(1_000, bundle, singles, 0.0, 7, [], budget, report) == 7
    assert "it would take too long, so 7 episodes were played" in report.unchecked[0]
