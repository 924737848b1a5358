"""What a person sees of the shipped tasks, and what a click or a key means (see `interaction.people`).

Each takes `words` to say in place of those in its `WORDS`, such as in another language. Pointing in the plane
has a module of its own, `interaction.tasks.plane`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from interaction import State
from interaction.errors import ArgumentError
from interaction.people.fragments import Fragment, choice, tag
from interaction.people.texts import Texts
from interaction.people.views import WordedView
from interaction.state import Value

INK, FAINT, LINE, ACCENT, GOAL, PALE = "#1c2430", "#56606e", "#c9ced6", "#14568c", "#b3541e", "#dfe3e8"
"""Colours of the page; no difference is told by a colour alone."""

Button = tuple[str, Value, str | None]
"""A label, the action that it means, and its key."""

STEPS: tuple[Button, ...] = (("Left", -1, "ArrowLeft"), ("Stay", 0, "ArrowDown"), ("Right", 1, "ArrowRight"))


class PointingView(WordedView):
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
        self, gridsize: int = 31, buttons: Sequence[Button] = STEPS, words: Texts | None = None
    ) -> None:
        if gridsize < 2:
            raise ArgumentError(f"PointingView: gridsize: expected a number >= 2, got {gridsize!r}")
        self.gridsize = gridsize
        self.buttons = tuple(buttons)
        super().__init__(words)

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


class CoordinationView(WordedView):
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

    def __init__(self, n_actions: int = 10, goal: int = 9, words: Texts | None = None) -> None:
        if not 2 <= n_actions <= 10 or goal < 1:
            raise ArgumentError(
                f"CoordinationView: expected 2 to 10 actions and a goal >= 1, got {n_actions!r} and {goal!r}"
            )
        self.n_actions = n_actions
        self.goal = goal
        super().__init__(words)

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


class BanditView(WordedView):
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

    def __init__(self, n_arms: int = 2, words: Texts | None = None) -> None:
        if not 2 <= n_arms <= 9:
            raise ArgumentError(f"BanditView: n_arms: expected 2 to 9, got {n_arms!r}")
        self.n_arms = n_arms
        super().__init__(words)

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
