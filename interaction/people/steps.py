"""What a session is made of, in order: pages, questions, breaks, episodes and the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any, Literal

from interaction.errors import ArgumentError

LONGEST_ANSWER = 2_000  # characters of an answer in a participant's own words


@dataclass(frozen=True)
class Page:
    """A page of text, in Markdown; `name` is that of the file it was read from.

    >>> from interaction.people import Page
    >>> Page("# Welcome").text
    '# Welcome'
    """

    text: str
    name: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not self.text.strip():
            raise ArgumentError(f"Page {self.name!r}: expected a text in Markdown, got {self.text!r}")


@dataclass(frozen=True)
class Questionnaire:
    """A question: on a scale from `low` to `high`, or one of several `options`, or in one's own words.

    `name` is the column of the answers. `labels` say what the two ends of the scale mean. It has to be
    answered, unless it is `optional`. Raises `ArgumentError` for a scale without two ends, for
    low >= high, and for labels or options that do not fit.

    >>> from interaction.people import Questionnaire
    >>> ease = Questionnaire("ease", "How easy was it?", 1, 7, ("not at all", "very"))
    >>> ease.check(4)
    4
    >>> hand = Questionnaire("hand", "Which hand did you use?", options=["left", "right"])
    >>> remark = Questionnaire("remark", "Is there anything else?", optional=True)
    >>> hand.check("left"), remark.check(None)
    ('left', None)
    """

    name: str
    question: str
    low: int | None = None
    high: int | None = None
    labels: Sequence[str] = ()
    options: Sequence[str] = ()
    optional: bool = False

    def __post_init__(self) -> None:
        for field in ("name", "question"):
            text = getattr(self, field)
            if not isinstance(text, str) or not text.strip():
                raise ArgumentError(f"Questionnaire: {field}: expected a text, got {text!r}")
        where = f"Questionnaire {self.name!r}"
        ends = (self.low, self.high)
        scale = ends != (None, None)
        if scale and not (type(self.low) is int and type(self.high) is int and self.low < self.high):
            raise ArgumentError(f"{where}: expected whole numbers low < high, got {ends}")
        for name, texts in (("labels", self.labels), ("options", self.options)):
            if isinstance(texts, str) or not all(isinstance(text, str) and text for text in texts):
                raise ArgumentError(f"{where}: {name}: expected a list of texts, got {texts!r}")
            object.__setattr__(self, name, tuple(texts))
        if self.labels and (not scale or len(self.labels) != 2):
            raise ArgumentError(f"{where}: labels: expected one for each end of a scale, got {self.labels!r}")
        if self.options and (scale or len(set(self.options)) < max(len(self.options), 2)):
            raise ArgumentError(
                f"{where}: expected a scale, or two or more different options, got low={self.low!r}, "
                f"high={self.high!r} and options={self.options!r}"
            )

    def check(self, answer: object) -> Any:
        """Give an answer as it is kept; raise an `ArgumentError` for one that is none."""
        if answer is None or answer == "":
            if self.optional:
                return None
            raise self._refusal(answer)
        if self.low is not None and self.high is not None:
            fits = type(answer) is int and self.low <= answer <= self.high
        elif self.options:
            fits = answer in self.options
        else:
            fits = isinstance(answer, str) and len(answer) <= LONGEST_ANSWER
        if not fits:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: object) -> ArgumentError:
        expected = f"a text of up to {LONGEST_ANSWER:,} characters"
        if self.low is not None:
            expected = f"a whole number from {self.low} to {self.high}"
        elif self.options:
            expected = f"one of {', '.join(self.options)}"
        return ArgumentError(f"answer to {self.name!r}: expected {expected}, got {short(answer)}")


@dataclass(frozen=True)
class Questions:
    """Questions that are shown on one page: what `Study.steps` makes of those that follow each other.

    >>> from interaction.people import Questionnaire, Questions
    >>> page = Questions((Questionnaire("ease", "How easy was it?", 1, 7), Questionnaire("why", "Why?")))
    >>> page.check({"ease": 3, "why": "It was all the same."})
    {'ease': 3, 'why': 'It was all the same.'}
    """

    items: tuple[Questionnaire, ...]

    def check(self, values: object) -> dict[str, Any]:
        """Give the answers as they are kept, by the names of the questions; raise for one that is none."""
        names = [item.name for item in self.items]
        if not isinstance(values, dict) or not set(values) <= set(names):
            raise ArgumentError(f"answers: expected values for {', '.join(names)}, got {short(values)}")
        return {item.name: item.check(values.get(item.name)) for item in self.items}


@dataclass(frozen=True)
class Break:
    """A break: after the practice, or for a rest, when `done` of the episodes that count are over.

    >>> from interaction.people import Break
    >>> Break("rest", done=6, of=12)
    Break(reason='rest', done=6, of=12)
    """

    reason: Literal["practice", "rest"]
    done: int
    of: int


@dataclass(frozen=True)
class Episode:
    """An episode: its index under the session's seed, and whether it is practice.

    >>> from interaction.people import Episode
    >>> Episode(0, practice=True)
    Episode(index=0, practice=True)
    """

    index: int
    practice: bool


@dataclass(frozen=True)
class End:
    """The end, with the code or the address that tells a recruiting service that the session is complete.

    >>> from interaction.people import End
    >>> End("C0FFEE").completion
    'C0FFEE'
    """

    completion: str | None


Step = Page | Questions | Break | Episode | End


def together(items: Iterable[Page | Questionnaire]) -> list[Step]:
    """Put questions that follow each other on one page."""
    steps: list[Step] = []
    for item in items:
        if isinstance(item, Page):
            steps.append(item)
        elif steps and isinstance(steps[-1], Questions):
            steps[-1] = Questions((*steps[-1].items, item))
        else:
            steps.append(Questions((item,)))
    return steps


def episodes(practice: int, count: int, break_every: int | None, first: int) -> list[Step]:
    """List the episodes, with the breaks between them; `first` is the index of the first one."""
    steps: list[Step] = []
    for number in range(practice + count):
        done = number - practice
        if done == 0 < practice:
            steps.append(Break("practice", 0, count))
        elif break_every is not None and done > 0 and done % break_every == 0:
            steps.append(Break("rest", done, count))
        steps.append(Episode(first + number, number < practice))
    return steps
