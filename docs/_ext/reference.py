"""The reference: a directive that lists public names, and docstrings as they are written here."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

CODE = re.compile(r"(`+)(.+?)\1")
FIELD = re.compile(r"`[\w.]+`(, `[\w.]+`)*( \([^)]*\))?( `\([^`]*\)`)?:")

OPENS, CLOSES = " ([{<-/'\"", " .,;:)]}>!?-/'\""  # around code, which else is parted by an escaped space


class Public(SphinxDirective):
    """A table of names of a module, and then each of them.

    With `:all:` those of its `__all__`; with no names the module itself, and all that it defines.
    """

    required_arguments = 1
    option_spec = {"all": directives.flag}  # noqa: RUF012  # docutils' own way
    has_content = True

    def run(self) -> list[nodes.Node]:
        module = self.arguments[0]
        given = [name for line in self.content for name in line.split()]
        given = importlib.import_module(module).__all__ if "all" in self.options else given
        names = [f"{module}.{name}" for name in given or defined(module)]
        rst = [
            ".. currentmodule:: None",
            "",
            ".. autosummary::",
            "   :nosignatures:",
            "",
            *(f"   {name}" for name in names),
            "",
        ]
        if not given:
            rst = [f".. automodule:: {module}", "", *rst]  # first, what the module says of itself
        for name in names:
            rst += [f".. auto{kind(name)}:: {name}", *(["   :members:"] if kind(name) == "class" else []), ""]
        node = nodes.container()
        text = StringList(["```{eval-rst}", *rst, "```"], source=self.get_source_info()[0])
        self.state.nested_parse(text, self.content_offset, node)
        return list(node.children)


def defined(module: str) -> list[str]:
    """Give the public names that a module defines, in their order."""
    return [
        name
        for name, value in vars(importlib.import_module(module)).items()
        if name[0] != "_" and getattr(value, "__module__", None) == module
    ]


def kind(name: str) -> str:
    """Say how autodoc calls what has this name."""
    module, _, last = name.rpartition(".")
    value = getattr(importlib.import_module(module), last)
    if inspect.isclass(value):
        return "exception" if issubclass(value, Exception) else "class"
    return "function" if callable(value) else "data"


def restructured(lines: list[str]) -> list[str]:
    """Make a docstring reStructuredText: single backticks are code, and `name`: begins an item of a list."""
    made: list[str] = []
    example = item = False
    for line in lines:
        text, indent = line.lstrip(), line[: len(line) - len(line.lstrip())]
        example = (example and bool(text)) or text.startswith(">>>")
        if example:
            made.append(line)
            continue
        starts = bool(FIELD.match(text))
        if starts and not item and made and made[-1]:
            made.append("")
        item = bool(text) and (item or starts)
        made.append(f"{indent}{'- ' if starts else '  ' if item else ''}{escaped(text)}")
    return made


def escaped(text: str) -> str:
    """Escape what means something in reStructuredText and nothing here, outside of code."""
    parts, end = [], 0
    for found in CODE.finditer(text):
        before, after = text[: found.start()][-1:], text[found.end() :][:1]
        parts += [plain(text[end : found.start()]), "" if before in OPENS else r"\ ", f"``{found[2]}``"]
        parts += ["" if after in CLOSES else r"\ "]
        end = found.end()
    return "".join([*parts, plain(text[end:])])


def plain(text: str) -> str:
    """Escape stars, bars, and underscores at the end of a word."""
    return re.sub(r"([*|`])|(?<=\w)(_)(?!\w)", r"\\\1\2", text)


def process(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Change the lines of a docstring in place, as autodoc wants it."""
    lines[:] = restructured(lines)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive to Sphinx, and what changes docstrings."""
    app.add_directive("public", Public)
    app.connect("autodoc-process-docstring", process)
    return {"parallel_read_safe": True}
