"""Fits to logged data: what is read, what is refused, and what the tree holds."""

import warnings

import arviz_stats
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from interaction import (
    Assistant,
    Bundle,
    DiscretePolicy,
    InteractionTask,
    RandomPolicy,
    State,
    Transition,
    User,
    fit,
    spaces,
)
from interaction.errors import (
    AmbiguityWarning,
    ArgumentError,
    ContractError,
    ConvergenceWarning,
    SpaceError,
    UnknownNameError,
)
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.logged import read_table
from interaction.fitting.observed import simulate
from interaction.fitting.priors import Priors
from interaction.fitting.quadrature import on_grid
from interaction.state import nest
from interaction.tasks.bandit import BanditTask, MultiArmedBanditTask
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.bandit import (
    ExpertUser,
    RandomUser,
    RescorlaWagnerChoiceKernelUser,
    RescorlaWagnerUser,
    WinStayLoseShiftUser,
)
from interaction.users.coordination import PseudoRandomUser

TASK = MultiArmedBanditTask()
UNIT = stats.uniform(0, 1)
LEARNER = {"learning_rate": UNIT, "inverse_temperature": stats.expon(0, 3)}
RUNS = Bundle(TASK, RescorlaWagnerUser(0.3, 3.0), max_rounds=60).run(2, seed=1)


def table(runs=RUNS):
    frame = runs.to_dataframe()[["episode", "round", "user_action", "task_state.outcome"]]
    return frame.rename(columns={"task_state.outcome": "outcome"})


def quick(data, user=None, priors=LEARNER, task=TASK, users="pooled", **options):
    user = user or RescorlaWagnerUser()
    return fit(task, user, data, priors, draws=100, progress=False, users=users, **options)


def test_a_table_a_run_and_shuffled_rows_give_the_same_fit():
    first = quick(RUNS)
    renamed = table().rename(columns={"user_action": "action"})
    for data in (RUNS.to_dataframe(), table(), renamed, table().sample(frac=1, random_state=0)):
        other = quick(data)
        for group in ("posterior", "log_likelihood", "summary"):
            assert first[group].to_dataset().equals(other[group].to_dataset())


def test_the_posterior_of_a_random_user_is_the_closed_form():
    runs = Bundle(TASK, RandomUser(0.3), max_rounds=50).run(1, seed=2)
    tree = quick(runs, RandomUser(), {"bias": UNIT})
    first = (runs["user_action"] == 0).sum()
    exact = stats.beta(1 + first, 51 - first)
    assert np.isclose(tree.summary.bias.sel(statistic="mean"), exact.mean(), atol=1e-6)
    assert np.isclose(tree.summary.bias.sel(statistic="sd"), exact.std(), atol=1e-6)
    assert tree.attrs["converged"] == 1
    assert tree.attrs["verdict"].startswith("converged (grid")


@pytest.mark.parametrize("method", ["grid", "particles", "mcmc"])
def test_arviz_reads_the_tree(method):
    tree = quick(table(), WinStayLoseShiftUser(), {"epsilon": UNIT}, method=method)
    assert set(tree.children) == {
        "posterior",
        "sample_stats",
        "log_likelihood",
        "observed_data",
        "summary",
    }
    assert tree.posterior.epsilon.dims == ("chain", "draw")
    assert arviz_stats.summary(tree).loc["epsilon", "mean"] is not None
    loo = arviz_stats.loo(tree, var_name="user_action")
    total = float(tree.sample_stats.log_likelihood.mean())
    assert abs(loo.elpd - total) < 5
    assert tree.attrs["method"] == method
    assert float(tree.summary.epsilon.sel(statistic="r_hat")) < 1.05
    assert float(tree.summary.epsilon.sel(statistic="ess")) > 100


