"""Simulate a human and a computer assistant that work on a task together.

Compose a task, a user and an assistant into a `Bundle` and play it; give an assistant a `Simulator`
to ask what its model of the user would do.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

# In a clone the tasks, users, assistants and examples lie beside this folder, and not in it.
if not (Path(__file__).parent / "tasks").is_dir():
    __path__.append(str(Path(__file__).parent.parent))

from interaction import errors, spaces
from interaction.agent import Agent, Assistant, User
from interaction.batching import ways
from interaction.bundle import Bundle, Step
from interaction.component import Component
from interaction.inference import CascadedInferenceEngine, DualInferenceEngine, InferenceEngine
from interaction.inference.assistant_model import AssistantModelFilter
from interaction.inference.believing import BelievingAssistant, BelievingUser
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
from interaction.state import TURNS, GameState, Provenance, State
from interaction.task import InteractionTask, Transition
from interaction.trajectory import Trajectories
from interaction.trials import Trials
from interaction.turns import SOURCES, Rewards

if TYPE_CHECKING:
    from interaction.checks import check_agent as check_agent
    from interaction.checks import check_bundle as check_bundle
    from interaction.checks import check_policy as check_policy
    from interaction.checks import check_task as check_task
    from interaction.envs import AssistantEnv as AssistantEnv
    from interaction.envs import AssistantVectorEnv as AssistantVectorEnv
    from interaction.envs import BundleAEC as BundleAEC
    from interaction.envs import BundleParallel as BundleParallel
    from interaction.envs import EnvPolicy as EnvPolicy
    from interaction.envs import UserEnv as UserEnv
    from interaction.envs import UserVectorEnv as UserVectorEnv
    from interaction.fitting import Identity as Identity
    from interaction.fitting import Log as Log
    from interaction.fitting import Logit as Logit
    from interaction.fitting import Population as Population
    from interaction.fitting import compare as compare
    from interaction.fitting import fit as fit
    from interaction.fitting import fitted_users as fitted_users
    from interaction.interop.coopihc import from_coopihc as from_coopihc
    from interaction.means import PairedDifferences as PairedDifferences
    from interaction.means import paired_differences as paired_differences
    from interaction.people import Condition as Condition
    from interaction.people import Person as Person
    from interaction.people import Study as Study
    from interaction.people import pilot as pilot
    from interaction.planning import BeliefTree as BeliefTree
    from interaction.planning import BoltzmannPolicy as BoltzmannPolicy
    from interaction.planning import ExpectedInformationGain as ExpectedInformationGain
    from interaction.planning import GreedyPolicy as GreedyPolicy
    from interaction.planning import InformationGainPolicy as InformationGainPolicy
    from interaction.planning import MonteCarloTree as MonteCarloTree
    from interaction.planning import RolloutPolicy as RolloutPolicy
    from interaction.planning import RolloutReturns as RolloutReturns
    from interaction.planning import TabulatedPolicy as TabulatedPolicy
    from interaction.planning import tabulate as tabulate
    from interaction.plots import animate as animate
    from interaction.plots import filmstrip as filmstrip
    from interaction.plots import plot_belief as plot_belief
    from interaction.plots import plot_comparison as plot_comparison
    from interaction.plots import plot_density as plot_density
    from interaction.plots import plot_differences as plot_differences
    from interaction.plots import plot_episode as plot_episode
    from interaction.plots import plot_forest as plot_forest
    from interaction.plots import plot_pairs as plot_pairs
    from interaction.plots import plot_posterior as plot_posterior
    from interaction.plots import plot_predictive as plot_predictive
    from interaction.plots import plot_rewards as plot_rewards
    from interaction.plots import plot_trace as plot_trace
    from interaction.studies import Sweep as Sweep
    from interaction.studies import SweepResults as SweepResults
    from interaction.studies import calibration as calibration
    from interaction.studies import model_recovery as model_recovery
    from interaction.studies import parameter_recovery as parameter_recovery
    from interaction.studies import robustness as robustness
    from interaction.studies import sensitivity as sensitivity

__version__ = "0.2.0"

__all__ = [
    "SOURCES",
    "TURNS",
    "Agent",
    "Assistant",
    "AssistantEnv",
    "AssistantModelFilter",
    "AssistantVectorEnv",
    "BeliefTree",
    "BelievingAssistant",
    "BelievingUser",
    "BoltzmannPolicy",
    "Bundle",
    "BundleAEC",
    "BundleParallel",
    "CascadedInferenceEngine",
    "CascadedObservationEngine",
    "Component",
    "Condition",
    "DeterministicPolicy",
    "DiscretePolicy",
    "DualInferenceEngine",
    "DualPolicy",
    "EnvPolicy",
    "EpisodeRandom",
    "ExpectedInformationGain",
    "GameState",
    "GaussianNoise",
    "GreedyPolicy",
    "Grid",
    "Identity",
    "InferenceEngine",
    "InformationGainPolicy",
    "InteractionTask",
    "Log",
    "Logit",
    "MonteCarloTree",
    "ObservationEngine",
    "PairedDifferences",
    "Person",
    "Policy",
    "Population",
    "Posterior",
    "Provenance",
    "RandomPolicy",
    "Rewards",
    "Rollout",
    "RolloutPolicy",
    "RolloutReturns",
    "RuleObservationEngine",
    "Samples",
    "Simulator",
    "State",
    "Step",
    "Study",
    "Sweep",
    "SweepResults",
    "TabulatedPolicy",
    "Trajectories",
    "Transition",
    "Trials",
    "User",
    "UserEnv",
    "UserModelFilter",
    "UserVectorEnv",
    "animate",
    "calibration",
    "check_agent",
    "check_bundle",
    "check_policy",
    "check_task",
    "compare",
    "errors",
    "filmstrip",
    "fit",
    "fitted_users",
    "from_coopihc",
    "model_recovery",
    "paired_differences",
    "parameter_recovery",
    "pilot",
    "plot_belief",
    "plot_comparison",
    "plot_density",
    "plot_differences",
    "plot_episode",
    "plot_forest",
    "plot_pairs",
    "plot_posterior",
    "plot_predictive",
    "plot_rewards",
    "plot_trace",
    "robustness",
    "sensitivity",
    "spaces",
    "tabulate",
    "ways",
]

_LATER = {  # imported when asked for: what they need takes longer to import than all the rest
    "fit": "interaction.fitting",
    "compare": "interaction.fitting",
    "fitted_users": "interaction.fitting",
    "Population": "interaction.fitting",
    "Logit": "interaction.fitting",
    "Log": "interaction.fitting",
    "Identity": "interaction.fitting",
    "parameter_recovery": "interaction.studies",
    "model_recovery": "interaction.studies",
    "calibration": "interaction.studies",
    "sensitivity": "interaction.studies",
    "robustness": "interaction.studies",
    "Condition": "interaction.people",
    "Person": "interaction.people",
    "Study": "interaction.people",
    "pilot": "interaction.people",
    "Sweep": "interaction.studies",
    "SweepResults": "interaction.studies",
    "PairedDifferences": "interaction.means",
    "paired_differences": "interaction.means",
    "BeliefTree": "interaction.planning",
    "MonteCarloTree": "interaction.planning",
    "BoltzmannPolicy": "interaction.planning",
    "GreedyPolicy": "interaction.planning",
    "ExpectedInformationGain": "interaction.planning",
    "InformationGainPolicy": "interaction.planning",
    "RolloutReturns": "interaction.planning",
    "RolloutPolicy": "interaction.planning",
    "TabulatedPolicy": "interaction.planning",
    "tabulate": "interaction.planning",
    "plot_rewards": "interaction.plots",
    "plot_density": "interaction.plots",
    "plot_differences": "interaction.plots",
    "plot_episode": "interaction.plots",
    "plot_forest": "interaction.plots",
    "plot_pairs": "interaction.plots",
    "plot_predictive": "interaction.plots",
    "plot_trace": "interaction.plots",
    "plot_belief": "interaction.plots",
    "plot_posterior": "interaction.plots",
    "plot_comparison": "interaction.plots",
    "filmstrip": "interaction.plots",
    "animate": "interaction.plots",
    "UserEnv": "interaction.envs",
    "AssistantEnv": "interaction.envs",
    "UserVectorEnv": "interaction.envs",
    "AssistantVectorEnv": "interaction.envs",
    "EnvPolicy": "interaction.envs",
    "BundleAEC": "interaction.envs",
    "BundleParallel": "interaction.envs",
    "from_coopihc": "interaction.interop.coopihc",
    "check_task": "interaction.checks",
    "check_policy": "interaction.checks",
    "check_agent": "interaction.checks",
    "check_bundle": "interaction.checks",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'interaction' has no attribute {name!r}")
    try:
        return getattr(import_module(_LATER[name]), name)
    except errors.MissingExtraError as error:  # it is told when the part is used, so that * gives the others
        return _absent(error)


def _absent(error: errors.MissingExtraError) -> Any:
    def part(*_: Any, **__: Any) -> Any:
        raise error

    return part
