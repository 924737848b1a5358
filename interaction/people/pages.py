"""The pages around a game: texts in Markdown, questions, breaks, the end, and the shell of them all.

All that comes from elsewhere is escaped. The pages hold no script and no style of their own, so they work
under `CONTENT_SECURITY_POLICY`, by which the browser runs nothing but what is in `static/`.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from interaction.errors import ArgumentError, missing_extra
from interaction.people.fragments import Fragment, tag
from interaction.people.texts import TEXTS, Texts

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
STATIC = ("line.js", "page.js", "page.css", "monitor.js", "monitor.css")
PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
PICTURES |= {".svg": "image/svg+xml", ".webp": "image/webp"}


def static(name: str) -> bytes:
    """Give a file that the pages need: `line.js`, `page.js`, `page.css`; for the researcher, `monitor.js`.

    >>> from interaction.people.pages import static
    >>> len(static("page.css")) > 1000
    True
    """
    if name not in STATIC:
        raise ArgumentError(f"static: expected one of {', '.join(STATIC)}, got {name!r}")
    return (files("interaction.people") / "static" / name).read_bytes()


@cache
def address(name: str) -> str:
    """Say where a page finds a file: each content has its own address, so that no browser keeps an old one.

    >>> from interaction.people.pages import address
    >>> address("page.js").startswith("static/page.js?")
    True
    """
    return f"static/{name}?{sha256(static(name)).hexdigest()[:12]}"


def markdown(text: str, folder: str | Path | None = None) -> Fragment:
    """Write a text in Markdown as HTML; what is HTML in it is shown as it stands, and does nothing.

    Pictures are files beside the text, in `folder`, and are put into the page. Links open in a window of
    their own. Raises `ArgumentError` for a picture that is not there or of another kind, and
    `MissingExtraError` without the extra `people`.

    >>> from interaction.people.pages import markdown
    >>> print(markdown("# Welcome\\n\\n**Press** <b>").html)
    <h1>Welcome</h1>
    <p><strong>Press</strong> &lt;b&gt;</p>
    <BLANKLINE>
    """
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise missing_extra("markdown-it-py", "people", "a page in Markdown") from None

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in (inner for outer in tokens for inner in outer.children or ()):
        if token.type == "image":
            token.attrSet("src", _picture(str(token.attrGet("src")), folder))
        elif token.type == "link_open":
            token.attrSet("target", "_blank")
            token.attrSet("rel", "noopener noreferrer")
    return Fragment(parser.renderer.render(tokens, parser.options, {}))


def _picture(name: str, folder: str | Path | None) -> str:
    """Give a picture as an address that holds it."""
    if name.startswith("data:image/"):
        return name
    kind = PICTURES.get(Path(name).suffix.lower())
    file = None if folder is None else Path(folder) / name
    if kind is None or file is None or not file.is_file():
        raise ArgumentError(
            f"picture: expected a file ({', '.join(PICTURES)}) beside the page, got {name!r} in "
            f"{str(folder)!r}"
        )
    return f"data:{kind};base64,{b64encode(file.read_bytes()).decode()}"


def page(body: Fragment, texts: Texts = TEXTS["en"]) -> Fragment:
    """Make a page of a text, with a button to go on.

    >>> from interaction.people.pages import markdown, page
    >>> page(markdown("# What you will do")).html.endswith('>Continue</button></div>')
    True
    """
    return tag("div", body, _go_on(texts["continue"]), class_="text")


def rest(done: int, total: int, texts: Texts = TEXTS["en"]) -> Fragment:
    """Make the page of a break after `done` of `total` games; after none of them, the practice is over.

    >>> from interaction.people.pages import rest
    >>> "6 of 12 games are done." in rest(6, 12).html
    True
    """
    name = "rest" if done else "begin"
    why = texts[f"{name}_why"].format(done=done, total=total)
    return page(tag("h1", texts[name]) + tag("p", why), texts)


def _go_on(label: str) -> Fragment:
    return tag("button", label, type="button", class_="primary", data_type="page")


def turn(
    view: Fragment, texts: Texts = TEXTS["en"], number: int = 1, total: int = 1, practice: bool = False
) -> Fragment:
    """Make the page of a turn: what the view drew, and in which game (counted from 1) the person is.

    >>> from interaction.people.pages import turn
    >>> from interaction.people import tag
    >>> turn(tag("p", "x = 3"), number=2, total=12).html
    '<h1 class="game">Game 2 of 12</h1><div class="view"><p>x = 3</p></div>'
    """
    heading = texts["episode"].format(number=number, total=total)
    heading = f"{texts['practice']} · {heading}" if practice else heading
    return tag("h1", heading, class_="game") + tag("div", view, class_="view")


def end(code: str | None = None, texts: Texts = TEXTS["en"], body: Fragment | None = None) -> Fragment:
    """Make the last page, with a completion code, or with a link where the code is an address.

    >>> from interaction.people.pages import end
    >>> "C0FFEE" in end("C0FFEE").html
    True
    """
    thanks = body or tag("h1", texts["end"]) + tag("p", texts["end_why"])
    if code is None:
        return tag("div", thanks, class_="text")
    if code.startswith(("https://", "http://")):
        proof = tag("a", texts["link"], href=code, class_="primary", rel="noreferrer")
    else:
        copy = tag("button", texts["copy"], type="button", data_copy=code)
        proof = tag("div", tag("p", texts["code"]), tag("code", code), copy, class_="code")
    return tag("div", thanks, proof, class_="text")


def apology(code: str, texts: Texts = TEXTS["en"]) -> Fragment:
    """Make what a person sees after an error, with the code under which the server's log has it.

    >>> from interaction.people.pages import apology
    >>> "7F3A" in apology("7F3A").html
    True
    """
    again = tag("a", texts["again"], href="./", class_="primary")
    named = tag("div", tag("code", code, data_code=True), class_="code")
    return tag(
        "div", tag("h1", texts["apology"]), tag("p", texts["apology_why"]), named, again, class_="text"
    )


def blocked(texts: Texts = TEXTS["en"]) -> Fragment:
    """Make what who comes back sees where a session cannot be taken up again.

    >>> from interaction.people.pages import blocked
    >>> "closed" in blocked().html
    True
    """
    return tag("div", tag("h1", texts["blocked"]), tag("p", texts["blocked_why"]), class_="text")


def too_many(texts: Texts = TEXTS["en"]) -> Fragment:
    """Make what is shown while more people begin than the server lets in.

    >>> from interaction.people.pages import too_many
    >>> "in a minute" in too_many().html
    True
    """
    return tag("div", tag("h1", texts["too_many"]), tag("p", texts["too_many_why"]), class_="text")


def replaced(texts: Texts = TEXTS["en"]) -> Fragment:
    """Make what an older window shows once a newer one has taken over.

    >>> from interaction.people.pages import replaced
    >>> "another window" in replaced().html
    True
    """
    take = tag("button", texts["take_over"], type="button", class_="primary", data_connect=True)
    return tag("div", tag("h1", texts["replaced"]), tag("p", texts["replaced_why"]), take, class_="text")


def consent(body: Fragment, address: str, texts: Texts = TEXTS["en"]) -> Fragment:
    """Make the page of consent: a form that is sent to `address`, before there is a session.

    >>> from interaction.people.pages import consent, markdown
    >>> "I agree" in consent(markdown("# A study of pointing"), "consent").html
    True
    """
    agree = tag("button", texts["agree"], type="submit", class_="primary")
    return tag("div", body, tag("form", agree, method="post", action=address), class_="text")


def shell(body: Fragment | None, texts: Texts = TEXTS["en"]) -> str:
    """Make the whole document: with a `body` as it is, or the one that connects and shows what it is told.

    >>> from interaction.people.pages import shell
    >>> shell(None).startswith('<!doctype html><html lang="en">')
    True
    """
    live = body is None
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("title", texts["title"]),
        tag("link", rel="icon", href="data:,"),
        tag("link", rel="stylesheet", href=address("page.css")),
        [tag("script", src=address(name), defer=True) for name in ("line.js", "page.js") if live],
    )
    document = _live(texts) if body is None else tag("body", tag("main", body, id="main"))
    direction = "rtl" if texts["language"].split("-")[0] in RIGHT_TO_LEFT else None
    return "<!doctype html>" + tag("html", head, document, lang=texts["language"], dir=direction).html


SPOKEN = ("thinking", "lost", "back", "refused", "required", "copied")  # by page.js
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def _live(texts: Texts) -> Fragment:
    """The page that plays: how far one is, what is shown, notices, what is said, and templates."""
    progress = tag("progress", value=0, max=1, aria_label=texts["done"], hidden=True)
    waits = tag("h1", texts["connecting"]) + tag("noscript", tag("p", texts["script"]))
    retry = tag("button", texts["retry"], type="button", data_connect=True, hidden=True)
    return tag(
        "body",
        tag("header", progress),
        tag("main", tag("div", waits, class_="text"), id="main", data_kind="connecting"),
        tag(
            "footer",
            tag("p", id="alert", role="alert"),
            tag("p", tag("span", id="notice"), retry, class_="notice"),
        ),
        tag("div", id="said", class_="unseen", role="status", aria_live="polite"),
        tag("template", replaced(texts), id="replaced"),
        tag("template", apology("", texts), id="apology"),
        data_socket="socket",
        data_texts=json.dumps({name: texts[name] for name in SPOKEN}, ensure_ascii=False),
    )
