"""Many episodes at once: components written for one episode, played on the arrays of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from interaction.bundle import Bundle


def ways(bundle: Bundle) -> dict[str, str]:
    """Say in which way each method of a bundle is played in batches.

    By name, as `"user policy.sample"`: "lifted", "arrays" or "episode by episode". What cannot be lifted is
    found out when it is played, so run the bundle first.
    """
    return bundle.lineup.ways()
