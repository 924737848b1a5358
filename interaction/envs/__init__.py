"""Bundles as environments: one side for gymnasium, or both sides for pettingzoo."""

from typing import TYPE_CHECKING, Any

from interaction.envs.policy import EnvPolicy
from interaction.envs.single import AssistantEnv, BundleEnv, UserEnv
from interaction.envs.vector import AssistantVectorEnv, BundleVectorEnv, UserVectorEnv
from interaction.envs.view import ActionView, ObservationView
from interaction.errors import missing_extra

if TYPE_CHECKING:
    from interaction.envs.both import BundleAEC as BundleAEC
    from interaction.envs.both import BundleParallel as BundleParallel

__all__ = [
    "ActionView",
    "AssistantEnv",
    "AssistantVectorEnv",
    "BundleEnv",
    "BundleVectorEnv",
    "EnvPolicy",
    "ObservationView",
    "UserEnv",
    "UserVectorEnv",
]


def __getattr__(name: str) -> Any:
    """Import what needs pettingzoo when it is asked for."""
    if name not in ("BundleAEC", "BundleParallel"):
        raise AttributeError(f"module 'interaction.envs' has no attribute {name!r}")
    try:
        from interaction.envs import both
    except ImportError:
        raise missing_extra("pettingzoo", "envs", name) from None
    return getattr(both, name)
