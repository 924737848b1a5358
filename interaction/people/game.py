"""One episode with a person in a seat: it is played up to the person's turn, and waits there."""

from __future__ import annotations

import copy
from typing import NamedTuple

from interaction.bundle import Bundle
from interaction.observation import Role
from interaction.people.events import digest
from interaction.state import GameState, State, Value


class Round(NamedTuple):
    """A round that has been played to its end: the game then, and the sum of all that was paid in it."""

    episode: int
    index: int
    game: GameState
    reward: float


class Waiting:
    """An episode that waits for a person, at the person's turn; `act` gives the same one after an action.

    It is a value, as all that goes into it is: nothing changes it, and on an error nothing is lost.
    """

    def __init__(self, bundle: Bundle, role: Role, seed: int, episode: int) -> None:
        self.role = role
        self._bundle = copy.copy(bundle)
        self.start = self._bundle.reset(seed, episode=episode)
        self.rounds: tuple[Round, ...] = ()
        self._paid = 0.0
        self._go_on()

    @property
    def game(self) -> GameState:
        """The game as it stands."""
        return self._bundle.game

    @property
    def over(self) -> bool:
        """Whether the episode is over."""
        return self._bundle.over

    @property
    def observation(self) -> State:
        """What the person sees."""
        seen: State = self.game[f"{self.role}_observation"]
        return seen

    @property
    def digest(self) -> str:
        """The sum of the game as it stands."""
        return digest(self.game)

    def act(self, action: Value) -> Waiting:
        """Give the episode after an action of the person, when it is the person's turn again or all is over.

        `rounds` are those that the action brought to their end.
        """
        after = copy.copy(self)
        after._bundle = copy.copy(self._bundle)
        after.rounds = ()
        after._play(**{f"{self.role}_action": action})
        after._go_on()
        return after

    def _go_on(self) -> None:
        """Play until it is the person's turn."""
        turn = f"{self.role}_acts"
        if self.role == "assistant" and not self.over:
            self._play(go_to="assistant_observes")
        if not self.over:
            self._play(go_to=turn)

    def _play(self, go_to: str = "user_observes", **actions: Value) -> None:
        """Play up to a turn, or to the end of the round."""
        step = self._bundle.step(go_to=go_to, **actions)
        self._paid += float(step.rewards.total)
        if go_to == "user_observes" or step.done:
            index = step.game.round_index - (step.game.turn_index == 0)
            self.rounds += (Round(self._bundle.episode, index, step.game, self._paid),)
            self._paid = 0.0
