"""Checks populations at length: coverage, ranks, and agreement with numpyro's NUTS.

Run `python benchmarks/populations.py`. Learners of a bandit, 30 people × 15 choices, with means and standard
deviations drawn from their priors: 90 % intervals of these must cover them in 90 % of 400 populations, their
ranks among posterior draws must be uniform, and the people's means must be nearer to the truth than those of
separate fits. Where numpyro is installed, one population is also fitted by NUTS, with the learner written out
by hand; it needs `pip install numpyro`.
"""

from __future__ import annotations

import sys
import time
import warnings
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import Table, run
from scipy import stats

from interaction import Bundle, Log, Logit, Population, fit
from interaction.errors import ConvergenceWarning
from interaction.fitting.population import OnScale
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.users.bandit import RescorlaWagnerUser

Array = NDArray[Any]

TASK, USER = MultiArmedBanditTask([0.2, 0.8]), RescorlaWagnerUser()
SCALES = {
    "learning_rate": Logit(mean=stats.norm(0, 1.5), sd=stats.halfnorm(0, 1)),
    "inverse_temperature": Log(mean=stats.norm(1, 0.75), sd=stats.halfnorm(0, 0.5)),
}
POPULATION = Population(SCALES)
PEOPLE, CHOICES = 30, 15


def alone(scale: Any) -> OnScale:
    """Give what a person is before anything is known, as a normal of the same mean and variance."""
    within = scale.sd.var() + scale.sd.mean() ** 2
    return OnScale(scale, scale.mean.mean(), np.sqrt(scale.mean.var() + within))


ALONE = {name: alone(scale) for name, scale in SCALES.items()}


def simulated(seed: int) -> tuple[dict[str, float], Array, Any]:
    """Draw a population: means and sds by name, people `(people, parameters)` on scales, and their run."""
    rng = np.random.default_rng(seed)
    true = {
        f"{name}_{what}": float(getattr(scale, what).rvs(random_state=rng))
        for name, scale in SCALES.items()
        for what in ("mean", "sd")
    }
    mean, sd = (np.array([true[f"{name}_{what}"] for name in SCALES]) for what in ("mean", "sd"))
    points = mean + sd * rng.normal(size=(PEOPLE, len(SCALES)))
    start = {f"user_state.{name}": values for name, values in POPULATION.values(points).items()}
    return true, points, Bundle(TASK, USER, max_rounds=CHOICES).run(PEOPLE, seed=seed, start=start)


def on_scales(tree: Any) -> Array:
    """Give the people's posterior means, on scales: `(people, parameters)`."""
    draws = [scale.points(tree.posterior[name].values) for name, scale in SCALES.items()]
    return np.stack([one.mean(axis=(0, 1)) for one in draws], axis=-1)


