"""Games that do not end, and recordings without a limit, are errors that say what to give."""

import numpy as np
import pytest

from interaction import (
    Assistant,
    Bundle,
    InteractionTask,
    RandomPolicy,
    Simulator,
    State,
    Transition,
    User,
    spaces,
)
from interaction.batching import play
from interaction.envs import AssistantEnv, AssistantVectorEnv
from interaction.errors import EpisodeError
from interaction.random import EpisodeRandom

RANDOM = RandomPolicy(spaces.Discrete(2))


class Endless(InteractionTask):
    """One episode of four never ends."""

    batched = True

    def reset(self, rng):
        return State(kind=rng.integers(0, 4))

    def on_user_action(self, game, rng):
        return Transition(game.task_state, 0.0, np.equal(game.task_state.kind, 0) if rng.rows else False)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


def test_a_run_without_an_end_stops(monkeypatch):
    monkeypatch.setattr(play, "MOST_ROUNDS", 200)
    with pytest.raises(EpisodeError, match=r"\d+ of 40 episodes .* after 200 rounds: give max_rounds"):
        Bundle(Endless(), User(policy=RANDOM)).run(40, seed=0)


def test_it_is_a_hundred_thousand_rounds():
    with pytest.raises(EpisodeError, match="1 of 1 episodes have not ended after 100,000 rounds"):
        Bundle(Endless(), User(policy=RANDOM)).run([0], seed=0, start={"task_state": {"kind": 1}}, record=[])


def test_a_limit_that_was_given_holds(monkeypatch):
    monkeypatch.setattr(play, "MOST_ROUNDS", 200)
    assert Bundle(Endless(), User(policy=RANDOM), max_rounds=300).run(5, seed=0).lengths.max() == 300


def test_so_does_a_rollout(monkeypatch):
    monkeypatch.setattr(play, "MOST_ROUNDS", 200)
    simulator = Simulator(Endless(), User(policy=RANDOM))
    with pytest.raises(EpisodeError, match="give max_rounds"):
        simulator.rollout(State(task_state=State(kind=1)), EpisodeRandom(0))


@pytest.mark.parametrize("chunk", [12_500, 10])
def test_a_recording_that_grows_too_large_stops(monkeypatch, chunk):
    monkeypatch.setattr(play, "MOST_BYTES", 2**20)
    monkeypatch.setattr(play, "CHUNK", chunk)
    bundle = Bundle(Endless(), User(policy=RANDOM), max_rounds=10_000)
    told = (
        r"the recording passes 0\.000976562 GiB after [1-9][\d,]* rounds, when \d+ of (40|10) .* record less"
    )
    with pytest.raises(EpisodeError, match=told):
        bundle.run(40, seed=0)
    assert bundle.run(40, seed=0, record="final").lengths.max() == 10_000


class EndsAtOnce(Endless):
    def on_user_action(self, game, rng):
        return Transition(game.task_state, 0.0, True)


def test_environments_do_not_wait_for_ever_for_a_turn():
    bundle = Bundle(EndsAtOnce(), User(policy=RANDOM), Assistant(policy=RANDOM))
    spaces_of = {"task_state.kind": spaces.Discrete(4)}
    env = AssistantEnv(bundle, paths=["task_state.kind"], spaces=spaces_of)
    with pytest.raises(EpisodeError, match="over before the assistant's first turn to act"):
        env.reset(seed=0)
    many = AssistantVectorEnv(bundle, 3, paths=["task_state.kind"], spaces=spaces_of)
    with pytest.raises(EpisodeError, match="over before the assistant's first turn to act"):
        many.reset(seed=0)


def test_the_size_of_a_recording_counts_constants_as_numbers_of_each_row(monkeypatch):
    """Eight bytes for each number of each episode in each round, and eight for each reward."""
    bundle = Bundle(Endless(), User(policy=RANDOM), max_rounds=100)
    record = ["round_index"]  # one number for all episodes of a round
    start = {"task_state": {"kind": 1}}
    monkeypatch.setattr(play, "MOST_BYTES", 8 * 40 * 100 - 1)
    with pytest.raises(EpisodeError, match="recording passes"):
        bundle.run(40, seed=0, record=record, start=start)
    monkeypatch.setattr(play, "MOST_BYTES", 8 * 40 * 100)
    assert bundle.run(40, seed=0, record=record, start=start)["round_index"].shape == (40, 100)
