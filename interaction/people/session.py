"""A session: what one person does in a study, as the fold of its events.

Nothing goes in but the study and the events, so that whoever has both can play the session again: the server
after a restart, an auditor, an analysis. `prompt` says what is to be shown now; `accept` takes what happened
and gives what is to be logged. What was logged, accepted again, gives itself: that is what `replay` checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

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
        self.number = 0
        self.waiting: Waiting | None = None
        self.rounds: tuple[Round, ...] = ()  # that the last event brought to their end
        self.over = False
        self.restarts = 0
        self._episodes = 0  # how many have been begun, also before a restart
        self._ahead: dict[str, Waiting] = {}

    @property
    def condition(self) -> Condition:
        """The condition that the participant was given."""
        self._check_begun()
        return self.study.condition(self.opening["condition"])

    @property
    def prompt(self) -> Prompt:
        """What is to be shown now."""
        self._check_begun()
        shown = Prompt(self.number, len(self.steps), self.steps[self.number])
        if self.waiting is None:
            return shown
        game = self.waiting.game
        return replace(
            shown, observation=self.waiting.observation, episode=self.waiting.episode, round=game.round_index
        )

    def _check_begun(self) -> None:
        if not self.opening:
            raise EpisodeError("the session has not begun: its first event is of the kind 'began'")

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
        {'episode': 0, 'round': 0, 'action': 1, 'digest': 'efb016e402b62cdb'}
        """
        takes: dict[str, Callable[[Payload], Payload]] = {
            "began": self._take_opening,
            "page": self._take_page,
            "answer": self._take_answers,
            "action": self._take_action,
            "restarted": self._take_restart,
            "ended": self._take_end,
            **dict.fromkeys(NOTES, self._take_note),
        }
        if kind not in takes:
            raise unknown_name(kind, takes, "session: kind of event")
        if not isinstance(payload, Mapping):
            raise ArgumentError(f"{kind}: expected a dict, got {payload!r}")
        if self.over and kind not in NOTES:
            raise EpisodeError(f"the session is over, and takes no event of the kind {kind!r}")
        before, self.rounds = self.rounds, ()
        try:
            return takes[kind](dict(payload))
        except BaseException:
            self.rounds = before
            raise

    def think_ahead(self) -> None:
        """Compute what follows each action, where the condition says so; `accept` then has it at once."""
        waiting = self.waiting
        if waiting is not None and self.condition.ahead and not self._ahead:
            actions = elements(self.condition.action_space)
            found = zip(actions, waiting.ahead(actions), strict=True)
            answers = {str(encode(action)): after for action, after in found}
            if self.waiting is waiting:  # nobody has acted meanwhile
                self._ahead = answers

    # Each of these checks all before it changes anything.

    def _take_opening(self, payload: Payload) -> Payload:
        if self.opening:
            raise EpisodeError("the session has begun already")
        self.study.condition(payload.get("condition"))
        check_seed(payload.get("seed"))
        self.opening = payload
        try:
            self._show(self.study.steps(), 0)
        except BaseException:
            self.opening = {}
            raise
        return payload

    def _take_page(self, payload: Payload) -> Payload:
        number = self._number_of(payload, "page", ("step",), Page, Break)
        self._show(self.steps, number + 1)
        return {"step": number}

    def _take_answers(self, payload: Payload) -> Payload:
        number = self._number_of(payload, "answer", ("step", "values"), Questions)
        step = self.steps[number]
        assert isinstance(step, Questions)
        values = step.check(payload.get("values"))
        self._show(self.steps, number + 1)
        return {"step": number, "values": values}

    def _take_action(self, payload: Payload) -> Payload:
        known = ("step", "episode", "round", "action", "response_time", "digest", *TOLD)
        number = self._number_of(payload, "action", known, Episode)
        assert self.waiting is not None
        now = {"episode": self.waiting.episode, "round": self.waiting.game.round_index}
        for name, expected in now.items():
            if payload.get(name, expected) != expected:
                raise ArgumentError(f"action: expected {name} {expected}, got {payload[name]!r}")
        action = read_action(self.condition.action_space, payload.get("action"))
        told = read_told(payload)
        after = self._ahead.get(str(encode(action))) or self.waiting.act(action)
        if after.over:
            self._show(self.steps, number + 1, after.rounds)
        else:
            self.waiting, self._ahead, self.rounds = after, {}, after.rounds
        return {**now, "action": encode(action), **told, "digest": after.digest}

    def _take_restart(self, payload: Payload) -> Payload:
        """Begin again, with other episodes."""
        self._number_of({}, "restarted", ())
        self._show(self.study.steps(first_episode=self._episodes), 0)
        self.restarts += 1
        return payload

    def _take_end(self, payload: Payload) -> Payload:
        self._number_of({}, "ended", (), End)
        self.over = True
        return payload

    def _take_note(self, payload: Payload) -> Payload:
        return payload

    def _number_of(self, payload: Payload, kind: str, known: Iterable[str], *steps: type) -> int:
        """Give the number of the step that is shown; raise unless an event is of it, and of known names."""
        prompt = self.prompt
        if steps and not isinstance(prompt.step, steps):
            raise EpisodeError(f"an event of the kind {kind!r} came, but what is shown is a {prompt.kind}")
        for name in payload:
            if name not in known:
                raise unknown_name(name, known, kind)
        if payload.get("step", prompt.number) != prompt.number:
            raise ArgumentError(f"{kind}: expected step {prompt.number}, got {payload['step']!r}")
        return prompt.number

    def _show(self, steps: tuple[Step, ...], number: int, rounds: tuple[Round, ...] = ()) -> None:
        """Go to a step, and begin an episode; one that is over before the person acts is passed."""
        begun, waiting = self._episodes, None
        while isinstance(step := steps[number], Episode):
            waiting = self.condition.begin(self.opening["seed"], step.index)
            begun = step.index + 1
            if not waiting.over:
                break
            number, rounds, waiting = number + 1, rounds + waiting.rounds, None
        self.steps, self.number, self.waiting, self.rounds = steps, number, waiting, rounds
        self._episodes, self._ahead = begun, {}


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
                raise _not_replayed(session, event, f"{name}: {logged!r} was logged, and now it is {now!r}")
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