def study(count: int, draws: int) -> tuple[dict[str, tuple[float, float]], Array, int]:
    """Fit so many populations, pooled and separately.

    Gives for each mean and sd the coverage of 90 % intervals and the p value of uniform ranks; the squared
    errors `(2, populations, people, parameters)` of pooled and separate means; and how many did not converge.
    """
    ranks: dict[str, list[float]] = {}
    errors, bad = [], 0
    play = partial(fit, TASK, USER, users="episode", log_likelihood=False, progress=False, draws=draws)
    for seed in range(count):
        true, points, runs = simulated(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            pooled, separate = play(runs, population=POPULATION, seed=seed), play(runs, priors=ALONE)
        bad += not pooled.attrs["converged"]
        errors.append([(on_scales(tree) - points) ** 2 for tree in (pooled, separate)])
        for name, value in true.items():
            below = float((pooled.posterior[name].values < value).mean())
            ranks.setdefault(name, []).append(below)
        if seed % 20 == 19:
            print(f"{seed + 1} populations", file=sys.stderr, flush=True)
    told = {}
    for name, values in ranks.items():
        share = np.array(values)
        told[name] = (
            float(((share > 0.05) & (share < 0.95)).mean()),
            float(stats.kstest(share, "uniform").pvalue),
        )
    return told, np.moveaxis(np.array(errors), 1, 0), bad


def by_nuts(runs: Any, draws: int) -> dict[str, tuple[float, float]]:
    """Give the posterior means and their Monte Carlo errors by numpyro's NUTS, for the learner by hand."""
    import jax
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions as dist
    from numpyro.diagnostics import summary

    numpyro.enable_x64()
    actions = jnp.array(np.ma.getdata(runs["user_action"]))
    outcomes = jnp.array(np.ma.getdata(runs["task_state.outcome"]))

    def log_likelihood(alpha: Any, beta: Any, chosen: Any, paid: Any) -> Any:
        def choice(values: Any, trial: Any) -> Any:
            action, outcome = trial
            log_prob = jax.nn.log_softmax(beta * values)[action]
            return values.at[action].add(alpha * (outcome - values[action])), log_prob

        return jax.lax.scan(choice, jnp.full(2, 0.5), (chosen, paid))[1].sum()

    def model() -> None:
        mean_a = numpyro.sample("learning_rate_mean", dist.Normal(0, 1.5))
        sd_a = numpyro.sample("learning_rate_sd", dist.HalfNormal(1))
        mean_b = numpyro.sample("inverse_temperature_mean", dist.Normal(1, 0.75))
        sd_b = numpyro.sample("inverse_temperature_sd", dist.HalfNormal(0.5))
        with numpyro.plate("people", PEOPLE):
            a = mean_a + sd_a * numpyro.sample("a", dist.Normal(0, 1))
            b = mean_b + sd_b * numpyro.sample("b", dist.Normal(0, 1))
        alpha = numpyro.deterministic("learning_rate", jax.nn.sigmoid(a))
        beta = numpyro.deterministic("inverse_temperature", jnp.exp(b))
        numpyro.factor("choices", jax.vmap(log_likelihood)(alpha, beta, actions, outcomes).sum())

    kernel = numpyro.infer.NUTS(model, target_accept_prob=0.95)
    chains = numpyro.infer.MCMC(
        kernel,
        num_warmup=1_000,
        num_samples=draws,
        num_chains=4,
        chain_method="vectorized",
        progress_bar=False,
    )
    chains.run(jax.random.PRNGKey(0))
    found = {}
    for name, told in summary(chains.get_samples(group_by_chain=True)).items():
        if name not in ("a", "b"):
            for index in np.ndindex(np.shape(told["mean"])):
                label = f"{name}[{index[0]}]" if index else name
                error = told["std"][index] / np.sqrt(told["n_eff"][index])
                found[label] = (float(told["mean"][index]), float(error))
    return found


def agreement(draws: int) -> dict[str, float]:
    """Give by how many Monte Carlo errors our means and those of NUTS differ."""
    _, _, runs = simulated(0)
    theirs = by_nuts(runs, draws)
    options: dict[str, Any] = {"users": "episode", "log_likelihood": False, "progress": False}
    tree = fit(TASK, USER, runs, population=POPULATION, draws=draws, **options)
    apart = {}
    for name, (mean, error) in theirs.items():
        plain, _, index = name.partition("[")
        told = (tree.summary if index else tree.population)[plain]
        told = told[:, int(index[:-1])] if index else told
        own, own_error = (float(told.sel(statistic=what)) for what in ("mean", "mcse"))
        apart[name] = (own - mean) / np.hypot(error, own_error)
    return apart


def main(quick: bool) -> list[Table]:
    """Measure everything."""
    count, draws = (4, 100) if quick else (400, 250)
    begun = time.process_time()
    told, errors, bad = study(count, draws)
    took = time.process_time() - begun
    table = Table(f"Populations of {PEOPLE} people × {CHOICES} choices")
    for name, (covered, p) in told.items():
        what = f"90 % intervals cover {name}"
        table.add(what, f"{covered:.3f}", "", "0.90 ± 0.03", abs(covered - 0.9) <= 0.03)
        table.add(f"uniform ranks of {name}, p", f"{p:.3f}", "", "> 0.01", p > 0.01)
    for k, name in enumerate(SCALES):
        pooled, separate = np.sqrt(errors[..., k].mean(axis=(1, 2)))
        gain = 1 - pooled / separate
        what = f"RMSE of {name}, below separate fits by"
        table.add(what, f"{gain:.1%}", "", ">= 12 %", bool(gain >= 0.12))
    table.add(f"{count} populations, pooled and separate", f"{took:.0f} s", seconds=took)
    table.add("did not converge", str(bad))
    try:
        import numpyro  # noqa: F401
    except ImportError:
        table.add("agreement with NUTS", "numpyro is not installed")
    else:
        apart = agreement(500 if quick else 4_000)
        groups = max(abs(value) for name, value in apart.items() if "[" not in name)
        people = np.array([value for name, value in apart.items() if "[" in name])
        what = "means and sds against NUTS, Monte Carlo errors apart"
        table.add(what, f"{groups:.2f}", "", "<= 3", groups <= 3)
        reached = bool(np.abs(people).max() <= stats.norm.isf(0.0027 / 2 / len(people)))
        what = f"{len(people)} means of people against NUTS, the same"
        table.add(what, f"{np.abs(people).max():.2f}", "", "<= 3, of all together", reached)
    return [table]


if __name__ == "__main__":
    run(main, __doc__)
