"""Populations: partial pooling against brute force, what is refused, and new people who play."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import expit, logsumexp

from interaction import (
    BelievingAssistant,
    Bundle,
    Identity,
    InteractionTask,
    Log,
    Logit,
    Policy,
    Population,
    RandomPolicy,
    Samples,
    State,
    Transition,
    User,
    UserModelFilter,
    fit,
    fitted_users,
    spaces,
)
from interaction.errors import (
    ArgumentError,
    ConvergenceWarning,
    LatentDrawError,
    SpaceError,
    UnknownNameError,
)
from interaction.fitting.population import OnScale
from interaction.fitting.quadrature import Cells
from interaction.fitting.surfaces import Surfaces
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.tasks.looking import LookingTask
from interaction.users.bandit import RandomUser, RescorlaWagnerUser
from interaction.users.looking import NoisyEye

TASK = MultiArmedBanditTask()
MEAN, SD = stats.norm(0, 1.5), stats.halfnorm(0, 1)
BIAS = Population({"bias": Logit(mean=MEAN, sd=SD)})
LEARNER = {
    "learning_rate": Logit(mean=MEAN, sd=SD),
    "inverse_temperature": Log(mean=stats.norm(1, 0.75), sd=stats.halfnorm(0, 0.5)),
}


def guessers(points, rounds, seed=0, groups=None, first=0):
    """A table of people who guess, each with a bias of their own (on the logit scale)."""
    count = len(points)
    start = {"user_state.bias": expit(np.asarray(points, float))}
    runs = Bundle(TASK, RandomUser(), max_rounds=rounds).run(count, seed=seed, start=start)
    frame = runs.to_dataframe()[["episode", "round", "user_action", "task_state.outcome"]]
    frame = frame.assign(user=frame.episode + first, episode=frame.episode + first)
    return frame if groups is None else frame.assign(group=np.asarray(groups)[frame.user - first])


def pooled(data, population=BIAS, user=None, task=TASK, **options):
    options = {"draws": 250, "progress": False, "log_likelihood": False} | options
    return fit(task, user or RandomUser(), data, population=population, **options)


def by_brute_force(firsts, rounds, points=100):
    """Moments of mean, sd and each bias, and the log evidence, for counts of first arms, on a large grid."""
    mean = np.linspace(-6, 6, points)[:, None, None]
    sd = ((np.arange(points) + 0.5) / points * 5)[None, :, None]
    x = np.linspace(-15, 15, 401)
    log_prior = stats.norm.logpdf(x, mean, sd) + np.log(x[1] - x[0])
    log_prior -= logsumexp(log_prior, axis=-1, keepdims=True)  # where sd is less than the spacing
    joint = MEAN.logpdf(mean[..., 0]) + SD.logpdf(sd[..., 0])
    each = []
    for count in firsts:
        log = log_prior - count * np.logaddexp(0, -x) - (rounds - count) * np.logaddexp(0, x)
        whole = logsumexp(log, axis=-1)
        each.append((np.exp(log - whole[..., None]) @ expit(x), whole))
        joint = joint + whole
    weights = np.exp(joint - joint.max())
    cell = (mean[1, 0, 0] - mean[0, 0, 0]) * (sd[0, 1, 0] - sd[0, 0, 0])
    evidence = np.log(weights.sum() * cell) + joint.max()
    weights /= weights.sum()

    def moments(values):
        first = (weights * values).sum()
        return first, np.sqrt((weights * (values - first) ** 2).sum())

    return moments(mean[..., 0]), moments(sd[..., 0]), [(weights * one).sum() for one, _ in each], evidence


@pytest.fixture(scope="module")
def few():
    """Six people, eight choices each; one is unlike the others."""
    return guessers([-1.0, -0.5, 0.0, 0.0, 0.5, 3.0], 8, seed=1)


@pytest.fixture(scope="module")
def two_groups():
    rng = np.random.default_rng(2)
    points = np.concatenate([rng.normal(-1, 0.5, 12), rng.normal(0.5, 0.5, 12)])
    return guessers(points, 20, seed=2, groups=["control"] * 12 + ["trained"] * 12)


def test_the_posterior_is_that_of_brute_force(few):
    tree = pooled(few, draws=1_000)
    firsts = few.groupby("user").user_action.apply(lambda actions: (actions == 0).sum())
    mean, sd, biases, evidence = by_brute_force(firsts.to_numpy(), 8)
    assert tree.attrs["verdict"].startswith("converged (population")
    for name, (first, second) in (("bias_mean", mean), ("bias_sd", sd)):
        told = tree.population[name]
        error = float(told.sel(statistic="mcse"))
        assert error < 0.05 * second
        assert abs(told.sel(statistic="mean") - first) < 4 * error
        assert abs(told.sel(statistic="sd") - second) < 0.05 * second
    told = tree.summary.bias
    assert (np.abs(told.sel(statistic="mean") - biases) < 4 * told.sel(statistic="mcse")).all()
    assert abs(float(tree.summary.log_evidence) - evidence) < 0.1
    assert (tree.summary.effective > 0.99).all()


def test_groups_are_told_apart_and_compared(two_groups):
    tree = pooled(two_groups)
    posterior = tree.posterior.to_dataset()
    assert posterior.bias.dims == ("chain", "draw", "user")
    assert posterior.bias_mean.dims == ("chain", "draw", "group")
    assert posterior.group.values.tolist() == ["control", "trained"]
    assert posterior.user_group.values.tolist() == ["control"] * 12 + ["trained"] * 12
    means = posterior.bias_mean
    apart = means.sel(group="trained") - means.sel(group="control")
    assert np.array_equal(posterior.bias_difference.sel(comparison="trained - control"), apart)
    told = tree.population.bias_difference.sel(comparison="trained - control")
    assert tree.population.attrs["interval"] == "90% equal-tailed"
    assert float(told.sel(statistic="low")) == pytest.approx(float(apart.quantile(0.05)))
    assert 0 < told.sel(statistic="low") < 1.5 < told.sel(statistic="high")
    assert np.array_equal(posterior.bias_typical, expit(means))


def test_a_group_is_what_it_is_without_the_others(two_groups):
    both = pooled(two_groups).population
    alone = pooled(two_groups[two_groups.group == "control"].drop(columns="group")).population
    for name in ("bias_mean", "bias_sd"):
        one, other = both[name].sel(group="control"), alone[name]
        error = np.hypot(one.sel(statistic="mcse"), other.sel(statistic="mcse"))
        assert abs(one.sel(statistic="mean") - other.sel(statistic="mean")) < 4 * error


def test_groups_are_in_the_order_of_their_categories(two_groups):
    order = pd.CategoricalDtype(["trained", "control"])
    tree = pooled(two_groups.astype({"group": order}), draws=50)
    assert tree.posterior.comparison.values.tolist() == ["control - trained"]
    assert tree.population.bias_difference.sel(statistic="mean").item() < 0


def test_a_run_a_table_and_shuffled_rows_give_the_same_fit(few):
    first = pooled(few, draws=50)
    shuffled = pooled(few.sample(frac=1, random_state=0), draws=50)
    assert first.posterior.to_dataset().equals(shuffled.posterior.to_dataset())
    by_episode = pooled(few.drop(columns="user"), draws=50, users="episode")
    assert first.posterior.to_dataset().equals(by_episode.posterior.to_dataset())


def test_pooled_means_are_nearer_to_the_truth_than_those_of_separate_fits():
    """30 people × 15 choices, 12 % of the root mean squared error or more, over 3 populations."""
    scales, rng = LEARNER.items(), np.random.default_rng(3)
    spread = {"learning_rate": np.hypot(1.5, 1.0), "inverse_temperature": np.hypot(0.75, 0.5)}
    alone = {name: OnScale(scale, scale.mean.mean(), spread[name]) for name, scale in scales}
    population, user = Population(LEARNER), RescorlaWagnerUser()
    errors = []
    for seed in range(3):
        points = np.stack([rng.normal(-0.5, 0.5, 30), rng.normal(1.2, 0.3, 30)], axis=-1)
        start = {f"user_state.{name}": values for name, values in population.values(points).items()}
        runs = Bundle(TASK, user, max_rounds=15).run(30, seed=seed, start=start)
        options = {"users": "episode", "draws": 100, "progress": False, "log_likelihood": False}
        for tree in (
            fit(TASK, user, runs, population=population, **options),
            fit(TASK, user, runs, alone, **options),
        ):
            means = [scale.points(tree.posterior[name]).mean(axis=(0, 1)) for name, scale in scales]
            errors.append((np.stack(means, axis=-1) - points) ** 2)
    together, separate = (np.sqrt(np.mean(errors[side::2], axis=(0, 1))) for side in (0, 1))
    assert (together < 0.88 * separate).all()


def test_intervals_cover_and_ranks_are_uniform():
    """40 populations of ten people; the benchmark does it with 400 of learners."""
    rng = np.random.default_rng(4)
    ranks = []
    for seed in range(40):
        mean, sd = MEAN.rvs(random_state=rng), SD.rvs(random_state=rng)
        tree = pooled(guessers(rng.normal(mean, sd, 10), 12, seed), draws=100, seed=seed)
        posterior = tree.posterior
        ranks.append([(posterior.bias_mean < mean).mean(), (posterior.bias_sd < sd).mean()])
    for values in np.array(ranks).T:
        covered = ((values > 0.05) & (values < 0.95)).mean()
        assert abs(covered - 0.9) < 3 * np.sqrt(0.9 * 0.1 / 40)
        assert stats.kstest(values, "uniform").pvalue > 0.01


@pytest.mark.parametrize("sd", [0.0, 0.05, 0.5, 3.0])
def test_mixtures_of_normals_are_the_likelihood(sd):
    """The integral under any normal, even of no width, and the draws, against quadrature."""
    n, low, spacing = 32, -5.0, 10 / 32

    def log_likelihood(x, y):
        return -np.logaddexp(0, -3 * x) - x**2 / 2 - 2 * (y - 0.5 * np.sin(x)) ** 2

    z = low + (np.arange(n) + 0.5) * spacing
    log = log_likelihood(*np.meshgrid(z, z, indexing="ij"))
    cells = Cells(np.full((1, 2), low), np.full((1, 2), spacing), log[None])
    surfaces = Surfaces.through(cells, np.zeros(2), np.ones(2))
    centre = np.array([0.3, -0.2])
    nodes = np.linspace(-7, 7, 1_001)
    weights = stats.norm.pdf(nodes) / stats.norm.pdf(nodes).sum()
    x, y = (centre[k] + sd * nodes for k in (0, 1))
    joint = np.exp(log_likelihood(x[:, None], y)) * np.outer(weights, weights)
    found = surfaces.log_integral(0, centre[None], np.full((1, 2), sd))[0]
    assert abs(found - np.log(joint.sum())) < 2e-3
    rng = np.random.default_rng(5)
    many = 20_000
    given = np.tile(centre, (many, 1)), np.full((many, 2), sd)
    points, outer = surfaces.draw(0, *given, rng.random((many, 2)), rng.normal(size=(many, 2)))
    assert outer.mean() < 0.01
    joint /= joint.sum()
    for k, values in enumerate((x, y)):
        share = joint.sum(axis=1 - k)
        mean = (share * values).sum()
        spread = np.sqrt((share * (values - mean) ** 2).sum())
        assert abs(points[:, k].mean() - mean) < 4 * spread / np.sqrt(many) + 1e-3
        assert abs(points[:, k].std() - spread) < 0.03 * spread + 1e-9


class Waiting(InteractionTask):
    """Counts the rounds."""

    def reset(self, rng):
        return State(n=0)

    def on_user_action(self, game, rng):
        return Transition(State(n=game.task_state.n + 1))


class Slow(Policy):
    """Takes at least `shift` seconds: what is faster is impossible, so the likelihood ends at a cliff."""

    action_space = spaces.real(0.0)

    def sample(self, observation, state, rng):
        return state.shift - 0.3 * np.log1p(-rng.random()), 0.0

    def log_prob(self, action, observation, state):
        waited = action - state.shift
        return np.where(waited >= 0, -waited / 0.3, -np.inf)


WAITER = User(policy=Slow(), state=State(shift=0.5), state_space=spaces.Dict(shift=spaces.real(0.0)))
SHIFT = Population({"shift": Log(mean=stats.norm(0, 1), sd=stats.halfnorm(0, 0.5))})


def waiting(people):
    shifts = np.exp(np.random.default_rng(6).normal(-0.7, 0.3, people))
    runs = Bundle(Waiting(), WAITER, max_rounds=20)
    return runs.run(people, seed=6, start={"user_state.shift": shifts})


def test_weights_set_right_what_mixtures_have_wrong():
    """They cannot follow a cliff. The truth is computed with points that lie dense below the cliffs."""
    runs = waiting(8)
    tree = pooled(runs, SHIFT, WAITER, task=Waiting(), users="episode", draws=1_000)
    assert tree.attrs["converged"] == 1
    assert (tree.summary.effective < 0.99).any()
    mean = np.linspace(-2.5, 1, 60)[:, None]
    sd = ((np.arange(60) + 0.5) / 60 * 1.5)[None]
    joint = stats.norm.logpdf(mean, 0, 1) + stats.halfnorm.logpdf(sd, 0, 0.5)
    below = np.linspace(0, 1, 401)[1:] ** 2 * 6
    for first in np.log(np.ma.getdata(runs["user_action"]).min(axis=1)):
        log = 20 * (np.exp(first - below) - np.exp(first)) / 0.3 + np.log(np.gradient(below))
        joint += logsumexp(stats.norm.logpdf(first - below, mean[..., None], sd[..., None]) + log, axis=-1)
    weights = np.exp(joint - joint.max())
    for name, values in (("shift_mean", mean), ("shift_sd", sd)):
        told, exact = tree.population[name], (weights * values).sum() / weights.sum()
        assert abs(told.sel(statistic="mean") - exact) < 4 * told.sel(statistic="mcse")


def test_weights_that_are_not_effective_are_told():
    """Of forty people with a cliff each, too few draws are worth much together."""
    with pytest.warns(ConvergenceWarning, match="NOT converged for 40 of 40 users"):
        tree = pooled(waiting(40), SHIFT, WAITER, task=Waiting(), users="episode", draws=100)
    assert tree.attrs["converged"] == 0
    assert not tree.summary.converged.any()
    assert "their weights, or those of their group together, are not effective" in tree.attrs["verdict"]
    with pytest.warns(ConvergenceWarning, match="NOT converged"):
        fitted_users(tree, 3)


def test_new_people_are_as_the_posterior_says(two_groups):
    tree = pooled(two_groups)
    people = fitted_users(tree, 4_000, group="trained")
    rng = np.random.default_rng(7)
    chosen = tree.posterior.to_dataset().sel(group="trained")
    mean, sd = (chosen[name].values.reshape(-1) for name in ("bias_mean", "bias_sd"))
    expected = expit(np.tile(mean, 20) + np.tile(sd, 20) * rng.normal(size=20 * len(mean)))
    assert stats.ks_2samp(people.values["bias"], expected).pvalue > 0.01
    prior = people.priors["bias"]
    shares = np.linspace(0.01, 0.99, 99)
    assert np.allclose(prior.ppf(shares), np.quantile(expected, shares), atol=0.01)
    assert np.allclose(prior.cdf(prior.ppf(shares)), shares)
    assert np.allclose(prior.sf(prior.isf(shares)), shares)
    assert np.allclose(prior.isf(shares), prior.ppf(1 - shares))
    assert (prior.cdf(0.0), prior.sf(1.0)) == (0, 0)
    again = fitted_users(tree, 10, group="trained").values["bias"]
    assert np.array_equal(people.values["bias"][:10], again)


def test_new_people_play_and_are_believed_in(two_groups):
    people = fitted_users(pooled(two_groups, draws=100), 200, group="control")
    runs = Bundle(TASK, RandomUser(), max_rounds=30).run(200, seed=8, start=people.start)
    side_by_side = Bundle(TASK, RandomUser(), max_rounds=30).run(2, seed=8, over=people.over)
    assert side_by_side.dimensions == ("episode", "person")
    assert (side_by_side.start["user_state.bias"] == people.values["bias"]).all()
    first = (runs["user_action"] == 0).mean(axis=1)
    bias = people.values["bias"]
    apart = (first - bias) / np.sqrt(bias * (1 - bias) / 30)  # standard deviations of a binomial share
    assert abs(apart.mean()) < 3 / np.sqrt(200)
    assert abs(apart.std() - 1) < 3 / np.sqrt(2 * 200)
    users = people.users(RandomUser())
    assert list(users) == [f"person {index}" for index in range(200)]
    assert users["person 3"].state.bias == people.values["bias"][3]
    belief = UserModelFilter(RandomUser(), Samples(people.priors, n=500))
    assert Samples(pickle.loads(pickle.dumps(people.priors))) == Samples(people.priors)
    watching = BelievingAssistant(belief, RandomPolicy(spaces.Discrete(2)))
    bundle = Bundle(MultiArmedBanditTask(n_demonstrations=40), RandomUser(0.05), watching, max_rounds=40)
    bundle.reset(seed=8)
    before = belief.posterior(bundle.game.assistant_state).mean("bias")
    while not (step := bundle.step()).done:
        pass
    assert abs(before - people.priors["bias"].ppf((np.arange(500) + 0.5) / 500).mean()) < 0.03
    assert belief.posterior(step.game.assistant_state).mean("bias") < before


def test_new_people_need_a_population_and_a_group(two_groups, few):
    separate = fit(TASK, RandomUser(), few, {"bias": stats.uniform(0, 1)}, draws=20, progress=False)
    with pytest.raises(ArgumentError, match="got one without"):
        fitted_users(separate, 5)
    tree = pooled(two_groups, draws=50)
    with pytest.raises(UnknownNameError, match="Valid names: control, trained"):
        fitted_users(tree, 5, group="contrl")
    with pytest.raises(ArgumentError, match="say of which group, by group=: control, trained"):
        fitted_users(tree, 5)
    with pytest.raises(ArgumentError, match="n: expected a number >= 1, got 0"):
        fitted_users(tree, 0, group="control")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.assign(group="a"), "'group' holds one group alone, 'a'"),
        (lambda f: f.assign(group=f.group.where(f.index != 7)), "row 7: group is missing"),
        (
            lambda f: f.assign(group=f.group.where(f.index != 25, "trained")),
            "row 25: user 1 is in group 'trained', but in group 'control' before",
        ),
        (lambda f: f[f.user < 13], "group 'trained': expected two people or more, got one"),
        (lambda f: f.assign(user=f.user.where(f.index != 5)), "row 5: user is missing"),
        (
            lambda f: f.astype({"user": pd.CategoricalDtype([*range(24), 99])}),
            "user 99 has no rounds",
        ),
        (lambda f: f.iloc[:0], "no rows"),
        (lambda f: f.drop(columns="user"), "a column 'user' that tells them apart"),
        (lambda f: f[f.user == 0].drop(columns="group"), "several people, got the data of one: 0"),
    ],
)
def test_bad_tables_are_refused_before_anything_is_computed(two_groups, change, message):
    with pytest.raises(ArgumentError, match=message):
        pooled(change(two_groups))


def test_a_group_without_a_population_is_refused(two_groups):
    with pytest.raises(ArgumentError, match="the column 'group' is for populations"):
        fit(TASK, RandomUser(), two_groups, {"bias": stats.uniform(0, 1)})


@pytest.mark.parametrize(
    ("space", "scale", "message"),
    [
        (spaces.real(0.0, 10.0), Logit(MEAN, SD), r"Logit goes from 0 to 1.*low=0, high=10"),
        (spaces.real(0.0), Logit(MEAN, SD), r"say Log\(\.\.\.\)"),
        (spaces.real(0.0, 10.0), Log(MEAN, SD), r"low=0, high=10"),
        (spaces.real(2.0), Log(MEAN, SD), r"Log\(\.\.\., low=2\)"),
        (spaces.real(0.0, 1.0), Identity(MEAN, SD), r"Identity goes from -inf to inf"),
        (spaces.real(0.0, 1.0), Logit(MEAN, SD, low=-1, high=1), r"goes from -1 to 1"),
        (spaces.real(), Logit(MEAN, SD), r"say Identity"),
    ],
)
def test_a_scale_that_does_not_fit_its_space_is_refused(space, scale, message):
    user = RandomUser().replace(state_space=spaces.Dict(bias=space))
    with pytest.raises(SpaceError, match=rf"population: bias: .*{message}"):
        fit(TASK, user, None, population=Population({"bias": scale}))


@pytest.mark.parametrize(
    ("space", "scale"),
    [
        (spaces.real(0.0, 10.0), Logit(MEAN, SD, low=0, high=10)),
        (spaces.real(0.0, 1.0), Logit(MEAN, SD, low=0, high=0.5)),
        (spaces.real(2.0), Log(MEAN, SD, low=2)),
        (spaces.real(), Identity(MEAN, SD)),
        (spaces.real(), Log(MEAN, SD)),
    ],
)
def test_a_scale_may_be_a_part_of_the_space_where_that_is_said(space, scale):
    user = RandomUser(0.4).replace(state=State(bias=2.5), state_space=spaces.Dict(bias=space))
    Population({"bias": scale}).check(user, "test")
    values = scale.values(np.linspace(-3, 3, 7))
    assert np.allclose(scale.points(values), np.linspace(-3, 3, 7))
    assert (values >= space.low).all()
    assert (values <= space.high).all()


def test_a_scale_that_leaves_out_the_users_own_value_is_refused_where_no_space_is_declared(few):
    five, half = (User(policy=RandomUser().policy, state=State(bias=bias)) for bias in (5.0, 0.5))
    with pytest.raises(SpaceError, match=r"Logit goes from 0 to 1, but the user has bias=5: say Logit\("):
        pooled(few, user=five)
    BIAS.check(half, "test")
    Population({"bias": Logit(MEAN, SD, low=0, high=1)}).check(five, "test")  # it is said


def test_what_is_no_population_is_refused(few):
    with pytest.raises(ArgumentError, match="priors or a population, got both"):
        pooled(few, priors={"bias": stats.uniform(0, 1)})
    with pytest.raises(ArgumentError, match="priors or a population, got neither"):
        fit(TASK, RandomUser(), few)
    with pytest.raises(ArgumentError, match=r"priors: got a Population: say population=\.\.\."):
        fit(TASK, RandomUser(), few, BIAS)
    with pytest.raises(ArgumentError, match="expected a Population, got"):
        pooled(few, population=Logit(MEAN, SD))
    with pytest.raises(ArgumentError, match="method='grid', got method='particles'"):
        pooled(few, method="particles")
    with pytest.raises(UnknownNameError, match=r"there is no 'bais'. Did you mean 'bias'"):
        pooled(few, population=Population({"bais": Logit(MEAN, SD)}))
    with pytest.raises(ArgumentError, match="Population: bias: expected Logit, Log or Identity"):
        Population({"bias": stats.norm(0, 1)})
    with pytest.raises(ArgumentError, match="expected scales by parameter"):
        Population({})
    with pytest.raises(ArgumentError, match=r"Logit: sd: .* begins at -inf"):
        Logit(mean=MEAN, sd=stats.norm(0, 1))
    with pytest.raises(ArgumentError, match=r"Log: mean: .* scipy.stats.norm\(0, 1.5\), got 0"):
        Log(mean=0, sd=SD)
    with pytest.raises(ArgumentError, match="Logit: expected low < high"):
        Logit(MEAN, SD, low=1, high=1)
    with pytest.raises(ArgumentError, match="single real number"):
        fit(TASK, RescorlaWagnerUser(), few, population=Population({"q": Logit(MEAN, SD)}))


def test_people_who_draw_are_sent_to_fits_of_their_own():
    """Not to method="particles" of a population, which there is not."""
    task, eye = LookingTask(), NoisyEye()
    runs = Bundle(task, eye, max_rounds=3).run(2, seed=0)
    noise = Population({"noise": Log(MEAN, SD)})
    with pytest.raises(
        LatentDrawError, match=r"fit each person by itself, with priors and method=\"particles"
    ):
        pooled(runs, noise, eye, task, users="episode")


def test_who_converged_is_not_warned_of(few):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pooled(few).attrs["converged"] == 1
