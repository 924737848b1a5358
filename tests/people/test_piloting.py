"""Bots through the network: the log is the one that they leave in process."""

import pytest

from interaction.errors import ArgumentError
from interaction.people import export, pilot
from interaction.people.piloting import pilot_served
from interaction.people.store import Store
from tests.people import studies
from tests.people.believing import pointing

OWN = ("connected", "returned")
"""What the server notes, and nobody does who plays in process."""


def played(events):
    """Give what each participant did, without names and clocks."""
    sessions = {}
    for event in events:
        if event.kind not in OWN:
            sessions.setdefault(event.session, []).append((event.kind, event.payload))
    return list(sessions.values())


@pytest.mark.parametrize("study", [studies.bandits, pointing], ids=["bandits", "pointing"])
def test_the_log_is_that_of_bots_in_process(study, tmp_path):
    piloted = pilot_served(study, 6, seed=5, store=tmp_path / "pilot.db", at_once=3)
    assert played(piloted.events) == played(pilot(study, 6, seed=5))
    with Store(tmp_path / "pilot.db") as store:
        assert store.events() == piloted.events
    assert len(piloted.waits) > 30


def test_the_data_is_that_of_bots_in_process():
    served = export(studies.bandits, pilot_served(studies.bandits, 4, seed=5).events).rounds
    alone = export(studies.bandits, pilot(studies.bandits, 4, seed=5)).rounds
    same = [name for name in alone if name not in ("session", "time", "monotonic")]
    assert served[same].equals(alone[same])


def test_participants_go_on_counting_in_a_store_that_has_some(tmp_path):
    store = tmp_path / "pilot.db"
    first, second = (pilot_served(studies.bandits, 2, store=store).events for _ in range(2))
    numbers = [event.payload["participant"] for event in first + second if event.kind == "began"]
    assert numbers == [0, 1, 2, 3]


def test_nobody_is_no_pilot():
    with pytest.raises(ArgumentError, match="participants: expected a number >= 1, got 0"):
        pilot_served(studies.bandits, 0)
