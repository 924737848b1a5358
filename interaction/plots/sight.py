"""Who sees what: the four turns of a bundle, and what each agent sees of the game in them.

What is drawn is read from the observation engines of this package; what an engine with an `observe` of its
own shows, only its author knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from interaction.agent import Agent
from interaction.inference.engine import (
    CascadedInferenceEngine,
    DualInferenceEngine,
    InferenceEngine,
    engines_in,
)
from interaction.observation import (
    OBSERVATIONS,
    CascadedObservationEngine,
    DefaultObservationEngine,
    GaussianNoise,
    ObservationEngine,
    RuleObservationEngine,
    other_state,
)
from interaction.plots.style import COLOURS, COLUMNS, GREY, axes_of, pyplot_of, styled
from interaction.spaces import Dict, leaves
from interaction.state import TASK_STATES
from interaction.task import InteractionTask, defines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Agents = tuple[Agent | None, Agent | None]
"""The user and the assistant, or None where nobody plays."""

SEEN, HIDDEN, OWN = "seen", "hidden", "own code"
_SHOWN = ("user_state", "assistant_state", "user_action", "assistant_action")
_PREVIOUS = "previous_"
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
    kind = _kind(engine)
    return OWN if kind is None else _READERS[kind](engine, path)


def _kind(engine: ObservationEngine) -> type[ObservationEngine] | None:
    """Give the class of this package whose `observe` an engine has, or None."""
    kinds = (kind for kind in _READERS if isinstance(engine, kind) and type(engine).observe is kind.observe)
    return next(kinds, None)


def _default(engine: DefaultObservationEngine, path: str) -> str:
    return HIDDEN if _any(path, (other_state(engine.role), *OBSERVATIONS)) else SEEN


def _by_rules(engine: RuleObservationEngine, path: str) -> str:
    hidden = (other_state(engine.role), *OBSERVATIONS)
    seen = not _any(path, hidden) if engine.see is None else _any(path, _both(engine.see))
    if not seen or _any(path, _both(engine.hide)):
        return HIDDEN
    told = ["transformed"] * _any(path, _both(engine.transform))
    for place, noise in _both(engine.noise).items():
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


def _both(places: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Give rules and those that they imply: what holds for the task's state does for its previous one."""
    rules = dict(places) if isinstance(places, Mapping) else dict.fromkeys(places)
    twins = {_PREVIOUS + place: rule for place, rule in rules.items() if _inside(place, "task_state")}
    return rules | {place: rule for place, rule in twins.items() if place not in rules}


def _inside(path: str, place: str) -> bool:
    return path == place or path.startswith(f"{place}.")


def _any(path: str, places: Any) -> bool:
    return any(_inside(path, place) for place in places)


@styled
def draw(
    task: InteractionTask, agents: Agents, space: Dict, ax: Axes | None = None, *, last_look: bool = False
) -> Axes:
    """Draw the turns of a game of this space, and what the user and the assistant see (see `Bundle.draw`)."""
    now = [path for path, _ in leaves(space) if _inside(path, "task_state")]
    apart = [_PREVIOUS + path for path in now if _seen_otherwise_before(agents, path)]
    rest = [path for part in _SHOWN for path, _ in leaves(space) if _inside(path, part)]
    paths = [*now, *apart, *rest]
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
    after = (
        "next round" + " (a game that the user ends: the assistant observes and infers once more)" * last_look
    )
    ax.text(2, -4.2, after, ha="center", va="center", color=GREY, size=6, bbox=box)
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
        kind, name = _kind(eye), type(eye).__name__
        looks = (
            f"{OWN}: {name}" if kind is None else "by default" if kind is DefaultObservationEngine else name
        )
        learns = f"infers: {type(mind).__name__}" if _infers(mind) else "infers nothing"
        yield f"{2 * number} {role} observes", looks, learns
        yield f"{2 * number + 1} {role} acts", type(agent.policy).__name__, f"moves: {type(task).__name__}"


def _infers(mind: InferenceEngine) -> bool:
    """Whether an inference engine, or one inside it, has an `infer` of its own."""
    passing = (InferenceEngine.infer, CascadedInferenceEngine.infer, DualInferenceEngine.infer)
    return any(type(one).infer not in passing for one in engines_in(mind))


def _seen_otherwise_before(agents: Agents, path: str) -> bool:
    """Whether an agent sees an entry of the task's previous state otherwise than that of its state."""
    engines = [agent.observation_engine for agent in agents if agent is not None]
    return any(sight(engine, path) != sight(engine, _PREVIOUS + path) for engine in engines)


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
        if _inside(path, f"{role}_state") and _infers(agent.inference_engine):
            told[2 * number] += ", may change"
        if _inside(path, f"{role}_action"):
            told[2 * number + 1] = "chosen"
        elif _any(path, TASK_STATES) and defines(task, f"on_{role}_action", InteractionTask):
            told[2 * number + 1] = "may change"
    return tuple(told)  # type: ignore[return-value]
