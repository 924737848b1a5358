"""Studies with people: a person in one of the seats, and the log of a session that plays it again."""

from interaction.people.drawing import draw
from interaction.people.events import Event
from interaction.people.fragments import Fragment, button, choice, tag
from interaction.people.person import Person
from interaction.people.session import Prompt, ReplayError, Session, replay
from interaction.people.study import Condition, Page, Questionnaire, Study
from interaction.people.texts import texts_of
from interaction.people.views import DefaultView

__all__ = [
    "Condition",
    "DefaultView",
    "Event",
    "Fragment",
    "Page",
    "Person",
    "Prompt",
    "Questionnaire",
    "ReplayError",
    "Session",
    "Study",
    "button",
    "choice",
    "draw",
    "replay",
    "tag",
    "texts_of",
]
