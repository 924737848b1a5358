"""A stream for users who must not draw while they look or infer."""

from __future__ import annotations

from typing import Any, NoReturn

from interaction.errors import LatentDrawError
from interaction.random import EpisodeRandom


class NoDraw(EpisodeRandom):
    """A stream for users that must not draw: their likelihood would depend on what they drew."""

    def random(self, shape: Any = ()) -> NoReturn:
        self.drawn()

    def key(self) -> NoReturn:
        self.drawn()

    def drawn(self) -> NoReturn:
        raise LatentDrawError(
            "the user draws random numbers while it observes or infers, so that the probability of its "
            'actions depends on more than its parameters: write method="particles" (in model_recovery '
            'criterion="marginal_likelihood"), which estimates it by particles that each draw their own; '
            "all else needs it to be exact"
        )
