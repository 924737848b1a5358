"""Fits play the games that were: each likelihood here is computed once more, by hand, in a plain loop."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    DiscretePolicy,
    InferenceEngine,
    InteractionTask,
    RandomPolicy,
    State,
    Transition,
    Trials,
    User,
    fit,
    spaces,
)
from interaction.assistants.pointing import InformationGain
from interaction.errors import ArgumentError, ContractError, UnknownFieldError
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.logged import read_table
from interaction.tasks.pointing import PointingTask
from interaction.trajectory import Trajectories
from interaction.users.pointing import CarefulPointer

WEIGHTS = np.array([[0.1, 0.5, 0.9]])
HELPER = Assistant(policy=RandomPolicy(spaces.Discrete(2)))
ACTIONS = ["episode", "round", "user_action"]


class Presses(DiscretePolicy):
    """Takes the action 1 with a probability that `read(task_state)` and the weight w give."""

    action_space = spaces.Discrete(2)

    def __init__(self, read):
        self.read = read

    def probabilities(self, observation, state):
        p = 0.1 + 0.8 * state.w * self.read(observation.task_state)
        return np.stack([1 - p, p])


def presses(read, **parts):
    return User(policy=Presses(read), state=State(w=0.5, **parts.pop("more", {})), **parts)


def likelihood(task, user, data, assistant=None):
    space = None if assistant is None else assistant.policy.action_space
    return Likelihood(task, user, read_table(task, user, data, space)).total({"w": WEIGHTS})[0]


def by_hand(runs, probability):
    """`probability(w, episode, round)` is that of the action 1."""
    found = []
    for w in WEIGHTS[0]:
        total = 0.0
        for episode, length in enumerate(runs.lengths):
            for t in range(length):
                p = probability(w, episode, t)
                total += np.log(p if runs["user_action"][episode, t] else 1 - p)
        found.append(total)
    return found


def before(runs, path, episode, t):
    """What the user saw in a round."""
    return runs[path][episode, t - 1] if t else runs.start[path][episode]


# The task gets the games of the turns.


class Momentum(InteractionTask):
    """Goes on by as much as it went in the round before."""

    state_space = spaces.Dict(x=spaces.Discrete(7))

    def reset(self, rng):
        return State(x=3)

    def on_user_action(self, game, rng):
        x, last = game.task_state.x, game.previous_task_state.x
        return Transition(State(x=(x + game.user_action + (x - last)) % 7))


def test_a_task_that_looks_back_is_replayed_from_actions_alone():
    user = presses(lambda state: state.x / 6)
    runs = Bundle(Momentum(), user, max_rounds=30).run(10, seed=1)
    xs = np.empty((10, 31), int)
    for episode in range(10):
        x = last = 3
        for t in range(30):
            xs[episode, t] = x
            last, x = x, (x + runs["user_action"][episode, t] + (x - last)) % 7
    expected = by_hand(runs, lambda w, episode, t: 0.1 + 0.8 * w * xs[episode, t] / 6)
    frame = runs.to_dataframe()
    for data in (runs, frame[ACTIONS], frame[[*ACTIONS, "task_state.x"]]):
        assert np.allclose(likelihood(Momentum(), user, data), expected)


class Witness(InteractionTask):
    """Writes down what the game says in each turn, and climbs by all that was done."""

    state_space = spaces.Dict(x=spaces.Discrete(1000), **dict.fromkeys("abcdefgh", spaces.Discrete(1000)))

    def reset(self, rng):
        return State(x=0, **dict.fromkeys("abcdefgh", 0))

    def on_user_action(self, game, rng):
        x = (game.task_state.x * 3 + game.user_action + game.assistant_action) % 997
        seen = {"a": game.previous_task_state.x, "b": game.assistant_action, "c": game.provenance}
        return Transition(game.task_state.replace(x=x, d=game.turn_index, **seen))

    def on_assistant_action(self, game, rng):
        x = (game.task_state.x * 5 + game.user_action + 2 * game.assistant_action) % 997
        seen = {"e": game.previous_task_state.x, "f": game.provenance, "g": game.turn_index}
        return Transition(game.task_state.replace(x=x, h=game.round_index, **seen))

    def outcome_log_prob(self, first, second):
        right = (first.turn_index == 1) & (first.provenance == 1)
        right &= first.task_state.x == second.task_state.e  # what the user was looking at
        right &= second.previous_task_state.d == 1
        right &= (second.turn_index == 0) & (second.round_index == first.round_index + 1)
        right &= (second.provenance == 2) & (second.task_state.h == first.round_index)
        return np.where(right, 0.0, -np.inf)


@pytest.mark.parametrize("n", [1, 3])
def test_everything_that_the_game_says_is_as_in_the_turns(n):
    task, user = Trials(Witness(), n), presses(lambda state: state.x / 1000)
    runs = Bundle(task, user, HELPER, max_rounds=12).run(9, seed=2)
    frame = runs.to_dataframe()[[*ACTIONS, "assistant_action"]]
    found = read_table(task, user, frame, HELPER.policy.action_space)
    for path, array in found.task_states.items():
        assert np.array_equal(array[1:].T, runs[f"task_state.{path}"][:, :-1]), path
        assert np.array_equal(
            found.previous_states[path][1:].T, runs[f"previous_task_state.{path}"][:, :-1]
        ), path


def test_outcomes_are_judged_by_the_games_before_and_after():
    user = presses(lambda state: state.x / 1000)
    runs = Bundle(Witness(), user, HELPER, max_rounds=12).run(9, seed=2)
    assert np.isfinite(likelihood(Witness(), user, runs, HELPER)).all()


class Tiring(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(n=state.n + 1), 0.0


class Watches(InteractionTask):
    """Moves by what the user's state says."""

    state_space = spaces.Dict(x=spaces.Discrete(50))

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(State(x=game.task_state.x + game.user_state.n % 3))


