"""Studies for the tests, and sessions that are played by hand."""

from interaction import Bundle, spaces
from interaction.people import Condition, Event, Page, Person, Questionnaire, Session, Study
from interaction.tasks.bandit import MultiArmedBanditTask
from interaction.users.bandit import RescorlaWagnerUser

TASK = MultiArmedBanditTask([0.2, 0.8])
EASE = Questionnaire("ease", "How easy was it?", 1, 7, ("not at all", "very"))


def bandit(max_rounds=4, **person):
    return Bundle(TASK, Person(spaces.Discrete(2), **person), max_rounds=max_rounds)


def study(conditions=None, **options):
    given = {"episodes": 2, "seed": 7} | options
    return Study("two arms", conditions or {"plain": Condition(bandit(), RescorlaWagnerUser())}, **given)


def whole_study(**options):
    """Give a study with one of each: pages, practice, a break, questions, a debriefing."""
    return study(
        pages=[Page("# Consent"), Page("# What you will do")],
        practice=1,
        episodes=3,
        break_every=2,
        after=[EASE, Questionnaire("hand", "Which hand?", options=["left", "right"])],
        debriefing=Page("# Thank you"),
        completion="C0FFEE",
        **options,
    )


def moves(session, action=1):
    """Give what a patient participant does next."""
    prompt = session.prompt
    match prompt.kind:
        case "turn":
            return "action", {"action": action, "shown": 100.0, "acted": 350.0, "by": "key"}
        case "questions":
            return "answer", {
                "values": {item.name: item.low or item.options[0] for item in prompt.step.items}
            }
        case "end":
            return "ended", {}
    return "page", {"step": prompt.number}


def begin(made, participant=0, condition=None):
    """Begin a session: give it, and its log."""
    session = Session(made)
    return session, [log_of(session, [], "began", made.opening(participant, condition))]


def log_of(session, log, kind, payload):
    return Event("s", len(log), kind, session.accept(kind, payload))


def play(session, log, events=10_000):
    """Play on for some events, or to the end."""
    for _ in range(events):
        if session.over:
            break
        log.append(log_of(session, log, *moves(session)))
    return log
