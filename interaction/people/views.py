"""Views: what a person sees of an observation, and what a click or a key on it means.

A view is a function of an observation that gives a `Fragment`: HTML or SVG, written by Python. Its elements
carry the actions (`button`, `choice`, `controls`, or any element with `data-action`). No JavaScript is
needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from interaction.component import Component
from interaction.errors import ArgumentError, unknown_name
from interaction.people.controls import controls
from interaction.people.fragments import Fragment, choice, tag
from interaction.people.texts import TEXTS, Texts
from interaction.spaces import Choice, Discrete, Space, elements
from interaction.state import State, Value, flatten, get_path


class WordedView(Component):
    """A view that says something: its `WORDS` can be changed, such as to those of another language.

    A subclass lists the words, and says `self.words[name]`, with gaps that it fills by `format`.
    Raises `UnknownNameError` for a word that it does not say.

    >>> from interaction import State
    >>> from interaction.people import WordedView, tag
    >>> class Scale(WordedView):
    ...     WORDS = {"far": "{x} steps to go"}
    ...     def __call__(self, observation):
    ...         return tag("p", self.words["far"].format(x=observation.task_state.x))
    >>> Scale({"far": "noch {x} Schritte"})(State(task_state=State(x=3))).html
    '<p>noch 3 Schritte</p>'
    """

    WORDS: ClassVar[Texts] = {}

    def __init__(self, words: Texts | None = None) -> None:
        for name in words or {}:
            if name not in self.WORDS:
                raise unknown_name(name, self.WORDS, f"{type(self).__name__}: words")
        self.words = {**self.WORDS, **(words or {})}


class DefaultView(Component):
    """A table of what is observed, with a button for each action, or a control for each number of one.

    It plays any bundle at once. `labels` are the words on the buttons and `keys` their keys, one for each
    action of a finite space, in order; `fields` says which fields the table has and what they are called, as
    `{"task_state.x": "Agreed so far"}`; by default it has all that a person can make something of. `texts`
    are the words of the page itself (see `interaction.people.texts`).

    Raises `ArgumentError` for a wrong number of labels or keys and for actions that a page cannot ask for,
    and, when it draws, `UnknownNameError` for a field that is not observed.

    >>> from interaction import State, spaces
    >>> from interaction.people import DefaultView
    >>> view = DefaultView(spaces.Discrete(2), labels=["no", "yes"], fields={"task_state.x": "So far"})
    >>> "So far" in view(State(task_state=State(x=3))).html
    True
    """

    def __init__(
        self,
        action_space: Space[Any],
        labels: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
        fields: Mapping[str, str] | None = None,
        texts: Texts | None = None,
    ) -> None:
        self.action_space = action_space
        self.fields = None if fields is None else dict(fields)
        self.texts = dict(TEXTS["en"] if texts is None else texts)
        few = isinstance(action_space, Discrete | Choice) and int(action_space.n) <= MOST_BUTTONS
        if few or labels is not None:
            actions = elements(action_space)
            shown = _fitting("labels", labels, actions) or [_said(action) for action in actions]
            pressed = _fitting("keys", keys, actions) or _keys(actions)
            self.buttons = [*zip(shown, actions, pressed, strict=True)]
            self.form = None
        else:
            self.buttons = []
            self.form = controls(action_space, self.texts)

    def __call__(self, observation: State) -> Fragment:
        return table(observation, self.fields) + (self.form or choice(self.buttons, self.texts["choose"]))


MOST_BUTTONS = 12  # more actions than these are asked for by a control


def table(observation: State, fields: Mapping[str, str] | None = None) -> Fragment:
    """Make a table of an observation: of the named fields, or of all that a person can make something of.

    >>> from interaction import State
    >>> from interaction.people.views import table
    >>> table(State(task_state=State(last_x=3), turn_index=0)).html
    '<table class="seen"><tbody><tr><th scope="row">last x</th><td>3</td></tr></tbody></table>'
    """
    leaves = dict(flatten(observation))
    if fields is None:
        rows = {
            _words(path): value for path, value in leaves.items() if _means_something(path, value, leaves)
        }
    else:
        unknown = [path for path in fields if path not in leaves]
        if unknown:
            raise unknown_name(unknown[0], leaves, "DefaultView: fields")
        rows = {name: get_path(observation, path) for path, name in fields.items()}
    body = [tag("tr", tag("th", name, scope="row"), tag("td", _said(value))) for name, value in rows.items()]
    return tag("table", tag("tbody", body), class_="seen") if body else Fragment("")


UNSAID = frozenset({"round_index", "turn_index", "previous_task_state", "provenance"})


def _words(path: str) -> str:
    return path.removeprefix("task_state.").replace(".", ": ").replace("_", " ")


def _means_something(path: str, value: Value, leaves: Mapping[str, Value]) -> bool:
    """Whether a person can make something of a field; of an action not before it was taken once."""
    name = path.partition(".")[0]
    if value is None or name in UNSAID:
        return False
    acted = name == "user_action" and leaves.get("turn_index", 0) >= 2
    return acted or not name.endswith("_action") or leaves.get("round_index") != 0


def _said(value: Value) -> str:
    """A value as a person reads it: numbers to four places, rows in brackets."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return ", ".join(f"({_said(one)})" if isinstance(one, list) else _said(one) for one in value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:.{4 if isinstance(value, float) else 15}g}".replace("-", "−") if number else str(value)


def _fitting(name: str, given: Sequence[str] | None, actions: Sequence[Value]) -> list[str] | None:
    if given is not None and (isinstance(given, str) or len(given) != len(actions)):
        raise ArgumentError(
            f"DefaultView: {name}: expected one for each of {len(actions)} actions, got {given!r}"
        )
    return None if given is None else list(given)


def _keys(actions: Sequence[Value]) -> list[str | None]:
    """The digit that an action is, where all are one; else digits from 1 on, as far as they go."""
    if all(isinstance(action, int) and 0 <= action <= 9 for action in actions):
        return [_said(action) for action in actions]
    return [str(index) if index <= 9 else None for index in range(1, len(actions) + 1)]
