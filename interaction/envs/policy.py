"""A trained model as an ordinary policy, which sees what it saw in training."""

from __future__ import annotations

from typing import Any

from interaction.batching.selection import looped
from interaction.batching.streams import LiftedRandom
from interaction.envs.single import BundleEnv
from interaction.envs.vector import BundleVectorEnv
from interaction.envs.view import ActionView, ObservationView
from interaction.errors import ContractError
from interaction.policy import Policy, Sampled
from interaction.random import EpisodeRandom
from interaction.state import State


class EnvPolicy(Policy):
    """A model that was trained in an environment, as a policy in any bundle.

    `model` has a `predict(observation, deterministic=True)` that gives an action first, as those of
    Stable-Baselines3 do, or is a function of the observation. The views are those of the environment; they
    are kept and pickled with the policy, so that it always sees and acts as in training. A model must give
    the same action for the same observation; it is asked episode by episode.
    Raises `ContractError` for what is no model.

    >>> from interaction import Bundle
    >>> from interaction.assistants.coordination import CoordinatedAssistant
    >>> from interaction.envs import AssistantEnv, EnvPolicy
    >>> from interaction.tasks.coordination import CoordinatedTask
    >>> from interaction.users.coordination import PseudoRandomUser
    >>> user = PseudoRandomUser(p0=1, p1=5, p2=7)
    >>> bundle = Bundle(CoordinatedTask(), user, CoordinatedAssistant(user), max_rounds=60)
    >>> env = AssistantEnv(bundle, paths=["user_action"])
    >>> policy = EnvPolicy.trained_in(env, lambda seen: seen["user_action"])  # say that it was trained
    >>> bundle.replace(assistant=bundle.assistant.replace(policy=policy)).run(1, seed=0).lengths
    array([10])
    """

    batched = False

    def __init__(self, model: Any, view: ObservationView, action_view: ActionView) -> None:
        if not hasattr(model, "predict") and not callable(model):
            raise ContractError(
                f"EnvPolicy: expected a model with predict(observation, deterministic=True), or a function "
                f"of the observation, got {model!r}"
            )
        self.model = model
        self.view = view
        self.action_view = action_view
        self.action_space = action_view.space

    @classmethod
    def trained_in(cls, env: BundleEnv | BundleVectorEnv, model: Any) -> EnvPolicy:
        """Make the policy of a model that was trained in an environment."""
        return cls(model, env.view, env.action_view)

    def sample(self, observation: State, state: State, rng: EpisodeRandom) -> Sampled:
        if type(rng) is LiftedRandom:
            found: Sampled = rng.outside(looped(self.sample, self), observation, state, rng)
            return found
        seen = self.view.see(observation)
        if hasattr(self.model, "predict"):
            action = self.model.predict(seen, deterministic=True)[0]
        else:
            action = self.model(seen)
        return self.action_view.take(action), 0.0
