"""Agents that plan: by exact trees of beliefs, trees of simulations, rollouts, or what they would learn.

Planners hold a belief (a `UserModelFilter`, or for a user an `AssistantModelFilter`) and a finite set of
actions, and tell the value of each action.
"""

from interaction.planning.belief_tree import BeliefTree, Node
from interaction.planning.boltzmann import BoltzmannPolicy
from interaction.planning.chances import Undrawn
from interaction.planning.information_gain import ExpectedInformationGain, InformationGainPolicy
from interaction.planning.monte_carlo_tree import MonteCarloTree, SearchNode
from interaction.planning.planner import GreedyPolicy, Planner
from interaction.planning.rollouts import RolloutPolicy, RolloutReturns
from interaction.planning.tabulation import TabulatedPolicy, tabulate

__all__ = [
    "BeliefTree",
    "BoltzmannPolicy",
    "ExpectedInformationGain",
    "GreedyPolicy",
    "InformationGainPolicy",
    "MonteCarloTree",
    "Node",
    "Planner",
    "RolloutPolicy",
    "RolloutReturns",
    "SearchNode",
    "TabulatedPolicy",
    "Undrawn",
    "tabulate",
]
