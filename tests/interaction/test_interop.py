"""Where the package coopihc is not installed, from_coopihc says how to get it."""

import subprocess
import sys

import pytest

from interaction.errors import MissingExtraError
from interaction.interop.coopihc import INSTALL, from_coopihc


def test_without_the_package_the_error_has_the_commands(monkeypatch):
    monkeypatch.setitem(sys.modules, "coopihc", None)
    with pytest.raises(MissingExtraError) as caught:
        from_coopihc(object())
    assert all(command in str(caught.value) for command in INSTALL)


def test_the_module_itself_does_not_import_it():
    code = (
        "import interaction.interop.coopihc, sys; print('coopihc.base' in sys.modules, 'gym' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "False"]