def test_the_log_likelihood_has_an_entry_for_each_action():
    """For a random user it is log b or log (1 − b)."""
    tree = quick(table(), RandomUser(), {"bias": UNIT})
    bias = tree.posterior.bias
    first = tree.observed_data.user_action == 0
    expected = np.log(bias) * first + np.log(1 - bias) * ~first
    assert np.allclose(tree.log_likelihood.user_action, expected.transpose("chain", "draw", "observation"))
    assert tree.log_likelihood.observation.size == 120
    assert tree.observed_data["round"].values.tolist() == [*range(60)] * 2
    without = quick(table(), RandomUser(), {"bias": UNIT}, log_likelihood=False)
    assert "log_likelihood" not in without.children


def test_each_user_has_parameters_of_their_own():
    biases = {"anna": 0.1, "ben": 0.9}
    frames = [
        table(Bundle(TASK, RandomUser(bias), max_rounds=80).run(2, seed=3)).assign(
            user=name, episode=lambda frame, name=name: name + frame.episode.astype(str)
        )
        for name, bias in biases.items()
    ]
    tree = quick(pd.concat(frames), RandomUser(), {"bias": UNIT}, users=None)
    assert tree.posterior.bias.dims == ("chain", "draw", "user")
    for name, bias in biases.items():
        assert abs(tree.summary.bias.sel(statistic="mean", user=name) - bias) < 0.1
    alone = quick(frames[1].drop(columns="user"), RandomUser(), {"bias": UNIT})
    assert np.allclose(
        alone.summary.bias.sel(statistic="mean"), tree.summary.bias.sel(statistic="mean", user="ben")
    )
    assert set(tree.log_likelihood.observed_user.values) == set(biases)


def test_a_grid_of_a_posterior_beyond_the_prior_asks_for_the_units():
    """A rate of 0.9 of which a prior around 0.1 knows nothing, as data in another unit have."""
    runs = Bundle(TASK, RandomUser(0.9), max_rounds=200).run(1, seed=0)
    with pytest.warns(ConvergenceWarning, match=r"beyond 6 standard deviations of the prior: are the data"):
        tree = fit(TASK, RandomUser(), runs, {"bias": stats.norm(0.1, 0.01)}, draws=50, progress=False)
    assert tree.attrs["converged"] == 0


@pytest.mark.parametrize("numbers", [{"chains": 1}, {"draws": 10, "chains": 4}])
def test_particles_that_nothing_can_be_told_by_have_not_converged(numbers):
    options = {"method": "particles", "draws": 200, "progress": False, "users": "pooled"} | numbers
    with pytest.warns(ConvergenceWarning, match=r"too few to be compared: give more draws \(50 in all\)"):
        fit(TASK, RandomUser(), table(), {"bias": UNIT}, **options)


