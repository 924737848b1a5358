"""The messages between a page and the server: JSON over a WebSocket, checked before anything else is done."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, NoReturn

from interaction.errors import InteractionError
from interaction.people.actions import LARGEST

KINDS = ("page", "answer", "action", "noted")
"""What a page tells, which becomes an event of the log."""

_MEMBERS: dict[str, dict[str, type]] = {  # what the payload of a kind may hold, and of which type
    "page": {"step": int},
    "answer": {"step": int, "values": dict},
    "action": {
        "action": object,
        "shown": float,
        "acted": float,
        "response_time": float,
        "by": str,
        "pressed": float,
        "path": list,
    },
    "noted": {"what": str, "at": float, "value": object},
}
_NEEDED = {"page": "", "answer": "values", "action": "action", "noted": "what"}
DEEPEST = 20  # levels of an action or an answer
LONGEST = 40  # characters of the name of what is noted, and of what acted
MOST_NOTED = 1_000  # characters of JSON of the value of what is noted


class ProtocolError(InteractionError, ValueError):
    """A message of a page is not what the protocol says: its text is told to the page as the reason."""


class Message(NamedTuple):
    """What a page sent: a kind of event with its place in the session, or `hello` or `ping`.

    `epoch` counts the pages that were opened one after the other: the newest one plays. `sequence` is that of
    the event which this is to become, `round` the round of the turn that the page showed.

    >>> from interaction.people.protocol import read
    >>> read('{"type": "action", "epoch": 1, "sequence": 7, "round": 3, "payload": {"action": 1}}')
    Message(type='action', epoch=1, sequence=7, round=3, payload={'action': 1})
    """

    type: str
    epoch: int | None
    sequence: int = -1
    round: int | None = None
    payload: Mapping[str, Any] = {}


def read(text: str | bytes) -> Message:
    """Read what a page sent. Raises `ProtocolError` for what is no message.

    >>> from interaction.people.protocol import ProtocolError, read
    >>> read('{"type": "hello", "epoch": null}').epoch is None
    True
    >>> try:
    ...     read('{"type": "action", "epoch": 1, "sequence": -7, "payload": {"action": 1}}')
    ... except ProtocolError as error:
    ...     print(error)
    sequence: expected a whole number from 0 on, got -7
    """
    try:
        found = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        if "\\u" in str(text):
            found = _paired(found)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"expected JSON ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise ProtocolError(f"expected a message with a type, got {_short(found)}")
    kind = found.get("type")
    if kind == "hello":
        _only(found, ("type", "epoch"), "hello")
        return Message("hello", _whole(found, "epoch", or_none=True))
    if kind == "ping":
        _only(found, ("type", "at"), "ping")
        return Message("ping", None, payload={"at": _number(found.get("at"), "at")})
    if kind not in KINDS:
        raise ProtocolError(f"type: expected one of hello, ping, {', '.join(KINDS)}, got {_short(kind)}")
    _only(found, ("type", "epoch", "sequence", "round", "payload"), kind)
    payload = found.get("payload")
    if not isinstance(payload, dict):
        raise ProtocolError(f"payload: expected an object, got {_short(payload)}")
    place = _whole(found, "round", or_none=True) if "round" in found else None
    epoch, sequence = _whole(found, "epoch"), _whole(found, "sequence")
    assert sequence is not None
    return Message(kind, epoch, sequence, place, _checked(kind, payload))


def _checked(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    members = _MEMBERS[kind]
    _only(payload, members, f"payload of {kind}")
    needed = _NEEDED[kind]
    if needed and needed not in payload:
        raise ProtocolError(f"payload of {kind}: {needed} is missing")
    for name, value in payload.items():
        if members[name] is float:
            _number(value, name)
        elif members[name] is int:
            _whole(payload, name)
        elif not isinstance(value, members[name]):
            raise ProtocolError(f"{name}: expected a {members[name].__name__}, got {_short(value)}")
        _shallow(value, name, DEEPEST)
    for name in ("what", "by"):
        if len(payload.get(name, "")) > LONGEST:
            raise ProtocolError(f"{name}: expected at most {LONGEST} characters, got {_short(payload[name])}")
    if kind == "noted" and len(json.dumps(payload.get("value"))) > MOST_NOTED:
        raise ProtocolError(f"value: expected at most {MOST_NOTED:,} characters of JSON in what is noted")
    return payload


def _only(found: Mapping[str, Any], names: Any, where: str) -> None:
    for name in found:
        if name not in names:
            raise ProtocolError(f"{where}: there is no {_short(name)}; it may hold {', '.join(names)}")


def _whole(found: Mapping[str, Any], name: str, *, or_none: bool = False) -> int | None:
    value = found.get(name)
    if value is None and or_none:
        return None
    if type(value) is not int or not 0 <= value < 2**31:
        raise ProtocolError(f"{name}: expected a whole number from 0 on, got {_short(value)}")
    return value


def _number(value: object, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or abs(value) > LARGEST:
        raise ProtocolError(f"{name}: expected a number, got {_short(value)}")
    return value


def _shallow(value: object, name: str, left: int) -> None:
    if left == 0:
        raise ProtocolError(f"{name}: expected at most {DEEPEST} levels")
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            if isinstance(part, dict | list):
                _shallow(part, name, left - 1)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    """Read a number; one too large to be a float is none."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(text)
    return value


def _paired(found: Any) -> Any:
    """Give what was read with �, in its texts, for halves of a character: no file can hold these."""
    if isinstance(found, str):
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(found, list):
        return [_paired(part) for part in found]
    if isinstance(found, dict):
        return {_paired(name): _paired(part) for name, part in found.items()}
    return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
