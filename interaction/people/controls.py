"""A form that asks for an action of any space: a slider, a field, a list or a box to tick for each number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from interaction.errors import ArgumentError
from interaction.people.events import encode
from interaction.people.fragments import Fragment, tag
from interaction.people.texts import TEXTS, Texts
from interaction.spaces import (
    Box,
    Choice,
    Dict,
    Discrete,
    MultiBinary,
    MultiDiscrete,
    Space,
    Text,
    elements,
    first,
)

Path = tuple[str, ...]
MOST = 64  # numbers that a form asks for
MOST_RADIOS = 7  # alternatives that are all shown; more are a list that opens
MOST_STEPS = 200  # whole numbers that a slider offers; more are typed
EXACT = 2**53  # up to here a browser's numbers are exact


def controls(action_space: Space[Any], texts: Texts = TEXTS["en"]) -> Fragment:
    """Make the form that asks for an action, with a button that sends it.

    The page puts what each control says into the form's `data-template`, an action as `encode` gives it, at
    the `data-path` of the control. Raises `ArgumentError` for a space of another kind and for more than 64
    numbers.

    >>> from interaction import spaces
    >>> from interaction.people.controls import controls
    >>> form = controls(spaces.Dict(arm=spaces.Discrete(3), sure=spaces.real(0.0, 1.0)))
    >>> form.html.count('type="radio"'), form.html.count('type="range"')
    (3, 1)
    """
    parts = list(_leaves(action_space, ()))
    number = sum(max(1, len(entries)) for _, _, entries in parts)
    if number > MOST:
        raise ArgumentError(
            f"a page asks for up to {MOST} numbers at once, got {number} in {action_space}: write a view "
            f"(docs: how to write a view)"
        )
    rows = [
        _control(path, space, entry, place, texts)
        for path, space, entries in parts
        for place, entry in enumerate(entries or [()])
    ]
    send = tag("button", texts["send"], type="submit", class_="primary")
    template = json.dumps(encode(first(action_space)))
    error = tag("p", class_="error", role="alert")
    return tag(
        "form",
        rows,
        error,
        send,
        class_="controls",
        data_type="action",
        data_template=template,
        novalidate=True,
    )


def _leaves(space: Space[Any], path: Path) -> Iterator[tuple[Path, Space[Any], list[tuple[int, ...]]]]:
    """Give each leaf with its path, and the indices of its entries where it is an array."""
    if isinstance(space, Dict):
        for name, part in space.spaces.items():
            yield from _leaves(part, (*path, str(name)))
    elif isinstance(space, Box | MultiDiscrete | MultiBinary):
        shape = tuple(space.shape or ())
        yield path, space, list(np.ndindex(*shape)) if shape else []
    elif isinstance(space, Discrete | Choice | Text):
        yield path, space, []
    else:
        raise ArgumentError(
            f"a page has no control for {space}: expected Discrete, Choice, Box, MultiDiscrete, MultiBinary, "
            f"Text or a Dict of these; or write a view"
        )


def _control(path: Path, space: Space[Any], entry: tuple[int, ...], place: int, texts: Texts) -> Fragment:
    """Make the control of one number (or text), with its label: the `place`-th entry of an array."""
    words = [part.replace("_", " ") for part in path] + [str(index + 1) for index in entry]
    label = " ".join(words) or texts["choose"]
    name = "-".join(map(str, ("action", *path, *entry)))
    inside = [key for part in path for key in ("$state", part)] + (["$array", place] if entry else [])
    fixed = {"id": name, "name": name, "data_path": json.dumps(inside)}
    if isinstance(space, Text):
        sizes = {
            "minlength": space.min_length,
            "maxlength": space.max_length,
            "required": space.min_length > 0,
        }
        return _row(
            label, name, tag("input", type="text", data_kind="text", autocomplete="off", **fixed, **sizes)
        )
    if isinstance(space, MultiBinary) or (isinstance(space, Box) and np.dtype(space.dtype).kind == "b"):
        kind = "flag" if isinstance(space, Box) else "bit"
        box = tag("input", type="checkbox", data_kind=kind, **fixed)
        return tag("label", box, tag("span", label), class_="tick")
    if isinstance(space, Box):
        return _number(label, name, fixed, space, entry)
    if isinstance(space, MultiDiscrete):
        start, size = int(np.asarray(space.start)[entry]), int(np.asarray(space.nvec)[entry])
        values = [*range(start, start + size)]
    else:
        values = elements(space)
    if len(values) > MOST_STEPS:
        low, high = min(values), max(values)
        return _number(label, name, fixed, Box(low, high, (), np.int64), ())
    if len(values) > MOST_RADIOS:
        options = [tag("option", value, value=value) for value in values]
        return _row(label, name, tag("select", options, data_kind="number", **fixed))
    del fixed["id"]
    radios = [
        tag(
            "label",
            tag("input", type="radio", value=value, required=True, data_kind="number", **fixed),
            tag("span", value),
        )
        for value in values
    ]
    return tag("fieldset", tag("legend", label), tag("div", radios, class_="scale"))


def _number(label: str, name: str, fixed: dict[str, str], box: Box, entry: tuple[int, ...]) -> Fragment:
    """Make a slider where there are bounds and not too many steps between them, else a field to type in."""
    low, high = np.asarray(box.low)[entry].item(), np.asarray(box.high)[entry].item()
    whole = np.dtype(box.dtype).kind in "iu"
    if np.isfinite(low) and np.isfinite(high) and (not whole or high - low <= MOST_STEPS):
        start = (low + high) // 2 if whole else (low + high) / 2
        limits = {"min": repr(low), "max": repr(high), "step": 1 if whole else "any", "value": repr(start)}
        slider = tag("input", type="range", data_kind="number", **fixed, **limits)
        return _row(label, name, tag("div", slider, tag("output", start, for_=name), class_="slider"))
    bounds = {
        side: repr(bound)
        for side, bound in (("min", low), ("max", high))
        if np.isfinite(bound) and abs(bound) < EXACT
    }
    step = 1 if whole else "any"
    mode = "numeric" if whole else "decimal"
    field = tag(
        "input",
        type="number",
        data_kind="number",
        step=step,
        inputmode=mode,
        required=True,
        **fixed,
        **bounds,
    )
    return _row(label, name, field)


def _row(label: str, name: str, control: Fragment) -> Fragment:
    return tag("div", tag("label", label, for_=name), control, class_="row")
