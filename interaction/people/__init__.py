"""Studies with people: a person in one of the seats, and the log of a session that plays it again."""

from interaction.people.bots import Bot, pilot
from interaction.people.condition import Condition
from interaction.people.drawing import draw
from interaction.people.events import Event
from interaction.people.export import Tables, export
from interaction.people.fragments import Fragment, button, choice, tag
from interaction.people.person import Person
from interaction.people.session import Prompt, ReplayError, Session, replay
from interaction.people.steps import Break, End, Episode, Page, Questionnaire, Questions
from interaction.people.study import Study
from interaction.people.texts import texts_of
from interaction.people.views import DefaultView, WordedView

__all__ = [
    "Bot",
    "Break",
    "Condition",
    "DefaultView",
    "End",
    "Episode",
    "Event",
    "Fragment",
    "Page",
    "Person",
    "Prompt",
    "Questionnaire",
    "Questions",
    "ReplayError",
    "Session",
    "Study",
    "Tables",
    "WordedView",
    "button",
    "choice",
    "draw",
    "export",
    "pilot",
    "replay",
    "tag",
    "texts_of",
]
