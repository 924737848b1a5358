"""A server that is killed: what it acknowledged is there, and sessions go on where they were."""

import pytest

from interaction.people import replay
from interaction.people.store import Store
from tests.people import faults, studies
from tests.people.browser import Browser


def serving(store, port):
    words = ("serve", "tests.people.studies:bandits", "--store", str(store), "--port", str(port))
    return faults.process("interaction", *words, "--token", "t")


def test_a_session_goes_on_at_the_same_turn_after_a_kill(tmp_path):
    store, port = tmp_path / "results.db", faults.free_port()
    address = f"http://127.0.0.1:{port}"
    with serving(store, port) as process:
        assert process.said == f"two arms: {address}/\n"
        browser = Browser(address).agree()
        with browser.page() as page:
            page.play("turn")
            page.act(1)
            page.act(0)
            shown = page.shown
            process.kill()
            process.wait()
    with serving(store, port), browser.page(epoch=shown["epoch"]) as page:
        assert page.shown == shown
        page.act(1, sequence=shown["sequence"] - 1, round=1)  # it does not know that this was heard
        assert page.got[-2]["type"] == "refused"  # the log says something else
        page.act(0, sequence=shown["sequence"] - 1, round=1)
        assert page.got[-2]["type"] == "accepted"
        page.shown = shown
        assert page.play()["kind"] == "end"
    with Store(store) as log:
        assert replay(studies.bandits, log.events()).over
        assert [event.kind for event in log.events()].count("action") == 15


@pytest.mark.parametrize("where", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_nothing_is_lost_or_doubled_however_often_it_is_killed(where, tmp_path, request):
    store = tmp_path / "results.db" if where == "sqlite" else request.getfixturevalue("postgresql")
    told = faults.run(store, kills=3, bots=20, pause=0.02)
    assert told["sessions"] >= 20
    assert told["acknowledged"] >= 20 * 121
