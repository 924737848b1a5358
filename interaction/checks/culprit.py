"""Which component, and which of its methods, makes a batch another one than single episodes."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from interaction.agent import Agent
from interaction.bundle import Bundle
from interaction.checks.calls import parts_of
from interaction.component import Component
from interaction.policy import Policy
from interaction.random import EpisodeRandom
from interaction.state import State, Value

ORDER = (  # in which a round comes to its values, and the component and method that gives each
    ("user_observation", "user", "observation_engine", "observe"),
    ("rewards.user_observation", "user", "observation_engine", "observe"),
    ("user_state", "user", "inference_engine", "infer"),
    ("rewards.user_inference", "user", "inference_engine", "infer"),
    ("user_action", "user", "policy", "sample"),
    ("rewards.user_policy", "user", "policy", "sample"),
    ("rewards.user_task", "task", "", "on_user_action"),
    ("assistant_observation", "assistant", "observation_engine", "observe"),
    ("rewards.assistant_observation", "assistant", "observation_engine", "observe"),
    ("assistant_state", "assistant", "inference_engine", "infer"),
    ("rewards.assistant_inference", "assistant", "inference_engine", "infer"),
    ("assistant_action", "assistant", "policy", "sample"),
    ("rewards.assistant_policy", "assistant", "policy", "sample"),
    ("rewards.assistant_task", "task", "", "on_assistant_action"),
    ("task_state", "task", "", ""),
)


@dataclass
class Difference:
    """Where an episode of a batch is another one than alone."""

    episode: int
    round: int
    path: str
    together: Any
    alone: Any
    method: str = ""  # of the task, where it is known

    @property
    def place(self) -> int:
        """Where in a round the value comes about."""
        return next(
            (n for n, row in enumerate(ORDER) if f"{self.path}.".startswith(f"{row[0]}.")), len(ORDER)
        )


def raiser(bundle: Bundle, error: BaseException | None) -> str | None:
    """Name the component and the method in which an error was raised, the first one on the way in."""
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            code = frame.f_code
            owner = frame.f_locals.get(code.co_varnames[0]) if code.co_argcount else None
            if any(owner is part for part in parts_of(bundle)):
                return f"{type(owner).__name__}.{code.co_name}"
        error = error.__cause__
    return None


def culprit(bundle: Bundle, broken: Callable[[Bundle], Any], found: Difference | None = None) -> str | None:
    """Name the component, and the method, because of which something is broken.

    It is still broken when all others are played episode by episode.
    """
    likely = _likely(bundle, found)
    for component in sorted(parts_of(bundle), key=lambda part: part is not likely):
        if component.batched is not False:
            try:
                again = broken(_others_looped(bundle, component))
            except Exception:  # it is broken in yet another way, which says nothing about this component
                continue
            if again is not None:
                return _name(bundle, component, again if isinstance(again, Difference) else None)
    return None if likely is None else _name(bundle, likely, found)


def _likely(bundle: Bundle, found: Difference | None) -> Component | None:
    """Give the component from which a value comes."""
    if found is None:
        return None
    if found.place == len(ORDER):
        return bundle.task
    _, role, part, _ = ORDER[found.place]
    owner = getattr(bundle, role)
    component: Component | None = getattr(owner, part) if part and owner is not None else owner
    return component


def _name(bundle: Bundle, component: Component, found: Difference | None) -> str:
    kind = type(component).__name__
    if isinstance(component, WithLogProb):
        return f"{type(component.policy).__name__}.log_prob"
    if isinstance(component, Agent):
        return f"{kind}.reset"
    for role, method in (
        ("observation_engine", "observe"),
        ("inference_engine", "infer"),
        ("policy", "sample"),
    ):
        if any(component is getattr(agent, role, None) for agent in (bundle.user, bundle.assistant)):
            return f"{kind}.{method}"
    if found is None:
        return kind
    if found.method:
        return f"{kind}.{found.method}"
    last = "on_user_action" if bundle.assistant is None else "on_assistant_action"
    if found.place == len(ORDER):
        return f"{kind}.{last}"
    name, _, _, method = ORDER[found.place]
    if name == "user_observation" and found.round == 0:
        return f"{kind}.reset"
    if name.startswith("assistant"):
        return f"{kind}.{'reset' if bundle.user is None else 'on_user_action'}"
    return f"{kind}.{method if method.startswith('on_') else last}"


def _others_looped(bundle: Bundle, kept: Component) -> Bundle:
    """Give the bundle with all components but one played episode by episode."""

    def looped(component: Any) -> Any:
        if component is kept:
            return component
        twin = copy.copy(component)
        twin.batched = False
        return twin

    def agent(whole: Any) -> Any:
        if whole is None:
            return None
        twin = copy.copy(whole)
        for part in ("policy", "observation_engine", "inference_engine"):
            setattr(twin, part, looped(getattr(whole, part)))
        twin.batched = whole.batched if whole is kept else False
        return twin

    return Bundle(
        looped(bundle.task),
        agent(bundle.user),
        agent(bundle.assistant),
        max_rounds=bundle.max_rounds,
        check=bundle.check,
    )


# The log_prob of a policy has no place in a game; a policy that pays it as its reward shows it.


class WithLogProb(Policy):
    """Acts as another policy, and is paid the log probability of its action."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.batched = policy.batched
        self.action_space = policy.action_space
        self.first_action = policy.first_action

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> tuple[Value, Value]:
        action, _ = self.policy.sample(observation, state, rng)
        return action, self.policy.log_prob(action, observation, state)
