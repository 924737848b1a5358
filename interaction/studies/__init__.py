"""Studies: questions asked of many simulated users, with answers that carry their uncertainty."""

from interaction.studies.effects import sensitivity
from interaction.studies.mismatch import robustness
from interaction.studies.recovery import calibration, model_recovery, parameter_recovery

__all__ = ["calibration", "model_recovery", "parameter_recovery", "robustness", "sensitivity"]
