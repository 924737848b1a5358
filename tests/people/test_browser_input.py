"""What a person does with a page in a real Chromium: times, keys, presses in a plane, forms, and refusals."""

import json
import time

import numpy as np
import pytest

pytest.importorskip(
    "playwright", reason="playwright is not installed: pip install playwright", exc_type=ImportError
)
from playwright.sync_api import expect

from interaction.people.events import decode
from tests.people import drawn, studies
from tests.people.chromium import told

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


def test_the_offset_of_the_clocks_is_noted_however_much_waits(laboratory):
    with laboratory() as (person, _):
        person.to_the_game()
        waiting, left_out = person.page.evaluate(
            """() => {
                const line = new Line("ws://localhost", {});
                for (let i = 0; i < 70; i++) line.post("noted", null, { what: "blur" });
                line.post("noted", null, { what: "offset", value: { offset: 1, round_trip: 2 } });
                return [line.queue.map((one) => one.payload.what), line.left_out];
            }"""
        )
        assert waiting == ["blur"] * 50 + ["offset"]
        assert left_out == 20


def test_a_press_that_was_meant_for_what_was_shown_before_is_none(laboratory):
    with laboratory() as (person, store):
        person.to_the_game()
        person.page.evaluate("window.early = new MouseEvent('click', { bubbles: true })")
        person.press(person.step)
        person.page.evaluate("document.querySelector('[data-action]').dispatchEvent(window.early)")
        person.press(person.step)
        actions = [event.payload for event in told(store, "action")]
        assert len(actions) == 2
        assert all(action["response_time"] > 0 for action in actions)


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


def test_the_focus_on_a_shape_is_a_line_around_it_whatever_the_units_of_the_picture(laboratory):
    with laboratory(drawn.in_cells) as (person, _):
        person.to_the_game()
        page = person.page
        looks = {}
        for number in (4, 6):  # the fifth cell, and one that is far from it, with and without the focus
            page.locator(f"[aria-label='to {number}']").focus()
            page.keyboard.press("Shift")  # the focus is shown to who uses keys
            looks[number] = page.locator("[aria-label='to 4']").screenshot()
        page.locator("h1").focus()
        assert looks[4] != looks[6]
        assert looks[6] == page.locator("[aria-label='to 4']").screenshot()


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


def test_a_form_asks_for_an_action_of_every_kind(laboratory):
    with laboratory(drawn.every) as (person, store):
        person.to_the_game()
        page, before = person.page, person.html
        page.click("text=Send")
        expect(page.locator(".error")).to_have_text("Please answer each question.")
        page.locator("input[name=action-arm][value='-1']").check(force=True)
        page.select_option("#action-hour", "13")
        page.locator("#action-dice").press("End")
        page.fill("#action-far", "-1e-3")
        page.locator("#action-level").press("Home")
        page.check("#action-lamps-1")
        page.locator("input[name=action-digits-0][value='2']").check(force=True)
        page.select_option("#action-digits-1", "8")
        page.check("#action-sure")
        page.fill("#action-word", "zzz")
        page.click("text=Send")
        expect(page.locator(".error")).to_contain_text("That was not accepted")
        person.until("turn")
        assert not told(store, "action")
        page.fill("#action-word", "abc")  # what else was filled in is kept
        page.click("text=Send")
        person.changed(before)
        action = decode(told(store, "action")[-1].payload["action"])
        plain = {"arm": -1, "hour": 13, "dice": 6, "far": -0.001, "level": 0.0, "sure": True, "word": "abc"}
        assert {name: action[name] for name in plain} == plain
        assert action.lamps.tolist() == [0, 1]
        assert action.digits.tolist() == [2, 8]


def test_an_assistant_that_thinks_is_seen_to_think(laboratory):
    with laboratory(drawn.pondering) as (person, _):
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
        person.page.reload()
        person.until("turn")
        person.press(step)
        assert [event.payload["action"] for event in told(store, "action")] == [step]
