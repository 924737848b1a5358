"""Studies: questions asked of many simulated users, with answers that carry their uncertainty."""

from interaction.studies.effects import sensitivity
from interaction.studies.mismatch import robustness
from interaction.studies.recovery import calibration, model_recovery, parameter_recovery
from interaction.studies.sweeps.results import SweepResults
from interaction.studies.sweeps.sweep import Sweep

__all__ = [
    "Sweep",
    "SweepResults",
    "calibration",
    "model_recovery",
    "parameter_recovery",
    "robustness",
    "sensitivity",
]
