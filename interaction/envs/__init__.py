"""Bundles as environments of gymnasium: one side is trained, the other plays by its own policy."""

from interaction.envs.single import AssistantEnv, BundleEnv, UserEnv
from interaction.envs.vector import AssistantVectorEnv, BundleVectorEnv, UserVectorEnv
from interaction.envs.view import ActionView, ObservationView

__all__ = [
    "ActionView",
    "AssistantEnv",
    "AssistantVectorEnv",
    "BundleEnv",
    "BundleVectorEnv",
    "ObservationView",
    "UserEnv",
    "UserVectorEnv",
]
