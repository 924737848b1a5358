"""Reading a page as a browser does: its elements, with their attributes and texts."""

from html.parser import HTMLParser

from interaction.people.fragments import VOID


class Element:
    def __init__(self, name, attributes):
        self.name, self.attributes, self.text = name, dict(attributes), ""


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.elements, self.open = [], []

    def handle_starttag(self, name, attributes):
        self.elements.append(Element(name, attributes))
        if name not in VOID:
            self.open.append(self.elements[-1])

    def handle_startendtag(self, name, attributes):
        self.handle_starttag(name, attributes)

    def handle_endtag(self, name):
        assert self.open.pop().name == name, f"the end of {name} is at a wrong place"

    def handle_data(self, text):
        for element in self.open:
            element.text += text


def read(fragment):
    """Give the elements of a fragment (or of a document) in order; each begun element has to end."""
    reader = Reader()
    reader.feed(fragment if isinstance(fragment, str) else fragment.html)
    reader.close()
    assert not reader.open
    return reader.elements


def named(fragment, name, **attributes):
    """Give the elements of a name that have these attributes (`_` for `-`)."""
    wanted = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    return [one for one in read(fragment) if one.name == name and wanted.items() <= one.attributes.items()]
