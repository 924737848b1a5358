"""The larger natural examples are short, and are played to their ends."""

import ast
from pathlib import Path

import pytest

from tests.natural.menu import menu_search
from tests.natural.tutor import tutoring


def code_lines(name):
    """Count the lines of a module but for blank ones, comments and docstrings."""
    text = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    described = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            described.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return sum(
        1
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.strip().startswith("#") and number not in described
    )


@pytest.mark.parametrize(("name", "most"), [("menu", 75), ("tutor", 60)])
def test_it_is_short(name, most):
    assert code_lines(name) <= most


@pytest.mark.parametrize("make", [menu_search, tutoring])
def test_most_episodes_reach_their_end(make):
    bundle = make()
    ends = []
    for episode in range(40):
        bundle.reset(seed=1, episode=episode)
        while not (step := bundle.step()).done:
            pass
        ends.append(step.terminated)
    assert sum(ends) > 30
