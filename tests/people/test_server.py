"""The server: what a page may say, what it is told, and what of it is in the log."""

import asyncio
import html
import json
import logging
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from threading import Event
from urllib.parse import urlsplit

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from interaction.errors import ArgumentError
from interaction.people import live, replay
from interaction.people.game import Waiting
from interaction.people.identity import read_origin
from interaction.people.limits import Limits
from interaction.people.server import StudyServer
from interaction.people.serving import PortError, listen, serving
from interaction.people.store import Store
from interaction.people.tables import StoreError
from tests.people import studies
from tests.people.browser import Browser

TELLS = ("page", "answer", "action", "noted")


class Served:
    def __init__(self, server, address):
        self.server, self.store, self.address = server, server.store, address

    def browser(self, **options):
        return Browser(self.address, **options)

    def agreed(self):
        return self.browser().agree()

    def left(self):
        """Wait until the server knows that nobody is there."""
        until = time.monotonic() + 20
        while self.server.room.lines and time.monotonic() < until:
            time.sleep(0.01)

    @property
    def log(self):
        return self.store.events()

    def kinds(self):
        return [event.kind for event in self.log]


@pytest.fixture
def served(tmp_path):
    @contextmanager
    def serve(study=studies.bandits, **options):
        with Store(tmp_path / "results.db") as store:
            server = StudyServer(study, store, **options)
            with serving(server) as address:
                yield Served(server, address)

    return serve


# A whole session.


def test_a_whole_session_from_consent_to_the_code(served):
    with served() as one:
        browser = one.browser()
        status, _, body = browser.get("/?PROLIFIC_PID=5f3&x=%C3%BC")
        assert status == 200
        assert "Do you agree?" in body
        assert not list(browser.cookies)
        browser.agree("?PROLIFIC_PID=5f3&x=%C3%BC")
        with browser.page() as page:
            assert page.shown["kind"] == "page"
            assert "What to do" in page.shown["html"]  # consent was given
            assert "C0FFEE" in page.play()["html"]
        kinds = one.kinds()
        assert kinds[:3] == ["began", "page", "connected"]
        assert kinds[-2:] == ["answer", "ended"]
        assert kinds.count("action") == 15
        assert one.log[0].payload["url"] == {"PROLIFIC_PID": "5f3", "x": "ü"}
        assert one.log[0].payload["seed"] == studies.bandits.seed_of(0)
        assert [event.sequence for event in one.log] == list(range(len(kinds)))
        assert replay(studies.bandits, one.log).over
        with browser.page() as page:  # who comes back at the end sees it again
            assert "C0FFEE" in page.shown["html"]


def test_an_event_is_acknowledged_when_it_is_in_the_log_and_not_before(served):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        for _ in range(8):
            sequence = page.shown["sequence"]
            page.act(1)
            told = [event for event in one.log if event.kind in TELLS]
            kinds = [message["type"] for message in page.got if message["type"] in ("accepted", "show")]
            assert kinds[-2:] == ["accepted", "show"]
            assert len(told) == sequence + 1
            if page.shown["kind"] != "turn":
                page.play("turn")


def test_times_and_what_the_person_did_are_kept(served):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        payload = {"action": 1, "shown": 12.5, "acted": 412.75, "by": "mouse", "path": [[0.0, 1.5, 2]]}
        page.tell("action", payload)
        page.say(
            type="noted", epoch=1, sequence=page.shown["sequence"], payload={"what": "hidden", "at": 9.25}
        )
        page.until("accepted")
        action, noted = one.log[-2:]
        assert {name: action.payload[name] for name in payload} == payload
        assert noted.kind == "noted"
        assert noted.payload == {"what": "hidden", "at": 9.25}
        assert action.time <= noted.time
        assert action.monotonic <= noted.monotonic


def test_a_ping_is_answered_while_the_partner_thinks(served):
    with served(studies.slow) as one, one.agreed().page() as page:
        page.play("turn")
        page.say(type="action", epoch=1, sequence=page.shown["sequence"], round=0, payload={"action": 1})
        page.say(type="ping", at=4.5)
        pong = page.until("pong")
        assert pong["at"] == 4.5
        assert abs(pong["server"] - time.monotonic() * 1e3) < 1e4
        page.until("show")
        kinds = [message["type"] for message in page.got]
        assert kinds.index("pong") < kinds.index("thinking") < kinds.index("accepted") < len(kinds) - 1


