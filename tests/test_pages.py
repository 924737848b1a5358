"""The code that README and pages show runs as it stands, page by page.

Pages that begin with `file_format: mystnb` are run by the site as it is built (`docs/conf.py`), and not here.
"""

import sys
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

mpl.use("Agg")
ROOT = Path(__file__).parent.parent
SYBIL = Sybil([PythonCodeBlockParser()])


def shown_code(file):
    text = file.read_text(encoding="utf-8")
    return "```python" in text and "file_format: mystnb" not in text and file.name != "guide.md"


FILES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [
    str(file.relative_to(ROOT))
    for file in FILES
    if "_build" not in file.parts and shown_code(file) and file.name != "guide.md"
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs_from_top_to_bottom(page, monkeypatch):
    if page.endswith("coopihc.md"):
        pytest.importorskip("coopihc", exc_type=ImportError)
    pasted = ModuleType("pasted")  # what is pickled needs a module
    monkeypatch.setitem(sys.modules, "pasted", pasted)
    document = SYBIL.parse(ROOT / page)
    document.namespace = vars(pasted)
    for example in document.examples():
        example.evaluate()
