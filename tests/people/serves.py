"""Serves a study of the tests, until it is killed: `python -m tests.people.serves NAME STORE PORT`."""

import sys

from interaction.people.server import StudyServer
from interaction.people.serving import listen, serve
from interaction.people.store import Store
from tests.people import drawn

if __name__ == "__main__":
    name, file, port = sys.argv[1:]
    with Store(file) as store, listen("127.0.0.1", int(port)) as at:
        serve(StudyServer(getattr(drawn, name), store), at)
