"""A batch is the same as its episodes alone, whatever its size, its chunks and its process."""

import logging
import math
import subprocess
import sys

import numpy as np
import pytest

from assistants.coordination import CoordinatedAssistant
from interaction import (
    Assistant,
    Bundle,
    DeterministicPolicy,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    RandomPolicy,
    State,
    Transition,
    User,
    batch,
    spaces,
)
from interaction.errors import BatchError
from interaction.state import flatten
from tasks.coordination import CoordinatedTask
from users.coordination import PseudoRandomUser

TEN = spaces.Discrete(10)


def randoms(**options):
    return Bundle(
        CoordinatedTask(),
        User(policy=RandomPolicy(TEN)),
        Assistant(policy=RandomPolicy(TEN)),
        **({"max_rounds": 40} | options),
    )


def deterministic():
    user = PseudoRandomUser(p0=2)
    return Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=20)


@pytest.mark.parametrize("make", [randoms, deterministic])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_episode_of_a_batch_is_the_episode_alone(make, size):
    bundle = make()
    runs = bundle.run(size, seed=11)
    for index in {0, size // 2, size - 1}:
        alone = bundle.run([index], seed=11)
        assert alone == runs.episode(index)
        bundle.reset(seed=11, episode=index)
        total, rounds, done = 0.0, 0, False
        while not done:
            step = bundle.step()
            done = step.done
            for path, value in flatten(step.game):
                if value is not None:
                    assert np.array_equal(runs[path][index, rounds], value), path
            assert runs["rewards.user_task"][index, rounds] == step.rewards.user_task
            total += step.rewards.total
            rounds += 1
        assert (total, rounds) == (runs.returns[index], runs.lengths[index])


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_chunks_make_no_difference(chunk, monkeypatch):
    bundle, over = randoms(), {"task_state.x": [0, 4, 8]}
    whole = bundle.run(33, seed=2, over=over)
    final = bundle.run(33, seed=2, over=over, record="final")
    monkeypatch.setattr(batch, "CHUNK", chunk)
    assert bundle.run(33, seed=2, over=over) == whole
    assert bundle.run(33, seed=2, over=over, record="final") == final
    assert bundle.run([5, 32, 1], seed=2, over=over).returns.tolist() == whole.returns[[5, 32, 1]].tolist()


def test_candidates_share_their_random_numbers():
    runs = randoms().run(20, seed=0, over={"task_state.x": [0, 3]})
    assert runs.lengths.shape == (20, 2)
    assert runs.dimensions == ("episode", "task_state.x")
    both = min(runs["user_action"].shape[-1], int(runs.lengths.min()))
    assert np.array_equal(runs["user_action"][:, 0, :both], runs["user_action"][:, 1, :both])
    assert np.array_equal(runs["task_state.x"][:, 0, 0] + 3, runs["task_state.x"][:, 1, 0])


def test_another_process_gives_the_same_run():
    code = (
        "from interaction import *; from tasks.coordination import *\n"
        "ten = spaces.Discrete(10)\n"
        "b = Bundle(CoordinatedTask(), User(policy=RandomPolicy(ten)), Assistant(policy=RandomPolicy(ten)), "
        "max_rounds=40)\n"
        "r = b.run(50, seed=3); print(r['user_action'].sum(), r.returns.sum(), list(r)[:5])"
    )
    here = randoms().run(50, seed=3)
    expected = f"{here['user_action'].sum()} {here.returns.sum()} {list(here)[:5]}"
    assert here == randoms().run(50, seed=3)
    for hash_seed in ("0", "42", "random"):
        shown = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": hash_seed},
        )
        assert shown.stdout.strip() == expected


class Counting(InteractionTask):
    """Counts up to a length that each episode draws, and refuses to be asked after the end."""

    batched = True
    state_space = spaces.Dict({"length": spaces.Discrete(101), "count": spaces.Discrete(101)})

    def reset(self, rng):
        return State(length=10 + 90 * (rng.random() < 0.1), count=0)

    def on_user_action(self, game, rng):
        state = game.task_state
        assert np.all(np.asarray(state.count) < state.length), "a finished episode was seen"
        count = state.count + 1
        return Transition(state.replace(count=count), -1.0, count == state.length)


