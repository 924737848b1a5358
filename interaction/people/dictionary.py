"""The data dictionary: what each column of a study's tables means, in which unit, and what it may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from interaction.people.steps import Questionnaire
from interaction.people.study import Study
from interaction.spaces import Space, leaves

_MEANINGS = {  # meaning, unit
    "participant": ("number of the participant, from 0; `fit` reads it as `user`", ""),
    "condition": ("condition that the participant was given", ""),
    "episode": ("index of the episode under the session's seed, from 0, practice included", ""),
    "round": ("round of the episode, from 0", ""),
    "practice": ("whether the episode is practice", ""),
    "restarts": ("how many times the participant had begun again", ""),
    "reward": ("sum of all that was paid in the round", "of the task"),
    "response_time": ("from the frame that showed the observation to the input", "s"),
    "shown": ("when the observation was shown, on the clock of the page", "ms"),
    "pressed": ("when the pointer went down, in a plane, on the clock of the page", "ms"),
    "acted": ("when the participant acted, on the clock of the page", "ms"),
    "by": ("with what the participant acted: mouse, key, touch; or bot", ""),
    "path": ("path of the pointer before the action, [[ms, x, y], …] in JSON", "ms, of the view"),
    "noted": (
        "what came before the action: hidden, visible, blur, focus, key_repeat, …; reload (the page was "
        "opened anew: the response time counts from then on) and returned (the line had been lost)",
        "",
    ),
    "time": ("when the server took the action, by its clock on the wall", "ISO 8601"),
    "session": ("name of the session in the log", ""),
    "seed": ("seed of the session: with the log, all that is needed to play it again", ""),
    "began": ("when the session began", "ISO 8601"),
    "last": ("when its last event came", "ISO 8601"),
    "finished": ("whether the participant came to the end", ""),
    "step": ("index of the step at which the session stands", ""),
    "steps": ("how many steps there are", ""),
    "fingerprint": ("of the study's specification and code when the session began", ""),
}


def describe(study: Study, tables: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
    """Give a row for each column of each table: what it means, its unit, and what it may hold.

    >>> from interaction.people.dictionary import describe
    """
    asked = {item.name: item for item in study.after if isinstance(item, Questionnaire)}
    held = _spaces(study)
    return [
        {"table": table, "column": name}
        | (_question(asked[name]) if table == "answers" and name in asked else _meaning(name, held))
        for table, names in tables.items()
        for name in names
    ]


def _meaning(name: str, held: Mapping[str, str]) -> dict[str, str]:
    path = name.partition("[")[0]
    if name in _MEANINGS:
        meaning, unit = _MEANINGS[name]
        return {"meaning": meaning, "unit": unit, "values": ""}
    if name.startswith("url."):
        return {
            "meaning": f"{name[4:]!r} of the address with which the participant came",
            "unit": "",
            "values": "",
        }
    part, _, rest = path.removeprefix("start.").partition(".")
    whose = {
        "user_action": "action of the user",
        "assistant_action": "action of the assistant; missing where the user ended the game before",
        "task_state": f"{rest!r} of the task's state",
    }[part]
    when = "at the beginning of the episode" if path.startswith("start.") else "at the end of the round"
    when = "" if part != "task_state" else f", {when}"
    return {"meaning": f"{whose}{when}", "unit": "", "values": held.get(path.removeprefix("start."), "")}


def _question(item: Questionnaire) -> dict[str, str]:
    values = "text"
    if item.options:
        values = "; ".join(item.options)
    elif item.low is not None:
        ends = f" ({item.labels[0]} to {item.labels[1]})" if item.labels else ""
        values = f"{item.low} to {item.high}{ends}"
    return {"meaning": item.question, "unit": "", "values": values}


def _spaces(study: Study) -> dict[str, str]:
    """Give the spaces of what a game holds, by path; where conditions differ, each of them."""
    found: dict[str, dict[str, None]] = {}
    for condition in study.conditions.values():
        space: Space[Any] = condition.bundle.spaces
        for path, part in leaves(space):
            found.setdefault(path, {})[str(part)] = None
    return {path: " or ".join(parts) for path, parts in found.items()}