def test_the_users_state_is_known_where_the_data_holds_it():
    user = presses(lambda state: state.x / 50, inference_engine=Tiring(), more={"n": 0})
    runs = Bundle(Watches(), user, max_rounds=9).run(3, seed=1)
    expected = by_hand(runs, lambda w, e, t: 0.1 + 0.8 * w * before(runs, "task_state.x", e, t) / 50)
    frame = runs.to_dataframe()
    for data in (runs, frame, frame[[*ACTIONS, "user_state.n"]]):
        assert np.allclose(likelihood(Watches(), user, data), expected)
    for episodes in (3, 50):
        bare = Bundle(Watches(), user, max_rounds=9).run(episodes, seed=1).to_dataframe()[ACTIONS]
        with pytest.raises(UnknownFieldError, match=r"fit: the task is played again.*the task reads 'n'"):
            likelihood(Watches(), user, bare)


@pytest.mark.parametrize(
    "look",
    [
        lambda game: hasattr(game.user_state, "n"),
        lambda game: len(game.assistant_state) > 0,
        lambda game: "task_state" in game.user_observation,
        lambda game: sum(game.user_state.values()),
        lambda game: game.user_state["n"],
        lambda game: sum(dict(game.user_state).values()),
    ],
)
@pytest.mark.parametrize("episodes", [3, 50])
def test_whoever_looks_for_what_is_not_known_is_told_so(look, episodes):
    class Looks(Momentum):
        def on_user_action(self, game, rng):
            return Transition(State(x=1 * bool(look(game))))

    user = presses(lambda state: state.x / 6)
    bare = Bundle(Momentum(), user, max_rounds=2).run(episodes, seed=1).to_dataframe()[ACTIONS]
    with pytest.raises(UnknownFieldError, match="the task is played again"):
        read_table(Looks(), user, bare)


# No component sees a finished game.