def test_the_answers_to_all_actions_are_computed_while_the_person_thinks(served):
    with served(studies.ahead) as one, one.agreed().page() as page:
        page.play("turn")
        (live_session,) = one.server.room.live.values()
        for _ in range(2):
            page.act(2)
            now = live_session.session.waiting
            until = time.monotonic() + 60
            while (live_session.session._ahead or (None,))[0] is not now and time.monotonic() < until:
                time.sleep(0.02)
            page.got.clear()
            page.act(1)
            assert [message["type"] for message in page.got] == ["accepted", "show"]  # without thinking
        page.act(0)
        page.act(2)  # before anything was computed
        log = one.log
    assert replay(studies.ahead, log).prompt.episode == 1


def test_pages_are_shown_while_as_many_assistants_plan_as_may(served):
    """The assistants plan until all pages have been shown, however fast the machine is."""
    shown = Event()

    class Waits(studies.Echo):
        batched = False

        def action(self, observation, state):
            assert observation.user_action == 0 or shown.wait(60)  # 0: the study is tried
            return super().action(observation, state)

    with served(studies.vault(Waits())) as one, ExitStack() as opened:
        try:
            browsers = [one.agreed() for _ in range(live.PLANNERS + 1)]
            for browser in browsers[:-1]:
                page = opened.enter_context(browser.page())
                page.say(type="action", epoch=1, sequence=1, round=0, payload={"action": 1})
                page.until("thinking")
            assert browsers[-1].get()[0] == 200
            with browsers[-1].page() as last:
                assert last.shown["kind"] == "turn"
                last.hello(1)
        finally:
            shown.set()


def test_the_answers_to_all_actions_are_computed_once_however_often_a_page_asks(served, monkeypatch):
    planned = []
    ahead = Waiting.ahead
    monkeypatch.setattr(Waiting, "ahead", lambda self, actions: planned.append(self) or ahead(self, actions))
    with served(studies.ahead) as one, one.agreed().page() as page:
        page.play("turn")
        for _ in range(5):
            page.hello(1)
            page.act(77)
            assert page.got[-2]["type"] == "refused"
        page.act(2)
        assert len({id(one) for one in planned}) == len(planned) <= 2


def test_others_are_served_while_an_assistant_plans(served):
    with served(studies.slow) as one, one.agreed().page() as slow, one.agreed().page() as quick:
        slow.play("turn")
        slow.say(type="action", epoch=1, sequence=slow.shown["sequence"], round=0, payload={"action": 1})
        for _ in range(5):
            quick.say(type="noted", epoch=1, sequence=quick.shown["sequence"] + _, payload={"what": "blur"})
            quick.until("accepted")
        assert one.kinds().count("noted") == 5
        assert one.kinds().count("action") == 0
        slow.until("show")


# Sequences and epochs.


def test_a_repeated_message_is_answered_from_the_log(served):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        sequence = page.shown["sequence"]
        first = page.act(1)
        before = one.log
        again = page.act(1, sequence=sequence, round=0)
        assert page.got[-2] == {"type": "accepted", "sequence": sequence}
        assert again == first
        assert one.log == before


def test_answers_that_are_repeated_with_others_are_refused(served):
    with served() as one, one.agreed().page() as page:
        page.play("questions")
        sequence = page.shown["sequence"]
        page.tell("answer", {"values": {"ease": 5, "why": ""}})
        before = one.log
        for ease, kind in ((5, "accepted"), (6, "refused")):
            page.tell("answer", {"values": {"ease": ease, "why": ""}}, sequence=sequence)
            assert page.got[-2]["type"] == kind
        assert one.log == before


def test_a_back_dated_message_changes_nothing(served):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        sequence = page.shown["sequence"]
        page.act(1)
        before = one.log
        page.act("one", sequence=sequence, round=0)
        assert page.got[-2]["type"] == "refused"
        page.act(0, sequence=sequence, round=0)
        assert page.got[-2]["type"] == "refused"
        assert "in the log already" in page.got[-2]["reason"]
        page.tell("page", {}, sequence=sequence)
        assert page.got[-2]["type"] == "refused"
        assert one.log == before
        assert page.act(1)["type"] == "show"


