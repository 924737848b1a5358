"""Who sees what: the four turns of a bundle, and what each agent sees of the game in them.

What is drawn is read from the observation engines of this package; what an engine with an `observe` of its
own shows, only its author knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from interaction.agent import Agent
from interaction.inference.engine import IdentityInferenceEngine
from interaction.observation import (
    CascadedObservationEngine,
    DefaultObservationEngine,
    GaussianNoise,
    ObservationEngine,
    RuleObservationEngine,
    other_state,
)
from interaction.plots.style import COLOURS, COLUMNS, GREY, axes_of, pyplot_of, styled
from interaction.spaces import Dict, leaves
from interaction.task import InteractionTask, defines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Agents = tuple[Agent | None, Agent | None]
"""The user and the assistant, or None where nobody plays."""

SEEN, HIDDEN, OWN = "seen", "hidden", "own code"
_SHOWN = ("task_state", "user_state", "assistant_state", "user_action", "assistant_action")
_FILLS = {SEEN: COLOURS[5], HIDDEN: "0.8", OWN: "white", "noisy": COLOURS[6], "transformed": COLOURS[3]}
_MANY = 6  # entries of one part that are seen alike are drawn as one row from here on


def sight(engine: ObservationEngine, path: str) -> str:
    """Say how an engine shows an entry of the game: "seen", "hidden", "transformed", "noisy", or "own code".

    >>> from interaction.observation import DefaultObservationEngine, GaussianNoise, RuleObservationEngine
    >>> from interaction.plots.sight import sight
    >>> sight(RuleObservationEngine("user", noise={"task_state.x": GaussianNoise(0.5)}), "task_state.x")
    'noisy, sd 0.5'
    >>> sight(DefaultObservationEngine("assistant"), "user_state.goal")
    'hidden'
    """
    for kind, read in _READERS.items():
        if isinstance(engine, kind) and type(engine).observe is kind.observe:
            return read(engine, path)
    return OWN


def _default(engine: DefaultObservationEngine, path: str) -> str:
    return HIDDEN if _inside(path, other_state(engine.role)) else SEEN


def _by_rules(engine: RuleObservationEngine, path: str) -> str:
    seen = not _inside(path, other_state(engine.role)) if engine.see is None else _any(path, engine.see)
    if not seen or _any(path, engine.hide):
        return HIDDEN
    told = ["transformed"] * _any(path, engine.transform)
    for place, noise in engine.noise.items():
        if _inside(path, place):
            told.append(f"noisy, sd {noise.sd:g}" if isinstance(noise, GaussianNoise) else "noisy")
    return ", ".join(told) or SEEN


def _in_a_row(engine: CascadedObservationEngine, path: str) -> str:
    told = [sight(one, path) for one in engine.engines]
    if HIDDEN in told:  # what one engine takes away, no other one sees
        return HIDDEN
    return ", ".join(dict.fromkeys(one for one in told if one != SEEN)) or SEEN


_READERS: Mapping[type[ObservationEngine], Callable[[Any, str], str]] = {
    DefaultObservationEngine: _default,
    RuleObservationEngine: _by_rules,
    CascadedObservationEngine: _in_a_row,
}


def _inside(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}.")


def _any(path: str, places: Any) -> bool:
    return any(_inside(path, place) for place in places)


@styled
def draw(task: InteractionTask, agents: Agents, space: Dict, ax: Axes | None = None) -> Axes:
    """Draw the turns of a game of this space, and what the user and the assistant see (see `Bundle.draw`)."""
    paths = [path for part in _SHOWN for path, _ in leaves(space) if _inside(path, part)]
    rows = list(_rows(task, agents, paths))
    if ax is None:
        size = (COLUMNS[2], 0.9 + 0.17 * len(rows))
        ax = pyplot_of("draw").figure(figsize=size, layout="constrained").subplots()
    ax = axes_of(ax, "draw")
    ax.set_axis_off()
    ax.set(xlim=(0, 4), ylim=(len(rows), -4.7))
    for turn, (happens, *by) in enumerate(_turns(task, agents)):
        ax.text(turn + 0.5, -3, happens, ha="center", va="center", weight="bold", size=7)
        for place, name in enumerate(by):
            ax.text(turn + 0.5, -2 + place, name, ha="center", va="center", size=6, color=GREY)
        if turn < 3:
            ax.text(turn + 1, -3, "→", ha="center", va="center")
    ax.plot([3.5, 3.5, 0.5], [-3.5, -4.2, -4.2], color=GREY, linewidth=0.6)
    ax.annotate(
        "", (0.5, -3.4), (0.5, -4.25), arrowprops={"arrowstyle": "->", "color": GREY, "linewidth": 0.6}
    )
    box: Any = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    ax.text(2, -4.2, "next round", ha="center", va="center", color=GREY, size=6, bbox=box)
    for row, (path, cells) in enumerate(rows):
        ax.text(-0.03, row + 0.5, path, ha="right", va="center", size=7)
        for turn, told in enumerate(cells):
            fill = next((colour for word, colour in _FILLS.items() if told.startswith(word)), None)
            if fill is not None:
                hatch = "////" if told.startswith(OWN) else None
                ax.barh(row + 0.5, 0.96, 0.88, turn + 0.02, color=fill, hatch=hatch, edgecolor="0.7", lw=0.4)
            behind = box if told.startswith(OWN) else None
            ax.text(turn + 0.5, row + 0.5, told, ha="center", va="center", size=6.5, bbox=behind)
    return ax


def _turns(task: InteractionTask, agents: Agents) -> Iterator[tuple[str, ...]]:
    """Give the words of each turn: what happens, and by which components."""
    for number, (role, agent) in enumerate(zip(("user", "assistant"), agents, strict=True)):
        if agent is None:
            yield f"{2 * number} no {role}", "passed over"
            yield f"{2 * number + 1} no {role}", "passed over"
            continue
        eye, mind = agent.observation_engine, agent.inference_engine
        infers = not isinstance(mind, IdentityInferenceEngine)
        looks = "by default" if isinstance(eye, DefaultObservationEngine) else type(eye).__name__
        learns = f"infers: {type(mind).__name__}" if infers else "infers nothing"
        yield f"{2 * number} {role} observes", looks, learns
        yield f"{2 * number + 1} {role} acts", type(agent.policy).__name__, f"moves: {type(task).__name__}"


def _rows(
    task: InteractionTask, agents: Agents, paths: list[str], depth: int = 1
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give what is drawn of each entry in the four turns; entries that are alike in all are one row."""
    parts: dict[str, list[str]] = {}
    for path in paths:
        parts.setdefault(".".join(path.split(".")[:depth]), []).append(path)
    for part, inner in parts.items():
        cells = [_cells(task, agents, path) for path in inner]
        alike = len(set(cells)) == 1
        if alike and (depth > 1 or len(inner) == 1 or len(inner) >= _MANY):
            many = f" ({len(inner)} entries)" if len(inner) > 1 else ""
            yield (inner[0] if len(inner) == 1 else part) + many, cells[0]
        else:
            yield from _rows(task, agents, inner, depth + 1)


def _cells(task: InteractionTask, agents: Agents, path: str) -> tuple[str, str, str, str]:
    told = ["", "", "", ""]
    for number, (role, agent) in enumerate(zip(("user", "assistant"), agents, strict=True)):
        if agent is None:
            continue
        told[2 * number] = sight(agent.observation_engine, path)
        if _inside(path, f"{role}_state") and not isinstance(agent.inference_engine, IdentityInferenceEngine):
            told[2 * number] += ", may change"
        if _inside(path, f"{role}_action"):
            told[2 * number + 1] = "chosen"
        elif _inside(path, "task_state") and defines(task, f"on_{role}_action", InteractionTask):
            told[2 * number + 1] = "may change"
    return tuple(told)  # type: ignore[return-value]
