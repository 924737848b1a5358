"""What a person sees of the shipped tasks, and what a click or a key means (see `interaction.people`).

Each view takes `words` to say in place of those in its `WORDS`, such as in another language; a misspelt name
is an `UnknownNameError`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from interaction import State
from interaction.component import Component
from interaction.errors import ArgumentError, unknown_name
from interaction.people.events import encode
from interaction.people.fragments import Fragment, choice, tag
from interaction.state import Value

INK, FAINT, LINE, ACCENT, GOAL, PALE = "#1c2430", "#56606e", "#c9ced6", "#14568c", "#b3541e", "#dfe3e8"
"""Colours of the page; no difference is told by a colour alone."""

Button = tuple[str, Value, str | None]
"""A label, the action that it means, and its key."""

Words = Mapping[str, str]
"""What a view says in place of the words of that name in its `WORDS`, such as in another language."""

STEPS: tuple[Button, ...] = (("Left", -1, "ArrowLeft"), ("Stay", 0, "ArrowDown"), ("Right", 1, "ArrowRight"))


class PointingView(Component):
    """A row of cells with the targets, the goal and the cursor, for `PointingTask`.

    `gridsize` is that of the task; `buttons` are `(label, action, key)`, by default the three steps, with the
    arrow keys. Whoever does not observe the goal sees the targets alone. Raises `ArgumentError` for a number
    of cells below two.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.tasks.views import PointingView
    >>> seen = State(task_state=State(position=4, targets=np.array([2, 7]), goal=1))
    >>> "The cursor is in cell 5 of 9. The goal is cell 8." in PointingView(gridsize=9)(seen).html
    True
    """

    WORDS: ClassVar = {
        "cursor": "The cursor is in cell {cell} of {cells}.",
        "goal": "The goal is cell {cell}.",
        "targets": "The targets are the cells {cells}.",
        "choose": "Where to move the cursor",
    }

    def __init__(
        self, gridsize: int = 31, buttons: Sequence[Button] = STEPS, words: Words | None = None
    ) -> None:
        if gridsize < 2:
            raise ArgumentError(f"PointingView: gridsize: expected a number >= 2, got {gridsize!r}")
        self.gridsize = gridsize
        self.buttons = tuple(buttons)
        self.words = _changed(self, words)

    def __call__(self, observation: State) -> Fragment:
        state = observation.task_state
        position, targets = int(state.position), [int(cell) for cell in state.targets]
        goal = targets[int(state.goal)] if "goal" in state else None
        said = self.words["cursor"].format(cell=position + 1, cells=self.gridsize) + " "
        if goal is not None:
            said += self.words["goal"].format(cell=goal + 1)
        else:
            said += self.words["targets"].format(cells=", ".join(str(cell + 1) for cell in targets))
        drawn = tag(
            "svg",
            [_cell(cell, cell in targets, cell == goal) for cell in range(self.gridsize)],
            _cursor(position),
            viewBox=f"-0.2 -1.5 {self.gridsize + 0.4} 3.9",
            role="img",
            aria_label=said,
            data_said=said,
        )
        return drawn + choice(self.buttons, self.words["choose"])


def _cell(cell: int, target: bool, goal: bool) -> Fragment:
    """A cell: grey, blue for a target, and orange with a star for the goal."""
    fill = GOAL if goal else ACCENT if target else PALE
    height = 2.0 if target else 1.2
    square = tag("rect", x=cell + 0.08, y=1 - height / 2, width=0.84, height=height, rx=0.14, fill=fill)
    return square + (_star(cell + 0.5, 1.0, 0.38) if goal else Fragment(""))


def _star(x: float, y: float, radius: float) -> Fragment:
    angles = np.pi * (np.arange(10) / 5 - 0.5)
    radii = radius * np.where(np.arange(10) % 2 == 0, 1, 0.42)
    points = zip(x + radii * np.cos(angles), y + radii * np.sin(angles), strict=True)
    return tag("polygon", points=" ".join(f"{a:.3f},{b:.3f}" for a, b in points), fill="#ffffff")


def _cursor(position: int) -> Fragment:
    """A triangle above the cell in which the cursor is, and a frame around it."""
    x = position + 0.5
    frame = tag(
        "rect", x=position, y=-0.14, width=1, height=2.28, rx=0.22, fill="none", stroke=INK, stroke_width=0.12
    )
    return frame + tag("polygon", points=f"{x - 0.55},-1.3 {x + 0.55},-1.3 {x},-0.42", fill=INK)


class PlaneView(Component):
    """Disks in the plane, for `Pointing2DTask`: a press moves the cursor there, and the mouse's path is kept.

    The action is the step from the cursor to the press and its duration, the time since the page showed the
    disks. With keys, the arrows move a cross by `step` (sides of the square; five times that with shift), and
    Enter moves.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.tasks.views import PlaneView
    >>> place = State(position=np.zeros(2), positions=np.full((1, 2), 0.5), widths=np.array([0.1]), goal=0)
    >>> "The goal is at 0.50, 0.50." in PlaneView()(State(task_state=place)).html
    True
    """

    WORDS: ClassVar = {
        "cursor": "The cursor is at {x:.2f}, {y:.2f}.",
        "goal": "The goal is at {x:.2f}, {y:.2f}.",
        "press": "Press where you want to move.",
        "keys": "With keys: arrows move the cross, with Shift in large steps; Enter moves there.",
    }

    def __init__(self, step: float = 0.01, words: Words | None = None) -> None:
        if not 0 < step < 1:
            raise ArgumentError(f"PlaneView: step: expected a number between 0 and 1, got {step!r}")
        self.step = step
        self.words = _changed(self, words)

    def __call__(self, observation: State) -> Fragment:
        state = observation.task_state
        goal = int(state.goal) if "goal" in state else None
        x, y = (float(one) for one in state.position)
        means = {
            "template": encode(State(step=np.zeros(2), duration=0.0)),
            "origin": [x, y],
            "x": ["$state", "step", "$array", 0],
            "y": ["$state", "step", "$array", 1],
            "time": ["$state", "duration"],
            "low": [0, 0],
            "high": [1, 1],
            "step": self.step,
        }
        disks = [
            _disk(float(centre[0]), float(centre[1]), float(width), index == goal)
            for index, (centre, width) in enumerate(zip(state.positions, state.widths, strict=True))
        ]
        if goal is not None:
            disks.append(disks.pop(goal))  # on top of the others
        said = self.words["cursor"].format(x=x, y=y)
        if goal is not None:
            centre = state.positions[goal]
            said += " " + self.words["goal"].format(x=centre[0], y=centre[1])
        hair = {"stroke": INK, "stroke_width": 0.005}
        cross = tag(
            "g",
            tag("line", x1=-0.03, x2=0.03, y1=0, y2=0, **hair)
            + tag("line", x1=0, x2=0, y1=-0.03, y2=0.03, **hair),
            data_cross=True,
            transform=f"translate({x} {y})",
            visibility="hidden",
        )
        plane = tag(
            "g",
            tag(
                "rect",
                x=-MARGIN,
                y=-MARGIN,
                width=SIDE,
                height=SIDE,
                fill="none",
                pointer_events="all",
            ),
            disks,
            tag("circle", cx=x, cy=y, r=0.011, fill=INK, stroke="#ffffff", stroke_width=0.004),
            cross,
            transform="matrix(1 0 0 -1 0 1)",  # so that y points up
            data_plane=json.dumps(means),
            tabindex=0,
            role="application",
            aria_label=f"{said} {self.words['press']} {self.words['keys']}",
        )
        svg = tag(
            "svg",
            plane,
            viewBox=f"{-MARGIN} {-MARGIN} {SIDE} {SIDE}",
            class_="plane",
            data_said=said,
        )
        keys = tag("span", f" {self.words['keys']}", class_="keys")
        return svg + tag("p", self.words["press"], keys, class_="hint")


MARGIN = 0.0625  # around the square (in its sides), since a disk near the edge stands out
SIDE = 1 + 2 * MARGIN


def _disk(x: float, y: float, width: float, goal: bool) -> Fragment:
    """A disk: pale with a rim, or full with a ring where it is the goal."""
    radius = width / 2
    if not goal:
        return tag("circle", cx=x, cy=y, r=radius, fill=PALE, stroke=FAINT, stroke_width=0.003)
    ring = tag("circle", cx=x, cy=y, r=radius + 0.012, fill="none", stroke=GOAL, stroke_width=0.005)
    return tag("circle", cx=x, cy=y, r=radius, fill=GOAL) + ring


class CoordinationView(Component):
    """How far the two have come, what both did last, and ten buttons, for the tasks of coordination.

    The two actions of the last round are shown if they are observed.

    >>> from interaction import State
    >>> from interaction.tasks.views import CoordinationView
    >>> game = State(x=3)
    >>> seen = State(round_index=1, task_state=game, user_action=5, assistant_action=2)
    >>> drawn = CoordinationView()(seen)
    >>> "You chose 5, your partner chose 2." in drawn.html, drawn.html.count("<button")
    (True, 10)
    """

    WORDS: ClassVar = {
        "agreed": "Agreed {x} of {goal} times.",
        "choose": "Choose the number that your partner will choose.",
        "both": "You both chose {mine}.",
        "each": "You chose {mine}, your partner chose {theirs}.",
    }

    def __init__(self, n_actions: int = 10, goal: int = 9, words: Words | None = None) -> None:
        if not 2 <= n_actions <= 10 or goal < 1:
            raise ArgumentError(
                f"CoordinationView: expected 2 to 10 actions and a goal >= 1, got {n_actions!r} and {goal!r}"
            )
        self.n_actions = n_actions
        self.goal = goal
        self.words = _changed(self, words)

    def __call__(self, observation: State) -> Fragment:
        x = int(observation.task_state.x)
        said = self.words["agreed"].format(x=x, goal=self.goal)
        dots = [
            tag(
                "circle",
                cx=index + 0.5,
                cy=0.5,
                r=0.36,
                fill=ACCENT if index < x else "#ffffff",
                stroke=ACCENT if index < x else FAINT,
                stroke_width=0.06,
            )
            for index in range(self.goal)
        ]
        drawn = tag("svg", dots, viewBox=f"0 0 {self.goal} 1", role="img", aria_label=said, class_="dots")
        heading = self.words["choose"]
        last = self._last(observation)
        return (
            drawn
            + tag("p", tag("strong", last) if last else heading, data_said=f"{last} {said}")
            + choice([(index, index, str(index)) for index in range(self.n_actions)], heading)
        )

    def _last(self, observation: State) -> str:
        """Say what both did in the round before, as far as it is observed."""
        seen = dict(observation)
        mine, theirs = seen.get("user_action"), seen.get("assistant_action")
        if not seen.get("round_index") or mine is None or theirs is None:
            return ""
        return self.words["both" if mine == theirs else "each"].format(mine=mine, theirs=theirs)


class BanditView(Component):
    """Machines with a letter each, and what the last pull gave, for the bandits.

    `n_arms` is that of the task. Where there is an assistant, too, it is said who pulls in this round.

    >>> from interaction import State
    >>> from interaction.tasks.views import BanditView
    >>> seen = State(task_state=State(arm=1, outcome=1, provenance=1, user_in_control=0))
    >>> "Machine B gave a coin." in BanditView(n_arms=2)(seen).html
    True
    """

    WORDS: ClassVar = {
        "machine": "Machine {letter}",
        "coin": "Machine {letter} gave a coin.",
        "nothing": "Machine {letter} gave nothing.",
        "choose": "Which machine do you play?",
    }

    def __init__(self, n_arms: int = 2, words: Words | None = None) -> None:
        if not 2 <= n_arms <= 9:
            raise ArgumentError(f"BanditView: n_arms: expected 2 to 9, got {n_arms!r}")
        self.n_arms = n_arms
        self.words = _changed(self, words)

    def __call__(self, observation: State) -> Fragment:
        state = observation.task_state
        arm, outcome = int(state.arm), int(state.outcome)
        gave = self.words["coin" if outcome == 1 else "nothing"]
        last = gave.format(letter=LETTERS[arm]) if arm >= 0 else ""
        names = [self.words["machine"].format(letter=letter) for letter in LETTERS[: self.n_arms]]
        results = [outcome if index == arm else None for index in range(self.n_arms)]
        machines = [_machine(*one) for one in zip(LETTERS, names, results, strict=False)]
        buttons: list[tuple[object, Value, str | None]] = [
            (machine, index, str(index + 1)) for index, machine in enumerate(machines)
        ]
        heading = self.words["choose"]
        shown = tag("p", tag("strong", last or heading), data_said=last or heading)
        return shown + tag("div", choice(buttons, heading), class_="machines")


LETTERS = "ABCDEFGHI"


def _machine(letter: str, name: str, outcome: int | None) -> Fragment:
    """A machine: its letter and, after it was played, a coin or an empty ring below."""
    named = _word(letter, -0.15, 1.1, INK)
    ring = {"cx": 0, "cy": 0.62, "r": 0.34}
    if outcome is None:
        result = tag("circle", **ring, fill=PALE)
    elif outcome == 1:
        result = tag("circle", **ring, fill=GOAL) + _word("+1", 0.74, 0.36, "#ffffff")
    else:
        result = tag("circle", **ring, fill="#ffffff", stroke=FAINT, stroke_width=0.05)
        result += _word("0", 0.74, 0.36, INK)
    drawn = tag("svg", named, result, viewBox="-1.1 -1.1 2.2 2.2", aria_hidden="true")
    return drawn + tag("span", name, class_="unseen")


def _word(text: str, y: float, size: float, fill: str) -> Fragment:
    """A text in the middle."""
    return tag("text", text, y=y, font_size=size, font_weight=600, text_anchor="middle", fill=fill)


def _changed(view: Any, words: Words | None) -> dict[str, str]:
    """The words of a view, with the changes."""
    for name in words or {}:
        if name not in view.WORDS:
            raise unknown_name(name, view.WORDS, f"{type(view).__name__}: words")
    return {**view.WORDS, **(words or {})}
