"""A session: what one person does in a study, as the fold of its events.

Nothing goes in but the study and the events, so that whoever has both can play the session again: the server
after a restart, an auditor, an analysis. `prompt` says what is to be shown now; `accept` takes what happened
and gives what is to be logged. What was logged, accepted again, gives itself: that is what `replay` checks.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from reprlib import repr as short
from typing import Any, ClassVar

from interaction.errors import ArgumentError, EpisodeError, InteractionError, unknown_name
from interaction.people.actions import TOLD, read_action, read_told
from interaction.people.condition import Condition
from interaction.people.events import Event, Json, encode
from interaction.people.game import Round, Waiting
from interaction.people.specification import versions
from interaction.people.steps import Break, End, Episode, Page, Questions, Step
from interaction.people.study import Study
from interaction.random import check_seed
from interaction.spaces import elements
from interaction.state import State

Payload = dict[str, Json]

NOTES = ("noted", "connected", "returned", "failed")
"""The kinds of events that are kept, and change nothing."""

_KINDS = {Page: "page", Questions: "questions", Break: "break", Episode: "turn", End: "end"}


@dataclass(frozen=True)
class Prompt:
    """What is to be shown now: a step of the study and, at a turn of the person, the observation.

    `number` is that of the step, `of` how many there are. `kind` is "page", "questions", "break", "turn" or
    "end".

    >>> from interaction.people import Page, Prompt
    >>> Prompt(0, 4, Page("# Welcome")).kind
    'page'
    """

    number: int
    of: int
    step: Step
    observation: State | None = None
    episode: int | None = None
    round: int | None = None

    @property
    def kind(self) -> str:
        """The kind of it."""
        return _KINDS[type(self.step)]


class ReplayError(InteractionError):
    """A log does not replay; it names the first event that gives something else than was logged."""


class Session:
    """What one person does in a study.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Page, Person, Session, Study
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=2, pages=[Page("# Two machines")])
    >>> session = Session(study)
    >>> began = session.accept("began", study.opening(participant=0))
    >>> session.prompt.kind, session.accept("page", {}), session.prompt.kind
    ('page', {'step': 0}, 'turn')
    >>> session.accept("action", {"action": 1, "shown": 2000.0, "acted": 2650.0})["response_time"]
    0.65
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self.opening: Payload = {}
        self.steps: tuple[Step, ...] = ()
        self.number = 0  # of the step that is shown
        self.waiting: Waiting | None = None  # the episode, where the step is one
        self.rounds: tuple[Round, ...] = ()  # that the last event brought to their end
        self.over = False
        self.restarts = 0
        self._episodes = 0  # how many have been begun, also before a restart
        self._ahead: tuple[Waiting, dict[str, Waiting]] | None = None  # what follows, and what it follows
        self._thought: Waiting | None = None  # of what that was computed last, or is being computed

    @property
    def condition(self) -> Condition:
        """The condition that the participant was given."""
        self._check_begun()
        return self.study.condition(self.opening["condition"])

    @property
    def prompt(self) -> Prompt:
        """What is to be shown now."""
        self._check_begun()
        shown, waiting = Prompt(self.number, len(self.steps), self.steps[self.number]), self.waiting
        if waiting is None:
            return shown
        return replace(
            shown, observation=waiting.observation, episode=waiting.episode, round=waiting.game.round_index
        )

    def accept(self, kind: str, payload: Mapping[str, Json]) -> Payload:
        """Take what happened, and give the payload to log; on an error the session stays as it was.

        Raises `SpaceError` for an action outside its space, `ArgumentError` for what is no such payload, and
        `EpisodeError` for an event at the wrong moment.

        >>> from interaction import Bundle, spaces
        >>> from interaction.people import Condition, Person, Session, Study
        >>> from interaction.tasks.bandit import MultiArmedBanditTask
        >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
        >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1)
        >>> session = Session(study)
        >>> session.accept("began", study.opening(participant=0))["condition"]
        'plain'
        >>> session.accept("action", {"action": 1})
        {'episode': 0, 'round': 0, 'action': 1, 'digest': 'bb19b774692d1077'}
        """
        if kind not in self._TAKES:
            raise unknown_name(kind, self._TAKES, "session: kind of event")
        if not isinstance(payload, Mapping):
            raise ArgumentError(f"{kind}: expected a dict, got {short(payload)}")
        if self.over and kind not in NOTES:
            raise EpisodeError(f"the session is over, and takes no event of the kind {kind!r}")
        after = copy.copy(self)
        after.rounds = ()
        kept = self._TAKES[kind](after, dict(payload))
        vars(self).update(vars(after))
        return kept

    def think_ahead(self) -> None:
        """Compute what follows each action, where the condition says so; `accept` then has it at once.

        It may go on in a thread, and the person act meanwhile: what was computed then counts for nothing.
        Asked again about the same turn, it does nothing.
        """
        waiting = self.waiting
        if waiting is not None and waiting is not self._thought and self.condition.ahead:
            self._thought = waiting
            actions = elements(self.condition.action_space)
            found = zip(actions, waiting.ahead(actions), strict=True)
            self._ahead = waiting, {str(encode(action)): after for action, after in found}

    # What each kind of event does to a session: `accept` lets a copy of it take the event.

    def _take_opening(self, payload: Payload) -> Payload:
        if self.opening:
            raise EpisodeError("the session has begun already")
        self.study.condition(payload.get("condition"))
        check_seed(payload.get("seed"))
        if type(payload.get("participant")) is not int:
            raise ArgumentError(
                f"began: participant: expected a number, got {short(payload.get('participant'))}"
            )
        self.opening, self.steps = payload, self.study.steps()
        self._show(0)
        return payload

    def _take_page(self, payload: Payload) -> Payload:
        self._check("page", payload, ("step",), Page, Break)
        kept = {"step": self.number}
        self._show(self.number + 1)
        return kept

    def _take_answers(self, payload: Payload) -> Payload:
        step = self._check("answer", payload, ("step", "values"), Questions)
        kept = {"step": self.number, "values": step.check(payload.get("values"))}
        self._show(self.number + 1)
        return kept

    def _take_action(self, payload: Payload) -> Payload:
        known = ("step", "episode", "round", "action", "response_time", "digest", *TOLD)
        step = self._check("action", payload, known, Episode)
        assert self.waiting is not None
        turn = {"episode": step.index, "round": self.waiting.game.round_index}
        for name, expected in turn.items():
            if payload.get(name, expected) != expected:
                raise ArgumentError(f"action: expected {name} {expected}, got {short(payload[name])}")
        action = read_action(self.condition.action_space, payload.get("action"))
        told, kept = read_told(payload), encode(action)
        before, answers = self._ahead or (None, {})
        ready = answers.get(str(kept)) if before is self.waiting else None
        after = ready or self.waiting.act(action)
        self.waiting, self.rounds = after, after.rounds
        if after.over:
            self._show(self.number + 1)
        return {**turn, "action": kept, **told, "digest": after.digest}

    def _take_restart(self, payload: Payload) -> Payload:
        """Begin again, with other episodes."""
        self._check_begun()
        self.steps = self.study.steps(first_episode=self._episodes)
        self.restarts += 1
        self._show(0)
        return payload

    def _take_end(self, payload: Payload) -> Payload:
        self._check("ended", {}, (), End)
        self.over = True
        return payload

    def _take_note(self, payload: Payload) -> Payload:
        return payload

    _TAKES: ClassVar[Mapping[str, Callable[[Session, Payload], Payload]]] = {
        "began": _take_opening,
        "page": _take_page,
        "answer": _take_answers,
        "action": _take_action,
        "restarted": _take_restart,
        "ended": _take_end,
        **dict.fromkeys(NOTES, _take_note),
    }

    def _check_begun(self) -> None:
        if not self.opening:
            raise EpisodeError("the session has not begun: its first event is of the kind 'began'")

    def _check(self, kind: str, payload: Payload, known: Iterable[str], *steps: type[Any]) -> Any:
        """Give the step that is shown; raise unless the event is of it, with names that are known."""
        prompt = self.prompt
        if not isinstance(prompt.step, steps):
            raise EpisodeError(f"an event of the kind {kind!r} came, but what is shown is a {prompt.kind}")
        for name in payload:
            if name not in known:
                raise unknown_name(name, known, kind)
        if payload.get("step", self.number) != self.number:
            raise ArgumentError(f"{kind}: expected step {self.number}, got {short(payload['step'])}")
        return prompt.step

    def _show(self, number: int) -> None:
        """Go to a step, and begin an episode; one that is over before the person acts is passed."""
        self.number, self.waiting = number, None
        while isinstance(step := self.steps[self.number], Episode):
            waiting = self.condition.begin(self.opening["seed"], step.index)
            self._episodes = step.index + 1
            self.rounds += waiting.rounds
            if not waiting.over:
                self.waiting = waiting
                return
            self.number += 1