def test_a_fit_that_does_not_converge_warns_and_says_so():
    user = RescorlaWagnerChoiceKernelUser()
    priors = {
        **LEARNER,
        "choice_learning_rate": UNIT,
        "choice_inverse_temperature": stats.expon(0, 3),
    }
    with pytest.warns(ConvergenceWarning, match="NOT converged for 1 of 1 users"):
        tree = quick(table(), user, priors)
    assert tree.attrs["converged"] == 0
    assert not tree.summary.converged.item()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert quick(table(), user, priors, method="particles").attrs["converged"] == 1


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda f: f[f["round"] != 7], ArgumentError, r"row 8: episode 0: expected round 7, but round 8 is"),
        (lambda f: pd.concat([f, f.iloc[[3]]]), ArgumentError, "row 3: episode 0: expected round 4, but"),
        (lambda f: f.assign(round=f["round"] + 1), ArgumentError, "rounds count 0, 1, 2"),
        (lambda f: f.assign(round=f["round"] + 0.5), ArgumentError, "whole numbers"),
        (lambda f: f.assign(outcomes=1), UnknownNameError, "no 'outcomes'. Did you mean 'outcome'"),
        (lambda f: f.drop(columns="user_action"), ArgumentError, "lacks the column 'user_action'"),
        (
            lambda f: f.drop(columns=["episode", "round"]),
            ArgumentError,
            "lacks the columns 'episode' and 'round'",
        ),
        (lambda f: f.drop(columns="episode"), ArgumentError, "lacks the column 'episode'"),
        (
            lambda f: f.drop(columns="outcome"),
            ArgumentError,
            r"draws outcome at random.*add the column 'task_state.outcome'",
        ),
        (
            lambda f: f.assign(user_action=f.user_action.where(f["round"] != 5, 2)),
            SpaceError,
            r"row 5 \(episode 0, round 5\): user_action: expected a value in Discrete\(2\), got 2",
        ),
        (lambda f: f.assign(user_action=0.5), SpaceError, r"row 0 .*got 0\.5"),
        (lambda f: f.assign(user_action="left"), SpaceError, "user_action: expected numbers"),
        (
            lambda f: f.assign(outcome=f.outcome.astype(float).where(f["round"] != 9)),
            ArgumentError,
            "row 9: task_state.outcome is missing",
        ),
        (lambda f: f.iloc[:0], ArgumentError, "no rows"),
        (lambda f: f.iloc[:1], ArgumentError, r"at least as many rounds as parameters \(2"),
        (lambda f: f.assign(assistant_action=1), ArgumentError, "give assistant_action_space"),
        (lambda f: f.assign(**{"task_state.outcome": 1}), ArgumentError, "twice"),
        (lambda f: [1, 2], ArgumentError, "expected a pandas.DataFrame or Trajectories, got list"),
    ],
)
def test_bad_data_is_refused_with_its_first_row(change, error, message):
    with pytest.raises(error, match=message):
        quick(change(table()))


def test_an_episode_is_played_by_one_user():
    with pytest.raises(ArgumentError, match="more than one user"):
        quick(table().assign(user=table()["round"]), users=None)


def test_episodes_of_one_user_or_of_several_are_told_apart():
    """Twenty biases in twenty episodes: pooled they make one rate, and nobody is told so in silence."""
    biases = np.linspace(0.05, 0.95, 20)
    runs = Bundle(TASK, RandomUser(), max_rounds=200).run(20, seed=4, start={"user_state.bias": biases})
    frame = table(runs)
    priors = {"bias": UNIT}
    with pytest.warns(AmbiguityWarning, match=r'20 different values of bias.*users="episode".*\'user\''):
        pooled = quick(runs, RandomUser(), priors, users=None)
    with pytest.warns(AmbiguityWarning, match=r"20 episodes and no column 'user'.*users=\"pooled\""):
        assert quick(frame, RandomUser(), priors, users=None).summary.bias.equals(pooled.summary.bias)
    assert quick(runs, RandomUser(), priors, users="pooled").summary.bias.equals(pooled.summary.bias)
    assert abs(pooled.summary.bias.sel(statistic="mean") - 0.5) < 0.03
    for data in (runs, frame):
        each = quick(data, RandomUser(), priors, users="episode")
        assert each.summary.user.values.tolist() == list(range(20))
        assert (abs(each.summary.bias.sel(statistic="mean") - biases) < 0.12).all()
    named = quick(frame.assign(user=frame.episode), RandomUser(), priors, users=None)
    assert named.summary.bias.equals(each.summary.bias)
    again = quick(frame.assign(user=frame.episode), RandomUser(), priors, users="pooled")
    assert again.summary.bias.equals(pooled.summary.bias)


def test_episodes_that_one_user_played_need_no_word():
    runs = Bundle(TASK, RandomUser(0.3), max_rounds=20).run(5, seed=4)
    assert quick(runs, RandomUser(), {"bias": UNIT}, users=None).attrs["converged"]
    one = table(runs).query("episode == 0")
    assert quick(one, RandomUser(), {"bias": UNIT}, users=None).attrs["converged"]


def test_contradictory_users_are_refused():
    with pytest.raises(ArgumentError, match="has a column 'user' that tells: drop one"):
        quick(table().assign(user=1), users="episode")
    with pytest.raises(UnknownNameError, match="Valid names: episode, pooled"):
        quick(table(), users="each")


