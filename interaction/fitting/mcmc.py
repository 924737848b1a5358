"""Posteriors by Markov chain Monte Carlo: emcee's ensembles, all users and chains in lockstep.

One ensemble asks for the probability of a few dozen points at a time, and replaying an episode costs nearly
the same for a dozen points as for a thousand. So each ensemble runs in a thread of its own, the threads
wait for each other at every question, and all their points are replayed as one batch.

Source: Foreman-Mackey, Hogg, Lang & Goodman 2013, "emcee: the MCMC hammer"; the moves are those of ter Braak
2006 (differential evolution). Moves drawn from a kernel density of the walkers left some of them behind in
narrow tails, where a parameter is hardly known, so that standard deviations were off by up to 70 %.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from interaction.errors import missing_extra
from interaction.fitting.estimate import R_HAT, Estimate, far_out, gelman_rubin, together
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.priors import Priors
from interaction.fitting.tempering import raise_power
from interaction.inference.particles import systematic
from interaction.progress import Progress
from interaction.random import EpisodeRandom

Array = NDArray[Any]

_SCATTER = 16  # prior draws for each walker, from which the walkers start
_WARM_UP = 100
_STEPS = 100  # between two looks at the chains
_MOST_STEPS = 2_000  # after the warm-up; the first half of all steps taken does not count
_ENOUGH = 20  # autocorrelation times that the chains must last
_SPREAD = 0.1  # by how much of it the standard deviation may differ between the halves of the steps
_AT_ONCE = 64  # ensembles


def by_mcmc(
    likelihood: Likelihood,
    priors: Priors,
    *,
    chains: int = 4,
    draws: int = 1_000,
    seed: int = 0,
    progress: bool = False,
    label: str = "mcmc",
) -> Estimate:
    """Give each user's posterior by `chains` ensembles of walkers (needs the extra `inference`).

    The chains go on until R-hat is below 1.05, of the chains and of all walkers, each has lasted 20
    autocorrelation times, and the standard deviations of both halves are within 10 %; or for 2,000 steps
    after the warm-up: then the user is not converged. The second half of the steps is what counts. The
    evidence is not known by this method (NaN).
    """
    one_thread = import_extras()
    users = len(likelihood.observed.users)
    block = max(_AT_ONCE // chains, 1)
    parts = []
    # Many threads of emcee, each with several of a linear algebra library, would wait for each other.
    with one_thread(), Progress(label, unit="replays", shown=progress) as bar:
        for first in range(0, users, block):
            chosen = np.arange(first, min(first + block, users))
            parts.append(_block(likelihood.select(chosen), priors, chosen, chains, draws, seed, bar))
    return together(parts)


def import_extras() -> Any:
    """Import what this method needs; give what limits linear algebra to one thread."""
    try:
        import emcee  # noqa: F401
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise missing_extra(error.name or "emcee", "inference", "fit with method='mcmc'") from None
    return lambda: threadpool_limits(1)


def _block(
    likelihood: Likelihood,
    priors: Priors,
    users: Array,
    chains: int,
    draws: int,
    seed: int,
    bar: Progress,
) -> Estimate:
    count, d = len(users), len(priors)
    walkers = max(16 * d, 64)
    start = _start(likelihood, priors, users, chains, walkers, seed)
    seeds = np.random.SeedSequence(seed).spawn(1)[0].generate_state(1)[0] + np.arange(chains)[None]
    seeds = (seeds + 7919 * users[:, None]) % 2**32
    lockstep = _Lockstep(likelihood, priors, (count, chains), bar)
    samplers = [
        _ensemble(walkers, d, lockstep.question(user, chain), int(seeds[user, chain]))
        for user in range(count)
        for chain in range(chains)
    ]
    states: list[Any] = [start[user, chain] for user in range(count) for chain in range(chains)]
    lockstep.run(samplers, states, _WARM_UP)
    for sampler in samplers:
        sampler.reset()
    states = [None] * len(samplers)
    for taken in range(_STEPS, _MOST_STEPS + 1, _STEPS):
        lockstep.run(samplers, states, _STEPS)
        # Walkers that came from far away would widen what they have in their chains for long.
        gone = taken // 2
        # (ensembles, steps, walkers, d)
        kept = np.stack([sampler.get_chain(discard=gone) for sampler in samplers])
        kept = kept.reshape(count, chains, *kept.shape[1:])
        time = np.stack([sampler.get_autocorr_time(discard=gone, quiet=True, tol=0) for sampler in samplers])
        time = np.nan_to_num(time, nan=1.0).reshape(count, chains, d)
        values = priors.table(kept).reshape(count, chains, -1, d)
        r_hat = gelman_rubin(values)
        # A walker that is stuck hardly shows in the mean of its chain, nor in the mean autocorrelation.
        by_walker = np.moveaxis(values.reshape(kept.shape), 3, 2).reshape(count, -1, kept.shape[2], d)
        long_enough = kept.shape[2] >= _ENOUGH * time.max(axis=1)
        agreed = (r_hat < R_HAT) & (gelman_rubin(by_walker) < R_HAT)
        converged = (agreed & long_enough & _steady(values.reshape(kept.shape))).all(axis=1)
        if converged.all():
            break
    # The walkers in turn, and the steps evenly: every so many of all would be the same few walkers' only.
    turn = np.arange(draws)
    picked = turn * kept.shape[2] // draws * walkers + turn % walkers
    flat = values.reshape(count, -1, d)
    mean, sd = flat.mean(axis=1), flat.std(axis=1)
    apart = values.mean(axis=2).std(axis=1, ddof=1) / np.sqrt(chains) if chains > 1 else np.zeros_like(sd)
    ess = (values.shape[2] / np.maximum(time, 1.0)).sum(axis=1)
    mcse = np.maximum(apart, sd / np.sqrt(ess))
    return Estimate(
        priors.names,
        values[:, :, picked],
        mean,
        sd,
        mcse,
        ess,
        r_hat,
        np.full(count, np.nan),
        converged,
        far=far_out(kept.reshape(count, chains, -1, d)),
    )


def _steady(values: Array) -> Array:
    """Whether the spread is that of both halves of the steps: `(users, parameters)`.

    `values` `(users, chains, steps, walkers, parameters)`. Where some walkers were far away for a while, or
    tails are so heavy that they are rarely visited, it is not.
    """
    first, second = (half.std(axis=(1, 2, 3)) for half in np.array_split(values, 2, axis=2))
    return np.asarray(np.abs(first - second) <= _SPREAD * np.minimum(first, second))


def _start(
    likelihood: Likelihood, priors: Priors, users: Array, chains: int, walkers: int, seed: int
) -> Array:
    """Choose the walkers' starts among draws from the prior, those of higher likelihood more often."""
    count, d, scatter = len(users), len(priors), _SCATTER * walkers
    rng = EpisodeRandom(seed, episodes=users).at(0, 0)
    z = ndtri(np.maximum(rng.random((chains * scatter * d,)), 2.0**-54)).reshape(count, chains, scatter, d)
    log = likelihood.total(priors.at_coordinates(z.reshape(count, -1, d))).reshape(z.shape[:-1])
    weights, _, _ = raise_power(log, np.zeros((count, chains)))
    index = systematic(weights, rng.random((chains,)))[..., ::_SCATTER]
    chosen = np.take_along_axis(z, index[..., None], axis=-2)
    apart = ndtri(np.maximum(rng.random((chains * walkers * d,)), 2.0**-54)).reshape(chosen.shape)
    started: Array = chosen + 1e-3 * apart  # no two walkers at the same place
    return started


