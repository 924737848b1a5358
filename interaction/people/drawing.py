"""What a session's prompt looks like: the page, the questions, the break, the turn or the end as HTML."""

from __future__ import annotations

from interaction.people import pages
from interaction.people.fragments import Fragment
from interaction.people.questions import question, questions
from interaction.people.session import Session
from interaction.people.steps import Break, End, Episode, Page, Questions


def draw(session: Session) -> Fragment:
    """Give what a session shows now.

    Raises what the view raises, and `ContractError` for a view that gives no `Fragment`.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Page, Person, Session, Study, draw
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1, pages=[Page("# Two machines")])
    >>> session = Session(study)
    >>> _ = session.accept("began", study.opening(participant=0, condition="plain"))
    >>> print(draw(session).html)
    <div class="text"><h1>Two machines</h1>
    <button type="button" class="primary" data-type="page">Continue</button></div>
    """
    study, prompt = session.study, session.prompt
    texts, step = study.texts, prompt.step
    if isinstance(step, Page):
        return pages.page(pages.markdown(step.text, study.folder), texts)
    if isinstance(step, Questions):
        return questions([question(item) for item in step.items], texts)
    if isinstance(step, Break):
        return pages.rest(step.done, step.of, texts)
    if isinstance(step, End):
        return pages.end(step.completion, texts)
    assert prompt.observation is not None
    number, total = place(session, step)
    seen = session.condition.draw(prompt.observation, texts)
    return pages.turn(seen, texts, number, total, step.practice)


def place(session: Session, step: Episode) -> tuple[int, int]:
    """Give the number of an episode, from 1, among those that are practice or that count, and how many."""
    alike = [one.index for one in session.steps if isinstance(one, Episode) and one.practice == step.practice]
    return alike.index(step.index) + 1, len(alike)


def progress(session: Session) -> dict[str, int]:
    """Give how many steps of a session are done, and how many there are.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Page, Person, Session, Study
    >>> from interaction.people.drawing import progress
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> study = Study("two arms", {"plain": Condition(bundle)}, episodes=1, pages=[Page("# Two machines")])
    >>> session = Session(study)
    >>> _ = session.accept("began", study.opening(participant=0, condition="plain"))
    >>> progress(session)
    {'done': 0, 'of': 2}
    """
    return {"done": session.prompt.number, "of": len(session.steps) - 1}
