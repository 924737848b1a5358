"""Studies: questions asked of many simulated users, with answers that carry their uncertainty."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interaction.studies.effects import sensitivity as sensitivity
    from interaction.studies.mismatch import robustness as robustness
    from interaction.studies.recovery import calibration as calibration
    from interaction.studies.recovery import model_recovery as model_recovery
    from interaction.studies.recovery import parameter_recovery as parameter_recovery
    from interaction.studies.sweeps.results import SweepResults as SweepResults
    from interaction.studies.sweeps.sweep import Sweep as Sweep

__all__ = [
    "Sweep",
    "SweepResults",
    "calibration",
    "model_recovery",
    "parameter_recovery",
    "robustness",
    "sensitivity",
]

_LATER = {  # imported when asked for: the workers of a sweep need no fits, which take time and memory
    "Sweep": "interaction.studies.sweeps.sweep",
    "SweepResults": "interaction.studies.sweeps.results",
    "calibration": "interaction.studies.recovery",
    "model_recovery": "interaction.studies.recovery",
    "parameter_recovery": "interaction.studies.recovery",
    "robustness": "interaction.studies.mismatch",
    "sensitivity": "interaction.studies.effects",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'interaction.studies' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
