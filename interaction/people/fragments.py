"""Pieces of a page: HTML and SVG that Python writes, all of it escaped, whose elements carry the actions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from html import escape
from html.parser import HTMLParser
from typing import NamedTuple

import numpy as np

from interaction.people.events import encode
from interaction.state import Value


class Fragment(NamedTuple):
    """A piece of a page, as HTML or SVG that goes to the browser as it is: what is in it is already escaped.

    Make one by `tag`, which escapes what it is given. Fragments add up.

    >>> from interaction.people import Fragment, tag
    >>> tag("b", "a < b") + Fragment("<hr>")
    Fragment(html='<b>a &lt; b</b><hr>')
    """

    html: str

    def __add__(self, other: object) -> Fragment:
        return Fragment(self.html + _html(other))


VOID = frozenset({"br", "hr", "img", "input", "link", "meta"})  # elements without an end


def tag(name: str, /, *content: object, **attributes: object) -> Fragment:
    """Make an element: text is escaped, fragments and lists of them are put in as they are, None is left out.

    In the names of attributes `_` stands for `-` (`data_action`), and one at the end is dropped (`class_`).
    An attribute of None or False is left out, one of True has no value.

    >>> from interaction.people import tag
    >>> tag("circle", cx=1.5, class_="goal", stroke_width=2, hidden=False).html
    '<circle cx="1.5" class="goal" stroke-width="2"></circle>'
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(_text(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    end = "" if name in VOID else f"{''.join(map(_html, content))}</{name}>"
    return Fragment(f"<{name}{written}>{end}")


def _html(content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, Fragment):
        return content.html
    if isinstance(content, list | tuple | Iterator):
        return "".join(map(_html, content))
    return escape(_text(content))


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def button(label: object, action: Value, key: str | None = None, **attributes: object) -> Fragment:
    """Make a button that means an action, also by a key: a character, or a name as `"ArrowLeft"`.

    The key is one of JavaScript's `KeyboardEvent.key`; it is shown on the button, unless that is its label.

    >>> from interaction.people.fragments import button
    >>> print(button("Left", -1, key="ArrowLeft").html)
    <button type="button" data-action="-1" data-key="ArrowLeft">Left<kbd aria-hidden="true">←</kbd></button>
    """
    meant = json.dumps(encode(action))
    sign = None if key is None else SIGNS.get(key, key.upper())
    hint = None if sign in (None, str(label)) else tag("kbd", sign, aria_hidden="true")
    fixed = {"type": "button", "data_action": meant, "data_key": key}
    return tag("button", label, hint, **(fixed | attributes))


SIGNS = {
    "ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", " ": "space", "Enter": "↵",
}  # fmt: skip


def choice(buttons: Iterable[tuple[object, Value, str | None]], label: str) -> Fragment:
    """Make a group of buttons from `(label, action, key)`; `label` says to a screen reader what they are for.

    >>> from interaction.people.fragments import choice
    >>> choice([("Left", -1, "ArrowLeft"), ("Right", 1, "ArrowRight")], "Where to?").html.count("<button")
    2
    """
    return tag("div", [button(*one) for one in buttons], class_="choice", role="group", aria_label=label)


class _Offers(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.actions: list[str] = []
        self.by_input = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if "data-action" in named:
            self.actions.append(named["data-action"] or "")
        self.by_input |= tag == "form" or "data-plane" in named


def offers(fragment: Fragment) -> tuple[list[str], bool]:
    """Give the actions that elements carry, as JSON, and whether a form or a plane asks for one besides.

    >>> from interaction.people.fragments import choice, offers
    >>> offers(choice([("Left", -1, "ArrowLeft"), ("Right", 1, "ArrowRight")], "Where to?"))
    (['-1', '1'], False)
    """
    found = _Offers()
    found.feed(fragment.html)
    return found.actions, found.by_input