def test_a_finished_episode_leaves_at_once_and_disturbs_no_other():
    runs = Bundle(Counting(), User(policy=RandomPolicy(TEN))).run(500, seed=0)
    assert set(runs.lengths) == {10, 100}
    assert np.array_equal(runs.returns, -runs.lengths)
    assert np.array_equal(runs["task_state.count"][:, -1], runs.lengths)
    assert runs.terminated.all()
    assert runs.played.sum() == runs.lengths.sum()
    longest = int(np.argmax(runs.lengths))
    assert runs.episode(longest)["task_state.count"].tolist() == [list(range(1, 101))]


def test_memory_does_not_grow_with_the_number_of_episodes():
    import tracemalloc

    bundle = randoms(max_rounds=5)
    bundle.run(10, seed=0, record="final")
    peaks = []
    for chunks in (2, 8):
        tracemalloc.start()
        runs = bundle.run(chunks * batch.CHUNK, seed=0, record=[])
        kept = sum(array.nbytes for array in runs.rewards.values()) + 3 * runs.lengths.nbytes
        peaks.append(tracemalloc.get_traced_memory()[1] - 2 * kept)
        tracemalloc.stop()
    # what is worked on is one chunk; the tolerance is one chunk's arrays again
    assert peaks[1] < peaks[0] + 20 * 8 * batch.CHUNK


# Components that are played episode by episode, and how it is found out.


