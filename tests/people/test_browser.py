"""Whole sessions in a real Chromium: by mouse, by keys, on a phone, over lost lines and killed servers."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip(
    "playwright", reason="playwright is not installed: pip install playwright", exc_type=ImportError
)
from playwright.sync_api import expect

from interaction.people import Bot, Prompt, pilot, replay
from interaction.people.events import decode
from interaction.people.server import StudyServer
from interaction.people.serving import serving
from interaction.people.store import Store
from tests.people import drawn, studies
from tests.people.chromium import DESK, FOUND, PHONE, Participant, browser

pytestmark = pytest.mark.skipif(FOUND is None, reason="there is no Chromium here: apt-get install chromium")
DEVICES = {"desk": DESK, "phone": PHONE}
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture
def laboratory(chromium, tmp_path):
    """Give what serves a study, and opens it in a browser of its own."""

    @contextmanager
    def serve(study=drawn.pointing, device=DESK, **options):
        with (
            Store(tmp_path / "results.db") as store,
            serving(StudyServer(study, store, **options)) as address,
        ):
            context = chromium.new_context(**device)
            try:
                yield Participant(context, address), store
            finally:
                context.close()

    return serve


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


# Times, and what is noted.


def test_response_times_are_between_the_frame_shown_and_the_input(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        for waited in (0.25, 0.6):
            began = time.monotonic()
            time.sleep(waited)
            person.press(person.step)
            passed = time.monotonic() - began
            payload = told(store, "action")[-1].payload
            assert payload["response_time"] == pytest.approx((payload["acted"] - payload["shown"]) / 1e3)
            # What is waited here begins after the frame, and ends before the input.
            assert waited - 0.05 < payload["response_time"] < passed + 5
        first, second = (event.payload for event in told(store, "action")[-2:])
        assert first["acted"] < second["shown"] < second["acted"]  # of one clock


def test_a_hidden_tab_a_lost_focus_and_a_repeated_key_are_noted(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        person.page.evaluate(
            """() => {
                window.dispatchEvent(new Event("blur"));
                window.dispatchEvent(new Event("focus"));
                for (const hidden of [true, false]) {
                    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
                    document.dispatchEvent(new Event("visibilitychange"));
                }
            }"""
        )
        key = ["ArrowLeft", "ArrowDown", "ArrowRight"][person.step + 1]
        before = person.html
        for _ in range(4):  # held down: repeats
            person.page.keyboard.down(key)
        person.page.keyboard.up(key)
        person.changed(before)
        person.press(person.step)
        assert len(told(store, "action")) == 2  # a key that is held acts once
        noted = [event.payload["what"] for event in told(store, "noted")]
        assert [what for what in noted if what != "offset"] == [
            "blur",
            "focus",
            "hidden",
            "visible",
            "key_repeat",
        ]


def test_what_is_noted_while_the_line_is_lost_is_kept_up_to_a_number_and_then_counted(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        person.context.set_offline(True)
        expect(person.page.locator(".notice")).to_contain_text("Connection lost")
        person.page.evaluate("for (let i = 0; i < 70; i++) window.dispatchEvent(new Event('blur'))")
        person.context.set_offline(False)
        expect(person.page.locator(".notice")).not_to_be_visible()
        until = time.monotonic() + 10
        while time.monotonic() < until:
            noted = [event.payload for event in told(store, "noted") if event.payload["what"] != "offset"]
            if noted and noted[-1]["what"] == "left_out":
                break
            time.sleep(0.05)
        assert [one["what"] for one in noted] == ["blur"] * 50 + ["left_out"]
        assert noted[-1]["value"] == 20
        person.press(person.step)


def test_a_key_counts_from_when_it_goes_down(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        person.tab_to(["Left", "Stay", "Right"][person.step + 1])
        before = person.html
        person.page.keyboard.down("Space")  # a browser clicks when it goes up
        person.changed(before)
        person.page.keyboard.up("Space")
        time.sleep(0.2)
        assert len(told(store, "action")) == 1


def test_the_offset_of_the_clocks_is_noted_once_for_each_line(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        until = time.monotonic() + 10
        while not told(store, "noted") and time.monotonic() < until:
            time.sleep(0.05)
        person.press(person.step)
        offset = next(event.payload["value"] for event in told(store, "noted"))
        action = told(store, "action")[-1]
        apart = action.monotonic * 1e3 - (action.payload["acted"] + offset["offset"])
        assert -5 - offset["round_trip"] < apart < 60_000  # the server has it after it was done


# Views.


def test_a_press_in_the_plane_is_a_step_with_its_path(laboratory):
    with laboratory(drawn.plane) as (person, store):
        person.to_the_game()
        box = person.page.locator("[data-plane] > rect").bounding_box()
        side, margin = 1.125, 0.0625

        def at(x, y):
            place = (
                box["x"] + (x + margin) / side * box["width"],
                box["y"] + (1 + margin - y) / side * box["height"],
            )
            return {"x": place[0], "y": place[1]}

        origin = json.loads(person.page.locator("[data-plane]").get_attribute("data-plane"))["origin"]
        for x in (0.2, 0.3, 0.4):
            person.page.mouse.move(**at(x, 0.1))
        before = person.html
        person.page.mouse.click(**at(0.5, 0.25))
        person.changed(before)
        payload = told(store, "action")[-1].payload
        action = payload["action"]["$state"]
        np.testing.assert_allclose(action["step"]["$array"], np.array([0.5, 0.25]) - origin, atol=0.005)
        assert action["duration"] == pytest.approx(payload["response_time"])
        assert payload["by"] == "mouse"
        assert payload["shown"] < payload["pressed"] <= payload["acted"]
        times, xs, ys = np.array(payload["path"]).T
        assert (np.diff(times) >= 0).all()
        np.testing.assert_allclose(xs[-1], 0.5, atol=0.005)
        np.testing.assert_allclose(ys[-1], 0.25, atol=0.005)
        assert {0.2, 0.3, 0.4} <= set(np.round(xs, 2))
        origin = json.loads(person.page.locator("[data-plane]").get_attribute("data-plane"))["origin"]
        np.testing.assert_allclose(origin, [0.5, 0.25], atol=0.005)


def test_the_plane_is_played_by_keys(laboratory):
    with laboratory(drawn.plane) as (person, store):
        person.to_the_game()
        person.tab_to("")
        before = person.html
        for key in ("ArrowUp", "Shift+ArrowLeft", "Enter"):
            person.page.keyboard.press(key)
        person.changed(before)
        payload = told(store, "action")[-1].payload
        assert payload["by"] == "key"
        np.testing.assert_allclose(payload["action"]["$state"]["step"]["$array"], [-0.05, 0.01])


def test_the_form_of_an_action_of_several_parts(laboratory):
    with laboratory(drawn.form) as (person, store):
        person.to_the_game()
        page, before = person.page, person.html
        page.click("text=Send")
        expect(page.locator(".error")).to_have_text("Please answer each question.")
        page.locator("input[type=range]").nth(1).focus()
        page.keyboard.press("ArrowRight")
        page.fill("input[type=number]", "0.125")
        page.keyboard.press("Enter")
        person.changed(before)
        payload = told(store, "action")[-1].payload
        assert payload["action"]["$state"]["duration"] == 0.125
        first, second = payload["action"]["$state"]["step"]["$array"]
        assert first == 0
        assert second > 0


def test_an_assistant_that_thinks_is_seen_to_think(laboratory):
    with laboratory(studies.slow) as (person, _):
        person.open().page.click("text=I agree")
        person.until("turn")
        before = person.html
        person.page.click("[data-action='4']")
        expect(person.page.locator("#notice")).to_have_text("Your partner is thinking …")
        expect(person.page.locator("#said")).to_have_text("Your partner is thinking …")
        person.changed(before)
        expect(person.page.locator(".notice")).not_to_be_visible()


def test_a_view_that_fails_is_an_apology_with_a_code(laboratory, caplog):
    with laboratory(studies.badly_drawn) as (person, _):
        person.open().page.click("text=I agree")
        expect(person.page.locator("main button")).to_be_visible()
        assert person.kind == "turn"
        person.page.evaluate("document.querySelector('[data-action]').dataset.action = 3")
        person.page.click("[data-action]")
        expect(person.page.locator("h1")).to_have_text("We are sorry: something went wrong")
        code = person.page.locator("main code").inner_text()
        assert len(code) >= 4
        assert code in caplog.text
        assert "cannot draw a three" not in person.page.content()


def test_an_action_that_is_refused_is_told_and_the_turn_goes_on(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        step = person.step
        person.page.evaluate(
            "document.querySelectorAll('[data-action]').forEach((one) => (one.dataset.action = 7))"
        )
        person.page.click("[data-action]")
        expect(person.page.locator("#alert")).to_contain_text("That was not accepted")
        person.until("turn")
        assert not told(store, "action")
        person.press(step)
        assert [event.payload["action"] for event in told(store, "action")] == [step]


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


# What is seen.

BUSINESS = {  # what is done to see the page, in the study of that name
    "pointing": lambda person: person.press(person.step),
    "plane": lambda person: (
        person.page.locator("[data-plane]").focus() or person.page.keyboard.press("ArrowUp")
    ),
    "coordination": lambda person: person.click(4),
    "bandit": lambda person: person.click(1),
    "plain": lambda person: person.click(1),
    "form": lambda person: None,
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


def test_whoever_wants_no_motion_has_none(laboratory):
    with laboratory(studies.slow, DESK | {"reduced_motion": "reduce"}) as (person, _):
        person.open().page.click("text=I agree")
        person.until("turn").page.click("[data-action='4']")
        expect(person.page.locator(".notice.moving")).to_be_visible()
        assert person.page.evaluate("document.getAnimations().length") == 0
