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
    """A table of names of a module, and then each of them. A value has no docstring: `NAME: what it is`.

    With `:all:` the names are those of its `__all__`; with none the module itself, and all that it defines.
    """

    required_arguments = 1
    option_spec = {"all": directives.flag}  # noqa: RUF012  # docutils' own way
    has_content = True

    def run(self) -> list[nodes.Node]:
        module = self.arguments[0]
        said = {name: text for name, _, text in (line.partition(": ") for line in self.content)}
        names = list(said) or (named(module) if "all" in self.options else defined(module))
        kinds = {name: kind(module, name) for name in names}
        rst = [] if said or "all" in self.options else [f".. automodule:: {module}", ""]
        rst += [".. currentmodule:: None", "", ".. autosummary::", "   :nosignatures:", ""]
        rst += [*(f"   {module}.{name}" for name in names if kinds[name] != "data"), ""]
        for name in names:
            if kinds[name] == "data":
                value = getattr(importlib.import_module(module), name)
                rst += [
                    f".. py:data:: {module}.{name}",
                    f"   :value: {value!r}",
                    "",
                    f"   {said.get(name, '')}",
                ]
            else:
                rst += [f".. auto{kinds[name]}:: {module}.{name}"]
                rst += ["   :members:"] if kinds[name] == "class" else []
            rst += [""]
        node = nodes.container()
        text = StringList(["```{eval-rst}", *rst, "```"], source=self.get_source_info()[0])
        self.state.nested_parse(text, self.content_offset, node)
        return list(node.children)


def named(module: str) -> list[str]:
    """Give the names of a module's `__all__`."""
    return list(importlib.import_module(module).__all__)


def defined(module: str) -> list[str]:
    """Give the public names that a module defines, in their order."""
    return [
        name
        for name, value in vars(importlib.import_module(module)).items()
        if name[0] != "_" and getattr(value, "__module__", None) == module
    ]


def kind(module: str, name: str) -> str:
    """Say how autodoc calls what has this name."""
    value = getattr(importlib.import_module(module), name)
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
