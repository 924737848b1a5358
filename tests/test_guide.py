"""The guide's worked example runs as it stands."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from interaction.batching import functions
from interaction.batching.rules import FUNCTIONS
from interaction.interop.coopihc import INSTALL

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
IMPORTS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[0]


def test_pointing_in_the_guide(capsys):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    for word in ("InformationGain(", "UserEnv("):
        code = next(block for block in blocks if word in block)
        exec(IMPORTS + code, {})
    turns, reward, shape = capsys.readouterr().out.split(maxsplit=2)
    assert 3 < float(turns) < 4
    assert float(reward) == -1.0
    assert shape.startswith("(")


def test_the_studies_and_the_fit_of_the_guide(capsys):
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    names: dict[str, object] = {}
    for word in ("recovered.verdict", "taught =", "tree ="):
        exec(IMPORTS + next(block for block in blocks if word in block), names)
    shown = capsys.readouterr().out
    assert "inverse_temperature" in shown
    assert "converged (grid" in shown
    assert names["ranks"].verdict
    assert names["pointed"].verdict
    assert names["taught"].verdict


def test_the_filter_of_the_guide(capsys):
    code = next(
        block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "belief_filter" in block
    )
    names: dict[str, object] = {}
    exec(IMPORTS + code, names)
    assert np.isfinite(names["posterior"].log_evidence)
    assert float(capsys.readouterr().out.split()[0]) > 0.1


def test_the_rollouts_of_the_guide(capsys):
    code = next(block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "Tries(" in block)
    exec(IMPORTS + code, {})
    assert capsys.readouterr().out.strip() == "[10 10 10]"


def test_natural_code_of_the_guide_is_lifted():
    code = next(block for block in re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL) if "ways(" in block)
    names: dict[str, object] = {}
    exec(IMPORTS + code, names)
    found = names["ways"](names["bundle"])
    assert {found["user policy.sample"], found["user inference engine.infer"]} == {"lifted"}


def test_the_guide_names_all_functions_that_have_a_rule():
    assert functions.install  # which fills the table
    part = GUIDE[GUIDE.index("### What natural code may look like") : GUIDE.index("### Where episodes part")]
    rows = "".join(line for line in part.splitlines() if line.startswith("| "))
    named = {name.removeprefix("linalg.") for name in re.findall(r"`([a-z0-9_.]+)`", rows)}
    assert named == {function.__name__ for function in FUNCTIONS} - {"around"}


def test_the_page_on_raw_arrays(tmp_path, capsys, monkeypatch):
    page = (ROOT / "docs" / "batched.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    (tmp_path / "raw_arrays.py").write_text(code, encoding="utf-8")  # what is pickled needs a module
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("raw_arrays")
    assert capsys.readouterr().out == "lifted arrays\n"


def test_the_guide_for_users_of_coopihc(capsys):
    reason = "the package coopihc is not installed (docs/coopihc.md tells how to)"
    pytest.importorskip("coopihc", reason=reason, exc_type=ImportError)
    page = (Path(__file__).parent.parent / "docs" / "coopihc.md").read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), {})
    assert capsys.readouterr().out == "x = 9\n"


def test_the_guide_and_the_error_give_the_same_commands():
    page = (Path(__file__).parent.parent / "docs" / "coopihc.md").read_text(encoding="utf-8")
    assert tuple(line for line in page.splitlines() if line.startswith("python -m pip install")) == INSTALL
