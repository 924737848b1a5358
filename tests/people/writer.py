"""A process that writes to a store from several threads, and says of each event when it is durable."""

import sys
from threading import Thread

from interaction.people.events import Event
from interaction.people.seats import Seat
from interaction.people.store import Store

NOW = "2026-11-30T08:00:00+00:00"


def write(store, participant, run):
    name = f"{run}-{participant % 4}"
    events = [Event(name, number, "noted", {"at": number / 7}, NOW, 0.0) for number in range(3_000)]
    store.begin(Seat(name, participant, "a", 0), events[0]).result()
    for event in events:
        if event.sequence:
            store.append([event]).result()
        sys.stdout.write(f"{name} {event.sequence}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    address, run = sys.argv[1:]
    store = Store(address)
    first = store.next_participant()
    for one in range(4):
        Thread(target=write, args=(store, first + one, run)).start()
