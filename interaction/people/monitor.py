"""The researcher's page: where each session stands, and what the assistants believe, live."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from interaction.agent import Agent
from interaction.display import show
from interaction.inference.partner_model import PartnerModelFilter
from interaction.inference.posterior import Posterior
from interaction.people import pages
from interaction.people.fragments import tag
from interaction.people.identity import same_token
from interaction.people.live import Live, Room
from interaction.people.seats import Standing
from interaction.people.session import Session
from interaction.state import flatten

MOST_SHOWN = 12  # values of a parameter that are told with their weights; of more, the mean and an interval

MISSING = (
    "the token is missing or wrong: open the address that `interaction serve` has printed, with all after #"
)


class Monitor:
    """The page at `/monitor`, which holds nothing, and what it asks for with its token each second."""

    def __init__(self, room: Room, token: str) -> None:
        self._room, self._token = room, token
        self._asking = asyncio.Lock()

    async def page(self, request: Request) -> Response:
        """Give the page: its address ends in `#TOKEN`, which a browser does not send."""
        head = tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", "Monitor"),
            tag("link", rel="icon", href="data:,"),
            tag("link", rel="stylesheet", href=pages.address("page.css")),
            tag("link", rel="stylesheet", href=pages.address("monitor.css")),
            tag("script", src=pages.address("monitor.js"), defer=True),
        )
        body = tag("body", tag("p", id="alert", role="alert"), tag("main", id="main"), data_kind="monitor")
        return HTMLResponse("<!doctype html>" + tag("html", head, body, lang="en").html)

    async def sessions(self, request: Request) -> Response:
        """Give all sessions as JSON to who has the token."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not same_token(token, self._token):
            return JSONResponse({"error": MISSING}, 401)
        async with self._asking:  # one at a time, however many look on
            return JSONResponse(await self._told())

    async def _told(self) -> dict[str, Any]:
        room = self._room
        counts = {name: count._asdict() for name, count in room.counts().items()}
        sessions = await room.read(self._sessions, dict(room.live))
        return {"study": room.study.name, "counts": counts, "sessions": sessions}

    def _sessions(self, in_memory: Mapping[str, Live]) -> list[dict[str, Any]]:
        sessions = []
        for standing in self._room.store.standings():
            seat = standing.seat
            live = in_memory.get(seat.session)
            sessions.append(
                {
                    "session": seat.session,
                    "participant": seat.participant,
                    "condition": seat.condition,
                    "events": standing.events,
                    "began": standing.began,
                    "last": standing.last,
                    "state": _state(standing, live),
                    "failed": standing.failed,
                    **({} if live is None or live.session is None else _place(live.session)),
                }
            )
        return sessions


def _state(standing: Standing, live: Live | None) -> str:
    if standing.ended:
        return "finished"
    if standing.failed is not None:
        return "failed"
    return "here" if live is not None and live.line is not None else "away"


def _place(session: Session) -> dict[str, Any]:
    """Tell where a session in memory stands, and what the other agent believes."""
    prompt = session.prompt
    place = {"shows": prompt.kind, "step": prompt.number, "episode": prompt.episode, "round": prompt.round}
    waiting = session.waiting
    if waiting is None:
        return place
    bundle, game = session.condition.bundle, waiting.game
    other, state = (
        (bundle.assistant, game.assistant_state)
        if session.condition.role == "user"
        else (bundle.user, game.user_state)
    )
    try:
        return place | {"belief": [] if other is None else beliefs(other, state)}
    except Exception as error:  # of an agent, which may be anybody's code: the other sessions are told still
        return place | {"belief": [{"name": type(error).__name__, "text": str(error)}]}


def beliefs(agent: Agent, state: Any) -> list[dict[str, Any]]:
    """Tell what an agent believes: for each hidden parameter the `weights` of its values, or a `text`.

    Of an agent without a filter, it is its state that is told.

    >>> from interaction import BelievingAssistant, EpisodeRandom, Grid, UserModelFilter
    >>> from interaction.assistants.pointing import ConstantGainPolicy
    >>> from interaction.people.monitor import beliefs
    >>> from interaction.users.pointing import CarefulPointer
    >>> belief = UserModelFilter(CarefulPointer(), Grid({"error_rate": [0.0, 0.2]}))
    >>> watching = BelievingAssistant(belief, ConstantGainPolicy(1.0))
    >>> beliefs(watching, watching.reset(EpisodeRandom(seed=0)))
    [{'name': 'error_rate', 'weights': [('0', 0.5), ('0.2', 0.5)]}]
    """
    filters: Iterable[PartnerModelFilter] = getattr(agent, "beliefs", ())
    posteriors = [one.posterior(state) for one in filters]
    told = [{"name": name} | _weighed(one, name) for one in posteriors for name in one.values]
    return told or [{"name": path, "text": show(value)} for path, value in flatten(state)]


def _weighed(posterior: Posterior, name: str) -> dict[str, Any]:
    if posterior.values[name].ndim == 1:
        values, weights = posterior.marginal(name)
        if len(values) <= MOST_SHOWN and np.isfinite(weights).all():
            return {"weights": [*zip(map(show, values.tolist()), weights.tolist(), strict=True)]}
    low, high = posterior.interval(name, 0.9)
    return {"text": f"{show(posterior.mean(name))} (90 % between {show(low)} and {show(high)})"}
