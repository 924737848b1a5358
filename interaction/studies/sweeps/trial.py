"""The trial of a cell before its chunks are played: whether it repeats itself, and how long it takes."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from interaction.errors import ArgumentError
from interaction.studies.sweeps.cells import Cell
from interaction.studies.sweeps.chunk import (
    BESIDE,
    OTHERWISE,
    Chunk,
    Job,
    bundle_of,
    play,
    same_measures,
    table_of,
)
from interaction.studies.sweeps.parquet import encode

LARGEST = 2**18
"""Episodes of a chunk at most."""

MOST_BYTES = 2**26
"""Recorded bytes of a chunk at most."""


class UnrepeatableError(ArgumentError):
    """Episodes that were played twice did not come out the same."""


def check_again(job: Job, chunk: Chunk) -> None:
    """Play a chunk with a bundle made anew, and in parts; raise `UnrepeatableError` unless it is the same."""
    runs, measures = play(job, chunk)
    bundle = bundle_of(job.make_bundle, chunk.cell)
    if encode(table_of(job, chunk, *play(job, chunk, bundle))) != encode(
        table_of(job, chunk, runs, measures)
    ):
        raise UnrepeatableError(OTHERWISE)
    places = [*(min(chunk.first + count, chunk.stop) for count in (0, 1, 3)), chunk.stop]
    parts = [play(job, Chunk(chunk.cell, *ends), bundle)[1] for ends in pairwise(places) if ends[0] < ends[1]]
    for name, values in measures.items():
        if not same_measures(values, np.ma.concatenate([part[name] for part in parts])):  # type: ignore[no-untyped-call]
            raise UnrepeatableError(BESIDE.format(name))


@dataclass(frozen=True)
class Trial:
    """What the first episodes of a cell tell: the seconds that one takes, and the bytes that it records."""

    cell: Cell
    seconds: float
    bytes: float


_LOCKSTEP = 64  # episodes below which those that are played together take as long as many more
_ENOUGH, _AMPLE = 0.1, 0.3  # of the seconds that a chunk is to take, for the last play of a trial
_SHARE = 8  # of the episodes, one in so many is played in a trial at most


def try_cell(job: Job, cell: Cell, episodes: int, seconds: float) -> Trial:
    """Play ever more of the first episodes of a cell until that takes long enough to be measured.

    Few episodes in lockstep take as long as many, or longer: so four times as many have to take twice as
    long, before the time of each is told. The first play does not count, since components are checked in it.
    """
    count, times = 1, []
    while True:
        chunk = Chunk(cell, 0, count)
        begun = time.perf_counter()
        runs, measures = play(job, chunk)
        kept = table_of(job, chunk, runs, measures)
        times.append(time.perf_counter() - begun)
        took, following = times[-1], min(4 * count, max(episodes // _SHARE, 2), episodes)
        grows = took >= _ENOUGH * seconds and count >= _LOCKSTEP and took >= 2 * times[-2]
        if len(times) > 1 and (grows or took >= _AMPLE * seconds or following <= count):
            recorded = kept.nbytes + sum(runs[path].nbytes for path in runs)
            return Trial(cell, took / count, recorded / count)
        count = following


def chunk_size(trial: Trial, episodes: int, seconds: float) -> int:
    """Give a power of two: chunks of several sizes then lie inside each other."""
    count = min(seconds / trial.seconds, MOST_BYTES / max(trial.bytes, 1e-9), LARGEST, 2 * episodes)
    return int(2 ** math.floor(math.log2(max(count, 1))))
