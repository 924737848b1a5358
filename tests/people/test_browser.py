"""Whole sessions in a real Chromium: by mouse, by keys, on a phone, over lost lines and killed servers."""

import json
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip(
    "playwright", reason="playwright is not installed: pip install playwright", exc_type=ImportError
)
from playwright.sync_api import expect

from interaction.people import Bot, Prompt, pilot, replay
from interaction.people.events import decode
from interaction.people.store import Store
from tests.people import drawn
from tests.people.chromium import DESK, PHONE, Participant, play_to_the_end, told

ROOT = Path(__file__).parent.parent.parent


# Whole sessions.


def test_a_whole_session_by_mouse(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        play_to_the_end(person, person.click)
        assert "C7-4F2A-19" in person.html
        assert person.page.evaluate("window.taken") is None  # what looks like a script is a text
        assert person.troubles == []
        log = store.events()
        assert [event.kind for event in log].count("ended") == 1
        answers = next(event.payload["values"] for event in log if event.kind == "answer")
        assert answers == {
            "ease": 5,
            "help": "Sometimes",
            "words": 'a < b & "c" <script>window.taken = 2</script>',
        }
        assert {event.payload["by"] for event in told(store, "action")} == {"mouse"}
        assert replay(drawn.pointing, log).over


def test_a_whole_session_by_keys_alone_with_the_focus_always_seen(laboratory):
    with laboratory() as (person, store):
        page, keys = person.open().page, person.page.keyboard
        person.tab_to("I agree")
        keys.press("Enter")
        person.until("page")
        while person.kind != "end":
            before = person.html
            if person.kind == "turn":
                person.press(person.step)
            elif person.kind == "questions":
                keys.press("Tab")
                keys.press("ArrowRight")  # from none to the second of the scale, or to the first
                assert person.visible_focus()["seen"]
                keys.press("Tab")
                keys.press("Space")
                keys.press("Tab")
                keys.type("fine")
                person.tab_to("Send")
                keys.press("Enter")
                person.changed(before)
            else:
                person.tab_to("Continue")
                keys.press("Space")
                person.changed(before)
        assert {event.payload["by"] for event in told(store, "action")} == {"key"}
        assert [event.payload["values"]["words"] for event in told(store, "answer")] == ["fine"]
        assert page.locator(":focus").inner_text() == "Thank you"  # a screen reader goes on there


def test_buttons_are_pressed_by_enter_and_keep_the_focus_from_turn_to_turn(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        step = person.step
        person.tab_to(["Left", "Stay", "Right"][step + 1])
        before = person.html
        person.page.keyboard.press("Enter")
        person.changed(before)
        focused = person.visible_focus()
        assert ["Left", "Stay", "Right"][step + 1] in focused["text"]
        assert focused["seen"]
        assert [event.payload["action"] for event in told(store, "action")] == [step]


def test_a_session_on_a_phone(laboratory):
    with laboratory(device=PHONE) as (person, store):
        person.to_the_game()
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"

        def tap(step):
            before = person.html
            button = person.page.locator(f"[data-action='{step}']")
            assert min(button.bounding_box()[side] for side in ("width", "height")) >= 44
            assert not person.page.evaluate(wide)
            button.tap()
            person.changed(before)

        play_to_the_end(person, tap)
        assert {event.payload["by"] for event in told(store, "action")} == {"touch"}


# Reloads, tabs and lines.


def test_a_reload_goes_on_at_the_same_turn(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        person.press(person.step)
        before, actions = person.html, len(told(store, "action"))
        person.page.reload()
        person.until("turn")
        assert person.html == before
        assert len(told(store, "action")) == actions
        play_to_the_end(person, person.press)
        assert replay(drawn.pointing, store.events()).over


def test_the_newest_tab_takes_over_and_the_older_one_says_so(laboratory):
    with laboratory() as (older, store):
        older.to_the_game()
        newer = Participant(older.context, older.address).open().until("turn")
        expect(older.page.locator("h1")).to_have_text("The study is open in another window")
        newer.press(newer.step)
        before = newer.html
        older.page.bring_to_front()  # what lies behind is drawn once a second
        older.page.click("button:has-text('Go on here')")
        older.until("turn")
        assert older.html == before
        expect(newer.page.locator("h1")).to_have_text("The study is open in another window")
        play_to_the_end(older, older.press)
        log = store.events()
        assert [event.sequence for event in log] == list(range(len(log)))
        assert replay(drawn.pointing, log).over


def test_offline_and_back(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        actions = len(told(store, "action"))
        person.context.set_offline(True)
        expect(person.page.locator(".notice")).to_contain_text("Connection lost")
        expect(person.page.locator(".notice button")).to_be_visible()
        before = person.html
        person.page.keyboard.press(["ArrowLeft", "ArrowDown", "ArrowRight"][person.step + 1])
        time.sleep(0.3)
        assert len(told(store, "action")) == actions  # it could not be sent
        person.context.set_offline(False)
        person.changed(before)
        expect(person.page.locator(".notice")).not_to_be_visible()
        assert len(told(store, "action")) == actions + 1  # and was sent once
        play_to_the_end(person, person.press)
        assert replay(drawn.pointing, store.events()).over


def test_what_is_half_filled_outlasts_a_lost_line(laboratory):
    with laboratory() as (person, _):
        person.to_the_game()
        while person.kind != "questions":
            person.press(person.step) if person.kind == "turn" else person.go_on()
        person.page.fill("textarea", "half a")
        person.context.set_offline(True)
        expect(person.page.locator(".notice")).to_contain_text("Connection lost")
        person.context.set_offline(False)
        expect(person.page.locator(".notice")).not_to_be_visible()
        assert person.page.input_value("textarea") == "half a"


@contextmanager
def process(name, file, port):
    words = [sys.executable, "-m", "tests.people.serves", name, str(file), str(port)]
    running = subprocess.Popen(words, cwd=ROOT)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield running
    finally:
        running.kill()
        running.wait()


def test_a_server_that_is_killed_and_started_again(chromium, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context, file = chromium.new_context(**DESK), tmp_path / "results.db"
    person = Participant(context, f"http://127.0.0.1:{port}/")
    with process("pointing", file, port) as running:
        person.to_the_game()
        person.press(person.step)
        before = person.html
        running.kill()
        expect(person.page.locator(".notice")).to_contain_text("Connection lost")
        assert person.html == before
        person.page.keyboard.press(["ArrowLeft", "ArrowDown", "ArrowRight"][person.step + 1])
    with process("pointing", file, port):
        person.page.click("text=Try now")
        person.changed(before)
        play_to_the_end(person, person.press)
        with Store(file) as store:
            log = store.events()
        assert replay(drawn.pointing, log).over
        assert [event.sequence for event in log] == list(range(len(log)))
    time.sleep(1)
    assert "C7-4F2A-19" in person.html  # it stays, though the server is gone
    expect(person.page.locator(".notice")).not_to_be_visible()
    context.close()


# Bots.


def test_a_bot_in_a_browser_leaves_the_log_that_it_leaves_in_process(laboratory):
    with laboratory(bots=True) as (person, store):
        shows = []

        def listen(line):
            line.on("framereceived", lambda frame: shows.append(json.loads(frame)))

        person.page.on("websocket", listen)
        person.agree()
        play_as_a_bot(person, drawn.pointing, shows, seed=9)
        assert of_clocks(store.events()) == of_clocks(pilot(drawn.pointing, 1, seed=9))


def of_clocks(events):
    """Give what of a log is not of clocks and lines."""
    clocks = ("shown", "pressed", "acted", "response_time", "by")
    kept = [event for event in events if event.kind in ("page", "answer", "action", "ended")]
    return [
        (event.kind, {name: value for name, value in event.payload.items() if name not in clocks})
        for event in kept
    ]


def play_as_a_bot(person, study, shows, seed):
    page, bot = person.page, None
    while person.kind != "end":
        show = [message for message in shows if message["type"] == "show"][-1]
        if bot is None:
            participant = show["participant"]
            condition = study.condition(show["condition"])
            bot = Bot(condition, study.seed_of(participant), participant, seed)
        seen = None if show["observation"] is None else decode(show["observation"])
        steps = study.steps()
        place = show["step"], len(steps), steps[show["step"]]
        kind, payload = bot.answer(Prompt(*place, seen, show["episode"], show["round"]))
        before = person.html
        if kind == "action":
            page.click(f"[data-action='{json.dumps(payload['action'])}']")
        elif kind == "answer":
            for name, value in payload["values"].items():
                if page.locator(f"#text-{name}").count():
                    page.fill(f"#text-{name}", value)
                else:
                    page.locator(f"input[name={name}][value='{value}']").check(force=True)
            page.click("text=Send")
        else:
            page.click("[data-type=page]")
        person.changed(before)
