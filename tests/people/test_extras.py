"""A study is written, piloted and replayed without any extra; what serving lacks is named."""

import subprocess
import sys

import pytest

from tests.people.faults import ROOT

ABSENT = "import sys\nfor name in {names}: sys.modules[name] = None\n"
EXTRA = ["starlette", "uvicorn", "websockets", "sqlalchemy", "psycopg", "markdown_it", "pandas", "pyarrow"]


def run(names, code):
    code = ABSENT.format(names=names) + code
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_studies_need_no_extra():
    code = (
        "from tests.people.studies import bandits\n"
        "from interaction.people import pilot, replay\n"
        "assert replay(bandits, pilot(bandits, 1)).over"
    )
    done = run(EXTRA, code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("library", "code", "extra"),
    [
        ("sqlalchemy", "import interaction.people.store", "people"),
        ("starlette", "import interaction.people.server", "people"),
        ("uvicorn", "import interaction.people.serving", "people"),
        ("websockets", "import interaction.people.piloting", "people"),
        ("psycopg", "from interaction.people.store import Store; Store('postgresql://x/y')", "postgresql"),
    ],
)
def test_what_is_missing_is_named(library, code, extra):
    done = run([library], code)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("interaction.errors.MissingExtraError: ")
    assert library in last.lower()
    assert f"pip install 'hci-interaction[{extra}]'" in last
