"""A batch is the same as its episodes alone, whatever its size, its chunks and its process."""

import hashlib
import logging
import math
import subprocess
import sys

import numpy as np
import pytest

from interaction import (
    SOURCES,
    Assistant,
    Bundle,
    CascadedObservationEngine,
    DeterministicPolicy,
    DiscretePolicy,
    InferenceEngine,
    InteractionTask,
    ObservationEngine,
    RandomPolicy,
    RuleObservationEngine,
    State,
    Transition,
    User,
    spaces,
)
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.batching import play as batch
from interaction.batching import ways
from interaction.errors import BatchError, UnknownNameError
from interaction.progress import Progress
from interaction.state import flatten
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

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
        "from interaction import *; from interaction.tasks.coordination import *\n"
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


# Natural code of one episode: lifted, or played episode by episode.


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
def test_natural_scalar_code_is_lifted_or_looped_over_with_one_line_in_the_log(policy, caplog):
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
    assert len(said) == (policy is Formatted)
    for message in said:
        assert message.startswith("Formatted.sample is played episode by episode")
        assert 'len(f"{observation.task_state.x:03d}")' in message
        assert "test_batch.py" in message
    alone = bundle(policy())
    alone.reset(seed=1, episode=17)
    assert [alone.step().game.user_action for _ in range(12)] == truth["user_action"][17].tolist()


class LateBranch(InferenceEngine):
    """Takes the branch that parts the episodes in late rounds only."""

    def infer(self, observation, state, rng):
        if observation.round_index < 25:
            return state, 0.0
        return state, 1.0 if observation.task_state.x > 4 else 0.0


def test_a_branch_of_late_rounds_is_lifted(caplog):
    user = User(policy=RandomPolicy(TEN), inference_engine=LateBranch())
    bundle = Bundle(Wandering(), user, max_rounds=40)
    with caplog.at_level(logging.WARNING, "interaction"):
        runs = bundle.run(60, seed=0)
    assert not caplog.records
    assert ways(bundle)["user inference engine.infer"] == "lifted"
    assert len(np.unique(runs["rewards.user_inference"])) == 2
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
def test_vectors_as_long_as_the_batch_do_not_fit_by_accident(size):
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

    def action(self, observation, state):
        if observation.task_state.x > 4:
            return 1
        return 2


def test_a_broken_promise_says_how_to_mend_it():
    bundle = Bundle(Wandering(), User(policy=Promised()), max_rounds=3)
    with pytest.raises(BatchError, match=r"^Promised\b.*promises batched = True.*if observation") as error:
        bundle.run(5, seed=0)
    assert "write it for one episode" in str(error.value)
    assert "batched = False" in str(error.value)


class Broken(DeterministicPolicy):
    action_space = TEN

    def action(self, observation, state):
        raise ZeroDivisionError("my own fault")


def test_an_error_of_ones_own_comes_through_as_it_is():
    for flag in (None, False, True):
        policy = Broken()
        policy.batched = flag
        for size in (3, 40):
            with pytest.raises(ZeroDivisionError, match="my own fault") as error:
                Bundle(Wandering(), User(policy=policy)).run(size, seed=0)
            assert error.value.args == ("my own fault",)
            assert error.value.__notes__ == ["raised by Broken.sample in episode 0, round 0"]


class Uneven(InferenceEngine):
    def infer(self, observation, state, rng):
        return (State(a=1) if observation.task_state.x > 4 else State(b=1)), 0.0


def test_episodes_must_agree_on_their_fields():
    bundle = Bundle(Wandering(), User(policy=RandomPolicy(TEN), inference_engine=Uneven()))
    with pytest.raises(BatchError, match="states of different fields"):
        bundle.run(20, seed=0)


def test_progress_is_shown_on_request(monkeypatch):
    """All rounds that there may be are counted, those of several chunks and of an axis of candidates too,
    and all episodes where it is not known how many rounds they have."""
    counted = []

    def end(self, *_):
        counted.append((self.n, self.total, self.shown))

    monkeypatch.setattr(Progress, "__enter__", lambda self: self)
    monkeypatch.setattr(Progress, "__exit__", end)
    monkeypatch.setattr(batch, "CHUNK", 7)
    randoms(max_rounds=3).run(20, seed=0, progress=True)
    randoms(max_rounds=3).run(4, seed=0, over={"task_state.x": [0, 1]}, progress=True)
    randoms(max_rounds=3).run(20, seed=0)
    randoms(max_rounds=None).run(20, seed=0, progress=True)
    assert counted == [(60, 60, True), (24, 24, True), (60, 60, False), (20, 20, True)]


