"""Studies with people: a person in one of the seats, and the log of a session that plays it again."""

from interaction.people.events import Event
from interaction.people.person import Person
from interaction.people.session import Prompt, ReplayError, Session, replay
from interaction.people.study import Condition, Page, Questionnaire, Study

__all__ = [
    "Condition",
    "Event",
    "Page",
    "Person",
    "Prompt",
    "Questionnaire",
    "ReplayError",
    "Session",
    "Study",
    "replay",
]