class Stairs(InteractionTask):
    """Five steps, each with a height; there is none at the top."""

    HEIGHT = np.array([0.3, 0.6, 0.2, 0.9, 0.5])
    state_space = spaces.Dict(x=spaces.Discrete(6), height=spaces.real(0, 1))

    def reset(self, rng):
        return State(x=0, height=0.3)

    def on_user_action(self, game, rng):
        x = game.task_state.x + game.user_action
        if x == 5:
            return Transition(State(x=x, height=1.0), 1.0, True)
        return Transition(State(x=x, height=self.HEIGHT[x]))

    def on_assistant_action(self, game, rng):
        self.HEIGHT[game.task_state.x]
        return Transition(game.task_state)


@pytest.mark.parametrize("assistant", [None, HELPER])
def test_finished_games_are_not_played_on(assistant):
    def probability(state):
        return (1 - state.height) / (5 - state.x)

    user = presses(probability)
    runs = Bundle(Stairs(), user, assistant, max_rounds=60).run(12, seed=1)
    assert runs.terminated.sum() > 0
    assert len(set(runs.lengths)) > 4

    def seen(w, episode, t):
        x = before(runs, "task_state.x", episode, t)
        return 0.1 + 0.8 * w * (1 - Stairs.HEIGHT[x]) / (5 - x)

    helped = [] if assistant is None else ["assistant_action"]
    for data in (runs, runs.to_dataframe()[ACTIONS + helped]):
        assert np.allclose(likelihood(Stairs(), user, data, assistant), by_hand(runs, seen))


def test_where_the_user_ends_the_game_the_assistant_need_not_act():
    user = presses(lambda state: state.height)
    runs = Bundle(Stairs(), user, HELPER, max_rounds=20).run(12, seed=1)
    assert set(runs.terminated) == {True, False}
    expected = likelihood(Stairs(), user, runs, HELPER)
    frame = runs.to_dataframe()[[*ACTIONS, "assistant_action"]]
    last = frame["round"] == frame.groupby("episode")["round"].transform("max")
    ended = last & frame["episode"].isin(np.flatnonzero(runs.terminated))
    gone = frame.assign(assistant_action=frame["assistant_action"].where(~ended))
    nullable = gone.assign(assistant_action=gone["assistant_action"].astype("Int64"))
    objects = gone.assign(assistant_action=gone["assistant_action"].astype(object).where(~ended, None))
    for data in (gone, nullable, objects, pd.read_csv(io.StringIO(gone.to_csv(index=False)))):
        assert np.array_equal(likelihood(Stairs(), user, data, HELPER), expected)
    for wrong in (last & ~ended, frame["round"] == 2):
        row = np.flatnonzero(wrong)[0]
        cut = frame.assign(assistant_action=frame["assistant_action"].where(~wrong))
        with pytest.raises(ArgumentError, match=rf"row {row}\b.*assistant_action is missing"):
            likelihood(Stairs(), user, cut, HELPER)


def test_what_the_assistant_would_have_drawn_is_not_asked_for_where_it_did_not_act():
    class Luck(Stairs):
        state_space = spaces.Dict({**Stairs.state_space.spaces, "luck": spaces.Discrete(2)})

        def reset(self, rng):
            return State(x=4, height=0.5, luck=0)

        def on_user_action(self, game, rng):
            state, reward, over = super().on_user_action(game, rng)
            return Transition(game.task_state.replace(**state), reward, over)

        def on_assistant_action(self, game, rng):
            return Transition(game.task_state.replace(luck=rng.integers(0, 2)))

    user = presses(lambda state: state.height)
    frame = pd.DataFrame({"episode": range(4), "round": 0, "user_action": 1, "assistant_action": np.nan})
    assert np.allclose(likelihood(Luck(), user, frame, HELPER), 4 * np.log(0.1 + 0.8 * WEIGHTS[0] * 0.5))


