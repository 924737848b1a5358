"""Natural components play in batches what they play in single episodes, to the bit."""

import importlib

import numpy as np
import pytest

from interaction.state import flatten
from interaction.turns import SOURCES
from tests.natural.corpus import LIFTING_NOT_EXPECTED, NATURAL, natural, singly
from tests.natural.menu import menu_search
from tests.natural.tutor import tutoring

THEMES = (
    "alone",
    "arithmetic",
    "branches",
    "choosing",
    "grids",
    "learning",
    "looking",
    "lookups",
    "simulating",
    "sources",
    "vectors",
)
for theme in THEMES:
    importlib.import_module(f"tests.natural.{theme}")
natural(menu_search)
natural(tutoring)

SEED = 3
try:
    ways = importlib.import_module("interaction.batching").ways
except (ImportError, AttributeError):
    ways = None


def played(make):
    """The bundle that is tried; without lifting, one that is played episode by episode."""
    return make() if ways else singly(make())


def by_hand(make, episodes):
    """Play episodes one by one; give the steps of each."""
    bundle = make()
    steps = []
    for episode in episodes:
        bundle.reset(seed=SEED, episode=episode)
        steps.append([bundle.step()])
        while not steps[-1][-1].done:
            steps[-1].append(bundle.step())
    return steps


@pytest.fixture(scope="module", params=NATURAL, ids=str)
def pair(request):
    make = NATURAL[request.param]
    return make, by_hand(make, range(200))


def same_bits(first, second):
    """Whether two arrays hold the same, signs of zeros and kinds of numbers included."""
    first, second = np.asarray(first), np.asarray(second)
    equal = first.shape == second.shape and first.dtype.kind == second.dtype.kind
    if first.dtype.kind == "U":
        return equal and (first == second).all()
    return equal and first.tobytes() == second.astype(first.dtype).tobytes()


def compare(runs, steps):
    """Raise where the run of some episodes differs from the same episodes by hand."""
    assert runs.lengths.tolist() == [len(episode) for episode in steps]
    assert runs.terminated.tolist() == [episode[-1].terminated for episode in steps]
    rounds = int(runs.lengths.max())
    found = {}
    for row, episode in enumerate(steps):
        totals = np.zeros(len(SOURCES))
        for number in range(rounds):
            step = episode[min(number, len(episode) - 1)]
            values = dict(flatten(step.game))
            for source, reward in zip(SOURCES, step.rewards, strict=True):
                values[f"rewards.{source}"] = reward if number < len(episode) else 0
            for path, value in values.items():
                if value is not None:
                    found.setdefault(path, []).append(((row, number), value))
            if number < len(episode):
                totals += np.array(step.rewards, float)
        assert all(
            same_bits(runs.rewards[source][row], total) for source, total in zip(SOURCES, totals, strict=True)
        ), row
    assert set(runs) == set(found)
    for path, entries in found.items():
        where = tuple(np.transpose([place for place, _ in entries]))
        expected = np.array([value for _, value in entries])
        assert same_bits(expected, runs[path][where]), path


def test_a_batch_is_its_single_episodes(pair):
    make, steps = pair
    compare(played(make).run(200, seed=SEED, record="all"), steps)


@pytest.mark.parametrize("episodes", [range(7), range(7, 10), range(10, 160), [7, 3, 150]], ids=str)
def test_so_it_is_in_any_chunk(pair, episodes):
    make, steps = pair
    runs = played(make).run(list(episodes), seed=SEED, record="all")
    compare(runs, [steps[episode] for episode in episodes])


def test_its_episodes_part(pair):
    _, steps = pair
    assert len({tuple(step.rewards.total for step in episode) for episode in steps}) > 3


@pytest.mark.skipif(ways is None, reason="the engine does not lift yet")
@pytest.mark.parametrize("name", sorted(NATURAL.keys() - LIFTING_NOT_EXPECTED))
def test_it_is_lifted(name):
    bundle = NATURAL[name]()
    bundle.run(2_000, seed=SEED, record="final")
    assert "episode by episode" not in ways(bundle).values(), ways(bundle)


def test_few_need_single_episodes():
    assert len(NATURAL) >= 60
    assert len(LIFTING_NOT_EXPECTED) <= 10