def test_progress_is_told_in_each_round_of_a_batch_in_lockstep(monkeypatch):
    """Of 20 episodes none ends before all do, and the bar goes on by 20 rounds at a time."""
    steps = []
    monkeypatch.setattr(Progress, "update", lambda self, n=1: steps.append(n))
    policy = User(policy=RandomPolicy(TEN))
    Bundle(Wandering(), policy, Assistant(policy=RandomPolicy(TEN)), max_rounds=5).run(20, seed=0)
    assert [n for n in steps if n] == [20] * 5


def test_no_episodes_leave_empty_arrays():
    runs = randoms().run(0, seed=0)
    assert (runs.lengths.shape, runs.returns.shape, len(runs)) == ((0,), (0,), 0)
    assert "recorded: nothing" in repr(runs)


class Recalls(ObservationEngine):
    """Sees how often it has looked, from what it saw the last time."""

    batched = True

    def observe(self, game, rng):
        last = game.assistant_observation
        return State(looks=(last.looks if "looks" in last else 0) + 1), 0.0


@pytest.mark.parametrize(
    "engine",
    [
        Recalls(),
        CascadedObservationEngine([Recalls()]),
        RuleObservationEngine("assistant", see=["assistant_observation", "task_state"]),
        RuleObservationEngine("assistant"),
        None,
    ],
)
@pytest.mark.parametrize("last_look", [True, False])
def test_what_the_assistant_saw_is_there_for_who_can_see_it_when_others_leave(engine, last_look):
    assistant = Assistant(policy=RandomPolicy(TEN), observation_engine=engine)
    bundle = Bundle(
        CoordinatedTask(),
        User(policy=RandomPolicy(TEN)),
        assistant,
        max_rounds=40,
        last_look=last_look,
    )
    begins = np.full(60, 8)  # one match before the end
    runs = bundle.run(60, seed=4, start={"task_state": {"x": begins}})
    assert len(set(runs.lengths)) > 5
    for index in range(60):
        assert bundle.run([index], seed=4, start={"task_state": {"x": 8}}) == runs.episode(index)
    if isinstance(engine, Recalls):
        late = np.flatnonzero(runs.lengths > 11)  # whose round 10 was played to its end
        assert len(late)
        assert (runs["assistant_observation.looks"][late, 10] == 11).all()


# To the bit, for vectors, floats and noise; and nobody sees what is over.


class NoisyWalk(InteractionTask):
    """A point walks in a plane with noise, each time at a cost, until it is far away."""

    batched = True
    state_space = spaces.Dict({"at": spaces.Box(-1e6, 1e6, (2,), np.float64), "n": spaces.Discrete(1000)})

    def reset(self, rng):
        return State(at=rng.normal(0.0, 0.3, (2,)), n=0)

    def on_user_action(self, game, rng):
        state = game.task_state
        step = np.asarray(game.user_action - 4.5)[..., None] * np.array([0.1, 0.2])
        at = state.at + step + rng.normal(0.0, 0.1, (2,))
        return Transition(state.replace(at=at, n=state.n + 1), -0.1 * at[..., 0], (at**2).sum(axis=-1) > 4.0)

    def on_assistant_action(self, game, rng):
        state = game.task_state
        at = state.at * (1 - 0.01 * np.asarray(game.assistant_action)[..., None])
        return Transition(state.replace(at=at), -0.3 * rng.random())


class Blurred(ObservationEngine):
    batched = True

    def observe(self, game, rng):
        return State(at=game.task_state.at + rng.normal(0.0, 0.5, (2,)), n=game.task_state.n), -0.01


class Softmax(DiscretePolicy):
    batched = True
    action_space = TEN

    def probabilities(self, observation, state):
        logits = (
            observation.at[..., 0][..., None] * np.linspace(-1.0, 1.0, 10)
            if observation.at.ndim > 1
            else (observation.at[0] * np.linspace(-1.0, 1.0, 10))
        )
        weights = np.exp(logits)
        return weights / weights.sum(axis=-1, keepdims=True)