class Bounds(InteractionTask):
    """A ball that bounces by chance, or is out; then nothing can be said of it."""

    PLACES = np.array([0.2, 0.9, 0.5])
    state_space = spaces.Dict(x=spaces.Discrete(4), place=spaces.real(0, 1))

    def reset(self, rng):
        return State(x=0, place=0.2)

    def on_user_action(self, game, rng):
        x = rng.integers(0, 4)
        return Transition(game.task_state.replace(x=x), 0.0, x == 3)

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state.replace(place=self.PLACES[game.task_state.x]))


def test_chance_may_end_a_game_and_did_not_where_it_goes_on():
    user = presses(lambda state: state.place)
    runs = Bundle(Bounds(), user, HELPER, max_rounds=20).run(30, seed=0)
    frame = runs.to_dataframe()
    expected = by_hand(runs, lambda w, e, t: 0.1 + 0.8 * w * before(runs, "task_state.place", e, t))
    for columns in (["task_state.x", "task_state.place"], ["previous_task_state.x", "task_state.x"]):
        data = frame[[*ACTIONS, "assistant_action", *columns]]
        assert np.allclose(likelihood(Bounds(), user, data, HELPER), expected)
    with pytest.raises(ArgumentError, match="draws place at random"):
        likelihood(Bounds(), user, frame[[*ACTIONS, "assistant_action", "task_state.x"]], HELPER)


# What the data says against the task.


def test_rows_after_the_end_are_refused():
    frame = pd.DataFrame({"episode": 0, "round": range(8), "user_action": 1}, index=range(10, 18))
    for extra in ({}, {"task_state.x": [1, 2, 3, 4, 5, 1, 2, 3]}):
        with pytest.raises(
            ArgumentError, match=r"row 15 \(episode 0, round 5\) comes after.*Trials\(task, n\)"
        ):
            likelihood(Stairs(), presses(lambda state: state.height), frame.assign(**extra))


def test_a_value_that_the_task_cannot_have_computed_is_refused():
    user = presses(lambda state: state.height)
    runs = Bundle(Stairs(), user, HELPER, max_rounds=9).run(3, seed=1)
    frame = runs.to_dataframe()
    rounded = frame.assign(**{"task_state.height": frame["task_state.height"] * (1 + 1e-7)})
    assert np.allclose(likelihood(Stairs(), user, rounded, HELPER), likelihood(Stairs(), user, runs, HELPER))
    for path in ("task_state.height", "previous_task_state.height"):
        wrong = frame.assign(**{path: frame[path].where(frame.index != 5, 0.25)})
        message = rf"row 5 \(episode 0, round 5\): {path} is 0.25 in the data, but Stairs makes it"
        with pytest.raises(ArgumentError, match=message):
            likelihood(Stairs(), user, wrong, HELPER)


def test_where_help_is_not_in_the_data_this_is_said():
    task = PointingTask(15, 4, mode="position")
    helper = InformationGain(user_model=CarefulPointer(0.1), task_model=task)
    frame = Bundle(task, CarefulPointer(), helper, max_rounds=9).run(3, seed=1).to_dataframe()
    frame = frame[[name for name in frame if "assistant" not in name]]
    with pytest.raises(ArgumentError, match="without an assistant, since the data has no assistant_action"):
        fit(task, CarefulPointer(), frame, {"error_rate": stats.uniform(0, 0.5)}, users="pooled")


# What is drawn is found out by counting.


class Rare(InteractionTask):
    """Once in a long while x becomes 1, and stays; y is drawn until it fits, and counts for nothing."""

    state_space = spaces.Dict(x=spaces.Discrete(2), steps=spaces.Discrete(1000))

    def __init__(self, chance):
        self.chance = chance

    def reset(self, rng):
        return State(x=0, steps=0)

    def on_user_action(self, game, rng):
        y = 3
        while y == 3:
            y = rng.integers(0, 5)
        x = 1 if rng.random() < self.chance else game.task_state.x
        return Transition(State(x=x, steps=game.task_state.steps + 1))


