"""Few episodes are enough here: they are lifted, however far they part."""

import pytest

from interaction.batching import lifting


@pytest.fixture(autouse=True, scope="package")
def few_episodes():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifting, "FEW", 0)
        patch.setattr(lifting, "FEW_LEFT", 0)
        patch.setattr(lifting, "SHARE", 1)
        yield


@pytest.fixture
def as_shipped(few_episodes):
    """How many episodes are played singly, and into how many groups they may part, without these tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"FEW": 8, "FEW_LEFT": 4, "SHARE": 12}.items():
            patch.setattr(lifting, name, value)
        yield