class Track(InferenceEngine):
    def __init__(self, batched):
        self.batched = batched

    def infer(self, observation, state, rng):
        return state.replace(mean=0.7 * state.mean + 0.3 * observation.at), 0.1 * rng.random()


def noisy(batched):
    user = User(
        policy=Softmax(),
        observation_engine=Blurred(),
        inference_engine=Track(batched),
        state=State(mean=np.zeros(2)),
        state_space=spaces.Dict({"mean": spaces.Box(-np.inf, np.inf, (2,), np.float64)}),
    )
    return Bundle(NoisyWalk(), user, Assistant(policy=RandomPolicy(TEN)), max_rounds=60)


def bits(runs):
    """All of a run: types, shapes and bits."""
    arrays = {**runs, **{f"total.{name}": array for name, array in runs.rewards.items()}}
    arrays |= {name: getattr(runs, name) for name in ("lengths", "terminated", "truncated", "returns")}
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}


@pytest.mark.parametrize("batched", [True, False, None])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_noise_and_vectors_are_the_same_to_the_bit(batched, size):
    bundle = noisy(batched)
    runs = bundle.run(size, seed=5)
    for index in {0, size // 3, size - 1}:
        assert bits(bundle.run([index], seed=5)) == bits(runs.episode(index))
        bundle.reset(seed=5, episode=index)
        for round_index in range(runs.lengths[index]):
            step = bundle.step()
            for path, value in flatten(step.game):
                assert np.asarray(value).tobytes() == runs[path][index, round_index].tobytes(), path
            for source in SOURCES:
                paid = runs[f"rewards.{source}"][index, round_index]
                assert float(paid).hex() == float(getattr(step.rewards, source)).hex(), source
        assert step.terminated == runs.terminated[index]
        assert step.done


@pytest.mark.parametrize("chunk", [1, 3, 64])
@pytest.mark.parametrize("make", [deterministic, lambda: noisy(None)], ids=["deterministic", "noisy"])
def test_chunks_make_no_difference_to_the_bit(chunk, make, monkeypatch):
    bundle = make()
    path = next(iter(dict(flatten(bundle.reset(seed=0).user_state))))
    vector = path == "mean"
    over = {f"user_state.{path}": [[0.0, 1.0], [2.0, 3.0]] if vector else [2, 5]}
    whole, plain = bits(bundle.run(20, seed=2, over=over)), bits(bundle.run(20, seed=2))
    monkeypatch.setattr(batch, "CHUNK", chunk)
    assert bits(bundle.run(20, seed=2, over=over)) == whole
    assert bits(bundle.run(20, seed=2)) == plain


def test_a_combination_of_candidates_is_the_episode_that_starts_with_them():
    bundle = randoms()
    runs = bundle.run([4, 9], seed=2, over={"task_state.x": [0, 4, 8], "user_action": [1, 2]})
    for place, episode in enumerate((4, 9)):
        for candidate, x in enumerate((0, 4, 8)):
            bundle.reset(seed=2, episode=episode, start={"task_state": {"x": x}, "user_action": 2})
            games, done = [], False
            while not done:
                step = bundle.step()
                games.append((step.game.task_state.x, step.game.user_action, step.game.assistant_action))
                done = step.done
            here = (place, candidate, 1, slice(runs.lengths[place, candidate, 1]))
            names = ("task_state.x", "user_action", "assistant_action")
            assert list(zip(*(runs[name][here].tolist() for name in names), strict=True)) == games


def test_a_start_may_differ_between_episodes():
    bundle = randoms()
    runs = bundle.run([3, 8], seed=1, start={"task_state": {"x": [2, 7]}})
    for place, (episode, x) in enumerate(((3, 2), (8, 7))):
        alone = bundle.run([episode], seed=1, start={"task_state": {"x": x}})
        assert alone == runs.episode(place)


def spied(base, method, finished):
    """A component that refuses to see a finished game, or an episode that is over."""

    class Spy(base):
        pass

    def call(self, *arguments):
        finished(arguments[0])
        return getattr(base, method)(self, *arguments)

    setattr(Spy, method, call)
    Spy.batched = True
    return Spy


class Visible(ObservationEngine):
    batched = True

    def observe(self, game, rng):
        return State(task_state=game.task_state), 0.0


def test_no_component_ever_sees_a_finished_episode():
    def unfinished(seen):
        state = seen.task_state
        assert np.all(np.asarray(state.count) < state.length), "a finished episode was seen"

    class Think(InferenceEngine):
        pass

    def agent(kind):
        return kind(
            policy=spied(RandomPolicy, "sample", unfinished)(TEN),
            observation_engine=spied(Visible, "observe", unfinished)(),
            inference_engine=spied(Think, "infer", unfinished)(),
        )

    class Both(Counting):
        batched = True

        def on_assistant_action(self, game, rng):
            unfinished(game)
            state = game.task_state
            count = np.minimum(state.count + (rng.random() < 0.5), state.length)
            return Transition(state.replace(count=count), 0.0, count == state.length)

    bundle = Bundle(Both(), agent(User), agent(Assistant))
    runs = bundle.run(400, seed=0)
    assert runs.terminated.all()
    assert np.array_equal(runs["task_state.count"][:, -1], runs["task_state.length"][:, -1])
    assert len(set(runs.lengths)) > 10
    for index in (0, int(np.argmax(runs.lengths)), int(np.argmin(runs.lengths))):
        assert bundle.run([index], seed=0) == runs.episode(index)


def test_another_process_gives_every_bit():
    code = (
        "import hashlib, pickle, sys, importlib.util\n"
        f"spec = importlib.util.spec_from_file_location('t', {__file__!r})\n"
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t)\n"
        "print(hashlib.sha256(repr(t.bits(t.noisy(None).run(30, seed=3))).encode()).hexdigest())"
    )
    expected = hashlib.sha256(repr(bits(noisy(None).run(30, seed=3))).encode()).hexdigest()
    assert hashlib.sha256(repr(bits(noisy(True).run(30, seed=3))).encode()).hexdigest() == expected
    for hash_seed in ("0", "7"):
        shown = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": hash_seed},
        )
        assert shown.stdout.strip() == expected