@pytest.mark.parametrize(
    ("kind", "payload", "changes", "reason"),
    [
        ("action", {"action": 1}, {"sequence": 9}, "expected the sequence 2, got 9"),
        ("action", {"action": 1}, {"round": 3}, "expected the round 0, got 3"),
        ("action", {"action": 1}, {"round": None}, "expected the round 0, got None"),
        ("action", {"action": 2}, {}, r"expected a value in Discrete(2), got 2"),
        ("action", {"action": True}, {}, "Discrete(2)"),
        ("action", {"action": "1"}, {}, "Discrete(2)"),
        ("action", {"action": {"$array": [1], "dtype": "object", "shape": [1]}}, {}, "action"),
        ("action", {"action": {"$array": [1], "dtype": "i8", "shape": [-7]}}, {}, ""),
        ("action", {"action": {"$array": ["x"], "dtype": "U500000000", "shape": [1]}}, {}, "action"),
        ("action", {"action": 10**400}, {}, "action"),
        ("action", {"action": [[10**400]]}, {}, "action"),
        ("page", {}, {}, "the session shows a turn, and takes no page"),
        ("answer", {"values": {}}, {}, "takes no answer"),
    ],
)
def test_what_cannot_be_is_refused_and_the_session_goes_on(served, kind, payload, changes, reason):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        before, shown = one.log, page.shown
        page.tell(kind, payload, **changes)
        assert page.got[-2]["type"] == "refused"
        assert reason in page.got[-2]["reason"]
        assert page.shown == shown
        assert one.log == before
        page.act(1)
        assert len(one.log) == len(before) + 1


def test_wrong_answers_are_refused(served):
    with served() as one, one.agreed().page() as page:
        page.play("questions")
        before = one.log
        for values in ({"ease": 8}, {"ease": "5"}, {}, {"ease": None}, {"ease": 5, "why": 3}):
            page.tell("answer", {"values": values})
            assert page.got[-2]["type"] == "refused", values
        assert one.log == before
        assert page.play()["kind"] == "end"


def test_the_newest_tab_takes_over_and_the_older_one_is_told(served):
    with served() as one:
        browser = one.agreed()
        with browser.page() as first:
            first.play("turn")
            with browser.page() as second:
                assert second.shown["epoch"] == first.shown["epoch"] + 1
                assert second.shown["round"] == first.shown["round"]
                assert first.closed() == 4001
                assert first.got[-1] == {"type": "replaced"}
                second.act(1)
        with browser.page() as third, browser.page(epoch=1, hello=False) as old:
            old.say(type="hello", epoch=1)  # the first tab tries again
            assert old.closed() == 4001
            assert third.act(1)["type"] == "show"


def test_tabs_that_take_over_from_each_other_play_one_session(served):
    with served() as one:
        browser = one.agreed()

        def fight(seed):
            rng, played = random.Random(seed), 0
            while True:
                try:
                    with browser.page() as page:
                        for _ in range(rng.randrange(1, 6)):
                            if page.shown["kind"] == "end":
                                return played
                            played += page.go_on()["type"] == "show"
                except (ConnectionClosed, TypeError):  # taken over, maybe before anything was shown
                    continue

        with ThreadPoolExecutor(3) as tabs:
            assert sum(tabs.map(fight, range(3))) >= 10
        assert one.kinds().count("action") == 15
        assert [event.sequence for event in one.log] == list(range(len(one.log)))
        assert replay(studies.bandits, one.log).over


def test_a_message_of_an_older_epoch_is_told_to_close(served):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        before = one.log
        assert page.act(1, epoch=0)["type"] == "replaced"
        assert page.closed() == 4001
        assert one.log == before


def test_a_lost_line_goes_on_at_the_same_turn_and_epoch(served):
    with served() as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            page.act(1)
            shown = page.shown
        with browser.page(epoch=shown["epoch"]) as again:
            assert again.shown == shown
            with browser.page(
                epoch=shown["epoch"]
            ) as faster:  # the server has not seen that the line is lost
                assert faster.shown == shown
                assert again.closed() == 1013
        assert one.kinds().count("connected") == 1
        assert one.kinds().count("returned") == 2


def test_what_was_sent_before_the_line_was_lost_is_not_played_twice(served):
    with served() as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            shown = page.shown
            page.say(type="action", epoch=1, sequence=shown["sequence"], round=0, payload={"action": 1})
        with browser.page(epoch=1) as page:
            page.shown = shown  # it does not know what became of it
            page.act(1)
            assert page.got[-2]["type"] == "accepted"
            assert page.shown["round"] == 1
        assert one.kinds().count("action") == 1


# Coming back.


