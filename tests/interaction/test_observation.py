"""What an agent sees of the game, and what it never sees."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction import (
    CascadedObservationEngine,
    EpisodeRandom,
    GameState,
    GaussianNoise,
    ObservationEngine,
    RuleObservationEngine,
    State,
)
from interaction.errors import ArgumentError, InteractionError, UnknownNameError
from interaction.observation import DefaultObservationEngine
from interaction.state import flatten

SECRET = 987_654
OTHER = {"user": "assistant", "assistant": "user"}


def game_of(observer, **task):
    """A game whose other agent has a secret, which the stored observations hold at several depths."""
    other = OTHER[observer]
    secret = State(goal=SECRET, deep=State(inner=State(model=SECRET)))
    own = State(belief=1)
    return GameState(
        round_index=2,
        turn_index=1,
        task_state=State(**(task or {"x": 3, "deep": State(y=4)})),
        user_action=5,
        assistant_action=6,
        **{f"{other}_state": secret, f"{observer}_state": own},
        **{f"{name}_observation": State(**{f"{other}_state": secret}) for name in OTHER},
    )


def see(engine, game, episode=0):
    return engine.observe(game, EpisodeRandom(0, episode).at(0, 0))


ENGINES = {
    "default": DefaultObservationEngine,
    "rules": RuleObservationEngine,
    "rules that hide": lambda role: RuleObservationEngine(role, hide=["task_state.x"]),
    "cascade": lambda role: CascadedObservationEngine(
        [RuleObservationEngine(role), DefaultObservationEngine(role)]
    ),
}


@pytest.mark.parametrize("role", OTHER)
@pytest.mark.parametrize("name", ENGINES)
def test_the_other_agents_secrets_leak_at_no_depth(name, role):
    seen, _ = see(ENGINES[name](role), game_of(role))
    assert SECRET not in [value for _, value in flatten(seen)]
    assert str(SECRET) not in repr(seen)
    for hidden in (f"{OTHER[role]}_state", "user_observation", "assistant_observation"):
        assert hidden not in seen
    assert not isinstance(seen, GameState)


@pytest.mark.parametrize("role", OTHER)
def test_by_default_all_else_is_seen(role):
    game = game_of(role)
    seen, reward = see(DefaultObservationEngine(role), game)
    hidden = {f"{OTHER[role]}_state", "user_observation", "assistant_observation"}
    assert dict(seen) == {name: value for name, value in game.items() if name not in hidden}
    assert reward == 0.0


@pytest.mark.parametrize("name", ENGINES)
def test_to_observe_changes_nothing(name):
    engine, game = ENGINES[name]("user"), game_of("user")
    before, engine_before = repr(game), repr(engine)
    see(engine, game)
    assert (repr(game), repr(engine)) == (before, engine_before)


def with_previous(paths):
    """Rules on the task's state hold for its previous one, too."""
    return {*paths, *(f"previous_{path}" for path in paths if path.startswith("task_state"))}


PATHS = ["round_index", "task_state.x", "task_state.deep.y", "user_state", "user_action"]


@given(st.lists(st.sampled_from(PATHS), unique=True))
def test_see_lets_through_the_named_paths_and_nothing_else(paths):
    game = game_of("user")
    seen, _ = see(RuleObservationEngine("user", see=paths), game)
    leaves = {"user_state": "user_state.belief"}
    assert {path for path, _ in flatten(seen)} == {leaves.get(path, path) for path in with_previous(paths)}
    everything = dict(flatten(game))
    assert all(everything[path] == value for path, value in flatten(seen))


@given(st.lists(st.sampled_from(PATHS), unique=True))
def test_hide_takes_away_the_named_paths_and_nothing_else(paths):
    game = game_of("user")
    all_seen = {path for path, _ in flatten(see(RuleObservationEngine("user"), game)[0])}
    seen, _ = see(RuleObservationEngine("user", hide=paths), game)
    hidden = {"user_state.belief" if path == "user_state" else path for path in with_previous(paths)}
    assert {path for path, _ in flatten(seen)} == all_seen - hidden


def test_a_whole_record_and_a_part_of_it_is_the_whole_record():
    game = game_of("user")
    for paths in (["task_state", "task_state.x"], ["task_state.x", "task_state"]):
        seen, _ = see(RuleObservationEngine("user", see=paths), game)
        assert seen == State(task_state=game.task_state, previous_task_state=game.task_state)


def test_who_is_told_to_see_the_other_does():
    seen, _ = see(RuleObservationEngine("assistant", see=["user_state.goal"]), game_of("assistant"))
    assert seen == State(user_state=State(goal=SECRET))


def double(value):
    return 2 * value


def first_of(value):
    return value[..., 0]


def test_a_transform_changes_its_path_alone_and_the_noise_comes_after_it():
    plain, _ = see(RuleObservationEngine("user"), game_of("user"))
    seen, _ = see(RuleObservationEngine("user", transform={"task_state.x": double}), game_of("user"))
    doubled = plain.task_state.replace(x=6)
    assert seen == plain.replace(task_state=doubled, previous_task_state=doubled)
    both = RuleObservationEngine(
        "user", noise={"task_state.x": GaussianNoise(0.1)}, transform={"task_state.x": double}
    )
    noise = EpisodeRandom(0, 0).at(0, 0).normal(0.0, 0.1)
    assert see(both, game_of("user"))[0].task_state.x == 6 + noise


