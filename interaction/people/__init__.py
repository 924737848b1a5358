"""Studies with people: a person in one of the seats, and the log of a session that plays it again."""

from interaction.people.bots import Bot, pilot
from interaction.people.condition import Condition
from interaction.people.events import Event
from interaction.people.export import Tables, export
from interaction.people.person import Person
from interaction.people.session import Prompt, ReplayError, Session, replay
from interaction.people.steps import Break, End, Episode, Page, Questionnaire, Questions
from interaction.people.study import Study

__all__ = [
    "Bot",
    "Break",
    "Condition",
    "End",
    "Episode",
    "Event",
    "Page",
    "Person",
    "Prompt",
    "Questionnaire",
    "Questions",
    "ReplayError",
    "Session",
    "Study",
    "Tables",
    "export",
    "pilot",
    "replay",
]
