"""Many episodes at once: components written for one episode, played on the arrays of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interaction.bundle import Bundle


def ways(bundle: Bundle) -> dict[str, str]:
    """Say in which way each method of a bundle is played in batches.

    By name, as `"user policy.sample"`: "lifted", "arrays", "episode by episode", or "partly lifted" where the
    log names a line and one in ten episodes or more were lifted all the same. That is found out when it is
    played, so run the bundle first. Batches so small that nothing is lost by playing each episode by itself
    do not count.

    >>> from interaction import Assistant, Bundle, RandomPolicy, ways
    >>> from interaction.tasks.tiger import TigerTask
    >>> assistant = Assistant(policy=RandomPolicy(TigerTask.action_space))
    >>> bundle = Bundle(TigerTask(), assistant=assistant, max_rounds=9)
    >>> runs = bundle.run(100, seed=0)
    >>> ways(bundle)["task.on_assistant_action"], ways(bundle)["assistant policy.sample"]
    ('lifted', 'arrays')
    """
    return bundle.lineup.ways()
