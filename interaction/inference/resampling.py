"""Resampling of a belief's particles, where few of them carry the weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.batching.candidates import as_space, select
from interaction.inference.candidates import Samples
from interaction.inference.hypotheses import Hypotheses
from interaction.inference.movement import PREFIX
from interaction.inference.particles import effective_sample_size, systematic
from interaction.random import EpisodeRandom
from interaction.spaces import shape_of
from interaction.state import State, get_path, replace_path

Array = NDArray[Any]


def resampled(one: Hypotheses, belief: State, was: State, rng: EpisodeRandom) -> State:
    """Give the belief with its particles resampled, where they are few, and its continuous parameters moved.

    What the task itself has moved just now (`was` before) is not moved by the kernel.
    """
    parameters, many = one.parameters, one.side.many
    assert isinstance(parameters, Samples)
    weights = np.exp(belief.log_weights)
    size = parameters.size
    few = effective_sample_size(weights) < parameters.threshold * size
    if not np.any(few):
        return belief
    uniform = np.asarray(rng.random())
    kept = np.broadcast_to(np.arange(size), weights.shape)
    index = np.where(few[..., None], systematic(weights, uniform), kept)
    partners = select(belief[many], index, rng.rows, one.partner_space)
    hidden = select(belief.hidden, index, rng.rows, one.task_model.state_space)
    values = one.values(belief)
    for name in parameters.names:
        space = one.parameter_space(name)
        noise = rng.normal(shape=(size, *shape_of(space)))
        if not parameters.moves(name, space):
            continue
        key, here = name.removeprefix(PREFIX), few
        holder = hidden if name.startswith(PREFIX) else partners
        kept = get_path(holder, key)
        moved = parameters.moved(name, space, kept, values[name], weights, noise)
        if name.startswith(PREFIX):
            last, now = np.asarray(was[key]), np.asarray(belief.hidden[key])
            here = few & ~(now != last).any(axis=tuple(range(few.ndim, now.ndim)))
        here = here.reshape(few.shape + (1,) * (kept.ndim - few.ndim))
        holder = replace_path(holder, key, np.where(here, as_space(space, moved), kept))
        hidden, partners = (holder, partners) if name.startswith(PREFIX) else (hidden, holder)
    flat = np.where(few[..., None], -np.log(size), belief.log_weights)
    return belief.replace(**{many: partners, "hidden": hidden, "log_weights": flat})
