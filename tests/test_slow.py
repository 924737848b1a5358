"""What is listed as slow is there."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINES = (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").splitlines()


def test_it_is_in_order_and_says_nothing_twice():
    assert sorted(set(LINES)) == LINES


@pytest.mark.parametrize("file", sorted({line.partition("::")[0] for line in LINES}))
def test_each_line_names_a_test(file):
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    places = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    there = {
        "::".join([file, *([place.name] if isinstance(place, ast.ClassDef) else []), node.name])
        for place in places
        for node in place.body
        if isinstance(node, ast.FunctionDef)
    }
    listed = {line.partition("[")[0] for line in LINES if line.startswith(f"{file}::")}
    assert listed <= there