def test_memory_beyond_the_final_values_does_not_grow_with_the_number_of_episodes():
    import tracemalloc

    bundle = randoms(max_rounds=5)
    bundle.run(10, seed=0, record="final")
    excess = []
    for episodes in (20_000, 80_000):
        tracemalloc.start()
        runs = bundle.run(episodes, seed=0, record="final")
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        excess.append(peak - held)
        assert runs["task_state.x"].shape == (episodes,)
        del runs
    # while chunks are put together the results may lie there twice, but nothing else: 12 numbers an episode
    assert excess[1] - excess[0] < 60_000 * 8 * 24


class Gains(InteractionTask):
    """Pays what it starts with, in each round."""

    state_space = spaces.Dict(x=spaces.whole(), grid=spaces.real(shape=(2, 2)))

    def reset(self, rng):
        return State(x=1, grid=np.zeros((2, 2)))

    def on_user_action(self, game, rng):
        return Transition(game.task_state, game.task_state.x * 1.0 + game.task_state.grid[1, 0])


def test_what_is_gained_adds_up_as_what_is_lost():
    user = User(policy=RandomPolicy(TEN))
    runs = Bundle(Gains(), user, max_rounds=3).run(4, start={"task_state": {"x": np.array([-1, 0, 2, 5])}})
    assert runs.returns.tolist() == [-3.0, 0.0, 6.0, 15.0]


def test_each_episode_keeps_its_own_start_under_all_candidates():
    user = User(policy=RandomPolicy(TEN))
    grids = [np.full((2, 2), 10.0), np.full((2, 2), 20.0), np.full((2, 2), 40.0)]
    runs = Bundle(Gains(), user, max_rounds=1).run(
        4, start={"task_state": {"x": np.array([1, 2, 3, 4])}}, over={"task_state.grid": grids}
    )
    expected = np.add.outer(np.arange(1, 5), [10.0, 20.0, 40.0])
    assert np.array_equal(np.asarray(runs.returns).reshape(4, 3), expected)
    with pytest.raises(UnknownNameError, match=r"record.*no 'task_state\.y'"):
        Bundle(Gains(), user, max_rounds=1).run(4, record=["task_state.y"])
