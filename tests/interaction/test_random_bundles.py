"""Whatever a bundle is made of, a batch is its single episodes, to the last bit, in any order and process."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.interaction.bundles import check, draw_bundle, draw_run, other_process


def chooser(draw):
    return lambda options: draw(st.sampled_from(list(options)))


@st.composite
def plays(draw):
    bundle = draw_bundle(chooser(draw))
    return bundle, draw_run(chooser(draw), bundle), draw(st.sampled_from([3, 7, 50]))


@pytest.fixture(scope="module")
def elsewhere():
    pool, play_there = other_process()
    with pool:
        yield play_there


@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(plays())
def test_a_batch_is_its_single_episodes(play):
    check(*play)


def test_another_process_gives_the_same(elsewhere):
    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    @given(plays())
    def there(play):
        check(*play, elsewhere)

    there()


def test_a_difference_is_found():
    """What is told apart: a kind, a bit, a value that was never there."""
    from tests.interaction.bundles import same

    assert same(1, 1)
    assert not same(1, 1.0)
    assert not same(0.0, -0.0)
    assert not same(True, 1)
    assert same(2.0, 2.0)