def test_who_comes_back_goes_on_begins_again_or_is_blocked(served, monkeypatch):
    monkeypatch.setattr(live, "GRACE", 0.0)
    for study, kind in (
        (studies.bandits, "resume"),
        (studies.restarting, "restart"),
        (studies.blocking, "block"),
    ):
        with served(study, new_version=True) as one:
            browser = one.agreed()
            with browser.page() as page:
                page.play("turn")
                page.act(1)
                shown = page.shown
            one.left()
            status, _, body = browser.get()
            if kind == "block":
                assert status == 403
                assert study.texts["blocked"] in body
                with browser.page(hello=False) as page:
                    page.say(type="hello", epoch=None)
                    assert page.closed() == 4403
                continue
            assert status == 200
            with browser.page() as page:
                if kind == "resume":
                    assert page.shown["round"] == shown["round"] == 1
                    assert page.shown["episode"] == shown["episode"]
                else:
                    assert one.kinds()[-2:] == ["restarted", "connected"]
                    page.play("turn")
                    assert page.shown["round"] == 0
                    assert page.shown["episode"] > shown["episode"]


def test_a_page_that_lost_its_line_goes_on_up_to_the_maximum_age(served, monkeypatch):
    monkeypatch.setattr(live, "GRACE", 0.0)
    for oldest, ends in ((10_000.0, False), (1e-9, True)):
        study = studies.two_arms(on_return="block", maximum_age=oldest)
        with served(study, new_version=True) as one:
            browser = one.agreed()
            with browser.page() as page:
                page.play("turn")
            one.left()
            with browser.page(hello=False) as page:
                page.say(type="hello", epoch=1)
                assert page.closed() == 4403 if ends else page.hear()["type"] == "show"


def test_a_session_that_was_left_too_long_ago_is_blocked(served, monkeypatch):
    with served(studies.restarting) as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
        one.left()
        monkeypatch.setattr(live, "monotonic", lambda: time.monotonic() + 20_000.0)
        assert browser.get()[0] == 403


# Who may speak.


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_foreign_or_missing_origin_is_refused(served, origin):
    with served() as one:
        browser = one.agreed()
        with pytest.raises(InvalidStatus) as told, browser.page(origin=origin):
            pass
        assert told.value.response.status_code == 403
        stranger = one.browser(origin=origin)
        assert stranger.get("/consent", data=b"")[0] == 403
        assert not list(stranger.cookies)
        assert one.kinds() == ["began", "page"]


