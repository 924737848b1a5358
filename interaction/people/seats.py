"""The seats of a study: who sits there, with what they were given, and where each stands in the log."""

from __future__ import annotations

from typing import NamedTuple


class Seat(NamedTuple):
    """Who a session is: its public name, its number, and what it was given when it began.

    `secret` is the hash of what the participant's cookie holds, or None for who has no cookie (a bot in
    process). `version` counts the changes of the study's code that the store was told of, from 0.

    >>> from interaction.people.seats import Seat
    >>> Seat("a3f0", participant=0, condition="informed", version=0).secret is None
    True
    """

    session: str
    participant: int
    condition: str
    version: int
    secret: str | None = None


class Standing(NamedTuple):
    """Where a session stands in the log: how many events, since when, until when, and whether it ended.

    `failed` is the code of the apology, where that is what the participant was shown last.

    >>> from interaction.people.seats import Seat, Standing
    >>> seat = Seat("a3f0", participant=0, condition="informed", version=0)
    >>> Standing(seat, 12, "2026-11-30T08:00:00+00:00", "2026-11-30T08:09:30+00:00", ended=False).events
    12
    """

    seat: Seat
    events: int
    began: str
    last: str
    ended: bool
    failed: str | None = None
