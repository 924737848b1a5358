"""What a person sees of pointing in the plane, where a press is a movement and the mouse's path is kept."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np

from interaction import State
from interaction.errors import ArgumentError
from interaction.people.events import encode
from interaction.people.fragments import Fragment, tag
from interaction.people.texts import Texts
from interaction.people.views import WordedView
from interaction.tasks.views import FAINT, GOAL, INK, PALE


class PlaneView(WordedView):
    """Disks in the plane, for `Pointing2DTask`: a press moves the cursor there, and the mouse's path is kept.

    The action is the step from the cursor to the press and its duration, the time since the page showed the
    disks. With keys, the arrows move a cross by `step` (sides of the square; five times that with shift), and
    Enter moves.

    >>> import numpy as np
    >>> from interaction import State
    >>> from interaction.tasks.plane import PlaneView
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

    def __init__(self, step: float = 0.01, words: Texts | None = None) -> None:
        if not 0 < step < 1:
            raise ArgumentError(f"PlaneView: step: expected a number between 0 and 1, got {step!r}")
        self.step = step
        super().__init__(words)

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
