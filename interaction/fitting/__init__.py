"""Fitting: the parameters of users from what they were seen to do."""

from interaction.fitting.comparison import compare
from interaction.fitting.fits import fit

__all__ = ["compare", "fit"]
