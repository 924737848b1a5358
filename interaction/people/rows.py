"""The rows of a study's data: what each session, played again, says of its rounds, its answers and itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from interaction.people.events import Event
from interaction.people.game import Round
from interaction.people.session import Session, replaying
from interaction.people.steps import Episode
from interaction.people.study import Study
from interaction.state import State, Value, flatten
from interaction.turns import USER_OBSERVES

Row = dict[str, Any]


def rows_of(study: Study, log: Sequence[Event]) -> tuple[list[Row], Row, Row]:
    """Give the rows of a session's rounds, and that of its answers and of itself."""
    session = Session(study)
    rounds: list[Row] = []
    answers: Row = {}
    noted: list[str] = []
    for event in replaying(session, log):
        payload = event.payload
        if event.kind == "noted":
            noted.append(str(payload.get("what")))
        elif event.kind == "returned" or (event.kind == "connected" and payload.get("epoch", 1) > 1):
            noted.append("returned" if event.kind == "returned" else "reload")
        elif event.kind == "answer":
            answers |= payload["values"]
        elif event.kind == "restarted":
            answers, noted = {}, []
        for ended in session.rounds:
            own = (ended.episode, ended.index) == (payload.get("episode"), payload.get("round"))
            rounds.append(_round(session, ended) | (_times(event, noted) if own else {}))
        if event.kind in ("action", "page", "answer"):
            noted = []
    who = {name: session.opening.get(name) for name in ("participant", "condition")}
    about = {
        "session": log[0].session,
        "seed": session.opening["seed"],
        "began": log[0].time,
        "last": log[-1].time,
        "finished": session.over,
        "step": session.number,
        "steps": len(session.steps),
        "restarts": session.restarts,
        "fingerprint": session.opening.get("fingerprint"),
        **{f"url.{name}": value for name, value in session.opening.get("url", {}).items()},
    }
    return [who | row for row in rounds], who | answers, who | about


def _round(session: Session, ended: Round) -> Row:
    """Give what was played in a round: actions, the task's state at its end, and how the episode began."""
    first = next(step.index for step in session.steps if isinstance(step, Episode))
    game = ended.game
    parts = {"user_action": game.user_action, "assistant_action": game.assistant_action}
    if game.turn_index != USER_OBSERVES:  # the user ended the game
        parts["assistant_action"] = None
    task = State(task_state=game.task_state, start=State(task_state=ended.start.task_state))
    return {
        "episode": ended.episode,
        "round": ended.index,
        "practice": ended.episode - first < session.study.practice,
        "restarts": session.restarts,
        **dict(_cells(State(**parts))),
        **dict(_cells(task)),
        "reward": float(ended.rewards.total),
    }


def _times(event: Event, noted: list[str]) -> Row:
    """Give when and how a round's action came, and what was noted while it was waited for."""
    told = {name: event.payload.get(name) for name in ("response_time", "shown", "pressed", "acted", "by")}
    path = event.payload.get("path")
    return {
        **told,
        "path": None if path is None else json.dumps(path),
        "noted": " ".join(noted),
        "time": event.time,
    }


def _cells(state: State) -> Iterator[tuple[str, Value]]:
    """Walk over the numbers of a state, each with its path; the entries of arrays one by one."""
    for path, value in flatten(state):
        if isinstance(value, np.ndarray):
            for entry in np.ndindex(*value.shape):
                yield f"{path}[{','.join(map(str, entry))}]", value[entry].item()
        elif value is not None:
            yield path, value
