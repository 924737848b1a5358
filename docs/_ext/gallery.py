"""The gallery: what is shipped, told from its own docstring, and pages shown by one of their figures."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from parameters import parameters
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from interaction.citing import Reference, models


class Shipped(SphinxDirective):
    """Tell what a task, a user or an assistant is, in one line; its parameters; and its sources.

    The argument is its full name; the content says more, after that line.
    """

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        full = self.arguments[0]
        module, _, name = full.rpartition(".")
        made = getattr(importlib.import_module(module), name)
        role = "class" if inspect.isclass(made) else "func"
        lines = [(inspect.getdoc(made) or "").partition("\n")[0], *self.content, ""]
        lines += _table(made)
        model = models()[name]
        lines += [f"**Source** (`interaction cite {name}`)", "", *map(_linked, model.references)]
        lines += ["", f"Reference: {{py:{role}}}`~{full}`", ""]
        node = nodes.container(classes=["shipped"])
        self.state.nested_parse(
            StringList(lines, source=self.get_source_info()[0]), self.content_offset, node
        )
        return list(node.children)


def _linked(reference: Reference) -> str:
    """Give a paper as an item of a list, its address as a link."""
    return re.sub(r"(https?://\S+)$", r"<\1>", f"- {reference}")


def _table(made: Any) -> list[str]:
    rows = [
        (f"`{one.name}`", f"`{one.default}`" if one.default else "", one.values, one.told)
        for one in parameters(made)
    ]
    heads = ("parameter", "default", "values", "what it is, unit")
    kept = [place for place in range(4) if any(row[place] for row in rows)]
    if not rows:
        return ["It has no parameters.", ""]
    table = [heads, ("---",) * 4, *rows]
    return [
        "".join(f"| {row[place].replace('|', chr(92) + '|')} " for place in kept) + "|" for row in table
    ] + [""]


class thumbnail(nodes.Element):  # noqa: N801  # as docutils names its nodes
    """Stands for a figure of another page."""


class Thumbnail(SphinxDirective):
    """Show a figure of another page of this folder, its first one or the one of this `number`."""

    required_arguments = 1
    option_spec = {"number": directives.positive_int}  # noqa: RUF012  # docutils' own way

    def run(self) -> list[nodes.Node]:
        folder = self.env.docname.rpartition("/")[0]
        page = f"{folder}/{self.arguments[0]}"
        self.env.note_dependency(self.env.doc2path(page))
        return [thumbnail(page=page, number=self.options.get("number", 1))]


class Thumbnails(SphinxPostTransform):
    """Puts the figures in their places, once all pages have been read."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        for node in list(self.document.findall(thumbnail)):
            images = list(self.env.get_doctree(node["page"]).findall(nodes.image))
            image = images[node["number"] - 1].deepcopy()
            image["alt"] = ""
            image["classes"] = ["thumbnail"]
            for size in ("width", "height", "scale"):
                image.attributes.pop(size, None)
            node.replace_self(image)


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directives to Sphinx."""
    app.add_node(thumbnail)
    app.add_directive("shipped", Shipped)
    app.add_directive("thumbnail", Thumbnail)
    app.add_post_transform(Thumbnails)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