@pytest.mark.parametrize(
    "origin", ["study.example", "https://", "https://study.example/pointing", "ftp://x", "https://x:port", ""]
)
def test_what_is_no_origin_is_told_before_anybody_is_refused(served, origin):
    with (
        pytest.raises(ArgumentError, match="origin: expected https://HOST, and no path behind it, got"),
        served(origins=[origin]),
    ):
        pass


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("https://study.example:443/", "https://study.example"),
        ("HTTPS://Study.Example", "https://study.example"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_read_as_a_browser_says_it(given, told):
    assert read_origin(given) == told


def test_behind_a_proxy_the_origin_is_the_one_that_was_named(served):
    with served(origins=["https://study.example/"]) as one:
        browser = one.browser(origin="https://study.example")
        _, _, _ = browser.get()
        browser.agree()
        (cookie,) = browser.cookies
        assert cookie.secure
        with pytest.raises(InvalidStatus):
            connect(one.address.replace("http", "ws") + "/socket", origin=one.address, proxy=None)


def test_who_agrees_twice_while_the_line_is_slow_has_one_session(served, monkeypatch):
    with served() as one:
        room, begin = one.server.room, one.server.room.begin

        async def slowly(url):
            await asyncio.sleep(0.3)
            return await begin(url)

        monkeypatch.setattr(room, "begin", slowly)
        browsers = [one.browser(), one.browser()]  # neither has the cookie when it agrees
        address = agreement(browsers[0].get("/?PROLIFIC_PID=5f3")[2])
        with ThreadPoolExecutor(2) as both:
            answers = list(both.map(lambda browser: browser.get(address, data=b""), browsers))
        assert [status for status, _, _ in answers] == [200, 200]
        assert len({browser.cookie for browser in browsers}) == 1
        assert [event.payload.get("url") for event in one.log] == [{"PROLIFIC_PID": "5f3"}, None]
        other = one.browser()  # another visit is another person
        other.get(agreement(other.get()[2]), data=b"")
        assert len(one.store.standings()) == 2


def agreement(body):
    """Give the address to which a page of consent sends its form."""
    return "/" + html.unescape(re.search('action="([^"]+)"', body)[1])


def test_an_empty_token_is_refused_since_everybody_knows_it(served):
    for token in ("", " "):
        with pytest.raises(ArgumentError, match="token: expected one that nobody"), served(token=token):
            pass


@pytest.mark.parametrize(
    "origin", ["http://[", "http://", "null", "http://{host}/", "http://a@{host}", "//{host}"]
)
def test_an_origin_is_that_of_the_server_to_the_letter(served, origin):
    with served() as one:
        browser = one.agreed()
        browser.origin = origin.format(host=urlsplit(one.address).netloc)
        assert browser.get("/consent", data=b"")[0] == 403
        with pytest.raises(InvalidStatus, match="403"), browser.page():
            pass


def test_who_has_no_cookie_or_an_unknown_one_is_sent_to_the_beginning(served):
    with served() as one:
        for value in ("", "interaction_x=1", f"{one.server._cookie}=00112233445566778899aabbccddeeff"):
            socket = connect(
                one.address.replace("http", "ws") + "/socket",
                origin=one.address,
                proxy=None,
                additional_headers={"Cookie": value},
            )
            with socket, pytest.raises(Exception, match="4404"):
                socket.recv(5)
            assert "Do you agree?" in one.browser().get(Cookie=value)[2]


def test_the_cookie_holds_128_random_bits_that_scripts_cannot_read_and_the_store_does_not_hold(
    served, tmp_path
):
    with served() as one:
        browsers = [one.agreed(), one.agreed()]
        secrets = {cookie.value for browser in browsers for cookie in browser.cookies}
        assert len(secrets) == 2
        for browser in browsers:
            (cookie,) = browser.cookies
            assert len(bytes.fromhex(cookie.value)) == 16
            assert cookie.has_nonstandard_attr("HttpOnly")
            assert cookie.get_nonstandard_attr("SameSite").lower() == "lax"
            assert browser.get("/consent", data=b"")[0] == 200  # agreed twice: nothing happens
        assert len(one.store.standings()) == 2
        held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert not any(secret.encode() in held for secret in secrets)


# How much, and how fast.


def test_messages_that_are_too_large_too_fast_or_no_messages_end_the_line(served):
    with served(limits=Limits(message=1_000, burst=10, rate=1.0)) as one:
        browser = one.agreed()
        with browser.page() as page:
            page.socket.send("x" * 2_000)
            assert page.closed() == 1009
        for text in ("x", "[]", "{}", '{"type": "shout"}', b"\0\1"):
            with browser.page() as page:
                page.socket.send(text)
                assert page.closed() == 1008
                assert page.got[-1]["type"] == "refused"
        with browser.page() as page:
            with suppress(ConnectionClosed):  # while it still speaks
                for _ in range(30):
                    page.say(type="ping", at=0)
            assert page.closed() == 1008
            assert "too many" in page.got[-1]["reason"]
        with browser.page() as page:  # nothing is lost
            assert page.play("turn")["kind"] == "turn"


def test_a_page_that_says_nothing_for_long_is_taken_for_lost(served):
    with served(limits=Limits(silence=0.5)) as one:
        browser = one.agreed()
        with browser.page() as page:
            assert page.closed() == 1013
        with browser.page(epoch=1) as page:
            assert page.play("turn")["kind"] == "turn"


def test_what_a_page_sends_while_the_partner_thinks_has_its_limit(served):
    with served(studies.slow, limits=Limits(burst=10, rate=1_000.0)) as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            message = {"epoch": 1, "round": 0, "payload": {"what": "blur"}}
            page.say(type="action", **message | {"sequence": 1, "payload": {"action": 1}})
            with suppress(ConnectionClosed):
                for number in range(30):
                    time.sleep(0.002)
                    page.say(type="noted", sequence=2 + number, **message)
            assert page.closed() == 1008
        one.left()
        kinds = one.kinds()
        assert kinds.count("action") == 1
        assert kinds.count("noted") < 30  # those that waited are kept
        with browser.page() as page:
            assert page.act(1)["type"] == "show"


def test_large_messages_count_as_several_and_all_lines_of_a_session_together(served):
    with served(limits=Limits(burst=12, rate=0.01, piece=1_000)) as one:
        browser = one.agreed()
        with browser.page(hello=False) as first, browser.page(hello=False) as second:
            for page in (first, second, first):
                page.say(type="ping", at=0)
                page.until("pong")
            second.say(
                type="noted", epoch=1, sequence=9, payload={"what": "x" * 40, "value": ["y" * 900] * 9}
            )
            assert second.closed() == 1008  # what it says is not even read
            assert "too many" not in second.got[-1]["reason"]
            first.say(type="noted", epoch=1, sequence=9, payload={"what": "x", "value": "y" * 900})
            assert first.closed() == 1008
            assert "too many" in first.got[-1]["reason"]


def test_a_session_has_not_more_lines_than_the_limit_says(served):
    with served(limits=Limits(lines=3)) as one, ExitStack() as opened:
        browser = one.agreed()
        for _ in range(3):
            opened.enter_context(browser.page(hello=False))
        with browser.page(hello=False) as page:
            assert page.closed() == 1008
        with one.agreed().page() as page:  # of others there are as many
            page.play()


def test_not_more_sessions_begin_than_the_limit_says(served):
    with served(limits=Limits(beginnings=3)) as one:
        statuses = [one.browser().get("/consent", data=b"")[0] for _ in range(5)]
        assert statuses == [200, 200, 200, 429, 429]
        assert len(one.store.standings()) == 3


def test_an_address_may_carry_only_so_much(served):
    with served() as one:
        query = "&".join(f"{'k' * 150}{number}={'v' * 1_000}" for number in range(40))
        one.browser().agree(f"?{query}")
        kept = one.log[0].payload["url"]
        assert len(kept) == 20
        assert max(map(len, kept.values())) == 200


# What a participant receives.


def test_nothing_that_the_observation_engine_hides_is_sent(served):
    with served(studies.hidden) as one:
        browser = one.agreed()
        for path in ("/", "/static/page.js", "/static/page.css", "/monitor", "/monitor/sessions", "/nothing"):
            browser.get(path)
        with browser.page() as page:
            page.play("turn")
            page.tell("action", {"action": 77})
            page.tell("action", {"action": 3}, sequence=0)
            page.act(3)
        with browser.page() as page:
            page.play()
        sent = "".join(browser.seen)
        assert len(sent) > 20_000
        assert "3" in sent
        for hidden in ("vault", "ploy", "seed", "assistant_state", str(studies.SECRET)[:6]):
            where = sent.find(hidden)
            assert where < 0, sent[max(where - 80, 0) : where + 80]
        state = replay(studies.hidden, one.log)
        assert str(state.opening["seed"]) not in sent


def test_each_answer_has_a_content_security_policy(served):
    with served() as one:
        browser = one.browser()
        for path in ("/", "/monitor", "/static/page.js", "/nothing", "/monitor/sessions"):
            _, headers, body = browser.get(path)
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "server" not in headers
            assert "<script>" not in body
            assert "onclick" not in body
        assert browser.get("/static/..%2Fserver.py")[0] == 404
        assert browser.get("/static/server.py")[0] == 404


# What goes wrong.


def test_a_view_that_fails_is_an_apology_for_the_person_and_a_traceback_for_the_researcher(served, caplog):
    with served(studies.badly_drawn) as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            apology = page.act(3)
        assert apology["type"] == "apology"
        assert "three" not in json.dumps(page.got)
        (record,) = (one for one in caplog.records if one.levelno >= logging.ERROR)
        assert apology["code"] in record.message
        assert "this view cannot draw a three" in caplog.text
        assert "fails_at_three" in caplog.text
        assert one.log[-1].kind == "failed"
        assert one.log[-1].payload == {"code": apology["code"], "error": "ValueError"}
        assert one.log[-2].kind == "action"  # it was played, and is kept
        assert replay(studies.badly_drawn, one.log).prompt.round == 1


def test_the_monitor_tells_who_was_shown_an_apology_and_its_code(served):
    with served(studies.badly_drawn, token="t") as one:
        browser = one.agreed()

        def told():
            (session,) = json.loads(browser.get("/monitor/sessions", Authorization="Bearer t")[2])["sessions"]
            return session["state"], session["failed"]

        with browser.page() as page:
            page.play("turn")
            assert told() == ("here", None)
            code = page.act(3)["code"]
        assert told() == ("failed", code)


def test_an_assistant_that_fails_leaves_the_session_as_it_was(served, caplog):
    with served(studies.breaking) as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            shown = page.shown
            apology = page.act(7)
            assert apology["type"] == "apology"
            assert "seven is too much" in caplog.text
        with browser.page() as page:
            assert {**page.shown, "epoch": 1} == shown
            assert page.act(6)["type"] == "show"
        assert one.kinds()[3:] == ["failed", "connected", "action"]


def test_a_full_disk_is_told_and_the_session_goes_on_after_it(served, caplog, monkeypatch):
    with served() as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            append = one.store.append
            before = one.log

            def fail(events):
                future = append([])
                future.result()
                raise StoreError("the store could not be written: database or disk is full")

            monkeypatch.setattr(one.store, "append", fail)
            assert page.act(1)["type"] == "apology"
            assert "disk is full" in caplog.text
        monkeypatch.undo()
        assert one.log == before
        with browser.page() as page:
            assert page.shown["round"] == 0
            page.act(1)
            assert page.shown["round"] == 1
        assert replay(studies.bandits, one.log).prompt.round == 1


def test_a_log_that_does_not_replay_is_named_and_not_touched(served, caplog):
    with served() as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            page.act(1)
    with served(new_version=True) as one:
        engine = one.store._engine
        with engine.begin() as connection:
            connection.exec_driver_sql(
                'UPDATE interaction_events SET payload = replace(payload, \'"digest":"\', \'"digest":"0\')'
            )
        before = one.log
        status, _, body = browser.moved(one.address).get()
        assert status == 500
        assert "event 4 (action)" in caplog.text
        with browser.page() as page:
            assert page.got[-1]["type"] == "apology"
        assert page.got[-1]["code"] not in body
        assert one.log == before


def test_a_clock_that_jumps_changes_neither_order_nor_play(served, monkeypatch):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        for jump in (-1e6, 1e6, -3e8, 0.0):
            monkeypatch.setattr(live, "time", lambda jump=jump: time.time() + jump)
            page.act(1)
        assert [event.sequence for event in one.log] == list(range(len(one.log)))
        times = [event.time for event in one.log]
        assert times != sorted(times)
        monotonic = [event.monotonic for event in one.log]
        assert monotonic == sorted(monotonic)
        assert page.play()["kind"] == "end"
        assert replay(studies.bandits, one.log).over


def test_nothing_is_acknowledged_that_goes_into_a_file_which_is_no_more(served, tmp_path, caplog):
    with served() as one, one.agreed().page() as page:
        page.play("turn")
        for file in tmp_path.iterdir():
            file.rename(file.with_name(f"{file.name}.away"))
        assert page.act(1)["type"] == "apology"
        assert "its file was deleted, or another one put there" in caplog.text
        assert one.browser().get("/consent", data=b"")[0] == 500
        for file in tmp_path.iterdir():
            file.rename(file.with_name(file.name.removesuffix(".away")))
        with page.browser.page() as again:  # it is there again
            assert again.shown["round"] == 0
            again.act(1)
        assert [event.kind for event in one.log].count("action") == 1


def test_a_port_in_use_and_a_wrong_one_are_named(served):
    with served() as one:
        port = urlsplit(one.address).port
        with pytest.raises(PortError, match=f"cannot listen on 127.0.0.1, port {port}: .*in use.*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(ValueError, match="from 0 to 65535, got 70000"):
        listen("127.0.0.1", 70_000)


def test_changed_code_is_refused_until_it_is_let_in(served, caplog):
    changed = studies.two_arms(rounds=6)
    with served() as one:
        early, late = one.agreed(), one.agreed()
        with early.page() as page:
            page.play("turn")
            page.act(1)
        with late.page() as page:
            page.play("break")  # by which five rounds have been played
    with pytest.raises(StoreError, match="has changed since its sessions began"), served(changed):
        pass
    with served(changed, new_version=True) as one:
        before = one.log
        assert late.moved(one.address).get()[0] == 500  # its log does not play again by this code
        assert "does not replay" in caplog.text
        assert one.log == before
        with early.moved(one.address).page() as page:  # which that of the other one does
            session = page.shown["session"]
            assert page.shown["round"] == 1
            page.play()
        with one.agreed().page() as page:
            page.play()
        assert [standing.seat.version for standing in one.store.standings()] == [0, 0, 1]
        log = one.store.events(session)
        assert {"version": 1, "epoch": 2} in [event.payload for event in log]
        assert replay(changed, log).over
        counts = one.server.room.counts()
        assert sum(count.finished for count in counts.values()) == 1  # of this version


# The monitor, counts and memory.


def test_the_monitor_shows_nothing_without_its_token(served):
    with served(token="open sesame") as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            for header in ({}, {"Authorization": "Bearer open"}, {"Authorization": "open sesame"}):
                status, _, body = browser.get("/monitor/sessions", **header)
                assert status == 401
                assert page.shown["session"] not in body
            status, _, body = browser.get("/monitor/sessions", Authorization="Bearer open sesame")
            assert status == 200
            told = json.loads(body)
            (session,) = told["sessions"]
            assert session["session"] == page.shown["session"]
            assert (session["state"], session["shows"], session["round"]) == ("here", "turn", 0)
            assert told["counts"][session["condition"]] == {"finished": 0, "running": 1, "dropped": 0}
        assert page.shown["session"] not in browser.get("/monitor")[2]


def test_the_monitor_tells_what_the_assistant_believes(served):
    from tests.people.believing import pointing

    with served(pointing, token="t") as one, one.agreed().page() as page:
        page.play("turn")

        def belief():
            (session,) = json.loads(page.browser.get("/monitor/sessions", Authorization="Bearer t")[2])[
                "sessions"
            ]
            return {one["name"]: one["weights"] for one in session["belief"]}

        before = belief()
        assert before["task_state.goal"] == [[goal, pytest.approx(1 / 3)] for goal in "012"]
        page.act(1)
        assert belief() != before


def test_a_belief_that_cannot_be_told_does_not_hide_the_other_sessions(served, monkeypatch):
    from interaction.people import monitor
    from tests.people.believing import pointing

    def fail(agent, state):
        raise ZeroDivisionError("there is no belief")

    with served(pointing, token="t") as one, one.agreed().page() as page:
        page.play("turn")
        one.agreed()
        monkeypatch.setattr(monitor, "beliefs", fail)
        status, _, body = page.browser.get("/monitor/sessions", Authorization="Bearer t")
        assert status == 200
        here, away = json.loads(body)["sessions"]
        assert here["belief"] == [{"name": "ZeroDivisionError", "text": "there is no belief"}]
        assert away["state"] == "away"


def test_conditions_stay_balanced_and_those_who_left_are_made_up_for(served):
    with served() as one:
        for _ in range(10):
            one.agreed()
        given = [standing.seat.condition for standing in one.store.standings()]
        assert {name: given.count(name) for name in studies.bandits.conditions} == {"hard": 5, "easy": 5}
        counts = one.server.room.counts()
        assert [count.running for count in counts.values()] == [5, 5]
    with served(limits=Limits(dropped=-1.0)) as one:
        assert [count.dropped for count in one.server.room.counts().values()] == [5, 5]


def test_a_session_that_nobody_looks_at_leaves_the_memory(served):
    with served(limits=Limits(idle=0.2)) as one:
        room = one.server.room
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            time.sleep(0.5)
            assert len(room.live) == 1
        until = time.monotonic() + 20
        while room.live and time.monotonic() < until:
            time.sleep(0.05)
        assert not room.live
        with browser.page() as page:
            page.play()
        until = time.monotonic() + 20
        while room.live and time.monotonic() < until:
            time.sleep(0.05)
        assert not room.live
        assert not room.lines


def test_a_forgotten_session_is_not_played_on(served, caplog):
    with served() as one:
        browser = one.agreed()
        with browser.page() as page:
            page.play("turn")
            one.store.forget(page.shown["session"])
            assert page.act(1)["type"] == "apology"
        assert one.log == []
        assert "Do you agree?" in browser.get()[2]


def test_a_server_that_stops_says_so_and_does_not_wait_for_pages(served):
    with ExitStack() as opened:
        with served() as one:
            page = opened.enter_context(one.agreed().page())
            page.play("turn")
        assert page.closed() in (1012, 1013)  # come again


def test_a_study_that_cannot_begin_is_an_apology_and_nothing_is_in_the_log(served, caplog, monkeypatch):
    with served() as one:
        monkeypatch.setattr(studies.bandits, "opening", lambda *given: {"condition": "easy", "seed": "none"})
        status, _, body = one.browser().get("/consent", data=b"")
        assert status == 500
        assert studies.bandits.texts["apology"] in body
        assert "a new session" in caplog.text
        assert one.log == []
        monkeypatch.undo()
        one.agreed()
        assert [standing.seat.participant for standing in one.store.standings()] == [1]
        assert sum(count.running for count in one.server.room.counts().values()) == 1
