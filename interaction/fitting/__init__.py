"""Fitting: the parameters of users from what they were seen to do."""

from interaction.fitting.fits import fit

__all__ = ["fit"]
