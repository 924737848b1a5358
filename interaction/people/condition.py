"""A condition of a study: a bundle with a person in one of the seats."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from reprlib import repr as short
from typing import Any

from interaction.agent import Agent, Assistant, User
from interaction.bundle import Bundle
from interaction.errors import ArgumentError, ContractError, SpaceError
from interaction.observation import Role
from interaction.people.actions import read_action
from interaction.people.fragments import Fragment, offers
from interaction.people.game import Waiting
from interaction.people.person import Person, View
from interaction.people.texts import TEXTS, Texts
from interaction.people.views import DefaultView
from interaction.policy import RandomPolicy
from interaction.random import EpisodeRandom
from interaction.spaces import Space, count
from interaction.state import State

Simulated = Agent | Callable[[EpisodeRandom], Agent]
MOST_AHEAD = 1_000  # actions whose answers are computed before anyone has acted


@dataclass(frozen=True)
class Condition:
    """A bundle with a person in one of the seats, and who plays in the person's place when it is piloted.

    `simulated` is a user (or an assistant, where the person is one), or a function of a stream that gives the
    one of a participant, with hidden parameters of their own; by default the actions are random.
    With `ahead`, what follows each action is computed while the person thinks, in one batch.
    Raises `ArgumentError` for a bundle without a person, or with two, for a simulated agent with other
    actions than the person's, and with `ahead` for more than a thousand actions; `ContractError` for an
    agent who cannot take the seat.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Condition, Person
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> from interaction.users.bandit import RescorlaWagnerUser
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> def learner(rng):
    ...     return RescorlaWagnerUser(learning_rate=rng.random())
    >>> Condition(bundle, simulated=learner).action_space
    Discrete(2)
    """

    bundle: Bundle
    simulated: Simulated | None = None
    ahead: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.bundle, Bundle):
            raise ArgumentError(f"Condition: expected a Bundle, got {self.bundle!r}")
        role = self.role
        if isinstance(self.simulated, Agent):
            self.with_simulated(self.simulated)
        elif self.simulated is not None and not callable(self.simulated):
            raise ArgumentError(
                f"Condition: simulated: expected the {role}, or a function of a stream that gives one, got "
                f"{self.simulated!r}"
            )
        actions = count(self.action_space)
        if self.ahead and not (actions is not None and actions <= MOST_AHEAD):
            raise ArgumentError(
                f"Condition: ahead=True: expected a finite space of up to {MOST_AHEAD:,} actions, got "
                f"{self.action_space}"
            )

    @property
    def role(self) -> Role:
        """The seat of the person, "user" or "assistant"."""
        seats = [role for role, agent in self._agents() if isinstance(agent, Person)]
        if len(seats) != 1:
            raise ArgumentError(
                f"Condition: expected a bundle with one Person, as in "
                f"bundle.replace(user=Person(action_space)), got {'two persons' if seats else self.bundle}"
            )
        return seats[0]

    def _agents(self) -> tuple[tuple[Role, Agent | None], ...]:
        return ("user", self.bundle.user), ("assistant", self.bundle.assistant)

    @property
    def person(self) -> Person:
        """The person."""
        return next(agent for _, agent in self._agents() if isinstance(agent, Person))

    @property
    def action_space(self) -> Space[Any]:
        """The space of one action of the person."""
        return self.person.policy.action_space

    @property
    def view(self) -> View | None:
        """What draws the page, or None for the default."""
        return self.person.view

    def draw(self, observation: State, texts: Texts = TEXTS["en"]) -> Fragment:
        """Draw what the person sees: by their view or, where they have none, by the default one.

        Raises what the view raises, and `ContractError` for one that gives no `Fragment`.
        """
        view = self.view or DefaultView(self.action_space, texts=texts)
        drawn = view(observation)
        if not isinstance(drawn, Fragment):
            raise ContractError(
                f"{self._drawer}: expected a Fragment, as tag('p', 'text') gives, got "
                f"{type(drawn).__name__}: {drawn!r}"
            )
        return drawn

    @property
    def _drawer(self) -> str:
        return f"the view {getattr(self.view, '__qualname__', self.view)}"

    def check_actions(self, drawn: Fragment) -> None:
        """Raise a `ContractError` where what was drawn offers no action, or one outside its space."""
        offered, by_input = offers(drawn)
        if not (offered or by_input):
            raise ContractError(
                f"{self._drawer}: expected an element that carries an action, as button(label, action) "
                f"gives, got none: {short(drawn.html)}"
            )
        for text in offered:
            try:
                read_action(self.action_space, json.loads(text))
            except (SpaceError, ValueError) as error:
                raise ContractError(
                    f"{self._drawer}: data_action: expected an action in {self.action_space} as JSON, got "
                    f"{text!r}"
                ) from error

    def begin(self, seed: int, episode: int) -> Waiting:
        """Begin an episode, and play it up to the person's turn."""
        return Waiting.begin(self.bundle, self.role, seed, episode)

    def simulate(self, rng: EpisodeRandom) -> Bundle:
        """Give the bundle in which a simulated participant plays; the stream draws who that is."""
        simulated = self.simulated
        if simulated is None:
            kind = User if self.role == "user" else Assistant
            simulated = kind(policy=RandomPolicy(self.action_space))
        return self.with_simulated(simulated if isinstance(simulated, Agent) else simulated(rng))

    def with_simulated(self, agent: Agent) -> Bundle:
        """Give the bundle with an agent in the person's seat; raise unless it has the person's actions."""
        bundle = self.bundle.replace(**{self.role: agent})
        if agent.policy.action_space != self.action_space:
            raise ArgumentError(
                f"Condition: simulated: expected the person's actions, {self.action_space}, got "
                f"{agent.policy.action_space}"
            )
        return bundle