def test_bad_arguments_are_refused():
    with pytest.raises(UnknownNameError, match="Valid names: grid, particles, mcmc"):
        quick(table(), method="nuts")
    with pytest.raises(ArgumentError, match="draws"):
        fit(TASK, RescorlaWagnerUser(), table(), LEARNER, draws=0)
    with pytest.raises(ContractError, match="expected a User"):
        quick(table(), user=TASK)
    over = Bundle(TASK, RandomUser(), max_rounds=3).run(2, over={"user_state.bias": [0.2, 0.4]})
    with pytest.raises(ArgumentError, match="without `over`"):
        quick(over, RandomUser(), {"bias": UNIT})


def test_too_many_parameters_for_a_grid_are_refused():
    class Five(DiscretePolicy):
        action_space = spaces.Discrete(2)
        batched = True

        def probabilities(self, observation, state):
            return np.stack([np.asarray(state.a + state.b + state.c + state.d + state.e) / 5] * 2, axis=-1)

    names = "abcde"
    user = User(
        policy=Five(),
        state=State(**dict.fromkeys(names, 0.5)),
        state_space=spaces.Dict({name: spaces.Box(0.0, 1.0, (), np.float64) for name in names}),
    )
    values = {name: np.array([0.5]) for name in names}
    likelihood = Likelihood(TASK, user, simulate(TASK, user, values, 3, 0))
    with pytest.raises(ArgumentError, match="too many for a grid"):
        on_grid(likelihood, Priors(user, dict.fromkeys(names, UNIT), "test"))


def test_a_hidden_start_must_be_in_the_data():
    task = BanditTask()
    user = ExpertUser()
    frame = pd.DataFrame({"episode": 0, "round": range(5), "user_action": 2, "outcome": 1})
    with pytest.raises(ArgumentError, match=r"reset draws best_arm at random.*'start.task_state.best_arm'"):
        read_table(task, user, frame)
    known = frame.assign(**{"start.task_state.best_arm": 2})
    observed = read_table(task, user, known)
    assert observed.task_states["best_arm"][:, 0].tolist() == [2] * 5
    assert observed.task_states["arm"][:, 0].tolist() == [-1, 2, 2, 2, 2]
    changing = frame.assign(**{"start.task_state.best_arm": [2, 2, 3, 2, 2]})
    with pytest.raises(ArgumentError, match="changes within an episode"):
        read_table(task, user, changing)


def test_impossible_outcomes_and_rounds_after_the_end_are_refused():
    sure = MultiArmedBanditTask([0.0, 1.0])
    frame = pd.DataFrame({"episode": 0, "round": range(4), "user_action": [1, 1, 0, 1], "outcome": 1})
    with pytest.raises(ArgumentError, match=r"row 2 \(episode 0, round 2\): MultiArmed.* cannot give"):
        read_table(sure, RandomUser(), frame)


def test_the_assistants_actions_are_part_of_the_game():
    """In the coordination game x counts agreements: it follows from both agents' actions."""
    frame = pd.DataFrame(
        {"episode": 0, "round": range(3), "user_action": [8, 1, 1], "assistant_action": [8, 1, 3]}
    )
    observed = read_table(CoordinatedTask(), PseudoRandomUser(), frame, spaces.Discrete(10))
    assert observed.task_states["x"][:, 0].tolist() == [0, 1, 2]
    priors = {"p0": stats.randint(0, 10)}
    tree = fit(
        CoordinatedTask(),
        PseudoRandomUser(p1=5, p2=7),
        Bundle(CoordinatedTask(), PseudoRandomUser(3, 5, 7), max_rounds=3).run(1, seed=0),
        priors,
        draws=50,
        alone=True,
        progress=False,
    )
    assert tree.posterior.p0.dtype.kind == "i"


def test_nested_values_are_put_together():
    assert nest({"": 3}) == 3
    assert nest({"a": 1, "b.c": 2, "b.d": 3}) == State(a=1, b=State(c=2, d=3))