def replay(study: Study, events: Iterable[Event]) -> Session:
    """Play the events of a session again, and give it as it then stands, with its games to the bit.

    Raises `ReplayError` with the first event that does not come in order, is not taken, or gives something
    else than was logged: then the code, or a library, is not the one that the session was played with.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Event, Person, Session, Study, replay
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=2)
    >>> session, log = Session(study), []
    >>> for kind, payload in [("began", study.opening(participant=0)), ("action", {"action": 1})]:
    ...     log.append(Event("a1", len(log), kind, session.accept(kind, payload)))
    >>> replay(study, log).prompt == session.prompt
    True
    """
    session = Session(study)
    for _ in replaying(session, events):
        pass
    return session


def replaying(session: Session, events: Iterable[Event]) -> Iterator[Event]:
    """Let a session that has not begun take logged events as `replay` does; gives each once it is taken."""
    for expected, event in enumerate(events):
        if event.sequence != expected:
            raise _not_replayed(session, event, f"expected event {expected} of this session")
        try:
            again = session.accept(event.kind, event.payload)
        except Exception as error:
            raise _not_replayed(session, event, f"{type(error).__name__}: {error}") from error
        for name in again | event.payload:
            logged, now = event.payload.get(name), again.get(name)
            if logged != now:
                raise _not_replayed(
                    session, event, f"{name}: {short(logged)} was logged, and now it is {short(now)}"
                )
        yield event


def _not_replayed(session: Session, event: Event, why: str) -> ReplayError:
    """Make the error for an event that does not replay, with what has changed since the session began."""
    began, now = session.opening, {"fingerprint": session.study.fingerprint} | dict(versions())
    before = {"fingerprint": began.get("fingerprint")} | dict(began.get("versions") or {})
    changed = [
        f"{name} was {before.get(name)}, is {now[name]}" for name in now if before.get(name) != now[name]
    ]
    told = f" Since it began: {'; '.join(changed)}." if began and changed else ""
    return ReplayError(
        f"session {event.session!r} does not replay: event {event.sequence} ({event.kind}): {why}.{told}"
    )
