"""Whether fitted users play like the people: their choices over rounds, against those of people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.bundle import Bundle
from interaction.errors import ArgumentError, unknown_name
from interaction.plots.style import COLOURS, axes_of, legend, styled, title, words
from interaction.random import EpisodeRandom
from interaction.spaces import leaves
from interaction.task import InteractionTask

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

Array = NDArray[Any]
_BLOCKS = 20


@styled
def plot_predictive(
    task: InteractionTask,
    user: User,
    tree: xarray.DataTree,
    ax: Axes | None = None,
    *,
    assistant: Assistant | None = None,
    action: float | None = None,
    path: str = "user_action",
    every: int | None = None,
    plays: int = 100,
    level: float = 0.9,
    seed: int = 0,
) -> Axes:
    """Draw what people did over rounds, against plays of the fitted user: a posterior predictive check.

    In each of `plays` plays, every episode of the data is played anew (with the assistant, if there was one),
    for at most as many rounds as it had, by a user with one draw from that person's posterior. The lines tell
    the share of the choices that are `action`, or without it the mean of what was done, in blocks of `every`
    rounds (by default, so many that there are about 20); the band holds `level` of the plays (equal-tailed).
    `path` names one part of an action that has several.
    Raises `ArgumentError` for what is no tree of `fit`, and `UnknownNameError` for a `path` that it lacks.
    Source: Gelman, Meng & Stern 1996, "Posterior predictive assessment of model fitness via realized
    discrepancies".

    >>> from scipy import stats
    >>> from interaction import Bundle, fit, plot_predictive
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RandomUser
    >>> task, user = MultiArmedBanditTask(), RandomUser()
    >>> people = Bundle(task, RandomUser(bias=0.8), max_rounds=40).run(1, seed=0)
    >>> tree = fit(task, user, people, {"bias": stats.uniform(0, 1)}, progress=False)
    >>> ax = plot_predictive(task, user, tree, action=0)
    >>> ax.get_ylabel()
    'share of user action 0'
    """
    ax = axes_of(ax, "plot_predictive")
    if not 0 < level < 1 or plays < 1:
        raise ArgumentError(f"plot_predictive: expected 0 < level < 1 and plays >= 1, got {level}, {plays}")
    if "observed_data" not in getattr(tree, "children", ()):
        raise ArgumentError(f"plot_predictive: tree: expected a tree of `fit`, got {type(tree).__name__}")
    data = tree.observed_data.to_dataset()
    if path not in data:
        raise unknown_name(path, map(str, data.data_vars), "plot_predictive: path")
    rounds = int(data["round"].max()) + 1
    width = every or max(rounds // _BLOCKS, 1)
    blocks = -(-rounds // width)
    seen = _told(data[path].values, action)
    people = _means(seen, data["round"].values // width, blocks)
    played, there = _play(task, user, assistant, tree, path, rounds, plays, seed)
    block = np.broadcast_to(np.arange(rounds) // width, played.shape[1:])
    pairs = zip(_told(played, action), there, strict=True)
    replays = np.stack([_means(one[goes], block[goes], blocks) for one, goes in pairs])
    middle = np.minimum((np.arange(blocks) + 0.5) * width, rounds) - 0.5
    tail = (1 - level) / 2
    low, median, high = np.nanquantile(replays, [tail, 0.5, 1 - tail], axis=0)
    ax.fill_between(
        middle,
        low,
        high,
        color=COLOURS[0],
        alpha=0.25,
        linewidth=0,
        label=f"{100 * level:g} % of the plays, equal-tailed",
    )
    ax.plot(middle, median, color=COLOURS[0], label=f"fitted user: median of {plays} plays")
    users = len(np.unique(data.observed_user.values))
    noun = "person" if users == 1 else "people"
    ax.plot(middle, people, "o-", color="black", label=f"{users} {noun}, {len(seen):,} choices")
    of_what = f"mean {words(path)}" if action is None else f"share of {words(path)} {action:g}"
    ax.set(xlabel="round" if width == 1 else f"round, in blocks of {width}", ylabel=of_what)
    title(ax, "Do fitted users play like the people?")
    legend(ax)
    return ax


def _play(
    task: InteractionTask,
    user: User,
    assistant: Assistant | None,
    tree: Any,
    path: str,
    rounds: int,
    plays: int,
    seed: int,
) -> tuple[Array, Array]:
    """Play all episodes anew: the actions `(plays, episodes, rounds)`, and where there are any."""
    labels, first = np.unique(tree.observed_data.episode.values, return_index=True)
    who = tree.observed_data.observed_user.values[first]
    posterior = tree.posterior.to_dataset()
    total = posterior.sizes["chain"] * posterior.sizes["draw"]
    picked = EpisodeRandom(seed).integers(0, total, (plays,))
    start = {}
    for name in dict(leaves(user.state_space)).keys() & set(posterior.data_vars):  # not those of groups
        draws = posterior[name]
        flat = draws.values.reshape(total, -1)[picked]  # (plays, users or 1)
        many = "user" in draws.dims
        index = [draws.user.values.tolist().index(one) if many else 0 for one in who.tolist()]
        start[f"user_state.{name}"] = flat[:, index].reshape(-1)
    plain, _, entry = path.partition("[")
    bundle = Bundle(task, user, assistant, max_rounds=rounds)
    runs = bundle.run(plays * len(labels), seed=seed, start=start, record=[plain])
    values: Any = runs[plain]
    if entry:
        values = values[(..., *map(int, entry.rstrip("]").split(",")))]
    missing = ((0, 0), (0, rounds - values.shape[1]))
    actions = np.pad(np.ma.getdata(values), missing).reshape(plays, len(labels), rounds)
    lasted = tree.observed_data["round"].to_series().groupby(tree.observed_data.episode.values).max() + 1
    lengths = np.minimum(runs.lengths, np.tile(lasted[labels].values, plays))
    over = np.arange(rounds) >= lengths[:, None]
    return actions, ~over.reshape(actions.shape)


def _told(actions: Array, action: float | None) -> Array:
    return np.asarray(actions, float) if action is None else np.asarray(actions == action, float)


def _means(values: Array, block: Array, blocks: int) -> Array:
    """Give the mean of the values in each block; NaN where there are none."""
    counts = np.bincount(block, minlength=blocks)
    means: Array = np.bincount(block, values, blocks) / np.where(counts > 0, counts, np.nan)
    return means
