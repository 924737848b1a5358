"""Simulate a human and a computer assistant that work on a task together.

Compose a task, a user and an assistant into a `Bundle` and play it; give an assistant a `Simulator`
to ask what its model of the user would do.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from interaction import errors, spaces
from interaction.agent import Agent, Assistant, User
from interaction.bundle import Bundle, Step
from interaction.component import Component
from interaction.inference import CascadedInferenceEngine, DualInferenceEngine, InferenceEngine
from interaction.inference.candidates import Grid, Samples
from interaction.inference.posterior import Posterior
from interaction.inference.user_model import UserModelFilter
from interaction.observation import (
    CascadedObservationEngine,
    GaussianNoise,
    ObservationEngine,
    RuleObservationEngine,
)
from interaction.policy import DeterministicPolicy, DiscretePolicy, DualPolicy, Policy, RandomPolicy
from interaction.random import EpisodeRandom
from interaction.simulator import Rollout, Simulator
from interaction.state import GameState, Provenance, State
from interaction.task import InteractionTask, Transition
from interaction.trajectory import Trajectories
from interaction.trials import Trials
from interaction.turns import SOURCES, TURNS, Rewards

if TYPE_CHECKING:
    from interaction.inference.fitting import fit as fit
    from interaction.inference.recovery import calibration as calibration
    from interaction.inference.recovery import model_recovery as model_recovery
    from interaction.inference.recovery import parameter_recovery as parameter_recovery
    from interaction.inference.recovery import sensitivity as sensitivity

__version__ = "0.2.0"

__all__ = [
    "SOURCES",
    "TURNS",
    "Agent",
    "Assistant",
    "Bundle",
    "CascadedInferenceEngine",
    "CascadedObservationEngine",
    "Component",
    "DeterministicPolicy",
    "DiscretePolicy",
    "DualInferenceEngine",
    "DualPolicy",
    "EpisodeRandom",
    "GameState",
    "GaussianNoise",
    "Grid",
    "InferenceEngine",
    "InteractionTask",
    "ObservationEngine",
    "Policy",
    "Posterior",
    "Provenance",
    "RandomPolicy",
    "Rewards",
    "Rollout",
    "RuleObservationEngine",
    "Samples",
    "Simulator",
    "State",
    "Step",
    "Trajectories",
    "Transition",
    "Trials",
    "User",
    "UserModelFilter",
    "errors",
    "spaces",
]

_LATER = {  # imported when asked for: with them comes scipy.stats, which takes longer than all the rest
    "fit": "interaction.inference.fitting",
    "calibration": "interaction.inference.recovery",
    "model_recovery": "interaction.inference.recovery",
    "parameter_recovery": "interaction.inference.recovery",
    "sensitivity": "interaction.inference.recovery",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'interaction' has no attribute {name!r}")