@pytest.mark.parametrize("chance", [1e-4, 1 - 1e-4])
def test_a_rare_draw_is_not_taken_for_none(chance):
    user = presses(lambda state: state.x)
    frame = pd.DataFrame({"episode": 0, "round": range(5), "user_action": 0})
    with pytest.raises(ArgumentError, match="draws x at random, so that it must be in the data"):
        likelihood(Rare(chance), user, frame)
    found = read_table(Rare(chance), user, frame.assign(x=[0, 0, 1, 1, 1]))
    assert found.task_states["x"][:, 0].tolist() == [0, 0, 0, 1, 1]
    assert found.task_states["steps"][:, 0].tolist() == [0, 1, 2, 3, 4]


def test_a_rare_start_of_the_user_is_not_taken_for_none():
    class Sometimes(User):
        def reset(self, rng):
            return State(w=0.5, bold=float(rng.random() < 1e-4))

    space = spaces.Dict(w=spaces.real(0, 1), bold=spaces.real(0, 1))
    user = Sometimes(policy=Presses(lambda state: state.height), state_space=space)
    frame = pd.DataFrame({"episode": 0, "round": range(4), "user_action": [0, 1, 0, 1]})
    with pytest.raises(ArgumentError, match="reset draws 'bold' at random"):
        likelihood(Stairs(), user, frame)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng: rng.key()[0] % 2,
        lambda rng: rng.generator().random(),
        lambda rng: rng.simulation().generator().random(),
        lambda rng: rng.copy().normal(),
    ],
)
@pytest.mark.parametrize("promise", [None, False])
def test_a_user_who_draws_by_any_door_is_refused(draw, promise):
    class Draws(InferenceEngine):
        batched = promise

        def infer(self, observation, state, rng):
            return state.replace(m=1.0 * draw(rng)), 0.0

    user = presses(lambda state: state.height, inference_engine=Draws(), more={"m": 0.5})
    runs = Bundle(Stairs(), user, max_rounds=3).run(2, seed=1)
    with pytest.raises(ContractError, match="the user draws random numbers"):
        fit(Stairs(), user, runs, {"w": stats.uniform()}, alone=True, progress=False)


class Rebounds(InteractionTask):
    """The user's half draws, the assistant's half is plain; the next one goes by what the assistant saw."""

    state_space = spaces.Dict(x=spaces.Discrete(7), seen=spaces.Discrete(7))

    def reset(self, rng):
        return State(x=0, seen=0)

    def on_user_action(self, game, rng):
        last = sum(game.previous_task_state.values())
        return Transition(State(x=rng.integers(0, 7), seen=last % 7))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state.replace(x=game.assistant_action))


def test_what_comes_of_an_unknown_previous_state_is_unknown_too():
    user = presses(lambda state: state.seen / 6)
    runs = Bundle(Rebounds(), user, HELPER, max_rounds=8).run(4, seed=0)
    frame = runs.to_dataframe()
    expected = by_hand(runs, lambda w, e, t: 0.1 + 0.8 * w * before(runs, "task_state.seen", e, t) / 6)
    bare = frame[[*ACTIONS, "assistant_action"]]
    for more in (["task_state.seen"], ["previous_task_state.x"]):
        assert np.allclose(likelihood(Rebounds(), user, bare.join(frame[more]), HELPER), expected)
    with pytest.raises(ArgumentError, match="draws seen at random"):
        likelihood(Rebounds(), user, bare, HELPER)


# What was forced at the beginning.