class Branch(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        if observation.task_state.x > 4:
            return 9 - observation.task_state.x
        return observation.task_state.x


class Smaller(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return min(observation.task_state.x + 2, 7)


class Loop(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        n, steps = observation.task_state.x, 0
        while n > 1:
            n //= 2
            steps += 1
        return steps


class LookUp(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return [3, 1, 4, 1, 5, 9, 2, 6, 5, 3][observation.task_state.x]


class Maths(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return int(math.sqrt(observation.task_state.x))


class InPlace(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        x = observation.task_state.x
        x += 1
        return x % 10


class Formatted(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        return len(f"{observation.task_state.x:03d}")


NATURAL = [Branch, Smaller, Loop, LookUp, Maths, InPlace, Formatted]


class Wandering(InteractionTask):
    """Puts x to the sum of both actions and a random number."""

    batched = True
    state_space = spaces.Dict({"x": TEN})

    def reset(self, rng):
        return State(x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + 3 * game.user_action + rng.integers(0, 2)) % 10), 1.0)

    def on_assistant_action(self, game, rng):
        return Transition(State(x=(game.task_state.x + game.assistant_action) % 10), game.task_state.x * 0.1)


@pytest.mark.parametrize("policy", NATURAL)
def test_natural_scalar_code_is_found_out_and_looped_over(policy, caplog):
    class Marked(policy):
        batched = False

    def bundle(one):
        return Bundle(Wandering(), User(policy=one), Assistant(policy=RandomPolicy(TEN)), max_rounds=12)

    truth = bundle(Marked()).run(50, seed=1)
    assert not caplog.records
    with caplog.at_level(logging.WARNING, "interaction"):
        own = bundle(policy())
        assert own.run(50, seed=1) == truth
        assert own.run(50, seed=1) == truth
    said = [record.getMessage() for record in caplog.records]
    if policy is InPlace:  # numpy rebinds `x += 1` on a plain number; on a read-only array it raises
        assert len(said) == 1
    assert len(said) <= 1
    for message in said:
        assert policy.__name__ in message
        assert "is played episode by episode" in message
        assert "test_batch.py" in message
    alone = bundle(policy())
    alone.reset(seed=1, episode=17)
    assert [alone.step().game.user_action for _ in range(12)] == truth["user_action"][17].tolist()


class LateBranch(InferenceEngine):
    """Is sound on arrays in the first rounds, which are all that the probe reaches."""

    def infer(self, observation, state, rng):
        if observation.round_index < 25:
            return state, 0.0
        return state, 1.0 if observation.task_state.x > 4 else 0.0


def test_a_branch_that_the_probe_does_not_reach_repeats_the_run(caplog):
    user = User(policy=RandomPolicy(TEN), inference_engine=LateBranch())
    bundle = Bundle(Wandering(), user, max_rounds=40)
    with caplog.at_level(logging.WARNING, "interaction"):
        runs = bundle.run(60, seed=0)
    assert len(caplog.records) == 1
    assert "if observation.task_state.x > 4" in caplog.text
    for index in (0, 31, 59):
        assert bundle.run([index], seed=0) == runs.episode(index)


class Vectors(InteractionTask):
    """Multiplies a vector of 7 with a number, without giving the number an axis."""

    state_space = spaces.Dict({"v": spaces.Box(-1e9, 1e9, (7,), np.float64), "x": TEN})

    def reset(self, rng):
        return State(v=np.arange(7.0), x=rng.integers(0, 10))

    def on_user_action(self, game, rng):
        state = game.task_state
        return Transition(state.replace(v=state.v + state.x), 0.0)


@pytest.mark.parametrize("size", [7, 11, 20])
def test_vectors_of_the_probes_length_do_not_fit_by_accident(size):
    bundle = Bundle(Vectors(), User(policy=RandomPolicy(TEN)), max_rounds=3)
    runs = bundle.run(size, seed=0)
    assert runs["task_state.v"].shape == (size, 3, 7)
    expected = np.arange(7.0) + 3 * runs["task_state.x"][:, -1][:, None]
    assert np.array_equal(runs["task_state.v"][:, -1], expected)


class ConstantVector(InteractionTask):
    batched = True
    state_space = spaces.Dict({"v": spaces.Box(0.0, 1.0, (3,), np.float64)})

    def reset(self, rng):
        return State(v=np.array([0.1, 0.2, 0.3]))

    def on_user_action(self, game, rng):
        return Transition(State(v=np.array([0.3, 0.2, 0.1])), game.task_state.v[..., 0])


class SeesVector(ObservationEngine):
    batched = True

    def observe(self, game, rng):
        return State(task_state=game.task_state, weights=np.array([1.0, 2.0, 3.0])), 0.0


class FirstWeight(DeterministicPolicy):
    batched = True
    action_space = TEN

    def action(self, observation, state):
        return (observation.weights[..., 0] * 2).astype(int) if np.ndim(observation.weights) > 1 else 2


@pytest.mark.parametrize("size", [2, 3, 4])
def test_vectors_that_are_the_same_for_all_get_their_axis(size):
    user = User(policy=FirstWeight(), observation_engine=SeesVector())
    runs = Bundle(ConstantVector(), user, max_rounds=2).run(size, seed=0)
    assert runs["task_state.v"].shape == (size, 2, 3)
    assert runs["user_observation.weights"].shape == (size, 2, 3)
    assert np.allclose(runs.returns, 0.4)
    assert (runs["user_action"] == 2).all()
    forced = Bundle(ConstantVector(), user, max_rounds=2).run(
        size, seed=0, start={"task_state.v": [0.5, 0, 0]}
    )
    assert np.allclose(forced.returns, 0.8)


class Promised(Branch):
    batched = True


def test_a_broken_promise_says_how_to_mend_it():
    bundle = Bundle(Wandering(), User(policy=Promised()), max_rounds=3)
    with pytest.raises(
        BatchError, match=r"Promised \(user policy\) promises batched = True.*if observation"
    ) as error:
        bundle.run(5, seed=0)
    assert "Mark it batched = False" in str(error.value)
    assert "numpy.where" in str(error.value)


class Broken(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        raise ZeroDivisionError("my own fault")


def test_an_error_of_ones_own_comes_through_as_it_is():
    for flag in (None, False):
        policy = Broken()
        policy.batched = flag
        with pytest.raises(ZeroDivisionError, match="my own fault"):
            Bundle(Wandering(), User(policy=policy)).run(3, seed=0)


class Uneven(InferenceEngine):
    def infer(self, observation, state, rng):
        return (State(a=1) if observation.task_state.x > 4 else State(b=1)), 0.0


def test_episodes_must_agree_on_their_fields():
    bundle = Bundle(Wandering(), User(policy=RandomPolicy(TEN), inference_engine=Uneven()))
    with pytest.raises(BatchError, match="states of different fields"):
        bundle.run(20, seed=0)


def test_progress_is_shown_on_request(capsys):
    randoms(max_rounds=3).run(20, seed=0, progress=True)
    assert "20/20" in capsys.readouterr().err
    randoms(max_rounds=3).run(20, seed=0)
    assert capsys.readouterr().err == ""


def test_no_episodes_leave_empty_arrays():
    runs = randoms().run(0, seed=0)
    assert (runs.lengths.shape, runs.returns.shape, len(runs)) == ((0,), (0,), 0)
    assert "recorded: nothing" in repr(runs)
