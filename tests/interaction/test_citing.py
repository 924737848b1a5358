"""Each model that is shipped says where it comes from, and its papers can be printed."""

import re
import tomllib
from pathlib import Path

import pytest

import interaction
from interaction.citing import MODELS, citation, listing, models, references
from interaction.errors import UnknownNameError
from tests.test_shipped import components

ROOT = Path(__file__).parent.parent.parent
PLANNERS = "BeliefTree", "MonteCarloTree", "ExpectedInformationGain", "RolloutReturns", "BoltzmannPolicy"
METHODS = "quadrature", "tempering", "mcmc", "maximum", "lattice", "latent", "comparison", "recovery"


@pytest.mark.parametrize("package", MODELS)
def test_each_component_has_papers_or_is_ours(package):
    without = [one.__name__ for one in components(package) if one.__name__ not in models()]
    assert not without, 'their docstrings have no "Source: ..."'


@pytest.mark.parametrize("name", [*PLANNERS, *METHODS, "UserModelFilter", "Samples", "movement"])
def test_methods_have_papers(name):
    assert models()[name].references


def test_every_source_has_its_entry():
    for model in models().values():
        years = set(re.findall(r"\b(?:19|20)\d\d\b", model.source))
        assert model.references, f"{model.name}: nothing in references.bib is named in {model.source!r}"
        assert years <= {one.fields.get("year") for one in model.references}, model


def test_every_entry_is_named_by_a_source():
    named = {one.key for model in models().values() for one in model.references}
    assert {one.key for one in references()} == named


def test_entries_are_whole():
    keys = [one.key for one in references()]
    text = (ROOT / "interaction" / "references.bib").read_text(encoding="utf-8")
    assert len(keys) == len(set(keys)) == text.count("\n@")
    for one in references():
        assert {"author", "title"} <= set(one.fields)
        assert len(one.fields) == one.bibtex.count("\n  ")
        assert one.bibtex.count("{") == one.bibtex.count("}")
        assert one.key == "coopihc" or one.fields["year"].isdigit()
        assert re.fullmatch(r"10\.\d{4,}/\S+", one.fields.get("doi", "10.1000/1"))


def test_a_model_is_cited_with_its_papers():
    shown = citation("rescorlawagneruser")
    assert shown.startswith("RescorlaWagnerUser (users/bandit.py)\nSource: Wilson & Collins 2019, model 3")
    assert "Robert C. Wilson and Anne G. E. Collins (2019). Ten simple rules" in shown
    assert "eLife 8, e49547. https://doi.org/10.7554/eLife.49547" in shown
    assert "@incollection{rescorla1972,\n  author = {Rescorla, Robert A. and Wagner, Allan R.}" in shown


def test_the_framework_is_cited_in_sentences():
    told = citation("interaction").split("\n\n")[1]
    assert told.startswith("The interaction developers (2026). interaction: Simulate")
    assert told.endswith(f". Version {interaction.__version__}.")


def test_two_papers_of_one_surname_are_told_apart():
    keys = {name: {one.key for one in models()[name].references} for name in ("InformationGain", "Samples")}
    assert keys == {"InformationGain": {"liu2017", "liu2018"}, "Samples": {"liu2001", "kitagawa1996"}}


def test_what_is_ours_says_so():
    assert [one.key for one in models()["SatiatingPointer"].references] == ["interaction"]


def test_an_unknown_name_is_told_its_neighbours():
    with pytest.raises(UnknownNameError, match=r"no model 'FitsPointer'.*Did you mean FittsPointer"):
        citation("FitsPointer")
    with pytest.raises(UnknownNameError, match=r"no model 'zzz' with a source\. `interaction cite`"):
        citation("zzz")


def test_the_listing_names_models_and_the_framework():
    shown = listing()
    assert all(word in shown for word in ("tasks: BanditTask", "FittsPointer", "BeliefTree", "@software"))
    assert "goal_cell" not in shown


def test_the_version_is_the_same_everywhere():
    """One version for a release: in the package, its metadata, its citations and the changelog."""
    version = interaction.__version__
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert metadata["version"] == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version = {{{version}}}" in citation("interaction")
    assert f"\n## {version} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
