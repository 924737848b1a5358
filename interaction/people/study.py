"""A study: conditions, and all that a session shows, in order."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from interaction.errors import ArgumentError, unknown_name
from interaction.people import steps as made
from interaction.people.assignment import Assignment, Count, Counts, assignment_of
from interaction.people.condition import Condition
from interaction.people.events import Json
from interaction.people.pages import markdown
from interaction.people.specification import Specification, fingerprint, versions
from interaction.people.steps import End, Page, Questionnaire, Step
from interaction.people.texts import texts_of
from interaction.random import EpisodeRandom, check_seed
from interaction.spaces import first

RETURNS = ("resume", "restart", "block")
_OPTIONS = (
    *("name", "seed", "episodes", "practice", "break_every", "assignment", "pages", "after", "debriefing"),
    *("completion", "on_return", "maximum_age", "language"),
)


class Study:
    """Conditions (bundles with a person in a seat), and all else that a participant is shown.

    `conditions`: a participant is given one of them, by the `assignment`: "balanced" (the one with the fewest
    sessions), "random", or a function of the counts and a stream (`interaction.people.assignment`).
    `episodes`: how many count; `practice`: how many are played before them, and told apart in the data.
    `break_every`: so many episodes that count, there is a break.
    `pages`, `after`, `debriefing`: what comes before, after and last. A page is a `Page`, or the name of a
    file in Markdown in `folder`, by default the folder of the module that makes the study. The first one asks
    for consent. Questions that follow each other in `after` are put on one page.
    `completion`: the code or the address that a participant is given at the end.
    `on_return`: who comes back may "resume", has to "restart" (with other episodes), or is blocked ("block");
    `maximum_age`: s, after which a session that was left cannot be taken up again.
    `language`, `texts`: the words of the page itself, and what is to be said in their place.
    `seed`: that of the study; each participant's follows from it.

    A study is checked when it is made: each condition is begun, drawn, and played for a turn.
    Raises `ArgumentError` for what it cannot be made of, `UnknownNameError` for a misspelt option,
    `ContractError` for a view without an action of the person's, and `OSError` for a page that is not there.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Page, Person, Questionnaire, Study
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study(
    ...     "two arms",
    ...     {"plain": Condition(bundle)},
    ...     episodes=2,
    ...     practice=1,
    ...     pages=[Page("# Two machines")],
    ...     after=[Questionnaire("ease", "How easy was it?", 1, 7)],
    ... )
    >>> [type(step).__name__ for step in study.steps()]
    ['Page', 'Episode', 'Break', 'Episode', 'Episode', 'Questions', 'End']
    """

    def __init__(
        self,
        name: str,
        conditions: Mapping[str, Condition],
        *,
        episodes: int,
        practice: int = 0,
        break_every: int | None = None,
        assignment: Literal["balanced", "random"] | Assignment = "balanced",
        seed: int = 0,
        pages: Sequence[str | Page] = (),
        after: Sequence[Questionnaire | Page | str] = (),
        debriefing: str | Page | None = None,
        completion: str | None = None,
        on_return: Literal["resume", "restart", "block"] = "resume",
        maximum_age: float | None = None,
        language: str = "en",
        texts: Mapping[str, str] | None = None,
        folder: str | Path | None = None,
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ArgumentError(f"Study: name: expected a text, got {name!r}")
        self.name = name
        self.seed = check_seed(seed)
        self.episodes = self._whole("episodes", episodes, 1)
        self.practice = self._whole("practice", practice, 0)
        self.break_every = None if break_every is None else self._whole("break_every", break_every, 1)
        self.assignment = assignment_of(assignment)
        if on_return not in RETURNS:
            raise unknown_name(on_return, RETURNS, f"{self}: on_return")
        self.on_return = on_return
        if maximum_age is not None and not (isinstance(maximum_age, int | float) and maximum_age > 0):
            raise ArgumentError(f"{self}: maximum_age: expected seconds > 0 or None, got {maximum_age!r}")
        self.maximum_age = maximum_age
        if completion is not None and not (isinstance(completion, str) and completion.strip()):
            raise ArgumentError(f"{self}: completion: expected a code or an address, got {completion!r}")
        self.completion = completion
        self.language = language
        self.texts = texts_of(language, texts)
        self._changes = dict(texts or {})
        caller = sys._getframe(1).f_globals.get("__file__")
        self.folder = Path(folder if folder is not None else Path(caller).parent if caller else ".")
        self.pages = tuple(self._page(page) for page in self._listed("pages", pages))
        shown = self._listed("after", after)
        self.after = tuple(item if isinstance(item, Questionnaire) else self._page(item) for item in shown)
        self.debriefing = None if debriefing is None else self._page(debriefing)
        self._check_questions()
        self._check_pictures()
        self.conditions = self._tried(conditions)
        self.specification, self.fingerprint = self._described()

    def __repr__(self) -> str:
        return f"Study {self.name!r}"

    # Reading and checking what it is made of.

    def _whole(self, name: str, value: object, least: int) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ArgumentError(f"{self}: {name}: expected a whole number >= {least}, got {value!r}")
        return value

    def _listed(self, name: str, items: Sequence[Any]) -> Sequence[Any]:
        if isinstance(items, str | Page | Questionnaire) or not isinstance(items, Sequence):
            raise ArgumentError(f"{self}: {name}: expected a list, got {items!r}")
        return items

    def _page(self, page: str | Page) -> Page:
        if isinstance(page, Page):
            return page
        if not isinstance(page, str):
            raise ArgumentError(f"{self}: expected a Page or the name of a file in Markdown, got {page!r}")
        if "\n" in page:
            raise ArgumentError(f"{self}: expected the name of a file, got a text: write Page({page!r})")
        try:
            text = (self.folder / page).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise FileNotFoundError(
                f"{self}: there is no page {page!r} in {self.folder}; a text itself is Page(text)"
            ) from None
        except UnicodeDecodeError as error:
            raise ArgumentError(f"{self}: the page {page!r} is no text in UTF-8: {error}") from None
        return Page(text, page)

    def _check_questions(self) -> None:
        names = [item.name for item in self.after if isinstance(item, Questionnaire)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ArgumentError(f"{self}: after: two questions have the name {twice!r}")
        taken = next((name for name in names if name in ("participant", "condition")), None)
        if taken is not None:
            raise ArgumentError(
                f"{self}: after: a question has the name {taken!r}, as has a column of the answers already"
            )

    def _check_pictures(self) -> None:
        """Raise for a picture that is not there, as far as pages can be written (extra `people`)."""
        if find_spec("markdown_it") is not None:
            for page in (*self.pages, *self.after, self.debriefing):
                if isinstance(page, Page):
                    markdown(page.text, self.folder)

    def _tried(self, conditions: Mapping[str, Condition]) -> dict[str, Condition]:
        """Give the conditions, each of which has been tried."""
        if not isinstance(conditions, Mapping) or not conditions:
            raise ArgumentError(f"{self}: expected conditions by name, got {conditions!r}")
        for name, condition in conditions.items():
            if not isinstance(name, str) or not isinstance(condition, Condition):
                raise ArgumentError(
                    f'{self}: expected conditions by name, as in {{"informed": Condition(bundle)}}, got '
                    f"{name!r}: {condition!r}"
                )
            try:
                waiting = condition.begin(self.seed_of(0), 0)
                if not waiting.over:
                    condition.check_actions(condition.draw(waiting.observation, self.texts))
                    waiting.act(first(condition.action_space))
            except Exception as error:
                error.add_note(f"{self}: the condition {name!r} was tried: begun, drawn and played.")
                raise
        return dict(conditions)

    def _described(self) -> tuple[Json, str]:
        """Give the specification, in which nothing is of a pilot, and the fingerprint."""
        whole = Specification()
        options = {name: whole.describe(getattr(self, name)) for name in _OPTIONS}
        options["texts"] = self._changes
        conditions = {name: whole.bundle(one.bundle) for name, one in self.conditions.items()}
        specification = options | {"conditions": conditions}
        return specification, fingerprint(specification, whole.sources())

    # What a session is.

    def condition(self, name: object) -> Condition:
        """Give a condition by its name; raise an `UnknownNameError` for one that is not there."""
        if not isinstance(name, str) or name not in self.conditions:
            raise unknown_name(name, self.conditions, f"{self}: condition")
        return self.conditions[name]

    def steps(self, first_episode: int = 0) -> tuple[Step, ...]:
        """Give what a session shows, in order; `first_episode` is the index of its first episode."""
        return (
            *self.pages,
            *made.episodes(self.practice, self.episodes, self.break_every, first_episode),
            *made.together(self.after),
            *(() if self.debriefing is None else (self.debriefing,)),
            End(self.completion),
        )

    def seed_of(self, participant: int) -> int:
        """Give the seed of a participant's session."""
        return EpisodeRandom(self.seed, participant).key()[0] >> 1

    def assign(self, participant: int, counts: Counts | None = None) -> str:
        """Give the condition of a participant, by the counts of the sessions so far (none, if left out)."""
        known = {name: (counts or {}).get(name, Count()) for name in self.conditions}
        name = self.assignment(known, EpisodeRandom(self.seed, participant).at(0, 0))
        self.condition(name)
        return name

    def opening(
        self, participant: int, condition: str | None = None, url: Mapping[str, str] | None = None
    ) -> dict[str, Json]:
        """Give the payload of a session's first event: all that a session is, but for what the person does.

        `url` is what the address carried. Without a condition, it is assigned as if there were no others.
        """
        condition = self.assign(participant) if condition is None else condition
        self.condition(condition)
        return {
            "study": self.name,
            "participant": participant,
            "condition": condition,
            "seed": self.seed_of(participant),
            "url": dict(url or {}),
            "fingerprint": self.fingerprint,
            "versions": dict(versions()),
            "specification": self.specification,
        }
