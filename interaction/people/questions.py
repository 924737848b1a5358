"""Questions that a person answers on a page: on a scale, one of several options, or in their own words."""

from __future__ import annotations

import json
from collections.abc import Sequence

from interaction.errors import ArgumentError
from interaction.people.fragments import Fragment, tag
from interaction.people.steps import LONGEST_ANSWER, Questionnaire
from interaction.people.texts import TEXTS, Texts


def question(item: Questionnaire) -> Fragment:
    """Give a question as a part of a form: a scale, options, or a field for words.

    >>> from interaction.people import Questionnaire
    >>> from interaction.people.questions import question
    >>> question(Questionnaire("remark", "Is there anything else?", optional=True)).html[:57]
    '<div class="row tall"><label for="text-remark">Is there a'
    """
    required = not item.optional
    if item.options:
        return choose(item.name, item.question, item.options, required)
    if item.low is None or item.high is None:
        return write(item.name, item.question, required)
    return scale(item.name, item.question, item.low, item.high, item.labels, required)


def scale(
    name: str, question: str, low: int, high: int, labels: Sequence[str] = (), required: bool = True
) -> Fragment:
    """Make a question that is answered by a number from `low` to `high`.

    `labels` say what the two ends mean, or each number of them. Raises `ArgumentError` for another number of
    labels.

    >>> from interaction.people.questions import scale
    >>> scale("ease", "How easy was it?", 1, 7, ("not at all", "very")).html.count('type="radio"')
    7
    """
    values = range(low, high + 1)
    if len(labels) not in (0, 2, len(values)):
        raise ArgumentError(f"{name}: labels: expected none, two or {len(values)}, got {labels!r}")
    ends = dict(zip((low, high) if len(labels) == 2 else values, labels, strict=False))
    fixed = {"type": "radio", "name": name, "data_path": json.dumps([name]), "data_kind": "number"}
    radios = [
        tag(
            "label",
            tag("input", value=value, required=required, **fixed),
            tag("span", value, tag("span", f" {ends[value]}", class_="unseen") if ends.get(value) else None),
        )
        for value in values
    ]
    meant = tag("div", [tag("span", label) for label in labels], class_="ends", aria_hidden="true")
    return tag(
        "fieldset", tag("legend", question), tag("div", radios, class_="scale"), meant if labels else None
    )


def choose(name: str, question: str, options: Sequence[str], required: bool = True) -> Fragment:
    """Make a question that is answered by one of several options.

    >>> from interaction.people.questions import choose
    >>> choose("hand", "Which hand did you use?", ("left", "right")).html.count('type="radio"')
    2
    """
    fixed = {"type": "radio", "name": name, "data_path": json.dumps([name]), "data_kind": "text"}
    radios = [
        tag(
            "label",
            tag("input", value=option, required=required, **fixed),
            tag("span", option),
            class_="tick",
        )
        for option in options
    ]
    return tag("fieldset", tag("legend", question), radios)


def write(name: str, question: str, required: bool = False, most: int = LONGEST_ANSWER) -> Fragment:
    """Make a question that is answered in the person's own words, up to `most` characters.

    >>> from interaction.people.questions import write
    >>> "textarea" in write("comment", "Is there anything else?").html
    True
    """
    fixed = {"id": f"text-{name}", "data_path": json.dumps([name]), "data_kind": "text", "required": required}
    label = tag("label", question, for_=f"text-{name}")
    return tag("div", label, tag("textarea", rows=4, maxlength=most, **fixed), class_="row tall")


def questions(items: list[Fragment], texts: Texts = TEXTS["en"]) -> Fragment:
    """Make the page of a questionnaire from its questions (`scale`, `choose`, `write`).

    >>> from interaction.people.questions import questions, scale
    >>> "<form" in questions([scale("ease", "How easy was it?", 1, 7)]).html
    True
    """
    send = tag("button", texts["send"], type="submit", class_="primary")
    error = tag("p", class_="error", role="alert")
    form = tag(
        "form",
        items,
        error,
        send,
        class_="questions",
        data_type="answer",
        data_template="{}",
        novalidate=True,
    )
    return tag("h1", texts["questions"]) + form
