"""Pages and texts: whole documents that bring no script of their own, in every language that is there."""

import re
import string

import pytest

from interaction import Bundle, spaces
from interaction.errors import ArgumentError, MissingExtraError, UnknownNameError
from interaction.people import Condition, Page, Person, Questionnaire, Session, Study, draw, pages, texts_of
from interaction.people.drawing import progress
from interaction.people.questions import question, scale
from interaction.people.texts import TEXTS
from interaction.tasks.bandit import MultiArmedBanditTask
from tests.people.reading import named, read


def placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("language", TEXTS)
def test_each_language_has_all_words_with_the_same_gaps(language):
    assert set(TEXTS[language]) == set(TEXTS["en"])
    for name, text in TEXTS[language].items():
        assert text.strip()
        assert placeholders(text) == placeholders(TEXTS["en"][name]), name


def test_words_may_be_changed_and_other_languages_brought():
    assert texts_of("de", {"send": "Los"})["send"] == "Los"
    brought = texts_of("fi", {name: f"[{text}]" for name, text in TEXTS["en"].items() if name != "language"})
    assert brought["language"] == "fi"
    with pytest.raises(UnknownNameError, match="Did you mean 'send'"):
        texts_of("en", {"sned": "Go"})
    with pytest.raises(ArgumentError, match=r"it lacks .*continue"):
        texts_of("fi", {"send": "Lähetä"})


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("live", [True, False])
def test_a_document_has_its_language_and_nothing_that_the_policy_bars(language, live):
    document = pages.shell(None if live else pages.page(pages.markdown("# A")), TEXTS[language])
    elements = read(document)
    assert elements[0].attributes["lang"] == language
    assert next(one for one in elements if one.name == "title").text == TEXTS[language]["title"]
    for element in elements:
        assert "style" not in element.attributes
        assert not [one for one in element.attributes if one.startswith("on")]
        if element.name == "script":
            assert element.attributes["src"].startswith("static/")
            assert not element.text
    assert len(named(document, "script")) == (2 if live else 0)
    assert "'unsafe" not in pages.CONTENT_SECURITY_POLICY


def test_a_language_that_is_read_from_the_right_says_so():
    arabic = texts_of("ar", {name: text for name, text in TEXTS["en"].items() if name != "language"})
    assert read(pages.shell(None, arabic))[0].attributes["dir"] == "rtl"


def test_files_are_there_and_named_by_their_content():
    for name in pages.STATIC:
        assert pages.static(name)
        assert re.fullmatch(rf"static/{name}\?[0-9a-f]{{12}}", pages.address(name))
    with pytest.raises(ArgumentError, match=r"expected one of line\.js"):
        pages.static("../pages.py")


def test_the_script_knows_the_words_that_it_speaks():
    code = pages.static("page.js").decode()
    assert set(re.findall(r"texts\.(\w+)", code)) == set(pages.SPOKEN)


# Markdown.


def test_what_is_html_in_a_text_does_nothing():
    drawn = pages.markdown("# A\n\n<script>x()</script> and [no](javascript:x()) and <b onclick=x()>b</b>")
    assert {one.name for one in read(drawn)} <= {"h1", "p"}


def test_tables_and_links_are_written():
    drawn = pages.markdown("|a|b|\n|-|-|\n|1|2|\n\n[there](https://example.org/?a=1&b=2)")
    assert [one.text for one in named(drawn, "td")] == ["1", "2"]
    (link,) = named(drawn, "a")
    assert link.attributes == {
        "href": "https://example.org/?a=1&b=2",
        "target": "_blank",
        "rel": "noopener noreferrer",
    }


def test_pictures_lie_beside_the_page_and_are_put_into_it(tmp_path):
    (tmp_path / "goal.png").write_bytes(b"\x89PNG")
    (picture,) = named(pages.markdown("![The goal](goal.png)", tmp_path), "img")
    assert picture.attributes["src"] == "data:image/png;base64,iVBORw=="
    assert picture.attributes["alt"] == "The goal"
    for wrong in ("goal.exe", "missing.png", "https://example.org/goal.png"):
        with pytest.raises(ArgumentError, match="picture: expected a file"):
            pages.markdown(f"![]({wrong})", tmp_path)