@pytest.mark.parametrize("shape", [(), (3,)], ids=str)
def test_noise_in_a_row_is_that_of_the_episode_alone(shape):
    values = np.arange(5 * int(np.prod(shape))).reshape(5, *shape) / 7
    engine = RuleObservationEngine(
        "user", noise={"task_state.x": GaussianNoise(2.0, shape), "task_state.y": GaussianNoise(1.0)}
    )
    ys = np.arange(5.0)
    rng = EpisodeRandom(0, episodes=np.arange(5)).at(0, 0)
    batch, _ = engine.observe(game_of("user", x=values, y=ys), rng)
    for episode in range(5):
        one, _ = see(engine, game_of("user", x=values[episode], y=ys[episode]), episode)
        assert one.task_state == State(x=batch.task_state.x[episode], y=batch.task_state.y[episode])


def test_noise_has_the_standard_deviation_it_says():
    """20,000 draws: the mean has the standard deviation 2/√n, the variance 4·√(2/n); 4.5 are allowed."""
    n = 20_000
    drawn = GaussianNoise(2.0)(3.0, EpisodeRandom(1, episodes=np.arange(n)))
    assert abs(drawn.mean() - 3.0) < 4.5 * 2.0 / np.sqrt(n)
    assert abs(drawn.var() - 4.0) < 4.5 * 4.0 * np.sqrt(2 / n)
    assert GaussianNoise(0.0)(3.0, EpisodeRandom(0)) == 3.0


def test_each_look_costs():
    assert see(RuleObservationEngine("user", cost=0.25), game_of("user"))[1] == -0.25
    assert see(RuleObservationEngine("user"), game_of("user"))[1] == 0.0


RULES = {
    "see": lambda path: {"see": [path]},
    "hide": lambda path: {"hide": [path]},
    "transform": lambda path: {"transform": {path: double}},
    "noise": lambda path: {"noise": {path: GaussianNoise(1.0)}},
}


@pytest.mark.parametrize(
    "path", ["nothing", "task_state.z", "task_state.x.y", "nothing.x", "task_state.deep.z"]
)
@pytest.mark.parametrize("rule", RULES)
def test_an_unknown_path_is_an_error_that_lists_the_valid_ones(rule, path):
    engine = RuleObservationEngine("user", **RULES[rule](path))
    with pytest.raises(UnknownNameError, match="Valid names: ") as caught:
        see(engine, game_of("user"))
    assert path.split(".")[-1] in str(caught.value)


def test_an_unknown_path_is_guessed():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'task_state\.x'"):
        see(RuleObservationEngine("user", transform={"task_stat.x": double}), game_of("user"))


@pytest.mark.parametrize("name", ["see", "hide"])
def test_a_single_string_is_no_list_of_paths(name):
    with pytest.raises(ArgumentError, match=f"{name} takes a list of paths"):
        RuleObservationEngine("user", **{name: "task_state"})


@pytest.mark.parametrize("role", ["robot", "", None, "users"])
@pytest.mark.parametrize("engine", [DefaultObservationEngine, RuleObservationEngine])
def test_there_are_two_roles(engine, role):
    with pytest.raises(UnknownNameError, match="Valid names: user, assistant"):
        engine(role)


@pytest.mark.parametrize("sd", [-1.0, np.nan])
def test_a_standard_deviation_is_not_negative(sd):
    with pytest.raises(ArgumentError, match="standard deviation"):
        GaussianNoise(sd)


def test_a_transform_that_gives_a_list_is_refused():
    with pytest.raises(InteractionError, match=r"numpy\.array"):
        see(RuleObservationEngine("user", transform={"task_state.x": lambda x: [x]}), game_of("user"))


class Blind(ObservationEngine):
    """Sees nothing, at a cost that differs between episodes."""

    batched = True

    def observe(self, game, rng):
        return State(), -rng.random()


def test_each_engine_of_a_cascade_sees_what_the_one_before_let_through():
    chain = CascadedObservationEngine(
        [
            RuleObservationEngine("user", transform={"task_state.x": double}),
            RuleObservationEngine("user", transform={"task_state.x": lambda x: x + 1}, cost=1.0),
            RuleObservationEngine("user", see=["task_state.x"], cost=0.5),
        ]
    )
    seven = State(x=7)
    assert see(chain, game_of("user")) == (State(task_state=seven, previous_task_state=seven), -1.5)
    blinded = CascadedObservationEngine([Blind(), RuleObservationEngine("user", see=["task_state.x"])])
    with pytest.raises(UnknownNameError):
        see(blinded, game_of("user"))


def test_the_costs_of_a_cascade_add_up_for_each_episode():
    chain = CascadedObservationEngine([Blind(), Blind()])
    _, costs = chain.observe(game_of("user"), EpisodeRandom(0, episodes=np.arange(4)).at(0, 0))
    for episode in range(4):
        rng = EpisodeRandom(0, episode).at(0, 0)
        assert costs[episode] == -rng.random() - rng.random() == see(chain, game_of("user"), episode)[1]


def test_an_empty_cascade_lets_everything_through():
    game = game_of("user")
    assert see(CascadedObservationEngine([]), game) == (game, 0.0)


def test_a_cascade_promises_of_batches_what_all_its_parts_promise():
    accepts = DefaultObservationEngine("user")
    unknown = RuleObservationEngine("user", transform={"task_state.x": first_of})
    refuses = RuleObservationEngine("user", batched=False)
    assert CascadedObservationEngine([accepts, accepts]).batched is True
    assert CascadedObservationEngine([accepts, unknown]).batched is None
    assert CascadedObservationEngine([unknown, refuses]).batched is False


def test_engines_are_equal_when_their_rules_are():
    rules = {"hide": ["task_state.x"], "cost": 0.5}
    assert RuleObservationEngine("user", **rules) == RuleObservationEngine("user", **rules)
    assert RuleObservationEngine("user", **rules) != RuleObservationEngine("assistant", **rules)
    assert RuleObservationEngine("user", **rules) != RuleObservationEngine("user")
