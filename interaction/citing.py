"""What to cite for a model: the papers that its docstring names as its sources, in full.

After the word "Source" a docstring says where a model comes from, by surname and year ("Fitts 1954"), or that
it is of this project. The papers themselves are in `references.bib`. So a model that is added can be cited as
soon as its docstring has a source, and its paper an entry.
"""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from interaction.errors import UnknownNameError

MODELS = ("tasks", "users", "assistants")
"""The folders all of whose public classes are models; elsewhere a model is what has a source."""

_OURS = "this project"
_SOURCES = re.compile(r"\bSources?\b[^:.]*:.*?(?=\n\s*\n|\Z)", re.DOTALL)
_ENTRY = re.compile(r"^@(\w+)\{(\w+),\n(.*?)\n\}$", re.DOTALL | re.MULTILINE)
_FIELD = re.compile(r"^  (\w+) = \{(.*?)\},?$", re.MULTILINE)


class Reference(NamedTuple):
    """A paper, a book or a program: its fields by name, and its BibTeX."""

    key: str
    fields: dict[str, str]
    bibtex: str

    def __str__(self) -> str:
        """Give it as one line of text."""
        told = {name: re.sub(r"[{}\\]", "", value).replace("--", "–") for name, value in self.fields.items()}
        names = [" ".join(reversed(name.split(", "))) for name in told["author"].split(" and ")]
        authors = ", ".join(names[:-1]) + " and " * (len(names) > 1) + names[-1]
        volume = told.get("volume", "") + (f"({told['number']})" if "number" in told else "")
        journal = f"{told['journal']} {volume}" if "journal" in told else ""
        printed = f"arXiv {told['eprint']}" if "eprint" in told else told.get("publisher", "")
        version = f"Version {told['version']}" if "version" in told else ""
        book = f"In {told['booktitle']}" if "booktitle" in told else ""
        where = [journal, book, told.get("pages", ""), printed, version]
        link = f"https://doi.org/{told['doi']}" if "doi" in told else told.get("url", "")
        year = f" ({told['year']})" if "year" in told else ""
        parts = (
            f"{authors[0].upper()}{authors[1:]}{year}",
            told["title"],
            ", ".join(filter(None, where)),
            link,
        )
        return ". ".join(filter(None, parts)) + "." * (not link)

    def named_in(self, text: str) -> bool:
        """Tell whether a source names it: the first author's surname and then the year, or the program."""
        if self.key == "interaction":
            return _OURS in text
        if "year" not in self.fields:
            return re.search(rf"\b{self.key}\b", text, re.IGNORECASE) is not None
        surname = re.escape(self.fields["author"].partition(",")[0])
        return re.search(rf"\b{surname}\b[^;]*?\b{self.fields['year']}\b", text) is not None


class Model(NamedTuple):
    """What has sources: its name, where it is defined, and what its docstring says of them."""

    name: str
    where: str
    source: str
    listed: bool

    @property
    def references(self) -> list[Reference]:
        """The papers that its source names."""
        return [one for one in references() if one.named_in(self.source)]


@cache
def references() -> tuple[Reference, ...]:
    """Give all entries of `references.bib`."""
    text = (Path(__file__).parent / "references.bib").read_text(encoding="utf-8")
    found = _ENTRY.finditer(text)
    return tuple(Reference(one[2], dict(_FIELD.findall(one[3])), one[0]) for one in found)


def _source(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    """Give what a docstring says of its sources, on one line, or nothing."""
    return " ".join(" ".join(_SOURCES.findall(ast.get_docstring(node) or "")).split())


@cache
def models() -> dict[str, Model]:
    """Give all that has a source, by name; nothing is imported, so that no extra is missing.

    What says nothing of its own source has that of its module. Modules are found too, save those of models.
    Listed are the classes of models, modules, and what has a source of its own and comes with the star.
    """
    from interaction import __all__ as exported

    found: dict[str, Model] = {}
    package = Path(__file__).parent
    beside = [find_spec(f"interaction.{name}") for name in MODELS]
    places = [package, *(Path(one.origin).parent for one in beside if one is not None and one.origin)]
    for file in sorted({file for place in places for file in place.rglob("*.py")}):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        whole, where = _source(tree), f"{file.parent.name}/{file.name}"
        ours = file.parent.name in MODELS
        if whole and not ours:
            found[file.stem] = Model(file.stem, where, whole, listed=True)
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                own = _source(node)
                listed = (ours and isinstance(node, ast.ClassDef)) or (bool(own) and node.name in exported)
                if (own or whole) and (listed or node.name not in found):
                    found[node.name] = Model(node.name, where, own or whole, listed)
    return found


def citation(name: str) -> str:
    """Give the papers to cite for a model, a method or a module, or for the framework, as text and as BibTeX.

    Raises `UnknownNameError`, with the names that are near, for one that is not known.

    >>> from interaction.citing import citation
    >>> print(citation("TigerTask").splitlines()[0])
    TigerTask (tasks/tiger.py)
    """
    if name == "interaction":
        head, named = "The framework", [one for one in references() if one.key == name]
    else:
        by_case = {known.lower(): model for known, model in models().items()}
        model = by_case.get(name.lower())
        if model is None:
            near = get_close_matches(name.lower(), by_case, n=5)
            near += [one for one in by_case if name.lower() in one and one not in near]
            guess = f" Did you mean {', '.join(by_case[one].name for one in near[:5])}?" if near else ""
            raise UnknownNameError(
                f"cite: there is no model {name!r} with a source.{guess} `interaction cite` lists all names."
            )
        head, named = f"{model.name} ({model.where})\n{model.source}", model.references
    return "\n\n".join([head, *map(str, named), *(one.bibtex for one in named)])


def listing() -> str:
    """Give the names that can be cited, by the folder in which they are, and how to cite the framework."""
    folders: dict[str, list[str]] = {}
    for name, model in models().items():
        if model.listed:
            folders.setdefault(model.where.partition("/")[0], []).append(name)
    lines = [f"{folder}: {', '.join(sorted(names))}" for folder, names in sorted(folders.items())]
    end = "`interaction cite NAME` gives the papers of a model."
    return "\n\n".join([*lines, citation("interaction"), end])
