"""Fitting: the parameters of users from what they were seen to do."""

from interaction.fitting.comparison import compare
from interaction.fitting.fits import fit
from interaction.fitting.fitted import FittedUsers, fitted_users
from interaction.fitting.population import Identity, Log, Logit, Population

__all__ = ["FittedUsers", "Identity", "Log", "Logit", "Population", "compare", "fit", "fitted_users"]
