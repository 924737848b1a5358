"""What README and pages show runs as it stands, page by page, and what they list is there.

Pages that begin with `file_format: mystnb` are run by the site as it is built (`docs/conf.py`), and not here.
"""

import re
import sys
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from interaction.batching import functions
from interaction.batching.rules import FUNCTIONS
from interaction.interop.coopihc import INSTALL

mpl.use("Agg")
ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SYBIL = Sybil([PythonCodeBlockParser()])
FILES = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8")
    for file in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    if "_build" not in file.parts
}
RUN_BY_THE_SITE = "file_format: mystnb"
PAGES = [name for name, text in FILES.items() if "```python\n" in text and RUN_BY_THE_SITE not in text]
SHOWN = {  # what is printed, where it does not depend on who runs it
    "README.md": ("[0. 0. 0. 1. 0. 0. 0. 0. 0. 0.]", "x = 9 after 10 rounds", "500 episode"),
    "docs/how-to/coopihc.md": ("x = 9\n",),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_from_top_to_bottom(page, monkeypatch, capsys):
    if page.endswith("coopihc.md"):
        reason = "the package coopihc is not installed (docs/how-to/coopihc.md tells how to)"
        pytest.importorskip("coopihc", reason=reason, exc_type=ImportError)
    pasted = ModuleType("pasted")  # what is pickled needs a module
    monkeypatch.setitem(sys.modules, "pasted", pasted)
    document = SYBIL.parse(ROOT / page)
    document.namespace = vars(pasted)
    for example in document.examples():
        example.evaluate()
    shown = capsys.readouterr().out
    assert all(part in shown for part in SHOWN.get(page, ()))


@pytest.mark.parametrize("page", [name for name, text in FILES.items() if RUN_BY_THE_SITE in text])
def test_a_page_that_the_site_runs_has_no_code_that_it_does_not_run(page):
    assert FILES[page].startswith("---\nfile_format: mystnb\n")
    assert "```python" not in FILES[page]


@pytest.mark.parametrize("page", FILES)
def test_the_links_between_files_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:\s]+)(?:#[\w-]*)?\)", FILES[page])
    assert not [link for link in links if not ((ROOT / page).parent / link).exists()]


def test_the_page_on_lifting_names_all_functions_that_have_a_rule():
    assert functions.install  # which fills the table
    page = (DOCS / "explanation" / "lifting.md").read_text(encoding="utf-8")
    part = page[page.index("## What natural code may look like") : page.index("## Where episodes part")]
    rows = "".join(line for line in part.splitlines() if line.startswith("| "))
    named = {name.removeprefix("linalg.") for name in re.findall(r"`([a-z0-9_.]+)`", rows)}
    assert named == {function.__name__ for function in FUNCTIONS} - {"around"}


def test_the_page_on_coopihc_and_the_error_give_the_same_commands():
    page = (DOCS / "how-to" / "coopihc.md").read_text(encoding="utf-8")
    assert tuple(line for line in page.splitlines() if line.startswith("python -m pip install")) == INSTALL
