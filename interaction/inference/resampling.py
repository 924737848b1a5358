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
    stayed: dict[str, Array] = {}
    noise: dict[str, Array] = {}
    spaces = {name: one.parameter_space(name) for name in parameters.names}
    for name, space in spaces.items():
        noise[name] = rng.normal(shape=(size, *shape_of(space)))
        holder = hidden if name.startswith(PREFIX) else partners
        stayed[name] = get_path(holder, name.removeprefix(PREFIX))
    moving = {name: space for name, space in spaces.items() if parameters.moves(name, space)}
    moved = parameters.moved(moving, stayed, values, weights, noise) if moving else {}
    for name, found in moved.items():
        key, here = name.removeprefix(PREFIX), few
        if name.startswith(PREFIX):
            last, now = np.asarray(was[key]), np.asarray(belief.hidden[key])
            here = few & ~(now != last).any(axis=tuple(range(few.ndim, now.ndim)))
        here = here.reshape(few.shape + (1,) * (stayed[name].ndim - few.ndim))
        settled = np.where(here, as_space(spaces[name], found), stayed[name])
        if name.startswith(PREFIX):
            hidden = replace_path(hidden, key, settled)
        else:
            partners = replace_path(partners, key, settled)
    flat = np.where(few[..., None], -np.log(size), belief.log_weights)
    return belief.replace(**{many: partners, "hidden": hidden, "log_weights": flat})
