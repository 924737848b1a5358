"""What simulated users play in a study: a task, alone or with an assistant, some episodes each."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from interaction.agent import Assistant, User
from interaction.errors import AmbiguityWarning, ArgumentError
from interaction.fitting.alone import needs_assistant
from interaction.fitting.fits import check_rounds
from interaction.fitting.latent import check_inner
from interaction.fitting.likelihood import Likelihood
from interaction.fitting.observed import simulate
from interaction.fitting.priors import Priors
from interaction.inference.candidates import Distribution
from interaction.progress import Progress
from interaction.random import check_seed
from interaction.task import InteractionTask

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Design:
    """A task, the assistant that plays it with each user (or none), and how long, under a seed.

    Each user plays `episodes` episodes of up to `rounds` rounds. The assistant acts on what it sees, and may
    learn; what it did is then part of the data, as in logged episodes.
    """

    task: InteractionTask
    assistant: Assistant | None
    episodes: int
    rounds: int
    seed: int

    def check(
        self,
        user: User,
        priors: Mapping[str, Distribution],
        n_users: int,
        where: str,
        inner: int = 2,
        *,
        warn: bool = True,
    ) -> Priors:
        """Raise for what cannot be studied, before anything is computed; give the checked priors.

        Warns (`AmbiguityWarning`) where the task has a part for an assistant, and there is none.
        """
        counts = (("n_users", n_users, 2), ("rounds", self.rounds, 1), ("episodes", self.episodes, 1))
        for name, count, least in counts:
            if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
                raise ArgumentError(f"{where}: {name}: expected a number >= {least}, got {count!r}")
        check_seed(self.seed)
        check_inner(inner, where)
        if self.assistant is not None and not isinstance(self.assistant, Assistant):
            raise ArgumentError(f"{where}: assistant: expected an Assistant, got {self.assistant!r}")
        checked = Priors(user, priors, where)
        check_rounds(self.rounds * self.episodes, checked, where)
        if warn and self.alone:
            warnings.warn(f"{where}: {self.alone}", AmbiguityWarning, stacklevel=3)
        return checked

    @property
    def alone(self) -> str:
        """Say that users play without the assistant that the task has a part for; empty if it is not so."""
        name = needs_assistant(self.task) if self.assistant is None else ""
        if not name:
            return ""
        return (
            f"played WITHOUT an assistant, though {name} defines on_assistant_action: "
            f"give assistant=..., if one is meant"
        )

    def play(
        self, user: User, values: Mapping[str, Array], first: int = 0, *, progress: bool = False
    ) -> Likelihood:
        """Let users of these parameters, `(users,)` each, play; give the likelihood of what they did.

        They are the users `first`, … of the seed.
        """
        with Progress("simulate users", shown=progress):
            played = simulate(
                self.task,
                user,
                values,
                self.rounds,
                self.seed,
                first,
                assistant=self.assistant,
                episodes=self.episodes,
            )
        return Likelihood(self.task, user, played)
