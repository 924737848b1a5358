"""A study: bundles with a person in a seat, and what else a session shows, in order."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from interaction.agent import Agent
from interaction.bundle import Bundle
from interaction.errors import ArgumentError, unknown_name
from interaction.observation import Role
from interaction.people.person import Person, View, seat_of_person
from interaction.random import EpisodeRandom, check_seed
from interaction.spaces import Space


@dataclass(frozen=True)
class Condition:
    """A bundle with a person in one of the seats, and who plays in the person's place when it is piloted.

    `simulated` is a user (or an assistant, where the person is one), or a function of a stream that gives the
    one of a participant, with hidden parameters of their own; by default the actions are random.
    With `ahead`, the answers to all actions are computed while the person thinks (finite spaces only).
    """

    bundle: Bundle
    simulated: Agent | Callable[[EpisodeRandom], Agent] | None = None
    ahead: bool = False

    @property
    def role(self) -> Role:
        """The seat of the person."""
        return seat_of_person(self.bundle, "Condition")

    @property
    def person(self) -> Agent:
        """The person."""
        return cast(Agent, self.bundle.user if self.role == "user" else self.bundle.assistant)

    @property
    def action_space(self) -> Space[Any]:
        """The space of one action of the person."""
        return self.person.policy.action_space

    @property
    def view(self) -> View | None:
        """What draws the page."""
        return self.person.view if isinstance(self.person, Person) else None


@dataclass(frozen=True)
class Page:
    """A page of text, in Markdown: `Page("# Welcome")`, or a file of that name."""

    text: str
    name: str = ""


@dataclass(frozen=True)
class Questionnaire:
    """A question: on a scale from `low` to `high`, or of which one of the `options` holds, or an open one."""

    name: str
    question: str
    low: int | None = None
    high: int | None = None
    labels: Sequence[str] = ()
    options: Sequence[str] = ()
    optional: bool = False

    def check(self, answer: object) -> Any:
        """Give an answer as it is kept; raise an `ArgumentError` for one that is none."""
        return answer


@dataclass(frozen=True)
class Questions:
    """Questions that are shown on one page."""

    items: tuple[Questionnaire, ...]


@dataclass(frozen=True)
class Break:
    """A break: after the practice, or after `done` of `of` episodes."""

    reason: Literal["practice", "rest"]
    done: int
    of: int


@dataclass(frozen=True)
class Episode:
    """An episode: its index among those of a session, and whether it is practice."""

    index: int
    practice: bool


@dataclass(frozen=True)
class End:
    """The end, with a code or an address that tells the recruiting service that the session is complete."""

    completion: str | None


Step = Page | Questions | Break | Episode | End


class Study:
    """A study (skeleton)."""

    def __init__(
        self,
        name: str,
        conditions: Mapping[str, Condition],
        *,
        episodes: int,
        practice: int = 0,
        assignment: Literal["balanced", "random"] = "balanced",
        seed: int = 0,
        pages: Sequence[str | Page] = (),
        after: Sequence[Questionnaire | Page | str] = (),
        debriefing: str | Page | None = None,
        break_every: int | None = None,
        completion: str | None = None,
        on_return: Literal["resume", "restart", "block"] = "resume",
        maximum_age: float | None = None,
        folder: str | Path | None = None,
    ) -> None:
        if folder is None:
            folder = Path(sys._getframe(1).f_globals.get("__file__", "study.py")).parent
        self.folder = Path(folder)
        self.name = name
        self.conditions = dict(conditions)
        self.episodes = episodes
        self.practice = practice
        self.assignment = assignment
        self.seed = check_seed(seed)
        self.break_every = break_every
        self.completion = completion
        self.on_return = on_return
        self.maximum_age = maximum_age
        self.pages = tuple(map(self._page, pages))
        self.after = tuple(one if isinstance(one, Questionnaire) else self._page(one) for one in after)
        self.debriefing = None if debriefing is None else self._page(debriefing)

    def _page(self, page: str | Page) -> Page:
        if isinstance(page, Page):
            return page
        return Page((self.folder / page).read_text(encoding="utf-8"), page)

    def condition(self, name: str) -> Condition:
        """Give a condition by its name."""
        if name not in self.conditions:
            raise unknown_name(name, self.conditions, f"study {self.name!r}: condition")
        return self.conditions[name]

    def steps(self, first_episode: int = 0) -> tuple[Step, ...]:
        """Give what a session shows, in order."""
        steps: list[Step] = [*self.pages]
        total = self.practice + self.episodes
        for number in range(total):
            done = number - self.practice
            if number == self.practice > 0:
                steps.append(Break("practice", 0, self.episodes))
            elif self.break_every and done > 0 and done % self.break_every == 0:
                steps.append(Break("rest", done, self.episodes))
            steps.append(Episode(first_episode + number, number < self.practice))
        steps += _together(self.after)
        if self.debriefing is not None:
            steps.append(self.debriefing)
        return (*steps, End(self.completion))

    def seed_of(self, participant: int) -> int:
        """Give the seed of a participant's session."""
        return EpisodeRandom(self.seed, participant).key()[0] >> 1

    def opening(
        self, participant: int, condition: str, url: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Give the payload of a session's first event."""
        self.condition(condition)
        return {
            "study": self.name,
            "participant": participant,
            "condition": condition,
            "seed": self.seed_of(participant),
            "url": dict(url or {}),
        }


def _together(items: Iterable[Questionnaire | Page]) -> list[Step]:
    """Put questions that follow each other on one page."""
    steps: list[Step] = []
    for item in items:
        if isinstance(item, Page):
            steps.append(item)
        elif steps and isinstance(steps[-1], Questions):
            steps[-1] = Questions((*steps[-1].items, item))
        else:
            steps.append(Questions((item,)))
    if not all(isinstance(item, Questionnaire | Page) for item in items):
        raise ArgumentError("after: expected questionnaires and pages")
    return steps
