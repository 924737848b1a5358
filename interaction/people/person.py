"""A person in one of the seats: an agent whose policy waits for what the person does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from interaction.agent import Assistant, User
from interaction.errors import ContractError, EpisodeError, unknown_name
from interaction.observation import ObservationEngine, Role
from interaction.policy import Policy, Sampled
from interaction.random import EpisodeRandom
from interaction.spaces import Space
from interaction.state import State

View = Callable[[State], Any]
"""What draws the page: a function of the observation that gives a fragment of HTML or SVG."""

ROLES: tuple[Role, Role] = ("user", "assistant")


class WaitingPolicy(Policy):
    """Waits for a person: the action has to come from outside, and to `sample` it is an `EpisodeError`."""

    batched = True

    def __init__(self, action_space: Space[Any]) -> None:
        if not isinstance(action_space, Space):
            raise ContractError(
                f"Person: expected the space of one action, as in Person(spaces.Discrete(2)), got "
                f"{action_space!r}"
            )
        self.action_space = action_space

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        raise EpisodeError(
            "it is a person's turn, and nobody is there: serve the study, let simulated users pilot it, or "
            "give the person's action by hand, as in bundle.step(user_action=...)"
        )


class Person(User, Assistant):
    """A person, who takes the user's seat or, with `role="assistant"`, that of the assistant.

    `action_space` is that of one action. The person sees what the observation engine lets through (by
    default, all but the other agent's state), as `view(observation)` draws it on the page; without a view
    the page shows a table, and a button or a slider for each action. What a person thinks is their own: the
    state is empty, and nothing is inferred.
    Raises `ContractError` for what is no space, `UnknownNameError` for another role.

    >>> from interaction import Bundle, spaces
    >>> from interaction.people import Person
    >>> from interaction.tasks.bandit import MultiArmedBanditTask
    >>> bundle = Bundle(MultiArmedBanditTask([0.2, 0.8]), Person(spaces.Discrete(2)), max_rounds=10)
    >>> game = bundle.reset(seed=0)
    >>> bundle.step(user_action=1).game.task_state.outcome
    1
    """

    def __init__(
        self,
        action_space: Space[Any],
        observation_engine: ObservationEngine | None = None,
        view: View | None = None,
        role: Literal["user", "assistant"] = "user",
    ) -> None:
        if role not in ROLES:
            raise unknown_name(role, ROLES, "Person: role")
        if view is not None and not callable(view):
            raise ContractError(f"Person: view: expected a function of the observation, got {view!r}")
        self.role = role
        self.view = view
        super().__init__(policy=WaitingPolicy(action_space), observation_engine=observation_engine)