class Sticks(DiscretePolicy):
    """Repeats the last actions, its own and the other one's."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        other = 0 if "assistant_action" not in observation else observation.assistant_action or 0
        weights = state.w * (np.arange(3) == observation.user_action) + 0.3 * (np.arange(3) == other)
        return (weights + 0.2) / (state.w + 0.9)


class Listens(InteractionTask):
    """Adds up what both did last."""

    state_space = spaces.Dict(x=spaces.Discrete(100))

    def reset(self, rng):
        return State(x=0)

    def on_user_action(self, game, rng):
        return Transition(State(x=game.task_state.x + 3 * game.assistant_action))

    def on_assistant_action(self, game, rng):
        return Transition(game.task_state)


def test_forced_first_actions_are_the_last_ones_before_the_first_round(tmp_path):
    assistant = Assistant(policy=RandomPolicy(spaces.Discrete(3)))
    user = User(policy=Sticks(), state=State(w=0.5))
    forced = {"user_action": [2, 1, 2, 0, 2, 1], "assistant_action": 1}
    runs = Bundle(Listens(), user, assistant, max_rounds=2).run(6, seed=1, start=forced)
    assert runs.start["user_action"].tolist() == forced["user_action"]
    assert runs.start["assistant_action"].tolist() == [1] * 6
    assert runs.forced == ("user_action", "assistant_action")
    expected = np.zeros(3)
    for k, w in enumerate(WEIGHTS[0]):
        for episode in range(6):
            own, other = forced["user_action"][episode], 1
            for t in range(2):
                action = runs["user_action"][episode, t]
                expected[k] += np.log((w * (action == own) + 0.3 * (action == other) + 0.2) / (w + 0.9))
                own, other = action, runs["assistant_action"][episode, t]
    frame = runs.to_dataframe()
    bare = frame[[*ACTIONS, "assistant_action", "start.user_action", "start.assistant_action"]]
    kept = Trajectories.load(runs.save(tmp_path / "runs"))
    assert kept == runs
    for data in (runs, kept, frame, bare):
        assert np.allclose(likelihood(Listens(), user, data, assistant), expected)
    found = read_table(Listens(), user, bare, assistant.policy.action_space)
    assert np.array_equal(found.task_states["x"][1], runs["task_state.x"][:, 0])


class Fades(InferenceEngine):
    def infer(self, observation, state, rng):
        return state.replace(n=state.n * 0.5), 0.0


class Fresh(DiscretePolicy):
    action_space = spaces.Discrete(2)

    def probabilities(self, observation, state):
        p = 0.1 + 0.8 * state.w * state.n
        return np.stack([1 - p, p])


def test_what_was_forced_of_the_users_state_is_known_to_the_run():
    user = User(policy=Fresh(), inference_engine=Fades(), state=State(w=0.5, n=1.0))
    bundle, starts = Bundle(Momentum(), user, max_rounds=3), np.linspace(0.1, 1.0, 10)
    runs = bundle.run(10, seed=1, start={"user_state": {"n": starts, "w": 0.7}})
    expected = by_hand(runs, lambda w, episode, t: 0.1 + 0.8 * w * starts[episode] * 0.5 ** (t + 1))
    assert np.allclose(likelihood(Momentum(), user, runs), expected)  # w has a prior, which counts
    free = bundle.run(10, seed=1)
    expected = by_hand(free, lambda w, episode, t: 0.1 + 0.8 * w * 0.6 * 0.5 ** (t + 1))
    other = User(policy=Fresh(), inference_engine=Fades(), state=State(w=0.5, n=0.6))
    assert np.allclose(likelihood(Momentum(), other, free), expected)  # a start that was not forced
    options = {"draws": 20, "progress": False, "users": "pooled"}
    with pytest.warns(UserWarning, match=r"start.user_state.n is 0.1 in the data, and is not used"):
        fit(Momentum(), user, runs.to_dataframe(), {"w": stats.uniform()}, **options)
    told = fit(Momentum(), other, free.to_dataframe(start=[]), {"w": stats.uniform()}, **options)
    assert told.equals(fit(Momentum(), other, free, {"w": stats.uniform()}, **options))
