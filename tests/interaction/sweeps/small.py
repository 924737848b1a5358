"""A sweep that is played in no time, and others like it that go wrong."""

import itertools
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from interaction import Bundle, RandomPolicy, State, User, spaces
from interaction.assistants.coordination import CoordinatedAssistant
from interaction.studies import Sweep
from interaction.tasks.coordination import CoordinatedTask
from interaction.users.coordination import PseudoRandomUser

OVER = {"who": ["random", "habit"], "limit": [5, 8]}


def make_bundle(who, limit):
    model = PseudoRandomUser(p0=3)
    user = model if who == "habit" else User(policy=RandomPolicy(spaces.Discrete(10)), state=State(p0=3))
    return Bundle(CoordinatedTask(), user, CoordinatedAssistant(model), max_rounds=limit)


def unequal():
    """Give a game whose episodes have unequal lengths."""
    return make_bundle("random", 400)


def whole(who, limit):
    return make_bundle(who, int(limit))


def reached(runs):
    return runs["task_state.x"][:, -1]


def slowly(runs):
    """Take 20 ms a chunk, of which it is asked four times."""
    time.sleep(0.005)
    return reached(runs)


def sometimes(runs):
    """Has no value in every third episode."""
    return np.ma.array(runs.returns, mask=runs.episodes % 3 == 0)


def sweep(episodes=60, measure=None, **options):
    measure = {"rounds": "lengths", "reached": reached} if measure is None else measure
    given = {"record": ["task_state.x"], "chunk": 8} | options
    return Sweep(make_bundle, OVER, episodes, 5, measure=measure, **given)


def pool(workers=2):
    """Give an executor that starts sooner than loky's, and forks nothing."""
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


def files(folder):
    """Give the content of each file that a sweep leaves, by its path."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }


def in_32_bits(runs):
    """Give a mean over the rounds played, whose last digits follow from the order of the sum."""
    known = np.where(runs.played, np.sin(runs["task_state.x"]), 0.0).astype(np.float32)
    return known.sum(axis=1) / runs.lengths.astype(np.float32)


def rare(runs):
    """Tell of what happens in one of a hundred games of five rounds."""
    return runs["task_state.x"][:, -1] >= 3


def four(runs):
    return 0 * runs.lengths + 4


def late(runs):
    """Has no value in the first 200 episodes."""
    return np.ma.array(runs["task_state.x"][:, -1], mask=runs.episodes < 200)


# What goes wrong.


def by_chance(runs):
    return np.random.random(len(runs.episodes))  # noqa: NPY002  # the global state, which is what is wrong


COUNT = itertools.count()


def counted(runs):
    return runs.lengths + next(COUNT)


def beside(runs):
    return runs.lengths - runs.lengths.mean()


def after_the_end(runs):
    return runs["task_state.x"].mean(axis=1)


def presses(runs):
    """Count rounds, also those that were not played: as it should be where the last one does not count."""
    return (runs["user_action"] == 3).sum(axis=1)


def after_the_end_in_32_bits(runs):
    return runs["task_state.x"].astype(np.float32).mean(axis=1)


def without_outliers(runs):
    lengths = runs.lengths.astype(float)
    return np.ma.array(lengths, mask=abs(lengths - lengths.mean()) > 2 * lengths.std())


def of_the_first_round(runs):
    """Compare episodes that are all equally long with each other."""
    first = runs["user_action"][:, 0]
    return first - first.mean()


def enormous(runs):
    return runs.lengths * 0 + 2**53 + 1


def imaginary(runs):
    return runs.lengths + 1j


def written(runs):
    return [str(one) for one in runs.lengths]


def fails(runs):
    return reached(runs)


class Fails(PseudoRandomUser):
    """Raises in episodes that begin with a draw above 0.97: some 3 in 100."""

    def reset(self, rng):
        if rng.random() > 0.97:
            raise ZeroDivisionError("division by what was drawn")
        return super().reset(rng)


def failing_bundle(who, limit):
    bundle = make_bundle("habit", limit)
    return bundle.replace(user=Fails()) if who == "random" else bundle


def no_bundle(who, limit):
    return who, limit


def raising(who, limit):
    raise KeyError(who)


def ending(who, limit):
    if who == "random":
        sys.exit("no such user")
    return make_bundle(who, limit)


class Ends(PseudoRandomUser):
    """Ends the process, it believes, in some episodes."""

    def reset(self, rng):
        return sys.exit() if rng.random() > 0.9 else super().reset(rng)


def ended_bundle(who, limit):
    bundle = make_bundle("habit", limit)
    return bundle.replace(user=Ends()) if who == "random" else bundle


def ends(runs):
    return sys.exit(0) if 30 in runs.episodes else runs.lengths


def fatal(runs):
    """Ends the process that plays the cell of five rounds."""
    if runs.lengths.max() == 5:
        os._exit(9)
    return runs.lengths
