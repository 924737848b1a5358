"""Assistants that plan: they choose by expected information gain, or by the returns of rollouts.

They hold a belief over a user model (a `UserModelFilter`) and a finite set of assistant actions, and work for
any task and any user model with a `log_prob`.
"""

from interaction.planning.boltzmann import BoltzmannPolicy
from interaction.planning.information_gain import ExpectedInformationGain, InformationGainPolicy
from interaction.planning.rollouts import RolloutPolicy, RolloutReturns

__all__ = [
    "BoltzmannPolicy",
    "ExpectedInformationGain",
    "InformationGainPolicy",
    "RolloutPolicy",
    "RolloutReturns",
]