def test_without_the_library_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(MissingExtraError, match="people"):
        pages.markdown("# A")


# Questions.


def test_a_scale_names_its_ends_also_to_who_does_not_see_them():
    drawn = scale("ease", "How easy?", 1, 5, ("hard", "easy"))
    assert [one.text for one in named(drawn, "label")] == ["1 hard", "2", "3", "4", "5 easy"]
    assert all("required" in one.attributes for one in named(drawn, "input"))
    each = scale("ease", "How easy?", 1, 3, ("hard", "so", "easy"))
    assert [one.text for one in named(each, "label")] == ["1 hard", "2 so", "3 easy"]
    with pytest.raises(ArgumentError, match="ease: labels: expected none, two or 5"):
        scale("ease", "How easy?", 1, 5, ("hard",))


@pytest.mark.parametrize(
    ("item", "element", "number"),
    [
        (Questionnaire("a", "A?", 1, 7), "input", 7),
        (Questionnaire("a", "A?", options=("x", "y < z")), "input", 2),
        (Questionnaire("a", "A?"), "textarea", 1),
    ],
)
def test_each_kind_of_question_is_asked_and_its_answers_are_taken(item, element, number):
    asked = named(question(item), element)
    assert len(asked) == number
    assert all("required" in one.attributes for one in asked)
    for one in asked:
        value = one.attributes.get("value", "words")
        item.check(int(value) if one.attributes["data-kind"] == "number" else value)


def test_what_is_optional_is_not_required():
    asked = named(question(Questionnaire("a", "A?", 1, 7, optional=True)), "input")
    assert not any("required" in one.attributes for one in asked)


# The pages of a session.


def study(**options):
    bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=2)
    fixed = {
        "episodes": 2,
        "practice": 1,
        "break_every": 1,
        "pages": [Page("# Agree?")],
        "completion": "C0DE",
    }
    fixed |= {"after": [Questionnaire("ease", "How easy?", 1, 7)], "debriefing": Page("# Done")}
    return Study("drawn", {"only": Condition(bundle)}, **(fixed | options))


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_page_has_one_heading_and_a_way_on(language):
    session = Session(study(language=language))
    session.accept("began", session.study.opening(participant=0, condition="only"))
    headings, done = [], []
    while session.prompt.kind != "end":
        drawn = draw(session)
        (heading,) = named(drawn, "h1")
        headings.append(heading.text)
        done.append(progress(session)["done"])
        assert named(drawn, "button")
        kind = session.prompt.kind
        payload = {"turn": {"action": 1}, "questions": {"values": {"ease": 4}}}.get(kind, {})
        session.accept({"turn": "action", "questions": "answer"}.get(kind, "page"), payload)
    assert done == sorted(done)
    words = TEXTS[language]
    games = [words["episode"].format(number=number, total=2) for number in (1, 2)]
    practice = f"{words['practice']} · {words['episode'].format(number=1, total=1)}"
    assert headings == [
        "Agree?",
        *[practice] * 2,
        words["begin"],
        *[games[0]] * 2,
        words["rest"],
        *[games[1]] * 2,
        words["questions"],
        "Done",
    ]
    assert "C0DE" in draw(session).html
    assert progress(session)["done"] == progress(session)["of"]


def test_an_address_at_the_end_is_a_link_and_nothing_else_is():
    (link,) = named(pages.end("https://example.org/complete?code=a&b"), "a")
    assert link.attributes["href"] == "https://example.org/complete?code=a&b"
    assert not named(pages.end("javascript:x()"), "a")
    assert "code" not in pages.end().html


def test_consent_is_a_form_that_works_without_a_script():
    drawn = pages.consent(pages.markdown("# Agree?"), "consent?a=1&b=2")
    (form,) = named(drawn, "form")
    assert form.attributes == {"method": "post", "action": "consent?a=1&b=2"}
