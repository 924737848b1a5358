"""A participant in a real Chromium: what a person does with a page, and what a person sees of it."""

import re
import shutil
import time
from contextlib import contextmanager

from playwright.sync_api import expect, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DESK = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 760}, "has_touch": True, "is_mobile": True}


@contextmanager
def browser():
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=FOUND, args=FLAGS)
        yield running
        running.close()


class Participant:
    """A tab of a browser, in which a study is open."""

    def __init__(self, context, address):
        self.context, self.address = context, address
        self.page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.troubles = []  # what the browser complains of, such as a breach of the policy of the page
        self.page.on(
            "console", lambda told: told.type in ("error", "warning") and self.troubles.append(told.text)
        )
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def open(self):
        self.page.goto(self.address)
        return self

    def agree(self):
        self.open()
        self.page.click("text=I agree" if self.page.locator("text=I agree").count() else "form button")
        self.until("page")
        return self

    def until(self, kind):
        """Wait until the page shows this kind, and takes input."""
        expect(self.page.locator(f"main[data-kind={kind}][data-shown]:not([aria-busy])")).to_be_visible()
        return self

    @property
    def kind(self):
        return self.page.locator("main").get_attribute("data-kind")

    @property
    def html(self):
        return self.page.locator("main").inner_html().replace(' tabindex="-1"', "")  # of what has the focus

    def go_on(self):
        """Read a page, and press its button."""
        before = self.html
        self.page.click("[data-type=page]")
        self.changed(before)

    def changed(self, before, seconds=15):
        """Wait until the page shows something else, and takes input."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.page.locator("main[data-shown]:not([aria-busy])").count() and self.html != before:
                return
            time.sleep(0.01)
        raise AssertionError(f"the page still shows {before}")

    def to_the_game(self):
        self.agree()
        while self.kind == "page":
            self.go_on()
        return self.until("turn")

    # Pointing, in one dimension.

    @property
    def step(self):
        """Which way the goal lies, by what the page says to a screen reader."""
        said = self.page.locator("svg[role=img]").get_attribute("aria-label")
        position, _, goal = map(int, re.findall(r"\d+", said))
        return (goal > position) - (goal < position)

    def press(self, step):
        before = self.html
        self.page.keyboard.press(["ArrowLeft", "ArrowDown", "ArrowRight"][step + 1])
        self.changed(before)

    def click(self, step):
        before = self.html
        self.page.click(f"[data-action='{step}']")
        self.changed(before)

    def visible_focus(self):
        """Say what has the focus, and whether it is seen."""
        return self.page.evaluate(
            """() => {
                const one = document.activeElement;
                const scale = one.matches(".scale input") ? one.nextElementSibling : null;
                const shown = scale ?? one.closest(".plane") ?? one;
                const style = getComputedStyle(shown);
                const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
                return { text: one.textContent || one.value || "", seen };
            }"""
        )

    def tab_to(self, text):
        """Press Tab until what has this text has the focus, and is seen to have it."""
        for _ in range(30):
            self.page.keyboard.press("Tab")
            focused = self.visible_focus()
            if text in focused["text"]:
                assert focused["seen"], f"the focus on {text!r} is not seen"
                return
        raise AssertionError(f"no way by Tab to {text!r}")


def told(store, *kinds):
    return [
        event for event in store.events() if event.kind in (kinds or ("page", "answer", "action", "noted"))
    ]


def answer_by_mouse(page):
    page.click(".scale label:nth-child(5)")
    page.click("text=Sometimes")
    page.fill("textarea", 'a < b & "c" <script>window.taken = 2</script>')
    page.click("text=Send")


def play_to_the_end(person, act):
    """Play pointing, by `act`, and answer; give the last page."""
    while person.kind != "end":
        if person.kind == "turn":
            act(person.step)
        elif person.kind == "questions":
            before = person.html
            answer_by_mouse(person.page)
            person.changed(before)
        else:
            person.go_on()
