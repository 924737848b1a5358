"""One episode with a person in a seat: it is played up to the person's turn, and waits there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from interaction.batching.selection import row_of, stack
from interaction.bundle import Bundle
from interaction.errors import BatchError, EpisodeError
from interaction.observation import Role
from interaction.opening import new_game
from interaction.people.events import digest
from interaction.players import Players
from interaction.random import EpisodeRandom
from interaction.state import GameState, State, Value
from interaction.turns import ASSISTANT_OBSERVES, USER_OBSERVES, Rewards, play_half


@dataclass(frozen=True)
class Round:
    """A round that has been played to its end: the game then, and what was paid in it, by source."""

    episode: int
    index: int
    start: GameState
    game: GameState
    rewards: Rewards


@dataclass(frozen=True, eq=False)
class Waiting:
    """An episode that waits for an action of the person, or is over; `act` gives what comes of one.

    `rounds` are those that the last action brought to their end; `paid` holds the rewards so far of the round
    that is being played. It is a value: nothing changes it, so that an error leaves all as it was.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Person
    >>> from interaction.people.game import Waiting
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=2)
    >>> waiting = Waiting.begin(bundle, "user", seed=0, episode=0)
    >>> after = waiting.act(1)
    >>> waiting.observation.task_state.outcome, after.observation.task_state.outcome, after.act(0).over
    (-1, 1, True)
    """

    bundle: Bundle
    role: Role
    seed: int
    episode: int
    start: GameState
    game: GameState
    over: bool = False
    paid: Rewards = Rewards()  # noqa: RUF009  (a tuple of numbers)
    rounds: tuple[Round, ...] = ()

    @classmethod
    def begin(cls, bundle: Bundle, role: Role, seed: int, episode: int) -> Waiting:
        """Begin an episode, and play it up to the person's first turn."""
        game = new_game(bundle.players, EpisodeRandom(seed, episode), {})
        return cls(bundle, role, seed, episode, start=game, game=game)._up_to_turn()

    @property
    def observation(self) -> State:
        """What the person sees."""
        seen: State = self.game[f"{self.role}_observation"]
        return seen

    @cached_property
    def digest(self) -> str:
        """The sum of the game as it stands."""
        return digest(self.game)

    def act(self, action: Value) -> Waiting:
        """Give the episode after an action, at the person's next turn or at its end."""
        return self._acted(action)._up_to_turn()

    def ahead(self, actions: Sequence[Value]) -> list[Waiting]:
        """Give the episode after each of some actions, as `act` does; the partner answers all at once."""
        acted = [self._acted(action) for action in actions]
        answered = iter(self._answered([one for one in acted if not one.over]))
        return [(one if one.over else next(answered))._up_to_turn() for one in acted]

    def _acted(self, action: Value) -> Waiting:
        if self.over:
            raise EpisodeError(f"episode {self.episode} is over, and takes no action")
        return replace(self, rounds=())._half(action)

    def _answered(self, acted: Sequence[Waiting]) -> Sequence[Waiting]:
        """Give each of some episodes of the same round after the half of the partner."""
        if not acted:
            return acted
        before = acted[0].game
        try:
            games = stack([one.game for one in acted], strict=True)
        except BatchError:  # games of different makes: one by one, then
            return [one._half() for one in acted]
        games = games.replace(round_index=before.round_index, turn_index=before.turn_index)

        def play(players: Players) -> list[Waiting]:
            rng = self._rng.repeat(len(acted))
            after = play_half(players, games, rng, check=True)
            return [one._after(*row_of(after, row)) for row, one in enumerate(acted)]

        return self.bundle.lineup.in_batch(play)

    @property
    def _rng(self) -> EpisodeRandom:
        return EpisodeRandom(self.seed, self.episode)

    def _up_to_turn(self) -> Waiting:
        """Play until it is the person's turn, or the episode is over."""
        now, turn = self, USER_OBSERVES if self.role == "user" else ASSISTANT_OBSERVES
        while not now.over and now.game.turn_index != turn:
            now = now._half()
        if now.over:
            return now
        game, looking, thinking, *_ = play_half(self.bundle.players, now.game, self._rng, True, act=False)
        return now._paying(turn, looking, thinking)._at(game)

    def _half(self, action: Value = None) -> Waiting:
        """Play the half of a round whose turn it is."""
        return self._after(*play_half(self.bundle.players, self.game, self._rng, True, action))

    def _after(self, game: GameState, *half: Value) -> Waiting:
        """Give the episode after a half of a round, by what `play_half` gave."""
        first, over = self.game.turn_index & 2, bool(half[-1])
        now = self._paying(first, *half[:-1])
        if over and first == USER_OBSERVES and self.bundle.last_look:
            game, looking, thinking, *_ = play_half(self.bundle.players, game, self._rng, True, act=False)
            now = now._paying(ASSISTANT_OBSERVES, looking, thinking)
        if not over and game.turn_index != USER_OBSERVES:
            return now._at(game)
        ended = Round(self.episode, self.game.round_index, self.start, game, now.paid)
        limit = self.bundle.max_rounds
        truncated = limit is not None and game.round_index >= limit
        return replace(now, game=game, over=over or truncated, paid=Rewards(), rounds=(*self.rounds, ended))

    def _paying(self, turn: int, *rewards: Value) -> Waiting:
        """Add what was paid from a turn on."""
        paid = list(self.paid)
        for source, reward in enumerate(rewards, 2 * turn):
            paid[source] += reward
        return replace(self, paid=Rewards(*paid))

    def _at(self, game: GameState) -> Waiting:
        return replace(self, game=game)