def _ensemble(walkers: int, d: int, question: Any, seed: int) -> Any:
    import emcee

    sampler = emcee.EnsembleSampler(walkers, d, question, moves=emcee.moves.DEMove(), vectorize=True)
    sampler.random_state = np.random.RandomState(seed).get_state()  # what emcee takes
    return sampler


class _Lockstep:
    """Answers the questions of all ensembles at once: each waits until all have asked."""

    def __init__(self, likelihood: Likelihood, priors: Priors, shape: tuple[int, int], bar: Progress) -> None:
        self.likelihood, self.priors, self.shape, self.bar = likelihood, priors, shape, bar
        self.asked: list[Array] = [np.empty(0)] * (shape[0] * shape[1])
        self.answers: Array = np.empty(0)
        self.error: BaseException | None = None
        self.barrier = Barrier(len(self.asked), self._answer)

    def question(self, user: int, chain: int) -> Any:
        place = user * self.shape[1] + chain

        def ask(z: Array) -> Array:
            self.asked[place] = z
            self.barrier.wait()
            found: Array = self.answers[place]
            return found

        return ask

    def _answer(self) -> None:
        """Replay what all have asked; after an error the ensembles walk on idly, and `run` raises it."""
        z = np.stack(self.asked)
        self.answers = np.full(z.shape[:-1], -np.inf)
        if self.error is not None:
            return
        try:
            self.bar.update()
            users, d = self.shape[0], z.shape[-1]
            log = self.likelihood.total(self.priors.at_coordinates(z.reshape(users, -1, d)))
            self.answers = log.reshape(z.shape[:-1]) - 0.5 * (z**2).sum(axis=-1)
        except BaseException as error:  # in a thread of emcee's, which would print it
            self.error = error

    def run(self, samplers: list[Any], states: list[Any], steps: int) -> None:
        """Let all ensembles take some steps."""

        def go(pair: tuple[Any, Any]) -> None:
            sampler, state = pair
            sampler.run_mcmc(state, steps, skip_initial_state_check=True)

        with ThreadPoolExecutor(len(samplers)) as threads:
            list(threads.map(go, zip(samplers, states, strict=True)))
        if self.error is not None:
            raise self.error
