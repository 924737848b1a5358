"""Finding and taking entries: by indices, by masks, in sorted arrays, among others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.arrays import differs, lifted, made
from interaction.batching.reductions import flattened
from interaction.batching.rules import by_episode, lifts
from interaction.batching.runs import Run

Array = NDArray[Any]


@lifts(np.take_along_axis)
def _take_along_axis(run: Run, arr: Any, indices: Any, axis: Any = -1) -> Any:
    array, chosen = flattened(lifted(run, arr), axis)
    index = lifted(run, indices)
    if array.ndim != index.ndim:
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    try:
        return made(run, np.take_along_axis(array.now(), index.now(), axis=chosen))
    except IndexError as error:
        raise run.fail("an index is out of bounds in an episode") from error


@lifts(np.take)
def _take(run: Run, a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    boolean = differs(indices) and lifted(run, indices).data.dtype.kind == "b"
    if out is not None or mode != "raise" or boolean:
        return by_episode(run, np.take, (a, indices, axis), {"out": out, "mode": mode})
    array, chosen = flattened(lifted(run, a), axis)
    index = list(indices) if isinstance(indices, tuple) else indices
    found = array[(slice(None),) * chosen + (index,)]
    return np.copy(found, order="C") if np.ndim(found) else found


@lifts(np.nonzero)
def _nonzero(run: Run, a: Any) -> Any:
    """The indices of entries, whose number parts the episodes."""
    array = lifted(run, a)
    found = array.now() != 0
    count = run.ask(found.reshape(-1, found.shape[-1]).sum(axis=0), "the number of entries that are found")
    found = array.now() != 0
    places = np.argwhere(np.moveaxis(found, -1, 0))[:, 1:].reshape(found.shape[-1], count, array.ndim)
    return tuple(made(run, np.ascontiguousarray(places[..., axis].T)) for axis in range(array.ndim))


@lifts(np.flatnonzero)
def _flatnonzero(run: Run, a: Any) -> Any:
    return _nonzero(run, np.reshape(lifted(run, a), -1))[0]


@lifts(np.unique)
def _unique(run: Run, ar: Any, *arguments: Any, **options: Any) -> Any:
    """The different entries, whose number parts the episodes."""
    array, _ = flattened(lifted(run, ar), None)
    if arguments or options or array.data.dtype.kind not in "biu" or not array.size:
        return by_episode(run, np.unique, (ar, *arguments), options)
    ordered, new = _different(array.now())
    count = run.ask(new.sum(axis=0), "the number of different entries")
    ordered, new = _different(array.now())
    return made(run, np.ascontiguousarray(ordered.T[new.T].reshape(ordered.shape[1], count).T))


def _different(data: Array) -> tuple[Array, Array]:
    """Give the entries in order, and which of them are new."""
    ordered = np.sort(data, axis=0)
    new = np.ones(ordered.shape, bool)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered, new


@lifts(np.isin)
def _isin(
    run: Run,
    element: Any,
    test_elements: Any,
    assume_unique: bool = False,
    invert: bool = False,
    *,
    kind: Any = None,
) -> Any:
    if not differs(test_elements):
        return made(run, np.isin(lifted(run, element).now(), test_elements, assume_unique, invert, kind=kind))
    tests, _ = flattened(lifted(run, test_elements), None)
    found: Any = np.any(np.equal(np.expand_dims(lifted(run, element), -1), tests), axis=-1)
    return np.logical_not(found) if invert else found


@lifts(np.searchsorted)
def _searchsorted(run: Run, a: Any, v: Any, side: Any = "left", sorter: Any = None) -> Any:
    sought = lifted(run, v)
    if sorter is not None or (differs(a) and sought.ndim):
        return by_episode(run, np.searchsorted, (a, v, side, sorter))
    if not differs(a):
        return made(run, np.searchsorted(np.asarray(a), sought.now(), side=side))
    data, values = lifted(run, a).now(), sought.now()
    if not (data[1:] >= data[:-1]).all() or (values.dtype.kind == "f" and np.isnan(values).any()):
        return by_episode(run, np.searchsorted, (a, v, side))
    return made(run, np.count_nonzero(data < values if side == "left" else data <= values, axis=0))


@lifts(np.interp)
def _interp(
    run: Run, x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    if any(map(differs, (xp, fp, left, right, period))):
        return by_episode(run, np.interp, (x, xp, fp, left, right, period))
    return made(run, np.interp(lifted(run, x).now(), xp, fp, left=left, right=right, period=period))
