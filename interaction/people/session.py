"""A session: what one person does in a study, as the fold of its events.

Nothing but the study and the events goes in, so that whoever has both can play the session again: the server
after a restart, an auditor, an analysis. `prompt` says what is to be shown now; `accept` takes what happened
and gives what is to be logged. What was logged, accepted again, gives the same: that is what `replay` checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from interaction.errors import ArgumentError, EpisodeError, InteractionError, unknown_name
from interaction.membership import membership
from interaction.people.events import Event, decode, encode
from interaction.people.game import Round, Waiting
from interaction.people.study import Break, Condition, End, Episode, Page, Questions, Step, Study
from interaction.state import State, Value

Payload = dict[str, Any]

NOTES = ("noted", "connected", "returned", "failed")
"""The kinds of events that are kept, and change nothing."""


@dataclass(frozen=True)
class Prompt:
    """What is to be shown now: a step of the study and, at a turn of the person, the observation."""

    number: int
    step: Step
    observation: State | None = None
    episode: int | None = None
    round: int | None = None

    @property
    def kind(self) -> str:
        """The kind of it: page, questions, break, turn or end."""
        return _KINDS[type(self.step)]


_KINDS = {Page: "page", Questions: "questions", Break: "break", Episode: "turn", End: "end"}


class ReplayError(InteractionError):
    """A log does not replay: the code is not that with which it was made; it names the first such event."""


class Session:
    """What one person does in a study (see the module)."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.opening: Payload = {}
        self.number = 0
        self.steps: tuple[Step, ...] = ()
        self.waiting: Waiting | None = None
        self.over = False
        self.rounds: tuple[Round, ...] = ()

    @property
    def condition(self) -> Condition:
        """The condition of the session."""
        return self.study.condition(self.opening["condition"])

    @property
    def prompt(self) -> Prompt:
        """What is to be shown now."""
        if not self.steps:
            raise EpisodeError("the session has not begun: accept its first event, 'began'")
        step = self.steps[self.number]
        if self.waiting is None:
            return Prompt(self.number, step)
        game = self.waiting.game
        return Prompt(self.number, step, self.waiting.observation, step.index, game.round_index)

    def accept(self, kind: str, payload: Mapping[str, Any]) -> Payload:
        """Take what happened, and give the payload to log. On an error the session is as it was."""
        takers = {"began": self._began, "page": self._page, "answer": self._answer}
        takers |= {"action": self._action, "ended": self._ended}
        takers |= dict.fromkeys(NOTES, self._note)
        if kind not in takers:
            raise unknown_name(kind, takers, "session: kind of event")
        if self.over and kind not in NOTES:
            raise EpisodeError(f"the session is over, and takes no event of the kind {kind!r}")
        self.rounds = ()
        return takers[kind](dict(payload))

    def _began(self, payload: Payload) -> Payload:
        if self.steps:
            raise EpisodeError("the session has begun already")
        self.study.condition(payload["condition"])
        self.opening = payload
        self.steps = self.study.steps()
        self._enter(0)
        return payload

    def _page(self, payload: Payload) -> Payload:
        self._expect(payload, Page, Break)
        self._enter(self.number + 1)
        return {"step": self.number - 1}

    def _answer(self, payload: Payload) -> Payload:
        step = self._expect(payload, Questions)
        values = {item.name: item.check(payload["values"].get(item.name)) for item in step.items}
        self._enter(self.number + 1)
        return {"step": self.number - 1, "values": values}

    def _action(self, payload: Payload) -> Payload:
        step = self._expect(payload, Episode)
        assert self.waiting is not None
        action = read_action(self.condition, payload["action"])
        kept = payload | {"episode": step.index, "round": self.waiting.game.round_index}
        after = self.waiting.act(action)
        kept |= {"action": encode(action), "digest": after.digest}
        self.rounds = after.rounds
        self.waiting = after
        if after.over:
            self._enter(self.number + 1)
        return kept

    def _ended(self, payload: Payload) -> Payload:
        self._expect(payload, End)
        self.over = True
        return payload

    def _note(self, payload: Payload) -> Payload:
        return payload

    def _expect(self, payload: Payload, *kinds: type) -> Any:
        step = self.steps[self.number] if self.steps else None
        if not isinstance(step, kinds):
            raise EpisodeError(f"expected an event for {self.prompt.kind!r}")
        if payload.get("step", self.number) != self.number:
            raise ArgumentError(f"expected step {self.number}, got {payload['step']!r}")
        return step

    def _enter(self, number: int) -> None:
        step = self.steps[number]
        waiting = None
        if isinstance(step, Episode):
            waiting = Waiting(self.condition.bundle, self.condition.role, self.opening["seed"], step.index)
        self.number, self.waiting = number, waiting


def read_action(condition: Condition, found: Any) -> Value:
    """Give an action from its JSON, as the action space says it; raise a `SpaceError` for one outside."""
    member = membership(condition.action_space)
    action = member.conform(decode(found))
    member.check(action, "action")
    return action


def replay(study: Study, events: Iterable[Event]) -> Session:
    """Play a session again from its events."""
    session = Session(study)
    for event in events:
        again = session.accept(event.kind, event.payload)
        if again != event.payload:
            raise ReplayError(
                f"event {event.sequence} ({event.kind}): {event.payload} was logged, got {again}"
            )
    return session
