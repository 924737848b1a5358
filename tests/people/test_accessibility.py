"""Each page in a real Chromium, as axe-core judges it; a picture of each is kept in the folder $PICTURES."""

import os

import pytest

pytest.importorskip(
    "playwright", reason="playwright is not installed: pip install playwright", exc_type=ImportError
)
from playwright.sync_api import expect

from tests.people import drawn, studies
from tests.people.chromium import DESK, PHONE, Participant, answer_by_mouse

DEVICES = {"desk": DESK, "phone": PHONE}
BUSINESS = {  # what is done to see the page, in the study of that name
    "pointing": lambda person: person.press(person.step),
    "plane": lambda person: (
        person.page.locator("[data-plane]").focus() or person.page.keyboard.press("ArrowUp")
    ),
    "coordination": lambda person: person.click(4),
    "bandit": lambda person: person.click(1),
    "plain": lambda person: person.click(1),
    "form": lambda person: person.page.click("text=Send"),
    "every": lambda person: person.page.click("text=Send"),
}


@pytest.fixture
def accessible():
    """Give a check of a page by axe-core, which also keeps a picture of it in the folder $PICTURES."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )

    def check(person, name):
        folder = os.environ.get("PICTURES")
        if folder:
            person.page.screenshot(path=f"{folder}/{name}.png")
        found = axe.Axe().run(person.page).response["violations"]
        told = [(one["id"], [node["html"][:200] for node in one["nodes"]]) for one in found]
        assert not told, f"{name}: {told}"

    return check


@pytest.mark.parametrize("device", ["desk", "phone"])
@pytest.mark.parametrize("name", BUSINESS)
def test_views_are_accessible(laboratory, accessible, name, device):
    with laboratory(getattr(drawn, name), DEVICES[device]) as (person, _):
        person.to_the_game()
        accessible(person, f"{name}-first-{device}")
        BUSINESS[name](person)
        accessible(person, f"{name}-{device}")
        assert person.troubles == []


@pytest.mark.parametrize("device", ["desk", "phone"])
def test_pages_are_accessible(laboratory, accessible, device):
    with laboratory(device=DEVICES[device]) as (person, _):
        accessible(person.open(), f"consent-{device}")
        person.agree()
        seen = set()
        while person.kind != "end":
            kind, number = person.kind, len(seen)
            if kind == "questions":
                person.page.click("text=Send")
                accessible(person, f"unanswered-{device}")
                before = person.html
                answer_by_mouse(person.page)
                accessible(person, f"questions-{device}")
                person.changed(before)
            elif kind == "turn":
                person.press(person.step)
            else:
                accessible(person, f"{number}-{kind}-{device}")
                person.go_on()
            seen |= {kind}
        accessible(person, f"end-{device}")
        assert seen == {"page", "turn", "break", "questions"}


@pytest.mark.parametrize("device", ["desk", "phone"])
def test_what_is_told_of_troubles_is_accessible(laboratory, accessible, device):
    with laboratory(studies.badly_drawn, DEVICES[device]) as (person, _):
        person.open().page.click("text=I agree")
        expect(person.page.locator("main[data-kind=turn]")).to_be_visible()
        newer = Participant(person.context, person.address).open().until("turn")
        expect(person.page.locator("main[data-kind=replaced]")).to_be_visible()
        accessible(person, f"replaced-{device}")
        newer.context.set_offline(True)
        expect(newer.page.locator(".notice")).to_contain_text("Connection lost")
        accessible(newer, f"lost-{device}")
        newer.context.set_offline(False)
        expect(newer.page.locator(".notice")).not_to_be_visible()
        newer.page.evaluate("document.querySelector('[data-action]').dataset.action = 3")
        newer.page.click("[data-action]")
        expect(newer.page.locator("main[data-kind=apology]")).to_be_visible()
        accessible(newer, f"apology-{device}")


def test_the_monitor_is_accessible(laboratory, accessible):
    with laboratory(token="a-token-for-the-tests") as (person, _):
        person.to_the_game()
        watching = Participant(person.context, f"{person.address}/monitor#a-token-for-the-tests").open()
        expect(watching.page.locator("table").first).to_be_visible()
        accessible(watching, "monitor")
        assert watching.troubles == []


def test_whoever_wants_no_motion_has_none(laboratory):
    with laboratory(drawn.pondering, DESK | {"reduced_motion": "reduce"}) as (person, _):
        person.open().page.click("text=I agree")
        person.until("turn").page.click("[data-action='4']")
        expect(person.page.locator(".notice.moving")).to_be_visible()
        assert person.page.evaluate("document.getAnimations().length") == 0
