"""Bots: simulated participants, who come through the same door as people and leave the same log."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from interaction.errors import ArgumentError
from interaction.given import pick
from interaction.opening import begin
from interaction.people.assignment import Count
from interaction.people.condition import Condition
from interaction.people.events import Event, Json, encode
from interaction.people.session import Prompt, Session
from interaction.people.steps import Episode, Questionnaire, Questions
from interaction.people.study import Study
from interaction.players import Seat
from interaction.random import EpisodeRandom, check_seed
from interaction.state import GameState, State, Value
from interaction.turns import look

_WHO, _ANSWERS, _TIMES = range(3)  # the slots of what a bot draws outside of its games
_READING, _FIRST, _MEDIAN, _SPREAD = 4.0, 0.2, 0.4, 0.5  # s to read, before any response, and of responses


class Bot:
    """A simulated participant: it answers what a session shows, as the simulated agent of the condition does.

    It sees what a person would see, and from there on is the agent that it is: it looks through its own
    observation engine, infers, and chooses, with the draws that it would have in the person's seat. So an
    episode of a bot equals, to the bit, that of `bundle.replace(user=simulated)` under the session's seed, if
    what the person is shown is all that the agent looks at, and only one of both engines draws.
    `seed` is that of the pilot: it draws who the bot is, its answers and its response times.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Bot, Condition, Person, Session, Study
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1)
    >>> session = Session(study)
    >>> began = session.accept("began", study.opening(participant=0))
    >>> kind, payload = Bot(session.condition, began["seed"], participant=0, seed=1).answer(session.prompt)
    >>> kind, payload["action"] in (0, 1)
    ('action', True)
    """

    def __init__(self, condition: Condition, session_seed: int, participant: int, seed: int) -> None:
        self._own = EpisodeRandom(check_seed(seed), participant)
        self.role = condition.role
        self.bundle = condition.simulate(self._own.copy().at(0, _WHO))
        self._session_seed = session_seed
        self._episode: int | None = None
        self._round = -1
        self._state = State()
        self._action: Value = None
        self._clock = 0.0  # ms

    @property
    def seat(self) -> Seat:
        """The simulated agent, as the turns call it."""
        seat = self.bundle.players.user if self.role == "user" else self.bundle.players.assistant
        assert seat is not None
        return seat

    def answer(self, prompt: Prompt) -> tuple[str, dict[str, Json]]:
        """Give the kind and the payload of what the bot does at a prompt."""
        step = prompt.step
        if isinstance(step, Episode):
            assert prompt.observation is not None
            turn = step.index, prompt.round or 0
            action = self.act(prompt.observation, *turn)
            shown, acted = self._times(*turn)
            return "action", {"action": encode(action), "shown": shown, "acted": acted, "by": "bot"}
        if isinstance(step, Questions):
            rng = self._own.copy().at(prompt.number, _ANSWERS)
            return "answer", {
                "step": prompt.number,
                "values": {one.name: _answer(one, rng) for one in step.items},
            }
        return ("ended", {}) if prompt.kind == "end" else ("page", {"step": prompt.number})

    def act(self, observation: State, episode: int, round_index: int) -> Value:
        """Give the action of a turn; asked again about the same one, the same action."""
        if (episode, round_index) == (self._episode, self._round):
            return self._action
        seat, rng = self.seat, EpisodeRandom(self._session_seed, episode)
        state = self._state
        if episode != self._episode:
            rng.place = seat.reset_slot
            state = begin(seat, _first_game(observation), rng)
        game = observation.extend(**{seat.state_field: state})
        seen, state = look(seat, game, rng, round_index)
        action, _ = pick(seat, seen, state, rng.at(round_index, seat.first_slot + 2))
        self._episode, self._round, self._state, self._action = episode, round_index, state, action
        return action

    def _times(self, episode: int, round_index: int) -> tuple[float, float]:
        """Draw when a turn was shown and when the bot acted: ms of its own clock, to a tenth."""
        number = episode << 32 | round_index
        wait = _FIRST + _MEDIAN * math.exp(_SPREAD * self._own.copy().at(number, _TIMES).normal())
        shown = self._clock
        self._clock = round(shown + 1000 * wait, 1)
        return shown, self._clock


def _first_game(observation: State) -> GameState:
    """Give the game as it began, as far as the first observation tells: an agent may begin by it."""
    task_state = observation.__dict__.get("previous_task_state")
    return GameState(task_state=task_state, user_state=observation.__dict__.get("user_state"))


def _answer(item: Questionnaire, rng: EpisodeRandom) -> Json:
    """Draw an answer, each as likely as another."""
    if item.options:
        return item.options[rng.integers(0, len(item.options))]
    if item.low is not None and item.high is not None:
        return rng.integers(item.low, item.high + 1)
    return "a bot has no words of its own"


def pilot(study: Study, participants: int, seed: int = 0) -> list[Event]:
    """Let simulated participants play a study, one after the other, and give the log of their sessions.

    Conditions are assigned as they are to people; the clocks are those of a made-up day.
    The same seed gives the same log. Raises `ArgumentError` for no participants.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Person, Study, pilot
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle, RescorlaWagnerUser())}, episodes=2)
    >>> events = pilot(study, participants=3)
    >>> len(events), [event.payload["action"] for event in events[1:11]]
    (66, [0, 0, 1, 0, 0, 0, 1, 1, 1, 1])
    """
    if not isinstance(participants, int) or isinstance(participants, bool) or participants < 1:
        raise ArgumentError(f"pilot: participants: expected a number >= 1, got {participants!r}")
    counts = dict.fromkeys(study.conditions, Count())
    events: list[Event] = []
    for participant in range(participants):
        name = study.assign(participant, counts)
        events += _session(study, participant, name, seed)
        counts[name] = counts[name]._replace(finished=counts[name].finished + 1)
    return events


def _session(study: Study, participant: int, condition: str, seed: int) -> Iterator[Event]:
    """Play the session of one bot."""
    session, now = Session(study), 0.0
    kind, payload = "began", study.opening(participant, condition)
    bot = Bot(study.condition(condition), payload["seed"], participant, seed)
    sequence = 0
    while True:
        kept = session.accept(kind, payload)
        now += kept.get("response_time", _READING if sequence else 0.0)
        time = (_DAY + timedelta(seconds=now)).isoformat(timespec="milliseconds")
        yield Event(f"pilot-{participant:04d}", sequence, kind, kept, time, round(now, 4))
        if session.over:
            return
        kind, payload = bot.answer(session.prompt)
        sequence += 1


_DAY = datetime(2000, 1, 1, tzinfo=UTC)
