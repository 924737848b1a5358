"""The guide's worked example runs as it stands."""

import ast
import importlib
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot

from interaction.batching import functions
from interaction.batching.rules import FUNCTIONS
from interaction.interop.coopihc import INSTALL

mpl.use("Agg")
ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "explanation" / "guide.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
IMPORTS = BLOCKS[0]


def shown_by(page, capsys):
    """Run the code of a page from top to bottom, and give the lines that it prints."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", text, re.DOTALL)), {})
    return capsys.readouterr().out.splitlines()


def test_the_page_on_beliefs(capsys):
    posterior, heard, believed, blur, pointed, goal = shown_by("beliefs.md", capsys)
    assert float(posterior.split()[0]) > 0.1
    mean, low, high = map(float, blur.split())
    assert 0 < low < mean < high < 10
    assert abs(mean - 4.0) < high - low  # about four standard deviations
    weights = np.full(6, 1 / 6)  # the forward algorithm
    for number, place in enumerate(np.array(pointed.strip("[]").split(), int)):
        weights = 0.8 * weights + 0.2 * np.roll(weights, 1) if number else weights
        weights = weights * np.where(np.arange(6) == place, 0.5, 0.1)
        weights /= weights.sum()
    assert np.allclose(np.array(goal.strip("[]").split(), float), weights, atol=5e-4)
    ears = np.array(heard.strip("[]").split(), int)
    right = 1 / (1 + (0.15 / 0.85) ** np.cumsum(2 * ears - 1))
    assert np.allclose(np.array(believed.strip("[]").split(), float), right, atol=5e-4)


def test_the_page_on_planning(capsys):
    returns, searched, hears, mishears, turns = shown_by("planning.md", capsys)
    returns, searched, turns = float(returns), float(searched), float(turns)

    def bits(p):
        return -p * np.log2(p) - (1 - p) * np.log2(1 - p)

    exact = [bits(0.18) - bits(0.1), 1 - bits(0.1), 1 - bits(0.1)]
    assert np.allclose(np.array(hears.split(), float), [*exact, 0, 0, 0], atol=5e-4)
    gain, error = np.array(mishears.split(), float).reshape(2, 3)
    # The second bit decides by 0.8, the first, of which the belief is 0.9 to 0.1, by 0.2.
    yes = np.array([[0.8 * second + 0.2 * first for second in (0.1, 0.9)] for first in (0.1, 0.9)])
    chances = np.array([[0.45, 0.45], [0.05, 0.05]])
    expected = bits((chances * yes).sum()) - (chances * bits(yes)).sum()
    assert (np.abs(gain[1:] - expected) < 4 * error[1:] + 0.02).all()  # the particles' own error
    assert returns > 0
    assert searched > -20  # who opens a door unsure loses 45 each time
    assert 3 < turns < 4


def test_the_page_on_response_times(capsys):
    means, refused, recalled, seconds = "\n".join(
        line for line in shown_by("response_times.md", capsys) if line.strip()
    ).splitlines()
    found = ast.literal_eval(means)
    for name, true, within in (("drift", 2.0, 0.6), ("boundary", 1.2, 0.15), ("non_decision", 0.25, 0.03)):
        assert abs(found[name] - true) < within
    assert "no value of drift, boundary, non_decision under the priors explains" in refused
    assert "recalled" in recalled
    assert "seconds" in seconds


def test_the_page_on_latent_noise(capsys):
    verdict, figures, recovered = shown_by("latent.md", capsys)
    noise, variance = (float(part) for part in figures.split())
    assert verdict.startswith("converged (particles")
    assert abs(noise - 0.2) < 0.1
    assert 0 < variance < 3
    assert "the estimated log likelihood has a variance below 3" in recovered


def test_the_page_on_populations(capsys):
    verdict, told, returns = shown_by("fitting.md", capsys)
    assert verdict.startswith("converged (population")
    mean, low, high = np.array(told.strip("[]").split(), float)
    assert low < mean < high < 0
    assert low < -2 < high  # as far apart they were simulated
    assert float(returns) > 20  # 40 rounds, of which a guess succeeds in half


def test_training_in_the_guide(capsys):
    code = next(block for block in BLOCKS if "UserEnv(" in block)
    exec(IMPORTS + code, {})
    reward, shape = capsys.readouterr().out.split(maxsplit=1)
    assert float(reward) == -1.0
    assert shape.startswith("(")


def test_the_studies_and_the_fit_of_the_guide(capsys):
    names: dict[str, object] = {}
    for word in ("recovered.verdict", "taught =", "tree =", "mine ="):
        exec(IMPORTS + next(block for block in BLOCKS if word in block), names)
    shown = capsys.readouterr().out
    assert "inverse_temperature" in shown
    assert "converged (grid" in shown
    assert names["ranks"].verdict
    assert names["pointed"].verdict
    assert names["taught"].verdict


def test_the_rollouts_of_the_guide(capsys):
    code = next(block for block in BLOCKS if "Tries(" in block)
    exec(IMPORTS + code, {})
    assert capsys.readouterr().out.strip() == "[10 10 10]"


def test_the_page_on_nesting(capsys):
    believed, said, served, *levels = shown_by("nesting.md", capsys)
    assert said == served == "True"
    first, last = believed.split("] [")
    assert np.allclose(np.array(first.strip("[]").split(), float), 1 / 3)
    assert (np.array(last.strip("[]").split(), float) > 0.8).all()
    found = [float(line.split("[")[1].split()[0]) for line in levels]
    assert found == [0.59901, 0.690548, 0.76924, 0.832767, 0.881499]


def test_the_page_on_comparing(capsys):
    *rows, of_each, interval, share = shown_by("comparing.md", capsys)
    assert [row.split()[0] for row in rows[-2:]] == ["learner", "random"]
    assert "0: 0." in of_each or "0: 1.0" in of_each
    assert (interval, share) == ("90 % equal-tailed interval", "share of user_action = 1")
    pyplot.close("all")


def test_natural_code_of_the_guide_is_lifted():
    code = next(block for block in BLOCKS if "ways(" in block)
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
    page = (ROOT / "docs" / "how-to" / "batched.md").read_text(encoding="utf-8")
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    (tmp_path / "raw_arrays.py").write_text(code, encoding="utf-8")  # what is pickled needs a module
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("raw_arrays")
    assert capsys.readouterr().out == "lifted arrays\n"


def test_the_guide_for_users_of_coopihc(capsys):
    reason = "the package coopihc is not installed (docs/how-to/coopihc.md tells how to)"
    pytest.importorskip("coopihc", reason=reason, exc_type=ImportError)
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "coopihc.md").read_text(encoding="utf-8")
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), {})
    assert capsys.readouterr().out == "x = 9\n"


def test_the_guide_and_the_error_give_the_same_commands():
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "coopihc.md").read_text(encoding="utf-8")
    assert tuple(line for line in page.splitlines() if line.startswith("python -m pip install")) == INSTALL
