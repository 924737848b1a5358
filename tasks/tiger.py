"""Two doors, a tiger behind one of them, and an ear that errs: the smallest problem of hidden states."""

from __future__ import annotations

import numpy as np

from interaction import EpisodeRandom, GameState, InteractionTask, State, Transition, spaces
from interaction.errors import ArgumentError
from interaction.state import Value

LISTEN, OPEN_LEFT, OPEN_RIGHT = range(3)
NOTHING, LEFT, RIGHT = -1, 0, 1


class TigerTask(InteractionTask):
    """The assistant listens, or opens a door: the reward behind one door, the tiger behind the other.

    The actions are 0 to listen (`LISTEN`), 1 and 2 to open the left and the right door.

    `accuracy` (probability that what is heard is true), `listening` (reward for listening), `reward` (for the
    door without the tiger), `tiger` (reward for the door with the tiger).

    The state holds where the `tiger` is (0 left, 1 right), which the assistant must not see, and what was
    `heard` last (-1 nothing). After a door was opened the tiger is put behind one of the doors at random.
    Raises `ArgumentError` for an accuracy that is no probability.
    Source: Kaelbling, Littman & Cassandra 1998, "Planning and acting in partially observable stochastic
    domains", section 4.

    >>> from interaction import Assistant, Bundle, DeterministicPolicy
    >>> from interaction.tasks.tiger import LISTEN, TigerTask
    >>> class Listens(DeterministicPolicy):
    ...     action_space = TigerTask.action_space
    ...
    ...     def action(self, observation, state):
    ...         return LISTEN
    >>> runs = Bundle(TigerTask(), assistant=Assistant(policy=Listens()), max_rounds=12).run(1, seed=0)
    >>> runs["task_state.tiger"], runs["task_state.heard"]
    (array([[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]), array([[1, 1, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1]]))
    """

    state_space = spaces.Dict(tiger=spaces.Discrete(2), heard=spaces.Discrete(3, start=-1))
    action_space = spaces.Discrete(3)

    def __init__(
        self, accuracy: float = 0.85, listening: float = -1.0, reward: float = 10.0, tiger: float = -100.0
    ) -> None:
        if not 0.0 <= accuracy <= 1.0:
            raise ArgumentError(f"accuracy: expected a probability, got {accuracy!r}")
        self.accuracy = float(accuracy)
        self.listening = float(listening)
        self.reward = float(reward)
        self.tiger = float(tiger)

    def reset(self, rng: EpisodeRandom) -> State:
        return State(tiger=rng.integers(0, 2), heard=NOTHING)

    def on_assistant_action(self, game: GameState, rng: EpisodeRandom) -> Transition:
        tiger, action = game.task_state.tiger, game.assistant_action
        if action == LISTEN:
            heard = tiger if rng.random() < self.accuracy else 1 - tiger
            return Transition(State(tiger=tiger, heard=heard), self.listening)
        eaten = (action == OPEN_LEFT) == (tiger == LEFT)
        return Transition(
            State(tiger=rng.integers(0, 2), heard=NOTHING), self.tiger if eaten else self.reward
        )

    def outcome_log_prob(self, before: GameState, after: GameState) -> Value:
        """Give the log probability of what was heard."""
        if before.assistant_action != LISTEN:
            return 0.0
        right = after.task_state.heard == before.task_state.tiger
        with np.errstate(divide="ignore"):
            return np.log(self.accuracy) if right else np.log1p(-self.accuracy)

    def hidden_transition(self, before: GameState, after: GameState) -> Value:
        """Give the probability of each place of the tiger."""
        if before.assistant_action != LISTEN:
            return np.array([0.5, 0.5])
        return np.where(np.arange(2) == before.task_state.tiger, 1.0, 0.0)