def test_vector_actions_are_read_from_a_column_for_each_entry():
    class Aim(DiscretePolicy):
        action_space = spaces.Box(-1.0, 1.0, (2,), np.float64)

        def log_prob(self, action, observation, state):
            return -0.5 * ((np.asarray(action) - np.asarray(state.goal)[..., None]) ** 2).sum(axis=-1)

        def sample(self, observation, state, rng):
            return np.full(2, 0.5) + 0 * rng.random(), 0.0

    class Still(CoordinatedTask):
        def on_user_action(self, game, rng):
            return super().on_user_action(game.replace(user_action=0), rng)

    user = User(
        policy=Aim(),
        state=State(goal=0.0),
        state_space=spaces.Dict({"goal": spaces.Box(-1.0, 1.0, (), np.float64)}),
    )
    frame = pd.DataFrame(
        {"episode": 0, "round": range(3), "user_action[0]": [0.1, 0.2, 0.3], "user_action[1]": 0.5}
    )
    observed = read_table(Still(), user, frame)
    assert observed.user_actions[""].shape == (3, 1, 2)
    tree = fit(Still(), user, frame, {"goal": stats.uniform(-1, 2)}, draws=50, alone=True, progress=False)
    assert set(tree.observed_data.data_vars) == {"user_action[0]", "user_action[1]"}


class Drifts(InteractionTask):
    """Both move x; with chance, what the user brings about is drawn."""

    state_space = spaces.Dict(x=spaces.Discrete(10), drawn=spaces.Discrete(4))

    def __init__(self, chance):
        self.chance = chance

    def reset(self, rng):
        return State(x=rng.integers(0, 10), drawn=0)

    def on_user_action(self, game, rng):
        drawn = rng.integers(0, 4) if self.chance else 0
        return Transition(State(x=(game.task_state.x + 1 + game.user_action) % 10, drawn=drawn))

    def on_assistant_action(self, game, rng):
        x = (game.task_state.x + 3 + game.assistant_action) % 10
        return Transition(game.task_state.replace(x=x))


class LooksBack(DiscretePolicy):
    """Prefers what the state before the last action says."""

    action_space = spaces.Discrete(3)

    def probabilities(self, observation, state):
        before = observation.previous_task_state
        weights = 1.0 + state.strength * (np.arange(3) == (before.x + before.drawn) % 3)
        return weights / weights.sum()


@pytest.mark.parametrize("chance", [False, True])
@pytest.mark.parametrize("assistant", [None, Assistant(policy=RandomPolicy(spaces.Discrete(2)))])
def test_a_user_who_looks_back_is_weighed_by_what_it_saw(chance, assistant):
    """Against the log probabilities of the very observations; what no column tells is not made up."""
    strengths = np.array([[0.0, 2.0, 9.0]])
    task, user = Drifts(chance), User(policy=LooksBack(), state=State(strength=4.0))
    bundle = Bundle(task, user, assistant, max_rounds=12)
    expected = np.zeros(3)
    for episode in range(3):
        bundle.reset(seed=1, episode=episode)
        done = False
        while not done:
            game, _, *ends = bundle.step()
            done = any(ends)
            for place, strength in enumerate(strengths[0]):
                expected[place] += user.policy.log_prob(
                    game.user_action, game.user_observation, State(strength=strength)
                )
    runs, helps = bundle.run(3, seed=1), None if assistant is None else assistant.policy.action_space
    frame = runs.to_dataframe()
    bare = frame[[name for name in frame if not name.startswith("previous_task_state")]]
    for data in (runs, frame, bare):
        likelihood = Likelihood(task, user, read_table(task, user, data, helps))
        if data is bare and chance and assistant is not None:
            with pytest.raises(UnknownNameError, match="no 'drawn'"):
                likelihood.total({"strength": strengths})
        else:
            assert np.allclose(likelihood.total({"strength": strengths})[0], expected)
