"""The task: what user and assistant work on."""

from __future__ import annotations

from typing import Any, NamedTuple

from interaction.component import Component, left_out
from interaction.errors import ContractError
from interaction.random import EpisodeRandom
from interaction.spaces import Dict
from interaction.state import GameState, State, Value


class Transition(NamedTuple):
    """What an action does to the task: the next state, a reward, and whether the game is over.

    On arrays (`batched = True`) the reward and `terminated` are `(episodes,)`, or one for all.

    >>> from interaction import State, Transition
    >>> state, reward, over = Transition(State(x=4), reward=-1.0)
    >>> state, reward, over
    (State(x=4), -1.0, False)
    """

    state: State
    reward: Value = 0.0
    terminated: Value = False


class InteractionTask(Component):
    """What user and assistant work on: a state, and how each one's action moves it.

    A task defines `reset`, and `on_user_action` and `on_assistant_action` as far as there is a user and an
    assistant. It may define `state_space` (of one episode), a `spaces.Dict`; where it is left out, each field
    of the state takes any number of the kind and shape that `reset` gives it.
    It may define `outcome_log_prob(before, after)`, the log probability of an observed outcome given two game
    states (before and after the task moved); `hidden_transition(before, after)`, the probability of each next
    value of a hidden state that moves; and `plot(game, ax)`.

    >>> from interaction import Bundle, InteractionTask, RandomPolicy, State, Transition, User, spaces
    >>> class Countdown(InteractionTask):
    ...     def reset(self, rng):
    ...         return State(left=10)
    ...
    ...     def on_user_action(self, game, rng):
    ...         left = game.task_state.left - game.user_action
    ...         return Transition(State(left=left), reward=-1.0, terminated=left <= 0)
    >>> user = User(policy=RandomPolicy(spaces.Discrete(3, start=1)))
    >>> Bundle(Countdown(), user).run(5, seed=0)["task_state.left"]
    array([[ 7,  6,  4,  1, -1, -1],
           [ 9,  7,  6,  3,  0,  0],
           [ 8,  5,  4,  1, -2, -2],
           [ 9,  8,  7,  4,  1, -2],
           [ 7,  4,  1, -2, -2, -2]])
    """

    state_space: Dict = left_out()

    def _first_state(self) -> State:
        return self.reset(EpisodeRandom())

    def reset(self, rng: EpisodeRandom) -> State:
        """Give the task's state at the start of an episode."""
        raise missing(self, "reset(self, rng)", "returns a State")

    def on_user_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        """Give the transition that `game.user_action` causes; `game.task_state` is the state before."""
        raise missing(self, "on_user_action(self, game, rng)", "returns a Transition")

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        """Give the transition that `game.assistant_action` causes."""
        raise missing(self, "on_assistant_action(self, game, rng)", "returns a Transition")


def missing(component: Component, signature: str, returns: str) -> ContractError:
    """Make the error for a method that a component must define."""
    return ContractError(f"{type(component).__name__} must define {signature}, which {returns}.")


def defines(component: Any, method: str, base: type) -> bool:
    """Say whether a component has a method of its own in place of that of the base class."""
    return getattr(type(component), method, None) is not getattr(base, method)
